"""The private half of the CLOB's REST interface: keys, orders, cancels, trades, balances."""

import string
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts import signing
from practice.accounts.approvals import UNLIMITED
from practice.accounts.auth import Door
from practice.accounts.order_entry import BAD, decode, decode_many
from practice.accounts.records import Placed, Row, TradeRecord
from practice.accounts.registry import ApiKey
from practice.accounts.trading import Trading
from practice.accounts.wallets import SIGNATURE_TYPES
from practice.answers import UNREADABLE, Wrong, answer, guarded
from practice.api.clob import cursor_page
from practice.api.keys import Authed, asked
from practice.api.rate_limits import TOO_MANY, Limits, shown
from practice.clock import SECOND
from practice.exchange.book import Account
from practice.exchange.orders import Refused

BATCH_MAX = 15
HEX = frozenset(string.hexdigits)
CANCELS_MAX = 1_000
SPENDERS = (
    signing.STANDARD.address,
    signing.NEG_RISK.address,
    signing.V3.address,
    "0xadA2005600Dec949baf300f4C6120000bDB6eAab",
)
"""Who may move what is in a wallet: the three exchanges and the neg-risk adapter."""

BAD_TRADES = "Invalid trade params payload"
READABLE = frozenset(
    ("GET", path)
    for path in (
        "/data/orders",
        "/data/order/{order_id}",
        "/data/trades",
        "/data/pre-migration-orders",
        "/balance-allowance",
        "/order-scoring",
        "/notifications",
    )
)
"""What a read-only key is good for."""

_Shape = TypeVar("_Shape")


class _OrderId(msgspec.Struct):
    orderID: str


class _MarketOrders(msgspec.Struct):
    market: str = ""
    asset_id: str = ""


class _Beat(msgspec.Struct):
    heartbeat_id: str = ""


class TradingRoutes:
    """Routes; each asks for L2 headers, those that only look for a read-only key at least."""

    def __init__(self, door: Door, trading: Trading, counted: Limits) -> None:
        self.door = door
        self.trading = trading
        self.accounts = trading.accounts
        self.limits = counted

    def routes(self) -> list[Route]:
        authed: list[tuple[str, str, Authed]] = [
            ("GET", "/auth/ban-status/closed-only", self._closed_only),
            ("POST", "/order", self._order),
            ("POST", "/orders", self._orders),
            ("DELETE", "/order", self._cancel),
            ("DELETE", "/orders", self._cancel_many),
            ("DELETE", "/cancel-all", self._cancel_all),
            ("DELETE", "/cancel-market-orders", self._cancel_market),
            ("GET", "/data/orders", self._open),
            ("GET", "/data/order/{order_id}", self._one_order),
            ("GET", "/data/trades", self._trades),
            ("GET", "/data/pre-migration-orders", self._none),
            ("GET", "/balance-allowance", self._balance),
            ("GET", "/balance-allowance/update", self._reread),
            ("GET", "/order-scoring", self._scoring),
            ("POST", "/orders-scoring", self._scoring_many),
            ("GET", "/notifications", self._notifications),
            ("DELETE", "/notifications", self._drop_notifications),
            ("POST", "/v1/heartbeats", self._beat),
            ("GET", "/v1/user/rate-limit-tier", self._tier),
        ]
        return [
            Route(path, guarded(asked(self._checker(method, path), handler)), methods=[method])
            for method, path, handler in authed
        ]

    def _checker(self, method: str, path: str) -> Callable[[Request, bytes], ApiKey]:
        return self.door.reader if (method, path) in READABLE else self.door.key

    # -- the account ------------------------------------------------------------------------------

    async def _closed_only(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer({"closed_only": key.owner in self.accounts.closed_only})

    async def _tier(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer(shown())

    # -- orders ------------------------------------------------------------------------------------

    async def _order(self, request: Request, key: ApiKey, body: bytes) -> Response:
        def done() -> Response:
            try:
                return answer(self.trading.place(key, decode(body)))
            except Refused as refusal:
                return answer({"error": str(refusal)}, 400)

        return self._counted(key, "order", 1, done)

    async def _orders(self, request: Request, key: ApiKey, body: bytes) -> Response:
        """Each leg for itself; one that fails says so in its own place, and success is true."""
        legs = decode_many(body)
        if len(legs) > BATCH_MAX:
            raise Refused(f"Too many orders in payload: {len(legs)}, max allowed: {BATCH_MAX}")
        return self._counted(
            key, "order", len(legs), lambda: answer([self._leg(key, leg) for leg in legs])
        )

    def _leg(self, key: ApiKey, leg: msgspec.Raw) -> Row:
        try:
            return self.trading.place(key, decode(leg))
        except Refused as refusal:
            return {
                "success": True,
                "errorMsg": str(refusal),
                "orderID": "",
                "status": "",
                "takingAmount": "",
                "makingAmount": "",
            }

    def _counted(
        self, key: ApiKey, what: str, tokens: int, done: Callable[[], Response]
    ) -> Response:
        """Do it, unless this signer comes too often; the answer tells how it stands."""
        passes, headers = self.limits.take(key.owner, what, tokens)
        return _with(done() if passes else answer(TOO_MANY, 429), headers)

    # -- cancels -----------------------------------------------------------------------------------

    async def _cancel(self, request: Request, key: ApiKey, body: bytes) -> Response:
        order_id = _decoded(body, _OrderId, "Invalid orderID").orderID
        if not _is_order_id(order_id):
            raise Refused("Invalid orderID")
        return self._cancel_named(key, [order_id])

    async def _cancel_many(self, request: Request, key: ApiKey, body: bytes) -> Response:
        ids = _decoded(body, list[str], BAD)
        if len(ids) > CANCELS_MAX:
            raise Refused(f"Too many orders in payload, max allowed: {CANCELS_MAX}")
        return self._cancel_named(key, ids)

    def _cancel_named(self, key: ApiKey, ids: list[str]) -> Response:
        return self._counted(
            key, "cancel", len(ids), lambda: answer(self.trading.cancel(key.owner, ids))
        )

    async def _cancel_all(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return self._cancel_where(key, _MarketOrders())

    async def _cancel_market(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return self._cancel_where(key, _decoded(body or b"{}", _MarketOrders, BAD))

    def _cancel_where(self, key: ApiKey, wanted: _MarketOrders) -> Response:
        """One token, and one more for each order that went."""
        passes, headers = self.limits.take(key.owner, "cancel", 1)
        if not passes:
            return _with(answer(TOO_MANY, 429), headers)
        done = self.trading.cancel_where(key.owner, wanted.market, wanted.asset_id)
        owed = self.limits.take(key.owner, "cancel", len(done["canceled"]), owed=True)
        return _with(answer(done), owed[1])

    # -- what became of them -----------------------------------------------------------------------

    async def _open(self, request: Request, key: ApiKey, body: bytes) -> Response:
        query = request.query_params
        _check_names(query, "invalid order params payload")
        wanted = query.get("id", "")
        found = self.trading.open_orders(
            key.owner, query.get("market", ""), query.get("asset_id", "")
        )
        maker = query.get("maker_address", "").lower()
        named = [
            order
            for order in found
            if wanted in {"", order.id} and maker in {"", order.maker.lower()}
        ]
        return cursor_page(request, named, Placed.row)

    async def _one_order(self, request: Request, key: ApiKey, body: bytes) -> Response:
        order_id = request.path_params["order_id"]
        if not _is_order_id(order_id):
            raise Refused("Invalid orderID")
        order = self.trading.orders.get(order_id)
        if order is None or order.key.owner != key.owner:
            raise Wrong(404, "Order not found")
        return answer(order.row())

    async def _trades(self, request: Request, key: ApiKey, body: bytes) -> Response:
        query = {name: text for name, text in request.query_params.items() if text}
        _check_names(query, BAD_TRADES)
        if any(query.get(name, "0").strip("0123456789") for name in ("before", "after")):
            raise Refused(BAD_TRADES)
        known: Iterable[TradeRecord] = self.trading.trades.values()
        if query.get("id"):
            one = self.trading.trades.get(query["id"])
            known = [one] if one else []
        found = [one for one in known if key.owner in one.owners() and _matches(one, query)]
        return cursor_page(request, found[::-1], lambda record: record.row(key.owner))

    async def _none(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return cursor_page(request, [], Placed.row)

    # -- money -------------------------------------------------------------------------------------

    async def _balance(self, request: Request, key: ApiKey, body: bytes) -> Response:
        """The whole balance of the wallet that the signature type means, reservations included."""
        query = request.query_params
        address = self._wallet(request, key)
        account = self.trading.exchange.accounts.get(address, Account())
        asset_type, approvals = query.get("asset_type", ""), self.accounts.approvals
        if asset_type == "COLLATERAL":
            balance = account.cash
            allowed = [approvals.money(address, spender) for spender in SPENDERS]
        elif asset_type in {"CONDITIONAL", "CONDITIONAL-V2"}:
            found = self.trading.board.by_asset.get(query.get("token_id", ""))
            if found is None:
                raise Refused("Invalid token id")
            balance = account.shares.get((found[0].spec.slug, found[1]), 0)
            allowed = [UNLIMITED * approvals.shares(address, spender) for spender in SPENDERS]
        else:
            raise Refused("Invalid asset type")
        allowances = zip(SPENDERS, map(str, allowed), strict=True)
        return answer({"balance": str(balance), "allowances": dict(allowances)})

    def _wallet(self, request: Request, key: ApiKey) -> str:
        text = request.query_params.get("signature_type", "0")
        if not text.isdigit() or int(text) not in SIGNATURE_TYPES:
            raise Refused("Invalid signature_type")
        return self.accounts.wallet_for(key.owner, int(text))

    async def _reread(self, request: Request, key: ApiKey, body: bytes) -> Response:
        self._wallet(request, key)
        return answer({})

    # -- the rest ----------------------------------------------------------------------------------

    async def _scoring(self, request: Request, key: ApiKey, body: bytes) -> Response:
        """No market here pays rewards, so no order scores."""
        return answer({"scoring": False})

    async def _scoring_many(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer(dict.fromkeys(_decoded(body, list[str], BAD), False))

    async def _notifications(self, request: Request, key: ApiKey, body: bytes) -> Response:
        return answer(list(self.trading.notices.get(key.owner, ())))

    async def _drop_notifications(self, request: Request, key: ApiKey, body: bytes) -> Response:
        dropped = set(request.query_params.get("ids", "").split(","))
        kept = self.trading.notices.get(key.owner)
        for row in list(kept or ()):
            if kept and str(row["id"]) in dropped:
                kept.remove(row)
        return answer("OK")

    async def _beat(self, request: Request, key: ApiKey, body: bytes) -> Response:
        beat_id = _decoded(body, _Beat, "Invalid payload").heartbeat_id
        accepted, following = self.trading.beat(key, beat_id)
        if accepted:
            return answer({"heartbeat_id": following})
        return answer({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": following}, 400)


def _with(response: Response, headers: dict[str, str]) -> Response:
    response.headers.update(headers)
    return response


def _decoded(body: bytes, shape: type[_Shape], complaint: str) -> _Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE:
        raise Refused(complaint) from None


def _is_order_id(text: str) -> bool:
    digits = text.removeprefix("0x")
    return len(digits) == 64 and len(text) == 66 and set(digits) <= HEX


def _check_names(query: Mapping[str, str], complaint: str) -> None:
    """Refused when a market or an asset is asked for by something that can't be its name."""
    market, asset = query.get("market", ""), query.get("asset_id", "")
    if (market and not market.startswith("0x")) or (asset and not asset.isdecimal()):
        raise Refused(complaint)


def _matches(record: TradeRecord, query: dict[str, str]) -> bool:
    if query.get("market", record.listing.condition) != record.listing.condition:
        return False
    parts = [(record.taker, record.trade.outcome)]
    parts += [(party, fill.outcome) for fill, party in record.makers]
    maker, asset = query.get("maker_address", "").lower(), query.get("asset_id")
    if maker and all(party.address.lower() != maker for party, _ in parts):
        return False
    if asset and asset not in {record.listing.assets[outcome] for _, outcome in parts}:
        return False
    at_s = record.matched_ns // SECOND
    before, after = query.get("before", ""), query.get("after", "")
    return not (before and at_s >= int(before)) and not (after and at_s <= int(after))
