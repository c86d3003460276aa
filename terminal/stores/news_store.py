"""Keeps what the news desk remembers and how its sources do, across restarts and crashes.

The memory tells a restart what was told before; the rows of health are what `ftt feeds list` shows
where no engine runs. Both are files of the state folder, replaced whole.
"""

import asyncio
import logging
import time
from pathlib import Path

import msgspec

from feeds.news.dedupe import MemoryFormatError
from feeds.news.poller import NewsPoller, SourceHealth
from terminal.protocol.views import FeedRow
from terminal.stores.paths import replaced

log = logging.getLogger(__name__)

MEMORY_NAME = "news.memory"
HEALTH_NAME = "feeds.json"
HEALTH_EVERY_S = 2.0
MEMORY_EVERY_S = 120.0
HEALTH_BYTES_MAX = 4 * 1024 * 1024


class NewsStore:
    """Two files in ``folder``. What can't be read or written is logged, and the session goes on."""

    def __init__(self, folder: Path) -> None:
        self._memory, self._health = folder / MEMORY_NAME, folder / HEALTH_NAME
        self._kept_rows: list[SourceHealth] = []

    def memory(self) -> bytes:
        """What earlier sessions' news looked like, so that a restart tells nothing twice."""
        try:
            return self._memory.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            log.warning("the news of earlier sessions can't be read: %s", error)
            return b""

    def put_aside(self, error: MemoryFormatError) -> None:
        """Another version's memory, or a damaged one: keep it under another name, begin afresh."""
        aside = self._memory.with_suffix(".unreadable")
        log.warning("%s Kept as %s; starting afresh.", error, aside.name)
        try:
            self._memory.replace(aside)
        except OSError as trouble:
            log.warning("it can't be moved: %s", trouble)

    def rows(self) -> tuple[FeedRow, ...]:
        """How the sources did when last heard of; none where nothing readable is kept."""
        try:
            with self._health.open("rb") as file:
                body = file.read(HEALTH_BYTES_MAX)
            return msgspec.json.decode(body, type=tuple[FeedRow, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s can't be read: %s", self._health.name, error)
            return ()

    async def keep(self, poller: NewsPoller) -> None:
        """Write what changed, now and then, until cancelled."""
        memory_due = time.monotonic() + MEMORY_EVERY_S
        while True:
            await asyncio.sleep(HEALTH_EVERY_S)
            rows = poller.health()
            if rows != self._kept_rows:
                await asyncio.to_thread(self.keep_rows, rows)
            if time.monotonic() >= memory_due:
                await asyncio.to_thread(self.keep_memory, await poller.memory_gently())
                memory_due = time.monotonic() + MEMORY_EVERY_S

    def keep_rows(self, rows: list[SourceHealth]) -> None:
        """Replace the rows of health."""
        if replaced(self._health, msgspec.json.encode([feed_row(row) for row in rows])):
            self._kept_rows = rows

    def keep_memory(self, contents: bytes) -> None:
        """Replace the memory."""
        replaced(self._memory, contents)


def feed_row(health: SourceHealth) -> FeedRow:
    """A source's health as it is shown and kept."""
    return FeedRow(
        id=health.source_id,
        name=health.name,
        url=health.url,
        state=health.state.value,
        last_success_ns=health.last_success_ns,
        next_poll_ns=health.next_poll_ns,
        newest_ns=health.newest_ns,
        message=health.sentence,
        polls=health.counts.polls,
        failures=health.counts.failures,
        new=health.counts.new,
    )
