"""The linker as a whole: what it holds, what it says, and that it says the same every time."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import msgspec
import pytest

from feeds.events import Near
from feeds.markets import Market, Outcome
from strategies.linking import LINKS_MAX, LinkableMarket, Linker, linkable
from strategies.linking.calibration import rungs
from strategies.linking.dates import DAY_NS, day_of
from strategies.linking.features import STAGE_A
from strategies.linking.ranker import Stage, load

REPO = Path(__file__).resolve().parents[3]
TITLE = "Anthropic files confidentially for an IPO"


def ipo(id: str = "a", end: int | None = None, company: str = "Anthropic") -> LinkableMarket:
    return LinkableMarket(id=id, question=f"Will {company} IPO by June 30, 2026?", end_ns=end)


def ids(linker: Linker, title: str = TITLE, when: int | None = None) -> list[str]:
    return [link.market_id for link in linker.link(title, "", when)]


def showing_all(meaning: bool) -> Stage:
    """The stage that ships, but for its floor."""
    return load(meaning)._replace(floor=0.0)


def test_an_empty_linker_answers_with_nothing() -> None:
    assert Linker().link(TITLE) == ()


def test_an_empty_headline_touches_nothing() -> None:
    linker = Linker()
    linker.add(ipo())
    assert linker.link("") == ()


def test_a_removed_market_is_never_linked_again() -> None:
    linker = Linker(showing_all)
    linker.add(ipo("a"))
    linker.add(ipo("b"))
    linker.remove("a")
    assert ids(linker) == ["b"]
    linker.remove("b")
    assert (ids(linker), len(linker)) == ([], 0)


def test_removing_an_unknown_market_changes_nothing() -> None:
    linker = Linker(showing_all)
    linker.add(ipo())
    linker.remove("elsewhere")
    assert ids(linker) == ["a"]


def test_a_market_added_again_is_replaced() -> None:
    linker = Linker()
    linker.add(ipo("a"))
    linker.add(ipo("a", company="Databricks"))
    assert (ids(linker), len(linker)) == ([], 1)


def test_a_story_after_the_end_never_links() -> None:
    linker = Linker(showing_all)
    linker.add(ipo("a", end=day_of(2026, 6, 30) * DAY_NS))
    assert ids(linker, when=day_of(2026, 6, 30) * DAY_NS) == ["a"]
    assert ids(linker, when=day_of(2026, 7, 1) * DAY_NS) == []


def test_what_is_announced_for_after_the_deadline_pushes_down() -> None:
    linker = Linker(showing_all)
    linker.add(ipo("june", end=day_of(2026, 12, 31) * DAY_NS))
    linker.add(LinkableMarket(id="year", question="Will Anthropic IPO by December 31, 2026?"))
    story = "Anthropic plans a fourth-quarter IPO"
    links = linker.link(story, "", day_of(2026, 3, 1) * DAY_NS)
    assert {link.market_id: link.direction for link in links} == {"june": -1, "year": 1}


def test_the_only_question_there_is_can_be_near_too() -> None:
    linker = Linker(showing_all)
    linker.add(ipo())
    near = Near("a", title=0.9, whole=0.9, hub=0.82)
    assert [link.market_id for link in linker.link(TITLE, near=(near,))] == ["a"]


def test_links_are_bounded_and_best_first() -> None:
    linker = Linker(showing_all)
    for first, second, day in product("bcdfghj", "bcdfghj", (10, 15, 20)):
        panel = f"{first}o{second}a".capitalize()
        question = f"Will Anthropic IPO by June {day}, 2026, as the {panel} panel counts it?"
        linker.add(LinkableMarket(id=f"{panel} {day}", question=question))
    links = linker.link(TITLE)
    assert len(links) == LINKS_MAX < len(linker)
    assert [link.relevance for link in links] == sorted(
        (link.relevance for link in links), reverse=True
    )


def test_of_a_long_ladder_the_rungs_that_end_first_go_first() -> None:
    linker = Linker(showing_all)
    for day in range(1, 31):
        question, last = f"Will Anthropic IPO by June {day}, 2026?", day_of(2026, 6, day) * DAY_NS
        linker.add(LinkableMarket(id=f"{31 - day:02}", question=question, end_ns=last))
    links = linker.link(TITLE)
    assert [link.market_id for link in links[:3]] == ["30", "29", "28"]
    assert len(links) == rungs(links[0].relevance, 30)


def test_relevance_is_a_probability_and_why_is_one_sentence() -> None:
    linker = Linker(showing_all)
    linker.add(ipo())
    (link,) = linker.link(TITLE)
    assert 0 < link.relevance <= 1
    assert link.why.endswith(".")
    assert "Anthropic" in link.why
    assert "IPO" in link.why
    assert "up" in link.why
    assert link.facet == "ipo"


def test_the_explanation_holds_every_candidate_with_its_columns() -> None:
    linker = Linker(showing_all)
    linker.add(ipo("near"))
    linker.add(ipo("far", company="SpaceX"))
    near, far = linker.explain(TITLE)
    assert ([m.id for m in near.pooled.open], near.shown) == (["near"], True)
    assert near.pooled.reading.relation == "self"
    assert ([m.id for m in far.pooled.open], far.pooled.reading.relation) == (["far"], "rival")
    assert near.columns[STAGE_A.index("self")] == 1.0
    assert len(near.columns) == len(STAGE_A)
    assert linker.family("near") == "ipo"
    assert linker.family("nowhere") == ""


def test_a_market_made_after_the_story_is_no_answer_to_it() -> None:
    linker = Linker(showing_all)
    linker.add(ipo("older"))
    late = ipo("late", company="Anthropic")
    made = day_of(2026, 3, 10) * DAY_NS + 5
    linker.add(msgspec.structs.replace(late, created_ns=made))
    assert ids(linker, when=day_of(2026, 3, 9) * DAY_NS) == ["older"]
    assert sorted(ids(linker, when=day_of(2026, 3, 10) * DAY_NS)) == ["late", "older"]
    assert sorted(ids(linker)) == ["late", "older"]


def test_a_catalogue_market_keeps_what_the_linker_needs() -> None:
    market = Market(
        condition_id="0x1",
        question="Will Anthropic IPO by June 30, 2026?",
        yes=Outcome("Yes", "1"),
        no=Outcome("No", "2"),
        event_title="Which lab lists first?",
        tick_size=100,
        min_order_size=5_000_000,
        end_ns=7,
        tags=("AI",),
    )
    kept = linkable(market)
    assert (kept.id, kept.end_ns, kept.event) == ("0x1", 7, "Which lab lists first?")
    assert (kept.outcomes, kept.tags) == (("Yes", "No"), ("AI",))


def test_the_order_in_which_markets_came_does_not_matter() -> None:
    markets = [ipo("a"), ipo("b", company="OpenAI"), ipo("c", company="SpaceX")]
    forward, backward = Linker(), Linker()
    for market in markets:
        forward.add(market)
    for market in reversed(markets):
        backward.add(market)
    assert forward.link(TITLE) == backward.link(TITLE)


SCRIPT = """
from benchmarks.linking import markets, stories
from strategies.linking import Linker
linker = Linker()
for market in markets(count=300):
    linker.add(market)
for title, summary in stories(count=40):
    for link in linker.link(title, summary, 0):
        print(link)
"""


@pytest.mark.parametrize("seed", ["1", "77"])
def test_hash_seeds_do_not_change_the_links(seed: str) -> None:
    def run(value: str) -> str:
        env = {**os.environ, "PYTHONHASHSEED": value}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=REPO,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert run(seed) == run("0") != ""


@pytest.mark.parametrize(
    "title",
    [
        "\x1b[31mOpenAI\x1b[0m IPO",
        "[bold]OpenAI[/] IPO",
        "IPO " * 5_000,
        "\u202eOPI IAnepO",
        "💥" * 900,
    ],
)
def test_hostile_headlines_are_only_text(title: str) -> None:
    linker = Linker()
    linker.add(ipo(company="OpenAI"))
    for link in linker.link(title, title):
        assert link.market_id == "a"
