"""The ten questions that say whether a model is good enough to lead."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feeds.llm_prompt import QUESTIONS_MAX, Said, prompt
from terminal.commands.judge_exam import PAPERS, Paper, Result, marked, sit
from tests.models import ModelServer, Reply, answers, completion, model_server, question
from tests.terminal.conftest import Run

Model = Callable[[Paper], tuple[Said, ...] | None]


def knows(paper: Paper) -> tuple[Said, ...]:
    return tuple(
        Said(number, max(g for g in key.grades if isinstance(g, int)), _way(key.direction))
        for number, key in paper.key.items()
    )


def _way(direction: int) -> Any:
    return direction


def eager(paper: Paper) -> tuple[Said, ...]:
    return tuple(Said(number, 2, 1) for number in range(1, len(paper.questions) + 1))


def silent(paper: Paper) -> tuple[Said, ...]:
    return ()


def result(model: Model) -> Result:
    return sit(model, lambda: "No connection.")


def test_there_are_ten_papers_of_four_to_eight_questions_each() -> None:
    assert len(PAPERS) == len({paper.name for paper in PAPERS}) == 10
    for paper in PAPERS:
        assert 4 <= len(paper.questions) <= 8 <= QUESTIONS_MAX
        assert set(paper.key) <= set(range(1, len(paper.questions) + 1))
        prompt(paper.story, paper.questions)
    assert sum(not paper.key for paper in PAPERS) >= 3, "silence is the answer to some"
    ways = [key.direction for paper in PAPERS for key in paper.key.values()]
    assert min(ways.count(1), ways.count(-1)) >= 5


def test_one_that_knows_leads_one_that_obeys_and_one_that_is_silent_are_unfit() -> None:
    best = result(knows)
    assert (best.right, best.wrong_ways, best.fit) == (10, 0, "leads")
    assert "good enough to lead" in best.sentence
    worst = result(eager)
    assert (worst.right, worst.fit) == (0, "unfit")
    assert worst.wrong_ways >= 5
    nothing = result(silent)
    assert (nothing.right, nothing.fit) == (3, "unfit")


@pytest.mark.parametrize(
    ("misses", "turned", "fit"),
    [(1, 0, "leads"), (2, 0, "second opinion"), (0, 1, "second opinion"), (4, 1, "unfit")],
)
def test_a_verdict_follows_from_stories_right_and_directions_wrong(
    misses: int, turned: int, fit: str
) -> None:
    told = [paper for paper in PAPERS if paper.key]

    def model(paper: Paper) -> tuple[Said, ...]:
        if paper in told[:misses]:
            return ()
        if paper in told[misses : misses + turned]:
            first, *rest = knows(paper)
            return (Said(first.id, first.grade, _way(-first.direction)), *rest)
        return knows(paper)

    reached = result(model)
    assert (reached.right, reached.wrong_ways, reached.fit) == (10 - misses - turned, turned, fit)


def test_what_is_wrong_about_an_answer_is_named() -> None:
    paper = PAPERS[0]
    assert marked(paper, (Said(1, 2, 1), Said(2, "?", 0))).right, "unsure does no harm"
    assert marked(paper, (Said(1, 1, 1),)).note == f"graded 1: {paper.questions[0].asks[0]}"
    assert marked(paper, (Said(1, 2, 0),)).note.startswith("no direction: ")
    assert marked(paper, (Said(1, 2, 1), Said(3, 1, 1))).note.startswith("should stay silent: ")
    assert marked(paper, ()).note.startswith("not seen: ")
    assert not result(lambda paper: None).right


# -- ftt judge test ----------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as served:
        yield served


def examine(ftt: Run, tmp_path: Path, server: ModelServer, *more: str) -> Any:
    config = tmp_path / "judge.toml"
    text = f'[judge]\nurl = "{server.url}"\nmodel = "tiny-1"\nstories_per_minute_max = 600\n'
    config.write_text(text, encoding="utf-8")
    return ftt("--config", str(config), "judge", "test", *more)


def schooled(asked: dict[str, Any]) -> Reply:
    title = question(asked)["story"]["title"]
    (paper,) = (one for one in PAPERS if one.story.title == title)
    rows = [(said.id, said.grade, said.direction) for said in knows(paper)]
    return completion(answers(*rows), {"prompt_tokens": 900, "completion_tokens": 100})


def test_a_model_that_passes_is_said_to_with_its_cost(
    ftt: Run, tmp_path: Path, server: ModelServer
) -> None:
    server.model = schooled
    ran = examine(ftt, tmp_path, server)
    assert ran.returncode == 0, ran.stderr
    assert "10 of 10 stories right, 0 wrong directions: good enough to lead." in ran.stdout
    assert "10,000 tokens" in ran.stdout
    assert "a hostile headline" in ran.stdout
    assert len(server.asked) == 10


def test_a_model_that_obeys_every_story_fails_as_data_says_too(
    ftt: Run, tmp_path: Path, server: ModelServer
) -> None:
    def obeys(asked: dict[str, Any]) -> Reply:
        return completion(answers(*((one["id"], 2, 1) for one in question(asked)["questions"])))

    server.model = obeys
    ran = examine(ftt, tmp_path, server, "--json")
    assert ran.returncode == 1
    said = json.loads(ran.stdout)
    assert (said["right"], said["of"], said["verdict"]) == (0, 10, "unfit")
    assert said["cost"]["tokens_per_100_stories"] > 0
    assert len(said["stories"]) == 10


def test_no_judge_is_bad_usage_and_one_that_is_not_there_a_failure(
    ftt: Run, tmp_path: Path, server: ModelServer
) -> None:
    ran = ftt("judge", "test")
    assert ran.returncode == 2
    assert "set url and model under [judge]" in ran.stderr
    server.url = "http://127.0.0.1:9/v1"
    ran = examine(ftt, tmp_path, server)
    assert ran.returncode == 1
    assert "tiny-1 answered nothing: No connection" in ran.stderr
    assert ran.stdout == ""
