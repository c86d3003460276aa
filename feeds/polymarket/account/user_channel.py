"""The user channel: what the venue says of our own orders and trades, without a socket.

Nothing here is told twice by the venue, nothing is promised to come in order, and one trade comes
several times. So what is known of an order is a *sum* of everything heard: the largest size
matched, whether an end was told, the fills by trade and order. Whatever the order of arrival, the
sum is the same. A fill is told once, when its trade is first heard of; that it is provisional,
confirmed or taken back follows as ``FillSettled``.

A maker's fill is the entry of ``maker_orders`` with our order's id, at its own price and side.
Ids of our orders are known before they are sent (``expect``); what comes for others is kept until
they are known. After each start of the stream, and when it is silent for too long, ``AskRest``
says that open orders and trades are to be fetched and handed to ``told_by_rest``.
"""

import base64
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import TypeAlias

import msgspec

from feeds.events import Fill, FillSettled, Liquidity, OrderState, OrderUpdate, Settlement
from feeds.markets import MINUTE, ONE, SECOND, Money, Nanos, Price, Side, Size
from feeds.polymarket.account.user_wire import (
    MakerOrder,
    UserFrame,
    UserOrder,
    UserTrade,
    decode_user_each,
    size_of,
    stage_of,
    verdict_on,
)
from feeds.polymarket.connection_state import Connection, ConnectionState
from feeds.polymarket.errors import WireError
from feeds.polymarket.frames import SIDES
from feeds.polymarket.units import BadNumber, exact_price
from feeds.text import printable

ORDERS_MAX = 10_000
"""Orders remembered; the oldest that are over and settled go first."""
STRANGERS_MAX = 1_000
"""Messages kept for orders that are not known yet."""
MARKETS_A_FRAME_MAX = 100
REASON_CHARS_MAX = 200
FAILURES_IN_DOUBT = 3
DUST: Size = 10_000
"""Less than a hundredth of a share can't trade any more: an order so near its size is filled."""

FeeOf: TypeAlias = Callable[[str, str, Side, Price, Size], Money]
"""What a taker pays, by condition id, asset id, side, price and size."""


class AskRest(msgspec.Struct, frozen=True):
    """Open orders and trades are to be fetched; of these orders, or of all where none is named."""

    at_ns: Nanos
    reason: str
    order_ids: tuple[str, ...] = ()


UserEvent: TypeAlias = OrderUpdate | Fill | FillSettled | AskRest


class Credentials:
    """The account's API key. Its parts appear in no ``repr``, so that no log can show them.

    ``secret`` is url-safe base64; ``address`` is the signing key's, needed over REST alone.
    Raises ``ValueError`` for a secret that can't be one, without showing it.
    """

    __slots__ = ("_address", "_api_key", "_key", "_passphrase", "_secret")

    def __init__(self, api_key: str, secret: str, passphrase: str, address: str = "") -> None:
        self._api_key, self._secret, self._passphrase = api_key, secret, passphrase
        self._address = address
        try:
            self._key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        except ValueError:
            raise ValueError("the API secret is not url-safe base64: copy it again") from None

    def __repr__(self) -> str:
        return "Credentials(…)"

    def opening(self, condition_ids: list[str]) -> bytes:
        """The first frame of a connection. It holds the secret: send it and forget it."""
        auth = {"apiKey": self._api_key, "secret": self._secret, "passphrase": self._passphrase}
        return msgspec.json.encode({"type": "user", "auth": auth, "markets": condition_ids})

    def headers(self, method: str, path: str, body: str, at_s: int) -> dict[str, str]:
        """What proves a request over REST to be ours: a digest of time, method, path and body."""
        # the venue's own clients sign the body with double quotes, whatever it is sent with
        signed = f"{at_s}{method}{path}{body}".replace("'", '"')
        digest = hmac.new(self._key, signed.encode(), sha256).digest()
        return {
            "POLY_ADDRESS": self._address,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
            "POLY_TIMESTAMP": str(at_s),
            "POLY_API_KEY": self._api_key,
            "POLY_PASSPHRASE": self._passphrase,
        }


@dataclass(frozen=True, slots=True)
class UserLimits:
    """How long the user channel waits for what, in market time; the defaults are the wall's."""

    ping_every_ns: Nanos = 10 * SECOND
    pong_max_ns: Nanos = 30 * SECOND
    unheard_max_ns: Nanos = 10 * SECOND
    """An order that was sent and of which nothing is heard in this time is asked for."""
    quiet_max_ns: Nanos = MINUTE
    """With orders open, so long a silence is not believed without asking."""
    settle_max_ns: Nanos = 2 * MINUTE
    """A fill that is provisional for so long is asked for."""
    proven_ns: Nanos = 30 * SECOND
    backoff_first_ns: Nanos = SECOND // 2
    backoff_max_ns: Nanos = 30 * SECOND

    def scaled(self, speed: float) -> "UserLimits":
        """The same spans of the wall in a world that runs ``speed`` times as fast."""
        spans = {one.name: int(getattr(self, one.name) * speed) for one in fields(self)}
        return replace(self, **spans)


@dataclass(slots=True)
class _Fill:
    fill: Fill
    stage: Settlement = Settlement.MATCHED
    doubted: bool = False


@dataclass(slots=True)
class _Order:
    """The sum of what was heard of one order of ours."""

    expected: Size
    original: Size = 0
    matched: Size = 0
    heard: bool = False
    cancelled: bool = False
    refused: bool = False
    reason: str = ""
    since_ns: Nanos = 0
    asked_ns: Nanos = 0
    trades: dict[str, list[_Fill]] = field(default_factory=dict)
    told: tuple[OrderState, Size] = (OrderState.INTENDED, 0)

    @property
    def filled(self) -> Size:
        return max(self.matched, sum(one.fill.size for one in self.fills))

    @property
    def fills(self) -> list[_Fill]:
        return [one for parts in self.trades.values() for one in parts]

    @property
    def state(self) -> OrderState:
        size = self.original or self.expected
        if size and size - self.filled < DUST:
            return OrderState.FILLED
        if self.refused and not self.filled:
            return OrderState.REFUSED
        if self.cancelled or self.refused:
            return OrderState.CANCELLED
        return OrderState.OPEN if self.heard or self.trades else OrderState.INTENDED

    @property
    def settled(self) -> bool:
        return all(one.stage is not Settlement.MATCHED for one in self.fills)


class UserChannel(Connection):
    """The account's stream. Times are Unix nanoseconds of market time.

    ``fee_of`` gives a taker's fee by the market's own schedule: what the frames say of fees is
    not to be relied on.
    """

    def __init__(
        self, credentials: Credentials, fee_of: FeeOf, limits: UserLimits | None = None
    ) -> None:
        self.limits = limits or UserLimits()
        super().__init__("user", self.limits)
        self._credentials, self._fee_of = credentials, fee_of
        self._wanted: dict[str, None] = {}
        self._told: dict[str, None] = {}
        self._orders: dict[str, _Order] = {}
        self._strangers: OrderedDict[tuple[str, str, str], UserFrame] = OrderedDict()
        self._events: list[UserEvent] = []

    # ------------------------------------------------------------------------------- wanting

    def want(self, condition_ids: Iterable[str]) -> None:
        """Hear of these markets only; of all the account's, which is the default, with none."""
        before, self._wanted = self._wanted, dict.fromkeys(condition_ids)
        if self.link is not ConnectionState.SUBSCRIBED or before == self._wanted:
            return
        if not before or not self._wanted:
            # the venue has no word for "all" but the first frame's
            self._give_up("other markets are followed")
            return
        self._tell("subscribe", [one for one in self._wanted if one not in self._told])
        self._tell("unsubscribe", [one for one in self._told if one not in self._wanted])
        self._told = dict(self._wanted)

    def _tell(self, operation: str, condition_ids: list[str]) -> None:
        for start in range(0, len(condition_ids), MARKETS_A_FRAME_MAX):
            chunk = condition_ids[start : start + MARKETS_A_FRAME_MAX]
            self._frames.append(msgspec.json.encode({"operation": operation, "markets": chunk}))

    def expect(self, order_id: str, size: Size, now_ns: Nanos) -> None:
        """An order of ours is about to be sent under this id; asking twice is no harm."""
        self._now = now_ns
        if order_id in self._orders:
            return
        if len(self._orders) >= ORDERS_MAX:
            self._forget_one()
        self._orders[order_id] = _Order(size, since_ns=now_ns)
        for key, frame in list(self._strangers.items()):
            if _concerns(frame, order_id):
                if key[0] == "order":
                    del self._strangers[key]
                self._hear(frame, now_ns)

    def _forget_one(self) -> None:
        over = (key for key, one in self._orders.items() if one.told[0].over and one.settled)
        oldest = next(over, None)
        assert oldest is not None, f"{ORDERS_MAX} orders are open at once"
        del self._orders[oldest]

    @property
    def strangers(self) -> set[str]:
        """Orders of the account that were heard of and are not known to us."""
        return {key[1] for key in self._strangers if key[0] == "order"}

    # ---------------------------------------------------------------------------- connection

    def connected(self, now_ns: Nanos) -> None:
        """A new connection stands; the first frame is ready to be sent."""
        self._begin(now_ns)
        self._subscribed()
        wanted = list(self._wanted)
        self._told = dict(self._wanted)
        self._frames = [self._credentials.opening(wanted[:MARKETS_A_FRAME_MAX])]
        self._tell("subscribe", wanted[MARKETS_A_FRAME_MAX:])
        self._ask("the user stream begins: it does not tell again what was missed")

    def disconnected(self, now_ns: Nanos, reason: str) -> None:
        """The connection is gone, or an attempt to connect failed."""
        self._end(now_ns, reason)

    @property
    def key_in_doubt(self) -> bool:
        """Whether connections end again and again before the venue says a word."""
        return self._failures >= FAILURES_IN_DOUBT and not self.frames

    # ------------------------------------------------------------------------------- hearing

    def receive(self, frame: bytes, at_ns: Nanos) -> None:
        """One whole text message of the venue's. Nothing it may hold raises."""
        self._now = at_ns
        if self.link is ConnectionState.DOWN:
            self.counts["after the end"] += 1
            return
        if self._is_pong(frame, at_ns):
            return
        self.frames += 1
        self.last_data_ns = at_ns
        good, bad = decode_user_each(frame)
        self.told_by_rest(good, at_ns)
        for error in bad:
            self._refuse(error)
        if bad:
            self._ask("a message about our orders could not be read")

    def told_by_rest(self, told: Iterable[UserFrame], at_ns: Nanos) -> None:
        """Orders and trades in the stream's shapes, wherever they come from."""
        self._now = at_ns
        for frame in told:
            try:
                self._hear(frame, at_ns)
            except WireError as error:
                self._refuse(error)
                self._ask("a message about our orders could not be read")

    def _hear(self, frame: UserFrame, at_ns: Nanos) -> None:
        if isinstance(frame, UserOrder):
            self._hear_order(frame, at_ns)
        else:
            self._hear_trade(frame, at_ns)

    def _hear_order(self, frame: UserOrder, at_ns: Nanos) -> None:
        state, reason = verdict_on(frame)
        original = size_of("$.original_size", frame.original_size)
        matched = size_of("$.size_matched", frame.size_matched)
        order = self._orders.get(frame.id)
        if order is None:
            self._keep(("order", frame.id, f"{frame.type} {frame.status} {matched}"), frame)
            return
        order.heard = True
        order.since_ns = at_ns
        order.original = max(order.original, original)
        order.matched = max(order.matched, matched)
        order.cancelled |= state is OrderState.CANCELLED
        order.refused |= state is OrderState.REFUSED
        if reason:
            told = printable(reason, REASON_CHARS_MAX)
            order.reason = min(order.reason or told, told)
        self._tell_state(frame.id, order, at_ns)

    def _keep(self, key: tuple[str, str, str], frame: UserFrame) -> None:
        """The order may be made known later; a message may overtake even that."""
        self._strangers[key] = frame
        if len(self._strangers) > STRANGERS_MAX:
            self._strangers.popitem(last=False)

    def _hear_trade(self, frame: UserTrade, at_ns: Nanos) -> None:
        stage = stage_of(frame)
        ours = {maker.order_id for maker in frame.maker_orders} & self._orders.keys()
        fills = {order_id: self._made(frame, order_id, at_ns) for order_id in sorted(ours)}
        if frame.taker_order_id in self._orders:
            fills[frame.taker_order_id] = self._taken(frame, at_ns)
        # kept even so: another order that had part in it may be made known only later
        self._keep(("trade", frame.id, stage.value), frame)
        for order_id, parts in fills.items():
            self._take(frame.id, order_id, parts, stage, at_ns)

    # --------------------------------------------------------------------------------- fills

    def _made(self, trade: UserTrade, order_id: str, at_ns: Nanos) -> list[Fill]:
        """What a resting order of ours gave or got, at its own price and side."""
        parts: dict[tuple[Price, Side, str], Size] = {}
        for maker in trade.maker_orders:
            if maker.order_id == order_id:
                price = _price("$.maker_orders.price", maker.price)
                key = (price, _maker_side(trade, maker), maker.asset_id)
                size = size_of("$.maker_orders.matched_amount", maker.matched_amount)
                parts[key] = parts.get(key, 0) + size
        return [
            Fill(
                at_ns, f"{trade.id}:{order_id}:{price}", order_id, trade.market, asset_id,
                side, price, size, 0, Liquidity.MAKER,
            )
            for (price, side, asset_id), size in sorted(parts.items(), key=lambda one: one[0][0])
        ]  # fmt: skip

    def _taken(self, trade: UserTrade, at_ns: Nanos) -> list[Fill]:
        """What a taking order got, at each price: the makers' where they add up to the whole."""
        side, order_id, asset_id = SIDES[trade.side], trade.taker_order_id, trade.asset_id
        return [
            Fill(
                at_ns, f"{trade.id}:{order_id}:{price}", order_id, trade.market, asset_id,
                side, price, size, self._fee_of(trade.market, asset_id, side, price, size),
                Liquidity.TAKER,
            )
            for price, size in sorted(_bought_at(trade).items())
        ]  # fmt: skip

    def _take(
        self, trade_id: str, order_id: str, parts: list[Fill], stage: Settlement, at_ns: Nanos
    ) -> None:
        """Count an order's part in a trade, once, however often and in whatever stage it comes."""
        order = self._orders[order_id]
        known = order.trades.get(trade_id)
        if known is None:
            known = order.trades[trade_id] = [_Fill(fill) for fill in parts]
            self._events.extend(parts)
            if stage is Settlement.MATCHED:
                self._events.extend(_settled(fill, stage, at_ns) for fill in parts)
        elif [_essence(one.fill) for one in known] != [_essence(fill) for fill in parts]:
            self._ask(f"trade {printable(trade_id, 40)} was told in two ways", (order_id,))
        order.since_ns = at_ns
        for one in known:
            self._settle(one, stage, at_ns)
        self._tell_state(order_id, order, at_ns)

    def _settle(self, known: _Fill, stage: Settlement, at_ns: Nanos) -> None:
        if stage is Settlement.MATCHED or stage is known.stage:
            return
        contradicted = known.stage is not Settlement.MATCHED
        if contradicted and not known.doubted:
            known.doubted = True
            self._ask("a trade is told to be both confirmed and failed", (known.fill.order_id,))
        if contradicted and stage is Settlement.FAILED:
            return
        known.stage = stage
        self._events.append(_settled(known.fill, stage, at_ns))

    def _tell_state(self, order_id: str, order: _Order, at_ns: Nanos) -> None:
        state, filled = order.state, order.filled
        if (state, filled) == order.told or state is OrderState.INTENDED:
            return
        order.told = (state, filled)
        reason = order.reason if state in (OrderState.CANCELLED, OrderState.REFUSED) else ""
        self._events.append(OrderUpdate(at_ns, order_id, state, filled, reason))

    # ---------------------------------------------------------------------------------- time

    def tick(self, now_ns: Nanos) -> None:
        """Time passed: ping, notice silence, decide what to ask and whether to give up."""
        self._now = now_ns
        if self.link is not ConnectionState.SUBSCRIBED:
            return
        self._keep_alive(now_ns)
        if not self.wants_reconnect:
            self._doubt_silence(now_ns)

    def _doubt_silence(self, now_ns: Nanos) -> None:
        due = tuple(key for key, order in self._orders.items() if self._overdue(order, now_ns))
        for key in due:
            self._orders[key].asked_ns = now_ns
        if due:
            self._ask(f"too long a silence about {_orders(len(due))}", due)

    def _overdue(self, order: _Order, now_ns: Nanos) -> bool:
        limits = self.limits
        if not order.told[0].over:
            span = limits.quiet_max_ns if order.heard or order.trades else limits.unheard_max_ns
        elif not order.settled:
            span = limits.settle_max_ns
        else:
            return False
        return now_ns - max(order.since_ns, order.asked_ns) >= span

    def _ask(self, reason: str, order_ids: tuple[str, ...] = ()) -> None:
        asked = AskRest(self._now, reason, order_ids)
        if asked not in self._events:
            self._events.append(asked)

    # -------------------------------------------------------------------------------- taking

    def take_events(self) -> list[UserEvent]:
        """What there is to tell, in order."""
        taken, self._events = self._events, []
        return taken

    def open_orders(self) -> list[str]:
        """Orders of ours that may still fill, as far as the stream has told."""
        return [key for key, order in self._orders.items() if not order.told[0].over]


def _settled(fill: Fill, stage: Settlement, at_ns: Nanos) -> FillSettled:
    return FillSettled(at_ns, fill.id, fill.order_id, stage)


def _concerns(frame: UserFrame, order_id: str) -> bool:
    if isinstance(frame, UserOrder):
        return frame.id == order_id
    makers = (maker.order_id for maker in frame.maker_orders)
    return frame.taker_order_id == order_id or order_id in makers


def _price(path: str, seen: str | float) -> Price:
    try:
        price = exact_price(seen)
    except BadNumber as error:
        raise WireError(path, str(error)) from None
    if not 0 < price < ONE:
        raise WireError(path, f"expected a price between 0 and 1, found {seen!r}")
    return price


def _maker_side(trade: UserTrade, maker: MakerOrder) -> Side:
    """Stated, or as it must be: opposite on the same asset; alike on the other, where the pair
    is minted or merged."""
    if maker.side is not None:
        return SIDES[maker.side]
    taker = SIDES[trade.side]
    return taker.other if maker.asset_id == trade.asset_id else taker


def _bought_at(trade: UserTrade) -> dict[Price, Size]:
    """Sizes by the taker's price: a maker of the other asset gives the complement of his."""
    whole = size_of("$.size", trade.size)
    parts: dict[Price, Size] = {}
    for maker in trade.maker_orders:
        price = _price("$.maker_orders.price", maker.price)
        price = price if maker.asset_id == trade.asset_id else ONE - price
        size = size_of("$.maker_orders.matched_amount", maker.matched_amount)
        parts[price] = parts.get(price, 0) + size
    if abs(sum(parts.values()) - whole) < DUST:
        return parts
    return {_price("$.price", trade.price): whole}


def _essence(fill: Fill) -> tuple[str, Side, Price, Size]:
    return (fill.asset_id, fill.side, fill.price, fill.size)


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"
