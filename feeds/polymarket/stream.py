"""The market stream: as many connections as the assets ask for."""

import asyncio
import random
from collections.abc import Callable, Iterable

from feeds.clock import Clock
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.connection import Connection, OnEvents, OnHealth
from feeds.polymarket.health import StreamHealth, StreamState
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.limits import ChannelLimits
from feeds.polymarket.rest import ClobReader

__all__ = ["ChannelLimits", "MarketStream", "StreamHealth", "StreamState"]

SHARD_MAX = 200
"""Assets a connection: several hundred on one tend to stall silently."""
CONNECTIONS_MAX = 50
PROBES_AT_ONCE_MAX = 4


class MarketStream:
    """Books and trades of the wanted assets, as events.

    ``on_events`` and ``on_health`` are called on the loop and must be quick. ``limits`` are for
    the wall's speed; they are scaled to the clock's. ``chance`` gives the jitter, 0 to 1.
    """

    def __init__(
        self,
        hosts: Hosts,
        clock: Clock,
        on_events: OnEvents,
        on_health: OnHealth,
        reader: ClobReader,
        limits: ChannelLimits | None = None,
        shard_max: int = SHARD_MAX,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._hosts = hosts
        self._clock = clock
        self._on_events = on_events
        self._on_health = on_health
        self._reader = reader
        self._limits = (limits or ChannelLimits()).scaled(clock.speed)
        self._shard_max = shard_max
        self._chance = chance
        self._probing = asyncio.Semaphore(PROBES_AT_ONCE_MAX)
        self._connections: list[Connection] = []
        self._group: asyncio.TaskGroup | None = None

    @property
    def channels(self) -> list[MarketChannel]:
        """One a connection; for looking, not for changing."""
        return [connection.channel for connection in self._connections]

    def set_wanted(self, asset_ids: Iterable[str]) -> None:
        """Follow exactly these assets. What is followed already stays on its connection."""
        wanted = dict.fromkeys(asset_ids)
        most = self._shard_max * CONNECTIONS_MAX
        assert len(wanted) <= most, f"{len(wanted)} assets; at most {most} can be followed"
        shares = [[one for one in channel.wanted if one in wanted] for channel in self.channels]
        held = {one for share in shares for one in share}
        self._spread([one for one in wanted if one not in held], shares)
        while len(self._connections) < len(shares):
            self._open()
        for connection, share in zip(self._connections, shares, strict=True):
            connection.want(share)

    def _spread(self, new: list[str], shares: list[list[str]]) -> None:
        """Put new assets where there is room, then on connections of their own."""
        for share in shares:
            room = self._shard_max - len(share)
            share += new[:room]
            del new[:room]
        shares += [
            new[start : start + self._shard_max] for start in range(0, len(new), self._shard_max)
        ]

    def _open(self) -> None:
        connection = Connection(
            f"market {len(self._connections) + 1}",
            self._hosts.ws_market,
            MarketChannel(self._limits),
            self._clock,
            self._reader,
            self._probing,
            self._on_events,
            self._on_health,
            self._chance,
        )
        self._connections.append(connection)
        if self._group is not None:
            self._group.create_task(connection.run())

    async def run(self) -> None:
        """Stay connected until cancelled. An error of ours ends it; the venue's never do."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for connection in self._connections:
                    group.create_task(connection.run())
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
