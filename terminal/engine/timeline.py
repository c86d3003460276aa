"""What happened after each story, and when: seen, linked, moved, suggested, ordered, filled."""

from feeds.events import Fill, Story
from feeds.markets import SECOND, Nanos
from strategies.decisions import ImpactSeen, LinksFound, Place, Suggested, Verdict
from terminal.engine.session import Decided
from terminal.protocol.vocabulary import StepWord

STORIES_MAX = 1_000
ORDERS_MAX = 5_000

STEPS: tuple[StepWord, ...] = ("seen", "linked", "moved", "suggestion", "order", "fill")
_MOVED = frozenset({Verdict.CLEAR, Verdict.LED, Verdict.SHARED})


class Timelines:
    """Market times of each step after a story; the first of each kind counts."""

    def __init__(self) -> None:
        self._published: dict[str, Nanos] = {}
        self._steps: dict[str, dict[str, Nanos]] = {}
        self._story_of: dict[str, str] = {}

    def listen(self, step: Decided) -> None:
        """Note what one event led to."""
        if isinstance(step.event, Story):
            self._begin(step.event)
        elif isinstance(step.event, Fill):
            fill = step.event
            self._note(self._story_of.get(fill.order_id, ""), "fill", fill.at_ns)
        for decision in step.decisions:
            match decision:
                case LinksFound() if decision.links:
                    self._note(decision.story_id, "linked", decision.at_ns)
                case ImpactSeen() if decision.impact.verdict in _MOVED:
                    self._note(decision.impact.story_id, "moved", decision.impact.at_ns)
                case Suggested():
                    suggestion = decision.suggestion
                    self._note(suggestion.story_id, "suggestion", suggestion.at_ns)
                    self._own(suggestion.id, suggestion.story_id)
                case Place():
                    story_id = self._story_of.get(decision.order.origin, "")
                    self._note(story_id, "order", decision.order.at_ns)
                    self._own(decision.order.order_id, story_id)
                case _:
                    pass

    def of(self, story_id: str) -> tuple[tuple[StepWord, float], ...]:
        """Seconds from publication (from first sight where that is unknown) to each step."""
        steps = self._steps.get(story_id)
        if steps is None:
            return ()
        start = self._published[story_id]
        return tuple(
            (name, max(0.0, (steps[name] - start) / SECOND)) for name in STEPS if name in steps
        )

    def _begin(self, story: Story) -> None:
        if story.id in self._steps:
            return
        if len(self._steps) >= STORIES_MAX:
            oldest = next(iter(self._steps))
            del self._steps[oldest], self._published[oldest]
        start = story.first_seen_ns if story.published_ns is None else story.published_ns
        self._published[story.id] = start
        self._steps[story.id] = {"seen": story.first_seen_ns}

    def _note(self, story_id: str, name: str, at_ns: Nanos) -> None:
        if story_id in self._steps:
            self._steps[story_id].setdefault(name, at_ns)

    def _own(self, child: str, story_id: str) -> None:
        if not story_id:
            return
        if len(self._story_of) >= ORDERS_MAX:
            del self._story_of[next(iter(self._story_of))]
        self._story_of[child] = story_id
