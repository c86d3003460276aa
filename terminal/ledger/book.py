"""The ledger: what happened to money, written before it is acted on.

One thread owns the file. It takes all that has queued, writes it in one transaction, waits for
the disk, and only then lets the callers go on; twenty rows cost the same wait as one. When a
write fails the ledger takes nothing more: an engine that can't record must not act.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from terminal.ledger import inspection, past, store
from terminal.ledger.past import Rebuilt
from terminal.ledger.sidecar import Lock, Witness, beside, read_witness
from terminal.ledger.store import LedgerError, translated
from terminal.ledger.tables import (
    CODECS,
    MIGRATIONS,
    NO_DIGEST,
    VERSION,
    Record,
    Row,
    chained,
    row_of,
)

ROWS_PER_COMMIT_MAX = 2_000
ROWS_QUEUED_MAX = 100_000
"""More rows than that waiting means that the disk has stalled."""
BUSY_S = 2.0
CLOSE_WITHIN_S = 30.0

Step = Callable[[str], None]
T = TypeVar("T")


@dataclass(slots=True)
class _Entry:
    """Rows of one caller, kept together. ``done`` is None where nobody waits for the disk."""

    rows: list[Row]
    done: "asyncio.Future[None] | None" = None
    since: float = field(default_factory=time.monotonic)

    @property
    def money(self) -> bool:
        return any(row.table.money for row in self.rows)


@dataclass(slots=True)
class _Job:
    """Work for the writer's thread that is no row."""

    work: Callable[[], Any]
    done: "Future[Any]"


class _Contradiction(Exception):
    """An entry says something else of a thing that is written already."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(said)
        self.number = number


class Ledger:
    """Open one with :meth:`open`; it belongs to the process that opened it."""

    def __init__(self, path: Path, busy_s: float, step: Step | None) -> None:
        self.path = path
        self._busy_s = busy_s
        self._step: Step = step or (lambda _: None)
        self._queue: SimpleQueue[_Entry | _Job | None] = SimpleQueue()
        self._queued_rows = 0
        self._oldest: _Entry | None = None
        self._failure: LedgerError | None = None
        self._closed = False
        self._going = True
        self._held: _Job | None = None
        self._seq, self._digest = 0, NO_DIGEST
        self._waits = True
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    # -- opening and closing --------------------------------------------------------------

    @classmethod
    def open(
        cls, path: str | Path, *, busy_s: float = BUSY_S, step: Step | None = None
    ) -> "Ledger":
        """Open a ledger, or make a new one; reads and checks every row first.

        Raises :class:`LedgerError` when another engine has it, when it is not ours, damaged, cut
        short, or of a newer version; nothing is changed then. ``busy_s`` is how long a lock is
        waited for; ``step`` is told the name of each step of a write (for traces and crash tests).
        """
        ledger = cls(Path(path).absolute(), busy_s, step)
        ledger._thread.start()
        try:
            ledger._ask(ledger._open)
        except BaseException:
            ledger._queue.put(None)
            ledger._thread.join()
            raise
        return ledger

    def _open(self) -> None:
        with contextlib.ExitStack() as undo, translated(self.path):
            self.path = self.path.resolve()
            self._lock = Lock(self.path)
            undo.callback(self._lock.release)
            if not self.path.exists():
                self._refuse_orphan()
                store.create(self.path, MIGRATIONS)
            store.check_file(self.path)
            self._lock.hold(self.path)
            with inspection.on_a_copy(self.path, self._busy_s) as copy:
                self._check(copy)
            self._connection = store.connect(self.path, self._busy_s)
            undo.callback(self._connection.close)
            self._take_over()
            self._witness = Witness(self.path)
            self._witness.write(self._seq, self._digest)
            self._lock.sign()
            inspection.clear(self.path)
            undo.pop_all()

    def _refuse_orphan(self) -> None:
        if beside(self.path, "-wal").exists() or (read_witness(self.path) or (0,))[0]:
            raise LedgerError(
                f"{self.path}: is gone, but the files beside it remain: put it or a backup back, "
                "or move them all away"
            )

    def _check(self, copy: sqlite3.Connection) -> None:
        """Everything that could be wrong shows on a copy; a backup of it is made from there too."""
        version = store.check_identity(copy, self.path, VERSION)
        store.check_integrity(copy, self.path)
        store.check_schema(copy, self.path, MIGRATIONS[:version])
        self._seq, self._digest = past.verify(copy, self.path, read_witness(self.path))
        if version < VERSION:
            store.back_up(copy, beside(self.path, f".v{version}.backup"))
            store.migrate(copy, MIGRATIONS, version)
            self._seq, self._digest = past.verify(copy, self.path, (self._seq, self._digest))

    def _take_over(self) -> None:
        """Open what was found sound."""
        connection = self._connection
        with store.transaction(connection):
            pass  # it can be written, and no other program is at it
        version = store.check_identity(connection, self.path, VERSION)
        store.migrate(connection, MIGRATIONS, version)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise LedgerError(
                f"{self.path}: this disk can't keep a write-ahead log; set FTT_HOME to a local one"
            )
        connection.execute("PRAGMA synchronous = FULL")

    async def close(self) -> None:
        """Write what has queued, then let the file go. May be said twice."""
        if self._stop():
            await asyncio.to_thread(self._finish)

    def shut(self) -> None:
        """:meth:`close` where no loop runs."""
        if self._stop():
            self._finish()

    def _stop(self) -> bool:
        """Take nothing more, from this moment on; False when that was said before."""
        if self._closed:
            return False
        self._closed = True
        self._queue.put(None)
        return True

    def _finish(self) -> None:
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive():
            raise LedgerError(f"{self.path}: the disk does not answer; the last rows may be lost")
        if self._failure is None:
            self._witness.write(self._seq, self._digest)  # the scorecard's last rows too
        self._witness.close()
        self._lock.release()

    # -- what callers do ------------------------------------------------------------------

    async def record(self, rows: Sequence[Record]) -> None:
        """Returns when these rows are safely on disk, all of them or none.

        A row that is there already (an order's, fill's, suggestion's or session's id, a market's
        resolution) adds nothing; one with the same id and other contents is a
        :class:`LedgerError`, for this caller alone. Any other failure ends the ledger: this and
        each later call raise. Where all rows are of the scorecard nobody waits for the disk.
        Raises ``ValueError`` for a number beyond 64 bits.
        """
        entry = _Entry([row_of(record) for record in rows])
        if entry.money:
            entry.done = asyncio.get_running_loop().create_future()
        self._take_in(entry)
        if entry.done is not None:
            await entry.done

    def post(self, rows: Sequence[Record]) -> None:
        """:meth:`record` without waiting: these rows reach the disk before any later one does.

        Nobody is told when, so what is wrong with a row of money ends the ledger for all.
        """
        self._take_in(_Entry([row_of(record) for record in rows]))

    def _take_in(self, entry: _Entry) -> None:
        if not entry.rows:
            return
        self.check()
        if self._queued_rows + len(entry.rows) > ROWS_QUEUED_MAX:
            raise LedgerError(f"{self.path}: {self._queued_rows} rows wait: the disk has stalled")
        self._queued_rows += len(entry.rows)
        self._queue.put(entry)

    def check(self) -> None:
        """Raises what ended the ledger, where something has, whether or not a caller was told."""
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise LedgerError(f"{self.path}: is closed")

    async def flush(self) -> None:
        """Returns when everything recorded so far is safely on disk, the scorecard too."""
        self.check()
        await asyncio.wrap_future(self._post(self._flush))

    def rebuild(self) -> Rebuilt:
        """All that the ledger knows of money. Blocks: for the start, before the loop matters."""
        self.check()
        return self._ask(lambda: past.rebuild(self._connection, self.path))

    def back_up(self, to: str | Path) -> None:
        """Write a whole copy to another file; blocks, and replaces an older copy."""
        self.check()
        self._ask(lambda: store.back_up(self._connection, Path(to).absolute()))

    @property
    def waiting_s(self) -> float:
        """How long the oldest row has waited for the disk: a stall shows here first."""
        oldest = self._oldest
        return time.monotonic() - oldest.since if oldest is not None else 0.0

    def _post(self, work: Callable[[], T]) -> "Future[T]":
        done: Future[T] = Future()
        self._queue.put(_Job(work, done))
        return done

    def _ask(self, work: Callable[[], T]) -> T:
        return self._post(work).result()

    # -- the writer's thread --------------------------------------------------------------

    def _run(self) -> None:
        while self._going:
            try:
                self._serve()
            except Exception as error:  # a mistake of ours must leave nobody waiting for ever
                self._failure = self._failure or _ends(self.path, error)
        if hasattr(self, "_connection"):
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()

    def _serve(self) -> None:
        following, self._held = self._held or self._queue.get(), None
        if following is None:
            self._going = False
        elif isinstance(following, _Job):
            self._do(following)
        else:
            self._write(self._take(following))

    def _take(self, first: _Entry) -> list[_Entry]:
        """All rows that have queued, up to a job, which is held for the next turn, or the end."""
        batch, rows = [first], len(first.rows)
        while rows < ROWS_PER_COMMIT_MAX:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if not isinstance(following, _Entry):
                self._held, self._going = following, following is not None
                break
            batch.append(following)
            rows += len(following.rows)
        return batch

    def _do(self, job: _Job) -> None:
        try:
            with translated(self.path):
                job.done.set_result(job.work())
        except BaseException as error:
            job.done.set_exception(error)

    def _flush(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _write(self, batch: list[_Entry]) -> None:
        self._oldest = batch[0]
        refused: dict[int, LedgerError] = {}
        if self._failure is None:
            try:
                with translated(self.path):
                    self._step("taken")
                    while not self._commit(batch, refused):
                        pass
            except Exception as error:
                self._failure = _ends(self.path, error)
        self._queued_rows -= sum(len(entry.rows) for entry in batch)
        self._oldest = None
        for number, refusal in refused.items():
            if batch[number].money and batch[number].done is None:
                self._failure = self._failure or refusal
        self._answer(batch, refused)
        self._step("answered")

    def _commit(self, batch: list[_Entry], refused: dict[int, LedgerError]) -> bool:
        """One transaction. False when an entry was refused: then nothing is written yet."""
        seq, digest = self._seq, self._digest
        waits = any(entry.money for entry in batch)
        self._wait_for_disk(waits)
        try:
            with store.transaction(self._connection):
                self._step("begun")
                for number, entry in enumerate(batch):
                    if number not in refused:
                        seq, digest = self._insert(number, entry, seq, digest)
                self._step("inserted")
        except _Contradiction as error:
            said = f"{self.path}: {error}; nothing of this was written"
            refused[error.number] = LedgerError(said)
            return False
        self._step("committed")
        self._seq, self._digest = seq, digest
        if waits:
            self._witness.write(seq, digest)
        self._step("witnessed")
        return True

    def _wait_for_disk(self, waits: bool) -> None:
        """A power cut may take the newest scorecard rows; money is never risked for speed."""
        if waits != self._waits:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")
            self._waits = waits

    def _insert(self, number: int, entry: _Entry, seq: int, digest: bytes) -> tuple[int, bytes]:
        for row in entry.rows:
            codec = CODECS[row.table.record]
            following = chained(digest, seq + 1, row.table.name, row.values)
            values = (seq + 1, *row.values, following)
            if self._connection.execute(codec.insert, values).rowcount:
                seq, digest = seq + 1, following
            else:
                said = codec.contradiction(row, self._connection)
                if said:
                    raise _Contradiction(number, said)
            self._step("row")
        return seq, digest

    def _answer(self, batch: list[_Entry], refused: dict[int, LedgerError]) -> None:
        """Wake the callers: once a loop, not once a row."""
        by_loop: dict[
            asyncio.AbstractEventLoop,
            list[tuple[asyncio.Future[None], LedgerError | None]],
        ] = {}
        for number, entry in enumerate(batch):
            if entry.done is not None:
                error = self._failure or refused.get(number)
                by_loop.setdefault(entry.done.get_loop(), []).append((entry.done, error))
        for loop, answers in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits
                loop.call_soon_threadsafe(_wake, answers)


def _wake(answers: "list[tuple[asyncio.Future[None], LedgerError | None]]") -> None:
    for done, error in answers:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _ends(path: Path, error: Exception) -> LedgerError:
    """What ended the ledger, as each later call says it."""
    if isinstance(error, LedgerError):
        return error
    failure = LedgerError(f"{path}: a row was refused by its own table [{error}]; start again")
    failure.__cause__ = error
    return failure
