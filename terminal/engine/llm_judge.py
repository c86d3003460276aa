"""The optional judge at work: what the desk wants to know goes out, its word comes in as an event.

Nothing waits for it: the linker's links stand until an answer comes, and stay where none does. What
it costs is counted, and bounded by the minute and by the day.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from feeds.clock import Clock
from feeds.events import Event, Grade, Judged, Opinion, Story
from feeds.llm import Asked, Judge, Key, Spent
from feeds.llm_prompt import GUIDELINE_SHA, NoAnswer, Question, Said, Told, day
from feeds.markets import Market, Nanos
from strategies.decisions import Consult
from strategies.linking import Candidate
from strategies.linking.lines import StoryLine
from terminal.config.shape import JudgeConfig
from terminal.stores.secret import SecretError, secret_of

log = logging.getLogger(__name__)

AT_ONCE_MAX = 4
WAITING_MAX = 16
"""Stories in line for the judge; beyond that they keep the linker's links."""
OUT_OF_REACH_MAX = 3
MINUTE_S = 60.0
DAY_MINUTES = 24 * 60


@dataclass
class Counts:
    """Stories put to the judge, what became of them, and what that cost.

    ``estimated`` is how many of them had their tokens estimated, since the server counts none.
    """

    asked: int = 0
    answered: int = 0
    refused: int = 0
    left_out: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    estimated: int = 0

    def spend(self, spent: Spent) -> None:
        """Add what one asking cost."""
        self.prompt_tokens += spent.prompt_tokens
        self.completion_tokens += spent.completion_tokens
        self.seconds += spent.seconds
        self.estimated += spent.estimated

    @property
    def tokens_per_100_stories(self) -> int:
        """Tokens, asked and answered, of a hundred stories like those that were asked about."""
        return round(100 * (self.prompt_tokens + self.completion_tokens) / max(1, self.asked))

    @property
    def seconds_per_100_stories(self) -> float:
        """Seconds of a hundred stories, one after another."""
        return round(100 * self.seconds / max(1, self.asked), 1)

    def report(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self) | {
            "seconds": round(self.seconds, 3),
            "tokens_per_100_stories": self.tokens_per_100_stories,
            "seconds_per_100_stories": self.seconds_per_100_stories,
        }

    def cost(self) -> str:
        """Tokens and seconds per 100 stories, for people."""
        about = "about " if self.estimated else ""
        return (
            f"{about}{self.tokens_per_100_stories:,} tokens and "
            f"{self.seconds_per_100_stories:,.0f} s per 100 stories"
        )


class _Asks(Protocol):
    """A market, as far as it is put to a judge: the catalogue's or the linker's."""

    @property
    def question(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def end_ns(self) -> Nanos | None: ...


def question_of(markets: Sequence[_Asks], more: int) -> Question:
    """Markets of one meaning as one question, ``more`` being those that it does not name."""
    asks = tuple(market.question for market in markets)
    return Question(asks, more, day(markets[0].end_ns), markets[0].description)


def questions_of(candidates: Sequence[Candidate]) -> list[Question]:
    """What the linker proposes, as questions in its order."""
    return [question_of(one.markets, len(one.links) - len(one.markets)) for one in candidates]


def told_of(line: StoryLine) -> Told:
    """A story line as a judge gets it."""
    return Told(line.title, line.summary, day(line.published_ns) or "")


def opinions_of(said: Sequence[Said], market_ids: Sequence[str]) -> tuple[Opinion, ...]:
    """An opinion on all that was asked, in that order: what was left out was graded none."""
    opinions = [Opinion(market_id, Grade.NONE) for market_id in market_ids]
    for one in said:
        market_id = market_ids[one.id - 1]
        opinions[one.id - 1] = Opinion(market_id, one.graded, one.direction, one.mixed)
    return tuple(opinions)


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


class Purse:
    """So many tokens in any 24 hours of the wall clock, to the minute."""

    def __init__(self, per_day: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_day, self._monotonic = per_day, monotonic
        self._spent: deque[tuple[int, int]] = deque()
        self._total = 0

    @property
    def empty(self) -> bool:
        """Whether the day's tokens are spent."""
        minute = int(self._monotonic() // MINUTE_S)
        while self._spent and minute - self._spent[0][0] >= DAY_MINUTES:
            self._total -= self._spent.popleft()[1]
        return self._total >= self._per_day

    @property
    def sentence(self) -> str:
        """Why nobody is asked, once it is empty."""
        return (
            f"The {self._per_day:,} tokens of a day are spent (tokens_per_day_max under [judge]): "
            "nobody is asked until the oldest of them are a day old."
        )

    def spend(self, spent: Spent) -> None:
        """Take what one asking cost."""
        tokens = spent.prompt_tokens + spent.completion_tokens
        minute = int(self._monotonic() // MINUTE_S)
        if self._spent and self._spent[-1][0] == minute:
            tokens_before = self._spent.pop()[1]
            self._total -= tokens_before
            tokens += tokens_before
        self._spent.append((minute, tokens))
        self._total += tokens


class _Waiting(NamedTuple):
    wanted: Consult
    story: Told
    questions: list[Question]


class LlmJudge:
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
        self._purse = Purse(settings.tokens_per_day_max, monotonic)
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING_MAX)

    def consult(self, wanted: Consult, story: Story, markets: Mapping[str, Market]) -> None:
        """Put a story in line, or leave it to the linker when there are too many."""
        if self._purse.empty:
            self.counts.left_out += 1
            self._complain(f"{self._purse.sentence} The linker's own links stand.")
        elif self._waiting.full() or not self._pace.take():
            self.counts.left_out += 1
        else:
            told = Told(story.title, story.summary, _date(story))
            questions = [
                question_of([markets[id] for id in put.market_ids], put.more)
                for put in wanted.questions
            ]
            self._waiting.put_nowait(_Waiting(wanted, told, questions))

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
            if self._pace.paused or self._purse.empty:
                self.counts.left_out += 1
                continue
            self.counts.asked += 1
            try:
                await self._ask(waiting)
            except Exception:  # the judge is a guest: it may not end the session
                log.exception("the judge of story %s", waiting.wanted.story_id)
                self.counts.refused += 1

    async def _ask(self, waiting: _Waiting) -> None:
        wanted, story, questions = waiting
        said, _, _, spent = await self._judge.ask(story, questions)
        self.counts.spend(spent)
        self._purse.spend(spent)
        if isinstance(said, NoAnswer):
            self._refuse(said)
            return
        self.counts.answered += 1
        self._complain("")
        opinions = opinions_of(said, [put.market_ids[0] for put in wanted.questions])
        now_ns = self._clock.now_ns()
        self._hear(Judged(now_ns, wanted.story_id, wanted.revision, self._judge.model, opinions))

    def _refuse(self, none: NoAnswer) -> None:
        self.counts.refused += 1
        self._pace.pause(none.pause_s)
        log.warning("the judge: %s", none.sentence)
        self._complain(f"{none.sentence} The linker's own links stand.")


def _date(story: Story) -> str:
    return day(story.first_seen_ns if story.published_ns is None else story.published_ns) or ""


Record = Callable[[dict[str, Any]], None]


class Bench:
    """The judge for many stories in a row, each waited for: `ftt link --judge`.

    ``record`` is handed each question and answer as they were sent.
    """

    def __init__(
        self,
        judge: Judge,
        settings: JudgeConfig,
        runner: asyncio.Runner,
        record: Record | None = None,
    ) -> None:
        self.counts = Counts()
        self.first_refusal = self.last_refusal = ""
        self._out_of_reach = 0
        self._judge, self._runner, self._record = judge, runner, record
        self._pace = Pace(settings.stories_per_minute_max)
        self._purse = Purse(settings.tokens_per_day_max)

    def ask(self, story: StoryLine, candidates: tuple[Candidate, ...]) -> Judged | None:
        """One story's answer, at the pace that was set; None where there is none."""
        said = self.put(story.id, told_of(story), questions_of(candidates))
        if said is None:
            return None
        ids = [one.markets[0].id for one in candidates]
        return Judged(0, story.id, 0, self._judge.model, opinions_of(said, ids))

    def put(self, id: str, story: Told, questions: list[Question]) -> tuple[Said, ...] | None:
        """The word on a story's questions; None, and the sentence kept, where there is none.

        An endpoint that is not there three times in a row is asked no more.
        """
        if self._out_of_reach >= OUT_OF_REACH_MAX or self._purse.empty:
            self.counts.left_out += 1
            if self._purse.empty:
                self._note(self._purse.sentence)
            return None
        asked = self._runner.run(self._in_turn(story, questions))
        self.counts.asked += 1
        self.counts.spend(asked.spent)
        self._purse.spend(asked.spent)
        if self._record is not None and asked.text:
            self._record(record_of(id, asked, self._judge.model))
        if isinstance(asked.said, NoAnswer):
            self.counts.refused += 1
            self._out_of_reach += asked.said.pause_s > 0
            self._note(asked.said.sentence)
            return None
        self.counts.answered += 1
        self._out_of_reach = 0
        return asked.said

    def _note(self, sentence: str) -> None:
        self.first_refusal, self.last_refusal = self.first_refusal or sentence, sentence

    async def _in_turn(self, story: Told, questions: list[Question]) -> Asked:
        while not self._pace.take():  # noqa: ASYNC110 - a minute passes without an event
            await asyncio.sleep(self._pace.wait_s())
        return await self._judge.ask(story, questions)


def record_of(id: str, asked: Asked, model: str) -> dict[str, Any]:
    """One asking as a line that can be played back: `python -m benchmarks.judge_replay serve`."""
    return {
        "story": id,
        "system_sha": GUIDELINE_SHA,
        "user": asked.user,
        "answer": asked.text,
        "model": model,
    }


@contextlib.contextmanager
def bench(judge: Judge, settings: JudgeConfig, record: Record | None = None) -> Iterator[Bench]:
    """A judge that may be asked outside any loop."""
    with asyncio.Runner() as runner:
        try:
            yield Bench(judge, settings, runner, record)
        finally:
            runner.run(judge.aclose())
