"""What `ftt config` does with files: write one to start from, check one, show what holds."""

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from strategies.decisions import Mandate
from terminal.config import kinds
from terminal.config.kinds import Kind, Leaf, leaves, write
from terminal.config.layers import DEFAULT, Loaded, env_name, load
from terminal.config.problems import ConfigError, Problem
from terminal.config.shape import (
    DEFAULT_STRATEGIES,
    SECTIONS,
    FeedConfig,
    StrategyConfig,
    default_feeds,
)

_HEAD = """\
# Fit to Trade: every setting, with its default. A line that is taken out keeps its default.
#
# Each setting can also come from the environment: FTT_ and its name in capitals, with two
# underscores for each dot, such as FTT_VENUE__CLOB or FTT_FEEDS__OPENAI__ENABLED. A flag beats the
# environment, the environment beats this file. `ftt config check` says what is wrong here and
# `ftt config show` where each value came from. Keys and secrets never stand in this file.
"""
_FEEDS_HEAD = """\
# The news: one [[feeds]] table a source. Naming any replaces the whole list; `feeds = []` at the
# top of the file means none. What a feed leaves out, [news] says for all.
"""
_STRATEGIES_HEAD = """\
# The strategies. Further keys in a table are the strategy's own parameters.
"""


def init(path: Path, force: bool = False) -> None:
    """Write a commented configuration; raises :class:`ConfigError` when one is there already.

    With ``force`` an existing one is replaced, all at once or not at all.
    """
    if path.exists() and not force:
        raise ConfigError([Problem(path.name, "", "no file yet", "one", "--force replaces it")])
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(example())
        os.replace(new, path)
    except OSError as error:
        said = error.strerror or str(error)
        fix = "name another place with --config"
        raise ConfigError([Problem(str(path), "", "a place to write to", said, fix)]) from error


def check(path: str | os.PathLike[str] | None = None) -> list[str]:
    """Every problem of a configuration, one line each; empty when all is well.

    Strategies are loaded to ask them for their parameters, which runs a file of your own.
    """
    try:
        loaded = load(path)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return [str(problem) for problem in _strategy_problems(loaded)]


def _strategy_problems(loaded: Loaded) -> Iterator[Problem]:
    from strategies.roster import RosterError, enrol

    for name, strategy in loaded.config.strategies.items():
        key = f"strategies.{name}"
        try:
            enrol(strategy.path or name, dict(strategy.params), Mandate(strategy.mandate))
        except RosterError as error:
            said = str(error)
            places = [w for k, w in loaded.origins.items() if k.startswith(key + ".")]
            named = next((p for p in strategy.params if f"'{p}'" in said), None)
            where = loaded.origins[f"{key}.{named}"] if named else next(iter(places), DEFAULT)
            full = f"{key}.{named}" if named else key
            found = kinds.shown(strategy.params[named]) if named else ""
            yield Problem(where, full, f"what the strategy takes ({said})", found)


def show(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Each setting in force: dotted key, value as in the file, and where it came from."""
    rows = []
    for prefix, section in _sections(loaded):
        for leaf in leaves(type(section), prefix).values():
            if leaf.name != "params":
                value = write(leaf, getattr(section, leaf.name))
                rows.append((leaf.key, value, loaded.origins.get(leaf.key, DEFAULT)))
        if isinstance(section, StrategyConfig):
            for name, value in section.params.items():
                key = f"{prefix}.{name}"
                rows.append((key, kinds.toml(value), loaded.origins.get(key, DEFAULT)))
    return rows


def _sections(loaded: Loaded) -> Iterator[tuple[str, msgspec.Struct]]:
    config = loaded.config
    for name in SECTIONS:
        yield name, getattr(config, name)
    for feed in config.feeds:
        yield f"feeds.{feed.id}", feed
    for name, strategy in config.strategies.items():
        yield f"strategies.{name}", strategy


def environment() -> list[tuple[str, str]]:
    """Each environment variable that is a setting, and its meaning."""
    rows = [(env_name(leaf.key), leaf.meaning) for leaf in schema()]
    return [
        (name.replace("_ID__", "_<ID>__").replace("_NAME__", "_<NAME>__"), m) for name, m in rows
    ]


def schema() -> Iterator[Leaf]:
    """Every setting there is; feeds and strategies as feeds.ID.KEY and strategies.NAME.KEY."""
    shapes: Mapping[str, type[msgspec.Struct]] = SECTIONS | {
        "feeds.ID": FeedConfig,
        "strategies.NAME": StrategyConfig,
    }
    for prefix, shape in shapes.items():
        yield from (leaf for leaf in leaves(shape, prefix).values() if leaf.name != "params")


# -- the example ----------------------------------------------------------------------------


def example() -> str:
    """A whole configuration that states every default and says what each setting means."""
    parts = [_HEAD]
    for name, shape in SECTIONS.items():
        parts.append(_section(f"[{name}]", name, shape()))
    parts.append(_FEEDS_HEAD + _feeds())
    parts.append(_STRATEGIES_HEAD + "\n".join(_strategies()))
    return "\n".join(parts)


def _section(header: str, prefix: str, section: msgspec.Struct) -> str:
    lines = [header]
    for leaf in leaves(type(section), prefix).values():
        value = getattr(section, leaf.name)
        lines += _comment(_meaning(leaf))
        if leaf.kind is Kind.NAMES:
            lines += [f"{leaf.name} = {{}}"]
        else:
            lines += [f"{leaf.name} = {write(leaf, value)}"]
    return "\n".join(lines) + "\n"


def _meaning(leaf: Leaf) -> str:
    bounds = kinds.bounds(leaf).removeprefix(" from ")
    return f"{leaf.meaning} ({bounds})" if bounds else leaf.meaning


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 96)]


def _feeds() -> str:
    known = leaves(FeedConfig, "feeds")
    lines = [f"#   {leaf.name:<9} {_meaning(leaf)}" for leaf in known.values()]
    for feed in default_feeds():
        lines += ["", *_feed(feed, list(known))]
    return "\n".join(lines) + "\n"


def _feed(feed: FeedConfig, names: Iterable[str]) -> Iterator[str]:
    known = leaves(FeedConfig, "feeds")
    yield "[[feeds]]"
    yield from (f"{name} = {write(known[name], getattr(feed, name))}" for name in names)


def feed_table(feed: FeedConfig) -> str:
    """A feed's [[feeds]] table, without what it leaves at its default."""
    said = {"id", "url"} | {
        leaf.name
        for leaf in leaves(FeedConfig, "feeds").values()
        if getattr(feed, leaf.name) != leaf.default
    }
    names = [name for name in FeedConfig.__struct_fields__ if name in said]
    return "\n".join(_feed(feed, names)) + "\n"


def _strategies() -> Iterator[str]:
    known = {n: leaf for n, leaf in leaves(StrategyConfig, "strategies").items() if n != "params"}
    for leaf in known.values():
        yield f"#   {leaf.name:<9} {_meaning(leaf)}"
    for name, strategy in DEFAULT_STRATEGIES.items():
        yield f"\n[strategies.{name}]"
        yield from (f"{n} = {write(leaf, getattr(strategy, n))}" for n, leaf in known.items())
        yield from _params(name)
    yield ""


def _params(name: str) -> Iterator[str]:
    """A strategy's own parameters, stated as comments: their defaults are the strategy's."""
    from strategies.roster import RosterError, describe, find

    try:
        params = describe(find(name))
    except RosterError:
        return
    for param, default, meaning in params:
        yield from _comment(meaning)
        yield f"# {param} = {kinds.toml(default)}"
