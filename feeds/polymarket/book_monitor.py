"""How far one asset's book may be trusted: what was heard of it, and what follows.

An open socket proves nothing, and neither does PONG. A book is LIVE while the stream speaks of
it. Silence makes it STALE and asks the venue's REST book, the witness: the same levels make it
QUIET, other levels prove the stream FROZEN. A frozen book is kept fresh over REST but stays
FROZEN until the stream itself speaks again. What breaks continuity (a cut, a new price grid, a
book that stays crossed) makes it RESYNCING until a whole book comes. CLOSED is for ever.

While the witness is being asked, changes are kept and applied again on top of its answer, as far
as they are not older than it.
"""

from enum import Enum, auto

from msgspec.structs import replace

from feeds.book import OrderBook
from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    BookState,
    Event,
    Gap,
    LevelChange,
    TickSizeChange,
)
from feeds.markets import Nanos
from feeds.polymarket.frames import Sides
from feeds.polymarket.limits import ChannelLimits

REPLAY_MAX = 5_000
"""Changes kept while a probe is out; a probe that takes more of them is void."""
VENUE_SKEW_NS = 5_000_000_000
"""A book this much older than what we know is an old one sent again."""
PATIENCE_DOUBLINGS_MAX = 4


class Heard(Enum):
    """What can be heard of an asset's book."""

    SNAPSHOT = auto()
    CHANGE = auto()
    SILENCE = auto()
    SAME = auto()
    OTHER = auto()
    NO_ANSWER = auto()
    LOST = auto()
    RESOLVED = auto()


_LIVE = BookState.LIVE
_S = BookState
NEXT: dict[tuple[BookState, Heard], BookState] = {
    (_S.RESYNCING, Heard.SNAPSHOT): _S.LIVE,
    (_S.RESYNCING, Heard.CHANGE): _S.LIVE,  # said only where a book lies under it
    (_S.RESYNCING, Heard.SILENCE): _S.STALE,
    (_S.RESYNCING, Heard.SAME): _S.RESYNCING,  # REST gives a book, not trust in the stream
    (_S.RESYNCING, Heard.OTHER): _S.RESYNCING,
    (_S.RESYNCING, Heard.NO_ANSWER): _S.RESYNCING,
    (_S.RESYNCING, Heard.LOST): _S.RESYNCING,
    (_S.RESYNCING, Heard.RESOLVED): _S.CLOSED,
    (_S.LIVE, Heard.SNAPSHOT): _S.LIVE,
    (_S.LIVE, Heard.CHANGE): _S.LIVE,
    (_S.LIVE, Heard.SILENCE): _S.STALE,
    (_S.LIVE, Heard.SAME): _S.LIVE,
    (_S.LIVE, Heard.OTHER): _S.LIVE,  # something was lost, the witness repaired it
    (_S.LIVE, Heard.NO_ANSWER): _S.LIVE,
    (_S.LIVE, Heard.LOST): _S.RESYNCING,
    (_S.LIVE, Heard.RESOLVED): _S.CLOSED,
    (_S.STALE, Heard.SNAPSHOT): _S.LIVE,
    (_S.STALE, Heard.CHANGE): _S.LIVE,
    (_S.STALE, Heard.SILENCE): _S.STALE,
    (_S.STALE, Heard.SAME): _S.QUIET,
    (_S.STALE, Heard.OTHER): _S.FROZEN,
    (_S.STALE, Heard.NO_ANSWER): _S.STALE,
    (_S.STALE, Heard.LOST): _S.RESYNCING,
    (_S.STALE, Heard.RESOLVED): _S.CLOSED,
    (_S.QUIET, Heard.SNAPSHOT): _S.LIVE,
    (_S.QUIET, Heard.CHANGE): _S.LIVE,
    (_S.QUIET, Heard.SILENCE): _S.QUIET,
    (_S.QUIET, Heard.SAME): _S.QUIET,
    (_S.QUIET, Heard.OTHER): _S.FROZEN,
    (_S.QUIET, Heard.NO_ANSWER): _S.STALE,
    (_S.QUIET, Heard.LOST): _S.RESYNCING,
    (_S.QUIET, Heard.RESOLVED): _S.CLOSED,
    (_S.FROZEN, Heard.SNAPSHOT): _S.LIVE,
    (_S.FROZEN, Heard.CHANGE): _S.LIVE,
    (_S.FROZEN, Heard.SILENCE): _S.FROZEN,
    (_S.FROZEN, Heard.SAME): _S.FROZEN,
    (_S.FROZEN, Heard.OTHER): _S.FROZEN,
    (_S.FROZEN, Heard.NO_ANSWER): _S.FROZEN,
    (_S.FROZEN, Heard.LOST): _S.RESYNCING,
    (_S.FROZEN, Heard.RESOLVED): _S.CLOSED,
    **{(_S.CLOSED, heard): _S.CLOSED for heard in Heard},
}


class BookMonitor:
    """One wanted asset: its book as the stream tells it, and the verdict on it.

    Appends to ``out`` what the desk should hear. ``wants_probe``, ``wants_resubscribe`` and
    ``wants_reconnect`` are for the channel to read and clear. ``gaps`` counts how often continuity
    was lost, ``last_trade`` is the price that the venue's books state.
    """

    __slots__ = (
        "_base_venue_ns", "_based", "_checked_ns", "_crossed_ns", "_differs", "_doubt",
        "_flagged", "_last_venue_ns", "_limits", "_out", "_patience", "_plain", "_probe_ns",
        "_reconnected_ns", "_replay", "_resubscribed_ns", "_tick_venue_ns", "asset_id", "book",
        "gaps", "heard_ns", "last_trade", "market", "since_ns", "state", "wants_probe",
        "wants_reconnect", "wants_resubscribe",
    )  # fmt: skip

    def __init__(
        self, asset_id: str, limits: ChannelLimits, out: list[Event], now_ns: Nanos
    ) -> None:
        self.asset_id = asset_id
        self.market = ""
        self.book = OrderBook(asset_id)
        self.state = BookState.RESYNCING
        self.since_ns = now_ns
        self.heard_ns = now_ns
        self.gaps = 0
        self.last_trade: str | float = ""
        self.wants_probe = False
        self.wants_resubscribe = False
        self.wants_reconnect = False
        self._limits = limits
        self._out = out
        self._based = False
        self._base_venue_ns: Nanos = 0
        self._last_venue_ns: Nanos = 0
        self._tick_venue_ns: Nanos = 0
        self._crossed_ns: Nanos = 0
        self._doubt = ""
        self._differs = False
        self._flagged = False
        self._plain = False  # live, and nobody asks the witness: changes need no thought
        self._probe_ns: Nanos = 0
        self._checked_ns: Nanos = 0
        self._replay: list[LevelChange] | None = None
        self._resubscribed_ns: Nanos = 0
        self._reconnected_ns: Nanos = 0
        self._patience = 0

    # ------------------------------------------------------------------ what the stream says

    def snapshot(self, snapshot: BookSnapshot, sides: Sides) -> None:
        """A whole book by stream. It replaces everything, unless it is an old one sent again.

        ``sides`` are its levels, and the watch's own from now on.
        """
        if self.state is BookState.CLOSED:
            return
        if 0 < snapshot.venue_ns < self._last_venue_ns - VENUE_SKEW_NS:
            self._doubt = "the venue sent a book older than one it sent before"
            return
        self._replay = None
        self._adopt(snapshot, sides)
        self._hear(Heard.SNAPSHOT, snapshot.at_ns, "the stream sent the whole book")

    def change(self, change: LevelChange) -> None:
        """One level by stream. It says nothing without a book under it, or if older than that."""
        if self._plain and change.venue_ns >= self._last_venue_ns:
            self._last_venue_ns = change.venue_ns
            self.heard_ns = change.at_ns
        elif not self._takes(change):
            return
        self._out.append(change)
        if not self.book.apply_change(change) or self._flagged:
            self._compare(change.best_bid, change.best_ask, change.at_ns)

    def _takes(self, change: LevelChange) -> bool:
        """The less usual cases: not live, out of order, or the witness is being asked."""
        venue_ns = change.venue_ns
        if not self._based or self.state is BookState.CLOSED:
            return False
        self._hear(Heard.CHANGE, change.at_ns, "the stream speaks again")
        if 0 < venue_ns < self._base_venue_ns:
            return False  # the book holds it already: all it tells is that the stream is alive
        if 0 < venue_ns < self._last_venue_ns:
            self._doubt = "changes came out of order"
        self._last_venue_ns = max(venue_ns, self._last_venue_ns)
        if self._replay is not None:
            self._keep(change)
        return True

    def _keep(self, change: LevelChange) -> None:
        assert self._replay is not None
        if len(self._replay) < REPLAY_MAX:
            self._replay.append(change)
        else:
            self._replay = None

    def _compare(self, best_bid: int, best_ask: int, at_ns: Nanos) -> None:
        """Hold the venue's own best prices, where it said them, against our book's."""
        book = self.book
        self._differs = (best_bid not in (-1, book.best_bid)) or (
            best_ask not in (-1, book.best_ask)
        )
        if book.best_bid < book.best_ask:
            self._crossed_ns = 0
        elif not self._crossed_ns:
            self._crossed_ns = at_ns
        self._flagged = self._differs or self._crossed_ns > 0

    def quote(self, quote: BestQuote) -> None:
        """The venue's best prices on their own."""
        if not self._based or self.state is BookState.CLOSED:
            return
        self._out.append(quote)
        if quote.venue_ns >= self._last_venue_ns:
            self._compare(quote.best_bid, quote.best_ask, quote.at_ns)

    def tick_size(self, change: TickSizeChange, venue_ns: Nanos) -> None:
        """A new price grid: the old book may be off it. The same news twice is one."""
        if self.state is BookState.CLOSED or 0 < venue_ns <= self._tick_venue_ns:
            return
        self._tick_venue_ns = venue_ns
        self._out.append(change)
        self.lose(change.at_ns, "the tick size changed")

    def resolved(self, at_ns: Nanos) -> None:
        self._hear(Heard.RESOLVED, at_ns, "the market is resolved")

    @property
    def based(self) -> bool:
        """Whether a whole book lies under what is told of this asset."""
        return self._based

    def doubt(self, reason: str) -> None:
        """Something was wrong with a message about this asset: have the witness look."""
        self._doubt = reason

    # ------------------------------------------------------------------------ what we notice

    def lose(self, at_ns: Nanos, reason: str) -> None:
        """The book is void until the next whole one."""
        self._void()
        if self.state is not BookState.CLOSED:
            self._out.append(Gap(at_ns, (self.asset_id,), reason))
        self._hear(Heard.LOST, at_ns, reason)

    def cut(self, at_ns: Nanos, reason: str) -> None:
        """The connection is gone; the channel tells the gap for all assets at once."""
        self._void()
        self._hear(Heard.LOST, at_ns, reason)

    def subscribed(self, at_ns: Nanos) -> None:
        """From now on the venue owes us a book."""
        self.since_ns = self.heard_ns = at_ns

    def _void(self) -> None:
        self.gaps += 1
        self.book.clear()
        self._based = False
        self._replay = None
        self._probe_ns = 0
        self._crossed_ns = 0
        self._settled()
        self.wants_probe = False

    def _settled(self) -> None:
        self._doubt = ""
        self._differs = False
        self._flagged = self._crossed_ns > 0

    def _adopt(self, snapshot: BookSnapshot, sides: Sides | None = None) -> None:
        if sides is None:
            self.book.apply_snapshot(snapshot)
        else:
            self.book.replace(*sides, snapshot.at_ns, snapshot.venue_ns)
        self._based = True
        self._base_venue_ns = self._last_venue_ns = snapshot.venue_ns
        self._crossed_ns = snapshot.at_ns if self.book.crossed else 0
        self._settled()
        self._out.append(snapshot)

    def tick(self, now_ns: Nanos) -> None:
        """Notice silence, lasting crossing and doubt. Called while subscribed."""
        if self.state is BookState.CLOSED:
            return
        if self._probe_ns:
            if now_ns - self._probe_ns > self._limits.probe_wait_ns:
                self.probed(None, now_ns)
            return
        _TICKS[self.state](self, now_ns)

    def _tick_live(self, now_ns: Nanos) -> None:
        limits = self._limits
        if now_ns - self.heard_ns > limits.silence_max_ns:
            self._hear(Heard.SILENCE, now_ns, f"no data for {_span(now_ns - self.heard_ns)}")
            self.wants_probe = True
        elif self._crossed_ns and now_ns - self._crossed_ns > limits.crossed_max_ns:
            self.lose(now_ns, f"crossed for {_span(now_ns - self._crossed_ns)}")
            self.wants_probe = True
        elif self._doubt or self._differs:
            self.wants_probe = True

    def _tick_resyncing(self, now_ns: Nanos) -> None:
        waited = now_ns - max(self.since_ns, self._checked_ns)
        if now_ns - self.since_ns > self._limits.silence_max_ns:
            self._hear(Heard.SILENCE, now_ns, f"no book for {_span(now_ns - self.since_ns)}")
            self.wants_probe = True
        elif waited > self._limits.snapshot_wait_ns:
            self.wants_probe = True

    def _tick_stale(self, now_ns: Nanos) -> None:
        if now_ns - self._checked_ns > self._limits.doubt_every_ns:
            self.wants_probe = True

    def _tick_quiet(self, now_ns: Nanos) -> None:
        if now_ns - self._checked_ns > self._limits.quiet_recheck_ns:
            self.wants_probe = True

    def _tick_frozen(self, now_ns: Nanos) -> None:
        limits = self._limits
        if now_ns - self._checked_ns > limits.doubt_every_ns:
            self.wants_probe = True
        frozen_ns = now_ns - self.since_ns
        if self._resubscribed_ns < self.since_ns:
            if frozen_ns > limits.grace_ns:
                self._resubscribed_ns = now_ns
                self.wants_resubscribe = True
        elif now_ns - self._resubscribed_ns > limits.resubscribe_wait_ns:
            patience = limits.reconnect_every_ns << self._patience
            if not self._reconnected_ns or now_ns - self._reconnected_ns > patience:
                self.wants_reconnect = True

    def reconnecting(self, now_ns: Nanos) -> None:
        """The connection is given up on this asset's account; next time it must wait longer."""
        self.wants_reconnect = False
        if self._reconnected_ns:
            self._patience = min(self._patience + 1, PATIENCE_DOUBLINGS_MAX)
        self._reconnected_ns = now_ns

    # ---------------------------------------------------------------------- what REST answers

    def asked(self, now_ns: Nanos) -> None:
        """The witness is being asked."""
        self.wants_probe = False
        self._probe_ns = now_ns
        self._replay = []
        self._plain = False

    def probed(self, book: BookSnapshot | None, now_ns: Nanos) -> None:
        """The witness's answer, or None where it gave none."""
        asked_ns, self._probe_ns = self._probe_ns, 0
        kept, self._replay = self._replay, None
        self._plain = self.state is _LIVE
        if not asked_ns or self.state is BookState.CLOSED:
            return
        self._checked_ns = now_ns
        if book is None:
            self._hear(Heard.NO_ANSWER, now_ns, "the venue did not answer over REST either")
        elif kept is not None:
            self._judge(book, kept, now_ns)
        # else the stream sent a whole book meanwhile, or far too much: nothing to compare

    def _judge(self, book: BookSnapshot, kept: list[LevelChange], now_ns: Nanos) -> None:
        newer = [change for change in kept if not 0 < change.venue_ns < book.venue_ns]
        truth = OrderBook(self.asset_id)
        truth.apply_snapshot(book)
        for change in newer:
            truth.apply_change(change)
        if self._based and truth.bids == self.book.bids and truth.asks == self.book.asks:
            self._settled()
            self._hear(Heard.SAME, now_ns, "the venue's own book is the same")
            return
        self._adopt(replace(book, at_ns=now_ns))
        for change in newer:
            again = replace(change, at_ns=now_ns)
            self.book.apply_change(again)
            self._out.append(again)
            self._last_venue_ns = max(self._last_venue_ns, change.venue_ns)
        reason = "the venue's own book differs from what it streams"
        self._hear(Heard.OTHER, now_ns, reason)
        if self.state is BookState.RESYNCING:
            # whoever takes a whole book for the end of a gap hears that this one was not
            self._out.append(BookHealth(now_ns, self.asset_id, self.state, reason))

    # ------------------------------------------------------------------------------- verdict

    def _hear(self, heard: Heard, at_ns: Nanos, reason: str) -> None:
        was = self.state
        self.state = state = NEXT[was, heard]
        self._plain = state is _LIVE and self._replay is None
        if heard is Heard.SNAPSHOT or heard is Heard.CHANGE:
            self.heard_ns = at_ns
        if state is was:
            return
        if was is BookState.LIVE and at_ns - self.since_ns > self._limits.reconnect_every_ns:
            self._patience = 0
        self.since_ns = at_ns
        self._out.append(BookHealth(at_ns, self.asset_id, state, reason))


_TICKS = {
    BookState.LIVE: BookMonitor._tick_live,
    BookState.RESYNCING: BookMonitor._tick_resyncing,
    BookState.STALE: BookMonitor._tick_stale,
    BookState.QUIET: BookMonitor._tick_quiet,
    BookState.FROZEN: BookMonitor._tick_frozen,
}


def _span(nanos: Nanos) -> str:
    seconds = nanos / 1_000_000_000
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
