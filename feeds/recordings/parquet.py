"""Parquet, a row at a time, through the reader of the extra ``recordings``, which is DuckDB.

Of the readers that install everywhere it is the smallest (68 MB, no dependencies) that answers
a damaged file with an exception: the only smaller one brings the whole process down.
"""

import gzip
import importlib
import importlib.util
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from feeds.recordings.errors import RecordingError
from feeds.text import printable

MAGIC = b"PAR1"
BATCH_ROWS = 2_000
MEMORY_MAX = "512MB"
_TAIL_BYTES = 8
_PATTERN_CHARS = frozenset("*?[")
_SETTINGS = {
    "threads": 1,
    "memory_limit": MEMORY_MAX,
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
# a folder called dt=2026-07-10 must not become a column
_FROM = "FROM read_parquet(?, hive_partitioning = false)"


class NoReaderError(RecordingError):
    """Parquet cannot be read here, since its reader is not installed."""


def installed() -> bool:
    """Whether the extra ``recordings`` is there."""
    return importlib.util.find_spec("duckdb") is not None


def is_one(path: Path) -> bool:
    """Whether a file begins as a parquet file does."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def is_packed(path: Path) -> bool:
    """Whether a file is a gzip archive with parquet in it."""
    try:
        with gzip.open(path) as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, EOFError, zlib.error):
        return False


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns."""
    return tuple(_types(path, _opened(path)))


def rows(
    path: Path, columns: Sequence[str], optional: Collection[str] = ()
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Each row's number and these of its columns, in the file's order.

    A column that is ``optional`` and not there reads as nothing in every row.

    Times come as whole Unix microseconds. No more than a batch of rows is in memory.
    """
    database = _opened(path)
    types = _types(path, database)
    if lacking := set(columns) - set(types) - set(optional):
        raise RecordingError(path, f"the table lacks the columns {', '.join(sorted(lacking))}")
    wanted = ", ".join(_selected(column, types.get(column)) for column in columns)
    _run(path, 0, database.execute, f"SELECT {wanted} {_FROM}", [str(path.resolve())])
    number = 0
    while batch := _run(path, number, database.fetchmany, BATCH_ROWS):
        for cells in batch:
            number += 1
            yield number, cells


def _selected(column: str, kind: str | None) -> str:
    if kind is None:
        return "NULL"
    name = '"' + column.replace('"', '""') + '"'
    return f"epoch_us({name})" if kind.startswith("TIMESTAMP") else name


def _types(path: Path, database: Any) -> dict[str, str]:
    question = f"DESCRIBE SELECT * {_FROM}"
    _run(path, 0, database.execute, question, [str(path.resolve())])
    return {row[0]: row[1] for row in _run(path, 0, database.fetchall)}


def _run(path: Path, number: int, call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    # damage surfaces as almost any exception of the reader, or of Python where it makes values
    except Exception as error:
        why = printable(str(error).partition("\n")[0], 200)
        row = number + 1 if number else 0
        raise RecordingError(path, f"the parquet file is corrupt ({why})", row=row) from None


def _opened(path: Path) -> Any:
    _check_ends(path)
    if _PATTERN_CHARS & set(str(path.resolve())):
        raise RecordingError(path, "its path holds one of * ? [, which mean patterns: rename it")
    try:
        reader: Any = importlib.import_module("duckdb")
    except ImportError:
        how = "pip install 'fit-to-trade[recordings]'"
        raise NoReaderError(path, f"parquet needs a reader that is not installed: {how}") from None
    return reader.connect(config=_SETTINGS)


def _check_ends(path: Path) -> None:
    """Both ends say what they should: a file that was cut short is told as such."""
    try:
        with open(path, "rb") as file:
            begins = file.read(len(MAGIC))
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read(_TAIL_BYTES)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from None
    footer = int.from_bytes(tail[:4], "little")
    if begins != MAGIC or tail[4:] != MAGIC or footer + _TAIL_BYTES + len(MAGIC) > size:
        raise RecordingError(path, "the parquet file is cut short or corrupt: it has no footer")
