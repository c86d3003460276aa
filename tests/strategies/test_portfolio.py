"""Money: exact to the last millionth, against a slow and obvious twin."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import BookHealth, BookState, Fill
from feeds.markets import DOLLAR, ONE, SHARE, Side
from strategies.portfolio import DAY, Portfolio
from tests.strategies.kit import NOON, books, fill, floor

START = 10_000 * DOLLAR


def test_a_purchase_is_cash_for_shares_and_its_fee_is_lost_at_once() -> None:
    portfolio = Portfolio(START)
    portfolio.apply(fill(price=2_420, size=100 * SHARE, fee=73_370))
    position = portfolio.positions["m-yes"]
    assert portfolio.cash == START - 24_200_000 - 73_370
    assert (position.size, position.cost, position.average) == (100 * SHARE, 24_200_000, 2_420)
    assert (position.realised, portfolio.realised, portfolio.fees) == (-73_370, -73_370, 73_370)


def test_a_part_sale_takes_its_share_of_the_cost() -> None:
    portfolio = Portfolio(START)
    portfolio.apply(fill("a", price=3_000, size=3 * SHARE))
    portfolio.apply(fill("b", price=5_000, size=SHARE, side=Side.SELL))
    assert portfolio.positions["m-yes"].cost == 600_000
    assert portfolio.realised == 200_000
    portfolio.apply(fill("c", price=3_000, size=2 * SHARE, side=Side.SELL))
    assert (portfolio.positions["m-yes"].cost, portfolio.realised) == (0, 200_000)
    assert portfolio.equity == START + 200_000


def test_a_fill_told_twice_counts_once() -> None:
    portfolio = Portfolio(START)
    assert portfolio.apply(fill())
    assert not portfolio.apply(fill())
    assert portfolio.cash == START - 50 * DOLLAR


def test_fractions_of_a_millionth_are_always_rounded_against_us() -> None:
    portfolio = Portfolio(START)
    portfolio.apply(fill("a", price=3_333, size=1))
    assert portfolio.cash == START - 1
    portfolio.apply(fill("b", price=3_333, size=1, side=Side.SELL))
    assert portfolio.cash == START - 1
    assert portfolio.realised == -1


def test_the_winner_pays_a_dollar_the_loser_nothing_and_a_split_half() -> None:
    for winner, paid in (("m-yes", 100), ("m-no", 0), ("", 50)):
        portfolio = Portfolio(START)
        portfolio.apply(fill(price=4_000))
        portfolio.resolve("m", winner)
        portfolio.resolve("m", winner)
        assert portfolio.cash == START - 40 * DOLLAR + paid * DOLLAR
        assert portfolio.realised == (paid - 40) * DOLLAR
        assert portfolio.held("m-yes") == 0


def test_open_orders_speak_for_cash_and_shares_until_they_need_them_no_more() -> None:
    portfolio = Portfolio(100 * DOLLAR)
    portfolio.apply(fill("a", price=1_000))
    portfolio.reserve("buy", "m-yes", Side.BUY, 5_000, 20 * SHARE, 1_000)
    portfolio.reserve("sell", "m-yes", Side.SELL, 5_000, 30 * SHARE, 0)
    assert portfolio.free_cash == 90 * DOLLAR - 10 * DOLLAR - 1_000
    assert portfolio.free_shares("m-yes") == 70 * SHARE
    assert portfolio.committed(("m-yes", "m-no")) == 10 * DOLLAR + 10 * DOLLAR + 1_000
    portfolio.reserve("buy", "m-yes", Side.BUY, 5_000, 0, 0)
    portfolio.reserve("sell", "m-yes", Side.SELL, 5_000, 0, 0)
    assert (portfolio.free_cash, portfolio.free_shares("m-yes")) == (90 * DOLLAR, 100 * SHARE)


def test_marks_come_from_sound_fresh_books_and_stay_when_there_is_none() -> None:
    here, portfolio = floor(), Portfolio(START)
    portfolio.apply(fill(price=5_000))
    assert portfolio.marks["m-yes"] == 5_000
    portfolio.mark(here)
    assert portfolio.marks["m-yes"] == 4_900
    for snapshot in books("m", 4_999, 5_000, tick=1):
        here.snapshot(snapshot)
    here.health(BookHealth(NOON, "m-yes", BookState.FROZEN))
    portfolio.mark(here)
    assert portfolio.marks["m-yes"] == 4_900
    here.health(BookHealth(NOON, "m-yes", BookState.LIVE))
    portfolio.mark(here)
    assert portfolio.marks["m-yes"] == 4_999, "the midpoint is rounded down"
    portfolio.apply(fill("late", price=9_000))
    assert portfolio.marks["m-yes"] == 4_999, "a book's word is better than a fill's"


def test_profit_of_the_day_begins_at_midnight_utc() -> None:
    portfolio = Portfolio(START)
    portfolio.roll(NOON)
    portfolio.apply(fill(price=5_000, fee=DOLLAR))
    portfolio.marks["m-yes"] = 4_000
    assert portfolio.today == -11 * DOLLAR
    portfolio.roll(NOON + 1)
    assert portfolio.today == -11 * DOLLAR
    portfolio.roll(NOON + DAY)
    assert portfolio.today == 0


# -- the twin ----------------------------------------------------------------------------------

ASSETS = [f"{name}-{outcome}" for name in "abc" for outcome in ("yes", "no")]
trades = st.lists(
    st.tuples(
        st.sampled_from(ASSETS),
        st.sampled_from(Side),
        st.integers(1, ONE - 1),
        st.integers(1, 10**10),
        st.integers(0, 10**6),
        st.integers(0, ONE),
    ),
    max_size=40,
)


class Twin:
    """The same portfolio, worked out from the list of all fills each time it is asked."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []

    def held(self, asset_id: str) -> int:
        return sum(f.side.sign * f.size for f in self.fills if f.asset_id == asset_id)

    def cash(self) -> int:
        cash = Fraction(START)
        for each in self.fills:
            exact = Fraction(each.price * each.size, ONE)
            cash -= each.fee
            cash += (
                -(-exact.numerator // exact.denominator) * -1
                if each.side is Side.BUY
                else (exact.numerator // exact.denominator)
            )
        return int(cash)


@settings(max_examples=200)
@given(trades, st.sampled_from(["", "a-yes", "a-no"]))
def test_cash_and_positions_at_mark_add_up_to_equity_to_the_last_millionth(
    happened: list[tuple[str, Side, int, int, int, int]], winner: str
) -> None:
    portfolio, twin = Portfolio(START), Twin()
    for number, (asset_id, side, price, size, charged, mark) in enumerate(happened):
        if side is Side.SELL:
            size = min(size, twin.held(asset_id))
        if not size:
            continue
        each = fill(
            str(number),
            condition_id=asset_id[0],
            asset_id=asset_id,
            side=side,
            price=price,
            size=size,
            fee=charged,
        )
        portfolio.apply(each)
        twin.fills.append(each)
        portfolio.marks[asset_id] = mark
        _agree(portfolio, twin)
    before = portfolio.cash
    held = {asset: twin.held(asset) for asset in ("a-yes", "a-no")}
    portfolio.resolve("a", winner)
    due = sum(
        size // 2 if not winner else size if asset == winner else 0 for asset, size in held.items()
    )
    assert portfolio.cash == before + due
    assert portfolio.equity - START == portfolio.realised + portfolio.unrealised


def _agree(portfolio: Portfolio, twin: Twin) -> None:
    assert portfolio.cash == twin.cash()
    worth = 0
    for asset_id in ASSETS:
        assert portfolio.held(asset_id) == twin.held(asset_id)
        worth += twin.held(asset_id) * portfolio.marks.get(asset_id, 0) // ONE
    assert portfolio.equity == portfolio.cash + worth
    assert portfolio.equity - START == portfolio.realised + portfolio.unrealised
    assert all(position.cost >= 0 for position in portfolio.positions.values())
    assert all(p.cost == 0 for p in portfolio.positions.values() if not p.size)
