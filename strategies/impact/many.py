"""Of many pairs of story and market some move by chance alone: which of a day's stand out?

Benjamini and Hochberg's step-up rule over the last day's pairs: of those called significant at
5 %, one in twenty is expected to be chance.
"""

from feeds.markets import MINUTE, Nanos

DAY: Nanos = 24 * 60 * MINUTE
PAIRS_MAX = 2_000
"""Pairs of a day that are counted; the oldest give way."""


class ManyPairs:
    """The last day's pairs, each with the chance of such a move without any story."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], tuple[Nanos, float]] = {}

    def note(self, key: tuple[str, str], story_ns: Nanos, p: float) -> None:
        """A pair was measured (again)."""
        known = key in self._pairs
        self._pairs[key] = (story_ns, p)
        while not known and len(self._pairs) > PAIRS_MAX:
            del self._pairs[next(iter(self._pairs))]

    def forget(self, key: tuple[str, str]) -> None:
        """A pair was none."""
        self._pairs.pop(key, None)

    def expected_false(self, key: tuple[str, str], now_ns: Nanos) -> float | None:
        """The share of chance among this pair and all that are as clear; None for a stranger.

        It is the adjusted p-value of the step-up rule.
        """
        if key not in self._pairs:
            return None
        mine = self._pairs[key][1]
        chances = sorted(p for at_ns, p in self._pairs.values() if now_ns - at_ns <= DAY)
        count = len(chances)
        beyond = [p * count / place for place, p in enumerate(chances, 1) if p >= mine]
        return min([1.0, *beyond])
