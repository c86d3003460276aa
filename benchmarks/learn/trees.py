"""Monotone boosted trees, fitted by lightgbm, written as the plain lists that ranker.py reads."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

UP = frozenset(
    [
        "whole",
        "asked",
        "shared",
        "shared_max",
        "shared_next",
        "question_covered",
        "title_covered",
        "pairs",
        "names_title",
        "names_any",
        "name_rarest",
        "names_all",
        "numbers_found",
        "prior",
        "bears",
        "exact_all",
        "version_same",
        "near_title",
        "near_whole",
        "near_best",
        "near_z",
        "near_covered",
        "pair",
        "pair_bears",
    ]
)
"""Columns of which more never makes a link less likely."""
DOWN = frozenset(
    [
        "whole_rank",
        "whole_gap",
        "asked_rank",
        "asked_gap",
        "names_missing",
        "prior_rank",
        "prior_gap",
        "exact_missing",
        "version_other",
        "near_rank",
        "near_gap",
        "pair_rank",
        "pair_gap",
    ]
)
"""Columns of which more never makes one more likely."""
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 13,
    "min_data_in_leaf": 50,
    "lambda_l2": 8.0,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.5,
    "num_threads": 2,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}
ROUNDS = 120


LENIENCE_MAX = 3.0
PASSES, NEWTON_STEPS = 2, 20


class Grown(NamedTuple):
    """A forest, and the log-odds that its leaves are added to."""

    base: float
    booster: lightgbm.Booster

    def logits(self, rows: Floats) -> Floats:
        """The log-odds of these rows."""
        said: Floats = self.base + np.asarray(self.booster.predict(rows, raw_score=True))
        return said

    def table(self) -> dict[str, Any]:
        """As nested lists: a leaf's log-odds, or column, threshold, low side, high side."""
        trees = self.booster.dump_model()["tree_info"]
        return {"base": round(self.base, 5), "trees": [_node(t["tree_structure"]) for t in trees]}


class Examples(NamedTuple):
    """Rows of columns, whether each is right, how much it counts, and who judged it."""

    rows: Floats
    right: Floats
    weights: Floats
    sources: Sequence[str]


def fit(found: Examples, columns: Sequence[str], seed: int = 1) -> Grown:
    """The forest for these examples; the same examples and seed, the same forest.

    Who judged one source was more lenient than who judged another, and was asked about harder
    pairs. That is no matter of columns: each source has log-odds of its own beside the trees while
    they learn, and none where they are used.
    """
    names, at = np.unique(np.asarray(found.sources), return_inverse=True)
    share = float(np.average(found.right, weights=found.weights))
    base, lenience = math.log(share / (1 - share)), np.zeros(len(names))
    for _ in range(PASSES):
        said = _grown(found, columns, base, lenience[at], seed, ROUNDS // 2).logits(found.rows)
        for number in range(len(names)):
            inside = at == number
            lenience[number] = _lenience(said[inside], found.right[inside])
    return _grown(found, columns, base, lenience[at], seed, ROUNDS)


def _lenience(said: Floats, right: Floats) -> float:
    """The log-odds to add to what trees say of a source, so that its mean is right."""
    added = 0.0
    for _ in range(NEWTON_STEPS):
        share = 1 / (1 + np.exp(-(said + added)))
        added -= float((share - right).sum() / max(1e-6, (share * (1 - share)).sum()))
    return float(np.clip(added, -LENIENCE_MAX, LENIENCE_MAX))


def _grown(
    found: Examples, columns: Sequence[str], base: float, lenience: Floats, seed: int, rounds: int
) -> Grown:
    monotone = [(name in UP) - (name in DOWN) for name in columns]
    data = lightgbm.Dataset(
        found.rows,
        found.right,
        weight=found.weights,
        init_score=base + lenience,
        params={"verbose": -1},
    )
    settings = {**SETTINGS, "monotone_constraints": monotone, "seed": seed}
    return Grown(base, lightgbm.train(settings, data, rounds))


def _node(raw: dict[str, Any]) -> Any:
    if "split_feature" not in raw:
        return round(raw["leaf_value"], 5)
    low, high = _node(raw["left_child"]), _node(raw["right_child"])
    return [raw["split_feature"], float(f"{raw['threshold']:.6g}"), low, high]
