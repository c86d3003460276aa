"""How often impact is seen where there is none, and how often a planted one is found.

Synthetic minute tapes after the project's own study: a day and two hours of one market, thin or
liquid, with clustered fat-tailed steps, unrelated jumps, stale quotes, ticks and spreads. Run it
with ``python -m benchmarks impact``.
"""

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from feeds.markets import MINUTE
from strategies.decisions import Impact, Verdict
from strategies.impact import OddsHistory, Peers, abnormal_move, expit, measure
from strategies.impact.window import WATCH_MAX

START = 1_770_000_000 // 60 * MINUTE
DAY = 24 * 60
SHOWN = (5, 15, 60)
T = TypeVar("T")


class Tape(NamedTuple):
    """One market's minutes: the midpoint shown in each, half its spread and its tick."""

    odds: list[float]
    half: float
    tick: int


def tape(
    rng: random.Random,
    jump: float = 0.0,
    at: int = DAY,
    half_life: float = 5.0,
    jumps_a_day: float = 2.0,
    shock: float = 0.0,
    fades: float = math.inf,
    minutes: int = DAY + 120,
) -> Tape:
    """A day and two hours of minutes; ``jump`` logits build up from minute ``at`` on.

    ``jumps_a_day`` are moves of the market's own, unrelated to any story; ``shock`` is a step at
    ``at`` that a whole theme shares; ``fades`` the minutes in which half of the jump is gone again.
    """
    volatility = math.exp(rng.gauss(math.log(0.008), 0.6))
    refresh = rng.uniform(0.05, 0.9)
    tick = rng.choice((100, 10))
    spread = rng.randint(1, 5) * tick / 10_000
    x = math.log((p := rng.uniform(0.03, 0.93)) / (1 - p))
    heat, shown, odds = 1.0, expit(x), []
    for minute in range(minutes):
        heat = 0.97 * heat + 0.03 * rng.gammavariate(0.5, 2.0)
        x += volatility * math.sqrt(heat) * _student(rng) / math.sqrt(3)
        if rng.random() < jumps_a_day / DAY:
            x += rng.gauss(0, 0.15)
        planted = 0.0
        if minute > at:
            since = minute - at
            planted = shock + jump * (1 - 0.5 ** (since / half_life)) * 0.5 ** (since / fades)
        if rng.random() < refresh:
            shown = _quote(rng, expit(x + planted), tick, spread)
        odds.append(shown)
    return Tape(odds, spread / 2, tick)


def _student(rng: random.Random) -> float:
    return rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2.0) / 3)


def _quote(rng: random.Random, fair: float, tick: int, spread: float) -> float:
    grid = tick / 10_000
    bounced = fair + rng.choice((-1, 0, 0, 1)) * grid / 2
    return min(max(round(bounced / (grid / 2)) * grid / 2, grid), 1 - grid)


def history(drawn: Tape, until: int | None = None) -> OddsHistory:
    """The tape as the desk would have seen it, a call a minute."""
    seen = OddsHistory()
    for minute, odds in enumerate(drawn.odds[:until]):
        seen.observe(START + minute * MINUTE, odds, drawn.half, drawn.tick)
    return seen


def look(
    seen: OddsHistory,
    minutes: int,
    at: int = DAY,
    direction: int = 0,
    peers: Sequence[OddsHistory] = (),
) -> Impact:
    """The verdict so many minutes after a story at minute ``at``."""
    story = START + at * MINUTE
    now = story + minutes * MINUTE
    return measure(seen, "story", "market", story, now, direction, peers=Peers(lambda: peers))


def delay(seen: OddsHistory, within: int = 60) -> int | None:
    """The minute after the story at which a move first stood out, as one who watches sees it."""
    return next((m for m in range(within + 1) if look(seen, m).stood_out), None)


class Theme(NamedTuple):
    """Markets that a shock moved together: the story's own, and its peers."""

    own: OddsHistory
    peers: list[OddsHistory]


def theme(rng: random.Random, shock: float, jump: float = 0.0, size: int = 8) -> Theme:
    """A theme of so many markets with a shock at the story's minute, and the story's own effect."""
    own = history(tape(rng, jump, shock=shock))
    return Theme(own, [history(tape(rng, shock=shock)) for _ in range(size - 1)])


def lasting(rng: random.Random, fades: float) -> Impact:
    """A clear move, four hours on: a pulse that halves in ``fades`` minutes, or a step."""
    drawn = tape(rng, 1.2, half_life=0.5, jumps_a_day=0.0, fades=fades, minutes=DAY + 245)
    return look(history(drawn), WATCH_MAX)


# figures ---------------------------------------------------------------------------------------


def null_cell(seed: int, count: int, jumps_a_day: float = 0.0) -> dict[str, Any]:
    """Stories without an effect: how many are flagged, and how their ranks spread."""
    rng = random.Random(seed)
    looks: dict[int, list[Impact]] = {minutes: [] for minutes in SHOWN}
    for _ in range(count):
        seen = history(tape(rng, jumps_a_day=jumps_a_day))
        for minutes in SHOWN:
            looks[minutes].append(look(seen, minutes))
    able = [one for one in looks[60] if one.verdict is not Verdict.NOT_MEASURABLE]
    ranks = [one.rank_p for one in looks[15] if one.rank_p is not None]
    return {
        "tapes": count,
        "measured": len(able),
        **{f"clear_within_{m}": _share(looks[m], lambda one: one.stood_out) for m in SHOWN},
        "led": _share(able, lambda one: one.verdict is Verdict.LED),
        "p_above_half": _share(ranks, lambda p: p > 0.5),
        "p_under_a_tenth": _share(ranks, lambda p: p < 0.1),
    }


def planted_cell(seed: int, count: int, jump: float) -> dict[str, Any]:
    """Stories that move odds by ``jump`` logits with a half-life of five minutes."""
    rng = random.Random(seed)
    delays, quarter, hour = [], [], []
    for _ in range(count):
        seen = history(tape(rng, jump))
        delays.append(delay(seen))
        quarter.append(look(seen, 15))
        hour.append(look(seen, 60))
    found = [one for one in hour if one.verdict is Verdict.CLEAR]
    return {
        "tapes": count,
        "found_within_15": _share(quarter, lambda one: one.verdict is Verdict.CLEAR),
        "found_within_60": _share(hour, lambda one: one.verdict is Verdict.CLEAR),
        "median_delay_minutes": _median([d for d in delays if d is not None]),
        "sign_right": _share(found, lambda one: (one.logit or 0.0) * jump > 0),
        "median_logit_at_15": _median([one.logit or 0.0 for one in quarter]),
        "median_half_life_minutes": _median(
            [one.half_life for one in found if one.half_life is not None]
        ),
    }


def theme_cell(seed: int, count: int, shock: float, jump: float = 0.0) -> dict[str, Any]:
    """A shock to a theme of eight: how often is it credited to one market's story?"""
    rng = random.Random(seed)
    raw, adjusted = [], []
    for _ in range(count):
        drawn = theme(rng, shock, jump)
        raw.append(look(drawn.own, 15))
        adjusted.append(look(drawn.own, 15, peers=drawn.peers))
    flagged = [after for before, after in zip(raw, adjusted, strict=True) if before.stood_out]
    return {
        "themes": count,
        "credited_raw": _share(raw, lambda one: one.verdict is Verdict.CLEAR),
        "credited": _share(adjusted, lambda one: one.verdict is Verdict.CLEAR),
        "called_theme_of_flagged": _share(flagged, lambda one: one.verdict is Verdict.THEME),
    }


def lasting_cell(seed: int, count: int) -> dict[str, Any]:
    """Pulses that are gone in twenty minutes, and steps that stay."""
    rng = random.Random(seed)
    pulses = [one for _ in range(count) if (one := lasting(rng, 7.0)).stood_out]
    steps = [one for _ in range(count) if (one := lasting(rng, math.inf)).stood_out]
    return {
        "pulses_called_faded": _share(pulses, lambda one: one.lasting == "faded"),
        "steps_called_stuck": _share(steps, lambda one: one.lasting == "stuck"),
    }


def scan_cell(seed: int, count: int) -> dict[str, Any]:
    """Market-hours in which the scan for unexplained moves speaks."""
    rng = random.Random(seed)
    spoke = 0
    for _ in range(count):
        seen = history(tape(rng))
        base = START + DAY * MINUTE
        spoke += any(abnormal_move(seen, base + m * MINUTE) for m in range(60))
    return {"market_hours": count, "flagged": round(spoke / count, 4)}


def cost_cell(seed: int, pairs: int = 200) -> dict[str, Any]:
    """Milliseconds a measure: when a minute is new to a market, and again within that minute.

    Half of the markets move, half stand still, each at some minute of its story's first hour.
    """
    rng = random.Random(seed)
    seen = [history(tape(rng, 0.8 * (number % 2))) for number in range(pairs)]
    minutes = [rng.randrange(1, 60) for _ in range(pairs)]
    spent: dict[str, float] = {}
    for name, later in (("first", 0), ("next_minute", 1), ("same_minute", 1)):
        began = time.process_time()
        for past, minute in zip(seen, minutes, strict=True):
            look(past, minute + later)
        spent[f"{name}_ms"] = round((time.process_time() - began) * 1000 / pairs, 3)
    return spent


def _share(ones: Sequence[T], meets: Callable[[T], bool]) -> float:
    return round(sum(map(meets, ones)) / max(1, len(ones)), 4)


def _median(numbers: Sequence[float]) -> float | None:
    ordered = sorted(numbers)
    return round(float(ordered[len(ordered) // 2]), 3) if ordered else None


def run(null: int = 2000, planted: int = 300, themes: int = 80) -> dict[str, Any]:
    """Null tapes, planted moves by size in logit, themes, pulses, the scan, and the cost."""
    return {
        "no effect, no jumps": null_cell(1, null),
        "no effect, two jumps a day": null_cell(1, null // 2, jumps_a_day=2.0),
        **{f"J={jump}": planted_cell(2, planted, jump) for jump in (0.2, 0.4, 0.8)},
        "theme shock 0.5, no effect": theme_cell(5, themes, 0.5),
        "theme shock 0.5, effect 0.8": theme_cell(6, themes, 0.5, 0.8),
        "no shock, no effect": theme_cell(7, themes, 0.0),
        "lasting": lasting_cell(8, planted * 2 // 3),
        "scan, no story": scan_cell(3, max(50, null // 20)),
        "cost": cost_cell(4),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
