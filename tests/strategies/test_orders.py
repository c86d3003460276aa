"""The life of an order: a table, and nothing beside it."""

from itertools import product

import pytest

from feeds.events import OrderState, OrderUpdate
from feeds.markets import SHARE
from strategies.desk.orders import NEXT, ImpossibleUpdate, OrderRecord, OrderTable, next_state
from tests.strategies.kit import NOON, fill, intent

S = OrderState


@pytest.mark.parametrize(("state", "heard"), list(product(S, S)))
def test_every_pair_is_in_the_table_or_impossible(state: S, heard: S) -> None:
    if (state, heard) in NEXT:
        assert next_state(state, heard) is NEXT[state, heard]
    else:
        with pytest.raises(ImpossibleUpdate, match=f"{state.value} can't become {heard.value}"):
            next_state(state, heard)


def test_what_is_over_stays_over() -> None:
    for (state, _), then in NEXT.items():
        if state.over:
            assert then is state


def test_an_order_of_unknown_fate_can_still_turn_out_any_way() -> None:
    ways = {then for (state, _), then in NEXT.items() if state is S.UNKNOWN}
    assert ways == {S.UNKNOWN, S.OPEN, S.FILLED, S.CANCELLED, S.REFUSED}


def test_the_order_in_which_fills_and_updates_come_does_not_matter() -> None:
    words = [
        fill("f1", size=60 * SHARE),
        fill("f2", size=40 * SHARE),
        OrderUpdate(NOON, "o1", S.FILLED, 100 * SHARE),
    ]
    ends = []
    for order in ([0, 1, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0], [2, 1, 0], [1, 0, 2]):
        record = OrderRecord(intent())
        for index in order:
            word = words[index]
            if isinstance(word, OrderUpdate):
                record.hear(word)
            else:
                record.take(word)
        ends.append((record.state, record.filled, record.outstanding, record.cost))
    assert set(ends) == {(S.FILLED, 100 * SHARE, 0, 50_000_000)}


def test_a_cancelled_order_still_waits_for_the_fills_it_was_told_of() -> None:
    record = OrderRecord(intent())
    record.hear(OrderUpdate(NOON, "o1", S.CANCELLED, 30 * SHARE))
    assert record.outstanding == 30 * SHARE
    record.take(fill(size=30 * SHARE))
    assert record.outstanding == 0
    assert record.average == 5_000


def test_a_late_word_does_not_shrink_what_was_told_before() -> None:
    record = OrderRecord(intent())
    record.hear(OrderUpdate(NOON, "o1", S.FILLED, 100 * SHARE))
    record.hear(OrderUpdate(NOON, "o1", S.OPEN, 40 * SHARE))
    assert (record.state, record.outstanding) == (S.FILLED, 100 * SHARE)


def test_the_oldest_orders_that_are_over_are_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strategies.desk.orders.ORDERS_MAX", 2)
    table = OrderTable()
    table.add(intent("open"))
    table.add(intent("over")).hear(OrderUpdate(NOON, "over", S.REFUSED, 0))
    table.add(intent("new"))
    assert list(table.records) == ["open", "new"]
