"""Whatever orders, prints, books and clocks do: money adds up and no limit is passed."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import (
    BookHealth,
    BookState,
    CancelRequest,
    Event,
    Fill,
    Gap,
    KillSwitch,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderRequest,
    Tick,
)
from feeds.markets import DOLLAR, ONE, SHARE, MarketState, Side, notional
from strategies.decisions import Place
from strategies.desk import Desk, DeskSettings
from strategies.risk import RiskLimits
from tests.strategies.kit import Session, at, books, change, market, printed

START = 300 * DOLLAR
LIMITS = RiskLimits(order_notional_max=100 * DOLLAR, total_notional_max=250 * DOLLAR)

assets = st.sampled_from(["m-yes", "m-no", "n-yes", "n-no"])
cents = st.integers(30, 70).map(lambda c: c * 100)
sizes = st.integers(1, 30_000).map(lambda hundredths: hundredths * 10_000)
sides = st.sampled_from(Side)

Make = Callable[[int], list[Event]]


def orders() -> st.SearchStrategy[Make]:
    return st.builds(
        lambda asset, side, price, size, kind, post: (
            lambda now: [
                OrderRequest(now, f"c{now}", asset[0], asset, side, price, size, kind, post)
            ]
        ),
        assets,
        sides,
        cents,
        sizes,
        st.sampled_from(OrderKind),
        st.booleans(),
    )


steps: st.SearchStrategy[Make] = st.one_of(
    orders(),
    orders(),
    st.builds(
        lambda asset, price, size, side: lambda now: [printed(asset, price, size, side, now)],
        assets,
        cents,
        st.integers(1, 10**9),
        sides,
    ),
    st.builds(
        lambda name, bid, spread: lambda now: list(books(name, bid, bid + spread, at_ns=now)),
        st.sampled_from("mn"),
        cents,
        st.integers(0, 5).map(lambda c: c * 100),
    ),
    st.builds(
        lambda asset, side, price, size: lambda now: [change(asset, side, price, size, now)],
        assets,
        sides,
        cents,
        sizes,
    ),
    st.builds(
        lambda asset, state: lambda now: [BookHealth(now, asset, state)],
        assets,
        st.sampled_from([BookState.LIVE, BookState.QUIET, BookState.STALE]),
    ),
    st.just(lambda now: [CancelRequest(now, f"c{now}")]),
    st.just(lambda now: [Gap(now, ("m-yes",), "a break")]),
    st.booleans().map(lambda on: lambda now: [KillSwitch(now, f"c{now}", on)]),
    st.sampled_from(MarketState).map(
        lambda state: lambda now: [MarketSeen(now, market("n", state=state))]
    ),
    st.sampled_from(["m-yes", "m-no", ""]).map(
        lambda winner: lambda now: [MarketResolved(now, "m", winner)]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=5, max_size=60))
def test_money_adds_up_after_every_event(script: list[Make]) -> None:
    here = Session(
        Desk(DeskSettings(session="t", starting_cash=START, limits=LIMITS, follow_busiest=0))
    )
    for name in "mn":
        here.feed(MarketSeen(at(0), market(name)), *books(name, 4_800, 5_000))
    for number, make in enumerate(script):
        now = at(number + 1)
        for event in make(now):
            here.feed(event)
            adds_up(here)
        here.feed(Tick(now + 300_000_000))
        adds_up(here)
    here.feed(KillSwitch(at(900), "end", True), Tick(at(901)), Tick(at(902)))
    assert not list(here.paper.open_orders)
    assert here.desk.portfolio.free_cash == here.desk.portfolio.cash


def adds_up(here: Session) -> None:
    portfolio = here.desk.portfolio
    fills = [each for each in here.heard if isinstance(each, Fill)]
    paid = sum(
        (each.fee + notional(each.price, each.size))
        if each.side is Side.BUY
        else (each.fee - each.price * each.size // ONE)
        for each in fills
    )
    won = sum(
        m.winner != "" or m.state is MarketState.RESOLVED
        for m in here.desk.market_data.markets.values()
    )
    assert won or portfolio.cash == START - paid
    assert portfolio.equity - START == portfolio.realised + portfolio.unrealised
    assert portfolio.equity == portfolio.cash + portfolio.worth()
    assert portfolio.free_cash >= 0
    for each in here.of(Place):
        filled = sum(f.size for f in fills if f.order_id == each.order.order_id)
        assert (
            filled
            == here.desk.trading.orders.records[each.order.order_id].filled
            <= each.order.size
        )
    for asset in ("m-yes", "m-no", "n-yes", "n-no"):
        assert portfolio.free_shares(asset) >= 0


@given(cents, st.integers(1, 5), st.integers(2, 400))
def test_buying_and_selling_again_at_once_never_pays(bid: int, spread: int, shares: int) -> None:
    here = Session(Desk(DeskSettings(session="t", limits=RiskLimits(order_notional_max=10**12))))
    ask = bid + spread * 100
    here.feed(MarketSeen(at(0), market()), *books("m", bid, ask, levels=10))
    for number, (side, limit) in enumerate(((Side.BUY, ask), (Side.SELL, bid))):
        here.feed(
            OrderRequest(at(number), "c", "m", "m-yes", side, limit, shares * SHARE, OrderKind.FAK),
            Tick(at(number + 0.5)),
        )
    assert not here.of(Place) or here.desk.portfolio.equity < 10_000 * DOLLAR
