"""Times as people and programs read them, in UTC."""

from datetime import UTC, datetime

from feeds.markets import SECOND, Nanos


def clock(at_ns: Nanos) -> str:
    """Time of day in UTC."""
    return datetime.fromtimestamp(at_ns / SECOND, UTC).strftime("%H:%M:%S")


def iso(at_ns: Nanos | None) -> str | None:
    """ISO 8601 in UTC to the second, or None."""
    if at_ns is None:
        return None
    return datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(span_ns: Nanos) -> str:
    """How long ago: 40 s, 9 min, 3 h, 2 d."""
    seconds = max(0, span_ns) // SECOND
    for limit, unit, word in ((90, 1, "s"), (5_400, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds // unit} {word}"
    return f"{seconds // 86_400} d"
