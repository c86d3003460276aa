"""Lines of JSON in, lines of JSON out, and errors that name line and field."""

from pathlib import Path
from typing import Any

import pytest

from strategies.linking.lines import LineError, link_lines

MARKET = {"id": "m1", "question": "Will AMD launch the MI450 by June 30, 2026?"}
STORY = {"id": "s1", "title": "AMD delays its MI450 launch"}


def test_each_story_gives_one_line_in_order() -> None:
    silent = {"id": "s2", "title": "A quiet day in the garden", "source": "x", "extra": 1}
    full = {**MARKET, "description": "d", "end_date": "2026-06-30", "outcomes": ["Yes"], "odd": {}}
    lines = list(link_lines([full], [STORY, silent]))
    assert [line["id"] for line in lines] == ["s1", "s2"]
    assert lines[1]["links"] == []
    (link,) = lines[0]["links"]
    assert set(link) == {"market_id", "relevance", "tier", "direction", "why"}
    assert (link["market_id"], link["direction"]) == ("m1", -1)


BROKEN: list[tuple[list[Any], list[Any], str]] = [
    ([MARKET, {"id": "m2"}], [STORY], "markets line 2: field 'question' is required"),
    ([{**MARKET, "id": ""}], [STORY], "markets line 1: field 'id' is empty"),
    ([{**MARKET, "question": 7}], [STORY], "markets line 1: field 'question' is a number"),
    ([{**MARKET, "end_date": "soon"}], [STORY], "markets line 1: field 'end_date' is 'soon'"),
    ([{**MARKET, "tags": "AI"}], [STORY], "markets line 1: field 'tags' must be a list of texts"),
    ([["m1"]], [STORY], "markets line 1: expected a JSON object, got a list"),
    ([MARKET], [STORY, {"id": "s2", "title": None}], "stories line 2: field 'title' is required"),
    ([MARKET], [{**STORY, "published": 5}], "stories line 1: field 'published' is 5"),
]


@pytest.mark.parametrize(("markets", "stories", "message"), BROKEN)
def test_a_broken_line_is_named_with_its_field(
    markets: list[Any], stories: list[Any], message: str
) -> None:
    with pytest.raises(LineError) as caught:
        list(link_lines(markets, stories))
    assert str(caught.value).startswith(message)


def test_judged_stories_find_their_markets(shared_data: Path) -> None:
    """In-sample, so a floor against decay, not a promise: what is promised is measured apart."""
    import json

    folder = shared_data / "linking"

    def read(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]

    grades = {
        line["id"]: {link["market_id"]: link["grade"] for link in line["links"]}
        for line in read("labels.jsonl")
    }
    right = wrong = 0
    for answer in link_lines(read("markets.jsonl"), read("stories.jsonl")):
        for link in answer["links"]:
            grade = grades[answer["id"]].get(link["market_id"])
            right += bool(grade)
            wrong += grade is None
    assert right / (right + wrong) > 0.75
    assert right > 500
