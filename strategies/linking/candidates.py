"""Which questions could a story touch at all? Three ways to find them, pooled.

By what the tables know (the same names, rivals, themes), by plain words (BM25 over question, event
and rules, and of the headline against the question alone), and by meaning where the models of the
extra ``semantic`` have spoken. Each brings its best; nothing is decided here.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from feeds.events import Near
from strategies.linking.dates import DAY_NS
from strategies.linking.index import Group, Index
from strategies.linking.knowledge.affinity import AFFINITY, MEMBERS, Reading, reading_of
from strategies.linking.knowledge.names import NAMES
from strategies.linking.knowledge.prior import Prior, features, likelihood, mood_of
from strategies.linking.knowledge.reading import Story
from strategies.linking.market import LinkableMarket

KNOWN_MAX = 400
"""Questions that the tables may propose; the likeliest of them go on."""
FAR_DAY = 10**9
BY_KNOWLEDGE, BY_WORDS, BY_TITLE, BY_MEANING = 20, 30, 25, 25
"""How many each way brings: beyond them few right ones were found in judged news."""


class Pooled(NamedTuple):
    """A group that may be touched, with its open markets and what each way says of it.

    ``told`` and ``prior`` are the tables' features and probability; ``whole`` and ``asked`` BM25
    of the story against all of the question's words, and of the headline against the question
    alone; ``near`` its nearest market in meaning, None where the models have not spoken of it.
    """

    group: Group
    open: tuple[LinkableMarket, ...]
    reading: Reading
    told: dict[str, float]
    prior: float
    whole: float
    asked: float
    near: Near | None


def pool(
    story: Story, index: Index, prior: Prior, near: Mapping[str, Near] | None = None
) -> list[Pooled]:
    """The open questions worth weighing, in a stable order. ``near`` is by market."""
    scout = _Scout(story, index, prior)
    nearest = _nearest(near or {}, index)
    found: dict[int, Group] = {}
    for groups in (
        scout.by_knowledge(),
        scout.by_words(asked=False, most=BY_WORDS),
        scout.by_words(asked=True, most=BY_TITLE),
        scout.by_meaning(nearest),
    ):
        for group in groups:
            found.setdefault(group.id, group)
    return [
        scout.pooled(group, still, nearest.get(group.id))
        for group in found.values()
        if (still := scout.open(group))
    ]


def open_markets(group: Group, story: Story) -> tuple[LinkableMarket, ...]:
    """The group's markets that the story could be an answer to, soonest to be decided first.

    A market that had ended by the story's day is over, and one that was made after it is no
    answer to it: what was asked later was asked knowing the story.
    """
    day = story.day
    last = group.deadlines
    markets = sorted(group.markets.values(), key=lambda one: (last.get(one.id, FAR_DAY), one.id))
    if day is None:
        return tuple(markets)
    return tuple(
        market
        for market in markets
        if (market.end_ns is None or market.end_ns // DAY_NS >= day)
        and (market.created_ns is None or market.created_ns // DAY_NS <= day)
    )


class _Scout:
    """One story among the questions: what is read once is kept."""

    def __init__(self, story: Story, index: Index, prior: Prior) -> None:
        self._story, self._index, self._prior = story, index, prior
        self._title = {stem: weight for stem, weight in story.words.items() if weight == 1}
        self._readings: dict[tuple[object, ...], Reading] = {}
        self._moods: dict[str, dict[str, float]] = {}
        self._known: dict[int, tuple[Reading, dict[str, float], float]] = {}
        self._open: dict[int, tuple[LinkableMarket, ...]] = {}

    def open(self, group: Group) -> tuple[LinkableMarket, ...]:
        """The group's markets that the story could be an answer to."""
        known = self._open.get(group.id)
        if known is None:
            known = self._open[group.id] = open_markets(group, self._story)
        return known

    def by_knowledge(self) -> list[Group]:
        """The likeliest by the tables, of those that share a name, a rival or a theme."""
        story, index = self._story, self._index
        found: dict[int, Group] = {}
        for name in sorted(story.named | story.houses | story.also):
            _take(found, index.by_name.get(name, {}).values())
        for rival in sorted(_rivals(story) | _bodies(story)):
            _take(found, index.by_name.get(rival, {}).values())
        for family, rows in AFFINITY.items():
            if any(row.relation == "theme" and story.says(row.facet) for row in rows):
                _take(found, index.by_family.get(family, {}).values())
        numbers = {id: self._weighed(group)[2] for id, group in found.items() if self.open(group)}
        return [found[id] for id in _best(numbers, BY_KNOWLEDGE)]

    def by_words(self, asked: bool, most: int) -> list[Group]:
        """The best by BM25 over words that are not too common to propose anything."""
        numbers: dict[int, float] = {}
        groups: dict[int, Group] = {}
        for stem, weight in (self._title if asked else self._story.words).items():
            told = weight * self._index.idf(stem)
            for group in self._index.sharing(stem).values():
                terms = group.words.asked if asked else group.words.whole
                if stem in terms:
                    numbers[group.id] = numbers.get(group.id, 0.0) + told * terms[stem]
                    groups[group.id] = group
        return self._best_open(numbers, groups, most)

    def by_meaning(self, nearest: Mapping[int, Near]) -> list[Group]:
        """The nearest in meaning, of those that the models have spoken of."""
        numbers = {id: max(one.title, one.whole) for id, one in nearest.items()}
        groups = {id: self._index.group(one.market_id) for id, one in nearest.items()}
        known = {id: group for id, group in groups.items() if group is not None}
        return self._best_open(numbers, known, BY_MEANING)

    def _best_open(
        self, numbers: Mapping[int, float], groups: Mapping[int, Group], most: int
    ) -> list[Group]:
        """Those with the highest numbers; what is shut on the story's day takes no place."""
        found: list[Group] = []
        for id in _best(numbers):
            if len(found) == most:
                break
            if self.open(groups[id]):
                found.append(groups[id])
        return found

    def pooled(self, group: Group, still: tuple[LinkableMarket, ...], near: Near | None) -> Pooled:
        """All that is known of a group, for weighing it."""
        reading, told, likely = self._weighed(group)
        whole = self._bm25(self._story.words, group.words.whole)
        asked = self._bm25(self._title, group.words.asked)
        return Pooled(group, still, reading, told, likely, whole, asked, near)

    def _weighed(self, group: Group) -> tuple[Reading, dict[str, float], float]:
        known = self._known.get(group.id)
        if known is not None:
            return known
        story, meaning = self._story, group.intent
        stand = (meaning.family, meaning.subjects, meaning.against, meaning.exact)
        if stand not in self._readings:
            self._readings[stand] = reading_of(story, meaning)
        if meaning.family not in self._moods:
            self._moods[meaning.family] = mood_of(story, meaning.family)
        reading, mood = self._readings[stand], self._moods[meaning.family]
        told = features(story, group, self._index, reading, mood)
        weighed = reading, told, likelihood(told, meaning.family, self._prior)
        self._known[group.id] = weighed
        return weighed

    def _bm25(self, words: Mapping[str, float], terms: Mapping[str, float]) -> float:
        idf = self._index.idf
        return sum(w * idf(stem) * terms[stem] for stem, w in words.items() if stem in terms)


def _nearest(near: Mapping[str, Near], index: Index) -> dict[int, Near]:
    """The nearest market of each group; one that was read together with the story goes first."""
    found: dict[int, Near] = {}
    for one in near.values():
        group = index.group(one.market_id)
        if group is not None:
            best = found.get(group.id)
            if best is None or (one.read, one.whole) > (best.read, best.whole):
                found[group.id] = one
    return found


def _best(numbers: Mapping[int, float], most: int | None = None) -> list[int]:
    """The ids with the highest numbers; equals in order of age."""
    return sorted(numbers, key=lambda id: (-numbers[id], id))[:most]


def _take(found: dict[int, Group], groups: Iterable[Group]) -> None:
    for group in groups:
        if len(found) >= KNOWN_MAX:
            return
        found.setdefault(group.id, group)


def _bodies(story: Story) -> frozenset[str]:
    """Subjects of which a company in the headline is part: a country's makers, a man's firms."""
    return frozenset(
        subject for subject, arena in MEMBERS.items() if NAMES.arenas[arena] & story.houses
    )


def _rivals(story: Story) -> frozenset[str]:
    """Companies that compete with one in the headline."""
    rivals: set[str] = set()
    for members in NAMES.arenas.values():
        if members & story.houses:
            rivals |= members
    return frozenset(rivals - story.houses)
