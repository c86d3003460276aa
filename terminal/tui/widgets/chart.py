"""The fourth column: odds over time with the stories on them, siblings, and how fast it went."""

from terminal.protocol.views import MarketView, StoryMark
from terminal.tui import words
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_AXIS = 6
POINTS_MAX = 4_000
SPAN_MIN = 0.02


class OddsChart(Pane, can_focus=False):
    """A braille line of the odds; ┃ on the time axis is a story."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._drawn: tuple[object, list[Line]] = (None, [])

    def head(self, width: int) -> list[Line]:
        market = self.seen.market
        if market is None:
            return [((" ODDS", "bold"),)]
        change = ""
        if market.odds is not None and market.odds_day_ago is not None:
            move = 100 * (market.odds - market.odds_day_ago)
            change = f"{words.glyph(move)} {words.points(move)} in a day"
        return [
            ((" ODDS ", "bold"), (f" {words.odds(market.odds)} %  ", "bold"), (change, "faint"))
        ]

    def entries(self, width: int) -> list[Entry]:
        market = self.seen.market
        height = self.content_size.height - 1
        if market is None or len(market.chart) < 2 or height < 3:
            return []
        made_from = (market.chart, market.marks, width, height)
        if self._drawn[0] != made_from:
            self._drawn = (made_from, chart(market.chart, market.marks, width - 1, height))
        return [Entry("", tuple(self._drawn[1]))]

    def empty(self) -> str:
        if not self.seen.condition_id:
            return f"The odds of the market in focus; {self.face.keymap.name('search')} finds one."
        return self.face.waiting(
            MarketView,
            "No history yet: the line begins with the first midpoint;"
            f" {self.face.keymap.name('market')} shows another market.",
        )


def chart(
    line: tuple[tuple[int, float], ...], marks: tuple[StoryMark, ...], width: int, height: int
) -> list[Line]:
    """Lines of a chart ``width`` by ``height`` cells: odds left, time below, stories as ┃."""
    line = line[-POINTS_MAX:]
    columns, rows = width - _AXIS, height - 2
    if columns < 8 or rows < 2:
        return []
    low, high = _span([value for _, value in line])
    start, end = line[0][0], max(line[-1][0], line[0][0] + 1)
    cells = _dots(line, (start, end), (low, high), columns, rows)
    out: list[Line] = []
    for y, row in enumerate(cells):
        label = {0: high, rows // 2: (low + high) / 2, rows - 1: low}.get(y)
        text = words.right(words.odds(label), _AXIS - 1) if label is not None else " " * (_AXIS - 1)
        out.append(((text + " ", "faint"), ("".join(chr(0x2800 + bits) for bits in row), "")))
    return [*out, _time_axis(marks, start, end, columns), _times(start, end, columns)]


def _span(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high - low < SPAN_MIN:
        middle = (low + high) / 2
        low, high = middle - SPAN_MIN / 2, middle + SPAN_MIN / 2
    return low, high


def _dots(
    line: tuple[tuple[int, float], ...],
    time: tuple[int, int],
    span: tuple[float, float],
    columns: int,
    rows: int,
) -> list[list[int]]:
    """Braille bits of the line, each dot column joined to the one before."""
    cells = [[0] * columns for _ in range(rows)]
    wide, tall = columns * 2 - 1, rows * 4 - 1
    (start, end), (low, high) = time, span
    before: tuple[int, int] | None = None
    for at, value in line:
        x = round((at - start) / (end - start) * wide)
        y = tall - round((value - low) / (high - low) * tall)
        for px, py in _joined(before, (x, y)):
            cells[py // 4][px // 2] |= _DOTS[py % 4][px % 2]
        before = (x, y)
    return cells


def _joined(before: tuple[int, int] | None, dot: tuple[int, int]) -> list[tuple[int, int]]:
    """A step line from the dot before: odds stand until they change."""
    if before is None:
        return [dot]
    (x0, y0), (x1, y1) = before, dot
    run = [(x, y0) for x in range(x0 + 1, x1 + 1)]
    low, high = sorted((y0, y1))
    return run + [(x1, y) for y in range(low, high + 1)]


def _time_axis(marks: tuple[StoryMark, ...], start: int, end: int, columns: int) -> Line:
    places = {
        round((mark.at_ns - start) / (end - start) * (columns - 1))
        for mark in marks
        if start <= mark.at_ns <= end
    }
    pieces: list[tuple[str, str]] = [(" " * _AXIS, "")]
    for x in range(columns):
        pieces.append(("┃", "bold focus") if x in places else ("─", "rule"))
    return tuple(pieces)


def _times(start: int, end: int, columns: int) -> Line:
    first, middle, last = (words.minute(at) for at in (start, (start + end) // 2, end))
    gap = columns - 15
    return (
        (" " * _AXIS + first + " " * (gap // 2) + middle + " " * (gap - gap // 2) + last, "faint"),
    )


class Siblings(Pane):
    """The other outcomes of the event, with the sum that should be a hundred."""

    def head(self, width: int) -> list[Line]:
        market = self.seen.market
        lines: list[Line] = [(self.title(" SIBLINGS"),)]
        if market is not None and market.event_title:
            lines = [
                (
                    self.title(" SIBLINGS"),
                    ("  " + words.fit(market.event_title, width - 12), "faint"),
                )
            ]
        return lines

    def entries(self, width: int) -> list[Entry]:
        market = self.seen.market
        if market is None or not market.siblings:
            return []
        entries = []
        for row in market.siblings:
            under = self.changes.mark(row.condition_id, words.odds(row.odds))
            here = row.condition_id == market.condition_id
            line: Line = (
                (words.fit(row.title, width - 17), "bold" if here else ""),
                (words.right(words.odds(row.odds), 7), "bold" + under),
                ("  " + words.glyph(row.points_day), words.role_of(row.points_day)),
                (words.right(words.points(row.points_day), 6), words.role_of(row.points_day)),
            )
            entries.append(Entry(row.condition_id, (line,)))
        if market.sibling_sum is not None:
            total = words.right(words.odds(market.sibling_sum), 7)
            name = "sum, should be 100" if market.neg_risk else "sum"
            line = ((words.fit(name, width - 17), "faint"), (total, "bold"))
            entries.append(Entry("", (line,)))
        return entries

    def empty(self) -> str:
        if not self.seen.condition_id:
            return f"Other outcomes of one event; {self.face.keymap.name('search')} finds a market."
        return self.face.waiting(
            MarketView,
            "This market stands alone: its event has no other outcome;"
            f" {self.face.keymap.name('market')} shows the story's next market.",
        )


class LatencyStrip(Pane, can_focus=False):
    """How long each step took after publication, in small figures."""

    def head(self, width: int) -> list[Line]:
        article = self.seen.article
        steps = article.latency if article else ()
        if not steps:
            hint = (
                "  step times of the story in focus; j k choose one"
                if self.seen.story_id == ""
                else ""
            )
            return [
                ((" LATENCY", "bold"), (hint or "  nothing measured yet for this story", "faint"))
            ]
        told = " → ".join(
            ["published", *(f"{words.plain(name)} {_seconds(s)}" for name, s in steps)]
        )
        lines = words.wrap(told, width - 2, 3)
        return [((" LATENCY", "bold"),), *(((" " + line, "faint"),) for line in lines), BLANK]

    def _empty_entries(self, width: int) -> list[Entry]:
        return []


def _seconds(value: float) -> str:
    return (
        f"{value * 1000:.0f} ms"
        if value < 1
        else f"{value:.1f} s"
        if value < 100
        else f"{value / 60:.0f} m"
    )
