"""Asking the venue over a real HTTP connection on loopback."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from feeds.clock import Clock
from feeds.events import OddsPoint
from feeds.markets import SECOND, Market, MarketState
from feeds.polymarket import http as venue_http
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.errors import (
    STATUS_MEANING,
    TRANSPORT_ERRORS,
    VenueError,
    WireError,
    of_transport,
)
from feeds.polymarket.gamma import Refused
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import BODY_BYTES_MAX, TRIES_MAX, Bucket, Reads
from feeds.polymarket.rest import BOOKS_A_REQUEST_MAX, ClobReader

from .loopback import Answer, Asked, Route, http_server
from .test_gamma import PLAIN
from .toy import ToyVenue


class Naps:
    """Sleeps that only note how long they would have been, and the time that they make up."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.now = 1_000.0

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


class Script:
    """Answers one after the other, the last one for ever; keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def reads_from(route: Route) -> AsyncIterator[tuple[Reads, Naps, str, httpx.AsyncClient]]:
    naps = Naps()
    async with http_server(route) as base, httpx.AsyncClient() as http:
        reads = Reads(http, sleep=naps, chance=lambda: 1.0, monotonic=naps.monotonic)
        yield reads, naps, base, http


def wide() -> Bucket:
    return Bucket(rate=1_000, burst=1_000)


# ------------------------------------------------------------------------------------- reads


async def test_what_may_pass_is_asked_again_with_growing_pauses() -> None:
    script = Script(Answer(status=503), Answer(status=0), Answer(b"[]"))
    async with reads_from(script) as (reads, naps, base, _):
        assert await reads.get(f"{base}/x", [("a", "1"), ("a", "2")], wide()) == b"[]"
    assert naps.taken == [0.5, 1.0]
    assert script.asked[0].query == [("a", "1"), ("a", "2")]


async def test_asking_again_has_an_end_and_a_sentence() -> None:
    script = Script(Answer(b'{"error":"Internal server error"}', 500))
    async with reads_from(script) as (reads, _, base, _):
        with pytest.raises(VenueError, match="GET /x: the venue answered 500") as caught:
            await reads.get(f"{base}/x", (), wide())
    assert len(script.asked) == TRIES_MAX
    assert '"Internal server error"' in str(caught.value)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422, 201])
async def test_a_final_answer_is_not_asked_again(status: int) -> None:
    script = Script(Answer(b"<html>\x1b[31mBlocked</html>", status))
    async with reads_from(script) as (reads, naps, base, _):
        with pytest.raises(VenueError) as caught:
            await reads.get(f"{base}/x", (), wide())
    assert (len(script.asked), naps.taken) == (1, [])
    assert not caught.value.retryable
    assert caught.value.status == status
    assert str(caught.value).isprintable()
    assert "html" not in str(caught.value)


async def test_retry_after_is_obeyed_up_to_a_limit() -> None:
    script = Script(
        Answer(status=429, headers={"retry-after": "7"}),
        Answer(status=429, headers={"retry-after": "100000"}),
        Answer(status=425, headers={"retry-after": "tomorrow"}),
        Answer(b"1"),
    )
    async with reads_from(script) as (reads, naps, base, _):
        await reads.get(f"{base}/x", (), wide())
    assert naps.taken == [7.0, 60.0, 2.0]


async def test_a_refusal_for_haste_quiets_every_question_of_its_kind_and_halves_the_pace() -> None:
    script = Script(Answer(status=429, headers={"retry-after": "7"}), Answer(b"1"))
    bucket = Bucket(rate=10, burst=1)
    async with reads_from(script) as (reads, naps, base, _):
        await reads.get(f"{base}/x", (), bucket)
        assert naps.taken[0] == 7.0, "the venue's own wish"
        assert bucket.slowness == 2
        naps.taken.clear()
        await reads.get(f"{base}/x", (), bucket)
        assert naps.taken == [pytest.approx(0.2)], "five a second instead of ten"
        bucket.throttled(naps.now, 90.0)
        with pytest.raises(VenueError, match=r"too many questions are waiting already \(90 s\)"):
            await reads.get(f"{base}/x", (), bucket)


def test_a_lowered_pace_comes_back_step_by_step_and_has_a_floor() -> None:
    bucket = Bucket(rate=10, burst=1)
    for _ in range(9):
        bucket.throttled(0.0, 0.0)
    assert bucket.slowness == 16
    paces = []
    for minute in range(1, 7):
        bucket.wait_s(minute * 60.0)
        paces.append(bucket.slowness)
    assert paces == [8, 4, 2, 1, 1, 1]


async def test_a_small_answer_cannot_become_a_huge_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_http, "BODY_BYTES_MAX", 1_000_000)
    bomb = gzip.compress(b"0" * 50_000_000)
    script = Script(Answer(bomb, headers={"content-encoding": "gzip"}))
    async with reads_from(script) as (reads, _, base, _):
        with pytest.raises(VenueError, match="more than 1,000,000 bytes"):
            await reads.get(f"{base}/x", (), wide())
    assert BODY_BYTES_MAX < 2**30


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("gzip", gzip.compress(b"[1]", mtime=0), b"[1]"),
        ("deflate", zlib.compress(b"[1]"), b"[1]"),
        ("identity", b"[1]", b"[1]"),
        ("gzip", b"not gzip", None),
        ("br", b"[1]", None),
    ],
)
async def test_compression_is_undone_or_refused(
    encoding: str, body: bytes, expected: bytes | None
) -> None:
    script = Script(Answer(body, headers={"content-encoding": encoding}))
    async with reads_from(script) as (reads, _, base, _):
        if expected is not None:
            assert await reads.get(f"{base}/x", (), wide()) == expected
            return
        with pytest.raises(VenueError, match="compress"):
            await reads.get(f"{base}/x", (), wide())


async def test_nobody_listening_is_a_venue_error() -> None:
    async with httpx.AsyncClient() as http:
        reads = Reads(http, sleep=Naps())
        with pytest.raises(VenueError, match="the connection failed") as caught:
            await reads.get("http://127.0.0.1:1/x", (), wide())
    assert caught.value.retryable


def test_every_exception_of_the_http_client_has_a_meaning() -> None:
    def below(kind: type[Exception]) -> set[type[Exception]]:
        return {kind} | {sub for child in kind.__subclasses__() for sub in below(child)}

    for kind in below(httpx.RequestError):
        error = of_transport(kind.__new__(kind), "GET /x")
        assert str(error).startswith("GET /x: ")
    assert TRANSPORT_ERRORS[httpx.InvalidURL][0] is False
    with pytest.raises(ZeroDivisionError):
        of_transport(ZeroDivisionError(), "GET /x")
    assert all(retryable for status, (retryable, _) in STATUS_MEANING.items() if status >= 500)


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(rate=10, burst=3)
    assert [bucket.wait_s(100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.wait_s(100.0) == pytest.approx(0.1)
    assert bucket.wait_s(100.0) == pytest.approx(0.2)
    assert bucket.wait_s(101.0) == 0
    assert bucket.wait_s(50.0) == 0, "a clock that goes back gives and takes nothing"


async def test_too_long_a_queue_of_our_own_is_refused() -> None:
    script = Script(Answer(b"1"))
    async with reads_from(script) as (reads, naps, base, _):
        slow = Bucket(rate=0.02, burst=1)
        await reads.get(f"{base}/x", (), slow)
        with pytest.raises(VenueError, match="waiting already"):
            await reads.get(f"{base}/x", (), slow)
    assert (len(script.asked), naps.taken) == (1, [])


# --------------------------------------------------------------------------------- catalogue


def gamma_market(number: int, **changes: object) -> dict[str, object]:
    ids = json.dumps([f"{number}1", f"{number}2"])
    return PLAIN | {"conditionId": f"0x{number:064x}", "clobTokenIds": ids} | changes


def page(number: int, cursor: str | None, markets: list[dict[str, object]]) -> Answer:
    event = {"id": str(number), "title": f"Event {number}", "markets": markets, "tags": []}
    fields = {"events": [event]} | ({"next_cursor": cursor} if cursor else {})
    return Answer(json.dumps(fields).encode())


async def batches(
    script: Script, tag: str = "", pages_max: int = 50
) -> tuple[list[Market], Catalogue]:
    async with reads_from(script) as (reads, _, base, http):
        catalogue = Catalogue(Hosts.of(gamma=base), http, reads)
        found = [
            market
            async for batch in catalogue.markets(tag, pages_max=pages_max)
            for market in batch
        ]
    return found, catalogue


async def test_the_catalogue_follows_the_cursor_to_the_last_page() -> None:
    script = Script(
        page(1, "c1", [gamma_market(1)]),
        page(2, "c2", [gamma_market(2)]),
        page(3, None, [gamma_market(3)]),
    )
    found, _ = await batches(script, tag="tech")
    assert [market.event_title for market in found] == ["Event 1", "Event 2", "Event 3"]
    asked = [dict(one.query) for one in script.asked]
    assert [one.get("after_cursor") for one in asked] == [None, "c1", "c2"]
    assert {one["tag_slug"] for one in asked} == {"tech"}
    assert {one["closed"] for one in asked} == {"false"}
    assert script.asked[0].path == "/events/keyset"


async def test_a_cursor_that_leads_nowhere_ends_the_catalogue() -> None:
    script = Script(page(1, "same", [gamma_market(1)]))
    found, _ = await batches(script)
    assert len(found) == 1
    assert len(script.asked) == 2, "a page that brings nothing new is the last"


async def test_pages_have_a_limit() -> None:
    script = Script(*[page(number, "more", [gamma_market(number)]) for number in range(1, 20)])
    found, _ = await batches(script, pages_max=5)
    assert len(found) == len(script.asked) == 5


async def test_a_market_that_cannot_be_used_costs_only_itself_and_is_counted() -> None:
    bad: list[dict[str, object]] = [
        gamma_market(2, version="v9"),
        gamma_market(3, outcomes='["Yes"]'),
        gamma_market(4, question=["not", "text"]),
    ]
    script = Script(page(1, None, [gamma_market(1), *bad, gamma_market(5)]))
    found, catalogue = await batches(script)
    assert [market.assets[0] for market in found] == ["11", "51"]
    assert catalogue.refused == {"version": 1, "outcomes": 1, "question": 1}
    assert 'version: expected "v1" or "v2"' in str(catalogue.refusals["version"])


async def test_a_page_that_is_no_page_is_an_error_that_names_the_field() -> None:
    with pytest.raises(WireError, match="events"):
        await batches(Script(Answer(b'{"markets":[]}')))
    with pytest.raises(WireError, match="not JSON"):
        await batches(Script(Answer(b"maintenance")))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><head><title>Just a moment\x1b[31m...</title></head></html>", "Just a moment..."),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html><title>\n Sign in </title>", "Sign in"),
        (b"<html>maintenance</html>", "in place of JSON:"),
        (b'{"error":"market data is down"}', "market data is down"),
    ],
)
async def test_a_web_page_in_place_of_json_is_told_as_such(body: bytes, words: str) -> None:
    script = Script(Answer(body))
    async with reads_from(script) as (reads, _, base, _):
        with pytest.raises(VenueError, match="status 200") as caught:
            await reads.get(f"{base}/x", (), wide())
    assert words in str(caught.value)
    assert caught.value.retryable
    assert len(script.asked) == TRIES_MAX, "it may pass"
    assert str(caught.value).isprintable()


async def test_a_mark_before_json_is_taken_off() -> None:
    async with reads_from(Script(Answer(b"\xef\xbb\xbf[]"))) as (reads, _, base, _):
        assert await reads.get(f"{base}/x", (), wide()) == b"[]"


async def test_one_market_is_found_by_its_slug() -> None:
    def route(asked: Asked) -> Answer:
        if asked.path == "/markets/slug/will-it":
            return Answer(json.dumps(gamma_market(1)).encode())
        if asked.path == "/markets/slug/odd":
            return Answer(json.dumps(gamma_market(1, version="v7")).encode())
        return Answer(b'{"error":"not found"}', 404)

    async with reads_from(route) as (reads, _, base, http):
        catalogue = Catalogue(Hosts.of(gamma=base + "/"), http, reads)
        found = await catalogue.market_by_slug("will-it")
        assert isinstance(found, Market)
        assert isinstance(await catalogue.market_by_slug("odd"), Refused)
        assert await catalogue.market_by_slug("../markets/1?x=") is None


async def test_refreshing_asks_for_open_markets_and_then_for_the_closed_ones() -> None:
    everything = {f"0x{number:064x}": number for number in range(1, 151)}

    def route(asked: Asked) -> Answer:
        query = dict(asked.query)
        wanted = [value for key, value in asked.query if key == "condition_ids"]
        assert len(wanted) <= 100
        closed = query["closed"] == "true"
        markets = [
            gamma_market(everything[one], closed=closed, outcomePrices='["1","0"]')
            for one in wanted
            if one in everything and (everything[one] % 2 == 0) == closed
        ]
        return Answer(json.dumps({"markets": markets}).encode())

    async with reads_from(route) as (reads, _, base, http):
        catalogue = Catalogue(Hosts.of(gamma=base), http, reads)
        found = await catalogue.refresh([*everything, "0xdead"])
    assert [market.condition_id for market in found] == list(everything)
    assert found[0].state is MarketState.OPEN
    assert (found[1].state, found[1].winner) == (MarketState.RESOLVED, "21")


# -------------------------------------------------------------------------------------- CLOB


@asynccontextmanager
async def clob(route: Route) -> AsyncIterator[ClobReader]:
    async with reads_from(route) as (reads, _, base, http):
        yield ClobReader(Hosts.of(clob=base), http, Clock(), reads)


async def test_books_are_asked_for_five_hundred_at_a_time() -> None:
    toy = ToyVenue()
    sizes: list[int] = []

    def route(asked: Asked) -> Answer:
        ids = [one["token_id"] for one in json.loads(asked.body)]
        sizes.append(len(ids))
        books = [toy.book(one) for one in ids if one in toy.bids]
        stray = {"asset_id": "77", "bids": [], "asks": []}
        broken = {"asset_id": "1", "bids": [{"price": "2", "size": "1"}], "asks": []}
        return Answer(json.dumps([*books, stray, broken]).encode())

    async with clob(route) as reader:
        books = await reader.books([*toy.assets, *map(str, range(5_000, 5_700))])
        assert set(books) == set(toy.assets)
        assert dict(books["1001"].bids) == toy.bids["1001"]
        assert sizes == [BOOKS_A_REQUEST_MAX, 202]
        assert reader.refused == {"$.bids[0].price": 2}


async def test_one_book_is_the_one_that_was_asked_for() -> None:
    toy = ToyVenue()

    def route(asked: Asked) -> Answer:
        asset = dict(asked.query)["token_id"]
        if asset not in toy.bids:
            return Answer(b'{"error":"No orderbook exists for the requested token id"}', 404)
        return Answer(json.dumps(toy.book(toy.other(asset) if asset == "1002" else asset)).encode())

    async with clob(route) as reader:
        book = await reader.book("1001")
        assert dict(book.asks) == toy.asks["1001"]
        assert book.at_ns > book.venue_ns > 0 or book.venue_ns > book.at_ns
        with pytest.raises(VenueError, match="No orderbook exists"):
            await reader.book("9")
        with pytest.raises(WireError, match="asset that was asked for"):
            await reader.book("1002")


async def test_past_prices_come_in_order_of_time() -> None:
    script = Script(Answer(b'{"history":[{"t":1790000060,"p":0.5215},{"t":1790000000,"p":0.52}]}'))
    async with clob(script) as reader:
        first, second = await reader.prices_history("11", "6h", 5)
    assert isinstance(first, OddsPoint)
    assert (first.when_ns, first.price) == (1_790_000_000 * SECOND, 5_200)
    assert (second.when_ns, second.price) == (1_790_000_060 * SECOND, 5_215)
    assert dict(script.asked[0].query) == {"market": "11", "interval": "6h", "fidelity": "5"}


async def test_the_rest_of_the_public_half_is_typed() -> None:
    def route(asked: Asked) -> Answer:
        bodies = {
            "/time": b"1790000000",
            "/clob-markets/0xa": b'{"t":[{"t":"1"},{"t":"2"}],"mts":0.01,"mos":5}',
            "/markets/0xa": b'{"condition_id":"0xa","tokens":[{"token_id":"1","winner":true}]}',
        }
        return Answer(bodies.get(asked.path, b""), 200 if asked.path in bodies else 404)

    async with clob(route) as reader:
        assert await reader.time_ns() == 1_790_000_000 * SECOND
        assert (await reader.clob_market("0xa")).t[1].t == "2"
        assert (await reader.listed_market("0xa")).tokens[0].winner is True
        with pytest.raises(VenueError, match="404"):
            await reader.clob_market("0xa/../../x")
