"""The CLOB's public half over REST: books, past prices, details of a market, its clock."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

import httpx
import msgspec

from feeds.clock import Clock
from feeds.events import BookSnapshot, OddsPoint
from feeds.markets import Nanos
from feeds.polymarket.errors import WireError
from feeds.polymarket.frames import snapshot_of
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import TRIES_MAX, Bucket, Reads
from feeds.polymarket.units import STAMP_MAX, BadNumber, nearest_price, venue_nanos
from feeds.polymarket.wire import (
    ClobMarket,
    HistoryPoint,
    ListedMarket,
    PricesHistory,
    RestBook,
    decode_array,
    decode_as,
)

BOOKS_A_REQUEST_MAX = 500
POINTS_MAX = 100_000
Interval = Literal["1h", "6h", "1d", "1w", "1m", "max"]


class ClobReader:
    """Asks the CLOB what anybody may ask. Raises ``VenueError`` and ``WireError``.

    ``refused`` counts books in a batch, and past prices, that had not the shape they should.
    """

    def __init__(
        self, hosts: Hosts, http: httpx.AsyncClient, clock: Clock, reads: Reads | None = None
    ) -> None:
        self._base = hosts.clob
        self._clock = clock
        self._reads = reads or Reads(http)
        # half the published rates: in 10 s 1,500 for one book, 500 for many, 1,000 for prices
        self._book_pace = Bucket(rate=75, burst=30)
        self._books_pace = Bucket(rate=25, burst=10)
        self._history_pace = Bucket(rate=50, burst=20)
        self._market_pace = Bucket(rate=50, burst=20)
        self.refused: Counter[str] = Counter()

    async def book(self, asset_id: str) -> BookSnapshot:
        """One asset's whole book, stamped with its arrival."""
        url = f"{self._base}/book"
        body = await self._reads.get(url, [("token_id", asset_id)], self._book_pace)
        book = decode_as(RestBook, body)
        if book.asset_id != asset_id:
            raise WireError("$.asset_id", "expected the asset that was asked for")
        return snapshot_of(book, self._clock.now_ns())

    async def books(
        self, asset_ids: Iterable[str], tries: int = TRIES_MAX
    ) -> dict[str, BookSnapshot]:
        """Books of many assets by asset id; assets without a book are left out."""
        wanted = list(dict.fromkeys(asset_ids))
        found: dict[str, BookSnapshot] = {}
        for start in range(0, len(wanted), BOOKS_A_REQUEST_MAX):
            chunk = wanted[start : start + BOOKS_A_REQUEST_MAX]
            question = msgspec.json.encode([{"token_id": asset_id} for asset_id in chunk])
            body = await self._reads.post(f"{self._base}/books", question, self._books_pace, tries)
            found |= self._usable(body, set(chunk))
        return found

    def _usable(self, body: bytes, wanted: set[str]) -> dict[str, BookSnapshot]:
        now = self._clock.now_ns()
        found = {}
        for raw in decode_array(body):
            try:
                snapshot = snapshot_of(decode_as(RestBook, raw), now)
            except WireError as error:
                self.refused[error.path] += 1
                continue
            if snapshot.asset_id in wanted:
                found[snapshot.asset_id] = snapshot
        return found

    async def prices_history(
        self, asset_id: str, interval: Interval = "1d", fidelity_min: int = 1
    ) -> list[OddsPoint]:
        """Past midpoints of an asset in order of time; ``fidelity_min`` is their spacing."""
        url = f"{self._base}/prices-history"
        params = [("market", asset_id), ("interval", interval), ("fidelity", str(fidelity_min))]
        body = await self._reads.get(url, params, self._history_pace)
        now = self._clock.now_ns()
        history = []
        for raw in (decode_as(PricesHistory, body).history or ())[-POINTS_MAX:]:
            try:
                point = decode_as(HistoryPoint, raw)
                price = nearest_price(point.p)
            except (WireError, BadNumber):
                self.refused["$.history"] += 1
                continue
            history.append(OddsPoint(now, asset_id, venue_nanos(point.t), price))
        return sorted(history, key=lambda point: point.when_ns)

    async def clob_market(self, condition_id: str) -> ClobMarket:
        """Tick, minimum size and fees, newer than the catalogue's."""
        url = f"{self._base}/clob-markets/{quote(condition_id, safe='')}"
        return decode_as(ClobMarket, await self._reads.get(url, (), self._market_pace))

    async def listed_market(self, condition_id: str) -> ListedMarket:
        """The CLOB's long record of a market, which says which token won."""
        url = f"{self._base}/markets/{quote(condition_id, safe='')}"
        return decode_as(ListedMarket, await self._reads.get(url, (), self._market_pace))

    async def time_ns(self) -> Nanos:
        """The venue's clock, to the second."""
        body = await self._reads.get(f"{self._base}/time", (), self._market_pace)
        stamp = decode_as(int, body)
        if not 0 < stamp <= STAMP_MAX:
            raise WireError("$", "expected Unix seconds")
        return venue_nanos(stamp)
