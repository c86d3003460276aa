"""Impact on synthetic tapes with a known truth, and each case in which nothing may be said."""

import math
import random

import pytest

from benchmarks.impact import DAY, START, Tape, delay, history, look, tape
from feeds.events import Story
from feeds.markets import MINUTE
from strategies.decisions import Impact, Verdict
from strategies.impact import (
    Absence,
    OddsHistory,
    Precedent,
    Precedents,
    Rival,
    abnormal_move,
    expit,
    logit,
    measure,
    story_time,
)

STORY = START + DAY * MINUTE
NULLS = 150
PLANTED = 60


def steady(
    minutes: int = DAY + 120, odds: float = 0.5, wobble: float = 0.02, seed: int = 5
) -> list[float]:
    """A market that breathes around its odds, ``wobble`` logits a minute, always returning."""
    rng = random.Random(seed)
    return [expit(logit(odds) + rng.gauss(0, wobble)) for _ in range(minutes)]


def seen(odds: list[float], until: int | None = None) -> OddsHistory:
    return history(Tape(odds, 0.005, 10), until)


def moved(odds: list[float], at: int, by: float, until: int | None = None) -> list[float]:
    """The same odds with a step of ``by`` logits from minute ``at`` (to ``until``)."""
    end = len(odds) if until is None else until
    return [expit(logit(p) + by) if at <= m < end else p for m, p in enumerate(odds)]


def after(past: OddsHistory, minutes: int, **more: object) -> Impact:
    return measure(past, "s", "m", STORY, STORY + minutes * MINUTE, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def nulls() -> list[OddsHistory]:
    rng = random.Random(11)
    return [history(tape(rng, jumps_a_day=0.0)) for _ in range(NULLS)]


@pytest.fixture(scope="module")
def planted() -> list[OddsHistory]:
    rng = random.Random(12)
    return [history(tape(rng, jump=0.8)) for _ in range(PLANTED)]


def test_without_a_story_effect_a_clear_move_is_seldom_seen(nulls: list[OddsHistory]) -> None:
    clear = sum(look(past, 60).verdict is Verdict.CLEAR for past in nulls)
    # one in two hundred is expected; four in 150 would come by chance once in a hundred
    assert clear <= 3


def test_ranks_under_the_null_are_spread_out(nulls: list[OddsHistory]) -> None:
    ranks = [p for past in nulls if (p := look(past, 15).rank_p) is not None]
    assert 0.3 < sum(p > 0.5 for p in ranks) / len(ranks) < 0.85
    assert sum(p < 0.05 for p in ranks) / len(ranks) < 0.1


def test_a_planted_move_is_found_with_its_sign_and_size(planted: list[OddsHistory]) -> None:
    looks = [look(past, 15) for past in planted]
    found = [one for one in looks if one.verdict is Verdict.CLEAR]
    assert len(found) >= 0.65 * len(looks)
    assert all((one.logit or 0) > 0 and (one.z or 0) > 0 for one in found)
    moves = sorted(one.logit or 0.0 for one in looks)
    assert abs(moves[len(moves) // 2] - 0.8) < 0.25


def test_within_the_hour_most_planted_moves_are_found_and_soon(planted: list[OddsHistory]) -> None:
    delays = sorted(minute for past in planted if (minute := delay(past)) is not None)
    assert len(delays) >= 0.78 * len(planted)
    assert delays[len(delays) // 2] <= 8


def test_the_half_life_of_planted_moves_is_about_right(planted: list[OddsHistory]) -> None:
    """Five minutes were planted."""
    told = sorted(half for past in planted if (half := look(past, 60).half_life) is not None)
    assert len(told) > len(planted) / 2
    assert 2.5 <= told[len(told) // 2] <= 10


def test_a_move_seen_live_is_still_clear_an_hour_on() -> None:
    past = seen(moved(steady(), DAY + 3, 0.9))
    verdicts = [after(past, minutes).verdict for minutes in (4, 20, 60, 110)]
    assert verdicts == [Verdict.CLEAR] * 4


def test_before_five_minutes_a_quiet_market_is_waited_for() -> None:
    past = seen(steady())
    assert after(past, 2).verdict is Verdict.WAITING
    assert after(past, 5).verdict is Verdict.NOISE
    assert "usual" in after(past, 5).reason


def test_a_market_that_moved_ten_minutes_before_led_the_story() -> None:
    past = seen(moved(steady(), DAY - 10, 0.9))
    impact = after(past, 15)
    assert impact.verdict is Verdict.LED
    assert impact.leak is not None
    assert impact.leak > 0.6


def test_two_stories_three_minutes_apart_share_a_move() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    other = STORY + 3 * MINUTE
    assert after(past, 15, others=(other,)).verdict is Verdict.SHARED
    assert after(past, 15, others=(Rival(other, 0.2),)).verdict is Verdict.CLEAR
    assert after(past, 15, others=(STORY - 200 * MINUTE,)).verdict is Verdict.CLEAR


def test_the_reason_says_whether_the_odds_went_the_linked_way() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9))
    assert "as linked" in after(past, 15, direction=1).reason
    assert "against the link" in after(past, 15, direction=-1).reason


def test_points_and_odds_are_those_of_the_book() -> None:
    past = seen(moved(steady(wobble=0.001), DAY + 2, 0.9))
    impact = after(past, 15)
    assert impact.before == pytest.approx(0.5, abs=0.01)
    assert impact.now == pytest.approx(expit(0.9), abs=0.01)
    assert impact.points == pytest.approx(100 * (impact.now - impact.before))
    assert impact.minutes == 15


def test_the_other_token_tells_the_same_with_the_other_sign(planted: list[OddsHistory]) -> None:
    rng = random.Random(12)
    for past in planted[:10]:
        drawn = tape(rng, jump=0.8)
        mirror = history(Tape([1 - p for p in drawn.odds], drawn.half, drawn.tick))
        yes, no = look(past, 30), look(mirror, 30)
        assert yes.verdict is no.verdict
        assert yes.z == pytest.approx(-(no.z or 0.0), abs=1e-6)
        assert yes.logit == pytest.approx(-(no.logit or 0.0), abs=1e-9)


def test_two_halves_of_a_tape_tell_what_one_tape_tells() -> None:
    odds = moved(steady(), DAY + 2, 0.4)
    once, twice = seen(odds), seen(odds, DAY + 30)
    after(twice, 20)
    for minute, value in list(enumerate(odds))[DAY + 30 :]:
        twice.observe(START + minute * MINUTE, value, 0.005, 10)
    for minutes in (3, 15, 60, 110):
        assert after(once, minutes) == after(twice, minutes)


def test_the_last_value_of_a_minute_counts_and_the_past_is_not_rewritten() -> None:
    past = OddsHistory()
    past.observe(START, 0.4, 0.01, 100)
    past.observe(START + MINUTE // 2, 0.5, 0.01, 100)
    past.observe(START + MINUTE, 0.6, 0.01, 100)
    past.observe(START, 0.9, 0.01, 100)
    assert (past.at(START), past.at(START + MINUTE), past.at(START - 1)) == (0.5, 0.6, None)
    assert past.last == 0.6


# what may not be measured, each with its reason


def test_nothing_is_said_without_odds_before_the_story() -> None:
    past = OddsHistory()
    past.observe(STORY + MINUTE, 0.5, 0.005, 10)
    impact = after(past, 15)
    assert (impact.verdict, impact.z, impact.before) == (Verdict.NOT_MEASURABLE, None, None)
    assert impact.reason == "no odds were seen before the story"


def test_nothing_is_said_with_under_six_hours_of_history() -> None:
    past = OddsHistory()
    for minute in range(DAY - 200, DAY + 60):
        past.observe(START + minute * MINUTE, 0.5, 0.005, 10)
    assert after(past, 15).verdict is Verdict.NOT_MEASURABLE
    assert after(past, 15).reason == "too little history: 3.3 of 6 hours"


@pytest.mark.parametrize(
    ("absence", "reason"),
    [
        (Absence.ONE_SIDED, "one side of the book was empty"),
        (Absence.FROZEN, "the book was stale or frozen"),
    ],
)
def test_nothing_is_said_while_the_book_is_unsound(absence: Absence, reason: str) -> None:
    past = seen(steady(), DAY)
    for minute in range(DAY, DAY + 60):
        past.observe(START + minute * MINUTE, None, 0.0, 10, absence)
    impact = after(past, 15)
    assert (impact.verdict, impact.reason) == (Verdict.NOT_MEASURABLE, reason)


def test_nothing_is_said_while_the_spread_is_wide() -> None:
    past = seen(steady(), DAY)
    for minute in range(DAY, DAY + 60):
        past.observe(START + minute * MINUTE, 0.8, 0.06, 10)
    assert after(past, 15).reason == "the spread was wider than 10 cents"


def test_nothing_is_said_when_no_quotes_come() -> None:
    past = seen(steady(), DAY)
    assert after(past, 15).reason == "no quotes were seen"


def test_quotes_that_return_at_another_price_are_no_move() -> None:
    past = seen(steady(), DAY + 2)
    for minute in range(DAY + 2, DAY + 9):
        past.observe(START + minute * MINUTE, None, 0.0, 10)
    for minute in range(DAY + 9, DAY + 60):
        past.observe(START + minute * MINUTE, 0.8, 0.005, 10)
    impact = after(past, 40)
    assert impact.verdict is Verdict.NOT_MEASURABLE
    assert "resumption" in impact.reason


def test_a_change_of_the_tick_ends_the_measure() -> None:
    past = seen(steady(), DAY + 3)
    for minute in range(DAY + 3, DAY + 60):
        past.observe(START + minute * MINUTE, 0.5, 0.005, 1)
    impact = after(past, 15)
    assert impact.verdict is Verdict.NOT_MEASURABLE
    assert "tick size" in impact.reason


def test_a_closed_market_is_not_measured() -> None:
    past = seen(steady(), DAY + 3)
    past.close(START + (DAY + 2) * MINUTE)
    assert after(past, 15).reason == "the market closed"
    early = seen(steady(), DAY + 3)
    early.close(STORY - 5 * MINUTE)
    assert after(early, 15).reason == "the market was closed"


def test_a_market_all_but_settled_is_not_measured() -> None:
    past = seen(steady(odds=0.985, wobble=0.001))
    assert "98 %" in after(past, 15).reason


def test_a_market_that_runs_to_the_edge_has_moved_clearly() -> None:
    past = seen(moved(steady(), DAY + 2, 6.0))
    impact = after(past, 15)
    assert impact.verdict is Verdict.CLEAR
    assert impact.logit == pytest.approx(logit(0.98), abs=0.1)


def test_nothing_moves_when_a_deadline_comes_nearer_without_news() -> None:
    days, deadline = 30, START + 31 * DAY * MINUTE
    hazard = 0.05 / DAY
    past = OddsHistory()
    flagged = 0
    for minute in range(days * DAY):
        now = START + minute * MINUTE
        odds = 1 - math.exp(-hazard * (deadline - now) / MINUTE)
        past.observe(now, odds, 0.0005, 1)
        if minute % 700 == 0 and minute > DAY:
            story = now - 60 * MINUTE
            impact = measure(past, "s", "m", story, now, deadline_ns=deadline)
            flagged += impact.verdict in (Verdict.CLEAR, Verdict.LED, Verdict.SHARED)
    assert flagged == 0


# odds, history and memory


def test_history_from_the_venue_fills_what_came_before() -> None:
    past = OddsHistory()
    past.observe(STORY, 0.5, 0.005, 10)
    past.backfill((START + m * MINUTE, odds) for m, odds in enumerate(steady(DAY)) if m % 5 == 0)
    for minute in range(DAY + 1, DAY + 20):
        past.observe(START + minute * MINUTE, 0.5, 0.005, 10)
    assert past.at(STORY) == 0.5
    assert past.stale_minutes(STORY - 60 * MINUTE, STORY) == 0
    assert after(past, 15).verdict is Verdict.NOISE


def test_sparse_history_is_stale_after_ten_minutes() -> None:
    past = OddsHistory()
    past.backfill([(START, 0.4), (START + 60 * MINUTE, 0.6)])
    assert past.stale_minutes(START, START + 60 * MINUTE) == 50
    assert past.at(START + 30 * MINUTE) == 0.4


def test_history_is_bounded() -> None:
    past = OddsHistory()
    for minute in range(4 * DAY):
        past.observe(START + minute * MINUTE, 0.5, 0.005, 10)
    assert past.at(START) is None
    assert past.at(START + (4 * DAY - 25 * 60) * MINUTE) == 0.5


def test_a_long_silence_starts_the_history_anew() -> None:
    past = OddsHistory()
    past.observe(START, 0.4, 0.005, 10)
    past.observe(START + 3 * DAY * MINUTE, 0.6, 0.005, 10)
    assert past.at(START) is None
    assert past.last == 0.6


def test_the_usual_move_grows_with_time_and_needs_history() -> None:
    assert OddsHistory().usual_move(5) is None
    past = history(tape(random.Random(3)))
    short, long = past.usual_move(3), past.usual_move(60)
    assert short is not None
    assert long is not None
    assert 0 < short < long


def test_the_sparkline_ends_with_the_newest_odds() -> None:
    past = seen([0.3 + m / 10_000 for m in range(1_000)])
    line = past.sparkline(20)
    assert len(line) == 20
    assert line[-1] == past.last
    assert list(line) == sorted(line)
    assert OddsHistory().sparkline(20) == ()


def test_a_jump_without_a_story_stands_out_and_a_quiet_market_does_not() -> None:
    past = seen(moved(steady(), DAY + 2, 0.9), DAY + 5)
    move = abnormal_move(past, START + (DAY + 4) * MINUTE)
    assert move is not None
    assert move.z >= 6
    assert move.logit == pytest.approx(0.9, abs=0.15)
    assert abnormal_move(past, START + DAY * MINUTE) is None
    assert abnormal_move(OddsHistory(), START) is None


def test_quotes_that_return_do_not_stand_out() -> None:
    past = seen(steady(), DAY)
    for minute in range(DAY, DAY + 8):
        past.observe(START + minute * MINUTE, None, 0.0, 10)
    past.observe(START + (DAY + 8) * MINUTE, 0.8, 0.005, 10)
    assert abnormal_move(past, START + (DAY + 8) * MINUTE) is None


def test_precedents_are_shrunk_when_few_and_bounded_when_many() -> None:
    memory = Precedents()
    assert memory.lookup("ipo", "ipo") == Precedent(0.0, 0, 0.0, 0.0)
    memory.add("ipo", "ipo", 0.4)
    assert memory.lookup("ipo", "ipo") == Precedent(pytest.approx(0.4 / 21), 1, 0.0, 0.4)
    for _ in range(500):
        memory.add("ipo", "ipo", 0.2)
    many = memory.lookup("ipo", "ipo")
    assert (many.count, many.whole_logit) == (200, 0.2)
    assert many.median_logit == pytest.approx(0.2 * 200 / 220)
    assert memory.lookup("ipo", "price").count == 0


@pytest.mark.parametrize(
    ("published", "note", "trusted"),
    [
        (STORY - 5 * MINUTE, "", True),
        (None, "", False),
        (STORY + 5 * MINUTE, "", False),
        (STORY - 5 * MINUTE, "was in the future", False),
        (STORY - 3 * DAY * MINUTE, "", False),
        (STORY // (DAY * MINUTE) * DAY * MINUTE, "", False),
    ],
)
def test_a_doubtful_time_of_publication_gives_way_to_first_seen(
    published: int | None, note: str, trusted: bool
) -> None:
    story = Story(
        at_ns=STORY,
        id="s",
        source="x",
        source_name="X",
        title="t",
        published_ns=published,
        first_seen_ns=STORY,
        cluster_id="s",
        date_note=note,
    )
    assert story_time(story) == (published if trusted else STORY)
