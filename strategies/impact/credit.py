"""Whose move is it, when several stories came close together?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from feeds.markets import MINUTE, Nanos
from strategies.impact.odds import OddsHistory
from strategies.impact.window import LEAD, Window

CREDIT_MIN = 0.7
"""Share of the credit from which one story, not several, owns a move."""
CREDIT_DECAY = 10.0
"""Minutes from the steepest one over which a story's claim falls to a third."""
CLOCKS = 5
"""Minutes by which a story may come after a move and still have caused it: feeds are late."""


class Rival(NamedTuple):
    """Another story on the same market, or a scheduled event: its time, its weight, what it is.

    The weight is relevance times novelty, to be set beside that of the story itself. The name is
    a story's id, or what a calendar calls a scheduled event.
    """

    at_ns: Nanos
    weight: float = 1.0
    name: str = ""
    scheduled: bool = False


class Claim(NamedTuple):
    """The story's share of the credit for a move, and who else may have caused it."""

    share: float
    rivals: tuple[Rival, ...]


def nearby(window: Window, rivals: Sequence[Rival]) -> tuple[Rival, ...]:
    """Rivals from half an hour before the story to the end of the window, in order of time."""
    first, last = window.start - LEAD, window.end
    near = [rival for rival in rivals if first <= rival.at_ns // MINUTE <= last]
    return tuple(sorted(near))


def claim(
    history: OddsHistory, window: Window, rivals: Sequence[Rival], weight: float, flagged: int
) -> Claim:
    """How much of a move that stood out at minute ``flagged`` is this story's.

    Only a story that was there when the move stood out, give or take the lag of feeds, counts.
    """
    able = tuple(r for r in nearby(window, rivals) if r.at_ns // MINUTE <= flagged + CLOCKS)
    steepest = _steepest(history, window, flagged)
    own = weight * _fading(window.start, steepest)
    rest = sum(rival.weight * _fading(rival.at_ns // MINUTE, steepest) for rival in able)
    return Claim(own / (own + rest) if own + rest else 0.0, able)


def in_words(rivals: Sequence[Rival]) -> str:
    """Who else came: scheduled events by name, stories by number."""
    events = [rival.name for rival in rivals if rival.scheduled]
    stories = len(rivals) - len(events)
    if stories:
        events.append("another story" if stories == 1 else f"{stories} other stories")
    return " and ".join(events)


def _fading(minute: int, steepest: int) -> float:
    return math.exp(-abs(minute - steepest) / CREDIT_DECAY)


def _steepest(history: OddsHistory, window: Window, end: int) -> int:
    """The minute of the largest single step up to ``end``."""
    best, steepest = -1.0, window.start
    before = history.x(window.pre) or 0.0
    for minute in range(window.pre + 1, end + 1):
        after = history.x(minute) or 0.0
        if abs(after - before) > best:
            best, steepest = abs(after - before), minute
        before = after
    return steepest
