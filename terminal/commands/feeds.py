"""`ftt feeds`: what is polled, how a feed reads, and lists exchanged with other readers."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from feeds.news.opml import OPML_BYTES_MAX, OpmlError, Outline, new_id, read_opml, write_opml
from feeds.text import safe_url
from terminal import out
from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands.common import configuration
from terminal.config import FeedConfig, Loaded, feed_table
from terminal.config.layers import DEFAULT

TITLE = "Fit to Trade: feeds"


def run(arguments: argparse.Namespace) -> int:
    """One of list, check, import and export."""
    if arguments.verb == "check":
        from terminal.commands.desk import feeds

        return feeds(arguments)
    return {"list": listed, "import": imported, "export": exported}[arguments.verb](arguments)


def listed(arguments: argparse.Namespace) -> int:
    """Every configured feed, those that are off too."""
    loaded = configuration(arguments)
    if arguments.json:
        for feed in loaded.config.feeds:
            origin = loaded.origins[f"feeds.{feed.id}.url"]
            out.data(msgspec.structs.asdict(feed) | {"origin": origin})
        return DONE
    columns = ("ID", "GROUP", ">EVERY", ">TRUST", "LANGUAGE", "POLLED", "ADDRESS")
    out.table(columns, map(_row, loaded.config.feeds), "No feed is configured.")
    return DONE


def _row(feed: FeedConfig) -> tuple[str, ...]:
    every = f"{feed.every_s / 60:g} min" if feed.every_s >= 60 else f"{feed.every_s} s"
    polled = "yes" if feed.enabled else "off"
    return (feed.id, feed.group, every, f"{feed.trust:g}", feed.language, polled, feed.url)


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
