"""The engine under trouble: a flood, a disk that fails, a strategy that raises, a restart."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from feeds.events import BookState, Gap, LevelChange, OrderRequest, Tick
from feeds.markets import Side
from strategies.decisions import Parked
from terminal.config import load
from terminal.engine import inbox
from terminal.engine.assembly import assemble
from terminal.engine.loop import Engine, EngineHalted
from terminal.engine.session import Decided
from terminal.stores.paths import Paths

WITHIN_S = 80.0


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "ftt"))
    monkeypatch.setenv("FTT_NEWS__MEANING", "false")  # its models have tests of their own
    monkeypatch.setenv("FTT_ENGINE__LAG_MAX_MS", "60000")  # a machine that tests may be slow


async def assembled(config: Path, **overrides: str) -> Engine:
    loaded = load(config, overrides=overrides)
    return await asyncio.to_thread(assemble, loaded.config, Paths.find(), to_stdout=False)


async def run_until(engine: Engine, holds: Callable[[], bool]) -> None:
    """Run an engine until a condition holds, then end it cleanly."""
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop))
    try:
        async with asyncio.timeout(WITHIN_S):
            while not (holds() or running.done()):  # noqa: ASYNC110 - conditions of many kinds
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running


def live_books(engine: Engine) -> list[str]:
    states = engine.session.desk.market_data.states
    return [asset_id for asset_id, state in states.items() if state is BookState.LIVE]


def best_offer(engine: Engine) -> OrderRequest | None:
    """A small order that takes the best ask of some live book at a price the gate lets pass."""
    desk = engine.session.desk
    for asset_id in live_books(engine):
        book, market = desk.market_data.books[asset_id], desk.market_data.market_of(asset_id)
        if (
            market is not None
            and book.sound
            and 1_000 < book.best_ask < 9_000
            and book.spread < 300
        ):
            return OrderRequest(
                engine.state.clock.now_ns(),
                "test",
                market.condition_id,
                asset_id,
                Side.BUY,
                book.best_ask,
                10_000_000,
            )
    return None


async def test_a_flood_is_shed_and_its_books_are_asked_for_again(
    practice_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await assembled(practice_config)
    flooded: list[str] = []
    states: list[BookState] = []

    def note(step: Decided) -> None:
        """The flooded book's states, from the moment it is declared void."""
        event = step.event
        told = isinstance(event, Gap) and event.reason == "the desk fell behind"
        if flooded and (told or states):
            states.append(engine.session.desk.market_data.states[flooded[0]])

    engine.listeners.append(note)

    def flood_once() -> bool:
        if not flooded and live_books(engine):
            flooded.append(live_books(engine)[0])
            at_ns = engine.state.clock.now_ns()
            change = LevelChange(at_ns, flooded[0], at_ns, Side.BUY, 100, 10_000_000)
            with monkeypatch.context() as patch:
                patch.setattr(inbox, "INBOX_MAX", -1)
                engine.inbox.hear_many([change] * 100)
        counted = "fell behind" in engine.state.counters.last_error
        return bool(states) and states[-1] is BookState.LIVE and counted

    await run_until(engine, flood_once)
    assert states[0] is not BookState.LIVE, "late prices are worse than none: the book was void"
    assert states[-1] is BookState.LIVE, "and it came back"


async def test_a_ledger_that_fails_halts_the_engine_before_anything_is_sent(
    practice_config: Path,
) -> None:
    engine = await assembled(practice_config)
    await engine._ledger.close()
    with pytest.raises(EngineHalted, match="ledger"):
        await run_until(engine, lambda: False)
    assert not engine.state.fills, "nothing was filled that is not on disk"


async def test_a_strategy_that_raises_is_parked_and_the_others_run_on(
    practice_config: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from strategies.api import Strategy\n\n\n"
        "class Bad(Strategy):\n"
        "    name = 'bad'\n"
        "    summary = 'raises at every story'\n\n"
        "    def on_story(self, story, links, ctx):\n"
        "        raise RuntimeError('no good')\n",
        encoding="utf-8",
    )
    with practice_config.open("a", encoding="utf-8") as config:
        config.write(f'\n[strategies.bad]\npath = "{bad}"\nmandate = "paper"\n')
    engine = await assembled(practice_config)
    parked: list[Parked] = []
    engine.listeners.append(
        lambda step: parked.extend(d for d in step.decisions if isinstance(d, Parked))
    )
    skipped = engine.session.desk.outbox.skipped

    def others_go_on() -> bool:
        return bool(parked) and any(s.at_ns > parked[0].at_ns for s in skipped)

    await run_until(engine, others_go_on)
    assert [one.strategy for one in parked] == ["bad"]
    assert "no good" in parked[0].cause
    assert engine.state.counters.errors == 1, "a strategy that fails is an error that is told"


async def test_stamps_never_go_back(practice_config: Path) -> None:
    engine = await assembled(practice_config)
    later = Tick(engine.state.clock.now_ns() + 10**9)
    assert engine._in_order(later) is later
    assert engine._in_order(Tick(later.at_ns - 5)).at_ns == later.at_ns
    await run_until(engine, lambda: True)


async def test_a_restart_tells_no_story_twice_and_keeps_the_money(practice_config: Path) -> None:
    first = await assembled(practice_config)
    asked: list[OrderRequest] = []

    def bought() -> bool:
        if not asked and (order := best_offer(first)) is not None:
            asked.append(order)
            first.inbox.hear(order)
        return first.state.counters.fills > 0 and first.state.counters.stories > 3

    await run_until(first, bought)
    told = set(first.session.desk.news.stories)
    cash = first.session.desk.portfolio.cash
    second = await assembled(practice_config)
    assert second.session.desk.portfolio.cash == cash, "the ledger knows every fill"
    held = {p.asset_id: p.size for p in first.session.desk.portfolio.open_positions()}
    again = {p.asset_id: p.size for p in second.session.desk.portfolio.open_positions()}
    assert again == held
    assert list(second.state.fills) == list(first.state.fills), "and shows them"
    orders = [record.intent for record in second.state.earlier.orders]
    assert orders == [r.intent for r in first.session.desk.trading.orders.records.values()]
    assert all(record.over for record in second.state.earlier.orders)
    await run_until(second, lambda: second.state.counters.stories > 0)
    repeated = [
        story.title
        for story in second.session.desk.news.stories.values()
        if story.id in told and story.revision == 0
    ]
    assert repeated == []
