"""The account's stream while an official client trades at the practice venue, a program of its own.

Venue, client and stream share no code: what they agree on is the protocol.
"""

import asyncio
import json
import time
from importlib.util import find_spec
from typing import Any

import httpx
import msgspec
import pytest

from feeds.clock import Clock
from feeds.events import Fill, FillSettled, Liquidity, OrderState, OrderUpdate, Settlement
from feeds.markets import SHARE, Money, Price, Side, Size
from feeds.polymarket.account.heartbeat import Heartbeat
from feeds.polymarket.account.reader import AccountReader
from feeds.polymarket.account.user_channel import AskRest, Credentials, UserEvent
from feeds.polymarket.account.user_stream import UserStream
from feeds.polymarket.health import StreamHealth
from feeds.polymarket.hosts import Hosts
from strategies.portfolio import Portfolio

from .test_against_practice import practice

if not (find_spec("polymarket") and find_spec("py_clob_client_v2") and find_spec("coincurve")):
    pytest.skip("the official clients are not installed (extra: live)", allow_module_level=True)

from tests.conformance.drivers import SdkDriver

PATIENCE_S = 20.0


def four_percent(market: str, asset: str, side: Side, price: Price, size: Size) -> Money:
    return size * 4 * price * (10_000 - price) // 100 // 10_000**2


class Ear:
    """What one account's stream has told."""

    def __init__(self) -> None:
        self.events: list[UserEvent] = []
        self._news = asyncio.Event()

    def hear(self, events: list[UserEvent]) -> None:
        self.events += events
        self._news.set()

    def hear_health(self, health: StreamHealth) -> None:
        self._news.set()

    def state(self, order_id: str) -> tuple[OrderState, Size] | None:
        told = [
            one for one in self.events if isinstance(one, OrderUpdate) and one.order_id == order_id
        ]
        return (told[-1].state, told[-1].filled) if told else None

    def fills(self, order_id: str) -> list[Fill]:
        return [one for one in self.events if isinstance(one, Fill) and one.order_id == order_id]

    def stages(self, order_id: str) -> dict[int, str]:
        """What became of each fill, by its size in shares."""
        settled = {one.fill_id: one.stage for one in self.events if isinstance(one, FillSettled)}
        fills = self.fills(order_id)
        return {fill.size // SHARE: settled[fill.id].value for fill in fills}

    def confirmed(self, order_id: str) -> bool:
        settled = {one.fill_id: one.stage for one in self.events if isinstance(one, FillSettled)}
        fills = self.fills(order_id)
        return bool(fills) and all(settled.get(one.id) is Settlement.CONFIRMED for one in fills)

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()


def _key(driver: SdkDriver, where: dict[str, Any]) -> Credentials:
    key = driver.client.credentials
    address = where["wallets"][0]["address"]
    return Credentials(str(key.key), str(key.secret), str(key.passphrase), address)


def stream_of(where: dict[str, Any], driver: SdkDriver, ear: Ear) -> UserStream:
    return UserStream(
        Hosts.of(ws_user=where["ws_user"]),
        Clock(),
        _key(driver, where),
        four_percent,
        ear.hear,
        ear.hear_health,
    )


async def _book(where: dict[str, Any], asset: str) -> tuple[Price, Price]:
    async with httpx.AsyncClient() as http:
        book = (await http.get(f"{where['clob']}/book", params={"token_id": asset})).json()
    bids = [round(float(level["price"]) * 10_000) for level in book["bids"]]
    asks = [round(float(level["price"]) * 10_000) for level in book["asks"]]
    return max(bids), min(asks)


async def _yes(where: dict[str, Any], market: str) -> str:
    async with httpx.AsyncClient() as http:
        facts = (await http.get(f"{where['clob']}/clob-markets/{market}")).json()
    return str(facts["t"][0]["t"])


def _inside(bid: Price, ask: Price) -> Price:
    """A price between the best two, on the grid."""
    return bid + 100 if (ask - bid) % 100 == 0 and ask - bid > 100 else bid + 10


def _text(price: Price) -> str:
    return f"{price / 10_000:.4f}".rstrip("0")


async def test_an_official_clients_orders_and_trades_are_heard_as_they_were() -> None:
    async with practice() as where:
        me = await SdkDriver.open(where, where["wallets"][0])
        other = await SdkDriver.open(where, where["wallets"][1])
        mine, theirs = Ear(), Ear()
        streams = [stream_of(where, me, mine), stream_of(where, other, theirs)]
        tasks = [asyncio.create_task(stream.run()) for stream in streams]
        try:
            await _trade(where, me, other, mine, theirs, streams)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await me.close()
            await other.close()
        for stream in streams:
            assert not [key for key in stream.channel.counts if key.startswith("refused")]


async def _trade(
    where: dict[str, Any],
    me: SdkDriver,
    other: SdkDriver,
    mine: Ear,
    theirs: Ear,
    streams: list[UserStream],
) -> None:
    await mine.until(lambda: any(isinstance(one, AskRest) for one in mine.events))
    await theirs.until(lambda: any(isinstance(one, AskRest) for one in theirs.events))
    market = where["calm"][0]
    asset = await _yes(where, market)
    price = _inside(*await _book(where, asset))
    resting = await me.post(await me.limit(asset, "BUY", _text(price), "10"))
    streams[0].expect(resting.id, 10 * SHARE)  # made known only after it may have been heard of
    await mine.until(lambda: mine.state(resting.id) == (OrderState.OPEN, 0))

    taking = await other.post(await other.market(asset, "SELL", "4", _text(price), "FAK"))
    streams[1].expect(taking.id, 4 * SHARE)
    await mine.until(lambda: mine.confirmed(resting.id))
    await theirs.until(lambda: theirs.confirmed(taking.id))
    assert mine.state(resting.id) == (OrderState.OPEN, 4 * SHARE)
    assert theirs.state(taking.id) == (OrderState.FILLED, 4 * SHARE)
    (made,) = mine.fills(resting.id)
    (taken,) = theirs.fills(taking.id)
    assert (made.side, made.price, made.size, made.fee) == (Side.BUY, price, 4 * SHARE, 0)
    assert (taken.side, taken.price, taken.size) == (Side.SELL, price, 4 * SHARE)
    assert (made.liquidity, taken.liquidity) == (Liquidity.MAKER, Liquidity.TAKER)
    assert (made.condition_id, made.asset_id) == (market, asset)
    assert taken.fee > 0

    await me.cancel(resting.id)
    await mine.until(lambda: mine.state(resting.id) == (OrderState.CANCELLED, 4 * SHARE))
    await _told_by_rest_alone(where, me, resting.id, made)


async def _told_by_rest_alone(
    where: dict[str, Any], driver: SdkDriver, order_id: str, made: Fill
) -> None:
    """A stream that missed everything hears the same from REST."""
    late = Ear()
    stream = stream_of(where, driver, late)
    stream.expect(order_id, 10 * SHARE)
    hosts = Hosts.of(clob=where["clob"])
    async with httpx.AsyncClient() as http:
        reader = AccountReader(hosts, http, Clock(), _key(driver, where))
        await reader.tell(stream.channel)
    stream.deliver()
    assert late.state(order_id) == (OrderState.CANCELLED, 4 * SHARE)
    assert late.confirmed(order_id)
    (fill,) = late.fills(order_id)
    assert msgspec.structs.replace(fill, at_ns=made.at_ns) == made


async def test_our_money_is_the_venues_when_trades_fail_retry_and_are_confirmed() -> None:
    async with practice() as where, httpx.AsyncClient() as http:
        me = await SdkDriver.open(where, where["wallets"][0])
        other = await SdkDriver.open(where, where["wallets"][1])
        ear = Ear()
        stream = stream_of(where, me, ear)
        task = asyncio.create_task(stream.run())
        try:
            await ear.until(lambda: any(isinstance(one, AskRest) for one in ear.events))
            asset = await _yes(where, where["calm"][0])
            price = _inside(*await _book(where, asset))
            before = (await me.balance(), await me.balance(asset))
            resting = await me.post(await me.limit(asset, "BUY", _text(price), "12"))
            stream.expect(resting.id, 12 * SHARE)
            for size, faults in ((5, {}), (4, {"failed_trade": 1}), (3, {"retrying_trade": 1})):
                ordered = {"once": faults, "retrying_trade_ms_max": 1_500}
                (await http.post(f"{where['control']}/fault", json=ordered)).raise_for_status()
                await other.post(await other.market(asset, "SELL", str(size), _text(price), "FAK"))
            await ear.until(
                lambda: ear.stages(resting.id) == {5: "confirmed", 4: "failed", 3: "confirmed"}
            )
            portfolio = Portfolio(before[0])
            for event in ear.events:
                if isinstance(event, Fill | FillSettled):
                    portfolio.recall(event)
            after = (await me.balance(), await me.balance(asset))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await me.close()
            await other.close()
    assert portfolio.held(asset) == after[1] - before[1] == 8 * SHARE
    assert portfolio.cash == after[0]
    assert portfolio.pending(asset) == 0


async def test_the_chain_of_heartbeats_is_kept_up_at_the_practice_venue() -> None:
    async with practice() as where:
        driver = await SdkDriver.open(where, where["wallets"][0])
        chain = Heartbeat()
        now = time.time_ns()
        chain.start(now)
        try:
            for _ in range(3):
                body = chain.due(now)
                assert body is not None
                taken, known = await driver.beat(json.loads(body)["heartbeat_id"])
                told = json.dumps({"heartbeat_id": known}).encode()
                chain.answered(200 if taken else 400, told, now, now)
                assert chain.refusal == ""
                now += 5_000_000_000
            stale, known = await driver.beat("a beat of another life")
            assert not stale
            assert chain.due(now) == json.dumps({"heartbeat_id": known}).replace(" ", "").encode()
        finally:
            await driver.close()
