"""What the whole theme did at the time: a move that its peers made too is not the story's.

Peers are markets of the same kind that the story does not touch, and never outcomes of the same
event: those must move against each other, whatever happened.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from strategies.impact.odds import CARRY_MAX, SCAN_BLOCK, OddsHistory
from strategies.impact.window import TOP, Window, bounded

PEERS_MIN = 4
PEERS_MAX = 40
"""Peers looked at for one move."""
MEDIAN_ERROR = 1.25
"""The error of a median in units of that of a mean."""
_LENGTHS = (5, 10, 17, 32, 62, 122, 242)
"""A peer's usual move is worked out for these lengths alone, so that it is seldom worked out."""


class Theme(NamedTuple):
    """The move of a theme in logit, how sure it is, and of how many peers."""

    logit: float
    error: float
    peers: int


class _Peer(NamedTuple):
    logit: float
    weight: float


class Peers:
    """Markets of one kind. They are looked for when a move stands out, and not before.

    What they did up to a minute that is over is worked out once.
    """

    def __init__(self, find: Callable[[], Iterable[OddsHistory]]) -> None:
        self._find = find
        self._kept: tuple[tuple[int, int], Theme | None] | None = None

    def theme(self, window: Window, minute: int) -> Theme | None:
        """What the peers did from before the story to this minute; None with fewer than four."""
        span = (window.pre, minute)
        if self._kept is not None and self._kept[0] == span:
            return self._kept[1]
        found = theme(window, minute, self._find())
        if minute < window.end:
            self._kept = (span, found)
        return found


def theme(window: Window, minute: int, peers: Iterable[OddsHistory]) -> Theme | None:
    """What the peers did from before the story to this minute; None with fewer than four."""
    seen: list[_Peer] = []
    for history in peers:
        peer = _measured(history, window.pre, minute)
        if peer is not None:
            seen.append(peer)
        if len(seen) == PEERS_MAX:
            break
    if len(seen) < PEERS_MIN:
        return None
    seen.sort()
    middle = _weighted_median(seen)
    apart = sorted(abs(peer.logit - middle) for peer in seen)
    spread = 1.4826 * (apart[(len(apart) - 1) // 2] + apart[len(apart) // 2]) / 2
    return Theme(middle, MEDIAN_ERROR * spread / math.sqrt(len(seen)), len(seen))


def _measured(history: OddsHistory, pre: int, minute: int) -> _Peer | None:
    """A peer's move and its weight; None where it can't be measured."""
    before, after = history.x(pre), history.x(minute)
    if before is None or after is None or abs(before) >= TOP:
        return None
    if history.stale_run(pre) > CARRY_MAX or history.stale_run(minute) > CARRY_MAX:
        return None
    closed = history.closed is not None and history.closed <= minute
    if closed or history.tick_changed(pre, minute) is not None:
        return None
    length = next((one for one in _LENGTHS if one >= minute - pre), _LENGTHS[-1])
    scale = history.scale(length, pre - pre % SCAN_BLOCK, ())
    if scale is None:
        return None
    deviation = math.hypot(scale, history.noise_floor(pre))
    return _Peer(bounded(after) - bounded(before), 1 / deviation**2) if deviation else None


def _weighted_median(ordered: list[_Peer]) -> float:
    half, below = sum(peer.weight for peer in ordered) / 2, 0.0
    for peer in ordered:
        below += peer.weight
        if below >= half:
            return peer.logit
    return ordered[-1].logit
