"""The shell round one ``MarketChannel``: a socket, ticks, REST probes and reconnecting.

It decides nothing. picows carries the frames: at the floor of what a socket costs, and its
``websockets`` look-alike makes falling back one import.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from feeds.clock import Clock
from feeds.events import BookSnapshot, Event
from feeds.markets import SECOND, Nanos
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.health import StreamHealth, health_of
from feeds.polymarket.rest import ClobReader

TICK_S = 0.05
HEALTH_EVERY_S = 1.0
FRAME_BYTES_MAX = 16 * 1024 * 1024
HANDSHAKE_MAX_S = 10.0
GIVE_UP_S = 1.0

OnEvents = Callable[[list[Event]], None]
OnHealth = Callable[[StreamHealth], None]


class Hearing(Protocol):
    """A channel, as far as a socket needs it."""

    def receive(self, frame: bytes, at_ns: Nanos) -> None: ...


class Listening(Protocol):
    """A shell round a channel, as far as a socket needs it."""

    clock: Clock

    @property
    def channel(self) -> Hearing: ...

    def deliver(self) -> None: ...


class Pipe(WSListener):
    """Whole text messages to the channel, whose events go on after each read of the socket."""

    def __init__(self, connection: Listening) -> None:
        self.connection = connection
        self.closed = asyncio.Event()
        self.failure: BaseException | None = None
        self.goodbye = "the connection was cut"
        self._parts = bytearray()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        try:
            if frame.msg_type is WSMsgType.CLOSE:
                self._end(transport, frame)
            else:
                self._take(frame)
        except BaseException as error:  # picows would log it and go on; a bug must end the run
            self.failure = error
            transport.disconnect()

    def _take(self, frame: WSFrame) -> None:
        if frame.msg_type in (WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.BINARY):
            payload = frame.get_payload_as_bytes()
            if self._parts or not frame.fin:
                self._parts += payload[: FRAME_BYTES_MAX - len(self._parts)]
                payload = bytes(self._parts)
            if frame.fin:
                self._parts.clear()
                self.connection.channel.receive(payload, self.connection.clock.now_ns())
        if frame.last_in_buffer:
            self.connection.deliver()

    def _end(self, transport: WSTransport, frame: WSFrame) -> None:
        """The venue says goodbye; picows leaves it to us to answer and hang up."""
        code = frame.get_close_code()
        self.goodbye = f"the venue closed the connection ({getattr(code, 'value', code)})"
        transport.send_close(code)
        transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed.set()


class ConnectError(Exception):
    """No connection could be made; ``str()`` says why in a few words."""


async def connect(pipe: Pipe, url: str) -> WSTransport:
    """A connection whose messages go into ``pipe``; raises ``ConnectError``."""
    opening = asyncio.ensure_future(
        ws_connect(
            lambda: pipe,
            url,
            websocket_handshake_timeout=HANDSHAKE_MAX_S,
            max_frame_size=FRAME_BYTES_MAX,
        )
    )
    try:
        transport, _ = await asyncio.shield(opening)
    except (OSError, WSError, TimeoutError) as error:
        raise ConnectError(f"connecting failed ({type(error).__name__})") from error
    except asyncio.CancelledError:
        await _give_up(opening)
        raise
    return transport


async def _give_up(opening: "asyncio.Future[tuple[WSTransport, WSListener]]") -> None:
    """Leave a connection that is being opened. Cut in the middle, it would leave its socket."""
    await asyncio.wait({opening}, timeout=GIVE_UP_S)
    if not opening.done():
        opening.cancel()
    elif not opening.cancelled() and opening.exception() is None:
        transport, _ = opening.result()
        await hang_up(transport)


async def hang_up(transport: WSTransport) -> None:
    """Close a connection at once, and wait until its socket is gone."""
    transport.disconnect(graceful=False)
    await transport.wait_disconnected()


class Connection:
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
        self.name = name
        self.channel = channel
        self.clock = clock
        self._url = url
        self._reader = reader
        self._probing = probing
        self._on_events = on_events
        self._on_health = on_health
        self._chance = chance
        self._wanting = asyncio.Event()

    def want(self, asset_ids: Iterable[str]) -> None:
        """Follow exactly these; without any the connection closes and waits."""
        self.channel.want(asset_ids)
        if self.channel.wanted:
            self._wanting.set()
        else:
            self._wanting.clear()
        self.deliver()

    def deliver(self) -> None:
        """Hand on what the channel has to say."""
        if events := self.channel.take_events():
            self._on_events(events)

    def _tell_health(self) -> None:
        self._on_health(health_of(self.name, self.channel, self.clock.now_ns()))

    async def run(self) -> None:
        """Connect, stay connected, connect again, until cancelled."""
        async with asyncio.TaskGroup() as probes:
            while True:
                await self._wanting.wait()
                reason = await self._session(probes)
                self.channel.disconnected(self.clock.now_ns(), reason)
                self.deliver()
                self._tell_health()
                if self.channel.wanted:
                    wait_ns = self.channel.retry_in_ns(self._chance())
                    await self.clock.sleep(wait_ns / SECOND)

    async def _session(self, probes: asyncio.TaskGroup) -> str:
        """Connect and stay connected; says why it ended."""
        pipe = Pipe(self)
        try:
            transport = await connect(pipe, self._url)
        except ConnectError as error:
            return str(error)
        try:
            return await self._stay(transport, pipe, probes)
        finally:
            await hang_up(transport)

    async def _stay(self, transport: WSTransport, pipe: Pipe, probes: asyncio.TaskGroup) -> str:
        channel, loop = self.channel, asyncio.get_running_loop()
        channel.connected(self.clock.now_ns())
        health_at = 0.0
        while not pipe.closed.is_set() and channel.wanted and not channel.wants_reconnect:
            for frame in channel.take_frames_to_send():
                transport.send(WSMsgType.TEXT, frame)
            if asset_ids := channel.take_probes():
                probes.create_task(self._probe(asset_ids))
            if loop.time() >= health_at:
                self._tell_health()
                health_at = loop.time() + HEALTH_EVERY_S
            try:
                async with asyncio.timeout(TICK_S):
                    await pipe.closed.wait()
            except TimeoutError:
                channel.tick(self.clock.now_ns())
                self.deliver()
        if pipe.failure is not None:
            raise pipe.failure
        if not channel.wanted:
            return "no market is followed"
        return channel.wants_reconnect or pipe.goodbye

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
