"""The gate that every order passes, a person's like a strategy's.

Each check is a small function that returns a denial or None, and the gate asks them in the order of
the table at the end of this file. A denial names its gate, the number that was too much, the
limit, and says it in a sentence. A sale of shares that we hold makes our risk smaller, so the
checks that limit risk let it pass; those that say "this can't be judged or done" do not.
"""

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta

from feeds.book import OrderBook
from feeds.events import OrderKind, TradingMode
from feeds.figures import cent_price, dollars, shares
from feeds.markets import (
    DOLLAR,
    MINUTE,
    ONE,
    Market,
    MarketState,
    Money,
    Nanos,
    Price,
    Side,
    Size,
    notional,
    on_grid,
)
from strategies.fees import fee_ceiling, usable
from strategies.fills import crosses
from strategies.market_data import MarketDataView
from strategies.portfolio import Portfolio

SIZE_STEP: Size = 10_000
"""The venue takes hundredths of a share."""
SIZE_MAX: Size = 10_000_000 * 1_000_000
MARKETABLE_MIN: Money = DOLLAR
"""The venue's least notional for an order that would trade at once."""

_Money = Annotated[int, Meta(ge=0, le=10**15)]
_PriceBound = Annotated[int, Meta(ge=0, le=ONE)]


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be risked. Money in millionths of a dollar, prices in 1/10,000 dollar."""

    order_notional_max: Annotated[_Money, Meta(description="Most that one order may be worth.")] = (
        250 * DOLLAR
    )
    market_notional_max: Annotated[
        _Money, Meta(description="Most at risk in one market: shares at cost and open buys.")
    ] = 500 * DOLLAR
    total_notional_max: Annotated[
        _Money, Meta(description="Most at risk in all markets together.")
    ] = 5_000 * DOLLAR
    price_min: Annotated[_PriceBound, Meta(description="Buy nothing cheaper than this.")] = 200
    price_max: Annotated[_PriceBound, Meta(description="Buy nothing dearer than this.")] = 9_800
    spread_max: Annotated[
        _PriceBound, Meta(description="Take nothing from a book whose spread is wider.")
    ] = 600
    open_orders_max: Annotated[
        int, Meta(ge=0, le=1_000, description="Most orders on their way or resting at once.")
    ] = 20
    orders_per_minute_max: Annotated[
        int, Meta(ge=0, le=10_000, description="Most orders in a minute of market time.")
    ] = 30
    daily_loss_max: Annotated[
        _Money, Meta(description="After losing this much in a day (UTC), only sell what is held.")
    ] = 500 * DOLLAR


class Reason(Enum):
    """Which gate said no. The values are shown to the trader."""

    KILLED = "kill switch"
    LAG = "lag"
    VENUE = "venue"
    MARKET = "market"
    UNKNOWN_ORDER = "unknown order"
    FEES = "fees"
    GRID = "tick size"
    SIZE = "size"
    MINIMUM = "minimum"
    BOOK = "book"
    BAND = "price band"
    SPREAD = "spread"
    ORDER = "order limit"
    EXPOSURE = "market limit"
    TOTAL = "total limit"
    CASH = "cash"
    SHARES = "shares"
    LOSS = "daily loss"
    OPEN = "open orders"
    RATE = "order rate"


class Denial(msgspec.Struct, frozen=True):
    """We said no: which gate, what number, what limit, and a sentence."""

    reason: Reason
    value: str
    limit: str
    sentence: str

    @property
    def gate(self) -> str:
        return self.reason.value


class Wanted(msgspec.Struct, frozen=True):
    """An order that somebody wants, before the gate."""

    condition_id: str
    asset_id: str
    side: Side
    price: Price
    size: Size
    kind: OrderKind = OrderKind.FAK
    post_only: bool = False


class _Case(msgspec.Struct, frozen=True):
    """A wanted order together with all that is judged about it."""

    wanted: Wanted
    market: Market
    book: OrderBook
    portfolio: Portfolio
    limits: RiskLimits

    @property
    def buys(self) -> bool:
        return self.wanted.side is Side.BUY

    @property
    def takes(self) -> bool:
        """Whether some of it would trade at once."""
        crossing = crosses(self.wanted.side, self.wanted.price, self.book)
        return crossing or self.wanted.kind is not OrderKind.GTC

    @property
    def notional(self) -> Money:
        return notional(self.wanted.price, self.wanted.size)

    @property
    def needs(self) -> Money:
        """Cash that a buy may need at worst, fees included."""
        return self.notional + self.fee_max

    @property
    def fee_max(self) -> Money:
        return fee_max(self.wanted, self.market)


def fee_max(wanted: Wanted, market: Market) -> Money:
    """The most that an order may pay in fees; the market's schedule must be usable."""
    assert usable(market.fees), f"fees of {market.condition_id} are unknown"
    if wanted.post_only:
        return 0
    return fee_ceiling(wanted.side, wanted.price, wanted.size, market.fees)


class Gate:
    """Says no with a reason, or lets an order pass. It changes nothing but its own rate count."""

    def __init__(
        self, limits: RiskLimits, market_data: MarketDataView, portfolio: Portfolio
    ) -> None:
        self.limits = limits
        self.killed = False
        self.behind_ms = 0
        """How far the engine is behind what it hears, where that is too far to trade on."""
        self.mode = TradingMode.NORMAL
        """What the venue lets anyone do."""
        self.blocked: dict[str, int] = {}
        """Markets with orders whose fate is unknown, and how many."""
        self._market_data, self._portfolio = market_data, portfolio
        self._placed: deque[Nanos] = deque(maxlen=limits.orders_per_minute_max or 1)

    def passed(self, now_ns: Nanos) -> None:
        """Count an order that was let through."""
        self._placed.append(now_ns)

    def check(self, wanted: Wanted, now_ns: Nanos, open_orders: int) -> Denial | None:
        """The first objection to an order, or None."""
        denial = self._stopped(wanted, now_ns, open_orders) or self._unjudgeable(wanted)
        if denial is not None:
            return denial
        case = _Case(
            wanted,
            self._market_data.markets[wanted.condition_id],
            self._market_data.books[wanted.asset_id],
            self._portfolio,
            self.limits,
        )
        return _first(check(case) for check in _CHECKS)

    def _stopped(self, wanted: Wanted, now_ns: Nanos, open_orders: int) -> Denial | None:
        """What stops every order, whatever it is."""
        if self.killed:
            return Denial(
                Reason.KILLED,
                "on",
                "off",
                "The kill switch is on: no order leaves until it is off.",
            )
        if self.behind_ms:
            late = f"{self.behind_ms / 1_000:.1f} s"
            said = f"The engine is {late} behind: the books it sees are that old. It trades again "
            return Denial(Reason.LAG, late, "in time", said + "when it has caught up.")
        if self._turned_away(wanted):
            return Denial(Reason.VENUE, self.mode.value, "normal", _MODE_SENTENCES[self.mode])
        if self.blocked.get(wanted.condition_id):
            return Denial(
                Reason.UNKNOWN_ORDER,
                "an order's fate is unknown",
                "known",
                "An order in this market may or may not be at the venue: nothing more is sent here "
                "until that is known.",
            )
        if open_orders >= self.limits.open_orders_max:
            most = self.limits.open_orders_max
            return Denial(
                Reason.OPEN,
                str(open_orders),
                str(most),
                f"{open_orders} orders are open and the limit is {most}: cancel one first.",
            )
        return self._too_fast(now_ns)

    def _turned_away(self, wanted: Wanted) -> bool:
        """Whether the venue's mode leaves no room for this order."""
        if self.mode is TradingMode.POST_ONLY:
            return not wanted.post_only
        return self.mode is not TradingMode.NORMAL

    def _too_fast(self, now_ns: Nanos) -> Denial | None:
        most = self.limits.orders_per_minute_max
        recent = sum(1 for at_ns in self._placed if now_ns - at_ns < MINUTE)
        if recent < most:
            return None
        return Denial(
            Reason.RATE,
            f"{recent} a minute",
            f"{most} a minute",
            f"{recent} orders went out within a minute and the limit is {most}: wait a little.",
        )

    def _unjudgeable(self, wanted: Wanted) -> Denial | None:
        """What can't be judged: a stranger, a market that is shut, fees or a book unknown."""
        market = self._market_data.markets.get(wanted.condition_id)
        if market is None or wanted.asset_id not in market.assets:
            return Denial(
                Reason.MARKET,
                wanted.asset_id[:24] or "no asset",
                "an asset of a known market",
                "This asset belongs to no market that we know.",
            )
        if market.state is not MarketState.OPEN:
            state = market.state.value
            why = f" ({market.remarks[0]})" if market.resolution else ""
            return Denial(
                Reason.MARKET, state, "open", f"The market is {state}{why}: it takes no orders."
            )
        if not usable(market.fees):
            return Denial(
                Reason.FEES,
                "unknown",
                "a known schedule",
                "The venue did not say what this market charges: an unknown fee is no free trade.",
            )
        return self._book_unfit(wanted.asset_id)

    def _book_unfit(self, asset_id: str) -> Denial | None:
        if self._market_data.tradeable(asset_id):
            return None
        book = self._market_data.books.get(asset_id)
        state = self._market_data.states.get(asset_id)
        if book is None or not book.seen or state is None:
            word, why = "none", "There is no book of this asset yet"
        elif book.crossed:
            word, why = "crossed", "The book is crossed (a bid at or above an ask)"
        else:
            word, why = state.value, f"The book is {state.value}"
        return Denial(
            Reason.BOOK, word, "live or quiet", f"{why}: its prices can't be trusted to trade on."
        )


_MODE_SENTENCES = {
    TradingMode.RESTARTING: "The venue's matching engine is restarting: new orders wait until it "
    "is back; what rests there stays.",
    TradingMode.POST_ONLY: "The venue takes only post-only orders just now, as after a restart: "
    "make the order post-only, or wait two minutes.",
    TradingMode.CANCEL_ONLY: "The venue takes only cancels just now: no new order leaves.",
    TradingMode.DISABLED: "The venue has stopped all trading: no new order leaves.",
}


def _first(denials: Iterable[Denial | None]) -> Denial | None:
    return next((denial for denial in denials if denial is not None), None)


def _off_grid(case: _Case) -> Denial | None:
    price, tick = case.wanted.price, case.market.tick_size
    if on_grid(price, tick):
        return None
    return Denial(
        Reason.GRID,
        cent_price(price),
        f"a multiple of {cent_price(tick)}",
        f"{cent_price(price)} is not on this market's grid: prices run from {cent_price(tick)} to "
        f"{cent_price(ONE - tick)} in steps of {cent_price(tick)}.",
    )


def _bad_size(case: _Case) -> Denial | None:
    size = case.wanted.size
    if 0 < size <= SIZE_MAX and size % SIZE_STEP == 0:
        return None
    return Denial(
        Reason.SIZE,
        f"{shares(size)} shares",
        f"hundredths, up to {shares(SIZE_MAX)}",
        f"{shares(size)} shares can't be ordered: the venue takes hundredths of a share, more "
        f"than none and at most {shares(SIZE_MAX)}.",
    )


def _too_small(case: _Case) -> Denial | None:
    """A resting order has a least size, one that trades at once a least notional."""
    rests = case.wanted.kind is OrderKind.GTC
    least = case.market.min_order_size
    if rests and case.wanted.size < least:
        return Denial(
            Reason.MINIMUM,
            f"{shares(case.wanted.size)} shares",
            f"{shares(least)} shares",
            f"{shares(case.wanted.size)} shares are too few to rest here: the least is "
            f"{shares(least)}.",
        )
    if case.takes and case.notional < MARKETABLE_MIN:
        return Denial(
            Reason.MINIMUM,
            dollars(case.notional),
            dollars(MARKETABLE_MIN),
            f"An order that trades at once must be worth {dollars(MARKETABLE_MIN)}, and this one "
            f"is worth {dollars(case.notional)}.",
        )
    return None


def _off_band(case: _Case) -> Denial | None:
    low, high = case.limits.price_min, case.limits.price_max
    price = case.wanted.price
    if not case.buys or low <= price <= high:
        return None
    return Denial(
        Reason.BAND,
        cent_price(price),
        f"{cent_price(low)} to {cent_price(high)}",
        f"{cent_price(price)} is outside the band of {cent_price(low)} to {cent_price(high)} "
        "in which we buy.",
    )


def _too_wide(case: _Case) -> Denial | None:
    most = case.limits.spread_max
    if not (case.buys and case.takes) or (case.book.two_sided and case.book.spread <= most):
        return None
    value = cent_price(case.book.spread) if case.book.two_sided else "one-sided"
    return Denial(
        Reason.SPREAD,
        value,
        cent_price(most),
        f"The book's spread is {value} and the limit for taking is {cent_price(most)}: "
        "rest an order instead.",
    )


def _over_order_limit(case: _Case) -> Denial | None:
    return _over(Reason.ORDER, case.notional, case.limits.order_notional_max, "This order is worth")


def _over_market_limit(case: _Case) -> Denial | None:
    if not case.buys:
        return None
    at_risk = case.portfolio.committed(case.market.assets) + case.notional
    most = case.limits.market_notional_max
    return _over(Reason.EXPOSURE, at_risk, most, "It would bring this market to")


def _over_total_limit(case: _Case) -> Denial | None:
    if not case.buys:
        return None
    at_risk = case.portfolio.committed() + case.notional
    most = case.limits.total_notional_max
    return _over(Reason.TOTAL, at_risk, most, "It would bring all markets to")


def _over(reason: Reason, value: Money, limit: Money, subject: str) -> Denial | None:
    if value <= limit:
        return None
    sentence = f"{subject} {dollars(value)}, and the limit is {dollars(limit)}."
    return Denial(reason, dollars(value), dollars(limit), sentence)


def _no_cash(case: _Case) -> Denial | None:
    free = case.portfolio.free_cash
    if not case.buys or case.needs <= free:
        return None
    return Denial(
        Reason.CASH,
        dollars(case.needs),
        dollars(free),
        f"It may cost {dollars(case.needs)} with fees, and {dollars(free)} is free.",
    )


def _no_shares(case: _Case) -> Denial | None:
    free = case.portfolio.free_shares(case.wanted.asset_id)
    if case.buys or case.wanted.size <= free:
        return None
    return Denial(
        Reason.SHARES,
        f"{shares(case.wanted.size)} shares",
        f"{shares(free)} shares",
        f"{shares(free)} shares are free to sell, not {shares(case.wanted.size)}: to bet against "
        "an outcome buy the other one.",
    )


def _lost_enough(case: _Case) -> Denial | None:
    lost, most = -case.portfolio.today, case.limits.daily_loss_max
    if not case.buys or lost <= 0 or lost < most:
        return None
    return Denial(
        Reason.LOSS,
        dollars(lost),
        dollars(most),
        f"{dollars(lost)} were lost today and the limit is {dollars(most)}: until tomorrow (UTC) "
        "only sales of what is held pass.",
    )


_CHECKS: tuple[Callable[[_Case], Denial | None], ...] = (
    _off_grid,
    _bad_size,
    _too_small,
    _off_band,
    _too_wide,
    _over_order_limit,
    _no_shares,
    _lost_enough,
    _over_market_limit,
    _over_total_limit,
    _no_cash,
)
