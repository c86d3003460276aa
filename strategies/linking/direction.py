"""Which way does the story push YES? From facet, tone, negation and the question's sense."""

from strategies.linking.affinity import Reading
from strategies.linking.candidates import Group
from strategies.linking.dates import deadline
from strategies.linking.market import LinkableMarket
from strategies.linking.reading import Story

_PUSH = {"+": 1, "-": -1, "?": 0}


def direction(story: Story, group: Group, reading: Reading, market: LinkableMarket) -> int:
    """+1 up, -1 down, 0 where it cannot be said."""
    if group.intent.sense == 0 or reading.row is None:
        return 0
    push = reading.row.push
    if push in _PUSH:
        for_subject = _PUSH[push]
    else:
        for_subject = (-1 if push == "!" else 1) * _tone(story)
    pushed = for_subject * group.intent.sense
    if pushed > 0 and _too_late(story, market):
        return -1
    return pushed


def _tone(story: Story) -> int:
    """As the news sounds; good where it says neither."""
    if story.tone < -0.15:
        return -1
    return 1


def _too_late(story: Story, market: LinkableMarket) -> bool:
    """What the story announces would come after the market's deadline."""
    if story.planned is None:
        return False
    last = deadline(market.question, market.end_ns)
    return last is not None and story.planned > last.day
