"""The gate: every refusal with its number and its limit."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.events import BookHealth, BookState, OrderKind, TradingMode
from feeds.markets import DOLLAR, MINUTE, ONE, SHARE, FeeSchedule, MarketState, Side
from strategies.market_data import MarketData
from strategies.portfolio import Portfolio
from strategies.risk import Denial, Gate, Reason, RiskLimits, Wanted
from tests.strategies.kit import NOON, books, fill, market, market_data

BUY = Wanted("m", "m-yes", Side.BUY, 5_000, 100 * SHARE, OrderKind.FAK)
SELL = Wanted("m", "m-yes", Side.SELL, 4_800, 100 * SHARE, OrderKind.FAK)


class Desk:
    """A gate with its market data and portfolio, holding 200 YES bought at 10 cents."""

    def __init__(self, here: MarketData | None = None, **limits: Any) -> None:
        self.market_data = here or market_data()
        self.portfolio = Portfolio(10_000 * DOLLAR)
        self.portfolio.apply(fill("held", price=1_000, size=200 * SHARE))
        self.portfolio.mark(self.market_data)
        self.gate = Gate(RiskLimits(**limits), self.market_data, self.portfolio)
        self.open_orders = 0

    def says(self, wanted: Wanted = BUY, **changes: Any) -> Denial | None:
        wanted = msgspec.structs.replace(wanted, **changes)
        return self.gate.check(wanted, NOON, self.open_orders)


def lost(desk: Desk) -> None:
    desk.portfolio.roll(NOON)
    desk.portfolio.cash -= 500 * DOLLAR


def reserved(desk: Desk) -> None:
    desk.portfolio.reserve("x", "z-yes", Side.BUY, 5_000, 19_900 * SHARE, 0)


def promised(desk: Desk) -> None:
    desk.portfolio.reserve("x", "m-yes", Side.SELL, 5_000, 150 * SHARE, 0)


def busy(desk: Desk) -> None:
    for _ in range(30):
        desk.gate.passed(NOON - MINUTE + 1)


def killed(desk: Desk) -> None:
    desk.gate.killed = True


def lost_track(desk: Desk) -> None:
    desk.gate.blocked["m"] = 1


def many_open(desk: Desk) -> None:
    desk.open_orders = 20


def book_is(state: BookState) -> Callable[[Desk], None]:
    return lambda desk: desk.market_data.health(BookHealth(NOON, "m-yes", state))


def quotes(bid: int, ask: int) -> Callable[[Desk], None]:
    def put(desk: Desk) -> None:
        for snapshot in books("m", bid, ask):
            desk.market_data.snapshot(snapshot)

    return put


def catalogue(**changes: Any) -> Callable[[Desk], None]:
    def put(desk: Desk) -> None:
        desk.market_data.see(market(**changes))

    return put


def as_it_is(_: Desk) -> None:
    """Nothing is out of order."""


REFUSED: list[tuple[Reason, Callable[[Desk], None], Wanted, dict[str, Any], str, str]] = [
    (Reason.KILLED, killed, BUY, {}, "on", "off"),
    (Reason.KILLED, killed, SELL, {}, "on", "off"),
    (Reason.UNKNOWN_ORDER, lost_track, SELL, {}, "an order's fate is unknown", "known"),
    (Reason.OPEN, many_open, BUY, {}, "20", "20"),
    (Reason.RATE, busy, BUY, {}, "30 a minute", "30 a minute"),
    (Reason.MARKET, as_it_is, BUY, {"condition_id": "x"}, "m-yes", "an asset of a known market"),
    (Reason.MARKET, as_it_is, BUY, {"asset_id": "x"}, "x", "an asset of a known market"),
    (Reason.MARKET, catalogue(state=MarketState.PAUSED), SELL, {}, "paused", "open"),
    (
        Reason.MARKET,
        catalogue(state=MarketState.PAUSED, resolution="disputed"),
        BUY,
        {},
        "paused",
        "open",
    ),
    (Reason.FEES, catalogue(fees=None), BUY, {}, "unknown", "a known schedule"),
    (Reason.FEES, catalogue(fees=FeeSchedule(rate_e6=-5)), BUY, {}, "unknown", "a known schedule"),
    (Reason.BOOK, book_is(BookState.STALE), BUY, {}, "stale", "live or quiet"),
    (Reason.BOOK, book_is(BookState.FROZEN), SELL, {}, "frozen", "live or quiet"),
    (Reason.BOOK, quotes(5_000, 5_000), BUY, {}, "crossed", "live or quiet"),
    (Reason.GRID, as_it_is, BUY, {"price": 5_050}, "50.5¢", "a multiple of 1¢"),
    (Reason.GRID, as_it_is, BUY, {"price": 0}, "0¢", "a multiple of 1¢"),
    (Reason.GRID, as_it_is, BUY, {"price": ONE}, "100¢", "a multiple of 1¢"),
    (Reason.SIZE, as_it_is, BUY, {"size": -SHARE}, "-1 shares", "hundredths, up to 10,000,000"),
    (Reason.SIZE, as_it_is, BUY, {"size": 1}, "0.000001 shares", "hundredths, up to 10,000,000"),
    (
        Reason.SIZE,
        as_it_is,
        BUY,
        {"size": 10**9 * SHARE},
        "1,000,000,000 shares",
        "hundredths, up to 10,000,000",
    ),
    (
        Reason.MINIMUM,
        as_it_is,
        BUY,
        {"kind": OrderKind.GTC, "price": 4_000, "size": 4 * SHARE},
        "4 shares",
        "5 shares",
    ),
    (Reason.MINIMUM, as_it_is, BUY, {"size": SHARE}, "$0.50", "$1.00"),
    (Reason.MINIMUM, as_it_is, SELL, {"size": SHARE}, "$0.48", "$1.00"),
    (Reason.BAND, quotes(9_800, 9_900), BUY, {"price": 9_900}, "99¢", "2¢ to 98¢"),
    (Reason.SPREAD, quotes(4_000, 4_700), BUY, {}, "7¢", "6¢"),
    (Reason.ORDER, as_it_is, BUY, {"size": 501 * SHARE}, "$250.50", "$250.00"),
    (Reason.ORDER, as_it_is, SELL, {"size": 521 * SHARE}, "$250.08", "$250.00"),
    (Reason.SHARES, as_it_is, SELL, {"size": 201 * SHARE}, "201 shares", "200 shares"),
    (Reason.SHARES, promised, SELL, {}, "100 shares", "50 shares"),
    (Reason.SHARES, as_it_is, SELL, {"asset_id": "m-no", "price": 5_000}, "100 shares", "0 shares"),
    (Reason.LOSS, lost, BUY, {}, "$500.00", "$500.00"),
]


@pytest.mark.parametrize(
    ("reason", "given_that", "wanted", "changes", "value", "limit"),
    REFUSED,
    ids=[f"{case[0].value}-{number}" for number, case in enumerate(REFUSED)],
)
def test_a_refusal_names_its_gate_its_number_and_its_limit(
    reason: Reason,
    given_that: Callable[[Desk], None],
    wanted: Wanted,
    changes: dict[str, Any],
    value: str,
    limit: str,
) -> None:
    desk = Desk()
    given_that(desk)
    denial = desk.says(wanted, **changes)
    assert denial is not None
    assert (denial.reason, denial.value, denial.limit) == (reason, value, limit)
    assert denial.sentence.endswith(".")
    assert denial.sentence[0].isupper() or denial.sentence[0] in "$-0123456789"


def test_why_a_market_takes_no_orders_is_said_where_the_oracle_has_spoken() -> None:
    desk = Desk()
    catalogue(state=MarketState.PAUSED, resolution="disputed")(desk)
    denial = desk.says()
    assert denial is not None
    assert "the outcome is disputed" in denial.sentence


@pytest.mark.parametrize("wanted", [BUY, SELL])
def test_an_order_within_all_limits_passes(wanted: Wanted) -> None:
    assert Desk().says(wanted) is None


def test_what_a_market_holds_and_what_is_on_its_way_count_together() -> None:
    desk = Desk(market_notional_max=100 * DOLLAR)
    assert desk.says(size=160 * SHARE) is None  # 20 held at cost and 80
    desk.portfolio.reserve("x", "m-no", Side.BUY, 1_000, 10 * SHARE, 0)
    denial = desk.says(size=160 * SHARE)
    assert denial is not None
    assert (denial.reason, denial.value) == (Reason.EXPOSURE, "$101.00")
    assert denial.sentence == "It would bring this market to $101.00, and the limit is $100.00."


def test_all_markets_together_have_a_limit_of_their_own() -> None:
    desk = Desk(total_notional_max=60 * DOLLAR)
    denial = desk.says()
    assert denial is not None
    assert (denial.reason, denial.value, denial.limit) == (Reason.TOTAL, "$70.00", "$60.00")


def test_cash_that_open_orders_need_is_not_there_to_spend() -> None:
    desk = Desk(total_notional_max=10**15)
    reserved(desk)
    denial = desk.says()
    assert denial is not None
    assert (denial.reason, denial.value, denial.limit) == (Reason.CASH, "$51.001", "$30.00")


def test_a_buy_must_leave_room_for_its_fee() -> None:
    desk = Desk(daily_loss_max=10**15)
    desk.portfolio.cash = 50 * DOLLAR + 1_000_999
    denial = desk.says()
    assert denial is not None
    assert (denial.reason, denial.value) == (Reason.CASH, "$51.001")
    desk.portfolio.cash += 1
    assert desk.says() is None


@pytest.mark.parametrize(
    ("bid", "ask", "price"), [(9_700, 9_800, 9_800), (100, 200, 200), (4_400, 5_000, 5_000)]
)
def test_limits_themselves_are_within_the_limits(bid: int, ask: int, price: int) -> None:
    desk = Desk()
    quotes(bid, ask)(desk)
    assert desk.says(price=price) is None


@pytest.mark.parametrize("mode", TradingMode)
def test_the_venues_mode_turns_orders_away_in_a_sentence(mode: TradingMode) -> None:
    desk = Desk()
    desk.gate.mode = mode
    resting: dict[str, Any] = {"kind": OrderKind.GTC, "price": 4_700, "post_only": True}
    plain: dict[str, Any] = {}
    for changes, passes in (
        (plain, mode is TradingMode.NORMAL),
        (resting, mode in (TradingMode.NORMAL, TradingMode.POST_ONLY)),
    ):
        denial = desk.says(**changes)
        assert (denial is None) is passes, denial
        if denial is not None:
            assert (denial.reason, denial.value) == (Reason.VENUE, mode.value)
            assert denial.sentence.startswith("The venue")


def test_no_book_at_all_is_no_book_to_trade_on() -> None:
    here = MarketData()
    here.see(market())
    denial = Desk(here).says()
    assert denial is not None
    assert (denial.reason, denial.value) == (Reason.BOOK, "none")


@pytest.mark.parametrize(
    "given_that", [lost, quotes(9_800, 9_900), quotes(2_000, 6_000), quotes(100, 9_900)]
)
def test_sales_of_what_is_held_pass_where_only_risk_is_limited(
    given_that: Callable[[Desk], None],
) -> None:
    desk = Desk(market_notional_max=0, total_notional_max=0)
    given_that(desk)
    best = desk.market_data.books["m-yes"].best_bid
    assert desk.says(SELL, price=best) is None


def test_resting_orders_pass_a_wide_spread_and_need_no_dollar() -> None:
    desk = Desk()
    quotes(2_000, 6_000)(desk)
    assert desk.says(kind=OrderKind.GTC, price=1_000, size=5 * SHARE) is None


def test_orders_of_an_hour_ago_do_not_count_as_haste() -> None:
    desk = Desk()
    for _ in range(50):
        desk.gate.passed(NOON - MINUTE)
    assert desk.says() is None


anything = st.builds(
    Wanted,
    st.sampled_from(["m", "", "x" * 300]),
    st.sampled_from(["m-yes", "m-no", "", "\x1b[31m"]),
    st.sampled_from(Side),
    st.integers(-(10**20), 10**20) | st.integers(0, 100).map(lambda n: n * 100),
    st.integers(-(10**30), 10**30) | st.integers(0, 1_000).map(lambda n: n * SHARE),
    st.sampled_from(OrderKind),
    st.booleans(),
)


@given(anything)
def test_no_absurd_order_passes_and_none_breaks_the_gate(wanted: Wanted) -> None:
    desk = Desk()
    denial = desk.gate.check(wanted, NOON, 0)
    if denial is not None:
        assert denial.value
        assert denial.limit
        return
    assert wanted.asset_id in ("m-yes", "m-no")
    assert 0 < wanted.price < ONE
    assert wanted.size * wanted.price // ONE <= 250 * DOLLAR
    assert wanted.side is Side.BUY or wanted.size <= 200 * SHARE


@pytest.mark.parametrize(
    "limits", [{"price_min": -1}, {"orders_per_minute_max": 10**9}, {"spread_max": "wide"}]
)
def test_limits_have_bounds_of_their_own(limits: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(limits))):
        msgspec.convert(limits, RiskLimits)
