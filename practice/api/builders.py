"""What apps are told of the orders that carry their code: trades and fee rates, both public."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.records import Placed, TradeRecord, order_name
from practice.accounts.trading import Trading
from practice.answers import Wrong, answer, guarded
from practice.api.clob import cursor_page
from practice.clock import SECOND
from practice.exchange.orders import DOLLAR, Fill, Trade, decimal
from practice.exchange.wire import PRICE_TEXT, size_text
from practice.world.board import OUTCOMES

Row = dict[str, Any]
NO_CODE = "0x" + "0" * 64


class Builders:
    """Routes."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading

    def routes(self) -> list[Route]:
        return [
            Route("/builder/trades", guarded(self._trades)),
            Route("/fees/builder-fees/{builder}", guarded(self._fees)),
        ]

    async def _fees(self, request: Request) -> Response:
        return answer({"builder_maker_fee_rate_bps": 0, "builder_taker_fee_rate_bps": 0})

    async def _trades(self, request: Request) -> Response:
        """One row for each order of the code in each trade, newest first."""
        query = request.query_params
        code = query.get("builder_code", "").lower()
        if len(code) != len(NO_CODE) or code == NO_CODE:
            raise Wrong(400, "Invalid builder code")
        rows = [
            row
            for record in self._trading.trades.values()
            for row in self._rows(record, code)
            if all(query.get(name, row[key]) == row[key] for name, key in FILTERS)
            and _within(record, query.get("after", ""), query.get("before", ""))
        ]
        return cursor_page(request, rows[::-1], dict)

    def _rows(self, record: TradeRecord, code: str) -> list[Row]:
        parts: list[Trade | Fill] = [record.trade, *record.trade.makers]
        placed = [(part, self._trading.order_of(part)) for part in parts]
        return [
            _row(record, part, order) for part, order in placed if order and order.builder == code
        ]


FILTERS = (("id", "id"), ("market", "market"), ("asset_id", "assetId"), ("maker_address", "maker"))


def _within(record: TradeRecord, after: str, before: str) -> bool:
    at_s = record.matched_ns // SECOND
    if (after and not after.isdigit()) or (before and not before.isdigit()):
        raise Wrong(400, "Invalid trade params payload")
    return not (after and at_s <= int(after)) and not (before and at_s >= int(before))


def _row(record: TradeRecord, part: Trade | Fill, order: Placed) -> Row:
    taker = isinstance(part, Trade)
    fee = decimal(part.fee, DOLLAR) if isinstance(part, Trade) else "0"
    return {
        "id": record.id,
        "tradeType": "TAKER" if taker else "MAKER",
        "takerOrderHash": order_name(record.trade.taker_id),
        "builder": order.builder,
        "market": record.listing.condition,
        "assetId": record.listing.assets[part.outcome],
        "side": part.side,
        "size": size_text(part.size),
        "sizeUsdc": decimal(part.money, DOLLAR),
        "price": PRICE_TEXT[part.price],
        "status": record.status,
        "outcome": OUTCOMES[part.outcome],
        "outcomeIndex": part.outcome,
        "owner": order.key.key,
        "maker": order.maker,
        "transactionHash": record.hash,
        "matchTime": str(record.matched_ns // SECOND),
        "bucketIndex": record.bucket,
        "fee": fee,
        "feeUsdc": fee,
        "err_msg": None,
        "createdAt": str(record.matched_ns // SECOND),
        "updatedAt": str(record.updated_ns // SECOND),
    }
