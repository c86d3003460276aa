"""The life of orders: what the rules let in, what becomes of it, what it costs, who is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from practice.accounts.trading import BEAT_NS, CONFIRMED_NS, MINED_NS
from practice.clock import SECOND
from practice.exchange.orders import DOLLAR, SHARE, Refused
from tests.practice.traders import ANN, BOB, NO, PURSE, SHARES, YES, Floor, floor


@pytest.fixture
def here() -> Floor:
    return floor()


def inside(here: Floor, slug: str = "free") -> int:
    """A price in cents inside the spread."""
    bid, ask = here.best(slug)
    return (bid + ask) // 200


def refusal(here: Floor, slug: str = "free", **terms: Any) -> str:
    with pytest.raises(Refused) as refused:
        here.order(ANN, slug, **terms)
    return str(refused.value)


# -- what the rules let in -------------------------------------------------------------------------


def test_an_order_that_crosses_nothing_rests_and_says_so(here: Floor) -> None:
    order_id, answer = here.order(ANN, "free", cents=inside(here), shares=10)
    assert answer == {
        "success": True,
        "errorMsg": "",
        "orderID": order_id,
        "status": "live",
        "takingAmount": "",
        "makingAmount": "",
    }
    assert [one.id for one in here.venue.trading.open_orders(ANN)] == [order_id]
    assert here.venue.trading.open_orders(BOB) == []


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"cents": 30, "shares": 4}, "lower than the minimum: 5"),
        ({"cents": 30, "shares": 10.001}, "supports a max accuracy of 4 decimals, taker amount"),
        ({"cents": 30, "shares": 10, "maker": 3_005_000}, "Price (0.3005) breaks minimum tick"),
        ({"cents": 30, "shares": 10, "maker": 0}, "Invalid order payload"),
        ({"cents": 100, "shares": 10}, "price must be greater than 0 and less than 1"),
        ({"cents": 30, "shares": 10, "expiration": 99}, "invalid expiration"),
        ({"cents": 90, "dollars": 0.5, "kind": "FOK"}, "($0.5), min size: $1"),
        ({"cents": 90, "dollars": 10, "taker": 11_111_111, "kind": "FAK"}, "market buy orders"),
        ({"cents": 90, "maker": 9_995_001, "taker": 11_000_000, "kind": "FAK"}, "of 2 decimals"),
        ({"cents": 10, "dollars": 10, "kind": "FAK"}, "no orders found to match with FAK order"),
        ({"cents": 90, "dollars": 900, "kind": "FOK", "outcome": NO}, "FOK orders are fully"),
        ({"cents": 90, "shares": 9, "kind": "FAK", "post_only": True}, "only GTC and GTD"),
        ({"cents": 90, "shares": 10, "post_only": True}, "post-only order: order crosses book"),
        ({"cents": 30, "shares": 5_000}, "balance: 1000000000, order amount: 1500000000"),
        ({"cents": 60, "shares": 101, "side": "SELL"}, "balance: 100000000, order amount: 101"),
    ],
)
def test_what_the_rules_forbid_is_refused_in_the_venues_words(
    here: Floor, terms: dict[str, Any], says: str
) -> None:
    if "FOK orders" in says:
        here.venue.world.exchange.deposit(ANN, 10_000 * DOLLAR)
        terms = terms | {"dollars": 9_000}
    assert says in refusal(here, **terms)
    assert here.venue.trading.orders == {}
    assert [row["type"] for _, row in here.heard] == ["CANCELLATION"] * ("FOK orders" in says)


def test_a_killed_order_is_told_of_as_it_was_recorded(here: Floor, shared_data: Path) -> None:
    recorded = shared_data / "payloads/adapter/ws_user_order_fok_killed.json"
    kill = json.loads(recorded.read_text())
    here.venue.world.exchange.deposit(ANN, 10_000 * DOLLAR)
    terms: dict[str, Any] = {"cents": 90, "dollars": 9_000, "kind": "FOK"}
    assert "FOK orders are fully filled or killed" in refusal(here, **terms)
    (told,) = here.events(ANN)
    assert set(told) == set(kill)
    same = ("status", "size_matched", "outcome", "created_at", "associate_trades", "expiration")
    assert {name: told[name] for name in same} == {name: kill[name] for name in same}
    assert (told["type"], told["order_type"]) == ("CANCELLATION", "FOK")


def test_sells_name_their_amounts_the_other_way_round(here: Floor) -> None:
    said = refusal(here, cents=60, shares=10.001, side="SELL")
    assert "the sell orders maker amount supports a max accuracy of 2 decimals" in said


def test_the_same_order_again_is_a_duplicate_whatever_became_of_the_first(here: Floor) -> None:
    order_id, _ = here.order(ANN, "free", cents=30, shares=10)
    assert "Duplicated" in refusal(here, cents=30, shares=10, id=order_id)
    here.venue.trading.cancel(ANN, [order_id])
    assert "Duplicated" in refusal(here, cents=30, shares=10, id=order_id)


def test_open_buys_of_a_market_may_not_exceed_the_cash_but_each_market_counts_apart(
    here: Floor,
) -> None:
    here.order(ANN, "free", cents=30, shares=3_000)
    assert "balance: 1000000000, sum of active orders: 900000000," in refusal(
        here, cents=30, shares=400
    )
    here.order(ANN, "paid", cents=30, shares=3_000)


# -- matching and money ----------------------------------------------------------------------------


def test_a_market_buy_spends_its_dollars_and_a_better_price_gives_more_shares(here: Floor) -> None:
    _, ask = here.best("free")
    before = here.cash(ANN)
    _, answer = here.order(ANN, "free", cents=ask // 100 + 5, dollars=20, kind="FOK")
    shares = 20 * DOLLAR * 10_000 // ask
    assert answer["status"] == "matched"
    assert here.shares(ANN, "free") == SHARES + shares
    assert 0 <= 20 * DOLLAR - (before - here.cash(ANN)) <= 1
    assert float(answer["takingAmount"]) == shares / SHARE
    assert float(answer["makingAmount"]) == pytest.approx(20, abs=2e-6)
    assert len(answer["tradeIDs"]) == 1


def test_a_limit_buy_gets_its_shares_and_keeps_what_a_better_price_saves(here: Floor) -> None:
    _, ask = here.best("free")
    before = here.cash(ANN)
    _, answer = here.order(ANN, "free", cents=ask // 100 + 3, shares=10)
    assert (answer["takingAmount"], answer["status"]) == ("10", "matched")
    assert before - here.cash(ANN) == 10 * ask * 100


def test_a_taker_pays_the_fee_on_top_and_a_maker_none(here: Floor) -> None:
    cents = inside(here, "paid")
    here.order(BOB, "paid", cents=cents, shares=20, side="SELL")
    before = here.cash(ANN), here.cash(BOB)
    here.order(ANN, "paid", cents=cents, dollars=5, kind="FAK")
    bought = here.shares(ANN, "paid") - SHARES
    fee = bought * 40_000 * cents * (100 - cents) // 10**10 // 10 * 10
    spent = bought * cents // 100
    assert before[0] - here.cash(ANN) == spent + fee
    assert here.cash(BOB) - before[1] == spent
    assert fee > 0


def test_a_fee_that_the_cash_does_not_cover_is_refused(here: Floor) -> None:
    cents = here.best("paid")[1] // 100
    here.venue.world.exchange.accounts[ANN].cash = 10 * DOLLAR
    assert "not enough balance" in refusal(here, "paid", cents=cents, dollars=10, kind="FOK")
    here.order(ANN, "paid", cents=cents, dollars=9.5, kind="FOK")


def test_part_of_an_order_fills_and_the_rest_goes_on_resting(here: Floor) -> None:
    cents = inside(here)
    sold, _ = here.order(BOB, "free", cents=cents, shares=50, side="SELL")
    bought, answer = here.order(ANN, "free", cents=cents, shares=20)
    assert answer["status"] == "matched"
    order = here.venue.trading.orders[sold]
    assert (order.matched, order.status, order.live) == (20 * SHARE, "LIVE", True)
    assert here.venue.trading.orders[bought].status == "MATCHED"
    row = order.row()
    assert (row["size_matched"], row["original_size"], row["status"]) == ("20", "50", "LIVE")
    assert row["associate_trades"] == answer["tradeIDs"]


def test_what_a_fill_and_kill_cannot_get_at_once_is_cancelled(here: Floor) -> None:
    cents = inside(here)
    here.order(BOB, "free", cents=cents, shares=20, side="SELL")
    order_id, _ = here.order(ANN, "free", cents=cents, shares=30, kind="FAK")
    order = here.venue.trading.orders[order_id]
    assert (order.status, order.matched) == ("CANCELED", 20 * SHARE)
    assert [row["type"] for row in here.events(ANN)] == [
        "PLACEMENT",
        "UPDATE",
        "TRADE",
        "CANCELLATION",
    ]


def test_buyers_of_both_outcomes_mint_a_pair_and_each_trade_speaks_the_takers_language(
    here: Floor,
) -> None:
    cents = inside(here)
    made, _ = here.order(ANN, "free", cents=cents, shares=40)
    _, answer = here.order(BOB, "free", cents=100 - cents, shares=40, outcome=NO)
    record = here.venue.trading.trades[answer["tradeIDs"][0]]
    row = record.row(ANN)
    listing = here.venue.board.listings["free"]
    assert (row["asset_id"], row["outcome"], row["side"]) == (listing.assets[NO], "No", "BUY")
    assert (row["price"], row["size"]) == (str((100 - cents) / 100), "40")
    assert row["trader_side"] == "MAKER"
    assert record.row(BOB)["trader_side"] == "TAKER"
    mine = row["maker_orders"][0]
    assert (mine["order_id"], mine["asset_id"]) == (made, listing.assets[YES])
    assert (mine["side"], mine["outcome"], mine["price"]) == ("BUY", "Yes", str(cents / 100))
    assert here.shares(ANN, "free") == SHARES + 40 * SHARE
    assert here.shares(BOB, "free", NO) == SHARES + 40 * SHARE


def test_an_own_order_is_never_met_the_resting_one_goes(here: Floor) -> None:
    cents = inside(here)
    resting, _ = here.order(ANN, "free", cents=cents, shares=10, side="SELL")
    _, answer = here.order(ANN, "free", cents=cents, shares=10)
    assert answer["status"] == "live"
    assert here.venue.trading.orders[resting].status == "CANCELED"
    assert here.events(ANN, "CANCELLATION")[0]["id"] == resting


def test_orders_walk_the_book_one_trade_a_level(here: Floor) -> None:
    _, ask = here.best("free")
    here.venue.world.exchange.deposit(ANN, 100_000 * DOLLAR)
    _, answer = here.order(ANN, "free", cents=ask // 100 + 10, shares=3_000)
    trades = [here.venue.trading.trades[one] for one in answer["tradeIDs"]]
    assert len(trades) > 1
    assert [one.bucket for one in trades] == list(range(len(trades)))
    assert len({one.trade.price for one in trades}) == len(trades)


# -- cancelling and ending -------------------------------------------------------------------------


def test_a_cancel_answers_for_each_id_what_became_of_it(here: Floor) -> None:
    mine, _ = here.order(ANN, "free", cents=30, shares=10)
    gone, _ = here.order(ANN, "free", cents=30, shares=10)
    his, _ = here.order(BOB, "free", cents=30, shares=10)
    cancel = here.venue.trading.cancel
    assert cancel(ANN, [gone]) == {"canceled": [gone], "not_canceled": {}}
    answer = cancel(ANN, [mine, mine, gone, his, "0x1"])
    assert answer["canceled"] == [mine]
    assert answer["not_canceled"] == {
        gone: "already canceled or matched",
        his: "Order not found",
        "0x1": "Order not found",
    }
    assert here.cash(ANN) == PURSE


def test_cancels_by_market_and_by_asset_leave_the_others(here: Floor) -> None:
    yes, _ = here.order(ANN, "free", cents=30, shares=10)
    no, _ = here.order(ANN, "free", cents=30, shares=10, outcome=NO)
    other, _ = here.order(ANN, "paid", cents=30, shares=10)
    listing = here.venue.board.listings["free"]
    trading = here.venue.trading
    assert trading.cancel_where(ANN, asset=listing.assets[NO])["canceled"] == [no]
    assert trading.cancel_where(ANN, condition=listing.condition)["canceled"] == [yes]
    assert trading.cancel_where(ANN)["canceled"] == [other]
    assert trading.cancel_where(ANN) == {"canceled": [], "not_canceled": {}}


def test_a_dated_order_leaves_a_minute_before_its_stated_end(here: Floor) -> None:
    now_s = here.clock.now_ns() // SECOND
    assert "invalid expiration" in refusal(
        here, cents=30, shares=10, kind="GTD", expiration=now_s + 170
    )
    order_id, _ = here.order(ANN, "free", cents=30, shares=10, kind="GTD", expiration=now_s + 200)
    here.live(139 * SECOND)
    assert here.venue.trading.orders[order_id].live
    here.live(2 * SECOND)
    assert here.venue.trading.orders[order_id].status == "CANCELED"
    told = here.events(ANN, "CANCELLATION")[0]
    assert (told["status"], told["expiration"]) == ("CANCELED_EXPIRED_ORDER", str(now_s + 200))
    assert order_id not in here.venue.world.exchange.orders


def test_in_a_slow_world_trades_settle_no_slower_on_the_wall() -> None:
    here = floor(speed=0.1)
    bid, ask = here.best("free")
    here.order(ANN, "free", cents=(bid + ask) // 200, shares=10)
    here.order(BOB, "free", side="SELL", cents=(bid + ask) // 200, shares=10)
    begun_ns = here.clock.wall_ns()
    here.live(SECOND // 4)
    assert here.clock.wall_ns() - begun_ns < 3 * SECOND
    assert here.events(ANN, "TRADE")[-1]["status"] == "CONFIRMED"


@pytest.mark.parametrize("speed", [0.5, 20.0])
def test_an_order_is_dated_by_the_clock_that_its_client_signs_by(speed: float) -> None:
    here = floor(speed=speed)
    here.live(3_600 * SECOND)  # the two clocks are far apart by now
    wall, world = here.clock.wall_ns() // SECOND, here.clock.now_ns() // SECOND
    dated: dict[str, Any] = {"cents": 20, "shares": 10, "kind": "GTD"}
    ends = {}
    for now, pace in ((wall, speed), (world, 1.0)):
        terms: dict[str, Any] = {**dated, "signed_ms": now * 1_000}
        assert "invalid expiration" in refusal(here, **terms, expiration=now + 170)
        order_id, _ = here.order(ANN, "free", **terms, expiration=now + 240)
        ends[order_id] = 180 * pace
    for order_id, life_s in sorted(ends.items(), key=lambda one: one[1]):
        to_ns = world * SECOND + int(life_s * SECOND)
        here.live(to_ns - SECOND - here.clock.now_ns())
        assert order_id in here.venue.world.exchange.orders
        here.live(2 * SECOND)
        assert order_id not in here.venue.world.exchange.orders
        assert here.events(ANN, "CANCELLATION")[-1]["id"] == order_id
        assert here.events(ANN, "CANCELLATION")[-1]["status"] == "CANCELED_EXPIRED_ORDER"


def test_silence_after_a_heartbeat_cancels_the_keys_orders_once(here: Floor) -> None:
    trading = here.venue.trading
    here.order(ANN, "free", cents=30, shares=10)
    his, _ = here.order(BOB, "free", cents=30, shares=10)
    accepted, first = trading.beat(here.keys[ANN], "")
    assert accepted
    here.live(BEAT_NS - SECOND)
    accepted, second = trading.beat(here.keys[ANN], first)
    assert accepted
    assert trading.beat(here.keys[ANN], first) == (False, second)
    here.live(BEAT_NS - SECOND)
    assert len(trading.open_orders(ANN)) == 1
    here.live(2 * SECOND)
    assert trading.open_orders(ANN) == []
    assert [one.id for one in trading.open_orders(BOB)] == [his]
    here.order(ANN, "free", cents=30, shares=10)
    here.live(2 * BEAT_NS)
    assert len(trading.open_orders(ANN)) == 1  # it has fired, and is not armed any more


def test_a_market_that_ends_takes_the_orders_with_it(here: Floor) -> None:
    order_id, _ = here.order(ANN, "free", cents=30, shares=10)
    here.venue.world.exchange.resolve("free", YES)
    here.live(SECOND)
    assert here.venue.trading.orders[order_id].status == "CANCELED"
    assert here.events(ANN, "CANCELLATION")[0]["status"] == "CANCELED_MARKET_RESOLVED"
    assert here.cash(ANN) == PURSE + SHARES
    assert "not yet ready" in refusal(here, cents=30, shares=10)


def test_an_order_that_lost_its_cover_goes_when_somebody_wants_to_meet_it(here: Floor) -> None:
    cents = inside(here)
    first, _ = here.order(ANN, "free", cents=cents, shares=2_000)
    ask = here.best("paid")[1] // 100
    here.order(ANN, "paid", cents=ask + 12, dollars=960, kind="FAK")
    assert here.cash(ANN) < 100 * cents * 10_000
    here.order(BOB, "free", cents=cents, shares=100, side="SELL")
    assert here.venue.trading.orders[first].status == "CANCELED"
    assert here.venue.trading.notices[ANN][-1]["type"] == 1


# -- settlement ------------------------------------------------------------------------------------


def test_a_trade_is_matched_then_mined_with_a_hash_then_confirmed(here: Floor) -> None:
    cents = inside(here)
    here.order(BOB, "free", cents=cents, shares=20, side="SELL")
    _, answer = here.order(ANN, "free", cents=cents, shares=20)
    record = here.venue.trading.trades[answer["tradeIDs"][0]]
    seen = [record.row(ANN)["status"]]
    for wait_ns in (MINED_NS, CONFIRMED_NS):
        here.live(wait_ns)
        seen.append(record.row(ANN)["status"])
    assert seen == ["MATCHED", "MINED", "CONFIRMED"]
    assert len(record.hash) == 66
    for who, side in ((ANN, "TAKER"), (BOB, "MAKER")):
        told = here.events(who, "TRADE")
        assert [row["status"] for row in told] == ["MATCHED", "MINED", "CONFIRMED"]
        assert {row["trader_side"] for row in told} == {side}
        assert {row["id"] for row in told} == {record.id}
        assert [row["transaction_hash"] for row in told] == ["", record.hash, record.hash]


def test_the_worlds_own_traders_meet_resting_orders_and_the_user_hears_of_it(here: Floor) -> None:
    cents = here.best("free")[1] // 100 - 1
    order_id, _ = here.order(ANN, "free", cents=cents, shares=10, side="SELL")
    life = here.venue.world.lives["free"]
    life.truth += 2.0
    for maker in life.makers:
        maker.belief += 2.0
    order = here.venue.trading.orders[order_id]
    for _ in range(2_000):
        if not order.live:
            break
        here.live(30 * SECOND)
    assert (order.status, order.matched) == ("MATCHED", 10 * SHARE)
    told = here.events(ANN, "TRADE")[0]
    assert (told["trader_side"], told["status"]) == ("MAKER", "MATCHED")
    assert told["taker_order_id"].startswith("0x")
    assert len(told["taker_order_id"]) == 66
    assert [row["order_id"] for row in told["maker_orders"]] == [order_id]


def test_notifications_say_what_filled(here: Floor) -> None:
    order_id, answer = here.order(ANN, "free", cents=here.best("free")[1] // 100, shares=10)
    row = here.venue.trading.notices[ANN][-1]
    assert (row["type"], row["owner"]) == (2, here.keys[ANN].key)
    assert row["payload"]["order_id"] == order_id
    assert row["payload"]["trade_id"] == answer["tradeIDs"][0]
    assert row["payload"]["remaining_size"] == "0"


def test_nothing_is_made_or_lost_by_trading(here: Floor) -> None:
    exchange = here.venue.world.exchange
    for turn in range(40):
        who, other = (ANN, BOB) if turn % 2 else (BOB, ANN)
        cents = inside(here, "paid")
        here.order(who, "paid", cents=cents, shares=10 + turn, side="BUY")
        here.order(other, "paid", cents=cents, shares=7, side="SELL", kind="FAK")
        here.live(SECOND)
        here.venue.trading.cancel_where(who)
    cash = sum(account.cash for account in exchange.accounts.values())
    pairs = sum(one.pairs for one in exchange.markets.values())
    assert cash + pairs == exchange.deposited
    assert all(
        not account.reserved for name, account in exchange.accounts.items() if name in (ANN, BOB)
    )


def test_own_orders_meet_where_that_is_switched_on(here: Floor) -> None:
    here.venue.world.exchange.self_trades = True
    cents = inside(here)
    resting, _ = here.order(ANN, "free", cents=cents, shares=10, side="SELL")
    before = here.cash(ANN), here.shares(ANN, "free")
    _, answer = here.order(ANN, "free", cents=cents, shares=10)
    assert answer["status"] == "matched"
    assert here.venue.trading.orders[resting].status == "MATCHED"
    assert (here.cash(ANN), here.shares(ANN, "free")) == before


def test_a_users_trade_moves_the_makers_of_a_lively_market_and_not_of_a_calm_one() -> None:
    lively = floor(calm=False)
    beliefs = {}
    for name, here in (("calm", floor()), ("lively", lively)):
        maker_beliefs = [maker.belief for maker in here.venue.world.lives["free"].makers]
        here.order(ANN, "free", cents=here.best("free")[1] // 100 + 2, dollars=300, kind="FAK")
        after = [maker.belief for maker in here.venue.world.lives["free"].makers]
        beliefs[name] = max(new - old for new, old in zip(after, maker_beliefs, strict=True))
    assert beliefs["calm"] == 0
    assert beliefs["lively"] > 0


# -- delays ----------------------------------------------------------------------------------------


def test_what_would_match_in_a_delaying_market_waits_and_is_then_matched(here: Floor) -> None:
    ask = here.best("held")[1] // 100
    order_id, answer = here.order(ANN, "held", cents=ask, shares=10)
    assert (answer["status"], answer["makingAmount"], answer["takingAmount"]) == ("delayed", "", "")
    assert "tradeIDs" not in answer
    order = here.venue.trading.orders[order_id]
    assert (order.status, order.matched) == ("DELAYED", 0)
    told = here.venue.trading.cancel(ANN, [order_id])
    assert "delayed" in told["not_canceled"][order_id]
    assert "Duplicated" in refusal(here, "held", cents=ask, shares=10, id=order_id)
    here.live(2 * SECOND)
    assert here.events(ANN, "UPDATE") == []
    here.live(2 * SECOND)
    assert (order.row()["status"], order.matched) == ("MATCHED", 10 * SHARE)
    assert [row["status"] for row in here.events(ANN)[:3]] == ["DELAYED", "MATCHED", "MATCHED"]


def test_a_delayed_order_whose_maker_fled_rests_unmatched(here: Floor) -> None:
    cents = inside(here, "held")
    offer, _ = here.order(BOB, "held", cents=cents, shares=10, side="SELL")
    order_id, answer = here.order(ANN, "held", cents=cents, shares=10)
    assert answer["status"] == "delayed"
    here.venue.trading.cancel(BOB, [offer])
    here.live(4 * SECOND)
    order = here.venue.trading.orders[order_id]
    assert order.live
    assert here.events(ANN, "UPDATE")[0]["status"] == "UNMATCHED"
    assert here.venue.trading.cancel(ANN, [order_id])["canceled"] == [order_id]


def test_a_delayed_order_is_looked_at_anew_and_may_be_killed(here: Floor) -> None:
    cents = inside(here, "held")
    offer, _ = here.order(BOB, "held", cents=cents, shares=10, side="SELL")
    order_id, _ = here.order(ANN, "held", cents=cents, dollars=2, kind="FOK")
    here.venue.trading.cancel(BOB, [offer])
    here.live(4 * SECOND)
    assert here.venue.trading.orders[order_id].status == "CANCELED"
    assert [row["type"] for row in here.events(ANN)] == ["PLACEMENT", "CANCELLATION"]


def test_orders_that_cross_nothing_are_not_delayed(here: Floor) -> None:
    _, answer = here.order(ANN, "held", cents=inside(here, "held"), shares=10)
    assert answer["status"] == "live"
    ask = here.best("held")[1] // 100
    assert "crosses book" in refusal(here, "held", cents=ask, shares=10, post_only=True)
    assert "not enough balance" in refusal(here, "held", cents=ask, shares=90_000)


def test_a_market_that_ends_during_a_delay_ends_the_order_too(here: Floor) -> None:
    order_id, _ = here.order(ANN, "held", cents=here.best("held")[1] // 100, shares=10)
    here.venue.world.exchange.resolve("held", YES)
    here.live(4 * SECOND)
    assert here.venue.trading.orders[order_id].status == "CANCELED"
    assert here.events(ANN)[-1]["status"] == "CANCELED_MARKET_RESOLVED"
