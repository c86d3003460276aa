"""What the models of stage B say of every judged story, as the desk would be told."""

from pathlib import Path

from benchmarks.learn.sources import Judged
from feeds.events import Near
from feeds.semantic.meaning import ALWAYS, Meaning
from feeds.semantic.models import Models
from feeds.semantic.vectors import VectorCache
from strategies.linking import Linker
from strategies.linking.dates import DAY_NS
from strategies.linking.lines import market_of, story_of

SLICE = 64


def near(source: Judged, models: Models, cache: Path) -> dict[str, dict[str, Near]]:
    """By story and market: the nearest of its day's questions, and those stage A pooled."""
    meaning = Meaning(
        models, VectorCache(cache / f"{models.encoder_checksum}.vectors", models.size)
    )
    linker = Linker()
    for number, line in enumerate(source.markets, start=1):
        market = market_of(line, number)
        linker.add(market)
        first = -ALWAYS if market.created_ns is None else market.created_ns // DAY_NS
        last = ALWAYS if market.end_ns is None else market.end_ns // DAY_NS
        meaning.put(market.id, market.question, first, last)
    while meaning.embed(SLICE):
        pass
    found = {}
    for number, line in enumerate(source.stories, start=1):
        id, title, summary, published = story_of(line, number)
        listed = linker.likely(title, summary, published)
        day = None if published is None else published // DAY_NS
        said = meaning.near(title, summary, listed, day)
        found[id] = {one.market_id: one for one in said}
    return found
