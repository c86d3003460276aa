"""Days of the calendar without a clock: when a market ends, and which dates a text names.

Days are counted from 1 January 1970 in UTC.
"""

import re

from feeds.markets import SECOND, Nanos

DAY_NS: Nanos = 86_400 * SECOND

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
QUARTERS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "q1": 0, "q2": 1, "q3": 2, "q4": 3}
_MONTH = "|".join(month if len(month) < 5 else f"{month}|{month[:3]}" for month in MONTHS)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d*)?)?\s*(Z|[+-](?:\d\d:?\d\d)?)?)?"
)
_DEADLINE = re.compile(
    rf"\b(?:by|before|until|through|end of|on|at the end of|in)\s+(?:the\s+)?(?:end\s+of\s+)?"
    rf"(?:(\d{{1,2}})\s+)?({_MONTH})\b\.?(?:\s+(\d{{1,2}})(?!\d)(?:st|nd|rd|th)?)?(?:,?\s+(20\d\d))?",
    re.I,
)
_YEAR = re.compile(
    r"\b(by|before|in|during|end of|through)\s+(?:the\s+end\s+of\s+)?(20\d\d)\b", re.I
)
_PLANNED = re.compile(
    rf"\b(?:(first|second|third|fourth)[- ]quarter|(q[1-4]))\b|\b({_MONTH})\b"
    r"|\b(?:in|by|for|until|delayed to|as soon as|as early as) (20\d\d)\b",
    re.I,
)


def day_of(year: int, month: int, day: int) -> int:
    """Days from 1970 to a date of the Gregorian calendar."""
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def year_of(day: int) -> int:
    """The year in which a day lies."""
    guess = 1970 + day * 400 // 146_097
    while day_of(guess + 1, 1, 1) <= day:
        guess += 1
    while day_of(guess, 1, 1) > day:
        guess -= 1
    return guess


def parse_time(text: str) -> Nanos | None:
    """An ISO 8601 date or time as nanoseconds; None if it is none. No zone means UTC.

    A date alone means its first moment.
    """
    match = _ISO.fullmatch(text.strip())
    if not match:
        return None
    year, month, day = (int(match.group(i)) for i in (1, 2, 3))
    if not (1 <= month <= 12 and 1 <= day <= month_days(year, month)):
        return None
    hour, minute, second = (int(match.group(i) or 0) for i in (4, 5, 6))
    if hour > 24 or minute > 59 or second > 60:
        return None
    seconds = day_of(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    return (seconds - _zone(match.group(7))) * SECOND


def month_days(year: int, month: int) -> int:
    """How many days a month has."""
    after = day_of(year + month // 12, month % 12 + 1, 1)
    return after - day_of(year, month, 1)


def deadline(question: str, end_ns: Nanos | None) -> int | None:
    """The day a question names ("by April 30", "before 2027"), or that of the market's end.

    A day without a year takes the year that puts it nearest to the market's end.
    """
    end_day = None if end_ns is None else end_ns // DAY_NS
    for match in _DEADLINE.finditer(question):
        day = _named_day(match, end_day)
        if day is not None:
            return day
    named = _YEAR.search(question)
    if named:
        year = int(named.group(2))
        before = named.group(1).lower() == "before" and "end" not in named.group().lower()
        last = year - 1 if before else year
        return day_of(last, 12, 31)
    return end_day


def planned_day(text: str, story_day: int) -> int | None:
    """The earliest day for which a story announces something ("fourth quarter", "in June")."""
    for match in _PLANNED.finditer(text):
        word, short, month, year = match.groups()
        quarter = word or short
        if quarter:
            return _next(story_day, QUARTERS[quarter.lower()] * 3 + 1)
        if month and month.lower() != "may":
            return _next(story_day, _month(month))
        if year:
            return max(story_day, day_of(int(year), 1, 1))
    return None


def _named_day(match: re.Match[str], end_day: int | None) -> int | None:
    before, month_name, after, year_text = match.groups()
    month = _month(month_name)
    if month_name.lower() == "may" and not (before or after or year_text):
        return None
    year = int(year_text) if year_text else None
    if year is None:
        if end_day is None:
            return None
        nearby = year_of(end_day)
        year = min(
            (nearby - 1, nearby, nearby + 1), key=lambda y: abs(day_of(y, month, 15) - end_day)
        )
    day = int(before or after or month_days(year, month))
    if before is None and after is None and match.group().lower().startswith("before"):
        return day_of(year, month, 1)
    return day_of(year, month, min(max(day, 1), month_days(year, month)))


def _month(name: str) -> int:
    return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3]))


def _next(story_day: int, month: int) -> int:
    """The first day of the next such month that is not already over."""
    year = year_of(story_day)
    first = day_of(year, month, 1)
    over = first + month_days(year, month) <= story_day
    return day_of(year + 1, month, 1) if over else max(first, story_day)


def _zone(text: str | None) -> int:
    if not text or len(text) < 5:  # none, Z, or a sign whose digits an exporter cut off
        return 0
    sign = -1 if text[0] == "-" else 1
    return sign * (int(text[1:3]) * 3_600 + int(text[-2:]) * 60)
