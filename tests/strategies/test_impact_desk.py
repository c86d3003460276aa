"""The desk measures with all that it knows: the theme, the rivals, the prints, the day's pairs."""

from collections.abc import Iterable

import pytest

from feeds.events import Event
from feeds.markets import SHARE, Side
from strategies.decisions import ImpactSeen, Remembered, Verdict
from strategies.desk import Desk, DeskSettings, Scheduled
from tests.strategies.kit import (
    Session,
    WordLinker,
    at,
    opening,
    printed,
    quotes,
    story,
    ticking,
)

THEME = ("a", "b", "c", "d", "e", "f")


def desk(*names: str, **fields: object) -> Session:
    """Markets of one family, each quoted at even odds with half a day of past."""
    here = Session(Desk(DeskSettings(follow_busiest=20), (), WordLinker()))
    for name in names:
        here.feed(*opening(name, 0.0, tick=10, event_id=str(fields.get("event_id", name))))
    return here


def minutes(here: Session, until: int, moving: Iterable[str], by: float, step: int = 20) -> None:
    """Each market is quoted every few seconds; some step by ``by`` logits after two minutes."""
    names, jumping = tuple(here.desk.market_data.markets), frozenset(moving)
    for tick in ticking(1, 60 * until, step):
        jumped = tick.at_ns >= at(120)
        news: list[Event] = []
        for name in names:
            x = by if jumped and name in jumping else 0.0
            news += quotes(name, x, tick.at_ns, 10)
        here.feed(*news, tick)


def test_a_shock_to_all_markets_of_a_family_is_a_theme_move() -> None:
    here = desk(*THEME)
    here.feed(story(title="a"))
    minutes(here, 18, THEME, 0.9)
    impact = here.desk.impacts.measured["story", "a"]
    assert (impact.verdict, impact.peers) == (Verdict.THEME, 5)


def test_a_market_that_moves_alone_has_peers_that_did_not() -> None:
    here = desk(*THEME)
    here.feed(story(title="a"))
    minutes(here, 18, "a", 0.9)
    impact = here.desk.impacts.measured["story", "a"]
    assert (impact.verdict, impact.peers) == (Verdict.CLEAR, 5)
    assert abs(impact.theme or 0.0) < 0.05


def test_outcomes_of_the_same_event_are_no_peers() -> None:
    here = desk(*THEME, event_id="one")
    here.feed(story(title="a"))
    minutes(here, 6, THEME, 0.9)
    assert here.desk.impacts.measured["story", "a"].verdict is Verdict.CLEAR
    assert here.desk.impacts.measured["story", "a"].peers == 0


def test_markets_that_the_story_touches_too_are_no_peers() -> None:
    here = desk(*THEME)
    here.feed(story(title="a b c d e f"))
    minutes(here, 6, THEME, 0.9)
    assert {one.verdict for one in here.desk.impacts.measured.values()} == {Verdict.CLEAR}
    assert {one.peers for one in here.desk.impacts.measured.values()} == {0}


def test_a_move_without_prints_is_a_quote_move_until_somebody_trades() -> None:
    here = desk("a")
    here.feed(*ticking(1, 5))
    here.feed(story(title="a", at_ns=at(180)))
    minutes(here, 5, (), 0.0)
    for tick in ticking(300, 480, 20):
        here.feed(*quotes("a", 0.9, tick.at_ns, 10), tick)
    assert here.desk.impacts.measured["story", "a"].quote_move
    here.feed(printed("a-yes", 7_000, 10 * SHARE, Side.BUY, at(490)), *ticking(490, 500))
    assert here.desk.impacts.measured["story", "a"].trades == 1
    told = [one.impact.quote_move for one in here.of(ImpactSeen) if one.impact.stood_out]
    assert told[0] is True
    assert told[-1] is False


def test_prints_from_before_we_watched_are_not_missed_as_trades_that_never_were() -> None:
    here = desk("a")
    here.feed(story(title="a", published_ns=at(-600)))
    minutes(here, 6, "a", 0.9)
    assert here.desk.impacts.measured["story", "a"].trades is None


def test_a_rival_that_was_told_before_weighs_less() -> None:
    here = desk("a")
    here.feed(story("old", title="a again", novelty=0.1), story(title="a"))
    minutes(here, 6, "a", 0.9)
    own = here.desk.impacts.measured["story", "a"]
    assert (own.verdict, own.rivals) == (Verdict.CLEAR, ("old",))
    assert own.credit == pytest.approx(1 / 1.1)
    assert here.desk.impacts.measured["old", "a"].verdict is Verdict.SHARED


def test_a_scheduled_event_of_that_hour_is_named_as_a_rival() -> None:
    event = Scheduled(at(240), "earnings of a")
    settings = DeskSettings(calendar=(event, Scheduled(at(86_400), "tomorrow a")))
    here = Session(Desk(settings, (), WordLinker()))
    here.feed(*opening("a", 0.0, tick=10), *opening("b", 0.0, tick=10))
    here.feed(story(title="a b"))
    minutes(here, 6, "ab", 0.9)
    told = here.desk.impacts.measured["story", "a"]
    assert (told.verdict, told.rivals) == (Verdict.SHARED, ("earnings of a",))
    assert told.reason == "earnings of a came within the same half hour"
    assert here.desk.impacts.measured["story", "b"].verdict is Verdict.CLEAR


def test_a_clear_move_carries_its_chance_among_the_days_pairs() -> None:
    here = desk(*THEME)
    here.feed(*(story(name, title=name) for name in THEME))
    minutes(here, 8, "a", 0.9)
    clear = here.desk.impacts.measured["a", "a"]
    assert clear.significant
    assert 0 < (clear.chance or 0.0) < 0.05
    assert here.desk.impacts.measured["b", "b"].chance is None


def test_after_half_an_hour_a_move_is_a_precedent_for_the_next_story() -> None:
    here = desk("a")
    here.feed(story(title="a"))
    minutes(here, 32, "a", 0.9, step=30)
    (remembered,) = here.of(Remembered)
    assert (remembered.facet, remembered.family) == ("test", "test")
    assert remembered.logit == pytest.approx(0.9, abs=0.05)
    here.feed(story("next", title="a", at_ns=at(1_950)))
    known = here.desk.impacts.precedent("next", "a")
    assert (known.count, known.whole_logit) == (1, remembered.logit)
    assert known.median_logit == pytest.approx(remembered.logit / 21)


def test_a_desk_begins_with_the_precedents_of_earlier_sessions() -> None:
    before = desk("a")
    before.feed(story(title="a"))
    minutes(before, 32, "a", 0.9, step=30)
    here = Session(Desk(DeskSettings(), (), WordLinker()))
    here.desk.restore(precedents=before.of(Remembered))
    here.feed(*opening("a", 0.0, tick=10), story(title="a"))
    assert here.desk.impacts.precedent("story", "a").count == 1
