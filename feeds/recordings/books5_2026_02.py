"""The five best levels of both assets of a market, about once a second: parquet, February 2026.

Each row is a book of five levels for either asset, and their last trades. A last trade that
differs from the row before is a trade since then; more than one between two rows shows as one, so
trades are a lower bound. Times are the recorder's; the venue's own are not there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feeds.events import BookSnapshot, Event, Level, MarketSeen, Print
from feeds.markets import Market, Nanos, Outcome
from feeds.recordings.order import in_order
from feeds.recordings.parquet import rows
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "books5-2026-02"
MARKET = ("ts_ms", "market_slug", "condition_id", "token_id_up", "token_id_down", "window_end_ms")
DEPTH = 5
_TICK_SIZE = 100
"""Not stated; every recorded price is a whole cent."""


def _side_columns(side: str, of: str) -> list[str]:
    return [f"{side}_{what}_{of}_{n}" for n in range(1, DEPTH + 1) for what in ("px", "sz")]


def _asset_columns(of: str) -> list[str]:
    trade = [f"last_trade_{what}_{of}" for what in ("px", "sz", "side")]
    return [*_side_columns("bid", of), *_side_columns("ask", of), *trade]


UP, DOWN = _asset_columns("up"), _asset_columns("down")
TRADES = [name for name in (*UP, *DOWN) if name.startswith("last_trade")]
"""Not every file of this collector has them."""
BOOKS = [name for name in (*MARKET, *UP, *DOWN) if name not in TRADES]


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Markets, books of five levels and trades, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path))


def _events(path: Path) -> Iterator[Event]:
    row = Row(path)
    last: dict[str, tuple[Any, ...]] = {}
    for row.number, cells in rows(path, [*MARKET, *UP, *DOWN], TRADES):
        at_ns, market = row.ms("ts_ms", cells[0]), _market(row, cells)
        if market.yes.asset_id not in last:
            yield MarketSeen(at_ns, market)
        half = len(MARKET) + len(UP)
        sides = ((UP, cells[len(MARKET) : half]), (DOWN, cells[half:]))
        for asset, (names, found) in zip(market.assets, sides, strict=True):
            yield _book(row, at_ns, asset, names, found)
            trade = found[-3:]
            if last.setdefault(asset, trade) != trade and trade[0] is not None:
                yield _trade(row, at_ns, asset, names, trade)
            last[asset] = trade


def _market(row: Row, cells: tuple[Any, ...]) -> Market:
    _, slug, condition, up, down, ends_ms = cells[: len(MARKET)]
    return Market(
        condition_id=row.id("condition_id", condition),
        slug=(name := row.id("market_slug", slug)),
        question=name,
        yes=Outcome("Up", row.id("token_id_up", up)),
        no=Outcome("Down", row.id("token_id_down", down)),
        tick_size=_TICK_SIZE,
        min_order_size=0,
        end_ns=row.ms("window_end_ms", ends_ms),
    )


def _book(
    row: Row, at_ns: Nanos, asset: str, names: list[str], found: tuple[Any, ...]
) -> BookSnapshot:
    bids = _levels(row, names, found, 0)
    return BookSnapshot(at_ns, asset, 0, bids, _levels(row, names, found, 2 * DEPTH))


def _levels(row: Row, names: list[str], found: tuple[Any, ...], first: int) -> tuple[Level, ...]:
    places = range(first, first + 2 * DEPTH, 2)
    return tuple(
        (row.price(names[i], found[i]), row.size(names[i + 1], found[i + 1]))
        for i in places
        if found[i] is not None
    )


def _trade(row: Row, at_ns: Nanos, asset: str, names: list[str], trade: tuple[Any, ...]) -> Print:
    price, size, side = trade
    return Print(
        at_ns,
        asset,
        0,
        row.price(names[-3], price),
        row.traded(names[-2], size),
        row.side(names[-1], side),
    )


SHAPES = (shape(LAYOUT, "five levels a side", Kind.PARQUET, " ".join(BOOKS), read),)
