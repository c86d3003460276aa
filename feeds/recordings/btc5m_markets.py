"""The catalogue's own objects, bare or in a collector's wrapper: JSON lines.

An object speaks as of its ``updatedAt``: told earlier, it would give the outcome away.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feeds.events import Event, MarketSeen
from feeds.polymarket.errors import WireError
from feeds.polymarket.gamma import Refused, market_from_gamma
from feeds.polymarket.wire import GammaMarket, decode_as
from feeds.recordings.lines import objects
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "btc5m-markets"


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Each market as of its last update, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path, Notes() if notes is None else notes))


def _events(path: Path, notes: Notes) -> Iterator[Event]:
    row = Row(path)
    for row.number, value, _ in objects(path):
        wrapped = value.get("raw")
        where, raw = ("raw.", wrapped) if isinstance(wrapped, dict) else ("", value)
        at_ns = row.date(f"{where}updatedAt", raw.get("updatedAt"))
        market = market_from_gamma(_decoded(row, where, raw))
        if isinstance(market, Refused):
            notes[f"{market.field}: {market.reason}"] += 1
        else:
            yield MarketSeen(at_ns, market)


def _decoded(row: Row, where: str, raw: dict[str, Any]) -> GammaMarket:
    try:
        return decode_as(GammaMarket, json.dumps(raw).encode())
    except WireError as error:
        raise row.error(f"{where}{error.path.removeprefix('$.')}", error.reason) from None


SHAPES = (
    shape(LAYOUT, "catalogue objects, wrapped", Kind.JSON, "raw condition_id token_ids", read),
    shape(LAYOUT, "catalogue objects", Kind.JSON, "conditionId question updatedAt", read),
)
