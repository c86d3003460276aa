"""The account's own orders and trades as the venue tells them, by stream and over REST alike.

Both carry the same fields; only the stream names the kind, and not in every recording. Sizes and
prices stay as they were sent until ``user_channel.py`` makes them plain.
"""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from feeds.events import OrderState, Settlement
from feeds.polymarket.errors import WireError
from feeds.polymarket.units import BadNumber, exact_size, millionths
from feeds.polymarket.wire import Id, Number, Stamp, WireSide, decode_array, shaped

MAKERS_MAX = 5_000
PAGE_MAX = 5_000
STATUS_CHARS_MAX = 400
_Status: TypeAlias = Annotated[str, Meta(max_length=STATUS_CHARS_MAX)]


class UserOrder(Struct, frozen=True):
    """An order of ours; ``size_matched`` is cumulative, and an empty text where none was said."""

    id: Id
    market: Id
    asset_id: Id
    side: WireSide
    price: Number
    original_size: Number
    size_matched: Number = ""
    type: Id = ""
    status: _Status = ""
    order_type: Id | None = None
    timestamp: Stamp = 0


class MakerOrder(Struct, frozen=True):
    """One resting order that a trade met, ours or a stranger's; ``side`` is often left out."""

    order_id: Id
    asset_id: Id
    matched_amount: Number
    price: Number
    side: WireSide | None = None


class UserTrade(Struct, frozen=True):
    """A trade that an order of ours had part in. Side, asset and price are the taker's."""

    id: Id
    taker_order_id: Id
    market: Id
    asset_id: Id
    side: WireSide
    size: Number
    price: Number
    status: _Status
    maker_orders: Annotated[tuple[MakerOrder, ...], Meta(max_length=MAKERS_MAX)] = ()
    timestamp: Stamp = 0


UserFrame: TypeAlias = UserOrder | UserTrade


class _Kind(Struct, frozen=True):
    event_type: str = ""
    type: str = ""
    taker_order_id: str | None = None


class _Page(Struct, frozen=True):
    data: Annotated[list[Raw], Meta(max_length=PAGE_MAX)]
    next_cursor: str = "LTE="


_page = Decoder(_Page, strict=False).decode
_kind = Decoder(_Kind, strict=False).decode
_order = Decoder(UserOrder, strict=False).decode
_trade = Decoder(UserTrade, strict=False).decode


def decode_user(data: bytes | Raw) -> UserFrame:
    """One object of the user channel or of its REST twins; raises ``WireError``."""
    kind: _Kind = shaped(_kind, data)
    if kind.event_type == "trade" or (not kind.event_type and _looks_like_a_trade(kind)):
        return shaped(_trade, data)
    if kind.event_type in ("order", ""):
        return shaped(_order, data)
    raise WireError("$.event_type", f"unknown: {kind.event_type[:40]!r}", "unknown")


def _looks_like_a_trade(kind: _Kind) -> bool:
    return kind.type == "TRADE" or kind.taker_order_id is not None


def decode_user_each(data: bytes) -> tuple[list[UserFrame], list[WireError]]:
    """One message, an object or an array; a bad element costs only itself."""
    try:
        return _each([data] if data.lstrip()[:1] == b"{" else decode_array(data))
    except WireError as error:
        return [], [error]


def decode_user_page(data: bytes) -> tuple[list[UserFrame], list[WireError], str]:
    """A page of ``/data/orders`` or ``/data/trades``: good, bad, and the cursor of the next."""
    page: _Page = shaped(_page, data)
    return *_each(page.data), page.next_cursor


def _each(elements: Sequence[bytes | Raw]) -> tuple[list[UserFrame], list[WireError]]:
    good: list[UserFrame] = []
    bad: list[WireError] = []
    for element in elements:
        try:
            good.append(decode_user(element))
        except WireError as error:
            bad.append(error)
    return good, bad


def size_of(path: str, seen: str | float) -> int:
    """A size in millionths of a share; an empty text is none at all. Raises ``WireError``."""
    if seen == "":
        return 0
    try:
        size = millionths(seen)
        exact_size(size / 1e6)
    except BadNumber as error:
        raise WireError(path, str(error)) from None
    return size


# by prefix, the longest first: the venue appends words of its own, and REST says it with a prefix
_STAGES = (
    ("MATCHED", Settlement.MATCHED),
    ("MINED", Settlement.MATCHED),
    ("RETRYING", Settlement.MATCHED),
    ("CONFIRMED", Settlement.CONFIRMED),
    ("FAILED", Settlement.FAILED),
)


def stage_of(trade: UserTrade) -> Settlement:
    """How far the trade has come; an unknown word is refused."""
    status = trade.status.removeprefix("TRADE_STATUS_")
    for mark, stage in _STAGES:
        if status.startswith(mark):
            return stage
    raise WireError("$.status", f"unknown: {trade.status[:40]!r}", "unknown")


_ENDINGS = (
    ("CANCELED_MARKET_RESOLVED", "the market is resolved"),
    ("CANCELED_MARKET_NOT_FOUND", "the venue does not know the market"),
    ("CANCELED_NOT_ENOUGH_BALANCE", "not enough balance at the venue"),
    ("CANCELED_EXPIRED_ORDER", "the order expired"),
    ("CANCELED_ORDER_TIMED_OUT", "the venue's matching took too long"),
    ("CANCELED_", ""),
    ("CANCELED", "cancelled"),
    ("INVALID", "the venue holds it to be invalid"),
)
_WAITING = ("LIVE", "MATCHED", "DELAYED", "UNMATCHED", "")
_AT_ONCE = ("FOK", "FAK")


def verdict_on(order: UserOrder) -> tuple[OrderState, str]:
    """What an order frame says besides sizes: OPEN, CANCELLED or REFUSED, and why.

    Whether it is filled follows from the sizes. An unknown status means what the frame's type
    means; a frame that has neither is refused.
    """
    status = order.status.removeprefix("ORDER_STATUS_")
    for mark, words in _ENDINGS:
        if status.startswith(mark):
            refused = mark == "INVALID" and order.type == "PLACEMENT"
            ended = OrderState.REFUSED if refused else OrderState.CANCELLED
            return ended, words or status[len(mark) :]
    if order.type == "CANCELLATION":
        return OrderState.CANCELLED, "cancelled"
    if status == "UNMATCHED" and order.order_type in _AT_ONCE:
        return OrderState.CANCELLED, "nothing to trade with"
    if status in _WAITING or order.type in ("PLACEMENT", "UPDATE"):
        return OrderState.OPEN, ""
    raise WireError("$.status", f"unknown: {order.status[:40]!r}", "unknown")
