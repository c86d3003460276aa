"""Where messages go: alerts with one key are one thread, and a thread speaks rarely.

The first alert of a thread goes out at once. What follows within the cooldown is held; when the
cooldown ends the newest of it goes out once and says how many it stands for, unless it only says
again what was said last. Money is never held and knows no quiet hours. Writing happens on a thread
of its own, so a pipe that nobody reads can't delay an order.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from queue import Full, Queue
from typing import Protocol, TextIO

import msgspec

from feeds.markets import SECOND, Nanos
from feeds.text import printable
from strategies.decisions import Alert
from terminal.config.shape import AlertsConfig

log = logging.getLogger(__name__)

MONEY = frozenset({"fill", "order", "kill", "resolved"})
"""Kinds that always go out at once: something happened to money."""
THREADS_MAX = 5_000
QUEUED_MAX = 1_000
FILE_BYTES_MAX = 5_000_000
FILES_KEPT = 3
CLOSE_WITHIN_S = 5.0


class Message(msgspec.Struct, frozen=True):
    """An alert on its way out. ``more`` counts earlier ones of its thread that were held back."""

    alert: Alert
    more: int = 0
    quiet: bool = False

    def line(self) -> str:
        """One line of plain text."""
        at = datetime.fromtimestamp(self.alert.at_ns // SECOND, UTC).strftime("%H:%M:%S")
        body = f" · {printable(self.alert.body)}" if self.alert.body else ""
        more = f" (+{self.more} more)" if self.more else ""
        return f"{at} {printable(self.alert.kind)}: {printable(self.alert.title)}{body}{more}"

    def json(self) -> str:
        """One line of JSON."""
        alert = self.alert
        at = datetime.fromtimestamp(alert.at_ns / SECOND, UTC)
        return json.dumps(
            {
                "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "kind": alert.kind,
                "key": alert.key,
                "title": printable(alert.title),
                "body": printable(alert.body),
                "story_id": alert.story_id,
                "condition_id": alert.condition_id,
                "more": self.more,
                "quiet": self.quiet,
            },
            ensure_ascii=False,
        )


class Sink(Protocol):
    """Somewhere messages go. ``write`` raises ``OSError`` or ``ValueError`` when it can't."""

    name: str

    def write(self, message: Message) -> None: ...

    def close(self) -> None: ...


class StreamSink:
    """Lines on a stream, as text or JSON. In quiet hours it is silent."""

    def __init__(self, stream: TextIO, *, as_json: bool = False, name: str = "stdout") -> None:
        self.name = name
        self._stream, self._as_json = stream, as_json

    def write(self, message: Message) -> None:
        if not message.quiet:
            self._stream.write((message.json() if self._as_json else message.line()) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """The stream is not ours to close."""


class FileSink:
    """JSON lines in a file of this user's alone; a full one is moved aside, the oldest removed."""

    def __init__(self, path: Path, bytes_max: int = FILE_BYTES_MAX) -> None:
        self.name = str(path)
        self._path, self._bytes_max = path, bytes_max

    def write(self, message: Message) -> None:
        line = message.json().encode() + b"\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
            full = os.fstat(handle).st_size >= self._bytes_max
        finally:
            os.close(handle)
        if full:
            self._rotate()

    def _rotate(self) -> None:
        names = [self._path.with_name(f"{self._path.name}.{n}") for n in range(1, FILES_KEPT)]
        for older, newer in zip(reversed(names), reversed([self._path, *names[:-1]]), strict=True):
            if newer.exists():
                os.replace(newer, older)

    def close(self) -> None:
        """Nothing stays open between two lines."""


class _Thread(msgspec.Struct):
    """One key's alerts: when it last spoke and what it said, and what it holds."""

    spoke_ns: Nanos
    said: tuple[str, str]
    held: Alert | None = None
    count: int = 0

    def hold(self, alert: Alert) -> None:
        """Keep the newest; when that is what was said last, there is nothing left to say."""
        if _words(alert) == self.said:
            self.held, self.count = None, 0
        elif self.held is None or _words(alert) != _words(self.held):
            self.held = alert
            self.count += 1


def _words(alert: Alert) -> tuple[str, str]:
    return (alert.title, alert.body)


class Alerts:
    """Takes alerts from the engine's loop and never blocks it."""

    def __init__(
        self,
        settings: AlertsConfig,
        file: Path,
        *,
        to_stdout: bool = True,
        as_json: bool = False,
        stdout: TextIO | None = None,
        more_sinks: tuple[Sink, ...] = (),
    ) -> None:
        self.dropped = 0
        self.failing: dict[str, str] = {}
        """Sinks that can't be written to now, and why."""
        self._cooldown_ns = settings.cooldown_s * SECOND
        self._quiet = _hours(settings.quiet_hours)
        self._threads: dict[str, _Thread] = {}
        self._swept_ns: Nanos = 0
        sinks: list[Sink] = [*more_sinks]
        if settings.stdout and to_stdout:
            sinks.append(StreamSink(stdout or sys.stdout, as_json=as_json))
        if settings.file:
            sinks.append(FileSink(file))
        self._sinks = tuple(sinks)
        self._queue: Queue[Message | None] = Queue(QUEUED_MAX)
        self._writer = threading.Thread(target=self._write, name="alerts", daemon=True)
        self._writer.start()

    def raise_(self, alert: Alert) -> None:
        """Send an alert, or hold it while its thread rests."""
        self.tick(alert.at_ns)
        thread = self._threads.get(alert.key)
        if alert.kind in MONEY:
            self._send(alert, 0)
        elif thread is None or alert.at_ns - thread.spoke_ns >= self._cooldown_ns:
            # the queue of threads runs from the one that spoke longest ago
            self._threads.pop(alert.key, None)
            self._threads[alert.key] = _Thread(alert.at_ns, _words(alert))
            self._send(alert, 0)
            if len(self._threads) > THREADS_MAX:
                self._forget(next(iter(self._threads)))
        else:
            thread.hold(alert)

    def tick(self, now_ns: Nanos) -> None:
        """Market time passed: threads whose rest is over say what they held."""
        if now_ns - self._swept_ns < SECOND:
            return
        self._swept_ns = now_ns
        due = [k for k, t in self._threads.items() if now_ns - t.spoke_ns >= self._cooldown_ns]
        for key in due:
            said = self._forget(key)
            if said is not None:
                self._threads[key] = _Thread(now_ns, _words(said))

    async def close(self) -> None:
        """Say what is held, write what waits, and end."""
        for key in list(self._threads):
            self._forget(key)
        # not for ever: there may be a pipe that nobody reads
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with contextlib.suppress(Full):
            self._queue.put(None, timeout=CLOSE_WITHIN_S)
        self._writer.join(CLOSE_WITHIN_S)

    def _forget(self, key: str) -> Alert | None:
        """End a thread's rest; what it had held goes out now and is returned."""
        thread = self._threads.pop(key)
        if thread.held is not None:
            self._send(thread.held, thread.count - 1)
        return thread.held

    def _send(self, alert: Alert, more: int) -> None:
        quiet = alert.kind not in MONEY and self._is_quiet(alert.at_ns)
        self._put(Message(alert, more, quiet))

    def _is_quiet(self, at_ns: Nanos) -> bool:
        if self._quiet is None:
            return False
        local = datetime.fromtimestamp(at_ns // SECOND, UTC).astimezone()
        minute, (begin, end) = 60 * local.hour + local.minute, self._quiet
        return begin <= minute < end if begin <= end else not end <= minute < begin

    def _put(self, message: Message | None) -> None:
        try:
            self._queue.put_nowait(message)
        except Full:
            self.dropped += 1
            if self.dropped == 1:
                log.warning("alerts: nobody reads them fast enough; further ones are dropped")

    # -- the writer's thread ----------------------------------------------------------------

    def _write(self) -> None:
        while (message := self._queue.get()) is not None:
            for sink in self._sinks:
                self._write_to(sink, message)
        for sink in self._sinks:
            sink.close()

    def _write_to(self, sink: Sink, message: Message) -> None:
        try:
            sink.write(message)
        except (OSError, ValueError) as error:
            if sink.name not in self.failing:
                log.warning("alerts: %s can't be written: %s; the others go on", sink.name, error)
            self.failing[sink.name] = str(error)
        else:
            self.failing.pop(sink.name, None)


def _hours(text: str) -> tuple[int, int] | None:
    """Minutes of the day from a text such as "22:00-07:00"; None for none."""
    if not text:
        return None
    begin, end = ([int(part) for part in clock.split(":")] for clock in text.split("-"))
    return 60 * begin[0] + begin[1], 60 * end[0] + end[1]
