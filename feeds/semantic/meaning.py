"""The questions as vectors, and what a story means beside them."""

from collections.abc import Iterable, Sequence
from typing import Any

from feeds.events import Near
from feeds.semantic.models import Models
from feeds.semantic.pairing import Paired
from feeds.semantic.vectors import VectorCache

NEAREST = 60
"""Questions told of as near, beside those that are asked about."""
LISTED_MAX = 120
READ_LISTED, READ_NEAREST = 6, 5
"""Pairs read: of those that were listed, likeliest first, and of the nearest."""
ORDINARY_TOP = 20
CHARS_MAX = 400
"""Of a headline with its summary: what the models read at most."""
ALWAYS = 10**9
NOTHING = Paired(0.0, 0.0, 0.0)


class Meaning:
    """Open questions with their vectors. Not for two threads at once."""

    def __init__(self, models: Models, cache: VectorCache) -> None:
        import numpy

        self._np: Any = numpy
        self._models, self._cache = models, cache
        self._questions: dict[str, tuple[str, int, int]] = {}
        self._waiting: dict[str, None] = {}
        self._place: dict[str, int] = {}
        self._ids: list[str] = []
        self._matrix: Any = numpy.zeros((0, models.size), numpy.float32)
        self._hubs: Any = numpy.zeros(0, numpy.float32)
        self._days: Any = numpy.zeros((0, 2), numpy.int64)

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def waiting(self) -> int:
        """Questions without a vector yet."""
        return len(self._waiting)

    def put(
        self, market_id: str, question: str, first_day: int = -ALWAYS, last_day: int = ALWAYS
    ) -> None:
        """Take a question in, open on these days (counted from 1970)."""
        told = (question, first_day, last_day)
        if self._questions.get(market_id) != told:
            self._questions[market_id] = told
            self._waiting[market_id] = None

    def drop(self, market_id: str) -> None:
        """Forget a question; an unknown one is no error."""
        self._questions.pop(market_id, None)
        self._waiting.pop(market_id, None)
        place = self._place.pop(market_id, None)
        if place is not None:
            self._days[place] = (ALWAYS, -ALWAYS)

    def embed(self, most: int) -> int:
        """Give so many waiting questions their vectors, and all whose vector is known; how many."""
        ids: list[str] = []
        fresh: dict[str, None] = {}
        for id in self._waiting:
            text = self._questions[id][0]
            if text not in fresh and self._cache.get(text) is None:
                if len(fresh) == most:
                    break
                fresh[text] = None
            ids.append(id)
        if fresh:
            self._cache.put(list(fresh), self._models.vectors(list(fresh)))
        if ids:
            self._enter(ids)
        for id in ids:
            del self._waiting[id]
        return len(ids)

    def near(
        self, title: str, summary: str, listed: Sequence[str] = (), day: int | None = None
    ) -> tuple[Near, ...]:
        """How near each question is: those listed, likeliest first, and the nearest of all.

        The likeliest and the nearest of them are read together with the story.
        """
        if not self._ids:
            return ()
        np = self._np
        whole = story_text(title, summary)
        # apart, since a short headline beside its summary would be padded to the same length
        texts = dict.fromkeys((title[:CHARS_MAX], whole))
        by_text = [self._models.vectors([text])[0] for text in texts]
        vectors = np.asarray([by_text[0], by_text[-1]])
        cosines = self._matrix @ vectors.T
        best = cosines.max(1)
        when = 0 if day is None else day
        shut = (self._days[:, 0] > when) | (self._days[:, 1] < when)
        if day is None:
            shut = self._days[:, 0] == ALWAYS
        best[shut] = -1.0
        many = min(NEAREST, len(best))
        nearest = np.argpartition(-best, many - 1)[:many]
        nearest = [int(at) for at in nearest[np.argsort(-best[nearest])] if best[at] > -1]
        asked = [self._place[id] for id in listed[:LISTED_MAX] if id in self._place]
        asked = [at for at in asked if not shut[at]]
        chosen = dict.fromkeys((*asked[:READ_LISTED], *nearest[:READ_NEAREST]))
        if not self._models.reads(whole):
            chosen = {}
        asks = [self._questions[self._ids[at]][0] for at in chosen]
        said = self._models.read(whole, asks) if asks else []
        read = dict(zip(chosen, said, strict=True))
        places = list(dict.fromkeys((*asked, *nearest)))
        pairing = self._models.pairing
        paired = pairing.pairs(vectors[1], self._matrix[places]) if pairing is not None else ()
        found = []
        for number, at in enumerate(places):
            near, full, hub = (_short(x) for x in (*cosines[at], self._hubs[at]))
            heard, pair = read.get(at), paired[number] if paired else NOTHING
            told = map(_short, (*(heard or NOTHING), *pair))
            found.append(Near(self._ids[at], near, full, hub, heard is not None, *told))
        return tuple(found)

    def _enter(self, ids: Iterable[str]) -> None:
        """Put questions whose vectors are known into the matrix, in the place they had before."""
        np = self._np
        fresh: list[str] = []
        vectors: list[Any] = []
        for id in ids:
            question, first, last = self._questions[id]
            vector = self._cache.get(question)
            assert vector is not None, "embedded just now"
            if id in self._place:
                place = self._place[id]
                self._matrix[place], self._days[place] = vector, (first, last)
                self._hubs[place] = self._hub(self._matrix[place : place + 1])[0]
            else:
                self._place[id] = len(self._ids) + len(fresh)
                fresh.append(id)
                vectors.append(vector)
        if fresh:
            block = np.asarray(vectors, np.float32)
            days = [self._questions[id][1:] for id in fresh]
            self._ids += fresh
            self._matrix = np.concatenate([self._matrix, block])
            self._hubs = np.concatenate([self._hubs, self._hub(block)])
            self._days = np.concatenate([self._days, np.asarray(days, np.int64)])

    def _hub(self, vectors: Any) -> Any:
        """How near each is to ordinary headlines: half by all of them, half by the nearest."""
        np = self._np
        cosines = vectors @ self._models.ordinary.T.astype(np.float32)
        top = min(ORDINARY_TOP, cosines.shape[1])
        nearest = np.partition(cosines, -top, axis=1)[:, -top:]
        return (cosines.mean(1) + nearest.mean(1)) / 2


def _short(number: float) -> float:
    """To four places: more is noise, and makes the tape longer."""
    return round(float(number), 4)


def story_text(title: str, summary: str) -> str:
    """A headline and its summary as the models read them."""
    return f"{title}. {summary}"[:CHARS_MAX] if summary else title[:CHARS_MAX]
