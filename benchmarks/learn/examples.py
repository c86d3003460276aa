"""Examples to learn from: a story with one of the groups that it was pooled with.

Right where any open market of the group was judged grade 1 or 2; direct where grade 2; left out
where only grade 0. Each carries the columns of stage A, or of B where vectors are at hand.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks._judged import Line
from benchmarks.learn.sources import Judged
from feeds.events import Near
from strategies.linking.candidates import Pooled, pool
from strategies.linking.direction import cues, ruled
from strategies.linking.features import rows
from strategies.linking.index import Index
from strategies.linking.knowledge import prior
from strategies.linking.knowledge.reading import Story, read
from strategies.linking.lines import market_of, story_of


class Example(NamedTuple):
    """One pair. ``grade`` is the best of the group's, ``groups`` the judged groups it answers.

    ``near`` is what the models say of it, ``up`` is +1 or -1 where its markets were judged to go
    one way, else 0; ``cues`` and ``ruled`` are what the rules and words say of direction,
    ``family`` and ``told`` what the tables say of the pair.
    """

    source: str
    story: str
    markets: tuple[str, ...]
    columns: list[float]
    grade: int
    groups: frozenset[str]
    up: int
    cues: dict[str, float]
    ruled: int
    near: Near | None
    family: str
    told: dict[str, float]


class Told(NamedTuple):
    """A story as read, with its pooled candidates and their columns."""

    id: str
    story: Story
    title: str
    summary: str
    pooled: list[Pooled]
    columns: list[list[float]]


def index_of(markets: list[Line]) -> Index:
    """All markets of a judged set."""
    index = Index()
    for number, line in enumerate(markets, start=1):
        index.add(market_of(line, number))
    return index


def told(
    source: Judged, index: Index, near: Mapping[str, dict[str, Near]] | None = None
) -> Iterator[Told]:
    """Every story with its candidates; ``near`` is what the models say, by story and market."""
    model = prior.load()
    for number, line in enumerate(source.stories, start=1):
        id, title, summary, published = story_of(line, number)
        story = read(title, summary, published)
        known = near.get(id) if near is not None else None
        pooled = pool(story, index, model, known)
        found = rows(story, pooled, index, meaning=near is not None)
        yield Told(id, story, title, summary, pooled, [row.columns for row in found])


def examples(source: Judged, stories: Iterator[Told]) -> Iterator[Example]:
    """The pairs that were judged, right or wrong."""
    for one in stories:
        links = source.links.get(one.id, {})
        for pooled, columns in zip(one.pooled, one.columns, strict=True):
            ids = tuple(market.id for market in pooled.open)
            judged = [links[id] for id in ids if id in links]
            grade = max((link["grade"] for link in judged), default=0)
            silent = links and not judged and source.general.intersection(ids)
            unread = source.asked is not None and not source.asked[one.id].intersection(ids)
            if silent or unread or (judged and not grade):
                continue
            good = [link for link in judged if link["grade"]]
            ways = {link["direction"] for link in good}
            market = next((m for m in pooled.open if m.id in links), pooled.open[0])
            yield Example(
                source=source.name,
                story=one.id,
                markets=ids,
                columns=columns,
                grade=grade,
                groups=frozenset(str(x.get("group") or x["market_id"]) for x in good),
                up=ways.pop() if len(ways) == 1 else 0,
                cues=cues(one.story, pooled.group, pooled.reading, market) if grade else {},
                ruled=ruled(one.story, pooled.group, pooled.reading, market) if grade else 0,
                near=pooled.near,
                family=pooled.group.intent.family,
                told=pooled.told,
            )
