"""What comes in with ``POST /order``: the signed fields, and what they ask of the book."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from practice.accounts.signing import OrderStruct
from practice.answers import UNREADABLE
from practice.exchange.orders import PRICE_ONE, Kind, Refused, Side, decimal, notional

OrderType = Literal["GTC", "GTD", "FOK", "FAK"]

SIZE_DECIMALS = 2
MARKET_DECIMALS = 4
MARKET_TICK = 100
"""The grid on which four decimals are all."""
AMOUNT_DECIMALS = {1_000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}
"""Decimals of the money amount, by tick (1/10,000 dollar)."""
AMOUNT_MAX = 10**18
SALT_MAX = 2**256 - 1
GTD_LEAD_S = 180
"""How far ahead a good-till-date order must end, on the client's clock when it signed."""
GTD_TRAVEL_S = 5
"""What the way here may have cost of it."""
GTD_MARGIN_S = 60
"""How long before its stated end an order is taken off."""
BAD = "Invalid order payload"
OLD = "order_version_mismatch"


class WireOrder(msgspec.Struct):
    """The signed order as JSON. Numbers may come as text."""

    salt: int | str
    maker: str
    signer: str
    tokenId: str
    makerAmount: int | str
    takerAmount: int | str
    side: Side
    signatureType: int
    timestamp: int | str
    metadata: str
    builder: str
    signature: str
    expiration: int | str = "0"


class Post(msgspec.Struct):
    """One order and how it is to be treated; ``owner`` is an API key."""

    order: WireOrder
    owner: str
    orderType: OrderType
    deferExec: bool = False
    postOnly: bool = False


class _OldOrder(msgspec.Struct):
    """What orders of the first version have, and these no longer."""

    nonce: int | str
    feeRateBps: int | str


class _OldPost(msgspec.Struct):
    order: _OldOrder


_post = msgspec.json.Decoder(Post)
_old_post = msgspec.json.Decoder(_OldPost)
_posts = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order asks of the book. ``size`` is shares as signed; a market buy has a ``budget``
    (money) instead of a size that binds. ``expiration`` in Unix seconds, 0 for none.
    """

    side: Side
    price: int
    size: int
    budget: int
    kind: Kind
    order_type: OrderType
    post_only: bool
    expiration: int

    @property
    def money(self) -> int:
        """What all of it comes to at its limit."""
        return notional(self.price, self.size)


def decode(body: bytes | msgspec.Raw) -> Post:
    try:
        return _post.decode(body)
    except UNREADABLE:
        raise Refused(OLD if _is_old(body) else BAD) from None


def _is_old(body: bytes | msgspec.Raw) -> bool:
    try:
        _old_post.decode(body)
    except UNREADABLE:
        return False
    return True


def decode_many(body: bytes) -> list[msgspec.Raw]:
    """The members of a batch, each still to be decoded: one bad leg must not sink the others."""
    try:
        return _posts.decode(body)
    except UNREADABLE:
        raise Refused(BAD) from None


def struct_of(order: WireOrder) -> OrderStruct:
    """The signed fields; Refused when one can't be what it should."""
    return OrderStruct(
        salt=_whole(order.salt, SALT_MAX),
        maker=order.maker,
        signer=order.signer,
        token_id=_whole(order.tokenId, SALT_MAX),
        maker_amount=_whole(order.makerAmount, AMOUNT_MAX),
        taker_amount=_whole(order.takerAmount, AMOUNT_MAX),
        side=int(order.side == "SELL"),
        signature_type=_whole(order.signatureType, 255),
        timestamp=_whole(order.timestamp, SALT_MAX),
        metadata=_bytes32(order.metadata),
        builder=_bytes32(order.builder),
    )


def signed_at_ns(order: WireOrder) -> int:
    """When the client says that it signed, in Unix nanoseconds."""
    return _whole(order.timestamp, SALT_MAX) * 1_000_000


def terms_of(post: Post, order_id: str, tick: int, now_s: int, flat: bool = False) -> Terms:
    """What is asked; Refused with the venue's words when the form forbids it.

    ``now_s`` is the time on the clock by which the client dates its orders. ``flat``: what a market
    order wants may have four decimals on every grid, not as many as a finer one would allow.
    """
    order = post.order
    maker, taker = _whole(order.makerAmount, AMOUNT_MAX), _whole(order.takerAmount, AMOUNT_MAX)
    if not maker or not taker:
        raise Refused(BAD)
    money, size = (maker, taker) if order.side == "BUY" else (taker, maker)
    expiration = _expiration(post, now_s)
    kind: Kind = "FOK" if post.orderType == "FOK" else "FAK"
    if post.orderType in {"FOK", "FAK"}:
        _check_market_amounts(order.side, money, size, MARKET_TICK if flat else tick)
        price = market_price(order.side, money, size, tick)
        budget = money if order.side == "BUY" else 0
    else:
        kind, budget = "GTC", 0
        _check_limit_amounts(order.side, money, size, tick)
        price = _limit_price(order_id, money, size, tick)
    return Terms(order.side, price, size, budget, kind, post.orderType, post.postOnly, expiration)


def market_price(side: Side, money: int, size: int, tick: int) -> int:
    """The worst price that a market order signed for.

    Its amounts were rounded, so a price that all but hits the grid is meant to be on it.
    """
    nearest = round(money * PRICE_ONE / size / tick) * tick
    slack = 10 ** (6 - MARKET_DECIMALS) + 1
    if abs(nearest * size - money * PRICE_ONE) <= slack * max(nearest, PRICE_ONE):
        return nearest
    grid = tick * size
    steps = money * PRICE_ONE // grid if side == "BUY" else -(-money * PRICE_ONE // grid)
    return steps * tick


def _limit_price(order_id: str, money: int, size: int, tick: int) -> int:
    price, rest = divmod(money * PRICE_ONE, size)
    if rest:
        shown = f"{money / size:.6f}".rstrip("0")
        raise Refused(
            f"order {order_id} is invalid. Price ({shown}) "
            f"breaks minimum tick size rule: {decimal(tick, PRICE_ONE)}"
        )
    return price


def _check_limit_amounts(side: Side, money: int, size: int, tick: int) -> None:
    digits = AMOUNT_DECIMALS.get(tick, 6)
    if _fits(money, digits) and _fits(size, SIZE_DECIMALS):
        return
    maker, taker = (digits, SIZE_DECIMALS) if side == "BUY" else (SIZE_DECIMALS, digits)
    raise Refused(
        f"invalid amounts, the {side.lower()} orders maker amount supports a max accuracy of "
        f"{maker} decimals, taker amount a max of {taker} decimals"
    )


def _check_market_amounts(side: Side, money: int, size: int, tick: int) -> None:
    """The given amount has two decimals, the other as many as the tick allows, at least four."""
    digits = max(MARKET_DECIMALS, AMOUNT_DECIMALS.get(tick, 6))
    given, other = (money, size) if side == "BUY" else (size, money)
    if _fits(given, SIZE_DECIMALS) and _fits(other, digits):
        return
    raise Refused(
        f"invalid amounts, the market {side.lower()} orders maker amount supports a max accuracy "
        f"of {SIZE_DECIMALS} decimals, taker amount a max of {digits} decimals"
    )


def _fits(amount: int, digits: int) -> bool:
    step: int = 10 ** (6 - digits)
    return amount % step == 0


def _expiration(post: Post, now_s: int) -> int:
    expiration = _whole(post.order.expiration, AMOUNT_MAX)
    if post.orderType != "GTD":
        if expiration:
            raise Refused("invalid expiration")
        return 0
    if expiration < now_s + GTD_LEAD_S - GTD_TRAVEL_S:
        raise Refused("invalid expiration")
    return expiration


def _whole(value: int | str, most: int) -> int:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 78):
            raise Refused(BAD)
        value = int(value)
    if not 0 <= value <= most:
        raise Refused(BAD)
    return value


def _bytes32(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise Refused(BAD) from None
    if len(raw) != 32:
        raise Refused(BAD)
    return raw
