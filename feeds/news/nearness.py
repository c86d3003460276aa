"""Which recent story is this one nearest to? An exact inverted index, bounded in time and count."""

import math
from collections import deque
from typing import TypeAlias

import msgspec

from feeds.markets import SECOND, Nanos

NEAR_AGE_NS_MAX: Nanos = 72 * 3_600 * SECOND
NEAR_COUNT_MAX = 4_000
COMMON_COUNT_MAX = 120
"""A word in more stories than this brings no candidates; it still counts in their measure."""


class Indexed(msgspec.Struct, frozen=True, eq=False):
    """One told story: ``terms`` are hashes of its title's words, ``pairs`` of its word pairs."""

    at_ns: Nanos
    story_id: str
    cluster_id: str
    source: str
    title: str
    terms: frozenset[int]
    pairs: frozenset[int]


class Near(msgspec.Struct, frozen=True):
    """The nearest story, and how near by the words of its title and by its text, each 0 to 1."""

    story: Indexed
    title: float
    shared: int
    text: float


_Postings: TypeAlias = dict[int, list[Indexed]]


class NearIndex:
    """Told stories of the last days. The measure is Jaccard's, each hash weighed by its rarity."""

    def __init__(self) -> None:
        self._stories: deque[Indexed] = deque()
        self._terms: _Postings = {}
        self._pairs: _Postings = {}

    def __len__(self) -> int:
        return len(self._stories)

    def stories(self) -> list[Indexed]:
        """All that is remembered, oldest first."""
        return list(self._stories)

    def add(self, story: Indexed) -> None:
        """Remember a story, and forget those that are too old or too many."""
        self._stories.append(story)
        for postings, hashes in ((self._terms, story.terms), (self._pairs, story.pairs)):
            for key in hashes:
                postings.setdefault(key, []).append(story)
        self.forget(story.at_ns)

    def forget(self, now_ns: Nanos) -> None:
        """Let go of what is older than ``NEAR_AGE_NS_MAX`` or beyond ``NEAR_COUNT_MAX``."""
        while self._stories and (
            len(self._stories) > NEAR_COUNT_MAX or now_ns - self._stories[0].at_ns > NEAR_AGE_NS_MAX
        ):
            oldest = self._stories.popleft()
            _unpost(self._terms, oldest.terms, oldest)
            _unpost(self._pairs, oldest.pairs, oldest)

    def closest(self, terms: frozenset[int], pairs: frozenset[int]) -> Near | None:
        """The nearest story; of two equally near ones the earlier."""
        best: Near | None = None
        score = -1.0
        for bound, candidate in self._bounded_candidates(terms, pairs):
            if bound <= score:
                break
            near = Near(
                candidate,
                self._likeness(self._terms, terms, candidate.terms),
                len(terms & candidate.terms),
                self._likeness(self._pairs, pairs, candidate.pairs),
            )
            if max(near.title, near.text) > score:
                best, score = near, max(near.title, near.text)
        return best

    def _bounded_candidates(
        self, terms: frozenset[int], pairs: frozenset[int]
    ) -> list[tuple[float, Indexed]]:
        """Stories that share two hashes or more, each with a bound that its likeness can't pass:
        what it shares weighs at most this part of what is asked for. Highest bound first."""
        by_term, by_pair = self._weights(self._terms, terms), self._weights(self._pairs, pairs)
        all_terms, all_pairs = math.fsum(by_term.values()), math.fsum(by_pair.values())
        bounded = [
            (
                max(
                    _part(by_term, all_terms, story.terms),
                    _part(by_pair, all_pairs, story.pairs),
                ),
                story,
            )
            for story in self._candidates(terms, pairs)
        ]
        return sorted(bounded, key=lambda pair: (-pair[0], pair[1].at_ns, pair[1].story_id))

    def _candidates(self, terms: frozenset[int], pairs: frozenset[int]) -> list[Indexed]:
        counts: dict[str, int] = {}
        found: dict[str, Indexed] = {}
        for postings, hashes in ((self._terms, terms), (self._pairs, pairs)):
            for key in hashes:
                holders = postings.get(key, ())
                if len(holders) > COMMON_COUNT_MAX:
                    continue
                for story in holders:
                    counts[story.story_id] = counts.get(story.story_id, 0) + 1
                    found[story.story_id] = story
        # one shared word makes no retelling
        return [story for name, story in found.items() if counts[name] > 1]

    def _likeness(self, postings: _Postings, one: frozenset[int], two: frozenset[int]) -> float:
        weights = self._weights(postings, one | two)
        return _part(weights, math.fsum(weights.values()), one & two)

    def _weights(self, postings: _Postings, hashes: frozenset[int]) -> dict[int, float]:
        total = len(self._stories) + 1
        return {key: math.log(total / (len(postings.get(key, ())) or 1)) for key in hashes}


def _part(weights: dict[int, float], whole: float, hashes: frozenset[int]) -> float:
    """The part of ``whole`` that lies on ``hashes``. fsum: the order must not matter."""
    shared = hashes & weights.keys()
    return math.fsum([weights[key] for key in shared]) / whole if shared and whole else 0.0


def _unpost(postings: _Postings, hashes: frozenset[int], story: Indexed) -> None:
    for key in hashes:
        holders = postings[key]
        holders.remove(story)
        if not holders:
            del postings[key]
