"""What the books say of a market now, looked up once a turn however many views ask."""

from feeds.figures import rounded
from feeds.markets import SECOND, Market, MarketState, Nanos
from terminal.engine.state import EngineState
from terminal.protocol.vocabulary import BookWord, MarketWord

TENTHS_BELOW_S = 30.0
"""An age is told to a tenth of a second until it is this long."""
SLOWLY: Nanos = 5 * SECOND
"""How often odds are sampled: what is made of their history need not be made more often."""


class Quotes:
    """Odds, states and ages as of the engine's newest turn."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._turn = -1
        self._odds: dict[str, float | None] = {}

    def odds(self, condition_id: str) -> float | None:
        """Odds of YES from a sound and fresh book, else the last known."""
        if self._turn != self._state.changes.turn:
            self._turn = self._state.changes.turn
            self._odds.clear()
        if condition_id not in self._odds:
            self._odds[condition_id] = self._read(condition_id)
        return self._odds[condition_id]

    def _read(self, condition_id: str) -> float | None:
        desk = self._state.desk
        known = desk.market_data.markets.get(condition_id)
        if known is None:
            return None
        midpoint = desk.market_data.midpoint(known.yes.asset_id)
        history = desk.odds.histories.get(condition_id)
        if midpoint is None and history is not None:
            midpoint = history.last
        return rounded(midpoint, 5)

    def odds_at(self, condition_id: str, when_ns: Nanos) -> float | None:
        """Odds of YES at a time of the last day."""
        history = self._state.desk.odds.histories.get(condition_id)
        return None if history is None else rounded(history.at(when_ns), 5)

    def book_state(self, asset_id: str) -> BookWord:
        """How far a book may be trusted, or that it is waited for."""
        state = self._state.desk.market_data.states.get(asset_id)
        return state.value if state is not None else "waiting"

    def age_s(self, asset_id: str) -> float | None:
        """Seconds of market time since the book last changed."""
        desk = self._state.desk
        book = desk.market_data.books.get(asset_id)
        if book is None or not book.seen:
            return None
        age = (desk.outbox.now_ns - book.applied_ns) / SECOND
        return round(max(0.0, age), 1) if age < TENTHS_BELOW_S else float(int(age))

    def market_state(self, known: Market) -> MarketWord:
        """The market's state; one that is open and quoted by nobody on both sides is dormant."""
        desk, yes = self._state.desk, known.yes.asset_id
        is_open = known.state is MarketState.OPEN and desk.market_data.tradeable(yes)
        return "dormant" if is_open and not desk.market_data.books[yes].sound else known.state.value
