"""`ftt link` and `ftt feeds check`: the news desk's tools, without an engine."""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from feeds.news.check import CheckResult, check_many
from feeds.news.zones import zone_named
from feeds.text import printable
from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands import out
from terminal.commands.common import configuration, configured_judge
from terminal.stores.paths import Paths

if TYPE_CHECKING:
    from terminal.config.shape import JudgeConfig
    from terminal.engine import semantics
    from terminal.engine.llm_judge import Bench

LINE_CHARS_MAX = 1_000_000
ENTRIES_SHOWN = 8
UNTITLED_CHARS = 120


def link(arguments: argparse.Namespace) -> int:
    """One JSON line a story, or a paragraph: the markets it touches, best first."""
    from strategies.linking.lines import LineError, link_lines

    with contextlib.ExitStack() as stack:
        markets = _lines(stack.enter_context(_open(arguments.markets)), arguments.markets)
        stories = _lines(stack.enter_context(_open(arguments.stories)), arguments.stories)
        settings, bench = _bench(arguments, stack)
        ask = bench.ask if bench is not None else None
        say: Callable[[dict[str, Any]], None] = out.data
        if arguments.text:
            questions: dict[str, str] = {}
            titles: dict[str, str] = {}
            markets, stories = _noting(markets, questions), _noting(stories, titles)
            say = partial(_say_links, titles, questions)
        try:
            for answer in link_lines(markets, stories, ask, settings.floor, _mean(arguments)):
                say(answer)
        except LineError as error:
            raise CommandError(str(error), USAGE) from error
    return DONE if bench is None else _say_judged(settings.model, bench)


def _mean(arguments: argparse.Namespace) -> "semantics.Bench | None":
    """The models of the extra ``semantic``, where they are installed and not declined."""
    from feeds.semantic.models import missing
    from terminal.engine import semantics

    if arguments.plain:
        return None
    if missing():
        out.talk(f"linked by plain words alone: {missing()}")
        return None
    paths = Paths.find()
    return semantics.Bench(paths.state / semantics.FOLDER)


def _noting(lines: Iterator[dict[str, Any]], names: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The same lines; what a person calls them is noted by their ids as they go by."""
    for line in lines:
        names[str(line.get("id"))] = printable(str(line.get("question") or line.get("title")))
        yield line


def _say_links(titles: dict[str, str], questions: dict[str, str], answer: dict[str, Any]) -> None:
    id, links = answer["id"], answer["links"]
    out.paragraph(titles.pop(id, id), strong=True)
    for rank, link in enumerate(links, start=1):
        out.paragraph(questions.get(link["market_id"], link["market_id"]), lead=f"{rank:3}. ")
        way = {1: "for YES", -1: "against YES"}.get(link["direction"], "either way")
        judged = f" and judged by {link['judge']}" if link.get("judge") else ""
        said = f"linked{judged} {link['relevance']:.0%}, {way}: {link['why']}"
        out.paragraph(printable(said), lead="     ")
    if not links:
        out.paragraph("touches none of these markets, as far as can be told", lead="     ")
    out.line("")


def _bench(
    arguments: argparse.Namespace, stack: contextlib.ExitStack
) -> tuple["JudgeConfig", "Bench | None"]:
    """The settings of the outside judge, and that judge where it is wanted."""
    from terminal.config.shape import JudgeConfig
    from terminal.engine.llm_judge import bench

    if not arguments.judge:
        if arguments.judge_record:
            raise CommandError("--judge-record keeps what a judge says: add --judge", USAGE)
        return JudgeConfig(), None
    judge, settings = configured_judge(arguments, "--judge")
    record = _recorder(arguments.judge_record, stack) if arguments.judge_record else None
    return settings, stack.enter_context(bench(judge, settings, record))


def _recorder(name: str, stack: contextlib.ExitStack) -> Callable[[dict[str, Any]], None]:
    """Appends to a file, so that what was paid for is never written over."""
    try:
        file = stack.enter_context(Path(name).open("a", encoding="utf-8"))  # noqa: SIM115
    except OSError as error:
        raise CommandError(f"{name} can't be written: {error.strerror}", USAGE) from error

    def record(line: dict[str, Any]) -> None:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()

    return record


def _say_judged(model: str, bench: "Bench") -> int:
    """How it went, on stderr; a judge that never answered is a failure."""
    counts = bench.counts
    out.talk(f"{model} judged {counts.answered} of the {counts.asked} stories it was asked about")
    if counts.asked:
        out.talk(f"cost: {counts.cost()}")
    rest = counts.refused + counts.left_out
    if rest:
        out.talk(f"{rest} keep the linker's own links; the first because: {bench.first_refusal}")
    return FAILED if counts.asked and not counts.answered else DONE


@contextlib.contextmanager
def _open(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}", USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} can't be read: it is no UTF-8 text", USAGE) from error


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
    config = configuration(arguments).config
    own = {feed.url: feed.timezone for feed in config.feeds}
    zones = {one: arguments.timezone or own.get(one, "") for one in arguments.targets}
    if arguments.timezone and zone_named(arguments.timezone) is None:
        named = printable(arguments.timezone, 60)
        raise CommandError(f"{named}: no such time zone; Asia/Shanghai is one", USAGE)
    for result in check_many(arguments.targets, config.news.contact, zones):
        fine = fine and bool(result["ok"])
        if arguments.json:
            out.data(result)
        else:
            _say_feed(result)
    return DONE if fine else FAILED


def _say_feed(result: CheckResult) -> None:
    if not result["ok"]:
        out.paragraph(f"{result['source']}: refused: {result['error']}")
        return
    entries = result["entries"]
    number = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    title = result["title"] or "without a title"
    out.paragraph(f"{result['source']}: {result['format']}, {title}, {number}", strong=True)
    for entry in entries[:ENTRIES_SHOWN]:
        title = entry["title"] or entry["summary"][:UNTITLED_CHARS] or "without a title"
        out.paragraph(title, lead=f"  {entry['published'] or 'no date':20}  ")
    if len(entries) > ENTRIES_SHOWN:
        out.paragraph(f"{len(entries) - ENTRIES_SHOWN} more; --json has them whole", lead="  ")
