"""The chain of order heartbeats: while it is kept up, the venue lets our orders rest.

The first accepted beat arms a deadline for all open orders of the API key; without another within
ten seconds the venue cancels them. Each beat carries the id that the one before it was answered
with; a wrong id is refused with the right one. There is no disarming: to stop is to let go of the
orders. Sans I/O: a shell posts what ``due`` gives and hands the answer back, one at a time.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from feeds.markets import SECOND, Nanos
from feeds.polymarket.errors import WireError
from feeds.polymarket.wire import shaped

PATH = "/v1/heartbeats"
EVERY_NS: Nanos = 5 * SECOND
AGAIN_NS: Nanos = SECOND
LAPSE_NS: Nanos = 10 * SECOND
"""After so long without an accepted beat the venue may cancel everything."""
CORRECTIONS_MAX = 3
"""Wrong ids that are put right at once, before the usual pace is kept again."""


class _Answer(msgspec.Struct, frozen=True):
    heartbeat_id: Annotated[str, Meta(max_length=200)]


_decode = msgspec.json.Decoder(_Answer).decode


class Heartbeat:
    """One API key's chain. Times are Unix nanoseconds of the wall.

    ``accepted_ns`` is when the venue last took a beat, 0 before the first. ``refusal`` says why
    the last one was not taken, "" where it was.
    """

    def __init__(self) -> None:
        self.on = False
        self.accepted_ns: Nanos = 0
        self.refusal = ""
        self._id = ""
        self._flying = False
        self._next_ns: Nanos = 0
        self._corrections = 0

    def start(self, now_ns: Nanos) -> None:
        """From now on a beat is due every five seconds."""
        self.on = True
        self._next_ns = now_ns

    def stop(self) -> None:
        """No further beat: the venue will cancel what is open when its deadline runs out."""
        self.on = False

    def due(self, now_ns: Nanos) -> bytes | None:
        """The body of the beat to post now, or None. Its answer must come back before the next."""
        if not self.on or self._flying or now_ns < self._next_ns:
            return None
        self._flying = True
        return msgspec.json.encode({"heartbeat_id": self._id})

    def answered(self, status: int, body: bytes, sent_ns: Nanos, now_ns: Nanos) -> None:
        """The venue's answer to the beat that was sent at ``sent_ns``."""
        self._flying = False
        told = _told(body)
        if status == 200 and told:
            self._id, self.refusal, self._corrections = told, "", 0
            # the deadline runs from when the venue took it, which may be as early as its sending
            self.accepted_ns = sent_ns
            self._next_ns = sent_ns + EVERY_NS
        elif status == 400 and told is not None:
            # an empty id: the deadline has run out, and the chain begins anew
            self._id, self.refusal = told, "the venue expected another heartbeat id"
            self._corrections += 1
            self._next_ns = now_ns + (0 if self._corrections <= CORRECTIONS_MAX else EVERY_NS)
        else:
            self.refusal = f"the venue answered {status}"
            self._next_ns = now_ns + AGAIN_NS

    def lost(self, now_ns: Nanos) -> None:
        """No answer came; the venue may have taken the beat all the same.

        Then the next one carries a stale id and is put right by the answer.
        """
        self._flying = False
        self.refusal = "no answer came"
        self._next_ns = now_ns + AGAIN_NS

    def lapsed(self, now_ns: Nanos) -> bool:
        """Whether the venue may have begun to cancel: open orders are no longer certain."""
        return self.accepted_ns > 0 and now_ns - self.accepted_ns >= LAPSE_NS


def _told(body: bytes) -> str | None:
    """The id in an answer, or None where it names none."""
    try:
        return shaped(_decode, body).heartbeat_id
    except WireError:
        return None
