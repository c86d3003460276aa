"""Who is asking: wallet signatures (L1) and keyed hashes (L2) in a request's headers.

A client stamps its requests with its own clock, while the world's may run faster: a time is
fresh when it is near either of them.
"""

import base64
import hmac
import time
from collections.abc import Callable
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import Request

from practice.accounts import signing
from practice.accounts.registry import NONCE_MAX, Accounts, ApiKey, BuilderKey
from practice.accounts.wallets import owned_by
from practice.answers import Wrong
from practice.clock import SECOND, Clock

FRESH_S = 60
"""How far a request's own time may be off."""
READONLY = "poly_readonly_api_key"
BUILDER = "poly_builder_"
BAD_L1 = "Invalid L1 Request headers"
BAD_L2 = "Unauthorized/Invalid api key"
NO_SIGNING = (
    "this practice venue can't check signatures: install the extra for it "
    "(pip install 'fit-to-trade[live]') and start it again"
)


class Door:
    """Checks headers; raises ``Wrong`` with the venue's own status and words."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self.skew_ns: Callable[[], int] = lambda: 0
        """What the venue's clock is off by, when it is made to be wrong."""

    def wallet(self, request: Request) -> tuple[str, int]:
        """(address, nonce) of an L1 request whose signature is the address's own."""
        if not signing.available():
            raise Wrong(501, NO_SIGNING)
        headers = request.headers
        address, stamp = headers.get("poly_address", ""), headers.get("poly_timestamp", "")
        nonce = _whole(headers.get("poly_nonce", "0"))
        if nonce is None or nonce >= NONCE_MAX or not self._fresh(stamp):
            raise Wrong(401, BAD_L1)
        try:
            owner = signing.checksummed(signing.address_bytes(address))
            signature = bytes.fromhex(headers.get("poly_signature", "").removeprefix("0x"))
            digest = signing.auth_digest(address, stamp, nonce)
            signed = signing.recover(digest, signature) == owner
        except (ValueError, signing.Forged):
            raise Wrong(401, BAD_L1) from None
        if not signed:
            raise Wrong(401, BAD_L1)
        return owner, nonce

    def key(self, request: Request, body: bytes = b"") -> ApiKey:
        """The API key of an L2 request, every header of which must be right."""
        headers = request.headers
        known = self._accounts.keys.get(headers.get("poly_api_key", ""))
        if known is None or not _same_owner(headers, known):
            raise Wrong(401, BAD_L2)
        stamp, signature = headers.get("poly_timestamp", ""), headers.get("poly_signature", "")
        if not self._fresh(stamp):
            raise Wrong(401, BAD_L2)
        signed = [stamp.encode(), request.method.encode(), _path(request), body]
        if not signed_by(known.secret_bytes(), signed, signature):
            raise Wrong(401, BAD_L2)
        return known

    def reader(self, request: Request, body: bytes = b"") -> ApiKey:
        """The key behind a request that only looks: a read-only one will do for it."""
        if READONLY not in request.headers:
            return self.key(request, body)
        known = self._accounts.readonly.get(request.headers[READONLY])
        address = request.headers.get("poly_address", "").lower()
        if known is None or address not in map(str.lower, owned_by(known.owner).kinds()):
            raise Wrong(401, BAD_L2)
        return known

    def builder(self, request: Request, body: bytes = b"") -> BuilderKey:
        """The app's key of a request with builder headers, every one of which must be right."""
        headers = request.headers
        known = self._accounts.builders.get(headers.get(BUILDER + "api_key", ""))
        stamp = headers.get(BUILDER + "timestamp", "")
        if known is None or known.revoked_ns or not self._fresh(stamp):
            raise Wrong(401, BAD_L2)
        signed = [stamp.encode(), request.method.encode(), _path(request), body]
        right = _equal(known.creds.passphrase, headers.get(BUILDER + "passphrase", ""))
        signature = headers.get(BUILDER + "signature", "")
        if not signed_by(known.creds.secret_bytes(), signed, signature) or not right:
            raise Wrong(401, BAD_L2)
        return known

    def login(self, key: str, secret: str, passphrase: str) -> ApiKey | None:
        """The API key whose credentials a socket's first frame gives, if they are right."""
        known = self._accounts.keys.get(key)
        if known is None:
            return None
        right = _equal(known.secret, secret) & _equal(known.passphrase, passphrase)
        return known if right else None

    def _fresh(self, stamp: str) -> bool:
        at = _whole(stamp)
        if at is None:
            return False
        claimed = at - self.skew_ns() / SECOND
        return any(
            abs(claimed - now) <= FRESH_S for now in (time.time(), self._clock.now_ns() / SECOND)
        )


def _path(request: Request) -> bytes:
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return path.encode()


def signed_by(secret: bytes, parts: list[bytes], signature: str) -> bool:
    """Whether the keyed hash fits the parts put together: timestamp, method, path, body.

    One official client turns each ' of the body into " before it signs, but sends it unchanged.
    """
    *head, body = parts
    texts = {b"".join(parts), b"".join([*head, body.replace(b"'", b'"')])}
    digests = (hmac.new(secret, text, sha256).digest() for text in texts)
    return any(_equal(base64.urlsafe_b64encode(one).decode(), signature) for one in digests)


def _same_owner(headers: Headers, known: ApiKey) -> bool:
    address = headers.get("poly_address", "")
    right = _equal(known.passphrase, headers.get("poly_passphrase", ""))
    return right and address.lower() == known.owner.lower()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _whole(text: str) -> int | None:
    """A decimal number of a sane length."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None
