"""The living market: deterministic, conserved, moved by stories and by nothing else."""

import math
from itertools import pairwise, takewhile
from random import Random
from statistics import median, pstdev

import pytest

from practice.clock import DAY, MINUTE, SECOND, ManualClock, WorldClock
from practice.exchange.audit import Auditor
from practice.exchange.orders import PRICE_ONE, YES
from practice.world.agents import logit, sigmoid
from practice.world.catalogue import Catalogue
from practice.world.catalogue import catalogue as real_catalogue
from practice.world.simulation import Happening, Moved, Published, World
from practice.world.stories import schedule
from tests.practice.worlds import START_NS, catalogue, market, story, world


def mid_logits(world: World, slug: str) -> list[float]:
    """The midpoint of YES for each world minute since the start, in logits."""
    return [logit(mid / (2 * PRICE_ONE)) for mid in world.mids[slug].values]


def stepped(world: World, step_ns: int, for_ns: int) -> list[Happening]:
    seen = []
    for at_ns in range(START_NS + step_ns, START_NS + for_ns + 1, step_ns):
        seen += world.advance(at_ns)
    return seen


@pytest.mark.parametrize("step_ns", [SECOND, 7 * SECOND, 3 * MINUTE])
def test_the_size_of_the_steps_changes_nothing(step_ns: int) -> None:
    whole = world(story(30, moved=0.8))
    parts = world(story(30, moved=0.8))
    for_ns = 21 * MINUTE  # a multiple of every step
    assert stepped(parts, step_ns, for_ns) == whole.advance(START_NS + for_ns)
    assert parts.truth() == whole.truth()
    for outcome in (0, 1):
        ours, theirs = (w.exchange.markets["moved"].levels(outcome) for w in (parts, whole))
        assert ours == theirs


def test_another_seed_is_another_world() -> None:
    seven, eight = world(seed=7), world(seed=8)
    assert seven.advance(START_NS + MINUTE) != eight.advance(START_NS + MINUTE)


def test_the_exchange_stands_at_each_happening_while_it_is_handed_out() -> None:
    living = world(story(30, moved=0.8))
    for happening in living.run(START_NS + 5 * MINUTE):
        assert living.now_ns == happening.at_ns
        if isinstance(happening, Moved):
            now = living.exchange.markets[happening.market]
            assert (now.bids.best(), now.asks.best()) == (happening.best_bid, happening.best_ask)


def test_applying_every_change_rebuilds_the_book() -> None:
    living = world(story(30, moved=-1.0))
    shadow = {
        (bid, price): size
        for bid, side in zip(
            (True, False), living.exchange.markets["moved"].levels(YES), strict=True
        )
        for price, size in side
    }
    for happening in living.advance(START_NS + 10 * MINUTE):
        if isinstance(happening, Moved) and happening.market == "moved":
            shadow |= {(change.bid, change.price): change.size for change in happening.changes}
    bids, asks = living.exchange.markets["moved"].levels(YES)
    rebuilt = {key: size for key, size in shadow.items() if size}
    assert rebuilt == {(True, p): s for p, s in bids} | {(False, p): s for p, s in asks}


@pytest.mark.parametrize("tick", [10, 100])
@pytest.mark.parametrize("move", [-1.0, 0.7])
def test_a_story_moves_odds_to_the_new_truth_within_fifteen_minutes(tick: int, move: float) -> None:
    shares: dict[int, list[float]] = {1: [], 3: [], 15: []}
    for seed in range(8):
        living = world(
            story(60.5, moved=move), seed=seed, markets=catalogue(market("moved", tick=tick))
        )
        living.advance(START_NS + 17 * MINUTE)
        path = mid_logits(living, "moved")
        for minutes, seen in shares.items():
            seen.append((path[1 + minutes] - path[1]) / move)
    assert 0.05 < median(shares[1]) < 0.8
    assert 0.2 < median(shares[3]) < 0.95
    assert 0.8 < median(shares[15]) < 1.2
    assert min(shares[3]) > 0.05, "every story shows within three minutes"


def test_a_market_without_a_story_stays_in_its_noise() -> None:
    ranges = []
    for seed in range(6):
        living = world(story(60, moved=1.0), seed=seed)
        living.advance(START_NS + 30 * MINUTE)
        path = mid_logits(living, "still")
        ranges.append(max(path) - min(path))
    assert max(ranges) < 0.3


def test_the_truth_says_what_a_story_did() -> None:
    living = world(story(90, moved=0.9))
    living.advance(START_NS + 5 * MINUTE)
    truth = living.truth()
    (told,) = truth["stories"]  # type: ignore[misc]
    assert told["effects"] == {"moved": 0.9}
    assert told["at_ns"] == START_NS + 90 * SECOND
    odds = truth["markets"]["moved"]["p"]  # type: ignore[index]
    assert odds[0] == pytest.approx(0.40, abs=1e-4)
    assert logit(odds[2]) - logit(odds[1]) == pytest.approx(0.9, abs=0.05)


def test_a_story_about_an_unknown_market_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="story story-30 moves 'nowhere'"):
        world(story(30, nowhere=0.5))


def test_prices_reach_back_a_day_and_join_the_running_world() -> None:
    living = world()
    living.advance(START_NS + 10 * MINUTE)
    points = living.prices("still", START_NS - DAY, START_NS + 10 * MINUTE)
    assert [t for t, _ in points] == [
        (START_NS - DAY + i * MINUTE) // SECOND for i in range(24 * 60 + 11)
    ]
    assert all(0.0 < p < 1.0 for _, p in points)
    joint = [logit(p) for _, p in points[24 * 60 - 1 : 24 * 60 + 2]]
    assert abs(joint[1] - joint[0]) < 0.15


def test_the_same_past_whatever_was_asked_before() -> None:
    early, late = world(), world()
    late.advance(START_NS + 30 * MINUTE)
    span = (START_NS - DAY, START_NS - MINUTE)
    assert early.prices("moved", *span) == late.prices("moved", *span)


def test_the_past_is_as_restless_as_the_running_market() -> None:
    def restlessness(points: list[float]) -> float:
        return pstdev(b - a for a, b in pairwise(points))

    ratios = []
    for seed in range(8):
        living = world(seed=seed)
        living.advance(START_NS + 90 * MINUTE)
        past = living.prices("still", START_NS - DAY, START_NS - MINUTE)
        before = restlessness([logit(p) for _, p in past])
        ratios.append(restlessness(mid_logits(living, "still")) / before)
    assert 0.6 < median(ratios) < 1.7


def test_a_price_that_passes_96_cents_gets_the_finer_grid() -> None:
    living = world(story(30, moved=1.2), markets=catalogue(market("moved", start_probability=0.95)))
    happenings = living.advance(START_NS + 20 * MINUTE)
    ticks = [h.tick for h in happenings if isinstance(h, Moved) and h.tick]
    assert [(tick.old, tick.new) for tick in ticks] == [(100, 10)]


# -- the whole world ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> tuple[World, list[Happening]]:
    markets = real_catalogue(11)
    living = World(11, markets, schedule(11, markets), START_NS)
    return living, living.advance(START_NS + 8 * MINUTE)


@pytest.mark.parametrize("seed", range(4))
def test_traders_live_with_any_grid_that_comes_over_them(seed: int) -> None:
    chance = Random(seed)
    shown = catalogue(market("moved", activity=6.0), market("calm", calm=True, activity=6.0))
    live = world(story(60, moved=1.0), seed=seed, markets=shown)
    auditor = Auditor(live.exchange)
    for step in range(1, 41):
        live.advance(live.anchor_ns + step * 30 * SECOND)
        for slug in live.lives:
            live.retick(slug, chance.choice((1_000, 100, 50, 25, 10, 1)))
    books = [(one.bids.best(), one.asks.best()) for one in live.exchange.markets.values()]
    assert all(bid is not None and ask is not None and bid < ask for bid, ask in books)
    assert auditor.told()["violations"] == []


def test_the_whole_world_conserves_every_millionth(whole: tuple[World, list[Happening]]) -> None:
    exchange = whole[0].exchange
    pairs = sum(market.pairs for market in exchange.markets.values())
    cash = sum(account.cash for account in exchange.accounts.values())
    assert cash + pairs == exchange.deposited


def test_every_book_of_the_whole_world_has_two_uncrossed_sides(
    whole: tuple[World, list[Happening]],
) -> None:
    for name, now in whole[0].exchange.markets.items():
        bid, ask = now.bids.best(), now.asks.best()
        assert bid is not None, name
        assert ask is not None, name
        assert bid < ask, name


def test_happenings_come_in_order_of_time(whole: tuple[World, list[Happening]]) -> None:
    times = [happening.at_ns for happening in whole[1]]
    assert times == sorted(times)
    assert any(isinstance(happening, Published) for happening in whole[1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_odds_begin_to_move_within_the_first_minutes_of_any_seed(seed: int) -> None:
    whole = real_catalogue(seed)
    stories = list(takewhile(lambda one: one.at_s < 180, schedule(seed, whole)))
    touched = {slug for one in stories for slug, _ in one.effects}
    markets = tuple(spec for spec in whole.markets if spec.slug in touched)
    living = World(seed, Catalogue(whole.events, markets), stories, START_NS)
    living.advance(START_NS + 6 * MINUTE)
    early = [p for p in living.told if p.story.effects]
    assert early
    moved = 0
    for published in early:
        slug, effect = max(published.story.effects, key=lambda pair: abs(pair[1]))
        path = mid_logits(living, slug)
        at = (published.at_ns - START_NS) // MINUTE
        moved += (path[at + 3] - path[at]) / effect > 0.15
    assert moved >= 0.7 * len(early)


def test_traffic_is_about_an_action_each_few_seconds_in_a_busy_market() -> None:
    living = world()
    happenings = living.advance(START_NS + 60 * MINUTE)
    actions = sum(isinstance(h, Moved) and h.market == "still" for h in happenings)
    assert 3.0 < 3600 / actions < 8.0


def test_logits_and_odds_are_each_others_inverse() -> None:
    for p in (0.001, 0.25, 0.5, 0.999):
        assert math.isclose(sigmoid(logit(p)), p)


# -- clocks ---------------------------------------------------------------------------------------


def test_world_time_runs_at_its_speed_and_never_back(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = START_NS
    monkeypatch.setattr("practice.clock.time.time_ns", lambda: wall)
    clock = WorldClock(60.0)
    assert clock.now_ns() == START_NS
    wall += SECOND
    assert clock.now_ns() == START_NS + MINUTE
    wall -= 10 * SECOND
    assert clock.now_ns() == START_NS + MINUTE


def test_a_manual_clock_moves_forward_only() -> None:
    clock = ManualClock(START_NS)
    clock.move(SECOND)
    assert clock.now_ns() == START_NS + SECOND
    with pytest.raises(ValueError, match="forward only"):
        clock.move(-1)
