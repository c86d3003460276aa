"""What a message of the market channel means: typed shapes in, events out.

Pure translation. Raises ``WireError`` where a number cannot be what it should.
"""

from math import floor
from typing import TypeAlias

from msgspec.structs import replace

from feeds.events import BestQuote, BookSnapshot, LevelChange, Print, TickSizeChange
from feeds.markets import ONE, TICK_SIZES, Nanos, Price, Side, Size
from feeds.polymarket.errors import WireError
from feeds.polymarket.units import (
    BEST_ASKS,
    BEST_BIDS,
    PRICES,
    UNSAID,
    BadNumber,
    exact_price,
    exact_size,
    text_of,
    venue_nanos,
)
from feeds.polymarket.wire import (
    BestBidAskFrame,
    LastTradeFrame,
    PriceChangeFrame,
    RestBook,
    TickSizeFrame,
    WireBook,
    WireChange,
    WireLevels,
)

Sides: TypeAlias = tuple[dict[Price, Size], dict[Price, Size]]
"""Bids and asks."""
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


def snapshot_of(
    book: WireBook | RestBook, at_ns: Nanos, sides: Sides | None = None
) -> BookSnapshot:
    """A whole book. ``sides`` are its levels, where the caller has them already."""
    bids, asks = sides or sides_of(book)
    digest = text_of(book.hash)
    return BookSnapshot(
        at_ns,
        book.asset_id,
        venue_nanos(book.timestamp),
        tuple(bids.items()),
        tuple(asks.items()),
        digest if digest.isascii() and digest.isalnum() else "",
    )


def sides_of(book: WireBook | RestBook) -> Sides:
    """Bids and asks, without empty levels. A missing side is an empty one."""
    return _side("$.bids", book.bids), _side("$.asks", book.asks)


def _side(path: str, levels: WireLevels | None) -> dict[Price, Size]:
    if not levels:
        return {}
    try:
        side = {PRICES[level.price]: floor(level.size * 1e6 + 0.5) for level in levels}
    except BadNumber:
        raise _misplaced(path, levels) from None
    if 0 in side.values():
        return {price: size for price, size in side.items() if size}
    return side


def _misplaced(path: str, levels: WireLevels) -> WireError:
    """The error for the first level whose price is none."""
    for index, level in enumerate(levels):
        try:
            PRICES[level.price]
        except BadNumber as error:
            return WireError(f"{path}[{index}].price", str(error))
    return WireError(path, "expected prices between 0 and 1")


def changes_in(frame: PriceChangeFrame) -> tuple[WireChange, ...]:
    """The changes of a frame in any of the venue's three shapes, each with its asset."""
    if frame.price_changes is not None:
        return frame.price_changes
    asset_id = frame.asset_id or ""
    if frame.changes is not None:
        return tuple(replace(change, asset_id=asset_id) for change in frame.changes)
    if frame.price is None or frame.size is None or frame.side is None:
        raise WireError("$.price_changes", "expected changes, found none")
    return (WireChange(frame.price, frame.size, frame.side, asset_id),)


def change_of(change: WireChange, asset_id: str, at_ns: Nanos, venue_ns: Nanos) -> LevelChange:
    """One level's change, for the asset that the caller knows under this id."""
    try:
        return LevelChange(
            at_ns,
            asset_id,
            venue_ns,
            SIDES[change.side],
            PRICES[change.price],
            floor(change.size * 1e6 + 0.5),
            BEST_BIDS[change.best_bid],
            BEST_ASKS[change.best_ask],
        )
    except (BadNumber, TypeError):
        return _without_best(change, asset_id, at_ns, venue_ns)


def _without_best(change: WireChange, asset_id: str, at_ns: Nanos, venue_ns: Nanos) -> LevelChange:
    """A change whose best prices are none: they only witness, so it is taken without them."""
    try:
        price = PRICES[change.price]
    except BadNumber as error:
        raise WireError("$.price_changes", str(error)) from None
    size = floor(change.size * 1e6 + 0.5)
    side = SIDES[change.side]
    return LevelChange(at_ns, asset_id, venue_ns, side, price, size, UNSAID, UNSAID)


def level_changes(frame: PriceChangeFrame, at_ns: Nanos) -> list[LevelChange]:
    """All changes of a frame, whoever wants them."""
    venue_ns = venue_nanos(frame.timestamp)
    return [change_of(change, change.asset_id, at_ns, venue_ns) for change in changes_in(frame)]


def quote_of(frame: BestBidAskFrame, at_ns: Nanos) -> BestQuote:
    """The venue's best prices; an empty or unsaid side is -1."""
    try:
        bid, ask = BEST_BIDS[frame.best_bid], BEST_ASKS[frame.best_ask]
    except BadNumber as error:
        raise WireError("$.best_bid, $.best_ask", str(error)) from None
    return BestQuote(
        at_ns,
        frame.asset_id,
        venue_nanos(frame.timestamp),
        UNSAID if bid == 0 else bid,
        UNSAID if ask == ONE else ask,
    )


def print_of(frame: LastTradeFrame, at_ns: Nanos) -> Print:
    """A trade on the public tape."""
    try:
        price = PRICES[frame.price]
    except BadNumber as error:
        raise WireError("$.price", str(error)) from None
    return Print(
        at_ns,
        frame.asset_id,
        venue_nanos(frame.timestamp),
        price,
        _traded(frame.size),
        SIDES[frame.side],
    )


def _traded(shares: float) -> Size:
    size = exact_size(shares)
    if size == 0:
        raise WireError("$.size", "expected the size of a trade, found 0")
    return size


def tick_size_of(frame: TickSizeFrame, at_ns: Nanos) -> TickSizeChange:
    """A new price grid; an unknown tick size is refused. The old one, where it was not told or is
    none, is taken for the new."""
    seen = frame.new_tick_size
    try:
        new = exact_price(seen)
    except BadNumber as error:
        raise WireError("$.new_tick_size", str(error)) from None
    if new not in TICK_SIZES:
        raise WireError("$.new_tick_size", f"expected a known tick size, found {seen!r}")
    try:
        old = exact_price(text_of(frame.old_tick_size))
    except BadNumber:
        old = new
    return TickSizeChange(at_ns, frame.asset_id, old if old in TICK_SIZES else new, new)
