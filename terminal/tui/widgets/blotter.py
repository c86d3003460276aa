"""Positions, open orders and fills: what is ours."""

from rich.cells import cell_len

from feeds import figures
from terminal.protocol.views import BlotterView, CancelOrder, FillRow, OrderRow, PositionRow
from terminal.tui import words
from terminal.tui.messages import GoTo, OpenTicket, ShowMarket
from terminal.tui.widgets.pane import Entry, Line, Pane

FILLS_SHOWN_MAX = 50
_QUESTION_MIN = 8


class Blotter(Pane):
    """Positions first, then orders, then fills. x cancels an order or closes a position."""

    _lead = 0

    def head(self, width: int) -> list[Line]:
        blotter = self.seen.blotter or BlotterView()
        parts: list[tuple[str, str]] = [(" ", "")]
        for name, count in (
            ("POSITIONS", len(blotter.positions)),
            ("ORDERS", max(blotter.orders_total, len(blotter.orders))),
            ("FILLS", max(blotter.fills_total, len(blotter.fills))),
        ):
            parts += [
                self.title(name),
                (f" {count}", "bold" if count else "faint"),
                (" ▪ ", "rule"),
            ]
        return [tuple(parts[:-1])]

    def entries(self, width: int) -> list[Entry]:
        blotter = self.seen.blotter
        if blotter is None:
            return []
        fills = blotter.fills[:FILLS_SHOWN_MAX]
        leads = (
            *map(_position_lead, blotter.positions),
            *map(_order_lead, blotter.orders),
            *map(_fill_lead, fills),
        )
        self._lead = max((cell_len(words.plain(lead)) for lead in leads), default=0)
        return [
            *(self._unfolded(self._position(row, width - 1), row) for row in blotter.positions),
            *(self._unfolded(self._order(row, width - 1), row) for row in blotter.orders),
            *(self._unfolded(_fill(row, width - 1, self._lead), row) for row in fills),
        ]

    def _unfolded(self, entry: Entry, row: PositionRow | OrderRow | FillRow) -> Entry:
        """The chosen row with its question in full, while the keys are here."""
        if not self.has_focus or entry.key != self.chosen:
            return entry
        asked = words.wrap(row.question, max(8, self.content_size.width - 4), 3)
        return Entry(entry.key, (*entry.lines, *((("  " + line, "faint"),) for line in asked)))

    def empty(self) -> str:
        return self.model.waiting(
            BlotterView,
            "Nothing is held and no order is open:"
            f" {self.model.keymap.name('buy')} opens a ticket for the market in focus.",
        )

    def position(self, key: str) -> PositionRow | None:
        """The position of an entry."""
        return next((p for p in self.seen.positions if "p" + p.asset_id == key), None)

    def order(self, key: str) -> OrderRow | None:
        """The order of an entry."""
        return next((o for o in self.seen.orders if "o" + o.order_id == key), None)

    # -- actions ---------------------------------------------------------------------------

    def open(self, key: str) -> None:
        """The book of what is held or ordered."""
        row = self.position(key) or self.order(key)
        if row is not None:
            self.tell(ShowMarket(row.condition_id, then="book"))

    def do_cancel(self) -> bool:
        """Cancel the chosen order or the only one; on a position, a ticket that sells all of it."""
        here = self.model.pane == self.id
        position = self.position(self.chosen) if here else None
        order = self.order(self.chosen) if here else None
        if position is not None:
            asset_id, condition_id = position.asset_id, position.condition_id
            self.tell(OpenTicket("sell", condition_id=condition_id, asset_id=asset_id))
        elif order is not None:
            self._cancel(order)
        elif len(self.seen.orders) == 1 and not here:
            self._cancel(self.seen.orders[0])
        else:
            self.tell(GoTo("blotter"))
            key = self.model.keymap.name("cancel")
            self.model.notices.say(f"Choose an order; {key} cancels it.")
        return True

    def _cancel(self, order: OrderRow) -> None:
        what = f"{order.side.upper()} {order.outcome} {words.shares(order.size)}"
        requests = self.model.requests
        requests.send(
            CancelOrder(id=requests.new_id(), order_id=order.order_id),
            f"Cancel {what} @ {figures.cents(order.price, 1)}",
        )

    def copied(self) -> tuple[str, str]:
        return ("the id", self.chosen[1:]) if self.chosen else super().copied()

    # -- drawing ---------------------------------------------------------------------------

    def _position(self, row: PositionRow, width: int) -> Entry:
        key = "p" + row.asset_id
        mark = figures.NONE if row.mark is None else figures.cents(row.mark, 1)
        gain = words.gain(row.unrealised)
        colour = words.role_of(row.unrealised / words.DOLLAR * 10)
        under = self.changes.mark(key, mark + gain)
        tail: Line = (
            (f"avg {figures.cents(row.average, 1):>5}  mark {mark:>5}  ", ""),
            (words.right(figures.dollars_and_cents(row.value), 11), ""),
            (
                f"  {figures.glyph(row.unrealised / words.DOLLAR * 10)}{gain:>10}",
                f"bold {colour}{under}",
            ),
        )
        return Entry(
            key, (_columns(_position_lead(row), "bold", row.question, tail, width, self._lead),)
        )

    def _order(self, row: OrderRow, width: int) -> Entry:
        left = f"{words.shares(row.filled)} of {words.shares(row.size)} filled"
        if row.queue_ahead is None:
            left += "  place unknown"
        elif row.queue_ahead:
            left += f"  {words.whole_shares(row.queue_ahead)} ahead"
        under = self.changes.mark("o" + row.order_id, left + row.state)
        state = row.state if not row.reason else f"{row.state}: {row.reason}"
        tail: Line = ((left, under), (f"  {words.plain(state)}", "faint"))
        return Entry(
            "o" + row.order_id,
            (_columns(_order_lead(row), "bold focus", row.question, tail, width, self._lead),),
        )


def _fill(row: FillRow, width: int, lead_width: int) -> Entry:
    fee = f"fee {figures.dollars_and_cents(row.fee)}"
    how = words.plain(row.liquidity) + _STAGES.get(row.stage, "")
    tail: Line = ((f"at {figures.cents(row.price, 1):>5}  {fee:>11}  {how}", "faint"),)
    return Entry(
        "f" + row.id, (_columns(_fill_lead(row), "faint", row.question, tail, width, lead_width),)
    )


_STAGES = {"matched": " · pending", "failed": " · failed, taken back"}
"""What a fill's row says while the venue has not settled its trade, or when it never will."""


def _position_lead(row: PositionRow) -> str:
    pending = f" ({words.shares(row.pending)} pending)" if row.pending else ""
    return f"▪ {words.shares(row.size)} {words.plain(row.outcome)}{pending}"


def _order_lead(row: OrderRow) -> str:
    size = words.shares(row.size)
    outcome = words.plain(row.outcome)
    return f"{row.side.upper()} {outcome} {size} @ {figures.cents(row.price, 1)} {row.kind}"


def _fill_lead(row: FillRow) -> str:
    done = "bought" if row.side == "buy" else "sold"
    return f"{words.clock(row.at_ns)} {done} {words.shares(row.size)} {words.plain(row.outcome)}"


def _columns(lead: str, role: str, question: str, tail: Line, width: int, lead_width: int) -> Line:
    """Deal, question and numbers; on a narrow page the question gives way, never a number."""
    lead = words.plain(lead)
    lead_width = max(lead_width, cell_len(lead))
    room = width - lead_width - sum(cell_len(text) for text, _ in tail) - 4
    asked = "  " + words.fit(question, room) + "  " if room >= _QUESTION_MIN else "  "
    return ((words.fit(lead, lead_width), role), (asked, ""), *tail)
