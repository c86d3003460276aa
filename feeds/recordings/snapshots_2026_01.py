"""Best quotes of January 2026 from bursts of polls, a table.

A market is known by its Gamma id, which serves as the id of its first outcome's asset. The
catalogue's own prices beside the quotes agree with them less than half of the time and are left
out: what comes from here is good for trying an importer, not for a result.
"""

from collections.abc import Iterator
from pathlib import Path

from feeds.events import BestQuote, Event
from feeds.markets import ONE
from feeds.recordings.lines import table
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "snapshots-2026-01"
COLUMNS = ("market_id", "snapshot_time", "best_bid", "best_ask")


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Best quotes, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path))


def _events(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, (market, when, bid, ask) in table(path, COLUMNS):
        at_ns = row.date("snapshot_time", when)
        best_bid, best_ask = row.best_bid("best_bid", bid), row.best_ask("best_ask", ask)
        yield BestQuote(
            at_ns,
            row.id("market_id", market),
            0,
            best_bid or -1,
            -1 if best_ask == ONE else best_ask,
        )


_HEALTH = "it is the collector's own health record and holds no market data"
SHAPES = (
    shape(LAYOUT, "best quotes, polled", Kind.TABLE, " ".join(COLUMNS), read),
    shape(LAYOUT, "health", Kind.TABLE, "timestamp markets_fetched wss_hits", None, _HEALTH),
    shape(LAYOUT, "health", Kind.JSON, "total_ticks total_snapshots", None, _HEALTH),
)
