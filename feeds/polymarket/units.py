"""The venue's numbers as exact integers: prices, sizes and times.

Prices on the wire are texts ("0.513") or numbers; there are at most a few thousand different
ones, so each is proven once and remembered. Sizes arrive as floats: below ``SIZE_MAX`` the
nearest millionth of a share is the true one.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from feeds.markets import ONE, SECOND, SHARE, Nanos, Price, Size

PRICE_TEXTS_MAX = 1 << 16
STAMP_MAX = 100_000_000_000_000
TEXT_CHARS_MAX = 100
SIZE_MAX = 4_000_000_000.0
"""Shares. Up to here a float holds every millionth of a share."""
_NUMBER_CHARS_MAX = 40
_NUMBER = re.compile(r"[0-9]*\.?[0-9]*", re.ASCII)
_MS = 1_000_000
_MS_FROM = 100_000_000_000
"""A time stamp of this many or more counts milliseconds, a smaller one seconds."""
UNSAID: Price = -1
_Key = TypeVar("_Key")


class BadNumber(ValueError):
    """A number that cannot be what it should; the message says why."""


def exact_price(seen: str | float) -> Price:
    """A price in 1/10,000 dollar, from 0 to 1 dollar; raises ``BadNumber``."""
    scaled = _decimal(seen) * ONE
    if scaled != scaled.to_integral_value():
        raise BadNumber(f"more than four decimals in the price {seen!r}")
    if not 0 <= scaled <= ONE:
        raise BadNumber(f"expected a price from 0 to 1, found {seen!r}")
    return int(scaled)


def _decimal(seen: str | float) -> Decimal:
    text = repr(seen) if isinstance(seen, float | int) else seen
    if isinstance(seen, float | int):
        if isinstance(seen, bool) or not 0 <= seen < 1e12:
            raise BadNumber(f"expected a number from 0, found {seen!r}")
        return Decimal(text)
    plain = text.strip()
    if len(plain) > _NUMBER_CHARS_MAX or not _NUMBER.fullmatch(plain) or plain in ("", "."):
        raise BadNumber(f"expected a decimal number, found {text[:_NUMBER_CHARS_MAX]!r}")
    return Decimal(plain)


class _Prices(dict[str | float, Price]):
    """Prices of book levels and trades: strictly between 0 and 1."""

    def __missing__(self, seen: str | float) -> Price:
        price = exact_price(seen)
        if not 0 < price < ONE:
            raise BadNumber(f"expected a price between 0 and 1, found {seen!r}")
        return _remember(self, seen, price)


class _BestBids(dict[str | float | None, Price]):
    """Best bids: 0 says that there is none, an empty text says nothing."""

    def __missing__(self, seen: str | float | None) -> Price:
        price = UNSAID if seen is None or seen == "" else exact_price(seen)
        return _remember(self, seen, UNSAID if price == ONE else price)


class _BestAsks(dict[str | float | None, Price]):
    """Best asks: 1 says that there is none, an empty text says nothing."""

    def __missing__(self, seen: str | float | None) -> Price:
        price = UNSAID if seen is None or seen == "" else exact_price(seen)
        return _remember(self, seen, UNSAID if price == 0 else price)


def _remember(known: dict[_Key, Price], seen: _Key, price: Price) -> Price:
    if len(known) < PRICE_TEXTS_MAX:
        known[seen] = price
    return price


PRICES = _Prices()
BEST_BIDS = _BestBids()
BEST_ASKS = _BestAsks()


def exact_size(shares: float) -> Size:
    """A size in millionths of a share; raises ``BadNumber``."""
    if not 0 <= shares < SIZE_MAX:
        raise BadNumber(f"expected a size from 0 to {SIZE_MAX:.0f} shares, found {shares!r}")
    return int(shares * SHARE + 0.5)


def millionths(number: str | float) -> int:
    """An amount as an integer count of 1/1,000,000, rounded to the nearest."""
    return int((_decimal(number) * 1_000_000).to_integral_value())


def nearest_price(number: float) -> Price:
    """A point of a price history: past midpoints may lie between two prices."""
    if not 0 <= number <= 1:
        raise BadNumber(f"expected a price from 0 to 1, found {number!r}")
    return int(number * ONE + 0.5)


def venue_nanos(stamp: object) -> Nanos:
    """Unix nanoseconds of a time stamp in seconds or milliseconds, a number or a text; 0, not said,
    for anything else."""
    if type(stamp) is str:
        # nearly every message brings one
        count = int(stamp) if len(stamp) < 16 and stamp.isdecimal() else 0
    elif isinstance(stamp, int | float) and not isinstance(stamp, bool) and stamp == stamp:
        count = int(stamp) if 0 <= stamp <= STAMP_MAX else 0
    else:
        return 0
    if count > STAMP_MAX:
        return 0
    return count * _MS if count >= _MS_FROM else count * SECOND


def text_of(field: object, chars_max: int = TEXT_CHARS_MAX) -> str:
    """The text of a field that we can do without: a number is written out, what is neither text
    nor number, or too long, says nothing."""
    if isinstance(field, int | float) and not isinstance(field, bool):
        field = str(field) if abs(field) < 1e18 else ""
    return field if isinstance(field, str) and len(field) <= chars_max else ""


def date_nanos(text: str | None) -> Nanos | None:
    """Unix nanoseconds of one of the venue's dates, or None where it is none.

    Two forms occur: ``2026-03-12T09:25:00Z`` and ``2026-04-05 15:10:00+00``.
    """
    if not text or len(text) > _NUMBER_CHARS_MAX:
        return None
    try:
        when = datetime.fromisoformat(text.strip())
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    since = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return since * 1_000 if since >= 0 else None
