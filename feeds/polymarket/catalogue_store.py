"""The catalogue on disk, so that a second start opens at once with what was known.

One file: magic and version, then blocks, each a length, a CRC and msgpack. The first block says
for which venue and when, the others hold markets. It is written beside the old one and put in its
place whole, so a crash leaves the old file or the new one. What is damaged, of another venue or
of another version is not used, and a sentence says so: the catalogue can always be read anew.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta

from feeds.decoding import UNREADABLE
from feeds.markets import Market, Nanos

MAGIC = b"FTTSHELF\x01"
MARKETS_A_BLOCK = 500
BLOCK_BYTES_MAX = 64 * 1024 * 1024
MARKETS_MAX = 100_000
CURSORS_MAX = 1_000
_HEAD = struct.Struct("<II")


class StoredCatalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What the shelf held. ``as_of_ns`` is when the whole catalogue was last read, 0 for never.

    ``cursors`` say where a reading stood, by tag, that was not finished at ``saved_ns``.
    """

    venue: str
    as_of_ns: Nanos
    saved_ns: Nanos = 0
    cursors: Mapping[str, str] = {}
    markets: tuple[Market, ...] = ()


class _Opening(msgspec.Struct, frozen=True, array_like=True):
    venue: str
    as_of_ns: Annotated[int, Meta(ge=0)]
    saved_ns: Annotated[int, Meta(ge=0)]
    cursors: Annotated[dict[str, str], Meta(max_length=CURSORS_MAX)]
    markets: Annotated[int, Meta(ge=0, le=MARKETS_MAX)]


_encode = msgspec.msgpack.Encoder().encode
_opening = msgspec.msgpack.Decoder(_Opening).decode
_block = msgspec.msgpack.Decoder(tuple[Market, ...]).decode


class CatalogueStoreError(Exception):
    """The shelf could not be read or written; the message names the file and says why."""


class CatalogueStore:
    """One venue's catalogue in one file. Blocking calls: run them in a thread.

    With ``venue`` None it is read whatever venue it is of, and can't be saved.
    """

    def __init__(self, path: Path, venue: str | None) -> None:
        self.path = path
        self.venue = venue

    def load(self) -> StoredCatalogue | None:
        """What was kept, or None without a file; raises ``CatalogueStoreError`` if it is no use."""
        try:
            with self.path.open("rb") as file:
                return self._read(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._no_use(f"it cannot be read ({error.strerror})") from None
        except UNREADABLE:
            raise self._no_use("it is damaged") from None

    def _read(self, file: BinaryIO) -> StoredCatalogue:
        if file.read(len(MAGIC)) != MAGIC:
            raise self._no_use("it is not one of this version's")
        blocks = self._blocks(file)
        opening = _opening(next(blocks, b""))
        if self.venue is not None and opening.venue != self.venue:
            raise self._no_use("it is of another venue")
        markets = [market for block in blocks for market in _block(block)]
        if len(markets) != opening.markets:
            raise self._no_use("it is damaged")
        return StoredCatalogue(
            venue=opening.venue,
            as_of_ns=opening.as_of_ns,
            saved_ns=opening.saved_ns,
            cursors=opening.cursors,
            markets=tuple(markets),
        )

    def _blocks(self, file: BinaryIO) -> Iterator[bytes]:
        while head := file.read(_HEAD.size):
            if len(head) < _HEAD.size:
                raise self._no_use("it is damaged")
            length, check = _HEAD.unpack(head)
            block = file.read(length) if length <= BLOCK_BYTES_MAX else b""
            if len(block) != length or zlib.crc32(block) != check:
                raise self._no_use("it is damaged")
            yield block

    def _no_use(self, why: str) -> CatalogueStoreError:
        return CatalogueStoreError(f"{self.path}: {why}; the catalogue is read anew")

    def save(
        self,
        markets: Iterable[Market],
        as_of_ns: Nanos,
        saved_ns: Nanos,
        cursors: Mapping[str, str] | None = None,
    ) -> None:
        """Replace the file; raises ``CatalogueStoreError`` when the disk does not take it."""
        assert self.venue is not None, "a shelf is saved for its venue"
        kept = list(islice(markets, MARKETS_MAX))
        opening = _Opening(self.venue, as_of_ns, saved_ns, dict(cursors or {}), len(kept))
        fresh = self.path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(MAGIC)
                _append(file, _encode(opening))
                for start in range(0, len(kept), MARKETS_A_BLOCK):
                    _append(file, _encode(kept[start : start + MARKETS_A_BLOCK]))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as error:
            raise CatalogueStoreError(
                f"{self.path}: the catalogue cannot be kept ({error.strerror})"
            ) from None


def _append(file: BinaryIO, block: bytes) -> None:
    file.write(_HEAD.pack(len(block), zlib.crc32(block)))
    file.write(block)
