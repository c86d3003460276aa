"""The Data API, relayer and chain answers over loopback, read plainly and by official models."""

from collections.abc import AsyncIterator
from dataclasses import fields, replace
from typing import Any

import pytest
import pytest_asyncio

from practice.api.data_api import COLLATERAL, EXCHANGE
from practice.clock import MINUTE, SECOND
from practice.exchange.orders import DOLLAR, NO, SHARE, YES, Report, Request
from practice.world.catalogue import Catalogue
from tests.practice.loopback import Host, Served, hosting
from tests.practice.worlds import START_NS, event, market, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANN = "0x" + "aB" * 20
BOB = "0x" + "Cd" * 20
NOBODY = "0x" + "12" * 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    """Ann has pairs in two markets; Bob has bought 40 YES from her at 0.50, for a fee of 0.40."""
    markets = Catalogue(
        (event("lead", neg_risk=True), event("still")),
        (market("lead", activity=0.05), market("still", activity=0.05)),
    )
    async with host.serving(world(markets=markets)) as running:
        exchange, accounts = running.venue.world.exchange, running.venue.accounts
        for wallet in (ANN, BOB):
            accounts.deploy(wallet, "eoa")
            exchange.deposit(wallet, 1_000 * DOLLAR)
        exchange.close("still")  # its book, emptied, is the two wallets' own
        exchange.markets["still"].state = "open"
        exchange.split(ANN, "still", 100 * SHARE)
        exchange.split(ANN, "lead", 10 * SHARE)
        place(running, "s", ANN, "SELL", 5_000, 60)
        place(running, "b", BOB, "BUY", 5_500, 40)
        yield running


def place(served: Served, name: str, who: str, side: Any, price: int, size: int) -> Report:
    return served.venue.world.exchange.place(
        Request(
            id=f"{name}-{who}",
            account=who,
            market="still",
            outcome=YES,
            side=side,
            price=price,
            size=size * SHARE,
        )
    )


async def data(served: Served, path: str, **query: object) -> Any:
    return (await served.get(path, **query))["data"]


# -- positions -----------------------------------------------------------------------------------


async def test_positions_tell_size_cost_fees_and_profit(served: Served) -> None:
    (row,) = await data(served, "/v2/positions", user=BOB)
    listing = served.listing("still")
    assert (row["proxy_wallet"], row["token_id"]) == (BOB, listing.assets[YES])
    assert (row["current_size"], row["avg_price"], row["entry_cost_usdc"]) == (40, 0.5, 20)
    assert row["entry_fees_usdc"] == 0.4
    assert row["opposite_token_id"] == listing.assets[NO]
    assert row["current_value"] == pytest.approx(40 * row["current_price"])
    assert row["unrealized_pnl"] == pytest.approx(row["current_value"] - 20)
    assert (row["status"], row["redeemable"], row["negative_risk"]) == ("OPEN", False, False)
    worth = await data(served, "/v2/value", user=BOB.lower())
    assert worth == {"proxy_wallet": BOB, "value": row["current_value"]}


async def test_a_sale_realizes_and_a_payout_closes_the_position(served: Served) -> None:
    sold, kept = (await data(served, "/v2/positions", user=ANN, condition_id=condition(served)))[:2]
    assert {sold["current_size"], kept["current_size"]} == {60, 100}
    served.venue.publish(served.venue.world.resolve("still", YES))
    assert await data(served, "/v2/positions", user=BOB) == []
    (closed,) = await data(served, "/v2/positions", user=BOB, status="CLOSED")
    assert (closed["current_size"], closed["realized_pnl"], closed["status"]) == (0, 20, "CLOSED")
    assert (await data(served, "/v2/value", user=BOB))["value"] == 0
    acts = [row["type"] for row in await data(served, "/v2/activity", user=BOB)]
    assert acts == ["REDEEM", "TRADE", "DEPOSIT"]


def condition(served: Served) -> str:
    return served.listing("still").condition


async def test_pairs_are_mergeable_and_pages_go_on_by_cursor(served: Served) -> None:
    first = await served.get("/v2/positions", user=ANN, limit=3)
    assert first["pagination"]["has_more"] is True
    assert all(row["mergeable"] for row in first["data"])
    rest = await served.get("/v2/positions", user=ANN, cursor=first["pagination"]["next_cursor"])
    assert rest["pagination"] == {"has_more": False, "next_cursor": None}
    assert len({row["token_id"] for row in first["data"] + rest["data"]}) == 4


async def test_the_old_positions_are_the_same_in_the_old_words(served: Served) -> None:
    (row,) = await served.get("/positions", user=BOB, market=condition(served))
    assert (row["proxyWallet"], row["size"], row["avgPrice"], row["totalBought"]) == (
        BOB,
        40,
        0.5,
        40,
    )
    assert "proxy_wallet" not in row
    assert (await served.get("/value", user=BOB))[0]["user"] == BOB
    assert await served.get("/positions", user=NOBODY) == []


# -- trades and other deeds ----------------------------------------------------------------------


async def test_a_trade_stands_once_for_its_taker_and_once_for_its_maker(served: Served) -> None:
    rows = await data(served, "/v2/trades", condition_id=condition(served))
    assert [(row["proxy_wallet"], row["side"]) for row in rows] == [(ANN, "SELL"), (BOB, "BUY")]
    assert {(row["size"], row["price"]) for row in rows} == {(40, 0.5)}
    assert {row["transaction_hash"][:2] for row in rows} == {"0x"}
    (taker,) = await served.get("/trades", market=condition(served))
    assert (taker["proxyWallet"], taker["asset"]) == (BOB, served.listing("still").assets[YES])
    assert await data(served, "/v2/trades", user=BOB, side="SELL") == []


async def test_the_worlds_own_traders_have_addresses_too(served: Served) -> None:
    served.live(60 * MINUTE)
    rows = await data(served, "/v2/trades", limit=1_000)
    others = {row["proxy_wallet"] for row in rows} - {ANN, BOB}
    assert others
    assert all(len(address) == 42 for address in others)


async def test_activity_tells_splits_and_can_be_filtered(served: Served) -> None:
    rows = await data(served, "/v2/activity", user=ANN, sort_direction="ASC")
    assert [row["type"] for row in rows] == ["DEPOSIT", "SPLIT", "SPLIT", "TRADE"]
    assert [row["usdc_size"] for row in rows] == [1_000, 100, 10, 20]
    only = await data(served, "/v2/activity", user=ANN, type="SPLIT,MERGE")
    assert {row["type"] for row in only} == {"SPLIT"}
    late = await data(served, "/v2/activity", user=ANN, start=START_NS // SECOND + 1)
    assert late == []
    old = await served.get("/activity", user=ANN, type="TRADE")
    assert [(row["type"], row["usdcSize"]) for row in old] == [("TRADE", 20)]


async def test_a_trade_that_failed_to_settle_is_forgotten(served: Served) -> None:
    traded = place(served, "b2", BOB, "BUY", 5_500, 10)
    assert (await data(served, "/v2/positions", user=BOB))[0]["current_size"] == 50
    assert served.venue.world.exchange.undo("still", traded.trades[0])
    (row,) = await data(served, "/v2/positions", user=BOB)
    assert (row["current_size"], row["entry_cost_usdc"], row["entry_fees_usdc"]) == (40, 20, 0.4)
    rows = await data(served, "/v2/trades", condition_id=condition(served))
    assert {row["size"] for row in rows} == {40}
    (_, kept) = sorted(
        await data(served, "/v2/positions", user=ANN, condition_id=condition(served)),
        key=lambda row: -row["current_size"],
    )
    assert (kept["current_size"], kept["realized_pnl"]) == (60, 0)
    assert (await served.get("/control/audit"))["violations"] == []


# -- markets -------------------------------------------------------------------------------------


async def test_price_history_comes_in_buckets(served: Served) -> None:
    yes, no = served.listing("still").assets
    rows = await data(served, "/v2/prices-history", token_id=yes, interval="1h")
    assert 59 <= len(rows) <= 61
    assert rows[1]["timestamp"] - rows[0]["timestamp"] == 60
    mirror = await data(served, "/v2/prices-history", token_id=no, interval="1h")
    assert mirror[0]["price"] == pytest.approx(1 - rows[0]["price"])
    ten = await data(
        served, "/v2/prices-history", token_id=yes, interval="1h", bucket_seconds="600"
    )
    assert [row["resolution_seconds"] for row in ten] == [600] * len(ten)
    assert 6 <= len(ten) <= 7
    stamp = rows[-1]["timestamp"]
    (one,) = await data(served, "/v2/prices-history", token_id=yes, as_of=stamp)
    assert one["timestamp"] == stamp


async def test_resolutions_follow_a_market_to_its_end(served: Served) -> None:
    (row,) = await data(served, "/v2/resolutions", condition_id=condition(served))
    assert (row["status"], row["price"]) == ("initialized", "69")
    served.venue.publish(served.venue.world.resolve("still", NO))
    (row,) = await data(served, "/v2/resolutions", question_id=row["question_id"])
    assert (row["status"], row["price"]) == ("resolved", "0")
    assert row["payouts"] == ["0", "1000000"]
    number = served.venue.board.event_numbers["still"]
    assert len(await data(served, "/v2/resolutions", event_id=number)) == 1


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/v2/positions", {}, "give user or condition_id"),
        ("/v2/positions", {"user": "ann"}, "user must be an address"),
        ("/v2/positions", {"user": ANN, "cursor": "?"}, "cursor is not a cursor"),
        ("/v2/positions", {"user": ANN, "cursor": "LTE="}, "cursor is not a cursor"),
        ("/v2/value", {}, "user must be an address"),
        ("/v2/prices-history", {"token_id": "1"}, "token_id must be the id of an asset"),
        ("/v2/resolutions", {}, "give exactly one of"),
        ("/trades", {"offset": "10001"}, "max historical offset"),
        ("/deployed", {"address": "0x1"}, "address must be 0x and 40 hex digits"),
        ("/deployed", {"address": ANN, "type": "EOA"}, "type must be one of SAFE, PROXY, WALLET"),
    ],
)
async def test_a_bad_question_is_refused_with_its_field(
    served: Served, path: str, query: dict[str, str], words: str
) -> None:
    status, told = await served.refused(path, **query)
    assert status == 400
    assert words in told


# -- wallets, relayer, chain ---------------------------------------------------------------------


async def test_only_wallets_that_exist_are_deployed_and_approved(served: Served) -> None:
    served.venue.accounts.deploy("0x" + "3f" * 20, "safe")
    safe = "0x" + "3F" * 20
    assert await served.get("/deployed", address=safe, type="SAFE") == {"deployed": True}
    assert await served.get("/deployed", address=safe, type="PROXY") == {"deployed": False}
    assert await served.get("/deployed", address=NOBODY) == {"deployed": False}
    told = await data(served, "/v2/approvals", user=ANN)
    assert (told["address"], told["chain_id"]) == (ANN, 137)
    assert all(row["approved"] for row in told["contracts"])
    assert not any(
        row["approved"] for row in (await data(served, "/v2/approvals", user=NOBODY))["contracts"]
    )


async def rpc(served: Served, *calls: tuple[str, list[Any]]) -> Any:
    bodies = [
        {"jsonrpc": "2.0", "id": i, "method": name, "params": params}
        for i, (name, params) in enumerate(calls)
    ]
    answered = await served.http.post("/rpc", json=bodies if len(bodies) > 1 else bodies[0])
    assert answered.status_code == 200, answered.text
    return answered.json()


def reading(selector: str, *words: str) -> list[Any]:
    padded = "".join(word.removeprefix("0x").rjust(64, "0") for word in words)
    return [{"to": COLLATERAL, "data": "0x" + selector + padded}, "latest"]


async def test_the_chain_answers_allowances_and_balances(served: Served) -> None:
    asset = hex(int(served.listing("still").assets[YES]))
    answers = await rpc(
        served,
        ("eth_call", reading("dd62ed3e", ANN, EXCHANGE)),
        ("eth_call", reading("dd62ed3e", NOBODY, EXCHANGE)),
        ("eth_call", reading("e985e9c5", BOB, EXCHANGE)),
        ("eth_call", reading("70a08231", BOB)),
        ("eth_call", reading("00fdd58e", BOB, asset)),
    )
    numbers = [int(one["result"], 16) for one in answers]
    assert numbers == [2**256 - 1, 0, 1, (1_000 - 20) * DOLLAR - 400_000, 40 * SHARE]
    assert [one["id"] for one in answers] == [0, 1, 2, 3, 4]


async def test_the_chain_takes_transactions_and_knows_their_receipts(served: Served) -> None:
    assert (await rpc(served, ("eth_chainId", [])))["result"] == "0x89"
    sent = (await rpc(served, ("eth_sendRawTransaction", ["0x02"])))["result"]
    receipt = (await rpc(served, ("eth_getTransactionReceipt", [sent])))["result"]
    assert (receipt["transactionHash"], receipt["status"]) == (sent, "0x1")
    assert (await rpc(served, ("eth_getTransactionReceipt", ["0x00"])))["result"] is None
    assert (await rpc(served, ("eth_mine", [])))["error"]["code"] == -32601
    assert (await rpc(served, ("eth_call", [])))["error"]["code"] == -32602
    assert (await served.http.post("/rpc", content=b"{")).status_code == 400


async def test_a_relayer_key_creates_a_deposit_wallet_and_nothing_else(served: Served) -> None:
    wallets = pytest.importorskip("practice.accounts.wallets")
    signing = pytest.importorskip("practice.accounts.signing")
    if not signing.available():
        pytest.skip("the extra `live` is not installed: no addresses can be derived")
    wallet = wallets.owned_by(NOBODY).deposit
    order = {"type": "WALLET-CREATE", "from": NOBODY}
    assert (await served.http.post("/submit", json=order)).status_code == 401
    key = {"RELAYER_API_KEY": "k", "RELAYER_API_KEY_ADDRESS": NOBODY}
    taken = (await served.http.post("/submit", json=order, headers=key)).json()
    done = await served.get(f"/v1/account/transactions/{taken['transactionID']}")
    assert (done["state"], done["transaction_hash"]) == (
        "STATE_CONFIRMED",
        taken["transactionHash"],
    )
    assert await served.get("/deployed", address=wallet, type="WALLET") == {"deployed": True}
    other = await served.http.post("/submit", json={"type": "SAFE"}, headers=key)
    assert other.status_code == 400


# -- the official models -------------------------------------------------------------------------


async def test_the_official_client_reads_all_of_it(served: Served) -> None:
    polymarket = pytest.importorskip("polymarket", reason="the extra `live` is not installed")
    from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

    http, ws = served.base_url, served.base_url.replace("http", "ws")
    urls = {
        name: http if name.endswith("_url") and "ws" not in name else ws
        for name in (field.name for field in fields(PRODUCTION_CONFIG))
        if name.endswith("_url")
    }
    environment = create_environment(name="practice", config=replace(PRODUCTION_CONFIG, **urls))
    async with polymarket.AsyncPublicClient(environment=environment) as client:
        await _reads(client, served)


async def _reads(client: Any, served: Served) -> None:
    asset = served.listing("still").assets[YES]
    (position,) = (await client.list_positions(user=BOB).first_page()).items
    assert (position.asset_id, position.current_size) == (asset, 40)
    assert str(position.wallet).lower() == BOB.lower()
    assert (await client.get_portfolio_value(user=BOB)).value == position.current_value
    (trade,) = (await client.list_trades(user=BOB).first_page()).items
    assert (trade.side, trade.size) == ("BUY", 40)
    acts = (await client.list_activity(user=ANN).first_page()).items
    assert [str(act.type) for act in acts] == ["TRADE", "SPLIT", "SPLIT", "DEPOSIT"]
    points = (await client.list_price_history(asset_id=asset, interval="1h").first_page()).items
    assert len(points) > 50
    served.venue.publish(served.venue.world.resolve("still", YES))
    (resolution,) = await client.get_resolutions(condition_ids=condition(served))
    assert (str(resolution.status), resolution.payouts) == ("resolved", (1, 0))
    (closed,) = (await client.list_positions(user=BOB, status="CLOSED").first_page()).items
    assert closed.realized_pnl == 20
