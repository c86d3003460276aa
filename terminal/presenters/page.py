"""The views of one engine, made at most once a turn and shared by every face that asks."""

from collections.abc import Iterator
from itertools import islice

from terminal.engine.state import EngineState
from terminal.presenters.account import fill_rows, order_rows, position_rows
from terminal.presenters.article import Articles
from terminal.presenters.headlines import Headlines
from terminal.presenters.market import MarketList, Markets
from terminal.presenters.quotes import Quotes
from terminal.presenters.signals import Signals
from terminal.presenters.status import Status
from terminal.protocol.views import BlotterView, FillRow, Look, OrderRow, View

FILLS_SHOWN = 60
ORDERS_SHOWN = 60


class Page:
    """Reads everything and changes nothing. What has not changed is the same object as before."""

    def __init__(self, state: EngineState) -> None:
        self.state = state
        quotes = Quotes(state)
        self.status = Status(state)
        self.headlines = Headlines(state, quotes)
        self.articles = Articles(state, quotes)
        self.markets = Markets(state, quotes)
        self.market_list = MarketList(state, quotes)
        self.signals = Signals(state)
        self.blotter = Blotter(state)
        self._turn = -1
        self._made: dict[tuple[object, ...], View | None] = {}

    def views(self, look: Look) -> Iterator[View]:
        """The views that a face asked for, as things stand this turn."""
        if self._turn != self.state.changes.turn:
            self._turn = self.state.changes.turn
            self._made.clear()
        for name in look.views:
            key = _key(look, name)
            if key not in self._made:
                self._made[key] = self._make(look, name)
            view = self._made[key]
            if view is not None:
                yield view

    def _make(self, look: Look, name: str) -> View | None:
        match name:
            case "status":
                return self.status.view()
            case "news":
                return self.headlines.view(look.rows)
            case "article":
                return self.articles.view(look.story_id)
            case "market":
                return self.markets.view(look.condition_id, look.levels)
            case "signals":
                return self.signals.view()
            case "blotter":
                return self.blotter.view()
            case _:
                return None


def _key(look: Look, name: str) -> tuple[object, ...]:
    """What of a look a view hangs on: faces that agree in it are shown the same view."""
    match name:
        case "news":
            return (name, look.rows)
        case "article":
            return (name, look.story_id)
        case "market":
            return (name, look.condition_id, look.levels)
        case _:
            return (name,)


class Blotter:
    """Positions, open orders and the newest fills."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._orders: tuple[tuple[int, int], tuple[OrderRow, ...], tuple[FillRow, ...]] | None = (
            None
        )

    def view(self) -> BlotterView:
        """What is ours; positions are marked anew each time, the rest when something happened."""
        changes, desk = self._state.changes, self._state.desk
        counts = (changes.account, changes.catalogue)
        if self._orders is None or self._orders[0] != counts:
            alive = (order for order in desk.trading.orders.records.values() if not order.over)
            orders = order_rows(alive, desk.market_data.markets)
            self._orders = (counts, orders, tuple(islice(fills_of(self._state), FILLS_SHOWN)))
        _, orders, fills = self._orders
        return BlotterView(
            positions=position_rows(desk.portfolio, desk.market_data.markets),
            orders=orders[:ORDERS_SHOWN],
            fills=fills,
            orders_total=len(orders),
            fills_total=len(self._state.earlier.fills) + self._state.counters.fills,
        )


def fills_of(state: EngineState) -> Iterator[FillRow]:
    """Fills of this session and of those before it, newest first."""
    return iter(
        fill_rows(reversed(state.fills), state.desk.portfolio, state.desk.market_data.markets)
    )
