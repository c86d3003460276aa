"""Orders, positions and fills as the ledger left them, for when no engine runs.

Questions and outcomes come from the catalogue on the shelf. Positions are marked at the price of
their last fill: nothing here knows what the books say now.
"""

from dataclasses import dataclass

from feeds.markets import Market, Nanos
from feeds.polymarket.catalogue_store import CatalogueStore, CatalogueStoreError
from strategies.desk.orders import OrderRecord
from strategies.portfolio import Portfolio
from terminal.engine.earlier import records
from terminal.ledger import LedgerReader, Rebuilt
from terminal.presenters.account import (
    ALIVE,
    fill_rows,
    fill_words,
    order_rows,
    order_words,
    position_rows,
    position_words,
    with_words,
)
from terminal.protocol.views import Query, Rows
from terminal.stores.paths import CATALOGUE_SHELF, Paths


@dataclass(frozen=True)
class OfflineAnswer:
    """The answer to a query, and the newest time that the ledger tells."""

    rows: Rows
    as_of_ns: Nanos


def answer(paths: Paths, query: Query) -> OfflineAnswer:
    """Rows of orders, positions or fills; raises ``LedgerError`` where there is no ledger."""
    with LedgerReader(paths.ledger) as reader:
        rebuilt = reader.rebuild()
    markets, portfolio = _markets(paths), rebuilt.portfolio()
    most, words = query.most, query.text
    rows = Rows(id=query.id)
    if query.what == "orders":
        orders = order_rows(_records(rebuilt, portfolio), markets)
        rows = Rows(id=query.id, orders=with_words(orders, words, most, order_words))
    elif query.what == "positions":
        held = position_rows(portfolio, markets)
        rows = Rows(id=query.id, positions=with_words(held, words, most, position_words))
    else:
        assert query.what == "fills", query.what
        fills = fill_rows(reversed(rebuilt.fills), portfolio, markets)
        rows = Rows(id=query.id, fills=with_words(fills, words, most, fill_words))
    return OfflineAnswer(rows, rebuilt.as_of_ns)


def _markets(paths: Paths) -> dict[str, Market]:
    """The catalogue as it was last shelved; without it markets have no names."""
    try:
        shelved = CatalogueStore(paths.state / CATALOGUE_SHELF, None).load()
    except CatalogueStoreError:
        return {}
    return {market.condition_id: market for market in shelved.markets} if shelved else {}


def _records(rebuilt: Rebuilt, portfolio: Portfolio) -> list[OrderRecord]:
    """Every order with what became of it."""
    known = records(rebuilt, portfolio)
    for record in known:
        if record.state.value in ALIVE:
            record.reason = "no engine runs to look after it"
    return known
