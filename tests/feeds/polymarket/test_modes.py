"""The venue's trading mode as its answers tell it, and its clock beside ours."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from feeds.clock import Clock
from feeds.events import TradingMode, VenueMode
from feeds.markets import SECOND, Nanos
from feeds.polymarket.clock_skew import ClockSkew, compare
from feeds.polymarket.errors import VenueError
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import Reads
from feeds.polymarket.modes import VenueModes, mode_in
from feeds.polymarket.rest import ClobReader

from .loopback import Answer, Route, http_server
from .test_http import Naps, Script

DISABLED = "Trading is currently disabled. Check polymarket.com for updates"
CANCEL_ONLY = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
POST_ONLY = "post-only mode: only post-only orders and cancels are allowed"


class HandClock(Clock):
    """Time that is set by hand."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self.ns: Nanos = 1_790_000_000 * SECOND

    def now_ns(self) -> Nanos:
        return self.ns


class Told:
    def __init__(self, speed: float = 1.0) -> None:
        self.clock = HandClock(speed)
        self.events: list[VenueMode] = []
        self.modes = VenueModes(self.clock, self.events.append)

    @property
    def said(self) -> list[TradingMode]:
        return [event.mode for event in self.events]

    def last(self) -> TradingMode:
        return self.events[-1].mode

    def wait(self, seconds: float) -> None:
        self.clock.ns += int(seconds * SECOND)
        self.modes.tick()

    def refuse(self, status: int, said: str = "", retry_after_s: float | None = None) -> None:
        error = VenueError(
            "no", retryable=True, status=status, said=said, retry_after_s=retry_after_s
        )
        self.modes.refused("POST /order", error)


@pytest.mark.parametrize(
    ("status", "said", "mode"),
    [
        (425, "", TradingMode.RESTARTING),
        (503, POST_ONLY, TradingMode.POST_ONLY),
        (503, CANCEL_ONLY, TradingMode.CANCEL_ONLY),
        (503, DISABLED, TradingMode.DISABLED),
        (503, "", None),
        (503, "no healthy upstream", None),
        (400, POST_ONLY, None),
        (500, DISABLED, None),
        (None, DISABLED, None),
    ],
)
def test_a_refusal_tells_the_mode_or_nothing(
    status: int | None, said: str, mode: TradingMode | None
) -> None:
    assert mode_in(status, said) is mode


def test_a_restart_is_followed_by_two_minutes_of_post_only_trading() -> None:
    told = Told()
    told.refuse(425)
    told.refuse(425)
    told.wait(29)
    told.refuse(425)
    told.wait(29)
    assert told.said == [TradingMode.RESTARTING], "said once, and as long as it is heard of"
    told.wait(1)
    told.wait(119)
    assert told.said == [TradingMode.RESTARTING, TradingMode.POST_ONLY]
    told.wait(1)
    assert told.last() is TradingMode.NORMAL
    assert all(event.reason.startswith("the venue") for event in told.events)


def test_an_answer_where_there_was_none_ends_a_restart() -> None:
    told = Told()
    told.refuse(425)
    told.modes.answered("GET /time")
    assert told.said == [TradingMode.RESTARTING], "another door proves nothing"
    told.modes.answered("POST /order")
    assert told.last() is TradingMode.POST_ONLY


def test_an_order_that_was_taken_tells_how_the_venue_trades() -> None:
    told = Told()
    told.refuse(425)
    told.modes.order_taken(post_only=True)
    assert told.last() is TradingMode.POST_ONLY
    told.modes.order_taken(post_only=False)
    assert told.last() is TradingMode.NORMAL
    told.modes.order_taken(post_only=True)
    assert len(told.events) == 3


def test_the_venue_may_say_how_long_its_mode_lasts() -> None:
    told = Told()
    told.refuse(503, POST_ONLY, 40.0)
    told.wait(39)
    assert told.said == [TradingMode.POST_ONLY]
    told.wait(1)
    assert told.last() is TradingMode.NORMAL
    told.refuse(503, POST_ONLY, 60.0)
    told.wait(119)
    assert told.last() is TradingMode.POST_ONLY, "a wish as long as we listen to may be longer"


def test_a_restart_lasts_as_long_on_the_wall_in_a_faster_world() -> None:
    told = Told(speed=60)
    told.refuse(503, DISABLED)
    told.wait(59 * 60)
    assert told.said == [TradingMode.DISABLED]
    told.wait(60)
    assert told.last() is TradingMode.NORMAL


@asynccontextmanager
async def reading(route: Route, told: Told) -> AsyncIterator[ClobReader]:
    naps = Naps()
    async with http_server(route) as base, httpx.AsyncClient() as http:
        reads = Reads(http, sleep=naps, monotonic=naps.monotonic, modes=told.modes)
        yield ClobReader(Hosts.of(clob=base), http, told.clock, reads)


async def test_modes_are_read_from_whatever_is_asked() -> None:
    told = Told()
    body = json.dumps({"error": POST_ONLY, "code": "post_only_mode"}).encode()
    script = Script(Answer(status=425), Answer(body, 503), Answer(b"1790000000"))
    async with reading(script, told) as reader:
        await reader.time_ns()
    assert told.said == [TradingMode.RESTARTING, TradingMode.POST_ONLY]


@pytest.mark.parametrize(
    ("low_s", "high_s", "words"),
    [
        (-0.5, 0.6, ""),
        (1.9, 3.0, ""),
        (2.1, 3.2, "at least 2.1 s behind the venue's"),
        (-9.0, -7.5, "at least 7.5 s ahead of the venue's"),
        (-60.0, 60.0, ""),
    ],
)
def test_only_a_difference_beyond_doubt_is_told(low_s: float, high_s: float, words: str) -> None:
    sentence = ClockSkew(int(low_s * SECOND), int(high_s * SECOND)).sentence
    assert (words in sentence) if words else (sentence == "")


async def test_the_venues_clock_is_asked_and_compared() -> None:
    told = Told()
    async with reading(Script(Answer(b"1790000010")), told) as reader:
        skew = await compare(reader, told.clock)
    assert skew == ClockSkew(10 * SECOND, 11 * SECOND)
    assert "10.0 s behind" in skew.sentence
