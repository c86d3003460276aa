import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from feeds.news import worker as module
from feeds.news.dates import read_date
from feeds.news.entry import FeedError, ParserTrouble
from feeds.news.parse import BODY_BYTES_MAX
from feeds.news.worker import ParseWorker
from tests.feeds.news.newsroom import eventually, item, rss

GOOD = rss(item("good"))
# feedparser's tolerant parser looks for the end of each of these tags through all the rest
HANGING = b"<rss><channel><item>" + b'<b x="' * 500_000


@pytest.fixture
async def worker() -> AsyncIterator[ParseWorker]:
    worker = ParseWorker()
    yield worker
    await worker.aclose()


async def test_documents_are_parsed_by_one_child_that_starts_when_needed(
    worker: ParseWorker,
) -> None:
    assert worker.starts == 0
    feeds = await asyncio.gather(*(worker.parse(GOOD) for _ in range(5)))
    assert [feed.entries[0].title for feed in feeds] == ["good"] * 5
    assert worker.starts == 1


async def test_a_refusal_comes_back_as_a_sentence_and_costs_no_child(worker: ParseWorker) -> None:
    with pytest.raises(FeedError, match="web page"):
        await worker.parse(b"<html></html>")
    assert (await worker.parse(GOOD)).format == "RSS 2.0"
    assert worker.starts == 1


async def test_a_document_that_hangs_the_parser_is_given_up_and_the_next_is_read() -> None:
    worker = ParseWorker(parse_s_max=0.3)
    try:
        with pytest.raises(FeedError, match=r"more than 0\.3 s"):
            await worker.parse(HANGING)
        assert (await worker.parse(GOOD)).entries[0].title == "good"
        assert worker.starts == 2
    finally:
        await worker.aclose()


async def test_a_child_that_is_killed_costs_no_document(worker: ParseWorker) -> None:
    await worker.parse(GOOD)
    assert worker._process is not None
    worker._process.kill()
    assert (await worker.parse(GOOD)).entries[0].title == "good"
    assert worker.starts == 2


async def test_a_child_that_is_killed_at_every_turn_costs_a_sentence() -> None:
    worker = ParseWorker(parse_s_max=20.0)
    await worker.parse(GOOD)
    asked = asyncio.ensure_future(worker.parse(HANGING))
    try:
        for starts in (1, 2):  # the first child, and the one that the document gets as well
            await eventually(lambda n=starts: worker.starts == n and worker._process)  # type: ignore[misc]
            assert worker._process is not None
            os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(FeedError, match=r"crash|can't be started"):
            await asked
        assert (await worker.parse(GOOD)).entries[0].title == "good"
    finally:
        asked.cancel()
        await worker.aclose()


async def test_a_parser_that_never_starts_is_no_fault_of_the_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_COMMAND", (sys.executable, "-c", ""))
    worker = ParseWorker()
    await worker.warm()
    with pytest.raises(ParserTrouble, match="can't be started"):
        await worker.parse(GOOD)
    monkeypatch.undo()
    assert (await worker.parse(GOOD)).entries[0].title == "good"
    await worker.aclose()


async def test_a_caller_who_gives_up_leaves_the_next_caller_a_clean_child(
    worker: ParseWorker,
) -> None:
    await worker.parse(GOOD)
    asked = asyncio.ensure_future(worker.parse(HANGING))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await worker.parse(GOOD)).entries[0].title == "good"


async def test_dates_without_a_zone_are_in_the_zone_that_is_asked_for(worker: ParseWorker) -> None:
    body = rss(item("one", date="2026年11月24日 14:02"))
    (entry,) = (await worker.parse(body, timezone="Asia/Shanghai")).entries
    assert entry.published_ns == read_date("2026-11-24T06:02:00Z")
    (entry,) = (await worker.parse(body)).entries
    assert entry.published_ns == read_date("2026-11-24T14:02:00Z")


async def test_the_biggest_document_goes_through(worker: ParseWorker) -> None:
    body = rss(item("big", summary="word " * (BODY_BYTES_MAX // 5 - 100)))
    assert (await worker.parse(body)).entries[0].title == "big"


async def test_memory_is_bounded(worker: ParseWorker) -> None:
    await worker.parse(GOOD)
    limits = Path(f"/proc/{worker._process.pid}/limits") if worker._process else Path("/")
    if not limits.is_file():
        pytest.skip("this system does not show a process's limits")
    (line,) = (row for row in limits.read_text().splitlines() if row.startswith("Max data size"))
    assert 0 < int(line.split()[3]) < 400 * 1024 * 1024


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("feeds.news.dedupe", ("httpx", "feedparser", "asyncio")),
        ("feeds.news.poller", ("feedparser",)),
        ("feeds.news.worker", ("feedparser", "httpx")),
        ("feeds.text", ("httpx", "feedparser", "asyncio")),
    ],
)
def test_a_module_loads_only_what_its_job_needs(module: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*(m for m in {unwanted!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
