"""The engine's side of the local link: commands in, views out, at most ten times a second.

Each face has one task that hears it and one that shows it things. A slow face is shown less, and
nothing queues up behind it: every view is made when there is room to send it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from feeds.events import (
    CancelRequest,
    Event,
    KillSwitch,
    NotRelated,
    OrderKind,
    OrderRequest,
    SuggestionReply,
    Tick,
)
from feeds.markets import ONE, Side
from strategies.decisions import Alert, CommandResult
from terminal.alerts import MONEY
from terminal.engine.loop import Engine
from terminal.engine.session import Decided
from terminal.presenters.page import Page
from terminal.presenters.preview import preview
from terminal.protocol.link import LinkClosed, Peer
from terminal.protocol.views import (
    AnswerSuggestion,
    CancelOrder,
    Command,
    Done,
    FromEngine,
    Hello,
    Kill,
    Look,
    PlaceOrder,
    Preview,
    Query,
    TicketView,
    Toast,
    Unrelate,
    View,
)
from terminal.protocol.vocabulary import ResultWord
from terminal.server import queries
from terminal.stores.unrelated_store import Parted, UnrelatedStore

log = logging.getLogger(__name__)

VIEWS_AT_LEAST_EVERY_S = 0.25
"""They follow the engine's ticks, ten a second; while it waits for its disk they go on so."""
ANSWER_WITHIN_S = 10.0
COMMANDS_MAX = 2_000
"""Ids of commands that are remembered, whoever sent them: a repeat, even after a face came back, is
answered and not repeated."""
TOASTS_MAX = 20
OUTBOX_MAX = 1_000
SIZE_MAX = 10**15
ROWS_MAX = 500
LEVELS_MAX = 200


class FaceDesk:
    """Serves every face that connects to one engine."""

    def __init__(self, engine: Engine, unrelated: UnrelatedStore | None = None) -> None:
        self.engine = engine
        self._unrelated = unrelated
        self._page = Page(engine.state)
        self._seats: set[_Seat] = set()
        self._answered: dict[str, Done] = {}
        engine.listeners.append(self._overhear)

    async def serve(self, peer: Peer) -> None:
        """Serve one face until it leaves."""
        seat = _Seat(self.engine, self._page, peer, self._answered, self._unrelated)
        self._seats.add(seat)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(seat.show())
                group.create_task(seat.hear())
        except* LinkClosed:
            pass  # the face went away
        finally:
            self._seats.discard(seat)
            self.engine.sources.following.focus(seat, ())

    def _overhear(self, step: Decided) -> None:
        """What happened to money is worth a line on any screen; the rest has panes of its own."""
        if isinstance(step.event, Tick):
            for seat in self._seats:
                seat.turn()
        for decision in step.decisions:
            if isinstance(decision, Alert) and decision.kind in MONEY:
                said = decision.body.removeprefix(decision.title).lstrip(": ")
                toast = Toast(at_ns=decision.at_ns, title=decision.title, body=said)
                for seat in self._seats:
                    seat.toasts.append(toast)


class _Seat:
    """One face: what it looks at, what it was last shown, and its commands."""

    def __init__(
        self,
        engine: Engine,
        page: Page,
        peer: Peer,
        answered: dict[str, Done],
        unrelated: UnrelatedStore | None,
    ) -> None:
        self.engine, self.page, self.peer = engine, page, peer
        self._unrelated = unrelated
        self._answered = answered
        self.toasts: deque[Toast] = deque(maxlen=TOASTS_MAX)
        self._look = Look()
        self._shown: dict[type[Any], View] = {}
        self._outbox: deque[FromEngine] = deque()
        self._room = asyncio.Event()

    def turn(self) -> None:
        """The engine's time went on: all faces look at once, so that they share what is made."""
        self._room.set()

    async def show(self) -> None:
        while True:
            for message in self._due():
                await self.peer.send(message)
            try:
                async with asyncio.timeout(VIEWS_AT_LEAST_EVERY_S):
                    await self._room.wait()
            except TimeoutError:
                pass
            self._room.clear()

    def _due(self) -> list[FromEngine]:
        due: list[FromEngine] = []
        while self._outbox:
            due.append(self._outbox.popleft())
        while self.toasts:
            due.append(self.toasts.popleft())
        for view in self.page.views(self._look):
            shown = self._shown.get(type(view))
            if shown is not view and shown != view:
                self._shown[type(view)] = view
                due.append(view)
        return due

    async def hear(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                message = await self.peer.receive()
                if isinstance(message, Hello):
                    continue
                if isinstance(message, Look | Preview | Query):
                    self._reply(self._look_up(message))
                elif message.id in self._answered:
                    self._reply(self._answered[message.id])
                else:
                    self._remember(Done(id=message.id, outcome="unknown", message="in progress"))
                    group.create_task(self._carry_out(message))

    def _look_up(self, message: Look | Preview | Query) -> FromEngine | None:
        match message:
            case Look():
                self._focus(message)
                return None
            case Preview():
                return self._ticket(message)
            case Query():
                return queries.answer(self.page, message)

    def _ticket(self, wanted: Preview) -> TicketView:
        try:
            request = order_request(self.engine.state.clock.now_ns(), wanted)
        except ValueError as error:
            return TicketView(id=wanted.id, denial=str(error))
        return preview(self.engine.state.desk, request)

    def _focus(self, look: Look) -> None:
        self._look = Look(
            views=look.views,
            story_id=look.story_id,
            condition_id=look.condition_id,
            levels=max(1, min(look.levels, LEVELS_MAX)),
            rows=max(1, min(look.rows, ROWS_MAX)),
        )
        self.engine.sources.following.focus(self, self.page.markets.assets(look.condition_id))
        self._room.set()

    def _reply(self, message: FromEngine | None) -> None:
        if message is None:
            return
        if len(self._outbox) >= OUTBOX_MAX:
            raise LinkClosed("this face asks faster than it listens")
        self._outbox.append(message)
        self._room.set()

    def _remember(self, done: Done) -> None:
        while len(self._answered) >= COMMANDS_MAX:
            self._answered.pop(next(iter(self._answered)))
        self._answered[done.id] = done

    async def _carry_out(self, command: Command) -> None:
        assert not isinstance(command, Look | Preview | Query)
        parted = _parted(self.engine, command) if isinstance(command, Unrelate) else None
        done = await carry_out(self.engine, command)
        if parted is not None and self._unrelated is not None and done.outcome == "done":
            self._unrelated.keep(parted)
        self._remember(done)
        self._reply(done)


Act = PlaceOrder | CancelOrder | AnswerSuggestion | Unrelate | Kill


def _parted(engine: Engine, command: Unrelate) -> Parted | None:
    """What is parted, with the link as it was; None for a story or a market nobody knows."""
    desk = engine.state.desk
    story = desk.news.stories.get(command.story_id)
    market = desk.market_data.markets.get(command.condition_id)
    if story is None or market is None:
        return None
    link = desk.news.link(command.story_id, command.condition_id)
    return Parted(
        at_ns=engine.state.clock.now_ns(),
        on=command.on,
        story_id=story.id,
        cluster_id=story.cluster_id,
        title=story.title,
        source=story.source_name,
        condition_id=market.condition_id,
        question=market.question,
        event=desk.news.event_of(market.condition_id),
        relevance=link.relevance if link else 0.0,
        direction=link.direction if link else 0,
        tier=link.tier.value if link else "touches",
    )


async def carry_out(engine: Engine, command: Act) -> Done:
    """Hand a command to the desk and wait for its answer."""
    try:
        event = _event(engine.state.clock.now_ns(), command)
    except ValueError as error:
        return Done(id=command.id, outcome="denied", message=str(error))
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer = await engine.ask(event, command.id)
    except TimeoutError:
        return Done(id=command.id, outcome="unknown", message="the desk has not answered yet")
    outcome = _WORDS[answer.outcome]
    return Done(id=command.id, outcome=outcome, message=answer.message)


_WORDS: dict[CommandResult, ResultWord] = {
    CommandResult.CONFIRMED: "done",
    CommandResult.REFUSED: "refused",
    CommandResult.DENIED: "denied",
    CommandResult.UNKNOWN: "unknown",
}


def _event(now: int, command: Act) -> Event:
    match command:
        case PlaceOrder():
            return order_request(now, command)
        case CancelOrder():
            return CancelRequest(now, command.id, command.order_id)
        case AnswerSuggestion():
            return SuggestionReply(now, command.id, command.suggestion_id, command.accept)
        case Unrelate():
            ids = command.story_id, command.condition_id
            return NotRelated(now, command.id, *ids, command.on)
        case Kill():
            return KillSwitch(now, command.id, command.on)


def order_request(now: int, command: PlaceOrder | Preview) -> OrderRequest:
    """The event a face's order becomes; raises ValueError that names the field and the fix."""
    if not 0 < command.price < ONE:
        raise ValueError(f"price: expected 1 to {ONE - 1} ten-thousandths, found {command.price}")
    if not 0 < command.size <= SIZE_MAX:
        raise ValueError(f"size: expected 1 to {SIZE_MAX} millionths, found {command.size}")
    return OrderRequest(
        at_ns=now,
        command_id=command.id,
        condition_id=command.condition_id,
        asset_id=command.asset_id,
        side=_member(Side, command.side, "side"),
        price=command.price,
        size=command.size,
        kind=_member(OrderKind, command.kind, "kind"),
        post_only=command.post_only,
    )


def _member(kind: Callable[[str], Any], word: str, field: str) -> Any:
    try:
        return kind(word)
    except ValueError:
        raise ValueError(f"{field}: {word!r} is none of the known ones") from None
