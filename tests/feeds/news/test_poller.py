"""The poller as the engine runs it: real sockets, real parser process, a market that runs fast."""

import asyncio
import gzip
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.clock import Clock
from feeds.events import Story
from feeds.markets import SECOND
from feeds.news.dedupe import MemoryFormatError
from feeds.news.fetch import Fetcher, Limits
from feeds.news.poller import (
    BACKOFF_S_MAX,
    JITTER,
    SITE_FETCHES_MAX,
    SITE_GAP_S,
    Hints,
    NewsPoller,
    SourceHealth,
    SourceState,
    _Places,
    next_poll_ns,
    site_of,
)
from feeds.news.source import Source
from feeds.news.worker import ParseWorker
from tests.feeds.news.newsroom import (
    Feed,
    Handler,
    Newsroom,
    answer,
    endless,
    eventually,
    item,
    raw,
    redirect,
    rss,
)
from tests.feeds.test_text import complaints

SPEED = 600.0
EVERY_S = 60


def stamp(ahead_s: float = 0.0) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + ahead_s))


class Desk:
    """What a run of the poller told."""

    def __init__(self, room: Newsroom) -> None:
        self.room = room
        self.stories: list[Story] = []
        self.rows: dict[str, SourceHealth] = {}
        self.parser = ParseWorker(parse_s_max=1.0)
        self.clock = Clock(SPEED, time.time_ns())
        self.poller: NewsPoller

    def source(self, path: str, every_s: int = EVERY_S) -> Source:
        name = path.strip("/").replace("/", "-")
        return Source(id=name, name=name.title(), url=self.room.url(path), every_s=every_s)

    def hear(self, row: SourceHealth) -> None:
        self.rows[row.source_id] = row

    def polls(self, name: str) -> int:
        return self.rows[name].counts.polls if name in self.rows else 0

    @asynccontextmanager
    async def polling(self, *paths: str, memory: bytes = b"") -> AsyncIterator[None]:
        limits = Limits(first_byte_s=0.4, whole_s=0.8, body_bytes=200_000)
        self.poller = NewsPoller(
            [self.source(path) for path in paths],
            self.clock,
            self.stories.append,
            self.hear,
            memory=memory,
            fetcher=Fetcher(limits),
            parser=self.parser,
        )
        running = asyncio.create_task(self.poller.run())
        try:
            yield
        finally:
            # what went wrong in it must not hide behind the cancellation
            cancelled = running.cancel()
            done = await asyncio.gather(running, return_exceptions=True)
            assert cancelled, done


@pytest.fixture
def desk(room: Newsroom) -> Desk:
    return Desk(room)


async def test_new_stories_are_told_as_they_come(room: Newsroom, desk: Desk) -> None:
    feed = room.pages["/wire"] = Feed()
    feed.add("Alibaba integrating Qwen into smart glasses", "http://w.example/1", date=stamp())
    async with desk.polling("/wire"):
        await eventually(lambda: len(desk.stories) == 1)
        feed.add("Chips rise on export news", "http://w.example/2", date=stamp())
        feed.add("Court lets suit go on", "http://w.example/3", date=stamp())
        await eventually(lambda: len(desk.stories) == 3)
    titles = [story.title for story in desk.stories]
    assert titles[1:] == ["Chips rise on export news", "Court lets suit go on"]
    row = desk.rows["wire"]
    assert (row.state, row.counts.new, row.counts.failures) == (SourceState.OK, 3, 0)
    assert row.next_poll_ns > row.last_success_ns > 0


async def test_an_unchanged_feed_is_asked_conditionally_and_never_parsed(
    room: Newsroom, desk: Desk
) -> None:
    feed = room.pages["/wire"] = Feed()
    feed.add("One story", date=stamp())
    async with desk.polling("/wire"):
        await eventually(lambda: feed.unchanged >= 5)
        parses = desk.parser.parses
    first, second, *_ = room.asked("/wire")
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"] == '"v1"'
    assert second.headers["if-modified-since"].startswith("Tue, 24 Nov 2026")
    assert parses == 1
    assert desk.rows["wire"].counts.unchanged >= 4


async def test_a_server_without_validators_costs_no_parse_either(
    room: Newsroom, desk: Desk
) -> None:
    room.pages["/wire"] = answer(rss(item("One story", date=stamp())))
    async with desk.polling("/wire"):
        await eventually(lambda: desk.polls("wire") >= 5)
    assert desk.parser.parses == 1
    assert len(desk.stories) == 1


async def test_an_edit_is_told_in_place_and_a_retelling_joins_its_cluster(
    room: Newsroom, desk: Desk
) -> None:
    wire = room.pages["/wire"] = Feed()
    post = room.pages["/post"] = Feed()
    wire.add("Alibaba integrating Qwen into smart glasses", "http://w.example/1", date=stamp())
    async with desk.polling("/wire", "/post"):
        await eventually(lambda: len(desk.stories) == 1)
        post.add("Alibaba puts Qwen into smart glasses", "http://p.example/9", date=stamp())
        await eventually(lambda: len(desk.stories) == 2)
        wire.replace(item("Alibaba confirms Qwen smart glasses", "http://w.example/1"))
        await eventually(lambda: len(desk.stories) == 3)
    first, retold, edited = desk.stories
    assert (edited.id, edited.revision) == (first.id, 1)
    assert (retold.source, retold.cluster_id) == ("post", first.cluster_id)
    assert retold.novelty < first.novelty
    assert desk.rows["wire"].counts.edits == 1


BOMB = gzip.compress(b"\0" * 50_000_000)
LAUGHS = b'<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel/></rss>'
HANGING = b"<rss><channel><item>" + b'<b x="' * 30_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD: dict[str, tuple[Handler, str]] = {
    "/500": (answer(b"", "500 Oops"), "trouble of its own"),
    "/html": (answer(b"<!DOCTYPE html><html></html>"), "web page"),
    "/endless": (endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), "bigger than"),
    "/drip": (endless(CHUNKED, b"1\r\nx\r\n", 0.05), "more than 0.8 s"),
    "/silent": (raw(hang=True), "No answer within"),
    "/big": (answer(rss(*[item("story " * 20)] * 2_000)), "bigger than"),
    "/gzip": (answer(BOMB, content_encoding="gzip"), "bigger than"),
    "/laughs": (answer(LAUGHS), "entities"),
    "/loop": (redirect("/loop"), "redirects"),
    "/file": (redirect("file:///etc/passwd"), "not followed"),
    "/cut": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<rss>"), "breaks off"),
    "/deep": (answer(b"<rss><channel>" + b"<a>" * 9_000), "deep"),
    "/hang": (answer(HANGING), "deep|broken|more than"),
    "/nobody": (answer(b"", "404 Not Found"), "404"),
}


async def test_bad_feeds_get_a_sentence_each_and_leave_a_good_one_punctual(
    room: Newsroom, desk: Desk
) -> None:
    good = room.pages["/good"] = Feed()
    room.pages.update({path: page for path, (page, _) in BAD.items()})
    async with desk.polling(*BAD, "/good"):
        for number in range(8):
            good.add(f"Story number{number} of the day", f"http://g.example/{number}", date=stamp())
            await eventually(lambda wanted=number + 1: len(desk.stories) == wanted)  # type: ignore[misc]
        await eventually(lambda: all(desk.polls(path.strip("/")) for path in BAD))
    gaps = [
        after.at_s - before.at_s
        for before, after in zip(room.asked("/good"), room.asked("/good")[1:], strict=False)
    ]
    assert max(gaps) < 2.0
    assert desk.rows["good"].state is SourceState.OK
    for path, (_, reason) in BAD.items():
        row = desk.rows[path.strip("/")]
        assert row.state is SourceState.FAILING, path
        assert any(part in row.sentence for part in reason.split("|")), (path, row.sentence)
        assert row.sentence.endswith(".")
        assert not complaints(row.sentence)
    assert {story.source for story in desk.stories} == {"good"}


async def test_a_failing_source_is_asked_less_and_less_and_forgiven_at_once(
    room: Newsroom, desk: Desk
) -> None:
    feed = Feed()
    feed.add("Back again", date=stamp())
    room.pages["/wire"] = answer(b"", "500 Oops")
    async with desk.polling("/wire"):
        await eventually(lambda: desk.polls("wire") >= 3)
        row = desk.rows["wire"]
        assert row.counts.failures >= 3
        assert row.next_poll_ns - desk.clock.now_ns() > 3 * EVERY_S * SECOND
        room.pages["/wire"] = feed
        await eventually(lambda: desk.rows["wire"].state is SourceState.OK)
        await eventually(lambda: feed.unchanged >= 2)


async def test_a_document_that_can_not_be_read_is_parsed_once_not_at_every_poll(
    room: Newsroom, desk: Desk
) -> None:
    room.pages["/wire"] = answer(b"<html></html>", etag='"1"')
    async with desk.polling("/wire"):
        await eventually(lambda: desk.polls("wire") >= 3)
        assert desk.parser.parses == 1
        assert "web page" in desk.rows["wire"].sentence
        room.pages["/wire"] = answer(rss(item("Repaired", date=stamp())))
        await eventually(lambda: desk.stories)
        await eventually(lambda: desk.rows["wire"].state is SourceState.OK)


async def test_a_parser_that_somebody_kills_costs_no_story(room: Newsroom, desk: Desk) -> None:
    feed = room.pages["/wire"] = Feed()
    async with desk.polling("/wire"):
        for number in range(3):
            feed.add(f"Story number{number} of the day", f"http://w.example/{number}", date=stamp())
            await eventually(lambda wanted=number + 1: len(desk.stories) == wanted)  # type: ignore[misc]
            assert desk.parser._process is not None
            os.kill(desk.parser._process.pid, signal.SIGKILL)
    assert desk.parser.starts >= 3
    assert desk.rows["wire"].counts.failures == 0


async def test_a_feed_that_is_gone_is_parked_and_the_others_go_on(
    room: Newsroom, desk: Desk
) -> None:
    room.pages["/gone"] = answer(b"", "410 Gone")
    room.pages["/wire"] = answer(rss(item("One", date=stamp())))
    async with desk.polling("/gone", "/wire"):
        await eventually(lambda: desk.polls("wire") >= 5)
    assert desk.rows["gone"].state is SourceState.PARKED
    assert desk.rows["gone"].next_poll_ns == 0
    assert len(room.asked("/gone")) == 1


async def test_a_server_that_asks_for_patience_gets_it(room: Newsroom, desk: Desk) -> None:
    room.pages["/wire"] = answer(b"", "429 Slow down", retry_after="7200")
    async with desk.polling("/wire"):
        await eventually(lambda: desk.polls("wire") == 1)
        row = desk.rows["wire"]
        assert row.state is SourceState.THROTTLED
        assert row.next_poll_ns - desk.clock.now_ns() > 6_000 * SECOND


async def test_a_permanent_move_is_remembered(room: Newsroom, desk: Desk) -> None:
    feed = room.pages["/new"] = Feed()
    feed.add("Moved house", date=stamp())
    room.pages["/old"] = redirect("/new", "301 Moved Permanently")
    async with desk.polling("/old"):
        await eventually(lambda: feed.unchanged >= 3)
        memory = desk.poller.memory()
    assert len(room.asked("/old")) == 1
    asked = len(room.asked("/new"))
    async with desk.polling("/old", memory=memory):
        await eventually(lambda: len(room.asked("/new")) > asked)
    assert len(room.asked("/old")) == 1


async def test_a_restart_tells_nothing_twice_and_asks_conditionally(
    room: Newsroom, desk: Desk
) -> None:
    feed = room.pages["/wire"] = Feed()
    feed.add("Told before", "http://w.example/1", date=stamp())
    async with desk.polling("/wire"):
        await eventually(lambda: feed.unchanged)
    memory = desk.poller.memory()
    served = len(room.requests)
    async with desk.polling("/wire", memory=memory):
        await eventually(lambda: len(room.requests) > served + 1)
        feed.add("While we slept", "http://w.example/2", date="")
        await eventually(lambda: len(desk.stories) > 1)
    assert "if-none-match" in room.requests[served].headers
    assert [story.title for story in desk.stories] == ["Told before", "While we slept"]


async def test_a_stop_between_fetch_and_story_loses_no_story(room: Newsroom, desk: Desk) -> None:
    feed = room.pages["/wire"] = Feed()
    feed.add("Nearly lost", date=stamp())
    await desk.parser.parse(rss())
    async with desk.polling("/wire"):
        await eventually(lambda: desk.parser.parses == 2)  # asked for, and stopped at once
    memory = desk.poller.memory()
    async with desk.polling("/wire", memory=memory):
        await eventually(lambda: desk.stories)
    assert [story.title for story in desk.stories] == ["Nearly lost"]


async def test_a_frozen_feed_is_noticed_by_its_newest_date(room: Newsroom, desk: Desk) -> None:
    old = stamp(-300 * 86_400)
    room.pages["/wire"] = answer(rss(item("Long ago", date=old), item("Longer", date=old)))
    async with desk.polling("/wire"):
        await eventually(lambda: desk.polls("wire"))
    row = desk.rows["wire"]
    assert row.state is SourceState.FROZEN
    assert "300 days" in row.sentence or "301 days" in row.sentence
    assert (row.counts.old, desk.stories) == (2, [])


async def test_a_frozen_feed_is_still_known_after_a_restart_that_hears_nothing_new(
    room: Newsroom, desk: Desk
) -> None:
    feed = room.pages["/wire"] = Feed()
    feed.add("Long ago", date=stamp(-300 * 86_400))
    async with desk.polling("/wire"):
        await eventually(lambda: desk.polls("wire"))
    memory = desk.poller.memory()
    desk.rows.clear()
    async with desk.polling("/wire", memory=memory):
        await eventually(lambda: desk.polls("wire"))
    row = desk.rows["wire"]
    assert row.counts.unchanged == row.counts.polls
    assert row.state is SourceState.FROZEN


async def test_a_source_that_publishes_seldom_is_asked_less_often(
    room: Newsroom, desk: Desk
) -> None:
    feed = room.pages["/wire"] = Feed()
    for n in range(5):
        feed.add(f"Story {n}", f"http://w.example/{n}", date=stamp(-n * 7_200))
    source = msgspec.structs.replace(desk.source("/wire"), slowest_s=1_500)
    rows: list[SourceHealth] = []
    poller = NewsPoller([source], desk.clock, desk.stories.append, rows.append, parser=desk.parser)
    running = asyncio.create_task(poller.run())
    await eventually(lambda: any(row.next_poll_ns for row in rows))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    row = next(row for row in rows if row.next_poll_ns)
    wait_s = (row.next_poll_ns - row.last_success_ns) / SECOND
    # a second of the wall between the answer and the plan is ten minutes of this market
    assert 1_500 * (1 - JITTER) <= wait_s <= 1_500 * (1 + JITTER) + SPEED


async def test_a_headline_full_of_escapes_is_told_as_text(room: Newsroom, desk: Desk) -> None:
    title = "<![CDATA[\x9b2J<script>x</script>Chips &#27;]52;c;eA==&#7; [/red] \u202eup]]>"
    body = rss(item("PLACE", date=stamp())).replace(b"PLACE", title.encode())
    room.pages["/wire"] = answer(body)
    async with desk.polling("/wire"):
        await eventually(lambda: desk.stories)
    assert not complaints(desk.stories[0].title)
    assert desk.stories[0].title.endswith("[/red] up")


async def test_a_listener_that_fails_is_a_bug_and_surfaces(room: Newsroom, desk: Desk) -> None:
    room.pages["/wire"] = answer(rss(item("One", date=stamp())))

    def fail(story: Story) -> None:
        raise RuntimeError("our own bug")

    poller = NewsPoller([desk.source("/wire")], desk.clock, fail, parser=desk.parser)
    with pytest.raises(ExceptionGroup) as caught:
        await poller.run()
    assert caught.group_contains(RuntimeError, match="our own bug")


async def test_a_source_that_is_switched_off_is_not_asked(room: Newsroom, desk: Desk) -> None:
    off = Source(id="off", name="Off", url=room.url("/off"), enabled=False)
    poller = NewsPoller([off], desk.clock, desk.stories.append, desk.hear, parser=desk.parser)
    running = asyncio.create_task(poller.run())
    await eventually(lambda: "off" in desk.rows)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert desk.rows["off"].state is SourceState.OFF
    assert room.requests == []


class StandingClock(Clock):
    """Time stands; who would sleep says for how long."""

    def __init__(self) -> None:
        super().__init__(1.0, time.time_ns())
        self.slept: list[float] = []
        self._at_ns = super().now_ns()

    def now_ns(self) -> int:
        return self._at_ns

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_one_site_is_asked_by_two_at_once_with_a_pause_between() -> None:
    clock = StandingClock()
    places = _Places(clock)
    inside = most = 0

    async def ask(number: int) -> None:
        nonlocal inside, most
        async with places.one(f"https://n{number}.substack.com/feed", suspect=False):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*map(ask, range(5)))
    assert clock.slept == [number * SITE_GAP_S for number in range(5)]
    assert most == SITE_FETCHES_MAX == 2


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://semianalysis.substack.com/feed", "substack.com"),
        ("https://www.bbc.co.uk/news/rss.xml", "bbc.co.uk"),
        ("https://36kr.com/feed", "36kr.com"),
        ("http://127.0.0.1:8080/feeds/a.xml", "127.0.0.1"),
        ("http://[::1]/feed", "::1"),
        ("http://localhost/feed", "localhost"),
    ],
)
def test_a_site_is_what_its_hosts_share(url: str, site: str) -> None:
    assert site_of(url) == site


def test_two_sources_of_one_id_are_refused() -> None:
    source = Source(id="a", name="A", url="https://a.example/")
    with pytest.raises(ValueError, match="id of its own"):
        NewsPoller([source, source], Clock(), print)


def test_bytes_that_are_no_memory_are_refused() -> None:
    with pytest.raises(MemoryFormatError, match="remove the file"):
        NewsPoller([], Clock(), print, memory=b"junk")


@pytest.mark.parametrize(
    ("every_s", "hints", "chance", "wait_s"),
    [
        (60, Hints(), 0.5, 60),
        (60, Hints(), 0.0, 54),
        (60, Hints(), 1.0, 66),
        (60, Hints(failures=1), 0.5, 120),
        (60, Hints(failures=4), 0.5, 960),
        (60, Hints(failures=1_000), 0.5, BACKOFF_S_MAX),
        (86_400, Hints(failures=9), 0.5, 86_400),
        (60, Hints(failures=1, retry_after_s=3_600), 0.0, 3_600),
        (60, Hints(failures=1, retry_after_s=3_600), 1.0, 3_960),
        (600, Hints(failures=1, retry_after_s=5), 0.5, 1_200),
    ],
)
def test_when_to_ask_again(every_s: int, hints: Hints, chance: float, wait_s: float) -> None:
    assert next_poll_ns(7, every_s, hints, chance) == 7 + int(wait_s * SECOND)


@given(
    st.integers(5, 86_400),
    st.integers(0, 10_000),
    st.floats(0, 86_400),
    st.floats(0, 1),
)
def test_no_wait_is_shorter_than_wished_or_longer_than_the_ceiling(
    every_s: int, failures: int, retry_after_s: float, chance: float
) -> None:
    wait_s = next_poll_ns(0, every_s, Hints(failures, retry_after_s), chance) / SECOND
    assert wait_s >= every_s * (1 - JITTER) - 1e-6
    assert wait_s >= retry_after_s - 1e-6
    assert wait_s <= (1 + JITTER) * max(BACKOFF_S_MAX, every_s, retry_after_s) + 1e-6
