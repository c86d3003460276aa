"""Fees: the venue's formula to the last digit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.markets import ONE, SHARE, FeeSchedule, Side
from strategies.fees import fee, fee_ceiling, usable

GOLDEN = [
    # shares, price in cents, rate, fee in millionths of a dollar
    (100, 50, 0.04, 1_000_000),
    (100, 30, 0.07, 1_470_000),
    (250, 62, 0.05, 2_945_000),
    (37.5, 91.2, 0.04, 120_380),
    (25, 13, 0.05, 141_380),
    (1, 1, 0.07, 690),
    (0.01, 0.1, 0.04, 0),
    (100, 50, 0.0, 0),
    (0.01, 50, 0.04, 100),
    (0.001, 50, 0.04, 10),
    (0.000999, 50, 0.04, 0),
]


@pytest.mark.parametrize(("shares", "cents", "rate", "expected"), GOLDEN)
def test_known_fees_come_out_exactly(
    shares: float, cents: float, rate: float, expected: int
) -> None:
    schedule = FeeSchedule(rate_e6=round(rate * 1_000_000))
    assert fee(round(shares * SHARE), round(cents * 100), schedule) == expected


sizes = st.integers(0, 10**13)
prices = st.integers(0, ONE)
schedules = st.builds(FeeSchedule, rate_e6=st.integers(0, 1_000_000), exponent=st.integers(0, 4))


@given(sizes, prices, schedules)
def test_the_fee_is_the_formula_rounded_half_up_to_five_decimals(
    size: int, price: int, schedule: FeeSchedule
) -> None:
    odds = Fraction(price, ONE)
    exact = (
        Fraction(size, SHARE)
        * Fraction(schedule.rate_e6, 1_000_000)
        * (odds * (1 - odds)) ** schedule.exponent
    )
    steps = exact * 100_000
    expected = int(steps + Fraction(1, 2)) * 10 if steps >= 1 else 0
    assert fee(size, price, schedule) == expected


@given(sizes, prices, schedules)
def test_both_outcomes_of_a_trade_cost_the_same_fee(
    size: int, price: int, schedule: FeeSchedule
) -> None:
    assert fee(size, price, schedule) == fee(size, ONE - price, schedule)


@given(
    st.integers(1, 10**6).map(lambda n: n * 10_000),
    st.integers(1, ONE - 1),
    schedules,
    st.sampled_from(Side),
    st.data(),
)
def test_no_better_price_costs_more_than_the_ceiling(
    size: int, limit: int, schedule: FeeSchedule, side: Side, data: st.DataObject
) -> None:
    better = st.integers(1, limit) if side is Side.BUY else st.integers(limit, ONE - 1)
    first = data.draw(st.integers(0, size))
    paid = fee(first, data.draw(better), schedule) + fee(size - first, data.draw(better), schedule)
    assert paid <= fee_ceiling(side, limit, size, schedule)


@pytest.mark.parametrize(
    ("schedule", "known"),
    [
        (None, False),
        (FeeSchedule(rate_e6=-1), False),
        (FeeSchedule(rate_e6=2_000_000), False),
        (FeeSchedule(rate_e6=1, exponent=1_000_000_000), False),
        (FeeSchedule(rate_e6=1, exponent=-1), False),
        (FeeSchedule(rate_e6=0), True),
        (FeeSchedule(rate_e6=40_000), True),
    ],
)
def test_a_schedule_is_usable_only_if_known_and_within_reason(
    schedule: FeeSchedule | None, known: bool
) -> None:
    assert usable(schedule) is known
