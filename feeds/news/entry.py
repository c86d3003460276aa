"""What a feed document says, once it is read: shapes only, shared by parser, judge and poller."""

import re

import msgspec

from feeds.markets import Nanos

ENTRIES_MAX = 500
TITLE_CHARS_MAX = 300
SUMMARY_CHARS_MAX = 1_500
GUID_CHARS_MAX = 512
NAME_CHARS_MAX = 120

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


class FeedError(Exception):
    """A document that is not taken; the text is one sentence: the reason and what to do."""


class ParserTrouble(FeedError):
    """The parser failed for a reason of its own: the document is worth another try."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One item, past the text door. ``guid`` is the feed's own id; times are the feed's or None.

    ``title`` may be empty (microblogs have none); ``summary`` keeps its line ends.
    """

    guid: str = ""
    title: str = ""
    url: str = ""
    published_ns: Nanos | None = None
    updated_ns: Nanos | None = None
    summary: str = ""
    author: str = ""
    language: str = ""


class ParsedFeed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One document. ``format`` reads like "RSS 2.0"; entries stand in the feed's own order."""

    format: str
    title: str = ""
    language: str = ""
    entries: tuple[Entry, ...] = ()


def language_tag(text: str) -> str:
    """A language tag such as ``zh-CN``, or "" where the text is none."""
    tag = text.strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else ""
