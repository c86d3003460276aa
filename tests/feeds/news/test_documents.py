"""Every recorded document gives the entries that feedparser reads in it, or says why not.

feedparser reads the bytes by itself, with its own decoding and its own dates; where it is wrong,
what is right stands here by name.
"""

import calendar
import html
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import feedparser
import pytest

from feeds.markets import SECOND
from feeds.news.entry import Entry, FeedError, ParsedFeed
from feeds.news.parse import parse_feed
from feeds.text import printable
from tests.feeds.test_text import complaints

DOCUMENTS = 68
REFUSED = {
    "feed-rs-rss_2.0_invalid_1.xml": "nothing in it could be read",
    "feedparser-bozo_invalid-bytes-with-bom.xml": "nothing in it could be read",
    "feedparser-rss_empty_document.xml": "nothing in it could be read",
    # its one item is half a description
    "feedparser-rss_incomplete_cdata.xml": "nothing in it could be read",
    "feedparser-undeclared_namespace.xml": "nothing in it could be read",
}
# no charset is declared, and feedparser takes the bytes for Windows-1252 where it has no chardet
TITLES = {
    "feedparser-eucjp.xml": "ゲーム三昧な正月",
    "feedparser-gb2312.xml": "不归移民漫画系列：专业工作",
    "feedparser-shiftjis.xml": "DrecomRSSに記事投稿が反映されない",
}
# feedparser makes 1 November of "2020/1/10", and 2015 of the Unix seconds 1518478934
DATES = {
    "netnewswire-kc0011.rss": (1_578_666_780, None),
    "feedjira-invaliddateformat.xml": (1_508_166_600, 1_518_478_934),
}
# a title or a date of the feed itself and nothing else
WITHOUT_ENTRIES = {
    "feedparser-big5.xml",
    "feedparser-bozo_bogus_encoding.xml",
    "feedparser-http_application_atom_xml_gb2312_charset_overrides_encoding.xml",
    "feedparser-http_high_bit_date.xml",
    "feedparser-utf-16be.xml",
    "feedparser-utf-16le-bom.xml",
    "feedparser-utf-32be-bom.xml",
}
# UTF-16 with a declaration that says otherwise: feedparser reads nothing
UNREAD_BY_FEEDPARSER = {"simplepie-feed-utf16le.xml": 1}


def documents(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "feeds").iterdir() if path.suffix != ".md")


def words(text: str) -> str:
    """Letters and digits alone: how markup, spaces and signs are shown is the text door's."""
    bare = html.unescape(html.unescape(re.sub(r"<[^>]*>", " ", text)))
    return re.sub(r"\W+", "", printable(bare, 2_000)).casefold()


def same_title(ours: str, theirs: str) -> bool:
    return words(ours) == words(theirs) or (
        ours.endswith("…") and words(theirs).startswith(words(ours))
    )


def seconds(entry: Any, key: str) -> int | None:
    moment = dict.get(entry, f"{key}_parsed")
    return None if moment is None else calendar.timegm(moment)


def own_seconds(nanos: int | None) -> int | None:
    return None if nanos is None else nanos // SECOND


@cache
def read(path: Path) -> ParsedFeed | str:
    """The document, or the sentence that refuses it."""
    try:
        return parse_feed(path.read_bytes())
    except FeedError as error:
        return str(error)


def feeds(folder: Path) -> Iterator[tuple[Path, ParsedFeed]]:
    for path in documents(folder):
        feed = read(path)
        if isinstance(feed, ParsedFeed):
            yield path, feed


def differences(path: Path, feed: ParsedFeed) -> Iterator[str]:
    theirs = feedparser.parse(io.BytesIO(path.read_bytes())).entries
    if path.name in UNREAD_BY_FEEDPARSER:
        assert (len(feed.entries), len(theirs)) == (UNREAD_BY_FEEDPARSER[path.name], 0)
        return
    if len(feed.entries) != len(theirs):
        yield f"{len(feed.entries)} entries for {len(theirs)}"
    for ours, their in zip(feed.entries, theirs, strict=False):
        if path.name in TITLES:
            if not ours.title.startswith(TITLES[path.name]):
                yield f"title {ours.title!r}"
        elif not same_title(ours.title, their.get("title", "")):
            yield f"title {ours.title!r} for {their.get('title')!r}"
        if path.name not in DATES:
            yield from _dates(ours, their)


def _dates(ours: Entry, their: Any) -> Iterator[str]:
    for key, nanos in (("published", ours.published_ns), ("updated", ours.updated_ns)):
        if own_seconds(nanos) != seconds(their, key):
            yield f"{key} {own_seconds(nanos)} for {seconds(their, key)} in {ours.title!r}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_recorded_document_is_read_as_feedparser_reads_it_or_refused(
    shared_data: Path,
) -> None:
    assert len(documents(shared_data)) == DOCUMENTS
    found = {}
    for path, feed in feeds(shared_data):
        assert bool(feed.entries) is (path.name not in WITHOUT_ENTRIES), path.name
        if path.suffix != ".json" and (wrong := list(differences(path, feed))):
            found[path.name] = wrong[:3]
    assert found == {}


def test_what_is_refused_is_refused_in_words(shared_data: Path) -> None:
    answers = {path.name: read(path) for path in documents(shared_data)}
    refused = {name: answer for name, answer in answers.items() if isinstance(answer, str)}
    assert refused.keys() == REFUSED.keys()
    for name, sentence in refused.items():
        assert REFUSED[name] in sentence
        assert not complaints(sentence)


def test_dates_that_feedparser_misreads_are_read_rightly_or_not_at_all(shared_data: Path) -> None:
    for name, first in DATES.items():
        feed = read(shared_data / "feeds" / name)
        assert isinstance(feed, ParsedFeed)
        entry = feed.entries[0]
        assert (own_seconds(entry.published_ns), own_seconds(entry.updated_ns)) == first, name


def test_json_feeds_give_what_their_json_says(shared_data: Path) -> None:
    read_as_json = [(path, feed) for path, feed in feeds(shared_data) if path.suffix == ".json"]
    assert len(read_as_json) == 4
    for path, feed in read_as_json:
        said = json.loads(path.read_bytes())["items"]
        assert [entry.title for entry in feed.entries] == [
            printable(text if isinstance(text := item.get("title"), str) else "", 300)
            for item in said
            if isinstance(item, dict)
        ], path.name
        dated = sum(entry.published_ns is not None for entry in feed.entries)
        assert dated <= sum("date_published" in item for item in said)


def test_no_document_brings_anything_a_terminal_would_obey(shared_data: Path) -> None:
    for path, feed in feeds(shared_data):
        for entry in feed.entries:
            assert not complaints(entry.title), path.name
            assert not complaints(entry.summary.replace("\n", " ")), path.name
            assert not entry.url or entry.url.startswith(("http://", "https://")), path.name
