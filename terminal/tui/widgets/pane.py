"""A pane draws its own lines: a fixed head, and entries that scroll under it.

A pane says what its lines are; this base cuts the window, keeps the chosen entry in place by its
name, and repaints only the lines that changed. Texts go to the screen as segments, never as markup.
"""

import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from terminal.tui.theme import Inks
from terminal.tui.words import plain, wrap

if TYPE_CHECKING:
    from terminal.tui.app import FitToTrade
    from terminal.tui.view_model import Seen

Line: TypeAlias = tuple[tuple[str, str], ...]
"""Pieces of text, each with its role."""

BLANK: Line = ()
ENTRIES_MAX = 5_000
CHANGES_MAX = 4_000
CHANGED_FOR_S = 1.0
_WHEEL_LINES = 3
_PAPER = Color.parse("#ffffff")


class Entry(NamedTuple):
    """Lines that belong together; ``key`` names what can be chosen, "" for what can't."""

    key: str
    lines: tuple[Line, ...]


class Painted(NamedTuple):
    """One line as it stands on the screen."""

    line: Line
    chosen: bool
    focused: bool


class Changes:
    """Which cells changed within the last second, so that they can be underlined."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}
        self.until = 0.0

    def mark(self, key: str, text: str) -> str:
        """``" under"`` for a cell whose text is new; a cell seen for the first time is not."""
        now = time.monotonic()
        last = self._last.get(key)
        if last is None:
            if len(self._last) >= CHANGES_MAX:
                self._last.clear()
            self._last[key] = (text, 0.0)
            return ""
        if last[0] != text:
            self._last[key] = (text, now + CHANGED_FOR_S)
            self.until = now + CHANGED_FOR_S
            return " under"
        return " under" if now < last[1] else ""

    def forget(self) -> None:
        """Begin anew: another market's numbers are no change."""
        self._last.clear()


class Pane(Widget, can_focus=True):
    """Base of all panes. Subclasses say what stands in :meth:`head` and :meth:`entries`."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; }"
    COLOUR_OF_EMPTY = "faint"

    class Opened(Message):
        """An entry was opened with enter or a click."""

        def __init__(self, pane: "Pane", key: str) -> None:
            super().__init__()
            self.pane, self.key = pane, key

    class Moved(Message):
        """Another entry was chosen."""

        def __init__(self, pane: "Pane", key: str) -> None:
            super().__init__()
            self.pane, self.key = pane, key

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Pane.Moved) and message.pane is self.pane

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.chosen = ""
        self.top = 0
        self.changes = Changes()
        self._entries: list[Entry] = []
        self._starts: dict[str, tuple[int, int]] = {}
        self._lines = 0
        self._head_height = 0
        self._window: list[Painted] = []
        self._strips: list[Strip | None] = []
        self._drawn_for: tuple[object, ...] = ()
        self._will_fade = False

    # -- what a subclass says --------------------------------------------------------------

    def head(self, width: int) -> list[Line]:
        """Lines that stay at the top."""
        return []

    def entries(self, width: int) -> list[Entry]:
        """What scrolls."""
        return []

    def empty(self) -> str:
        """The sentence of an empty pane: what it waits for, and which key helps."""
        return ""

    @property
    def has_keys(self) -> bool:
        """Whether the keys go here."""
        return self.has_focus

    def rest_at(self, height: int) -> int | None:
        """The line to show first while nothing is chosen; None to stay where it is."""
        return None

    # -- the app's side --------------------------------------------------------------------

    @property
    def face(self) -> "FitToTrade":
        return cast("FitToTrade", self.app)

    @property
    def seen(self) -> "Seen":
        return self.face.seen

    @property
    def inks(self) -> Inks:
        return self.face.inks

    def title(self, text: str) -> tuple[str, str]:
        """A pane's name: bold, and in the colour of focus where the keys go."""
        return (text, "bold focus" if self.has_focus else "bold")

    # -- drawing ---------------------------------------------------------------------------

    def rebuild(self, *, follow: bool = False) -> None:
        """Draw anew from what has been seen; only lines that differ are repainted."""
        if not self.is_attached:
            return
        width, height = self.content_size
        if width <= 0 or height <= 0 or not self.display:
            return
        head = self.head(width)[:height]
        anchor = self._anchor()
        self._lay(self.entries(width - 1)[:ENTRIES_MAX] or self._empty_entries(width - 1))
        self._head_height = len(head)
        self._scroll_to_rest(height - len(head), follow, anchor)
        self._paint(head, width, height)
        self._fade_later()

    def _empty_entries(self, width: int) -> list[Entry]:
        lines = wrap(self.empty(), max(8, width - 1))
        return [Entry("", tuple(((line, self.COLOUR_OF_EMPTY),) for line in lines))]

    def _anchor(self) -> int | None:
        """How far below the window's top the chosen entry stands now."""
        start = self._starts.get(self.chosen)
        return None if start is None else start[0] - self.top

    def _lay(self, entries: list[Entry]) -> None:
        self._entries, self._starts, at = entries, {}, 0
        for entry in entries:
            end = at + len(entry.lines)
            if entry.key:
                self._starts[entry.key] = (at, end)
            at = end
        if at != self._lines and self.styles.is_auto_height:
            self.refresh(layout=True)
        self._lines = at

    def _scroll_to_rest(self, room: int, follow: bool, anchor: int | None) -> None:
        here = self._starts.get(self.chosen)
        rest = self.rest_at(room) if here is None else None
        if rest is not None:
            self.top = rest
        elif here is not None and anchor is not None and not follow and self.top > 0:
            self.top = here[0] - anchor
        if follow and here is not None:
            self.top = min(max(self.top, here[1] - room), here[0])
        self.top = max(0, min(self.top, self._lines - room))

    def _paint(self, head: list[Line], width: int, height: int) -> None:
        window = [Painted(line, False, False) for line in head]
        window += self._body(height - len(head))
        window += [Painted(BLANK, False, False)] * (height - len(window))
        drawn_for = (width, height, self.inks, self.seen.old)
        if drawn_for != self._drawn_for or len(self._window) != height:
            self._drawn_for, self._window = drawn_for, window
            self._strips = [None] * height
            self.refresh()
            return
        changed = [y for y in range(height) if window[y] != self._window[y]]
        if changed:
            for y in changed:
                self._strips[y] = None
            self._window = window
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _body(self, room: int) -> list[Painted]:
        out: list[Painted] = []
        at = 0
        focused = self.has_keys
        for entry in self._entries:
            end = at + len(entry.lines)
            if end > self.top:
                chosen = bool(entry.key) and entry.key == self.chosen
                out += (
                    Painted(line, chosen and line != BLANK, focused)
                    for line in entry.lines[max(0, self.top - at) :]
                )
            at = end
            if len(out) >= room:
                break
        return out[:room]

    def _fade_later(self) -> None:
        wait = self.changes.until - time.monotonic()
        if wait > 0 and not self._will_fade:
            self._will_fade = True
            self.set_timer(wait + 0.02, self._fade)

    def _fade(self) -> None:
        self._will_fade = False
        self.rebuild()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of ``crop``. A pane has no border and no padding, so its strips are final."""
        strips = [self.render_line(y) for y in range(crop.y, crop.bottom)]
        if crop.x == 0 and crop.width == self.size.width:
            return strips
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """One line of the window as a strip, made when first asked for."""
        width = self.content_size.width
        if y >= len(self._strips):
            return Strip.blank(width, self.inks("ink"))
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._strip(self._window[y], y < self._head_height, width)
        return strip

    def _strip(self, painted: Painted, is_head: bool, width: int) -> Strip:
        inks, old = self.inks, self.seen.old
        chosen = painted.chosen
        ground = inks("ink", chosen=chosen)
        segments = [] if is_head else [self._bar(painted)]
        length = 0 if is_head else 1
        for text, role in painted.line:
            text = plain(text)
            length += cell_len(text)
            segments.append(Segment(text, inks(role, chosen=chosen, old=old)))
        if length < width:
            segments.append(Segment(" " * (width - length), ground))
        strip = Strip(segments, max(length, width))
        if self.app.no_color:
            for line_filter in self.app.get_line_filters():
                strip = strip.apply_filter(line_filter, _PAPER)
        return strip.crop(0, width) if length > width else strip

    def _bar(self, painted: Painted) -> Segment:
        if not painted.chosen:
            return Segment(" ", self.inks("ink"))
        role = "focus" if painted.focused else "rule"
        return Segment("▌" if painted.focused else "▏", self.inks(role, chosen=True))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All lines, for panes that are as tall as what they hold."""
        entries = self.entries(width - 1) or self._empty_entries(width - 1)
        return len(self.head(width)) + sum(len(entry.lines) for entry in entries)

    # -- moving ----------------------------------------------------------------------------

    @property
    def keys(self) -> list[str]:
        """Names of what can be chosen, in order."""
        return list(self._starts)

    @property
    def room(self) -> int:
        """Lines of the window below the head."""
        return max(1, self.content_size.height - self._head_height)

    @property
    def hidden_below(self) -> int:
        """Lines that lie below the window."""
        return max(0, self._lines - self.top - self.room)

    def choose(self, key: str) -> None:
        """Choose an entry by name and bring it into view."""
        if key == self.chosen:
            self.rebuild(follow=True)
            return
        self.chosen = key
        self.rebuild(follow=True)
        self.post_message(self.Moved(self, key))

    def move(self, step: int) -> None:
        """Choose the entry ``step`` further; where nothing can be chosen, scroll."""
        keys = self.keys
        if not keys:
            self.scroll_lines(step)
            return
        if self.chosen not in self._starts:
            self.choose(self.first_choice(keys, step))
            return
        visible = self._visible()
        if visible and self.chosen not in visible:
            self.choose(visible[0 if step > 0 else -1])  # what is read, not what has left the page
            return
        at = keys.index(self.chosen)
        to = min(max(0, at + step), len(keys) - 1)
        if to == at:
            self.scroll_lines(step)  # past the last entry there may be text to read
        else:
            self.choose(keys[to])

    def _visible(self) -> list[str]:
        """Names of the entries of which something is in the window."""
        end = self.top + self.room
        return [key for key, (a, b) in self._starts.items() if a < end and b > self.top]

    def first_choice(self, keys: list[str], step: int) -> str:
        """What the first key press chooses."""
        return keys[0]

    def scroll_lines(self, step: int) -> None:
        """Move the window without choosing."""
        self.top = max(0, min(self.top + step, self._lines - self.room))
        self.rebuild()

    def page(self, direction: int) -> None:
        """Half a page down (1) or up (-1)."""
        if not self.keys:
            self.scroll_lines(direction * max(1, self.room // 2))
            return
        lines = max(1, self._lines // max(1, len(self._entries)))
        self.move(direction * max(1, self.room // 2 // lines))

    def to_end(self, *, last: bool) -> None:
        """To the first entry, or the last."""
        keys = self.keys
        if keys:
            self.choose(keys[-1 if last else 0])
        self.top = max(0, self._lines - self.room) if last else 0
        self.rebuild()

    # -- the mouse -------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self.rebuild(follow=True)

    def on_show(self, event: events.Show) -> None:
        self.rebuild(follow=True)

    def on_focus(self, event: events.Focus) -> None:
        self.rebuild()

    def on_blur(self, event: events.Blur) -> None:
        self.rebuild()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_lines(_WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_lines(-_WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        self.face.front.touched = True
        line = at.y - self._head_height + self.top
        for key, (start, end) in self._starts.items():
            if start <= line < end and at.y >= self._head_height:
                if key == self.chosen:
                    self.post_message(self.Opened(self, key))
                self.choose(key)
                return
