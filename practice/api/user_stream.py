"""The user WebSocket: credentials first, then every event of that user's orders and trades."""

import asyncio
from itertools import count

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from practice.accounts.auth import Door
from practice.accounts.records import Row
from practice.answers import UNREADABLE
from practice.api.market_stream import (
    CONNECTIONS_MAX,
    POLICY_VIOLATION,
    REFUSAL,
    SILENCE_S,
    Connection,
    Crowd,
    Freeze,
    converse,
    next_text,
    suffer,
)
from practice.clock import Clock
from practice.faults.deck import Deck
from practice.faults.frame_faults import FrameFaults

MARKETS_MAX = 2_000
BAD_LOGIN = "Unauthorized/Invalid api key"


class _Login(msgspec.Struct):
    apiKey: str = ""
    secret: str = ""
    passphrase: str = ""


class _Said(msgspec.Struct):
    """What a client may send: the first frame names itself, later ones come and go by market."""

    type: str = ""
    operation: str = ""
    auth: _Login | None = None
    markets: list[str] | None = None


_said = msgspec.json.Decoder(_Said)
_encode = msgspec.json.Encoder().encode


class UserConnection(Connection):
    """One client: who it is, and which markets it asked for; naming none means all."""

    def __init__(self, freeze: Freeze, frame_faults: FrameFaults) -> None:
        super().__init__(freeze, frame_faults)
        self.owner = ""
        self.markets: set[str] = set()

    def wants(self, owner: str, condition: str) -> bool:
        mine = self.begun and self.owner == owner
        return mine and (not self.markets or condition in self.markets)


class UserStream(Crowd[UserConnection]):
    """The user channel. Frozen for all assets, it sends nothing either; PONG goes on."""

    def __init__(self, door: Door, deck: Deck, clock: Clock) -> None:
        super().__init__()
        self._door = door
        self._deck = deck
        self._clock = clock
        self._numbers = count(1_000_001)  # apart from the market channel's: chance goes by number

    def tell(self, owner: str, condition: str, event: Row) -> None:
        """Something happened to this user's order or trade."""
        frame = None
        for connection in self.connections:
            if connection.wants(owner, condition) and connection.freeze.assets != "all":
                frame = frame or _encode(event)
                connection.send(frame)

    async def endpoint(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self.connections) >= CONNECTIONS_MAX:
            await socket.close(POLICY_VIOLATION, "too many connections")
            return
        connection = UserConnection(self.freeze, FrameFaults(self._deck, next(self._numbers)))
        self.connections.add(connection)
        try:
            await converse(socket, connection, self._read(socket, connection))
        finally:
            self.connections.discard(connection)

    async def _read(self, socket: WebSocket, connection: UserConnection) -> None:
        try:
            while True:
                text = await next_text(socket)
                suffer(connection, self._deck, self._clock)
                if connection.half_open:
                    await asyncio.sleep(SILENCE_S)  # unread, and forgotten after that
                    return
                refusal = self._heard(connection, text)
                if refusal:
                    await socket.close(POLICY_VIOLATION, refusal)
                    return
        except (WebSocketDisconnect, TimeoutError):
            return  # gone, or silent

    def _heard(self, connection: UserConnection, text: str) -> str:
        """Take in one frame; answers why the connection must end, or ""."""
        if text == "PING" and connection.begun:
            connection.pong()
            return ""
        try:
            said = _said.decode(text)
        except UNREADABLE:
            return "" if connection.begun else REFUSAL  # rubbish is let pass once it is open
        if connection.begun:
            _change(connection, said)
            return ""
        return self._login(connection, said)

    def _login(self, connection: UserConnection, said: _Said) -> str:
        if said.type.lower() != "user" or said.auth is None:
            return REFUSAL
        login = said.auth
        key = self._door.login(login.apiKey, login.secret, login.passphrase)
        if key is None:
            return BAD_LOGIN
        connection.owner = key.owner
        connection.markets = set((said.markets or [])[:MARKETS_MAX])
        connection.begun = True
        return ""


def _change(connection: UserConnection, said: _Said) -> None:
    """A later frame: markets come or go; when the last one goes, all are meant again."""
    named = set(said.markets or [])
    if said.operation == "subscribe":
        room = MARKETS_MAX - len(connection.markets)
        connection.markets |= set(sorted(named)[:room])
    elif said.operation == "unsubscribe":
        connection.markets -= named
