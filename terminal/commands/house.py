"""`ftt config`, `ftt doctor` and `ftt paths`: the house's own affairs."""

import argparse
from pathlib import Path

from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands import out
from terminal.commands.common import configuration
from terminal.config import ConfigError, check, init, load, show
from terminal.stores.paths import Paths


def config(arguments: argparse.Namespace) -> int:
    """Write, check or show the configuration."""
    verbs = {"init": _init, "check": _check, "show": _show}
    return verbs[arguments.verb](arguments)


def _init(arguments: argparse.Namespace) -> int:
    named = getattr(arguments, "config", None)
    path = Path(named) if named else Paths.find().config
    try:
        init(path, arguments.force)
    except (ConfigError, OSError) as error:
        raise CommandError(str(error), FAILED) from error
    out.line(str(path))
    out.talk("written: every key is in it with its meaning; `ftt config check` proves it")
    return DONE


def _check(arguments: argparse.Namespace) -> int:
    named = arguments.file or getattr(arguments, "config", None)
    problems = check(named) or _keys(named)
    if arguments.json:
        out.data({"ok": not problems, "problems": problems})
    for problem in problems if not arguments.json else ():
        out.line(problem)
    if problems:
        return USAGE
    out.talk("the configuration is fine")
    return DONE


def _keys(named: str | None) -> list[str]:
    """What is wrong with the keys of the terminal; only the face knows its actions."""
    from terminal.tui.actions import KeyMap, KeysError

    try:
        KeyMap(load(named).config.tui.keys)
    except KeysError as error:
        return [f"tui.{error}"]
    return []


def _show(arguments: argparse.Namespace) -> int:
    rows = show(configuration(arguments))
    if arguments.json:
        out.data([{"key": key, "value": value, "from": origin} for key, value, origin in rows])
    else:
        out.table(("key", "value", "from"), rows, "nothing is configured")
    return DONE


def doctor(arguments: argparse.Namespace) -> int:
    """Look at everything that could be wrong, and say what to do about each."""
    from terminal.doctor import checks

    found = list(checks(getattr(arguments, "config", None), Paths.find()))
    if arguments.json:
        for one in found:
            out.data({"name": one.name, "ok": one.ok, "sentence": one.sentence, "fix": one.fix})
    else:
        rows = [("ok" if one.ok else "look", one.name, one.sentence, one.fix) for one in found]
        out.table(("", "check", "found", "what to do"), rows, "nothing was checked")
    return DONE if all(one.ok for one in found) else FAILED


def paths(arguments: argparse.Namespace) -> int:
    """Where things are kept."""
    rows = Paths.find().rows()
    if arguments.json:
        out.data(dict(rows))
    else:
        out.table(("what", "where"), rows, "nowhere")
    return DONE
