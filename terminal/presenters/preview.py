"""What an order would do now: the answer to a ticket's question, before anything is confirmed."""

from feeds.book import OrderBook
from feeds.events import OrderKind, OrderRequest
from feeds.markets import DOLLAR, SHARE, FeeSchedule, Money, Side, Size, notional
from strategies.desk import Desk
from strategies.fees import fee, fee_ceiling, usable
from strategies.fills import Walk, walk
from strategies.risk import Wanted
from terminal.protocol.views import TicketView


def preview(desk: Desk, wanted: OrderRequest) -> TicketView:
    """How much fills and rests, what it costs and pays, and what the gate would say."""
    market = desk.market_data.markets.get(wanted.condition_id)
    denial = desk.check(as_wanted(wanted))
    said = denial.sentence if denial is not None else ""
    if market is None or wanted.asset_id not in market.assets or not usable(market.fees):
        return TicketView(id=wanted.command_id, denial=said)
    book = desk.market_data.books.get(wanted.asset_id) or OrderBook(wanted.asset_id)
    met = walk(book, wanted.side, wanted.price, wanted.size)
    filled, rests, gone = _split(wanted, met)
    fees = sum(fee(size, price, market.fees) for price, size in met.fills) if filled else 0
    return TicketView(
        id=wanted.command_id,
        fills_now=filled,
        rests=rests,
        cancelled=gone,
        average=round(met.average) if filled and met.average is not None else None,
        worst=met.worst if filled else None,
        cost=_cost(wanted.side, met.notional, fees) if filled else 0,
        worst_cost=_worst_cost(wanted, market.fees),
        fee=fees,
        slippage_cents=_cents(met.slippage) if filled else None,
        payoff=_payoff(wanted, filled + rests),
        denial=said,
        note=_note(wanted, filled, rests, gone),
    )


def as_wanted(request: OrderRequest) -> Wanted:
    """The request as the gate judges it."""
    return Wanted(
        request.condition_id,
        request.asset_id,
        request.side,
        request.price,
        request.size,
        request.kind,
        request.post_only,
    )


def _split(wanted: OrderRequest, met: Walk) -> tuple[Size, Size, Size]:
    """Sizes that fill now, rest, and are cancelled."""
    if wanted.post_only:
        return (0, 0, wanted.size) if met.filled else (0, wanted.size, 0)
    if wanted.kind is OrderKind.GTC:
        return met.filled, met.rests, 0
    if wanted.kind is OrderKind.FOK and met.rests:
        return 0, 0, wanted.size
    return met.filled, 0, met.rests


def _cost(side: Side, paid: Money, fees: Money) -> Money:
    """What a buy pays in all, or what a sale brings in."""
    return paid + fees if side is Side.BUY else paid - fees


def _worst_cost(wanted: OrderRequest, schedule: FeeSchedule) -> Money:
    """The whole order at its limit with the highest fee it can meet."""
    ceiling = (
        0 if wanted.post_only else fee_ceiling(wanted.side, wanted.price, wanted.size, schedule)
    )
    return _cost(wanted.side, notional(wanted.price, wanted.size), ceiling)


def _payoff(wanted: OrderRequest, size: Size) -> Money:
    """What a buy returns if the outcome comes true: a dollar a share."""
    return size * DOLLAR // SHARE if wanted.side is Side.BUY else 0


def _cents(slippage: float | None) -> float | None:
    return None if slippage is None else round(slippage / 100, 2)


def _note(wanted: OrderRequest, filled: Size, rests: Size, gone: Size) -> str:
    if wanted.post_only and gone:
        return "Post-only, and it would trade at once: the venue would refuse it."
    if wanted.kind is OrderKind.FOK and gone:
        return "Not all of it can be had at the limit: it would be cancelled whole."
    if gone and not filled:
        return "Nothing is offered at the limit: it would be cancelled."
    if gone:
        return "What does not fill at once is cancelled."
    if rests and filled:
        return "What does not fill at once rests at the limit until it is cancelled."
    if rests:
        return "It rests at the limit until prints go through it or it is cancelled."
    return ""
