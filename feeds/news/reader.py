"""RSS, RDF and Atom by feedparser, with the fields kept apart that it runs together.

feedparser lets a photo's caption stand for the summary, resolves an entry's id as if it were an
address, and takes whatever link came last. Here each of these has a name of its own, and
``feeds.news.parse`` chooses. Nothing is fetched, no entity is expanded, nothing is sanitised: the
text door does that, for every field and in a tenth of the time.
"""

import io
import xml.sax
from typing import Any, NamedTuple
from xml.sax.handler import feature_external_ges, feature_external_pes, feature_namespaces

from feedparser.api import LooseFeedParser, StrictFeedParser
from feedparser.urls import make_safe_absolute_uri


class ReadFeed(NamedTuple):
    """What feedparser made of a document: its ``version``, the feed's own fields, its entries in
    their order. ``fault`` is what keeps it from being well-formed XML, None where nothing does."""

    version: str
    feed: Any
    entries: list[Any]
    fault: Exception | None


def read_xml(text: str, url: str) -> ReadFeed:
    """Read a document strictly, or tolerantly where it is not well-formed.

    ``url`` is what relative links are relative to, "" for nothing. Raises anything at all on
    hostile input.
    """
    base = make_safe_absolute_uri(url) if url else ""
    parser: Any = _Strict(base, None, "utf-8")
    fault = _parse(parser, text)
    if fault is not None:
        parser = _Loose(base, None, "utf-8", {})
        _set_up(parser)
        parser.feed(text)
    return ReadFeed(parser.version, parser.feeddata, parser.entries, fault)


def _parse(parser: Any, text: str) -> Exception | None:
    _set_up(parser)
    sax = xml.sax.make_parser()  # noqa: S317  # no entities: declarations were refused before
    sax.setFeature(feature_namespaces, True)
    sax.setFeature(feature_external_ges, False)
    sax.setFeature(feature_external_pes, False)
    sax.setContentHandler(parser)
    sax.setErrorHandler(parser)
    source = xml.sax.xmlreader.InputSource()
    source.setEncoding("utf-8")
    source.setByteStream(io.BytesIO(text.encode("utf-8", "replace")))
    try:
        sax.parse(source)
    except Exception as error:  # its own of an undeclared name space is no SAXException
        return error
    return None


def _set_up(parser: Any) -> None:
    parser.resolve_relative_uris = False
    parser.sanitize_html = False


class _Fields:
    """Handlers of elements, in the manner of feedparser's own, which they stand before.

    An entry gets ``permalink``, whether its id may be taken for an address, and apart from
    ``title`` and ``summary``: ``media_title``, ``media_description``, ``dc_title``,
    ``dc_description``, ``itunes_summary``, and ``caption`` for what belongs to something in it.
    """

    can_be_relative_uri = StrictFeedParser.can_be_relative_uri - {"id"}

    def _start_link(self: Any, attrs_d: dict[str, str]) -> None:
        # an empty address would be resolved to that of the feed
        full = {name: value for name, value in attrs_d.items() if value.strip()}
        StrictFeedParser._start_link(self, full)

    def _end_guid(self: Any) -> None:
        self.pop("id")
        self._save("permalink", bool(self.guidislink))

    _end_id = _end_guid

    def _start_title(self: Any, attrs_d: dict[str, str]) -> None:
        if self.svgOK:
            self.unknown_starttag("title", list(attrs_d.items()))
        elif _in_a_picture(self):
            self.push("caption", 1)
        else:
            self.push_content("title", attrs_d, "text/plain", _wanted(self))

    def _end_title(self: Any) -> None:
        if self.svgOK:
            return
        if _open_element(self) == "caption":
            self.pop("caption")
        elif self.pop_content("title"):
            self.title_depth = self.depth

    def _start_description(self: Any, attrs_d: dict[str, str]) -> None:
        if _in_a_picture(self) or _is_described(self):
            self.push("caption", 1)
        else:
            self.push_content("description", attrs_d, "text/html", _wanted(self))

    def _end_description(self: Any) -> None:
        if _open_element(self) == "caption":
            self.pop("caption")
        else:
            self.pop_content("description")

    def _start_media_title(self: Any, attrs_d: dict[str, str]) -> None:
        self.push("media_title", 1)

    def _end_media_title(self: Any) -> None:
        self.pop("media_title")

    def _start_media_description(self: Any, attrs_d: dict[str, str]) -> None:
        self.push("media_description", 1)

    def _end_media_description(self: Any) -> None:
        self.pop("media_description")

    def _start_dc_title(self: Any, attrs_d: dict[str, str]) -> None:
        self.push("dc_title", 1)

    def _end_dc_title(self: Any) -> None:
        self.pop("dc_title")

    def _start_dc_description(self: Any, attrs_d: dict[str, str]) -> None:
        self.push("dc_description", 1)

    def _end_dc_description(self: Any) -> None:
        self.pop("dc_description")

    def _start_itunes_summary(self: Any, attrs_d: dict[str, str]) -> None:
        self.push("itunes_summary", 1)

    def _end_itunes_summary(self: Any) -> None:
        self.pop("itunes_summary")


def _wanted(parser: Any) -> Any:
    return parser.infeed or parser.inentry or parser.insource


def _in_a_picture(parser: Any) -> bool:
    return bool(parser.inentry and (parser.inimage or parser.intextinput))


def _open_element(parser: Any) -> str:
    return str(parser.elementstack[-1][0]) if parser.elementstack else ""


def _is_described(parser: Any) -> bool:
    """Whether the entry has a description already that stands no deeper than this one."""
    if not parser.inentry or parser.insource:
        return False
    depth = parser.property_depth_map.get(parser.entries[-1], {}).get("summary")
    return depth is not None and depth <= parser.depth and bool(parser.entries[-1]["summary"])


class _Strict(_Fields, StrictFeedParser):  # type: ignore[misc]  # feedparser has no types
    pass


class _Loose(_Fields, LooseFeedParser):  # type: ignore[misc]
    pass
