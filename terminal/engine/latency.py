"""Spans of wall time, kept as bounded samples for percentiles."""

from collections import deque

SAMPLES_MAX = 10_000


class Spans:
    """The newest samples of one duration, in milliseconds."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES_MAX)

    def add(self, seconds: float) -> None:
        self._samples.append(seconds * 1_000)

    def percentile(self, percent: float) -> float | None:
        """Nearest-rank percentile in milliseconds, or None without samples."""
        if not self._samples:
            return None
        ordered = sorted(self._samples)
        rank = min(len(ordered) - 1, int(len(ordered) * percent / 100))
        return round(ordered[rank], 3)
