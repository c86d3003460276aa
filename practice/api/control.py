"""The control door: what tests ask of the world, and what only the world knows.

A page in a browser on this machine reaches every port of it. So the door's address holds a token
that is made anew at each start, only a loopback name may be asked for, no foreign page may ask, and
what is sent says that it is JSON, which a page can't without asking first.

Bodies are JSON objects. A market may be named by condition id, slug, Gamma id or asset id.
"""

import contextlib
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.approvals import UNLIMITED
from practice.accounts.trading import Trading
from practice.answers import UNREADABLE, Handler, Wrong, answer, body_of, guarded
from practice.api.market_stream import NO_FREEZE, Freeze, Stream
from practice.api.rate_limits import Limits
from practice.api.user_stream import UserStream
from practice.clock import SECOND
from practice.exchange.audit import Auditor
from practice.exchange.book import COARSE_TICK
from practice.exchange.matching import FINE_TICK
from practice.exchange.orders import DOLLAR, NO, PRICE_ONE, VOID, YES, decimal
from practice.faults.burst import BURST_NS, Burst
from practice.faults.deck import (
    CALLED_MODE_NS,
    MODES,
    RATES,
    RESTART_NS,
    BadFault,
    Deck,
    Faults,
    Mode,
    with_fault,
)
from practice.world.agents import CROWD
from practice.world.board import OUTCOMES, Board, Listing, slugged
from practice.world.catalogue import PRACTICE_SENTENCE, EventSpec, MarketSpec
from practice.world.simulation import Moved

CONTROL = "/control"
TICKS = (1_000, 100, 50, 25, 10, 1)
"""The grids that the venue knows, in 1/10,000 dollar."""
WINNERS = {"YES": YES, "NO": NO, "VOID": VOID}
MODE_S_MAX = 24 * 3_600
ID_CHARS_MAX = 20
QUESTION_CHARS_MAX = 300
SLUG_CHARS_MAX = 100
MARKETS_MAX = 2_000
END_DAYS_MAX = 3_650
ACTIVITY_MAX = 20.0
CHANCE_MIN = 0.01
AMOUNT_MAX = 100_000_000 * DOLLAR


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /control/fault`` does at once; all other keys are the deck's rates and spans.

    ``freeze``: "all", a list of asset ids, or [] to thaw; ``lasting`` freezes later connections
    too; ``cut`` drops every open connection without a goodbye; ``half_open`` leaves them open and
    neither reads nor writes any more; ``burst`` makes the liveliest markets very busy. A number in
    their place is a rate.
    ``mode`` puts the venue into a mode for ``for_s`` world seconds (a burst lasts as long);
    ``once`` lets the next so many chances of a fault strike; ``limits`` lets the published rate
    limits refuse, or not; ``clear`` first ends all that was asked for before.
    """

    freeze: str | list[str] | None = None
    lasting: bool = False
    cut: bool = False
    half_open: bool = False
    burst: bool = False
    mode: str | None = None
    for_s: float | None = None
    once: dict[str, int] = {}
    limits: bool | None = None
    clear: bool = False


class ListOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A question, and the odds at which its market opens; ``end_days`` from the world's first."""

    question: str
    probability: float = 0.5
    end_days: int = 30
    activity: float = 1.0


AT_ONCE = frozenset(field.name for field in msgspec.structs.fields(Order))


class ResolveOrder(msgspec.Struct, forbid_unknown_fields=True):
    market: str
    outcome: str


class WalletOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to a wallet outside of the venue: what it holds and allows from now on.

    Amounts are decimals: ``cash`` and ``allowance`` ("max" for all) in dollars, ``shares`` by
    asset id. ``approved`` says whether its shares may be moved.
    """

    wallet: str
    cash: str | None = None
    shares: dict[str, str] = {}
    allowance: str | None = None
    approved: bool | None = None


class TickOrder(msgspec.Struct, forbid_unknown_fields=True):
    market: str
    tick: str | float


class Control:
    """Routes of the control door. ``publish`` shows a happening to the world."""

    def __init__(
        self,
        board: Board,
        stream: Stream,
        users: UserStream,
        deck: Deck,
        auditor: Auditor,
        trading: Trading,
        limits: Limits,
        burst: Burst,
        publish: Callable[[Moved], None],
        token: str = "",
    ) -> None:
        self.place = f"{CONTROL}/{token}" if token else CONTROL
        self.board = board
        self.stream = stream
        self.users = users
        self.deck = deck
        self.auditor = auditor
        self.trading = trading
        self.limits = limits
        self.burst = burst
        self._publish = publish

    def routes(self) -> list[Route]:
        paths: dict[str, tuple[str, Handler]] = {
            "/fault": ("POST", self._fault),
            "/faults": ("GET", self._faults),
            "/resolve": ("POST", self._resolve),
            "/tick": ("POST", self._tick),
            "/list": ("POST", self._list),
            "/wallet": ("POST", self._wallet),
            "/truth": ("GET", self._truth),
            "/audit": ("GET", self._audit),
        }
        return [
            *(
                Route(self.place + path, guarded(_for_us(handler)), methods=[method])
                for path, (method, handler) in paths.items()
            ),
            Route(CONTROL + "/{rest:path}", guarded(_elsewhere), methods=["GET", "POST"]),
        ]

    # -- faults ------------------------------------------------------------------------------------

    async def _fault(self, request: Request) -> Response:
        """Everything is checked before anything changes."""
        orders, rates = _split(await _object(request))
        order = _typed(orders, Order, "fault")
        freeze, mode = self._freeze(order), self._mode(order)
        faults = Faults(seed=self.deck.faults.seed) if order.clear else self.deck.faults
        try:
            for name, value in rates.items():
                faults = with_fault(faults, name, value)
            if order.clear:
                self.deck.clear()
                self.stream.new_faults()
            self.deck.strike_next(order.once)
        except BadFault as error:
            raise Wrong(400, str(error)) from None
        self._set(faults, freeze, mode)
        if order.burst or order.clear:
            span_ns = BURST_NS if order.for_s is None else int(order.for_s * SECOND)
            self.burst.call(self.board.clock.now_ns() + span_ns if order.burst else 0)
        if order.limits is not None or order.clear:
            self.limits.enforced = bool(order.limits)
        told = self.deck.told(self.board.seed) | {"limits": self.limits.enforced}
        return answer(told | {"connections": len(self.stream.connections)} | self._strike(order))

    def _set(self, faults: Faults, freeze: Freeze | None, mode: tuple[Mode, int] | None) -> None:
        if faults != self.deck.faults:
            self.deck.set(faults)
            self.stream.new_faults()
        if freeze is not None:
            self.stream.set_freeze(freeze)
            self.users.set_freeze(freeze)
        if mode:
            self.deck.call_mode(*mode)

    def _strike(self, order: Order) -> dict[str, int]:
        both = (self.stream, self.users)
        return {
            "half_open": sum(one.half_open() for one in both) if order.half_open else 0,
            "cut": sum(one.cut() for one in both) if order.cut else 0,
        }

    def _freeze(self, order: Order) -> Freeze | None:
        freeze = order.freeze
        if freeze is None:
            return NO_FREEZE if order.clear else None
        if isinstance(freeze, str):
            if freeze != "all":
                raise Wrong(400, 'fault: freeze must be "all", a list of asset ids, or a rate')
            return Freeze(assets="all", lasting=order.lasting)
        for asset in freeze:
            if asset not in self.board.by_asset:
                raise Wrong(400, f"fault: freeze names {asset!r}, which is no asset of this venue")
        return Freeze(assets=frozenset(freeze), lasting=order.lasting) if freeze else NO_FREEZE

    def _mode(self, order: Order) -> tuple[Mode, int] | None:
        """(mode, until when); the usual length where none is said."""
        if order.for_s is not None and not 0 < order.for_s <= MODE_S_MAX:
            raise Wrong(400, f"fault: for_s must be above 0 and at most {MODE_S_MAX}")
        if order.mode is None:
            return ("normal", 0) if order.clear else None
        for mode in MODES:
            if mode == order.mode:
                usual = RESTART_NS if mode == "restarting" else CALLED_MODE_NS
                span = usual if order.for_s is None else int(order.for_s * SECOND)
                return mode, self.board.clock.now_ns() + span
        raise Wrong(400, f"fault: mode must be one of {', '.join(MODES)}, not {order.mode!r}")

    async def _faults(self, request: Request) -> Response:
        mode, left_ns = self.deck.mode(self.board.clock.now_ns())
        return answer(
            self.deck.told(self.board.seed)
            | {"mode": mode, "mode_left_s": left_ns / SECOND, "limits": self.limits.enforced}
        )

    # -- markets -----------------------------------------------------------------------------------

    async def _resolve(self, request: Request) -> Response:
        """Close a market and pay it out, now."""
        order = _typed(await _object(request), ResolveOrder, "resolve")
        listing = self._listing("resolve", order.market)
        winner = WINNERS.get(order.outcome.upper())
        if winner is None:
            known = ", ".join(f'"{name}"' for name in WINNERS)
            raise Wrong(400, f"resolve: outcome must be one of {known}, not {order.outcome!r}")
        if self.board.market(listing).state == "resolved":
            raise Wrong(409, f"resolve: market {order.market} is resolved already")
        self._publish(self.board.world.resolve(listing.spec.slug, winner))
        return answer(
            {
                "market": listing.condition,
                "slug": listing.spec.slug,
                "winner": "" if winner == VOID else OUTCOMES[winner],
                "winning_asset_id": "" if winner == VOID else listing.assets[winner],
            }
        )

    async def _tick(self, request: Request) -> Response:
        """Another price grid for a market, now."""
        order = _typed(await _object(request), TickOrder, "tick")
        listing = self._listing("tick", order.market)
        tick = _tick_size(order.tick)
        if self.board.market(listing).state != "open":
            raise Wrong(409, f"tick: market {order.market} is not open")
        was = self.board.market(listing).tick
        self._retick(listing, tick)
        old, new = decimal(was, PRICE_ONE), decimal(tick, PRICE_ONE)
        return answer({"market": listing.condition, "old_tick_size": old, "new_tick_size": new})

    async def _list(self, request: Request) -> Response:
        """A new market of its own event."""
        order = _typed(await _object(request), ListOrder, "list")
        slug = slugged(order.question)[:SLUG_CHARS_MAX]
        if not slug or slug in self.board.listings:
            raise Wrong(409, f"list: there is a market {slug!r} already; ask another question")
        if len(self.board.listings) >= MARKETS_MAX:
            raise Wrong(409, f"list: there are {MARKETS_MAX} markets already")
        if not CHANCE_MIN <= order.probability <= 1 - CHANCE_MIN:
            raise Wrong(400, f"list: probability must be {CHANCE_MIN} to {1 - CHANCE_MIN:g}")
        if not 0 <= order.end_days <= END_DAYS_MAX:
            raise Wrong(400, f"list: end_days must be 0 to {END_DAYS_MAX}")
        event, spec = _specs(order, slug, next(iter(self.board.tags)))
        self.board.world.list_market(event, spec)
        listing = self.board.add(event, spec)
        self.stream.listed(listing)
        shown = {"market": listing.condition, "slug": slug, "assets": list(listing.assets)}
        return answer(shown | {"id": str(listing.number)})

    # -- wallets -----------------------------------------------------------------------------------

    async def _wallet(self, request: Request) -> Response:
        """All is checked before anything changes; orders that lose their cover go at once."""
        order = _typed(await _object(request), WalletOrder, "wallet")
        wallet = self.trading.accounts.known(order.wallet)
        if not wallet:
            raise Wrong(404, f"wallet: no wallet stands at {order.wallet!r}")
        cash = None if order.cash is None else _amount("cash", order.cash)
        allowed = None if order.allowance is None else _amount("allowance", order.allowance)
        shares = {name: _amount(f"shares.{name}", size) for name, size in order.shares.items()}
        for name in shares:
            if name not in self.board.by_asset or self._resolved(name):
                raise Wrong(400, f"wallet: shares names {name!r}, which is no asset in trade here")
        if cash is not None:
            self._set_cash(wallet, cash)
        for name, size in shares.items():
            self._set_shares(wallet, name, size)
        if allowed is not None:
            self.trading.accounts.approvals.allow_all(wallet, allowed)
        if order.approved is not None:
            self.trading.accounts.approvals.approve_all(wallet, order.approved)
        canceled = self.trading.check_cover(wallet)
        held = decimal(self.board.world.exchange.accounts[wallet].cash, DOLLAR)
        return answer({"wallet": wallet, "cash": held, "canceled": canceled})

    def _resolved(self, asset: str) -> bool:
        return self.board.market(self.board.by_asset[asset][0]).state == "resolved"

    def _set_cash(self, wallet: str, cash: int) -> None:
        exchange = self.board.world.exchange
        change = cash - exchange.accounts[wallet].cash
        if change < 0:
            exchange.withdraw(wallet, -change)
        elif change:
            exchange.deposit(wallet, change)

    def _set_shares(self, wallet: str, asset: str, size: int) -> None:
        """The world's crowd takes what is too much, and gives what lacks."""
        exchange, (listing, outcome) = self.board.world.exchange, self.board.by_asset[asset]
        slug = listing.spec.slug
        change = size - exchange.accounts[wallet].shares.get((slug, outcome), 0)
        if change < 0:
            exchange.hand_over(wallet, CROWD, slug, outcome, -change)
        elif change:
            exchange.split(CROWD, slug, change)
            exchange.hand_over(CROWD, wallet, slug, outcome, change)

    def _retick(self, listing: Listing, tick: int) -> None:
        moved = self.board.world.retick(listing.spec.slug, tick)
        if moved:
            self._publish(moved)

    def retick_asset(self, asset: str) -> None:
        """The other usual grid for the market of this asset; unknown assets have none."""
        found = self.board.by_asset.get(asset)
        if found and self.board.market(found[0]).state == "open":
            coarse = self.board.market(found[0]).tick == COARSE_TICK
            self._retick(found[0], FINE_TICK if coarse else COARSE_TICK)

    def _listing(self, what: str, name: str) -> Listing:
        board = self.board
        known = board.by_condition.get(name) or board.listings.get(name)
        if known is None and name in board.by_asset:
            known = board.by_asset[name][0]
        if known is None and name.isdecimal() and len(name) < ID_CHARS_MAX:
            known = board.by_number.get(int(name))
        if known is None:
            raise Wrong(404, f"{what}: no market is called {name!r}; give its condition id")
        return known

    # -- what only the world knows ----------------------------------------------------------------

    async def _truth(self, request: Request) -> Response:
        return answer(self.board.world.truth())

    async def _audit(self, request: Request) -> Response:
        return answer(self.auditor.told())


def _specs(order: ListOrder, slug: str, tag: str) -> tuple[EventSpec, MarketSpec]:
    question = order.question[:QUESTION_CHARS_MAX]
    words = f"{question} {PRACTICE_SENTENCE}"
    event = EventSpec(slug=slug, title=question, description=words, tags=(tag,), neg_risk=False)
    spec = MarketSpec(
        slug=slug,
        question=question,
        description=words,
        event=slug,
        group_title="",
        tags=(tag,),
        start_probability=order.probability,
        end_days=order.end_days,
        tick=COARSE_TICK,
        fee_rate_e6=0,
        activity=min(max(order.activity, 0.0), ACTIVITY_MAX),
    )
    return event, spec


LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def _for_us(handler: Handler) -> Handler:
    """Turns away what a page in a browser may have sent."""

    async def handled(request: Request) -> Response:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if (host if host.endswith("]") else host.rpartition(":")[0] or host) not in LOOPBACK:
            raise Wrong(403, "control: only a loopback address is answered")
        if origin is not None and origin != f"http://{host}":
            raise Wrong(403, "control: a page of another origin may not ask")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind != "application/json":
            raise Wrong(415, "control: send JSON, with content-type: application/json")
        return await handler(request)

    return handled


async def _elsewhere(_: Request) -> Response:
    said = "control: the door's address is the one that `ftt practice --json` prints as control"
    raise Wrong(404, said)


async def _object(request: Request) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await body_of(request), type=dict[str, Any])
    except UNREADABLE as error:
        raise Wrong(400, f"control: the body must be a JSON object: {error}") from None


def _split(named: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what to do at once, rates and spans): a number is always a rate, but for ``for_s``."""
    orders: dict[str, Any] = {}
    rates: dict[str, Any] = {}
    for key, value in named.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        at_once = key in AT_ONCE and not (key in RATES and number)
        (orders if at_once else rates)[key] = value
    return orders, rates


_Shape = TypeVar("_Shape", bound=msgspec.Struct)


def _typed(named: dict[str, Any], shape: type[_Shape], what: str) -> _Shape:
    try:
        return msgspec.convert(named, shape)
    except msgspec.ValidationError as error:
        raise Wrong(400, f"{what}: {error}") from None


def _amount(name: str, text: str) -> int:
    """A decimal in the engine's millionths; "max" is as much as there can be."""
    if text == "max" and name == "allowance":
        return UNLIMITED
    with contextlib.suppress(InvalidOperation):
        amount = Decimal(text) * DOLLAR
        if 0 <= amount <= AMOUNT_MAX and amount == int(amount):
            return int(amount)
    most = AMOUNT_MAX // DOLLAR
    raise Wrong(400, f"wallet: {name} must be a decimal from 0 to {most}, not {text!r}")


def _tick_size(text: str | float) -> int:
    try:
        tick = round(float(text) * PRICE_ONE, 6)
    except (ValueError, OverflowError):
        tick = 0.0
    if tick not in TICKS:
        known = ", ".join(decimal(one, PRICE_ONE) for one in TICKS)
        raise Wrong(400, f"tick: tick must be one of {known}, not {text!r}")
    return int(tick)
