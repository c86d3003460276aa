"""What the matching engine keeps: accounts, sides of books, and markets.

Units are those of ``exchange.orders``. Everything about a market's book is in terms of YES.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from practice.exchange.orders import PRICE_ONE, SHARE, VOID, YES, Order, Trade

CASH = -1
COARSE_TICK = 100


@dataclass(slots=True)
class Account:
    """Cash and shares of one participant, and what its resting orders hold back."""

    cash: int = 0
    shares: dict[tuple[str, int], int] = field(default_factory=dict)
    reserved: dict[tuple[str, int], int] = field(default_factory=dict)

    def free(self, market: str, what: int) -> int:
        """Cash (``what`` is CASH) or shares not held back by orders of this market.

        The venue holds cash back for each market apart: the same dollar may stand behind
        orders of two markets, and the one that comes late is taken off.
        """
        held = self.reserved.get((market, what), 0)
        return self.cash - held if what == CASH else self.shares.get((market, what), 0) - held

    def hold(self, market: str, what: int, amount: int) -> None:
        key = (market, what)
        held = self.reserved.get(key, 0) + amount
        assert held >= 0, f"released more than was held back in {market}"
        if held:
            self.reserved[key] = held
        else:
            self.reserved.pop(key, None)

    def give(self, market: str, outcome: int, size: int) -> None:
        key = (market, outcome)
        owned = self.shares.get(key, 0) + size
        assert owned >= 0, f"sold shares of {market} that were not there"
        if owned:
            self.shares[key] = owned
        else:
            self.shares.pop(key, None)


NOBODY = Account()
"""Stands for an account that is not there, and has nothing."""


class Level:
    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.total = 0
        self.orders: dict[str, Order] = {}  # insertion order is time priority


class BookSide:
    """One side's levels, sorted so that the best is last."""

    def __init__(self, bid: bool) -> None:
        self._sign = 1 if bid else -1
        self._keys: list[int] = []
        self._levels: dict[int, Level] = {}

    def best(self) -> int | None:
        return self._keys[-1] * self._sign if self._keys else None

    def total(self, price: int) -> int:
        level = self._levels.get(price)
        return level.total if level else 0

    def worst_first(self) -> list[tuple[int, int]]:
        """(price, size) of each level, in the order of the wire: the best last."""
        sign, levels = self._sign, self._levels
        return [(key * sign, levels[key * sign].total) for key in self._keys]

    def best_first(self) -> Iterator[tuple[int, Level]]:
        for key in reversed(self._keys):
            price = key * self._sign
            yield price, self._levels[price]

    def add(self, order: Order) -> None:
        level = self._levels.get(order.level)
        if level is None:
            level = self._levels[order.level] = Level()
            insort(self._keys, order.level * self._sign)
        level.orders[order.id] = order
        level.total += order.remaining

    def reduce(self, order: Order, size: int) -> None:
        """Take ``size`` off a resting order; off the book when nothing is left."""
        level = self._levels[order.level]
        order.remaining -= size
        level.total -= size
        if order.remaining:
            return
        del level.orders[order.id]
        if not level.orders:
            del self._levels[order.level]
            del self._keys[bisect_left(self._keys, order.level * self._sign)]


@dataclass(slots=True)
class Market:
    """One question: its rules, its pool, its life."""

    id: str
    tick: int = COARSE_TICK
    min_size: int = 5 * SHARE
    fee_rate_e6: int = 0
    rebate_e6: int = 0
    state: Literal["open", "closed", "resolved"] = "open"
    winner: int | None = None
    pairs: int = 0
    traded: int = 0
    bids: BookSide = field(default_factory=lambda: BookSide(bid=True))
    asks: BookSide = field(default_factory=lambda: BookSide(bid=False))
    last: Trade | None = None
    version: int = 0  # grows with every change of the book
    fees: int = 0  # taken since rebates were last paid
    earned: dict[str, int] = field(default_factory=dict)
    """What each maker's fills since then weigh: size x p x (1-p), exact and without a unit."""

    def levels(self, outcome: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(bids, asks) of one asset as (price, size), worst first: the full depth."""
        if outcome == YES:
            return self.bids.worst_first(), self.asks.worst_first()
        bids = [(PRICE_ONE - price, size) for price, size in self.asks.worst_first()]
        asks = [(PRICE_ONE - price, size) for price, size in self.bids.worst_first()]
        return bids, asks

    def midpoint_twice(self) -> int | None:
        """Twice the midpoint of YES, so that it stays an integer; None when a side is empty."""
        bid, ask = self.bids.best(), self.asks.best()
        return None if bid is None or ask is None else bid + ask

    def pays(self, outcome: int, size: int) -> int:
        """Money for shares of an outcome, once it is known."""
        assert self.winner is not None, f"{self.id} is not resolved"
        if self.winner == VOID:
            return size // 2
        return size if self.winner == outcome else 0

    def count_fee(self, trade: Trade, sign: int = 1) -> None:
        """Note what a trade adds to the pool of rebates; with -1, that it never was."""
        if not self.fee_rate_e6:
            return
        self.fees += sign * trade.fee
        weight = sign * trade.price * (PRICE_ONE - trade.price)
        for fill in trade.makers:
            self.earned[fill.account] = self.earned.get(fill.account, 0) + weight * fill.size

    def rebates(self) -> dict[str, int]:
        """What makers have coming: a share of the fees, by the weight of their fills, rounded down.

        What failed after its day was paid weighs nothing against the next day.
        """
        weights = {account: weight for account, weight in self.earned.items() if weight > 0}
        total, pool = sum(weights.values()), max(0, self.fees) * self.rebate_e6 // 1_000_000
        due = {account: pool * weight // total for account, weight in weights.items()}
        return {account: money for account, money in due.items() if money}
