"""A card that lies on the page and takes the keys until it is put away."""

import time
from typing import ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from terminal.tui import words
from terminal.tui.widgets.pane import Entry, Line, Pane

HELD_BACK_S = 0.3
"""Keys typed ahead, or held down, can't answer a question that has just appeared."""

_Result = TypeVar("_Result")


class CardLines(Pane):
    """The card's text."""

    def __init__(self) -> None:
        super().__init__(id="card-lines")

    def entries(self, width: int) -> list[Entry]:
        return [Entry("", tuple(cast("Card[object]", self.screen).lines(width)))]


class Card(ModalScreen[_Result]):
    """Base of the cards: a frame with lines of its own."""

    def lines(self, width: int) -> list[Line]:
        """What the card says."""
        return []

    def compose(self) -> ComposeResult:
        with Vertical(id="card"):
            yield CardLines()

    def on_mount(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw the text anew, and let the card be as tall as it needs."""
        pane = self.query_one(CardLines)
        width = pane.content_size.width
        if width > 1:
            height = len(self.lines(width - 1))
            if pane.styles.height is None or pane.styles.height.value != height:
                pane.styles.height = height
        pane.rebuild()

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)


class Ask(Card[bool]):
    """A question whose answer is No until ``y`` is pressed; Enter is no answer at all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape", "answer(False)", "no"),
    ]

    def __init__(self, title: str, sentences: tuple[str, ...], yes: str) -> None:
        super().__init__()
        self._title, self._sentences, self._yes = title, sentences, yes
        self._shown_at = time.monotonic()

    def lines(self, width: int) -> list[Line]:
        lines: list[Line] = [((line, "bold"),) for line in words.wrap(self._title, width)]
        lines.append(())
        for sentence in self._sentences:
            lines += [((line, ""),) for line in words.wrap(sentence, width)]
        return [
            *lines,
            (),
            (("y", "bold focus"), (f" {self._yes}   ", ""), ("n", "bold"), (" no (default)", "")),
        ]

    def action_answer(self, yes: bool) -> None:
        """Take the answer, unless the key was typed before the question could be read."""
        if time.monotonic() - self._shown_at >= HELD_BACK_S:
            self.dismiss(yes)
