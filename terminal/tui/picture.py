"""A picture of the running page: what a reader of the docs sees is what a trader sees."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade

READY_WITHIN_S = 20.0
SETTLE_S = 1.5
"""Long enough for the underlines of the first numbers to fade."""


def snap(app: "FitToTrade", path: Path, size: tuple[int, int]) -> int:
    """Run ``app`` without a terminal until its page is full, save it as SVG, leave.

    Returns 0, or 1 when the engine did not fill the page in time (the picture is saved all the
    same, since it shows what is missing).
    """

    async def pilot(pilot: Pilot[Any]) -> None:
        full = await _until_full(app)
        await asyncio.sleep(SETTLE_S)
        save(app, path)
        app.exit(return_code=0 if full else 1)

    app.run(headless=True, size=size, auto_pilot=pilot)
    return app.return_code or 0


async def _until_full(app: "FitToTrade") -> bool:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while not app.seen.full:
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True


def save(app: "FitToTrade", path: Path) -> None:
    """Write what is on the screen now to ``path`` as SVG."""
    path.write_text(app.export_screenshot(title="Fit to Trade"), encoding="utf-8")
