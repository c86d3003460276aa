"""What an engine knows, as far as others look at it."""

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from feeds.clock import Clock
from feeds.events import Fill
from feeds.markets import Nanos
from feeds.news.poller import SourceHealth
from feeds.polymarket.health import StreamHealth
from strategies.desk import Desk
from terminal.engine.changes import Changes
from terminal.engine.earlier import FILLS_MAX, Earlier
from terminal.engine.lag import Delay, Lag
from terminal.engine.latency import Spans
from terminal.engine.timeline import Timelines

log = logging.getLogger(__name__)

MISTAKES_MAX = 100


class Dated(Protocol):
    """Something that was last read whole at a time, or never."""

    @property
    def as_of_ns(self) -> Nanos | None: ...


class Reporting(Protocol):
    """Something that says in figures what it did and cost."""

    def report(self) -> dict[str, Any]: ...


@dataclass
class Counters:
    """What the engine has counted since it started."""

    stories: int = 0
    links: int = 0
    frames: int = 0
    suggestions: int = 0
    orders: int = 0
    fills: int = 0
    errors: int = 0
    clusters: int = 0
    books: set[str] = field(default_factory=set)
    last_error: str = ""


class EngineState:
    """Read between events by presenters, changed by the engine and what feeds it alone.

    ``complaints`` are what is wrong with something that feeds the engine, by its name;
    ``catalogue`` says as of when the whole catalogue is known, ``judge`` what the judge cost,
    ``earlier`` what sessions before this one left.
    """

    def __init__(
        self, venue: str, clock: Clock, desk: Desk, earlier: Earlier | None = None
    ) -> None:
        self.venue, self.clock, self.desk = venue, clock, desk
        self.changes = Changes(desk.news.stories)
        self.counters = Counters()
        self.timelines = Timelines()
        self.streams: dict[str, StreamHealth] = {}
        self.sources: dict[str, SourceHealth] = {}
        self.complaints: dict[str, str] = {}
        self.earlier = earlier or Earlier()
        self.fills: deque[Fill] = deque(self.earlier.fills, FILLS_MAX)
        self.mistakes: deque[str] = deque(maxlen=MISTAKES_MAX)
        self.story_to_suggestion = Spans()
        self.frame_to_book = Spans()
        self.lag = Lag(0)
        self.delay = Delay(clock)
        self.catalogue: Dated | None = None
        self.judge: Reporting | None = None

    @property
    def catalogue_as_of_ns(self) -> Nanos | None:
        """When the whole catalogue was last read, in this session or an earlier one."""
        return self.catalogue.as_of_ns if self.catalogue is not None else None

    def complain(self, about: str, sentence: str) -> None:
        """Show what is wrong with something that feeds the engine; "" where nothing is."""
        if sentence:
            self.complaints[about] = sentence
        else:
            self.complaints.pop(about, None)

    def error(self, sentence: str) -> None:
        """Count and log something that should not have happened; the session goes on."""
        self.counters.errors += 1
        self.counters.last_error = sentence
        self.mistakes.append(sentence)
        log.error("%s", sentence)

    def stream_health(self, health: StreamHealth) -> None:
        """How one connection of the stream does now."""
        self.streams[health.name] = health

    def source_health(self, health: SourceHealth) -> None:
        """How one source of news does now."""
        self.sources[health.source_id] = health
