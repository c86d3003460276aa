"""The two small files beside a ledger: a lock, and the last row that was acknowledged.

The lock keeps a second engine out. The witness is written after each commit, without waiting for
the disk: when the ledger knows less than its witness, rows that were acknowledged are gone (a lost
or damaged write-ahead log, a file cut short, an old copy), which SQLite alone can't see.
"""

import contextlib
import os
import sys
from hashlib import blake2b
from pathlib import Path

from terminal.ledger.store import LedgerError

DIGEST_BYTES = 16
_MAGIC = b"FTTW"
_WITNESS_BYTES = len(_MAGIC) + 8 + DIGEST_BYTES + DIGEST_BYTES


def beside(path: Path, ending: str) -> Path:
    """A file of the same name with an ending of its own."""
    return path.with_name(path.name + ending)


class Lock:
    """One engine a ledger: the system drops the lock when its process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock; raises :class:`LedgerError` when another process holds it."""
        self._path = beside(path, ".lock")
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _hold(self._handle)
        except OSError as error:
            owner = os.pread(self._handle, 20, 0).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise LedgerError(
                f"{path}: another engine has it{f' (process {owner})' if owner.isdigit() else ''}: "
                "`ftt attach` opens it, or stop it first"
            ) from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let others in. The file stays: removing it would let two in at once."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._handle, 0)
            os.close(self._handle)


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
