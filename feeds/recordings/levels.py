"""Books, changes and trades flattened to one row a price level, in a table or in parquet.

Two layouts are written down so: that of summer 2025 (books and changes) and that of June 2026
(changes and trades). What either of them lacks may be missing: hashes, stated best prices, any of
the three kinds of rows. Rows in sequence with the same asset, hash and time are one message. A row
was heard when it was sent, but never before the rows above it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from feeds.events import BookSnapshot, Event, LevelChange, Print
from feeds.markets import Nanos, Price, Side, Size
from feeds.recordings import parquet
from feeds.recordings.lines import table
from feeds.recordings.order import in_order
from feeds.recordings.row import LEVELS_MAX, Notes, Row, Seen

COLUMNS = ("event_type", "asset_id", "timestamp", "side", "price", "size")
OPTIONAL = ("hash", "best_bid", "best_ask")
BOOKS = frozenset({"book"})
CHANGES = frozenset({"price_change"})
TRADES = frozenset({"last_trade", "last_trade_price"})


class _Cells(NamedTuple):
    """One row as it stands in the file."""

    kind: Seen
    asset: Seen
    stamp: Seen
    side: Seen
    price: Seen
    size: Seen
    digest: Seen
    best_bid: Seen
    best_ask: Seen


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Books, level changes and trades, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path, Notes() if notes is None else notes))


def _rows(path: Path) -> Iterator[tuple[int, _Cells]]:
    columns = (*COLUMNS, *OPTIONAL)
    read = parquet.rows if parquet.is_one(path) else table
    for number, cells in read(path, columns, OPTIONAL):
        yield number, _Cells(*cells)


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
    row, book, before = Row(path), None, None
    for row.number, cells in _rows(path):
        kind = cells.kind.casefold() if isinstance(cells.kind, str) else ""
        if kind in BOOKS:
            if cells == before:
                notes["rows of a book that stand there twice"] += 1
                continue
            before = cells
            other = _into(row, cells, book)
            if other is not book and book is not None:
                yield book.snapshot()
            book = other
            continue
        if kind not in CHANGES and kind not in TRADES:
            notes[f"rows of the kind {row.words(cells.kind)!r}"] += 1
            continue
        if book is not None:
            yield book.snapshot()
            book = before = None
        yield _trade(row, cells) if kind in TRADES else _change(row, cells)
    if book is not None:
        yield book.snapshot()


def _into(row: Row, cells: _Cells, book: _Book | None) -> _Book:
    """The book that a row belongs to: the one whose rows are coming in, or another."""
    at_ns = row.heard(venue_ns := row.stamp("timestamp", cells.stamp))
    digest = cells.digest if isinstance(cells.digest, str) and cells.digest.isalnum() else ""
    key = (row.id("asset_id", cells.asset), digest, venue_ns)
    side, price = row.side("side", cells.side), row.price("price", cells.price)
    if book is None or not book.takes(key, side, price):
        book = _Book(at_ns, key)
    levels = book.sides[side]
    if len(levels) >= LEVELS_MAX:
        raise row.error("price", f"a side of a book has more than {LEVELS_MAX:,} levels")
    levels[price] = row.size("size", cells.size)
    return book


def _change(row: Row, cells: _Cells) -> LevelChange:
    at_ns = row.heard(venue_ns := row.stamp("timestamp", cells.stamp))
    return LevelChange(
        at_ns,
        row.id("asset_id", cells.asset),
        venue_ns,
        row.side("side", cells.side),
        row.price("price", cells.price),
        row.size("size", cells.size),
        row.best_bid("best_bid", cells.best_bid),
        row.best_ask("best_ask", cells.best_ask),
    )


def _trade(row: Row, cells: _Cells) -> Print:
    at_ns = row.heard(venue_ns := row.stamp("timestamp", cells.stamp))
    return Print(
        at_ns,
        row.id("asset_id", cells.asset),
        venue_ns,
        row.price("price", cells.price),
        row.traded("size", cells.size),
        row.side("side", cells.side),
    )
