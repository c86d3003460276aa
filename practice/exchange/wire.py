"""How numbers, ids and frames look on the venue's wire."""

from functools import lru_cache
from hashlib import sha1, sha256

import msgspec

from practice.exchange.orders import PRICE_ONE, SHARE, decimal

SIZE_TEXTS_MAX = 65_536
EMPTY_BID, EMPTY_ASK = "0", "1"

PRICE_TEXT = [decimal(price, PRICE_ONE) for price in range(PRICE_ONE + 1)]
"""Every price as the venue writes it: no trailing zeros."""


@lru_cache(maxsize=SIZE_TEXTS_MAX)
def size_text(size: int) -> str:
    return decimal(size, SHARE)


def bid_text(price: int | None) -> str:
    return EMPTY_BID if price is None else PRICE_TEXT[price]


def ask_text(price: int | None) -> str:
    return EMPTY_ASK if price is None else PRICE_TEXT[price]


class Level(msgspec.Struct):
    price: str
    size: str


class Book(msgspec.Struct):
    """One asset's book; the order of fields is that of the hash."""

    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: list[Level]
    asks: list[Level]
    min_order_size: str
    tick_size: str
    neg_risk: bool
    last_trade_price: str


class PriceChange(msgspec.Struct):
    """A level's new total; the bests are those after the whole message."""

    asset_id: str
    price: str
    size: str
    side: str
    hash: str
    best_bid: str
    best_ask: str


class PriceChanges(msgspec.Struct):
    market: str
    price_changes: list[PriceChange]
    timestamp: str
    event_type: str = "price_change"


class LastTrade(msgspec.Struct):
    market: str
    asset_id: str
    price: str
    size: str
    fee_rate_bps: str
    side: str
    timestamp: str
    transaction_hash: str
    event_type: str = "last_trade_price"


class TickSizeChange(msgspec.Struct):
    market: str
    asset_id: str
    old_tick_size: str
    new_tick_size: str
    timestamp: str
    event_type: str = "tick_size_change"


class BestBidAsk(msgspec.Struct):
    market: str
    asset_id: str
    best_bid: str
    best_ask: str
    spread: str
    timestamp: str
    event_type: str = "best_bid_ask"


class EventMessage(msgspec.Struct):
    id: str
    ticker: str
    slug: str
    title: str
    description: str


class NewMarket(msgspec.Struct):
    id: str
    question: str
    market: str
    slug: str
    description: str
    assets_ids: list[str]
    outcomes: list[str]
    event_message: EventMessage
    timestamp: str
    tags: list[str]
    condition_id: str
    active: bool
    clob_token_ids: list[str]
    order_price_min_tick_size: str
    group_item_title: str
    sports_market_type: str = ""
    line: str = ""
    game_start_time: str = ""
    event_type: str = "new_market"


class MarketResolved(msgspec.Struct):
    id: str
    market: str
    assets_ids: list[str]
    winning_asset_id: str
    winning_outcome: str
    timestamp: str
    tags: list[str]
    event_type: str = "market_resolved"


_encode = msgspec.json.Encoder().encode


def encode_book(book: Book) -> bytes:
    """The book as compact JSON, its hash the SHA-1 of that JSON with ``hash`` empty."""
    book.hash = ""
    blank = _encode(book)
    digest = sha1(blank, usedforsecurity=False).hexdigest()
    return blank.replace(b'"hash":""', b'"hash":"' + digest.encode() + b'"', 1)


def as_event(book: bytes) -> bytes:
    """An encoded book as the stream sends it."""
    return book[:-1] + b',"event_type":"book"}'


def encode(frame: msgspec.Struct) -> bytes:
    return _encode(frame)


def change_hash(*parts: object) -> str:
    """The hash inside a price change: something else than the book's, different for each asset."""
    return sha1(repr(parts).encode(), usedforsecurity=False).hexdigest()


def condition_id(seed: int, slug: str) -> str:
    return "0x" + sha256(f"condition {seed} {slug}".encode()).hexdigest()


def token_ids(seed: int, slug: str) -> tuple[str, str]:
    """A version 1 market's two tokens: decimal uint256."""
    yes, no = (
        str(int.from_bytes(sha256(f"token {seed} {slug} {outcome}".encode()).digest(), "big"))
        for outcome in (0, 1)
    )
    return yes, no


def position_ids(seed: int, slug: str, neg_risk: bool) -> tuple[str, tuple[str, str]]:
    """(condition id, positions) of a version 2 market.

    A position is 32 bytes: module, condition, outcome; bits 40 to 103 are zero. The condition is
    its first 31 bytes, which Gamma pads with 00.
    """
    body = int.from_bytes(sha256(f"position {seed} {slug}".encode()).digest(), "big")
    kept = body & ~(((1 << 64) - 1) << 40) & ((1 << 248) - 1) & ~0xFF
    base = kept | (2 if neg_risk else 1) << 248
    return f"0x{base >> 8:062x}00", (str(base), str(base | 1))
