"""What the tables say of a pair: features that can be named, and a logistic model over them.

Both are frozen. The weights (``data/weights.toml``) were learnt from the set beside which the
tables were written, so the number they give is one feature among others for the ranker.
"""

import math
import tomllib
from importlib.resources import files
from typing import NamedTuple

from strategies.linking.index import Group, Index
from strategies.linking.knowledge.affinity import KNOWN, Reading
from strategies.linking.knowledge.facets import NARROW
from strategies.linking.knowledge.families import FAR_FAMILIES
from strategies.linking.knowledge.names import NAMES
from strategies.linking.knowledge.reading import Story

_MAKERS = NAMES.arenas["models"] | NAMES.arenas["chipmaker"]
"""Companies of which news is news of AI."""
HORIZON_YEAR = 365.0
NAMES_MAX = 3
EXACT_SCALE = 0.5
"""How fast a family's own weight for the very thing is learnt, beside that of all families."""
_POWERS = frozenset({"usa", "china", "uk", "russia", "european-commission", "donald-trump"})


class Prior(NamedTuple):
    """The frozen model of the tables: a bias, a weight a feature and a bias a family."""

    bias: float
    features: dict[str, float]
    families: dict[str, float]


def load() -> Prior:
    """The weights that ship with the package."""
    path = files("strategies.linking.knowledge").joinpath("data/weights.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return Prior(table["bias"], table["features"], table["families"])


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
    told[cell(group.intent.family, reading)] = 1.0
    _exact(told, story, group, index)
    _front(told, story, group, reading)
    _lexical(told, story, group, index, reading)
    _names(told, story, group)
    _place(told, story, group)
    _horizon(told, story, group)
    told.update(mood)
    return {name: value for name, value in told.items() if value}


def cell(family: str, reading: Reading) -> str:
    """The feature for what happened to whom, asked about how: "lead/self/model_launch"."""
    return f"{family}/{reading.relation or '-'}/{reading.row.facet if reading.row else '-'}"


def likelihood(told: dict[str, float], family: str, prior: Prior) -> float:
    """The tables' probability of a link, 0 to 1: far too sure of itself on news not seen."""
    total = prior.bias + prior.families.get(family, 0.0)
    for name, value in told.items():
        total += prior.features.get(name, 0.0) * value
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _is_place(group: Group) -> bool:
    """Whether the question is about a great power: named in much that does not matter."""
    return group.intent.subject in _POWERS and group.intent.family not in ("lead", "export")


def _exact(told: dict[str, float], story: Story, group: Group, index: Index) -> None:
    """The very product, model or person asked about, and its version."""
    meaning = group.intent
    other = False
    if meaning.versions and story.versions:
        other = not meaning.versions & story.versions
        told["version_other" if other else "version_same"] = 1.0
    if not meaning.exact:
        return
    heard = meaning.exact & story.named
    if heard:
        told["exact_rare"] = max(index.name_rarity(name) for name in heard) / 8
    elif group.intent.exact & story.also:
        told["exact_below"] = 1.0
    else:
        told["exact_missing"] = 1.0
    if other:
        told[f"{meaning.family}/version_other"] = EXACT_SCALE
        told.pop("exact_rare", None)
    if heard == meaning.exact and not other:
        told["exact_all"] = 1.0
        told[f"{meaning.family}/exact"] = EXACT_SCALE


def _front(told: dict[str, float], story: Story, group: Group, reading: Reading) -> None:
    """News of one front-runner, when another is asked about; and a question about a lower rank."""
    meaning, front = group.intent, NAMES.arenas["front"]
    if meaning.family == "lead":
        told["lower_rank"] = float(meaning.sense == 0)
        told["topic"] = float(bool(meaning.topic))
    rival = reading.relation in ("rival", "victim", "against")
    if rival and meaning.subject in front and story.houses & front:
        told["front"] = 1.0
        told["front_model"] = told[f"{meaning.family}/front_model"] = story.says("model_named")


def _lexical(
    told: dict[str, float], story: Story, group: Group, index: Index, reading: Reading
) -> None:
    """Words that the question shares with the story, the rarer the more."""
    shared = rarest = 0.0
    missing = len(group.proper)
    for word in group.stems:
        weight = story.words.get(word)
        if weight:
            heard = index.rarity(word) * weight
            shared += heard
            rarest = max(rarest, heard)
            missing -= word in group.proper
    total = index.total(group)
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
    if "ai" in group.stems:
        told["ai_missing"] = float("ai" not in story.words and not story.houses & _MAKERS)
    if group.proper:
        told["proper_missing"] = missing / len(group.proper)
        told["proper_named"] = 1 - told["proper_missing"]
    told["rules"] = _rules_overlap(story, group, index)


def _rules_overlap(story: Story, group: Group, index: Index) -> float:
    # exact, so that the order of a set does not show
    shared = math.fsum(map(index.rarity, story.words.keys() & group.rules))
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
        told[f"{meaning.family}/others"] = EXACT_SCALE * told["others_missing"]
    strangers = [house for house in story.houses if house not in meaning.names | subjects]
    told["strangers"] = min(len(strangers), 3) / 3
    _all_named(told, story, group)


def _all_named(told: dict[str, float], story: Story, group: Group) -> None:
    """How many of the question's names the headline has; whether it has two or more, and all."""
    asked = group.intent.names - {"usa"}
    if not asked:
        return
    heard = len(asked & (story.named | story.houses))
    told["names_share"] = heard / len(asked)
    told["names_heard"] = float(min(heard, NAMES_MAX))
    told["names_all"] = float(heard == len(asked) >= 2)


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
        if group.intent.family == "price":
            told["asset_of"] = float(story.mentions[0].name.kind == "company")


def mood_of(story: Story, family: str) -> dict[str, float]:
    """What the story's manner says, the same for every question of a family."""
    return {
        "opinion": float(story.opinion),
        "roundup": float(story.roundup),
        "speech": float(story.speech),
        "lesson": float(story.lesson),
        "chat": float(story.chat),
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
