"""The two palettes, as inks to draw with and as Textual themes.

A role is a few words: a colour (ink, faint, rule, up, down, focus) and how it is set (bold, under,
reverse); an alarm keeps its colour when all else fades. Every text colour stands out from every
ground it may meet by 4.5 to 1 or more.
"""

from typing import NamedTuple

from rich.style import Style
from textual.theme import Theme


class Palette(NamedTuple):
    """Colours of one edition. ``rule``, ``bid`` and ``ask`` draw lines and bars, never words."""

    paper: str
    wash: str
    ink: str
    rule: str
    faint: str
    up: str
    down: str
    focus: str
    bid: str
    ask: str
    live_ground: str
    live_ink: str
    dark: bool


PALETTES = {
    "newsprint": Palette(
        paper="#f6f1e7",
        wash="#ebe4d4",
        ink="#1d1b16",
        rule="#b9b09b",
        faint="#635d4c",
        up="#0b655e",
        down="#b03a0a",
        focus="#1d4ed8",
        bid="#9fcac3",
        ask="#e8b597",
        live_ground="#b91c1c",
        live_ink="#ffffff",
        dark=False,
    ),
    "ink": Palette(
        paper="#12110e",
        wash="#24221c",
        ink="#e9e3d5",
        rule="#3a372e",
        faint="#9a937e",
        up="#5eead4",
        down="#fb923c",
        focus="#93c5fd",
        bid="#1c5750",
        ask="#713f1b",
        live_ground="#b91c1c",
        live_ink="#ffffff",
        dark=True,
    ),
}
TEXT_COLOURS = ("ink", "faint", "up", "down", "focus")
LINE_COLOURS = ("rule", "bid", "ask")
GROUNDS = ("paper", "wash")
ROLES_MAX = 512


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        c = channel / 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Inks:
    """Styles by role, made once each."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._made: dict[tuple[str, bool, bool], Style] = {}

    def __call__(self, role: str, *, chosen: bool = False, old: bool = False) -> Style:
        """The style of ``role``; on the chosen row's ground; or faded because it is old."""
        style = self._made.get((role, chosen, old))
        if style is None:
            style = self._make(role, chosen, old)
            if len(self._made) < ROLES_MAX:
                self._made[role, chosen, old] = style
        return style

    def _make(self, role: str, chosen: bool, old: bool) -> Style:
        words = role.split()
        palette = self.palette
        if "live" in words:
            return Style(color=palette.live_ink, bgcolor=palette.live_ground, bold=True)
        colours = [w for w in words if w in (*TEXT_COLOURS, *LINE_COLOURS)]
        colour = colours[-1] if colours else "ink"
        if old and "alarm" not in words:
            colour = "rule" if colour in LINE_COLOURS else "faint"
        return Style(
            color=getattr(palette, colour),
            bgcolor=palette.wash if chosen or "wash" in words else palette.paper,
            bold="bold" in words or None,
            underline="under" in words or None,
            italic="italic" in words or None,
            reverse="reverse" in words or None,
        )


def themes() -> list[Theme]:
    """Both editions for Textual's own widgets (inputs, palette, toasts)."""
    return [_theme(name, palette) for name, palette in PALETTES.items()]


def _theme(name: str, p: Palette) -> Theme:
    return Theme(
        name=name,
        primary=p.focus,
        secondary=p.faint,
        warning=p.down,
        error=p.live_ground if not p.dark else p.down,
        success=p.up,
        accent=p.focus,
        foreground=p.ink,
        background=p.paper,
        surface=p.paper,
        panel=p.wash,
        dark=p.dark,
        text_alpha=1.0,
        variables={
            "paper": p.paper,
            "wash": p.wash,
            "ink": p.ink,
            "rule": p.rule,
            "faint": p.faint,
            "up": p.up,
            "down": p.down,
            "focus-ink": p.focus,
            "block-cursor-background": p.wash,
            "block-cursor-foreground": p.focus,
            "block-cursor-blurred-background": p.wash,
            "block-cursor-blurred-foreground": p.focus,
            "input-cursor-background": p.ink,
            "input-cursor-foreground": p.paper,
            "input-selection-background": p.wash,
            "border": p.rule,
            "scrollbar": p.rule,
            "scrollbar-background": p.paper,
        },
    )
