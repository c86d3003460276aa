"""What would have filled: walking a real book, and a paper exchange that invents nothing.

The paper exchange is strict where paper trading likes to flatter itself. An order becomes active
only after its latency and meets the book as it then is; depth that it took stays taken until the
venue restates that level; a resting order fills only by prints of the public tape, those that
go through its price or those at its price once everything that stood there before it is used
up; a change of depth fills nothing.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from feeds import figures
from feeds.book import OrderBook
from feeds.events import (
    Event,
    Fill,
    Level,
    LevelChange,
    Liquidity,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderState,
    OrderUpdate,
    PassedOver,
    Print,
    Tick,
)
from feeds.markets import ONE, Market, MarketState, Money, Nanos, Price, Side, Size, notional
from strategies.decisions import OrderIntent
from strategies.fees import fee, usable
from strategies.market_data import MarketDataView

Heard: TypeAlias = OrderUpdate | Fill

LEVELS_MAX = 500
"""Levels one order may walk."""
ORDERS_MAX = 1_000
"""Orders the paper exchange holds at once."""
NOTES_MAX = 5_000
"""Levels whose depth we remember having taken."""
QUEUE_UNKNOWN: Size = -1
"""A queue before us of which nobody knows any more how long it is: only a trade beyond it fills."""
PRINTS_REMEMBERED_MAX = 8
"""Prints a market in which a mirrored copy is looked for."""


class Walk(msgspec.Struct, frozen=True):
    """What an order would meet now. ``fills`` are (price, size), best first.

    ``notional`` is without fees; ``average`` is in 1/10,000 dollar as a float, for screens;
    ``slippage`` is how much worse than the midpoint the average is, None without a midpoint;
    ``rests`` is what would be left over.
    """

    fills: tuple[Level, ...]
    filled: Size
    notional: Money
    average: float | None
    worst: Price | None
    slippage: float | None
    rests: Size


def crosses(side: Side, limit: Price, book: OrderBook) -> bool:
    """Whether an order at this limit would trade at once."""
    return limit >= book.best_ask if side is Side.BUY else limit <= book.best_bid


def walk(
    book: OrderBook,
    side: Side,
    limit: Price,
    size: Size,
    taken: Mapping[Price, Size] | None = None,
) -> Walk:
    """Walk the levels that an order would meet, up to its limit; ``taken`` depth is not there."""
    fills: list[Level] = []
    left = size
    for price, available in book.takeable(side)[:LEVELS_MAX]:
        if left <= 0 or (price > limit if side is Side.BUY else price < limit):
            break
        part = min(left, available - (taken or {}).get(price, 0))
        if part > 0:
            fills.append((price, part))
            left -= part
    return _measured(fills, size - left, left, side, book.midpoint)


def _measured(
    fills: list[Level], filled: Size, left: Size, side: Side, midpoint: float | None
) -> Walk:
    average = sum(price * size for price, size in fills) / filled if filled else None
    slippage = None
    if average is not None and midpoint is not None:
        slippage = side.sign * (average - ONE * midpoint)
    return Walk(
        fills=tuple(fills),
        filled=filled,
        notional=sum(notional(price, size) for price, size in fills),
        average=average,
        worst=fills[-1][0] if fills else None,
        slippage=slippage,
        rests=left,
    )


class _Order:
    """One order at the paper exchange, and where it stands."""

    __slots__ = ("active", "cancel_ns", "due_ns", "fills", "intent", "left", "queue")

    def __init__(self, intent: OrderIntent, due_ns: Nanos) -> None:
        self.intent = intent
        self.due_ns = due_ns
        self.left = intent.size
        self.queue: Size = 0
        self.fills = 0
        self.active = False
        self.cancel_ns: Nanos | None = None

    @property
    def filled(self) -> Size:
        return self.intent.size - self.left


class PaperExchange:
    """The venue on paper. Feed it every event *after* the desk has handled it.

    It reads the desk's books by reference and keeps none of its own. Cash is the gate's
    business, not the exchange's.
    """

    def __init__(self, market_data: MarketDataView, latency_ns: Nanos) -> None:
        self._market_data = market_data
        self._latency_ns = latency_ns
        self._orders: dict[str, _Order] = {}
        self._waiting: list[_Order] = []
        self._resting: dict[str, list[_Order]] = {}
        self._places_unknown: set[str] = set()
        self._taken: dict[tuple[str, Side, Price], tuple[Size, Size]] = {}
        self._seen: dict[str, deque[tuple[str, Nanos, Price, Size, Side]]] = {}

    @property
    def open_orders(self) -> tuple[str, ...]:
        """Ids of orders on their way or resting, oldest first."""
        return tuple(self._orders)

    # -- commands --------------------------------------------------------------------------

    def submit(self, intent: OrderIntent, now_ns: Nanos) -> list[Heard]:
        """Take an order, active at the first tick after the latency; a repeat is ignored."""
        if intent.order_id in self._orders:
            return []
        if len(self._orders) >= ORDERS_MAX:
            reason = f"the paper exchange holds {ORDERS_MAX} orders and takes no more"
            return [OrderUpdate(now_ns, intent.order_id, OrderState.REFUSED, 0, reason)]
        order = _Order(intent, max(now_ns, intent.at_ns) + self._latency_ns)
        self._orders[intent.order_id] = order
        self._waiting.append(order)
        return []

    def cancel(self, order_id: str, now_ns: Nanos) -> list[Heard]:
        """Ask for an order to be taken off, which takes the same latency; else no effect."""
        order = self._orders.get(order_id)
        if order is not None and order.cancel_ns is None:
            order.cancel_ns = now_ns + self._latency_ns
            if order.active:
                self._waiting.append(order)
        return []

    def on_event(self, event: Event) -> list[Heard]:
        """What this event means for our orders. Only ticks, prints and markets mean anything."""
        if type(event) is PassedOver:
            return self._lose_places(event)
        if type(event) is LevelChange or not self._orders:
            return []  # by far the most frequent
        match event:
            case Tick():
                return self._tick(event.at_ns) if self._waiting else []
            case Print():
                return self._print(event)
            case MarketSeen():
                return self._market_changed(event.market.condition_id, event.at_ns)
            case MarketResolved():
                return self._market_changed(event.condition_id, event.at_ns)
            case _:
                return []

    # -- becoming active -------------------------------------------------------------------

    def _tick(self, now_ns: Nanos) -> list[Heard]:
        waiting, self._waiting = self._waiting, []
        heard: list[Heard] = []
        for order in waiting:
            heard += self._due(order, now_ns)
        return heard

    def _due(self, order: _Order, now_ns: Nanos) -> list[Heard]:
        """Whatever of this order's is due: to become active, then to be cancelled."""
        if order.intent.order_id not in self._orders:
            return []
        heard: list[Heard] = []
        if not order.active and now_ns >= order.due_ns:
            heard = self._activate(order, now_ns)
        alive = order.intent.order_id in self._orders
        if alive and order.cancel_ns is not None and now_ns >= order.cancel_ns and order.active:
            return [*heard, self._end(order, now_ns, OrderState.CANCELLED, "cancelled as asked")]
        if alive and (not order.active or order.cancel_ns is not None):
            self._waiting.append(order)
        return heard

    def _activate(self, order: _Order, now_ns: Nanos) -> list[Heard]:
        """The order reaches the exchange: it is judged by the book as it is now."""
        order.active = True
        intent = order.intent
        market = self._market_data.market_of(intent.asset_id)
        refusal = self._refusal(intent, market)
        if refusal or market is None:
            return [self._end(order, now_ns, OrderState.REFUSED, refusal)]
        book = self._market_data.books[intent.asset_id]
        met = walk(book, intent.side, intent.price, order.left, self._taken_from(book, intent.side))
        if intent.kind is OrderKind.FOK and met.rests:
            reason = (
                f"only {figures.shares(met.filled)} of {figures.shares(intent.size)} at the limit"
            )
            return [self._end(order, now_ns, OrderState.CANCELLED, reason)]
        heard: list[Heard] = list(self._take(order, market, book, met, now_ns))
        return [*heard, self._after_taking(order, book, now_ns)]

    def _refusal(self, intent: OrderIntent, market: Market | None) -> str:
        """Why the exchange would not have this order, or ""."""
        if market is None:
            return "the exchange knows no such market"
        if market.state is not MarketState.OPEN:
            return f"the market is {market.state.value}"
        if not usable(market.fees):
            return "the market's fees are unknown"
        if not self._market_data.tradeable(intent.asset_id):
            return "the book was not sound when the order arrived: no fill can be judged"
        if intent.post_only and crosses(
            intent.side, intent.price, self._market_data.books[intent.asset_id]
        ):
            return "post-only, and it would have traded at once"
        return ""

    def _take(
        self, order: _Order, market: Market, book: OrderBook, met: Walk, now_ns: Nanos
    ) -> Iterator[Fill]:
        assert market.fees is not None, "no order is active in a market without fees"
        for price, size in met.fills:
            self._note_taken(market, book, order.intent.side, price, size)
            charged = fee(size, price, market.fees)
            yield self._fill(order, now_ns, price, size, charged, Liquidity.TAKER)

    def _after_taking(self, order: _Order, book: OrderBook, now_ns: Nanos) -> OrderUpdate:
        intent = order.intent
        if not order.left:
            return self._end(order, now_ns, OrderState.FILLED, "")
        if intent.kind is OrderKind.FAK:
            reason = "the rest was cancelled" if order.filled else "nothing to take at the limit"
            return self._end(order, now_ns, OrderState.CANCELLED, reason)
        own_side = book.bids if intent.side is Side.BUY else book.asks
        unknown = intent.condition_id in self._places_unknown
        order.queue = QUEUE_UNKNOWN if unknown else own_side.get(intent.price, 0)
        self._resting.setdefault(intent.condition_id, []).append(order)
        return self._update(order, now_ns)

    # -- depth we took ---------------------------------------------------------------------

    def _taken_from(self, book: OrderBook, side: Side) -> dict[Price, Size]:
        """Depth that earlier orders took and the venue has not restated since."""
        levels = book.asks if side is Side.BUY else book.bids
        return {
            price: taken
            for (asset_id, taker, price), (taken, of) in self._taken.items()
            if asset_id == book.asset_id and taker is side and levels.get(price) == of
        }

    def _note_taken(
        self, market: Market, book: OrderBook, side: Side, price: Price, size: Size
    ) -> None:
        """Remember what was taken, in both books: the other asset's shows the same orders."""
        mirror = market.other(book.asset_id)
        self._note(book, side, price, size)
        if mirror in self._market_data.books:
            self._note(self._market_data.books[mirror], side.other, ONE - price, size)

    def _note(self, book: OrderBook, side: Side, price: Price, size: Size) -> None:
        levels = book.asks if side is Side.BUY else book.bids
        stands = levels.get(price, 0)
        key = (book.asset_id, side, price)
        before, of = self._taken.pop(key, (0, stands))
        if len(self._taken) >= NOTES_MAX:
            del self._taken[next(iter(self._taken))]
        self._taken[key] = (size + (before if of == stands else 0), stands)

    # -- prints ----------------------------------------------------------------------------

    def _print(self, event: Print) -> list[Heard]:
        """A trade on the public tape fills what it went through; its size is used once."""
        market = self._market_data.market_of(event.asset_id)
        resting = self._resting.get(market.condition_id) if market is not None else None
        if market is None or not resting or self._is_mirrored_copy(event, market):
            return []
        if market.state is not MarketState.OPEN:
            return []
        price, side = _as_yes(market, event.asset_id, event.price, event.side)
        left = event.size
        heard: list[Heard] = []
        for order in sorted(resting, key=lambda order: _priority(market, order)):
            if not self._market_data.tradeable(order.intent.asset_id):
                continue
            part = _share_of_print(market, order, price, side, event.size, left)
            if part is None:
                continue
            left -= part
            heard += self._fill_resting(order, event.at_ns, part)
        return heard

    def _lose_places(self, event: PassedOver) -> list[Heard]:
        """Where books ran ahead of prints nobody knows how many are left before us."""
        if not event.asset_ids:
            self._places_unknown.clear()
            return []
        markets = map(self._market_data.market_of, event.asset_ids)
        books = {market.condition_id for market in markets if market is not None}
        self._places_unknown |= books
        lost = [
            order
            for condition_id in sorted(books)
            for order in self._resting.get(condition_id, ())
            if order.queue != QUEUE_UNKNOWN
        ]
        for order in lost:
            order.queue = QUEUE_UNKNOWN
        return [self._update(order, event.at_ns) for order in lost]

    def _is_mirrored_copy(self, event: Print, market: Market) -> bool:
        """Whether the venue already told this trade under the other asset's id."""
        seen = self._seen.get(market.condition_id)
        if seen is None:
            seen = self._seen[market.condition_id] = deque(maxlen=PRINTS_REMEMBERED_MAX)
        twin = (
            market.other(event.asset_id),
            event.venue_ns,
            ONE - event.price,
            event.size,
            event.side.other,
        )
        if twin in seen:
            seen.remove(twin)
            return True
        seen.append((event.asset_id, event.venue_ns, event.price, event.size, event.side))
        return False

    def _fill_resting(self, order: _Order, now_ns: Nanos, size: Size) -> list[Heard]:
        if not size:
            return [self._update(order, now_ns)]  # the queue before us got shorter
        fill = self._fill(order, now_ns, order.intent.price, size, 0, Liquidity.MAKER)
        if order.left:
            return [fill, self._update(order, now_ns)]
        return [fill, self._end(order, now_ns, OrderState.FILLED, "")]

    # -- ends ------------------------------------------------------------------------------

    def _market_changed(self, condition_id: str, now_ns: Nanos) -> list[Heard]:
        """A market that is not open any more sends resting orders home."""
        market = self._market_data.markets.get(condition_id)
        if market is None or market.state is MarketState.OPEN:
            return []
        reason = f"the market is {market.state.value}"
        resting = list(self._resting.get(condition_id, ()))
        return [self._end(order, now_ns, OrderState.CANCELLED, reason) for order in resting]

    def _fill(
        self,
        order: _Order,
        now_ns: Nanos,
        price: Price,
        size: Size,
        charged: Money,
        liquidity: Liquidity,
    ) -> Fill:
        assert 0 < size <= order.left, f"{order.intent.order_id} can't fill by {size}"
        order.left -= size
        order.fills += 1
        intent = order.intent
        return Fill(
            at_ns=now_ns,
            id=f"{intent.order_id}/{order.fills}",
            order_id=intent.order_id,
            condition_id=intent.condition_id,
            asset_id=intent.asset_id,
            side=intent.side,
            price=price,
            size=size,
            fee=charged,
            liquidity=liquidity,
        )

    def _update(self, order: _Order, now_ns: Nanos) -> OrderUpdate:
        return OrderUpdate(
            now_ns, order.intent.order_id, OrderState.OPEN, order.filled, "", order.queue
        )

    def _end(self, order: _Order, now_ns: Nanos, state: OrderState, reason: str) -> OrderUpdate:
        intent = order.intent
        del self._orders[intent.order_id]
        resting = self._resting.get(intent.condition_id, [])
        if order in resting:
            resting.remove(order)
        return OrderUpdate(now_ns, intent.order_id, state, order.filled, reason)


def _as_yes(market: Market, asset_id: str, price: Price, side: Side) -> tuple[Price, Side]:
    """The same interest told in the YES asset: buying NO at p is selling YES at 1 - p."""
    if asset_id == market.yes.asset_id:
        return price, side
    return ONE - price, side.other


def _priority(market: Market, order: _Order) -> tuple[Price, Nanos]:
    """Best price first, then the earlier order, as the venue matches."""
    price, side = _as_yes(market, order.intent.asset_id, order.intent.price, order.intent.side)
    return (-price if side is Side.BUY else price, order.due_ns)


def _share_of_print(
    market: Market, order: _Order, price: Price, side: Side, size: Size, left: Size
) -> Size | None:
    """How much of a print falls to a resting order; None when it passed it by.

    ``size`` is the whole print, ``left`` what no earlier order of ours has used. The queue before
    us is told in the venue's shares, so the whole print shortens it.
    """
    ours, way = _as_yes(market, order.intent.asset_id, order.intent.price, order.intent.side)
    if way is side or (price < ours if side is Side.BUY else price > ours):
        return None
    if price != ours:
        order.queue = 0  # it traded beyond us, so nobody is left before us
        return min(order.left, left)
    if order.queue == QUEUE_UNKNOWN:
        return None
    used_by_queue = min(order.queue, size)
    order.queue -= used_by_queue
    beyond_queue = size - used_by_queue - (size - left)
    return max(0, min(order.left, beyond_queue))
