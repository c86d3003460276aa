"""The Data API: what an indexer tells of wallets, trades and outcomes; version 2, and the old one.

Version 2 wraps everything in ``data``, pages by cursor and speaks in snake_case; the old routes
answer bare arrays in camelCase. Both show the same rows.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.approvals import UNLIMITED
from practice.accounts.registry import Accounts, stranger
from practice.accounts.wallets import COLLATERAL
from practice.answers import Handler, Wrong, answer, guarded, whole_number
from practice.api.gamma import question_id
from practice.clock import DAY, HOUR, MINUTE, SECOND
from practice.exchange.history import Deed, History, Holding
from practice.exchange.orders import DOLLAR, NO, PRICE_ONE, SHARE, YES, Trade, decimal
from practice.world.board import OUTCOMES, Board, Listing

PAGE = 100
PAGE_MAX = 1_000
POINTS_PAGE_MAX = 10_000
NAMES_MAX = 100
OFFSET_MAX = 10_000
SMALLEST = SHARE // 100
"""Holdings below this (0.01 share) are left out."""
UNSET_PRICE = "69"
"""What the venue's resolutions say where there is no price."""
CHAIN = 137
SPANS = {"1h": HOUR, "6h": 6 * HOUR, "1d": DAY, "1w": 7 * DAY, "1m": 30 * DAY}

CONDITIONAL = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
POSITIONS = "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"
EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_V3 = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
ADAPTER = "0xAdA100Db00Ca00073811820692005400218FcE1f"
NEG_RISK_ADAPTER = "0xadA2005600Dec949baf300f4C6120000bDB6eAab"
ROUTER = "0x12121212006e4CD160D18e3f00711DA5c3372600"
PERPS = "0xDCa4af75705dbB50f62437045afF9921947917d2"
REDEEMER = "0xa1200000d0002264C9a1698e001292D00E1b00af"
BINARY, NEG_RISK = (
    "0x1000008dD9001B968442c1000017eaE6E0dA00Ba",
    "0x200000900045e3B6259600682756002200028933",
)
SPENDERS = (
    EXCHANGE,
    NEG_RISK_EXCHANGE,
    ADAPTER,
    NEG_RISK_ADAPTER,
    ROUTER,
    EXCHANGE_V3,
    PERPS,
)
"""Who must be allowed to spend collateral."""
OPERATORS = (
    *((CONDITIONAL, one) for one in (EXCHANGE, NEG_RISK_EXCHANGE, ADAPTER, NEG_RISK_ADAPTER)),
    *((CONDITIONAL, one) for one in (REDEEMER, BINARY, NEG_RISK)),
    *((POSITIONS, one) for one in (ROUTER, EXCHANGE_V3, REDEEMER)),
)
"""(token contract, who must be allowed to move its shares)."""

Row = dict[str, Any]


class DataApi:
    """``hash_of`` is the transaction of a trade where the venue has one, else ""."""

    def __init__(
        self,
        board: Board,
        history: History,
        accounts: Accounts,
        hash_of: Callable[[Trade], str],
    ) -> None:
        self.board = board
        self.history = history
        self._accounts = accounts
        self._hash_of = hash_of

    def routes(self) -> list[Route]:
        paths: dict[str, Handler] = {
            "/v2/positions": self._positions,
            "/v2/value": self._value,
            "/v2/trades": self._trades,
            "/v2/activity": self._activity,
            "/v2/approvals": self._approvals,
            "/v2/prices-history": self._prices_history,
            "/v2/resolutions": self._resolutions,
            "/positions": self._old_positions,
            "/value": self._old_value,
            "/trades": self._old_trades,
            "/activity": self._old_activity,
            "/closed-positions": self._closed_positions,
        }
        return [Route(path, guarded(handler)) for path, handler in paths.items()]

    # -- version 2 ---------------------------------------------------------------------------------

    async def _positions(self, request: Request) -> Response:
        return page_of(request, self._position_rows(request))

    async def _value(self, request: Request) -> Response:
        user = self._user(request)
        listings = self._wanted_listings(request)
        return answer({"data": {"proxy_wallet": user, "value": self._worth(user, listings)}})

    async def _trades(self, request: Request) -> Response:
        rows = [self._trade_row(deed) for deed in self._trade_deeds(request, "taker_only", False)]
        return page_of(request, rows)

    async def _activity(self, request: Request) -> Response:
        rows = [self._activity_row(deed) for deed in self._activity_deeds(request)]
        return page_of(request, rows)

    async def _approvals(self, request: Request) -> Response:
        """Wallets that exist have approved everything that trading needs, until they change it."""
        user = self._user(request)
        exists, approvals = bool(self._accounts.known(user)), self._accounts.approvals
        rows: list[Row] = []
        for spender in SPENDERS:
            money = approvals.money(user, spender) if exists else 0
            amount = "max" if money == UNLIMITED else str(money)
            rows.append(_approval(COLLATERAL, spender, "ERC20", amount, money > 0))
        for token, operator in OPERATORS:
            approved = exists and approvals.shares(user, operator)
            rows.append(_approval(token, operator, "ERC1155", None, approved))
        return answer({"data": {"address": user, "chain_id": CHAIN, "contracts": rows}})

    async def _prices_history(self, request: Request) -> Response:
        """Midpoints of an asset, one a bucket, oldest first."""
        found = self.board.by_asset.get(request.query_params.get("token_id", ""))
        if found is None:
            raise Wrong(400, "token_id must be the id of an asset")
        listing, outcome = found
        bucket = whole_number(request, "bucket_seconds", 60, 60, 86_400)
        from_ns, to_ns = self._span(request)
        points = self.board.world.prices(listing.spec.slug, from_ns, to_ns)
        kept = points[:: bucket // 60]
        if "as_of" in request.query_params:
            kept = points[-1:]
        rows = [
            {
                "timestamp": second,
                "price": round(price if outcome == YES else 1 - price, 6),
                "resolution_seconds": bucket,
            }
            for second, price in kept
        ]
        return page_of(request, rows, POINTS_PAGE_MAX, POINTS_PAGE_MAX)

    def _span(self, request: Request) -> tuple[int, int]:
        """(from, to) in nanoseconds of one of ``interval``, ``start`` and ``end``, ``as_of``."""
        query, now_ns = request.query_params, self.board.world.now_ns
        now_s = now_ns // SECOND
        if sum(name in query for name in ("interval", "start", "as_of")) != 1:
            raise Wrong(400, "give exactly one of interval, start and as_of")
        if "as_of" in query:
            at_ns = whole_number(request, "as_of", now_s, 0, now_s) * SECOND
            return at_ns - 2 * MINUTE, at_ns
        if "start" in query:
            start = whole_number(request, "start", 0, 0, now_s)
            return start * SECOND, whole_number(request, "end", now_s, 0, now_s) * SECOND
        interval = query["interval"]
        if interval in {"max", "all"}:
            return 0, now_ns
        if interval not in SPANS:
            raise Wrong(400, f"interval must be one of max, all, {', '.join(SPANS)}")
        return now_ns - SPANS[interval], now_ns

    async def _resolutions(self, request: Request) -> Response:
        asked = {"question_id", "condition_id", "event_id"} & set(request.query_params)
        if len(asked) != 1:
            raise Wrong(400, "give exactly one of question_id, condition_id and event_id")
        wanted = whole_names(request, asked.pop())
        rows = [
            self._resolution_row(listing)
            for listing in self.board.listings.values()
            if wanted & names_of(self.board, listing)
        ]
        return answer({"data": rows})

    # -- the old version ---------------------------------------------------------------------------

    async def _old_positions(self, request: Request) -> Response:
        rows = [_old_position(row) for row in self._position_rows(request, "market")]
        return _old_page(request, rows)

    async def _closed_positions(self, request: Request) -> Response:
        rows = [_old_position(row) for row in self._position_rows(request, "market", "CLOSED")]
        return _old_page(request, rows)

    async def _old_value(self, request: Request) -> Response:
        user = self._user(request)
        worth = self._worth(user, self._wanted_listings(request, "market"))
        return answer([{"user": user, "value": worth}])

    async def _old_trades(self, request: Request) -> Response:
        deeds = self._trade_deeds(request, "takerOnly", True, "market")
        return _old_page(request, [_old_trade(self._trade_row(deed)) for deed in deeds])

    async def _old_activity(self, request: Request) -> Response:
        deeds = self._activity_deeds(request, "market")
        rows = [self._activity_row(deed) for deed in deeds]
        return _old_page(request, [_old_trade(row) for row in rows])

    # -- who and what is asked for -----------------------------------------------------------------

    def _user(self, request: Request) -> str:
        user = request.query_params.get("user", "")
        if not _is_address(user):
            raise Wrong(400, "user must be an address: 0x and 40 hex digits")
        return self._accounts.known(user) or user

    def _wanted_listings(self, request: Request, name: str = "condition_id") -> set[str] | None:
        """Slugs of the markets asked for; None when all are."""
        named = whole_names(request, name) | whole_names(request, "event_id")
        if not named:
            return None
        return {
            listing.spec.slug
            for listing in self.board.listings.values()
            if named & names_of(self.board, listing)
        }

    def _trade_deeds(
        self, request: Request, takers: str, takers_usual: bool, market: str = "condition_id"
    ) -> list[Deed]:
        """Trades, newest first."""
        query = request.query_params
        deeds: Iterable[Deed] = self.history.tape
        if "user" in query:
            deeds = self.history.deeds(self._user(request))
        wanted, side = self._wanted_listings(request, market), query.get("side", "").upper()
        takers_only = query.get(takers, str(takers_usual)).lower() == "true"
        kept = [
            deed
            for deed in deeds
            if deed.act == "TRADE"
            and (wanted is None or deed.market in wanted)
            and side in {"", deed.side}
            and (deed.taker or not takers_only)
        ]
        return kept[::-1]

    def _activity_deeds(self, request: Request, market: str = "condition_id") -> list[Deed]:
        query = request.query_params
        user = self._user(request)
        wanted, acts = self._wanted_listings(request, market), whole_names(request, "type")
        side = query.get("side", "").upper()
        start = whole_number(request, "start", 0, 0, 2**40) * SECOND
        end = whole_number(request, "end", 2**40, 0, 2**40) * SECOND
        kept = [
            deed
            for deed in self.history.deeds(user)
            if (not acts or deed.act.lower() in acts)
            and (wanted is None or deed.market in wanted)
            and side in {"", deed.side}
            and start <= deed.at_ns < end + SECOND
        ]
        up = query.get("sort_direction", query.get("sortDirection", "DESC")).upper() == "ASC"
        return kept if up else kept[::-1]

    # -- positions ---------------------------------------------------------------------------------

    def _position_rows(
        self, request: Request, market: str = "condition_id", status: str = "OPEN"
    ) -> list[Row]:
        query = request.query_params
        users = list(self.history.holders())
        if "user" in query:
            users = [self._user(request)]
        elif not whole_names(request, market):
            raise Wrong(400, f"give user or {market}")
        wanted = self._wanted_listings(request, market)
        closed = query.get("status", status).upper() == "CLOSED"
        rows = [
            self._position_row(user, self.board.listings[slug], outcome, holding)
            for user in users
            for (slug, outcome), holding in self.history.holdings(user).items()
            if (wanted is None or slug in wanted) and (holding.size < SMALLEST) == closed
        ]
        rows.sort(key=lambda row: (-row["current_value"], row["token_id"]))
        return rows

    def _position_row(self, user: str, listing: Listing, outcome: int, held: Holding) -> Row:
        board, price = self.board, self._price(listing, outcome)
        worth = held.size / SHARE * price
        cost, realized = held.cost / DOLLAR, held.realized / DOLLAR
        open_profit, spent = worth - cost, held.spent / DOLLAR
        both = self.history.holdings(user)
        pair = both.get((listing.spec.slug, 1 - outcome))
        return {
            "proxy_wallet": user,
            "token_id": listing.assets[outcome],
            "condition_id": listing.condition,
            "current_size": held.size / SHARE,
            "avg_price": round(held.spent / held.bought, 6) if held.bought else 0.0,
            "entry_cost_usdc": cost,
            "entry_fees_usdc": held.fees / DOLLAR,
            "total_cost_usdc": spent,
            "current_price": price,
            "current_value": round(worth, 6),
            "total_size": held.bought / SHARE,
            "realized_pnl": realized,
            "unrealized_pnl": round(open_profit, 6),
            "total_pnl": round(open_profit + realized, 6),
            "percent_pnl": _percent(open_profit, cost),
            "percent_realized_pnl": _percent(realized, spent),
            "status": "OPEN" if held.size >= SMALLEST else "CLOSED",
            "redeemable": False,  # winnings are paid out by themselves
            "mergeable": bool(pair and pair.size and held.size),
            "negative_risk": listing.event.neg_risk,
            "archived": False,
            **self._named(listing),
            "event_id": str(board.event_numbers[listing.event.slug]),
            "outcome": OUTCOMES[outcome],
            "outcome_index": outcome,
            "opposite_outcome": OUTCOMES[1 - outcome],
            "opposite_token_id": listing.assets[1 - outcome],
            "end_date": _moment(board.world.end_ns(listing.spec)).date().isoformat(),
            "first_entry_at": held.first_ns // SECOND,
            "last_event_at": held.last_ns // SECOND,
            "name": "",
            "profile_image": "",
            "verified": False,
        }

    def _price(self, listing: Listing, outcome: int) -> float:
        return round(self.board.worth(listing, outcome), 6)

    def _worth(self, user: str, wanted: set[str] | None) -> float:
        total = 0.0
        for (slug, outcome), held in self.history.holdings(user).items():
            if held.size and (wanted is None or slug in wanted):
                total += held.size / SHARE * self._price(self.board.listings[slug], outcome)
        return round(total, 6)

    # -- trades and other deeds --------------------------------------------------------------------

    def _named(self, listing: Listing) -> Row:
        return {
            "title": listing.spec.question,
            "slug": listing.spec.slug,
            "icon": "",
            "event_slug": listing.event.slug,
        }

    def _trade_row(self, deed: Deed) -> Row:
        listing = self.board.listings[deed.market]
        return {
            "proxy_wallet": _address(deed.account),
            "side": deed.side,
            "token_id": listing.assets[deed.outcome],
            "condition_id": listing.condition,
            "size": deed.size / SHARE,
            "price": deed.price / PRICE_ONE,
            "timestamp": deed.at_ns // SECOND,
            **self._named(listing),
            "outcome": OUTCOMES[deed.outcome],
            "outcome_index": deed.outcome,
            **PROFILE,
            "transaction_hash": self._transaction(deed),
        }

    def _activity_row(self, deed: Deed) -> Row:
        shared = {"type": deed.act, "usdc_size": deed.money / DOLLAR}
        if deed.act == "TRADE":
            return self._trade_row(deed) | shared | {"is_combo": False}
        row = {
            "proxy_wallet": _address(deed.account),
            "timestamp": deed.at_ns // SECOND,
            "transaction_hash": self._transaction(deed),
            **PROFILE,
            **shared,
        }
        if not deed.market or deed.act == "MAKER_REBATE":
            return row
        listing = self.board.listings[deed.market]
        row |= self._named(listing) | {"condition_id": listing.condition, "is_combo": False}
        row |= {"size": deed.size / SHARE, "outcome": "", "outcome_index": 999}
        if deed.act == "REDEEM":
            row |= {"outcome": OUTCOMES[deed.outcome], "outcome_index": deed.outcome}
        return row

    def _transaction(self, deed: Deed) -> str:
        """The trade's own transaction; before it has one, and for all else, one made up."""
        known = self._hash_of(deed.trade) if deed.trade else ""
        text = f"practice deed {deed.at_ns} {deed.act} {deed.account} {deed.market}"
        return known or "0x" + sha256(text.encode()).hexdigest()

    def _resolution_row(self, listing: Listing) -> Row:
        market = self.board.market(listing)
        world, slug = self.board.world, listing.spec.slug
        at_ns = world.ended_ns.get(slug, world.anchor_ns)
        status = {"open": "initialized", "closed": "proposed", "resolved": "resolved"}
        row: Row = {
            "question_id": question_id(self.board.seed, slug),
            "condition_id": listing.condition,
            "status": status[market.state],
            "extended_review": False,
            "was_disputed": False,
            "new_version_q": False,
            "proposed_price": UNSET_PRICE,
            "reproposed_price": UNSET_PRICE,
            "price": UNSET_PRICE,
            "transaction_hash": "0x" + sha256(f"practice resolution {slug}".encode()).hexdigest(),
            "log_index": "1",
            "last_update_timestamp": str(at_ns // SECOND),
            "market_type": "INCREMENTAL_NEGRISK" if listing.event.neg_risk else "BINARY",
        }
        if market.winner is None:
            return row
        price = decimal(market.pays(YES, SHARE), SHARE)
        payouts = [str(market.pays(outcome, SHARE)) for outcome in (YES, NO)]
        return row | {
            "price": price,
            "proposed_price": price,
            "payouts": payouts,
            "resolution_source": "reported",
            "reporter": "UMA_OO",
            "was_arbitrated": False,
            "resolved_at": _moment(at_ns).isoformat(),
        }


PROFILE = {"name": "", "pseudonym": "", "bio": "", "profile_image": ""} | {
    "profile_image_optimized": ""
}

OLD_NAMES = {
    "proxy_wallet": "proxyWallet",
    "token_id": "asset",
    "condition_id": "conditionId",
    "event_slug": "eventSlug",
    "outcome_index": "outcomeIndex",
    "transaction_hash": "transactionHash",
    "usdc_size": "usdcSize",
    "profile_image": "profileImage",
    "profile_image_optimized": "profileImageOptimized",
    "current_size": "size",
    "avg_price": "avgPrice",
    "entry_cost_usdc": "initialValue",
    "current_value": "currentValue",
    "unrealized_pnl": "cashPnl",
    "percent_pnl": "percentPnl",
    "total_size": "totalBought",
    "realized_pnl": "realizedPnl",
    "percent_realized_pnl": "percentRealizedPnl",
    "current_price": "curPrice",
    "opposite_outcome": "oppositeOutcome",
    "opposite_token_id": "oppositeAsset",
    "end_date": "endDate",
    "negative_risk": "negativeRisk",
    "event_id": "eventId",
}
OLD_POSITION = (
    "proxyWallet", "asset", "conditionId", "size", "avgPrice", "initialValue", "currentValue",
    "cashPnl", "percentPnl", "totalBought", "realizedPnl", "percentRealizedPnl", "curPrice",
    "redeemable", "mergeable", "title", "slug", "icon", "eventId", "eventSlug", "outcome",
    "outcomeIndex", "oppositeOutcome", "oppositeAsset", "endDate", "negativeRisk",
)  # fmt: skip


def _approval(token: str, spender: str, standard: str, amount: str | None, approved: bool) -> Row:
    row: Row = {"token": token, "spender": spender, "standard": standard, "amount": amount}
    return row | {"approved": approved}


def _old_trade(row: Row) -> Row:
    renamed = {OLD_NAMES.get(key, key): value for key, value in row.items()}
    renamed.pop("is_combo", None)
    return renamed


def _old_position(row: Row) -> Row:
    renamed = {OLD_NAMES.get(key, key): value for key, value in row.items()}
    return {key: renamed[key] for key in OLD_POSITION}


# -- pieces ------------------------------------------------------------------------------------


def page_of(request: Request, rows: list[Row], usual: int = PAGE, most: int = PAGE_MAX) -> Response:
    """One page in the envelope; the cursor is null on the last."""
    size = whole_number(request, "limit", usual, 1, most)
    start = _start(request.query_params.get("cursor", ""))
    more = start + size < len(rows)
    cursor = base64.urlsafe_b64encode(str(start + size).encode()).decode() if more else None
    pagination = {"has_more": more, "next_cursor": cursor}
    return answer({"data": rows[start : start + size], "pagination": pagination})


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        start = int(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError):
        raise Wrong(400, "cursor is not a cursor of this listing") from None
    if start < 0:
        raise Wrong(400, "cursor is not a cursor of this listing")
    return start


def _old_page(request: Request, rows: list[Row]) -> Response:
    size = whole_number(request, "limit", PAGE, 1, OFFSET_MAX)
    start = whole_number(request, "offset", 0, 0, 2**31)
    if start > OFFSET_MAX:
        raise Wrong(400, f"max historical offset of {OFFSET_MAX} exceeded")
    return answer(rows[start : start + size])


def whole_names(request: Request, name: str) -> set[str]:
    """The values of a parameter, repeated or parted by commas, in lower case."""
    given = ",".join(request.query_params.getlist(name)).lower().split(",")
    return {one.strip() for one in given[:NAMES_MAX] if one.strip()}


def names_of(board: Board, listing: Listing) -> set[str]:
    """All that a market may be asked for by."""
    event = str(board.event_numbers[listing.event.slug])
    question = question_id(board.seed, listing.spec.slug)
    return {*spellings(listing.condition), question, event}


def spellings(condition: str) -> set[str]:
    """A condition by its name, and a version 2 one without Gamma's padding too."""
    padded = len(condition) == 66 and condition.endswith("00")
    return {condition, condition[:-2]} if padded else {condition}


def _is_address(text: str) -> bool:
    digits = text[2:].lower()
    return text.startswith("0x") and len(digits) == 40 and set(digits) <= set("0123456789abcdef")


def _address(account: str) -> str:
    """A wallet's address; the world's own traders have one made of their names."""
    return account if account.startswith("0x") else stranger(account)[1]


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 4) if whole else 0.0


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns / SECOND, UTC)
