"""Every card, with every client that it names, against the running practice program."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.conformance.cards import CARDS

if not (find_spec("polymarket") and find_spec("py_clob_client_v2")):
    pytest.skip("the official clients are not installed (extra: live)", allow_module_level=True)

from tests.conformance.drivers import DRIVERS, Driver, Feed, Refused, SdkDriver, Where

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

REPO = Path(__file__).resolve().parents[2]
PROMISES = {card.id: card for card in CARDS}
PATIENCE_S = 15.0


def card(number: str) -> pytest.MarkDecorator:
    """The test of a card, run once for each of its clients."""
    clients = PROMISES[number].clients
    names = [f"{number}-{name}" for name in clients]
    return pytest.mark.parametrize("client", clients, ids=names)


@pytest.fixture(scope="module")
def where() -> Iterator[Where]:
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--seed", "7"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield json.loads(program.stdout.readline())
        finally:
            program.terminate()
            assert program.wait(10) == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drivers(where: Where) -> AsyncIterator[dict[tuple[str, int], Driver]]:
    """(client, number of the wallet) -> a logged-in driver; two wallets each."""
    opened: dict[tuple[str, int], Driver] = {}
    for name, kind in DRIVERS.items():
        for number in (0, 1):
            opened[name, number] = await kind.open(where, where["wallets"][number])
    yield opened
    for driver in opened.values():
        await driver.close()


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


@pytest_asyncio.fixture(loop_scope="module")
async def table(
    where: Where, drivers: dict[tuple[str, int], Driver], client: str
) -> AsyncIterator[Table]:
    async with httpx.AsyncClient(base_url=where["clob"]) as http:
        yield await Table(where, drivers[client, 0], drivers[client, 1], http).sit_down()


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


# -- keys and wallets ------------------------------------------------------------------------------


@card("K1")
async def test_a_key_is_made_once_and_the_same_ever_after(table: Table, client: str) -> None:
    again = await DRIVERS[client].open(table.where, table.where["wallets"][0])
    assert await again.key() == await table.me.key()
    assert await table.other.key() != await table.me.key()
    await again.close()


@card("K2")
async def test_every_kind_of_wallet_may_trade(table: Table, client: str) -> None:
    price = await table.far()
    kinds = set()
    for wallet in table.where["wallets"]:
        driver = await DRIVERS[client].open(table.where, wallet)
        assert await driver.balance() >= 1_000 * 10**6
        order_id = await table.rest(driver, price, "10")
        row = await driver.order(order_id)
        assert row["maker_address"] == wallet["address"]
        assert await driver.cancel(order_id) == ([order_id], {})
        kinds.add(wallet["kind"])
        await driver.close()
    assert kinds == {"eoa", "proxy", "safe", "deposit"}


@card("K3")
async def test_another_secret_opens_nothing(table: Table, client: str) -> None:
    if client == "py-clob-client-v2":
        from py_clob_client_v2 import ApiCreds, ClobClient

        wallet = table.where["wallets"][0]
        creds = ApiCreds(await table.me.key(), "A" * 43 + "=", "x")
        stranger = ClobClient(table.where["clob"], 137, key=wallet["private_key"], creds=creds)
        with pytest.raises(Exception, match="401"):
            await asyncio.to_thread(stranger.get_open_orders)
        return
    from polymarket import ApiKeyCreds, AsyncSecureClient

    wallet = table.where["wallets"][0]
    wrong = ApiKeyCreds(key=await table.me.key(), secret="A" * 43 + "=", passphrase="x")
    client_ = await AsyncSecureClient.create(
        private_key=wallet["private_key"],
        wallet=wallet["address"],
        credentials=wrong,
        environment=SdkDriver.environment(table.where),
    )
    assert client_.credentials.secret != wrong.secret  # it saw that they are dead, and asked anew
    await client_.close()


# -- orders ----------------------------------------------------------------------------------------


@card("O1")
async def test_a_limit_order_rests_and_is_shown_as_sent(table: Table, client: str) -> None:
    price = await table.inside()
    order_id = await table.rest(table.me, price, "12.34")
    row = (await table.me.open_orders(id=order_id))[0]
    assert float(row["price"]) == float(price)
    assert (float(row["original_size"]), float(row["size_matched"])) == (12.34, 0)
    assert (row["side"], row["order_type"], row["outcome"]) == ("BUY", "GTC", "Yes")
    assert (row["market"], row["asset_id"], row["status"]) == (table.market, table.yes, "LIVE")
    assert (await table.book())[0] == float(price)
    assert (await table.book(table.no))[1] == pytest.approx(1 - float(price))
    assert await table.other.open_orders() == []


@card("O2")
async def test_a_dated_order_rests_and_one_that_ends_too_soon_is_refused(
    table: Table, client: str
) -> None:
    price, now = await table.far(), int(time.time())
    done = await table.me.post(
        await table.me.limit(table.yes, "BUY", price, "10", expiration=now + 240)
    )
    row = await table.me.order(done.id)
    assert row["order_type"] == "GTD"
    with pytest.raises(Refused, match="xpiration"):
        await table.me.post(
            await table.me.limit(table.yes, "BUY", price, "10", expiration=now + 100)
        )


@card("O3")
async def test_a_post_only_order_rests_or_is_refused(table: Table, client: str) -> None:
    bid, ask = await table.book()
    done = await table.me.post(
        await table.me.limit(table.yes, "BUY", f"{bid + 0.01:.2f}", "10", post_only=True)
    )
    assert done.status == "live"
    crossing = await table.me.limit(table.yes, "BUY", f"{ask:.2f}", "10", post_only=True)
    with pytest.raises(Refused, match="post-only order: order crosses book"):
        await table.me.post(crossing)


@card("O4")
async def test_a_market_buy_spends_its_dollars_or_nothing(table: Table, client: str) -> None:
    price = await table.inside()
    await table.rest(table.other, price, "50", "SELL")
    before = await table.me.balance(table.yes)
    limit = f"{float(price) + 0.01:.2f}"
    done = await table.me.post(await table.me.market(table.yes, "BUY", "5", limit, "FOK"))
    assert (done.status, len(done.trades)) == ("matched", 1)
    assert float(done.gave) == pytest.approx(5, abs=1e-5)
    assert float(done.got) == pytest.approx(5 / float(price), abs=1e-5)
    bought = await table.me.balance(table.yes) - before
    assert bought == pytest.approx(float(done.got) * 1e6, abs=1)
    too_much = await table.me.market(table.yes, "BUY", "100", price, "FOK")
    with pytest.raises(Refused, match=r"fok_not_filled|FOK orders are fully filled or killed"):
        await table.me.post(too_much)


@card("O5")
async def test_a_market_sale_sells_what_is_wanted_at_once(table: Table, client: str) -> None:
    price = await table.inside()
    await table.rest(table.other, price, "20")
    before = await table.me.balance(table.yes)
    done = await table.me.post(await table.me.market(table.yes, "SELL", "30", price, "FAK"))
    assert (done.status, float(done.gave)) == ("matched", 20)
    assert float(done.got) == pytest.approx(20 * float(price))
    assert await table.me.open_orders() == []
    assert before - await table.me.balance(table.yes) == 20 * 10**6
    with pytest.raises(Refused, match=r"fak_not_filled|no orders found to match with FAK"):
        await table.me.post(await table.me.market(table.yes, "SELL", "30", price, "FAK"))


@card("O6")
async def test_part_of_a_resting_order_fills(table: Table, client: str) -> None:
    price = await table.inside()
    resting = await table.rest(table.other, price, "40", "SELL")
    done = await table.me.post(await table.me.limit(table.yes, "BUY", price, "15"))
    assert (done.status, float(done.got)) == ("matched", 15)
    row = (await table.other.open_orders())[0]
    assert (row["id"], float(row["size_matched"]), row["status"]) == (resting, 15, "LIVE")
    assert list(row["associate_trades"]) == list(done.trades)
    mine = (await table.me.trades(id=done.trades[0]))[0]
    his = (await table.other.trades(id=done.trades[0]))[0]
    assert (mine["trader_side"], his["trader_side"]) == ("TAKER", "MAKER")
    assert his["maker_orders"][0]["order_id"] == resting
    assert float(his["maker_orders"][0]["matched_amount"]) == 15


@card("O7")
async def test_a_batch_is_answered_leg_by_leg(table: Table, client: str) -> None:
    price = await table.far()
    legs = [
        await table.me.limit(table.yes, "BUY", price, "10"),
        await table.me.limit(table.yes, "BUY", price, "900000"),
        await table.me.limit(table.no, "BUY", "0.05", "10"),
    ]
    first, second, third = await table.me.post_many(legs)
    assert not isinstance(first, str)
    assert not isinstance(third, str)
    assert isinstance(second, str)
    assert "not enough balance" in second or "not_enough_balance" in second
    assert {row["id"] for row in await table.me.open_orders()} == {first.id, third.id}


@card("O8")
async def test_the_same_signed_order_is_placed_once(table: Table, client: str) -> None:
    signed = await table.me.limit(table.yes, "BUY", await table.far(), "10")
    done = await table.me.post(signed)
    with pytest.raises(Refused, match="Duplicated"):
        await table.me.post(signed)
    assert [row["id"] for row in await table.me.open_orders()] == [done.id]


@card("O9")
async def test_orders_are_accepted_on_all_three_exchanges(table: Table, client: str) -> None:
    kinds = set()
    for place, market in enumerate(table.where["calm"]):
        row = (await table.get("/markets/keyset", condition_ids=market))["markets"][0]
        kind = (row["version"], row["negRisk"])
        if kind in kinds:
            continue
        kinds.add(kind)
        await table.sit_down(place)
        await table.rest(table.me, await table.far(), "10")
    assert {("v1", True), ("v1", False)} < kinds
    assert any(version == "v2" for version, _ in kinds)


@card("O10")
async def test_an_order_without_cover_is_refused(table: Table, client: str) -> None:
    with pytest.raises(Refused, match=r"not[ _]enough[ _]balance"):
        await table.me.post(await table.me.limit(table.yes, "BUY", await table.far(), "900000"))


# -- cancels ---------------------------------------------------------------------------------------


@card("C1")
async def test_one_order_is_cancelled_once(table: Table, client: str) -> None:
    order_id = await table.rest(table.me, await table.far(), "10")
    assert await table.me.cancel(order_id) == ([order_id], {})
    reason = "already canceled or matched"
    assert await table.me.cancel(order_id) == ([], {order_id: reason})


@card("C2")
async def test_many_orders_are_cancelled_at_once(table: Table, client: str) -> None:
    price = await table.far()
    ids = [await table.rest(table.me, price, "10") for _ in range(3)]
    unknown = "0x" + "ab" * 32
    canceled, kept = await table.me.cancel(*ids, unknown)
    assert canceled == ids
    assert kept == {unknown: "Order not found"}


@card("C3")
async def test_all_orders_are_cancelled(table: Table, client: str) -> None:
    price = await table.far()
    his = await table.rest(table.other, price, "10")
    ids = [await table.rest(table.me, price, "10") for _ in range(3)]
    assert sorted(await table.me.cancel_all()) == sorted(ids)
    assert [row["id"] for row in await table.other.open_orders()] == [his]


@card("C4")
async def test_one_markets_orders_are_cancelled_alone(table: Table, client: str) -> None:
    yes = await table.rest(table.me, await table.far(), "10")
    no = (await table.me.post(await table.me.limit(table.no, "BUY", "0.05", "10"))).id
    market = table.market
    asset = table.no
    facts = await table.get(f"/clob-markets/{table.where['calm'][3]}")
    elsewhere = facts["t"][0]["t"]
    other = (await table.me.post(await table.me.limit(elsewhere, "BUY", "0.05", "10"))).id
    assert await table.me.cancel_market(market=market, asset=asset) == [no]
    assert await table.me.cancel_market(market=market) == [yes]
    assert [row["id"] for row in await table.me.open_orders()] == [other]


# -- questions -------------------------------------------------------------------------------------


@card("Q1")
async def test_open_orders_come_in_pages(table: Table, client: str) -> None:
    legs = [await table.me.limit(table.no, "BUY", "0.02", "5") for _ in range(105)]
    ids = set()
    for start in range(0, len(legs), 15):
        for done in await table.me.post_many(legs[start : start + 15]):
            assert not isinstance(done, str), done
            ids.add(done.id)
    shown = [row["id"] for row in await table.me.open_orders()]
    assert len(shown) == len(set(shown)) == 105
    assert set(shown) == ids


@card("Q2")
async def test_a_trade_is_mined_and_then_confirmed(table: Table, client: str) -> None:
    _, ask = await table.book()
    done = await table.me.post(await table.me.market(table.yes, "BUY", "3", f"{ask:.2f}", "FAK"))

    async def confirmed() -> bool:
        row = (await table.me.trades(id=done.trades[0]))[0]
        return bool(row["status"] == "CONFIRMED" and len(row["transaction_hash"]) == 66)

    await until(confirmed)


@card("Q3")
async def test_balances_are_whole(table: Table, client: str) -> None:
    await table.sit_down(3)  # a market with fees
    rate = (await table.get(f"/clob-markets/{table.market}"))["fd"]["r"]
    before = await table.me.balance()
    await table.rest(table.me, await table.far(), "100")
    assert await table.me.balance() == before
    _, ask = await table.book()
    done = await table.me.post(await table.me.limit(table.yes, "BUY", f"{ask:.2f}", "10"))
    fee = round(10 * rate * ask * (1 - ask), 5)
    paid = float(done.gave) + fee
    assert fee > 0
    assert (before - await table.me.balance()) / 1e6 == pytest.approx(paid, abs=1e-5)


@card("Q4")
async def test_small_questions_are_answered(table: Table, client: str) -> None:
    _, ask = await table.book()
    done = await table.me.post(await table.me.market(table.yes, "BUY", "3", f"{ask:.2f}", "FAK"))
    scoring, closed_only, notes = await table.me.small(done.id)
    assert (scoring, closed_only) == (False, False)
    assert 2 in notes


# -- heartbeats ------------------------------------------------------------------------------------


@card("H1")
async def test_heartbeats_chain(table: Table, client: str) -> None:
    accepted, first = await table.other.beat("")
    if not accepted:  # the other client's card, with the same key, came before
        accepted, first = await table.other.beat(first)
    assert accepted
    assert await table.other.beat("00000000-0000-0000-0000-000000000000") == (False, first)
    accepted, second = await table.other.beat(first)
    assert accepted
    assert second != first


@pytest.mark.slow
@card("H2")
async def test_silence_cancels(table: Table, client: str) -> None:
    accepted, beat = await table.me.beat("")
    assert accepted or (await table.me.beat(beat))[0]
    await table.rest(table.me, await table.far(), "10")
    deadline = time.monotonic() + 30
    while await table.me.open_orders():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.5)


# -- streams ---------------------------------------------------------------------------------------


@card("S1")
async def test_the_market_stream_sends_a_book_and_then_changes(table: Table, client: str) -> None:
    price = await table.inside()
    async with table.me.market_feed(table.yes) as feed:
        book = await feed.next(lambda row: row["event_type"] == "book")
        assert book["asset_id"] == table.yes
        order_id = await table.rest(table.me, price, "11")

        def ours(row: dict[str, Any]) -> bool:
            return row["event_type"] == "price_change" and any(
                item["asset_id"] == table.yes
                and float(item["price"]) == float(price)
                and float(item["size"]) == 11
                for item in row["price_changes"]
            )

        await feed.next(ours)
        await table.me.cancel(order_id)
        await feed.next(lambda row: row["event_type"] == "price_change")


@card("S2")
async def test_the_user_stream_tells_both_sides_every_step(table: Table, client: str) -> None:
    price = await table.inside()
    async with table.me.user_feed() as mine, table.other.user_feed() as his:
        await heard(table, table.me, mine)
        await heard(table, table.other, his)
        resting = await table.rest(table.other, price, "20", "SELL")
        await his.next(lambda row: row["type"] == "PLACEMENT" and row["id"] == resting)
        done = await table.me.post(await table.me.limit(table.yes, "BUY", price, "20"))
        update = await his.next(lambda row: row["type"] == "UPDATE" and row["id"] == resting)
        assert (update["status"], float(update["size_matched"])) == ("MATCHED", 20)
        for feed, side in ((mine, "TAKER"), (his, "MAKER")):
            for status in ("MATCHED", "MINED", "CONFIRMED"):
                row = await feed.next(
                    lambda row: row["type"] == "TRADE" and row["id"] == done.trades[0]
                )
                assert (row["status"], row["trader_side"]) == (status, side)


async def _cut(table: Table) -> None:
    answer = await table.http.post(table.where["control"] + "/fault", json={"cut": True})
    assert answer.status_code == 200, answer.text


@card("S3")
async def test_after_a_cut_the_market_stream_begins_with_the_venues_book(
    table: Table, client: str
) -> None:
    price = await table.inside()
    async with table.me.market_feed(table.yes) as feed:
        await feed.next(lambda row: row["event_type"] == "book")
        await table.rest(table.me, price, "13")
        await _cut(table)
        book = await feed.next(
            lambda row: (
                row["event_type"] == "book"
                and any(
                    float(level["price"]) == float(price) and float(level["size"]) == 13
                    for level in row["bids"]
                )
            )
        )
        shown = await table.get("/book", token_id=table.yes)
        for side in ("bids", "asks"):
            levels = [{key: float(level[key]) for key in ("price", "size")} for level in book[side]]
            wanted = [{key: float(level[key]) for key in level} for level in shown[side]]
            assert levels == wanted


@card("S4")
async def test_after_a_cut_rest_shows_what_the_user_stream_missed(
    table: Table, client: str
) -> None:
    price = await table.inside()
    resting = await table.rest(table.other, price, "20", "SELL")
    async with table.other.user_feed() as feed:
        await heard(table, table.other, feed)
        await _cut(table)
        done = await table.me.post(await table.me.limit(table.yes, "BUY", price, "20"))
        row = (await table.other.trades(id=done.trades[0]))[0]
        assert row["maker_orders"][0]["order_id"] == resting
        assert (await table.other.order(resting))["status"] == "MATCHED"

        await heard(table, table.other, feed)
