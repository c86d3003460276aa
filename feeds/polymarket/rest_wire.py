"""What the venue answers a trading client over REST: any bytes in, typed shapes or ``WireError``.

In the manner of ``feeds/polymarket/wire.py``: unknown fields pass, a field that matters and has
not the shape it should is refused with its path. Open orders and trades of the account itself are
read by ``feeds/polymarket/account/user_wire.py``, markets and books by
``feeds/polymarket/wire.py``.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, TypeVar

from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from feeds.polymarket.wire import (
    LIST_MAX,
    Amount,
    GammaTag,
    Id,
    Number,
    Stamp,
    WireSide,
    decode_array,
    shaped,
)

WORDS_CHARS_MAX = 2_000
FEE_BPS_MAX = 10_000
_Shape = TypeVar("_Shape")

Words: TypeAlias = Annotated[str, Meta(max_length=WORDS_CHARS_MAX)]
"""The venue's own sentence; to be cleaned before it is shown."""
Units: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,78}\Z")]
"""A whole number of millionths as text. One with a point is refused: it may be in dollars."""
Ids: TypeAlias = Annotated[tuple[Id, ...], Meta(max_length=LIST_MAX)]


class OrderAnswer(Struct, frozen=True, rename={"order_id": "orderID", "trade_ids": "tradeIDs"}):
    """``POST /order``. Amounts are decimal texts in dollars and shares, "" for what rests.

    Without ``success`` it is no answer to an order, and the order's fate is unknown.
    """

    success: bool
    order_id: Id | None = None
    error: Words | None = field(default=None, name="errorMsg")
    status: Id = ""
    making: Number = field(default="", name="makingAmount")
    taking: Number = field(default="", name="takingAmount")
    trade_ids: Ids | None = ()


class CancelAnswer(Struct, frozen=True):
    """``DELETE /order`` and its wider forms: what ended, and what did not with the reason."""

    canceled: Ids
    not_canceled: Annotated[dict[Id, Words], Meta(max_length=LIST_MAX)]


class BalanceAllowance(Struct, frozen=True):
    """``/balance-allowance``: the whole balance, reservations included; allowances by spender."""

    balance: Units
    allowance: Units | None = None
    allowances: Annotated[dict[Id, Units], Meta(max_length=LIST_MAX)] = {}


class FeeRate(Struct, frozen=True):
    """``/fee-rate``: the legacy base fee in basis points."""

    base_fee: Annotated[int, Meta(ge=0, le=FEE_BPS_MAX)]


class HeldPosition(Struct, frozen=True, rename="camel"):
    """A row of the Data API's ``/positions`` of version 1. Money in dollars, sizes in shares."""

    asset: Id
    condition_id: Id
    size: Amount
    avg_price: Amount
    proxy_wallet: Id = ""
    cur_price: Amount = 0.0
    realized_pnl: Amount = 0.0
    redeemable: bool = False
    mergeable: bool = False
    outcome: Words = ""
    outcome_index: int = 0
    negative_risk: bool = False


class HeldPositionV2(Struct, frozen=True):
    """A row of the Data API's ``/v2/positions``. Money in dollars, sizes in shares."""

    token_id: Id
    condition_id: Id
    current_size: Amount
    avg_price: Amount
    proxy_wallet: Id = ""
    current_price: Amount = 0.0
    realized_pnl: Amount = 0.0
    redeemable: bool = False
    mergeable: bool = False
    outcome: Words = ""
    outcome_index: int = 0
    negative_risk: bool = False


class PublicTrade(Struct, frozen=True, rename="camel"):
    """A row of the Data API's ``/trades`` of version 1; ``timestamp`` in Unix seconds."""

    asset: Id
    condition_id: Id
    side: WireSide
    size: Amount
    price: Number
    timestamp: Stamp
    proxy_wallet: Id = ""
    transaction_hash: Id | None = None


class PublicTradeV2(Struct, frozen=True):
    """A row of the Data API's ``/v2/trades``; ``timestamp`` in Unix seconds."""

    token_id: Id
    condition_id: Id
    side: WireSide
    size: Amount
    price: Number
    timestamp: Stamp
    proxy_wallet: Id = ""
    transaction_hash: Id | None = None


_decoders: dict[Any, Callable[[bytes | Raw], Any]] = {
    shape: Decoder(shape, strict=False).decode
    for shape in (
        OrderAnswer,
        CancelAnswer,
        BalanceAllowance,
        FeeRate,
        HeldPosition,
        HeldPositionV2,
        PublicTrade,
        PublicTradeV2,
        GammaTag,
    )
}


def decode_answer(shape: type[_Shape], data: bytes | Raw) -> _Shape:
    """One REST answer, or one row of a list, as ``shape``; raises ``WireError``."""
    decoded: _Shape = shaped(_decoders[shape], data)
    return decoded


def decode_rows(shape: type[_Shape], data: bytes) -> list[_Shape]:
    """A whole list of ``shape``; one bad row refuses it all, since a part is not the whole."""
    return [decode_answer(shape, row) for row in decode_array(data)]
