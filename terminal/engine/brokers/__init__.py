"""Who carries orders out: the same protocol on paper and, one day, at the venue."""

from collections.abc import Sequence
from typing import Protocol

from feeds.events import Event, Fill, FillSettled, OrderSealed, OrderSent, OrderUpdate
from feeds.markets import Nanos
from strategies.decisions import OrderIntent

Heard = OrderSealed | OrderSent | OrderUpdate | Fill | FillSettled
"""What a broker may say of an order; the desk hears it like any other event."""


class Broker(Protocol):
    """Carries out what the desk decided, each step only when the one before it is on disk.

    What is known at once is returned; what takes time (a signer, the network) is said later, as an
    event of its own. An order lives: intent, :meth:`seal`, ``OrderSealed``, :meth:`send`,
    ``OrderSent``, its outcome.
    """

    def seal(self, order: OrderIntent) -> Sequence[Heard]:
        """Give an order its final form: ``OrderSealed``, now or later, or ``REFUSED`` if it can't.

        The intent is on disk. Nothing may leave.
        """

    def send(self, order: OrderIntent, sealed: OrderSealed) -> Sequence[Heard]:
        """Send an order, these bytes and no others; they are on disk.

        ``OrderSent`` says that they left. Called once for an order, and never for one that was
        cancelled before.
        """

    def cancel(self, order_id: str, at_ns: Nanos) -> Sequence[Heard]:
        """Take an order off that was sent; unknown or finished orders are no error."""

    def hear(self, event: Event) -> Sequence[Heard]:
        """What this event of the world means for our orders."""
