"""A small venue served on loopback, its world moved by hand, and a client that keeps books."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from practice.clock import ManualClock
from practice.serve import HOST, listen, server_for
from practice.venue import WS_MARKET, Venue
from practice.world.board import Listing
from practice.world.simulation import Moved, World

WAIT_S = 5.0

Levels = dict[str, str]


@dataclass
class Served:
    """A running venue and how to reach it."""

    venue: Venue
    clock: ManualClock
    base_url: str
    http: httpx.AsyncClient

    @property
    def ws_url(self) -> str:
        return self.base_url.replace("http", "ws") + WS_MARKET

    def listing(self, slug: str) -> Listing:
        return self.venue.board.listings[slug]

    def live(self, by_ns: int) -> None:
        """Let the world go on and tell the stream."""
        self.clock.move(by_ns)
        for happening in self.venue.world.run(self.clock.now_ns()):
            if isinstance(happening, Moved):
                self.venue.publish(happening)

    async def get(self, path: str, **query: object) -> Any:
        """The JSON of a 200 answer."""
        answer = await self.http.get(path, params={k: str(v) for k, v in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, **query: object) -> tuple[int, str]:
        answer = await self.http.get(path, params={k: str(v) for k, v in query.items()})
        return answer.status_code, answer.json()["error"]

    async def fault(self, **order: object) -> httpx.Response:
        return await self.http.post("/control/fault", json=order)


class Host:
    """One real server for many venues, one after the other: starting it costs a while."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._app: ASGIApp = Router()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def put(self, app: ASGIApp) -> None:
        """Another application answers from now on."""
        self._app = app

    @asynccontextmanager
    async def serving(self, world: World) -> AsyncIterator[Served]:
        clock = ManualClock(world.anchor_ns)
        venue = Venue(world, clock)
        self._app = venue.app()
        async with httpx.AsyncClient(base_url=self.base_url) as http:
            yield Served(venue, clock, self.base_url, http)


@asynccontextmanager
async def hosting() -> AsyncIterator[Host]:
    listener = listen(0)
    host = Host(f"http://{HOST}:{listener.getsockname()[1]}")
    server = server_for(host)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield host
    finally:
        server.should_exit = True
        await task


@dataclass
class Client:
    """A market socket that applies what it hears to books of its own."""

    socket: websockets.ClientConnection
    frames: list[dict[str, Any]] = field(default_factory=list)
    books: dict[str, dict[str, Levels]] = field(default_factory=dict)

    async def send(self, **frame: object) -> None:
        await self.socket.send(json.dumps(frame))

    async def ask(self, *assets: str, **more: object) -> list[dict[str, Any]]:
        """Subscribe first; answers the dump."""
        await self.send(type="market", assets_ids=list(assets), **more)
        dump = json.loads(await self.next_text())
        assert isinstance(dump, list)
        for book in dump:
            self._apply(book)
        return dump

    async def next_text(self) -> str:
        text = await asyncio.wait_for(self.socket.recv(), WAIT_S)
        assert isinstance(text, str)
        return text

    async def caught_up(self) -> list[dict[str, Any]]:
        """Everything sent up to now: a PING is answered after it."""
        await self.socket.send("PING")
        heard: list[dict[str, Any]] = []
        while (text := await self.next_text()) != "PONG":
            frame = json.loads(text)
            heard.append(frame)
            self._apply(frame)
        self.frames += heard
        return heard

    async def closed(self) -> int | None:
        """Read on until the venue ends the connection; answers the close code, if any."""
        with suppress(websockets.ConnectionClosed):
            while True:
                await self.next_text()
        received = self.socket.protocol.close_rcvd
        return received.code if received else None

    def _apply(self, frame: dict[str, Any]) -> None:
        if frame["event_type"] == "book":
            self.books[frame["asset_id"]] = {
                side: {level["price"]: level["size"] for level in frame[side]}
                for side in ("bids", "asks")
            }
        for item in frame.get("price_changes", []):
            book = self.books.get(item["asset_id"])
            if book is not None:
                _overwrite(book["bids" if item["side"] == "BUY" else "asks"], item)


def _overwrite(levels: Levels, item: dict[str, str]) -> None:
    levels[item["price"]] = item["size"]
    if item["size"] == "0":
        del levels[item["price"]]


@asynccontextmanager
async def listening(served: Served) -> AsyncIterator[Client]:
    async with websockets.connect(served.ws_url, max_size=None) as socket:
        yield Client(socket)
