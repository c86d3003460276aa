"""Whose books we need, in order of importance."""

from collections.abc import Iterable
from heapq import nsmallest

from feeds.events import OrderState
from feeds.markets import SECOND, Market, MarketState, Nanos
from strategies.decisions import Follow
from strategies.desk.news import News
from strategies.desk.outbox import Outbox
from strategies.desk.settings import DeskSettings
from strategies.desk.signals import Signals
from strategies.desk.trading import Trading
from strategies.market_data import MarketData

REFRESH_EVERY: Nanos = 60 * SECOND
"""Stories fade, so the list is worked out again this often when nothing else asks for it."""
CATALOGUE_EVERY: Nanos = 10 * SECOND
"""How soon a change of the catalogue alone is looked at."""


class FollowList:
    """The list of wanted assets.

    Ours first, then those of open suggestions, then what the news touches, then the busiest.
    """

    def __init__(
        self,
        outbox: Outbox,
        market_data: MarketData,
        news: News,
        trading: Trading,
        signals: Signals,
        settings: DeskSettings,
    ) -> None:
        self.assets: tuple[str, ...] = ()
        self.markets: tuple[str, ...] = ()
        """Condition ids of the markets followed, in the same order."""
        self._outbox, self._market_data, self._news = outbox, market_data, news
        self._trading, self._signals, self._settings = trading, signals, settings
        self._busiest: tuple[str, ...] = ()
        self._catalogue_changed = False
        self._due_ns: Nanos = 0

    def catalogue_changed(self) -> None:
        """A market came or went; the list is looked at soon."""
        if not self._catalogue_changed:
            self._catalogue_changed = True
            first = not self.assets
            self._due_ns = min(
                self._due_ns, self._outbox.now_ns + (0 if first else CATALOGUE_EVERY)
            )

    def tick(self) -> None:
        """Refresh when it is time, or when orders or positions changed."""
        if self._trading.changed or self._outbox.now_ns >= self._due_ns:
            self.refresh()

    def refresh(self) -> None:
        """Work the list out anew, and say so if other assets are wanted than before."""
        self._trading.changed = False
        self._due_ns = self._outbox.now_ns + REFRESH_EVERY
        if self._catalogue_changed:
            self._catalogue_changed = False
            self._busiest = self._find_busiest()
        wanted = dict.fromkeys(
            [*self._ours(), *self._signals.open_markets, *self._in_the_news(), *self._busiest]
        )
        self.markets = tuple(cid for cid in wanted if self._alive(cid))
        self.markets = self.markets[: self._settings.follow_max // 2]
        assets = tuple(
            asset_id for cid in self.markets for asset_id in self._market_data.markets[cid].assets
        )
        if set(assets) != set(self.assets):
            self._outbox.put(Follow(self._outbox.now_ns, assets))
            self._market_data.wanted = frozenset(assets)
        self.assets = assets

    def _ours(self) -> Iterable[str]:
        for record in self._trading.orders.open():
            if record.state is not OrderState.DENIED:
                yield record.intent.condition_id
        for position in self._trading.portfolio.open_positions():
            yield position.condition_id

    def _in_the_news(self) -> list[str]:
        pull = self._news.pull(self._outbox.now_ns)
        return sorted(pull, key=lambda cid: (-pull[cid], cid))

    def _find_busiest(self) -> tuple[str, ...]:
        def by_volume(market: Market) -> tuple[float, str]:
            return (-market.volume, market.condition_id)

        alive = (m for m in self._market_data.markets.values() if m.state is MarketState.OPEN)
        busiest = nsmallest(self._settings.follow_busiest, alive, key=by_volume)
        return tuple(market.condition_id for market in busiest)

    def _alive(self, condition_id: str) -> bool:
        market = self._market_data.markets.get(condition_id)
        return market is not None and market.state in (MarketState.OPEN, MarketState.PAUSED)
