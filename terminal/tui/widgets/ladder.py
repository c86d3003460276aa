"""One asset's book as a ladder: asks above, the midpoint between, bids below."""

from collections.abc import Callable

from rich.cells import cell_len

from feeds import figures
from terminal.protocol.views import BookView, LadderLevel, MarketView
from terminal.protocol.vocabulary import FIT
from terminal.tui import words
from terminal.tui.messages import OpenTicket
from terminal.tui.model import Model
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

TITLE_LINES_MAX = 2
AGE_STEP_S = 1.0


class Ladder(Pane):
    """The ladder of the book in focus, or of the other outcome's. A price opens a ticket."""

    def __init__(
        self, model: Model, *, id: str, other: bool = False, question: bool = True
    ) -> None:
        super().__init__(model, id=id)
        self._other, self._question = other, question
        self._asset = ""
        self._mid_line = 0

    def book(self) -> BookView | None:
        """The book that is shown."""
        return self.seen.book(other=self._other)

    def head(self, width: int) -> list[Line]:
        market, book = self.seen.market, self.book()
        if market is None or book is None:
            return [(self.title(" BOOK"),)] if not self._other else [(self.title(" OTHER BOOK"),)]
        name = words.plain(book.outcome.upper())
        if cell_len(name) > width // 2:
            name = words.fit(name, width // 2)
        used = cell_len(name)
        question = market.question if self._question else ""
        room = width - used - 4
        first, *more = words.wrap(question, room, TITLE_LINES_MAX) or ("",)
        lines: list[Line] = [(self.title(f" {name}"), ("  " + first, "bold"))]
        lines += [((" " * (used + 3) + line, "bold"),) for line in more]
        return [*lines, *self._terms(market, book, width), BLANK]

    def _terms(self, market: MarketView, book: BookView, width: int) -> list[Line]:
        age = book.age_s
        if age is not None and self.seen.since(MarketView) > AGE_STEP_S:
            age += self.seen.since(MarketView)
        state = f"{book.state} {words.age(age)}".strip()
        if self.seen.old:
            state = f"was {book.state}, {words.age(age)} ago"
        trusted = book.state in FIT and not self.seen.old
        line: Line = ((" " + state, "" if trusted else "bold down"),)
        rest = [words.tick_words(book.tick_size)]
        if market.fee_words and self._question:
            rest.append("fee " + market.fee_words.removeprefix("fee "))
        tail = "   ".join(["", *rest])
        used = len(state) + 1
        lines: list[Line] = []
        if used + len(tail) < width:
            lines = [(*line, (tail, "faint"))]
        else:
            lines = [
                line,
                *(((" " + text, "faint"),) for text in words.wrap(" · ".join(rest), width - 2)),
            ]
        if not trusted and book.reason:
            lines += [((" " + text, "down"),) for text in words.wrap(book.reason, width - 2, 3)]
        return lines

    def empty(self) -> str:
        if not self.seen.condition_id:
            return (
                "No market is in focus: choose a story that touches one, or find one with"
                f" {self.model.keymap.name('search')}."
            )
        return self.model.waiting(MarketView, "Waiting for the book.")

    def entries(self, width: int) -> list[Entry]:
        book = self.book()
        if book is None:
            return []
        if book.asset_id != self._asset:
            self._asset, self.chosen = book.asset_id, ""
            self.changes.forget()
        deepest = max((level.size for level in (*book.asks, *book.bids)), default=1)
        row = self._row(book, width, max(1, deepest))
        asks = [row(level, True) for level in reversed(book.asks)]
        bids = [row(level, False) for level in book.bids]
        self._mid_line = len(asks)
        empty = Entry("", ((("no asks: nobody sells here now", "faint"),),))
        asks = asks or [empty]
        self._mid_line = len(asks)
        bids = bids or [Entry("", ((("no bids: nobody buys here now", "faint"),),))]
        entries = [*asks, Entry("", (_middle(book, width),)), *bids]
        self._hold_choice(entries)
        return entries

    # -- actions ---------------------------------------------------------------------------

    def open(self, key: str) -> None:
        """A ticket at the price that was chosen: to buy from the asks, to sell to the bids."""
        book = self.book()
        side = "sell" if key.startswith("b") else "buy"
        if side == "sell" and book is not None and not book.held:
            side = "buy"  # what is not held can't be sold; at this price one may queue to buy
        self._ticket(side, key)

    def do_buy(self) -> bool:
        self._ticket("buy", self.chosen)
        return True

    def do_sell(self) -> bool:
        self._ticket("sell", self.chosen)
        return True

    def _ticket(self, side: str, key: str) -> None:
        swapped = self.seen.swapped is not self._other
        self.tell(OpenTicket(side, swapped=swapped, price=self.price_of(key) if key else 0))

    def do_back(self) -> bool:
        """No price is chosen any more."""
        if not self.chosen:
            return False
        self.chosen = ""
        self.rebuild()
        return True

    def copied(self) -> tuple[str, str]:
        book = self.book()
        return ("the asset id", book.asset_id) if book is not None else super().copied()

    # -- the book moves --------------------------------------------------------------------

    def rest_at(self, height: int) -> int | None:
        """The midpoint in the middle."""
        return self._mid_line - (height - 1) // 2

    def first_choice(self, keys: list[str], step: int) -> str:
        """The best bid going down, the best ask going up."""
        asks = [key for key in keys if key.startswith("a")]
        bids = [key for key in keys if key.startswith("b")]
        down = (bids or asks)[:1]
        up = asks[-1:] or bids[:1]
        return (down if step > 0 else up)[0]

    def _hold_choice(self, entries: list[Entry]) -> None:
        """The book moves under a chosen price: when its level goes, the nearest one is chosen."""
        keys = [entry.key for entry in entries if entry.key]
        if self.chosen and self.chosen not in keys:
            here = self.price_of(self.chosen)
            self.chosen = min(keys, key=lambda key: abs(self.price_of(key) - here), default="")

    def price_of(self, key: str) -> int:
        """The price of an entry."""
        return int(key[1:])

    def _row(
        self, book: BookView, width: int, deepest: int
    ) -> Callable[[LadderLevel, bool], Entry]:
        old = book.state not in FIT
        price_width = 2 + words.decimals(book.tick_size) + 1
        wing = (width - 1 - price_width - 2) // 2
        size_width = max(
            (len(words.whole_shares(each.size)) for each in (*book.asks, *book.bids)), default=1
        )
        size_width = min(max(size_width, 5), max(5, wing - 2))
        bar_width = max(1, wing - size_width - 1)

        def row(level: LadderLevel, is_ask: bool) -> Entry:
            colour = "rule" if old else "ask" if is_ask else "bid"
            ink = "faint" if old else "ink"
            price = words.right(words.cents(level.price, book.tick_size), price_width)
            key = _key(level, is_ask)
            size = words.whole_shares(level.size)
            under = self.changes.mark(key, size)
            gap = size_width - len(size)
            own = _own(level, is_ask)
            share = level.size / deepest
            if is_ask:
                drawn = words.bar(share, bar_width)
                line: Line = (
                    (words.right(own, wing), "bold focus"),
                    (f" {price} ", f"bold {ink}"),
                    (drawn + " " * (bar_width - len(drawn) + 1 + gap), colour),
                    (size, ink + under),
                )
            else:
                head, full = words.bar_from_right(share, bar_width)
                blank = bar_width - len(full) - len(head)
                line = (
                    (" " * gap, ""),
                    (size, ink + under),
                    (" " * (blank + 1), ""),
                    (head, colour + " reverse"),
                    (full, colour),
                    (f" {price} ", f"bold {ink}"),
                    (own, "bold focus"),
                )
            return Entry(key, (line,))

        return row


def _key(level: LadderLevel, is_ask: bool) -> str:
    return f"{'a' if is_ask else 'b'}{level.price}"


def _own(level: LadderLevel, is_ask: bool) -> str:
    if not level.own:
        return ""
    yours = f"{words.shares(level.own)} yours"
    return f"{yours} ▸" if is_ask else f"◂ {yours}"


def _middle(book: BookView, width: int) -> Line:
    if book.midpoint is None or book.spread is None:
        label = " one-sided: no midpoint "
    else:
        spread = words.cents(book.spread, book.tick_size)
        label = f" {figures.percent(book.midpoint, words.decimals(book.tick_size))} mid · {spread} "
    side = max(1, (width - len(label) - 1) // 2)
    return (("─" * side, "rule"), (label, "bold"), ("─" * (width - side - len(label) - 1), "rule"))
