"""The market channel: what the stream means, without a socket.

Bytes and times in; events, frames to send and questions for REST out. A shell
(``feeds/polymarket/connection.py``) moves the bytes. What we *want* is kept apart from what the
connection has been told, and survives every reconnect.

What holds for any connection stands in ``feeds/polymarket/connection_state.py``. On this one: the
venue closes a connection that sends anything before its first subscription, PING included; a
connection is given up also when a frozen book stays so after it was asked for again. Reconnecting
voids every book at once and tells a ``Gap``.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, KeysView
from typing import Any

import msgspec
from msgspec import Raw

from feeds.events import BookHealth, BookSnapshot, BookState, Event, Gap, MarketResolved
from feeds.markets import Nanos
from feeds.polymarket.book_hash import HashVerdict, verdict_on_hash
from feeds.polymarket.book_monitor import BookMonitor
from feeds.polymarket.connection_state import Connection, ConnectionState
from feeds.polymarket.errors import WireError
from feeds.polymarket.frames import (
    change_of,
    changes_in,
    print_of,
    quote_of,
    sides_of,
    snapshot_of,
    tick_size_of,
)
from feeds.polymarket.limits import ChannelLimits
from feeds.polymarket.units import text_of, venue_nanos
from feeds.polymarket.wire import (
    NO_FRAME,
    BestBidAskFrame,
    LastTradeFrame,
    MarketFrame,
    NewMarketFrame,
    PriceChangeFrame,
    ResolvedFrame,
    TickSizeFrame,
    WireBook,
    decode_array,
    decode_each,
    decode_frames,
    decode_object,
)

ASSETS_MAX = 500
"""Beyond this, others saw first books stay out silently."""
ASSETS_A_FRAME_MAX = 100
PROBES_MAX = 500
PRINTS_KEPT_MAX = 1_000
SCANS_A_TICK_MAX = 20
TRANSACTION_CHARS_MAX = 200
PRINT_BEFORE_BOOK_MAX_NS: Nanos = 5_000_000_000
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)


class MarketChannel(Connection):
    """One connection's worth of the market stream. Times are Unix nanoseconds of market time."""

    def __init__(self, limits: ChannelLimits | None = None) -> None:
        self.limits = limits or ChannelLimits()
        super().__init__("market", self.limits)
        self.hashes_checked = 0
        self._assets: dict[str, BookMonitor] = {}
        self._told: dict[str, None] = {}  # in order, so that runs repeat to the byte
        self._events: list[Event] = []
        self._probes: list[str] = []
        self._asked_about: dict[str, Nanos] = {}
        self._prints: OrderedDict[tuple[Any, ...], None] = OrderedDict()
        self._scans = 0
        self._hash_due_ns: Nanos = 0
        self._print_ns: Nanos = 0
        self._untold_ns: Nanos = 0

    # --------------------------------------------------------------------------------- wanting

    @property
    def wanted(self) -> KeysView[str]:
        """The assets followed, in the order they were asked for."""
        return self._assets.keys()

    def watch(self, asset_id: str) -> BookMonitor | None:
        """What is known of a wanted asset; for looking, not for changing."""
        return self._assets.get(asset_id)

    def want(self, asset_ids: Iterable[str]) -> None:
        """From now on follow exactly these assets. Dropped ones end with a gap."""
        wanted = dict.fromkeys(asset_ids)
        assert len(wanted) <= ASSETS_MAX, f"{len(wanted)} assets; a connection takes {ASSETS_MAX}"
        dropped = [asset_id for asset_id in self._assets if asset_id not in wanted]
        for asset_id in wanted:
            if asset_id not in self._assets:
                watch = BookMonitor(asset_id, self.limits, self._events, self._now)
                self._assets[asset_id] = watch
        for asset_id in dropped:
            del self._assets[asset_id]
        self._say_goodbye(dropped)
        if self.link is ConnectionState.OPEN or self.link is ConnectionState.SUBSCRIBED:
            self._tell()

    def _say_goodbye(self, dropped: list[str]) -> None:
        if not dropped:
            return
        self._events.append(Gap(self._now, tuple(dropped), "no longer followed"))
        self._events.extend(
            BookHealth(self._now, asset_id, BookState.CLOSED, "no longer followed")
            for asset_id in dropped
        )
        markets = {watch.market for watch in self._assets.values()}
        self._asked_about = {key: at for key, at in self._asked_about.items() if key in markets}

    def _tell(self) -> None:
        """Bring what the venue was told in line with what is wanted."""
        gone = [asset_id for asset_id in self._told if asset_id not in self._assets]
        new = [asset_id for asset_id in self._assets if asset_id not in self._told]
        self._subscribe(new)
        if self.link is ConnectionState.SUBSCRIBED:
            self._unsubscribe(gone)

    def _subscribe(self, asset_ids: list[str]) -> None:
        for chunk in _chunks(asset_ids):
            frame: dict[str, Any] = {"assets_ids": chunk, "custom_feature_enabled": True}
            if self.link is ConnectionState.OPEN:
                frame = {"type": "market", **frame}
                self._subscribed()
            else:
                frame = {"operation": "subscribe", **frame}
            self._frames.append(msgspec.json.encode(frame))
            self._told.update(dict.fromkeys(chunk))
            for asset_id in chunk:
                self._assets[asset_id].subscribed(self._now)

    def _unsubscribe(self, asset_ids: list[str]) -> None:
        for chunk in _chunks(asset_ids):
            frame = {"operation": "unsubscribe", "assets_ids": chunk}
            self._frames.append(msgspec.json.encode(frame))
            for asset_id in chunk:
                self._told.pop(asset_id, None)

    # ------------------------------------------------------------------------------ connection

    def connected(self, now_ns: Nanos) -> None:
        """A new connection stands; the first subscription is ready to be sent."""
        self._begin(now_ns)
        self._told.clear()
        self._untold_ns = 0
        self._tell()

    def disconnected(self, now_ns: Nanos, reason: str) -> None:
        """The connection is gone, and every book void; or an attempt to connect failed."""
        stood = self._end(now_ns, reason)
        self._told.clear()
        self._probes.clear()
        if stood:
            self._void_all(reason)

    def _void_all(self, reason: str) -> None:
        open_ones = [w for w in self._assets.values() if w.state is not BookState.CLOSED]
        if open_ones:
            ids = tuple(watch.asset_id for watch in open_ones)
            self._events.append(Gap(self._now, ids, reason))
        for watch in open_ones:
            watch.cut(self._now, reason)

    def abandon(self, reason: str) -> None:
        """Have this connection replaced, for a reason that only the shell can know."""
        if self.link is not ConnectionState.DOWN:
            self._give_up(reason)

    # --------------------------------------------------------------------------------- hearing

    def receive(self, frame: bytes, at_ns: Nanos) -> None:
        """One whole text message of the venue's. Nothing it may hold raises."""
        self._now = at_ns
        if self.link is _DOWN:
            self.counts["after the end"] += 1
            return
        try:
            shape = decode_object(frame)  # nearly every message is one object
            kind = type(shape)
            _HEAR[kind](self, shape, at_ns)
        except NO_FRAME:
            self._receive_other(frame, at_ns)
            return
        self.frames += 1
        if kind is WireBook:
            self._check_hash(shape, frame, at_ns)

    def _receive_other(self, frame: bytes, at_ns: Nanos) -> None:
        """PONG, an array of objects, or what can't be read as a whole."""
        if self._is_pong(frame, at_ns):
            return
        self.frames += 1
        try:
            shapes, texts = decode_frames(frame), decode_array(frame)
            for shape in shapes:
                _HEAR[type(shape)](self, shape, at_ns)
        except NO_FRAME:
            self._receive_patiently(frame, at_ns)
            return
        for shape, text in zip(shapes, texts, strict=True):
            self._check_hash(shape, text, at_ns)

    def _check_hash(self, shape: MarketFrame, text: bytes | Raw, at_ns: Nanos) -> None:
        """Hold a book's hash against its own text. A mismatch is a hint: the witness has a look,
        as on any doubt, and the book stays. Samples are enough, and keep hearing cheap."""
        watch = self._assets.get(shape.asset_id) if type(shape) is WireBook else None
        if watch is None or at_ns < self._hash_due_ns:
            return
        self._hash_due_ns = at_ns + self.limits.hash_every_ns
        self.hashes_checked += 1
        verdict = verdict_on_hash(text)
        if verdict is HashVerdict.UNKNOWN:
            self.counts["hash unknown"] += 1
        elif verdict is HashVerdict.OTHER:
            self.counts["hash mismatches"] += 1
            watch.doubt("the book's hash is not that of its text")

    def _receive_patiently(self, frame: bytes, at_ns: Nanos) -> None:
        """Take what is good of a frame and count what is not. Hearing a part twice is harmless."""
        good, bad = decode_each(frame)
        for shape in good:
            try:
                _HEAR[type(shape)](self, shape, at_ns)
            except WireError as error:
                bad.append(error)
        for refused in bad:
            self._refuse(refused)
        if any(refused.kind != "unknown" for refused in bad):
            self._doubt_named_in(frame)

    def _doubt_named_in(self, frame: bytes) -> None:
        """A refused frame may have held a change: have the books it names compared."""
        if self._scans >= SCANS_A_TICK_MAX:
            return
        self._scans += 1
        for asset_id, watch in self._assets.items():
            if asset_id.encode() in frame:
                watch.doubt("a message about it could not be read")

    def _hear_book(self, frame: WireBook, at_ns: Nanos) -> None:
        watch = self._assets.get(frame.asset_id)
        if watch is None:
            self.counts["unwanted"] += 1
            return
        self.last_data_ns = at_ns
        watch.market = watch.market or text_of(frame.market)
        if frame.last_trade_price:
            self._hear_of_a_trade(watch, text_of(frame.last_trade_price), at_ns)
        sides = sides_of(frame)
        watch.snapshot(snapshot_of(frame, at_ns, sides), sides)

    def _hear_changes(self, frame: PriceChangeFrame, at_ns: Nanos) -> None:
        changes = frame.price_changes
        if changes is None:
            changes = changes_in(frame)
        venue_ns = venue_nanos(frame.timestamp)
        find = self._assets.get
        for change in changes:
            watch = find(change.asset_id)
            if watch is not None:
                watch.change(change_of(change, watch.asset_id, at_ns, venue_ns))
                self.last_data_ns = at_ns

    def _hear_of_a_trade(self, watch: BookMonitor, price: str, at_ns: Nanos) -> None:
        """A book states another last trade than the one before it: that trade should be told too,
        a moment earlier or later."""
        before, watch.last_trade = watch.last_trade, price or watch.last_trade
        if (
            before
            and price
            and price != before
            and at_ns - self._print_ns > PRINT_BEFORE_BOOK_MAX_NS
        ):
            self.counts["trades that books tell of"] += 1
            self._untold_ns = self._untold_ns or at_ns

    def trades_untold(self, now_ns: Nanos) -> bool:
        """Whether the venue has for long sent books that speak of trades, and no trade."""
        return 0 < self._untold_ns <= now_ns - self.limits.untold_max_ns

    def _hear_trade(self, frame: LastTradeFrame, at_ns: Nanos) -> None:
        self._print_ns, self._untold_ns = at_ns, 0
        watch = self._assets.get(frame.asset_id)
        if watch is None or watch.state is BookState.CLOSED:
            self.counts["unwanted"] += 1
            return
        if not watch.based:
            self.counts["trades before a book"] += 1
            return
        heard = print_of(frame, at_ns)
        transaction = text_of(frame.transaction_hash, TRANSACTION_CHARS_MAX)
        key = (transaction, frame.asset_id, heard.venue_ns, heard.price, heard.size)
        if key in self._prints:
            self.counts["repeated"] += 1
            return
        self._prints[key] = None
        if len(self._prints) > PRINTS_KEPT_MAX:
            self._prints.popitem(last=False)
        self.last_data_ns = at_ns
        self._events.append(heard)

    def _hear_quote(self, frame: BestBidAskFrame, at_ns: Nanos) -> None:
        watch = self._assets.get(frame.asset_id)
        if watch is None:
            self.counts["unwanted"] += 1
            return
        self.last_data_ns = at_ns
        watch.quote(quote_of(frame, at_ns))

    def _hear_tick_size(self, frame: TickSizeFrame, at_ns: Nanos) -> None:
        watch = self._assets.get(frame.asset_id)
        if watch is None:
            self.counts["unwanted"] += 1
            return
        watch.tick_size(tick_size_of(frame, at_ns), venue_nanos(frame.timestamp))

    def _hear_new_market(self, frame: NewMarketFrame, at_ns: Nanos) -> None:
        self.counts["new markets"] += 1

    def _hear_resolved(self, frame: ResolvedFrame, at_ns: Nanos) -> None:
        told = frame.assets_ids or ()
        ours = [self._assets[one] for one in told if one in self._assets]
        open_ones = [watch for watch in ours if watch.state is not BookState.CLOSED]
        if not open_ones:
            self.counts["unwanted"] += 1
            return
        winner = text_of(frame.winning_asset_id)
        # an unnamed winner is not a split: then the catalogue has to say
        if winner in told and _CONDITION_ID.fullmatch(frame.market):
            self._events.append(MarketResolved(at_ns, frame.market, winner))
        for watch in open_ones:
            watch.resolved(at_ns)

    # -------------------------------------------------------------------------- time and REST

    def tick(self, now_ns: Nanos) -> None:
        """Time passed: ping, notice silence, decide what to ask and whether to give up."""
        self._now = now_ns
        self._scans = 0
        if self.link is not ConnectionState.SUBSCRIBED:
            return
        for watch in self._assets.values():
            watch.tick(now_ns)
            if watch.wants_resubscribe:
                watch.wants_resubscribe = False
                self._unsubscribe([watch.asset_id])
                self._subscribe_again(watch.asset_id)
        self._ask(now_ns)
        self._keep_alive(now_ns)
        self._judge_connection(now_ns)

    def _subscribe_again(self, asset_id: str) -> None:
        frame = {"operation": "subscribe", "assets_ids": [asset_id], "custom_feature_enabled": True}
        self._frames.append(msgspec.json.encode(frame))
        self._told[asset_id] = None
        self.counts["resubscribed"] += 1

    def _ask(self, now_ns: Nanos) -> None:
        """Turn what assets wish into questions: on mere doubt, one a market in ten seconds."""
        granted: set[str] = set()
        for watch in self._assets.values():
            if not watch.wants_probe or len(self._probes) >= PROBES_MAX:
                continue
            if watch.state in _PACED and not self._may_ask(watch, granted, now_ns):
                continue
            watch.asked(now_ns)
            self._probes.append(watch.asset_id)

    def _may_ask(self, watch: BookMonitor, granted: set[str], now_ns: Nanos) -> bool:
        market = watch.market or watch.asset_id
        free_ns = self._asked_about.get(market, 0) + self.limits.doubt_every_ns
        if market not in granted and now_ns < free_ns:
            return False
        granted.add(market)
        self._asked_about[market] = now_ns
        return True

    def _judge_connection(self, now_ns: Nanos) -> None:
        frozen = [watch for watch in self._assets.values() if watch.wants_reconnect]
        if frozen and not self.wants_reconnect:
            for watch in self._assets.values():
                if watch.state is BookState.FROZEN:
                    watch.reconnecting(now_ns)
            self._give_up(f"{_books(len(frozen))} frozen: PONG comes, books do not")

    def probed(self, asset_id: str, book: BookSnapshot | None, now_ns: Nanos) -> None:
        """REST's answer about one asset; None where there was none."""
        self._now = now_ns
        watch = self._assets.get(asset_id)
        if watch is not None:
            self.counts["probes"] += 1
            watch.probed(book, now_ns)

    # ---------------------------------------------------------------------------------- taking

    def take_events(self) -> list[Event]:
        """What the desk should hear, in order."""
        taken = self._events[:]
        self._events.clear()
        return taken

    def take_probes(self) -> list[str]:
        """Assets whose REST book is to be fetched and handed to ``probed``."""
        taken, self._probes = self._probes, []
        return taken

    @property
    def gaps(self) -> int:
        """How often the continuity of a wanted asset was lost."""
        return sum(watch.gaps for watch in self._assets.values())

    def states(self) -> Counter[BookState]:
        """How many assets are in which state."""
        return Counter(watch.state for watch in self._assets.values())


_DOWN = ConnectionState.DOWN
_PACED = frozenset({BookState.LIVE, BookState.RESYNCING})
_HEAR: dict[type[MarketFrame], Callable[[MarketChannel, Any, Nanos], None]] = {
    WireBook: MarketChannel._hear_book,
    PriceChangeFrame: MarketChannel._hear_changes,
    LastTradeFrame: MarketChannel._hear_trade,
    BestBidAskFrame: MarketChannel._hear_quote,
    TickSizeFrame: MarketChannel._hear_tick_size,
    NewMarketFrame: MarketChannel._hear_new_market,
    ResolvedFrame: MarketChannel._hear_resolved,
}


def _books(count: int) -> str:
    return "1 book is" if count == 1 else f"{count} books are"


def _chunks(asset_ids: list[str]) -> list[list[str]]:
    return [
        asset_ids[start : start + ASSETS_A_FRAME_MAX]
        for start in range(0, len(asset_ids), ASSETS_A_FRAME_MAX)
    ]
