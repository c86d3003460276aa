"""Recordings of a known kind that look a little different read the same, or are refused by name."""

import bz2
import gzip
import lzma
import random
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from feeds.events import BookSnapshot, Event, LevelChange, Print
from feeds.markets import SECOND, Side
from feeds.recordings import Notes, RecordingError, importer_for
from feeds.recordings.row import Row
from tests.feeds.recordings.kit import (
    AT_MS,
    AT_NS,
    L2,
    MS,
    WHOLE_L2,
    events_of,
    parquet_file,
    table,
    ticks,
)

TICKS = "timestamp,price,size,best_bid,best_ask,side,event_type,asset_id"
CHANGE = f"{AT_MS},0.31,198,0.35,0.39,BID,PRICE_CHANGE,1"
TRADE = f"{AT_MS + 5},0.35,12.5,0,0,BID,LAST_TRADE,1"
PLAIN: list[Event] = [
    LevelChange(AT_NS, "1", AT_NS, Side.BUY, 3_100, 198_000_000, 3_500, 3_900),
    Print(AT_NS + 5 * MS, "1", AT_NS + 5 * MS, 3_500, 12_500_000, Side.BUY),
]


def rearranged(header: str, rows: Sequence[str], seed: int) -> tuple[str, list[str]]:
    """The same table with its columns in another order, and a column that nobody asked for."""
    names = [*header.split(","), "more"]
    order = random.Random(seed).sample(range(len(names)), len(names))
    cells = [[*row.split(","), "x"] for row in rows]
    return (
        ",".join(names[at] for at in order),
        [",".join(row[at] for at in order) for row in cells],
    )


@pytest.mark.parametrize("seed", range(5))
def test_columns_may_stand_in_any_order_with_others_between_them(tmp_path: Path, seed: int) -> None:
    plain = events_of(table(tmp_path / "plain", L2, *WHOLE_L2))
    header, rows = rearranged(L2, WHOLE_L2, seed)
    assert events_of(table(tmp_path / "l2", header, *rows)) == plain
    header, rows = rearranged(TICKS, [CHANGE, TRADE], seed)
    assert events_of(table(tmp_path / "ticks", header, *rows)) == PLAIN


def test_changes_and_trades_may_come_as_a_table_and_books_as_parquet(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv.gz", TICKS, CHANGE, TRADE, packed=True)
    assert importer_for(path).layout == "ticks-2026-06"
    assert events_of(path) == PLAIN
    cells = [row.split(",") for row in WHOLE_L2]
    names = L2.split(",")
    columns: dict[str, list[Any]] = {
        name: [row[at] for row in cells] for at, name in enumerate(names)
    }
    columns["price"] = [float(price) for price in columns["price"]]
    columns["timestamp"] = [int(stamp) for stamp in columns["timestamp"]]
    path = parquet_file(tmp_path / "l2.parquet", columns)
    assert importer_for(path).layout == "l2-mlb-2025"
    assert events_of(path) == events_of(table(tmp_path / "l2", L2, *WHOLE_L2))


def test_books_in_a_file_with_stated_best_prices_are_books_all_the_same(tmp_path: Path) -> None:
    rows = [
        f"{AT_MS},0.4,7.5,0.4,0.6,BID,BOOK,1",
        f"{AT_MS},0.6,5,0.4,0.6,ASK,BOOK,1",
        f"{AT_MS + 5},0.41,1,0.41,0.6,BUY,price_change,1",
    ]
    book, change = events_of(table(tmp_path / "t", TICKS, *rows))
    assert isinstance(book, BookSnapshot)
    assert (book.bids, book.asks) == (((4_000, 7_500_000),), ((6_000, 5_000_000),))
    assert isinstance(change, LevelChange)
    assert (change.best_bid, change.best_ask) == (4_100, 6_000)


def test_without_hashes_rows_of_one_asset_and_time_are_one_book(tmp_path: Path) -> None:
    header = L2.replace(",hash", "")
    rows = [",".join(cell for at, cell in enumerate(row.split(",")) if at != 7) for row in WHOLE_L2]
    book, *changes = events_of(table(tmp_path / "l2", header, *rows))
    assert isinstance(book, BookSnapshot)
    assert (book.bids, book.asks) == (((4_000, 7_500_000),), ((6_000, 5_000_000),))
    assert len(changes) == 2


def test_rows_of_a_book_that_stand_there_twice_are_read_once(tmp_path: Path) -> None:
    doubled = [row for row in WHOLE_L2[:2] for _ in range(2)]
    notes = Notes()
    path = table(tmp_path / "l2", L2, *doubled)
    assert list(importer_for(path).read(notes)) == events_of(
        table(tmp_path / "b", L2, *WHOLE_L2[:2])
    )
    assert notes == {"rows of a book that stand there twice": 2}


@pytest.mark.parametrize(
    "stamp",
    [
        str(AT_MS),
        str(AT_MS // 1_000),
        str(AT_MS * 1_000),
        str(AT_MS * 1_000_000),
        f"{AT_MS}.0",
        "1.79E+12",
        "1.79e9",
        "2026-09-21T14:13:20Z",
        "2026-09-21 14:13:20+00",
        "2026-09-21 14:13:20",
    ],
)
def test_a_time_says_its_unit_by_its_size(tmp_path: Path, stamp: str) -> None:
    row = CHANGE.replace(str(AT_MS), stamp)
    assert events_of(table(tmp_path / "t", TICKS, row)) == PLAIN[:1]


@pytest.mark.parametrize(
    "stamp",
    [AT_MS, AT_MS // 1_000, AT_MS * 1_000, AT_MS * 1_000_000, float(AT_MS), AT_MS / 1_000],
)
def test_so_it_does_in_parquet(tmp_path: Path, stamp: float) -> None:
    first, *_ = events_of(ticks(tmp_path / "t.parquet", timestamp=[stamp, stamp, stamp]))
    assert first.at_ns == AT_NS


@pytest.mark.parametrize("stamp", ["", "nan", "inf", "-1", "0", "12", "1e400", "9" * 50, "today"])
def test_a_time_that_can_be_none_is_refused_with_what_would_do(tmp_path: Path, stamp: str) -> None:
    path = table(tmp_path / "t", TICKS, CHANGE, CHANGE.replace(str(AT_MS), stamp))
    with pytest.raises(RecordingError, match=r"t, row 2, timestamp: expected a time \(Unix s"):
        events_of(path)


@pytest.mark.parametrize(
    ("price", "size"),
    [
        ("0.310", "198.0"),
        ("3.1e-1", "1.98e2"),
        (".31", "198.000000"),
        ("0.31000000000000005", "198.00000000000003"),
        (" 0.31", " 198"),
    ],
)
def test_a_number_may_be_written_in_many_ways(tmp_path: Path, price: str, size: str) -> None:
    row = CHANGE.replace(",0.31,198,", f",{price},{size},")
    assert events_of(table(tmp_path / "t", TICKS, row)) == PLAIN[:1]


def test_decimals_of_a_parquet_file_are_numbers(tmp_path: Path) -> None:
    row = Row(tmp_path / "t")
    assert row.price("price", Decimal("0.310")) == 3_100
    assert row.size("size", Decimal("198.5")) == 198_500_000


@pytest.mark.parametrize(
    ("cells", "field", "says"),
    [
        (",nan,198,", "price", "nan"),
        (",,198,", "price", "expected a number, found nothing"),
        (",0.31,NaN,", "size", "expected a size"),
        (",0.31,,", "size", "expected a number, found nothing"),
        (",0.31,inf,", "size", "expected a size"),
        (",0.31,-5,", "size", "expected a size"),
        (",1.31,198,", "price", "1.31"),
        (",0.31234,198,", "price", "more than four decimals"),
        (",31e-6,198,", "price", "more than four decimals"),
        (",thirty,198,", "price", "thirty"),
    ],
)
def test_a_number_that_can_be_none_is_refused_by_row_and_field(
    tmp_path: Path, cells: str, field: str, says: str
) -> None:
    path = table(tmp_path / "t", TICKS, CHANGE, CHANGE.replace(",0.31,198,", cells))
    with pytest.raises(RecordingError, match=f"row 2, {field}: ") as refused:
        events_of(path)
    assert says in str(refused.value)


@pytest.mark.parametrize("nothing", ["", "nan", "NaN"])
def test_best_prices_that_were_not_recorded_are_unsaid(tmp_path: Path, nothing: str) -> None:
    row = CHANGE.replace("0.35,0.39", f"{nothing},{nothing}")
    (change,) = events_of(table(tmp_path / "t", TICKS, row))
    assert isinstance(change, LevelChange)
    assert (change.best_bid, change.best_ask) == (-1, -1)


def test_not_a_number_in_parquet_is_unsaid_too(tmp_path: Path) -> None:
    nan = float("nan")
    first, *_ = events_of(ticks(tmp_path / "t.parquet", best_bid=[nan, 0.61, nan]))
    assert isinstance(first, LevelChange)
    assert first.best_bid == -1


@pytest.mark.parametrize("side", ["BID", "bid", "Bid", "BUY", "buy", "Buy"])
def test_sides_are_spelt_in_many_ways(tmp_path: Path, side: str) -> None:
    assert events_of(table(tmp_path / "t", TICKS, CHANGE.replace("BID", side))) == PLAIN[:1]


def test_empty_lines_and_other_ends_of_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("\r\n".join(["\ufeff" + TICKS, CHANGE, "", TRADE, "", ""]), encoding="utf-8")
    assert events_of(path) == PLAIN


def test_assets_one_after_the_other_come_in_order_of_time(tmp_path: Path) -> None:
    later = [CHANGE.replace(str(AT_MS), str(AT_MS + 1_000 * n)) for n in range(200)]
    other = [row[:-1] + "2" for row in later]
    times = [event.at_ns for event in events_of(table(tmp_path / "t", TICKS, *later, *other))]
    assert times == sorted(times)
    assert times[-1] - times[0] == 199 * SECOND


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    header = L2.replace("side,", "")
    with pytest.raises(RecordingError, match=r"no layout that is known here.*event_type, price"):
        importer_for(table(tmp_path / "l2", header))


def test_other_archives_are_refused_with_what_to_do(tmp_path: Path) -> None:
    text = "\n".join([L2, *WHOLE_L2]).encode()
    with zipfile.ZipFile(tmp_path / "zip", "w") as file:
        file.writestr("l2.csv", text)
    (tmp_path / "bz2").write_bytes(bz2.compress(text))
    (tmp_path / "xz").write_bytes(lzma.compress(text))
    (tmp_path / "zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    (tmp_path / "parquet.gz").write_bytes(gzip.compress(b"PAR1" + bytes(20)))
    for name in ("zip", "bz2", "xz", "zst", "parquet.gz"):
        with pytest.raises(RecordingError, match="unpack it first"):
            importer_for(tmp_path / name)
