"""Short random lives of an engine, with a witness at everyone who may hear of money.

The real engine, desk, ledger and alerts; the ledger's disk is slow, fails or is cut off at a step
of chance, and the broker answers at once or when it pleases. Whoever is told something (the broker,
a view, an alert, a strategy) looks at that moment, through a connection of its own, whether the
ledger has the row.
"""

import asyncio
import errno
import random
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from feeds.events import (
    BookHealth,
    BookState,
    CancelRequest,
    Event,
    Fill,
    Gap,
    KillSwitch,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderRequest,
    OrderSealed,
    OrderSent,
    OrderState,
    OrderUpdate,
    SuggestionReply,
    Tick,
)
from feeds.markets import DOLLAR, SHARE, MarketState, Nanos, Side, Size
from strategies.api import Context
from strategies.decisions import Mandate, OrderIntent
from strategies.desk import DeskSettings
from terminal.alerts import Alerts, Message
from terminal.engine.brokers import Heard
from terminal.engine.brokers.paper import PaperBroker
from terminal.engine.loop import Counters, Engine
from terminal.engine.session import Decided, Header, Session, StrategySetting
from terminal.engine.timeline import Timelines
from terminal.ledger import Ledger, LedgerError, Rebuilt
from terminal.ledger.tables import CODECS
from terminal.presenters.page import views
from terminal.protocol.views import BlotterView, Look, StatusView
from tests.strategies.kit import WordLinker, at, books, change, market, printed, story
from tests.terminal.ledger_rows import opened, reopened

SPY = Path(__file__).with_name("spy_strategy.py")
ASSETS = ("m-yes", "m-no", "n-yes", "n-no")
STEPS_MAX = 160
"""A life has about so many steps of writing; a disk that is to break does so within them."""
HELD_S = 20.0
LOOK = Look(views=("status", "blotter", "signals"))
on_duty: list["Witness"] = []
"""Where a strategy, which is loaded from a file, finds the witness of the life it lives in."""


class Witness:
    """Looks into the ledger's file, whoever asks and from whatever thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[str] = []
        self.told: list[OrderIntent | OrderSealed | Fill] = []
        """What somebody was told; each has its row from then on, whatever happens."""
        self._threads = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._looked: object = None

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                f"file:{self.path}?mode=ro", uri=True, check_same_thread=False
            )
            self._threads.connection = connection
            self._connections.append(connection)
        return connection.execute(query, values).fetchall()

    def expect(self, record: OrderIntent | OrderSealed | Fill, who: str) -> None:
        """This row is there, to the letter."""
        codec = CODECS[type(record)]
        key = getattr(record, codec.table.key)
        query = f"SELECT {codec.table.quoted} FROM {codec.table.name} WHERE {codec.table.key} = ?"
        if [codec.record(row) for row in self.rows(query, key)] != [record]:
            self.faults.append(f"{who} heard of {record} before its row")
        self.told.append(record)

    def expect_held(self, asset_id: str, size: Size, who: str) -> None:
        """So many shares are what some of the fills on disk make, from the first one on.

        The newest may be on disk and not told yet; none are held of a market that was paid out.
        """
        query = "SELECT side, size FROM fills WHERE asset_id = ? ORDER BY seq"
        held, might_be = 0, {0}
        for side, part in self.rows(query, asset_id):
            held += part if side == "buy" else -part
            might_be.add(held)
        if size not in might_be:
            self.faults.append(f"{who} saw {size} of {asset_id}, the ledger knows {might_be}")

    # -- those who look --------------------------------------------------------------------

    def strategy(self, ctx: Context) -> None:
        for asset_id in ASSETS:
            self.expect_held(asset_id, ctx.position(asset_id), "a strategy")

    def view(self, engine: Engine) -> None:
        """What a face would be shown at this moment."""
        portfolio = engine.session.desk.portfolio
        seen = (portfolio.cash, len(engine.fills), engine.session.decisions)
        if seen == self._looked:
            return
        self._looked = seen
        for shown in views(engine, LOOK):
            if isinstance(shown, BlotterView):
                self._blotter(shown)
            elif isinstance(shown, StatusView) and shown.killed > self._ever_killed():
                self.faults.append("a view saw the kill switch on before its row")

    def _ever_killed(self) -> bool:
        return bool(self.rows('SELECT 1 FROM kills WHERE "on"'))

    def _blotter(self, shown: BlotterView) -> None:
        for row in shown.fills:
            if not self.rows("SELECT 1 FROM fills WHERE id = ? AND size = ?", row.id, row.size):
                self.faults.append(f"a view saw fill {row.id} before its row")
        for order in shown.orders:
            query = "SELECT COALESCE(SUM(size), 0) FROM fills WHERE order_id = ?"
            if order.filled > self.rows(query, order.order_id)[0][0]:
                self.faults.append(f"a view saw {order.order_id} filled before its row")
        for position in shown.positions:
            self.expect_held(position.asset_id, position.size, "a view")

    def decided(self, step: Decided) -> None:
        """Everybody who listens to the engine: toasts and the figures of a story's way."""
        if isinstance(step.event, Fill):
            self.expect(step.event, "a listener")
        for decision in step.decisions:
            order = getattr(decision, "order", None)
            if isinstance(order, OrderIntent):
                self.expect(order, "a listener")


class AlertSpy:
    """A sink that looks, on the thread that alerts are written by."""

    name = "witness"

    def __init__(self, witness: Witness) -> None:
        self._witness, self._fills = witness, 0

    def write(self, message: Message) -> None:
        if message.alert.kind != "fill":
            return
        self._fills += 1
        on_disk = self._witness.rows("SELECT COUNT(*) FROM fills")[0][0]
        if self._fills > on_disk:
            self._witness.faults.append(f"{self._fills} fills alerted, {on_disk} on disk")

    def close(self) -> None: ...


class RecordingBroker:
    """The paper broker, watched: what reaches it, and when it says what it knows.

    A slow one says some of it later, through the inbox, as a signer or a venue would; one in
    twenty orders can't be sealed.
    """

    def __init__(self, paper: PaperBroker, witness: Witness, chance: random.Random) -> None:
        self.slow = chance.random() < 0.5
        self.later: list[Heard] = []
        self.sent: set[str] = set()
        self.cancelled: set[str] = set()
        self.fills: list[Fill] = []
        self._paper, self._witness, self._chance = paper, witness, chance

    def seal(self, order: OrderIntent) -> Sequence[Heard]:
        self._witness.expect(order, "the broker, to seal,")
        if self._chance.random() < 0.05:
            refusal = OrderUpdate(order.at_ns, order.order_id, OrderState.REFUSED, 0, "no ink")
            return self._say([refusal])
        return self._say(self._paper.seal(order))

    def send(self, order: OrderIntent, sealed: OrderSealed) -> Sequence[Heard]:
        self._witness.expect(order, "the broker, to send,")
        self._witness.expect(sealed, "the broker, to send,")
        if order.order_id in self.sent | self.cancelled:
            self._witness.faults.append(f"{order.order_id} was sent twice, or once cancelled")
        self.sent.add(order.order_id)
        return self._say(self._paper.send(order, sealed))

    def cancel(self, order_id: str, at_ns: Nanos) -> Sequence[Heard]:
        self.cancelled.add(order_id)
        return self._say(self._paper.cancel(order_id, at_ns))

    def hear(self, event: Event) -> Sequence[Heard]:
        return self._say(self._paper.hear(event))

    def _say(self, said: Sequence[Heard]) -> Sequence[Heard]:
        self.fills += [one for one in said if isinstance(one, Fill)]
        if self.later or (self.slow and self._chance.random() < 0.5):
            self.later += said
            return ()
        return said

    def release(self) -> list[Heard]:
        said, self.later = self.later, []
        return said


class Disk:
    """What each step of a write meets: time, a failure, or the end.

    ``ends`` is "" for a disk that is only slow, "fails" or "cut"; a cut disk's files are copied
    as another process would find them.
    """

    def __init__(self, witness: Witness, chance: random.Random, ends: str, slow: float) -> None:
        self.ends, self.ended = ends, False
        self.copy = witness.path.with_name("cut.sqlite")
        self.known: list[OrderIntent | OrderSealed | Fill] = []
        """What had been told when the disk was cut."""
        self._witness, self._chance, self._slow = witness, chance, slow
        self._left = chance.randint(1, STEPS_MAX)
        self._held, self._turns = threading.Event(), 0

    def __call__(self, name: str) -> None:
        self._left -= 1
        if self.ends and not self._left:
            self.ended = True
            if self.ends == "cut":
                self._cut()
        if self.ended:
            raise OSError(errno.EIO, "Input/output error")
        if self._chance.random() < self._slow:
            self._held.clear()
            self._turns = self._chance.randint(1, 5)
            assert self._held.wait(HELD_S), "the loop stands still while the disk is slow"

    def _cut(self) -> None:
        self.known = list(self._witness.told)
        path = self._witness.path
        for part in path.parent.glob(path.name + "*"):
            shutil.copy(part, self.copy.with_name(part.name.replace(path.name, self.copy.name)))

    def turn(self) -> None:
        """The loop went round once."""
        if self._turns:
            self._turns -= 1
            if not self._turns:
                self._held.set()

    def let_go(self) -> None:
        self._slow = 0.0
        self._held.set()


def script(chance: random.Random) -> Iterator[list[Event]]:
    """Some twenty moments of two markets, and a person who orders, cancels and answers."""
    now = at(1)
    for name in "mn":
        yield [MarketSeen(now, market(name)), *books(name, 4_800, 5_000, at_ns=now), Tick(now)]
    for number in range(chance.randint(8, 24)):
        now = at(2 + number)
        yield [*_moment(chance, now), Tick(now + 100_000_000), Tick(now + 400_000_000)]
    yield [KillSwitch(at(90), "end", True), Tick(at(91)), Tick(at(92)), Tick(at(93))]


def _moment(chance: random.Random, now: Nanos) -> list[Event]:
    asset, name = chance.choice(ASSETS), chance.choice("mn")
    price, size = chance.randint(46, 53) * 100, chance.randint(1, 60) * SHARE
    side, command = chance.choice(list(Side)), f"c{now}"
    dice = chance.random()
    if dice < 0.45:
        kind, post_only = chance.choice(list(OrderKind)), chance.random() < 0.2
        return [
            OrderRequest(now, command, asset[0], asset, side, price, size, kind, post_only)
            for command in ("a", "b")[: chance.choice((1, 1, 2))]
        ]
    if dice < 0.60:
        return [printed(asset, price, 50 * size, side, now) for _ in range(3)]
    if dice < 0.70:
        return [*books(name, price - 100, price + 100, at_ns=now)]
    if dice < 0.76:
        return [change(asset, side, price, size, now)]
    if dice < 0.82:
        return [story(f"s{now}", title=f"more of {name}", at_ns=now)]
    if dice < 0.86:
        return [SuggestionReply(now, command, f"s1-s{chance.randint(1, 4)}", True)]
    if dice < 0.90:
        return [CancelRequest(now, command, chance.choice(("", f"s1-{chance.randint(1, 9)}")))]
    if dice < 0.93:
        return [KillSwitch(now, command, True), KillSwitch(now + 1, command, False)]
    if dice < 0.95:
        state = chance.choice([BookState.STALE, BookState.LIVE])
        return [BookHealth(now, asset, state), Gap(now, ("n-no",), "a break")]
    if dice < 0.97:
        state = chance.choice([MarketState.PAUSED, MarketState.OPEN])
        return [MarketSeen(now, market("n", state=state))]
    return [MarketResolved(now, name, "m-yes" if name == "m" else "")]


HEADER = Header(
    version="0",
    venue="test",
    started_ns=at(0),
    desk=DeskSettings(session="s1", starting_cash=5_000 * DOLLAR, cooldown_s=1),
    strategies=(
        StrategySetting("taker", Mandate.PAPER, str(SPY)),
        StrategySetting("asker", Mandate.SUGGEST, str(SPY.with_name("spy_asker.py"))),
    ),
)


@dataclass
class Life:
    """What came of one life."""

    faults: list[str] = field(default_factory=list)
    orders: int = 0
    fills: int = 0
    ended: str = ""


async def live(engine: Engine, folder: Path, seed: int, *, slow: float = 0.02) -> Life:
    """One life in a folder of its own, by a seed. Of three disks one fails and one is cut off."""
    chance = random.Random(seed)
    witness = Witness(folder / "ledger.sqlite")
    disk = Disk(witness, chance, chance.choice(("", "fails", "cut")), slow)
    ledger = opened(witness.path, step=disk)
    brokers: list[RecordingBroker] = []

    def broker(desk: Any) -> RecordingBroker:
        brokers.append(RecordingBroker(PaperBroker(desk.market_data, 250_000_000), witness, chance))
        return brokers[0]

    on_duty.append(witness)
    try:
        session = Session(HEADER, broker, WordLinker())
        alerts = Alerts(
            engine.config.alerts,
            folder / "alerts",
            to_stdout=False,
            more_sinks=(AlertSpy(witness),),
        )
        _renew(engine, session, ledger, alerts)
        engine.listeners.append(witness.decided)
        said = await _played(engine, brokers[0], disk, witness, script(chance))
        await ledger.close()
        await alerts.close()
        _check(session, brokers[0], disk, witness, said)
    finally:
        on_duty.remove(witness)
        witness.close()
    return Life(witness.faults, len(brokers[0].sent), len(brokers[0].fills), said)


def _renew(engine: Engine, session: Session, ledger: Ledger, alerts: Alerts) -> None:
    """Another session for an engine: a new engine would read certificates ten thousand times."""
    engine.session, engine._ledger, engine._alerts = session, ledger, alerts
    engine.fills.clear()
    engine.listeners.clear()
    engine.counters, engine.timelines, engine._last_ns = Counters(), Timelines(), 0
    engine._inbox.clear()
    engine._wake = asyncio.Event()


async def _played(
    engine: Engine,
    broker: RecordingBroker,
    disk: Disk,
    witness: Witness,
    moments: Iterator[list[Event]],
) -> str:
    """The script through the engine's own loop, looked at each time it goes round.

    Returns what ended it, "" for the end of the script.
    """
    draining = asyncio.create_task(engine._drain())
    try:
        for moment in moments:
            for event in (*broker.release(), *moment, *broker.release()):
                engine.hear(event)
            while engine._wake.is_set() and not draining.done():
                witness.view(engine)
                disk.turn()
                await asyncio.sleep(0)
            if draining.done():
                break
    finally:
        disk.let_go()
        draining.cancel()
    outcome = (await asyncio.gather(draining, return_exceptions=True))[0]
    if isinstance(outcome, asyncio.CancelledError):
        return ""
    assert isinstance(outcome, LedgerError), repr(outcome)
    return str(outcome)


def _check(
    session: Session, broker: RecordingBroker, disk: Disk, witness: Witness, said: str
) -> None:
    """When all is over: whoever was told anything was told the truth, and nothing is lost."""
    _has_all(reopened(witness.path), witness.told, "the ledger")
    if disk.ended and disk.ends == "cut":
        _has_all(reopened(disk.copy), disk.known, "what the cut left")
    if disk.ended:
        assert not said or "Input/output error" in said
        return
    assert not said
    rebuilt = reopened(witness.path)
    portfolio = session.desk.portfolio
    said_of = [one for one in broker.fills if one not in broker.later]
    assert _undated(rebuilt.fills) == _undated(said_of)
    unsaid = {one.order_id for one in broker.later if isinstance(one, OrderSent)}
    assert rebuilt.sent == broker.sent - unsaid
    assert rebuilt.portfolio(HEADER.desk.starting_cash).cash == portfolio.cash
    assert broker.sent <= rebuilt.seals.keys()


def _undated(fills: Sequence[Fill]) -> list[Fill]:
    """What is said late has the time at which it was heard."""
    return [msgspec.structs.replace(fill, at_ns=0) for fill in fills]


def _has_all(rebuilt: Rebuilt, told: list[OrderIntent | OrderSealed | Fill], where: str) -> None:
    known = {*rebuilt.intents, *rebuilt.seals.values(), *rebuilt.fills}
    for record in told:
        assert record in known, f"{where} lost {msgspec.to_builtins(record)}"
