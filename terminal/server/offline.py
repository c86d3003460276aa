"""Orders, positions and fills as the ledger left them, for when no engine runs.

Questions and outcomes come from the catalogue on the shelf. Positions are marked at the price of
their last fill: nothing here knows what the books say now.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from feeds.events import Fill
from feeds.markets import Market, Nanos
from feeds.polymarket.catalogue_store import CatalogueStore, CatalogueStoreError
from strategies.desk.orders import OrderRecord
from strategies.portfolio import Portfolio
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


def _records(rebuilt: Rebuilt, portfolio: Portfolio) -> Iterable[OrderRecord]:
    """Every order with what became of it."""
    records = {intent.order_id: OrderRecord(intent) for intent in rebuilt.intents}
    for fill in rebuilt.fills:
        if fill.order_id in records:
            _count(records[fill.order_id], fill, portfolio)
    for order_id, record in records.items():
        if order_id in rebuilt.seals:
            record.venue_id = rebuilt.seals[order_id].venue_id
        update = rebuilt.states.get(order_id)
        if update is not None:
            record.state, record.reason = update.state, update.reason
        if record.state.value in ALIVE:
            record.reason = "no engine runs to look after it"
    return records.values()


def _count(record: OrderRecord, fill: Fill, portfolio: Portfolio) -> None:
    record.take(fill)
    if not portfolio.counts(fill.id):
        record.take_back(fill)
