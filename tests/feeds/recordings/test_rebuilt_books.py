"""Books rebuilt from the recordings beside the repository, with the measurements that came along.

The recordings' own page says how often a book rebuilt by their collector's rules is crossed; ours
must not be crossed more often. No file has a rule of its own here.
"""

import csv
import gzip
import re
from pathlib import Path

import pytest

from benchmarks import recordings
from benchmarks.recordings import Figures, figures_of
from feeds.events import BookSnapshot, LevelChange
from feeds.recordings import importer_for, l2_mlb_2025
from tests.feeds.recordings.kit import events_of, needs_parquet

CROSSED_MAX = 0.05
"""Where the page has no figure for a file: the worst that it has for any."""


@pytest.fixture(scope="module")
def tapes(shared_data: Path) -> Path:
    return shared_data / "tapes"


@pytest.fixture(scope="module")
def rebuilt(tapes: Path) -> dict[str, Figures]:
    """The figures of every recording of books and changes."""
    files = sorted((tapes / l2_mlb_2025.LAYOUT).iterdir())
    return {path.name: figures_of(importer_for(path)) for path in files}


def measured(tapes: Path) -> dict[str, tuple[int, float]]:
    """From the recordings' own page: messages, and the share of them that left a book crossed."""
    rows = re.findall(
        r"^\| `(\S+)` \| \d+ \| (\d+) \| .*? \| \d+ \| ([\d.]+)% \|",
        (tapes / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return {name: (int(messages), float(share) / 100) for name, messages, share in rows}


def test_books_are_uncrossed_at_least_as_often_as_was_measured(
    tapes: Path, rebuilt: dict[str, Figures]
) -> None:
    known = measured(tapes)
    assert known
    for name, figures in rebuilt.items():
        messages, share = known.get(name, (figures.messages, CROSSED_MAX))
        assert figures.messages == messages, name
        assert round(figures.crossed_share, 4) <= share, name


def test_a_later_book_always_wins(rebuilt: dict[str, Figures]) -> None:
    assert sum(figures.later for figures in rebuilt.values()) > 1_000
    assert all(figures.kept == 0 for figures in rebuilt.values())


def test_times_never_run_back(rebuilt: dict[str, Figures]) -> None:
    assert all(figures.back == 0 for figures in rebuilt.values())


def test_every_row_of_a_table_is_told_once(tapes: Path) -> None:
    for path in sorted((tapes / l2_mlb_2025.LAYOUT).iterdir())[:3]:
        with gzip.open(path, "rt") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        told = 0
        for event in events_of(path):
            if isinstance(event, BookSnapshot):
                told += len(event.bids) + len(event.asks)
            else:
                assert isinstance(event, LevelChange)
                told += 1
        assert told == rows, path.name


def test_levels_beyond_the_stated_best_are_pruned(tapes: Path) -> None:
    needs_parquet()
    for path in sorted((tapes / "ticks-2026-06").glob("*.parquet")):
        figures = figures_of(importer_for(path))
        assert figures.beyond == 0
        assert figures.crossed == 0
        assert figures.agree / figures.stated > 0.95
        assert figures.unpruned < figures.agree
        assert figures.back == 0


@pytest.mark.slow
def test_every_recording_is_read_to_its_end_and_the_page_says_what_was_found(tapes: Path) -> None:
    needs_parquet()
    page = recordings.PAGE.read_text(encoding="utf-8")
    stands = page.partition(recordings.BEGIN)[2].partition(recordings.END)[0]
    assert stands.strip() == recordings.report(tapes), "python -m benchmarks.recordings --write"


@pytest.mark.slow
def test_all_recordings_together_keep_every_promise(tapes: Path) -> None:
    needs_parquet()
    totals = recordings.run(tapes)
    assert totals["events"] > 1_000_000
    assert totals["books_that_did_not_win"] == 0
    assert totals["best_prices_beyond_the_stated"] == 0
    assert totals["steps_back_in_time"] == 0
