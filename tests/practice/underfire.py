"""Our own client before the practice venue, joined by hand: time moves when told to.

The venue is the real one with its stream and its faults, the client its real channel, and behind
it the books and the gate that orders pass. Only the sockets between them are left out.
"""

import json
from itertools import count

from feeds.book import OrderBook
from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    Event,
    Gap,
    LevelChange,
    MarketResolved,
    Print,
    TickSizeChange,
)
from feeds.markets import Market, Side
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.connection_state import ConnectionState
from feeds.polymarket.frames import snapshot_of
from feeds.polymarket.gamma import market_from_gamma
from feeds.polymarket.wire import GammaMarket, RestBook, decode_as
from practice.api.market_stream import Connection, suffer
from practice.clock import SECOND, ManualClock
from practice.faults.deck import Faults
from practice.faults.frame_faults import FrameFaults
from practice.venue import Venue
from practice.world.simulation import Moved, World
from strategies.decisions import OrderKind
from strategies.market_data import MarketData
from strategies.portfolio import Portfolio
from strategies.risk import Denial, Gate, RiskLimits, Wanted

STEP = SECOND // 4
DOLLAR = 1_000_000
SHARE = 1_000_000


class Lab:
    """One connection of the client to one venue; ``step`` lets a quarter of a second pass."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.clock = ManualClock(world.anchor_ns)
        self.venue = Venue(world, self.clock, faults)
        self.assets = [a for item in self.venue.board.listings.values() for a in item.assets]
        self.channel = MarketChannel()
        self.market_data = MarketData()
        for listing in self.venue.board.listings.values():
            raw = decode_as(GammaMarket, json.dumps(self.venue.gamma.market(listing)).encode())
            market = market_from_gamma(raw)
            assert isinstance(market, Market), market
            self.market_data.see(market)
        self.gate = Gate(RiskLimits(), self.market_data, Portfolio(10_000 * DOLLAR))
        self.snapshots: set[str] = set()
        """Assets of which a whole book came since this was last emptied."""
        self.cuts = 0
        self._numbers = count(1)
        self._line: Connection | None = None
        self._retry_ns = 0
        self.channel.want(self.assets)

    # -- time --------------------------------------------------------------------------------------

    def live(self, by_ns: int) -> None:
        end_ns = self.clock.now_ns() + by_ns
        while self.clock.now_ns() < end_ns:
            self.step()

    def step(self) -> None:
        self.clock.move(STEP)
        for happening in self.venue.world.run(self.clock.now_ns()):
            if isinstance(happening, Moved):
                self.venue.publish(happening)
        self._connect()
        self.channel.tick(self.clock.now_ns())
        self._talk()
        if self.channel.wants_reconnect:
            self.cut(self.channel.wants_reconnect)

    def _connect(self) -> None:
        now_ns = self.clock.now_ns()
        if self._line is not None or now_ns < self._retry_ns:
            return
        stream = self.venue.stream
        self._line = Connection(stream.freeze, FrameFaults(self.venue.deck, next(self._numbers)))
        stream.connections.add(self._line)
        self.channel.connected(now_ns)

    def cut(self, reason: str = "cut") -> None:
        """The connection is gone; the client comes back when its back-off says so."""
        assert self._line is not None, "there is no connection to cut"
        self.venue.stream._forget(self._line)
        self._line = None
        self.cuts += 1
        self.channel.disconnected(self.clock.now_ns(), reason)
        self._retry_ns = self.clock.now_ns() + self.channel.retry_in_ns(1.0)
        self._hear()

    # -- what goes back and forth ------------------------------------------------------------------

    def _talk(self) -> None:
        """Frames both ways and questions to REST, until there is nothing left to say."""
        for _ in range(100):
            said = self._say() | self._listen() | self._ask()
            self._hear()
            if not said:
                return
        raise AssertionError("client and venue never come to an end")

    def _say(self) -> bool:
        frames = self.channel.take_frames_to_send()
        for frame in frames:
            if self._line and not self._line.cut:
                suffer(self._line, self.venue.deck, self.clock)
                assert self.venue.stream._heard(self._line, frame.decode())
        return bool(frames)

    def _listen(self) -> bool:
        line, heard = self._line, False
        while line and line.pending and not line.half_open:
            heard = True
            self.channel.receive(line.take().encode(), self.clock.now_ns())
        if line and line.cut and self.channel.link is not ConnectionState.DOWN:
            self.cut("the venue dropped the connection")
        return heard

    def _ask(self) -> bool:
        probes = self.channel.take_probes()
        for asset in probes:
            body = self.venue.board.book(*self.venue.board.by_asset[asset])
            book = snapshot_of(decode_as(RestBook, body), self.clock.now_ns())
            self.channel.probed(asset, book, self.clock.now_ns())
        return bool(probes)

    def _hear(self) -> None:
        for event in self.channel.take_events():
            self._apply(event)

    def _apply(self, event: Event) -> None:
        if isinstance(event, BookSnapshot):
            self.snapshots.add(event.asset_id)
            self.market_data.snapshot(event)
        elif isinstance(event, LevelChange):
            self.market_data.change(event)
        elif isinstance(event, BookHealth):
            self.market_data.health(event)
        elif isinstance(event, Gap):
            self.market_data.gap(event)
        elif isinstance(event, TickSizeChange):
            self.market_data.regrid(event)
        else:
            assert isinstance(event, Print | BestQuote | MarketResolved), event

    # -- looking -----------------------------------------------------------------------------------

    def true_book(self, asset: str) -> tuple[dict[int, int], dict[int, int]]:
        listing, outcome = self.venue.board.by_asset[asset]
        bids, asks = self.venue.board.market(listing).levels(outcome)
        return dict(bids), dict(asks)

    def right(self, asset: str) -> bool:
        """Whether the book that the desk holds is the venue's."""
        book = self.market_data.books.get(asset)
        return isinstance(book, OrderBook) and (book.bids, book.asks) == self.true_book(asset)

    def denial(self, asset: str) -> Denial | None:
        """What the gate says to a modest order on this asset now."""
        market = self.market_data.market_of(asset)
        assert market is not None, asset
        _, asks = self.true_book(asset)
        order = Wanted(market.condition_id, asset, Side.BUY, min(asks), 20 * SHARE, OrderKind.FAK)
        return self.gate.check(order, self.clock.now_ns(), 0)
