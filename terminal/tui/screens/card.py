"""A card that lies on the page and takes the keys until it is put away."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from terminal.tui import words
from terminal.tui.messages import Do
from terminal.tui.model import Model
from terminal.tui.widgets.pane import Entry, Line, Pane

HELD_BACK_S = 0.3
"""Keys typed ahead, or held down, can't answer a question that has just appeared."""

_Result = TypeVar("_Result")


if TYPE_CHECKING:
    _Screen = Screen[Any]
else:
    _Screen = object  # a mixin: Textual collects style classes from every base that is a screen


class PutAwayOnce(_Screen):
    """A screen that a second escape, typed before the first was dealt with, does no harm to."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Leave the screen; nothing happens when it has been left already."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class CardLines(Pane):
    """The card's text."""

    def __init__(self, model: Model, lines: Callable[[int], list[Line]]) -> None:
        super().__init__(model, id="card-lines")
        self._lines_of = lines

    def entries(self, width: int) -> list[Entry]:
        return [Entry("", tuple(self._lines_of(width)))]


class Card(PutAwayOnce, ModalScreen[_Result]):
    """Base of the cards: a frame with lines of its own."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self._text = CardLines(model, self.lines)

    def lines(self, width: int) -> list[Line]:
        """What the card says."""
        return []

    def compose(self) -> ComposeResult:
        with Vertical(id="card"):
            yield self._text

    def on_mount(self) -> None:
        self.redraw()

    def on_key(self, event: events.Key) -> None:
        if self.kills(event):
            event.stop()
            event.prevent_default()

    def kills(self, event: events.Key) -> bool:
        """The kill switch works through every card: the safe side never waits.

        Turning it off is asked for on the page alone.
        """
        if event.key not in self.model.keymap.keys["kill"]:
            return False
        status = self.model.seen.status
        if status is None or not status.killed:
            self.post_message(Do("kill"))
        return True

    def redraw(self) -> None:
        """Draw the text anew, and let the card be as tall as it needs."""
        width = self._text.content_size.width
        if not self._text.is_attached or width <= 1:
            return
        height = len(self.lines(width - 1))
        if self._text.styles.height is None or self._text.styles.height.value != height:
            self._text.styles.height = height
        self._text.rebuild()

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)


class Ask(Card[bool]):
    """A question whose answer is No until ``y`` is pressed; Enter is no answer at all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape", "answer(False)", "no"),
    ]

    def __init__(self, model: Model, title: str, sentences: tuple[str, ...], yes: str) -> None:
        super().__init__(model)
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
