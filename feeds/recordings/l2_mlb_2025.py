"""Books and changes of June and July 2025, flattened: a table with one row a price level.

Rows in sequence with the same asset, hash and time are one message: a whole book, or changes.
Two layouts differ in the order of columns and the spelling of sides. In that summer a trade was
told by the next ``book`` alone, so every later book replaces what was built until then.
"""

from collections.abc import Iterator
from pathlib import Path

from feeds.events import BookSnapshot, Event, LevelChange
from feeds.markets import Nanos, Price, Side, Size
from feeds.recordings.lines import table
from feeds.recordings.order import in_order
from feeds.recordings.row import LEVELS_MAX, Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "l2-mlb-2025"
COLUMNS = ("asset_id", "event_type", "price", "side", "size", "hash", "timestamp")


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Books and level changes, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path, Notes() if notes is None else notes))


class _Book:
    """A book whose rows are still coming in."""

    def __init__(self, at_ns: Nanos, key: tuple[str, str, Nanos]) -> None:
        self.at_ns = at_ns
        self.key = key
        self.sides: dict[Side, dict[Price, Size]] = {Side.BUY: {}, Side.SELL: {}}

    def takes(self, key: tuple[str, str, Nanos], side: Side, price: Price) -> bool:
        """Whether this level can be part of it: a level that comes twice begins another book."""
        return key == self.key and price not in self.sides[side]

    def snapshot(self) -> BookSnapshot:
        asset, digest, stamp = self.key
        bids, asks = (tuple(self.sides[side].items()) for side in (Side.BUY, Side.SELL))
        return BookSnapshot(self.at_ns, asset, stamp, bids, asks, digest)


def _events(path: Path, notes: Notes) -> Iterator[Event]:
    row, book = Row(path), None
    for row.number, (asset, kind, price, side, size, digest, stamp) in table(path, COLUMNS):
        if kind not in ("book", "price_change"):
            notes[f"rows of the kind {row.words(kind)!r}"] += 1
            continue
        at_ns = row.heard(venue_ns := row.ms("timestamp", stamp))
        of = row.id("asset_id", asset)
        level = (row.side("side", side), row.price("price", price), row.size("size", size))
        if kind == "book":
            key = (of, digest if digest.isalnum() else "", venue_ns)
            if book is None or not book.takes(key, *level[:2]):
                if book is not None:
                    yield book.snapshot()
                book = _Book(at_ns, key)
            _add(row, book, *level)
            continue
        if book is not None:
            yield book.snapshot()
            book = None
        yield LevelChange(at_ns, of, venue_ns, *level)
    if book is not None:
        yield book.snapshot()


def _add(row: Row, book: _Book, side: Side, price: Price, size: Size) -> None:
    levels = book.sides[side]
    if len(levels) >= LEVELS_MAX:
        raise row.error("price", f"a side of a book has more than {LEVELS_MAX:,} levels")
    levels[price] = size


SHAPES = (shape(LAYOUT, "books and changes by level", Kind.TABLE, " ".join(COLUMNS), read),)
