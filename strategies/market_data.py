"""Markets, their books, and how far each may be trusted."""

from collections import deque
from collections.abc import Mapping
from typing import Protocol

import msgspec

from feeds.book import OrderBook
from feeds.events import (
    BookHealth,
    BookSnapshot,
    BookState,
    Gap,
    LevelChange,
    MarketResolved,
    Print,
    TickSizeChange,
)
from feeds.markets import TICK_SIZES, Market, MarketState, Price

MARKETS_MAX = 50_000
BOOKS_MAX = 4_000
"""Books held at once; those that nobody wants any more go first, oldest first."""
PRINTS_MAX = 200
"""Prints remembered a market."""


class MarketDataView(Protocol):
    """What may be read of market data. Nobody but the desk changes it."""

    @property
    def books(self) -> Mapping[str, OrderBook]: ...

    @property
    def states(self) -> Mapping[str, BookState]: ...

    @property
    def markets(self) -> Mapping[str, Market]: ...

    def market_of(self, asset_id: str) -> Market | None: ...

    def tradeable(self, asset_id: str) -> bool: ...


class MarketData:
    """Books and markets, kept by events. A book nobody sent a snapshot for is no book."""

    def __init__(self) -> None:
        self.books: dict[str, OrderBook] = {}
        self.states: dict[str, BookState] = {}
        self.reasons: dict[str, str] = {}
        self.markets: dict[str, Market] = {}
        self.prints: dict[str, deque[Print]] = {}
        self.wanted: frozenset[str] = frozenset()
        """Assets whose books are followed: they are never dropped to make room."""
        self.markets_dropped = 0
        self._owner: dict[str, str] = {}
        self._events: dict[str, dict[str, None]] = {}
        self._judged: set[str] = set()
        self._ticks: dict[str, tuple[Price, Price]] = {}

    def market_of(self, asset_id: str) -> Market | None:
        """The market that an asset belongs to, or None for a stranger."""
        return self.markets.get(self._owner.get(asset_id, ""))

    def of_event(self, event_id: str) -> list[Market]:
        """The markets of one event, in the order in which they were seen; none for ""."""
        return [self.markets[condition_id] for condition_id in self._events.get(event_id, ())]

    def tradeable(self, asset_id: str) -> bool:
        """Whether this asset's book may be traded on: seen, live or quiet, and not crossed."""
        book, state = self.books.get(asset_id), self.states.get(asset_id)
        if book is None or state is None:
            return False
        return book.seen and not book.crossed and state.fit

    def midpoint(self, asset_id: str) -> float | None:
        """Implied probability of an asset, or None where its book is not sound or not fresh."""
        return self.books[asset_id].midpoint if self.tradeable(asset_id) else None

    # -- markets ---------------------------------------------------------------------------

    def see(self, market: Market) -> bool:
        """Take the catalogue's word on a market; False when the shelf is full or ids clash."""
        before = self.markets.get(market.condition_id)
        if (before is None and len(self.markets) >= MARKETS_MAX) or self._clashes(market):
            self.markets_dropped += 1
            return False
        if before is None or before.state is not MarketState.RESOLVED:
            self.markets[market.condition_id] = self._with_newest_tick(market)
        for asset_id in market.assets:
            self._owner[asset_id] = market.condition_id
        self._file(self.markets[market.condition_id], before)
        return True

    def _file(self, market: Market, before: Market | None) -> None:
        """Keep the list of each event's markets."""
        if before is not None and before.event_id == market.event_id:
            return
        if before is not None and before.event_id:
            del self._events[before.event_id][before.condition_id]
        if market.event_id:
            self._events.setdefault(market.event_id, {})[market.condition_id] = None

    def _clashes(self, market: Market) -> bool:
        owners = {self._owner.get(asset_id, market.condition_id) for asset_id in market.assets}
        return owners != {market.condition_id} or len({*market.assets}) != 2

    def _with_newest_tick(self, market: Market) -> Market:
        """The stream hears of a new tick first; its word stays until the catalogue's changes."""
        streamed, catalogued = self._ticks.get(market.condition_id, (0, 0))
        if not streamed:
            return market
        if market.tick_size != catalogued:
            del self._ticks[market.condition_id]
            return market
        return msgspec.structs.replace(market, tick_size=streamed)

    def resolve(self, event: MarketResolved) -> Market | None:
        """Close a market for good."""
        market = self.markets.get(event.condition_id)
        if market is None:
            return None
        market = msgspec.structs.replace(market, state=MarketState.RESOLVED, winner=event.winner)
        self.markets[event.condition_id] = market
        for asset_id in market.assets:
            self.states[asset_id] = BookState.CLOSED
            self.reasons[asset_id] = "the market is decided"
        return market

    # -- books -----------------------------------------------------------------------------

    def snapshot(self, event: BookSnapshot) -> None:
        """A whole book arrived; books of strangers are not kept."""
        book = self.books.get(event.asset_id)
        if book is None:
            if event.asset_id not in self._owner or not self._has_room():
                return
            book = self.books[event.asset_id] = OrderBook(event.asset_id)
        book.apply_snapshot(event)
        if event.asset_id in self._judged:
            return  # a book from a probe may be shown before the stream may be trusted
        if self.states.get(event.asset_id, BookState.RESYNCING) is BookState.RESYNCING:
            self.states[event.asset_id] = BookState.LIVE
            self.reasons.pop(event.asset_id, None)

    def _has_room(self) -> bool:
        """Whether another book can be held, if need be in the place of one not wanted."""
        if len(self.books) < BOOKS_MAX:
            return True
        unwanted = next((asset for asset in self.books if asset not in self.wanted), None)
        if unwanted is None:
            return False
        del self.books[unwanted]
        self.states.pop(unwanted, None)
        self.prints.pop(self._owner[unwanted], None)
        return True

    def change(self, event: LevelChange) -> None:
        """One level changed. Before the first snapshot it means nothing."""
        book = self.books.get(event.asset_id)
        if book is not None and book.applied_ns:
            book.apply_change(event)

    def health(self, event: BookHealth) -> None:
        """The stream's verdict on a book. Once there was one, nothing else makes a book live."""
        if event.asset_id in self._owner and not self._over(event.asset_id):
            self._judged.add(event.asset_id)
            self.states[event.asset_id] = event.state
            self.reasons[event.asset_id] = event.reason

    def gap(self, event: Gap) -> None:
        """Continuity was lost: these books are void until the next snapshot."""
        for asset_id in event.asset_ids:
            self._void(asset_id, event.reason)

    def regrid(self, event: TickSizeChange) -> None:
        """The price grid changed, for both assets of the market."""
        market = self.market_of(event.asset_id)
        if market is None or event.new not in TICK_SIZES:
            return
        _, catalogued = self._ticks.get(market.condition_id, (0, market.tick_size))
        self._ticks[market.condition_id] = (event.new, catalogued)
        self.markets[market.condition_id] = msgspec.structs.replace(market, tick_size=event.new)
        self._void(event.asset_id, "the tick size changed")

    def printed(self, event: Print) -> Market | None:
        """Remember a trade on the public tape; None for a stranger's."""
        market = self.market_of(event.asset_id)
        if market is None:
            return None
        ring = self.prints.get(market.condition_id)
        if ring is None:
            ring = self.prints[market.condition_id] = deque(maxlen=PRINTS_MAX)
        ring.append(event)
        return market

    def _void(self, asset_id: str, reason: str) -> None:
        book = self.books.get(asset_id)
        if book is not None and not self._over(asset_id):
            book.clear()
            self.states[asset_id] = BookState.RESYNCING
            self.reasons[asset_id] = reason

    def _over(self, asset_id: str) -> bool:
        market = self.market_of(asset_id)
        return market is not None and market.state is MarketState.RESOLVED
