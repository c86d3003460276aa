"""Reading a ledger: is it whole, and what does it say?"""

import heapq
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from feeds.events import (
    Fill,
    FillSettled,
    KillSwitch,
    MarketResolved,
    OrderSealed,
    OrderSent,
    OrderState,
    OrderUpdate,
)
from feeds.markets import Money, Nanos, Side
from strategies.decisions import Holding, OrderIntent, Remembered, Suggestion
from strategies.portfolio import Portfolio, Recalled
from terminal.ledger.sidecar import beside
from terminal.ledger.store import DAMAGED, LedgerError
from terminal.ledger.tables import (
    CODECS,
    NO_DIGEST,
    TABLES,
    Deposit,
    Place,
    SessionStart,
    Table,
    chained,
)

PRECEDENTS_MAX = 3_000
"""Precedents of earlier sessions that a session begins with, the newest."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """All that the ledger knows of money, in the order in which it was booked.

    ``cash_start`` is None in a ledger where no cash ever came in. ``states`` holds the newest word
    on each order that was heard of; one without is still INTENDED. ``seals`` are the final forms of
    orders: one without never left, and one that is not among ``sent`` may have. ``past`` are fills,
    what became of them, and resolutions together, as a portfolio wants them. ``precedents`` are the
    newest of what stories did to odds, oldest first. ``rows`` and ``as_of_ns`` are the number and
    the newest time of those rows that money hangs on. ``place`` is where the ledger lay when the
    last session began, "" where none said. ``owners`` are the strategies of orders that filled, by
    order id, and ``holdings`` what each strategy bought last of an asset.
    """

    cash_start: Money | None = None
    intents: tuple[OrderIntent, ...] = ()
    seals: dict[str, OrderSealed] = {}
    sent: frozenset[str] = frozenset()
    states: dict[str, OrderUpdate] = {}
    fills: tuple[Fill, ...] = ()
    resolutions: tuple[MarketResolved, ...] = ()
    past: tuple[Recalled, ...] = ()
    killed: bool = False
    next_session: int = 1
    rows: int = 0
    precedents: tuple[Remembered, ...] = ()
    as_of_ns: Nanos = 0
    place: str = ""
    owners: dict[str, str] = {}
    holdings: tuple[Holding, ...] = ()

    def state(self, order_id: str) -> OrderState:
        """Where an order stood when the ledger last heard of it."""
        update = self.states.get(order_id)
        return update.state if update is not None else OrderState.INTENDED

    def portfolio(self, starting_cash: Money = 0) -> Portfolio:
        """Positions and cash. ``starting_cash`` holds in a ledger where no cash ever came in."""
        portfolio = Portfolio(starting_cash if self.cash_start is None else self.cash_start)
        for fact in self.past:
            portfolio.recall(fact)
        return portfolio

    @property
    def open_intents(self) -> tuple[OrderIntent, ...]:
        """Orders that were not over: a restart has to find out what became of them."""
        return tuple(intent for intent in self.intents if not self.state(intent.order_id).over)


def rows_in_order(
    connection: sqlite3.Connection, *, money: bool = False
) -> Iterator[tuple[Any, ...]]:
    """The chain's rows by their number: (seq, table's number, values..., digest).

    ``money`` leaves out those that no money hangs on.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]

    def of(number: int, table: Table) -> Iterator[tuple[Any, ...]]:
        for row in connection.execute(CODECS[table.record].select):
            yield (row[0], number, *row[1:])

    return heapq.merge(
        *(
            of(number, table)
            for number, table in enumerate(TABLES)
            if max(table.since, table.chained_since) <= version and (table.money or not money)
        )
    )


def verify(
    connection: sqlite3.Connection, path: Path, witness: tuple[int, bytes] | None
) -> tuple[int, bytes]:
    """Follow the chain from the first row to the last; returns the last's number and digest.

    Raises :class:`LedgerError` when a row is missing or changed, or when the ledger knows less
    than its witness saw acknowledged.
    """
    seq, digest = 0, NO_DIGEST
    witnessed = witness is None or witness == (0, NO_DIGEST)
    for number, table, *values, kept in rows_in_order(connection):
        if number != seq + 1:
            raise LedgerError(f"{path}: {DAMAGED} [row {seq + 1} is missing]")
        seq, digest = number, chained(digest, number, TABLES[table].name, values)
        if digest != kept:
            raise LedgerError(f"{path}: {DAMAGED} [row {seq} is not as it was written]")
        witnessed = witnessed or witness == (seq, digest)
    if not witnessed:
        assert witness is not None
        raise LedgerError(
            f"{path}: ends at row {seq}, but row {witness[0]} was acknowledged: newer rows were "
            f"lost, or this is an older copy; put the right files back (with the one that ends in "
            f"-wal), or remove {beside(path, '.witness').name} to go on from this one"
        )
    return seq, digest


def rebuild(connection: sqlite3.Connection, path: Path) -> Rebuilt:
    """Read everything back into the records it was made of."""
    past: list[Recalled] = []
    intents: list[OrderIntent] = []
    seals: dict[str, OrderSealed] = {}
    sent: set[str] = set()
    states: dict[str, OrderUpdate] = {}
    cash: Money | None = None
    killed, session, rows, as_of_ns, place = False, 0, 0, 0, ""
    for record in _records(connection, path):
        rows += 1
        as_of_ns = max(as_of_ns, record.at_ns)
        match record:
            case OrderIntent():
                intents.append(record)
            case OrderSealed():
                seals[record.order_id] = record
            case OrderSent():
                sent.add(record.order_id)
            case OrderUpdate():
                states[record.order_id] = record
            case Fill() | FillSettled() | MarketResolved():
                past.append(record)
            case Deposit():
                cash = (cash or 0) + record.amount
            case KillSwitch():
                killed = record.on
            case SessionStart():
                session = max(session, record.number)
            case Place():
                place = record.path
    ours = {one.order_id: one for one in intents if one.strategy}
    filled = [one for one in past if isinstance(one, Fill) and one.order_id in ours]
    return Rebuilt(
        cash_start=cash,
        intents=tuple(intents),
        seals=seals,
        sent=frozenset(sent),
        states=states,
        fills=tuple(record for record in past if isinstance(record, Fill)),
        resolutions=tuple(record for record in past if isinstance(record, MarketResolved)),
        past=tuple(past),
        killed=killed,
        next_session=session + 1,
        rows=rows,
        precedents=_precedents(connection, path),
        as_of_ns=as_of_ns,
        place=place,
        owners={fill.order_id: ours[fill.order_id].strategy for fill in filled},
        holdings=_holdings(connection, path, ours, filled),
    )


def _holdings(
    connection: sqlite3.Connection, path: Path, ours: dict[str, OrderIntent], filled: list[Fill]
) -> tuple[Holding, ...]:
    """The newest purchase by strategy and asset, with what its suggestion said of it."""
    newest = {
        (ours[fill.order_id].strategy, fill.asset_id): fill
        for fill in filled
        if fill.side is Side.BUY
    }
    table = CODECS[Suggestion].table
    query = f"SELECT {table.quoted} FROM {table.name} WHERE id = ?"  # noqa: S608 - our own names
    holdings = []
    for (strategy, asset_id), fill in newest.items():
        holding = Holding(
            strategy=strategy,
            condition_id=fill.condition_id,
            asset_id=asset_id,
            since_ns=fill.at_ns,
            price=fill.price,
        )
        found = connection.execute(query, (ours[fill.order_id].origin,)).fetchone()
        if found is not None:
            try:
                said: Suggestion = CODECS[Suggestion].record(found)
            except ValueError as error:
                raise LedgerError(f"{path}: {DAMAGED} [a suggestion: {error}]") from error
            holding = replace(holding, story_id=said.story_id, edge=said.edge)
        holdings.append(holding)
    return tuple(holdings)


def _precedents(connection: sqlite3.Connection, path: Path) -> tuple[Remembered, ...]:
    """The newest, oldest first; none in a ledger from before there were any."""
    table = CODECS[Remembered].table
    if connection.execute("PRAGMA user_version").fetchone()[0] < table.since:
        return ()
    query = f"SELECT {table.quoted} FROM {table.name} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - our own names
    rows = connection.execute(query, (PRECEDENTS_MAX,)).fetchall()
    try:
        return tuple(CODECS[Remembered].record(values) for values in reversed(rows))
    except ValueError as error:
        raise LedgerError(f"{path}: {DAMAGED} [a precedent: {error}]") from error


def _records(connection: sqlite3.Connection, path: Path) -> Iterator[Any]:
    for seq, table, *values, _ in rows_in_order(connection, money=True):
        try:
            yield CODECS[TABLES[table].record].record(values)
        except ValueError as error:
            raise LedgerError(f"{path}: {DAMAGED} [row {seq}: {error}]") from error
