"""Cash, positions and profit, in exact integers.

The rules, so that every sum comes out to the last millionth of a dollar:

* A buy costs ``price x size`` rounded up to the next millionth, a sale brings it rounded down.
* A position's ``cost`` is what its shares cost without fees; a partial sale takes its share of it,
  rounded down, and the last share takes the rest. Fees are a realised loss when they are paid.
* A position is worth ``mark x size`` rounded down, once an asset. A mark is the midpoint of a sound
  and fresh book rounded down to 1/10,000 dollar; else the last such; else the price of the last
  fill.

So ``equity = cash + worth of positions`` and ``equity - start = realised + unrealised``, always.
"""

from collections.abc import Iterator

import msgspec

from feeds.events import Fill
from feeds.markets import ONE, SECOND, Money, Nanos, Price, Side, Size, notional
from strategies.floor import FloorView

DAY: Nanos = 86_400 * SECOND
FILL_IDS_MAX = 100_000
"""Fill ids remembered, so that a fill told twice counts once."""
POSITIONS_MAX = 20_000


class Position(msgspec.Struct):
    """Shares of one outcome. ``realised`` is net of fees and of what was sold or paid out."""

    condition_id: str
    asset_id: str
    size: Size = 0
    cost: Money = 0
    realised: Money = 0
    fees: Money = 0

    @property
    def average(self) -> Price:
        """What a held share cost, rounded to 1/10,000 dollar; 0 when none is held."""
        return (2 * self.cost * ONE + self.size) // (2 * self.size) if self.size else 0

    def worth(self, mark: Price) -> Money:
        """What the shares are worth at a mark, rounded down."""
        return mark * self.size // ONE


class Reservation(msgspec.Struct, frozen=True):
    """What an open order may still need: cash for a buy, shares for a sale."""

    asset_id: str
    cash: Money = 0
    shares: Size = 0


class Portfolio:
    """What we own and owe. Fills are idempotent by id."""

    def __init__(self, starting_cash: Money) -> None:
        self.start = starting_cash
        self.cash = starting_cash
        self.realised: Money = 0
        self.fees: Money = 0
        self.positions: dict[str, Position] = {}
        self.marks: dict[str, Price] = {}
        self.day = -1
        self.day_equity = starting_cash
        self._book_marked: set[str] = set()
        self._reserved: dict[str, Reservation] = {}
        self._fill_ids: dict[str, None] = {}

    # -- what happened -----------------------------------------------------------------------

    def apply(self, fill: Fill) -> bool:
        """Book a fill; False when it was booked before."""
        if fill.id in self._fill_ids:
            return False
        self._remember(fill.id)
        position = self._position(fill.condition_id, fill.asset_id)
        if fill.side is Side.BUY:
            self._buy(position, fill)
        else:
            self._sell(position, fill)
        self._earn(position, -fill.fee)
        self.cash -= fill.fee
        position.fees += fill.fee
        self.fees += fill.fee
        if fill.asset_id not in self._book_marked:
            self.marks[fill.asset_id] = fill.price
        return True

    def _buy(self, position: Position, fill: Fill) -> None:
        cost = notional(fill.price, fill.size)
        self.cash -= cost
        position.cost += cost
        position.size += fill.size

    def _sell(self, position: Position, fill: Fill) -> None:
        assert fill.size <= position.size, f"fill {fill.id} sells more than is held"
        proceeds = fill.price * fill.size // ONE
        self.cash += proceeds
        self._give_up(position, fill.size, proceeds)

    def resolve(self, condition_id: str, winner: str) -> list[Position]:
        """Pay out a decided market: a dollar a share of the winner, half of one in a split.

        Returns the positions as they were. Saying it twice pays once.
        """
        held = [p for p in self.positions.values() if p.condition_id == condition_id and p.size]
        before = [msgspec.structs.replace(position) for position in held]
        for position in held:
            price = ONE // 2 if not winner else ONE if position.asset_id == winner else 0
            payout = position.worth(price)
            self.cash += payout
            self._give_up(position, position.size, payout)
        return before

    def _give_up(self, position: Position, size: Size, proceeds: Money) -> None:
        cost = position.cost * size // position.size
        position.size -= size
        position.cost -= cost
        self._earn(position, proceeds - cost)

    def _earn(self, position: Position, profit: Money) -> None:
        position.realised += profit
        self.realised += profit

    def _position(self, condition_id: str, asset_id: str) -> Position:
        position = self.positions.get(asset_id)
        if position is None:
            assert len(self.positions) < POSITIONS_MAX, f"more than {POSITIONS_MAX} positions"
            position = self.positions[asset_id] = Position(condition_id, asset_id)
        return position

    def _remember(self, fill_id: str) -> None:
        if len(self._fill_ids) >= FILL_IDS_MAX:
            del self._fill_ids[next(iter(self._fill_ids))]
        self._fill_ids[fill_id] = None

    # -- what is spoken for ------------------------------------------------------------------

    def reserve(
        self, order_id: str, asset_id: str, side: Side, price: Price, size: Size, fee_max: Money
    ) -> None:
        """Set aside what an order may still need; size 0 sets all of it free."""
        if not size:
            self._reserved.pop(order_id, None)
        elif side is Side.BUY:
            cash = notional(price, size) + fee_max
            self._reserved[order_id] = Reservation(asset_id, cash=cash)
        else:
            self._reserved[order_id] = Reservation(asset_id, shares=size)

    @property
    def free_cash(self) -> Money:
        """Cash that no open order may need."""
        return self.cash - sum(reserved.cash for reserved in self._reserved.values())

    def free_shares(self, asset_id: str) -> Size:
        """Shares that no open order may sell."""
        promised = sum(r.shares for r in self._reserved.values() if r.asset_id == asset_id)
        return self.held(asset_id) - promised

    def held(self, asset_id: str) -> Size:
        position = self.positions.get(asset_id)
        return position.size if position is not None else 0

    def committed(self, asset_ids: tuple[str, ...] | None = None) -> Money:
        """Money at risk: what held shares cost and open buys may cost, in some assets or in all."""
        positions = self.positions.values()
        cost = sum(p.cost for p in positions if asset_ids is None or p.asset_id in asset_ids)
        return cost + sum(
            reserved.cash
            for reserved in self._reserved.values()
            if asset_ids is None or reserved.asset_id in asset_ids
        )

    # -- what it is worth --------------------------------------------------------------------

    def open_positions(self) -> Iterator[Position]:
        """Positions with shares, in the order in which they were first taken."""
        return (position for position in self.positions.values() if position.size)

    def mark(self, floor: FloorView) -> None:
        """Take new marks of what is held from books that are fresh and sound."""
        for position in self.open_positions():
            asset_id = position.asset_id
            if floor.tradeable(asset_id) and floor.books[asset_id].sound:
                book = floor.books[asset_id]
                self.marks[asset_id] = (book.best_bid + book.best_ask) // 2
                self._book_marked.add(asset_id)

    def worth(self) -> Money:
        """All positions at their marks, each rounded down once."""
        return sum(p.worth(self.marks[p.asset_id]) for p in self.open_positions())

    @property
    def equity(self) -> Money:
        return self.cash + self.worth()

    @property
    def unrealised(self) -> Money:
        """What positions at their marks are worth above what they cost."""
        return sum(p.worth(self.marks[p.asset_id]) - p.cost for p in self.open_positions())

    @property
    def today(self) -> Money:
        """Profit since the day (UTC, market time) began."""
        return self.equity - self.day_equity

    def roll(self, now_ns: Nanos) -> None:
        """Begin a new day when there is one."""
        day = now_ns // DAY
        if day > self.day:
            self.day, self.day_equity = day, self.equity
