"""What a market asks: its family, its subject, and which way YES points.

A family is a kind of question ("which company has the best model", "will it list by", "does the
price reach"). The question's own words decide; the event's title helps where the question is only
one of its outcomes.
"""

import re
import tomllib
from importlib.resources import files
from typing import NamedTuple

from strategies.linking.knowledge.names import NAMES, Mention, versions
from strategies.linking.words import plain

FAR_FAMILIES = frozenset({"other", "sport", "election", "agi", "airdrop"})
"""Kinds of question of which the linker knows nothing but their words."""
_PERSONAL = frozenset({"wealth", "richest", "exec", "leader", "nomination"})
_PLACES = frozenset({"military", "peace", "leader", "tariff"})
_MEASURED = ("price", "share", "revenue", "valuation", "ipo_cap")
"""Kinds of question about a number: above, below, or in a band."""
_OWN = ("model", "product", "benchmark")


def _any(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


_TABLE = tomllib.loads(
    files("strategies.linking.knowledge").joinpath("data/families.toml").read_text(encoding="utf-8")
)
_FAMILIES: dict[str, re.Pattern[str]] = {
    name: _any(patterns) for name, patterns in _TABLE["families"].items()
}
_SENSE = {name: _any(patterns) for name, patterns in _TABLE["sense"].items()}


class Intent(NamedTuple):
    """A market's question, understood.

    ``sense`` is +1 where good news for the subject pushes YES up, -1 where it pushes it down and
    0 where that cannot be said (a band of prices). ``subjects`` are the companies, assets, people
    or places asked about, any of them ("OpenAI or Anthropic"); ``against`` whom they are compared
    with; ``exact`` the products, models and people named; ``names`` every name.
    """

    family: str
    sense: int
    subjects: tuple[str, ...]
    against: str
    exact: frozenset[str]
    names: frozenset[str]
    topic: str
    versions: frozenset[str]

    @property
    def subject(self) -> str:
        """The first of the subjects, or ""."""
        return self.subjects[0] if self.subjects else ""


def intent(question: str, event: str = "", group_title: str = "") -> Intent:
    """Read a market's question (and its event's title, and the outcome's name in it)."""
    asked = plain(question)
    named = NAMES.find(asked) or NAMES.find(plain(f"{group_title} {event}"))
    family = _family(asked) or _family(plain(event)) or "other"
    if family == "price":
        family = _priced(named)
    subjects, against = _subjects(family, asked, named)
    return Intent(
        family=family,
        sense=_sense(family, asked),
        subjects=subjects,
        against=against,
        exact=frozenset(m.name.id for m in named if _own(m, family)),
        names=frozenset(mention.name.id for mention in named),
        topic=_topic(family, asked),
        versions=versions(asked, named),
    )


def _family(text: str) -> str:
    for name, pattern in _FAMILIES.items():
        if pattern.search(text):
            return name
    return ""


def _priced(named: list[Mention]) -> str:
    """A price of what? Of an asset, of a company's share, or of something else."""
    kinds = {mention.name.kind for mention in named}
    if "asset" in kinds:
        return "price"
    return "share" if "company" in kinds else "other"


def _sense(family: str, asked: str) -> int:
    if family in _MEASURED and _SENSE["band"].search(asked):
        return 0
    if family == "lead" and _SENSE["rank"].search(asked):
        return 0
    if family == "export" and _SENSE["curb"].search(asked):
        return -1
    if family in _MEASURED:
        return -1 if _SENSE["down"].search(asked) else 1
    return -1 if family != "bubble" and _SENSE["not"].search(asked) else 1


def _own(mention: Mention, family: str) -> bool:
    """Whether a name is the very thing asked about: a model, a product, a person in office."""
    if family in ("price", "share"):
        return False
    return mention.name.kind in _OWN or (mention.name.kind == "person" and family in _PERSONAL)


def _topic(family: str, asked: str) -> str:
    if family != "lead":
        return ""
    match = _SENSE["topic"].search(asked) or _SENSE["rank"].search(asked)
    return match.group().lower() if match else ""


def _subjects(family: str, asked: str, named: list[Mention]) -> tuple[tuple[str, ...], str]:
    """Whom or what a question is about, and whom they are compared with."""
    first = _first(family, named)
    if first is None:
        return (), ""
    same = [m for m in named if m.name.kind == first.name.kind and m.name.id != first.name.id]
    subjects, against = [_subject(first, family)], ""
    for mention in same:
        between = asked[first.end : mention.start]
        if _SENSE["against"].search(between):
            against = against or _subject(mention, family)
        elif re.search(r"\bor\b|^, ", between) and len(between) < 40:
            subjects.append(_subject(mention, family))
    return tuple(dict.fromkeys(subjects)), against


def _first(family: str, named: list[Mention]) -> Mention | None:
    """The name that the question is about: which kind comes first depends on the family."""
    if family in _PERSONAL:
        kinds = ["person"]
    elif family in _PLACES:
        kinds = ["place"]
    else:
        kinds = []
    kinds += ["asset", "company"] if family == "price" else ["company", "asset"]
    for kind in [*kinds, "owned", "idea", "place", "country", "person", "agency", "benchmark"]:
        for mention in named:
            if _is(mention, kind):
                return mention
    return None


def _is(mention: Mention, kind: str) -> bool:
    if kind == "owned":
        return bool(mention.name.owner) and mention.name.kind != "person"
    if kind == "place":
        return mention.name.kind == "country" and mention.name.id != "usa"
    return mention.name.kind == kind


def _subject(mention: Mention, family: str) -> str:
    name = mention.name
    if family in _PERSONAL or name.kind == "person":
        return name.id
    return name.owner or name.id
