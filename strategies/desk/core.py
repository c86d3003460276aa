"""The desk: one event in, the decisions it causes out. Same events, same decisions.

It holds no clock, no socket and no chance: time comes in the events, everything else stays outside.
What it knows may be read between events by whoever draws a picture of it, and changed by nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from feeds.events import (
    Behind,
    BestQuote,
    BookHealth,
    BookSnapshot,
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
    NotRelated,
    OddsPoint,
    OrderRequest,
    OrderSealed,
    OrderSent,
    OrderUpdate,
    PassedOver,
    Print,
    Release,
    Story,
    SuggestionReply,
    Tick,
    TickSizeChange,
    VenueMode,
)
from feeds.markets import SECOND, MarketState, Nanos
from strategies.decisions import (
    CommandResult,
    Consult,
    Decision,
    Holding,
    LinksFound,
    Ponder,
    Remembered,
)
from strategies.desk.context import DeskParts
from strategies.desk.follow_list import FollowList
from strategies.desk.impacts import Impacts
from strategies.desk.news import News, StoryLinker
from strategies.desk.odds import Odds
from strategies.desk.outbox import Outbox
from strategies.desk.settings import DeskSettings, Enrolled
from strategies.desk.signals import Signals
from strategies.desk.trading import Trading
from strategies.market_data import MarketData
from strategies.portfolio import Portfolio, Recalled
from strategies.risk import Denial, Wanted

MILLISECOND: Nanos = SECOND // 1_000


class Desk:
    """The deterministic core. Feed it every event in the order in which it was heard.

    Its parts may be read between events, and nobody but the desk changes them: ``market_data``
    (markets, books), ``news`` (stories, links), ``odds`` (histories), ``impacts``, ``trading``
    (orders, the gate), ``portfolio``, ``signals`` (suggestions, parked strategies), ``follow_list``
    (whose books are wanted) and ``outbox`` (the time, trades decided against).
    """

    def __init__(
        self,
        settings: DeskSettings,
        strategies: Sequence[Enrolled] = (),
        linker: StoryLinker | None = None,
    ) -> None:
        self.settings = settings
        self.market_data = MarketData()
        self.portfolio = Portfolio(settings.starting_cash)
        self.outbox = Outbox()
        self.news = News(linker, settings.relevance_min, settings.judge_floor)
        self.odds = Odds(self.outbox, self.market_data)
        self.impacts = Impacts(self.outbox, self.market_data, self.news, self.odds, settings)
        self.trading = Trading(
            self.outbox, self.market_data, self.portfolio, settings.limits, settings.session
        )
        parts = DeskParts(
            self.outbox, self.market_data, self.news, self.odds, self.impacts, self.trading
        )
        self.signals = Signals(parts, settings, strategies)
        self.follow_list = FollowList(
            self.outbox, self.market_data, self.news, self.trading, self.signals, settings
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
            OddsPoint: self.odds.past_point,
            Tick: self._on_tick,
            Story: self._on_story,
            Judged: self._on_judged,
            Meant: self._on_meant,
            MarketSeen: self._on_market,
            MarketResolved: self._on_resolved,
            OrderSealed: self.trading.sealed,
            OrderSent: self.trading.sent,
            OrderUpdate: self.trading.updated,
            Fill: self.trading.filled,
            FillSettled: self.trading.settled,
            OrderRequest: self.trading.requested,
            CancelRequest: self.trading.cancel_requested,
            SuggestionReply: self.signals.replied,
            NotRelated: self._on_not_related,
            KillSwitch: self.trading.kill,
            VenueMode: self._on_venue_mode,
            Behind: self._on_behind,
            PassedOver: _ignore,  # the books are right; whoever keeps queues asks
            Release: _ignore,
        }

    def handle(self, event: Event) -> list[Decision]:
        """One event in, the decisions it causes out.

        A stamp older than the newest counts as now: time does not go back.
        """
        if event.at_ns > self.outbox.now_ns:
            self.outbox.now_ns = event.at_ns
        self._handlers[type(event)](event)
        return self.outbox.take()

    def restore(
        self,
        past: Iterable[Recalled] = (),
        *,
        killed: bool = False,
        precedents: Iterable[Remembered] = (),
        owners: Mapping[str, str] | None = None,
        holdings: Sequence[Holding] = (),
        unrelated: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Rebuild cash, positions and precedents from what the ledger remembers, in its order.

        ``unrelated`` are pairs of a story's cluster and an event that a person has parted.

        Call it before the first event. Orders of earlier sessions are over; what was lost or won
        before the last day in ``past`` does not count as that day's. ``owners`` says by order id
        which strategy's it was, and ``holdings`` what each of them bought last.
        """
        assert not self.outbox.now_ns, "the desk has begun its session already"
        self.trading.owners = dict(owners or {})
        for fact in past:
            self.portfolio.roll(fact.at_ns)
            self.trading.recall(fact)
        self.signals.resume(holdings)
        self.impacts.recall(precedents)
        self.news.part(unrelated)
        self.trading.gate.killed = killed
        self.trading.changed = True

    def check(self, wanted: Wanted) -> Denial | None:
        """What the gate would say of an order now. For a ticket's preview; changes nothing."""
        return self.trading.check(wanted)

    # -- what happens ----------------------------------------------------------------------

    def _on_tick(self, _: Tick) -> None:
        """Time-driven work, each part only when it is due."""
        self.portfolio.mark(self.market_data)
        self.portfolio.roll(self.outbox.now_ns)
        self._settle_overdue()
        self.follow_list.tick()
        self.odds.fill_in_the_past()
        self.odds.observe(self.follow_list.markets)
        for impact, link in self.impacts.measure_due():
            self.signals.on_impact(impact, link)
        self.signals.on_moves(self.follow_list.markets)
        self.signals.expire()

    def _on_story(self, story: Story) -> None:
        forgotten = self.news.make_room() if story.id not in self.news.stories else None
        if forgotten is not None:
            self.impacts.forget(forgotten)
            self._held.pop(forgotten, None)
        if not self.news.hear(story):
            return
        likely = self.news.likely(story) if self.settings.meaning_wait_ms else ()
        if self.settings.meaning_wait_ms:
            now_ns = self.outbox.now_ns
            self._held[story.id] = now_ns + self.settings.meaning_wait_ms * MILLISECOND
            self.outbox.put(Ponder(now_ns, story.id, story.revision, likely))
        else:
            self._settle(story)

    def _on_meant(self, said: Meant) -> None:
        """What a story means: it is linked now, or again if that came too late."""
        story = self.news.stories.get(said.story_id)
        if story is not None and story.revision == said.revision:
            self._held.pop(story.id, None)
            self._settle(story, said.near)

    def _settle_overdue(self) -> None:
        """Stories whose meaning does not come in time are linked by plain words."""
        for story_id in [id for id, by_ns in self._held.items() if by_ns <= self.outbox.now_ns]:
            del self._held[story_id]
            self._settle(self.news.stories[story_id])

    def _settle(self, story: Story, near: tuple[Near, ...] = ()) -> None:
        before = self.news.links.get(story.id)
        links = self.news.settle(story, near)
        self._consult(story)
        if links == before:
            return
        self.outbox.put(LinksFound(self.outbox.now_ns, story.id, links))
        if before is None:
            self.impacts.watch(story, links)
        else:
            self.impacts.relink(story, links)
        self.follow_list.refresh()
        if links and before is None:
            self.signals.on_story(story, links)

    def _consult(self, story: Story) -> None:
        """Let a judge be asked, where there is one; nothing waits for the answer."""
        questions = self.news.to_judge(story)
        if questions:
            now_ns = self.outbox.now_ns
            self.outbox.put(Consult(now_ns, story.id, story.revision, questions))

    def _on_not_related(self, said: NotRelated) -> None:
        """A person parts a story from an event's markets, or joins them again."""
        story = self.news.stories.get(said.story_id)
        market = self.market_data.markets.get(said.condition_id)
        if story is None or market is None:
            missing = "story" if story is None else "market"
            words = f"There is no such {missing} in this session."
            self.trading.answer(said.command_id, CommandResult.DENIED, words)
            return
        for told in self.news.unrelate(story, said.condition_id, said.on):
            self._settle(told, self.news.near(told.id))
        about = market.event_title or market.question
        words = f"This story is {'not linked' if said.on else 'linked again'} to: {about}."
        self.trading.answer(said.command_id, CommandResult.CONFIRMED, words)

    def _on_judged(self, said: Judged) -> None:
        before = self.news.links.get(said.story_id)
        links = self.news.judged(said)
        if links is None or links == before:
            return
        self.outbox.put(LinksFound(self.outbox.now_ns, said.story_id, links))
        self.impacts.relink(self.news.stories[said.story_id], links)
        self.follow_list.refresh()

    def _on_market(self, event: MarketSeen) -> None:
        if not self.market_data.see(event.market):
            return
        market = self.market_data.markets[event.market.condition_id]
        self.news.index(market)
        self.follow_list.catalogue_changed()
        if market.state is not MarketState.OPEN:
            self.signals.withdraw(market.condition_id, f"the market is {market.state.value}")
        if market.state in (MarketState.CLOSED, MarketState.RESOLVED):
            self.odds.close(market.condition_id)

    def _on_resolved(self, event: MarketResolved) -> None:
        market = self.market_data.resolve(event)
        if market is not None:
            self.news.index(market)
            self.odds.close(market.condition_id)
            self.follow_list.catalogue_changed()
        self.signals.withdraw(event.condition_id, "the market is decided")
        self.trading.resolved(event, market)

    def _on_venue_mode(self, event: VenueMode) -> None:
        self.trading.gate.mode = event.mode

    def _on_behind(self, event: Behind) -> None:
        self.trading.gate.behind_ms = event.by_ms


def _ignore(_: object) -> None:
    """Nothing to decide."""
