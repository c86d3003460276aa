"""Is what the desk sees still now? The engine's lag: measured where it acts, told on the tape.

Behind is who handles what was heard long ago, and also who stood still: what waited in the sockets
meanwhile looks fresh when it is read, and is not. And who reads too slowly: :class:`Delay` knows by
the venue's own stamps how long what it says was on its way, here or there.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from feeds.clock import Clock
from feeds.events import BookSnapshot, Event, LevelChange

TELL_EVERY_S = 0.5
"""While it lasts, lag is told so often: the sentence of a refusal names it to a tenth."""
SETTLES_S = 1.0
"""For so long after standing still what is read was said meanwhile, and is as late."""


@dataclass
class Lag:
    """Turns moments into words: :meth:`turn` says what there is to tell, and mostly nothing.

    ``limit_ms`` is how far behind trading may go on. Moments are seconds of ``perf_counter``.
    """

    limit_ms: int
    now_ms: int = 0
    worst_ms: int = 0
    times: int = 0
    """How often it was behind."""
    _told_ms: int = 0
    _told_at: float = 0.0
    _last: float | None = None
    _unsettled_until: float = 0.0
    _stood_ms: int = 0

    def awake(self, now: float) -> None:
        """The loop is alive; whoever did not hear this for longer than the limit stood still."""
        if self._last is not None and (now - self._last) * 1_000 > self.limit_ms:
            self._stood_ms = round((now - self._last) * 1_000)
            self._unsettled_until = now + SETTLES_S
        self._last = now

    def turn(self, now: float, oldest: float) -> int | None:
        """The lag to tell before something heard at ``oldest`` is handled, or None.

        More than the limit: so many milliseconds; 0: it is over.
        """
        waited = self.look(now, oldest)
        if waited > self.limit_ms:
            return self._tell(waited, now)
        if self._told_ms and waited <= self.limit_ms // 2:
            self._told_ms = 0
            return 0
        return None

    def look(self, now: float, oldest: float) -> int:
        """The lag now, in milliseconds, for whoever wants to see it; nothing is told."""
        waited = max(0, round((now - oldest) * 1_000))
        if now < self._unsettled_until:
            waited = max(waited, self._stood_ms)
        self.now_ms, self.worst_ms = waited, max(self.worst_ms, waited)
        return waited

    def _tell(self, waited: int, now: float) -> int | None:
        if self._told_ms and now - self._told_at < TELL_EVERY_S:
            return None
        self.times += not self._told_ms
        self._told_ms, self._told_at = waited, now
        return waited


LATEST_S = 0.5
"""The latest of what was heard within so long says how late the venue is heard."""
SPAN_S, SPANS = 5.0, 120
"""The least delay is that of the last ten minutes, so that a clock that is set costs no more."""
STAMP_OFF_MAX_S = 600.0
"""A stamp further from our clock says nothing."""


class Delay:
    """How late the venue is heard: by its stamps, beyond the least that they showed of late.

    So the clocks need not agree. The very least is not trusted, it may be one odd stamp.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._least: deque[float] = deque(maxlen=SPANS)
        self._least_now = STAMP_OFF_MAX_S
        self._span_until = 0.0
        self._usual: float | None = None
        self._recent: deque[tuple[float, float]] = deque()
        self._late_s, self._until = 0.0, 0.0

    def heard(self, events: Sequence[Event], now: float) -> None:
        """What one read of a socket brought; whole books say nothing, they may be old ones."""
        stamp = 0
        for event in events:
            if type(event) is LevelChange:
                if event.venue_ns > stamp:
                    stamp = event.venue_ns
            elif type(event) is BookSnapshot:
                return
        if not stamp:
            return
        took = self._clock.wall_seconds(self._clock.now_ns() - stamp)
        if abs(took) < STAMP_OFF_MAX_S:
            self._learn(took, now)
            self._note(max(0.0, took - (self._usual or 0.0)), now)

    def late_s(self, now: float) -> float:
        """Seconds by which what was heard within half a second was late; 0 where nothing was."""
        return self._late_s if now < self._until else 0.0

    def _learn(self, took: float, now: float) -> None:
        if now > self._span_until:
            if self._least_now < STAMP_OFF_MAX_S:
                self._least.append(self._least_now)
            self._least_now, self._span_until = STAMP_OFF_MAX_S, now + SPAN_S
        self._least_now = min(self._least_now, took)
        if self._usual is None or self._least_now == took:
            ordered = sorted([*self._least, self._least_now])
            self._usual = ordered[min(1, len(ordered) - 1)]

    def _note(self, late_s: float, now: float) -> None:
        self._recent.append((now, late_s))
        while self._recent[0][0] < now - LATEST_S:
            self._recent.popleft()
        self._late_s = max(late for _, late in self._recent)
        self._until = now + LATEST_S
