"""The engine: one asyncio loop from feeds to desk to broker, ledger, alerts and views.

Sources only append to the inbox; one loop drains it in short turns, so nothing trades inside a
socket callback, and what a person wants is heard between two events: commands go before all data.
How far the engine is behind is measured where the desk acts, told to it as an event, and beyond
``lag_max_ms`` nothing is traded.

What concerns money is on disk before anything comes of it: the session says step by step what to
keep, and goes on when it is kept. Meanwhile the loop serves everybody else, but no further event is
handled, so that the order on the tape is the order of decisions.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from feeds.events import (
    Behind,
    BookSnapshot,
    Event,
    Fill,
    LevelChange,
    MarketSeen,
    PassedOver,
    Release,
    Story,
    Tick,
)
from feeds.tape import TapeError, TapeWriter
from strategies.decisions import (
    Alert,
    Answer,
    Consult,
    Decision,
    Follow,
    LinksFound,
    Parked,
    Place,
    Ponder,
    Suggested,
)
from terminal.alerts import Alerts
from terminal.engine.inbox import Inbox
from terminal.engine.lag import Lag
from terminal.engine.session import Decided, Keep, Session
from terminal.engine.sources import Sources, Work
from terminal.engine.state import EngineState
from terminal.ledger import Ledger

log = logging.getLogger(__name__)

TICKS_PER_SECOND = 10
TURN_S = 0.005
"""After so long the sockets have their turn, whatever waits: a command is read within it."""
ROUNDS_TO_HEAR = 3
"""Of the loop, from the bytes in a socket to a command in the inbox."""
PAUSE_S = 0.05
"""Who comes back after longer than that hears commands before anything else."""
LAG_MAX_MS = 1_000
STORIES_REMEMBERED_MAX = 5_000
"""How many stories' arrival times and clusters are kept for the figures."""


class EngineHalted(Exception):
    """The engine stopped itself rather than act on something it could not keep."""


Listener = Callable[[Decided], None]


class Engine:
    """Runs one session with the sources it is given, until told to stop."""

    def __init__(
        self,
        state: EngineState,
        session: Session,
        inbox: Inbox,
        sources: Sources,
        ledger: Ledger,
        alerts: Alerts,
        tape: TapeWriter | None = None,
        lag_max_ms: int = LAG_MAX_MS,
    ) -> None:
        self.state, self.session, self.inbox, self.sources = state, session, inbox, sources
        self.answers: dict[str, asyncio.Future[Answer]] = {}
        self.listeners: list[Listener] = []
        self._ledger, self._alerts, self._tape = ledger, alerts, tape
        state.lag = self._lag = Lag(lag_max_ms)
        self._arrived: dict[str, float] = {}
        self._clusters: dict[str, None] = {}
        self._last_ns = 0
        self._in_disorder = False

    # -- what comes in ------------------------------------------------------------------

    def ask(self, event: Event, command_id: str) -> asyncio.Future[Answer]:
        """Hand a person's command to the desk; the future is its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.answers[command_id] = future
        future.add_done_callback(lambda _: self.answers.pop(command_id, None))
        self.inbox.hear(event)
        return future

    # -- the loop ------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; raises :class:`EngineHalted` when it may not go on."""
        tasks = [
            asyncio.create_task(self._guard(work), name=name)
            for name, work in (
                ("desk", self._drain),
                ("ticks", self._tick),
                *self.sources.work(),
            )
        ]
        stopper = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopper], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopper}:
                error = task.exception()
                raise EngineHalted(str(error) or type(error).__name__) from error
        finally:
            await self._close([*tasks, stopper])

    async def _guard(self, work: Work) -> None:
        await work()
        raise EngineHalted(f"{work.__qualname__} ended although the session goes on")

    async def _close(self, tasks: list["asyncio.Task[Any]"]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for future in list(self.answers.values()):
            future.cancel()
        async with contextlib.AsyncExitStack() as endings:  # each is done, whatever another does
            endings.push_async_callback(self._ledger.close)
            endings.push_async_callback(self._alerts.close)
            if self._tape is not None:
                endings.callback(self._end_tape, self._tape)
            await self.sources.close()

    async def _drain(self) -> None:
        while True:
            await self.inbox.filled()
            until = time.perf_counter() + TURN_S
            while (heard := self.inbox.take()) is not None:
                await self._own_up(*heard)
                await self._handle(*heard)
                await self._release()
                if time.perf_counter() > until:
                    break
            else:
                await self._recover()
            paused = time.perf_counter() > until + PAUSE_S
            await _let_sockets_breathe(ROUNDS_TO_HEAR if paused else 1)

    async def _release(self) -> None:
        """Let what is sealed leave, after whatever a person has commanded until now."""
        if not self.session.has_sealed:
            return
        await _let_sockets_breathe(ROUNDS_TO_HEAR)
        if self.inbox.commanded:
            return
        event, now = Release(self._last_ns), time.perf_counter()
        await self._own_up(event, now)
        await self._handle(event, now)

    async def _own_up(self, event: Event, arrived: float) -> None:
        """Before an event is handled, say how old it and what waits is, and what was left out."""
        now = time.perf_counter()
        self._lag.awake(now)
        late = self._lag.turn(now, min(arrived, self._oldest(now)))
        if late is not None:
            await self._handle(Behind(event.at_ns, late), now)
        joined = self.inbox.take_joined()
        if joined:
            self._in_disorder = True
            await self._handle(PassedOver(event.at_ns, joined), now)

    def _oldest(self, now: float) -> float:
        """The moment up to which everything is dealt with, read and on disk."""
        oldest = self.inbox.oldest()
        late_s = max(self._ledger.waiting_s, self.state.delay.late_s(now))
        return min(now - late_s, now if oldest is None else oldest)

    async def _recover(self) -> None:
        """All is dealt with: places in queues can be known again, lost books are asked for."""
        if self._in_disorder:
            self._in_disorder = False
            await self._handle(PassedOver(self._last_ns, ()), time.perf_counter())
        lost = self.inbox.take_overrun()
        if lost:
            prints, self.inbox.prints_lost = self.inbox.prints_lost, 0
            said = f"the desk fell behind: {len(lost)} books are asked for again"
            self.state.error(f"{said}, {prints} prints were not heard" if prints else said)
            self.sources.following.ask_again(lost)

    async def _handle(self, event: Event, arrived: float) -> None:
        if isinstance(event, Story) and self.state.earlier.told(event):
            return  # it was news to the session before, and is shown as that one left it
        event = self._in_order(event)
        if self._tape is not None:
            self._record(self._tape, event)
        if isinstance(event, Story):
            self._time_story(event, arrived)
        for step in self.session.feed(event):
            if isinstance(step, Keep):
                await self._keep(step)
                continue
            if isinstance(event, LevelChange | BookSnapshot) and step.event is event:
                self.state.frame_to_book.add(time.perf_counter() - arrived)
                self.state.counters.books.add(event.asset_id)
            self._tell(step)
        self._alerts.tick(event.at_ns)

    def _record(self, tape: TapeWriter, event: Event) -> None:
        """A tape that can't be written any more ends; no money hangs on it, so trading goes on."""
        try:
            tape.append(event)
        except TapeError as error:
            self._tape = None
            self._end_tape(tape)
            self.state.complain("tape", f"The tape has ended: {error}.")
            self.state.error(str(error))

    def _end_tape(self, tape: TapeWriter) -> None:
        try:
            tape.close()
        except TapeError as error:
            self.state.error(str(error))

    async def _keep(self, step: Keep) -> None:
        if step.durable:
            await self._ledger.record(step.records)
        else:
            self._ledger.post(step.records)

    def _tell(self, step: Decided) -> None:
        """Act on what was decided, and tell all who listen."""
        state, semantics = self.state, self.sources.semantics
        match step.event:
            case MarketSeen() if semantics is not None:
                semantics.see(step.event.market)
            case Fill():
                state.fills.append(step.event)
                state.counters.fills += 1
            case Tick():
                self._ledger.check()  # a row that nobody waited for may have ended it
            case _:
                pass
        for decision in step.decisions:
            self._act(decision)
        state.timelines.listen(step)
        for fact in (step.event, *step.decisions):
            state.changes.note(fact)
        for listener in self.listeners:
            listener(step)

    def _in_order(self, event: Event) -> Event:
        if event.at_ns < self._last_ns:
            event = msgspec.structs.replace(event, at_ns=self._last_ns)
        self._last_ns = event.at_ns
        return event

    def _time_story(self, story: Story, arrived: float) -> None:
        self.state.counters.stories += 1
        if story.cluster_id not in self._clusters:
            self.state.counters.clusters += 1
            _remember(self._clusters, story.cluster_id, None)
        if story.id not in self._arrived:
            _remember(self._arrived, story.id, arrived)

    # -- what follows from decisions -------------------------------------------------------

    def _act(self, decision: Decision) -> None:
        match decision:
            case Follow():
                self.sources.following.desk_wants(decision.asset_ids)
            case Place():
                self.state.counters.orders += 1
            case LinksFound():
                self.state.counters.links += len(decision.links)
            case Consult():
                self._consult(decision)
            case Ponder():
                self._ponder(decision)
            case Suggested():
                self._time_suggestion(decision)
            case Alert():
                self._alerts.raise_(decision)
            case Answer():
                self._answer(decision)
            case Parked():
                self.state.error(f"strategy {decision.strategy} is off: {decision.cause}")
            case _:
                pass

    def _consult(self, wanted: Consult) -> None:
        if self.sources.llm_judge is not None:
            desk = self.session.desk
            self.sources.llm_judge.consult(
                wanted, desk.news.stories[wanted.story_id], desk.market_data.markets
            )

    def _ponder(self, wanted: Ponder) -> None:
        if self.sources.semantics is not None:
            self.sources.semantics.ponder(wanted, self.session.desk.news.stories[wanted.story_id])

    def _time_suggestion(self, decision: Suggested) -> None:
        self.state.counters.suggestions += 1
        arrived = self._arrived.get(decision.suggestion.story_id)
        if arrived is not None:
            self.state.story_to_suggestion.add(time.perf_counter() - arrived)

    def _answer(self, answer: Answer) -> None:
        future = self.answers.pop(answer.command_id, None)
        if future is not None and not future.done():
            future.set_result(answer)

    # -- time --------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            now = time.perf_counter()
            self._lag.awake(now)
            self._lag.look(now, self._oldest(now))  # also while the desk waits for its disk
            self.sources.modes.tick()
            self.inbox.hear(Tick(self.state.clock.now_ns()))
            await asyncio.sleep(1 / TICKS_PER_SECOND)


async def _let_sockets_breathe(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


def _remember(kept: dict[str, Any], key: str, value: Any) -> None:
    """Put something in a memory that forgets its oldest."""
    if len(kept) >= STORIES_REMEMBERED_MAX:
        del kept[next(iter(kept))]
    kept[key] = value
