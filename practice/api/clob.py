"""The public half of the CLOB's REST interface."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.answers import UNREADABLE, Handler, Wrong, answer, body_of, guarded, raw, whole_number
from practice.api.gamma import Gamma
from practice.clock import DAY, HOUR, MINUTE, SECOND
from practice.exchange.orders import NO, PRICE_ONE, SHARE, VOID, YES
from practice.exchange.wire import PRICE_TEXT
from practice.faults.deck import Deck
from practice.world.board import FEE_CAP_BPS, OUTCOMES, Board, Listing, last_trade

PAGE = 100
BOOKS_MAX = 500
FIDELITY_MAX = 24 * 60
POINTS_MAX = 20_000
LAST_PAGE = -1
INTERVALS = {
    "1h": HOUR,
    "6h": 6 * HOUR,
    "1d": DAY,
    "1w": 7 * DAY,
    "1m": 30 * DAY,
    "all": None,
    "max": None,
}

Row = dict[str, Any]
_Item = TypeVar("_Item")


class _Named(msgspec.Struct):
    token_id: str
    side: str = ""


_named_decoder = msgspec.json.Decoder(list[_Named])


class Clob:
    """Routes and shapes of books, prices and trading facts. Reads only."""

    def __init__(self, board: Board, gamma: Gamma, deck: Deck) -> None:
        self.board = board
        self.deck = deck
        self.gamma = gamma
        self.buyers_pay = False

    def routes(self) -> list[Route]:
        gets: dict[str, Handler] = {
            "/ok": self.ok,
            "/time": self.time,
            "/version": self.version,
            "/book": self.book,
            "/price": self.price,
            "/prices": self.prices_asked,
            "/midpoint": self.midpoint,
            "/spread": self.spread,
            "/last-trade-price": self.last_trade_price,
            "/tick-size": self.tick_size,
            "/tick-size/{token_id}": self.tick_size,
            "/neg-risk": self.neg_risk,
            "/neg-risk/{token_id}": self.neg_risk,
            "/fee-rate": self.fee_rate,
            "/fee-rate/{token_id}": self.fee_rate,
            "/prices-history": self.prices_history,
            "/markets-by-token/{token_id}": self.by_token,
            "/clob-markets/{condition}": self.facts,
            "/markets": self.markets,
            "/sampling-markets": self.pages(self.market),
            "/simplified-markets": self.pages(self.simplified),
            "/sampling-simplified-markets": self.pages(self.simplified),
            "/markets/{condition}": self.one_market,
        }
        posts: dict[str, Handler] = {
            "/books": self.books,
            "/prices": self.prices,
            "/midpoints": self.midpoints,
            "/spreads": self.spreads,
            "/last-trades-prices": self.last_trades_prices,
        }
        return [Route(path, guarded(handler)) for path, handler in gets.items()] + [
            Route(path, guarded(handler), methods=["POST"]) for path, handler in posts.items()
        ]

    # -- names -----------------------------------------------------------------------------------

    def _asset(
        self, request: Request, missing: str = "No orderbook exists for the requested token id"
    ) -> tuple[Listing, int]:
        token = request.path_params.get("token_id") or request.query_params.get("token_id", "")
        if not token.isdigit():
            raise Wrong(400, "Invalid token id")
        found = self.board.by_asset.get(token)
        if found is None:
            raise Wrong(404, missing)
        return found

    async def _named(self, request: Request) -> list[_Named]:
        try:
            named = _named_decoder.decode(await body_of(request))
        except UNREADABLE:
            raise Wrong(400, "Invalid payload") from None
        if len(named) > BOOKS_MAX:
            raise Wrong(400, "Payload exceeds the limit")
        return named

    async def _known(self, request: Request) -> list[tuple[_Named, Listing, int]]:
        """The assets named in a body; unknown ones are left out."""
        known = []
        for named in await self._named(request):
            found = self.board.by_asset.get(named.token_id)
            if found:
                known.append((named, *found))
        return known

    def _condition(self, request: Request) -> Listing:
        listing = self.board.by_condition.get(request.path_params["condition"])
        if listing is None:
            raise Wrong(404, "market not found")
        return listing

    # -- the venue itself --------------------------------------------------------------------------

    async def ok(self, request: Request) -> Response:
        return answer("OK")

    async def time(self, request: Request) -> Response:
        skew_ns = self.deck.faults.clock_skew_ms * 1_000_000
        return answer((self.board.clock.now_ns() + skew_ns) // SECOND)

    async def version(self, request: Request) -> Response:
        return answer({"version": 2})

    # -- books and prices --------------------------------------------------------------------------

    async def book(self, request: Request) -> Response:
        return raw(self.board.book(*self._asset(request)))

    async def books(self, request: Request) -> Response:
        known = await self._known(request)
        encoded = [self.board.book(listing, outcome) for _, listing, outcome in known]
        return raw(b"[" + b",".join(encoded) + b"]")

    async def price(self, request: Request) -> Response:
        """BUY is the best bid and SELL the best ask, as a live venue was seen to answer.

        Its documents say the opposite: what a buyer pays. ``buyers_pay`` follows them.
        """
        listing, outcome = self._asset(request)
        return answer({"price": self._price(listing, outcome, request.query_params.get("side"))})

    async def prices(self, request: Request) -> Response:
        return self._prices(await self._named(request))

    async def prices_asked(self, request: Request) -> Response:
        """The same, asked for by two lists parted by commas."""
        query = request.query_params
        tokens, sides = (query.get(name, "").split(",") for name in ("token_ids", "sides"))
        if len(tokens) != len(sides) or len(tokens) > BOOKS_MAX:
            raise Wrong(400, "Invalid payload")
        return self._prices([_Named(*pair) for pair in zip(tokens, sides, strict=True)])

    def _prices(self, named: list[_Named]) -> Response:
        answers: dict[str, dict[str, str]] = {}
        for one in named:
            found = self.board.by_asset.get(one.token_id)
            if found:
                price = self._price(*found, one.side)
                answers.setdefault(one.token_id, {})[one.side] = price
        return answer(answers)

    def _price(self, listing: Listing, outcome: int, side: str | None) -> str:
        if side not in {"BUY", "SELL"}:
            raise Wrong(400, "Invalid side")
        bid, ask = self._bests(listing, outcome)
        return PRICE_TEXT[bid if (side == "BUY") != self.buyers_pay else ask]

    def _bests(self, listing: Listing, outcome: int) -> tuple[int, int]:
        """Best bid and ask; an empty side counts as 0 or 1."""
        bid, ask = self.board.bests(listing, outcome)
        return bid or 0, PRICE_ONE if ask is None else ask

    def _midpoint(self, listing: Listing, outcome: int) -> str:
        bid, ask = self._bests(listing, outcome)
        return f"{(bid + ask) / (2 * PRICE_ONE):.5f}".rstrip("0").rstrip(".")

    def _spread(self, listing: Listing, outcome: int) -> str:
        bid, ask = self._bests(listing, outcome)
        return PRICE_TEXT[ask - bid]

    async def midpoint(self, request: Request) -> Response:
        return answer({"mid": self._midpoint(*self._asset(request))})

    async def midpoints(self, request: Request) -> Response:
        known = await self._known(request)
        return answer(
            {named.token_id: self._midpoint(listing, outcome) for named, listing, outcome in known}
        )

    async def spread(self, request: Request) -> Response:
        return answer({"spread": self._spread(*self._asset(request))})

    async def spreads(self, request: Request) -> Response:
        known = await self._known(request)
        return answer(
            {named.token_id: self._spread(listing, outcome) for named, listing, outcome in known}
        )

    async def last_trade_price(self, request: Request) -> Response:
        listing, outcome = self._asset(request)
        last = last_trade(self.board.market(listing).last, outcome)
        if last is None:
            return answer({"price": "0.5", "side": ""})
        return answer({"price": PRICE_TEXT[last[0]], "side": last[1]})

    async def last_trades_prices(self, request: Request) -> Response:
        rows = []
        for named, listing, outcome in await self._known(request):
            last = last_trade(self.board.market(listing).last, outcome)
            if last:
                price = PRICE_TEXT[last[0]]
                rows.append({"token_id": named.token_id, "price": price, "side": last[1]})
        return answer(rows)

    async def prices_history(self, request: Request) -> Response:
        """Midpoints on whole minutes; ``market`` is an asset id."""
        query = request.query_params
        found = self.board.by_asset.get(query.get("market", ""))
        if found is None:
            raise Wrong(400, "Invalid market")
        from_ns, to_ns = self._span(request)
        listing, outcome = found
        points = self.board.world.prices(listing.spec.slug, from_ns, to_ns)
        step = whole_number(request, "fidelity", 1, 1, FIDELITY_MAX)
        points = points[::-step][:POINTS_MAX][::-1]  # the newest is always among them
        history = [{"t": t, "p": round(p if outcome == YES else 1 - p, 6)} for t, p in points]
        return answer({"history": history})

    def _span(self, request: Request) -> tuple[int, int]:
        query = request.query_params
        now_ns = self.board.world.now_ns
        ranged = "startTs" in query or "endTs" in query
        interval = query.get("interval")
        if ranged and interval:
            raise Wrong(400, "interval and startTs, endTs exclude each other")
        if ranged:
            start = whole_number(request, "startTs", 0, 0, now_ns // SECOND)
            end = whole_number(request, "endTs", now_ns // SECOND, 0, now_ns // SECOND)
            return start * SECOND, end * SECOND
        if interval is not None and interval not in INTERVALS:
            raise Wrong(400, f"interval must be one of {', '.join(INTERVALS)}")
        span = INTERVALS[interval or "1d"]
        return (0 if span is None else now_ns - span), now_ns + MINUTE

    # -- trading facts -----------------------------------------------------------------------------

    async def tick_size(self, request: Request) -> Response:
        listing, _ = self._asset(request, "market not found")
        return answer({"minimum_tick_size": self.board.market(listing).tick / PRICE_ONE})

    async def neg_risk(self, request: Request) -> Response:
        listing, _ = self._asset(request, "market not found")
        return answer({"neg_risk": listing.event.neg_risk})

    async def fee_rate(self, request: Request) -> Response:
        listing, _ = self._asset(request, "market not found")
        return answer({"base_fee": FEE_CAP_BPS if listing.spec.fee_rate_e6 else 0})

    async def by_token(self, request: Request) -> Response:
        listing, _ = self._asset(request, "market not found")
        return answer(
            {
                "condition_id": listing.condition,
                "primary_token_id": listing.assets[YES],
                "secondary_token_id": listing.assets[NO],
            }
        )

    async def facts(self, request: Request) -> Response:
        """The short-keyed facts that clients sign orders by."""
        listing = self._condition(request)
        market = self.board.market(listing)
        rate = listing.spec.fee_rate_e6
        base = FEE_CAP_BPS if rate else 0
        tokens = zip(listing.assets, OUTCOMES, strict=True)
        row: Row = {
            "c": listing.condition,
            "t": [{"t": asset, "o": outcome} for asset, outcome in tokens],
            "mts": market.tick / PRICE_ONE,
            "mos": _number(market.min_size / SHARE),
            "ao": market.state == "open",
            "mbf": base,
            "tbf": base,
            "r": None,
            "gst": None,
            "sd": listing.spec.delay_s,
            "cbos": False,
            "rfqe": False,
            "ibce": False,
            "oas": 0,
        }
        if listing.event.neg_risk:
            row["nr"] = True
        if rate:
            row["fd"] = {"r": rate / 1_000_000, "e": 1, "to": True}
        return answer(row)

    # -- markets ---------------------------------------------------------------------------------

    async def markets(self, request: Request) -> Response:
        """Gamma and the CLOB share this path here: the CLOB's clients always send a cursor."""
        if "next_cursor" not in request.query_params:
            return await self.gamma.markets_array(request)
        return self._page(request, self.market)

    def pages(self, shape: Callable[[Listing], Row]) -> Handler:
        async def handler(request: Request) -> Response:
            return self._page(request, shape)

        return handler

    async def one_market(self, request: Request) -> Response:
        return answer(self.market(self._condition(request)))

    def _page(self, request: Request, shape: Callable[[Listing], Row]) -> Response:
        return cursor_page(request, list(self.board.listings.values()), shape)

    def market(self, listing: Listing) -> Row:
        row = self.gamma.market_alone(listing)
        base = FEE_CAP_BPS if listing.spec.fee_rate_e6 else 0
        return self.simplified(listing) | {
            "enable_order_book": True,
            "accepting_order_timestamp": row["acceptingOrdersTimestamp"],
            "minimum_order_size": row["orderMinSize"],
            "minimum_tick_size": row["orderPriceMinTickSize"],
            "question_id": row["questionID"],
            "question": row["question"],
            "description": row["description"],
            "market_slug": row["slug"],
            "end_date_iso": row["endDate"],
            "game_start_time": None,
            "seconds_delay": listing.spec.delay_s,
            "fpmm": "",
            "maker_base_fee": base,
            "taker_base_fee": base,
            "notifications_enabled": False,
            "neg_risk": row["negRisk"],
            "neg_risk_market_id": row.get("negRiskMarketID", ""),
            "neg_risk_request_id": row.get("negRiskRequestID", ""),
            "icon": "",
            "image": "",
            "is_50_50_outcome": self.board.market(listing).winner == VOID,
            "tags": list(listing.spec.tags),
        }

    def simplified(self, listing: Listing) -> Row:
        market = self.board.market(listing)
        prices = [round(self.board.worth(listing, outcome), 5) for outcome in (YES, NO)]
        named = zip((YES, NO), listing.assets, OUTCOMES, prices, strict=True)
        tokens = [
            {"token_id": asset, "outcome": name, "price": price, "winner": market.winner == outcome}
            for outcome, asset, name, price in named
        ]
        return {
            "condition_id": listing.condition,
            "tokens": tokens,
            "rewards": {"rates": None, "min_size": 0, "max_spread": 0},
            "active": True,
            "closed": market.state != "open",
            "archived": False,
            "accepting_orders": market.state == "open",
        }


def cursor_page(
    request: Request, items: Sequence[_Item], shape: Callable[[_Item], Row]
) -> Response:
    """One page of the CLOB's listings: the cursor is always there, and says -1 on the last."""
    start = _offset(request.query_params.get("next_cursor") or "MA==")
    shown = [] if start == LAST_PAGE else items[start : start + PAGE]
    ended = start == LAST_PAGE or start + PAGE >= len(items)
    cursor = _cursor(LAST_PAGE if ended else start + PAGE)
    rows = [shape(item) for item in shown]
    return answer({"data": rows, "next_cursor": cursor, "limit": PAGE, "count": len(rows)})


def _cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def _offset(cursor: str) -> int:
    try:
        offset = int(base64.b64decode(cursor.encode(), validate=True))
    except (binascii.Error, ValueError):
        raise Wrong(400, "Invalid cursor") from None
    if offset < LAST_PAGE:
        raise Wrong(400, "Invalid cursor")
    return offset


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value
