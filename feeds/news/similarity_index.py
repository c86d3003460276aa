"""Which recent stories is this one near to? An exact inverted index, bounded in time and count."""

import heapq
import math
from typing import NamedTuple, TypeAlias

import msgspec

from feeds.markets import SECOND, Nanos
from feeds.news.story_features import USUAL, StoryFeatures

NEAR_AGE_NS_MAX: Nanos = 72 * 3_600 * SECOND
NEAR_COUNT_MAX = 4_000
COMMON_COUNT_MAX = 120
"""A word in more stories than this brings no candidates; it still counts in their measure."""
KIN_MAX = 24
"""Candidates that are looked at closely."""
SHARED_MIN = 2
"""One shared word makes no retelling."""
UNSEEN = 400.0
"""Stories that every word is taken to have been looked for in before the first one came."""


class Indexed(msgspec.Struct, frozen=True, eq=False, array_like=True):
    """One told story."""

    at_ns: Nanos
    story_id: str
    cluster_id: str
    source: str
    title: str
    gist: StoryFeatures


class Near(msgspec.Struct, frozen=True):
    """The nearest story, and how near by the words of its title and by its text, each 0 to 1."""

    story: Indexed
    title: float
    text: float


_Postings: TypeAlias = dict[int, dict[str, Indexed]]


class SimilarityIndex:
    """Told stories of the last days. The measure is Jaccard's, each hash weighed by its rarity."""

    def __init__(self) -> None:
        self._stories: dict[str, Indexed] = {}
        self._clusters: dict[str, dict[str, Indexed]] = {}
        self._words: _Postings = {}
        self._pairs: _Postings = {}
        self._numbers: dict[str, int] = {}
        self._told = 0

    def __len__(self) -> int:
        return len(self._stories)

    def stories(self) -> list[Indexed]:
        """All that is remembered, oldest first."""
        return list(self._stories.values())

    def cluster(self, cluster_id: str) -> list[Indexed]:
        """The remembered stories of one cluster, oldest first."""
        return list(self._clusters.get(cluster_id, {}).values())

    def add(self, story: Indexed) -> None:
        """Remember a story, or its new wording; forget those that are too old or too many."""
        if before := self._stories.get(story.story_id):
            self._unpost(before)
        else:
            self._told += 1
            self._numbers[story.story_id] = self._told
        self._stories[story.story_id] = story  # an edit keeps its place in the order
        self._clusters.setdefault(story.cluster_id, {})[story.story_id] = story
        for postings, hashes in self._posted(story):
            for key in hashes:
                postings.setdefault(key, {})[story.story_id] = story
        self.forget(story.at_ns)

    def edit(self, story_id: str, title: str, gist: StoryFeatures) -> None:
        """A remembered story was reworded; one that is forgotten stays so."""
        if story := self._stories.get(story_id):
            self.add(msgspec.structs.replace(story, title=title, gist=gist))

    def forget(self, now_ns: Nanos) -> None:
        """Let go of what is older than ``NEAR_AGE_NS_MAX`` or beyond ``NEAR_COUNT_MAX``."""
        while self._stories:
            oldest = next(iter(self._stories.values()))
            too_old = now_ns - oldest.at_ns > NEAR_AGE_NS_MAX
            if not too_old and len(self._stories) <= NEAR_COUNT_MAX:
                return
            del self._stories[oldest.story_id], self._numbers[oldest.story_id]
            self._unpost(oldest)

    def since(self, story: Indexed) -> int:
        """How many stories were told after this one."""
        return self._told - self._numbers[story.story_id]

    def search(self, gist: StoryFeatures) -> "Search":
        """Look for what is near to a story; the answer holds until the index changes."""
        return Search(gist, self._candidates(gist), self.rarity())

    def rarity(self) -> "Rarity":
        """How much each word and each pair of words tells at this moment."""
        total = len(self._stories) + UNSEEN
        return Rarity(Weights(self._words, total), Weights(self._pairs, total))

    def _candidates(self, gist: StoryFeatures) -> list[Indexed]:
        counts: dict[str, int] = {}
        for postings, hashes in ((self._words, gist.text), (self._pairs, gist.pairs)):
            for key in hashes:
                holders = postings.get(key, {})
                if len(holders) > COMMON_COUNT_MAX:
                    continue
                for name in holders:
                    counts[name] = counts.get(name, 0) + 1
        return [self._stories[name] for name, count in counts.items() if count >= SHARED_MIN]

    def _posted(self, story: Indexed) -> tuple[tuple[_Postings, frozenset[int]], ...]:
        return (self._words, story.gist.text), (self._pairs, story.gist.pairs)

    def _unpost(self, story: Indexed) -> None:
        for postings, hashes in self._posted(story):
            for key in hashes:
                holders = postings[key]
                del holders[story.story_id]
                if not holders:
                    del postings[key]
        members = self._clusters[story.cluster_id]
        del members[story.story_id]
        if not members:
            del self._clusters[story.cluster_id]


class Weights(dict[int, float]):
    """Weights by rarity, each worked out when first asked for."""

    def __init__(self, postings: _Postings, total: float) -> None:
        super().__init__()
        self._postings, self._total = postings, total

    def __missing__(self, key: int) -> float:
        holders = len(self._postings.get(key, ())) + USUAL.get(key, 1.0)
        weight = self[key] = math.log(self._total / holders)
        return weight

    def of(self, hashes: frozenset[int]) -> float:
        """The weight of all of these together. fsum: the order must not matter."""
        return math.fsum([self[key] for key in hashes])

    def likeness(self, one: frozenset[int], two: frozenset[int]) -> float:
        """Jaccard's measure by weight."""
        return _part(self.of(one & two), self.of(one | two))


class Rarity(NamedTuple):
    """Weights of words and of pairs of words."""

    words: Weights
    pairs: Weights


class Search:
    """What an index found for one story."""

    def __init__(self, gist: StoryFeatures, candidates: list[Indexed], rarity: Rarity) -> None:
        self.gist, self.rarity = gist, rarity
        self._candidates = candidates

    def closest(self) -> Near | None:
        """The nearest story; of two equally near ones the earlier. Exact: what is not looked at
        can't be nearer, since it shares no more of the weight than its bound says."""
        best: Near | None = None
        score = -1.0
        for bound, candidate in self._bounded():
            if bound <= score:
                break
            near = Near(
                candidate,
                self.rarity.words.likeness(self.gist.title, candidate.gist.title),
                self.rarity.pairs.likeness(self.gist.pairs, candidate.gist.pairs),
            )
            if max(near.title, near.text) > score:
                best, score = near, max(near.title, near.text)
        return best

    def kin(self) -> list[Indexed]:
        """The ``KIN_MAX`` stories that share the rarest words of title and lead."""
        words, text = self.rarity.words, self.gist.text
        return heapq.nlargest(KIN_MAX, self._candidates, key=lambda s: words.of(text & s.gist.text))

    def _bounded(self) -> list[tuple[float, Indexed]]:
        """Candidates, each with a bound that its likeness can't pass: what it shares weighs at
        most this part of what is asked for. Highest bound first."""
        words, pairs = self.rarity
        title, text = self.gist.title, self.gist.pairs
        all_words, all_pairs = words.of(title), pairs.of(text)
        bounded = [
            (
                max(
                    _part(words.of(title & story.gist.title), all_words),
                    _part(pairs.of(text & story.gist.pairs), all_pairs),
                ),
                story,
            )
            for story in self._candidates
        ]
        return sorted(bounded, key=lambda pair: (-pair[0], pair[1].at_ns, pair[1].story_id))


def _part(shared: float, whole: float) -> float:
    return shared / whole if whole else 0.0
