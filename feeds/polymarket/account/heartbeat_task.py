"""The shell round a ``Heartbeat``: it posts each beat when it is due, and tells how the chain is.

Posting, signing and the connection are the caller's, best one that carries nothing else, so that a
beat never queues behind an order. It decides nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from feeds.markets import Nanos
from feeds.polymarket.account.heartbeat import Heartbeat
from feeds.polymarket.errors import VenueError

TICK_S = 0.1
POST_MAX_S = 4.0
"""A beat without an answer in this time is lost: the next must go out before the venue's limit."""

Post = Callable[[bytes], Awaitable[tuple[int, bytes]]]
"""Posts a body to the path of heartbeats; gives status and body, or raises ``VenueError``."""


class ChainState(Enum):
    """How far the venue may be trusted to let our orders rest."""

    OFF = "off"
    KEPT = "kept"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """The venue may have begun to cancel."""


class HeartbeatTask:
    """One API key's chain, for as long as ``run`` does.

    ``on_health`` hears every change of the state, with the reason, on the loop. ``now_ns`` gives
    Unix nanoseconds of the wall.
    """

    def __init__(
        self, post: Post, now_ns: Callable[[], Nanos], on_health: Callable[[ChainState, str], None]
    ) -> None:
        self.chain = Heartbeat()
        self._post, self._now_ns, self._on_health = post, now_ns, on_health
        self._stop = asyncio.Event()
        self._told: tuple[ChainState, str] = (ChainState.OFF, "")

    def stop(self) -> None:
        """No further beat; ``run`` returns once the one on its way is answered or lost."""
        self._stop.set()

    async def run(self) -> None:
        """Keep the chain up until ``stop``. Then, or if this is cancelled, the chain is off."""
        self.chain.start(self._now_ns())
        try:
            while not self._stop.is_set():
                await self._beat()
                self._tell()
                await self._pause()
        finally:
            self.chain.stop()
            self._tell()

    async def _beat(self) -> None:
        sent_ns = self._now_ns()
        body = self.chain.due(sent_ns)
        if body is None:
            return
        try:
            async with asyncio.timeout(POST_MAX_S):
                status, told = await self._post(body)
        except (VenueError, TimeoutError):
            self.chain.lost(self._now_ns())
        else:
            self.chain.answered(status, told, sent_ns, self._now_ns())

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(TICK_S):
                await self._stop.wait()
        except TimeoutError:
            pass

    def _tell(self) -> None:
        now = self._state(), self.chain.refusal
        if now != self._told:
            self._told = now
            self._on_health(*now)

    def _state(self) -> ChainState:
        if not self.chain.on:
            return ChainState.OFF
        if self.chain.lapsed(self._now_ns()):
            return ChainState.LAPSED
        return ChainState.REFUSED if self.chain.refusal else ChainState.KEPT
