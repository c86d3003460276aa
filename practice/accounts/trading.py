"""Orders of API users: placed into the world's own books, followed until they are over.

There is one exchange: what is placed here meets the world's traders, and they meet it. Whatever
happens to a book is shown to ``observe``, which finds what concerns the users, records it and
tells them. Times are the world's.
"""

import heapq
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import count

from practice.accounts.approvals import UNLIMITED
from practice.accounts.order_entry import GTD_MARGIN_S, Post, signed_at_ns, struct_of, terms_of
from practice.accounts.records import Party, Placed, Row, TradeRecord, TradeStatus, notice
from practice.accounts.registry import Accounts, ApiKey, stranger
from practice.accounts.signing import Exchange as Contract
from practice.accounts.signing import Forged, address_bytes, checksummed, exchange_for, order_digest
from practice.accounts.signing import signer_of as signer
from practice.clock import SECOND
from practice.exchange.book import CASH, NOBODY
from practice.exchange.orders import (
    DOLLAR,
    KILLED,
    SHARE,
    Fill,
    Refused,
    Report,
    Request,
    Side,
    Trade,
    decimal,
)
from practice.world.board import Board, Listing
from practice.world.simulation import Moved

ORDERS_KEPT_MAX = 100_000
TRADES_KEPT_MAX = 100_000
NOTICES_MAX = 200
MINED_NS = SECOND * 2 // 5
CONFIRMED_NS = 2 * SECOND
BEAT_NS = 15 * SECOND
"""Silence of the wall after which orders go: ten seconds, and five that the venue adds."""
NOT_COVERED = "CANCELED_NOT_ENOUGH_BALANCE"
CANCELLED_NOTICE, FILLED_NOTICE, FAILED_NOTICE = 1, 2, 8

Tell = Callable[[str, str, Row], None]
"""(API user's address, condition id, event): something for the user stream."""
Step = tuple[int, TradeStatus]


class Trading:
    """All orders and trades of API users."""

    def __init__(self, board: Board, accounts: Accounts, publish: Callable[[Moved], None]) -> None:
        self.board = board
        self.accounts = accounts
        self.exchange = board.world.exchange
        self.orders: dict[str, Placed] = {}
        self.trades: dict[str, TradeRecord] = {}
        self._records: dict[int, TradeRecord] = {}  # by the identity of the trade
        self.notices: dict[str, deque[Row]] = {}
        self.flat_amounts = False
        """Whether market orders may want four decimals at most, whatever the grid."""
        self.tell: Tell = _nobody
        self.plan: Callable[[TradeRecord], Iterable[Step]] = lambda _: PLAN
        self.rested: Callable[[Placed], None] = lambda _: None
        """Asked with each order that rests, before its answer is sent."""
        self.gate: Callable[[bool], str] = lambda _: ""
        """(is it post-only) -> why the venue's mode forbids an order now, or ""."""
        self.publish = publish
        self._live: dict[str, dict[str, None]] = {}
        self._expiring: list[tuple[int, str]] = []
        self._delayed: list[tuple[int, int, str]] = []
        self._settling: list[tuple[int, int, str, TradeStatus]] = []
        self._beats: dict[str, tuple[str, int]] = {}
        self._beat_ns = int(BEAT_NS * board.clock.speed)
        self._numbers = count(1)

    # -- placing -----------------------------------------------------------------------------------

    def place(self, key: ApiKey, post: Post) -> Row:
        """The venue's answer to an accepted order; Refused says why not."""
        if post.owner != key.key:
            raise Refused("the order owner has to be the owner of the API KEY")
        if key.owner in self.accounts.banned:
            raise Refused(f"'{key.owner}' address banned")
        if key.owner in self.accounts.closed_only and post.order.side == "BUY":
            raise Refused(f"'{key.owner}' address in closed only mode")
        found = self.board.by_asset.get(post.order.tokenId)
        if found is None:
            raise Refused("Invalid token id")
        maker = _canonical(post.order.maker)
        spokesman = _canonical(post.order.signer)
        self.accounts.check_maker(key.owner, maker, spokesman, post.order.signatureType)
        order_id = self._signed(key, post, found[0])
        return self.enter(key, maker, found, order_id, post)

    def _signed(self, key: ApiKey, post: Post, listing: Listing) -> str:
        """The order's id, once its signature is found to be the key owner's."""
        struct = struct_of(post.order)
        contract = _contract(listing)
        try:
            signature = bytes.fromhex(post.order.signature.removeprefix("0x"))
            signed = signer(struct, signature, contract) == key.owner
        except (Forged, ValueError):
            signed = False
        if not signed:
            raise Refused("invalid signature")
        return "0x" + order_digest(struct, contract).hex()

    def enter(
        self, key: ApiKey, maker: str, asset: tuple[Listing, int], order_id: str, post: Post
    ) -> Row:
        """Place an order whose signature is known to be good."""
        if closed := self.gate(post.postOnly):
            raise Refused(closed)
        if order_id in self.orders:
            raise Refused(f"order {order_id} is invalid. Duplicated.")
        listing, outcome = asset
        now_ns = self.board.clock.now_ns()
        dated_ns, pace = self._dated_by(post)
        terms = terms_of(
            post, order_id, self.board.market(listing).tick, dated_ns // SECOND, self.flat_amounts
        )
        builder = post.order.builder.lower()
        order = Placed(order_id, key, maker, listing, outcome, terms, now_ns, builder)
        if terms.expiration:
            left_ns = (terms.expiration - GTD_MARGIN_S) * SECOND - dated_ns
            order.ends_ns = now_ns + int(left_ns * pace)
        if self._waits(order):
            return self._hold(order)
        self._check_allowed(order)
        try:
            report = self.exchange.place(_request(order))
        except Refused as refusal:
            self._killed(order, str(refusal))
            raise
        self._keep(order)
        self._tell_order(order, "PLACEMENT")
        return self._met(order, report)

    def _killed(self, order: Placed, why: str) -> None:
        """An order that is all or nothing and got nothing is told of, with odd gaps."""
        if why == KILLED:
            event = order.event("CANCELLATION", self.board.clock.now_ns(), f"CANCELED_{why}")
            gaps = {"size_matched": "", "outcome": "", "created_at": "", "associate_trades": []}
            self.tell(order.key.owner, order.listing.condition, event | gaps)

    def _dated_by(self, post: Post) -> tuple[int, float]:
        """(now, seconds of the world for one of its own) of the clock by which the client dates.

        That is the wall's, or the world's as ``/time`` tells it: the one nearer to the order's.
        """
        clock, signed_ns = self.board.clock, signed_at_ns(post.order)
        clocks = ((clock.wall_ns(), clock.speed), (clock.now_ns(), 1.0))
        return min(clocks, key=lambda one: abs(one[0] - signed_ns))

    def _check_allowed(self, order: Placed) -> None:
        """Refused when the exchange may not move what the order gives."""
        terms = order.terms
        need = terms.size if terms.side == "SELL" else terms.budget or terms.money
        allowed = self._allowed(order.maker, order.listing, terms.side)
        held = self.exchange.accounts.get(order.maker, NOBODY).reserved
        if need + held.get((order.listing.spec.slug, _gives(order)), 0) > allowed:
            self.exchange.check(_request(order))  # what else is wrong is said first
            spender = _contract(order.listing).address
            raise Refused(
                "not enough balance / allowance: the allowance is not enough -> "
                f"spender: {spender}, allowance: {allowed}, order amount: {need}"
            )

    def _allowed(self, wallet: str, listing: Listing, side: Side) -> int:
        spender, approvals = _contract(listing).address, self.accounts.approvals
        if side == "BUY":
            return approvals.money(wallet, spender)
        return UNLIMITED if approvals.shares(wallet, spender) else 0

    def _met(self, order: Placed, report: Report) -> Row:
        """An order met the book: show it, and answer."""
        self.show(report)
        self.board.world.lives[order.listing.spec.slug].feel(report)
        if order.live and order.id not in self.exchange.orders:
            self._end(order, "MATCHED" if order.filled else "CANCELED")
        answer = _accepted(order, report)
        if order.live:
            self.rested(order)
        return answer

    def _waits(self, order: Placed) -> bool:
        """Some markets hold whatever would match for some seconds, so that makers may flee."""
        terms = order.terms
        if not order.listing.spec.delay_s or terms.post_only:
            return False
        bid, ask = self.board.bests(order.listing, order.outcome)
        if terms.side == "BUY":
            return ask is not None and terms.price >= ask
        return bid is not None and terms.price <= bid

    def _hold(self, order: Placed) -> Row:
        self._check_allowed(order)
        self.exchange.check(_request(order))
        order.status = "DELAYED"
        self.orders[order.id] = order
        due_ns = order.created_ns + order.listing.spec.delay_s * SECOND
        heapq.heappush(self._delayed, (due_ns, next(self._numbers), order.id))
        self._tell_order(order, "PLACEMENT")
        return _answer(order.id, "delayed")

    def _release(self, order: Placed) -> None:
        """The delay is over: the order is looked at anew, and meets the book as it is now."""
        try:
            self._check_allowed(order)
            report = self.exchange.place(_request(order))
        except Refused as refusal:
            is_open = self.board.market(order.listing).state == "open"
            why = NOT_COVERED if "not enough balance" in str(refusal) else "CANCELED"
            self._end(order, why if is_open else "CANCELED_MARKET_RESOLVED")
            return
        order.status = "LIVE"
        self._keep(order)
        if not report.trades:
            self._tell_order(order, "UPDATE", "UNMATCHED")
        self._met(order, report)

    def _keep(self, order: Placed) -> None:
        self.orders[order.id] = order
        self._live.setdefault(order.listing.spec.slug, {})[order.id] = None
        if order.ends_ns:
            heapq.heappush(self._expiring, (order.ends_ns, order.id))
        if len(self.orders) > ORDERS_KEPT_MAX:
            done = (one for one in self.orders.values() if one.status in {"MATCHED", "CANCELED"})
            oldest = next(done, None)
            if oldest:
                del self.orders[oldest.id]

    def show(self, report: Report) -> None:
        """Let the whole world see what one of our requests changed."""
        if report.changes or report.trades or report.tick:
            self.publish(
                Moved(
                    self.board.world.now_ns,
                    report.market,
                    report.changes,
                    report.trades,
                    report.best_bid,
                    report.best_ask,
                    report.tick,
                )
            )

    # -- cancelling --------------------------------------------------------------------------------

    def cancel(self, owner: str, ids: Iterable[str]) -> Row:
        """Take a user's orders off; both lists are always in the answer."""
        canceled: list[str] = []
        kept: dict[str, str] = {}
        for order_id in dict.fromkeys(ids):
            order = self.orders.get(order_id)
            if order and order.live:
                self._reconcile(order.listing.spec.slug)
            if order is None or order.key.owner != owner:
                kept[order_id] = "Order not found"
            elif order.status == "DELAYED":
                kept[order_id] = "order is delayed and can't be canceled until it was matched"
            elif not order.live:
                kept[order_id] = "already canceled or matched"
            else:
                self._take_off(order, "CANCELED")
                canceled.append(order_id)
        return {"canceled": canceled, "not_canceled": kept}

    def cancel_where(self, owner: str, condition: str = "", asset: str = "") -> Row:
        """Take off all of a user's orders, or those of one market or asset."""
        return self.cancel(owner, [one.id for one in self.open_orders(owner, condition, asset)])

    def _take_off(self, order: Placed, status: str) -> None:
        report = self.exchange.cancel(order.id)
        self._end(order, status)
        self.show(report)

    def take_off(self, order_id: str, status: str = "CANCELED") -> None:
        """The venue takes an order off by itself, and says so in one of its ways."""
        order = self.orders.get(order_id)
        if order and order.live:
            self._reconcile(order.listing.spec.slug)
        if order and order.live:
            self._take_off(order, status)
            self._notify(CANCELLED_NOTICE, order, None)

    def check_cover(self, wallet: str) -> list[str]:
        """Take off what a wallet can no longer stand for: the newest first, each market apart.

        Answers the ids of the orders that went.
        """
        gone = []
        owner = self.exchange.accounts[wallet]
        for slug, what in list(owner.reserved):
            ids = reversed(list(self._live.get(slug, ())))
            orders = [self.orders[one] for one in ids if self.orders[one].maker == wallet]
            for order in orders:
                if not self._lacks(wallet, order.listing, what):
                    break
                if _gives(order) == what:
                    self._take_off(order, NOT_COVERED)
                    self._notify(CANCELLED_NOTICE, order, None)
                    gone.append(order.id)
        return gone

    def _lacks(self, wallet: str, listing: Listing, what: int) -> bool:
        owner, slug = self.exchange.accounts[wallet], listing.spec.slug
        has = owner.cash if what == CASH else owner.shares.get((slug, what), 0)
        allowed = self._allowed(wallet, listing, "BUY" if what == CASH else "SELL")
        return owner.reserved.get((slug, what), 0) > min(has, allowed)

    def open_orders(self, owner: str, condition: str = "", asset: str = "") -> list[Placed]:
        found = []
        for ids in self._live.values():
            for order in map(self.orders.__getitem__, ids):
                listing = order.listing
                if (
                    order.key.owner == owner
                    and condition in {"", listing.condition}
                    and asset in {"", listing.assets[order.outcome]}
                ):
                    found.append(order)
        return sorted(found, key=lambda one: (one.created_ns, one.id))

    # -- what happens in the books -----------------------------------------------------------------

    def observe(self, moved: Moved) -> None:
        """A book changed: find the users' part in it."""
        live = self._live.get(moved.market)
        if not live:
            return
        ours = [trade for trade in moved.trades if self._concerns(trade)]
        for bucket, trade in enumerate(ours):
            self._traded(moved.market, trade, bucket)
        self._reconcile(moved.market)
        for trade in ours:
            self._check_parties(trade)

    def _check_parties(self, trade: Trade) -> None:
        """What a user spent here may have stood behind its orders elsewhere."""
        parts: list[Trade | Fill] = [trade, *trade.makers]
        for wallet in {part.account for part in parts if self.order_of(part)}:
            self.check_cover(wallet)

    def _concerns(self, trade: Trade) -> bool:
        return trade.taker_id in self.orders or any(
            fill.order_id in self.orders for fill in trade.makers
        )

    def _traded(self, slug: str, trade: Trade, bucket: int) -> None:
        now_ns = self.board.clock.now_ns()
        record = TradeRecord(
            self._trade_id(trade),
            trade,
            self.board.listings[slug],
            self._party(trade.taker_id, trade.account),
            tuple((fill, self._party(fill.order_id, fill.account)) for fill in trade.makers),
            bucket,
            now_ns,
            now_ns,
        )
        self.trades[record.id] = self._records[id(trade)] = record
        if len(self.trades) > TRADES_KEPT_MAX:
            oldest = self.trades.pop(next(iter(self.trades)))
            self._records.pop(id(oldest.trade), None)
        parts: list[Trade | Fill] = [trade, *trade.makers]
        for part in parts:
            self._filled(part, record)
        self._tell_trade(record)
        for delay_ns, status in self.plan(record):
            # no slower on the wall than at its own speed: clients wait for it
            due_ns = now_ns + int(delay_ns * min(1.0, self.board.clock.speed))
            step = (due_ns, next(self._numbers), record.id, status)
            heapq.heappush(self._settling, step)

    def order_of(self, part: Trade | Fill) -> Placed | None:
        return self.orders.get(part.taker_id if isinstance(part, Trade) else part.order_id)

    def _filled(self, part: Trade | Fill, record: TradeRecord) -> None:
        order = self.order_of(part)
        if order is None:
            return
        order.matched += part.size
        order.paid += part.money
        order.trades.append(record.id)
        if order.filled:
            order.status = "MATCHED"
            self._forget_live(order)
        self._tell_order(order, "UPDATE")
        self._notify(FILLED_NOTICE, order, record)

    def _party(self, order_id: str, account: str) -> Party:
        order = self.orders.get(order_id)
        if order is None:
            return Party(*stranger(account))
        return Party(order.key.key, order.maker, order.key.owner)

    def _trade_id(self, trade: Trade) -> str:
        text = f"practice trade {self.board.seed} {trade.taker_id} {next(self._numbers)}"
        return str(uuid.UUID(bytes=sha256(text.encode()).digest()[:16], version=4))

    def _reconcile(self, slug: str) -> None:
        """Orders that the exchange no longer has and that did not fill were taken off by it."""
        live = self._live.get(slug, {})
        for order_id in [one for one in live if one not in self.exchange.orders]:
            order = self.orders[order_id]
            if order.terms.kind != "GTC":
                continue  # on its way through the matching; its own placing ends it
            state = self.exchange.markets[slug].state
            status = "CANCELED" if state == "open" else "CANCELED_MARKET_RESOLVED"
            self._end(order, status)
            self._notify(CANCELLED_NOTICE, order, None)

    def _end(self, order: Placed, status: str) -> None:
        """An order is over without filling whole; ``status`` as the stream words it."""
        order.status = status if status == "MATCHED" else "CANCELED"
        self._forget_live(order)
        if status != "MATCHED":
            self._tell_order(order, "CANCELLATION", status)

    def _forget_live(self, order: Placed) -> None:
        slug = order.listing.spec.slug
        live = self._live.get(slug)
        if live is None:
            return
        live.pop(order.id, None)
        if not live:
            del self._live[slug]

    # -- time --------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Let time pass: settlements, expiries, silence, and whatever the exchange took off."""
        now_ns = self.board.clock.now_ns()
        while self._delayed and self._delayed[0][0] <= now_ns:
            self._release(self.orders[heapq.heappop(self._delayed)[2]])
        while self._settling and self._settling[0][0] <= now_ns:
            _, _, trade_id, status = heapq.heappop(self._settling)
            record = self.trades.get(trade_id)
            if record:
                self._settle(record, status)
        while self._expiring and self._expiring[0][0] <= now_ns:
            order = self.orders.get(heapq.heappop(self._expiring)[1])
            if order and order.live:
                self._take_off(order, "CANCELED_EXPIRED_ORDER")
        for key, (_, deadline_ns) in list(self._beats.items()):
            if now_ns > deadline_ns:
                del self._beats[key]
                self._silenced(key)
        for slug in list(self._live):
            self._reconcile(slug)

    def _settle(self, record: TradeRecord, status: TradeStatus) -> None:
        if status == "FAILED" and not self.exchange.undo(record.listing.spec.slug, record.trade):
            status = "CONFIRMED"  # what it moved has been passed on: it can't fail any more
        record.status = status
        record.updated_ns = self.board.clock.now_ns()
        if status in {"MINED", "CONFIRMED"} and not record.hash:
            text = f"practice transaction {self.board.seed} {record.id}"
            record.hash = "0x" + sha256(text.encode()).hexdigest()
        self._tell_trade(record)
        if status == "FAILED":
            self._check_parties(record.trade)
            parts: list[Trade | Fill] = [record.trade, *record.trade.makers]
            for order in filter(None, map(self.order_of, parts)):
                self._notify(FAILED_NOTICE, order, record)

    def _silenced(self, key: str) -> None:
        for ids in list(self._live.values()):
            for order in [self.orders[order_id] for order_id in ids]:
                if order.key.key == key:
                    self._take_off(order, "CANCELED")

    def beat(self, key: ApiKey, beat_id: str) -> tuple[bool, str]:
        """(accepted, the id to send next) for a heartbeat of an API key."""
        now_ns = self.board.clock.now_ns()
        known = self._beats.get(key.key)
        if known and known[0] != beat_id:
            return False, known[0]
        if not known and beat_id:
            return False, ""
        text = f"practice beat {self.board.seed} {key.key} {next(self._numbers)}"
        fresh = str(uuid.UUID(bytes=sha256(text.encode()).digest()[:16], version=4))
        self._beats[key.key] = (fresh, now_ns + self._beat_ns)
        return True, fresh

    def hash_of(self, trade: Trade) -> str:
        """The transaction of a trade with users in it; "" for others and before it has one."""
        record = self._records.get(id(trade))
        return record.hash if record and record.trade is trade else ""

    # -- telling -----------------------------------------------------------------------------------

    def _tell_order(self, order: Placed, kind: str, status: str | None = None) -> None:
        event = order.event(kind, self.board.clock.now_ns(), status)
        self.tell(order.key.owner, order.listing.condition, event)

    def _tell_trade(self, record: TradeRecord) -> None:
        for owner in sorted(record.owners()):
            self.tell(owner, record.listing.condition, record.event(owner))

    def _notify(self, kind: int, order: Placed, record: TradeRecord | None) -> None:
        row = notice(next(self._numbers), kind, order, self.board.clock.now_ns(), record)
        self.notices.setdefault(order.key.owner, deque(maxlen=NOTICES_MAX)).append(row)


PLAN: tuple[Step, ...] = ((MINED_NS, "MINED"), (CONFIRMED_NS, "CONFIRMED"))
"""How a trade settles when nothing goes wrong."""


def _nobody(owner: str, condition: str, event: Row) -> None:
    """Nobody listens."""


def _canonical(address: str) -> str:
    try:
        return checksummed(address_bytes(address))
    except ValueError:
        raise Refused("Invalid order payload") from None


def _contract(listing: Listing) -> Contract:
    return exchange_for(listing.version, listing.event.neg_risk)


def _gives(order: Placed) -> int:
    """What an order holds back: cash, or shares of its outcome."""
    return CASH if order.terms.side == "BUY" else order.outcome


def _request(order: Placed) -> Request:
    terms = order.terms
    return Request(
        id=order.id,
        account=order.maker,
        market=order.listing.spec.slug,
        outcome=order.outcome,
        side=terms.side,
        price=terms.price,
        size=0 if terms.budget else terms.size,
        budget=terms.budget,
        kind=terms.kind,
        post_only=terms.post_only,
    )


def _accepted(order: Placed, report: Report) -> Row:
    """What this order gave and got at once, in decimals; nothing when it only rests."""
    if not order.trades:
        return _answer(order.id, "live")
    money = sum(trade.money for trade in report.trades)
    size = sum(trade.size for trade in report.trades)
    gave, got = decimal(money, DOLLAR), decimal(size, SHARE)
    if order.terms.side == "SELL":
        gave, got = got, gave
    return _answer(order.id, "matched", gave, got) | {"tradeIDs": list(order.trades)}


def _answer(order_id: str, status: str, gave: str = "", got: str = "") -> Row:
    return {
        "success": True,
        "errorMsg": "",
        "orderID": order_id,
        "status": status,
        "takingAmount": got,
        "makingAmount": gave,
    }
