"""The front page: what happened, what it means, what you can do, from left to right."""

from collections.abc import Callable
from typing import TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from terminal.protocol.views import (
    ArticleView,
    BlotterView,
    Kill,
    MarketView,
    NewsView,
    SignalsView,
    StatusView,
)
from terminal.tui import words
from terminal.tui.actions import BY_ID, KeyMap
from terminal.tui.messages import (
    Confirm,
    Do,
    GoTo,
    OpenTicket,
    ShowMarket,
    ShowStory,
    TurnTheme,
)
from terminal.tui.model import PAGES, Model
from terminal.tui.notices import SHOWN_FOR_S
from terminal.tui.screens.card import Ask
from terminal.tui.screens.help import Help, Messages
from terminal.tui.screens.search import Search
from terminal.tui.screens.ticket_screen import TicketCard
from terminal.tui.ticket_form import Ticket
from terminal.tui.widgets.article import Article
from terminal.tui.widgets.blotter import Blotter
from terminal.tui.widgets.chart import LatencyStrip, OddsChart, Siblings
from terminal.tui.widgets.ladder import Ladder
from terminal.tui.widgets.masthead import KeyLine, Masthead, Rule, SmallCard, StatusLine
from terminal.tui.widgets.news import NewsList
from terminal.tui.widgets.pane import Pane
from terminal.tui.widgets.prints import Prints, TicketLine
from terminal.tui.widgets.signals import Signals

_Result = TypeVar("_Result")

DETAILS = ("article", "book", "card")
WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-medium"), (180, "-wide")]
HEIGHTS = [(0, "-flat"), (20, "-low"), (32, "-mid"), (50, "-tall")]
LOOK_AFTER_S = 0.06
"""Holding j down asks the engine for the story where it stops, not for each one passed."""

_SHOWN_BY: dict[type, tuple[str, ...]] = {
    StatusView: ("masthead", "status"),
    NewsView: ("news",),
    ArticleView: ("article", "latency"),
    MarketView: ("book", "prints", "ticket", "chart", "siblings", "other"),
    SignalsView: ("signals",),
    BlotterView: ("blotter",),
}


_ANSWERED_BY = {
    "sort": "news",
    "unrelated": "article",
    "related": "article",
    "accept": "signals",
    "dismiss": "signals",
    "cancel": "blotter",
}
"""Actions that belong to one pane, wherever the keys are."""


class FrontPage(Screen[object]):
    """All panes; their places follow the width, and where the keys are.

    An action of the registry goes to the pane that has the keys; what that leaves is done here.
    """

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#news"

    def __init__(self, model: Model) -> None:
        super().__init__(id="front")
        self.model = model
        self.detail = "article"
        self.touched = False
        self.masthead = Masthead(model, id="masthead")
        self.news = NewsList(model, id="news")
        self.panes: dict[str, Pane] = {
            "masthead": self.masthead,
            "news": self.news,
            "article": Article(model, id="article"),
            "book": Ladder(model, id="book"),
            "prints": Prints(model, id="prints"),
            "ticket": TicketLine(model, id="ticket"),
            "chart": OddsChart(model, id="chart"),
            "siblings": Siblings(model, id="siblings"),
            "other": Ladder(model, id="other", other=True, question=False),
            "latency": LatencyStrip(model, id="latency"),
            "tabs": Rule(model, id="tabs"),
            "rule": Rule(model, id="rule"),
            "signals": Signals(model, id="signals"),
            "blotter": Blotter(model, id="blotter"),
            "status": StatusLine(model, id="status"),
            "keys": KeyLine(model, id="keys"),
            "small": SmallCard(model, id="small"),
        }
        self._second = 0
        self._was_old = True
        self._on_market: tuple[str, Callable[[MarketView], None]] | None = None

    @property
    def pane(self) -> str:
        """The name of the pane that has the keys."""
        return self.model.pane

    def compose(self) -> ComposeResult:
        panes = self.panes
        yield panes["masthead"]
        yield panes["tabs"]
        with Horizontal(id="columns"):
            with Vertical(id="news-column"):
                yield panes["news"]
            yield panes["article"]
            with Vertical(id="book-column"):
                yield from (panes[name] for name in ("book", "prints", "ticket"))
            with Vertical(id="card-column"):
                yield from (panes[name] for name in ("chart", "siblings", "other", "latency"))
        yield panes["rule"]
        with Vertical(id="foot"):
            yield panes["signals"]
            with Vertical(id="blotter-column"):
                yield panes["blotter"]
        yield from (panes[name] for name in ("status", "keys", "small"))

    def on_mount(self) -> None:
        self._place("news")

    def get(self, name: str) -> Pane:
        """A pane by name."""
        return self.panes[name]

    # -- drawing ---------------------------------------------------------------------------

    def draw(self, fresh: set[type]) -> None:
        """Draw the panes that show the views which came."""
        if NewsView in fresh:
            self._follow_news()
        for kind in fresh:
            for name in _SHOWN_BY.get(kind, ()):
                self.get(name).rebuild()
        if MarketView in fresh and not self.model.seen.story_id:
            self.get("article").rebuild()
        self._sound()
        second = self.model.seen.now_ns // 1_000_000_000
        if second != self._second:
            self._second = second
            self.news.rebuild()
        self.get("keys").rebuild()
        if fresh & {SignalsView, BlotterView}:
            self.get("tabs").rebuild()
        self._serve_market()

    def _sound(self) -> None:
        """A narrow page makes room for an alarm, and only for that."""
        self.set_class(bool(self.masthead.alarm()), "-alarm")

    def draw_rule(self) -> None:
        """Draw what the rule says, and draw it again when that is over."""
        for rule in (self.get("rule"), self.get("tabs")):
            rule.rebuild()
            self.set_timer(SHOWN_FOR_S + 0.05, rule.rebuild)

    def draw_all(self) -> None:
        """Draw every pane: the theme, the link or the focus changed."""
        self._sound()
        for pane in self.panes.values():
            pane.rebuild()

    def draw_aging(self) -> None:
        """Draw what ages by itself: panes that wait, and a page that has gone silent."""
        seen = self.model.seen
        if seen.old != self._was_old or seen.old or not seen.full:
            self._was_old = seen.old
            self.draw_all()

    def _follow_news(self) -> None:
        """Until a person chooses, the first story that touches a market is open.

        A link found later puts its market in focus.
        """
        seen = self.model.seen
        row = seen.story()
        if not seen.condition_id and not self.touched and (row is None or not row.links):
            self._open_first()
        elif row is not None and row.lead_condition_id and not seen.condition_id:
            seen.focus_market(row.lead_condition_id)
            self.refocus()

    def _open_first(self) -> None:
        self.news.rebuild()
        rows = {row.id: row for row in self.model.seen.news.rows} if self.model.seen.news else {}
        linked = [key for key in self.news.keys if key in rows and rows[key].links]
        first = [*linked, *([] if self.model.seen.story_id else self.news.keys)][:1]
        if first:
            self.news.choose(first[0])

    # -- focus -----------------------------------------------------------------------------

    def go(self, name: str) -> None:
        """Give the keys to a pane, showing the page it stands on."""
        self._place(name)
        self.get(name).focus()

    def _place(self, name: str) -> None:
        self.model.pane = name
        page = PAGES[name]
        if page in DETAILS:
            self.detail = page
        for each in PAGES.values():
            self.set_class(each == page, f"-at-{each}")
        for each in DETAILS:
            self.set_class(each == self.detail, f"-detail-{each}")
        for line in ("keys", "tabs"):
            self.get(line).rebuild()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        name = event.widget.id or ""
        if name in PAGES and name != self.pane:
            self._place(name)

    def step_pane(self, step: int) -> None:
        """The pane after or before."""
        names = list(PAGES)
        self.go(names[(names.index(self.pane) + step) % len(names)])

    def refocus(self) -> None:
        """The focus changed: ask for it soon, and show at once that the old one is gone."""
        self.set_timer(LOOK_AFTER_S, self.model.requests.look)
        for name in ("article", *_SHOWN_BY[MarketView], "latency", "keys"):
            pane = self.get(name)
            if name in ("article", "siblings"):
                pane.top = 0
            pane.rebuild()

    # -- what the panes ask ----------------------------------------------------------------

    @on(Pane.Moved)
    def _moved(self, event: Pane.Moved) -> None:
        if (
            isinstance(event.pane, NewsList)
            and event.key
            and self.model.seen.focus_story(event.key)
        ):
            self.get("article").chosen = ""
            self.refocus()

    @on(Pane.Touched)
    def _touched(self) -> None:
        self.touched = True

    @on(Do)
    def _do(self, event: Do) -> None:
        event.stop()
        self.do(event.id)

    @on(GoTo)
    def _go(self, event: GoTo) -> None:
        self.go(event.pane)

    @on(ShowStory)
    def _show_story(self, event: ShowStory) -> None:
        self.show_story(event.story_id)

    @on(ShowMarket)
    def _show_market(self, event: ShowMarket) -> None:
        self.show_market(event.condition_id)
        if event.then:
            self.go(event.then)

    @on(OpenTicket)
    def _open_ticket(self, event: OpenTicket) -> None:
        def ticket(market: MarketView) -> None:
            swapped = event.swapped or market.no.asset_id == event.asset_id
            self._lay(
                TicketCard(self.model, Ticket(market, event.side, swapped, price=event.price))
            )

        self.show_market(event.condition_id)
        self.when_market(event.condition_id or self.model.seen.condition_id, ticket)

    @on(Confirm)
    def _confirm(self, event: Confirm) -> None:
        self._ask(event.title, event.sentences, event.yes, event.then)

    def _lay(
        self, screen: Screen[_Result], then: Callable[[_Result | None], None] | None = None
    ) -> None:
        """Lay a card on the page, unless one lies there already: a held key opens only one."""
        if self.app.screen is self:
            self.app.push_screen(screen, then)

    def _ask(
        self, title: str, sentences: tuple[str, ...], yes: str, then: Callable[[], object]
    ) -> None:
        def answered(is_meant: bool | None) -> None:
            if is_meant:
                then()

        self._lay(Ask(self.model, title, sentences, yes), answered)

    # -- what is in focus ------------------------------------------------------------------

    def show_market(self, condition_id: str) -> None:
        """Put a market in focus; one that the story does not touch stands without the story."""
        seen = self.model.seen
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
        self.model.seen.focus_story(story_id)
        self.news.chosen = story_id
        self.news.rebuild(follow=True)
        self.get("article").chosen = ""
        self.refocus()

    def when_market(self, condition_id: str, do: Callable[[MarketView], None]) -> None:
        """Do something as soon as a market's view is here; forgotten when the focus moves on."""
        self._on_market = (condition_id, do)
        self._serve_market()

    def _serve_market(self) -> None:
        seen = self.model.seen
        if self._on_market is None or seen.condition_id != self._on_market[0]:
            self._on_market = None
        elif seen.market is not None:
            (_, do), self._on_market = self._on_market, None
            do(seen.market)

    # -- actions of the registry -----------------------------------------------------------

    def action_act(self, id: str) -> None:
        """A key of the registry was pressed."""
        self.do(id)

    def do(self, id: str) -> None:
        """Do an action, or say why it can't be done."""
        why_not = self.model.missing(BY_ID[id])
        if why_not:
            self.model.notices.say(why_not)
            return
        self.touched = True
        if not self.get(_ANSWERED_BY.get(id, self.pane)).do(id):
            getattr(self, f"do_{id}")()

    def do_next_pane(self) -> None:
        self.step_pane(1)

    def do_previous_pane(self) -> None:
        self.step_pane(-1)

    def do_back(self) -> None:
        self.go("news")

    def do_market(self) -> None:
        condition_id = self.model.seen.next_card()
        if condition_id == self.model.seen.condition_id:
            self.model.notices.say("This story touches only this market.")
        self.show_market(condition_id)

    def do_swap(self) -> None:
        self.model.seen.swapped = not self.model.seen.swapped
        for name in ("book", "other", "ticket"):
            self.get(name).rebuild()

    def do_buy(self) -> None:
        self.post_message(OpenTicket("buy", swapped=self.model.seen.swapped))

    def do_sell(self) -> None:
        self.post_message(OpenTicket("sell", swapped=self.model.seen.swapped))

    def do_kill(self) -> None:
        status, requests = self.model.seen.status, self.model.requests
        if status is None or not status.killed:
            requests.send(Kill(id=requests.new_id()), "Kill switch")
            return

        def resume() -> None:
            requests.send(Kill(id=requests.new_id(), on=False), "Resume trading")

        sentences = (
            "Strategies and tickets may place orders again. Cancelled orders do not come back.",
        )
        self._ask(f"{status.mode} · resume trading?", sentences, "resume", resume)

    def do_search(self) -> None:
        self._lay(Search(self.model), self._found)

    def _found(self, result: str | None) -> None:
        kind, _, id = (result or "").partition(" ")
        if kind == "market":
            self.show_market(id)
            self.go("book")
        elif kind == "story":
            self.show_story(id)
            self.go("article")

    def do_messages(self) -> None:
        self._lay(Messages(self.model))

    def do_theme(self) -> None:
        self.post_message(TurnTheme())

    def do_palette(self) -> None:
        # a tenth of the start-up, for few of the starts
        from terminal.tui.screens.palette import Palette

        self._lay(Palette(self.model))

    def do_help(self) -> None:
        self._lay(Help(self.model))

    def do_quit(self) -> None:
        orders = len(self.model.seen.orders)
        if not orders or not self.model.seen.linked:
            self._leave()
            return
        stays = (
            "The engine goes on without this face, and so do they: `ftt attach` comes back to it."
        )
        ends = "The engine stops with this face: they are cancelled as it goes."
        sentences = (ends if self.model.engine_stops else stays,)
        self._ask(
            f"Quit with {words.counted(orders, 'order')} open?", sentences, "quit", self._leave
        )

    def _leave(self) -> None:
        self.app.exit(return_code=0)


def front_page(keymap: KeyMap) -> type[FrontPage]:
    """The front page with the user's keys as its bindings."""
    return type("FrontPage", (FrontPage,), {"BINDINGS": keymap.bindings()})
