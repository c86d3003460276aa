"""`ftt feeds`: what is polled and how it does; how a feed reads; lists of other readers."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from feeds.news.opml import OPML_BYTES_MAX, OpmlError, Outline, new_id, read_opml, write_opml
from feeds.text import safe_url
from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands import out
from terminal.commands.common import ask, configuration
from terminal.config import FeedConfig, Loaded, feed_table
from terminal.config.layers import DEFAULT
from terminal.config.shape import FEEDS_MAX
from terminal.presenters import figures
from terminal.protocol.views import FeedRow, Query, Rows
from terminal.stores.news_store import NewsStore
from terminal.stores.paths import Paths

TITLE = "Fit to Trade: feeds"


def run(arguments: argparse.Namespace) -> int:
    """One of list, check, import and export."""
    if arguments.verb == "check":
        from terminal.commands.desk import feeds

        return feeds(arguments)
    return {"list": listed, "import": imported, "export": exported}[arguments.verb](arguments)


def listed(arguments: argparse.Namespace) -> int:
    """Every configured feed, those that are off too, and how it does: by the running engine, or by
    what the last one left."""
    loaded = configuration(arguments)
    rows, live = _health()
    known = {(row.id, row.url): row for row in rows}
    health = [known.get((feed.id, feed.url)) for feed in loaded.config.feeds]
    if arguments.json:
        for feed, row in zip(loaded.config.feeds, health, strict=True):
            origin = loaded.origins[f"feeds.{feed.id}.url"]
            out.data(msgspec.structs.asdict(feed) | {"origin": origin, "health": _plain(row, live)})
        return DONE
    columns = ("ID", "GROUP", ">EVERY", ">TRUST", "LANGUAGE", *_HEALTH_COLUMNS, "ADDRESS")
    cells = [
        (*_row(feed), *_shown(feed, row, live), feed.url)
        for feed, row in zip(loaded.config.feeds, health, strict=True)
    ]
    out.table(columns, cells, "No feed is configured.")
    if not live:
        out.talk("No engine runs: states are those that the last one left.")
    elif rows and not any(health):
        out.talk(
            "The running engine polls other feeds: --config FILE names what it was started with."
        )
    return DONE


_HEALTH_COLUMNS = ("STATE", "LAST SUCCESS", "NEWEST ITEM", "NEXT POLL", "WORDS")


def _health() -> tuple[tuple[FeedRow, ...], bool]:
    """Rows of health, and whether they come from an engine that runs."""
    try:
        answer = ask(Query(id="feeds", what="feeds", most=FEEDS_MAX))
    except CommandError:
        return NewsStore(Paths.find().state).rows(), False
    return (answer.feeds, True) if isinstance(answer, Rows) else ((), True)


def _plain(row: FeedRow | None, live: bool) -> dict[str, object] | None:
    if row is None:
        return None
    return {
        "state": row.state,
        "last_success": figures.iso(row.last_success_ns or None),
        "next_poll": figures.iso(row.next_poll_ns or None) if live else None,
        "newest": figures.iso(row.newest_ns or None),
        "message": row.message,
        "polls": row.polls,
        "failures": row.failures,
        "new": row.new,
        "live": live,
    }


def _shown(feed: FeedConfig, row: FeedRow | None, live: bool) -> tuple[str, ...]:
    if not feed.enabled:
        return ("off", "", "", "", "")
    if row is None:
        return ("never polled", "", "", "", "")
    # what a stopped engine had planned will not happen
    times = (row.last_success_ns, row.newest_ns, row.next_poll_ns if live else 0)
    return (row.state, *(figures.iso(when or None) or "–" for when in times), row.message)


def _row(feed: FeedConfig) -> tuple[str, ...]:
    every = f"{feed.every_s / 60:g} min" if feed.every_s >= 60 else f"{feed.every_s} s"
    return (feed.id, feed.group, every, f"{feed.trust:g}", feed.language)


def exported(arguments: argparse.Namespace) -> int:
    """The configured feeds as OPML on stdout."""
    feeds = configuration(arguments).config.feeds
    out.line(write_opml((feed.source for feed in feeds), TITLE).rstrip("\n"))
    return DONE


def imported(arguments: argparse.Namespace) -> int:
    """[[feeds]] tables on stdout; on stderr what was refused, and why.

    The exit code is 1 when not one feed could be taken.
    """
    loaded = configuration(arguments)
    try:
        read = read_opml(_body(arguments.file))
    except OpmlError as error:
        raise CommandError(f"{arguments.file} is refused: {error}", FAILED) from error
    own = _own(loaded)
    already = {safe_url(feed.url): feed.id for feed in own}
    fresh = [outline for outline in read.feeds if outline.url not in already]
    for feed in _named(fresh, {feed.id for feed in own}):
        out.line(feed_table(feed))
    for refusal in read.refused:
        out.talk(f"line {refusal.line}: {refusal.name}: refused: {refusal.why}")
    for outline in read.feeds:
        if outline.url in already:
            out.talk(f"{outline.name or outline.url}: already there as {already[outline.url]!r}")
    left = len(read.feeds) - len(fresh)
    out.talk(f"{len(fresh)} feeds taken, {left} already there, {len(read.refused)} refused.")
    if fresh and not own:
        out.talk(
            "Appended to a configuration without [[feeds]] they replace the default feeds; "
            "`pack = true` in [news] keeps those."
        )
    return DONE if fresh or left else FAILED


def _own(loaded: Loaded) -> list[FeedConfig]:
    """Feeds that stay when tables are appended: the default ones give way to any."""
    return [
        feed for feed in loaded.config.feeds if loaded.origins[f"feeds.{feed.id}.url"] != DEFAULT
    ]


def _named(outlines: list[Outline], taken: set[str]) -> Iterator[FeedConfig]:
    for outline in outlines:
        name = new_id(outline.name, outline.url, taken)
        taken.add(name)
        said = msgspec.structs.asdict(outline)
        yield FeedConfig(id=name, **said | {"name": outline.name or name})


def _body(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read(OPML_BYTES_MAX + 1)
        with Path(name).open("rb") as file:
            return file.read(OPML_BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}", USAGE) from error
