"""One row's fields as exact values; what cannot be what it should is refused by name."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from feeds.events import Level
from feeds.markets import SECOND, Nanos, Price, Side, Size
from feeds.polymarket.units import (
    BEST_ASKS,
    BEST_BIDS,
    PRICES,
    BadNumber,
    date_nanos,
    exact_size,
    nearest_price,
)
from feeds.recordings.errors import RecordingError
from feeds.text import printable, safe_url

ID_CHARS_MAX = 200
IDS_KEPT_MAX = 100_000
LEVELS_MAX = 20_000
STEP_BACK_MAX: Nanos = 60 * SECOND
"""Stamps of one stretch of recording overtake each other by seconds; more is another stretch."""
_MS = 1_000_000
_MS_MIN, _MS_MAX = 1_500_000_000_000, 4_100_000_000_000
"""July 2017 to 2099: outside it a stamp has another unit, or is none."""
_DECIMALS = 9
_PLAIN_CHARS_MAX = 12
"""A decimal of more characters than that has been through binary numbers."""
_STAMP_CHARS_MAX = 40
"""Binary noise lies beyond; no venue quotes so finely."""
_SIDES = {
    spelt: side
    for words, side in ((("bid", "buy"), Side.BUY), (("ask", "sell"), Side.SELL))
    for word in words
    for spelt in (word, word.upper(), word.title())
}
_UNITS = ((SECOND, 1), (_MS, 1_000), (1_000, _MS), (1, SECOND))
"""Nanoseconds in one of a unit, and how many of it make a second."""

Seen: TypeAlias = object
"""A field as it was found: text, number, date or nothing."""
Notes: TypeAlias = Counter[str]
"""Rows that were passed over, counted by the reason."""


class Row:
    """The place in a file that is being read, and the conversions that speak of it."""

    __slots__ = ("_ids", "last", "number", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self._ids: dict[object, str] = {}
        self.last: Nanos = 0

    def error(self, field: str, reason: str) -> RecordingError:
        """The error for one field of this row."""
        return RecordingError(self.path, reason, row=self.number, field=field)

    def expected(self, field: str, what: str, seen: Seen) -> RecordingError:
        """The error for a field that should have been something else."""
        found = printable(repr(seen), 60) if seen not in (None, "") else "nothing"
        return self.error(field, f"expected {what}, found {found}")

    def id(self, field: str, seen: Seen) -> str:
        """An id, printable; ids repeat on every row, so each is looked at once."""
        try:
            return self._ids[seen]
        except (KeyError, TypeError):
            pass
        text = printable(str(seen), ID_CHARS_MAX) if isinstance(seen, str | int) else ""
        if not text:
            raise self.expected(field, "an id", seen)
        if len(self._ids) < IDS_KEPT_MAX:
            self._ids[seen] = text
        return text

    def line(self, field: str, seen: Seen) -> str:
        """A line of words, through the text door; never empty."""
        text = printable(seen) if isinstance(seen, str) else ""
        if not text:
            raise self.expected(field, "a text", seen)
        return text

    def words(self, seen: Seen) -> str:
        """A line of words, or "" where there are none."""
        return printable(seen) if isinstance(seen, str) else ""

    def url(self, seen: Seen) -> str:
        """An address that is safe to offer, or ""."""
        return safe_url(seen) if isinstance(seen, str) else ""

    def price(self, field: str, seen: Seen) -> Price:
        """The price of a level or trade, strictly between 0 and 1 dollar."""
        try:
            return PRICES[self._number(field, seen)]
        except BadNumber as error:
            raise self.error(field, str(error)) from None

    def odds(self, field: str, seen: Seen) -> Price:
        """A past midpoint, from 0 to 1; it may lie between two prices."""
        try:
            return nearest_price(float(self._number(field, seen)))
        except ValueError as error:
            raise self.error(field, str(error)) from None

    def best_bid(self, field: str, seen: Seen) -> Price:
        """A stated best bid: 0 says that there is none, -1 that nothing was said."""
        try:
            return BEST_BIDS[None if _nothing(seen) else self._number(field, seen)]
        except BadNumber as error:
            raise self.error(field, str(error)) from None

    def best_ask(self, field: str, seen: Seen) -> Price:
        """A stated best ask: 10,000 says that there is none, -1 that nothing was said."""
        try:
            return BEST_ASKS[None if _nothing(seen) else self._number(field, seen)]
        except BadNumber as error:
            raise self.error(field, str(error)) from None

    def _number(self, field: str, seen: Seen) -> str | float:
        if isinstance(seen, str) and seen and (len(seen) < _PLAIN_CHARS_MAX or "." not in seen):
            return seen if "e" not in seen.lower() else self._rounded(field, seen)
        if isinstance(seen, str | float | Decimal):
            return self._rounded(field, seen)
        if isinstance(seen, int):
            return seen
        raise self.expected(field, "a number", seen)

    def _rounded(self, field: str, seen: str | float | Decimal) -> float:
        """A number with binary noise, or with an exponent, as what it was meant to be."""
        try:
            return round(float(seen), _DECIMALS)
        except ValueError:
            raise self.expected(field, "a number", seen) from None

    def size(self, field: str, seen: Seen) -> Size:
        """A size in shares; 0 is none."""
        try:
            return exact_size(float(self._number(field, seen)))
        except BadNumber as error:
            raise self.error(field, str(error)) from None
        except ValueError:
            raise self.expected(field, "a number", seen) from None

    def traded(self, field: str, seen: Seen) -> Size:
        """The size of a trade, more than 0."""
        if size := self.size(field, seen):
            return size
        raise self.expected(field, "the size of a trade", seen)

    def side(self, field: str, seen: Seen) -> Side:
        """Which side of a book, or what a taker did, in any of the spellings that occur."""
        side = _SIDES.get(seen) if isinstance(seen, str) else None
        if side is None:
            raise self.expected(field, "bid, ask, buy or sell", seen)
        return side

    def levels(self, field: str, seen: Seen) -> tuple[Level, ...]:
        """One side of a book: objects with price and size."""
        if not isinstance(seen, list) or len(seen) > LEVELS_MAX:
            raise self.expected(field, f"a list of at most {LEVELS_MAX:,} levels", seen)
        found = []
        for index, level in enumerate(seen):
            name = f"{field}[{index}]"
            if not isinstance(level, dict):
                raise self.expected(name, "a level with price and size", level)
            price = self.price(f"{name}.price", level.get("price"))
            found.append((price, self.size(f"{name}.size", level.get("size"))))
        return tuple(found)

    def stamp(self, field: str, seen: Seen) -> Nanos:
        """A time whose unit shows in its size: seconds, milli-, micro- or nanoseconds since 1970,
        or a date and time as text."""
        if isinstance(seen, str) and (when := date_nanos(seen)) is not None:
            return self.plausible(field, when)
        number = seen if isinstance(seen, int) else self._stated(seen)
        for nanos, a_second in _UNITS:
            if _MS_MIN <= number * 1_000 // a_second <= _MS_MAX:
                return number * nanos
        raise self.expected(field, "a time (Unix seconds, ms, µs, ns or ISO 8601)", seen)

    def _stated(self, seen: Seen) -> int:
        """A whole number that came as text or as a float; 0 where it is none."""
        text = str(seen)
        try:
            number = Decimal(text) if len(text) <= _STAMP_CHARS_MAX else Decimal(0)
        except ArithmeticError:
            return 0
        return int(number) if number.is_finite() and number.adjusted() < _STAMP_CHARS_MAX else 0

    def ms(self, field: str, seen: Seen) -> Nanos:
        """Unix milliseconds."""
        try:
            stamp = int(seen) if isinstance(seen, str | int) else -1
        except ValueError:
            stamp = self._whole(seen)
        if not _MS_MIN <= stamp <= _MS_MAX:
            raise self.expected(field, "a time in Unix milliseconds", seen)
        return stamp * _MS

    def plausible(self, field: str, stamp: Nanos) -> Nanos:
        """A time that was decoded elsewhere, if it can be one."""
        if not _MS_MIN <= stamp // _MS <= _MS_MAX:
            raise self.expected(field, "a time between 2017 and 2099", stamp)
        return stamp

    def _whole(self, seen: Seen) -> int:
        try:
            number = float(str(seen))
        except ValueError:
            return -1
        return int(number) if 0 <= number <= _MS_MAX and number == int(number) else -1

    def seconds(self, field: str, seen: Seen) -> Nanos:
        """Unix seconds."""
        if not isinstance(seen, int) or not _MS_MIN <= seen * 1_000 <= _MS_MAX:
            raise self.expected(field, "a time in Unix seconds", seen)
        return seen * SECOND

    def micros(self, field: str, seen: Seen) -> Nanos:
        """Unix microseconds, as times of a parquet file come."""
        if not isinstance(seen, int) or not _MS_MIN <= seen // 1_000 <= _MS_MAX:
            raise self.expected(field, "a time", seen)
        return seen * 1_000

    def date(self, field: str, seen: Seen) -> Nanos:
        """A date and time as text (ISO 8601); without a zone it is UTC."""
        when = date_nanos(seen) if isinstance(seen, str) else None
        if when is None or not _MS_MIN <= when // _MS <= _MS_MAX:
            raise self.expected(field, "a date and time (ISO 8601)", seen)
        return when

    def heard(self, stamp: Nanos) -> Nanos:
        """When a row was heard that only says when it was sent.

        Rows stand in the order of their arrival, so nothing was heard before what stands above
        it; a step back by more than ``STEP_BACK_MAX`` begins another stretch.
        """
        if stamp >= self.last - STEP_BACK_MAX:
            self.last = max(self.last, stamp)
        else:
            self.last = stamp
        return self.last


def _nothing(seen: Seen) -> bool:
    """Whether a field says nothing: empty, or the "not a number" of a table of floats."""
    return seen is None or seen in ("", "nan", "NaN") or seen != seen
