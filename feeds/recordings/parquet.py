"""Parquet, a row at a time, through the small reader of the extra ``recordings``."""

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from feeds.recordings.errors import RecordingError
from feeds.text import printable

MAGIC = b"PAR1"
_TAIL_BYTES = 8


class NoReaderError(RecordingError):
    """Parquet cannot be read here, since its reader is not installed."""


def installed() -> bool:
    """Whether the extra ``recordings`` is there."""
    return importlib.util.find_spec("arro3") is not None


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns."""
    return tuple(_opened(path).schema.names)


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Each row's number and these of its columns. Never more than one batch is in memory."""
    batches = _opened(path)
    if lacking := set(columns) - set(batches.schema.names):
        raise RecordingError(path, f"the table lacks the columns {', '.join(sorted(lacking))}")
    number = 0
    while (batch := _next(path, batches, number)) is not None:
        lists = [_cells(path, batch, column) for column in columns]
        for number, cells in enumerate(zip(*lists, strict=True), number + 1):  # noqa: B020
            yield number, cells


def _next(path: Path, batches: Any, number: int) -> Any:
    try:
        return next(batches, None)
    # the reader raises bare exceptions: there is no narrower class to name
    except Exception as error:
        why = printable(str(error), 200)
        raise RecordingError(path, f"the file is corrupt ({why})", row=number + 1) from None


def _cells(path: Path, batch: Any, column: str) -> list[Any]:
    try:
        cells: list[Any] = batch.column(column).to_pylist()
    except Exception as error:
        raise RecordingError(path, printable(str(error), 200), field=column) from None
    return cells


def _opened(path: Path) -> Any:
    _check_ends(path)
    try:
        reader: Any = importlib.import_module("arro3.io")
    except ImportError:
        how = "pip install 'fit-to-trade[recordings]'"
        raise NoReaderError(path, f"parquet needs a reader that is not installed: {how}") from None
    try:
        return reader.read_parquet(str(path))
    except BaseException as error:
        # a broken footer ends in the reader's own panic, which is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        why = printable(str(error).partition("Err` value: ")[2] or str(error), 200)
        raise RecordingError(path, f"the file is corrupt ({why})") from None


def _check_ends(path: Path) -> None:
    """Both ends say what they should: nearly every damaged file is found here, quietly."""
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
