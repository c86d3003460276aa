"""Which markets does a story touch, which way, and why?

:class:`Linker` holds the open markets and answers for one story at a time, in stages that know
nothing of each other: read the story, pool candidates, weigh each by generic columns, calibrate,
say which way and why. It stays silent when it does not know. Pure: no clock, no chance, no network.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from feeds.events import Near
from feeds.markets import Nanos
from strategies.decisions import Link, Tier
from strategies.linking.calibration import rungs, told
from strategies.linking.candidates import Pooled, pool
from strategies.linking.direction import direction
from strategies.linking.direction import load as load_head
from strategies.linking.explanation import why
from strategies.linking.features import rows
from strategies.linking.index import Index
from strategies.linking.knowledge import prior
from strategies.linking.knowledge.reading import Story, read
from strategies.linking.market import LinkableMarket, linkable
from strategies.linking.ranker import Stage, Weighed
from strategies.linking.ranker import load as load_stage
from strategies.linking.rerank import ASKED_MAX, CANDIDATES_MAX, NEAR_MIN, Candidate

__all__ = ["Candidate", "Explained", "LinkableMarket", "Linker", "linkable"]

LINKS_MAX = 64
"""Links shown for one story: a long ladder of prices fits."""


class Explained(NamedTuple):
    """A candidate with all that was weighed: shown or not."""

    pooled: Pooled
    columns: list[float]
    weighed: Weighed
    shown: bool


class Linker:
    """The open markets, ready for stories."""

    def __init__(self, stages: Callable[[bool], Stage] = load_stage) -> None:
        self._index = Index()
        self._prior = prior.load()
        self._stages = stages
        self._head = load_head()

    def __len__(self) -> int:
        return len(self._index.of_market)

    def add(self, market: LinkableMarket) -> None:
        """Take a market in; one with the same id is replaced."""
        self._index.add(market)

    def remove(self, market_id: str) -> None:
        """Forget a market; an unknown id is no error."""
        self._index.remove(market_id)

    def link(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Link, ...]:
        """The markets this story touches, best first, at most 64; none is an answer.

        ``published_ns`` shuts out markets that had ended by then or were made later; without it
        none is. ``near`` is what the models of stage B say of this story.
        """
        story = read(title, summary, published_ns)
        shown = [one for one in self._weighed(story, near) if one.shown]
        found: list[Link] = []
        for one in shown:
            links = self._links(story, one)
            found += links[: rungs(one.weighed.relevance, len(links))]
        return tuple(found[:LINKS_MAX])

    def candidates(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Candidate, ...]:
        """What a reader may be asked about, likeliest first, at most 20 questions."""
        story = read(title, summary, published_ns)
        return tuple(
            Candidate(one.pooled.open[:ASKED_MAX], self._links(story, one), one.shown)
            for one in self._weighed(story, near)[:CANDIDATES_MAX]
            if one.shown or one.weighed.relevance >= NEAR_MIN
        )

    def likely(
        self, title: str, summary: str = "", published_ns: Nanos | None = None
    ) -> tuple[str, ...]:
        """One market of every pooled candidate, likeliest first: what stage B is asked about."""
        story = read(title, summary, published_ns)
        return tuple(one.pooled.open[0].id for one in self._weighed(story, ()))

    def explain(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Explained, ...]:
        """Every candidate with its columns, likeliest first, whether it would be shown or not."""
        return tuple(self._weighed(read(title, summary, published_ns), near))

    def family(self, market_id: str) -> str:
        """The kind of question a market asks, or "" for an unknown market."""
        group = self._index.group(market_id)
        return group.intent.family if group is not None else ""

    def _weighed(self, story: Story, near: Iterable[Near]) -> list[Explained]:
        known = {one.market_id: one for one in near}
        stage = self._stages(bool(known))
        pooled = pool(story, self._index, self._prior, known)
        found = []
        for one, columns in rows(story, pooled, self._index, meaning=bool(known)):
            weighed = stage.weigh(columns, one.near)
            found.append(Explained(one, columns, weighed, weighed.relevance >= stage.floor))
        return sorted(found, key=_likeliest)

    def _links(self, story: Story, one: Explained) -> tuple[Link, ...]:
        pooled, reading = one.pooled, one.pooled.reading
        facet = reading.row.facet if reading.row else ""
        share = told(one.weighed.relevance, len(pooled.open))
        tier = Tier.BEARS if one.shown and one.weighed.direct else Tier.TOUCHES
        links = []
        for market in pooled.open:
            pushed = direction(story, pooled.group, reading, market, pooled.near, self._head)
            sentence = why(story, pooled.group, reading, pushed)
            links.append(Link(market.id, share, pushed, sentence, facet, tier=tier))
        return tuple(links)


def _likeliest(one: Explained) -> tuple[float, int]:
    """Likeliest first; equals by age of the group."""
    return -one.weighed.logit, one.pooled.group.id
