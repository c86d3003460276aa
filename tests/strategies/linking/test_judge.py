"""What an outside judge may change of the links, and what it may not."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._judged import OWN, lines
from benchmarks.linking import right
from feeds.events import Judged, Opinion
from strategies.decisions import Link
from strategies.linking import Candidate, LinkableMarket, Linker
from strategies.linking.judged import CANDIDATES_MAX, rejudged
from strategies.linking.lines import link_lines, market_of, story_of
from strategies.linking.score import NOT_SURE

WHY = {1: "names it; pushes YES up.", -1: "names it; pushes YES down.", 0: "direction unclear."}
Way = Literal[-1, 0, 1]


def candidate(name: str, relevance: float, direction: int = 1, ladder: int = 1) -> Candidate:
    market = LinkableMarket(id=f"{name}0", question=f"Will {name} happen?")
    ids = (f"{name}{step}" for step in range(ladder))
    links = (Link(id, relevance, direction, WHY[direction], "launch") for id in ids)
    return Candidate(market, tuple(links))


def said(*opinions: tuple[str, float, Way]) -> Judged:
    return Judged(1, "story", 0, "tiny-1", tuple(Opinion(*opinion) for opinion in opinions))


def own(*candidates: Candidate) -> tuple[Link, ...]:
    return tuple(link for candidate in candidates for link in candidate.links)


def test_the_judge_reranks_and_every_link_it_had_a_say_in_names_it() -> None:
    both = candidate("a", 0.7), candidate("b", 0.6)
    links = rejudged(own(*both), both, said(("a0", 0.4, 1), ("b0", 0.9, 1)), 0.5)
    assert [(link.market_id, link.relevance) for link in links] == [("b0", 0.75), ("a0", 0.55)]
    assert {link.judge for link in links} == {"tiny-1"}
    assert links[0].why == "names it; judged by tiny-1; pushes YES up."
    bare = Candidate(both[0].market, (Link("a0", 0.7, 0, "direction unclear."),))
    (link,) = rejudged(bare.links, (bare,), said(("a0", 0.7, 0)), 0.5)
    assert link.why == "judged by tiny-1; direction unclear."
    assert links[0].facet == "launch"


def test_what_the_judge_says_nothing_of_stays_as_it_was() -> None:
    both = candidate("a", 0.7), candidate("b", 0.6)
    links = rejudged(own(*both), both, said(("b0", 0.6, 1)), 0.5)
    assert links[0] == both[0].links[0]
    assert links[1].judge == "tiny-1"


def test_links_judged_irrelevant_go_and_hidden_ones_may_come_into_sight() -> None:
    shown, hidden = candidate("a", 0.7), candidate("b", 0.3)
    answer = said(("a0", 0.1, 1), ("b0", 0.9, 1))
    links = rejudged(own(shown), (shown, hidden), answer, 0.5)
    assert [link.market_id for link in links] == ["b0"]


def test_opinions_on_what_was_not_asked_change_nothing() -> None:
    one = candidate("a", 0.7)
    assert rejudged(own(one), (one,), said(("z0", 1.0, 1)), 0.5) == one.links


def test_one_opinion_holds_for_all_markets_of_one_meaning() -> None:
    one = candidate("a", 0.7, ladder=3)
    links = rejudged(own(one), (one,), said(("a0", 0.9, 1)), 0.5)
    assert [link.market_id for link in links] == ["a0", "a1", "a2"]
    assert {link.relevance for link in links} == {NOT_SURE}


def test_a_market_that_is_pushed_the_other_way_stays_so_under_the_judge() -> None:
    one = candidate("a", 0.7, ladder=2)
    other = Link("a1", 0.7, -1, WHY[-1], "launch")
    turned = Candidate(one.market, (one.links[0], other))
    links = rejudged(turned.links, (turned,), said(("a0", 0.9, 1)), 0.5)
    assert [link.direction for link in links] == [1, -1]


@pytest.mark.parametrize(
    ("linker", "judge", "told"),
    [(1, 1, 1), (1, 0, 1), (1, -1, 0), (0, -1, -1), (0, 0, 0), (-1, 1, 0), (-1, -1, -1)],
)
def test_a_direction_is_told_only_where_nobody_contradicts_it(
    linker: int, judge: Way, told: int
) -> None:
    one = candidate("a", 0.7, linker)
    (link,) = rejudged(own(one), (one,), said(("a0", 0.9, judge)), 0.5)
    assert link.direction == told
    assert {1: "YES up.", -1: "YES down.", 0: "unclear."}[told] in link.why


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from((-1, 0, 1)))
def test_no_judge_makes_sure_what_the_linker_is_not_sure_of(
    linker: float, judge: float, way: Way
) -> None:
    one = candidate("a", linker)
    for link in rejudged(own(one), (one,), said(("a0", judge, way)), 0.0):
        assert 0 <= link.relevance <= 1
        assert link.relevance < 0.8 or linker >= 0.79
        assert link.relevance <= max(round(linker, 4), NOT_SURE)


MARKETS = [
    {"id": "ipo", "question": "Will Anthropic IPO by June 30, 2026?"},
    {"id": "lead", "question": "Will Anthropic have the best AI model at the end of June 2026?"},
]
STORY = {"id": "s", "title": "Anthropic files confidentially for an IPO"}


def test_candidates_hold_what_is_shown_and_what_nearly_was_and_no_more_than_twelve() -> None:
    linker, most, hidden = Linker(), 0, 0
    for number, line in enumerate(lines(OWN / "markets.jsonl"), 1):
        linker.add(market_of(line, number))
    for number, line in enumerate(lines(OWN / "stories.jsonl")[:60], 1):
        _, title, summary, published = story_of(line, number)
        found = linker.candidates(title, summary, published)
        assert all(one.links[0].market_id == one.market.id for one in found)
        shown = {link.market_id for link in linker.link(title, summary, published)}
        asked = {link.market_id for one in found for link in one.links}
        assert len(found) == CANDIDATES_MAX or shown <= asked
        most, hidden = max(most, len(found)), hidden + len(asked - shown)
    assert 1 < most <= CANDIDATES_MAX
    assert hidden


def test_lines_name_the_judge_where_it_had_a_say_and_only_there() -> None:
    def ask(title: str, summary: str, asked: tuple[Candidate, ...]) -> Judged | None:
        assert (title, summary) == (STORY["title"], "")
        return said((asked[0].market.id, 0.9, 1))

    (plain,) = link_lines(MARKETS, [STORY])
    (line,) = link_lines(MARKETS, [STORY], ask, 0.5)
    first = line["links"][0]
    assert (first["market_id"], first["judge"]) == ("ipo", "tiny-1")
    assert line["links"][1:] == plain["links"][1:]
    assert "judge" not in plain["links"][0]
    (silent,) = link_lines(MARKETS, [STORY], lambda *_: None, 0.5)
    assert silent == plain


def test_a_judge_that_a_story_has_won_over_does_bounded_harm() -> None:
    """One that calls everything relevant and good raises few false alarms, and none as sure."""

    def won_over(title: str, summary: str, asked: tuple[Candidate, ...]) -> Judged | None:
        return said(*((one.market.id, 1.0, 1) for one in asked))

    reached = right(won_over, 0.5)
    assert reached.false_alarms <= 0.12
    assert reached.precision >= 0.75
    assert reached.sure >= 0.95
