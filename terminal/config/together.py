"""What no setting shows alone: rules between settings, and what this release refuses."""

import functools
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

from strategies.desk.settings import WHAT_CHARS_MAX
from terminal.config.kinds import is_here, nearest, shown
from terminal.config.problems import Problem
from terminal.config.shape import DEFAULT_STRATEGIES, Config, time_of

PATH_CHARS_MAX = 50
NOT_LIVE = "trading with real money is not part of this release; use"


def check_together(config: Config, wheres: Mapping[str, str]) -> Iterator[Problem]:
    """Problems between settings. ``wheres`` says where each key was set that is no default."""
    rules = (_no_live, _clock, _calendar, _judge, _strategies)
    for key, expected, found, fix in (row for rule in rules for row in rule(config)):
        where = wheres.get(key) or next(
            (w for k, w in wheres.items() if k.startswith(key + ".")), "default"
        )
        yield Problem(where, key, expected, found, fix)


Row = tuple[str, str, str, str]


def _no_live(config: Config) -> Iterator[Row]:
    if config.account.mode == "live":
        yield "account.mode", '"paper"', '"live"', f'{NOT_LIVE} "paper"'
    for name, strategy in config.strategies.items():
        if strategy.mandate == "live":
            expected = '"alert", "suggest" or "paper"'
            yield f"strategies.{name}.mandate", expected, '"live"', f'{NOT_LIVE} "paper"'


def _clock(config: Config) -> Iterator[Row]:
    """A fast clock on real markets would make every age and every limit wrong."""
    venue = config.venue
    hosts = (venue.gamma, venue.clob, venue.data, venue.ws_market)
    if all(is_here(urlsplit(address).hostname or "") for address in hosts):
        return
    if venue.clock_speed != 1.0:
        fix = "only a practice venue on this machine has another clock; take it out"
        yield "venue.clock_speed", "1.0", f"{venue.clock_speed:g}", fix
    if venue.clock_anchor_ns:
        fix = "only a practice venue on this machine has another clock; take it out"
        yield "venue.clock_anchor_ns", "0", str(venue.clock_anchor_ns), fix


def _calendar(config: Config) -> Iterator[Row]:
    for what, when in config.news.calendar.items():
        key = f"news.calendar.{shown(what)}"
        if not 0 < len(what) <= WHAT_CHARS_MAX or not what.isprintable():
            yield (
                key,
                f"1 to {WHAT_CHARS_MAX} characters",
                shown(what),
                "say it as a headline would",
            )
        elif time_of(when) is None:
            fix = 'a day, a time and a zone: "2026-11-25T21:20Z"'
            yield key, "a time in ISO 8601 with its zone", shown(when), fix


def _judge(config: Config) -> Iterator[Row]:
    judge = config.judge
    if judge.url and not judge.model.strip():
        fix = 'model = "...", as its server calls it; url = "" asks nobody'
        yield "judge.model", "the model to ask, since a url is given", "nothing", fix
    if judge.key.startswith("FTT_"):
        fix = "variables that begin so are settings; call it OPENAI_KEY, say"
        yield "judge.key", "a name that does not begin with FTT_", shown(judge.key), fix


def _strategies(config: Config) -> Iterator[Row]:
    known = installed_strategies()
    for name, strategy in config.strategies.items():
        key = f"strategies.{name}"
        if strategy.path:
            yield from _own_file(key, strategy.path)
        elif name not in known:
            near = nearest(name, known)
            fix = f"{near}?" if near else 'name your own file: path = "mine.py"'
            yield key, "a strategy that is installed: " + ", ".join(known), shown(name), fix


def _own_file(key: str, path: str) -> Iterator[Row]:
    # the end of a path says more than its beginning
    found = shown(path if len(path) <= PATH_CHARS_MAX else "…" + path[-PATH_CHARS_MAX:])
    if Path(path).suffix != ".py":
        yield f"{key}.path", "a Python file", found, "its name ends in .py"
    elif not Path(path).is_file():
        yield f"{key}.path", "a file that exists", found, "a path is relative to the config"


@functools.cache
def installed_strategies() -> tuple[str, ...]:
    """Names of strategies that can be asked for, without importing any."""
    found = {point.name for point in entry_points(group="ftt.strategies")}
    return tuple(sorted(found | set(DEFAULT_STRATEGIES)))
