"""The practice press: enough of everything, true effects, the same for the same seed."""

import re
from collections import Counter
from datetime import date
from itertools import islice, takewhile

import pytest

from practice.world.catalogue import Catalogue, catalogue
from practice.world.stories import (
    DRIFT_MAX,
    SOURCES,
    Happening,
    Odds,
    StorySpec,
    schedule,
    templates,
    written,
)

DAY = date(2026, 11, 24)
LONG_RUN = 2_000
# what a careless screen would act upon: controls, direction marks, no-width signs, tags, markup
HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
    r"|<[a-z/]|&[a-z#]|\[/?[a-z@]*[]=]|javascript:|file:|%s|\$\{HOME|^[=@+-]",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def markets() -> Catalogue:
    return catalogue(7, DAY)


@pytest.fixture(scope="module")
def told(markets: Catalogue) -> list[StorySpec]:
    return list(islice(schedule(7, markets), LONG_RUN))


def _moving() -> list[Happening]:
    return [happening for happening in written() if happening.effects]


def _ai_slugs(markets: Catalogue) -> set[str]:
    return {m.slug for m in markets.markets if m.fee_rate_e6 == 40_000 and "AI" in m.tags}


def test_there_are_enough_stories_of_every_kind(markets: Catalogue) -> None:
    ai = _ai_slugs(markets)
    kinds = Counter(happening.kind for happening in written())
    assert len(written()) >= 160
    assert len([h for h in _moving() if not ai.isdisjoint(h.effects)]) >= 70
    assert kinds["aside"] >= 65
    assert kinds["hostile"] >= 10
    assert sum(bool(h.retold) for h in written()) >= len(written()) / 3
    assert sum(h.edited is not None for h in written()) >= 10
    assert any(0 < h.strongest <= 0.25 for h in written())


def test_ids_and_headlines_are_used_once() -> None:
    titles = [h.title for h in written()] + [t.title for h in written() for t in h.retold]
    assert [title for title, times in Counter(titles).items() if times > 1] == []
    assert len({happening.id for happening in written()}) == len(written())


def test_every_effect_names_a_market_of_the_catalogue(markets: Catalogue) -> None:
    slugs = {market.slug for market in markets.markets}
    named = {slug for happening in written() for slug in happening.effects}
    named |= {slug for form in templates() for case in form.cases for slug in case.effects}
    assert named - slugs == set()


def test_a_written_story_moves_few_markets_by_sensible_amounts() -> None:
    for happening in _moving():
        assert 1 <= len(happening.effects) <= 4, happening.id
        assert all(0.05 <= abs(move) <= 1.3 for move in happening.effects.values()), happening.id


def test_only_news_moves_odds() -> None:
    assert {happening.kind for happening in _moving()} == {"news"}
    assert all(happening.effects for happening in written() if happening.kind == "news")


def test_every_source_prints_and_is_known(told: list[StorySpec]) -> None:
    known = {source.id for source in SOURCES}
    assert len(known) >= 8
    assert {source.format for source in SOURCES} == {"rss", "atom", "json"}
    assert {story.source for story in told} == known
    assert {t.source for h in written() for t in h.retold} <= known
    assert {source for form in templates() for source in form.sources} <= known


def test_a_story_is_retold_by_others_than_its_teller() -> None:
    for happening in written():
        sources = [happening.source, *(telling.source for telling in happening.retold)]
        assert len(set(sources)) == len(sources), happening.id


def test_every_story_says_that_it_is_practice(told: list[StorySpec]) -> None:
    assert all(s.summary.endswith("Practice story: invented, not news.") for s in told)
    assert not any("{" in s.title for s in told if s.kind != "hostile")


def test_hostile_forms_appear_in_hostile_stories_and_nowhere_else() -> None:
    plain = [h for h in written() if h.kind != "hostile"]
    texts = [text for h in plain for text in (h.title, h.summary, h.link)]
    texts += [text for h in plain for t in h.retold for text in (t.title, t.summary)]
    texts += [text for form in templates() for text in (*form.titles, *form.summaries)]
    assert [text for text in texts if HOSTILE.search(text)] == []
    harmless = ("hostile-long-headline", "hostile-one-word", "hostile-emoji")
    scripts = ("hostile-right-to-left", "hostile-chinese")
    for happening in written():
        if happening.kind == "hostile" and happening.id not in harmless + scripts:
            assert HOSTILE.search(f"{happening.title} {happening.link}"), happening.id


def test_hostile_headlines_cover_what_breaks_screens(told: list[StorySpec]) -> None:
    hostile = [story for story in told if story.kind == "hostile"]
    titles = " ".join(story.title for story in hostile)
    for form in (
        "\x1b[",
        "\x1b]52;",
        "\u202e",
        "[/bold]",
        "<b>",
        "\x00",
        "👩‍👩‍👧‍👦",
        "练习",
        "خبر",
    ):
        assert form in titles
    assert any(len(story.title) >= 5_000 for story in hostile)
    assert any(story.link.startswith("javascript:") for story in hostile)


@pytest.mark.parametrize("seed", range(40))
def test_the_first_four_minutes_bring_five_clear_stories(seed: int) -> None:
    markets = catalogue(seed, DAY)
    by_slug = {market.slug: market for market in markets.markets}
    early = list(takewhile(lambda story: story.at_s < 240, schedule(seed, markets)))
    clear = [s for s in early if any(abs(move) >= 0.7 for _, move in s.effects)]
    assert len({story.telling_of for story in clear}) >= 5
    assert clear[0].at_s <= 30
    for story in clear[:5]:
        slug, _ = max(story.effects, key=lambda effect: abs(effect[1]))
        assert 0.15 <= by_slug[slug].start_probability <= 0.85
    events = [{by_slug[slug].event for slug, _ in story.effects} for story in clear[:5]]
    assert sum(map(len, events)) == len(set().union(*events))


def test_items_come_in_order_about_every_forty_seconds(told: list[StorySpec]) -> None:
    times = [story.at_s for story in told]
    assert times == sorted(times)
    assert 33 <= times[299] / 300 <= 47
    assert 33 <= times[-1] / len(times) <= 47


@pytest.mark.parametrize("seed", [1, 7, 123_456])
def test_the_same_seed_gives_the_same_press(seed: int) -> None:
    markets = catalogue(seed, DAY)
    again = islice(schedule(seed, markets), 400)
    assert list(islice(schedule(seed, markets), 400)) == list(again)


def test_other_seeds_give_other_orders(markets: Catalogue, told: list[StorySpec]) -> None:
    other = list(islice(schedule(8, markets), 50))
    assert [s.id for s in other] != [s.id for s in told[:50]]
    assert {round(s.at_s, 1) for s in other} != {round(s.at_s, 1) for s in told[:50]}


def test_every_written_story_is_told_before_the_follow_ups(told: list[StorySpec]) -> None:
    assert {happening.id for happening in written()} <= {story.telling_of for story in told}
    assert len({story.id for story in told}) == len(told)


def test_only_the_first_telling_carries_effects(told: list[StorySpec]) -> None:
    first_at: dict[str, float] = {}
    for story in told:
        if story.id == story.telling_of:
            first_at[story.id] = story.at_s
            continue
        assert story.effects == ()
        if story.kind == "retelling":
            assert 29.9 <= story.at_s - first_at[story.telling_of] <= 400.1


def test_an_edit_replaces_a_story_of_its_own_source(told: list[StorySpec]) -> None:
    by_id = {story.id: story for story in told}
    edits = [story for story in told if story.replaces]
    assert {story.kind for story in edits} == {"edit"}
    assert len(edits) >= 10
    for story in edits:
        original = by_id[story.replaces]
        assert (original.source, original.telling_of) == (story.source, story.telling_of)
        assert original.title != story.title
        assert original.at_s < story.at_s


@pytest.mark.parametrize("seed", [7, 8])
def test_a_gain_of_one_outcome_is_a_loss_of_another(seed: int) -> None:
    markets = catalogue(seed, DAY)
    event_of = {market.slug: market.event for market in markets.markets}
    neg_risk = {event.slug for event in markets.events if event.neg_risk}
    for story in islice(schedule(seed, markets), LONG_RUN):
        signs: dict[str, set[bool]] = {}
        for slug, move in story.effects:
            signs.setdefault(event_of[slug], set()).add(move > 0)
        for event in neg_risk & signs.keys():
            assert signs[event] == {True, False}, story.id


def test_a_date_ladder_moves_as_one(told: list[StorySpec], markets: Catalogue) -> None:
    neg_risk = {event.slug for event in markets.events if event.neg_risk}
    event_of = {market.slug: market.event for market in markets.markets}
    for story in told:
        signs: dict[str, set[bool]] = {}
        for slug, move in story.effects:
            signs.setdefault(event_of[slug], set()).add(move > 0)
        assert all(len(s) == 1 for event, s in signs.items() if event not in neg_risk), story.id


def test_odds_stay_near_their_start_however_long_the_press_runs(markets: Catalogue) -> None:
    by_hand = {happening.id for happening in written()}
    moved: dict[str, float] = {}
    after_the_written: dict[str, float] = {}
    for story in islice(schedule(3, markets), 6_000):
        for slug, move in story.effects:
            moved[slug] = moved.get(slug, 0.0) + move
            if story.id in by_hand:
                after_the_written[slug] = moved[slug]
    for slug, drift in moved.items():
        assert abs(drift) <= max(DRIFT_MAX, abs(after_the_written.get(slug, 0.0))) + 1e-9, slug


def test_siblings_give_way_by_as_much_as_an_outcome_gains(markets: Catalogue) -> None:
    odds = Odds(markets)
    by_slug = {market.slug: market for market in markets.markets}
    effects = odds.effects({"best-coding-model-google": 0.2})
    assert effects["best-coding-model-google"] == 0.2
    assert len(effects) == 3
    slopes = {s: by_slug[s].start_probability * (1 - by_slug[s].start_probability) for s in effects}
    assert sum(slopes[slug] * move for slug, move in effects.items()) == pytest.approx(0, abs=0.005)


def test_effects_on_markets_that_are_not_there_are_left_out(markets: Catalogue) -> None:
    few = Catalogue(markets.events[:1], markets.markets[:8])
    slugs = {market.slug for market in few.markets}
    for story in islice(schedule(7, few), 300):
        assert {slug for slug, _ in story.effects} <= slugs


def test_every_form_of_a_follow_up_can_be_filled() -> None:
    for form in templates():
        for case in form.cases:
            slots = dict.fromkeys(form.numbers, "1") | case.words
            for text in (*form.titles, *form.summaries):
                assert text.format(**slots)
