"""A channel and a toy venue joined by hand: no loop, no socket, time moves when told to."""

import json
from collections import Counter

from feeds.book import OrderBook
from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    BookState,
    Event,
    Gap,
    LevelChange,
    MarketResolved,
    Print,
    TickSizeChange,
)
from feeds.markets import SECOND
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.frames import snapshot_of
from feeds.polymarket.wire import RestBook, decode_as

from .toy import ToyVenue

START = 1_790_000_000 * SECOND
TENTH = SECOND // 10


class Rig:
    """``frozen``: the venue PONGs and sends nothing. ``rest``: the witness answers."""

    def __init__(self, markets: int = 1, seed: int = 0) -> None:
        self.toy = ToyVenue(markets, seed)
        self.channel = MarketChannel()
        self.now = START
        self.frozen = False
        self.dead = False
        self.rest = True
        self.subscribed: list[str] = []
        self.sent: list[str] = []
        self.probed: Counter[str] = Counter()
        self.events: list[Event] = []
        self.books: dict[str, OrderBook] = {}
        self.states: dict[str, BookState] = {}

    def connect(self) -> None:
        """Want everything, connect, and take the first books."""
        self.channel.want(self.toy.assets)
        self.channel.connected(self.now)
        self.settle()

    def settle(self) -> None:
        """Let the venue answer what the channel sent, and the desk hear of it."""
        for frame in self.channel.take_frames_to_send():
            self.sent.append(frame.decode())
            self._venue_hears(frame)
        for asset in self.channel.take_probes():
            self.probed[asset] += 1
            book = None
            if self.rest and asset in self.toy.bids:
                raw = decode_as(RestBook, json.dumps(self.toy.book(asset)).encode())
                book = snapshot_of(raw, self.now)
            self.channel.probed(asset, book, self.now)
        self._desk_hears()

    def _venue_hears(self, frame: bytes) -> None:
        if frame == b"PING":
            if not self.dead:
                self.channel.receive(b"PONG", self.now)
            return
        request = json.loads(frame)
        if request.get("operation") == "unsubscribe":
            self.subscribed = [one for one in self.subscribed if one not in request["assets_ids"]]
            return
        self.subscribed += request["assets_ids"]
        self.hear(self.toy.first_dump(request["assets_ids"]))

    def _desk_hears(self) -> None:
        for event in self.channel.take_events():
            self.events.append(event)
            if isinstance(event, BookSnapshot):
                self.books.setdefault(event.asset_id, OrderBook(event.asset_id))
                self.books[event.asset_id].apply_snapshot(event)
            elif isinstance(event, LevelChange):
                # a change before a snapshot must never reach the desk: then this raises
                self.books[event.asset_id].apply_change(event)
            elif isinstance(event, Gap):
                for asset in event.asset_ids:
                    self.books.pop(asset, None)
            elif isinstance(event, BookHealth):
                self.states[event.asset_id] = event.state
            else:
                assert isinstance(event, Print | BestQuote | TickSizeChange | MarketResolved), event

    def hear(self, *frames: bytes) -> None:
        """The venue sends frames, unless it is frozen."""
        for frame in frames:
            self.now += 1_000
            if not (self.frozen or self.dead):
                self.channel.receive(frame, self.now)
        self._desk_hears()

    def wait(self, seconds: float) -> None:
        """Time passes in ticks of a tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.now += TENTH
            self.channel.tick(self.now)
            self.settle()

    def cut(self, reason: str = "cut") -> None:
        self.subscribed = []
        self.channel.disconnected(self.now, reason)
        self._desk_hears()

    def reconnect(self) -> None:
        self.channel.connected(self.now)
        self.settle()

    def state(self, asset: str) -> BookState:
        """The verdict that the desk heard last."""
        return self.states[asset]

    def agrees(self) -> bool:
        """Whether every book, the desk's and the channel's own, equals the venue's."""
        for asset in self.toy.assets:
            watch = self.channel.watch(asset)
            assert watch is not None
            for book in (self.books.get(asset), watch.book):
                if book is None or (book.bids, book.asks) != self.toy.levels(asset):
                    return False
        return True

    def heard(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]
