"""The venue over loopback: what a client sees of the catalogue, the books and the stream."""

import json
from collections.abc import AsyncIterator
from hashlib import sha1

import pytest
import pytest_asyncio

from practice.api import market_stream
from practice.api.market_stream import NO_FREEZE, Connection
from practice.clock import DAY, MINUTE, SECOND
from practice.exchange.orders import NO, YES, Request
from practice.faults.deck import Deck
from practice.faults.frame_faults import FrameFaults
from practice.world.catalogue import Catalogue
from practice.world.simulation import Moved
from tests.practice.loopback import Client, Host, Served, hosting, listening
from tests.practice.worlds import START_NS, event, market, story, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

HASHED = ["market", "asset_id", "timestamp", "hash", "bids", "asks"]
HASHED += ["min_order_size", "tick_size", "neg_risk", "last_trade_price"]


def some_markets() -> Catalogue:
    """One event of three that exclude each other, and four that stand alone."""
    family = [market(f"lead-{name}", event="lead", group_title=name) for name in ("a", "b", "c")]
    alone = [
        market("moved"),
        market("still", tags=("Weather",), fee_rate_e6=0),
        market("fine", tick=10, start_probability=0.03),
        market("other"),
    ]
    events = (event("lead", neg_risk=True), *(event(spec.slug) for spec in alone))
    return Catalogue(events, (*family, *alone))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    async with host.serving(world(story(60, moved=1.0), markets=some_markets())) as running:
        yield running


# -- the catalogue -----------------------------------------------------------------------------


async def test_paging_by_cursor_shows_every_market_once_and_ends_without_a_cursor(
    served: Served,
) -> None:
    slugs, cursor = [], ""
    while True:
        page = await served.get("/markets/keyset", limit=3, after_cursor=cursor)
        slugs += [row["slug"] for row in page["markets"]]
        if "next_cursor" not in page:
            break
        cursor = page["next_cursor"]
    assert slugs == list(served.venue.board.listings)


async def test_offsets_and_foreign_cursors_are_refused(served: Served) -> None:
    assert (await served.refused("/events/keyset", offset=3))[0] == 422
    assert (await served.refused("/events/keyset", after_cursor="x!"))[0] == 422
    assert (await served.refused("/events/keyset", limit="many")) == (
        422,
        "limit must be an integer",
    )


async def test_a_market_has_the_types_of_the_wire(served: Served) -> None:
    row = await served.get("/markets/slug/moved")
    listing = served.listing("moved")
    ids = {"v1": row.get("clobTokenIds"), "v2": json.dumps(row.get("positionIds"))}[row["version"]]
    assert json.loads(ids) == list(listing.assets)
    assert json.loads(row["outcomes"]) == ["Yes", "No"]
    prices = [float(price) for price in json.loads(row["outcomePrices"])]
    assert sum(prices) == pytest.approx(1)
    assert isinstance(row["volume"], str)
    assert isinstance(row["liquidity"], str)
    assert float(row["volume"]) == row["volumeNum"]
    assert (row["orderPriceMinTickSize"], row["orderMinSize"]) == (0.01, 5)
    assert row["feeSchedule"] == {
        "exponent": 1,
        "rate": 0.04,
        "takerOnly": True,
        "rebateRate": 0.25,
    }
    assert (row["acceptingOrders"], row["closed"], row["enableOrderBook"]) == (True, False, True)
    assert row["conditionId"].startswith("0x")
    assert len(row["conditionId"]) == 66
    assert "markets" not in row["events"][0]


async def test_free_markets_and_families_say_so(served: Served) -> None:
    free = await served.get("/markets/slug/still")
    assert (free["feesEnabled"], "feeSchedule" in free) == (False, False)
    family = await served.get("/events/slug/lead")
    assert family["negRisk"] is True
    assert [row["groupItemTitle"] for row in family["markets"]] == ["a", "b", "c"]
    assert {row["negRiskMarketID"] for row in family["markets"]} == {family["negRiskMarketID"]}
    assert isinstance(family["volume"], float)


async def test_versions_decide_where_the_asset_ids_are(served: Served) -> None:
    rows = (await served.get("/markets/keyset", limit=100))["markets"]
    for row in rows:
        assert ("clobTokenIds" in row, "positionIds" in row) == (
            row["version"] == "v1",
            row["version"] == "v2",
        )


async def test_version_two_ids_hold_their_condition_and_outcome(host: Host) -> None:
    many = Catalogue(
        tuple(event(f"e{i}") for i in range(40)), tuple(market(f"e{i}") for i in range(40))
    )
    async with host.serving(world(markets=many)) as served:
        newer = [item for item in served.venue.board.listings.values() if item.version == "v2"]
        assert 1 <= len(newer) < 20
        for listing in newer:
            yes, no = (int(asset) for asset in listing.assets)
            assert (yes >> 248, yes & 0xFF, no & 0xFF) == (1, 0, 1)
            assert (yes >> 40) & ((1 << 64) - 1) == 0
            assert listing.condition == f"0x{yes >> 8:062x}00"
            assert yes >> 8 == no >> 8


async def test_one_object_by_number_and_by_slug(served: Served) -> None:
    row = await served.get("/markets/slug/moved")
    assert (await served.get(f"/markets/{row['id']}"))["slug"] == "moved"
    whole = await served.get("/events/slug/lead")
    assert (await served.get(f"/events/{whole['id']}"))["slug"] == "lead"
    assert (await served.refused("/markets/slug/nowhere")) == (404, "market not found")
    assert (await served.refused("/events/999999")) == (404, "event not found")


async def test_tags_filter_by_number_and_slug(served: Served) -> None:
    tags = {tag["slug"]: tag["id"] for tag in await served.get("/tags")}
    by_slug = await served.get("/events/keyset", tag_slug="ai")
    by_number = await served.get("/events/keyset", tag_id=tags["ai"])
    assert by_slug == by_number
    weather = await served.get("/markets/keyset", tag_id=tags["weather"], include_tag="true")
    assert [row["slug"] for row in weather["markets"]] == ["still"]
    assert weather["markets"][0]["tags"][0]["label"] == "Weather"
    assert (await served.refused("/markets/keyset", tag_id="weather"))[0] == 422


async def test_filters_and_order(served: Served) -> None:
    served.live(5 * MINUTE)
    closed = await served.get("/markets/keyset", closed="true")
    assert closed["markets"] == []
    page = await served.get("/markets/keyset", order="volumeNum", ascending="false", limit=100)
    volumes = [row["volumeNum"] for row in page["markets"]]
    assert volumes == sorted(volumes, reverse=True)
    asset = served.listing("fine").assets[NO]
    (row,) = (await served.get("/markets/keyset", clob_token_ids=asset))["markets"]
    assert (row["slug"], row["orderPriceMinTickSize"]) == ("fine", 0.001)
    assert (await served.refused("/markets/keyset", order="beauty"))[0] == 422


async def test_search_finds_events_by_every_word(served: Served) -> None:
    found = await served.get("/public-search", q="ABOUT lead")
    assert [row["slug"] for row in found["events"]] == ["lead"]
    assert found["pagination"] == {"hasMore": False, "totalResults": 1}
    assert (await served.get("/public-search", q="lead-b happen"))["events"][0]["slug"] == "lead"
    assert (await served.refused("/public-search", q=" "))[0] == 422


async def test_a_resolved_market_is_closed_and_pays_one_outcome(served: Served) -> None:
    served.venue.world.exchange.resolve("still", NO)
    row = await served.get("/markets/slug/still")
    assert (row["closed"], row["acceptingOrders"]) == (True, False)
    assert json.loads(row["outcomePrices"]) == ["0", "1"]
    one = await served.get(f"/markets/{row['conditionId']}")
    assert [token["winner"] for token in one["tokens"]] == [False, True]
    old = await served.get("/markets", limit=100)
    assert "still" not in {row["slug"] for row in old}


# -- the public CLOB ---------------------------------------------------------------------------


async def test_books_run_from_worst_to_best_and_mirror_each_other(served: Served) -> None:
    yes, no = served.listing("moved").assets
    ours = await served.get("/book", token_id=yes)
    theirs = await served.get("/book", token_id=no)
    bids = [float(level["price"]) for level in ours["bids"]]
    asks = [float(level["price"]) for level in ours["asks"]]
    assert bids == sorted(bids)
    assert asks == sorted(asks, reverse=True)
    assert bids[-1] < asks[-1]
    mirror = [(round(1 - float(x["price"]), 4), x["size"]) for x in theirs["asks"]]
    assert mirror == [(float(x["price"]), x["size"]) for x in ours["bids"]]
    assert (ours["min_order_size"], ours["tick_size"], ours["neg_risk"]) == ("5", "0.01", False)


async def test_the_book_hash_is_that_of_its_own_text(served: Served) -> None:
    served.live(3 * MINUTE)
    for asset in served.venue.board.by_asset:
        book = await served.get("/book", token_id=asset)
        assert list(book) == HASHED
        blank = json.dumps({**book, "hash": ""}, separators=(",", ":"), ensure_ascii=False)
        assert book["hash"] == sha1(blank.encode()).hexdigest()


async def test_many_books_leave_unknown_assets_out(served: Served) -> None:
    assets = served.listing("moved").assets
    asked = [{"token_id": asset} for asset in (*assets, "12345")]
    answer = await served.http.post("/books", json=asked)
    assert [book["asset_id"] for book in answer.json()] == list(assets)
    rubbish = await served.http.post("/books", content=b"{")
    assert (rubbish.status_code, rubbish.json()) == (400, {"error": "Invalid payload"})
    flood = await served.http.post("/books", json=[{"token_id": "1"}] * 501)
    assert (flood.status_code, flood.json()) == (400, {"error": "Payload exceeds the limit"})


@pytest.mark.parametrize(
    ("path", "unknown"),
    [
        ("/book", "No orderbook exists for the requested token id"),
        ("/midpoint", "No orderbook exists for the requested token id"),
        ("/tick-size", "market not found"),
        ("/neg-risk", "market not found"),
        ("/fee-rate", "market not found"),
    ],
)
async def test_unknown_and_impossible_assets_get_the_venues_words(
    served: Served, path: str, unknown: str
) -> None:
    assert await served.refused(path, token_id="12345") == (404, unknown)
    assert await served.refused(path, token_id="yes") == (400, "Invalid token id")


async def test_prices_are_strings_and_agree_with_the_book(served: Served) -> None:
    for asset in served.listing("moved").assets:
        book = await served.get("/book", token_id=asset)
        bid, ask = book["bids"][-1]["price"], book["asks"][-1]["price"]
        assert await served.get("/price", token_id=asset, side="BUY") == {"price": bid}
        assert await served.get("/price", token_id=asset, side="SELL") == {"price": ask}
        middle = (await served.get("/midpoint", token_id=asset))["mid"]
        assert isinstance(middle, str)
        assert float(middle) == pytest.approx((float(bid) + float(ask)) / 2)
        gap = (await served.get("/spread", token_id=asset))["spread"]
        assert float(gap) == pytest.approx(float(ask) - float(bid))
        asked = [{"token_id": asset}]
        assert (await served.http.post("/midpoints", json=asked)).json() == {asset: middle}
        assert (await served.http.post("/spreads", json=asked)).json() == {asset: gap}
    assert await served.refused("/price", token_id=asset, side="HOLD") == (400, "Invalid side")


async def test_the_last_trade_is_told_from_either_side(served: Served) -> None:
    yes, no = served.listing("moved").assets
    assert await served.get("/last-trade-price", token_id=yes) == {"price": "0.5", "side": ""}
    served.live(10 * MINUTE)
    ours = await served.get("/last-trade-price", token_id=yes)
    theirs = await served.get("/last-trade-price", token_id=no)
    assert float(ours["price"]) + float(theirs["price"]) == pytest.approx(1)
    assert {ours["side"], theirs["side"]} == {"BUY", "SELL"}


async def test_trading_facts_keep_their_odd_shapes(served: Served) -> None:
    listing = served.listing("lead-a")
    yes = listing.assets[YES]
    assert await served.get("/ok") == "OK"
    assert await served.get("/time") == START_NS // SECOND
    assert await served.get("/version") == {"version": 2}
    assert await served.get("/tick-size", token_id=yes) == {"minimum_tick_size": 0.01}
    assert await served.get("/neg-risk", token_id=yes) == {"neg_risk": True}
    assert await served.get("/fee-rate", token_id=yes) == {"base_fee": 1000}
    named = await served.get(f"/markets-by-token/{yes}")
    assert named["condition_id"] == listing.condition
    facts = await served.get(f"/clob-markets/{listing.condition}")
    assert (facts["mts"], facts["mos"], facts["nr"]) == (0.01, 5, True)
    assert facts["fd"] == {"r": 0.04, "e": 1, "to": True}
    assert [token["o"] for token in facts["t"]] == ["Yes", "No"]
    free = await served.get(f"/clob-markets/{served.listing('still').condition}")
    assert not {"nr", "fd"} & set(free)
    assert await served.refused("/clob-markets/0x00") == (404, "market not found")


async def test_clob_pages_end_with_the_last_cursor(served: Served) -> None:
    page = await served.get("/markets", next_cursor="MA==")
    assert (page["next_cursor"], page["count"]) == ("LTE=", 7)
    assert isinstance(page["data"][0]["tokens"][0]["price"], float)
    assert (await served.get("/markets", next_cursor="LTE="))["data"] == []
    assert await served.refused("/markets", next_cursor="%%") == (400, "Invalid cursor")
    assert isinstance(await served.get("/markets", limit=2), list)


async def test_price_history_reaches_from_the_past_to_now(served: Served) -> None:
    served.live(20 * MINUTE)
    yes, no = served.listing("moved").assets
    hour = (await served.get("/prices-history", market=yes, interval="1h"))["history"]
    assert len(hour) == 61
    assert hour[-1]["t"] == (START_NS + 20 * MINUTE) // SECOND
    mirror = (await served.get("/prices-history", market=no, interval="1h"))["history"]
    assert all(a["p"] + b["p"] == pytest.approx(1) for a, b in zip(hour, mirror, strict=True))
    coarse = (await served.get("/prices-history", market=yes, interval="1h", fidelity=10))[
        "history"
    ]
    assert [point["t"] for point in coarse] == [point["t"] for point in hour[::10]]
    start = (START_NS - DAY) // SECOND
    ranged = await served.get("/prices-history", market=yes, startTs=start, endTs=start + 600)
    assert [point["t"] for point in ranged["history"]] == [start + 60 * i for i in range(11)]
    both = await served.refused("/prices-history", market=yes, interval="1h", startTs=start)
    assert both[0] == 400
    assert await served.refused("/prices-history", market="0x1") == (400, "Invalid market")


# -- the market stream -------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: Served) -> AsyncIterator[Client]:
    async with listening(served) as connected:
        yield connected


@pytest.mark.parametrize("first", ["PING", "{", '{"type":"user"}', '{"type":"market"}', "[]"])
async def test_anything_but_a_subscription_first_closes_with_1008(
    client: Client, first: str
) -> None:
    await client.socket.send(first)
    assert await client.closed() == 1008


async def test_a_price_is_a_best_of_the_book_by_either_reading_of_side(served: Served) -> None:
    asset = served.listing("moved").assets[YES]
    book = await served.get("/book", token_id=asset)
    bests = [book["bids"][-1]["price"], book["asks"][-1]["price"]]
    for served.venue.clob.buyers_pay in (False, True):
        told = [
            (await served.get("/price", token_id=asset, side=side))["price"]
            for side in ("BUY", "SELL")
        ]
        assert told == bests
        bests.reverse()


async def test_prices_may_be_asked_for_in_two_lists(served: Served) -> None:
    yes, no = served.listing("moved").assets
    named = [{"token_id": yes, "side": "BUY"}, {"token_id": no, "side": "SELL"}]
    posted = (await served.http.post("/prices", json=named)).json()
    asked = await served.get("/prices", token_ids=f"{yes},{no},7", sides="BUY,SELL,BUY")
    assert asked == posted
    assert set(asked) == {yes, no}
    assert await served.refused("/prices", token_ids=f"{yes},{no}", sides="BUY") == (
        400,
        "Invalid payload",
    )
    assert (await served.refused("/prices", token_ids=yes, sides="HOLD"))[1] == "Invalid side"


async def test_events_are_counted_and_markets_found_by_their_questions_id(served: Served) -> None:
    page = await served.get("/events/pagination", limit=1)
    total = page["pagination"]["totalResults"]
    assert (len(page["data"]), page["pagination"]["hasMore"]) == (1, total > 1)
    last = await served.get("/events/pagination", limit=1, offset=total - 1)
    assert last["pagination"] == {"hasMore": False, "totalResults": total}
    row = await served.get("/markets/slug/moved")
    found = (await served.get("/markets/keyset", question_ids=row["questionID"]))["markets"]
    assert [one["slug"] for one in found] == ["moved"]
    assert found[0]["events"][0]["slug"] == row["events"][0]["slug"]


async def test_frames_may_be_binary_as_well(served: Served, client: Client) -> None:
    asset = served.listing("moved").assets[YES]
    await client.socket.send(json.dumps({"type": "market", "assets_ids": [asset]}).encode())
    (book,) = json.loads(await client.next_text())
    assert book["asset_id"] == asset
    await client.socket.send(b"PING")
    assert await client.next_text() == "PONG"


async def test_the_first_answer_is_one_array_of_books(served: Served, client: Client) -> None:
    assets = [*served.listing("moved").assets, *served.listing("fine").assets]
    dump = await client.ask(*assets, "12345", assets[0])
    assert [book["asset_id"] for book in dump] == assets
    for book in dump:
        plain = await served.get("/book", token_id=book["asset_id"])
        assert book == {**plain, "event_type": "book"}


async def test_no_dump_when_none_is_wanted(served: Served, client: Client) -> None:
    assets = list(served.listing("moved").assets)
    await client.send(type="market", assets_ids=assets, initial_dump=False)
    assert await client.caught_up() == []


async def test_applying_what_the_stream_says_gives_the_venues_books(
    served: Served, client: Client
) -> None:
    assets = [asset for slug in ("moved", "lead-a") for asset in served.listing(slug).assets]
    await client.ask(*assets)
    for _ in range(40):
        served.live(20 * SECOND)
        await client.caught_up()
        for asset in assets:
            plain = await served.get("/book", token_id=asset)
            for side in ("bids", "asks"):
                told = {level["price"]: level["size"] for level in plain[side]}
                assert client.books[asset][side] == told
    kinds = {frame["event_type"] for frame in client.frames}
    assert kinds == {"price_change", "last_trade_price", "book"}


async def test_a_change_is_told_for_both_assets_with_the_bests_after_it(
    served: Served, client: Client
) -> None:
    yes, no = served.listing("moved").assets
    await client.ask(yes)
    served.live(MINUTE)
    changes = [f for f in await client.caught_up() if f["event_type"] == "price_change"]
    assert changes
    for frame in changes:
        items = frame["price_changes"]
        for ours, theirs in zip(items[::2], items[1::2], strict=True):
            assert {ours["asset_id"], theirs["asset_id"]} == {yes, no}
            assert float(ours["price"]) + float(theirs["price"]) == pytest.approx(1)
            assert ours["size"] == theirs["size"]
            assert {ours["side"], theirs["side"]} == {"BUY", "SELL"}
            assert ours["hash"] != theirs["hash"]
            assert float(ours["best_bid"]) + float(theirs["best_ask"]) == pytest.approx(1)


async def test_a_trade_is_printed_for_the_takers_asset_and_followed_by_books(
    served: Served, client: Client
) -> None:
    exchange = served.venue.world.exchange
    yes, no = served.listing("moved").assets
    await client.ask(yes, no)
    best = exchange.markets["moved"].bids.best()
    assert best is not None
    exchange.deposit("ann", 100_000_000)
    report = exchange.place(
        Request(
            id="mine",
            account="ann",
            market="moved",
            outcome=NO,
            side="BUY",
            price=10_000 - best,
            size=7_000_000,
            kind="FAK",
        )
    )
    served.venue.publish(
        Moved(
            START_NS, "moved", report.changes, report.trades, report.best_bid, report.best_ask, None
        )
    )
    heard = await client.caught_up()
    assert [f["event_type"] for f in heard] == ["price_change", "last_trade_price", "book", "book"]
    trade = heard[1]
    assert (trade["asset_id"], trade["side"], trade["size"]) == (no, "BUY", "7")
    assert float(trade["price"]) == pytest.approx(1 - best / 10_000)
    assert [book["asset_id"] for book in heard[2:]] == [yes, no]


async def test_assets_come_and_go_on_an_open_connection(served: Served, client: Client) -> None:
    moved, still = served.listing("moved").assets[YES], served.listing("still").assets[YES]
    await client.ask(moved)
    await client.send(operation="subscribe", assets_ids=[still, moved])
    (book,) = await client.caught_up()
    assert (book["event_type"], book["asset_id"]) == ("book", still)
    await client.send(operation="unsubscribe", assets_ids=[moved])
    await client.caught_up()
    served.live(5 * MINUTE)
    markets = {frame["market"] for frame in await client.caught_up()}
    assert markets == {served.listing("still").condition}


async def test_best_bid_ask_comes_only_when_asked_for(served: Served, client: Client) -> None:
    yes = served.listing("moved").assets[YES]
    await client.ask(yes)
    served.live(3 * MINUTE)
    assert "best_bid_ask" not in {f["event_type"] for f in await client.caught_up()}
    await client.send(operation="subscribe", assets_ids=[yes], custom_feature_enabled=True)
    assert await client.caught_up() == []
    served.live(10 * MINUTE)
    bests = [f for f in await client.caught_up() if f["event_type"] == "best_bid_ask"]
    assert bests
    assert {frame["asset_id"] for frame in bests} == {yes}
    for frame in bests:
        gap = float(frame["best_ask"]) - float(frame["best_bid"])
        assert float(frame["spread"]) == pytest.approx(gap)


async def test_a_new_tick_size_is_told_for_both_assets_and_followed_by_books(host: Host) -> None:
    high = Catalogue((event("high"),), (market("high", start_probability=0.95),))
    async with (
        host.serving(world(story(30, high=1.2), markets=high)) as served,
        listening(served) as client,
    ):
        assets = served.listing("high").assets
        await client.ask(*assets)
        served.live(20 * MINUTE)
        heard = await client.caught_up()
        ticks = [i for i, f in enumerate(heard) if f["event_type"] == "tick_size_change"]
        assert [heard[i]["asset_id"] for i in ticks] == list(assets)
        assert (heard[ticks[0]]["old_tick_size"], heard[ticks[0]]["new_tick_size"]) == (
            "0.01",
            "0.001",
        )
        after = heard[ticks[-1] + 1]
        assert (after["event_type"], after["tick_size"]) == ("book", "0.001")
        assert await served.get("/tick-size", token_id=assets[0]) == {"minimum_tick_size": 0.001}


# -- faults ------------------------------------------------------------------------------------


async def test_a_frozen_stream_answers_pings_and_sends_nothing(
    served: Served, client: Client
) -> None:
    yes = served.listing("moved").assets[YES]
    await client.ask(yes)
    assert (await served.fault(freeze="all")).json()["connections"] == 1
    served.live(3 * MINUTE)
    assert await client.caught_up() == []
    async with listening(served) as fresh:
        assert len(await fresh.ask(yes)) == 1, "a new connection is not frozen"
    await served.fault(freeze=[])
    served.live(3 * MINUTE)
    assert await client.caught_up()


async def test_a_lasting_freeze_holds_for_later_connections(served: Served) -> None:
    await served.fault(freeze="all", lasting=True)
    async with listening(served) as client:
        yes = served.listing("moved").assets[YES]
        await client.send(type="market", assets_ids=[yes])
        served.live(3 * MINUTE)
        assert await client.caught_up() == []


async def test_one_frozen_asset_leaves_the_other_of_its_market_alive(
    served: Served, client: Client
) -> None:
    yes, no = served.listing("moved").assets
    await client.ask(yes, no)
    await served.fault(freeze=[no])
    served.live(5 * MINUTE)
    heard = await client.caught_up()
    told = {item["asset_id"] for frame in heard for item in frame.get("price_changes", [])}
    told |= {frame["asset_id"] for frame in heard if "asset_id" in frame}
    assert told == {yes}


async def test_a_cut_ends_the_connection_without_a_goodbye(served: Served, client: Client) -> None:
    await client.ask(served.listing("moved").assets[YES])
    assert (await served.fault(cut=True)).json()["cut"] == 1
    assert await client.closed() is None


@pytest.mark.parametrize(
    "order", [{"freeze": "some"}, {"freeze": ["12345"]}, {"melt": True}, {"cut": "yes"}]
)
async def test_a_fault_that_means_nothing_is_refused(
    served: Served, order: dict[str, object]
) -> None:
    answer = await served.fault(**order)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("fault: ")


async def test_a_client_that_does_not_read_is_dropped(
    served: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_stream, "PENDING_FRAMES_MAX", 20)
    await client.ask(*served.listing("moved").assets)
    served.live(10 * MINUTE)  # all at once: the writer gets no turn in between
    assert await client.closed() is None
    assert not served.venue.stream.connections


async def test_a_dropped_connection_holds_nothing_back() -> None:
    connection = Connection(NO_FREEZE, FrameFaults(Deck(), 1))
    for _ in range(market_stream.PENDING_FRAMES_MAX + 1):
        connection.send(b"{}")
    assert connection.cut
    assert not connection.pending


async def test_the_control_door_tells_the_truth(served: Served) -> None:
    served.live(2 * MINUTE)
    truth = await served.get("/control/truth")
    assert truth["stories"][0]["effects"] == {"moved": 1.0}
    assert set(truth["markets"]) == set(served.venue.board.listings)
