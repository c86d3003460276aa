"""Vectors on disk, so that a question is given its vector once. A cache: it may be deleted.

One file a model, records of one size appended: 16 bytes of the text's hash, then the vector as
half-precision floats. A torn record at the end is cut off; a file that can't be read is begun anew.
"""

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

KEY_BYTES = 16
RECORDS_MAX = 200_000
"""Beyond that the file is begun anew: most of its questions are long over."""


def key_of(text: str) -> bytes:
    """What a text is found by."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()[:KEY_BYTES]


class VectorCache:
    """The vectors known so far, by text. ``path`` None keeps them in memory alone."""

    def __init__(self, path: Path | None, size: int) -> None:
        import numpy

        self._np: Any = numpy
        self._path, self._size = path, size
        self._record = KEY_BYTES + 2 * size
        self._known: dict[bytes, Any] = {}
        if path is not None:
            self._load(path)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, text: str) -> Any | None:
        """The vector of a text, None for one not known."""
        return self._known.get(key_of(text))

    def put(self, texts: Sequence[str], vectors: Any) -> None:
        """Remember the vectors of these texts; a disk that fails costs only the next start."""
        halves = vectors.astype(self._np.float16)
        told = bytearray()
        for text, vector in zip(texts, halves, strict=True):
            key = key_of(text)
            self._known[key] = vector
            told += key + vector.tobytes()
        if self._path is None:
            return
        try:
            with self._path.open("ab") as file:
                file.write(told)
        except OSError as error:
            log.warning("vectors are not kept (%s)", error)

    def _load(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = path.read_bytes() if path.exists() else b""
        except OSError as error:
            log.warning("vectors are worked out anew (%s)", error)
            return
        whole = len(raw) // self._record
        if len(raw) % self._record or whole > RECORDS_MAX:
            whole = whole if whole <= RECORDS_MAX else 0
            _cut(path, whole * self._record)
        for at in range(0, whole * self._record, self._record):
            vector = self._np.frombuffer(raw, self._np.float16, self._size, at + KEY_BYTES)
            self._known[raw[at : at + KEY_BYTES]] = vector


def _cut(path: Path, length: int) -> None:
    try:
        os.truncate(path, length)
    except OSError as error:
        log.warning("the cache of vectors can't be mended (%s)", error)
