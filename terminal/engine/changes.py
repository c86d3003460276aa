"""What changed, counted: a view is made anew only where one of its counts has moved."""

from collections.abc import Mapping
from itertools import count

from feeds.events import (
    Behind,
    BestQuote,
    BookHealth,
    BookSnapshot,
    Event,
    Gap,
    Judged,
    LevelChange,
    MarketResolved,
    MarketSeen,
    Meant,
    NotRelated,
    OddsPoint,
    OrderSent,
    PassedOver,
    Print,
    Release,
    Story,
    Tick,
    TickSizeChange,
)
from strategies.decisions import (
    Consult,
    Decision,
    Follow,
    ImpactSeen,
    LinksFound,
    Ponder,
    Skipped,
    Suggested,
    SuggestionOver,
)

CLUSTERS_MAX = 4_000
"""Twice the stories of a desk, so that no story that is shown loses its count."""

_QUOTES: frozenset[type] = frozenset(
    {LevelChange, BookSnapshot, BestQuote, BookHealth, Print, OddsPoint}
)
"""They come by the thousand; what they change is looked at once a tick."""
_CATALOGUE: frozenset[type] = frozenset({MarketSeen, MarketResolved, TickSizeChange})
_SIGNALS: frozenset[type] = frozenset({Suggested, SuggestionOver, Skipped})

_OF_NO_ACCOUNT: frozenset[type] = frozenset(
    {
        Tick,
        Judged,
        Meant,
        Consult,
        Ponder,
        Follow,
        Gap,
        OrderSent,
        Behind,
        PassedOver,
        NotRelated,
        Release,
    }
)
"""Orders, positions and fills stay as they are; of anything else nobody need think of that."""


class Changes:
    """Counts that only rise. Whoever keeps something made from the state keeps its count as well.

    ``turn`` rises with everything but quotes, so at least with every tick.
    """

    def __init__(self, stories: Mapping[str, Story]) -> None:
        self.turn = 0
        self.stories = 0
        self.catalogue = 0
        self.signals = 0
        self.account = 0
        self._stories = stories
        self._clusters: dict[str, int] = {}
        self._next = count(1)

    def note(self, fact: Event | Decision) -> None:
        """Something that the desk has heard, or decided."""
        kind = type(fact)
        if kind in _QUOTES:
            return
        self.turn += 1
        if kind in _CATALOGUE:
            self.catalogue += 1
            self.account += kind is MarketResolved
        elif kind in _SIGNALS:
            self.signals += 1
        elif isinstance(fact, Story):
            self.stories += 1
            self._touch(fact.cluster_id)
        elif isinstance(fact, LinksFound):
            self._touch_story(fact.story_id)
        elif isinstance(fact, ImpactSeen):
            self._touch_story(fact.impact.story_id)
        elif kind not in _OF_NO_ACCOUNT:
            self.account += 1

    def of_cluster(self, cluster_id: str) -> int:
        """How often a story, its retellings, their links or impacts have changed."""
        return self._clusters.get(cluster_id, 0)

    def _touch_story(self, story_id: str) -> None:
        story = self._stories.get(story_id)
        if story is not None:
            self._touch(story.cluster_id)

    def _touch(self, cluster_id: str) -> None:
        self._clusters.pop(cluster_id, None)
        if len(self._clusters) >= CLUSTERS_MAX:
            del self._clusters[next(iter(self._clusters))]
        self._clusters[cluster_id] = next(self._next)
