"""The real app on the real link, with the scripted engine at the other end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from textual.pilot import Pilot

from terminal.tui.app import FitToTrade
from terminal.tui.screens.card import HELD_BACK_S
from tests.terminal.tui.scripted import VERSION, ScriptedEngine

WITHIN_S = 8.0
STEP_S = 0.01
TURN_S = 0.1


class Stage:
    """Engine, app and pilot of one test, with ways to wait for what should come."""

    def __init__(self, engine: ScriptedEngine, app: FitToTrade, pilot: Pilot[Any]) -> None:
        self.engine, self.app, self.pilot = engine, app, pilot

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Let the loop run until the condition holds; fails when it never does."""
        for _ in range(round(WITHIN_S / STEP_S)):
            if holds():
                return
            await asyncio.sleep(STEP_S)
        raise AssertionError(f"never came: {what or holds}\n{self.text()}")

    async def press(self, *keys: str) -> None:
        """Press keys as a person would, and let each be dealt with."""
        for key in keys:
            self.app.simulate_key(key)
            await self.idle()

    async def idle(self) -> None:
        """Wait until app, focused widget and screen have worked off what is queued for them."""
        for node in (self.app, self.app.focused or self.app.screen, self.app.screen):
            await self._turn(node.call_later)
        await self._turn(self.app.screen.call_after_refresh)

    async def _turn(self, call: Callable[[Callable[[], None]], object]) -> None:
        done = asyncio.Event()
        if call(done.set) and self.app.return_code is None:
            with contextlib.suppress(TimeoutError):  # an app that ends deals with nothing more
                await asyncio.wait_for(done.wait(), TURN_S)

    async def sees(self, *texts: str) -> None:
        """Wait until each text stands on one line of the screen."""
        for text in texts:
            await self.until(partial(self.shows, text), f"{text!r} on the screen")

    def resize(self, width: int, height: int) -> None:
        """The terminal's window took another size."""
        size = Size(width, height)
        driver = self.app._driver
        assert isinstance(driver, HeadlessDriver)
        driver._size = size
        self.app.post_message(events.Resize(size, size))

    async def held_back(self) -> None:
        """Wait until a question on the screen may be answered."""
        start = time.monotonic()
        await self.until(lambda: time.monotonic() - start > HELD_BACK_S, "the hold to pass")

    async def settle(self) -> None:
        """Wait until the page has all it asked for."""
        await self.until(lambda: self.app.seen.full, "a full page")
        await self.idle()

    def text(self) -> str:
        """What stands on the screen, as text."""
        screen = self.app.screen
        strips = screen._compositor.render_strips(self.app.size)
        lines = ["".join(segment.text for segment in strip) for strip in strips]
        return "\n".join(lines)

    def shows(self, text: str) -> bool:
        """Whether ``text`` stands on one line of the screen."""
        return text in self.text()


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    size: tuple[int, int] = (120, 40),
    engine: ScriptedEngine | None = None,
    full: bool = True,
    **options: Any,
) -> AsyncIterator[Stage]:
    """Start both, wait for a full page, and end both."""
    engine = engine or ScriptedEngine(folder)
    await engine.start()
    app = FitToTrade(folder, VERSION, **options)
    try:
        async with app.run_test(size=size) as pilot:
            it = Stage(engine, app, pilot)
            if full:
                await it.settle()
            yield it
    finally:
        await engine.close()
