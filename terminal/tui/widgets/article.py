"""What happened and what it means: the story in focus with the markets it touches."""

from rich.cells import cell_len

from feeds import figures
from terminal.protocol.views import ArticleView, CardView, MarketView, StoryMark, Unrelate
from terminal.tui import words
from terminal.tui.messages import GoTo, ShowMarket, ShowStory
from terminal.tui.widgets.pane import BLANK, Entry, Line, Pane

MEASURE_MAX = 84
"""Lines of text no longer than this are easy to read."""
SUMMARY_LINES_MAX = 40
SPARK_MAX = 48
FOLD = "fold"
"""The entry that opens and shuts what a story merely touches."""
_BRIEF_NUMBERS = 16
_SINCE = " since the story"


class Article(Pane):
    """The story in focus; without one, the terms of the market in focus.

    First the markets on whose question it reports; what it merely touches is folded to a line.
    """

    _opened = ""
    """The story whose fold is open."""
    _parted: tuple[str, str] = ("", "")
    """Story and market that were called not related last."""

    def entries(self, width: int) -> list[Entry]:
        width = min(width - 2, MEASURE_MAX)
        article = self.seen.article
        if article is not None:
            return self._story(article, width)
        if not self.seen.story_id and self.seen.market is not None:
            return _terms(self.seen.market, width)
        return []

    def empty(self) -> str:
        if self.seen.story_id:
            return self.model.waiting(ArticleView, "Fetching the story.")
        return (
            f"No story is chosen: {self.model.keymap.names('down')} choose one,"
            f" {self.model.keymap.name('search')} finds one by its words."
        )

    def move(self, step: int) -> None:
        """Down to the next card, or by lines while there is text to read before it."""
        keys = self.keys
        at = keys.index(self.chosen) if self.chosen in keys else -1 if step > 0 else len(keys)
        to = at + (1 if step > 0 else -1)
        if 0 <= to < len(keys):
            start, end = self._starts[keys[to]]
            if self.top <= start and end <= self.top + self.room:
                self.choose(keys[to])
                return
        self.scroll_lines(step)

    def open(self, key: str) -> None:
        """A market's card, or a story that touched the market in focus."""
        kind, _, story_id = key.partition("story ")
        if key == FOLD:
            self._opened = "" if self._opened == self.seen.story_id else self.seen.story_id
            self.rebuild()
        elif not kind and story_id:
            self.tell(ShowStory(story_id))
        elif key and key != self.seen.condition_id:
            self.tell(ShowMarket(key))
        else:
            self.tell(GoTo("book"))

    def _story(self, article: ArticleView, width: int) -> list[Entry]:
        top: list[Line] = [((line, "bold"),) for line in words.wrap(article.title, width)]
        top += _dateline(article, width)
        top.append(BLANK)
        if article.summary:
            top += [((line, ""),) for line in words.wrap(article.summary, width, SUMMARY_LINES_MAX)]
            top.append(BLANK)
        cards = sorted(article.cards, key=lambda c: c.condition_id != self.seen.condition_id)
        entries = [Entry("", tuple(top)), *self._cards(cards, article, width)]
        return [*entries, Entry("", tuple(_tail(article, width)))]

    def _cards(self, cards: list[CardView], article: ArticleView, width: int) -> list[Entry]:
        if not cards:
            lines = words.wrap(
                "This story touches no market that is followed here."
                f" {self.model.keymap.name('search')} finds a market by its words.",
                width,
            )
            return [Entry("", (*(((line, "faint"),) for line in lines), BLANK))]
        first, *rest = cards
        entries = [Entry(first.condition_id, self._boxed(first, width)), Entry("", (BLANK,))]
        bearing = [card for card in rest if card.tier == "bears"]
        touching = [card for card in rest if card.tier != "bears"]
        more = max(0, article.links - len(cards))
        if bearing:
            title = " reports on this too" + _judged(bearing)
            entries.append(Entry("", (((words.fit(title, width), "faint"),),)))
            entries += [Entry(card.condition_id, self._brief(card, width)) for card in bearing]
            entries.append(Entry("", (BLANK,)))
        if touching or more:
            entries += self._folded(touching, more, article.story_id, width)
        return entries

    def _folded(self, cards: list[CardView], more: int, story: str, width: int) -> list[Entry]:
        """What the story merely touches: a line, and on request the markets."""
        shut = self._opened != story
        many = words.counted(len(cards) + more, "market")
        sign = "▸" if shut else "▾"
        title = f" {sign} also touches {many}" + _judged(cards)
        told = "" if shut else "  ⏎ folds"
        entries = [Entry(FOLD, (((words.fit(title + told, width), "faint"),),))]
        if not shut:
            entries += [Entry(card.condition_id, self._brief(card, width)) for card in cards]
            if more:
                entries.append(Entry("", (((f" and {more} more, less sure", "faint"),),)))
        return [*entries, Entry("", (BLANK,))]

    # -- what a person says of a link --------------------------------------------------------

    def do_unrelated(self) -> bool:
        """The chosen card, or else the one in its box, is not related to the story."""
        article = self.seen.article
        if article is None or not article.cards:
            self.model.notices.say("This story is linked to no market.")
            return True
        cards = {card.condition_id: card for card in article.cards}
        boxed = cards.get(self.seen.condition_id, article.cards[0])
        card = cards.get(self.chosen, boxed)
        self._parted = (article.story_id, card.condition_id)
        self._say(True, f"Not related: {card.event_title or card.question}")
        return True

    def do_related(self) -> bool:
        """Take the last such word back."""
        if not self._parted[0]:
            self.model.notices.say("Nothing was called not related lately.")
            return True
        self._say(False, "Related after all")
        self._parted = ("", "")
        return True

    def _say(self, on: bool, text: str) -> None:
        story_id, condition_id = self._parted
        requests = self.model.requests
        command = Unrelate(
            id=requests.new_id(), story_id=story_id, condition_id=condition_id, on=on
        )
        requests.send(command, text)

    def _boxed(self, card: CardView, width: int) -> tuple[Line, ...]:
        inner = width - 4
        name = words.plain(card.question)
        lines: list[Line] = []
        if cell_len(name) > inner - 1:
            name, *more = words.wrap(name, inner - 1, 3)
            lines = [((line, "bold"),) for line in more]
        lines += [self._odds_line(card, inner), *_said(card, inner), *_history(card, inner)]
        top = (
            ("╭ ", "rule"),
            (name, "bold"),
            (" " + "─" * (width - 4 - cell_len(name)) + "╮", "rule"),
        )
        boxed = [top, *(_walled(line, inner) for line in lines)]
        return (*boxed, (("╰" + "─" * (width - 2) + "╯", "rule"),))

    def _odds_line(self, card: CardView, inner: int) -> Line:
        under = self.changes.mark("card " + card.condition_id, figures.percent(card.odds))
        line: list[tuple[str, str]] = [
            (figures.percent(card.odds), "bold" + under),
            (" %  ", "bold"),
        ]
        if card.points is not None:
            sign, colour = words.told(card.points, card.verdict)
            line.append((f"{sign} {figures.points(card.points)}", f"bold {colour}"))
        z = "" if card.z is None else f"  z {figures.usual_moves(card.z)}"
        room = inner - sum(len(text) for text, _ in line) - len(z)
        return (*line, (_since(card, room), ""), (z, "faint"))

    def _brief(self, card: CardView, width: int) -> tuple[Line, ...]:
        under = self.changes.mark("card " + card.condition_id, figures.percent(card.odds))
        sign, colour = words.told(card.points, card.verdict)
        room = max(8, width - _BRIEF_NUMBERS)
        asked = words.wrap(card.question, room, 3)
        line: Line = (
            (" " + words.fit(asked[-1], room), ""),
            (words.right(figures.percent(card.odds), 6), "bold" + under),
            ("  " + sign, colour),
            (words.right(figures.points(card.points), 6), colour),
        )
        verdict = ", ".join((card.verdict, *card.notes)) if card.verdict else ""
        said = [(("   " + text, "faint"),) for text in words.wrap(verdict, width - 4, 2) if text]
        warned = [(("   ", ""), *remark) for remark in _remarks(card.remarks, width - 4)]
        return (*(((" " + text, ""),) for text in asked[:-1]), line, *warned, *said)


def _since(card: CardView, room: int) -> str:
    """Since when, and from where, the odds have moved: as much of it as fits."""
    if card.points is None:
        return ""
    start = "" if card.odds_at_story is None else f" from {figures.percent(card.odds_at_story)} %"
    ways = (f"{_SINCE},{start}" if start else _SINCE, start, _SINCE)
    return next((way for way in ways if len(way) <= room), "")


def _walled(line: Line, inner: int) -> Line:
    used = sum(cell_len(text) for text, _ in line)
    return (("│ ", "rule"), *line, (" " * (inner - used), ""), (" │", "rule"))


def _said(card: CardView, inner: int) -> list[Line]:
    """The verdict in words, and why the story touches this market."""
    verdict = ", ".join((card.verdict, *card.notes)) if card.verdict else ""
    verdict = f"{verdict}: {card.reason}" if verdict and card.reason else verdict
    lines = _remarks(card.remarks, inner)
    lines += [((line, "italic"),) for line in words.wrap(verdict, inner, 3) if line]
    if card.why:
        direction = {1: "for YES", -1: "against YES"}.get(card.direction, "either way")
        # in front, where no short page cuts it
        by = f" and judged by {words.plain(card.judge)}" if card.judge else ""
        how = "reports on this" if card.tier == "bears" else "touches this"
        said = f"{how}{by}, {card.relevance:.0%}, {direction}: {card.why}"
        lines += [((line, "faint"),) for line in words.wrap(said, inner, 2)]
    return lines


def _remarks(remarks: tuple[str, ...], width: int) -> list[Line]:
    """What to know of a market before one trades on it: in front of all else."""
    return [((line, "bold"),) for remark in remarks for line in words.wrap(remark, width, 2)]


def _judged(cards: list[CardView]) -> str:
    """Whose word the links rest on besides the linker's, where all or some rest on one."""
    judges = sorted({card.judge for card in cards if card.judge})
    if not judges:
        return ""
    some = "" if all(card.judge for card in cards) else "in part "
    return f", {some}judged by {words.plain(', '.join(judges))}"


def _history(card: CardView, inner: int) -> list[Line]:
    quote = f"{figures.cents(card.best_bid, 1)} / {figures.cents(card.best_ask, 1)}"
    if card.volume:
        quote += f"   {words.volume(card.volume)}"
    room = min(SPARK_MAX, inner - len(quote) - 3)
    drawn = words.spark(card.spark, room)
    if not drawn or room < 8:
        return [((quote, ""),)]
    mark = card.spark_story - max(0, len(card.spark) - room)
    line: Line = ((drawn, ""),)
    if 0 <= mark < len(drawn):
        line = ((drawn[:mark], "faint"), ("┃", "bold focus"), (drawn[mark + 1 :], ""))
    return [(*line, ("   ", ""), (quote, ""))]


def _dateline(article: ArticleView, width: int) -> list[Line]:
    when = words.minute(article.published_ns) if article.published_ns else "no date given"
    parts = [
        article.source.upper(),
        when,
        f"first seen {words.clock(article.first_seen_ns)}",
        words.counted(max(1, len(article.sources)), "source"),
        "novelty " + _grade(article.novelty),
    ]
    if article.revision:
        parts.append(f"edited {words.counted(article.revision, 'time')}")
    if article.date_note:
        parts.append(article.date_note)
    return [((line, "faint"),) for line in words.listed(parts, width)]


def _grade(novelty: float) -> str:
    return "high" if novelty >= 0.7 else "some" if novelty >= 0.3 else "low"


def _tail(article: ArticleView, width: int) -> list[Line]:
    lines: list[Line] = []
    if article.meaning:
        lines.append((("WHAT IT MEANS", "bold"),))
        for sentence in article.meaning:
            lines += [((line, ""),) for line in words.wrap(sentence, width)]
            lines.append(BLANK)
    if len(article.sources) > 1:
        told = "told by " + ", ".join(article.sources)
        lines += [((line, "faint"),) for line in words.wrap(told, width, 3)]
    if article.author:
        lines.append(((words.fit("by " + article.author, width).rstrip(), "faint"),))
    if article.url:
        lines += [((line, "faint"),) for line in words.wrap(article.url, width, 3)]
    return lines


def _terms(market: MarketView, width: int) -> list[Entry]:
    """A market that was chosen without a story: its question and its terms."""
    lines: list[Line] = [((line, "bold"),) for line in words.wrap(market.question, width)]
    facts = [market.event_title, f"volume {words.volume(market.volume)}"]
    if market.end_ns:
        facts.append(f"ends {words.day(market.end_ns)}")
    facts += [market.fee_words, market.state]
    lines += [((line, "faint"),) for line in words.listed((f for f in facts if f), width)]
    lines += _remarks(market.remarks, width)
    lines += [BLANK, ((f"{figures.percent(market.odds)} %", "bold"),), BLANK]
    for paragraph in market.description.split("\n"):
        lines += [((line, ""),) for line in words.wrap(paragraph, width)]
    stories = [
        Entry("story " + mark.story_id, _mark_lines(mark, width)) for mark in reversed(market.marks)
    ]
    if stories:
        lines += [BLANK, (("STORIES THAT TOUCHED IT", "bold"),)]
    return [Entry("", tuple(lines)), *stories]


def _mark_lines(mark: StoryMark, width: int) -> tuple[Line, ...]:
    first, *more = words.wrap(mark.title, width - 7, 3)
    lead: Line = ((words.minute(mark.at_ns) + "  ", "faint"), (first, ""))
    return (lead, *(((" " * 7 + text, ""),) for text in more))
