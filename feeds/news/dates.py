"""Dates as feeds write them: read, or None. Never guessed, never filled up from today's date."""

import re
from datetime import UTC, datetime, timedelta

from feeds.markets import SECOND, Nanos

YEAR_MIN = 1678
YEAR_MAX = 2261
"""What fits in 64 bits of nanoseconds. Whether a stamp is likely is the judge's business."""
DATE_CHARS_MAX = 80

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
# RFC 5322 section 4.3 and the ones that newsrooms write, by minutes east of Greenwich. A name
# that is not here counts as UTC, as that section asks. IST is India's by number of publishers.
_ZONES_BY_OFFSET = {
    -600: ("hst",),
    -540: ("akst",),
    -480: ("pst", "pt", "akdt"),
    -420: ("mst", "mt", "pdt"),
    -360: ("cst", "ct", "mdt"),
    -300: ("est", "et", "cdt"),
    -240: ("edt", "ast"),
    -180: ("adt",),
    60: ("bst", "cet", "met", "west"),
    120: ("cest", "mest", "eet"),
    180: ("eest", "msk"),
    330: ("ist",),
    480: ("hkt", "sgt"),
    540: ("jst", "kst"),
    600: ("aest",),
    660: ("aedt",),
    720: ("nzst",),
    780: ("nzdt",),
}
_ZONES = {name: offset for offset, names in _ZONES_BY_OFFSET.items() for name in names}

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
_ZONE = (
    r"(?:\s*(?P<zone>(?![ap]m\b)[a-z]{1,5}(?:/[a-z]+)?)?(?P<offset>[+-]\d\d?:?(?:\d\d)?)?)?"
    r"(?:\s*\(.*\))?"
)
_SHAPES = (
    # RFC 3339, W3C-DTF, and the slashed form of Chinese media
    re.compile(
        rf"(?P<year>\d{{4}})([-/])(?P<month>\d\d?)\2(?P<day>\d\d?)(?:[t\s]\s*{_CLOCK}{_ZONE})?"
    ),
    # RFC 822 and 5322
    re.compile(
        rf"(?:[a-z]+\.?,?\s+)?(?P<day>\d\d?)[\s-](?P<name>[a-z]{{3}})[a-z]*\.?,?[\s-]"
        rf"(?P<year>\d{{4}}|\d\d)(?:,?\s+{_CLOCK}{_ZONE})?"
    ),
    # American order: "Nov 24, 2026 2:00 PM" has no zone we could trust, so only 24-hour clocks
    re.compile(
        rf"(?:[a-z]+\.?,?\s+)?(?P<name>[a-z]{{3}})[a-z]*\.?\s+(?P<day>\d\d?),?\s+"
        rf"(?P<year>\d{{4}})(?:,?\s+{_CLOCK}{_ZONE})?"
    ),
    # ctime
    re.compile(
        rf"(?:[a-z]{{3}}\s+)(?P<name>[a-z]{{3}})\s+(?P<day>\d\d?)\s+{_CLOCK}\s+(?P<year>\d{{4}})"
    ),
)


def read_date(text: str) -> Nanos | None:
    """Nanoseconds since 1970 in UTC, or None where the text is no full date.

    A date without a clock is midnight; a time without a zone, or with one that nobody knows, is
    UTC (RFC 5322 section 4.3).
    """
    text = " ".join(text[:DATE_CHARS_MAX].lower().split())
    for shape in _SHAPES:
        if match := shape.fullmatch(text):
            return _nanos({name: part or "" for name, part in match.groupdict().items()})
    return None


def iso(nanos: Nanos) -> str:
    """ISO 8601 in UTC, to the second: ``2026-11-24T14:02:11Z``."""
    moment = datetime.fromtimestamp(nanos // SECOND, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _nanos(parts: dict[str, str]) -> Nanos | None:
    month = _MONTHS.get(parts.get("name", "")) or int(parts.get("month") or 0)
    hour, minute, second = (int(parts[key] or 0) for key in ("hour", "minute", "second"))
    fraction = (parts.get("fraction", "") + "0" * 9)[:9]
    offset = _offset_minutes(parts.get("zone", ""), parts.get("offset", ""))
    if second > 60 or offset is None:
        return None
    try:
        day = datetime(_year(parts["year"]), month, int(parts["day"]), hour, minute, tzinfo=UTC)
        moment = day - timedelta(minutes=offset)
    except (ValueError, OverflowError):
        return None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        return None
    # a leap second, 23:59:60, is the first of the next minute
    return (int(moment.timestamp()) + second) * SECOND + int(fraction)


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 90 else 1900)


def _offset_minutes(zone: str, offset: str) -> int | None:
    named = _ZONES.get(zone.removeprefix("etc/"), 0)
    if not offset:
        return named
    digits = offset[1:].replace(":", "")
    hours, minutes = (digits, "0") if len(digits) < 3 else (digits[:-2], digits[-2:])
    if int(hours) > 15 or int(minutes) > 59:
        return None
    size = 60 * int(hours) + int(minutes)
    return -size if offset[0] == "-" else size
