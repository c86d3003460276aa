"""Tables and JSON of any size, packed or not, a row at a time.

Whatever can be wrong with bytes (a torn archive, bytes that are no UTF-8, a line without end)
becomes a ``RecordingError`` with the row.
"""

import csv
import gzip
import json
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from feeds.recordings.errors import RecordingError
from feeds.text import printable

GZIP = b"\x1f\x8b"
LINE_CHARS_MAX = 1_000_000
OBJECT_CHARS_MAX = 16_000_000
CHUNK_CHARS = 1 << 18
_BETWEEN = re.compile(r"[\s,\[\]\ufeff]*")
_decode_object = json.JSONDecoder().raw_decode


class Value(NamedTuple):
    """One JSON object of a file: which one, decoded, and as it was written."""

    row: int
    value: dict[str, Any]
    raw: str


class _At:
    """How far a file has been read, for the error that ends it."""

    def __init__(self) -> None:
        self.row = 0


@contextmanager
def _text(path: Path) -> Iterator[tuple[TextIO, _At]]:
    at = _At()
    try:
        with open(path, "rb") as bare:
            packed = bare.read(2) == GZIP
            bare.seek(0)
            file = gzip.GzipFile(fileobj=bare) if packed else bare
            with TextIOWrapper(file, encoding="utf-8", newline="") as text:
                yield text, at
    except UnicodeDecodeError:
        raise RecordingError(path, "expected UTF-8 text", row=at.row + 1) from None
    except EOFError:
        raise RecordingError(path, "the archive is cut short", row=at.row + 1) from None
    except (gzip.BadGzipFile, zlib.error):
        raise RecordingError(path, "the archive is corrupt", row=at.row + 1) from None
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})") from None


# ------------------------------------------------------------------------------------- tables


def heading(path: Path) -> tuple[str, ...]:
    """The names of a table's columns."""
    with _text(path) as (file, _):
        try:
            names = next(csv.reader(_lines(path, file)), [])
        except csv.Error as error:
            raise RecordingError(path, f"this is no table ({error})") from None
    return tuple(name.strip().removeprefix("\ufeff") for name in names)


def table(
    path: Path, columns: Sequence[str], optional: Collection[str] = ()
) -> Iterator[tuple[int, list[str]]]:
    """Each row's number and these of its columns.

    A column that is ``optional`` and not there reads as "" in every row; empty lines are none.
    """
    with _text(path) as (file, at):
        rows = csv.reader(_lines(path, file))
        try:
            names = [name.strip().removeprefix("\ufeff") for name in next(rows, [])]
            places = _places(path, names, columns, optional)
            for at.row, cells in enumerate(rows, 1):
                if not cells:
                    continue
                if len(cells) != len(names):
                    what = f"expected {len(names)} fields, found {len(cells)}"
                    raise RecordingError(path, what, row=at.row)
                yield at.row, ["" if place is None else cells[place] for place in places]
        except csv.Error as error:
            raise RecordingError(path, str(error), row=at.row + 1) from None


def _places(
    path: Path, names: list[str], columns: Sequence[str], optional: Collection[str]
) -> list[int | None]:
    if lacking := set(columns) - set(names) - set(optional):
        said = ", ".join(sorted(lacking))
        raise RecordingError(path, f"the table lacks the columns {said}")
    return [names.index(column) if column in names else None for column in columns]


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    while line := file.readline(LINE_CHARS_MAX):
        if len(line) == LINE_CHARS_MAX:
            raise RecordingError(path, f"a line has more than {LINE_CHARS_MAX:,} characters")
        yield line


# --------------------------------------------------------------------------------------- JSON


def objects(path: Path) -> Iterator[Value]:
    """The objects of a file one by one: JSON lines, an array, or lines that hold arrays."""
    with _text(path) as (file, at):
        text, start, ended = "", 0, False
        while True:
            start = _skipped(text, start)
            try:
                value, end = _decode_object(text, start)
            except (ValueError, RecursionError) as error:
                if ended or len(text) - start > OBJECT_CHARS_MAX:
                    if start == len(text):
                        return
                    raise _no_object(path, at.row, error) from None
                # twice as much each time: an object of any length is tried only a few times
                more = file.read(max(CHUNK_CHARS, len(text) - start))
                text, start, ended = text[start:] + more, 0, not more
                continue
            if not isinstance(value, dict):
                raise _no_object(path, at.row, TypeError("found another value"))
            at.row += 1
            yield Value(at.row, value, text[start:end])
            start = end


def _skipped(text: str, start: int) -> int:
    match = _BETWEEN.match(text, start)
    return match.end() if match else start


def _no_object(path: Path, row: int, error: Exception) -> RecordingError:
    why = "it nests too deeply" if isinstance(error, RecursionError) else printable(str(error), 80)
    return RecordingError(path, f"expected a JSON object ({why})", row=row + 1)


def begins(path: Path) -> str:
    """The first character that is neither blank nor a byte order mark; "" for an empty file."""
    with _text(path) as (file, _):
        while chunk := file.read(CHUNK_CHARS):
            if words := chunk.lstrip("\ufeff \t\r\n"):
                return words[0]
    return ""
