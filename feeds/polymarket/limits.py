"""How long the market channel waits for what. Spans are nanoseconds of market time."""

from dataclasses import dataclass, fields, replace

from feeds.markets import MINUTE, SECOND, Nanos

WALL_FLOOR_NS = SECOND
"""However fast a practice world runs, no silence shorter than this on the wall means anything."""

_MARKET = frozenset(
    {
        "silence_max_ns",
        "quiet_recheck_ns",
        "snapshot_wait_ns",
        "crossed_max_ns",
        "doubt_every_ns",
        "untold_max_ns",
    }
)
"""Spans about the market; the others are about the network between it and us."""


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """The defaults fit the venue at the wall's speed."""

    silence_max_ns: Nanos = 25 * SECOND
    """An asset that says nothing for so long is stale until the venue's REST book explains it. What
    is frozen is known to be so within thirty seconds."""
    quiet_recheck_ns: Nanos = 25 * SECOND
    """How often a quiet asset's book is compared again."""
    snapshot_wait_ns: Nanos = 5 * SECOND
    """A book that does not come by stream in this time is asked for over REST."""
    crossed_max_ns: Nanos = SECOND
    doubt_every_ns: Nanos = 10 * SECOND
    """A market is asked about over REST no more often than this on mere doubt."""
    untold_max_ns: Nanos = 5 * MINUTE
    """So long books may speak of trades that are not told, before it is said."""
    hash_every_ns: Nanos = SECOND // 10
    """A connection holds a book against its own hash no more often than this."""
    ping_every_ns: Nanos = 10 * SECOND
    pong_max_ns: Nanos = 30 * SECOND
    probe_wait_ns: Nanos = 10 * SECOND
    grace_ns: Nanos = 2 * SECOND
    """The stream may be this much later than REST before it is asked to start again."""
    resubscribe_wait_ns: Nanos = 5 * SECOND
    """A frozen asset that stays so this long after a new subscription costs the connection."""
    reconnect_every_ns: Nanos = MINUTE
    """One asset alone replaces a connection no more often than this, and ever more seldom."""
    proven_ns: Nanos = 30 * SECOND
    """Only a session that lived this long resets the back-off."""
    backoff_first_ns: Nanos = SECOND // 2
    backoff_max_ns: Nanos = 30 * SECOND

    def scaled(self, speed: float) -> "ChannelLimits":
        """The same limits in a world that runs ``speed`` times as fast as the wall.

        What concerns the market keeps its span of market time, but at least a second of the
        wall; what concerns the network is stretched, so that it lasts as long on the wall.
        """
        assert speed > 0, speed
        floor = int(WALL_FLOOR_NS * speed) if speed > 1 else 0
        return replace(
            self,
            **{
                name: max(span, floor) if name in _MARKET else int(span * speed)
                for name, span in self._spans()
            },
        )

    def divided(self, by: int) -> "ChannelLimits":
        """Every span ``by`` times shorter: for a venue on the same machine."""
        return replace(self, **{name: max(1, span // by) for name, span in self._spans()})

    def _spans(self) -> list[tuple[str, Nanos]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]
