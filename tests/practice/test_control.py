"""The control door, over real sockets: markets resolved and re-ticked, the auditor's word."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from feeds.events import Fill, Liquidity
from feeds.markets import Market, MarketState, Side
from feeds.polymarket.gamma import market_from_gamma
from feeds.polymarket.wire import GammaMarket, decode_as
from practice.clock import HOUR, MINUTE
from practice.exchange.orders import DOLLAR, NO, SHARE, YES, Refused, Request
from practice.serve import Practice
from practice.world.catalogue import Catalogue
from strategies.portfolio import Portfolio
from tests.practice.loopback import Client, Host, Served, hosting, listening
from tests.practice.worlds import event, market, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


def markets() -> Catalogue:
    family = [market(f"lead-{name}", event="lead", activity=0.1) for name in ("a", "b", "c")]
    alone = [market("moved"), market("still", activity=0.1)]
    events = (event("lead", neg_risk=True), *(event(spec.slug) for spec in alone))
    return Catalogue(events, (*family, *alone))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    async with host.serving(world(markets=markets())) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: Served) -> AsyncIterator[Client]:
    async with listening(served) as one:
        yield one


async def post(served: Served, path: str, body: object) -> httpx.Response:
    return await served.http.post(f"/control/{path}", json=body)


async def told(served: Served, path: str, body: object) -> Any:
    answered = await post(served, path, body)
    assert answered.status_code == 200, answered.text
    return answered.json()


def of_kind(frames: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame["event_type"] == kind]


# -- resolving -----------------------------------------------------------------------------------


async def test_resolving_pays_the_winners_and_takes_every_order_off(served: Served) -> None:
    exchange = served.venue.world.exchange
    exchange.deposit("ann", 1_000 * DOLLAR)
    exchange.split("ann", "moved", 100 * SHARE)
    resting = Request(
        id="r", account="ann", market="moved", outcome=NO, side="SELL", price=9_000, size=10 * SHARE
    )
    exchange.place(resting)
    condition = served.listing("moved").condition
    assert (await told(served, "resolve", {"market": condition, "outcome": "NO"})) == {
        "market": condition,
        "slug": "moved",
        "winner": "No",
        "winning_asset_id": served.listing("moved").assets[NO],
    }
    ann = exchange.accounts["ann"]
    assert (ann.cash, ann.shares, ann.reserved) == (1_000 * DOLLAR, {}, {})
    assert not [one for one in exchange.orders.values() if one.request.market == "moved"]
    with pytest.raises(Refused, match="not yet ready"):
        exchange.place(resting)
    assert (await served.get("/control/audit"))["violations"] == []


async def test_a_resolved_market_is_closed_everywhere_and_names_its_winner(served: Served) -> None:
    listing = served.listing("moved")
    await told(served, "resolve", {"market": listing.condition, "outcome": "YES"})
    row = await served.get("/markets/slug/moved")
    assert (row["closed"], row["acceptingOrders"]) == (True, False)
    assert json.loads(row["outcomePrices"]) == ["1", "0"]
    assert row["umaResolutionStatus"] == "resolved"
    assert row["closedTime"].endswith("+00")
    clob = await served.get(f"/markets/{listing.condition}")
    assert [token["winner"] for token in clob["tokens"]] == [True, False]
    assert (clob["closed"], clob["accepting_orders"]) == (True, False)
    assert (await served.get(f"/clob-markets/{listing.condition}"))["ao"] is False
    truth = await served.get("/control/truth")
    assert truth["markets"]["moved"]["winner"] == YES


async def test_a_void_market_pays_half_for_every_share_and_names_nobody(
    served: Served, client: Client
) -> None:
    listing = served.listing("moved")
    exchange = served.venue.world.exchange
    exchange.deposit("ann", 1_000 * DOLLAR)
    exchange.split("ann", "moved", 100 * SHARE + 1)
    exchange.hand_over("ann", "crowd", "moved", NO, 50 * SHARE)
    await client.ask(*served.listing("still").assets, custom_feature_enabled=True)
    done = await told(served, "resolve", {"market": "moved", "outcome": "void"})
    assert (done["winner"], done["winning_asset_id"]) == ("", "")
    # 100.000001 YES and 50.000001 NO are paid half, each rounded down
    assert exchange.accounts["ann"].cash == (900 + 50 + 25) * DOLLAR - 1
    row = await served.get("/markets/slug/moved")
    assert json.loads(row["outcomePrices"]) == ["0.5", "0.5"]
    assert (row["closed"], row["umaResolutionStatus"]) == (True, "resolved")
    clob = await served.get(f"/markets/{listing.condition}")
    assert [token["winner"] for token in clob["tokens"]] == [False, False]
    assert [token["price"] for token in clob["tokens"]] == [0.5, 0.5]
    assert clob["is_50_50_outcome"] is True
    (resolution,) = (await served.get("/v2/resolutions", condition_id=listing.condition))["data"]
    assert (resolution["price"], resolution["payouts"]) == ("0.5", ["500000", "500000"])
    (resolved,) = of_kind(await client.caught_up(), "market_resolved")
    assert (resolved["winning_asset_id"], resolved["winning_outcome"]) == ("", "")
    assert (await served.get("/control/audit"))["violations"] == []


async def test_the_desk_takes_a_void_market_for_one_that_pays_half(served: Served) -> None:
    listing = served.listing("moved")
    await told(served, "resolve", {"market": "moved", "outcome": "VOID"})
    row = await served.http.get("/markets/slug/moved")
    seen = market_from_gamma(decode_as(GammaMarket, row.content))
    assert isinstance(seen, Market)
    assert (seen.state, seen.winner) == (MarketState.RESOLVED, "")
    own = Portfolio(1_000 * DOLLAR)
    bought = Fill(
        at_ns=1,
        id="f",
        order_id="o",
        condition_id=listing.condition,
        asset_id=listing.assets[NO],
        side=Side.BUY,
        price=4_000,
        size=10 * SHARE,
        fee=0,
        liquidity=Liquidity.TAKER,
    )
    assert own.apply(bought)
    own.resolve(seen.condition_id, seen.winner)
    assert (own.cash, own.realised) == (1_001 * DOLLAR, DOLLAR)


async def test_the_stream_tells_the_end_to_those_who_asked_for_it(
    served: Served, client: Client
) -> None:
    listing = served.listing("moved")
    await client.ask(*served.listing("still").assets, custom_feature_enabled=True)
    async with listening(served) as plain:
        await plain.ask(*listing.assets)
        await told(served, "resolve", {"market": listing.condition, "outcome": "YES"})
        (resolved,) = of_kind(await client.caught_up(), "market_resolved")
        assert resolved["winning_asset_id"] == listing.assets[YES]
        assert (resolved["market"], resolved["winning_outcome"]) == (listing.condition, "Yes")
        assert resolved["assets_ids"] == list(listing.assets)
        heard = await plain.caught_up()
        assert not of_kind(heard, "market_resolved")
        books = of_kind(heard, "book")
        assert [(book["bids"], book["asks"]) for book in books] == [([], []), ([], [])]


async def test_the_world_goes_on_after_a_market_has_ended(served: Served) -> None:
    await told(served, "resolve", {"market": "moved", "outcome": "yes"})
    before = served.venue.auditor.steps
    served.live(30 * MINUTE)
    audit = await served.get("/control/audit")
    assert audit["violations"] == []
    assert audit["steps"] > before


@pytest.mark.parametrize("name", ["condition", "slug", "number", "asset"])
async def test_a_market_may_be_named_in_four_ways(served: Served, name: str) -> None:
    listing = served.listing("still")
    names = {
        "condition": listing.condition,
        "slug": "still",
        "number": str(listing.number),
        "asset": listing.assets[NO],
    }
    done = await told(served, "resolve", {"market": names[name], "outcome": "YES"})
    assert done["slug"] == "still"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("resolve", {"market": "still", "outcome": "MAYBE"}, 400, 'one of "YES", "NO", "VOID"'),
        ("resolve", {"market": "nowhere", "outcome": "YES"}, 404, "no market is called 'nowhere'"),
        ("resolve", {"market": "9" * 100, "outcome": "YES"}, 404, "no market is called"),
        ("resolve", {"market": "still"}, 400, "resolve: Object missing required field `outcome`"),
        ("resolve", {"market": 1, "outcome": "YES"}, 400, "resolve: Expected `str`"),
        ("resolve", ["still"], 400, "the body must be a JSON object"),
        ("tick", {"market": "still", "tick": "0.02"}, 400, "tick must be one of 0.1, 0.01, 0.005"),
        ("tick", {"market": "still", "tick": 1e308}, 400, "tick must be one of"),
        ("tick", {"market": "still", "tick": "nan"}, 400, "tick must be one of"),
    ],
)
async def test_a_bad_order_is_refused_with_its_field_and_the_fix(
    served: Served, path: str, body: object, status: int, words: str
) -> None:
    refused = await post(served, path, body)
    assert refused.status_code == status
    assert words in refused.json()["error"]


async def test_a_market_resolves_once(served: Served) -> None:
    await told(served, "resolve", {"market": "still", "outcome": "YES"})
    again = await post(served, "resolve", {"market": "still", "outcome": "NO"})
    assert again.status_code == 409
    assert served.venue.world.exchange.markets["still"].winner == YES
    assert (await post(served, "tick", {"market": "still", "tick": 0.001})).status_code == 409


# -- ends that come by themselves ----------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def sleepy(host: Host) -> AsyncIterator[Served]:
    """A world in which hours pass quickly, as hardly anybody trades."""
    alone = market("short", end_days=0, activity=0.05, tags=("Weather",))
    async with host.serving(world(markets=Catalogue((event("short"),), (alone,)))) as running:
        yield running


async def test_a_market_closes_on_its_end_date_and_is_resolved_later(sleepy: Served) -> None:
    served = sleepy
    spec = served.listing("short").spec
    row = await served.get("/markets/slug/short")
    end_ns = served.venue.world.end_ns(spec)
    assert row["endDate"].endswith("T23:59:00Z")
    served.live(end_ns - served.clock.now_ns())
    row = await served.get("/markets/slug/short")
    assert (row["acceptingOrders"], row["closed"]) == (False, True)
    assert row["umaResolutionStatus"] == "proposed"
    served.live(4 * HOUR)
    row = await served.get("/markets/slug/short")
    assert sorted(json.loads(row["outcomePrices"])) == ["0", "1"]
    assert (await served.get("/control/audit"))["violations"] == []


async def test_of_outcomes_that_exclude_each_other_one_comes_true(served: Served) -> None:
    living = served.venue.world
    family = [item.spec for item in served.venue.board.of_event["lead"]]
    assert [living.outcome(spec) for spec in family].count(YES) == 1


async def test_a_named_winner_makes_its_siblings_lose(served: Served) -> None:
    living = served.venue.world
    family = {item.spec.slug: item.spec for item in served.venue.board.of_event["lead"]}
    await told(served, "resolve", {"market": "lead-c", "outcome": "YES"})
    assert [living.outcome(family[slug]) for slug in ("lead-a", "lead-b")] == [NO, NO]


# -- grids ---------------------------------------------------------------------------------------


async def test_another_grid_is_told_for_both_assets_and_then_the_books(
    served: Served, client: Client
) -> None:
    listing = served.listing("moved")
    await client.ask(*listing.assets)
    assert await told(served, "tick", {"market": listing.condition, "tick": 0.001}) == {
        "market": listing.condition,
        "old_tick_size": "0.01",
        "new_tick_size": "0.001",
    }
    heard = await client.caught_up()
    changes = of_kind(heard, "tick_size_change")
    assert {frame["asset_id"] for frame in changes} == set(listing.assets)
    assert {(f["old_tick_size"], f["new_tick_size"]) for f in changes} == {("0.01", "0.001")}
    assert {book["tick_size"] for book in of_kind(heard, "book")} == {"0.001"}
    row = await served.get("/markets/slug/moved")
    assert row["orderPriceMinTickSize"] == 0.001
    served.live(5 * MINUTE)
    await client.caught_up()
    assert (await served.get("/control/audit"))["violations"] == []


async def test_the_same_grid_again_is_no_news(served: Served, client: Client) -> None:
    await client.ask(*served.listing("moved").assets)
    await told(served, "tick", {"market": "moved", "tick": "0.01"})
    assert await client.caught_up() == []


# -- new markets ---------------------------------------------------------------------------------


async def test_a_new_market_is_announced_listed_and_alive(served: Served, client: Client) -> None:
    served.live(2 * MINUTE)
    await client.ask(*served.listing("still").assets, custom_feature_enabled=True)
    order = {"question": "Will a fourth lab lead? Ölpreis!", "probability": 0.3, "activity": 5}
    listed = await told(served, "list", order)
    (frame,) = of_kind(await client.caught_up(), "new_market")
    assert frame["condition_id"] == frame["market"] == listed["market"]
    assert frame["assets_ids"] == frame["clob_token_ids"] == listed["assets"]
    assert (frame["question"], frame["outcomes"]) == (order["question"], ["Yes", "No"])
    row = await served.get(f"/markets/slug/{listed['slug']}")
    assert (row["id"], row["conditionId"]) == (frame["id"], listed["market"])
    assert 0.2 < float(json.loads(row["outcomePrices"])[0]) < 0.4
    await client.send(operation="subscribe", assets_ids=listed["assets"])
    assert len(of_kind(await client.caught_up(), "book")) == 2
    served.live(5 * MINUTE)
    assert of_kind(await client.caught_up(), "price_change")
    history = await served.get("/prices-history", market=listed["assets"][0], interval="1h")
    assert len(history["history"]) > 50
    assert (await served.get("/control/audit"))["violations"] == []
    await told(served, "resolve", {"market": listed["market"], "outcome": "NO"})
    assert (await post(served, "list", order)).status_code == 409


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "list: Object missing required field `question`"),
        ({"question": "x", "probability": 1.0}, "probability must be 0.01 to 0.99"),
        ({"question": "x", "end_days": -1}, "end_days must be 0 to 3650"),
        ({"question": "x", "colour": 1}, "list: Object contains unknown field `colour`"),
    ],
)
async def test_a_bad_listing_is_refused(
    served: Served, body: dict[str, object], words: str
) -> None:
    refused = await post(served, "list", body)
    assert refused.status_code == 400
    assert words in refused.json()["error"]
    assert len(served.venue.board.listings) == 5


# -- who may ask --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:8080"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": ""}, 403),
        ({"host": "localhost:99"}, 200),
        ({"host": "[::1]:99"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/jsonp"}, 415),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200),
    ],
)
async def test_no_page_in_a_browser_gets_through_the_door(
    served: Served, headers: dict[str, str], status: int
) -> None:
    sent = {"content-type": "application/json", **headers}
    answered = await served.http.post("/control/fault", content=b'{"clear": true}', headers=sent)
    assert answered.status_code == status, answered.text
    if status == 403:
        looked = await served.http.get("/control/truth", headers=headers)
        assert looked.status_code == 403


async def test_the_doors_address_holds_a_token_that_changes() -> None:
    places = []
    for _ in range(2):
        practice = Practice(7, 1.0, "http://127.0.0.1:1", None)
        places.append(str(practice.addresses()["control"]))
    assert places[0] != places[1]
    transport = httpx.ASGITransport(practice.app)
    async with httpx.AsyncClient(transport=transport) as http:
        assert (await http.get(f"{places[1]}/faults")).status_code == 200
        for wrong in (f"{places[0]}/faults", "http://127.0.0.1:1/control/faults"):
            refused = await http.get(wrong)
            assert (refused.status_code, "address" in refused.json()["error"]) == (404, True)


async def test_a_market_may_be_listed_while_the_others_still_get_their_past(
    served: Served,
) -> None:
    world = served.venue.world
    world.remember_one()
    await told(served, "list", {"question": "Will this be listed early?"})
    for _ in range(200):
        world.remember_one()
    served.live(MINUTE)
    assert (await served.get("/control/audit"))["violations"] == []
