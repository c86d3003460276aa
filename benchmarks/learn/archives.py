"""News from public archives, put to a reader in the judge's own form, and the answers made labels.

    python -m benchmarks.learn.archives prompts SHARED OUT.jsonl
    python -m benchmarks.learn.archives labels SHARED ANSWERS.jsonl

``data/archives`` holds the stories, each with the groups of markets that it was pooled with, and
the markets that are ours to publish; the rest come from SHARED. A prompt is ``{"id", "user"}``,
at most twenty questions each; an answer line ``{"id", "answer"}``. What a reader left out is graded
none. The guideline is ``feeds.llm_prompt.GUIDELINE``; whoever reads edits neither tables nor
weights.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._judged import Line, lines
from benchmarks.learn.sources import ARCHIVES, archive_markets
from feeds.llm_prompt import ASKS_MAX, QUESTIONS_MAX, NoAnswer, Question, Told, prompt, read

GRADES = {2: 2, 1: 1, "?": 0}


def chunks(story: Line) -> Iterator[tuple[str, list[list[str]]]]:
    """A story's groups, twenty at a time, each chunk with its own id."""
    groups = story["candidates"]
    for start in range(0, len(groups), QUESTIONS_MAX):
        yield f"{story['id']}#{start}", groups[start : start + QUESTIONS_MAX]


def question(group: list[str], markets: dict[str, Line]) -> Question:
    """A group as a reader gets it."""
    asks = tuple(markets[id]["question"] for id in group[:ASKS_MAX])
    first = markets[group[0]]
    ends = (first.get("end_date") or "")[:10] or None
    return Question(asks, max(0, len(group) - ASKS_MAX), ends, first.get("description") or "")


def prompts(shared: Path) -> Iterator[Line]:
    """What a reader is asked, one line a chunk."""
    markets = {market["id"]: market for market in archive_markets(shared)}
    for story in lines(ARCHIVES / "stories.jsonl"):
        told = Told(story["title"], story.get("summary") or "", story["published"][:10])
        for id, groups in chunks(story):
            yield {"id": id, "user": prompt(told, [question(g, markets) for g in groups])[1]}


def labels(answers: list[Line]) -> Iterator[Line]:
    """Judgements in the shape of the other judged sets, of the stories that were read whole."""
    said = {line["id"]: line["answer"] for line in answers}
    for story in lines(ARCHIVES / "stories.jsonl"):
        links: list[dict[str, Any]] = []
        parts = list(chunks(story))
        if any(id not in said for id, _ in parts):
            continue
        for id, groups in parts:
            found = read(said[id], len(groups))
            if isinstance(found, NoAnswer):
                sys.exit(f"{id}: {found.sentence}")
            for one in found:
                links += _links(one.grade, one.direction, one.mixed, groups[one.id - 1])
        yield {"id": story["id"], "links": links}


def _links(grade: int | str, direction: int, mixed: bool, group: list[str]) -> Iterator[Line]:
    for place, id in enumerate(group):
        way = direction if place == 0 or not mixed else 0
        told = {"market_id": id, "grade": GRADES[grade], "direction": way}
        yield told | {"group": group[0] if GRADES[grade] else None}


def main(verb: str, shared: Path, file: Path) -> None:
    """Write prompts to the file, or labels from it."""
    if verb == "prompts":
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in prompts(shared))
        file.write_text(text, encoding="utf-8")
        return
    asked: dict[str, int] = defaultdict(int)
    found = list(labels(lines(file)))
    for line in found:
        asked["touch" if any(x["grade"] for x in line["links"]) else "touch nothing"] += 1
    text = "".join(json.dumps(line) + "\n" for line in found)
    (ARCHIVES / "labels.jsonl").write_text(text, encoding="utf-8")
    print(json.dumps(asked))


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("prompts", "labels"):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
