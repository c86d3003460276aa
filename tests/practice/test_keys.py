"""Keys that look and keys of apps: made, listed, good for what they are for, and taken back."""

import base64
import hmac
import time
from collections.abc import AsyncIterator
from hashlib import sha256

import httpx
import pytest
import pytest_asyncio

from practice.accounts import signing
from practice.accounts.wallets import owned_by
from tests.practice.loopback import Host, Served, hosting
from tests.practice.signer import Signer
from tests.practice.worlds import catalogue, market, world

if not signing.available():
    pytest.skip("signing libraries are not installed (extra: live)", allow_module_level=True)

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNAUTHORIZED = {"error": "Unauthorized/Invalid api key"}
CODE = "0x" + "c0de" * 16


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    shown = catalogue(market("calm", calm=True), market("other", calm=True))
    async with host.serving(world(markets=shown)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def ann(served: Served) -> Signer:
    signer = Signer(served.http, served.venue.accounts.wallets[0])
    await signer.log_in()
    return signer


@pytest_asyncio.fixture(loop_scope="module")
async def bob(served: Served) -> Signer:
    signer = Signer(served.http, served.venue.accounts.wallets[1])
    await signer.log_in()
    return signer


async def looker(signer: Signer) -> dict[str, str]:
    """Headers of a new read-only key."""
    made = (await signer.ask("POST", "/auth/readonly-api-key")).json()
    assert set(made) == {"apiKey"}
    return {"POLY_READONLY_API_KEY": made["apiKey"], "POLY_ADDRESS": signer.wallet.owner}


def as_builder(creds: dict[str, str], method: str, path: str, body: bytes = b"") -> dict[str, str]:
    stamp = str(int(time.time()))
    text = stamp.encode() + method.encode() + path.encode() + body
    digest = hmac.new(base64.urlsafe_b64decode(creds["secret"]), text, sha256).digest()
    return {
        "POLY_BUILDER_API_KEY": creds["key"],
        "POLY_BUILDER_PASSPHRASE": creds["passphrase"],
        "POLY_BUILDER_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
        "POLY_BUILDER_TIMESTAMP": stamp,
    }


# -- read-only keys --------------------------------------------------------------------------------


async def test_a_read_only_key_sees_its_owners_orders_and_nobody_elses(
    served: Served, ann: Signer, bob: Signer
) -> None:
    listing = served.listing("calm")
    placed = (await ann.ask("POST", "/order", ann.order(listing))).json()["orderID"]
    await bob.ask("POST", "/order", bob.order(listing))
    headers = await looker(ann)
    shown = await served.http.get("/data/orders", headers=headers)
    assert [row["id"] for row in shown.json()["data"]] == [placed]
    named = {"maker_address": ann.wallet.address.lower()}
    shown = await served.http.get("/data/orders", headers=headers, params=named)
    assert [row["id"] for row in shown.json()["data"]] == [placed]
    shown = await served.http.get(
        "/data/orders", headers=headers, params={"maker_address": bob.wallet.address}
    )
    assert shown.json()["data"] == []
    for path in (f"/data/order/{placed}", "/data/trades", "/notifications"):
        assert (await served.http.get(path, headers=headers)).status_code == 200, path
    query = {"asset_type": "COLLATERAL", "signature_type": "0"}
    balance = await served.http.get("/balance-allowance", headers=headers, params=query)
    assert int(balance.json()["balance"]) > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/order"),
        ("POST", "/orders"),
        ("DELETE", "/order"),
        ("DELETE", "/cancel-all"),
        ("DELETE", "/notifications"),
        ("POST", "/v1/heartbeats"),
        ("GET", "/auth/api-keys"),
        ("GET", "/auth/readonly-api-keys"),
        ("POST", "/auth/readonly-api-key"),
        ("GET", "/auth/builder-api-key"),
        ("GET", "/balance-allowance/update"),
    ],
)
async def test_a_read_only_key_does_nothing(
    served: Served, ann: Signer, method: str, path: str
) -> None:
    order = ann.order(served.listing("calm"))
    answer = await served.http.request(method, path, headers=await looker(ann), json=order)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert (await ann.get("/data/orders"))["data"] == []


async def test_read_only_keys_are_listed_and_deleted_by_their_owner_alone(
    served: Served, ann: Signer, bob: Signer
) -> None:
    first, second = await looker(ann), await looker(ann)
    own = [headers["POLY_READONLY_API_KEY"] for headers in (first, second)]
    assert await ann.get("/auth/readonly-api-keys") == {"readonlyApiKeys": own}
    assert await bob.get("/auth/readonly-api-keys") == {"readonlyApiKeys": []}
    refused = await bob.ask("DELETE", "/auth/readonly-api-key", {"key": own[0]})
    assert refused.status_code == 400
    deleted = await ann.ask("DELETE", "/auth/readonly-api-key", {"key": own[0]})
    assert (deleted.status_code, deleted.json()) == (200, "OK")
    assert (await served.http.get("/data/orders", headers=first)).status_code == 401
    assert (await served.http.get("/data/orders", headers=second)).status_code == 200
    stolen = second | {"POLY_ADDRESS": bob.wallet.owner}
    assert (await served.http.get("/data/orders", headers=stolen)).status_code == 401


# -- builder keys ----------------------------------------------------------------------------------


async def test_a_builder_key_is_listed_until_it_revokes_itself(served: Served, ann: Signer) -> None:
    creds = (await ann.ask("POST", "/auth/builder-api-key")).json()
    assert set(creds) == {"key", "secret", "passphrase"}
    (shown,) = await ann.get("/auth/builder-api-key")
    assert (shown["key"], shown["revokedAt"]) == (creds["key"], None)
    forged = as_builder(creds | {"passphrase": "no"}, "DELETE", "/auth/builder-api-key")
    refused = await served.http.delete("/auth/builder-api-key", headers=forged)
    assert (refused.status_code, refused.json()) == (401, UNAUTHORIZED)
    headers = as_builder(creds, "DELETE", "/auth/builder-api-key")
    revoked = await served.http.delete("/auth/builder-api-key", headers=headers)
    assert (revoked.status_code, revoked.json()) == (200, "OK")
    again = await served.http.delete("/auth/builder-api-key", headers=headers)
    assert again.status_code == 401
    (shown,) = await ann.get("/auth/builder-api-key")
    assert shown["revokedAt"]


async def test_an_owner_who_names_no_builder_key_revokes_all_of_them(ann: Signer) -> None:
    for _ in range(2):
        await ann.ask("POST", "/auth/builder-api-key")
    assert (await ann.ask("DELETE", "/auth/builder-api-key")).json() == "OK"
    shown = await ann.get("/auth/builder-api-key")
    assert [bool(one["revokedAt"]) for one in shown] == [True, True]


async def test_a_builder_key_speaks_to_the_relayer_and_not_for_a_wallet(
    served: Served, ann: Signer
) -> None:
    creds = (await ann.ask("POST", "/auth/builder-api-key")).json()
    assert (await as_app(served, creds, ann.wallet.owner)).status_code == 200
    wallet = owned_by(ann.wallet.owner).deposit
    asked = {"address": wallet, "type": "WALLET"}
    assert await served.get("/deployed", **asked) == {"deployed": True}
    headers = as_builder(creds, "GET", "/data/orders")
    assert (await served.http.get("/data/orders", headers=headers)).status_code == 401
    wrong = creds | {"secret": base64.urlsafe_b64encode(b"another").decode()}
    assert (await as_app(served, wrong, ann.wallet.owner)).status_code == 401


async def as_app(served: Served, creds: dict[str, str], owner: str) -> httpx.Response:
    body = f'{{"type":"WALLET-CREATE","from":"{owner}"}}'.encode()
    headers = as_builder(creds, "POST", "/submit", body)
    return await served.http.post("/submit", content=body, headers=headers)


async def test_trades_of_orders_with_a_builders_code_are_public(
    served: Served, ann: Signer, bob: Signer
) -> None:
    listing = served.listing("calm")
    bid, ask = served.venue.board.bests(listing, 0)
    assert bid is not None
    assert ask is not None
    price = (bid + ask) // 200 * 100
    money = str(price * 10 * 100)
    wanted = ann.order(listing, makerAmount=money, takerAmount="10000000", builder=CODE)
    resting = (await ann.ask("POST", "/order", wanted)).json()
    assert resting["status"] == "live", resting
    sale = bob.order(listing, side="SELL", makerAmount="10000000", takerAmount=money)
    taken = (await bob.ask("POST", "/order", sale)).json()
    page = await served.get("/builder/trades", builder_code=CODE)
    (row,) = page["data"]
    assert page["next_cursor"] == "LTE="
    assert (row["id"], row["tradeType"], row["side"]) == (taken["tradeIDs"][0], "MAKER", "BUY")
    assert (row["builder"], row["maker"]) == (CODE, ann.wallet.address)
    assert (row["size"], row["takerOrderHash"]) == ("10", taken["orderID"])
    nothing = await served.get("/builder/trades", builder_code=CODE, market="0x" + "0" * 64)
    assert nothing["data"] == []
    assert await served.refused("/builder/trades", builder_code="0x" + "0" * 64) == (
        400,
        "Invalid builder code",
    )
