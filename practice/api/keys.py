"""Credentials: API keys for trading, read-only ones for looking, builder keys for apps."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.auth import BUILDER, Door
from practice.accounts.registry import ApiKey, BuilderKey
from practice.accounts.trading import Trading
from practice.answers import UNREADABLE, Handler, Wrong, answer, body_of, guarded
from practice.clock import SECOND
from practice.exchange.orders import Refused

Authed = Callable[[Request, ApiKey, bytes], Awaitable[Response]]


def asked(check: Callable[[Request, bytes], ApiKey], handler: Authed) -> Handler:
    """Only for the holder of a key; a refusal of the rules is a 400."""

    async def checked(request: Request) -> Response:
        body = await body_of(request)
        key = check(request, body)
        try:
            return await handler(request, key, body)
        except Refused as refusal:
            raise Wrong(400, str(refusal)) from None

    return checked


class _Named(msgspec.Struct):
    key: str


class Keys:
    """Routes; the first two ask for a wallet's signature, all others for a key made before."""

    def __init__(self, door: Door, trading: Trading) -> None:
        self.door = door
        self.accounts = trading.accounts
        self._clock = trading.board.clock

    def routes(self) -> list[Route]:
        authed: list[tuple[str, str, Authed]] = [
            ("GET", "/auth/api-keys", self._all),
            ("DELETE", "/auth/api-key", self._delete),
            ("POST", "/auth/readonly-api-key", self._create_readonly),
            ("GET", "/auth/readonly-api-keys", self._all_readonly),
            ("DELETE", "/auth/readonly-api-key", self._delete_readonly),
            ("POST", "/auth/builder-api-key", self._create_builder),
            ("GET", "/auth/builder-api-key", self._all_builder),
        ]
        opened: list[tuple[str, str, Handler]] = [
            ("POST", "/auth/api-key", self._create),
            ("GET", "/auth/derive-api-key", self._derive),
            ("DELETE", "/auth/builder-api-key", self._revoke_builder),
        ]
        opened += [(method, path, asked(self.door.key, what)) for method, path, what in authed]
        return [Route(path, guarded(handler), methods=[method]) for method, path, handler in opened]

    # -- for trading -------------------------------------------------------------------------------

    async def _create(self, request: Request) -> Response:
        return self._given(request, self.accounts.create_key)

    async def _derive(self, request: Request) -> Response:
        return self._given(request, self.accounts.derive_key)

    def _given(self, request: Request, give: Callable[[str, int], ApiKey]) -> Response:
        owner, nonce = self.door.wallet(request)
        try:
            return answer(give(owner, nonce).shown())
        except Refused as refusal:
            raise Wrong(400, str(refusal)) from None

    async def _all(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer({"apiKeys": self.accounts.keys_of(key.owner)})

    async def _delete(self, request: Request, key: ApiKey, body: bytes) -> Response:
        self.accounts.delete_key(key)
        return answer("OK")

    # -- for looking -------------------------------------------------------------------------------

    async def _create_readonly(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer({"apiKey": self.accounts.create_readonly(key.owner).key})

    async def _all_readonly(self, request: Request, key: ApiKey, body: bytes) -> Response:
        own = [one.key for one in self.accounts.readonly.values() if one.owner == key.owner]
        return answer({"readonlyApiKeys": own})

    async def _delete_readonly(self, request: Request, key: ApiKey, body: bytes) -> Response:
        try:
            named = msgspec.json.decode(body, type=_Named)
        except UNREADABLE:
            raise Refused("Invalid payload") from None
        self.accounts.delete_readonly(key.owner, named.key)
        return answer("OK")

    # -- for apps ----------------------------------------------------------------------------------

    async def _create_builder(self, request: Request, key: ApiKey, body: bytes) -> Response:
        made = self.accounts.create_builder(key.owner, self._clock.now_ns())
        return answer({"key": made.key, "secret": made.secret, "passphrase": made.passphrase})

    async def _all_builder(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer([_shown(one) for one in self.accounts.builders_of(key.owner)])

    async def _revoke_builder(self, request: Request) -> Response:
        """The key that signs the request, or all of an owner who signs with an API key."""
        body = await body_of(request)
        if BUILDER + "api_key" in request.headers:
            revoked = [self.door.builder(request, body)]
        else:
            revoked = self.accounts.builders_of(self.door.key(request, body).owner)
        for one in revoked:
            one.revoked_ns = one.revoked_ns or self._clock.now_ns()
        return answer("OK")


def _shown(one: BuilderKey) -> dict[str, Any]:
    return {
        "key": one.creds.key,
        "createdAt": _moment(one.created_ns),
        "revokedAt": _moment(one.revoked_ns) if one.revoked_ns else None,
    }


def _moment(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
