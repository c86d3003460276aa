"""Files of the state folder: read with a guard, put aside where they are damaged, replaced whole.

None of them holds money. So what can't be read costs what was in it and no more: it is kept under
another name for whoever wants to look, it is named, and the program goes on without.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from feeds.decoding import Unreadable, decoded

log = logging.getLogger(__name__)

ASIDE_MAX = 9
"""Damaged files of one name that are kept; the newest replaces the last of them."""
T = TypeVar("T")


def contents(file: Path, bytes_max: int) -> bytes | None:
    """All of a file; None where there is none, or none that can be read."""
    try:
        with file.open("rb") as stream:
            body = stream.read(bytes_max + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s can't be read: %s", file, error.strerror or error)
        return None
    if len(body) > bytes_max:
        put_aside(file, f"it has more than {bytes_max:,} bytes")
        return None
    return body


def read(file: Path, decode: Callable[[bytes], T], bytes_max: int) -> T | None:
    """What a file holds; None where there is none. What is damaged is put aside and named."""
    body = contents(file, bytes_max)
    if body is None:
        return None
    try:
        return decoded(decode, body)
    except Unreadable as error:
        put_aside(file, str(error))
        return None


def put_aside(file: Path, why: str) -> None:
    """Keep a damaged file under another name, out of the way of the next."""
    names = (file.with_name(f"{file.name}.unreadable{n or ''}") for n in range(ASIDE_MAX))
    aside = next((name for name in names if not name.exists()), None)
    aside = aside or file.with_name(f"{file.name}.unreadable{ASIDE_MAX - 1}")
    try:
        file.replace(aside)
    except OSError as error:
        log.warning("%s is damaged (%s) and can't be moved: %s", file, why, error.strerror or error)
    else:
        log.warning("%s is damaged (%s): kept as %s, starting afresh", file, why, aside.name)


def replaced(file: Path, contents: bytes) -> bool:
    """Write a file whole, so that a crash leaves the old one or the new one.

    False, and a line in the log, where it can't be written: the session goes on.
    """
    fresh = file.with_suffix(".new")
    try:
        fresh.write_bytes(contents)
        fresh.replace(file)
    except OSError as error:
        log.warning("%s can't be kept: %s", file.name, error)
        return False
    return True
