"""The feeds that come with the program: each one valid, none twice, added only when asked."""

import itertools
import json
import tomllib
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feeds.text import safe_url
from terminal.config import Config, ConfigError, load
from terminal.config.layers import PACK
from terminal.config.shape import DEFAULT_FEED_IDS, FEEDS_MAX, default_feeds, feed_pack

REPO = Path(__file__).parents[2]
OWN = '[[feeds]]\nid = "mine"\nurl = "https://example.org/feed"\n'


def loaded(folder: Path, text: str, env: dict[str, str] | None = None) -> Config:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, env or {}).config


def test_every_feed_of_the_pack_is_a_source_the_poller_takes() -> None:
    for feed in feed_pack():
        assert feed.source.id == feed.id, feed
        assert feed.name, feed.id
        assert feed.group, feed.id
        assert feed.language, feed.id
        assert safe_url(feed.url) == feed.url, f"{feed.id} would be asked at another address"
        assert urlsplit(feed.url).scheme == "https", feed.id


def test_the_pack_has_sixty_feeds_that_are_on_in_groups_and_none_twice() -> None:
    pack = feed_pack()
    assert sum(feed.enabled for feed in pack) >= 60
    for part in ("id", "url", "name"):
        assert len({getattr(feed, part).casefold() for feed in pack}) == len(pack), part
    groups = Counter(feed.group for feed in pack)
    assert {"models", "hardware", "press", "china", "policy"} <= set(groups)
    assert min(groups.values()) >= 3
    assert len({feed.language for feed in pack}) > 1


def test_feeds_of_a_group_stand_together() -> None:
    in_order = [feed.group for feed in feed_pack()]
    changes = sum(a != b for a, b in itertools.pairwise(in_order))
    assert changes == len(set(in_order)) - 1


def test_rumours_weigh_less_than_makers() -> None:
    trust = {feed.id: feed.trust for feed in feed_pack()}
    assert trust["wccftech"] < trust["toms-hardware"] < trust["bbc-technology"] < trust["openai"]


def test_no_address_known_to_be_dead_or_frozen_is_in_the_pack(shared_data: Path) -> None:
    lines = (shared_data / "sources.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    avoided = {row["url"].rstrip("/") for row in rows if row["status"] == "avoid"}
    assert len(avoided) == 15
    assert not avoided & {feed.url.rstrip("/") for feed in feed_pack()}
    assert {feed.url for feed in feed_pack()} <= {row["url"] for row in rows}


def test_the_default_feeds_are_those_of_the_pack() -> None:
    assert tuple(feed.id for feed in default_feeds()) == DEFAULT_FEED_IDS
    assert set(default_feeds()) < set(feed_pack())
    assert Config().feeds == default_feeds()


def test_the_file_beside_the_example_is_the_pack_and_loads_as_a_configuration() -> None:
    file = REPO / "feeds.example.toml"
    assert load(file, {}).config.feeds == feed_pack()
    tables = tomllib.loads(file.read_text(encoding="utf-8"))["feeds"]
    assert [table["id"] for table in tables] == [feed.id for feed in feed_pack()]


def test_the_pack_is_added_to_the_default_feeds_only_when_asked(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").feeds == default_feeds()
    both = loaded(tmp_path, "[news]\npack = true\n").feeds
    assert both[: len(DEFAULT_FEED_IDS)] == default_feeds()
    assert set(both) == set(feed_pack())
    assert len(both) == len(feed_pack())


def test_own_feeds_come_first_and_the_pack_after_them(tmp_path: Path) -> None:
    feeds = loaded(tmp_path, "[news]\npack = true\n" + OWN).feeds
    assert feeds[0].id == "mine"
    assert feeds[1:] == feed_pack()
    assert loaded(tmp_path, "feeds = []\n[news]\npack = true\n").feeds == feed_pack()


@pytest.mark.parametrize("same", ["id", "url"])
def test_an_own_feed_stands_in_the_place_of_the_packs(tmp_path: Path, same: str) -> None:
    theirs = next(feed for feed in feed_pack() if feed.id == "wccftech")
    own = {"id": "mine", "url": "https://example.org/feed"} | {same: getattr(theirs, same)}
    text = f'[news]\npack = true\n[[feeds]]\nid = "{own["id"]}"\nurl = "{own["url"]}"\n'
    config = loaded(tmp_path, text + "enabled = false\n")
    assert theirs not in config.feeds
    assert len(config.feeds) == len(feed_pack())
    assert own["id"] not in {source.id for source in config.sources}


def test_the_environment_asks_for_the_pack_and_switches_its_feeds(tmp_path: Path) -> None:
    env = {"FTT_NEWS__PACK": "true", "FTT_FEEDS__36KR__ENABLED": "false"}
    ids = {source.id for source in loaded(tmp_path, OWN, env).sources}
    assert {"mine", "wccftech"} <= ids
    assert "36kr" not in ids
    off = loaded(tmp_path, "[news]\npack = true\n" + OWN, {"FTT_NEWS__PACK": "false"})
    assert [feed.id for feed in off.feeds] == ["mine"]


def test_where_a_feed_of_the_pack_comes_from_is_said(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[news]\npack = true\n" + OWN, encoding="utf-8")
    origins = load(file, {}).origins
    assert origins["feeds.wccftech.url"] == PACK
    assert origins["feeds.mine.url"] == "config.toml:5"


def test_a_pack_that_is_neither_yes_nor_no_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"news\.pack.*true or false"):
        loaded(tmp_path, '[news]\npack = "some"\n' + OWN)


def test_the_pack_never_makes_more_feeds_than_can_be_followed(tmp_path: Path) -> None:
    own = "".join(
        f'[[feeds]]\nid = "f{n}"\nurl = "https://example.org/{n}"\n' for n in range(FEEDS_MAX - 5)
    )
    feeds = loaded(tmp_path, "[news]\npack = true\n" + own).feeds
    assert len(feeds) == FEEDS_MAX
    assert feeds[-5:] == feed_pack()[:5]


def test_an_id_that_is_no_text_is_refused_in_words_beside_the_pack(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="id"):
        loaded(tmp_path, '[news]\npack = true\n[[feeds]]\nid = ["a"]\nurl = "https://e.org"\n')


def test_how_seldom_a_quiet_source_may_be_asked_reaches_the_poller(tmp_path: Path) -> None:
    config = loaded(tmp_path, "[news]\nslowest_s = 1200\n")
    assert {source.slowest_s for source in config.sources} == {1_200}
    assert {source.slowest_s for source in loaded(tmp_path, "").sources} == {900}
    with pytest.raises(ConfigError, match=r"news\.slowest_s"):
        loaded(tmp_path, "[news]\nslowest_s = -1\n")


def test_a_contact_for_publishers_can_not_smuggle_a_header(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").news.contact == ""
    told = loaded(tmp_path, '[news]\ncontact = "desk@reader.example"\n').news.contact
    assert told == "desk@reader.example"
    for bad in ('"a\\r\\nX-Evil: 1"', '"a) Mozilla/5.0"', f'"{"a" * 101}"'):
        with pytest.raises(ConfigError, match=r"news\.contact"):
            loaded(tmp_path, f"[news]\ncontact = {bad}\n")
