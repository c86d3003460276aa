"""A ledger read by one-shot commands: it never writes, whether an engine runs or not.

Where none runs a copy is read, since even a connection that only reads leaves files behind.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from feeds.events import Fill, OrderState, OrderUpdate
from feeds.markets import Money
from strategies.decisions import OrderIntent, Skipped, Suggestion
from strategies.portfolio import Portfolio
from terminal.ledger import inspection, past, store
from terminal.ledger.book import BUSY_S
from terminal.ledger.past import Rebuilt
from terminal.ledger.sidecar import engine_runs, read_witness
from terminal.ledger.store import LedgerError, translated
from terminal.ledger.tables import CODECS, VERSION, Codec, SessionStart

ROWS_MAX = 1_000
T = TypeVar("T")


class OrderKept(msgspec.Struct, frozen=True):
    """An order's intent and the newest word on it, None when nothing was heard."""

    intent: OrderIntent
    update: OrderUpdate | None = None

    @property
    def state(self) -> OrderState:
        return self.update.state if self.update is not None else OrderState.INTENDED


class SignalKept(msgspec.Struct, frozen=True):
    """A suggestion and how it ended, "" while it is open."""

    suggestion: Suggestion
    how: str = ""


class LedgerReader:
    """Reads a ledger's newest rows. Close it, or use it in a ``with``."""

    def __init__(self, path: str | Path, *, busy_s: float = BUSY_S) -> None:
        """Raises :class:`LedgerError` when there is none, or none that can be read."""
        self.path = Path(path).absolute()
        if not self.path.exists():
            raise LedgerError(f"{self.path}: there is no ledger yet: `ftt` or `ftt bot` makes one")
        store.check_file(self.path)
        with translated(self.path), contextlib.ExitStack() as undo:
            self._connection = undo.enter_context(self._connected(busy_s))
            store.check_identity(self._connection, self.path, VERSION)
            store.check_pages(self._connection, self.path)
            self._undo = undo.pop_all()

    def __enter__(self) -> "LedgerReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._undo.close()

    def _connected(self, busy_s: float) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """To the ledger itself beside an engine; where none runs SQLite would leave traces."""
        if engine_runs(self.path):
            return contextlib.closing(store.connect(self.path, busy_s, read_only=True))
        return inspection.on_a_copy(self.path, busy_s)

    def verify(self) -> int:
        """Check every page and every row; returns how many rows there are."""
        witness = read_witness(self.path)  # before the rows: it may lag behind them, never lead

        def look() -> int:
            store.check_integrity(self._connection, self.path)
            return past.verify(self._connection, self.path, witness)[0]

        return self._at_once(look)

    def rebuild(self) -> Rebuilt:
        """All that the ledger knows of money."""
        return self._at_once(lambda: past.rebuild(self._connection, self.path))

    def portfolio(self, starting_cash: Money = 0) -> Portfolio:
        """Positions and cash from all fills and resolutions.

        ``starting_cash`` holds in a ledger where no cash ever came in.
        """
        return self.rebuild().portfolio(starting_cash)

    def orders(self, most: int = ROWS_MAX) -> list[OrderKept]:
        """The newest orders, newest first."""
        intents, updates = CODECS[OrderIntent], CODECS[OrderUpdate]
        # SQLite takes the other columns of a group from the row that has its maximum
        newest = f"SELECT {updates.table.quoted}, MAX(seq) FROM order_updates GROUP BY order_id"  # noqa: S608 - our own names

        def look() -> list[OrderKept]:
            words = [updates.record(values[:-1]) for values in self._connection.execute(newest)]
            heard = {update.order_id: update for update in words}
            kept = (intents.record(values) for values in self._newest(intents, most))
            return [OrderKept(intent, heard.get(intent.order_id)) for intent in kept]

        return self._at_once(look)

    def fills(self, most: int = ROWS_MAX) -> list[Fill]:
        """The newest fills, newest first."""
        codec = CODECS[Fill]
        return self._at_once(lambda: [codec.record(v) for v in self._newest(codec, most)])

    def signals(self, most: int = ROWS_MAX) -> list[SignalKept]:
        """The newest suggestions and how each ended, newest first."""
        codec = CODECS[Suggestion]
        ends = "SELECT how FROM suggestions_over WHERE suggestion_id = ?"

        def look() -> list[SignalKept]:
            kept = []
            for values in self._newest(codec, most):
                suggestion = codec.record(values)
                found = self._connection.execute(ends, (suggestion.id,)).fetchone()
                kept.append(SignalKept(suggestion, found[0] if found else ""))
            return kept

        return self._at_once(look)

    def skipped(self, most: int = ROWS_MAX) -> list[Skipped]:
        """The newest trades decided against, newest first."""
        codec = CODECS[Skipped]
        return self._at_once(lambda: [codec.record(v) for v in self._newest(codec, most)])

    def sessions(self, most: int = ROWS_MAX) -> list[SessionStart]:
        """The newest sessions, newest first."""
        codec = CODECS[SessionStart]
        return self._at_once(lambda: [codec.record(v) for v in self._newest(codec, most)])

    def _newest(self, codec: Codec, most: int) -> list[tuple[object, ...]]:
        table = codec.table
        query = f"SELECT {table.quoted} FROM {table.name} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - our own names
        return self._connection.execute(query, (min(most, ROWS_MAX),)).fetchall()

    def _at_once(self, look: Callable[[], T]) -> T:
        """Everything that ``look`` reads is as of one moment."""
        try:
            with translated(self.path), store.transaction(self._connection, "BEGIN"):
                return look()
        except ValueError as error:
            raise LedgerError(f"{self.path}: {store.DAMAGED} [{error}]") from error
