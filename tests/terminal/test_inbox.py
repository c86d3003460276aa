"""What waits for the desk: commands before data, latest values once, everything else whole."""

import asyncio
from itertools import count

import pytest

from feeds.events import (
    CancelRequest,
    Event,
    KillSwitch,
    LevelChange,
    OrderRequest,
    Print,
    SuggestionReply,
    Tick,
)
from feeds.markets import Side
from terminal.engine import inbox as rules
from terminal.engine.inbox import Inbox
from terminal.engine.state import Counters

COMMANDS = (
    KillSwitch(1, "k", True),
    CancelRequest(1, "c"),
    SuggestionReply(1, "s", "x", True),
    OrderRequest(1, "o", "m", "yes", Side.BUY, 5_000, 1_000_000),
)


def level(at: int, price: int, size: int, asset: str = "yes") -> LevelChange:
    return LevelChange(at, asset, at, Side.BUY, price, size)


def emptied(inbox: Inbox) -> list[Event]:
    taken = []
    while (heard := inbox.take()) is not None:
        taken.append(heard[0])
    return taken


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(Counters())


@pytest.fixture
def hasty(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """One that passes over from the first event on."""
    monkeypatch.setattr(rules, "PASS_OVER_FROM", 0)
    return inbox


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
def test_a_command_goes_before_all_data(inbox: Inbox, command: Event) -> None:
    data = [level(at, 5_000, at) for at in range(1_000)]
    inbox.hear_many(list(data))
    inbox.hear(command)
    assert emptied(inbox) == [command, *data]


def test_commands_keep_their_order(inbox: Inbox) -> None:
    for command in COMMANDS:
        inbox.hear(command)
    assert emptied(inbox) == list(COMMANDS)


def test_as_long_as_the_desk_keeps_up_nothing_is_passed_over(inbox: Inbox) -> None:
    data = [level(at, 5_000, at) for at in range(rules.PASS_OVER_FROM)]
    inbox.hear_many(list(data))
    assert emptied(inbox) == data
    assert inbox.take_passed_over() == ()


def test_a_newer_size_of_a_level_stands_in_for_an_older(hasty: Inbox) -> None:
    first, other, newer = level(1, 5_000, 10), level(2, 4_900, 20), level(3, 5_000, 30)
    hasty.hear_many([first, other, newer])
    assert len(hasty) == 2
    assert emptied(hasty) == [other, newer]
    assert hasty.take_passed_over() == ("yes",)
    assert hasty.take_passed_over() == ()


def test_levels_of_other_books_and_sides_are_others(hasty: Inbox) -> None:
    ask = LevelChange(1, "yes", 1, Side.SELL, 5_000, 10)
    kept = [level(1, 5_000, 10), level(1, 5_000, 10, "no"), ask]
    hasty.hear_many(list(kept))
    assert emptied(hasty) == kept


def test_prints_are_never_passed_over_and_one_tick_is_enough(hasty: Inbox) -> None:
    prints = [Print(at, "yes", 1, 5_000, 10, Side.BUY) for at in range(500)]
    for one in prints:
        hasty.hear(one)
        hasty.hear(Tick(one.at_ns))
    assert emptied(hasty) == [*prints, Tick(499)]
    assert hasty.take_passed_over() == ()


def test_what_was_taken_is_not_stood_in_for(hasty: Inbox) -> None:
    hasty.hear_many([level(1, 5_000, 10)])
    assert hasty.take() is not None
    hasty.hear_many([level(2, 5_000, 20)])
    assert emptied(hasty) == [level(2, 5_000, 20)]
    assert hasty.take_passed_over() == ()


def test_a_book_that_never_rests_does_not_grow_the_queue(
    hasty: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "HOLES_MAX", 100)
    hasty.hear(Print(0, "yes", 1, 5_000, 10, Side.BUY))
    for at in range(20_000):
        hasty.hear_many([level(at, 5_000 + at % 5, at)])
    assert len(hasty) == 6
    assert len(hasty._places) < 250
    assert len(emptied(hasty)) == 6


def test_who_can_not_keep_up_at_all_loses_levels_and_knows_of_which_books(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "INBOX_MAX", 10)
    price = count(1)
    inbox.hear_many([level(1, next(price), 1) for _ in range(11)])
    print_ = Print(2, "no", 1, 5_000, 10, Side.BUY)
    inbox.hear_many([level(2, next(price), 1, "no"), print_])
    assert inbox.take_overrun() == ("no",)
    assert emptied(inbox)[-1] == print_


async def test_whoever_waits_is_woken_by_either_lane(inbox: Inbox) -> None:
    for event in (Tick(1), COMMANDS[0]):
        waiting = asyncio.create_task(inbox.filled())
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.hear(event)
        await waiting
        assert emptied(inbox) == [event]


def test_the_oldest_is_data_that_still_counts(hasty: Inbox) -> None:
    assert hasty.oldest() is None
    hasty.hear_many([level(1, 5_000, 10)])
    first = hasty.oldest()
    hasty.hear_many([level(2, 5_000, 20)])
    newer = hasty.oldest()
    assert first is not None
    assert newer is not None
    assert newer >= first
    assert len(hasty) == 1
