"""One-shot questions from outside: rows by what was asked, narrowed by words."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from terminal.presenters.account import (
    fill_words,
    order_rows,
    order_words,
    position_rows,
    position_words,
    story_named,
    story_words,
    with_words,
)
from terminal.presenters.impacts import impact_rows, impact_words
from terminal.presenters.page import Page, fills_of
from terminal.presenters.signals import signal_rows
from terminal.protocol.views import Done, Query, Rows
from terminal.stores.news_store import feed_row

ROWS_MAX = 500
LEVELS = 50
T = TypeVar("T")


def answer(page: Page, query: Query) -> Rows | Done:
    """The rows of a query, or a sentence why there are none."""
    find = _FINDERS.get(query.what)
    if find is None:
        known = ", ".join(_FINDERS)
        return Done(id=query.id, outcome="denied", message=f"{query.what}: ask for one of {known}")
    return find(page, query)


def _news(page: Page, query: Query) -> Rows:
    rows = page.headlines.view(ROWS_MAX).rows
    found = _with_words(rows, query, story_words)
    return Rows(id=query.id, news=found)


def _story(page: Page, query: Query) -> Rows | Done:
    ids = page.state.desk.news.stories.keys() | page.state.earlier.rows.keys()
    story_id, trouble = story_named(ids, query.text)
    if trouble:
        return Done(id=query.id, outcome="denied", message=trouble)
    return Rows(id=query.id, article=page.articles.view(story_id))


def _markets(page: Page, query: Query) -> Rows:
    found = page.market_list.rows(query.text, max(1, min(query.most, ROWS_MAX)))
    return Rows(id=query.id, markets=tuple(found))


def _book(page: Page, query: Query) -> Rows | Done:
    wanted = query.condition_id or query.text.strip()
    markets = page.state.desk.market_data.markets
    ids = [cid for cid in markets if cid == wanted or markets[cid].slug == wanted]
    ids = ids or [cid for cid in markets if len(wanted) >= 6 and cid.startswith(wanted)]
    if not ids:
        ids = [row.condition_id for row in page.market_list.rows(wanted, 2)]
    if not ids:
        return Done(id=query.id, outcome="denied", message=f"no market matches {wanted!r}")
    if len(ids) > 1:
        asked = f"more than one market matches {wanted!r}: say more words, or the slug"
        return Done(id=query.id, outcome="denied", message=asked)
    return Rows(id=query.id, market=page.markets.view(ids[0], LEVELS))


def _orders(page: Page, query: Query) -> Rows:
    desk = page.state.desk
    known = (*page.state.earlier.orders, *desk.trading.orders.records.values())
    rows = order_rows(known, desk.market_data.markets)
    return Rows(id=query.id, orders=_with_words(rows, query, order_words))


def _positions(page: Page, query: Query) -> Rows:
    desk = page.state.desk
    rows = position_rows(desk.portfolio, desk.market_data.markets)
    return Rows(id=query.id, positions=_with_words(rows, query, position_words))


def _fills(page: Page, query: Query) -> Rows:
    return Rows(id=query.id, fills=_with_words(fills_of(page.state), query, fill_words))


def _signals(page: Page, query: Query) -> Rows:
    rows = signal_rows(page.state.desk)
    found = _with_words(
        rows, query, lambda row: f"{row.strategy} {row.question} {row.state} {row.how}"
    )
    return Rows(id=query.id, signals=found)


def _impacts(page: Page, query: Query) -> Rows:
    rows = impact_rows(page.state.desk)
    return Rows(id=query.id, impacts=_with_words(rows, query, impact_words))


def _feeds(page: Page, query: Query) -> Rows:
    rows = map(feed_row, page.state.sources.values())
    found = _with_words(rows, query, lambda row: f"{row.id} {row.name} {row.state} {row.url}")
    return Rows(id=query.id, feeds=tuple(found))


def _status(page: Page, query: Query) -> Rows:
    return Rows(id=query.id, status=page.status.view())


_FINDERS: dict[str, Callable[[Page, Query], Rows | Done]] = {
    "news": _news,
    "story": _story,
    "markets": _markets,
    "book": _book,
    "orders": _orders,
    "positions": _positions,
    "fills": _fills,
    "signals": _signals,
    "impacts": _impacts,
    "feeds": _feeds,
    "status": _status,
}


def _with_words(rows: Iterable[T], query: Query, text: Callable[[T], str]) -> tuple[T, ...]:
    return with_words(rows, query.text, max(1, min(query.most, ROWS_MAX)), text)
