"""What is weighed of a pair, as numbers that name no company: words, shape, knowledge, meaning.

One row a group, in the order of :data:`NAMES`; the ranker's trees were learnt on these columns.
Nothing here knows who Nvidia is: names count because they are rare and shared, not because they
stand in a table. What the frozen tables say comes in as some columns among others.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from strategies.linking.candidates import Pooled
from strategies.linking.index import Index
from strategies.linking.knowledge.families import FAR_FAMILIES
from strategies.linking.knowledge.reading import Story
from strategies.linking.words import is_content, is_number, is_year, tokens

WORDS = (
    "whole", "whole_rank", "whole_gap", "asked", "asked_rank", "asked_gap",
    "shared", "shared_max", "shared_next", "question_covered", "title_covered",
    "pairs", "names_title", "names_any", "names_missing", "name_rarest", "names_all",
    "plain_shared", "described", "numbers_found", "numbers_missing",
)  # fmt: skip
SHAPE = (
    "days", "no_end", "members", "siblings", "question_words", "title_words", "has_summary",
    "asks", "starts_how", "starts_number", "opinion", "roundup", "speech", "lesson", "chat",
    "feature",
)  # fmt: skip
KNOWLEDGE = (
    "prior", "prior_rank", "prior_gap", "bears", "standing", "self", "rival", "theme", "stranger",
    "exact_all", "exact_missing", "version_same", "version_other", "others_missing", "names_share",
    "names_known", "late", "first", "strangers", "elsewhere", "far", "proper_missing",
    "proper_named", "unnamed_family",
)  # fmt: skip
MEANING = (
    "near_title", "near_whole", "near_best", "near_z", "near_rank", "near_gap", "near_top",
    "near_hub", "near_covered", "pair", "pair_bears", "pair_rank", "pair_gap",
)  # fmt: skip
STAGE_A = WORDS + SHAPE + KNOWLEDGE
STAGE_B = STAGE_A + MEANING

_STARTS_HOW = frozenset({"how", "why", "what", "when", "where", "who", "which"})
LOG_HALF = 30.0
FEW, USUAL_SPREAD = 5, 0.03
"""Among fewer questions none stands out: then each is set beside what ordinary headlines are to it,
by how far questions usually lie apart."""
PAIR_MIN = -12.0
"""Log-odds of a pair of which the models have not spoken."""
FAR_RANK = 60
"""The rank told of a group that one of the ways did not bring."""


class Row(NamedTuple):
    """A pooled group with its columns: those of stage B where the models have spoken."""

    pooled: Pooled
    columns: list[float]


class _Title(NamedTuple):
    """The headline as the columns compare it."""

    words: dict[str, float]
    pairs: frozenset[tuple[str, str]]
    numbers: frozenset[str]
    weight: float
    first: str
    length: int
    asks: bool


def rows(story: Story, pooled: Sequence[Pooled], index: Index, meaning: bool) -> list[Row]:
    """The columns of every pooled group; with those of meaning where the models have spoken."""
    title = _title(story, index)
    ranks = [
        _ranks([one.whole for one in pooled]),
        _ranks([one.asked for one in pooled]),
        _ranks([one.prior for one in pooled]),
    ]
    best = [
        max((one.whole for one in pooled), default=0.0),
        max((one.asked for one in pooled), default=0.0),
        max((one.prior for one in pooled), default=0.0),
    ]
    nearness = _Nearness(pooled) if meaning else None
    found = []
    for at, one in enumerate(pooled):
        words, covered = _words(story, title, one, index, ranks, best, at)
        columns = words + _shape(story, title, one, index) + _knowledge(one, ranks[2][at], best[2])
        if nearness is not None:
            columns += nearness.columns(at, covered)
        found.append(Row(one, columns))
    return found


def _title(story: Story, index: Index) -> _Title:
    found = tokens(story.title)
    told = [token.stem for token in found if is_content(token)]
    words = {stem: weight for stem, weight in story.words.items() if weight == 1}
    return _Title(
        words=words,
        pairs=frozenset(pairwise(told)),
        numbers=frozenset(t.text.strip("$%") for t in found if is_number(t) and not is_year(t)),
        weight=sum(map(index.idf, words)) or 1.0,
        first=found[0].text if found else "",
        length=len(found),
        asks="?" in story.title,
    )


def _words(
    story: Story,
    title: _Title,
    one: Pooled,
    index: Index,
    ranks: list[list[int]],
    best: list[float],
    at: int,
) -> tuple[list[float], float]:
    """The columns of plain words, and the share of the question that the story covers."""
    words = one.group.words
    idf, heard = index.idf, story.words
    weights = sorted(
        (heard[stem] * idf(stem) for stem in words.asked if stem in heard), reverse=True
    )
    shared = sum(weights)
    asked = sum(map(idf, words.asked)) or 1.0
    in_title = sum(idf(stem) for stem in words.asked if stem in title.words)
    names = [(idf(stem), stem) for stem in words.names]
    named = sum(weight for weight, _ in names) or 1.0
    by_title = sum(weight for weight, stem in names if stem in title.words)
    by_any = sum(weight for weight, stem in names if stem in heard)
    plain = sum(heard[s] * idf(s) for s in words.asked if s in heard and s not in words.names)
    described = sum(heard[s] * idf(s) for s in words.described if s in heard)
    numbers = words.numbers
    columns = [
        one.whole,
        math.log1p(ranks[0][at]),
        best[0] - one.whole,
        one.asked,
        math.log1p(ranks[1][at]),
        best[1] - one.asked,
        shared,
        weights[0] if weights else 0.0,
        weights[1] if len(weights) > 1 else 0.0,
        shared / asked,
        in_title / title.weight,
        sum(idf(a) + idf(b) for a, b in words.pairs & title.pairs),
        by_title / named if names else 0.5,
        by_any / named if names else 0.5,
        named - by_any if names else 0.0,
        max((weight for weight, stem in names if stem in heard), default=0.0),
        float(bool(names) and all(stem in heard for _, stem in names)),
        plain,
        described,
        float(len(numbers & title.numbers)),
        float(bool(numbers and title.numbers and not numbers & title.numbers)),
    ]
    return columns, shared / asked


def _shape(story: Story, title: _Title, one: Pooled, index: Index) -> list[float]:
    group, day = one.group, story.day
    ends = [last - day for last in group.deadlines.values() if day is not None and last >= day]
    return [
        math.log1p(min(ends) / LOG_HALF) if ends else 0.0,
        float(not ends),
        math.log(len(one.open)),
        math.log1p(index.siblings(one.open[0])),
        float(len(group.words.asked)),
        float(title.length),
        float(bool(story.summary)),
        float(title.asks),
        float(title.first in _STARTS_HOW),
        float(title.first[:1].isdigit()),
        float(story.opinion),
        float(story.roundup),
        float(story.speech),
        float(story.lesson),
        float(story.chat),
        story.says("feature"),
    ]


def _knowledge(one: Pooled, rank: int, best: float) -> list[float]:
    told, reading, group = one.told, one.reading, one.group
    relation = reading.relation
    return [
        _logit(one.prior),
        math.log1p(rank),
        _logit(best) - _logit(one.prior),
        reading.weight * reading.standing,
        reading.standing,
        float(relation in ("self", "against", "victim")),
        float(relation == "rival"),
        float(relation == "theme"),
        float(not relation),
        told.get("exact_all", 0.0),
        told.get("exact_missing", 0.0),
        told.get("version_same", 0.0),
        told.get("version_other", 0.0),
        told.get("others_missing", 0.0),
        told.get("names_share", 0.0),
        told.get("names_heard", 0.0),
        told.get("late", told.get("late_asset", 0.0)),
        told.get("first", 0.0),
        told.get("strangers", 0.0),
        told.get("elsewhere", 0.0),
        float(group.intent.family in FAR_FAMILIES),
        told.get("proper_missing", 0.0),
        told.get("proper_named", 0.0),
        float(not group.intent.names),
    ]


class _Nearness:
    """The columns of meaning, which set each group beside the others of the pool."""

    def __init__(self, pooled: Sequence[Pooled]) -> None:
        self._near = [one.near for one in pooled]
        self._best = [max(n.title, n.whole) if n else 0.0 for n in self._near]
        known = [value for value, near in zip(self._best, self._near, strict=True) if near]
        self._few = len(known) < FEW
        self._mean = sum(known) / len(known) if known else 0.0
        spread = sum((value - self._mean) ** 2 for value in known) / len(known) if known else 0.0
        self._spread = USUAL_SPREAD if self._few else math.sqrt(spread) or USUAL_SPREAD
        self._top = max(known, default=0.0)
        self._ranks = _ranks(self._best)
        self._pairs = [near.pair if near else PAIR_MIN for near in self._near]
        self._best_pair = max(self._pairs, default=PAIR_MIN)
        self._pair_ranks = _ranks([pair - PAIR_MIN for pair in self._pairs])

    def columns(self, at: int, covered: float) -> list[float]:
        """One group's; zeros, and the last rank, where the models have not spoken of it."""
        near = self._near[at]
        if near is None:
            far, behind = math.log1p(FAR_RANK), self._best_pair - PAIR_MIN
            cosines = [0.0, 0.0, 0.0, 0.0, far, self._top, self._top, 0.0, 0.0]
            return [*cosines, PAIR_MIN, PAIR_MIN, far, behind]
        best = self._best[at]
        return [
            near.title,
            near.whole,
            best,
            (best - (near.hub if self._few else self._mean)) / self._spread,
            math.log1p(self._ranks[at]),
            self._top - best,
            self._top,
            best - near.hub,
            best * covered,
            near.pair,
            near.pair_bears,
            math.log1p(self._pair_ranks[at]),
            self._best_pair - near.pair,
        ]


def _ranks(numbers: Sequence[float]) -> list[int]:
    """Each one's place from the highest, counted from 0; what scores nothing is far behind."""
    order = sorted(range(len(numbers)), key=lambda at: -numbers[at])
    ranks = [FAR_RANK] * len(numbers)
    for place, at in enumerate(order):
        if numbers[at] > 0:
            ranks[at] = place
    return ranks


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))
