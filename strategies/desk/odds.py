"""Odds through time: sampled from the followed books into a minute grid, a history a market."""

from collections.abc import Iterable, Iterator

from feeds.events import OddsPoint
from feeds.markets import MINUTE, ONE, SECOND, Nanos
from strategies.desk.outbox import Outbox
from strategies.impact import Absence, Move, OddsHistory, abnormal_move
from strategies.market_data import MarketData

OBSERVE_EVERY: Nanos = 5 * SECOND
HISTORIES_MAX = 1_000
"""Markets whose odds are remembered; those not followed any more go first, oldest first."""
POINTS_MAX = 3_000
"""Points of one market's past held while they arrive."""
UNFOLLOWED_GRACE: Nanos = 30 * SECOND
"""A book that nobody follows any more counts as odds for this long after its last change."""


class Odds:
    """Histories of odds by market, and the moves in them that stand out."""

    def __init__(self, outbox: Outbox, market_data: MarketData) -> None:
        self.histories: dict[str, OddsHistory] = {}
        self.followed: tuple[str, ...] = ()
        self._outbox, self._market_data = outbox, market_data
        self._observe_ns: Nanos = 0
        self._past: dict[str, list[tuple[Nanos, float]]] = {}
        self._arriving: set[str] = set()
        self._moves: dict[str, tuple[Nanos, Move | None]] = {}

    def observe(self, condition_ids: tuple[str, ...]) -> None:
        """Sample the odds of these markets, when it is time."""
        if self._outbox.now_ns < self._observe_ns:
            return
        self._observe_ns = self._outbox.now_ns + OBSERVE_EVERY
        self.followed = condition_ids
        for condition_id in condition_ids:
            self.sample(condition_id)

    def sample(self, condition_id: str) -> None:
        """Take a market's odds as they are now."""
        market = self._market_data.markets[condition_id]
        book = self._market_data.books.get(market.yes.asset_id)
        if book is None or not book.seen:
            return
        now_ns, tick = self._outbox.now_ns, market.tick_size
        if now_ns - book.applied_ns > UNFOLLOWED_GRACE and condition_id not in self.followed:
            return
        history = self.history(condition_id)
        midpoint = self._market_data.midpoint(market.yes.asset_id)
        if midpoint is not None:
            history.observe(now_ns, midpoint, book.spread / ONE / 2, tick)
        elif self._market_data.tradeable(market.yes.asset_id):
            history.observe(now_ns, None, 0.0, tick, Absence.ONE_SIDED)
        else:
            history.observe(now_ns, None, 0.0, tick, Absence.FROZEN)

    def history(self, condition_id: str) -> OddsHistory:
        """A market's odds through time; a new one if there is none yet."""
        history = self.histories.get(condition_id)
        if history is None:
            if len(self.histories) >= HISTORIES_MAX:
                gone = (cid for cid in self.histories if cid not in self.followed)
                del self.histories[next(gone, next(iter(self.histories)))]
            history = self.histories[condition_id] = OddsHistory()
        return history

    def known(self, condition_ids: Iterable[str]) -> Iterator[OddsHistory]:
        """The histories of these markets, as far as there are any."""
        found = map(self.histories.get, condition_ids)
        return (history for history in found if history is not None)

    def close(self, condition_id: str) -> None:
        """A market stopped trading."""
        history = self.histories.get(condition_id)
        if history is not None:
            history.close(self._outbox.now_ns)

    def past_point(self, point: OddsPoint) -> None:
        """One point of the venue's price history. They come in bunches and are used in one go."""
        market = self._market_data.market_of(point.asset_id)
        if market is None or not 0 < point.price < ONE:
            return
        points = self._past.setdefault(market.condition_id, [])
        if len(points) < POINTS_MAX:
            price = point.price if point.asset_id == market.yes.asset_id else ONE - point.price
            points.append((point.when_ns, price / ONE))
        self._arriving.add(market.condition_id)

    def fill_in_the_past(self) -> None:
        """Use the points of markets for which none came since the last tick."""
        if not self._past:
            return
        for condition_id in [cid for cid in self._past if cid not in self._arriving]:
            self.history(condition_id).backfill(self._past.pop(condition_id))
        self._arriving.clear()

    def abnormal(self, condition_id: str) -> Move | None:
        """A move that stands out, if there is one; worked out once an observation."""
        cached = self._moves.get(condition_id)
        if cached is not None and cached[0] == self._observe_ns:
            return cached[1]
        history = self.histories.get(condition_id)
        move = abnormal_move(history, self._outbox.now_ns) if history is not None else None
        self._moves[condition_id] = (self._observe_ns, move)
        return move

    def trades(self, condition_id: str, since_ns: Nanos) -> int | None:
        """Prints of a market since then, as far as remembered; None if its book was not watched."""
        history = self.histories.get(condition_id)
        if history is None or history.watched is None or history.watched * MINUTE > since_ns:
            return None
        count = 0
        for one in reversed(self._market_data.prints.get(condition_id, ())):
            if one.at_ns < since_ns:
                break
            count += 1
        return count
