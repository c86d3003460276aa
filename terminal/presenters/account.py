"""Orders, positions and fills as rows, whether an engine holds them or the ledger alone."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from feeds.events import Fill, OrderState
from feeds.figures import shares
from feeds.markets import Market
from strategies.desk.orders import OrderRecord
from strategies.fills import QUEUE_UNKNOWN
from strategies.portfolio import Portfolio, Position
from terminal.protocol.views import FillRow, OrderRow, PositionRow, StoryRow

ALIVE = frozenset(state.value for state in OrderState if not state.over)
"""States in which an order may still fill."""
Markets = Mapping[str, Market]
Row = TypeVar("Row")


def with_words(
    rows: Iterable[Row], words: str, most: int, text: Callable[[Row], str]
) -> tuple[Row, ...]:
    """The first rows whose text holds every word asked for, as many as may be shown."""
    wanted = words.casefold().split()
    found: list[Row] = []
    for row in rows:
        if len(found) == most:
            break
        folded = text(row).casefold()
        if all(word in folded for word in wanted):
            found.append(row)
    return tuple(found)


def story_words(row: StoryRow) -> str:
    """What a story is found by."""
    return f"{row.title} {row.source} {row.lead_question}"


def story_named(ids: Collection[str], wanted: str) -> tuple[str, str]:
    """The id that was meant, whole or by its beginning, and "", or what is wrong."""
    if wanted in ids:
        return wanted, ""
    found = [id for id in ids if wanted and id.startswith(wanted)][:2]
    if len(found) == 1:
        return found[0], ""
    if found:
        return "", f"more than one story's id begins with {wanted!r}: give more of it"
    return "", f"no story has the id {wanted!r}: `ftt news` lists them"


def order_words(row: OrderRow) -> str:
    """What an order is found by."""
    return f"{row.order_id} {row.question} {row.state}"


def position_words(row: PositionRow) -> str:
    """What a position is found by."""
    return f"{row.question} {row.outcome}"


def fill_words(row: FillRow) -> str:
    """What a fill is found by."""
    return f"{row.question} {row.order_id}"


def question_of(known: Market | None) -> str:
    return known.question if known is not None else "a market we no longer know"


def outcome_of(known: Market | None, asset_id: str) -> str:
    return known.outcome(asset_id).name if known is not None and asset_id in known.assets else ""


def position_rows(portfolio: Portfolio, markets: Markets) -> tuple[PositionRow, ...]:
    """What is held, dearest first."""
    rows = [_position(portfolio, markets, position) for position in portfolio.open_positions()]
    return tuple(sorted(rows, key=lambda row: (-row.value, row.asset_id)))


def _position(portfolio: Portfolio, markets: Markets, position: Position) -> PositionRow:
    known = markets.get(position.condition_id)
    mark = portfolio.marks[position.asset_id]
    value = position.worth(mark)
    return PositionRow(
        condition_id=position.condition_id,
        asset_id=position.asset_id,
        question=question_of(known),
        outcome=outcome_of(known, position.asset_id),
        size=position.size,
        cost=position.cost,
        average=position.average,
        mark=mark,
        value=value,
        unrealised=value - position.cost,
        realised=position.realised,
        pending=portfolio.pending(position.asset_id),
    )


def order_rows(records: Iterable[OrderRecord], markets: Markets) -> tuple[OrderRow, ...]:
    """Open orders first, then the others, newest first."""
    rows = [_order(record, markets) for record in records]
    return tuple(sorted(rows, key=lambda row: (row.state not in ALIVE, -row.at_ns, row.order_id)))


def _order(record: OrderRecord, markets: Markets) -> OrderRow:
    intent = record.intent
    known = markets.get(intent.condition_id)
    return OrderRow(
        order_id=intent.order_id,
        at_ns=intent.at_ns,
        condition_id=intent.condition_id,
        asset_id=intent.asset_id,
        question=question_of(known),
        outcome=outcome_of(known, intent.asset_id),
        side=intent.side.value,
        price=intent.price,
        size=intent.size,
        filled=record.filled,
        kind=intent.kind.value,
        state="failed" if record.failed and record.over else record.state.value,
        reason=_reason(record),
        origin=intent.strategy or "you",
        queue_ahead=None if record.queue_ahead == QUEUE_UNKNOWN else record.queue_ahead,
        failed=record.failed,
        venue_id=record.venue_id,
    )


def _reason(record: OrderRecord) -> str:
    if not record.failed:
        return record.reason
    gone = shares(record.failed)
    return f"{gone} shares were matched and did not settle: they are taken back"


def fill_rows(fills: Iterable[Fill], portfolio: Portfolio, markets: Markets) -> Iterable[FillRow]:
    """Fills as rows, in their order."""
    return (_fill(fill, portfolio, markets) for fill in fills)


def _fill(fill: Fill, portfolio: Portfolio, markets: Markets) -> FillRow:
    known = markets.get(fill.condition_id)
    stage = portfolio.stage(fill.id)
    return FillRow(
        id=fill.id,
        at_ns=fill.at_ns,
        order_id=fill.order_id,
        condition_id=fill.condition_id,
        asset_id=fill.asset_id,
        question=question_of(known),
        outcome=outcome_of(known, fill.asset_id),
        side=fill.side.value,
        price=fill.price,
        size=fill.size,
        fee=fill.fee,
        liquidity=fill.liquidity.value,
        stage=stage.value if stage is not None else "",
    )
