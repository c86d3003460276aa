"""Busy minutes: the liveliest markets act as fast as markets were ever recorded to.

What a burst does is outside of the world's own story: the same seed without it goes on otherwise.
"""

from collections.abc import Callable

from practice.clock import SECOND
from practice.faults.deck import Deck
from practice.world.simulation import Moved, World

BURST_NS = 10 * SECOND
MARKETS = 6
CHANGES_A_STEP = 50
"""Levels changed, each told for both assets: at twenty steps a second some 2,000 changes."""
ACTS_A_STEP_MAX = 200


class Burst:
    """Looked at with each step of the venue; ``publish`` shows what happens."""

    def __init__(self, deck: Deck, world: World, publish: Callable[[Moved], None]) -> None:
        self._deck = deck
        self._world = world
        self._publish = publish
        self._until_ns = 0

    def call(self, until_ns: int) -> None:
        """One until then, whatever chance says."""
        self._until_ns = until_ns

    def tick(self, now_ns: int) -> None:
        if now_ns < self._until_ns or self._deck.during("burst", now_ns, BURST_NS):
            self._act()

    def _act(self) -> None:
        slugs, changes = self._liveliest(), 0
        for number in range(ACTS_A_STEP_MAX if slugs else 0):
            moved = self._world.stir(slugs[number % len(slugs)])
            if moved:
                self._publish(moved)
                changes += len(moved.changes)
            if changes >= CHANGES_A_STEP:
                return

    def _liveliest(self) -> list[str]:
        lives = self._world.lives.items()
        able = [
            (-life.pace, slug)
            for slug, life in lives
            if not life.spec.calm and life.market.state == "open"
        ]
        return [slug for _, slug in sorted(able)[:MARKETS]]
