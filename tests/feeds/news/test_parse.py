"""Every document becomes entries or one sentence; none opens a file, an address or a wound."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.news.dates import read_date
from feeds.news.entry import ENTRIES_MAX, FeedError
from feeds.news.parse import BODY_BYTES_MAX, DEPTH_MAX, TAGS_MAX, parse_feed
from tests.feeds.news.fuzz import read_or_refused
from tests.feeds.news.newsroom import item, rss
from tests.feeds.test_text import complaints

NANOS = 1_000_000_000
ATOM = (
    '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB">'
    "<title>Atoms</title>{}</feed>"
)
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">{}</rdf:RDF>'
)


def refusal(body: bytes) -> str:
    with pytest.raises(FeedError) as caught:
        parse_feed(body)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert not complaints(sentence)
    return sentence


def test_rss_gives_titles_links_dates_and_words() -> None:
    feed = parse_feed(
        rss(
            item(
                "Nvidia &amp; AMD <b>rise</b>",
                "https://a.example/1?utm_source=rss",
                "<p>Shares rose.</p><p>Again.</p>",
                "Tue, 24 Nov 2026 14:02:11 +0800",
                "id-1",
            ),
            title="Wire",
        )
    )
    assert (feed.format, feed.title) == ("RSS 2.0", "Wire")
    (entry,) = feed.entries
    assert entry.title == "Nvidia & AMD rise"
    assert entry.url == "https://a.example/1"
    assert entry.summary == "Shares rose.\n\nAgain."
    assert entry.published_ns == read_date("2026-11-24T06:02:11Z")
    assert entry.updated_ns is None
    assert entry.guid == "id-1"


def test_atom_keeps_text_as_text_and_reads_html_as_html() -> None:
    entries = (
        "<entry><title>Why &lt;T&gt; &amp;amp; not T</title><id>a</id>"
        '<link href="/x?fbclid=1"/><updated>2026-11-24T14:00:00Z</updated></entry>'
        '<entry><title type="html">Q&amp;amp;A &lt;i&gt;now&lt;/i&gt;</title><id>b</id></entry>'
        '<entry xml:lang="de"><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'
        "<b>Fett</b> &amp; gut</div></title><id>c</id></entry>"
    )
    feed = parse_feed(ATOM.format(entries).encode(), url="https://a.example/feed.atom")
    text, html, xhtml = feed.entries
    assert text.title == "Why <T> &amp; not T"
    assert text.url == "https://a.example/x"
    assert (text.published_ns, text.updated_ns) == (None, read_date("2026-11-24T14:00:00Z"))
    assert html.title == "Q&A now"
    assert xhtml.title == "Fett & gut"
    assert (feed.format, feed.language, xhtml.language) == ("Atom 1.0", "en-GB", "de")


def test_rdf_reads_the_date_of_dublin_core() -> None:
    body = RDF.format(
        '<item rdf:about="u1"><title>One</title><link>http://a.example/1</link>'
        "<dc:date>2026-11-24T14:00:00+01:00</dc:date><dc:creator>A. Writer</dc:creator></item>"
    )
    feed = parse_feed(body.encode())
    (entry,) = feed.entries
    assert (feed.format, entry.title, entry.author) == ("RSS 1.0", "One", "A. Writer")
    assert entry.updated_ns == read_date("2026-11-24T13:00:00Z")


def test_json_feed_is_read_with_leniency() -> None:
    body = msgspec.json.encode(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "Jay",
            "language": "en",
            "items": [
                {
                    "id": 7,
                    "title": "Text &amp; only",
                    "url": "https://a.example/7",
                    "content_html": "<p>Body &amp; soul</p>",
                    "date_published": "2026-11-24T14:00:00Z",
                    "authors": [{"name": "A. Writer"}],
                },
                "not an item",
                {"id": "8", "title": ["wrong"], "summary": 5, "date_modified": {}},
            ],
        }
    )
    feed = parse_feed(b"\xef\xbb\xbf" + body)
    seven, eight = feed.entries
    assert feed.format == "JSON Feed 1.1"
    assert (seven.guid, seven.title, seven.summary) == ("7", "Text &amp; only", "Body & soul")
    assert seven.published_ns == read_date("2026-11-24T14:00:00Z")
    assert (eight.guid, eight.title, eight.summary) == ("8", "", "")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"Service unavailable", "plain text"),
        (b"<!DOCTYPE html><html><head><title>x</title></head></html>", "web page"),
        (b"<HTML><body>hello</body></HTML>", "web page"),
        (b"<div>Access Denied</div>", "web page"),
        (b"<opml version='2.0'><body/></opml>", "OPML"),
        (b"<urlset xmlns='x'><url/></urlset>", "sitemap"),
        (b"<svg xmlns='x'></svg>", "root <svg>"),
        (b"<rss><channel><item><title>cut", "broken"),
        (b"{}", "not a JSON Feed"),
        (b"[1, 2]", "not a JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1"', "JSON is broken"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": 5}', "'items'"),
        (b'{"a":' * 100_000, "JSON is broken"),
        (b"[" * 1_000_000, "JSON is broken"),
        (b"x" * (BODY_BYTES_MAX + 1), "limit of 5"),
        (b"<rss><channel>" + b"<a>" * (DEPTH_MAX + 1), "deep"),
        (b"<rss><channel>" + b"<a/>" * (TAGS_MAX + 1), "tags"),
    ],
)
def test_what_is_no_feed_is_refused_in_one_sentence(body: bytes, reason: str) -> None:
    assert reason in refusal(body)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declarations",
    [
        f'<!DOCTYPE rss [<!ENTITY l0 "lol">{LAUGHS}]>',
        f'<!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]>',
        '<!DOCTYPE rss SYSTEM "http://a.example/x.dtd" [<!ENTITY % p SYSTEM "file:///x">%p;]>',
        "<!DOCTYPE rss PUBLIC \"a[b\" 'c>d' [ <!ENTITY x 'y'> ]>",
        "<!-- first --><?pi?> <!DOCTYPE rss [ ]>",
        '<!ENTITY x "y">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_a_document_that_declares_entities_is_refused_before_it_is_parsed(
    declarations: str, encoding: str
) -> None:
    document = f"{declarations}<rss><channel><item><title>&l9;&x;</title></item></channel></rss>"
    assert "declar" in refusal(document.encode(encoding))


def test_an_outer_dtd_is_neither_fetched_nor_a_reason_to_refuse() -> None:
    doctype = '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://127.0.0.1:1/rss.dtd">'
    body = f'{doctype}<rss version="0.91"><channel><item><title>x</title></item></channel></rss>'
    assert parse_feed(body.encode()).format == "RSS 0.91"


def test_bytes_that_spell_a_path_or_an_address_are_only_bytes(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_bytes(rss(item("secret")))
    for body in (str(secret).encode(), secret.as_uri().encode(), b"http://127.0.0.1:1/"):
        assert "plain text" in refusal(body)


def test_a_headline_full_of_escapes_and_markup_is_plain_text() -> None:
    title = "\x1b]52;c;eA==\x07<script>alert(1)</script>Chips&#27;[2J \u202e[red]up[/] [/"
    body = rss(item("PLACE", "javascript:alert(1)", "<img src='file:///etc/passwd'>&#x1b;[31mx"))
    for written in (title, f"<![CDATA[{title}]]>"):
        (entry,) = parse_feed(body.replace(b"PLACE", written.encode("utf-8"))).entries
        assert not complaints(entry.title)
        assert entry.title.endswith("[red]up[/] [/")
        assert entry.url == ""
        assert "\x1b" not in entry.summary


def test_illegal_characters_do_not_cost_the_document() -> None:
    body = rss(item("one\x00\x0b\uffff PLACE two")).replace(b" PLACE ", b"&#8;&#x1F;&#00;")
    (entry,) = parse_feed(body).entries
    assert entry.title == "onetwo"


def test_a_document_cut_off_inside_an_item_keeps_the_whole_items_only() -> None:
    body = rss(item("first"), item("second headline"))
    cut = body[: body.index(b"second") + 3]
    assert [entry.title for entry in parse_feed(cut).entries] == ["first"]


def test_only_so_many_entries_are_taken() -> None:
    body = rss(*(item(f"story {number}") for number in range(ENTRIES_MAX + 20)))
    entries = parse_feed(body).entries
    assert len(entries) == ENTRIES_MAX
    assert entries[0].title == "story 0"


def test_a_feed_wrapped_in_a_page_is_still_read() -> None:
    feed = "<html><body>" + ATOM.format("<entry><title>in a page</title></entry>")[21:]
    assert parse_feed((feed + "</body></html>").encode()).entries[0].title == "in a page"


def titles(*written: str) -> list[str]:
    items = "".join(f"<item><title>{title}</title><guid>g</guid></item>" for title in written)
    return [entry.title for entry in parse_feed(rss(items)).entries]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("S&P 500 falls as R&D costs rise, AT&T up", "S&P 500 falls as R&D costs rise, AT&T up"),
        ("Johnson & Johnson", "Johnson & Johnson"),
        ("Research&Development; more", "Research&Development; more"),
        ("a&copy=3 &notit &lt;5", "a&copy=3 &notit <5"),
        ("x &;&#;&#x; y", "x &;&#;&#x; y"),
        ("caf&eacute;&nbsp;&mdash;&hellip;", "café —…"),
        ("a < b, AMD <3 Nvidia & more", "a < b, AMD <3 Nvidia & more"),
        ("<![CDATA[R&D & AT&T &amp; co]]>", "R&D & AT&T & co"),
        ("50 &#37; &#x26; more", "50 % & more"),
        ("it&#8217 s", "it’ s"),
        ("Tom &AMP; Jerry", "Tom & Jerry"),
    ],
)
def test_bare_ampersands_and_brackets_are_text(written: str, title: str) -> None:
    assert titles(written, "second") == [title, "second"]


def test_bare_ampersands_stay_in_addresses_and_summaries() -> None:
    body = (
        b'<rss version="2.0"><channel><item><title>t</title><link>https://ex.test/a?x=1&y=2&copy=3'
        b"</link><description>Q&A on R&D, see https://ex.test/?a=1&section=2&times=3"
        b"</description></item><item><title>u</title><description>&lt;p&gt;R&amp;D &amp;copy 2026 "
        b"&amp;nbsp;AT&amp;amp;T &amp;lt;x&amp;gt;&lt;/p&gt;</description></item></channel></rss>"
    )
    one, two = parse_feed(body).entries
    assert one.url == "https://ex.test/a?x=1&y=2&copy=3"
    assert one.summary == "Q&A on R&D, see https://ex.test/?a=1&section=2&times=3"
    assert two.summary == "R&D © 2026 AT&T <x>"
    atom = ATOM.format('<entry><title>t</title><id>1</id><link href="/?x=1&copy=2&y"/></entry>')
    (entry,) = parse_feed(atom.encode(), "https://a.example/").entries
    assert entry.url == "https://a.example/?x=1&copy=2&y"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("up &#55357;&#56960; today", "up 🚀 today"),
        ("up &#xD83D;&#xDE80; today", "up 🚀 today"),
        ("up &#x0d83d;&#056960; today", "up 🚀 today"),
        ("up &amp;#55357;&amp;#56960; today", "up 🚀 today"),
        ("<![CDATA[up &#55357;&#56960; today]]>", "up 🚀 today"),
        ("one &#55357; half", "one \ufffd half"),
        ("other &#xDE80;&#xD83D; half", "other \ufffd half"),
        ("<![CDATA[one &#55357; half]]>", "one \ufffd half"),
        ("beyond &#1114112; it", "beyond \ufffd it"),
        ("beyond &#x110000; it", "beyond \ufffd it"),
        ("far beyond &#99999999999999999999999; it", "far beyond \ufffd it"),
        ("no &#0;&#11;&#xFFFF;sign", "no sign"),
    ],
)
def test_a_reference_to_what_is_no_sign_costs_the_sign(written: str, title: str) -> None:
    assert titles(written, "second") == [title, "second"]


def test_a_json_feed_is_not_lost_by_half_a_pair_or_a_line_end_inside_a_text() -> None:
    head = '{"version": "https://jsonfeed.org/version/1.1", "items": ['
    items = (
        r'{"id": 1, "title": "up \ud83d\ude80 and \ud83d down"}, '
        '{"id": "2", "title": "two\nlines\tand \x1b[31mred", "date_published": 1795528931}]}'
    )
    one, two = parse_feed((head + items).encode()).entries
    assert one.title.startswith("up 🚀 and")
    assert one.title.endswith("down")
    assert two.title == "two lines and red"
    assert two.published_ns == read_date("2026-11-24T14:02:11Z")


@pytest.mark.parametrize(
    "written",
    [
        "AMD \x1b[31mred alert",
        "AMD &#27;[31mred alert",
        "AMD &#x1b;[31mred\x1b[0m alert",
        "<![CDATA[AMD \x1b[1;31mred alert]]>",
        "AMD \x1b]0;title\x07red alert",
        "AMD &#27;]8;;https://x.test/&#7;red alert",
        "<![CDATA[<b>AMD</b> \x1b[31mred alert]]>",
    ],
)
def test_nothing_is_left_of_an_escape_sequence(written: str) -> None:
    assert titles(written) == ["AMD red alert"]


MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'
REAL = "<title>Real headline</title><description>The real summary.</description>"


@pytest.mark.parametrize(
    "picture",
    [
        "<media:content url='https://i.test/a.jpg'><media:description>A photo</media:description>"
        "<media:title>IMG 1</media:title><media:credit>B</media:credit></media:content>",
        "<media:group><media:content><media:description>A photo</media:description>"
        "</media:content><media:title>IMG 1</media:title></media:group>",
        "<media:description type='html'>A photo</media:description><media:title>IMG</media:title>",
        "<media:thumbnail url='https://i.test/a.jpg'/><media:text>A photo</media:text>",
        "<image><url>https://i.test/a.jpg</url><title>IMG 1</title><link>https://i.test/</link>"
        "<description>A photo</description></image>",
        "<photo><title>IMG 1</title><description>A photo</description></photo>",
        "<enclosure url='https://i.test/a.jpg' length='1' type='image/jpeg'/>",
        "<source url='https://s.test/rss'><title>IMG</title></source>",
    ],
)
def test_the_description_wins_over_a_photos_caption(picture: str) -> None:
    link = "<link>https://ex.test/1</link>"
    for inner in (picture + REAL + link, REAL + link + picture, link + picture + REAL):
        body = f"<rss version='2.0' {MEDIA}><channel><item>{inner}</item></channel></rss>"
        (entry,) = parse_feed(body.encode()).entries
        assert entry.title == "Real headline"
        assert entry.summary == "The real summary."
        assert entry.url == "https://ex.test/1"


def test_other_descriptions_stand_in_where_there_is_none() -> None:
    inner = (
        f"<item {MEDIA}><media:group><media:title>A film</media:title>"
        "<media:description>What it shows</media:description></media:group></item>"
        "<item xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>Told</dc:title>"
        "<dc:description>By Dublin</dc:description></item>"
        f"<item {MEDIA} xmlns:content='http://purl.org/rss/1.0/modules/content/'>"
        "<media:description>A photo</media:description><title>t</title>"
        "<content:encoded>&lt;p&gt;The text&lt;/p&gt;</content:encoded></item>"
        "<item xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><title>t</title>"
        "<itunes:summary>Of the show</itunes:summary><description>Of the item</description></item>"
    )
    film, dublin, text, show = parse_feed(rss(inner)).entries
    assert (film.title, film.summary) == ("A film", "What it shows")
    assert (dublin.title, dublin.summary) == ("Told", "By Dublin")
    assert text.summary == "The text"
    assert show.summary == "Of the item"


@pytest.mark.parametrize(
    ("links", "url"),
    [
        (
            '<link rel="alternate" href="/s"/><link rel="enclosure">https://i.test/1.jpg</link>',
            "/s",
        ),
        ('<link rel="enclosure">https://i.test/1.jpg</link><link href="/s"/>', "/s"),
        ('<link href="/s"/><link rel="alternate" href="gemini://b.test/2"/>', "/s"),
        ('<link rel="alternate" href="gemini://b.test/2"/><link href="/s"/>', "/s"),
        ('<link rel="http://www.iana.org/assignments/relation/alternate" href="/s"/>', "/s"),
        ('<link rel="https://www.iana.org/assignments/link-relations/alternate" href="/s"/>', "/s"),
        ('<link rel="ALTERNATE nofollow" href="/s"/><link rel="self" href="/e.atom"/>', "/s"),
        ('<link rel="self" href="/e.atom"/><link rel="related" href="/s"/>', "/s"),
        ('<link rel="alternate" type="application/atom+xml" href="/f"/><link href="/s"/>', "/s"),
        ('<link rel="alternate" type="application/pdf" href="/s"/>', "/s"),
        ('<link rel="replies" href="/c"/><link rel="edit" href="/e"/>', ""),
        ('<link rel="alternate"/><link href=""/><link href=" "/>', ""),
        ('<link rel="enclosure" href="/s"/>', "/s"),
    ],
)
def test_the_storys_link_is_chosen_from_all_of_them(links: str, url: str) -> None:
    entry = f"<entry><title>t</title><id>12345</id>{links}</entry>"
    (read,) = parse_feed(ATOM.format(entry).encode(), "https://a.example/feed").entries
    assert read.url == (f"https://a.example{url}" if url else "")
    assert read.guid == "12345"


@pytest.mark.parametrize(
    ("inner", "guid", "url"),
    [
        ("<guid>12345</guid>", "12345", ""),
        ("<guid>/s/1</guid>", "/s/1", ""),
        ("<guid>https://w.test/1</guid>", "https://w.test/1", "https://w.test/1"),
        ("<guid isPermaLink='false'>https://w.test/1</guid>", "https://w.test/1", ""),
        ("<link>https://w.test/s</link><guid>https://w.test/1</guid>", "https://w.test/1", "/s"),
        ("<guid>https://w.test/1</guid><link>https://w.test/s</link>", "https://w.test/1", "/s"),
        ("<guid>https://w.test/1</guid><link/>", "https://w.test/1", "https://w.test/1"),
        ("<guid>tag:w.test,2026:1</guid>", "tag:w.test,2026:1", ""),
    ],
)
def test_an_id_is_kept_as_it_is_and_is_an_address_only_where_it_says_so(
    inner: str, guid: str, url: str
) -> None:
    body = rss(f"<item><title>t</title>{inner}</item>")
    (entry,) = parse_feed(body, "https://w.test/rss").entries
    assert entry.guid == guid
    assert entry.url == (f"https://w.test{url}" if url.startswith("/") else url)


def test_an_atom_id_is_no_address_and_no_base_is_put_before_it() -> None:
    entries = "<entry><title>a</title><id>https://a.example/1</id></entry>"
    entries += '<entry xml:base="https://b.example/x/"><title>b</title><id>7</id></entry>'
    one, two = parse_feed(ATOM.format(entries).encode(), "https://a.example/feed").entries
    assert (one.guid, one.url) == ("https://a.example/1", "")
    assert (two.guid, two.url) == ("7", "")


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    read_or_refused(body)
