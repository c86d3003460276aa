"""Which markets does a story touch, which way, and why?

:class:`Linker` holds the open markets and answers for one story at a time. It knows names and what
they mean, the kinds of thing that happen, and the kinds of question that are asked; it stays
silent when it does not know. Pure: no clock, no chance, no network.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from feeds.markets import Nanos
from strategies.decisions import Link
from strategies.linking.affinity import Reading, reading_of
from strategies.linking.candidates import Group, Index
from strategies.linking.dates import DAY_NS
from strategies.linking.direction import direction
from strategies.linking.judge import ASKED_MAX, CANDIDATES_MAX, NEAR, Candidate
from strategies.linking.market import LinkableMarket, linkable
from strategies.linking.reading import Story, read
from strategies.linking.score import Weights, features, likelihood, load, mood_of, said, shows
from strategies.linking.why import why

__all__ = ["Candidate", "Explained", "LinkableMarket", "Linker", "linkable"]

LINKS_MAX = 64
"""Links shown for one story: a long ladder of prices fits."""


class Explained(NamedTuple):
    """A candidate with all that was weighed: shown or not."""

    link: Link
    group: int
    family: str
    relation: str
    features: dict[str, float]
    shown: bool


class _Weighed(NamedTuple):
    """A group of markets, how the story stands to it, its features and the model's number."""

    group: Group
    reading: Reading
    features: dict[str, float]
    likely: float


class Linker:
    """The open markets, ready for stories."""

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or load()
        self._index = Index()

    def __len__(self) -> int:
        return len(self._index.of_market)

    def add(self, market: LinkableMarket) -> None:
        """Take a market in; one with the same id is replaced."""
        self._index.add(market)

    def remove(self, market_id: str) -> None:
        """Forget a market; an unknown id is no error."""
        self._index.remove(market_id)

    def link(
        self, title: str, summary: str = "", published_ns: Nanos | None = None
    ) -> tuple[Link, ...]:
        """The markets this story touches, best first, at most 64; none is an answer.

        ``published_ns`` shuts out markets that had ended by then; without it none is.
        """
        story = read(title, summary, published_ns)
        shown = [w for w in self._weigh(story) if shows(w.features, w.likely, self._weights)]
        found = [link for weighed in _ranked(shown) for link in self._links(story, weighed)]
        return tuple(found[:LINKS_MAX])

    def candidates(
        self, title: str, summary: str = "", published_ns: Nanos | None = None
    ) -> tuple[Candidate, ...]:
        """What a judge may be asked about: shown or nearly so, likeliest first, at most 20."""
        story = read(title, summary, published_ns)
        near = [w for w in self._weigh(story) if w.likely >= NEAR * self._weights.floor]
        found: list[Candidate] = []
        for weighed in _ranked(near):
            links = self._links(story, weighed)
            if links and len(found) < CANDIDATES_MAX:
                asked = (weighed.group.markets[link.market_id] for link in links[:ASKED_MAX])
                shown = shows(weighed.features, weighed.likely, self._weights)
                found.append(Candidate(tuple(asked), tuple(links), shown))
        return tuple(found)

    def explain(
        self, title: str, summary: str = "", published_ns: Nanos | None = None
    ) -> tuple[Explained, ...]:
        """Every candidate with its features, best first, whether it would be shown or not."""
        story = read(title, summary, published_ns)
        found: list[Explained] = []
        for weighed in _ranked(self._weigh(story)):
            group, reading, told, likely = weighed
            shown = shows(told, likely, self._weights)
            found += [
                Explained(link, group.id, group.intent.family, reading.relation, told, shown)
                for link in self._links(story, weighed)
            ]
        return tuple(found)

    def family(self, market_id: str) -> str:
        """The kind of question a market asks, or "" for an unknown market."""
        key = self._index.of_market.get(market_id)
        return self._index.groups[key].intent.family if key is not None else ""

    def _weigh(self, story: Story) -> Iterator[_Weighed]:
        """Every candidate group with its reading, features and relevance."""
        readings: dict[tuple[object, ...], Reading] = {}
        moods: dict[str, dict[str, float]] = {}
        for group in self._index.propose(story):
            meaning = group.intent
            stand = (meaning.family, meaning.subjects, meaning.against, meaning.exact)
            if stand not in readings:
                readings[stand] = reading_of(story, meaning)
            if meaning.family not in moods:
                moods[meaning.family] = mood_of(story, meaning.family)
            reading, mood = readings[stand], moods[meaning.family]
            told = features(story, group, self._index, reading, mood)
            yield _Weighed(group, reading, told, likelihood(told, meaning.family, self._weights))

    def _links(self, story: Story, weighed: _Weighed) -> list[Link]:
        group, reading, _, likely = weighed
        facet = reading.row.facet if reading.row else ""
        links, share = [], said(likely, len(group.markets), self._weights.curve)
        for market in sorted(group.markets.values(), key=lambda market: market.id):
            if _open(market, story):
                pushed = direction(story, group, reading, market)
                sentence = why(story, group, reading, pushed)
                links.append(Link(market.id, share, pushed, sentence, facet))
        return links


def _ranked(found: Iterable[_Weighed]) -> list[_Weighed]:
    """Likeliest first; equals by the first of their markets."""
    return sorted(found, key=lambda weighed: (-weighed.likely, min(weighed.group.markets)))


def _open(market: LinkableMarket, story: Story) -> bool:
    """Whether the market had not ended on the story's day."""
    if story.day is None or market.end_ns is None:
        return True
    return market.end_ns // DAY_NS >= story.day
