"""The ticket: an order in the making, with the engine's word on what it would do."""

import itertools
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from textual import events

from terminal.protocol.views import Done, TicketView
from terminal.tui import words
from terminal.tui.screens.card import HELD_BACK_S, Card, kills
from terminal.tui.ticket_form import Ticket
from terminal.tui.widgets.pane import Line

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade

ASK_AGAIN_S = 1.0
ASK_AFTER_S = 0.08
ANSWER_WITHIN_S = 5.0
_LABEL = 12
_preview_ids = itertools.count(1)


class TicketCard(Card[None]):
    """Edit, confirm with ``y``, wait for the engine's answer. ``stage`` says which of them."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__()
        self.ticket = ticket
        self.stage = "edit"
        self.view: TicketView | None = None
        self.answer: Done | None = None
        self._asked = ""
        self._current = False
        self._since = time.monotonic()
        self._order_id = ""

    @property
    def face(self) -> "FitToTrade":
        return cast("FitToTrade", self.app)

    def on_mount(self) -> None:
        super().on_mount()
        self._ask_soon()
        self.set_interval(ASK_AGAIN_S, self._tick)

    # -- the engine's word -----------------------------------------------------------------

    def _ask_soon(self) -> None:
        self._current, self._since = False, time.monotonic()
        self.set_timer(ASK_AFTER_S, partial(self._ask, self.ticket.preview("")))
        self.redraw()

    def _ask(self, wanted: object = None) -> None:
        if wanted is not None and wanted != self.ticket.preview(""):
            return  # more was typed since
        if self.ticket.wrong or self.stage == "sent":
            return
        self._asked = f"preview-{next(_preview_ids)}"
        self.face.link.send(self.ticket.preview(self._asked))

    def _tick(self) -> None:
        if self.face.seen.market is not None:
            self.ticket.refresh(self.face.seen.market)
        if self.stage in ("edit", "confirm"):
            self._ask()
        self.redraw()

    def take_preview(self, view: TicketView) -> None:
        """The engine said what the order would do."""
        if view.id == self._asked:
            self.view, self._current = view, True
            self.redraw()

    def take_done(self, done: Done) -> bool:
        """The engine answered the order; True when it was this ticket's."""
        if done.id != self._order_id:
            return False
        self.answer = done
        if done.outcome == "done":
            self.dismiss(None)
        else:
            self.stage = "answered"
            self.redraw()
        return True

    # -- keys ------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if event.key in ("ctrl+c", "ctrl+q"):
            return
        event.stop()
        event.prevent_default()
        if kills(self, event):
            return
        getattr(self, f"_key_while_{self.stage}")(event)

    def _key_while_edit(self, event: events.Key) -> None:
        ticket = self.ticket
        before = ticket.preview("")
        character = event.character or ""
        if event.key == "escape":
            self.dismiss(None)
            return
        if event.key == "enter":
            self._to_confirm()
            return
        moves: dict[str, Callable[[], object]] = {
            "up": partial(ticket.step_price, 1),
            "down": partial(ticket.step_price, -1),
            "left": partial(ticket.turn, -1),
            "right": partial(ticket.turn, 1),
            "tab": partial(ticket.next_field, 1),
            "shift+tab": partial(ticket.next_field, -1),
            "backspace": ticket.rub_out,
            "b": partial(ticket.turn_side, "buy"),
            "s": partial(ticket.turn_side, "sell"),
            "o": self._turn("outcome"),
            "l": self._turn("kind"),
            "u": ticket.turn_unit,
        }
        if event.key in moves:
            moves[event.key]()
        elif character.isascii() and (character.isdigit() or character == "."):
            ticket.type(character)
        if ticket.preview("") == before:
            self.redraw()
        else:
            self._ask_soon()

    def _turn(self, field: str) -> "partial[None]":
        def turn() -> None:
            kept, self.ticket.at = self.ticket.at, field
            self.ticket.turn(1)
            self.ticket.at = kept

        return partial(turn)

    def _to_confirm(self) -> None:
        self.ticket.settle()
        if self.view is None or not self._current or self.view.denial or self.ticket.wrong:
            self.redraw()
            return
        self.stage, self._since = "confirm", time.monotonic()
        self.set_timer(HELD_BACK_S, self.redraw)
        self.redraw()

    def _key_while_confirm(self, event: events.Key) -> None:
        if event.key == "enter" or time.monotonic() - self._since < HELD_BACK_S:
            return
        if event.key == "y":
            self._place()
        else:
            self.stage = "edit"
            self._ask_soon()

    def _place(self) -> None:
        order = self.ticket.order(self.face.new_id())
        self._order_id = order.id
        self.stage, self._since = "sent", time.monotonic()
        if not self.face.command(order, self._deal()):
            gone = "The engine has gone: nothing was sent."
            self.answer = Done(id=order.id, outcome="denied", message=gone)
            self.stage = "answered"
        self.redraw()

    def _key_while_sent(self, event: events.Key) -> None:
        if event.key == "escape":
            self.dismiss(None)

    def _key_while_answered(self, event: events.Key) -> None:
        if event.key == "escape":
            self.dismiss(None)
        elif event.key == "enter" and self.answer and self.answer.outcome in ("denied", "refused"):
            self.stage, self.answer = "edit", None
            self._ask_soon()

    # -- what it says ----------------------------------------------------------------------

    def _deal(self) -> str:
        ticket = self.ticket
        bound = "≤" if ticket.side == "buy" else "≥"
        price = words.cents(ticket.price, ticket.tick)
        what = f"{ticket.side.upper()} {words.shares(ticket.size)} {ticket.book.outcome}"
        return f"{what} at {bound}{price}¢"

    def lines(self, width: int) -> list[Line]:
        ticket = self.ticket
        status = self.face.seen.status
        mode = status.mode if status else ""
        name = f"{ticket.side.upper()} {words.plain(ticket.book.outcome)}"
        gap = " " * max(1, width - cell_len(name) - len(mode) - 10)
        badge = (f" {mode} ", "live") if mode == "LIVE" else (f" {mode} ", "bold")
        lines: list[Line] = [(("TICKET  ", "bold focus"), (name, "bold"), (gap, ""), badge)]
        lines += [((line, "faint"),) for line in words.wrap(ticket.market.question, width, 2)]
        lines += [(), *self._fields(), (("─" * width, "rule"),), *self._preview(width)]
        return [*lines, (("─" * width, "rule"),), *self._foot(width)]

    def _fields(self) -> list[Line]:
        ticket = self.ticket
        held = f"{words.shares(ticket.book.held)} held" if ticket.book.held else "none held"
        price = ticket.price_typed or words.cents(ticket.price, ticket.tick)
        asks, bids = ticket.book.asks, ticket.book.bids
        bid = words.cents(bids[0].price, ticket.tick) if bids else words.FLAT
        ask = words.cents(asks[0].price, ticket.tick) if asks else words.FLAT
        unit = "dollars" if ticket.in_dollars else "shares"
        quick = " ".join(f"[{q}]" if q == ticket.typed else q for q in ticket.quick_sizes())
        kind = "market (takes, never rests)" if ticket.is_market else "limit (the rest waits)"
        label = "at worst" if ticket.is_market else "price"
        return [
            self._field("outcome", "outcome", ticket.book.outcome, f"o swaps · {held}"),
            self._field("kind", "kind", kind, "l changes"),
            self._field(
                "price", label, f"{price}¢", f"↑ ↓ {words.tick_words(ticket.tick)} · {bid} / {ask}"
            ),
            self._field("size", "size", f"{ticket.typed or '_'} {unit}", self._size_note(quick)),
        ]

    def _size_note(self, quick: str) -> str:
        ticket = self.ticket
        if ticket.in_dollars:
            return f"≈ {words.shares(ticket.size)} shares · u unit"
        return f"← → {quick}" if quick else ""

    def _field(self, name: str, label: str, value: str, note: str) -> Line:
        here = self.stage == "edit" and self.ticket.at == name
        return (
            ("▌" if here else " ", "focus"),
            (f"{label:<{_LABEL - 3}}", "faint"),
            (words.plain(value), "bold focus" if here else "bold"),
            ("  " + words.plain(note), "faint"),
        )

    def _preview(self, width: int) -> list[Line]:
        if self.ticket.wrong:
            return [((line, "down"),) for line in words.wrap(self.ticket.wrong, width)]
        if self.view is None or not self._current:
            waited = time.monotonic() - self._since
            said = "asking what this would do"
            if waited > ANSWER_WITHIN_S:
                said = (
                    f"No answer for {words.age(waited)}: nothing can be confirmed until the"
                    " engine says what it would cost."
                )
            return [((line, "faint"),) for line in words.wrap(said, width)]
        return self._figures(self.view, width)

    def _figures(self, view: TicketView, width: int) -> list[Line]:
        buys = self.ticket.side == "buy"
        tick = self.ticket.tick
        average = words.cents(view.average, 1) + "¢" if view.average is not None else words.FLAT
        slip = f"{view.slippage_cents:.2f}¢" if view.slippage_cents is not None else words.FLAT
        worst = words.cents(view.worst, tick) + "¢" if view.worst is not None else words.FLAT
        lines = [
            _figure("fills now", words.shares(view.fills_now), "average", average),
            _figure("rests", words.shares(view.rests), "worst price", worst),
            _figure("cancelled", words.shares(view.cancelled), "slippage", slip),
            _figure(
                "cost now" if buys else "brings now",
                words.money(view.cost),
                "of it fee",
                words.money(view.fee),
            ),
            _figure(
                "at worst", words.money(view.worst_cost), "pays if right", words.money(view.payoff)
            ),
        ]
        if view.note:
            lines += [((line, "faint"),) for line in words.wrap(view.note, width, 2)]
        if view.denial:
            lines += [
                ((line, "bold down"),) for line in words.wrap("Denied: " + view.denial, width, 3)
            ]
        return lines

    def _foot(self, width: int) -> list[Line]:
        says = {"edit": self._foot_edit, "confirm": self._foot_confirm, "sent": self._foot_sent}
        return says.get(self.stage, self._foot_answered)(width)

    def _foot_edit(self, width: int) -> list[Line]:
        ready = (
            self._current
            and self.view is not None
            and not self.view.denial
            and not self.ticket.wrong
        )
        go = ("⏎ review", "bold" if ready else "faint")
        return [(go, ("   esc away   b s side   tab field", "faint"))]

    def _foot_confirm(self, width: int) -> list[Line]:
        status = self.face.seen.status
        mode = status.mode if status else ""
        live = mode == "LIVE"
        deal = words.wrap(f"{self._deal()}?", width - 8, 2)
        ready = time.monotonic() - self._since >= HELD_BACK_S
        lines: list[Line] = [((f" {mode} ", "live" if live else "bold"), (" " + deal[0], "bold"))]
        lines += [((line, "bold"),) for line in deal[1:]]
        place = "y place it" + (" with real money" if live else " with paper money")
        return [
            *lines,
            (
                (place, "bold focus" if ready else "faint"),
                ("   n no (default)", "faint"),
            ),
        ]

    def _foot_sent(self, width: int) -> list[Line]:
        waited = time.monotonic() - self._since
        said = "Sent; waiting for the answer."
        if waited > ANSWER_WITHIN_S:
            said = (
                f"No answer for {words.age(waited)}: the order may be there or not. Look at ORDERS"
                " before trying again. esc puts this away."
            )
        return [((line, "bold"),) for line in words.wrap(said, width, 3)]

    def _foot_answered(self, width: int) -> list[Line]:
        assert self.answer is not None
        said = f"{self.answer.outcome.capitalize()}: {self.answer.message}"
        lines: list[Line] = [((line, "bold down"),) for line in words.wrap(said, width, 4)]
        again = "⏎ change it   " if self.answer.outcome in ("denied", "refused") else ""
        return [*lines, ((again + "esc away", "faint"),)]


def _figure(name: str, value: str, other: str, other_value: str) -> Line:
    return (
        (f" {name:<11}", "faint"),
        (f"{value:>11}", "bold"),
        (f"   {other:<13}", "faint"),
        (f"{other_value:>10}", "bold"),
    )
