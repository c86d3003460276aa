"""What does the living page cost, against stock widgets that show the same?

Both apps run in a pseudo-terminal of 180 by 60 and are fed fifty stories, two books of twenty
levels a side and the blotter ten times a second, every number changed each time: the worst case,
not the usual one. Ours takes them over the real link and draws its own lines; the other makes the
same changes to a DataTable and two Statics by itself, and so pays for no link. The CPU of each
process is read from the kernel after start-up, in turns. Goal: at most a quarter.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import DataTable, Static

from terminal.protocol.link import LinkClosed, LinkServer, Peer
from terminal.protocol.views import (
    BlotterView,
    BookView,
    LadderLevel,
    Look,
    MarketView,
    NewsView,
    SignalsView,
    StatusView,
    StoryRow,
    View,
)

WIDTH, HEIGHT = 180, 60
HZ = 10
ROWS = 50
LEVELS = 20
ROUNDS = 3
WARM_S = 4.0
TIMED_S = 6.0
SHARE = 1_000_000
START_NS = 1_795_528_931_000_000_000
GOAL = 0.25


def run() -> dict[str, Any]:
    """CPU shares of both apps in per cent of a core, their ratio, and bytes to the terminal."""
    ours, table = [], []
    with tempfile.TemporaryDirectory() as folder, feeding(Path(folder)):
        for _ in range(ROUNDS):
            ours.append(measure(["face", folder]))
            table.append(measure(["table"]))
    ours_cpu, table_cpu = (statistics.median(cpu for cpu, _ in each) for each in (ours, table))
    assert all(written > 10_000 for _, written in (*ours, *table)), "an app drew nothing"
    return {
        "face_cpu_percent": round(ours_cpu, 1),
        "table_cpu_percent": round(table_cpu, 1),
        "ratio": round(ours_cpu / table_cpu, 3),
        "goal": GOAL,
        "face_bytes_per_s": round(statistics.median(b for _, b in ours) / TIMED_S),
        "table_bytes_per_s": round(statistics.median(b for _, b in table) / TIMED_S),
    }


def measure(arguments: list[str]) -> tuple[float, int]:
    """CPU per cent and bytes written of one app in a pseudo-terminal, start-up left out."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    command = [sys.executable, "-m", "benchmarks.face", *arguments]
    app = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    written = [0]
    reader = threading.Thread(target=_drain, args=(master, written), daemon=True)
    reader.start()
    try:
        time.sleep(WARM_S)
        cpu, bytes_before, start = _cpu_s(app.pid), written[0], time.monotonic()
        time.sleep(TIMED_S)
        spent = (_cpu_s(app.pid) - cpu) / (time.monotonic() - start)
        assert app.poll() is None, f"{arguments[0]} ended early"
        return 100 * spent, written[0] - bytes_before
    finally:
        app.terminate()
        app.wait()
        with contextlib.suppress(OSError):
            os.close(master)


def _drain(master: int, written: list[int]) -> None:
    with contextlib.suppress(OSError):
        while chunk := os.read(master, 1 << 16):
            written[0] += len(chunk)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- what both are fed -----------------------------------------------------------------------


def books(chance: random.Random) -> tuple[BookView, BookView]:
    """Two books around the same odds, every size new."""

    def book(outcome: str, middle: int) -> BookView:
        def side(sign: int) -> tuple[LadderLevel, ...]:
            return tuple(
                LadderLevel(middle + sign * 10 * n, chance.randrange(100, 12_000) * SHARE)
                for n in range(1, LEVELS + 1)
            )

        return BookView(
            asset_id=outcome.lower(),
            outcome=outcome,
            state="live",
            age_s=0.1,
            tick_size=10,
            bids=side(-1),
            asks=side(1),
            midpoint=middle / 10_000,
            spread=20,
        )

    return book("YES", 2400), book("NO", 7600)


def stories(chance: random.Random) -> tuple[StoryRow, ...]:
    """Fifty headlines, every number new."""
    return tuple(
        StoryRow(
            id=f"s{n}",
            title=f"Practice story {n}: a maker of accelerators says what it expects of the year",
            source="Example Wire",
            published_ns=START_NS - n * 60_000_000_000,
            first_seen_ns=START_NS - n * 60_000_000_000,
            links=1,
            lead_condition_id="m",
            lead_question="Will it happen?",
            odds=chance.random(),
            points=chance.uniform(-5, 5),
            verdict="clear move",
        )
        for n in range(ROWS)
    )


def views(chance: random.Random, frame: int) -> list[View]:
    """One frame of everything."""
    yes, no = books(chance)
    now = START_NS + frame * 1_000_000_000 // HZ
    return [
        StatusView(mode="PAPER", venue="bench", now_ns=now, cash=chance.randrange(10**10)),
        NewsView(rows=stories(chance), total=ROWS),
        MarketView(condition_id="m", question="Will it happen?", yes=yes, no=no),
        SignalsView(rows=()),
        BlotterView(),
    ]


@contextlib.contextmanager
def feeding(folder: Path) -> Iterator[None]:
    """An engine's end of the link, on a thread of its own, while inside."""
    loop = asyncio.new_event_loop()
    server = LinkServer(folder, "bench", _feed)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _feed(peer: Peer) -> None:
    listener = asyncio.get_running_loop().create_task(_listen(peer))
    chance = random.Random(1)
    frame = 0
    with contextlib.suppress(LinkClosed):
        while not listener.done():
            frame += 1
            for view in views(chance, frame):
                await peer.send(view)
            await asyncio.sleep(1 / HZ)


async def _listen(peer: Peer) -> None:
    with contextlib.suppress(LinkClosed):
        while True:
            assert isinstance(await peer.receive(), Look)


# -- the other app ---------------------------------------------------------------------------


class TableApp(App[None]):
    """The same content in stock widgets."""

    CSS = "DataTable { width: 90; } Static { width: 45; }"

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield DataTable()
            yield Static(id="yes")
            yield Static(id="no")

    def on_mount(self) -> None:
        self._chance = random.Random(1)
        table = self.query_one(DataTable)
        for name in ("age", "title", "source", "odds", "points"):
            table.add_column(name, key=name)
        for row in stories(self._chance):
            table.add_row("1m", row.title[:50], row.source, "0.0", "0.0", key=row.id)
        self.set_interval(1 / HZ, self._frame)

    def _frame(self) -> None:
        table = self.query_one(DataTable)
        for row in stories(self._chance):
            table.update_cell(row.id, "odds", f"{100 * (row.odds or 0):.1f}")
            table.update_cell(row.id, "points", f"{row.points:+.1f}")
        for name, book in zip(("#yes", "#no"), books(self._chance), strict=True):
            lines = [
                f"{level.price / 100:6.1f} {'█' * (level.size // (SHARE * 1_000)):<13}"
                f" {level.size // SHARE:>8,}"
                for level in (*reversed(book.asks), *book.bids)
            ]
            self.query_one(name, Static).update("\n".join(lines))


def main(arguments: list[str]) -> int:
    """Be one of the two apps, or measure both."""
    if arguments[:1] == ["face"]:
        from terminal.tui import run as run_face

        return run_face(Path(arguments[1]), "bench")
    if arguments[:1] == ["table"]:
        TableApp().run()
        return 0
    print(run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
