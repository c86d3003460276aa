"""What a strategy sees of the desk: everything as of now, nothing that it could change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feeds.book import OrderBook
from feeds.events import BookState, Story
from feeds.markets import SECOND, Market, Nanos, Price, Side, Size
from strategies.decisions import Impact, Link
from strategies.fees import fee_cents, usable
from strategies.fills import Walk, walk
from strategies.impact import Move, Precedent

if TYPE_CHECKING:  # the desk makes contexts, so it imports this module
    from strategies.desk.impacts import Impacts
    from strategies.desk.news import News
    from strategies.desk.odds import Odds
    from strategies.desk.pulse import Pulse
    from strategies.desk.trading import Trading
    from strategies.floor import Floor


@dataclass(frozen=True, slots=True)
class Rooms:
    """The desk's rooms, as far as a context reads them."""

    pulse: "Pulse"
    floor: "Floor"
    news: "News"
    odds: "Odds"
    impacts: "Impacts"
    trading: "Trading"


class DeskContext:
    """One strategy's view of the desk. See :class:`strategies.api.Context` for what each means."""

    def __init__(self, strategy: str, rooms: Rooms) -> None:
        self._strategy, self._rooms = strategy, rooms

    @property
    def now_ns(self) -> Nanos:
        return self._rooms.pulse.now_ns

    # -- the floor -------------------------------------------------------------------------

    def market(self, condition_id: str) -> Market:
        return self._rooms.floor.markets[condition_id]

    def book(self, asset_id: str) -> OrderBook:
        return self._rooms.floor.books.get(asset_id) or OrderBook(asset_id)

    def book_state(self, asset_id: str) -> BookState:
        return self._rooms.floor.states.get(asset_id, BookState.RESYNCING)

    def tradeable(self, asset_id: str) -> bool:
        return self._rooms.floor.tradeable(asset_id)

    def walk(self, asset_id: str, side: Side, limit: Price, size: Size) -> Walk:
        return walk(self.book(asset_id), side, limit, size)

    def fee_cents(self, condition_id: str, price: Price) -> float | None:
        schedule = self.market(condition_id).fees
        return fee_cents(price, schedule) if usable(schedule) else None

    # -- odds ------------------------------------------------------------------------------

    def odds(self, condition_id: str) -> float | None:
        return self._rooms.floor.midpoint(self.market(condition_id).yes.asset_id)

    def odds_before(self, condition_id: str, seconds: float) -> float | None:
        history = self._rooms.odds.histories.get(condition_id)
        return history.at(self.now_ns - int(seconds * SECOND)) if history is not None else None

    def usual_move(self, condition_id: str, minutes: float) -> float | None:
        history = self._rooms.odds.histories.get(condition_id)
        return history.usual_move(minutes, self.now_ns) if history is not None else None

    def abnormal(self, condition_id: str) -> Move | None:
        return self._rooms.odds.abnormal(condition_id)

    # -- news ------------------------------------------------------------------------------

    def story(self, story_id: str) -> Story | None:
        return self._rooms.news.stories.get(story_id)

    def links(self, story_id: str) -> Sequence[Link]:
        return self._rooms.news.links.get(story_id, ())

    def stories_on(self, condition_id: str, seconds: float) -> Sequence[Story]:
        since = self.now_ns - int(seconds * SECOND)
        stories = self._rooms.news.stories_on(condition_id)
        return [story for story in stories if story.first_seen_ns >= since]

    def impact(self, story_id: str, condition_id: str) -> Impact | None:
        return self._rooms.impacts.of(story_id, condition_id)

    def precedent(self, story_id: str, condition_id: str) -> Precedent:
        return self._rooms.impacts.precedent(story_id, condition_id)

    # -- ours ------------------------------------------------------------------------------

    def position(self, asset_id: str) -> Size:
        return self._rooms.trading.portfolio.held(asset_id)

    def own(self, asset_id: str) -> Size:
        return self._rooms.trading.own.get((self._strategy, asset_id), 0)

    def skip(
        self, condition_id: str, gate: str, value: str, limit: str, story_id: str = ""
    ) -> None:
        self._rooms.pulse.skip(
            self._strategy, str(story_id), str(condition_id), str(gate), str(value), str(limit)
        )
