"""Beats go out when they are due, faults are told, and stopping is clean."""

import asyncio
import json
import time
from collections.abc import Callable

import pytest

from feeds.markets import SECOND
from feeds.polymarket.account import heartbeat_task
from feeds.polymarket.account.heartbeat_task import ChainState, HeartbeatTask
from feeds.polymarket.errors import VenueError

from .test_against_practice import practice


class Venue:
    """Answers beats as it is told to; its clock goes on by ``step_s`` whenever it is read."""

    def __init__(self, step_s: int = 1) -> None:
        self.now, self.step = 1_790_000_000 * SECOND, step_s * SECOND
        self.bodies: list[bytes] = []
        self.heard: list[tuple[ChainState, str]] = []
        self.answer: Callable[[int], tuple[int, bytes]] = lambda count: (
            200,
            json.dumps({"heartbeat_id": f"id {count}"}).encode(),
        )
        self.news = asyncio.Event()

    def now_ns(self) -> int:
        self.now += self.step
        return self.now

    async def post(self, body: bytes) -> tuple[int, bytes]:
        self.bodies.append(body)
        self.news.set()
        return self.answer(len(self.bodies))

    def hear(self, state: ChainState, reason: str) -> None:
        self.heard.append((state, reason))
        self.news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await self.news.wait()
                self.news.clear()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_task, "TICK_S", 0.001)
    monkeypatch.setattr(heartbeat_task, "POST_MAX_S", 0.05)


async def test_beats_are_chained_and_stopping_ends_them() -> None:
    venue = Venue()
    task = HeartbeatTask(venue.post, venue.now_ns, venue.hear)
    running = asyncio.create_task(task.run())
    await venue.until(lambda: len(venue.bodies) >= 3)
    task.stop()
    await asyncio.wait_for(running, 5)
    sent = [json.loads(body)["heartbeat_id"] for body in venue.bodies[:3]]
    assert sent == ["", "id 1", "id 2"]
    assert venue.heard == [(ChainState.KEPT, ""), (ChainState.OFF, "")]


async def test_a_venue_that_cannot_be_asked_is_told_and_then_the_chain_lapses() -> None:
    venue = Venue()

    def fails_later(count: int) -> tuple[int, bytes]:
        if count == 1:
            return 200, b'{"heartbeat_id":"one"}'
        raise VenueError("nobody answers", retryable=True)

    venue.answer = fails_later
    task = HeartbeatTask(venue.post, venue.now_ns, venue.hear)
    running = asyncio.create_task(task.run())
    await venue.until(lambda: any(state is ChainState.LAPSED for state, _ in venue.heard))
    task.stop()
    await asyncio.wait_for(running, 5)
    assert venue.heard[0] == (ChainState.KEPT, "")
    assert (ChainState.LAPSED, "no answer came") in venue.heard
    assert venue.heard[-1][0] is ChainState.OFF


async def test_a_beat_that_is_never_answered_is_lost_and_sent_again() -> None:
    venue = Venue()

    async def hangs_first(body: bytes) -> tuple[int, bytes]:
        told = await venue.post(body)
        if len(venue.bodies) == 1:
            await asyncio.Event().wait()
        return told

    task = HeartbeatTask(hangs_first, venue.now_ns, venue.hear)
    running = asyncio.create_task(task.run())
    await venue.until(lambda: (ChainState.KEPT, "") in venue.heard)
    task.stop()
    await asyncio.wait_for(running, 5)
    assert venue.heard[0] == (ChainState.REFUSED, "no answer came")
    assert len(venue.bodies) >= 2


async def test_a_mistake_in_posting_ends_the_run_loudly_with_the_chain_off() -> None:
    venue = Venue()

    def mistaken(count: int) -> tuple[int, bytes]:
        raise KeyError(count)

    venue.answer = mistaken
    task = HeartbeatTask(venue.post, venue.now_ns, venue.hear)
    with pytest.raises(KeyError):
        await task.run()
    assert not task.chain.on


async def test_the_practice_venue_takes_the_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polymarket", reason="the official client is not installed")
    from tests.conformance.drivers import SdkDriver

    monkeypatch.setattr(heartbeat_task, "POST_MAX_S", 5.0)
    venue = Venue(step_s=0)
    started = time.time_ns()
    # five of our seconds in each of the wall's, so that beats come quickly
    fast = lambda: started + (time.time_ns() - started) * 5  # noqa: E731
    async with practice() as where:
        driver = await SdkDriver.open(where, where["wallets"][0])

        async def post(body: bytes) -> tuple[int, bytes]:
            taken, known = await driver.beat(json.loads(body)["heartbeat_id"])
            venue.bodies.append(body)
            venue.news.set()
            return 200 if taken else 400, json.dumps({"heartbeat_id": known}).encode()

        task = HeartbeatTask(post, fast, venue.hear)
        running = asyncio.create_task(task.run())
        try:
            await venue.until(lambda: len(venue.bodies) >= 3)
        finally:
            task.stop()
            await asyncio.wait_for(running, 10)
            await driver.close()
    assert venue.heard == [(ChainState.KEPT, ""), (ChainState.OFF, "")]
