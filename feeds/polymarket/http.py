"""Asking the venue over HTTP: paced, bounded, and asked again where that makes sense.

Only for reads: asking twice must change nothing. Bodies are inflated here, so that a small
answer cannot become a huge one in memory.
"""

import asyncio
import random
import re
import time
import zlib
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import httpx
import msgspec

from feeds.decoding import UNREADABLE
from feeds.polymarket.errors import TRANSPORT_ERRORS, VenueError, of_status, of_transport
from feeds.polymarket.modes import VenueModes
from feeds.polymarket.notices import Notices
from feeds.text import printable

TRIES_MAX = 4
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 10.0
TRY_MAX_S = 20.0
BODY_BYTES_MAX = 48 * 1024 * 1024
ERROR_BYTES_MAX = 16 * 1024
ERROR_CHARS_MAX = 200
QUEUE_MAX_S = 30.0
SLOWED_S = 60.0
"""So long after the venue said that we ask too often the pace stays lowered, then doubles."""
SLOWNESS_MAX = 16
TOO_OFTEN = 429
TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
TITLE_CHARS_MAX = 80
_TITLE = re.compile(rb"<title[^>]{0,200}>\s*([^<]{1,400})", re.IGNORECASE)
_ENCODINGS = {"gzip": 31, "deflate": 47}

Params = Sequence[tuple[str, str]]
Signed = Callable[[], dict[str, str]]


class Bucket:
    """A token bucket on our side, so that the venue need not refuse: ``rate`` calls a second on
    average, ``burst`` at once. When it refuses all the same, we go slower for a while."""

    def __init__(self, rate: float, burst: float) -> None:
        assert rate > 0, rate
        assert burst >= 1, burst
        self.rate = rate
        self.burst = burst
        self.slowness = 1
        """By how much the pace is lowered now."""
        self._tokens = burst
        self._at = 0.0
        self._slow_until = 0.0
        self._paused_until = 0.0

    def wait_s(self, now: float) -> float:
        """Take one token and say how long to wait before using it."""
        if self.slowness > 1 and now >= self._slow_until:
            self.slowness //= 2
            self._slow_until = now + SLOWED_S
        rate = self.rate / self.slowness
        grown = self._tokens + max(0.0, now - self._at) * rate
        self._tokens = min(self.burst, grown) - 1
        self._at = max(now, self._at)
        return max(0.0, -self._tokens / rate, self._paused_until - now)

    def give_back(self) -> None:
        """The token was not used after all."""
        self._tokens += 1

    def throttled(self, now: float, pause_s: float) -> None:
        """The venue says that we ask too often: be quiet, then go at half the pace."""
        self.slowness = min(2 * self.slowness, SLOWNESS_MAX)
        self._slow_until = now + SLOWED_S
        self._paused_until = max(self._paused_until, now + pause_s)
        self._tokens = min(self._tokens, 0.0)


class Reads:
    """GET and reading POST requests with pacing, limits and retries.

    ``sleep``, ``chance`` (0 to 1) and ``monotonic`` are arguments so that tests need no time.
    ``notices`` are what the venue says of its endpoints' end.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        modes: VenueModes | None = None,
    ) -> None:
        self._http = http
        self._modes = modes
        self.notices = Notices()
        self._sleep = sleep
        self._chance = chance
        self._monotonic = monotonic

    async def get(
        self,
        url: str,
        params: Params,
        bucket: Bucket,
        tries: int = TRIES_MAX,
        signed: Signed | None = None,
    ) -> bytes:
        """The body of a 200 answer; raises ``VenueError``.

        ``signed`` gives further headers, anew for each try: a signature holds the time.
        """
        return await self._ask("GET", url, params, None, bucket, tries, signed)

    async def post(self, url: str, body: bytes, bucket: Bucket, tries: int = TRIES_MAX) -> bytes:
        """As ``get``, for the questions that the venue takes as a POST."""
        return await self._ask("POST", url, (), body, bucket, tries, None)

    async def _ask(
        self,
        method: str,
        url: str,
        params: Params,
        body: bytes | None,
        bucket: Bucket,
        tries: int,
        signed: Signed | None,
    ) -> bytes:
        what = f"{method} {httpx.URL(url).path}"
        for attempt in range(1, tries + 1):
            await self._pace(bucket, what)
            try:
                said = await self._once(method, url, params, body, what, signed)
            except VenueError as error:
                wait = self._backoff_s(attempt, error.retry_after_s)
                self._learn(what, bucket, error, wait)
                if not error.retryable or attempt == tries:
                    raise
                await self._sleep(wait)
            else:
                if self._modes is not None:
                    self._modes.answered(what)
                return said
        raise AssertionError("tries must be positive")

    def _learn(self, what: str, bucket: Bucket, error: VenueError, wait_s: float) -> None:
        """What a refusal says about our pace and about the venue's mode."""
        if error.status == TOO_OFTEN:
            bucket.throttled(self._monotonic(), wait_s)
        if self._modes is not None:
            self._modes.refused(what, error)

    async def _pace(self, bucket: Bucket, what: str) -> None:
        wait = bucket.wait_s(self._monotonic())
        if wait > QUEUE_MAX_S:
            bucket.give_back()
            raise VenueError(
                f"{what}: too many questions are waiting already ({wait:.0f} s)", retryable=False
            )
        if wait > 0:
            await self._sleep(wait)

    def _backoff_s(self, attempt: int, retry_after_s: float | None) -> float:
        backoff = min(BACKOFF_FIRST_S * 2.0 ** (attempt - 1), BACKOFF_MAX_S)
        # jitter keeps many clients from coming back at the same moment
        return max(retry_after_s or 0.0, backoff * (0.5 + self._chance() / 2))

    async def _once(
        self,
        method: str,
        url: str,
        params: Params,
        body: bytes | None,
        what: str,
        signed: Signed | None,
    ) -> bytes:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        headers |= signed() if signed else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(TRY_MAX_S),
                self._http.stream(
                    method,
                    url,
                    params=httpx.QueryParams(list(params)) if params else None,
                    content=body,
                    headers=headers,
                    timeout=TIMEOUT,
                ) as answer,
            ):
                self.notices.look(method, answer.url.path, answer.headers)
                if answer.status_code != 200:
                    raise await _refusal(answer, what)
                body = await _bounded_body(answer, what, BODY_BYTES_MAX)
                if sentence := no_json(body):
                    raise VenueError(f"{what}: {sentence}", retryable=True, status=200)
                return body.removeprefix(BOM_UTF8)
        except TimeoutError:
            raise VenueError(
                f"{what}: no whole answer in {TRY_MAX_S:.0f} s", retryable=True
            ) from None
        except tuple(TRANSPORT_ERRORS) as error:
            raise of_transport(error, what) from error


async def _refusal(answer: httpx.Response, what: str) -> VenueError:
    try:
        said = _said(await _bounded_body(answer, what, ERROR_BYTES_MAX))
    except VenueError:
        said = ""
    return of_status(answer.status_code, what, said, answer.headers.get("retry-after"))


def no_json(body: bytes) -> str:
    """What an answer with status 200 is that can't be JSON, a web page or a refusal in words; ""
    for all else."""
    start = body[:ERROR_BYTES_MAX].removeprefix(BOM_UTF8).lstrip()
    if start[:1] == b"<":
        title = _TITLE.search(start)
        words = printable(title[1].decode("utf-8", "replace"), TITLE_CHARS_MAX) if title else ""
        named = f' ("{words}")' if words else ""
        return (
            f"a web page came with status 200 in place of JSON{named}: "
            "a sign-in page, a firewall or maintenance stands before the venue"
        )
    if start[:8] in (b'{"error"', b'{ "error') and len(body) < ERROR_BYTES_MAX:
        words = _said(body)
        return f'status 200, but with an error ("{words}")' if words else ""
    return ""


def _said(body: bytes) -> str:
    """The venue's own words, cleaned; a web page says nothing."""
    try:
        shape = msgspec.json.decode(body, type=Mapping[str, object])
    except UNREADABLE:
        return ""
    words = shape.get("error") or shape.get("error_msg") or ""
    return printable(words, ERROR_CHARS_MAX) if isinstance(words, str) else ""


async def _bounded_body(answer: httpx.Response, what: str, most: int) -> bytes:
    """The body, inflated by no more than ``most`` bytes."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", *_ENCODINGS):
        raise VenueError(f"{what}: compressed in a way we did not offer", retryable=False)
    inflater = zlib.decompressobj(_ENCODINGS[encoding]) if encoding in _ENCODINGS else None
    body = bytearray()
    async for chunk in answer.aiter_raw():
        try:
            body += inflater.decompress(chunk, most + 1 - len(body)) if inflater else chunk
        except zlib.error:
            raise VenueError(f"{what}: the compression is broken", retryable=False) from None
        if len(body) > most:
            raise VenueError(f"{what}: more than {most:,} bytes", retryable=False)
    return bytes(body)
