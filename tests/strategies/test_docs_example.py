"""The page for a strategy's author: its example loads, suggests, and says why not."""

import re
from pathlib import Path

import pytest

from strategies.decisions import Mandate, Skipped, Suggested
from strategies.desk import Desk, DeskSettings, Enrolled
from strategies.roster import enrol
from tests.strategies.kit import Session, WordLinker, at, opening, story, ticking

PAGE = Path(__file__).parents[2] / "docs" / "strategies.md"


@pytest.fixture
def example(tmp_path: Path) -> Enrolled:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "first_word.py"
    file.write_text(blocks[0], encoding="utf-8")
    return enrol(str(file), {"relevance_min": 0.85, "shares": 10}, Mandate.SUGGEST)


def told(example: Enrolled, relevance: float) -> Session:
    """A session in which one market opens and one story about it is told."""
    session = Session(Desk(DeskSettings(), [example], WordLinker(relevance=relevance)))
    session.feed(*opening("m", 0.4))
    session.feed(*ticking(0, 5))
    session.feed(story("m moves", at_ns=at(6), first_seen_ns=at(6)))
    return session


def test_the_example_suggests_on_a_surely_linked_first_telling(example: Enrolled) -> None:
    suggested = told(example, relevance=0.95).of(Suggested)
    assert [one.suggestion.strategy for one in suggested] == ["first-word"]
    assert suggested[0].suggestion.size == 10_000_000
    assert suggested[0].suggestion.reason.startswith("first telling")


def test_the_example_says_why_it_leaves_a_weak_link_alone(example: Enrolled) -> None:
    session = told(example, relevance=0.6)
    assert session.of(Suggested) == []
    assert [one.gate for one in session.of(Skipped) if one.strategy == "first-word"] == [
        "relevance"
    ]
