"""Best quotes of July and August 2026, polled every two minutes, and the news of those weeks.

Quotes are parquet sorted by market; a market is known by its slug, which serves as the id of its
YES asset and of its condition. The collector was down at times: where a market's quotes pause for
long, or the table begins another segment, a ``Gap`` says so, and no change may be computed over
it. Outcomes are left out, since nothing tells when they became known.

News is JSON lines: with the publisher's own time (``published``), or with the time at which a
collector stored it (``seen``), an upper bound that is no publication time.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from feeds.events import BestQuote, Event, Gap, MarketSeen, Story
from feeds.markets import MINUTE, ONE, Market, Nanos, Outcome, Price
from feeds.recordings.lines import objects
from feeds.recordings.order import in_order
from feeds.recordings.parquet import rows
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "quotes-2026-07"
QUOTES = ("ts", "slug", "bid", "ask", "segment")
MARKETS = ("slug", "question", "category", "first_ts")
SILENCE_MAX: Nanos = 15 * MINUTE
"""Seven polls: what is silent for longer was not watched."""
_TICK_SIZE = 10
"""Not stated; recorded prices have up to three decimals."""
_UPPER_BOUND = "when a collector stored it: an upper bound, no publication time"


def read_quotes(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Best quotes and gaps, in order of time. Raises ``RecordingError``."""
    return in_order(_quotes(path))


def read_markets(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Each market at its first quote, in order of time. Raises ``RecordingError``."""
    return in_order(_markets(path))


def read_published(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Stories at their own time, in order of time. Raises ``RecordingError``."""
    return in_order(_published(path))


def read_seen(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Stories at the time when they were stored, in order of time. Raises ``RecordingError``."""
    return in_order(_seen(path))


def _quotes(path: Path) -> Iterator[Event]:
    row = Row(path)
    asset, before_ns, segment = "", 0, None
    for row.number, (when, slug, bid, ask, now_in) in rows(path, QUOTES, ["segment"]):
        at_ns, of = row.micros("ts", when), row.id("slug", slug)
        if of == asset and (now_in != segment or at_ns - before_ns > SILENCE_MAX):
            lost_ns = min(before_ns + SILENCE_MAX, at_ns)
            yield Gap(lost_ns, (of,), "the collector was not watching")
        asset, before_ns, segment = of, at_ns, now_in
        yield BestQuote(at_ns, of, at_ns, _bid(row, bid), _ask(row, ask))


def _bid(row: Row, seen: Any) -> Price:
    return row.best_bid("bid", seen) or -1


def _ask(row: Row, seen: Any) -> Price:
    ask = row.best_ask("ask", seen)
    return -1 if ask == ONE else ask


def _markets(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, (slug, question, category, first) in rows(path, MARKETS):
        of = row.id("slug", slug)
        tag = row.words(category)
        market = Market(
            condition_id=of,
            slug=of,
            question=row.line("question", question),
            yes=Outcome("Yes", of),
            no=Outcome("No", f"{of}:no"),
            tags=(tag,) if tag else (),
            tick_size=_TICK_SIZE,
            min_order_size=0,
        )
        yield MarketSeen(row.micros("first_ts", first), market)


def _published(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, value, _ in objects(path):
        at_ns = row.date("published", value.get("published"))
        yield _story(row, value, at_ns, row.line("source", value.get("source")), published=True)


def _seen(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, value, _ in objects(path):
        at_ns = row.date("seen", value.get("seen"))
        host = urlsplit(row.url(value.get("url"))).hostname or "unknown"
        yield _story(row, value, at_ns, host, published=False)


def _story(row: Row, value: dict[str, Any], at_ns: Nanos, source: str, *, published: bool) -> Story:
    title, url = row.line("title", value.get("title")), row.url(value.get("url"))
    # the same address told twice is the same story; without one, its words are
    name = f"{source} {url or title}".encode("utf-8", "replace")
    of = blake2b(name, digest_size=7).hexdigest()
    return Story(
        at_ns=at_ns,
        id=of,
        source=source.lower().replace(" ", "-"),
        source_name=source,
        title=title,
        url=url,
        published_ns=at_ns if published else None,
        first_seen_ns=at_ns,
        cluster_id=of,
        date_note="" if published else _UPPER_BOUND,
    )


_NOTES = "it holds notes about a recording, no market data"
SHAPES = (
    shape(LAYOUT, "best quotes, polled", Kind.PARQUET, "ts slug bid ask", read_quotes),
    shape(LAYOUT, "markets", Kind.PARQUET, " ".join(MARKETS), read_markets),
    shape(LAYOUT, "notes", Kind.PARQUET, "issue table_name detail", None, _NOTES),
    shape(LAYOUT, "news at its own time", Kind.JSON, "published title source url", read_published),
    shape(LAYOUT, "news when it was stored", Kind.JSON, "seen title url", read_seen),
)
