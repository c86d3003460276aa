"""The auditor: keeps books of its own from what the exchange reports, and compares.

It shares no code with the engine, not even for sums: a mistake made in both places would hide
itself. It hears every step (``deposited``, ``placed``, ``ended``, ``rebated`` ...), applies it to
its own accounts and books, and notes each disagreement as a violation. ``full`` compares
everything at once; a step compares only what the step touched.

Units are the engine's: prices 1/10,000 dollar, sizes 1/1,000,000 share, money 1/1,000,000 dollar.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the shapes that it reads, never the code that fills them
    from practice.exchange.book import Market
    from practice.exchange.matching import Exchange
    from practice.exchange.orders import Change, Fill, Report, Request, Trade

VIOLATIONS_MAX = 100
WHOLE = 10_000
NO_WINNER = 2
BANK = "treasury"


@dataclass(slots=True)
class _Resting:
    account: str
    market: str
    outcome: int
    side: str
    price: int
    left: int

    @property
    def spot(self) -> tuple[bool, int]:
        """(is a bid, price) in terms of YES."""
        return _spot(self.outcome, self.side, self.price)


@dataclass(slots=True)
class _Pool:
    """One market: its rules, its levels in YES terms, the pairs that its shares stand for."""

    market: str
    fee_e6: int
    rebate_e6: int
    pairs: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    orders: dict[str, None] = field(default_factory=dict)
    fees: int = 0
    weights: dict[str, int] = field(default_factory=dict)
    """What rebates are due by: fees taken since the last ones, and each maker's part in them."""

    def side(self, bid: bool) -> dict[int, int]:
        return self.bids if bid else self.asks

    def best_bid(self) -> int | None:
        return max(self.bids) if self.bids else None

    def best_ask(self) -> int | None:
        return min(self.asks) if self.asks else None


class Auditor:
    """Begins with what the exchange holds now, and from then on believes only reports."""

    def __init__(self, exchange: "Exchange") -> None:
        self.steps = 0
        self.found = 0
        self.violations: list[str] = []
        self.complain: Callable[[str], None] = lambda _: None
        """Told each violation at once, as far as they are kept."""
        self._exchange = exchange
        self._deposited = exchange.deposited
        self._cash = {name: one.cash for name, one in exchange.accounts.items()}
        self._shares = {name: dict(one.shares) for name, one in exchange.accounts.items()}
        self._pools = {
            name: _Pool(
                name,
                market.fee_rate_e6,
                market.rebate_e6,
                market.pairs,
                fees=market.fees,
                weights=dict(market.earned),
            )
            for name, market in exchange.markets.items()
        }
        self._orders: dict[str, _Resting] = {}
        for order in exchange.orders.values():
            asked = order.request
            self._rest(
                order.id,
                _Resting(
                    asked.account,
                    asked.market,
                    asked.outcome,
                    asked.side,
                    asked.price,
                    order.remaining,
                ),
            )
        self._total = sum(self._cash.values()) + sum(m.pairs for m in exchange.markets.values())
        exchange.witnesses.append(self)

    def told(self) -> dict[str, object]:
        """What ``GET /control/audit`` answers; everything is compared once more for it."""
        self.full()
        return {"steps": self.steps, "violations": list(self.violations), "found": self.found}

    # -- what the exchange reports -----------------------------------------------------------------

    def deposited(self, account: str, cash: int) -> None:
        self._step()
        self._pay(account, cash)
        self._deposited += cash
        self._settled({account}, None)

    def split(self, account: str, market: str, size: int) -> None:
        self._step()
        pool = self._pool(market)
        self._pay(account, -size)
        self._pair(pool, size)
        for outcome in (0, 1):
            self._give(account, market, outcome, size)
        self._settled({account}, market)

    def placed(self, request: "Request", report: "Report") -> None:
        """An order that was taken, and all that it caused."""
        self._step()
        pool = self._pool(request.market)
        for order_id in report.canceled:
            self._remove(order_id)
        touched = {request.account, BANK}
        size = money = 0
        for trade in report.trades:
            self._trade(pool, request, trade)
            touched.update(fill.account for fill in trade.makers)
            size += trade.size
            money += trade.money
        self._within(request, size, money)
        self._left(request, report, size)
        self._compare_changes(pool, report.changes)
        self._compare_bests(pool, report)
        self._settled(touched, request.market)

    def canceled(self, report: "Report") -> None:
        self._step()
        for order_id in report.canceled:
            self._remove(order_id)
        pool = self._pool(report.market)
        self._compare_changes(pool, report.changes)
        self._compare_bests(pool, report)

    def ended(self, market: str, winner: int | None, report: "Report") -> None:
        """Trading stopped; with a winner, its shares are paid out."""
        self.canceled(report)
        pool = self._pool(market)
        if pool.orders:
            self._wrong(f"{market} ended with {len(pool.orders)} orders on its book")
        if winner is None:
            return
        odd = 0
        for account, shares in self._shares.items():
            for outcome in (0, 1):
                size = shares.pop((market, outcome), 0)
                paid = size // 2 if winner == NO_WINNER else size * (outcome == winner)
                odd += size % 2
                self._pair(pool, -paid)
                self._pay(account, paid)
        if pool.pairs != (odd // 2 if winner == NO_WINNER else 0):
            self._wrong(f"{market} paid out all but {pool.pairs} of its pairs")
        self._pay(BANK, pool.pairs)
        self._pair(pool, -pool.pairs)
        self._settled(set(self._cash), market)

    def handed_over(self, giver: str, taker: str, market: str, outcome: int, size: int) -> None:
        self._step()
        self._give(giver, market, outcome, -size)
        self._give(taker, market, outcome, size)
        self._settled({giver, taker}, market)

    def rebated(self, market: str, paid: dict[str, int]) -> None:
        """Makers were paid their part of the fees: no more than that, and by their weights."""
        self._step()
        pool = self._pool(market)
        share = max(0, pool.fees) * pool.rebate_e6 // 10**6
        whole = sum(weight for weight in pool.weights.values() if weight > 0)
        due = {name: share * max(0, own) // whole for name, own in pool.weights.items() if whole}
        for name, money in paid.items():
            if money != (right := due.get(name, 0)):
                self._wrong(f"{name} was rebated {money} of {market} where {right} is due")
            self._pay(name, money)
            self._pay(BANK, -money)
        if sum(paid.values()) != sum(due.values()):
            self._wrong(f"{market} rebated {sum(paid.values())} where {sum(due.values())} is due")
        pool.fees = 0
        pool.weights = {}
        self._settled({BANK, *paid}, market)

    def undone(self, market: str, trade: "Trade") -> None:
        """A trade was taken back: what it moved returns, its orders stay filled."""
        self._step()
        pool = self._pool(market)
        self._weigh(pool, trade, -1)
        bank = -trade.fee
        self._pay(trade.account, trade.fee)
        for fill in trade.makers:
            taken = fill.size * trade.price // WHOLE
            given = fill.size * fill.price // WHOLE
            back = {"BUY": "SELL", "SELL": "BUY"}
            flow = self._swap(
                trade.account, market, trade.outcome, back[trade.side], fill.size, taken
            )
            flow += self._swap(
                fill.account, market, fill.outcome, back[fill.side], fill.size, given
            )
            pairs = 0
            if trade.side == fill.side:
                pairs = -fill.size if trade.side == "BUY" else fill.size
            self._pair(pool, pairs)
            bank += flow - pairs
        self._pay(BANK, bank)
        self._settled({trade.account, BANK, *(fill.account for fill in trade.makers)}, market)

    # -- one step ----------------------------------------------------------------------------------

    def _step(self) -> None:
        self.steps += 1

    def _wrong(self, text: str) -> None:
        self.found += 1
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(f"step {self.steps}: {text}")
            self.complain(self.violations[-1])

    def _trade(self, pool: _Pool, request: "Request", trade: "Trade") -> None:
        """What a taker got at one level: at the makers' price, from orders that had it to give."""
        name = f"order {request.id}"
        if (trade.account, trade.outcome, trade.side) != (
            request.account,
            request.outcome,
            request.side,
        ):
            self._wrong(f"{name} traded as somebody else")
        worse = (
            trade.price - request.price if request.side == "BUY" else request.price - trade.price
        )
        if worse > 0:
            self._wrong(f"{name} traded at {trade.price}, beyond its limit of {request.price}")
        size = money = bank = 0
        for fill in trade.makers:
            paid, got = self._fill(pool, trade, fill)
            size += fill.size
            money += paid
            bank += got
        if (size, money) != (trade.size, trade.money):
            self._wrong(f"{name}: a trade's fills do not add up to it")
        fee = _fee(trade.price, size, pool.fee_e6)
        if fee != trade.fee:
            self._wrong(f"{name} paid a fee of {trade.fee} where {fee} was due")
        self._pay(trade.account, -fee)
        self._pay(BANK, fee + bank)
        self._weigh(pool, trade, 1)

    def _weigh(self, pool: _Pool, trade: "Trade", sign: int) -> None:
        """A maker's part in the fees is what its own fills would have been charged."""
        if not pool.fee_e6:
            return
        pool.fees += sign * trade.fee
        for fill in trade.makers:
            weight = sign * fill.size * fill.price * (WHOLE - fill.price)
            pool.weights[fill.account] = pool.weights.get(fill.account, 0) + weight

    def _fill(self, pool: _Pool, trade: "Trade", fill: "Fill") -> tuple[int, int]:
        """One resting order's part; answers (the taker's money, what rounding left the bank)."""
        self._known_maker(pool, trade, fill)
        self._take(fill.order_id, fill.size)
        market = pool.market
        taken = fill.size * trade.price // WHOLE
        given = fill.size * fill.price // WHOLE
        if given != fill.money:
            self._wrong(f"order {fill.order_id}: {fill.money} moved where {given} was due")
        flow = self._swap(trade.account, market, trade.outcome, trade.side, fill.size, taken)
        flow += self._swap(fill.account, market, fill.outcome, fill.side, fill.size, given)
        pairs = 0
        if trade.side == fill.side:
            pairs = fill.size if trade.side == "BUY" else -fill.size
        wanted = {True: "mint" if trade.side == "BUY" else "merge", False: "complementary"}
        if fill.pairing != wanted[trade.side == fill.side]:
            self._wrong(f"order {fill.order_id}: called {fill.pairing}, which it is not")
        self._pair(pool, pairs)
        return taken, flow - pairs

    def _known_maker(self, pool: _Pool, trade: "Trade", fill: "Fill") -> None:
        """The resting order is what the fill says it is, and stood first in line by price."""
        name = f"order {fill.order_id}"
        maker = self._orders.get(fill.order_id)
        if maker is None:
            self._wrong(f"{name} was filled and does not rest")
            return
        if fill.size > maker.left or fill.size <= 0:
            self._wrong(f"{name} was filled by {fill.size} with {maker.left} left")
        if fill.price != maker.price:
            self._wrong(f"{name} was filled at {fill.price}, not at its price {maker.price}")
        if (fill.account, fill.outcome, fill.side) != (maker.account, maker.outcome, maker.side):
            self._wrong(f"{name} was filled as another order")
        bid, level = maker.spot
        first = pool.best_bid() if bid else pool.best_ask()
        if level != first:
            self._wrong(f"{name} at {level} was met before {first}")
        if _spot(trade.outcome, trade.side, trade.price) != (not bid, level):
            self._wrong(f"{name}: both sides of a trade do not speak of one price")

    def _within(self, request: "Request", size: int, money: int) -> None:
        if request.size and size > request.size:
            self._wrong(f"order {request.id} of {request.size} was filled by {size}")
        if request.budget and money > request.budget:
            self._wrong(f"order {request.id} with {request.budget} to spend spent {money}")
        if request.post_only and size:
            self._wrong(f"order {request.id} is post-only and took")
        if request.kind == "FOK" and request.size and size != request.size:
            self._wrong(f"order {request.id} is all or nothing and got {size}")

    def _left(self, request: "Request", report: "Report", size: int) -> None:
        left = request.size - size if request.kind == "GTC" else 0
        if report.resting != left:
            self._wrong(f"order {request.id} rests with {report.resting}, not {left}")
        if left > 0:
            resting = _Resting(
                request.account,
                request.market,
                request.outcome,
                request.side,
                request.price,
                left,
            )
            self._rest(request.id, resting)

    # -- comparing ---------------------------------------------------------------------------------

    def _compare_changes(self, pool: _Pool, changes: Iterable["Change"]) -> None:
        for change in changes:
            total = pool.side(change.bid).get(change.price, 0)
            if total != change.size:
                self._wrong(f"a level at {change.price} is told as {change.size}, not {total}")

    def _compare_bests(self, pool: _Pool, report: "Report") -> None:
        bests = pool.best_bid(), pool.best_ask()
        if bests != (report.best_bid, report.best_ask):
            told = f"{report.best_bid}/{report.best_ask}"
            self._wrong(f"{report.market} is told as {told}, not {bests[0]}/{bests[1]}")
        if bests[0] is not None and bests[1] is not None and bests[0] >= bests[1]:
            self._wrong(f"{report.market} is crossed: {bests[0]} bid, {bests[1]} asked")

    def _settled(self, accounts: Iterable[str], market: str | None) -> None:
        """The accounts that a step touched are the engine's to the millionth."""
        engine = self._exchange.accounts
        for name in accounts:
            cash = self._cash.get(name, 0)
            if name not in engine or engine[name].cash != cash:
                self._wrong(f"{name} has {_cash(engine.get(name))} in cash, not {cash}")
            if cash < 0:
                self._wrong(f"{name} owes {-cash}")
            if market is not None:
                self._same_shares(name, market)
        if self._total != self._deposited:
            self._wrong(f"{self._deposited} were brought and {self._total} are there")

    def _same_shares(self, name: str, market: str) -> None:
        account = self._exchange.accounts.get(name)
        own = self._shares.get(name, {})
        for outcome in (0, 1):
            key = (market, outcome)
            held, theirs = own.get(key, 0), account.shares.get(key, 0) if account else 0
            if held != theirs:
                self._wrong(f"{name} holds {theirs} of {market} {outcome}, not {held}")
            if held < 0:
                self._wrong(f"{name} is short of {-held} shares of {market}")

    def full(self) -> None:
        """Everything at once: all accounts, all books of both outcomes, all pairs."""
        self._settled(set(self._cash) | set(self._exchange.accounts), None)
        for name, account in self._exchange.accounts.items():
            own = {key: size for key, size in self._shares.get(name, {}).items() if size}
            if own != account.shares:
                self._wrong(f"{name} holds other shares than were reported")
        for market in self._exchange.markets.values():
            self._same_book(market)
            self._same_pairs(market)

    def _same_book(self, market: "Market") -> None:
        pool = self._pool(market.id)
        yes_bids, yes_asks = market.levels(0)
        if (dict(yes_bids), dict(yes_asks)) != (pool.bids, pool.asks):
            self._wrong(f"the book of {market.id} is not what was reported")
        no_bids, no_asks = market.levels(1)
        mirrored = [(WHOLE - price, size) for price, size in yes_asks]
        if no_bids != mirrored or no_asks != [(WHOLE - price, size) for price, size in yes_bids]:
            self._wrong(f"the two books of {market.id} do not mirror each other")

    def _same_pairs(self, market: "Market") -> None:
        pool = self._pool(market.id)
        owned = [
            sum(shares.get((market.id, outcome), 0) for shares in self._shares.values())
            for outcome in (0, 1)
        ]
        if owned != [pool.pairs, pool.pairs] or market.pairs != pool.pairs:
            self._wrong(f"{market.id} holds {market.pairs} pairs for {owned[0]} and {owned[1]}")

    # -- own books ---------------------------------------------------------------------------------

    def _pool(self, market: str) -> _Pool:
        pool = self._pools.get(market)
        if pool is None:
            # not seen at the start, so it is new and nobody has shares of it yet
            known = self._exchange.markets[market]
            pool = self._pools[market] = _Pool(market, known.fee_rate_e6, known.rebate_e6, 0)
        return pool

    def _pay(self, account: str, money: int) -> None:
        self._total += money
        self._cash[account] = self._cash.get(account, 0) + money

    def _pair(self, pool: _Pool, size: int) -> None:
        self._total += size
        pool.pairs += size

    def _give(self, account: str, market: str, outcome: int, size: int) -> None:
        shares = self._shares.setdefault(account, {})
        shares[market, outcome] = shares.get((market, outcome), 0) + size

    def _swap(
        self, account: str, market: str, outcome: int, side: str, size: int, money: int
    ) -> int:
        """One side's shares and money change hands; answers what it paid."""
        sign = 1 if side == "BUY" else -1
        self._pay(account, -sign * money)
        self._give(account, market, outcome, sign * size)
        return sign * money

    def _rest(self, order_id: str, order: _Resting) -> None:
        bid, level = order.spot
        pool = self._pool(order.market)
        side = pool.side(bid)
        side[level] = side.get(level, 0) + order.left
        pool.orders[order_id] = None
        self._orders[order_id] = order

    def _take(self, order_id: str, size: int) -> None:
        order = self._orders.get(order_id)
        if order is None:
            return
        bid, level = order.spot
        pool = self._pools[order.market]
        side = pool.side(bid)
        side[level] -= size
        order.left -= size
        if side[level] <= 0:
            del side[level]
        if order.left <= 0:
            del self._orders[order_id]
            del pool.orders[order_id]

    def _remove(self, order_id: str) -> None:
        order = self._orders.get(order_id)
        if order is None:
            self._wrong(f"order {order_id} was taken off and does not rest")
        else:
            self._take(order_id, order.left)


def _spot(outcome: int, side: str, price: int) -> tuple[bool, int]:
    """(is a bid, price) of an interest, said in terms of YES."""
    return (side == "BUY") == (outcome == 0), price if outcome == 0 else WHOLE - price


def _fee(price: int, size: int, rate_e6: int) -> int:
    """shares x rate x p x (1-p) in millionths of a dollar, cut to five decimals."""
    exact = size * rate_e6 * price * (WHOLE - price)  # 6 + 6 + 4 + 4 decimals
    return exact // 10**15 * 10


def _cash(account: object) -> object:
    return getattr(account, "cash", "nothing")
