"""The judged sets that the linker learns from, each of another making.

``real`` is news judged by others, beside which the tables were written; ``july`` headlines of July
2026 judged by us; ``written`` stories of our own making; ``practice`` the practice world's stories,
whose effects are known; ``archives`` news from public archives, read by a language model, as far as
the tables know somebody in the headline, and ``world`` the rest of it. What one of them says of
unseen news is found by leaving it out.
"""

import tomllib
from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._judged import Line, lines
from benchmarks.learn import july
from practice.world.catalogue import catalogue
from strategies.linking.knowledge.reading import read

WRITTEN = Path(__file__).parents[1] / "data" / "linking"
ARCHIVES = Path(__file__).parents[1] / "data" / "archives"
PRACTICE = Path(__file__).parents[2] / "practice" / "writing"
PRACTICE_SEED = 7
PRACTICE_DAY = date(2026, 11, 24)


class Judged(NamedTuple):
    """A judged set: its markets, its stories in order of time, its judgements by story.

    ``general`` are market ids of which nothing is known where a story has no judgement on them;
    ``asked`` the markets that a story's reader was asked about, where others were not judged.
    """

    name: str
    markets: list[Line]
    stories: list[Line]
    links: dict[str, dict[str, Line]]
    general: frozenset[str] = frozenset()
    asked: dict[str, frozenset[str]] | None = None


def judged(name: str, path: Path) -> Judged:
    """The judged set in a folder of ``markets``, ``stories`` and ``labels`` as JSON lines."""
    return _judged(
        name,
        lines(path / "markets.jsonl"),
        lines(path / "stories.jsonl"),
        lines(path / "labels.jsonl"),
    )


def sources(shared: Path) -> Iterator[Judged]:
    """Every source at hand; ``shared`` holds what is not ours to publish."""
    real = judged("real", shared / "linking")
    yield real
    tapes = shared / "tapes"
    yield _judged("july", july.markets(tapes, real.markets), july.stories(tapes), july.labels())
    yield judged("written", WRITTEN)
    yield practice()
    if (ARCHIVES / "labels.jsonl").exists():
        told = lines(ARCHIVES / "labels.jsonl")
        judged_ids = {line["id"] for line in told}
        stories = [line for line in lines(ARCHIVES / "stories.jsonl") if line["id"] in judged_ids]
        markets = archive_markets(shared)
        asked = {one["id"]: frozenset(chain.from_iterable(one["candidates"])) for one in stories}
        known = {one["id"] for one in stories if read(one["title"], "", None).named}
        for name, some in (("archives", True), ("world", False)):
            chosen = [one for one in stories if (one["id"] in known) is some]
            yield _judged(name, markets, chosen, told)._replace(asked=asked)


def archive_markets(shared: Path) -> list[Line]:
    """The markets that the archives' stories are set beside: ours, and those of the judged set."""
    return lines(ARCHIVES / "markets.jsonl") + lines(shared / "linking" / "markets.jsonl")


def practice() -> Judged:
    """The practice world's stories against its own questions: right is what a story moves.

    Of questions on a company's standing in general (who has the best model, who is largest) the
    practice world says nothing, so they are left out where a story has other effects.
    """
    world = catalogue(PRACTICE_SEED, PRACTICE_DAY)
    titles = {event.slug: event.title for event in world.events}
    markets: list[Line] = [
        {
            "id": spec.slug,
            "question": spec.question,
            "description": spec.description,
            "event": titles[spec.event],
            "group_title": spec.group_title,
        }
        for spec in world.markets
    ]
    stories, links = [], {}
    for number, story in enumerate(_practice_stories()):
        id = f"practice-{number}"
        stories.append({"id": id, "title": story["title"], "summary": story.get("summary", "")})
        links[id] = {slug: _effect(slug, push) for slug, push in story["effects"].items()}
    general = frozenset(m["id"] for m in markets if _general(m["question"]))
    return Judged("practice", markets, stories, links, general)


def _general(question: str) -> bool:
    asked = question.lower()
    return any(w in asked for w in ("best ai model", "largest company", "ipo", "close above", "$"))


def _effect(slug: str, push: float) -> Line:
    return {"market_id": slug, "grade": 1, "direction": (push > 0) - (push < 0), "group": slug}


def _practice_stories() -> Iterator[dict[str, Any]]:
    """Happenings and their retellings, each with what it moves."""
    for path in sorted(PRACTICE.glob("stories-*.toml")):
        for story in tomllib.loads(path.read_text(encoding="utf-8"))["story"]:
            for telling in (story, *story.get("retold", ())):
                if story.get("kind") != "hostile":
                    yield {**telling, "effects": story.get("effects", {})}


def _judged(name: str, markets: list[Line], stories: list[Line], labels: list[Line]) -> Judged:
    told = sorted(stories, key=lambda line: (line.get("published") or "", line["id"]))
    links = {x["id"]: {one["market_id"]: one for one in x["links"]} for x in labels}
    return Judged(name, markets, told, links)
