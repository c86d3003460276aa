"""A client that signs for itself, to say to the venue what no official client would say."""

import base64
import hmac
import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

import httpx

from practice.accounts import signing
from practice.accounts.signing import OrderStruct
from practice.accounts.wallets import Wallet
from practice.world.board import Listing

TYPES = {"eoa": 0, "proxy": 1, "safe": 2, "deposit": 3}
ZERO = "0x" + "0" * 64


@dataclass
class Signer:
    """One wallet's owner at the venue. ``creds`` once ``log_in`` was called."""

    http: httpx.AsyncClient
    wallet: Wallet
    creds: dict[str, str] = field(default_factory=dict)
    salts: Any = field(default_factory=lambda: count(1))

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.wallet.private_key[2:])

    def l1(self, nonce: int = 0) -> dict[str, str]:
        stamp = str(int(time.time()))
        digest = signing.auth_digest(self.wallet.owner, stamp, nonce)
        return {
            "POLY_ADDRESS": self.wallet.owner,
            "POLY_SIGNATURE": "0x" + signing.sign(self.key, digest).hex(),
            "POLY_TIMESTAMP": stamp,
            "POLY_NONCE": str(nonce),
        }

    def l2(self, method: str, path: str, body: bytes = b"", stamp: str = "") -> dict[str, str]:
        """L2 headers signed at ``stamp``, by default now."""
        stamp = stamp or str(int(time.time()))
        secret = base64.urlsafe_b64decode(self.creds["secret"])
        text = stamp.encode() + method.encode() + path.encode() + body
        digest = hmac.new(secret, text, sha256).digest()
        return {
            "POLY_ADDRESS": self.wallet.owner,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
            "POLY_TIMESTAMP": stamp,
            "POLY_API_KEY": self.creds["apiKey"],
            "POLY_PASSPHRASE": self.creds["passphrase"],
        }

    async def log_in(self, nonce: int = 0) -> dict[str, str]:
        answer = await self.http.post("/auth/api-key", headers=self.l1(nonce))
        if answer.status_code == 400:
            answer = await self.http.get("/auth/derive-api-key", headers=self.l1(nonce))
        assert answer.status_code == 200, answer.text
        self.creds = answer.json()
        return self.creds

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        sent = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = self.l2(method, path, sent)
        return await self.http.request(method, path, content=sent, headers=headers, params=query)

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, listing: Listing, outcome: int = 0, **terms: Any) -> dict[str, Any]:
        """The body of ``POST /order``: buy 10 at 30 cents, unless ``terms`` say otherwise."""
        kind = TYPES[self.wallet.kind]
        given: dict[str, Any] = {
            "salt": next(self.salts),
            "maker": self.wallet.address,
            "signer": self.wallet.address if kind == 3 else self.wallet.owner,
            "tokenId": listing.assets[outcome],
            "makerAmount": "3000000",
            "takerAmount": "10000000",
            "side": "BUY",
            "expiration": "0",
            "signatureType": kind,
            "timestamp": str(time.time_ns() // 1_000_000),
            "metadata": ZERO,
            "builder": ZERO,
        }
        envelope = {"owner": self.creds["apiKey"], "orderType": "GTC", "deferExec": False}
        envelope |= {name: terms.pop(name) for name in list(terms) if name in _ENVELOPE}
        given |= {name: value for name, value in terms.items() if name != "signature"}
        signature = terms.get("signature") or "0x" + self.sign(given, listing).hex()
        return {"order": given | {"signature": signature}, **envelope}

    def sign(self, given: dict[str, Any], listing: Listing) -> bytes:
        """The signature of any wallet kind; a deposit wallet's is nested."""
        struct = struct_of(given)
        contract = signing.exchange_for(listing.version, listing.event.neg_risk)
        if struct.signature_type != signing.DEPOSIT_WALLET:
            return signing.sign(self.key, signing.order_digest(struct, contract))
        domain, contents = signing.domain_separator(contract), signing.struct_hash(struct)
        hashed = [text.encode() for text in (signing.NESTED_TYPE, "DepositWallet", "1")]
        nested, name, version = map(signing.keccak, hashed)
        words = [nested, contents, name, version, signing.word(signing.CHAIN_ID)]
        words += [signing.address_word(struct.signer), signing.word(0)]
        digest = signing.keccak(b"\x19\x01" + domain + signing.keccak(b"".join(words)))
        tail = signing.ORDER_TYPE.encode() + len(signing.ORDER_TYPE).to_bytes(2, "big")
        return signing.sign(self.key, digest) + domain + contents + tail


_ENVELOPE = {"owner", "orderType", "deferExec", "postOnly"}


def struct_of(order: dict[str, Any]) -> OrderStruct:
    """The signed fields of an order as JSON has them."""
    return OrderStruct(
        salt=int(order["salt"]),
        maker=order["maker"],
        signer=order["signer"],
        token_id=int(order["tokenId"]),
        maker_amount=int(order["makerAmount"]),
        taker_amount=int(order["takerAmount"]),
        side=int(order["side"] == "SELL"),
        signature_type=order["signatureType"],
        timestamp=int(order["timestamp"]),
        metadata=bytes.fromhex(order["metadata"][2:]),
        builder=bytes.fromhex(order["builder"][2:]),
    )
