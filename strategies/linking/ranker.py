"""How likely is a link? Boosted trees over the columns of ``features.py``, read from plain tables.

``data/stage_a.json`` and ``stage_b.json`` were learnt by ``benchmarks/learn``; evaluating takes no
library. Stage A has no columns of meaning and is always there; B has them. Each has trees for "a
trader of it wants to see the story" and for "it reports on the very thing asked". In stage B the
word of the model that read story and question together is averaged in.
"""

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

from feeds.events import Near
from strategies.linking.calibration import Curve, calibrated
from strategies.linking.features import STAGE_A, STAGE_B

Node: TypeAlias = "float | tuple[int, float, Node, Node]"
"""A leaf's log-odds; or column, threshold, and where to go at most there and above it."""
LOGIT_MAX = 12.0
LOOK_AFTER, HOPELESS = 40, -4.5
"""After so many trees a pair below these log-odds (one in ninety) is not weighed to its end: none
of those came back to where links are shown, and they are most of what is weighed."""


class Forest(NamedTuple):
    """Trees whose leaves add up to log-odds."""

    base: float
    trees: tuple[Node, ...]

    def logit(self, columns: Sequence[float]) -> float:
        """The log-odds of one row."""
        total = self.base
        for number, node in enumerate(self.trees):
            if number == LOOK_AFTER and total < HOPELESS:
                break
            while node.__class__ is tuple:
                column, threshold, low, high = node
                node = low if columns[column] <= threshold else high
            total += node  # type: ignore[operator]
        return max(-LOGIT_MAX, min(LOGIT_MAX, total))


class Weighed(NamedTuple):
    """What a stage makes of one group: the calibrated share of such links that are right, the raw
    log-odds it is ranked by, and whether the story reports on the very thing asked."""

    relevance: float
    logit: float
    direct: bool


class Stage(NamedTuple):
    """One way to weigh: its forests, their calibration, and from where on a link is shown.

    ``reader`` is the share that the model which read the pair has in the log-odds; ``floor`` a
    relevance, ``direct_from`` log-odds.
    """

    columns: tuple[str, ...]
    touches: Forest
    bears: Forest
    reader: float
    curve: Curve
    floor: float
    direct_from: float

    def weigh(self, columns: Sequence[float], near: Near | None) -> Weighed:
        """One group's calibrated share, and whether it bears on the question where it is shown."""
        logit = self.touches.logit(columns)
        read = near is not None and near.read
        if near is not None and read:
            logit += self.reader * (near.touches - logit)
        relevance = calibrated(_share(logit), self.curve)
        if relevance < self.floor:
            return Weighed(relevance, logit, False)
        bears = self.bears.logit(columns)
        if near is not None and read:
            bears += self.reader * (near.bears - bears)
        return Weighed(relevance, logit, bears >= self.direct_from)


class RankerError(ValueError):
    """The table does not fit this version's columns."""


@lru_cache(maxsize=2)
def load(meaning: bool) -> Stage:
    """The stage that ships with the package: B where the models have spoken of a story, else A."""
    name = "stage_b.json" if meaning else "stage_a.json"
    text = files("strategies.linking").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return stage_of(json.loads(text), STAGE_B if meaning else STAGE_A)


def stage_of(table: dict[str, Any], columns: tuple[str, ...]) -> Stage:
    """A stage from its part of the table; raises :class:`RankerError` where columns differ."""
    if tuple(table["columns"]) != columns:
        raise RankerError("the ranker was learnt on other columns: learn it anew")
    return Stage(
        columns=columns,
        touches=_forest(table["touches"]),
        bears=_forest(table["bears"]),
        reader=table["reader"],
        curve=tuple((number, share) for number, share in table["curve"]),
        floor=table["floor"],
        direct_from=table["direct_from"],
    )


def _forest(table: dict[str, Any]) -> Forest:
    return Forest(table["base"], tuple(_node(tree) for tree in table["trees"]))


def _node(raw: Any) -> Node:
    if not isinstance(raw, list):
        return float(raw)
    column, threshold, low, high = raw
    return int(column), float(threshold), _node(low), _node(high)


def _share(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
