"""The market's trades, and what a ticket would start from."""

from rich.cells import cell_len

from terminal.protocol.views import MarketView, PrintRow
from terminal.tui import words
from terminal.tui.widgets.pane import Entry, Line, Pane

_BESIDE_SIZE = 16
_GAP = "  "


class Prints(Pane):
    """Trades of the market in focus, newest first, in as many columns as fit."""

    def head(self, width: int) -> list[Line]:
        return [(self.title(" PRINTS"),)]

    def entries(self, width: int) -> list[Entry]:
        market = self.seen.market
        prints = market.prints if market else ()
        longest = max((len(words.whole_shares(p.size)) for p in prints), default=1)
        columns = max(1, (width - 1 + len(_GAP)) // (_BESIDE_SIZE + longest + len(_GAP)))
        return [
            Entry("", (sum((_print(p, longest) for p in prints[at : at + columns]), ()),))
            for at in range(0, len(prints), columns)
        ]

    def empty(self) -> str:
        if not self.seen.condition_id:
            return f"Trades of the market in focus; {self.face.keymap.name('search')} finds one."
        if self.seen.market is None:
            return self.face.waiting(MarketView, "Waiting for the market.")
        return f"No trade yet in this market; {self.face.keymap.name('buy')} would make one."


def _print(row: PrintRow, longest: int) -> Line:
    """``14:02:09 24.1 ▲ 500``: the arrow is what the taker did."""
    glyph, colour = (words.UP, "up") if row.side == "buy" else (words.DOWN, "down")
    return (
        (words.clock(row.at_ns), "faint"),
        (words.right(f"{row.price / 100:.1f}", 5), ""),
        (f" {glyph} ", colour),
        (words.right(words.whole_shares(row.size), longest) + _GAP, ""),
    )


class TicketLine(Pane, can_focus=False):
    """What is held here, and the keys that open a ticket."""

    def head(self, width: int) -> list[Line]:
        keys = self.face.keymap
        line: Line = (
            (" TICKET", "bold"),
            (f"  {keys.name('buy')}", "bold focus"),
            (" buy", ""),
            (f"  {keys.name('sell')}", "bold focus"),
            (" sell", ""),
        )
        book = self.seen.book()
        if book is None:
            return [line]
        size = words.shares(book.held) if book.held else "no"
        room = width - sum(cell_len(text) for text, _ in line) - 1
        ways = (f"{size} {words.plain(book.outcome)} held", f"{size} shares held")
        held = next((way for way in ways if cell_len(way) + 2 <= room), "")
        return [(*line, (words.right(held, room), "faint"))] if held else [line]

    def _empty_entries(self, width: int) -> list[Entry]:
        return []
