"""The practice world's questions: complete, coherent, and plainly practice."""

from collections import Counter, defaultdict
from datetime import date

import pytest

from practice.world.catalogue import Catalogue, MarketSpec, catalogue

DAY = date(2026, 11, 24)
AI_TAGS = {"AI", "Big Tech", "Hardware", "Data centres"}


@pytest.fixture(scope="module")
def world() -> Catalogue:
    return catalogue(7, DAY)


def _is_ai(market: MarketSpec) -> bool:
    return not AI_TAGS.isdisjoint(market.tags)


def _families(world: Catalogue) -> dict[str, list[MarketSpec]]:
    families: dict[str, list[MarketSpec]] = defaultdict(list)
    for market in world.markets:
        families[market.event].append(market)
    return families


def test_there_are_enough_markets_of_both_kinds(world: Catalogue) -> None:
    ai = [market for market in world.markets if _is_ai(market)]
    assert len(ai) >= 45
    assert len(world.markets) - len(ai) >= 100


def test_no_two_markets_share_a_question_or_a_slug(world: Catalogue) -> None:
    for values in ([m.question for m in world.markets], [m.slug for m in world.markets]):
        assert [value for value, times in Counter(values).items() if times > 1] == []


def test_every_market_has_one_event_and_every_event_a_market(world: Catalogue) -> None:
    slugs = [event.slug for event in world.events]
    assert len(slugs) == len(set(slugs))
    assert {market.event for market in world.markets} == set(slugs)


def test_outcomes_that_exclude_each_other_start_at_odds_that_add_up_to_one(
    world: Catalogue,
) -> None:
    families = _families(world)
    neg_risk = [event.slug for event in world.events if event.neg_risk]
    assert len(neg_risk) >= 4
    for slug in neg_risk:
        assert len(families[slug]) >= 3
        assert sum(m.start_probability for m in families[slug]) == pytest.approx(1.0, abs=0.001)


def test_only_markets_of_a_family_carry_a_short_name(world: Catalogue) -> None:
    for family in _families(world).values():
        names = [market.group_title for market in family]
        assert len(set(names)) == len(family)
        assert all(names) is (len(family) > 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_later_date_on_a_ladder_is_never_less_likely(seed: int) -> None:
    families = _families(catalogue(seed, DAY))
    ladders = [f for f in families.values() if len({m.end_days for m in f}) > 1]
    assert len(ladders) >= 3
    for ladder in ladders:
        by_date = sorted(ladder, key=lambda market: market.end_days)
        odds = [market.start_probability for market in by_date]
        assert odds == sorted(odds)


def test_questions_name_the_day_on_which_they_end(world: Catalogue) -> None:
    by_slug = {market.slug: market for market in world.markets}
    first = by_slug["china-licence-by-30d"]
    assert first.question.endswith("by December 24?")
    assert first.group_title == "December 24"
    assert by_slug["china-licence-by-60d"].question.endswith("by January 23, 2027?")
    assert by_slug["china-licence-by-60d"].end_days == 60
    assert "November 24" in by_slug["bitcoin-week-higher"].question


def test_every_description_gives_rules_and_says_that_it_is_practice(world: Catalogue) -> None:
    texts = [m.description for m in world.markets] + [e.description for e in world.events]
    for text in texts:
        assert "Resolves" in text
        assert "practice market of an invented world: nothing in it is real" in text
        assert "{" not in text
        assert "  " not in text


def test_ticks_and_fees_are_those_of_the_venue(world: Catalogue) -> None:
    fine = sum(market.tick == 10 for market in world.markets) / len(world.markets)
    assert 0.28 <= fine <= 0.4
    assert {market.tick for market in world.markets} == {10, 100}
    assert {market.fee_rate_e6 for market in world.markets} == {0, 40_000, 50_000, 70_000}
    assert {m.fee_rate_e6 for m in world.markets if "Crypto" in m.tags} == {70_000}
    assert {m.fee_rate_e6 for m in world.markets if "Sports" in m.tags} == {50_000}
    assert {m.fee_rate_e6 for m in world.markets if _is_ai(m)} == {40_000}


@pytest.mark.parametrize("seed", range(5))
def test_odds_fit_between_a_markets_ticks(seed: int) -> None:
    for market in catalogue(seed, DAY).markets:
        tick = market.tick / 10_000
        assert tick < market.start_probability < 1 - tick
        assert market.end_days >= 1
        assert 0.1 < market.activity < 10


def test_a_seed_sets_the_odds_and_a_day_only_the_words(world: Catalogue) -> None:
    assert catalogue(7, DAY) == world
    assert catalogue(8, DAY) != world
    later = catalogue(7, date(2027, 3, 1))
    assert [m.start_probability for m in later.markets] == [
        m.start_probability for m in world.markets
    ]
    assert [m.slug for m in later.markets] == [m.slug for m in world.markets]
    assert later != world


def test_without_a_day_the_world_starts_today() -> None:
    slugs = [market.slug for market in catalogue(7).markets]
    assert slugs == [market.slug for market in catalogue(7, DAY).markets]
