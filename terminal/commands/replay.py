"""`ftt replay`: the same session again, from its tape."""

import argparse
import time
from pathlib import Path

from feeds.events import Event
from feeds.markets import SECOND
from feeds.tape import TapeError, read_tape
from strategies.roster import RosterError
from terminal.cli import DONE, CommandError
from terminal.commands import out
from terminal.engine.session import Header, HeaderError, Session, changed_files, header_from


def run(arguments: argparse.Namespace) -> int:
    """Play a tape through desk and paper broker and say what they decided."""
    try:
        tape = read_tape(Path(arguments.file))
        header = header_from(tape.header)
        for path in changed_files(header):
            out.talk(f"{path} has changed since this was recorded: it may decide otherwise now")
        session = Session(header)
        count = 0
        pace = _Pace(arguments.speed, session.header)
        for event in tape.events:
            pace.wait(event)
            session.play(event)
            count += 1
    except (TapeError, HeaderError, RosterError) as error:
        raise CommandError(str(error)) from error
    _say(arguments, session, count)
    return DONE


class _Pace:
    """Holds events back until their turn; with no speed given, never."""

    def __init__(self, speed: float | None, header: Header) -> None:
        self._speed = speed
        self._began_ns = header.started_ns
        self._wall = time.monotonic()

    def wait(self, event: Event) -> None:
        if self._speed is None:
            return
        due = (event.at_ns - self._began_ns) / SECOND / self._speed
        time.sleep(max(0.0, due - (time.monotonic() - self._wall)))


def _say(arguments: argparse.Namespace, session: Session, events: int) -> None:
    portfolio = session.desk.portfolio
    said = {
        "events": events,
        "decisions": session.decisions,
        "digest": session.digest,
        "cash": portfolio.cash / 1_000_000,
        "equity": portfolio.equity / 1_000_000,
    }
    if arguments.json:
        out.data(said)
    else:
        out.table(("what", ">value"), [(k, str(v)) for k, v in said.items()], "an empty tape")
