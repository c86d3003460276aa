"""Odds around the resolution of markets, a table.

The asset is not named: the condition's id serves as the id of the outcome whose odds they are.
"""

from collections.abc import Iterator
from pathlib import Path

from feeds.events import Event, OddsPoint
from feeds.recordings.lines import table
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "impact-resolution"
COLUMNS = ("market_condition_id", "timestamp_utc", "price")


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Past midpoints, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path))


def _events(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, (condition, when, price) in table(path, COLUMNS):
        at_ns, of = row.date("timestamp_utc", when), row.id("market_condition_id", condition)
        yield OddsPoint(at_ns, of, at_ns, row.odds("price", price))


SHAPES = (shape(LAYOUT, "odds around resolutions", Kind.TABLE, " ".join(COLUMNS), read),)
