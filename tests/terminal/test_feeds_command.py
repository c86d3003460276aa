"""`ftt feeds`: the list of what is polled, and lists from and for other readers."""

import json
import tomllib
from pathlib import Path

from feeds.news.opml import read_opml
from terminal.config import load
from terminal.config.shape import default_feeds, feed_pack
from tests.terminal.conftest import Run

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
    shown = ftt("feeds", "list").stdout.splitlines()
    assert shown[0].split() == ["ID", "GROUP", "EVERY", "TRUST", "LANGUAGE", "POLLED", "ADDRESS"]
    assert len(shown) == 1 + len(default_feeds())
    assert shown[1].split()[:7] == ["openai", "models", "10", "min", "1", "en", "yes"]
    rows = [json.loads(line) for line in ftt("feeds", "list", "--json").stdout.splitlines()]
    assert [row["id"] for row in rows] == [feed.id for feed in default_feeds()]
    assert {row["origin"] for row in rows} == {"default"}
