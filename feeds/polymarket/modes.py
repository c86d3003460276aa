"""Which mode the venue trades in, as its own answers tell it.

Nobody announces a mode: it shows in the answers to requests, and while orders are held back for
its sake none shows that it is over. So each mode has an end: the venue's own, where it names one,
else the time that it usually takes. A restart is followed by two minutes of post-only trading.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from feeds.clock import Clock
from feeds.events import TradingMode, VenueMode
from feeds.markets import MINUTE, SECOND, Nanos
from feeds.polymarket.errors import RETRY_AFTER_MAX_S, VenueError

AFTER_RESTART_NS: Nanos = 2 * MINUTE
_USUAL_NS: Mapping[TradingMode, Nanos] = MappingProxyType(
    {
        TradingMode.RESTARTING: 30 * SECOND,
        TradingMode.POST_ONLY: AFTER_RESTART_NS,
        TradingMode.CANCEL_ONLY: MINUTE,
        TradingMode.DISABLED: MINUTE,
    }
)
RESTARTING_STATUS = 425
RESTRICTED_STATUS = 503
_WORDS = (
    ("post_only_mode", TradingMode.POST_ONLY),
    ("post-only mode", TradingMode.POST_ONLY),
    ("cancel-only", TradingMode.CANCEL_ONLY),
    ("trading is currently disabled", TradingMode.DISABLED),
)
_SENTENCES: Mapping[TradingMode, str] = MappingProxyType(
    {
        TradingMode.NORMAL: "the venue trades as usual",
        TradingMode.RESTARTING: "the venue's matching engine is restarting",
        TradingMode.POST_ONLY: "the venue takes only post-only orders and cancels",
        TradingMode.CANCEL_ONLY: "the venue takes cancels, but no new orders",
        TradingMode.DISABLED: "the venue has stopped all trading",
    }
)


def mode_in(status: int | None, said: str) -> TradingMode | None:
    """The mode that a refusal speaks of, or None where it speaks of something else."""
    if status == RESTARTING_STATUS:
        return TradingMode.RESTARTING
    if status != RESTRICTED_STATUS:
        return None
    words = said.lower()
    return next((mode for mark, mode in _WORDS if mark in words), None)


def sentence_of(mode: TradingMode) -> str:
    """A mode in words."""
    return _SENTENCES[mode]


def _span(mode: TradingMode, retry_after_s: float | None) -> Nanos:
    """How long a mode lasts: as the venue says, as far as we take its word, or as usual."""
    if mode is TradingMode.POST_ONLY and 0 < (retry_after_s or 0) < RETRY_AFTER_MAX_S:
        return int((retry_after_s or 0) * SECOND)
    return _USUAL_NS[mode]


class VenueModes:
    """The newest mode. ``say`` hears every change, once. Call ``tick`` about once a second."""

    def __init__(self, clock: Clock, say: Callable[[VenueMode], None]) -> None:
        self.mode = TradingMode.NORMAL
        self.until_ns: Nanos = 0
        self._clock, self._say = clock, say
        self._restarting_at = ""

    def refused(self, what: str, error: VenueError) -> None:
        """The venue would not answer a request; perhaps for its mode's sake."""
        mode = mode_in(error.status, error.said)
        if mode is not None:
            self._restarting_at = what if mode is TradingMode.RESTARTING else ""
            self._enter(mode, self._wall(_span(mode, error.retry_after_s)))

    def answered(self, what: str) -> None:
        """A request was answered: where its like was refused for a restart, that is over."""
        if self.mode is TradingMode.RESTARTING and what == self._restarting_at:
            self._enter(TradingMode.POST_ONLY, self._wall(AFTER_RESTART_NS))

    def order_taken(self, post_only: bool) -> None:
        """The venue took an order: it trades as usual, or post-only at least."""
        if not post_only:
            self._enter(TradingMode.NORMAL, 0)
        elif self.mode is not TradingMode.NORMAL:
            self._enter(TradingMode.POST_ONLY, self._wall(AFTER_RESTART_NS))

    def tick(self) -> None:
        """Time passed; a mode that was not heard of again is over."""
        if self.mode is TradingMode.NORMAL or self._clock.now_ns() < self.until_ns:
            return
        if self.mode is TradingMode.RESTARTING:
            self._enter(TradingMode.POST_ONLY, self._wall(AFTER_RESTART_NS))
        else:
            self._enter(TradingMode.NORMAL, 0)

    def _wall(self, span: Nanos) -> Nanos:
        """A span of the wall in market time: a restart takes as long however fast the world is."""
        return int(span * self._clock.speed)

    def _enter(self, mode: TradingMode, span: Nanos) -> None:
        now = self._clock.now_ns()
        self.until_ns = now + span
        if mode is not self.mode:
            self.mode = mode
            self._say(VenueMode(now, mode, _SENTENCES[mode]))
