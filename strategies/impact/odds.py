"""One market's odds of YES, a value a minute: what the impact of a story is measured on.

Odds live on a minute grid as log-odds, since a cent near the edge means more than a cent in the
middle. Times are Unix nanoseconds, odds are implied probabilities, ticks are 1/10,000 dollar.
"""

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from enum import Enum
from itertools import compress
from operator import sub
from typing import TypeAlias

from feeds.markets import MINUTE, ONE, Nanos, Price

RING_MAX = 26 * 60
"""Minutes of odds kept: a day of baseline and two hours to watch a story."""
BASELINE_MAX = 24 * 60
BASELINE_MIN = 6 * 60
"""With fewer fresh minutes than this a market has no usual move to compare with."""
GUARD = 2
"""Minutes before the story at which the odds count as untouched: clocks disagree by as much."""
SPREAD_MAX = 0.10
CARRY_MAX = 10
"""Minutes over which one point of the venue's price history stands for the odds."""
SCAN_BLOCK = 10
"""A baseline without a story ends on a multiple of so many minutes: seldom worked out anew."""
STORY_SHADOW = 15
"""Minutes after another story that stay out of the baseline."""
GAP_MIN = 5
"""Minutes without quotes after which the first new quote is a resumption, not a move."""
WINDOWS_MIN = 120
TAIL = 3.0
"""Odds have fat tails: beyond the largest move seen, twice as large is an eighth as likely."""
SCALES_MAX = 1024
"""Usual moves remembered a market, one number each."""
MOVES_KEPT_MAX = 8
"""Windows whose single moves are remembered a market: some 12 kB each."""
TICKS_MAX = 64
SLACK = 1e-9
"""Two floats nearer than this are the same number."""


class Absence(Enum):
    """Why a minute has no odds of its own. The values end the sentence "not measurable: ..."."""

    ONE_SIDED = "one side of the book was empty"
    FROZEN = "the book was stale or frozen"
    WIDE = "the spread was wider than 10 cents"
    SILENT = "no quotes were seen"


_FRESH = 0
_CODES = {absence: code for code, absence in enumerate(Absence, start=1)}
_IS_FRESH = bytes(code == _FRESH for code in range(256))
_BY_CODE = {code: absence for absence, code in _CODES.items()}


def logit(odds: float, tick: Price = 1) -> float:
    """Log-odds of a probability, clipped half a tick inside 0 and 1."""
    edge = tick / ONE / 2
    clipped = min(max(odds, edge), 1 - edge)
    return math.log(clipped / (1 - clipped))


def expit(x: float) -> float:
    """The probability with these log-odds."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))


_Baseline: TypeAlias = tuple[int, int, tuple[int, ...]]
"""A window in minutes, the minute its day ends, and the minutes of other stories."""


class OddsHistory:
    """One market's odds of YES, a value a minute, for the last 26 hours.

    Feed it with :meth:`observe` whenever the book changes and at least once a minute while the
    book is sound: a minute without a call counts as silent. The value of a minute is the last
    one seen in it; minutes without one carry the value before and say why.
    """

    __slots__ = (
        "_closed",
        "_code",
        "_first",
        "_half",
        "_half_from",
        "_kept",
        "_odds",
        "_scales",
        "_ticks",
        "_watched",
        "_x",
    )

    def __init__(self) -> None:
        self._first = 0
        self._watched: int | None = None
        self._x = array("d")
        self._odds = array("d")
        self._half = array("d")
        self._half_from: int | None = None
        self._code = bytearray()
        self._ticks: deque[tuple[int, Price]] = deque(maxlen=TICKS_MAX)
        self._closed: int | None = None
        self._scales: dict[_Baseline, float | None] = {}
        self._kept: dict[_Baseline, array[float]] = {}

    def observe(
        self,
        at_ns: Nanos,
        midpoint: float | None,
        half_spread: float,
        tick: Price,
        absence: Absence = Absence.ONE_SIDED,
    ) -> None:
        """The book at this time: its midpoint and half its spread, as probabilities.

        ``midpoint`` is None where there is no honest one; ``absence`` then says why. Times before
        the last minute seen are ignored.
        """
        minute = at_ns // MINUTE
        if self._x and minute < self._end:
            return
        if midpoint is not None and half_spread * 2 > SPREAD_MAX + SLACK:
            midpoint, absence = None, Absence.WIDE
        if not self._extend(minute, midpoint):
            return
        self._note_tick(minute, tick)
        if self._watched is None:
            self._watched = minute
        if midpoint is None:
            if self._code[-1] != _FRESH:
                self._code[-1] = _CODES[absence]
            return
        self._put(-1, midpoint, half_spread, tick)

    def backfill(self, points: Iterable[tuple[Nanos, float]]) -> None:
        """Odds before the first minute observed, from the venue's price history.

        Each point stands until the next, for ten minutes at most. Minutes already known are kept.
        """
        known = self._first if self._x else None
        past = sorted((at // MINUTE, odds) for at, odds in points if 0 < odds < 1)
        if known is not None:
            past = [point for point in past if point[0] < known]
        if not past:
            return
        older = _grid(past, known)
        self._prepend(past[0][0], older)
        self._scales.clear()
        self._kept.clear()
        self._trim()

    def close(self, at_ns: Nanos) -> None:
        """The market stopped trading: nothing after this minute is measured."""
        if self._closed is None:
            self._closed = at_ns // MINUTE

    def at(self, when_ns: Nanos) -> float | None:
        """The odds at this time, carried over minutes without quotes; None before the first."""
        index = self._index(when_ns // MINUTE)
        return None if index is None or math.isnan(self._odds[index]) else self._odds[index]

    @property
    def last(self) -> float | None:
        """The newest odds, or None."""
        return None if not self._x or math.isnan(self._odds[-1]) else self._odds[-1]

    def stale_minutes(self, from_ns: Nanos, to_ns: Nanos) -> int:
        """How many minutes of this span have no odds of their own."""
        start, end = from_ns // MINUTE, to_ns // MINUTE
        return max(0, end - start + 1) - self.fresh_minutes(start, end)

    def usual_move(self, minutes: float, now_ns: Nanos | None = None) -> float | None:
        """The market's usual move over so many minutes, in logit; None with too little history."""
        if not self._x:
            return None
        end = self._end if now_ns is None else now_ns // MINUTE
        return self.scale(max(1, round(minutes)), end - end % SCAN_BLOCK, ())

    def sparkline(self, points: int, now_ns: Nanos | None = None) -> tuple[float, ...]:
        """At most so many odds, evenly spaced over what is kept, oldest first, newest last."""
        end = self._end if now_ns is None else now_ns // MINUTE
        known = [i for i in range(len(self._x)) if not math.isnan(self._odds[i])]
        if not known or points < 1:
            return ()
        first, final = self._first + known[0], max(end, self._first + known[0])
        count = min(points, final - first + 1)
        step = (final - first) / max(1, count - 1)
        minutes = [final - round(step * back) for back in range(count - 1, -1, -1)]
        indices = [self._index(minute) for minute in minutes]
        return tuple(self._odds[i] for i in indices if i is not None)

    # what measure() and the scan read, all in minutes since 1970

    @property
    def _end(self) -> int:
        return self._first + len(self._x) - 1

    def x(self, minute: int) -> float | None:
        """Log-odds of this minute, carried; None before the first."""
        index = self._index(minute)
        return None if index is None or math.isnan(self._x[index]) else self._x[index]

    def absences(self, start: int, end: int) -> dict[Absence, int]:
        """How many minutes of ``start..end`` lack odds of their own, by reason."""
        counts: dict[Absence, int] = {}
        for minute in range(start, end + 1):
            code = self._absent(minute)
            if code != _FRESH:
                counts[_BY_CODE[code]] = counts.get(_BY_CODE[code], 0) + 1
        return counts

    def stale_run(self, minute: int) -> int:
        """How many minutes up to this one have gone by without odds of their own."""
        run = 0
        while run < RING_MAX and self._absent(minute - run) != _FRESH:
            run += 1
        return run

    def fresh_minutes(self, start: int, end: int) -> int:
        """How many minutes of ``start..end`` have odds of their own."""
        low, high = max(start, self._first), min(end, self._end)
        return self._code.count(_FRESH, low - self._first, max(low, high + 1) - self._first)

    def tick_changed(self, start: int, end: int) -> int | None:
        """The first minute after ``start`` and up to ``end`` in which the tick size changed."""
        return next((m for m, _ in list(self._ticks)[1:] if start < m <= end), None)

    @property
    def watched(self) -> int | None:
        """The minute from which on the book itself was seen, not the venue's price history."""
        return self._watched

    @property
    def closed(self) -> int | None:
        """The minute in which the market closed."""
        return self._closed

    def noise_floor(self, minute: int) -> float:
        """What tick and spread can hide at this minute, in logit."""
        index = self._index(minute)
        if index is None:
            return 0.0
        half = self._half[index]
        if math.isnan(half):
            known = self._half_from
            half = self._half[known - self._first] if known is not None else 0.0
        tick = next((t for m, t in reversed(self._ticks) if m <= minute), self._oldest_tick)
        odds = self._odds[index]
        return max(tick / ONE / 2, half) / (odds * (1 - odds))

    def scale(self, window: int, end: int, shadows: tuple[int, ...]) -> float | None:
        """The usual move over ``window`` minutes in the day before ``end``; None if unknown.

        ``shadows`` are minutes of other stories; moves in their quarter hour do not count.
        """
        key = (window, end, shadows)
        if key not in self._scales:
            if len(self._scales) >= SCALES_MAX:
                self._scales.clear()
            moves = self._baseline(window, end, shadows)
            self._scales[key] = _robust(moves) if moves else None
        return self._scales[key]

    def rank(self, size: float, window: int, end: int, shadows: tuple[int, ...]) -> float | None:
        """The share of such moves that were at least as large; None where they are unknown."""
        moves = self._sorted_moves(window, end, shadows)
        if not moves:
            return None
        as_large = len(moves) - bisect_left(moves, size - SLACK)
        return (1 + as_large) / (1 + len(moves))

    def tail(
        self, size: float, window: int, end: int, shadows: tuple[int, ...], floor: float
    ) -> float | None:
        """:meth:`rank`, and beyond the largest move of the day its continuation.

        A day of minutes can't tell one in a thousand from one in a million; fat tails can.
        """
        p = self.rank(size, window, end, shadows)
        if p is None:
            return None
        largest = max(self._sorted_moves(window, end, shadows)[-1], floor)
        return p if size <= largest or not largest else p * (largest / size) ** TAIL

    def samples(self, window: int, end: int, shadows: tuple[int, ...]) -> float:
        """How many moves of this length the day holds that do not overlap."""
        return len(self._sorted_moves(window, end, shadows)) / window

    def _sorted_moves(self, window: int, end: int, shadows: tuple[int, ...]) -> "array[float]":
        key = (window, end, shadows)
        moves = self._kept.get(key)
        if moves is None:
            if len(self._kept) >= MOVES_KEPT_MAX:
                del self._kept[next(iter(self._kept))]
            moves = self._kept[key] = self._baseline(window, end, shadows)
        return moves

    def _baseline(self, window: int, end: int, shadows: tuple[int, ...]) -> "array[float]":
        """Moves of a day in order of size; empty when too few are known."""
        start, end = max(self._first, end - BASELINE_MAX), min(end, self._end)
        if self.fresh_minutes(start, end) < min(BASELINE_MIN, BASELINE_MAX):
            return array("d")
        moves = self._moves(window, start, end, shadows)
        if len(moves) < WINDOWS_MIN and shadows:
            moves = self._moves(window, start, end, ())
        return array("d", moves if len(moves) >= WINDOWS_MIN else ())

    def _moves(self, window: int, start: int, end: int, shadows: tuple[int, ...]) -> list[float]:
        low, high = start - self._first, end - self._first + 1
        x, fresh = self._x[low:high], self._code[low:high].translate(_IS_FRESH)
        count = max(0, len(x) - window)
        # both ends quoted, the whole day in one step: measuring spends its time here
        both = int.from_bytes(fresh[:count], "big") & int.from_bytes(fresh[window:], "big")
        counted = bytearray(both.to_bytes(count, "big"))
        for minute in shadows:
            _shade(counted, minute - start, window)
        return sorted(compress(map(abs, map(sub, x[window:], x)), counted))

    def _index(self, minute: int) -> int | None:
        if not self._x or minute < self._first:
            return None
        return min(minute, self._end) - self._first

    def _absent(self, minute: int) -> int:
        if not self._x or not self._first <= minute <= self._end:
            return _CODES[Absence.SILENT]
        return self._code[minute - self._first]

    @property
    def _oldest_tick(self) -> Price:
        return self._ticks[0][1] if self._ticks else 1

    def _note_tick(self, minute: int, tick: Price) -> None:
        if not self._ticks or self._ticks[-1][1] != tick:
            self._ticks.append((minute, tick))

    def _extend(self, minute: int, midpoint: float | None) -> bool:
        """Carry the last value up to this minute. False while there is nothing to carry."""
        if not self._x:
            if midpoint is None:
                return False
            self._first = minute
            self._carry(1)
            return True
        gap = minute - self._end
        if gap > RING_MAX:
            self._forget()
            return self._extend(minute, midpoint)
        self._carry(gap)
        self._trim()
        return True

    def _carry(self, minutes: int) -> None:
        nan = math.nan
        self._x.extend([self._x[-1] if self._x else nan] * minutes)
        self._odds.extend([self._odds[-1] if self._odds else nan] * minutes)
        self._half.extend([self._half[-1] if self._half else nan] * minutes)
        self._code.extend(bytes([_CODES[Absence.SILENT]]) * minutes)

    def _put(self, index: int, odds: float, half: float, tick: Price) -> None:
        self._x[index] = logit(odds, tick)
        self._odds[index] = odds
        self._half[index] = half
        if self._half_from is None:
            self._half_from = self._end
        self._code[index] = _FRESH

    def _prepend(self, first: int, older: list[tuple[float, bool]]) -> None:
        tick = self._oldest_tick
        self._x = array("d", [logit(odds, tick) for odds, _ in older]) + self._x
        self._odds = array("d", [odds for odds, _ in older]) + self._odds
        self._half = array("d", [math.nan] * len(older)) + self._half
        silent = _CODES[Absence.SILENT]
        self._code = bytearray(_FRESH if fresh else silent for _, fresh in older) + self._code
        self._first = first

    def _trim(self) -> None:
        """Forget the oldest, an hour at a time, so that trimming is rare."""
        surplus = len(self._x) - RING_MAX
        if surplus < 60:
            return
        del self._x[:surplus], self._odds[:surplus], self._half[:surplus], self._code[:surplus]
        self._first += surplus

    def _forget(self) -> None:
        del self._x[:], self._odds[:], self._half[:], self._code[:]
        self._watched = self._half_from = None
        self._scales.clear()
        self._kept.clear()


def _grid(past: list[tuple[int, float]], known: int | None) -> list[tuple[float, bool]]:
    """Points as one value a minute, up to ``known`` (left out), with whether each is fresh."""
    end = past[-1][0] if known is None else known - 1
    start = max(past[0][0], end - RING_MAX)
    grid: list[tuple[float, bool]] = []
    position = 0
    for minute in range(past[0][0], end + 1):
        while position + 1 < len(past) and past[position + 1][0] <= minute:
            position += 1
        if minute >= start:
            since, odds = past[position]
            grid.append((odds, minute - since < CARRY_MAX))
    return grid


def _shade(counted: bytearray, minute: int, window: int) -> None:
    """Leave out the moves that touch another story's quarter hour; places are the baseline's."""
    low = max(0, minute - GUARD - window + 1)
    high = min(len(counted), minute + STORY_SHADOW)
    if low < high:
        counted[low:high] = bytes(high - low)


def _robust(moves: "array[float]") -> float:
    """A deviation that a few large moves don't inflate and many idle minutes don't deflate."""
    middle, high = moves[len(moves) // 2], moves[(len(moves) * 9) // 10]
    return max(1.4826 * middle, high / 1.645)
