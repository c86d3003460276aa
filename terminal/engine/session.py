"""One session's deterministic half: desk and paper broker behind one door.

The engine, `ftt replay` and the tests all drive this class, so a tape gives the same decisions
wherever it is played.
"""

from collections import deque
from hashlib import blake2b
from typing import Any

import msgspec

from feeds.events import Event
from feeds.markets import SECOND
from strategies.decisions import Cancel, Decision, Mandate, Place, Remembered
from strategies.desk import Desk, DeskSettings
from strategies.linking import Linker
from strategies.portfolio import Recalled
from strategies.roster import enrol
from terminal.engine.brokers import Broker, Heard
from terminal.engine.brokers.paper import PaperBroker

MILLISECOND = SECOND // 1_000
REPLIES_PER_EVENT_MAX = 10_000
"""More than that from one event is an engine arguing with itself."""


class StrategySetting(msgspec.Struct, frozen=True):
    """A strategy as the config names it: an entry point's name or a file, with its parameters."""

    name: str
    mandate: Mandate
    path: str = ""
    params: dict[str, Any] = {}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides the events that decisions depend on; the first record of a tape.

    ``past`` are the fills, settlements and resolutions of earlier sessions, from the ledger;
    ``precedents`` what stories did to odds in them; ``models`` the fingerprint of the models whose
    word on what stories mean is among the events, "" where there were none.
    """

    version: str
    venue: str
    started_ns: int
    speed: float = 1.0
    desk: DeskSettings
    strategies: tuple[StrategySetting, ...] = ()
    past: tuple[Recalled, ...] = ()
    precedents: tuple[Remembered, ...] = ()
    killed: bool = False
    models: str = ""


class Step(msgspec.Struct):
    """What one event led to: decisions in order, and what the broker said."""

    decisions: list[Decision]
    heard: list[Heard]


class Session:
    """Feed it events in order of time; it returns what was decided and done."""

    def __init__(self, header: Header) -> None:
        self.header = header
        enrolled = [
            enrol(setting.path or setting.name, dict(setting.params), setting.mandate)
            for setting in header.strategies
        ]
        self.desk = Desk(header.desk, enrolled, Linker())
        self.desk.restore(header.past, killed=header.killed, precedents=header.precedents)
        latency_ns = header.desk.paper_latency_ms * MILLISECOND
        self.broker: Broker = PaperBroker(self.desk.market_data, latency_ns)
        self._digest = blake2b(digest_size=16)
        self._encoder = msgspec.msgpack.Encoder()
        self.decisions = 0

    def feed(self, event: Event) -> Step:
        """One event in; the decisions and the broker's answers, to the last consequence, out."""
        step = Step([], [])
        waiting: deque[Heard] = deque()
        self._decide(event, step, waiting)
        waiting.extend(self.broker.hear(event))
        while waiting:
            assert len(step.heard) < REPLIES_PER_EVENT_MAX, f"{type(event).__name__} never settles"
            heard = waiting.popleft()
            step.heard.append(heard)
            self._decide(heard, step, waiting)
        return step

    def _decide(self, event: Event, step: Step, waiting: deque[Heard]) -> None:
        for decision in self.desk.handle(event):
            step.decisions.append(decision)
            self._digest.update(self._encoder.encode(decision))
            self.decisions += 1
            if isinstance(decision, Place):
                waiting.extend(self.broker.place(decision.order))
            elif isinstance(decision, Cancel):
                waiting.extend(self.broker.cancel(decision.order_id, decision.at_ns))

    @property
    def digest(self) -> str:
        """A fingerprint of every decision so far, in order."""
        return self._digest.hexdigest()


class HeaderError(ValueError):
    """A tape's header that this version can't play; the message names the field."""


def header_from(raw: Any) -> Header:
    """A tape's first record as a header; raises :class:`HeaderError`."""
    try:
        return msgspec.convert(raw, Header, strict=False)
    except msgspec.ValidationError as error:
        raise HeaderError(f"the tape's header is not one of this version: {error}") from error
