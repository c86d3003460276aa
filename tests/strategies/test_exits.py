"""Getting out: the whole position, where what would be left could not be sold by itself."""

import pytest

from feeds.book import OrderBook
from feeds.events import BookSnapshot, Level
from feeds.markets import SHARE, Price, Side, Size
from strategies.api import Entry, find_exit
from strategies.fees import fee_cents
from strategies.fills import Walk, walk
from tests.strategies.kit import NOON, TECH, market

ASSET = "m-yes"


class Held:
    """The part of a context that an exit asks: so many shares of one asset, and its book."""

    now_ns = NOON

    def __init__(self, size: Size, bids: tuple[Level, ...], ask: Price) -> None:
        self._size = size
        self._book = OrderBook(ASSET)
        self._book.apply_snapshot(BookSnapshot(NOON, ASSET, NOON, bids, ((ask, 500 * SHARE),)))

    def book(self, asset_id: str) -> OrderBook:
        assert asset_id == ASSET
        return self._book

    def own(self, asset_id: str) -> Size:
        return self._size if asset_id == ASSET else 0

    position = own

    def tradeable(self, asset_id: str) -> bool:
        return asset_id == ASSET

    def fee_cents(self, condition_id: str, price: Price) -> float:
        return fee_cents(price, TECH)

    def walk(self, asset_id: str, side: Side, limit: Price, size: Size) -> Walk:
        return walk(self.book(asset_id), side, limit, size)


def shares(number: float) -> Size:
    return round(number * SHARE)


def way_out(held: float, *bids: tuple[Price, float], ask: Price = 5_100) -> Entry:
    """The exit from so many shares at these bids; a spread of four cents will do."""
    levels = tuple((price, shares(size)) for price, size in bids)
    found = find_exit(Held(shares(held), levels, ask), market(), ASSET, 4.0)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("bids", "limit"),
    [
        (((5_000, 200.0), (4_800, 50.0)), 4_900),
        (((5_000, 60.0), (4_900, 79.18), (4_800, 50.0)), 4_900),
        (((5_000, 33.0), (4_900, 106.0), (4_800, 50.0)), 4_800),
        (((5_000, 137.0), (4_700, 50.0)), 4_700),
    ],
)
def test_a_crumb_is_sold_with_the_rest_where_the_book_takes_it(
    bids: tuple[tuple[Price, float], ...], limit: Price
) -> None:
    found = way_out(139.18, *bids)
    assert (found.limit, found.size) == (limit, shares(139.18))


def test_enough_for_another_sale_waits_for_a_better_price() -> None:
    assert way_out(139.18, (5_000, 100.0), (4_700, 500.0)).limit == 4_900


def test_a_crumb_is_not_worth_more_than_the_spread_that_is_borne() -> None:
    assert way_out(139.18, (5_000, 139.0), (4_500, 500.0)).limit == 4_900


def test_few_shares_worth_less_than_a_dollar_are_crumbs_although_the_market_takes_them() -> None:
    assert way_out(40, (800, 30.0), (600, 500.0), ask=900).limit == 600
