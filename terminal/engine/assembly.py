"""Puts an engine together from a configuration: past, session, sources, ledger, tape, alerts."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import msgspec

from feeds.clock import Clock
from feeds.events import Event, OrderState, OrderUpdate
from feeds.markets import SECOND, Nanos
from feeds.news.dedupe import MemoryFormatError
from feeds.news.fetch import Fetcher
from feeds.news.poller import NewsPoller
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.catalogue_store import CatalogueStore
from feeds.polymarket.http import Reads
from feeds.polymarket.modes import VenueModes
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream
from feeds.semantic.models import checksum, missing
from feeds.tape import TapeWriter
from strategies.decisions import Mandate
from strategies.desk import DeskSettings
from terminal import VERSION
from terminal.alerts import Alerts
from terminal.config import Config
from terminal.engine.catalogue_sync import CatalogueSync
from terminal.engine.earlier import ENGINE_ENDED, earlier
from terminal.engine.following import Following
from terminal.engine.inbox import Inbox
from terminal.engine.llm_judge import LlmJudge, judge_of
from terminal.engine.loop import Engine
from terminal.engine.semantics import FOLDER, Semantics
from terminal.engine.session import Header, Session, StrategySetting, file_digest
from terminal.engine.sources import ClockCheck, Sources
from terminal.engine.state import EngineState
from terminal.ledger import Deposit, Ledger, Place, Rebuilt, Record, SessionStart
from terminal.stores.news_store import NewsStore
from terminal.stores.paths import CATALOGUE_SHELF, Paths, private_folder
from terminal.stores.secret import SecretError
from terminal.stores.story_store import StoryStore
from terminal.stores.unrelated_store import UnrelatedStore

log = logging.getLogger(__name__)

HTTP_TIMEOUT_S = 10.0
MEANING_WAIT_MS = 1_500
"""Many times what the models need; beyond it a story is linked by plain words."""
JUDGE_MAY_PLACE = (
    "DANGER: may_place is on under [judge], so orders may rest on a model's word alone; a headline "
    "that misleads it moves your money."
)


def assemble(
    config: Config,
    paths: Paths,
    *,
    tape: Path | None = None,
    to_stdout: bool = True,
    as_json: bool = False,
) -> Engine:
    """An engine ready to run; raises the ledger's, tape's or roster's own error."""
    paths.make()
    clock = Clock(config.venue.clock_speed, config.venue.clock_anchor_ns)
    ledger = Ledger.open(paths.ledger)
    try:
        past = ledger.rebuild()
        before = earlier(past, StoryStore(paths.state).read())
        parted = UnrelatedStore(paths.state).pairs()
        header = _header(config, past, clock.now_ns(), parted)
        session = Session(header)
        asyncio.run(ledger.record(_opening(config, past, header, ledger.path)))
        recorder = _recorder(config, paths, tape, header)
    except BaseException:
        ledger.shut()
        raise
    alerts = Alerts(config.alerts, paths.alerts, to_stdout=to_stdout, as_json=as_json)
    state = EngineState(config.venue.name, clock, session.desk, before)
    inbox = Inbox(state.counters)
    sources = _sources(config, paths, state, inbox, with_models=bool(header.models))
    state.catalogue = sources.catalogue
    state.complain("ledger", _elsewhere(past, ledger.path))
    return Engine(
        state, session, inbox, sources, ledger, alerts, recorder, config.engine.lag_max_ms
    )


def _sources(
    config: Config, paths: Paths, state: EngineState, inbox: Inbox, *, with_models: bool
) -> Sources:
    """Everything that feeds the inbox; what is wrong with any of it becomes a complaint."""
    clock, hear, hosts = state.clock, inbox.hear, config.venue.hosts

    def hear_stream(events: list[Event]) -> None:
        state.delay.heard(events, time.perf_counter())
        inbox.hear_many(events)

    http = httpx.AsyncClient(timeout=httpx.Timeout(HTTP_TIMEOUT_S))
    modes = VenueModes(clock, hear)
    reads = Reads(http, modes=modes)
    reader = ClobReader(hosts, http, clock, reads)
    stream = MarketStream(
        hosts,
        clock,
        hear_stream,
        state.stream_health,
        reader,
        standby=config.venue.standby,
    )
    news_store = NewsStore(paths.state)
    return Sources(
        http=http,
        modes=modes,
        clocks=ClockCheck(reader, clock, partial(state.complain, "clock")),
        catalogue=CatalogueSync(
            Catalogue(hosts, http, reads),
            state.desk,
            clock,
            hear,
            partial(state.complain, "catalogue"),
            CatalogueStore(
                paths.state / CATALOGUE_SHELF, f"{config.venue.name} {config.venue.gamma}"
            ),
            tuple(config.venue.tags),
            config.venue.markets_max,
        ),
        stream=stream,
        following=Following(stream, reader, state.desk.market_data, hear),
        poller=_poller(config, state, inbox, news_store),
        news_store=news_store,
        llm_judge=_llm_judge(config, paths, state, inbox),
        semantics=Semantics(paths.state / FOLDER, clock, hear, partial(state.complain, "meaning"))
        if with_models
        else None,
    )


def _poller(config: Config, state: EngineState, inbox: Inbox, store: NewsStore) -> NewsPoller:
    def poller(memory: bytes) -> NewsPoller:
        return NewsPoller(
            config.sources,
            state.clock,
            on_story=inbox.hear,
            on_health=state.source_health,
            memory=memory,
            fetcher=Fetcher(contact=config.news.contact),
        )

    try:
        return poller(store.memory())
    except MemoryFormatError as error:
        store.put_aside(error)
        return poller(b"")


def _llm_judge(config: Config, paths: Paths, state: EngineState, inbox: Inbox) -> LlmJudge | None:
    """The judge; where there is none although one was asked for, the session goes on without."""
    complain = partial(state.complain, "judge")
    try:
        judge = judge_of(config.judge, paths.config)
    except SecretError as error:
        log.warning("[judge] key: %s", error)
        complain(f"[judge] key: {error}. The linker's own links stand.")
        return None
    if judge is None:
        return None
    if config.judge.may_place:
        state.complain("judge may place", JUDGE_MAY_PLACE)
        log.warning("%s", JUDGE_MAY_PLACE)
    at_work = LlmJudge(judge, config.judge, state.clock, inbox.hear, complain)
    state.judge = at_work.counts
    return at_work


def _header(
    config: Config, past: Rebuilt, now_ns: Nanos, unrelated: tuple[tuple[str, str], ...]
) -> Header:
    models = checksum() if config.news.meaning and not missing() else ""
    cash = config.account.starting_cash if past.cash_start is None else past.cash_start
    return Header(
        version=VERSION,
        venue=config.venue.name,
        started_ns=now_ns,
        speed=config.venue.clock_speed,
        desk=DeskSettings(
            session=f"s{past.next_session}",
            starting_cash=cash,
            limits=config.risk.limits,
            follow_max=config.engine.follow_max,
            calendar=config.news.scheduled,
            meaning_wait_ms=MEANING_WAIT_MS if models else 0,
            judge_floor=config.judge.floor if config.judge.url else None,
            judge_may_place=config.judge.may_place,
        ),
        strategies=tuple(
            StrategySetting(
                name, Mandate(known.mandate), known.path, known.params, file_digest(known.path)
            )
            for name, known in config.strategies.items()
            if known.enabled
        ),
        past=past.past,
        precedents=past.precedents,
        owners=past.owners,
        holdings=past.holdings,
        killed=past.killed,
        models=models,
        unrelated=unrelated,
    )


def _elsewhere(past: Rebuilt, path: Path) -> str:
    """Whose copy a ledger is, as a sentence; "" where it stayed in its place or was moved."""
    if past.place in ("", str(path)) or not Path(past.place).exists():
        return ""
    return (
        f"The ledger is a copy of {past.place}, as that stood at "
        f"{datetime.fromtimestamp(past.as_of_ns // SECOND, UTC):%Y-%m-%d %H:%M} UTC: from here on "
        "the two know nothing of each other."
    )


def _opening(config: Config, past: Rebuilt, header: Header, path: Path) -> list[Record]:
    """What the ledger is told at the start: who runs, where, with what; the paper money, once."""
    start = SessionStart(
        number=past.next_session,
        at_ns=header.started_ns,
        version=VERSION,
        config_digest=config.digest,
        venue=header.venue,
        speed=header.speed,
        strategies=",".join(setting.name for setting in header.strategies),
    )
    rows: list[Record] = [start]
    if past.place != str(path):
        rows.append(Place(at_ns=header.started_ns, path=str(path)))
    if past.cash_start is None:
        rows.append(Deposit(at_ns=header.started_ns, amount=header.desk.starting_cash))
    # a paper order lives in its engine: one that was open when that ended is over
    rows += [
        OrderUpdate(
            header.started_ns,
            intent.order_id,
            OrderState.CANCELLED,
            past.states[intent.order_id].filled if intent.order_id in past.states else 0,
            ENGINE_ENDED,
        )
        for intent in past.open_intents
    ]
    return rows


def _recorder(config: Config, paths: Paths, tape: Path | None, header: Header) -> TapeWriter | None:
    """The tape of this session: where it was asked for, else where sessions are kept."""
    contents = msgspec.to_builtins(header)
    if tape is not None:
        return TapeWriter(tape, contents)
    if not config.tape.record:
        return None
    folder = Path(config.tape.folder).expanduser() if config.tape.folder else paths.tapes
    private_folder(folder)
    _make_room(folder, config.tape.keep_bytes)
    stamp = datetime.fromtimestamp(header.started_ns // SECOND, UTC).strftime("%Y%m%dT%H%M%S")
    return TapeWriter(folder / f"{stamp}-{header.desk.session}.tape", contents)


def _make_room(folder: Path, keep_bytes: int) -> None:
    """Delete the oldest tapes beyond what may be kept."""
    tapes = sorted(folder.glob("*.tape"), key=lambda tape: tape.stat().st_mtime, reverse=True)
    kept = 0
    for tape in tapes:
        kept += tape.stat().st_size
        if kept > keep_bytes:
            tape.unlink(missing_ok=True)
