"""The kinds of value a setting can have: how each is read, written and explained.

A setting's type says all: ``Annotated`` with bounds and a sentence, and in ``extra`` the unit in
which people write it. Money, prices and times become exact integers here; no float on the way.
"""

import dataclasses
import difflib
import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from ipaddress import ip_address
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

UNITS = {"dollars": 1_000_000, "cents": 100, "shares": 1_000_000, "seconds": 1_000_000_000}
"""How many of our integer steps one written unit is."""
DECIMALS = {"dollars": 6, "cents": 2, "shares": 6, "seconds": 9}
DIGITS_MAX = 15
SHOWN_CHARS_MAX = 60
HUGE_BITS = 256


_USER_INFO = re.compile(r"://[^/\s@]+@")


class Kind(Enum):
    """What a value is, in the words of an error message."""

    TEXT = "a text in quotes"
    URL = "an address"
    FLAG = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    EXACT = "an amount"
    TEXTS = 'a list of texts, such as ["ai", "tech"]'
    CHOICE = "one of a few words"
    NAMES = "a table of texts"


class Misfit(Exception):
    """A value that a setting can't take: what was expected, and how to mend it."""

    def __init__(self, expected: str, fix: str = "") -> None:
        super().__init__(expected)
        self.expected, self.fix = expected, fix


@dataclass(frozen=True)
class Leaf:
    """One setting. ``low``, ``high`` and ``default`` are in our own units, not as written."""

    key: str
    name: str
    kind: Kind
    meaning: str
    default: Any
    low: float | None = None
    high: float | None = None
    longest: int | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    unit: str = ""
    schemes: tuple[str, ...] = ()
    plain_only_here: bool = False
    hidden: bool = False
    """Somebody may have put a secret here by mistake: a wrong value is not shown."""

    def expected(self) -> str:
        """What this setting takes, in words."""
        if self.kind is Kind.CHOICE:
            return "one of " + ", ".join(self.choices)
        if self.kind is Kind.URL:
            return "an address that begins with " + " or ".join(f"{s}://" for s in self.schemes)
        words = _WORDS.get(self.kind)
        return words(self) if words is not None else self.kind.value


def _amount_words(leaf: Leaf) -> str:
    return f"{leaf.unit}{bounds(leaf)}, with at most {DECIMALS[leaf.unit]} decimals"


def _number_words(leaf: Leaf) -> str:
    of = f" of {leaf.unit}" if leaf.unit else ""
    return f"{leaf.kind.value}{of}{bounds(leaf)}"


_WORDS: dict[Kind, Callable[[Leaf], str]] = {
    Kind.EXACT: _amount_words,
    Kind.WHOLE: _number_words,
    Kind.NUMBER: _number_words,
}


def bounds(leaf: Leaf) -> str:
    """The least and the most of a number in words, "" where there is neither."""
    low, high = (None if b is None else write(leaf, b) for b in (leaf.low, leaf.high))
    if leaf.kind not in (Kind.WHOLE, Kind.NUMBER, Kind.EXACT):
        return ""
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of {low} or more"
    return f" of {high} or less" if high is not None else ""


def leaves(shape: type[msgspec.Struct], prefix: str) -> dict[str, Leaf]:
    """The settings of one section, by name."""
    return {
        name: dataclasses.replace(leaf, key=f"{prefix}.{name}")
        for name, leaf in _leaves(shape).items()
    }


@functools.cache
def _leaves(shape: type[msgspec.Struct]) -> dict[str, Leaf]:
    return {field.name: _leaf(field, field.name) for field in msgspec.structs.fields(shape)}


def _leaf(field: msgspec.structs.FieldInfo, key: str) -> Leaf:
    metas = [m for m in getattr(field.type, "__metadata__", ()) if isinstance(m, msgspec.Meta)]
    bare = field.type.__origin__ if metas else field.type
    extra: dict[str, Any] = {}
    for meta in metas:
        extra |= meta.extra or {}
    return Leaf(
        key=key,
        name=field.name,
        kind=_kind(bare, extra),
        meaning=_last(metas, "description") or "",
        default=_default(field),
        low=_last(metas, "ge"),
        high=_last(metas, "le"),
        longest=_last(metas, "max_length"),
        pattern=_last(metas, "pattern") or "",
        choices=tuple(get_args(bare)) if get_origin(bare) is Literal else (),
        unit=extra.get("unit", ""),
        schemes=extra.get("schemes", ()),
        plain_only_here=extra.get("plain_only_here", False),
        hidden=extra.get("hidden", False),
    )


def _last(metas: list[msgspec.Meta], name: str) -> Any:
    said = [getattr(meta, name) for meta in metas if getattr(meta, name) is not None]
    return said[-1] if said else None


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _kind(bare: Any, extra: Mapping[str, Any]) -> Kind:
    if get_origin(bare) is Literal:
        return Kind.CHOICE
    if bare is int:
        return Kind.EXACT if extra.get("exact") else Kind.WHOLE
    if bare is str:
        return Kind.URL if "schemes" in extra else Kind.TEXT
    by_type: dict[Any, Kind] = {bool: Kind.FLAG, float: Kind.NUMBER}
    if bare in by_type:
        return by_type[bare]
    return Kind.TEXTS if get_origin(bare) is tuple else Kind.NAMES


# -- reading ------------------------------------------------------------------------------


def read(leaf: Leaf, value: object) -> Any:
    """A value from a TOML file as this setting's own type; raises :class:`Misfit`."""
    return _READERS[leaf.kind](leaf, value)


def read_text(leaf: Leaf, text: str) -> Any:
    """A value from the environment or a flag, where all is text; raises :class:`Misfit`."""
    return read(leaf, untext(leaf.kind, text.strip()))


def untext(kind: Kind, text: str) -> object:
    """What a text from the environment stands for; the text itself where it is nothing else."""
    if kind in (Kind.TEXT, Kind.URL, Kind.CHOICE):
        return text
    if kind is Kind.FLAG:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind is Kind.TEXTS:
        return [part.strip(" []\"'") for part in text.split(",") if part.strip(" []\"'")]
    if kind is Kind.NAMES:
        return text
    try:
        return int(text) if re.fullmatch(r"[+-]?\d{1,20}", text) else Decimal(text)
    except InvalidOperation:
        return text


def _read_text(leaf: Leaf, value: object) -> str:
    if not isinstance(value, str):
        raise Misfit(leaf.expected(), f'"{shown(value)}"?' if _is_number(value) else "")
    if any(not c.isprintable() for c in value):
        raise Misfit("printable text in one line", "take out the control characters")
    if leaf.longest is not None and len(value) > leaf.longest:
        raise Misfit(f"at most {leaf.longest} characters", f"cut {len(value) - leaf.longest}")
    if leaf.pattern and not re.search(leaf.pattern, value):
        raise Misfit(leaf.meaning, _slug(value, leaf.pattern))
    return value


def _slug(value: str, pattern: str) -> str:
    """The value as a short name, where that is what the pattern asks for."""
    slug = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:40]
    return f'"{slug}"?' if slug and re.search(pattern, slug) else ""


def _read_url(leaf: Leaf, value: object) -> str:
    url = _read_text(leaf, value)
    if not url and leaf.default == "":
        return url
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Misfit(leaf.expected(), "the host or port can't be read") from None
    if parts.scheme not in leaf.schemes:
        raise Misfit(leaf.expected(), _other_scheme(leaf, url))
    if not host or " " in url:
        raise Misfit(leaf.expected() + " and names a host", f'"{leaf.schemes[0]}://example.org"?')
    if leaf.plain_only_here and (parts.query or parts.fragment):
        raise Misfit(
            leaf.expected() + " without ? or #", f"{shown(url.split('?')[0].split('#')[0])}?"
        )
    if parts.username is not None or parts.password is not None:
        raise Misfit("an address without a user name or password", "keys never live in the config")
    if leaf.plain_only_here and parts.scheme in ("http", "ws") and not is_here(host):
        raise Misfit(
            f"{leaf.schemes[0]}:// for a host that is not this machine",
            f'"{leaf.schemes[0]}{shown(url[len(parts.scheme) :])[1:-1]}"?',
        )
    return url


def _other_scheme(leaf: Leaf, url: str) -> str:
    rest = url.split("://", 1)[-1]
    if url.startswith("file:") or not rest or ":" in rest.split("/")[0].rstrip("0123456789:"):
        return f'"{leaf.schemes[0]}://example.org/..."?'
    return f"{shown(leaf.schemes[0] + '://' + rest)}?"


def is_here(host: str) -> bool:
    """Whether a host is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read_flag(leaf: Leaf, value: object) -> bool:
    if isinstance(value, bool):
        return value
    yes = str(value).lower() in ("1", "yes", "on", "true", "y")
    raise Misfit(leaf.expected(), "true?" if yes else "false?")


def _read_whole(leaf: Leaf, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misfit(leaf.expected(), _as_whole(value))
    _within(leaf, value)
    return value


def _as_whole(value: object) -> str:
    if isinstance(value, str):
        return _from_words(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= DIGITS_MAX:
        return f"{int(value)}?"
    return ""


_SPANS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


def _from_words(value: str) -> str:
    """The number that a text such as "5m", "$25" or "1_000" seems to mean."""
    text = value.strip().lower()
    span = re.fullmatch(r"(\d{1,6})\s*(s|sec|m|min|h|d)", text)
    if span:
        return f"{int(span[1]) * _SPANS[span[2]]}?"
    plain = re.fullmatch(r"\$?\s*([\d_,]{1,15}(\.\d{1,9})?)\s*(\$|usd|dollars|c|¢|%)?", text)
    return f"{plain[1].replace(',', '').replace('_', '')}?" if plain and plain[1][0] != "," else ""


def _read_number(leaf: Leaf, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Misfit(leaf.expected(), _from_words(value) if isinstance(value, str) else "")
    exact = _decimal(leaf, value)
    if not exact.is_finite() or (exact and abs(exact.adjusted()) > DIGITS_MAX):
        raise Misfit(leaf.expected(), "" if leaf.high is None else f"{write(leaf, leaf.high)}?")
    return float(_within(leaf, float(exact)))


def _read_exact(leaf: Leaf, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Misfit(leaf.expected(), _from_words(value) if isinstance(value, str) else "")
    amount = _decimal(leaf, value)
    if not amount.is_finite() or (amount and abs(amount.adjusted()) > DIGITS_MAX):
        raise Misfit(leaf.expected(), "" if leaf.high is None else f"{write(leaf, leaf.high)}?")
    steps = amount * UNITS[leaf.unit]
    if steps != int(steps):
        raise Misfit(leaf.expected(), f"{write(leaf, int(steps))}?")
    _within(leaf, int(steps))
    return int(steps)


def _decimal(leaf: Leaf, value: float | Decimal) -> Decimal:
    if isinstance(value, int) and value.bit_length() > HUGE_BITS:
        raise Misfit(leaf.expected())
    # a float given by a program means what it shows
    return Decimal(str(value)) if isinstance(value, float) else Decimal(value)


def _within(leaf: Leaf, value: float) -> float:
    if leaf.low is not None and value < leaf.low:
        raise Misfit(leaf.expected(), f"{write(leaf, leaf.low)}?")
    if leaf.high is not None and value > leaf.high:
        raise Misfit(leaf.expected(), f"{write(leaf, leaf.high)}?")
    return value


def _read_texts(leaf: Leaf, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise Misfit(leaf.expected(), f"[{shown(value)}]?")
    if not isinstance(value, list | tuple):
        raise Misfit(leaf.expected())
    if leaf.longest is not None and len(value) > leaf.longest:
        raise Misfit(f"at most {leaf.longest} entries", f"take out {len(value) - leaf.longest}")
    for entry in value:
        if not isinstance(entry, str) or not entry or any(not c.isprintable() for c in entry):
            raise Misfit(leaf.expected(), f"mend {shown(entry)}")
    return tuple(value)


def _read_choice(leaf: Leaf, value: object) -> str:
    if isinstance(value, str) and value in leaf.choices:
        return value
    near = nearest(str(value).lower(), leaf.choices)
    raise Misfit(leaf.expected(), f'"{near}"?' if near else f'the default is "{leaf.default}"')


def _read_names(leaf: Leaf, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Misfit(leaf.expected(), f"write it as [{leaf.key}]")
    for name, entry in value.items():
        if not isinstance(entry, str):
            key = toml(str(name))
            raise Misfit(f"a text in quotes for each name, also for {key}", f'{key} = "..."')
    return dict(value)


_READERS: dict[Kind, Callable[[Leaf, object], Any]] = {
    Kind.TEXT: _read_text,
    Kind.URL: _read_url,
    Kind.FLAG: _read_flag,
    Kind.WHOLE: _read_whole,
    Kind.NUMBER: _read_number,
    Kind.EXACT: _read_exact,
    Kind.TEXTS: _read_texts,
    Kind.CHOICE: _read_choice,
    Kind.NAMES: _read_names,
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


# -- writing ------------------------------------------------------------------------------


def write(leaf: Leaf, value: Any) -> str:
    """A value as it would stand in the file."""
    if leaf.kind is Kind.EXACT:
        return plain(Decimal(value) / UNITS[leaf.unit])
    if leaf.kind is Kind.NUMBER:
        return plain(Decimal(str(value)))
    return toml(value)


def plain(number: Decimal) -> str:
    """A number without exponent and without idle zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def toml(value: Any) -> str:
    """A plain value in TOML's own spelling."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {toml(v)}" for name, v in value.items()) + "}"
    if isinstance(value, Iterable):
        return "[" + ", ".join(toml(entry) for entry in value) + "]"
    return str(value)


def shown(value: object) -> str:
    """A foreign value as it may be shown in a message: printable, in quotes, not long."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return json.dumps(printable(value), ensure_ascii=False)
    if isinstance(value, int) and value.bit_length() > HUGE_BITS:
        return "a number with very many digits"
    return printable(toml(value))


def printable(text: str) -> str:
    """Foreign text without control characters, user names and passwords, and with its end cut."""
    text = _USER_INFO.sub("://…@", text)
    cut = text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"
    return visible(cut)


def visible(text: str) -> str:
    """Text with a sign in the place of each control character."""
    return "".join(c if c.isprintable() else "�" for c in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or ""."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else ""
