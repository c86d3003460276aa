"""Orders in and out: the gate on the way out, fills and payouts on the way in."""

from feeds import figures
from feeds.events import (
    CancelRequest,
    Fill,
    FillSettled,
    KillSwitch,
    MarketResolved,
    OrderRequest,
    OrderSealed,
    OrderSent,
    OrderState,
    OrderUpdate,
    Settlement,
)
from feeds.markets import Market, Money, Side, Size
from strategies.decisions import Answer, Cancel, CommandResult, OrderIntent, Place
from strategies.desk.orders import ImpossibleUpdate, OrderRecord, OrderTable
from strategies.desk.outbox import Outbox
from strategies.market_data import MarketData
from strategies.portfolio import Portfolio, Recalled, TooLate
from strategies.risk import Denial, Gate, RiskLimits, Wanted, fee_max

_TAKEN_BACK = (
    "the venue matched this trade and it did not settle: cash, position and profit are as if it "
    "had not been"
)
_PUT_BACK = "the venue said that this trade had failed, and now that it is confirmed"


class Trading:
    """Our orders, our money, and the gate between a wish and the venue."""

    def __init__(
        self,
        outbox: Outbox,
        market_data: MarketData,
        portfolio: Portfolio,
        limits: RiskLimits,
        session: str,
    ) -> None:
        self.orders = OrderTable()
        self.portfolio = portfolio
        self.gate = Gate(limits, market_data, portfolio)
        self.own: dict[tuple[str, str], Size] = {}
        """Shares by (strategy, asset) that a strategy's orders have bought less sold."""
        self.owners: dict[str, str] = {}
        """Whose orders of earlier sessions were, by order id."""
        self.changed = False
        """Whether orders or positions changed since somebody last set this to False."""
        self._outbox, self._market_data = outbox, market_data
        self._session, self._count = session, 0

    # -- out -------------------------------------------------------------------------------

    def check(self, wanted: Wanted) -> Denial | None:
        """What the gate would say of an order now; changes nothing."""
        open_orders = sum(1 for _ in self.orders.open())
        return self.gate.check(wanted, self._outbox.now_ns, open_orders)

    def place(self, wanted: Wanted, origin: str, strategy: str) -> OrderIntent | Denial:
        """Send an order through the gate."""
        denial = self.check(wanted)
        if denial is not None:
            return denial
        self._count += 1
        market = self._market_data.markets[wanted.condition_id]
        intent = OrderIntent(
            order_id=f"{self._session}-{self._count}",
            at_ns=self._outbox.now_ns,
            origin=origin,
            strategy=strategy,
            condition_id=wanted.condition_id,
            asset_id=wanted.asset_id,
            side=wanted.side,
            price=wanted.price,
            size=wanted.size,
            kind=wanted.kind,
            post_only=wanted.post_only,
            fee_max=fee_max(wanted, market),
        )
        self.gate.passed(self._outbox.now_ns)
        self._set_aside(self.orders.add(intent))
        self._outbox.put(Place(intent))
        self.changed = True
        return intent

    def requested(self, event: OrderRequest) -> None:
        """A person wants an order."""
        wanted = Wanted(
            event.condition_id,
            event.asset_id,
            event.side,
            event.price,
            event.size,
            event.kind,
            event.post_only,
        )
        placed = self.place(wanted, event.command_id, "")
        if isinstance(placed, Denial):
            self.answer(event.command_id, CommandResult.DENIED, placed.sentence)
        else:
            said = figures.order(event.side, event.size, self._outcome(event.asset_id), event.price)
            self.answer(
                event.command_id, CommandResult.CONFIRMED, f"Sent as {placed.order_id}: {said}."
            )

    def cancel(self, record: OrderRecord, reason: str) -> None:
        """Ask for an order to be taken off; asking twice is no harm."""
        record.cancelling = True
        self._outbox.put(Cancel(self._outbox.now_ns, record.intent.order_id, reason))

    def cancel_all(self, reason: str, strategy: str | None = None) -> int:
        """Ask for all open orders to be taken off, or all of one strategy."""
        records = [
            record
            for record in self.orders.open()
            if strategy is None or record.intent.strategy == strategy
        ]
        for record in records:
            self.cancel(record, reason)
        return len(records)

    def cancel_requested(self, event: CancelRequest) -> None:
        """A person wants one order gone, or all."""
        if not event.order_id:
            count = self.cancel_all("asked to cancel everything")
            said = f"Asked for {count} open orders to be taken off."
            self.answer(event.command_id, CommandResult.CONFIRMED, said)
            return
        record = self.orders.records.get(event.order_id)
        if record is None:
            said = f"There is no order {event.order_id[:60]} in this session."
            self.answer(event.command_id, CommandResult.DENIED, said)
        elif record.over:
            said = f"Order {event.order_id} is {record.state.value} already."
            self.answer(event.command_id, CommandResult.DENIED, said)
        else:
            self.cancel(record, "asked to cancel")
            said = f"Asked for {event.order_id} to be taken off."
            self.answer(event.command_id, CommandResult.CONFIRMED, said)

    def kill(self, event: KillSwitch) -> None:
        """Cancel everything and take no order, until it is off."""
        self.gate.killed = event.on
        if event.on:
            count = self.cancel_all("the kill switch is on")
            said = f"Kill switch on: {count} open orders are being taken off, no new ones leave."
        else:
            said = "Kill switch off: orders pass the gate again."
        title, _, body = said.partition(": ")
        self._outbox.alert("kill", "kill", title, body)
        self.answer(event.command_id, CommandResult.CONFIRMED, said)

    def answer(self, command_id: str, outcome: CommandResult, message: str) -> None:
        """Reply to a person's command."""
        self._outbox.put(Answer(self._outbox.now_ns, command_id, outcome, message))

    # -- in --------------------------------------------------------------------------------

    def sealed(self, event: OrderSealed) -> None:
        """An order has the id by which the venue will know it."""
        record = self.orders.records.get(event.order_id)
        if record is None:
            self._stranger(event.order_id, "has a seal")
        else:
            record.venue_id = event.venue_id

    def sent(self, event: OrderSent) -> None:
        """An order has left the house."""
        record = self.orders.records.get(event.order_id)
        if record is None:
            self._stranger(event.order_id, "was sent")
        else:
            record.sent_ns = event.at_ns

    def updated(self, update: OrderUpdate) -> None:
        """A broker's word on one of our orders."""
        record = self.orders.records.get(update.order_id)
        if record is None:
            self._stranger(update.order_id, f"is {update.state.value}")
            return
        before = record.state
        try:
            record.hear(update)
        except ImpossibleUpdate as error:
            record.state = OrderState.UNKNOWN
            self._trouble(record, f"{error}. Until it is known nothing is sent to this market.")
        self._block(record, before)
        self._set_aside(record)
        if record.state is before:
            return
        self.changed = True
        if record.state is OrderState.REFUSED:
            self._trouble(record, f"The venue refused it: {update.reason or 'no reason given'}.")

    def filled(self, fill: Fill) -> bool:
        """A fill: money first, then the order's own count. False when it is not ours or known."""
        record = self.orders.records.get(fill.order_id)
        if record is None:
            self._stranger(fill.order_id, "has a fill")
            return False
        if not self.portfolio.apply(fill):
            return False
        record.take(fill)
        self._own(record.intent.strategy, fill, 1)
        self._set_aside(record)
        self.changed = True
        self._say_of(fill, fill.order_id, self._deed(fill), _fee_words(fill.fee))
        return True

    def settled(self, event: FillSettled) -> None:
        """The venue's word on a fill: money first, then the order's own count."""
        fill = self.portfolio.fill(event.fill_id)
        if fill is None:
            self._stranger(event.order_id, f"has a fill that is {event.stage.value}")
            return
        self.changed = True
        try:
            turned = self.portfolio.settle(event.fill_id, event.stage)
        except TooLate as error:
            title = "A fill that failed can't be taken back"
            self._outbox.alert("order", fill.id, title, f"{error}: compare with the venue.")
            return
        if turned:
            self._turn(fill, event.stage is Settlement.FAILED)

    def _turn(self, fill: Fill, failed: bool) -> None:
        """A fill does not count any more, or counts again."""
        record = self.orders.records.get(fill.order_id)
        if record is not None:
            (record.take_back if failed else record.put_back)(fill)
            self._own(record.intent.strategy, fill, -1 if failed else 1)
            self._set_aside(record)
        else:
            self._own(self.owners.get(fill.order_id, ""), fill, -1 if failed else 1)
        title = f"{'Failed' if failed else 'Settled after all'}: {self._deed(fill)}"
        self._say_of(fill, fill.id, title, _TAKEN_BACK if failed else _PUT_BACK)

    def recall(self, fact: Recalled) -> None:
        """Take up again what was told in an earlier session: whose, and how much."""
        match fact:
            case Fill():
                known = self.portfolio.fill(fact.id) is not None
                self.portfolio.recall(fact)
                if not known:
                    self._own(self.owners.get(fact.order_id, ""), fact, 1)
            case FillSettled():
                counted = self.portfolio.counts(fact.fill_id)
                self.portfolio.recall(fact)
                fill = self.portfolio.fill(fact.fill_id)
                if fill is not None and self.portfolio.counts(fact.fill_id) is not counted:
                    self._own(self.owners.get(fill.order_id, ""), fill, -1 if counted else 1)
            case MarketResolved():
                self.portfolio.recall(fact)
                for position in self.portfolio.positions.values():
                    if position.condition_id == fact.condition_id:
                        self._disown(position.asset_id)

    def _disown(self, asset_id: str) -> None:
        for owner in [owner for owner in self.own if owner[1] == asset_id]:
            del self.own[owner]

    def _own(self, strategy: str, fill: Fill, sign: int) -> None:
        if not self.portfolio.decided(fill.condition_id):
            key = (strategy, fill.asset_id)
            self.own[key] = self.own.get(key, 0) + sign * fill.side.sign * fill.size

    def resolved(self, event: MarketResolved, market: Market | None) -> None:
        """A market is decided: positions are paid out, open orders are gone."""
        for record in list(self.orders.open()):
            if record.intent.condition_id == event.condition_id and not record.cancelling:
                self.cancel(record, "the market is decided")
        before = self.portfolio.realised
        paid = self.portfolio.resolve(event.condition_id, event.winner)
        for position in paid:
            self._disown(position.asset_id)
        if paid:
            self.changed = True
            profit = figures.dollars(self.portfolio.realised - before)
            question = market.question if market is not None else event.condition_id
            how = "Decided" if event.winner else "Void, half a dollar a share"
            title = f"{how}: {profit} realised"
            key = f"resolved:{event.condition_id}"
            self._outbox.alert("resolved", key, title, question, "", event.condition_id)

    def _set_aside(self, record: OrderRecord) -> None:
        """Keep the reservation at what the order may still need."""
        intent, left = record.intent, record.outstanding
        fee = -(-intent.fee_max * left // intent.size)
        self.portfolio.reserve(
            intent.order_id, intent.asset_id, intent.side, intent.price, left, fee
        )

    def _block(self, record: OrderRecord, before: OrderState) -> None:
        """A market with an order of unknown fate takes no more orders."""
        now_unknown = record.state is OrderState.UNKNOWN
        if now_unknown == (before is OrderState.UNKNOWN):
            return
        blocked, market = self.gate.blocked, record.intent.condition_id
        blocked[market] = blocked.get(market, 0) + (1 if now_unknown else -1)
        if not blocked[market]:
            del blocked[market]

    def _deed(self, fill: Fill) -> str:
        verb = "Bought" if fill.side is Side.BUY else "Sold"
        outcome = self._outcome(fill.asset_id)
        return f"{verb} {figures.shares(fill.size)} {outcome} at {figures.cent_price(fill.price)}"

    def _say_of(self, fill: Fill, key: str, title: str, said: str) -> None:
        market = self._market_data.markets.get(fill.condition_id)
        body = f"{market.question if market else fill.condition_id} · {said}"
        self._outbox.alert("fill", key, title, body, "", fill.condition_id)

    def _trouble(self, record: OrderRecord, body: str) -> None:
        intent = record.intent
        title = f"Order {intent.order_id}: {record.state.value}"
        self._outbox.alert("order", intent.order_id, title, body, "", intent.condition_id)

    def _stranger(self, order_id: str, what: str) -> None:
        body = f"Order {order_id} {what}, but this session did not place it. Nothing was booked."
        self._outbox.alert("order", order_id, "An order that is not ours", body)

    def _outcome(self, asset_id: str) -> str:
        market = self._market_data.market_of(asset_id)
        return market.outcome(asset_id).name if market is not None else "shares"


def _fee_words(fee: Money) -> str:
    return f"fee {figures.dollars(fee)}" if fee else "no fee"
