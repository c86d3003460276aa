"""The private half of REST over loopback: who gets in, whose order it is, and what is said."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from practice.accounts import signing
from practice.api.trading_routes import BATCH_MAX, CANCELS_MAX
from practice.exchange.orders import DOLLAR, SHARE
from practice.world.catalogue import Catalogue
from tests.practice.loopback import Host, Served, hosting
from tests.practice.signer import Signer, struct_of
from tests.practice.worlds import event, market, world

if not signing.available():
    pytest.skip("signing libraries are not installed (extra: live)", allow_module_level=True)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def some_markets() -> Catalogue:
    """A family and twenty alone, so that all three exchanges are there."""
    family = [market(f"lead-{name}", event="lead", group_title=name, calm=True) for name in "abc"]
    alone = [market(f"alone-{number}", calm=True) for number in range(20)]
    events = (event("lead", neg_risk=True), *(event(spec.slug) for spec in alone))
    return Catalogue(events, (*family, *alone))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    async with host.serving(world(markets=some_markets())) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def signers(served: Served) -> dict[str, Signer]:
    """One for each kind of wallet, logged in; "other" is the second plain one."""
    found: dict[str, Signer] = {}
    for wallet in served.venue.accounts.wallets:
        name = "other" if wallet.kind in found else wallet.kind
        found[name] = Signer(served.http, wallet)
        await found[name].log_in()
    return found


def calm(served: Served) -> Any:
    return served.listing("lead-a")


# -- keys ------------------------------------------------------------------------------------------


async def test_a_key_is_created_once_and_derived_ever_after(served: Served) -> None:
    signer = Signer(served.http, served.venue.accounts.wallets[0])
    nothing = await served.http.get("/auth/derive-api-key", headers=signer.l1())
    assert (nothing.status_code, nothing.json()) == (400, {"error": "Could not derive api key!"})
    made = await served.http.post("/auth/api-key", headers=signer.l1())
    assert set(made.json()) == {"apiKey", "secret", "passphrase"}
    again = await served.http.post("/auth/api-key", headers=signer.l1())
    assert (again.status_code, again.json()) == (400, {"error": "Could not create api key"})
    derived = await served.http.get("/auth/derive-api-key", headers=signer.l1())
    assert derived.json() == made.json()
    other = await served.http.post("/auth/api-key", headers=signer.l1(nonce=1))
    assert other.json()["apiKey"] != made.json()["apiKey"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"POLY_ADDRESS": "0x" + "11" * 20},
        {"POLY_ADDRESS": "me"},
        {"POLY_NONCE": "1"},
        {"POLY_NONCE": "-1"},
        {"POLY_SIGNATURE": "0x" + "11" * 65},
        {"POLY_SIGNATURE": ""},
        {"POLY_TIMESTAMP": str(int(time.time()) - 3_600)},
        {"POLY_TIMESTAMP": "soon"},
    ],
)
async def test_a_wallet_signature_that_is_not_its_own_gets_no_key(
    served: Served, wrong: dict[str, str]
) -> None:
    signer = Signer(served.http, served.venue.accounts.wallets[0])
    answer = await served.http.post("/auth/api-key", headers=signer.l1() | wrong)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid L1 Request headers"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"POLY_ADDRESS": "0x" + "11" * 20},
        {"POLY_API_KEY": "0"},
        {"POLY_PASSPHRASE": "0"},
        {"POLY_SIGNATURE": "AAAA"},
        {"POLY_TIMESTAMP": "1"},
    ],
)
async def test_headers_of_which_one_is_wrong_open_nothing(
    served: Served, signers: dict[str, Signer], wrong: dict[str, str]
) -> None:
    headers = signers["eoa"].l2("GET", "/data/orders") | wrong
    answer = await served.http.get("/data/orders", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized/Invalid api key"})


@pytest.mark.parametrize("off_s", [-3_600, -90, 90, 3_600])
async def test_a_request_of_another_time_is_refused_though_it_is_signed(
    served: Served, signers: dict[str, Signer], off_s: int
) -> None:
    stamp = str(int(time.time()) + off_s)
    headers = signers["eoa"].l2("GET", "/data/orders", stamp=stamp)
    assert (await served.http.get("/data/orders", headers=headers)).status_code == 401


async def test_no_private_path_answers_without_headers(served: Served) -> None:
    for route in served.venue.private.routes():
        for method in route.methods or set():
            if method == "HEAD" or "builder" in route.path:
                continue
            answer = await served.http.request(method, route.path)
            assert answer.status_code == 401, (method, route.path)


async def test_a_key_that_was_deleted_opens_nothing(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer = signers["other"]
    assert await signer.get("/auth/api-keys") == {"apiKeys": [signer.creds["apiKey"]]}
    gone = signer.creds
    assert (await signer.ask("DELETE", "/auth/api-key")).json() == "OK"
    assert (await signer.ask("GET", "/auth/api-keys")).status_code == 401
    assert await signer.log_in() != gone
    assert await signer.get("/auth/ban-status/closed-only") == {"closed_only": False}


# -- signed orders ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["eoa", "proxy", "safe", "deposit"])
async def test_each_kind_of_wallet_trades_on_each_exchange(
    served: Served, signers: dict[str, Signer], kind: str
) -> None:
    listings = {
        (one.version, one.event.neg_risk): one for one in served.venue.board.listings.values()
    }
    assert len(listings) >= 2
    for listing in listings.values():
        body = signers[kind].order(listing)
        answer = await signers[kind].ask("POST", "/order", body)
        assert answer.status_code == 200, answer.text
        contract = signing.exchange_for(listing.version, listing.event.neg_risk)
        digest = signing.order_digest(struct_of(body["order"]), contract)
        assert answer.json()["orderID"] == "0x" + digest.hex()


@pytest.mark.parametrize("kind", ["eoa", "proxy", "safe", "deposit"])
async def test_one_flipped_bit_of_an_order_is_an_invalid_signature(
    served: Served, signers: dict[str, Signer], kind: str
) -> None:
    signer = signers[kind]
    body = signer.order(calm(served))
    signature = bytearray.fromhex(body["order"]["signature"][2:])
    for bit in (0, 300, 520, len(signature) * 8 - 1):
        if bit >= len(signature) * 8:
            continue
        forged = bytearray(signature)
        forged[bit // 8] ^= 1 << bit % 8
        order = body["order"] | {"signature": "0x" + forged.hex()}
        answer = await signer.ask("POST", "/order", body | {"order": order})
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid signature"})
    order = body["order"] | {"takerAmount": "10010000"}
    answer = await signer.ask("POST", "/order", body | {"order": order})
    assert answer.json() == {"error": "invalid signature"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"owner": "somebody"}, "the order owner has to be the owner of the API KEY"),
        ({"signer": "0x" + "11" * 20}, "the order signer address has to be the address of the API"),
        ({"maker": "0x" + "11" * 20}, "maker address not allowed, please use the deposit wallet"),
        ({"signatureType": 9}, "Invalid signature_type"),
        ({"tokenId": "12"}, "Invalid token id"),
        ({"maker": "0x1"}, "Invalid order payload"),
        ({"makerAmount": "-3"}, "Invalid order payload"),
        ({"signature": "0xzz"}, "invalid signature"),
        ({"orderType": "IOC"}, "Invalid order payload"),
        ({"side": "HOLD"}, "Invalid order payload"),
        ({"expiration": "17"}, "invalid expiration"),
    ],
)
async def test_an_order_that_claims_too_much_is_refused(
    served: Served, signers: dict[str, Signer], wrong: dict[str, Any], says: str
) -> None:
    signer = signers["eoa"]
    signed = {name: value for name, value in wrong.items() if name in {"expiration"}}
    body = signer.order(calm(served), **signed)
    for name, value in wrong.items():
        (body if name in {"owner", "orderType"} else body["order"])[name] = value
    answer = await signer.ask("POST", "/order", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


async def test_a_deposit_wallet_speaks_for_its_own_owner_alone(
    served: Served, signers: dict[str, Signer]
) -> None:
    thief = signers["eoa"]
    theirs = signers["deposit"].wallet.address
    body = thief.order(calm(served), maker=theirs, signer=theirs, signatureType=3)
    answer = await thief.ask("POST", "/order", body)
    assert "signer address has to be" in answer.json()["error"]


async def test_banned_and_closed_only_accounts_are_told(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer, owner = signers["eoa"], signers["eoa"].wallet.owner
    served.venue.accounts.closed_only.add(owner)
    assert await signer.get("/auth/ban-status/closed-only") == {"closed_only": True}
    buy = await signer.ask("POST", "/order", signer.order(calm(served)))
    assert buy.json() == {"error": f"'{owner}' address in closed only mode"}
    terms: dict[str, Any] = {"side": "SELL", "makerAmount": "10000000", "takerAmount": "7000000"}
    sell = await signer.ask("POST", "/order", signer.order(calm(served), **terms))
    assert sell.json()["status"] == "live"
    served.venue.accounts.banned.add(owner)
    answer = await signer.ask("POST", "/order", signer.order(calm(served)))
    assert answer.json() == {"error": f"'{owner}' address banned"}


async def test_a_batch_answers_leg_by_leg(served: Served, signers: dict[str, Signer]) -> None:
    signer = signers["eoa"]
    legs: list[Any] = [signer.order(calm(served)) for _ in range(3)]
    legs[1]["order"]["signature"] = "0x" + "11" * 65
    legs.append({"order": 1})
    answer = await signer.ask("POST", "/orders", legs)
    assert answer.status_code == 200
    rows = answer.json()
    assert [bool(row["orderID"]) for row in rows] == [True, False, True, False]
    assert all(row["success"] for row in rows)
    assert rows[1]["errorMsg"] == "invalid signature"
    assert (rows[1]["status"], rows[1]["makingAmount"]) == ("", "")
    assert rows[3]["errorMsg"] == "Invalid order payload"
    many = await signer.ask("POST", "/orders", [{}] * (BATCH_MAX + 1))
    assert (many.status_code, many.json()["error"]) == (
        400,
        "Too many orders in payload: 16, max allowed: 15",
    )


# -- what became of them ---------------------------------------------------------------------------


async def test_listings_page_by_cursor_and_show_nobody_elses(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer = signers["eoa"]
    for number in range(7):
        legs = [signer.order(calm(served), makerAmount="1000000") for _ in range(BATCH_MAX)]
        answer = await signer.ask("POST", "/orders", legs)
        assert all(row["orderID"] for row in answer.json()), number
    first = await signer.get("/data/orders")
    assert (first["count"], first["limit"], first["next_cursor"]) == (100, 100, "MTAw")
    last = await signer.get("/data/orders", next_cursor="MTAw")
    assert (last["count"], last["next_cursor"]) == (5, "LTE=")
    ids = {row["id"] for row in first["data"] + last["data"]}
    assert len(ids) == 105
    assert (await signers["proxy"].get("/data/orders"))["data"] == []
    one = last["data"][0]
    assert (await signer.get("/data/orders", id=one["id"]))["data"] == [one]
    assert await signer.get(f"/data/order/{one['id']}") == one
    assert (await signers["proxy"].ask("GET", f"/data/order/{one['id']}")).status_code == 404
    listing = calm(served)
    assert (await signer.get("/data/orders", market=listing.condition))["count"] == 100
    assert (await signer.get("/data/orders", asset_id=listing.assets[1]))["data"] == []


async def test_trades_are_found_by_id_market_maker_and_time(
    served: Served, signers: dict[str, Signer]
) -> None:
    maker, taker, listing = signers["proxy"], signers["eoa"], calm(served)
    bid, ask = served.venue.board.bests(listing, 0)
    assert bid is not None
    assert ask is not None
    price = (bid + ask) // 200 * 100
    amounts: dict[str, Any]
    amounts = {"makerAmount": "10000000", "takerAmount": str(price * 1_000)}
    await maker.ask("POST", "/order", maker.order(listing, side="SELL", **amounts))
    amounts = {"makerAmount": str(price * 1_000), "takerAmount": "10000000"}
    answer = await taker.ask("POST", "/order", taker.order(listing, **amounts))
    trade_id = answer.json()["tradeIDs"][0]
    for who, side in ((taker, "TAKER"), (maker, "MAKER")):
        row = (await who.get("/data/trades", id=trade_id))["data"][0]
        assert (row["trader_side"], row["maker_address"]) == (side, taker.wallet.address)
        assert row["maker_orders"][0]["maker_address"] == maker.wallet.address
        assert row["maker_orders"][0]["side"] == "SELL"
        at = int(row["match_time"])
        for query, found in [
            ({"market": listing.condition}, 1),
            ({"market": "0x0"}, 0),
            ({"asset_id": listing.assets[0]}, 1),
            ({"asset_id": listing.assets[1]}, 0),
            ({"maker_address": maker.wallet.address.lower()}, 1),
            ({"maker_address": "0x" + "11" * 20}, 0),
            ({"after": str(at - 1), "before": str(at + 1)}, 1),
            ({"after": str(at)}, 0),
            ({"before": str(at)}, 0),
        ]:
            assert (await who.get("/data/trades", **query))["count"] == found, query
    assert (await signers["safe"].get("/data/trades"))["data"] == []
    wrong = await taker.ask("GET", "/data/trades", after="soon")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "Invalid trade params payload")


async def test_cancels_in_all_forms(served: Served, signers: dict[str, Signer]) -> None:
    signer, listing = signers["eoa"], calm(served)

    async def placed(outcome: int = 0) -> str:
        answer = await signer.ask("POST", "/order", signer.order(listing, outcome))
        order_id: str = answer.json()["orderID"]
        return order_id

    one, two, three, four = [await placed(outcome) for outcome in (0, 0, 1, 0)]
    gone = await signer.ask("DELETE", "/order", {"orderID": one})
    assert gone.json() == {"canceled": [one], "not_canceled": {}}
    gone = await signer.ask("DELETE", "/orders", [one, two])
    assert gone.json()["not_canceled"] == {one: "already canceled or matched"}
    gone = await signer.ask("DELETE", "/cancel-market-orders", {"asset_id": listing.assets[1]})
    assert gone.json()["canceled"] == [three]
    gone = await signer.ask("DELETE", "/cancel-all")
    assert gone.json() == {"canceled": [four], "not_canceled": {}}
    wrong = await signer.ask("DELETE", "/order", {"orderID": "0x12"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "Invalid orderID"})
    many = await signer.ask("DELETE", "/orders", [one] * (CANCELS_MAX + 1))
    assert many.json() == {"error": "Too many orders in payload, max allowed: 1000"}


async def test_balances_are_whole_and_the_signature_type_says_whose(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer, listing = signers["safe"], calm(served)
    await signer.ask("POST", "/order", signer.order(listing))
    cash = {"asset_type": "COLLATERAL"}
    told = await signer.get("/balance-allowance", signature_type="2", **cash)
    assert told["balance"] == str(10_000 * DOLLAR)
    assert len(told["allowances"]) == 4
    assert (await signer.get("/balance-allowance", signature_type="0", **cash))["balance"] == "0"
    shares = {"asset_type": "CONDITIONAL", "token_id": listing.assets[1], "signature_type": "2"}
    assert (await signer.get("/balance-allowance", **shares))["balance"] == str(500 * SHARE)
    assert await signer.get("/balance-allowance/update", signature_type="2", **cash) == {}
    for wrong, says in [
        ({"asset_type": "GOLD"}, "Invalid asset type"),
        ({"signature_type": "7"}, "Invalid signature_type"),
        ({"asset_type": "CONDITIONAL", "token_id": "1"}, "Invalid token id"),
    ]:
        answer = await signer.ask("GET", "/balance-allowance", **wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, says)


async def test_small_questions_have_small_answers(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer = signers["eoa"]
    answer = await signer.ask("POST", "/order", signer.order(calm(served)))
    order_id = answer.json()["orderID"]
    assert await signer.get("/order-scoring", order_id=order_id) == {"scoring": False}
    scoring = await signer.ask("POST", "/orders-scoring", [order_id])
    assert scoring.json() == {order_id: False}
    assert (await signer.get("/v1/user/rate-limit-tier"))["tier"] == "standard"
    assert (await signer.get("/data/pre-migration-orders"))["next_cursor"] == "LTE="
    assert answer.headers["Poly-RateLimit-Remaining"] == "59"
    beat = await signer.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})
    stale = await signer.ask("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
    assert (stale.status_code, stale.json()) == (
        400,
        {"error_msg": "Invalid Heartbeat ID"} | beat.json(),
    )


async def test_buckets_warn_and_refuse_only_when_they_are_enforced(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer = signers["eoa"]
    wrong: list[dict[str, str]] = [{}] * BATCH_MAX
    for _ in range(5):
        answer = await signer.ask("POST", "/orders", wrong)
    assert answer.status_code == 200
    assert int(answer.headers["Poly-RateLimit-Remaining"]) < 0
    assert answer.headers["Poly-RateLimit-Warning"] == "true"
    served.venue.limits.enforced = True
    answer = await signer.ask("POST", "/orders", wrong)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json() == {"error": "Too Many Requests"}


async def test_enforced_buckets_refuse_cancels_as_well_and_leave_the_orders(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer = signers["eoa"]
    placed = (await signer.ask("POST", "/order", signer.order(calm(served)))).json()["orderID"]
    served.venue.limits.enforced = True
    unknown = [f"0x{number:064x}" for number in range(120)]
    assert (await signer.ask("DELETE", "/orders", unknown)).status_code == 200
    for path, body in (
        ("/order", {"orderID": placed}),
        ("/orders", [placed, *unknown]),
        ("/cancel-all", None),
        ("/cancel-market-orders", {}),
    ):
        answer = await signer.ask("DELETE", path, body)
        if answer.status_code == 200:  # a token may have grown back meanwhile
            continue
        assert (answer.status_code, answer.json()) == (429, {"error": "Too Many Requests"}), path
        assert int(answer.headers["Retry-After"]) >= 1
    assert (await signer.ask("DELETE", "/orders", [placed, *unknown])).status_code == 429


async def test_notifications_are_told_until_they_are_dropped(
    served: Served, signers: dict[str, Signer]
) -> None:
    signer, listing = signers["eoa"], calm(served)
    await signer.ask("POST", "/order", signer.order(listing, makerAmount="9000000"))
    rows = await signer.get("/notifications", signature_type="0")
    assert [row["type"] for row in rows] == [2]
    dropped = await signer.ask("DELETE", "/notifications", ids=str(rows[0]["id"]))
    assert dropped.json() == "OK"
    assert await signer.get("/notifications", signature_type="0") == []
