"""What every pane and screen is given: what was seen, what it is drawn with, whom it may tell."""

from dataclasses import dataclass

from terminal.tui import words
from terminal.tui.actions import NEEDS, Action, KeyMap
from terminal.tui.notices import Notices
from terminal.tui.requests import Requests
from terminal.tui.theme import Inks
from terminal.tui.view_model import SLOW_S, ViewModel

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


@dataclass
class Model:
    """The state of the face. ``pane`` has the keys; ``engine_stops`` when the face leaves."""

    seen: ViewModel
    keymap: KeyMap
    inks: Inks
    notices: Notices
    requests: Requests
    engine_stops: bool = False
    pane: str = "news"

    def waiting(self, kind: type, sentence: str) -> str:
        """The sentence of a pane whose view has not come, with the cause once it takes long."""
        if self.seen.has(kind):
            return sentence
        keys = self.keymap
        if not self.seen.linked:
            return f"{self.seen.trouble or 'Connecting to the engine.'} {keys.name('quit')} quits."
        waited = self.seen.since(kind)
        if waited > SLOW_S:
            sentence += (
                f" Nothing for {words.age(waited)}: the engine is linked but has not sent it;"
                " the line at the foot says which stream is not live."
            )
        return f"{sentence} {keys.name('search')} finds a market, {keys.name('help')} helps."

    def missing(self, action: Action) -> str:
        """Why an action can't be done now, in a sentence; "" when it can."""
        there = {
            "": True,
            "market": bool(self.seen.condition_id),
            "cards": bool(self.seen.cards()),
            "suggestion": bool(self.seen.open_signals()),
            "holding": bool(self.seen.orders or self.seen.positions),
        }
        if there[action.needs]:
            return ""
        return NEEDS[action.needs].format(search=self.keymap.name("search"))

    def page_names(self) -> list[tuple[str, bool]]:
        """The pages of a narrow screen, and which one has the keys."""
        notes = {"signals": len(self.seen.open_signals()), "blotter": len(self.seen.orders)}
        out = []
        for page in dict.fromkeys(PAGES.values()):
            count = notes.get(page)
            label = "orders" if page == "blotter" else page
            out.append((f"{label} {count}" if count else label, page == PAGES[self.pane]))
        return out
