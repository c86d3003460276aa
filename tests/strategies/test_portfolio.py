"""Money: exact to the last millionth, against a slow and obvious twin."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import BookHealth, BookState, Fill, Settlement
from feeds.markets import DOLLAR, ONE, SHARE, Side
from strategies.portfolio import DAY, FACTS_MAX, Portfolio, TooLate
from tests.strategies.kit import NOON, books, fill, market_data

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
    here, portfolio = market_data(), Portfolio(START)
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


# -- what the venue has only matched -----------------------------------------------------------

MATCHED, CONFIRMED, FAILED = Settlement.MATCHED, Settlement.CONFIRMED, Settlement.FAILED


def state(portfolio: Portfolio) -> object:
    """All that money is, without what is empty."""
    held = {
        key: (p.size, p.cost, p.realised, p.fees)
        for key, p in portfolio.positions.items()
        if p.cash
    }
    return portfolio.cash, portfolio.realised, portfolio.fees, held


def test_a_fill_that_fails_is_as_if_it_had_never_been() -> None:
    portfolio, without = Portfolio(START), Portfolio(START)
    told = [
        fill("a", price=4_000, fee=11),
        fill("b", price=5_000, size=7 * SHARE, fee=13),
        fill("c", price=6_000, size=33 * SHARE, side=Side.SELL, fee=17),
    ]
    for each in told:
        portfolio.apply(each)
        portfolio.settle(each.id, MATCHED)
        if each.id != "b":
            without.apply(each)
    assert portfolio.pending("m-yes") == 74 * SHARE
    assert portfolio.settle("b", FAILED)
    assert state(portfolio) == state(without)
    assert portfolio.settle("b", FAILED) is False
    assert portfolio.pending("m-yes") == 67 * SHARE
    assert portfolio.equity - START == portfolio.realised + portfolio.unrealised


def test_a_fill_that_is_confirmed_stays_so_and_one_that_failed_may_be_confirmed_after_all() -> None:
    portfolio = Portfolio(START)
    portfolio.apply(fill("a"))
    before = state(portfolio)
    assert not portfolio.settle("a", CONFIRMED)
    assert not portfolio.settle("a", FAILED)
    assert (state(portfolio), portfolio.stage("a")) == (before, CONFIRMED)
    portfolio.apply(fill("b"))
    both = state(portfolio)
    assert portfolio.settle("b", FAILED)
    assert state(portfolio) == before
    assert not portfolio.settle("b", MATCHED), "an older word"
    assert portfolio.settle("b", CONFIRMED)
    assert state(portfolio) == both


def test_shares_sold_before_their_purchase_failed_are_owed_until_they_are_bought() -> None:
    portfolio = Portfolio(START)
    portfolio.apply(fill("a", price=4_000))
    portfolio.apply(fill("b", price=6_000, side=Side.SELL))
    portfolio.settle("a", FAILED)
    assert portfolio.held("m-yes") == -100 * SHARE
    assert portfolio.cash == START + 60 * DOLLAR
    assert portfolio.equity == START, "what is owed is worth what it was sold for"
    assert portfolio.committed() == 0
    portfolio.apply(fill("c", price=5_000))
    assert portfolio.held("m-yes") == 0
    assert portfolio.cash - START == portfolio.realised == 10 * DOLLAR


def test_a_fill_told_after_its_market_was_decided_is_paid_out_at_once() -> None:
    portfolio = Portfolio(START)
    portfolio.resolve("m", "m-yes")
    portfolio.apply(fill(price=4_000))
    assert portfolio.held("m-yes") == 0
    assert portfolio.cash == START + 60 * DOLLAR
    portfolio.settle("f1", FAILED)
    assert (portfolio.cash, portfolio.realised) == (START, 0)


def test_a_pending_fill_can_be_taken_back_however_much_came_after_and_a_settled_one_not() -> None:
    portfolio = Portfolio(START)
    portfolio.apply(fill("early", size=SHARE))
    portfolio.apply(fill("pending", size=SHARE))
    portfolio.settle("pending", MATCHED)
    for number in range(2 * FACTS_MAX):
        portfolio.apply(fill(f"n{number}", size=SHARE))
    assert portfolio.settle("pending", FAILED)
    assert portfolio.held("m-yes") == (2 * FACTS_MAX + 1) * SHARE
    before = state(portfolio)
    with pytest.raises(TooLate):
        portfolio.settle("early", FAILED)
    assert (state(portfolio), portfolio.stage("early")) == (before, None)


words = st.lists(
    st.tuples(st.integers(0, 14), st.sampled_from([*Settlement, "resolve"])), max_size=60
)
bought_and_sold = st.lists(
    st.tuples(
        st.sampled_from(["a-yes", "a-no"]),
        st.sampled_from(Side),
        st.integers(1, ONE - 1),
        st.integers(1, 10**9),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=300)
@given(bought_and_sold, words, st.sampled_from(["", "a-yes", "a-no"]))
def test_whatever_is_said_of_fills_money_is_that_of_those_that_did_not_fail(
    happened: list[tuple[str, Side, int, int, int]],
    said: list[tuple[int, Settlement | str]],
    winner: str,
) -> None:
    portfolio, truth = Portfolio(START), Portfolio(START)
    told = [
        fill(
            str(n),
            condition_id="a",
            asset_id=asset,
            side=side,
            price=price,
            size=size,
            fee=fee,
        )
        for n, (asset, side, price, size, fee) in enumerate(happened)
    ]
    order: list[Fill | str] = []
    heard: dict[str, set[Settlement]] = {}
    for number, what in said:
        if isinstance(what, str):
            portfolio.resolve("a", winner)
            order.append("resolve")
        elif number < len(told):
            each = told[number]
            if portfolio.apply(each):
                order.append(each)
            portfolio.settle(each.id, what)
            heard.setdefault(each.id, set()).add(what)
    for fact in order:
        if isinstance(fact, str):
            truth.resolve("a", winner)
        elif CONFIRMED in heard[fact.id] or FAILED not in heard[fact.id]:
            truth.apply(fact)
    assert state(portfolio) == state(truth)
    assert portfolio.equity - START == portfolio.realised + portfolio.unrealised


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
