"""How soon a source is asked again, and when its silence is suspect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.markets import SECOND
from feeds.news.poll_interval import STAMPS_MAX, is_frozen, newest, wait_s

NOW = 1_800_000_000 * SECOND
HOUR, DAY = 3_600, 86_400


def every(gap_s: int, ago_s: int = 0, many: int = 8) -> tuple[int, ...]:
    """Items ``gap_s`` apart, the newest ``ago_s`` before now."""
    return tuple(NOW - (ago_s + n * gap_s) * SECOND for n in range(many))


@pytest.mark.parametrize(
    ("stamps", "expected_s"),
    [
        ((), 300),
        (every(DAY, many=3), 300),
        (every(60), 300),
        (every(0), 300),
        (every(HOUR), 900),
        (every(HOUR, ago_s=90 * 60), 1_350),
        (every(60, ago_s=HOUR), 900),
        (every(DAY), 1_800),
        (every(60, ago_s=-HOUR), 300),
    ],
)
def test_a_source_is_asked_by_its_usual_gap_within_bounds(
    stamps: tuple[int, ...], expected_s: float
) -> None:
    assert wait_s(stamps, NOW, 300, 1_800) == expected_s


def test_a_ceiling_under_the_interval_changes_nothing() -> None:
    assert wait_s(every(DAY), NOW, 300, 0) == 300
    assert wait_s(every(DAY), NOW, 43_200, 900) == 43_200


def test_one_archive_item_does_not_make_a_busy_source_slow() -> None:
    stamps = newest([*every(60, many=10), NOW - 900 * DAY * SECOND])
    assert wait_s(stamps, NOW, 300, 1_800) == 300


@pytest.mark.parametrize(
    ("gap_s", "last_alive_s"),
    [(60, 5 * DAY), (DAY, 5 * DAY), (7 * DAY, 28 * DAY)],
)
def test_silence_is_suspect_by_the_sources_own_rhythm(gap_s: int, last_alive_s: int) -> None:
    assert not is_frozen(every(gap_s, ago_s=last_alive_s), NOW)
    assert is_frozen(every(gap_s, ago_s=last_alive_s + 1), NOW)


def test_a_source_of_unknown_rhythm_has_a_fortnight_and_one_without_dates_for_ever() -> None:
    assert not is_frozen(every(60, ago_s=14 * DAY, many=2), NOW)
    assert is_frozen(every(60, ago_s=14 * DAY + 1, many=2), NOW)
    assert not is_frozen((), NOW)


@given(
    st.lists(st.integers(0, 2 * NOW), max_size=40),
    st.integers(5, DAY),
    st.integers(0, DAY),
)
def test_whatever_the_times_the_wait_keeps_its_bounds(
    times: list[int], every_s: int, slowest_s: int
) -> None:
    stamps = newest(times)
    assert len(stamps) <= STAMPS_MAX
    assert every_s <= wait_s(stamps, NOW, every_s, slowest_s) <= max(every_s, slowest_s)
