"""Do two stories tell one happening? Measured features, weighed by what was learnt.

The weights come from ``benchmarks/learn_clusters.py``; they are data, this is how they are used.
"""

import math
import tomllib
from importlib.resources import files

from feeds.markets import MINUTE, Nanos
from feeds.news.lexicon import BROAD, OPPOSED
from feeds.news.similarity_index import (
    NEAR_AGE_NS_MAX,
    NEAR_COUNT_MAX,
    Indexed,
    Rarity,
    Search,
    SimilarityIndex,
    Weights,
)
from feeds.news.story_features import Figure, StoryFeatures, same_figure

HOUR: Nanos = 60 * MINUTE
AGREEING_MAX = 3
DIFFERING_MAX = 2
SAME_WORDS_MIN = 0.5
EVIDENCE = 20.0
"""Weight of shared words that counts as much: three or four rare ones."""
_MINUTES = NEAR_AGE_NS_MAX / MINUTE

FEATURES = (
    *("one", "title", "text", "covered", "least_covered", "pairs", "names", "strangers"),
    *("other_subject", "agreeing", "differing", "deeds", "same_source"),
    *("evidence", "languages", "soon", "days", "next"),
)
_LEARNT = tomllib.loads(files("feeds.news").joinpath("clustering.toml").read_text("utf-8"))[
    "weights"
]
# a new feature weighs nothing until it is learnt
WEIGHTS: tuple[float, ...] = tuple(_LEARNT.get(name, 0.0) for name in FEATURES)
KIN_MIN = 0.55
AGREED_MIN = 0.45
MEMBERS_MAX = 8
"""Newest members of a cluster that are asked."""


class Clusters:
    """Which cluster a story joins, by what it shares with the stories that an index remembers."""

    def __init__(self, index: SimilarityIndex) -> None:
        self._index = index

    def told_before(self, search: Search, source: str, now_ns: Nanos) -> str:
        """The cluster that told this before, "" for none.

        One member must be likely kin, and the whole cluster must agree on average: one story
        that resembles two happenings must not make them one.
        """
        said, rarity = search.gist, search.rarity
        likely: dict[str, float] = {}
        for story in search.kin():
            found = self._chance(said, source, now_ns, story, rarity)
            likely[story.cluster_id] = max(found, likely.get(story.cluster_id, 0.0))
        best, cluster = 0.0, ""
        for candidate, chance_of_one in likely.items():
            if chance_of_one < KIN_MIN:
                continue
            members = self._index.cluster(candidate)[-MEMBERS_MAX:]
            chances = [self._chance(said, source, now_ns, member, rarity) for member in members]
            agreed = math.fsum(chances) / len(chances)
            if agreed >= AGREED_MIN and agreed > best:
                best, cluster = agreed, candidate
        return cluster

    def _chance(
        self, said: StoryFeatures, source: str, now_ns: Nanos, other: Indexed, rarity: Rarity
    ) -> float:
        if contradicts(said, other.gist):
            return 0.0
        found = features(
            said,
            other.gist,
            rarity,
            same_source=source == other.source,
            apart_ns=max(now_ns - other.at_ns, 0),
            between=self._index.since(other),
        )
        return chance(found, WEIGHTS)


def contradicts(one: StoryFeatures, two: StoryFeatures) -> bool:
    """Two headlines that can't tell one happening, however alike: the opposite deed, or another
    number, month or product in the same words or with nothing that agrees."""
    if _opposed(one, two):
        return True
    if not _differing(one, two):
        return False
    return not _agreeing(one, two) or _overlap(one.title, two.title) >= SAME_WORDS_MIN


def features(
    one: StoryFeatures,
    two: StoryFeatures,
    rarity: Rarity,
    *,
    same_source: bool,
    apart_ns: Nanos,
    between: int,
) -> tuple[float, ...]:
    """What two stories have in common and what stands between them, in the order of ``FEATURES``.

    Symmetric in the two stories. ``rarity`` tells how much words tell; ``apart_ns`` is the time
    between them, ``between`` the number of stories.
    """
    words = rarity.words
    covers = _part(words, one.title, two.text), _part(words, two.title, one.text)
    return (
        1.0,
        words.likeness(one.title, two.title),
        words.likeness(one.text, two.text),
        (covers[0] + covers[1]) / 2,
        min(covers),
        rarity.pairs.likeness(one.pairs, two.pairs),
        _overlap(_own(one.names), _own(two.names)),
        float(_strangers(one, two)),
        float(_other_subject(one, two)),
        float(min(_agreeing(one, two), AGREEING_MAX)),
        float(min(_differing(one, two), DIFFERING_MAX)),
        _deeds(one.text_deeds, two.text_deeds),
        float(same_source),
        min(words.of(one.text & two.text) / EVIDENCE, 2.0),
        float(one.is_ideographic != two.is_ideographic),
        1.0 - math.log1p(min(apart_ns, NEAR_AGE_NS_MAX) / MINUTE) / math.log1p(_MINUTES),
        min(apart_ns / (24 * HOUR), 3.0),
        1.0 - math.log1p(between) / math.log1p(NEAR_COUNT_MAX),
    )


def chance(found: tuple[float, ...], weights: tuple[float, ...]) -> float:
    """The probability that two stories with these features tell one happening."""
    score = math.fsum(a * b for a, b in zip(found, weights, strict=True))
    return 1.0 / (1.0 + math.exp(-max(min(score, 40.0), -40.0)))


def _part(words: Weights, title: frozenset[int], text: frozenset[int]) -> float:
    whole = words.of(title)
    return words.of(title & text) / whole if whole else 0.0


def _overlap(one: frozenset, two: frozenset) -> float:  # type: ignore[type-arg]
    return len(one & two) / len(one | two) if one or two else 0.0


def _own(names: frozenset[str]) -> frozenset[str]:
    return names - BROAD


def _strangers(one: StoryFeatures, two: StoryFeatures) -> bool:
    """Each headline names somebody, and the other story none of them."""
    mine, yours = _own(one.names), _own(two.names)
    return bool(mine and yours and not mine & two.text_names and not yours & one.text_names)


def _other_subject(one: StoryFeatures, two: StoryFeatures) -> bool:
    return bool(
        one.first
        and two.first
        and (one.first not in two.text_names or two.first not in one.text_names)
    )


def _agreeing(one: StoryFeatures, two: StoryFeatures) -> int:
    """Particulars that both stories give: products, sums, counts, months."""
    return (
        len(one.codes & two.codes)
        + _matches(one.text_figures, two.text_figures)
        + len(one.text_counts & two.text_counts)
        + len(one.times & two.times)
    )


def _differing(one: StoryFeatures, two: StoryFeatures) -> int:
    """Particulars that both headlines give, and differently."""
    return (
        _other_code(one, two)
        + _other_figure(one, two)
        + _other_count(one, two)
        + _other(one.times, two.times)
    )


def _other_code(one: StoryFeatures, two: StoryFeatures) -> bool:
    """Both headlines name a product of one family, and not the same."""
    if one.codes & two.codes:
        return _other(one.variants, two.variants)
    return bool({family for family, _ in one.codes} & {family for family, _ in two.codes})


def _other_count(one: StoryFeatures, two: StoryFeatures) -> bool:
    """Both headlines count one thing, and neither's number is in the other story."""
    shared = {word for word, _ in one.counts} & {word for word, _ in two.counts}
    return any(
        not any(pair[0] == word for pair in one.counts & two.text_counts)
        and not any(pair[0] == word for pair in two.counts & one.text_counts)
        for word in shared
    )


def _other(one: frozenset[str], two: frozenset[str]) -> bool:
    return bool(one and two and not one & two)


def _matches(one: tuple[Figure, ...], two: tuple[Figure, ...]) -> int:
    mine = sum(any(same_figure(a, b) for b in two) for a in one)
    return min(mine, sum(any(same_figure(a, b) for a in one) for b in two))


def _other_figure(one: StoryFeatures, two: StoryFeatures) -> bool:
    """Both headlines give numbers of one kind, and neither's are in the other story."""
    kinds = {figure.kind for figure in one.figures} & {figure.kind for figure in two.figures}
    return bool(kinds) and not (
        _matches(one.figures, two.text_figures) or _matches(two.figures, one.text_figures)
    )


def _opposed(one: StoryFeatures, two: StoryFeatures) -> bool:
    """What one headline says was done, the other says was undone or not done."""
    mine, yours = _done(one), _done(two)
    return any(
        (_only(mine, up, down) and _only(yours, down, up))
        or (_only(mine, down, up) and _only(yours, up, down))
        for up, down in (*OPPOSED, *((deed, f"no {deed}") for deed in one.deeds | two.deeds))
    )


def _done(gist: StoryFeatures) -> frozenset[str]:
    """The deeds of a headline; "won't let" is a ban as well."""
    return gist.deeds | {down for up, down in OPPOSED if f"no {up}" in gist.deeds}


def _only(deeds: frozenset[str], deed: str, other: str) -> bool:
    return deed in deeds and other not in deeds


def _deeds(one: frozenset[str], two: frozenset[str]) -> float:
    """0 for nothing in common, 1 for the same; one half where either names no deed."""
    if not one or not two:
        return 0.5
    return len(one & two) / min(len(one), len(two))
