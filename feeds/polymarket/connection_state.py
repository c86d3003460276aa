"""Where one connection of the venue's streams stands: what both channels have in common.

The rules are in ``NEXT_LINK``. PING is a text frame every ten seconds; a connection on which PONG
stays out is given up. A venue that accepts and drops at once must not be asked in a tight loop, so
only a session that has lived for some time resets the back-off.
"""

import logging
from collections import Counter
from enum import Enum, auto
from typing import Protocol

from feeds.markets import SECOND, Nanos
from feeds.polymarket.errors import WireError
from feeds.text import printable

log = logging.getLogger(__name__)

REASONS_LOGGED_MAX = 50
DOUBLINGS_MAX = 20
PING, PONG = b"PING", b"PONG"


class ConnectionState(Enum):
    """Where the connection stands."""

    DOWN = auto()
    OPEN = auto()
    SUBSCRIBED = auto()
    SPENT = auto()
    """To be replaced by the shell; ``wants_reconnect`` says why."""


class ConnectionNews(Enum):
    CONNECTED = auto()
    SUBSCRIBED = auto()
    GIVEN_UP = auto()
    DISCONNECTED = auto()


NEXT_LINK: dict[tuple[ConnectionState, ConnectionNews], ConnectionState] = {
    (ConnectionState.DOWN, ConnectionNews.CONNECTED): ConnectionState.OPEN,
    (ConnectionState.DOWN, ConnectionNews.DISCONNECTED): ConnectionState.DOWN,  # an attempt failed
    (ConnectionState.OPEN, ConnectionNews.SUBSCRIBED): ConnectionState.SUBSCRIBED,
    (ConnectionState.OPEN, ConnectionNews.GIVEN_UP): ConnectionState.SPENT,
    (ConnectionState.OPEN, ConnectionNews.DISCONNECTED): ConnectionState.DOWN,
    (ConnectionState.SUBSCRIBED, ConnectionNews.GIVEN_UP): ConnectionState.SPENT,
    (ConnectionState.SUBSCRIBED, ConnectionNews.DISCONNECTED): ConnectionState.DOWN,
    (ConnectionState.SPENT, ConnectionNews.GIVEN_UP): ConnectionState.SPENT,
    (ConnectionState.SPENT, ConnectionNews.DISCONNECTED): ConnectionState.DOWN,
}
"""Any other pair is a mistake of the shell's and raises."""


class ConnectionLimits(Protocol):
    """How long a connection waits for what, in market time."""

    @property
    def ping_every_ns(self) -> Nanos: ...

    @property
    def pong_max_ns(self) -> Nanos: ...

    @property
    def proven_ns(self) -> Nanos: ...

    @property
    def backoff_first_ns(self) -> Nanos: ...

    @property
    def backoff_max_ns(self) -> Nanos: ...


class Connection:
    """One connection, without its socket. Times are Unix nanoseconds of market time."""

    def __init__(self, name: str, limits: ConnectionLimits) -> None:
        self.link = ConnectionState.DOWN
        self.wants_reconnect = ""
        """Why the shell should close the connection and open another; "" where it should not."""
        self.reason = "not connected yet"
        self.counts: Counter[str] = Counter()
        self.frames = 0
        self.last_data_ns: Nanos = 0
        self.reconnects = 0
        self._name, self._line_limits = name, limits
        self._frames: list[bytes] = []
        self._logged: set[str] = set()
        self._now: Nanos = 0
        self._connected_ns: Nanos = 0
        self._pinged_ns: Nanos = 0
        self._ponged_ns: Nanos = 0
        self._failures = 0

    def _begin(self, now_ns: Nanos) -> None:
        """A new connection stands, and nothing has been said on it."""
        self._now = self._connected_ns = now_ns
        self._link_hears(ConnectionNews.CONNECTED)
        self.wants_reconnect = self.reason = ""
        self._frames.clear()

    def _subscribed(self) -> None:
        """The first frame is about to leave; from now on PING is due."""
        self._link_hears(ConnectionNews.SUBSCRIBED)
        self._pinged_ns = self._ponged_ns = self._now

    def _end(self, now_ns: Nanos, reason: str) -> bool:
        """The connection is gone, or an attempt to connect failed; says whether one stood."""
        self._now = now_ns
        stood = self.link is not ConnectionState.DOWN
        lived = now_ns - self._connected_ns if self._connected_ns else 0
        proven = lived >= self._line_limits.proven_ns
        self._failures = 0 if proven else self._failures + 1
        self._link_hears(ConnectionNews.DISCONNECTED)
        self._connected_ns = 0
        self.reason = reason
        self.wants_reconnect = ""
        self._frames.clear()
        self.reconnects += stood
        return stood

    def retry_in_ns(self, chance: float) -> Nanos:
        """How long to wait before connecting again; ``chance`` from 0 to 1 is the jitter."""
        limits = self._line_limits
        doublings = min(max(self._failures - 1, 0), DOUBLINGS_MAX)
        whole = min(limits.backoff_first_ns << doublings, limits.backoff_max_ns)
        return int(whole * (0.5 + chance / 2))

    def _link_hears(self, news: ConnectionNews) -> None:
        self.link = NEXT_LINK[self.link, news]

    def _give_up(self, reason: str) -> None:
        self._link_hears(ConnectionNews.GIVEN_UP)
        self.wants_reconnect = reason

    def _is_pong(self, frame: bytes, at_ns: Nanos) -> bool:
        """Whether a message is PONG and nothing else; if so it is noted."""
        heard = frame.startswith(PONG) and frame.strip() == PONG
        if heard:
            self._ponged_ns = at_ns
        return heard

    def _keep_alive(self, now_ns: Nanos) -> None:
        """Send PING when it is due, and give up when PONG has stayed out."""
        if now_ns - self._ponged_ns > self._line_limits.pong_max_ns:
            self._give_up(f"no PONG for {(now_ns - self._ponged_ns) / SECOND:.0f} s")
        elif now_ns - self._pinged_ns >= self._line_limits.ping_every_ns:
            self._pinged_ns = now_ns
            self._frames.append(PING)

    def _refuse(self, error: WireError) -> None:
        """Count what can't be read, and log it once."""
        self.counts[f"refused: {error.kind}"] += 1
        said = printable(str(error), 200)
        if said not in self._logged and len(self._logged) < REASONS_LOGGED_MAX:
            self._logged.add(said)
            log.warning("%s channel: a message was left out (told once): %s", self._name, said)

    def take_frames_to_send(self) -> list[bytes]:
        """Text frames for the venue, in order. Never log them: the account's first one holds the
        secret."""
        taken, self._frames = self._frames, []
        return taken
