"""Order of time in bounded memory."""

import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from feeds.events import Event, Gap, Tick
from feeds.recordings.order import in_order, merged


@given(st.lists(st.integers(0, 20)), st.integers(1, 7))
def test_any_order_becomes_order_of_time_and_equal_times_stay_in_sequence(
    times: list[int], in_memory: int
) -> None:
    events: list[Event] = [Gap(at, (str(place),), "") for place, at in enumerate(times)]
    expected = sorted(events, key=lambda event: event.at_ns)
    assert list(in_order(events, in_memory)) == expected


def test_memory_stays_bounded_however_long_the_recording() -> None:
    def backwards(count: int) -> Iterator[Event]:
        return (Gap(count - place, (f"asset-{place}",), "") for place in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        found = sum(1 for _ in in_order(backwards(count), 2_000))
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == count
        return high

    peak(5_000)
    # a stretch's open block is all that grows: 1,000 events for every 2,000 here, 100,000 there
    assert peak(40_000) < 40_000 * 250


def test_an_iterator_left_early_leaves_nothing_open() -> None:
    events = in_order((Tick(at) for at in range(100)), 10)
    assert next(events) == Tick(0)
    del events


def test_streams_in_order_become_one() -> None:
    left, right = [Tick(1), Tick(4)], [Tick(2), Tick(3), Tick(5)]
    assert [event.at_ns for event in merged([left, right])] == [1, 2, 3, 4, 5]
