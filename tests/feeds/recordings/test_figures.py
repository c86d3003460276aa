"""The benchmark's own counting, on recordings small enough to count by hand."""

from pathlib import Path

import pytest

from benchmarks import recordings
from feeds.recordings import importer_for
from tests.feeds.recordings.kit import AT_MS, L2, l2_row, table


def test_messages_crossings_and_books_are_counted_as_by_hand(tmp_path: Path) -> None:
    path = table(
        tmp_path / "game.csv",
        L2,
        l2_row("book", "0.6", "ask", "5"),
        l2_row("book", "0.4", "bid", "5"),
        # crossed only between its two rows, so not crossed
        l2_row("price_change", "0.6", "bid", "1", "b", AT_MS + 1),
        l2_row("price_change", "0.6", "ask", "0", "b", AT_MS + 1),
        l2_row("price_change", "0.5", "ask", "1", "c", AT_MS + 2),
        l2_row("book", "0.5", "ask", "1", "d", AT_MS + 3),
        l2_row("book", "0.4", "bid", "5", "d", AT_MS + 3),
    )
    figures = recordings.figures_of(importer_for(path))
    assert (figures.messages, figures.crossed) == (4, 1)
    assert (figures.later, figures.differ, figures.kept) == (1, 1, 0)


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    assert "skipped" in recordings.run(tmp_path / "nothing")


def test_what_cannot_be_imported_is_named_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "odd.bin").write_bytes(b"a,b\n1,2\n")
    assert "no layout that is known" in recordings.report(tmp_path)


def test_figures_are_written_between_the_marks_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{recordings.BEGIN}\nold\n{recordings.END}\nafter\n")
    recordings.write(page, "new")
    assert page.read_text() == f"before\n{recordings.BEGIN}\nnew\n{recordings.END}\nafter\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("words\n")
    with pytest.raises(ValueError, match="no marks"):
        recordings.write(page, "new")
    assert page.read_text() == "words\n"
