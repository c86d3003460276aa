"""Who carries orders out: the same protocol on paper and, one day, at the venue."""

from collections.abc import Sequence
from typing import Protocol

from feeds.events import Event, Fill, FillSettled, OrderUpdate
from feeds.markets import Nanos
from strategies.decisions import OrderIntent

Heard = OrderUpdate | Fill | FillSettled
"""What a broker may say of an order; the engine hands it to the desk like any other event."""


class Broker(Protocol):
    """Carries out what the desk decided. An order's intent is in the ledger before it gets here."""

    def place(self, order: OrderIntent) -> Sequence[Heard]:
        """Take an order; what is known at once comes back, the rest is heard later."""

    def cancel(self, order_id: str, at_ns: Nanos) -> Sequence[Heard]:
        """Take an order off; unknown or finished orders are no error."""

    def hear(self, event: Event) -> Sequence[Heard]:
        """What this event of the world means for our orders."""
