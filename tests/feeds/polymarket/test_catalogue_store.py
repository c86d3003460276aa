"""The catalogue's shelf: what was put there comes back whole, or not at all."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.markets import Market
from feeds.polymarket.catalogue_store import MARKETS_A_BLOCK, CatalogueStore, CatalogueStoreError

from .test_gamma import market

HERE = "practice http://127.0.0.1:1"


def markets(count: int) -> list[Market]:
    plain = market(question="Küçük soru “q”?")
    return [
        msgspec.structs.replace(plain, condition_id=f"0x{number:064x}") for number in range(count)
    ]


def test_what_was_kept_comes_back_equal(tmp_path: Path) -> None:
    shelf = CatalogueStore(tmp_path / "catalogue.msgpack", HERE)
    assert shelf.load() is None
    kept = markets(2 * MARKETS_A_BLOCK + 1)
    shelf.save(kept, 17, 18, {"ai": "Mg=="})
    told = shelf.load()
    assert told is not None
    assert (list(told.markets), told.as_of_ns, told.saved_ns) == (kept, 17, 18)
    assert told.cursors == {"ai": "Mg=="}
    assert [file.name for file in tmp_path.iterdir()] == ["catalogue.msgpack"]


def test_another_venues_shelf_is_not_used_and_a_sentence_says_so(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.msgpack"
    CatalogueStore(path, HERE).save(markets(1), 17, 18)
    with pytest.raises(CatalogueStoreError, match="of another venue; the catalogue is read anew"):
        CatalogueStore(path, "production").load()


def test_a_file_of_another_kind_or_an_empty_one_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.msgpack"
    for contents in (b"", b"{}", b"FTTSHELF\x02" + bytes(50), b"FTTSHELF\x01"):
        path.write_bytes(contents)
        with pytest.raises(CatalogueStoreError, match=r"catalogue\.msgpack: it is "):
            CatalogueStore(path, HERE).load()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_is_overlooked_and_none_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.msgpack"
    shelf = CatalogueStore(path, HERE)
    shelf.save(markets(3), 17, 18, {"ai": "x"})
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        flipped = whole[at] ^ data.draw(st.integers(1, 255))
        path.write_bytes(whole[:at] + bytes([flipped]) + whole[at + 1 :])
    with pytest.raises(CatalogueStoreError):
        shelf.load()


def test_a_disk_that_takes_nothing_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.msgpack"
    shelf = CatalogueStore(path, HERE)
    shelf.save(markets(1), 17, 18)
    path.with_suffix(".new").mkdir()
    with pytest.raises(CatalogueStoreError, match="cannot be kept"):
        shelf.save(markets(2), 19, 20)
    told = shelf.load()
    assert told is not None
    assert told.as_of_ns == 17
