"""What wallets did and hold, as an indexer would know it: from the exchange's reports alone.

Followed are the accounts that are addresses ("0x..."); of the world's own traders only the
trades are kept, for the public tape. Units are the engine's.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from practice.clock import DAY
from practice.exchange.matching import Exchange
from practice.exchange.orders import NO, VOID, YES, Fill, Report, Request, Side, Trade

TAPE_MAX = 20_000
DEEDS_MAX = 20_000
"""What is remembered of the whole market, and of each wallet."""
REBATES_MAX = 50_000
EVEN = 2
"""A pair costs a dollar: each of its shares counts for half of it."""

Act = Literal["TRADE", "SPLIT", "REDEEM", "DEPOSIT", "WITHDRAWAL", "MAKER_REBATE"]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that an account did. ``side`` and ``price`` are set for trades alone.

    ``basis`` is what sold shares had cost.
    """

    act: Act
    at_ns: int
    account: str
    market: str = ""
    outcome: int = YES
    side: Side | Literal[""] = ""
    price: int = 0
    size: int = 0
    money: int = 0
    taker: bool = False
    basis: int = 0
    trade: Trade | None = None


@dataclass(slots=True)
class Holding:
    """One wallet's position in one asset: what it has, what that cost, what it made of it.

    ``cost`` is of the shares held now, without fees; ``bought`` counts all shares ever.
    """

    size: int = 0
    cost: int = 0
    fees: int = 0
    bought: int = 0
    spent: int = 0
    realized: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def take(self, size: int, money: int, now_ns: int) -> None:
        self.first_ns = self.first_ns or now_ns
        self.last_ns = now_ns
        self.size += size
        self.cost += money
        self.bought += size
        self.spent += money

    def give(self, size: int, money: int, now_ns: int) -> int:
        """Part with shares at what they cost on average; answers that cost."""
        cost = self.cost * size // self.size if self.size else 0
        self.last_ns = now_ns
        self.size -= size
        self.cost -= cost
        self.realized += money - cost
        return cost

    def undo(self, deed: "Deed") -> None:
        """As if this trade had never been."""
        if deed.side == "BUY":
            self.size -= deed.size
            self.cost -= deed.money
            self.bought -= deed.size
            self.spent -= deed.money
        else:
            self.size += deed.size
            self.cost += deed.basis
            self.realized -= deed.money - deed.basis


Place = tuple[str, int]
"""(market, outcome)."""


@dataclass(frozen=True, slots=True)
class Rebate:
    """What a maker was paid back for one market and day; ``day`` counts from 1970."""

    day: int
    market: str
    account: str
    money: int


class History:
    """A witness of the exchange that remembers. ``now_ns`` tells the time of the world."""

    def __init__(self, exchange: Exchange, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._wallets: dict[str, dict[Place, Holding]] = {}
        self._deeds: dict[str, deque[Deed]] = {}
        self.tape: deque[Deed] = deque(maxlen=TAPE_MAX)
        """All trades, the taker's and the makers' parts, oldest first."""
        self.rebates: deque[Rebate] = deque(maxlen=REBATES_MAX)
        """Of all makers, the world's own too."""
        exchange.witnesses.append(self)

    # -- asking ------------------------------------------------------------------------------------

    def holdings(self, account: str) -> dict[Place, Holding]:
        return self._wallets.get(account, {})

    def holders(self) -> Iterator[str]:
        return iter(self._wallets)

    def deeds(self, account: str) -> list[Deed]:
        """What a wallet did, oldest first."""
        return list(self._deeds.get(account, ()))

    # -- what the exchange reports -----------------------------------------------------------------

    def deposited(self, account: str, cash: int) -> None:
        if _is_wallet(account) and cash:
            act: Act = "DEPOSIT" if cash > 0 else "WITHDRAWAL"
            self._note(Deed(act, self._now_ns(), account, money=abs(cash)))

    def split(self, account: str, market: str, size: int) -> None:
        if not _is_wallet(account):
            return
        now_ns = self._now_ns()
        for outcome in (YES, NO):
            self._holding(account, market, outcome).take(size, size // EVEN, now_ns)
        self._note(Deed("SPLIT", now_ns, account, market, size=size, money=size))

    def placed(self, request: Request, report: Report) -> None:
        now_ns = self._now_ns()
        for trade in report.trades:
            self._traded(report.market, now_ns, trade, trade)
            for fill in trade.makers:
                self._traded(report.market, now_ns, fill, trade)

    def canceled(self, report: Report) -> None:
        """Nothing changes hands."""

    def ended(self, market: str, winner: int | None, report: Report) -> None:
        """Shares are redeemed by themselves, also those worth nothing."""
        if winner is None:
            return
        now_ns = self._now_ns()
        for account, places in self._wallets.items():
            for outcome in (YES, NO):
                holding = places.get((market, outcome))
                if holding and holding.size:
                    size = holding.size
                    paid = size if outcome == winner else size // 2 if winner == VOID else 0
                    holding.give(size, paid, now_ns)
                    deed = Deed("REDEEM", now_ns, account, market, outcome, size=size, money=paid)
                    self._note(deed)

    def rebated(self, market: str, paid: dict[str, int]) -> None:
        """Paid at the first moment after the day that it is for."""
        day = (self._now_ns() - 1) // DAY
        for account, money in paid.items():
            self.rebates.append(Rebate(day, market, account, money))
            if _is_wallet(account):
                self._note(Deed("MAKER_REBATE", self._now_ns(), account, market, money=money))

    def handed_over(self, giver: str, taker: str, market: str, outcome: int, size: int) -> None:
        """Given away for nothing: what the shares cost is lost."""
        now_ns = self._now_ns()
        if _is_wallet(giver):
            self._holding(giver, market, outcome).give(size, 0, now_ns)
        if _is_wallet(taker):
            self._holding(taker, market, outcome).take(size, 0, now_ns)

    # -- remembering -------------------------------------------------------------------------------

    def _traded(self, market: str, now_ns: int, part: Trade | Fill, trade: Trade) -> None:
        deed = Deed(
            "TRADE",
            now_ns,
            part.account,
            market,
            part.outcome,
            part.side,
            part.price,
            part.size,
            part.money,
            taker=part is trade,
            trade=trade,
        )
        if _is_wallet(part.account):
            deed = replace(deed, basis=self._hold(deed))
            self._note(deed)
        self.tape.append(deed)

    def _hold(self, deed: Deed) -> int:
        holding = self._holding(deed.account, deed.market, deed.outcome)
        if deed.taker and deed.trade:
            holding.fees += deed.trade.fee
        if deed.side == "SELL":
            return holding.give(deed.size, deed.money, deed.at_ns)
        holding.take(deed.size, deed.money, deed.at_ns)
        return 0

    def undone(self, market: str, trade: Trade) -> None:
        """A trade whose settlement failed is forgotten, in positions and on the tape."""
        for deed in [deed for deed in self.tape if deed.trade is trade]:
            self.tape.remove(deed)
            if not _is_wallet(deed.account):
                continue
            self._deeds[deed.account].remove(deed)
            holding = self._holding(deed.account, market, deed.outcome)
            holding.undo(deed)
            if deed.taker:
                holding.fees -= trade.fee

    def _holding(self, account: str, market: str, outcome: int) -> Holding:
        places = self._wallets.setdefault(account, {})
        return places.setdefault((market, outcome), Holding())

    def _note(self, deed: Deed) -> None:
        self._deeds.setdefault(deed.account, deque(maxlen=DEEDS_MAX)).append(deed)


def _is_wallet(account: str) -> bool:
    return account.startswith("0x")
