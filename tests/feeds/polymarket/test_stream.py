"""The market stream against a real WebSocket server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import httpx
import pytest

from feeds.book import OrderBook
from feeds.clock import Clock
from feeds.events import (
    BookHealth,
    BookSnapshot,
    BookState,
    Event,
    Gap,
    LevelChange,
    Print,
)
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.limits import ChannelLimits
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream, StreamHealth, StreamState

from .loopback import LoopbackVenue
from .toy import ToyVenue

FAST = replace(ChannelLimits().divided(100), pong_max_ns=10_000_000_000)
"""Silence 0.3 s, PING every 0.1 s, first back-off 5 ms; PONG may be late on a busy machine."""


LOOK_EVERY_S = 0.02


class Desk:
    """Keeps what the stream says, and books built from it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.books: dict[str, OrderBook] = {}
        self.states: dict[str, BookState] = {}
        self.health: list[StreamHealth] = []
        self._news = asyncio.Event()

    def hear(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, BookSnapshot):
                self.books.setdefault(event.asset_id, OrderBook(event.asset_id))
                self.books[event.asset_id].apply_snapshot(event)
            elif isinstance(event, LevelChange):
                self.books[event.asset_id].apply_change(event)
            elif isinstance(event, Gap):
                for asset_id in event.asset_ids:
                    self.books.pop(asset_id, None)
            elif isinstance(event, BookHealth):
                self.states[event.asset_id] = event.state
        self._news.set()

    def hear_health(self, health: StreamHealth) -> None:
        self.health.append(health)
        self._news.set()

    async def until(self, holds: Callable[[], bool], seconds: float = 10) -> None:
        """Looked at after each piece of news, and now and then: not all that counts is told."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._news.wait()

    def agrees_with(self, toy: ToyVenue) -> bool:
        return all(
            asset in self.books
            and (self.books[asset].bids, self.books[asset].asks) == toy.levels(asset)
            for asset in toy.assets
        )

    def all_in(self, state: BookState, assets: list[str]) -> bool:
        return all(self.states.get(asset) is state for asset in assets)


@asynccontextmanager
async def streaming(
    venue: LoopbackVenue,
    desk: Desk,
    limits: ChannelLimits = FAST,
    shard_max: int = 200,
    standby: bool = False,
) -> AsyncIterator[MarketStream]:
    hosts = Hosts.of(clob=venue.http_base, ws_market=venue.ws_url)
    clock = Clock()
    async with httpx.AsyncClient() as http:
        reader = ClobReader(hosts, http, clock)
        stream = MarketStream(
            hosts,
            clock,
            desk.hear,
            desk.hear_health,
            reader,
            limits,
            shard_max,
            lambda: 0.5,
            standby,
        )
        task = asyncio.create_task(stream.run())
        try:
            yield stream
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled(), task.exception()


async def test_books_and_prints_arrive_and_equal_the_venues() -> None:
    toy, desk = ToyVenue(markets=3), Desk()
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk) as stream:
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy))
        for _ in range(200):
            await venue.tell(toy.wander())
        await venue.tell(*toy.trade("1001"))
        await desk.until(lambda: any(isinstance(event, Print) for event in desk.events))
        assert desk.agrees_with(toy)
        assert desk.all_in(BookState.LIVE, toy.assets)


async def test_a_stream_that_only_answers_pings_is_noticed_and_replaced() -> None:
    toy, desk = ToyVenue(markets=2), Desk()
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk) as stream:
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy))
        venue.frozen = True
        toy.wander(), toy.set_level("1001", "BUY", 4_900, 77_000_000)
        await desk.until(lambda: desk.states["1001"] is BookState.STALE)
        await desk.until(lambda: desk.states["1001"] is BookState.FROZEN)
        assert desk.books["1001"].bids == toy.bids["1001"], "kept fresh over REST"
        await desk.until(lambda: venue.connections == 2)
        venue.frozen = False
        await desk.until(lambda: desk.all_in(BookState.LIVE, toy.assets))
        assert desk.agrees_with(toy)
        assert any("PONG comes, books do not" in health.sentence for health in desk.health)


async def test_a_cut_tells_a_gap_and_brings_fresh_books() -> None:
    toy, desk = ToyVenue(markets=2), Desk()
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk) as stream:
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy))
        await venue.cut()
        toy.set_level("2001", "SELL", 5_100, 0)
        await desk.until(lambda: any(isinstance(event, Gap) for event in desk.events))
        await desk.until(lambda: desk.agrees_with(toy))
        gap = next(event for event in desk.events if isinstance(event, Gap))
        assert set(gap.asset_ids) == set(toy.assets)
        after = desk.events[desk.events.index(gap) :]
        first: dict[str, type[Event]] = {}
        for event in after:
            if isinstance(event, BookSnapshot | LevelChange):
                first.setdefault(event.asset_id, type(event))
        assert set(first.values()) == {BookSnapshot}
        assert venue.connections == 2


async def test_quiet_markets_are_told_from_frozen_ones() -> None:
    toy, desk = ToyVenue(), Desk()
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk) as stream:
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.all_in(BookState.QUIET, toy.assets))
        assert desk.agrees_with(toy)
        await venue.tell(toy.wander())
        await desk.until(lambda: desk.all_in(BookState.LIVE, toy.assets))
        assert venue.connections == 1


async def test_assets_are_spread_over_connections_and_move_freely() -> None:
    toy, desk = ToyVenue(markets=5), Desk()
    async with (
        LoopbackVenue(toy).running() as venue,
        streaming(venue, desk, shard_max=4) as stream,
    ):
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy))
        assert [len(channel.wanted) for channel in stream.channels] == [4, 4, 2]
        stream.set_wanted(toy.assets[:2])
        await desk.until(lambda: desk.states["5001"] is BookState.CLOSED)
        assert [len(channel.wanted) for channel in stream.channels] == [2, 0, 0]
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy))


async def test_a_venue_that_is_not_there_is_told_and_waited_for() -> None:
    toy, desk = ToyVenue(), Desk()
    async with LoopbackVenue(toy).running() as venue:
        venue.ws_url = "ws://127.0.0.1:1/ws/market"
        async with streaming(venue, desk) as stream:
            stream.set_wanted(toy.assets)
            await desk.until(lambda: len(desk.health) >= 3)
            assert desk.health[-1].state is StreamState.DOWN
            assert "connecting failed" in desk.health[-1].sentence
            assert not any(isinstance(event, BookSnapshot) for event in desk.events)


async def test_a_mistake_of_ours_ends_the_run_loudly() -> None:
    toy, desk = ToyVenue(), Desk()

    def stumble(events: list[Event]) -> None:
        desk.hear(events)
        if any(isinstance(event, LevelChange) for event in events):
            raise ZeroDivisionError("a mistake of ours")

    async with LoopbackVenue(toy).running() as venue, httpx.AsyncClient() as http:
        hosts = Hosts.of(clob=venue.http_base, ws_market=venue.ws_url)
        reader = ClobReader(hosts, http, Clock())
        stream = MarketStream(hosts, Clock(), stumble, desk.hear_health, reader, FAST)
        stream.set_wanted(toy.assets)
        task = asyncio.create_task(stream.run())
        await desk.until(lambda: desk.agrees_with(toy))
        await venue.tell(toy.wander())
        with pytest.raises(ExceptionGroup) as caught:
            await task
        assert caught.value.subgroup(ZeroDivisionError) is not None


async def test_a_message_in_fragments_is_one_message() -> None:
    toy, desk = ToyVenue(), Desk()
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk) as stream:
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy))
        text = toy.wander().decode()
        await venue.tell_in_fragments([text[:50], text[50:90], text[90:]])
        await desk.until(lambda: desk.agrees_with(toy))
        assert stream.channels[0].counts == {}


async def test_a_venue_that_drops_every_session_at_once_is_not_asked_in_a_tight_loop() -> None:
    toy, desk = ToyVenue(), Desk()
    limits = replace(FAST, backoff_first_ns=20_000_000, backoff_max_ns=80_000_000)
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk, limits) as stream:
        venue.drops = True
        stream.set_wanted(toy.assets)
        loop = asyncio.get_running_loop()
        start = loop.time()
        await desk.until(lambda: venue.connections >= 5)
        # 15, 30, 60 and 60 ms at the middle of the jitter
        assert loop.time() - start >= 0.16
        assert any("the venue closed the connection (1011)" in h.sentence for h in desk.health)
        venue.drops = False
        await desk.until(lambda: desk.agrees_with(toy))


@pytest.mark.parametrize("code", [1000, 1008, 4002])
async def test_a_goodbye_of_any_code_is_told_and_followed_by_a_new_connection(code: int) -> None:
    toy, desk = ToyVenue(), Desk()
    async with LoopbackVenue(toy).running() as venue, streaming(venue, desk) as stream:
        venue.drops, venue.drop_code = True, code
        stream.set_wanted(toy.assets)
        await desk.until(lambda: any(f"({code})" in h.sentence for h in desk.health))
        venue.drops = False
        await desk.until(lambda: desk.agrees_with(toy))


async def test_twelve_hundred_assets_are_followed_where_a_connection_takes_two_hundred() -> None:
    toy, desk = ToyVenue(markets=600), Desk()
    async with LoopbackVenue(toy).running() as venue:
        venue.assets_max = 200
        async with streaming(venue, desk, ChannelLimits()) as stream:
            stream.set_wanted(toy.assets)
            await desk.until(lambda: desk.agrees_with(toy), seconds=20)
            assert len(desk.states) == 1_200
            assert desk.all_in(BookState.LIVE, toy.assets)
            assert [len(channel.wanted) for channel in stream.channels] == [200] * 6
            assert venue.connections == 6
            desk.events.clear()
            for market in range(1, 601):
                frame = toy.set_level(f"{market}001", "BUY", 4_600, 77_000_000)
                await venue.tell(frame)
            await desk.until(lambda: len(desk.events) >= 1_200, seconds=20)
            assert desk.agrees_with(toy)


async def test_a_frozen_connection_is_replaced_by_its_standby_within_two_seconds() -> None:
    toy, desk = ToyVenue(markets=2), Desk()
    async with (
        LoopbackVenue(toy).running() as venue,
        streaming(venue, desk, ChannelLimits(), standby=True) as stream,
    ):
        stream.set_wanted(toy.assets)
        await desk.until(lambda: desk.agrees_with(toy) and len(desk.health) >= 2)
        await desk.until(lambda: venue.connections == 2)
        await venue.tell(*toy.trade("1001"))
        await desk.until(lambda: any(isinstance(event, Print) for event in desk.events))
        venue.freeze_oldest()
        loop = asyncio.get_running_loop()
        start = loop.time()
        await venue.tell(toy.wander(), *toy.trade("2001"))
        await desk.until(lambda: stream.takeovers == 1 and desk.agrees_with(toy))
        assert loop.time() - start < 2
        prints = [event for event in desk.events if isinstance(event, Print)]
        assert [event.asset_id for event in prints] == ["1001", "2001"], "none lost, none twice"
        assert not any(isinstance(event, Gap) for event in desk.events)
        await venue.tell(toy.wander())
        await desk.until(lambda: desk.agrees_with(toy))


async def test_a_cut_costs_no_gap_when_another_connection_stands_by() -> None:
    toy, desk = ToyVenue(markets=2), Desk()
    limits = replace(ChannelLimits(), backoff_first_ns=5_000_000, proven_ns=0)
    async with (
        LoopbackVenue(toy).running() as venue,
        streaming(venue, desk, limits, standby=True) as stream,
    ):
        stream.set_wanted(toy.assets)
        (share,) = stream._shares

        def both_live() -> bool:
            channels = [connection.channel for connection in share.connections]
            return all(channel.states() == {BookState.LIVE: 4} for channel in channels)

        await desk.until(both_live)
        for cut in range(1, 4):
            venue.cut_oldest()
            await desk.until(lambda cut=cut: venue.connections == 2 + cut)  # type: ignore[misc]
            await desk.until(both_live)
            await venue.tell(toy.wander())
            await desk.until(lambda: desk.agrees_with(toy))
        assert stream.takeovers >= 2
        assert not any(isinstance(event, Gap) for event in desk.events)
