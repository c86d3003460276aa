"""Cards about what goes on around orders: keys, cover, ends of markets, a venue in trouble."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

if not (find_spec("polymarket") and find_spec("py_clob_client_v2")):
    pytest.skip("the official clients are not installed (extra: live)", allow_module_level=True)

from tests.conformance.cards import SDK
from tests.conformance.drivers import DRIVERS, Driver, Refused, Row
from tests.conformance.table import Table, card, heard, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


async def control(table: Table, path: str, **order: Any) -> Any:
    answer = await table.http.post(f"{table.where['control']}/{path}", json=order)
    assert answer.status_code == 200, answer.text
    return answer.json()


@asynccontextmanager
async def trouble(table: Table, **order: Any) -> AsyncIterator[None]:
    """A fault, a mode or a limit, and its end."""
    await control(table, "fault", **order)
    try:
        yield
    finally:
        await control(table, "fault", clear=True)


async def listed(table: Table, question: str) -> Table:
    """Sit down at a new market that may be spoilt."""
    made = await control(table, "list", question=question, activity=0)
    table.market, (table.yes, table.no) = made["market"], made["assets"]
    return table


# -- keys ------------------------------------------------------------------------------------------


@card("K4")
async def test_a_read_only_key_shows_and_does_nothing(table: Table, client: str) -> None:
    order_id = await table.rest(table.me, await table.far(), "10")
    old = table.me.client  # type: ignore[attr-defined]
    made = (await asyncio.to_thread(old.create_readonly_api_key))["apiKey"]
    listed_keys = await asyncio.to_thread(old.get_readonly_api_keys)
    assert made in listed_keys["readonlyApiKeys"]
    headers = {"POLY_READONLY_API_KEY": made, "POLY_ADDRESS": old.signer.address()}
    shown = await table.http.get("/data/orders", headers=headers)
    assert [row["id"] for row in shown.json()["data"]] == [order_id]
    assert (await table.http.delete("/cancel-all", headers=headers)).status_code == 401
    assert await asyncio.to_thread(old.delete_readonly_api_key, made) == "OK"
    assert (await table.http.get("/data/orders", headers=headers)).status_code == 401


@card("K5")
async def test_builder_keys_come_and_go(table: Table, client: str) -> None:
    owner = table.me.client  # type: ignore[attr-defined]
    if client == SDK:
        from polymarket import AsyncSecureClient

        made = await owner.create_builder_api_key()
        shown = await owner.fetch_builder_api_keys()
        assert (shown[-1].key, shown[-1].revoked_at) == (made.key, None)
        wallet = table.where["wallets"][0]
        app = await AsyncSecureClient.create(
            private_key=wallet["private_key"],
            wallet=wallet["address"],
            environment=DRIVERS[SDK].environment(table.where),  # type: ignore[union-attr]
            api_key=made,
        )
        await app.revoke_builder_api_key()
        await app.close()
        assert (await owner.fetch_builder_api_keys())[-1].revoked_at is not None
        return
    made = await asyncio.to_thread(owner.create_builder_api_key)
    assert set(made) == {"key", "secret", "passphrase"}
    rows = await asyncio.to_thread(owner.get_builder_api_keys)
    (shown,) = [row for row in rows if not row["revokedAt"]]
    assert (shown["key"], "secret" in shown) == (made["key"], False)
    assert await asyncio.to_thread(owner.revoke_builder_api_key) == "OK"
    rows = await asyncio.to_thread(owner.get_builder_api_keys)
    assert all(row["revokedAt"] for row in rows)


# -- orders ----------------------------------------------------------------------------------------


@card("O11")
async def test_a_taker_is_delayed_and_looked_at_anew(table: Table, client: str) -> None:
    page = await table.get("/markets/slug/port-ellery-beat-saltmarsh")
    assert page["secondsDelay"] > 0
    facts = await table.get(f"/clob-markets/{page['conditionId']}")
    yes = facts["t"][0]["t"]
    price = f"{(await table.book(yes))[1] + 0.02:.2f}"
    done = await table.me.post(await table.me.market(yes, "BUY", "5", price, "FAK"))
    assert (done.status, done.trades) == ("delayed", ())

    async def over() -> bool:
        return bool((await table.me.order(done.id))["status"] == "MATCHED")

    await until(over)
    assert await table.me.trades(asset_id=yes)


@card("O12")
async def test_what_the_exchange_may_not_move_is_refused(table: Table, client: str) -> None:
    wallet = table.where["wallets"][0]["address"]
    await control(table, "wallet", wallet=wallet, allowance="1")
    try:
        with pytest.raises(Refused, match=r"allowance is not enough|not_enough_balance"):
            await table.me.post(await table.me.limit(table.yes, "BUY", await table.far(), "10"))
        assert await table.me.open_orders() == []
    finally:
        await control(table, "wallet", wallet=wallet, allowance="max")
    await table.rest(table.me, await table.far(), "10")


@card("O13")
async def test_missing_leave_is_given_by_a_signed_transaction(table: Table, client: str) -> None:
    wallet = table.where["wallets"][0]["address"]
    await control(table, "wallet", wallet=wallet, allowance="1")
    try:
        placed = await table.me.client.place_limit_order(  # type: ignore[attr-defined]
            asset_id=table.yes, price=await table.far(), size="10", side="BUY"
        )
        assert placed.ok
        assert [row["id"] for row in await table.me.open_orders()] == [placed.order_id]
    finally:
        await control(table, "wallet", wallet=wallet, allowance="max")


@card("O14")
async def test_an_order_whose_answer_was_lost_is_there(table: Table, client: str) -> None:
    signed = await table.me.limit(table.yes, "BUY", await table.far(), "10")
    async with trouble(table, once={"lost_reply": 1}, routes="orders"):
        with pytest.raises(Refused):
            await table.me.post(signed)
    (row,) = await table.me.open_orders()
    assert float(row["original_size"]) == 10
    with pytest.raises(Refused, match="Duplicated"):
        await table.me.post(signed)
    assert len(await table.me.open_orders()) == 1


@card("O15")
async def test_a_finer_tick_is_told_and_taken(table: Table, client: str) -> None:
    await listed(table, f"Will {client} see a finer tick?")
    bid, ask = await table.book()
    fine = f"{round((bid + ask) / 2, 2) + 0.001:.3f}"
    async with table.me.market_feed(table.yes) as feed:
        await feed.next(lambda row: row["event_type"] == "book")
        await control(table, "tick", market=table.market, tick="0.001")
        change = await feed.next(lambda row: row["event_type"] == "tick_size_change")
        assert (float(change["old_tick_size"]), float(change["new_tick_size"])) == (0.01, 0.001)
    again = await DRIVERS[client].open(table.where, table.where["wallets"][0])
    done = await again.post(await again.limit(table.yes, "BUY", fine, "10"))
    assert float((await again.order(done.id))["price"]) == float(fine)
    await again.cancel(done.id)
    await again.close()


@card("C5")
async def test_an_order_without_cover_is_taken_off(table: Table, client: str) -> None:
    wallet = table.where["wallets"][0]["address"]
    before = await table.me.balance()
    async with table.me.user_feed() as feed:
        await heard(table, table.me, feed)
        await table.me.cancel_all()
        order_id = await table.rest(table.me, await table.far(), "100")
        await control(table, "wallet", wallet=wallet, cash="1")
        try:
            told = await feed.next(
                lambda row: row["type"] == "CANCELLATION" and row["id"] == order_id
            )
            assert told["status"] == "CANCELED_NOT_ENOUGH_BALANCE"
            assert await table.me.open_orders() == []
            assert (await table.me.order(order_id))["status"] == "CANCELED"
        finally:
            await control(table, "wallet", wallet=wallet, cash=str(before / 1e6))


# -- questions -------------------------------------------------------------------------------------


@card("Q5")
async def test_prices_are_those_of_the_book(table: Table, client: str) -> None:
    bid, ask = await table.book()
    if client == SDK:
        asked = table.me.client  # type: ignore[attr-defined]
        middle = await asked.get_midpoint(asset_id=table.yes)
        spread = await asked.get_spread(asset_id=table.yes)
        prices = [await asked.get_price(asset_id=table.yes, side=s) for s in ("BUY", "SELL")]
        rows = [row async for page in asked.list_price_history(asset_id=table.yes, interval="1h")
                for row in page.items]  # fmt: skip
        history = [float(row.price) for row in rows]
    else:
        from py_clob_client_v2.clob_types import PricesHistoryParams

        old = table.me.client  # type: ignore[attr-defined]
        middle = (await asyncio.to_thread(old.get_midpoint, table.yes))["mid"]
        spread = (await asyncio.to_thread(old.get_spread, table.yes))["spread"]
        prices = [
            (await asyncio.to_thread(old.get_price, table.yes, side))["price"]
            for side in ("BUY", "SELL")
        ]
        asked = PricesHistoryParams(market=table.yes, interval="1h")
        told = await asyncio.to_thread(old.get_prices_history, asked)
        history = [row["p"] for row in told["history"]]
    assert float(middle) == pytest.approx((bid + ask) / 2)
    assert float(spread) == pytest.approx(ask - bid)
    assert [float(price) for price in prices] == [bid, ask]
    assert len(history) >= 50
    assert history[-1] == pytest.approx(float(middle), abs=0.05)


@card("Q6")
async def test_a_books_hash_can_be_made_again(table: Table, client: str) -> None:
    old = table.me.client  # type: ignore[attr-defined]
    for asset in (table.yes, table.no):
        book = await asyncio.to_thread(old.get_order_book, asset)
        told = book["hash"]
        assert await asyncio.to_thread(old.get_order_book_hash, book) == told


@card("Q7")
async def test_the_catalogue_comes_whole(table: Table, client: str) -> None:
    asked = table.me.client  # type: ignore[attr-defined]
    ids: list[str] = []
    async for page in asked.list_markets(closed=False, page_size=100):
        ids += [market.id for market in page.items]
    assert len(ids) == len(set(ids)) > 200
    market = await asked.get_market(id=ids[0])
    assert (await asked.get_market(slug=market.slug)).id == market.id
    event = await asked.get_event(id=market.events[0].id)
    assert (await asked.get_event(slug=event.slug)).id == event.id
    assert market.slug in {one.slug for one in event.markets}
    found = [page async for page in asked.search(q=event.title.split()[-1])]
    assert found


@card("Q8")
async def test_the_indexer_knows_the_wallet(table: Table, client: str) -> None:
    asked = table.me.client  # type: ignore[attr-defined]
    price = await table.inside()
    await table.rest(table.other, price, "20", "SELL")
    done = await table.me.post(await table.me.limit(table.yes, "BUY", price, "20"))
    assert done.status == "matched"
    rows = [row async for page in asked.list_positions() for row in page.items]
    (held,) = [row for row in rows if row.asset_id == table.yes]
    assert int(held.current_size * 10**6) == await table.me.balance(table.yes)
    value = (await asked.get_portfolio_value()).value
    assert float(value) == pytest.approx(sum(float(row.current_value) for row in rows), abs=0.01)
    trades = [row async for page in asked.list_trades(user=asked.wallet) for row in page.items]
    assert (trades[0].asset_id, float(trades[0].size)) == (table.yes, 20)
    deeds = [row async for page in asked.list_activity() for row in page.items]
    assert {"TRADE", "SPLIT", "DEPOSIT"} <= {str(deed.type) for deed in deeds}
    assert (await asked.get_trading_approvals_state()).is_fully_approved


@card("Q9")
async def test_makers_are_told_their_rebates(table: Table, client: str) -> None:
    await table.sit_down(5)  # a market with fees
    facts = await table.get(f"/clob-markets/{table.market}")
    asked = table.me.client  # type: ignore[attr-defined]
    maker = table.where["wallets"][1]["address"]

    async def earned() -> float:
        day = datetime.now(UTC).date().isoformat()
        rows = await asked.get_current_rebates(date=day, maker_address=maker)
        return sum(float(r.rebated_fees_usdc) for r in rows if r.condition_id == table.market)

    before, price = await earned(), float(await table.inside())
    bought = await table.other.limit(table.no, "BUY", f"{1 - price:.2f}", "20")
    assert (await table.other.post(bought)).status == "live"
    done = await table.me.post(await table.me.limit(table.yes, "BUY", f"{price:.2f}", "20"))
    assert done.status == "matched"
    fee = 20 * facts["fd"]["r"] * price * (1 - price)
    assert await earned() - before == pytest.approx(fee * 0.25, abs=1e-4)


# -- ends ------------------------------------------------------------------------------------------


async def bought(table: Table, dollars: str = "10") -> float:
    """Buy YES of what the makers offer; answers the shares."""
    _, ask = await table.book()
    order = await table.me.market(table.yes, "BUY", dollars, f"{ask:.2f}", "FAK")
    return float((await table.me.post(order)).got)


@card("M1")
async def test_a_resolved_market_pays_its_winners(table: Table, client: str) -> None:
    await listed(table, f"Will {client} be right?")
    shares = await bought(table)
    resting = await table.rest(table.me, await table.far(), "10")
    before = await table.me.balance()
    await control(table, "resolve", market=table.market, outcome="YES")
    assert (await table.me.balance() - before) / 1e6 == pytest.approx(shares, abs=1e-5)
    assert await table.me.balance(table.yes) == 0
    assert await table.me.open_orders() == []
    assert (await table.me.order(resting))["status"] == "CANCELED"
    with pytest.raises(Refused, match=r"not yet ready|closed|accepting"):
        await table.me.post(await table.me.limit(table.yes, "BUY", "0.5", "10"))
    row = (await table.get("/markets/keyset", condition_ids=table.market))["markets"][0]
    assert (row["closed"], row["outcomePrices"]) == (True, '["1", "0"]')


@card("M2")
async def test_a_void_market_pays_half(table: Table, client: str) -> None:
    await listed(table, f"Will {client} be split?")
    shares = await bought(table)
    before = await table.me.balance()
    await control(table, "resolve", market=table.market, outcome="VOID")
    assert (await table.me.balance() - before) / 1e6 == pytest.approx(shares / 2, abs=1e-5)
    market = await table.get(f"/markets/{table.market}")
    assert [token["winner"] for token in market["tokens"]] == [False, False]


@card("M3")
async def test_a_trade_that_fails_gives_everything_back(table: Table, client: str) -> None:
    price = await table.inside()
    await table.rest(table.other, price, "20", "SELL")
    cash, shares = await table.me.balance(), await table.me.balance(table.yes)
    async with trouble(table, once={"failed_trade": 1}):
        done = await table.me.post(await table.me.limit(table.yes, "BUY", price, "20"))

        async def failed() -> bool:
            (row,) = await table.me.trades(id=done.trades[0])
            return bool(row["status"] == "FAILED")

        await until(failed)
    assert (await table.me.balance(), await table.me.balance(table.yes)) == (cash, shares)


# -- trouble ---------------------------------------------------------------------------------------


async def refusal(driver: Driver, signed: Any) -> str:
    with pytest.raises(Refused) as refused:
        await driver.post(signed)
    cause: Any = refused.value.__cause__
    status = getattr(cause, "status_code", None) or getattr(cause, "status", None)
    return f"{status} {refused.value}"


@card("V1")
async def test_a_restart_passes_through_post_only(table: Table, client: str) -> None:
    price = await table.far()
    order = await table.me.limit(table.yes, "BUY", price, "10")
    shy = await table.me.limit(table.yes, "BUY", price, "10", post_only=True)
    async with trouble(table, mode="restarting"):
        assert (await refusal(table.me, order)).startswith("425")
    async with trouble(table, mode="post-only"):
        assert "post-only" in (await refusal(table.me, order)).lower()
        done = await table.me.post(shy)
        assert done.status == "live"
        assert await table.me.cancel(done.id) == ([done.id], {})
    assert (await table.me.post(order)).status == "live"


@card("V2")
async def test_who_comes_too_often_is_told_when_to_come_back(table: Table, client: str) -> None:
    who = table.me if client == SDK else table.other  # so that each begins rested
    legs = [await who.limit(table.no, "BUY", "0.02", "900000") for _ in range(15)]
    order = await who.limit(table.yes, "BUY", await table.far(), "10")
    async with trouble(table, limits=True):
        answered: list[int] = []
        with pytest.raises(Refused, match=r"Too Many|429|ate limit"):
            await flood(who, legs, answered)
        assert sum(answered) >= 45  # a rested bucket holds sixty

        async def accepted() -> bool:
            try:
                return (await who.post(order)).status == "live"
            except Refused:
                return False

        await until(accepted)
    tier = (await _tier(table)).json()
    assert tier["tier"] == "standard"


async def flood(driver: Driver, legs: list[Any], answered: list[int]) -> None:
    """Batches without a pause, noted when they are answered."""
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        answered.append(len(await driver.post_many(legs)))


async def _tier(table: Table) -> httpx.Response:
    """The tier as the venue tells it, asked with headers that the official client signs."""
    from py_clob_client_v2.clob_types import RequestArgs
    from py_clob_client_v2.headers.headers import create_level_2_headers

    old = (await DRIVERS["py-clob-client-v2"].open(table.where, table.where["wallets"][0])).client  # type: ignore[union-attr]
    asked = RequestArgs(method="GET", request_path="/v1/user/rate-limit-tier")
    headers: Row = create_level_2_headers(old.signer, old.creds, asked)
    return await table.http.get("/v1/user/rate-limit-tier", headers=headers)
