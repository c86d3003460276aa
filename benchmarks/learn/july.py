"""Headlines of July 2026 with the questions open then, from recordings that others published.

The recordings hold the questions (``quotes-ai-2026-07/markets.parquet`` and its neighbour for the
economy) and the headlines; what stands here in ``benchmarks/data/july-2026/labels.jsonl`` are our
judgements of them: 3,226 headlines were read, those that touch nothing are left out of the file.
Questions of longer reach are taken from the judged set that is learnt from beside this one. Reading
parquet needs the extra ``recordings``.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks._judged import Line, lines

LABELS = Path(__file__).parents[1] / "data" / "july-2026" / "labels.jsonl"
POOLS = ("quotes-ai-2026-07", "quotes-macro-2026-07")
FIRST_DAY = "2026-07-10"
YEAR_END = "2026-12-31"
TITLE_MAX = 300
TITLE_MIN = 12
POST_MIN = 40
"""Posts shorter than this say nothing that could be judged."""
_DAY = re.compile(r"20\d\d-\d\d-\d\d")
_ASKED = {
    "alibab": "Alibaba",
    "anthro": "Anthropic",
    "baidu": "Baidu",
    "byteda": "ByteDance",
    "deepse": "DeepSeek",
    "google": "Google",
    "meitua": "Meituan",
    "meta": "Meta",
    "minima": "MiniMax",
    "mistra": "Mistral",
    "moonsh": "Moonshot",
    "openai": "OpenAI",
    "stepfu": "StepFun",
    "tencen": "Tencent",
    "xai": "xAI",
    "xiaomi": "Xiaomi",
    "zai": "Z.ai",
}
"""Outcomes as the slugs cut them off."""


def markets(tapes: Path, besides: list[Line]) -> list[Line]:
    """The questions of the recordings, and those besides that had not ended by then."""
    found = [_market(slug, question) for slug, question in _asked(tapes)]
    found += [line for line in besides if (line.get("end_date") or "9")[:10] >= FIRST_DAY]
    return found


def stories(tapes: Path) -> list[Line]:
    """Every headline once, in order of time."""
    found: dict[str, Line] = {}
    for kind in ("seen", "published"):
        for line in _headlines(tapes, kind):
            title = line["title"].strip()
            key = re.sub(r"\W+", " ", title.lower()).strip()
            short = line.get("kind") == "x" and len(title) < POST_MIN
            if key not in found and len(title) >= TITLE_MIN and not short:
                found[key] = _story(line, title, line[kind])
    return sorted(found.values(), key=lambda line: line["published"])


def labels() -> list[Line]:
    """The judgements, in the shape of the other judged sets."""
    return lines(LABELS)


def _asked(tapes: Path) -> Iterator[tuple[str, str]]:
    import duckdb

    for pool in POOLS:
        path = tapes / pool / "markets.parquet"
        rows = duckdb.read_parquet(str(path)).project("slug, question").fetchall()
        yield from ((str(slug), str(question)) for slug, question in rows)


def _market(slug: str, question: str) -> Line:
    days = _DAY.findall(slug)
    return {
        "id": f"us:{slug}",
        "question": question,
        "event": question,
        "group_title": _outcome(slug, days),
        "end_date": f"{days[-1] if days else YEAR_END}T23:59:00Z",
    }


def _outcome(slug: str, days: list[str]) -> str:
    """What an outcome is called: whom the slug names, or what stands behind its last day."""
    last = slug.split("-")[-1]
    if slug.startswith("aimrc"):
        return _ASKED.get(last, last)
    if slug.startswith("ipcc-2026ipos-"):
        name = slug.removeprefix("ipcc-2026ipos-").replace("-", " ").title()
        return name.replace("Openai", "OpenAI").replace("Spacex", "SpaceX")
    if not days:
        return last
    behind = slug[slug.rfind(days[-1]) + len(days[-1]) :].strip("-").replace("-", " ")
    return behind or f"by {days[-1]}"


def _headlines(tapes: Path, kind: str) -> Iterator[Line]:
    name = f"news_{kind}_2026-07-10_2026-08-04.jsonl.gz"
    with gzip.open(tapes / POOLS[0] / name, "rt", encoding="utf-8") as told:
        yield from map(json.loads, told)


def _story(line: Line, title: str, when: str) -> Line:
    id = hashlib.sha1(line["url"].encode(), usedforsecurity=False).hexdigest()[:12]
    return {"id": id, "title": title[:TITLE_MAX], "published": when}
