"""Orders and what becomes of them, in the venue's exact units.

Units: price 1/10,000 dollar, size 1/1,000,000 share, money 1/1,000,000 dollar, so a pair of
one YES and one NO share is worth exactly its size in money.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

PRICE_ONE = 10_000
SHARE = 1_000_000
DOLLAR = 1_000_000

YES, NO = 0, 1
VOID = 2
"""A market that ends without a winner: each share of either outcome is paid half a dollar."""
FEE_STEP = 10  # fees have five decimals

Side = Literal["BUY", "SELL"]
Kind = Literal["GTC", "FAK", "FOK"]
Pairing = Literal["complementary", "mint", "merge"]


KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."


class Refused(Exception):
    """The venue says no; the text is the venue's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What someone asks for.

    ``size`` is in shares, for every kind. A FAK or FOK buy may give ``budget`` (money) instead:
    it buys as many shares as that pays for, at ``price`` or better.
    """

    id: str
    account: str
    market: str
    outcome: int
    side: Side
    price: int
    size: int = 0
    budget: int = 0
    kind: Kind = "GTC"
    post_only: bool = False


@dataclass(slots=True)
class Order:
    """A resting order; ``price`` is in its own asset's terms, ``level`` in those of YES."""

    request: Request
    remaining: int
    bid: bool
    level: int

    @property
    def id(self) -> str:
        return self.request.id


@dataclass(frozen=True, slots=True)
class Change:
    """A level of one market's pool has a new total; 0 removes it. In YES terms.

    ``outcome`` is the asset that the cause spoke of.
    """

    bid: bool
    price: int
    size: int
    outcome: int


@dataclass(frozen=True, slots=True)
class Fill:
    """One resting order's part in a trade, in that order's own terms."""

    order_id: str
    account: str
    outcome: int
    side: Side
    price: int
    size: int
    money: int
    pairing: Pairing


@dataclass(frozen=True, slots=True)
class Trade:
    """What a taker got at one price level, in the taker's terms; always at the makers' price."""

    taker_id: str
    account: str
    outcome: int
    side: Side
    price: int
    size: int
    money: int
    fee: int
    makers: tuple[Fill, ...]

    @property
    def yes_price(self) -> int:
        return self.price if self.outcome == YES else PRICE_ONE - self.price


@dataclass(frozen=True, slots=True)
class TickChange:
    """The market's grid became another one."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one request changed. Bests are in YES terms, after it; None means an empty side."""

    market: str
    order_id: str
    status: Literal["live", "matched", "canceled"]
    resting: int
    changes: tuple[Change, ...] = ()
    trades: tuple[Trade, ...] = ()
    canceled: tuple[str, ...] = ()
    best_bid: int | None = None
    best_ask: int | None = None
    tick: TickChange | None = None


class Witness(Protocol):
    """Who hears of everything that the exchange does, step by step, after it is done."""

    def deposited(self, account: str, cash: int) -> None: ...
    def split(self, account: str, market: str, size: int) -> None: ...
    def placed(self, request: Request, report: Report) -> None: ...
    def canceled(self, report: Report) -> None: ...
    def ended(self, market: str, winner: int | None, report: Report) -> None: ...
    def undone(self, market: str, trade: Trade) -> None: ...
    def handed_over(self, giver: str, taker: str, market: str, outcome: int, size: int) -> None: ...
    def rebated(self, market: str, paid: dict[str, int]) -> None: ...


def notional(price: int, size: int) -> int:
    """Money for ``size`` at ``price``, rounded down to the millionth."""
    return price * size // PRICE_ONE


def taker_fee(price: int, size: int, rate_e6: int) -> int:
    """shares x rate x p x (1-p), five decimals, rounded down."""
    exact = size * rate_e6 * price * (PRICE_ONE - price)
    return exact // (PRICE_ONE * PRICE_ONE * 1_000_000 * FEE_STEP) * FEE_STEP


def decimal(value: int, unit: int) -> str:
    """An integer count of 1/unit as decimal text without trailing zeros."""
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{len(str(unit)) - 1}d}".rstrip("0")
