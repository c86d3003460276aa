"""What would have filled: honest to the share."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.book import OrderBook
from feeds.events import (
    BookHealth,
    BookSnapshot,
    BookState,
    Fill,
    Liquidity,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderState,
    OrderUpdate,
    PassedOver,
    Tick,
)
from feeds.markets import ONE, SHARE, MarketState, Side
from strategies.fees import fee
from strategies.fills import QUEUE_UNKNOWN, Heard, PaperExchange, walk
from strategies.market_data import MarketData
from tests.strategies.kit import NOON, TECH, at, books, change, intent, market, market_data, printed

LATENCY = 250_000_000


def book(bids: dict[int, int], asks: dict[int, int]) -> OrderBook:
    made = OrderBook("m-yes")
    shares = [tuple((p, s * SHARE) for p, s in side.items()) for side in (bids, asks)]
    made.apply_snapshot(BookSnapshot(NOON, "m-yes", NOON, shares[0], shares[1]))
    return made


# -- walking -----------------------------------------------------------------------------------


def test_a_buy_walks_the_asks_up_to_its_limit() -> None:
    met = walk(book({4_000: 10}, {4_200: 30, 4_100: 50, 4_500: 99}), Side.BUY, 4_300, 100 * SHARE)
    assert met.fills == ((4_100, 50 * SHARE), (4_200, 30 * SHARE))
    assert (met.filled, met.rests, met.worst) == (80 * SHARE, 20 * SHARE, 4_200)
    assert met.notional == 33_100_000
    assert met.average == pytest.approx(4_137.5)
    assert met.slippage == pytest.approx(4_137.5 - 4_050)


def test_a_sale_walks_the_bids_down_to_its_limit() -> None:
    met = walk(book({4_000: 10, 3_900: 10}, {4_100: 5}), Side.SELL, 3_900, 15 * SHARE)
    assert met.fills == ((4_000, 10 * SHARE), (3_900, 5 * SHARE))
    assert met.slippage == pytest.approx(4_050 - (4_000 * 10 + 3_900 * 5) / 15)


def test_a_limit_short_of_the_book_meets_nothing() -> None:
    met = walk(book({4_000: 10}, {4_100: 5}), Side.BUY, 4_000, SHARE)
    assert (met.fills, met.filled, met.average, met.worst, met.slippage) == (
        (),
        0,
        None,
        None,
        None,
    )


levels = st.dictionaries(st.integers(1, 99), st.integers(1, 500), max_size=8)


@given(levels, st.integers(1, 99), st.integers(1, 2_000), st.sampled_from(Side))
def test_a_walk_takes_the_best_prices_first_and_nothing_beyond_limit_or_depth(
    sizes: dict[int, int], limit: int, wanted: int, side: Side
) -> None:
    depth = {cents * 100: size for cents, size in sizes.items()}
    made = book({}, depth) if side is Side.BUY else book(depth, {})
    met = walk(made, side, limit * 100, wanted * SHARE)
    within = {p: s for p, s in depth.items() if side.sign * (limit * 100 - p) >= 0}
    assert met.filled == min(wanted, sum(within.values())) * SHARE
    assert met.filled + met.rests == wanted * SHARE
    assert [price for price, _ in met.fills] == sorted(
        (price for price, _ in met.fills), reverse=side is Side.SELL
    )
    untouched = [price for price in within if price not in dict(met.fills)]
    assert not met.rests or not untouched


# -- the paper exchange ------------------------------------------------------------------------


class Paper:
    """Market data and an exchange under one hand: what the one hears, the exchange hears next."""

    def __init__(self, here: MarketData | None = None) -> None:
        self.market_data = here or market_data()
        self.exchange = PaperExchange(self.market_data, LATENCY)

    def send(self, order_id: str = "o1", when: float = 0, **changes: Any) -> list[Heard]:
        order = intent(order_id, at_ns=at(when), **changes)
        return self.exchange.submit(order, order.at_ns)

    def rest(self, order_id: str = "o1", when: float = 0, **changes: Any) -> list[Heard]:
        """Send a GTC order and let it reach the book."""
        self.send(order_id, when, kind=OrderKind.GTC, **changes)
        return self.tick(when + 0.3)

    def tick(self, when: float) -> list[Heard]:
        return self.exchange.on_event(Tick(at(when)))

    def trade(self, asset_id: str, price: int, shares: float, side: Side, when: float = 1) -> Any:
        event = printed(asset_id, price, int(shares * SHARE), side, at(when))
        self.market_data.printed(event)
        return self.exchange.on_event(event)


def fills(heard: list[Heard]) -> list[tuple[int, float]]:
    return [(each.price, each.size / SHARE) for each in heard if isinstance(each, Fill)]


def last(heard: list[Heard]) -> OrderUpdate:
    assert isinstance(heard[-1], OrderUpdate)
    return heard[-1]


def test_an_order_is_active_only_after_its_latency_and_meets_the_book_as_it_then_is() -> None:
    paper = Paper()
    assert paper.send() == []
    assert paper.tick(0.249) == []
    for snapshot in books("m", 4_700, 4_900):
        paper.market_data.snapshot(snapshot)
    heard = paper.tick(0.25)
    assert fills(heard) == [(4_900, 100)]
    assert last(heard).state is OrderState.FILLED


def test_each_level_pays_its_own_fee() -> None:
    paper = Paper()
    paper.send(price=5_200, size=2_500 * SHARE)
    heard = paper.tick(1)
    assert fills(heard) == [(5_000, 1_000), (5_100, 1_000), (5_200, 500)]
    charged = [each.fee for each in heard if isinstance(each, Fill)]
    assert charged == [
        fee(1_000 * SHARE, 5_000, TECH),
        fee(1_000 * SHARE, 5_100, TECH),
        fee(500 * SHARE, 5_200, TECH),
    ]
    assert {e.liquidity for e in heard if isinstance(e, Fill)} == {Liquidity.TAKER}
    assert [e.id for e in heard if isinstance(e, Fill)] == ["o1/1", "o1/2", "o1/3"]


def test_depth_that_was_taken_stays_taken_until_the_venue_restates_the_level() -> None:
    paper = Paper()
    paper.send("a", size=900 * SHARE)
    paper.send("b", size=900 * SHARE)
    heard = paper.tick(1)
    assert fills(heard) == [(5_000, 900), (5_000, 100)]
    assert last(heard).reason == "the rest was cancelled"
    paper.send("c", 2, size=50 * SHARE)
    assert fills(paper.tick(3)) == []
    paper.market_data.change(change("m-yes", Side.SELL, 5_000, 40 * SHARE))
    paper.send("d", 4, size=50 * SHARE)
    assert fills(paper.tick(5)) == [(5_000, 40)]


def test_depth_taken_in_one_asset_is_gone_in_its_mirror() -> None:
    paper = Paper()
    paper.send("a", size=1_000 * SHARE)
    paper.send("b", asset_id="m-no", side=Side.SELL, price=5_000, size=10 * SHARE)
    assert fills(paper.tick(1)) == [(5_000, 1_000)]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    paper = Paper()
    paper.send("a", size=1_001 * SHARE, kind=OrderKind.FOK)
    heard = paper.tick(1)
    assert fills(heard) == []
    assert last(heard).state is OrderState.CANCELLED
    assert "1,000 of 1,001" in last(heard).reason
    paper.send("b", 2, size=1_000 * SHARE, kind=OrderKind.FOK)
    assert last(paper.tick(3)).state is OrderState.FILLED


def test_fill_and_kill_never_rests() -> None:
    paper = Paper()
    paper.send(price=4_900)
    assert last(paper.tick(1)).state is OrderState.CANCELLED
    assert paper.trade("m-yes", 4_000, 500, Side.SELL) == []


def test_a_post_only_order_that_would_trade_is_refused() -> None:
    paper = Paper()
    heard = paper.rest("a", price=5_000, post_only=True)
    assert last(heard).state is OrderState.REFUSED
    assert "post-only" in last(heard).reason
    assert last(paper.rest("b", 2, price=4_900, post_only=True)).state is OrderState.OPEN


def test_a_crossing_limit_takes_what_it_meets_and_rests_with_what_is_left() -> None:
    paper = Paper()
    heard = paper.rest(size=1_200 * SHARE)
    assert fills(heard) == [(5_000, 1_000)]
    assert (last(heard).state, last(heard).filled) == (OrderState.OPEN, 1_000 * SHARE)


def test_a_resting_order_waits_behind_what_stood_there_before_it() -> None:
    paper = Paper()
    assert last(paper.rest(price=4_800)).queue_ahead == 1_000 * SHARE
    heard = paper.trade("m-yes", 4_800, 700, Side.SELL)
    assert (fills(heard), last(heard).queue_ahead) == ([], 300 * SHARE)
    heard = paper.trade("m-yes", 4_800, 350, Side.SELL)
    assert fills(heard) == [(4_800, 50)]
    heard = paper.trade("m-yes", 4_800, 70, Side.SELL)
    assert fills(heard) == [(4_800, 50)]
    assert last(heard).state is OrderState.FILLED
    assert {e.fee for e in heard if isinstance(e, Fill)} == {0}, "makers pay nothing"


def test_where_books_ran_ahead_of_prints_places_are_not_known_until_all_is_told() -> None:
    """Who came to rest before, and who does meanwhile: only a trade beyond their price fills."""
    paper = Paper()
    paper.rest("before", price=4_800)
    heard = paper.exchange.on_event(PassedOver(at(1), ("m-no",)))
    assert [(one.order_id, last([one]).queue_ahead) for one in heard] == [("before", QUEUE_UNKNOWN)]
    assert paper.exchange.on_event(PassedOver(at(1), ("m-yes",))) == [], "it is told once"
    assert last(paper.rest("meanwhile", 1, price=4_800)).queue_ahead == QUEUE_UNKNOWN
    assert paper.trade("m-yes", 4_800, 90_000, Side.SELL, 2) == []
    assert paper.exchange.on_event(PassedOver(at(2), ())) == []
    assert last(paper.rest("after", 3, price=4_800)).queue_ahead == 1_000 * SHARE
    heard = paper.trade("m-yes", 4_800, 1_050, Side.SELL, 4)
    assert {one.order_id for one in heard} == {"after"}, "what is not known does not come back"
    heard = paper.trade("m-yes", 4_700, 250, Side.SELL, 5)
    assert fills(heard) == [(4_800, 100), (4_800, 100), (4_800, 50)]


def test_places_are_unknown_whether_or_not_an_order_rested_before() -> None:
    paper = Paper()
    assert paper.exchange.on_event(PassedOver(at(0), ("m-yes", "stranger"))) == []
    assert last(paper.rest(price=4_800)).queue_ahead == QUEUE_UNKNOWN


def test_a_change_of_depth_fills_nothing() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    event = change("m-yes", Side.BUY, 4_800, 0)
    paper.market_data.change(event)
    assert paper.exchange.on_event(event) == []
    for snapshot in books("m", 4_000, 4_100):
        paper.market_data.snapshot(snapshot)
        assert paper.exchange.on_event(snapshot) == []
    assert paper.tick(9) == []


def test_a_print_through_the_price_fills_at_our_price_up_to_its_own_size() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    heard = paper.trade("m-yes", 4_700, 60, Side.SELL)
    assert fills(heard) == [(4_800, 60)]
    assert last(heard).queue_ahead == 0


def test_prints_away_from_us_or_by_our_own_side_fill_nothing() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    assert paper.trade("m-yes", 4_900, 500, Side.SELL) == []
    assert paper.trade("m-yes", 4_700, 500, Side.BUY) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        # resting here is filled by a taker there
        (("m-yes", Side.SELL, 5_100), ("m-yes", Side.BUY, 5_200)),
        (("m-yes", Side.SELL, 5_100), ("m-no", Side.SELL, 4_800)),
        (("m-no", Side.BUY, 4_900), ("m-yes", Side.BUY, 5_200)),
        (("m-no", Side.BUY, 4_900), ("m-no", Side.SELL, 4_800)),
        (("m-yes", Side.BUY, 4_700), ("m-no", Side.BUY, 5_400)),
        (("m-no", Side.SELL, 5_300), ("m-yes", Side.SELL, 4_600)),
    ],
)
def test_both_assets_of_a_market_are_one_pool(
    ours: tuple[str, Side, int], theirs: tuple[str, Side, int]
) -> None:
    paper = Paper()
    asset_id, side, price = ours
    paper.rest(asset_id=asset_id, side=side, price=price)
    asset_id, side, price = theirs
    assert fills(paper.trade(asset_id, price, 30, side)) == [(ours[2], 30)]


def test_a_trade_that_the_venue_tells_under_both_assets_counts_once() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    assert fills(paper.trade("m-yes", 4_700, 30, Side.SELL)) == [(4_800, 30)]
    assert paper.trade("m-no", 5_300, 30, Side.BUY) == []
    assert fills(paper.trade("m-no", 5_300, 30, Side.BUY, when=2)) == [(4_800, 30)]


def test_the_size_of_a_print_is_used_once_best_price_first() -> None:
    paper = Paper()
    paper.rest("low", price=4_800, size=50 * SHARE)
    paper.rest("high", 1, price=4_900, size=50 * SHARE)
    heard = paper.trade("m-yes", 4_700, 70, Side.SELL, when=3)
    told = [(each.order_id, each.size / SHARE) for each in heard if isinstance(each, Fill)]
    assert told == [("high", 50), ("low", 20)]


def test_two_of_our_orders_never_fill_each_other() -> None:
    paper = Paper()
    paper.rest("bid", price=4_900)
    heard = paper.rest("ask", 1, side=Side.SELL, price=4_900)
    assert fills(heard) == []


@pytest.mark.parametrize("state", [BookState.STALE, BookState.FROZEN, BookState.RESYNCING])
def test_nothing_fills_while_the_book_is_not_to_be_trusted(state: BookState) -> None:
    paper = Paper()
    paper.rest(price=4_800)
    paper.market_data.health(BookHealth(NOON, "m-yes", state))
    assert paper.trade("m-yes", 4_700, 60, Side.SELL) == []
    paper.send("late", 2)
    heard = paper.tick(3)
    assert (fills(heard), last(heard).state) == ([], OrderState.REFUSED)
    paper.market_data.health(BookHealth(NOON, "m-yes", BookState.QUIET))
    assert fills(paper.trade("m-yes", 4_700, 60, Side.SELL, when=4)) == [(4_800, 60)]


def test_a_market_that_closes_sends_resting_orders_home_and_takes_no_more() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    closed = market(state=MarketState.CLOSED)
    paper.market_data.see(closed)
    heard = paper.exchange.on_event(MarketSeen(at(1), closed))
    assert (last(heard).state, last(heard).reason) == (OrderState.CANCELLED, "the market is closed")
    paper.send("late", 2)
    assert last(paper.tick(3)).state is OrderState.REFUSED
    assert paper.exchange.open_orders == ()


def test_a_decided_market_sends_resting_orders_home() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    event = MarketResolved(at(1), "m", "m-yes")
    paper.market_data.resolve(event)
    assert last(paper.exchange.on_event(event)).state is OrderState.CANCELLED


def test_a_cancel_takes_its_time_and_what_fills_meanwhile_is_filled() -> None:
    paper = Paper()
    paper.rest(price=4_800)
    paper.exchange.cancel("o1", at(1))
    assert fills(paper.trade("m-yes", 4_700, 40, Side.SELL, when=1.1)) == [(4_800, 40)]
    heard = paper.tick(1.25)
    assert (last(heard).state, last(heard).filled) == (OrderState.CANCELLED, 40 * SHARE)
    assert paper.exchange.cancel("o1", at(2)) == []
    assert paper.tick(3) == []


def test_an_order_cancelled_on_its_way_still_arrives_first() -> None:
    paper = Paper()
    paper.send(price=4_800, kind=OrderKind.GTC)
    paper.exchange.cancel("o1", at(0.1))
    assert last(paper.tick(0.3)).state is OrderState.OPEN
    assert last(paper.tick(0.4)).state is OrderState.CANCELLED


def test_the_same_order_sent_twice_is_one_order() -> None:
    paper = Paper()
    paper.send()
    paper.send()
    assert fills(paper.tick(1)) == [(5_000, 100)]


prints = st.lists(
    st.tuples(
        st.sampled_from(["m-yes", "m-no"]),
        st.integers(40, 60).map(lambda cents: cents * 100),
        st.integers(1, 400),
        st.sampled_from(Side),
    ),
    max_size=25,
)


@given(prints, st.lists(st.integers(45, 54), min_size=1, max_size=4))
def test_resting_orders_never_get_more_than_was_printed_nor_more_than_they_asked(
    happened: list[tuple[str, int, int, Side]], cents: list[int]
) -> None:
    paper = Paper()
    for number, price in enumerate(cents):
        paper.rest(f"o{number}", number, price=min(price * 100, 4_900), size=300 * SHARE)
    got: dict[str, int] = {}
    for number, (asset_id, price, size, side) in enumerate(happened):
        heard = paper.trade(asset_id, price, size, side, when=100 + number)
        parts = [each for each in heard if isinstance(each, Fill)]
        assert sum(part.size for part in parts) <= size * SHARE
        told_in_yes = price if asset_id == "m-yes" else ONE - price
        assert all(told_in_yes <= part.price for part in parts)
        for part in parts:
            got[part.order_id] = got.get(part.order_id, 0) + part.size
    assert all(size <= 300 * SHARE for size in got.values())
