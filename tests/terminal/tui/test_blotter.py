"""What the blotter says of trades that the venue has matched and not settled."""

import pytest

from terminal.protocol.views import FillRow, PositionRow
from terminal.tui.widgets.blotter import _fill, _position_lead


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ("", "maker"),
        ("confirmed", "maker"),
        ("matched", "maker · pending"),
        ("failed", "maker · failed, taken back"),
    ],
)
def test_a_fill_says_whether_it_may_still_be_taken_back(stage: str, says: str) -> None:
    row = FillRow(
        id="f", at_ns=1, order_id="o", condition_id="m", asset_id="a", question="Will it rain?",
        outcome="Yes", side="buy", price=5_000, size=1_000_000, fee=0, liquidity="maker",
        stage=stage,
    )  # fmt: skip
    (line,) = _fill(row, 118, 30).lines
    assert "".join(text for text, _ in line).endswith(f"  {says}")


@pytest.mark.parametrize(
    ("pending", "says"), [(0, "▪ 10 Yes"), (4_000_000, "▪ 10 Yes (4 pending)")]
)
def test_a_position_tells_how_much_of_it_is_pending(pending: int, says: str) -> None:
    row = PositionRow(
        condition_id="m", asset_id="a", question="Will it rain?", outcome="Yes", size=10_000_000,
        cost=5_000_000, average=5_000, mark=5_000, value=5_000_000, unrealised=0, realised=0,
        pending=pending,
    )  # fmt: skip
    assert _position_lead(row) == says
