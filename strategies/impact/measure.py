"""How far has this story moved these odds?

Odds live on a minute grid as log-odds, since a cent near the edge means more than a cent in the
middle. A move is compared with what the same market usually does in the same time (a robust scale
of its own last day) and is never smaller than what its tick and spread can hide. Then others are
heard: did the theme move too, had the odds moved before the story, did another story come? Nothing
here looks at the aggressor's side, at last trades or at percent changes: those mislead.

Times are Unix nanoseconds, odds are implied probabilities of YES, ticks are 1/10,000 dollar.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from feeds.figures import usual_moves
from feeds.markets import MINUTE, Nanos
from strategies.decisions import Impact, Verdict
from strategies.impact.credit import CREDIT_MIN, Claim, Rival, claim, in_words, nearby
from strategies.impact.odds import (
    BASELINE_MAX,
    BASELINE_MIN,
    CARRY_MAX,
    GAP_MIN,
    GUARD,
    OddsHistory,
)
from strategies.impact.peers import Peers, Theme
from strategies.impact.window import (
    HORIZONS,
    LEAD,
    MOVE_MIN,
    RUNNING_MAX,
    TOP,
    WATCH_MAX,
    Window,
    bounded,
    moved,
    rank,
    score,
    usual,
    window_of,
)

RUNNING_FLAG = 5.0
"""Two minutes running of the first hour beyond this many usual moves are a clear move.

One minute alone is too often a quote that was gone the next; sixty looks give chance sixty turns.
"""
HORIZON_FLAG = 3.0
"""A quarter hour after the story, one look only, so many will do,"""
RANK_FLAG = 0.01
"""if hardly any move of the day was as large."""
LEAK_FLAG = 0.6
THEME_SHARE_MIN = 0.25
"""A theme that went less than this share of a move does not explain it, however wild its peers."""
QUARTERS = (15, 30, 45)

OtherStory: TypeAlias = Nanos | Rival


class _Case(NamedTuple):
    """One market and story: its odds, its window, and who else was about."""

    history: OddsHistory
    window: Window
    direction: int
    weight: float
    rivals: tuple[Rival, ...]
    peers: Peers | None


class _Flag(NamedTuple):
    """The first minute at which a move was beyond doubt, with its logit and z."""

    minute: int
    logit: float
    z: float


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
    peers: Peers | None = None,
    trades: int | None = None,
) -> Impact:
    """How far the story has moved the market's odds of YES, as of ``now_ns``.

    ``others`` are the times of other stories linked to the market (or :class:`Rival` with a
    weight to set beside ``weight``). ``deadline_ns`` is given for questions of the kind "will it
    happen by then?", whose odds fall without news: that fall is no impact. ``peers`` are
    markets of the same theme that the story does not touch; they are asked only where the move
    stands out. ``trades`` are the prints since the story, None where nobody watched them.
    Calling it again with the same history and time gives the same answer.
    """
    rivals = tuple(other if isinstance(other, Rival) else Rival(other) for other in others)
    window = window_of(history, story_ns, now_ns, (r.at_ns for r in rivals), deadline_ns)
    minutes = max(0, now_ns - story_ns) / MINUTE
    verdict = Verdict.NOT_MEASURABLE
    reason = _unmeasurable(history, window)
    if reason:
        return Impact(story_id, condition_id, now_ns, verdict, reason, minutes=minutes)
    d, z = score(history, window, window.end)
    plain = Impact(
        story_id,
        condition_id,
        now_ns,
        verdict,
        reason,
        before=history.at(window.pre * MINUTE),
        now=history.at(window.end * MINUTE),
        logit=d,
        z=z,
        rank_p=_chance(history, window),
        minutes=minutes,
        trades=trades,
    )
    return _judge(_Case(history, window, direction, weight, rivals, peers), plain)


# what can't be measured ----------------------------------------------------------------------


def _unmeasurable(history: OddsHistory, window: Window) -> str:
    """Why nothing can be said at all, or "" """
    pre, start, end = window.pre, window.start, window.end
    before = history.x(pre)
    if before is None:
        return "no odds were seen before the story"
    if abs(before) >= TOP:
        return "the odds were beyond 98 % or below 2 % before the story"
    if history.closed is not None and history.closed <= start:
        return "the market was closed"
    if end < start:
        return "the tick size changed as the story came: odds before and after do not compare"
    if history.scale(HORIZONS[0] + GUARD, pre, window.shadows) is None:
        fresh = history.fresh_minutes(pre - BASELINE_MAX, pre)
        return f"too little history: {fresh / 60:.1f} of {BASELINE_MIN // 60} hours"
    return _absent(history, window) or _resumed(history, window)


def _absent(history: OddsHistory, window: Window) -> str:
    counts = history.absences(window.pre, window.end)
    length = window.end - window.pre + 1
    if sum(counts.values()) * 2 > length:
        return max(counts, key=lambda absence: counts[absence]).value
    if history.stale_run(window.pre) > CARRY_MAX:
        return "no fresh quotes before the story"
    return ""


def _resumed(history: OddsHistory, window: Window) -> str:
    """A jump across a gap in the quotes that makes up most of the move, in words, or "" """
    change = abs((history.x(window.end) or 0.0) - (history.x(window.pre) or 0.0))
    for minute in range(window.pre + 1, window.end + 1):
        gap = history.stale_run(minute - 1)
        if gap < GAP_MIN or history.stale_run(minute):
            continue
        jump = abs((history.x(minute) or 0.0) - (history.x(minute - 1) or 0.0))
        if jump > window.floor and jump * 2 >= change:
            return f"quotes returned after {gap} minutes away: a resumption, not a move"
    return ""


# what is said ----------------------------------------------------------------------------------


def _judge(case: _Case, plain: Impact) -> Impact:
    history, window = case.history, case.window
    flag = _flagged(history, window)
    # where the move is beyond doubt already, what comes later in the hour is not its leak
    last = window.until(
        RUNNING_MAX if flag is None else max(HORIZONS[1], flag.minute - window.start)
    )
    leak = _leak(history, window, last)
    plain = replace(plain, leak=leak)
    if leak is not None and leak > LEAK_FLAG and _led(history, window, flag, last):
        share = "the whole" if leak >= 1 else f"{leak:.0%} of the"
        reason = f"{share} move came before the story"
        return _with_length(case, replace(plain, verdict=Verdict.LED, reason=reason))
    if flag is None:
        verdict, reason = _unflagged(history, window, plain.logit or 0.0, plain.z or 0.0)
        return replace(plain, verdict=verdict, reason=reason)
    return _with_length(case, _credited(case, flag, _adjusted(case, flag, plain)))


def _unflagged(history: OddsHistory, window: Window, d: float, z: float) -> tuple[Verdict, str]:
    closed, changed = history.closed, history.tick_changed(window.pre, window.end + 1)
    minutes = window.end - window.start
    if minutes < HORIZONS[-1] and closed is not None and closed <= window.end + 1:
        return Verdict.NOT_MEASURABLE, "the market closed"
    if minutes < HORIZONS[-1] and changed is not None:
        return Verdict.NOT_MEASURABLE, "the tick size changed: odds before and after do not compare"
    if minutes < HORIZONS[0]:
        return Verdict.WAITING, f"{HORIZONS[0]} minutes have not passed yet"
    said = f"{times(z)} its usual {minutes + GUARD}-minute move"
    if abs(z) < HORIZON_FLAG:
        return Verdict.NOISE, said
    if abs(d) < MOVE_MIN:
        return Verdict.NOISE, f"a small move in a calm market: {said}"
    if minutes < HORIZONS[1]:
        return Verdict.WAITING, f"{said}: a quarter hour will tell"
    return Verdict.NOISE, f"{said}, and never {RUNNING_FLAG:.0f} for two minutes"


def times(z: float) -> str:
    """How many times its usual move, in words: "4.2 times", "over 10 times"."""
    return f"{usual_moves(abs(z))} times"


def _adjusted(case: _Case, flag: _Flag, plain: Impact) -> Impact:
    """With what the theme did meanwhile, and how far the move goes beyond that."""
    history, window = case.history, case.window
    # peers may take a while to show: before the quarter hour this is provisional
    minute = max(flag.minute, window.until(HORIZONS[1]))
    if abs(score(history, window, minute)[1]) < HORIZON_FLAG:
        minute = flag.minute
    of = case.peers.theme(window, minute) if case.peers is not None else None
    if of is None:
        return plain
    return replace(plain, theme=of.logit, z_adjusted=_beyond(case, minute, of), peers=of.peers)


def _beyond(case: _Case, minute: int, of: Theme) -> float:
    d = moved(case.history, case.window, case.window.pre, minute)
    deviation = usual(case.history, case.window, minute) or 0.0
    own = d - of.logit
    spread = math.hypot(deviation, of.error)
    return own / spread if spread else 0.0


def _credited(case: _Case, flag: _Flag, plain: Impact) -> Impact:
    """A clear move belongs to the story, unless its theme or another story explains it."""
    own = claim(case.history, case.window, case.rivals, case.weight, flag.minute)
    near = nearby(case.window, case.rivals)
    plain = replace(
        plain, credit=own.share, rivals=tuple(rival.name for rival in near if rival.name)
    )
    if _explained(plain, flag):
        reason = (
            f"{plain.peers} markets of its kind moved by {plain.theme:+.2f} logit too; beyond "
            f"that it is {times(plain.z_adjusted or 0.0)} its usual move"
        )
        return replace(plain, verdict=Verdict.THEME, reason=reason)
    if own.rivals and own.share < CREDIT_MIN:
        reason = f"{in_words(own.rivals)} came within the same half hour"
        return replace(plain, verdict=Verdict.SHARED, reason=reason)
    return replace(plain, verdict=Verdict.CLEAR, reason=_clear(case, flag, own))


def _explained(plain: Impact, flag: _Flag) -> bool:
    """Whether the theme went the same way, far enough to leave nothing that stands out."""
    if plain.theme is None or plain.z_adjusted is None:
        return False
    if plain.theme / flag.logit < THEME_SHARE_MIN:
        return False
    left = plain.z_adjusted if flag.logit > 0 else -plain.z_adjusted
    return left < HORIZON_FLAG


def _clear(case: _Case, flag: _Flag, own: Claim) -> str:
    agreed = ""
    if case.direction:
        agreed = " as linked" if flag.logit * case.direction > 0 else " against the link"
    took = flag.minute - case.window.start
    credit = f", {own.share:.0%} of the credit its own" if own.rivals else ""
    return f"{times(flag.z)} its usual move {took} min after the story{agreed}{credit}"


def _with_length(case: _Case, plain: Impact) -> Impact:
    return replace(
        plain,
        half_life=_half_life(case.history, case.window),
        persistence=_persistence(case.history, case.window),
    )


# figures -----------------------------------------------------------------------------------------


def _flagged(history: OddsHistory, window: Window) -> _Flag | None:
    """The first minute at which the move was beyond doubt, if there is one."""
    standing = 0
    for minute in range(window.start, window.until(RUNNING_MAX) + 1):
        d = moved(history, window, window.pre, minute)
        if abs(d) < max(HORIZON_FLAG * window.floor, MOVE_MIN):
            standing = 0  # whatever is usual, so little is no flag
            continue
        d, z = score(history, window, minute)
        side = 0 if abs(z) < RUNNING_FLAG else 1 if z > 0 else -1
        if (side and side == standing) or _graded(history, window, minute, d, z):
            return _Flag(minute, d, z)
        standing = side
    return None


def _graded(history: OddsHistory, window: Window, minute: int, d: float, z: float) -> bool:
    """A quarter hour on, a lesser z will do if hardly any move of the day was as large."""
    if minute - window.start != HORIZONS[1] or abs(z) < HORIZON_FLAG:
        return False
    p = rank(history, window, minute, d)
    return p is not None and p <= RANK_FLAG


def _chance(history: OddsHistory, window: Window) -> float | None:
    """How often the market goes as far without a story, at the likeliest of a few looks.

    They are the quarter hours of the first hour and now; each look is paid for once more.
    """
    last = window.until(RUNNING_MAX)
    looks = {minute for quarter in QUARTERS if (minute := window.start + quarter) < last} | {last}
    tails = [tail for minute in sorted(looks) if (tail := _tail(history, window, minute))]
    return min(1.0, len(looks) * min(tails)) if tails else None


def _tail(history: OddsHistory, window: Window, minute: int) -> float | None:
    size = abs(moved(history, window, window.pre, minute)) - window.floor
    if size <= 0:
        return 1.0
    length = max(1, minute - window.pre)
    return history.tail(size, length, window.pre, window.shadows, window.floor)


def _leak(history: OddsHistory, window: Window, last: int) -> float | None:
    """The share of the move since half an hour before that had happened when the story came."""
    early = window.start - LEAD
    if history.x(early) is None:
        return None
    whole = moved(history, window, early, last)
    if abs(whole) <= 2 * window.floor:
        return None
    # the minute before: the story's own minute may hold its first effect
    part = moved(history, window, early, window.start - 1)
    return min(max(part / whole, -1.0), 2.0)


def _led(history: OddsHistory, window: Window, flag: _Flag | None, last: int) -> bool:
    """Whether the whole move, from before the story, is beyond doubt.

    A clear move against what went before is a turn that the story brought.
    """
    early = window.start - LEAD
    whole = moved(history, window, early, last)
    if flag is not None:
        return flag.logit * whole > 0
    scale = history.scale(last - early, early, window.shadows)
    if scale is None:
        return False
    return abs(whole) >= max(RUNNING_FLAG * math.hypot(scale, window.floor), MOVE_MIN)


def _half_life(history: OddsHistory, window: Window) -> float | None:
    """Minutes until half of the first hour's move was done; None before the hour is over."""
    hour = window.start + HORIZONS[-1]
    if window.end < hour:
        return None
    whole = moved(history, window, window.pre, hour)
    if abs(whole) <= window.floor:
        return None
    for minute in range(window.pre + 1, hour + 1):
        if moved(history, window, window.pre, minute) / whole >= 0.5:
            return float(max(0, minute - window.start))
    return None


def _persistence(history: OddsHistory, window: Window) -> float | None:
    """How much of the first hour's extreme so far is left, from a quarter hour on."""
    if window.end < window.start + HORIZONS[1]:
        return None
    before = bounded(history.x(window.pre) or 0.0)
    hour = range(window.start, window.until(RUNNING_MAX) + 1)
    extreme = max((bounded(history.x(m) or 0.0) - before for m in hour), key=abs)
    if abs(extreme) <= 2 * window.floor:
        return None
    left = bounded(history.x(min(window.end, window.start + WATCH_MAX)) or 0.0) - before
    return left / extreme
