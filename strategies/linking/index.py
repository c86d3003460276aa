"""The open questions by what proposes them: names, families, and words.

Markets that ask the same of the same subject (a ladder of prices, one question at several dates)
are one :class:`Group`: they are read and weighed once.
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from strategies.linking.background import BACKGROUND
from strategies.linking.dates import MONTHS, deadline
from strategies.linking.knowledge.families import Intent, intent
from strategies.linking.knowledge.names import NAMES
from strategies.linking.market import LinkableMarket
from strategies.linking.words import (
    Token,
    is_content,
    is_number,
    is_year,
    numbered_names,
    plain,
    tokens,
    untagged,
)

RULES_MAX = 600
"""Characters of the rules that are read."""
DESCRIBED_MAX = 300
"""Characters of the rules that count in a question's words."""
COMMON_SHARE = 0.05
COMMON_MIN = 200
"""Words that stand in more questions than these propose none: their lists would be walked for
every story, and they tell little."""
QUESTION_COUNTS = 2.0
"""How often a word of the question counts beside one of the event or the rules."""
SATURATION, LENGTH_SHARE = 1.2, 0.75
"""BM25's k1 and b at their customary values."""
WHOLE_LENGTH, QUESTION_LENGTH = 50.0, 8.0
"""Usual lengths in words. Fixed, so that a question's weights hold whatever is added later."""
IDF_MAX = 9.0
WHOLE = 3_000
"""So many groups of markets are a whole catalogue: fewer are weighed as if the rest were there."""

_CALENDAR = frozenset(MONTHS) | {month[:3] for month in MONTHS} | {"end", "year", "eoy", "today"}
_COMMON_CAPITALS = frozenset(
    [
        "ai",
        "ipo",
        "ceo",
        "cfo",
        "gpu",
        "gpus",
        "llm",
        "high",
        "low",
        "eod",
        "utc",
        "et",
        "vs",
        "yes",
        "elo",
        "gc",
        "cl",
        "si",
        "fdv",
        "gdp",
        "cpi",
        "pm",
        "am",
        "style",
        "control",
        "on",
        "chip",
        "chips",
    ]
)
_SPOKEN = frozenset({"idea", "product", "benchmark"})
"""Names made of words that a story may use apart: "smart glasses", "Steam Machine"."""


class Words(NamedTuple):
    """A question as words: what is compared with a story without any table.

    ``whole`` and ``asked`` are BM25's weights of the stems of question, event and rules together,
    and of the question alone; ``names`` the stems of it that are written like names, ``pairs``
    stems that stand side by side, ``numbers`` those that are no years, ``described`` stems of the
    rules alone.
    """

    whole: dict[str, float]
    asked: dict[str, float]
    names: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    numbers: frozenset[str]
    described: frozenset[str]


class Group:
    """Markets with one meaning: the same family, sense, subject, names and words."""

    __slots__ = ("deadlines", "id", "intent", "markets", "proper", "rules", "stems", "words")

    def __init__(
        self,
        id: int,
        meaning: Intent,
        stems: tuple[str, ...],
        proper: frozenset[str],
        words: Words,
        rules: frozenset[str],
    ) -> None:
        self.id = id
        self.intent = meaning
        self.stems = stems
        self.proper = proper
        self.words = words
        self.rules = rules
        self.markets: dict[str, LinkableMarket] = {}
        self.deadlines: dict[str, int] = {}


class Index:
    """Groups by what proposes them. Adding and removing keep it exact."""

    def __init__(self) -> None:
        self.groups: dict[object, Group] = {}
        self.of_market: dict[str, object] = {}
        self.by_name: dict[str, dict[object, Group]] = {}
        self.by_family: dict[str, dict[object, Group]] = {}
        self._by_stem: dict[str, dict[object, Group]] = {}
        self._whole: dict[str, dict[object, Group]] = {}
        self._events: dict[str, int] = {}
        self._rarity: dict[str, float] = {}
        self._idf: dict[str, float] = {}
        self._totals: dict[int, float] = {}
        self._next = 0

    def add(self, market: LinkableMarket) -> None:
        """Put a market in its group; one with the same id is replaced."""
        self.remove(market.id)
        meaning = intent(market.question, market.event, market.group_title)
        stems, proper = content(market)
        key = (meaning, stems, proper)
        group = self.groups.get(key)
        if group is None:
            words, rules = words_of(market), _rules(market.description)
            group = Group(self._next, meaning, stems, proper, words, rules)
            self._next += 1
            self.groups[key] = group
            self._enter(key, group)
        group.markets[market.id] = market
        self._events[market.event] = self._events.get(market.event, 0) + 1
        last = deadline(market.question, market.end_ns)
        if last is not None:
            group.deadlines[market.id] = last
        self.of_market[market.id] = key

    def remove(self, market_id: str) -> None:
        """Forget a market; unknown ids are ignored."""
        key = self.of_market.pop(market_id, None)
        if key is None:
            return
        group = self.groups[key]
        market = group.markets.pop(market_id)
        group.deadlines.pop(market_id, None)
        self._events[market.event] -= 1
        if not self._events[market.event]:
            del self._events[market.event]
        if not group.markets:
            del self.groups[key]
            self._leave(key, group)

    def group(self, market_id: str) -> Group | None:
        """The group that a market is in; None for an unknown one."""
        key = self.of_market.get(market_id)
        return self.groups[key] if key is not None else None

    def siblings(self, market: LinkableMarket) -> int:
        """How many markets its event has."""
        return self._events.get(market.event, 1) if market.event else 1

    def rarity(self, stem: str) -> float:
        """How much a word tells: the rarer among the questions' own words, the more."""
        known = self._rarity.get(stem)
        if known is None:
            known = self._rarity[stem] = self._rare(stem, len(self._by_stem.get(stem, ())))
        return known

    def total(self, group: Group) -> float:
        """How much all words of a group's question tell together."""
        known = self._totals.get(group.id)
        if known is None:
            known = self._totals[group.id] = sum(map(self.rarity, group.stems))
        return known

    def name_rarity(self, name: str) -> float:
        """How much a name tells: the fewer questions name it, the more."""
        holding = len(self.by_name.get(name, ()))
        return math.log((len(self.groups) + 1) / (holding + 0.5))

    def idf(self, stem: str) -> float:
        """How much a word tells, in nats: half by these questions, half by ordinary news.

        A word may be rare here because few markets are open, or common because one event has
        thirty of them; the background (``background.py``) knows what is rare in itself.
        """
        known = self._idf.get(stem)
        if known is None:
            here = self._rare(stem, len(self._whole.get(stem, ())))
            known = self._idf[stem] = min((here + BACKGROUND.idf(stem)) / 2, IDF_MAX)
        return known

    def _rare(self, stem: str, holding: int) -> float:
        """In nats: log of one over the share of questions that hold the stem.

        Few questions are no sample of all that could be asked: ordinary texts stand in for those
        that a whole catalogue would have, so that a word tells as much among fifty as among many.
        """
        missing = max(0, WHOLE - len(self.groups))
        held = holding + missing * BACKGROUND.share(stem)
        return math.log((len(self.groups) + missing + 1) / (held + 0.5))

    def sharing(self, stem: str) -> dict[object, Group]:
        """The groups with this word among those of question, event and rules; none if too many."""
        found = self._whole.get(stem, {})
        return found if len(found) <= max(COMMON_MIN, COMMON_SHARE * len(self.groups)) else {}

    def _enter(self, key: object, group: Group) -> None:
        for postings, terms in self._postings(group):
            for term in terms:
                postings.setdefault(term, {})[key] = group
        self._forget()

    def _leave(self, key: object, group: Group) -> None:
        for postings, terms in self._postings(group):
            for term in terms:
                del postings[term][key]
                if not postings[term]:
                    del postings[term]
        self._forget()

    def _postings(
        self, group: Group
    ) -> tuple[tuple[dict[str, dict[object, Group]], Iterable[str]], ...]:
        return (
            (self.by_name, group.intent.names.union(group.intent.subjects)),
            (self.by_family, (group.intent.family,)),
            (self._by_stem, group.stems),
            (self._whole, group.words.whole),
        )

    def _forget(self) -> None:
        self._rarity.clear()
        self._idf.clear()
        self._totals.clear()


def content(market: LinkableMarket) -> tuple[tuple[str, ...], frozenset[str]]:
    """The stems of a question that are neither names of the table, numbers nor dates.

    And those among them that are written like names: people and places the table does not know.
    """
    text = plain(f"{market.question} {market.group_title}")
    spans = [(m.start, m.end) for m in NAMES.find(text) if m.name.kind not in _SPOKEN]
    stems, proper = set(), set()
    for token in tokens(text):
        if not _tells(token) or any(start <= token.start < end for start, end in spans):
            continue
        stems.add(token.stem)
        if token.raw[0].isupper() and token.start > 0 and token.text not in _COMMON_CAPITALS:
            proper.add(token.stem)
    return tuple(sorted(stems)), frozenset(proper)


def words_of(market: LinkableMarket) -> Words:
    """A question's words, for comparing without tables. Dates are left out, numbers are apart."""
    asked = tokens(plain(f"{market.question} {market.group_title}"))
    told = [token for token in asked if _tells(token)]
    event = [token.stem for token in tokens(plain(market.event)) if _tells(token)]
    rules = plain(untagged(market.description[: 2 * DESCRIBED_MAX]))[:DESCRIBED_MAX]
    described = [token.stem for token in tokens(rules) if _tells(token)]
    numbered = [word for word in numbered_names(asked) if word.partition("#")[0] not in _CALENDAR]
    stems = [token.stem for token in told]
    counts: dict[str, float] = {}
    for stem in (*stems, *numbered):
        counts[stem] = counts.get(stem, 0.0) + QUESTION_COUNTS
    for stem in (*event, *described):
        counts[stem] = counts.get(stem, 0.0) + 1.0
    once = dict.fromkeys((*stems, *numbered), 1.0)
    return Words(
        whole=_weights(counts, WHOLE_LENGTH),
        asked=_weights(once, QUESTION_LENGTH),
        names=frozenset(token.stem for token in told if _named(token)).union(numbered),
        pairs=frozenset(pairwise(stems)),
        numbers=frozenset(t.text.strip("$%") for t in asked if is_number(t) and not is_year(t)),
        described=frozenset(described) - set(once),
    )


def _weights(counts: dict[str, float], usual: float) -> dict[str, float]:
    """BM25's share of each term that hangs on the question alone."""
    length = sum(counts.values())
    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length / usual)
    return {term: n * (SATURATION + 1) / (n + norm) for term, n in counts.items()}


def _tells(token: Token) -> bool:
    """Whether a word says what is asked: no stop word, no number, no date."""
    return is_content(token) and not is_number(token) and token.text not in _CALENDAR


def _named(token: Token) -> bool:
    """Whether a word is written like a name: capitals, or letters and digits mixed."""
    return token.raw != token.text and token.text not in _COMMON_CAPITALS


def _rules(description: str) -> frozenset[str]:
    text = plain(untagged(description[: 2 * RULES_MAX]))[:RULES_MAX]
    return frozenset(token.stem for token in tokens(text) if is_content(token))
