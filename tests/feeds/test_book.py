"""The order book against a slow and obvious twin."""

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.book import OrderBook
from feeds.events import BookSnapshot, Level, LevelChange
from feeds.markets import ONE, Side

PRICES = st.integers(1, 30)
SIZES = st.sampled_from([0, 0, 1, 5, 10**12])
LEVELS = st.lists(st.tuples(PRICES, SIZES), max_size=12).map(tuple)
SNAPSHOTS = st.builds(
    BookSnapshot,
    st.integers(1, 10),
    st.just("1"),
    st.integers(1, 10),
    LEVELS,
    LEVELS,
)
CHANGES = st.builds(
    LevelChange,
    st.integers(1, 10),
    st.just("1"),
    st.integers(1, 10),
    st.sampled_from(Side),
    PRICES,
    SIZES,
    st.one_of(st.just(-1), st.integers(0, 31)),
    st.one_of(st.just(-1), st.integers(0, 31), st.just(ONE)),
)


class SlowBook:
    """Lists that are searched every time."""

    def __init__(self) -> None:
        self.levels: list[tuple[Side, int, int]] = []

    def apply(self, event: BookSnapshot | LevelChange) -> None:
        if isinstance(event, BookSnapshot):
            self.levels = []
            for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
                for price, size in levels:
                    self._set(side, price, size)
            return
        self._set(event.side, event.price, event.size)
        self.levels = [
            (side, price, size)
            for side, price, size in self.levels
            if not (side is Side.BUY and 0 <= event.best_bid < price)
            and not (side is Side.SELL and price < event.best_ask <= ONE)
        ]

    def _set(self, side: Side, price: int, size: int) -> None:
        self.levels = [level for level in self.levels if level[:2] != (side, price)]
        if size:
            self.levels.append((side, price, size))

    def side(self, side: Side) -> list[Level]:
        found = [(price, size) for one, price, size in self.levels if one is side]
        return sorted(found, reverse=side is Side.BUY)


@settings(max_examples=400, deadline=None, database=None)
@given(st.lists(st.one_of(SNAPSHOTS, CHANGES, CHANGES, CHANGES), max_size=40))
def test_a_book_equals_its_slow_twin(events: list[BookSnapshot | LevelChange]) -> None:
    book, twin = OrderBook("1"), SlowBook()
    for event in events:
        if isinstance(event, BookSnapshot):
            book.apply_snapshot(event)
        else:
            book.apply_change(event)
        twin.apply(event)
        bids, asks = twin.side(Side.BUY), twin.side(Side.SELL)
        assert (book.levels(Side.BUY), book.levels(Side.SELL)) == (bids, asks)
        assert book.best_bid == (bids[0][0] if bids else 0)
        assert book.best_ask == (asks[0][0] if asks else ONE)
        assert (book.applied_ns, book.venue_ns) == (event.at_ns, event.venue_ns)


def snapshot(bids: list[Level], asks: list[Level]) -> BookSnapshot:
    return BookSnapshot(1, "1", 1, tuple(bids), tuple(asks))


def test_only_a_sound_book_has_a_midpoint() -> None:
    book = OrderBook("1")
    assert (book.seen, book.midpoint) == (False, None)
    book.apply_snapshot(snapshot([(4_000, 1)], [(4_200, 1)]))
    assert (book.seen, book.midpoint, book.spread) == (True, 0.41, 200)
    for bids, asks in (
        ([], [(4_200, 1)]),
        ([(4_000, 1)], []),
        ([(4_200, 1)], [(4_200, 1)]),
        ([(100, 1)], [(9_900, 1)]),
        ([(10, 1)], [(9_990, 1)]),
    ):
        book.apply_snapshot(snapshot(bids, asks))
        assert book.midpoint is None, (bids, asks)


def test_clearing_leaves_nothing() -> None:
    book = OrderBook("1")
    book.apply_snapshot(snapshot([(4_000, 1)], [(4_200, 1)]))
    book.clear()
    assert (book.bids, book.asks, book.best_bid, book.best_ask, book.seen) == (
        {},
        {},
        0,
        ONE,
        False,
    )


def test_a_buy_meets_the_asks_from_the_best() -> None:
    book = OrderBook("1")
    book.apply_snapshot(snapshot([(4_000, 1), (3_900, 2)], [(4_300, 4), (4_200, 3)]))
    assert book.takeable(Side.BUY) == [(4_200, 3), (4_300, 4)]
    assert book.takeable(Side.SELL) == [(4_000, 1), (3_900, 2)]
    assert book.levels(Side.BUY, 1) == [(4_000, 1)]
