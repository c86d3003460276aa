"""The venue's records of orders and trades of its API users, and how the wire shows them."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from practice.accounts.order_entry import Terms
from practice.accounts.registry import ApiKey
from practice.clock import SECOND
from practice.exchange.orders import PRICE_ONE, YES, Fill, Trade
from practice.exchange.wire import PRICE_TEXT, size_text
from practice.world.board import OUTCOMES, Listing

TradeStatus = Literal["MATCHED", "MINED", "CONFIRMED", "RETRYING", "FAILED"]
Row = dict[str, Any]

DUST = 10_000
"""A market buy that could buy less than this (0.01 share) with what it has left is filled."""


@dataclass(slots=True)
class Placed:
    """One accepted order. ``matched`` is shares, ``paid`` money, both without fees."""

    id: str
    key: ApiKey
    maker: str
    listing: Listing
    outcome: int
    terms: Terms
    created_ns: int
    builder: str = ""
    ends_ns: int = 0
    """When a dated order goes, on the world's clock; 0 for never."""
    matched: int = 0
    paid: int = 0
    status: str = "LIVE"
    trades: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.status == "LIVE"

    @property
    def filled(self) -> bool:
        if self.terms.budget:
            left = self.terms.budget - self.paid
            return left * PRICE_ONE // self.terms.price < DUST
        return self.matched >= self.terms.size

    def row(self) -> Row:
        """As REST shows it."""
        terms = self.terms
        return {
            "id": self.id,
            "status": self.status,
            "owner": self.key.key,
            "maker_address": self.maker,
            "market": self.listing.condition,
            "asset_id": self.listing.assets[self.outcome],
            "side": terms.side,
            "original_size": size_text(terms.size),
            "size_matched": size_text(self.matched),
            "price": PRICE_TEXT[terms.price],
            "outcome": OUTCOMES[self.outcome],
            "expiration": str(terms.expiration),
            "order_type": terms.order_type,
            "associate_trades": list(self.trades),
            "created_at": self.created_ns // SECOND,
        }

    def event(self, kind: str, now_ns: int, status: str | None = None) -> Row:
        """As the user stream tells it: PLACEMENT, UPDATE or CANCELLATION."""
        row = self.row()
        return row | {
            "status": status or self.status,
            "associate_trades": row["associate_trades"] or None,
            "created_at": str(row["created_at"]),
            "event_type": "order",
            "order_owner": self.key.key,
            "timestamp": str(now_ns // 1_000_000),
            "type": kind,
        }


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a trade by its names on the wire; ``owner`` is "" for the world's traders."""

    key: str
    address: str
    owner: str = ""


@dataclass(slots=True)
class TradeRecord:
    """One trade in which an API user took part, and how far its settlement has come."""

    id: str
    trade: Trade
    listing: Listing
    taker: Party
    makers: tuple[tuple[Fill, Party], ...]
    bucket: int
    matched_ns: int
    updated_ns: int
    status: TradeStatus = "MATCHED"
    hash: str = ""

    def owners(self) -> set[str]:
        """The API users who took part."""
        named = {self.taker.owner, *(party.owner for _, party in self.makers)}
        return named - {""}

    def row(self, owner: str) -> Row:
        """As REST shows it to one of its owners; top-level terms are always the taker's."""
        trade = self.trade
        return {
            "id": self.id,
            "taker_order_id": order_name(trade.taker_id),
            "market": self.listing.condition,
            "asset_id": self.listing.assets[trade.outcome],
            "side": trade.side,
            "size": size_text(trade.size),
            "fee_rate_bps": "0",  # fees are set at match time; this says nothing
            "price": PRICE_TEXT[trade.price],
            "status": self.status,
            "match_time": str(self.matched_ns // SECOND),
            "match_time_nano": str(self.matched_ns),
            "last_update": str(self.updated_ns // SECOND),
            "outcome": OUTCOMES[trade.outcome],
            "bucket_index": self.bucket,
            "owner": self.taker.key,
            "maker_address": self.taker.address,
            "transaction_hash": self.hash,
            "trader_side": "TAKER" if owner == self.taker.owner else "MAKER",
            "maker_orders": [self._maker(fill, party) for fill, party in self.makers],
        }

    def _maker(self, fill: Fill, party: Party) -> Row:
        return {
            "order_id": order_name(fill.order_id),
            "owner": party.key,
            "maker_address": party.address,
            "matched_amount": size_text(fill.size),
            "price": PRICE_TEXT[fill.price],
            "fee_rate_bps": "0",
            "asset_id": self.listing.assets[fill.outcome],
            "outcome": OUTCOMES[fill.outcome],
            "side": fill.side,
        }

    def event(self, owner: str) -> Row:
        """As the user stream tells it to one of its owners."""
        row = self.row(owner)
        del row["match_time_nano"]
        return row | {
            "event_type": "trade",
            "type": "TRADE",
            "trade_owner": self.taker.key,
            "timestamp": str(self.updated_ns // 1_000_000),
        }


def order_name(order_id: str) -> str:
    """An order's id as the wire knows it: those of the world's own traders become hashes, too."""
    if order_id.startswith("0x"):
        return order_id
    return "0x" + sha256(f"practice order {order_id}".encode()).hexdigest()


def notice(number: int, kind: int, order: Placed, now_ns: int, trade: TradeRecord | None) -> Row:
    """A line of ``/notifications``: kind 1 cancelled by the venue, 2 filled, 8 fill failed."""
    listing, terms = order.listing, order.terms
    payload: Row = {
        "asset_id": listing.assets[order.outcome],
        "market": listing.condition,
        "order_id": order.id,
        "side": terms.side,
        "type": terms.order_type,
        "price": PRICE_TEXT[terms.price],
        "original_size": size_text(terms.size),
        "matched_size": size_text(order.matched),
        "remaining_size": size_text(max(0, terms.size - order.matched)),
        "outcome": OUTCOMES[order.outcome],
        "outcome_index": 0 if order.outcome == YES else 1,
        "transaction_hash": trade.hash if trade else "",
        "trade_id": trade.id if trade else "",
        "question": listing.spec.question,
        "market_slug": listing.spec.slug,
        "icon": "",
        "image": "",
        "eventSlug": listing.event.slug,
        "seriesSlug": "",
    }
    stamp = str(now_ns // SECOND)
    return {"id": number, "type": kind, "owner": order.key.key, "timestamp": stamp} | {
        "payload": payload
    }
