"""The whole venue as one ASGI application: Gamma, CLOB, market stream, and a control door.

Gamma, CLOB and Data API share one host here, as their paths do not collide but for ``/markets``:
the CLOB's clients send ``next_cursor`` with it and its single markets are named ``0x...``.
"""

from starlette.applications import Starlette
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp

from practice.board import Board
from practice.clob import Clob
from practice.clock import Clock
from practice.control import CONTROL, Control
from practice.faults import NO_FAULTS, Deck, Faults
from practice.gamma import Gamma
from practice.mischief import Mischief
from practice.stream import Stream
from practice.world import Moved, World

__all__ = ["CONTROL", "WS_MARKET", "Venue"]

WS_MARKET = "/ws/market"


class Venue:
    """One world's public face."""

    def __init__(self, world: World, clock: Clock, faults: Faults = NO_FAULTS) -> None:
        self.world = world
        self.clock = clock
        self.deck = Deck(faults)
        self.board = Board(world, clock)
        self.gamma = Gamma(self.board)
        self.clob = Clob(self.board, self.gamma, self.deck)
        self.stream = Stream(self.board, self.deck)
        self.control = Control(self.board, self.stream, self.deck, self.publish)

    def publish(self, moved: Moved) -> None:
        """Show one action to the world; call it while the exchange stands at that moment."""
        self.board.touch(moved.market, moved.at_ns)
        self.stream.publish(moved)

    def routes(self) -> list[BaseRoute]:
        return [
            *self.gamma.routes(),
            *self.clob.routes(),
            WebSocketRoute(WS_MARKET, self.stream.endpoint),
            *self.control.routes(),
        ]

    def app(self, *more: BaseRoute) -> ASGIApp:
        app = Starlette(routes=[*self.routes(), *more])
        return Mischief(app, self.deck, self.clock, self.control.retick_asset)
