"""The front page: what happened, what it means, what you can do, from left to right."""

from typing import TYPE_CHECKING, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from terminal.protocol.views import (
    ArticleView,
    BlotterView,
    MarketView,
    NewsView,
    SignalsView,
    StatusView,
)
from terminal.tui.action_handlers import Deeds
from terminal.tui.actions import KeyMap
from terminal.tui.widgets.article import Article
from terminal.tui.widgets.blotter import Blotter
from terminal.tui.widgets.chart import LatencyStrip, OddsChart, Siblings
from terminal.tui.widgets.ladder import Ladder
from terminal.tui.widgets.masthead import KeyLine, Masthead, Rule, SmallCard, StatusLine
from terminal.tui.widgets.news import NewsList
from terminal.tui.widgets.pane import Pane
from terminal.tui.widgets.prints import Prints, TicketLine
from terminal.tui.widgets.signals import Signals

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade

PAGES = {
    "news": "news",
    "article": "article",
    "book": "book",
    "prints": "book",
    "siblings": "card",
    "other": "card",
    "signals": "signals",
    "blotter": "blotter",
}
"""Panes that take keys, in the order of tab, with the page of a narrow screen they stand on."""
DETAILS = ("article", "book", "card")
WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-medium"), (180, "-wide")]
HEIGHTS = [(0, "-flat"), (20, "-low"), (32, "-mid"), (50, "-tall")]
TOAST_S = 6.0
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


class FrontPage(Deeds, Screen[object]):
    """All panes; their places follow the width, and where the keys are."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#news"

    def __init__(self) -> None:
        super().__init__(id="front")
        self.pane = "news"
        self.detail = "article"
        self.touched = False
        self.masthead = Masthead(id="masthead")
        self.news = NewsList(id="news")
        self.panes: dict[str, Pane] = {
            "masthead": self.masthead,
            "news": self.news,
            "article": Article(id="article"),
            "book": Ladder(id="book"),
            "prints": Prints(id="prints"),
            "ticket": TicketLine(id="ticket"),
            "chart": OddsChart(id="chart"),
            "siblings": Siblings(id="siblings"),
            "other": Ladder(id="other", other=True, question=False),
            "latency": LatencyStrip(id="latency"),
            "tabs": Rule(id="tabs"),
            "rule": Rule(id="rule"),
            "signals": Signals(id="signals"),
            "blotter": Blotter(id="blotter"),
            "status": StatusLine(id="status"),
            "keys": KeyLine(id="keys"),
            "small": SmallCard(id="small"),
        }
        self._second = 0
        self._was_old = True

    @property
    def face(self) -> "FitToTrade":
        return cast("FitToTrade", self.app)

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
        if MarketView in fresh and not self.face.seen.story_id:
            self.get("article").rebuild()
        self._sound()
        second = self.face.seen.now_ns // 1_000_000_000
        if second != self._second:
            self._second = second
            self.news.rebuild()
        self.get("keys").rebuild()
        if fresh & {SignalsView, BlotterView}:
            self.get("tabs").rebuild()

    def _sound(self) -> None:
        """A narrow page makes room for an alarm, and only for that."""
        self.set_class(bool(self.masthead.alarm()), "-alarm")

    def draw_rule(self) -> None:
        """Draw what the rule says, and draw it again when that is over."""
        for rule in (self.get("rule"), self.get("tabs")):
            rule.rebuild()
            self.set_timer(TOAST_S + 0.05, rule.rebuild)

    def draw_all(self) -> None:
        """Draw every pane: the theme, the link or the focus changed."""
        self._sound()
        for pane in self.panes.values():
            pane.rebuild()

    def pulse(self) -> None:
        """Draw what ages by itself: panes that wait, and a page that has gone silent."""
        seen = self.face.seen
        if seen.old != self._was_old or seen.old or not seen.full:
            self._was_old = seen.old
            self.draw_all()

    def _follow_news(self) -> None:
        """Until a person chooses, the first story that touches a market is open.

        A link found later puts its market in focus.
        """
        seen = self.face.seen
        row = seen.story()
        if not seen.condition_id and not self.touched and (row is None or not row.links):
            self._open_first()
        elif row is not None and row.lead_condition_id and not seen.condition_id:
            seen.focus_market(row.lead_condition_id)
            self.refocus()

    def _open_first(self) -> None:
        self.news.rebuild()
        rows = {row.id: row for row in self.face.seen.news.rows} if self.face.seen.news else {}
        linked = [key for key in self.news.keys if key in rows and rows[key].links]
        first = [*linked, *([] if self.face.seen.story_id else self.news.keys)][:1]
        if first:
            self.news.choose(first[0])

    # -- focus -----------------------------------------------------------------------------

    def go(self, name: str) -> None:
        """Give the keys to a pane, showing the page it stands on."""
        self._place(name)
        self.get(name).focus()

    def _place(self, name: str) -> None:
        self.pane = name
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

    def page_names(self) -> list[tuple[str, bool]]:
        """The pages of a narrow screen, and which one has the keys."""
        seen = self.face.seen
        notes = {"signals": len(seen.open_signals()), "blotter": len(seen.orders)}
        out = []
        for page in dict.fromkeys(PAGES.values()):
            count = notes.get(page)
            label = "orders" if page == "blotter" else page
            out.append((f"{label} {count}" if count else label, page == PAGES[self.pane]))
        return out

    def refocus(self) -> None:
        """The focus changed: ask for it soon, and show at once that the old one is gone."""
        self.set_timer(LOOK_AFTER_S, self.face.look)
        for name in ("article", *_SHOWN_BY[MarketView], "latency", "keys"):
            pane = self.get(name)
            if name in ("article", "siblings"):
                pane.top = 0
            pane.rebuild()

    # -- the panes say what was chosen -----------------------------------------------------

    @on(Pane.Moved)
    def _moved(self, event: Pane.Moved) -> None:
        if isinstance(event.pane, NewsList) and event.key and self.face.seen.focus_story(event.key):
            self.get("article").chosen = ""
            self.refocus()

    @on(Pane.Opened)
    def _opened(self, event: Pane.Opened) -> None:
        self.open_entry(event.pane, event.key)


def front_page(keymap: KeyMap) -> type[FrontPage]:
    """The front page with the user's keys as its bindings."""
    return type("FrontPage", (FrontPage,), {"BINDINGS": keymap.bindings()})
