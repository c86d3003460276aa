"""The main job, end to end: a practice world, an engine, paper money, one JSON object."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terminal.commands.run import theme_of_terminal
from tests.terminal.conftest import Run

KEYS = {
    "stories",
    "clusters",
    "links",
    "books",
    "frames",
    "suggestions",
    "orders",
    "fills",
    "position_count",
    "cash",
    "equity",
    "realised_pnl",
    "unrealised_pnl",
    "errors",
    "latency_ms",
}
LATENCIES = {
    "story_to_suggestion_p50",
    "story_to_suggestion_p99",
    "frame_to_book_p50",
    "frame_to_book_p99",
}


def test_a_headless_demo_reads_links_trades_and_adds_up(ftt: Run) -> None:
    ran = ftt("demo", "--headless", "--for", "30", "--json", "--seed", "11")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("\n") == 1, "one JSON object on one line"
    said = json.loads(ran.stdout)
    assert set(said) == KEYS
    assert set(said["latency_ms"]) == LATENCIES
    assert said["stories"] >= 8
    assert said["links"] >= 5
    assert said["books"] >= 10
    assert said["suggestions"] >= 1
    assert said["fills"] >= 1
    assert said["errors"] == 0
    start = 10_000
    profit = said["realised_pnl"] + said["unrealised_pnl"]
    assert said["equity"] - start == pytest.approx(profit, abs=5e-6), "profit is equity less start"


@pytest.mark.parametrize("meaning", ["false", "true"])
def test_a_recorded_session_replayed_twice_decides_the_same(
    ftt: Run,
    practice_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meaning: str,
) -> None:
    monkeypatch.setenv("FTT_NEWS__MEANING", meaning)
    tape = tmp_path / "session.tape"
    recorded = ftt("--config", str(practice_config), "record", str(tape), "--for", "12")
    assert recorded.returncode == 0, recorded.stderr
    live = json.loads(recorded.stdout)
    assert live["links"] > 0, "a session without decisions would prove nothing"
    replays = [json.loads(ftt("replay", str(tape), "--json").stdout) for _ in range(2)]
    assert replays[0] == replays[1]
    assert replays[0]["digest"] == live["digest"], "live and replay decide byte for byte alike"
    assert replays[0]["equity"] == live["equity"]


def test_a_tape_is_never_overwritten(ftt: Run, tmp_path: Path) -> None:
    tape = tmp_path / "precious.tape"
    tape.write_bytes(b"precious")
    ran = ftt("record", str(tape))
    assert ran.returncode == 1
    assert "never overwritten" in ran.stderr
    assert tape.read_bytes() == b"precious"


def test_a_broken_tape_is_refused_in_a_sentence(ftt: Run, tmp_path: Path) -> None:
    tape = tmp_path / "broken.tape"
    tape.write_bytes(b"not a tape at all")
    ran = ftt("replay", str(tape), "--json")
    assert ran.returncode == 1
    assert str(tape) in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("ground", "theme"),
    [("", "newsprint"), ("15;0", "ink"), ("0;15", "newsprint"), ("0;default;8", "ink")],
)
def test_the_automatic_theme_follows_the_terminals_ground(ground: str, theme: str) -> None:
    assert theme_of_terminal({"COLORFGBG": ground}) == theme


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this platform closes windows otherwise")
def test_a_demo_whose_window_is_closed_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "terminal", "demo", "--headless", "--for", "600", "--json"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("ftt-demo-*/demo.toml")):
        assert time.monotonic() < deadline, "the demo never began"
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGHUP
    assert list(tmp_path.iterdir()) == []
