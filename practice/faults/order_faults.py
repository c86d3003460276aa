"""What the fault deck does to orders and trades of API users, by the venue's own hand."""

import heapq
from collections.abc import Iterable
from itertools import count

from practice.accounts.records import Placed, TradeRecord, TradeStatus
from practice.accounts.trading import PLAN, Trading
from practice.clock import SECOND
from practice.exchange.orders import PRICE_ONE, SHARE, Refused, Request
from practice.faults.deck import Deck
from practice.faults.http_faults import POST_ONLY_TEXT
from practice.world.agents import CROWD

Step = tuple[int, TradeStatus]

DUST = 1
"""The smallest fill there is: a millionth of a share."""
VENUE_CANCEL_NS = 5 * SECOND
"""An order that the venue takes off goes within this time."""
CLOSING_NS = 2 * SECOND
RESOLVING_NS = 3 * SECOND
FAILING_NS = 2 * SECOND
CONFIRMING_NS = SECOND
WAITING_MAX = 10_000


class OrderFaults:
    """Stands beside ``Trading`` and is asked at each order that rests and each trade."""

    def __init__(self, deck: Deck, trading: Trading) -> None:
        self._deck = deck
        self._trading = trading
        self._cancels: list[tuple[int, str]] = []
        self._ends: list[tuple[int, int, str]] = []
        self._numbers = count(1)
        trading.plan = self.plan
        trading.rested = self.rested
        trading.gate = self.gate

    def gate(self, post_only: bool) -> str:
        """Why the venue's mode forbids this order; batches hear it leg by leg."""
        if self._deck.idle or post_only:
            return ""
        mode, _ = self._deck.mode(self._trading.board.clock.now_ns())
        return POST_ONLY_TEXT if mode == "post-only" else ""

    def plan(self, record: TradeRecord) -> Iterable[Step]:
        """How a trade settles: as usual, after retries, or not at all."""
        if self._deck.draw("failed_trade"):
            return (PLAN[0][0], "RETRYING"), (PLAN[0][0] + FAILING_NS, "FAILED")
        if self._deck.draw("retrying_trade"):
            mined_ns = PLAN[0][0] + self._deck.span_ns("retrying_trade")
            return (
                (PLAN[0][0], "RETRYING"),
                (mined_ns, "MINED"),
                (mined_ns + CONFIRMING_NS, "CONFIRMED"),
            )
        return PLAN

    def rested(self, order: Placed) -> None:
        """An order is on the book and its answer not yet sent."""
        if self._deck.idle:
            return
        if self._deck.draw("dust_fill"):
            self._hit(order, DUST)
        if self._deck.draw("fill_before_ack"):
            self._hit(order, self._left(order))
        if self._deck.draw("venue_cancel") and len(self._cancels) < WAITING_MAX:
            chance = self._deck.chance("venue_cancel")
            at_ns = order.created_ns + chance.randrange(1, VENUE_CANCEL_NS)
            heapq.heappush(self._cancels, (at_ns, order.id))
        if self._deck.draw("market_end"):
            closed_ns = order.created_ns + CLOSING_NS
            for at_ns in (closed_ns, closed_ns + RESOLVING_NS):
                step = (at_ns, next(self._numbers), order.listing.spec.slug)
                heapq.heappush(self._ends, step)

    def tick(self, now_ns: int) -> None:
        """Do what the venue decided to do by itself, once its moment has come."""
        while self._cancels and self._cancels[0][0] <= now_ns:
            status = self._deck.chance("venue_cancel").choice(("CANCELED", "INVALID"))
            self._trading.take_off(heapq.heappop(self._cancels)[1], status)
        while self._ends and self._ends[0][0] <= now_ns:
            self._end(heapq.heappop(self._ends)[2])

    def _end(self, slug: str) -> None:
        """A market closes; one that is closed is resolved."""
        world = self._trading.board.world
        life = world.lives[slug]
        if life.market.state == "open":
            self._trading.publish(world.close(slug))
        elif life.market.state == "closed":
            self._trading.publish(world.resolve(slug, world.outcome(life.spec)))

    def _left(self, order: Placed) -> int:
        resting = self._trading.exchange.orders.get(order.id)
        return resting.remaining if resting else 0

    def _hit(self, order: Placed, size: int) -> None:
        """Somebody of the crowd takes ``size`` of an order, which must stand first in line.

        It sells, since a sale may be as small as it likes: of the same asset to a buyer, of the
        other to a seller, whose pair it ends.
        """
        if not size or not self._first(order):
            return
        slug, outcome, price = order.listing.spec.slug, order.outcome, order.terms.price
        if order.terms.side == "SELL":
            outcome, price = 1 - outcome, PRICE_ONE - price
        exchange = self._trading.exchange
        try:
            exchange.split(CROWD, slug, max(size, SHARE))
            request = Request(
                id=f"{CROWD}-{slug}-mishap-{next(self._numbers)}",
                account=CROWD,
                market=slug,
                outcome=outcome,
                side="SELL",
                price=price,
                size=size,
                kind="FAK",
            )
            report = exchange.place(request)
        except Refused:
            return  # the crowd has no money left
        self._trading.show(report)

    def _first(self, order: Placed) -> bool:
        """Whether the next to trade at the best price is this order."""
        resting = self._trading.exchange.orders.get(order.id)
        if resting is None:
            return False
        market = self._trading.exchange.markets[order.listing.spec.slug]
        side = market.bids if resting.bid else market.asks
        _, level = next(side.best_first())
        return next(iter(level.orders)) == order.id
