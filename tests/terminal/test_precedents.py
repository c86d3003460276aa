"""What stories did to odds is remembered across sessions, and a tape's header carries it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from feeds.events import MarketSeen
from feeds.markets import MINUTE
from strategies.decisions import Remembered
from strategies.desk import DeskSettings
from strategies.linking import Linker, linkable
from terminal.engine.session import Header, Session, header_from
from terminal.ledger import Ledger, LedgerError, LedgerReader, Rebuilt, Record, past
from tests.strategies.kit import NOON, market, story
from tests.terminal.ledger_rows import deposit


def remembered(n: int, logit: float, facet: str = "launch", family: str = "x") -> Remembered:
    return Remembered(NOON + n * MINUTE, f"story{n}", "m", facet, family, logit)


def kept(path: Path, rows: Sequence[Record]) -> Rebuilt:
    """What a ledger tells after these rows and a restart."""

    async def write() -> None:
        ledger = Ledger.open(path)
        await ledger.record(rows)
        await ledger.close()

    asyncio.run(write())
    ledger = Ledger.open(path)
    try:
        return ledger.rebuild()
    finally:
        ledger.shut()


def test_precedents_survive_a_restart_in_their_order(tmp_path: Path) -> None:
    rows = [remembered(n, 0.1 * n) for n in range(5)]
    rebuilt = kept(tmp_path / "l", [deposit(), *rows])
    assert rebuilt.precedents == tuple(rows)
    with LedgerReader(tmp_path / "l") as reader:
        assert reader.rebuild().precedents == tuple(rows)


def test_the_newest_precedents_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "PRECEDENTS_MAX", 2)
    rows = [remembered(n, 0.1) for n in range(5)]
    assert kept(tmp_path / "l", rows).precedents == tuple(rows[-2:])


def test_a_precedent_that_is_no_number_is_refused(tmp_path: Path) -> None:
    async def write() -> None:
        ledger = Ledger.open(tmp_path / "l")
        try:
            with pytest.raises((ValueError, LedgerError), match="not a number"):
                await ledger.record([remembered(1, float("nan"))])
        finally:
            await ledger.close()

    asyncio.run(write())


def test_a_session_begins_with_the_precedents_of_its_header_as_read_from_a_tape() -> None:
    asked = market(question="Will OpenAI release GPT-6 by March 31?")
    told = story(title="OpenAI releases GPT-6, available today")
    linker = Linker()
    linker.add(linkable(asked))
    facet, family = linker.link(told.title)[0].facet, linker.family("m")
    header = Header(
        version="0",
        venue="test",
        started_ns=NOON,
        desk=DeskSettings(),
        precedents=tuple(remembered(n, 0.3, facet, family) for n in range(20)),
    )
    desk = Session(header_from(msgspec.to_builtins(header))).desk
    desk.handle(MarketSeen(NOON, asked))
    desk.handle(told)
    known = desk.impacts.precedent("story", "m")
    assert (known.count, known.whole_logit) == (20, pytest.approx(0.3))
    assert known.median_logit == pytest.approx(0.15), "twenty are trusted by half"
