"""All keys, from the registry, and what the signs mean."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from terminal.tui import words
from terminal.tui.actions import ACTIONS
from terminal.tui.model import Model
from terminal.tui.screens.card import PutAwayOnce
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

_KEYS = 12
SIGNS: tuple[tuple[str, str], ...] = (
    ("▲ ▼ –", "up, down, no move worth a tenth of a point"),
    ("△ ▽", "up or down, and it may be noise: the card says in words how sure that is"),
    ("24.0 +0.5", "odds in percent, and the move since the story in points"),
    ("24.4", "a price in cents; one cent is one percent"),
    ("underlined", "changed within the last second"),
    ("faint", "old, or not live: the words beside it say since when"),
    ("within the noise", "the market moves this much without any story"),
    ("◂ 200 yours", "your own order rests at this price"),
    ("▪", "a position; in search, a market that is followed"),
    ("PAPER", "paper money; LIVE, on a red ground, is the only real money"),
)


class HelpLines(Pane):
    """The text of the help card."""

    def entries(self, width: int) -> list[Entry]:
        lines: list[Line] = []
        for group in dict.fromkeys(action.group for action in ACTIONS):
            lines.append(((group.upper(), "bold"),))
            for action in (a for a in ACTIONS if a.group == group):
                keys = self.model.keymap.names(action.id)
                first, *more = words.wrap(action.help, width - _KEYS - 4)
                lines.append(((f"  {keys:<{_KEYS}}", "bold focus"), (first, "")))
                lines += [((" " * (_KEYS + 2) + line, ""),) for line in more]
            lines.append(BLANK)
        lines.append((("WHAT THE SIGNS MEAN", "bold"),))
        for sign, meaning in SIGNS:
            first, *more = words.wrap(meaning, width - 22)
            lines.append(((f"  {sign:<18}", "bold"), (first, "")))
            lines += [((" " * 20 + line, ""),) for line in more]
        lines += [BLANK, (("  Keys are changed under [keys] in the config file.", "faint"),)]
        return [Entry("", tuple(lines))]

    def head(self, width: int) -> list[Line]:
        more = "j k scroll   esc away"
        room = width - len("HELP") - 2
        return [((" HELP", "bold focus"), (words.right(more, room), "faint")), BLANK]


class MessageLines(Pane):
    """What was said, the newest first."""

    def head(self, width: int) -> list[Line]:
        return [
            ((" MESSAGES", "bold focus"), (words.right("esc away", width - 10), "faint")),
            BLANK,
        ]

    def entries(self, width: int) -> list[Entry]:
        out = []
        for notice in reversed(self.model.notices.all):
            first, *more = words.wrap(notice.sentence, width - 11)
            role = "" if notice.level == "information" else "down"
            lines: list[Line] = [((f"{words.clock(notice.at_ns)}  ", "faint"), (first, role))]
            lines += [((" " * 10 + line, role),) for line in more]
            out.append(Entry("", tuple(lines)))
        return out

    def empty(self) -> str:
        return "Nothing has been said yet. esc goes back to the page."


class Reading(PutAwayOnce, ModalScreen[None]):
    """A card to read and scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "away", "away"),
        Binding("j,down", "scroll_by(1)", "down"),
        Binding("k,up", "scroll_by(-1)", "up"),
        Binding("ctrl+d,pagedown,space", "scroll_by(10)", "page down"),
        Binding("ctrl+u,pageup", "scroll_by(-10)", "page up"),
    ]

    def __init__(self, text: Pane) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="reading"):
            yield self._text

    def action_scroll_by(self, step: int) -> None:
        """Read on."""
        self._text.scroll_lines(step)

    def action_away(self) -> None:
        """Back to the page."""
        self.dismiss(None)


class Help(Reading):
    """The help card."""

    def __init__(self, model: Model) -> None:
        super().__init__(HelpLines(model, id="text"))


class Messages(Reading):
    """The card of what was said lately."""

    def __init__(self, model: Model) -> None:
        super().__init__(MessageLines(model, id="text"))
