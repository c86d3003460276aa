"""Published limits that refuse: a client that counts for itself never hears of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from httpx import ASGITransport

from feeds.clock import Clock
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import Reads
from feeds.polymarket.rest import ClobReader
from practice.api.rate_limits import EXACT, Bucket, Limits, spans_of
from practice.clock import MINUTE, SECOND
from practice.venue import Venue
from tests.practice.traders import floor

URL = "http://127.0.0.1"


@dataclass
class Wall:
    """A clock that a client's sleep moves, for both sides."""

    at_s: float = 1_795_500_000.0

    def now_ns(self) -> int:
        return round(self.at_s * SECOND)

    def monotonic(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@dataclass
class Here:
    venue: Venue
    wall: Wall
    http: httpx.AsyncClient
    statuses: list[int]

    @property
    def hosts(self) -> Hosts:
        ws = "ws://venue/ws/market"
        return Hosts(gamma=URL, clob=URL, data=URL, ws_market=ws, ws_user="ws://venue/ws/user")

    @property
    def reads(self) -> Reads:
        return Reads(self.http, sleep=self.wall.sleep, monotonic=self.wall.monotonic)


@pytest_asyncio.fixture
async def here() -> AsyncIterator[Here]:
    venue, wall, statuses = floor().venue, Wall(), list[int]()
    venue.limits._now_ns = wall.now_ns
    venue.limits.enforced = True

    async def note(response: httpx.Response) -> None:
        statuses.append(response.status_code)

    transport = ASGITransport(app=venue.app())
    hooks = {"response": [note]}
    async with httpx.AsyncClient(base_url=URL, transport=transport, event_hooks=hooks) as http:
        yield Here(venue, wall, http, statuses)


async def test_our_own_client_never_reaches_a_limit_however_much_it_wants(here: Here) -> None:
    rest = ClobReader(here.hosts, here.http, Clock(), here.reads)
    catalogue = Catalogue(here.hosts, here.http, here.reads)
    listings = list(here.venue.board.listings.values())
    begun_s = here.wall.at_s
    for number in range(400):
        listing = listings[number % len(listings)]
        await rest.book(listing.assets[number % 2])
        if number % 4 == 0:
            await rest.clob_market(listing.condition)
        if number % 40 == 0:
            assert [page async for page in catalogue.markets()]
    assert set(here.statuses) == {200}
    assert len(here.statuses) > 500
    assert 3 < here.wall.at_s - begun_s < 60


async def test_a_client_that_does_not_count_is_refused_and_told_when_to_come_back(
    here: Here,
) -> None:
    asset = here.venue.board.listings["free"].assets[0]
    answers = [await here.http.get("/tick-size", params={"token_id": asset}) for _ in range(205)]
    assert [one.status_code for one in answers] == 200 * [200] + 5 * [429]
    refusal = answers[-1]
    assert refusal.json() == {"error": "Too Many Requests"}
    assert refusal.headers["Retry-After"] == "1"
    # other endpoints and the control door are counted apart, and not at all
    assert (await here.http.get("/book", params={"token_id": asset})).status_code == 200
    assert (await here.http.get("/control/audit")).status_code == 200
    await here.wall.sleep(float(refusal.headers["Retry-After"]))
    again = [await here.http.get("/tick-size", params={"token_id": asset}) for _ in range(25)]
    assert [one.status_code for one in again] == 20 * [200] + 5 * [429]


async def test_limits_refuse_only_while_they_are_asked_to(here: Here) -> None:
    said = await here.http.post("/control/fault", json={"limits": False})
    assert said.json()["limits"] is False
    answers = [await here.http.get("/ok") for _ in range(150)]
    assert {one.status_code for one in answers} == {200}
    assert (await here.http.post("/control/fault", json={"limits": True})).json()["limits"] is True
    answers = [await here.http.get("/ok") for _ in range(150)]
    assert {one.status_code for one in answers} == {200, 429}
    await here.http.post("/control/fault", json={"clear": True})
    assert (await here.http.get("/ok")).status_code == 200
    assert (await here.http.get("/control/faults")).json()["limits"] is False


def test_short_and_long_spans_both_hold() -> None:
    wall = Wall()
    limits = Limits(wall.now_ns)
    spans = EXACT["DELETE", "/cancel-all"]
    assert spans == ((250, 10 * SECOND), (6_000, 10 * MINUTE))
    passed = 0
    for _ in range(600):
        while not limits.refuses("1.2.3.4", "DELETE", "/cancel-all"):
            passed += 1
        wall.at_s += 1.0
    # what ten minutes allow: a rested bucket of them, and what grew back meanwhile
    assert 11_900 < passed <= 12_000
    assert not limits.refuses("1.2.3.5", "DELETE", "/cancel-all")


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("GET", "/book", 1_500),
        ("POST", "/books", 500),
        ("GET", "/tick-size/123", 200),
        ("GET", "/data/orders", 500),
        ("GET", "/data/order/0xab", 900),
        ("POST", "/order", 5_000),
        ("DELETE", "/order", 5_000),
        ("GET", "/markets/keyset", 300),
        ("GET", "/markets/0xab", 9_000),
        ("GET", "/events/slug/a", 500),
        ("GET", "/auth/derive-api-key", 100),
        ("GET", "/spread", 9_000),
        ("GET", "/v2/value", 1_000),
        ("GET", "/v2/positions", 150),
    ],
)
def test_every_endpoint_has_its_published_limit(method: str, path: str, most: int) -> None:
    assert spans_of(method, path)[1][0] == (most, 10 * SECOND)


def test_a_bucket_tells_what_is_left_and_when_enough_will_be() -> None:
    bucket = Bucket(10, SECOND // 2)
    bucket.take(10, 0)
    assert (bucket.left(0), bucket.wait_s(3, 0), bucket.full_s(0)) == (0, 2, 5)
    assert (bucket.left(3 * SECOND), bucket.wait_s(3, 3 * SECOND)) == (6, 0)
    bucket.take(8, 3 * SECOND)
    assert bucket.left(3 * SECOND) == -2
