"""The life of an order, as a table, and the orders of this session.

::

    INTENDED ──▶ OPEN ──▶ FILLED | CANCELLED
        │          │
        ├──────────┴────▶ UNKNOWN ──▶ OPEN | FILLED | CANCELLED | REFUSED
        └──▶ FILLED | CANCELLED | REFUSED | DENIED

A word that was overtaken by a later one (OPEN after FILLED) changes nothing. Any other pair is
impossible and raises: whoever hears it must treat the order as unknown.
"""

from collections.abc import Iterator

import msgspec

from feeds.events import Fill, OrderState, OrderUpdate
from feeds.markets import ONE, Money, Nanos, Price, Size, notional
from strategies.decisions import OrderIntent

ORDERS_MAX = 5_000
"""Orders remembered; the oldest that are over are forgotten first."""

_I, _O, _U = OrderState.INTENDED, OrderState.OPEN, OrderState.UNKNOWN
_F, _C = OrderState.FILLED, OrderState.CANCELLED
_R, _D = OrderState.REFUSED, OrderState.DENIED

NEXT: dict[tuple[OrderState, OrderState], OrderState] = {
    (_I, _O): _O,
    (_I, _F): _F,
    (_I, _C): _C,
    (_I, _R): _R,
    (_I, _D): _D,
    (_I, _U): _U,
    (_O, _O): _O,
    (_O, _F): _F,
    (_O, _C): _C,
    (_O, _U): _U,
    (_U, _U): _U,
    (_U, _O): _O,
    (_U, _F): _F,
    (_U, _C): _C,
    (_U, _R): _R,
    (_F, _F): _F,
    (_F, _O): _F,
    (_C, _C): _C,
    (_C, _O): _C,
    (_R, _R): _R,
    (_D, _D): _D,
}
"""(where it stands, what the broker said) to where it stands then."""


class ImpossibleUpdate(ValueError):
    """A broker said of an order what can't follow from where it stood."""


def next_state(state: OrderState, heard: OrderState) -> OrderState:
    """Where an order stands after a broker's word on it."""
    try:
        return NEXT[state, heard]
    except KeyError:
        raise ImpossibleUpdate(
            f"an order that was {state.value} can't become {heard.value}"
        ) from None


class OrderRecord(msgspec.Struct):
    """One of our orders. ``filled`` is the sum of its fills, ``reported`` the broker's word.

    ``failed`` is the size of fills that were taken back: the venue matched them, and they did not
    settle. The order does not come to life again for it. ``venue_id`` is the venue's id of it, ""
    until it is sealed, and ``sent_ns`` is 0 until it has left.
    """

    intent: OrderIntent
    state: OrderState = OrderState.INTENDED
    filled: Size = 0
    reported: Size = 0
    cost: Money = 0
    fees: Money = 0
    reason: str = ""
    queue_ahead: Size = 0
    updated_ns: Nanos = 0
    cancelling: bool = False
    failed: Size = 0
    venue_id: str = ""
    sent_ns: Nanos = 0

    @property
    def over(self) -> bool:
        return self.state.over

    @property
    def average(self) -> Price:
        """Average price of its fills, rounded; 0 before the first."""
        return (2 * self.cost * ONE + self.filled) // (2 * self.filled) if self.filled else 0

    @property
    def outstanding(self) -> Size:
        """Shares that may still fill: for an order that is over, fills told but not yet seen."""
        expected = self.reported if self.over else self.intent.size
        return max(0, expected - self.filled - self.failed)

    def hear(self, update: OrderUpdate) -> None:
        """Take a broker's word; raises ImpossibleUpdate."""
        self.state = next_state(self.state, update.state)
        self.reported = max(self.reported, update.filled)
        self.reason = update.reason or self.reason
        self.queue_ahead = update.queue_ahead
        self.updated_ns = update.at_ns

    def take(self, fill: Fill) -> None:
        """Count a fill."""
        self._count(fill, 1)
        self.updated_ns = fill.at_ns

    def take_back(self, fill: Fill) -> None:
        """A fill that was counted failed to settle."""
        self._count(fill, -1)
        self.failed += fill.size

    def put_back(self, fill: Fill) -> None:
        """A fill that was taken back settled after all."""
        self._count(fill, 1)
        self.failed -= fill.size

    def _count(self, fill: Fill, sign: int) -> None:
        self.filled += sign * fill.size
        self.cost += sign * notional(fill.price, fill.size)
        self.fees += sign * fill.fee


class OrderTable:
    """Orders by id, oldest first."""

    def __init__(self) -> None:
        self.records: dict[str, OrderRecord] = {}

    def add(self, intent: OrderIntent) -> OrderRecord:
        assert intent.order_id not in self.records, f"order {intent.order_id} was placed before"
        if len(self.records) >= ORDERS_MAX:
            self._forget_one()
        record = self.records[intent.order_id] = OrderRecord(intent, updated_ns=intent.at_ns)
        return record

    def _forget_one(self) -> None:
        oldest = next((r for r in self.records.values() if r.over and not r.outstanding), None)
        assert oldest is not None, f"{ORDERS_MAX} orders are open at once"
        del self.records[oldest.intent.order_id]

    def open(self) -> Iterator[OrderRecord]:
        """Orders that may still fill, oldest first."""
        return (record for record in self.records.values() if not record.over)
