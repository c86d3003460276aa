"""When is the engine too late to trade, and when is it in time again?"""

from terminal.engine.lag import SETTLES_S, TELL_EVERY_S, Lag


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
