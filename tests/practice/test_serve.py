"""The practice program: one line of addresses, a living world, a clean end."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from practice.serve import listen, main

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any], Path]]:
    truth = tmp_path / "truth.jsonl"
    command = [sys.executable, "-W", "error", "-m", "practice", "--json", "--seed", "3"]
    command += ["--speed", "60", "--truth", str(truth)]
    program = subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    try:
        yield program, json.loads(program.stdout.readline()), truth
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


async def _first_frames(url: str, asset: str, kind: str) -> dict[str, Any]:
    """The first frame of a kind that the running program sends by itself."""
    async with websockets.connect(url) as ws, asyncio.timeout(20):
        await ws.send(json.dumps({"type": "market", "assets_ids": [asset]}))
        async for text in ws:
            frame = json.loads(text)
            if isinstance(frame, dict) and frame["event_type"] == kind:
                return frame
    raise AssertionError("the connection ended")


async def test_the_program_prints_its_addresses_lives_and_ends_cleanly(
    practice: tuple[subprocess.Popen[str], dict[str, Any], Path],
) -> None:
    program, where, truth = practice
    assert {"gamma", "clob", "data", "ws_market", "news", "control"} <= set(where)
    assert (where["seed"], where["speed"]) == (3, 60.0)
    assert where["ws_market"].endswith("/market")
    async with httpx.AsyncClient() as http:
        page = (await http.get(f"{where['gamma']}/markets/keyset?limit=100")).json()
        busiest = max(page["markets"], key=lambda row: row["competitive"])
        ids = busiest.get("positionIds") or json.loads(busiest["clobTokenIds"])
        frame = await _first_frames(where["ws_market"], ids[0], "price_change")
        assert int(frame["timestamp"]) > where["anchor_ns"] // 1_000_000
        for url in where["news"]:
            assert (await http.get(url)).status_code == 200
    program.send_signal(signal.SIGTERM)
    assert program.wait(10) == 0
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    assert {row["kind"] for row in rows} >= {"world", "odds"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_at_once_is_not_lost(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "practice", "--json"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(number)
        assert program.wait(20) == 0


PARENT = """
import subprocess, sys
command = [sys.executable, "-m", "practice", "--json", "--with-parent"]
child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
print(child.stdout.readline())
"""


def test_the_program_ends_when_its_parent_does() -> None:
    parent = subprocess.run(
        [sys.executable, "-c", PARENT], cwd=REPO, capture_output=True, text=True, check=True
    )
    port = int(json.loads(parent.stdout)["clob"].rsplit(":", 1)[1])
    refused = False
    while not refused:  # the test's own time limit ends it
        with socket.socket() as probe:
            refused = probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_a_failure_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with listen(0) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "in use" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--speed", "0"], ["--port", "70000"], ["--seed", "x"]])
def test_a_wrong_option_is_bad_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
