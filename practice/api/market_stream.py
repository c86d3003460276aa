"""The market WebSocket: books first, then every change of what was asked for."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from practice.answers import UNREADABLE
from practice.clock import Clock
from practice.exchange.orders import NO, PRICE_ONE, VOID, YES, Change, TickChange, Trade
from practice.exchange.wire import (
    PRICE_TEXT,
    BestBidAsk,
    EventMessage,
    LastTrade,
    MarketResolved,
    NewMarket,
    PriceChange,
    PriceChanges,
    TickSizeChange,
    as_event,
    ask_text,
    bid_text,
    change_hash,
    encode,
    size_text,
)
from practice.faults.deck import Deck
from practice.faults.frame_faults import FrameFaults
from practice.world.board import OUTCOMES, Board, Listing, of_outcome
from practice.world.simulation import Moved

PENDING_FRAMES_MAX = 20_000
PENDING_BYTES_MAX = 32 << 20
"""What a connection may be behind before it is dropped."""
ASSETS_MAX = 2_000
CONNECTIONS_MAX = 200
SILENCE_S = 60.0
"""Wall seconds without a word from the client after which the connection ends."""
POLICY_VIOLATION = 1008
REFUSAL = "invalid subscription payload"


class Subscription(msgspec.Struct):
    """What a client may send, first or later."""

    type: str = ""
    operation: str = ""
    assets_ids: list[str] | None = None
    markets: list[str] = []
    initial_dump: bool = True
    level: int = 2
    custom_feature_enabled: bool | None = None


_subscription = msgspec.json.Decoder(Subscription)


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """What is held back, by order: ``assets``, or "all" of them, or none.

    Frozen: the socket stays open and answers PONG, but nothing about those assets is sent. It
    holds for the connections open at that moment, and for later ones too with ``lasting``.
    """

    assets: str | frozenset[str] = frozenset()
    lasting: bool = False

    def holds(self, asset: str) -> bool:
        return self.assets == "all" or asset in self.assets


NO_FREEZE = Freeze()


class Connection:
    """One client: what it asked for and what it has not been sent yet."""

    def __init__(self, freeze: Freeze, frame_faults: FrameFaults) -> None:
        self.freeze = freeze
        self.frame_faults = frame_faults
        self.assets: set[str] = set()
        self.begun = False
        self.custom = False
        self.cut = False
        self.half_open = False
        self.wake = asyncio.Event()
        self.gone = asyncio.Event()
        self.pending: deque[str] = deque()
        self._pending_bytes = 0

    def send(self, frame: bytes) -> None:
        """Queue a frame, or what the faults make of it."""
        for piece in self.frame_faults.pass_on(frame):
            self._queue(piece)

    def pong(self) -> None:
        for piece in self.frame_faults.release():
            self._queue(piece)
        self._queue(b"PONG")

    def _queue(self, frame: bytes) -> None:
        """One that is too far behind is dropped."""
        self.pending.append(frame.decode(errors="replace"))
        self._pending_bytes += len(frame)
        if len(self.pending) > PENDING_FRAMES_MAX or self._pending_bytes > PENDING_BYTES_MAX:
            self.drop()
        self.wake.set()

    def drop(self) -> None:
        """End it without a goodbye."""
        self.cut = True
        self.pending.clear()
        self.gone.set()
        self.wake.set()

    def take(self) -> str:
        frame = self.pending.popleft()
        self._pending_bytes -= len(frame)
        return frame


C = TypeVar("C", bound=Connection)


def suffer(connection: Connection, deck: Deck, clock: Clock) -> None:
    """What chance does to whole connections, looked at whenever the client speaks."""
    if deck.idle:
        return
    now_ns, whom = clock.now_ns(), str(connection.frame_faults.number)
    if deck.during("cut", now_ns, whom=whom):
        connection.drop()
    elif deck.during("half_open", now_ns, whom=whom):
        connection.half_open = True


class Crowd(Generic[C]):
    """All connections of a channel, and what can go wrong with all of them at once."""

    def __init__(self) -> None:
        self.freeze = NO_FREEZE
        self.connections: set[C] = set()

    def set_freeze(self, freeze: Freeze) -> None:
        """Hold back for those here now, and with ``lasting`` for those who come later too."""
        self.freeze = freeze if freeze.lasting else NO_FREEZE
        for connection in self.connections:
            connection.freeze = freeze

    def half_open(self) -> int:
        """Every open connection stops reading and writing; answers how many."""
        for connection in self.connections:
            connection.half_open = True
        return len(self.connections)

    def drop_half_open(self) -> None:
        """Those who neither read nor write would not hear a goodbye either."""
        for connection in self.connections:
            if connection.half_open:
                connection.drop()

    def cut(self) -> int:
        """Drop every connection as a broken network would; answers how many."""
        for connection in self.connections:
            connection.drop()
        return len(self.connections)


class Stream(Crowd[Connection]):
    """The market channel."""

    def __init__(self, board: Board, deck: Deck | None = None) -> None:
        super().__init__()
        self.board = board
        self.deck = deck or Deck()
        self._listeners: dict[str, set[Connection]] = {}
        self._numbers = count(1)
        self._old_books: dict[str, bytes] = {}
        self._bests: dict[str, tuple[int | None, int | None]] = {
            slug: board.bests(listing, YES) for slug, listing in board.listings.items()
        }

    # -- faults ----------------------------------------------------------------------------------

    def new_faults(self) -> None:
        """The deck has other options: what is held back for the old ones goes out."""
        self._old_books.clear()
        for connection in self.connections:
            for piece in connection.frame_faults.release():
                connection.send(piece)

    def _holds(self, connection: Connection, asset: str) -> bool:
        """Whether nothing about this asset is sent there now."""
        if connection.freeze.holds(asset):
            return True
        if not self.deck.freezes:
            return False
        return self.deck.during("freeze", self.board.clock.now_ns(), whom=asset)

    def _hears(self, connection: Connection, asset: str) -> bool:
        return asset in connection.assets and not self._holds(connection, asset)

    # -- the socket ------------------------------------------------------------------------------

    async def endpoint(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self.connections) >= CONNECTIONS_MAX:
            await socket.close(POLICY_VIOLATION, "too many connections")
            return
        connection = Connection(self.freeze, FrameFaults(self.deck, next(self._numbers)))
        self.connections.add(connection)
        try:
            await converse(socket, connection, self._read(socket, connection))
        finally:
            self._forget(connection)

    async def _read(self, socket: WebSocket, connection: Connection) -> None:
        try:
            while True:
                text = await next_text(socket)
                suffer(connection, self.deck, self.board.clock)
                if connection.half_open:
                    await asyncio.sleep(SILENCE_S)  # unread, and forgotten after that
                    return
                if not self._heard(connection, text):
                    await socket.close(POLICY_VIOLATION, REFUSAL)
                    return
        except (WebSocketDisconnect, TimeoutError):
            return  # gone, or silent

    def _heard(self, connection: Connection, text: str) -> bool:
        """Take in one frame; False when the client broke the rules."""
        if text == "PING":
            if connection.begun:
                connection.pong()
            return connection.begun
        try:
            wanted = _subscription.decode(text)
        except UNREADABLE:
            return connection.begun  # rubbish is let pass once the channel is open
        if connection.begun:
            self._change(connection, wanted)
            return True
        if wanted.type.lower() != "market" or wanted.assets_ids is None:
            return False
        self._begin(connection, wanted)
        return True

    # -- subscriptions ---------------------------------------------------------------------------

    def _begin(self, connection: Connection, wanted: Subscription) -> None:
        """The first frame: answered by one array with every book."""
        connection.begun = True
        connection.custom = bool(wanted.custom_feature_enabled)
        added = self._subscribe(connection, wanted.assets_ids or [])
        if wanted.initial_dump and connection.freeze.assets != "all":
            books = [self._book(asset) for asset in added if self._hears(connection, asset)]
            connection.send(b"[" + b",".join(books) + b"]")

    def _change(self, connection: Connection, wanted: Subscription) -> None:
        """A later frame: assets come or go; naming one again only sets the custom feature."""
        if wanted.custom_feature_enabled is not None:
            connection.custom = wanted.custom_feature_enabled
        if wanted.operation == "unsubscribe":
            for asset in wanted.assets_ids or []:
                self._unsubscribe(connection, asset)
            return
        for asset in self._subscribe(connection, wanted.assets_ids or []):
            if wanted.initial_dump and self._hears(connection, asset):
                connection.send(self._book(asset))

    def _subscribe(self, connection: Connection, assets: Iterable[str]) -> list[str]:
        """Answers the assets that are new here; unknown ones are passed over."""
        added = []
        for asset in assets:
            full = len(connection.assets) >= ASSETS_MAX
            if full or asset in connection.assets or asset not in self.board.by_asset:
                continue
            connection.assets.add(asset)
            self._listeners.setdefault(asset, set()).add(connection)
            added.append(asset)
        return added

    def _unsubscribe(self, connection: Connection, asset: str) -> None:
        connection.assets.discard(asset)
        listeners = self._listeners.get(asset)
        if listeners:
            listeners.discard(connection)
            if not listeners:
                del self._listeners[asset]

    def _forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        for asset in list(connection.assets):
            self._unsubscribe(connection, asset)

    def _book(self, asset: str) -> bytes:
        book = as_event(self.board.book(*self.board.by_asset[asset]))
        if not self.deck.garbles or not self.deck.may("stale_snapshot"):
            return book
        old = self._old_books.setdefault(asset, book)
        return old if self.deck.draw("stale_snapshot") else book

    # -- publishing ------------------------------------------------------------------------------

    def publish(self, moved: Moved) -> None:
        """Tell everyone who listens; call it while the exchange stands at that moment."""
        listing = self.board.listings[moved.market]
        before = self._bests[moved.market]
        self._bests[moved.market] = (moved.best_bid, moved.best_ask)
        if moved.ended == "resolved":
            self.announce(self._resolved(listing, moved.at_ns))
        if not any(asset in self._listeners for asset in listing.assets):
            return
        at_ms = str(moved.at_ns // 1_000_000)
        if moved.changes:
            self._send_changes(listing, moved, at_ms)
        for trade in moved.trades:
            self._send_trade(listing, trade, at_ms)
        if moved.tick:
            self._send_tick(listing, moved.tick, at_ms)
        if moved.trades or moved.tick or moved.ended:
            self._send_books(listing)
        if before != self._bests[moved.market]:
            self._send_bests(listing, at_ms)

    def announce(self, frame: bytes) -> None:
        """To every connection that asked for the custom feature, whatever it subscribed."""
        for connection in self.connections:
            if connection.begun and connection.custom and connection.freeze.assets != "all":
                connection.send(frame)

    def listed(self, listing: Listing) -> None:
        """A market is new: told to everyone who asked for the custom feature."""
        self._bests[listing.spec.slug] = self.board.bests(listing, YES)
        self.announce(encode(self._new_market(listing)))

    def _new_market(self, listing: Listing) -> NewMarket:
        spec, event, assets = listing.spec, listing.event, list(listing.assets)
        number = str(self.board.event_numbers[event.slug])
        return NewMarket(
            id=str(listing.number),
            question=spec.question,
            market=listing.condition,
            slug=spec.slug,
            description=spec.description,
            assets_ids=assets,
            outcomes=list(OUTCOMES),
            event_message=EventMessage(
                number, event.slug, event.slug, event.title, event.description
            ),
            timestamp=str(self.board.world.now_ns // 1_000_000),
            tags=list(spec.tags),
            condition_id=listing.condition,
            active=True,
            clob_token_ids=assets,
            order_price_min_tick_size=PRICE_TEXT[self.board.market(listing).tick],
            group_item_title=spec.group_title,
        )

    def _resolved(self, listing: Listing, at_ns: int) -> bytes:
        """A market without a winner names none."""
        winner = self.board.market(listing).winner
        assert winner is not None, f"{listing.spec.slug} is said to be resolved and is not"
        asset, outcome = ("", "") if winner == VOID else (listing.assets[winner], OUTCOMES[winner])
        return encode(
            MarketResolved(
                id=str(listing.number),
                market=listing.condition,
                assets_ids=list(listing.assets),
                winning_asset_id=asset,
                winning_outcome=outcome,
                timestamp=str(at_ns // 1_000_000),
                tags=list(listing.spec.tags),
            )
        )

    def _hearing(self, asset: str) -> list[Connection]:
        listeners = self._listeners.get(asset, ())
        return [connection for connection in listeners if not self._holds(connection, asset)]

    def _send_changes(self, listing: Listing, moved: Moved, at_ms: str) -> None:
        """One message with the items of both assets, for whoever asked for either."""
        first, second = listing.assets
        one, other = set(self._hearing(first)), set(self._hearing(second))
        frames: dict[tuple[bool, bool], bytes] = {}
        for connection in one | other:
            shown = (not self._holds(connection, first), not self._holds(connection, second))
            if shown not in frames:
                frames[shown] = encode(_price_changes(listing, moved, at_ms, shown))
            connection.send(frames[shown])

    def _send_trade(self, listing: Listing, trade: Trade, at_ms: str) -> None:
        asset = listing.assets[trade.outcome]
        hearing = self._hearing(asset)
        if not hearing:
            return
        frame = encode(
            LastTrade(
                market=listing.condition,
                asset_id=asset,
                price=PRICE_TEXT[trade.price],
                size=size_text(trade.size),
                fee_rate_bps="0",  # since fees are set at match time it says nothing
                side=trade.side,
                timestamp=at_ms,
                transaction_hash="0x" + change_hash(trade.taker_id, at_ms).ljust(64, "0"),
            )
        )
        for connection in hearing:
            connection.send(frame)

    def _send_tick(self, listing: Listing, tick: TickChange, at_ms: str) -> None:
        for asset in listing.assets:
            old, new = PRICE_TEXT[tick.old], PRICE_TEXT[tick.new]
            frame = encode(TickSizeChange(listing.condition, asset, old, new, at_ms))
            for connection in self._hearing(asset):
                connection.send(frame)

    def _send_books(self, listing: Listing) -> None:
        for asset in listing.assets:
            hearing = self._hearing(asset)
            if hearing:
                frame = self._book(asset)
                for connection in hearing:
                    connection.send(frame)

    def _send_bests(self, listing: Listing, at_ms: str) -> None:
        for outcome, asset in zip((YES, NO), listing.assets, strict=True):
            hearing = [connection for connection in self._hearing(asset) if connection.custom]
            if hearing:
                frame = encode(self._best_bid_ask(listing, outcome, at_ms))
                for connection in hearing:
                    connection.send(frame)

    def _best_bid_ask(self, listing: Listing, outcome: int, at_ms: str) -> BestBidAsk:
        bid, ask = of_outcome(outcome, *self._bests[listing.spec.slug])
        spread = (PRICE_ONE if ask is None else ask) - (bid or 0)
        return BestBidAsk(
            market=listing.condition,
            asset_id=listing.assets[outcome],
            best_bid=bid_text(bid),
            best_ask=ask_text(ask),
            spread=PRICE_TEXT[spread],
            timestamp=at_ms,
        )


def _price_changes(
    listing: Listing, moved: Moved, at_ms: str, shown: tuple[bool, bool]
) -> PriceChanges:
    """Each change for both assets, the one that the cause spoke of first."""
    items = []
    for change in moved.changes:
        for outcome in (change.outcome, 1 - change.outcome):
            if shown[outcome]:
                items.append(_item(listing, moved, change, outcome, at_ms))
    return PriceChanges(listing.condition, items, at_ms)


def _item(listing: Listing, moved: Moved, change: Change, outcome: int, at_ms: str) -> PriceChange:
    bid, ask = of_outcome(outcome, moved.best_bid, moved.best_ask)
    price = change.price if outcome == YES else PRICE_ONE - change.price
    side = "BUY" if change.bid == (outcome == YES) else "SELL"
    asset = listing.assets[outcome]
    return PriceChange(
        asset_id=asset,
        price=PRICE_TEXT[price],
        size=size_text(change.size),
        side=side,
        hash=change_hash(asset, price, change.size, side, at_ms),
        best_bid=bid_text(bid),
        best_ask=ask_text(ask),
    )


async def next_text(socket: WebSocket) -> str:
    """What the client says next, be it in a text frame or a binary one."""
    message = await asyncio.wait_for(socket.receive(), SILENCE_S)
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str | None = message.get("text")
    return (message.get("bytes") or b"").decode(errors="replace") if text is None else text


async def converse(
    socket: WebSocket, connection: Connection, reading: Coroutine[Any, Any, None]
) -> None:
    """Read and write until either ends, or the connection is dropped, even in mid-write."""
    tasks = [
        asyncio.create_task(reading),
        asyncio.create_task(write_pending(socket, connection)),
        asyncio.create_task(connection.gone.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def write_pending(socket: WebSocket, connection: Connection) -> None:
    """Send what is pending, in order, until the connection is dropped or the client gone."""
    try:
        while not connection.cut:
            await connection.wake.wait()
            connection.wake.clear()
            while connection.pending and not (connection.cut or connection.half_open):
                await socket.send_text(connection.take())
    except (WebSocketDisconnect, RuntimeError):
        return  # the client went away while we wrote
