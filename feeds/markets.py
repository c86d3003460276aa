"""Markets, events and outcomes: the catalogue, in the venue's terms.

Units everywhere: a price is an integer count of 1/10,000 dollar, a size an integer count of
1/1,000,000 share, money an integer count of 1/1,000,000 dollar, a time Unix nanoseconds.
"""

from enum import Enum
from typing import TypeAlias

import msgspec

Price: TypeAlias = int
Size: TypeAlias = int
Money: TypeAlias = int
Nanos: TypeAlias = int

ONE: Price = 10_000
"""The price of a certainty: one dollar."""
SHARE: Size = 1_000_000
DOLLAR: Money = 1_000_000
SECOND: Nanos = 1_000_000_000
MINUTE: Nanos = 60 * SECOND

TICK_SIZES: frozenset[Price] = frozenset({1_000, 100, 50, 25, 10, 1})
"""The venue's six tick sizes: 0.1, 0.01, 0.005, 0.0025, 0.001 and 0.0001 dollar."""


def notional(price: Price, size: Size) -> Money:
    """What ``size`` shares cost at ``price``, rounded up to the next millionth of a dollar.

    Rounding up keeps the shown cost at or above the real one.
    """
    return -(-price * size // ONE)


class Side(Enum):
    """Which side of a book, or what a taker did."""

    BUY = "buy"
    SELL = "sell"

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class MarketState(Enum):
    """Whether a market takes orders; ``RESOLVED`` pays out."""

    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"
    RESOLVED = "resolved"


class FeeSchedule(msgspec.Struct, frozen=True):
    """``shares x rate x (p (1 - p)) ** exponent``, charged to the taker.

    ``rate_e6`` and ``rebate_e6`` are millionths: 40_000 is a rate of 0.04.
    """

    rate_e6: int
    exponent: int = 1
    taker_only: bool = True
    rebate_e6: int = 0


_RESOLUTIONS = {
    "proposed": "an outcome is proposed",
    "disputed": "the outcome is disputed",
    "challenged": "the outcome is disputed",
    "resolved": "the outcome is decided",
    "settled": "the outcome is decided",
}

FREE = FeeSchedule(rate_e6=0)


class Outcome(msgspec.Struct, frozen=True):
    """One side of a market's question and the id under which it trades."""

    name: str
    asset_id: str


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A question with two outcome assets: YES first, NO second.

    ``fees`` is None when the venue did not say: such a market takes no order.
    ``end_ns`` is the stated end; a market is alive by ``state``, never by its date alone.
    ``resolution`` is the oracle's word once an outcome is on its way ("proposed", "disputed"),
    which closes the market for orders before it closes; ``catch_all`` marks the outcome that
    stands for all that an event does not name.
    """

    condition_id: str
    gamma_id: str = ""
    slug: str = ""
    question: str
    description: str = ""
    yes: Outcome
    no: Outcome
    event_id: str = ""
    event_title: str = ""
    group_title: str = ""
    tags: tuple[str, ...] = ()
    state: MarketState = MarketState.OPEN
    tick_size: Price
    min_order_size: Size
    neg_risk: bool = False
    fees: FeeSchedule | None = None
    end_ns: Nanos | None = None
    volume: float = 0.0
    liquidity: float = 0.0
    version: str = "v1"
    winner: str = ""
    resolution: str = ""
    catch_all: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What whoever thinks of trading here should read first; mostly nothing."""
        said = []
        if self.resolution:
            said.append(f"{_RESOLUTIONS.get(self.resolution, self.resolution)}: no orders")
        if self.catch_all:
            said.append("a catch-all: it stands for every outcome that is not named")
        return tuple(said)

    @property
    def assets(self) -> tuple[str, str]:
        """The YES and the NO asset id."""
        return (self.yes.asset_id, self.no.asset_id)

    def other(self, asset_id: str) -> str:
        """The asset that mirrors this one."""
        yes, no = self.assets
        assert asset_id in (yes, no), f"{asset_id} is no outcome of {self.condition_id}"
        return no if asset_id == yes else yes

    def outcome(self, asset_id: str) -> Outcome:
        """The outcome that trades under this id."""
        return self.yes if asset_id == self.yes.asset_id else self.no


def on_grid(price: Price, tick_size: Price) -> bool:
    """Whether a price may stand in a book: a multiple of the tick, strictly inside 0 and 1."""
    return tick_size <= price <= ONE - tick_size and price % tick_size == 0
