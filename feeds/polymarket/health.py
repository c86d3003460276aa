"""How a stream is, in one word and one sentence."""

from collections import Counter
from enum import Enum

import msgspec

from feeds.events import BookState
from feeds.markets import SECOND, Nanos
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.connection_state import ConnectionState


class StreamState(Enum):
    """LIVE: every book may be trusted. DOUBTFUL: some may not. IDLE: nothing is followed."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    DOUBTFUL = "doubtful"
    DOWN = "down"


class StreamHealth(msgspec.Struct, frozen=True):
    """One connection's health. ``sentence`` is for the trader; ``last_data_ns`` is 0 before any."""

    name: str
    state: StreamState
    sentence: str
    last_data_ns: Nanos = 0
    frames: int = 0
    reconnects: int = 0
    assets: int = 0
    gaps: int = 0
    """How often the continuity of an asset was lost."""


UNTOLD = (
    "Books tell of trades that the venue does not send: resting orders on paper can't fill, and "
    "the tape of trades is empty."
)
_DOUBTFUL = (BookState.FROZEN, BookState.STALE, BookState.RESYNCING)


def health_of(name: str, channel: MarketChannel, now_ns: Nanos) -> StreamHealth:
    """The verdict on one channel now."""
    state, sentence = _verdict(channel, now_ns)
    return StreamHealth(
        name,
        state,
        sentence,
        channel.last_data_ns,
        channel.frames,
        channel.reconnects,
        len(channel.wanted),
        channel.gaps,
    )


def _verdict(channel: MarketChannel, now_ns: Nanos) -> tuple[StreamState, str]:
    states = channel.states()
    if not states:
        return StreamState.IDLE, "No market is followed."
    if channel.link in (ConnectionState.DOWN, ConnectionState.SPENT):
        why = channel.wants_reconnect or channel.reason
        return StreamState.DOWN, f"Not connected: {why}. Trading here is off."
    if not channel.last_data_ns:
        return StreamState.CONNECTING, "Connected; waiting for the first books."
    doubtful = [(states[state], state) for state in _DOUBTFUL if states[state]]
    if doubtful:
        parts = ", ".join(f"{count} {state.value}" for count, state in doubtful)
        total = sum(states.values())
        return StreamState.DOUBTFUL, f"Of {total} books {parts}{_hint(states)}."
    if channel.trades_untold(now_ns):
        return StreamState.DOUBTFUL, UNTOLD
    return StreamState.LIVE, _age(channel, now_ns, states)


def _hint(states: Counter[BookState]) -> str:
    if states[BookState.FROZEN]:
        return "; the venue answers pings but sends nothing for these, trading them is off"
    return "; trading these is off until the venue's book comes"


def _age(channel: MarketChannel, now_ns: Nanos, states: Counter[BookState]) -> str:
    seconds = max(0, now_ns - channel.last_data_ns) / SECOND
    quiet = states[BookState.QUIET]
    calm = f", {quiet} quiet" if quiet else ""
    return f"{states[BookState.LIVE]} books live{calm}; last data {seconds:.0f} s ago."
