"""How far stories of a kind moved such markets before: this desk's own memory."""

from collections import deque

import msgspec

PRECEDENTS_MAX = 200
PRECEDENT_KEYS_MAX = 1024
PRECEDENT_SHRINK = 20
"""So many precedents are trusted by half."""


class Precedent(msgspec.Struct, frozen=True):
    """How far similar stories moved odds before: the median logit move, shrunk when few.

    Moves are log-odds in the way the links pointed. ``spread`` is a robust deviation around
    ``whole_logit``, which is the median as it is.
    """

    median_logit: float = 0.0
    count: int = 0
    spread: float = 0.0
    whole_logit: float = 0.0


NONE = Precedent()


class Precedents:
    """Moves by facet of the story and family of the market, the newest two hundred of each.

    They are signed by the link's direction, so that agreement is positive.
    """

    def __init__(self) -> None:
        self._moves: dict[tuple[str, str], deque[float]] = {}

    def add(self, facet: str, family: str, logit: float) -> None:
        """One more measured move."""
        key = (facet, family)
        if key not in self._moves and len(self._moves) >= PRECEDENT_KEYS_MAX:
            self._moves.pop(next(iter(self._moves)))
        self._moves.setdefault(key, deque(maxlen=PRECEDENTS_MAX)).append(logit)

    def lookup(self, facet: str, family: str) -> Precedent:
        """What stories of this facet did to markets of this family; all zero where none did."""
        moves = sorted(self._moves.get((facet, family), ()))
        if not moves:
            return NONE
        middle, count = median(moves), len(moves)
        spread = 1.4826 * median(sorted(abs(move - middle) for move in moves))
        return Precedent(middle * count / (count + PRECEDENT_SHRINK), count, spread, middle)


def median(ordered: list[float]) -> float:
    """The middle of numbers in order; there must be one."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
