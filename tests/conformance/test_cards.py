"""Every card about keys, orders and streams, with every client that it names.

Each is played against the running practice program; ``test_life.py`` has the others.
"""

import asyncio
import time
from importlib.util import find_spec
from typing import Any

import pytest

if not (find_spec("polymarket") and find_spec("py_clob_client_v2")):
    pytest.skip("the official clients are not installed (extra: live)", allow_module_level=True)

from tests.conformance.drivers import DRIVERS, Refused, SdkDriver
from tests.conformance.table import Table, card, heard, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


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
