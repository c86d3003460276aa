"""The local socket between engine and face: length-prefixed msgpack frames.

A Unix socket of mode 0600 in a folder of mode 0700; where the platform has none, loopback TCP
with a token from a private file. The first frame of either side is a ``Hello``.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec

from feeds.decoding import Unreadable, decoded
from terminal.protocol.peers import stranger_at, strangers_folder
from terminal.protocol.views import PROTOCOL, Command, FromEngine, FromFace, Hello

log = logging.getLogger(__name__)

FRAME_BYTES_MAX = 4 << 20
HELLO_WITHIN_S = 1.0
"""Whoever says nothing for so long is no face of ours: it is let go."""
FACES_MAX, BRIEF_MAX = 20, 8
"""Faces that may stay, and beyond them those that may ask or command something and go: however many
faces are open, the kill switch finds a place."""
BRIEF_S = 15.0
WELCOME_WITHIN_S = 5.0
STRANGERS_MAX = 64
"""Connections that have not said who they are; the oldest goes when there are more."""

_to_face = msgspec.msgpack.Encoder()
_from_engine = msgspec.msgpack.Decoder(FromEngine)
_from_face = msgspec.msgpack.Decoder(FromFace)


class LinkError(Exception):
    """The other side could not be reached or spoke nonsense; the message says what to do."""


class NoEngine(LinkError):
    """Nobody answers: no engine runs."""


class LinkClosed(LinkError):
    """The other side went away."""


def endpoint(folder: Path) -> Path:
    """The socket, or where Unix sockets are missing the file with port and token."""
    return folder / ("ftt.sock" if hasattr(socket, "AF_UNIX") else "ftt.port")


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's payload; raises :class:`LinkClosed` at the end or on an absurd length."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        if not 0 < size <= FRAME_BYTES_MAX:
            raise LinkClosed(f"a frame of {size} bytes is more than {FRAME_BYTES_MAX}")
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError, OSError) as error:
        raise LinkClosed("the other side closed the link") from error


def write_frame(writer: asyncio.StreamWriter, message: FromEngine | FromFace) -> None:
    """Queue one message; the caller drains."""
    payload = _to_face.encode(message)
    assert len(payload) <= FRAME_BYTES_MAX, f"a view of {len(payload)} bytes can't be sent"
    writer.write(len(payload).to_bytes(4, "big") + payload)


class Face:
    """The face's end: sends commands, receives whatever the engine says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.engine_version = ""

    @classmethod
    async def connect(
        cls, folder: Path, version: str, within_s: float = WELCOME_WITHIN_S
    ) -> "Face":
        """Connect and shake hands; raises :class:`LinkError` with a next step."""
        path = endpoint(folder)
        if trouble := strangers_folder(folder):
            raise LinkError(f"{trouble}: nothing is asked there; set FTT_HOME to a folder of yours")
        try:
            reader, writer, token = await _open(path)
        except (OSError, ValueError) as error:
            raise NoEngine(
                f"no engine answers at {path}: start one with `ftt` or `ftt bot`"
            ) from error
        face = cls(reader, writer)
        if whose := stranger_at(writer.get_extra_info("socket")):
            await face.close()
            raise LinkError(
                f"what answers at {path} is no engine of yours but a program of {whose}: it was "
                "asked nothing; set FTT_HOME to a folder of yours"
            )
        try:
            await face._greet(version, token, within_s)
        except LinkError:
            await face.close()
            raise
        return face

    async def _greet(self, version: str, token: str, within_s: float) -> None:
        write_frame(self._writer, Hello(protocol=PROTOCOL, version=version, token=token))
        await self._writer.drain()
        try:
            async with asyncio.timeout(within_s):
                hello = await self.receive()
        except TimeoutError as error:
            raise LinkError("the engine accepted the link but does not answer") from error
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
            raise LinkError("this face and the running engine are of different versions")
        self.engine_version = hello.version

    async def receive(self) -> FromEngine:
        """The next message; raises :class:`LinkClosed` when the engine has gone."""
        payload = await read_frame(self._reader)
        try:
            message: FromEngine = decoded(_from_engine.decode, payload)
        except Unreadable as error:
            raise LinkClosed(f"the engine sent something this face can't read: {error}") from error
        return message

    async def send(self, command: Command) -> None:
        """Send one command; raises :class:`LinkClosed` when the engine has gone."""
        try:
            write_frame(self._writer, command)
            await self._writer.drain()
        except (ConnectionError, OSError) as error:
            raise LinkClosed("the engine closed the link") from error

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError, OSError):
            await self._writer.wait_closed()


async def _open(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    if path.suffix == ".sock":
        reader, writer = await asyncio.open_unix_connection(str(path), limit=FRAME_BYTES_MAX)
        return reader, writer, ""
    port, token = path.read_text(encoding="ascii").split()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port), limit=FRAME_BYTES_MAX)
    return reader, writer, token


class Peer:
    """The engine's end of one face."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def receive(self) -> FromFace:
        """The next command; raises :class:`LinkClosed` on the end or on garbage."""
        payload = await read_frame(self._reader)
        try:
            message: FromFace = decoded(_from_face.decode, payload)
        except Unreadable as error:
            raise LinkClosed(f"the face sent something unreadable: {error}") from error
        return message

    async def send(self, message: FromEngine) -> None:
        """Send one message and wait until the face's buffer takes it."""
        try:
            write_frame(self._writer, message)
            await self._writer.drain()
        except (ConnectionError, OSError) as error:
            raise LinkClosed("the face closed the link") from error

    def close(self) -> None:
        self._writer.close()


Serve = Callable[[Peer], Awaitable[None]]


class LinkServer:
    """Accepts faces, shakes hands, and hands each to ``serve`` until it leaves."""

    def __init__(self, folder: Path, version: str, serve: Serve) -> None:
        self._folder, self._version, self._serve = folder, version, serve
        self._token = ""
        self._server: asyncio.Server | None = None
        self._faces: set[asyncio.Task[None]] = set()
        self._strangers: dict[asyncio.Task[None], None] = {}

    async def start(self) -> None:
        """Listen. Raises :class:`LinkError` when another engine already does."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if trouble := strangers_folder(self._folder):
            raise LinkError(f"{trouble}: set FTT_HOME to a folder of yours")
        path = endpoint(self._folder)
        await self._refuse_second(path)
        if path.suffix == ".sock":
            with private_files():
                self._server = await asyncio.start_unix_server(
                    self._accept, path=str(path), limit=FRAME_BYTES_MAX
                )
            path.chmod(0o600)
        else:
            await self._start_tcp(path)

    async def _start_tcp(self, path: Path) -> None:
        self._token = secrets.token_hex(16)
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, limit=FRAME_BYTES_MAX
        )
        port = self._server.sockets[0].getsockname()[1]
        with private_files():
            path.write_text(f"{port} {self._token}", encoding="ascii")
        path.chmod(0o600)

    async def _refuse_second(self, path: Path) -> None:
        if not path.exists():
            return
        try:
            _, writer, _ = await _open(path)
        except (OSError, ValueError):
            path.unlink(missing_ok=True)  # left behind by an engine that was killed
            return
        writer.close()
        raise LinkError(f"an engine already runs here ({path}): `ftt attach` opens it")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if stranger_at(writer.get_extra_info("socket")):
            writer.close()
            return
        if len(self._strangers) >= STRANGERS_MAX:
            next(iter(self._strangers)).cancel()
        task = asyncio.get_running_loop().create_task(self._meet(reader, writer))
        self._strangers[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._strangers.pop(task, None)
        self._faces.discard(task)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                hello = await peer.receive()
            if isinstance(hello, Hello) and secrets.compare_digest(hello.token, self._token):
                await peer.send(Hello(protocol=PROTOCOL, version=self._version))
                if hello.protocol == PROTOCOL:
                    await self._seat(peer)
        except (LinkError, TimeoutError):
            pass  # a face that leaves or talks nonsense is its own problem
        except Exception:
            log.exception("a face was let go")  # our mistake costs that face, not the engine
        finally:
            peer.close()

    async def _seat(self, peer: Peer) -> None:
        """Serve one that has said who it is: for as long as it likes, or briefly if all is full."""
        task = asyncio.current_task()
        assert task is not None, "met in a task of its own"
        if len(self._faces) >= FACES_MAX + BRIEF_MAX:
            return
        stays = len(self._faces) < FACES_MAX
        self._strangers.pop(task, None)
        self._faces.add(task)
        async with asyncio.timeout(None if stays else BRIEF_S):
            await self._serve(peer)

    async def close(self) -> None:
        """Stop listening and hang up on every face."""
        if self._server is not None:
            self._server.close()
        met = [*self._faces, *self._strangers]
        for task in met:
            task.cancel()
        await asyncio.gather(*met, return_exceptions=True)
        endpoint(self._folder).unlink(missing_ok=True)


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Files made inside are for this user alone from their first moment."""
    old = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(old)
