"""The newest stories as a trader last saw them, kept for when no engine runs.

One file of the state folder, replaced whole: rows as the news column has them, and each story with
its market cards and what it means. Odds in it are those of its time, which it carries.
"""

import logging
from pathlib import Path

import msgspec

from feeds.markets import Nanos
from terminal.protocol.views import ArticleView, StoryRow
from terminal.stores.paths import replaced

log = logging.getLogger(__name__)

STORIES_NAME = "stories.json"
STORIES_MAX = 200
STORIES_BYTES_MAX = 16 * 1024 * 1024


class StoredStories(msgspec.Struct, frozen=True, kw_only=True):
    """Stories, newest first, and when they looked so; ``articles`` are in the order of ``rows``."""

    as_of_ns: Nanos
    rows: tuple[StoryRow, ...]
    articles: tuple[ArticleView, ...]


class StoryStore:
    """One file in ``folder``. What can't be read or written is logged, and the session goes on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / STORIES_NAME

    def read(self) -> StoredStories | None:
        """The stories as they were last kept; None where nothing readable is."""
        try:
            with self._file.open("rb") as file:
                body = file.read(STORIES_BYTES_MAX)
            return msgspec.json.decode(body, type=StoredStories)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s can't be read: %s", self._file, error)
            return None

    def keep(self, stories: StoredStories) -> None:
        """Replace what is kept."""
        replaced(self._file, msgspec.json.encode(stories))
