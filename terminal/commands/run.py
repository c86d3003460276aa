"""`ftt`, `ftt bot`, `ftt attach` and `ftt record`: engines, and faces onto them."""

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from terminal import VERSION
from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands import out
from terminal.commands.common import configuration, needs_terminal
from terminal.stores.paths import Paths

if TYPE_CHECKING:
    from terminal.config import Config
    from terminal.engine.loop import Engine

PARENT_EVERY_S = 1.0
DARK_GROUNDS = frozenset({0, 1, 2, 3, 4, 5, 6, 8})
"""Of the sixteen colours of a terminal, those too dark for black ink."""
ENGINE_ENDS_WITHIN_S = 10.0


@dataclass(frozen=True)
class Looks:
    """How the face is to look, where that is not the configuration's business."""

    theme: str | None = None
    screenshot: Path | None = None
    size: tuple[int, int] | None = None
    after_s: float = 0.0


AS_CONFIGURED = Looks()


def terminal(arguments: argparse.Namespace) -> int:
    """The terminal; starts an engine of its own unless one is running."""
    loaded = configuration(arguments)
    needs_terminal()
    if _engine_runs(Paths.find()):
        return _face(loaded.config, AS_CONFIGURED, engine_stops=False)
    named = getattr(arguments, "config", None)
    return face_with_engine(Path(named) if named else None)


def attach(arguments: argparse.Namespace) -> int:
    """The terminal onto an engine that is already running."""
    loaded = configuration(arguments)
    needs_terminal()
    if not _engine_runs(Paths.find()):
        raise CommandError("no engine is running: start one with `ftt bot`, or both with `ftt`")
    return _face(loaded.config, AS_CONFIGURED, engine_stops=False)


def face_with_engine(config_file: Path | None, looks: Looks = AS_CONFIGURED) -> int:
    """A face in this process and an engine in another, which ends when the face does."""
    from terminal.config import load

    config = load(config_file).config
    with _engine(config_file, Paths.find()):
        return _face(config, looks, engine_stops=True)


def _face(config: "Config", looks: Looks, *, engine_stops: bool) -> int:
    from terminal.tui import run
    from terminal.tui.actions import KeysError

    theme = looks.theme or config.tui.theme
    try:
        return run(
            Paths.find().runtime,
            VERSION,
            theme=theme_of_terminal(os.environ) if theme == "auto" else theme,
            keys=config.tui.keys,
            screenshot=looks.screenshot,
            size=looks.size,
            after_s=looks.after_s,
            engine_stops=engine_stops,
        )
    except KeysError as error:
        raise CommandError(f"[tui.keys]: {error}", USAGE) from error


def theme_of_terminal(env: Mapping[str, str]) -> str:
    """Ink where the terminal says that its ground is dark (COLORFGBG), newsprint elsewhere."""
    ground = env.get("COLORFGBG", "").rpartition(";")[2]
    return "ink" if ground.isdecimal() and int(ground) in DARK_GROUNDS else "newsprint"


def _engine_runs(paths: Paths) -> bool:
    from terminal.protocol.link import Face, LinkError

    async def knock() -> bool:
        try:
            face = await Face.connect(paths.runtime, VERSION)
        except LinkError:
            return False
        await face.close()
        return True

    return asyncio.run(knock())


@contextlib.contextmanager
def _engine(config_file: Path | None, paths: Paths) -> Iterator[None]:
    command = [sys.executable, "-m", "terminal", "bot", "--quiet", "--with-parent"]
    command += ["--config", str(config_file)] if config_file else []
    paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    talk = (paths.logs / "engine-stderr.log").open("w+", encoding="utf-8")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk)  # noqa: S603 - our own interpreter and module
    try:
        yield
    finally:
        early = process.poll()
        process.terminate()
        try:
            process.wait(ENGINE_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        talk.seek(0)
        said = talk.read()[-2_000:].strip()
        talk.close()
        if early not in (None, 0):
            out.talk(f"the engine ended early (exit code {early}): {said or 'it said nothing'}")


def bot(arguments: argparse.Namespace) -> int:
    """The engine without a face: alerts on stdout, paper trading by the strategies' mandates."""
    return _run_engine(arguments, tape=None, quiet=arguments.quiet, seconds=arguments.seconds)


def record(arguments: argparse.Namespace) -> int:
    """The engine, with everything that comes in written to a tape."""
    tape = Path(arguments.file)
    if tape.exists():
        raise CommandError(f"{tape} exists: choose another name, a tape is never overwritten")
    arguments.with_parent = False
    return _run_engine(arguments, tape=tape, quiet=True, seconds=arguments.seconds)


def _run_engine(
    arguments: argparse.Namespace, *, tape: Path | None, quiet: bool, seconds: float | None
) -> int:
    from feeds.tape import TapeError
    from terminal.engine.assembly import assemble
    from terminal.engine.loop import EngineHalted
    from terminal.ledger import LedgerError
    from terminal.log import set_up
    from terminal.presenters.summary import report
    from terminal.protocol.link import LinkError

    loaded = configuration(arguments)
    paths = Paths.find()
    paths.make()
    set_up(paths)
    try:
        engine = assemble(
            loaded.config, paths, tape=tape, to_stdout=not quiet, as_json=arguments.json
        )
        for complaint in filter(None, engine.state.complaints.values()):
            out.talk(complaint)
        asyncio.run(_serve(engine, paths, seconds, arguments.with_parent))
    except (LedgerError, LinkError, EngineHalted, TapeError) as error:
        raise CommandError(str(error)) from error
    summary = report(engine.state)
    if tape is not None:
        out.data(summary | {"tape": str(tape), "digest": engine.session.digest})
    elif arguments.json and not quiet:
        out.data({"kind": "summary", **summary})
    return FAILED if summary["errors"] and seconds is not None else DONE


async def _serve(engine: "Engine", paths: Paths, seconds: float | None, with_parent: bool) -> None:
    from terminal.protocol.link import LinkServer
    from terminal.server.faces import FaceDesk
    from terminal.server.story_keeper import kept_stories
    from terminal.stores.story_store import StoryStore
    from terminal.stores.unrelated_store import UnrelatedStore

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    parted = UnrelatedStore(paths.state)
    server = LinkServer(paths.runtime, VERSION, FaceDesk(engine, parted).serve)
    await server.start()
    try:
        stories = kept_stories(engine.state, StoryStore(paths.state))
        async with _watched_parent(stop, with_parent), stories:
            await engine.run(stop)
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def _watched_parent(stop: asyncio.Event, wanted: bool) -> AsyncIterator[None]:
    """End with the process that started us, so that a killed face leaves no engine behind."""
    parent = os.getppid()

    async def watch() -> None:
        while os.getppid() == parent:  # noqa: ASYNC110 - a parent dies without an event
            await asyncio.sleep(PARENT_EVERY_S)
        stop.set()

    watcher = asyncio.create_task(watch()) if wanted else None
    try:
        yield
    finally:
        if watcher is not None:
            watcher.cancel()
