"""Whose move it was: peers, rivals, prints, deadlines, and one among many."""

import math

import pytest

from benchmarks.impact import DAY, START, Tape, history
from feeds.markets import MINUTE
from strategies.decisions import Impact, Verdict
from strategies.impact import (
    ManyPairs,
    OddsHistory,
    Peers,
    Rival,
    deadline,
    expit,
    logit,
    measure,
    times,
)
from tests.strategies.kit import NOON, market
from tests.strategies.test_impact import STORY, after, moved, seen, steady


def peers(by: float, count: int = 5, at: int = DAY + 2) -> Peers:
    """Markets of a theme that moved ``by`` logits at a minute."""
    found = [seen(moved(steady(odds=0.3 + 0.05 * n, seed=n), at, by)) for n in range(count)]
    return Peers(lambda: found)


def test_a_move_that_its_peers_made_too_is_a_theme_move_with_both_figures() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    impact = after(past, 20, peers=peers(0.9))
    assert impact.verdict is Verdict.THEME
    assert "5 markets of its kind moved by +0." in impact.reason
    assert impact.theme == pytest.approx(0.9, abs=0.1)
    assert abs(impact.z or 0) > 5, "the raw figure stays"
    assert abs(impact.z_adjusted or 9) < 3


def test_a_move_far_beyond_that_of_its_peers_is_its_own() -> None:
    past = seen(moved(steady(), DAY + 2, 1.2))
    impact = after(past, 20, peers=peers(0.2))
    assert impact.verdict is Verdict.CLEAR
    assert (impact.z_adjusted or 0) < (impact.z or 0)
    assert impact.peers == 5


def test_peers_that_went_nowhere_explain_nothing_however_wild_they_were() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    wild = [seen(moved(steady(seed=n), DAY + 2, by)) for n, by in enumerate((-2, -1, 0, 1, 2))]
    impact = after(past, 20, peers=Peers(lambda: wild))
    assert (impact.verdict, impact.peers) == (Verdict.CLEAR, 5)
    assert abs(impact.z_adjusted or 9) < 3


def test_a_move_that_another_story_turned_is_no_theme_move() -> None:
    odds = moved(moved(steady(), DAY + 2, 0.9), DAY + 10, -2.0)
    impact = after(seen(odds), 30, peers=peers(0.0))
    assert impact.verdict is Verdict.CLEAR


def test_a_market_that_moved_less_than_its_theme_has_no_move_of_its_own() -> None:
    past = seen(moved(steady(), DAY + 2, 0.6))
    assert after(past, 20, peers=peers(1.2)).verdict is Verdict.THEME


def test_three_peers_are_too_few_to_say_anything_of_a_theme() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    impact = after(past, 20, peers=peers(0.9, count=3))
    assert (impact.verdict, impact.peers, impact.z_adjusted) == (Verdict.CLEAR, 0, None)


def test_peers_without_quotes_do_not_count_as_peers_that_stood_still() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    silent = [seen(steady(seed=n), DAY) for n in range(5)]
    assert after(past, 20, peers=Peers(lambda: silent)).peers == 0


def test_peers_are_not_asked_while_nothing_stands_out() -> None:
    def asked() -> list[OddsHistory]:
        raise AssertionError("a quiet market needs no peers")

    assert after(seen(steady()), 20, peers=Peers(asked)).verdict is Verdict.NOISE


def test_what_peers_did_in_minutes_gone_by_is_worked_out_once() -> None:
    asked = 0

    def find() -> list[OddsHistory]:
        nonlocal asked
        asked += 1
        return [seen(moved(steady(seed=n), DAY + 2, 0.9)) for n in range(5)]

    past, theirs = seen(moved(steady(), DAY + 2, 0.9)), Peers(find)
    verdicts = [after(past, minutes, peers=theirs).verdict for minutes in (16, 20, 40, 60)]
    assert verdicts == [Verdict.THEME] * 4
    assert asked == 1


def test_a_turn_against_what_went_before_is_the_storys_own() -> None:
    odds = moved(moved(steady(), DAY - 15, -0.9), DAY + 2, 0.8)
    impact = after(seen(odds), 20)
    assert impact.leak == pytest.approx(2.0)
    assert impact.verdict is Verdict.CLEAR


@pytest.mark.parametrize(("weight", "verdict"), [(1.0, "SHARED"), (1 / 3, "CLEAR")])
def test_a_rival_three_minutes_later_shares_unless_it_is_three_times_weaker(
    weight: float, verdict: str
) -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    impact = after(past, 15, others=(Rival(STORY + 3 * MINUTE, weight, "other"),))
    assert impact.verdict is Verdict[verdict]
    assert impact.rivals == ("other",)
    assert 0 < (impact.credit or 0) < 1


def test_a_story_that_came_long_after_the_move_is_named_and_takes_no_credit() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    impact = after(past, 45, others=(Rival(STORY + 40 * MINUTE, 1.0, "late"),))
    assert (impact.verdict, impact.rivals, impact.credit) == (Verdict.CLEAR, ("late",), 1.0)


def test_a_move_without_a_trade_is_a_quote_move() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    assert after(past, 15, trades=0).quote_move
    assert not after(past, 15, trades=3).quote_move
    assert not after(past, 15).quote_move, "nobody watched the prints"
    assert not after(seen(steady()), 15, trades=0).quote_move


def test_half_life_waits_for_the_hour_and_is_that_of_the_move() -> None:
    odds = [
        expit(logit(p) + (0 if m <= DAY else 1.2 * (1 - 0.5 ** ((m - DAY) / 8))))
        for m, p in enumerate(steady(wobble=0.005))
    ]
    past = seen(odds)
    assert after(past, 59).half_life is None
    assert after(past, 60).half_life == pytest.approx(8, abs=1)


def test_a_move_has_faded_as_soon_as_little_is_left_and_stuck_only_after_four_hours() -> None:
    stays = steady(DAY + 245)
    stuck = seen(moved(stays, DAY + 2, 0.9))
    assert after(stuck, 14).persistence is None
    assert after(stuck, 61).persistence == pytest.approx(1.0, abs=0.1)
    assert after(stuck, 61).lasting == ""
    assert after(stuck, 240).lasting == "stuck"
    faded = seen(moved(stays, DAY + 2, 0.9, until=DAY + 22))
    assert [after(faded, minutes).lasting for minutes in (20, 24, 240)] == ["", "faded", "faded"]


def test_a_quiet_market_that_ticks_once_has_not_moved_clearly() -> None:
    """Hours without a change make nothing of the smallest step that there is."""
    still = [0.5] * (DAY + 2) + [0.501] * 60
    assert after(seen(still), 15).verdict is Verdict.NOISE
    jumped = [0.5] * (DAY + 2) + [0.56] * 60
    impact = after(seen(jumped), 15)
    assert impact.verdict is Verdict.CLEAR
    assert impact.reason.startswith("over 10 times its usual move")


def test_a_small_move_is_never_clear_however_calm_the_market_was() -> None:
    """Two ticks of a tenth of a cent, which at a spread of one tick never happened all day."""
    small = [0.5] * (DAY + 2) + [0.502] * 60
    impact = after(history(Tape(small, 0.0005, 10)), 20)
    assert impact.verdict is Verdict.NOISE
    assert impact.reason.startswith("a small move in a calm market: ")
    assert (impact.z or 0) > 3


def test_between_three_and_five_usual_moves_time_will_tell_and_then_has_told() -> None:
    past = seen(moved(steady(wobble=0.05), DAY + 2, 0.22))
    early, late = after(past, 10), after(past, 40)
    assert 3 < (early.z or 0) < 5
    assert early.verdict is Verdict.WAITING
    assert early.reason.endswith("a quarter hour will tell")
    assert late.verdict is not Verdict.WAITING


def test_the_share_of_the_credit_is_told_where_others_could_claim_some() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    told = after(past, 15, others=(Rival(STORY + 3 * MINUTE, 0.2, "other"),)).reason
    assert told.endswith("% of the credit its own")
    assert "credit" not in after(past, 15).reason


def test_figures_beyond_ten_are_said_to_be_over_ten() -> None:
    assert (times(4.24), times(-9.96), times(-80.0)) == ("4.2 times", "10.0 times", "over 10 times")


# one among many


def test_one_clear_pair_among_many_like_it_by_chance_is_not_significant() -> None:
    pairs = ManyPairs()
    for number in range(200):
        pairs.note((f"s{number}", "m"), NOON, (number + 1) / 201)
    assert pairs.expected_false(("s0", "m"), NOON) == pytest.approx(200 / 201)
    pairs.note(("clear", "m"), NOON, 0.0001)
    assert (pairs.expected_false(("clear", "m"), NOON) or 1) < 0.05


def test_the_adjusted_chance_is_that_of_the_step_up_rule() -> None:
    pairs = ManyPairs()
    for name, p in zip("abcde", (0.01, 0.02, 0.03, 0.5, 0.9), strict=True):
        pairs.note((name, "m"), NOON, p)
    told = [pairs.expected_false((name, "m"), NOON) for name in "abcde"]
    assert told == pytest.approx([0.05, 0.05, 0.05, 0.625, 0.9])
    assert pairs.expected_false(("stranger", "m"), NOON) is None


def test_pairs_of_yesterday_do_not_count_and_the_oldest_give_way() -> None:
    pairs = ManyPairs()
    for number in range(3_000):
        pairs.note((str(number), "m"), NOON, 0.5)
    assert pairs.expected_false(("0", "m"), NOON) is None
    pairs.note(("today", "m"), NOON + DAY * 2 * MINUTE, 0.04)
    assert pairs.expected_false(("today", "m"), NOON + DAY * 2 * MINUTE) == pytest.approx(0.04)
    pairs.forget(("today", "m"))
    assert pairs.expected_false(("today", "m"), NOON) is None


@pytest.mark.parametrize(("chance", "significant"), [(None, True), (0.05, True), (0.2, False)])
def test_a_clear_move_is_significant_while_chance_is_small(
    chance: float | None, significant: bool
) -> None:
    clear = Impact("s", "m", NOON, Verdict.CLEAR, "", chance=chance)
    assert clear.significant is significant
    assert not Impact("s", "m", NOON, Verdict.SHARED, "", chance=chance).significant


def test_a_move_that_came_late_in_the_hour_is_significant_as_soon_as_it_is_clear() -> None:
    past = seen(moved(steady(), DAY + 24, 0.9))
    calm, late = after(past, 20), after(past, 27)
    assert calm.rank_p is not None
    assert calm.rank_p > 0.5
    assert late.verdict is Verdict.CLEAR
    assert late.rank_p is not None
    assert late.rank_p < 0.001


# deadlines


@pytest.mark.parametrize(
    "question",
    [
        "Will OpenAI release GPT-6 by March 31?",
        "Anthropic IPO before 2027?",
        "Will Nvidia announce it by the end of June?",
        "Will it be signed by Q3?",
        "OpenAI IPO by 31 December 2026?",
        "Will Grok 5 be released in 2026?",
        "Will it be out on or before May 5?",
        "Will Bitcoin hit $200k by year-end?",
    ],
)
def test_a_question_with_a_deadline_drifts_by_itself(question: str) -> None:
    assert deadline(market(question=question, end_ns=NOON)) == NOON


@pytest.mark.parametrize(
    "question",
    [
        "Will Manus be acquired by Meta?",
        "Largest company by market cap on June 30?",
        "Which company has the best AI model end of July?",
        "Will Nvidia close above $200 on December 31?",
        "Will OpenAI not release GPT-6 by March 31?",
        "Will Google have the top model in 2026?",
        "Will it grow by 10 points?",
        "Will the chip be made by Marvell?",
    ],
)
def test_a_question_about_a_standing_or_an_author_does_not(question: str) -> None:
    assert deadline(market(question=question, end_ns=NOON)) is None


def test_without_a_known_end_there_is_no_drift() -> None:
    assert deadline(market(question="Will it ship by March 31?")) is None


def test_the_fall_of_silence_is_no_impact_and_a_fall_against_the_clock_is() -> None:
    """Two days before the deadline the odds fall by a third without any news."""
    end = START + (DAY + 2 * DAY) * MINUTE
    rate = 0.7 / (2 * DAY)
    falling = [1 - math.exp(-rate * (3 * DAY - m)) for m in range(DAY + 120)]
    impact = measure(seen(falling), "s", "m", STORY, STORY + 100 * MINUTE, deadline_ns=end)
    assert impact.logit == pytest.approx(0.0, abs=0.002)
    bare = measure(seen(falling), "s", "m", STORY, STORY + 100 * MINUTE)
    assert (bare.logit or 0) < -0.01
