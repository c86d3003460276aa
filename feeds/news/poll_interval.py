"""A source's rhythm: how often it publishes, and so how soon to ask again and when to wonder."""

import itertools
import statistics
from collections.abc import Iterable, Sequence

from feeds.markets import SECOND, Nanos

STAMPS_MAX = 20
"""Newest items whose times are looked at."""
GAPS_MIN = 3
ASKS_A_GAP = 4.0
"""A source is asked so many times in its usual gap: an item is then a quarter of it old at most."""
_DAY: Nanos = 24 * 3_600 * SECOND
FROZEN_NS: Nanos = 14 * _DAY
"""Silence that makes a source of unknown rhythm suspect."""
FROZEN_NS_MIN: Nanos = 5 * _DAY
"""Silence that is never suspect: a long weekend and a day."""
FROZEN_GAPS = 4


def newest(stamps: Iterable[Nanos]) -> tuple[Nanos, ...]:
    """The ``STAMPS_MAX`` newest times, newest first."""
    return tuple(sorted(stamps, reverse=True)[:STAMPS_MAX])


def wait_s(stamps: Sequence[Nanos], now_ns: Nanos, every_s: float, slowest_s: float) -> float:
    """Seconds until the next poll of a source whose newest items have these times, newest first.

    A fraction of its usual gap, or of its present silence where that is longer; never sooner than
    ``every_s``, never later than ``slowest_s`` unless ``every_s`` is. With too few items to know,
    and with ``slowest_s`` at or under ``every_s``, it is ``every_s``.
    """
    gap_ns = _usual_gap(stamps)
    if gap_ns is None:
        return every_s
    quiet_ns = max(gap_ns, now_ns - stamps[0])
    return max(every_s, min(quiet_ns / SECOND / ASKS_A_GAP, slowest_s))


def is_frozen(stamps: Sequence[Nanos], now_ns: Nanos) -> bool:
    """Whether a source has been silent for so long that its address may be dead.

    Four of its usual gaps and at least five days; a fortnight where its rhythm is not known.
    """
    if not stamps:
        return False
    gap_ns = _usual_gap(stamps)
    patience = FROZEN_NS if gap_ns is None else max(FROZEN_NS_MIN, int(FROZEN_GAPS * gap_ns))
    return now_ns - stamps[0] > patience


def _usual_gap(stamps: Sequence[Nanos]) -> float | None:
    gaps = [later - earlier for later, earlier in itertools.pairwise(stamps)]
    return statistics.median(gaps) if len(gaps) >= GAPS_MIN else None
