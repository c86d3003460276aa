"""Keeps what the news desk remembers and how its sources do, across restarts and crashes.

The memory tells a restart what was told before; the rows of health are what `ftt feeds list` shows
where no engine runs. Both are files of the state folder, replaced whole.
"""

import asyncio
import time
from pathlib import Path
from zlib import crc32

import msgspec

from feeds.news.dedupe import MemoryFormatError
from feeds.news.poller import NewsPoller, SourceHealth
from terminal.protocol.views import FeedRow
from terminal.stores import kept

MEMORY_NAME = "news.memory"
HEALTH_NAME = "feeds.json"
HEALTH_EVERY_S = 2.0
MEMORY_EVERY_S = 120.0
HEALTH_BYTES_MAX = 4 * 1024 * 1024
MEMORY_BYTES_MAX = 256 * 1024 * 1024

_MAGIC = b"FTTNEWS\x01"
_HEAD_BYTES = len(_MAGIC) + 4
_rows = msgspec.json.Decoder(tuple[FeedRow, ...]).decode


class NewsStore:
    """Two files in ``folder``. What can't be read or written is logged, and the session goes on."""

    def __init__(self, folder: Path) -> None:
        self._memory, self._health = folder / MEMORY_NAME, folder / HEALTH_NAME
        self._kept_rows: list[SourceHealth] = []

    def memory(self) -> bytes:
        """What earlier sessions' news looked like, so that a restart tells nothing twice."""
        body = kept.contents(self._memory, MEMORY_BYTES_MAX) or b""
        if not body.startswith(_MAGIC):
            return body  # of a version before the checksum, or none: who reads it says so
        check, memory = body[len(_MAGIC) : _HEAD_BYTES], body[_HEAD_BYTES:]
        if crc32(memory).to_bytes(4, "big") != check:
            kept.put_aside(self._memory, "its checksum does not match")
            return b""
        return memory

    def put_aside(self, error: MemoryFormatError) -> None:
        """Another version's memory, or a damaged one: keep it under another name, begin afresh."""
        kept.put_aside(self._memory, str(error))

    def rows(self) -> tuple[FeedRow, ...]:
        """How the sources did when last heard of; none where nothing readable is kept."""
        return kept.read(self._health, _rows, HEALTH_BYTES_MAX) or ()

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
        if kept.replaced(self._health, msgspec.json.encode([feed_row(row) for row in rows])):
            self._kept_rows = rows

    def keep_memory(self, contents: bytes) -> None:
        """Replace the memory."""
        check = crc32(contents).to_bytes(4, "big")
        kept.replaced(self._memory, _MAGIC + check + contents)


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
