"""`ftt feeds`: the list of what is polled, and lists from and for other readers."""

import asyncio
import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from feeds.markets import SECOND
from feeds.news.opml import read_opml
from feeds.news.poller import SourceHealth, SourceState
from terminal.config import load
from terminal.config.shape import default_feeds, feed_pack
from terminal.engine.assembly import assemble
from terminal.presenters.page import Page
from terminal.protocol.views import Query, Rows
from terminal.server import queries
from terminal.stores import news_store
from terminal.stores.news_store import NewsStore
from terminal.stores.paths import Paths
from tests.feeds.news.newsroom import eventually
from tests.terminal.conftest import Run

NOW = 1_795_528_931 * SECOND
LIST = """<?xml version="1.0"?>
<opml version="2.0"><body>
<outline text="Chips &amp; more">
  <outline text="Say &quot;chips&quot;" xmlUrl="https://a.example/feed" language="en"/>
  <outline text="量子位" xmlUrl="https://www.qbitai.com/feed" isComment="true"/>
</outline>
<outline text="Own" xmlUrl="https://example.org/feed"/>
<outline text="Bad" xmlUrl="javascript:alert(1)"/>
<outline text="Again" xmlUrl="https://a.example/feed"/>
</body></opml>
"""
OWN = '[[feeds]]\nid = "say-chips"\nurl = "https://example.org/feed"\n'


def test_an_imported_list_is_appended_as_it_is_printed(ftt: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(OWN, encoding="utf-8")
    ran = ftt("--config", str(config), "feeds", "import", "-", stdin=LIST)
    assert ran.returncode == 0, ran.stderr
    config.write_text(OWN + "\n" + ran.stdout, encoding="utf-8")
    own, first, second = load(config, {}).config.feeds
    assert (first.id, first.name, first.group) == ("say-chips-2", 'Say "chips"', "Chips & more")
    assert (second.id, second.name, second.enabled) == ("qbitai-com", "量子位", False)
    assert own.url == "https://example.org/feed"
    said = ran.stderr.splitlines()
    assert said[0].startswith("line 8: Bad: refused: 'javascript:alert(1)' is no http://")
    assert said[1] == "line 9: Again: refused: the same address as 'Say \"chips\"' above it"
    assert said[2:] == [
        "Own: already there as 'say-chips'",
        "2 feeds taken, 1 already there, 2 refused.",
    ]


def test_the_pack_goes_out_as_opml_and_comes_back(ftt: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("feeds = []\n[news]\npack = true\n", encoding="utf-8")
    out = ftt("--config", str(config), "feeds", "export")
    assert out.returncode == 0, out.stderr
    read = read_opml(out.stdout.encode())
    assert {feed.url for feed in read.feeds} == {feed.url for feed in feed_pack()}
    back = ftt("feeds", "import", "-", stdin=out.stdout)
    tables = tomllib.loads(back.stdout)["feeds"]
    assert {table["url"] for table in tables} == {feed.url for feed in feed_pack()}
    assert "replace the default feeds" in back.stderr


def test_a_hostile_list_is_refused_in_one_sentence(ftt: Run, tmp_path: Path) -> None:
    file = tmp_path / "bomb.opml"
    file.write_text('<!DOCTYPE opml [<!ENTITY a "b">]><opml/>', encoding="utf-8")
    ran = ftt("feeds", "import", str(file))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"ftt: {file} is refused: it declares a document type, "
        "which a list of feeds has no use for\n"
    )
    missing = ftt("feeds", "import", str(tmp_path / "none.opml"))
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "No such file" in missing.stderr


def test_the_configured_feeds_are_listed_for_people_and_programs(ftt: Run) -> None:
    ran = ftt("feeds", "list")
    shown = ran.stdout.splitlines()
    assert "".join(shown[0].split()) == (
        "IDGROUPEVERYTRUSTLANGUAGESTATELASTSUCCESSNEWESTITEMNEXTPOLLWORDSADDRESS"
    )
    assert len(shown) == 1 + len(default_feeds())
    assert shown[1].split()[:8] == ["openai", "models", "10", "min", "1", "en", "never", "polled"]
    assert "No engine runs" in ran.stderr
    rows = [json.loads(line) for line in ftt("feeds", "list", "--json").stdout.splitlines()]
    assert [row["id"] for row in rows] == [feed.id for feed in default_feeds()]
    assert {row["origin"] for row in rows} == {"default"}
    assert {row["health"] for row in rows} == {None}


HALF = """[[feeds]]
id = "good"
url = "http://127.0.0.1:9/good"
[[feeds]]
id = "bad"
url = "http://127.0.0.1:9/bad"
[[feeds]]
id = "moved"
url = "http://127.0.0.1:9/elsewhere"
"""


def test_without_an_engine_the_list_says_what_the_last_one_left(ftt: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(HALF, encoding="utf-8")
    good = SourceHealth(
        source_id="good",
        name="Good",
        url="http://127.0.0.1:9/good",
        state=SourceState.OK,
        last_success_ns=NOW,
        next_poll_ns=NOW + 60 * SECOND,
        newest_ns=NOW - 3_600 * SECOND,
        sentence="12 items, 1 new.",
    )
    bad = msgspec.structs.replace(
        good, source_id="bad", url="http://127.0.0.1:9/bad", state=SourceState.FAILING,
        last_success_ns=0, newest_ns=0, sentence="Nothing is at this address (status 404).",
    )  # fmt: skip
    moved = msgspec.structs.replace(good, source_id="moved")
    home = Paths.find({"FTT_HOME": str(tmp_path / "ftt")})
    home.make()
    NewsStore(home.state).keep_rows([good, bad, moved])
    ran = ftt("--config", str(config), "feeds", "list", "--json")
    rows = {row["id"]: row["health"] for row in map(json.loads, ran.stdout.splitlines())}
    assert rows["good"] == {
        "state": "ok",
        "last_success": "2026-11-24T14:02:11Z",
        "next_poll": None,
        "newest": "2026-11-24T13:02:11Z",
        "message": "12 items, 1 new.",
        "polls": 0,
        "failures": 0,
        "new": 0,
        "live": False,
    }
    assert (rows["bad"]["state"], rows["bad"]["last_success"]) == ("failing", None)
    assert "404" in rows["bad"]["message"]
    assert rows["moved"] is None  # what another address did says nothing of this one
    shown = ftt("--config", str(config), "feeds", "list").stdout
    assert "2026-11-24T14:02:11Z" in shown
    assert "(status 404)" in shown


async def test_a_running_engine_tells_how_its_feeds_do_and_keeps_it(
    practice_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ftt: Run
) -> None:
    config = load(practice_config).config
    paths = Paths.find()
    monkeypatch.setattr(news_store, "HEALTH_EVERY_S", 0.05)
    monkeypatch.setattr(news_store, "MEMORY_EVERY_S", 0.1)
    engine = await asyncio.to_thread(assemble, config, paths, to_stdout=False)
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop))
    shelf = NewsStore(paths.state)
    try:
        await eventually(lambda: any(row.new and row.last_success_ns for row in shelf.rows()))
        await eventually(lambda: any(row.last_success_ns for row in engine.state.sources.values()))
        answer = queries.answer(Page(engine.state), Query(id="1", what="feeds"))
        assert isinstance(answer, Rows)
        assert len(answer.feeds) == len(config.sources)
        assert {row.state for row in answer.feeds} <= {"ok", "waiting"}
        assert max(row.last_success_ns for row in answer.feeds) > 0
        one = queries.answer(Page(engine.state), Query(id="2", what="feeds", text="wafer ledger"))
        assert isinstance(one, Rows)
        assert [row.id for row in one.feeds] == ["wafer-ledger"]
        await eventually(lambda: len(shelf.memory()) > 100)
    finally:
        stop.set()
        await running
    kept = {row.id: row for row in shelf.rows()}
    assert set(kept) == {source.id for source in config.sources}


async def test_a_memory_that_can_not_be_read_is_put_aside_and_the_engine_starts(
    practice_config: Path, tmp_path: Path, ftt: Run
) -> None:
    paths = Paths.find()
    paths.make()
    (paths.state / news_store.MEMORY_NAME).write_bytes(b"an older version wrote this")
    config = load(practice_config).config
    engine = await asyncio.to_thread(assemble, config, paths, to_stdout=False)
    stop = asyncio.Event()
    stop.set()
    await engine.run(stop)
    assert (paths.state / "news.memory.unreadable").read_bytes() == b"an older version wrote this"
    assert NewsStore(paths.state).memory() != b"an older version wrote this"


def test_a_hundred_and_twenty_feeds_go_out_and_come_back_the_same(ftt: Run, tmp_path: Path) -> None:
    config, other = tmp_path / "config.toml", tmp_path / "other.toml"
    tables = "".join(
        f'[[feeds]]\nid = "feed-{n}"\nname = "Feed {n}: <b> & \\"quotes\\" 量子位"\n'
        f'url = "https://n{n}.example/feed?a=1&b={n}"\ngroup = "group {n % 7}"\n'
        f'language = "{("en", "zh-CN", "de")[n % 3]}"\nenabled = {str(n % 5 > 0).lower()}\n'
        for n in range(120)
    )
    config.write_text(tables, encoding="utf-8")
    out = ftt("--config", str(config), "feeds", "export")
    assert out.returncode == 0, out.stderr
    back = ftt("feeds", "import", "-", stdin=out.stdout)
    assert back.returncode == 0, back.stderr
    other.write_text(back.stdout, encoding="utf-8")

    def told(file: Path) -> set[tuple[str, str, str, str, bool]]:
        feeds = load(file, {}).config.feeds
        return {(f.name, f.url, f.group, f.language, f.enabled) for f in feeds}

    assert len(told(config)) == 120
    assert told(other) == told(config)
