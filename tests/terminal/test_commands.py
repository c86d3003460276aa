"""The command line as a person or a script meets it: help, data, exit codes, nothing heavy."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.cli import COMMANDS, CommandError, build_parser
from terminal.commands.common import ask
from terminal.protocol.views import Query, Rows
from tests.terminal.conftest import Run

HEAVY = {"textual", "httpx", "picows", "feedparser", "starlette", "sqlite3", "rich"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_an_example(ftt: Run, command: object) -> None:
    ran = ftt(command.name, "--help")  # type: ignore[attr-defined]
    assert ran.returncode == 0
    assert f"ftt {command.name}" in ran.stdout  # type: ignore[attr-defined]
    assert "Example: ftt" in ran.stdout


VERBS = ("feeds list", "feeds check", "feeds import", "feeds export")
VERBS += ("config init", "config check", "config show", "judge test")


@pytest.mark.parametrize("words", VERBS)
def test_so_has_every_verb_of_a_command(words: str) -> None:
    with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(io.StringIO()) as said:
        build_parser().parse_args([*words.split(), "--help"])
    assert ended.value.code == 0
    assert f"Example: ftt {words}" in " ".join(said.getvalue().split())


def test_a_bot_says_at_once_that_its_judge_has_no_key(ftt: Run, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    addresses = "".join(f'{name} = "http://127.0.0.1:1"\n' for name in ("gamma", "clob", "data"))
    config.write_text(
        f'feeds = []\n[venue]\n{addresses}ws_market = "ws://127.0.0.1:1"\n'
        '[judge]\nurl = "http://127.0.0.1:1/v1"\nmodel = "small"\nkey = "HOUSE_KEY"\n',
        encoding="utf-8",
    )
    ran = ftt("--config", str(config), "bot", "--for", "0.1")
    assert "[judge] key: no variable HOUSE_KEY in the environment" in ran.stderr
    assert "The linker's own links stand." in ran.stderr


def test_every_command_stands_in_the_readme() -> None:
    readme = Path("README.md").read_text(encoding="utf-8")
    assert [command.name for command in COMMANDS if command.name not in readme] == []


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["link", "--help"]])
def test_light_commands_stay_light(argv: list[str]) -> None:
    script = (
        "import sys\nfrom terminal.cli import main\n"
        f"try:\n    main({argv!r})\nexcept SystemExit:\n    pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & set(ran.stderr.split())


def test_an_unknown_command_is_bad_usage(ftt: Run) -> None:
    ran = ftt("frobnicate")
    assert ran.returncode == 2
    assert "frobnicate" in ran.stderr


def test_no_engine_is_said_with_what_to_start(ftt: Run) -> None:
    ran = ftt("news", "--json")
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "ftt bot" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_link_answers_one_line_a_story(ftt: Run, tmp_path: Path) -> None:
    markets, stories = tmp_path / "markets.jsonl", tmp_path / "stories.jsonl"
    question = "Will OpenAI announce an IPO by December 31?"
    markets.write_text(json.dumps({"id": "m1", "question": question}) + "\n", encoding="utf-8")
    told = [
        {"id": "s1", "title": "OpenAI files confidentially for an IPO"},
        {"id": "s2", "title": "A recipe for plum cake"},
    ]
    stories.write_text("".join(json.dumps(story) + "\n" for story in told), encoding="utf-8")
    ran = ftt("link", "--markets", str(markets), "--stories", str(stories))
    assert ran.returncode == 0, ran.stderr
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert first["id"] == "s1"
    assert first["links"][0]["market_id"] == "m1"
    assert first["links"][0]["direction"] == 1
    assert 0 <= first["links"][0]["relevance"] <= 1
    assert first["links"][0]["why"]
    assert second == {"id": "s2", "links": []}
    shown = ftt("link", "--text", "--markets", str(markets), "--stories", str(stories)).stdout
    link = first["links"][0]
    assert f"1. {question}" in shown
    assert f"linked {link['relevance']:.0%}, for YES: {link['why']}" in shown
    assert shown.index(told[0]["title"]) < shown.index(told[1]["title"])
    assert "touches none" in shown[shown.index(told[1]["title"]) :]


@pytest.mark.parametrize(
    ("text", "names"),
    [("{not json}", "markets.jsonl:1"), ('{"question": "?"}', "id"), ("[1]", "JSON object")],
)
def test_a_bad_line_is_named_and_is_bad_usage(
    ftt: Run, tmp_path: Path, text: str, names: str
) -> None:
    markets, stories = tmp_path / "markets.jsonl", tmp_path / "stories.jsonl"
    markets.write_text(text + "\n", encoding="utf-8")
    stories.write_text('{"id": "s", "title": "t"}\n', encoding="utf-8")
    ran = ftt("link", "--markets", str(markets), "--stories", str(stories))
    assert ran.returncode == 2
    assert names in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_feed_is_read_or_refused_in_a_sentence(ftt: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text(
        "<rss version='2.0'><channel><title>Good</title><item><title>One &amp; only</title>"
        "<guid>1</guid><pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate></item></channel></rss>",
        encoding="utf-8",
    )
    bad.write_text("<!doctype html><html><body>Hello</body></html>", encoding="utf-8")
    ran = ftt("feeds", "check", str(good), str(bad), "--json")
    assert ran.returncode == 1, "one of them was refused"
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert first["ok"]
    assert first["entries"][0]["title"] == "One & only"
    assert first["entries"][0]["published"] == "2026-11-24T08:00:00Z"
    assert not second["ok"]
    assert second["error"].endswith(".")
    here = ftt("feeds", "check", str(good), "--timezone", "Asia/Nowhere")
    assert here.returncode == 2
    assert "Asia/Shanghai" in here.stderr
    shown = ftt("feeds", "check", str(good), str(bad), "--timezone", "Asia/Shanghai")
    assert shown.returncode == 1
    for answer in map(json.loads, ran.stdout.splitlines()):
        said = answer["error"] if not answer["ok"] else answer["entries"][0]["title"]
        assert said in shown.stdout


def test_a_config_is_written_checked_and_shown(ftt: Run) -> None:
    written = ftt("config", "init")
    assert written.returncode == 0, written.stderr
    assert Path(written.stdout.strip()).exists()
    assert ftt("config", "check").returncode == 0
    shown = ftt("config", "show", "--json")
    rows = {row["key"]: row for row in json.loads(shown.stdout)}
    assert rows["account.mode"]["value"] == '"paper"'
    assert ftt("config", "init").returncode == 1, "an existing file is not replaced"


def test_a_broken_config_ends_any_command_as_bad_configuration(ftt: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('[risk]\norder_notional_max = "lots"\n', encoding="utf-8")
    for argv in (["config", "check", str(broken)], ["--config", str(broken), "bot"]):
        ran = ftt(*argv)
        assert ran.returncode == 2
        said = ran.stdout + ran.stderr
        assert "risk.order_notional_max" in said
        assert '"lots"' in said


def test_paths_and_doctor_answer_without_an_engine(ftt: Run) -> None:
    paths = json.loads(ftt("paths", "--json").stdout)
    assert set(paths) >= {"config", "ledger", "tapes", "runtime"}
    checks = [json.loads(line) for line in ftt("doctor", "--json").stdout.splitlines()]
    assert all(check["sentence"] for check in checks)
    assert all(check["ok"] or check["fix"] for check in checks)


def _has_news() -> bool:
    """Whether the engine in this home answers and knows markets and a story."""
    try:
        answer = ask(Query(id="test", what="status"))
    except CommandError:
        return False
    assert isinstance(answer, Rows)
    assert answer.status is not None
    return answer.status.stories > 0 and answer.status.markets > 0


@pytest.fixture
def bot(ftt: Run, practice_config: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A headless engine on the practice venue, in the same home as the commands."""
    command = [sys.executable, "-m", "terminal", "--config", str(practice_config), "bot", "--json"]
    env = {**os.environ, "FTT_HOME": str(tmp_path / "ftt")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    deadline = time.monotonic() + 40
    while not _has_news():
        assert process.poll() is None, "the bot ended early"
        assert time.monotonic() < deadline, "the bot never had a story"
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def test_a_running_bot_answers_obeys_and_ends_cleanly(
    ftt: Run, bot: "subprocess.Popen[str]"
) -> None:
    stories = [json.loads(line) for line in ftt("news", "--json").stdout.splitlines()]
    assert stories
    assert stories[0]["first_seen"].endswith("Z")
    markets = [json.loads(line) for line in ftt("markets", "--json").stdout.splitlines()]
    assert markets
    book = json.loads(ftt("book", markets[0]["condition_id"], "--json").stdout)
    assert book["question"] == markets[0]["question"]
    whole = json.loads(ftt("news", "--story", stories[0]["id"], "--json").stdout)
    assert whole["story_id"] == stories[0]["id"], "its title may have been edited meanwhile"
    assert len(whole["cards"]) <= whole["links"]
    for what in ("orders", "positions", "fills", "signals", "impact"):
        ran = ftt(what, "--json")
        assert ran.returncode == 0, ran.stderr
        assert all(isinstance(json.loads(line), dict) for line in ran.stdout.splitlines())
        assert ftt(what).returncode == 0
    health = json.loads(ftt("status", "--json").stdout)
    assert (health["running"], health["lag_max_ms"]) == (True, 60_000)
    assert ftt("cancel", "--all").returncode == 0
    assert ftt("cancel", "no-such-order").returncode == 1
    assert ftt("cancel").returncode == 2
    assert json.loads(ftt("kill", "--json").stdout)["outcome"] == "done"
    assert json.loads(ftt("resume", "--json").stdout)["outcome"] == "done"
    second = ftt("bot", "--for", "1")
    assert second.returncode == 1, "one ledger has one engine"
    assert "Traceback" not in second.stderr
    bot.send_signal(signal.SIGTERM)
    said, talk = bot.communicate(timeout=20)
    assert bot.returncode == 0, talk
    assert json.loads(said.splitlines()[-1])["kind"] == "summary"
    kept = [json.loads(line) for line in ftt("news", "--most", "500", "--json").stdout.splitlines()]
    assert {story["id"] for story in stories} <= {story["id"] for story in kept}
    assert kept[0]["as_of"] >= kept[0]["first_seen"]


def test_a_practice_venue_writes_a_configuration_that_a_bot_runs_with(
    ftt: Run, tmp_path: Path
) -> None:
    config = tmp_path / "practice.toml"
    command = [sys.executable, "-m", "terminal", "practice", "--speed", "60", "--write-config"]
    venue = subprocess.Popen([*command, str(config)], stdout=subprocess.PIPE, text=True)
    try:
        assert venue.stdout is not None
        assert json.loads(venue.stdout.readline())["speed"] == 60.0
        ran = ftt("--config", str(config), "bot", "--json", "--for", "4")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout.splitlines()[-1])["books"] > 0
    finally:
        venue.send_signal(signal.SIGTERM)
        venue.communicate(timeout=20)
    assert venue.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["demo"], "needs a terminal"),
        (["demo", "--headless", "--for", "x"], "x is not a positive number"),
        (["practice", "--port", "99999"], "99999 is no port"),
        (["practice", "--write-config", "/no/such/place/p.toml"], "no folder /no/such/place"),
        (["demo", "--headless", "--config", "mine.toml"], "a configuration of its own"),
    ],
)
def test_what_can_not_be_done_is_said_with_what_can(ftt: Run, argv: list[str], says: str) -> None:
    ran = ftt(*argv)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert ran.stdout == ""


def test_the_check_of_a_config_knows_the_keys_of_the_terminal(ftt: Run, tmp_path: Path) -> None:
    config = tmp_path / "keys.toml"
    config.write_text('[tui.keys]\nkill = "b"\n', encoding="utf-8")
    ran = ftt("config", "check", str(config))
    assert ran.returncode == 2
    assert "'buy' and 'kill' are both on 'b'" in ran.stdout
