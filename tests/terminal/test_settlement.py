"""From the venue's words on trades to money: whatever order they come in, only what settled counts.

The account's channel and the desk together, as the engine joins them; nothing between them is
played.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import (
    Fill,
    FillSettled,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderRequest,
    OrderState,
    Settlement,
    Tick,
)
from feeds.markets import DOLLAR, SHARE, Money, Price, Side, Size
from feeds.polymarket.account.user_channel import AskRest, Credentials, UserChannel
from strategies.decisions import Alert, Place
from strategies.desk import Desk, DeskSettings
from strategies.portfolio import Portfolio
from strategies.risk import RiskLimits
from tests.strategies.kit import at, books, market

START = 10_000 * DOLLAR
STAGES = ("MATCHED", "MINED", "RETRYING", "CONFIRMED", "FAILED")
TRADES = 4


def fee_of(condition_id: str, asset_id: str, side: Side, price: Price, size: Size) -> Money:
    return size // 1_000


class House:
    """A desk with two orders at the venue, and the account's channel."""

    def __init__(self) -> None:
        self.desk = Desk(
            DeskSettings(session="s", starting_cash=START, limits=RiskLimits(), follow_busiest=0)
        )
        self.channel = UserChannel(Credentials("k", "c2VjcmV0", "p"), fee_of)
        self.channel.connected(at(0))
        self.alerts: list[Alert] = []
        self.fills: dict[str, Fill] = {}
        self.desk.handle(MarketSeen(at(0), market()))
        for book in books("m", 4_800, 5_000):
            self.desk.handle(book)
        self.orders = [self.place(at(1), "m-yes"), self.place(at(2), "m-no")]

    def place(self, now: int, asset_id: str) -> str:
        wanted = OrderRequest(
            now, "c", "m", asset_id, Side.BUY, 5_200, 100 * SHARE, OrderKind.GTC, False
        )
        (placed,) = [one for one in self.desk.handle(wanted) if isinstance(one, Place)]
        self.channel.expect(placed.order.order_id, placed.order.size, now)
        return placed.order.order_id

    def hear(self, message: object, now: int) -> None:
        self.channel.receive(json.dumps(message).encode(), now)
        for event in self.channel.take_events():
            if isinstance(event, AskRest):
                continue
            if isinstance(event, Fill):
                self.fills[event.id] = event
            said = self.desk.handle(event)
            self.alerts += [one for one in said if isinstance(one, Alert)]


def trade(house: House, number: int, status: str) -> dict[str, Any]:
    """Trade ``number``: the first two are of the first order, the others of the second."""
    order = house.orders[number // 2]
    asset, price = ("m-yes", "0.5") if number < 2 else ("m-no", "0.52")
    return {
        "event_type": "trade", "type": "TRADE", "id": f"t{number}", "taker_order_id": order,
        "market": "m", "asset_id": asset, "side": "BUY", "size": str(10 * (number + 1)),
        "price": price, "status": status, "maker_orders": [],
    }  # fmt: skip


def test_matched_then_failed_is_taken_back_and_said_so() -> None:
    house = House()
    house.hear(trade(house, 0, "MATCHED"), at(3))
    desk = house.desk
    assert desk.portfolio.held("m-yes") == desk.portfolio.pending("m-yes") == 10 * SHARE
    house.hear(trade(house, 0, "RETRYING"), at(4))
    assert desk.portfolio.pending("m-yes") == 10 * SHARE, "retrying is pending"
    house.hear(trade(house, 0, "FAILED"), at(60))
    record = desk.trading.orders.records[house.orders[0]]
    assert (desk.portfolio.cash, desk.portfolio.equity) == (START, START)
    assert desk.portfolio.held("m-yes") == desk.portfolio.pending("m-yes") == 0
    assert (record.filled, record.failed, record.cost, record.fees) == (0, 10 * SHARE, 0, 0)
    titles = [alert.title for alert in house.alerts]
    assert titles == ["Bought 10 Yes at 50¢", "Failed: Bought 10 Yes at 50¢"]
    assert "as if it had not been" in house.alerts[-1].body


def test_confirmed_is_final_and_says_no_more() -> None:
    house = House()
    house.hear(trade(house, 0, "CONFIRMED"), at(3))
    house.hear(trade(house, 0, "FAILED"), at(4))
    assert house.desk.portfolio.held("m-yes") == 10 * SHARE
    assert len(house.alerts) == 1


def test_the_cash_that_a_failed_fill_would_have_cost_is_free_again() -> None:
    house = House()
    free = house.desk.portfolio.free_cash
    house.hear(trade(house, 1, "MATCHED"), at(3))
    for order in house.orders:
        told = {"event_type": "order", "type": "CANCELLATION", "id": order, "market": "m"}
        told |= {"asset_id": "m-yes", "side": "BUY", "price": "0.52", "original_size": "100"}
        house.hear(told | {"size_matched": "20" if order == house.orders[0] else "0"}, at(4))
    house.hear(trade(house, 1, "FAILED"), at(5))
    record = house.desk.trading.orders.records[house.orders[0]]
    assert (record.state, record.outstanding) == (OrderState.CANCELLED, 0)
    assert house.desk.portfolio.free_cash == START > free


def test_a_void_market_pays_half_also_for_what_is_confirmed_or_fails_afterwards() -> None:
    house = House()
    house.hear(trade(house, 0, "MATCHED"), at(3))
    house.hear(trade(house, 1, "MATCHED"), at(4))
    (alert,) = [
        one for one in house.desk.handle(MarketResolved(at(5), "m", "")) if isinstance(one, Alert)
    ]
    assert alert.title == "Void, half a dollar a share: $0.00 realised"
    fees = 30_000
    assert house.desk.portfolio.cash == START - fees
    house.hear(trade(house, 0, "CONFIRMED"), at(6))
    house.hear(trade(house, 1, "FAILED"), at(7))
    assert house.desk.portfolio.cash == START - 10_000
    house.hear(trade(house, 2, "MATCHED"), at(8))
    assert house.desk.portfolio.held("m-no") == 0, "told late, paid out at once"
    assert house.desk.portfolio.cash == START - 10_000 - 30_000 - 30 * DOLLAR * 2 // 100


def test_a_word_on_a_fill_that_was_never_told_books_nothing() -> None:

    house = House()
    (alert,) = house.desk.handle(FillSettled(at(3), "f", "o", Settlement.FAILED))
    assert isinstance(alert, Alert)
    assert "Nothing was booked" in alert.body
    assert house.desk.portfolio.cash == START


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, TRADES - 1), st.sampled_from(STAGES)), min_size=1, max_size=30
    )
)
def test_any_words_in_any_order_doubled_or_not_end_in_the_money_of_what_settled(
    said: list[tuple[int, str]],
) -> None:
    house = House()
    for second, (number, status) in enumerate(said):
        house.hear(trade(house, number, status), at(3 + second))
        house.desk.handle(Tick(at(3 + second)))
    truth = Portfolio(START)
    words: dict[int, set[str]] = {}
    for number, status in said:
        words.setdefault(number, set()).add(status)
    counted = {
        number for number, heard in words.items() if "CONFIRMED" in heard or "FAILED" not in heard
    }
    for fill in house.fills.values():
        if int(fill.id[1]) in counted:
            truth.apply(fill)
    ours = house.desk.portfolio
    assert (ours.cash, ours.realised, ours.fees) == (truth.cash, truth.realised, truth.fees)
    for asset in ("m-yes", "m-no"):
        assert ours.held(asset) == truth.held(asset)
    for index, order in enumerate(house.orders):
        record, mine = house.desk.trading.orders.records[order], {2 * index, 2 * index + 1}
        assert record.filled == sum(10 * SHARE * (n + 1) for n in mine & counted)
        assert record.failed == sum(10 * SHARE * (n + 1) for n in mine & words.keys() - counted)
    assert ours.free_cash >= 0
