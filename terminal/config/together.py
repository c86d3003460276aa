"""What no setting shows alone: rules between settings, and what this release refuses."""

import functools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

from feeds.news.zones import zone_named
from strategies.desk.settings import WHAT_CHARS_MAX
from terminal.config.kinds import UNITS, is_here, nearest, plain, shown
from terminal.config.problems import Problem
from terminal.config.shape import DEFAULT_STRATEGIES, Config, RiskConfig, time_of

PATH_CHARS_MAX = 50
NOT_LIVE = "trading with real money is not part of this release; use"


def check_together(config: Config, wheres: Mapping[str, str]) -> Iterator[Problem]:
    """Problems between settings. ``wheres`` says where each key was set that is no default."""
    rules = (_no_live, _clock, _prices, _calendar, _zones, _judge, _strategies)
    for key, expected, found, fix in (row for rule in rules for row in rule(config)):
        yield Problem(_where(key, wheres), key, expected, found, fix)


def _where(key: str, wheres: Mapping[str, str]) -> str:
    """Where a key was set: it, what lies below it, or the table that it stands in."""
    below = (where for other, where in wheres.items() if other.startswith(key + "."))
    above = (where for other, where in wheres.items() if key.startswith(other + "."))
    return wheres.get(key) or next(below, "") or next(above, "default")


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


def _prices(config: Config) -> Iterator[Row]:
    """Bounds the wrong way round would deny every purchase, one by one, all session long."""
    risk = config.risk
    if risk.price_min <= risk.price_max:
        return
    low, high = (
        plain(Decimal(price) / UNITS["cents"]) for price in (risk.price_min, risk.price_max)
    )
    if risk.price_min == RiskConfig().price_min:
        yield "risk.price_max", f"at least risk.price_min, {low}", high, "cents a share"
    else:
        yield "risk.price_min", f"at most risk.price_max, {high}", low, "cents a share"


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


def _zones(config: Config) -> Iterator[Row]:
    for feed in config.feeds:
        if feed.timezone and zone_named(feed.timezone) is None:
            expected = "the name of a time zone, as IANA lists them"
            fix = 'one such as "Asia/Shanghai"; "" means UTC'
            yield f"feeds.{feed.id}.timezone", expected, shown(feed.timezone), fix


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
