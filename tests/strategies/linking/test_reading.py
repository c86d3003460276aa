"""Words, names, facets, dates and questions, each by itself."""

import pytest

from feeds.markets import SECOND
from strategies.linking.dates import day_of, deadline, parse_time, planned_day, year_of
from strategies.linking.knowledge.facets import denied, facets, polarity
from strategies.linking.knowledge.families import intent
from strategies.linking.knowledge.names import NAMES, versions
from strategies.linking.knowledge.reading import read
from strategies.linking.words import plain, stem, strip_boilerplate, strip_source, tokens


def names(text: str) -> list[str]:
    return [mention.name.id for mention in NAMES.find(plain(text))]


def test_tokens_stand_where_they_say() -> None:
    text = plain("Google’s GPT-5.2 rival costs $1.5bn, up 25%")
    for token in tokens(text):
        assert text[token.start : token.end] == token.raw
    assert [t.text for t in tokens(text)][:3] == ["google", "gpt-5.2", "rival"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("exports", "exporting"),
        ("releases", "released"),
        ("companies", "company"),
        ("chips", "chip"),
    ],
)
def test_forms_of_one_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_boilerplate_names_nobody() -> None:
    text = strip_boilerplate(
        "Ten gardens to visit. Share to Facebook. Follow us on Twitter, Instagram"
    )
    assert names(text) == []


def test_the_papers_name_is_no_part_of_its_headline() -> None:
    assert strip_source("Chips rise - The Verge") == "Chips rise"
    assert strip_source("Chips rise: report (NVDA:NASDAQ) - Seeking Alpha") == (
        "Chips rise: report (NVDA:NASDAQ)"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Alphabet and NVDA", ["google", "nvidia"]),
        ("Nvidia-based robotaxis", ["nvidia"]),
        ("Meta’s Zuckerberg plans cuts", ["meta", "mark-zuckerberg"]),
        ("meta discussion of intel gathering", []),
        ("Gemini North telescope", []),
        ("Google's Gemini telescope app", ["google", "gemini"]),
        ("Kraken files for an IPO of its crypto exchange", ["kraken"]),
        ("Octopus Energy spins out Kraken", []),
        ("英伟达与台积电", ["nvidia", "tsmc"]),
    ],
)
def test_names_are_found_in_the_right_company_only(text: str, found: list[str]) -> None:
    assert names(text) == found


def test_versions_tell_models_apart() -> None:
    def of(text: str) -> frozenset[str]:
        return versions(text, NAMES.find(text))

    assert of("GPT-5.2 is here") == {"openai 5.2"}
    assert of("Claude Opus 4.5 beats Gemini 3") == {"anthropic 4.5", "google 3"}
    assert of("Claude is down") == frozenset()


def test_facets_of_the_headline_weigh_more_than_those_of_the_summary() -> None:
    found = facets("Lab raises $2 billion", "It will release a model")
    assert found["funding"].weight == 1.0
    assert 0 < found["launch"].weight < 1
    assert found["funding"].words == "raises"


@pytest.mark.parametrize(
    ("text", "kind", "sign"),
    [
        ("Shares jump to a record", "general", 1),
        ("Shares plunge on weak guidance", "general", -1),
        ("Company isn't yet preparing a listing", "plan", -1),
        ("US approves chip exports", "export", 1),
        ("China set to limit access to chips despite export approval", "export", -1),
        ("芯片获准出口", "export", 1),
        ("No Fed cuts this year, traders bet", "rates", -1),
        ("The weather is mild", "general", 0),
    ],
)
def test_tone_has_the_sign_of_the_news(text: str, kind: str, sign: int) -> None:
    tone = polarity(text, kind)
    assert (tone > 0) - (tone < 0) == sign


def test_a_denial_is_heard() -> None:
    assert denied("This is not a bubble", 14)
    assert not denied("This is a bubble", 10)


@pytest.mark.parametrize(
    ("title", "victims"),
    [
        ("Google's chip takes aim at Nvidia", {"nvidia"}),
        ("Google further encroaches on Nvidia's turf", {"nvidia"}),
        ("Nvidia beats estimates", set()),
    ],
)
def test_the_one_threatened_is_known(title: str, victims: set[str]) -> None:
    assert read(title, "", None).victims == victims


def test_who_only_describes_another_is_an_aside() -> None:
    assert read("Nvidia partner Foxconn reports record revenue", "", None).asides == {"nvidia"}
    assert "bitcoin" in read("Bitcoin treasury firms slump", "", None).asides


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0),
        ("2026-06-30T12:00:00Z", 1_782_820_800),
        ("2026-06-30T14:00:00+02:00", 1_782_820_800),
        ("2026-06-30 12:00:00.25", 1_782_820_800),
        ("2026-06-30T12:00:00+", 1_782_820_800),
    ],
)
def test_times_are_read(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "2026-13-01", "2026-06-30T25:00Z"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_the_calendar_agrees_with_the_standard_library() -> None:
    from datetime import date, timedelta

    start = date(1969, 12, 1)
    for step in range(0, 60_000, 97):
        day = start + timedelta(days=step)
        number = day_of(day.year, day.month, day.day)
        assert number == (day - date(1970, 1, 1)).days
        assert year_of(number) == day.year


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("Will it ship by April 30?", day_of(2026, 4, 30)),
        ("Will it ship before May 1, 2026?", day_of(2026, 5, 1)),
        ("Will it ship at the end of November 2025?", day_of(2025, 11, 30)),
        ("Will it ship before 2027?", day_of(2026, 12, 31)),
        ("Will it ship before the end of 2026?", day_of(2026, 12, 31)),
        ("Will it ship in 2026?", day_of(2026, 12, 31)),
        ("Will it ship?", day_of(2026, 5, 2)),
    ],
)
def test_the_deadline_is_the_one_the_question_names(question: str, day: int) -> None:
    assert deadline(question, parse_time("2026-05-02")) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("plans a fourth-quarter IPO", day_of(2026, 10, 1)),
        ("weighs a June listing", day_of(2026, 6, 1)),
        ("delayed to 2027", day_of(2027, 1, 1)),
        ("may list soon", None),
    ],
)
def test_announced_days_are_read(text: str, day: int | None) -> None:
    assert planned_day(text, day_of(2026, 3, 1)) == day


@pytest.mark.parametrize(
    ("question", "family", "sense", "subjects"),
    [
        ("Will Google have the best AI model at the end of May?", "lead", 1, ("google",)),
        ("Will Google have the second best AI model in May?", "lead", 0, ("google",)),
        ("Will OpenAI not IPO by December 31, 2026?", "ipo", -1, ("openai",)),
        ("Will OpenAI’s market cap be less than $500B on IPO day?", "ipo_cap", -1, ("openai",)),
        ("Will NVIDIA (NVDA) dip to $100 in May?", "share", -1, ("nvidia",)),
        ("Will NVIDIA (NVDA) close at $210-215 in May?", "share", 0, ("nvidia",)),
        ("Will Ethereum hit $10,000 by December 31?", "price", 1, ("ethereum",)),
        ("Will Nvidia resume selling its top GPUs to China?", "export", 1, ("nvidia",)),
        ("New US export controls on chips to China in May?", "export", -1, ("china",)),
        ("Will Sam Altman still be CEO of OpenAI in 2027?", "exec", -1, ("sam-altman",)),
        ("Will no Fed rate cuts happen in 2026?", "rate_steps", -1, ("fed",)),
        ("GPT-6 released by June 30?", "release", 1, ("openai",)),
        ("Will the Ray-Ban display glasses sell out?", "other", 1, ("meta",)),
        (
            "Revenue of OpenAI or Anthropic above $100B in 2027?",
            "revenue",
            1,
            ("openai", "anthropic"),
        ),
    ],
)
def test_questions_are_understood(
    question: str, family: str, sense: int, subjects: tuple[str, ...]
) -> None:
    meaning = intent(question)
    assert (meaning.family, meaning.sense, meaning.subjects) == (family, sense, subjects)


def test_the_one_compared_with_is_no_subject() -> None:
    meaning = intent("Tesla has more fully autonomous rides than Waymo in 2026?")
    assert (meaning.subjects, meaning.against) == (("tesla",), "waymo")
