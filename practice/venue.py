"""The whole venue as one ASGI application: Gamma, CLOB, market stream, and a control door.

Gamma, CLOB and Data API share one host here, as their paths do not collide but for ``/markets``:
the CLOB's clients send ``next_cursor`` with it and its single markets are named ``0x...``.
"""

from starlette.applications import Starlette
from starlette.routing import BaseRoute, WebSocketRoute

from practice.accounts import signing
from practice.accounts.auth import Door
from practice.accounts.registry import Accounts
from practice.accounts.trading import Trading
from practice.api.aggregates import Aggregates
from practice.api.builders import Builders
from practice.api.clob import Clob
from practice.api.control import Control
from practice.api.data_api import DataApi
from practice.api.gamma import Gamma
from practice.api.keys import Keys
from practice.api.market_stream import Stream
from practice.api.rate_limits import Limits, Turnstile
from practice.api.rebates import Rebates
from practice.api.relayer import Relayer
from practice.api.stubs import Stubs
from practice.api.trading_routes import TradingRoutes
from practice.api.user_stream import UserStream
from practice.clock import Clock
from practice.exchange.audit import Auditor
from practice.exchange.history import History
from practice.faults.burst import Burst
from practice.faults.deck import NO_FAULTS, Deck, Faults
from practice.faults.http_faults import HttpFaults
from practice.faults.order_faults import OrderFaults
from practice.world.board import Board
from practice.world.catalogue import MarketSpec
from practice.world.simulation import Moved, World

__all__ = ["WS_MARKET", "WS_USER", "Venue"]

WS_MARKET = "/ws/market"
WS_USER = "/ws/user"


class Venue:
    """One world's public face."""

    def __init__(
        self, world: World, clock: Clock, faults: Faults = NO_FAULTS, control_token: str = ""
    ) -> None:
        self.world = world
        self.clock = clock
        self.deck = Deck(faults)
        self.history = History(world.exchange, lambda: world.now_ns)
        self.accounts = Accounts(world.seed, world.exchange)
        if signing.available():
            self.accounts.open([spec.slug for spec in self.calm()])
        self.board = Board(world, clock)
        self.gamma = Gamma(self.board)
        self.clob = Clob(self.board, self.gamma, self.deck)
        self.stream = Stream(self.board, self.deck)
        self.auditor = Auditor(world.exchange)
        self.trading = Trading(self.board, self.accounts, self.publish)
        self.order_faults = OrderFaults(self.deck, self.trading)
        self.burst = Burst(self.deck, world, self.publish)
        door = Door(self.accounts, clock)
        door.skew_ns = lambda: self.deck.faults.clock_skew_ms * 1_000_000
        self.limits = Limits()
        self.private = TradingRoutes(door, self.trading, self.limits)
        self.keys = Keys(door, self.trading)
        self.builders = Builders(self.trading)
        self.user_stream = UserStream(door, self.deck, clock)
        self.trading.tell = self.user_stream.tell
        self.data = DataApi(self.board, self.history, self.accounts, self.trading.hash_of)
        self.aggregates = Aggregates(self.board, self.history)
        self.stubs = Stubs(self.board, door)
        self.rebates = Rebates(self.board, self.history)
        self.relayer = Relayer(self.board, self.accounts, door)
        self.control = Control(
            self.board,
            self.stream,
            self.user_stream,
            self.deck,
            self.auditor,
            self.trading,
            self.limits,
            self.burst,
            self.publish,
            control_token,
        )

    def calm(self) -> list[MarketSpec]:
        """The markets where an order meets what a test expects it to meet."""
        return [spec for spec in self.world.catalogue.markets if spec.calm]

    def tick(self) -> None:
        """Let what waits for a moment of the world happen, if the moment has come."""
        self.trading.tick()
        self.order_faults.tick(self.clock.now_ns())
        self.burst.tick(self.clock.now_ns())

    def publish(self, moved: Moved) -> None:
        """Show one action to the world; call it while the exchange stands at that moment."""
        self.board.touch(moved.market, moved.at_ns)
        self.stream.publish(moved)
        self.trading.observe(moved)

    def routes(self) -> list[BaseRoute]:
        return [
            *self.gamma.routes(),
            *self.clob.routes(),
            *self.keys.routes(),
            *self.private.routes(),
            *self.builders.routes(),
            *self.data.routes(),
            *self.rebates.routes(),
            *self.aggregates.routes(),
            *self.stubs.routes(),
            *self.relayer.routes(),
            WebSocketRoute(WS_MARKET, self.stream.endpoint),
            WebSocketRoute(WS_USER, self.user_stream.endpoint),
            *self.control.routes(),
        ]

    def app(self, *more: BaseRoute) -> HttpFaults:
        app = Starlette(routes=[*self.routes(), *more])
        return HttpFaults(
            Turnstile(app, self.limits), self.deck, self.clock, self.control.retick_asset
        )
