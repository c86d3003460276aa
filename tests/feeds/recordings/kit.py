"""Small recordings of our own in every foreign layout."""

import gzip
import importlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feeds.events import Event
from feeds.recordings import importer_for, parquet
from feeds.recordings.books5_2026_02 import DOWN, MARKET, UP

MS = 1_000_000
AT_MS = 1_790_000_000_000
AT_NS = AT_MS * MS


def events_of(path: Path) -> list[Event]:
    """What the importer makes of a file."""
    return list(importer_for(path).read())


def table(path: Path, columns: str, *rows: str, packed: bool = False) -> Path:
    """A CSV file."""
    text = "\n".join([columns, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


def lines(path: Path, *objects: Any, packed: bool = False) -> Path:
    """A file of JSON lines."""
    text = "".join(json.dumps(one) + "\n" for one in objects)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


def needs_parquet() -> None:
    """Skip, with the reason, where the extra is not installed."""
    if not parquet.installed():
        pytest.skip("the extra 'recordings' (a parquet reader) is not installed")


def parquet_file(path: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    """A parquet file; a column's type is that of its first value."""
    needs_parquet()
    kinds = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", datetime: "TIMESTAMP_MS"}
    first = {n: next(v for v in values if v is not None) for n, values in columns.items()}
    shape = ", ".join(f"{name} {kinds[type(value)]}" for name, value in first.items())
    database: Any = importlib.import_module("duckdb").connect()
    database.execute(f"CREATE TABLE t ({shape})")
    marks = ", ".join("?" for _ in columns)
    database.executemany(
        f"INSERT INTO t VALUES ({marks})", list(zip(*columns.values(), strict=True))
    )
    database.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    return path


def when(ms: int = AT_MS) -> datetime:
    """A time for a parquet column."""
    return datetime.fromtimestamp(ms / 1_000, UTC).replace(tzinfo=None)


L2 = "market_slug,asset_id,market_id,event_type,price,side,size,hash,timestamp"


def l2_row(kind: str, price: str, side: str, size: str, digest: str = "a1", ms: int = AT_MS) -> str:
    """A row of a table of books and changes, as of June 2025."""
    return f"game,77,552,{kind},{price},{side},{size},{digest},{ms}"


WHOLE_L2 = (
    l2_row("book", "0.6", "ask", "5"),
    l2_row("book", "0.4", "bid", "7.5"),
    l2_row("price_change", "0.41", "bid", "1", "b2", AT_MS + 5),
    l2_row("price_change", "0.6", "ask", "0.0", "b2", AT_MS + 5),
)
"""A book and a message of two changes."""


def ticks(path: Path, **other: Sequence[Any]) -> Path:
    """A change, its mirror image and a trade."""
    columns: dict[str, Sequence[Any]] = {
        "timestamp": [when(), when(), when(AT_MS - 2_000)],
        "price": [0.31, 0.69, 0.35],
        "size": [198.0, 198.0, 12.5],
        "best_bid": [0.35, 0.61, 0.0],
        "best_ask": [0.39, 0.65, 0.0],
        "side": ["BID", "ASK", "BID"],
        "event_type": ["PRICE_CHANGE", "PRICE_CHANGE", "LAST_TRADE"],
        "asset_id": ["1", "2", "1"],
    }
    return parquet_file(path, columns | other)


def quotes(path: Path, **other: Sequence[Any]) -> Path:
    """Two markets, sorted by market; the first pauses for an hour."""
    hour = 3_600_000
    columns: dict[str, Sequence[Any]] = {
        "ts": [when(), when(AT_MS + hour), when(AT_MS + 1_000)],
        "slug": ["a", "a", "b"],
        "bid": [0.4, 0.41, None],
        "ask": [0.45, 0.45, 0.02],
        "segment": [1, 1, 1],
    }
    return parquet_file(path, columns | other)


def five_levels(path: Path) -> Path:
    """Two rows of a market's two books; a trade of the first asset between them."""
    market = (AT_MS, "btc-up-or-down", "0xc0", "11", "12", AT_MS + 900_000)
    columns: dict[str, list[Any]] = dict(
        zip(MARKET, ([value, value] for value in market), strict=True)
    )
    columns["ts_ms"][1] += 1_000
    for names, bid, ask in ((UP, 0.5, 0.51), (DOWN, 0.49, 0.5)):
        for name in names:
            columns[name] = [_five(name, bid, ask), _five(name, bid, ask)]
    columns["last_trade_sz_up"] = [5.0, 7.0]
    return parquet_file(path, columns)


def _five(name: str, bid: float, ask: float) -> Any:
    if name.startswith("last_trade"):
        return "BUY" if "_side_" in name else 0.5 if "_px_" in name else 5.0
    if "_sz_" in name:
        return 10.0
    depth = (int(name[-1]) - 1) / 100
    return round(bid - depth if name.startswith("bid") else ask + depth, 2)
