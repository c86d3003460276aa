"""When is the engine too late to trade, and when is it in time again?"""

import pytest

from feeds.clock import Clock
from feeds.events import BookSnapshot, LevelChange
from feeds.markets import SECOND, Side
from terminal.engine.lag import LATEST_S, SETTLES_S, SPAN_S, TELL_EVERY_S, Delay, Lag


def test_in_time_there_is_nothing_to_tell() -> None:
    lag = Lag(1_000)
    assert [lag.turn(at / 10, at / 10 - 0.9) for at in range(100)] == [None] * 100
    assert (lag.now_ms, lag.times) == (900, 0)


def test_late_is_told_at_once_then_now_and_then_and_its_end_once() -> None:
    lag = Lag(1_000)
    assert lag.turn(10.0, 8.9) == 1_100
    assert lag.turn(10.1, 8.9) is None
    assert lag.turn(10.0 + TELL_EVERY_S, 8.9) == 1_600
    assert lag.turn(11.0, 10.3) is None, "less than the limit, and not yet well below"
    assert lag.turn(11.2, 10.8) == 0
    assert lag.turn(11.3, 11.3) is None
    assert (lag.times, lag.worst_ms) == (1, 1_600)
    assert lag.turn(20.0, 18.0) == 2_000
    assert lag.times == 2


def test_who_stood_still_is_late_although_all_it_reads_looks_new() -> None:
    lag = Lag(1_000)
    lag.awake(10.0)
    lag.awake(30.0)
    assert lag.turn(30.0, 30.0) == 20_000
    lag.awake(30.4)
    assert lag.turn(30.5, 30.5) == 20_000
    lag.awake(30.9)
    lag.awake(30.0 + SETTLES_S)
    assert lag.turn(30.0 + SETTLES_S, 30.0 + SETTLES_S) == 0


def test_short_pauses_are_no_standing_still() -> None:
    lag = Lag(1_000)
    for at in range(10):
        lag.awake(at * 0.9)
        assert lag.turn(at * 0.9, at * 0.9) is None


class Stopped(Clock):
    """A clock that is set by hand, in seconds."""

    now_s = 1_000.0

    def now_ns(self) -> int:
        return int(self.now_s * SECOND)


class Venue:
    """Sends a change every tenth of a second; each is on its way for ``took`` seconds."""

    def __init__(self, skew_s: float = 0.0) -> None:
        self.clock, self.skew_s = Stopped(), skew_s
        self.delay = Delay(self.clock)

    def goes_on(self, seconds: float, took: float = 0.05) -> float:
        for _ in range(round(10 * seconds)):
            self.clock.now_s += 0.1
            self.says(self.clock.now_s + self.skew_s - took)
        return round(self.delay.late_s(self.clock.now_s), 3)

    def says(self, stamp_s: float) -> None:
        change = LevelChange(0, "yes", int(stamp_s * SECOND), Side.BUY, 5_000, 1)
        self.delay.heard([change], self.clock.now_s)


@pytest.mark.parametrize("skew_s", [0.0, -40.0, 55.5])
def test_what_is_read_late_is_late_whatever_the_clocks_say(skew_s: float) -> None:
    venue = Venue(skew_s)
    assert venue.goes_on(20) == 0
    assert venue.goes_on(1, took=3.05) == 3.0
    assert venue.goes_on(2 * LATEST_S) == 0


def test_who_is_late_for_minutes_does_not_get_used_to_it() -> None:
    venue = Venue()
    venue.goes_on(20)
    assert venue.goes_on(300, took=2.05) == 2.0


def test_one_odd_stamp_counts_for_little() -> None:
    venue = Venue()
    venue.goes_on(20)
    venue.says(venue.clock.now_s + 500)
    assert venue.goes_on(3 * SPAN_S) == 0
    venue.says(venue.clock.now_s + 10**9)
    venue.says(0)
    assert venue.goes_on(1) == 0


def test_a_clock_that_was_set_is_found_out_in_time() -> None:
    venue = Venue()
    venue.goes_on(60)
    venue.skew_s = -5.0
    assert venue.goes_on(1) == 5.0
    venue.goes_on(700)
    assert venue.goes_on(1) == 0


def test_whole_books_and_silence_say_nothing() -> None:
    venue = Venue()
    venue.goes_on(20)
    old = BookSnapshot(0, "yes", SECOND, (), ())
    change = LevelChange(0, "yes", SECOND, Side.BUY, 5_000, 1)
    venue.delay.heard([old, change], venue.clock.now_s)
    assert venue.delay.late_s(venue.clock.now_s) == 0
    venue.says(venue.clock.now_s - 3)
    assert venue.delay.late_s(venue.clock.now_s) > 2
    assert venue.delay.late_s(venue.clock.now_s + 2 * LATEST_S) == 0
