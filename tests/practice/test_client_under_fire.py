"""Our own client survives what the practice venue's fault deck does to its stream."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from feeds.clock import Clock
from feeds.events import BookState
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream
from practice.api.market_stream import Freeze
from practice.clock import MINUTE, SECOND
from practice.faults.deck import NO_FAULTS, Deck, Faults
from strategies.risk import Reason
from tests.feeds.polymarket.test_stream import Desk
from tests.practice.underfire import STEP, Lab
from tests.practice.worlds import catalogue, market, story, world

REPO = Path(__file__).parents[2]
FIRE = {
    f"{name}_per_mille": 50
    for name in ("drop_frame", "double_frame", "reorder_frame", "malformed_frame")
}
SEEDS_CI, SEEDS = 8, 1_000


def lab(seed: int = 0, **faults: int) -> Lab:
    shown = catalogue(market("moved", activity=4.0), market("still", activity=2.0))
    return Lab(world(story(90, moved=1.0), seed=seed, markets=shown), Faults(seed=seed, **faults))  # type: ignore[arg-type]


def under_fire(seed: int) -> Lab:
    """Five minutes of lost, doubled, reordered and malformed frames, then peace."""
    here = lab(seed, **FIRE)
    here.live(5 * MINUTE)
    struck = here.venue.deck.counts
    assert min(struck[name.removesuffix("_per_mille")] for name in FIRE) > 0
    here.venue.deck.set(NO_FAULTS)
    here.venue.stream.new_faults()
    here.live(SECOND)
    here.snapshots.clear()
    return here


def one_resync_makes_it_right(seed: int) -> None:
    """From the first whole book after the fire on, a book is the venue's for good."""
    here = under_fire(seed)
    repeat = Deck(Faults(seed=seed, **FIRE)).command(seed)  # type: ignore[arg-type]
    resynced: set[str] = set()
    for _ in range(3 * MINUTE // STEP):
        here.step()
        resynced |= here.snapshots
        wrong = [asset for asset in resynced if not here.right(asset)]
        assert not wrong, f"seed {seed}: {wrong} after a whole book; the venue's part: {repeat}"
    here.cut()
    here.live(5 * SECOND)
    wrong = [asset for asset in here.assets if not here.right(asset)]
    assert not wrong, f"seed {seed}: {wrong} after a cut; the venue's part: {repeat}"
    assert all(here.market_data.tradeable(asset) for asset in here.assets)


@pytest.mark.parametrize("seed", range(SEEDS_CI))
def test_after_the_fire_the_book_is_the_venues_within_one_resync(seed: int) -> None:
    one_resync_makes_it_right(seed)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("hundred", range(SEEDS // 100))
def test_a_thousand_fires_end_with_the_venues_book(hundred: int) -> None:
    for seed in range(1_000 + hundred * 100, 1_100 + hundred * 100):
        one_resync_makes_it_right(seed)


def test_without_faults_the_clients_book_is_the_venues_at_every_step() -> None:
    here = lab()
    here.live(SECOND)
    for _ in range(MINUTE // STEP):
        here.step()
        assert all(here.right(asset) for asset in here.assets)
        assert here.cuts == 0


def test_one_frozen_asset_is_noticed_in_thirty_seconds_and_trading_it_is_refused() -> None:
    here = lab()
    here.live(10 * SECOND)
    frozen, other = here.assets[0], here.assets[2]
    assert here.denial(frozen) is None
    here.venue.stream.set_freeze(Freeze(assets=frozenset({frozen}), lasting=True))
    here.live(30 * SECOND)
    assert not here.market_data.states[frozen].fit
    denial = here.denial(frozen)
    assert denial is not None
    assert denial.reason is Reason.BOOK
    assert here.denial(other) is None
    assert here.cuts == 0  # PONG went on all the while


def test_a_frozen_asset_stays_refused_until_the_stream_speaks_of_it_again() -> None:
    here = lab()
    here.live(10 * SECOND)
    frozen = here.assets[0]
    here.venue.stream.set_freeze(Freeze(assets=frozenset({frozen}), lasting=True))
    here.live(31 * SECOND)
    for _ in range(3 * MINUTE // STEP):
        here.step()
        assert here.denial(frozen) is not None
    assert here.market_data.states[frozen] in {
        BookState.FROZEN,
        BookState.STALE,
        BookState.RESYNCING,
    }
    assert here.channel.reconnects > 0
    here.venue.stream.set_freeze(Freeze())
    here.live(3 * MINUTE)
    assert here.denial(frozen) is None
    assert here.right(frozen)


def test_a_half_open_socket_is_given_up_and_replaced() -> None:
    here = lab()
    here.live(10 * SECOND)
    here.venue.stream.half_open()
    here.live(45 * SECOND)
    assert here.cuts == 1
    here.live(10 * SECOND)
    assert all(here.right(asset) and here.denial(asset) is None for asset in here.assets)


@pytest.mark.parametrize("seed", range(3))
def test_freezes_and_cuts_by_chance_leave_no_wrong_book_behind(seed: int) -> None:
    here = lab(seed, freeze_per_mille=200, cut_per_mille=200, stale_snapshot_per_mille=200)
    here.live(10 * MINUTE)
    assert here.venue.deck.counts["freeze"] > 0
    assert here.cuts > 0
    here.venue.deck.set(NO_FAULTS)
    here.venue.stream.new_faults()
    here.cut()
    here.live(2 * MINUTE)
    assert all(here.right(asset) for asset in here.assets)
    assert all(here.denial(asset) is None for asset in here.assets)


def test_a_tick_change_in_the_middle_voids_the_book_and_the_next_one_is_right() -> None:
    here = lab()
    here.live(10 * SECOND)
    here.venue.control.retick_asset(here.assets[0])
    here.live(5 * SECOND)
    assert all(here.right(asset) for asset in here.assets)
    market_seen = here.market_data.market_of(here.assets[0])
    assert market_seen is not None
    assert market_seen.tick_size == 10


# -- over real sockets -----------------------------------------------------------------------------


@asynccontextmanager
async def practice(*options: str) -> AsyncIterator[dict[str, Any]]:
    """Run the practice venue as a program of its own; gives the addresses it prints."""
    venue = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "practice", "--json", "--seed", "7", *options,
        cwd=REPO, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert venue.stdout is not None
    try:
        async with asyncio.timeout(30):
            yield json.loads(await venue.stdout.readline())
    finally:
        venue.terminate()
        await venue.wait()
        await venue.stdout.read()


async def test_over_sockets_fire_ends_with_the_venues_own_books() -> None:
    """Client and venue whole, faults set by flags, sixty times as fast as the wall."""
    flags = [
        part for name in FIRE for part in ("--fault", f"{name.removesuffix('_per_mille')}=0.05")
    ]
    desk = Desk()
    async with practice("--speed", "60", *flags) as told, httpx.AsyncClient() as http:
        hosts = Hosts.of(**{key: told[key] for key in ("gamma", "clob", "data", "ws_market")})
        clock = Clock(told["speed"], told["anchor_ns"])
        reader = ClobReader(hosts, http, clock)
        page = (await http.get(f"{told['gamma']}/markets/keyset?limit=10")).json()["markets"]
        wanted = [asset for row in page for asset in _assets(row)]
        stream = MarketStream(hosts, clock, desk.hear, desk.hear_health, reader)
        stream.set_wanted(wanted)
        task = asyncio.create_task(stream.run())
        try:
            await desk.until(lambda: len(desk.events) > 500, seconds=20)
            struck = (await http.get(f"{told['control']}/faults")).json()["counts"]
            assert sum(struck.values()) > 20
            await http.post(f"{told['control']}/fault", json={"clear": True})
            await http.post(f"{told['control']}/fault", json={"cut": True})
            await _all_right(desk, reader, wanted)
            assert not task.done()
            audit = (await http.get(f"{told['control']}/audit")).json()
            assert audit["violations"] == []
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _assets(row: dict[str, Any]) -> list[str]:
    ids = row["positionIds"] if row["version"] == "v2" else json.loads(row["clobTokenIds"])
    assert isinstance(ids, list)
    return ids


async def _all_right(desk: Desk, reader: ClobReader, wanted: list[str]) -> None:
    """Each book equals REST's at some moment: between two of the world's changes."""
    missing = set(wanted)
    async with asyncio.timeout(20):
        while missing:
            for asset, book in (await reader.books(missing)).items():
                streamed = desk.books.get(asset)
                if streamed and (streamed.bids, streamed.asks) == (
                    dict(book.bids),
                    dict(book.asks),
                ):
                    missing.discard(asset)
