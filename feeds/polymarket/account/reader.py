"""The account over REST: open orders and trades, in the shapes that the stream tells them in.

The stream tells nothing again. After each of its beginnings, and whenever it asks, what is fetched
here is handed to ``UserChannel.told_by_rest``, which counts nothing twice. An answer of which one
element can't be read is refused whole: an incomplete picture must not pass for a complete one.
"""

from urllib.parse import quote

import httpx

from feeds.clock import Clock
from feeds.markets import SECOND
from feeds.polymarket.account.user_channel import Credentials, UserChannel
from feeds.polymarket.account.user_wire import (
    UserFrame,
    UserOrder,
    UserTrade,
    decode_user,
    decode_user_page,
)
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import Bucket, Params, Reads

FIRST_CURSOR, LAST_CURSOR = "MA==", "LTE="
PAGES_MAX = 500
ASKED_SINGLY_MAX = 200


class AccountReader:
    """Asks for what belongs to one API key. Raises ``VenueError`` and ``WireError``."""

    def __init__(
        self,
        hosts: Hosts,
        http: httpx.AsyncClient,
        clock: Clock,
        credentials: Credentials,
        reads: Reads | None = None,
    ) -> None:
        self._base = hosts.clob
        self._clock = clock
        self._credentials = credentials
        self._reads = reads or Reads(http)
        # half the published rate of 500 in 10 s for orders and trades together
        self._pace = Bucket(rate=25, burst=10)

    async def open_orders(self, condition_id: str = "") -> list[UserOrder]:
        """Orders that rest, of one market or of all."""
        told = await self._all("/data/orders", _given(market=condition_id))
        return [one for one in told if isinstance(one, UserOrder)]

    async def trades(self, since_s: int = 0, condition_id: str = "") -> list[UserTrade]:
        """Trades since a Unix second, of one market or of all; a maker's are among them."""
        params = _given(after=str(since_s) if since_s else "", market=condition_id)
        told = await self._all("/data/trades", params)
        return [one for one in told if isinstance(one, UserTrade)]

    async def order(self, order_id: str) -> UserOrder | None:
        """One order, or None where the venue shows none: that says nothing about its trades."""
        path = f"/data/order/{quote(order_id, safe='')}"
        try:
            body = await self._get(path, ())
        except VenueError as error:
            if error.status == 404:
                return None
            raise
        if body.strip() in (b"", b"null"):
            return None
        told = decode_user(body)
        if not isinstance(told, UserOrder) or told.id != order_id:
            raise WireError("$.id", "expected the order that was asked for")
        return told

    async def tell(self, channel: UserChannel, since_s: int = 0) -> None:
        """Tell the channel what the venue holds: the answer to its ``AskRest``.

        Orders that should rest and do not are asked for one by one: they ended unheard.
        """
        told: list[UserFrame] = [*await self.open_orders()]
        resting = {order.id for order in told}
        ended = [one for one in channel.open_orders() if one not in resting]
        for order_id in ended[:ASKED_SINGLY_MAX]:
            order = await self.order(order_id)
            if order is not None:
                told.append(order)
        told += await self.trades(since_s)
        channel.told_by_rest(told, self._clock.now_ns())

    async def _all(self, path: str, params: Params) -> list[UserFrame]:
        """Every page, from first to last; a cursor that comes back ends it."""
        found: list[UserFrame] = []
        seen: set[str] = set()
        cursor = FIRST_CURSOR
        while cursor not in seen and cursor not in ("", LAST_CURSOR):
            if len(seen) >= PAGES_MAX:
                raise WireError("$.next_cursor", f"more than {PAGES_MAX} pages")
            seen.add(cursor)
            body = await self._get(path, [*params, ("next_cursor", cursor)])
            good, bad, cursor = decode_user_page(body)
            if bad:
                raise bad[0]
            found += good
        return found

    async def _get(self, path: str, params: Params) -> bytes:
        def signed() -> dict[str, str]:
            # the signature covers the path without its query
            return self._credentials.headers("GET", path, "", self._clock.now_ns() // SECOND)

        return await self._reads.get(f"{self._base}{path}", params, self._pace, signed=signed)


def _given(**params: str) -> Params:
    return [(name, value) for name, value in params.items() if value]
