"""stdout is data, stderr is talk: the only module that writes to either."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

PIPED_WIDTH = 10_000
"""Nobody looks at a pipe's width: every cell is whole there."""


def data(value: Any) -> None:
    """One JSON value on a line of its own."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def line(text: str) -> None:
    """One line of plain text on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def talk(text: str) -> None:
    """One line for the person, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """A plain table on stdout; columns whose name starts with ">" are aligned right.

    Cells are text, never markup. ``empty`` is said, on stderr, when there are no rows.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        # figures are never cut; words give way first
        shown.add_column(
            column.removeprefix(">"), justify="right" if right else "left", no_wrap=right
        )
    count = 0
    for row in rows:
        shown.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
        count += 1
    if count == 0:
        talk(empty)
        return
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPED_WIDTH).print(shown)
