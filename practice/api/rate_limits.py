"""How often the venue lets itself be asked: by address for each endpoint, by signer for orders.

As the venue does it in its warning mode, headers tell signers how they stand and nobody is refused,
unless ``enforced`` is set. Then whoever comes too often hears 429, and when to come back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from practice.answers import answer
from practice.clock import MINUTE, SECOND

TIER = "standard"
BUCKETS_MAX = 10_000
TEN_S = 10 * SECOND
TOO_MANY = {"error": "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, and how many a rested bucket holds."""

    per_second: int
    burst: int


RATES = {"order": Rate(40, 60), "cancel": Rate(80, 120)}
"""By signer."""

Spans = tuple[tuple[int, int], ...]
"""(requests, in so many nanoseconds), each of which holds."""

CLOB: Spans = ((9_000, TEN_S),)
DATA: Spans = ((1_000, TEN_S),)
EXACT: dict[tuple[str, str], Spans] = {
    ("POST", "/order"): ((5_000, TEN_S), (120_000, 10 * MINUTE)),
    ("DELETE", "/order"): ((5_000, TEN_S), (120_000, 10 * MINUTE)),
    ("POST", "/orders"): ((2_000, TEN_S), (21_000, 10 * MINUTE)),
    ("DELETE", "/orders"): ((2_000, TEN_S), (15_000, 10 * MINUTE)),
    ("DELETE", "/cancel-all"): ((250, TEN_S), (6_000, 10 * MINUTE)),
    ("DELETE", "/cancel-market-orders"): ((1_500, TEN_S), (21_000, 10 * MINUTE)),
    **{("GET", path): ((1_500, TEN_S),) for path in ("/book", "/price", "/midpoint")},
    **{("POST", path): ((500, TEN_S),) for path in ("/books", "/prices", "/midpoints")},
    **{("GET", path): ((500, TEN_S),) for path in ("/data/orders", "/data/trades")},
    ("GET", "/prices-history"): ((1_000, TEN_S),),
    ("GET", "/balance-allowance"): ((200, TEN_S),),
    ("GET", "/balance-allowance/update"): ((50, TEN_S),),
    ("GET", "/ok"): ((100, TEN_S),),
    ("GET", "/trades"): ((200, TEN_S),),
    ("GET", "/v2/trades"): ((200, TEN_S),),
    ("GET", "/positions"): ((150, TEN_S),),
    ("GET", "/v2/positions"): ((150, TEN_S),),
    ("GET", "/public-search"): ((350, TEN_S),),
}
BY_START: tuple[tuple[str, Spans], ...] = (
    ("/tick-size", ((200, TEN_S),)),
    ("/notifications", ((125, TEN_S),)),
    ("/data/", ((900, TEN_S),)),
    ("/order-scoring", ((900, TEN_S),)),
    ("/auth/", ((100, TEN_S),)),
    ("/markets/0x", CLOB),
    ("/markets-by-token", CLOB),
    ("/events", ((500, TEN_S),)),
    ("/markets", ((300, TEN_S),)),
    ("/tags", ((200, TEN_S),)),
    ("/comments", ((200, TEN_S),)),
    ("/v2/", DATA),
    ("/activity", DATA),
    ("/value", DATA),
)
EVERYTHING: Spans = ((15_000, TEN_S),)
SPARED = ("/control", "/feeds", "/stories", "/faults")


class Bucket:
    """Tokens that grow back evenly. Moments are wall time: clients live by the wall."""

    __slots__ = ("_burst", "_full_ns", "_step_ns")

    def __init__(self, burst: int, step_ns: int) -> None:
        self._burst = burst
        self._step_ns = step_ns
        self._full_ns = 0

    def left(self, now_ns: int) -> int:
        """Whole tokens; negative for those owed."""
        return self._burst - -(-max(0, self._full_ns - now_ns) // self._step_ns)

    def take(self, tokens: int, now_ns: int) -> None:
        self._full_ns = max(self._full_ns, now_ns) + tokens * self._step_ns

    def wait_s(self, tokens: int, now_ns: int) -> int:
        """Whole seconds until there are so many; 0 when there are."""
        lacking = tokens - self.left(now_ns)
        return -(-lacking * self._step_ns // SECOND) if lacking > 0 else 0

    def full_s(self, now_ns: int) -> int:
        """The Unix second in which it is full again."""
        return -(-max(self._full_ns, now_ns) // SECOND)


class Limits:
    """All buckets."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.enforced = False
        self._now_ns = now_ns
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def take(
        self, owner: str, what: str, tokens: int, owed: bool = False
    ) -> tuple[bool, dict[str, str]]:
        """(may it pass, headers of the answer). A batch needs all of its tokens.

        With ``owed`` it has passed already.
        """
        rate, now_ns = RATES[what], self._now_ns()
        bucket = self._bucket((owner, what), rate.burst, SECOND // rate.per_second)
        left, wait_s = bucket.left(now_ns) - tokens, bucket.wait_s(tokens, now_ns)
        passes = owed or not wait_s or not self.enforced
        if passes:
            bucket.take(tokens, now_ns)
        headers = {
            "Poly-RateLimit-Remaining": str(left),
            "Poly-RateLimit-Reset": str(bucket.full_s(now_ns)),
            "Poly-RateLimit-Tier": TIER,
        }
        if left < 0:
            over = {"Poly-RateLimit-Warning": "true"} if passes else {"Retry-After": str(wait_s)}
            headers |= over
        return passes, headers

    def refuses(self, address: str, method: str, path: str) -> int:
        """Seconds after which this request may come again; 0 when it may pass now."""
        now_ns = self._now_ns()
        name, spans = spans_of(method, path)
        wanted = [(name, *span) for span in spans] + [("", *span) for span in EVERYTHING]
        buckets = [
            self._bucket((address, what, str(span)), most, span // most)
            for what, most, span in wanted
        ]
        wait_s = max(bucket.wait_s(1, now_ns) for bucket in buckets)
        if not wait_s:
            for bucket in buckets:
                bucket.take(1, now_ns)
        return wait_s

    def _bucket(self, name: tuple[str, ...], burst: int, step_ns: int) -> Bucket:
        known = self._buckets.get(name)
        if known is None:
            if len(self._buckets) >= BUCKETS_MAX:
                self._buckets.clear()
            known = self._buckets[name] = Bucket(burst, step_ns)
        return known


def spans_of(method: str, path: str) -> tuple[str, Spans]:
    """The limits of an endpoint, and the name under which its requests are counted."""
    exact = EXACT.get((method, path))
    if exact:
        return f"{method} {path}", exact
    for start, spans in BY_START:
        if path.startswith(start):
            return start, spans
    return "clob", CLOB


class Turnstile:
    """The layer in front of the venue that counts by address; the control door is not counted."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._limits.enforced and scope["type"] == "http":
            host, path = (scope.get("client") or ("", 0))[0], scope["path"]
            counted = not path.startswith(SPARED)
            if counted and (wait_s := self._limits.refuses(host, scope["method"], path)):
                refusal = answer(TOO_MANY, 429)
                refusal.headers["Retry-After"] = str(wait_s)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def shown() -> dict[str, object]:
    """The tier as an account is told it."""
    return {"tier": TIER} | {
        what: {"per_second": rate.per_second, "burst": rate.burst} for what, rate in RATES.items()
    }
