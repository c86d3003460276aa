"""How many orders and cancels a signer may send: two token buckets each, told in headers.

As the venue does it in its warning mode, the headers tell and nobody is refused, unless
``enforced`` is set.
"""

from dataclasses import dataclass

from practice.clock import SECOND

TIER = "standard"
SIGNERS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, and how many a rested bucket holds."""

    per_second: int
    burst: int


RATES = {"order": Rate(40, 60), "cancel": Rate(80, 120)}


class Limits:
    """Every signer's buckets. Times are wall time in nanoseconds: clients live by the wall."""

    def __init__(self) -> None:
        self.enforced = False
        self._full_ns: dict[tuple[str, str], int] = {}

    def take(self, owner: str, what: str, tokens: int, now_ns: int) -> tuple[bool, dict[str, str]]:
        """(may it pass, headers of the answer). A batch needs all of its tokens."""
        rate = RATES[what]
        step_ns = SECOND // rate.per_second
        full_ns = max(self._full_ns.get((owner, what), 0), now_ns)
        left = rate.burst - -(-(full_ns - now_ns) // step_ns) - tokens
        passes = left >= 0 or not self.enforced
        if passes:
            full_ns += tokens * step_ns
            self._remember(owner, what, full_ns)
        headers = {
            "Poly-RateLimit-Remaining": str(left),
            "Poly-RateLimit-Reset": str(-(-full_ns // SECOND)),
            "Poly-RateLimit-Tier": TIER,
        }
        if left < 0:
            over = {"Poly-RateLimit-Warning": "true"} if passes else {"Retry-After": "1"}
            headers |= over
        return passes, headers

    def _remember(self, owner: str, what: str, full_ns: int) -> None:
        if len(self._full_ns) >= SIGNERS_MAX:
            self._full_ns.clear()
        self._full_ns[owner, what] = full_ns


def shown() -> dict[str, object]:
    """The tier as an account is told it."""
    return {"tier": TIER} | {
        what: {"per_second": rate.per_second, "burst": rate.burst} for what, rate in RATES.items()
    }
