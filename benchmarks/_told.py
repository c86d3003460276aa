"""Stories whose happenings are known: two sets of our own writing, and the practice press."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import combinations, islice
from pathlib import Path
from typing import NamedTuple

from feeds.markets import MINUTE, SECOND, Nanos
from feeds.news.dedupe import Deduper
from feeds.news.entry import Entry
from feeds.news.source import Source

FOLDER = Path(__file__).resolve().parents[1] / "tests/data/clusters"
DAY = date(2026, 11, 24)
START: Nanos = 1_795_528_931 * SECOND


class Told(NamedTuple):
    """One telling, and the happening that it tells."""

    at_ns: Nanos
    happening: str
    source: str
    title: str
    summary: str


class Figures(NamedTuple):
    """Pairs of tellings: how many of those put together belong together, and the reverse."""

    precision: float
    recall: float
    pairs: int


def written(name: str) -> list[Told]:
    """``learning``, which the weights are learnt from, or ``judged``, which they never saw."""
    rows = map(json.loads, (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Told(
            START + row["minute"] * MINUTE,
            row["happening"],
            row["source"],
            row["title"],
            row["summary"],
        )
        for row in rows
    ]


def practised(seed: int, count: int) -> Iterator[Told]:
    """What the practice press tells, without its edits in place."""
    from practice.world.catalogue import catalogue
    from practice.world.stories import schedule

    for story in islice(schedule(seed, catalogue(seed, DAY)), count):
        if not story.replaces:
            at_ns = START + int(story.at_s * SECOND)
            yield Told(at_ns, story.telling_of, story.source, story.title, story.summary)


def agreement(clusters: Mapping[str, str], happenings: Mapping[str, str]) -> Figures:
    """How clusters agree with happenings; both by the story's id."""
    found, true = _pairs(clusters), _pairs(happenings)
    right = len(found & true)
    return Figures(right / max(len(found), 1), right / max(len(true), 1), len(true))


def _pairs(groups: Mapping[str, str]) -> set[tuple[str, str]]:
    by_group: dict[str, list[str]] = {}
    for name, group in groups.items():
        by_group.setdefault(group, []).append(name)
    return {pair for names in by_group.values() for pair in combinations(sorted(names), 2)}


def clustered(told: Iterable[Told]) -> Figures:
    """Judge all of these, and see how the clusters agree with the happenings."""
    judge = Deduper()
    clusters: dict[str, str] = {}
    happenings: dict[str, str] = {}
    for number, telling in enumerate(told):
        url = f"https://{telling.source}.example/{number}"
        entry = Entry(
            guid=url,
            url=url,
            title=telling.title,
            summary=telling.summary,
            published_ns=telling.at_ns,
        )
        source = Source(id=telling.source, name=telling.source, url=url)
        story = judge.judge(entry, source, telling.at_ns).story
        if story is not None and not story.revision:
            clusters[story.id], happenings[story.id] = story.cluster_id, telling.happening
    return agreement(clusters, happenings)
