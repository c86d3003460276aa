"""The session's clock: the wall's, or a practice world's that runs faster."""

import asyncio
import time

from feeds.markets import SECOND, Nanos


class Clock:
    """Market time. At speed 1 it is the wall clock; a practice world may run faster.

    ``anchor_ns`` is the moment at which market time and wall time agree. Whatever waits for the
    market (polling, silence limits) sleeps here; network time-outs stay on the wall.
    """

    def __init__(self, speed: float = 1.0, anchor_ns: Nanos = 0) -> None:
        assert speed > 0, f"speed must be positive, not {speed}"
        self.speed = speed
        self._anchor_ns = anchor_ns
        self._wall_ns = 0
        self._lift_ns = 0

    def now_ns(self) -> Nanos:
        """Market time now. When the wall clock is set back, it goes on from where it was."""
        wall = time.time_ns() + self._lift_ns
        if wall < self._wall_ns:
            self._lift_ns += self._wall_ns - wall
            wall = self._wall_ns
        self._wall_ns = wall
        return self._anchor_ns + int((wall - self._anchor_ns) * self.speed)

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of market time pass."""
        await asyncio.sleep(seconds / self.speed)

    def wall_seconds(self, nanos: Nanos) -> float:
        """How long a span of market time lasts on the wall."""
        return nanos / SECOND / self.speed
