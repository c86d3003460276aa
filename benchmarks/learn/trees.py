"""Monotone boosted trees, fitted by lightgbm, written as the plain lists that ranker.py reads."""

from collections.abc import Sequence
from typing import Any

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


def fit(
    rows: Floats, right: Sequence[bool], weights: Floats, columns: Sequence[str], seed: int = 1
) -> lightgbm.Booster:
    """The forest for these examples; the same examples and seed, the same forest."""
    monotone = [(name in UP) - (name in DOWN) for name in columns]
    data = lightgbm.Dataset(rows, np.asarray(right, float), weight=weights, params={"verbose": -1})
    settings = {**SETTINGS, "monotone_constraints": monotone, "seed": seed}
    return lightgbm.train(settings, data, ROUNDS)


def table(booster: lightgbm.Booster) -> dict[str, Any]:
    """The forest as nested lists: a leaf's log-odds, or column, threshold, low side, high side."""
    grown = booster.dump_model()["tree_info"]
    return {"base": 0.0, "trees": [_node(tree["tree_structure"]) for tree in grown]}


def _node(raw: dict[str, Any]) -> Any:
    if "split_feature" not in raw:
        return round(raw["leaf_value"], 5)
    low, high = _node(raw["left_child"]), _node(raw["right_child"])
    return [raw["split_feature"], float(f"{raw['threshold']:.6g}"), low, high]
