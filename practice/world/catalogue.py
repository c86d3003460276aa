"""The practice world's questions: events, markets and where their odds start.

The texts lie in ``practice/writing/markets-*.toml``. Questions name days ("by December 24") that
are counted from the world's first day, so give ``catalogue`` that day; without one it takes
today's (UTC). Slugs, odds and ticks depend on the seed alone, never on the day.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files

import msgspec

PRACTICE_SENTENCE = (
    "This is a practice market of an invented world: nothing in it is real, and it trades no money."
)
SHELVES = ("markets-models.toml", "markets-hardware.toml", "markets-elsewhere.toml")
ODDS_JITTER = 0.12
"""Standard deviation, in logits, by which a seed moves where odds start."""
ACTIVITY_JITTER = 0.25
PROBABILITY_MIN = 0.002
PROBABILITY_MAX = 0.998


@dataclass(frozen=True, kw_only=True)
class EventSpec:
    """One event: a question with a single market, or a family of markets.

    With ``neg_risk`` the outcomes exclude each other and their odds add up to one.
    """

    slug: str
    title: str
    description: str
    tags: tuple[str, ...]
    neg_risk: bool


@dataclass(frozen=True, kw_only=True)
class MarketSpec:
    """One yes-or-no market as the world starts.

    ``event`` is an ``EventSpec.slug``; ``group_title`` the short name inside a family, "" alone.
    ``end_days`` counts from the world's first day, ``tick`` is 1/10,000 dollar (100 or 10),
    ``fee_rate_e6`` millionths (40_000 = 0.04, 0 = free), ``activity`` relative traffic (1.0 usual).
    A ``calm`` market has a wide spread and makers alone, who seldom move: whoever trades there
    knows what an order will meet. What would match is held for ``delay_s`` seconds.
    """

    slug: str
    question: str
    description: str
    event: str
    group_title: str
    tags: tuple[str, ...]
    start_probability: float
    end_days: int
    tick: int
    fee_rate_e6: int
    activity: float
    calm: bool = False
    delay_s: int = 0


@dataclass(frozen=True)
class Catalogue:
    """All events and markets; markets in the order of their events."""

    events: tuple[EventSpec, ...]
    markets: tuple[MarketSpec, ...]


class _Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slug: str
    p: float
    name: str = ""
    question: str = ""
    rules: str = ""
    days: int = 0
    tick: int = 0
    activity: float = 0.0
    calm: bool = False
    delay: int = 0


class _Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event of several outcomes, or with ``loose`` a shelf of single markets of one kind."""

    slug: str
    tags: list[str]
    outcome: list[_Outcome]
    title: str = ""
    question: str = ""
    rules: str = ""
    neg_risk: bool = False
    loose: bool = False
    days: int = 0
    tick: int = 100
    fee: int = 40_000
    activity: float = 1.0


class _Shelf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    event: list[_Family]


def catalogue(seed: int, day: date | None = None) -> Catalogue:
    """The events and markets of the world with this seed, worded for a start on ``day``.

    Every call with the same seed and day gives the same catalogue.
    """
    start = day if day is not None else datetime.now(UTC).date()
    chance = random.Random(f"catalogue {seed}")
    events: list[EventSpec] = []
    markets: list[MarketSpec] = []
    for family in _families():
        odds = _start_odds(family, chance)
        for spec in _events(family, start):
            events.append(spec)
        for outcome, p in zip(family.outcome, odds, strict=True):
            markets.append(_market(family, outcome, p, start, chance))
    return Catalogue(tuple(events), tuple(markets))


@cache
def _families() -> tuple[_Family, ...]:
    shelf = files("practice").joinpath("writing")
    return tuple(
        family
        for name in SHELVES
        for family in msgspec.toml.decode(shelf.joinpath(name).read_bytes(), type=_Shelf).event
    )


def _start_odds(family: _Family, chance: random.Random) -> list[float]:
    """Where odds start: jittered; rescaled to one in a neg-risk event, in step on a ladder."""
    together = chance.gauss(0.0, ODDS_JITTER)
    alone = family.neg_risk or family.loose
    moves = [chance.gauss(0.0, ODDS_JITTER) if alone else together for _ in family.outcome]
    odds = [_moved(o.p, move) for o, move in zip(family.outcome, moves, strict=True)]
    total = sum(odds) if family.neg_risk else 1.0
    return [round(p / total, 4) for p in odds]


def _moved(p: float, logits: float) -> float:
    x = math.log(p / (1.0 - p)) + logits
    return min(max(1.0 / (1.0 + math.exp(-x)), PROBABILITY_MIN), PROBABILITY_MAX)


def _events(family: _Family, start: date) -> Iterator[EventSpec]:
    tags = tuple(family.tags)
    if not family.loose:
        days = {outcome.days or family.days for outcome in family.outcome}
        end = _day_name(start, max(days)) if len(days) == 1 else "the day that its question names"
        title = _worded(family.title, "", end, start)
        description = (
            f"{_worded(family.rules, 'the stated number of', end, start)} {PRACTICE_SENTENCE}"
        )
        yield EventSpec(
            slug=family.slug,
            title=title,
            description=description,
            tags=tags,
            neg_risk=family.neg_risk,
        )
        return
    for outcome in family.outcome:
        yield EventSpec(
            slug=outcome.slug,
            title=_question(family, outcome, start),
            description=_description(family, outcome, start),
            tags=tags,
            neg_risk=False,
        )


def _market(
    family: _Family, outcome: _Outcome, p: float, start: date, chance: random.Random
) -> MarketSpec:
    activity = (outcome.activity or family.activity) * math.exp(chance.gauss(0.0, ACTIVITY_JITTER))
    return MarketSpec(
        slug=outcome.slug,
        question=_question(family, outcome, start),
        description=_description(family, outcome, start),
        event=outcome.slug if family.loose else family.slug,
        group_title="" if family.loose else _name(family, outcome, start),
        tags=tuple(family.tags),
        start_probability=p,
        end_days=outcome.days or family.days,
        tick=outcome.tick or family.tick,
        fee_rate_e6=family.fee,
        activity=round(activity, 3),
        calm=outcome.calm,
        delay_s=outcome.delay,
    )


def _question(family: _Family, outcome: _Outcome, start: date) -> str:
    end = _day_name(start, outcome.days or family.days)
    return _worded(outcome.question or family.question, outcome.name, end, start)


def _description(family: _Family, outcome: _Outcome, start: date) -> str:
    end = _day_name(start, outcome.days or family.days)
    rules = _worded(outcome.rules or family.rules, outcome.name, end, start)
    return f"{rules} {PRACTICE_SENTENCE}"


def _name(family: _Family, outcome: _Outcome, start: date) -> str:
    return outcome.name or _day_name(start, outcome.days or family.days)


def _worded(text: str, name: str, end: str, start: date) -> str:
    return text.format(name=name, end=end, start=_day_name(start, 0))


def _day_name(start: date, days: int) -> str:
    """ "December 24", with the year where it isn't the world's first."""
    day = start + timedelta(days=days)
    year = "" if day.year == start.year else f", {day.year}"
    return f"{day:%B} {day.day}{year}"
