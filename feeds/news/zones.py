"""Time zones as publishers name them: numbers, IANA's names, abbreviations, words."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

ZONE_CHARS_MAX = 48

# RFC 5322 section 4.3 and the ones that newsrooms write, by minutes east of Greenwich. Several
# are spoken for more than once: CST is America's here, IST India's, BST Britain's, by number of
# publishers. A feed's own time zone is asked first.
_ABBREVIATIONS_BY_OFFSET = {
    -660: "sst",
    -600: "hst",
    -540: "akst hdt",
    -480: "pst akdt",
    -420: "mst pdt",
    -360: "cst mdt",
    -300: "est cdt cot pet",
    -240: "edt ast clt bot vet",
    -210: "nst",
    -180: "adt brt art uyt clst",
    -150: "ndt",
    0: "z ut utc gmt wet",
    60: "bst cet met west wat mez",
    120: "cest mest eet cat sast mesz",
    180: "eest msk eat trt idt",
    210: "irst",
    240: "gst samt",
    300: "pkt uzt yekt",
    330: "ist",
    345: "npt",
    360: "omst",
    420: "ict wib krat",
    480: "hkt sgt awst myt pht wita irkt",
    540: "jst kst wit yakt",
    570: "acst",
    600: "aest vlat",
    630: "acdt",
    660: "aedt",
    720: "nzst",
    780: "nzdt",
}
_ABBREVIATIONS = {
    name: timezone(timedelta(minutes=minutes))
    for minutes, names in _ABBREVIATIONS_BY_OFFSET.items()
    for name in names.split()
}
# Names that mean the clock on the wall, summer time or not.
_PLACES = {
    "prc": "Asia/Shanghai",
    "roc": "Asia/Taipei",
    "rok": "Asia/Seoul",
    "hongkong": "Asia/Hong_Kong",
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "mountain": "America/Denver",
    "pacific": "America/Los_Angeles",
    "beijing": "Asia/Shanghai",
    "asia/beijing": "Asia/Shanghai",
    "asia/shenzhen": "Asia/Shanghai",
    "china": "Asia/Shanghai",
    "北京": "Asia/Shanghai",
    "北京时间": "Asia/Shanghai",
    "北京時間": "Asia/Shanghai",
    "台北時間": "Asia/Taipei",
    "taipei": "Asia/Taipei",
    "hong kong": "Asia/Hong_Kong",
    "singapore": "Asia/Singapore",
    "japan": "Asia/Tokyo",
    "tokyo": "Asia/Tokyo",
    "日本時間": "Asia/Tokyo",
    "korea": "Asia/Seoul",
    "한국시간": "Asia/Seoul",
    "india": "Asia/Kolkata",
    "israel": "Asia/Jerusalem",
    "moscow": "Europe/Moscow",
    "мск": "Europe/Moscow",
    "london": "Europe/London",
    "central european": "Europe/Berlin",
    "eastern european": "Europe/Athens",
    "western european": "Europe/Lisbon",
}
# "Eastern Standard Time", "Central European Summer Time", as browsers spell them out
_SPELT_OUT = re.compile(r"(?P<place>[a-z. ]+?)(?: (?P<season>standard|daylight|summer))? time")
_UNIVERSAL = ("coordinated universal", "universal", "greenwich mean", "greenwich", "gmt", "utc")
_HOUR = timedelta(hours=1)

_IANA = re.compile(r"[A-Za-z_]+(?:[/+-][A-Za-z0-9_]+)*|[A-Za-z]{3}\d[A-Za-z]{3}")
# "+8", "+08", "+800", "+0800", "+08:00", "+08:00:00"
_OFFSET = r"(?P<sign>[+-])(?P<digits>\d{1,2}(?::\d\d){0,2}|\d{3,4})(?![\d:])"
_PIECE = re.compile(
    rf"[\s,;]*(?:{_OFFSET}"
    r"|\[(?P<bracket>[^\[\]]*)\]|\((?P<remark>(?:[^()]|\([^()]*\))*)\)"
    r"|(?P<iana>[a-z_]+(?:/[a-z_-]+)+(?:[+-]\d{1,2}(?!\d))?|[a-z]{3}\d[a-z]{3}(?![a-z]))"
    r"|(?P<words>[^\W\d_]+\.?(?: [^\W\d_]+)*))"
)
_UNKNOWN = re.compile(r"[a-z]{1,5}")
# Go prints its monotonic clock behind the zone, Germans say "Uhr", and none of it is a zone.
_NO_ZONE = re.compile(r" ?m=[+-][\d.]+$|^ ?(?:uhr|hrs?|h)\b")
_LOST_SIGN = re.compile(r" ?00:?00")
"""What is left of "+0000" that went through the query of an address."""


class _Said:
    """What the words behind a clock say of its zone, the surest first."""

    def __init__(self) -> None:
        self.offset: tzinfo | None = None
        self.place: tzinfo | None = None
        self.abbreviation = ""
        self.whole = True


def read_zone(text: str, local: datetime, home: tzinfo) -> tzinfo | None:
    """The zone that ``text``, what stands behind a clock in small letters, gives to ``local``.

    ``home`` where it says nothing, or a short name that nobody knows (RFC 5322, section 4.3); None
    where the text is something else than a zone. Numbers beat names, and ``home`` decides among
    the meanings of an abbreviation that it uses itself.
    """
    if _LOST_SIGN.fullmatch(text):
        return UTC
    said = _said(_NO_ZONE.sub("", text))
    if not said.whole:
        return None
    if said.offset is not None or said.place is not None:
        return said.offset or said.place
    if said.abbreviation:
        at_home = local.replace(tzinfo=home).tzname()
        if at_home is None or at_home.lower() != said.abbreviation:
            return _ABBREVIATIONS[said.abbreviation]
    return home


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of an IANA name such as ``Asia/Shanghai``, in any case; None where it is none."""
    if len(name) > ZONE_CHARS_MAX or not _IANA.fullmatch(name):
        return None
    return _zone_of_iana(name)


@lru_cache(maxsize=256)
def _zone_of_iana(name: str) -> ZoneInfo | None:
    capitals = re.sub(r"[A-Za-z]+", lambda word: word[0].capitalize(), name)
    for spelt in (name, capitals):
        with suppress(ValueError, OSError, KeyError):
            return ZoneInfo(spelt)
    known = _iana_names().get(name.lower())
    return ZoneInfo(known) if known else None


@cache
def _iana_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


@lru_cache(maxsize=256)
def _said(text: str) -> _Said:
    said = _Said()
    at = 0
    while piece := _PIECE.match(text, at):
        at = piece.end()
        if piece["digits"]:
            said.offset = said.offset or _offset(piece["sign"], piece["digits"])
            said.whole = said.whole and said.offset is not None
        elif (inner := piece["bracket"] or piece["remark"]) is not None:
            _remark(said, inner)
        elif piece["iana"]:
            said.place = said.place or _place(piece["iana"])
        elif piece["words"]:
            said.whole = _words(said, piece["words"]) and said.whole
    said.whole = said.whole and not text[at:].strip(" .,;")
    return said


def _remark(said: _Said, inner: str) -> None:
    """What stands in brackets may name the zone; where it doesn't it is a comment."""
    within = _said(inner.strip())
    if within.whole:
        said.offset = said.offset or within.offset
        said.place = said.place or within.place
        said.abbreviation = said.abbreviation or within.abbreviation


def _words(said: _Said, words: str) -> bool:
    place = _place(words)
    if place is not None or _SPELT_OUT.fullmatch(words):
        said.place = said.place or place
        return True
    for word in words.replace(".", "").split():
        if word in _ABBREVIATIONS:
            said.abbreviation = said.abbreviation or word
        elif not _UNKNOWN.fullmatch(word):
            return False
    return len(words.split()) < 3


def _place(name: str) -> tzinfo | None:
    known = _PLACES.get(name)
    if known or "/" in name or any(map(str.isdigit, name)):
        return zone_named(known or name)
    spelt = _SPELT_OUT.fullmatch(name)
    if spelt is None:
        return None
    place, season = spelt["place"], spelt["season"]
    if place in _UNIVERSAL:
        return UTC
    zone = zone_named(_PLACES.get(place, ""))
    if zone is None or season is None:
        return zone
    # a season that is named holds, whatever the date
    winter = datetime(2020, 1, 1, tzinfo=zone).utcoffset() or timedelta()
    return timezone(winter if season == "standard" else winter + _HOUR)


def _offset(sign: str, digits: str) -> tzinfo | None:
    plain = digits.replace(":", "")
    if len(plain) < 3:
        plain += "00"
    elif len(plain) > 4:
        plain = plain[:4]
    hours, minutes = int(plain[:-2]), int(plain[-2:])
    if hours > 15 or minutes > 59:
        return None
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if sign == "-" else size)
