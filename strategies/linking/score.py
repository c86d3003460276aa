"""How sure is a link? A small logistic model over features that can be named to a trader.

The weights are data (``data/weights.toml``), learnt by ``benchmarks/learn_linking.py``; what they
were learnt from stands in that file.
"""

import math
import tomllib
from bisect import bisect_right
from importlib.resources import files
from typing import NamedTuple

from strategies.linking.affinity import KNOWN, Reading
from strategies.linking.candidates import Group, Index
from strategies.linking.facets import NARROW
from strategies.linking.families import FAR_FAMILIES
from strategies.linking.reading import Story

HORIZON_YEAR = 365.0
_POWERS = frozenset({"usa", "china", "uk", "russia", "european-commission", "donald-trump"})


class Weights(NamedTuple):
    """The learnt model: a bias, a weight a feature, a bias a family, and the floor for showing."""

    bias: float
    features: dict[str, float]
    families: dict[str, float]
    floor: float
    """Below this relevance nothing is shown."""
    curve: tuple[tuple[float, float], ...] = ()
    """Knots from the model's number to the share of right links; without any nothing changes."""


def load() -> Weights:
    """The weights that ship with the package."""
    text = files("strategies.linking").joinpath("data/weights.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    curve = tuple((raw, right) for raw, right in table["curve"])
    return Weights(table["bias"], table["features"], table["families"], table["floor"], curve)


def features(
    story: Story, group: Group, index: Index, reading: Reading, mood: dict[str, float]
) -> dict[str, float]:
    """What speaks for and against a link, by name; absent features are 0."""
    told: dict[str, float] = {}
    if reading.relation:
        bears = reading.weight * reading.standing
        relation = "self" if reading.relation == "against" else reading.relation
        told[f"{relation}_bears"] = bears
        told[f"{relation}_named"] = reading.standing
        told["bears_fully"] = float(bears >= 0.85)
        told["bears_partly"] = float(0.5 <= bears < 0.85)
        told["bears_not"] = float(bears < 0.25)
    else:
        told["stranger"] = 1.0
    _exact(told, story, group, index)
    _lexical(told, story, group, index, reading)
    _names(told, story, group)
    _place(told, story, group)
    _horizon(told, story, group)
    told.update(mood)
    return {name: value for name, value in told.items() if value}


def relevance(told: dict[str, float], family: str, weights: Weights) -> float:
    """The probability that a trader of this market wants to see the story."""
    total = weights.bias + weights.families.get(family, 0.0)
    for name, value in told.items():
        total += weights.features.get(name, 0.0) * value
    return calibrated(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), weights.curve)


def calibrated(raw: float, curve: tuple[tuple[float, float], ...]) -> float:
    """The share of links right where the model says ``raw``: straight lines between knots."""
    if not curve:
        return raw
    after = min(max(bisect_right(curve, (raw, math.inf)), 1), len(curve) - 1)
    (low, floor), (high, top) = curve[after - 1], curve[after]
    return floor + (top - floor) * (raw - low) / (high - low)


def _is_place(group: Group) -> bool:
    """Whether the question is about a great power: named in much that does not matter."""
    return group.intent.subject in _POWERS and group.intent.family != "lead"


def _exact(told: dict[str, float], story: Story, group: Group, index: Index) -> None:
    """The very product, model or person asked about, and its version."""
    meaning = group.intent
    if meaning.versions and story.versions:
        same = bool(meaning.versions & story.versions)
        told["version_same" if same else "version_other"] = 1.0
    if not meaning.exact:
        return
    heard = meaning.exact & story.named
    if heard:
        told["exact_rare"] = max(index.rarity(name) for name in heard) / 8
    elif group.intent.exact & story.also:
        told["exact_below"] = 1.0
    else:
        told["exact_missing"] = 1.0


def _lexical(
    told: dict[str, float], story: Story, group: Group, index: Index, reading: Reading
) -> None:
    """Words that the question shares with the story, the rarer the more."""
    total = shared = rarest = proper = 0.0
    for word in group.words:
        idf = index.idf(word)
        total += idf
        weight = story.words.get(word, 0.0)
        shared += idf * weight
        rarest = max(rarest, idf * weight)
        if word in group.proper:
            proper += 0.0 if weight else 1.0
    cover = shared / total if total else 0.0
    far = group.intent.family in FAR_FAMILIES or not reading.weight
    told["cover_far" if far else "cover"] = cover
    told["shared_far" if far else "shared"] = math.log1p(shared)
    told["rarest"] = rarest / 8
    if reading.relation in ("self", "victim", "against"):
        told["self_cover"] = cover * reading.standing
        if _is_place(group):
            told["place_named"] = reading.standing * (1 - cover)
        told["self_shared"] = math.log1p(shared) * reading.standing
    told["proper_missing"] = proper / len(group.proper) if group.proper else 0.0
    told["proper_named"] = 1 - proper / len(group.proper) if group.proper else 0.0
    told["rules"] = _rules_overlap(story, group, index)


def _rules_overlap(story: Story, group: Group, index: Index) -> float:
    shared = sum(index.idf(word) for word in story.words if word in group.rules)
    return math.log1p(shared) / 4


def _names(told: dict[str, float], story: Story, group: Group) -> None:
    """Names of the question besides its subject: how many the story has, and lacks."""
    meaning = group.intent
    subjects = {*meaning.subjects, meaning.against}
    others = meaning.names - subjects - meaning.exact
    if others:
        heard = story.named | story.houses
        have = sum(1.0 if n in heard else 0.5 if n in story.also else 0.0 for n in others)
        told["others_named"] = have / len(others)
        told["others_missing"] = 1 - have / len(others)
    strangers = [house for house in story.houses if house not in meaning.names | subjects]
    told["strangers"] = min(len(strangers), 3) / 3


def _place(told: dict[str, float], story: Story, group: Group) -> None:
    """Whether the headline begins with the subject, or mentions it in passing."""
    wanted = {*group.intent.subjects, *group.intent.exact}
    starts = [
        mention.start
        for mention in story.mentions
        if mention.name.id in wanted or mention.name.owner in wanted
    ]
    if starts:
        told["late_asset" if group.intent.family == "price" else "late"] = min(starts) / max(
            len(story.title), 1
        )
        told["first"] = float(min(starts) == story.mentions[0].start)


def mood_of(story: Story, family: str) -> dict[str, float]:
    """What the story's manner says, the same for every question of a family."""
    return {
        "opinion": float(story.opinion),
        "roundup": float(story.roundup),
        "speech": float(story.speech),
        "feature": story.says("feature"),
        "far": float(family in FAR_FAMILIES),
        "elsewhere": _elsewhere(story, family),
    }


def _elsewhere(story: Story, family: str) -> float:
    """How much of the headline is about what this kind of question does not ask."""
    known = KNOWN.get(family, frozenset())
    other = [f for f in story.facets.values() if f.name in NARROW and f.weight == 1]
    return min(sum(facet.name not in known for facet in other), 2) / 2


def _horizon(told: dict[str, float], story: Story, group: Group) -> None:
    """Years from the story to the nearest deadline of the group, on a log scale."""
    if story.day is None:
        return
    days = [last - story.day for last in group.deadlines.values() if last >= story.day]
    if days:
        told["horizon"] = math.log1p(min(days) / HORIZON_YEAR)
