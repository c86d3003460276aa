"""JSON Feed 1 and 1.1 (jsonfeed.org), read with the leniency that its specification asks for."""

import json
import re
from datetime import UTC, tzinfo
from typing import Any

from feeds.news.dates import read_date
from feeds.news.entry import (
    ENTRIES_MAX,
    GUID_CHARS_MAX,
    NAME_CHARS_MAX,
    SUMMARY_CHARS_MAX,
    TITLE_CHARS_MAX,
    Entry,
    FeedError,
    ParsedFeed,
    language_tag,
)
from feeds.news.markup import unmarked
from feeds.text import from_html, paragraph, printable, safe_url

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/(\d(?:\.\d)?)/?")


def parse_json_feed(text: str, url: str = "", home: tzinfo = UTC) -> ParsedFeed:
    """Read a JSON Feed. A field of the wrong type counts as absent, an item that is none is left.

    ``home`` is the zone of dates without one. Raises ``FeedError`` where the whole is no JSON or
    no feed.
    """
    try:
        # the tolerant one: line ends inside texts and halves of a pair cost a sign, not the feed
        feed = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise FeedError(
            f"The JSON is broken ({printable(str(error), 100)}): check the address, "
            "or tell the publisher."
        ) from error
    version = _VERSION.fullmatch(_text(feed, "version")) if isinstance(feed, dict) else None
    if version is None:
        raise FeedError(
            "This is JSON, but not a JSON Feed: it lacks the field 'version' with "
            "https://jsonfeed.org/version/1.1; check the address."
        )
    if not isinstance(feed.get("items"), list):
        raise FeedError("The JSON Feed has no list in its field 'items': tell the publisher.")
    base = url or _text(feed, "feed_url") or _text(feed, "home_page_url")
    items = [item for item in feed["items"] if isinstance(item, dict)]
    return ParsedFeed(
        format=f"JSON Feed {version[1]}",
        title=printable(_text(feed, "title"), TITLE_CHARS_MAX),
        language=language_tag(_text(feed, "language")),
        entries=tuple(_entry(item, base, home) for item in items[:ENTRIES_MAX]),
    )


def _entry(item: dict[str, Any], base: str, home: tzinfo) -> Entry:
    return Entry(
        guid=printable(_figure_or_text(item, "id"), GUID_CHARS_MAX),
        title=printable(_text(item, "title"), TITLE_CHARS_MAX),
        url=_address(item, base),
        published_ns=read_date(_figure_or_text(item, "date_published"), home),
        updated_ns=read_date(_figure_or_text(item, "date_modified"), home),
        summary=_summary(item),
        author=_author(item),
        language=language_tag(_text(item, "language")),
    )


def _address(item: dict[str, Any], base: str) -> str:
    written = (_text(item, key) for key in ("url", "external_url"))
    return next((url for text in written if text.strip() and (url := safe_url(text, base))), "")


def _figure_or_text(item: dict[str, Any], key: str) -> str:
    # "id" must be text, but the specification asks readers to take numbers as well
    found = item.get(key)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)
    return _text(item, key)


def _summary(item: dict[str, Any]) -> str:
    if plain := _text(item, "summary") or _text(item, "content_text"):
        return paragraph(plain, SUMMARY_CHARS_MAX)
    return from_html(_text(item, "content_html"), SUMMARY_CHARS_MAX, lines=True)


def _author(item: dict[str, Any]) -> str:
    several = item.get("authors")
    first = several[0] if isinstance(several, list) and several else item.get("author")
    return printable(_text(first, "name"), NAME_CHARS_MAX) if isinstance(first, dict) else ""


def _text(item: dict[str, Any], key: str) -> str:
    found = item.get(key)
    return unmarked(found) if isinstance(found, str) else ""
