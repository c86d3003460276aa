"""What the venue charges: one formula, in exact integers, for paper, ticket and backtest alike.

A taker pays ``shares x rate x (p (1 - p)) ** exponent`` dollars, rounded to five decimals; a maker
pays nothing. Rebates are paid daily from a pool and never counted here. A market whose schedule
is unknown or absurd takes no order, so ask ``usable`` first.
"""

from typing import TypeGuard

from feeds.markets import ONE, FeeSchedule, Money, Price, Side, Size

FEE_STEP: Money = 10
"""The venue rounds to 0.00001 dollar."""
EXPONENT_MAX = 8
RATE_E6_MAX = 1_000_000
ROUNDING_SLACK: Money = 1_000
"""A tenth of a cent kept aside for roundings, since an order may fill in many small parts."""


def usable(schedule: FeeSchedule | None) -> TypeGuard[FeeSchedule]:
    """Whether a schedule is known and within reason."""
    return (
        schedule is not None
        and 0 <= schedule.rate_e6 <= RATE_E6_MAX
        and 0 <= schedule.exponent <= EXPONENT_MAX
    )


def fee(size: Size, price: Price, schedule: FeeSchedule) -> Money:
    """The taker's fee for one fill, rounded half up to 0.00001 dollar; below that it is zero."""
    assert 0 <= price <= ONE, f"a price of {price} is no probability"
    assert size >= 0, f"a size of {size} can't have traded"
    odds: int = (price * (ONE - price)) ** schedule.exponent
    whole: int = ONE ** (2 * schedule.exponent)
    charged, step = size * schedule.rate_e6 * odds, FEE_STEP * 1_000_000 * whole
    if charged < step:
        return 0
    return FEE_STEP * ((2 * charged + step) // (2 * step))


def fee_ceiling(side: Side, price: Price, size: Size, schedule: FeeSchedule) -> Money:
    """The most that an order can pay in fees, whatever prices better than its limit it meets.

    The fee a share is highest at even odds, so the worst price is the permitted one nearest to it.
    """
    half = ONE // 2
    worst = min(price, half) if side is Side.BUY else max(price, half)
    return fee(size, worst, schedule) + (ROUNDING_SLACK if schedule.rate_e6 else 0)


def fee_cents(price: Price, schedule: FeeSchedule) -> float:
    """The taker's fee for one share at this price in cents, unrounded: for estimates."""
    odds = price / ONE
    return 100 * schedule.rate_e6 / 1_000_000 * float((odds * (1 - odds)) ** schedule.exponent)
