"""`ftt demo` and `ftt practice`: the practice venue, alone or with a terminal in front of it."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands import out
from terminal.commands.common import needs_terminal

SPEED = 20.0
"""A story every two seconds is a lively screen that can still be read."""
HEADLESS_SPEED = 60.0
"""Half a minute on the wall is half an hour of market: enough for stories to be traded on."""
VENUE_ENDS_WITHIN_S = 5.0
LEAVE_WITHIN_S = 20.0
ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def practice(arguments: argparse.Namespace) -> int:
    """Serve the practice venue and newsroom until stopped."""
    from practice.serve import main

    if arguments.write_config:
        with _leaves_nothing():
            return _serve_with_config(arguments)
    return main([*_practice_options(arguments), *(["--json"] if arguments.json else [])])


def _practice_options(arguments: argparse.Namespace) -> list[str]:
    options = ["--port", str(arguments.port), "--seed", str(arguments.seed)]
    options += ["--speed", str(arguments.speed)]
    options += ["--truth", arguments.truth] if arguments.truth else []
    for name in ("limits", "self_trades", "flat_amounts", "buyers_pay"):
        options += [f"--{name.replace('_', '-')}"] if getattr(arguments, name) else []
    for fault in arguments.fault:
        options += ["--fault", fault]
    return options


def _serve_with_config(arguments: argparse.Namespace) -> int:
    """Serve, and write a configuration that names the addresses once they are known."""
    path = Path(arguments.write_config)
    if path.exists():
        raise CommandError(f"{path} exists: choose another name, a file is never overwritten")
    if not path.parent.is_dir():
        raise CommandError(f"{path} can't be written: there is no folder {path.parent}", USAGE)
    command = [sys.executable, "-m", "practice", "--json", "--with-parent"]
    command += _practice_options(arguments)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own interpreter and module
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            return process.wait() or FAILED
        path.write_text(demo_config(json.loads(line)), encoding="utf-8")
        out.line(line.strip())
        out.talk(f"{path} written: `ftt --config {path}` opens the terminal on this venue")
        return process.wait()
    finally:
        _end(process)


def run(arguments: argparse.Namespace) -> int:
    """The terminal on a practice world of its own; everything it keeps is gone afterwards."""
    if getattr(arguments, "config", None):
        raise CommandError("the demo has a configuration of its own: leave --config out", USAGE)
    if not (arguments.headless or arguments.screenshot):
        needs_terminal()
    speed = arguments.speed or (HEADLESS_SPEED if arguments.headless else SPEED)
    seed = 1 if arguments.seed is None else arguments.seed
    with contextlib.ExitStack() as stack:
        stack.enter_context(_leaves_nothing())
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="ftt-demo-"))
        venue = stack.enter_context(_venue(seed, speed, Path(home, "practice.log")))
        os.environ["FTT_HOME"] = home
        config = Path(home, "demo.toml")
        config.write_text(demo_config(venue), encoding="utf-8")
        if arguments.headless:
            return _headless(arguments, config)
        return _interactive(arguments, config, seed)


@contextlib.contextmanager
def _leaves_nothing() -> Iterator[None]:
    """A closed window or a plain kill ends the command through its clean-up, like ctrl+c."""

    def leave(number: int, _: object) -> None:
        # a terminal that is gone can hold a thread of the face for ever
        last = threading.Timer(LEAVE_WITHIN_S, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def demo_config(venue: dict[str, Any]) -> str:
    """The configuration of a demo: an ordinary one that names the practice venue's addresses."""
    feeds = "\n".join(
        f"[[feeds]]\nid = {json.dumps(_feed_id(url))}\nname = {json.dumps(_feed_name(url))}\n"
        f"url = {json.dumps(url)}\nevery_s = 30\ntrust = 0.7\n"
        for url in venue["news"]
    )
    return f"""
[venue]
name = "practice"
gamma = {json.dumps(venue["gamma"])}
clob = {json.dumps(venue["clob"])}
data = {json.dumps(venue["data"])}
ws_market = {json.dumps(venue["ws_market"])}
tags = []
clock_speed = {float(venue["speed"])}
clock_anchor_ns = {int(venue["anchor_ns"])}

[news]
slowest_s = 0

[account]
starting_cash = 10000

[strategies.drift]
enabled = true
mandate = "paper"

[strategies.fade]
enabled = true
mandate = "suggest"

{feeds}
"""


def _feed_id(url: str) -> str:
    return url.rsplit("/", 1)[-1].partition(".")[0]


def _feed_name(url: str) -> str:
    return _feed_id(url).replace("-", " ").title()


@contextlib.contextmanager
def _venue(seed: int, speed: float, log: Path) -> Iterator[dict[str, Any]]:
    """A practice venue in a process of its own, ended when we are done, however we end."""
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--with-parent"]
    command += ["--seed", str(seed), "--speed", str(speed)]
    with log.open("w+", encoding="utf-8") as talk:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=talk, text=True)  # noqa: S603 - our own interpreter and module
        try:
            yield _first_line(process, log)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(VENUE_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _first_line(process: "subprocess.Popen[str]", log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        said = log.read_text(encoding="utf-8")[-2_000:].strip()
        raise CommandError(f"the practice venue did not start: {said or 'it said nothing'}")
    venue: dict[str, Any] = json.loads(line)
    return venue


def _headless(arguments: argparse.Namespace, config: Path) -> int:
    from terminal.config import load
    from terminal.engine.assembly import assemble
    from terminal.presenters.summary import report
    from terminal.stores.paths import Paths

    tape = Path(arguments.tape) if arguments.tape else None
    engine = assemble(load(config).config, Paths.find(), tape=tape, to_stdout=False)

    async def session() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(arguments.seconds, stop.set)
        await engine.run(stop)

    asyncio.run(session())
    summary = report(engine)
    if arguments.json:
        out.data(summary)
    else:
        latencies = summary.pop("latency_ms")
        rows = [(name, str(value)) for name, value in (summary | latencies).items()]
        out.table(("what", ">value"), rows, "nothing happened")
    for sentence in engine.mistakes:
        out.talk(f"error: {sentence}")
    return FAILED if summary["errors"] else DONE


def _interactive(arguments: argparse.Namespace, config: Path, seed: int) -> int:
    from terminal.commands.run import Looks, face_with_engine

    picture = Path(arguments.screenshot) if arguments.screenshot else None
    if picture is not None and not picture.parent.is_dir():
        raise CommandError(f"{picture.parent} is no folder: make it first")
    if picture is None:
        home = os.environ["FTT_HOME"]
        out.talk(f"practice world {seed}: invented stories, invented markets, paper money")
        out.talk(f"other commands reach this demo with FTT_HOME={home}")
    looks = Looks(arguments.theme, picture, arguments.size, arguments.seconds)
    return face_with_engine(config, looks)
