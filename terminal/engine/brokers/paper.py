"""The paper broker: the paper exchange behind the protocol that every broker keeps."""

from feeds.events import Event
from feeds.markets import Nanos
from strategies.decisions import OrderIntent
from strategies.fills import Heard, PaperExchange
from strategies.market_data import MarketDataView


class PaperBroker:
    """Fills orders against the real book by the paper exchange's strict rules; no money moves."""

    def __init__(self, market_data: MarketDataView, latency_ns: Nanos) -> None:
        self._exchange = PaperExchange(market_data, latency_ns)

    def place(self, order: OrderIntent) -> list[Heard]:
        return self._exchange.submit(order, order.at_ns)

    def cancel(self, order_id: str, at_ns: Nanos) -> list[Heard]:
        return self._exchange.cancel(order_id, at_ns)

    def hear(self, event: Event) -> list[Heard]:
        return self._exchange.on_event(event)
