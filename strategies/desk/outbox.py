"""The desk's time and voice: what is decided during one event, in order."""

from collections import deque

from feeds.markets import MINUTE, Nanos
from strategies.decisions import Alert, Decision, Skipped
from strategies.risk import Denial

DECISIONS_PER_EVENT_MAX = 20_000
"""More than that from one event is a loop, not a decision."""
SKIP_EVERY: Nanos = MINUTE
"""A strategy says no more than once a minute why it leaves a market alone, by gate."""
SKIP_KEYS_MAX = 5_000
SKIPPED_MAX = 500
TEXT_MAX = 500


class Outbox:
    """Time as of the newest event, and the decisions it caused so far."""

    def __init__(self) -> None:
        self.now_ns: Nanos = 0
        self.skipped: deque[Skipped] = deque(maxlen=SKIPPED_MAX)
        self._decided: list[Decision] = []
        self._skips: dict[tuple[str, str, str], Nanos] = {}

    def put(self, decision: Decision) -> None:
        assert len(self._decided) < DECISIONS_PER_EVENT_MAX, (
            "one event caused decisions without end"
        )
        self._decided.append(decision)

    def take(self) -> list[Decision]:
        """What was decided since the last call."""
        decided, self._decided = self._decided, []
        return decided

    def alert(
        self, kind: str, key: str, title: str, body: str, story_id: str = "", condition_id: str = ""
    ) -> None:
        """Tell a person."""
        self.put(Alert(self.now_ns, kind, key, title, body, story_id, condition_id))

    def deny(self, strategy: str, story_id: str, condition_id: str, denial: Denial) -> None:
        """A strategy's order that the gate refused."""
        self.skip(
            strategy,
            story_id,
            condition_id,
            denial.gate,
            denial.value,
            denial.limit,
            denial.sentence,
        )

    def skip(
        self,
        strategy: str,
        story_id: str,
        condition_id: str,
        gate: str,
        value: str,
        limit: str,
        sentence: str = "",
    ) -> None:
        """A trade that did not happen. The same reason again within a minute is not repeated."""
        key = (strategy, condition_id, gate)
        last = self._skips.pop(key, None)
        if last is not None and self.now_ns - last < SKIP_EVERY:
            self._skips[key] = last
            return
        if len(self._skips) >= SKIP_KEYS_MAX:
            del self._skips[next(iter(self._skips))]
        self._skips[key] = self.now_ns
        sentence = sentence or f"{gate}: {value}, and the limit is {limit}."
        self._record(
            Skipped(
                self.now_ns,
                strategy,
                story_id,
                condition_id,
                gate[:TEXT_MAX],
                value[:TEXT_MAX],
                limit[:TEXT_MAX],
                sentence[:TEXT_MAX],
            )
        )

    def _record(self, skipped: Skipped) -> None:
        self.skipped.append(skipped)
        self.put(skipped)
