"""What the practice press prints, and when: written happenings first, follow-ups for ever after.

The texts lie in ``practice/writing/stories-*.toml`` and ``followups.toml``. A *happening* is told
first by one source, with its effects on the true odds; retellings and edited headlines come later
and carry none. Everything here is invented, and every story says so.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain, count, cycle

import msgspec

from practice.world.catalogue import Catalogue

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
OPENING_SHELVES = ("stories-models.toml", "stories-hardware.toml")
OPENING_ODDS = (0.15, 0.85)
"""Where the odds must start for a move in logits to be one in points as well."""
OPENING_ASIDES_S = (38.0, 125.0, 185.0)
GAP_MEAN_S = 56.0
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
DRIFT_MAX = 1.5
"""Follow-ups never push a market further than this, in logits, from where it started."""
FOLLOWUP_TRIES_MAX = 20
FOLLOWUP_RETOLD_SHARE = 0.5
"""How many of the follow-ups that can be retold are."""


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
    """One written happening with its tellings.

    ``title_times`` repeats the headline; ``opens`` says whether a world may start with it.
    """

    id: str
    source: str
    title: str
    summary: str
    kind: str = "news"
    effects: dict[str, float] = {}
    retold: list[Telling] = []
    edited: Edited | None = None
    title_times: int = 1
    opens: bool = True
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
def written(shelves: tuple[str, ...] = SHELVES) -> tuple[Happening, ...]:
    """The happenings that were written by hand, in the order of the files."""
    return tuple(
        happening
        for name in shelves
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
    odds = Odds(markets)
    waiting: list[tuple[float, int, StorySpec]] = []
    order = count()
    for at_s, happening in _happenings(chance, odds):
        while waiting and waiting[0][0] <= at_s:
            yield heapq.heappop(waiting)[2]
        effects = odds.effects(happening.effects)
        odds.apply(effects)
        for story in _tellings(happening, at_s, effects, chance):
            heapq.heappush(waiting, (story.at_s, next(order), story))


class Odds:
    """The true odds as the stories alone leave them: what keeps the endless tale coherent.

    Siblings of a neg-risk event give way to each other, and follow-ups stay near the start.
    """

    def __init__(self, markets: Catalogue) -> None:
        self.markets = {market.slug: market for market in markets.markets}
        self._x = {slug: _logit(m.start_probability) for slug, m in self.markets.items()}
        neg_risk = {event.slug for event in markets.events if event.neg_risk}
        self._families = {
            event: [market.slug for market in markets.markets if market.event == event]
            for event in sorted(neg_risk)
        }

    def effects(self, told: dict[str, float]) -> dict[str, float]:
        """The told effects, and those on siblings that the story does not name.

        Where all moves in a neg-risk event go one way, its likeliest other outcomes share the
        shift that keeps the sum of its odds, up to ``RIVAL_MOVE_MAX`` each.
        """
        moves = {slug: move for slug, move in told.items() if slug in self.markets}
        for family in self._families.values():
            named = [slug for slug in family if slug in moves]
            if len({moves[slug] > 0 for slug in named}) == 1:
                moves.update(self._giving_way(moves, named, family))
        return moves

    def apply(self, effects: dict[str, float]) -> None:
        for slug, move in effects.items():
            self._x[slug] += move

    def stays_near(self, effects: dict[str, float]) -> bool:
        """Whether no market ends further than ``DRIFT_MAX`` from its start, or comes nearer."""
        return all(self._may_move(slug, move) for slug, move in effects.items())

    def _may_move(self, slug: str, move: float) -> bool:
        drift = self._x[slug] - _logit(self.markets[slug].start_probability)
        return abs(drift + move) <= max(DRIFT_MAX, abs(drift))

    def _giving_way(
        self, moves: dict[str, float], named: list[str], family: list[str]
    ) -> dict[str, float]:
        others = [slug for slug in family if slug not in moves]
        rivals = sorted(others, key=lambda slug: (-self._x[slug], slug))[:RIVALS_MAX]
        gained = sum(
            _probability(self._x[slug] + moves[slug]) - _probability(self._x[slug])
            for slug in named
        )
        slope = sum(_slope(self._x[slug]) for slug in rivals)
        shift = -gained / slope if slope else 0.0
        shift = round(min(max(shift, -RIVAL_MOVE_MAX), RIVAL_MOVE_MAX), 3)
        return {slug: shift for slug in rivals if shift}


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def _probability(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _slope(x: float) -> float:
    p = _probability(x)
    return p * (1.0 - p)


def _text(name: str) -> bytes:
    return files("practice").joinpath("writing", name).read_bytes()


def _happenings(chance: random.Random, odds: Odds) -> Iterator[tuple[float, Happening]]:
    opening = _opening(chance, odds)
    yield from opening
    used = {happening.id for _, happening in opening}
    rest = [happening for happening in written() if happening.id not in used]
    chance.shuffle(rest)
    at_s = opening[-1][0] if opening else 0.0
    for happening in chain(rest, _followups(chance, odds)):
        at_s = round(at_s + _gap(chance), 1)
        yield at_s, happening


def _gap(chance: random.Random) -> float:
    return min(max(chance.expovariate(1.0 / GAP_MEAN_S), GAP_MIN_S), GAP_MAX_S)


def _opening(chance: random.Random, odds: Odds) -> list[tuple[float, Happening]]:
    """The first four minutes: clear stories on different events, and a few that touch none."""
    clear = [happening for happening in written(OPENING_SHELVES) if _opens(happening, odds)]
    quiet = [h for h in written() if not h.effects and h.kind != "hostile"]
    picked = _apart(chance.sample(clear, len(clear)), odds)
    asides = chance.sample(quiet, len(OPENING_ASIDES_S))
    timed = zip(OPENING_S + OPENING_ASIDES_S, [*picked, *asides], strict=False)
    jittered = [(round(t + chance.uniform(0.0, OPENING_JITTER_S), 1), h) for t, h in timed]
    return sorted(jittered, key=lambda pair: pair[0])


def _opens(happening: Happening, odds: Odds) -> bool:
    """Whether the strongest move of a story is a clear one, in logits and in points."""
    if not happening.opens or happening.strongest < OPENING_EFFECT_MIN:
        return False
    slug = max(happening.effects, key=lambda slug: abs(happening.effects[slug]))
    low, high = OPENING_ODDS
    return slug in odds.markets and low <= odds.markets[slug].start_probability <= high


def _apart(candidates: Sequence[Happening], odds: Odds) -> list[Happening]:
    """The first candidates, one for each time of the opening, that share no event."""
    picked: list[Happening] = []
    touched: set[str] = set()
    for happening in candidates:
        events = {odds.markets[slug].event for slug in happening.effects if slug in odds.markets}
        if len(picked) < len(OPENING_S) and touched.isdisjoint(events):
            picked.append(happening)
            touched |= events
    return picked


def _tellings(
    happening: Happening, at_s: float, effects: dict[str, float], chance: random.Random
) -> Iterator[StorySpec]:
    """The first telling, then its retellings and the edit, each at its own time."""
    yield _spec(happening, at_s, effects=tuple(effects.items()))
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


def _followups(chance: random.Random, odds: Odds) -> Iterator[Happening]:
    told: set[str] = set()
    for number in count(1):
        for _ in range(FOLLOWUP_TRIES_MAX):
            template, case = _next_case(chance, odds)
            happening = _filled(template, case, number, chance)
            if happening.title not in told:  # no paper prints a headline twice
                break
        told.update((happening.title, *(telling.title for telling in happening.retold)))
        yield happening


def _next_case(chance: random.Random, odds: Odds) -> tuple[Template, Case]:
    """A form and a filling that leave every market near its start; a quiet one if none is found."""
    forms = templates()
    for _ in range(FOLLOWUP_TRIES_MAX):
        template = chance.choice(forms)
        case = chance.choice(template.cases)
        if odds.stays_near(odds.effects(case.effects)):
            return template, case
    quiet = chance.choice([form for form in forms if form.kind == "aside"])
    return quiet, chance.choice(quiet.cases)


def _filled(template: Template, case: Case, number: int, chance: random.Random) -> Happening:
    slots: dict[str, str] = dict(case.words)
    for name, (low, high, step) in template.numbers.items():
        slots[name] = f"{chance.randrange(low, high + 1, step):,}"
    tellings = [
        Telling(source=source, title=title.format(**slots), summary=summary)
        for source, title, summary in zip(
            chance.sample(template.sources, len(template.sources)),
            chance.sample(template.titles, len(template.titles)),
            cycle(text.format(**slots) for text in template.summaries),
            strict=False,
        )
    ]
    first, *others = tellings
    return Happening(
        id=f"{template.key}-{number}",
        source=first.source,
        title=first.title,
        summary=first.summary,
        kind=template.kind,
        effects=case.effects,
        retold=others[:1] if chance.random() < FOLLOWUP_RETOLD_SHARE else [],
    )
