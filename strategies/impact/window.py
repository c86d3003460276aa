"""The minutes around one story: what moved in them, less what silence alone would have moved."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from feeds.events import Story
from feeds.markets import MINUTE, Nanos
from strategies.impact.odds import BASELINE_MAX, GUARD, STORY_SHADOW, OddsHistory, expit, logit

HORIZONS = (5, 15, 60)
WATCH_MAX = 240
"""Minutes after the story beyond which nothing more is measured."""
RUNNING_MAX = 60
"""Minutes after the story within which a move may still be its doing."""
LEAD = 30
"""Minutes before the story in which a market that led it will have moved."""
SETTLED = 0.98
"""Beyond this, or below its mirror, log-odds run away: measuring stops."""
MOVE_MIN = 0.05
"""In logit (1.2 points at even odds): no smaller move is called clear, however calm the market."""
PUBLISHED_LAG_MAX: Nanos = 24 * 60 * MINUTE

TOP = math.log(SETTLED / (1 - SETTLED))


class Window(NamedTuple):
    """What is being measured, in minutes since 1970: the last untouched one, the story's, the last.

    ``floor`` is what tick and spread can hide, in logit; ``shadows`` are minutes of other stories;
    ``deadline`` is the minute by which it must have happened, for questions that ask so.
    """

    pre: int
    start: int
    end: int
    floor: float
    shadows: tuple[int, ...]
    deadline: int | None

    def until(self, minutes: int) -> int:
        """The minute so long after the story, or the last one if that is not reached yet."""
        return min(self.end, self.start + minutes)


def story_time(story: Story) -> Nanos:
    """When the story began to matter: its own stamp where that can be trusted, else first seen.

    A stamp in the future, one more than a day before we saw it, or one at midnight sharp (a date
    without a time) is not trusted.
    """
    published = story.published_ns
    if published is None or story.date_note or published % (24 * 60 * MINUTE) == 0:
        return story.first_seen_ns
    lag = story.first_seen_ns - published
    return published if 0 <= lag <= PUBLISHED_LAG_MAX else story.first_seen_ns


def window_of(
    history: OddsHistory,
    story_ns: Nanos,
    now_ns: Nanos,
    others_ns: Iterable[Nanos],
    deadline_ns: Nanos | None,
) -> Window:
    """The window as of now: it ends early where the market closed or the tick size changed."""
    start = story_ns // MINUTE
    pre = start - GUARD
    end = min(max(now_ns // MINUTE, start), start + WATCH_MAX)
    cuts = [history.tick_changed(pre, end), history.closed]
    end = min([end, *(max(cut - 1, pre) for cut in cuts if cut is not None and cut <= end)])
    # later ones don't touch the day before the story, and would only have it worked out anew
    first = pre - BASELINE_MAX - STORY_SHADOW
    minutes = {at_ns // MINUTE for at_ns in others_ns}
    shadows = tuple(sorted(minute for minute in minutes if first < minute < start))
    deadline = None if deadline_ns is None else deadline_ns // MINUTE
    return Window(pre, start, end, history.noise_floor(pre), shadows, deadline)


def bounded(x: float) -> float:
    """Log-odds no farther out than where measuring stops."""
    return min(max(x, -TOP), TOP)


def moved(history: OddsHistory, window: Window, since: int, minute: int) -> float:
    """The move in logit between two minutes, less what silence alone would have done."""
    before, after = history.x(since), history.x(minute)
    if before is None or after is None:
        return 0.0
    change = bounded(after) - bounded(before)
    if window.deadline is None:
        return change
    return change - _silence(expit(before), since, minute, window.deadline)


def _silence(odds: float, since: int, until: int, deadline: int) -> float:
    """The logit move of "will it happen by then?" when nothing happens, at constant hazard."""
    if deadline <= until or not 0 < odds < 1:
        return 0.0
    hazard = -math.log(1 - odds) / (deadline - since)
    expected = 1 - math.exp(-hazard * (deadline - until))
    return bounded(logit(expected)) - bounded(logit(odds))


def usual(history: OddsHistory, window: Window, minute: int) -> float | None:
    """How far the market usually goes from before the story to this minute, its floor included."""
    scale = history.scale(max(1, minute - window.pre), window.pre, window.shadows)
    return None if scale is None else math.hypot(scale, window.floor)


def score(history: OddsHistory, window: Window, minute: int) -> tuple[float, float]:
    """The move since before the story, in logit and in usual moves of that length."""
    d = moved(history, window, window.pre, minute)
    deviation = usual(history, window, minute)
    return d, d / deviation if deviation else 0.0


def rank(history: OddsHistory, window: Window, minute: int, d: float) -> float | None:
    """The share of the day's moves of this length that were at least as large, less the floor."""
    size = max(abs(d) - window.floor, 0.0)
    return history.rank(size, max(1, minute - window.pre), window.pre, window.shadows)
