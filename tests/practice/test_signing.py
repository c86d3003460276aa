"""Signatures: every vector of the official clients is accepted, each with a flipped bit refused."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from practice.accounts import signing
from practice.accounts.signing import (
    Exchange,
    Forged,
    OrderStruct,
    auth_digest,
    order_digest,
    signer_of,
)
from practice.accounts.wallets import owned_by
from tests.practice.signer import struct_of

if not signing.available():
    pytest.skip("signing libraries are not installed (extra: live)", allow_module_level=True)

FLIPS_A_VECTOR = 12
FILES = ("limit_orders", "market_orders", "limit_orders_exchange_v3")


@dataclass(frozen=True)
class Vector:
    name: str
    order: OrderStruct
    signature: bytes
    exchange: Exchange
    chain_id: int
    order_id: str
    signer: str


def _first_client(folder: Path) -> Iterator[Vector]:
    for name in FILES:
        file = json.loads((folder / f"vectors/{name}.json").read_text())
        for number, case in enumerate(file["cases"]):
            order = case["post_body"]["order"]
            domain = case["domain"]
            yield Vector(
                f"{name}-{number}",
                struct_of(order),
                bytes.fromhex(order["signature"][2:]),
                Exchange(domain["verifyingContract"], domain["version"]),
                case["chain_id"],
                case["digest_is_order_id"],
                file["address"],
            )


def _second_client(folder: Path) -> Iterator[Vector]:
    file = json.loads((folder / "vectors-sdk/orders.json").read_text())
    for case in file["orders"] if "orders" in file else file["cases"]:
        order = case["post_body"]["order"]
        version = "v2" if case["market_kind"].startswith("v2") else "v1"
        exchange = signing.exchange_for(version, case["neg_risk"])
        assert (exchange.address, exchange.version) == (
            case["exchange"],
            case["eip712_domain_version"],
        )
        yield Vector(
            case["name"],
            struct_of(order),
            bytes.fromhex(order["signature"][2:]),
            exchange,
            case["chain_id"],
            case["order_id"],
            file["meta"]["signer"],
        )


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> list[Vector]:
    return [*_first_client(shared_data), *_second_client(shared_data)]


def test_every_vector_has_its_order_id_and_its_signer(vectors: list[Vector]) -> None:
    assert len(vectors) == 55 + 38 + 2 + 79
    for vector in vectors:
        digest = order_digest(vector.order, vector.exchange, vector.chain_id)
        assert "0x" + digest.hex() == vector.order_id, vector.name
        assert (
            signer_of(vector.order, vector.signature, vector.exchange, vector.chain_id)
            == vector.signer
        ), vector.name


def _proves(vector: Vector, order: OrderStruct, signature: bytes) -> bool:
    try:
        found = signer_of(order, signature, vector.exchange, vector.chain_id)
    except Forged:
        return False
    return found == vector.signer


def test_one_flipped_bit_of_a_signature_is_refused(vectors: list[Vector]) -> None:
    chance = random.Random(20261124)
    for vector in vectors:
        bits = {0, 64 * 8, len(vector.signature) * 8 - 1}
        bits |= {chance.randrange(len(vector.signature) * 8) for _ in range(FLIPS_A_VECTOR)}
        for bit in bits:
            forged = bytearray(vector.signature)
            forged[bit // 8] ^= 1 << bit % 8
            assert not _proves(vector, vector.order, bytes(forged)), (vector.name, bit)


def test_every_bit_of_one_vector_of_each_kind_counts(vectors: list[Vector]) -> None:
    kinds = {(v.order.signature_type, len(v.signature)): v for v in vectors}
    assert len(kinds) == 5
    for vector in kinds.values():
        for bit in range(len(vector.signature) * 8):
            forged = bytearray(vector.signature)
            forged[bit // 8] ^= 1 << bit % 8
            assert not _proves(vector, vector.order, bytes(forged)), (vector.name, bit)


def test_one_flipped_bit_of_what_was_signed_is_refused(vectors: list[Vector]) -> None:
    numbers = ("salt", "token_id", "maker_amount", "taker_amount", "side", "timestamp")
    for vector in vectors:
        for name in numbers:
            altered = replace(vector.order, **{name: getattr(vector.order, name) ^ 1})
            assert not _proves(vector, altered, vector.signature), (vector.name, name)
        for name in ("metadata", "builder"):
            field = getattr(vector.order, name)
            altered = replace(vector.order, **{name: field[:31] + bytes([field[31] ^ 1])})
            assert not _proves(vector, altered, vector.signature), (vector.name, name)


def test_a_signature_for_one_exchange_is_worth_nothing_on_another(vectors: list[Vector]) -> None:
    for vector in vectors:
        for other in {signing.STANDARD, signing.NEG_RISK, signing.V3} - {vector.exchange}:
            assert not _proves(replace(vector, exchange=other), vector.order, vector.signature)


def test_wallet_authentication_signs_address_time_and_nonce(shared_data: Path) -> None:
    file = json.loads((shared_data / "vectors/l1_headers.json").read_text())
    for case in file["cases"]:
        headers = case["headers"]
        given = (headers["POLY_ADDRESS"], headers["POLY_TIMESTAMP"], int(headers["POLY_NONCE"]))
        digest = auth_digest(*given, case["chain_id"])
        assert "0x" + digest.hex() == case["digest"]
        signature = bytes.fromhex(headers["POLY_SIGNATURE"][2:])
        assert signing.recover(digest, signature) == file["address"]
        for bit in range(len(signature) * 8):
            forged = bytearray(signature)
            forged[bit // 8] ^= 1 << bit % 8
            try:
                assert signing.recover(digest, bytes(forged)) != file["address"]
            except Forged:
                continue


def test_wallets_have_the_addresses_that_the_official_client_derives(shared_data: Path) -> None:
    meta = json.loads((shared_data / "vectors-sdk/orders.json").read_text())["meta"]
    derived = owned_by(meta["signer"])
    assert derived.proxy == meta["wallets"]["POLY_PROXY"]
    assert derived.safe == meta["wallets"]["GNOSIS_SAFE"]
    assert derived.deposit == meta["wallets"]["DEPOSIT_WALLET"]
    assert derived.deposit_old == meta["wallets"]["DEPOSIT_WALLET_UUPS"]


def test_a_key_signs_what_recovers_to_its_address() -> None:
    key = bytes(range(1, 33))
    digest = signing.keccak(b"practice")
    assert signing.recover(digest, signing.sign(key, digest)) == signing.address_of(key)


@pytest.mark.parametrize("length", [0, 64, 66, 317])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Forged):
        signing.recover(signing.keccak(b""), bytes(length))


def test_the_twin_of_a_signature_is_refused() -> None:
    digest = signing.keccak(b"practice")
    signature = signing.sign(bytes(range(1, 33)), digest)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + signing.word(s) + bytes([55 - signature[64]])
    with pytest.raises(Forged, match="upper half"):
        signing.recover(digest, twin)
