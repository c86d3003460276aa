"""Where things are kept: the platform's own folders, or all under ``FTT_HOME``."""

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path

import platformdirs

APP = "ftt"
SOCKET_NAME = "ftt.sock"
CATALOGUE_SHELF = "catalogue.msgpack"
SOCKET_PATH_BYTES_MAX = 100
"""Unix sockets take 104 bytes on macOS and 108 on Linux, the closing zero among them."""


class PathError(Exception):
    """A folder can't be used; the message says what to do."""


@dataclass(frozen=True)
class Paths:
    """Every place that Fit to Trade reads or writes."""

    config: Path
    state: Path
    ledger: Path
    tapes: Path
    alerts: Path
    logs: Path
    runtime: Path

    @classmethod
    def find(cls, env: Mapping[str, str] | None = None) -> "Paths":
        """The places by ``FTT_HOME``, or the platform's own. ``FTT_CONFIG`` moves the config."""
        env = os.environ if env is None else env
        home = env.get("FTT_HOME", "")
        config = env.get("FTT_CONFIG", "")
        if home:
            root = Path(home).expanduser().absolute()
            return cls._of(config, root, root, _socket_folder(root / "run"))
        settings = platformdirs.user_config_path(APP, appauthor=False)
        state = platformdirs.user_state_path(APP, appauthor=False)
        given = env.get("XDG_RUNTIME_DIR", "")
        runtime = Path(given, APP) if given and Path(given).is_dir() else state / "run"
        return cls._of(config, settings, state, _socket_folder(runtime))

    @classmethod
    def _of(cls, config: str, settings: Path, state: Path, runtime: Path) -> "Paths":
        return cls(
            config=Path(config).expanduser() if config else settings / "config.toml",
            state=state,
            ledger=state / "ledger.sqlite",
            tapes=state / "tapes",
            alerts=state / "alerts.jsonl",
            logs=state / "logs",
            runtime=runtime,
        )

    def rows(self) -> list[tuple[str, str]]:
        """Name and place of each, for `ftt paths`."""
        return [(field.name, str(getattr(self, field.name))) for field in fields(self)]

    def make(self) -> None:
        """Make the folders for this user alone; raises :class:`PathError`."""
        for folder in (self.state, self.tapes, self.logs, self.runtime):
            private_folder(folder)


def private_folder(folder: Path) -> None:
    """Make a folder that only this user can enter; one that is there stays as it is.

    Raises :class:`PathError` where it belongs to somebody else, or anybody may write in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.stat()
    except OSError as error:
        raise PathError(
            f"{folder}: can't be made ({error.strerror}); set FTT_HOME to a folder of yours"
        ) from error
    if not stat.S_ISDIR(seen.st_mode):
        raise PathError(f"{folder}: is no folder; move it away or set FTT_HOME to another place")
    if hasattr(os, "getuid") and seen.st_uid != os.getuid():
        raise PathError(f"{folder}: belongs to another user; set FTT_HOME to a folder of yours")
    if os.name != "nt" and seen.st_mode & stat.S_IWOTH:
        raise PathError(f"{folder}: anybody may write in it; set FTT_HOME to a folder of yours")


def _socket_folder(folder: Path) -> Path:
    """This folder, or a short one of the same meaning where a socket's path would be too long."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
        return folder
    mark = blake2b(os.fsencode(folder), digest_size=6).hexdigest()
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir(), f"{APP}-{user}-{mark}")
