"""One-shot questions from outside: rows by what was asked, narrowed by words."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from terminal.engine.loop import Engine
from terminal.presenters import page
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
from terminal.protocol.views import Done, MarketRow, Query, Rows
from terminal.stores.news_store import feed_row

ROWS_MAX = 500
LEVELS = 50
T = TypeVar("T")


def answer(engine: Engine, query: Query) -> Rows | Done:
    """The rows of a query, or a sentence why there are none."""
    find = _FINDERS.get(query.what)
    if find is None:
        known = ", ".join(_FINDERS)
        return Done(id=query.id, outcome="denied", message=f"{query.what}: ask for one of {known}")
    return find(engine, query)


def _news(engine: Engine, query: Query) -> Rows:
    rows = page.news(engine, ROWS_MAX).rows
    found = _with_words(rows, query, story_words)
    return Rows(id=query.id, news=found)


def _story(engine: Engine, query: Query) -> Rows | Done:
    story_id, trouble = story_named(engine.session.desk.stories, query.text)
    if trouble:
        return Done(id=query.id, outcome="denied", message=trouble)
    return Rows(id=query.id, article=page.article(engine, story_id))


def _markets(engine: Engine, query: Query) -> Rows:
    found = _with_words(page.market_rows(engine), query, _market_words)
    return Rows(id=query.id, markets=found)


def _market_words(row: MarketRow) -> str:
    return f"{row.question} {row.event_title} {row.condition_id}"


def _book(engine: Engine, query: Query) -> Rows | Done:
    wanted = query.condition_id or query.text.strip()
    markets = engine.session.desk.markets
    ids = [cid for cid in markets if cid == wanted or markets[cid].slug == wanted]
    ids = ids or [cid for cid in markets if len(wanted) >= 6 and cid.startswith(wanted)]
    if not ids:
        narrowed = Query(id=query.id, what="markets", text=wanted, most=2)
        rows = _with_words(page.market_rows(engine), narrowed, _market_words)
        ids = [row.condition_id for row in rows]
    if not ids:
        return Done(id=query.id, outcome="denied", message=f"no market matches {wanted!r}")
    if len(ids) > 1:
        asked = f"more than one market matches {wanted!r}: say more words, or the slug"
        return Done(id=query.id, outcome="denied", message=asked)
    return Rows(id=query.id, market=page.market(engine, ids[0], LEVELS))


def _orders(engine: Engine, query: Query) -> Rows:
    desk = engine.session.desk
    rows = order_rows(desk.orders.values(), desk.markets)
    return Rows(id=query.id, orders=_with_words(rows, query, order_words))


def _positions(engine: Engine, query: Query) -> Rows:
    desk = engine.session.desk
    rows = position_rows(desk.portfolio, desk.markets)
    return Rows(id=query.id, positions=_with_words(rows, query, position_words))


def _fills(engine: Engine, query: Query) -> Rows:
    return Rows(id=query.id, fills=_with_words(page.fills_of(engine), query, fill_words))


def _signals(engine: Engine, query: Query) -> Rows:
    rows = page.signal_rows(engine)
    found = _with_words(rows, query, lambda row: f"{row.strategy} {row.question} {row.state}")
    return Rows(id=query.id, signals=found)


def _impacts(engine: Engine, query: Query) -> Rows:
    rows = impact_rows(engine.session.desk)
    return Rows(id=query.id, impacts=_with_words(rows, query, impact_words))


def _feeds(engine: Engine, query: Query) -> Rows:
    rows = map(feed_row, engine.sources.values())
    found = _with_words(rows, query, lambda row: f"{row.id} {row.name} {row.state} {row.url}")
    return Rows(id=query.id, feeds=tuple(found))


def _status(engine: Engine, query: Query) -> Rows:
    return Rows(id=query.id, status=page.status(engine))


_FINDERS: dict[str, Callable[[Engine, Query], Rows | Done]] = {
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
