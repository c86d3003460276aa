"""The practice newsroom over a real server on loopback: feeds, conditional requests, faults."""

import json
import socket
import threading
import zlib
from collections.abc import Iterator
from datetime import date
from itertools import islice

import feedparser
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from practice.api.newsroom import ITEMS_MAX, Newsroom
from practice.world.catalogue import catalogue
from practice.world.stories import SOURCES, SourceSpec, StorySpec, schedule

SECOND = 1_000_000_000
START_NS = 1_800_000_000 * SECOND
RSS = SourceSpec(id="a", name="Sample & Daughters", format="rss")
ATOM = SourceSpec(id="b", name="Sample <Atom>", format="atom")
JSON = SourceSpec(id="c", name="Sample JSON", format="json")
FORMATS = (RSS, ATOM, JSON)


class Served:
    """A server in a thread of its own, a client that talks to it, and a newsroom to be renewed."""

    def __init__(self) -> None:
        # asyncio turns Nagle's delay off only where the socket names its protocol
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.open(FORMATS)
        config = uvicorn.Config(
            self._answer, log_level="critical", ws="none", lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        # connections wait in the listener's queue until the server takes them
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        self.client = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    def open(self, sources: tuple[SourceSpec, ...]) -> None:
        """A new and empty newsroom in place of the last one."""
        self.newsroom = Newsroom(self.url, sources)
        self._app = Starlette(routes=self.newsroom.routes())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def feed(self, source: SourceSpec) -> str:
        urls = dict(zip(("a", "b", "c"), self.newsroom.feed_urls(), strict=True))
        return urls[source.id]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    served = Served()
    yield served
    served.close()


@pytest.fixture
def served(server: Served) -> Served:
    server.open(FORMATS)
    return server


@pytest.fixture(scope="module")
def press() -> Iterator[Served]:
    """The real sources after the first few hundred stories of a world."""
    served = Served()
    served.open(SOURCES)
    for story in islice(schedule(7, catalogue(7, date(2026, 11, 24))), 400):
        served.newsroom.publish(story, START_NS + int(story.at_s * SECOND))
    yield served
    served.close()


def _story(number: int, source: SourceSpec = RSS, **changed: str) -> StorySpec:
    values = {
        "id": f"story-{number}",
        "telling_of": f"story-{number}",
        "source": source.id,
        "title": f"Chips & crisps <{number}>",
        "summary": "Practice story: invented, not news.",
        "kind": "news",
        "replaces": "",
    } | changed
    return StorySpec(effects=(), at_s=float(number), **values)


def _entries(response: httpx.Response) -> list[dict[str, str]]:
    """Id, title, link, dates, author of each entry, whatever the format."""
    if "json" in response.headers["content-type"]:
        return [
            {
                "id": item["id"],
                "title": item["title"],
                "link": item["url"],
                "published": item["date_published"],
                "updated": item["date_modified"],
                "author": item["authors"][0]["name"],
            }
            for item in json.loads(response.content)["items"]
        ]
    parsed = feedparser.parse(response.content)
    names = ("id", "title", "link", "published", "updated", "author")
    # plain lookups: feedparser's own fill in `updated` from `published`, with a warning
    return [{name: dict.get(entry, name, "") for name in names} for entry in parsed.entries]


def test_every_real_feed_parses_and_says_that_it_is_practice(press: Served) -> None:
    for source, url in zip(SOURCES, press.newsroom.feed_urls(), strict=True):
        response = press.get(url)
        assert response.status_code == 200
        if source.format == "json":
            document = json.loads(response.content)
            assert document["version"] == "https://jsonfeed.org/version/1.1"
            assert "practice" in document["title"]
            assert document["language"] == "en"
            assert document["feed_url"] == url
        else:
            parsed = feedparser.parse(response.content, response_headers=dict(response.headers))
            assert parsed.version == {"rss": "rss20", "atom": "atom10"}[source.format]
            assert "practice" in parsed.feed.title
            assert parsed.feed.language == "en"
            # only the source that prints control characters breaks the rules of XML
            assert bool(parsed.bozo) == (source.id == "loose-type"), parsed.get("bozo_exception")
        entries = _entries(response)
        assert 5 <= len(entries) <= ITEMS_MAX
        assert all(entry["id"] and entry["link"] and entry["author"] for entry in entries)


def test_every_entry_leads_to_a_page_that_shows_its_headline(press: Served) -> None:
    links = [e["link"] for url in press.newsroom.feed_urls() for e in _entries(press.get(url))]
    pages = [press.get(link) for link in links[::9] if link.startswith("http")]
    assert len(pages) > 10
    for page in pages:
        assert page.status_code == 200
        assert "Practice story: invented, not news." in page.text
        assert page.headers["content-security-policy"] == "default-src 'none'"


def test_hostile_headlines_arrive_as_they_were_written(press: Served) -> None:
    told = islice(schedule(7, catalogue(7, date(2026, 11, 24))), 400)
    hostile = {f"urn:practice:story:{s.id}": s for s in told if s.kind == "hostile"}
    urls = press.newsroom.feed_urls()
    arrived = {e["id"]: e for url in urls for e in _entries(press.get(url)) if e["id"] in hostile}
    assert len(arrived) >= 8
    as_written = [i for i, entry in arrived.items() if entry["title"] == hostile[i].title]
    assert len(as_written) >= 6
    if "urn:practice:story:hostile-ansi" in arrived:
        assert "\x1b[31m" in arrived["urn:practice:story:hostile-ansi"]["title"]


@pytest.mark.parametrize("source", FORMATS, ids=lambda source: source.format)
def test_markup_and_controls_are_text_in_every_format(served: Served, source: SourceSpec) -> None:
    title = "<b>Bold</b> & \x1b[31mred\x1b[0m \u202eturned \x07 ]]> \"quoted\" '练习'"
    served.newsroom.publish(_story(1, source, title=title), START_NS)
    response = served.get(served.feed(source))
    if source is JSON:
        assert _entries(response)[0]["title"] == title
    else:
        assert b"&lt;b&gt;Bold&lt;/b&gt; &amp; &#27;[31mred&#27;[0m" in response.content
        assert len(_entries(response)) == 1
        assert "\x1b[31mred" in _entries(response)[0]["title"]


def test_a_nul_is_served_as_a_reference(served: Served) -> None:
    served.newsroom.publish(_story(1, title="a\x00b"), START_NS)
    served.newsroom.publish(_story(2, JSON, title="a\x00b"), START_NS)
    assert b"a&#0;b" in served.get(served.feed(RSS)).content
    assert _entries(served.get(served.feed(JSON)))[0]["title"] == "a\x00b"


@pytest.mark.parametrize("source", FORMATS, ids=lambda source: source.format)
def test_a_link_of_its_own_stands_in_the_feed(served: Served, source: SourceSpec) -> None:
    link = "javascript:alert('practice')"
    served.newsroom.publish(_story(1, source, link=link), START_NS)
    assert b"javascript:alert(" in served.get(served.feed(source)).content
    assert served.get("/stories/story-1").status_code == 200


@pytest.mark.parametrize("source", FORMATS, ids=lambda source: source.format)
def test_feeds_hold_the_last_forty_newest_first(served: Served, source: SourceSpec) -> None:
    for number in range(ITEMS_MAX + 5):
        served.newsroom.publish(_story(number, source), START_NS + number * SECOND)
    entries = _entries(served.get(served.feed(source)))
    newest_first = [f"urn:practice:story:story-{n}" for n in range(ITEMS_MAX + 4, 4, -1)]
    assert [entry["id"] for entry in entries] == newest_first
    assert entries[0]["title"] == f"Chips & crisps <{ITEMS_MAX + 4}>"


@pytest.mark.parametrize("source", FORMATS, ids=lambda source: source.format)
def test_an_edit_keeps_id_link_and_place_and_changes_headline_and_time(
    served: Served, source: SourceSpec
) -> None:
    served.newsroom.publish(_story(1, source), START_NS)
    served.newsroom.publish(_story(2, source), START_NS + 60 * SECOND)
    before = _entries(served.get(served.feed(source)))
    edit = _story(3, source, title="A second headline", kind="edit", replaces="story-1")
    served.newsroom.publish(edit, START_NS + 120 * SECOND)
    after = _entries(served.get(served.feed(source)))
    assert [entry["id"] for entry in after] == [entry["id"] for entry in before]
    assert after[0] == before[0]
    assert after[1]["title"] == "A second headline"
    assert after[1]["link"] == before[1]["link"]
    assert after[1]["published"] == before[1]["published"]
    assert after[1]["updated"] == "2027-01-15T08:02:00.000Z"
    assert "A second headline" in served.get("/stories/story-1").text


def test_an_edit_of_a_story_that_is_gone_changes_nothing(served: Served) -> None:
    served.newsroom.publish(_story(1), START_NS)
    before = served.get(served.feed(RSS))
    served.newsroom.publish(_story(2, kind="edit", replaces="never-told"), START_NS + SECOND)
    assert served.get(served.feed(RSS)).headers["etag"] == before.headers["etag"]


@pytest.mark.parametrize("source", FORMATS, ids=lambda source: source.format)
def test_an_unchanged_feed_is_not_sent_again(served: Served, source: SourceSpec) -> None:
    served.newsroom.publish(_story(1, source), START_NS)
    url = served.feed(source)
    first = served.get(url)
    tag, since = first.headers["etag"], first.headers["last-modified"]
    assert tag.startswith('"')
    for headers in (
        {"if_none_match": tag},
        {"if_none_match": f'"other", W/{tag}'},
        {"if_none_match": "*"},
        {"if_modified_since": since},
        {"if_none_match": tag, "if_modified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        again = served.get(url, **headers)
        assert again.status_code == 304, headers
        assert again.content == b""
        assert again.headers["etag"] == tag
    for headers in (
        {"if_none_match": '"other"'},
        {"if_none_match": '"other"', "if_modified_since": since},
        {"if_modified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if_modified_since": "not a date"},
    ):
        assert served.get(url, **headers).status_code == 200, headers


def test_every_change_within_one_second_has_a_later_last_modified(served: Served) -> None:
    url = served.feed(RSS)
    seen = []
    for number in range(3):
        served.newsroom.publish(_story(number), START_NS + number)
        seen.append(served.get(url).headers["last-modified"])
        assert served.get(url, if_modified_since=seen[-1]).status_code == 304
    served.newsroom.publish(_story(9, kind="edit", replaces="story-1"), START_NS + 9)
    assert served.get(url, if_modified_since=seen[-1]).status_code == 200
    assert len(set(seen)) == 3


def test_a_story_page_shows_tags_as_text(served: Served) -> None:
    title = "<script>alert('practice')</script>\x1b[31m"
    served.newsroom.publish(_story(1, title=title, summary="<p onclick=x>a</p>"), START_NS)
    page = served.get("/stories/story-1").text
    assert "&lt;script&gt;alert(&#x27;practice&#x27;)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "<p onclick" not in page
    assert "\x1b" not in page


def test_what_is_not_there_is_said_to_be_missing(served: Served) -> None:
    for path in ("/feeds/none.xml", "/feeds/a.json", "/feeds/a", "/stories/none"):
        assert served.get(path).status_code == 404


def test_a_story_is_published_once_and_by_a_known_source(served: Served) -> None:
    served.newsroom.publish(_story(1), START_NS)
    with pytest.raises(ValueError, match="'story-1' is already published"):
        served.newsroom.publish(_story(1), START_NS)
    with pytest.raises(KeyError, match="nowhere"):
        served.newsroom.publish(
            _story(2, source=SourceSpec(id="nowhere", name="", format="rss")), 0
        )


def test_faults_answer_as_broken_servers_do(served: Served) -> None:
    assert served.get("/faults/500").status_code == 500
    page = served.get("/faults/html")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert served.get("/faults/not-modified-always").status_code == 304
    assert feedparser.parse(served.get("/faults/truncated").content).bozo
    laughs = served.get("/faults/entities").content
    assert len(laughs) < 2_000
    assert laughs.count(b"<!ENTITY") == 10


def test_a_redirect_loop_leads_nowhere(served: Served) -> None:
    with pytest.raises(httpx.TooManyRedirects):
        served.client.get("/faults/redirect-loop", follow_redirects=True)


def test_the_huge_feed_is_ten_mebibytes_of_entries(served: Served) -> None:
    body = served.get("/faults/huge").content
    assert 10 << 20 <= len(body) < 12 << 20
    assert body.count(b"<item>") > 50_000
    assert body.endswith(b"</channel></rss>\n")


def test_the_gzip_bomb_is_small_on_the_wire_and_a_gibibyte_at_home(served: Served) -> None:
    with served.client.stream("GET", "/faults/gzip-bomb") as response:
        assert response.headers["content-encoding"] == "gzip"
        wire = b"".join(response.iter_raw())
    assert len(wire) < 2 << 20
    assert int.from_bytes(wire[-4:], "little") > 1 << 30
    head = zlib.decompressobj(wbits=31).decompress(wire, 40 << 20)
    assert len(head) == 40 << 20
    assert head.startswith(b"<?xml")


@pytest.mark.parametrize(("path", "wanted"), [("/faults/endless", 4 << 20), ("/faults/drip", 8)])
def test_endless_bodies_end_when_the_reader_leaves(served: Served, path: str, wanted: int) -> None:
    read = 0
    with served.client.stream("GET", path) as response:
        for chunk in response.iter_raw():
            read += len(chunk)
            if read >= wanted:
                break
    assert read >= wanted
    assert served.get("/faults/500").status_code == 500
