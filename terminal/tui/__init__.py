"""The face: a calm broadsheet that happens to be alive. It shows views and holds no truth."""

from collections.abc import Mapping
from pathlib import Path

EMPTY: Mapping[str, str] = {}


def run(
    folder: Path,
    version: str,
    *,
    theme: str = "newsprint",
    keys: Mapping[str, str] = EMPTY,
    screenshot: Path | None = None,
    size: tuple[int, int] | None = None,
    after_s: float = 0.0,
    engine_stops: bool = False,
) -> int:
    """Open the terminal onto the engine that listens in ``folder``; returns the exit code.

    ``theme`` is newsprint or ink; ``keys`` maps an action's id to the keys that do it. With
    ``screenshot`` the page is drawn without a terminal at ``size``, saved as SVG ``after_s``
    seconds after it was full, and left.
    ``engine_stops`` says that the engine ends with this face, so that quitting can say so.
    Raises :class:`terminal.tui.actions.KeysError` for a key map that can't be used and
    :class:`ValueError` for an unknown theme; a crash of the face is not exit code 0.
    """
    from terminal.tui.app import FitToTrade
    from terminal.tui.screenshot import snap

    app = FitToTrade(folder, version, theme=theme, keys=keys, engine_stops=engine_stops)
    if screenshot is not None:
        return snap(app, screenshot, size or (120, 40), after_s)
    app.run()
    return app.return_code or 0
