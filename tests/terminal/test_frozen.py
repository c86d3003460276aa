"""Tapes of earlier sessions give the decisions that they gave when they were recorded."""

import lzma
from pathlib import Path

import pytest

from terminal.ledger import Ledger, LedgerReader
from tests.terminal.frozen import FOLDER, SEEDS, frozen, played, rows_of


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tape_recorded_before_decides_as_it_did(seed: int) -> None:
    before, linker = frozen(seed)
    now = played(seed, linker)
    kinds = {row[0] for row in before}
    assert kinds >= {"place", "cancel", "fill", "update", "suggested", "over", "skipped", "alert"}
    for number, (then, said) in enumerate(zip(before, now, strict=False)):
        assert said == then, f"row {number}"
    assert len(now) == len(before)


def test_a_ledger_of_that_session_is_read_as_it_is_and_brought_forward(tmp_path: Path) -> None:
    """From before orders had seals: written by the engine that recorded the first tape."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(lzma.decompress((FOLDER / "ledger-3.sqlite.xz").read_bytes()))
    fills = [row for row in frozen(7)[0] if row[0] == "fill"]
    with LedgerReader(path) as reader:
        assert reader.verify() > len(fills)
        known = reader.rebuild()
        assert (known.seals, known.sent) == ({}, frozenset())
    told = [row for fill in known.fills for row in rows_of(fill)]
    assert [row[1:6] for row in told] == [row[1:6] for row in fills[: len(told)]]
    assert len(told) > 10
    ledger = Ledger.open(path)
    assert ledger.rebuild() == known
    ledger.shut()
    assert (tmp_path / "ledger.sqlite.v3.backup").exists()
