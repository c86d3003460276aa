"""A durable commit beside its floor: one write of 4 KB and one fdatasync, taken in turns.

Both go to files of one folder, one after the other, since disks change their mind from minute to
minute. ``commit`` is what the ledger's own thread does for one intent, from the begin of the
transaction to the witness; ``record`` is what the engine waits for, two changes of thread
included, and its floor makes the same two changes. Goal: a commit at most 1.3 times its floor, and
at least ten rows a commit when many callers come at once.
"""

import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from feeds.events import OrderKind
from feeds.markets import SHARE, Side
from strategies.decisions import OrderIntent
from terminal.ledger import Ledger

COMMITS = 400
CALLERS = 2_000
PAGE = os.urandom(4_096)


def intent(number: int) -> OrderIntent:
    return OrderIntent(
        order_id=f"{number:064x}",
        at_ns=1_790_000_000_000_000_000 + number,
        origin="suggestion",
        strategy="drift",
        condition_id="0x" + "ab" * 32,
        asset_id="7" * 77,
        side=Side.BUY,
        price=2_400,
        size=100 * SHARE,
        kind=OrderKind.FAK,
    )


class Steps:
    """When each step of a write was reached."""

    def __init__(self) -> None:
        self.at: dict[str, list[float]] = {}

    def __call__(self, name: str) -> None:
        self.at.setdefault(name, []).append(time.perf_counter())

    def between(self, first: str, last: str) -> list[float]:
        return [b - a for a, b in zip(self.at[first], self.at[last], strict=True)]


class Floor:
    """A thread that writes a page and waits for the disk, asked and answered as the ledger's is."""

    def __init__(self, path: Path) -> None:
        self.waits: list[float] = []
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._queue: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while (done := self._queue.get()) is not None:
            begun = time.perf_counter()
            os.write(self._handle, PAGE)
            os.fdatasync(self._handle)
            self.waits.append(time.perf_counter() - begun)
            done.get_loop().call_soon_threadsafe(done.set_result, None)

    async def write(self) -> None:
        done = asyncio.get_running_loop().create_future()
        self._queue.put(done)
        await done

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        os.close(self._handle)


async def _timed(act: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    await act()
    return time.perf_counter() - begun


async def _in_turns(ledger: Ledger, floor: Floor) -> tuple[list[float], list[float]]:
    records, floors = [], []
    for number in range(COMMITS):
        row = intent(number)
        floors.append(await _timed(floor.write))
        records.append(await _timed(lambda row=row: ledger.record([row])))  # type: ignore[misc]
    return records, floors


async def _measure(folder: Path) -> dict[str, Any]:
    steps, floor = Steps(), Floor(folder / "floor")
    ledger = Ledger.open(folder / "ledger.sqlite", step=steps)
    records, floors = await _in_turns(ledger, floor)
    await ledger.flush()
    commits = steps.between("taken", "witnessed")
    steps.at.clear()
    begun = time.perf_counter()
    rows = [intent(COMMITS + number) for number in range(CALLERS)]
    await asyncio.gather(*(ledger.record([row]) for row in rows))
    together = time.perf_counter() - begun
    grouped = CALLERS / len(steps.at["committed"])
    assert len(ledger.rebuild().intents) == COMMITS + CALLERS
    await ledger.close()
    floor.close()
    return {
        "commit_us_p50": _us(commits, 50),
        "commit_us_p99": _us(commits, 99),
        "floor_us_p50": _us(floor.waits, 50),
        "floor_us_p99": _us(floor.waits, 99),
        "commit_to_floor": round(statistics.median(commits) / statistics.median(floor.waits), 2),
        "record_us_p50": _us(records, 50),
        "record_floor_us_p50": _us(floors, 50),
        "record_to_floor": round(statistics.median(records) / statistics.median(floors), 2),
        "rows_a_commit": round(grouped, 1),
        "rows_a_second": round(CALLERS / together),
        "goal": "commit_to_floor at most 1.3, rows_a_commit at least 10",
    }


def _us(seconds: list[float], percent: int) -> int:
    return round(statistics.quantiles(seconds, n=100)[percent - 1] * 1e6)


def run() -> dict[str, Any]:
    """Microseconds and ratios, all from one run."""
    with tempfile.TemporaryDirectory(prefix="ftt-ledger-", dir=Path.cwd()) as folder:
        return asyncio.run(_measure(Path(folder)))
