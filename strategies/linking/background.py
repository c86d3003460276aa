"""How common a word is in ordinary news and questions, whatever markets are open today.

``data/background.tsv`` counts in how many of so many headlines and questions each stem stands;
``benchmarks/learn`` makes it anew. It holds no judgement: no word is good or bad for any link.
"""

import math
from importlib.resources import files


class Background:
    """Document frequencies of stems. A stem that was never seen counts as rarest."""

    def __init__(self, documents: int, counts: dict[str, int]) -> None:
        self._counts, self._documents = counts, documents

    def idf(self, stem: str) -> float:
        """In nats: log of one over the share of texts that hold the stem."""
        return math.log((self._documents + 1) / (self._counts.get(stem, 0) + 0.5))

    def share(self, stem: str) -> float:
        """The share of texts that hold the stem, from 0 to 1."""
        return self._counts.get(stem, 0) / (self._documents + 1)


def load() -> Background:
    """The counts that ship with the package: the number of texts, then a stem a line."""
    text = files("strategies.linking").joinpath("data/background.tsv").read_text(encoding="utf-8")
    documents, *rows = text.splitlines()
    counts = dict(row.split("\t") for row in rows)
    return Background(int(documents), {stem: int(count) for stem, count in counts.items()})


BACKGROUND = load()
