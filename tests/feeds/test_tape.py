"""Tapes: what goes in comes out, tears are told, corruption is refused."""

import random
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from feeds import tape
from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    BookState,
    Event,
    Gap,
    Grade,
    Judged,
    LevelChange,
    MarketSeen,
    Opinion,
    Print,
    Story,
    Tick,
    TickSizeChange,
)
from feeds.markets import FREE, SECOND, Market, Outcome, Side
from feeds.tape import TapeError, TapeWriter, info, read_tape

START = 1_790_000_000 * SECOND
HEADER = {"ftt": "0.1.0", "venue": "practice", "settings": {"seed": 7}}


def some_events(count: int, seed: int = 0) -> list[Event]:
    chance = random.Random(seed)
    market = Market(
        condition_id="0xab",
        question="Será — 大?",
        yes=Outcome("Yes", "1"),
        no=Outcome("No", "2"),
        tick_size=10,
        min_order_size=5_000_000,
        fees=FREE,
    )
    makers: list[Callable[[int], Event]] = [
        lambda at: Tick(at),
        lambda at: MarketSeen(at, market),
        lambda at: BookSnapshot(at, "1", at, ((4_000, 5),), (), "ab"),
        lambda at: LevelChange(at, "1", at, Side.SELL, 4_100, 10**15, 4_000, -1),
        lambda at: BestQuote(at, "1", at, -1, 4_100),
        lambda at: Print(at, "1", at, 4_100, 1, Side.BUY),
        lambda at: TickSizeChange(at, "1", 100, 10),
        lambda at: BookHealth(at, "1", BookState.FROZEN, "why"),
        lambda at: Gap(at, ("1", "2"), "cut"),
        lambda at: Story(
            at_ns=at,
            id="s",
            source="w",
            source_name="W",
            title="T",
            first_seen_ns=at,
            cluster_id="s",
        ),
    ]
    at = START
    events: list[Event] = []
    for _ in range(count):
        at += chance.randrange(0, 20_000_000)
        events.append(chance.choice(makers)(at))
    return events


def written(path: Path, events: list[Event], header: dict[str, object] | None = None) -> Path:
    with TapeWriter(path, header or HEADER) as writer:
        writer.extend(events)
    return path


def test_what_was_recorded_is_read_again(tmp_path: Path) -> None:
    events = some_events(2_500)
    header, read = read_tape(written(tmp_path / "a.tape", events))
    assert header == HEADER
    assert list(read) == events
    assert read.torn_at is None


def test_an_empty_tape_is_a_tape(tmp_path: Path) -> None:
    header, read = read_tape(written(tmp_path / "a.tape", []))
    assert (header, list(read), read.torn_at) == (HEADER, [], None)


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    events = some_events(1_500)
    one, two = written(tmp_path / "1.tape", events), written(tmp_path / "2.tape", events)
    assert one.read_bytes() == two.read_bytes()


def test_events_reach_the_file_without_closing(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    writer = TapeWriter(path, HEADER)
    events = some_events(5)
    writer.extend(events)
    writer.flush()
    assert list(read_tape(path).events) == events
    late = Tick(events[-1].at_ns + 2 * SECOND)
    writer.append(Tick(late.at_ns - SECOND // 2))
    writer.append(Tick(late.at_ns + SECOND))
    assert len(list(read_tape(path).events)) == 6, "a block spans at most a second"
    writer.close()
    writer.close()
    assert len(list(read_tape(path).events)) == 7


def test_a_tape_torn_anywhere_gives_all_whole_blocks_and_says_where(tmp_path: Path) -> None:
    events = some_events(300)
    whole = written(tmp_path / "a.tape", events).read_bytes()
    first_block = len(tape.MAGIC) + _header_block_bytes(whole)
    torn_path = tmp_path / "torn.tape"
    told = set()
    for cut in range(first_block, len(whole), 97):
        torn_path.write_bytes(whole[:cut])
        read = read_tape(torn_path).events
        got = list(read)
        assert got == events[: len(got)]
        assert read.torn_at is None or read.torn_at < cut
        told.add(read.torn_at)
    assert len(told) > 2


def _header_block_bytes(whole: bytes) -> int:
    length = int.from_bytes(whole[len(tape.MAGIC) : len(tape.MAGIC) + 4], "little")
    return length + tape._HEAD_BYTES


def test_a_torn_header_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.tape", some_events(3)).read_bytes()
    for cut in (3, 8, 20, 45):
        path = tmp_path / f"{cut}.tape"
        path.write_bytes(whole[:cut])
        with pytest.raises(TapeError, match=str(path)):
            read_tape(path)


def test_no_flipped_bit_passes_unnoticed(tmp_path: Path) -> None:
    events = some_events(40)
    path = written(tmp_path / "a.tape", events)
    whole = path.read_bytes()
    for index in range(len(whole)):
        spoiled = bytearray(whole)
        spoiled[index] ^= 1 << (index % 8)
        path.write_bytes(spoiled)
        with pytest.raises(TapeError) as caught:
            list(read_tape(path).events)
        assert caught.value.offset <= index


def test_a_corrupt_block_is_refused_with_its_offset_after_the_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    events = some_events(20)
    with TapeWriter(path, HEADER) as writer:
        writer.extend(events[:10])
        writer.flush()
        offset = path.stat().st_size
        writer.extend(events[10:])
    spoiled = bytearray(path.read_bytes())
    spoiled[-1] ^= 0xFF
    path.write_bytes(spoiled)
    read = read_tape(path).events
    assert [next(read) for _ in range(10)] == events[:10]
    with pytest.raises(TapeError, match="checksum") as caught:
        next(read)
    assert caught.value.offset == offset


def test_foreign_files_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("To whom it may concern, this is no tape at all.")
    with pytest.raises(TapeError, match=r"notes\.txt.*no tape"):
        read_tape(path)
    with pytest.raises(TapeError, match=r"gone\.tape.*cannot be opened"):
        read_tape(tmp_path / "gone.tape")
    newer = tmp_path / "newer.tape"
    newer.write_bytes(tape.MAGIC[:-1] + b"\x09" + b"x" * 40)
    with pytest.raises(TapeError, match="version 9"):
        read_tape(newer)


def test_a_tape_is_never_written_over(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tape", some_events(3))
    before = path.read_bytes()
    with pytest.raises(TapeError, match="choose another name"):
        TapeWriter(path, HEADER)
    assert path.read_bytes() == before


def test_an_event_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    writer = TapeWriter(path, HEADER)
    writer._write_block(tape._encode([["from_tomorrow", 1]]), 1, 1, 1)
    writer.close()
    with pytest.raises(TapeError, match="not known here"):
        list(read_tape(path).events)


def test_info_says_what_a_tape_holds(tmp_path: Path) -> None:
    events = some_events(2_000)
    path = written(tmp_path / "a.tape", events)
    told = info(path)
    assert told.header == HEADER
    assert told.events == len(events) == sum(told.kinds.values())
    assert (told.first_ns, told.last_ns) == (events[0].at_ns, events[-1].at_ns)
    assert told.kinds["Tick"] == sum(isinstance(event, Tick) for event in events)
    assert told.bytes == path.stat().st_size
    assert told.torn_at is None
    path.write_bytes(path.read_bytes()[:-3])
    assert info(path).torn_at is not None


def test_reading_can_stop_and_go_on_in_blocks(tmp_path: Path) -> None:
    events = some_events(2_500)
    read = read_tape(written(tmp_path / "a.tape", events)).events
    first = [next(read) for _ in range(7)]
    rest = [event for block in read.blocks() for event in block]
    assert first + rest == events


def test_a_judges_opinions_from_before_grades_are_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "old.tape"
    with TapeWriter(file, HEADER) as writer:
        writer._write_block(
            msgspec.msgpack.encode([["judged", START, "s", 0, "tiny-1", [["m", 0.75, 1]]]]),
            1,
            START,
            START,
        )
    with pytest.raises(TapeError, match="as relevances, not as grades"):
        list(read_tape(file).events)
    judged = Judged(START, "s", 0, "tiny-1", (Opinion("m", Grade.BEARS, 1, True),))
    with TapeWriter(tmp_path / "new.tape", HEADER) as writer:
        writer.append(judged)
    assert list(read_tape(tmp_path / "new.tape").events) == [judged]


def test_a_disk_that_is_full_is_told_in_a_sentence_and_what_was_written_can_be_played(
    tmp_path: Path,
) -> None:
    events = some_events(3_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        tape = TapeWriter(tmp_path / "tape", {"version": "1"})
        with pytest.raises(TapeError, match=r"cannot be written .*: free some space"):
            tape.extend(events)
        with suppress(TapeError):
            tape.close()
        with pytest.raises(TapeError, match="cannot be written"):
            TapeWriter(tmp_path / "other", {"version": random.Random(0).randbytes(99_000).hex()})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    _, played = read_tape(tmp_path / "tape")
    kept = list(played)
    assert kept == events[: len(kept)]
    assert kept
