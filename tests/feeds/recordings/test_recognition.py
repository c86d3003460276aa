"""A layout is recognised by what stands in a file; an unknown one is told in a sentence."""

import contextlib
import shutil
import sys
from pathlib import Path

import pytest

from feeds.events import Tick
from feeds.recordings import (
    SHAPES,
    NoReaderError,
    NothingToImportError,
    RecordingError,
    importer_for,
    parquet,
)
from feeds.tape import TapeWriter
from tests.feeds.recordings.kit import L2, WHOLE_L2, lines, table, ticks

LAYOUTS = {
    "frames-2026-08",
    "l2-mlb-2025",
    "ticks-2026-06",
    "books-2025-12",
    "books5-2026-02",
    "quotes-2026-07",
    "snapshots-2026-01",
    "btc5m-markets",
    "impact-crises",
    "impact-resolution",
    "impact-newslag",
}


def test_every_layout_has_an_importer() -> None:
    assert {shape.layout for shape in SHAPES if shape.read} == LAYOUTS


def test_every_recorded_file_is_recognised_whatever_its_name(
    shared_data: Path, tmp_path: Path
) -> None:
    files = [path for path in (shared_data / "tapes").glob("*/*") if path.suffix != ".md"]
    assert files
    for path in files:
        if path.suffix == ".parquet" and not parquet.installed():
            continue
        (nameless := tmp_path / "recording").unlink(missing_ok=True)
        shutil.copy(path, nameless)
        folder = "quotes-2026-07" if path.parent.name.startswith("quotes-") else path.parent.name
        with contextlib.suppress(NothingToImportError):
            assert importer_for(nameless).layout == folder, path


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"a,b\n1,2\n", r"no layout that is known here: a table \(CSV\), fields a, b"),
        (b'{"x": 1, "y": 2}\n', "no layout that is known here: JSON, fields x, y"),
        (b"[]", "no layout that is known here: JSON, fields none"),
        (b"# Notes\n\nwords\n", "no layout that is known here"),
        (b"\x00\x01\x02\xff\xfe", "expected UTF-8 text"),
        (b"PAR1 but not for long", "it has no footer"),
        (b"{broken", "expected a JSON object"),
    ],
)
def test_what_is_not_known_gets_a_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=says):
        importer_for(path)


def test_a_missing_file_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
        importer_for(tmp_path / "nothing")


def test_a_tape_of_ours_is_told_apart(tmp_path: Path) -> None:
    with TapeWriter(path := tmp_path / "a.tape", {}) as writer:
        writer.append(Tick(1))
    with pytest.raises(NothingToImportError, match="ftt tape merge"):
        importer_for(path)


def test_files_about_a_recording_are_told_apart_from_it(tmp_path: Path) -> None:
    path = table(tmp_path / "health", "timestamp,markets_fetched,wss_hits", "2026,1,2")
    with pytest.raises(NothingToImportError, match="health record"):
        importer_for(path)


def test_the_shape_that_asks_for_most_wins(tmp_path: Path) -> None:
    # a table of books has the three columns of odds around resolutions as well
    columns = f"{L2},market_condition_id,timestamp_utc"
    rows = [f"{row},0xa,2026-01-01T00:00:00+00:00" for row in WHOLE_L2]
    assert importer_for(table(tmp_path / "both", columns, *rows)).layout == "l2-mlb-2025"


def test_without_the_reader_the_fix_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + bytes(20) + (4).to_bytes(4, "little") + b"PAR1")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(NoReaderError, match=r"pip install 'fit-to-trade\[recordings\]'"):
        importer_for(path)


def test_a_path_that_would_be_a_pattern_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t*.parquet"
    path.write_bytes(ticks(tmp_path / "t.parquet").read_bytes())
    with pytest.raises(RecordingError, match="rename it"):
        importer_for(path)


def test_a_folder_that_names_a_partition_adds_no_column(tmp_path: Path) -> None:
    (folder := tmp_path / "dt=2026-07-10").mkdir()
    assert importer_for(ticks(folder / "t.parquet")).layout == "ticks-2026-06"
    assert "dt" not in parquet.columns_of(folder / "t.parquet")


def test_objects_in_an_array_are_recognised_as_lines_are(tmp_path: Path) -> None:
    item = {"published": "2026-01-01T00:00:00Z", "title": "T", "source": "S", "url": ""}
    assert importer_for(lines(tmp_path / "n", [item, item])).layout == "quotes-2026-07"
