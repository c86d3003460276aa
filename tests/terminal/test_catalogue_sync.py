"""The catalogue's keeper: a second start opens at once, and what vanished is not open for ever."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from feeds.clock import Clock
from feeds.events import Event, Fill, Liquidity
from feeds.markets import DOLLAR, SECOND, SHARE, MarketState, Nanos, Side
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.catalogue_store import CatalogueStore
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import Reads
from strategies.desk import Desk, DeskSettings
from terminal.config import load
from terminal.engine import catalogue_sync as keeping
from terminal.engine.assembly import assemble
from terminal.engine.catalogue_sync import WHOLE_EVERY_S, CatalogueSync
from terminal.engine.loop import Engine
from terminal.engine.session import Decided
from terminal.presenters.page import Page
from terminal.stores.paths import Paths
from tests.feeds.polymarket.loopback import Answer, Asked, http_server
from tests.feeds.polymarket.test_gamma import PLAIN

START: Nanos = 1_790_000_000 * SECOND


def raw(number: int, **changes: object) -> dict[str, Any]:
    ids = {"conditionId": f"0x{number:064x}", "clobTokenIds": f'["{number}1","{number}2"]'}
    return PLAIN | {"id": str(number), "slug": f"m-{number}"} | ids | changes


class Gamma:
    """Events of one market each, two a page. ``down``: every answer is a 503."""

    def __init__(self, *numbers: int) -> None:
        self.markets = {number: raw(number) for number in numbers}
        self.asked: list[Asked] = []
        self.breaks_at = ""
        self.breaks_with = 500

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        query = dict(asked.query)
        if asked.path == "/events/keyset":
            if query.get("after_cursor", "first") == self.breaks_at:
                return Answer(status=self.breaks_with)
            return self._page(int(query.get("after_cursor", "0")))
        wanted = {value for key, value in asked.query if key == "condition_ids"}
        closed = query["closed"] == "true"
        found = [
            one
            for one in self.markets.values()
            if one["conditionId"] in wanted and one["closed"] is closed
        ]
        return Answer(json.dumps({"markets": found}).encode())

    def _page(self, after: int) -> Answer:
        numbers = [n for n in sorted(self.markets) if n > after and not self.markets[n]["closed"]]
        events = [{"id": f"e{n}", "markets": [self.markets[n]]} for n in numbers[:2]]
        cursor = str(numbers[1]) if len(numbers) > 2 else None
        return Answer(json.dumps({"events": events, "next_cursor": cursor}).encode())

    def pages(self) -> list[str]:
        """The cursors of the listing's pages that were asked for."""
        queries = [dict(one.query) for one in self.asked if one.path == "/events/keyset"]
        return [query.get("after_cursor", "first") for query in queries]


class ManualClock(Clock):
    """Time that moves by what is slept, as often as ``turns`` allows."""

    def __init__(self, ns: Nanos = START) -> None:
        super().__init__()
        self.ns = ns
        self.turns = asyncio.Semaphore(0)
        self.resting = asyncio.Event()

    def now_ns(self) -> Nanos:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        self.resting.set()
        await self.turns.acquire()
        self.ns += int(seconds * SECOND)


class Rig:
    """A keeper between a loopback Gamma and a desk."""

    def __init__(self, catalogue: Catalogue, clock: ManualClock, shelf: CatalogueStore) -> None:
        self.clock, self.desk = clock, Desk(DeskSettings())
        self.naps: list[float] = []
        self._napped = asyncio.Semaphore(0)
        self.keeper = CatalogueSync(
            catalogue, self.desk, clock, self._hear, self.complain, shelf, sleep=self._nap
        )
        self.complaints: list[str] = []
        self._complained = asyncio.Event()

    def _hear(self, event: Event) -> None:
        self.desk.handle(event)

    async def _nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self._napped.release()
        await asyncio.sleep(0)

    async def napped(self, times: int) -> None:
        """Until the keeper has paused so often."""
        async with asyncio.timeout(10):
            for _ in range(times):
                await self._napped.acquire()

    def complain(self, sentence: str) -> None:
        self.complaints.append(sentence)
        self._complained.set()

    async def complaint(self) -> None:
        """Until the keeper has found something wrong."""
        async with asyncio.timeout(10):
            await self._complained.wait()

    async def rest(self) -> None:
        """Until the keeper has done what there was to do."""
        async with asyncio.timeout(10):
            await self.clock.resting.wait()

    async def turn(self, seconds: float = 0) -> None:
        """Let the keeper go round once more, ``seconds`` later than it meant to."""
        self.clock.resting.clear()
        self.clock.ns += int(seconds * SECOND)
        self.clock.turns.release()
        await self.rest()

    def state(self, number: int) -> MarketState:
        return self.desk.market_data.markets[f"0x{number:064x}"].state


@asynccontextmanager
async def kept(
    gamma: Gamma, shelf: CatalogueStore, now_ns: Nanos = START, past: Sequence[Fill] = ()
) -> AsyncIterator[Rig]:
    async def no_nap(seconds: float) -> None:
        await asyncio.sleep(0)

    async with http_server(gamma) as base, httpx.AsyncClient() as http:
        catalogue = Catalogue(Hosts.of(gamma=base), http, Reads(http, sleep=no_nap))
        rig = Rig(catalogue, ManualClock(now_ns), shelf)
        rig.desk.restore(past)
        task = asyncio.create_task(rig.keeper.run())
        try:
            yield rig
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled(), task.exception()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AGAIN_S", 0.0)


@pytest.fixture
def shelf(tmp_path: Path) -> CatalogueStore:
    return CatalogueStore(tmp_path / "catalogue.msgpack", "here")


async def test_a_second_start_within_the_quarter_hour_needs_no_download(
    shelf: CatalogueStore,
) -> None:
    gamma = Gamma(1, 2, 3)
    async with kept(gamma, shelf) as rig:
        await rig.rest()
        assert rig.keeper.as_of_ns == START
    gamma.asked.clear()
    async with kept(gamma, shelf, START + 60 * SECOND) as rig:
        await rig.rest()
        assert len(rig.desk.market_data.markets) == 3
        assert rig.keeper.as_of_ns == START, "marked as of when"
        assert gamma.pages() == []
        await rig.turn(WHOLE_EVERY_S)
        assert gamma.pages() == ["first", "2"]
        assert rig.keeper.as_of_ns == rig.clock.ns


async def test_what_the_venue_refuses_is_asked_again_ever_more_seldom(
    shelf: CatalogueStore,
) -> None:
    gamma = Gamma(1, 2, 3)
    gamma.breaks_at, gamma.breaks_with = "first", 422
    async with kept(gamma, shelf) as rig:
        await rig.napped(7)
        assert "422" in rig.complaints[0]
        gamma.breaks_at = ""
        await rig.rest()
        assert rig.complaints[-1] == ""
        assert len(rig.desk.market_data.markets) == 3
    assert rig.naps[1:7] == [60, 120, 240, 480, 900, 900]


async def test_what_may_pass_is_asked_again_sooner(
    shelf: CatalogueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "AGAIN_S", 2.0)
    gamma = Gamma(1)
    gamma.breaks_at, gamma.breaks_with = "first", 503
    async with kept(gamma, shelf) as rig:
        await rig.napped(8)
    assert rig.naps[:8] == [2, 4, 8, 16, 32, 60, 60, 60]


async def test_an_older_shelf_is_shown_at_once_and_read_again(shelf: CatalogueStore) -> None:
    async with kept(Gamma(1, 2, 3), shelf) as rig:
        await rig.rest()
    gamma = Gamma(1, 2, 3, 4)
    gamma.breaks_at = "first"
    async with kept(gamma, shelf, START + 86_400 * SECOND) as rig:
        await rig.complaint()
        assert len(rig.desk.market_data.markets) == 3
        assert rig.keeper.as_of_ns == START
        gamma.breaks_at = ""
        await rig.rest()
        assert len(rig.desk.market_data.markets) == 4
        assert rig.keeper.as_of_ns == rig.clock.ns
        assert rig.complaints[-1] == ""


async def test_a_market_that_vanished_is_paused_and_not_shelved_again(
    shelf: CatalogueStore,
) -> None:
    async with kept(Gamma(1, 2, 3), shelf) as rig:
        await rig.rest()
    gamma = Gamma(1, 3)
    async with kept(gamma, shelf, START + 86_400 * SECOND) as rig:
        await rig.rest()
        assert rig.state(2) is MarketState.OPEN, "once may be the venue's mistake"
        await rig.turn(WHOLE_EVERY_S)
        assert rig.state(2) is MarketState.PAUSED
        assert (rig.state(1), rig.state(3)) == (MarketState.OPEN, MarketState.OPEN)
        gamma.markets[2] = raw(2)
        await rig.turn(WHOLE_EVERY_S)
        assert rig.state(2) is MarketState.OPEN, "it was only away"
        del gamma.markets[2]
        await rig.turn(WHOLE_EVERY_S)
        await rig.turn(WHOLE_EVERY_S)
    left = shelf.load()
    assert left is not None
    assert [market.gamma_id for market in left.markets] == ["1", "3"]


async def test_a_market_that_ended_meanwhile_is_found_by_name(shelf: CatalogueStore) -> None:
    async with kept(Gamma(1, 2), shelf) as rig:
        await rig.rest()
    gamma = Gamma(1, 2)
    settled = {"closed": True, "outcomePrices": '["1","0"]', "umaResolutionStatus": "resolved"}
    gamma.markets[2] |= settled
    async with kept(gamma, shelf, START + 86_400 * SECOND) as rig:
        await rig.rest()
        assert rig.state(2) is MarketState.RESOLVED
        assert rig.desk.market_data.markets[f"0x{2:064x}"].winner == "21"


@pytest.mark.parametrize(("prices", "paid"), [('["1","0"]', 10), ('["0.5","0.5"]', 5)])
async def test_shares_of_a_market_that_ended_while_nobody_looked_are_paid_out(
    shelf: CatalogueStore, prices: str, paid: int
) -> None:
    gamma = Gamma(1, 2)
    gamma.markets[2] |= {"closed": True, "outcomePrices": prices, "umaResolutionStatus": "resolved"}
    held = Fill(
        1, "f", "o", f"0x{2:064x}", "21", Side.BUY, 4_000, 10 * SHARE, 0, Liquidity.MAKER
    )  # fmt: skip
    stranger = msgspec.structs.replace(held, id="g", condition_id="0x3", asset_id="31")
    async with kept(gamma, shelf, past=(held, stranger)) as rig:
        await rig.rest()
        money = rig.desk.portfolio
        assert money.held("21") == 0
        assert money.realised == (paid - 4) * DOLLAR
        assert money.held("31") == 10 * SHARE, "the venue does not know its market"


async def test_a_reading_that_was_broken_off_goes_on_where_it_stopped(
    shelf: CatalogueStore,
) -> None:
    gamma = Gamma(1, 2, 3, 4, 5)
    gamma.breaks_at = "4"
    async with kept(gamma, shelf) as rig:
        await rig.complaint()
        assert len(rig.desk.market_data.markets) == 4
        await rig.keeper.save()
    gamma.breaks_at = ""
    gamma.asked.clear()
    async with kept(gamma, shelf, START + SECOND) as rig:
        await rig.rest()
        assert gamma.pages() == ["4"]
        assert len(rig.desk.market_data.markets) == 5


async def test_a_damaged_shelf_costs_only_the_download(
    shelf: CatalogueStore, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.path.write_bytes(b"FTTSHELF\x01damage")
    async with kept(Gamma(1, 2), shelf) as rig:
        await rig.rest()
        assert len(rig.desk.market_data.markets) == 2
    assert "the catalogue is read anew" in caplog.text
    assert shelf.load() is not None


def _paths(home: Path) -> Paths:
    return Paths.find({"FTT_HOME": str(home)})


async def _engine(base: str, home: Path, setting: str = "") -> Engine:
    """An engine on a venue of which only Gamma may be there."""
    config = home / "config.toml"
    home.mkdir(exist_ok=True)
    config.write_text(
        f'[venue]\nname = "here"\ngamma = "{base}"\nclob = "http://127.0.0.1:1"\n'
        'data = "http://127.0.0.1:1"\nws_market = "ws://127.0.0.1:1/ws/market"\n'
        f"tags = []\n{setting}[account]\nstarting_cash = 100\n",
        encoding="utf-8",
    )
    made = load(config).config
    return await asyncio.to_thread(assemble, made, _paths(home), to_stdout=False)


async def _run_until(engine: Engine, markets: int) -> None:
    stop = asyncio.Event()

    def look(_: Decided) -> None:
        if (
            len(engine.session.desk.market_data.markets) >= markets
            and engine.state.catalogue_as_of_ns
        ):
            stop.set()

    engine.listeners.append(look)
    async with asyncio.timeout(20):
        await engine.run(stop)


async def test_the_terminal_opens_with_what_it_knew_before_any_answer(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with http_server(Gamma(1, 2, 3)) as base:
        first = await _engine(base, home)
        await _run_until(first, markets=3)
    second = await _engine(base, home)
    await _run_until(second, markets=3)
    view = Page(second.state).status.view()
    assert view.markets == 3
    assert view.catalogue_as_of_ns == first.state.catalogue_as_of_ns
