"""The practice newsroom: RSS 2.0, Atom and JSON Feed over HTTP, and feeds that misbehave.

``/feeds/<source>.xml`` or ``.json`` holds a source's last items, newest first, with a strong
``ETag`` and ``Last-Modified``; ``/stories/<id>`` is an item's page. ``/faults/...`` answers the way
broken servers do, for the tests of clients; nothing links to it.
"""

import asyncio
import html
import json
import re
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from hashlib import sha256
from xml.sax.saxutils import quoteattr

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from practice.world.stories import PRACTICE_SENTENCE, SOURCES, SourceSpec, StorySpec

ITEMS_MAX = 40
"""Items a feed holds; older ones leave it."""
PAGES_MAX = 2_000
"""Story pages the newsroom keeps, over all sources."""
CONTENT_TYPES = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
SECOND_NS = 1_000_000_000
MEBIBYTE = 1 << 20
HUGE_BYTES_MIN = 10 * MEBIBYTE
BOMB_BLOCK_BYTES = 16 * MEBIBYTE
BOMB_BLOCKS = 64
"""64 blocks of 16 MiB: a gibibyte once inflated, about a mebibyte on the wire."""
DRIP_S = 0.05
ENTITY_DEPTH = 9
# XML 1.0 allows tab, line feed and carriage return of the control characters, and no surrogates
_ILLEGAL_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass
class _Item:
    """One story as a feed holds it; an edit changes title, summary and ``updated_ns``."""

    id: str
    title: str
    summary: str
    url: str
    author: str
    published_ns: int
    updated_ns: int


@dataclass
class _Feed:
    """One source's items, newest first, and the document made of them."""

    source: SourceSpec
    url: str
    items: deque[_Item] = field(default_factory=lambda: deque(maxlen=ITEMS_MAX))
    modified_s: int = 0
    body: bytes = b""
    etag: str = ""

    def changed(self, at_ns: int) -> None:
        # each version gets a second of its own, since If-Modified-Since knows nothing finer
        self.modified_s = max(self.modified_s + 1, at_ns // SECOND_NS)
        self.body = b""


class Newsroom:
    """Feeds and story pages of the practice press; ``publish`` fills them."""

    def __init__(self, base_url: str, sources: Sequence[SourceSpec] = SOURCES) -> None:
        """``base_url`` is where ``routes`` are mounted, such as ``http://127.0.0.1:8080``."""
        self._base_url = base_url.rstrip("/")
        self._feeds = {s.id: _Feed(s, f"{self._base_url}{_feed_path(s)}") for s in sources}
        self._pages: dict[str, _Item] = {}

    def publish(self, story: StorySpec, at_ns: int) -> None:
        """Put a story at the top of its source's feed, or change the one it replaces in place.

        ``at_ns`` is Unix nanoseconds. An edit of a story that is no longer kept changes nothing.
        Raises ``KeyError`` for an unknown source, ``ValueError`` for a story published before.
        """
        feed = self._feeds[story.source]
        if story.replaces:
            self._edit(feed, story, at_ns)
            return
        if story.id in self._pages:
            raise ValueError(f"story {story.id!r} is already published")
        url = story.link or f"{self._base_url}/stories/{story.id}"
        item = _Item(
            id=story.id,
            title=story.title,
            summary=story.summary,
            url=url,
            author=f"{feed.source.name}, practice desk",
            published_ns=at_ns,
            updated_ns=at_ns,
        )
        feed.items.appendleft(item)
        feed.changed(at_ns)
        self._keep(item)

    def routes(self) -> list[BaseRoute]:
        """Routes for a Starlette application: feeds, story pages, faults."""
        return [
            Route("/feeds/{name}", self._feed),
            Route("/stories/{id}", self._story),
            *_fault_routes(),
        ]

    def feed_urls(self) -> list[str]:
        """Addresses of all feeds, in the order of the sources."""
        return [feed.url for feed in self._feeds.values()]

    def _edit(self, feed: _Feed, story: StorySpec, at_ns: int) -> None:
        item = self._pages.get(story.replaces)
        if item is None:
            return
        item.title, item.summary, item.updated_ns = story.title, story.summary, at_ns
        feed.changed(at_ns)

    def _keep(self, item: _Item) -> None:
        self._pages[item.id] = item
        while len(self._pages) > PAGES_MAX:
            del self._pages[next(iter(self._pages))]

    async def _feed(self, request: Request) -> Response:
        name = request.path_params["name"]
        feed = self._feeds.get(name.rpartition(".")[0])
        if feed is None or not feed.url.endswith(f"/{name}"):
            return PlainTextResponse("no such feed", status_code=404)
        _print_if_needed(feed, self._base_url)
        headers = {
            "ETag": feed.etag,
            "Last-Modified": _http_date(feed.modified_s),
            "Cache-Control": "no-cache",
        }
        if _unchanged(request, feed):
            return Response(status_code=304, headers=headers)
        return Response(feed.body, media_type=CONTENT_TYPES[feed.source.format], headers=headers)

    async def _story(self, request: Request) -> Response:
        item = self._pages.get(request.path_params["id"])
        if item is None:
            return PlainTextResponse("no such story", status_code=404)
        return HTMLResponse(_page(item), headers={"Content-Security-Policy": "default-src 'none'"})


def _feed_path(source: SourceSpec) -> str:
    return f"/feeds/{source.id}.{'json' if source.format == 'json' else 'xml'}"


def _unchanged(request: Request, feed: _Feed) -> bool:
    """RFC 9110: If-None-Match decides alone where it is sent."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        sent = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return feed.etag in sent or "*" in sent
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return feed.modified_s <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False


def _print_if_needed(feed: _Feed, base_url: str) -> None:
    if feed.body:
        return
    printers = {"rss": _rss, "atom": _atom, "json": _json_feed}
    feed.body = printers[feed.source.format](feed, base_url)
    feed.etag = f'"{sha256(feed.body).hexdigest()[:32]}"'


def _feed_title(source: SourceSpec) -> str:
    return f"{source.name} (practice feed: invented stories)"


def _guid(item: _Item) -> str:
    return f"urn:practice:story:{item.id}"


def _rss(feed: _Feed, base_url: str) -> bytes:
    items = "".join(_rss_item(item) for item in feed.items)
    return _encoded(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{_xml(_feed_title(feed.source))}</title>"
        f"<link>{_xml(base_url)}/</link>"
        f'<atom:link href={quoteattr(feed.url)} rel="self" type="application/rss+xml"/>'
        f"<description>{_xml(PRACTICE_SENTENCE)}</description><language>en</language>"
        f"<lastBuildDate>{_rfc822(feed.modified_s * SECOND_NS)}</lastBuildDate>"
        f"{items}</channel></rss>\n"
    )


def _rss_item(item: _Item) -> str:
    edited = item.updated_ns != item.published_ns
    updated = f"<atom:updated>{_iso(item.updated_ns)}</atom:updated>" if edited else ""
    return (
        f"\n<item><title>{_xml(item.title)}</title><link>{_xml(item.url)}</link>"
        f'<guid isPermaLink="false">{_xml(_guid(item))}</guid>'
        f"<pubDate>{_rfc822(item.published_ns)}</pubDate>{updated}"
        f"<dc:creator>{_xml(item.author)}</dc:creator>"
        f"<description>{_xml(item.summary)}</description></item>"
    )


def _atom(feed: _Feed, base_url: str) -> bytes:
    entries = "".join(_atom_entry(item) for item in feed.items)
    return _encoded(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        f"<title>{_xml(_feed_title(feed.source))}</title>"
        f"<subtitle>{_xml(PRACTICE_SENTENCE)}</subtitle>"
        f"<id>urn:practice:source:{_xml(feed.source.id)}</id>"
        f"<updated>{_iso(feed.modified_s * SECOND_NS)}</updated>"
        f'<link rel="self" href={quoteattr(feed.url)}/>'
        f'<link rel="alternate" type="text/html" href={quoteattr(base_url + "/")}/>'
        f"<author><name>{_xml(feed.source.name)}</name></author>"
        f"{entries}</feed>\n"
    )


def _atom_entry(item: _Item) -> str:
    return (
        f"\n<entry><title>{_xml(item.title)}</title><id>{_xml(_guid(item))}</id>"
        f'<link rel="alternate" type="text/html" href="{_xml(item.url)}"/>'
        f"<published>{_iso(item.published_ns)}</published>"
        f"<updated>{_iso(item.updated_ns)}</updated>"
        f"<author><name>{_xml(item.author)}</name></author>"
        f"<summary>{_xml(item.summary)}</summary></entry>"
    )


def _json_feed(feed: _Feed, base_url: str) -> bytes:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _feed_title(feed.source),
        "description": PRACTICE_SENTENCE,
        "home_page_url": f"{base_url}/",
        "feed_url": feed.url,
        "language": "en",
        "authors": [{"name": feed.source.name}],
        "items": [_json_item(item) for item in feed.items],
    }
    # escapes keep every control character and surrogate inside the rules of JSON
    return json.dumps(document, ensure_ascii=True, indent=1).encode()


def _json_item(item: _Item) -> dict[str, object]:
    return {
        "id": _guid(item),
        "url": item.url,
        "title": item.title,
        "content_text": item.summary,
        "date_published": _iso(item.published_ns),
        "date_modified": _iso(item.updated_ns),
        "authors": [{"name": item.author}],
        "language": "en",
    }


def _page(item: _Item) -> str:
    title, summary = html.escape(_printable(item.title)), html.escape(_printable(item.summary))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title></head><body><article><h1>{title}</h1>"
        f"<p>{html.escape(item.author)}, <time>{_iso(item.published_ns)}</time></p>"
        f"<p>{summary}</p></article></body></html>\n"
    )


def _printable(text: str) -> str:
    return _SURROGATES.sub("\ufffd", _ILLEGAL_IN_XML.sub("\ufffd", text))


def _xml(text: str) -> str:
    """Text for element and attribute; what XML 1.0 forbids goes out as a reference, as given.

    A strict parser refuses such a feed, which is what hostile publishers do to their readers.
    """
    text = html.escape(text, quote=True)
    return _ILLEGAL_IN_XML.sub(lambda match: f"&#{ord(match[0])};", text)


def _encoded(text: str) -> bytes:
    return _SURROGATES.sub("\ufffd", text).encode()


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC)


def _rfc822(at_ns: int) -> str:
    return format_datetime(_moment(at_ns), usegmt=True)


def _iso(at_ns: int) -> str:
    millis = at_ns % SECOND_NS // 1_000_000
    return f"{_moment(at_ns):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


def _http_date(at_s: int) -> str:
    return _rfc822(at_s * SECOND_NS)


# --- faults: answers of broken servers -----------------------------------------------------------

_RSS = CONTENT_TYPES["rss"]
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
    "<title>Practice fault feed</title><link>http://127.0.0.1/</link>"
    f"<description>{PRACTICE_SENTENCE}</description>"
)


def _fault_routes() -> list[BaseRoute]:
    return [
        Route("/faults/500", _fault_500),
        Route("/faults/html", _fault_html),
        Route("/faults/endless", _fault_endless),
        Route("/faults/drip", _fault_drip),
        Route("/faults/huge", _fault_huge),
        Route("/faults/gzip-bomb", _fault_gzip_bomb),
        Route("/faults/entities", _fault_entities),
        Route("/faults/redirect-loop", _fault_redirect),
        Route("/faults/redirect-loop/back", _fault_redirect_back),
        Route("/faults/not-modified-always", _fault_not_modified),
        Route("/faults/truncated", _fault_truncated),
    ]


async def _fault_500(_request: Request) -> Response:
    return PlainTextResponse("practice fault: internal error", status_code=500)


async def _fault_html(_request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>Sign in</title><p>Please sign in to read this feed.")


async def _fault_endless(_request: Request) -> Response:
    """Items without end, as fast as the reader takes them."""
    return StreamingResponse(_endless(), media_type=_RSS)


async def _fault_drip(_request: Request) -> Response:
    """A byte at a time, without end: each read succeeds, the document never does."""
    return StreamingResponse(_drip(), media_type=_RSS)


async def _fault_huge(_request: Request) -> Response:
    return StreamingResponse(_huge(), media_type=_RSS)


async def _fault_gzip_bomb(_request: Request) -> Response:
    body = await asyncio.to_thread(_gzip_bomb)
    return Response(body, media_type=_RSS, headers={"Content-Encoding": "gzip"})


async def _fault_entities(_request: Request) -> Response:
    return Response(_entities(), media_type=_RSS)


async def _fault_redirect(_request: Request) -> Response:
    return RedirectResponse("/faults/redirect-loop/back", status_code=302)


async def _fault_redirect_back(_request: Request) -> Response:
    return RedirectResponse("/faults/redirect-loop", status_code=302)


async def _fault_not_modified(_request: Request) -> Response:
    return Response(status_code=304, headers={"ETag": '"practice"'})


async def _fault_truncated(_request: Request) -> Response:
    whole = _HEAD + "".join(_fault_item(number) for number in range(3))
    return Response(whole[:-40], media_type=_RSS)


def _fault_item(number: int) -> str:
    return (
        f"<item><title>Practice item {number}</title>"
        f'<guid isPermaLink="false">urn:practice:fault:{number}</guid>'
        f"<description>{PRACTICE_SENTENCE}</description></item>\n"
    )


def _numbered_chunks() -> Iterator[bytes]:
    """Chunks of a thousand items each, for ever."""
    first = 0
    while True:
        yield "".join(_fault_item(n) for n in range(first, first + 1_000)).encode()
        first += 1_000


async def _endless() -> AsyncIterator[bytes]:
    yield _HEAD.encode()
    for chunk in _numbered_chunks():
        yield chunk
        # once the reader has gone, sending waits for nothing: let its end be noticed
        await asyncio.sleep(0)


async def _drip() -> AsyncIterator[bytes]:
    for byte in _HEAD.encode():
        yield bytes((byte,))
        await asyncio.sleep(DRIP_S)
    while True:
        yield b" "
        await asyncio.sleep(DRIP_S)


async def _huge() -> AsyncIterator[bytes]:
    yield _HEAD.encode()
    sent = 0
    for chunk in _numbered_chunks():
        yield chunk
        sent += len(chunk)
        if sent >= HUGE_BYTES_MIN:
            break
    yield b"</channel></rss>\n"


@cache
def _gzip_bomb() -> bytes:
    """One valid gzip stream: a small head, 64 equal blocks of blanks, a small tail."""
    parts = (_HEAD.encode(), b"</channel></rss>\n")
    blanks = b" " * BOMB_BLOCK_BYTES
    crc = zlib.crc32(parts[0])
    for _ in range(BOMB_BLOCKS):
        crc = zlib.crc32(blanks, crc)
    crc = zlib.crc32(parts[1], crc)
    size = sum(map(len, parts)) + BOMB_BLOCKS * BOMB_BLOCK_BYTES
    trailer = crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    block = _deflated(blanks)
    return b"".join(
        (header, _deflated(parts[0]), block * BOMB_BLOCKS, _deflated(parts[1], last=True), trailer)
    )


def _deflated(data: bytes, *, last: bool = False) -> bytes:
    """A piece of a raw deflate stream that refers to nothing before it."""
    squeezer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    ending = zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH
    return squeezer.compress(data) + squeezer.flush(ending)


def _entities() -> bytes:
    """Entities that each hold ten of the one before: a billion words once expanded."""
    lines = ['<!ENTITY e0 "practice">']
    for depth in range(1, ENTITY_DEPTH + 1):
        lines.append(f'<!ENTITY e{depth} "{f"&e{depth - 1};" * 10}">')
    declarations = "\n".join(lines)
    return (
        f'<?xml version="1.0"?>\n<!DOCTYPE rss [\n{declarations}\n]>\n'
        f'<rss version="2.0"><channel><title>&e{ENTITY_DEPTH};</title>'
        f"<item><title>&e{ENTITY_DEPTH};</title></item></channel></rss>\n"
    ).encode()
