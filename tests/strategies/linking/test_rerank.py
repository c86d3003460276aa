"""What an outside judge may change of the links, and what it may not."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._judged import OWN, lines
from benchmarks.linking import right
from feeds.events import Grade, Judged, Opinion
from strategies.decisions import Link, Tier
from strategies.linking import Candidate, LinkableMarket, Linker
from strategies.linking.lines import StoryLine, link_lines, market_of, story_of
from strategies.linking.rerank import (
    ASKED_MAX,
    CANDIDATES_MAX,
    LADDER,
    LINKS_MAX,
    NOT_SURE,
    RELEVANCE,
    rejudged,
)

WHY = {1: "names it; pushes YES up.", -1: "names it; pushes YES down.", 0: "direction unclear."}
Way = Literal[-1, 0, 1]
BEARS, TOUCHES, UNSURE, NONE = Grade.BEARS, Grade.TOUCHES, Grade.UNSURE, Grade.NONE


def candidate(
    name: str,
    relevance: float = 0.7,
    direction: int = 1,
    ladder: int = 1,
    *,
    shown: bool = True,
    tier: Tier = Tier.BEARS,
) -> Candidate:
    ids = [f"{name}{step}" for step in range(ladder)]
    markets = tuple(LinkableMarket(id=id, question=f"Will {id}?") for id in ids[:ASKED_MAX])
    links = (Link(id, relevance, direction, WHY[direction], "launch", tier=tier) for id in ids)
    return Candidate(markets, tuple(links), shown)


def said(*opinions: Opinion) -> Judged:
    return Judged(1, "story", 0, "tiny-1", opinions)


def own(*candidates: Candidate) -> tuple[Link, ...]:
    return tuple(link for candidate in candidates if candidate.shown for link in candidate.links)


def after(one: Candidate, *opinions: Opinion, floor: float = 0.0) -> tuple[Link, ...]:
    return rejudged(own(one), (one,), said(*opinions), floor)


def test_the_judges_word_leads_and_every_link_it_had_a_say_in_names_it() -> None:
    both = candidate("a", 0.9), candidate("b", 0.6)
    opinions = said(Opinion("a0", TOUCHES, 1), Opinion("b0", BEARS, 1))
    links = rejudged(own(*both), both, opinions)
    assert [(x.market_id, x.relevance, x.tier) for x in links] == [
        ("b0", RELEVANCE[BEARS, True], Tier.BEARS),
        ("a0", RELEVANCE[TOUCHES, True], Tier.TOUCHES),
    ]
    assert {(link.judge, link.alone, link.facet) for link in links} == {("tiny-1", False, "launch")}
    assert links[0].why == "names it; judged by tiny-1; pushes YES up."


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("grade", Grade)
def test_each_grade_has_one_relevance_by_whether_the_linker_shows_it_too(
    grade: Grade, shown: bool
) -> None:
    links = after(candidate("a", shown=shown), Opinion("a0", grade, 1))
    known = RELEVANCE.get((grade, shown))
    assert [link.relevance for link in links] == ([] if known is None else [known])


def test_the_table_goes_down_from_grade_to_grade_and_is_higher_where_both_see_it() -> None:
    for shown in (True, False):
        assert RELEVANCE[BEARS, shown] > RELEVANCE[TOUCHES, shown]
    for grade in (BEARS, TOUCHES):
        assert RELEVANCE[grade, True] > RELEVANCE[grade, False] > 0.5
    assert RELEVANCE[UNSURE, True] < 0.5
    assert all(key[0] is not NONE for key in RELEVANCE)


def test_an_unsure_word_hides_nothing_that_is_shown_and_brings_nothing_into_sight() -> None:
    (link,) = after(candidate("a"), Opinion("a0", UNSURE, 1))
    assert (link.tier, link.relevance < 0.5) == (Tier.TOUCHES, True)
    assert after(candidate("a", shown=False), Opinion("a0", UNSURE, 1)) == ()
    assert after(candidate("a"), Opinion("a0", UNSURE, 1), floor=0.5) == ()


def test_what_was_asked_and_graded_none_goes_and_what_was_not_asked_stays() -> None:
    both = candidate("a"), candidate("b", 0.6)
    links = rejudged(own(*both), both, said(Opinion("a0", NONE)))
    assert links == both[1].links
    assert after(candidate("a"), Opinion("z0", BEARS, 1)) == candidate("a").links
    assert after(candidate("a", ladder=2), Opinion("a1", BEARS, -1)) == own(
        candidate("a", ladder=2)
    ), "the first of a ladder is asked about, no other"


def test_one_word_holds_for_all_markets_of_one_meaning_and_a_long_ladder_is_never_sure() -> None:
    short, long = candidate("a", ladder=3), candidate("b", ladder=LADDER + 1)
    links = rejudged((), (short, long), said(Opinion("a0", BEARS, 1), Opinion("b0", BEARS, 1)))
    assert [link.market_id for link in links[:3]] == ["a0", "a1", "a2"]
    assert {link.relevance for link in links[3:]} == {NOT_SURE}
    assert len(links) == 3 + LADDER + 1


def test_no_more_links_come_of_it_than_fit() -> None:
    many = tuple(candidate(f"n{number}-", ladder=6) for number in range(CANDIDATES_MAX))
    opinions = said(*(Opinion(one.markets[0].id, BEARS, 1) for one in many))
    assert len(rejudged((), many, opinions)) == LINKS_MAX


def mixed(*ways: int) -> Candidate:
    links = (Link(f"a{n}", 0.7, way, WHY[way], tier=Tier.BEARS) for n, way in enumerate(ways))
    return Candidate(candidate("a", ladder=3).markets, tuple(links), True)


def test_in_a_mixed_ladder_each_market_stands_to_the_first_as_the_linker_sees_it() -> None:
    turned = mixed(1, -1, 0)
    kept = rejudged(turned.links, (turned,), said(Opinion("a0", BEARS, -1, True)))
    assert {link.market_id: link.direction for link in kept} == {"a0": -1, "a1": 1, "a2": 0}
    kept = rejudged(turned.links, (turned,), said(Opinion("a0", BEARS, -1, False)))
    assert {link.direction for link in kept} == {-1}
    blind = mixed(0, 1)
    kept = rejudged(blind.links, (blind,), said(Opinion("a0", BEARS, 1, True)))
    assert [link.direction for link in kept] == [1, 0], "nobody sees how the second stands to it"


@pytest.mark.parametrize(
    ("linker", "judge", "alone"),
    [(1, 1, False), (1, 0, True), (1, -1, True), (0, -1, True), (0, 0, False), (-1, -1, False)],
)
def test_the_judges_direction_leads_and_one_that_the_linker_does_not_share_is_marked(
    linker: int, judge: Way, alone: bool
) -> None:
    (link,) = after(candidate("a", 0.7, linker), Opinion("a0", BEARS, judge))
    assert (link.direction, link.alone) == (judge, alone)
    assert {1: "YES up.", -1: "YES down.", 0: "unclear."}[judge] in link.why
    assert ("judged by tiny-1 alone" in link.why) == alone


def test_a_link_that_the_linker_hides_or_would_not_act_on_rests_on_the_judge_alone() -> None:
    (link,) = after(candidate("a", shown=False), Opinion("a0", BEARS, 1))
    assert link.alone
    near = candidate("a", tier=Tier.TOUCHES)
    assert [link.alone for link in after(near, Opinion("a0", BEARS, 1))] == [True]
    assert [link.alone for link in after(near, Opinion("a0", TOUCHES, 1))] == [False]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from((-1, 0, 1)), st.booleans()), max_size=6),
    st.lists(
        st.builds(
            Opinion,
            st.sampled_from(["c0-0", "c1-0", "c2-1", "zz"]),
            st.sampled_from(list(Grade)),
            st.sampled_from((-1, 0, 1)),
            st.booleans(),
        ),
        max_size=8,
    ),
)
def test_whatever_a_judge_says_no_link_leaves_the_pool_and_no_number_is_its_own(
    pool: list[tuple[float, int, bool]], opinions: list[Opinion]
) -> None:
    asked = tuple(
        candidate(f"c{n}-", share, way, ladder=2, shown=shown)
        for n, (share, way, shown) in enumerate(pool)
    )
    links = rejudged(own(*asked), asked, said(*opinions))
    known = {link.market_id: link for one in asked for link in one.links}
    assert len({link.market_id for link in links}) == len(links)
    for link in links:
        was = known[link.market_id]
        assert link == was or link.relevance in RELEVANCE.values()
        assert link.alone or link.direction == was.direction
    assert list(links) == sorted(links, key=lambda link: -link.relevance)


MARKETS = [
    {"id": "launch", "question": "Will AMD launch the MI450 by June 30, 2026?"},
    {"id": "largest", "question": "Will AMD be the largest company in the world on June 30?"},
]
STORY = {"id": "s", "title": "AMD brings MI450 launch forward"}


def test_candidates_hold_what_is_shown_and_what_nearly_was_and_no_more_than_twenty() -> None:
    linker, most, hidden = Linker(), 0, 0
    for number, line in enumerate(lines(OWN / "markets.jsonl"), 1):
        linker.add(market_of(line, number))
    for number, line in enumerate(lines(OWN / "stories.jsonl")[:60], 1):
        _, title, summary, published = story_of(line, number)
        found = linker.candidates(title, summary, published)
        for one in found:
            assert 1 <= len(one.markets) <= ASKED_MAX
            assert {market.id for market in one.markets} <= {link.market_id for link in one.links}
        shown = {link.market_id for link in linker.link(title, summary, published)}
        asked = {link.market_id for one in found for link in one.links}
        assert {x.market_id for one in found if one.shown for x in one.links} == shown & asked
        assert len(found) == CANDIDATES_MAX or shown <= asked
        most, hidden = max(most, len(found)), hidden + len(asked - shown)
    assert 1 < most <= CANDIDATES_MAX
    assert hidden


def test_lines_name_the_judge_where_it_had_a_say_and_only_there() -> None:
    def ask(story: StoryLine, asked: tuple[Candidate, ...]) -> Judged | None:
        assert (story.id, story.title, story.summary) == ("s", STORY["title"], "")
        return said(Opinion(asked[0].markets[0].id, TOUCHES, 1))

    (plain,) = link_lines(MARKETS, [STORY])
    (line,) = link_lines(MARKETS, [STORY], ask)
    first = line["links"][0]
    assert (first["market_id"], first["judge"], first["alone"]) == ("launch", "tiny-1", False)
    assert line["links"][1:] == plain["links"][1:]
    assert "judge" not in plain["links"][0]
    (silent,) = link_lines(MARKETS, [STORY], lambda *_: None)
    assert silent == plain


def test_a_judge_that_a_story_has_won_over_costs_silence_but_finds_no_less() -> None:
    """One that calls everything direct and good raises false alarms, all from the pool."""

    def won_over(_: StoryLine, asked: tuple[Candidate, ...]) -> Judged | None:
        return said(*(Opinion(one.markets[0].id, BEARS, 1) for one in asked))

    reached, plain = right(won_over), right()
    assert plain.false_alarms <= reached.false_alarms
    assert reached.recall >= plain.recall
