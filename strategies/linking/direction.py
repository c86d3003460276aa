"""Which way does the story push YES? A rule's word, weighed by what was learnt of when it is right.

Facet, tone, negation and the question's sense give a direction as before. How far it may be trusted
is learnt: a table of event words (``data/polarity.tsv``), the rule's own features, and in stage B
the model that read the pair. Where the sum is unsure no direction is told, and nobody trades on it.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from feeds.events import Near
from strategies.linking.index import Group
from strategies.linking.knowledge.affinity import Reading
from strategies.linking.knowledge.facets import denied
from strategies.linking.knowledge.reading import Story
from strategies.linking.market import LinkableMarket
from strategies.linking.words import is_content, tokens

_PUSH = {"+": 1, "-": -1, "?": 0}
TONE_MIN = 0.15
"""Less tone than this is none: such news counts as good."""


def ruled(story: Story, group: Group, reading: Reading, market: LinkableMarket) -> int:
    """What the rules say: +1 up, -1 down, 0 where they say nothing."""
    if group.intent.sense == 0:
        return 0
    turned = -1 if reading.relation == "against" else 1
    pushed = _for_subject(story, group, reading) * turned
    if pushed > 0 and _too_late(story, group, market):
        pushed = -1
    return pushed * group.intent.sense


def _for_subject(story: Story, group: Group, reading: Reading) -> int:
    """Good (+1) or bad (-1) for what the question asks about."""
    row = reading.row
    if row is None:
        return _by_tone(story, group, reading.relation)
    if row.push == "^":
        facet = story.facets[row.facet]
        return -1 if denied(story.title, facet.at) else 1
    if row.push in _PUSH:
        return _PUSH[row.push]
    tone = _tone(story, row.facet, group, reading.relation)
    return -tone if row.push == "!" else tone


def _tone(story: Story, facet: str, group: Group, relation: str) -> int:
    """+1 unless the news sounds bad for the subject. Whoever threatens another does well."""
    about = (*group.intent.subjects, *group.intent.exact) if relation == "self" else ()
    if about and story.victims and story.victims.isdisjoint(about):
        return 1
    family = group.intent.family if facet else ""
    return -1 if story.tone(facet, family, about) < -TONE_MIN else 1


def _by_tone(story: Story, group: Group, relation: str) -> int:
    """Where no facet is known: news is good for whom it names unless it sounds bad."""
    tone = _tone(story, "", group, relation)
    return {"self": tone, "against": tone, "victim": -1, "rival": -tone}.get(relation, 0)


def _too_late(story: Story, group: Group, market: LinkableMarket) -> bool:
    """What the story announces would come after the market's deadline."""
    if story.planned is None:
        return False
    last = group.deadlines.get(market.id)
    return last is not None and story.planned > last


class Head(NamedTuple):
    """What was learnt of direction; log-odds that YES is pushed up.

    ``rule`` is the rule's word by the relation under which it spoke, ``stems`` how good an event's
    word is for whom it happens to, ``pairing`` and ``reader`` the shares of what the vectors say
    together and of the model that read the pair, and ``sure`` the log-odds from which on a
    direction is told: without the models and with them.
    """

    rule: dict[str, float]
    stems: dict[str, float]
    pairing: float
    reader: float
    sure: tuple[float, float]


@lru_cache(maxsize=1)
def load() -> Head:
    """The head that ships with the package."""
    text = files("strategies.linking").joinpath("data/direction.json").read_text(encoding="utf-8")
    table = json.loads(text)
    sure = float(table["sure"][0]), float(table["sure"][1])
    return Head(table["rule"], table["stems"], table["pairing"], table["reader"], sure)


def direction(
    story: Story,
    group: Group,
    reading: Reading,
    market: LinkableMarket,
    near: Near | None,
    head: Head,
) -> int:
    """+1 up, -1 down, 0 where it cannot be said with confidence.

    A day after the question's last day is arithmetic, no reading of tone: it is said as it is.
    """
    if _too_late(story, group, market):
        return ruled(story, group, reading, market)
    logit = spoken(upward(cues(story, group, reading, market), head), near, head)
    return 0 if abs(logit) < head.sure[near is not None] else 1 if logit > 0 else -1


def spoken(logit: float, near: Near | None, head: Head) -> float:
    """The log-odds of rule and words, with the models' word averaged in where there is one."""
    if near is None:
        return logit
    logit += head.pairing * (near.pair_up - logit)
    return logit + head.reader * (near.up - logit) if near.read else logit


def upward(found: dict[str, float], head: Head) -> float:
    """Log-odds that YES is pushed up, by rule and words."""
    total = 0.0
    for cue, value in found.items():
        kind, _, name = cue.partition(":")
        total += value * (head.stems if kind == "stem" else head.rule).get(name, 0.0)
    return total


def cues(story: Story, group: Group, reading: Reading, market: LinkableMarket) -> dict[str, float]:
    """What speaks for up (+) and down (-): the rule's word, and the event's words.

    An event's word counts as it is for the one to whom it happens, turned round for a rival of the
    subject, and turned round again where the question asks whether something will not be.
    """
    told = ruled(story, group, reading, market)
    relation = reading.relation or "stranger"
    found = {"rule:any": float(told), f"rule:{relation}": float(told)}
    facing = group.intent.sense * _FACING.get(relation, 1)
    found[f"rule:facing {relation}"] = float(facing)
    if facing:
        words = [token.stem for token in tokens(story.title) if is_content(token)]
        for stem in dict.fromkeys(words):
            found[f"stem:{stem}"] = float(facing)
    return found


_FACING = {"self": 1, "theme": 1, "stranger": 1, "victim": -1, "rival": -1, "against": -1}
"""Whether good news of whom the headline is about is good for the question's subject."""
