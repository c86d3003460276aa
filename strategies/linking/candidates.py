"""Which questions could a story touch at all? An index of names, families and rare words.

Markets that ask the same of the same subject (a ladder of prices, one question at several dates)
are one :class:`Group`: they are read and scored once.
"""

import math
import re
from collections.abc import Iterable

from strategies.linking.affinity import AFFINITY, MEMBERS
from strategies.linking.dates import MONTHS, deadline
from strategies.linking.families import Intent, intent
from strategies.linking.market import LinkableMarket
from strategies.linking.names import NAMES
from strategies.linking.reading import Story
from strategies.linking.words import Token, is_content, plain, tokens

CANDIDATES_MAX = 400
BY_WORDS_MAX = 40
BY_WORDS_MIN = 4.0
"""Less shared information than this, in nats, proposes nothing."""
DESCRIPTION_MAX = 600
"""Characters of the rules that are read."""
COMMON_SHARE = 0.02
"""Words in a larger share of the groups propose no candidates."""
COMMON_MIN = 25

_CALENDAR = frozenset(MONTHS) | {month[:3] for month in MONTHS} | {"end", "year", "eoy", "today"}
_COMMON_CAPITALS = frozenset(
    {
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
    }
    | {
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
    }
)
_SPOKEN = frozenset({"idea", "product", "benchmark"})
"""Names made of words that a story may use apart: "smart glasses", "Steam Machine"."""
_TAG = re.compile(r"<[^>]{0,200}>")


class Group:
    """Markets with one meaning: the same family, sense, subject, names and words."""

    __slots__ = ("deadlines", "id", "intent", "markets", "proper", "rules", "words")

    def __init__(
        self,
        id: int,
        meaning: Intent,
        words: tuple[str, ...],
        proper: frozenset[str],
        rules: frozenset[str],
    ) -> None:
        self.id = id
        self.intent = meaning
        self.words = words
        self.proper = proper
        self.rules = rules
        self.markets: dict[str, LinkableMarket] = {}
        self.deadlines: dict[str, int] = {}


class Index:
    """Groups by what proposes them. Adding and removing keep it exact."""

    def __init__(self) -> None:
        self.groups: dict[object, Group] = {}
        self.of_market: dict[str, object] = {}
        self._by_name: dict[str, dict[object, Group]] = {}
        self._by_family: dict[str, dict[object, Group]] = {}
        self._by_word: dict[str, dict[object, Group]] = {}
        self._idf: dict[str, float] = {}
        self._totals: dict[int, float] = {}
        self._next = 0

    def add(self, market: LinkableMarket) -> None:
        """Put a market in its group; one with the same id is replaced."""
        self.remove(market.id)
        meaning = intent(market.question, market.event, market.group_title)
        words, proper = content(market)
        key = (meaning, words, proper)
        group = self.groups.get(key)
        if group is None:
            group = Group(self._next, meaning, words, proper, _rules(market.description))
            self._next += 1
            self.groups[key] = group
            self._enter(key, group)
        group.markets[market.id] = market
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
        del group.markets[market_id]
        group.deadlines.pop(market_id, None)
        if not group.markets:
            del self.groups[key]
            self._leave(key, group)

    def idf(self, word: str) -> float:
        """How much a word tells: the rarer among the questions, the more."""
        known = self._idf.get(word)
        if known is None:
            holding = len(self._by_word.get(word, ()))
            known = math.log((len(self.groups) + 1) / (holding + 0.5))
            self._idf[word] = known
        return known

    def total(self, group: Group) -> float:
        """How much all words of a group's question tell together."""
        known = self._totals.get(group.id)
        if known is None:
            known = self._totals[group.id] = sum(map(self.idf, group.words))
        return known

    def rarity(self, name: str) -> float:
        """How much a name tells: the fewer questions name it, the more."""
        holding = len(self._by_name.get(name, ()))
        return math.log((len(self.groups) + 1) / (holding + 0.5))

    def propose(self, story: Story) -> list[Group]:
        """Groups worth scoring, in a stable order, at most 400."""
        found: dict[int, Group] = {}
        for name in sorted(story.named | story.houses | story.also):
            _take(found, self._by_name.get(name, {}).values())
        for rival in sorted(_rivals(story) | _bodies(story)):
            _take(found, self._by_name.get(rival, {}).values())
        for family, rows in AFFINITY.items():
            if any(row.relation == "theme" and story.says(row.facet) for row in rows):
                _take(found, self._by_family.get(family, {}).values())
        for group in self._by_words(story):
            found.setdefault(group.id, group)
        return list(found.values())

    def _by_words(self, story: Story) -> list[Group]:
        common = max(COMMON_MIN, int(COMMON_SHARE * len(self.groups)))
        weights: dict[int, float] = {}
        groups: dict[int, Group] = {}
        for word, weight in story.words.items():
            posting = self._by_word.get(word)
            if not posting or len(posting) > common:
                continue
            told = weight * self.idf(word)
            for group in posting.values():
                weights[group.id] = weights.get(group.id, 0.0) + told
                groups[group.id] = group
        heard = [id for id, weight in weights.items() if weight >= BY_WORDS_MIN]
        best = sorted(heard, key=lambda id: (-weights[id], id))[:BY_WORDS_MAX]
        return [groups[id] for id in best]

    def _enter(self, key: object, group: Group) -> None:
        for name in group.intent.names.union(group.intent.subjects):
            self._by_name.setdefault(name, {})[key] = group
        self._by_family.setdefault(group.intent.family, {})[key] = group
        for word in group.words:
            self._by_word.setdefault(word, {})[key] = group
        self._idf.clear()
        self._totals.clear()

    def _leave(self, key: object, group: Group) -> None:
        for name in group.intent.names.union(group.intent.subjects):
            self._by_name[name].pop(key, None)
        self._by_family[group.intent.family].pop(key, None)
        for word in group.words:
            self._by_word[word].pop(key, None)
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


def _tells(token: Token) -> bool:
    if not is_content(token) or token.text in _CALENDAR:
        return False
    return not (token.text[0].isdigit() or token.text[0] == "$")


def _rules(description: str) -> frozenset[str]:
    text = plain(_TAG.sub(" ", description[: 2 * DESCRIPTION_MAX]))[:DESCRIPTION_MAX]
    return frozenset(token.stem for token in tokens(text) if is_content(token))


def _take(found: dict[int, Group], groups: Iterable[Group]) -> None:
    for group in groups:
        if len(found) >= CANDIDATES_MAX:
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
