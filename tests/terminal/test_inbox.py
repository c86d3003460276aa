"""What waits for the desk: commands before data, the newest of a book, everything else whole."""

import asyncio
import random
from itertools import count

import pytest

from feeds.book import OrderBook
from feeds.events import (
    BookHealth,
    BookSnapshot,
    BookState,
    CancelRequest,
    Event,
    Gap,
    KillSwitch,
    LevelChange,
    MarketResolved,
    OrderRequest,
    Print,
    SuggestionReply,
    Tick,
    TickSizeChange,
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
    """One that joins from the first event on."""
    monkeypatch.setattr(rules, "JOIN_FROM", 0)
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


def printed(at: int, asset: str = "yes") -> Print:
    return Print(at, asset, at, 5_000, 10, Side.BUY)


def whole(at: int, *bids: tuple[int, int], asset: str = "yes") -> BookSnapshot:
    return BookSnapshot(at, asset, at, bids, ())


def test_as_long_as_the_desk_keeps_up_nothing_is_joined(inbox: Inbox) -> None:
    data = [level(at, 5_000, at) for at in range(rules.JOIN_FROM)]
    inbox.hear_many(list(data))
    assert emptied(inbox) == data
    assert inbox.take_joined() == ()


def test_of_a_level_the_newest_is_kept_where_the_book_waited_first(hasty: Inbox) -> None:
    first, other, newer = level(1, 5_000, 10), level(2, 4_900, 20), level(4, 5_000, 30)
    hasty.hear_many([first, other, printed(3), newer])
    assert len(hasty) == 3
    assert hasty.take_joined() == ("yes",)
    assert emptied(hasty) == [other, newer, printed(3)]
    assert hasty.take_joined() == ()


def test_a_level_that_never_rests_is_not_put_off_for_ever(hasty: Inbox) -> None:
    """The desk deals with half of what comes, for long; each time round it sees the level anew."""
    seen = []
    for at in range(1, 1_000):
        hasty.hear_many([level(at, 5_000, at), printed(at), printed(at)])
        hasty.hear(Tick(at))
        for _ in range(2):
            heard = hasty.take()
            assert heard is not None
            seen.append(heard[0])
    assert sum(isinstance(one, LevelChange) for one in seen) > 2
    assert sum(isinstance(one, Tick) for one in seen) > 2


def test_no_book_is_older_than_the_oldest_that_waits(
    hasty: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(1)
    monkeypatch.setattr(rules.time, "perf_counter", lambda: float(next(clock)))
    hasty.hear_many([level(1, 5_000, 10)])
    first = hasty.oldest()
    hasty.hear_many([printed(2)])
    hasty.hear_many([level(3, 5_000, 20)])
    assert hasty.oldest() == first == 1.0
    assert hasty.take() == (level(3, 5_000, 20), 1.0), "so old was this book until now"
    assert hasty.oldest() == 2.0
    assert emptied(hasty) == [printed(2)]
    assert hasty.oldest() is None


def test_no_book_shows_levels_of_two_times(hasty: Inbox) -> None:
    """A market that moves up: bids of later never meet asks of earlier."""
    book, chance, price = OrderBook("yes"), random.Random(1), 5_000

    def ask(at: int, price: int, size: int) -> LevelChange:
        return LevelChange(at, "yes", at, Side.SELL, price, size)

    hasty.hear_many([whole(0), level(0, price, 10), ask(0, price + 100, 10)])
    for at in range(1, 400):
        step = chance.choice((-300, 300)) if 1_000 < price < 9_000 else 300
        moved = price + step
        hasty.hear_many(
            [
                level(at, price, 0),
                ask(at, price + 100, 0),
                level(at, moved, 10),
                ask(at, moved + 100, 10),
                printed(at),
                printed(at, "other"),
            ]
        )
        price = moved if 1_000 < moved < 9_000 else moved - 2 * step
        if price != moved:
            hasty.hear_many([level(at, moved, 0), ask(at, moved + 100, 0)])
            hasty.hear_many([level(at, price, 10), ask(at, price + 100, 10)])
        for _ in range(chance.randrange(6)):
            heard = hasty.take()
            if heard is not None and isinstance(heard[0], LevelChange):
                book.apply_change(heard[0])
            elif heard is not None and isinstance(heard[0], BookSnapshot):
                book.apply_snapshot(heard[0])
            assert hasty._taken or not book.crossed


@pytest.mark.parametrize(
    "barrier",
    [
        Gap(2, ("yes",), "cut"),
        BookHealth(2, "yes", BookState.STALE, ""),
        TickSizeChange(2, "yes", 100, 10),
    ],
    ids=lambda one: type(one).__name__,
)
def test_nothing_joins_across_a_break(hasty: Inbox, barrier: Event) -> None:
    data = [level(1, 5_000, 10), barrier, level(3, 5_000, 20), whole(4)]
    hasty.hear_many(list(data))
    assert emptied(hasty) == [data[0], barrier, data[3]]
    hasty.hear_many([level(1, 5_000, 10, "no"), barrier, level(3, 5_000, 20, "no")])
    assert emptied(hasty) == [level(3, 5_000, 20, "no"), barrier], "other books are not broken"


def test_a_whole_book_takes_the_place_of_what_it_replaces(hasty: Inbox) -> None:
    hasty.hear_many([whole(1, (4_000, 1)), level(2, 5_000, 10), whole(3, (4_100, 1))])
    after = level(4, 4_100, 2)
    hasty.hear_many([after])
    assert len(hasty) == 2
    assert emptied(hasty) == [whole(3, (4_100, 1)), after]
    assert len(hasty) == 0


def test_what_waits_by_itself_is_never_overtaken_by_its_own_book(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joining sets in and ends again as the queue grows and shrinks."""
    monkeypatch.setattr(rules, "JOIN_FROM", 3)
    chance, heard = random.Random(2), dict[tuple[str, int], int]()
    for at in range(5_000):
        inbox.hear_many([level(at, chance.randrange(5) + 1, at, chance.choice(("yes", "no")))])
        for _ in range(chance.randrange(4) if len(inbox) > 8 else chance.randrange(2)):
            taken = inbox.take()
            if taken is not None:
                assert isinstance(taken[0], LevelChange)
                key = (taken[0].asset_id, taken[0].price)
                assert heard.get(key, -1) < taken[0].at_ns
                heard[key] = taken[0].at_ns


def test_levels_of_other_books_and_sides_are_others(hasty: Inbox) -> None:
    ask = LevelChange(1, "yes", 1, Side.SELL, 5_000, 10)
    hasty.hear_many([level(1, 5_000, 10), level(1, 5_000, 10, "no"), ask])
    assert emptied(hasty) == [level(1, 5_000, 10), ask, level(1, 5_000, 10, "no")]


def test_prints_are_never_joined_and_one_tick_is_enough(hasty: Inbox) -> None:
    prints = [printed(at) for at in range(500)]
    for one in prints:
        hasty.hear(one)
        hasty.hear(Tick(one.at_ns))
    assert emptied(hasty) == [prints[0], Tick(499), *prints[1:]]
    assert hasty.take_joined() == ()


def test_nothing_joins_what_was_taken(hasty: Inbox) -> None:
    hasty.hear_many([level(1, 5_000, 10)])
    assert hasty.take() is not None
    hasty.hear_many([level(2, 5_000, 20)])
    assert emptied(hasty) == [level(2, 5_000, 20)]
    assert hasty.take_joined() == ()


def test_a_book_that_never_rests_does_not_grow_the_queue(hasty: Inbox) -> None:
    hasty.hear(printed(0))
    for at in range(20_000):
        hasty.hear_many([level(at, 5_000 + at % 5, at)])
    assert len(hasty) == 6
    assert len(emptied(hasty)) == 6


def test_who_can_not_keep_up_at_all_loses_market_data_and_the_desk_hears_of_which_books(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "INBOX_MAX", 10)
    inbox.hear_many([printed(1) for _ in range(11)])
    story = MarketResolved(2, "m", "yes")
    inbox.hear_many([level(2, 5_000, 1, "no"), printed(2, "no"), story, level(2, 5_000, 2, "no")])
    for at in range(1_000):
        inbox.hear_many([printed(at, "no"), printed(at, "yes")])
    assert len(inbox) == 11 + 3, "it does not grow by market data any more"
    assert inbox.prints_lost == 2_001
    assert inbox.take_overrun() == ("no", "yes")
    assert emptied(inbox)[11:] == [
        Gap(2, ("no",), rules.OVERRUN),
        story,
        Gap(0, ("yes",), rules.OVERRUN),
    ]


async def test_whoever_waits_is_woken_by_either_lane(inbox: Inbox) -> None:
    for event in (Tick(1), COMMANDS[0]):
        waiting = asyncio.create_task(inbox.filled())
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.hear(event)
        await waiting
        assert emptied(inbox) == [event]
