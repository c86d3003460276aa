"""How a ledger meets its end: flipped bits, lost logs, kills at each step, disks that fail.

What was acknowledged is there afterwards, or the ledger says that it is not.
"""

import asyncio
import contextlib
import errno
import json
import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strategies.decisions import OrderIntent
from terminal.ledger import LedgerError, LedgerReader, Record
from terminal.ledger.past import Rebuilt
from terminal.ledger.sidecar import beside
from terminal.ledger.tables import row_of
from tests.conftest import REPO
from tests.terminal.ledger_rows import (
    a_days_work,
    copied,
    fill,
    intent,
    opened,
    recorded,
    reopened,
)

# -- corruption --------------------------------------------------------------------------------

EDITS = [
    "UPDATE fills SET size = size + 1 WHERE seq = (SELECT MIN(seq) FROM fills)",
    "UPDATE deposits SET amount = 1",
    "DELETE FROM fills WHERE seq = (SELECT MIN(seq) FROM fills)",
    "DELETE FROM kills",
    "UPDATE order_updates SET state = 'cancelled' WHERE seq = 9",
    "UPDATE skipped SET sentence = 'said nothing'",
    "UPDATE precedents SET logit = -logit",
    "DELETE FROM suggestions WHERE seq = (SELECT MIN(seq) FROM suggestions)",
    'INSERT INTO kills SELECT 1000, at_ns, command_id, "on", digest FROM kills LIMIT 1',
    "UPDATE fills SET side = 'barter'",
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_changed_row_of_money_breaks_the_chain(tmp_path: Path, edit: str) -> None:
    recorded(tmp_path / "l")
    with contextlib.closing(sqlite3.connect(tmp_path / "l", isolation_level=None)) as other:
        assert other.execute(edit).rowcount > 0
    with pytest.raises(LedgerError, match=r"damaged|acknowledged"):
        opened(tmp_path / "l")


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rebuilt]:
    """The files of an engine that was killed: much of the day is in the write-ahead log alone."""
    folder = tmp_path_factory.mktemp("crashed")

    async def run() -> Rebuilt:
        ledger = opened(folder / "live.sqlite")
        for rows in a_days_work():
            await ledger.record(rows)
        copied(folder / "live.sqlite", copies)
        rebuilt = ledger.rebuild()
        await ledger.close()
        return rebuilt

    copies = tmp_path_factory.mktemp("copies")
    return copies / "live.sqlite", asyncio.run(run())


def test_the_log_of_a_killed_engine_is_taken_up(
    tmp_path: Path, crashed: tuple[Path, Rebuilt]
) -> None:
    assert (crashed[0].parent / "live.sqlite-wal").stat().st_size > 10_000
    assert reopened(copied(crashed[0], tmp_path)) == crashed[1]


@pytest.mark.parametrize("kept", [0, 1_000, 20_000])
def test_a_lost_or_shortened_log_is_noticed(
    tmp_path: Path, crashed: tuple[Path, Rebuilt], kept: int
) -> None:
    path = copied(crashed[0], tmp_path)
    log = path.with_name(path.name + "-wal")
    os.truncate(log, kept) if kept else log.unlink()
    with pytest.raises(LedgerError, match=r"was acknowledged|damaged"):
        opened(path)


def test_an_older_copy_is_noticed_and_can_be_gone_on_from(tmp_path: Path) -> None:
    recorded(tmp_path / "l", [[intent(1)]])
    shutil.copy(tmp_path / "l", tmp_path / "old")
    recorded(tmp_path / "l", [[intent(2)]])
    os.replace(tmp_path / "old", tmp_path / "l")
    with pytest.raises(LedgerError, match=r"row 2 was acknowledged.*remove l\.witness"):
        opened(tmp_path / "l")
    (tmp_path / "l.witness").unlink()
    assert reopened(tmp_path / "l").intents == (intent(1),)


def test_a_ledger_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    recorded(tmp_path / "l")
    (tmp_path / "l").unlink()
    with pytest.raises(LedgerError, match="is gone"):
        opened(tmp_path / "l")


def flip(body: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)


def cut(body: bytearray, chance: random.Random) -> None:
    del body[chance.randrange(len(body)) :]


def blank(body: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(body))
    body[start : start + 512] = bytes(len(body[start : start + 512]))


def grow(body: bytearray, chance: random.Random) -> None:
    body += chance.randbytes(chance.choice((1, 32, 4_096)))


def repeat(body: bytearray, chance: random.Random) -> None:
    """A page as it was elsewhere or before."""
    one, other = (chance.randrange(len(body) // 4_096 + 1) * 4_096 for _ in range(2))
    body[one : one + 4_096] = body[other : other + 4_096]


HANDS = (flip, flip, flip, flip, cut, blank, grow, repeat)
SPARED = ("-shm", ".lock")
"""What SQLite makes anew, and what holds nothing but a process number."""


def damaged_copies(ledger: Path, folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path]]:
    """Copies with the bytes of the file, its log or its witness changed in one way."""
    chance = random.Random(seed)
    parts = sorted(p.name for p in ledger.parent.iterdir() if not p.name.endswith(SPARED))
    for trial in range(count):
        path = copied(ledger, folder)
        part, hand = folder / chance.choice(parts), chance.choice(HANDS)
        body = bytearray(part.read_bytes())
        hand(body, chance)
        part.write_bytes(body)
        yield f"seed {seed}, trial {trial}, {part.name}, {hand.__name__}", path


def contents(folder: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in folder.iterdir()}


def check_damage(ledger: Path, known: Rebuilt, folder: Path, count: int, seed: int) -> int:
    refusals = []
    for trial, path in damaged_copies(ledger, folder, count, seed):
        (folder / "live.sqlite-shm").unlink(missing_ok=True)
        found = contents(folder)
        with contextlib.suppress(LedgerError), LedgerReader(path) as reader:
            reader.verify()
        assert contents(folder) == found, f"a reader changed something: {trial}"
        try:
            assert reopened(path) == known, f"money changed silently: {trial}"
        except LedgerError as refusal:
            refusals.append(str(refusal))
            assert contents(folder) == found, f"refused, and changed: {trial}"
    assert all(re.search(r"put|remove|move|update|check|close", said) for said in refusals)
    return len(refusals)


def test_bytes_that_changed_are_noticed_or_harmless_and_a_refused_ledger_is_left_as_it_is(
    tmp_path: Path, crashed: tuple[Path, Rebuilt]
) -> None:
    assert check_damage(*crashed, tmp_path, 60, seed=7) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_bytes_that_changed_are_noticed_or_harmless_five_thousand_times(
    tmp_path: Path, crashed: tuple[Path, Rebuilt]
) -> None:
    assert check_damage(*crashed, tmp_path, 5_000, seed=11) > 500


FOREIGN = [
    "CREATE TRIGGER twice AFTER INSERT ON fills BEGIN UPDATE deposits SET amount = 1; END",
    "CREATE TABLE notes (text)",
    "CREATE VIEW rich AS SELECT * FROM deposits",
    "CREATE INDEX quick ON fills (at_ns)",
]


@pytest.mark.parametrize("statement", FOREIGN)
def test_what_is_not_ours_in_a_ledger_is_named_and_left(tmp_path: Path, statement: str) -> None:
    known = recorded(tmp_path / "l")
    with contextlib.closing(sqlite3.connect(tmp_path / "l", isolation_level=None)) as other:
        other.execute(statement)
    found = contents(tmp_path)
    kind, name = statement.split()[1:3]
    with pytest.raises(LedgerError, match=rf"a {kind.lower()} that is not ours \[{name}\].*DROP"):
        opened(tmp_path / "l")
    assert contents(tmp_path) == found
    with contextlib.closing(sqlite3.connect(tmp_path / "l", isolation_level=None)) as other:
        other.execute(f"DROP {kind} {name}")
        other.execute("ANALYZE")  # what SQLite keeps for itself is harmless
    assert reopened(tmp_path / "l") == known


def test_a_ledger_with_two_names_is_refused_before_rows_can_part_ways(tmp_path: Path) -> None:
    for home in ("one", "other"):
        (tmp_path / home).mkdir()
    one, other = tmp_path / "one" / "l", tmp_path / "other" / "l"
    known = recorded(one)
    ledger = opened(one)
    os.link(one, other)
    with pytest.raises(LedgerError, match=r"second name \(a hard link\)"):
        opened(other)
    one.unlink()  # one name again, and the first engine goes on
    with pytest.raises(LedgerError, match="another engine has it"):
        opened(other)
    assert list(other.parent.iterdir()) == [other]
    ledger.shut()
    assert reopened(other) == known


def test_a_refused_ledger_leaves_no_trace_of_the_look(
    tmp_path: Path, crashed: tuple[Path, Rebuilt]
) -> None:
    path = copied(crashed[0], tmp_path)
    for part in (beside(path, ".lock"), beside(path, "-shm")):
        part.unlink()
    os.truncate(beside(path, "-wal"), 20_000)
    found = contents(tmp_path)
    with pytest.raises(LedgerError, match="acknowledged"):
        opened(path)
    assert contents(tmp_path) == found


# -- sudden ends -------------------------------------------------------------------------------


class Lives:
    """Talks to the process that forks short lives."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.terminal.ledger_crash"],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def one(
        self, path: Path, *, at_step: int = 0, after_s: float = 0.0, orders: int = 4
    ) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"path": str(path), "at_step": at_step, "after_s": after_s, "orders": orders}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer

    def end(self) -> None:
        self._server.communicate()


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    server = Lives()
    yield server
    server.end()


def money(calls: list[list[Record]]) -> int:
    rows = [record for rows in calls for record in rows]
    return sum(row_of(record).table.money for record in rows)


def check_life(path: Path, acknowledged: int, orders: int = 4) -> None:
    """Every acknowledged call is there; of the one that was under way, all or nothing."""
    work = a_days_work(orders)
    whole = [money(work[:calls]) for calls in range(acknowledged, len(work) + 1)]
    assert reopened(path).rows in whole


def test_killed_at_each_step_of_a_write_no_acknowledged_row_is_lost(
    tmp_path: Path, lives: Lives
) -> None:
    step = 0
    while True:
        step += 1
        path = tmp_path / f"{step}.sqlite"
        life = lives.one(path, at_step=step, orders=2)
        if life["lived"]:
            break
        check_life(path, life["calls"], orders=2)
    assert step > 70
    assert life["calls"] == len(a_days_work(2))


def test_killed_again_and_again_a_ledger_goes_on_from_where_it_was(
    tmp_path: Path, lives: Lives
) -> None:
    path = tmp_path / "one.sqlite"
    for step in range(1, 140, 6):
        lives.one(path, at_step=step)
        reopened(path)
    assert lives.one(path)["lived"]
    assert reopened(path).fills == tuple(fill(n) for n in range(4))


def test_killed_at_random_moments_no_acknowledged_row_is_lost(tmp_path: Path, lives: Lives) -> None:
    check_random_kills(tmp_path, lives, 30, seed=3)


@pytest.mark.slow
def test_killed_at_three_thousand_random_moments_no_acknowledged_row_is_lost(
    tmp_path: Path, lives: Lives
) -> None:
    check_random_kills(tmp_path, lives, 3_000, seed=5)


def check_random_kills(folder: Path, lives: Lives, count: int, seed: int) -> None:
    chance = random.Random(seed)
    for trial in range(count):
        path = folder / f"{trial}.sqlite"
        life = lives.one(path, after_s=chance.uniform(0.001, 0.06))
        if path.exists():
            check_life(path, life["calls"])
        for part in folder.glob(f"{trial}.sqlite*"):
            shutil.rmtree(part) if part.is_dir() else part.unlink()


class Breaks:
    """One step of a write fails as a bad disk would."""

    def __init__(self) -> None:
        self.at = ""

    def __call__(self, name: str) -> None:
        if name == self.at:
            raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    "step", ["taken", "begun", "row", "inserted", "committed", "witnessed", "answered"]
)
async def test_when_a_step_fails_nothing_more_is_taken(tmp_path: Path, step: str) -> None:
    breaks = Breaks()
    ledger = opened(tmp_path / "l", step=breaks)
    await ledger.record([intent(1)])
    await ledger.flush()
    breaks.at = step
    with contextlib.suppress(LedgerError) if step == "answered" else raises_eio():
        await ledger.record([intent(2)])
    with raises_eio():
        for _ in range(2):  # what fails after the answer is told to the next
            await ledger.record([intent(3)])
    with raises_eio():
        await ledger.flush()
    await ledger.close()
    known = reopened(tmp_path / "l").intents
    assert known[:1] == (intent(1),)
    assert intent(3) not in known or step == "answered"


def raises_eio() -> contextlib.AbstractContextManager[Any]:
    return pytest.raises(LedgerError, match="Input/output error")


async def test_a_full_disk_ends_the_ledger_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "l"
    ledger = opened(path)
    kept: list[OrderIntent] = []

    async def fill_the_disk() -> None:
        for n in range(2_000):
            await ledger.record([intent(n)])
            kept.append(intent(n))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(LedgerError, match="disk"):
            await fill_the_disk()
        with pytest.raises(LedgerError, match="disk"):
            await ledger.record([intent(5_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await ledger.close()
    assert len(kept) > 10
    assert reopened(path).intents[: len(kept)] == tuple(kept)


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="check the disk and the folder"):
        opened(tmp_path / "nowhere" / "ledger.sqlite")
