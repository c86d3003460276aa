from collections.abc import AsyncIterator

import pytest

from tests.feeds.news.newsroom import Newsroom, newsroom


@pytest.fixture
async def room() -> AsyncIterator[Newsroom]:
    async with newsroom() as room:
        yield room
