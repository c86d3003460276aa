"""Two people with money at a small venue whose world stands still unless it is moved."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

from practice.accounts.order_entry import Post, WireOrder
from practice.accounts.registry import ApiKey
from practice.clock import ManualClock
from practice.exchange.orders import DOLLAR, NO, SHARE, YES
from practice.venue import Venue
from practice.world.simulation import Moved
from tests.practice.worlds import catalogue, market, world

ANN, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
PURSE = 1_000 * DOLLAR
SHARES = 100 * SHARE
ZERO = "0x" + "0" * 64


@dataclass
class Floor:
    """A venue of calm markets, its users and what they were told.

    Fees in "paid" and "held" alone; what would match in "held" waits for three seconds.
    """

    venue: Venue
    clock: ManualClock
    keys: dict[str, ApiKey]
    url: str = ""
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def live(self, by_ns: int) -> None:
        """Let time pass for the world, the stream and whatever waits for a moment."""
        self.clock.move(by_ns)
        for happening in self.venue.world.run(self.clock.now_ns()):
            if isinstance(happening, Moved):
                self.venue.publish(happening)
        self.venue.tick()

    def best(self, slug: str, outcome: int = YES) -> tuple[int, int]:
        bid, ask = self.venue.board.bests(self.venue.board.listings[slug], outcome)
        assert bid is not None
        assert ask is not None
        return bid, ask

    def order(self, who: str, slug: str, **terms: Any) -> tuple[str, dict[str, Any]]:
        """(order id, answer) of an order signed for in cents and shares.

        ``side``, ``cents``, ``shares`` or, for a market buy, ``dollars``; ``outcome``, ``kind``,
        ``post_only``, ``expiration``, ``signed_ms`` as wanted.
        """
        given: dict[str, Any] = {"side": "BUY", "outcome": YES, "kind": "GTC", **terms}
        listing = self.venue.board.listings[slug]
        outcome: int = given["outcome"]
        order_id: str = (
            given.get("id") or "0x" + sha256(str(next(self.numbers)).encode()).hexdigest()
        )
        post = _post(self.keys[who].key, listing.assets[outcome], given)
        asset = (listing, outcome)
        answer = self.venue.trading.enter(self.keys[who], who, asset, order_id, post)
        return order_id, answer

    def events(self, who: str, kind: str = "") -> list[dict[str, Any]]:
        """What this user's stream told, in order; of one ``type`` when it is named."""
        return [row for owner, row in self.heard if owner == who and kind in {"", row["type"]}]

    def cash(self, who: str) -> int:
        return self.venue.world.exchange.accounts[who].cash

    def shares(self, who: str, slug: str, outcome: int = YES) -> int:
        return self.venue.world.exchange.accounts[who].shares.get((slug, outcome), 0)


def _post(key: str, asset: str, given: dict[str, Any]) -> Post:
    price = given["cents"] * 10_000
    shares = int(given.get("shares", 0) * SHARE)
    money = shares * price // DOLLAR
    if "dollars" in given:
        money = int(given["dollars"] * DOLLAR)
        shares = money * DOLLAR // price // 100 * 100
    maker, taker = (money, shares) if given["side"] == "BUY" else (shares, money)
    order = WireOrder(
        salt=1,
        maker=ZERO[:42],
        signer=ZERO[:42],
        tokenId=asset,
        makerAmount=str(given.get("maker", maker)),
        takerAmount=str(given.get("taker", taker)),
        side=given["side"],
        signatureType=0,
        timestamp=str(given.get("signed_ms", 0)),
        metadata=ZERO,
        builder=ZERO,
        signature="0x",
        expiration=str(given.get("expiration", 0)),
    )
    return Post(order, key, given["kind"], postOnly=given.get("post_only", False))


def floor(calm: bool = True, speed: float = 1.0) -> Floor:
    shown = catalogue(
        market("free", calm=calm, fee_rate_e6=0, activity=0.1),
        market("paid", calm=True, activity=0.1),
        market("held", calm=True, activity=0.1, delay_s=3),
    )
    made = world(markets=shown)
    clock = ManualClock(made.anchor_ns, speed)
    venue = Venue(made, clock)
    keys = {who: venue.accounts.create_key(who, 0) for who in (ANN, BOB)}
    for who in keys:
        made.exchange.deposit(who, PURSE + 3 * SHARES)
        for slug in ("free", "paid", "held"):
            made.exchange.split(who, slug, SHARES)
    standing = Floor(venue, clock, keys)
    venue.trading.tell = lambda owner, _, event: standing.heard.append((owner, event))
    return standing


__all__ = ["ANN", "BOB", "NO", "PURSE", "SHARES", "YES", "Floor", "floor"]
