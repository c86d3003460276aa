"""The matching engine: examples from the protocol, and properties against a slow twin."""

from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practice.exchange.book import CASH, Market
from practice.exchange.matching import TREASURY, Exchange
from practice.exchange.orders import (
    DOLLAR,
    NO,
    PRICE_ONE,
    SHARE,
    VOID,
    YES,
    Kind,
    Refused,
    Report,
    Request,
    Side,
    decimal,
    notional,
    taker_fee,
)
from tests.practice.twin import Resting, Twin

RICH = 10**13


class Desk:
    """An exchange with one market and short words for what tests do to it."""

    def __init__(self, **rules: int) -> None:
        self.exchange = Exchange()
        self.market = self.exchange.add_market(Market("m", **rules))
        self.number = 0

    def fund(self, account: str, dollars: float, pairs: float = 0) -> None:
        self.exchange.deposit(account, round((dollars + pairs) * DOLLAR))
        if pairs:
            self.exchange.split(account, "m", round(pairs * SHARE))

    def order(
        self,
        account: str,
        side: Side,
        outcome: int,
        price: float,
        size: float = 0,
        *,
        budget: float = 0,
        kind: Kind = "GTC",
        post_only: bool = False,
    ) -> Report:
        self.number += 1
        return self.exchange.place(
            Request(
                id=f"o{self.number}",
                account=account,
                market="m",
                outcome=outcome,
                side=side,
                price=round(price * PRICE_ONE),
                size=round(size * SHARE),
                budget=round(budget * DOLLAR),
                kind=kind,
                post_only=post_only,
            )
        )

    def cash(self, account: str) -> float:
        return self.exchange.accounts[account].cash / DOLLAR

    def shares(self, account: str, outcome: int) -> float:
        return self.exchange.accounts[account].shares.get(("m", outcome), 0) / SHARE

    def book(self, outcome: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        bids, asks = self.market.levels(outcome)
        return (
            [(price / PRICE_ONE, size / SHARE) for price, size in bids],
            [(price / PRICE_ONE, size / SHARE) for price, size in asks],
        )


@pytest.fixture
def desk() -> Desk:
    desk = Desk(fee_rate_e6=40_000)
    for account in ("ann", "bob", "cid"):
        desk.fund(account, 1_000, pairs=200)
    return desk


def test_a_crossing_of_two_buyers_mints_pairs_at_the_resting_price() -> None:
    desk = Desk(fee_rate_e6=40_000)
    desk.fund("ann", 100)
    desk.fund("bob", 100)
    desk.order("ann", "BUY", YES, 0.42, 100)
    assert desk.book(NO) == ([], [(0.58, 100)])

    report = desk.order("bob", "BUY", NO, 0.60, budget=34.80, kind="FAK")

    (trade,) = report.trades
    assert (trade.price, trade.size, trade.side, trade.outcome) == (5_800, 60 * SHARE, "BUY", NO)
    assert (trade.money, trade.fee) == (34_800_000, 584_640)
    (fill,) = trade.makers
    assert (fill.price, fill.side, fill.outcome, fill.pairing) == (4_200, "BUY", YES, "mint")
    assert desk.cash("ann") == pytest.approx(100 - 25.20)
    assert desk.cash("bob") == pytest.approx(100 - 34.80 - 0.58464)
    assert (desk.shares("ann", YES), desk.shares("bob", NO)) == (60, 60)
    assert desk.book(YES) == ([(0.42, 40)], [])
    assert desk.book(NO) == ([], [(0.58, 40)])


@pytest.mark.parametrize(
    ("resting", "taking", "pairing", "pairs"),
    [
        (("SELL", YES, 0.42), ("BUY", YES, 0.42), "complementary", 600),
        (("BUY", NO, 0.58), ("BUY", YES, 0.42), "mint", 610),
        (("SELL", YES, 0.42), ("SELL", NO, 0.58), "merge", 590),
        (("BUY", NO, 0.58), ("SELL", NO, 0.58), "complementary", 600),
    ],
)
def test_all_four_pairings_meet_and_move_pairs(
    desk: Desk,
    resting: tuple[Side, int, float],
    taking: tuple[Side, int, float],
    pairing: str,
    pairs: int,
) -> None:
    desk.order("ann", *resting, 10)
    report = desk.order("bob", *taking, 10)
    assert report.trades[0].makers[0].pairing == pairing
    assert desk.market.pairs == pairs * SHARE
    assert desk.book(YES) == ([], [])


def test_the_taker_gets_the_makers_price(desk: Desk) -> None:
    desk.order("ann", "SELL", YES, 0.40, 10)
    desk.order("bob", "SELL", YES, 0.45, 10)
    report = desk.order("cid", "BUY", YES, 0.50, 25)
    assert [(trade.price, trade.size) for trade in report.trades] == [
        (4_000, 10 * SHARE),
        (4_500, 10 * SHARE),
    ]
    assert (report.status, report.resting) == ("matched", 5 * SHARE)
    assert desk.book(YES) == ([(0.50, 5)], [])


def test_the_older_of_two_orders_at_a_price_is_met_first(desk: Desk) -> None:
    desk.order("ann", "SELL", YES, 0.40, 10)
    desk.order("bob", "BUY", NO, 0.60, 10)
    report = desk.order("cid", "BUY", YES, 0.40, 12)
    assert [(fill.account, fill.size) for fill in report.trades[0].makers] == [
        ("ann", 10 * SHARE),
        ("bob", 2 * SHARE),
    ]


def test_ones_own_resting_order_is_taken_off_instead_of_matched(desk: Desk) -> None:
    own = desk.order("ann", "SELL", YES, 0.40, 10)
    desk.order("bob", "SELL", YES, 0.41, 10)
    report = desk.order("ann", "BUY", YES, 0.41, 10)
    assert report.canceled == (own.order_id,)
    assert [fill.account for trade in report.trades for fill in trade.makers] == ["bob"]
    assert desk.book(YES) == ([], [])


def test_a_budget_buys_more_where_it_is_cheaper_than_the_limit(desk: Desk) -> None:
    desk.order("ann", "SELL", YES, 0.40, 100)
    report = desk.order("bob", "BUY", YES, 0.50, budget=10, kind="FOK")
    assert report.trades[0].size == 25 * SHARE


def test_a_resting_order_that_lost_its_cover_in_another_market_is_taken_off(desk: Desk) -> None:
    desk.exchange.add_market(Market("n"))
    desk.fund("dan", 10)
    first = desk.order("dan", "BUY", YES, 0.50, 20)
    desk.exchange.split("ann", "n", 20 * SHARE)
    sale = Request(
        id="s", account="ann", market="n", outcome=YES, side="SELL", price=5_000, size=20 * SHARE
    )
    buy = Request(
        id="b", account="dan", market="n", outcome=YES, side="BUY", price=5_000, size=20 * SHARE
    )
    desk.exchange.place(sale)
    desk.exchange.place(buy)
    with pytest.raises(Refused, match="no orders found to match with FAK order"):
        desk.order("bob", "SELL", YES, 0.50, 20, kind="FAK")
    report = desk.order("bob", "SELL", YES, 0.50, 20)
    assert (report.canceled, report.trades) == ((first.order_id,), ())
    assert desk.cash("dan") == 0


def test_one_purse_does_not_pay_for_two_orders_of_one_sweep(desk: Desk) -> None:
    desk.exchange.add_market(Market("n"))
    desk.fund("dan", 20)
    desk.order("dan", "BUY", YES, 0.50, 20)
    desk.order("dan", "BUY", YES, 0.49, 20)
    desk.exchange.split("ann", "n", 20 * SHARE)
    for account, side in (("ann", "SELL"), ("dan", "BUY")):
        desk.exchange.place(
            Request(
                id=f"{account}-n",
                account=account,
                market="n",
                outcome=YES,
                side="SELL" if side == "SELL" else "BUY",
                price=3_000,
                size=20 * SHARE,
            )
        )
    report = desk.order("bob", "SELL", YES, 0.40, 40)
    assert [trade.price for trade in report.trades] == [5_000]
    assert report.canceled == ("o2",)
    assert desk.cash("dan") == pytest.approx(4)


def test_the_grid_becomes_finer_beyond_96_and_resting_orders_stay(desk: Desk) -> None:
    desk.order("ann", "SELL", YES, 0.97, 10)
    desk.order("ann", "BUY", YES, 0.90, 10)
    report = desk.order("bob", "BUY", YES, 0.97, 5)
    assert report.tick is not None
    assert (report.tick.old, report.tick.new) == (100, 10)
    assert desk.order("bob", "BUY", YES, 0.955, 10).status == "live"
    assert desk.book(YES)[0] == [(0.90, 10), (0.955, 10)]


REFUSALS = [
    (("BUY", YES, 0.425, 10), {}, "Price (0.425) breaks minimum tick size rule: 0.01"),
    (("BUY", YES, 1.0, 10), {}, "invalid price, price must be greater than 0 and less than 1"),
    (("BUY", YES, 0.40, 4.99), {}, "Size (4.99) lower than the minimum: 5"),
    (("BUY", YES, 0.40, 10), {"post_only": True}, "invalid post-only order: order crosses book"),
    (("BUY", YES, 0.40, 300), {"kind": "FOK"}, "order couldn't be fully filled"),
    (("BUY", YES, 0.30, 10), {"kind": "FAK"}, "no orders found to match with FAK order"),
    (("BUY", YES, 0.40, 1), {"kind": "FAK"}, "marketable BUY order ($0.4), min size: $1"),
    (("SELL", YES, 0.60, 201), {}, "balance: 200000000, order amount: 201000000"),
    (("BUY", YES, 0.60, 2_000), {}, "not enough balance / allowance"),
    (("BUY", YES, 0.60, 0), {"budget": 5.0}, "Invalid order payload"),
]


@pytest.mark.parametrize(("order", "how", "text"), REFUSALS, ids=[text for *_, text in REFUSALS])
def test_a_refusal_says_what_the_venue_says_and_changes_nothing(
    desk: Desk, order: tuple[Side, int, float, float], how: dict[str, object], text: str
) -> None:
    desk.order("ann", "SELL", YES, 0.40, 20)
    before = (desk.book(YES), desk.cash("bob"), desk.shares("bob", YES))
    with pytest.raises(Refused) as refusal:
        desk.order("bob", *order, **how)  # type: ignore[arg-type]
    assert text in str(refusal.value)
    assert (desk.book(YES), desk.cash("bob"), desk.shares("bob", YES)) == before


def test_an_order_id_is_taken_once(desk: Desk) -> None:
    report = desk.order("ann", "BUY", YES, 0.40, 10)
    desk.exchange.cancel(report.order_id)
    desk.number -= 1
    with pytest.raises(Refused, match="Duplicated"):
        desk.order("ann", "BUY", YES, 0.40, 10)


def test_cancelling_gives_the_reserve_back_and_tells_known_from_unknown(desk: Desk) -> None:
    report = desk.order("ann", "BUY", YES, 0.40, 2_500)
    with pytest.raises(Refused, match="not enough balance"):
        desk.order("ann", "BUY", YES, 0.40, 10)
    desk.exchange.cancel(report.order_id)
    assert desk.order("ann", "BUY", YES, 0.40, 10).status == "live"
    with pytest.raises(Refused, match="already canceled or matched"):
        desk.exchange.cancel(report.order_id)
    with pytest.raises(Refused, match="Order not found"):
        desk.exchange.cancel("never")


def test_a_fee_that_the_cash_does_not_cover_refuses_the_order() -> None:
    desk = Desk(fee_rate_e6=40_000)
    desk.fund("ann", 0, pairs=10)
    desk.fund("bob", 5.05)
    desk.order("ann", "SELL", YES, 0.50, 10)
    with pytest.raises(Refused, match="balance: 5050000, order amount: 5100000"):
        desk.order("bob", "BUY", YES, 0.50, 10)


def test_resolution_pays_the_winner_a_dollar_and_ends_trading(desk: Desk) -> None:
    desk.order("ann", "BUY", YES, 0.40, 50)
    desk.order("bob", "SELL", YES, 0.40, 30)
    report = desk.exchange.resolve("m", YES)
    assert len(report.canceled) == 1
    assert desk.cash("ann") == pytest.approx(1_000 - 12 + 230)
    assert desk.book(YES) == ([], [])
    assert sum(account.cash for account in desk.exchange.accounts.values()) == 3_600 * DOLLAR
    with pytest.raises(Refused, match="not yet ready to process new orders"):
        desk.order("ann", "BUY", YES, 0.40, 50)


@pytest.mark.parametrize(
    ("shares", "price", "rate", "fee"),
    [
        (100, 0.50, 0.04, "1"),
        (100, 0.30, 0.07, "1.47"),
        (250, 0.62, 0.05, "2.945"),
        (37.5, 0.912, 0.04, "0.12038"),
        (1, 0.01, 0.07, "0.00069"),
        (0.01, 0.001, 0.04, "0"),
    ],
)
def test_fees_follow_the_schedule_to_five_decimals(
    shares: float, price: float, rate: float, fee: str
) -> None:
    micro = taker_fee(round(price * PRICE_ONE), round(shares * SHARE), round(rate * 1_000_000))
    assert decimal(micro, DOLLAR) == fee


# -- properties --------------------------------------------------------------------------------

ACCOUNTS = ("ann", "bob", "cid")
placing = st.tuples(
    st.just("place"),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(("BUY", "SELL")),
    st.sampled_from((YES, NO)),
    st.integers(40, 60).map(lambda cents: cents * 100),
    st.integers(500, 3_000).map(lambda hundredths: hundredths * SHARE // 100),
    st.sampled_from(("GTC", "GTC", "GTC", "FAK", "FOK")),
    st.booleans(),
)
cancelling = st.tuples(st.just("cancel"), st.integers(0, 30))
steps = st.lists(st.one_of(placing, placing, placing, cancelling), min_size=10, max_size=40)


def _apply(shadow: dict[tuple[bool, int], int], report: Report) -> None:
    for change in report.changes:
        shadow[change.bid, change.price] = change.size
        if not change.size:
            del shadow[change.bid, change.price]


def _check_books(market: Market, twin: Twin, shadow: dict[tuple[bool, int], int]) -> None:
    """The engine, the twin and a client that applied every change have one and the same book."""
    bids, asks = market.levels(YES)
    assert dict(bids) == twin.levels(bid=True)
    assert dict(asks) == twin.levels(bid=False)
    told = {(True, price): size for price, size in bids}
    assert told | {(False, price): size for price, size in asks} == shadow
    assert [price for price, _ in bids] == sorted(price for price, _ in bids)
    assert [price for price, _ in asks] == sorted((price for price, _ in asks), reverse=True)
    assert not bids or not asks or bids[-1][0] < asks[-1][0]
    no_bids, no_asks = market.levels(NO)
    assert no_bids == [(PRICE_ONE - price, size) for price, size in asks]
    assert no_asks == [(PRICE_ONE - price, size) for price, size in bids]


@settings(deadline=None, max_examples=150)
@given(steps)
def test_every_fill_is_the_slow_twins_and_the_books_stay_mirrored(
    steps: Iterable[tuple[object, ...]],
) -> None:
    exchange, twin = Exchange(), Twin()
    market = exchange.add_market(Market("m"))
    for account in ACCOUNTS:
        exchange.deposit(account, 2 * RICH)
        exchange.split(account, "m", RICH)
    shadow: dict[tuple[bool, int], int] = {}
    for number, step in enumerate(steps):
        if step[0] == "cancel":
            if f"o{step[1]}" in exchange.orders:
                _apply(shadow, exchange.cancel(f"o{step[1]}"))
            twin.cancel(f"o{step[1]}")
        else:
            _both(exchange, twin, shadow, f"o{number}", step)
        _check_books(market, twin, shadow)


def _both(
    exchange: Exchange,
    twin: Twin,
    shadow: dict[tuple[bool, int], int],
    order_id: str,
    step: tuple[object, ...],
) -> None:
    """Give one order to both and compare what they say."""
    _, account, side, outcome, price, size, kind, quiet = step
    post_only = bool(quiet) and kind == "GTC"
    request = Request(
        id=order_id,
        account=account,  # type: ignore[arg-type]
        market="m",
        outcome=outcome,  # type: ignore[arg-type]
        side=side,  # type: ignore[arg-type]
        price=price,  # type: ignore[arg-type]
        size=size,  # type: ignore[arg-type]
        kind=kind,  # type: ignore[arg-type]
        post_only=post_only,
    )
    bid = (side == "BUY") == (outcome == YES)
    yes_price = request.price if outcome == YES else PRICE_ONE - request.price
    resting = Resting(order_id, request.account, bid, yes_price, request.size)
    expected = twin.place(resting, request.kind, post_only)
    if expected is None:
        with pytest.raises(Refused):
            exchange.place(request)
        return
    report = exchange.place(request)
    _apply(shadow, report)
    fills = [
        (fill.order_id, fill.size, trade.yes_price)
        for trade in report.trades
        for fill in trade.makers
    ]
    assert (fills, list(report.canceled)) == expected
    assert sum(trade.size for trade in report.trades) <= request.size


poor_placing = st.tuples(
    st.sampled_from(("m", "n")),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(("BUY", "SELL")),
    st.sampled_from((YES, NO)),
    st.integers(470, 530).map(lambda tenths: tenths * 10),
    st.integers(5 * SHARE, 30 * SHARE),
    st.sampled_from(("GTC", "GTC", "GTC", "FAK", "FOK", "budget")),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(poor_placing, min_size=20, max_size=40), st.sampled_from((YES, NO, VOID)))
def test_cash_and_shares_are_conserved_to_the_last_millionth(
    placings: Iterable[tuple[str, str, Side, int, int, int, str]], winner: int
) -> None:
    exchange = Exchange()
    for market in ("m", "n"):
        exchange.add_market(Market(market, tick=10, fee_rate_e6=70_000, rebate_e6=200_000))
    for account in ACCOUNTS:
        exchange.deposit(account, 60 * DOLLAR)  # enough for a few orders, not for all
        exchange.split(account, "m", 30 * SHARE)
    for number, placed in enumerate(placings):
        with suppress(Refused):
            exchange.place(_poor_request(f"o{number}", *placed))
        _check_conserved(exchange)
    for market in ("m", "n"):
        fees = exchange.markets[market].fees
        paid = sum(exchange.pay_rebates(market).values())
        assert max(0, fees * 2 // 10 - len(ACCOUNTS)) <= paid <= fees * 2 // 10
        _check_conserved(exchange)
        exchange.resolve(market, winner)
    assert sum(account.cash for account in exchange.accounts.values()) == exchange.deposited
    assert not any(account.reserved or account.shares for account in exchange.accounts.values())


def _poor_request(
    order_id: str,
    market: str,
    account: str,
    side: Side,
    outcome: int,
    price: int,
    size: int,
    kind: str,
) -> Request:
    by_money = kind == "budget" and side == "BUY"
    return Request(
        id=order_id,
        account=account,
        market=market,
        outcome=outcome,
        side=side,
        price=price,
        size=0 if by_money else size,
        budget=notional(price, size) if by_money else 0,
        kind="FAK" if kind in {"budget", "FAK"} else "FOK" if kind == "FOK" else "GTC",
    )


def _check_conserved(exchange: Exchange) -> None:
    pairs = sum(market.pairs for market in exchange.markets.values())
    cash = sum(account.cash for account in exchange.accounts.values())
    assert cash + pairs == exchange.deposited
    for name, market in exchange.markets.items():
        for outcome in (YES, NO):
            owned = [a.shares.get((name, outcome), 0) for a in exchange.accounts.values()]
            assert sum(owned) == market.pairs
            assert min(owned) >= 0
    assert all(a.cash >= 0 for name, a in exchange.accounts.items() if name != TREASURY)
    _check_reserves(exchange)


def _check_reserves(exchange: Exchange) -> None:
    """What is held back is exactly what the resting orders could cost."""
    held: dict[tuple[str, str, int], int] = {}
    for order in exchange.orders.values():
        request = order.request
        buying = request.side == "BUY"
        key = (request.account, request.market, CASH if buying else request.outcome)
        amount = notional(request.price, order.remaining) if buying else order.remaining
        held[key] = held.get(key, 0) + amount
    told = {
        (name, *key): amount
        for name, account in exchange.accounts.items()
        for key, amount in account.reserved.items()
    }
    assert {key: amount for key, amount in held.items() if amount} == told
