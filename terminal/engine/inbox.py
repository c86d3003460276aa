"""What was heard and is not yet dealt with: sources put events in, one loop takes them out.

Two lanes. What a person wants (an order, a cancel, the kill switch) never waits behind data. And of
data, what is only the latest value is not queued up: once the desk is behind, a newer size of a
level, and a newer tick, stand in for older ones that wait. Prints, stories and orders are all kept.
"""

import asyncio
import time
from collections import deque
from collections.abc import Hashable, Iterable

from feeds.events import (
    BestQuote,
    CancelRequest,
    Event,
    KillSwitch,
    LevelChange,
    OrderRequest,
    SuggestionReply,
    Tick,
)
from terminal.engine.state import Counters

PASS_OVER_FROM = 2_000
"""So many events wait before newer ones stand in for older: some 50 ms of work."""
INBOX_MAX = 100_000
"""Some 20 MB: who is so far behind with what can't be passed over shows nothing live any more."""
HOLES_MAX = 20_000
"""Places of what was passed over; with more of them than of events the queue is written anew."""

COMMANDS: frozenset[type] = frozenset({OrderRequest, CancelRequest, SuggestionReply, KillSwitch})


class _Place:
    """A place in the queue; its event is None where a newer one stands in for it."""

    __slots__ = ("arrived", "event")

    def __init__(self, event: Event, arrived: float) -> None:
        self.event: Event | None = event
        self.arrived = arrived


class Inbox:
    """Events in the order in which they are to be handled, each with the moment it was heard."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._commands: deque[tuple[Event, float]] = deque()
        self._places: deque[_Place] = deque()
        self._newest: dict[Hashable, _Place] = {}
        self._holes = 0
        self._wake = asyncio.Event()
        self._overrun: set[str] = set()
        self._passed_over: set[str] = set()

    def __len__(self) -> int:
        """Events that wait."""
        return len(self._commands) + len(self._places) - self._holes

    def hear(self, event: Event) -> None:
        """Put one event in; never blocks. A person's command goes before all data."""
        if type(event) in COMMANDS:
            self._commands.append((event, time.perf_counter()))
        else:
            self._put((event,), time.perf_counter())
        self._wake.set()

    def hear_many(self, events: list[Event]) -> None:
        """Put in what one frame said.

        When the desk can't keep up at all, level changes are dropped and their books are declared
        void until a fresh snapshot: late prices are worse than none.
        """
        if len(self._places) - self._holes > INBOX_MAX:
            events = self._shed(events)
        self._put(events, time.perf_counter())
        self._counters.frames += 1
        self._wake.set()

    def _put(self, events: Iterable[Event], now: float) -> None:
        if len(self._places) < PASS_OVER_FROM:
            self._places.extend(_Place(event, now) for event in events)
            return
        for event in events:
            place = _Place(event, now)
            key = _key(event)
            if key is not None:
                self._pass_over(self._newest.get(key), event)
                self._newest[key] = place
            self._places.append(place)
        if self._holes > max(HOLES_MAX, len(self._places) // 2):
            self._places = deque(place for place in self._places if place.event is not None)
            self._holes = 0

    def _pass_over(self, older: _Place | None, newer: Event) -> None:
        if older is None or older.event is None:
            return
        older.event = None
        self._holes += 1
        if isinstance(newer, LevelChange):
            self._passed_over.add(newer.asset_id)

    def _shed(self, events: list[Event]) -> list[Event]:
        left: list[Event] = []
        for event in events:
            if isinstance(event, LevelChange):
                self._overrun.add(event.asset_id)
            else:
                left.append(event)
        return left

    async def filled(self) -> None:
        """Wait until there is something in it."""
        await self._wake.wait()

    def take(self) -> tuple[Event, float] | None:
        """The next event and when it was heard (``perf_counter``); None when all is dealt with.

        Then :meth:`filled` waits for more.
        """
        if self._commands:
            return self._commands.popleft()
        while self._places:
            place = self._places.popleft()
            event, place.event = place.event, None
            if event is not None:
                return event, place.arrived
            self._holes -= 1
        self._newest.clear()
        self._wake.clear()
        return None

    def oldest(self) -> float | None:
        """When the oldest data that waits was heard (``perf_counter``); None where none does."""
        while self._places and self._places[0].event is None:
            self._places.popleft()
            self._holes -= 1
        return self._places[0].arrived if self._places else None

    def take_overrun(self) -> tuple[str, ...]:
        """The assets of which changes were dropped since the last call."""
        return _emptied(self._overrun)

    def take_passed_over(self) -> tuple[str, ...]:
        """The assets of which newer changes stood in for older ones since the last call."""
        return _emptied(self._passed_over)


def _emptied(names: set[str]) -> tuple[str, ...]:
    taken = tuple(sorted(names))
    names.clear()
    return taken


def _key(event: Event) -> Hashable:
    """What an event is the latest value of; None where every one counts."""
    match event:
        case LevelChange():
            return (event.asset_id, event.side, event.price)
        case BestQuote():
            return event.asset_id
        case Tick():
            return Tick
        case _:
            return None
