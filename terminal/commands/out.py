"""stdout is data, stderr is talk: the only module that writes to either."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPED_WIDTH = 10_000
"""Nobody looks at a pipe's width: every cell is whole there."""
WIDTH_MIN = 20
WORDS_WIDTH_MIN = 18
"""A column of words that is narrower than this, and than its words, is none."""
MEASURE_MAX = 100
"""Lines of prose no longer than this are easy to read."""
_GAP = 2


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


def paragraph(text: str, *, lead: str = "", strong: bool = False) -> None:
    """Prose on stdout, in lines that fit the terminal; in a pipe it is one line.

    ``lead`` stands before the first line, and the others begin below its end. The text is text,
    never markup.
    """
    from rich.text import Text

    width = _width() if _width() == PIPED_WIDTH else min(_width(), MEASURE_MAX)
    console = _console(width)
    for prose in Text(text).wrap(console, width - len(lead), overflow="fold"):
        prose.rstrip()
        prose.stylize("bold" if strong else "")
        console.print(Text(lead) + prose)
        lead = " " * len(lead)
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """A plain table on stdout; columns whose name starts with ">" are aligned right.

    Cells are text, never markup, and none is ever cut: words that don't fit are wrapped, and where
    the terminal is too narrow for columns each row is a paragraph, headed by the column whose name
    starts with "*", else by the first. ``empty`` is said, on stderr, when there are no rows.
    """
    from rich.cells import cell_len

    cells = [tuple(row) for row in rows]
    if not cells:
        talk(empty)
        return
    names = [column.lstrip(">*") for column in columns]
    natural = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    right = [column.startswith(">") for column in columns]
    least = [n if r else min(n, WORDS_WIDTH_MIN) for n, r in zip(natural, right, strict=True)]
    room = _width() - _GAP * (len(columns) - 1)
    if sum(least) <= room:
        _console(_width()).print(_grid(names, right, least, cells, wraps=sum(natural) > room))
        sys.stdout.flush()
    else:
        heads = [number for number, column in enumerate(columns) if column.startswith("*")]
        _paragraphs(names, cells, heads[0] if heads else 0)


def _grid(
    names: Sequence[str],
    right: Sequence[bool],
    least: Sequence[int],
    rows: Sequence[Sequence[str]],
    *,
    wraps: bool,
) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name, figures, width in zip(names, right, least, strict=True):
        justify = "right" if figures else "left"
        shown.add_column(name, justify=justify, no_wrap=figures, min_width=width)  # type: ignore[arg-type]
    for number, row in enumerate(rows):
        if wraps and number:
            shown.add_row()
        shown.add_row(*(Text(cell, overflow="fold") for cell in row))
    return shown


def _paragraphs(names: Sequence[str], rows: Iterable[Sequence[str]], head: int) -> None:
    """Each row with one cell as its head, and the others by their names."""
    for number, row in enumerate(rows):
        if number:
            line("")
        paragraph(row[head], strong=True)
        told = [
            f"{name.lower()} {cell}"
            for at, (name, cell) in enumerate(zip(names, row, strict=True))
            if cell and at != head
        ]
        if told:
            paragraph(" · ".join(told), lead="  ")


def _width() -> int:
    if not sys.stdout.isatty():
        return PIPED_WIDTH
    return max(WIDTH_MIN, shutil.get_terminal_size().columns)


def _console(width: int) -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False)
