"""The toy venue on loopback: a WebSocket server and a small HTTP server, both real."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from .toy import ToyVenue


@dataclass
class Answer:
    """What an HTTP route answers; raw ``body`` bytes go out as they are."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


Route = Callable[[Asked], Answer | Awaitable[Answer]]


@asynccontextmanager
async def http_server(route: Route) -> AsyncIterator[str]:
    """Serve ``route`` on loopback; gives the base address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                await _answer_one(line, reader, writer, route)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def _answer_one(
    line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, route: Route
) -> None:
    method, target, _ = line.decode().split(" ", 2)
    headers = {}
    while (header := (await reader.readline()).decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    asked = Asked(method, parts.path, parse_qsl(parts.query), headers, body)
    result = route(asked)
    answer = await result if isinstance(result, Awaitable) else result
    if answer.status == 0:  # hang up without a word
        raise ConnectionError
    head = {"content-length": str(len(answer.body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Said", *(f"{k}: {v}" for k, v in head.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + answer.body)
    await writer.drain()


class LoopbackVenue:
    """A ``ToyVenue`` with sockets. ``frozen``: it answers PING and says nothing else.

    ``assets_max``: beyond so many assets on a connection, first books silently stay out.
    """

    def __init__(self, toy: ToyVenue) -> None:
        self.toy = toy
        self.frozen = False
        self.assets_max = 1_000_000
        self.drops = False
        self.drop_code = 1011
        self.connections = 0
        self.heard: list[str] = []
        self.http_base = ""
        self.ws_url = ""
        self._clients: dict[ServerConnection, list[str]] = {}
        self._frozen: set[ServerConnection] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["LoopbackVenue"]:
        async with (
            http_server(self._route) as base,
            serve(self._client, "127.0.0.1", 0, compression=None) as server,
        ):
            self.http_base = base
            port = server.sockets[0].getsockname()[1]
            self.ws_url = f"ws://127.0.0.1:{port}/ws/market"
            yield self

    def _route(self, asked: Asked) -> Answer:
        if (asked.method, asked.path) == ("POST", "/books"):
            ids = [one["token_id"] for one in json.loads(asked.body)]
            books = [self.toy.book(one) for one in ids if one in self.toy.bids]
            return Answer(json.dumps(books).encode())
        return Answer(b'{"error":"not found"}', 404)

    async def _client(self, socket: ServerConnection) -> None:
        self.connections += 1
        # after a cut a new connection is a new stream: the freeze was the old one's
        self._clients[socket] = []
        try:
            async for message in socket:
                assert isinstance(message, str)
                self.heard.append(message)
                await self._hear(socket, message)
        except ConnectionClosed:
            pass
        finally:
            self._clients.pop(socket, None)

    async def _hear(self, socket: ServerConnection, message: str) -> None:
        subscribed = self._clients[socket]
        if message == "PING":
            if not subscribed:
                await socket.close(1008, "invalid subscription payload")
            await socket.send("PONG")
            return
        request = json.loads(message)
        if request.get("operation") == "unsubscribe":
            subscribed[:] = [one for one in subscribed if one not in request["assets_ids"]]
            return
        subscribed += request["assets_ids"]
        if self.drops:
            await socket.close(self.drop_code, "no room")
            return
        if not self.frozen and len(subscribed) <= self.assets_max:
            await socket.send(self.toy.first_dump(request["assets_ids"]).decode())

    async def tell(self, *frames: bytes) -> None:
        """Send frames to every client, unless frozen."""
        if self.frozen:
            return
        for socket in list(self._clients):
            if socket not in self._frozen:
                for frame in frames:
                    await socket.send(frame.decode())

    def freeze_oldest(self) -> None:
        """From now on the oldest connection is sent nothing but PONG."""
        self._frozen.add(next(iter(self._clients)))

    def cut_oldest(self) -> None:
        """End the oldest connection without a goodbye."""
        next(iter(self._clients)).transport.abort()

    async def tell_in_fragments(self, parts: list[str]) -> None:
        """Send one text message in several frames to every client."""
        for socket in list(self._clients):
            await socket.send(iter(parts))

    async def cut(self) -> None:
        """End every connection without a goodbye."""
        for socket in list(self._clients):
            socket.transport.abort()
