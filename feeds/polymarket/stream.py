"""The market stream: as many connections as the assets ask for."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from feeds.clock import Clock
from feeds.events import Event
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.connection import Connection, OnEvents, OnHealth
from feeds.polymarket.failover import BEHIND_MAX_NS, Failover
from feeds.polymarket.health import StreamHealth, StreamState
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.limits import ChannelLimits
from feeds.polymarket.rest import ClobReader

__all__ = ["ChannelLimits", "MarketStream", "StreamHealth", "StreamState"]

SHARD_MAX = 200
"""Assets a connection: several hundred on one tend to stall silently."""
CONNECTIONS_MAX = 50
PROBES_AT_ONCE_MAX = 4
PAIRS_EVERY_S = 0.25


class MarketStream:
    """Books and trades of the wanted assets, as events.

    ``on_events`` and ``on_health`` are called on the loop and must be quick. ``limits`` are for
    the wall's speed; they are scaled to the clock's. ``chance`` gives the jitter, 0 to 1. With
    ``standby`` every connection has a second one beside it, which takes over within two seconds.
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
        standby: bool = False,
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
        self._standby = standby
        self._shares: list[_Share] = []
        self._group: asyncio.TaskGroup | None = None

    @property
    def channels(self) -> list[MarketChannel]:
        """Those that are heard, one a share of the assets; for looking, not for changing."""
        return [share.heard for share in self._shares]

    @property
    def takeovers(self) -> int:
        """How often a standby connection took over."""
        return sum(share.pair.takeovers for share in self._shares if share.pair)

    def set_wanted(self, asset_ids: Iterable[str]) -> None:
        """Follow exactly these assets. What is followed already stays on its connection."""
        wanted = dict.fromkeys(asset_ids)
        most = self._shard_max * CONNECTIONS_MAX
        assert len(wanted) <= most, f"{len(wanted)} assets; at most {most} can be followed"
        shares = [[one for one in channel.wanted if one in wanted] for channel in self.channels]
        held = {one for share in shares for one in share}
        self._spread([one for one in wanted if one not in held], shares)
        while len(self._shares) < len(shares):
            self._open()
        for share, assets in zip(self._shares, shares, strict=True):
            for connection in share.connections:
                connection.want(assets)

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
        name = f"market {len(self._shares) + 1}"
        first = MarketChannel(self._limits)
        if not self._standby:
            connection = self._connection(name, first, self._on_events, self._on_health)
            share = _Share([connection])
        else:
            share = self._doubled(name, first, MarketChannel(self._limits))
        self._shares.append(share)
        if self._group is not None:
            for connection in share.connections:
                self._group.create_task(connection.run())

    def _doubled(self, name: str, first: MarketChannel, second: MarketChannel) -> "_Share":
        pair = Failover(first, second, self._on_events, int(BEHIND_MAX_NS * self._clock.speed))

        def connection(name: str, channel: MarketChannel) -> Connection:
            def on_events(events: list[Event]) -> None:
                pair.hear(channel, events, self._clock.now_ns())

            def on_health(health: StreamHealth) -> None:
                self._on_health(health if channel is pair.heard else _standing_by(health))

            return self._connection(name, channel, on_events, on_health)

        return _Share([connection(name, first), connection(f"{name} b", second)], pair)

    def _connection(
        self, name: str, channel: MarketChannel, on_events: OnEvents, on_health: OnHealth
    ) -> Connection:
        return Connection(
            name,
            self._hosts.ws_market,
            channel,
            self._clock,
            self._reader,
            self._probing,
            on_events,
            on_health,
            self._chance,
        )

    async def run(self) -> None:
        """Stay connected until cancelled. An error of ours ends it; the venue's never do."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for share in self._shares:
                    for connection in share.connections:
                        group.create_task(connection.run())
                while True:
                    await asyncio.sleep(PAIRS_EVERY_S)
                    for share in self._shares:
                        if share.pair is not None:
                            share.pair.tick(self._clock.now_ns())
            finally:
                self._group = None


@dataclass
class _Share:
    """The connections of one share of the assets, and which of two is heard."""

    connections: list[Connection]
    pair: Failover | None = None

    @property
    def heard(self) -> MarketChannel:
        return self.connections[0].channel if self.pair is None else self.pair.heard


def _standing_by(health: StreamHealth) -> StreamHealth:
    """The health of a connection that nobody depends on just now."""
    if health.state is StreamState.DOWN:
        return msgspec.structs.replace(
            health, state=StreamState.CONNECTING, sentence="The standby connection is on its way."
        )
    return msgspec.structs.replace(health, sentence=f"Standing by: {health.sentence}")
