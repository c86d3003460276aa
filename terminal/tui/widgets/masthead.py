"""The lines that frame the page: masthead, rules, money and health, and the keys."""

from rich.cells import cell_len

from feeds import figures
from terminal.protocol.views import StatusView, StreamView
from terminal.protocol.vocabulary import StreamWord
from terminal.tui import words
from terminal.tui.actions import ACTIONS, Action
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

NAME = "F I T   T O   T R A D E"
MOTTO = "All the news that's fit to trade"
_NARROW = 100
WIDTH_MIN, HEIGHT_MIN = 60, 20


def justified(left: Line, middle: Line, right: Line, width: int) -> Line:
    """Three groups on one line, the middle one in the middle while there is room."""
    sizes = [sum(cell_len(text) for text, _ in part) for part in (left, middle, right)]
    room = width - sum(sizes)
    if room < 2 and middle:
        return justified(left, (), right, width)
    before = max(1, min(room - 1, (width - sizes[1]) // 2 - sizes[0])) if middle else 0
    return (*left, (" " * before, ""), *middle, (" " * max(0, room - before), ""), *right)


class FrameLine(Pane, can_focus=False):
    """A pane of fixed lines."""

    def _empty_entries(self, width: int) -> list[Entry]:
        return []


class Masthead(FrameLine):
    """Date, name, and PAPER or LIVE with the venue and its clock; below, the motto or the alarm."""

    def head(self, width: int) -> list[Line]:
        status = self.seen.status
        mode = _mode(status)
        if self.app.size.width < _NARROW:
            line = justified(((" Fit to Trade", "bold"),), (), mode, width - 1)
        else:
            date = words.day(status.now_ns) if status else ""
            line = justified(((" " + date, ""),), ((NAME, "bold"),), mode, width - 1)
        return [(*line, (" ", "")), self._rule(status, width)]

    def alarm(self) -> str:
        """What must be known before anything else on the page is read; "" when all is well."""
        status = self.seen.status
        if self.seen.trouble or self._silence():
            return self.seen.trouble or self._silence()
        if status is None or not status.killed:
            return ""
        resumes = self.model.keymap.name("kill")
        return f"KILL SWITCH: no order is taken; open ones are cancelled. {resumes} resumes (asks)."

    def _rule(self, status: StatusView | None, width: int) -> Line:
        alarm = self.alarm()
        said, role = (alarm, "bold down alarm") if alarm else (MOTTO, "italic faint")
        if not alarm and status and status.message:
            said, role = status.message, "bold"
        said = words.fit(said, min(cell_len(words.plain(said)), width - 4))
        room = width - cell_len(said) - 4
        before = room // 2
        return ((" " + "═" * before, "rule"), (f" {said} ", role), ("═" * (room - before), "rule"))

    def _silence(self) -> str:
        if not self.seen.old or self.seen.status is None:
            return ""
        return f"No word from the engine for {words.age(self.seen.silent_s)}: nothing here is live."


def _mode(status: StatusView | None) -> Line:
    if status is None:
        return (("connecting", "faint"),)
    mode = (f" {status.mode} ", "live") if status.mode == "LIVE" else (status.mode, "bold")
    speed = f" · ×{status.speed:g}" if status.speed != 1 else ""
    clock = f" · {words.plain(status.venue)} · {words.clock(status.now_ns)} UTC{speed}"
    killed = (" · KILLED", "bold down") if status.killed else ("", "")
    return (mode, (clock, ""), killed)


class Rule(FrameLine):
    """A thin rule that carries what was just said, and on a narrow page the names of the pages."""

    def head(self, width: int) -> list[Line]:
        notice = self.model.notices.on_rule(self.app.size.width)
        if notice is not None:
            role = "bold" if notice.level == "information" else "bold down alarm"
            sentence = words.fit(notice.sentence, width - 8).rstrip()
            room = width - cell_len(sentence) - 8
            return [((" ─── ", "rule"), (sentence, role), (" " + "─" * room, "rule"))]
        names = self.model.page_names()
        if not names or self.id != "tabs":
            return [((" " + "─" * (width - 2), "rule"),)]
        line: list[tuple[str, str]] = [(" ── ", "rule")]
        for name, current in names:
            line += [(name, "bold focus" if current else "faint"), (" · ", "rule")]
        line.pop()
        used = sum(len(text) for text, _ in line)
        return [(*line, (" " + "─" * max(0, width - used - 2), "rule"))]


class StatusLine(FrameLine):
    """Cash, equity and the day's result; at the right the health of what feeds the engine."""

    def head(self, width: int) -> list[Line]:
        status = self.seen.status
        if status is None:
            return [((" " + self.model.waiting(StatusView, "Waiting for the engine."), "faint"),)]
        left = self._money(status)
        used = sum(len(text) for text, _ in left)
        health = _health(status, width - used - 3)
        if self.seen.old:
            health = ((f"nothing heard for {words.age(self.seen.silent_s)}", "bold down alarm"),)
        return [justified(left, (), health, width - 1)]

    def _money(self, status: StatusView) -> Line:
        today = status.today / words.DOLLAR * 10
        mark = self.changes.mark
        cash, equity = (
            figures.dollars_and_cents(status.cash),
            figures.dollars_and_cents(status.equity),
        )
        return (
            (" cash ", "faint"),
            (cash, "bold" + mark("cash", cash)),
            ("  equity ", "faint"),
            (equity, "bold" + mark("equity", equity)),
            ("  today ", "faint"),
            (f"{figures.glyph(today)} {words.gain(status.today)}", f"bold {words.role_of(today)}"),
        )


def _health(status: StatusView, room: int) -> Line:
    """Each stream in a word, the sick ones first and with their sentence, as far as it fits."""
    ranks: dict[StreamWord, int] = {"down": 0, "stale": 1, "connecting": 2, "idle": 3, "live": 4}
    streams = sorted(status.streams, key=lambda stream: ranks[stream.state])
    for told in (_told_in_full, _told_in_short):
        pieces: list[tuple[str, str]] = []
        for stream in streams:
            sick = stream.state in ("down", "stale")
            pieces += [(told(stream), "bold down" if sick else "faint"), (" · ", "rule")]
        if status.errors:
            pieces = [
                (words.counted(status.errors, "error"), "bold down"),
                (" · ", "rule"),
                *pieces,
            ]
        pieces = pieces[:-1]
        if sum(cell_len(text) for text, _ in pieces) <= room:
            return tuple(pieces)
    sick_ones = [s.name for s in streams if s.state in ("down", "stale")]
    said = f"not live: {', '.join(sick_ones)}" if sick_ones else "all streams live"
    return ((words.fit(said, min(cell_len(said), room)), "bold down" if sick_ones else "faint"),)


def _told_in_full(stream: StreamView) -> str:
    sick = stream.state in ("down", "stale") and stream.sentence
    return words.plain(f"{stream.name} {stream.state}" + (f": {stream.sentence}" if sick else ""))


def _told_in_short(stream: StreamView) -> str:
    age = words.age(stream.age_s) if stream.state in ("down", "stale") else ""
    return words.plain(f"{stream.name} {stream.state} {age}".strip())


class SmallCard(FrameLine):
    """Lies over everything on a screen that is too small to set a page on."""

    def head(self, width: int) -> list[Line]:
        size = self.app.size
        said = (
            f"This screen is {size.width} by {size.height}. The page needs {WIDTH_MIN} by"
            f" {HEIGHT_MIN}: make the window larger, or the letters smaller."
            f" {self.model.keymap.name('quit')} quits."
        )
        mode = self.seen.status.mode if self.seen.status else ""
        top: Line = ((" ", ""), (f"{mode} ", "live" if mode == "LIVE" else "bold"))
        return [top, BLANK, *(((" " + line, ""),) for line in words.wrap(said, max(8, width - 2)))]


class KeyLine(FrameLine):
    """The keys that make sense now, from the registry."""

    def head(self, width: int) -> list[Line]:
        pane = self.model.pane
        shown = [
            a for a in ACTIONS if ("*" in a.line or pane in a.line) and not self.model.missing(a)
        ]
        pieces = {action.id: self._piece(action) for action in shown}
        # help comes last on the line but never falls off it
        room = width - _width(pieces["help"])
        line: Line = ()
        for id, piece in pieces.items():
            if id != "help" and _width(piece) <= room:
                room -= _width(piece)
                line += piece
        return [(*line, *pieces["help"])]

    def _piece(self, action: Action) -> Line:
        keys = self.model.keymap.name(action.id)
        if action.id == "down":
            keys += " " + self.model.keymap.name("up")
        return ((f" {keys}", "bold"), (f" {action.label} ", "faint"))


def _width(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)
