"""Exact numbers, and addresses."""

import pytest

from feeds.markets import SECOND
from feeds.polymarket.hosts import HostError, Hosts
from feeds.polymarket.units import (
    PRICE_TEXTS_MAX,
    PRICES,
    BadNumber,
    date_nanos,
    exact_price,
    exact_size,
    millionths,
    nearest_price,
    venue_nanos,
)


def test_every_price_of_four_decimals_is_read_exactly() -> None:
    for price in range(1, 10_000):
        text = f"{price / 10_000:.4f}"
        assert PRICES[text] == PRICES[text.rstrip("0")] == exact_price(price / 10_000) == price


def test_remembered_prices_have_a_limit() -> None:
    prices = type(PRICES)()
    for zeros in range(20):
        for price in range(1, 9_999, 3):
            prices[f"0.{price:04d}" + "0" * zeros]
    assert len(prices) == PRICE_TEXTS_MAX
    assert prices["0.5" + "0" * 30] == 5_000


@pytest.mark.parametrize(
    "seen", ["0.00001", 0.00001, "1.1", -0.1, float("nan"), float("inf"), "1_0", "٠.٥"]
)
def test_what_is_no_price_says_why(seen: str | float) -> None:
    with pytest.raises(BadNumber, match=r"price|number"):
        exact_price(seen)


def test_sizes_amounts_and_past_prices() -> None:
    assert exact_size(85.36) == 85_360_000
    assert exact_size(0) == 0
    assert millionths("0.25") == 250_000
    assert millionths(0.0425) == 42_500
    assert nearest_price(0.52155) in (5_215, 5_216)
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadNumber):
            nearest_price(bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-12T09:25:00Z", 1_773_307_500 * SECOND),
        ("2026-04-05 15:10:00+00", 1_775_401_800 * SECOND),
        ("2026-03-11T09:29:01.328428Z", 1_773_221_341_328_428_000),
        ("2026-03-12", 1_773_273_600 * SECOND),
        ("0001-01-01T00:00:00+14:00", None),
        ("1965-01-01", None),
        ("next week", None),
        ("", None),
        (None, None),
        ("2" * 1_000, None),
    ],
)
def test_dates_of_both_forms_are_read_and_others_are_none(
    text: str | None, expected: int | None
) -> None:
    assert date_nanos(text) == expected


def test_stamps_may_be_seconds_or_milliseconds() -> None:
    assert venue_nanos(1_790_000_000) == venue_nanos(1_790_000_000_000) == 1_790_000_000 * SECOND
    assert venue_nanos(0) == 0


def test_hosts_default_to_production_and_lose_their_slashes() -> None:
    assert Hosts.of() == Hosts()
    hosts = Hosts.of(clob="http://127.0.0.1:8080/", ws_market="ws://[::1]:9/ws/market/")
    assert (hosts.clob, hosts.ws_market) == ("http://127.0.0.1:8080", "ws://[::1]:9/ws/market")
    assert hosts.gamma == "https://gamma-api.polymarket.com"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gamma", "ftp://example.org"),
        ("gamma", "wss://example.org"),
        ("clob", "example.org"),
        ("clob", "https://"),
        ("clob", "https://example.org:99999"),
        ("clob", "https://[::1"),
        ("clob", 7),
        ("data", "https://user:secret@example.org"),
        ("data", "https://example.org/?a=1"),
        ("ws_market", "https://example.org/ws"),
        ("ws_comments", "wss://example.org"),
    ],
)
def test_an_address_that_cannot_be_is_refused_by_key(key: str, value: object) -> None:
    with pytest.raises(HostError, match=key) as caught:
        Hosts.of(**{key: value})
    assert "secret" not in str(caught.value)
