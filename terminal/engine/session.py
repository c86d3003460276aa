"""One session's deterministic half: desk and broker behind one door.

The engine, `ftt replay` and the tests all drive this class, so a tape gives the same decisions
wherever it is played. It says itself what must be on disk before it goes on: :meth:`Session.feed`
is a generator, and what comes after a :class:`Keep` happens when the caller asks for it. An engine
waits for the ledger there; a replay asks at once.

No order leaves in the middle of an event. What is sealed leaves at the next one, so the kill
switch, a cancel or the news of being behind, heard while the ledger wrote, go first, and then it
never leaves. On the tape they stand in that order, so a replay does the same.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import msgspec

from feeds.events import (
    Behind,
    CancelRequest,
    Event,
    Fill,
    FillSettled,
    KillSwitch,
    MarketResolved,
    OrderSealed,
    OrderSent,
    OrderState,
    OrderUpdate,
)
from feeds.markets import SECOND, Nanos
from strategies.decisions import (
    Cancel,
    Decision,
    Holding,
    Mandate,
    OrderIntent,
    Place,
    Remembered,
    Skipped,
    Suggested,
    SuggestionOver,
)
from strategies.desk import Desk, DeskSettings
from strategies.desk.news import StoryLinker
from strategies.linking import Linker
from strategies.portfolio import Recalled
from strategies.roster import enrol
from terminal.engine.brokers import Broker, Heard
from terminal.engine.brokers.paper import PaperBroker
from terminal.ledger import Record

MILLISECOND = SECOND // 1_000
REPLIES_DEEP_MAX = 50
"""An answer to an answer to an answer: a desk and a broker that argue without end."""


class StrategySetting(msgspec.Struct, frozen=True):
    """A strategy as the config names it: an entry point's name or a file, with its parameters.

    ``digest`` is of the file's contents, "" where there is none.
    """

    name: str
    mandate: Mandate
    path: str = ""
    params: dict[str, Any] = {}
    digest: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides the events that decisions depend on; the first record of a tape.

    ``past`` are the fills, settlements and resolutions of earlier sessions, from the ledger;
    ``owners`` says which strategy's an order was that filled in them, ``holdings`` what each bought
    last; ``precedents`` what stories did to odds in them. ``models`` is the fingerprint of the
    models whose word on what stories mean is among the events, "" where there were none;
    ``unrelated`` what a person has called not related, as pairs of a story's cluster and an event.
    """

    version: str
    venue: str
    started_ns: int
    speed: float = 1.0
    desk: DeskSettings
    strategies: tuple[StrategySetting, ...] = ()
    past: tuple[Recalled, ...] = ()
    precedents: tuple[Remembered, ...] = ()
    owners: dict[str, str] = {}
    holdings: tuple[Holding, ...] = ()
    killed: bool = False
    models: str = ""
    unrelated: tuple[tuple[str, str], ...] = ()


class Keep(msgspec.Struct, frozen=True):
    """Rows for the ledger; where they are ``durable`` nothing goes on before they are on disk.

    The others are in the ledger before any later row, and nobody waits for them.
    """

    records: tuple[Record, ...]
    durable: bool


class Decided(msgspec.Struct, frozen=True):
    """What one event led to. All of it that concerns money is on disk, and may be acted on."""

    event: Event
    decisions: list[Decision]


Step = Keep | Decided

BOOKED = frozenset(
    {MarketResolved, KillSwitch, OrderSealed, OrderSent, OrderUpdate, Fill, FillSettled}
)
"""Events that are rows of the ledger themselves: on disk before the desk hears of them."""
BEFORE_ORDERS = frozenset({KillSwitch, CancelRequest, Behind})
"""Events that go before the orders that are sealed and have not left."""
SCORED = (Suggested, SuggestionOver, Skipped, Remembered)


def _paper(desk: Desk) -> Broker:
    return PaperBroker(desk.market_data, desk.settings.paper_latency_ms * MILLISECOND)


class Session:
    """Feed it events in order of time; it says step by step what to keep and what was decided."""

    def __init__(
        self,
        header: Header,
        broker: Callable[[Desk], Broker] = _paper,
        linker: StoryLinker | None = None,
    ) -> None:
        self.header = header
        enrolled = [
            enrol(setting.path or setting.name, dict(setting.params), setting.mandate)
            for setting in header.strategies
        ]
        self.desk = Desk(header.desk, enrolled, linker or Linker())
        self.desk.restore(
            header.past,
            killed=header.killed,
            precedents=header.precedents,
            owners=header.owners,
            holdings=header.holdings,
            unrelated=header.unrelated,
        )
        self.broker = broker(self.desk)
        self.decisions = 0
        self._digest = blake2b(digest_size=16)
        self._encoder = msgspec.msgpack.Encoder()
        self._unsent: dict[str, OrderIntent] = {}
        self._sealed: list[OrderSealed] = []
        self._depth = 0
        self._under_way = False

    def feed(self, event: Event) -> Iterator[Step]:
        """One event in; out come its consequences, to the last, in the order in which they happen.

        Ask for the next step only when this one is done: a :class:`Keep` is kept, a
        :class:`Decided` acted on. Where that fails the session is over.
        """
        assert not self._under_way, "the event before was not carried to its end"
        self._under_way = True
        if self._sealed and type(event) not in BEFORE_ORDERS:
            yield from self._hear(self._send(event.at_ns))
        if type(event) in BOOKED:
            yield _kept(cast(Record, event))
        yield from self._decide(event)
        heard = self.broker.hear(event)
        if heard:
            yield from self._hear(heard)
        self._under_way = False

    def play(self, event: Event) -> list[Decision]:
        """Feed without a ledger: all that was decided."""
        steps = self.feed(event)
        return [one for step in steps if isinstance(step, Decided) for one in step.decisions]

    def _decide(self, event: Event) -> Iterator[Step]:
        decisions = self.desk.handle(event)
        if decisions:
            self._count(decisions)
            rows = [row for one in decisions if (row := _row_of(one)) is not None]
            if rows:
                yield Keep(tuple(rows), any(type(row) is OrderIntent for row in rows))
        yield Decided(event, decisions)
        said: list[Heard] = []
        for decision in decisions:
            if isinstance(decision, Place | Cancel):
                said += self._carry_out(decision)
        yield from self._hear(said)
        if isinstance(event, OrderSealed):
            self._sealed.append(event)
        elif isinstance(event, OrderUpdate) and event.state.over:
            self._unsent.pop(event.order_id, None)

    def _count(self, decisions: list[Decision]) -> None:
        self.decisions += len(decisions)
        for decision in decisions:
            self._digest.update(self._encoder.encode(decision))

    def _hear(self, said: Sequence[Heard]) -> Iterator[Step]:
        """The broker's words: kept together, then the desk hears one after the other."""
        if not said:
            return
        self._depth += 1
        assert self._depth < REPLIES_DEEP_MAX, "desk and broker never come to an end"
        yield _kept(*said)
        for heard in said:
            yield from self._decide(heard)
        self._depth -= 1

    def _carry_out(self, decision: Place | Cancel) -> Sequence[Heard]:
        if isinstance(decision, Place):
            self._unsent[decision.order.order_id] = decision.order
            return self.broker.seal(decision.order)
        if self._unsent.pop(decision.order_id, None) is None:
            return self.broker.cancel(decision.order_id, decision.at_ns)
        reason = "cancelled before it was sent"
        at_ns, order_id = decision.at_ns, decision.order_id
        return [OrderUpdate(at_ns, order_id, OrderState.CANCELLED, 0, reason)]

    def _send(self, at_ns: Nanos) -> Sequence[Heard]:
        """What is sealed, and on disk, leaves; but for what was cancelled meanwhile or is late."""
        sealed, self._sealed = self._sealed, []
        behind_ms = self.desk.trading.gate.behind_ms
        said: list[Heard] = []
        for one in sealed:
            order = self._unsent.pop(one.order_id, None)
            if order is None:
                continue
            if behind_ms:
                reason = f"not sent: the engine was {behind_ms / 1_000:.1f} s behind"
                said.append(OrderUpdate(at_ns, one.order_id, OrderState.CANCELLED, 0, reason))
            else:
                said += self.broker.send(order, one)
        return said

    @property
    def has_sealed(self) -> bool:
        """Whether an order waits for the next event to leave."""
        return bool(self._sealed)

    @property
    def digest(self) -> str:
        """A fingerprint of every decision so far, in order."""
        return self._digest.hexdigest()


def _row_of(decision: Decision) -> Record | None:
    if isinstance(decision, Place):
        return decision.order
    return decision if isinstance(decision, SCORED) else None


def _kept(*said: Record) -> Keep:
    return Keep(said, any(_matters(one) for one in said))


def _matters(said: Record) -> bool:
    """Whether others may hear of it only when it is on disk.

    An order that is still open has no news but of the queue before it, and what left was kept
    before it left.
    """
    if isinstance(said, OrderUpdate):
        return said.state is not OrderState.OPEN
    return not isinstance(said, OrderSent)


class HeaderError(ValueError):
    """A tape's header that this version can't play; the message names the field."""


def file_digest(path: str) -> str:
    """A fingerprint of a strategy's file; "" where there is none to read."""
    try:
        return blake2b(Path(path).read_bytes(), digest_size=16).hexdigest() if path else ""
    except OSError:
        return ""


def changed_files(header: Header) -> list[str]:
    """The files of strategies that are not as they were when the session began."""
    return [
        setting.path
        for setting in header.strategies
        if setting.digest and file_digest(setting.path) != setting.digest
    ]


def header_from(raw: Any) -> Header:
    """A tape's first record as a header; raises :class:`HeaderError`."""
    try:
        return msgspec.convert(raw, Header, strict=False)
    except msgspec.ValidationError as error:
        raise HeaderError(f"the tape's header is not one of this version: {error}") from error
