"""The whole venue as one ASGI application: Gamma, CLOB, market stream, and a control door.

Gamma, CLOB and Data API share one host here, as their paths do not collide but for ``/markets``:
the CLOB's clients send ``next_cursor`` with it and its single markets are named ``0x...``.
"""

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from practice.answers import Handler, Wrong, answer, body_of, guarded
from practice.board import Board
from practice.clob import Clob
from practice.clock import Clock
from practice.gamma import Gamma
from practice.stream import NO_FAULTS, Faults, Stream
from practice.world import Moved, World

WS_MARKET = "/ws/market"
CONTROL = "/control"


class FaultOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /control/fault`` takes.

    ``freeze``: "all", a list of asset ids, or [] to thaw; ``lasting`` freezes later connections
    too; ``cut`` drops every open connection without a goodbye.
    """

    freeze: str | list[str] | None = None
    lasting: bool = False
    cut: bool = False


class Venue:
    """One world's public face."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.board = Board(world, clock)
        self.gamma = Gamma(self.board)
        self.clob = Clob(self.board, self.gamma)
        self.stream = Stream(self.board)

    def publish(self, moved: Moved) -> None:
        """Show one action to the world; call it while the exchange stands at that moment."""
        self.board.touch(moved.market, moved.at_ns)
        self.stream.publish(moved)

    def routes(self) -> list[BaseRoute]:
        return [
            *self.gamma.routes(),
            *self.clob.routes(),
            WebSocketRoute(WS_MARKET, self.stream.endpoint),
            *self._control(),
        ]

    def app(self, *more: BaseRoute) -> Starlette:
        return Starlette(routes=[*self.routes(), *more])

    def _control(self) -> list[BaseRoute]:
        paths: dict[str, tuple[str, Handler]] = {
            f"{CONTROL}/fault": ("POST", self._fault),
            f"{CONTROL}/truth": ("GET", self._truth),
        }
        return [
            Route(path, guarded(handler), methods=[method])
            for path, (method, handler) in paths.items()
        ]

    async def _fault(self, request: Request) -> Response:
        try:
            order = msgspec.json.decode(await body_of(request), type=FaultOrder)
        except msgspec.MsgspecError as error:
            raise Wrong(400, f"fault: {error}") from None
        if order.freeze is not None:
            self.stream.set_faults(self._freeze(order.freeze, order.lasting))
        cut = self.stream.cut() if order.cut else 0
        return answer({"connections": len(self.stream.connections), "cut": cut})

    def _freeze(self, freeze: str | list[str], lasting: bool) -> Faults:
        if isinstance(freeze, str):
            if freeze != "all":
                raise Wrong(400, 'fault: freeze must be "all" or a list of asset ids')
            return Faults(freeze="all", lasting=lasting)
        for asset in freeze:
            if asset not in self.board.by_asset:
                raise Wrong(400, f"fault: freeze names {asset!r}, which is no asset of this venue")
        return Faults(freeze=frozenset(freeze), lasting=lasting) if freeze else NO_FAULTS

    async def _truth(self, request: Request) -> Response:
        return answer(self.world.truth())
