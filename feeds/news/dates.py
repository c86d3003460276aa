"""Dates as feeds write them: read, or None. Never guessed, never filled up from today's date."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, tzinfo

from feeds.markets import SECOND, Nanos
from feeds.news.months import month_number
from feeds.news.zones import read_zone

YEAR_MIN = 1678
YEAR_MAX = 2261
"""What fits in 64 bits of nanoseconds. Whether a stamp is likely is the judge's business."""
DATE_CHARS_MAX = 100

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MORNING = frozenset(("am", "上午", "早上", "凌晨", "午前", "오전"))
_MINUS = str.maketrans("−‐‑–—", "-----")

# Unix seconds or milliseconds of the years 2001 to 2030: no date in digits begins like that
_EPOCH = re.compile(
    r"(?:/date\()?(?P<seconds>1[0-8][0-9]{8})(?:\.?(?P<fraction>(?<=\.)[0-9]{1,9}|[0-9]{3}))?(?:\)/)?"
)
# years of an emperor or a republic, by the year before their first
_ERAS = {"令和": 2018, "民國": 1911, "民国": 1911}
_ERA = re.compile(rf"({'|'.join(_ERAS)})\s?([0-9]{{1,3}})(?=\s?年)")

_WEEKDAY = r"(?:(?P<weekday>[^\W\d_]{1,12})(?:(?: [^\W\d_]{1,12})?,|\.?,|\.?\s)\s?)?"
_NAME = r"(?P<name>[^\W\d_]{2,15})\.?"
_YEAR = r"(?P<year>[0-9]{4})(?![0-9])"
_MONTH = r"(?P<month>[0-9]{1,2})"
_DAY = r"(?P<day>[0-9]{1,2})(?![0-9])"
_CLOCK = (
    r"(?:(?P<before>上午|早上|凌晨|中午|下午|晚上|午前|午後|오전|오후)\s?)?"
    r"(?P<hour>[0-9]{1,2})"
    r"(?:\s?(?::|h|時|时|點|点|시|(?<=[0-9]{2})\.(?=[0-9]{2}))\s?(?P<minute>[0-9]{1,2})(?![0-9])\s?[分분]?"
    r"(?:\s?[:.]?\s?(?P<second>[0-9]{2}|(?<=:)[0-9])(?![0-9])\s?[秒초]?(?:[.,:](?P<fraction>[0-9]+))?)?)?"
    r"(?:\s?(?P<after>[ap])\.?\s?m\b\.?)?"
)
# What stands between a date and its clock: a mark, a word such as "at", the day of the week.
_GAP = (
    r"(?:\s?(?:[t,@|·-]|at|um|om|à|as|às|a las|alle|ore|kl\.?|klo|saat|lúc|v|o|в|о|г|года|р|року"
    r"|\([^\W\d_]{1,4}\)|(?:星期|周|週|礼拜)[^\W\d_]|[^\W\d_]曜日?|[^\W\d_]요일"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*)\.?,?(?![a-z])|\s){1,5}\s?"
)
_DATES = (
    # RFC 822 and 5322, and the same in other languages: "24. November", "24 de noviembre de"
    rf"{_DAY}(?:st|nd|rd|th|º|er|\.)?[\s/-]?\s?(?:de |of |d['’])?{_NAME},?[\s/-]?\s?(?:del? |of )?"
    r"(?P<year>[0-9]{4}|[0-9]{2})(?![0-9])",
    # RFC 3339, W3C-DTF, the slashes of Chinese media, the full stops of Chinese and Korean ones
    rf"{_YEAR}(?P<mark>[-/.])\s?{_MONTH}(?P=mark)\s?{_DAY}(?:\.(?![0-9]))?",
    rf"{_YEAR}\s?[年년]\s?{_MONTH}\s?[月월]\s?{_DAY}\s?[日일号號]",
    rf"{_YEAR}(?:-|\.?\s){_NAME}[\s-]{_DAY}\.?",
    # American order
    rf"{_NAME}\s{_DAY}(?:st|nd|rd|th)?,?\s{_YEAR}",
    # before full stops the day comes first, before other marks where no other order makes sense
    rf"{_DAY}\.\s?{_MONTH}\.\s?{_YEAR}",
    rf"(?P<first>[0-9]{{1,2}})(?P<mark>[-/])(?P<other>[0-9]{{1,2}})(?P=mark){_YEAR}",
)
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        *(rf"{_WEEKDAY}{day}(?:(?:{_GAP}|(?<=[日일号號])){_CLOCK})?(?P<tail>.*)" for day in _DATES),
        # ctime, and as Unix and social networks print it, with the zone before the year
        rf"{_WEEKDAY}{_NAME}\s{_DAY}\s{_CLOCK}(?P<tail>.*?)\s{_YEAR}(?P<more>.*)",
        # the clock before the date
        *(rf"{_CLOCK}(?P<tail>\D*?)[\s,·|-]+{_WEEKDAY}{day}" for day in _DATES),
        # ISO 8601 without marks
        r"(?P<year>(?:19|20)[0-9]{2})(?P<dash>-?)(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})"
        r"(?:[t ]?(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})?"
        r"(?:[.,](?P<fraction>[0-9]+))?(?P<tail>(?![0-9]).*))?",
    )
)
_DATE_ZONE = re.compile(r"\s?(?:z|[+-][0-9]{2}:?[0-9]{2})?")


def read_date(text: str, home: tzinfo = UTC) -> Nanos | None:
    """Nanoseconds since 1970 in UTC, or None where the text is no full date.

    A date without a clock is midnight; what has no zone, or one that nobody knows, is the time of
    ``home``. Days and months in figures whose order nothing tells are not read.
    """
    text = unicodedata.normalize("NFKC", text[:DATE_CHARS_MAX]).translate(_MINUS).lower()
    text = " ".join(text.replace('"', "").split())
    if epoch := _EPOCH.fullmatch(text):
        return int(epoch["seconds"]) * SECOND + _fraction(epoch["fraction"] or "")
    text = _ERA.sub(lambda era: str(_ERAS[era[1]] + int(era[2])), text)
    for shape in _SHAPES:
        if match := shape.fullmatch(text):
            parts = {name: part for name, part in match.groupdict().items() if part}
            day = _day(parts)
            nanos = None if day is None else _nanos(day, parts, home)
            if nanos is not None:
                return nanos
    return None


def iso(nanos: Nanos) -> str:
    """ISO 8601 in UTC, to the second: ``2026-11-24T14:02:11Z``."""
    moment = datetime.fromtimestamp(nanos // SECOND, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(parts: dict[str, str]) -> date | None:
    year = _year(parts["year"])
    if "first" in parts:
        return _in_the_only_order(year, int(parts["first"]), int(parts["other"]), parts)
    month = month_number(parts["name"]) if "name" in parts else int(parts["month"])
    return _calendar_day(year, month, int(parts["day"]))


def _in_the_only_order(year: int, first: int, other: int, parts: dict[str, str]) -> date | None:
    """Day and month in figures: 24/11 and 11/24 say which is which, 03/04 only by its weekday."""
    orders = {_calendar_day(year, first, other), _calendar_day(year, other, first)} - {None}
    weekday = parts.get("weekday", "")[:3]
    if len(orders) > 1 and weekday in _WEEKDAYS:
        orders = {day for day in orders if day and _WEEKDAYS[day.weekday()] == weekday}
    return orders.pop() if len(orders) == 1 else None


def _calendar_day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 90 else 1900)


def _nanos(day: date, parts: dict[str, str], home: tzinfo) -> Nanos | None:
    clock = _clock(parts)
    tail = parts.get("tail", "") + parts.get("more", "")
    if clock is None or ("hour" not in parts and not _DATE_ZONE.fullmatch(tail)):
        return None
    try:
        local = datetime(day.year, day.month, day.day) + clock  # noqa: DTZ001  # its zone comes now
        zone = read_zone(tail, local, home)
        if zone is None:
            return None
        moment = local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        return None
    return int(moment.timestamp()) * SECOND + _fraction(parts.get("fraction", ""))


def _fraction(digits: str) -> Nanos:
    return int((digits + "0" * 9)[:9])


def _clock(parts: dict[str, str]) -> timedelta | None:
    """The time of day; None where it is none. 24:00 and a leap second belong to what follows."""
    hour, minute, second = (int(parts.get(key, 0)) for key in ("hour", "minute", "second"))
    half = parts.get("before") or (f"{parts['after']}m" if "after" in parts else "")
    if "hour" in parts and "minute" not in parts and not half:
        return None
    if half in _MORNING:
        if hour > 12:
            return None
        hour %= 12
    elif half and hour < 12:
        hour += 12
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and minute + second > 0):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second)
