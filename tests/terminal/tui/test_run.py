"""``run``: what the commands call, from outside any event loop."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.tui import run
from terminal.tui import screenshot as screenshots
from terminal.tui.screens.front import FrontPage
from tests.conftest import REPO
from tests.terminal.tui.scripted import VERSION, ScriptedEngine


@pytest.fixture
def engine_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which an engine listens, on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    engine = ScriptedEngine(tmp_path)
    asyncio.run_coroutine_threadsafe(engine.start(), loop).result()
    yield tmp_path
    asyncio.run_coroutine_threadsafe(engine.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screenshots, "SETTLE_S", 0.0)


def test_a_picture_of_the_running_page(engine_folder: Path) -> None:
    out = engine_folder / "page.svg"
    assert run(engine_folder, VERSION, screenshot=out, size=(80, 24)) == 0
    assert "Alibaba" in out.read_text(encoding="utf-8")


def test_a_crash_of_the_face_is_not_exit_code_nought(
    engine_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(page: FrontPage, fresh: set[type]) -> None:
        raise RuntimeError("a broken pane")

    monkeypatch.setattr(FrontPage, "draw", broken)
    assert run(engine_folder, VERSION, screenshot=engine_folder / "page.svg") != 0
    assert "a broken pane" in capsys.readouterr().err


def test_without_an_engine_a_picture_shows_what_is_missing_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "READY_WITHIN_S", 0.3)
    out = tmp_path / "page.svg"
    assert run(tmp_path, VERSION, screenshot=out) == 1
    assert "engine&#160;is&#160;starting" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_face_that_is_told_to_end_leaves_the_terminal_as_it_was(
    tmp_path: Path, number: signal.Signals
) -> None:
    ours, theirs = pty.openpty()
    page = "import pathlib, sys; from terminal.tui import run; "
    page += "sys.exit(run(pathlib.Path(sys.argv[1]), '1'))"
    face = subprocess.Popen(
        [sys.executable, "-c", page, str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=REPO,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    seen = read_until(ours, b"engine is starting")
    assert {b"\x1b[?1049h", b"\x1b[?1000h"} <= set(re.findall(rb"\x1b\[\?\d+h", seen))
    face.send_signal(number)
    left = read_until(ours, b"")
    assert {b"\x1b[?1049l", b"\x1b[?1000l"} <= set(re.findall(rb"\x1b\[\?\d+l", left))
    assert face.wait() == 128 + number
    os.close(ours)


def read_until(terminal: int, words: bytes) -> bytes:
    """What is drawn until these words stand there, or until the end."""
    seen = b""
    with contextlib.suppress(OSError):  # Linux says EIO when the last writer has gone
        while chunk := os.read(terminal, 65_536):
            seen += chunk
            if words and words in re.sub(rb"\x1b\[[^A-Za-z]*[A-Za-z]", b"", seen):
                break
    return seen
