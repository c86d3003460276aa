"""The newest stories as a trader last saw them, for when no engine runs and for the next one.

Two files of the state folder. One is replaced whole now and then: rows as the news column has them,
and each story with its market cards and what it means. What came or changed since is appended to
the other, a line of JSON a story, so that a killed engine forgets nothing that it showed. Odds in
them are those of their time, which they carry.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from feeds.decoding import Unreadable, decoded
from feeds.markets import Nanos
from terminal.protocol.views import ArticleView, StoryRow
from terminal.stores import kept

log = logging.getLogger(__name__)

STORIES_NAME = "stories.json"
JOURNAL_NAME = "stories.journal"
STORIES_MAX = 200
STORIES_BYTES_MAX = 16 * 1024 * 1024
JOURNAL_BYTES_MAX = 64 * 1024 * 1024


class StoredStory(msgspec.Struct, frozen=True):
    """One story as it looked at a time."""

    as_of_ns: Nanos
    row: StoryRow
    article: ArticleView


class StoredStories(msgspec.Struct, frozen=True, kw_only=True):
    """Stories, newest first, and when they looked so; ``articles`` are in the order of ``rows``."""

    as_of_ns: Nanos
    rows: tuple[StoryRow, ...]
    articles: tuple[ArticleView, ...]


_stories = msgspec.json.Decoder(StoredStories).decode
_story = msgspec.json.Decoder(StoredStory).decode


class StoryStore:
    """Two files in ``folder``. What is damaged is put aside and named, and the session goes on."""

    def __init__(self, folder: Path) -> None:
        self._file, self._journal = folder / STORIES_NAME, folder / JOURNAL_NAME

    def read(self) -> StoredStories | None:
        """The stories as they were last kept; None where nothing readable is."""
        whole = kept.read(self._file, _stories, STORIES_BYTES_MAX)
        since = [one for one in self._since() if whole is None or one.as_of_ns >= whole.as_of_ns]
        if not since:
            return whole
        known = {row.id: (row, article) for row, article in _pairs(whole)}
        known |= {one.row.id: (one.row, one.article) for one in since}
        newest = sorted(known.values(), key=lambda pair: pair[0].first_seen_ns, reverse=True)
        rows, articles = zip(*newest[:STORIES_MAX], strict=True)
        return StoredStories(as_of_ns=since[-1].as_of_ns, rows=rows, articles=articles)

    def _since(self) -> list[StoredStory]:
        """What the journal adds, oldest first. A line that was cut short is where a kill fell."""
        body = kept.contents(self._journal, JOURNAL_BYTES_MAX) or b""
        told: list[StoredStory] = []
        for line in body.split(b"\n")[:-1]:
            try:
                told.append(decoded(_story, line))
            except Unreadable as error:
                kept.put_aside(self._journal, str(error))
                break
        return told

    def note(self, stories: Iterable[StoredStory]) -> None:
        """Add what came or changed since all was kept."""
        lines = b"".join(msgspec.json.encode(story) + b"\n" for story in stories)
        try:
            handle = os.open(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, lines)
            finally:
                os.close(handle)
        except OSError as error:
            log.warning("%s can't be kept: %s", self._journal.name, error)

    def keep(self, stories: StoredStories) -> None:
        """Replace what is kept."""
        if kept.replaced(self._file, msgspec.json.encode(stories)):
            # a kill between the two leaves lines that are older than the whole, and not taken
            self._journal.unlink(missing_ok=True)


def _pairs(stories: StoredStories | None) -> Iterable[tuple[StoryRow, ArticleView]]:
    return zip(stories.rows, stories.articles, strict=False) if stories is not None else ()
