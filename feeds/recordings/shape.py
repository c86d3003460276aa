"""How a layout is recognised: by what stands in a file, never by the file's name."""

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from feeds.events import Event
from feeds.recordings.row import Notes

Reader = Callable[[Path, Notes | None], Iterator[Event]]


class Kind(Enum):
    """The three ways in which recordings are written down; the value is for people."""

    TABLE = "a table (CSV)"
    JSON = "JSON"
    PARQUET = "parquet"


class Shape(NamedTuple):
    """One sort of file of a layout.

    A file is of this shape when it is of this kind and has at least these fields, and no other
    shape asks for more of them. ``refusal`` says why there is nothing to import from it.
    """

    layout: str
    what: str
    kind: Kind
    fields: frozenset[str]
    read: Reader | None
    refusal: str = ""


def shape(
    layout: str, what: str, kind: Kind, fields: str, read: Reader | None, refusal: str = ""
) -> Shape:
    """A shape whose fields are given as words."""
    return Shape(layout, what, kind, frozenset(fields.split()), read, refusal)
