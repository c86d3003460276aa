"""The venue's clock beside ours: signatures and expiries fail where they differ."""

import msgspec

from feeds.clock import Clock
from feeds.markets import SECOND, Nanos
from feeds.polymarket.rest import ClobReader

SKEW_NS_MAX = 2 * SECOND


class ClockSkew(msgspec.Struct, frozen=True):
    """How far the venue's clock is ahead of ours: at least ``low_ns``, at most ``high_ns``.

    The venue tells whole seconds, and the answer takes its time: what lies between is not known.
    """

    low_ns: Nanos
    high_ns: Nanos

    @property
    def certain_ns(self) -> Nanos:
        """The part of the difference that is beyond doubt; below 0 where ours is ahead."""
        return max(self.low_ns, 0) + min(self.high_ns, 0)

    @property
    def sentence(self) -> str:
        """What to tell the trader; "" while the clocks agree well enough."""
        off = self.certain_ns
        if abs(off) <= SKEW_NS_MAX:
            return ""
        way = "behind" if off > 0 else "ahead of"
        return (
            f"This machine's clock is at least {abs(off) / SECOND:.1f} s {way} the venue's: "
            "set it by the network's time, or signed requests will be refused."
        )


async def compare(reader: ClobReader, clock: Clock) -> ClockSkew:
    """Ask the venue for its time; raises ``VenueError`` and ``WireError``."""
    asked_ns = clock.now_ns()
    venue_ns = await reader.time_ns()
    return ClockSkew(venue_ns - clock.now_ns(), venue_ns + SECOND - asked_ns)
