"""How fast stories are judged, and how rightly they are put together into happenings.

``python -m benchmarks clusters``. The floor is the least that anybody could do: read each story's
words once and look up its pairs of words in an exact inverted index. The judge also cleans, knows
stories again, weighs words by rarity, and compares names, deeds and particulars. Processor time,
in turns, best of three. Rightness as in ``learn_clusters``.
"""

import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from benchmarks._told import Told, clustered, practised, written
from feeds.news.normalise import words

STORIES = 1_200
TURNS = 3


def shingles_looked_up(told: Sequence[Told]) -> int:
    """The floor: each story's nearest by Jaccard over pairs of words, from an inverted index."""
    postings: dict[tuple[str, str], list[int]] = {}
    sizes: list[int] = []
    near = 0
    for number, story in enumerate(told):
        pairs = set(pairwise(words(f"{story.title} {story.summary}")))
        shared: dict[int, int] = {}
        for pair in pairs:
            for other in postings.setdefault(pair, []):
                shared[other] = shared.get(other, 0) + 1
            postings[pair].append(number)
        best = max((n / (len(pairs) + sizes[o] - n) for o, n in shared.items()), default=0.0)
        near += best >= 0.5
        sizes.append(len(pairs))
    return near


def run() -> dict[str, Any]:
    """Judge the practice press, beside the floor; say how right the clusters are."""
    told = list(practised(7, STORIES))
    judge_us, floor_us = [], []
    for _ in range(TURNS):
        judge_us.append(_timed(lambda: clustered(told)) / len(told) * 1e6)
        floor_us.append(_timed(lambda: shingles_looked_up(told)) / len(told) * 1e6)
    judged, practice = clustered(written("judged")), clustered(told[:600])
    return {
        "stories": len(told),
        "judge_us": round(min(judge_us)),
        "floor_us": round(min(floor_us)),
        "ratio": round(min(judge_us) / min(floor_us), 1),
        "stories_per_s": round(1e6 / min(judge_us)),
        "judged": {name: round(value, 3) for name, value in judged._asdict().items()},
        "practice": {name: round(value, 3) for name, value in practice._asdict().items()},
    }


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
