"""`ftt link` and `ftt feeds check`: the news desk's tools, without an engine."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from feeds.news.check import CheckResult, check_many
from terminal import out
from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands.common import configuration

LINE_CHARS_MAX = 1_000_000


def link(arguments: argparse.Namespace) -> int:
    """One JSON line a story: the markets it touches, best first."""
    from strategies.linking.lines import LineError, link_lines

    with _open(arguments.markets) as markets, _open(arguments.stories) as stories:
        try:
            for answer in link_lines(
                _lines(markets, arguments.markets), _lines(stories, arguments.stories)
            ):
                out.data(answer)
        except LineError as error:
            raise CommandError(str(error), USAGE) from error
    return DONE


@contextlib.contextmanager
def _open(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8") as file:
            yield file
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} can't be read: {error}", USAGE) from error


def _lines(file: TextIO, name: str) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{name}:{number}: expected a JSON object: {error}", USAGE) from None
        if not isinstance(value, dict):
            raise CommandError(f"{name}:{number}: expected a JSON object", USAGE)
        yield value


def feeds(arguments: argparse.Namespace) -> int:
    """How each document reads; exit code 1 when any is refused."""
    fine = True
    contact = configuration(arguments).config.news.contact
    for result in check_many(arguments.targets, contact):
        fine = fine and bool(result["ok"])
        if arguments.json:
            out.data(result)
        else:
            _say_feed(result)
    return DONE if fine else FAILED


def _say_feed(result: CheckResult) -> None:
    if not result["ok"]:
        out.line(f"{result['source']}: refused: {result['error']}")
        return
    entries = result["entries"]
    out.line(f"{result['source']}: {result['format']}, {result['title']!r}, {len(entries)} entries")
    for entry in entries[:5]:
        out.line(f"  {entry['published'] or 'no date':25}  {entry['title']}")
