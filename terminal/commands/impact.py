"""`ftt impact`: how far did a story move its markets, now, on a tape, or in a recording?"""

import argparse
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from feeds import figures
from feeds.events import BestQuote, Event, MarketSeen, Story, Tick
from feeds.markets import MINUTE, Market, Nanos
from feeds.recordings import (
    NoReaderError,
    NothingToImportError,
    RecordingError,
    importer_for,
)
from feeds.tape import MAGIC, TapeError, read_tape
from strategies.impact import Precedent
from strategies.roster import RosterError
from terminal.cli import DONE, USAGE, CommandError
from terminal.commands import out
from terminal.commands.ask import plain
from terminal.commands.common import ask
from terminal.engine.session import HeaderError, Session, header_from
from terminal.presenters.account import with_words
from terminal.presenters.impacts import impact_row, impact_rows, impact_words
from terminal.protocol.views import Done, ImpactRow, Query, Rows

ROWS_MAX = 500


def run(arguments: argparse.Namespace) -> int:
    """Print what each story did to each market it touches."""
    if not 1 <= arguments.most <= ROWS_MAX:
        raise CommandError(f"--most: expected 1 to {ROWS_MAX}, found {arguments.most}", USAGE)
    words = " ".join(arguments.words)
    rows = _measured(arguments.of, words, arguments.most)
    if arguments.json:
        for row in rows:
            out.data(plain(row))
    else:
        nothing = f"nothing here has the words {words!r}" if words else "no story was measured yet"
        out.table(COLUMNS, map(_cells, rows), nothing)
    return DONE


def _measured(files: Sequence[str], words: str, most: int) -> Sequence[ImpactRow]:
    if files:
        return with_words(_rows_of([Path(name) for name in files]), words, most, impact_words)
    answer = ask(Query(id=uuid.uuid4().hex, what="impacts", text=words, most=most))
    if isinstance(answer, Done):
        raise CommandError(answer.message)
    assert isinstance(answer, Rows)
    return answer.impacts


COLUMNS = ("story", "market", ">odds", ">move", ">z", "verdict", "because")


def _cells(row: ImpactRow) -> Sequence[str]:
    before, after = figures.percent(row.odds_before), figures.percent(row.odds_after)
    return (
        row.title,
        row.question,
        f"{before} → {after}" if row.odds_before is not None else "–",
        figures.move(row.points),
        figures.usual_moves(row.z, signed=True),
        ", ".join((row.verdict, *row.notes)),
        row.reason,
    )


# -- from files ------------------------------------------------------------------------------


def _rows_of(paths: Sequence[Path]) -> list[ImpactRow]:
    try:
        if len(paths) == 1 and not paths[0].is_dir() and _is_tape(paths[0]):
            return _replayed(paths[0])
        return list(_studied(paths))
    except (TapeError, HeaderError, RosterError, RecordingError, NoReaderError) as error:
        raise CommandError(str(error)) from error
    except NothingToImportError as error:
        raise CommandError(f"{error}; --of takes a tape, or files of a recording", USAGE) from error
    except OSError as error:
        raise CommandError(f"{error.filename} can't be read: {error.strerror}", USAGE) from error


def _is_tape(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _replayed(path: Path) -> list[ImpactRow]:
    """What the session on the tape measured, by playing it again."""
    tape = read_tape(path)
    session = Session(header_from(tape.header))
    for event in _with_ticks(tape.events):
        session.play(event)
    return impact_rows(session.desk)


def _with_ticks(events: Iterable[Event]) -> Iterator[Event]:
    """A tape of somebody else's recording has no ticks: one a minute is enough to measure by."""
    ticked_ns: Nanos = 0
    for event in events:
        if isinstance(event, Tick):
            ticked_ns = event.at_ns
        elif event.at_ns - ticked_ns >= MINUTE:
            if ticked_ns:
                yield Tick(event.at_ns)
            ticked_ns = event.at_ns
        yield event


def _studied(paths: Sequence[Path]) -> Iterator[ImpactRow]:
    """What headlines did to polled quotes that others recorded."""
    from strategies.impact.study import Study, cases_of
    from strategies.linking import Linker, linkable

    markets, stories, quotes = _read(paths)
    linker = Linker()
    for market in markets.values():
        linker.add(linkable(market))
    cases = cases_of(stories.values(), linker)
    families = {name: linker.family(name) for name in markets}
    for impact in Study(markets.values(), families).run(quotes, cases):
        story = stories[impact.story_id]
        links = linker.link(story.title, story.summary, story.published_ns)
        link = next(link for link in links if link.market_id == impact.condition_id)
        yield impact_row(story, markets[impact.condition_id], link, impact, Precedent())


def _read(paths: Sequence[Path]) -> tuple[dict[str, Market], dict[str, Story], list[BestQuote]]:
    """Markets and stories by id, and the quotes in order of time, of all the files together."""
    markets: dict[str, Market] = {}
    stories: dict[str, Story] = {}
    quotes: list[BestQuote] = []
    for path in paths:
        for event in importer_for(path).read():
            if isinstance(event, MarketSeen):
                markets[event.market.condition_id] = event.market
            elif isinstance(event, Story):
                stories[event.id] = event
            elif isinstance(event, BestQuote):
                quotes.append(event)
    if not (markets and stories and quotes):
        has = f"{len(markets)} markets, {len(stories)} stories, {len(quotes)} quotes"
        raise CommandError(f"a recording needs markets, stories and quotes; this has {has}", USAGE)
    quotes.sort(key=lambda quote: quote.at_ns)
    return markets, stories, quotes
