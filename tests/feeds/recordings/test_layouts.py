"""Each foreign layout becomes the events it tells of; what makes no sense is refused by name."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feeds.events import (
    BestQuote,
    BookSnapshot,
    Gap,
    LevelChange,
    MarketSeen,
    OddsPoint,
    Print,
    Story,
    TickSizeChange,
)
from feeds.markets import MINUTE, SECOND, MarketState, Side
from feeds.recordings import Notes, RecordingError, importer_for
from feeds.recordings.books_2025_12 import asset_of
from tests.feeds.recordings.kit import (
    AT_MS,
    AT_NS,
    L2,
    MS,
    WHOLE_L2,
    events_of,
    five_levels,
    l2_row,
    lines,
    parquet_file,
    quotes,
    table,
    ticks,
    when,
)

Columns = dict[str, list[Any]]
STAMP = str(AT_MS)
BOOK = {
    "event_type": "book",
    "asset_id": "1",
    "timestamp": STAMP,
    "bids": [{"price": "0.3", "size": "10"}],
    "asks": [],
}
CHANGE = {
    "event_type": "price_change",
    "timestamp": STAMP,
    "price_changes": [
        {"asset_id": "1", "price": "0.3", "size": "0", "side": "BUY", "best_bid": "0.2"}
    ],
}


# ----------------------------------------------------------------------------------- raw frames


def test_frames_become_the_events_that_the_stream_would_tell(tmp_path: Path) -> None:
    tick = {
        "event_type": "tick_size_change",
        "asset_id": "1",
        "old_tick_size": "0.01",
        "new_tick_size": "0.001",
        "timestamp": STAMP,
    }
    path = lines(tmp_path / "f", [BOOK, CHANGE], tick)
    assert events_of(path) == [
        BookSnapshot(AT_NS, "1", AT_NS, ((3_000, 10_000_000),), ()),
        LevelChange(AT_NS, "1", AT_NS, Side.BUY, 3_000, 0, 2_000, -1),
        TickSizeChange(AT_NS, "1", 100, 10),
    ]


def test_a_frame_was_heard_no_earlier_than_the_frames_above_it(tmp_path: Path) -> None:
    late = BOOK | {"timestamp": str(AT_MS - 2_000)}
    first, second = events_of(lines(tmp_path / "f", BOOK, late))
    assert isinstance(second, BookSnapshot)
    assert (first.at_ns, second.at_ns, second.venue_ns) == (AT_NS, AT_NS, AT_NS - 2 * SECOND)


def test_stretches_that_were_glued_together_come_in_order_of_time(tmp_path: Path) -> None:
    earlier = BOOK | {"timestamp": str(AT_MS - 3_600_000), "asset_id": "2"}
    found = [event.at_ns for event in events_of(lines(tmp_path / "f", BOOK, earlier))]
    assert found == [AT_NS - 60 * MINUTE, AT_NS]


def test_frames_of_unknown_kinds_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = lines(tmp_path / "f", BOOK, {"event_type": "confetti"}, {"event_type": "new_market"})
    notes = Notes()
    assert len(list(importer_for(path).read(notes))) == 1
    assert notes.total() == 2


# ----------------------------------------------------------------------------- books and changes

TOLD = [
    BookSnapshot(AT_NS, "77", AT_NS, ((4_000, 7_500_000),), ((6_000, 5_000_000),), "a1"),
    LevelChange(AT_NS + 5 * MS, "77", AT_NS + 5 * MS, Side.BUY, 4_100, 1_000_000),
    LevelChange(AT_NS + 5 * MS, "77", AT_NS + 5 * MS, Side.SELL, 6_000, 0),
]


@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_one_book_become_one_snapshot(tmp_path: Path, packed: bool) -> None:
    assert events_of(table(tmp_path / "l2", L2, *WHOLE_L2, packed=packed)) == TOLD


def test_the_later_layout_says_the_same(tmp_path: Path) -> None:
    columns = "market_slug,market_id,asset_id,outcome_name,event_type,price,side,size,hash"
    sides = {"ask": "SELL", "bid": "BUY"}
    rows = []
    for row in WHOLE_L2:
        slug, asset, market, kind, price, side, size, digest, stamp = row.split(",")
        cells = (slug, market, asset, "Cubs", kind, price, sides[side], size, digest, stamp)
        rows.append(",".join(cells))
    assert events_of(table(tmp_path / "l2", f"{columns},timestamp", *rows)) == TOLD


def test_a_book_sent_twice_is_two_books(tmp_path: Path) -> None:
    found = events_of(table(tmp_path / "l2", L2, *WHOLE_L2[:2], *WHOLE_L2[:2]))
    assert found == [TOLD[0], TOLD[0]]


def test_rows_of_unknown_kinds_are_passed_over_whatever_they_hold(tmp_path: Path) -> None:
    odd = l2_row("tick_size_change", "", "", "", ms=0)
    path, notes = table(tmp_path / "l2", L2, WHOLE_L2[0], odd, *WHOLE_L2[1:]), Notes()
    assert list(importer_for(path).read(notes)) == TOLD
    assert notes == {"rows of the kind 'tick_size_change'": 1}


def test_the_last_book_of_a_file_is_told_too(tmp_path: Path) -> None:
    assert events_of(table(tmp_path / "l2", L2, *WHOLE_L2[:2])) == TOLD[:1]


# ------------------------------------------------------------------------------ changes by row


def test_rows_of_changes_and_trades_keep_their_order(tmp_path: Path) -> None:
    up, down, trade = events_of(ticks(tmp_path / "t.parquet"))
    assert up == LevelChange(AT_NS, "1", AT_NS, Side.BUY, 3_100, 198_000_000, 3_500, 3_900)
    assert down == LevelChange(AT_NS, "2", AT_NS, Side.SELL, 6_900, 198_000_000, 6_100, 6_500)
    # stamped two seconds before its neighbours, heard after them
    assert trade == Print(AT_NS, "1", AT_NS - 2 * SECOND, 3_500, 12_500_000, Side.BUY)


# --------------------------------------------------------------------- books, trades, five levels


def test_books_and_trades_of_one_asset_meet_under_one_id(tmp_path: Path) -> None:
    level = [{"price": "0.4", "size": "3"}]
    times = {"local_timestamp": STAMP, "timestamp": str(AT_MS - 130), "asset_price": 130.9}
    books = lines(tmp_path / "15m-sol-orderbooks-17-up.json", [{"bids": level, "asks": []} | times])
    trade = {"price": "0.5", "size": "2.380951", "side": "sell"} | times
    trades = lines(tmp_path / "15m-sol-trades-17-up.json.gz", [trade], packed=True)
    venue_ns, asset = AT_NS - 130 * MS, "15m-sol-17-up"
    assert events_of(books) == [BookSnapshot(AT_NS, asset, venue_ns, ((4_000, 3_000_000),), ())]
    assert events_of(trades) == [Print(AT_NS, asset, venue_ns, 5_000, 2_380_951, Side.SELL)]


def test_a_file_named_after_its_sort_alone_still_has_an_asset() -> None:
    assert asset_of(Path("orderbooks.json.gz")) == "asset"


def test_five_levels_give_both_books_and_the_trades_between_rows(tmp_path: Path) -> None:
    found = events_of(five_levels(tmp_path / "b.parquet"))
    assert [type(event).__name__ for event in found] == [
        "MarketSeen",
        *("BookSnapshot", "BookSnapshot"),
        *("BookSnapshot", "Print", "BookSnapshot"),
    ]
    book = found[1]
    assert isinstance(book, BookSnapshot)
    assert [price for price, _ in book.bids] == [5_000, 4_900, 4_800, 4_700, 4_600]
    assert found[4] == Print(AT_NS + SECOND, "11", 0, 5_000, 7_000_000, Side.BUY)


# ------------------------------------------------------------------------------- quotes and news


def test_quotes_come_by_time_with_empty_sides_and_gaps(tmp_path: Path) -> None:
    hour_ns = 60 * MINUTE
    assert events_of(quotes(tmp_path / "q.parquet")) == [
        BestQuote(AT_NS, "a", AT_NS, 4_000, 4_500),
        BestQuote(AT_NS + SECOND, "b", AT_NS + SECOND, -1, 200),
        Gap(AT_NS + 15 * MINUTE, ("a",), "the collector was not watching"),
        BestQuote(AT_NS + hour_ns, "a", AT_NS + hour_ns, 4_100, 4_500),
    ]


def test_quotes_without_segments_are_read_all_the_same(tmp_path: Path) -> None:
    columns: Columns = {"ts": [when()], "slug": ["a"], "bid": [0.4], "ask": [0.5]}
    found = events_of(parquet_file(tmp_path / "q.parquet", columns))
    assert found == [BestQuote(AT_NS, "a", AT_NS, 4_000, 5_000)]


def test_another_segment_is_a_gap_however_short(tmp_path: Path) -> None:
    times = [when(), when(AT_MS + 1_000), when()]
    path = quotes(tmp_path / "q.parquet", ts=times, segment=[1, 2, 1])
    assert [type(event).__name__ for event in events_of(path)].count("Gap") == 1


def test_markets_of_quotes_are_known_by_their_slugs(tmp_path: Path) -> None:
    columns: Columns = {
        "slug": ["a"],
        "question": ["Will it?"],
        "category": ["tech"],
        "first_ts": [when()],
    }
    (seen,) = events_of(parquet_file(tmp_path / "m.parquet", columns))
    assert isinstance(seen, MarketSeen)
    assert (seen.market.condition_id, *seen.market.assets) == ("a", "a", "a:no")
    assert seen.market.fees is None, "a market without a fee schedule takes no order"


def test_news_keeps_the_publishers_time_and_never_invents_one(tmp_path: Path) -> None:
    item = {"title": "A \x1b[31mchip", "url": "https://example.org/a"}
    published = {"published": "2026-07-13T22:00:12Z", "source": "The Wire"} | item
    (told,) = events_of(lines(tmp_path / "p", published))
    (stored,) = events_of(lines(tmp_path / "s", {"seen": "2026-07-13T22:00:12.5Z"} | item))
    assert isinstance(told, Story)
    assert isinstance(stored, Story)
    assert (told.title, told.source_name, told.published_ns) == ("A chip", "The Wire", told.at_ns)
    assert (stored.source_name, stored.published_ns) == ("example.org", None)
    assert "upper bound" in stored.date_note


def test_snapshots_give_best_quotes_with_empty_sides(tmp_path: Path) -> None:
    columns = "id,market_id,yes_price,snapshot_time,best_bid,best_ask"
    at = "2026-01-01T00:00:00.000001+00:00"
    path = table(tmp_path / "s", columns, f"1,55,0.2,{at},0.09,0.1", f"2,56,0.2,{at},,")
    at_ns = 1_767_225_600_000_001_000
    assert events_of(path) == [
        BestQuote(at_ns, "55", 0, 900, 1_000),
        BestQuote(at_ns, "56", 0, -1, -1),
    ]


# ------------------------------------------------------------------------------------ catalogue

GAMMA = {
    "conditionId": "0xaa",
    "question": "Up or down?",
    "outcomes": '["Up", "Down"]',
    "clobTokenIds": '["1", "2"]',
    "outcomePrices": '["1", "0"]',
    "closed": True,
    "umaResolutionStatus": "resolved",
    "orderPriceMinTickSize": 0.001,
    "orderMinSize": 5,
    "updatedAt": "2026-06-08T00:01:24.497978Z",
}


def test_a_catalogue_object_speaks_as_of_its_last_update(tmp_path: Path) -> None:
    wrapped = {"condition_id": "0xaa", "token_ids": ["1", "2"], "start_sec": 1, "raw": GAMMA}
    bare = events_of(lines(tmp_path / "bare", GAMMA))
    assert events_of(lines(tmp_path / "wrapped", wrapped)) == bare
    (seen,) = bare
    assert isinstance(seen, MarketSeen)
    assert seen.at_ns == 1_780_876_884_497_978_000
    assert (seen.market.state, seen.market.winner) == (MarketState.RESOLVED, "1")


def test_a_market_that_the_catalogue_would_refuse_is_passed_over(tmp_path: Path) -> None:
    notes = Notes()
    path = lines(tmp_path / "g", GAMMA | {"version": "v9"}, GAMMA)
    assert len(list(importer_for(path).read(notes))) == 1
    assert notes.total() == 1


# --------------------------------------------------------------------------- odds and happenings


def test_daily_odds_happenings_and_markets(tmp_path: Path) -> None:
    odds = table(
        tmp_path / "o",
        "market_id,token_id,outcome,question,timestamp,price",
        "1,9,Yes,Q,2023-02-23 00:00:35,0.5",
        "1,9,Yes,Q,2023-02-22 00:00:19,0.49555",
    )
    assert [(e.asset_id, e.price) for e in events_of(odds) if isinstance(e, OddsPoint)] == [
        ("9", 4_956),
        ("9", 5_000),
    ]
    columns = "event_date,event_type,actor,severity,description"
    (story,) = events_of(table(tmp_path / "h", columns, "2023-10-07,attack,A,high,It happened"))
    assert isinstance(story, Story)
    assert (story.published_ns, story.date_note) == (None, "only the day is known")
    columns = "market_id,question,description,slug,closed,clob_token_ids,condition_id"
    pair, trio = '"[""1"", ""2""]"', '"[""1"", ""2"", ""3""]"'
    rows = (f"1,Q,words,q,True,{pair},0xa", f"2,Q,words,q,True,{trio},0xb")
    (seen,) = events_of(table(tmp_path / "m", columns, *rows))
    assert seen.at_ns == 0, "a market without a time of its own"


def test_odds_around_resolutions_and_cases(tmp_path: Path) -> None:
    columns = "market_condition_id,market_question,timestamp_utc,price"
    points = table(tmp_path / "r", columns, "0xa,Q,2026-02-06T22:02:07+00:00,0.496776")
    at_ns = 1_770_415_327 * SECOND
    assert events_of(points) == [OddsPoint(at_ns, "0xa", at_ns, 4_968)]
    case = {
        "token_id": "4",
        "market": "Will it?",
        "events": [{"t": AT_MS // 1_000, "what": "It did"}],
        "history": [{"t": AT_MS // 1_000 - 60, "p": 0.4}, {"t": AT_MS // 1_000 + 60, "p": 0.9}],
    }
    found = events_of(lines(tmp_path / "c", case))
    assert [type(event).__name__ for event in found] == ["OddsPoint", "Story", "OddsPoint"]


# -------------------------------------------------------------------------------------- refusals

BOOKS = {"local_timestamp": STAMP, "timestamp": STAMP, "bids": [], "asks": []}
TRADE = {"local_timestamp": STAMP, "timestamp": STAMP, "price": "0.5", "size": "1", "side": "buy"}
NEWS = {"published": "2026-07-13T22:00:12Z", "source": "W", "title": "T", "url": ""}
CASE = {"token_id": "4", "market": "Q", "events": [], "history": []}


@pytest.mark.parametrize(
    ("good", "bad", "field"),
    [
        (BOOK, {"bids": [{"price": "1.5", "size": "1"}]}, "$.bids[0].price"),
        (BOOK, {"timestamp": "99999999999999"}, "$.timestamp"),
        (BOOKS, {"asks": [{"price": "0.5", "size": "-1"}]}, "asks[0].size"),
        (BOOKS, {"bids": [7]}, "bids[0]"),
        (BOOKS, {"bids": "none"}, "bids"),
        (BOOKS, {"local_timestamp": "yesterday"}, "local_timestamp"),
        (BOOKS, {"local_timestamp": None}, "local_timestamp"),
        (TRADE, {"price": "0.12345"}, "price"),
        (TRADE, {"price": None}, "price"),
        (TRADE, {"size": "0"}, "size"),
        (TRADE, {"size": "1e99"}, "size"),
        (TRADE, {"size": "many"}, "size"),
        (TRADE, {"side": "both"}, "side"),
        (NEWS, {"published": "soon"}, "published"),
        (NEWS, {"title": "\u202e"}, "title"),
        (GAMMA, {"updatedAt": None}, "updatedAt"),
        (GAMMA, {"conditionId": 7}, "conditionId"),
        (CASE, {"history": [{"t": "now", "p": 0.5}]}, "history[0].t"),
        (CASE, {"history": [{"t": AT_MS // 1_000, "p": 2}]}, "history[0].p"),
        (CASE, {"events": {"t": 1}}, "events"),
        (CASE, {"token_id": ""}, "token_id"),
    ],
)
def test_an_error_names_file_row_and_field(
    tmp_path: Path, good: dict[str, Any], bad: dict[str, Any], field: str
) -> None:
    path = lines(tmp_path / "feed.jsonl", good, good | bad)
    with pytest.raises(RecordingError) as caught:
        events_of(path)
    assert (caught.value.path, caught.value.row, caught.value.field) == (path, 2, field)
    assert str(caught.value).startswith(f"{path}, row 2, {field}: ")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (l2_row("book", "0", "ask", "5"), "price"),
        (l2_row("book", "0.5", "up", "5"), "side"),
        (l2_row("book", "0.5", "ask", "nan"), "size"),
        (l2_row("price_change", "0.5", "ask", ""), "size"),
        (l2_row("book", "0.5", "ask", "5", ms=17), "timestamp"),
        (l2_row("book", "0.5", "ask", "5").replace(",77,", ",\x07,"), "asset_id"),
    ],
)
def test_an_error_in_a_table_names_file_row_and_field(tmp_path: Path, row: str, field: str) -> None:
    with pytest.raises(RecordingError, match=rf"l2, row 2, {field}: "):
        events_of(table(tmp_path / "l2", L2, WHOLE_L2[0], row))


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"price": [0.31, 0.69, 1.0]}, "price"),
        ({"size": [198.0, 198.0, 0.0]}, "size"),
        ({"side": ["BID", "ASK", None]}, "side"),
        ({"asset_id": ["1", "2", None]}, "asset_id"),
        ({"timestamp": [when(), when(), None]}, "timestamp"),
        ({"timestamp": ["1", "2", "3"]}, "timestamp"),
    ],
)
def test_an_error_in_parquet_names_file_row_and_field(
    tmp_path: Path, other: dict[str, Any], field: str
) -> None:
    row = 1 if isinstance(other[field][0], str) and field == "timestamp" else 3
    with pytest.raises(RecordingError, match=rf"t.parquet, row {row}, {field}: "):
        events_of(ticks(tmp_path / "t.parquet", **other))


def test_binary_noise_in_a_float_is_no_error(tmp_path: Path) -> None:
    path = ticks(tmp_path / "t.parquet", price=[0.1 + 0.2, 0.69, 0.35])
    first = events_of(path)[0]
    assert isinstance(first, LevelChange)
    assert first.price == 3_000


def test_a_row_with_too_few_fields_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="row 2: expected 9 fields, found 2"):
        events_of(table(tmp_path / "l2", L2, WHOLE_L2[0], "game,77"))


@pytest.mark.parametrize("make", [ticks, quotes, five_levels])
def test_a_damaged_parquet_file_is_refused_or_read_but_never_more(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    chance = random.Random(1)
    whole = make(tmp_path / "whole.parquet").read_bytes()
    refused = 0
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3, 10))):
            damaged[chance.randrange(4, len(damaged) - 8)] = chance.randrange(256)
        path = tmp_path / "damaged.parquet"
        path.write_bytes(damaged)
        try:
            events_of(path)
        except RecordingError:
            refused += 1
    assert refused > 5


def test_damaged_lines_are_refused_or_read_but_never_more(tmp_path: Path) -> None:
    chance = random.Random(2)
    texts = [json.dumps(one) for one in (BOOK, BOOKS, TRADE, NEWS, GAMMA, CASE)]
    whole = [f"{text}\n{text}\n".encode() for text in texts]
    whole.append("\n".join([L2, *WHOLE_L2]).encode())
    refused = 0
    for _ in range(400):
        damaged = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 3))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path = tmp_path / "damaged"
        path.write_bytes(damaged)
        try:
            events_of(path)
        except RecordingError:
            refused += 1
    assert 200 < refused < 400
