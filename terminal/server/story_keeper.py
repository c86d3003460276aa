"""Keeps the newest stories on disk while an engine runs, and once more when it ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from terminal.engine.state import EngineState
from terminal.presenters.page import Page
from terminal.protocol.views import ArticleView, StoryRow
from terminal.stores.story_store import STORIES_MAX, StoredStories, StoredStory, StoryStore

NOTED_EVERY_S = 0.5
KEPT_EVERY_S = 60.0
NOTED_AT_ONCE = 20
"""Articles made in one go: more would hold up a book."""


@contextlib.asynccontextmanager
async def kept_stories(state: EngineState, store: StoryStore) -> AsyncIterator[None]:
    """While this is open, what a crash may lose is half a second old at most."""
    page = Page(state)
    keeper = asyncio.create_task(_Keeper(page, store).run())
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        stories = _stories(page, list(_articles(page)))
        if stories.rows:
            store.keep(stories)


class _Keeper:
    """Notes each story when it comes and when it changes, and keeps all of them now and then."""

    def __init__(self, page: Page, store: StoryStore) -> None:
        self._page, self._store = page, store
        self._noted = {row.id: _mark(row) for row in page.state.earlier.rows.values()}

    async def run(self) -> None:
        due = asyncio.get_running_loop().time() + KEPT_EVERY_S
        while True:
            await asyncio.sleep(NOTED_EVERY_S)
            await self._note()
            if asyncio.get_running_loop().time() >= due:
                await self._keep()
                due = asyncio.get_running_loop().time() + KEPT_EVERY_S

    async def _note(self) -> None:
        now_ns = self._page.state.desk.outbox.now_ns
        rows = self._page.headlines.view(STORIES_MAX).rows
        changed = [row for row in rows if self._noted.get(row.id) != _mark(row)]
        for start in range(0, len(changed), NOTED_AT_ONCE):
            told = []
            for row in changed[start : start + NOTED_AT_ONCE]:
                self._noted[row.id] = _mark(row)
                article = self._page.articles.view(row.id)
                if article is not None:
                    told.append(StoredStory(now_ns, row, article))
            await asyncio.to_thread(self._store.note, told)

    async def _keep(self) -> None:
        articles: list[ArticleView] = []
        for article in _articles(self._page):
            articles.append(article)
            await asyncio.sleep(0)
        stories = _stories(self._page, articles)
        known = {row.id for row in stories.rows}
        self._noted = {id: mark for id, mark in self._noted.items() if id in known}
        if stories.rows:
            await asyncio.to_thread(self._store.keep, stories)


def _mark(row: StoryRow) -> tuple[object, ...]:
    """What of a row is worth a line when it changes: odds do all the time."""
    return (row.revision, row.title, row.sources, row.links, row.lead_condition_id, row.verdict)


def _articles(page: Page) -> Iterator[ArticleView]:
    for row in page.headlines.view(STORIES_MAX).rows:
        article = page.articles.view(row.id)
        if article is not None:
            yield article


def _stories(page: Page, articles: list[ArticleView]) -> StoredStories:
    """The articles with their rows as they are now; a story forgotten meanwhile is left out."""
    rows = {row.id: row for row in page.headlines.view(STORIES_MAX).rows}
    known = [article for article in articles if article.story_id in rows]
    return StoredStories(
        as_of_ns=page.state.desk.outbox.now_ns,
        rows=tuple(rows[article.story_id] for article in known),
        articles=tuple(known),
    )
