"""What the strategies suggest, and the trades they decided against."""

from rich.cells import cell_len

from terminal.protocol.views import SignalRow, SignalsView
from terminal.tui import words
from terminal.tui.widgets.pane import Entry, Line, Pane

_STRATEGY = 10
_WORDS = {"open": "", "accepted": "accepted", "done": "done", "over": "over", "skipped": "skipped"}


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
        keys = self.face.keymap
        hint = f"{keys.name('accept')} accept   {keys.name('dismiss')} dismiss   ⏎ the market"
        room = width - sum(len(text) for text, _ in line) - 1
        return [(*line, (words.right(hint, room), "faint"))] if len(hint) < room else [line]

    def entries(self, width: int) -> list[Entry]:
        rows = self.seen.signals.rows if self.seen.signals else ()
        return [self._entry(row, width - 1) for row in rows]

    def empty(self) -> str:
        if self.seen.signals and self.seen.signals.waiting_for:
            return self.seen.signals.waiting_for
        return self.face.waiting(
            SignalsView,
            "No strategy suggests anything yet: they wait for a story that moves its market."
            f" {self.face.keymap.name('buy')} buys on your own account.",
        )

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
        return f"–  {_WORDS.get(row.state, words.plain(row.state))}"
    bound = "≤" if row.side == "buy" else "≥"
    size = f"{words.shares(row.size)} @ {bound}{row.limit / 100:.1f}"
    deal = f"{row.side.upper()} {words.plain(row.outcome)} {size}"
    state = _WORDS.get(row.state, words.plain(row.state))
    return f"{deal}  {state}" if state else deal


def _unfolded(row: SignalRow, width: int) -> list[Line]:
    lines: list[Line] = []
    for text, role in ((row.question, ""), (row.reason, "faint")):
        lines += [((" " * 2 + line, role),) for line in words.wrap(text, width - 3, 3) if line]
    return lines
