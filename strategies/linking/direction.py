"""Which way does the story push YES? From facet, tone, negation and the question's sense."""

from strategies.linking.affinity import Reading
from strategies.linking.candidates import Group
from strategies.linking.facets import denied
from strategies.linking.market import LinkableMarket
from strategies.linking.reading import Story

_PUSH = {"+": 1, "-": -1, "?": 0}
TONE_MIN = 0.15
"""Less tone than this is none: such news counts as good."""


def direction(story: Story, group: Group, reading: Reading, market: LinkableMarket) -> int:
    """+1 up, -1 down, 0 where it cannot be said."""
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
