"""The account's stream: the shell round a ``UserChannel``, with its questions for REST."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from feeds.clock import Clock
from feeds.markets import SECOND, Size
from feeds.polymarket.account.reader import AccountReader
from feeds.polymarket.account.user_channel import (
    AskRest,
    Credentials,
    FeeOf,
    UserChannel,
    UserEvent,
    UserLimits,
)
from feeds.polymarket.connection_state import ConnectionState
from feeds.polymarket.errors import VenueError, WireError
from feeds.polymarket.health import StreamHealth, StreamState
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.shell import Shell

log = logging.getLogger(__name__)

ASK_EVERY_S = 1.0
"""REST is asked no more often than this, however often the stream wishes it."""
TRADES_BEFORE_S = 3_600
NAME = "account"


class UserStream(Shell):
    """Our own orders and trades, as events, for as long as ``run`` does.

    ``on_events`` and ``on_health`` are called on the loop and must be quick. ``limits`` are for
    the wall's speed; they are scaled to the clock's. ``chance`` gives the jitter, 0 to 1. With a
    ``reader`` each ``AskRest`` is answered from it, besides being told; trades are asked for from
    an hour before the stream was made.
    """

    def __init__(
        self,
        hosts: Hosts,
        clock: Clock,
        credentials: Credentials,
        fee_of: FeeOf,
        on_events: Callable[[list[UserEvent]], None],
        on_health: Callable[[StreamHealth], None],
        limits: UserLimits | None = None,
        chance: Callable[[], float] = random.random,
        reader: AccountReader | None = None,
    ) -> None:
        scaled = (limits or UserLimits()).scaled(clock.speed)
        self.channel = UserChannel(credentials, fee_of, scaled)
        super().__init__(hosts.ws_user, self.channel, clock, chance)
        self._on_events, self._on_health = on_events, on_health
        self._reader = reader
        self._since_s = clock.now_ns() // SECOND - TRADES_BEFORE_S
        self._asked = asyncio.Event()

    def want(self, condition_ids: Iterable[str]) -> None:
        """Hear of these markets only; of all the account's with none."""
        self.channel.want(condition_ids)

    def expect(self, order_id: str, size: Size) -> None:
        """An order of ours is about to be sent under this id: say so before it leaves."""
        self.channel.expect(order_id, size, self.clock.now_ns())
        self.deliver()

    def deliver(self) -> None:
        """Hand on what the channel has to say."""
        if events := self.channel.take_events():
            if any(isinstance(event, AskRest) for event in events):
                self._asked.set()
            self._on_events(events)

    def _tell_health(self) -> None:
        self._on_health(health_of(self.channel))

    async def run(self) -> None:
        """Stay connected, and look up what the stream can't tell, until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._reader is not None:
                group.create_task(self._answer_questions(self._reader))
            await self.stay_connected()

    async def _answer_questions(self, reader: AccountReader) -> None:
        """Look up what the stream can't tell, as often as it asks and no more than that."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await reader.tell(self.channel, self._since_s)
            except (VenueError, WireError) as error:
                log.warning("the account over REST: %s", error)
                self._asked.set()
            self.deliver()
            await asyncio.sleep(ASK_EVERY_S)


def health_of(channel: UserChannel) -> StreamHealth:
    """The verdict on the account's stream now; silence is usual here."""
    if channel.link is ConnectionState.SUBSCRIBED:
        state = StreamState.LIVE
        sentence = f"The account's stream stands; {len(channel.open_orders())} orders are open."
    else:
        state = StreamState.DOWN
        why = channel.wants_reconnect or channel.reason
        why += " (is the API key still valid?)" if channel.key_in_doubt else ""
        sentence = f"The account's stream is down: {why}. Orders are looked up over REST."
    return StreamHealth(
        NAME, state, sentence, channel.last_data_ns, channel.frames, channel.reconnects
    )
