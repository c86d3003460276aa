"""Makers' rebates: whose, how much, when they are paid, and how the venue tells of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest_asyncio
from httpx import ASGITransport

from practice.clock import DAY, MINUTE, SECOND
from tests.practice.traders import ANN, BOB, NO, YES, Floor, floor


@pytest_asyncio.fixture
async def here() -> AsyncIterator[tuple[Floor, httpx.AsyncClient]]:
    standing = floor()
    transport = ASGITransport(app=standing.venue.app())
    async with httpx.AsyncClient(base_url="http://venue", transport=transport) as http:
        yield standing, http


def day_of(here: Floor) -> str:
    return datetime.fromtimestamp(here.clock.now_ns() // SECOND, UTC).date().isoformat()


async def rows(http: httpx.AsyncClient, day: str, maker: str) -> Any:
    answer = await http.get("/rebates/current", params={"date": day, "maker_address": maker})
    assert answer.status_code == 200, answer.text
    return answer.json()


def cross(here: Floor, maker: str, shares: int, outcome: int = YES) -> int:
    """Half way between the makers of the world one order meets another; answers the fee (e6)."""
    taker = BOB if maker == ANN else ANN
    bid, ask = here.best("paid")
    cents = (bid + ask) // 200
    here.order(maker, "paid", side="BUY", cents=cents, shares=shares)
    terms = {"side": "SELL", "cents": cents} if outcome == YES else {"cents": 100 - cents}
    here.order(taker, "paid", outcome=outcome, shares=shares, **terms)
    trade = here.venue.board.market(here.venue.board.listings["paid"]).last
    assert trade is not None
    assert trade.account == taker
    return trade.fee


async def test_a_days_fees_are_shared_among_its_makers_by_the_weight_of_their_fills(
    here: tuple[Floor, httpx.AsyncClient],
) -> None:
    standing, http = here
    fees = cross(standing, ANN, 30) + cross(standing, BOB, 10)
    pool, day = fees // 4, day_of(standing)
    (ann,), (bob,) = await rows(http, day, ANN), await rows(http, day, BOB.upper())
    assert ann == {
        "date": day,
        "condition_id": standing.venue.board.listings["paid"].condition,
        "asset_address": "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB",
        "maker_address": ANN,
        "rebated_fees_usdc": f"{pool * 3 // 4 / 1e6:.6f}".rstrip("0"),
    }
    assert bob["rebated_fees_usdc"] == f"{pool // 4 / 1e6:.6f}".rstrip("0")


async def test_what_was_earned_is_paid_when_the_day_is_over_and_stays_to_be_seen(
    here: tuple[Floor, httpx.AsyncClient],
) -> None:
    standing, http = here
    pool, day = cross(standing, ANN, 40, NO) // 4, day_of(standing)
    before = standing.cash(ANN)
    standing.live(DAY - standing.clock.now_ns() % DAY - 1)
    assert standing.cash(ANN) == before
    standing.live(MINUTE)
    assert standing.cash(ANN) == before + pool
    (row,) = await rows(http, day, ANN)
    assert float(row["rebated_fees_usdc"]) == pool / 1e6
    assert await rows(http, day_of(standing), ANN) == []
    activity = await http.get("/v2/activity", params={"user": ANN, "type": "MAKER_REBATE"})
    (deed,) = activity.json()["data"]
    assert (deed["type"], deed["usdc_size"]) == ("MAKER_REBATE", pool / 1e6)
    assert standing.venue.auditor.told()["violations"] == []


async def test_a_trade_that_failed_leaves_nothing_to_be_rebated(
    here: tuple[Floor, httpx.AsyncClient],
) -> None:
    standing, http = here
    standing.venue.deck.strike_next({"failed_trade": 1})
    cross(standing, ANN, 20)
    assert await rows(http, day_of(standing), ANN)
    standing.live(MINUTE)
    assert [row["status"] for row in standing.events(ANN, "TRADE")][-1] == "FAILED"
    assert await rows(http, day_of(standing), ANN) == []
    standing.live(DAY)
    assert standing.venue.auditor.told()["violations"] == []


async def test_free_markets_and_takers_earn_nothing_and_a_bad_date_is_refused(
    here: tuple[Floor, httpx.AsyncClient],
) -> None:
    standing, http = here
    cross(standing, ANN, 20)
    assert await rows(http, day_of(standing), BOB) == []
    assert await rows(http, "2020-01-01", ANN) == []
    for bad in ("", "yesterday", "2026-13-01"):
        answer = await http.get("/rebates/current", params={"date": bad, "maker_address": ANN})
        assert (answer.status_code, "YYYY-MM-DD" in answer.json()["error"]) == (400, True)
