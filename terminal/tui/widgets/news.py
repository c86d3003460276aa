"""The news column: headlines with the odds of the market that each one touches most."""

from textual import events

from terminal.protocol.views import NewsView, StoryRow
from terminal.tui import words
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

TITLE_LINES_MAX = 2
KEPT_MAX = 1_000
SOURCE_MIN = 4


class NewsList(Pane):
    """Headlines. While the list is not at its top, its order stands still and news waits."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.by_weight = False
        self._order: list[str] = []
        self._kept: dict[str, tuple[StoryRow, str, int, str, Entry]] = {}

    def head(self, width: int) -> list[Line]:
        news = self.seen.news
        order = "by weight" if self.by_weight else "by time"
        left = (self.title(" NEWS"), (f"  {order} ▾", "faint"))
        waiting = self.waiting()
        if waiting:
            tail = (f"{waiting} new ↑", "focus")
        else:
            tail = (f"{news.total:,} today" if news else "", "faint")
        gap = width - sum(len(text) for text, _ in left) - len(tail[0]) - 1
        return [(*left, (" " * gap, ""), tail), BLANK]

    def waiting(self) -> int:
        """New stories that wait above, while the list is not at its top."""
        if self.seen.news is None or not self._order:
            return 0
        known = set(self._order)
        return sum(row.id not in known for row in self.seen.news.rows)

    def entries(self, width: int) -> list[Entry]:
        news = self.seen.news
        rows = {row.id: row for row in news.rows} if news else {}
        self._reorder(news, rows)
        return [self._entry(rows[id], width) for id in self._order if id in rows]

    def _reorder(self, news: NewsView | None, rows: dict[str, StoryRow]) -> None:
        if self.top > 0 and any(id in rows for id in self._order):
            return  # someone is reading further down
        ordered = news.rows if news else ()
        if self.by_weight:
            ordered = tuple(sorted(ordered, key=lambda row: -row.weight))
        self._order = [row.id for row in ordered]

    def _entry(self, row: StoryRow, width: int) -> Entry:
        age = words.ago(row.published_ns or row.first_seen_ns, self.seen.now_ns)
        under = self.changes.mark(row.id, words.odds(row.odds))
        kept = self._kept.get(row.id)
        if kept and kept[0] == row and kept[1:4] == (age, width, under):
            return kept[4]
        titles = words.wrap(row.title, width - 1, TITLE_LINES_MAX)
        lines: list[Line] = [((title, "bold" if row.links else ""),) for title in titles]
        entry = Entry(row.id, (*lines, _meta(row, age, under, width - 1), BLANK))
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[row.id] = (row, age, width, under, entry)
        return entry

    def empty(self) -> str:
        if self.seen.news and self.seen.news.waiting_for:
            return self.seen.news.waiting_for
        sentence = "Waiting for the first headlines."
        if self.seen.news:
            sentence += f" {self.face.keymap.name('search')} finds a market meanwhile."
        return self.face.waiting(NewsView, sentence)

    def to_end(self, *, last: bool) -> None:
        """To the newest story, or the oldest: what waited above comes in first."""
        if not last:
            self.top = 0
            self.rebuild()
        super().to_end(last=last)

    def turn(self) -> None:
        """The other order, from the top."""
        self.by_weight = not self.by_weight
        self.top = 0
        self.rebuild()
        self.top = 0
        self.rebuild(follow=self.chosen in self.keys[:1])

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is not None and at.y == 0:
            self.face.do("sort")
        else:
            super().on_click(event)


def _meta(row: StoryRow, age: str, under: str, width: int) -> Line:
    """``2m  Example Wire   ▲ 24.0  +0.5``, the numbers against the right edge."""
    numbers: Line
    if not row.links:
        numbers = ((" no link", "faint"),)
    else:
        sign, colour = words.told(row.points, row.verdict)
        numbers = (
            (" " + sign, colour),
            (words.right(words.odds(row.odds), 6), "bold" + under),
            (words.right(words.points(row.points), 6), colour),
        )
    room = max(0, width - sum(len(text) for text, _ in numbers) - 4)
    more = f" +{row.sources - 1}" if row.sources > 1 else ""
    if len(more) + SOURCE_MIN > room:
        more = ""
    source = words.fit(row.source, room - len(more)).rstrip() + more
    return ((words.fit(age, 4), "faint"), (words.fit(source, room), "faint"), *numbers)
