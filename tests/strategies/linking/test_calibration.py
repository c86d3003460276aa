"""From the model's number to the share of right links."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._calibrate import SURE, Case, curve
from strategies.linking.calibration import calibrated, rungs
from strategies.linking.ranker import load

RAW = st.floats(0, 1, allow_nan=False)
CASES = st.lists(st.builds(Case, RAW, st.booleans(), st.integers(1, 80)), max_size=120)


def even(raw: float, share: float, count: int = 400) -> list[Case]:
    """Cases at one number, this share of them right."""
    return [Case(raw, i < share * count, 1) for i in range(count)]


@given(CASES, RAW, RAW)
def test_a_higher_number_never_means_a_lower_share(
    cases: list[Case], one: float, two: float
) -> None:
    knots = curve(cases)
    low, high = sorted((one, two))
    assert 0 <= calibrated(low, knots) <= calibrated(high, knots) <= 1


def test_an_overconfident_model_is_taken_down_to_what_was_right() -> None:
    knots = curve(even(0.4, 0.2) + even(0.7, 0.5) + even(0.97, 0.95))
    assert calibrated(0.4, knots) == pytest.approx(0.2, abs=0.01)
    assert calibrated(0.7, knots) == pytest.approx(0.5, abs=0.01)
    assert calibrated(0.97, knots) == pytest.approx(0.95, abs=0.01)


def test_numbers_out_of_order_are_pooled() -> None:
    knots = curve(even(0.5, 0.6) + even(0.6, 0.4))
    assert calibrated(0.55, knots) == pytest.approx(0.5, abs=0.01)


def test_few_cases_cannot_make_a_link_sure() -> None:
    assert calibrated(0.9, curve(even(0.9, 1.0, count=10))) < SURE
    assert calibrated(0.9, curve(even(0.9, 1.0))) > 0.95


def test_a_long_ladder_weighs_less_than_as_many_stories() -> None:
    ladder = curve([*even(0.9, 1.0, count=100), Case(0.9, False, 64)])
    stories = curve([*even(0.9, 1.0, count=100), *even(0.9, 0.0, count=64)])
    assert calibrated(0.9, ladder) > calibrated(0.9, stories)


def test_without_a_curve_numbers_stay_as_they_are() -> None:
    assert calibrated(0.37, ()) == 0.37


@pytest.mark.parametrize("meaning", [False, True])
def test_the_curves_that_ship_rise_from_nothing_to_nearly_all(meaning: bool) -> None:
    knots = load(meaning).curve
    assert knots[0] == (0.0, 0.0)
    assert knots[-1] == (1.0, 0.99)
    for (raw, right), (later, more) in pairwise(knots):
        assert raw < later
        assert right < more


@pytest.mark.parametrize(
    ("share", "markets", "told"), [(0.3, 6, 6), (0.3, 7, 3), (0.59, 40, 3), (0.6, 40, 40)]
)
def test_a_few_rungs_stand_for_a_long_ladder_that_is_doubtful(
    share: float, markets: int, told: int
) -> None:
    assert rungs(share, markets) == told
