"""The market in focus: both books, prints, history and siblings; and the list of all markets."""

from collections.abc import Iterator
from typing import NamedTuple

from feeds.book import OrderBook
from feeds.events import OrderState, Print
from feeds.markets import MINUTE, ONE, Market, Nanos, Price, Side, Size
from strategies.desk import OrderRecord
from terminal.engine.state import EngineState
from terminal.presenters.quotes import SLOWLY, Quotes
from terminal.protocol.views import (
    BookView,
    LadderLevel,
    MarketRow,
    MarketView,
    PrintRow,
    SiblingRow,
    StoryMark,
)

CHART_POINTS_MAX = 400
PRINTS_SHOWN = 40
SIBLINGS_MAX = 24
DAY: Nanos = 24 * 60 * MINUTE
KEPT_MAX = 32
"""Markets held to be shown again: as many as there may be faces, each with its own."""

Levels = list[tuple[Price, Size]]
Own = dict[Side, dict[Price, Size]]


class _Slow(NamedTuple):
    """What is made of a market's history, every few seconds."""

    known: Market
    slot: int
    odds_day_ago: float | None
    chart: tuple[tuple[int, float], ...]
    marks: tuple[StoryMark, ...]
    day_ago: dict[str, float | None]


class _Ladders(NamedTuple):
    """The levels of one book as they were read and as they were shown."""

    read: tuple[Levels, Levels, Own]
    bids: tuple[LadderLevel, ...]
    asks: tuple[LadderLevel, ...]


class Markets:
    """Views of single markets."""

    def __init__(self, state: EngineState, quotes: Quotes) -> None:
        self._state, self._quotes = state, quotes
        self._slow: dict[str, _Slow] = {}
        self._ladders: dict[tuple[str, int], _Ladders] = {}
        self._prints: dict[str, tuple[Market, Print, tuple[PrintRow, ...]]] = {}
        self._open: tuple[int, list[OrderRecord]] = (-1, [])

    def view(self, condition_id: str, levels: int) -> MarketView | None:
        """A market with at most so many levels a side, or None for a stranger."""
        known = self._state.desk.market_data.markets.get(condition_id)
        if known is None:
            return None
        slow = self._of_history(known)
        siblings = self._siblings(known, slow)
        sums = [row.odds for row in siblings]
        return MarketView(
            condition_id=known.condition_id,
            question=known.question,
            description=known.description,
            event_title=known.event_title,
            remarks=known.remarks,
            state=self._quotes.market_state(known),
            yes=self._book(known, known.yes.asset_id, levels),
            no=self._book(known, known.no.asset_id, levels),
            prints=self._newest_prints(known),
            fee_words=_fee_words(known),
            min_order_size=known.min_order_size,
            end_ns=known.end_ns,
            volume=known.volume,
            odds=self._quotes.odds(condition_id),
            odds_day_ago=slow.odds_day_ago,
            chart=slow.chart,
            marks=slow.marks,
            siblings=siblings,
            sibling_sum=round(sum(o for o in sums if o is not None), 4)
            if siblings and known.neg_risk and None not in sums
            else None,
            neg_risk=known.neg_risk,
        )

    def assets(self, condition_id: str) -> tuple[str, ...]:
        """What must be followed to show a market: its own two books, and its siblings' odds."""
        known = self._state.desk.market_data.markets.get(condition_id)
        if known is None:
            return ()
        family = (sibling.yes.asset_id for sibling in self._family(known))
        return tuple(dict.fromkeys((*known.assets, *family)))

    # -- books and prints ------------------------------------------------------------------

    def _book(self, known: Market, asset_id: str, most: int) -> BookView:
        desk = self._state.desk
        book = desk.market_data.books.get(asset_id)
        state = self._quotes.book_state(asset_id)
        outcome, held = known.outcome(asset_id).name, desk.portfolio.held(asset_id)
        if book is None:
            return BookView(
                asset_id=asset_id,
                outcome=outcome,
                state=state,
                tick_size=known.tick_size,
                held=held,
            )
        ladders = self._levels(book, most)
        return BookView(
            asset_id=asset_id,
            outcome=outcome,
            state=state,
            reason=desk.market_data.reasons.get(asset_id, ""),
            age_s=self._quotes.age_s(asset_id),
            tick_size=known.tick_size,
            bids=ladders.bids,
            asks=ladders.asks,
            midpoint=book.midpoint,
            spread=book.spread if book.two_sided else None,
            held=held,
        )

    def _levels(self, book: OrderBook, most: int) -> _Ladders:
        own = self._own(book.asset_id)
        read = (book.levels(Side.BUY, most), book.levels(Side.SELL, most), own)
        key = (book.asset_id, most)
        made = self._ladders.pop(key, None)
        if made is None or made.read != read:
            bids, asks, _ = read
            made = _Ladders(
                read, _ladder(bids, own.get(Side.BUY, {})), _ladder(asks, own.get(Side.SELL, {}))
            )
        if len(self._ladders) >= 2 * KEPT_MAX:
            del self._ladders[next(iter(self._ladders))]
        self._ladders[key] = made
        return made

    def _own(self, asset_id: str) -> Own:
        """Our resting size a level of one asset's book."""
        resting: Own = {}
        for order in self._open_orders():
            if order.intent.asset_id == asset_id:
                side = resting.setdefault(order.intent.side, {})
                left = order.intent.size - order.filled
                side[order.intent.price] = side.get(order.intent.price, 0) + left
        return resting

    def _open_orders(self) -> list[OrderRecord]:
        count = self._state.changes.account
        if self._open[0] != count:
            orders = self._state.desk.trading.orders.records.values()
            self._open = (count, [one for one in orders if one.state is OrderState.OPEN])
        return self._open[1]

    def _newest_prints(self, known: Market) -> tuple[PrintRow, ...]:
        """The newest prints, told in YES: a taker who bought NO at p sold YES at 1 - p."""
        ring = self._state.desk.market_data.prints.get(known.condition_id)
        if not ring:
            return ()
        made = self._prints.pop(known.condition_id, None)
        if made is None or made[0] is not known or made[1] is not ring[-1]:
            newest = list(ring)[: -PRINTS_SHOWN - 1 : -1]
            made = (known, ring[-1], tuple(_print(event, known) for event in newest))
        if len(self._prints) >= KEPT_MAX:
            del self._prints[next(iter(self._prints))]
        self._prints[known.condition_id] = made
        return made[2]

    # -- history and siblings --------------------------------------------------------------

    def _of_history(self, known: Market) -> _Slow:
        slot = self._state.desk.outbox.now_ns // SLOWLY
        made = self._slow.pop(known.condition_id, None)
        if made is None or made.known is not known or made.slot != slot:
            made = self._look_back(known, slot)
        if len(self._slow) >= KEPT_MAX:
            del self._slow[next(iter(self._slow))]
        self._slow[known.condition_id] = made
        return made

    def _look_back(self, known: Market, slot: int) -> _Slow:
        since, odds_at = self._state.desk.outbox.now_ns - DAY, self._quotes.odds_at
        return _Slow(
            known=known,
            slot=slot,
            odds_day_ago=odds_at(known.condition_id, since),
            chart=self._chart(known.condition_id),
            marks=tuple(self._marks(known.condition_id)),
            day_ago={m.condition_id: odds_at(m.condition_id, since) for m in self._family(known)},
        )

    def _chart(self, condition_id: str) -> tuple[tuple[int, float], ...]:
        """Odds over the last day, or as long as they are known."""
        history = self._state.desk.odds.histories.get(condition_id)
        if history is None:
            return ()
        now = self._state.desk.outbox.now_ns // MINUTE * MINUTE
        step = DAY // CHART_POINTS_MAX // MINUTE * MINUTE
        times = (now - step * back for back in range(CHART_POINTS_MAX - 1, -1, -1))
        points = ((when, history.at(when)) for when in times)
        return tuple((when, round(odds, 4)) for when, odds in points if odds is not None)

    def _marks(self, condition_id: str) -> Iterator[StoryMark]:
        """The stories of the last day that touch a market, oldest first."""
        desk = self._state.desk
        for story in reversed(desk.news.stories_on(condition_id)):
            if story.first_seen_ns >= desk.outbox.now_ns - DAY:
                yield StoryMark(story.first_seen_ns, story.id, story.title)

    def _family(self, known: Market) -> list[Market]:
        return self._state.desk.market_data.of_event(known.event_id)[:SIBLINGS_MAX]

    def _siblings(self, known: Market, slow: _Slow) -> tuple[SiblingRow, ...]:
        family = self._family(known)
        if len(family) < 2:
            return ()
        rows = [self._sibling(one, slow.day_ago.get(one.condition_id)) for one in family]
        return tuple(sorted(rows, key=lambda row: (-(row.odds or 0.0), row.title)))

    def _sibling(self, sibling: Market, day_ago: float | None) -> SiblingRow:
        now = self._quotes.odds(sibling.condition_id)
        change = None if now is None or day_ago is None else round(100 * (now - day_ago), 1) + 0.0
        title = sibling.group_title or sibling.question
        title = f"{title} (catch-all)" if sibling.catch_all else title
        return SiblingRow(
            condition_id=sibling.condition_id, title=title, odds=now, points_day=change
        )


class MarketList:
    """All markets, by volume, found by words."""

    def __init__(self, state: EngineState, quotes: Quotes) -> None:
        self._state, self._quotes = state, quotes
        self._sorted: tuple[int, list[Market]] = (-1, [])
        self._texts: dict[str, tuple[Market, str]] = {}

    def rows(self, words: str = "", most: int | None = None) -> list[MarketRow]:
        """The busiest markets whose texts hold every one of the words, at most so many."""
        wanted = words.casefold().split()
        followed = set(self._state.desk.follow_list.assets)
        found: list[MarketRow] = []
        for known in self._by_volume():
            if most is not None and len(found) == most:
                break
            if not wanted or all(word in self._text(known) for word in wanted):
                found.append(self._row(known, followed))
        return found

    def _by_volume(self) -> list[Market]:
        count = self._state.changes.catalogue
        if self._sorted[0] != count or len(self._sorted[1]) != len(
            self._state.desk.market_data.markets
        ):
            markets = self._state.desk.market_data.markets.values()
            by_volume = sorted(markets, key=lambda known: (-known.volume, known.condition_id))
            self._sorted = (count, by_volume)
        return self._sorted[1]

    def _text(self, known: Market) -> str:
        """What a market is found by, folded once: there may be fifty thousand of them."""
        text = self._texts.get(known.condition_id)
        if text is None or text[0] is not known:
            folded = f"{known.question} {known.event_title} {known.condition_id}".casefold()
            text = self._texts[known.condition_id] = (known, folded)
        return text[1]

    def _row(self, known: Market, followed: set[str]) -> MarketRow:
        book = self._state.desk.market_data.books.get(known.yes.asset_id)
        return MarketRow(
            condition_id=known.condition_id,
            question=known.question,
            event_title=known.event_title,
            odds=self._quotes.odds(known.condition_id),
            best_bid=book.best_bid if book is not None else 0,
            best_ask=book.best_ask if book is not None else ONE,
            volume=known.volume,
            state=self._quotes.market_state(known),
            followed=known.yes.asset_id in followed,
            end_ns=known.end_ns,
        )


def _ladder(levels: Levels, own: dict[Price, Size]) -> tuple[LadderLevel, ...]:
    return tuple(LadderLevel(price, size, own.get(price, 0)) for price, size in levels)


def _print(event: Print, known: Market) -> PrintRow:
    if event.asset_id == known.yes.asset_id:
        return PrintRow(event.at_ns, event.price, event.size, event.side.value)
    return PrintRow(event.at_ns, ONE - event.price, event.size, event.side.other.value)


def _fee_words(known: Market) -> str:
    if known.fees is None:
        return "fee unknown"
    if known.fees.rate_e6 == 0:
        return "no fee"
    power = "" if known.fees.exponent == 1 else f"^{known.fees.exponent}"
    return f"fee {known.fees.rate_e6 / 10_000:g}%·(p(1-p)){power}".replace("(p(1-p))", "p(1-p)")
