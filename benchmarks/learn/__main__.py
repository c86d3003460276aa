"""Learn the stages from judged stories, and say what each source says of news not seen.

    python -m benchmarks.learn SHARED --cache DIR [--write]

SHARED holds the judged set ``linking`` and the recordings ``tapes`` (see ``sources.py``). Every
figure is of a source that was left out: of a model that learnt from all the others. Relevance is
calibrated on these same left-out answers, the floor is the highest one nearly as good as the best,
and ``--write`` then learns from all and writes ``strategies/linking/data``. Extra ``learn``.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks._calibrate import Case, curve
from benchmarks.learn import head, trees
from benchmarks.learn.examples import Example
from benchmarks.learn.gather import gathered
from benchmarks.learn.honest import honest
from benchmarks.learn.judging import best_floor, reached
from benchmarks.learn.sources import Judged
from benchmarks.learn.split import held
from strategies.linking.calibration import calibrated
from strategies.linking.direction import Head, spoken, upward
from strategies.linking.features import STAGE_A, STAGE_B
from strategies.linking.ranker import LOGIT_MAX

DATA = Path(__file__).parents[2] / "strategies" / "linking" / "data"
MODELS = Path(__file__).parents[2] / "feeds" / "semantic" / "data"
WEIGHTS = {"real": 0.6, "july": 0.6, "written": 0.6, "practice": 0.2, "archives": 1.0, "world": 0.6}
"""How much an example of a source counts: what comes nearest to live news counts most."""
NEWS = ("real", "july", "archives", "world")
"""Sources that are news: what is told of directions is measured on them."""
WITNESS = "real"
"""Calibration is its: judged by others, each story whole."""
DAYS = ("real", "july", "written", "world")
"""Sources that decide the floor: of their stories most touch nothing, as on any day, and none was
chosen for what a stage said of it, as a part of the archives was."""
ALARMS = 0.025
"""So many of the stories that touch nothing may be given a link. Among the questions of a whole
venue it becomes twice as many."""
READER = 0.35
"""The reader's share in stage B's log-odds."""
FLOORS = [step / 50 for step in range(10, 40)]
BEARS_RIGHT = {"a": 0.7, "b": 0.8}
"""A link bears on the question where at least this share of those shown from there on is right: it
is what alerts and strategies act on."""


class Learnt(NamedTuple):
    """What a stage made of examples that it did not learn from, as log-odds."""

    touches: np.ndarray
    bears: np.ndarray


def matrix(found: Sequence[Example]) -> trees.Floats:
    """The columns of all examples."""
    return np.array([example.columns for example in found])


def forests(found: Sequence[Example], columns: tuple[str, ...]) -> tuple[trees.Grown, trees.Grown]:
    """Forests for both questions."""
    graded = [example for example in found if example.source != "practice"]  # which has no grades
    touches = trees.fit(_rows(found, 1), columns)
    return touches, trees.fit(_rows(graded, 2), columns)


def _rows(found: Sequence[Example], grade: int) -> trees.Examples:
    """What trees learn from: right is what reaches this grade."""
    return trees.Examples(
        matrix(found),
        np.array([float(example.grade >= grade) for example in found]),
        np.array([WEIGHTS[example.source] for example in found]),
        [example.source for example in found],
    )


def left_out(found: dict[str, list[Example]], columns: tuple[str, ...]) -> dict[str, Learnt]:
    """Each source by what learnt from the others."""
    seen = {}
    for name, source in found.items():
        rest = [one for other, some in found.items() if other != name for one in some]
        touches, bears = forests(rest, columns)
        rows = matrix(source)
        seen[name] = Learnt(touches.logits(rows), bears.logits(rows))
    return seen


def with_reader(found: Sequence[Example], learnt: Learnt) -> Learnt:
    """The reader's word averaged in, where it read the pair."""
    said = [example.near for example in found]
    read = np.array([near is not None and near.read for near in said], bool)
    touches = np.array([near.touches if near else 0.0 for near in said])
    bears = np.array([near.bears if near else 0.0 for near in said])
    share = READER * read
    return Learnt(
        learnt.touches + share * (touches - learnt.touches),
        learnt.bears + share * (bears - learnt.bears),
    )


def share(logits: np.ndarray) -> np.ndarray:
    """Log-odds as shares."""
    return 1 / (1 + np.exp(-np.clip(logits, -12, 12)))


def stage(
    judged: dict[str, Judged],
    found: dict[str, list[Example]],
    columns: tuple[str, ...],
    name: str,
    reader: float = 0.0,
) -> dict[str, Any]:
    """One stage's table, after saying how it does on each source left out."""
    seen = left_out(found, columns)
    if reader:
        seen = {source: with_reader(found[source], one) for source, one in seen.items()}
    cases = [
        Case(float(raw), one.grade > 0, len(one.markets))
        for one, raw in zip(found[WITNESS], share(seen[WITNESS].touches), strict=True)
    ]
    knots = curve(cases)
    told = {
        source: [calibrated(float(raw), knots) for raw in share(learnt.touches)]
        for source, learnt in seen.items()
    }
    days = [(judged[one], found[one], told[one]) for one in DAYS if one in found]
    floor = best_floor(days, FLOORS, ALARMS)
    for source in found:
        figures = rounded(reached(judged[source], found[source], told[source], floor))
        print(source, json.dumps(figures), flush=True)
    shown = [
        (float(bears), one.grade > 0)
        for one, bears, relevance in zip(
            found[WITNESS], seen[WITNESS].bears, told[WITNESS], strict=True
        )
        if relevance >= floor
    ]
    touches, bears = forests([one for some in found.values() for one in some], columns)
    return {
        "columns": list(columns),
        "touches": touches.table(),
        "bears": bears.table(),
        "reader": reader,
        "curve": [[round(raw, 5), round(right, 5)] for raw, right in knots],
        "floor": floor,
        "direct_from": direct_from(shown, BEARS_RIGHT[name]),
    }


def direct_from(shown: Sequence[tuple[float, bool]], share: float) -> float:
    """The log-odds of bearing from which on this share of what is shown is right."""
    right, lowest = 0, LOGIT_MAX
    for count, (logit, good) in enumerate(sorted(shown, reverse=True), start=1):
        right += good
        if right >= share * count:
            lowest = logit
    return round(lowest, 4)


def rounded(figures: Any) -> dict[str, float]:
    """Figures to three places."""
    return {name: round(value, 3) for name, value in figures._asdict().items()}


def directions(found: dict[str, list[Example]]) -> dict[str, Any]:
    """The head's table, after saying how right it is on each source left out."""
    logits: list[tuple[float, int]] = []
    for name, source in found.items():
        rest = [one for other, some in found.items() if other != name for one in some]
        table = head.fit(rest, WEIGHTS)
        fitted = Head(table["rule"], table["stems"], 0.0, 0.0, (0.0, 0.0))
        told = [(upward(one.cues, fitted), one.up) for one in source if one.up]
        ruled = [(one.ruled, one.up) for one in source if one.up and one.ruled]
        if told:
            right = sum(way * up > 0 for way, up in told) / len(told)
            rule = sum(way * up > 0 for way, up in ruled) / max(1, len(ruled))
            print(name, "direction", len(told), round(right, 3), "rule alone", round(rule, 3))
        if name in NEWS:
            logits += told
    everything = [one for some in found.values() for one in some]
    table = head.fit(everything, WEIGHTS)
    return table | {
        "pairing": 0.0,
        "reader": DIRECTION_READER,
        "sure": [sure_from(logits, COVERAGE["a"]), 0.0],
    }


DIRECTION_PAIRING, DIRECTION_READER = 0.2, 0.2
"""Shares in the log-odds of direction. On archives that none of them learnt from, the head alone is
right on .75, with both on .81. More of the reader is worse: it is surer than it is right."""


def by_meaning(found: dict[str, list[Example]], table: dict[str, Any]) -> dict[str, Any]:
    """The head's table with the shares of what the models say, and where it is sure then.

    Measured on stories that neither the head nor the reader has learnt from.
    """
    told: list[tuple[Example, float]] = []
    for name in (name for name in NEWS if name in found):
        rest = [one for other, some in found.items() if other != name for one in some]
        fitted = head.fit(rest, WEIGHTS)
        alone = Head(fitted["rule"], fitted["stems"], 0.0, 0.0, (0.0, 0.0))
        unread = [one for one in found[name] if one.up and held(name, one.story)]
        told += [(one, upward(one.cues, alone)) for one in unread]
    mixed = Head({}, {}, DIRECTION_PAIRING, DIRECTION_READER, (0.0, 0.0))
    logits = [(spoken(logit, one.near, mixed), one.up) for one, logit in told]
    return table | {
        "pairing": DIRECTION_PAIRING,
        "sure": [table["sure"][0], sure_from(logits, COVERAGE["b"])],
    }


COVERAGE = {"a": 0.85, "b": 0.65}
"""The share of directions that a stage tells; those least sure are not. With the models the sum
says better how sure it is, so more is gained by silence."""


def sure_from(logits: Sequence[tuple[float, int]], coverage: float) -> float:
    """The log-odds that this share of the left-out directions reach."""
    sizes = sorted((abs(way) for way, _ in logits), reverse=True)
    at = sizes[int(len(sizes) * coverage)] if sizes else 0.0
    beyond = [way * up > 0 for way, up in logits if abs(way) >= at]
    print("directions told", len(beyond), "right", round(sum(beyond) / max(1, len(beyond)), 3))
    return round(at, 4)


def main() -> None:
    """Learn, report, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="for vectors, kept between runs")
    parser.add_argument("--write", action="store_true", help="write the package's tables")
    parser.add_argument("--plain", action="store_true", help="stage A alone")
    wanted = parser.parse_args()
    plain: dict[str, list[Example]] = {}
    judged: dict[str, Judged] = {}
    for source, found in gathered(wanted.shared, wanted.cache, meaning=False):
        judged[source.name], plain[source.name] = source, found
    print("stage A, each source left out", flush=True)
    direction = directions(plain)
    table = stage(judged, honest(plain, WEIGHTS), STAGE_A, "a")
    if wanted.write:
        write("direction.json", direction)
        write("stage_a.json", table)
    if not wanted.plain:
        meant(wanted, judged, direction)


def meant(wanted: Any, judged: dict[str, Judged], direction: dict[str, Any]) -> None:
    """Stage B: what pairs of vectors say, then the trees beside it."""
    from benchmarks.learn import pairing
    from feeds.semantic.models import Models

    vectors = pairing.Vectors(Models(), wanted.cache)
    read = {s.name: found for s, found in gathered(wanted.shared, wanted.cache, meaning=True)}
    crossed = pairing.crossed(judged, read, WEIGHTS, vectors)
    direction = by_meaning(crossed, direction)
    print("stage B, each source left out", flush=True)
    table = stage(judged, honest(crossed, WEIGHTS), STAGE_B, "b", READER)
    if wanted.write:
        everything = pairing.table(judged, read, WEIGHTS, vectors)
        ships = pairing.fit(everything, pairing.joined(list(everything.rows.values())))
        pairing.write(ships, MODELS)
        write("direction.json", direction)
        write("stage_b.json", table)


def write(name: str, table: dict[str, Any]) -> None:
    """A table as the package carries it."""
    (DATA / name).write_text(json.dumps(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
