"""The outside judge end to end: configured, paced, replayed, never waited for, its key unseen."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks._judged import OWN, lines
from benchmarks.linking import with_model
from feeds.clock import Clock
from feeds.events import Event, Grade, Judged, Opinion
from feeds.llm import Judge, Spent
from feeds.llm_prompt import GUIDELINE_SHA
from feeds.tape import read_tape
from strategies.decisions import Consult, LinksFound, Put
from strategies.linking.lines import link_lines
from terminal.config import ConfigError, load
from terminal.config.shape import JudgeConfig
from terminal.engine.assembly import assemble
from terminal.engine.llm_judge import WAITING_MAX, LlmJudge, Pace, Purse, judge_of
from terminal.engine.loop import Engine
from terminal.engine.session import Decided, Session, header_from
from terminal.presenters.summary import report
from terminal.stores.paths import Paths
from terminal.stores.secret import SecretError, secret_of
from tests.models import (
    CANARY,
    ModelServer,
    Reply,
    answers,
    completion,
    model_server,
    question,
)
from tests.strategies.kit import market, story
from tests.terminal.conftest import Run

WITHIN_S = 40.0


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as served:
        yield served


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "ftt"))
    return tmp_path / "ftt"


def keep_key(home: Path) -> Path:
    file = home / "secrets" / "TINY_KEY"
    file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(CANARY + "\n", encoding="utf-8")
    return file


# -- configuration and key -------------------------------------------------------------------


def problems(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text("[judge]\n" + text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return str(caught.value)


def test_no_url_means_no_judge(tmp_path: Path) -> None:
    config = load(None, {"FTT_HOME": str(tmp_path)}).config
    assert config.judge == JudgeConfig()
    assert judge_of(config.judge, tmp_path / "config.toml") is None


@pytest.mark.parametrize(
    ("text", "named", "fix"),
    [
        ("url = 'http://models.example/v1'\nmodel = 'm'", "judge.url", "https://models.example/v1"),
        ("url = 'https://u:p@models.example/v1'\nmodel = 'm'", "judge.url", "user name"),
        ("url = 'file:///etc/passwd'\nmodel = 'm'", "judge.url", "https://"),
        ("url = 'http://127.0.0.1:1/v1'", "judge.model", "model = "),
        ("timeout_s = 0", "judge.timeout_s", "1?"),
        ("stories_per_minute_max = 0", "judge.stories_per_minute_max", "1?"),
        ("floor = 2", "judge.floor", "1?"),
        ("tokens_per_day_max = 5", "judge.tokens_per_day_max", "1000?"),
        ("may_place = 'yes'", "judge.may_place", "true"),
        ("key = 'FTT_JUDGE'", "judge.key", "FTT_"),
        ("modle = 'm'", "judge.modle", "model?"),
        (f"api_key = '{CANARY}'", "judge.api_key", "keys never live in the config"),
        (f"key = '{CANARY}'", "judge.key", "never the secret itself"),
        (f"key = '{CANARY}", ":2", "expected TOML"),
    ],
)
def test_each_wrong_field_is_named_with_its_fix_and_no_key_is_shown(
    tmp_path: Path, text: str, named: str, fix: str
) -> None:
    said = problems(tmp_path, text)
    assert named in said
    assert fix in said
    assert CANARY not in said
    assert CANARY[:12] not in said


def test_the_environment_names_a_secret_before_the_file_does(home: Path) -> None:
    config, env = home / "config.toml", {"TINY_KEY": "from-the-environment"}
    keep_key(home)
    assert secret_of("TINY_KEY", config, env) == "from-the-environment"
    assert secret_of("TINY_KEY", config, {}) == CANARY


def test_a_secret_that_cannot_be_had_says_what_to_do(home: Path) -> None:
    config = home / "config.toml"
    with pytest.raises(SecretError, match="chmod 600 it"):
        secret_of("TINY_KEY", config, {})
    file = keep_key(home)
    file.chmod(0o644)
    with pytest.raises(SecretError, match="others can read"):
        secret_of("TINY_KEY", config, {})
    file.chmod(0o600)
    file.write_text("", encoding="utf-8")
    with pytest.raises(SecretError, match="empty"):
        secret_of("TINY_KEY", config, {})
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(SecretError, match="is no file"):
        secret_of("TINY_KEY", config, {})


def test_a_secret_that_can_be_no_key_is_refused_unseen(home: Path) -> None:
    settings = JudgeConfig(url="http://127.0.0.1:1/v1", model="m", key="TINY_KEY")
    with pytest.raises(SecretError, match="TINY_KEY") as caught:
        judge_of(settings, home / "config.toml", {"TINY_KEY": f"{CANARY} {CANARY}"})
    assert CANARY not in str(caught.value)


# -- pace ------------------------------------------------------------------------------------


def test_no_more_than_so_many_are_asked_in_any_minute_and_none_in_a_pause() -> None:
    now = 0.0
    pace = Pace(2, lambda: now)
    assert [pace.take(), pace.take(), pace.take()] == [True, True, False]
    assert pace.wait_s() == 60
    now = 60.0
    assert pace.take()
    pace.pause(300)
    assert pace.paused
    now = 200.0
    assert not pace.take()
    now = 360.0
    assert pace.take()


class Room:
    """A judge at work beside a list of what was heard and complained of."""

    def __init__(
        self, server: ModelServer, per_minute: int = 600, tokens_per_day: int = 10**9
    ) -> None:
        self.heard: list[Event] = []
        self.complaints: list[str] = []
        settings = JudgeConfig(stories_per_minute_max=per_minute, tokens_per_day_max=tokens_per_day)
        judge = Judge(server.url, "tiny-1", None, 10)
        self.judging = LlmJudge(judge, settings, Clock(), self.heard.append, self.complaints.append)

    def consult(self, name: str = "story") -> None:
        asked = Consult(1, name, 0, (Put(("a", "c"), 2), Put(("b",))))
        self.judging.consult(asked, story(name), {id: market(id) for id in "abc"})

    async def until(self, count: int) -> None:
        """Work until so many stories are answered, refused or left out."""
        counts = self.judging.counts
        running = asyncio.create_task(self.judging.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                while counts.answered + counts.refused + counts.left_out < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_an_answer_comes_in_as_an_event_that_names_the_model(server: ModelServer) -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 100}
    server.model = lambda _: completion(answers((2, 1, -1, True)), usage)
    room = Room(server)
    room.consult()
    await room.until(1)
    (request,) = server.asked
    asks = [(one["asks"], one["more"]) for one in question(request)["questions"]]
    assert asks == [(["Will a happen?", "Will c happen?"], 2), (["Will b happen?"], 0)]
    assert question(request)["story"]["date"] == "2026-11-24"
    (heard,) = room.heard
    assert isinstance(heard, Judged)
    assert (heard.story_id, heard.revision, heard.judge) == ("story", 0, "tiny-1")
    assert heard.opinions == (
        Opinion("a", Grade.NONE),
        Opinion("b", Grade.TOUCHES, -1, True),
    )
    assert room.complaints == [""]
    counted = room.judging.counts.report()
    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (900, 100)
    assert counted["tokens_per_100_stories"] == 100_000
    assert counted["estimated"] == 0
    assert counted["seconds_per_100_stories"] >= 0


async def test_past_the_days_tokens_nobody_is_asked_and_that_is_said(server: ModelServer) -> None:
    usage = {"prompt_tokens": 4_900, "completion_tokens": 100}
    server.model = lambda _: completion(answers(), usage)
    room = Room(server, tokens_per_day=5_000)
    room.consult("first")
    await room.until(1)
    room.consult("second")
    assert room.judging.counts.left_out == 1
    assert len(server.asked) == 1
    assert (
        "5,000 tokens of a day are spent (tokens_per_day_max under [judge])"
        in (room.complaints[-1])
    )


def test_tokens_are_free_again_when_they_are_a_day_old() -> None:
    now = 30.0
    purse = Purse(100, lambda: now)
    purse.spend(Spent(60, 0))
    purse.spend(Spent(30, 0))
    assert not purse.empty
    now += 3_600
    purse.spend(Spent(0, 10))
    assert purse.empty
    now = 30.0 + 24 * 3_600
    assert not purse.empty
    purse.spend(Spent(90, 0))
    assert purse.empty


async def test_what_is_refused_is_counted_told_and_brings_no_event(server: ModelServer) -> None:
    server.model = lambda _: completion("buy everything")
    room = Room(server)
    room.consult()
    await room.until(1)
    assert room.heard == []
    assert room.judging.counts.refused == 1
    assert "own links stand" in room.complaints[0]


async def test_after_a_shut_door_nobody_knocks_for_a_while(server: ModelServer) -> None:
    server.model = lambda _: Reply(b"", 401)
    room = Room(server)
    room.consult("first")
    await room.until(1)
    room.consult("second")
    assert len(server.asked) == 1
    assert room.judging.counts.left_out == 1


async def test_more_stories_than_the_pace_or_the_line_allows_are_left_to_the_linker(
    server: ModelServer,
) -> None:
    paced, crowded = Room(server, per_minute=3), Room(server)
    for number in range(WAITING_MAX + 5):
        paced.consult(f"s{number}")
        crowded.consult(f"s{number}")
    assert paced.judging.counts.left_out == WAITING_MAX + 5 - 3
    assert crowded.judging.counts.left_out == 5


# -- ftt link --judge --------------------------------------------------------------------------

MARKETS = [
    {"id": "ipo", "question": "Will Anthropic IPO by June 30, 2026?"},
    {"id": "xai", "question": "Will xAI IPO by June 30, 2026?"},
]
STORIES = [
    {"id": "s1", "title": "Anthropic files confidentially for an IPO", "published": "2026-03-01"},
    {"id": "s2", "title": "A quiet day in the garden"},
]


def link(ftt: Run, tmp_path: Path, *more: str) -> Any:
    for name, told in (("markets", MARKETS), ("stories", STORIES)):
        text = "".join(json.dumps(line) + "\n" for line in told)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    files = ("--markets", str(tmp_path / "markets.jsonl"))
    return ftt("link", *files, "--stories", str(tmp_path / "stories.jsonl"), *more)


def judging(tmp_path: Path, server: ModelServer, key: str = "") -> str:
    path = tmp_path / "judge.toml"
    text = f'[judge]\nurl = "{server.url}"\nmodel = "tiny-1"\nkey = "{key}"\n'
    path.write_text(text, encoding="utf-8")
    return str(path)


def links_of(ran: Any) -> list[list[dict[str, Any]]]:
    return [json.loads(line)["links"] for line in ran.stdout.splitlines()]


def test_link_asks_the_judge_about_each_story_with_candidates_and_marks_its_word(
    ftt: Run, tmp_path: Path, server: ModelServer
) -> None:
    config = judging(tmp_path, server, "TINY_KEY")
    keep_key(tmp_path / "ftt")
    plain = list(link_lines(MARKETS, STORIES))
    ran = link(ftt, tmp_path, "--judge", "--config", config)
    assert ran.returncode == 0, ran.stderr
    first, second = links_of(ran)
    assert first[0]["market_id"] == "ipo"
    assert first[0]["judge"] == "tiny-1"
    assert "judged by tiny-1" in first[0]["why"]
    assert first[0]["alone"] in (True, False)
    assert second == plain[1]["links"] == []
    assert len(server.asked) == 1, "a story that touches nothing is nobody's question"
    assert server.keys == [f"Bearer {CANARY}"]
    assert "tiny-1 judged 1 of the 1 stories" in ran.stderr
    assert "cost: about" in ran.stderr
    assert "s per 100 stories" in ran.stderr
    assert CANARY not in ran.stdout + ran.stderr


def test_link_keeps_its_own_links_where_the_judge_shuts_the_door(
    ftt: Run, tmp_path: Path, server: ModelServer
) -> None:
    server.model = lambda _: Reply(b"", 401)
    keep_key(tmp_path / "ftt")
    config = judging(tmp_path, server, "TINY_KEY")
    ran = link(ftt, tmp_path, "--plain", "--judge", "--config", config)
    assert ran.returncode == 1
    assert "judge.key" in ran.stderr
    assert links_of(ran) == [line["links"] for line in link_lines(MARKETS, STORIES)]
    assert CANARY not in ran.stdout + ran.stderr


def test_link_appends_what_was_asked_and_answered_to_a_recording(
    ftt: Run, tmp_path: Path, server: ModelServer
) -> None:
    kept = tmp_path / "said.jsonl"
    config = judging(tmp_path, server)
    for _ in range(2):
        ran = link(ftt, tmp_path, "--judge", "--judge-record", str(kept), "--config", config)
        assert ran.returncode == 0, ran.stderr
    first, again = lines(kept)
    assert first == again
    assert (first["story"], first["model"], first["system_sha"]) == ("s1", "tiny-1", GUIDELINE_SHA)
    assert first["user"] == server.asked[0]["messages"][1]["content"]
    assert "answers" in first["answer"]
    ran = link(ftt, tmp_path, "--judge-record", str(kept))
    assert ran.returncode == 2
    assert "add --judge" in ran.stderr


def test_link_without_a_judge_says_how_to_name_one(ftt: Run, tmp_path: Path) -> None:
    ran = link(ftt, tmp_path, "--judge")
    assert ran.returncode == 2
    assert "[judge]" in ran.stderr
    assert ran.stdout == ""


# -- scored the same way -----------------------------------------------------------------------


def oracle(asked: dict[str, Any]) -> Reply:
    """A model that knows the judgements of the set."""
    data = question(asked)
    known = {
        (stories[row["id"]], markets[link["market_id"]]): link
        for row in lines(OWN / "labels.jsonl")
        for link in row["links"]
        if link["grade"]
    }
    rows = []
    for one in data["questions"]:
        link = known.get((data["story"]["title"], one["asks"][0]))
        if link:
            rows.append((one["id"], link["grade"], link["direction"]))
    return completion(answers(*rows))


stories = {line["id"]: line["title"] for line in lines(OWN / "stories.jsonl")}
markets = {line["id"]: line["question"] for line in lines(OWN / "markets.jsonl")}


def test_a_judge_is_scored_as_the_linker_is_and_one_that_knows_scores_best(
    home: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert with_model() == {}, "nothing is said where none is configured"
    server.model = oracle
    monkeypatch.setenv("FTT_JUDGE__URL", server.url)
    monkeypatch.setenv("FTT_JUDGE__MODEL", "oracle")
    monkeypatch.setenv("FTT_JUDGE__STORIES_PER_MINUTE_MAX", "600")
    reached = with_model()["judged_with_oracle"]
    assert reached["refused"] == reached["left_out"] == 0
    assert reached["precision"] >= 0.95, "a group's first market speaks for the others"
    assert reached["recall"] > 0.7, "what the linker nearly showed comes into sight"
    assert reached["false_alarms"] == 0
    assert reached["tokens_per_100_stories"] > 0


# -- the engine --------------------------------------------------------------------------------


async def assembled(config: Path, server: ModelServer, tape: Path | None = None) -> Engine:
    said = {"judge.url": server.url, "judge.model": "tiny-1", "judge.key": "TINY_KEY"}
    loaded = load(config, overrides={**said, "judge.stories_per_minute_max": "600"})
    return await asyncio.to_thread(
        assemble, loaded.config, Paths.find(), tape=tape, to_stdout=False
    )


async def run_until(engine: Engine, done: asyncio.Event) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop))
    try:
        async with asyncio.timeout(WITHIN_S):
            await done.wait()
    finally:
        stop.set()
        await running


def by_rule(asked: dict[str, Any]) -> Reply:
    """The first question is all that matters, of the others nobody knows."""
    questions = question(asked)["questions"]
    return completion(answers(*((q["id"], 2 if q["id"] == 1 else "?", 1) for q in questions)))


async def test_own_links_come_first_the_judge_reranks_and_the_tape_replays_without_it(
    practice_config: Path, home: Path, tmp_path: Path, server: ModelServer
) -> None:
    server.model = by_rule
    secret, tape = keep_key(home), tmp_path / "judged.tape"
    engine = await assembled(practice_config, server, tape)
    told: list[tuple[str, Event | LinksFound]] = []
    done = asyncio.Event()

    def listen(step: Decided) -> None:
        event = step.event
        for decision in step.decisions:
            if isinstance(decision, LinksFound):
                told.append((decision.story_id, decision))
        if isinstance(event, Judged):
            told.append((event.story_id, event))
            done.set()

    engine.listeners.append(listen)
    await run_until(engine, done)

    judged = next(event for _, event in told if isinstance(event, Judged))
    about = [event for story_id, event in told if story_id == judged.story_id]
    first = about[0]
    assert isinstance(first, LinksFound)
    assert not any(link.judge for link in first.links), "the linker's own are told at once"
    assert any(link.judge == "tiny-1" for link in engine.session.desk.news.links[judged.story_id])
    assert report(engine.state)["judge"]["answered"] >= 1

    asked = len(server.asked)
    played = read_tape(tape)
    session = Session(header_from(played.header))
    for event in played.events:
        session.play(event)
    assert session.digest == engine.session.digest
    assert len(server.asked) == asked, "a replay needs no endpoint"
    assert set(server.keys) == {f"Bearer {CANARY}"}
    for file in (tape, *(path for path in home.rglob("*") if path.is_file() and path != secret)):
        assert CANARY.encode() not in file.read_bytes(), file


async def test_a_judge_that_never_answers_holds_nothing_up(
    practice_config: Path, home: Path, server: ModelServer
) -> None:
    def never(_: dict[str, Any]) -> Reply:
        server.released.wait(WITHIN_S)
        return Reply(b"")

    server.model = never
    keep_key(home)
    engine = await assembled(practice_config, server)
    linked: set[str] = set()
    done = asyncio.Event()

    def listen(step: Decided) -> None:
        linked.update(d.story_id for d in step.decisions if isinstance(d, LinksFound) and d.links)
        if len(linked) >= 2 and server.asked:
            done.set()

    engine.listeners.append(listen)
    await run_until(engine, done)
    assert engine.sources.llm_judge is not None
    assert engine.sources.llm_judge.counts.answered == 0
    server.released.set()


async def test_a_judge_that_may_place_is_said_loudly(practice_config: Path, home: Path) -> None:
    loaded = load(
        practice_config,
        overrides={
            "judge.url": "http://127.0.0.1:9/v1",
            "judge.model": "m",
            "judge.may_place": True,
        },
    )
    assert loaded.config.judge.may_place
    engine = await asyncio.to_thread(assemble, loaded.config, Paths.find(), to_stdout=False)
    assert engine.state.complaints["judge may place"].startswith("DANGER")
    assert engine.session.desk.settings.judge_may_place
    done = asyncio.Event()
    engine.listeners.append(lambda *_: done.set())
    await run_until(engine, done)


async def test_a_key_that_is_missing_leaves_the_session_without_a_judge_and_says_so(
    practice_config: Path, home: Path, server: ModelServer
) -> None:
    engine = await assembled(practice_config, server)
    assert engine.sources.llm_judge is None
    assert "TINY_KEY" in engine.state.complaints["judge"]
    done = asyncio.Event()
    engine.listeners.append(lambda *_: done.set())
    await run_until(engine, done)
    assert server.asked == []
