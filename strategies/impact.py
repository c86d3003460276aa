"""How far has this story moved these odds?

Odds live on a minute grid as log-odds, since a cent near the edge means more than a cent in the
middle. A move is compared with what the same market usually does in the same time (a robust scale
of its own last day) and is never smaller than what its tick and spread can hide. Nothing here
looks at the aggressor's side, at last trades or at percent changes: those mislead.

Markets speak to themselves alone here: no peers, no calendar. Times are Unix nanoseconds, odds are
implied probabilities of YES, ticks are 1/10,000 dollar.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from feeds.events import Story
from feeds.markets import MINUTE, Nanos
from strategies.decisions import Impact, Verdict
from strategies.odds import (
    BASELINE_MAX,
    BASELINE_MIN,
    CARRY_MAX,
    GUARD,
    SCAN_BLOCK,
    Absence,
    OddsHistory,
    expit,
    logit,
)

__all__ = [
    "Absence",
    "Move",
    "OddsHistory",
    "Precedents",
    "Rival",
    "abnormal_move",
    "expit",
    "logit",
    "measure",
    "story_time",
]

HORIZONS = (5, 15, 60)
WATCH_MAX = 240
"""Minutes after the story beyond which nothing more is measured."""
RUNNING_MAX = 60
RUNNING_FLAG = 4.0
"""Two minutes running of the first hour beyond this many usual moves are a clear move.

One minute alone is too often a quote that was gone the next.
"""
HORIZON_FLAG = 3.0
RANK_FLAG = 0.01
LEAD = 30
"""Minutes before the story in which a market that led it will have moved."""
LEAK_FLAG = 0.6
CREDIT_MIN = 0.7
"""Share of the credit from which one story, not several, owns a move."""
CREDIT_DECAY = 10.0
CLOCKS = 5
"""Minutes by which a story may come after a move and still have caused it: feeds are late."""
SETTLED = 0.98
"""Beyond this, or below its mirror, log-odds run away: measuring stops."""
GAP_MIN = 5
"""Minutes without quotes after which the first new quote is a resumption, not a move."""
SCAN_WINDOWS = (3, 8, 17)
SCAN_FLAG = 6.0
PRECEDENTS_MAX = 200
PRECEDENT_KEYS_MAX = 1024
PRECEDENT_SHRINK = 20
PUBLISHED_LAG_MAX: Nanos = 24 * 60 * MINUTE

_TOP = math.log(SETTLED / (1 - SETTLED))


class Rival(NamedTuple):
    """Another story on the same market: its time and how much it should count (relevance)."""

    at_ns: Nanos
    weight: float = 1.0


class Move(NamedTuple):
    """A move that stands out: over how many minutes, how far in logit, in usual moves."""

    minutes: int
    logit: float
    z: float


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


OtherStory: TypeAlias = Nanos | Rival


class _Window(NamedTuple):
    """What is being measured: minutes before, of the story, and up to which."""

    pre: int
    start: int
    end: int
    floor: float
    shadows: tuple[int, ...]
    deadline: int | None


def measure(
    history: OddsHistory,
    story_id: str,
    condition_id: str,
    story_ns: Nanos,
    now_ns: Nanos,
    direction: int = 0,
    others: Iterable[OtherStory] = (),
    *,
    weight: float = 1.0,
    deadline_ns: Nanos | None = None,
) -> Impact:
    """How far the story has moved the market's odds of YES, as of ``now_ns``.

    ``others`` are the times of other stories linked to the market (or :class:`Rival` with a
    weight to set beside ``weight``). ``deadline_ns`` is given for questions of the kind "will it
    happen by then?", whose odds fall without news: that fall is no impact. Calling it again
    with the same history and time gives the same answer.
    """
    rivals = _rivals(others)
    window = _window(history, story_ns, now_ns, rivals, deadline_ns)
    blank = Impact(
        story_id=story_id,
        condition_id=condition_id,
        at_ns=now_ns,
        verdict=Verdict.NOT_MEASURABLE,
        reason="",
        minutes=max(0, now_ns - story_ns) / MINUTE,
    )
    reason = _unmeasurable(history, window)
    if reason:
        return _with(blank, Verdict.NOT_MEASURABLE, reason)
    return _judge(history, window, blank, direction, rivals, weight)


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


class Precedents:
    """How far stories of a facet moved markets of a family before: this desk's own memory.

    Moves are log-odds signed by the link's direction, so that agreement is positive.
    """

    def __init__(self) -> None:
        self._moves: dict[tuple[str, str], deque[float]] = {}

    def add(self, facet: str, family: str, logit: float) -> None:
        """One more measured move. Only the newest 200 of each kind are kept."""
        key = (facet, family)
        if key not in self._moves and len(self._moves) >= PRECEDENT_KEYS_MAX:
            self._moves.pop(next(iter(self._moves)))
        self._moves.setdefault(key, deque(maxlen=PRECEDENTS_MAX)).append(logit)

    def lookup(self, facet: str, family: str) -> tuple[float, int, float]:
        """Median move shrunk towards 0 when few, how many there are, and their robust spread."""
        moves = sorted(self._moves.get((facet, family), ()))
        if not moves:
            return (0.0, 0, 0.0)
        middle = _median(moves)
        spread = 1.4826 * _median(sorted(abs(move - middle) for move in moves))
        return (middle * len(moves) / (len(moves) + PRECEDENT_SHRINK), len(moves), spread)


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _rivals(others: Iterable[OtherStory]) -> tuple[Rival, ...]:
    return tuple(other if isinstance(other, Rival) else Rival(other) for other in others)


def _window(
    history: OddsHistory,
    story_ns: Nanos,
    now_ns: Nanos,
    rivals: tuple[Rival, ...],
    deadline_ns: Nanos | None,
) -> _Window:
    start, pre = story_ns // MINUTE, story_ns // MINUTE - GUARD
    end = min(max(now_ns // MINUTE, start), start + WATCH_MAX)
    cuts = [history.tick_changed(pre, end), history.closed]
    end = min([end, *(max(cut - 1, pre) for cut in cuts if cut is not None and cut <= end)])
    shadows = tuple(sorted({rival.at_ns // MINUTE for rival in rivals}))
    deadline = None if deadline_ns is None else deadline_ns // MINUTE
    return _Window(pre, start, end, history.noise_floor(pre), shadows, deadline)


def _unmeasurable(history: OddsHistory, window: _Window) -> str:
    """Why nothing can be said at all, or "" """
    pre, start, end = window.pre, window.start, window.end
    before = history.x(pre)
    if before is None:
        return "no odds were seen before the story"
    if abs(before) >= _TOP:
        return "the odds were beyond 98 % or below 2 % before the story"
    if history.closed is not None and history.closed <= start:
        return "the market was closed"
    if end < start:
        return "the tick size changed as the story came: odds before and after do not compare"
    if history.scale(HORIZONS[0] + GUARD, pre, window.shadows) is None:
        fresh = history.fresh_minutes(pre - BASELINE_MAX, pre)
        return f"too little history: {fresh / 60:.1f} of {BASELINE_MIN // 60} hours"
    return _absent(history, window) or _resumed(history, window)


def _absent(history: OddsHistory, window: _Window) -> str:
    counts = history.absences(window.pre, window.end)
    length = window.end - window.pre + 1
    if sum(counts.values()) * 2 > length:
        return max(counts, key=lambda absence: counts[absence]).value
    if history.stale_run(window.pre) > CARRY_MAX:
        return "no fresh quotes before the story"
    return ""


def _resumed(history: OddsHistory, window: _Window) -> str:
    """A jump across a gap in the quotes that makes up most of the move, in words, or "" """
    moved = abs((history.x(window.end) or 0.0) - (history.x(window.pre) or 0.0))
    for minute in range(window.pre + 1, window.end + 1):
        gap = history.stale_run(minute - 1)
        if gap < GAP_MIN or history.stale_run(minute):
            continue
        jump = abs((history.x(minute) or 0.0) - (history.x(minute - 1) or 0.0))
        if jump > window.floor and jump * 2 >= moved:
            return f"quotes returned after {gap} minutes away: a resumption, not a move"
    return ""


def _judge(
    history: OddsHistory,
    window: _Window,
    blank: Impact,
    direction: int,
    rivals: tuple[Rival, ...],
    weight: float,
) -> Impact:
    d, z = _score(history, window, window.end)
    rank = _rank(history, window, d)
    leak = _leak(history, window)
    flag = _flagged(history, window)
    led = leak is not None and leak > LEAK_FLAG and _led(history, window, flag)
    if led:
        verdict, reason = Verdict.LED, f"{leak or 0:.0%} of the move came before the story"
    elif flag:
        verdict, reason = _credit(history, window, rivals, weight, flag, direction)
    else:
        verdict, reason = _unflagged(history, window, z, d)
    return Impact(
        story_id=blank.story_id,
        condition_id=blank.condition_id,
        at_ns=blank.at_ns,
        verdict=verdict,
        reason=reason,
        before=history.at(window.pre * MINUTE),
        now=history.at(window.end * MINUTE),
        logit=d,
        z=z,
        rank_p=rank,
        leak=leak,
        minutes=blank.minutes,
    )


def _unflagged(history: OddsHistory, window: _Window, z: float, d: float) -> tuple[Verdict, str]:
    closed, changed = history.closed, history.tick_changed(window.pre, window.end + 1)
    minutes = window.end - window.start
    if minutes < HORIZONS[-1] and closed is not None and closed <= window.end + 1:
        return Verdict.NOT_MEASURABLE, "the market closed"
    if minutes < HORIZONS[-1] and changed is not None:
        return Verdict.NOT_MEASURABLE, "the tick size changed: odds before and after do not compare"
    if minutes < HORIZONS[0]:
        return Verdict.WAITING, f"{HORIZONS[0]} minutes have not passed yet"
    return Verdict.NOISE, f"{abs(z):.1f} times its usual {minutes + GUARD}-minute move"


def _with(blank: Impact, verdict: Verdict, reason: str) -> Impact:
    return Impact(
        story_id=blank.story_id,
        condition_id=blank.condition_id,
        at_ns=blank.at_ns,
        verdict=verdict,
        reason=reason,
        minutes=blank.minutes,
    )


def _bounded(x: float) -> float:
    return min(max(x, -_TOP), _TOP)


def _moved(history: OddsHistory, window: _Window, since: int, minute: int) -> float:
    """The move in logit between two minutes, less what silence alone would have done."""
    before, after = history.x(since), history.x(minute)
    if before is None or after is None:
        return 0.0
    moved = _bounded(after) - _bounded(before)
    return moved - _silence(expit(before), since, minute, window.deadline)


def _silence(odds: float, since: int, until: int, deadline: int | None) -> float:
    """The logit move of "will it happen by then?" when nothing happens, at constant hazard."""
    if deadline is None or deadline <= until or not 0 < odds < 1:
        return 0.0
    hazard = -math.log(1 - odds) / (deadline - since)
    expected = 1 - math.exp(-hazard * (deadline - until))
    return _bounded(logit(expected)) - _bounded(logit(odds))


def _score(history: OddsHistory, window: _Window, minute: int) -> tuple[float, float]:
    """The move since before the story, in logit and in usual moves of that length."""
    d = _moved(history, window, window.pre, minute)
    scale = history.scale(max(1, minute - window.pre), window.pre, window.shadows)
    if scale is None:
        return d, 0.0
    deviation = math.hypot(scale, window.floor)
    return d, d / deviation if deviation else 0.0


def _rank(history: OddsHistory, window: _Window, d: float) -> float | None:
    """The share of the day's moves of this length that were as large."""
    minutes = max(1, window.end - window.pre)
    return history.rank(max(abs(d) - window.floor, 0.0), minutes, window.pre, window.shadows)


def _flagged(history: OddsHistory, window: _Window) -> tuple[int, float, float] | None:
    """The first minute at which the move was beyond doubt, with its logit and z, or None."""
    last = min(window.end, window.start + RUNNING_MAX)
    standing = 0
    for minute in range(window.start, last + 1):
        d, z = _score(history, window, minute)
        side = 0 if abs(z) < RUNNING_FLAG else 1 if z > 0 else -1
        if (side and side == standing) or _graded(history, window, minute, d, z):
            return (minute, d, z)
        standing = side
    return None


def _graded(history: OddsHistory, window: _Window, minute: int, d: float, z: float) -> bool:
    """At 5, 15 and 60 minutes, a lesser z will do if hardly any move of the day was as large."""
    if minute - window.start not in HORIZONS or abs(z) < HORIZON_FLAG:
        return False
    size, minutes = max(abs(d) - window.floor, 0.0), minute - window.pre
    rank = history.rank(size, minutes, window.pre, window.shadows)
    return rank is not None and rank <= RANK_FLAG


def _leak(history: OddsHistory, window: _Window) -> float | None:
    """The share of the move since half an hour before that had happened when the story came."""
    early = window.start - LEAD
    if history.x(early) is None:
        return None
    whole = _moved(history, window, early, window.end)
    if abs(whole) <= 2 * window.floor:
        return None
    # the minute before: the story's own minute may hold its first effect
    part = _moved(history, window, early, window.start - 1)
    return min(max(part / whole, -1.0), 2.0)


def _led(history: OddsHistory, window: _Window, flag: tuple[int, float, float] | None) -> bool:
    """Whether the whole move, from before the story, is beyond doubt."""
    if flag:
        return True
    early = window.start - LEAD
    whole = _moved(history, window, early, window.end)
    scale = history.scale(window.end - early, early, window.shadows)
    if scale is None:
        return False
    return abs(whole) >= RUNNING_FLAG * math.hypot(scale, window.floor)


def _credit(
    history: OddsHistory,
    window: _Window,
    rivals: tuple[Rival, ...],
    weight: float,
    flag: tuple[int, float, float],
    direction: int,
) -> tuple[Verdict, str]:
    """A clear move belongs to the story, unless others came too near to tell."""
    minute, d, z = flag
    first, last = window.start - LEAD, minute + CLOCKS
    near = [r for r in rivals if first <= r.at_ns // MINUTE <= last]
    steepest = _steepest(history, window, minute)
    own = weight * math.exp(-abs(window.start - steepest) / CREDIT_DECAY)
    rest = sum(r.weight * math.exp(-abs(r.at_ns // MINUTE - steepest) / CREDIT_DECAY) for r in near)
    share = own / (own + rest) if own + rest else 0.0
    if near and share < CREDIT_MIN:
        others = "another story" if len(near) == 1 else f"{len(near)} other stories"
        return Verdict.SHARED, f"{others} came within the same half hour"
    agreed = "" if not direction else (" as linked" if d * direction > 0 else " against the link")
    took = minute - window.start
    return Verdict.CLEAR, f"{abs(z):.1f} times its usual move {took} min after the story{agreed}"


def _steepest(history: OddsHistory, window: _Window, end: int) -> int:
    """The minute of the largest single step up to ``end``."""
    best, steepest = -1.0, window.start
    for minute in range(window.pre + 1, end + 1):
        step = abs((history.x(minute) or 0.0) - (history.x(minute - 1) or 0.0))
        if step > best:
            best, steepest = step, minute
    return steepest


def _scan(history: OddsHistory, now: int, minutes: int) -> Move | None:
    since = now - minutes
    before, after = history.x(since), history.x(now)
    if before is None or after is None or abs(before) >= _TOP:
        return None
    if history.tick_changed(since, now) is not None or not _quoted(history, since, now):
        return None
    longest = now - SCAN_WINDOWS[-1]
    scale = history.scale(minutes, longest - longest % SCAN_BLOCK, ())
    deviation = math.hypot(scale, history.noise_floor(since)) if scale is not None else 0.0
    if not deviation:
        return None
    moved = _bounded(after) - _bounded(before)
    return Move(minutes, moved, moved / deviation)


def _quoted(history: OddsHistory, since: int, now: int) -> bool:
    """Whether quotes stood at both ends and never left for long in between."""
    if history.stale_run(since) >= GAP_MIN or history.stale_run(now):
        return False
    return all(history.stale_run(minute) < GAP_MIN for minute in range(since, now))
