"""Impact over polled quotes that others recorded, with no desk and no clock."""

import importlib.util
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import impact_real
from feeds.events import BestQuote
from feeds.markets import MINUTE, Market, Nanos
from strategies.decisions import Impact, Verdict
from strategies.impact import expit
from strategies.impact.study import Case, Study, cases_of
from strategies.linking import Linker, linkable
from tests.strategies.kit import NOON, market, story

STORY: Nanos = NOON + 24 * 60 * MINUTE


def polled(name: str, jump: float = 0.0, seed: int = 1, hours: int = 30) -> list[BestQuote]:
    """Quotes every two minutes around even odds, ``jump`` logits from two minutes after the story.

    One side of the book is empty in every fiftieth.
    """
    rng = random.Random(seed)
    quotes = []
    for at_ns in range(NOON, NOON + hours * 60 * MINUTE, 2 * MINUTE):
        x = rng.gauss(0, 0.01) + (jump if at_ns >= STORY + 2 * MINUTE else 0.0)
        bid = round(expit(x) * 1_000) * 10 - 10
        empty = rng.random() < 0.02
        quotes.append(BestQuote(at_ns, f"{name}-yes", at_ns, -1 if empty else bid, bid + 20))
    return quotes


def studied(
    jumps: dict[str, float], cases: list[Case], background: tuple[Case, ...] = ()
) -> list[Impact]:
    markets = [market(name, tick_size=10, event_id=name) for name in jumps]
    told = [polled(name, jump, seed) for seed, (name, jump) in enumerate(jumps.items())]
    quotes = sorted((quote for each in told for quote in each), key=lambda quote: quote.at_ns)
    return Study(markets, dict.fromkeys(jumps, "test")).run(quotes, cases, background)


def test_a_story_that_moved_polled_odds_is_seen_an_hour_on_and_again_after_four() -> None:
    (impact,) = studied({"m": 0.9}, [Case("s", "m", STORY)])
    assert impact.verdict is Verdict.CLEAR
    assert impact.logit == pytest.approx(0.9, abs=0.1)
    assert impact.lasting == "stuck"
    assert (impact.chance or 1) < 0.05


def test_verdicts_come_in_the_order_of_their_cases() -> None:
    cases = [Case("later", "calm", STORY + 90 * MINUTE), Case("s", "m", STORY)]
    told = studied({"m": 0.9, "calm": 0.0}, cases)
    assert [one.story_id for one in told] == ["later", "s"]
    assert [one.verdict for one in told] == [Verdict.NOISE, Verdict.CLEAR]


def test_a_theme_and_a_background_story_are_heard() -> None:
    theme = dict.fromkeys("mabcde", 0.9)
    assert studied(theme, [Case("s", "m", STORY)])[0].verdict is Verdict.THEME
    rival = Case("other", "m", STORY + 3 * MINUTE)
    assert studied({"m": 0.9}, [Case("s", "m", STORY)], (rival,))[0].verdict is Verdict.SHARED


def test_tellings_of_one_happening_are_no_rivals() -> None:
    cases = [
        Case("s", "m", STORY, cluster_id="one"),
        Case("again", "m", STORY + 3 * MINUTE, cluster_id="one"),
    ]
    assert [one.rivals for one in studied({"m": 0.9}, cases)] == [(), ()]


def test_a_market_without_quotes_is_not_measurable() -> None:
    told = Study([market("m")], {}).run([], [Case("s", "m", STORY)])
    assert told[0].verdict is Verdict.NOT_MEASURABLE


def test_quotes_that_pause_for_long_are_not_carried() -> None:
    quotes = [q for q in polled("m") if q.at_ns < STORY or q.at_ns > STORY + 50 * MINUTE]
    (impact,) = Study([market("m", tick_size=10)], {}).run(quotes, [Case("s", "m", STORY)])
    assert impact.reason == "no quotes were seen"


def test_cases_are_what_the_linker_finds_with_its_strength() -> None:
    linker = Linker()
    linker.add(linkable(market(question="Will OpenAI release GPT-6 by March 31?")))
    told = story(title="OpenAI releases GPT-6, available today", novelty=0.5)
    (case,) = cases_of([told, story("other", title="Rain in the north")], linker)
    link = linker.link(told.title)[0]
    assert (case.story_id, case.condition_id, case.direction) == ("story", "m", link.direction)
    assert case.weight == pytest.approx(link.relevance / 2)


# the recording beside the repository


@pytest.mark.parametrize(
    ("slug", "asked", "question", "end"),
    [
        ("aimrc-company1-2026-07-31-alibab", "Which Company Has #1 AI Model end of July?",
         "Which Company Has #1 AI Model end of July: Alibaba?", "2026-07-31"),
        ("ipcc-2026ipos-mistral-ai", "Which Companies Will Confirm an IPO in 2026",
         "Which Companies Will Confirm an IPO in 2026: Mistral Ai?", "2026-12-31"),
        ("aimc-xai-grok-5-2026-09-30", "Grok 5 Released?",
         "Grok 5 Released by September 30, 2026?", "2026-09-30"),
        ("kpic-tsla-dlvrs-2026-q3-above-440k", "Tesla Q3 Total Deliveries?",
         "Tesla Q3 Total Deliveries: above 440 thousand?", "2026-09-30"),
    ],
)  # fmt: skip
def test_a_market_is_given_what_its_name_says_beside_its_question(
    slug: str, asked: str, question: str, end: str
) -> None:
    named: Market = impact_real.named(market(slug, slug=slug, question=asked))
    assert named.question == question
    assert named.end_ns is not None
    assert datetime.fromtimestamp(named.end_ns / 1e9, UTC).date().isoformat() == end


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("duckdb") is None, reason="no parquet reader")
def test_random_times_on_recorded_odds_are_flagged_at_the_null_rate(shared_data: Path) -> None:
    folder = shared_data / "tapes" / "quotes-ai-2026-07"
    if not folder.is_dir():
        pytest.skip("no such recording beside the repository")
    figures = impact_real.run(folder)
    assert figures["stories"]["pairs"] >= 100
    assert figures["placebos"]["measured"] >= 500
    assert figures["placebos"]["clear_rate"] <= impact_real.PLACEBO_MAX
