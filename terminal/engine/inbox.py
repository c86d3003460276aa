"""What was heard and is not yet dealt with: sources put events in, one loop takes them out.

Two lanes. What a person wants (an order, a cancel, the kill switch) never waits behind data. And of
data, what is only the latest value is not queued up: once the desk is behind, what is new of a book
(or the time) joins what waits of it, in the older's place. So no book is older than the oldest that
waits, however long the desk stays behind, and none shows levels of two times. Nothing joins across
a gap, a change of health or of the grid. Prints, stories and orders keep their places, all of them;
since a book may be ahead of them, places in queues are not known until all is dealt with.
"""

import asyncio
import time
from collections import deque
from collections.abc import Hashable, Iterable

from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    CancelRequest,
    Event,
    Gap,
    KillSwitch,
    LevelChange,
    NotRelated,
    OrderRequest,
    Print,
    SuggestionReply,
    Tick,
    TickSizeChange,
)
from terminal.engine.state import Counters

JOIN_FROM = 2_000
"""So many events wait before what is new joins what waits: some 50 ms of work."""
INBOX_MAX = 100_000
"""Some 20 MB: who is so far behind with what can't be joined shows nothing live any more."""
OVERRUN = "the desk fell behind"

COMMANDS: frozenset[type] = frozenset(
    {OrderRequest, CancelRequest, SuggestionReply, NotRelated, KillSwitch}
)
_MARKET_DATA = LevelChange | BookSnapshot | Print | BestQuote
_BOOK = LevelChange | BookSnapshot


class _Place:
    """A place in the queue: one event, or all that is newest of one book since ``arrived``."""

    __slots__ = ("arrived", "changes", "event", "key")

    def __init__(self, event: Event, key: Hashable, arrived: float) -> None:
        self.key, self.arrived = key, arrived
        self.event: Event | None = event
        self.changes: dict[Hashable, LevelChange] | None = None

    def join(self, event: Event) -> int:
        """Take a newer event in; returns how many more wait here than before."""
        before = len(self)
        if not isinstance(event, LevelChange):  # a whole book, a quote, a tick: the older is void
            self.event, self.changes = event, None
            return len(self) - before
        if self.changes is None:
            self.changes = {}
            if isinstance(self.event, LevelChange):
                self.changes[self.event.side, self.event.price] = self.event
                self.event = None
        level = (event.side, event.price)
        self.changes.pop(level, None)
        self.changes[level] = event
        return len(self) - before

    def __len__(self) -> int:
        return (self.event is not None) + (0 if self.changes is None else len(self.changes))

    def events(self) -> Iterable[Event]:
        """In the order in which the last of each was heard."""
        if self.event is not None:
            yield self.event
        if self.changes is not None:
            yield from self.changes.values()


class Inbox:
    """Events in the order in which they are to be handled, each with the moment it was heard."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._commands: deque[tuple[Event, float]] = deque()
        self._places: deque[_Place] = deque()
        self._joinable: dict[Hashable, _Place] = {}
        self._taken: deque[Event] = deque()
        self._taken_arrived = 0.0
        self._waiting = 0
        self._wake = asyncio.Event()
        self._overrun: set[str] = set()
        self._joined: set[str] = set()
        self._joined_untold: set[str] = set()
        self.prints_lost = 0

    def __len__(self) -> int:
        """Events that wait."""
        return len(self._commands) + self._waiting

    @property
    def commanded(self) -> bool:
        """Whether a person's command waits."""
        return bool(self._commands)

    def hear(self, event: Event) -> None:
        """Put one event in; never blocks. A person's command goes before all data."""
        if type(event) in COMMANDS:
            self._commands.append((event, time.perf_counter()))
        else:
            self._put((event,), time.perf_counter())
        self._wake.set()

    def hear_many(self, events: list[Event]) -> None:
        """Put in what one frame said.

        When the desk can't keep up at all, market data is dropped and its books are declared void
        until a fresh snapshot: late prices are worse than none.
        """
        if self._waiting > INBOX_MAX:
            events = self._shed(events)
        self._put(events, time.perf_counter())
        self._counters.frames += 1
        self._wake.set()

    def _put(self, events: Iterable[Event], now: float) -> None:
        """All of it, each in a place of its own or joining what waits of the same."""
        for event in events:
            key = _key(event)
            place = self._joinable.get(key) if key is not None else None
            if place is not None:
                self._waiting += place.join(event)
                if isinstance(event, _BOOK):
                    self._note_joined(event.asset_id)
                continue
            place = _Place(event, key, now)
            self._places.append(place)
            self._waiting += 1
            if key is None:
                self._close(event)
            elif self._waiting > JOIN_FROM:
                self._joinable[key] = place

    def _close(self, event: Event) -> None:
        """What continuity depends on: nothing newer of these books joins what waits before it."""
        if isinstance(event, BookHealth | TickSizeChange):
            self._joinable.pop(event.asset_id, None)
        elif isinstance(event, Gap):
            for asset_id in event.asset_ids:
                self._joinable.pop(asset_id, None)

    def _note_joined(self, asset_id: str) -> None:
        if asset_id not in self._joined:
            self._joined.add(asset_id)
            self._joined_untold.add(asset_id)

    def _shed(self, events: list[Event]) -> list[Event]:
        """Without market data, but with a gap where the first of each book is dropped."""
        left: list[Event] = []
        for event in events:
            if not isinstance(event, _MARKET_DATA):
                left.append(event)
                continue
            self.prints_lost += isinstance(event, Print)
            if event.asset_id not in self._overrun:
                self._overrun.add(event.asset_id)
                left.append(Gap(event.at_ns, (event.asset_id,), OVERRUN))
        return left

    async def filled(self) -> None:
        """Wait until there is something in it."""
        await self._wake.wait()

    def take(self) -> tuple[Event, float] | None:
        """The next event and when it was heard (``perf_counter``); None when all is dealt with.

        What joined an older event counts as heard with that one: so old was its book. After None
        :meth:`filled` waits for more.
        """
        if self._commands:
            return self._commands.popleft()
        if not self._taken:
            if not self._places:
                self._joined.clear()
                self._wake.clear()
                return None
            place = self._places.popleft()
            if self._joinable.get(place.key) is place:
                del self._joinable[place.key]
            self._taken.extend(place.events())
            self._taken_arrived = place.arrived
        self._waiting -= 1
        return self._taken.popleft(), self._taken_arrived

    def oldest(self) -> float | None:
        """When the oldest data that waits was heard (``perf_counter``); None where none does."""
        if self._taken:
            return self._taken_arrived
        return self._places[0].arrived if self._places else None

    def take_overrun(self) -> tuple[str, ...]:
        """The assets of which market data was dropped since the last call."""
        return _emptied(self._overrun)

    def take_joined(self) -> tuple[str, ...]:
        """The assets whose changes joined older ones, each once until all is dealt with."""
        return _emptied(self._joined_untold)


def _emptied(names: set[str]) -> tuple[str, ...]:
    taken = tuple(sorted(names))
    names.clear()
    return taken


def _key(event: Event) -> Hashable:
    """What an event is the newest of; None where every one counts."""
    match event:
        case LevelChange() | BookSnapshot():
            return event.asset_id
        case BestQuote():
            return (BestQuote, event.asset_id)
        case Tick():
            return Tick
        case _:
            return None
