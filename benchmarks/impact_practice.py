"""Impact against the truth: the practice venue knows what each of its stories did to which market.

``python -m benchmarks impact_practice`` serves a practice venue sixty times faster than the clock,
records it over loopback as any venue, and sets each measured pair beside the effect that its world
gave it. At such a speed a second without quotes is a minute, so more than usual can't be measured.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from feeds.tape import read_tape
from strategies.decisions import Impact, ImpactSeen, Verdict
from terminal.engine.session import Session, header_from

SECONDS = 75
SPEED = 60
SEED = 11
STARTS_WITHIN_S = 20.0
STRONG = 0.3
"""Effects in logit from which on one should be seen."""


class Told(NamedTuple):
    """A measured pair, its move when it was first called clear, and its true effect, in logit."""

    impact: Impact
    clear_by: float
    effect: float


def effects(lines: Iterator[str]) -> dict[str, dict[str, float]]:
    """What each headline did, by its words: a retelling and an edit did what the first one did."""
    stories = [record["story"] for line in lines if (record := json.loads(line)).get("story")]
    first = {story["id"]: story["effects"] for story in stories}
    return {story["title"]: first.get(story["telling_of"], {}) for story in stories}


def record(folder: Path, seconds: int, seed: int) -> None:
    """Run a venue and tape it."""
    ftt = [sys.executable, "-m", "terminal"]
    config = folder / "c.toml"
    venue = subprocess.Popen(
        [*ftt, "practice", "--seed", str(seed), "--speed", str(SPEED), "--truth", "truth.jsonl",
         "--write-config", str(config)],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + STARTS_WITHIN_S
        while not config.exists() and time.monotonic() < until:
            time.sleep(0.1)
        subprocess.run(
            [*ftt, "--config", str(config), "record", "day.tape", "--for", str(seconds), "--json"],
            cwd=folder, stdout=subprocess.DEVNULL, check=True, timeout=seconds + 60,
            env={"FTT_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin",
                 "PYTHONPATH": str(Path(__file__).parents[1])},
        )  # fmt: skip
    finally:
        venue.terminate()
        venue.wait()


def told(tape: Path, truth: Mapping[str, Mapping[str, float]]) -> Iterator[Told]:
    """Every pair that the session measured, with its true effect."""
    read = read_tape(tape)
    session = Session(header_from(read.header))
    first: dict[tuple[str, str], float] = {}
    for event in read.events:
        for said in session.play(event):
            if isinstance(said, ImpactSeen) and said.impact.verdict is Verdict.CLEAR:
                key = (said.impact.story_id, said.impact.condition_id)
                first.setdefault(key, said.impact.logit or 0.0)
    desk = session.desk
    for (story_id, condition_id), impact in desk.impacts.measured.items():
        did = truth.get(desk.news.stories[story_id].title)
        if did is not None:
            effect = did.get(desk.market_data.markets[condition_id].slug, 0.0)
            yield Told(impact, first.get((story_id, condition_id), 0.0), effect)


def counted(pairs: list[Told]) -> dict[str, Any]:
    """Verdicts of pairs, and how many of the clear ones went the true way."""
    verdicts = Counter(pair.impact.verdict.name.lower() for pair in pairs)
    clear = [pair for pair in pairs if pair.impact.verdict is Verdict.CLEAR]
    right = sum(pair.clear_by * pair.effect > 0 for pair in clear)
    return {"pairs": len(pairs), **dict(sorted(verdicts.items())), "clear_and_sign_right": right}


def run(seconds: int = SECONDS, seed: int = SEED) -> dict[str, Any]:
    """Pairs with a strong true effect, with a weak one, and with none that are linked all the same.

    Moves of the last are mostly other stories' (of the same minutes, in a world so fast).
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder, seconds, seed)
        with (folder / "truth.jsonl").open(encoding="utf-8") as lines:
            truth = effects(lines)
        pairs = list(told(folder / "day.tape", truth))
    return {
        "world_minutes": round(seconds * SPEED / 60),
        "strong": counted([pair for pair in pairs if abs(pair.effect) >= STRONG]),
        "weak": counted([pair for pair in pairs if 0 < abs(pair.effect) < STRONG]),
        "none": counted([pair for pair in pairs if not pair.effect]),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
