"""The doctor names each seeded fault with a fix, and is done in seconds without any network."""

import asyncio
import contextlib
import http.server
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from feeds.clock import Clock
from feeds.polymarket.hosts import Hosts
from terminal import doctor, venue_check
from terminal.config.shape import JudgeConfig
from terminal.doctor import Check, checks
from terminal.ledger import Ledger
from terminal.protocol.link import LinkServer, Peer
from terminal.protocol.views import Query, Rows, StatusView, StreamView
from terminal.stores.paths import Paths
from tests.models import CANARY

HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Venue(http.server.BaseHTTPRequestHandler):
    """As much of a venue as the doctor asks for."""

    ahead_s = 0
    status = 200
    said = ""
    told: ClassVar[dict[str, str]] = {}
    keys: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.keys.append(self.headers.get("Authorization", ""))
        if self.headers.get("Upgrade") == "websocket":
            self.wfile.write(HANDSHAKE)
            return
        body = (self.said or str(int(time.time()) + self.ahead_s)).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in self.told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def venue() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Venue)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def configured(folder: Path, host: str) -> Path:
    path = folder / "config.toml"
    path.write_text(
        f"""
feeds = [{{id = "wire", url = "http://{host}/feed.xml"}}]
[venue]
gamma = "http://{host}"
clob = "http://{host}"
data = "http://{host}"
ws_market = "ws://{host}/ws/market"
""",
        encoding="utf-8",
    )
    return path


def found(config: Path | None, paths: Paths, **env: str) -> dict[str, Check]:
    return {check.name: check for check in checks(config, paths, {"FTT_HOME": "x", **env})}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.find({"FTT_HOME": str(tmp_path / "home")})


def test_all_is_well_on_a_sound_machine(tmp_path: Path, paths: Paths, venue: str) -> None:
    paths.make()
    Ledger.open(paths.ledger).shut()
    seen = found(configured(tmp_path, venue), paths)
    assert [check for check in seen.values() if not check.ok] == []
    assert seen["order books"].sentence == f"{venue} answers 200"
    assert "opens the stream" in seen["market stream"].sentence
    assert "the venue" in seen["clock"].sentence
    assert "7 endpoints answer" in seen["endpoints"].sentence
    assert "restart" in seen["venue mode"].sentence
    assert seen["feed wire"].sentence == "127.0.0.1 can be reached"
    assert "0 rows" in seen["ledger"].sentence


def test_every_finding_has_a_sentence_and_every_fault_a_fix(
    tmp_path: Path, paths: Paths, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ANSWERS_WITHIN_S", 0.5)
    begun = time.monotonic()
    seen = found(configured(tmp_path, silent), paths)
    assert time.monotonic() - begun < 2.0
    for check in seen.values():
        assert check.sentence
        assert check.ok or check.fix, check
    for name in ("catalogue", "order books", "market stream"):
        assert not seen[name].ok


def test_nothing_answers_and_it_says_so_at_once(tmp_path: Path, paths: Paths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    begun = time.monotonic()
    seen = found(configured(tmp_path, f"127.0.0.1:{port}"), paths)
    assert time.monotonic() - begun < 2.0
    for name in ("catalogue", "order books", "market stream", "feed wire"):
        assert "can't be reached" in seen[name].sentence
        assert "check the network" in seen[name].fix
    assert seen["endpoints"].sentence == "GET /events/keyset: the connection failed"
    assert seen["venue mode"].sentence == "not known: the venue can't be reached"


def test_an_outside_judge_without_its_key_is_named(
    tmp_path: Path, paths: Paths, venue: str
) -> None:
    config = configured(tmp_path, venue)
    assert "outside judge" not in found(config, paths)
    judge = f'[judge]\nurl = "http://{venue}/v1"\nmodel = "small"\nkey = "HOUSE_KEY"\n'
    config.write_text(config.read_text(encoding="utf-8") + judge, encoding="utf-8")
    without = found(config, paths)["outside judge"]
    assert not without.ok
    assert "no variable HOUSE_KEY in the environment" in without.sentence
    assert "asks nobody" in without.fix
    given = found(config, paths, HOUSE_KEY="not-to-be-shown")["outside judge"]
    assert given.ok
    assert given.sentence.startswith("127.0.0.1 can be reached; `ftt judge test`")


def test_a_judge_that_serves_another_model_or_may_place_is_said(
    tmp_path: Path, venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = json.dumps({"data": [{"id": "big\x1b[2J"}, {"id": "small"}]})
    monkeypatch.setattr(Venue, "said", names)

    def asked(**settings: Any) -> tuple[bool, str, str]:
        judge = JudgeConfig(**{"url": f"http://{venue}/v1", "model": "small", **settings})
        return doctor._outside_judge(judge, tmp_path / "config.toml", {"HOUSE_KEY": CANARY})

    assert asked(key="HOUSE_KEY")[0]
    assert f"Bearer {CANARY}" in Venue.keys
    ok, said, fix = asked(model="tiny")
    assert (ok, said) == (False, "it serves no model 'tiny', but big, small")
    assert "model under [judge]" in fix
    ok, said, fix = asked(may_place=True)
    assert not ok
    assert "DANGER" in said
    assert "may_place = false" in fix
    for nonsense in ("[]", '{"data": 7}', '{"data": [{"name": "x"}]}', "<html>"):
        monkeypatch.setattr(Venue, "said", nonsense)
        assert asked(model="tiny")[0]


def test_a_broken_config_is_one_finding_and_the_rest_is_still_looked_at(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_slow", lambda config, paths, env: iter(()))
    path = tmp_path / "config.toml"
    path.write_text("[news]\nevery_s = 1\ntrust = 9\n", encoding="utf-8")
    seen = found(path, paths)
    assert not seen["configuration"].ok
    assert "news.every_s" in seen["configuration"].sentence
    assert "and 1 more" in seen["configuration"].sentence
    assert seen["python"].ok


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what lies on this machine is looked at."""
    monkeypatch.setattr(
        doctor,
        "_slow",
        lambda config, paths, env: iter([("ledger", lambda: doctor._ledger(paths.ledger))]),
    )


@pytest.mark.usefixtures("offline")
def test_a_folder_open_to_others_is_named_with_its_cure(paths: Paths) -> None:
    paths.make()
    paths.state.chmod(0o755)
    check = found(None, paths)["state"]
    assert not check.ok
    assert check.fix == f"chmod 700 {paths.state}"


@pytest.mark.usefixtures("offline")
def test_a_folder_that_is_a_file_is_named(paths: Paths) -> None:
    paths.make()
    paths.tapes.rmdir()
    paths.tapes.write_text("")
    check = found(None, paths)["tapes"]
    assert (check.ok, check.fix) == (False, "move it away")


@pytest.mark.usefixtures("offline")
def test_a_damaged_ledger_is_named_with_its_cure(paths: Paths) -> None:
    paths.make()
    Ledger.open(paths.ledger).shut()
    os.truncate(paths.ledger, 5_000)
    check = found(None, paths)["ledger"]
    assert not check.ok
    assert "is damaged" in check.sentence
    assert "put a backup in its place" in check.fix


@pytest.mark.usefixtures("offline")
def test_keys_in_the_environment_are_named_and_never_shown(paths: Paths) -> None:
    seen = found(None, paths, POLYMARKET_PRIVATE_KEY="0xCANARY", CLOB_PASSPHRASE="CANARY")
    check = seen["secrets"]
    assert not check.ok
    assert "CLOB_PASSPHRASE, POLYMARKET_PRIVATE_KEY" in check.sentence
    assert not any("CANARY" in str(one) for one in seen.values())


@pytest.mark.usefixtures("offline")
async def test_a_running_engine_is_seen_and_a_dead_ones_socket_too(paths: Paths) -> None:
    paths.make()

    async def serve(peer: object) -> None:
        """Nobody comes."""

    server = LinkServer(paths.runtime, "0.1.0", serve)
    await server.start()
    seen = await asyncio.to_thread(found, None, paths)
    assert "one is running" in seen["engine"].sentence
    for _ in range(50):
        await asyncio.sleep(0)  # the engine's loop takes the doctor's knock, and its leaving
    await server.close()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(paths.runtime / "ftt.sock"))
    assert "left its socket" in found(None, paths)["engine"].sentence


@pytest.mark.parametrize(
    ("version", "ok", "says"),
    [
        ((3, 36, 0), False, "SQLite 3.36.0"),
        ((3, 40, 1), True, "before 3.51.3"),
        ((3, 51, 3), True, "SQLite 3.51.3"),
    ],
)
def test_sqlite_is_named_with_what_its_version_means(
    version: tuple[int, ...], ok: bool, says: str
) -> None:
    verdict, sentence, fix = doctor._sqlite(version)
    assert verdict is ok
    assert says in sentence
    assert bool(fix) is not ok


@pytest.mark.parametrize(
    ("env", "ok", "says"),
    [
        ({"NO_COLOR": "1", "TMUX": "x"}, True, "NO_COLOR"),
        ({"COLORTERM": "truecolor", "TMUX": "x"}, True, "truecolor"),
        ({"TMUX": "x"}, False, "tmux"),
        ({}, True, "few"),
    ],
)
def test_colours(env: dict[str, str], ok: bool, says: str) -> None:
    verdict, sentence, fix = doctor._colours(env)
    assert verdict is ok
    assert says in sentence
    assert ok or "terminal-features" in fix


@pytest.mark.parametrize(
    ("env", "columns", "ok"),
    [
        ({"TERM": "dumb"}, 120, False),
        ({"TERM": "xterm"}, 60, False),
        ({"TERM": "xterm"}, 80, True),
    ],
)
def test_a_terminal_has_to_be_large_enough(
    env: dict[str, str], columns: int, ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    verdict, _, fix = doctor._terminal(env, True)
    assert verdict is ok
    assert bool(fix) is not ok


def test_text_that_is_not_utf8_and_a_full_disk_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert doctor._text("ANSI_X3.4-1968")[2] == "export LANG=C.UTF-8"
    assert doctor._text("UTF-8")[0]
    monkeypatch.setattr(doctor, "DISK_FREE_MIN", 10**18)
    assert doctor._disk(tmp_path / "not" / "made")[2] == "free some space"


@pytest.mark.parametrize(
    ("version", "bounds", "fine"),
    [
        ("8.2.8", ">=8.2,<9", True),
        ("9.0", ">=8.2,<9", False),
        ("8.1.9", ">=8.2,<9", False),
        ("0.28.1", "<0.29,>=0.28", True),
        ("1.10.0", ">=1.0", True),
    ],
)
def test_versions_are_compared_by_number(version: str, bounds: str, fine: bool) -> None:
    assert doctor._within(version, bounds) is fine


def test_a_clock_that_is_off_is_named_with_its_cure(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Venue, "ahead_s", 60)
    verdict, sentence, fix = doctor._clock(f"http://{venue}/time", Clock())
    assert not verdict
    assert "behind the venue" in sentence
    assert "timedatectl" in fix


@pytest.mark.parametrize(("status", "ok"), [(200, True), (403, False), (503, False)])
def test_a_venue_that_refuses_is_named(
    venue: str, status: int, ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Venue, "status", status)
    verdict, sentence, fix = doctor._web(f"http://{venue}/time")
    assert verdict is ok
    assert str(status) in sentence
    assert ok or fix


def hosts_of(host: str) -> Hosts:
    return Hosts.of(gamma=f"http://{host}", clob=f"http://{host}")


def test_a_web_page_in_place_of_json_is_named(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Venue, "said", "<!doctype html><title>Sign in to the hotel</title>")
    ok, sentence, fix = venue_check.endpoints(hosts_of(venue), 2.0)
    assert not ok
    assert "web page" in sentence
    assert "Sign in to the hotel" in sentence
    assert fix


def test_an_endpoint_with_a_sunset_is_named_with_its_day(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sunset = {"Sunset": "Mon, 14 Dec 2026 00:00:00 GMT", "Deprecation": "@1793836800"}
    monkeypatch.setattr(Venue, "told", sunset)
    ok, sentence, fix = venue_check.endpoints(hosts_of(venue), 2.0)
    assert not ok
    assert (
        "GET /events/keyset is deprecated since 2026-11-05 and to be gone from 2026-12-14 on"
        in (sentence)
    )
    assert "POST /books" in sentence
    assert "update" in fix


@pytest.mark.parametrize(
    ("status", "told", "says", "fix"),
    [
        (429, {"Retry-After": "7"}, "asks too often", "wait 7 s"),
        (429, {}, "asks too often", "wait a minute"),
        (500, {}, "it has an internal error", "the venue has changed or is away"),
    ],
)
def test_endpoints_that_refuse_are_named_with_a_cure(
    venue: str,
    status: int,
    told: dict[str, str],
    says: str,
    fix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Venue, "status", status)
    monkeypatch.setattr(Venue, "told", told)
    found = venue_check.endpoints(hosts_of(venue), 2.0)
    assert not found[0]
    assert says in found[1]
    assert fix in found[2]


@pytest.mark.parametrize(
    ("status", "said", "ok", "says"),
    [
        (425, "", False, "restarting"),
        (503, "Trading is currently cancel-only. New orders are not accepted", False, "cancels"),
        (503, "Trading is currently disabled", False, "stopped all trading"),
        (503, "", True, "nothing that it answers"),
        (200, "", True, "nothing that it answers"),
    ],
)
def test_the_venues_mode_is_told_where_its_answers_show_it(
    venue: str,
    paths: Paths,
    status: int,
    said: str,
    ok: bool,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Venue, "status", status)
    monkeypatch.setattr(Venue, "said", said)
    found = venue_check.mode(hosts_of(venue), paths.runtime, 2.0)
    assert found[0] is ok
    assert says in found[1]
    assert bool(found[2]) is not ok


@pytest.mark.parametrize("restricted", ["", "takes only cancels"])
async def test_a_running_engine_tells_the_venues_mode(paths: Paths, restricted: str) -> None:
    paths.make()
    streams = (StreamView(name="venue", state="down", sentence=restricted),) if restricted else ()

    async def serve(peer: Peer) -> None:
        while True:
            command = await peer.receive()
            if isinstance(command, Query):
                status = StatusView(mode="PAPER", venue="x", now_ns=0, streams=streams)
                await peer.send(Rows(id=command.id, status=status))

    server = LinkServer(paths.runtime, "0.1.0", serve)
    await server.start()
    ok, sentence, _ = await asyncio.to_thread(
        venue_check.mode, Hosts.of(clob="http://127.0.0.1:9"), paths.runtime, 2.0
    )
    await server.close()
    assert ok is not bool(restricted)
    assert (restricted or "trades as usual") in sentence


@pytest.mark.parametrize(
    "error", [sqlite3.NotSupportedError("gone"), OSError("gone"), KeyError("gone")]
)
def test_a_look_that_fails_is_a_finding(error: Exception) -> None:
    def look() -> doctor.Found:
        raise error

    check = doctor._judge("x", look)
    assert not check.ok
    assert "gone" in check.sentence
    assert check.fix
