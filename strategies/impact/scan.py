"""Moves that no story explains: the last minutes against what the market usually does."""

import math
from typing import NamedTuple

from feeds.markets import MINUTE, Nanos
from strategies.impact.odds import GAP_MIN, SCAN_BLOCK, OddsHistory
from strategies.impact.window import MOVE_MIN, TOP, bounded

SCAN_WINDOWS = (3, 8, 17)
SCAN_FLAG = 6.0


class Move(NamedTuple):
    """A move that stands out: over how many minutes, how far in logit, in usual moves."""

    minutes: int
    logit: float
    z: float


def abnormal_move(history: OddsHistory, now_ns: Nanos) -> Move | None:
    """The move of the last 3, 8 or 17 minutes that stands out most, if any does.

    It says nothing about why. A jump on resumed quotes or across a change of the tick is none.
    """
    now = now_ns // MINUTE
    best: Move | None = None
    for minutes in SCAN_WINDOWS:
        move = _scan(history, now, minutes)
        if move and abs(move.z) >= SCAN_FLAG and (best is None or abs(move.z) > abs(best.z)):
            best = move
    return best


def _scan(history: OddsHistory, now: int, minutes: int) -> Move | None:
    since = now - minutes
    before, after = history.x(since), history.x(now)
    if before is None or after is None or abs(before) >= TOP:
        return None
    if history.tick_changed(since, now) is not None or not _quoted(history, since, now):
        return None
    longest = now - SCAN_WINDOWS[-1]
    scale = history.scale(minutes, longest - longest % SCAN_BLOCK, ())
    deviation = math.hypot(scale, history.noise_floor(since)) if scale is not None else 0.0
    if not deviation:
        return None
    change = bounded(after) - bounded(before)
    if abs(change) < MOVE_MIN:
        return None
    return Move(minutes, change, change / deviation)


def _quoted(history: OddsHistory, since: int, now: int) -> bool:
    """Whether quotes stood at both ends and never left for long in between."""
    if history.stale_run(since) >= GAP_MIN or history.stale_run(now):
        return False
    return all(history.stale_run(minute) < GAP_MIN for minute in range(since, now))
