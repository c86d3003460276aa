"""Two connections for the same assets: one is heard, the other stands by.

The one that is heard speaks to the desk; of the other's messages only the recent trades are kept.
When the first is lost, or has fallen behind what the second hears, the second takes its place: its
books are told whole, so that nothing is missing and nothing comes twice, and trades that only it
has heard follow. The first is then connected anew, to stand by in its turn. Sans I/O.
"""

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator

from feeds.events import BookHealth, BookSnapshot, BookState, Event, Gap, Print
from feeds.markets import SECOND, Nanos
from feeds.polymarket.book_monitor import BookMonitor
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.connection_state import ConnectionState

BEHIND_MAX_NS: Nanos = SECOND
"""When the other connection has known more of an asset for so long, the first one is behind."""
PRINTS_SPAN_NS: Nanos = 10 * SECOND
PRINTS_MAX = 2_000
TOOK_OVER = "the standby connection took over"

_PrintKey = tuple[str, Nanos, int, int, str]


class Failover:
    """Which of two channels is heard. ``say`` gets the events that go on to the desk.

    ``takeovers`` counts how often the other one took over.
    """

    def __init__(
        self,
        first: MarketChannel,
        second: MarketChannel,
        say: Callable[[list[Event]], None],
        behind_max_ns: Nanos = BEHIND_MAX_NS,
    ) -> None:
        self.heard, self.other = first, second
        self.takeovers = 0
        self._say, self._behind_max_ns = say, behind_max_ns
        self._told: deque[Print] = deque(maxlen=PRINTS_MAX)
        self._kept: deque[Print] = deque(maxlen=PRINTS_MAX)
        self._behind: dict[str, Nanos] = {}

    def hear(self, channel: MarketChannel, events: list[Event], now_ns: Nanos) -> None:
        """What one of the two channels had to say."""
        if channel is not self.heard:
            self._keep(events)
        elif channel.link is ConnectionState.SUBSCRIBED or not self._ready():
            self._tell(events)
        else:
            # it was lost, and says so: that books are void is not true while the other has them
            wanted = self.heard.wanted
            self._tell([event for event in events if not _voids(event, wanted)])
            self._take_over(now_ns)

    def tick(self, now_ns: Nanos) -> None:
        """See whether the channel that is heard has been lost or has fallen behind."""
        if not self._ready():
            self._behind.clear()
        elif self.heard.link is not ConnectionState.SUBSCRIBED:
            self._take_over(now_ns)
        elif self._fell_behind(now_ns):
            late = self.heard
            self._take_over(now_ns)
            late.abandon("the other connection hears more")

    def _tell(self, events: list[Event]) -> None:
        self._told.extend(event for event in events if isinstance(event, Print))
        if events:
            self._say(events)

    def _ready(self) -> bool:
        """Whether the other channel could take over: its books are as sound as those heard."""
        if self.other.link is not ConnectionState.SUBSCRIBED or not self.other.wanted:
            return False
        watches = ((watch, self.heard.watch(watch.asset_id)) for watch in _watches(self.other))
        return all(_sound(theirs) or ours is None or not _sound(ours) for theirs, ours in watches)

    def _fell_behind(self, now_ns: Nanos) -> bool:
        """Whether the other one has known more of some asset for longer than may be."""
        for theirs in _watches(self.other):
            ours = self.heard.watch(theirs.asset_id)
            if ours is None or not _knows_more(theirs, ours):
                self._behind.pop(theirs.asset_id, None)
                continue
            since_ns = self._behind.setdefault(theirs.asset_id, now_ns)
            if now_ns - since_ns >= self._behind_max_ns:
                return True
        return False

    def _take_over(self, now_ns: Nanos) -> None:
        late = self.heard
        self.heard, self.other = self.other, late
        self.takeovers += 1
        # what it has not handed over yet is in its books already
        self._keep(self.heard.take_events())
        events: list[Event] = []
        for watch in _watches(self.heard):
            before = late.watch(watch.asset_id)
            if watch.state is not BookState.CLOSED:
                events.append(_whole(watch, now_ns))
            elif before is None or before.state is BookState.CLOSED:
                continue
            events.append(BookHealth(now_ns, watch.asset_id, watch.state, TOOK_OVER))
        events += self._missed_prints(now_ns)
        self._kept.clear()
        self._behind.clear()
        self._tell(events)

    def _keep(self, events: list[Event]) -> None:
        self._kept.extend(event for event in events if isinstance(event, Print))

    def _missed_prints(self, now_ns: Nanos) -> Iterator[Print]:
        """Trades of the last seconds that only the channel which is heard now has told."""
        told = Counter(_key(event) for event in self._told)
        for event in self._kept:
            if now_ns - event.at_ns > PRINTS_SPAN_NS:
                continue
            if told[_key(event)]:
                told[_key(event)] -= 1
            else:
                yield Print(
                    now_ns, event.asset_id, event.venue_ns, event.price, event.size, event.side
                )


def _watches(channel: MarketChannel) -> Iterator[BookMonitor]:
    for asset_id in channel.wanted:
        watch = channel.watch(asset_id)
        if watch is not None:
            yield watch


def _sound(watch: BookMonitor) -> bool:
    return watch.book.seen and watch.state.fit


def _knows_more(theirs: BookMonitor, ours: BookMonitor) -> bool:
    """A later message alone proves nothing, since each new connection begins with the books."""
    return (
        theirs.state is BookState.LIVE
        and theirs.heard_ns > ours.heard_ns
        and (theirs.book.bids != ours.book.bids or theirs.book.asks != ours.book.asks)
    )


def _voids(event: Event, wanted: Container[str]) -> bool:
    """Whether an event says only that the books of wanted assets can't be trusted."""
    if isinstance(event, Gap):
        return any(asset_id in wanted for asset_id in event.asset_ids)
    return isinstance(event, BookHealth) and event.asset_id in wanted


def _whole(watch: BookMonitor, now_ns: Nanos) -> BookSnapshot | Gap:
    book = watch.book
    if not book.seen:
        return Gap(now_ns, (watch.asset_id,), TOOK_OVER)
    return book.snapshot(now_ns)


def _key(event: Print) -> _PrintKey:
    return (event.asset_id, event.venue_ns, event.price, event.size, event.side.value)
