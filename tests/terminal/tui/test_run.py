"""``run``: what the commands call, from outside any event loop."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.tui import run
from terminal.tui import screenshot as screenshots
from terminal.tui.screens.front import FrontPage
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
