"""How right a stage is on examples, by the measures of ``benchmarks/_judged.py``."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from benchmarks._judged import Figures, Line, figures
from benchmarks.learn.examples import Example
from benchmarks.learn.sources import Judged
from strategies.linking import LINKS_MAX
from strategies.linking.calibration import rungs

NEAR_BEST = 0.02


def answers(
    source: Judged, found: Sequence[Example], relevance: Sequence[float], floor: float
) -> list[Line]:
    """Prediction lines for a source's stories: what reaches the floor, likeliest first."""
    by_story: dict[str, list[tuple[float, Example]]] = defaultdict(list)
    for example, share in zip(found, relevance, strict=True):
        if share >= floor:
            by_story[example.story].append((share, example))
    lines = []
    for story in source.stories:
        shown = sorted(by_story[story["id"]], key=lambda pair: -pair[0])
        links = [
            _link(id, share)
            for share, one in shown
            for id in one.markets[: rungs(share, len(one.markets))]
        ]
        lines.append({"id": story["id"], "links": links[:LINKS_MAX]})
    return lines


def reached(
    source: Judged, found: Sequence[Example], relevance: Sequence[float], floor: float
) -> Figures:
    """The figures of these answers; directions are not among them."""
    told = answers(source, found, relevance, floor)
    labels = [
        {"id": story["id"], "links": list(source.links.get(story["id"], {}).values())}
        for story in source.stories
    ]
    return figures(told, labels)


def best_floor(
    sources: Sequence[tuple[Judged, Sequence[Example], Sequence[float]]],
    steps: Iterable[float],
    alarms: float,
) -> float:
    """The highest floor whose mean F1 is near the best of those that keep quiet enough.

    Quiet enough: of all stories that touch nothing at most the share ``alarms`` is given a link.
    Not the best itself: on news not seen the higher one of two equals does better.
    """
    table: dict[float, float] = {}
    silent = [
        sum(not _touches(source, s["id"]) for s in source.stories) for source, _, _ in sources
    ]
    for floor in steps:
        said = [reached(source, found, relevance, floor) for source, found, relevance in sources]
        rung = sum(one.false_alarms * many for one, many in zip(said, silent, strict=True))
        if rung <= alarms * sum(silent):
            table[floor] = sum(one.f1 for one in said) / len(said)
    best = max(table.values())
    return max(floor for floor, score in table.items() if score >= best - NEAR_BEST)


def _touches(source: Judged, story: str) -> bool:
    return any(link["grade"] for link in source.links.get(story, {}).values())


def _link(id: str, share: float) -> Line:
    return {"market_id": id, "relevance": share, "direction": 0}
