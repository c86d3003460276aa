"""What a person called "not related", one JSON line each: it holds after a restart, and is kept to
score the linker by later."""

import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

from feeds.markets import Nanos
from terminal.protocol.vocabulary import TierWord

log = logging.getLogger(__name__)

UNRELATED_NAME = "not_related.jsonl"
BYTES_MAX = 4 * 1024 * 1024
"""Some ten thousand lines; of a longer file the end is read."""


class Parted(msgspec.Struct, frozen=True, kw_only=True):
    """A story and a market that a person parted (``on``) or joined again, and what the link was."""

    at_ns: Nanos
    on: bool
    story_id: str
    cluster_id: str
    title: str
    source: str
    condition_id: str
    question: str
    event: str
    relevance: float = 0.0
    direction: int = 0
    tier: TierWord = "touches"


_line = msgspec.json.Decoder(Parted)


class UnrelatedStore:
    """One file in ``folder``, added to. What can't be read or written is logged, no more."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / UNRELATED_NAME

    def keep(self, parted: Parted) -> None:
        """Add a line."""
        try:
            with self.file.open("ab") as file:
                file.write(msgspec.json.encode(parted) + b"\n")
        except OSError as error:
            log.warning("%s can't be kept: %s", self.file.name, error)

    def read(self) -> list[Parted]:
        """All lines that can be read, oldest first."""
        try:
            with self.file.open("rb") as file:
                file.seek(max(0, self.file.stat().st_size - BYTES_MAX))
                return list(_read(file.read(BYTES_MAX).splitlines()))
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("%s can't be read: %s", self.file, error)
            return []

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Clusters and events that are parted still, those parted first first."""
        parted: dict[tuple[str, str], None] = {}
        for one in self.read():
            pair = (one.cluster_id, one.event)
            parted.pop(pair, None)
            if one.on:
                parted[pair] = None
        return tuple(parted)


def _read(lines: Iterable[bytes]) -> Iterable[Parted]:
    for line in lines:
        try:
            yield _line.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("a line of %s is unreadable and left out", UNRELATED_NAME)
