"""Answers and refusals of the venue's REST interfaces."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

BODY_BYTES_MAX = 1 << 20
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for rubbish, the bottomless kind too."""

_encode = msgspec.json.Encoder().encode


class Wrong(Exception):
    """A request that the venue turns down, with its status and its own words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


Handler = Callable[[Request], Awaitable[Response]]


def answer(data: object, status: int = 200) -> Response:
    return raw(_encode(data), status)


def raw(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def guarded(handler: Handler) -> Handler:
    """Turn a ``Wrong`` into the venue's error body."""

    async def guarded_handler(request: Request) -> Response:
        try:
            return await handler(request)
        except Wrong as wrong:
            return answer({"error": wrong.text}, wrong.status)

    return guarded_handler


async def body_of(request: Request) -> bytes:
    """The whole body, up to a bound."""
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise Wrong(400, "Payload exceeds the limit")
        parts.append(part)
    return b"".join(parts)


def whole_number(request: Request, name: str, otherwise: int, low: int, high: int) -> int:
    """A query parameter as an integer, cut to its range; 422 when it is none."""
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    try:
        return min(max(int(text), low), high)
    except ValueError:
        raise Wrong(422, f"{name} must be an integer") from None
