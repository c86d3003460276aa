"""Keeps the catalogue: from the shelf at the start, then whole now and then, the followed often.

The shelf lets a session open with what an earlier one knew, marked as of when. A market that the
venue lists no more is asked for by name; one that it does not know twice running is paused, since
nobody can say that it is open, and is not put on the shelf again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from feeds.clock import Clock
from feeds.events import Event, MarketResolved, MarketSeen
from feeds.markets import SECOND, Market, MarketState, Nanos
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.catalogue_store import CatalogueStore, CatalogueStoreError
from feeds.polymarket.errors import VenueError, WireError
from strategies.desk import Desk

log = logging.getLogger(__name__)

WHOLE_EVERY_S = 900.0
"""How often the whole catalogue is read, in market time."""
FOLLOWED_EVERY_S = 60.0
"""How often followed markets are looked up, in market time: closing and resolution show there."""
AGAIN_S = 2.0
"""How soon what failed once is asked again, in wall time; then each time twice as late."""
AGAIN_S_MAX = 60.0
REFUSED_AGAIN_S = 60.0
"""The same from the second time on where the venue refused, or said what makes no sense: it was
not busy, and will say the same again."""
REFUSED_AGAIN_S_MAX = 900.0
SHELVED_A_TURN = 50
"""How many markets come from the shelf before the streams have their turn."""
MISSING_ASKED_MAX = 2_000
"""How many unlisted markets are asked for by name after one whole reading."""
_ALIVE = (MarketState.OPEN, MarketState.PAUSED)


class CatalogueSync:
    """Tells ``hear`` of markets as they are found, change and end. Runs until cancelled.

    ``as_of_ns`` is when the whole catalogue was last read, in this session or an earlier one.
    ``complain`` hears why the venue's catalogue can't be had just now, and "" when it can.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        desk: Desk,
        clock: Clock,
        hear: Callable[[Event], None],
        complain: Callable[[str], None],
        shelf: CatalogueStore | None = None,
        tags: tuple[str, ...] = (),
        markets_max: int = 50_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.as_of_ns: Nanos | None = None
        self._catalogue, self._desk, self._clock = catalogue, desk, clock
        self._hear, self._complain, self._shelf = hear, complain, shelf
        self._tags = tags or ("",)
        self._markets_max = markets_max
        self._sleep = sleep
        self._missed: set[str] = set()
        self._listed: set[str] = set()

    async def run(self) -> None:
        """From the shelf, then from the venue for ever."""
        next_whole = await self._open_shelf()
        failures = 0
        while True:
            try:
                if self._clock.now_ns() >= next_whole:
                    await self._read_whole()
                    next_whole = self._clock.now_ns() + int(WHOLE_EVERY_S * SECOND)
                else:
                    await self._refresh_followed()
            except (VenueError, WireError) as error:
                log.warning("catalogue: %s", error)
                self._complain(str(error))
                failures += 1
                await self._sleep(_pause_s(error, failures))
                continue
            failures = 0
            self._complain("")
            await self._clock.sleep(FOLLOWED_EVERY_S)

    # -- the shelf ----------------------------------------------------------------------------

    async def _open_shelf(self) -> Nanos:
        """Tell what an earlier session knew; when the whole is to be read from the venue."""
        now = self._clock.now_ns()
        try:
            kept = await asyncio.to_thread(self._shelf.load) if self._shelf else None
        except CatalogueStoreError as error:
            log.warning("%s", error)
            return now
        if kept is None:
            return now
        for number, market in enumerate(kept.markets[: self._markets_max]):
            self._see(market)
            if number % SHELVED_A_TURN == 0:
                await asyncio.sleep(0)
        if 0 <= now - kept.saved_ns < WHOLE_EVERY_S * SECOND:
            self._catalogue.cursors.update(kept.cursors)
        if not 0 < kept.as_of_ns <= now:
            return now
        self.as_of_ns = kept.as_of_ns
        # the desk has first to say what it follows, so that those are looked up without delay
        await asyncio.sleep(AGAIN_S)
        return kept.as_of_ns + int(WHOLE_EVERY_S * SECOND)

    async def save(self) -> None:
        """Put what is worth keeping on the shelf, and where an unfinished reading stands."""
        cursors = dict(self._catalogue.cursors)
        if self._shelf is None or (self.as_of_ns is None and not cursors):
            return
        try:
            await asyncio.to_thread(
                self._shelf.save,
                list(self._worth_keeping()),
                self.as_of_ns or 0,
                self._clock.now_ns(),
                cursors,
            )
        except CatalogueStoreError as error:
            log.warning("%s", error)

    def _worth_keeping(self) -> Iterable[Market]:
        held = {position.condition_id for position in self._desk.portfolio.open_positions()}
        for condition_id, market in self._desk.market_data.markets.items():
            alive = market.state in _ALIVE and condition_id not in self._missed
            if alive or condition_id in held:
                yield market

    # -- the venue ----------------------------------------------------------------------------

    async def _read_whole(self) -> None:
        resumed = bool(self._catalogue.cursors)
        self._listed = set()
        left = self._markets_max
        for tag in self._tags:
            async for batch in self._catalogue.markets(tag):
                for market in batch[:left]:
                    self._see(market)
                left -= len(batch)
                if left <= 0:
                    break
            if left <= 0:
                break
        # a reading that stopped because we have enough is over; the next begins at the beginning
        self._catalogue.cursors.clear()
        if not resumed:
            await self._ask_for_missing()
        self.as_of_ns = self._clock.now_ns()
        await self.save()

    async def _ask_for_missing(self) -> None:
        """What we hold to be alive and the listing did not name is asked for by name: shares of
        markets that ended while nobody looked first, since they wait for their payout."""
        known = self._desk.market_data.markets
        held = {position.condition_id for position in self._desk.portfolio.open_positions()}
        missing = [condition_id for condition_id in sorted(held) if condition_id not in known]
        missing += [
            condition_id
            for condition_id, market in known.items()
            if market.state in _ALIVE and condition_id not in self._listed
        ]
        await self._refresh(missing[:MISSING_ASKED_MAX])

    async def _refresh_followed(self) -> None:
        market_data = self._desk.market_data
        owners = {market_data.market_of(asset_id) for asset_id in self._desk.follow_list.assets}
        await self._refresh(sorted(market.condition_id for market in owners if market is not None))

    async def _refresh(self, condition_ids: list[str]) -> None:
        found = await self._catalogue.refresh(condition_ids)
        for market in found:
            self._see(market)
        known = {market.condition_id for market in found}
        for condition_id in condition_ids:
            if condition_id not in known:
                self._miss(condition_id)

    def _miss(self, condition_id: str) -> None:
        """The venue does not know this market; once may be its mistake, twice is an answer."""
        market = self._desk.market_data.markets.get(condition_id)
        if market and condition_id in self._missed and market.state is MarketState.OPEN:
            paused = msgspec.structs.replace(market, state=MarketState.PAUSED)
            self._hear(MarketSeen(self._clock.now_ns(), paused))
        self._missed.add(condition_id)

    def _see(self, market: Market) -> None:
        now = self._clock.now_ns()
        before = self._desk.market_data.markets.get(market.condition_id)
        self._listed.add(market.condition_id)
        self._missed.discard(market.condition_id)
        if before is None or _differs(market, before):
            self._hear(MarketSeen(now, market))
        if market.state is MarketState.RESOLVED and (
            before is None or before.state is not MarketState.RESOLVED
        ):
            self._hear(MarketResolved(now, market.condition_id, market.winner))


def _pause_s(error: VenueError | WireError, failures: int) -> float:
    """How long to leave the venue alone after so many failures in a row."""
    doubled = 2.0 ** min(failures - 1, 20)
    if isinstance(error, VenueError) and error.retryable:
        return max(min(AGAIN_S * doubled, AGAIN_S_MAX), error.retry_after_s or 0.0)
    if failures == 1:
        return AGAIN_S  # a place in the listing that it knows no more is forgotten by now
    return min(REFUSED_AGAIN_S * doubled / 2, REFUSED_AGAIN_S_MAX)


def _differs(market: Market, before: Market) -> bool:
    """Whether anything changed that a decision could depend on."""
    calm = msgspec.structs.replace(market, volume=before.volume, liquidity=before.liquidity)
    return calm != before
