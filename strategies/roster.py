"""Which strategies there are, and how one is put on duty.

Installed strategies announce themselves under the entry-point group ``ftt.strategies`` and are
listed without importing them. A strategy of one's own may as well be a single file, named by its
path. Either way its parameters are checked against what it declares, and whatever is wrong is
said with the name of the strategy, the parameter and the way out.
"""

import sys
from difflib import get_close_matches
from hashlib import blake2b
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from strategies.api import Strategy, StrategyParams
from strategies.decisions import Mandate
from strategies.desk.settings import Enrolled

GROUP = "ftt.strategies"


class RosterError(ValueError):
    """A strategy can't be put on duty; the message names it, what is wrong, and the way out."""


def available() -> list[str]:
    """Names of the installed strategies, sorted; nothing is imported."""
    return sorted(_points())


def enrol(name_or_path: str, params: dict[str, Any], mandate: Mandate) -> Enrolled:
    """Load a strategy by its installed name or the path of a .py file, with its parameters.

    Raises :class:`RosterError`. Loading a file runs it, with the rights of this program.
    """
    kind = find(name_or_path)
    label = name_or_path if name_or_path == kind.name else f"{name_or_path} ({kind.name})"
    checked = check_params(kind, params, label)
    try:
        strategy = kind(checked)
    except Exception as error:
        said = f"strategy {label}: it can't be made with these parameters: {error}"
        raise RosterError(said) from error
    return Enrolled(strategy, mandate)


def find(name_or_path: str) -> type[Strategy]:
    """The class of a strategy; raises RosterError."""
    if name_or_path.endswith(".py") or "/" in name_or_path or "\\" in name_or_path:
        return _from_file(Path(name_or_path).expanduser())
    return _from_point(name_or_path)


def describe(kind: type[Strategy]) -> list[tuple[str, Any, str]]:
    """A strategy's parameters: name, default and what it means."""
    fields = msgspec.json.schema(kind.Params)["$defs"][kind.Params.__name__]["properties"]
    defaults = msgspec.to_builtins(kind.Params())
    return [(name, defaults[name], field.get("description", "")) for name, field in fields.items()]


def check_params(kind: type[Strategy], params: dict[str, Any], label: str) -> StrategyParams:
    """Parameters as the strategy declares them; raises RosterError naming the first wrong one."""
    known = kind.Params.__struct_fields__
    for key in params:
        if key not in known:
            raise RosterError(
                f"strategy {label}: there is no parameter {key!r}{_nearest(key, known)}"
            )
    try:
        return msgspec.convert(params, kind.Params)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        where = f"parameter {path.rstrip('`')!r}: " if path else ""
        raise RosterError(f"strategy {label}: {where}{what}") from error


# -- by name ---------------------------------------------------------------------------------


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _from_point(name: str) -> type[Strategy]:
    points = _points()
    if name not in points:
        known = tuple(sorted(points))
        hint = _nearest(name, known) or f" (installed: {', '.join(known) or 'none'})"
        raise RosterError(
            f"there is no strategy {name!r}{hint}; a file of your own is named by its path"
        )
    try:
        found = points[name].load()
    except Exception as error:
        raise RosterError(f"strategy {name!r} can't be loaded: {_said(error)}") from error
    return _checked(found, name)


# -- by path ---------------------------------------------------------------------------------


def _from_file(path: Path) -> type[Strategy]:
    if not path.is_file():
        raise RosterError(f"strategy file {path}: there is no such file")
    found = [
        value
        for value in vars(_import(path)).values()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value.__module__ == _module_name(path)
    ]
    if len(found) != 1:
        names = ", ".join(kind.__name__ for kind in found) or "none"
        raise RosterError(
            f"strategy file {path}: expected one subclass of strategies.api.Strategy, found {names}"
        )
    return _checked(found[0], str(path))


def _module_name(path: Path) -> str:
    digest = blake2b(str(path.resolve()).encode(), digest_size=6).hexdigest()
    return f"ftt_strategy_{path.stem}_{digest}"


def _import(path: Path) -> ModuleType:
    name = _module_name(path)
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RosterError(f"strategy file {path}: it is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module  # a struct's annotations are looked up in its module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise RosterError(f"strategy file {path}: {_said(error)}") from error
    return module


# -- both ------------------------------------------------------------------------------------


def _checked(found: object, label: str) -> type[Strategy]:
    """A class that can be put on duty, or a RosterError."""
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise RosterError(f"strategy {label}: {found!r} is no subclass of strategies.api.Strategy")
    name = getattr(found, "name", None)
    if not isinstance(name, str) or not name or len(name) > 40:
        raise RosterError(
            f"strategy {label}: class {found.__name__} needs a name, as in name = 'x'"
        )
    params = getattr(found, "Params", None)
    if not (isinstance(params, type) and issubclass(params, StrategyParams)):
        raise RosterError(
            f"strategy {label}: class {found.__name__} needs Params, a subclass of StrategyParams"
        )
    try:
        params()
    except TypeError as error:
        raise RosterError(f"strategy {label}: every parameter needs a default: {error}") from error
    return found


def _nearest(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
