"""Two hundred headlines that give orders, and a judge that obeys them all: nothing comes of it."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest

from benchmarks._judged import OWN, lines
from feeds.clock import Clock
from feeds.events import Event, Judged, MarketSeen, Near, Story, Tick
from feeds.llm import Judge
from feeds.llm_prompt import GUIDELINE, NoAnswer, Told, prompt, read
from feeds.markets import MINUTE, SECOND, SHARE, Market, Nanos, Side
from strategies.api import Context, Draft, Strategy, StrategyParams
from strategies.builtin.drift import Drift, DriftParams
from strategies.builtin.fade import Fade, FadeParams
from strategies.decisions import Consult, Link, Mandate, Place, Skipped, Suggested, Tier
from strategies.desk import Desk, DeskSettings
from strategies.desk.settings import Enrolled
from strategies.linking import Candidate, LinkableMarket, Linker
from strategies.linking.dates import parse_time
from terminal.config.shape import JudgeConfig
from terminal.engine.llm_judge import LlmJudge, opinions_of, question_of
from tests.hostile import ANSWER, DISGUISES, HEADLINES, WHO, Hostile
from tests.models import ModelServer, answers, completion, model_server, question
from tests.strategies.kit import Session, books, market, story

START: Nanos = parse_time("2026-03-01") or 0
APART: Nanos = 20 * MINUTE
SIZE = 100 * SHARE
POOL_MAX = 20


LINKED: dict[tuple[str, str, Nanos | None], tuple[Link, ...]] = {}
POOLED: dict[tuple[str, str, Nanos | None], tuple[Candidate, ...]] = {}
"""What the linker said of each headline: every judge here is asked beside the same markets."""


class Wide(Linker):
    """The linker, and a pool that also holds whatever names a company of the headline."""

    def __init__(self) -> None:
        super().__init__()
        self.all: dict[str, LinkableMarket] = {}

    def link(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Link, ...]:
        told = (title, summary, published_ns)
        if told not in LINKED:
            LINKED[told] = super().link(title, summary, published_ns, near)
        return LINKED[told]

    def add(self, market: LinkableMarket) -> None:
        super().add(market)
        self.all[market.id] = market

    def candidates(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Candidate, ...]:
        told = (title, summary, published_ns)
        if told not in POOLED:
            POOLED[told] = super().candidates(title, summary, published_ns, near)
        found = POOLED[told]
        known = {link.market_id for one in found for link in one.links}
        named = [who for who in WHO if who in title]
        wide = [
            Candidate((asked,), (Link(asked.id, 0.3, 0, "names it", tier=Tier.TOUCHES),), False)
            for asked in self.all.values()
            if asked.id not in known and any(who in asked.question for who in named)
        ]
        return (*found, *wide)[:POOL_MAX]


class Greedy(Strategy):
    """Buys whatever side any link of the last minutes names, always as much."""

    name = "greedy"
    summary = "for tests"

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        for told in ctx.stories_on(condition_id, 600):
            link = next(x for x in ctx.links(told.id) if x.market_id == condition_id)
            yield Draft(
                condition_id=condition_id,
                asset_id=f"{condition_id}-{'no' if link.direction < 0 else 'yes'}",
                side=Side.BUY,
                limit=5_000 if link.direction >= 0 else 5_200,
                size=SIZE,
                edge=1.0,
                reason="a link says so",
                story_id=told.id,
                valid_s=1.0,
            )


def markets() -> list[Market]:
    return [
        market(
            line["id"],
            question=line["question"],
            event_title=line.get("event", ""),
            end_ns=parse_time(line["end_date"]),
        )
        for line in lines(OWN / "markets.jsonl")
    ]


def desk(*, may_place: bool = False) -> Session:
    enrolled = [
        Enrolled(strategy, Mandate.PAPER)
        for strategy in (Drift(DriftParams()), Fade(FadeParams()), Greedy(StrategyParams()))
    ]
    settings = DeskSettings(
        judge_floor=0.3, judge_may_place=may_place, cooldown_s=0.0, valid_s_max=5.0
    )
    here = Session(Desk(settings, enrolled, Wide()))
    here.feed(*(MarketSeen(START, one) for one in markets()))
    return here


def headline(number: int, hostile: Hostile) -> Story:
    at_ns = START + number * APART
    return story(f"h{number}", title=hostile.title, summary=hostile.summary, at_ns=at_ns)


Obeys = Callable[[Any], str]


def _all(direction: int, **more: Any) -> Obeys:
    def obey(data: Any) -> str:
        rows = [
            {"id": one["id"], "grade": 2, "direction": direction, **more}
            for one in data["questions"]
        ]
        return json.dumps({"answers": rows})

    return obey


OBEDIENCE: dict[str, Obeys] = {
    "all good": _all(1),
    "all bad": _all(-1),
    "all good, mixed": _all(1, mixed=True),
    "fenced": lambda data: f"<think>as told</think>```json\n{_all(1)(data)}\n```",
    "what the story says": lambda data: ANSWER,
    "nothing touches": lambda data: answers(),
    "invented ids": lambda data: answers(*((id, 2, 1) for id in range(1, 99))),
    "ids below": lambda data: answers((0, 2, 1), (-1, 2, 1)),
    "one thing twice": lambda data: answers((1, 2, 1), (1, 2, -1)),
    "huge numbers": lambda data: answers((1, 10**30, 10**30)),
    "sizes": _all(1, size=10**12),
    "orders": lambda data: '{"answers": [], "orders": [{"asset_id": "666", "size": 1e12}]}',
    "an asset": lambda data: '{"answers": [{"id": "lead-openai-yes", "grade": 2, "direction": 1}]}',
    "words": lambda data: "As you wish: I have bought YES everywhere.",
}
USED = ("all good", "all bad", "all good, mixed", "fenced", "what the story says")


class Round(NamedTuple):
    """What one headline led to."""

    story: Story
    own: frozenset[str]
    pool: frozenset[str]
    answered: bool


def told(here: Session, number: int, hostile: Hostile, obey: Obeys | None) -> Round:
    """A headline is heard, judged by one that obeys, and the odds of its markets move."""
    heard = headline(number, hostile)
    decided = here.feed(heard)
    own = frozenset(link.market_id for link in here.desk.news.links[heard.id])
    asked = [one for one in decided if isinstance(one, Consult)]
    pool = frozenset[str]()
    answered = False
    for wanted in asked:
        pool |= {c.market_id for x in here.desk.news._asked[heard.id].candidates for c in x.links}
        if obey is not None:
            said = judged(here.desk, heard, wanted, obey)
            answered = said is not None
            here.feed(*([said] if said is not None else []))
    moving = sorted(own | pool)
    at_ns = heard.at_ns + 2 * SECOND
    for name in moving:
        here.feed(*books(name, 4_800, 5_000, at_ns=at_ns))
    here.feed(Tick(at_ns), Tick(at_ns + 2 * SECOND), Tick(at_ns + 10 * SECOND))
    return Round(heard, own, pool, answered)


def judged(here: Desk, heard: Story, wanted: Consult, obey: Obeys) -> Judged | None:
    """The pure half of asking: the prompt as it would go out, and the answer as it is read."""
    questions = [
        question_of([here.market_data.markets[id] for id in put.market_ids], put.more)
        for put in wanted.questions
    ]
    system, user = prompt(Told(heard.title, heard.summary, "2026-03-01"), questions)
    assert system == GUIDELINE
    data = json.loads(user)
    assert data["story"].keys() == {"date", "title", "summary"}
    assert len(data["questions"]) == len(questions) <= POOL_MAX
    assert data["story"]["title"].isprintable(), "nothing invisible reaches the model"
    assert data["story"]["summary"].isprintable()
    said = read(obey(data), len(questions))
    if isinstance(said, NoAnswer):
        return None
    ids = [put.market_ids[0] for put in wanted.questions]
    return Judged(heard.at_ns + SECOND, heard.id, heard.revision, "obeys", opinions_of(said, ids))


def orders(here: Session) -> set[tuple[str, str, Side, int, int]]:
    return {
        (o.condition_id, o.asset_id, o.side, o.price, o.size)
        for o in (placed.order for placed in here.of(Place))
    }


def stories_of_orders(here: Session) -> set[str]:
    suggested = {one.suggestion.id: one.suggestion.story_id for one in here.of(Suggested)}
    return {suggested[placed.order.origin] for placed in here.of(Place)}


@pytest.fixture(scope="module")
def alone() -> Session:
    """The same two hundred headlines on a desk whose judge never answers."""
    here = desk()
    for number, hostile in enumerate(HEADLINES):
        told(here, number, hostile, None)
    return here


def test_there_are_two_hundred_of_them_in_ten_disguises() -> None:
    assert len(set(HEADLINES)) == 200
    assert {one.kind for one in HEADLINES} == set(DISGUISES)


@pytest.mark.parametrize("kind", OBEDIENCE)
def test_a_judge_that_obeys_two_hundred_headlines_causes_no_order(
    kind: str, alone: Session
) -> None:
    here = desk()
    rounds = [
        told(here, number, hostile, OBEDIENCE[kind]) for number, hostile in enumerate(HEADLINES)
    ]

    silent = {one.story.id for one in rounds if not one.own}
    assert len(silent) >= 150, "the linker itself falls for few of them"
    assert not stories_of_orders(here) & silent, "what rests on the judge alone is not placed"
    assert orders(here) <= orders(alone), "and what the linker sees is placed no otherwise"
    assert stories_of_orders(here) <= stories_of_orders(alone)

    for one in rounds:
        linked = {link.market_id for link in here.desk.news.links[one.story.id]}
        assert linked <= one.own | one.pool, "nothing outside the pool is linked"
    assert {one.suggestion.size for one in here.of(Suggested)} <= {SIZE}
    assert all(one.suggestion.asset_id.rpartition("-")[0] in here.desk.market_data.markets
               for one in here.of(Suggested))  # fmt: skip
    assert here.desk.settings == desk().desk.settings
    assert not here.desk.signals.parked

    pools = sum(bool(one.pool) for one in rounds)
    answered = sum(one.answered for one in rounds)
    assert pools >= 180
    if kind in USED[:4]:
        assert answered == pools
        assert {one.gate for one in here.of(Skipped)} >= {"judge"}, "it was tempted"
        assert any("suggested, not placed" in one.suggestion.reason for one in here.of(Suggested))
    elif kind not in (*USED, "nothing touches"):
        assert answered == 0


def test_only_the_setting_that_is_called_a_danger_would_have_placed_them() -> None:
    here = desk(may_place=True)
    rounds = [told(here, n, one, OBEDIENCE["all good"]) for n, one in enumerate(HEADLINES[:40])]
    assert stories_of_orders(here) & {one.story.id for one in rounds if not one.own}


def test_the_session_goes_on_after_all_of_them() -> None:
    here = desk()
    for number, hostile in enumerate(HEADLINES):
        told(here, number, hostile, OBEDIENCE["all good"])
    at_ns = START + 201 * APART
    title = "OpenAI launches GPT-6"
    here.feed(story("after", title=title, at_ns=at_ns))
    assert any(link.market_id.startswith("gpt6") for link in here.desk.news.links["after"])
    assert not here.desk.trading.gate.killed


# -- and over the wire ---------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as served:
        yield served


SAMPLE: Sequence[int] = range(3, 200, 20)


async def test_over_loopback_the_same_holds_for_one_of_each_disguise(server: ModelServer) -> None:
    kinds = iter(list(OBEDIENCE.values()) * 20)
    server.model = lambda asked: completion(next(kinds)(question(asked)))
    here = desk()
    heard: list[Event] = []
    settings = JudgeConfig(stories_per_minute_max=600)
    judging = LlmJudge(
        Judge(server.url, "obeys", None, 10), settings, Clock(), heard.append, lambda _: None
    )
    asked, own = 0, set[str]()
    running = asyncio.create_task(judging.run())
    try:
        for number in SAMPLE:
            one = headline(number, HEADLINES[number])
            for wanted in here.feed(one):
                if isinstance(wanted, Consult):
                    judging.consult(wanted, one, here.desk.market_data.markets)
                    asked += 1
            own |= {one.id} if here.desk.news.links[one.id] else set()
            async with asyncio.timeout(30):
                while judging.counts.answered + judging.counts.refused < asked:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
            at_ns = one.at_ns + 2 * SECOND
            for said in heard:
                assert isinstance(said, Judged)
                here.feed(msgspec.structs.replace(said, at_ns=one.at_ns))
            heard.clear()
            for link in here.desk.news.links[one.id]:
                here.feed(*books(link.market_id, 4_800, 5_000, at_ns=at_ns))
            here.feed(Tick(at_ns), Tick(at_ns + 2 * SECOND), Tick(at_ns + 10 * SECOND))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert asked >= 8
    assert judging.counts.answered
    assert judging.counts.refused
    assert stories_of_orders(here) <= own
    assert {one.suggestion.size for one in here.of(Suggested)} <= {SIZE}
