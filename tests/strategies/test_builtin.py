"""Drift and fade at work: from a headline to equity, and every way not to trade."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from feeds.events import (
    BookHealth,
    BookState,
    FillSettled,
    MarketResolved,
    MarketSeen,
    Settlement,
)
from feeds.markets import DOLLAR, SHARE, Side
from strategies.builtin.drift import Drift, DriftParams
from strategies.decisions import Holding, Mandate, Place, Skipped, Suggested
from strategies.desk import Desk, DeskSettings, Enrolled
from strategies.roster import enrol
from tests.strategies.kit import (
    NOON,
    Session,
    WordLinker,
    at,
    books,
    fill,
    market,
    opening,
    quotes,
    story,
    ticking,
)

Path = Callable[[float], float]
"""Log-odds by minutes after the story."""


def informed(size: float, delay: float = 1.0, tau: float = 5.0) -> Path:
    """Odds that take in a story: nothing for a while, then most of it within minutes."""
    return lambda m: size * (1 - math.exp(-(m - delay) / tau)) if m > delay else 0.0


def still(_: float) -> float:
    return 0.0


def run(
    path: Path,
    *,
    x: float = 0.0,
    tick: int = 100,
    spread: int = 1,
    minutes: float = 20,
    direction: int = 1,
    relevance: float = 0.9,
    params: dict[str, Any] | None = None,
    name: str = "drift",
    told: bool = True,
    mandate: Mandate = Mandate.PAPER,
    **changes: Any,
) -> Session:
    """A market with a past, ten quiet minutes, a story (if told), and odds along a path."""
    desk = Desk(
        DeskSettings(session="t", cooldown_s=60),
        [enrol(name, params or {}, mandate)],
        WordLinker(direction, relevance),
    )
    here = Session(desk)
    here.feed(*opening("m", x, tick=tick))
    for moment in ticking(0, 600, 5):
        here.feed(*quotes("m", x, moment.at_ns, tick, spread), moment)
    if told:
        here.feed(story(title="the news of m", at_ns=at(600), **changes))
    for moment in ticking(600, 600 + 60 * minutes, 1):
        after = (moment.at_ns - at(600)) / 60e9
        if moment.at_ns % 5_000_000_000 == 0:
            here.feed(*quotes("m", x + path(after), moment.at_ns, tick, spread))
        here.feed(moment)
    return here


def reasons(here: Session) -> set[str]:
    return {each.gate for each in here.of(Skipped)}


@pytest.mark.parametrize(
    ("x", "tick", "spread"),
    [(0.0, 100, 1), (0.0, 100, 2), (-1.5, 10, 4), (1.2, 100, 1), (-2.2, 10, 2), (0.5, 10, 1)],
)
@pytest.mark.parametrize("size", [0.7, 1.2])
@pytest.mark.parametrize("direction", [1, -1])
def test_drift_follows_a_strong_story_within_minutes(
    x: float, tick: int, spread: int, size: float, direction: int
) -> None:
    here = run(informed(direction * size), x=x, tick=tick, spread=spread, direction=direction)
    first = here.of(Suggested)[0].suggestion
    waited = (first.at_ns - at(600)) / 60e9
    assert 1 < waited <= 4
    assert first.side is Side.BUY
    assert first.asset_id == ("m-yes" if direction > 0 else "m-no")
    assert first.edge >= 1.0
    assert here.desk.portfolio.positions[first.asset_id].fees > 0


def test_from_a_headline_to_equity() -> None:
    here = run(informed(1.0), tick=10, minutes=90)
    entry, way_out = [each.suggestion for each in here.of(Suggested)]
    assert (entry.side, way_out.side) == (Side.BUY, Side.SELL)
    assert way_out.reason.startswith("The odds have made the move")
    orders = [each.order for each in here.of(Place)]
    assert [order.origin for order in orders] == [entry.id, way_out.id]
    portfolio = here.desk.portfolio
    assert portfolio.held("m-yes") == 0
    assert portfolio.equity == portfolio.cash == 10_000 * DOLLAR + portfolio.realised
    assert portfolio.realised > 5 * DOLLAR
    assert all(record.over for record in here.desk.trading.orders.records.values())


def test_drift_gets_out_when_the_odds_turn_back() -> None:
    def turned(minutes: float) -> float:
        return informed(0.8)(minutes) if minutes < 4 else -0.1

    last = run(turned, tick=10).of(Suggested)[-1].suggestion
    assert (last.side, "turned back" in last.reason) == (Side.SELL, True)


def test_drift_gets_out_when_its_time_is_over() -> None:
    here = run(informed(0.3), tick=10, minutes=40, params={"hold_minutes": 30})
    last = here.of(Suggested)[-1].suggestion
    assert (last.side, "time is over" in last.reason) == (Side.SELL, True)


def test_drift_never_sells_what_a_person_bought() -> None:
    here = run(informed(1.0), tick=10, minutes=90, params={"budget": 10})
    bought, sold = (each.order for each in here.of(Place))
    assert sold.size == bought.size


def test_drift_leaves_alone_what_does_not_move() -> None:
    here = run(still)
    assert not here.of(Suggested)
    assert [each.gate for each in here.of(Skipped)] == ["move"] * 3, "at 0, 5 and 10 minutes"


def test_drift_leaves_alone_what_moves_against_the_story() -> None:
    assert not run(informed(-0.9)).of(Suggested)


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("relevance", {"relevance": 0.1}),
        ("direction", {"direction": 0}),
        ("novelty", {"novelty": 0.1}),
        ("spread", {"spread": 6}),
        ("edge", {"params": {"target": 0.12}}),
        ("noise", {"params": {"z_min": 20}, "minutes": 5.9, "path": informed(0.3)}),
    ],
)
def test_drift_says_why_it_does_not_trade(gate: str, changes: dict[str, Any]) -> None:
    here = run(**{"path": informed(0.8), **changes})
    assert not here.of(Suggested)
    assert gate in reasons(here)


def test_drift_leaves_a_move_alone_that_came_before_the_story() -> None:
    desk = Desk(DeskSettings(session="t"), [enrol("drift", {}, Mandate.PAPER)], WordLinker())
    here = Session(desk)
    here.feed(*opening("m", 0.0, tick=10))
    for moment in ticking(0, 2_400, 5):
        minutes = (moment.at_ns - NOON) / 60e9
        if moment.at_ns == at(1_500):
            here.feed(story(title="late news of m", at_ns=moment.at_ns))
        here.feed(*quotes("m", min(0.9, max(0, minutes - 5) * 0.06), moment.at_ns, 10), moment)
    assert not here.of(Suggested)
    assert "verdict" in reasons(here)


# -- fade --------------------------------------------------------------------------------------


def pushed(back: float = 0.0) -> Path:
    """A jump within a minute that stays a while, then comes part of the way back."""

    def path(minutes: float) -> float:
        jumped = 0.6 * min(1.0, max(0.0, minutes - 1))
        return jumped if minutes < 8 else jumped - back * min(1.0, (minutes - 8) / 3)

    return path


@pytest.mark.parametrize("way", [1, -1])
def test_fade_bets_against_a_jump_that_nothing_explains_and_takes_the_way_back(way: int) -> None:
    def path(minutes: float) -> float:
        return way * pushed(back=0.45)(minutes)

    here = run(path, tick=10, minutes=30, name="fade", told=False)
    entry, way_out = [each.suggestion for each in here.of(Suggested)][:2]
    assert entry.asset_id == ("m-no" if way > 0 else "m-yes")
    assert (entry.side, way_out.side) == (Side.BUY, Side.SELL)
    assert way_out.reason == "The odds have come back as far as was expected."
    assert here.desk.portfolio.realised > 0


def test_fade_leaves_a_jump_alone_that_a_story_explains() -> None:
    here = run(pushed(), tick=10, name="fade", told=True)
    assert not here.of(Suggested)
    assert "explained" in reasons(here)


def test_fade_waits_until_the_jump_has_come_to_rest() -> None:
    here = run(lambda m: 0.25 * m, tick=10, minutes=6, name="fade", told=False)
    assert not here.of(Suggested)
    assert "still moving" in reasons(here)


def test_fade_gets_out_when_a_story_comes_after_all() -> None:
    here = run(pushed(), tick=10, minutes=6, name="fade", told=False)
    assert here.desk.portfolio.held("m-no") > 0
    here.feed(story("late", title="why m jumped", at_ns=at(961)))
    last = here.of(Suggested)[-1].suggestion
    assert (last.side, "may have had its reason" in last.reason) == (Side.SELL, True)


def test_fade_gets_out_when_its_time_is_over() -> None:
    def path(minutes: float) -> float:
        return pushed()(minutes) + 0.01 * (int(minutes) % 2)

    here = run(path, tick=10, minutes=40, name="fade", told=False, params={"hold_minutes": 20})
    assert any("time is over" in each.suggestion.reason for each in here.of(Suggested))


def test_fade_leaves_an_ordinary_market_alone() -> None:
    here = run(lambda m: 0.02 * math.sin(m), tick=10, minutes=60, name="fade", told=False)
    assert not here.decisions or not here.of(Suggested)
    assert not here.of(Skipped)


# -- both --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drift", "fade"])
def test_a_book_that_is_not_live_is_not_traded_on(name: str) -> None:
    here = Session(Desk(DeskSettings(session="t"), [enrol(name, {}, Mandate.PAPER)], WordLinker()))
    here.feed(*opening("m", 0.0, tick=10))
    for moment in ticking(0, 1_500, 5):
        minutes = (moment.at_ns - at(600)) / 60e9
        if name == "drift" and moment.at_ns == at(600):
            here.feed(story(title="m", at_ns=at(600)))
        x = 0.9 * min(1.0, max(0.0, minutes))
        here.feed(*quotes("m", x, moment.at_ns, 10), moment)
        for asset_id in ("m-yes", "m-no"):
            here.feed(BookHealth(moment.at_ns, asset_id, BookState.STALE, "silent"))
    assert not here.of(Suggested)


@pytest.mark.parametrize("name", ["drift", "fade"])
def test_a_market_whose_fees_are_unknown_is_not_traded(name: str) -> None:
    desk = Desk(DeskSettings(session="t"), [enrol(name, {}, Mandate.PAPER)], WordLinker())
    here = Session(desk)
    here.feed(*opening("m", 0.0, tick=10), MarketSeen(at(1), market(fees=None, tick_size=10)))
    for moment in ticking(1, 1_500, 5):
        minutes = (moment.at_ns - at(600)) / 60e9
        if name == "drift" and int(minutes * 12) == 0 and "story" not in desk.news.stories:
            here.feed(story(title="m", at_ns=moment.at_ns))
        here.feed(*quotes("m", informed(0.9, 0)(minutes), moment.at_ns, 10), moment)
    assert not here.of(Place)


def test_a_thin_book_makes_a_small_order() -> None:
    desk = Desk(DeskSettings(session="t"), [enrol("drift", {}, Mandate.PAPER)], WordLinker())
    here = Session(desk)
    here.feed(*opening("m", 0.0, tick=10))
    here.feed(story(title="m", at_ns=at(1)))
    for moment in ticking(1, 400, 5):
        bid = 5_000 + 10 * int((moment.at_ns - NOON) / 3e9)
        thin = books("m", bid, bid + 10, at_ns=moment.at_ns, size=7 * SHARE, levels=2, tick=10)
        here.feed(*thin, moment)
    first = here.of(Suggested)[0].suggestion
    assert first.size == 14 * SHARE


# -- after a restart ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drift", "fade"])
def test_what_an_earlier_session_bought_is_still_its_strategys_and_is_sold(name: str) -> None:
    other = "fade" if name == "drift" else "drift"
    desk = Desk(
        DeskSettings(session="t"),
        [enrol(one, {"hold_minutes": 30}, Mandate.PAPER) for one in (name, other)],
        WordLinker(1, 0.9),
    )
    desk.restore(
        [fill("a", at_ns=NOON - 60), fill("b", order_id="by hand", at_ns=NOON - 60)],
        owners={"o1": name},
        holdings=[
            Holding(
                strategy=name,
                condition_id="m",
                asset_id="m-yes",
                since_ns=NOON - 60,
                price=5_000,
                edge=60.0,
            )
        ],
    )
    assert desk.trading.own == {(name, "m-yes"): 100 * SHARE, ("", "m-yes"): 100 * SHARE}
    here = Session(desk)
    here.feed(*opening("m", 0.0))
    for moment in ticking(0, 32 * 60, 5):
        here.feed(*quotes("m", 0.0, moment.at_ns, 100), moment)
    (way_out,) = [each.suggestion for each in here.of(Suggested)]
    assert (way_out.strategy, way_out.side, way_out.size) == (name, Side.SELL, 100 * SHARE)
    assert "time is over" in way_out.reason
    assert desk.portfolio.held("m-yes") == 100 * SHARE, "what a person bought stays"


def test_whose_shares_they_are_comes_back_as_it_was_left() -> None:
    desk = Desk(DeskSettings(session="t"))
    desk.restore(
        [
            fill("a"),
            fill("b", order_id="o2"),
            fill("b", order_id="o2"),
            fill("c", order_id="o2", side=Side.SELL, size=40 * SHARE),
            FillSettled(NOON, "a", "o1", Settlement.FAILED),
            fill("d", condition_id="x", asset_id="x-yes"),
            MarketResolved(NOON, "x", "x-yes"),
        ],
        owners={"o1": "drift", "o2": "fade"},
    )
    assert desk.trading.own == {("drift", "m-yes"): 0, ("fade", "m-yes"): 60 * SHARE}
    desk.handle(FillSettled(NOON + 1, "a", "o1", Settlement.CONFIRMED))
    assert desk.trading.own["drift", "m-yes"] == 100 * SHARE


def test_a_strategy_that_cant_take_up_what_it_held_is_parked_and_the_session_begins() -> None:
    class Lost(Drift):
        def resume(self, holdings: Sequence[Holding]) -> None:
            raise LookupError("no plan")

    desk = Desk(DeskSettings(session="t"), [Enrolled(Lost(DriftParams()), Mandate.PAPER)])
    holding = Holding(
        strategy="drift", condition_id="m", asset_id="m-yes", since_ns=NOON, price=5_000
    )
    desk.restore([fill("a")], owners={"o1": "drift"}, holdings=[holding])
    assert "no plan" in desk.signals.parked["drift"]
