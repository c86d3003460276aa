"""What was heard and is not yet dealt with: sources put events in, one loop takes them out."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator

from feeds.events import Event, LevelChange
from terminal.engine.state import Counters

INBOX_MAX = 200_000
"""Some 40 MB of level changes: whoever is as far behind shows nothing live any more."""


class Inbox:
    """Events in the order in which they were heard, each with the moment of it."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._events: deque[tuple[Event, float]] = deque()
        self._wake = asyncio.Event()
        self._overrun: set[str] = set()

    def hear(self, event: Event) -> None:
        """Put one event in; never blocks."""
        self._events.append((event, time.perf_counter()))
        self._wake.set()

    def hear_many(self, events: list[Event]) -> None:
        """Put in what one frame said.

        When the desk can't keep up, level changes are dropped and their books are declared void
        until a fresh snapshot: late prices are worse than none.
        """
        now = time.perf_counter()
        if len(self._events) > INBOX_MAX:
            events = self._shed(events)
        self._events.extend((event, now) for event in events)
        self._counters.frames += 1
        self._wake.set()

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

    def batch(self, most: int) -> Iterator[tuple[Event, float]]:
        """Take out at most so many, one by one, each with when it was heard (``perf_counter``)."""
        for _ in range(min(most, len(self._events))):
            yield self._events.popleft()

    def is_empty(self) -> bool:
        """Whether all is dealt with; then :meth:`filled` waits for more."""
        if not self._events:
            self._wake.clear()
        return not self._events

    def take_overrun(self) -> tuple[str, ...]:
        """The assets of which changes were dropped since the last call."""
        lost = tuple(sorted(self._overrun))
        self._overrun.clear()
        return lost
