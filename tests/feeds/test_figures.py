"""Numbers as text: exact where they are exact, rounded in one way where they are not."""

import random
from decimal import ROUND_HALF_UP, Decimal

import pytest

from feeds import figures
from feeds.markets import DOLLAR, ONE, SHARE, Side


@pytest.mark.parametrize(
    ("price", "text"), [(2_420, "24.2¢"), (5_000, "50¢"), (1, "0.01¢"), (0, "0¢"), (-150, "-1.5¢")]
)
def test_prices_are_told_in_cents(price: int, text: str) -> None:
    assert figures.cent_price(price) == text


@pytest.mark.parametrize(
    ("price", "least", "text"),
    [(2_400, 0, "24"), (2_400, 1, "24.0"), (2_441, 1, "24.41"), (50, 2, "0.50")],
)
def test_a_price_has_at_least_the_decimals_asked_for(price: int, least: int, text: str) -> None:
    assert figures.cents(price, least) == text


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (1_500_000, "$1.50"),
        (-10, "-$0.00001"),
        (12_345_678_900_000, "$12,345,678.90"),
        (0, "$0.00"),
    ],
)
def test_money_is_told_to_the_millionth(money: int, text: str) -> None:
    assert figures.dollars(money) == text


def test_money_to_the_cent() -> None:
    assert figures.dollars_and_cents(9_951_600_000) == "$9,951.60"
    assert figures.dollars_and_cents(-4_100_000) == "-$4.10"
    assert figures.dollars_and_cents(4_105_000, signed=True) == "+$4.11"
    assert figures.dollars_and_cents(-4_999) == "$0.00", "what rounds to nothing has no sign"
    assert figures.dollars_and_cents(-5_000) == "-$0.01"


def test_what_programs_read_has_no_separators() -> None:
    assert figures.plain_dollars(-12_345_345_678) == "-12345.345678"
    assert figures.plain_price(2_410) == "0.241"
    assert figures.plain_price(ONE) == "1"
    assert figures.plain_shares(1_200_500_000) == "1200.5"
    assert figures.dollar_number(-4_100_001) == -4.100001
    assert str(figures.dollar_number(0)) == "0.0"


def test_an_order_is_told_in_one_breath() -> None:
    text = figures.order(Side.BUY, 12_500_000, "Yes", 2_420)
    assert text == "buy 12.5 Yes at 24.2¢ or better"


def test_rounding_is_that_of_decimal_half_away_from_nothing() -> None:
    chance = random.Random(3)
    for _ in range(5_000):
        number = chance.choice((-1, 1)) * chance.randrange(10 ** chance.randrange(1, 15))
        places = chance.randrange(7)
        right = (Decimal(number) / DOLLAR).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        text = figures.fixed(number, DOLLAR, places)
        assert text == f"{right + 0:,f}".replace("-0.", "-0." if right else "0.")
        assert Decimal(figures.exact(number, SHARE).replace(",", "")) == Decimal(number) / SHARE


@pytest.mark.parametrize(
    ("move", "sign", "shown"),
    [
        (0.5, "▲", "+0.5"),
        (-4.2, "▼", "-4.2"),
        (0.04, "–", "0.0"),
        (-0.04, "–", "0.0"),
        (None, "–", "–"),
    ],
)
def test_a_move_has_its_sign(move: float | None, sign: str, shown: str) -> None:
    assert figures.glyph(move) == sign
    assert figures.points(move) == shown


@pytest.mark.parametrize(
    ("z", "text", "signed"),
    [
        (4.24, "4.2", "+4.2"),
        (-0.04, "0.0", "+0.0"),
        (10.5, "over 10", "over 10"),
        (-80.0, "under -10", "under -10"),
        (None, "–", "–"),
    ],
)
def test_usual_moves_beyond_ten_are_not_printed(z: float | None, text: str, signed: str) -> None:
    assert figures.usual_moves(z) == text
    assert figures.usual_moves(z, signed=True) == signed


def test_no_number_says_minus_nought() -> None:
    assert str(figures.rounded(-0.001, 2)) == "0.0"
    assert figures.rounded(None, 2) is None
    assert figures.move(-0.01) == "– 0.0"
    assert figures.move(None) == "–"
    assert figures.move(-0.25).startswith("▼ -0.")
