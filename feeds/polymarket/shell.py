"""The shell round a channel: a socket, ticks and reconnecting. It decides nothing.

picows carries the frames: at the floor of what a socket costs, and its ``websockets`` look-alike
makes falling back one import.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from feeds.clock import Clock
from feeds.markets import SECOND, Nanos

TICK_S = 0.05
HEALTH_EVERY_S = 1.0
FRAME_BYTES_MAX = 16 * 1024 * 1024
HANDSHAKE_MAX_S = 10.0
GIVE_UP_S = 1.0


class Channel(Protocol):
    """What the stream means, as far as a shell needs it."""

    wants_reconnect: str

    def connected(self, now_ns: Nanos) -> None: ...

    def disconnected(self, now_ns: Nanos, reason: str) -> None: ...

    def retry_in_ns(self, chance: float) -> Nanos: ...

    def receive(self, frame: bytes, at_ns: Nanos) -> None: ...

    def tick(self, now_ns: Nanos) -> None: ...

    def take_frames_to_send(self) -> list[bytes]: ...


class Pipe(WSListener):
    """Whole text messages to the channel, whose events go on after each read of the socket."""

    def __init__(self, shell: "Shell") -> None:
        self.closed = asyncio.Event()
        self.failure: BaseException | None = None
        self.goodbye = "the connection was cut"
        self._shell = shell
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
                self._shell.line.receive(payload, self._shell.clock.now_ns())
        if frame.last_in_buffer:
            self._shell.deliver()

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


class Shell(ABC):
    """One channel, kept connected for as long as ``stay_connected`` runs.

    ``line`` is the channel as the socket sees it. ``chance`` gives the jitter, 0 to 1.
    """

    def __init__(self, url: str, line: Channel, clock: Clock, chance: Callable[[], float]) -> None:
        self.line, self.clock = line, clock
        self._url, self._chance = url, chance
        self._needed = asyncio.Event()
        self._needed.set()

    @abstractmethod
    def deliver(self) -> None:
        """Hand on what the channel has to say."""

    @abstractmethod
    def _tell_health(self) -> None: ...

    def _look_after(self) -> None:  # noqa: B027 - not every channel wants more
        """What else the channel wants done, twenty times a second while connected."""

    def _need(self, needed: bool) -> None:
        """Without need the connection is closed and none is opened."""
        if needed:
            self._needed.set()
        else:
            self._needed.clear()

    async def stay_connected(self) -> None:
        """Connect, stay connected, connect again, until cancelled."""
        while True:
            await self._needed.wait()
            reason = await self._session()
            self.line.disconnected(self.clock.now_ns(), reason)
            self.deliver()
            self._tell_health()
            if self._needed.is_set():
                await self.clock.sleep(self.line.retry_in_ns(self._chance()) / SECOND)

    async def _session(self) -> str:
        """Connect and stay connected; says why it ended."""
        pipe = Pipe(self)
        try:
            transport = await _connect(pipe, self._url)
        except ConnectError as error:
            return str(error)
        try:
            return await self._stay(transport, pipe)
        finally:
            await _hang_up(transport)

    async def _stay(self, transport: WSTransport, pipe: Pipe) -> str:
        line, loop = self.line, asyncio.get_running_loop()
        line.connected(self.clock.now_ns())
        self.deliver()
        health_at = 0.0
        while not pipe.closed.is_set() and self._needed.is_set() and not line.wants_reconnect:
            for frame in line.take_frames_to_send():
                transport.send(WSMsgType.TEXT, frame)
            self._look_after()
            if loop.time() >= health_at:
                self._tell_health()
                health_at = loop.time() + HEALTH_EVERY_S
            await self._turn(pipe)
        if pipe.failure is not None:
            raise pipe.failure
        if not self._needed.is_set():
            return "no market is followed"
        return line.wants_reconnect or pipe.goodbye

    async def _turn(self, pipe: Pipe) -> None:
        """Wait a twentieth of a second, or for the end."""
        try:
            async with asyncio.timeout(TICK_S):
                await pipe.closed.wait()
        except TimeoutError:
            self.line.tick(self.clock.now_ns())
            self.deliver()


async def _connect(pipe: Pipe, url: str) -> WSTransport:
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
        await _hang_up(transport)


async def _hang_up(transport: WSTransport) -> None:
    """Close a connection at once, and wait until its socket is gone."""
    transport.disconnect(graceful=False)
    await transport.wait_disconnected()
