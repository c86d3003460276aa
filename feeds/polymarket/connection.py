"""One connection of the market stream: the shell round a ``MarketChannel``, with REST probes."""

import asyncio
from collections.abc import Callable, Iterable

from feeds.clock import Clock
from feeds.events import BookSnapshot, Event
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.health import StreamHealth, health_of
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.shell import Shell

OnEvents = Callable[[list[Event]], None]
OnHealth = Callable[[StreamHealth], None]


class Connection(Shell):
    """One connection's share of the assets, kept connected for as long as ``run`` does."""

    def __init__(
        self,
        name: str,
        url: str,
        channel: MarketChannel,
        clock: Clock,
        reader: ClobReader,
        probing: asyncio.Semaphore,
        on_events: OnEvents,
        on_health: OnHealth,
        chance: Callable[[], float],
    ) -> None:
        super().__init__(url, channel, clock, chance)
        self.name, self.channel = name, channel
        self._reader = reader
        self._probing = probing
        self._on_events = on_events
        self._on_health = on_health
        self._probes: asyncio.TaskGroup | None = None
        self._need(False)

    def want(self, asset_ids: Iterable[str]) -> None:
        """Follow exactly these; without any the connection closes and waits."""
        self.channel.want(asset_ids)
        self._need(bool(self.channel.wanted))
        self.deliver()

    def deliver(self) -> None:
        """Hand on what the channel has to say."""
        if events := self.channel.take_events():
            self._on_events(events)

    def _tell_health(self) -> None:
        self._on_health(health_of(self.name, self.channel, self.clock.now_ns()))

    async def run(self) -> None:
        """Stay connected, and ask REST what the channel wants to know, until cancelled."""
        async with asyncio.TaskGroup() as self._probes:
            await self.stay_connected()

    def _look_after(self) -> None:
        if asset_ids := self.channel.take_probes():
            assert self._probes is not None, "a connection is looked after while it runs"
            self._probes.create_task(self._probe(asset_ids))

    async def _probe(self, asset_ids: list[str]) -> None:
        books: dict[str, BookSnapshot] = {}
        try:
            async with self._probing:
                books = await self._reader.books(asset_ids, tries=1)
        except (VenueError, WireError):
            self.channel.counts["probes unanswered"] += len(asset_ids)
        for asset_id in asset_ids:
            self.channel.probed(asset_id, books.get(asset_id), self.clock.now_ns())
        self.deliver()
