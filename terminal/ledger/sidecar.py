"""The two small files beside a ledger: a lock, and the last row that was acknowledged.

The lock keeps a second engine out. The witness is written after each commit, without waiting for
the disk: when the ledger knows less than its witness, rows that were acknowledged are gone (a lost
or damaged write-ahead log, a file cut short, an old copy), which SQLite alone can't see.
"""

import contextlib
import os
import sys
import time
from hashlib import blake2b
from pathlib import Path

from terminal.ledger.store import LedgerError

DIGEST_BYTES = 16
_MAGIC = b"FTTW"
PROBED_S = 0.1
"""A command that only looks whether an engine runs holds the lock for an instant."""
_WITNESS_BYTES = len(_MAGIC) + 8 + DIGEST_BYTES + DIGEST_BYTES


def beside(path: Path, ending: str) -> Path:
    """A file of the same name with an ending of its own."""
    return path.with_name(path.name + ending)


class Lock:
    """One engine a ledger: the system drops the lock when its process ends, however it ends.

    It is held on a file beside the ledger, so that two can't make a new one at once, and then on
    the ledger itself (:meth:`hold`), whatever name that goes by. A refused ledger's folder is left
    as it was found: nothing is written before :meth:`sign`.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock; raises :class:`LedgerError` when another process holds it."""
        self._path = beside(path, ".lock")
        self._made = self._signed = False
        self._ledger: int | None = None
        until = time.monotonic() + PROBED_S
        while True:
            handle = self._opened()
            try:
                _hold(handle)
            except OSError as error:
                owner = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
                os.close(handle)
                if time.monotonic() >= until:
                    raise _taken(path, owner) from error
                time.sleep(PROBED_S / 10)
                continue
            if _still(self._path, handle):
                self._handle = handle
                return
            os.close(handle)  # it was removed by a refused engine: no lock of anybody's

    def _opened(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return os.open(self._path, os.O_RDWR)
        self._made = True
        return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)

    def hold(self, path: Path) -> None:
        """Take the ledger itself, before SQLite opens it; raises :class:`LedgerError`.

        Closing any handle of a file drops SQLite's own locks on it, so this one stays open until
        :meth:`release`, which comes after SQLite has let go. Linux alone keeps the two kinds of
        lock apart; elsewhere the refusal of a second name has to do.
        """
        if sys.platform != "linux":
            return
        self._ledger = os.open(path, os.O_RDONLY)
        try:
            _hold(self._ledger)
        except OSError as error:
            raise _taken(path, "") from error

    def sign(self) -> None:
        """Say in the file whose lock it is: the ledger is sound and in use."""
        self._signed = True
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let others in. The file of an engine that ran stays, for the next."""
        if self._ledger is not None:
            os.close(self._ledger)
        with contextlib.suppress(OSError):
            if self._signed:
                os.ftruncate(self._handle, 0)
            elif self._made:
                self._path.unlink()  # under the lock: who opened it meanwhile looks again
        os.close(self._handle)


def engine_runs(path: Path) -> bool:
    """Whether an engine has this ledger; looks without leaving a trace."""
    try:
        handle = os.open(beside(path, ".lock"), os.O_RDWR)
    except OSError:
        return False
    try:
        _hold(handle)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _taken(path: Path, owner: str) -> LedgerError:
    return LedgerError(
        f"{path}: another engine has it{f' (process {owner})' if owner.isdigit() else ''}: "
        "`ftt attach` opens it, or stop it first"
    )


def _still(path: Path, handle: int) -> bool:
    """Whether the open file is the one that goes by this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _hold(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _hold(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Witness:
    """The number and digest of the last acknowledged row."""

    def __init__(self, path: Path) -> None:
        self.path = beside(path, ".witness")
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)

    def write(self, seq: int, digest: bytes) -> None:
        """Note a row that is safely on disk."""
        os.pwrite(self._handle, _pack(seq, digest), 0)

    def close(self) -> None:
        """Flush it too: a clean end should not need a forgiving start."""
        with contextlib.suppress(OSError):
            os.fsync(self._handle)
            os.close(self._handle)


def read_witness(path: Path) -> tuple[int, bytes] | None:
    """What the witness says; None where there is none, or a power cut tore it."""
    try:
        packed = beside(path, ".witness").read_bytes()
    except FileNotFoundError:
        return None
    seq = int.from_bytes(packed[4:12], "big")
    digest = packed[12 : 12 + DIGEST_BYTES]
    return (seq, digest) if packed == _pack(seq, digest) else None


def _pack(seq: int, digest: bytes) -> bytes:
    body = _MAGIC + seq.to_bytes(8, "big") + digest
    packed = body + blake2b(body, digest_size=DIGEST_BYTES).digest()
    assert len(packed) == _WITNESS_BYTES or len(digest) != DIGEST_BYTES
    return packed
