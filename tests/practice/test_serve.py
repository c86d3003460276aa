"""The practice program: one line of addresses, a living world, a clean end."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from practice.accounts import signing
from practice.accounts.wallets import owned_by
from practice.faults.deck import Faults, parse_fault
from practice.serve import Practice, listen, main

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


def hanging() -> subprocess.Popen[str]:
    """A venue that never answers a request about orders."""
    command = [sys.executable, "-W", "error", "-m", "practice", "--json", "--seed", "3"]
    command += ["--fault", "hung_request=1", "--fault", "routes=orders"]
    return subprocess.Popen(
        command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def test_a_stop_ends_open_sockets_and_unanswered_requests_cleanly() -> None:
    with hanging() as program:
        assert program.stdout is not None
        assert program.stderr is not None
        where = json.loads(program.stdout.readline())
        async with (
            httpx.AsyncClient(base_url=where["clob"]) as http,
            websockets.connect(where["ws_market"]) as market,
            websockets.connect(where["ws_user"]),
        ):
            await market.send(json.dumps({"type": "market", "assets_ids": []}))
            await market.recv()
            hung = asyncio.create_task(http.post("/order", json={}))
            await http.get("/ok")
            program.terminate()
            await asyncio.gather(hung, return_exceptions=True)
        assert program.wait(10) == 0
        assert program.stderr.read() == ""


@pytest.fixture(scope="module")
def failing() -> Practice:
    faults = parse_fault(Faults(seed=4), "lost_reply=0.25")
    return Practice(4, 20.0, "http://127.0.0.1:1", None, faults)


def test_what_fails_is_told_with_the_seed_and_the_command_that_repeats_it(
    failing: Practice, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.world.exchange.accounts["crowd"].cash += 1
    assert failing.venue.auditor.told()["violations"]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("practice: the audit found: step 0: crowd has ")
    assert said[0].endswith(
        "(seed 4, 0 s on); again: python -m practice --seed 4 --fault seed=4 "
        "--fault lost_reply=0.25 --speed 20"
    )


async def test_a_world_that_fails_says_so_before_it_ends(
    failing: Practice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("lost")

    monkeypatch.setattr(failing.venue, "tick", broken)
    with pytest.raises(KeyError):
        await failing.live()
    assert "the world failed: KeyError('lost') (seed 4," in capsys.readouterr().err


CONTRACT = {
    "gamma": str, "clob": str, "data": str, "relayer": str, "rpc": str, "ws_market": str,
    "ws_user": str, "news": list, "control": str, "calm": list, "wallets": list,
}  # fmt: skip


def test_the_one_line_is_a_contract_and_calm_markets_are_calm() -> None:
    start = "import sys; from terminal.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "practice", "--json", "--port", "0", "--seed", "11"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        where = json.loads(program.stdout.readline())
        try:
            assert {name: type(where[name]) for name in CONTRACT} == CONTRACT
            assert where["ws_market"].endswith("/market")
            assert where["ws_user"].endswith("/user")
            assert len(where["calm"]) >= 5
            with httpx.Client(base_url=where["clob"]) as http:
                for condition in where["calm"]:
                    facts = http.get(f"/clob-markets/{condition}").json()
                    assert (facts["ao"], facts["sd"]) == (True, 0)
                    asked = {"token_id": facts["t"][0]["t"]}
                    spread = float(http.get("/spread", params=asked).json()["spread"])
                    assert spread >= 2.999 * facts["mts"], condition
            if signing.available():
                check_wallets(where)
        finally:
            program.terminate()
            assert program.wait(10) == 0
        assert program.stdout.read() == ""


def check_wallets(where: dict[str, Any]) -> None:
    """Keys are the wallets' own, and what is promised of them is there."""
    kinds = Counter(wallet["kind"] for wallet in where["wallets"])
    assert kinds["eoa"] >= 2
    assert set(kinds) == {"eoa", "proxy", "safe", "deposit"}
    assert len({wallet["private_key"] for wallet in where["wallets"]}) == len(where["wallets"])
    calm = set(where["calm"])
    with httpx.Client(base_url=where["data"]) as http:
        for wallet in where["wallets"]:
            owner = signing.address_of(bytes.fromhex(wallet["private_key"][2:]))
            assert getattr(owned_by(owner), wallet["kind"]) == wallet["address"]
            rows = http.get("/v2/positions", params={"user": wallet["address"]}).json()["data"]
            held = {row["condition_id"] for row in rows if row["current_size"] >= 100}
            assert len(held & calm) >= 2
            approved = http.get("/v2/approvals", params={"user": wallet["address"]}).json()
            assert all(row["approved"] for row in approved["data"]["contracts"])
