"""The ticket's arithmetic of typing: grids, quick sizes, dollars into shares."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.protocol.views import BookView, LadderLevel, MarketView
from terminal.tui.ticket_form import CRUMB, Ticket
from tests.terminal.tui.scripted import SHARE


def market(tick: int = 10, held: int = 0) -> MarketView:
    def book(outcome: str, best: int) -> BookView:
        return BookView(
            asset_id=outcome.lower(),
            outcome=outcome,
            state="live",
            tick_size=tick,
            asks=tuple(LadderLevel(best + n * tick, 100 * SHARE) for n in range(1, 4)),
            bids=tuple(LadderLevel(best - n * tick, 100 * SHARE) for n in range(1, 4)),
            midpoint=best / 10_000,
            spread=2 * tick,
            held=held,
        )

    return MarketView(
        condition_id="m",
        question="?",
        yes=book("YES", 2400),
        no=book("NO", 7600),
        min_order_size=5 * SHARE,
    )


def test_a_ticket_starts_where_it_would_fill() -> None:
    assert Ticket(market(), "buy").price == 2410
    assert Ticket(market(held=SHARE), "sell").price == 2390


@given(st.sampled_from([1, 10, 25, 50, 100, 1000]), st.lists(st.integers(-400, 400), max_size=20))
def test_steps_stay_on_the_grid_and_inside_it(tick: int, steps: list[int]) -> None:
    ticket = Ticket(market(tick), "buy")
    for step in steps:
        ticket.step_price(step)
        assert ticket.price % tick == 0
        assert tick <= ticket.price <= 10_000 - tick


@given(st.text(alphabet="0123456789.", max_size=20))
def test_whatever_is_typed_is_a_size_or_none(typed: str) -> None:
    ticket = Ticket(market(), "buy")
    for character in typed:
        ticket.type(character)
    assert ticket.size >= 0
    assert ticket.size % CRUMB == 0
    ticket.at = "price"
    for character in typed:
        ticket.type(character)
    ticket.settle()
    assert 10 <= ticket.price <= 9_990


@given(st.integers(1, 10_000))
def test_dollars_buy_no_more_shares_than_they_pay_for(dollars: int) -> None:
    ticket = Ticket(market(), "buy")
    ticket.is_market = ticket.in_dollars = True
    ticket.price, ticket.typed = 2430, str(dollars)
    left, cost = ticket.size, 0
    for level in ticket.against:
        take = min(left, level.size)
        left, cost = left - take, cost + take * level.price
    cost += left * ticket.price
    assert cost <= dollars * 1_000_000 * 10_000


def test_what_is_not_held_cannot_be_sold() -> None:
    ticket = Ticket(market(), "sell")
    assert "No YES is held" in ticket.wrong
    assert "buying NO is the same bet" in ticket.wrong


def test_an_order_is_what_was_previewed() -> None:
    ticket = Ticket(market(), "buy")
    asked, order = ticket.preview("p"), ticket.order("o")
    for name in ("condition_id", "asset_id", "side", "price", "size", "kind"):
        assert getattr(asked, name) == getattr(order, name)


def test_a_market_order_never_rests() -> None:
    ticket = Ticket(market(), "buy")
    ticket.at = "kind"
    ticket.turn(1)
    assert ticket.kind == "fak"
    assert ticket.price > 2410


def test_quick_sizes_go_round() -> None:
    ticket = Ticket(market(), "buy")
    seen = [ticket.typed]
    for _ in ticket.quick_sizes():
        ticket.turn(1)
        seen.append(ticket.typed)
    assert seen[0] == seen[-1] == "100"


def test_the_tui_never_reads_markup() -> None:
    folder = Path(__file__).parents[3] / "terminal" / "tui"
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for forbidden in ("from_markup", "markup=True", "Static(", "Label(", "DataTable"):
            assert forbidden not in text, f"{path.name} uses {forbidden}"
        if "notify(" in text:
            assert "markup=False" in text


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_empty_book_still_has_a_ticket(side: str) -> None:
    empty = BookView(asset_id="a", outcome="YES", state="live")
    view = MarketView(condition_id="m", question="?", yes=empty, no=empty)
    assert Ticket(view, side).price == 5_000
