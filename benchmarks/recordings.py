"""Books rebuilt from real recordings: how often are they crossed, how often do they agree?

``python -m benchmarks.recordings [FOLDER]`` prints the figures of every file as tables; with
``--write`` it puts them into ``docs/recordings.md``. They are counts, so they are the same on
every machine; what depends on the machine is the speed, which ``run()`` gives beside them.
Without recordings beside the repository, or without a parquet reader, what is missing is left out
and named.
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feeds.book import OrderBook
from feeds.events import BestQuote, BookSnapshot, Event, LevelChange
from feeds.markets import MINUTE
from feeds.recordings import Importer, Notes, NothingToImportError, RecordingError, importer_for

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared" / "data" / "tapes"
PAGE = ROOT / "docs" / "recordings.md"
STATED_MIN = 1_000
"""A handful of changes says nothing of a rebuilt book."""
LEFT_OUT = "Left out: "
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass
class Figures:
    """What replaying one recording showed.

    A message is a book, or changes in sequence of one asset at one time. ``crossed`` counts
    messages, later than the asset's first book where there is one, that left it crossed.
    ``differ`` counts those of the ``later`` books that were not what had been built, ``kept`` books
    after which anything but their own levels stood (never, if a book always wins). ``stated``
    counts changes that state both best prices, ``agree`` those after which ours are the same,
    ``beyond`` those after which one of ours is better than stated (never, if we prune),
    ``unpruned`` what ``agree`` would be without pruning.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    notes: Notes = field(default_factory=Notes)
    first_ns: int = 0
    last_ns: int = 0
    back: int = 0
    messages: int = 0
    crossed: int = 0
    later: int = 0
    differ: int = 0
    kept: int = 0
    stated: int = 0
    agree: int = 0
    beyond: int = 0
    unpruned: int = 0
    crossed_quotes: int = 0
    two_sided_quotes: int = 0

    @property
    def events(self) -> int:
        return self.kinds.total()

    @property
    def minutes(self) -> float:
        return (self.last_ns - self.first_ns) / MINUTE

    @property
    def crossed_share(self) -> float:
        return self.crossed / self.messages if self.messages else 0.0


class Rebuild:
    """Applies events to books and counts."""

    def __init__(self) -> None:
        self.figures = Figures()
        self._books: dict[str, OrderBook] = {}
        self._unpruned: dict[str, OrderBook] = {}
        self._open: tuple[str, int] | None = None

    def take(self, event: Event) -> None:
        """Count one event, and apply it if it touches a book."""
        figures = self.figures
        figures.kinds[type(event).__name__] += 1
        figures.back += event.at_ns < figures.last_ns
        figures.first_ns = figures.first_ns or event.at_ns
        figures.last_ns = max(figures.last_ns, event.at_ns)
        if isinstance(event, LevelChange):
            self._change(event)
        elif isinstance(event, BookSnapshot):
            self._snapshot(event)
        elif isinstance(event, BestQuote) and event.best_bid >= 0 and event.best_ask >= 0:
            figures.two_sided_quotes += 1
            figures.crossed_quotes += event.best_bid >= event.best_ask

    def close(self) -> Figures:
        """The figures, with the last message counted."""
        self._ended()
        return self.figures

    def _book(self, asset_id: str) -> OrderBook:
        return self._books.setdefault(asset_id, OrderBook(asset_id))

    def _change(self, change: LevelChange) -> None:
        key = (change.asset_id, change.venue_ns)
        if key != self._open:
            self._ended()
            self._open = key
        book = self._book(change.asset_id)
        book.apply_change(change)
        if change.best_bid >= 0 and change.best_ask >= 0:
            self._compare(book, change)

    def _compare(self, book: OrderBook, change: LevelChange) -> None:
        figures, stated = self.figures, (change.best_bid, change.best_ask)
        plain = self._unpruned.setdefault(change.asset_id, OrderBook(change.asset_id))
        silent = (change.side, change.price, change.size)
        plain.apply_change(LevelChange(change.at_ns, change.asset_id, change.venue_ns, *silent))
        figures.stated += 1
        figures.agree += (book.best_bid, book.best_ask) == stated
        figures.beyond += book.best_bid > stated[0] or book.best_ask < stated[1]
        figures.unpruned += (plain.best_bid, plain.best_ask) == stated

    def _snapshot(self, snapshot: BookSnapshot) -> None:
        self._ended()
        figures, book = self.figures, self._book(snapshot.asset_id)
        levels = _levels(snapshot)
        figures.later += book.seen
        figures.differ += book.seen and (book.bids, book.asks) != levels
        book.apply_snapshot(snapshot)
        figures.kept += (book.bids, book.asks) != levels
        figures.messages += 1
        figures.crossed += book.crossed

    def _ended(self) -> None:
        """A message of changes is whole: is its book crossed?"""
        if self._open is not None:
            self.figures.messages += 1
            self.figures.crossed += self._books[self._open[0]].crossed
            self._open = None


def _levels(snapshot: BookSnapshot) -> tuple[dict[int, int], dict[int, int]]:
    bids, asks = ({p: s for p, s in side if s} for side in (snapshot.bids, snapshot.asks))
    return bids, asks


def figures_of(importer: Importer) -> Figures:
    """Replay one recording whole."""
    rebuild = Rebuild()
    for event in importer.read(rebuild.figures.notes):
        rebuild.take(event)
    return rebuild.close()


def importers(folder: Path) -> tuple[list[Importer], list[str]]:
    """What can be imported below a folder, and sentences about what can't."""
    found, left = [], []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".md":
            continue
        try:
            found.append(importer_for(path))
        except NothingToImportError:
            continue
        except RecordingError as error:
            left.append(str(error))
    return found, left


def run(folder: Path = BESIDE) -> dict[str, Any]:
    """All files' figures together, and how fast they came."""
    if not folder.is_dir():
        return {"skipped": "no recordings beside the repository"}
    found, left = importers(folder)
    began = time.perf_counter()
    all_figures = [figures_of(importer) for importer in found]
    took = time.perf_counter() - began
    events = sum(figures.events for figures in all_figures)
    return {
        "files": len(found),
        "left_out": len(left),
        "events": events,
        "events_per_s": round(events / took) if took else 0,
        "books_that_did_not_win": sum(figures.kept for figures in all_figures),
        "best_prices_beyond_the_stated": sum(figures.beyond for figures in all_figures),
        "steps_back_in_time": sum(figures.back for figures in all_figures),
    }


# ------------------------------------------------------------------------------------- tables


Rows = list[tuple[Importer, Figures]]


def report(folder: Path) -> str:
    """The figures of every file, as Markdown tables."""
    found, left = importers(folder)
    rows = [(importer, figures_of(importer)) for importer in found]
    built = [(i, f) for i, f in rows if f.kinds["LevelChange"] and f.later]
    stated = [(i, f) for i, f in rows if f.stated >= STATED_MIN and not f.later]
    parts = [
        _table(
            (
                "file",
                ">messages",
                ">minutes",
                ">crossed",
                ">later books that differ",
                ">did not win",
            ),
            [_built(importer, figures) for importer, figures in built],
        ),
        _table(
            ("file", ">changes", ">crossed", ">agree", ">without pruning", ">beyond the stated"),
            [_stated(importer, figures) for importer, figures in stated],
        ),
        _table(
            ("layout", "file", ">events", ">span", "kinds", ">crossed quotes", ">passed over"),
            [_told(importer, figures) for importer, figures in rows],
        ),
    ]
    return "\n\n".join([part for part in parts if part] + [f"{LEFT_OUT}{line}" for line in left])


def _built(importer: Importer, f: Figures) -> tuple[str, ...]:
    differ = f"{f.differ:,} of {f.later:,}"
    crossed = f"{f.crossed_share:.2%}"
    return (_name(importer), f"{f.messages:,}", f"{f.minutes:.0f}", crossed, differ, f"{f.kept}")


def _stated(importer: Importer, f: Figures) -> tuple[str, ...]:
    shares = (f"{part / f.stated:.2%}" for part in (f.crossed, f.agree, f.unpruned))
    return (_name(importer), f"{f.stated:,}", *shares, f"{f.beyond}")


def _told(importer: Importer, f: Figures) -> tuple[str, ...]:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(f.kinds.items()))
    quotes = f"{f.crossed_quotes:,} of {f.two_sided_quotes:,}" if f.two_sided_quotes else "–"
    passed = f"{f.notes.total():,}"
    return (importer.layout, _name(importer), f"{f.events:,}", _span(f), kinds, quotes, passed)


def _span(f: Figures) -> str:
    if not f.first_ns:
        return "–"
    return f"{f.minutes:.0f} min" if f.minutes < 600 else f"{f.minutes / 1_440:,.1f} days"


def _name(importer: Importer) -> str:
    return f"`{importer.path.name}`"


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    names = " | ".join(name.removeprefix(">") for name in columns)
    rules = " | ".join("---:" if name.startswith(">") else "---" for name in columns)
    cells = [" | ".join(row) for row in rows]
    return "\n".join(f"| {line} |" for line in (names, rules, *cells))


def write(page: Path, figures: str) -> None:
    """Put the figures between the two marks of a page."""
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no marks for the figures")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}", encoding="utf-8")


def main(argv: list[str]) -> int:
    """Print the figures, or write them into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recordings")
    parser.add_argument("folder", nargs="?", type=Path, default=BESIDE)
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        print(f"there is no folder {arguments.folder}", file=sys.stderr)
        return 1
    figures = report(arguments.folder)
    if arguments.write and LEFT_OUT in figures:
        print(f"{figures}\nnot written: some files could not be read", file=sys.stderr)
        return 1
    if arguments.write:
        write(PAGE, figures)
    else:
        print(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
