"""Which news bears on which question, and which way: a table, read as data.

``data/affinity.toml`` says for a family of markets and a facet of a story how much the one bears on
the other, given how the story stands to the market's subject.
"""

import tomllib
from importlib.resources import files
from typing import NamedTuple

from strategies.linking.knowledge.families import Intent
from strategies.linking.knowledge.names import NAMES
from strategies.linking.knowledge.reading import Story

ARENA_OF = {
    "lead": "front",
    "largest": "chips",
    "share": "chips",
    "ipo": "listing",
    "autonomy": "robotaxi",
    "users": "models",
}
"""Where a rival of the subject hurts it, by family of market."""
SUMMARY_WEIGHT = 0.6
ASIDE_WEIGHT = 0.4
"""For a subject that only describes another ("Nvidia partner Foxconn")."""


class Row(NamedTuple):
    """One cell of the table: facet, relation, how it pushes (``+-~!?``) and how much it bears."""

    facet: str
    relation: str
    push: str
    weight: float


class Reading(NamedTuple):
    """How a story stands to a market's subject, and what of it bears most on the question.

    ``standing`` is 1 where the headline names the subject (or its rival), less in the summary.
    """

    relation: str
    standing: float
    row: Row | None
    weight: float


def load() -> dict[str, tuple[Row, ...]]:
    """The table that ships with the package, by family."""
    text = (
        files("strategies.linking.knowledge")
        .joinpath("data/affinity.toml")
        .read_text(encoding="utf-8")
    )
    table: dict[str, dict[str, dict[str, str]]] = tomllib.loads(text)
    return {
        family: tuple(
            Row(facet, relation, cell[0], float(cell[1:]))
            for facet, cells in facets.items()
            for relation, cell in cells.items()
        )
        for family, facets in table.items()
    }


AFFINITY = load()
THEMED = frozenset(
    family for family, rows in AFFINITY.items() if any(row.relation == "theme" for row in rows)
)
_VICTIMS = frozenset(
    family for family, rows in AFFINITY.items() if any(row.relation == "victim" for row in rows)
)
"""Kinds of question for which it matters that the subject is the one threatened."""
KNOWN = {family: frozenset(row.facet for row in rows) for family, rows in AFFINITY.items()}


def reading_of(story: Story, meaning: Intent) -> Reading:
    """The relation under which most of the story bears on the question."""
    best = Reading("", 0.0, None, 0.0)
    for relation, standing in _standings(story, meaning):
        reading = _bearing(story, meaning.family, relation, standing)
        if reading.weight * max(reading.standing, 0.1) > best.weight * max(best.standing, 0.1) or (
            not best.relation
        ):
            best = reading
    return best


def _bearing(story: Story, family: str, relation: str, standing: float) -> Reading:
    """The facet that bears most. News of the one compared with is news of the subject turned."""
    wanted = "self" if relation == "against" else relation
    best: Row | None = None
    weight = 0.0
    for row in AFFINITY.get(family, ()):
        if row.relation == wanted:
            told = row.weight * story.says(row.facet)
            if told > weight:
                best, weight = row, told
    return Reading(relation, standing, best, weight)


def _standings(story: Story, meaning: Intent) -> list[tuple[str, float]]:
    """Every way in which the story stands to the market's subject."""
    found: list[tuple[str, float]] = []
    if meaning.subjects:
        standing = max(_named(story, meaning, subject) for subject in meaning.subjects)
        if standing:
            victim = any(subject in story.victims for subject in meaning.subjects)
            hurt = victim and meaning.family in _VICTIMS
            found.append(("victim" if hurt else "self", standing))
        if standing < 1 and meaning.against in story.houses | story.named:
            found.append(("against", 1.0))
        elif standing < 1 and _rivalry(story, meaning):
            found.append(("rival", 0.9))
    if meaning.family in THEMED:
        found.append(("theme", 1.0))
    return found


def _named(story: Story, meaning: Intent, subject: str) -> float:
    if meaning.family == "lead" and subject not in _BUILDERS:
        return 0.0
    if meaning.family in _OF_ONE and meaning.exact and not meaning.exact & story.named:
        return ASIDE_WEIGHT if subject in story.houses else 0.0
    if subject in story.houses or subject in story.named or meaning.exact & story.named:
        return ASIDE_WEIGHT if subject in story.asides else 1.0
    if subject in MEMBERS and NAMES.arenas[MEMBERS[subject]] & story.houses:
        return 1.0
    return SUMMARY_WEIGHT if subject in story.also or meaning.exact & story.also else 0.0


_OF_ONE = frozenset({"release", "shutdown", "outage"})
"""Questions about one product: news of its maker is an aside unless it names the product."""
_BUILDERS = NAMES.arenas["models"] | {"china"}
"""Who could have the best model at all."""
MEMBERS = {"china": "chinese", "elon-musk": "musk", "magnificent-seven": "megacap"}
"""Subjects that are spoken of where one of theirs is."""


def _rivalry(story: Story, meaning: Intent) -> bool:
    """Whether the story is about one who competes with the subject."""
    arena = NAMES.arenas.get(ARENA_OF.get(meaning.family, ""), frozenset())
    if not arena.intersection(meaning.subjects):
        return False
    return bool((story.houses - set(meaning.subjects)) & arena)
