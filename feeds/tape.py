"""Record what came in; play it back.

A tape is one append-only file:

- ``FTTTAPE`` and a version byte, then the header block: one msgpack map (versions, settings);
- blocks of events: each a head of fixed size (length, checksum, number of events, first and last
  time, and a checksum of the head itself), then a zlib stream that inflates to one msgpack array.

The same events with the same flushes give the same bytes. A crash can only tear the last block:
what lies before it reads as ever, and the tear is reported. A block that is whole but does not
match its checksum is refused, since everything after it would be guesswork.
"""

import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from feeds.decoding import Unreadable, decoded
from feeds.events import Event
from feeds.markets import SECOND, Nanos

MAGIC = b"FTTTAPE\x01"
BLOCK_EVENTS_MAX = 1_000
BLOCK_SPAN_NS: Nanos = SECOND
"""A block spans no more market time than this, so that a crash loses little."""
BLOCK_BYTES_MAX = 64 * 1024 * 1024
COMPRESSION = 1
"""Measured on market data: 3.7 times smaller for 0.7 us an event; higher levels gain little."""
_HEAD = struct.Struct("<IIIqq")
_CHECK = struct.Struct("<I")
_HEAD_BYTES = _HEAD.size + _CHECK.size

_encode = msgspec.msgpack.Encoder().encode
_decode_events = msgspec.msgpack.Decoder(list[Event]).decode
_decode_rows = msgspec.msgpack.Decoder(list[list[Any]]).decode
_decode_header = msgspec.msgpack.Decoder(dict[str, Any]).decode


class TapeError(Exception):
    """A tape that cannot be written or read; the message names file and offset."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"{path}, at byte {offset:,}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class _Head(NamedTuple):
    length: int
    checksum: int
    events: int
    first_ns: Nanos
    last_ns: Nanos


class TapeWriter:
    """Appends events to a new tape. Use as a context manager or call ``close``.

    Events reach the file in blocks: when a block is full, when it spans a second of market time,
    and on ``flush``. Raises ``TapeError`` if the file exists already or cannot be written.
    """

    def __init__(self, path: Path | str, header: dict[str, Any]) -> None:
        self.path = Path(path)
        self.events = 0
        self._pending: list[Event] = []
        try:
            self._file = open(self.path, "xb")  # noqa: SIM115 (closed by close)
        except FileExistsError:
            raise TapeError(self.path, 0, "there is a file already; choose another name") from None
        except OSError as error:
            raise TapeError(self.path, 0, f"cannot be created ({error.strerror})") from None
        try:
            with self._told():
                self._file.write(MAGIC)
            self._write_block(_encode(header), 0, 0, 0)
            with self._told():
                self._file.flush()
        except TapeError:
            self._let_go()
            raise

    def append(self, event: Event) -> None:
        """Take one event."""
        pending = self._pending
        if pending and event.at_ns - pending[0].at_ns >= BLOCK_SPAN_NS:
            self.flush()
            pending = self._pending
        pending.append(event)
        if len(pending) >= BLOCK_EVENTS_MAX:
            self.flush()

    def extend(self, events: Iterable[Event]) -> None:
        """Take several events."""
        for event in events:
            self.append(event)

    def flush(self) -> None:
        """Hand everything taken so far to the operating system."""
        taken, self._pending = self._pending, []
        if taken:
            times = [event.at_ns for event in taken]
            self._write_block(_encode(taken), len(taken), min(times), max(times))
            self.events += len(taken)
        with self._told():
            self._file.flush()

    def _write_block(self, payload: bytes, events: int, first_ns: Nanos, last_ns: Nanos) -> None:
        packed = zlib.compress(payload, COMPRESSION)
        head = _HEAD.pack(len(packed), zlib.crc32(packed), events, first_ns, last_ns)
        with self._told():
            self._file.write(head + _CHECK.pack(zlib.crc32(head)) + packed)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A disk that fails is told with what to do; what was written until then can be played."""
        try:
            yield
        except OSError as error:
            raise TapeError(
                self.path, 0, f"cannot be written ({error.strerror}): free some space on its disk"
            ) from error

    def _let_go(self) -> None:
        """Close the file; what it still holds was told as lost already."""
        with suppress(OSError):
            self._file.close()

    def close(self) -> None:
        """Write what is left and make it durable. Closing twice is harmless.

        Raises ``TapeError`` where the disk does not take it; the file is let go all the same.
        """
        if self._file.closed:
            return
        try:
            self.flush()
            with self._told():
                os.fsync(self._file.fileno())
                self._file.close()
        finally:
            self._let_go()

    def __enter__(self) -> "TapeWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class TapeEvents(Iterator[Event]):
    """The events of a tape, read block by block as they are asked for.

    ``offset`` is where the block read last begins. After the last event ``torn_at`` is the offset
    of a torn last block, or None for a whole tape.
    Raises ``TapeError`` at a corrupt block.
    """

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self.path = path
        self.offset = 0
        self.torn_at: int | None = None
        self._file = file
        self._block: Iterator[Event] = iter(())

    def __iter__(self) -> "TapeEvents":
        return self

    def __next__(self) -> Event:
        for event in self._block:
            return event
        while (block := self._next_block()) is not None:
            self._block = iter(block)
            for event in self._block:
                return event
        self.close()
        raise StopIteration

    def blocks(self) -> Iterator[list[Event]]:
        """What has not been read yet, a block at a time: the fastest way through a tape."""
        if rest := list(self._block):
            yield rest
        while (block := self._next_block()) is not None:
            yield block
        self.close()

    def _next_block(self) -> list[Event] | None:
        if self._file.closed:
            return None
        self.offset = offset = self._file.tell()
        try:
            head = _read_head(self.path, self._file, offset)
            packed = self._file.read(head.length) if head else b""
            if head is not None and len(packed) == head.length:
                return _events_of(self.path, offset, head, packed)
        except TapeError:
            self.close()
            raise
        self.torn_at = offset if self._file.tell() > offset else None
        return None

    def close(self) -> None:
        """Let go of the file before its end."""
        self._file.close()

    def __del__(self) -> None:
        self._file.close()


class Tape(NamedTuple):
    """A tape open for reading."""

    header: dict[str, Any]
    events: TapeEvents


def read_tape(path: Path | str) -> Tape:
    """Open a tape: its header, and its events one by one. Raises ``TapeError``."""
    path = Path(path)
    file = _opened(path)
    try:
        header = _header_of(path, file)
    except BaseException:
        file.close()
        raise
    return Tape(header, TapeEvents(path, file))


def _opened(path: Path) -> BufferedReader:
    try:
        return open(path, "rb")
    except OSError as error:
        raise TapeError(path, 0, f"cannot be opened ({error.strerror})") from None


def _header_of(path: Path, file: BufferedReader) -> dict[str, Any]:
    magic = file.read(len(MAGIC))
    if magic[:-1] != MAGIC[:-1]:
        raise TapeError(path, 0, "this is no tape")
    if magic != MAGIC:
        raise TapeError(
            path, 7, f"version {magic[7]} of the format is not known; update to read it"
        )
    head = _read_head(path, file, len(MAGIC))
    packed = file.read(head.length) if head else b""
    if head is None or len(packed) < head.length:
        raise TapeError(path, len(MAGIC), "the header is torn: nothing was recorded")
    try:
        return decoded(_decode_header, _unpacked(path, len(MAGIC), head, packed))
    except Unreadable as error:
        raise TapeError(path, len(MAGIC), f"the header makes no sense ({error})") from None


def _read_head(path: Path, file: BufferedReader, offset: int) -> _Head | None:
    """The head of the next block; None at the end of the file or where the head is torn."""
    raw = file.read(_HEAD_BYTES)
    if len(raw) < _HEAD_BYTES:
        return None
    if _CHECK.unpack_from(raw, _HEAD.size)[0] != zlib.crc32(raw[: _HEAD.size]):
        raise TapeError(path, offset, "the head of a block is corrupt")
    head = _Head(*_HEAD.unpack_from(raw))
    if head.length > BLOCK_BYTES_MAX or head.events > BLOCK_EVENTS_MAX:
        raise TapeError(path, offset, "a block is larger than any we write")
    return head


def _unpacked(path: Path, offset: int, head: _Head, packed: bytes) -> bytes:
    if zlib.crc32(packed) != head.checksum:
        raise TapeError(path, offset, "a block is corrupt: its checksum does not match")
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(packed, BLOCK_BYTES_MAX)
    except zlib.error:
        raise TapeError(path, offset, "a block is corrupt: it cannot be inflated") from None
    if not inflater.eof:
        raise TapeError(path, offset, "a block inflates beyond its limit")
    return payload


def _events_of(path: Path, offset: int, head: _Head, packed: bytes) -> list[Event]:
    payload = _unpacked(path, offset, head, packed)
    try:
        events = decoded(_decode_events, payload)
    except Unreadable as error:
        raise TapeError(path, offset, _not_known(payload, error)) from None
    if len(events) != head.events:
        raise TapeError(path, offset, f"expected {head.events} events, found {len(events)}")
    return events


def _not_known(payload: bytes, error: Unreadable) -> str:
    """Why events can't be read: another version knows some that this one does not."""
    try:
        told = decoded(_decode_rows, payload)
    except Unreadable:
        told = []
    if any(_by_relevance(event) for event in told):
        return (
            "a judge's opinions stand here as relevances, not as grades: the version that recorded "
            "it, named in its header, can play it; this one can't"
        )
    return f"an event is not known here ({error})"


def _by_relevance(event: list[Any]) -> bool:
    """Whether it is a judge's word as it was before grades: market, relevance, direction."""
    if not (event and event[0] == "judged" and isinstance(event[-1], list)):
        return False
    return any(
        isinstance(row, list) and len(row) == 3 and isinstance(row[1], float | int)
        for row in event[-1]
    )


@dataclass(frozen=True)
class TapeInfo:
    """What a tape holds. ``kinds`` counts events by their class name."""

    header: dict[str, Any]
    events: int
    blocks: int
    first_ns: Nanos
    last_ns: Nanos
    bytes: int
    torn_at: int | None
    kinds: dict[str, int] = field(default_factory=dict)


def info(path: Path | str) -> TapeInfo:
    """Read a tape from end to end and say what it holds. Raises ``TapeError``."""
    header, events = read_tape(path)
    kinds: Counter[str] = Counter()
    blocks, first_ns, last_ns = 0, 0, 0
    for block in events.blocks():
        times = [event.at_ns for event in block]
        first_ns = min(first_ns or min(times), min(times))
        last_ns = max(last_ns, max(times))
        kinds.update(type(event).__name__ for event in block)
        blocks += 1
    return TapeInfo(
        header,
        kinds.total(),
        blocks,
        first_ns,
        last_ns,
        Path(path).stat().st_size,
        events.torn_at,
        dict(sorted(kinds.items())),
    )
