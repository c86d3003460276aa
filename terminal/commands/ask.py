"""One-shot questions and orders to a running engine: a table for people, JSON for programs.

What concerns money is answered from the ledger when no engine runs, with the time as of which it
holds.
"""

import argparse
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from feeds import figures
from feeds.markets import ONE, Nanos
from terminal.cli import DONE, FAILED, REFUSED, CommandError
from terminal.commands import out
from terminal.commands.common import ANSWER_WITHIN_S, ask, ask_if_running
from terminal.presenters import times
from terminal.protocol.views import (
    CancelOrder,
    Command,
    Done,
    FillRow,
    FromEngine,
    Kill,
    MarketRow,
    MarketView,
    OrderRow,
    PositionRow,
    Query,
    Rows,
    SignalRow,
    StatusView,
)
from terminal.stores.paths import Paths


def _id() -> str:
    return uuid.uuid4().hex


def query_of(arguments: argparse.Namespace, what: str) -> Query:
    """A question for rows; bad usage where they would be too many, or none."""
    if not 1 <= arguments.most <= 500:
        raise CommandError(f"--most: expected 1 to 500, found {arguments.most}", 2)
    return Query(id=_id(), what=what, text=" ".join(arguments.words), most=arguments.most)


def _rows(arguments: argparse.Namespace, what: str) -> Rows:
    return _read(ask(query_of(arguments, what)))


def _read(answer: FromEngine) -> Rows:
    if isinstance(answer, Done):
        raise CommandError(answer.message)
    assert isinstance(answer, Rows)
    return answer


def _rows_of_money(arguments: argparse.Namespace, what: str) -> tuple[Rows, Nanos]:
    """From the engine, or from the ledger with the time as of which it holds; else 0."""
    query = query_of(arguments, what)
    answer = ask_if_running(query)
    if answer is not None:
        return _read(answer), 0
    from terminal.ledger import LedgerError
    from terminal.server.offline import answer as from_ledger

    try:
        kept = from_ledger(Paths.find(), query)
    except LedgerError as error:
        raise CommandError(f"no engine runs, and {error}") from error
    return kept.rows, kept.as_of_ns


Cells = Callable[[Any], Sequence[str]]


def show(
    arguments: argparse.Namespace,
    rows: Iterable[Any],
    columns: Sequence[str],
    cells: Cells,
    empty: str,
    as_of_ns: Nanos = 0,
    whence: str = "from the ledger; marks are prices of last fills",
) -> int:
    """Rows as a table or as JSON; ``as_of_ns`` and ``whence`` are said of those that were kept."""
    if as_of_ns:
        out.talk(f"no engine runs: as of {times.iso(as_of_ns)}, {whence}")
    if arguments.json:
        as_of = {"as_of": times.iso(as_of_ns)} if as_of_ns else {}
        for row in rows:
            out.data(plain(row) | as_of)
    else:
        words = " ".join(arguments.words)
        nothing = f"nothing here has the words {words!r}" if words else empty
        out.table(columns, [cells(row) for row in rows], nothing)
    return DONE


_EXACT = {"price", "limit", "best_bid", "best_ask", "average", "mark", "tick_size", "spread"}
_MONEY = {"cost", "value", "unrealised", "realised", "fee", "cash", "equity", "today"}
_SIZES = {"size", "filled", "failed", "pending", "queue_ahead", "held", "own", "min_order_size"}


def plain(row: Any) -> Any:
    """A view as JSON people expect: dollars and shares as exact strings, times in ISO 8601."""
    if isinstance(row, msgspec.Struct):
        return {
            name.removesuffix("_ns"): _plain(name, getattr(row, name))
            for name in row.__struct_fields__
        }
    if isinstance(row, tuple):
        return [plain(item) for item in row]
    return row


def _plain(name: str, value: Any) -> Any:
    if name.endswith("_ns"):
        return times.iso(value) if value else None
    if isinstance(value, int) and not isinstance(value, bool):
        if name in _EXACT:
            return figures.plain_price(value)
        if name in _MONEY:
            return figures.plain_dollars(value)
        if name in _SIZES:
            return figures.plain_shares(value)
    return plain(value)


def markets(arguments: argparse.Namespace) -> int:
    """The catalogue, by volume."""

    def cells(row: MarketRow) -> Sequence[str]:
        quote = f"{figures.cents(row.best_bid)} / {figures.cents(row.best_ask)}"
        quoted = quote if row.best_bid > 0 or row.best_ask < ONE else ""
        return (row.question, figures.percent(row.odds), quoted, f"{row.volume:,.0f}", row.state)

    columns = ("question", ">odds", ">bid / ask", ">volume $", "state")
    rows = _rows(arguments, "markets").markets
    return show(arguments, rows, columns, cells, "no market matches")


def book(arguments: argparse.Namespace) -> int:
    """One market's books and prints."""
    answer = ask(Query(id=_id(), what="book", text=arguments.market))
    if isinstance(answer, Done) or not isinstance(answer, Rows) or answer.market is None:
        words = answer.message if isinstance(answer, Done) else "no market matches"
        raise CommandError(words)
    if arguments.json:
        out.data(plain(answer.market))
        return DONE
    _say_book(answer.market)
    return DONE


def _say_book(market: MarketView) -> None:
    out.line(market.question)
    yes = market.yes
    out.line(f"{yes.outcome}  {yes.state}  odds {figures.percent(market.odds)}  {market.fee_words}")
    bids = [(figures.shares(level.size), figures.cents(level.price)) for level in yes.bids]
    asks = [(figures.cents(level.price), figures.shares(level.size)) for level in yes.asks]
    depth = max(len(bids), len(asks))
    bids += [("", "")] * (depth - len(bids))
    asks += [("", "")] * (depth - len(asks))
    rows = [(*bid, *ask) for bid, ask in zip(bids, asks, strict=True)]
    out.table((">size", ">bid", "ask", ">size"), rows, "no order stands in this book")


def orders(arguments: argparse.Namespace) -> int:
    """Open orders first, then the newest of the others."""

    def cells(row: OrderRow) -> Sequence[str]:
        what = f"{row.side} {row.outcome} {figures.shares(row.size)} @ {figures.cents(row.price)}"
        return (row.order_id, row.state, what, figures.shares(row.filled), row.question, row.reason)

    columns = ("order", "state", "what", ">filled", "market", "reason")
    rows, as_of_ns = _rows_of_money(arguments, "orders")
    return show(arguments, rows.orders, columns, cells, "no order yet", as_of_ns)


def positions(arguments: argparse.Namespace) -> int:
    """What is held, and what it is worth."""

    def cells(row: PositionRow) -> Sequence[str]:
        mark = "–" if row.mark is None else figures.cents(row.mark)
        money = (
            figures.dollars_and_cents(row.value),
            figures.dollars_and_cents(row.unrealised, signed=True),
        )
        size, average = figures.shares(row.size), figures.cents(row.average)
        pending = figures.shares(row.pending) if row.pending else ""
        return (row.question, row.outcome, size, pending, average, mark, *money)

    figures_of = (">shares", ">pending", ">average", ">mark", ">value", ">unrealised")
    columns = ("market", "outcome", *figures_of)
    rows, as_of_ns = _rows_of_money(arguments, "positions")
    return show(arguments, rows.positions, columns, cells, "nothing is held", as_of_ns)


def fills(arguments: argparse.Namespace) -> int:
    """What traded, newest first."""

    def cells(row: FillRow) -> Sequence[str]:
        what = f"{row.side} {row.outcome} {figures.shares(row.size)} @ {figures.cents(row.price)}"
        fee = figures.plain_dollars(row.fee)
        stage = _STAGES[row.stage]
        clock = times.clock(row.at_ns)
        return (clock, what, fee, row.liquidity, stage, row.question, row.order_id)

    columns = ("time", "what", ">fee $", "as", "settlement", "market", "order")
    rows, as_of_ns = _rows_of_money(arguments, "fills")
    return show(arguments, rows.fills, columns, cells, "nothing traded yet", as_of_ns)


_STAGES = {"": "", "matched": "pending", "confirmed": "confirmed", "failed": "failed: taken back"}


def signals(arguments: argparse.Namespace) -> int:
    """Suggestions, and trades decided against with the reason."""

    def cells(row: SignalRow) -> Sequence[str]:
        what = ""
        if row.side:
            size, limit = figures.shares(row.size), figures.cents(row.limit)
            what = f"{row.side} {row.outcome} {size} @ {limit}"
        return (
            times.clock(row.at_ns),
            row.strategy,
            row.how or row.state,
            what,
            row.question,
            row.reason,
        )

    columns = ("time", "strategy", "state", "what", "market", "reason")
    rows = _rows(arguments, "signals").signals
    return show(arguments, rows, columns, cells, "no suggestion yet")


def cancel(arguments: argparse.Namespace) -> int:
    """Take one order, or all, off the book."""
    if bool(arguments.order) == arguments.all:
        raise CommandError("name one order's id, or say --all", 2)
    return _act(arguments, CancelOrder(id=_id(), order_id=arguments.order), denied=FAILED)


KILL_WITHIN_S = 60.0
"""An engine that stands still hears the kill switch first when it wakes: that is waited for."""


def kill(arguments: argparse.Namespace) -> int:
    """Cancel everything and take no order until resumed."""
    return _act(arguments, Kill(id=_id(), on=True), within_s=KILL_WITHIN_S)


def status(arguments: argparse.Namespace) -> int:
    """How the engine does: its mode, its lag, what feeds it and what it holds."""
    answer = ask_if_running(Query(id=_id(), what="status"))
    if answer is None:
        if arguments.json:
            out.data({"running": False})
        else:
            out.line("no engine runs: start one with `ftt` or `ftt bot`")
        return FAILED
    found = _read(answer).status
    assert found is not None, "asked for the status"
    if arguments.json:
        out.data({"running": True, **plain(found)})
    else:
        out.line(status_line(found))
    return DONE


def status_line(found: StatusView) -> str:
    """The health of an engine in one line."""
    parts = [f"{found.mode} on {found.venue}"]
    if found.killed:
        parts.append("KILLED: no order leaves")
    parts.append(_lag_words(found))
    sick = [
        f"{one.name}: {one.sentence or one.state}"
        for one in found.streams
        if one.state != "live" and one.name != "engine"
    ]
    live = sum(one.state == "live" for one in found.streams)
    parts.append("; ".join(sick) if sick else f"{live} streams live")
    parts.append(f"{found.books} books, {found.markets} markets, {found.stories} stories")
    parts.append(f"equity {figures.dollars(found.equity)}")
    if found.errors:
        parts.append(f"{found.errors} errors, the last: {found.message}")
    return " ".join(" · ".join(parts).split())


def _lag_words(found: StatusView) -> str:
    """How far it is behind, whether that stops orders, and how often it did."""
    shut = next((one.sentence for one in found.streams if one.name == "engine"), "")
    said = shut or f"{found.behind_ms / 1_000:.1f} s behind"
    if found.behind_times:
        times = "once" if found.behind_times == 1 else f"{found.behind_times} times"
        said += f" (too far {times}, at worst {found.behind_worst_ms / 1_000:.1f} s)"
    return said


def resume(arguments: argparse.Namespace) -> int:
    """Take orders again."""
    return _act(arguments, Kill(id=_id(), on=False))


_CODES = {"done": DONE, "refused": FAILED, "unknown": FAILED}


def _act(
    arguments: argparse.Namespace,
    command: Command,
    denied: int = REFUSED,
    within_s: float = ANSWER_WITHIN_S,
) -> int:
    answer = ask(command, within_s)
    assert isinstance(answer, Done)
    if arguments.json:
        out.data({"outcome": answer.outcome, "message": answer.message})
    else:
        out.line(answer.message or answer.outcome)
    return denied if answer.outcome == "denied" else _CODES.get(answer.outcome, FAILED)
