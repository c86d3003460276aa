"""What the venue says of an endpoint's end: the ``Sunset`` and ``Deprecation`` headers.

``Sunset`` (RFC 8594) is a date after which an endpoint may be gone. ``Deprecation`` (RFC 9745) says
since when nobody should begin to use it: a structured date such as ``@1798761600``, or, in the
drafts before it, a date or ``true``.
"""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from feeds.text import printable

log = logging.getLogger(__name__)

ENDPOINTS_MAX = 100
STAMP_MAX = 253_402_300_799
"""The last second of the year 9999."""
WORDS_MAX = 60
LINK_MAX = 200
_ID = re.compile(r"0x[0-9a-fA-F]+|[0-9]+|.{24,}", re.DOTALL)
_LINK = re.compile(r'<(https?://[^>\s]+)>[^,]*;\s*rel="?(?:sunset|deprecation|successor-version)')


class Notice(msgspec.Struct, frozen=True):
    """What was said of one endpoint. Dates are ISO 8601 days, or the venue's own words."""

    endpoint: str
    ends: str = ""
    deprecated: str = ""
    link: str = ""

    @property
    def sentence(self) -> str:
        """For the trader."""
        said = []
        if self.deprecated:
            said.append(
                f"deprecated{'' if self.deprecated == 'true' else f' since {self.deprecated}'}"
            )
        if self.ends:
            said.append(f"to be gone from {self.ends} on")
        more = f" ({self.link})" if self.link else ""
        return f"{self.endpoint} is {' and '.join(said)}, the venue says{more}"


def notice_in(endpoint: str, headers: Mapping[str, str]) -> Notice | None:
    """The notice in an answer's headers, or None. Nothing they may hold raises."""
    ends, deprecated = _day(headers.get("sunset")), _day(headers.get("deprecation"))
    if not ends and not deprecated:
        return None
    found = _LINK.search(headers.get("link", "")[:10_000])
    return Notice(endpoint, ends, deprecated, printable(found[1], LINK_MAX) if found else "")


def endpoint_of(method: str, path: str) -> str:
    """A request's name without what is particular to it: ids and slugs stand as ``*``."""
    parts = path.split("/")
    named = [
        "*" if _ID.fullmatch(part) or (at and parts[at - 1] == "slug") else part
        for at, part in enumerate(parts)
    ]
    return f"{method} {'/'.join(named)}"


class Notices:
    """All notices, one an endpoint; a new one is logged."""

    def __init__(self) -> None:
        self.by_endpoint: dict[str, Notice] = {}

    def look(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """See whether an answer holds one."""
        if "sunset" not in headers and "deprecation" not in headers:
            return
        notice = notice_in(endpoint_of(method, path), headers)
        if notice is None or len(self.by_endpoint) >= ENDPOINTS_MAX:
            return
        if self.by_endpoint.get(notice.endpoint) != notice:
            self.by_endpoint[notice.endpoint] = notice
            log.warning("%s: look for a newer Fit to Trade", notice.sentence)


def _day(said: str | None) -> str:
    """A header's date as a day; its own words where it is none, "" where nothing was said."""
    words = (said or "").strip()
    if not words or words.lower() in ("false", "?0"):
        return ""
    if words.lower() in ("true", "?1"):
        return "true"
    when = _stamp(words) if words.startswith("@") else _date(words)
    return when.date().isoformat() if when is not None else printable(words, WORDS_MAX)


def _stamp(words: str) -> datetime | None:
    digits = words[1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(STAMP_MAX))):
        return None
    return datetime.fromtimestamp(min(int(digits), STAMP_MAX), UTC)


def _date(words: str) -> datetime | None:
    try:
        return parsedate_to_datetime(words[:WORDS_MAX]).astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
