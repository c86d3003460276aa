"""How often impact is seen where there is none, and how often a planted one is found.

Synthetic minute tapes after the project's own study: a day and two hours of one market, thin or
liquid, with clustered fat-tailed steps, unrelated jumps, stale quotes, ticks and spreads. Run it
with ``python -m benchmarks.impact``.
"""

import json
import math
import random
import time
from collections import Counter
from typing import Any, NamedTuple

from feeds.markets import MINUTE
from strategies.decisions import Impact, Verdict
from strategies.impact import OddsHistory, abnormal_move, expit, measure

START = 1_770_000_000 // 60 * MINUTE * 1
DAY = 24 * 60
SHOWN = (5, 15, 60)


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
) -> Tape:
    """A day and two hours of minutes; ``jump`` logits build up from minute ``at`` on.

    ``jumps_a_day`` are moves of the market's own, unrelated to any story.
    """
    minutes = DAY + 120
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
        planted = jump * (1 - 0.5 ** ((minute - at) / half_life)) if minute > at else 0.0
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


def look(seen: OddsHistory, minutes: int, at: int = DAY, direction: int = 0) -> Impact:
    """The verdict so many minutes after a story at minute ``at``."""
    story = START + at * MINUTE
    return measure(seen, "story", "market", story, story + minutes * MINUTE, direction)


def _cell(seed: int, count: int, jump: float, jumps_a_day: float = 2.0) -> dict[str, Any]:
    rng = random.Random(seed)
    flags: dict[int, int] = dict.fromkeys(SHOWN, 0)
    verdicts: Counter[str] = Counter()
    signs, moves, measured = 0, [], 0
    for _ in range(count):
        seen = history(tape(rng, jump, jumps_a_day=jumps_a_day))
        last = look(seen, 60)
        verdicts[last.verdict.name] += 1
        measured += last.verdict is not Verdict.NOT_MEASURABLE
        for minutes in SHOWN:
            flags[minutes] += look(seen, minutes).verdict is Verdict.CLEAR
        if jump and last.verdict is Verdict.CLEAR and last.logit is not None:
            signs += last.logit * jump > 0
            moves.append(look(seen, 15).logit or 0.0)
    moves.sort()
    return {
        "tapes": count,
        "measured": measured,
        **{f"clear_within_{m}": round(flags[m] / max(1, measured), 4) for m in SHOWN},
        "led": round(verdicts["LED"] / max(1, measured), 4),
        "sign_right": round(signs / max(1, len(moves)), 4),
        "median_logit_at_15": round(moves[len(moves) // 2], 3) if moves else None,
    }


def _scan(seed: int, count: int) -> dict[str, float]:
    """Market-hours in which the scan for unexplained moves speaks, and time per look."""
    rng = random.Random(seed)
    spoke, looks = 0, 0
    for _ in range(count):
        seen = history(tape(rng))
        base = START + DAY * MINUTE
        spoke += any(abnormal_move(seen, base + m * MINUTE) for m in range(60))
        looks += 60
    return {"market_hours_flagged": round(spoke / count, 4), "looks": looks}


def run(null: int = 2000, planted: int = 600) -> dict[str, Any]:
    """Null tapes, without and with the market's own jumps, then planted moves by size in logit."""
    began = time.perf_counter()
    table = {
        "no effect, no jumps": _cell(1, null, 0.0, jumps_a_day=0.0),
        "no effect, two jumps a day": _cell(1, null, 0.0),
    }
    for jump in (0.1, 0.2, 0.4, 0.8):
        table[f"J={jump}"] = _cell(2, planted, jump)
    table["scan, no story"] = _scan(3, max(50, null // 10))
    seen = history(tape(random.Random(4), 0.8))
    once = time.perf_counter()
    for _ in range(100):
        look(seen, 60)
    table["cost"] = {
        "measure_warm_ms": round((time.perf_counter() - once) * 10, 3),
        "seconds": round(time.perf_counter() - began, 1),
    }
    return table


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
