"""From a frame's bytes to a current book: how far from the cost of decoding alone?

Synthetic frames in the recorded shapes and the recorded mix: mirrored changes of both assets of
a market, 30 to 100 levels a side on a tick of 0.001, a few markets far busier than the rest. The
floor is msgspec with lax floats and tagged shapes that knows nothing of books. Goal: at most 2.5
times the floor for decoding, checking and applying.
"""

import gc
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec

from feeds.book import OrderBook
from feeds.events import BookSnapshot, LevelChange
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.frames import level_changes, snapshot_of
from feeds.polymarket.wire import PriceChangeFrame, WireBook, decode_frames

FRAMES = 20_000
MARKETS = 200
ROUNDS = 11
ONE = 1_000
START_NS = 1_790_000_000_000_000_000


class _Level(msgspec.Struct):
    price: float
    size: float


class _Change(msgspec.Struct):
    asset_id: str
    price: float
    size: float
    side: str
    best_bid: float
    best_ask: float


class _Book(msgspec.Struct, tag_field="event_type", tag="book"):
    asset_id: str
    bids: list[_Level]
    asks: list[_Level]
    timestamp: int


class _PriceChange(msgspec.Struct, tag_field="event_type", tag="price_change"):
    price_changes: list[_Change]
    timestamp: int


class _Trade(msgspec.Struct, tag_field="event_type", tag="last_trade_price"):
    asset_id: str
    price: float
    size: float
    side: str
    timestamp: int


class _Best(msgspec.Struct, tag_field="event_type", tag="best_bid_ask"):
    asset_id: str
    best_bid: float
    best_ask: float
    timestamp: int


FLOOR = msgspec.json.Decoder(_Book | _PriceChange | _Trade | _Best, strict=False).decode


class World:
    """Two mirrored books a market, in ticks of 0.001, and the frames that tell of them."""

    def __init__(self, markets: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.ms = START_NS // 1_000_000
        self.bids: list[dict[int, int]] = []
        self.asks: list[dict[int, int]] = []
        self.ids = [
            (str(self.random.getrandbits(255)), str(self.random.getrandbits(255)))
            for _ in range(markets)
        ]
        self.weights = [1 / (rank + 1) for rank in range(markets)]
        for _ in range(markets):
            middle = self.random.randint(150, 850)
            depth = self.random.randint(30, 100)
            self.bids.append({middle - 1 - step: self._size() for step in range(depth)})
            self.asks.append({middle + 1 + step: self._size() for step in range(depth)})

    def _size(self) -> int:
        return self.random.randint(1, 5_000_00)

    def assets(self) -> list[str]:
        return [asset for pair in self.ids for asset in pair]

    def frame(self) -> bytes:
        """The next frame, by the recorded mix."""
        market = self.random.choices(range(len(self.ids)), self.weights)[0]
        self.ms += self.random.randint(0, 3)
        dice = self.random.random()
        if dice < 0.906:
            return self._changed(market)
        if dice < 0.945:
            return self._json(
                market, "best_bid_ask", asset_id=self.ids[market][0], **self._best(market)[0]
            )
        if dice < 0.982:
            return self.book(market, self.random.randint(0, 1))
        return self._json(
            market, "last_trade_price", asset_id=self.ids[market][0], side="BUY",
            price=_price(min(self.asks[market])), size=_size(self._size()), fee_rate_bps="0",
        )  # fmt: skip

    def _changed(self, market: int) -> bytes:
        changes = []
        for _ in range(self.random.choice((1, 1, 2, 2, 3))):
            changes += self._change(market)
        return self._json(market, "price_change", price_changes=changes)

    def _change(self, market: int) -> list[dict[str, str]]:
        bids, asks = self.bids[market], self.asks[market]
        buy = self.random.random() < 0.5
        levels = bids if buy else asks
        gone = len(levels) > 30 and self.random.random() < 0.5
        if gone:
            price = self.random.choice(list(levels))
            del levels[price]
            size = 0
        else:
            top = min(asks) - 1 if buy else max(bids) + 1
            price = min(max(top - self.random.randint(0, 40) * (1 if buy else -1), 1), ONE - 1)
            size = levels[price] = self._size()
        best, mirrored = self._best(market)
        yes, no = self.ids[market]
        side, other = ("BUY", "SELL") if buy else ("SELL", "BUY")
        return [
            self._item(yes, price, size, side, best),
            self._item(no, ONE - price, size, other, mirrored),
        ]

    def _item(
        self, asset: str, price: int, size: int, side: str, best: dict[str, str]
    ) -> dict[str, str]:
        digest = f"{self.random.getrandbits(160):040x}"
        item = {"asset_id": asset, "price": _price(price), "size": _size(size), "side": side}
        return item | {"hash": digest, **best}

    def _best(self, market: int) -> tuple[dict[str, str], dict[str, str]]:
        bid, ask = max(self.bids[market]), min(self.asks[market])
        return (
            {"best_bid": _price(bid), "best_ask": _price(ask)},
            {"best_bid": _price(ONE - ask), "best_ask": _price(ONE - bid)},
        )

    def book(self, market: int, outcome: int) -> bytes:
        bids, asks = self.bids[market], self.asks[market]
        if outcome:
            bids, asks = ({ONE - p: s for p, s in side.items()} for side in (asks, bids))
        return self._json(
            market, "book", asset_id=self.ids[market][outcome], hash="ab" * 20,
            bids=[{"price": _price(p), "size": _size(bids[p])} for p in sorted(bids)],
            asks=[{"price": _price(p), "size": _size(asks[p])} for p in sorted(asks)[::-1]],
        )  # fmt: skip

    def _json(self, market: int, kind: str, **rest: Any) -> bytes:
        frame = {"market": f"0x{market:064x}", **rest, "timestamp": str(self.ms)}
        return json.dumps(frame | {"event_type": kind}, separators=(",", ":")).encode()


def _price(ticks: int) -> str:
    return f"{ticks / ONE:.3f}".rstrip("0")


def _size(cents: int) -> str:
    return f"{cents / 100:.2f}".rstrip("0").rstrip(".")


def _decode_only(frames: list[bytes]) -> None:
    for frame in frames:
        FLOOR(frame)


def _decode_checked(frames: list[bytes]) -> None:
    for frame in frames:
        decode_frames(frame)


def _book_alone(frames: list[bytes], assets: list[str]) -> dict[str, OrderBook]:
    """Decode, translate and apply: no health, no witness, no order of time."""
    books = {asset: OrderBook(asset) for asset in assets}
    for frame in frames:
        for shape in decode_frames(frame):
            if type(shape) is PriceChangeFrame:
                for change in level_changes(shape, START_NS):
                    books[change.asset_id].apply_change(change)
            elif type(shape) is WireBook:
                books[shape.asset_id].apply_snapshot(snapshot_of(shape, START_NS))
    return books


def _follow(frames: list[bytes], first: list[bytes], assets: list[str]) -> MarketChannel:
    channel = MarketChannel()
    channel.want(assets)
    channel.connected(START_NS)
    at_ns = START_NS
    for frame in first + frames:
        at_ns += 1_000
        channel.receive(frame, at_ns)
        channel.take_events()
    return channel


def _follow_twice(
    frames: list[bytes], first: list[bytes], assets: list[str]
) -> dict[str, OrderBook]:
    """As the whole engine does: the channel's witness book, then the desk's from the events."""
    channel = MarketChannel()
    channel.want(assets)
    channel.connected(START_NS)
    books = {asset: OrderBook(asset) for asset in assets}
    at_ns = START_NS
    for frame in first + frames:
        at_ns += 1_000
        channel.receive(frame, at_ns)
        for event in channel.take_events():
            if type(event) is LevelChange:
                books[event.asset_id].apply_change(event)
            elif type(event) is BookSnapshot:
                books[event.asset_id].apply_snapshot(event)
    return books


def _timed(call: Callable[[], Any], frames: int) -> float:
    """Microseconds of CPU a frame."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    call()
    spent = time.process_time() - start
    gc.enable()
    return spent / frames * 1e6


def run(count: int = FRAMES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Median microseconds of CPU a frame, sides alternating; and what each side costs against
    decoding alone in the same round, the median over the rounds: busy machines matter less so."""
    world = World(MARKETS, seed=7)
    assets = world.assets()
    first = [world.book(market, outcome) for market in range(MARKETS) for outcome in (0, 1)]
    frames = [world.frame() for _ in range(count)]
    total = count + len(first)
    sides: dict[str, Callable[[], Any]] = {
        "floor": lambda: _decode_only(first + frames),
        "decode": lambda: _decode_checked(first + frames),
        "book_alone": lambda: _book_alone(first + frames, assets),
        "channel": lambda: _follow(frames, first, assets),
        "channel_and_desk": lambda: _follow_twice(frames, first, assets),
    }
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            spent[name].append(_timed(side, total))
    _prove(world, _follow(frames, first, assets))
    median = {name: statistics.median(times) for name, times in spent.items()}
    return {
        **{f"{name}_us": round(time_us, 2) for name, time_us in median.items()},
        "decode_ratio": _against(spent["floor"], spent["decode"]),
        "book_alone_ratio": _against(spent["floor"], spent["book_alone"]),
        "apply_ratio": _against(spent["floor"], spent["channel"]),
        "with_desk_ratio": _against(spent["floor"], spent["channel_and_desk"]),
        "frames_per_s": round(1e6 / median["channel"]),
        "bytes_a_frame": round(statistics.mean(len(frame) for frame in frames)),
        "goal_apply_ratio": 2.5,
    }


def _against(floor: list[float], side: list[float]) -> float:
    """The median over the rounds of what a side took, in units of the floor."""
    pairs = zip(floor, side, strict=True)
    return round(statistics.median(taken / least for least, taken in pairs), 2)


def _prove(world: World, channel: MarketChannel) -> None:
    """What was timed must be right: every book equals the world's."""
    for market, (yes, _) in enumerate(world.ids):
        watch = channel.watch(yes)
        assert watch is not None
        bids = {price * 10: size * 10_000 for price, size in world.bids[market].items()}
        assert watch.book.bids == bids, f"market {market} differs"


if __name__ == "__main__":
    print(json.dumps(run()))
