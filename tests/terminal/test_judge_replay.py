"""Prompts written to a file are those that go out, and recorded answers come back for them."""

import json
from pathlib import Path

import pytest

from benchmarks._judged import OWN, lines
from benchmarks.judge_replay import recorded, serving, write
from benchmarks.linking import right
from feeds.llm_prompt import GUIDELINE
from terminal.config.shape import JudgeConfig
from terminal.engine.llm_judge import bench, judge_of
from tests.models import answers
from tests.terminal.conftest import Run

STORY = {
    "id": "s1",
    "title": "Anthropic files confidentially for an IPO",
    "published": "2026-03-01",
}
MARKET = {"id": "ipo", "question": "Will Anthropic IPO by June 30, 2026?", "end_date": "2026-06-30"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "markets.jsonl").write_text(json.dumps(MARKET), encoding="utf-8")
    (tmp_path / "stories.jsonl").write_text(json.dumps(STORY), encoding="utf-8")
    return tmp_path


def test_a_prompt_from_a_file_is_answered_through_the_judges_own_endpoint(
    files: Path, ftt: Run
) -> None:
    markets, stories = files / "markets.jsonl", files / "stories.jsonl"
    asked, answered = files / "prompts.jsonl", files / "answers.jsonl"
    assert write(markets, stories, asked) == 1
    assert (files / "prompts.system.txt").read_text(encoding="utf-8") == GUIDELINE
    (line,) = lines(asked)
    assert line["story"] == "s1"
    assert json.loads(line["user"])["questions"][0]["ends"] == "2026-06-30"
    said = {"user": line["user"], "answer": answers((1, 2, 1))}
    answered.write_text(json.dumps(said), encoding="utf-8")
    with serving(recorded(answered)) as (url, counted):
        config = files / "judge.toml"
        config.write_text(f'[judge]\nurl = "{url}"\nmodel = "read"\n', encoding="utf-8")
        ran = ftt("--config", str(config), "link", "--judge", "--markets", str(markets),
                  "--stories", str(stories))  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (link,) = json.loads(ran.stdout)["links"]
    assert (link["market_id"], link["judge"], link["direction"]) == ("ipo", "read", 1)
    assert counted == {"found": 1}


def test_what_was_not_recorded_is_refused_and_the_others_are_asked_all_the_same() -> None:
    with serving({}) as (url, counted):
        settings = JudgeConfig(url=url, model="read", stories_per_minute_max=600)
        judge = judge_of(settings, Path("none.toml"))
        assert judge is not None
        with bench(judge, settings) as asked:
            reached = right(asked.ask)
    assert reached == right(), "the linker's own links stand"
    assert asked.counts.left_out == 0
    assert counted == {"missed": asked.counts.refused}
    assert asked.counts.refused > len(lines(OWN / "stories.jsonl")) / 3
