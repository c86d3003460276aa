"""What the fault deck does to the frames of one stream connection."""

from collections.abc import Callable
from random import Random

from practice.faults.deck import Deck

HELD_MAX = 3
"""How many later frames may overtake one that is held back."""
MARKS = frozenset(b'{}[]:,"')


class FrameFaults:
    """Frames in, frames out: some lost, doubled, out of order or broken, by the deck's seed.

    Each connection has a line of chance of its own, so that what happens on one does not depend
    on what others are sent.
    """

    def __init__(self, deck: Deck, number: int) -> None:
        self._deck = deck
        self.number = number
        self._chance = Random(f"{deck.faults.seed} frames of connection {number}")
        self._held: list[tuple[int, bytes]] = []

    def pass_on(self, frame: bytes) -> list[bytes]:
        """What is sent in this frame's place, now."""
        return self._garbled(frame) if self._deck.garbles else [*self.release(), frame]

    def release(self) -> list[bytes]:
        """What was held back; nothing is held from now on."""
        if not self._held:
            return []
        held, self._held = self._held, []
        return [frame for _, frame in held]

    def _garbled(self, frame: bytes) -> list[bytes]:
        if self._draw("drop_frame"):
            return self._overtaken()
        if self._draw("malformed_frame"):
            frame = self._broken(frame)
        elif self._draw("hash_mismatch"):
            frame = _other_hash(frame)
        if self._draw("reorder_frame"):
            due = self._overtaken()
            self._held.append((self._chance.randint(1, HELD_MAX), frame))
            return due
        sent = [frame, frame] if self._draw("double_frame") else [frame]
        return [*sent, *self._overtaken()]

    def _draw(self, name: str) -> bool:
        return self._deck.draw(name, self._chance)

    def _overtaken(self) -> list[bytes]:
        """One more frame went by: what has been held back long enough."""
        waiting = [(left - 1, frame) for left, frame in self._held]
        self._held = [(left, frame) for left, frame in waiting if left > 0]
        return [frame for left, frame in waiting if left <= 0]

    def _broken(self, frame: bytes) -> bytes:
        return self._chance.choice(BREAKS)(frame, self._chance)


def _cut_short(frame: bytes, chance: Random) -> bytes:
    return frame[: chance.randrange(1, len(frame))]


def _one_mark_other(frame: bytes, chance: Random) -> bytes:
    """A mark of the grammar is another: a digit would make a wrong frame, not a broken one."""
    at = chance.choice([i for i, byte in enumerate(frame) if byte in MARKS])
    return frame[:at] + b"?" + frame[at + 1 :]


def _bad_price(frame: bytes, chance: Random) -> bytes:
    return frame.replace(b'"price":"0.', b'"price":"7.', 1)


def _no_text(frame: bytes, chance: Random) -> bytes:
    return frame.replace(b'"size":"', b'"size":null,"was":"', 1)


def _unheard_of(frame: bytes, chance: Random) -> bytes:
    return b'{"event_type":"practice_mischief","market":"0x0","timestamp":"soon"}'


def _no_json(frame: bytes, chance: Random) -> bytes:
    return b"<html>upstream connect error</html>"


BREAKS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _cut_short,
    _one_mark_other,
    _bad_price,
    _no_text,
    _unheard_of,
    _no_json,
)


def _other_hash(frame: bytes) -> bytes:
    """The same book under a hash that is not its own."""
    key = b'"hash":"'
    at = frame.find(key)
    if at < 0:
        return frame
    at += len(key)
    return frame[:at] + bytes(reversed(frame[at : at + 40])) + frame[at + 40 :]
