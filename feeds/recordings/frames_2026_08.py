"""Raw frames of the market stream, as the venue sent them: JSON lines, single or in arrays.

The recorder's own time is not in them, so a frame was heard when it was sent, but never before
the frames above it. What the venue tells everyone (``new_market``) and frames that are not known
are passed over and counted.
"""

from collections.abc import Iterator
from pathlib import Path

from feeds.events import Event, MarketResolved
from feeds.markets import Nanos
from feeds.polymarket.errors import WireError
from feeds.polymarket.frames import level_changes, print_of, quote_of, snapshot_of, tick_size_of
from feeds.polymarket.units import text_of, venue_nanos
from feeds.polymarket.wire import (
    BestBidAskFrame,
    LastTradeFrame,
    MarketFrame,
    NewMarketFrame,
    PriceChangeFrame,
    ResolvedFrame,
    TickSizeFrame,
    WireBook,
    decode_frame,
)
from feeds.recordings.lines import objects
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "frames-2026-08"


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """The events of the frames, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path, Notes() if notes is None else notes))


def _events(path: Path, notes: Notes) -> Iterator[Event]:
    row = Row(path)
    for value in objects(path):
        row.number = value.row
        try:
            frame = decode_frame(value.raw.encode("utf-8", "replace"))
            yield from _told(frame, _heard(row, frame))
        except WireError as error:
            if error.kind != "unknown":
                raise row.error(error.path, error.reason) from None
            notes["frames of a kind that is not known"] += 1
            continue
        if isinstance(frame, NewMarketFrame):
            notes["new markets, told without their assets' books"] += 1


def _heard(row: Row, frame: MarketFrame) -> Nanos:
    venue_ns = 0
    if not isinstance(frame, NewMarketFrame | ResolvedFrame):
        venue_ns = venue_nanos(frame.timestamp)
    if venue_ns == 0:
        return row.heard(row.last)
    return row.heard(row.plausible("$.timestamp", venue_ns))


def _told(frame: MarketFrame, at_ns: Nanos) -> list[Event]:
    match frame:
        case WireBook():
            return [snapshot_of(frame, at_ns)]
        case PriceChangeFrame():
            return [*level_changes(frame, at_ns)]
        case LastTradeFrame():
            return [print_of(frame, at_ns)]
        case BestBidAskFrame():
            return [quote_of(frame, at_ns)]
        case TickSizeFrame():
            return [tick_size_of(frame, at_ns)]
        case ResolvedFrame():
            return [MarketResolved(at_ns, frame.market, text_of(frame.winning_asset_id))]
        case NewMarketFrame():
            return []


SHAPES = (shape(LAYOUT, "raw frames of the market stream", Kind.JSON, "event_type", read),)
