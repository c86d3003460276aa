"""What the fault deck does to REST requests, as one layer around the whole venue.

It stands where a bad network and a busy venue would: before the request is heard, and between
its being done and its answer. What it does to nobody: the control door and the newsroom.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practice.answers import BODY_BYTES_MAX, UNREADABLE
from practice.clock import SECOND, Clock
from practice.faults.deck import Deck, Mode

SPARED = ("/control", "/feeds", "/stories", "/faults")
PLACING = frozenset({("POST", "/order"), ("POST", "/orders")})
CANCELLING = frozenset(
    {
        ("DELETE", "/order"),
        ("DELETE", "/orders"),
        ("DELETE", "/cancel-all"),
        ("DELETE", "/cancel-market-orders"),
    }
)
HTML_403 = (
    b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    b"<body><h1>Sorry, you have been blocked</h1></body></html>"
)
REGION_TEXT = (
    "Trading restricted in your region, please refer to available regions - "
    "https://docs.polymarket.com/developers/CLOB/geoblock"
)
OF_ORDERS = frozenset({"status_425"})
OF_PLACING = frozenset({"status_403", "order_timeout"})
"""Errors that only requests about orders, or only new orders, are answered with."""
ENGINE_ERRORS = (
    (400, "order canceled in the CTF exchange contract"),
    (400, "order match delayed due to market conditions"),
    (500, "there are no matching orders"),
    (500, "FOK orders are filled or killed"),
    (500, "the trade contains rounding issues"),
    (
        500,
        "the price of the taker's order has a discrepancy greater than allowed with the worst "
        "maker order",
    ),
    (500, "could not insert order"),
)
OVERTAKEN_S = 0.1
POST_ONLY_TEXT = "post-only mode: only post-only orders and cancels are allowed"
JSON, HTML = b"application/json", b"text/html; charset=UTF-8"

_encode = msgspec.json.encode


class _Posted(msgspec.Struct):
    postOnly: bool = False


class _Named(msgspec.Struct):
    tokenId: str = ""


class _Placed(msgspec.Struct):
    order: _Named


def errors() -> dict[str, tuple[int, bytes, bytes, int]]:
    """Answers instead of doing it: (status, content type, body, Retry-After or 0), by fault."""

    def error(status: int, text: str, after: int = 0) -> tuple[int, bytes, bytes, int]:
        return status, JSON, _encode({"error": text}), after

    return {
        "html_403": (403, HTML, HTML_403, 0),
        "status_403": error(403, REGION_TEXT),
        "status_425": error(425, "Service not ready: the matching engine restarts", 1),
        "status_429": error(429, "Too Many Requests", 1),
        "status_500": error(500, "Internal server error"),
        "order_timeout": error(500, "order timed out"),
        "status_502": (502, HTML, b"<html><h1>502 Bad Gateway</h1></html>", 0),
        "status_503": error(
            503, "Trading is currently disabled. Check polymarket.com for updates", 5
        ),
    }


ERRORS = errors()
ACCEPTED_500 = 500, JSON, _encode({"error": "Internal server error"}), 0


class HttpFaults:
    """The layer. ``retick`` changes the grid of the market that has this asset."""

    def __init__(
        self, app: ASGIApp, deck: Deck, clock: Clock, retick: Callable[[str], object]
    ) -> None:
        self._app = app
        self._deck = deck
        self._clock = clock
        self._retick = retick
        self._held: set[asyncio.Transport] = set()

    def let_go(self) -> None:
        """Hang up on everybody who is kept waiting: the venue is closing."""
        for transport in list(self._held):
            transport.abort()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._deck.idle or scope["type"] != "http" or scope["path"].startswith(SPARED):
            await self._app(scope, receive, send)
            return
        route = (scope["method"], scope["path"])
        ordering = route in PLACING or route in CANCELLING
        if ordering and await self._in_mode(route, scope, receive, send):
            return
        if route in PLACING and self._deck.draw("tick_change"):
            body = await _body(receive)
            self._retick(_asset_of(body))
            receive = _again(body, receive)
        await self._meet(_Exchange(scope, receive, send, ordering))

    # -- modes of the venue ------------------------------------------------------------------------

    async def _in_mode(
        self, route: tuple[str, str], scope: Scope, receive: Receive, send: Send
    ) -> bool:
        """Answer in the venue's stead when its mode forbids this; True when answered."""
        mode, left_ns = self._deck.mode(self._clock.now_ns())
        if mode == "normal" or (route in CANCELLING and mode in {"post-only", "cancel-only"}):
            return False
        if mode == "post-only" and route == ("POST", "/orders"):
            return False  # each leg is judged for itself, further in
        if mode == "post-only":
            body = await _body(receive)
            if _is_post_only(body):
                await self._meet(_Exchange(scope, _again(body, receive), send, True))
                return True
        await _answer(send, mode_answer(mode, left_ns))
        return True

    # -- one request -------------------------------------------------------------------------------

    async def _meet(self, met: "_Exchange") -> None:
        if not self._strikes(met):
            await self._app(met.scope, met.receive, met.send)
            return
        draw = self._deck.draw
        for name, error in ERRORS.items():
            if _concerns(name, met) and draw(name):
                await _answer(met.send, error)
                return
        if met.placing and draw("engine_error"):
            status, text = self._deck.chance("engine_error kind").choice(ENGINE_ERRORS)
            await _answer(met.send, (status, JSON, _encode({"error": text}), 0))
            return
        if draw("lost_request"):
            await _hang_up(met)
        elif draw("hung_request"):
            await self._hold(met)
        else:
            await self._do(met)

    def _strikes(self, met: "_Exchange") -> bool:
        routes = self._deck.faults.routes
        return routes == "all" or (routes == "orders") == met.ordering

    async def _do(self, met: "_Exchange") -> None:
        """Let the venue hear it; what goes wrong now is the answer."""
        draw = self._deck.draw
        if draw("duplicate_answer"):
            body = await _body(met.receive)
            await self._heard(met, _again(body, met.receive))
            met.receive = _again(body, met.receive)
        struck = self._deck.counts["fill_before_ack"]
        answer = await self._heard(met, met.receive)
        if self._deck.counts["fill_before_ack"] > struck:
            await asyncio.sleep(OVERTAKEN_S)  # the user stream is ahead of this answer
        if draw("late_reply"):
            late_s = self._deck.span_ns("late_reply") / SECOND
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hold(met), late_s)
                return
        if draw("lost_reply"):
            await _hang_up(met)
        elif draw("truncated_reply"):
            await _truncate(met, answer)
        elif draw("accepted_500"):
            await _answer(met.send, ACCEPTED_500)
        else:
            for message in answer:
                await met.send(message)

    async def _hold(self, met: "_Exchange") -> None:
        """Keep a client waiting until it has given up."""
        transport = transport_of(met.send)
        self._held.add(transport)
        try:
            await _until_gone(met.receive)
        finally:
            self._held.discard(transport)

    async def _heard(self, met: "_Exchange", receive: Receive) -> list[Message]:
        """The venue's whole answer, not sent yet."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(met.scope, receive, keep)
        return answer


class _Exchange:
    """One request on its way: what the server handed over, and whether it is about orders."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, ordering: bool) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.ordering = ordering
        self.placing = (scope["method"], scope["path"]) in PLACING


def _concerns(name: str, met: _Exchange) -> bool:
    if name in OF_PLACING:
        return met.placing
    return met.ordering or name not in OF_ORDERS


def mode_answer(mode: Mode, left_ns: int) -> tuple[int, bytes, bytes, int]:
    """(status, content type, body, Retry-After) of a venue in this mode."""
    seconds = max(1, -(-left_ns // SECOND))
    if mode == "restarting":
        return ERRORS["status_425"]
    if mode == "disabled":
        return ERRORS["status_503"]
    if mode == "cancel-only":
        text = "Trading is currently cancel-only. New orders are not accepted, "
        return 503, JSON, _encode({"error": text + "but cancels are allowed."}), seconds
    return 503, JSON, _encode(post_only_refusal(seconds)), seconds


def post_only_refusal(seconds: int) -> dict[str, object]:
    return {
        "error": POST_ONLY_TEXT,
        "code": "post_only_mode",
        "retry_after_seconds": seconds,
    }


def _is_post_only(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Posted).postOnly
    except UNREADABLE:
        return False


def _asset_of(body: bytes) -> str:
    """The asset that the first order of a body names, or ""."""
    try:
        placed = msgspec.json.decode(body, type=list[_Placed] | _Placed)
    except UNREADABLE:
        return ""
    first = placed if isinstance(placed, _Placed) else placed[0] if placed else None
    return first.order.tokenId if first else ""


async def _body(receive: Receive) -> bytes:
    """The request's body; what is beyond the bound is left to the venue to refuse."""
    parts = []
    size = 0
    while size <= BODY_BYTES_MAX:
        message = await receive()
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if not message.get("more_body"):
            break
    return b"".join(parts)


def _again(body: bytes, after: Receive) -> Receive:
    """A body that was read, to be read once more."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await after()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _answer(send: Send, answer: tuple[int, bytes, bytes, int]) -> None:
    status, kind, body, after = answer
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if after:
        headers.append((b"retry-after", str(after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _truncate(met: _Exchange, answer: list[Message]) -> None:
    """The headers promise the whole answer, half of it comes, then the connection is gone."""
    body = b"".join(message.get("body", b"") for message in answer[1:])
    await met.send(answer[0])
    await met.send(
        {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
    )
    await _hang_up(met, gently=True)


def transport_of(send: Send) -> asyncio.Transport:
    """The connection under a request: ASGI has no word for hanging up without an answer."""
    protocol = getattr(send, "__self__", None)
    transport = getattr(protocol, "transport", None)
    assert transport is not None, f"{send!r} is no server's own: no connection to drop"
    return cast(asyncio.Transport, transport)


async def _hang_up(met: _Exchange, gently: bool = False) -> None:
    transport = transport_of(met.send)
    if gently:
        transport.close()  # what was written still goes out
    else:
        transport.abort()
    await _until_gone(met.receive)


async def _until_gone(receive: Receive) -> None:
    """Wait until the client has given up."""
    while (await receive())["type"] != "http.disconnect":
        pass
