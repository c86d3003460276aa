"""Keeping the link: connect, listen, notice the loss, come back. Touches no widget."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from terminal.protocol.link import Face, LinkError
from terminal.protocol.views import Command, Done, Hello, Look, Rows, TicketView, Toast
from terminal.tui.messages import AnswerCame, LinkLost, LinkOpened, ViewSeen

FIRST_RETRY_S = 0.25
RETRY_S_MAX = 5.0
OUTBOX_MAX = 64


class Link:
    """One face's link to the engine, opened again whenever it is lost."""

    def __init__(self, folder: Path, version: str, post: Callable[[Message], object]) -> None:
        self._folder, self._version, self._post = folder, version, post
        self._face: Face | None = None
        self._outbox: asyncio.Queue[Command] = asyncio.Queue(OUTBOX_MAX)
        self._look = Look()

    @property
    def is_open(self) -> bool:
        return self._face is not None

    def look(self, look: Look) -> None:
        """Say what to show; it is said again after every reconnection."""
        if look != self._look:
            self._look = look
            self.send(look)

    def send(self, command: Command) -> bool:
        """Queue a command. False, and nothing is kept, when there is no link to send it on."""
        if not self.is_open or self._outbox.full():
            return False
        self._outbox.put_nowait(command)
        return True

    async def keep(self) -> None:
        """Connect and listen until cancelled."""
        tries = 0
        while True:
            try:
                face = await Face.connect(self._folder, self._version)
                tries = 0
                await self._serve(face)
            except (LinkError, OSError) as error:
                pause = min(RETRY_S_MAX, FIRST_RETRY_S * 2**tries)
                tries += 1
                self._post(LinkLost(str(error), tries, pause))
                await asyncio.sleep(pause)

    async def _serve(self, face: Face) -> None:
        self._outbox = asyncio.Queue(OUTBOX_MAX)  # commands of the lost link must not go out late
        self._face = face
        self._outbox.put_nowait(self._look)
        self._post(LinkOpened(face.engine_version))
        sender = asyncio.get_running_loop().create_task(self._send_all(face))
        try:
            await self._receive_all(face)
        finally:
            self._face = None
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            await face.close()

    async def _send_all(self, face: Face) -> None:
        while True:
            await face.send(await self._outbox.get())

    async def _receive_all(self, face: Face) -> None:
        while True:
            message = await face.receive()
            if isinstance(message, Done | Rows | TicketView | Toast):
                self._post(AnswerCame(message))
            elif not isinstance(message, Hello):
                self._post(ViewSeen(message))
