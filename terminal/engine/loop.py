"""The engine: one asyncio loop from feeds to desk to broker, ledger, alerts and views.

Sources only append to the inbox; one loop drains it in bounded batches, so nothing trades inside
a socket callback. What concerns money is on disk before anything comes of it: the session says step
by step what to keep, and goes on when it is kept. Meanwhile the loop serves everybody else, but no
further event is handled, so that the order on the tape is the order of decisions.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from feeds.clock import Clock
from feeds.events import (
    BookSnapshot,
    Event,
    Fill,
    Gap,
    LevelChange,
    MarketSeen,
    Story,
    Tick,
)
from feeds.judge import Judge
from feeds.news.fetch import Fetcher
from feeds.news.judge import MemoryFormatError
from feeds.news.poller import NewsPoller, SourceHealth
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.health import StreamHealth
from feeds.polymarket.http import Reads
from feeds.polymarket.modes import VenueModes
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.shelf import Shelf
from feeds.polymarket.skew import compare
from feeds.polymarket.stream import MarketStream
from feeds.tape import TapeWriter
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
from terminal.config import Config
from terminal.engine.catalogue_sync import CatalogueSync
from terminal.engine.latency import Spans
from terminal.engine.llm_judge import LlmJudge
from terminal.engine.semantics import Semantics
from terminal.engine.session import Decided, Keep, Session
from terminal.engine.timeline import Timelines
from terminal.ledger import Ledger
from terminal.stores.news_store import NewsStore

log = logging.getLogger(__name__)

TICKS_PER_SECOND = 10
BATCH_MAX = 512
INBOX_MAX = 200_000
HISTORIES_AT_ONCE_MAX = 4
HISTORY_PACE = 50
CLOCKS_EVERY_S = 3_600.0
CLOCKS_AGAIN_S = 60.0
STORIES_REMEMBERED_MAX = 5_000
"""How many stories' arrival times and clusters are kept for the figures."""
FILLS_MAX = 1_000
MISTAKES_MAX = 100
LOOPS_TO_CLOSE = 3


@dataclass
class Counters:
    """What the engine has counted since it started."""

    stories: int = 0
    links: int = 0
    frames: int = 0
    suggestions: int = 0
    orders: int = 0
    fills: int = 0
    errors: int = 0
    clusters: int = 0
    books: set[str] = field(default_factory=set)
    last_error: str = ""


class EngineHalted(Exception):
    """The engine stopped itself rather than act on something it could not keep."""


Listener = Callable[[Decided], None]


class Engine:
    """Runs one session against the configured venue and feeds until told to stop."""

    def __init__(
        self,
        config: Config,
        session: Session,
        ledger: Ledger,
        alerts: Alerts,
        clock: Clock,
        tape: TapeWriter | None = None,
        news: NewsStore | None = None,
        shelf: Shelf | None = None,
        judge: Judge | None = None,
        vectors: Path | None = None,
    ) -> None:
        self.config, self.session, self.clock = config, session, clock
        self.counters = Counters()
        self.story_to_suggestion = Spans()
        self.frame_to_book = Spans()
        self.streams: dict[str, StreamHealth] = {}
        self.sources: dict[str, SourceHealth] = {}
        self.complaints: dict[str, str] = {}
        self.answers: dict[str, asyncio.Future[Answer]] = {}
        self.listeners: list[Listener] = []
        self.arrived: dict[str, float] = {}
        self.fills: deque[Fill] = deque(maxlen=FILLS_MAX)
        self.timelines = Timelines()
        self.mistakes: deque[str] = deque(maxlen=MISTAKES_MAX)
        self._ledger, self._alerts, self._tape = ledger, alerts, tape
        self._inbox: deque[tuple[Event, float]] = deque()
        self._wake = asyncio.Event()
        self._clusters: dict[str, None] = {}
        self._last_ns = 0
        self._desk_follows: tuple[str, ...] = ()
        self._focus: dict[object, tuple[str, ...]] = {}
        self._histories_asked: set[str] = set()
        self._histories_wanted: asyncio.Queue[str] = asyncio.Queue()
        self._overrun: set[str] = set()
        self.http = httpx.AsyncClient(timeout=httpx.Timeout(10.0))
        hosts = config.venue.hosts
        self.modes = VenueModes(clock, self.hear)
        reads = Reads(self.http, modes=self.modes)
        self.reader = ClobReader(hosts, self.http, clock, reads)
        self.catalogue = Catalogue(hosts, self.http, reads)
        self.catalogue_sync = CatalogueSync(
            self.catalogue,
            session.desk,
            clock,
            self.hear,
            partial(self._complain, "catalogue"),
            shelf,
            tuple(config.venue.tags),
            config.venue.markets_max,
        )
        self.stream = MarketStream(
            hosts,
            clock,
            self.hear_many,
            self._on_stream_health,
            self.reader,
            standby=config.venue.standby,
        )
        self.llm_judge: LlmJudge | None = None
        if judge is not None:
            complain = partial(self._complain, "judge")
            self.llm_judge = LlmJudge(judge, config.judge, clock, self.hear, complain)
        self.semantics: Semantics | None = None
        if vectors is not None:
            complain = partial(self._complain, "meaning")
            self.semantics = Semantics(vectors, clock, self.hear, complain)
        self._news = news
        self.poller = self._poller(news.memory() if news else b"")

    def _poller(self, memory: bytes) -> NewsPoller:
        try:
            return NewsPoller(
                self.config.sources,
                self.clock,
                on_story=self.hear,
                on_health=self._on_source_health,
                memory=memory,
                fetcher=Fetcher(contact=self.config.news.contact),
            )
        except MemoryFormatError as error:
            assert self._news is not None
            self._news.put_aside(error)
            return self._poller(b"")

    async def _keep_news(self) -> None:
        if self._news is None:
            await asyncio.Event().wait()
        else:
            await self._news.keep(self.poller)

    async def _judge(self) -> None:
        if self.llm_judge is None:
            await asyncio.Event().wait()
        else:
            await self.llm_judge.run()

    async def _ponder(self) -> None:
        if self.semantics is None:
            await asyncio.Event().wait()
        else:
            await self.semantics.run()

    @property
    def catalogue_as_of_ns(self) -> int | None:
        """When the whole catalogue was last read, in this session or an earlier one."""
        return self.catalogue_sync.as_of_ns

    # -- what comes in ------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Put one event into the inbox; never blocks."""
        self._inbox.append((event, time.perf_counter()))
        self._wake.set()

    def hear_many(self, events: list[Event]) -> None:
        """Put what one frame said into the inbox.

        When the desk can't keep up, level changes are dropped and their books are declared void
        until a fresh snapshot: late prices are worse than none.
        """
        now = time.perf_counter()
        if len(self._inbox) > INBOX_MAX:
            events = self._shed(events)
        self._inbox.extend((event, now) for event in events)
        self.counters.frames += 1
        self._wake.set()

    def _shed(self, events: list[Event]) -> list[Event]:
        kept: list[Event] = []
        for event in events:
            if isinstance(event, LevelChange):
                self._overrun.add(event.asset_id)
            else:
                kept.append(event)
        return kept

    def focus(self, face: object, asset_ids: tuple[str, ...]) -> None:
        """What one face looks at, so that its books are followed; empty when it leaves."""
        if asset_ids:
            self._focus[face] = asset_ids
        else:
            self._focus.pop(face, None)
        self._rewire()

    def ask(self, event: Event, command_id: str) -> asyncio.Future[Answer]:
        """Hand a person's command to the desk; the future is its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.answers[command_id] = future
        future.add_done_callback(lambda _: self.answers.pop(command_id, None))
        self.hear(event)
        return future

    # -- the loop ------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; raises :class:`EngineHalted` when it may not go on."""
        tasks = [
            asyncio.create_task(self._guard(work), name=name)
            for name, work in (
                ("desk", self._drain),
                ("ticks", self._tick),
                ("catalogue", self.catalogue_sync.run),
                ("histories", self._fetch_histories),
                ("clocks", self._compare_clocks),
                ("stream", self.stream.run),
                ("news", self.poller.run),
                ("news shelf", self._keep_news),
                ("judge", self._judge),
                ("meaning", self._ponder),
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

    async def _guard(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
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
                endings.callback(self._tape.close)
            endings.push_async_callback(_let_transports_end)
            endings.push_async_callback(self.http.aclose)
            endings.push_async_callback(self.poller.aclose)
            if self._news is not None:
                endings.callback(self._news.keep_memory, self.poller.memory())
                endings.callback(self._news.keep_rows, self.poller.health())
            await self.catalogue_sync.save()

    async def _drain(self) -> None:
        while True:
            await self._wake.wait()
            for _ in range(min(BATCH_MAX, len(self._inbox))):
                event, arrived = self._inbox.popleft()
                await self._handle(event, arrived)
            if not self._inbox:
                self._wake.clear()
                self._recover()
            await asyncio.sleep(0)  # let the sockets breathe between batches

    def _recover(self) -> None:
        if self._overrun:
            lost = tuple(sorted(self._overrun))
            self._overrun.clear()
            self.error(f"the desk fell behind: {len(lost)} books are asked for again")
            self.hear(Gap(self.clock.now_ns(), lost, "the desk fell behind"))
            followed = [one for channel in self.stream.channels for one in channel.wanted]
            self.stream.set_wanted([one for one in followed if one not in lost])
            self._rewire()  # subscribing anew brings fresh snapshots

    async def _handle(self, event: Event, arrived: float) -> None:
        event = self._in_order(event)
        if self._tape is not None:
            self._tape.append(event)
        if isinstance(event, Story):
            self._time_story(event, arrived)
        for step in self.session.feed(event):
            if isinstance(step, Keep):
                await self._keep(step)
                continue
            if isinstance(event, LevelChange | BookSnapshot) and step.event is event:
                self.frame_to_book.add(time.perf_counter() - arrived)
                self.counters.books.add(event.asset_id)
            self._tell(step)
        self._alerts.tick(event.at_ns)

    async def _keep(self, step: Keep) -> None:
        if step.durable:
            await self._ledger.record(step.records)
        else:
            self._ledger.post(step.records)

    def _tell(self, step: Decided) -> None:
        """Act on what was decided, and tell all who listen."""
        match step.event:
            case MarketSeen() if self.semantics is not None:
                self.semantics.see(step.event.market)
            case Fill():
                self.fills.append(step.event)
                self.counters.fills += 1
            case Tick():
                self._ledger.check()  # a row that nobody waited for may have ended it
            case _:
                pass
        for decision in step.decisions:
            self._act(decision)
        self.timelines.listen(step)
        for listener in self.listeners:
            listener(step)

    def _in_order(self, event: Event) -> Event:
        if event.at_ns < self._last_ns:
            event = msgspec.structs.replace(event, at_ns=self._last_ns)
        self._last_ns = event.at_ns
        return event

    def _time_story(self, story: Story, arrived: float) -> None:
        self.counters.stories += 1
        if story.cluster_id not in self._clusters:
            self.counters.clusters += 1
            _remember(self._clusters, story.cluster_id, None)
        if story.id not in self.arrived:
            _remember(self.arrived, story.id, arrived)

    # -- what follows from decisions -------------------------------------------------------

    def _act(self, decision: Decision) -> None:
        match decision:
            case Follow():
                self._desk_follows = decision.asset_ids
                self._rewire()
            case Place():
                self.counters.orders += 1
            case LinksFound():
                self.counters.links += len(decision.links)
            case Consult():
                self._consult(decision)
            case Ponder() if self.semantics is not None:
                self.semantics.ponder(decision, self.session.desk.stories[decision.story_id])
            case Suggested():
                self._time_suggestion(decision)
            case Alert():
                self._alerts.raise_(decision)
            case Answer():
                self._answer(decision)
            case Parked():
                self.error(f"strategy {decision.strategy} is off: {decision.cause}")
            case _:
                pass

    def _consult(self, wanted: Consult) -> None:
        if self.llm_judge is not None:
            desk = self.session.desk
            self.llm_judge.consult(wanted, desk.stories[wanted.story_id], desk.markets)

    def _time_suggestion(self, decision: Suggested) -> None:
        self.counters.suggestions += 1
        arrived = self.arrived.get(decision.suggestion.story_id)
        if arrived is not None:
            self.story_to_suggestion.add(time.perf_counter() - arrived)

    def _answer(self, answer: Answer) -> None:
        future = self.answers.pop(answer.command_id, None)
        if future is not None and not future.done():
            future.set_result(answer)

    def error(self, sentence: str) -> None:
        """Count and log something that should not have happened; the session goes on."""
        self.counters.errors += 1
        self.counters.last_error = sentence
        self.mistakes.append(sentence)
        log.error("%s", sentence)

    # -- what keeps the inbox filled ---------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            self.modes.tick()
            self.hear(Tick(self.clock.now_ns()))
            await asyncio.sleep(1 / TICKS_PER_SECOND)

    def _complain(self, about: str, sentence: str) -> None:
        """Show what is wrong with something that feeds the engine; "" where nothing is."""
        if sentence:
            self.complaints[about] = sentence
        else:
            self.complaints.pop(about, None)

    async def _compare_clocks(self) -> None:
        """At the start and then hourly: is our clock the venue's?"""
        while True:
            try:
                skew = await compare(self.reader, self.clock)
            except (VenueError, WireError) as error:
                log.warning("the venue's clock: %s", error)
                await asyncio.sleep(CLOCKS_AGAIN_S)
                continue
            self._complain("clock", skew.sentence)
            await asyncio.sleep(CLOCKS_EVERY_S)

    async def _fetch_histories(self) -> None:
        slots = asyncio.Semaphore(HISTORIES_AT_ONCE_MAX)
        async with asyncio.TaskGroup() as group:
            while True:
                asset_id = await self._histories_wanted.get()
                await slots.acquire()
                task = group.create_task(self._fetch_history(asset_id))
                task.add_done_callback(lambda _: slots.release())

    async def _fetch_history(self, asset_id: str) -> None:
        try:
            points = await self.reader.prices_history(asset_id)
        except (VenueError, WireError) as error:
            log.warning("price history of %s: %s", asset_id, error)
            self._histories_asked.discard(asset_id)
            return
        for number, point in enumerate(points):
            self.hear(point)
            if number % HISTORY_PACE == 0:
                await asyncio.sleep(0)  # the past can wait; a frame behind it can't

    def _rewire(self) -> None:
        """Follow what the desk wants first, then what faces look at."""
        wanted = dict.fromkeys(self._desk_follows)
        for assets in self._focus.values():
            wanted.update(dict.fromkeys(assets))
        self.stream.set_wanted(wanted)
        for asset_id in wanted:
            self._want_history(asset_id)

    def _want_history(self, asset_id: str) -> None:
        """Ask once for the past of a market that is followed for the first time."""
        market = self.session.desk.market_data.market_of(asset_id)
        if market is None or market.yes.asset_id != asset_id:
            return
        if asset_id not in self._histories_asked:
            self._histories_asked.add(asset_id)
            self._histories_wanted.put_nowait(asset_id)

    def _on_stream_health(self, health: StreamHealth) -> None:
        self.streams[health.name] = health

    def _on_source_health(self, health: SourceHealth) -> None:
        self.sources[health.source_id] = health


async def _let_transports_end() -> None:
    """Closed transports are told so by the loop's next rounds."""
    for _ in range(LOOPS_TO_CLOSE):
        await asyncio.sleep(0)


def _remember(kept: dict[str, Any], key: str, value: Any) -> None:
    """Put something in a memory that forgets its oldest."""
    if len(kept) >= STORIES_REMEMBERED_MAX:
        del kept[next(iter(kept))]
    kept[key] = value
