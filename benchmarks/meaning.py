"""How fast stories get their meaning on one core: 5,000 questions made up, 300 stories.

``python -m benchmarks meaning``. Its goals: vectors of 5,000 questions in 60 seconds the first time
and in one from the cache, half of the stories in 60 ms, 99 of 100 in 200, 400 MB in all. Times are
processor time, so that a busy machine does not blur them. Needs the extra ``semantic``.
"""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.linking import TODAY, markets, stories
from feeds.semantic.meaning import Meaning
from feeds.semantic.models import Models, missing
from feeds.semantic.vectors import VectorCache
from strategies.linking import LinkableMarket, Linker
from strategies.linking.dates import DAY_NS

STORIES = 300
SLICE = 64


def embedded(models: Models, path: Path, asked: list[LinkableMarket]) -> tuple[Meaning, float]:
    """All questions with their vectors, and the seconds that took."""
    began = time.process_time()
    meaning = Meaning(models, VectorCache(path, models.size))
    for market in asked:
        meaning.put(market.id, market.question)
    while meaning.embed(SLICE):
        pass
    return meaning, time.process_time() - began


def run() -> dict[str, Any]:
    """Give every question its vector, twice; then ask about every story."""
    if why := missing():
        return {"skipped": why}
    models, asked = Models(), markets()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors"
        _, first = embedded(models, path, asked)
        meaning, again = embedded(models, path, asked)
    linker = Linker()
    for market in asked:
        linker.add(market)
    spent = []
    for title, summary in stories(count=STORIES):
        listed = linker.likely(title, summary, TODAY * DAY_NS)
        began = time.process_time()
        meaning.near(title, summary, listed)
        spent.append(time.process_time() - began)
    spent.sort()
    return {
        "questions": len(asked),
        "vectors_first_s": round(first, 1),
        "vectors_cached_s": round(again, 2),
        "p50_ms": round(spent[len(spent) // 2] * 1e3, 1),
        "p99_ms": round(spent[len(spent) * 99 // 100] * 1e3, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
