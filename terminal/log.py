"""The log: one rotating file in the state folder, behind one filter that keeps secrets out.

Whatever is logged, by us or by a library, passes :func:`redacted` on its way: keys and
credentials are replaced, control characters made visible, and a traceback shows the code but no
variables.
"""

import logging
import logging.handlers
import os
import re
import sys
import time
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from terminal.stores.paths import Paths, private_folder

FILE_NAME = "ftt.log"
FILE_BYTES_MAX = 5_000_000
FILES_KEPT = 3
LINE_CHARS_MAX = 4_000
REDACTED = "[redacted]"

LOUD = ("httpx", "httpcore", "asyncio", "websockets", "markdown_it")
"""Libraries whose own chatter is left out below a warning, unless it is asked for."""

_NAMES = (
    r"private[_-]?key|api[_-]?key|api[_-]?secret|secret|passphrase|password|mnemonic|"
    r"seed[_-]?phrase|authorization|cookie|token|poly[_-]signature|poly[_-]api[_-]key|"
    r"poly[_-]passphrase"
)
# a name, then ":" or "=", then a value in quotes or up to the next blank; "Bearer x" is one value
_NAMED = re.compile(
    rf"""(?ix) (?P<name> ["']? (?:[a-z0-9]+[_-])* (?:{_NAMES}) ["']? \s* [:=] \s* )
    (?: "[^"]*" | '[^']*' | (?:bearer|basic)\s+\S+ | [^\s,;&}})\]"']+ )"""
)
_HEX_64 = re.compile(r"(?i)(?<![0-9a-f])(?:0x)?[0-9a-f]{64}(?![0-9a-f])")
_LONG_HEX = re.compile(r"(?i)(?<![0-9a-f])(?:0x)?[0-9a-f]{120,}(?![0-9a-f])")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9+/=._-]{8,}")
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]+@")
# a JSON web token, and the base64 of 32 bytes as the venue's API secrets are
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_BASE64_32 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=(?![A-Za-z0-9+/=_-])")


def redacted(text: str) -> str:
    """Text without what looks like a key or credential, and without control characters."""
    text = _NAMED.sub(lambda match: match["name"] + REDACTED, text)
    for pattern in (_LONG_HEX, _HEX_64, _TOKEN, _BASE64_32):
        text = pattern.sub(REDACTED, text)
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    return visible(_USER_INFO.sub(rf"\1{REDACTED}@", text))


def visible(text: str) -> str:
    """Control characters as ``\\x1b`` and the like; line ends stay, and long text is cut."""
    return "".join(_shown(text[:LINE_CHARS_MAX])) + ("…" if len(text) > LINE_CHARS_MAX else "")


def _shown(text: str) -> Iterator[str]:
    for character in text:
        if character.isprintable() or character == "\n":
            yield character
        else:
            yield character.encode("unicode_escape").decode("ascii")


class Redacting(logging.Formatter):
    """Times in UTC, then the whole text through the filter, traceback included.

    Lines of a message beyond its first are indented, so that no message can pass for another.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record)).replace("\n", "\n    ")


class _Quiet(logging.Filter):
    """Leaves out libraries' chatter."""

    def __init__(self, wanted: frozenset[str]) -> None:
        super().__init__()
        self._loud = tuple(name for name in LOUD if name not in wanted)

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in self._loud


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only this user can read."""

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return open(handle, "a", encoding="utf-8", errors="backslashreplace")


def set_up(paths: Paths, *, verbose: bool = False, debug: str | None = None) -> Path:
    """Log to a file in the log folder and nowhere else; returns the file.

    ``debug`` (by default ``$FTT_DEBUG``) names libraries whose chatter is wanted, such as
    "httpx,asyncio"; ``verbose`` keeps our own debug lines too. Said again, it replaces what was
    set up before.
    """
    wanted = frozenset(
        filter(None, (os.environ.get("FTT_DEBUG", "") if debug is None else debug).split(","))
    )
    root = logging.getLogger()
    take_down()
    private_folder(paths.logs)
    file = paths.logs / FILE_NAME
    handler = _PrivateFile(
        file, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT - 1, encoding="utf-8"
    )
    handler.setFormatter(Redacting())
    handler.addFilter(_Quiet(wanted))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose or wanted else logging.INFO)
    logging.captureWarnings(True)
    # a disk that is full must not print tracebacks over the screen
    logging.raiseExceptions = False
    sys.excepthook = _uncaught
    return file


def take_down() -> None:
    """Undo :func:`set_up`."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _PrivateFile)]:
        root.removeHandler(handler)
        handler.close()
    logging.captureWarnings(False)
    logging.raiseExceptions = True
    sys.excepthook = sys.__excepthook__


def _uncaught(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """What nobody caught goes to the log whole, and to stderr as one sentence."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("ftt").critical("uncaught", exc_info=error)
    print(redacted(f"ftt: {kind.__name__}: {error} (the log has more)"), file=sys.stderr)  # noqa: T201 - the last word
