"""Whatever bytes come in, typed shapes or ``WireError`` come out."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import BookSnapshot, LevelChange, Print, TickSizeChange
from feeds.markets import Side
from feeds.polymarket.errors import WireError
from feeds.polymarket.frames import (
    changes_in,
    level_changes,
    print_of,
    quote_of,
    snapshot_of,
    tick_size_of,
)
from feeds.polymarket.gamma import Refused, market_from_gamma
from feeds.polymarket.wire import (
    BestBidAskFrame,
    ClobMarket,
    EventsPage,
    GammaEvent,
    GammaMarket,
    LastTradeFrame,
    ListedMarket,
    ListedPage,
    MarketFrame,
    MarketsPage,
    NewMarketFrame,
    PriceChangeFrame,
    PricesHistory,
    ResolvedFrame,
    RestBook,
    TickSizeFrame,
    WireBook,
    decode_array,
    decode_as,
    decode_each,
    decode_frame,
    decode_frames,
)

from .toy import ToyVenue

MUTATIONS = 5_000
SHAPES: list[type[Any]] = [
    RestBook,
    PricesHistory,
    ClobMarket,
    ListedMarket,
    ListedPage,
    GammaMarket,
    GammaEvent,
    EventsPage,
    MarketsPage,
]


def translated(frame: MarketFrame) -> object:
    """The events of a frame, whatever it is."""
    if isinstance(frame, WireBook):
        return snapshot_of(frame, 1)
    if isinstance(frame, PriceChangeFrame):
        return level_changes(frame, 1)
    if isinstance(frame, LastTradeFrame):
        return print_of(frame, 1)
    if isinstance(frame, TickSizeFrame):
        return tick_size_of(frame, 1)
    if isinstance(frame, BestBidAskFrame):
        return quote_of(frame, 1)
    return None


# --------------------------------------------------------------------------------- payloads

STREAM: dict[str, type[Any]] = {
    "ws/book.json": WireBook,
    "ws/last_trade_price.json": LastTradeFrame,
    "ws/price_change.json": PriceChangeFrame,
    "ws/price_change_v2.json": PriceChangeFrame,
    "ws/tick_size_change.json": TickSizeFrame,
    "adapter/ws_market_best_bid_ask_msg.json": BestBidAskFrame,
    "adapter/ws_market_book_msg.json": WireBook,
    "adapter/ws_market_last_trade_msg.json": LastTradeFrame,
    "adapter/ws_market_new_market_msg.json": NewMarketFrame,
    "adapter/ws_market_price_change_msg.json": PriceChangeFrame,
    "adapter/ws_market_resolved_msg.json": ResolvedFrame,
    "adapter/ws_market_tick_size_msg.json": TickSizeFrame,
}
UNTAGGED = ["ws_book_snapshot", "ws_last_trade", "ws_quotes", "ws_tick_size_change"]
ANSWERS: dict[str, type[Any]] = {
    "http/book.json": RestBook,
    "http/event.json": GammaEvent,
    "http/market.json": ListedMarket,
    "http/market_slug.json": GammaMarket,
    "http/markets.json": ListedPage,
    "adapter/clob_book_response.json": RestBook,
    "adapter/clob_market_closed_binary_accepting_false.json": ListedMarket,
    "adapter/clob_market_closed_binary_accepting_true.json": ListedMarket,
    "adapter/gamma_market.json": GammaMarket,
    "adapter/gamma_market_closed_binary_accepting_false.json": GammaMarket,
    "adapter/gamma_market_closed_binary_accepting_true.json": GammaMarket,
    "adapter/gamma_market_closed_nonbinary_legacy.json": GammaMarket,
    "adapter/gamma_market_closed_zero_zero_legacy.json": GammaMarket,
    "adapter/gamma_market_sports_market_map_handicap.json": GammaMarket,
    "adapter/gamma_market_sports_market_money_line.json": GammaMarket,
}
LISTS: dict[str, type[Any]] = {
    "http/events_list.json": GammaEvent,
    "http/markets_list.json": GammaMarket,
    "adapter/gamma_event.json": GammaEvent,
}


@pytest.mark.parametrize("name", STREAM)
def test_recorded_frames_become_events(shared_data: Path, name: str) -> None:
    frame = decode_frame((shared_data / "payloads" / name).read_bytes())
    assert isinstance(frame, STREAM[name])
    translated(frame)


@pytest.mark.parametrize("name", UNTAGGED)
def test_recorded_frames_without_a_type_are_refused_by_field(shared_data: Path, name: str) -> None:
    recorded = (shared_data / "payloads" / "adapter" / f"{name}.json").read_bytes()
    with pytest.raises(WireError, match="event_type"):
        decode_frame(recorded)


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_answers_have_their_shape(shared_data: Path, name: str) -> None:
    shape = decode_as(ANSWERS[name], (shared_data / "payloads" / name).read_bytes())
    if isinstance(shape, RestBook):
        book = snapshot_of(shape, 1)
        assert book.bids or book.asks


@pytest.mark.parametrize("name", LISTS)
def test_recorded_lists_have_their_shapes(shared_data: Path, name: str) -> None:
    elements = decode_array((shared_data / "payloads" / name).read_bytes())
    assert elements
    for element in elements:
        decode_as(LISTS[name], element)


def test_recorded_search_results_are_events(shared_data: Path) -> None:
    recorded = (shared_data / "payloads" / "adapter" / "search_response.json").read_bytes()
    events = decode_as(EventsPage, recorded).events
    event = decode_as(GammaEvent, events[0])
    markets = [market_from_gamma(decode_as(GammaMarket, raw), event) for raw in event.markets or []]
    assert markets
    assert not [market for market in markets if isinstance(market, Refused)]


def test_frames_of_summer_2026_are_read_to_the_last_digit(shared_data: Path) -> None:
    recorded = shared_data / "tapes" / "frames-2026-08" / "frames.jsonl"
    book, changes, trade, quote = [
        translated(decode_frame(line)) for line in recorded.read_bytes().splitlines()
    ]
    assert isinstance(book, BookSnapshot)
    assert book.bids == ((10, 2_200_800_000), (40, 100_000_000))
    assert book.asks == ((9_990, 50_000_000), (90, 25_000_000))
    assert book.venue_ns == 1_786_728_432_337_000_000
    assert isinstance(changes, list)
    first = changes[0]
    assert isinstance(first, LevelChange)
    assert (first.side, first.price, first.size) == (Side.BUY, 600, 374_340_000)
    assert (first.best_bid, first.best_ask) == (700, 800)
    assert isinstance(trade, Print)
    assert (trade.price, trade.size, trade.side) == (5_850, 2_460_000, Side.SELL)
    assert quote is not None


def test_accepted_events_of_the_venues_own_client_are_accepted_here(shared_data: Path) -> None:
    recorded = json.loads(
        (shared_data / "payloads" / "sdk" / "ws_events_accepted.json").read_bytes()
    )
    for message in recorded["market"]:
        for frame in decode_frames(json.dumps(message).encode()):
            translated(frame)


# ---------------------------------------------------------------------------------- shapes


def test_all_three_shapes_of_a_price_change_say_the_same() -> None:
    level = {"price": "0.51", "size": "150", "side": "BUY"}
    top = {"event_type": "price_change", "timestamp": "1790000000000"}
    today = {**top, "price_changes": [{"asset_id": "1", **level}]}
    june_2025 = {**top, "asset_id": "1", "changes": [level]}
    older = {**top, "asset_id": "1", **level}
    heard = []
    for shape in (today, june_2025, older):
        frame = decode_frame(json.dumps(shape).encode())
        assert isinstance(frame, PriceChangeFrame)
        heard.append(level_changes(frame, 1))
    assert heard[0] == heard[1] == heard[2]
    assert (heard[0][0].price, heard[0][0].size) == (5_100, 150_000_000)


def test_a_price_change_that_changes_nothing_is_refused_by_field() -> None:
    frame = decode_frame(b'{"event_type":"price_change","market":"0x1"}')
    assert isinstance(frame, PriceChangeFrame)
    with pytest.raises(WireError, match=r"\$\.price_changes"):
        changes_in(frame)


@pytest.mark.parametrize(
    "price",
    ["0", "1", "1.5", "-0.1", "nan", "inf", "", ".", "0.12345", "1e-2", "０.５", None, [], 7],
)
def test_prices_that_cannot_be_are_refused_by_field(price: object) -> None:
    body = json.dumps({"asset_id": "1", "bids": [{"price": price, "size": "1"}], "asks": []})
    with pytest.raises(WireError, match=r"\$\.bids\[0\]\.price") as caught:
        snapshot_of(decode_as(RestBook, body.encode()), 1)
    assert caught.value.reason


@pytest.mark.parametrize("size", ["-1", "nan", "inf", "-inf", "4000000000", "1e300", "", "x", None])
def test_sizes_that_cannot_be_are_refused_by_field(size: object) -> None:
    levels = [{"price": "0.5", "size": "1"}, {"price": "0.4", "size": size}]
    body = json.dumps({"asset_id": "1", "bids": [], "asks": levels}).encode()
    with pytest.raises(WireError, match=r"\$\.asks\[1\]\.size"):
        snapshot_of(decode_as(RestBook, body), 1)
    change = {"asset_id": "1", "price": "0.5", "size": size, "side": "BUY"}
    frame = json.dumps({"event_type": "price_change", "price_changes": [change]}).encode()
    with pytest.raises(WireError, match=r"\$\.price_changes"):
        translated(decode_frame(frame))


@pytest.mark.parametrize("price", ["0.52", ".52", "0.5200", " 0.52 ", 0.52, "00.52"])
def test_a_price_may_be_written_in_many_ways(price: object) -> None:
    body = json.dumps({"asset_id": "1", "bids": [{"price": price, "size": 2}], "asks": None})
    assert snapshot_of(decode_as(RestBook, body.encode()), 1).bids == ((5_200, 2_000_000),)


def test_an_empty_side_of_best_prices_is_told_from_an_unsaid_one() -> None:
    def best(bid: str | None, ask: str | None) -> tuple[int, int]:
        change = {"asset_id": "1", "price": "0.5", "size": "1", "side": "BUY"}
        change |= {} if bid is None else {"best_bid": bid}
        change |= {} if ask is None else {"best_ask": ask}
        frame = decode_frame(
            json.dumps({"event_type": "price_change", "price_changes": [change]}).encode()
        )
        assert isinstance(frame, PriceChangeFrame)
        (event,) = level_changes(frame, 1)
        return event.best_bid, event.best_ask

    assert best("0", "1") == (0, 10_000)
    assert best("", "") == best(None, None) == (-1, -1)
    assert best("1", "0") == (-1, -1), "what cannot be says nothing"
    assert best("0.5", "0.51") == (5_000, 5_100)


FRAMES: dict[str, dict[str, Any]] = {
    "book": {
        "asset_id": "1",
        "bids": [{"price": "0.48", "size": "10"}],
        "asks": [{"price": "0.52", "size": "10"}],
        "market": "0x1",
        "timestamp": "1790000000000",
        "hash": "abc",
        "last_trade_price": "0.5",
    },
    "price_change": {
        "market": "0x1",
        "timestamp": "1790000000000",
        "price_changes": [
            {"asset_id": "1", "price": "0.5", "size": "1", "side": "BUY", "best_bid": "0.5"}
        ],
        "asset_id": None,
        "changes": None,
        "price": None,
        "size": None,
        "side": None,
    },
    "last_trade_price": {
        "asset_id": "1",
        "price": "0.5",
        "size": "1",
        "side": "BUY",
        "market": "0x1",
        "timestamp": "1790000000000",
        "transaction_hash": "0x2",
    },
    "tick_size_change": {
        "asset_id": "1",
        "old_tick_size": "0.01",
        "new_tick_size": "0.001",
        "market": "0x1",
        "timestamp": "1790000000000",
    },
    "best_bid_ask": {
        "asset_id": "1",
        "best_bid": "0.4",
        "best_ask": "0.5",
        "market": "0x1",
        "timestamp": "1790000000000",
    },
    "new_market": {"condition_id": "0x1", "market": "0x1"},
}
DECORATIVE = (
    *("market", "timestamp", "hash", "last_trade_price", "transaction_hash", "old_tick_size"),
    "condition_id",
)
ODD: list[object] = [None, "", "x", 5, 1.5, -1, True, [], {}, [None], "9" * 40, "x" * 1_000]


@pytest.mark.parametrize("kind", FRAMES)
def test_a_field_that_we_can_do_without_never_costs_a_frame(kind: str) -> None:
    whole = {"event_type": kind} | FRAMES[kind]
    for field in (field for field in DECORATIVE if field in whole):
        for odd in ODD:
            frame = decode_frame(json.dumps(whole | {field: odd}).encode())
            told = translated(frame)
            if isinstance(told, BookSnapshot):
                assert (told.bids, told.asks) == (((4_800, 10**7),), ((5_200, 10**7),))
            if field == "timestamp" and odd in (None, "", "x", [], {}, True, -1):
                event = told[0] if isinstance(told, list) else told
                assert getattr(event, "venue_ns", 0) == 0, "the field counts as not said"
        del_ = {key: value for key, value in whole.items() if key != field}
        translated(decode_frame(json.dumps(del_).encode()))


def test_best_prices_that_are_none_cost_the_witness_and_not_the_change() -> None:
    for odd in (one for one in ODD if one is not True):
        change = {"asset_id": "1", "price": "0.5", "size": "2", "side": "BUY", "best_ask": odd}
        body = json.dumps({"event_type": "price_change", "price_changes": [change]})
        frame = decode_frame(body.encode())
        assert isinstance(frame, PriceChangeFrame)
        (event,) = level_changes(frame, 1)
        assert (event.price, event.size, event.best_ask) == (5_000, 2_000_000, -1)


@pytest.mark.parametrize("field", ["market", "timestamp", "hash"])
def test_a_field_that_we_can_do_without_never_costs_a_book_of_rest(field: str) -> None:
    for odd in [*ODD, ...]:
        book = FRAMES["book"] | {field: odd}
        body = json.dumps({key: value for key, value in book.items() if value is not ...})
        told = snapshot_of(decode_as(RestBook, body.encode()), 1)
        assert told.bids == ((4_800, 10**7),)


def test_details_of_a_market_are_read_though_their_decorations_are_odd() -> None:
    for odd in ODD:
        body = {"c": odd, "t": [{"t": "11", "o": odd}, {"t": "12"}], "mts": 0.01, "mos": 5}
        assert decode_as(ClobMarket, json.dumps(body).encode()).t[0].t == "11"
        listed = {"condition_id": "0x1", "tokens": [{"token_id": "1", "outcome": odd}]}
        page = {"data": [listed], "next_cursor": odd}
        assert decode_as(ListedPage, json.dumps(page).encode()).data[0].tokens[0].token_id == "1"


def test_an_unknown_tick_size_is_refused_by_field() -> None:
    def change(new: str) -> TickSizeChange:
        frame = decode_frame(
            json.dumps(
                {
                    "event_type": "tick_size_change",
                    "asset_id": "1",
                    "old_tick_size": "0.01",
                    "new_tick_size": new,
                }
            ).encode()
        )
        assert isinstance(frame, TickSizeFrame)
        return tick_size_of(frame, 1)

    assert change("0.0025").new == 25
    with pytest.raises(WireError, match=r"\$\.new_tick_size.*0\.002"):
        change("0.002")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(WireError, match="nested too deeply"):
        decode_frame(b'{"event_type":"book","x":' + b"[" * 100_000)


@settings(max_examples=300, deadline=None, database=None)
@given(st.integers(0, 4_000_000_000 * 1_000_000 - 1))
def test_sizes_are_exact_to_the_millionth(size: int) -> None:
    text = f"{size // 1_000_000}.{size % 1_000_000:06d}"
    body = json.dumps({"asset_id": "1", "bids": [{"price": "0.5", "size": text}], "asks": []})
    levels = ((5_000, size),) if size else ()
    assert snapshot_of(decode_as(RestBook, body.encode()), 1).bids == levels


# ------------------------------------------------------------------------------------ fuzz


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """A frame with a few bytes flipped, cut, doubled, or spliced with another's."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        if not data:
            break
        at = chance.randrange(len(data))
        match chance.randrange(6):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 40)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 40)]
            case 3:
                data[at:at] = chance.choice(
                    [b"null", b"-1", b'"nan"', b"[", b"{", b'"', b"1e999", b"\\ud800", b"true"]
                )
            case 4:
                other = chance.choice(seeds)
                data[at:] = other[chance.randrange(len(other)) :]
            case 5:
                for old, new in ((b'"0.', b'"9.'), (b'size":"', b'size":"-'), (b"BUY", b"buy")):
                    if chance.random() < 0.3:
                        data = data.replace(old, new)
    return bytes(data)


def stream_seeds() -> list[bytes]:
    toy = ToyVenue(markets=2, seed=5)
    frames = [toy.wander() for _ in range(10)] + toy.trade("1001") + [toy.first_dump(toy.assets)]
    frames.append(
        b'{"event_type":"tick_size_change","asset_id":"1001","old_tick_size":"0.01",'
        b'"new_tick_size":"0.001","timestamp":"1790000000000"}'
    )
    frames.append(
        b'{"event_type":"best_bid_ask","asset_id":"1001","best_bid":"0.4",'
        b'"best_ask":"0.5","timestamp":"1790000000000"}'
    )
    frames.append(
        b'{"event_type":"market_resolved","market":"0x1","assets_ids":["1001"],'
        b'"winning_asset_id":"1001"}'
    )
    return frames


def test_mutated_frames_give_shapes_or_wire_errors_and_nothing_else() -> None:
    chance = random.Random(1)
    seeds = stream_seeds()
    refused = 0
    for _ in range(MUTATIONS):
        data = mutated(chance, seeds)
        try:
            for frame in decode_frames(data):
                translated(frame)
        except WireError as error:
            refused += error.path.startswith("$")
        good, bad = decode_each(data)
        assert good or bad or data.strip() == b"[]"
    assert MUTATIONS * 0.4 < refused < MUTATIONS


def test_mutated_answers_give_shapes_or_wire_errors_and_nothing_else() -> None:
    chance = random.Random(2)
    toy = ToyVenue()
    seeds = [
        json.dumps(toy.book("1001")).encode(),
        GAMMA,
        CLOB,
        b'{"history":[{"t":1790000000,"p":0.52}]}',
    ]
    refused = 0
    for _ in range(MUTATIONS):
        data = mutated(chance, seeds)
        for shape in SHAPES:
            try:
                made = decode_as(shape, data)
                if isinstance(made, GammaMarket):
                    assert market_from_gamma(made)
                elif isinstance(made, RestBook):
                    snapshot_of(made, 1)
            except WireError as error:
                refused += error.path.startswith("$")
    assert refused > MUTATIONS


GAMMA = json.dumps(
    {
        "id": "1",
        "conditionId": "0x" + "a" * 64,
        "question": "Will it?",
        "slug": "will-it",
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.5", "0.5"]',
        "clobTokenIds": '["11", "12"]',
        "active": True,
        "closed": False,
        "archived": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "feesEnabled": True,
        "feeSchedule": {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0.25},
        "endDate": "2027-01-01T00:00:00Z",
    }
).encode()
CLOB = (
    b'{"c":"0xa","t":[{"t":"11","o":"Yes"},{"t":"12","o":"No"}],"mts":0.01,"mos":5,'
    b'"fd":{"r":0.04,"e":1,"to":true}}'
)


def test_a_hash_that_is_none_is_left_out() -> None:
    body = '{"asset_id":"1","bids":[],"asks":[],"hash":"%s"}'
    assert snapshot_of(decode_as(RestBook, (body % "0xabc").encode()), 1).hash == "0xabc"
    for odd in ("\\u001b]52;c;x", "a b", "é"):
        assert snapshot_of(decode_as(RestBook, (body % odd).encode()), 1).hash == ""
