"""The models at work beside a loop: no story is ever left waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from feeds.clock import Clock
from feeds.events import Event, Meant
from feeds.markets import MarketState
from feeds.semantic import models
from strategies.decisions import Ponder
from strategies.linking import LinkableMarket
from strategies.linking.lines import StoryLine
from terminal.engine.semantics import Bench, Semantics
from tests.strategies.kit import NOON, market, story

WITHIN_S = 30.0


class Desk:
    """Hears what comes in, and can wait for it."""

    def __init__(self, cache: Path) -> None:
        self.heard: list[Meant] = []
        self.complaints: list[str] = []
        self._came = asyncio.Event()
        self.semantics = Semantics(cache, Clock(), self._hear, self.complaints.append)

    def _hear(self, event: Event) -> None:
        assert isinstance(event, Meant)
        self.heard.append(event)
        self._came.set()

    async def answer(self, id: str, title: str, listed: tuple[str, ...] = ()) -> Meant:
        """Ask about a story and wait for the answer."""
        self.semantics.ponder(Ponder(NOON, id, 0, listed), story(id, title=title))
        async with asyncio.timeout(WITHIN_S):
            while not any(said.story_id == id for said in self.heard):
                self._came.clear()
                await self._came.wait()
        return next(said for said in self.heard if said.story_id == id)

    async def meant(self, title: str) -> Meant:
        """Ask until the questions have their vectors."""
        for attempt in range(10_000):
            said = await self.answer(f"{title} {attempt}", title)
            if said.near:
                return said
            await asyncio.sleep(0)
        raise AssertionError("it never began to answer")


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def while_running(desk: Desk, ask: Callable[[], Awaitable[Meant]]) -> Meant:
    """What was asked for, with the models at work meanwhile."""
    task = asyncio.create_task(desk.semantics.run())
    try:
        return await ask()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_story_is_answered_with_nothing_until_every_question_has_its_vector(
    desk: Desk,
) -> None:
    desk.semantics.see(market("a"))
    early = await while_running(desk, lambda: desk.answer("s", "names a"))
    assert early.near == ()
    assert (early.story_id, early.revision) == ("s", 0)


async def test_a_market_that_is_over_is_near_no_more(desk: Desk) -> None:
    a, b = market("a"), market("b")
    desk.semantics.see(a)
    desk.semantics.see(b)

    async def both() -> Meant:
        said = await desk.meant("names a")
        assert {one.market_id for one in said.near} == {"a", "b"}
        desk.semantics.see(msgspec.structs.replace(b, state=MarketState.CLOSED))
        while True:
            said = await desk.meant("names b")
            if {one.market_id for one in said.near} == {"a"}:
                return said

    said = await while_running(desk, both)
    assert [one.market_id for one in said.near] == ["a"]


async def test_models_that_fail_leave_no_story_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "NEEDS", ("no_such_package",))
    said = await while_running(desk, lambda: desk.answer("s", "names a"))
    assert said.near == ()
    (complaint,) = desk.complaints
    assert "plain words" in complaint
    assert "no_such_package" in complaint
    assert desk.semantics.state == "off"


def test_a_story_of_a_file_is_near_what_was_open_on_its_day(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    day = 86_400 * 10**9
    for id, first in (("older", 10), ("younger", 20)):
        question = "Will NVIDIA release a new GPU?"
        bench.put(LinkableMarket(id=id, question=question, created_ns=first * day))
    near = bench.near(StoryLine("s", "Nvidia unveils a graphics card", "", 15 * day), ())
    assert [one.market_id for one in near] == ["older"]
