"""Learn what makes two stories one happening, and say how well it carries over.

    python -m benchmarks.learn_clusters [--write]

Each story is compared with the candidates among those before it, as the judge does. Learnt from:
``tests/data/clusters/learning.jsonl`` (our own writing: as it stands, at ten times its pace, and
amid the noise of one and of four practice worlds) and the practice press (two worlds as they
stand, two at a tenth of their pace, since a practice day lasts an hour). Never learnt from:
``judged.jsonl``. ``--write`` writes ``feeds/news/clustering.toml``.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._told import Told, clustered, practised, written
from feeds.news.clustering import FEATURES, chance, contradicts, features
from feeds.news.similarity_index import Indexed, SimilarityIndex
from feeds.news.story_features import gist

OUT = Path(__file__).resolve().parents[1] / "feeds/news/clustering.toml"
ROUNDS = 15
SHRINK = 2.0
ENOUGH = 1e-6
NOISE = "noise "
PRACTICE_WEIGHT = 0.2
PRACTICE_PACE = 10.0
PRACTICE_STORIES = 600
HEAD = """# What makes two stories one happening: the weights of feeds/news/clustering.py.
# Written by `python -m benchmarks.learn_clusters --write`, which says what they are learnt from.

[weights]
"""


class Case(NamedTuple):
    """A story and a candidate: features, whether they tell one happening, how much it counts."""

    found: tuple[float, ...]
    same: bool
    weight: float


def cases(told: Sequence[Told], weight: float = 1.0) -> Iterator[Case]:
    """Every comparison that a judge would make while these are told; not those of noise."""
    index = SimilarityIndex()
    for number, story in enumerate(told):
        said = gist(story.title, story.summary)
        index.forget(story.at_ns)
        search = index.search(said)
        for other in [] if story.happening.startswith(NOISE) else search.kin():
            if contradicts(said, other.gist):
                continue
            before = told[int(other.story_id)]
            found = features(
                said,
                other.gist,
                search.rarity,
                same_source=story.source == before.source,
                apart_ns=story.at_ns - before.at_ns,
                between=index.since(other),
            )
            yield Case(found, story.happening == before.happening, weight)
        name = str(number)
        index.add(Indexed(story.at_ns, name, name, story.source, story.title, said))


def paced(told: Sequence[Told], times: float) -> list[Told]:
    """The same stories, with ``times`` the time between them."""
    start = told[0].at_ns
    return [story._replace(at_ns=start + int((story.at_ns - start) * times)) for story in told]


def amid(own: Sequence[Told], seeds: Sequence[int]) -> list[Told]:
    """The same stories while practice worlds of these seeds go on around them."""
    told = list(own)
    for seed in seeds:
        noise = paced(list(practised(seed, PRACTICE_STORIES)), PRACTICE_PACE)
        shift = own[0].at_ns - noise[0].at_ns
        told += [
            story._replace(at_ns=story.at_ns + shift, happening=NOISE + story.happening)
            for story in noise
        ]
    return sorted(told, key=lambda story: story.at_ns)


def learning() -> list[Case]:
    """All that is learnt from."""
    own = written("learning")
    found: list[Case] = []
    for told in (own, paced(own, 0.1), amid(own, [3]), amid(own, [3, 4, 5, 6])):
        found += cases(told)
    for seed, times in ((1, 1.0), (2, 1.0), (3, PRACTICE_PACE), (4, PRACTICE_PACE)):
        told = paced(list(practised(seed, PRACTICE_STORIES)), times)
        found += cases(told, PRACTICE_WEIGHT)
    return found


def learnt(known: Sequence[Case]) -> list[float]:
    """Logistic regression by Newton's method, every weight but the first shrunk towards 0."""
    weights = [0.0] * len(FEATURES)
    for _ in range(ROUNDS):
        steps = _step(known, weights)
        weights = [weight + step for weight, step in zip(weights, steps, strict=True)]
        if max(map(abs, steps)) < ENOUGH:
            break
    return weights


def _step(known: Sequence[Case], weights: list[float]) -> list[float]:
    size = len(weights)
    shrink = [1e-3, *[SHRINK] * (size - 1)]
    slope = [-shrink[i] * weights[i] for i in range(size)]
    curve = [[shrink[i] if i == j else 0.0 for j in range(size)] for i in range(size)]
    for case in known:
        likely = chance(case.found, tuple(weights))
        missed = (case.same - likely) * case.weight
        bend = max(likely * (1 - likely), 1e-6) * case.weight
        there = [i for i in range(size) if case.found[i]]
        for i in there:
            slope[i] += missed * case.found[i]
            for j in there:
                curve[i][j] += bend * case.found[i] * case.found[j]
    return _solved(curve, slope)


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss, with the largest pivot of each column."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at in range(size):
        best = max(range(at, size), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        for below in rows[at + 1 :]:
            part = below[at] / rows[at][at]
            for column in range(at, size + 1):
                below[column] -= part * rows[at][column]
    found = [0.0] * size
    for at in reversed(range(size)):
        known = sum(rows[at][column] * found[column] for column in range(at + 1, size))
        found[at] = (rows[at][size] - known) / rows[at][at]
    return found


def report() -> dict[str, Any]:
    """How the weights in the package do, on stories that they were not learnt from."""
    judged = written("judged")
    return {
        "judged": clustered(judged)._asdict(),
        "judged, ten times as fast": clustered(paced(judged, 0.1))._asdict(),
        "practice": clustered(list(practised(7, PRACTICE_STORIES)))._asdict(),
        "learning (learnt from)": clustered(written("learning"))._asdict(),
    }


def main() -> None:
    """Learn, write where asked, and report on the weights that lie in the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the weights")
    if parser.parse_args().write:
        weights = learnt(learning())
        lines = (f"{name} = {value:.3f}\n" for name, value in zip(FEATURES, weights, strict=True))
        OUT.write_text(HEAD + "".join(lines), encoding="utf-8")
    else:
        print(json.dumps(report(), indent=1))


if __name__ == "__main__":
    main()
