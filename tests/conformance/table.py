"""Where a card is played: one client's two wallets, a calm market, and patience."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.cards import CARDS
from tests.conformance.drivers import Driver, Feed, Where

REPO = Path(__file__).resolve().parents[2]
PROMISES = {card.id: card for card in CARDS}
PATIENCE_S = 15.0


def card(number: str) -> pytest.MarkDecorator:
    """The test of a card, run once for each of its clients."""
    clients = PROMISES[number].clients
    names = [f"{number}-{name}" for name in clients]
    return pytest.mark.parametrize("client", clients, ids=names)


class Table:
    """One client's two drivers and a calm market with its assets; nothing of theirs rests."""

    def __init__(self, where: Where, me: Driver, other: Driver, http: httpx.AsyncClient) -> None:
        self.where, self.me, self.other, self.http = where, me, other, http
        self.market = where["calm"][0]
        self.yes = self.no = ""

    async def sit_down(self, place: int = 0) -> "Table":
        self.market = self.where["calm"][place]
        facts = await self.get(f"/clob-markets/{self.market}")
        self.yes, self.no = (row["t"] for row in facts["t"])
        for driver in (self.me, self.other):
            await driver.cancel_all()
        return self

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def book(self, asset: str = "") -> tuple[float, float]:
        """(best bid, best ask)"""
        book = await self.get("/book", token_id=asset or self.yes)
        return float(book["bids"][-1]["price"]), float(book["asks"][-1]["price"])

    async def inside(self) -> str:
        bid, ask = await self.book()
        return f"{(bid + ask) / 2:.2f}"

    async def far(self) -> str:
        return f"{(await self.book())[0] - 0.05:.2f}"

    async def rest(self, who: Driver, price: str, size: str, side: str = "BUY") -> str:
        done = await who.post(await who.limit(self.yes, side, price, size))
        assert (done.status, done.trades) == ("live", ())
        return done.id


async def heard(table: Table, who: Driver, feed: Feed) -> None:
    """A user stream gives no sign that it is open: place orders until one is told."""

    async def told() -> bool:
        order_id = await table.rest(who, await table.far(), "10")
        try:
            async with asyncio.timeout(0.3):
                await feed.next(lambda row: row["id"] == order_id)
        except TimeoutError:
            return False
        return True

    await until(told)


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Ask the venue until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not await look():
        assert time.monotonic() < deadline, "it never came to be so"
        await asyncio.sleep(0.05)
