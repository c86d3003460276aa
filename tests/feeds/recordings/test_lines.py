"""Tables and JSON of any size and writing; damage is told with its row."""

import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.recordings import lines
from feeds.recordings.errors import RecordingError

SOME = [{"a": 1}, {"b": [{"c": "]},{"}], "d": "x" * 50}, {}]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, SOME)),
        json.dumps(SOME),
        json.dumps(SOME, indent=4),
        json.dumps(SOME[:1]) + "\n" + json.dumps(SOME[1:]),
        "\ufeff" + json.dumps(SOME) + "\n\n",
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
def test_objects_are_found_however_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, chunk: int
) -> None:
    monkeypatch.setattr(lines, "CHUNK_CHARS", chunk)
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    found = list(lines.objects(path))
    assert [value.value for value in found] == SOME
    assert [json.loads(value.raw) for value in found] == SOME
    assert [value.row for value in found] == [1, 2, 3]


def test_an_object_longer_than_a_chunk_is_read_in_few_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHUNK_CHARS", 64)
    path = tmp_path / "file"
    path.write_text(json.dumps({"long": "y" * 300_000}))
    (whole,) = lines.objects(path)
    assert len(whole.raw) > 300_000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"a": 1}\n{"a": ', "row 2: expected a JSON object"),
        (b'{"a": 1}\n17', "row 2: expected a JSON object"),
        (b'{"a": 1}\n{"a": \xff}', "row 1: expected UTF-8"),
        (b'{"a":' * 100_000, "row 1: expected a JSON object"),
        (gzip.compress(b'{"a": 1}' * 1_000, mtime=0)[:-20], "cut short"),
        (b"\x1f\x8b\x08\x00garbage that is no archive", "cut short|corrupt"),
    ],
)
def test_damage_is_told_with_its_row(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=says):
        list(lines.objects(path))


def test_a_folder_or_nothing_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RecordingError, match="cannot be read"):
            list(lines.objects(path))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_CHARS_MAX", 100)
    path = tmp_path / "file"
    path.write_text("a,b\n" + "1" * 200 + ",2\n")
    with pytest.raises(RecordingError, match="more than 100 characters"):
        list(lines.table(path, ("a",)))


def test_an_object_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "OBJECT_CHARS_MAX", 100)
    monkeypatch.setattr(lines, "CHUNK_CHARS", 10)
    path = tmp_path / "file"
    path.write_text('{"a": "' + "1" * 1_000_000)
    with pytest.raises(RecordingError, match="row 1: expected a JSON object"):
        list(lines.objects(path))


def test_lacking_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match="lacks the columns c, d"):
        list(lines.table(path, ("a", "d", "c")))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "file"
    path.write_bytes(data)
    for read in (lines.objects, lambda path: lines.table(path, ())):
        with contextlib.suppress(RecordingError):
            list(read(path))
