"""Sums over whole markets, and answers about what this world has none of."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx import ASGITransport

from practice.exchange.orders import SHARE
from tests.practice.traders import ANN, BOB, NO, YES, Floor, floor


@pytest.fixture
def here() -> Floor:
    return floor()


@pytest_asyncio.fixture
async def http(here: Floor) -> AsyncIterator[httpx.AsyncClient]:
    transport = ASGITransport(app=here.venue.app())
    async with httpx.AsyncClient(base_url="http://127.0.0.1", transport=transport) as client:
        yield client


async def get(http: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def cross(here: Floor) -> str:
    """Bob sells Ann twenty YES; answers the condition."""
    bid, ask = here.best("free")
    cents = (bid + ask) // 200
    here.order(ANN, "free", cents=cents, shares=20)
    here.order(BOB, "free", side="SELL", cents=cents, shares=20)
    return here.venue.board.listings["free"].condition


async def test_holders_are_told_by_outcome_the_most_first(
    here: Floor, http: httpx.AsyncClient
) -> None:
    condition = cross(here)
    yes, no = (await get(http, "/v2/holders", condition_id=condition))["data"]
    own = {row["proxy_wallet"]: row["amount"] for row in yes["holders"]}
    assert (own[ANN], own[BOB]) == (120, 80)
    amounts = [row["amount"] for row in yes["holders"]]
    assert amounts == sorted(amounts, reverse=True)
    assert sum(amounts) == sum(row["amount"] for row in no["holders"])
    old = await get(http, "/holders", market=condition)
    assert [row["token"] for row in old] == list(here.venue.board.listings["free"].assets)
    assert {row["proxyWallet"] for row in old[YES]["holders"]} == set(own)


async def test_open_interest_is_the_pairs_and_volume_the_shares_traded(
    here: Floor, http: httpx.AsyncClient
) -> None:
    condition = cross(here)
    market = here.venue.board.market(here.venue.board.listings["free"])
    (row,) = (await get(http, "/v2/oi", condition_id=condition))["data"]
    assert row == {"condition_id": condition, "value": market.pairs / SHARE}
    (whole,) = (await get(http, "/v2/oi"))["data"]
    assert whole["condition_id"] == "GLOBAL"
    assert whole["value"] > row["value"]
    assert await get(http, "/oi", market=condition) == [
        {"market": condition} | {"value": row["value"]}
    ]
    event = str(here.venue.board.event_numbers["free"])
    volume = (await get(http, "/v2/live-volume", event_id=event))["data"]
    assert volume["taker_volume_total"] == market.traded / SHARE
    assert volume["conditions"] == [
        {"condition_id": condition, "taker_volume": market.traded / SHARE}
    ]
    (old,) = await get(http, "/live-volume", id=event)
    assert old["total"] == volume["taker_volume_total"]


async def test_tokens_are_found_by_either_name_and_tell_their_end(
    here: Floor, http: httpx.AsyncClient
) -> None:
    listing = here.venue.board.listings["free"]
    (one,) = (await get(http, "/v2/tokens", token_id=listing.assets[NO]))["data"]
    assert (one["outcome"], one["opposite_token_id"]) == ("No", listing.assets[YES])
    assert (one["resolved"], one["final_price"]) == (False, None)
    await http.post("/control/resolve", json={"market": "free", "outcome": "VOID"})
    both = (await get(http, "/v2/tokens", condition=listing.condition))["data"]
    assert [row["final_price"] for row in both] == [0.5, 0.5]
    assert (await http.get("/v2/tokens")).status_code == 400


async def test_the_latest_trades_of_a_market_come_newest_first(
    here: Floor, http: httpx.AsyncClient
) -> None:
    condition = cross(here)
    here.order(ANN, "free", outcome=NO, side="SELL", cents=10, shares=10, kind="FAK")
    rows = await get(http, f"/markets/live-activity/{condition}")
    assert [(row["side"], row["outcome"]) for row in rows] == [("SELL", "No"), ("SELL", "Yes")]
    assert rows[0]["market"]["condition_id"] == condition
    assert rows[0]["user"]["address"] == ANN
    assert (await http.get("/markets/live-activity/0x12")).status_code == 404


async def test_closed_positions_are_listed_apart(here: Floor, http: httpx.AsyncClient) -> None:
    await http.post("/control/resolve", json={"market": "free", "outcome": "YES"})
    rows = await get(http, "/closed-positions", user=ANN)
    assert {row["slug"] for row in rows} == {"free"}
    assert all(row["size"] == 0 for row in rows)
    assert "free" not in {row["slug"] for row in await get(http, "/positions", user=ANN)}


@pytest.mark.parametrize(
    ("path", "nothing"),
    [
        ("/rewards/markets/current", {"data": [], "next_cursor": "LTE=", "limit": 100, "count": 0}),
        ("/rewards/markets/multi", {"data": [], "next_cursor": "LTE=", "limit": 100, "count": 0}),
        ("/series", []),
        ("/teams", []),
        ("/sports", []),
        ("/sports/market-types", {"marketTypes": []}),
        ("/comments", []),
        ("/comments/keyset", {"comments": []}),
        ("/tags/101/related-tags", []),
        ("/tags/slug/ai/related-tags/tags", []),
    ],
)
async def test_what_this_world_has_none_of_is_answered_with_nothing(
    http: httpx.AsyncClient, path: str, nothing: Any
) -> None:
    assert await get(http, path) == nothing


async def test_nothing_is_not_told_of_what_is_unknown_or_private(
    here: Floor, http: httpx.AsyncClient
) -> None:
    condition = here.venue.board.listings["free"].condition
    assert (await get(http, f"/rewards/markets/{condition}"))["data"] == []
    assert (await http.get("/rewards/markets/0x12")).status_code == 404
    assert (await http.get("/tags/999/related-tags")).status_code == 404
    for path in ("/rewards/user", "/rewards/user/total", "/rewards/user/percentages"):
        assert (await http.get(path)).status_code == 401
