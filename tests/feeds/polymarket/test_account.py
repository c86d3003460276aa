"""The account over REST: signed requests, whole pages, and what ended unheard."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from feeds.clock import Clock
from feeds.events import OrderState, Settlement
from feeds.markets import SECOND, SHARE, Nanos
from feeds.polymarket.account.reader import AccountReader
from feeds.polymarket.account.user_channel import Credentials
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import Reads

from .loopback import Answer, Asked, http_server
from .test_http import Naps
from .test_user_channel import OURS, SECRET, Account, maker, order, trade

KEY = Credentials("the-api-key", SECRET, "the-passphrase", "0xAdd4e55")
CURSOR = "LTE="


def test_requests_are_signed_as_the_venues_own_client_signs_them(shared_data: Path) -> None:
    told = json.loads((shared_data / "vectors" / "l2_headers.json").read_bytes())
    assert len(told["cases"]) >= 5
    for case in told["cases"]:
        key = Credentials(told["api_key"], case["secret"], told["passphrase"], told["address"])
        body = case["body"] or ""
        made = key.headers(case["method"], case["request_path"], body, case["timestamp"])
        assert made == case["headers"], case["signed_message"]


def test_a_secret_that_cannot_be_one_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="not url-safe base64") as caught:
        Credentials("key", "not base64: ü", "pass")
    assert "ü" not in str(caught.value)
    assert caught.value.__suppress_context__
    unpadded = Credentials("key", SECRET.rstrip("="), "pass")
    assert unpadded.headers("GET", "/x", "", 1) == Credentials("key", SECRET, "pass").headers(
        "GET", "/x", "", 1
    )


class FixedClock(Clock):
    def now_ns(self) -> Nanos:
        return 1_790_000_000 * SECOND


class Venue:
    """Rows by path, two a page; every request must be signed."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.known: dict[str, dict[str, Any] | None] = {}
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        path = unquote(asked.path)
        if asked.headers.get("poly_signature") != _signature(asked.path):
            return Answer(b'{"error":"Unauthorized/Invalid api key"}', 401)
        if path.startswith("/data/order/"):
            order_id = path.removeprefix("/data/order/")
            if order_id not in self.known:
                return Answer(b'{"error":"not found"}', 404)
            return Answer(json.dumps(self.known[order_id]).encode())
        rows = self.orders if path == "/data/orders" else self.trades
        cursor = dict(asked.query)["next_cursor"]
        at = 0 if cursor == "MA==" else int(cursor)
        following = str(at + 2) if at + 2 < len(rows) else CURSOR
        page = {"data": rows[at : at + 2], "next_cursor": following, "limit": 2, "count": 2}
        return Answer(json.dumps(page).encode())


def _signature(path: str) -> str:
    return KEY.headers("GET", path, "", 1_790_000_000)["POLY_SIGNATURE"]


@asynccontextmanager
async def reading(venue: Any, credentials: Credentials = KEY) -> AsyncIterator[AccountReader]:
    naps = Naps()
    async with http_server(venue) as base, httpx.AsyncClient() as http:
        reads = Reads(http, sleep=naps, monotonic=naps.monotonic)
        yield AccountReader(Hosts.of(clob=base), http, FixedClock(), credentials, reads)


def rest_order(number: int, **changes: object) -> dict[str, Any]:
    return order("", "LIVE", id=f"0x{number}", **changes) | {"event_type": ""}


async def test_every_page_is_read() -> None:
    venue = Venue()
    venue.orders = [rest_order(number) for number in range(5)]
    async with reading(venue) as reader:
        assert [one.id for one in await reader.open_orders()] == [f"0x{n}" for n in range(5)]
        assert [dict(one.query)["next_cursor"] for one in venue.asked] == ["MA==", "2", "4"]
        assert await reader.trades(since_s=1_789_000_000, condition_id="0xa") == []
    assert dict(venue.asked[-1].query) == {
        "after": "1789000000",
        "market": "0xa",
        "next_cursor": "MA==",
    }


async def test_a_page_of_which_a_part_cannot_be_read_is_refused_whole() -> None:
    venue = Venue()
    venue.orders = [rest_order(1), {"id": 7}]
    async with reading(venue) as reader:
        with pytest.raises(WireError):
            await reader.open_orders()


async def test_a_cursor_that_never_ends_is_given_up() -> None:
    def endless(asked: Asked) -> Answer:
        number = len(seen)
        seen.append(asked)
        return Answer(json.dumps({"data": [], "next_cursor": str(number)}).encode())

    seen: list[Asked] = []
    async with reading(endless) as reader:
        with pytest.raises(WireError, match="more than 500 pages"):
            await reader.trades()

    def circling(asked: Asked) -> Answer:
        return Answer(b'{"data":[],"next_cursor":"again"}')

    async with reading(circling) as reader:
        assert await reader.trades() == []


async def test_a_key_that_is_wrong_is_a_sentence_without_the_key() -> None:
    wrong = Credentials("the-api-key", "d3Jvbmc=", "the-passphrase", "0xAdd4e55")
    async with reading(Venue(), wrong) as reader:
        with pytest.raises(VenueError, match="401, it does not accept our key") as caught:
            await reader.open_orders()
    assert "the-passphrase" not in str(caught.value)


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (order("", "CANCELED", "40"), (OrderState.CANCELLED, 40 * SHARE)),
        (order("", "MATCHED", "100"), (OrderState.FILLED, 100 * SHARE)),
        (None, (OrderState.OPEN, 0)),
    ],
)
async def test_an_order_that_ended_unheard_is_found(
    known: dict[str, Any] | None, state: tuple[OrderState, int]
) -> None:
    account, venue = Account(), Venue()
    account.expect()
    account.hear(order("PLACEMENT", "LIVE"))
    venue.orders = [rest_order(5)]
    venue.known[OURS] = known | {"event_type": ""} if known else None
    async with reading(venue) as reader:
        await reader.tell(account.channel)
        account.listen()
        assert account.state() == state
        assert account.channel.strangers == {"0x5"}, "left over from elsewhere"
        assert await reader.order("0xnever") is None


async def test_a_fill_that_was_missed_is_told_once() -> None:
    account, venue = Account(), Venue()
    account.expect()
    account.hear(order("PLACEMENT", "LIVE"))
    venue.orders = [rest_order(9, size_matched="60") | {"id": OURS}]
    venue.trades = [trade("TRADE_STATUS_CONFIRMED", maker()) | {"event_type": "", "type": ""}]
    async with reading(venue) as reader:
        for _ in range(2):
            await reader.tell(account.channel, since_s=1_789_000_000)
            account.listen()
    assert account.state() == (OrderState.OPEN, 60 * SHARE)
    assert list(account.stages.values()) == [Settlement.CONFIRMED]
