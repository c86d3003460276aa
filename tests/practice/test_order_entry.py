"""Orders as they come in: what official clients sign is understood, rubbish is refused in words."""

import json
from contextlib import suppress
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from practice.accounts.order_entry import (
    Post,
    Terms,
    decode,
    decode_many,
    market_price,
    struct_of,
    terms_of,
)
from practice.exchange.orders import PRICE_ONE, Refused

NOW_S = 1_764_000_000
PLACES = {1_000: 1, 100: 2, 50: 3, 25: 4, 10: 3, 1: 4}


def _understood(body: dict[str, Any], tick: int) -> Terms:
    return terms_of(decode(msgspec.json.encode(body)), "0x0", tick, NOW_S)


def _tick(text: str) -> int:
    return int(Decimal(text) * PRICE_ONE)


def _step(tick: int) -> Decimal:
    """One unit of the last decimal that a client rounds prices to."""
    return Decimal(1).scaleb(-PLACES[tick])


def _floored(price: object, tick: int) -> tuple[int, int]:
    """Where a client may round a market price down to: binary floats make 0.57 into 0.56."""
    step = _step(tick)
    exact = Decimal(str(price)).quantize(step, ROUND_DOWN)
    return int(exact * PRICE_ONE), int((exact - step) * PRICE_ONE)


def test_every_recorded_limit_order_is_understood(shared_data: Path) -> None:
    cases = json.loads((shared_data / "vectors/limit_orders.json").read_text())["cases"]
    assert len(cases) == 55
    for case in cases:
        tick = _tick(case["tick_size"])
        terms = _understood(case["post_body"], tick)
        price = Decimal(str(case["args"]["price"])).quantize(_step(tick), ROUND_HALF_EVEN)
        assert terms.price == price * PRICE_ONE, case["args"]
        assert terms.side == case["args"]["side"]


def test_every_recorded_market_order_is_understood(shared_data: Path) -> None:
    cases = json.loads((shared_data / "vectors/market_orders.json").read_text())["cases"]
    assert len(cases) == 38
    for case in cases:
        tick = _tick(case["tick_size"])
        terms = _understood(case["post_body"], tick)
        assert terms.price in _floored(case["args"]["price"], tick), case["args"]
        assert bool(terms.budget) == (case["args"]["side"] == "BUY")


def test_every_order_of_the_newer_client_is_understood(shared_data: Path) -> None:
    cases = json.loads((shared_data / "vectors-sdk/orders.json").read_text())["orders"]
    for case in cases:
        body = case["post_body"]
        if body["orderType"] == "GTD":
            body["order"]["expiration"] = str(NOW_S + 600)  # its date is not part of what is signed
        terms = _understood(body, _tick(case["tick_size"]))
        args = case["call"]["args"]
        wanted = args.get("price") or args.get("max_price") or args.get("min_price")
        if wanted:
            assert terms.price == Decimal(str(wanted)) * PRICE_ONE, case["name"]
    assert len(cases) == 79


def test_every_pair_of_amounts_that_a_client_computes_is_understood(shared_data: Path) -> None:
    file = json.loads((shared_data / "vectors/amounts.json").read_text())
    assert len(file["rows"]) == 480
    for values in file["rows"]:
        row = dict(zip(file["columns"], values, strict=True))
        tick, side = _tick(row["tick_size"]), row["side"]
        maker, taker = int(row["limit_makerAmount"]), int(row["limit_takerAmount"])
        money, size = (maker, taker) if side == "BUY" else (taker, maker)
        price = Decimal(str(row["price"])).quantize(_step(tick), ROUND_HALF_EVEN)
        assert money == price * size, row
        maker, taker = int(row["market_makerAmount"]), int(row["market_takerAmount"])
        money, size = (maker, taker) if side == "BUY" else (taker, maker)
        floored = [price for price in _floored(row["price"], tick) if price % tick == 0]
        if len(floored) == 2:
            assert market_price(side, money, size, tick) in floored, row


def test_a_market_price_off_the_grid_means_no_worse_than_it_says() -> None:
    assert market_price("BUY", 10_000_000, 22_222_222, 100) == 4_500
    assert market_price("BUY", 10_000_000, 22_000_000, 100) == 4_500
    assert market_price("SELL", 10_000_000, 22_000_000, 100) == 4_600


_order = some.fixed_dictionaries(
    {
        "salt": some.integers() | some.text(max_size=8),
        "maker": some.text(max_size=8),
        "signer": some.text(max_size=8),
        "tokenId": some.text(max_size=8) | some.integers(0, 10**9).map(str),
        "makerAmount": some.integers(-5, 10**9).map(str) | some.integers(),
        "takerAmount": some.integers(-5, 10**9).map(str) | some.text(max_size=4),
        "side": some.sampled_from(["BUY", "SELL"]),
        "expiration": some.integers(-5, 2 * NOW_S).map(str) | some.just("0"),
        "signatureType": some.integers(-2, 300),
        "timestamp": some.integers() | some.text(max_size=4),
        "metadata": some.text(max_size=4) | some.just("0x" + "0" * 64),
        "builder": some.just("0x" + "0" * 64),
        "signature": some.text(max_size=4),
    }
)


@given(_order, some.sampled_from(["GTC", "GTD", "FOK", "FAK"]), some.sampled_from(list(PLACES)))
def test_whatever_is_sent_is_understood_or_refused(
    order: dict[str, Any], kind: str, tick: int
) -> None:
    try:
        post = decode(msgspec.json.encode({"order": order, "owner": "k", "orderType": kind}))
        struct_of(post.order)
        terms = terms_of(post, "0x0", tick, NOW_S)
    except Refused:
        return
    assert terms.size > 0
    assert isinstance(post, Post)


@given(some.binary(max_size=60) | some.text(max_size=60).map(str.encode))
def test_what_is_no_object_or_array_is_refused(body: bytes) -> None:
    for door in (decode, decode_many):
        with suppress(Refused):
            door(body)
            assert body.lstrip()[:1] in {b"[", b"{"}


@pytest.mark.parametrize("salt", [2**53, str(2**53), 0, "0"])
def test_numbers_may_come_as_text(salt: object) -> None:
    order = {
        "salt": salt,
        "maker": "m",
        "signer": "s",
        "tokenId": "7",
        "makerAmount": "3000000",
        "takerAmount": "10000000",
        "side": "BUY",
        "signatureType": 0,
        "timestamp": 1,
        "metadata": "0x" + "0" * 64,
        "builder": "0x" + "0" * 64,
        "signature": "0x",
    }
    post = decode(msgspec.json.encode({"order": order, "owner": "k", "orderType": "GTC"}))
    assert struct_of(post.order).salt == int(str(salt))
    assert terms_of(post, "0x0", 100, NOW_S).price == 3_000
