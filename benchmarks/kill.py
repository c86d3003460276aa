"""From the kill switch to no further order: an engine under load, awake or stopped for a while.

A headless engine on the practice venue, in a process of its own, with a strategy that wants an
order at every move. Half of the trials send the kill switch while it runs; half stop the process
(SIGSTOP) for up to 20 s, send it meanwhile, and let it go on. The witness is the ledger, read from
outside by SQLite alone: which orders were intended after the switch was sent, and which after the
row that says it is on. Goals: p99 to the answer 50 ms awake and 1 s after waking, no order after
the row, and none after waking but what was on its way in those 50 ms.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from terminal import VERSION
from terminal.commands.demo import demo_config
from terminal.protocol.link import Face, LinkError
from terminal.protocol.views import Done, Kill
from terminal.stores.paths import Paths

TRIALS = 200
STOPPED_S = (0.5, 1.0, 2.0, 5.0)
LONGEST_S, LONGEST_TRIALS = 20.0, 4
BETWEEN_S = 0.5
GOAL_AWAKE_MS, GOAL_STOPPED_MS = 50.0, 1_000.0

BUSY = '''"""Wants an order at every move: what a benchmark needs, and nobody else."""

from collections.abc import Iterable

from strategies.api import SHARE, Context, Draft, Side, Strategy


class Busy(Strategy):
    name = "busy"
    summary = "buys and sells a few shares at every move"

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        asset_id = ctx.market(condition_id).yes.asset_id
        sells = ctx.own(asset_id) >= 10 * SHARE
        book = ctx.book(asset_id)
        yield Draft(
            condition_id=condition_id,
            asset_id=asset_id,
            side=Side.SELL if sells else Side.BUY,
            limit=max(100, book.best_bid) if sells else min(9_900, book.best_ask),
            size=10 * SHARE,
            edge=1.0,
            reason=str(book.venue_ns),  # the book it was decided on, for a witness outside
        )
'''
LIMITS = """
[risk]
open_orders_max = 1000
orders_per_minute_max = 10000
daily_loss_max = 1000000000
total_notional_max = 1000000000
market_notional_max = 1000000

[strategies.busy]
enabled = true
mandate = "paper"
path = "{path}"
"""


class Trial(NamedTuple):
    """One switch: how long the engine was stopped, until its answer, and orders seen afterwards."""

    stopped_s: float
    answered_ms: float
    after_sent: int
    after_row: int


@contextlib.contextmanager
def engine(folder: Path, speed: float) -> Iterator[tuple[int, dict[str, Any]]]:
    """An engine on the practice venue: its process id, and what the venue told of itself.

    FTT_HOME is set to its home.
    """
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--with-parent"]
    venue = subprocess.Popen(
        [*command, "--seed", "7", "--speed", str(speed)], stdout=subprocess.PIPE, text=True
    )
    assert venue.stdout is not None
    told = json.loads(venue.stdout.readline())
    strategy, config = folder / "busy.py", folder / "config.toml"
    strategy.write_text(BUSY, encoding="utf-8")
    limits = LIMITS.format(path=strategy)
    config.write_text(demo_config(told) + limits, encoding="utf-8")
    os.environ |= {"FTT_HOME": str(folder / "home"), "FTT_NEWS__MEANING": "false"}
    bot = subprocess.Popen(
        [sys.executable, "-m", "terminal", "--config", str(config), "bot"],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield bot.pid, told
    finally:
        for process in (bot, venue):
            process.terminate()
            process.wait(30)


def rows(ledger: Path) -> tuple[int, int]:
    """The newest order's place in the ledger, and the newest kill's; 0 where there is none."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as file:
        newest = "SELECT COALESCE(MAX(seq), 0) FROM"
        (order,), (kill,) = (
            file.execute(f"{newest} intents").fetchone(),
            file.execute(f'{newest} kills WHERE "on" = 1').fetchone(),
        )
        return order, kill


def orders_after(ledger: Path, seq: int) -> int:
    """How many orders were intended after this row."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as file:
        return int(file.execute("SELECT COUNT(*) FROM intents WHERE seq > ?", (seq,)).fetchone()[0])


async def command(face: Face, on: bool, number: int) -> None:
    """Send the switch and wait for its answer."""
    id = f"{number}-{on}"
    await face.send(Kill(id=id, on=on))
    while True:
        said = await face.receive()
        if isinstance(said, Done) and said.id == id:
            return


async def trial(pid: int, ledger: Path, number: int, stopped_s: float) -> Trial:
    """Stop the engine for so long, or not; kill; count; go on."""
    face = await Face.connect(Paths.find().runtime, VERSION)
    try:
        if stopped_s:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(stopped_s)
        before, _ = rows(ledger)
        answer = asyncio.create_task(command(face, True, number))
        await asyncio.sleep(0)
        began = time.perf_counter()
        if stopped_s:
            os.kill(pid, signal.SIGCONT)
        await answer
        took = 1_000 * (time.perf_counter() - began)
        await asyncio.sleep(BETWEEN_S)
        _, killed = rows(ledger)
        found = Trial(stopped_s, took, orders_after(ledger, before), orders_after(ledger, killed))
        await command(face, False, number)
        return found
    finally:
        await face.close()


async def trials(pid: int, count: int) -> list[Trial]:
    """As many trials as wanted, half of them with the engine stopped, once it trades."""
    ledger = Paths.find().ledger
    async with asyncio.timeout(120):
        while not (ledger.exists() and _trades(ledger)):  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(0.2)
    dice = random.Random(1)
    found = []
    for number in range(count):
        stopped = 0.0 if number % 2 else dice.choice(STOPPED_S)
        if number < 2 * LONGEST_TRIALS and not number % 2:
            stopped = LONGEST_S
        await asyncio.sleep(dice.random())
        found.append(await trial(pid, ledger, number, stopped))
    return found


def _trades(ledger: Path) -> bool:
    try:
        return rows(ledger)[0] > 0
    except sqlite3.Error:
        return False


def p99(numbers: list[float]) -> float:
    """The number that one in a hundred exceeds."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else 0.0


def run() -> dict[str, Any]:
    """Two hundred trials."""
    count = int(os.environ.get("TRIALS", TRIALS))
    with tempfile.TemporaryDirectory() as folder, engine(Path(folder), 20) as (pid, _):
        try:
            found = asyncio.run(trials(pid, count))
        except LinkError as error:
            return {"failed": str(error)}
    table: dict[str, Any] = {}
    for kind in sorted({one.stopped_s for one in found}):
        some = [one for one in found if one.stopped_s == kind]
        took = [one.answered_ms for one in some]
        table[f"stopped {kind:g} s" if kind else "awake"] = {
            "trials": len(some),
            "answer_ms_median": round(sorted(took)[len(took) // 2], 1),
            "answer_ms_p99": round(p99(took), 1),
            "orders_after_it_was_sent": sum(one.after_sent for one in some),
            "orders_after_its_row": sum(one.after_row for one in some),
        }
    awake = p99([one.answered_ms for one in found if not one.stopped_s])
    woken = p99([one.answered_ms for one in found if one.stopped_s])
    return {
        "trials": len(found),
        "table": table,
        "awake_p99_ms": round(awake, 1),
        "woken_p99_ms": round(woken, 1),
        "orders_after_its_row": sum(one.after_row for one in found),
        "holds": awake <= GOAL_AWAKE_MS
        and woken <= GOAL_STOPPED_MS
        and not sum(one.after_row for one in found),
    }
