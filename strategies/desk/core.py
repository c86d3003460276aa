"""The desk: one event in, the decisions it causes out. Same events, same decisions.

It holds no clock, no socket and no chance: time comes in the events, everything else stays outside.
What it knows may be read between events by whoever draws a picture of it, and changed by nobody.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from feeds.book import OrderBook
from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    BookState,
    CancelRequest,
    Event,
    Fill,
    FillSettled,
    Gap,
    Judged,
    KillSwitch,
    LevelChange,
    MarketResolved,
    MarketSeen,
    Meant,
    Near,
    OddsPoint,
    OrderRequest,
    OrderSealed,
    OrderSent,
    OrderUpdate,
    Print,
    Story,
    SuggestionReply,
    Tick,
    TickSizeChange,
    TradingMode,
    VenueMode,
)
from feeds.markets import SECOND, Market, MarketState, Nanos
from strategies.decisions import (
    Consult,
    Decision,
    Impact,
    Link,
    LinksFound,
    Ponder,
    Remembered,
    Skipped,
)
from strategies.desk.context import DeskParts
from strategies.desk.follow_list import FollowList
from strategies.desk.impacts import Impacts
from strategies.desk.news import News, StoryLinker
from strategies.desk.odds import Odds
from strategies.desk.orders import OrderRecord
from strategies.desk.outbox import Outbox
from strategies.desk.settings import DeskSettings, Enrolled
from strategies.desk.signals import Signal, Signals
from strategies.desk.trading import Trading
from strategies.impact import OddsHistory, Precedent
from strategies.market_data import MarketData
from strategies.portfolio import Portfolio, Recalled
from strategies.risk import Denial, Wanted

MILLISECOND: Nanos = SECOND // 1_000


class Desk:
    """The deterministic core. Feed it every event in the order in which it was heard."""

    def __init__(
        self,
        settings: DeskSettings,
        strategies: Sequence[Enrolled] = (),
        linker: StoryLinker | None = None,
    ) -> None:
        self.settings = settings
        self.market_data = MarketData()
        self.portfolio = Portfolio(settings.starting_cash)
        self._outbox = Outbox()
        self._news = News(linker, settings.relevance_min, settings.judge_floor)
        self._odds = Odds(self._outbox, self.market_data)
        self._impacts = Impacts(self._outbox, self.market_data, self._news, self._odds, settings)
        self._trading = Trading(
            self._outbox, self.market_data, self.portfolio, settings.limits, settings.session
        )
        parts = DeskParts(
            self._outbox, self.market_data, self._news, self._odds, self._impacts, self._trading
        )
        self._signals = Signals(parts, settings, strategies)
        self._follow_list = FollowList(
            self._outbox, self.market_data, self._news, self._trading, settings
        )
        self._held: dict[str, Nanos] = {}
        self._handlers: dict[type, Callable[[Any], object]] = {
            LevelChange: self.market_data.change,
            BookSnapshot: self.market_data.snapshot,
            BestQuote: _ignore,  # a witness for the stream, which judges books; not a book
            BookHealth: self.market_data.health,
            Gap: self.market_data.gap,
            TickSizeChange: self.market_data.regrid,
            Print: self.market_data.printed,
            OddsPoint: self._odds.past_point,
            Tick: self._on_tick,
            Story: self._on_story,
            Judged: self._on_judged,
            Meant: self._on_meant,
            MarketSeen: self._on_market,
            MarketResolved: self._on_resolved,
            OrderSealed: self._trading.sealed,
            OrderSent: self._trading.sent,
            OrderUpdate: self._trading.updated,
            Fill: self._trading.filled,
            FillSettled: self._trading.settled,
            OrderRequest: self._trading.requested,
            CancelRequest: self._trading.cancel_requested,
            SuggestionReply: self._signals.replied,
            KillSwitch: self._trading.kill,
            VenueMode: self._on_venue_mode,
        }

    def handle(self, event: Event) -> list[Decision]:
        """One event in, the decisions it causes out.

        A stamp older than the newest counts as now: time does not go back.
        """
        if event.at_ns > self._outbox.now_ns:
            self._outbox.now_ns = event.at_ns
        self._handlers[type(event)](event)
        return self._outbox.take()

    def restore(
        self,
        past: Iterable[Recalled] = (),
        *,
        killed: bool = False,
        precedents: Iterable[Remembered] = (),
    ) -> None:
        """Rebuild cash, positions and precedents from what the ledger remembers, in its order.

        Call it before the first event. Orders of earlier sessions are over; what was lost or won
        before the last day in ``past`` does not count as that day's.
        """
        assert not self._outbox.now_ns, "the desk has begun its session already"
        for fact in past:
            self.portfolio.roll(fact.at_ns)
            self.portfolio.recall(fact)
        self._impacts.recall(precedents)
        self._trading.gate.killed = killed
        self._trading.changed = True

    def check(self, wanted: Wanted) -> Denial | None:
        """What the gate would say of an order now. For a ticket's preview; changes nothing."""
        return self._trading.check(wanted)

    # -- what happens ----------------------------------------------------------------------

    def _on_tick(self, _: Tick) -> None:
        """Time-driven work, each part only when it is due."""
        self.portfolio.mark(self.market_data)
        self.portfolio.roll(self._outbox.now_ns)
        self._settle_overdue()
        self._follow_list.tick()
        self._odds.fill_in_the_past()
        self._odds.observe(self._follow_list.markets)
        for impact, link in self._impacts.measure_due():
            self._signals.on_impact(impact, link)
        self._signals.on_moves(self._follow_list.markets)
        self._signals.expire()

    def _on_story(self, story: Story) -> None:
        forgotten = self._news.make_room() if story.id not in self._news.stories else None
        if forgotten is not None:
            self._impacts.forget(forgotten)
            self._held.pop(forgotten, None)
        if not self._news.hear(story):
            return
        likely = self._news.likely(story) if self.settings.meaning_wait_ms else ()
        if self.settings.meaning_wait_ms:
            now_ns = self._outbox.now_ns
            self._held[story.id] = now_ns + self.settings.meaning_wait_ms * MILLISECOND
            self._outbox.put(Ponder(now_ns, story.id, story.revision, likely))
        else:
            self._settle(story)

    def _on_meant(self, said: Meant) -> None:
        """What a story means: it is linked now, or again if that came too late."""
        story = self._news.stories.get(said.story_id)
        if story is not None and story.revision == said.revision:
            self._held.pop(story.id, None)
            self._settle(story, said.near)

    def _settle_overdue(self) -> None:
        """Stories whose meaning does not come in time are linked by plain words."""
        for story_id in [id for id, by_ns in self._held.items() if by_ns <= self._outbox.now_ns]:
            del self._held[story_id]
            self._settle(self._news.stories[story_id])

    def _settle(self, story: Story, near: tuple[Near, ...] = ()) -> None:
        before = self._news.links.get(story.id)
        links = self._news.settle(story, near)
        self._consult(story)
        if links == before:
            return
        self._outbox.put(LinksFound(self._outbox.now_ns, story.id, links))
        if before is None:
            self._impacts.watch(story, links)
        else:
            self._impacts.relink(story, links)
        self._follow_list.refresh(self._signals.open_markets)
        if links and before is None:
            self._signals.on_story(story, links)

    def _consult(self, story: Story) -> None:
        """Let a judge be asked, where there is one; nothing waits for the answer."""
        questions = self._news.to_judge(story)
        if questions:
            now_ns = self._outbox.now_ns
            self._outbox.put(Consult(now_ns, story.id, story.revision, questions))

    def _on_judged(self, said: Judged) -> None:
        before = self._news.links.get(said.story_id)
        links = self._news.judged(said)
        if links is None or links == before:
            return
        self._outbox.put(LinksFound(self._outbox.now_ns, said.story_id, links))
        self._impacts.relink(self._news.stories[said.story_id], links)
        self._follow_list.refresh(self._signals.open_markets)

    def _on_market(self, event: MarketSeen) -> None:
        if not self.market_data.see(event.market):
            return
        market = self.market_data.markets[event.market.condition_id]
        self._news.index(market)
        self._follow_list.catalogue_changed()
        if market.state is not MarketState.OPEN:
            self._signals.withdraw(market.condition_id, f"the market is {market.state.value}")
        if market.state in (MarketState.CLOSED, MarketState.RESOLVED):
            self._odds.close(market.condition_id)

    def _on_resolved(self, event: MarketResolved) -> None:
        market = self.market_data.resolve(event)
        if market is not None:
            self._news.index(market)
            self._odds.close(market.condition_id)
            self._follow_list.catalogue_changed()
        self._signals.withdraw(event.condition_id, "the market is decided")
        self._trading.resolved(event, market)

    def _on_venue_mode(self, event: VenueMode) -> None:
        self._trading.gate.mode = event.mode

    # -- what may be read between events ---------------------------------------------------

    @property
    def now_ns(self) -> Nanos:
        return self._outbox.now_ns

    @property
    def markets(self) -> Mapping[str, Market]:
        return self.market_data.markets

    @property
    def books(self) -> Mapping[str, OrderBook]:
        return self.market_data.books

    @property
    def book_states(self) -> Mapping[str, BookState]:
        return self.market_data.states

    @property
    def book_reasons(self) -> Mapping[str, str]:
        """Why a book is in its state, in words, where somebody said so."""
        return self.market_data.reasons

    @property
    def prints(self) -> Mapping[str, deque[Print]]:
        """Trades of both assets by condition id, newest last."""
        return self.market_data.prints

    @property
    def stories(self) -> Mapping[str, Story]:
        """Stories by id, newest last."""
        return self._news.stories

    @property
    def links(self) -> Mapping[str, tuple[Link, ...]]:
        """Links by story id, best first."""
        return self._news.links

    @property
    def impacts(self) -> Mapping[tuple[str, str], Impact]:
        """The newest impact by (story id, condition id)."""
        return self._impacts.measured

    def impact_of(self, story_id: str, condition_id: str) -> Impact | None:
        """A story's impact; for a retelling, that of the telling which is measured."""
        return self._impacts.of(story_id, condition_id)

    def precedent(self, story_id: str, condition_id: str) -> Precedent:
        """How far like stories moved like markets before."""
        return self._impacts.precedent(story_id, condition_id)

    def stories_on(self, condition_id: str) -> list[Story]:
        """Stories linked to a market, newest first."""
        return list(self._news.stories_on(condition_id))

    @property
    def histories(self) -> Mapping[str, OddsHistory]:
        """Odds through time by condition id."""
        return self._odds.histories

    @property
    def suggestions(self) -> Mapping[str, Signal]:
        """Suggestions and what became of them, newest last."""
        return self._signals.signals

    @property
    def skipped(self) -> Sequence[Skipped]:
        """Trades decided against, newest last."""
        return self._outbox.skipped

    @property
    def orders(self) -> Mapping[str, OrderRecord]:
        """Orders of this session, newest last."""
        return self._trading.orders.records

    @property
    def followed(self) -> tuple[str, ...]:
        """Assets whose books the desk wants, by importance."""
        return self._follow_list.assets

    @property
    def killed(self) -> bool:
        """Whether the kill switch is on."""
        return self._trading.gate.killed

    @property
    def venue_mode(self) -> TradingMode:
        """What the venue lets anyone do just now."""
        return self._trading.gate.mode

    @property
    def parked(self) -> Mapping[str, str]:
        """Strategies that failed, with the cause."""
        return self._signals.parked


def _ignore(_: object) -> None:
    """Nothing to decide."""
