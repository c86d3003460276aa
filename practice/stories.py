"""What the practice press prints, and when: written happenings first, follow-ups for ever after.

The texts lie in ``practice/writing/stories-*.toml`` and ``followups.toml``. A *happening* is told
first by one source, with its effects on the true odds; retellings and edited headlines come later
and carry none. Everything here is invented, and every story says so.
"""

import heapq
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import count

import msgspec

from practice.catalogue import Catalogue, MarketSpec

PRACTICE_SENTENCE = "Practice story: invented, not news."
SHELVES = (
    "stories-models.toml",
    "stories-hardware.toml",
    "stories-asides.toml",
    "stories-elsewhere.toml",
    "stories-hostile.toml",
)
OPENING_S = (20.0, 60.0, 100.0, 150.0, 210.0)
"""Seconds after the start at which every world brings a story that clearly moves odds."""
OPENING_JITTER_S = 6.0
OPENING_EFFECT_MIN = 0.7
OPENING_ASIDES_S = (38.0, 125.0, 185.0)
GAP_MEAN_S = 66.0
"""Between happenings; with retellings and edits an item comes every 40 seconds or so."""
GAP_MIN_S = 6.0
GAP_MAX_S = 240.0
RETELL_MIN_S = 30.0
RETELL_MAX_S = 400.0
EDIT_MIN_S = 60.0
EDIT_MAX_S = 300.0
RIVALS_MAX = 2
"""Siblings of a neg-risk outcome that give way when a story names none of them."""
RIVAL_MOVE_MAX = 0.6
DRIFT_MAX = 1.2
"""Follow-ups may push a market this many logits from where the written stories left it."""
FOLLOWUP_TRIES_MAX = 20


@dataclass(frozen=True, kw_only=True)
class StorySpec:
    """One item of a feed.

    ``telling_of`` is the id of the happening, shared by its retellings; ``kind`` one of "news",
    "retelling", "edit", "hostile", "aside"; ``replaces`` the story whose headline this one changes
    in place ("" otherwise); ``effects`` pairs of market slug and move of the true odds in logits,
    on the first telling only; ``at_s`` world seconds after the start. ``link`` is an address of
    its own where a hostile story brings one, "" for the newsroom's page.
    """

    id: str
    telling_of: str
    source: str
    title: str
    summary: str
    kind: str
    replaces: str
    effects: tuple[tuple[str, float], ...]
    at_s: float
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """An invented publication; ``format`` is "rss", "atom" or "json"."""

    id: str
    name: str
    format: str


SOURCES: tuple[SourceSpec, ...] = (
    SourceSpec(id="practice-wire", name="Practice Wire", format="rss"),
    SourceSpec(id="wafer-ledger", name="The Wafer Ledger", format="atom"),
    SourceSpec(id="token-and-gate", name="Token & Gate", format="json"),
    SourceSpec(id="rack-nine", name="Rack Nine Review", format="rss"),
    SourceSpec(id="copper-and-glass", name="Copper & Glass", format="atom"),
    SourceSpec(id="east-line", name="East Line Electronics", format="rss"),
    SourceSpec(id="mock-courier", name="The Mock Courier", format="json"),
    SourceSpec(id="fenwick-times", name="The Fenwick Times", format="rss"),
    SourceSpec(id="loose-type", name="Loose Type Bulletin", format="rss"),
)


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same happening in another source's words."""

    source: str
    title: str
    summary: str


class Edited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second headline under the first one's address."""

    title: str
    summary: str = ""


class Happening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One written happening with its tellings; ``title_times`` repeats the headline."""

    id: str
    source: str
    title: str
    summary: str
    kind: str = "news"
    effects: dict[str, float] = {}
    retold: list[Telling] = []
    edited: Edited | None = None
    title_times: int = 1
    link: str = ""

    @property
    def strongest(self) -> float:
        return max((abs(move) for move in self.effects.values()), default=0.0)


class _Shelf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    story: list[Happening]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One filling of a template's words, with what it does to the odds."""

    words: dict[str, str]
    effects: dict[str, float] = {}


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A follow-up to be filled in; ``numbers`` gives each slot its lowest, highest and step."""

    key: str
    sources: list[str]
    titles: list[str]
    summaries: list[str]
    cases: list[Case]
    numbers: dict[str, tuple[int, int, int]] = {}
    kind: str = "news"


class _Templates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    template: list[Template]


@cache
def written() -> tuple[Happening, ...]:
    """Every happening that was written by hand, in the order of the files."""
    return tuple(
        happening
        for name in SHELVES
        for happening in msgspec.toml.decode(_text(name), type=_Shelf).story
    )


@cache
def templates() -> tuple[Template, ...]:
    """The forms from which the world goes on once the written happenings are used up."""
    return tuple(msgspec.toml.decode(_text("followups.toml"), type=_Templates).template)


def schedule(seed: int, markets: Catalogue) -> Iterator[StorySpec]:
    """Every item of the practice press in the order of ``at_s``, without end.

    Same seed and markets, same items. Effects on markets that ``markets`` lacks are left out.
    """
    chance = random.Random(f"stories {seed}")
    waiting: list[tuple[float, int, StorySpec]] = []
    order = count()
    event_of = {market.slug: market.event for market in markets.markets}
    for at_s, happening in _happenings(chance, event_of):
        while waiting and waiting[0][0] <= at_s:
            yield heapq.heappop(waiting)[2]
        for story in _tellings(happening, at_s, markets, chance):
            heapq.heappush(waiting, (story.at_s, next(order), story))


def balanced(effects: dict[str, float], markets: Catalogue) -> tuple[tuple[str, float], ...]:
    """The effects, with siblings of a neg-risk outcome giving way where none was named.

    The likeliest siblings share the shift that keeps the event's odds adding up to what they did.
    """
    by_slug = {market.slug: market for market in markets.markets}
    neg_risk = {event.slug for event in markets.events if event.neg_risk}
    moves = {slug: move for slug, move in effects.items() if slug in by_slug}
    for event in sorted({by_slug[slug].event for slug in moves} & neg_risk):
        family = [market for market in markets.markets if market.event == event]
        moves.update(_giving_way(moves, family))
    return tuple(moves.items())


def _text(name: str) -> bytes:
    return files("practice").joinpath("writing", name).read_bytes()


def _happenings(
    chance: random.Random, event_of: dict[str, str]
) -> Iterator[tuple[float, Happening]]:
    opening = _opening(chance, event_of)
    yield from opening
    used = {happening.id for _, happening in opening}
    rest = [happening for happening in written() if happening.id not in used]
    chance.shuffle(rest)
    at_s = opening[-1][0]
    drift: dict[str, float] = {}
    for happening in _then(rest, _followups(chance, drift)):
        at_s = round(at_s + _gap(chance), 1)
        yield at_s, happening


def _then(first: Iterable[Happening], after: Iterable[Happening]) -> Iterator[Happening]:
    yield from first
    yield from after


def _gap(chance: random.Random) -> float:
    return min(max(chance.expovariate(1.0 / GAP_MEAN_S), GAP_MIN_S), GAP_MAX_S)


def _opening(chance: random.Random, event_of: dict[str, str]) -> list[tuple[float, Happening]]:
    """The first four minutes: clear stories on different events, and a few that touch none."""
    clear = [h for h in written() if h.strongest >= OPENING_EFFECT_MIN and h.kind == "news"]
    quiet = [h for h in written() if not h.effects and h.kind != "hostile"]
    picked = _apart(chance.sample(clear, len(clear)), event_of)
    asides = chance.sample(quiet, min(len(OPENING_ASIDES_S), len(quiet)))
    times = [t + chance.uniform(0.0, OPENING_JITTER_S) for t in OPENING_S + OPENING_ASIDES_S]
    timed = zip(times, [*picked, *asides], strict=False)
    return sorted(((round(t, 1), h) for t, h in timed), key=lambda pair: pair[0])


def _apart(candidates: Sequence[Happening], event_of: dict[str, str]) -> list[Happening]:
    """The first candidates, one for each time of the opening, that share no event."""
    picked: list[Happening] = []
    touched: set[str] = set()
    for happening in candidates:
        events = {event_of.get(slug, slug) for slug in happening.effects}
        if len(picked) < len(OPENING_S) and touched.isdisjoint(events):
            picked.append(happening)
            touched |= events
    return picked


def _tellings(
    happening: Happening, at_s: float, markets: Catalogue, chance: random.Random
) -> Iterator[StorySpec]:
    """The first telling, then its retellings and the edit, each at its own time."""
    yield _spec(happening, at_s, effects=balanced(happening.effects, markets))
    for number, telling in enumerate(happening.retold, start=1):
        yield _spec(
            happening,
            at_s + chance.uniform(RETELL_MIN_S, RETELL_MAX_S),
            part=f"--retold-{number}",
            kind="retelling",
            text=telling,
        )
    if happening.edited is not None:
        edited = happening.edited
        summary = edited.summary or happening.summary
        yield _spec(
            happening,
            at_s + chance.uniform(EDIT_MIN_S, EDIT_MAX_S),
            part="--edit",
            kind="edit",
            text=Telling(source=happening.source, title=edited.title, summary=summary),
        )


def _spec(
    happening: Happening,
    at_s: float,
    *,
    part: str = "",
    kind: str = "",
    text: Telling | None = None,
    effects: tuple[tuple[str, float], ...] = (),
) -> StorySpec:
    title = happening.title * happening.title_times if text is None else text.title
    summary = happening.summary if text is None else text.summary
    return StorySpec(
        id=happening.id + part,
        telling_of=happening.id,
        source=happening.source if text is None else text.source,
        title=title,
        summary=f"{summary} {PRACTICE_SENTENCE}",
        kind=kind or happening.kind,
        replaces=happening.id if kind == "edit" else "",
        effects=effects,
        at_s=round(at_s, 1),
        link=happening.link if text is None else "",
    )


def _giving_way(moves: dict[str, float], family: list[MarketSpec]) -> dict[str, float]:
    """How far the likeliest siblings move against a story whose moves all go one way."""
    named = [market for market in family if market.slug in moves]
    if len({moves[market.slug] > 0 for market in named}) != 1:
        return {}
    others = [market for market in family if market.slug not in moves]
    rivals = sorted(others, key=lambda m: (-m.start_probability, m.slug))[:RIVALS_MAX]
    gained = sum(_moved(m.start_probability, moves[m.slug]) - m.start_probability for m in named)
    shift = _shift(rivals, gained)
    return {market.slug: shift for market in rivals if shift}


def _shift(rivals: list[MarketSpec], gained: float) -> float:
    """The common move in logits by which the rivals give up ``gained`` in probability, bounded."""
    slope = sum(m.start_probability * (1.0 - m.start_probability) for m in rivals)
    shift = -gained / slope if slope else 0.0
    return round(min(max(shift, -RIVAL_MOVE_MAX), RIVAL_MOVE_MAX), 3)


def _moved(p: float, logits: float) -> float:
    return 1.0 / (1.0 + math.exp(-(math.log(p / (1.0 - p)) + logits)))


def _followups(chance: random.Random, drift: dict[str, float]) -> Iterator[Happening]:
    for number in count(1):
        template, case = _next_case(chance, drift)
        for slug, move in case.effects.items():
            drift[slug] = drift.get(slug, 0.0) + move
        yield _filled(template, case, number, chance)


def _next_case(chance: random.Random, drift: dict[str, float]) -> tuple[Template, Case]:
    """A case that pushes no market further than ``DRIFT_MAX``; a quiet one if none is found."""
    forms = templates()
    for _ in range(FOLLOWUP_TRIES_MAX):
        template = chance.choice(forms)
        case = chance.choice(template.cases)
        if all(abs(drift.get(s, 0.0) + move) <= DRIFT_MAX for s, move in case.effects.items()):
            return template, case
    quiet = chance.choice([form for form in forms if form.kind == "aside"])
    return quiet, chance.choice(quiet.cases)


def _filled(template: Template, case: Case, number: int, chance: random.Random) -> Happening:
    slots: dict[str, str] = dict(case.words)
    for name, (low, high, step) in template.numbers.items():
        slots[name] = f"{chance.randrange(low, high + 1, step):,}"
    return Happening(
        id=f"{template.key}-{number}",
        source=chance.choice(template.sources),
        title=chance.choice(template.titles).format(**slots),
        summary=chance.choice(template.summaries).format(**slots),
        kind=template.kind,
        effects=case.effects,
    )
