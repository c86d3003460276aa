"""Every source with its examples, kept on disk between runs: reading them takes minutes."""

import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path

from benchmarks.learn.examples import Example, examples, index_of, told
from benchmarks.learn.meaning import near
from benchmarks.learn.sources import Judged, sources

LINKING = Path(__file__).parents[2] / "strategies" / "linking"
AFTERWARDS = frozenset({"__init__", "calibration", "explanation", "judge", "lines", "ranker"})
"""Modules that work on columns and don't make them."""


def gathered(shared: Path, cache: Path, meaning: bool) -> Iterator[tuple[Judged, list[Example]]]:
    """Sources and examples, with the columns of stage B where ``meaning``.

    The cache is keyed by the judged lines, the models and the code that makes the columns; what
    pairs of vectors say is worked out anew by whoever learns (``pairing.py``).
    """
    models = None
    if meaning:
        from feeds.semantic.models import Models

        models = Models()
    code = hashlib.sha256((Path(__file__).parent / "examples.py").read_bytes())
    for path in sorted(LINKING.rglob("*.*")):
        if path.suffix in (".py", ".toml", ".tsv") and path.stem not in AFTERWARDS:
            code.update(path.read_bytes())
    for source in sources(shared):
        key = code.copy()
        key.update(repr((source.stories, sorted(source.links), len(source.markets))).encode())
        key.update(models.checksum.encode() if models else b"")
        kept = cache / f"{source.name}-{key.hexdigest()[:16]}.pickle"
        if kept.exists():
            found = pickle.loads(kept.read_bytes())  # our own file, written below
        else:
            said = near(source, models, cache) if models else None
            found = list(examples(source, told(source, index_of(source.markets), said)))
            cache.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps(found))
        yield source, found
