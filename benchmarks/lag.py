"""Nothing is traded on old books: an engine that is too slow by design, and a witness outside it.

A headless engine on the practice venue at speed 60 gets a small share of its time (SIGSTOP and
SIGCONT in turn) for some seconds, then all of it for some, again and again. Its strategy wants an
order at every move, and says with each the venue's stamp of the book that it saw. The witness has a
socket of its own to the venue and reads the ledger by SQLite alone: when an order appears as sent,
how long ago had the venue told something newer of that book? Late is what is older than the limit
and the time for which the engine may have stood still between the gate and the disk.

The same is done with the limit at a minute: there the witness must find late orders, or it has no
eyes.
"""

import asyncio
import bisect
import contextlib
import json
import os
import signal
import sqlite3
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import connect

from benchmarks.kill import engine
from terminal.stores.paths import Paths

SECONDS = 90.0
LIMIT_MS, NO_LIMIT_MS = 1_000, 60_000
SPEED = 60.0
SLOW_S, FREE_S = 12.0, 6.0
RUNS_S, STANDS_S = 0.01, 0.19
POLL_S = 0.005
ALLOWED_S = STANDS_S + 0.05
ASSETS_MAX = 1_000
_ORDERS = """SELECT sent.seq, intents.asset_id, suggestions.reason FROM sent
    JOIN intents USING (order_id) JOIN suggestions ON suggestions.id = intents.origin
    WHERE sent.seq > ? AND intents.strategy = 'busy'"""


class Witness:
    """What the venue said of each asset and when, by a socket of its own."""

    def __init__(self) -> None:
        self._stamps: dict[str, list[int]] = defaultdict(list)
        self._heard: dict[str, list[float]] = defaultdict(list)

    def listen(self, gamma: str, url: str, stop: threading.Event) -> None:
        """Until told to stop, in a thread of its own."""
        asyncio.run(self._listen(assets(gamma), url, stop))

    async def _listen(self, asset_ids: list[str], url: str, stop: threading.Event) -> None:
        async with connect(url, max_size=None, max_queue=None, ping_interval=None) as socket:
            await socket.send(json.dumps({"assets_ids": asset_ids, "type": "market"}))
            said = time.monotonic()
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    self.hear(await asyncio.wait_for(socket.recv(), 1.0), time.monotonic())
                if time.monotonic() - said > 10:
                    said = time.monotonic()
                    await socket.send("PING")

    def hear(self, frame: str | bytes, now: float) -> None:
        """Note each change's stamp, in nanoseconds, and when it came."""
        if frame == "PONG":
            return
        found = msgspec.json.decode(frame)
        for one in found if isinstance(found, list) else [found]:
            for change in one.get("price_changes") or ():
                stamp = int(one["timestamp"]) * 1_000_000
                stamps = self._stamps[change["asset_id"]]
                if not stamps or stamp > stamps[-1]:
                    stamps.append(stamp)
                    self._heard[change["asset_id"]].append(now)

    def age(self, asset_id: str, stamp: int, now: float) -> float:
        """For how many seconds something newer than this stamp had been known."""
        place = bisect.bisect_right(self._stamps[asset_id], stamp)
        heard = self._heard[asset_id]
        return max(0.0, now - heard[place]) if place < len(heard) else 0.0

    @property
    def changes(self) -> int:
        return sum(map(len, self._stamps.values()))


def assets(gamma: str) -> list[str]:
    """The venue's assets."""
    markets = httpx.get(f"{gamma}/markets", params={"limit": 500, "closed": "false"}).json()
    return [id for one in markets for id in json.loads(one.get("clobTokenIds", "[]"))][:ASSETS_MAX]


@contextlib.contextmanager
def slowed(pid: int) -> Iterator[None]:
    """A process that runs a twentieth of its time for a while, then freely, in turn."""
    stop = threading.Event()

    def turns() -> None:
        until = time.monotonic() + SLOW_S
        while not stop.is_set():
            os.kill(pid, signal.SIGSTOP)
            stop.wait(STANDS_S)
            os.kill(pid, signal.SIGCONT)
            stop.wait(RUNS_S)
            if time.monotonic() > until:
                stop.wait(FREE_S)
                until = time.monotonic() + SLOW_S

    thread = threading.Thread(target=turns)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        os.kill(pid, signal.SIGCONT)


def orders(ledger: sqlite3.Connection, seq: int) -> list[tuple[int, str, str]]:
    """Orders sent after this row, with the stamp of the book that each was decided on."""
    return ledger.execute(_ORDERS, (seq,)).fetchall()


def watched(ledger: Path, witness: Witness, seconds: float) -> list[float]:
    """The age of the book under each order, as it was sent."""
    ages: list[float] = []
    seq = 0
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as file:
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            found = orders(file, seq)
            ages += [witness.age(asset_id, int(stamp), now) for _, asset_id, stamp in found]
            seq = max([seq, *(order[0] for order in found)])
            time.sleep(POLL_S)
    return ages


def trial(limit_ms: int, seconds: float) -> dict[str, Any]:
    """One engine with this limit, slowed, and what the witness saw."""
    os.environ["FTT_ENGINE__LAG_MAX_MS"] = str(limit_ms)
    witness, stop = Witness(), threading.Event()
    with tempfile.TemporaryDirectory() as folder, engine(Path(folder), SPEED) as (pid, told):
        listens = threading.Thread(
            target=witness.listen, args=(told["gamma"], told["ws_market"], stop)
        )
        listens.start()
        try:
            ledger = Paths.find().ledger
            _wait_for_orders(ledger)
            with slowed(pid):
                ages = watched(ledger, witness, seconds)
            refused = _refused(ledger)
        finally:
            stop.set()
            listens.join()
    late = [age for age in ages if age > LIMIT_MS / 1_000 + ALLOWED_S]
    return {
        "limit_ms": limit_ms,
        "orders": len(ages),
        "late": len(late),
        "oldest_s": round(max(ages, default=0.0), 2),
        "refused_for_lag": refused,
        "changes_heard": witness.changes,
    }


def _wait_for_orders(ledger: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as file,
        ):
            if orders(file, 0):
                return
        time.sleep(0.2)
    raise TimeoutError("the engine sent no order within two minutes")


def _refused(ledger: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as file:
        skipped = "SELECT COUNT(*) FROM skipped WHERE gate = 'lag'"
        unsent = "SELECT COUNT(*) FROM order_updates WHERE reason LIKE 'not sent:%'"
        return sum(int(file.execute(query).fetchone()[0]) for query in (skipped, unsent))


def run() -> dict[str, Any]:
    """With the gate's limit, and with one that lets all pass."""
    seconds = float(os.environ.get("SECONDS_EACH", SECONDS))
    gated, open_ = trial(LIMIT_MS, seconds), trial(NO_LIMIT_MS, seconds)
    holds = gated["late"] == 0 and gated["orders"] > 0 and open_["late"] > 0
    return {"gated": gated, "gate_open": open_, "holds": holds}
