"""On which line of a TOML file each key stands, for messages that can be clicked.

The standard parser keeps no positions. This reads headers and keys only and never decides what
anything means, so a line that it misses costs a line number, nothing else.
"""

import re
from collections import Counter

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_\"'-]+)*)\s*=")
_FENCES = ('"""', "'''")


def line_numbers(text: str) -> dict[str, int]:
    """Dotted key to line number, from 1; entries of a list of tables count from 0: feeds.0.url."""
    found: dict[str, int] = {}
    tables: Counter[str] = Counter()
    prefix, fence = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if fence:
            fence = "" if fence in line else fence
            continue
        header, key = _HEADER.match(line), _KEY.match(line)
        if header and "=" not in header[2]:
            prefix = _bare(header[2])
            if header[1] == "[[":
                prefix = f"{prefix}.{tables[prefix]}"
                tables[_parent(prefix)] += 1
            found.setdefault(prefix, number)
        elif key:
            found.setdefault(f"{prefix}.{_bare(key[1])}".lstrip("."), number)
            fence = _opens(line[key.end() :])
    return found


def _bare(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def _parent(prefix: str) -> str:
    return prefix.rpartition(".")[0]


def _opens(value: str) -> str:
    """The fence of a text that goes on in the next line, or ""."""
    return next((f for f in _FENCES if value.lstrip().startswith(f) and value.count(f) == 1), "")
