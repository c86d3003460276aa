"""Bytes of a feed in, entries out, or one sentence why not.

RSS, RDF and Atom are read by feedparser, JSON Feed by ourselves. This is slow work (milliseconds
an entry) on hostile input, so the poller runs it in a process of its own: ``feeds.news.worker``.
"""

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Any
from xml.sax import SAXParseException

from msgspec import structs

from feeds.news.dates import read_date
from feeds.news.encoding import decode
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
from feeds.news.jsonfeed import parse_json_feed
from feeds.news.language import majority, reconciled
from feeds.news.markup import legible, mended, unmarked
from feeds.news.reader import ReadFeed, read_xml
from feeds.news.zones import zone_named
from feeds.text import from_html, paragraph, printable, safe_url

BODY_BYTES_MAX = 5 * 1024 * 1024
DEPTH_MAX = 256
TAGS_MAX = 100_000

_FORMATS = {
    "rss090": "RSS 0.90",
    "rss091n": "RSS 0.91",
    "rss091u": "RSS 0.91",
    "rss092": "RSS 0.92",
    "rss093": "RSS 0.93",
    "rss094": "RSS 0.94",
    "rss10": "RSS 1.0",
    "rss20": "RSS 2.0",
    "rss": "RSS",
    "atom01": "Atom 0.1",
    "atom02": "Atom 0.2",
    "atom03": "Atom 0.3",
    "atom10": "Atom 1.0",
    "atom": "Atom",
    "cdf": "CDF",
}
_PAGE = "This is a web page, not a feed: look on it for an RSS or Atom address and use that."
_OTHERS = {
    **dict.fromkeys(("html", "head", "body", "div", "p", "meta", "script", "title", "h1"), _PAGE),
    "opml": "This is OPML, a list of feeds: import it instead of polling it.",
    "urlset": "This is a sitemap, not a feed: look for the site's RSS or Atom address.",
    "sitemapindex": "This is a sitemap, not a feed: look for the site's RSS or Atom address.",
    "error": "This is an error message in XML, not a feed: check the address.",
}
_WITHOUT_ENTITIES = "ask the publisher for a feed without declarations of its own."

_SPACE = re.compile(r"\s*")
_DOCTYPE = re.compile(
    r"""<!DOCTYPE\s+([^\s>\["']+)(?:"[^"]*"|'[^']*'|[^"'>\[])*([>\[])""", re.IGNORECASE
)
_ROOT = re.compile(r"<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_FEED_INSIDE = re.compile(r"<feed\s+xmlns=|<rss\s+version=")
_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]*)[^<>]*?(/?)>")
_UNNESTED = frozenset(("br", "img", "hr", "input", "p", "li", "wbr", "col", "meta", "source"))
# RSS never said whether titles are text or HTML: these signs decide for HTML.
_LOOKS_HTML = re.compile(
    r"</(?:a|b|i|u|em|strong|span|p|div|font|sub|sup|code|small|big|h[1-6]|script|style|iframe)\s*>"
    r"|<(?:br|img|script|iframe|svg|style|object|embed)\b|&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z]+);"
)

_FILES = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file inside a gzip file and so on",
    b"BZh": "a file compressed with bzip2",
    b"\xfd7zXZ\0": "a file compressed with xz",
    b"\x28\xb5\x2f\xfd": "a file compressed with zstd",
    b"%PDF-": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"ID3": "a sound file",
}

# Which of an entry's links leads to the story, by their relation (RFC 4287, section 4.2.7.2, and
# IANA's register). One that is not here, such as "replies" or "edit", never does.
_ALTERNATE, _OTHER_KIND, _PERMALINK, _FEED_OF_IT = 0, 1, 2, 6
_RELATIONS = {
    "alternate": _ALTERNATE,
    "canonical": _OTHER_KIND,
    "bookmark": _OTHER_KIND,
    "related": 3,
    "via": 4,
    "self": 5,
    "enclosure": 7,
}
_IANA = re.compile(r"https?://www\.iana\.org/assignments/(?:link-)?relations?/#?")
_PAGES = ("", "text/html", "application/xhtml+xml")
_FEEDS = ("application/atom+xml", "application/rss+xml", "application/feed+json")


def parse_feed(body: bytes, url: str = "", charset: str = "", timezone: str = "") -> ParsedFeed:
    """Read one document. ``url`` is where it came from (relative links need it, "" for a file),
    ``charset`` what HTTP said about its encoding, ``timezone`` the IANA name of the zone of dates
    that name none, "" for UTC.

    Raises ``FeedError`` with one sentence for whatever is no feed; nothing else, whatever the
    bytes. Opens no file and no address.
    """
    if len(body) > BODY_BYTES_MAX:
        raise FeedError(
            f"The document is bigger than the limit of {BODY_BYTES_MAX // 2**20} MiB: "
            "ask the publisher for a shorter feed."
        )
    for magic, name in _FILES.items():
        if body.startswith(magic):
            raise FeedError(f"This is {name}, not a feed: check the address.")
    text = legible(decode(body, charset)).lstrip("\ufeff \t\r\n")
    if not text:
        raise FeedError("The document is empty: check the address, or try again later.")
    home = zone_named(timezone) or UTC
    feed = parse_json_feed(text, url, home) if text[0] in "{[" else _parse_xml(text, url, home)
    return _with_languages(feed)


def _with_languages(feed: ParsedFeed) -> ParsedFeed:
    """Each entry with the language that it is in, whatever the feed declares for all."""
    texts = [f"{entry.title} {entry.summary}" for entry in feed.entries]
    usual = feed.language or majority(texts)
    entries = tuple(
        structs.replace(entry, language=reconciled(entry.language or usual, text))
        for entry, text in zip(feed.entries, texts, strict=True)
    )
    return structs.replace(feed, language=usual, entries=entries)


def _parse_xml(text: str, url: str, home: tzinfo) -> ParsedFeed:
    start = text.find("<")
    if start < 0:
        raise FeedError("This is plain text, not a feed: check the address.")
    root, text = _past_prolog(text[start:])
    _check_shape(text)
    read = _read(mended(text), url)
    entries = read.entries if read.fault is None else _whole(read.entries, text)
    atom = read.version.startswith("atom")
    shaped = tuple(_entry(raw, url, atom, home) for raw in entries[:ENTRIES_MAX])
    if read.fault is not None:
        shaped = tuple(entry for entry in shaped if entry.title or entry.url or entry.summary)
    if not shaped and read.fault is not None:
        raise FeedError(
            f"The XML is broken ({_words_of(read.fault)}) and nothing in it could be read: "
            "check the address, or tell the publisher."
        )
    if not shaped and not read.version:
        raise FeedError(
            f"This is XML with the root <{printable(root, 40)}>, not RSS, RDF or Atom: "
            "check the address."
        )
    return ParsedFeed(
        format=_FORMATS.get(read.version, "RSS"),
        title=_title(read.feed, atom),
        language=language_tag(_text(read.feed, "language")),
        entries=shaped,
    )


def _past_prolog(text: str) -> tuple[str, str]:
    """The root's name, and the document from its root on; refuses what declares entities."""
    at = _past_remarks(text, 0)
    if doctype := _DOCTYPE.match(text, at):
        if doctype[2] == "[":
            raise FeedError(f"The document declares entities in its DOCTYPE: {_WITHOUT_ENTITIES}")
        at = _past_remarks(text, doctype.end())
    if text.startswith("<!", at):
        raise FeedError(f"The document begins with a declaration of its own: {_WITHOUT_ENTITIES}")
    root = _ROOT.match(text, at)
    other = _OTHERS.get(root[2].lower()) if root else None
    # a few publishers wrap their feed in a page, and readers read it
    if other and not (other == _PAGE and _FEED_INSIDE.search(text, at)):
        raise FeedError(other)
    return (root[2] if root else ""), text[at:]


def _past_remarks(text: str, at: int) -> int:
    """Past white space, comments and instructions (XML 1.0, production 27: Misc)."""
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        for opening, closing in (("<!--", "-->"), ("<?", "?>")):
            if text.startswith(opening, at):
                end = text.find(closing, at + len(opening))
                at = end + len(closing) if end >= 0 else len(text)
                break
        else:
            return at


def _check_shape(text: str) -> None:
    """Refuse what would cost feedparser seconds: too many tags, or tags nested too deep."""
    depth = tags = 0
    for piece in _outside_cdata(text):
        for closing, name, empty in _TAG.findall(piece):
            tags += 1
            if closing:
                depth = max(depth - 1, 0)
            elif not empty and name.lower() not in _UNNESTED:
                depth += 1
            if depth > DEPTH_MAX:
                raise FeedError(
                    f"The document nests elements more than {DEPTH_MAX} deep: "
                    "no feed does, so check the address."
                )
    if tags > TAGS_MAX:
        raise FeedError(
            f"The document has {tags:,} tags and the limit is {TAGS_MAX:,}: "
            "ask the publisher for a shorter feed."
        )


def _outside_cdata(text: str) -> Iterator[str]:
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0:
        yield text[at:start]
        at = text.find("]]>", start)
        if at < 0:
            return
    yield text[at:]


def _read(text: str, url: str) -> ReadFeed:
    try:
        return read_xml(text, url)
    except Exception as error:  # feedparser's tolerant parser raises anything on hostile input
        raise FeedError(
            f"The document is broken in a way the parser can't follow ({type(error).__name__}): "
            "tell the publisher."
        ) from error


def _whole(entries: list[Any], text: str) -> list[Any]:
    """Without the last one, where the document breaks off inside it: half a headline is none."""
    opened = max(text.rfind("<item"), text.rfind("<entry"))
    closed = max(text.rfind("</item"), text.rfind("</entry"))
    return entries[:-1] if opened > closed else entries


def _words_of(error: Exception) -> str:
    return printable(error.getMessage() if isinstance(error, SAXParseException) else str(error), 80)


def _entry(raw: Any, base: str, atom: bool, home: tzinfo) -> Entry:
    return Entry(
        guid=printable(_text(raw, "id"), GUID_CHARS_MAX),
        title=_title(raw, atom),
        url=_address(raw, base, atom),
        published_ns=read_date(_text(raw, "published"), home),
        updated_ns=read_date(_text(raw, "updated"), home),
        summary=_summary(raw),
        author=_author(raw),
        language=language_tag(_text(_part(raw, "title_detail"), "language")),
    )


def _text(raw: Any, key: str) -> str:
    """The field itself: feedparser's own ``get`` invents an ``updated`` from ``published``."""
    found = dict.get(raw, key)
    return unmarked(found) if isinstance(found, str) else ""


def _part(raw: Any, key: str) -> Any:
    found = dict.get(raw, key)
    return found if isinstance(found, dict) else {}


def _parts(raw: Any, key: str) -> list[Any]:
    found = dict.get(raw, key)
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _title(raw: Any, atom: bool) -> str:
    value, kind = _text(raw, "title"), _text(_part(raw, "title_detail"), "type")
    if not value.strip():
        value, kind = _text(raw, "dc_title") or _text(raw, "media_title"), ""
    # Atom says what its titles are and is believed; of RSS feedparser finds only the plainest HTML
    if "html" in kind or (not atom and _LOOKS_HTML.search(value)):
        return from_html(value, TITLE_CHARS_MAX)
    return printable(value, TITLE_CHARS_MAX)


def _address(raw: Any, base: str, atom: bool) -> str:
    """Where the story is: of all links of the entry the likeliest that is an http(s) address.

    An id is an address only where RSS says so: as a permalink that is whole.
    """
    found = [(rank, link) for link in _parts(raw, "links") if (rank := _rank(link)) is not None]
    permalink = _text(raw, "id")
    if not atom and dict.get(raw, "permalink") and permalink.startswith(("http://", "https://")):
        found.append((_PERMALINK, {"href": permalink}))
    for _, link in sorted(found, key=lambda ranked: ranked[0]):
        if url := safe_url(_text(link, "href"), base) if _text(link, "href").strip() else "":
            return url
    return ""


def _rank(link: Any) -> int | None:
    """How likely a link leads to the story, 0 the likeliest; None for one that never does."""
    kind = _text(link, "type").partition(";")[0].strip()
    relations = _IANA.sub("", _text(link, "rel").lower() or "alternate").split()
    rank = min((_RELATIONS[rel] for rel in relations if rel in _RELATIONS), default=None)
    if rank == _ALTERNATE and kind not in _PAGES:
        return _FEED_OF_IT if kind in _FEEDS else _OTHER_KIND
    return rank


def _summary(raw: Any) -> str:
    value, kind = _text(raw, "summary"), _text(_part(raw, "summary_detail"), "type")
    for content in _parts(raw, "content"):
        if value.strip():
            break
        value, kind = _text(content, "value"), _text(content, "type")
    for other in ("dc_description", "itunes_summary", "media_description"):
        if not value.strip():
            value, kind = _text(raw, other), ""
    if kind == "text/plain":
        return paragraph(value, SUMMARY_CHARS_MAX)
    return from_html(value, SUMMARY_CHARS_MAX, lines=True)


def _author(raw: Any) -> str:
    name = _text(_part(raw, "author_detail"), "name") or _text(raw, "author")
    return printable(name, NAME_CHARS_MAX)
