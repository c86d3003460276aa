"""The catalogue: Gamma's events and markets, page by page."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from hashlib import sha1
from typing import TypeVar
from urllib.parse import quote

import httpx
from msgspec import Raw

from feeds.markets import Market
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.gamma import Refused, market_from_gamma, with_clob_details
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import Bucket, Params, Reads
from feeds.polymarket.units import text_of
from feeds.polymarket.wire import (
    EventsPage,
    GammaEvent,
    GammaMarket,
    MarketsPage,
    decode_as,
)

__all__ = ["Catalogue", "Refused", "market_from_gamma", "with_clob_details"]

EVENTS_A_PAGE = 100
"""The venue allows 500; smaller pages show the first markets sooner."""
PAGES_MAX = 1_000
CURSOR_CHARS_MAX = 4_000
CONDITIONS_A_REQUEST_MAX = 100
REFUSALS_KEPT_MAX = 100
_Item = TypeVar("_Item")


class Catalogue:
    """Reads the venue's markets. ``refused`` counts what was left out, by field."""

    def __init__(self, hosts: Hosts, http: httpx.AsyncClient, reads: Reads | None = None) -> None:
        self._base = hosts.gamma
        self._reads = reads or Reads(http)
        # half the published rates: 500 event and 300 market requests in 10 s
        self._event_pace = Bucket(rate=25, burst=10)
        self._market_pace = Bucket(rate=15, burst=10)
        self.cursors: dict[str, str] = {}
        """Where the reading of each tag stands that has not come to its end."""
        self.refused: Counter[str] = Counter()
        self.refusals: dict[str, Refused] = {}

    async def markets(
        self, tag_slug: str = "", *, closed: bool = False, pages_max: int = PAGES_MAX
    ) -> AsyncIterator[list[Market]]:
        """All markets of all events, a batch a page; of one tag if ``tag_slug`` is given.

        Ends at the last page, at one that brings nothing new, and after ``pages_max`` pages.
        A reading that was broken off goes on where ``cursors`` says that it stopped.
        Raises ``VenueError`` or ``WireError`` when a page cannot be had.
        """
        seen: set[str] = set()
        key = f"closed {tag_slug}" if closed else tag_slug
        for _ in range(pages_max):
            page = await self._page_after(tag_slug, key, closed)
            batch, fresh = await self._new_markets(page, seen)
            if batch:
                yield batch
            cursor = text_of(page.next_cursor, CURSOR_CHARS_MAX)
            if not cursor or not fresh:
                break
            self.cursors[key] = cursor
        self.cursors.pop(key, None)

    async def _page_after(self, tag_slug: str, key: str, closed: bool) -> EventsPage:
        cursor = self.cursors.get(key, "")
        try:
            return await self._events_page(tag_slug, closed, cursor)
        except (VenueError, WireError) as error:
            if not isinstance(error, VenueError) or not error.retryable:
                # perhaps the venue knows this place no more: next time begin at the beginning
                self.cursors.pop(key, None)
            raise

    async def _events_page(self, tag_slug: str, closed: bool, cursor: str) -> EventsPage:
        params = [("limit", str(EVENTS_A_PAGE)), ("closed", _flag(closed))]
        if tag_slug:
            params.append(("tag_slug", tag_slug))
        if cursor:
            params.append(("after_cursor", cursor))
        url = f"{self._base}/events/keyset"
        return decode_as(EventsPage, await self._reads.get(url, params, self._event_pace))

    async def _new_markets(self, page: EventsPage, seen: set[str]) -> tuple[list[Market], bool]:
        """The page's markets that were not seen before, and whether it brought any new event."""
        batch: list[Market] = []
        fresh = False
        for raw_event in page.events:
            event = self._shape(GammaEvent, raw_event)
            name = f"event {_name_of(event, raw_event)}" if event is not None else ""
            if event is None or name in seen:
                continue
            fresh = True
            seen.add(name)
            # a page holds hundreds of markets: let the streams have their turn between events
            await asyncio.sleep(0)
            for market in self._made(event.markets or [], event):
                if market.condition_id not in seen:
                    seen.add(market.condition_id)
                    batch.append(market)
        return batch, fresh

    def _made(self, raws: Iterable[Raw], event: GammaEvent | None) -> list[Market]:
        shapes = (self._shape(GammaMarket, raw) for raw in raws)
        made = [market_from_gamma(shape, event) for shape in shapes if shape is not None]
        for refusal in made:
            if isinstance(refusal, Refused):
                self._refuse(refusal)
        return [market for market in made if isinstance(market, Market)]

    def _shape(self, shape: type[_Item], raw: Raw) -> _Item | None:
        try:
            return decode_as(shape, raw)
        except WireError as error:
            self._refuse(Refused(error.path, error.reason))
            return None

    def _refuse(self, refusal: Refused) -> None:
        self.refused[refusal.field] += 1
        if len(self.refusals) < REFUSALS_KEPT_MAX:
            self.refusals.setdefault(refusal.field, refusal)

    async def market_by_slug(self, slug: str) -> Market | Refused | None:
        """One market; None where there is no such slug, ``Refused`` where we cannot use it."""
        url = f"{self._base}/markets/slug/{_segment(slug)}"
        try:
            body = await self._reads.get(url, [("include_tag", "true")], self._market_pace)
        except VenueError as error:
            if error.status == 404:
                return None
            raise
        return market_from_gamma(decode_as(GammaMarket, body))

    async def refresh(self, condition_ids: Iterable[str]) -> list[Market]:
        """The newest word on these markets, open or closed; unknown ones are left out."""
        wanted = list(dict.fromkeys(condition_ids))
        found: dict[str, Market] = {}
        for start in range(0, len(wanted), CONDITIONS_A_REQUEST_MAX):
            chunk = wanted[start : start + CONDITIONS_A_REQUEST_MAX]
            # the listing shows open markets unless asked for closed ones
            for closed in (False, True):
                missing = [one for one in chunk if one not in found]
                if missing:
                    markets = await self._by_condition(missing, closed)
                    found |= {market.condition_id: market for market in markets}
        return [found[one] for one in wanted if one in found]

    async def _by_condition(self, condition_ids: list[str], closed: bool) -> list[Market]:
        params: Params = [
            ("limit", str(CONDITIONS_A_REQUEST_MAX)),
            ("closed", _flag(closed)),
            ("include_tag", "true"),
            *(("condition_ids", one) for one in condition_ids),
        ]
        url = f"{self._base}/markets/keyset"
        page = decode_as(MarketsPage, await self._reads.get(url, params, self._market_pace))
        return self._made(page.markets, None)


def _name_of(event: GammaEvent, raw: Raw) -> str:
    """What an event is known by while pages are read: its id, or else all that was said of it."""
    return text_of(event.id) or sha1(bytes(raw), usedforsecurity=False).hexdigest()


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _segment(slug: str) -> str:
    """A slug as one segment of a path."""
    return quote(slug, safe="")
