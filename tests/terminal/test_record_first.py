"""Record before act: nothing that concerns money is acted on or shown before it is on disk."""

import asyncio
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from terminal.engine.loop import Engine, EngineHalted
from terminal.engine.session import Keep
from tests.terminal.ledger_rows import opened, reopened, sent
from tests.terminal.record_first import Life, live
from tests.terminal.test_catalogue_sync import _engine

MEMORY = Path("/dev/shm")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine that talks to nobody."""
    made = await _engine("http://127.0.0.1:1", tmp_path / "home")
    ledger, alerts = made._ledger, made._alerts
    yield made
    made._ledger, made._alerts = ledger, alerts
    await made._close([])


async def lives(engine: Engine, seeds: range, slow: float = 0.02) -> list[Life]:
    """Many lives, on a disk in memory where there is one: it waits for nothing by itself."""
    lived = []
    for seed in seeds:
        folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        try:
            lived.append(await live(engine, folder, seed, slow=slow))
        finally:
            shutil.rmtree(folder)
        assert lived[-1].faults == [], f"life {seed}"
    return lived


def check_variety(lived: list[Life]) -> None:
    """The proof looked at something: orders, fills, and disks that ended."""
    assert sum(life.orders for life in lived) > 2 * len(lived)
    assert sum(life.fills for life in lived) > len(lived)
    assert sum(bool(life.ended) for life in lived) > len(lived) // 4


async def test_nobody_hears_of_money_before_it_is_on_disk(engine: Engine) -> None:
    check_variety(await lives(engine, range(60)))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 20_000, 2_500))
async def test_nobody_hears_of_money_before_it_is_on_disk_ten_thousand_times(
    engine: Engine, first: int
) -> None:
    check_variety(await lives(engine, range(first, first + 2_500)))


async def test_a_disk_that_fails_while_nobody_waits_halts_the_engine_with_a_sentence(
    engine: Engine, tmp_path: Path
) -> None:
    def breaks(_: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    engine._ledger = opened(tmp_path / "ledger.sqlite", step=breaks)
    engine._ledger.post([sent(1)])
    with pytest.raises(EngineHalted, match="Input/output error: check the disk and the folder"):
        await engine.run(asyncio.Event())
    assert reopened(tmp_path / "ledger.sqlite").rows == 0


async def test_the_witnesses_notice_an_engine_that_does_not_wait(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def post(step: Keep) -> None:
        engine._ledger.post(step.records)

    monkeypatch.setattr(engine, "_keep", post)
    with pytest.raises(AssertionError, match="before its row"):
        await lives(engine, range(60), slow=0.5)
