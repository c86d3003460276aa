"""One asset's order book: two sides of integer levels with their best prices at hand."""

from feeds.events import BookSnapshot, Level, LevelChange
from feeds.markets import ONE, Nanos, Price, Side, Size

_BUY = Side.BUY


def _side(levels: tuple[Level, ...]) -> dict[Price, Size]:
    side = dict(levels)
    if 0 in side.values():
        return {price: size for price, size in side.items() if size > 0}
    return side


class OrderBook:
    """The newest levels of one asset.

    A dict a side and a remembered best price: as fast as a ladder indexed by tick, and it
    survives a change of tick size. ``best_bid`` and ``best_ask`` are 0 and 10,000 when that side
    is empty, so that a crossed book is simply ``best_bid >= best_ask``.
    """

    __slots__ = ("applied_ns", "asks", "asset_id", "best_ask", "best_bid", "bids", "venue_ns")

    def __init__(self, asset_id: str) -> None:
        self.asset_id = asset_id
        self.bids: dict[Price, Size] = {}
        self.asks: dict[Price, Size] = {}
        self.best_bid: Price = 0
        self.best_ask: Price = ONE
        self.applied_ns: Nanos = 0
        self.venue_ns: Nanos = 0

    def clear(self) -> None:
        """Forget everything, as before the first snapshot."""
        self.bids.clear()
        self.asks.clear()
        self.best_bid, self.best_ask = 0, ONE
        self.applied_ns = self.venue_ns = 0

    def apply_snapshot(self, snapshot: BookSnapshot) -> None:
        """Replace both sides."""
        self.replace(_side(snapshot.bids), _side(snapshot.asks), snapshot.at_ns, snapshot.venue_ns)

    def replace(
        self, bids: dict[Price, Size], asks: dict[Price, Size], at_ns: Nanos, venue_ns: Nanos
    ) -> None:
        """Replace both sides by these, which hold no empty level and are the book's from now on."""
        self.bids, self.asks = bids, asks
        self.best_bid = max(bids, default=0)
        self.best_ask = min(asks, default=ONE)
        self.applied_ns, self.venue_ns = at_ns, venue_ns

    def snapshot(self, at_ns: Nanos) -> BookSnapshot:
        """The book as it stands."""
        bids, asks = tuple(self.bids.items()), tuple(self.asks.items())
        return BookSnapshot(at_ns, self.asset_id, self.venue_ns, bids, asks)

    def apply_change(self, change: LevelChange) -> bool:
        """Set one level, then prune what lies beyond the venue's own best prices.

        Whether nothing is odd: the best prices are those that the venue stated, and not crossed.
        """
        # written out flat and without helpers: this runs for every change the venue sends
        price, size = change.price, change.size
        if change.side is _BUY:
            levels = self.bids
            if size > 0:
                levels[price] = size
                if price > self.best_bid:
                    self.best_bid = price
            elif levels.pop(price, 0) and price == self.best_bid:
                self.best_bid = max(levels, default=0)
        else:
            levels = self.asks
            if size > 0:
                levels[price] = size
                if price < self.best_ask:
                    self.best_ask = price
            elif levels.pop(price, 0) and price == self.best_ask:
                self.best_ask = min(levels, default=ONE)
        self.applied_ns, self.venue_ns = change.at_ns, change.venue_ns
        bid, ask = change.best_bid, change.best_ask
        if bid == self.best_bid and ask == self.best_ask:
            return bid < ask
        if 0 <= bid < self.best_bid:
            self._prune_bids(bid)
        if self.best_ask < ask <= ONE:
            self._prune_asks(ask)
        return False

    def _prune_bids(self, best: Price) -> None:
        for price in [price for price in self.bids if price > best]:
            del self.bids[price]
        self.best_bid = max(self.bids, default=0)

    def _prune_asks(self, best: Price) -> None:
        for price in [price for price in self.asks if price < best]:
            del self.asks[price]
        self.best_ask = min(self.asks, default=ONE)

    @property
    def seen(self) -> bool:
        """Whether a snapshot or change has been applied since the last ``clear``."""
        return self.applied_ns > 0

    @property
    def two_sided(self) -> bool:
        return bool(self.bids) and bool(self.asks)

    @property
    def crossed(self) -> bool:
        return self.best_bid >= self.best_ask

    @property
    def placeholder(self) -> bool:
        """Only 0.01 against 0.99: the venue's way of saying that nobody quotes."""
        return self.best_bid <= 100 and self.best_ask >= ONE - 100

    @property
    def sound(self) -> bool:
        """Two-sided, not crossed and no placeholder: a midpoint means something."""
        return self.two_sided and not self.crossed and not self.placeholder

    @property
    def spread(self) -> Price:
        return self.best_ask - self.best_bid

    @property
    def midpoint(self) -> float | None:
        """Implied probability between 0 and 1, or None where the book is not sound."""
        return (self.best_bid + self.best_ask) / (2 * ONE) if self.sound else None

    def levels(self, side: Side, most: int | None = None) -> list[Level]:
        """Levels of one side, best first."""
        if side is Side.BUY:
            return sorted(self.bids.items(), reverse=True)[:most]
        return sorted(self.asks.items())[:most]

    def takeable(self, side: Side) -> list[Level]:
        """What an order of this side would meet, best first: a buy meets the asks."""
        return self.levels(side.other)
