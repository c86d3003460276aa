"""The news column: a row a story, made anew only when something about it changed."""

from typing import NamedTuple

import msgspec

from feeds.events import Story
from feeds.figures import rounded
from feeds.markets import Market
from feeds.news.poller import SourceState
from strategies.decisions import Impact, Link
from terminal.engine.state import EngineState
from terminal.presenters.meaning import verdict_of
from terminal.presenters.quotes import Quotes
from terminal.presenters.status import stream_views
from terminal.protocol.views import NewsView, StoryRow

AGAIN_EVERY = 50
"""A row is made anew every so many views even if nothing is known to have changed: an impact that
is measured again may differ by less than the desk finds worth saying."""
Z_COUNTED_MAX = 10.0


class _Made(NamedTuple):
    story: Story
    version: int
    sources: int
    lead: Market | None
    row: StoryRow


class Headlines:
    """Stories, newest first; retellings count as sources of the first.

    Those of earlier sessions follow, as they were last shown.
    """

    def __init__(self, state: EngineState, quotes: Quotes) -> None:
        self._state, self._quotes = state, quotes
        self._order: list[Story] = []
        self._sources: dict[str, int] = {}
        self._count = -1
        self._before: tuple[StoryRow, ...] = ()
        self._rows: dict[str, _Made] = {}
        self._views = 0
        self._last = NewsView(rows=(), total=0)

    def view(self, most: int) -> NewsView:
        """The newest stories, at most so many."""
        self._take_stock()
        self._views += 1
        heard = tuple(self._row(n, story) for n, story in enumerate(self._order[:most]))
        rows = (*heard, *self._before[: most - len(heard)])
        total = len(self._order) + len(self._before)
        waiting = "" if rows else _waiting_for(self._state)
        last = self._last
        if rows != last.rows or last.total != total or waiting != last.waiting_for:
            self._last = NewsView(rows=rows, total=total, waiting_for=waiting)
        return self._last

    def _take_stock(self) -> None:
        """Order the stories when one has come, and count who told each of them."""
        if self._count == self._state.changes.stories:
            return
        self._count = self._state.changes.stories
        stories = self._state.desk.news.stories
        told: dict[str, set[str]] = {}
        for story in stories.values():
            told.setdefault(story.cluster_id, set()).add(story.source_name)
        self._sources = {cluster: len(names) for cluster, names in told.items()}
        self._order = sorted(stories.values(), key=lambda s: (s.first_seen_ns, s.id), reverse=True)
        earlier = self._state.earlier.rows
        self._before = tuple(row for row in earlier.values() if row.id not in stories)
        for gone in self._rows.keys() - stories.keys():
            del self._rows[gone]

    def _row(self, number: int, story: Story) -> StoryRow:
        made = self._rows.get(story.id)
        version = self._state.changes.of_cluster(story.cluster_id)
        sources = self._sources[story.cluster_id]
        if (
            made is None
            or (made.story, made.version, made.sources) != (story, version, sources)
            or (self._views + number) % AGAIN_EVERY == 0
        ):
            return self._make(story, version, sources)
        lead_id = made.row.lead_condition_id
        if not lead_id:
            return made.row
        if self._state.desk.market_data.markets.get(lead_id) is not made.lead:
            return self._make(story, version, sources)
        odds = self._quotes.odds(lead_id)
        if odds != made.row.odds:
            row = msgspec.structs.replace(made.row, odds=odds)
            self._rows[story.id] = made._replace(row=row)
            return row
        return made.row

    def _make(self, story: Story, version: int, sources: int) -> StoryRow:
        desk = self._state.desk
        links = desk.news.links.get(story.id, ())
        lead = links[0] if links else None
        impact = desk.impacts.of(story.id, lead.market_id) if lead is not None else None
        known = desk.market_data.markets.get(lead.market_id) if lead is not None else None
        row = StoryRow(
            id=story.id,
            title=story.title,
            source=story.source_name,
            published_ns=story.published_ns,
            first_seen_ns=story.first_seen_ns,
            sources=sources,
            novelty=story.novelty,
            revision=story.revision,
            links=len(links),
            lead_condition_id=lead.market_id if lead is not None else "",
            lead_question=known.question if known is not None else "",
            odds=self._quotes.odds(lead.market_id) if lead is not None else None,
            points=rounded(impact.points, 2) if impact is not None else None,
            verdict=verdict_of(impact),
            weight=_weight(story, lead, impact),
            judge=lead.judge if lead is not None else "",
        )
        before = self._rows.get(story.id)
        if before is not None and before.row == row:
            row = before.row  # the same object, so that nobody compares it field by field
        self._rows[story.id] = _Made(story, version, sources, known, row)
        return row


def _weight(story: Story, lead: Link | None, impact: Impact | None) -> float:
    """How much a story matters now: relevance, novelty, and how clearly it moved its market."""
    if lead is None:
        return 0.0
    z = abs(impact.z) if impact is not None and impact.z is not None else 0.0
    z = min(z, Z_COUNTED_MAX)
    return round(lead.relevance * (0.25 + 0.75 * story.novelty) * (1 + z), 3)


def _waiting_for(state: EngineState) -> str:
    """What an empty news column waits for, and what stands in the way."""
    troubles = [stream.sentence for stream in stream_views(state) if stream.state == "down"]
    if troubles:
        told = " ".join(f"{trouble.rstrip('.')}." for trouble in troubles)
        return f"{told} `ftt doctor` in another window looks closer."
    asked = sum(source.state is not SourceState.OFF for source in state.sources.values())
    return f"Waiting for the first headlines; {asked} feeds are asked in turn."
