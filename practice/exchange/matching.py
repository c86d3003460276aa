"""The matching engine: price-time priority in exact integers.

No clock, no chance, no I/O: the same requests in the same order give the same answers.

One market is one pool of liquidity. Inside, everything is said in terms of YES: an interest to
buy YES at p and one to sell NO at 1-p are both a *bid* at p; selling YES at p and buying NO at
1-p are both an *offer* at p. A bid meets an offer in four ways: the shares change hands (both
speak of the same asset), a pair is minted (two buyers) or a pair is merged (two sellers).

Rounding: each side's money is its own price times the size, rounded down. A buyer so never pays
more than it reserved. The millionth that a mint lacks or a merge leaves is the treasury's, which
also takes the fees; cash and pairs therefore add up to what was deposited, always.
"""

from dataclasses import dataclass, field

from practice.exchange.book import CASH, COARSE_TICK, NOBODY, Account, Level, Market
from practice.exchange.orders import (
    DOLLAR,
    KILLED,
    NO,
    PRICE_ONE,
    SHARE,
    VOID,
    YES,
    Change,
    Fill,
    Order,
    Pairing,
    Refused,
    Report,
    Request,
    TickChange,
    Trade,
    Witness,
    decimal,
    notional,
    taker_fee,
)

TREASURY = "treasury"

FINE_TICK = 10
FINE_ABOVE = 9_600
FINE_BELOW = 400

MIN_MARKETABLE_BUY = DOLLAR
FINISHED_MAX = 100_000


@dataclass(slots=True)
class _Plan:
    """What an arriving order would do, found before anything is changed."""

    fills: list[tuple[Order, int]] = field(default_factory=list)
    stale: list[Order] = field(default_factory=list)
    size: int = 0
    money: int = 0
    fee: int = 0
    exhausted: bool = False


class Exchange:
    """All markets and accounts of one venue."""

    def __init__(self) -> None:
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {TREASURY: Account()}
        self.orders: dict[str, Order] = {}
        self.deposited = 0
        self.self_trades = False
        """Whether an order may meet its own account's; if not, the resting one is taken off."""
        self.witnesses: list[Witness] = []
        self._finished: dict[str, None] = {}

    # -- accounts and markets ----------------------------------------------------------------

    def add_market(self, market: Market) -> Market:
        assert market.id not in self.markets, f"market {market.id} is there twice"
        self.markets[market.id] = market
        return market

    def deposit(self, account: str, cash: int) -> Account:
        """Bring money from outside."""
        owner = self.accounts.setdefault(account, Account())
        owner.cash += cash
        self.deposited += cash
        for witness in self.witnesses:
            witness.deposited(account, cash)
        return owner

    def withdraw(self, account: str, cash: int) -> None:
        """Take money out; orders that it stood behind stay until somebody cancels them."""
        owner = self.accounts[account]
        assert 0 <= cash <= owner.cash, f"{account} has no {cash} to take out"
        owner.cash -= cash
        self.deposited -= cash
        for witness in self.witnesses:
            witness.deposited(account, -cash)

    def hand_over(self, giver: str, taker: str, market: str, outcome: int, size: int) -> None:
        """Shares go from one account to another outside of the book, as on the chain."""
        self.accounts[giver].give(market, outcome, -size)
        self.accounts[taker].give(market, outcome, size)
        for witness in self.witnesses:
            witness.handed_over(giver, taker, market, outcome, size)

    def split(self, account: str, market: str, size: int) -> None:
        """Turn money into as many pairs of YES and NO shares."""
        owner = self.accounts[account]
        if owner.free(market, CASH) < size:
            raise Refused(_no_cover(owner, market, CASH, size))
        owner.cash -= size
        self.markets[market].pairs += size
        owner.give(market, YES, size)
        owner.give(market, NO, size)
        for witness in self.witnesses:
            witness.split(account, market, size)

    # -- orders ------------------------------------------------------------------------------

    def place(self, request: Request) -> Report:
        """Match what can be matched, rest what may rest; Refused when the rules forbid it."""
        market = self._checked(request)
        order = _arriving(request)
        plan = self._plan(market, order)
        self._check_plan(market, order, plan)
        touched: dict[tuple[bool, int], int] = {}
        for stale in plan.stale:
            self._take_off(market, stale, touched)
        trades = self._execute(market, order, plan, touched)
        if request.kind == "GTC" and order.remaining:
            self._rest(market, order, touched)
        else:
            self._finish(request.id)
        stale_ids = [stale.id for stale in plan.stale]
        report = self._report(market, order, touched, trades, stale_ids)
        for witness in self.witnesses:
            witness.placed(request, report)
        return report

    def check(self, request: Request) -> None:
        """Refused when the rules forbid the request whatever it would meet; nothing changes."""
        self._checked(request)

    def cancel(self, order_id: str) -> Report:
        """Take the unfilled part off the book."""
        order = self.orders.get(order_id)
        if order is None:
            known = order_id in self._finished
            raise Refused("already canceled or matched" if known else "Order not found")
        market = self.markets[order.request.market]
        touched: dict[tuple[bool, int], int] = {}
        self._take_off(market, order, touched)
        report = self._report(market, None, touched, (), [order_id])
        for witness in self.witnesses:
            witness.canceled(report)
        return report

    # -- the life of a market ----------------------------------------------------------------

    def set_tick(self, market_id: str, tick: int) -> TickChange | None:
        """Another grid from now on; resting orders stay where they are."""
        market = self.markets[market_id]
        if market.tick == tick:
            return None
        change = TickChange(market.tick, tick)
        market.tick = tick
        market.version += 1
        return change

    def close(self, market_id: str) -> Report:
        """Stop trading: every resting order is taken off, new ones are refused."""
        report = self._close(market_id)
        for witness in self.witnesses:
            witness.ended(market_id, None, report)
        return report

    def _close(self, market_id: str) -> Report:
        market = self.markets[market_id]
        market.state = "closed"
        resting = [order for order in self.orders.values() if order.request.market == market_id]
        touched: dict[tuple[bool, int], int] = {}
        for order in resting:
            self._take_off(market, order, touched)
        return self._report(market, None, touched, (), [order.id for order in resting])

    def resolve(self, market_id: str, winner: int) -> Report:
        """Close, and pay one dollar for each share of the winner, or half of one for all (VOID)."""
        report = self._close(market_id)
        market = self.markets[market_id]
        market.state, market.winner = "resolved", winner
        for account in self.accounts.values():
            for outcome in (YES, NO):
                paid = market.pays(outcome, account.shares.pop((market_id, outcome), 0))
                account.cash += paid
                market.pairs -= paid
        assert market.pairs >= 0, f"{market_id} paid out what it did not hold"
        assert market.pairs == 0 or winner == VOID, f"{market_id} kept what its winners own"
        self.accounts[TREASURY].cash += market.pairs  # odd millionths, halved and rounded down
        market.pairs = 0
        for witness in self.witnesses:
            witness.ended(market_id, winner, report)
        return report

    def pay_rebates(self, market_id: str) -> dict[str, int]:
        """Pay makers their part of the fees taken since the last time, and count anew.

        Answers what each was paid.
        """
        market = self.markets[market_id]
        paid = market.rebates()
        for account, money in paid.items():
            self.accounts[account].cash += money
            self.accounts[TREASURY].cash -= money
        market.fees = 0
        market.earned.clear()
        for witness in self.witnesses:
            witness.rebated(market_id, paid)
        return paid

    def undo(self, market_id: str, trade: Trade) -> bool:
        """Take a trade back whose settlement failed: money, shares and fee return.

        The orders stay filled. False, and nothing is done, when somebody no longer has what it
        got, or when the market is resolved.
        """
        market = self.markets[market_id]
        parts: list[Trade | Fill] = [trade, *trade.makers]
        if market.state == "resolved" or not all(self._can_return(market, one) for one in parts):
            return False
        flow = 0
        for part in parts:
            flow += self._return(market, part)
        paired = sum(_paired(fill) for fill in trade.makers)
        market.pairs -= paired
        market.traded -= trade.size
        market.count_fee(trade, -1)
        self.accounts[trade.account].cash += trade.fee
        self.accounts[TREASURY].cash -= trade.fee + flow - paired
        for witness in self.witnesses:
            witness.undone(market_id, trade)
        return True

    def _can_return(self, market: Market, part: Trade | Fill) -> bool:
        account = self.accounts[part.account]
        what, need = (part.outcome, part.size) if part.side == "BUY" else (CASH, part.money)
        return account.free(market.id, what) >= need

    def _return(self, market: Market, part: Trade | Fill) -> int:
        """Move one side's money and shares back; answers the money that it had paid."""
        account = self.accounts[part.account]
        sign = 1 if part.side == "BUY" else -1
        account.cash += sign * part.money
        account.give(market.id, part.outcome, -sign * part.size)
        return sign * part.money

    # -- checks before anything moves --------------------------------------------------------

    def _checked(self, request: Request) -> Market:
        market = self.markets.get(request.market)
        if market is None:
            raise Refused("market not found")
        if market.state != "open":
            raise Refused("the market is not yet ready to process new orders")
        if request.id in self.orders or request.id in self._finished:
            raise Refused(f"order {request.id} is invalid. Duplicated.")
        _check_price(request, market)
        _check_amount(request, market)
        self._check_cover(request)
        return market

    def _check_cover(self, request: Request) -> None:
        owner = self.accounts.get(request.account, NOBODY)
        what, need = _needed(request), request.size
        if request.side == "BUY":
            need = request.budget or notional(request.price, request.size)
        if need > owner.free(request.market, what):
            raise Refused(_no_cover(owner, request.market, what, need))

    def _check_plan(self, market: Market, order: Order, plan: _Plan) -> None:
        request = order.request
        if request.post_only and (plan.fills or plan.stale):
            raise Refused("invalid post-only order: order crosses book")
        if request.kind == "FOK" and not plan.exhausted:
            raise Refused(KILLED)
        if request.kind == "FAK" and not plan.fills:
            raise Refused(
                "no orders found to match with FAK order. "
                "FAK orders are partially filled or killed if no match is found."
            )
        if request.side == "BUY" and plan.fills:
            self._check_buy(market, order, plan)

    def _check_buy(self, market: Market, order: Order, plan: _Plan) -> None:
        """The dollar rule, and whether fees on top of the price are covered."""
        request = order.request
        asked = request.budget or notional(request.price, request.size)
        if asked < MIN_MARKETABLE_BUY:
            amount = decimal(asked, DOLLAR)
            raise Refused(f"invalid amount for a marketable BUY order (${amount}), min size: $1")
        rest = 0
        if request.kind == "GTC":
            rest = notional(request.price, request.size - plan.size)
        need = plan.money + plan.fee + rest
        owner = self.accounts[request.account]
        if need > owner.free(market.id, CASH):
            raise Refused(_no_cover(owner, market.id, CASH, need))

    # -- planning: who would be met, without changing anything -----------------------------------

    def _plan(self, market: Market, order: Order) -> _Plan:
        plan = _Plan()
        opposite = market.asks if order.bid else market.bids
        spent: dict[tuple[str, int], int] = {}
        for price, level in opposite.best_first():
            if (price > order.level) if order.bid else (price < order.level):
                break
            own_price = price if order.request.outcome == YES else PRICE_ONE - price
            before = plan.size
            self._plan_level(order, level, own_price, plan, spent)
            fee = taker_fee(own_price, plan.size - before, market.fee_rate_e6)
            plan.fee += fee
            if plan.exhausted:
                break
        return plan

    def _plan_level(
        self,
        order: Order,
        level: Level,
        own_price: int,
        plan: _Plan,
        spent: dict[tuple[str, int], int],
    ) -> None:
        request = order.request
        for maker in level.orders.values():
            wanted = _wanted(request, plan, own_price)
            if not wanted:
                plan.exhausted = True
                return
            if maker.request.account == request.account and not self.self_trades:
                plan.stale.append(maker)
                continue
            size = min(wanted, maker.remaining)
            if not self._covers(maker, size, spent):
                plan.stale.append(maker)
                continue
            plan.fills.append((maker, size))
            plan.size += size
            plan.money += notional(own_price, size)
            if size == wanted:
                plan.exhausted = True  # a millionth left by rounding buys nothing further down
                return
        plan.exhausted = not _wanted(request, plan, own_price)

    def _covers(self, maker: Order, size: int, spent: dict[tuple[str, int], int]) -> bool:
        """Whether a resting order still has what it gives: it may be gone by another way."""
        request, what = maker.request, _needed(maker.request)
        need = notional(request.price, size) if what == CASH else size
        owner = self.accounts[request.account]
        has = owner.cash if what == CASH else owner.shares.get((request.market, what), 0)
        before = spent.get((request.account, what), 0)
        spent[request.account, what] = before + need
        return before + need <= has

    # -- execution -----------------------------------------------------------------------------

    def _execute(
        self, market: Market, order: Order, plan: _Plan, touched: dict[tuple[bool, int], int]
    ) -> tuple[Trade, ...]:
        trades = []
        at = 0
        while at < len(plan.fills):
            level = plan.fills[at][0].level
            upto = at
            while upto < len(plan.fills) and plan.fills[upto][0].level == level:
                upto += 1
            trades.append(self._trade(market, order, plan.fills[at:upto]))
            touched[not order.bid, level] = order.request.outcome
            at = upto
        if trades:
            market.last = trades[-1]
        return tuple(trades)

    def _trade(self, market: Market, order: Order, fills: list[tuple[Order, int]]) -> Trade:
        """All fills at one level: money, shares and the fee change hands."""
        request = order.request
        level = fills[0][0].level
        price = level if request.outcome == YES else PRICE_ONE - level
        makers = tuple(self._fill(market, order, maker, size) for maker, size in fills)
        size = sum(fill.size for fill in makers)
        money = sum(notional(price, fill.size) for fill in makers)
        fee = taker_fee(price, size, market.fee_rate_e6)
        self.accounts[request.account].cash -= fee
        self.accounts[TREASURY].cash += fee
        if request.size:
            order.remaining -= size
        market.traded += size
        trade = Trade(
            request.id,
            request.account,
            request.outcome,
            request.side,
            price,
            size,
            money,
            fee,
            makers,
        )
        market.count_fee(trade)
        return trade

    def _fill(self, market: Market, order: Order, maker: Order, size: int) -> Fill:
        taken, given = order.request, maker.request
        taker_price = maker.level if taken.outcome == YES else PRICE_ONE - maker.level
        pairing: Pairing = "complementary"
        if taken.side == given.side:
            pairing = "mint" if taken.side == "BUY" else "merge"
        flow = self._settle(market, taken, taker_price, size)
        flow += self._settle(market, given, given.price, size)
        self._release(maker, size)
        self._reduce(market, maker, size)
        money = notional(given.price, size)
        fill = Fill(
            given.id, given.account, given.outcome, given.side, given.price, size, money, pairing
        )
        market.pairs += _paired(fill)
        # what both sides paid less what the pairs took: a rounding of at most one millionth
        self.accounts[TREASURY].cash += flow - _paired(fill)
        return fill

    def _settle(self, market: Market, request: Request, price: int, size: int) -> int:
        """Move one side's cash and shares; answers the money it paid (negative: received)."""
        account = self.accounts[request.account]
        sign = 1 if request.side == "BUY" else -1
        money = sign * notional(price, size)
        account.cash -= money
        account.give(market.id, request.outcome, sign * size)
        return money

    def _release(self, order: Order, size: int) -> None:
        """Give back what stood behind ``size`` of a resting order."""
        request = order.request
        amount = size
        if request.side == "BUY":
            left = order.remaining - size
            amount = notional(request.price, order.remaining) - notional(request.price, left)
        self.accounts[request.account].hold(request.market, _needed(request), -amount)

    # -- the book --------------------------------------------------------------------------------

    def _rest(self, market: Market, order: Order, touched: dict[tuple[bool, int], int]) -> None:
        request = order.request
        amount = order.remaining
        if request.side == "BUY":
            amount = notional(request.price, order.remaining)
        self.accounts[request.account].hold(market.id, _needed(request), amount)
        (market.bids if order.bid else market.asks).add(order)
        self.orders[request.id] = order
        touched[order.bid, order.level] = request.outcome

    def _reduce(self, market: Market, order: Order, size: int) -> None:
        (market.bids if order.bid else market.asks).reduce(order, size)
        if not order.remaining:
            del self.orders[order.id]
            self._finish(order.id)

    def _take_off(self, market: Market, order: Order, touched: dict[tuple[bool, int], int]) -> None:
        touched[order.bid, order.level] = order.request.outcome
        self._release(order, order.remaining)
        self._reduce(market, order, order.remaining)

    def _finish(self, order_id: str) -> None:
        self._finished[order_id] = None
        if len(self._finished) > FINISHED_MAX:
            del self._finished[next(iter(self._finished))]

    def _report(
        self,
        market: Market,
        order: Order | None,
        touched: dict[tuple[bool, int], int],
        trades: tuple[Trade, ...],
        canceled: list[str],
    ) -> Report:
        if touched:
            market.version += 1
        changes = tuple(
            Change(bid, price, (market.bids if bid else market.asks).total(price), outcome)
            for (bid, price), outcome in touched.items()
        )
        resting = order.remaining if order and order.id in self.orders else 0
        return Report(
            market.id,
            order.id if order else canceled[0] if canceled else "",
            "canceled" if order is None else "matched" if trades else "live",
            resting,
            changes,
            trades,
            tuple(canceled),
            market.bids.best(),
            market.asks.best(),
            self._finer(market) if trades else None,
        )

    def _finer(self, market: Market) -> TickChange | None:
        """Beyond 0.96 and below 0.04 a market of cents is quoted in tenths of a cent."""
        assert market.last is not None, "a market that traded has a last trade"
        price = market.last.yes_price
        if market.tick != COARSE_TICK or FINE_BELOW <= price <= FINE_ABOVE:
            return None
        return self.set_tick(market.id, FINE_TICK)


def _paired(fill: Fill) -> int:
    """How many pairs a fill made; negative when it ended some."""
    return {"complementary": 0, "mint": fill.size, "merge": -fill.size}[fill.pairing]


def _arriving(request: Request) -> Order:
    bid = (request.side == "BUY") == (request.outcome == YES)
    level = request.price if request.outcome == YES else PRICE_ONE - request.price
    return Order(request, request.size, bid, level)


def _needed(request: Request) -> int:
    """What an order holds back: cash, or shares of its outcome."""
    return CASH if request.side == "BUY" else request.outcome


def _wanted(request: Request, plan: _Plan, price: int) -> int:
    """Shares still wanted at ``price``."""
    if request.budget:
        return (request.budget - plan.money) * PRICE_ONE // price
    return request.size - plan.size


def _check_price(request: Request, market: Market) -> None:
    price = request.price
    if not 0 < price < PRICE_ONE:
        raise Refused("invalid price, price must be greater than 0 and less than 1")
    if price % market.tick or not market.tick <= price <= PRICE_ONE - market.tick:
        raise Refused(
            f"order {request.id} is invalid. Price ({decimal(price, PRICE_ONE)}) "
            f"breaks minimum tick size rule: {decimal(market.tick, PRICE_ONE)}"
        )


def _check_amount(request: Request, market: Market) -> None:
    if request.post_only and request.kind != "GTC":
        raise Refused("invalid post-only order: only GTC and GTD orders may be post-only")
    by_money = request.budget > 0
    if by_money and (request.size or request.kind == "GTC" or request.side == "SELL"):
        raise Refused("Invalid order payload")
    if (request.budget or request.size) <= 0:
        raise Refused("Invalid order payload")
    if request.kind == "GTC" and request.size < market.min_size:
        raise Refused(
            f"order {request.id} is invalid. Size ({decimal(request.size, SHARE)}) "
            f"lower than the minimum: {decimal(market.min_size, SHARE)}"
        )


def _no_cover(owner: Account, market: str, what: int, amount: int) -> str:
    """In the venue's words, the longer ones when other orders hold something back."""
    has = owner.cash if what == CASH else owner.shares.get((market, what), 0)
    text = f"not enough balance / allowance: the balance is not enough -> balance: {has}, "
    if held := owner.reserved.get((market, what), 0):
        text += f"sum of active orders: {held}, sum of matched orders: 0, order amount (inc. fees)"
        return f"{text}: {amount}"
    return f"{text}order amount: {amount}"
