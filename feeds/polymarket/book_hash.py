"""Whether a book's hash is that of its own text.

The venue hashes the book as compact JSON in a fixed order of keys, ``hash`` itself left empty. The
hash covers the time and the last trade price, and its recipe has changed before: a mismatch is a
hint that deserves one look at the REST book, never a proof.
"""

from enum import Enum, auto
from hashlib import sha1

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from feeds.decoding import UNREADABLE


class HashVerdict(Enum):
    """What a book's hash says of its text."""

    SAME = auto()
    OTHER = auto()
    UNKNOWN = auto()
    """A field that the hash covers was not sent, or not as text."""


class _Level(Struct, frozen=True, gc=False):
    price: str
    size: str


class _Hashed(Struct, frozen=True):
    """What the hash covers, in the order that it is hashed in."""

    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: list[_Level]
    asks: list[_Level]
    min_order_size: str
    tick_size: str
    neg_risk: bool
    last_trade_price: str


_decode = msgspec.json.Decoder(_Hashed).decode  # strict: a number's own text would be lost
_encode = msgspec.json.Encoder().encode


def verdict_on_hash(book: bytes | Raw) -> HashVerdict:
    """The verdict on a book as it was sent. Nothing it may hold raises."""
    try:
        told = _decode(book)
    except UNREADABLE:
        return HashVerdict.UNKNOWN
    if not told.hash:
        return HashVerdict.UNKNOWN
    digest = sha1(_encode(replace(told, hash="")), usedforsecurity=False).hexdigest()
    return HashVerdict.SAME if digest == told.hash else HashVerdict.OTHER
