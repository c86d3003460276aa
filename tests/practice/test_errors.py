"""The venue's error catalogue, text by text: each is caused, and its body is the documented one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from practice.accounts import signing
from practice.faults.http_faults import ENGINE_ERRORS
from practice.world.catalogue import Catalogue
from tests.practice.loopback import Host, Served, hosting
from tests.practice.signer import Signer
from tests.practice.worlds import event, market, world

if not signing.available():
    pytest.skip("signing libraries are not installed (extra: live)", allow_module_level=True)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE, EVE = "0x" + "a1" * 20, "0x" + "ee" * 20
UNKNOWN = "0x" + "ab" * 32
STANDARD = "0xE111180000d2663C0091e4f400237545B87B996B"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    slugs = ("one", "two", "fine")
    ticks = {"fine": 10}
    markets = [market(slug, calm=True, tick=ticks.get(slug, 100)) for slug in slugs]
    shown = Catalogue(tuple(event(slug) for slug in slugs), tuple(markets))
    async with host.serving(world(markets=shown)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def me(served: Served) -> Signer:
    signer = Signer(served.http, served.venue.accounts.wallets[0])
    await signer.log_in()
    return signer


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def error(text: str) -> dict[str, str]:
    return {"error": text}


# -- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status", "text"),
    [
        ("GET", "/book", {}, None, 400, "Invalid token id"),
        ("GET", "/book", {"token_id": "x"}, None, 400, "Invalid token id"),
        ("GET", "/book", {"token_id": "7"}, None, 404,
         "No orderbook exists for the requested token id"),
        ("GET", "/midpoint", {"token_id": "7"}, None, 404,
         "No orderbook exists for the requested token id"),
        ("GET", "/tick-size", {"token_id": "7"}, None, 404, "market not found"),
        ("GET", "/neg-risk", {"token_id": "7"}, None, 404, "market not found"),
        ("GET", "/clob-markets/0xab", {}, None, 404, "market not found"),
        ("GET", "/markets/0xab", {}, None, 404, "market not found"),
        ("GET", "/prices-history", {"market": "7"}, None, 400, "Invalid market"),
        ("POST", "/books", {}, {"token_id": "7"}, 400, "Invalid payload"),
        ("POST", "/books", {}, [{"token_id": "7"}] * 501, 400, "Payload exceeds the limit"),
        ("POST", "/midpoints", {}, "x", 400, "Invalid payload"),
    ],
)  # fmt: skip
async def test_questions_that_cannot_be_answered(
    served: Served, method: str, path: str, query: Any, body: Any, status: int, text: str
) -> None:
    answer = await served.http.request(method, path, params=query, json=body)
    assert said(answer) == (status, error(text))


async def test_a_price_has_a_side(served: Served) -> None:
    asset = served.listing("one").assets[0]
    asked = {"token_id": asset, "side": "HOLD"}
    assert said(await served.http.get("/price", params=asked)) == (400, error("Invalid side"))
    assert said(await served.http.post("/prices", json=[asked])) == (400, error("Invalid side"))


async def test_nobody_gets_in_without_the_right_headers(served: Served, me: Signer) -> None:
    closed = (401, error("Unauthorized/Invalid api key"))
    assert said(await served.http.post("/order", json={})) == closed
    assert (
        said(await served.http.get("/data/orders", headers=me.l2("GET", "/data/trades"))) == closed
    )
    stale = me.l2("GET", "/data/orders", stamp="1700000000")
    assert said(await served.http.get("/data/orders", headers=stale)) == closed
    l1 = me.l1() | {"POLY_NONCE": "5"}
    answer = await served.http.post("/auth/api-key", headers=l1)
    assert said(answer) == (401, error("Invalid L1 Request headers"))
    nothing = await served.http.get("/auth/derive-api-key", headers=me.l1(nonce=77))
    assert said(nothing) == (400, error("Could not derive api key!"))
    again = await served.http.post("/auth/api-key", headers=me.l1())
    assert said(again) == (400, error("Could not create api key"))


@pytest.mark.parametrize(
    ("path", "query", "text"),
    [
        ("/data/orders", {"asset_id": "x"}, "invalid order params payload"),
        ("/data/orders", {"market": "x"}, "invalid order params payload"),
        ("/data/trades", {"before": "x"}, "Invalid trade params payload"),
        ("/data/trades", {"asset_id": "-1"}, "Invalid trade params payload"),
        ("/data/order/0x12", {}, "Invalid orderID"),
        ("/balance-allowance", {"asset_type": "GOLD"}, "Invalid asset type"),
        ("/balance-allowance", {"signature_type": "8"}, "Invalid signature_type"),
        ("/balance-allowance", {"asset_type": "CONDITIONAL", "token_id": "7"}, "Invalid token id"),
    ],
)
async def test_questions_about_oneself_that_cannot_be_answered(
    me: Signer, path: str, query: dict[str, str], text: str
) -> None:
    assert said(await me.ask("GET", path, **query)) == (400, error(text))


async def test_an_unknown_order_is_not_found(me: Signer) -> None:
    assert said(await me.ask("GET", f"/data/order/{UNKNOWN}")) == (404, error("Order not found"))


# -- cancelling ------------------------------------------------------------------------------------


async def test_cancels_that_cannot_be_done(me: Signer, served: Served) -> None:
    assert said(await me.ask("DELETE", "/order", {"orderID": "0x12"})) == (
        400,
        error("Invalid orderID"),
    )
    many = [f"0x{number:064x}" for number in range(1_001)]
    assert said(await me.ask("DELETE", "/orders", many)) == (
        400,
        error("Too many orders in payload, max allowed: 1000"),
    )
    gone = (await me.ask("POST", "/order", me.order(served.listing("one")))).json()["orderID"]
    await me.ask("DELETE", "/cancel-all")
    answer = await me.ask("DELETE", "/orders", [gone, UNKNOWN])
    reasons = {gone: "already canceled or matched", UNKNOWN: "Order not found"}
    assert said(answer) == (200, {"canceled": [], "not_canceled": reasons})


# -- orders that are refused -----------------------------------------------------------------------

Prepare = Callable[[Served, Signer], Awaitable[None]]


def dollars(amount: float) -> str:
    return str(round(amount * 1_000_000))


def bought(price: float, shares: float, **more: Any) -> dict[str, Any]:
    """A limit buy."""
    return {"makerAmount": dollars(price * shares), "takerAmount": dollars(shares), **more}


def sold(price: float, shares: float, **more: Any) -> dict[str, Any]:
    amounts = {"makerAmount": dollars(shares), "takerAmount": dollars(price * shares)}
    return {"side": "SELL", **amounts, **more}


BAD = "Invalid order payload"
FAK = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
FOK = "order couldn't be fully filled. FOK orders are fully filled or killed."
ACCURACY = "invalid amounts, the {} maker amount supports a max accuracy of {} decimals, taker "
ACCURACY += "amount a max of {} decimals"


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        (bought(0.3, 10, owner="me"), "the order owner has to be the owner of the API KEY"),
        (bought(0.3, 10, signer=EVE),
         "the order signer address has to be the address of the API KEY"),
        (bought(0.3, 10, maker=EVE),
         "maker address not allowed, please use the deposit wallet flow"),
        (bought(0.3, 10, signature="0x" + "11" * 65), "invalid signature"),
        (bought(0.3, 10, tokenId="7"), "Invalid token id"),
        (bought(0.3, 10, orderType="IOC"), BAD),
        (bought(0.3, 10, postOnly=True, orderType="FAK"),
         "invalid post-only order: only GTC and GTD orders may be post-only"),
        (bought(0.9, 10, postOnly=True), "invalid post-only order: order crosses book"),
        (bought(0.305, 10), "order {id} is invalid. Price (0.305) breaks minimum tick size rule: "
         "0.01"),
        (bought(0.3, 4), "order {id} is invalid. Size (4) lower than the minimum: 5"),
        (bought(0.3, 10, expiration="17"), "invalid expiration"),
        (bought(0.3, 10, orderType="GTD", expiration="1700000000"), "invalid expiration"),
        (bought(1.0, 10), "invalid price, price must be greater than 0 and less than 1"),
        (bought(0.3, 10_000_000), "not enough balance / allowance: the balance is not enough -> "
         "balance: 10000000000, order amount: 3000000000000"),
        (sold(0.6, 501), "not enough balance / allowance: the balance is not enough -> "
         "balance: 500000000, order amount: 501000000"),
        (bought(0.3, 10.001), ACCURACY.format("buy orders", 4, 2)),
        (sold(0.6, 10.001), ACCURACY.format("sell orders", 2, 4)),
        (bought(0.9, 1 / 0.9, orderType="FAK"), ACCURACY.format("market buy orders", 2, 4)),
        (sold(0.1, 10.001, orderType="FAK"), ACCURACY.format("market sell orders", 2, 4)),
        ({"makerAmount": "5005000", "takerAmount": "10000000", "orderType": "FOK"},
         ACCURACY.format("market buy orders", 2, 4)),
        (bought(0.9, 0.5555, makerAmount="500000", orderType="FAK"),
         "invalid amount for a marketable BUY order ($0.5), min size: $1"),
        (bought(0.1, 100, orderType="FAK"), FAK),
        (bought(0.5, 18_000, orderType="FOK"), FOK),
        (sold(0.9, 10, orderType="FAK"), FAK),
    ],
)  # fmt: skip
async def test_orders_are_refused_in_the_documented_words(
    served: Served, me: Signer, terms: dict[str, Any], text: str
) -> None:
    order = me.order(served.listing("one"), **terms)
    answer = await me.ask("POST", "/order", order)
    struct = order_id(order, served)
    assert said(answer) == (400, error(text.replace("{id}", struct)))


def order_id(body: dict[str, Any], served: Served) -> str:
    from tests.practice.signer import struct_of

    contract = signing.exchange_for("v1", neg_risk=False)
    assert served.listing("one").version == "v1"
    return "0x" + signing.order_digest(struct_of(body["order"]), contract).hex()


async def test_the_same_order_again_is_duplicated(served: Served, me: Signer) -> None:
    body = me.order(served.listing("one"))
    placed = (await me.ask("POST", "/order", body)).json()["orderID"]
    refused = (400, error(f"order {placed} is invalid. Duplicated."))
    assert said(await me.ask("POST", "/order", body)) == refused
    await me.ask("DELETE", "/cancel-all")
    assert said(await me.ask("POST", "/order", body)) == refused


async def test_orders_of_the_first_version_are_told_apart(served: Served, me: Signer) -> None:
    body = me.order(served.listing("one"))
    old = body["order"] | {"taker": ALICE, "nonce": "0", "feeRateBps": "0"}
    for name in ("timestamp", "metadata", "builder"):
        del old[name]
    answer = await me.ask("POST", "/order", body | {"order": old})
    assert said(answer) == (400, error("order_version_mismatch"))


async def test_accounts_that_may_not_trade_are_told(served: Served, me: Signer) -> None:
    owner, accounts = me.wallet.owner, served.venue.accounts
    accounts.closed_only.add(owner)
    answer = await me.ask("POST", "/order", me.order(served.listing("one")))
    assert said(answer) == (400, error(f"'{owner}' address in closed only mode"))
    accounts.banned.add(owner)
    answer = await me.ask("POST", "/order", me.order(served.listing("one")))
    assert said(answer) == (400, error(f"'{owner}' address banned"))


async def test_batches_that_are_too_long_are_refused_whole(served: Served, me: Signer) -> None:
    legs = [me.order(served.listing("one"))] * 16
    assert said(await me.ask("POST", "/orders", legs)) == (
        400,
        error("Too many orders in payload: 16, max allowed: 15"),
    )
    assert said(await me.ask("POST", "/orders", {})) == (400, error(BAD))


async def test_a_closed_market_takes_no_orders(served: Served, me: Signer) -> None:
    await served.http.post("/control/resolve", json={"market": "two", "outcome": "NO"})
    answer = await me.ask("POST", "/order", me.order(served.listing("two")))
    text = "the market is not yet ready to process new orders"
    assert said(answer) == (400, error(text))


async def test_what_the_exchange_may_not_move_is_refused_naming_it(
    served: Served, me: Signer
) -> None:
    wallet = {"wallet": me.wallet.address, "allowance": "1"}
    assert (await served.http.post("/control/wallet", json=wallet)).status_code == 200
    answer = await me.ask("POST", "/order", me.order(served.listing("one")))
    text = "not enough balance / allowance: the allowance is not enough -> "
    text += f"spender: {STANDARD}, allowance: 1000000, order amount: 3000000"
    assert said(answer) == (400, error(text))


async def test_on_fine_grids_market_orders_may_be_as_fine_unless_told_otherwise(
    served: Served, me: Signer
) -> None:
    listing = served.listing("fine")
    _, ask = served.venue.board.bests(listing, 0)
    assert ask is not None
    price = (ask + 10) / 10_000
    terms = {
        "makerAmount": "9970000",
        "takerAmount": str(int(9_970_000 / price) // 10 * 10),
        "orderType": "FAK",
    }
    assert int(terms["takerAmount"]) % 100, "needs five decimals"
    served.venue.trading.flat_amounts = True
    answer = await me.ask("POST", "/order", me.order(listing, **terms))  # type: ignore[arg-type]
    assert said(answer) == (400, error(ACCURACY.format("market buy orders", 2, 4)))
    served.venue.trading.flat_amounts = False
    answer = await me.ask("POST", "/order", me.order(listing, **terms))  # type: ignore[arg-type]
    assert answer.json()["status"] == "matched", answer.text


# -- the venue's own trouble -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("status_425", 425, "Service not ready: the matching engine restarts"),
        ("status_429", 429, "Too Many Requests"),
        ("status_500", 500, "Internal server error"),
        ("order_timeout", 500, "order timed out"),
        ("status_503", 503, "Trading is currently disabled. Check polymarket.com for updates"),
    ],
)
async def test_trouble_is_told_and_nothing_is_placed(
    served: Served, me: Signer, fault: str, status: int, text: str
) -> None:
    await served.fault(once={fault: 1})
    answer = await me.ask("POST", "/order", me.order(served.listing("one")))
    assert said(answer) == (status, error(text))
    assert (await me.get("/data/orders"))["data"] == []


async def test_a_wrong_country_is_told_before_anybody_asks_who_it_is(served: Served) -> None:
    await served.fault(once={"status_403": 1})
    assert (await served.http.delete("/cancel-all")).status_code == 401
    answer = await served.http.post("/order", json={})
    assert answer.status_code == 403
    text = "Trading restricted in your region, please refer to available regions - "
    assert answer.json()["error"].startswith(text)


async def test_reasons_inside_the_venue_are_all_met_and_place_nothing(
    served: Served, me: Signer
) -> None:
    await served.fault(engine_error=1)
    met = set()
    for _ in range(60):
        answer = await me.ask("POST", "/order", me.order(served.listing("one")))
        met.add((answer.status_code, answer.json()["error"]))
    assert met == set(ENGINE_ERRORS)
    await served.fault(clear=True)
    assert (await me.get("/data/orders"))["data"] == []


@pytest.mark.parametrize(
    ("mode", "body"),
    [
        ("cancel-only", error("Trading is currently cancel-only. New orders are not accepted, but "
                              "cancels are allowed.")),
        ("disabled", error("Trading is currently disabled. Check polymarket.com for updates")),
    ],
)  # fmt: skip
async def test_modes_of_the_venue_are_told(
    served: Served, me: Signer, mode: str, body: dict[str, str]
) -> None:
    await served.fault(mode=mode)
    answer = await me.ask("POST", "/order", me.order(served.listing("one")))
    assert said(answer) == (503, body)
    assert answer.headers["retry-after"]
    cancel = await me.ask("DELETE", "/cancel-all")
    assert cancel.status_code == (200 if mode == "cancel-only" else 503)


async def test_post_only_mode_tells_how_long_it_lasts(served: Served, me: Signer) -> None:
    await served.fault(mode="post-only", for_s=79)
    answer = await me.ask("POST", "/order", me.order(served.listing("one")))
    text = "post-only mode: only post-only orders and cancels are allowed"
    wanted = {"error": text, "code": "post_only_mode", "retry_after_seconds": 79}
    assert said(answer) == (503, wanted)
    assert answer.headers["retry-after"] == "79"
    legs = [me.order(served.listing("one")), me.order(served.listing("one"), postOnly=True)]
    rows = (await me.ask("POST", "/orders", legs)).json()
    assert [row["errorMsg"] for row in rows] == [text, ""]
