"""Faults of orders and trades: what users hear, what they own, and that the sums stay right."""

from collections import Counter

import pytest

from practice.clock import SECOND
from practice.exchange.orders import SHARE, Refused
from practice.faults.burst import BURST_NS
from practice.faults.deck import Faults
from practice.world.simulation import Moved
from tests.practice.traders import ANN, BOB, NO, PURSE, SHARES, YES, Floor, floor


@pytest.fixture
def here() -> Floor:
    return floor()


def inside(here: Floor, slug: str = "free") -> int:
    bid, ask = here.best(slug)
    return (bid + ask) // 200


def statuses(here: Floor, who: str) -> list[str]:
    return [row["status"] for row in here.events(who, "TRADE")]


def audited(here: Floor) -> None:
    assert here.venue.auditor.told()["violations"] == []


def cross(here: Floor, slug: str = "paid") -> tuple[str, str]:
    """Bob sells ten YES to Ann between the quotes."""
    cents = inside(here, slug)
    sold, _ = here.order(BOB, slug, side="SELL", cents=cents, shares=10)
    bought, answer = here.order(ANN, slug, cents=cents, shares=10)
    assert answer["status"] == "matched"
    return sold, bought


def test_a_failed_trade_gives_everything_back_and_says_so_to_both(here: Floor) -> None:
    here.venue.deck.strike_next({"failed_trade": 1})
    cross(here)
    assert here.shares(ANN, "paid") == SHARES + 10 * SHARE
    here.live(5 * SECOND)
    assert statuses(here, ANN) == statuses(here, BOB) == ["MATCHED", "RETRYING", "FAILED"]
    assert (here.cash(ANN), here.shares(ANN, "paid")) == (PURSE, SHARES)
    assert (here.cash(BOB), here.shares(BOB, "paid")) == (PURSE, SHARES)
    audited(here)


def test_what_was_passed_on_can_no_longer_fail(here: Floor) -> None:
    here.venue.deck.strike_next({"failed_trade": 1})
    cross(here)
    here.venue.world.exchange.accounts[ANN].hold("paid", YES, SHARES + 10 * SHARE)
    here.live(5 * SECOND)
    assert statuses(here, ANN) == ["MATCHED", "RETRYING", "CONFIRMED"]
    audited(here)


def test_a_retrying_trade_confirms_in_the_end(here: Floor) -> None:
    here.venue.deck.strike_next({"retrying_trade": 1})
    cross(here)
    here.live(3 * SECOND)
    assert statuses(here, ANN) == ["MATCHED", "RETRYING"]
    here.live(65 * SECOND)
    assert statuses(here, ANN) == ["MATCHED", "RETRYING", "MINED", "CONFIRMED"]
    assert here.shares(ANN, "paid") == SHARES + 10 * SHARE
    audited(here)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("outcome", [YES, NO])
def test_a_dust_fill_takes_a_millionth_of_a_share(here: Floor, side: str, outcome: int) -> None:
    here.venue.deck.strike_next({"dust_fill": 1})
    cents = inside(here) if outcome == YES else 100 - inside(here)
    order_id, answer = here.order(ANN, "free", side=side, outcome=outcome, cents=cents, shares=10)
    assert (answer["status"], answer["makingAmount"]) == ("live", "")
    assert here.venue.trading.orders[order_id].matched == 1
    assert here.events(ANN, "UPDATE")[-1]["size_matched"] == "0.000001"
    assert here.venue.world.exchange.orders[order_id].remaining == 10 * SHARE - 1
    audited(here)


def test_an_order_is_filled_whole_before_its_answer_says_that_it_rests(here: Floor) -> None:
    here.venue.deck.strike_next({"fill_before_ack": 1})
    order_id, answer = here.order(ANN, "free", cents=inside(here), shares=10)
    assert answer["status"] == "live"
    assert "tradeIDs" not in answer
    order = here.venue.trading.orders[order_id]
    assert (order.status, order.matched) == ("MATCHED", 10 * SHARE)
    assert statuses(here, ANN) == ["MATCHED"]
    audited(here)


def test_an_order_behind_others_is_left_alone(here: Floor) -> None:
    here.venue.deck.strike_next({"fill_before_ack": 1, "dust_fill": 1})
    bid, _ = here.best("free")
    order_id, _ = here.order(ANN, "free", cents=bid // 100 - 2, shares=10)
    assert here.venue.trading.orders[order_id].matched == 0
    audited(here)


def test_the_venue_takes_an_order_off_and_tells_its_owner(here: Floor) -> None:
    here.venue.deck.strike_next({"venue_cancel": 1})
    order_id, _ = here.order(ANN, "free", cents=inside(here), shares=10)
    here.live(6 * SECOND)
    (gone,) = here.events(ANN, "CANCELLATION")
    assert (gone["id"], gone["status"] in {"CANCELED", "INVALID"}) == (order_id, True)
    assert order_id not in here.venue.world.exchange.orders
    assert here.venue.trading.open_orders(ANN) == []
    audited(here)


def test_an_order_that_is_over_is_not_taken_off_again(here: Floor) -> None:
    here.venue.deck.strike_next({"venue_cancel": 1})
    order_id, _ = here.order(ANN, "free", cents=inside(here), shares=10)
    here.venue.trading.cancel(ANN, [order_id])
    here.live(6 * SECOND)
    assert len(here.events(ANN, "CANCELLATION")) == 1


def test_a_market_ends_under_an_order_and_is_resolved(here: Floor) -> None:
    here.venue.deck.strike_next({"market_end": 1})
    order_id, answer = here.order(ANN, "free", cents=20, shares=10)
    assert answer["status"] == "live"
    here.live(3 * SECOND)
    assert here.venue.board.market(here.venue.board.listings["free"]).state == "closed"
    (told,) = here.events(ANN, "CANCELLATION")
    assert (told["id"], told["status"]) == (order_id, "CANCELED_MARKET_RESOLVED")
    with pytest.raises(Refused, match="not yet ready to process"):
        here.order(ANN, "free", cents=20, shares=10)
    here.live(5 * SECOND)
    assert here.venue.board.market(here.venue.board.listings["free"]).state == "resolved"
    assert here.shares(ANN, "free") == 0
    assert here.venue.auditor.told()["violations"] == []


def test_a_burst_changes_lively_markets_two_thousand_times_a_second_and_no_calm_one() -> None:
    here = floor(calm=False)
    changes: Counter[str] = Counter()
    publish = here.venue.burst._publish

    def counted(moved: Moved) -> None:
        changes[moved.market] += 2 * len(moved.changes)
        publish(moved)

    here.venue.burst._publish = counted
    for _ in range(20):
        here.venue.tick()
    assert not changes
    here.venue.burst.call(here.clock.now_ns() + SECOND)
    for _ in range(20):
        here.venue.tick()
    assert set(changes) == {"free"}
    assert 1_900 < changes["free"] < 3_000
    here.live(2 * SECOND)
    changes.clear()
    here.venue.tick()
    assert not changes
    assert here.venue.auditor.told()["violations"] == []


def test_bursts_come_by_rate_and_end_again(here: Floor) -> None:
    here.venue.deck.set(Faults(burst_per_mille=1_000))
    busy = []
    for _ in range(60):
        here.live(10 * SECOND)
        busy.append(here.venue.deck.during("burst", here.clock.now_ns(), BURST_NS))
    assert 9 <= sum(busy) <= 11  # the first sixth of each of ten minutes


def test_every_fault_of_orders_at_once_leaves_the_sums_right(here: Floor) -> None:
    for name in ("failed_trade", "retrying_trade", "dust_fill", "fill_before_ack", "venue_cancel"):
        here.venue.deck.strike_next({name: 20})
    for number in range(40):
        side = "BUY" if number % 2 else "SELL"
        here.order(ANN if number % 3 else BOB, "free", side=side, cents=inside(here), shares=5)
        here.live(SECOND)
    here.live(120 * SECOND)
    audited(here)
    counts = here.venue.deck.counts
    assert min(counts[name] for name in ("failed_trade", "dust_fill", "venue_cancel")) > 0


def test_in_post_only_mode_each_leg_is_judged_for_itself(here: Floor) -> None:
    here.venue.deck.call_mode("post-only", here.clock.now_ns() + 60 * SECOND)
    with pytest.raises(Refused, match="post-only mode"):
        here.order(ANN, "free", cents=inside(here), shares=10)
    _, answer = here.order(ANN, "free", cents=inside(here), shares=10, post_only=True)
    assert answer["status"] == "live"
    here.live(61 * SECOND)
    here.order(ANN, "free", cents=inside(here), shares=10)
