"""How right links are, on stories and markets of our own that were judged before linking."""

from collections import Counter

import pytest

from benchmarks._judged import OWN, Figures, Line, figures, lines
from benchmarks.linking import right

FLOORS = {
    "precision": 0.85,
    "recall": 0.62,
    "f1": 0.72,
    "recall_direct": 0.74,
    "first": 0.91,
    "direction": 0.90,
    "sure": 0.95,
    "told": 0.75,
}
"""A little under what is reached: a change that links worse fails here."""
FALSE_ALARMS_MAX = 0.06


@pytest.fixture(scope="module")
def reached() -> Figures:
    return right()


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_links_on_the_judged_set_are_as_right_as_they_were(reached: Figures, name: str) -> None:
    assert getattr(reached, name) >= FLOORS[name]


def test_stories_that_touch_nothing_stay_silent(reached: Figures) -> None:
    assert reached.false_alarms <= FALSE_ALARMS_MAX


def test_the_judged_set_is_large_mixed_and_sound() -> None:
    markets = {line["id"]: line for line in lines(OWN / "markets.jsonl")}
    stories = {line["id"]: line for line in lines(OWN / "stories.jsonl")}
    judged = {line["id"]: line["links"] for line in lines(OWN / "labels.jsonl")}
    assert len(markets) >= 80
    assert len(stories) >= 150
    assert judged.keys() == stories.keys()
    for id, links in judged.items():
        for link in links:
            assert markets[link["market_id"]]["end_date"] >= stories[id]["published"]
            assert link["grade"] in (0, 1, 2)
            assert link["direction"] in (-1, 0, 1)
    silent = [id for id, links in judged.items() if not any(x["grade"] for x in links)]
    assert len(silent) >= 0.45 * len(stories)
    pushes = Counter(x["direction"] for links in judged.values() for x in links if x["grade"])
    assert min(pushes[1], pushes[-1]) >= 50


JUDGED: list[Line] = [
    {
        "id": "s1",
        "links": [
            {"market_id": "a", "grade": 2, "direction": 1, "group": "g"},
            {"market_id": "b", "grade": 2, "direction": 1, "group": "g"},
            {"market_id": "c", "grade": 1, "direction": -1, "group": "h"},
            {"market_id": "d", "grade": 0, "direction": 0, "group": None},
        ],
    },
    {"id": "s2", "links": []},
    {"id": "s3", "links": []},
]


def said(id: str, *links: tuple[str, float, int]) -> Line:
    shown = [{"market_id": m, "relevance": r, "direction": d} for m, r, d in links]
    return {"id": id, "links": shown}


def test_groups_count_once_and_acceptable_links_not_at_all() -> None:
    answers = [said("s1", ("d", 0.9, 1), ("a", 0.85, 1), ("a", 0.8, -1), ("x", 0.6, 1))]
    got = figures(answers, JUDGED)
    assert (got.precision, got.recall, got.f1) == (0.5, 0.5, 0.5)
    assert (got.recall_direct, got.first, got.direction, got.sure) == (1.0, 1.0, 1.0, 1.0)
    assert got.false_alarms == 0.0


def test_a_link_where_none_belongs_is_a_false_alarm() -> None:
    got = figures([said("s1", ("c", 0.9, 1)), said("s2", ("a", 0.9, 1))], JUDGED)
    assert (got.precision, got.recall, got.recall_direct) == (0.5, 0.5, 0.0)
    assert (got.false_alarms, got.direction, got.first, got.sure) == (0.5, 0.0, 0.5, 0.5)


def test_silence_throughout_scores_nothing_and_raises_nothing() -> None:
    assert figures([], JUDGED) == Figures(0, 0, 0, 0, 0, 0, 0, 0, 0)
