"""Secrets by name: from the environment, or from a file that only this user can read.

No secret stands in the configuration, in a command's arguments, on a tape or in the ledger: all of
them hold the name alone.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

FOLDER = "secrets"
"""Beside the configuration file."""
BYTES_MAX = 4_096


class SecretError(Exception):
    """No secret of this name can be had; the message says what to do and shows no secret."""


def secret_of(name: str, beside: Path, env: Mapping[str, str] | None = None) -> str:
    """The secret called ``name``; ``beside`` is the configuration file, which need not exist.

    The environment comes first. Raises :class:`SecretError`.
    """
    given = (os.environ if env is None else env).get(name, "").strip()
    return given or _from_file(beside.parent / FOLDER / name)


def _from_file(file: Path) -> str:
    try:
        # a pipe must not hold us up
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise SecretError(
            f"no variable {file.name} in the environment and no file {file}: write the key into "
            "that file and chmod 600 it"
        ) from None
    except OSError as error:
        raise SecretError(f"{file} can't be read: {error.strerror}") from None
    with open(handle, "rb") as stream:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode):
            raise SecretError(f"{file} is no file")
        if hasattr(os, "getuid") and (seen.st_mode & 0o077 or seen.st_uid != os.getuid()):
            raise SecretError(f"others can read {file}: make it yours and chmod 600 it")
        body = stream.read(BYTES_MAX + 1)
    text = body.decode("ascii", "replace").strip()
    if not text or len(body) > BYTES_MAX:
        raise SecretError(f"{file} is empty or too long for a key")
    return text
