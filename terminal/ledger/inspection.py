"""Looking at a ledger before it is touched.

SQLite mends as it opens: it takes up the log of a killed engine, rewrites the file and removes the
log. Of a ledger that is then refused that would destroy what happened. So the files are copied
first, the copy is opened, checked to the last row and brought forward, and only when all of that
went well is the ledger itself opened.
"""

import contextlib
import glob
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from terminal.ledger import store
from terminal.ledger.sidecar import beside
from terminal.ledger.store import LedgerError

LOGS = ("-wal", "-journal")
"""What SQLite would take up with the file. The index of its log ("-shm") it makes anew."""
COPIES_MAX = 3
LOOK_S_MAX = 600.0
"""A copy that is older than that is nobody's any more."""


@contextlib.contextmanager
def on_a_copy(path: Path, busy_s: float) -> Iterator[sqlite3.Connection]:
    """A connection to a copy of a ledger, of one moment; the copy goes when it is let go.

    Raises :class:`LedgerError` when another program writes to it all the while.
    """
    with tempfile.TemporaryDirectory(
        prefix=f"{path.name}.look-", dir=_room_for(path), ignore_cleanup_errors=True
    ) as folder:
        copy = Path(folder, path.name)
        for _ in range(COPIES_MAX):
            seen = _marks(path)
            _copy(path, copy)
            if _marks(path) == seen:
                break
        else:
            raise LedgerError(
                f"{path}: another program writes to it: close what has it open, then try again"
            )
        with contextlib.closing(store.connect(copy, busy_s)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            yield connection


def clear(path: Path) -> None:
    """Remove the copies of those that were killed while they looked."""
    for folder in path.parent.glob(f"{glob.escape(path.name)}.look-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > LOOK_S_MAX:
                shutil.rmtree(folder, ignore_errors=True)


def _room_for(path: Path) -> Path | None:
    """Beside the ledger, where its size fits; in the system's own place where that can't be."""
    return path.parent if os.access(path.parent, os.W_OK) else None


def _copy(path: Path, copy: Path) -> None:
    with open(path, "rb") as source:
        _refuse_if_locked(path, source.fileno())
        with open(copy, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    for ending in LOGS:
        target_log = beside(copy, ending)
        target_log.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(beside(path, ending), target_log)


def _marks(path: Path) -> list[tuple[int, int] | None]:
    """What changes when somebody writes."""
    marks: list[tuple[int, int] | None] = []
    for file in (path, *(beside(path, ending) for ending in LOGS)):
        try:
            seen = file.stat()
            marks.append((seen.st_size, seen.st_mtime_ns))
        except FileNotFoundError:
            marks.append(None)
    return marks


if sys.platform == "win32":

    def _refuse_if_locked(path: Path, handle: int) -> None:
        """There a file that another program holds can't be read at all."""

else:
    import fcntl

    _SHARED_FIRST, _SHARED_BYTES = 0x4000_0002, 510
    """Where SQLite's readers put their locks."""

    def _refuse_if_locked(path: Path, handle: int) -> None:
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
        except OSError as error:
            raise LedgerError(
                f"{path}: is locked by another program: close what has it open, then try again"
            ) from error
