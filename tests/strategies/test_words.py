"""Numbers as a trader reads them."""

import pytest

from feeds.markets import Side
from strategies import words


@pytest.mark.parametrize(
    ("price", "said"), [(2_420, "24.2¢"), (5_000, "50¢"), (1, "0.01¢"), (0, "0¢"), (-150, "-1.5¢")]
)
def test_prices_are_said_in_cents(price: int, said: str) -> None:
    assert words.cents(price) == said


@pytest.mark.parametrize(
    ("money", "said"),
    [
        (1_500_000, "$1.50"),
        (-10, "-$0.00001"),
        (12_345_678_900_000, "$12,345,678.90"),
        (0, "$0.00"),
    ],
)
def test_money_is_said_in_dollars(money: int, said: str) -> None:
    assert words.dollars(money) == said


def test_an_order_is_said_in_one_breath() -> None:
    said = words.order(Side.BUY, 12_500_000, "Yes", 2_420)
    assert said == "buy 12.5 Yes at 24.2¢ or better"
