"""Recordings that other people made, as events of ours.

One module a layout; each knows its shapes and reads them in order of time and in bounded memory.
``importer_for`` finds the one for a file by what stands in it. Foreign ids, prices and times are
taken as they stand: nothing is invented, and what a recording does not say stays unsaid.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feeds.events import Event
from feeds.recordings import (
    books5_2026_02,
    books_2025_12,
    btc5m_markets,
    frames_2026_08,
    impact_crises,
    impact_newslag,
    impact_resolution,
    l2_mlb_2025,
    parquet,
    quotes_2026_07,
    snapshots_2026_01,
    ticks_2026_06,
)
from feeds.recordings.errors import RecordingError
from feeds.recordings.lines import begins, heading, objects
from feeds.recordings.order import in_order, merged
from feeds.recordings.parquet import NoReaderError
from feeds.recordings.row import Notes
from feeds.recordings.shape import Kind, Reader, Shape
from feeds.tape import MAGIC as TAPE
from feeds.text import printable

__all__ = [
    "SHAPES",
    "Importer",
    "NoReaderError",
    "Notes",
    "NothingToImportError",
    "RecordingError",
    "importer_for",
    "in_order",
    "merged",
]

SHAPES: tuple[Shape, ...] = (
    *frames_2026_08.SHAPES,
    *l2_mlb_2025.SHAPES,
    *ticks_2026_06.SHAPES,
    *books_2025_12.SHAPES,
    *books5_2026_02.SHAPES,
    *quotes_2026_07.SHAPES,
    *snapshots_2026_01.SHAPES,
    *btc5m_markets.SHAPES,
    *impact_crises.SHAPES,
    *impact_resolution.SHAPES,
    *impact_newslag.SHAPES,
)
_FIELDS_SHOWN = 12
_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"(\xb5/\xfd": "packed with zstandard",
}


class NothingToImportError(RecordingError):
    """A file whose layout is known, and which holds no events; the message says what it is."""


@dataclass(frozen=True)
class Importer:
    """Reads one file. ``layout`` and ``what`` say what was recognised."""

    path: Path
    layout: str
    what: str
    reader: Reader

    def read(self, notes: Notes | None = None) -> Iterator[Event]:
        """The file's events in order of time; ``notes`` counts rows that were passed over.

        An event without a time of its own has ``at_ns`` 0 and comes first. Raises
        ``RecordingError`` at the first row that cannot be what it should.
        """
        return self.reader(self.path, notes)


def importer_for(path: Path | str) -> Importer:
    """The importer for a file, by its content. Raises ``RecordingError`` with a sentence."""
    path = Path(path)
    kind, fields = _looked_at(path)
    fitting = [shape for shape in SHAPES if shape.kind is kind and shape.fields <= set(fields)]
    if not fitting:
        seen = printable(", ".join(fields[:_FIELDS_SHOWN]), 300) or "none"
        raise RecordingError(path, f"no layout that is known here: {kind.value}, fields {seen}")
    best = max(fitting, key=lambda shape: len(shape.fields))
    if best.read is None:
        raise NothingToImportError(path, best.refusal)
    return Importer(path, best.layout, best.what, best.read)


def _looked_at(path: Path) -> tuple[Kind, tuple[str, ...]]:
    """How a file is written down, and the names of its columns or of its first object's keys."""
    try:
        with open(path, "rb") as file:
            first = file.read(len(TAPE))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from None
    for magic, name in _ARCHIVES.items():
        if first.startswith(magic):
            raise RecordingError(path, f"{name}: unpack it first")
    if first == TAPE:
        raise NothingToImportError(path, "it is a tape already: `ftt tape merge` takes it")
    if first.startswith(parquet.MAGIC):
        return Kind.PARQUET, parquet.columns_of(path)
    if parquet.is_packed(path):
        raise RecordingError(path, "parquet inside a gzip archive: unpack it first (gunzip)")
    start = begins(path)
    if not start:
        raise RecordingError(path, "the file is empty")
    if start in "{[":
        found = next(objects(path), None)
        return Kind.JSON, tuple(found.value if found else ())
    return Kind.TABLE, heading(path)
