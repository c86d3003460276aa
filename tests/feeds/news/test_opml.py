"""OPML in and out: other readers' lists, and documents made to hurt."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.news.opml import (
    DEPTH_MAX,
    OPML_BYTES_MAX,
    OUTLINES_MAX,
    OpmlError,
    Outline,
    new_id,
    read_opml,
    write_opml,
)
from feeds.news.source import SOURCES_MAX, Source
from feeds.text import safe_url
from tests.feeds.test_text import complaints


def opml(inside: str, before: str = '<?xml version="1.0"?>') -> bytes:
    return f'{before}<opml version="1.1"><head/><body>{inside}</body></opml>'.encode()


def feed(url: str, more: str = 'text="A"') -> str:
    return f'<outline {more} xmlUrl="{url}"/>'


def test_folders_become_groups_and_attributes_are_read_in_any_case() -> None:
    inside = (
        '<outline text="Chips">'
        '<outline text="short" title="EE Times" XMLURL="https://eetimes.example/feed" />'
        '<outline text="Deeper"><outline text="B" xmlUrl="http://b.example/" language="zh-CN"/>'
        "</outline></outline>"
        '<outline text="C" xmlUrl="https://c.example/rss?utm_source=x" isComment="true"/>'
    )
    read = read_opml(opml(inside))
    assert read.refused == ()
    assert read.feeds == (
        Outline("https://eetimes.example/feed", "EE Times", "Chips"),
        Outline("http://b.example/", "B", "Deeper", "zh-CN"),
        Outline("https://c.example/rss", "C", "", "", enabled=False),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_a_list_in_another_encoding_reads_the_same(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n<opml><body>'
    text += '<outline text="量子位" xmlUrl="https://q.example/feed"/></body></opml>'
    assert read_opml(text.encode(encoding)).feeds == (Outline("https://q.example/feed", "量子位"),)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "feed:https://a.example/",
        "https://me:secret@a.example/",
        "//a.example/feed",
        "https://",
        "https://a.example/" + "a" * 3_000,
    ],
)
def test_an_address_that_is_not_safe_is_refused_alone_with_its_line(address: str) -> None:
    read = read_opml(opml("\n" + feed(address) + "\n" + feed("https://good.example/")))
    assert [kept.url for kept in read.feeds] == ["https://good.example/"]
    (refusal,) = read.refused
    assert (refusal.name, refusal.line) == ("A", 2)
    assert "no http:// or https:// address" in refusal.why


def test_the_same_address_twice_is_taken_once() -> None:
    inside = feed("https://a.example/x", 'text="First"') + feed(
        "https://A.example/x?utm_medium=y", 'text="Second"'
    )
    read = read_opml(opml(inside))
    assert [kept.name for kept in read.feeds] == ["First"]
    assert [(r.name, r.why) for r in read.refused] == [
        ("Second", "the same address as 'First' above it")
    ]


def test_no_more_feeds_are_taken_than_can_be_followed() -> None:
    read = read_opml(opml("".join(feed(f"https://a.example/{n}") for n in range(SOURCES_MAX + 3))))
    assert len(read.feeds) == SOURCES_MAX
    assert [r.why for r in read.refused] == [f"only {SOURCES_MAX} feeds can be followed"] * 3


BOMB = '<!DOCTYPE o [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (opml('<outline text="&k;"/>', BOMB + "]>"), "declares a document type"),
        (opml("", '<!DOCTYPE o SYSTEM "file:///etc/passwd">'), "declares a document type"),
        (opml("<outline>" * 5_000 + "</outline>" * 5_000), f"nested deeper than {DEPTH_MAX}"),
        (opml("<outline></body>"), "no XML: mismatched tag at line 1"),
        (opml("<outline"), "no XML"),
        (opml("<outline/>" * (OUTLINES_MAX + 1)), f"more than {OUTLINES_MAX} outlines"),
        (b" " * (OPML_BYTES_MAX + 1), "more than 4 MiB"),
        (b"<rss><channel/></rss>", "it begins with <rss>"),
        (b"<\x1b]52;c;eA==\x07opml/>", "no XML"),
        (b"", "no XML: no element found"),
        (b'{"version": 1}', "no XML"),
        (b"\xff\xfe\x00\xd8", "no XML"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_a_hostile_document_is_refused_whole_and_fast(body: bytes, words: str) -> None:
    begin = time.process_time()
    with pytest.raises(OpmlError) as caught:
        read_opml(body)
    assert words in str(caught.value)
    assert time.process_time() - begin < 2


def test_bare_ampersands_and_broken_references_cost_no_list() -> None:
    name = 'text="R&D &mdash; &#55357;&#56960; &#27;[31m<3"'
    read = read_opml(b"\xef\xbb\xbf \n" + opml(feed("https://a.example/rss?a=1&copy=2", name)))
    assert read.feeds == (Outline("https://a.example/rss?a=1&copy=2", "R&D — 🚀 <3"),)
    (unknown,) = read_opml(opml(feed("https://a.example/rss", 'text="&undefined;"'))).feeds
    assert unknown.name == "&undefined;"


def test_names_are_told_as_text() -> None:
    read = read_opml(opml(feed("https://a.example/", 'text="&#x202e;Evil&#x9b;2J &lt;b&gt;"')))
    (kept,) = read.feeds
    assert not complaints(kept.name)
    assert kept.name.startswith("Evil")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: opml(text)))
def test_whatever_the_bytes_they_are_read_or_refused_in_words(body: bytes) -> None:
    with contextlib.suppress(OpmlError):
        assert all(safe_url(kept.url) == kept.url for kept in read_opml(body).feeds)


SOURCES = st.lists(
    st.builds(
        Source,
        id=st.just("x"),
        name=st.sampled_from(["A & B", 'Say "news"', "it's <all>", "量子位", "q'\"&"]),
        url=st.integers(0, 10**6).map(lambda n: f"https://a.example/{n}?a=1&b=2"),
        language=st.sampled_from(["", "en", "zh-CN"]),
        group=st.sampled_from(["", "chips & more", "models"]),
        enabled=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda source: source.url,
)


@given(SOURCES)
def test_what_is_written_reads_back_the_same(sources: list[Source]) -> None:
    read = read_opml(write_opml(sources, "Feeds & <more>").encode())
    assert not read.refused
    wrote = {(s.url, s.name, s.group, s.language, s.enabled) for s in sources}
    assert {(o.url, o.name, o.group, o.language, o.enabled) for o in read.feeds} == wrote


def test_ids_come_from_the_name_or_the_host_and_are_new() -> None:
    assert new_id("Tom's Hardware: News!", "https://t.example/") == "tom-s-hardware-news"
    assert new_id("量子位", "https://www.qbitai.com/feed") == "qbitai-com"
    assert new_id("---", "https://[::1]:8000/") == "1-8000"
    assert new_id("A", "https://a.example/", ["a", "a-2"]) == "a-3"
    longest = new_id("long " * 30, "https://a.example/", [])
    assert Source(id=longest + "-1000", name="n", url="https://a.example/").id.startswith("long")
