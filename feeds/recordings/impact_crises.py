"""Daily odds of 2023 and dated events, tables: a coarse check of what news does to odds.

Markets have no time of their own and are told at time 0: whoever puts them on a tape puts them
before everything else. Of an event only the day is known.
"""

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from feeds.events import Event, MarketSeen, OddsPoint, Story
from feeds.markets import Market, MarketState, Outcome
from feeds.recordings.lines import table
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "impact-crises"
ODDS = ("token_id", "timestamp", "price")
HAPPENINGS = ("event_date", "event_type", "actor", "severity", "description")
MARKETS = (
    "market_id",
    "question",
    "description",
    "slug",
    "closed",
    "clob_token_ids",
    "condition_id",
)
_TICK_SIZE = 100
"""Not stated; most of that year's markets had it."""


def read_odds(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Past midpoints, in order of time. Raises ``RecordingError``."""
    return in_order(_odds(path))


def read_happenings(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """A story an event, at the beginning of its day (UTC). Raises ``RecordingError``."""
    return in_order(_happenings(path))


def read_markets(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Markets with two outcomes, at time 0. Raises ``RecordingError``."""
    return _markets(path, Notes() if notes is None else notes)


def _odds(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, (asset, when, price) in table(path, ODDS):
        at_ns = row.date("timestamp", when)
        yield OddsPoint(at_ns, row.id("token_id", asset), at_ns, row.odds("price", price))


def _happenings(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, (day, kind, actor, severity, words) in table(path, HAPPENINGS):
        at_ns, title = row.date("event_date", day), row.line("description", words)
        of = blake2b(f"{at_ns} {title}".encode("utf-8", "replace"), digest_size=7).hexdigest()
        yield Story(
            at_ns=at_ns,
            id=of,
            source=LAYOUT,
            source_name="Dated events",
            title=title,
            summary=row.words(f"{kind}, {actor}, severity {severity}"),
            first_seen_ns=at_ns,
            cluster_id=of,
            date_note="only the day is known",
        )


def _markets(path: Path, notes: Notes) -> Iterator[Event]:
    row = Row(path)
    for row.number, (of, question, words, slug, closed, tokens, condition) in table(path, MARKETS):
        assets = _assets(row, tokens)
        if assets is None:
            notes["markets that have not exactly two outcomes"] += 1
            continue
        market = Market(
            condition_id=row.id("condition_id", condition),
            gamma_id=row.id("market_id", of),
            slug=row.words(slug),
            question=row.line("question", question),
            description=row.words(words),
            yes=Outcome("Yes", assets[0]),
            no=Outcome("No", assets[1]),
            state=MarketState.CLOSED if closed == "True" else MarketState.OPEN,
            tick_size=_TICK_SIZE,
            min_order_size=0,
        )
        yield MarketSeen(0, market)


def _assets(row: Row, tokens: str) -> tuple[str, str] | None:
    try:
        found = json.loads(tokens or "[]")
    except (ValueError, RecursionError):
        raise row.expected("clob_token_ids", "a JSON array of ids", tokens) from None
    if not isinstance(found, list) or len(found) != 2:
        return None
    first, second = (row.id("clob_token_ids", asset) for asset in found)
    return first, second


_STATISTICS = "it holds statistics of prices, which the prices themselves give"
SHAPES = (
    shape(LAYOUT, "daily odds", Kind.TABLE, " ".join(ODDS), read_odds),
    shape(LAYOUT, "dated events", Kind.TABLE, " ".join(HAPPENINGS), read_happenings),
    shape(LAYOUT, "markets", Kind.TABLE, " ".join(MARKETS), read_markets),
    shape(LAYOUT, "statistics", Kind.TABLE, "market_id n_obs mean_price", None, _STATISTICS),
)
