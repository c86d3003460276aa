"""World time: the wall's, run faster, or moved by hand in tests."""

import time
from dataclasses import dataclass
from typing import Protocol

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Where the venue reads the time of its world, in Unix nanoseconds.

    ``wall_ns`` is the time of its clients, ``speed`` how much faster the world's runs.
    """

    speed: float

    def now_ns(self) -> int: ...
    def wall_ns(self) -> int: ...


class WorldClock:
    """World time = anchor + (wall time - anchor) * speed; it never goes back.

    ``anchor_ns`` is the moment at which both agree. Every stamp on the wire is world time.
    """

    def __init__(self, speed: float = 1.0, anchor_ns: int | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.speed = speed
        self.anchor_ns = time.time_ns() if anchor_ns is None else anchor_ns
        self._last_ns = self.anchor_ns

    def now_ns(self) -> int:
        passed = int((time.time_ns() - self.anchor_ns) * self.speed)
        self._last_ns = max(self._last_ns, self.anchor_ns + passed)
        return self._last_ns

    def wall_ns(self) -> int:
        return time.time_ns()


@dataclass
class ManualClock:
    """A clock that stands still until it is told to move."""

    at_ns: int
    speed: float = 1.0

    def __post_init__(self) -> None:
        self._anchor_ns = self.at_ns

    def now_ns(self) -> int:
        return self.at_ns

    def wall_ns(self) -> int:
        return self._anchor_ns + int((self.at_ns - self._anchor_ns) / self.speed)

    def move(self, by_ns: int) -> None:
        """Let ``by_ns`` of world time pass."""
        if by_ns < 0:
            raise ValueError(f"time moves forward only, not by {by_ns} ns")
        self.at_ns += by_ns
