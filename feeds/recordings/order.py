"""Any number of events into order of time, in bounded memory.

Recordings are sorted by market, hold stamps that overtake each other, or were glued together. So
stretches are sorted in memory and laid on disk, in a nameless file, and merged from there. Events
of one time keep the order in which they stood.
"""

import heapq
import zlib
from collections.abc import Iterable, Iterator
from operator import attrgetter
from tempfile import TemporaryFile
from typing import IO

import msgspec

from feeds.events import Event

IN_MEMORY_MAX = 100_000
BLOCK_EVENTS = 1_000
_at = attrgetter("at_ns")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode


def in_order(events: Iterable[Event], in_memory_max: int = IN_MEMORY_MAX) -> Iterator[Event]:
    """The same events by ``at_ns``."""
    pending: list[Event] = []
    laid: list[list[tuple[int, int]]] = []
    with TemporaryFile() as file:
        for event in events:
            pending.append(event)
            if len(pending) >= in_memory_max:
                laid.append(_laid(file, pending))
                pending = []
        pending.sort(key=_at)
        stretches = [_lifted(file, blocks) for blocks in laid]
        yield from heapq.merge(*stretches, pending, key=_at) if stretches else pending


def merged(streams: Iterable[Iterable[Event]]) -> Iterator[Event]:
    """Streams that are each in order of time, as one."""
    return heapq.merge(*streams, key=_at)


def _laid(file: IO[bytes], events: list[Event]) -> list[tuple[int, int]]:
    """Lay a sorted stretch on disk; returns where its blocks are."""
    events.sort(key=_at)
    blocks = []
    for first in range(0, len(events), BLOCK_EVENTS):
        packed = zlib.compress(_encode(events[first : first + BLOCK_EVENTS]), 1)
        blocks.append((file.seek(0, 2), len(packed)))
        file.write(packed)
    return blocks


def _lifted(file: IO[bytes], blocks: list[tuple[int, int]]) -> Iterator[Event]:
    for offset, length in blocks:
        file.seek(offset)
        yield from _decode(zlib.decompress(file.read(length)))
