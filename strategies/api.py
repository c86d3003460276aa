"""All that a strategy's author imports.

A strategy subclasses :class:`Strategy`, declares its parameters as a :class:`StrategyParams`
struct with types, bounds and a sentence each, and answers events with :class:`Draft` trades. It
never sees a clock, a socket or a broker; time is ``ctx.now_ns``. What it drafts passes the risk
gate like every other order, and what it decides against it says with ``ctx.skip``.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Protocol

import msgspec
from msgspec import Meta

from feeds.book import OrderBook
from feeds.events import BookState, Print, Story
from feeds.figures import cent_price
from feeds.markets import ONE, SHARE, Market, Nanos, Price, Side, Size
from strategies.decisions import Holding, Impact, Link, Tier, Verdict
from strategies.fills import Walk
from strategies.impact import Move, Precedent, expit, logit

__all__ = [
    "ONE",
    "SHARE",
    "Annotated",
    "BookState",
    "Context",
    "Draft",
    "Entry",
    "Holding",
    "Impact",
    "Link",
    "Market",
    "Meta",
    "Move",
    "Nanos",
    "OrderBook",
    "Precedent",
    "Print",
    "Side",
    "Story",
    "Strategy",
    "StrategyParams",
    "Tier",
    "Verdict",
    "Walk",
    "cent_price",
    "expit",
    "find_entry",
    "find_exit",
    "logit",
    "shares_for",
]


class StrategyParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a strategy's parameters: fields with defaults, bounds and descriptions.

    Declare each as ``name: Annotated[float, Meta(ge=0, le=1, description="...")] = 0.5``.
    """


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A trade that a strategy wants: buy or sell up to ``size`` at ``limit`` or better.

    ``edge`` is the expected gain in cents a share after fees; ``reason`` is one sentence. It
    takes what is there at the limit and no more, unless it ``rests``.
    """

    condition_id: str
    asset_id: str
    side: Side
    limit: Price
    size: Size
    edge: float
    reason: str
    story_id: str = ""
    valid_s: float = 600.0
    rests: bool = False


class Context(Protocol):
    """What a strategy may know. Everything is as of ``now_ns``; nothing here can be changed."""

    @property
    def now_ns(self) -> Nanos: ...

    def market(self, condition_id: str) -> Market: ...

    def book(self, asset_id: str) -> OrderBook: ...

    def book_state(self, asset_id: str) -> BookState: ...

    def odds(self, condition_id: str) -> float | None:
        """Implied probability of YES now, or None where the book is not sound or not fresh."""

    def odds_before(self, condition_id: str, seconds: float) -> float | None:
        """Implied probability of YES that long ago, or None."""

    def usual_move(self, condition_id: str, minutes: float) -> float | None:
        """The market's usual move over so many minutes, in logit (a robust deviation)."""

    def story(self, story_id: str) -> Story | None: ...

    def links(self, story_id: str) -> Sequence[Link]: ...

    def stories_on(self, condition_id: str, seconds: float) -> Sequence[Story]:
        """Stories linked to this market within the last ``seconds``, newest first."""

    def impact(self, story_id: str, condition_id: str) -> Impact | None: ...

    def precedent(self, story_id: str, condition_id: str) -> Precedent: ...

    def abnormal(self, condition_id: str) -> Move | None:
        """The move of the last minutes if it stands out by what this market usually does."""

    def position(self, asset_id: str) -> Size:
        """Shares held, in 1/1,000,000 share, whoever bought them."""

    def own(self, asset_id: str) -> Size:
        """Shares that this strategy's own orders bought and have not sold again."""

    def tradeable(self, asset_id: str) -> bool:
        """Whether this asset's book is live or quiet, and not crossed."""

    def walk(self, asset_id: str, side: Side, limit: Price, size: Size) -> Walk:
        """What an order would meet in the book as it is now."""

    def fee_cents(self, condition_id: str, price: Price) -> float | None:
        """Taker fee a share in cents at this price, or None where the schedule is unknown."""

    def skip(
        self, condition_id: str, gate: str, value: str, limit: str, story_id: str = ""
    ) -> None:
        """Record a trade decided against: which gate, what number, what limit."""


class Entry(msgspec.Struct, frozen=True):
    """A trade worth making: limit, size, and the gain a share in cents after fees."""

    limit: Price
    size: Size
    edge: float


def find_entry(
    ctx: Context, market: Market, asset_id: str, fair: float, dollars: float, edge_min: float
) -> Entry | None:
    """What to buy of an asset whose fair odds we think are ``fair``, or None.

    The limit is the highest price at which a share still gains ``edge_min`` cents after the fee;
    the edge is that of the average price which the book asks for the size now.
    """
    book, tick = ctx.book(asset_id), market.tick_size
    limit = _highest(ctx, market, fair, edge_min, book.best_ask)
    if limit is None:
        return None
    met = ctx.walk(asset_id, Side.BUY, limit, shares_for(dollars, limit))
    fee = ctx.fee_cents(market.condition_id, limit)
    if met.average is None or fee is None:
        return None
    size = met.filled - met.filled % (SHARE // 100)
    edge = 100 * (fair - met.average / ONE) - fee
    return Entry(min(limit, (met.worst or limit) + tick), size, edge) if size else None


def find_exit(ctx: Context, market: Market, asset_id: str, spread_max: float) -> Entry | None:
    """How to sell what this strategy holds of an asset, or None if it can't be sold well now.

    A spread wider than ``spread_max`` cents is waited out. The limit is a tick below the best bid,
    or lower by at most ``spread_max`` cents where else too little would be left to be sold later.
    The edge is what getting out costs against the midpoint, half the spread and the fee, so it is
    negative.
    """
    book = ctx.book(asset_id)
    size = min(ctx.own(asset_id), ctx.position(asset_id))
    size -= size % (SHARE // 100)
    fee = ctx.fee_cents(market.condition_id, book.best_bid)
    if size <= 0 or fee is None or not ctx.tradeable(asset_id) or not book.sound:
        return None
    if book.spread > 100 * spread_max:
        return None
    if book.best_bid * size < ONE * SHARE:
        return None  # the venue takes no sale at once for less than a dollar
    half_spread = book.spread / 2
    limit = _limit_of_exit(ctx, market, asset_id, size, spread_max)
    return Entry(limit, size, -100 * half_spread / ONE - fee)


def _limit_of_exit(
    ctx: Context, market: Market, asset_id: str, size: Size, spread_max: float
) -> Price:
    """A tick below the best bid, or as low as it takes to leave no crumbs behind."""
    tick, bid = market.tick_size, ctx.book(asset_id).best_bid
    limit = max(tick, bid - tick)
    rest = size - ctx.walk(asset_id, Side.SELL, limit, size).filled
    if not rest or (rest >= market.min_order_size and rest * bid >= ONE * SHARE):
        return limit  # nothing is left, or enough to be sold the next time
    lowest = max(tick, bid - round(100 * spread_max))
    whole = ctx.walk(asset_id, Side.SELL, lowest, size)
    return min(limit, whole.worst) if whole.worst and whole.filled == size else limit


def _highest(
    ctx: Context, market: Market, fair: float, edge_min: float, ask: Price
) -> Price | None:
    """The highest price on the grid, from the ask up, that leaves this edge."""

    def leaves_enough(price: Price) -> bool:
        fee = ctx.fee_cents(market.condition_id, price)
        return fee is not None and 100 * (fair - price / ONE) - fee >= edge_min

    tick = market.tick_size
    low, high = -(-ask // tick), (ONE - tick) // tick
    if low > high or not leaves_enough(low * tick):
        return None
    while low < high:  # a dearer share always gains less
        middle = (low + high + 1) // 2
        if leaves_enough(middle * tick):
            low = middle
        else:
            high = middle - 1
    return low * tick


def shares_for(dollars: float, price: Price) -> Size:
    """How many whole hundredths of a share so many dollars buy at a price."""
    return int(dollars * 100 * ONE / max(price, 1)) * SHARE // 100


class Strategy:
    """Base of every strategy. Override what you need; each returns drafts or nothing."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Params: ClassVar[type[StrategyParams]] = StrategyParams

    def __init__(self, params: StrategyParams) -> None:
        self.params = params

    def resume(self, holdings: Sequence[Holding]) -> None:
        """A session begins, and these are still held from earlier ones: plan the way out anew.

        It comes before all else, and not at all where nothing is held.
        """

    def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
        """A story arrived and touches these markets."""
        return ()

    def on_impact(self, impact: Impact, link: Link, ctx: Context) -> Iterable[Draft]:
        """The measured impact of a linked story on a market was refreshed."""
        return ()

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        """A followed market's odds changed since the last look (at most once a second).

        Where they stand still it is called once a minute, since time passes there too.
        """
        return ()
