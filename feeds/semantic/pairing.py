"""What a story's vector and a question's say together: a small network over the two.

A cosine tells how near two texts are, not whether one matters to the other: a company's new setting
lies near every question on the company. What differs and what is shared, number by number, tells
more. The network was learnt from judged pairs (``benchmarks/learn/pairing.py``).
"""

import io
from typing import Any, NamedTuple

WEIGHTS = (
    "story_mean", "question_mean", "story", "story_bias", "question", "question_bias",
    "hidden", "hidden_bias", "out", "out_bias",
)  # fmt: skip


class PairingError(ValueError):
    """The file does not hold such a network."""


class Paired(NamedTuple):
    """Log-odds of a pair: see :class:`feeds.events.Near`."""

    touches: float
    bears: float
    up: float


class Pairing:
    """The network in memory. ``raw`` is an npz file of :data:`WEIGHTS` as 16-bit floats.

    ``story_mean`` and ``question_mean`` are what all texts of a kind have in common, taken off
    first; ``story`` and ``question`` turn each vector into a short one; ``hidden`` and ``out`` read
    products, distances, both short vectors with their products, and the cosine.
    """

    def __init__(self, raw: bytes) -> None:
        import numpy

        self._np: Any = numpy
        try:
            with numpy.load(io.BytesIO(raw), allow_pickle=False) as found:
                self._weights = {name: found[name].astype(numpy.float32) for name in WEIGHTS}
        except (KeyError, ValueError, OSError) as error:
            raise PairingError("the file of the pairing is not what was shipped") from error

    def pairs(self, story: Any, questions: Any) -> list[Paired]:
        """One story's unit vector beside each row of ``questions``."""
        np, weights = self._np, self._weights
        if not len(questions):
            return []
        told = self._unit(story[None, :] - weights["story_mean"])
        asked = self._unit(questions - weights["question_mean"])
        short = told @ weights["story"].T + weights["story_bias"]
        brief = asked @ weights["question"].T + weights["question_bias"]
        columns = np.concatenate(
            [
                told * asked,
                np.abs(told - asked),
                short * brief,
                np.broadcast_to(short, brief.shape),
                brief,
                (told * asked).sum(1, keepdims=True),
            ],
            axis=1,
        )
        hidden = np.maximum(columns @ weights["hidden"].T + weights["hidden_bias"], 0)
        said = hidden @ weights["out"].T + weights["out_bias"]
        return [Paired(*(float(number) for number in row)) for row in said]

    def _unit(self, rows: Any) -> Any:
        size = self._np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / self._np.maximum(size, 1e-6)
