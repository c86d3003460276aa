"""The client against the practice venue, which shares no code with it, as a program of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from feeds.clock import Clock
from feeds.events import BookState, MarketResolved
from feeds.markets import Market, MarketState
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream

from .test_stream import Desk

REPO = Path(__file__).parents[3]
START_MAX_S = 30


@asynccontextmanager
async def practice(*options: str) -> AsyncIterator[dict[str, Any]]:
    """Run the practice venue; gives the addresses it prints."""
    venue = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "practice", "--json", "--port", "0", "--seed", "7", *options,
        cwd=REPO, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert venue.stdout is not None
    try:
        async with asyncio.timeout(START_MAX_S):
            line = await venue.stdout.readline()
        yield json.loads(line)
    finally:
        venue.terminate()
        await venue.wait()
        # the pipe's transport closes only once it has been read to its end
        await venue.stdout.read()


async def test_catalogue_rest_and_stream_agree_with_the_practice_venue() -> None:
    desk = Desk()
    async with practice() as told, httpx.AsyncClient() as http:
        hosts = Hosts.of(**{key: told[key] for key in ("gamma", "clob", "data", "ws_market")})
        clock = Clock()
        catalogue, reader = Catalogue(hosts, http), ClobReader(hosts, http, clock)
        markets = [market async for batch in catalogue.markets() for market in batch]
        assert len(markets) >= 100
        assert catalogue.refused == {}
        assert {market.state for market in markets} >= {MarketState.OPEN}
        assert all(market.fees is not None for market in markets)
        await _agrees_with_details(catalogue, reader, markets[0])

        wanted = [asset for market in markets[:60] for asset in market.assets]
        stream = MarketStream(hosts, clock, desk.hear, desk.hear_health, reader, shard_max=50)
        stream.set_wanted(wanted)
        task = asyncio.create_task(stream.run())
        try:
            await desk.until(lambda: len(desk.books) == len(wanted), seconds=20)
            await _equal_books(desk, reader, wanted)
            assert not [c for c in stream.channels if any("refused" in key for key in c.counts)]
            assert set(desk.states.values()) <= {BookState.LIVE, BookState.QUIET, BookState.STALE}
            assert all(channel.reconnects == 0 for channel in stream.channels)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_void_market_closes_on_the_stream_and_the_catalogue_alone_pays_half() -> None:
    desk = Desk()
    async with practice() as told, httpx.AsyncClient() as http:
        hosts = Hosts.of(**{key: told[key] for key in ("gamma", "clob", "data", "ws_market")})
        clock = Clock()
        catalogue, reader = Catalogue(hosts, http), ClobReader(hosts, http, clock)
        (market,) = await catalogue.refresh(told["calm"][:1])
        stream = MarketStream(hosts, clock, desk.hear, desk.hear_health, reader)
        stream.set_wanted(market.assets)
        task = asyncio.create_task(stream.run())
        try:
            await desk.until(lambda: len(desk.books) == 2, seconds=20)
            void = {"market": market.condition_id, "outcome": "VOID"}
            (await http.post(f"{told['control']}/resolve", json=void)).raise_for_status()
            await desk.until(lambda: desk.all_in(BookState.CLOSED, list(market.assets)))
            assert not [one for one in desk.events if isinstance(one, MarketResolved)]
            (ended,) = await catalogue.refresh([market.condition_id])
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert (ended.state, ended.winner) == (MarketState.RESOLVED, "")


async def _agrees_with_details(catalogue: Catalogue, reader: ClobReader, market: Market) -> None:
    assert await catalogue.market_by_slug(market.slug) is not None
    (again,) = await catalogue.refresh([market.condition_id])
    assert again.assets == market.assets
    details = await reader.clob_market(market.condition_id)
    assert [token.t for token in details.t] == list(market.assets)
    history = await reader.prices_history(market.yes.asset_id, "1d")
    assert all(0 <= point.price <= 10_000 for point in history)
    assert await reader.time_ns() > 0


async def _equal_books(desk: Desk, reader: ClobReader, wanted: list[str]) -> None:
    """Every streamed book equals REST's at some moment: between two of the world's changes."""
    missing = set(wanted)
    async with asyncio.timeout(30):
        while missing:
            for asset, book in (await reader.books(missing)).items():
                streamed = desk.books.get(asset)
                if (
                    streamed
                    and streamed.bids == dict(book.bids)
                    and streamed.asks == dict(book.asks)
                ):
                    missing.discard(asset)
