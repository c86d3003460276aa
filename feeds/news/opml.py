"""OPML, the lists that feed readers exchange: hostile bytes in, feeds and refusals out.

Read as a stream by the standard library's expat with every declaration refused, so there are no
entities to expand, nothing is fetched, and no tree is built that could be deep.
"""

import re
import xml.parsers.expat
from collections.abc import Iterable, Iterator
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

import msgspec

from feeds.news.encoding import decode
from feeds.news.markup import legible, mended, unmarked
from feeds.news.source import NAME_CHARS_MAX, SOURCES_MAX, Source
from feeds.text import printable, safe_url

OPML_BYTES_MAX = 4 << 20
DEPTH_MAX = 32
OUTLINES_MAX = 20_000
"""More outlines than any reader's list; the rest of the document is not looked at."""
ID_CHARS_MAX = 48

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


class OpmlError(ValueError):
    """A document that is no list of feeds, or one that must not be read; says which, and why."""


class Outline(msgspec.Struct, frozen=True):
    """One feed of a list: printable text and an http(s) address, whatever the document held."""

    url: str
    name: str
    group: str = ""
    language: str = ""
    enabled: bool = True


class Refusal(msgspec.Struct, frozen=True):
    """A feed that is not taken: how it called itself, its line in the document, and why not."""

    name: str
    line: int
    why: str


class OpmlRead(msgspec.Struct, frozen=True):
    """What a document held, in its order."""

    feeds: tuple[Outline, ...]
    refused: tuple[Refusal, ...]


def read_opml(body: bytes) -> OpmlRead:
    """The feeds of an OPML document of any version and encoding.

    An address that is not http(s), stands twice, or comes after ``SOURCES_MAX`` others is refused
    by itself; raises ``OpmlError`` for a document that is refused as a whole.
    """
    if len(body) > OPML_BYTES_MAX:
        raise OpmlError(f"more than {OPML_BYTES_MAX >> 20} MiB; is it a list of feeds?")
    # the parser is told UTF-8, whatever the document declares
    text = mended(legible(decode(body).lstrip("\ufeff \t\r\n")))
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode("utf-8", "replace"), True)
    except xml.parsers.expat.ExpatError as error:
        said = xml.parsers.expat.ErrorString(error.code)
        raise OpmlError(f"no XML: {said} at line {error.lineno}") from None
    return OpmlRead(tuple(reader.feeds), tuple(reader.refused))


class _Reader:
    """Takes expat's calls and keeps what is a feed."""

    def __init__(self) -> None:
        self.feeds: list[Outline] = []
        self.refused: list[Refusal] = []
        self._seen: dict[str, str] = {}
        self._open: list[str] = []
        self._outlines = 0
        self.parser = xml.parsers.expat.ParserCreate("utf-8")
        self.parser.StartDoctypeDeclHandler = self._no_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def _no_doctype(self, *_: object) -> None:
        raise OpmlError("it declares a document type, which a list of feeds has no use for")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag.lower() != "opml":
            raise OpmlError(f"no OPML: it begins with <{printable(tag, NAME_CHARS_MAX)}>")
        if len(self._open) >= DEPTH_MAX:
            line = self.parser.CurrentLineNumber
            raise OpmlError(f"nested deeper than {DEPTH_MAX} at line {line}")
        heading = ""
        if tag.lower() == "outline":
            told = {name.lower(): unmarked(value) for name, value in attributes.items()}
            heading = self._outline(told)
        self._open.append(heading)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _outline(self, attributes: dict[str, str]) -> str:
        """Keep a feed; returns the heading that a folder gives to what it holds."""
        self._outlines += 1
        if self._outlines > OUTLINES_MAX:
            raise OpmlError(f"more than {OUTLINES_MAX} outlines; is it a list of feeds?")
        named = attributes.get("title", "").strip() or attributes.get("text", "")
        name = printable(named, NAME_CHARS_MAX)
        asked = attributes.get("xmlurl", "").strip()
        if not asked:
            return name
        url = safe_url(asked)
        why = self._why_not(asked, url)
        if why:
            shown = name or printable(asked, NAME_CHARS_MAX)
            self.refused.append(Refusal(shown, self.parser.CurrentLineNumber, why))
            return ""
        self._seen[url] = name or url
        self.feeds.append(self._feed(url, name, attributes))
        return ""

    def _why_not(self, asked: str, url: str) -> str:
        if not url:
            shown = printable(asked, NAME_CHARS_MAX)
            return f"{shown!r} is no http:// or https:// address without a password in it"
        if url in self._seen:
            return f"the same address as {self._seen[url]!r} above it"
        if len(self.feeds) >= SOURCES_MAX:
            return f"only {SOURCES_MAX} feeds can be followed"
        return ""

    def _feed(self, url: str, name: str, attributes: dict[str, str]) -> Outline:
        language = attributes.get("language", "").strip()
        return Outline(
            url=url,
            name=name,
            group=next((heading for heading in reversed(self._open) if heading), ""),
            language=language if _LANGUAGE.fullmatch(language) else "",
            enabled=attributes.get("iscomment", "").strip().lower() != "true",
        )


def new_id(name: str, url: str, taken: Iterable[str] = ()) -> str:
    """A source's id made of its name, or of its host where the name has no Latin letters.

    It is none of ``taken``: a second one ends in "-2", and so on.
    """
    host = url.partition("://")[2].partition("/")[0].removeprefix("www.")
    plain = _plain(name) or _plain(host) or "feed"
    used = set(taken)
    number, made = 1, plain
    while made in used:
        number += 1
        made = f"{plain}-{number}"
    return made


def _plain(text: str) -> str:
    # a name that only half of which can be spelt would give a misleading id
    if not text.isascii():
        return ""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:ID_CHARS_MAX].strip("-")


def write_opml(sources: Iterable[Source], title: str) -> str:
    """An OPML 2.0 document of ``sources`` that other readers take: a folder a group.

    One that is off is marked as a comment, which is OPML's word for it.
    """
    ordered = sorted(enumerate(sources), key=lambda pair: (_first(pair[1].group), pair[0]))
    body = "".join(_folders(source for _, source in ordered))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n'
        f"  <head>\n    <title>{escape(printable(title))}</title>\n  </head>\n"
        f"  <body>\n{body}  </body>\n</opml>\n"
    )


def _first(group: str) -> tuple[bool, str]:
    return bool(group), group


def _folders(sources: Iterable[Source]) -> Iterator[str]:
    for group, members in groupby(sources, lambda source: source.group):
        if group:
            yield f"    <outline text={quoteattr(group)}>\n"
        for source in members:
            yield f"    {'  ' if group else ''}<outline{_attributes(source)}/>\n"
        if group:
            yield "    </outline>\n"


def _attributes(source: Source) -> str:
    said = {"text": source.name, "title": source.name, "type": "rss", "xmlUrl": source.url}
    if source.language:
        said["language"] = source.language
    if not source.enabled:
        said["isComment"] = "true"
    return "".join(f" {name}={quoteattr(value)}" for name, value in said.items())
