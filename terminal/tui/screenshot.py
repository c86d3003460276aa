"""A picture of the running page: what a reader of the docs sees is what a trader sees."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot

from terminal.tui.theme import Palette

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade

READY_WITHIN_S = 20.0
_STEP_S = 0.05
SETTLE_S = 1.5
"""Long enough for the underlines of the first numbers to fade."""


def snap(app: "FitToTrade", path: Path, size: tuple[int, int], after_s: float = 0.0) -> int:
    """Run ``app`` without a terminal until its page is full, save it as SVG, leave.

    ``after_s`` is how long the full page goes on before the picture is taken.

    Returns 0, or 1 when the engine did not fill the page in time (the picture is saved all the
    same, since it shows what is missing).
    """

    async def pilot(pilot: Pilot[Any]) -> None:
        full = await _until_full(app)
        if app.return_code is not None:
            return  # it crashed, and the traceback says how
        await asyncio.sleep(after_s)
        await pilot.press("n", "g")  # the weightiest story on top, and open
        await asyncio.sleep(SETTLE_S)
        save(app, path)
        app.exit(return_code=0 if full else 1)

    app.run(headless=True, size=size, auto_pilot=pilot)
    return app.return_code or 0


async def _until_full(app: "FitToTrade") -> bool:
    for _ in range(round(READY_WITHIN_S / _STEP_S)):
        if app.seen.full or app.return_code is not None:
            return app.return_code is None
        await asyncio.sleep(_STEP_S)
    return False


def save(app: "FitToTrade", path: Path) -> None:
    """Write what is on the screen now to ``path`` as SVG."""
    path.write_text(
        tidy(app.export_screenshot(title="Fit to Trade"), app.inks.palette), encoding="utf-8"
    )


_FONT_FACE = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)
_TEXT = re.compile(
    r'(<text [^>]*?x=")([\d.]+)(" y="[\d.]+" textLength=")([\d.]+)("[^>]*>)([^<]+)(</text>)'
)
_CHROME = re.compile(r'<text class="[^"]*-title".*?</g>\s*(?=<g)', re.DOTALL)
_FRAME = re.compile(r'fill="#292929" stroke="[^"]*"')
_HEIGHT = re.compile(r'(viewBox="0 0 [\d.]+ |x="1" y="1" width="[\d.]+" height=")([\d.]+)')
_CHROME_HEIGHT = 31
_CELL = 12.2
_BLANK = "&#160;"


def tidy(svg: str, palette: Palette) -> str:
    """The exported picture without fonts from elsewhere, and with no text that begins in blanks.

    A picture of ours calls no other host; and renderers disagree about leading blanks, which
    would move numbers out of their columns.
    """
    svg = _FONT_FACE.sub("", svg).replace("Fira Code", "Fira Code, DejaVu Sans Mono")
    svg = _CHROME.sub("", svg)
    svg = svg.replace("translate(9, 41)", "translate(9, 10)")
    svg = _HEIGHT.sub(lambda m: f"{m[1]}{float(m[2]) - _CHROME_HEIGHT:.1f}", svg, count=2)
    svg = _FRAME.sub(f'fill="{palette.paper}" stroke="{palette.rule}"', svg)
    return _TEXT.sub(_placed, svg)


def _placed(match: re.Match[str]) -> str:
    begin, x, y, length, end, text, close = match.groups()
    bare = text
    while bare.startswith(_BLANK):
        bare = bare.removeprefix(_BLANK)
    lead = (len(text) - len(bare)) // len(_BLANK)
    while bare.endswith(_BLANK):
        bare = bare.removesuffix(_BLANK)
    if not bare:
        return ""
    blanks = (len(text) - len(bare)) // len(_BLANK)
    x, length = (
        f"{value:.1f}" for value in (float(x) + lead * _CELL, float(length) - blanks * _CELL)
    )
    return f"{begin}{x}{y}{length}{end}{bare}{close}"
