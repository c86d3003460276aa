"""What a strategy sees of the desk: everything as of now, nothing that it could change."""

from collections.abc import Sequence
from dataclasses import dataclass

from feeds.book import OrderBook
from feeds.events import BookState, Story
from feeds.markets import SECOND, Market, Nanos, Price, Side, Size
from strategies.decisions import Impact, Link
from strategies.desk.impacts import Impacts
from strategies.desk.news import News
from strategies.desk.odds import Odds
from strategies.desk.outbox import Outbox
from strategies.desk.trading import Trading
from strategies.fees import fee_cents, usable
from strategies.fills import Walk, walk
from strategies.impact import Move, Precedent
from strategies.market_data import MarketData


@dataclass(frozen=True, slots=True)
class DeskParts:
    """The parts of the desk, as far as a context reads them."""

    outbox: Outbox
    market_data: MarketData
    news: News
    odds: Odds
    impacts: Impacts
    trading: Trading


class DeskContext:
    """One strategy's view of the desk. See :class:`strategies.api.Context` for what each means."""

    def __init__(self, strategy: str, parts: DeskParts) -> None:
        self._strategy, self._parts = strategy, parts

    @property
    def now_ns(self) -> Nanos:
        return self._parts.outbox.now_ns

    # -- market data ----------------------------------------------------------------------

    def market(self, condition_id: str) -> Market:
        return self._parts.market_data.markets[condition_id]

    def book(self, asset_id: str) -> OrderBook:
        return self._parts.market_data.books.get(asset_id) or OrderBook(asset_id)

    def book_state(self, asset_id: str) -> BookState:
        return self._parts.market_data.states.get(asset_id, BookState.RESYNCING)

    def tradeable(self, asset_id: str) -> bool:
        return self._parts.market_data.tradeable(asset_id)

    def walk(self, asset_id: str, side: Side, limit: Price, size: Size) -> Walk:
        return walk(self.book(asset_id), side, limit, size)

    def fee_cents(self, condition_id: str, price: Price) -> float | None:
        schedule = self.market(condition_id).fees
        return fee_cents(price, schedule) if usable(schedule) else None

    # -- odds ------------------------------------------------------------------------------

    def odds(self, condition_id: str) -> float | None:
        return self._parts.market_data.midpoint(self.market(condition_id).yes.asset_id)

    def odds_before(self, condition_id: str, seconds: float) -> float | None:
        history = self._parts.odds.histories.get(condition_id)
        return history.at(self.now_ns - int(seconds * SECOND)) if history is not None else None

    def usual_move(self, condition_id: str, minutes: float) -> float | None:
        history = self._parts.odds.histories.get(condition_id)
        return history.usual_move(minutes, self.now_ns) if history is not None else None

    def abnormal(self, condition_id: str) -> Move | None:
        return self._parts.odds.abnormal(condition_id)

    # -- news ------------------------------------------------------------------------------

    def story(self, story_id: str) -> Story | None:
        return self._parts.news.stories.get(story_id)

    def links(self, story_id: str) -> Sequence[Link]:
        return self._parts.news.links.get(story_id, ())

    def stories_on(self, condition_id: str, seconds: float) -> Sequence[Story]:
        since = self.now_ns - int(seconds * SECOND)
        stories = self._parts.news.stories_on(condition_id)
        return [story for story in stories if story.first_seen_ns >= since]

    def impact(self, story_id: str, condition_id: str) -> Impact | None:
        return self._parts.impacts.of(story_id, condition_id)

    def precedent(self, story_id: str, condition_id: str) -> Precedent:
        return self._parts.impacts.precedent(story_id, condition_id)

    # -- ours ------------------------------------------------------------------------------

    def position(self, asset_id: str) -> Size:
        return self._parts.trading.portfolio.held(asset_id)

    def own(self, asset_id: str) -> Size:
        return self._parts.trading.own.get((self._strategy, asset_id), 0)

    def skip(
        self, condition_id: str, gate: str, value: str, limit: str, story_id: str = ""
    ) -> None:
        self._parts.outbox.skip(
            self._strategy, str(story_id), str(condition_id), str(gate), str(value), str(limit)
        )
