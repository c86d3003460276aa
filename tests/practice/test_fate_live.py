"""The fate of orders under faults, as an official client lives through it: nothing is doubled."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

if not (find_spec("polymarket") and find_spec("py_clob_client_v2")):
    pytest.skip("the official clients are not installed (extra: live)", allow_module_level=True)

from polymarket.errors import PolymarketError, RequestRejectedError, TransportError

from tests.conformance.drivers import SdkDriver

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

REPO = Path(__file__).parents[2]
PATIENCE_S = 15.0


@pytest.fixture(scope="module")
def where() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--seed", "11"]
    command += ["--fault", "routes=orders"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield json.loads(program.stdout.readline())
        finally:
            program.terminate()
            assert program.wait(10) == 0


class Bench:
    """A wallet with its client, a calm market, and the door to the faults."""

    def __init__(self, where: dict[str, Any], driver: SdkDriver, http: httpx.AsyncClient) -> None:
        self.where, self.driver, self.http = where, driver, http
        self.client = driver.client
        self.asset = ""
        self.price = ""

    async def fault(self, **order: object) -> None:
        answered = await self.http.post(f"{self.where['control']}/fault", json=order)
        assert answered.status_code == 200, answered.text

    async def control(self, path: str) -> Any:
        return (await self.http.get(f"{self.where['control']}/{path}")).json()

    async def signed(self, size: str = "20") -> Any:
        """A bid inside the spread, signed and not sent."""
        facts = (await self.http.get(f"/clob-markets/{self.where['calm'][2]}")).json()
        self.asset = facts["t"][0]["t"]
        book = (await self.http.get("/book", params={"token_id": self.asset})).json()
        bid = float(book["bids"][-1]["price"])
        self.price = f"{bid + facts['mts']:.2f}"
        return await self.driver.limit(self.asset, "BUY", self.price, size)

    async def open(self) -> list[str]:
        return [row["id"] for row in await self.driver.open_orders()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def driver(where: dict[str, Any]) -> AsyncIterator[SdkDriver]:
    one = await SdkDriver.open(where, where["wallets"][0])
    yield one
    await one.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bench(where: dict[str, Any], driver: SdkDriver) -> AsyncIterator[Bench]:
    async with httpx.AsyncClient(base_url=where["clob"]) as http:
        standing = Bench(where, driver, http)
        yield standing
        await standing.fault(clear=True, routes="orders")
        await driver.cancel_all()
        audit = await standing.control("audit")
        assert audit["violations"] == []


async def test_a_lost_reply_leaves_one_order_and_the_same_bytes_again_are_duplicated(
    bench: Bench,
) -> None:
    signed = await bench.signed()
    await bench.fault(once={"lost_reply": 1})
    with pytest.raises(TransportError):
        await bench.client.post_order(signed)
    (order_id,) = await bench.open()
    with pytest.raises(RequestRejectedError, match="Duplicated"):
        await bench.client.post_order(signed)
    assert await bench.open() == [order_id]


async def test_a_lost_request_left_nothing_and_may_be_sent_again(bench: Bench) -> None:
    signed = await bench.signed()
    await bench.fault(once={"lost_request": 1})
    with pytest.raises(TransportError):
        await bench.client.post_order(signed)
    assert await bench.open() == []
    assert (await bench.client.post_order(signed)).ok
    assert len(await bench.open()) == 1


async def test_a_request_that_a_proxy_doubles_is_placed_once(bench: Bench) -> None:
    await bench.fault(once={"duplicate_answer": 1})
    with pytest.raises(RequestRejectedError, match="Duplicated"):
        await bench.client.post_order(await bench.signed())
    assert len(await bench.open()) == 1


@pytest.mark.parametrize("name", ["accepted_500", "truncated_reply"])
async def test_an_answer_that_cannot_be_read_hides_an_order_that_was_placed(
    bench: Bench, name: str
) -> None:
    await bench.fault(once={name: 1})
    with pytest.raises(PolymarketError):
        await bench.client.post_order(await bench.signed())
    assert len(await bench.open()) == 1


@pytest.mark.parametrize("name", ["status_425", "status_429", "status_500", "status_503"])
async def test_an_order_that_was_turned_away_is_nowhere(bench: Bench, name: str) -> None:
    await bench.fault(once={name: 1})
    with pytest.raises(PolymarketError):
        await bench.client.post_order(await bench.signed())
    assert await bench.open() == []


async def test_a_restart_is_named_and_post_only_lets_post_only_pass(bench: Bench) -> None:
    signed = await bench.signed()
    await bench.fault(mode="restarting", for_s=60)
    with pytest.raises(RequestRejectedError) as restarting:
        await bench.client.post_order(signed)
    assert restarting.value.restriction == "restarting"
    await bench.fault(mode="post-only", for_s=60)
    with pytest.raises(RequestRejectedError) as turned_away:
        await bench.client.post_order(signed)
    assert turned_away.value.restriction == "post_only"
    polite = await bench.driver.limit(bench.asset, "BUY", bench.price, "20", post_only=True)
    assert (await bench.client.post_order(polite)).ok
    batch = await bench.client.post_orders([signed])
    assert [answer.ok for answer in batch] == [False]
    await bench.fault(mode="cancel-only", for_s=60)
    with pytest.raises(RequestRejectedError) as closed:
        await bench.client.post_order(signed)
    assert closed.value.restriction == "cancel_only"
    assert len(await bench.driver.cancel_all()) == 1


async def test_a_fill_before_its_answer_is_found_in_the_trades(bench: Bench) -> None:
    await bench.fault(once={"fill_before_ack": 1})
    answer = await bench.client.post_order(await bench.signed())
    assert (answer.status, answer.trade_ids) == ("live", ())
    assert await bench.open() == []
    filled = [
        maker["order_id"]
        for trade in await bench.driver.trades()
        for maker in trade["maker_orders"]
    ]
    assert answer.order_id in filled


async def test_a_trade_that_fails_gives_the_money_back(bench: Bench) -> None:
    before = await bench.driver.balance()
    await bench.fault(once={"fill_before_ack": 1, "failed_trade": 1})
    answer = await bench.client.post_order(await bench.signed())
    assert await bench.driver.balance() < before
    async with asyncio.timeout(PATIENCE_S):
        while True:
            (trade,) = [
                row
                for row in await bench.driver.trades()
                if any(maker["order_id"] == answer.order_id for maker in row["maker_orders"])
            ]
            if trade["status"].endswith("FAILED"):
                break
    assert await bench.driver.balance() == before


async def test_a_resolved_market_takes_its_orders_off_and_pays(bench: Bench) -> None:
    assert (await bench.client.post_order(await bench.signed())).ok
    before = await bench.driver.balance()
    held = int(await bench.driver.balance(bench.asset, v2=len(bench.where["calm"][2]) > 66))
    order = {"market": bench.where["calm"][2], "outcome": "YES"}
    resolved = await bench.http.post(f"{bench.where['control']}/resolve", json=order)
    assert resolved.status_code == 200
    assert await bench.open() == []
    assert await bench.driver.balance() == before + held
