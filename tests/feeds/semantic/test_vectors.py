"""Vectors on disk: found again, mended, never trusted further than they can be read."""

from pathlib import Path

import numpy
import pytest

from feeds.semantic.vectors import KEY_BYTES, VectorCache

SIZE = 8
ONE = numpy.linspace(-1, 1, SIZE, dtype=numpy.float16)


def filled(path: Path) -> VectorCache:
    cache = VectorCache(path, SIZE)
    cache.put(["one", "two"], numpy.stack([ONE, -ONE]))
    return cache


def test_a_vector_is_found_again_by_another_run(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "some.vectors"
    filled(path)
    again = VectorCache(path, SIZE)
    assert len(again) == 2
    assert (again.get("one") == ONE).all()
    assert (again.get("two") == -ONE).all()
    assert again.get("three") is None


@pytest.mark.parametrize("cut", [1, KEY_BYTES, KEY_BYTES + 2 * SIZE - 1])
def test_a_record_torn_by_a_crash_is_cut_off_and_the_next_one_fits(
    tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "some.vectors"
    filled(path)
    path.write_bytes(path.read_bytes()[:-cut])
    torn = VectorCache(path, SIZE)
    assert (len(torn), torn.get("two")) == (1, None)
    torn.put(["three"], ONE[None])
    again = VectorCache(path, SIZE)
    assert len(again) == 2
    assert (again.get("three") == ONE).all()


def test_a_disk_that_takes_nothing_costs_only_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    cache = VectorCache(tmp_path / "folder" / "some.vectors", SIZE)
    cache.put(["one"], ONE[None])
    assert (cache.get("one") == ONE).all()


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    cache = VectorCache(None, SIZE)
    cache.put(["one"], ONE[None])
    assert (cache.get("one") == ONE).all()
    assert list(tmp_path.iterdir()) == []
