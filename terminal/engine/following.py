"""Whose books the stream brings: what the desk wants first, then what faces look at."""

import asyncio
import logging
from collections.abc import Callable

from feeds.events import Event
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream
from strategies.market_data import MarketDataView

log = logging.getLogger(__name__)

HISTORIES_AT_ONCE_MAX = 4
HISTORY_PACE = 50
"""Points of a market's past that are heard before the streams have their turn."""


class Following:
    """Keeps the stream on what is wanted, and asks once for the past of what is new."""

    def __init__(
        self,
        stream: MarketStream,
        reader: ClobReader,
        market_data: MarketDataView,
        hear: Callable[[Event], None],
    ) -> None:
        self._stream, self._reader, self._market_data = stream, reader, market_data
        self._hear = hear
        self._desk: tuple[str, ...] = ()
        self._faces: dict[object, tuple[str, ...]] = {}
        self._asked: set[str] = set()
        self._histories: asyncio.Queue[str] = asyncio.Queue()

    def desk_wants(self, asset_ids: tuple[str, ...]) -> None:
        """Exactly these are wanted by the desk."""
        self._desk = asset_ids
        self._rewire()

    def focus(self, face: object, asset_ids: tuple[str, ...]) -> None:
        """What one face looks at; empty when it leaves."""
        if asset_ids:
            self._faces[face] = asset_ids
        else:
            self._faces.pop(face, None)
        self._rewire()

    def ask_again(self, asset_ids: tuple[str, ...]) -> None:
        """Subscribe to these anew, which brings fresh snapshots."""
        followed = [one for channel in self._stream.channels for one in channel.wanted]
        self._stream.set_wanted([one for one in followed if one not in asset_ids])
        self._rewire()

    def _rewire(self) -> None:
        wanted = dict.fromkeys(self._desk)
        for assets in self._faces.values():
            wanted.update(dict.fromkeys(assets))
        self._stream.set_wanted(wanted)
        for asset_id in wanted:
            self._want_history(asset_id)

    def _want_history(self, asset_id: str) -> None:
        """Ask once for the past of a market that is followed for the first time."""
        market = self._market_data.market_of(asset_id)
        if market is None or market.yes.asset_id != asset_id:
            return
        if asset_id not in self._asked:
            self._asked.add(asset_id)
            self._histories.put_nowait(asset_id)

    async def run(self) -> None:
        """Fetch the past of markets, a few at once, until cancelled."""
        slots = asyncio.Semaphore(HISTORIES_AT_ONCE_MAX)
        async with asyncio.TaskGroup() as group:
            while True:
                asset_id = await self._histories.get()
                await slots.acquire()
                task = group.create_task(self._fetch(asset_id))
                task.add_done_callback(lambda _: slots.release())

    async def _fetch(self, asset_id: str) -> None:
        try:
            points = await self._reader.prices_history(asset_id)
        except (VenueError, WireError) as error:
            log.warning("price history of %s: %s", asset_id, error)
            self._asked.discard(asset_id)
            return
        for number, point in enumerate(points):
            self._hear(point)
            if number % HISTORY_PACE == 0:
                await asyncio.sleep(0)  # the past can wait; a frame behind it can't
