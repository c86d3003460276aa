"""The ledger: SQLite plumbing in ``store``, ``sidecar``, ``inspection``, its meaning in the rest.

``Ledger`` belongs to the one engine that writes; ``LedgerReader`` is for anyone who asks.
"""

from terminal.ledger.book import Ledger
from terminal.ledger.past import Rebuilt
from terminal.ledger.reader import LedgerReader, OrderKept, SignalKept
from terminal.ledger.store import LedgerError
from terminal.ledger.tables import Deposit, Place, Record, SessionStart

__all__ = [
    "Deposit",
    "Ledger",
    "LedgerError",
    "LedgerReader",
    "OrderKept",
    "Place",
    "Rebuilt",
    "Record",
    "SessionStart",
    "SignalKept",
]
