"""Changes and trades of June 2026, flattened: parquet with one row an element of a frame.

There are no books: what stood before the recording began is not known, but each change states
both best prices after it. A trade's stamp lies up to some seconds before its neighbours', so a
row was heard when it was sent, but never before the rows above it.
"""

from collections.abc import Iterator
from pathlib import Path

from feeds.events import Event, LevelChange, Print
from feeds.recordings.order import in_order
from feeds.recordings.parquet import rows
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "ticks-2026-06"
COLUMNS = (
    "event_type",
    "asset_id",
    "timestamp",
    "side",
    "price",
    "size",
    "best_bid",
    "best_ask",
)


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Level changes and trades, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path, Notes() if notes is None else notes))


def _events(path: Path, notes: Notes) -> Iterator[Event]:
    row = Row(path)
    for row.number, (kind, asset, when, side, price, size, best_bid, best_ask) in rows(
        path, COLUMNS
    ):
        if kind not in ("PRICE_CHANGE", "LAST_TRADE"):
            notes[f"rows of the kind {row.words(kind)!r}"] += 1
            continue
        at_ns = row.heard(venue_ns := row.micros("timestamp", when))
        of, taken = row.id("asset_id", asset), row.side("side", side)
        cost = row.price("price", price)
        if kind == "LAST_TRADE":
            yield Print(at_ns, of, venue_ns, cost, row.traded("size", size), taken)
            continue
        bid, ask = row.best_bid("best_bid", best_bid), row.best_ask("best_ask", best_ask)
        yield LevelChange(at_ns, of, venue_ns, taken, cost, row.size("size", size), bid, ask)


SHAPES = (shape(LAYOUT, "changes and trades by row", Kind.PARQUET, " ".join(COLUMNS), read),)
