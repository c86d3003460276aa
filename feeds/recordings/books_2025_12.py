"""Books and trades of December 2025: JSON arrays, one file an asset and sort.

The asset's id does not stand in the file: it is the file's name without the words that name the
sort, so that books and trades of one asset find each other. The spot price beside each record is
another market's and is left out.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from feeds.events import BookSnapshot, Event, Print
from feeds.recordings.lines import objects
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape
from feeds.text import printable

LAYOUT = "books-2025-12"
_SORT = re.compile(r"[-_.]?(?:orderbooks?|trades?)\b", re.IGNORECASE)
_ENDINGS = re.compile(r"(?:\.json|\.gz)+$", re.IGNORECASE)


def asset_of(path: Path) -> str:
    """The id under which an asset's events are told: ``15m-sol-1765450800-up``."""
    return printable(_SORT.sub("", _ENDINGS.sub("", path.name)).strip("-_.")) or "asset"


def read_books(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Whole books, in order of their arrival. Raises ``RecordingError``."""
    return in_order(_books(path))


def read_trades(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Trades, in order of their arrival. Raises ``RecordingError``."""
    return in_order(_trades(path))


def _books(path: Path) -> Iterator[Event]:
    row, asset = Row(path), asset_of(path)
    for row.number, value, _ in objects(path):
        yield BookSnapshot(
            row.ms("local_timestamp", value.get("local_timestamp")),
            asset,
            row.ms("timestamp", value.get("timestamp")),
            row.levels("bids", value.get("bids")),
            row.levels("asks", value.get("asks")),
        )


def _trades(path: Path) -> Iterator[Event]:
    row, asset = Row(path), asset_of(path)
    for row.number, value, _ in objects(path):
        yield Print(
            row.ms("local_timestamp", value.get("local_timestamp")),
            asset,
            row.ms("timestamp", value.get("timestamp")),
            row.price("price", value.get("price")),
            row.traded("size", value.get("size")),
            row.side("side", value.get("side")),
        )


SHAPES = (
    shape(LAYOUT, "whole books", Kind.JSON, "bids asks local_timestamp timestamp", read_books),
    shape(LAYOUT, "trades", Kind.JSON, "price size side local_timestamp timestamp", read_trades),
)
