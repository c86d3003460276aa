"""Keeps the newest stories on their shelf while an engine runs, and once more when it ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from terminal.engine.state import EngineState
from terminal.presenters.page import Page
from terminal.protocol.views import ArticleView
from terminal.stores.story_store import STORIES_MAX, StoredStories, StoryStore

KEPT_EVERY_S = 60.0


@contextlib.asynccontextmanager
async def kept_stories(state: EngineState, shelf: StoryStore) -> AsyncIterator[None]:
    """While this is open, what a crash may lose is a minute old at most."""
    page = Page(state)
    keeper = asyncio.create_task(_keep(page, shelf))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        stories = _stories(page, list(_articles(page)))
        if stories.rows:  # a session that heard nothing leaves what an earlier one knew
            shelf.keep(stories)


async def _keep(page: Page, shelf: StoryStore) -> None:
    while True:
        await asyncio.sleep(KEPT_EVERY_S)
        articles: list[ArticleView] = []
        for article in _articles(page):
            articles.append(article)
            await asyncio.sleep(0)  # two hundred articles at once would hold up a book
        stories = _stories(page, articles)
        if stories.rows:
            await asyncio.to_thread(shelf.keep, stories)


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
