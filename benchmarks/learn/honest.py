"""The tables' number for examples as it would be on news that the tables' weights never saw.

The weights that ship were learnt from these very sources, so on them the number is far too good,
and trees that learn beside it would trust it. For each source it is worked out anew by weights
learnt from all the others; at use the shipped ones speak, which have seen no news of tomorrow.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.learn.examples import Example
from strategies.linking.features import FAR_RANK, STAGE_A

STRENGTH = 1.0
AT = {name: STAGE_A.index(name) for name in ("prior", "prior_rank", "prior_gap")}
LOGIT_MAX = 13.8


def honest(
    found: Mapping[str, Sequence[Example]], weights: Mapping[str, float]
) -> dict[str, list[Example]]:
    """The same examples, the tables' number as of weights that never saw them."""
    return {name: list(_anew(name, found, weights)) for name in found}


def _anew(
    name: str, found: Mapping[str, Sequence[Example]], weights: Mapping[str, float]
) -> list[Example]:
    rest = [one for other, some in found.items() if other != name for one in some]
    table = DictVectorizer(dtype=np.float32)
    model = LogisticRegression(C=STRENGTH, max_iter=400)
    rows = table.fit_transform([_row(one) for one in rest])
    shares = np.array([weights[one.source] for one in rest])
    model.fit(rows, [one.grade > 0 for one in rest], sample_weight=shares)
    held = found[name]
    said = model.decision_function(table.transform([_row(one) for one in held]))
    logits = np.clip(said, -LOGIT_MAX, LOGIT_MAX)
    by_story: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(held):
        by_story[one.story].append(at)
    fresh = list(held)
    for places in by_story.values():
        order = sorted(places, key=lambda at: -logits[at])
        for rank, at in enumerate(order):
            columns = list(held[at].columns)
            columns[AT["prior"]] = float(logits[at])
            columns[AT["prior_rank"]] = float(np.log1p(min(rank, FAR_RANK)))
            columns[AT["prior_gap"]] = float(logits[order[0]] - logits[at])
            fresh[at] = held[at]._replace(columns=columns)
    return fresh


def _row(one: Example) -> dict[str, float]:
    return {"bias": 1.0, f"family:{one.family}": 1.0, **one.told}
