"""Is what the desk sees still now? The engine's lag: measured where it acts, told on the tape.

Behind is who handles what was heard long ago, and also who stood still: what waited in the sockets
meanwhile looks fresh when it is read, and is not.
"""

from dataclasses import dataclass

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
        waited = max(0, round((now - oldest) * 1_000))
        if now < self._unsettled_until:
            waited = max(waited, self._stood_ms)
        self.now_ms, self.worst_ms = waited, max(self.worst_ms, waited)
        if waited > self.limit_ms:
            return self._tell(waited, now)
        if self._told_ms and waited <= self.limit_ms // 2:
            self._told_ms = 0
            return 0
        return None

    def _tell(self, waited: int, now: float) -> int | None:
        if self._told_ms and now - self._told_at < TELL_EVERY_S:
            return None
        self.times += not self._told_ms
        self._told_ms, self._told_at = waited, now
        return waited
