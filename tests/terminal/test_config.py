"""The configuration: what loads, what is refused and how it says so, and where values come from."""

import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.markets import DOLLAR
from strategies.risk import RiskLimits
from terminal.config import (
    Config,
    ConfigError,
    check,
    environment,
    example,
    init,
    load,
    schema,
    show,
)
from terminal.config.kinds import Kind, Leaf, Misfit, read, write
from terminal.config.lines import line_numbers
from terminal.config.shape import SECTIONS, RiskConfig
from terminal.stores.paths import Paths
from tests.conftest import REPO

HERE = "http://127.0.0.1:8000"
PRACTICE = f"""
[venue]
name = "practice"
gamma = "{HERE}"
clob = "{HERE}"
data = "{HERE}"
ws_market = "ws://127.0.0.1:8000/ws/market"
clock_speed = 60.0
clock_anchor_ns = 1790000000000000000
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str, env: dict[str, str] | None = None, **flags: object) -> Config:
    overrides = {key.replace("__", "."): value for key, value in flags.items()}
    return load(written(folder, text), env or {}, overrides).config


def complaints(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), env or {})
    return [str(problem) for problem in caught.value.problems]


# -- what loads ------------------------------------------------------------------------------


def test_no_file_at_all_means_the_defaults(tmp_path: Path) -> None:
    found = load(None, {"FTT_HOME": str(tmp_path)})
    assert found.path is None
    assert found.config == Config()
    assert set(found.origins.values()) == {"default"}
    assert {feed.id for feed in found.config.feeds} >= {"openai", "nvidia-blog"}


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") == Config()


def test_the_example_loads_as_it_stands_and_states_the_defaults() -> None:
    assert load(REPO / "config.example.toml", {}).config == Config()
    assert check(REPO / "config.example.toml") == []


def test_the_example_is_the_one_that_the_program_writes() -> None:
    text = (REPO / "config.example.toml").read_text(encoding="utf-8")
    assert text == example(), "write it anew: ftt config init --force --config config.example.toml"


def test_every_setting_stands_in_the_example_with_its_meaning() -> None:
    text = example()
    for leaf in schema():
        assert leaf.meaning, f"{leaf.key} says nothing of itself"
        assert f"\n{leaf.name} = " in text, leaf.key
        assert " ".join(leaf.meaning.split()[:4]) in text, leaf.key


def test_a_practice_venue_on_this_machine_may_have_a_faster_clock(tmp_path: Path) -> None:
    venue = loaded(tmp_path, PRACTICE).venue
    assert (venue.clock_speed, venue.clock_anchor_ns) == (60.0, 1790000000000000000)
    assert venue.hosts.ws_market == "ws://127.0.0.1:8000/ws/market"


def test_risk_is_written_in_dollars_and_cents_and_held_exactly(tmp_path: Path) -> None:
    text = "[risk]\norder_notional_max = 100.000001\nprice_min = 0.35\nopen_orders_max = 3"
    limits = loaded(tmp_path, text).risk.limits
    assert limits.order_notional_max == 100 * DOLLAR + 1
    assert limits.price_min == 35
    assert limits.open_orders_max == 3
    assert limits.price_max == RiskLimits().price_max


def test_the_risk_section_has_the_gates_own_limits_and_defaults() -> None:
    assert RiskConfig().limits == RiskLimits()


def test_what_a_feed_leaves_out_the_news_section_says(tmp_path: Path) -> None:
    text = """
[news]
every_s = 60
trust = 0.25
[[feeds]]
id = "a"
url = "https://example.org/a.xml"
[[feeds]]
id = "b"
url = "http://127.0.0.1:9/b.xml"
name = "B"
every_s = 90
enabled = false
"""
    found = load(written(tmp_path, text), {})
    a, b = found.config.feeds
    assert (a.every_s, a.trust, b.every_s, b.trust) == (60, 0.25, 90, 0.25)
    assert [(source.id, source.name) for source in found.config.sources] == [("a", "a")]
    assert found.origins["feeds.a.every_s"] == "config.toml:3"
    assert found.origins["feeds.b.every_s"] == "config.toml:12"


def test_feeds_may_be_none(tmp_path: Path) -> None:
    assert loaded(tmp_path, "feeds = []").feeds == ()


def test_a_strategy_keeps_what_the_file_does_not_say(tmp_path: Path) -> None:
    text = "[strategies.drift]\nmandate = 'paper'\nbudget = 12.5\nhold_minutes = 30"
    config = loaded(tmp_path, text)
    assert config.strategies["drift"].mandate == "paper"
    assert config.strategies["drift"].params == {"budget": 12.5, "hold_minutes": 30}
    assert config.strategies["fade"] == Config().strategies["fade"]


def test_a_strategy_of_ones_own_is_found_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("", encoding="utf-8")
    strategy = loaded(tmp_path, "[strategies.mine]\npath = 'mine.py'").strategies["mine"]
    assert strategy.path == str(tmp_path / "mine.py")


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[tui]\ntheme = 'ink'\n")
    assert load(path, {}).config.tui.theme == "ink"


def test_two_configs_have_two_fingerprints(tmp_path: Path) -> None:
    assert Config().digest == loaded(tmp_path, "").digest
    assert Config().digest != loaded(tmp_path, "[tui]\ntheme = 'ink'").digest


# -- which layer wins ------------------------------------------------------------------------


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "[tui]\ntheme = 'ink'\n[engine]\nfollow_max = 10\n[news]\nevery_s = 9")
    env = {"FTT_ENGINE__FOLLOW_MAX": "20", "FTT_NEWS__EVERY_S": "19"}
    found = load(path, env, {"news.every_s": 29})
    assert found.config.tui.theme == "ink"
    assert found.config.engine.follow_max == 20
    assert found.config.news.every_s == 29
    assert found.config.alerts.cooldown_s == 300
    assert [
        found.origins[key]
        for key in ("tui.theme", "engine.follow_max", "news.every_s", "alerts.cooldown_s")
    ] == ["config.toml:2", "env FTT_ENGINE__FOLLOW_MAX", "flag", "default"]


def test_the_environment_reaches_feeds_and_strategies(tmp_path: Path) -> None:
    env = {
        "FTT_FEEDS__NVIDIA_BLOG__ENABLED": "false",
        "FTT_STRATEGIES__DRIFT__MANDATE": "alert",
        "FTT_STRATEGIES__DRIFT__BUDGET": "2.5",
        "FTT_VENUE__TAGS": "ai, crypto",
        "FTT_ACCOUNT__STARTING_CASH": "12.34",
    }
    config = loaded(tmp_path, "", env)
    assert "nvidia-blog" not in {source.id for source in config.sources}
    assert config.strategies["drift"].mandate == "alert"
    assert config.strategies["drift"].params == {"budget": 2.5}
    assert config.venue.tags == ("ai", "crypto")
    assert config.account.starting_cash == 12_340_000


def test_the_list_of_variables_is_the_list_of_settings() -> None:
    names = [name for name, _ in environment()]
    assert len(set(names)) == len(names) == len(list(schema()))
    assert "FTT_VENUE__CLOB" in names
    assert "FTT_FEEDS__<ID>__EVERY_S" in names
    assert "FTT_STRATEGIES__<NAME>__MANDATE" in names


_WITH_DEFAULT = [
    leaf
    for leaf in schema()
    if leaf.kind is not Kind.NAMES and leaf.default is not msgspec.NODEFAULT
]


@pytest.mark.parametrize("leaf", _WITH_DEFAULT, ids=lambda leaf: leaf.key)
def test_every_default_survives_the_environment(tmp_path: Path, leaf: Leaf) -> None:
    name = "FTT_" + leaf.key.replace(".", "__").replace("ID", "OPENAI").replace("NAME", "DRIFT")
    text = write(leaf, leaf.default).strip('"')
    found = load(written(tmp_path, ""), {name.upper(): text})
    assert f"env {name.upper()}" in found.origins.values()
    rows = {origin: value for _, value, origin in show(found)}
    assert rows[f"env {name.upper()}"].strip('"') == text


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"FTT_VENUE__CLOBB": "x"}, "FTT_VENUE__CLOB?"),
        ({"FTT_VENUE_CLOB": "x"}, "FTT_VENUE__CLOB?"),
        ({"FTT_TUI__THEME": "blue"}, "env FTT_TUI__THEME: tui.theme: expected one of auto"),
        ({"FTT_FEEDS__NOBODY__ENABLED": "true"}, "a key that has a meaning"),
        ({"FTT_STRATEGIES__DRIFT__ENABLED": "maybe"}, "true or false"),
        ({"FTT_ACCOUNT__STARTING_CASH": "lots"}, "dollars"),
        ({"FTT_WALLET__PRIVATE_KEY": "0xdead"}, "keys never live in the config"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, env: dict[str, str], says: str) -> None:
    said = complaints(tmp_path, "", env)
    assert len(said) == 1
    assert next(iter(env)) in said[0]
    assert says in said[0]
    assert "0xdead" not in said[0]


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    env = {"FTT_HOME": str(tmp_path), "FTT_DEBUG": "httpx", "FTT_SOMETHING_ELSE_ALTOGETHER": "1"}
    assert loaded(tmp_path, "", env) == Config()


def test_a_flag_for_a_key_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"flag: venue\.clbo: .*clob\?"):
        load(written(tmp_path, ""), {}, {"venue.clbo": "x"})


# -- what is refused, and how ----------------------------------------------------------------

FEED = '[[feeds]]\nid = "reuters"\nurl = "https://example.org/feed"\n'

BROKEN: dict[str, tuple[str, str, str, str]] = {
    # name: (text, key, value as shown, fix)
    "an unknown key": ('[venue]\ngama = "x"', "venue.gama", '"gama"', "gamma?"),
    "an unknown section": ("[venu]\n", "venu", '"venu"', "venue?"),
    "a key outside all sections": ("theme = 'ink'", "theme", '"theme"', "known here: venue"),
    "a text for seconds": (
        FEED + 'every_s = "5m"',
        "feeds.reuters.every_s",
        '"5m"',
        "300?",
    ),
    "a number in quotes": ('[engine]\nfollow_max = "40"', "engine.follow_max", '"40"', "40?"),
    "a fraction for a whole": ("[engine]\nfollow_max = 4.5", "engine.follow_max", "4.5", "4?"),
    "too small": ("[news]\nevery_s = 1", "news.every_s", "1", "5?"),
    "too large": ("[engine]\nfollow_max = 99999", "engine.follow_max", "99999", "2000?"),
    "a text for a flag": ('[tape]\nrecord = "yes"', "tape.record", '"yes"', "true?"),
    "a number for a text": ("[venue]\nname = 5", "venue.name", "5", '"5"?'),
    "a text for a list": ('[venue]\ntags = "ai"', "venue.tags", '"ai"', '["ai"]?'),
    "a wrong word": ('[tui]\ntheme = "newspaper"', "tui.theme", '"newspaper"', '"newsprint"?'),
    "money finer than a millionth": (
        "[account]\nstarting_cash = 10.1234567",
        "account.starting_cash",
        "10.1234567",
        "10.123456?",
    ),
    "a price finer than a hundredth of a cent": (
        "[risk]\nprice_min = 1.005",
        "risk.price_min",
        "1.005",
        "1?",
    ),
    "money that is no number": (
        "[account]\nstarting_cash = nan",
        "account.starting_cash",
        "NaN",
        "",
    ),
    "endless money": ("[risk]\ndaily_loss_max = inf", "risk.daily_loss_max", "Infinity", ""),
    "an exponent bomb": ("[risk]\nprice_max = 1e999999999", "risk.price_max", "1E+999999999", ""),
    "negative money": ("[risk]\ndaily_loss_max = -1", "risk.daily_loss_max", "-1", "0?"),
    "dollars with their sign": (
        '[risk]\ndaily_loss_max = "$25"',
        "risk.daily_loss_max",
        '"$25"',
        "25?",
    ),
    "a date": ("[news]\nevery_s = 2026-11-24", "news.every_s", "2026-11-24", "whole number"),
    "trust in per cent": ("[news]\ntrust = 50", "news.trust", "50", "1?"),
    "a file as a feed": (
        '[[feeds]]\nid = "a"\nurl = "file:///etc/passwd"',
        "feeds.a.url",
        '"file:///etc/passwd"',
        "https://",
    ),
    "a feed without an address": ('[[feeds]]\nid = "a"', "feeds.a.url", "nothing", "add url = ..."),
    "a feed without an id": (
        '[[feeds]]\nurl = "https://example.org"',
        "feeds.0.id",
        "nothing",
        "add id = ...",
    ),
    "a feed's id with blanks": (
        '[[feeds]]\nid = "The Times"\nurl = "https://example.org"',
        "feeds.The Times.id",
        '"The Times"',
        '"the-times"?',
    ),
    "two feeds of one id": (FEED + FEED, "feeds.reuters.id", '"reuters"', "config.toml:2"),
    "feeds that are no list": ('feeds = "all"', "feeds", '"all"', "[[feeds]]"),
    "a venue by plain http": (
        '[venue]\nclob = "http://example.org"',
        "venue.clob",
        '"http://example.org"',
        '"https://example.org"?',
    ),
    "a web address for a stream": (
        '[venue]\nws_market = "https://example.org/ws"',
        "venue.ws_market",
        '"https://example.org/ws"',
        '"wss://example.org/ws"?',
    ),
    "a password in an address": (
        '[venue]\ngamma = "https://me:hunter2@example.org"',
        "venue.gamma",
        "",
        "keys never live",
    ),
    "an address without a host": ('[venue]\ngamma = "https://"', "venue.gamma", '"https://"', "?"),
    "a port that is none": (
        '[venue]\ngamma = "https://example.org:99999"',
        "venue.gamma",
        '"https://example.org:99999"',
        "port",
    ),
    "live trading": (
        '[account]\nmode = "live"',
        "account.mode",
        '"live"',
        "not part of this release",
    ),
    "a live mandate": (
        '[strategies.drift]\nmandate = "live"',
        "strategies.drift.mandate",
        '"live"',
        "not part of this release",
    ),
    "a strategy nobody knows": (
        "[strategies.drfit]",
        "strategies.drfit",
        '"drfit"',
        "drift?",
    ),
    "a strategy's file that is missing": (
        '[strategies.mine]\npath = "mine.py"',
        "strategies.mine.path",
        "mine.py",
        "relative to the config",
    ),
    "a strategy that is no table": (
        "[strategies]\ndrift = 1",
        "strategies.drift",
        "1",
        "[strategies.drift]",
    ),
    "a strategy's parameter that is a table": (
        "[strategies.drift]\nbudget = {usd = 5}",
        "strategies.drift.budget",
        "a table",
        "",
    ),
    "a fast clock on the real venue": (
        "[venue]\nclock_speed = 10",
        "venue.clock_speed",
        "10",
        "practice venue",
    ),
    "a least price above the highest": (
        "[risk]\nprice_min = 60\nprice_max = 40",
        "risk.price_min",
        "60",
        "cents a share",
    ),
    "a highest price below the least": (
        "[risk]\nprice_max = 1",
        "risk.price_max",
        "1",
        "at least risk.price_min, 2",
    ),
    "an event without a text": (
        '[news]\ncalendar = {"A ruling" = 3}',
        "news.calendar",
        "a table",
        '"A ruling" = "..."',
    ),
    "a time zone that is none": (
        '[[feeds]]\nid = "wire"\nurl = "https://w.example/rss"\ntimezone = "Asia/Nowhere"',
        "feeds.wire.timezone",
        '"Asia/Nowhere"',
        "Asia/Shanghai",
    ),
    "hours that are none": ('[alerts]\nquiet_hours = "22-7"', "alerts.quiet_hours", '"22-7"', ""),
    "escapes in a text": ('[venue]\nname = "\\u001b[31m"', "venue.name", '"�[31m"', "control"),
    "keys that are no table": ('[tui]\nkeys = "vim"', "tui.keys", '"vim"', "[tui.keys]"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_config_names_file_key_value_and_fix(tmp_path: Path, name: str) -> None:
    text, key, value, fix = BROKEN[name]
    said = complaints(tmp_path, text)
    assert len(said) == 1, said
    assert said[0].startswith("config.toml")
    assert f" {key}: expected " in said[0]
    assert value in said[0]
    assert fix in said[0]
    assert "hunter2" not in said[0]
    assert check(tmp_path / "config.toml") == said


def test_there_are_at_least_twenty_broken_configs() -> None:
    assert len(BROKEN) >= 20


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = "[news]\nevery_s = 1\ntrsut = 3\n[engine]\nfollow_max = 1\n[tui]\ntheme = 1\n" + FEED * 2
    said = complaints(tmp_path, text)
    assert len(said) == 5
    assert [line.split(": ")[0] for line in said[:4]] == [
        "config.toml:2",
        "config.toml:3",
        "config.toml:7",
        "config.toml:5",
    ]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("[venue\n", "config.toml:1", "expected TOML"),
        ("[tui]\ntheme = ink\n", "config.toml:2", "theme = ink"),
        ("[tui]\ntheme = 'ink'\ntheme = 'ink'", "config.toml:3", "overwrite"),
        ("a = " + "[" * 5_000, "config.toml", "nesting too deep"),
        ("[news]\nevery_s = " + "9" * 5_000, "config.toml", "a number too long"),
        ("x = 1\n" * 60_000, "config.toml", "bytes"),
    ],
    ids=["open table", "no quotes", "twice", "deep", "long number", "long file"],
)
def test_what_is_no_toml_is_refused_with_its_line(
    tmp_path: Path, text: str, where: str, says: str
) -> None:
    said = complaints(tmp_path, text)
    assert len(said) == 1
    assert said[0].startswith(where + ":")
    assert says in said[0]


def test_a_huge_hexadecimal_number_is_refused_in_no_time(tmp_path: Path) -> None:
    text = "[news]\nevery_s = 0x" + "f" * 200_000 + "\ntrust = 0x" + "f" * 40_000
    said = complaints(tmp_path, text)
    assert all("a number with very many digits" in line for line in said)


SECRETS = [
    "private_key",
    "api_key",
    "SECRET",
    "wallet-private-key",
    "passphrase",
    "clob_api_secret",
]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("place", ["", "[wallet]\n", "[account]\n", "[strategies.drift]\n", FEED])
def test_a_secret_anywhere_is_refused_and_not_shown(tmp_path: Path, name: str, place: str) -> None:
    said = complaints(tmp_path, f'{place}{name} = "0xCANARY"')
    assert any("keys never live in the config" in line and name in line for line in said)
    assert not any("CANARY" in line for line in said)


def test_a_secret_on_a_broken_line_is_not_shown(tmp_path: Path) -> None:
    said = complaints(tmp_path, "[account]\nprivate_key = 0xCANARY\n")
    assert "CANARY" not in said[0]


def test_a_file_that_anyone_may_change_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod 600"):
        load(path, {})


def test_a_file_that_is_missing_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ftt config init"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="ftt config init"):
        load(None, {"FTT_CONFIG": str(tmp_path / "none.toml")})


def test_a_folder_or_other_bytes_are_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a file"):
        load(tmp_path, {})
    path = tmp_path / "config.toml"
    path.write_bytes(b"[tui]\ntheme = '\xff'\n")
    with pytest.raises(ConfigError, match=r"config\.toml:2: expected UTF-8"):
        load(path, {})


_NAMES = st.sampled_from(
    [leaf.name for leaf in schema()] + ["x", "", "a.b", "\x1b", "private_key", "drift"]
)
_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-(2**70), 2**70),
    st.decimals(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(["https://example.org", "paper", "nan", "5m", "file:x", "//", "http://[", "�"]),
    st.datetimes(),
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)
_SECTIONS = st.sampled_from([*SECTIONS, "feeds", "strategies", "nothing"])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(_SECTIONS, st.dictionaries(_NAMES, _VALUES, max_size=4) | _VALUES))
def test_whatever_a_document_says_it_loads_or_is_refused_in_words(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    path = written(tmp_path, "")
    with pytest.MonkeyPatch.context() as patch:
        # what the parser could hand on, without having to write it down as TOML
        patch.setattr("tomllib.loads", lambda text, parse_float: document)
        refused_in_words(path)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_whatever_is_done_to_the_example_it_loads_or_is_refused_in_words(
    tmp_path: Path, data: st.DataObject
) -> None:
    body = bytearray(example().encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=5))
    path = tmp_path / "config.toml"
    path.write_bytes(body)
    refused_in_words(path)


def refused_in_words(path: Path) -> None:
    try:
        load(path, {})
        return
    except ConfigError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert "expected " in str(problem)
        assert str(problem).isprintable(), repr(str(problem))


# -- exact numbers ---------------------------------------------------------------------------

CASH = next(leaf for leaf in schema() if leaf.key == "account.starting_cash")


@settings(deadline=None)
@given(st.integers(0, 10**14))
def test_every_exact_amount_comes_back_as_it_was_written(steps: int) -> None:
    assert read(CASH, Decimal(write(CASH, steps))) == steps


@pytest.mark.parametrize(("value", "steps"), [(0.1, 100_000), (10_000, 10**10), (4.35, 4_350_000)])
def test_an_amount_given_by_a_program_means_what_it_shows(value: float, steps: int) -> None:
    assert read(CASH, value) == steps


@pytest.mark.parametrize("value", [True, "10", None, [], Decimal("1e-7"), 10**400, float("nan")])
def test_what_is_no_amount_is_a_misfit(value: Any) -> None:
    with pytest.raises(Misfit, match="dollars"):
        read(CASH, value)


# -- files -----------------------------------------------------------------------------------


def test_init_writes_a_private_file_that_checks_and_does_not_replace_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    init(path)
    assert check(path) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("[tui]\ntheme = 'ink'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="--force replaces it"):
        init(path)
    assert load(path, {}).config.tui.theme == "ink"
    init(path, force=True)
    assert load(path, {}).config == Config()


def test_check_asks_strategies_for_their_parameters(tmp_path: Path) -> None:
    text = "[strategies.drift]\nrelevance_min = 7\n[strategies.fade]\nnonsense = 1"
    said = check(written(tmp_path, text))
    assert len(said) == 2
    assert said[0].startswith("config.toml:2: strategies.drift.relevance_min: expected")
    assert "found 7" in said[0]
    assert said[1].startswith("config.toml:4: strategies.fade.nonsense: expected")


def test_show_names_each_value_and_where_it_came_from(tmp_path: Path) -> None:
    path = written(tmp_path, "[strategies.drift]\nbudget = 2.5\n[risk]\nprice_min = 0.5")
    rows = {
        key: (value, origin) for key, value, origin in show(load(path, {}, {"tui.theme": "ink"}))
    }
    assert rows["strategies.drift.budget"] == ("2.5", "config.toml:2")
    assert rows["risk.price_min"] == ("0.5", "config.toml:4")
    assert rows["tui.theme"] == ('"ink"', "flag")
    assert rows["account.starting_cash"] == ("10000", "default")
    assert rows["feeds.openai.url"] == ('"https://openai.com/news/rss.xml"', "default")


def test_lines_are_counted_through_texts_and_lists_of_many_lines() -> None:
    text = '''[a]
x = """
y = 1
[b]
"""
z = [
  "k = 1",
]
[[feeds]] # one
id = "a"
[[feeds]]
id = "b"
"c d".e = 1
'''
    assert line_numbers(text) == {
        "a": 1,
        "a.x": 2,
        "a.z": 6,
        "feeds.0": 9,
        "feeds.0.id": 10,
        "feeds.1": 11,
        "feeds.1.id": 12,
        "feeds.1.c d.e": 13,
    }


def test_reading_the_config_loads_no_screen_and_no_network() -> None:
    code = "import sys, terminal.config; terminal.config.load(None, {}); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert not {"textual", "httpx", "websockets", "feedparser"} & set(run.stdout.split())


# -- places ----------------------------------------------------------------------------------


def test_one_folder_can_hold_everything(tmp_path: Path) -> None:
    paths = Paths.find({"FTT_HOME": str(tmp_path / "home")})
    paths.make()
    assert all(Path(place).is_relative_to(tmp_path / "home") for _, place in paths.rows())
    for folder in (paths.state, paths.tapes, paths.logs, paths.runtime):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_platforms_own_folders_are_used_and_the_config_can_be_moved(tmp_path: Path) -> None:
    paths = Paths.find({"XDG_RUNTIME_DIR": str(tmp_path), "FTT_CONFIG": "/etc/ftt.toml"})
    assert paths.runtime == tmp_path / "ftt"
    assert paths.config == Path("/etc/ftt.toml")
    assert paths.ledger.name == "ledger.sqlite"


def test_a_socket_always_fits_its_path(tmp_path: Path) -> None:
    paths = Paths.find({"FTT_HOME": str(tmp_path / ("long" * 40))})
    assert len(str(paths.runtime / "ftt.sock")) <= 100
    other = Paths.find({"FTT_HOME": str(tmp_path / ("long" * 41))})
    assert paths.runtime != other.runtime
