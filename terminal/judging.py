"""The optional judge at work: what the desk wants to know goes out, its word comes in as an event.

Nothing waits for it: the linker's links stand until an answer comes, and stay where none does.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from feeds.clock import Clock
from feeds.events import Event, Judged, Opinion, Story
from feeds.judge import Judge, Key, NoAnswer, Question, Said
from feeds.markets import Market
from strategies.decisions import Consult
from strategies.linking import Candidate
from terminal.config.shape import JudgeConfig
from terminal.secret import SecretError, secret_of

log = logging.getLogger(__name__)

AT_ONCE_MAX = 4
WAITING_MAX = 16
"""Stories in line for the judge; beyond that they keep the linker's links."""
OUT_OF_REACH_MAX = 3
MINUTE_S = 60.0


@dataclass
class Counts:
    """Stories put to the judge, and what became of them."""

    asked: int = 0
    answered: int = 0
    refused: int = 0
    left_out: int = 0


def judge_of(
    settings: JudgeConfig, config: Path, env: Mapping[str, str] | None = None
) -> Judge | None:
    """The judge that the settings name, None for none; raises :class:`SecretError`.

    ``config`` is where the configuration file is kept, or would be: secrets lie beside it.
    """
    if not settings.url:
        return None
    key = None
    if settings.key:
        try:
            key = Key(secret_of(settings.key, config, env))
        except ValueError as error:
            raise SecretError(f"{settings.key}: {error}") from None
    return Judge(settings.url, settings.model, key, settings.timeout_s)


class Pace:
    """So many in any minute of the wall clock, and none while a pause lasts."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._taken: deque[float] = deque(maxlen=per_minute)
        self._pause_until = 0.0

    @property
    def paused(self) -> bool:
        """Whether nobody is to be asked for now."""
        return self._monotonic() < self._pause_until

    def wait_s(self) -> float:
        """Seconds until another may be asked."""
        now = self._monotonic()
        full = len(self._taken) == self._taken.maxlen
        free_at = self._taken[0] + MINUTE_S if full else now
        return max(0.0, free_at - now, self._pause_until - now)

    def take(self) -> bool:
        """Whether another may be asked now; then it counts."""
        if self.wait_s() > 0:
            return False
        self._taken.append(self._monotonic())
        return True

    def pause(self, seconds: float) -> None:
        """Ask nobody for so long."""
        self._pause_until = max(self._pause_until, self._monotonic() + seconds)


class _Waiting(NamedTuple):
    wanted: Consult
    story: Story
    markets: tuple[Market, ...]


class Judging:
    """Takes the desk's questions from the engine's loop and never blocks it."""

    def __init__(
        self,
        judge: Judge,
        settings: JudgeConfig,
        clock: Clock,
        hear: Callable[[Event], None],
        complain: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = Counts()
        self._judge, self._clock = judge, clock
        self._hear, self._complain = hear, complain
        self._pace = Pace(settings.stories_per_minute_max, monotonic)
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING_MAX)

    def consult(self, wanted: Consult, story: Story, markets: tuple[Market, ...]) -> None:
        """Put a story in line, or leave it to the linker when there are too many."""
        if self._waiting.full() or not self._pace.take():
            self.counts.left_out += 1
        else:
            self._waiting.put_nowait(_Waiting(wanted, story, markets))

    async def run(self) -> None:
        """Ask, a few at once, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE_MAX):
                    group.create_task(self._work())
        finally:
            await self._judge.aclose()

    async def _work(self) -> None:
        while True:
            waiting = await self._waiting.get()
            if self._pace.paused:
                self.counts.left_out += 1
                continue
            self.counts.asked += 1
            try:
                await self._ask(waiting)
            except Exception:  # the judge is a guest: it may not end the session
                log.exception("the judge of story %s", waiting.story.id)
                self.counts.refused += 1

    async def _ask(self, waiting: _Waiting) -> None:
        wanted, story, markets = waiting
        questions = [Question(market.question, market.description) for market in markets]
        said = await self._judge.ask(story.title, story.summary, questions)
        if isinstance(said, NoAnswer):
            self._refuse(said)
            return
        self.counts.answered += 1
        self._complain("")
        opinions = _opinions(said, [market.condition_id for market in markets])
        now_ns = self._clock.now_ns()
        self._hear(Judged(now_ns, story.id, wanted.revision, self._judge.model, opinions))

    def _refuse(self, none: NoAnswer) -> None:
        self.counts.refused += 1
        self._pace.pause(none.pause_s)
        log.warning("the judge: %s", none.sentence)
        self._complain(f"{none.sentence} The linker's own links stand.")


def _opinions(said: Sequence[Said], market_ids: Sequence[str]) -> tuple[Opinion, ...]:
    return tuple(Opinion(market_ids[one.id - 1], one.relevance, one.direction) for one in said)


class Bench:
    """The judge for many stories in a row, each waited for: `ftt link --judge`."""

    def __init__(self, judge: Judge, pace: Pace, runner: asyncio.Runner) -> None:
        self.counts = Counts()
        self.first_refusal = ""
        self._out_of_reach = 0
        self._judge, self._pace, self._runner = judge, pace, runner

    def ask(self, title: str, summary: str, candidates: tuple[Candidate, ...]) -> Judged | None:
        """One story's answer, at the pace that was set; None where there is none.

        An endpoint that is not there three times in a row is asked no more.
        """
        if self._out_of_reach >= OUT_OF_REACH_MAX:
            self.counts.left_out += 1
            return None
        questions = [Question(one.market.question, one.market.description) for one in candidates]
        said = self._runner.run(self._in_turn(title, summary, questions))
        self.counts.asked += 1
        if isinstance(said, NoAnswer):
            self.counts.refused += 1
            self._out_of_reach += said.pause_s > 0
            self.first_refusal = self.first_refusal or said.sentence
            return None
        self.counts.answered += 1
        self._out_of_reach = 0
        ids = [one.market.id for one in candidates]
        return Judged(0, "", 0, self._judge.model, _opinions(said, ids))

    async def _in_turn(
        self, title: str, summary: str, questions: Sequence[Question]
    ) -> tuple[Said, ...] | NoAnswer:
        while not self._pace.take():  # noqa: ASYNC110 - a minute passes without an event
            await asyncio.sleep(self._pace.wait_s())
        return await self._judge.ask(title, summary, questions)


@contextlib.contextmanager
def bench(judge: Judge, per_minute: int) -> Iterator[Bench]:
    """A judge that may be asked outside any loop."""
    with asyncio.Runner() as runner:
        try:
            yield Bench(judge, Pace(per_minute), runner)
        finally:
            runner.run(judge.aclose())
