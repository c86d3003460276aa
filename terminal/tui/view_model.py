"""What the face has been shown, and what it looks at: the newest view of each kind, no truth."""

import time
from typing import TypeVar, cast

from terminal.protocol.views import (
    ArticleView,
    BlotterView,
    BookView,
    CardView,
    Look,
    MarketView,
    NewsView,
    OrderRow,
    PositionRow,
    SignalRow,
    SignalsView,
    StatusView,
    StoryRow,
    View,
)

SILENT_S = 3.0
"""Without a word from the engine for this long, nothing on the page may look live."""
SLOW_S = 10.0
"""Waiting longer than this is explained."""

_View = TypeVar("_View")


class Seen:
    """The newest views by kind, and the focus that every pane shares."""

    def __init__(self) -> None:
        self._views: dict[type, View] = {}
        self._at: dict[type, float] = {}
        self.started = time.monotonic()
        self.heard = self.started
        self.linked = False
        self.trouble = ""
        self.story_id = ""
        self.condition_id = ""
        self.swapped = False

    # -- what came -------------------------------------------------------------------------

    def take(self, view: View) -> None:
        """Keep a view, in place of the older one of its kind."""
        self.heard = time.monotonic()
        self._views[type(view)] = view
        self._at[type(view)] = self.heard

    def _newest(self, kind: type[_View]) -> _View | None:
        return cast("_View | None", self._views.get(kind))

    @property
    def status(self) -> StatusView | None:
        return self._newest(StatusView)

    @property
    def news(self) -> NewsView | None:
        return self._newest(NewsView)

    @property
    def signals(self) -> SignalsView | None:
        return self._newest(SignalsView)

    @property
    def blotter(self) -> BlotterView | None:
        return self._newest(BlotterView)

    @property
    def article(self) -> ArticleView | None:
        """The story in focus, once its view has come; never that of the story before."""
        view = self._newest(ArticleView)
        return view if view is not None and view.story_id == self.story_id else None

    @property
    def market(self) -> MarketView | None:
        """The market in focus, once its view has come; never the one before."""
        view = self._newest(MarketView)
        return view if view is not None and view.condition_id == self.condition_id else None

    def has(self, kind: type) -> bool:
        """Whether the view of this kind has come, for the focus as it is now."""
        if kind is ArticleView:
            return self.article is not None
        if kind is MarketView:
            return self.market is not None
        return kind in self._views

    @property
    def full(self) -> bool:
        """The page has all it asked for."""
        if self.news and self.news.rows and not self.story_id and not self.condition_id:
            return False
        story = self.article is not None or not self.story_id
        market = self.market is not None or not self.condition_id
        return (
            story
            and market
            and all(map(self.has, (StatusView, NewsView, SignalsView, BlotterView)))
        )

    # -- how fresh it is -------------------------------------------------------------------

    def since(self, kind: type) -> float:
        """Seconds since a view of this kind came (or since the start)."""
        return time.monotonic() - self._at.get(kind, self.started)

    @property
    def silent_s(self) -> float:
        """Seconds since the engine said anything."""
        return time.monotonic() - self.heard

    @property
    def old(self) -> bool:
        """Nothing may look live: the link is lost, or the engine says nothing."""
        return not self.linked or (self.status is not None and self.silent_s > SILENT_S)

    @property
    def now_ns(self) -> int:
        """The market's time, 0 before the first status."""
        return self.status.now_ns if self.status else 0

    # -- what is in focus ------------------------------------------------------------------

    def look(self) -> Look:
        """What to ask the engine for."""
        return Look(story_id=self.story_id, condition_id=self.condition_id)

    def story(self, story_id: str = "") -> StoryRow | None:
        """A story of the list; without a name, the one in focus."""
        wanted = story_id or self.story_id
        rows = self.news.rows if self.news else ()
        return next((row for row in rows if row.id == wanted), None)

    def cards(self) -> tuple[CardView, ...]:
        """The markets that the story in focus touches."""
        return self.article.cards if self.article else ()

    def card(self) -> CardView | None:
        """The card of the market in focus, if the story touches it."""
        return next((c for c in self.cards() if c.condition_id == self.condition_id), None)

    def book(self, *, other: bool = False) -> BookView | None:
        """The book in focus: YES unless swapped; or the other one."""
        if self.market is None:
            return None
        return self.market.no if self.swapped is not other else self.market.yes

    def focus_story(self, story_id: str) -> bool:
        """Put a story in focus, and its lead market with it. False when it already was."""
        if story_id == self.story_id:
            return False
        row = self.story(story_id)
        self.story_id = story_id
        self.focus_market(row.lead_condition_id if row else "")
        return True

    def focus_market(self, condition_id: str) -> bool:
        """Put a market in focus. False when it already was."""
        if condition_id == self.condition_id:
            return False
        self.condition_id, self.swapped = condition_id, False
        return True

    def next_card(self) -> str:
        """The condition id of the next market of the story, "" when it touches none."""
        ids = [card.condition_id for card in self.cards()]
        if not ids:
            return ""
        at = ids.index(self.condition_id) if self.condition_id in ids else -1
        return ids[(at + 1) % len(ids)]

    # -- the rows a person may act on ------------------------------------------------------

    def open_signals(self) -> tuple[SignalRow, ...]:
        """Suggestions that wait for an answer."""
        rows = self.signals.rows if self.signals else ()
        return tuple(row for row in rows if row.state == "open")

    @property
    def orders(self) -> tuple[OrderRow, ...]:
        return self.blotter.orders if self.blotter else ()

    @property
    def positions(self) -> tuple[PositionRow, ...]:
        return self.blotter.positions if self.blotter else ()
