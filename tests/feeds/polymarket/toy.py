"""A toy venue: the truth about a few books, and the frames that the real one would send.

It knows nothing of our code and keeps prices as whole ticks of a cent, so that a mistake shared
with the client cannot hide.
"""

import json
import random
from hashlib import sha1

TICK = 100
ONE = 10_000


def text(price: int) -> str:
    """A price of 1/10,000 dollar as the venue writes it."""
    return f"{price / ONE:.4f}".rstrip("0").rstrip(".")


def shares(size: int) -> str:
    """A size of a millionth share as the venue writes it."""
    return f"{size // 1_000_000}.{size % 1_000_000:06d}".rstrip("0").rstrip(".")


class ToyVenue:
    """Markets of two mirrored assets: "1001"/"1002", "2001"/"2002" and so on."""

    def __init__(self, markets: int = 1, seed: int = 0, start_ms: int = 1_790_000_000_000) -> None:
        self.random = random.Random(seed)
        self.ms = start_ms
        self.bids: dict[str, dict[int, int]] = {}
        self.asks: dict[str, dict[int, int]] = {}
        self.changed_ms: dict[str, int] = {}
        for number in range(1, markets + 1):
            for asset in (f"{number}001", f"{number}002"):
                self.bids[asset], self.asks[asset] = {}, {}
                self.changed_ms[asset] = start_ms
        for asset in self.yes_assets:
            for step in range(1, 6):
                self._set(asset, "BUY", 5_000 - step * TICK, step * 10_000_000)
                self._set(asset, "SELL", 5_000 + step * TICK, step * 12_500_000)

    @property
    def assets(self) -> list[str]:
        return list(self.bids)

    @property
    def yes_assets(self) -> list[str]:
        return [asset for asset in self.bids if asset.endswith("1")]

    @staticmethod
    def market_of(asset: str) -> str:
        return "0x" + asset[:-3].rjust(64, "0")

    @staticmethod
    def other(asset: str) -> str:
        return asset[:-1] + ("2" if asset.endswith("1") else "1")

    def _set(self, asset: str, side: str, price: int, size: int) -> None:
        mirror = (self.other(asset), "SELL" if side == "BUY" else "BUY", ONE - price)
        for one, book_side, at in ((asset, side, price), mirror):
            levels = (self.bids if book_side == "BUY" else self.asks)[one]
            if size:
                levels[at] = size
            else:
                levels.pop(at, None)
            self.changed_ms[one] = self.ms

    def best(self, asset: str) -> tuple[str, str]:
        bid = max(self.bids[asset], default=0)
        ask = min(self.asks[asset], default=ONE)
        return text(bid), text(ask)

    def set_level(self, asset: str, side: str, price: int, size: int) -> bytes:
        """Change a level; the frame that tells both assets' sides of it."""
        self.ms += self.random.randint(1, 40)
        self._set(asset, side, price, size)
        items = []
        for one, book_side, at in (
            (asset, side, price),
            (self.other(asset), "SELL" if side == "BUY" else "BUY", ONE - price),
        ):
            bid, ask = self.best(one)
            item = {"asset_id": one, "price": text(at), "size": shares(size), "side": book_side}
            items.append(item | {"hash": "ab", "best_bid": bid, "best_ask": ask})
        return _json(
            market=self.market_of(asset),
            price_changes=items,
            timestamp=str(self.ms),
            event_type="price_change",
        )

    def wander(self) -> bytes:
        """A random change that leaves no book crossed."""
        asset = self.random.choice(self.yes_assets)
        best_bid = max(self.bids[asset], default=TICK)
        best_ask = min(self.asks[asset], default=ONE - TICK)
        size = self.random.choice((0, 0, 1, 3, 1_000, 2_500_001)) * 7_310_000
        if self.random.random() < 0.5:
            price = self.random.randrange(TICK, best_ask, TICK)
            return self.set_level(asset, "BUY", price, size)
        price = self.random.randrange(best_bid + TICK, ONE, TICK)
        return self.set_level(asset, "SELL", price, size)

    def trade(self, asset: str) -> list[bytes]:
        """Take half the best ask: a book for each asset, then the print."""
        self.ms += 5
        price = min(self.asks[asset])
        taken = self.asks[asset][price] // 2
        self._set(asset, "SELL", price, self.asks[asset][price] - taken)
        told = _json(
            market=self.market_of(asset),
            asset_id=asset,
            price=text(price),
            size=shares(taken),
            side="BUY",
            fee_rate_bps="0",
            timestamp=str(self.ms),
            transaction_hash=f"0x{self.ms:064x}",
            event_type="last_trade_price",
        )
        return [self.book_frame(asset), self.book_frame(self.other(asset)), told]

    def book(self, asset: str) -> dict[str, object]:
        """As REST gives it: bids ascend, asks descend."""
        bids, asks = sorted(self.bids[asset].items()), sorted(self.asks[asset].items())[::-1]
        book = {
            "market": self.market_of(asset),
            "asset_id": asset,
            "timestamp": str(self.changed_ms[asset]),
            "hash": "",
            "bids": [{"price": text(price), "size": shares(size)} for price, size in bids],
            "asks": [{"price": text(price), "size": shares(size)} for price, size in asks],
            "min_order_size": "5",
            "tick_size": "0.01",
            "neg_risk": False,
            "last_trade_price": "",
        }
        return book | {"hash": sha1(_json(**book)).hexdigest()}

    def book_frame(self, asset: str) -> bytes:
        return _json(**self.book(asset), event_type="book")

    def first_dump(self, assets: list[str]) -> bytes:
        """What a subscription is answered with: one array for all its assets."""
        return b"[" + b",".join(self.book_frame(asset) for asset in assets) + b"]"

    def levels(self, asset: str) -> tuple[dict[int, int], dict[int, int]]:
        return self.bids[asset], self.asks[asset]


def _json(**fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
