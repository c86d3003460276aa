"""What the strategies suggest, and the trades they decided against."""

from functools import partial

from rich.cells import cell_len

from feeds import figures
from terminal.protocol.views import AnswerSuggestion, SignalRow, SignalsView
from terminal.tui import words
from terminal.tui.messages import Confirm, ShowMarket, ShowStory
from terminal.tui.widgets.pane import Entry, Line, Pane

_STRATEGY = 10


class Signals(Pane):
    """Open suggestions first. The chosen one unfolds its reason while the keys are here."""

    def head(self, width: int) -> list[Line]:
        signals = self.seen.signals
        count = signals.open if signals else 0
        line: Line = (
            self.title(" SIGNALS"),
            (f" {count}", "bold" if count else "faint"),
            (" open", "faint"),
        )
        if not self.has_focus:
            return [line]
        keys = self.model.keymap
        hint = f"{keys.name('accept')} accept   {keys.name('dismiss')} dismiss   ⏎ the market"
        room = width - sum(len(text) for text, _ in line) - 1
        return [(*line, (words.right(hint, room), "faint"))] if len(hint) < room else [line]

    def entries(self, width: int) -> list[Entry]:
        rows = self.seen.signals.rows if self.seen.signals else ()
        return [self._entry(row, width - 1) for row in rows]

    def empty(self) -> str:
        if self.seen.signals and self.seen.signals.waiting_for:
            return self.seen.signals.waiting_for
        return self.model.waiting(
            SignalsView,
            "No strategy suggests anything yet: they wait for a story that moves its market."
            f" {self.model.keymap.name('buy')} buys on your own account.",
        )

    # -- actions ---------------------------------------------------------------------------

    def row(self, key: str) -> SignalRow | None:
        """The suggestion of an entry."""
        rows = self.seen.signals.rows if self.seen.signals else ()
        return next((row for row in rows if row.id == key), None)

    def open(self, key: str) -> None:
        """Its story and its market."""
        row = self.row(key)
        if row is not None:
            if row.story_id and self.seen.story(row.story_id):
                self.tell(ShowStory(row.story_id))
            self.tell(ShowMarket(row.condition_id))

    def _open_suggestion(self) -> SignalRow:
        """The chosen suggestion if it is open, else the first that is."""
        row = self.row(self.chosen)
        return row if row and row.state == "open" else self.seen.open_signals()[0]

    def do_accept(self) -> bool:
        row = self._open_suggestion()
        deal = f"{row.side.upper()} {row.outcome} {words.shares(row.size)}"
        bound = "≤" if row.side == "buy" else "≥"
        cost = figures.dollars_and_cents(row.limit * row.size // 10_000)
        mode = self.seen.status.mode if self.seen.status else ""
        sentences = (
            row.question,
            f"At {bound}{figures.cents(row.limit, 1)}¢: {cost} at worst, before fees."
            f" Edge {row.edge:.1f}¢ a share after fees.",
            row.reason,
            f"{mode}: real money." if mode == "LIVE" else f"{mode}: no real money.",
        )
        title = f"{mode} · {row.strategy}: {deal}?"
        self.tell(Confirm(title, sentences, "accept", partial(self._answer, row, True, deal)))
        return True

    def do_dismiss(self) -> bool:
        row = self._open_suggestion()
        self._answer(row, False, f"Dismiss {row.strategy}'s suggestion")
        return True

    def _answer(self, row: SignalRow, accept: bool, text: str) -> None:
        requests = self.model.requests
        command = AnswerSuggestion(id=requests.new_id(), suggestion_id=row.id, accept=accept)
        requests.send(command, text)

    def copied(self) -> tuple[str, str]:
        return ("the suggestion's id", self.chosen) if self.chosen else super().copied()

    # -- drawing ---------------------------------------------------------------------------

    def _entry(self, row: SignalRow, width: int) -> Entry:
        is_open = row.state == "open"
        told = _deal(row)
        ink = "" if is_open else "faint"
        lead: Line = (
            (words.fit(row.strategy, _STRATEGY) + " ", "bold" if is_open else "faint"),
            (told, ("bold" if is_open else "faint")),
        )
        used = _STRATEGY + 1 + cell_len(told)
        edge = f"   edge {row.edge:.1f}¢ after fees" if is_open else ""
        room = width - used - len(edge) - 3
        said = f"{row.reason}  {row.question}" if not is_open else f"“{row.reason}”"
        tail: Line = ((edge, ""), ("   ", ""), (words.fit(said, max(0, room)), "faint"))
        if self.has_focus and row.id == self.chosen:
            return Entry(row.id, ((*lead, (edge, "")), *_unfolded(row, width)))
        return Entry(row.id, ((*lead, *tail) if room > 0 else (*lead, (edge, ink)),))


def _deal(row: SignalRow) -> str:
    """``BUY YES 100 @ ≤24.2``, or in a word why not."""
    if row.state == "skipped" or not row.side:
        return f"–  {row.state}"
    bound = "≤" if row.side == "buy" else "≥"
    size = f"{words.shares(row.size)} @ {bound}{figures.cents(row.limit, 1)}"
    deal = f"{row.side.upper()} {words.plain(row.outcome)} {size}"
    return f"{deal}  {words.plain(row.how or row.state)}" if row.state != "open" else deal


def _unfolded(row: SignalRow, width: int) -> list[Line]:
    lines: list[Line] = []
    for text, role in ((row.question, ""), (row.reason, "faint")):
        lines += [((" " * 2 + line, role),) for line in words.wrap(text, width - 3, 3) if line]
    return lines
