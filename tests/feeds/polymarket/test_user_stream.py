"""The account's stream against a real WebSocket server on loopback."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from feeds.clock import Clock
from feeds.events import FillSettled, OrderState, OrderUpdate
from feeds.markets import SHARE
from feeds.polymarket.account import user_stream
from feeds.polymarket.account.reader import AccountReader
from feeds.polymarket.account.user_channel import (
    AskRest,
    Credentials,
    UserEvent,
    UserLimits,
)
from feeds.polymarket.account.user_stream import UserStream
from feeds.polymarket.health import StreamHealth, StreamState
from feeds.polymarket.hosts import Hosts

from .test_account import Venue, reading
from .test_user_channel import OURS, SECRET, maker, no_fee, order, trade

FAST = replace(UserLimits(), ping_every_ns=50_000_000, backoff_first_ns=5_000_000)


class UserVenue:
    """Takes one account's key; ``say`` sends to every connection that gave it."""

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret
        self.url = ""
        self.connections = 0
        self.pings = 0
        self.news = asyncio.Event()
        self._clients: list[ServerConnection] = []

    @property
    def clients(self) -> int:
        """Connections that gave the right key and are not cut."""
        return len(self._clients)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["UserVenue"]:
        async with serve(self._client, "127.0.0.1", 0, compression=None) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/user"
            yield self

    async def _client(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.news.set()
        opening = json.loads(await socket.recv())
        if opening["auth"]["secret"] != self.secret:
            await socket.close(1008, "no such key")
            return
        self._clients.append(socket)
        self.news.set()
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                if message == "PING":
                    self.pings += 1
                    self.news.set()
                    await socket.send("PONG")

    async def say(self, message: object) -> None:
        for socket in self._clients:
            await socket.send(json.dumps(message))

    def cut(self) -> None:
        for socket in self._clients:
            socket.transport.abort()
        self._clients.clear()


class Listener:
    def __init__(self, venue: UserVenue) -> None:
        self.events: list[UserEvent] = []
        self.health: list[StreamHealth] = []
        self._news = venue.news

    def hear(self, events: list[UserEvent]) -> None:
        self.events += events
        self._news.set()

    def hear_health(self, health: StreamHealth) -> None:
        self.health.append(health)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def asked(self) -> int:
        return sum(isinstance(event, AskRest) for event in self.events)

    def updates(self) -> list[OrderUpdate]:
        return [event for event in self.events if isinstance(event, OrderUpdate)]


@asynccontextmanager
async def following(
    venue: UserVenue, listener: Listener, reader: AccountReader | None = None
) -> AsyncIterator[UserStream]:
    stream = UserStream(
        Hosts.of(ws_user=venue.url),
        Clock(),
        Credentials("the-api-key", SECRET, "the-passphrase"),
        no_fee,
        listener.hear,
        listener.hear_health,
        FAST,
        lambda: 0.5,
        reader,
    )
    task = asyncio.create_task(stream.run())
    try:
        yield stream
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled(), task.exception()


async def test_orders_are_heard_and_a_cut_asks_rest_without_a_secret_in_any_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # the server is the venue's side, and prints what it is sent
    logging.getLogger("websockets").setLevel(logging.WARNING)
    venue = UserVenue()
    listener = Listener(venue)
    async with venue.running(), following(venue, listener) as stream:
        await listener.until(lambda: listener.asked() == 1)
        stream.expect(OURS, 100 * SHARE)
        await listener.until(lambda: venue.pings > 0)
        await venue.say(order("PLACEMENT", "LIVE"))
        await listener.until(lambda: len(listener.updates()) == 1)
        assert listener.updates()[0].state is OrderState.OPEN
        venue.cut()
        await listener.until(lambda: listener.asked() == 2)
        await listener.until(lambda: venue.connections == 2 and venue.clients == 1)
        await venue.say([order("CANCELLATION", "CANCELED")])
        await listener.until(lambda: len(listener.updates()) == 2)
        assert listener.updates()[1].state is OrderState.CANCELLED
    shown = caplog.text + repr(listener.events) + repr(listener.health)
    for part in (SECRET, "the-api-key", "the-passphrase"):
        assert part not in shown


async def test_a_key_that_is_not_taken_is_doubted_in_a_sentence() -> None:
    venue = UserVenue(secret="another")
    listener = Listener(venue)
    async with venue.running(), following(venue, listener):
        await listener.until(lambda: venue.connections >= 4)
        await listener.until(lambda: "is the API key still valid?" in listener.health[-1].sentence)
        assert listener.health[-1].state is StreamState.DOWN
        assert "1008" in listener.health[-1].sentence


async def test_a_venue_that_is_not_there_is_told_and_waited_for() -> None:
    venue = UserVenue()
    listener = Listener(venue)
    venue.url = "ws://127.0.0.1:1/ws/user"
    async with following(venue, listener):
        await listener.until(lambda: len(listener.health) >= 3)
        assert "connecting failed" in listener.health[-1].sentence
        assert listener.asked() == 0


async def test_what_was_missed_while_the_stream_was_away_is_told_from_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(user_stream, "ASK_EVERY_S", 0.01)
    venue, rest = UserVenue(), Venue()
    listener = Listener(venue)
    rest.orders = [order("", "LIVE") | {"event_type": ""}]
    async with (
        venue.running(),
        reading(rest) as reader,
        following(venue, listener, reader) as stream,
    ):
        stream.expect(OURS, 100 * SHARE)
        await listener.until(lambda: len(listener.updates()) == 1)
        assert listener.updates()[0].state is OrderState.OPEN
        rest.trades = [trade("CONFIRMED", maker(amount="100"), size="100")]
        rest.trades.append({"id": 7})
        venue.cut()
        await listener.until(lambda: listener.asked() >= 2)
        await listener.until(lambda: "the account over REST: " in caplog.text)
        rest.trades.pop()
        await listener.until(lambda: len(listener.updates()) == 2)
        assert listener.updates()[1].state is OrderState.FILLED
        assert any(isinstance(event, FillSettled) for event in listener.events)
