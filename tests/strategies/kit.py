"""Markets, books and stories by the handful, and a loop that joins desk and paper exchange."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from feeds.events import (
    BookSnapshot,
    Event,
    Fill,
    Level,
    LevelChange,
    Liquidity,
    MarketSeen,
    Near,
    OddsPoint,
    OrderKind,
    Print,
    Story,
    Tick,
)
from feeds.markets import (
    MINUTE,
    ONE,
    SECOND,
    SHARE,
    FeeSchedule,
    Market,
    Nanos,
    Outcome,
    Price,
    Side,
    Size,
)
from strategies.api import expit
from strategies.decisions import Cancel, Decision, Link, OrderIntent, Place, Tier
from strategies.desk import Desk
from strategies.fills import Heard, PaperExchange
from strategies.linking import Candidate, LinkableMarket
from strategies.market_data import MarketData

NOON: Nanos = 1_795_521_600 * SECOND
"""24 November 2026, 12:00 UTC: when these tests happen."""
TECH = FeeSchedule(rate_e6=40_000)
DEEP = 1_000 * SHARE


def market(name: str = "m", **changes: Any) -> Market:
    """An open market called ``name`` with assets ``name+yes`` and ``name+no``."""
    fields: dict[str, Any] = {
        "condition_id": name,
        "question": f"Will {name} happen?",
        "yes": Outcome("Yes", f"{name}-yes"),
        "no": Outcome("No", f"{name}-no"),
        "tick_size": 100,
        "min_order_size": 5 * SHARE,
        "fees": TECH,
    }
    return Market(**{**fields, **changes})


def ladder(best: Price, step: int, size: Size, levels: int, tick: Price) -> tuple[Level, ...]:
    prices = [best + step * tick * i for i in range(levels)]
    return tuple((price, size) for price in prices if tick <= price <= ONE - tick)


def books(
    name: str,
    bid: Price,
    ask: Price,
    *,
    at_ns: Nanos = NOON,
    size: Size = DEEP,
    levels: int = 5,
    tick: Price = 100,
) -> list[BookSnapshot]:
    """Both assets' books of a market, mirrored."""
    bids, asks = ladder(bid, -1, size, levels, tick), ladder(ask, 1, size, levels, tick)
    no_bids = tuple((ONE - price, size) for price, size in asks)
    no_asks = tuple((ONE - price, size) for price, size in bids)
    return [
        BookSnapshot(at_ns, f"{name}-yes", at_ns, bids, asks),
        BookSnapshot(at_ns, f"{name}-no", at_ns, no_bids, no_asks),
    ]


def market_data(*markets: Market) -> MarketData:
    """Market data with these markets and a book of 48 to 50 cents for each."""
    made = MarketData()
    for each in markets or (market(),):
        made.see(each)
        for snapshot in books(each.condition_id, 4_800, 5_000):
            made.snapshot(snapshot)
    return made


def story(name: str = "story", **changes: Any) -> Story:
    fields: dict[str, Any] = {
        "at_ns": NOON,
        "id": name,
        "source": "wire",
        "source_name": "Example Wire",
        "title": f"The news of {name}",
        "published_ns": changes.get("at_ns", NOON),
        "first_seen_ns": changes.get("at_ns", NOON),
        "cluster_id": name,
    }
    return Story(**{**fields, **changes})


def intent(order_id: str = "o1", **changes: Any) -> OrderIntent:
    """A FAK order to buy 100 YES at up to 50 cents."""
    fields: dict[str, Any] = {
        "order_id": order_id,
        "at_ns": NOON,
        "origin": "test",
        "strategy": "",
        "condition_id": "m",
        "asset_id": "m-yes",
        "side": Side.BUY,
        "price": 5_000,
        "size": 100 * SHARE,
        "kind": OrderKind.FAK,
    }
    return OrderIntent(**{**fields, **changes})


def fill(fill_id: str = "f1", **changes: Any) -> Fill:
    """100 YES bought at 50 cents."""
    fields: dict[str, Any] = {
        "at_ns": NOON,
        "id": fill_id,
        "order_id": "o1",
        "condition_id": "m",
        "asset_id": "m-yes",
        "side": Side.BUY,
        "price": 5_000,
        "size": 100 * SHARE,
        "fee": 0,
        "liquidity": Liquidity.TAKER,
    }
    return Fill(**{**fields, **changes})


def printed(asset_id: str, price: Price, size: Size, side: Side, at_ns: Nanos = NOON) -> Print:
    return Print(at_ns, asset_id, at_ns, price, size, side)


class WordLinker:
    """Links a story to the markets whose id stands in its title: a linker one can see through."""

    def __init__(self, direction: int = 1, relevance: float = 0.9) -> None:
        self.ids: dict[str, LinkableMarket] = {}
        self.direction, self.relevance = direction, relevance

    def add(self, market: LinkableMarket) -> None:
        self.ids[market.id] = market

    def remove(self, market_id: str) -> None:
        self.ids.pop(market_id, None)

    def family(self, market_id: str) -> str:
        return "test" if market_id in self.ids else ""

    def link(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Link, ...]:
        words = title.split()
        return tuple(
            Link(name, self.relevance, self.direction, f"names {name}", "test", tier=Tier.BEARS)
            for name in self.ids
            if name in words
        )

    def likely(
        self, title: str, summary: str = "", published_ns: Nanos | None = None
    ) -> tuple[str, ...]:
        return tuple(link.market_id for link in self.link(title, summary, published_ns))

    def candidates(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Candidate, ...]:
        links = self.link(title, summary, published_ns)
        return tuple(Candidate((self.ids[link.market_id],), (link,), True) for link in links)


class Session:
    """Desk and paper exchange, joined as the engine joins them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.paper = PaperExchange(desk.market_data, desk.settings.paper_latency_ms * 1_000_000)
        self.decisions: list[Decision] = []
        self.heard: list[Heard] = []

    def feed(self, *events: Event) -> list[Decision]:
        """Events in, all decisions that came of them out."""
        start = len(self.decisions)
        for event in events:
            waiting: deque[Heard] = deque()
            self._decide(event, waiting)
            waiting.extend(self.paper.on_event(event))
            while waiting:
                heard = waiting.popleft()
                self.heard.append(heard)
                self._decide(heard, waiting)
        return self.decisions[start:]

    def _decide(self, event: Event, waiting: deque[Heard]) -> None:
        for decision in self.desk.handle(event):
            self.decisions.append(decision)
            if isinstance(decision, Place):
                waiting.extend(self.paper.submit(decision.order, decision.order.at_ns))
            elif isinstance(decision, Cancel):
                waiting.extend(self.paper.cancel(decision.order_id, decision.at_ns))

    def of(self, kind: type) -> list[Any]:
        return [decision for decision in self.decisions if isinstance(decision, kind)]


def encoded(decisions: Sequence[Decision]) -> bytes:
    return b"".join(msgspec.msgpack.encode(decision) for decision in decisions)


def at(seconds: float) -> Nanos:
    """So many seconds after noon."""
    return NOON + int(seconds * SECOND)


def past(name: str, x: float, wobble: float = 0.012, hours: int = 12) -> Iterable[Event]:
    """Hours of odds around log-odds ``x`` up to noon, wobbling in a fixed pattern."""
    for i in range(hours * 60, 0, -1):
        odds = expit(x + wobble * ((i * 7_919) % 13 - 6) / 6)
        when = NOON - i * MINUTE
        yield OddsPoint(NOON, f"{name}-yes", when, round(odds * ONE))


def quotes(name: str, x: float, at_ns: Nanos, tick: Price, spread: int = 1) -> list[BookSnapshot]:
    """Books around log-odds ``x``, ``spread`` ticks wide."""
    bid = int(expit(x) * ONE) // tick * tick
    bid = min(max(bid, tick), ONE - (spread + 1) * tick)
    return books(name, bid, bid + spread * tick, at_ns=at_ns, tick=tick, levels=8)


def opening(name: str, x: float, tick: Price = 100, **changes: Any) -> Iterable[Event]:
    """A market appears, with its past and its books."""
    yield MarketSeen(NOON, market(name, tick_size=tick, **changes))
    yield Tick(NOON)
    yield from past(name, x)
    yield from quotes(name, x, NOON, tick)
    yield Tick(NOON + 1)
    yield Tick(NOON + 2)


def ticking(start_s: float, end_s: float, step_s: float = 0.5) -> Iterable[Tick]:
    steps = int((end_s - start_s) / step_s)
    return (Tick(at(start_s + step_s * i)) for i in range(1, steps + 1))


def change(asset_id: str, side: Side, price: Price, size: Size, at_ns: Nanos = NOON) -> LevelChange:
    return LevelChange(at_ns, asset_id, at_ns, side, price, size)
