"""The ledger on real files: what was acknowledged is there, and what is harmed says so."""

import asyncio
import contextlib
import inspect
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks import ledger as benchmark
from feeds.events import OrderState, Settlement
from feeds.markets import SHARE
from strategies.decisions import Suggested
from terminal.ledger import Ledger, LedgerError, LedgerReader, book, store
from terminal.ledger.past import Rebuilt
from terminal.ledger.tables import CODECS, MIGRATIONS, TABLES, VERSION, Table, row_of
from tests.terminal.ledger_rows import (
    BUSY_S,
    a_days_work,
    copied,
    deposit,
    fill,
    intent,
    kill,
    opened,
    recorded,
    recorded_as_of,
    reopened,
    resolved,
    seal,
    sent,
    session,
    settled,
    skipped,
    suggestion,
    update,
)

# -- what it keeps ---------------------------------------------------------------------------


def test_a_new_ledger_knows_nothing(tmp_path: Path) -> None:
    assert recorded(tmp_path / "l", []) == Rebuilt()
    assert (tmp_path / "l").stat().st_mode & 0o777 == 0o600


def test_a_days_work_is_rebuilt_from_disk(tmp_path: Path) -> None:
    rebuilt = recorded(tmp_path / "l")
    assert rebuilt.cash_start == deposit().amount
    assert rebuilt.intents == tuple(intent(n) for n in range(4))
    assert rebuilt.fills == tuple(fill(n) for n in range(4))
    assert rebuilt.resolutions == (resolved(),)
    words = (settled(0), settled(1))
    ends = (settled(0, Settlement.CONFIRMED), settled(1, Settlement.FAILED))
    assert rebuilt.past == (*rebuilt.fills, *words, *ends, resolved())
    assert {s.state for s in rebuilt.states.values()} == {OrderState.FILLED}
    assert rebuilt.open_intents == ()
    assert not rebuilt.killed
    assert rebuilt.next_session == 2
    assert rebuilt.seals == {f"order-{n}": seal(n) for n in range(4)}
    assert rebuilt.sent == {f"order-{n}" for n in range(4)}
    assert rebuilt.rows == 2 + 4 * 6 + 4 + 3


def test_rebuilding_twice_and_after_a_restart_gives_the_same(tmp_path: Path) -> None:
    first = recorded(tmp_path / "l")
    assert reopened(tmp_path / "l") == first
    assert reopened(tmp_path / "l") == first


def test_an_order_nobody_heard_of_again_is_still_intended(tmp_path: Path) -> None:
    rebuilt = recorded(tmp_path / "l", [[intent(1), intent(2), update(2)]])
    assert rebuilt.state("order-1") is OrderState.INTENDED
    assert rebuilt.state("order-2") is OrderState.OPEN
    assert rebuilt.open_intents == (intent(1), intent(2))


def test_the_kill_switch_outlives_the_engine(tmp_path: Path) -> None:
    assert recorded(tmp_path / "l", [[kill(True)]]).killed
    assert reopened(tmp_path / "l").killed


async def test_a_fact_told_twice_is_kept_once(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "l")
    await ledger.record([intent(1), fill(1)])
    before = ledger.rebuild()
    later = replace(fill(1), at_ns=9)
    await ledger.record([fill(1), fill(1), intent(1), later])
    assert ledger.rebuild() == before
    await ledger.close()


async def test_a_contradiction_is_refused_for_its_caller_alone(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "l")
    await ledger.record([fill(1)])
    outcomes = await asyncio.gather(
        ledger.record([fill(2)]),
        ledger.record([fill(3), replace(fill(1), size=3)]),
        ledger.record([fill(4)]),
        return_exceptions=True,
    )
    assert [type(o) for o in outcomes] == [type(None), LedgerError, type(None)]
    assert "fill-1" in str(outcomes[1])
    assert "another size" in str(outcomes[1])
    assert [f.id for f in ledger.rebuild().fills] == ["fill-1", "fill-2", "fill-4"]
    await ledger.close()


async def test_many_callers_share_one_wait_off_the_loops_thread(tmp_path: Path) -> None:
    steps: list[tuple[str, int]] = []
    ledger = opened(tmp_path / "l", step=lambda name: steps.append((name, threading.get_ident())))
    await asyncio.gather(*(ledger.record([intent(n)]) for n in range(500)))
    commits = sum(name == "committed" for name, _ in steps)
    assert commits <= 50
    assert threading.get_ident() not in {thread for _, thread in steps}
    assert len(ledger.rebuild().intents) == 500
    await ledger.close()


async def test_the_scorecard_waits_for_nobody_until_it_is_flushed(tmp_path: Path) -> None:
    gate = threading.Event()
    ledger = opened(tmp_path / "l", step=lambda name: gate.wait(5) and None)
    await ledger.record([Suggested(suggestion(1)), skipped(1)])  # returns with the gate shut
    gate.set()
    await ledger.flush()
    with LedgerReader(tmp_path / "l") as reader:
        assert [kept.suggestion for kept in reader.signals()] == [suggestion(1)]
        assert reader.skipped() == [skipped(1)]
    assert ledger.waiting_s == 0.0
    await ledger.close()


async def test_what_is_posted_waits_for_nobody_and_is_there_before_any_later_row(
    tmp_path: Path,
) -> None:
    gate = threading.Event()
    ledger = opened(tmp_path / "l", step=lambda name: gate.wait(5) and None)
    ledger.post([intent(1), sent(1)])  # returns with the gate shut
    ledger.post([])
    gate.set()
    await ledger.record([intent(2)])
    with LedgerReader(tmp_path / "l") as reader:
        assert reader.rebuild().intents == (intent(1), intent(2))
        assert reader.rebuild().sent == {"order-1"}
        assert reader.verify() == 3
    await ledger.close()


async def test_rows_of_money_wait_for_the_disk_whether_or_not_anybody_waits_for_them(
    tmp_path: Path,
) -> None:
    waits: list[int] = []

    def step(name: str) -> None:
        if name == "begun":
            waits.append(ledger._connection.execute("PRAGMA synchronous").fetchone()[0])

    ledger = opened(tmp_path / "l", step=step)
    normal, full = 1, 2
    for rows, wait in (([skipped(1)], normal), ([intent(1), skipped(2)], full), ([sent(1)], full)):
        ledger.post(rows)
        await ledger.flush()
        assert waits.pop() == wait
        assert waits == []
    await ledger.close()


async def test_a_posted_row_of_money_that_is_refused_ends_the_ledger_for_all(
    tmp_path: Path,
) -> None:
    ledger = opened(tmp_path / "l")
    await ledger.record([intent(1)])
    ledger.check()
    ledger.post([replace(intent(1), price=1)])
    with contextlib.suppress(LedgerError):
        await ledger.flush()
    for act in (ledger.check, lambda: ledger.post([intent(2)])):
        with pytest.raises(LedgerError, match="intents has order_id 'order-1' already"):
            act()
    await ledger.close()
    assert reopened(tmp_path / "l").intents == (intent(1),)


async def test_a_stalled_disk_is_seen_and_rows_are_refused_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    taken = threading.Event()

    def step(name: str) -> None:
        taken.set()
        gate.wait(5)

    monkeypatch.setattr(book, "ROWS_QUEUED_MAX", 3)
    ledger = opened(tmp_path / "l", step=step)
    waiting = asyncio.gather(ledger.record([intent(1)]), ledger.record([intent(2), intent(3)]))
    await asyncio.to_thread(taken.wait, 5)
    assert ledger.waiting_s > 0
    with pytest.raises(LedgerError, match="the disk has stalled"):
        await ledger.record([intent(4)])
    gate.set()
    await waiting
    assert len(ledger.rebuild().intents) == 3
    await ledger.close()


async def test_a_number_beyond_64_bits_is_refused_by_name(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "l")
    with pytest.raises(ValueError, match=r"fills\.size"):
        await ledger.record([replace(fill(1), size=2**63)])
    with pytest.raises(ValueError, match=r"fills\.id: holds half a character"):
        await ledger.record([replace(fill(1), id="\ud800")])
    await ledger.record([fill(1)])
    await ledger.close()


# -- exactness ---------------------------------------------------------------------------------

_INTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1, 0, -1, 2**53 + 1])
)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def records_of(table: Table) -> st.SearchStrategy[Any]:
    return st.builds(
        table.record,
        **{
            name: _INTS if hint is int else _TEXTS if hint is str else st.from_type(hint)
            for name, hint in inspect.get_annotations(table.record, eval_str=True).items()
            if name in table.columns
            for hint in [hint]
        }
        | {
            name: st.floats(allow_nan=False)
            for name in table.columns
            if name in ("edge", "speed", "logit")
        },
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_record_comes_back_to_the_last_bit(table: Table, data: st.DataObject) -> None:
    record = data.draw(records_of(table))
    codec = CODECS[table.record]
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        store.migrate(connection, MIGRATIONS, 0)
        row = codec.row(record)
        connection.execute(codec.insert, (1, *row.values, b"d"))
        ((seq, *values),) = connection.execute(codec.select)
        assert seq == 1
        assert codec.record(values[:-1]) == record


def test_each_table_has_the_columns_of_its_record(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        store.migrate(connection, MIGRATIONS, 0)
        for table in TABLES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert columns == ["seq", *table.columns, "digest"]


# -- every public method on a harmed file --------------------------------------------------------


def locked(path: Path) -> Callable[[], None]:
    """Another program holds the file as its own."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"

    def let_go() -> None:
        holder.communicate()

    return let_go


HOLDER = """
import sqlite3, sys
holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("PRAGMA locking_mode = EXCLUSIVE")
holder.execute("BEGIN EXCLUSIVE")
holder.execute("UPDATE deposits SET amount = amount")
print("held", flush=True)
sys.stdin.read()
"""


def truncated(path: Path) -> Callable[[], None]:
    os.truncate(path, path.stat().st_size * 6 // 10)
    return lambda: None


def emptied(path: Path) -> Callable[[], None]:
    os.truncate(path, 0)
    return lambda: None


def someone_elses_file(path: Path) -> Callable[[], None]:
    path.write_bytes(b"Dear diary, today I bought nothing.\n" * 200)
    return lambda: None


def someone_elses_database(path: Path) -> Callable[[], None]:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    return lambda: None


def from_the_future(path: Path) -> Callable[[], None]:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    return lambda: None


def a_folder(path: Path) -> Callable[[], None]:
    path.unlink()
    path.mkdir()
    return lambda: None


HARMS = [
    (locked, "locked by another program"),
    (truncated, "damaged"),
    (emptied, "is empty"),
    (someone_elses_file, "not a ledger of Fit to Trade"),
    (someone_elses_database, "not a ledger of Fit to Trade"),
    (from_the_future, "newer Fit to Trade"),
    (a_folder, "is not a file"),
]


def with_ledger(act: Callable[[Ledger], Any]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        async def session_of_one_call() -> None:
            ledger = opened(path)
            try:
                outcome = act(ledger)
                if inspect.isawaitable(outcome):
                    await outcome
            finally:
                await ledger.close()

        asyncio.run(session_of_one_call())

    return run


def with_reader(act: Callable[[LedgerReader], Any]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with LedgerReader(path, busy_s=BUSY_S) as reader:
            act(reader)

    return run


EVERY_METHOD: dict[str, Callable[[Path], None]] = {
    "Ledger.open": with_ledger(lambda ledger: None),
    "Ledger.close": with_ledger(lambda ledger: ledger.close()),
    "Ledger.shut": with_ledger(lambda ledger: ledger.shut()),
    "Ledger.record": with_ledger(lambda ledger: ledger.record([intent(77)])),
    "Ledger.post": with_ledger(lambda ledger: ledger.post([intent(78)])),
    "Ledger.check": with_ledger(lambda ledger: ledger.check()),
    "Ledger.flush": with_ledger(lambda ledger: ledger.flush()),
    "Ledger.rebuild": with_ledger(lambda ledger: ledger.rebuild()),
    "Ledger.back_up": with_ledger(lambda ledger: ledger.back_up(f"{ledger.path}.copy")),
    "Ledger.waiting_s": with_ledger(lambda ledger: ledger.waiting_s),
    "LedgerReader.close": with_reader(lambda reader: reader.close()),
    "LedgerReader.verify": with_reader(lambda reader: reader.verify()),
    "LedgerReader.rebuild": with_reader(lambda reader: reader.rebuild()),
    "LedgerReader.portfolio": with_reader(lambda reader: reader.portfolio()),
    "LedgerReader.orders": with_reader(lambda reader: reader.orders()),
    "LedgerReader.fills": with_reader(lambda reader: reader.fills()),
    "LedgerReader.signals": with_reader(lambda reader: reader.signals()),
    "LedgerReader.skipped": with_reader(lambda reader: reader.skipped()),
    "LedgerReader.sessions": with_reader(lambda reader: reader.sessions()),
}


def test_no_public_method_is_missing_from_the_list() -> None:
    public = {
        f"{shape.__name__}.{name}"
        for shape in (Ledger, LedgerReader)
        for name in vars(shape)
        if not name.startswith("_")
    }
    assert public == set(EVERY_METHOD)


@pytest.fixture(scope="module")
def days_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    recorded(path, a_days_work(40))
    return path


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_every_method_works_on_a_sound_ledger(tmp_path: Path, days_ledger: Path, name: str) -> None:
    path = copied(days_ledger, tmp_path)
    EVERY_METHOD[name](path)
    assert reopened(path).fills == tuple(fill(n) for n in range(40))


@pytest.mark.parametrize("name", EVERY_METHOD)
@pytest.mark.parametrize(("harm", "says"), HARMS, ids=[harm.__name__ for harm, _ in HARMS])
def test_a_harmed_ledger_says_so_and_what_to_do(
    tmp_path: Path, days_ledger: Path, name: str, harm: Callable[[Path], Any], says: str
) -> None:
    path = copied(days_ledger, tmp_path)
    mend = harm(path)
    with pytest.raises(LedgerError, match=says) as caught:
        EVERY_METHOD[name](path)
    assert str(path) in str(caught.value)
    mend()


def test_a_reader_without_a_ledger_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="ftt bot"):
        LedgerReader(tmp_path / "none.sqlite")


def test_a_second_engine_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "l")
    with pytest.raises(LedgerError, match=rf"another engine has it \(process {os.getpid()}\)"):
        opened(tmp_path / "l")
    (tmp_path / "link").symlink_to(tmp_path / "l")
    with pytest.raises(LedgerError, match="another engine has it"):
        opened(tmp_path / "link")
    ledger.shut()
    opened(tmp_path / "l").shut()


async def test_a_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "l")
    await ledger.close()
    await ledger.close()
    for act in (ledger.record([intent(1)]), ledger.flush()):
        with pytest.raises(LedgerError, match="is closed"):
            await act
    with pytest.raises(LedgerError, match="is closed"):
        ledger.post([intent(1)])
    with pytest.raises(LedgerError, match="is closed"):
        ledger.rebuild()


async def test_a_reader_sees_what_a_running_engine_has_written(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "l")
    for rows in a_days_work():
        await ledger.record(rows)
    await ledger.flush()
    with LedgerReader(tmp_path / "l") as reader:
        assert reader.verify() == sum(len(rows) for rows in a_days_work())
        assert reader.rebuild() == ledger.rebuild()
        assert [kept.intent for kept in reader.orders(2)] == [intent(3), intent(2)]
        assert {kept.state for kept in reader.orders()} == {OrderState.FILLED}
        assert reader.fills() == [fill(n) for n in (3, 2, 1, 0)]
        assert {kept.how for kept in reader.signals()} == {"acted on"}
        assert reader.sessions() == [session()]
        # 10 shares at 24 cents three times, each with 0.000005 in fees, then a dollar a share; the
        # fourth trade failed
        assert reader.portfolio().cash == deposit().amount - 3 * 2_400_005 + 30 * SHARE
    await ledger.close()


def test_a_backup_is_a_ledger_of_its_own(tmp_path: Path) -> None:
    known = recorded(tmp_path / "l")
    ledger = opened(tmp_path / "l")
    ledger.back_up(tmp_path / "copy")
    ledger.back_up(tmp_path / "copy")
    ledger.shut()
    assert reopened(tmp_path / "copy") == known


# -- versions ----------------------------------------------------------------------------------


def test_an_older_ledger_is_backed_up_and_brought_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = recorded(tmp_path / "l")
    newer = (*MIGRATIONS, ("CREATE TABLE notes (seq INTEGER PRIMARY KEY) STRICT",))
    monkeypatch.setattr(book, "MIGRATIONS", newer)
    monkeypatch.setattr(book, "VERSION", VERSION + 1)
    assert reopened(tmp_path / "l") == known
    monkeypatch.undo()
    with pytest.raises(LedgerError, match="newer Fit to Trade"):
        opened(tmp_path / "l")
    assert reopened(tmp_path / f"l.v{VERSION}.backup") == known


@pytest.mark.parametrize("version", range(1, 5))
def test_an_earlier_versions_ledger_is_read_as_it_is_and_brought_forward(
    tmp_path: Path, version: int
) -> None:
    known = [[row for row in rows if row_of(row).table.since <= version] for rows in a_days_work()]
    recorded_as_of(version, tmp_path / "l", known)
    money = sum(row_of(row).table.money for rows in known for row in rows)
    with LedgerReader(tmp_path / "l") as reader:
        before, skips, kept = reader.rebuild(), reader.skipped(), reader.signals()
        assert before.rows == reader.verify() == money
        assert before.fills == tuple(fill(n) for n in range(4))
    assert reopened(tmp_path / "l") == before
    with LedgerReader(tmp_path / "l") as reader:
        assert reader.skipped() == skips == [skipped(n) for n in (3, 2, 1, 0)]
        assert reader.signals() == kept
        assert reader.verify() == sum(len(rows) for rows in known)
    with LedgerReader(tmp_path / f"l.v{version}.backup") as backup:
        assert backup.rebuild() == before
    recorded(tmp_path / "l", [[intent(9), skipped(9)]])


def test_a_fill_that_failed_is_not_held_after_a_restart(tmp_path: Path) -> None:
    recorded(tmp_path / "l", a_days_work()[:-3])
    with LedgerReader(tmp_path / "l") as reader:
        portfolio = reader.portfolio()
    assert portfolio.held("yes") == 3 * fill(1).size
    assert portfolio.cash == deposit().amount - 3 * 2_400_005


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = recorded(tmp_path / "l")
    broken = (*MIGRATIONS, ("CREATE TABLE notes (seq INTEGER) STRICT", "CREATE NONSENSE"))
    monkeypatch.setattr(book, "MIGRATIONS", broken)
    monkeypatch.setattr(book, "VERSION", VERSION + 1)
    with pytest.raises(LedgerError):
        opened(tmp_path / "l")
    monkeypatch.undo()
    assert reopened(tmp_path / "l") == known


def test_a_table_that_was_tampered_with_is_noticed(tmp_path: Path) -> None:
    recorded(tmp_path / "l")
    with contextlib.closing(sqlite3.connect(tmp_path / "l")) as other:
        other.execute("DROP TABLE kills")
    with pytest.raises(LedgerError, match="damaged"):
        opened(tmp_path / "l")


def test_the_benchmark_measures_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark, "COMMITS", 5)
    monkeypatch.setattr(benchmark, "CALLERS", 50)
    figures = benchmark.run()
    assert figures["commit_us_p50"] > 0
    assert figures["floor_us_p50"] > 0
    assert figures["rows_a_commit"] > 1
    assert list(tmp_path.iterdir()) == []
