"""From file, environment and flags to one checked :class:`Config`.

Layers are laid over each other key by key: a flag beats the environment, the environment the
file, the file a default. Everything that is wrong is found before anything is said.
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from terminal.config import kinds
from terminal.config.kinds import Kind, Leaf, Misfit, leaves, nearest, read, read_text, shown
from terminal.config.lines import line_numbers
from terminal.config.problems import ConfigError, Problem, names_a_secret, secret, unknown
from terminal.config.shape import (
    DEFAULT_STRATEGIES,
    FEEDS_MAX,
    SECTIONS,
    STRATEGIES_MAX,
    Config,
    FeedConfig,
    NewsConfig,
    StrategyConfig,
    default_feeds,
    feed_pack,
)

FILE_BYTES_MAX = 256 << 10
ENV_PREFIX = "FTT_"
ENV_OTHER = ("FTT_HOME", "FTT_CONFIG", "FTT_DEBUG")
"""Variables of ours that are no settings."""
DEFAULT = "default"
PACK = "pack"
"""Where a feed comes from that `[news] pack` adds."""
_STRATEGY_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Raw:
    """A value on its way in. ``where`` is its origin; ``is_text`` marks environment and flags."""

    value: Any
    where: str
    is_text: bool = False
    ready: bool = False


Table = dict[str, Raw]


@dataclass
class Draft:
    """All layers, key by key; the topmost wins."""

    sections: dict[str, Table] = field(default_factory=dict)
    feeds: list[Table] = field(default_factory=list)
    strategies: dict[str, Table] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """A checked configuration and where each of its values came from.

    ``origins`` maps a dotted key to "config.toml:12", "env FTT_...", "flag", "pack" or "default";
    ``path`` is the file that was read, None where there is none.
    """

    config: Config
    origins: dict[str, str]
    path: Path | None = None


def load(
    path: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Loaded:
    """Read the configuration; raises :class:`ConfigError` with every problem at once.

    Without ``path`` the file is where ``stores.paths.Paths`` looks, and may be missing.
    ``overrides`` are flags that somebody typed, by dotted key.
    """
    from terminal.stores.paths import Paths

    env = os.environ if env is None else env
    file = Path(path) if path is not None else Paths.find(env).config
    must_exist = path is not None or "FTT_CONFIG" in env
    draft = _defaults()
    found = _lay_file(draft, file, must_exist)
    overrides = overrides or {}
    if _wants_pack(draft, env, overrides):
        _lay_pack(draft)
    _lay_environment(draft, env)
    for key, value in overrides.items():
        _lay(draft, key.split("."), Raw(value, "flag", is_text=isinstance(value, str)))
    origins: dict[str, str] = {}
    config = _build(draft, origins, file.absolute().parent)
    if draft.problems:
        raise ConfigError(draft.problems, str(file) if found else "")
    return Loaded(config, origins, file if found else None)


def _defaults() -> Draft:
    draft = Draft()
    for feed in default_feeds():
        draft.feeds.append(_ready(feed))
    for name, strategy in DEFAULT_STRATEGIES.items():
        draft.strategies[name] = {} if strategy == StrategyConfig() else _ready(strategy)
    return draft


def _ready(shape: msgspec.Struct, where: str = DEFAULT) -> Table:
    return {n: Raw(v, where, ready=True) for n, v in msgspec.structs.asdict(shape).items()}


def _wants_pack(draft: Draft, env: Mapping[str, str], overrides: Mapping[str, object]) -> bool:
    """Whether the topmost layer that says ``news.pack`` says yes; a misfit is told of later.

    The pack is laid before the environment, which may change its feeds.
    """
    leaf = leaves(NewsConfig, "news")["pack"]
    raw = draft.sections.get("news", {}).get("pack", Raw(False, DEFAULT))
    value: Any = overrides.get(leaf.key, env.get(env_name(leaf.key), raw.value))
    try:
        return bool(read_text(leaf, value) if isinstance(value, str) else read(leaf, value))
    except Misfit:
        return False


def _lay_pack(draft: Draft) -> None:
    """Add the pack's feeds; one of the user's own with that id or address stands in its place."""
    said = (table[key].value for table in draft.feeds for key in ("id", "url") if key in table)
    taken = {value for value in said if isinstance(value, str)}
    added = [feed for feed in feed_pack() if feed.id not in taken and feed.url not in taken]
    draft.feeds += [_ready(feed, PACK) for feed in added[: FEEDS_MAX - len(draft.feeds)]]


# -- the file -----------------------------------------------------------------------------


def _lay_file(draft: Draft, file: Path, must_exist: bool) -> bool:
    if not must_exist and not file.exists():
        return False
    problem, text = _text_of(file)
    if problem is not None:
        draft.problems.append(problem)
        return True
    problem, document = _parse(file.name, text)
    if problem is not None:
        draft.problems.append(problem)
        return True
    lines = line_numbers(text)

    def where(key: str) -> str:
        while key and key not in lines:
            key = key.rpartition(".")[0]
        return f"{file.name}:{lines[key]}" if key else file.name

    _lay_document(draft, document, where)
    return True


def _text_of(file: Path) -> tuple[Problem | None, str]:
    name = file.name
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            return Problem(name, "", "a file", "something else", "name a TOML file"), ""
        if mode & stat.S_IWOTH:
            fix = f"chmod 600 {file}"
            return Problem(name, "", "a file that only you can change", "any user can", fix), ""
        with file.open("rb") as stream:
            body = stream.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return Problem(name, "", "a file", "none", "`ftt config init` writes one"), ""
    except OSError as error:
        fix = f"chmod 600 {file}" if isinstance(error, PermissionError) else "check the disk"
        return Problem(name, "", "a readable file", f"an error: {error.strerror}", fix), ""
    if len(body) > FILE_BYTES_MAX:
        return Problem(name, "", f"at most {FILE_BYTES_MAX} bytes", "more", "is it the file?"), ""
    try:
        return None, body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        return Problem(f"{name}:{line}", "", "UTF-8 text", "other bytes", "save it as UTF-8"), ""


def _parse(name: str, text: str) -> tuple[Problem | None, dict[str, Any]]:
    try:
        return None, tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).partition(" (at ")
        line = place.split(",")[0].removeprefix("line ")
        number = int(line) if line.isdigit() else max(1, len(text.splitlines()))
        fix = _syntax_fix(text, number)
        return Problem(f"{name}:{number}", "", "TOML", said[:1].lower() + said[1:], fix), {}
    except (ValueError, RecursionError, ArithmeticError) as error:
        found = "nesting too deep" if isinstance(error, RecursionError) else "a number too long"
        return Problem(name, "", "TOML of ordinary size", found, "write it shorter"), {}


def _syntax_fix(text: str, line: int) -> str:
    said = text.splitlines()[line - 1].strip() if line <= len(text.splitlines()) else ""
    name = said.split("=")[0].strip()
    return f"look at {shown(said)}" if said and name != "key" and not names_a_secret(name) else ""


def _lay_document(draft: Draft, document: dict[str, Any], where: Callable[[str], str]) -> None:
    secrets = set(_secrets(document, ""))
    draft.problems += [secret(where(key), key) for key in sorted(secrets)]
    for section, body in document.items():
        if section in secrets:
            continue
        if section == "feeds":
            _lay_feeds(draft, body, where)
        elif section != "strategies" and section not in SECTIONS:
            known = [*SECTIONS, "feeds", "strategies"]
            draft.problems.append(unknown(where(section), section, nearest(section, known), known))
        elif not isinstance(body, dict):
            draft.problems.append(
                Problem(where(section), section, "a table", shown(body), f"write [{section}]")
            )
        else:
            for keys, value in _flat(section, body):
                if ".".join(keys) not in secrets:
                    _lay(draft, keys, Raw(value, where(".".join(keys))))


def _flat(section: str, body: dict[str, Any]) -> Iterator[tuple[list[str], Any]]:
    for name, value in body.items():
        if section == "strategies" and isinstance(value, dict):
            yield [section, name], {}
            yield from (([section, name, key], inner) for key, inner in value.items())
        else:
            yield [section, name], value


def _secrets(value: Any, key: str) -> Iterator[str]:
    """Keys, at any depth, whose names say that they hold a secret."""
    pairs: Iterable[tuple[str, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        pairs = [(str(n), entry) for n, entry in enumerate(value)]
    for name, inner in pairs:
        inner_key = f"{key}.{name}".lstrip(".")
        if names_a_secret(name):
            yield inner_key
        else:
            yield from _secrets(inner, inner_key)


def _lay_feeds(draft: Draft, body: Any, where: Callable[[str], str]) -> None:
    if not isinstance(body, list) or not all(isinstance(entry, dict) for entry in body):
        draft.problems.append(
            Problem(where("feeds"), "feeds", "a list of tables", shown(body), "write [[feeds]]")
        )
        return
    if len(body) > FEEDS_MAX:
        found = f"{len(body)}"
        draft.problems.append(
            Problem(where("feeds"), "feeds", f"at most {FEEDS_MAX} feeds", found, "take some out")
        )
    draft.feeds = [
        {name: Raw(v, where(f"feeds.{n}.{name}")) for name, v in entry.items()}
        | ({} if entry else {"": Raw(None, where(f"feeds.{n}"))})
        for n, entry in enumerate(body[:FEEDS_MAX])
    ]


# -- environment and flags ------------------------------------------------------------------


def env_name(key: str) -> str:
    """The environment variable that overrides a dotted key."""
    return ENV_PREFIX + key.replace(".", "__").replace("-", "_").upper()


def _lay_environment(draft: Draft, env: Mapping[str, str]) -> None:
    by_name = {env_name(key): key for key in _static_keys()}
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX) or name in ENV_OTHER:
            continue
        raw = Raw(env[name], f"env {name}", is_text=True)
        keys = by_name[name].split(".") if name in by_name else _dynamic(draft, name)
        if keys is not None and not names_a_secret(keys[-1]):
            _lay(draft, keys, raw)
        elif names_a_secret(name):
            draft.problems.append(secret(raw.where, ""))
        elif "__" in name or nearest(name, by_name):
            near = nearest(name, by_name)
            draft.problems.append(unknown(raw.where, name, near, ["`ftt config show` lists them"]))


def _static_keys() -> Iterator[str]:
    for section, shape in SECTIONS.items():
        yield from (leaf.key for leaf in leaves(shape, section).values())


def _dynamic(draft: Draft, name: str) -> list[str] | None:
    """FTT_FEEDS__ID__FIELD and FTT_STRATEGIES__NAME__KEY."""
    parts = name.removeprefix(ENV_PREFIX).split("__")
    if len(parts) != 3 or not all(parts):
        return None
    section, which, key = (part.lower() for part in parts)
    if section == "feeds":
        ids = [str(feed["id"].value) for feed in draft.feeds if "id" in feed]
        feed_id = next((i for i in ids if _as_env(i) == which), None)
        return [section, feed_id, key] if feed_id is not None else None
    if section == "strategies":
        names = (n for n in draft.strategies if _as_env(n) == which)
        return [section, next(names, which), key]
    return None


def _as_env(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _lay(draft: Draft, keys: list[str], raw: Raw) -> None:
    """Put one value over what lies below it."""
    match keys:
        case ["strategies", name]:
            if raw.value == {}:
                draft.strategies.setdefault(name, {})
                draft.headers[".".join(keys)] = raw.where
            else:
                fix = f"write [strategies.{name}]"
                draft.problems.append(
                    Problem(raw.where, ".".join(keys), "a table", shown(raw.value), fix)
                )
        case ["strategies", name, key]:
            draft.strategies.setdefault(name, {})[key] = raw
        case ["feeds", feed_id, key]:
            for feed in draft.feeds:
                if "id" in feed and feed["id"].value == feed_id:
                    feed[key] = raw
        case [section, key] if section in SECTIONS:
            draft.sections.setdefault(section, {})[key] = raw
        case _:
            key = ".".join(keys)
            near = nearest(key, _static_keys())
            draft.problems.append(unknown(raw.where, key, near, SECTIONS))


# -- building -----------------------------------------------------------------------------


def _build(draft: Draft, origins: dict[str, str], folder: Path) -> Config:
    from terminal.config.together import check_together

    values: dict[str, Any] = {
        section: _struct(shape, section, draft.sections.get(section, {}), draft.problems, origins)
        for section, shape in SECTIONS.items()
    }
    values["feeds"] = _feeds(draft, origins, values["news"])
    values["strategies"] = _strategies(draft, origins, folder)
    config = Config(**values)
    wheres = {key: origin for key, origin in origins.items() if origin != DEFAULT}
    draft.problems += check_together(config, draft.headers | wheres)
    return config


def _struct(
    shape: type[msgspec.Struct],
    prefix: str,
    table: Table,
    problems: list[Problem],
    origins: dict[str, str],
) -> Any:
    known = leaves(shape, prefix)
    values = {}
    for name, raw in table.items():
        if name not in known:
            near = nearest(name, known)
            problems.append(unknown(raw.where, f"{prefix}.{name}", near, known))
        else:
            values[name] = _value(known[name], raw, problems)
            origins[f"{prefix}.{name}"] = raw.where
    for name, leaf in known.items():
        origins.setdefault(f"{prefix}.{name}", DEFAULT)
        if name not in values and leaf.default is msgspec.NODEFAULT:
            values[name] = ""
            said = (raw.where for raw in table.values() if raw.where != DEFAULT)
            where = next(said, prefix)
            problems.append(
                Problem(where, leaf.key, leaf.expected(), "nothing", f"add {name} = ...")
            )
    return shape(**values)


def _value(leaf: Leaf, raw: Raw, problems: list[Problem]) -> Any:
    if raw.ready:
        return raw.value
    try:
        return read_text(leaf, raw.value) if raw.is_text else read(leaf, raw.value)
    except Misfit as misfit:
        found, fix = shown(raw.value), misfit.fix
        if leaf.hidden:
            found, fix = "something else (not shown)", "never the secret itself"
        problems.append(Problem(raw.where, leaf.key, misfit.expected, found, fix))
        return "" if leaf.default is msgspec.NODEFAULT else leaf.default


def _feeds(draft: Draft, origins: dict[str, str], news: Any) -> tuple[FeedConfig, ...]:
    feeds: list[FeedConfig] = []
    seen: dict[str, str] = {}
    for number, table in enumerate(draft.feeds):
        nameless = table.pop("", None)
        if nameless is not None:
            table = {"id": Raw("", nameless.where)}
        feed_id = table["id"].value if "id" in table else ""
        prefix = f"feeds.{feed_id}" if feed_id and isinstance(feed_id, str) else f"feeds.{number}"
        shared = _from_news(news, origins)
        feed = _struct(FeedConfig, prefix, shared | table, draft.problems, origins)
        if feed.id and feed.id in seen:
            fix = f"the other is at {seen[feed.id]}; rename one"
            where = table["id"].where
            draft.problems.append(
                Problem(where, f"{prefix}.id", "an id of its own", shown(feed.id), fix)
            )
        elif feed.id:
            seen[feed.id] = table["id"].where
        feeds.append(feed)
    return tuple(feeds)


def _from_news(news: Any, origins: dict[str, str]) -> Table:
    """What a feed does not say, [news] says for all."""
    return {
        name: Raw(getattr(news, name), origins[f"news.{name}"], ready=True)
        for name in ("every_s", "trust", "language")
    }


def _strategies(draft: Draft, origins: dict[str, str], folder: Path) -> dict[str, StrategyConfig]:
    if len(draft.strategies) > STRATEGIES_MAX:
        draft.problems.append(
            Problem("strategies", "", f"at most {STRATEGIES_MAX}", f"{len(draft.strategies)}", "")
        )
    own = leaves(StrategyConfig, "strategies")
    del own["params"]
    strategies = {}
    for name, table in draft.strategies.items():
        prefix = f"strategies.{name}"
        if not _STRATEGY_NAME.fullmatch(name):
            expected = 'a name of small letters, digits, "-" and "_"'
            draft.problems.append(Problem("strategies", prefix, expected, shown(name), "rename it"))
            continue
        params = {
            key: _param(f"{prefix}.{key}", raw, draft.problems)
            for key, raw in table.items()
            if key not in own and key != "params"
        }
        origins.update({f"{prefix}.{key}": table[key].where for key in params})
        known = {key: raw for key, raw in table.items() if key in own}
        strategy = _struct(StrategyConfig, prefix, known, draft.problems, origins)
        origins.pop(f"{prefix}.params", None)
        path = str(folder / Path(strategy.path).expanduser()) if strategy.path else ""
        strategies[name] = msgspec.structs.replace(strategy, path=path, params=params)
    return strategies


def _param(key: str, raw: Raw, problems: list[Problem]) -> Any:
    """A strategy's own parameter: its type is the strategy's to check."""
    value = _guess(raw.value) if raw.is_text else raw.value
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and abs(value.adjusted()) < kinds.DIGITS_MAX
    ):
        return float(value)
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, list) and all(isinstance(entry, str | int) for entry in value):
        return value
    expected = "a text, a number, true, false or a list of texts"
    problems.append(Problem(raw.where, key, expected, shown(value), ""))
    return None


def _guess(text: Any) -> Any:
    for kind in (Kind.FLAG, Kind.NUMBER):
        value = kinds.untext(kind, str(text).strip())
        if not isinstance(value, str):
            return value
    return text
