"""What goes to the engine, and which of its answers are still waited for."""

import itertools
import secrets
import time

from terminal.protocol.views import Command, Done, Preview, Query
from terminal.tui.engine_client import EngineClient
from terminal.tui.notices import Notices, Severity
from terminal.tui.view_model import ViewModel

PENDING_MAX = 200
ANSWER_WITHIN_S = 10.0


class Requests:
    """Sends commands and questions; a command's answer is announced in the words it went with."""

    def __init__(self, client: EngineClient, seen: ViewModel, notices: Notices) -> None:
        self._client, self._seen, self._notices = client, seen, notices
        self._pending: dict[str, tuple[str, float]] = {}
        self._ids = itertools.count(1)
        self._tag = secrets.token_hex(4)

    def new_id(self) -> str:
        """An id for a command, unlike any other face's."""
        return f"{self._tag}-{next(self._ids)}"

    def look(self) -> None:
        """Ask for what is in focus now."""
        self._client.look(self._seen.look())

    def ask(self, question: Preview | Query) -> bool:
        """Ask something. False, and nothing comes, when the engine has gone."""
        return self._client.send(question)

    def send(self, command: Command, text: str) -> bool:
        """Send a command; ``text`` is how its answer will be announced. False when it can't go."""
        if not self._client.send(command):
            self._notices.say(f"{text}: not sent, since the engine has gone.", "error")
            return False
        if len(self._pending) >= PENDING_MAX:
            self._pending.pop(next(iter(self._pending)))
        self._pending[getattr(command, "id", "")] = (text, time.monotonic())
        return True

    def answered(self, done: Done, *, announce: bool) -> None:
        """A command's answer came; it is announced unless that is done elsewhere."""
        text, _ = self._pending.pop(done.id, ("", 0.0))
        level: Severity = "information" if done.outcome == "done" else "error"
        if text and announce:
            self._notices.say(f"{text}: {done.outcome}. {done.message}".strip(), level)

    def lose(self) -> None:
        """The engine went: what it had not answered may have happened or not."""
        for text, _ in self._pending.values():
            self._notices.say(
                f"{text}: the engine went before it answered. Look at ORDERS before trying again.",
                "error",
            )
        self._pending.clear()

    def complain(self) -> None:
        """Say of what has waited too long that nobody knows."""
        now = time.monotonic()
        for id, (text, at) in list(self._pending.items()):
            if now - at > ANSWER_WITHIN_S:
                del self._pending[id]
                self._notices.say(
                    f"{text}: no answer for {ANSWER_WITHIN_S:.0f} s; it may have happened or not.",
                    "error",
                )
