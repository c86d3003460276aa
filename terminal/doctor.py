"""Is everything well? One look at machine, settings, files and network, each with its fix.

Nothing is changed, nothing here needs the network, and what asks the network asks all at once and
waits for no more than :data:`ANSWERS_WITHIN_S`.
"""

import base64
import http.client
import json
import locale
import os
import re
import shutil
import socket
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from feeds.clock import Clock
from feeds.llm import PATH, Key
from feeds.markets import SECOND
from feeds.semantic.models import checksum, missing
from feeds.text import printable
from terminal import venue_check
from terminal.config import Config, ConfigError, Loaded, load
from terminal.config.problems import names_a_secret
from terminal.config.shape import JudgeConfig
from terminal.ledger import LedgerError, LedgerReader
from terminal.ledger.store import SQLITE_MIN
from terminal.protocol.link import endpoint
from terminal.stores.paths import Paths
from terminal.stores.secret import SecretError, secret_of

ANSWERS_WITHIN_S = 2.0
FEEDS_ASKED_MAX = 4
BODY_BYTES_MAX = 4_096
MODELS_BYTES_MAX = 512 * 1024
MODELS_SHOWN = 5
SKEW_S_MAX = 5.0
DISK_FREE_MIN = 500_000_000
COLUMNS_MIN, LINES_MIN = 80, 24
SQLITE_FIXED = (3, 51, 3)
PACKAGE = "fit-to-trade"


@dataclass(frozen=True)
class Check:
    """One thing looked at: is it well, what was found, and what to do if it is not."""

    name: str
    ok: bool
    sentence: str
    fix: str = ""


Found = tuple[bool, str, str]
"""Well or not, a sentence, and the fix."""


def checks(
    config_file: str | os.PathLike[str] | None = None,
    paths: Paths | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """Look at everything. What fails is one more finding, never an exception."""
    paths = paths or Paths.find()
    env = os.environ if env is None else env
    loaded, complaint = _configuration(config_file, env)
    config = loaded.config if loaded is not None else Config()
    asked = [_Asked(name, look) for name, look in _slow(config, paths, env)]
    yield complaint
    yield from _local(paths, env, config.news.meaning)
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    for question in asked:
        yield question.answer(deadline)


def _configuration(
    config_file: str | os.PathLike[str] | None, env: Mapping[str, str]
) -> tuple[Loaded | None, Check]:
    try:
        loaded = load(config_file, env)
    except ConfigError as error:
        count = len(error.problems)
        more = f" (and {count - 1} more)" if count > 1 else ""
        said = f"{error.problems[0]}{more}"
        return None, Check("configuration", False, said, "`ftt config check` lists all")
    file = loaded.path or "defaults: there is no file"
    return loaded, Check("configuration", True, str(file))


def _local(paths: Paths, env: Mapping[str, str], wanted: bool) -> Iterator[Check]:
    looks: dict[str, Callable[[], Found]] = {
        "python": _python,
        "packages": _packages,
        "meaning": lambda: _meaning(wanted),
        "sqlite": lambda: _sqlite(sqlite3.sqlite_version_info),
        "disk": lambda: _disk(paths.state),
        "terminal": lambda: _terminal(env, sys.stdout.isatty()),
        "colours": lambda: _colours(env),
        "text": lambda: _text(locale.getpreferredencoding(False)),
        "secrets": lambda: _secrets(env),
        "engine": lambda: _engine(paths),
    }
    for folder in ("state", "tapes", "logs", "runtime"):
        looks[folder] = _folder_look(getattr(paths, folder))
    for name, look in looks.items():
        yield _judge(name, look)


def _judge(name: str, look: Callable[[], Found]) -> Check:
    try:
        return Check(name, *look())
    except Exception as error:  # a doctor that falls ill helps nobody
        return Check(name, False, f"could not be looked at: {error}", "say so in a bug report")


# -- the machine ----------------------------------------------------------------------------


def _python() -> Found:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= (3, 11)
    return fine, f"Python {version}", "" if fine else "install Python 3.11 or newer"


def _meaning(wanted: bool) -> Found:
    """Whether stories are linked by meaning too. Words alone are no fault, but a loss."""
    if not wanted:
        return True, "off: stories are linked by plain words (meaning = false under [news])", ""
    if absent := missing():
        return True, f"off: stories are linked by plain words, which finds less; {absent}", ""
    return True, f"on: stories are linked by what they mean as well (models {checksum()})", ""


def _packages() -> Found:
    wrong = list(_wrong_packages())
    if wrong:
        return False, "; ".join(wrong), f"install {PACKAGE} anew, in an environment of its own"
    return True, f"{PACKAGE} {_version_of(PACKAGE) or 'from its source'}, all it needs is there", ""


_SYSTEM = re.compile(r"""sys_platform == ["'](\w+)["']""")


def _wrong_packages() -> Iterator[str]:
    try:
        needs = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return
    for need in needs:
        named = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)", need)
        elsewhere = _SYSTEM.search(need)
        if named is None or "extra ==" in need or (elsewhere and elsewhere[1] != sys.platform):
            continue
        found = _version_of(named[1])
        if found is None:
            yield f"{named[1]} is missing"
        elif not _within(found, named[2]):
            yield f"{named[1]} is {found}, not {named[2]}"


def _version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _within(version: str, bounds: str) -> bool:
    """Whether a version keeps bounds such as ">=8.2,<9"."""
    have = _numbers(version)
    for sign, bound in re.findall(r"(>=|<)\s*([0-9.]+)", bounds):
        if (have >= _numbers(bound)) != (sign == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _sqlite(version: tuple[int, ...]) -> Found:
    words = ".".join(map(str, version))
    if version < SQLITE_MIN:
        least = ".".join(map(str, SQLITE_MIN))
        return False, f"SQLite {words}", f"install a Python with SQLite {least} or newer"
    if version < SQLITE_FIXED:
        said = (
            f"SQLite {words}: before 3.51.3 two programs that write one file at once could damage "
            "it; only the engine writes the ledger, so leave its file to it"
        )
        return True, said, ""
    return True, f"SQLite {words}", ""


def _disk(folder: Path) -> Found:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    said = f"{free / 1e9:.1f} GB free at {existing}"
    return free >= DISK_FREE_MIN, said, "" if free >= DISK_FREE_MIN else "free some space"


def _terminal(env: Mapping[str, str], is_terminal: bool) -> Found:
    if not is_terminal:
        return True, "no terminal here: output goes to a file or a pipe", ""
    if env.get("TERM", "dumb") in ("dumb", ""):
        return False, "the terminal can't move its cursor (TERM=dumb)", "use another terminal"
    columns, lines = shutil.get_terminal_size()
    fine = columns >= COLUMNS_MIN and lines >= LINES_MIN
    fix = "" if fine else f"make it at least {COLUMNS_MIN} by {LINES_MIN}"
    return fine, f"{columns} columns by {lines} lines", fix


def _colours(env: Mapping[str, str]) -> Found:
    if env.get("NO_COLOR"):
        return True, "none, as NO_COLOR asks", ""
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return True, "all (truecolor)", ""
    if env.get("TMUX"):
        fix = 'in ~/.tmux.conf: set -as terminal-features ",*:RGB", and export COLORTERM=truecolor'
        return False, "tmux does not say that it passes all colours on", fix
    return True, "few: the terminal does not announce truecolor", ""


def _text(encoding: str) -> Found:
    fine = encoding.lower().replace("-", "") == "utf8"
    return fine, f"text is {encoding}", "" if fine else "export LANG=C.UTF-8"


def _secrets(env: Mapping[str, str]) -> Found:
    """Names alone are looked at, and names alone are shown."""
    named = sorted(
        name
        for name in env
        if names_a_secret(name) and re.match(r"(?i)(ftt|poly|clob|wallet|eth|evm|private|pk)", name)
    )
    if named:
        said = f"the environment holds what may be a key: {', '.join(named[:5])}"
        return False, said, "unset it: paper trading needs no key, and every child can read it"
    return True, "no key in the environment or the configuration", ""


# -- files ----------------------------------------------------------------------------------


def _folder_look(folder: Path) -> Callable[[], Found]:
    return lambda: _folder(folder)


def _folder(folder: Path) -> Found:
    if not folder.exists():
        parent = next(place for place in folder.parents if place.exists())
        fine = os.access(parent, os.W_OK | os.X_OK)
        fix = "" if fine else "set FTT_HOME to a folder of yours"
        return fine, f"{folder} will be made" if fine else f"{folder} can't be made", fix
    seen = folder.stat()
    if not stat.S_ISDIR(seen.st_mode):
        return False, f"{folder} is no folder", "move it away"
    if not os.access(folder, os.W_OK | os.X_OK):
        return False, f"{folder} can't be written", f"chmod 700 {folder}"
    if os.name != "nt" and stat.S_IMODE(seen.st_mode) & 0o077:
        return False, f"{folder} is open to other users", f"chmod 700 {folder}"
    return True, str(folder), ""


def _ledger(path: Path) -> Found:
    if not path.exists():
        return True, "none yet: the first start makes one", ""
    try:
        with LedgerReader(path) as reader:
            rows = reader.verify()
    except LedgerError as error:
        said, _, fix = str(error).partition(": ")[2].partition(": ")
        return False, f"{path} {said}", fix
    return True, f"{rows} rows, each as it was written", ""


def _engine(paths: Paths) -> Found:
    place = endpoint(paths.runtime)
    if not place.exists():
        return True, "none is running", ""
    try:
        _knock(place)
    except (OSError, ValueError):
        return True, "none is running (one that was killed left its socket; a start removes it)", ""
    return True, "one is running: `ftt attach` opens it", ""


def _knock(place: Path) -> None:
    if place.suffix == ".sock":
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1.0)
            link.connect(str(place))
    else:
        port = int(place.read_text(encoding="ascii").split()[0])
        socket.create_connection(("127.0.0.1", port), 1.0).close()


# -- what may take long ----------------------------------------------------------------------


class _Asked:
    """A question that runs on its own; whoever waits for the answer does not wait long."""

    def __init__(self, name: str, look: Callable[[], Found]) -> None:
        self.name, self._look = name, look
        self._answer: Check | None = None
        # a daemon, so that a name server that never answers can't keep the program alive
        self._thread = threading.Thread(target=self._run, name=f"doctor {name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._answer = _judge(self.name, self._look)

    def answer(self, deadline: float) -> Check:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._answer is not None:
            return self._answer
        if self.name == "ledger":
            said = "so large that it is still being read; each start of an engine checks it whole"
            return Check(self.name, True, said)
        said = f"no answer within {ANSWERS_WITHIN_S:.0f} s"
        return Check(self.name, False, said, "check the network, a firewall or proxy, and the name")


def _slow(
    config: Config, paths: Paths, env: Mapping[str, str]
) -> Iterator[tuple[str, Callable[[], Found]]]:
    venue = config.venue
    yield "ledger", lambda: _ledger(paths.ledger)
    yield "catalogue", lambda: _web(f"{venue.hosts.gamma}/events/keyset?limit=1")
    yield "order books", lambda: _web(f"{venue.hosts.clob}/time")
    yield "market stream", lambda: _stream(venue.hosts.ws_market)
    yield (
        "clock",
        lambda: _clock(f"{venue.hosts.clob}/time", Clock(venue.clock_speed, venue.clock_anchor_ns)),
    )
    yield "endpoints", lambda: venue_check.endpoints(venue.hosts, ANSWERS_WITHIN_S)
    yield "venue mode", lambda: venue_check.mode(venue.hosts, paths.runtime, ANSWERS_WITHIN_S)
    if config.judge.url:
        yield "outside judge", lambda: _outside_judge(config.judge, paths.config, env)
    for feed in config.sources[:FEEDS_ASKED_MAX]:
        yield f"feed {feed.id}", _feed_look(feed.url)


def _feed_look(url: str) -> Callable[[], Found]:
    return lambda: _reach(url)


def _outside_judge(settings: JudgeConfig, config: Path, env: Mapping[str, str]) -> Found:
    """Is there the key that it is asked with, does it answer, and does it serve the model?"""
    try:
        key = Key(secret_of(settings.key, config, env)) if settings.key else None
    except (SecretError, ValueError) as error:
        fix = 'until then the linker\'s own links stand; url = "" under [judge] asks nobody'
        return False, f"its key: {error}", fix
    reached, said, fix = _reach(settings.url)
    if not reached:
        return reached, said, fix
    served = _models(settings.url, key.headers() if key else {})
    if served and settings.model not in served:
        names = ", ".join(printable(name, 60) for name in served[:MODELS_SHOWN])
        wrong = f"it serves no model {settings.model!r}, but {names}"
        return False, wrong, "set model under [judge] to one of them"
    if settings.may_place:
        said = f"{said}; DANGER: orders may rest on its word alone"
        return False, said, "unless you mean it: may_place = false under [judge]"
    return True, f"{said}; `ftt judge test` says how good it is", ""


def _models(url: str, headers: Mapping[str, str]) -> list[str]:
    """The models that it says it serves; none where it does not say so."""
    place = url.rstrip("/").removesuffix(PATH) + "/models"
    try:
        status, body = _get(place, headers, MODELS_BYTES_MAX)
        rows = json.loads(body)["data"] if status == 200 else []
        return [str(row["id"]) for row in rows]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []


_NO_NETWORK = "check the network, a firewall or proxy, and the address in the configuration"


def _web(url: str) -> Found:
    host = urlsplit(url).netloc
    try:
        status, _ = _get(url)
    except OSError as error:
        return False, f"{host} can't be reached: {error}", _NO_NETWORK
    if status == 403:
        return False, f"{host} answers 403: it refuses this place or program", "read its terms"
    fine = status < 400
    fix = "" if fine else "wait a little, and check the address in the configuration"
    return fine, f"{host} answers {status}", fix


def _get(
    url: str, headers: Mapping[str, str] | None = None, most: int = BODY_BYTES_MAX
) -> tuple[int, bytes]:
    """Status and the first bytes; raises ``OSError`` whatever goes wrong."""
    import httpx

    timeout = httpx.Timeout(ANSWERS_WITHIN_S)
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout) as response:
            body = b""
            for chunk in response.iter_raw():
                body += chunk
                if len(body) >= most:
                    break
            return response.status_code, body[:most]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(str(error) or type(error).__name__) from error


def _clock(url: str, clock: Clock) -> Found:
    try:
        status, body = _get(url)
    except OSError:
        return True, "not compared: the venue can't be reached", ""
    word = body.strip().strip(b'"')
    if status != 200 or not word.isdigit() or len(word) > 12:
        return True, "not compared: the venue does not say its time", ""
    # the venue says whole seconds; the answer was on its way for a moment of its own
    ahead = clock.now_ns() / SECOND - (int(word) + 0.5)
    allowed = SKEW_S_MAX * max(1.0, clock.speed)
    said = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the venue"
    if abs(ahead) <= allowed:
        return True, said, ""
    return False, said, "turn on time synchronisation (timedatectl set-ntp true)"


def _stream(url: str) -> Found:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        status = _upgrade(parts.scheme == "wss", host, parts.port, parts.path or "/")
    except (OSError, http.client.HTTPException) as error:
        return False, f"{host} can't be reached: {error}", _NO_NETWORK
    fine = status == 101
    said = f"{host} {'opens' if fine else f'answers {status} and does not open'} the stream"
    return fine, said, "" if fine else "check venue.ws_market in the configuration"


def _upgrade(secure: bool, host: str, port: int | None, path: str) -> int:
    """The status that a WebSocket's opening handshake is answered with (RFC 6455, 4.1)."""
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request(
            "GET",
            path,
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()


def _reach(url: str) -> Found:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    try:
        socket.create_connection((host, port), ANSWERS_WITHIN_S).close()
    except OSError as error:
        return False, f"{host} can't be reached: {error}", _NO_NETWORK
    return True, f"{host} can be reached", ""
