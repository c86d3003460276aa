"""Cash, positions and profit, in exact integers.

The rules, so that every sum comes out to the last millionth of a dollar:

* A buy costs ``price x size`` rounded up to the next millionth, a sale brings it rounded down.
* A position's ``cost`` is what its shares cost without fees; a partial sale takes its share of it,
  rounded down, and the last share takes the rest. Fees are a realised loss when they are paid.
* A position is worth ``mark x size`` rounded down, once an asset. A mark is the midpoint of a sound
  and fresh book rounded down to 1/10,000 dollar; else the last such; else the price of the last
  fill.

So ``equity = cash + worth of positions`` and ``equity - start = realised + unrealised``, always.

A fill that the venue only matched may fail to settle. Then the position is told anew without it, so
that cash, cost and profit are what they had been if it had never happened. A sale of shares whose
purchase failed leaves a position below zero, until that sale fails too or shares are bought.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

import msgspec

from feeds.events import Fill, FillSettled, MarketResolved, Settlement
from feeds.markets import ONE, SECOND, Money, Nanos, Price, Side, Size, notional
from strategies.market_data import MarketDataView

DAY: Nanos = 86_400 * SECOND
FILLS_MAX = 100_000
"""Fills remembered, so that one told twice counts once, and one that failed can be taken back."""
FACTS_MAX = 256
"""Fills and payouts of one asset that are kept to tell its position anew, besides pending ones."""
POSITIONS_MAX = 20_000


class Position(msgspec.Struct):
    """Shares of one outcome. ``realised`` is net of fees and of what was sold or paid out;
    ``cash`` is all that came in less all that was paid."""

    condition_id: str
    asset_id: str
    size: Size = 0
    cost: Money = 0
    realised: Money = 0
    fees: Money = 0
    cash: Money = 0

    @property
    def average(self) -> Price:
        """What a held share cost, rounded to 1/10,000 dollar; 0 when none is held."""
        return (2 * self.cost * ONE + self.size) // (2 * self.size) if self.size else 0

    def worth(self, mark: Price) -> Money:
        """What the shares are worth at a mark, rounded down."""
        return mark * self.size // ONE

    def trade(self, fill: Fill) -> None:
        """Book a fill."""
        buys = fill.side is Side.BUY
        money = -notional(fill.price, fill.size) if buys else fill.price * fill.size // ONE
        self._exchange(fill.side.sign * fill.size, money)
        self.realised -= fill.fee
        self.fees += fill.fee
        self.cash -= fill.fee

    def pay_out(self, price: Price) -> None:
        """The market is decided: each share is worth this and gone."""
        if self.size:
            self._exchange(-self.size, self.worth(price))

    def _exchange(self, shares: Size, money: Money) -> None:
        """Take or give shares for money: first what closes a position, then what opens one."""
        self.cash += money
        closing = min(abs(shares), abs(self.size)) if shares * self.size < 0 else 0
        if closing:
            proceeds = money * closing // abs(shares)
            cost = self.cost * closing // abs(self.size)
            self.realised += proceeds - cost
            self.cost -= cost
            money -= proceeds
        self.cost -= money
        self.size += shares


class Payout(msgspec.Struct, frozen=True):
    """A decided market pays this a share."""

    price: Price


Fact: TypeAlias = Fill | Payout


class _Past:
    """What made a position: where it stood, and what came since and may still be told anew."""

    def __init__(self, condition_id: str, asset_id: str) -> None:
        self.base = Position(condition_id, asset_id)
        self.facts: deque[Fact] = deque()


Recalled: TypeAlias = Fill | FillSettled | MarketResolved
"""What a portfolio is rebuilt from, in the order in which it was told."""


class TooLate(ValueError):
    """A fill lies too far back for its position to be told without it."""


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
        self._fills: dict[str, Fill] = {}
        self._stages: dict[str, Settlement] = {}
        self._pasts: dict[str, _Past] = {}
        self._decided: dict[str, str] = {}

    # -- what happened -----------------------------------------------------------------------

    def apply(self, fill: Fill) -> bool:
        """Book a fill; False when it was booked before."""
        if fill.id in self._fills:
            return False
        self._remember(fill)
        self._add(self._position(fill.condition_id, fill.asset_id), fill)
        if fill.condition_id in self._decided:  # it was told late
            self._pay_out(self.positions[fill.asset_id])
        if fill.asset_id not in self._book_marked:
            self.marks[fill.asset_id] = fill.price
        return True

    def settle(self, fill_id: str, stage: Settlement) -> bool:
        """The venue's word on a fill; True when money changed by it.

        A fill that is CONFIRMED stays so, and one that FAILED may still be CONFIRMED. Of a fill
        that is not known nothing follows. Raises ``TooLate``: then nothing is changed.
        """
        fill, was = self._fills.get(fill_id), self._stages.get(fill_id)
        if fill is None or was is Settlement.CONFIRMED or was is stage:
            return False
        if was is Settlement.FAILED and stage is Settlement.MATCHED:
            return False  # an older word, overtaken
        past = self._pasts[fill.asset_id]
        turns = (was is Settlement.FAILED) is not (stage is Settlement.FAILED)
        if turns and fill not in past.facts:
            raise TooLate(f"fill {fill_id} lies behind {FACTS_MAX} others of its asset")
        self._stages[fill_id] = stage
        if turns:
            self._retell(past, fill.asset_id)
        return turns

    def recall(self, fact: Recalled) -> None:
        """Take up again what was told in an earlier session."""
        if isinstance(fact, Fill):
            self.apply(fact)
        elif isinstance(fact, MarketResolved):
            self.resolve(fact.condition_id, fact.winner)
        else:
            with suppress(TooLate):  # it was too late then
                self.settle(fact.fill_id, fact.stage)

    def resolve(self, condition_id: str, winner: str) -> list[Position]:
        """Pay out a decided market: a dollar a share of the winner, half of one in a split.

        Returns the positions as they were. Saying it twice pays once; a fill that is told after it
        is paid out at once.
        """
        if condition_id in self._decided:
            return []
        self._decided[condition_id] = winner
        held = [p for p in self.positions.values() if p.condition_id == condition_id]
        before = [msgspec.structs.replace(position) for position in held if position.size]
        for position in held:
            self._pay_out(position)
        return before

    def _pay_out(self, position: Position) -> None:
        winner = self._decided[position.condition_id]
        price = ONE // 2 if not winner else ONE if position.asset_id == winner else 0
        self._add(position, Payout(price))

    def _add(self, position: Position, fact: Fact) -> None:
        """One more fact about a position."""
        past = self._pasts[position.asset_id]
        past.facts.append(fact)
        while len(past.facts) > FACTS_MAX and not self._pending(past.facts[0]):
            self._tell(past.base, past.facts.popleft())
        before = msgspec.structs.replace(position)
        self._tell(position, fact)
        self._sum(before, position)

    def _pending(self, fact: Fact) -> bool:
        return isinstance(fact, Fill) and self.stage(fact.id) is Settlement.MATCHED

    def _tell(self, position: Position, fact: Fact) -> None:
        if isinstance(fact, Payout):
            position.pay_out(fact.price)
        elif self._stages.get(fact.id) is not Settlement.FAILED:
            position.trade(fact)

    def _retell(self, past: _Past, asset_id: str) -> None:
        """Work out a position anew."""
        position = msgspec.structs.replace(past.base)
        for fact in past.facts:
            self._tell(position, fact)
        before, self.positions[asset_id] = self.positions[asset_id], position
        self._sum(before, position)

    def _sum(self, before: Position, now: Position) -> None:
        self.cash += now.cash - before.cash
        self.realised += now.realised - before.realised
        self.fees += now.fees - before.fees

    def _position(self, condition_id: str, asset_id: str) -> Position:
        position = self.positions.get(asset_id)
        if position is None:
            assert len(self.positions) < POSITIONS_MAX, f"more than {POSITIONS_MAX} positions"
            position = self.positions[asset_id] = Position(condition_id, asset_id)
            self._pasts[asset_id] = _Past(condition_id, asset_id)
        return position

    def _remember(self, fill: Fill) -> None:
        if len(self._fills) >= FILLS_MAX:
            oldest = next(iter(self._fills))
            del self._fills[oldest]
            self._stages.pop(oldest, None)
        self._fills[fill.id] = fill

    # -- what the venue has only matched -------------------------------------------------------

    def fill(self, fill_id: str) -> Fill | None:
        """A fill that was booked, whatever became of it."""
        return self._fills.get(fill_id)

    def stage(self, fill_id: str) -> Settlement | None:
        """How far a fill has come; None for one that nobody doubts, as on paper."""
        return self._stages.get(fill_id)

    def counts(self, fill_id: str) -> bool:
        """Whether a fill is part of what we own: it was told, and did not fail."""
        return fill_id in self._fills and self.stage(fill_id) is not Settlement.FAILED

    def decided(self, condition_id: str) -> bool:
        """Whether a market was paid out."""
        return condition_id in self._decided

    def pending(self, asset_id: str) -> Size:
        """Shares of a position that hang on trades which are not confirmed; sales count below 0."""
        past = self._pasts.get(asset_id)
        facts = past.facts if past is not None else ()
        return sum(
            fact.side.sign * fact.size
            for fact in facts
            if isinstance(fact, Fill) and self._pending(fact)
        )

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
        some = (p for p in positions if asset_ids is None or p.asset_id in asset_ids)
        cost = sum(max(position.cost, 0) for position in some)
        return cost + sum(
            reserved.cash
            for reserved in self._reserved.values()
            if asset_ids is None or reserved.asset_id in asset_ids
        )

    # -- what it is worth --------------------------------------------------------------------

    def open_positions(self) -> Iterator[Position]:
        """Positions with shares, in the order in which they were first taken."""
        return (position for position in self.positions.values() if position.size)

    def mark(self, market_data: MarketDataView) -> None:
        """Take new marks of what is held from books that are fresh and sound."""
        for position in self.open_positions():
            asset_id = position.asset_id
            if market_data.tradeable(asset_id) and market_data.books[asset_id].sound:
                book = market_data.books[asset_id]
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
