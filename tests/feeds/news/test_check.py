import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from feeds.news.check import CheckResult, check, check_many
from tests.feeds.news.newsroom import Newsroom, answer, item, newsroom, rss
from tests.feeds.test_text import complaints

FEED = rss(item("A title", "/1", "Words", "Tue, 24 Nov 2026 14:02:11 +0800", "id-1"), title="Wire")


@pytest.fixture
def served() -> Iterator[Newsroom]:
    """A newsroom on a loop of its own, since ``check`` is not for running loops."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    context = newsroom()
    room = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
    yield room
    asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_file_reads_in_the_shape_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(FEED)
    assert check(str(path)) == {
        "source": str(path),
        "ok": True,
        "error": None,
        "format": "RSS 2.0",
        "title": "Wire",
        "entries": [
            {
                "id": "id-1",
                "title": "A title",
                "url": "",
                "published": "2026-11-24T06:02:11Z",
                "updated": None,
                "summary": "Words",
                "author": "",
                "language": "",
            }
        ],
    }


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_compressed_file_is_read(tmp_path: Path, times: int) -> None:
    path = tmp_path / "feed.xml.gz"
    body = FEED
    for _ in range(times):
        body = gzip.compress(body)
    path.write_bytes(body)
    assert check(str(path))["title"] == "Wire"
    path.write_bytes(body[:-5])
    assert "breaks off" in str(check(str(path))["error"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"PK\x03\x04feed.xml", "a ZIP archive"),
        (b"BZh91AY", "bzip2"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n", "a picture"),
        (gzip.compress(b"\0" * 50_000_000), "bigger than"),
        (b"\x1f\x8bxxxxxxxxxxxxxxxx", "broken"),
    ],
)
def test_a_file_of_another_kind_is_told_as_what_it_is(
    tmp_path: Path, body: bytes, words: str
) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(body)
    assert words in str(check(str(path))["error"])


def test_an_address_is_fetched_and_its_links_are_absolute(served: Newsroom) -> None:
    served.pages["/feed"] = answer(FEED)
    result = check(served.url("/feed"))
    assert result["ok"]
    assert result["entries"][0]["url"] == served.url("/1")


def test_each_document_gets_its_answer_in_order(tmp_path: Path, served: Newsroom) -> None:
    good, page, empty = (tmp_path / name for name in ("good.xml", "page.html", "empty.xml"))
    good.write_bytes(FEED)
    page.write_bytes(b"<html></html>")
    empty.write_bytes(b"")
    big = tmp_path / "big.xml"
    with big.open("wb") as file:
        file.truncate(6 * 1024 * 1024)
    targets = {
        str(page): "web page",
        str(good): "",
        str(empty): "empty",
        str(big): "limit",
        str(tmp_path): "can't be read",
        str(tmp_path / "missing.xml"): "no such file",
        good.as_uri(): "no such file",
        "bad\0name": "can't be read",
        "not-utf8-\udcff": "no such file",
        served.url("/missing"): "404",
        "http://127.0.0.1:1/": "No connection",
        "http://127.0.0.1:1/\x1b[2J": "no such file",
    }
    results = list(check_many(targets))
    assert len(results) == len(targets)
    for result, (target, reason) in zip(results, targets.items(), strict=True):
        assert result["source"] == target.encode("utf-8", "replace").decode()
        assert result["ok"] is (reason == "")
        _check_sentence(result, reason)


def _check_sentence(result: CheckResult, reason: str) -> None:
    json.dumps(result)
    if reason == "":
        assert result["error"] is None
        return
    assert result["error"] is not None
    assert reason in result["error"]
    assert result["error"].endswith(".")
    assert not complaints(result["error"])
    assert (result["format"], result["title"], result["entries"]) == (None, "", [])


def test_every_recorded_document_gets_an_answer(shared_data: Path) -> None:
    paths = sorted(path for path in shared_data.glob("feeds/*") if path.suffix != ".md")
    results = list(check_many(map(str, paths)))
    assert len(results) == len(paths) == 68
    assert sum(result["ok"] for result in results) == 63
    for result in results:
        assert result["ok"] is (result["error"] is None)
