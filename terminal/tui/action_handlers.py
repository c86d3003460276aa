"""What the actions of the registry do on the front page."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from terminal.protocol.views import (
    AnswerSuggestion,
    CancelOrder,
    Kill,
    MarketView,
    OrderRow,
    SignalRow,
)
from terminal.tui import words
from terminal.tui.screens.card import Ask
from terminal.tui.screens.help import Help, Messages
from terminal.tui.screens.search import Search
from terminal.tui.screens.ticket_screen import TicketCard
from terminal.tui.ticket_form import Ticket
from terminal.tui.widgets.article import Article
from terminal.tui.widgets.blotter import Blotter
from terminal.tui.widgets.chart import Siblings
from terminal.tui.widgets.ladder import Ladder
from terminal.tui.widgets.news import NewsList
from terminal.tui.widgets.pane import Pane
from terminal.tui.widgets.signals import Signals

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade


_Result = TypeVar("_Result")


class Deeds:
    """Mixed into the front page: one method an action, named ``do_`` and its id."""

    if TYPE_CHECKING:
        pane: str
        touched: bool
        news: NewsList

        @property
        def face(self) -> FitToTrade: ...
        def get(self, name: str) -> Pane: ...
        def go(self, name: str) -> None: ...
        def step_pane(self, step: int) -> None: ...
        def refocus(self) -> None: ...

    def action_act(self, id: str) -> None:
        """A key of the registry was pressed."""
        self.face.do(id)

    def do(self, id: str) -> None:
        """Do an action that can be done now."""
        self.touched = True
        getattr(self, f"do_{id}")()

    def _lay(
        self, screen: Screen[_Result], then: Callable[[_Result | None], None] | None = None
    ) -> None:
        """Lay a card on the page, unless one lies there already: a held key opens only one."""
        if self.face.screen is self.face.front:
            self.face.push_screen(screen, then)

    @property
    def here(self) -> Pane:
        """The pane that has the keys."""
        return self.get(self.pane)

    # -- moving ----------------------------------------------------------------------------

    def do_down(self) -> None:
        self.here.move(1)

    def do_up(self) -> None:
        self.here.move(-1)

    def do_top(self) -> None:
        self.here.to_end(last=False)

    def do_bottom(self) -> None:
        self.here.to_end(last=True)

    def do_page_down(self) -> None:
        self.here.page(1)

    def do_page_up(self) -> None:
        self.here.page(-1)

    def do_next_pane(self) -> None:
        self.step_pane(1)

    def do_previous_pane(self) -> None:
        self.step_pane(-1)

    def do_open(self) -> None:
        self.open_entry(self.here, self.here.chosen)

    def do_back(self) -> None:
        here, seen = self.here, self.face.seen
        if isinstance(here, Ladder) and here.chosen:
            here.chosen = ""
            here.rebuild()
        elif self.pane != "news":
            self.go("news")
        elif not seen.story_id and self.news.chosen:
            seen.focus_story(self.news.chosen)
            self.refocus()
        else:
            self.news.to_end(last=False)

    def open_entry(self, pane: Pane, key: str) -> None:
        """Open what was chosen in a pane; each kind of pane has its own meaning for it."""
        seen = self.face.seen
        if isinstance(pane, NewsList):
            if key and not seen.story_id and seen.focus_story(key):
                self.refocus()
            self.go("article")
        elif isinstance(pane, Article):
            self._open_card(key)
        elif isinstance(pane, Siblings):
            self.show_market(key)
        elif isinstance(pane, Ladder):
            self._open_price(pane, key)
        elif isinstance(pane, Signals):
            self._open_signal(key)
        elif isinstance(pane, Blotter):
            self._open_holding(pane, key)

    def _open_card(self, key: str) -> None:
        kind, _, story_id = key.partition("story ")
        if not kind and story_id:
            self.show_story(story_id)
        elif key and key != self.face.seen.condition_id:
            self.show_market(key)
        else:
            self.go("book")

    def _open_price(self, ladder: Ladder, key: str) -> None:
        if not key:
            self.do_buy()
            return
        other = ladder.id == "other"
        side = "buy" if key.startswith("a") else "sell"
        book = ladder.book()
        if side == "sell" and book is not None and not book.held:
            side = "buy"  # what is not held can't be sold; at this price one may queue to buy
        self._ticket(side, swapped=self.face.seen.swapped is not other, price=ladder.price_of(key))

    def _open_signal(self, key: str) -> None:
        row = self._signal(key)
        if row is not None:
            if row.story_id and self.face.seen.story(row.story_id):
                self.show_story(row.story_id)
            self.show_market(row.condition_id)

    def _open_holding(self, pane: Blotter, key: str) -> None:
        row = pane.position(key) or pane.order(key)
        if row is not None:
            self.show_market(row.condition_id)
            self.go("book")

    # -- reading ---------------------------------------------------------------------------

    def show_market(self, condition_id: str) -> None:
        """Put a market in focus; one that the story does not touch stands without the story."""
        seen = self.face.seen
        if not condition_id:
            return
        touched = any(card.condition_id == condition_id for card in seen.cards())
        row = seen.story()
        if not touched and not (row and row.lead_condition_id == condition_id):
            seen.story_id = ""
        seen.focus_market(condition_id)
        self.get("article").chosen = ""
        self.refocus()

    def show_story(self, story_id: str) -> None:
        """Put a story in focus, in the list as well."""
        self.face.seen.focus_story(story_id)
        self.news.chosen = story_id
        self.news.rebuild(follow=True)
        self.get("article").chosen = ""
        self.refocus()

    def do_market(self) -> None:
        condition_id = self.face.seen.next_card()
        if condition_id == self.face.seen.condition_id:
            self.face.say("This story touches only this market.")
        self.show_market(condition_id)

    def do_swap(self) -> None:
        self.face.seen.swapped = not self.face.seen.swapped
        for name in ("book", "other", "ticket"):
            self.get(name).rebuild()

    def do_sort(self) -> None:
        self.news.turn()
        self.face.say("News by weight." if self.news.by_weight else "News by time.")

    def do_search(self) -> None:
        self._lay(Search(), self._found)

    def _found(self, result: str | None) -> None:
        kind, _, id = (result or "").partition(" ")
        if kind == "market":
            self.show_market(id)
            self.go("book")
        elif kind == "story":
            self.show_story(id)
            self.go("article")

    def do_copy(self) -> None:
        what, text = self._copied()
        if text:
            self.face.copy_to_clipboard(words.plain(text))
            self.face.say(f"Copied {what}: {text}")
        else:
            self.face.say("Nothing here can be copied: choose a story, an order or a book first.")

    def _copied(self) -> tuple[str, str]:
        seen, here = self.face.seen, self.here
        book = here.book() if isinstance(here, Ladder) else None
        if book is not None:
            return "the asset id", book.asset_id
        if isinstance(here, Blotter) and here.chosen:
            return "the id", here.chosen[1:]
        if isinstance(here, Signals) and here.chosen:
            return "the suggestion's id", here.chosen
        if self.pane in ("prints", "siblings") and seen.condition_id:
            return "the condition id", seen.condition_id
        if seen.article is not None:
            return "the headline", f"{seen.article.title} {seen.article.url}".strip()
        return "the condition id", seen.condition_id

    # -- trading ---------------------------------------------------------------------------

    def do_buy(self) -> None:
        self._ticket("buy", swapped=self._shown_swapped())

    def do_sell(self) -> None:
        self._ticket("sell", swapped=self._shown_swapped())

    def _shown_swapped(self) -> bool:
        return self.face.seen.swapped is not (self.pane == "other")

    def _ticket(self, side: str, *, swapped: bool, price: int = 0) -> None:
        here = self.here
        if not price and isinstance(here, Ladder) and here.chosen:
            price = here.price_of(here.chosen)

        def ticket(market: MarketView) -> None:
            self._lay(TicketCard(Ticket(market, side, swapped, price=price)))

        self.face.when_market(self.face.seen.condition_id, ticket)

    def _signal(self, key: str) -> SignalRow | None:
        signals = self.face.seen.signals
        return next((row for row in signals.rows if row.id == key), None) if signals else None

    def _open_suggestion(self) -> SignalRow:
        """The chosen suggestion if it is open, else the first that is."""
        row = self._signal(self.get("signals").chosen)
        return row if row and row.state == "open" else self.face.seen.open_signals()[0]

    def do_accept(self) -> None:
        row = self._open_suggestion()
        deal = f"{row.side.upper()} {row.outcome} {words.shares(row.size)}"
        bound = "≤" if row.side == "buy" else "≥"
        cost = words.money(row.limit * row.size // 10_000)
        mode = self.face.seen.status.mode if self.face.seen.status else ""
        sentences = (
            row.question,
            f"At {bound}{row.limit / 100:.1f}¢: {cost} at worst, before fees."
            f" Edge {row.edge:.1f}¢ a share after fees.",
            row.reason,
            f"{mode}: real money." if mode == "LIVE" else f"{mode}: no real money.",
        )
        title = f"{mode} · {row.strategy}: {deal}?"

        def answered(yes: bool | None) -> None:
            if yes:
                command = AnswerSuggestion(id=self.face.new_id(), suggestion_id=row.id, accept=True)
                self.face.command(command, deal)

        self._lay(Ask(title, sentences, "accept"), answered)

    def do_dismiss(self) -> None:
        row = self._open_suggestion()
        command = AnswerSuggestion(id=self.face.new_id(), suggestion_id=row.id, accept=False)
        self.face.command(command, f"Dismiss {row.strategy}'s suggestion")

    def do_cancel(self) -> None:
        blotter = self.get("blotter")
        assert isinstance(blotter, Blotter)
        order = blotter.order(blotter.chosen) if self.pane == "blotter" else None
        if self.pane == "blotter" and blotter.position(blotter.chosen) is not None:
            self._close_position(blotter)
        elif order is None and len(self.face.seen.orders) == 1 and self.pane != "blotter":
            self._cancel(self.face.seen.orders[0])
        elif order is None:
            self.go("blotter")
            self.face.say(f"Choose an order; {self.face.keymap.name('cancel')} cancels it.")
        else:
            self._cancel(order)

    def _cancel(self, order: OrderRow) -> None:
        what = f"{order.side.upper()} {order.outcome} {words.shares(order.size)}"
        deal = f"{what} @ {order.price / 100:.1f}"
        self.face.command(
            CancelOrder(id=self.face.new_id(), order_id=order.order_id), f"Cancel {deal}"
        )

    def _close_position(self, blotter: Blotter) -> None:
        """A ticket that sells all of it, once its market is in view."""
        row = blotter.position(blotter.chosen)
        assert row is not None
        asset_id = row.asset_id

        def sell_all(market: MarketView) -> None:
            swapped = market.no.asset_id == asset_id
            self._lay(TicketCard(Ticket(market, "sell", swapped)))

        self.show_market(row.condition_id)
        self.face.when_market(row.condition_id, sell_all)

    def trade_market(self, condition_id: str, side: str) -> None:
        """Put a market in focus, and a ticket for it on the page once it is in view."""

        def ticket(market: MarketView) -> None:
            self._lay(TicketCard(Ticket(market, side)))

        self.show_market(condition_id)
        self.face.when_market(condition_id, ticket)

    def do_kill(self) -> None:
        status = self.face.seen.status
        if status is None or not status.killed:
            self.face.command(Kill(id=self.face.new_id()), "Kill switch")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.face.command(Kill(id=self.face.new_id(), on=False), "Resume trading")

        sentences = (
            "Strategies and tickets may place orders again. Cancelled orders do not come back.",
        )
        self._lay(Ask(f"{status.mode} · resume trading?", sentences, "resume"), answered)

    # -- the house -------------------------------------------------------------------------

    def do_messages(self) -> None:
        self._lay(Messages())

    def do_theme(self) -> None:
        self.face.turn_theme()

    def do_palette(self) -> None:
        from terminal.tui.palette import Palette  # a tenth of the start-up, for few of the starts

        self._lay(Palette())

    def do_help(self) -> None:
        self._lay(Help())

    def do_quit(self) -> None:
        orders = len(self.face.seen.orders)
        if not orders or not self.face.seen.linked:
            self.face.exit(return_code=0)
            return
        stays = (
            "The engine goes on without this face, and so do they: `ftt attach` comes back to it."
        )
        ends = "The engine stops with this face: they are cancelled as it goes."
        sentences = (ends if self.face.engine_stops else stays,)

        def answered(yes: bool | None) -> None:
            if yes:
                self.face.exit(return_code=0)

        title = f"Quit with {words.counted(orders, 'order')} open?"
        self._lay(Ask(title, sentences, "quit"), answered)
