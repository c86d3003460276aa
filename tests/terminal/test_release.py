"""What is decided while the ledger writes: a command or the news of being late goes before it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from feeds.clock import Clock
from feeds.events import Event, KillSwitch, MarketSeen, OrderKind, OrderRequest, OrderState, Tick
from feeds.markets import SHARE, Side
from feeds.tape import TapeWriter, read_tape
from strategies.desk import DeskSettings
from terminal.alerts import Alerts
from terminal.config.shape import AlertsConfig
from terminal.engine.inbox import Inbox
from terminal.engine.loop import Engine
from terminal.engine.session import Header, Session, header_from
from terminal.engine.state import EngineState
from tests.strategies.kit import NOON, WordLinker, at, books, market
from tests.terminal.ledger_rows import opened
from tests.terminal.test_catalogue_sync import _engine

HEADER = Header(version="0", venue="test", started_ns=NOON, desk=DeskSettings(session="t"))
BUY = OrderRequest(at(1), "c1", "m", "m-yes", Side.BUY, 5_000, 100 * SHARE, OrderKind.FAK)
KILL = KillSwitch(at(1), "k", True)


class Disk:
    """Stands still at a write of choice until it is let go."""

    def __init__(self) -> None:
        self.writes, self.stands_at = 0, 0
        self.stands, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, step: str) -> None:
        if step != "begun":
            return
        self.writes += 1
        if self.writes == self.stands_at:
            self.stands.set()
            assert self.goes_on.wait(20)

    def stand_at(self, write: int) -> None:
        """At the first, second... write from now on."""
        self.stands_at = self.writes + write


class Running:
    """An engine whose loop runs, with its disk and its tape."""

    def __init__(self, base: Engine, folder: Path) -> None:
        self.disk, self.tape = Disk(), folder / "a.tape"
        ledger = opened(folder / "ledger.sqlite", step=self.disk)
        session = Session(HEADER, linker=WordLinker())
        state = EngineState("test", Clock(), session.desk)
        alerts = Alerts(AlertsConfig(), folder / "alerts", to_stdout=False)
        writer = TapeWriter(self.tape, msgspec.to_builtins(HEADER))
        self.engine = Engine(
            state, session, Inbox(state.counters), base.sources, ledger, alerts, writer
        )
        self._draining = asyncio.create_task(self.engine._drain())

    async def hears(self, *events: Event) -> None:
        for event in events:
            self.engine.inbox.hear(event)
        while self.engine.inbox._wake.is_set():  # noqa: ASYNC110 - until all is dealt with
            await asyncio.sleep(0)

    async def stands(self) -> None:
        assert await asyncio.to_thread(self.disk.stands.wait, 20)

    def state_of(self, order_id: str) -> OrderState:
        return self.engine.session.desk.trading.orders.records[order_id].state

    async def close(self) -> None:
        self.disk.goes_on.set()
        self._draining.cancel()
        await asyncio.gather(self._draining, return_exceptions=True)
        await self.engine._ledger.close()
        await self.engine._alerts.close()
        assert self.engine._tape is not None
        self.engine._tape.close()

    def check_replay(self) -> None:
        """The tape gives the same decisions."""
        tape = read_tape(self.tape)
        again = Session(header_from(tape.header), linker=WordLinker())
        for event in tape.events:
            again.play(event)
        assert again.digest == self.engine.session.digest


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    base = await _engine("http://127.0.0.1:1", tmp_path / "home")
    made = Running(base, tmp_path)
    await made.hears(MarketSeen(NOON, market()), *books("m", 4_800, 5_000), Tick(NOON))
    yield made
    await made.close()
    await base._close([])
    made.check_replay()


async def test_an_order_leaves_without_waiting_for_more_events(running: Running) -> None:
    await running.hears(BUY)
    assert running.engine.session.desk.trading.orders.records["t-1"].sent_ns
    await running.hears(Tick(at(2)))
    assert running.state_of("t-1") is OrderState.FILLED


@pytest.mark.parametrize("write", [1, 2], ids=["intent", "seal"])
async def test_a_kill_that_comes_while_the_ledger_writes_stops_what_was_decided_before(
    running: Running, write: int
) -> None:
    running.disk.stand_at(write)
    running.engine.inbox.hear(BUY)
    await running.stands()
    answer = running.engine.ask(KILL, "k")
    running.disk.goes_on.set()
    assert "Kill switch on: 1 open orders" in (await answer).message
    await running.hears(Tick(at(2)), Tick(at(3)))
    record = running.engine.session.desk.trading.orders.records["t-1"]
    assert (record.state, record.sent_ns) == (OrderState.CANCELLED, 0)
    assert not running.engine.state.fills


async def test_an_order_for_which_the_ledger_took_too_long_does_not_leave(running: Running) -> None:
    running.disk.stand_at(2)
    running.engine.inbox.hear(BUY)
    await running.stands()
    running.engine.inbox.hear(Tick(at(2)))
    running.engine.state.lag.limit_ms, began = 200, time.perf_counter()
    while (now := time.perf_counter()) < began + 0.04:
        running.engine.state.lag.awake(now)  # it is the disk that stands still, not the engine
        await asyncio.sleep(0.005)
    running.engine.state.lag.limit_ms = 30
    running.disk.goes_on.set()
    await running.hears(Tick(at(3)))
    record = running.engine.session.desk.trading.orders.records["t-1"]
    assert (record.state, record.sent_ns) == (OrderState.CANCELLED, 0)
    assert record.reason.startswith("not sent: the engine was 0.")
    running.engine.state.lag.limit_ms = 60_000  # a machine that tests may be slow
    await running.hears(Tick(at(3)))
    assert running.engine.session.desk.trading.gate.behind_ms == 0, "and it has caught up"
    await running.hears(msgspec.structs.replace(BUY, at_ns=at(4), command_id="c2"), Tick(at(5)))
    assert running.state_of("t-2") is OrderState.FILLED
