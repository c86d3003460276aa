"""A session's steps: what is kept comes before what it allows; an order is sent once or never."""

from collections.abc import Sequence

import msgspec
import pytest

from feeds.events import (
    Behind,
    CancelRequest,
    Event,
    Fill,
    KillSwitch,
    Liquidity,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderRequest,
    OrderSealed,
    OrderSent,
    OrderState,
    OrderUpdate,
    Release,
    Tick,
)
from feeds.markets import SHARE, Nanos, Side
from strategies.decisions import Alert, OrderIntent
from strategies.desk import Desk, DeskSettings
from terminal.engine.brokers import Heard
from terminal.engine.brokers.paper import PaperBroker
from terminal.engine.session import Decided, Header, Keep, Session
from tests.strategies.kit import NOON, WordLinker, at, books, market

HEADER = Header(version="0", venue="test", started_ns=NOON, desk=DeskSettings(session="t"))
BUY = OrderRequest(at(1), "c1", "m", "m-yes", Side.BUY, 5_000, 100 * SHARE, OrderKind.FAK)


class Calls:
    """The paper broker, and what it was called for. With ``seals`` off it seals when told to."""

    def __init__(self, desk: Desk) -> None:
        self.paper = PaperBroker(desk.market_data, 250_000_000)
        self.calls: list[str] = []
        self.seals = True
        self.sealed: dict[str, OrderSealed] = {}

    def seal(self, order: OrderIntent) -> Sequence[Heard]:
        self.calls.append(f"seal {order.order_id}")
        (sealed,) = self.paper.seal(order)
        assert isinstance(sealed, OrderSealed)
        self.sealed[order.order_id] = sealed
        return [sealed] if self.seals else []

    def send(self, order: OrderIntent, sealed: OrderSealed) -> Sequence[Heard]:
        assert sealed == self.sealed[order.order_id]
        self.calls.append(f"send {order.order_id}")
        return self.paper.send(order, sealed)

    def cancel(self, order_id: str, at_ns: Nanos) -> Sequence[Heard]:
        self.calls.append(f"cancel {order_id}")
        return self.paper.cancel(order_id, at_ns)

    def hear(self, event: Event) -> Sequence[Heard]:
        return self.paper.hear(event)


def opened(seals: bool = True) -> tuple[Session, Calls]:
    made: list[Calls] = []

    def broker(desk: Desk) -> Calls:
        made.append(Calls(desk))
        return made[0]

    session = Session(HEADER, broker, WordLinker())
    made[0].seals = seals
    for event in (MarketSeen(NOON, market()), *books("m", 4_800, 5_000), Tick(NOON)):
        session.play(event)
    return session, made[0]


def steps(session: Session, event: Event) -> list[str]:
    """Steps as words: what is kept (with "!" where it is waited for), and what was decided upon."""
    said = []
    for step in session.feed(event):
        if isinstance(step, Keep):
            names = " ".join(type(record).__name__ for record in step.records)
            said.append(f"keep{'!' if step.durable else ''} {names}")
        else:
            said.append(f"decided {type(step.event).__name__}")
    return said


def test_an_order_is_an_intent_then_sealed_then_sent_each_on_disk_before_the_next() -> None:
    session, _ = opened()
    assert steps(session, BUY) == [
        "keep! OrderIntent",
        "decided OrderRequest",
        "keep! OrderSealed",
        "decided OrderSealed",
    ]
    assert steps(session, Tick(at(2))) == [
        "keep OrderSent",
        "decided OrderSent",
        "decided Tick",
        "keep! Fill OrderUpdate",
        "decided Fill",
        "decided OrderUpdate",
    ]
    record = session.desk.trading.orders.records["t-1"]
    assert (record.state, record.sent_ns) == (OrderState.FILLED, at(1))
    assert record.venue_id.startswith("0x")


def test_nothing_reaches_the_broker_until_the_caller_has_kept_it() -> None:
    session, broker = opened()
    reached = []
    for event in (BUY, Release(at(1))):
        for step in session.feed(event):
            reached.append((type(step), list(broker.calls)))
    sealed, sent = ["seal t-1"], ["seal t-1", "send t-1"]
    assert reached == [
        (Keep, []),
        (Decided, []),
        (Keep, sealed),
        (Decided, sealed),
        (Keep, sent),
        (Decided, sent),
        (Decided, sent),
    ]


def test_a_fill_moves_no_money_until_it_is_kept() -> None:
    session, _ = opened()
    session.play(BUY)
    for step in session.feed(Tick(at(2))):
        fills = isinstance(step, Keep) and any(isinstance(r, Fill) for r in step.records)
        if fills:
            assert session.desk.portfolio.held("m-yes") == 0
    assert session.desk.portfolio.held("m-yes") == 100 * SHARE


@pytest.mark.parametrize(
    "event",
    [
        KillSwitch(at(2), "k", True),
        MarketResolved(at(2), "m", "m-no"),
        Fill(at(2), "f", "t-1", "m", "m-yes", Side.BUY, 5_000, SHARE, 0, Liquidity.TAKER),
        OrderUpdate(at(2), "t-1", OrderState.CANCELLED, 0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_the_world_says_of_money_is_kept_before_the_desk_hears_of_it(
    event: KillSwitch | MarketResolved | Fill | OrderUpdate,
) -> None:
    session, _ = opened()
    session.play(BUY)
    session.play(Release(at(1)))
    desk = session.desk

    def heard() -> tuple[object, ...]:
        record = desk.trading.orders.records["t-1"]
        return (
            desk.trading.gate.killed,
            desk.market_data.markets["m"].state,
            record.filled,
            record.state,
        )

    before = heard()
    steps = session.feed(event)
    assert next(steps) == Keep((event,), True)
    assert heard() == before
    assert isinstance(next(steps), Keep | Decided)
    assert heard() != before


def test_the_place_in_the_queue_is_kept_and_nobody_waits_for_it() -> None:
    session, _ = opened()
    resting = OrderRequest(at(1), "c", "m", "m-yes", Side.BUY, 4_800, 100 * SHARE, OrderKind.GTC)
    session.play(resting)
    assert "keep OrderUpdate" in steps(session, Tick(at(2)))
    session.play(CancelRequest(at(3), "c2", "t-1"))
    assert "keep! OrderUpdate" in steps(session, Tick(at(4)))


def test_an_order_that_is_sealed_later_is_sent_then() -> None:
    session, broker = opened(seals=False)
    session.play(BUY)
    assert broker.calls == ["seal t-1"]
    assert steps(session, broker.sealed["t-1"]) == ["keep! OrderSealed", "decided OrderSealed"]
    assert steps(session, Release(at(2)))[0] == "keep OrderSent"
    assert broker.calls == ["seal t-1", "send t-1"]
    session.play(broker.sealed["t-1"])
    session.play(Release(at(3)))
    assert broker.calls == ["seal t-1", "send t-1"], "a seal told twice sends once"


@pytest.mark.parametrize("stop", [CancelRequest(at(2), "c2", ""), KillSwitch(at(2), "k", True)])
def test_what_is_sealed_and_has_not_left_never_leaves_after_a_command(stop: Event) -> None:
    session, broker = opened()
    session.play(BUY)
    assert broker.calls == ["seal t-1"]
    session.play(stop)
    for moment in (2, 3):
        session.play(Tick(at(moment)))
    assert broker.calls == ["seal t-1"]
    record = session.desk.trading.orders.records["t-1"]
    assert (record.state, record.sent_ns) == (OrderState.CANCELLED, 0)
    assert session.desk.portfolio.free_cash == session.desk.portfolio.cash


def test_what_was_decided_in_time_and_is_late_when_the_disk_has_it_does_not_leave() -> None:
    session, broker = opened()
    session.play(BUY)
    session.play(Behind(at(2), 5_000))
    session.play(Release(at(2)))
    record = session.desk.trading.orders.records["t-1"]
    assert broker.calls == ["seal t-1"]
    assert (record.state, record.reason) == (
        OrderState.CANCELLED,
        "not sent: the engine was 5.0 s behind",
    )
    session.play(Behind(at(3), 0))
    session.play(msgspec.structs.replace(BUY, at_ns=at(3), command_id="c2"))
    session.play(Release(at(3)))
    assert broker.calls[-1] == "send t-2"


@pytest.mark.parametrize("stop", [CancelRequest(at(2), "c2", ""), KillSwitch(at(2), "k", True)])
def test_an_order_that_is_cancelled_before_it_is_sealed_never_leaves(stop: Event) -> None:
    session, broker = opened(seals=False)
    session.play(BUY)
    session.play(stop)
    record = session.desk.trading.orders.records["t-1"]
    assert (record.state, record.reason) == (
        OrderState.CANCELLED,
        "cancelled before it was sent",
    )
    session.play(broker.sealed["t-1"])
    assert broker.calls == ["seal t-1"]
    assert session.desk.portfolio.free_cash == session.desk.portfolio.cash


def test_an_order_that_could_not_be_sealed_is_over_whatever_is_said_later() -> None:
    session, broker = opened(seals=False)
    session.play(BUY)
    session.play(OrderUpdate(at(2), "t-1", OrderState.REFUSED, 0, "the signer is away"))
    session.play(broker.sealed["t-1"])
    assert broker.calls == ["seal t-1"]
    assert session.desk.trading.orders.records["t-1"].state is OrderState.REFUSED


@pytest.mark.parametrize(
    "said", [OrderSealed(at(2), "x", "0x1", b""), OrderSent(at(2), "x")], ids=["sealed", "sent"]
)
def test_a_word_on_an_order_of_somebody_else_is_told_and_sends_nothing(
    said: OrderSealed | OrderSent,
) -> None:
    session, broker = opened()
    (alert,) = session.play(said)
    assert isinstance(alert, Alert)
    assert alert.title == "An order that is not ours"
    assert broker.calls == []


def test_a_session_whose_step_failed_goes_no_further() -> None:
    session, broker = opened()
    for step in session.feed(BUY):
        assert isinstance(step, Keep)
        break  # it could not be kept
    with pytest.raises(AssertionError, match="not carried to its end"):
        session.play(Tick(at(2)))
    assert broker.calls == []


def test_who_waits_and_who_does_not_decide_the_same() -> None:
    waited, played = opened()[0], opened()[0]
    for event in (BUY, Tick(at(2)), CancelRequest(at(3), "c2", ""), Tick(at(4))):
        for _ in waited.feed(event):
            pass
        played.play(event)
    assert waited.digest == played.digest
    assert waited.decisions == played.decisions > 3
