"""The models of the extra ``semantic`` at work: beside the engine's loop, in a thread apart.

What the desk wants to know of a story goes out, the answer comes in as an event. Stories go before
questions that still lack a vector; until every question has one, and whenever the models fail,
stories are answered at once with nothing, and the desk links them by plain words.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from feeds.clock import Clock
from feeds.events import Event, Meant, Near, Story
from feeds.markets import SECOND, Market, MarketState
from feeds.semantic.meaning import ALWAYS, Meaning
from feeds.semantic.models import Models, SemanticError
from feeds.semantic.vectors import VectorCache
from strategies.decisions import Ponder
from strategies.linking import LinkableMarket
from strategies.linking.lines import StoryLine

log = logging.getLogger(__name__)

FOLDER = "vectors"
"""The folder of the state in which questions' vectors are kept."""
SLICE = 32
"""Questions given vectors between two looks at waiting stories: a quarter of a second."""
STORIES_MAX = 256
DAY_NS = 86_400 * SECOND


class _Wanted(NamedTuple):
    ponder: Ponder
    story: Story


class Semantics:
    """Takes the desk's questions from the engine's loop and never blocks it."""

    def __init__(
        self,
        cache: Path,
        clock: Clock,
        hear: Callable[[Event], None],
        complain: Callable[[str], None],
    ) -> None:
        self.state = "starting"
        self.answered = 0
        self._cache, self._clock = cache, clock
        self._hear, self._complain = hear, complain
        self._wanted: deque[_Wanted] = deque()
        self._changes: dict[str, str | None] = {}
        self._meaning: Meaning | None = None
        self._wake = asyncio.Event()

    def see(self, market: Market) -> None:
        """Take a market's question in, or forget it when it is over."""
        over = market.state in (MarketState.CLOSED, MarketState.RESOLVED)
        self._changes[market.condition_id] = None if over else market.question
        self._wake.set()

    def ponder(self, wanted: Ponder, story: Story) -> None:
        """Put a story in line; one too many is answered with nothing."""
        if self.state == "off" or len(self._wanted) >= STORIES_MAX:
            self._answer(wanted, ())
        else:
            self._wanted.append(_Wanted(wanted, story))
            self._wake.set()

    async def run(self) -> None:
        """Load the models and answer until cancelled; a failure is said, and nothing waits."""
        with ThreadPoolExecutor(1, thread_name_prefix="meaning") as thread:
            try:
                await self._work(thread)
            except Exception as error:  # a guest: it may not end the session
                log.exception("the models of meaning")
                why = str(error) if isinstance(error, SemanticError) else type(error).__name__
                self._complain(f"stories are linked by plain words: {why}")
        self.state = "off"
        while self._wanted:
            self._answer(self._wanted.popleft().ponder, ())
        await asyncio.Event().wait()

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        self._meaning = meaning = await loop.run_in_executor(thread, _load, self._cache)
        self.state = "reading questions"
        while True:
            await self._wake.wait()
            changes, self._changes = self._changes, {}
            _apply(meaning, changes)
            while self._wanted:
                wanted = self._wanted[0]
                ready = self.state == "on"
                near = await loop.run_in_executor(thread, _near, meaning, wanted) if ready else ()
                self._wanted.popleft()
                self._answer(wanted.ponder, near)
            if meaning.waiting:
                await loop.run_in_executor(thread, meaning.embed, SLICE)
            elif not self._changes and not self._wanted:
                self.state = "on" if len(meaning) else self.state
                self._wake.clear()

    def _answer(self, wanted: Ponder, near: tuple[Near, ...]) -> None:
        self.answered += bool(near)
        self._hear(Meant(self._clock.now_ns(), wanted.story_id, wanted.revision, near))


class Bench:
    """The models for many stories in a row, each waited for: `ftt link`."""

    def __init__(self, cache: Path) -> None:
        self._meaning = _load(cache)

    def put(self, market: LinkableMarket) -> None:
        """Take a question in, open from its first day to its last."""
        first = -ALWAYS if market.created_ns is None else market.created_ns // DAY_NS
        last = ALWAYS if market.end_ns is None else market.end_ns // DAY_NS
        self._meaning.put(market.id, market.question, first, last)

    def near(self, story: StoryLine, market_ids: tuple[str, ...]) -> tuple[Near, ...]:
        """What one story means; the questions get their vectors first."""
        while self._meaning.waiting:
            self._meaning.embed(SLICE)
        day = None if story.published_ns is None else story.published_ns // DAY_NS
        return self._meaning.near(story.title, story.summary, market_ids, day)


def _load(cache: Path) -> Meaning:
    models = Models()
    return Meaning(models, VectorCache(cache / f"{models.encoder_checksum}.vectors", models.size))


def _apply(meaning: Meaning, changes: dict[str, str | None]) -> None:
    for market_id, question in changes.items():
        if question is None:
            meaning.drop(market_id)
        else:
            meaning.put(market_id, question)


def _near(meaning: Meaning, wanted: _Wanted) -> tuple[Near, ...]:
    story = wanted.story
    return meaning.near(story.title, story.summary, wanted.ponder.market_ids)
