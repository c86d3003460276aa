"""The paper broker: the paper exchange behind the protocol that every broker keeps."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from feeds.events import Event, OrderSealed, OrderSent
from feeds.markets import Nanos
from strategies.decisions import OrderIntent
from strategies.fills import PaperExchange
from strategies.market_data import MarketDataView
from terminal.engine.brokers import Heard


class PaperBroker:
    """Fills orders against the real book by the paper exchange's strict rules; no money moves."""

    def __init__(self, market_data: MarketDataView, latency_ns: Nanos) -> None:
        self._exchange = PaperExchange(market_data, latency_ns)

    def seal(self, order: OrderIntent) -> list[Heard]:
        """The order as JSON; its id at the exchange is a digest of that, as at the venue."""
        payload = msgspec.json.encode(order)
        venue_id = f"0x{blake2b(payload, digest_size=32).hexdigest()}"
        return [OrderSealed(order.at_ns, order.order_id, venue_id, payload)]

    def send(self, order: OrderIntent, sealed: OrderSealed) -> list[Heard]:
        known_at_once = self._exchange.submit(order, order.at_ns)
        return [OrderSent(sealed.at_ns, order.order_id), *known_at_once]

    def cancel(self, order_id: str, at_ns: Nanos) -> Sequence[Heard]:
        return self._exchange.cancel(order_id, at_ns)

    def hear(self, event: Event) -> Sequence[Heard]:
        return self._exchange.on_event(event)
