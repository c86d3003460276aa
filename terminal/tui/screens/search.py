"""Search: stories of the session and every market the engine knows, by their words."""

from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from terminal.protocol.views import MarketRow, Query, Rows, StoryRow
from terminal.tui import words
from terminal.tui.screens.card import PutAwayOnce
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade

ASK_AFTER_S = 0.1
MARKETS_MAX = 50
STORIES_MAX = 50
TYPED_MAX = 200
_QUOTE = 29


class Found(Pane, can_focus=False):
    """What was found: markets first, then stories."""

    @property
    def has_keys(self) -> bool:
        """The arrows move here while the letters go to the input."""
        return True

    def entries(self, width: int) -> list[Entry]:
        screen = cast("Search", self.screen)
        entries: list[Entry] = []
        if screen.markets:
            entries.append(
                Entry("", ((("MARKETS ", "bold"), (f"{len(screen.markets)}", "faint")),))
            )
            entries += [_market(row, width - 1) for row in screen.markets]
            entries.append(Entry("", (BLANK,)))
        stories = screen.stories()
        if stories:
            entries.append(Entry("", ((("STORIES ", "bold"), (f"{len(stories)}", "faint")),)))
            entries += [_story(row, width - 1) for row in stories]
        return entries

    def empty(self) -> str:
        screen = cast("Search", self.screen)
        if screen.asking:
            return "Asking the engine."
        return "Nothing has these words. Type others, or esc to go back."


class Search(PutAwayOnce, ModalScreen[str]):
    """Type, choose with the arrows, enter. The result is ``market ID`` or ``story ID``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "away", "back"),
        Binding("down", "step(1)", "down", priority=True),
        Binding("up", "step(-1)", "up", priority=True),
        Binding("pagedown", "step(10)", "page down", priority=True),
        Binding("pageup", "step(-10)", "page up", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.markets: tuple[MarketRow, ...] = ()
        self.asking = True
        self._asked = ""
        self._input = Input(placeholder="words of a market or a headline", max_length=TYPED_MAX)
        self._found = Found(id="found")

    @property
    def face(self) -> "FitToTrade":
        return cast("FitToTrade", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(id="search"):
            yield self._input
            yield self._found

    def on_mount(self) -> None:
        self._ask()

    @property
    def typed(self) -> str:
        """The words so far."""
        return self._input.value.strip()

    def stories(self) -> tuple[StoryRow, ...]:
        """Stories with all the words, newest first."""
        wanted = self.typed.casefold().split()
        rows = self.face.seen.news.rows if self.face.seen.news else ()
        hits = (r for r in rows if all(w in f"{r.title} {r.source}".casefold() for w in wanted))
        return tuple(hits)[:STORIES_MAX]

    @on(Input.Changed)
    def _typed_on(self) -> None:
        self.set_timer(ASK_AFTER_S, self._ask)
        self._settle()

    def _ask(self) -> None:
        if self._asked.partition(" ")[2] == self.typed and self._asked:
            return
        self._asked = f"{self.face.new_id()} {self.typed}"
        self.asking = self.face.link.send(
            Query(id=self._asked.split(" ")[0], what="markets", text=self.typed, most=MARKETS_MAX)
        )
        self._settle()

    def take_rows(self, rows: Rows) -> None:
        """The engine's markets for what was asked last."""
        if rows.id == self._asked.partition(" ")[0]:
            self.markets, self.asking = rows.markets, False
            self._settle()

    def _settle(self) -> None:
        found = self._found
        found.rebuild()
        if found.chosen not in found.keys and found.keys:
            found.choose(found.keys[0])

    @on(Input.Submitted)
    def _submitted(self) -> None:
        found = self._found
        if found.chosen in found.keys:
            self.dismiss(found.chosen)

    @on(Pane.Opened)
    def _opened(self, event: Pane.Opened) -> None:
        event.stop()
        self.dismiss(event.key)

    @on(Pane.Moved)
    def _moved(self, event: Pane.Moved) -> None:
        event.stop()

    def action_step(self, step: int) -> None:
        """The entry below or above."""
        self._found.move(step)

    def action_away(self) -> None:
        """Nothing was chosen."""
        self.dismiss("")


def _market(row: MarketRow, width: int) -> Entry:
    quote = f"{row.best_bid / 100:.1f} / {row.best_ask / 100:.1f}"
    tail: Line = (
        (words.right(words.odds(row.odds), 6), "bold"),
        (words.right(quote, 14), "faint"),
        (words.right(words.volume(row.volume), 9), "faint"),
    )
    room = width - _QUOTE - 2
    name = words.plain(row.question)
    longer = f"{name} · {words.plain(row.event_title)}"
    if row.event_title and row.event_title not in name and cell_len(longer) <= room:
        name = longer
    mark = ("▪ " if row.followed else "  ", "focus")
    return Entry("market " + row.condition_id, ((mark, (words.fit(name, room), ""), *tail),))


def _story(row: StoryRow, width: int) -> Entry:
    source = words.fit(row.source, 18)
    return Entry(
        "story " + row.id,
        ((("  ", ""), (words.fit(row.title, width - 21), ""), (" " + source, "faint")),),
    )
