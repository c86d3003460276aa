"""Wallets: which contract addresses a key owns, and throw-away keys for the practice world.

A key's contract wallets stand at addresses that follow from the key's own (CREATE2), whether or
not they have been deployed; the formulas and the factories are those of the venue's contracts.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from practice.accounts.signing import address_bytes, address_of, address_word, checksummed, keccak

COLLATERAL = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
"""The dollar of the venue, a token with six decimals."""
PROXY_FACTORY = "0xaB45c5A4B0c941a2F231C04C3f49182e1A254052"
PROXY_CODE = "0x44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f"
SAFE_FACTORY = "0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b"
SAFE_INIT_HASH = "2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
DEPOSIT_FACTORY = "0x00000000000Fb5C9ADea0298D729A0CB3823Cc07"
DEPOSIT_CODE = "0x58CA52ebe0DadfdF531Cde7062e76746de4Db1eB"
DEPOSIT_BEACON = "0x7A18EDfe055488A3128f01F563e5B479D92ffc3a"

OWNERS_KEPT_MAX = 4_096

Kind = Literal["eoa", "proxy", "safe", "deposit"]
SIGNATURE_TYPES: dict[int, Kind] = {0: "eoa", 1: "proxy", 2: "safe", 3: "deposit"}
SEEDED: tuple[Kind, ...] = ("eoa", "eoa", "proxy", "safe", "deposit")


@dataclass(frozen=True, slots=True)
class Owned:
    """All wallets of one key."""

    eoa: str
    proxy: str
    safe: str
    deposit: str
    deposit_old: str

    def kinds(self) -> dict[str, Kind]:
        """Address -> kind."""
        return {
            self.eoa: "eoa",
            self.proxy: "proxy",
            self.safe: "safe",
            self.deposit: "deposit",
            self.deposit_old: "deposit",
        }

    def of_type(self, signature_type: int) -> tuple[str, ...]:
        """The wallets that an order with this signature type may spend from."""
        wanted = SIGNATURE_TYPES.get(signature_type)
        return tuple(address for address, kind in self.kinds().items() if kind == wanted)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A funded wallet of the practice world and the throw-away key that speaks for it."""

    kind: Kind
    address: str
    owner: str
    private_key: str

    def shown(self) -> dict[str, str]:
        return {"kind": self.kind, "address": self.address, "private_key": self.private_key}


@lru_cache(maxsize=OWNERS_KEPT_MAX)
def owned_by(owner: str) -> Owned:
    """The wallets of the key with this address."""
    eoa = checksummed(address_bytes(owner))
    return Owned(eoa, _proxy(eoa), _safe(eoa), _deposit(eoa), _deposit_old(eoa))


def seeded(seed: int) -> list[Wallet]:
    """One wallet for each of ``SEEDED``, the same for the same seed."""
    wallets = []
    for number, kind in enumerate(SEEDED):
        key = sha256(f"practice wallet {seed} {number}".encode()).digest()
        owned = owned_by(address_of(key))
        address = getattr(owned, kind)
        wallets.append(Wallet(kind, address, owned.eoa, "0x" + key.hex()))
    return wallets


def _create2(factory: str, salt: bytes, init_hash: bytes) -> str:
    return checksummed(keccak(b"\xff" + address_bytes(factory) + salt + init_hash)[12:])


def _proxy(owner: str) -> str:
    init = (
        bytes.fromhex("3d3d606380380380913d393d73")
        + address_bytes(PROXY_FACTORY)
        + bytes.fromhex("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73")
        + address_bytes(PROXY_CODE)
        + bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd")
        + (32).to_bytes(32, "big")
        + bytes(32)
    )
    return _create2(PROXY_FACTORY, keccak(address_bytes(owner)), keccak(init))


def _safe(owner: str) -> str:
    return _create2(SAFE_FACTORY, keccak(address_word(owner)), bytes.fromhex(SAFE_INIT_HASH))


def _deposit(owner: str) -> str:
    """Behind a beacon: the wallets made today."""
    arguments = address_word(DEPOSIT_FACTORY) + address_word(owner)
    init = (
        (0x6100523D8160233D3973 + (len(arguments) << 56)).to_bytes(10, "big")
        + address_bytes(DEPOSIT_BEACON)
        + bytes.fromhex("60195155f3363d3d373d3d363d602036600436635c60da")
        + bytes.fromhex("1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c")
        + bytes.fromhex("b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3")
        + arguments
    )
    return _create2(DEPOSIT_FACTORY, keccak(arguments), keccak(init))


def _deposit_old(owner: str) -> str:
    """With the code's address of its own: the first deposit wallets."""
    arguments = address_word(DEPOSIT_FACTORY) + address_word(owner)
    init = (
        (0x61003D3D8160233D3973 + (len(arguments) << 56)).to_bytes(10, "big")
        + address_bytes(DEPOSIT_CODE)
        + bytes.fromhex("6009")
        + bytes.fromhex("5155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076")
        + bytes.fromhex("cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3")
        + arguments
    )
    return _create2(DEPOSIT_FACTORY, keccak(arguments), keccak(init))
