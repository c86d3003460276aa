"""What feeds an engine, ready to run: venue, catalogue, stream, news, and the models."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from feeds.clock import Clock
from feeds.news.poller import NewsPoller
from feeds.polymarket.clock_skew import compare
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.modes import VenueModes
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream
from terminal.engine.catalogue_sync import CatalogueSync
from terminal.engine.following import Following
from terminal.engine.llm_judge import LlmJudge
from terminal.engine.semantics import Semantics
from terminal.stores.news_store import NewsStore

log = logging.getLogger(__name__)

CLOCKS_EVERY_S = 3_600.0
CLOCKS_AGAIN_S = 60.0
LOOPS_TO_CLOSE = 3

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Sources:
    """All of them; ``news_store``, ``llm_judge`` and ``semantics`` may be missing."""

    http: httpx.AsyncClient
    modes: VenueModes
    clocks: "ClockCheck"
    catalogue: CatalogueSync
    stream: MarketStream
    following: Following
    poller: NewsPoller
    news_store: NewsStore | None = None
    llm_judge: LlmJudge | None = None
    semantics: Semantics | None = None

    def work(self) -> list[tuple[str, Work]]:
        """What runs beside the engine's loop, by name, each until cancelled."""
        work: list[tuple[str, Work]] = [
            ("catalogue", self.catalogue.run),
            ("histories", self.following.run),
            ("clocks", self.clocks.run),
            ("stream", self.stream.run),
            ("news", self.poller.run),
        ]
        if self.news_store is not None:
            work.append(("news store", self._keep_news))
        if self.llm_judge is not None:
            work.append(("judge", self.llm_judge.run))
        if self.semantics is not None:
            work.append(("meaning", self.semantics.run))
        return work

    async def _keep_news(self) -> None:
        assert self.news_store is not None
        await self.news_store.keep(self.poller)

    async def close(self) -> None:
        """Keep what the next session begins with, and let go of the network."""
        async with contextlib.AsyncExitStack() as endings:  # each is done, whatever another does
            endings.push_async_callback(_let_transports_end)
            endings.push_async_callback(self.http.aclose)
            endings.push_async_callback(self.poller.aclose)
            if self.news_store is not None:
                endings.callback(self.news_store.keep_memory, self.poller.memory())
                endings.callback(self.news_store.keep_rows, self.poller.health())
            await self.catalogue.save()


class ClockCheck:
    """At the start and then hourly: is our clock the venue's?"""

    def __init__(self, reader: ClobReader, clock: Clock, complain: Callable[[str], None]) -> None:
        self._reader, self._clock, self._complain = reader, clock, complain

    async def run(self) -> None:
        """Compare until cancelled; ``complain`` hears what is wrong, "" where nothing is."""
        while True:
            try:
                skew = await compare(self._reader, self._clock)
            except (VenueError, WireError) as error:
                log.warning("the venue's clock: %s", error)
                await asyncio.sleep(CLOCKS_AGAIN_S)
                continue
            self._complain(skew.sentence)
            await asyncio.sleep(CLOCKS_EVERY_S)


async def _let_transports_end() -> None:
    """Closed transports are told so by the loop's next rounds."""
    for _ in range(LOOPS_TO_CLOSE):
        await asyncio.sleep(0)
