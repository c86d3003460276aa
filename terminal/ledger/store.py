"""SQLite without meaning: opening, identity, versions, transactions, migrations, errors.

Every failure that a person can mend leaves here as a :class:`LedgerError` which says how; our own
mistakes pass through raw.
"""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from feeds.text import printable

APPLICATION_ID = 0x46545431
"""What our file says of itself in SQLite's header: "FTT1"."""
SQLITE_MIN = (3, 37, 0)
"""The first with STRICT tables."""

Migration = tuple[str | Callable[[sqlite3.Connection], None], ...]
"""The steps that lead from one version of the tables to the next: statements, and what no
statement can say."""


class LedgerError(Exception):
    """The ledger can't be used, or can't be trusted; the message says what to do."""


_SAYS = {
    sqlite3.SQLITE_BUSY: "is locked by another program: close what has it open, then try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program: close what has it open, then try again",
    sqlite3.SQLITE_FULL: "the disk is full: free some space, then start again",
    sqlite3.SQLITE_IOERR: "the disk failed: check it, then start again",
    sqlite3.SQLITE_READONLY: "can't be written: make the file and its folder yours (chmod u+rw)",
    sqlite3.SQLITE_PERM: "can't be used: make the file and its folder yours (chmod u+rw)",
    sqlite3.SQLITE_AUTH: "can't be used: make the file and its folder yours (chmod u+rw)",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: check that the folder exists and is yours",
    sqlite3.SQLITE_NOTADB: "is not a ledger of Fit to Trade: move it away, or set FTT_HOME",
}
DAMAGED = "is damaged: nothing was changed; move it away and put a backup in its place"


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """What SQLite and the system say, as sentences with a next step."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        raise LedgerError(f"{path}: {_SAYS.get(code, DAMAGED)} [{error}]") from error
    except UnicodeDecodeError as error:
        raise LedgerError(f"{path}: {DAMAGED} [a text is no text]") from error
    except OSError as error:
        said = error.strerror or str(error)
        raise LedgerError(f"{path}: {said}: check the disk and the folder") from error


def connect(path: Path, busy_s: float, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that waits ``busy_s`` for a lock; transactions are begun by hand."""
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=busy_s, isolation_level=None
    )
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def check_file(path: Path) -> None:
    """Refuse what can't be a ledger before SQLite would make something of it."""
    with translated(path):
        seen = path.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise LedgerError(f"{path}: is not a file: move it away, or set FTT_HOME")
    if seen.st_size == 0:
        raise LedgerError(f"{path}: is empty, so it was cut short: put a backup in its place")
    if seen.st_nlink > 1:
        # newer rows wait in a log beside it, which goes by one of the names alone
        raise LedgerError(
            f"{path}: has a second name (a hard link): make a copy of it there (cp), and remove "
            "one of the names"
        )


def check_identity(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    """The version of the tables; refuses a foreign file and one from the future."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise LedgerError(f"{path}: is not a ledger of Fit to Trade: move it away, or set FTT_HOME")
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if not 1 <= version <= newest:
        raise LedgerError(
            f"{path}: was written by a newer Fit to Trade (tables {version}, this one knows "
            f"{newest}): update, or set FTT_HOME"
        )
    return version


def check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite's own look at every page and index."""
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise LedgerError(f"{path}: {DAMAGED} [{verdict}]")


def check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """A quicker look at every page, without the indexes."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise LedgerError(f"{path}: {DAMAGED} [{verdict}]")


def check_schema(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]
) -> None:
    """The tables are, to the letter, those that the migrations make, and nothing else is there.

    A trigger of someone else's would write rows, and keep rows out, behind our back.
    """
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        migrate(model, migrations, 0)
        ours, found = _objects(model), _objects(connection)
    if ours - found:
        _, name, _ = min(ours - found)
        raise LedgerError(f"{path}: {DAMAGED} [{name} is not as it was made]")
    if found - ours:
        kind, name, _ = min(found - ours)
        raise LedgerError(
            f"{path}: holds a {kind} that is not ours [{printable(name, 80)}], and nothing was "
            f"changed: if you know it, remove it (DROP {kind.upper()}), else put a backup in the "
            "ledger's place"
        )


STATISTICS = frozenset({"sqlite_stat1", "sqlite_stat4"})
"""What SQLite itself keeps where somebody asked it to analyse the tables; it changes no row."""


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(kind, name, sql) for kind, name, sql in rows if name not in STATISTICS}


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], since: int) -> None:
    """Bring the tables from a version to the newest; each step whole or not at all."""
    for version, statements in enumerate(migrations[since:], since + 1):
        with transaction(connection):
            for statement in statements:
                if callable(statement):
                    statement(connection)
                else:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """All inside is kept, or none of it."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def create(path: Path, migrations: Sequence[Migration]) -> None:
    """Make a new ledger. It gets its name when it is whole, so an empty file is never ours."""
    new = path.with_name(path.name + ".new")
    for leftover in (new, *(new.with_name(new.name + end) for end in ("-wal", "-shm", "-journal"))):
        leftover.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with contextlib.closing(connect(new, 1.0)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # the whole is made safe below
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, migrations, 0)
    sync(new)
    os.replace(new, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file, or a folder's list of names, survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # a folder can't be opened there, and needs no sync
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def back_up(connection: sqlite3.Connection, to: Path) -> None:
    """A whole copy of the ledger as it stands, for this user alone; replaces an older copy."""
    new = to.with_name(to.name + ".new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute("VACUUM INTO ?", (str(new),))
    sync(new)
    os.replace(new, to)
    sync(to.parent)
