"""The head of direction: a logistic model over rule, words of the event, and who faces whom."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.learn.examples import Example

STEM_MIN = 6
"""Stories in which an event's word must stand to be learnt."""
STEM_SCALE = 0.3
"""How fast words are learnt beside the rule."""
STRENGTH = 0.2


def fit(found: Sequence[Example], weights: dict[str, float]) -> dict[str, Any]:
    """The head's table but for its thresholds.

    Without a bias: what pushes "reach" up pushes "dip to" down as surely, whichever is asked more.
    """
    told = [one for one in found if one.up and one.grade]
    counts = Counter(cue for one in told for cue in one.cues if cue.startswith("stem:"))
    rows = [_row(one, counts) for one in told]
    table = DictVectorizer()
    model = LogisticRegression(C=STRENGTH, max_iter=3_000, fit_intercept=False)
    share = np.array([weights.get(one.source, 1.0) for one in told])
    model.fit(table.fit_transform(rows), [one.up > 0 for one in told], sample_weight=share)
    names = table.get_feature_names_out()
    learnt = dict(zip(names, model.coef_[0], strict=True))
    rule = {name[5:]: round(float(v), 4) for name, v in learnt.items() if name.startswith("rule:")}
    stems = {
        name[5:]: round(float(v) * STEM_SCALE, 4)
        for name, v in learnt.items()
        if name.startswith("stem:") and abs(v) > 0.02
    }
    return {"rule": rule, "stems": stems}


def _row(one: Example, counts: Counter[str]) -> dict[str, float]:
    return {
        cue: value * (STEM_SCALE if cue.startswith("stem:") else 1.0)
        for cue, value in one.cues.items()
        if not cue.startswith("stem:") or counts[cue] >= STEM_MIN
    }
