"""The venue's shapes on the wire: any bytes in, typed shapes or ``WireError`` out.

Unknown fields pass, since the venue adds some every month. A field that money hangs on and that has
not the shape it should is refused with its path; one that we can do without is ``Lenient`` and
costs nothing but itself, whatever stands in it. Each decoder is built once. Strings that hold JSON
arrays, numbers that come as text and the like are accepted as they occur, and made plain by
``feeds/polymarket/gamma.py`` and ``feeds/polymarket/frames.py``.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from feeds.decoding import UNREADABLE, explained
from feeds.polymarket.errors import WireError
from feeds.polymarket.units import SIZE_MAX, STAMP_MAX

LEVELS_MAX = 20_000
CHANGES_MAX = 20_000
FRAMES_MAX = 2_000
LIST_MAX = 5_000

Lenient: TypeAlias = Any
"""What may be null, of another type or missing: ``text_of`` and ``venue_nanos`` of
``feeds/polymarket/units.py`` read it."""
Number: TypeAlias = str | float
"""A price: text on the streams, a number in some REST answers."""
Amount: TypeAlias = Annotated[float, Meta(ge=0, lt=SIZE_MAX)]
"""A size in shares; text such as "85.36" is read as a number. What is none, or out of bounds, is
refused while decoding, where the test costs nothing."""
Stamp: TypeAlias = Annotated[int, Meta(ge=0, le=STAMP_MAX)]
"""A time in seconds or milliseconds; 0 where the venue did not say."""
Id: TypeAlias = Annotated[str, Meta(max_length=100)]
WireSide: TypeAlias = Literal["BUY", "SELL"]

_Shape = TypeVar("_Shape")

# ----------------------------------------------------------------------- books and the stream


class WireLevel(Struct, frozen=True, gc=False):
    price: Number
    size: Amount


WireLevels: TypeAlias = Annotated[tuple[WireLevel, ...], Meta(max_length=LEVELS_MAX)]


class WireBook(Struct, frozen=True, tag_field="event_type", tag="book"):
    """A whole book. Bids ascend and asks descend, but nobody should rely on it."""

    asset_id: Id
    bids: WireLevels | None
    asks: WireLevels | None
    market: Lenient = ""
    timestamp: Lenient = 0
    hash: Lenient = ""
    last_trade_price: Lenient = ""


class WireChange(Struct, frozen=True, gc=False):
    """A level's new absolute size; ``asset_id`` is missing in the shape of June 2025."""

    price: Number
    size: Amount
    side: WireSide
    asset_id: str = ""
    best_bid: Lenient = None
    best_ask: Lenient = None


WireChanges: TypeAlias = Annotated[tuple[WireChange, ...], Meta(max_length=CHANGES_MAX)]


class PriceChangeFrame(Struct, frozen=True, tag_field="event_type", tag="price_change"):
    """Levels that changed. Today's shape has ``price_changes``; the two older ones name one asset
    at the top, with ``changes`` or with a single change in the frame itself."""

    market: Lenient = ""
    timestamp: Lenient = 0
    price_changes: WireChanges | None = None
    asset_id: Id | None = None
    changes: WireChanges | None = None
    price: Number | None = None
    size: Amount | None = None
    side: WireSide | None = None


class LastTradeFrame(Struct, frozen=True, tag_field="event_type", tag="last_trade_price"):
    """A trade; ``side`` is the taker's."""

    asset_id: Id
    price: Number
    size: Amount
    side: WireSide
    market: Lenient = ""
    timestamp: Lenient = 0
    transaction_hash: Lenient = None


class TickSizeFrame(Struct, frozen=True, tag_field="event_type", tag="tick_size_change"):
    asset_id: Id
    new_tick_size: Number
    old_tick_size: Lenient = None
    market: Lenient = ""
    timestamp: Lenient = 0


class BestBidAskFrame(Struct, frozen=True, tag_field="event_type", tag="best_bid_ask"):
    asset_id: Id
    best_bid: Number | None = None
    best_ask: Number | None = None
    market: Lenient = ""
    timestamp: Lenient = 0


class NewMarketFrame(Struct, frozen=True, tag_field="event_type", tag="new_market"):
    """Told to every connection, wanted or not; the catalogue learns it in its own time."""

    condition_id: Lenient = ""
    market: Lenient = ""


class ResolvedFrame(Struct, frozen=True, tag_field="event_type", tag="market_resolved"):
    market: Id
    assets_ids: Annotated[tuple[Id, ...], Meta(max_length=LIST_MAX)] | None = ()
    winning_asset_id: Lenient = ""


MarketFrame: TypeAlias = (
    WireBook
    | PriceChangeFrame
    | LastTradeFrame
    | TickSizeFrame
    | BestBidAskFrame
    | NewMarketFrame
    | ResolvedFrame
)

# ------------------------------------------------------------------------------- CLOB over REST


class RestBook(Struct, frozen=True):
    """``/book``: the book of the stream without its tag."""

    asset_id: Id
    bids: WireLevels | None
    asks: WireLevels | None
    market: Lenient = ""
    timestamp: Lenient = 0
    hash: Lenient = ""


class HistoryPoint(Struct, frozen=True, gc=False):
    t: Stamp
    p: Amount


class PricesHistory(Struct, frozen=True):
    """``/prices-history``: Unix seconds and past midpoints, each still a ``HistoryPoint`` to be."""

    history: Annotated[tuple[Raw, ...], Meta(max_length=1_000_000)] | None


class FeeDetails(Struct, frozen=True):
    """``fd``: rate, exponent, taker only."""

    r: Number
    e: Number | None = 1
    to: bool | None = True


class ClobToken(Struct, frozen=True):
    t: Id
    o: Lenient = ""


class ClobMarket(Struct, frozen=True):
    """``/clob-markets/{condition_id}``, whose keys are short; without ``fd`` there is no fee."""

    t: Annotated[tuple[ClobToken, ...], Meta(max_length=LIST_MAX)]
    mts: Number
    mos: Number
    c: Lenient = ""
    nr: bool | None = False
    ao: bool | None = None
    fd: Raw = Raw()


class ListedToken(Struct, frozen=True):
    token_id: Id
    outcome: Lenient = ""
    winner: bool | None = None


class ListedMarket(Struct, frozen=True):
    """``/markets/{condition_id}``: the long form, which alone says which token won."""

    condition_id: Id
    tokens: Annotated[tuple[ListedToken, ...], Meta(max_length=LIST_MAX)]
    closed: bool | None = False
    accepting_orders: bool | None = None
    minimum_tick_size: Number | None = None
    minimum_order_size: Number | None = None


class ListedPage(Struct, frozen=True):
    """A page of ``/markets``; the cursor ``LTE=`` ends it."""

    data: Annotated[tuple[ListedMarket, ...], Meta(max_length=LIST_MAX)]
    next_cursor: Lenient = "LTE="


# ---------------------------------------------------------------------------------------- Gamma

Texts: TypeAlias = Raw
"""A real array, or a text that holds one as JSON, of texts or of whole numbers: ``decode_texts``
reads it to the last digit."""


class GammaFees(Struct, frozen=True, rename="camel"):
    """A schedule; what is null is the venue's default, but for the rate."""

    rate: Number
    exponent: Number | None = 1
    taker_only: bool | None = True
    rebate_rate: Number | None = 0


class GammaTag(Struct, frozen=True):
    label: Lenient = None
    slug: Lenient = None


class GammaMarket(Struct, frozen=True, rename="camel"):
    """A market as the catalogue tells it; see ``market_from_gamma`` for what we make of it."""

    condition_id: str
    id: Lenient = ""
    slug: Lenient = None
    question: Lenient = None
    description: Lenient = None
    group_item_title: Lenient = None
    version: str | None = None
    outcomes: Texts = Raw()
    outcome_prices: Texts = Raw()
    clob_token_ids: Texts = Raw()
    position_ids: Texts = Raw()
    active: bool | None = None
    closed: bool | None = None
    archived: bool | None = None
    accepting_orders: bool | None = None
    enable_order_book: bool | None = None
    order_price_min_tick_size: Number | None = None
    order_min_size: Number | None = None
    neg_risk: bool | None = None
    neg_risk_other: Lenient = None
    fees_enabled: bool | None = None
    fee_schedule: Raw = Raw()
    end_date: Lenient = None
    volume: Lenient = None
    volume_num: Lenient = None
    liquidity: Lenient = None
    liquidity_num: Lenient = None
    uma_resolution_status: Lenient = None
    uma_resolution_statuses: Lenient = None
    events: Lenient = None
    tags: Lenient = None


class GammaEvent(Struct, frozen=True):
    """An event; its markets stay raw, so that one bad market costs only itself."""

    id: Lenient = ""
    title: Lenient = None
    markets: Annotated[list[Raw], Meta(max_length=LIST_MAX)] | None = None
    tags: Lenient = None


class EventsPage(Struct, frozen=True):
    events: Annotated[list[Raw], Meta(max_length=LIST_MAX)]
    next_cursor: Lenient = None


class MarketsPage(Struct, frozen=True):
    markets: Annotated[list[Raw], Meta(max_length=LIST_MAX)]
    next_cursor: Lenient = None


# ------------------------------------------------------------------------------------- decoders


def shaped(decode: Callable[[bytes | Raw], _Shape], data: bytes | Raw) -> _Shape:
    """Decode, with every failure turned into ``WireError``."""
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        kind = "unknown" if path == "$.event_type`" else "shape"
        raise WireError(path.rstrip("`") or "$", reason, kind) from None
    except UNREADABLE as error:
        raise WireError("$", f"not JSON: {explained(error)}", "not json") from None


def _built(shape: Any) -> Callable[[bytes | Raw], Any]:
    # numbers may come as text; what may be text is declared so, and stays text
    decode: Callable[[bytes | Raw], Any] = Decoder(shape, strict=False).decode
    return decode


_frame: Callable[[bytes | Raw], MarketFrame] = _built(MarketFrame)
_frames: Callable[[bytes | Raw], list[MarketFrame]] = _built(
    Annotated[list[MarketFrame], Meta(max_length=FRAMES_MAX)]
)
_raws: Callable[[bytes | Raw], list[Raw]] = _built(
    Annotated[list[Raw], Meta(max_length=FRAMES_MAX)]
)
_text: Callable[[bytes | Raw], str] = Decoder(str).decode
_texts: Callable[[bytes | Raw], list[str]] = Decoder(
    Annotated[list[str], Meta(max_length=LIST_MAX)]
).decode
_elements: Callable[[bytes | Raw], list[Raw]] = Decoder(
    Annotated[list[Raw], Meta(max_length=LIST_MAX)]
).decode
_WHOLE = re.compile(rb"0|[1-9][0-9]{0,99}")
_decoders: dict[Any, Callable[[bytes | Raw], Any]] = {
    shape: _built(shape)
    for shape in (
        RestBook,
        PricesHistory,
        HistoryPoint,
        FeeDetails,
        GammaFees,
        ClobMarket,
        ListedMarket,
        ListedPage,
        GammaMarket,
        GammaEvent,
        EventsPage,
        MarketsPage,
        int,
    )
}


def decode_as(shape: type[_Shape], data: bytes | Raw) -> _Shape:
    """One REST answer as ``shape``; raises ``WireError``."""
    decoded: _Shape = shaped(_decoders[shape], data)
    return decoded


def decode_array(data: bytes) -> list[Raw]:
    """The elements of a JSON array, each still to be decoded; raises ``WireError``."""
    return shaped(_raws, data)


def decode_texts(raw: bytes | Raw) -> list[str]:
    """The texts of an array, or of the array inside a text; raises ``WireError``.

    Nothing, null and an empty text are no array; a whole number is its digits, however many, and
    null an empty text.
    """
    data = bytes(raw).strip()
    if data[:1] == b'"':
        data = shaped(_text, data).strip().encode("utf-8", "replace")
    if data in (b"", b"null"):
        return []
    try:
        return _texts(data)
    except UNREADABLE:
        return [_element(one) for one in shaped(_elements, data)]


def _element(raw: Raw) -> str:
    data = bytes(raw)
    if _WHOLE.fullmatch(data):
        return data.decode()
    return "" if data == b"null" else shaped(_text, data)


decode_object = _frame
"""One object of the market channel, without ceremony: raises one of ``NO_FRAME``."""
NO_FRAME = (*UNREADABLE, WireError)


def decode_frame(data: bytes | Raw) -> MarketFrame:
    """One object of the market channel; raises ``WireError``."""
    return shaped(_frame, data)


def decode_frames(data: bytes) -> list[MarketFrame]:
    """One message of the market channel, an object or an array of them; raises ``WireError``."""
    try:
        # nearly every message is one object; an array or leading blanks go the longer way
        return [_frame(data)] if data[:1] == b"{" else _frames_in(data)
    except UNREADABLE:
        return [shaped(_frame, data)]


def _frames_in(data: bytes) -> list[MarketFrame]:
    return [_frame(data)] if data.lstrip()[:1] == b"{" else shaped(_frames, data)


def decode_each(data: bytes) -> tuple[list[MarketFrame], list[WireError]]:
    """As ``decode_frames``, but a bad element of an array costs only itself."""
    good: list[MarketFrame] = []
    bad: list[WireError] = []
    try:
        elements = [data] if data.lstrip()[:1] == b"{" else shaped(_raws, data)
    except WireError as error:
        return [], [error]
    for element in elements:
        try:
            good.append(shaped(_frame, element))
        except WireError as error:
            bad.append(error)
    return good, bad
