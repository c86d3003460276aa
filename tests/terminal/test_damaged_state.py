"""Whatever happens to a file of the state folder, the program goes on and names it."""

import logging
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from feeds.clock import Clock
from feeds.news.dedupe import MemoryFormatError
from feeds.news.poller import NewsPoller
from feeds.polymarket.catalogue_store import CatalogueStore, CatalogueStoreError
from feeds.tape import TapeError, TapeWriter, info
from terminal.protocol.views import ArticleView, FeedRow, StoryRow
from terminal.stores import kept
from terminal.stores.news_store import NewsStore
from terminal.stores.story_store import StoredStories, StoredStory, StoryStore
from tests.strategies.kit import market, story


def row(n: int) -> StoryRow:
    return StoryRow(
        id=f"s{n}", title=f"Naïve storm {n} ✓", source="Wire", published_ns=n, first_seen_ns=n
    )


def article(n: int) -> ArticleView:
    return ArticleView(
        story_id=f"s{n}", title=f"Naïve storm {n} ✓", summary="", url="", source="Wire"
    )


def stories(*numbers: int) -> StoredStories:
    return StoredStories(
        as_of_ns=max(numbers),
        rows=tuple(map(row, numbers)),
        articles=tuple(map(article, numbers)),
    )


def news_memory(folder: Path) -> None:
    poller = NewsPoller((), Clock(), on_story=lambda _: None)
    NewsStore(folder).keep_memory(poller.memory())


def read_memory(folder: Path) -> None:
    store = NewsStore(folder)
    try:
        NewsPoller((), Clock(), on_story=lambda _: None, memory=store.memory())
    except MemoryFormatError as error:  # as the engine does
        store.put_aside(error)


def tape(folder: Path) -> None:
    with TapeWriter(folder / "tape", {"version": "1"}) as writer:
        writer.extend([story(title="Naïve ✓")] * 5)


def read_tape(folder: Path) -> None:
    try:
        info(folder / "tape")
    except TapeError:
        return


def shelf(folder: Path) -> None:
    CatalogueStore(folder / "shelf", "v").save(
        [market(f"m{n}") for n in range(3)], 1, 2, {"a": "b"}
    )


def read_shelf(folder: Path) -> None:
    try:
        CatalogueStore(folder / "shelf", "v").load()
    except CatalogueStoreError:
        return


def health(folder: Path) -> None:
    rows = [FeedRow(id="a", name="Naïve ✓", url="https://ex.test", state="ok")]
    kept.replaced(folder / "feeds.json", msgspec.json.encode(rows))


def journal(folder: Path) -> None:
    StoryStore(folder).note([StoredStory(n, row(n), article(n)) for n in (4, 5)])


Act = Callable[[Path], object]
FILES: dict[str, tuple[Act, Act]] = {
    "stories.json": (
        lambda f: StoryStore(f).keep(stories(3, 2, 1)),
        lambda f: StoryStore(f).read(),
    ),
    "stories.journal": (journal, lambda f: StoryStore(f).read()),
    "feeds.json": (health, lambda f: NewsStore(f).rows()),
    "news.memory": (news_memory, read_memory),
    "tape": (tape, read_tape),
    "shelf": (shelf, read_shelf),
}


def mutate(file: Path, chance: random.Random) -> None:
    body = bytearray(file.read_bytes())
    match chance.randrange(5):
        case 0:
            del body[chance.randrange(len(body)) :]
        case 1:
            start = chance.randrange(len(body))
            body[start : start + 16] = b"\xff\xfe" * 8
        case 2:
            body += chance.randbytes(40)
        case 3:
            start = chance.randrange(len(body))
            body[start:start] = b"[" * 3_000
        case _:
            for _ in range(chance.randint(1, 4)):
                body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    file.write_bytes(body)


def check(name: str, folder: Path, count: int) -> int:
    write, read = FILES[name]
    chance, aside = random.Random(name), 0
    for _ in range(count):
        for old in folder.iterdir():
            old.unlink()
        write(folder)
        mutate(folder / name, chance)
        read(folder)
        aside += any(".unreadable" in left.name for left in folder.iterdir())
    return aside


@pytest.mark.parametrize("name", FILES)
def test_no_mutation_of_a_state_file_raises(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    aside = check(name, tmp_path, 60)
    assert aside or name in ("tape", "shelf"), "what is damaged is put aside"


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_no_mutation_of_a_state_file_raises_five_hundred_times(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    check(name, tmp_path, 500)


def test_what_is_put_aside_is_kept_byte_for_byte_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bodies = [
        b'{"as_of_ns": 1, "rows": [], "articles": [{"title": "\xff"}]}',
        b'{"rows": 1}',
        b"[" * 100_000,
    ]
    for body in bodies:
        (tmp_path / "stories.json").write_bytes(body)
        assert StoryStore(tmp_path).read() is None
    assert sorted(p.read_bytes() for p in tmp_path.iterdir()) == sorted(bodies)
    assert "kept as stories.json.unreadable2, starting afresh" in caplog.text
    assert "no UTF-8" in caplog.text


def test_the_journal_adds_to_what_was_kept_and_a_torn_line_is_where_a_kill_fell(
    tmp_path: Path,
) -> None:
    store = StoryStore(tmp_path)
    store.keep(stories(3, 2, 1))
    store.note([StoredStory(2, row(9), article(9))])  # older than the whole: not taken
    store.note([StoredStory(4, row(4), article(4)), StoredStory(5, row(5), article(5))])
    found = store.read()
    assert found is not None
    assert [one.id for one in found.rows] == ["s5", "s4", "s3", "s2", "s1"]
    body = (tmp_path / "stories.journal").read_bytes()
    (tmp_path / "stories.journal").write_bytes(body[:-7])
    found = store.read()
    assert found is not None
    assert [one.id for one in found.rows] == ["s4", "s3", "s2", "s1"]
    assert not list(tmp_path.glob("*.unreadable"))
    store.keep(found)
    assert not (tmp_path / "stories.journal").exists()
