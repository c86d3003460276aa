"""What makers are paid back of the fees of their markets: a pool a market and day (UTC).

The exchange pays at the end of each day of the world; what a day still running has come to is
answered as it stands.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.registry import stranger
from practice.accounts.wallets import COLLATERAL
from practice.answers import Wrong, answer, guarded
from practice.clock import DAY
from practice.exchange.history import History, Rebate
from practice.exchange.orders import DOLLAR, decimal
from practice.world.board import Board

FIRST_DAY = date(1970, 1, 1)


class Rebates:
    """The public route."""

    def __init__(self, board: Board, history: History) -> None:
        self._board = board
        self._history = history

    def routes(self) -> list[Route]:
        return [Route("/rebates/current", guarded(self._current))]

    async def _current(self, request: Request) -> Response:
        """One row a market; none when the maker has nothing coming of that day."""
        maker = request.query_params.get("maker_address", "").lower()
        day = _day(request.query_params.get("date", ""))
        return answer([self._row(one) for one in self._of(day) if _name(one).lower() == maker])

    def _of(self, day: int) -> Iterator[Rebate]:
        world = self._board.world
        if day != world.now_ns // DAY:
            yield from (one for one in self._history.rebates if one.day == day)
            return
        for slug, market in world.exchange.markets.items():
            for account, money in market.rebates().items():
                yield Rebate(day, slug, account, money)

    def _row(self, one: Rebate) -> dict[str, Any]:
        return {
            "date": date.fromordinal(FIRST_DAY.toordinal() + one.day).isoformat(),
            "condition_id": self._board.listings[one.market].condition,
            "asset_address": COLLATERAL,
            "maker_address": _name(one),
            "rebated_fees_usdc": decimal(one.money, DOLLAR),
        }


def _day(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal() - FIRST_DAY.toordinal()
    except ValueError:
        raise Wrong(400, "date must be YYYY-MM-DD") from None


def _name(one: Rebate) -> str:
    """A wallet's address; the world's own makers have one made of their names."""
    return one.account if one.account.startswith("0x") else stranger(one.account)[1]
