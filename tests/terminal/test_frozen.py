"""Tapes of earlier sessions give the decisions that they gave when they were recorded."""

import pytest

from tests.terminal.frozen import SEEDS, frozen, played


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tape_recorded_before_decides_as_it_did(seed: int) -> None:
    before, linker = frozen(seed)
    now = played(seed, linker)
    kinds = {row[0] for row in before}
    assert kinds >= {"place", "cancel", "fill", "update", "suggested", "over", "skipped", "alert"}
    for number, (then, said) in enumerate(zip(before, now, strict=False)):
        assert said == then, f"row {number}"
    assert len(now) == len(before)
