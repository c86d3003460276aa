"""The command line: what `ftt` can be asked, and the exit codes it answers with.

Only the parser lives here. Each command's work is in ``terminal.commands`` and is imported when
that command runs, so `ftt --help` loads neither textual nor httpx. stdout is data, stderr is talk.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from terminal import VERSION

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3
"""Exit codes: done, failed, bad usage or configuration, refused by a safety rule."""


class CommandError(Exception):
    """Ends a command with a sentence on stderr and an exit code, never a traceback."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


AddArguments = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """One thing `ftt` can do: where its work lives, what it says of itself, what it takes."""

    name: str
    work: str
    help: str
    example: str
    arguments: AddArguments


def _none(_: argparse.ArgumentParser) -> None:
    """A command that takes nothing of its own."""


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print data as JSON")


def _demo(parser: argparse.ArgumentParser) -> None:
    _json(parser)
    parser.add_argument("--headless", action="store_true", help="no terminal: run and report")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=_positive,
        default=30.0,
        metavar="SECONDS",
        help="with --headless or --screenshot: how long (default: 30)",
    )
    parser.add_argument("--seed", type=int, default=None, help="which practice world (default: 1)")
    parser.add_argument("--speed", type=_positive, default=None, help="times faster than the clock")
    parser.add_argument("--tape", metavar="FILE", help="also record what comes in (headless)")
    parser.add_argument("--screenshot", metavar="FILE", help="save the page as SVG and leave")
    parser.add_argument("--size", type=_size, default=(120, 40), metavar="WxH", help="120x40")
    parser.add_argument("--theme", choices=("newsprint", "ink"), help="the paper it is set on")


def _bot(parser: argparse.ArgumentParser) -> None:
    _json(parser)
    parser.add_argument("--for", dest="seconds", type=_positive, default=None, metavar="SECONDS")
    parser.add_argument("--quiet", action="store_true", help="no alerts on stdout")
    parser.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)


def _practice(parser: argparse.ArgumentParser) -> None:
    _json(parser)
    parser.add_argument("--port", type=_port, default=0, help="0 picks a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=_positive, default=1.0, help="times faster than the clock")
    parser.add_argument("--truth", metavar="FILE", help="write each story's true effect here")
    parser.add_argument(
        "--write-config", metavar="FILE", help="write a configuration for this venue to FILE"
    )
    parser.add_argument(
        "--fault",
        metavar="NAME=RATE",
        action="append",
        default=[],
        help="let something go wrong, such as lost_reply=0.01; may be said again; "
        "a name that there isn't lists all that there are",
    )
    parser.add_argument(
        "--limits", action="store_true", help="let the published rate limits refuse (429)"
    )
    parser.add_argument(
        "--self-trades", action="store_true", help="let a wallet's orders meet each other"
    )
    parser.add_argument(
        "--flat-amounts",
        action="store_true",
        help="let market orders want four decimals at most, also on fine grids",
    )
    parser.add_argument(
        "--buyers-pay",
        action="store_true",
        help="let /price say for BUY what a buyer pays, not the best bid",
    )


def _record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--for", dest="seconds", type=_positive, default=None, metavar="SECONDS")
    _json(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--speed", type=_positive, default=None, help="default: as fast as it goes")
    _json(parser)


def _tape(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="info|check|cut|merge|export|import"
    )

    def verb(
        name: str, words: str, example: str, takes: str, *, out: bool = False
    ) -> argparse.ArgumentParser:
        sub = verbs.add_parser(
            name, help=words, description=f"{words}.", epilog=f"Example: ftt tape {example}"
        )
        many = "+" if takes.endswith("s") else None
        sub.add_argument(takes, metavar=takes.rstrip("s").upper(), nargs=many)
        if out:
            sub.add_argument("-o", "--out", required=True, metavar="OUT", help="a new tape")
        if name != "export":
            _json(sub)
        return sub

    verb("info", "What a tape holds", "info today.tape", "file")
    verb("check", "Is a tape whole and in order of time?", "check *.tape", "files")
    cut = verb("cut", "A part of a tape", "cut a.tape --from +60 -o b.tape", "file", out=True)
    for option, name, words in (("from", "begin", "first time kept"), ("to", "end", "kept before")):
        cut.add_argument(f"--{option}", dest=name, metavar="TIME", help=f"{words}: ISO or +SECONDS")
    verb("merge", "Tapes as one, by time", "merge a.tape b.tape -o c.tape", "files", out=True)
    export = verb("export", "The events as JSON lines", "export a.tape --kind Story", "file")
    export.add_argument("--kind", metavar="KIND", help="only events of this kind, such as Story")
    words = "Other people's recordings as a tape"
    verb("import", words, "import books.csv.gz -o a.tape", "paths", out=True)


def _link(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markets", required=True, metavar="FILE", help="JSON lines")
    parser.add_argument("--stories", required=True, metavar="FILE", help="JSON lines, - for stdin")
    parser.add_argument(
        "--judge", action="store_true", help="let the model that [judge] names read them too"
    )
    parser.add_argument(
        "--plain", action="store_true", help="by plain words alone, without the models of meaning"
    )
    parser.add_argument(
        "--judge-record",
        metavar="FILE",
        help="with --judge: append each question and answer to FILE, to be played back",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="JSON lines: the default here")
    shown.add_argument("--text", action="store_true", help="for people: titles and questions")


def _query(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", help="only rows with these words")
    parser.add_argument("--most", type=int, default=50, help="rows at most")
    _json(parser)


def _news(parser: argparse.ArgumentParser) -> None:
    _query(parser)
    parser.add_argument(
        "--story", metavar="ID", help="one story whole: its markets, odds, and what it means"
    )


def _impact(parser: argparse.ArgumentParser) -> None:
    _query(parser)
    parser.add_argument(
        "--of",
        nargs="+",
        default=(),
        metavar="FILE",
        help="a tape, or a recording's files (quotes, markets, news), not the running session",
    )


def _book(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("market", help="slug, id, or words of the question")
    _json(parser)


def _cancel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("order", nargs="?", default="", help="an order's id")
    parser.add_argument("--all", action="store_true", help="every open order")
    _json(parser)


def _feeds(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|check|import|export")

    def verb(name: str, words: str, example: str) -> argparse.ArgumentParser:
        epilog = f"Example: ftt feeds {example}"
        return verbs.add_parser(name, help=words, description=_sentence(words), epilog=epilog)

    _json(verb("list", "the configured feeds, and how each does", "list --json"))
    check = verb("check", "how a feed reads: one line a document", "check feed.xml")
    check.add_argument("targets", nargs="+", metavar="FILE|URL")
    check.add_argument(
        "--timezone", default="", help="zone of dates that name none", metavar="NAME"
    )
    _json(check)
    words = "the feeds of an OPML list as [[feeds]] tables, to append to the configuration"
    imported = verb("import", words, "import list.opml >> config.toml")
    imported.add_argument("file", metavar="FILE", help="- for stdin")
    verb("export", "the configured feeds as OPML, for other readers", "export > list.opml")


def _judge(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="test")
    words = "ten questions that decide whether the model of [judge] is good enough to lead"
    _json(
        verbs.add_parser(
            "test", help=words, description=_sentence(words), epilog="Example: ftt judge test"
        )
    )


def _config(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="init|check|show")

    def verb(name: str, words: str, example: str) -> argparse.ArgumentParser:
        epilog = f"Example: ftt config {example}"
        return verbs.add_parser(name, help=words, description=_sentence(words), epilog=epilog)

    init = verb("init", "write a commented config to start from", "init")
    init.add_argument("--force", action="store_true", help="replace an existing file")
    check = verb("check", "say what is wrong, with the fix", "check config.toml")
    check.add_argument("file", nargs="?", metavar="FILE")
    _json(check)
    _json(verb("show", "every value, and where it came from", "show --json"))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (
        width.isdecimal()
        and height.isdecimal()
        and 20 <= int(width) <= 400
        and 10 <= int(height) <= 400
    ):
        raise argparse.ArgumentTypeError(f"{text} is not a size such as 120x40")
    return int(width), int(height)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return int(text)


COMMANDS: tuple[Command, ...] = (
    Command("demo", "demo:run", "the terminal on the practice venue", "ftt demo --seed 7", _demo),
    Command("bot", "run:bot", "the engine without a face", "ftt bot --json", _bot),
    Command("attach", "run:attach", "the terminal onto a running engine", "ftt attach", _none),
    Command(
        "practice",
        "demo:practice",
        "serve the practice venue and newsroom alone",
        "ftt practice --json --port 0 --seed 7",
        _practice,
    ),
    Command("record", "run:record", "tape what comes in", "ftt record today.tape", _record),
    Command("replay", "replay:run", "the same session again", "ftt replay today.tape", _replay),
    Command("tape", "tape:run", "look into tapes", "ftt tape info today.tape", _tape),
    Command(
        "link",
        "desk:link",
        "which markets does each story touch?",
        "ftt link --markets markets.jsonl --stories stories.jsonl",
        _link,
    ),
    Command(
        "impact",
        "impact:run",
        "how far did a story move its markets?",
        "ftt impact nvidia --of today.tape --json",
        _impact,
    ),
    Command("news", "news:run", "stories, and what they mean", "ftt news --story 3fa9c2", _news),
    Command("markets", "ask:markets", "the catalogue", "ftt markets ipo --json", _query),
    Command("book", "ask:book", "a market's books and prints", "ftt book openai-ipo", _book),
    Command("orders", "ask:orders", "open and past orders", "ftt orders --json", _query),
    Command("positions", "ask:positions", "what is held", "ftt positions", _query),
    Command("fills", "ask:fills", "what traded", "ftt fills --most 10", _query),
    Command("signals", "ask:signals", "suggestions, and why not", "ftt signals --json", _query),
    Command("cancel", "ask:cancel", "take orders off the book", "ftt cancel --all", _cancel),
    Command("status", "ask:status", "how does the engine do?", "ftt status --json", _json),
    Command("kill", "ask:kill", "cancel everything, take no order", "ftt kill", _json),
    Command("resume", "ask:resume", "take orders again", "ftt resume", _json),
    Command("feeds", "feeds:run", "look at feeds", "ftt feeds check feed.xml --json", _feeds),
    Command("judge", "judge:run", "is the outside judge any good?", "ftt judge test", _judge),
    Command("config", "house:config", "the configuration", "ftt config check", _config),
    Command("doctor", "house:doctor", "is everything well?", "ftt doctor", _json),
    Command("paths", "house:paths", "where things are kept", "ftt paths --json", _json),
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="the TOML file")
    parser = argparse.ArgumentParser(
        prog="ftt",
        parents=[shared],
        description="All the news that's fit to trade: news beside live odds. Paper money.",
        epilog="Without a command: the terminal on the configured venue. Exit codes: 0 done, "
        "1 failed, 2 bad usage or configuration, 3 refused by a safety rule.",
    )
    parser.add_argument("--version", action="version", version=f"ftt {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            parents=[shared],
            help=command.help,
            description=_sentence(command.help),
            epilog=f"Example: {command.example}",
        )
        command.arguments(sub)
    return parser


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + ("" if words.endswith("?") else ".")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    work = next((c.work for c in COMMANDS if c.name == arguments.command), "run:terminal")
    module, _, function = work.partition(":")
    try:
        run: Callable[[argparse.Namespace], int] = getattr(
            importlib.import_module(f"terminal.commands.{module}"), function
        )
        return run(arguments)
    except CommandError as error:
        print(f"ftt: {error}", file=sys.stderr)  # noqa: T201 - talk goes to stderr
        return error.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever read our output has left; keep the interpreter from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
