"""The fault deck: what may go wrong at the venue, how often, and by which seed.

Nothing goes wrong unless it was asked for. Chance comes from one seed: the same seed and the same
requests in the same order fail in the same way, so a failure can be repeated.

Three kinds of rates, all per 1,000. *A request*: drawn for each REST request. *A frame*: drawn
for each frame of each stream connection. *A minute*: drawn for each world minute (and each asset
or connection, where it strikes one), and then it lasts for a while.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random
from typing import Any, Literal

from practice.clock import MINUTE, SECOND

PER_MILLE = 1_000
MS_MAX = 3_600_000
ONCE_MAX = 1_000
WINDOWS_KEPT_MAX = 50_000
RATE, MS, MS_MOST = "_per_mille", "_ms", "_ms_max"

Routes = Literal["all", "orders", "reads"]
Mode = Literal["normal", "restarting", "post-only", "cancel-only", "disabled"]
ROUTES: tuple[Routes, ...] = ("all", "orders", "reads")
MODES: tuple[Mode, ...] = ("normal", "restarting", "post-only", "cancel-only", "disabled")

RESTART_NS = 90 * SECOND
POST_ONLY_NS = 2 * MINUTE
CANCEL_ONLY_NS = MINUTE
CALLED_MODE_NS = 2 * MINUTE
"""How long a mode lasts that a test called for without saying so."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong, how often (per 1,000) and for how long. The seed fixes all of it.

    ``routes`` says which requests the faults of requests strike: those of orders (placing and
    cancelling), all others ("reads"), or "all".
    """

    seed: int = 0
    routes: Routes = "all"

    # a request
    lost_request_per_mille: int = 0
    """It never reaches the venue; the connection is dropped."""
    hung_request_per_mille: int = 0
    """It never reaches the venue, and the connection stays open without an answer."""
    lost_reply_per_mille: int = 0
    """It is done; the connection is dropped before the answer."""
    late_reply_per_mille: int = 0
    """It is done at once; the answer comes up to ``late_reply_ms_max`` wall milliseconds later."""
    late_reply_ms_max: int = 12_000
    duplicate_answer_per_mille: int = 0
    """A proxy repeats it: the venue hears it twice, the client gets the second answer."""
    truncated_reply_per_mille: int = 0
    """It is done; half of the answer comes, then the connection is dropped."""
    html_403_per_mille: int = 0
    status_403_per_mille: int = 0
    """The client is in the wrong country: orders alone are refused."""
    status_425_per_mille: int = 0
    status_429_per_mille: int = 0
    status_500_per_mille: int = 0
    status_502_per_mille: int = 0
    status_503_per_mille: int = 0
    """These are not done; ``accepted_500`` is, and then answered by an error all the same."""
    accepted_500_per_mille: int = 0
    order_timeout_per_mille: int = 0
    """The matching took too long: answered by an error, and not placed."""
    engine_error_per_mille: int = 0
    """An order is not placed for one of the reasons that lie inside the venue."""

    # a minute: modes of the whole venue
    restart_per_mille: int = 0
    """425 for 90 s, then post-only for two minutes."""
    post_only_per_mille: int = 0
    cancel_only_per_mille: int = 0

    # a minute: streams
    freeze_per_mille: int = 0
    """An asset falls silent for a minute; PONG goes on."""
    half_open_per_mille: int = 0
    """A connection neither reads nor writes any more."""
    cut_per_mille: int = 0
    burst_per_mille: int = 0
    """Ten seconds in which the liveliest markets change 2,000 times a second."""

    # a frame
    drop_frame_per_mille: int = 0
    double_frame_per_mille: int = 0
    reorder_frame_per_mille: int = 0
    malformed_frame_per_mille: int = 0
    stale_snapshot_per_mille: int = 0
    hash_mismatch_per_mille: int = 0

    # an order or a trade
    tick_change_per_mille: int = 0
    """The market's grid changes while the order is on its way."""
    fill_before_ack_per_mille: int = 0
    failed_trade_per_mille: int = 0
    retrying_trade_per_mille: int = 0
    retrying_trade_ms_max: int = 60_000
    dust_fill_per_mille: int = 0
    venue_cancel_per_mille: int = 0
    market_end_per_mille: int = 0
    """The market closes under an order that rests, and is resolved."""

    clock_skew_ms: int = 0
    """What ``/time`` is off by."""


NO_FAULTS = Faults()
_FIELDS = tuple(field.name for field in dataclasses.fields(Faults))
RATES = tuple(name.removesuffix(RATE) for name in _FIELDS if name.endswith(RATE))
"""The faults that happen by chance, by the names that flags and ``POST /control/fault`` use."""
SPANS = tuple(name for name in _FIELDS if name.endswith((MS, MS_MOST)))
FRAME_RATES = tuple(name for name in RATES if name.endswith(("_frame", "_snapshot", "_mismatch")))
MINUTE_RATES = ("restart", "post_only", "cancel_only", "freeze", "half_open", "cut", "burst")
DRAWN = tuple(name for name in RATES if name not in MINUTE_RATES)


class BadFault(ValueError):
    """A fault that the deck does not know, or a rate it can't have; the text says which."""


def with_fault(faults: Faults, name: str, value: object) -> Faults:
    """The options with one more named. Rates are 0 to 1, spans whole milliseconds."""
    if name == "seed":
        return replace(faults, seed=_whole(name, value, -(2**63), 2**63))
    if name == "routes":
        return replace(faults, routes=_routes(value))
    if name in SPANS:
        low = -MS_MAX if name == "clock_skew_ms" else 0
        return _changed(faults, name, _whole(name, value, low, MS_MAX))
    if name in RATES:
        return _changed(faults, name + RATE, _per_mille(name, value))
    known = ", ".join((*RATES, *SPANS, "routes", "seed"))
    raise BadFault(f"fault: no fault is called {name!r}; there are {known}")


def _changed(faults: Faults, field: str, value: int) -> Faults:
    change: dict[str, Any] = {field: value}
    return replace(faults, **change)


def parse_fault(faults: Faults, text: str) -> Faults:
    """``NAME=VALUE`` as the flag ``--fault`` takes it."""
    name, equals, value = text.partition("=")
    if not equals:
        raise BadFault(f"fault: expected NAME=RATE, such as lost_reply=0.01, not {text!r}")
    return with_fault(faults, name.strip().replace("-", "_"), value.strip())


def flags(faults: Faults) -> list[str]:
    """The arguments that set these options; only what differs from nothing."""
    shown = []
    for name in _FIELDS:
        value = getattr(faults, name)
        if value == getattr(NO_FAULTS, name):
            continue
        if name.endswith(RATE):
            shown += ["--fault", f"{name.removesuffix(RATE)}={value / PER_MILLE:g}"]
        else:
            shown += ["--fault", f"{name}={value}"]
    return shown


def _routes(value: object) -> Routes:
    for routes in ROUTES:
        if routes == value:
            return routes
    raise BadFault(f"fault: routes must be one of {', '.join(ROUTES)}, not {value!r}")


def _per_mille(name: str, value: object) -> int:
    try:
        rate = float(value) * PER_MILLE  # type: ignore[arg-type]
    except (TypeError, ValueError):
        rate = -1.0
    if isinstance(value, bool) or not 0 <= rate <= PER_MILLE or abs(rate - round(rate)) > 1e-6:
        raise BadFault(f"fault: {name} must be 0 to 1 in steps of 0.001, not {value!r}")
    return round(rate)


def _whole(name: str, value: object, low: int, high: int) -> int:
    try:
        number = int(value) if isinstance(value, int | str) else None
    except ValueError:
        number = None
    if number is None or isinstance(value, bool) or not low <= number <= high:
        raise BadFault(f"fault: {name} must be a whole number, {low} to {high}, not {value!r}")
    return number


class Deck:
    """The faults in force, the chance behind them, and a count of what struck.

    ``draw`` is for whoever is about to do something that may go wrong: True means let it.
    """

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        self.faults = faults
        self.counts: Counter[str] = Counter()
        self.once: Counter[str] = Counter()
        self._chances: dict[str, Random] = {}
        self._windows: dict[tuple[str, str, int], bool] = {}
        self._mode: tuple[Mode, int] = ("normal", 0)
        self._look()

    def set(self, faults: Faults) -> None:
        """Other options from now on. Chance starts anew, the counts go on."""
        self.faults = faults
        self._chances.clear()
        self._windows.clear()
        self._look()

    def clear(self) -> None:
        """Nothing goes wrong any more, from now on. The seed and the counts stay."""
        self.once.clear()
        self._mode = ("normal", 0)
        self.set(Faults(seed=self.faults.seed))

    def strike_next(self, once: Mapping[str, int]) -> None:
        """Whatever the rates: the next so many chances of these faults all strike."""
        for name, times in once.items():
            if name not in DRAWN:
                raise BadFault(f"fault: once names {name!r}; there are {', '.join(DRAWN)}")
            if not 0 <= times <= ONCE_MAX:
                raise BadFault(f"fault: once.{name} must be 0 to {ONCE_MAX}, not {times}")
        self.once.update({name: times - self.once[name] for name, times in once.items()})
        self._look()

    def call_mode(self, mode: Mode, until_ns: int) -> None:
        """Put the venue into a mode until then, whatever chance says."""
        self._mode = (mode, until_ns)
        self._look()

    def _look(self) -> None:
        """Note what can strike at all, so that a quiet venue pays nothing."""
        on = {name for name in RATES if self.may(name)}
        self.garbles = bool(on.intersection(FRAME_RATES))
        self.freezes = "freeze" in on
        self.idle = not on and self._mode[0] == "normal" and not self.faults.clock_skew_ms

    def rate(self, name: str) -> int:
        """How often, per 1,000."""
        rate: int = getattr(self.faults, name + RATE)
        return rate

    def may(self, name: str) -> bool:
        """Whether this fault can strike at all."""
        return self.rate(name) > 0 or self.once[name] > 0

    # -- chance ----------------------------------------------------------------------------------

    def draw(self, name: str, chance: Random | None = None) -> bool:
        """Whether this fault strikes now; counted when it does.

        ``chance`` is the caller's own, for what must not depend on what others draw.
        """
        if self.once[name] > 0:
            self.once[name] -= 1
            self._look()
            self.counts[name] += 1
            return True
        rate = self.rate(name)
        if not rate or (chance or self.chance(name)).randrange(PER_MILLE) >= rate:
            return False
        self.counts[name] += 1
        return True

    def chance(self, name: str) -> Random:
        """This fault's own line of chance."""
        known = self._chances.get(name)
        if known is None:
            known = self._chances[name] = Random(f"{self.faults.seed} {name}")
        return known

    def span_ns(self, name: str) -> int:
        """How long this time: a tenth to the whole of ``..._ms_max``."""
        most: int = getattr(self.faults, name + MS_MOST)
        return self.chance(name + MS_MOST).randint(most // 10, most) * 1_000_000

    def during(self, name: str, now_ns: int, lasting_ns: int = MINUTE, whom: str = "") -> bool:
        """Whether a fault of minutes is in force for ``whom`` at this moment of the world."""
        if not self.rate(name):
            return False
        first, last = (now_ns - lasting_ns) // MINUTE + 1, now_ns // MINUTE
        return any(self._begins(name, whom, minute) for minute in range(first, last + 1))

    def _begins(self, name: str, whom: str, minute: int) -> bool:
        key = (name, whom, minute)
        known = self._windows.get(key)
        if known is None:
            text = f"{self.faults.seed} {name} {whom} {minute}"
            drawn = int.from_bytes(sha256(text.encode()).digest()[:8], "big") % PER_MILLE
            known = drawn < self.rate(name)
            self.counts[name] += known
            if len(self._windows) >= WINDOWS_KEPT_MAX:
                self._windows.clear()
            self._windows[key] = known
        return known

    # -- the venue's mode --------------------------------------------------------------------------

    def mode(self, now_ns: int) -> tuple[Mode, int]:
        """(mode of the venue, nanoseconds of it that are left)."""
        called, until_ns = self._mode
        if called != "normal":
            if now_ns < until_ns:
                return called, until_ns - now_ns
            # a restart, however it came about, is followed by two minutes of post-only
            follows = called == "restarting" and now_ns < until_ns + POST_ONLY_NS
            if follows:
                return "post-only", until_ns + POST_ONLY_NS - now_ns
            self.call_mode("normal", 0)
        return self._mode_by_chance(now_ns)

    def _mode_by_chance(self, now_ns: int) -> tuple[Mode, int]:
        left = MINUTE - now_ns % MINUTE
        if self.during("restart", now_ns, RESTART_NS):
            return "restarting", left
        if self.during("restart", now_ns, RESTART_NS + POST_ONLY_NS):
            return "post-only", left
        if self.during("post_only", now_ns, POST_ONLY_NS):
            return "post-only", left
        if self.during("cancel_only", now_ns, CANCEL_ONLY_NS):
            return "cancel-only", left
        return "normal", 0

    # -- telling -----------------------------------------------------------------------------------

    def told(self, world_seed: int) -> dict[str, object]:
        """What is in force and what struck, with the command that repeats it."""
        return {
            "seed": self.faults.seed,
            "routes": self.faults.routes,
            "rates": {name: self.rate(name) / PER_MILLE for name in RATES if self.rate(name)},
            "spans": {name: getattr(self.faults, name) for name in SPANS},
            "once": {name: times for name, times in self.once.items() if times > 0},
            "counts": dict(self.counts),
            "repeat": self.command(world_seed),
        }

    def command(self, world_seed: int) -> str:
        """The command that starts a venue with the same world and the same faults."""
        shown = " ".join(flags(self.faults))
        return f"python -m practice --seed {world_seed} {shown}".rstrip()
