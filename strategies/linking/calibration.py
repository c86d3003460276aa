"""From a model's number to a share of right links, and how that share is told of many markets."""

import math
from bisect import bisect_right
from typing import TypeAlias

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""Knots from the model's number to the share that was right there, rising in both."""
LADDER = 6
NOT_SURE = 0.79
LIKELY, DOUBTFUL_RUNGS = 0.6, 3


def calibrated(raw: float, curve: Curve) -> float:
    """The share of links right where the model says ``raw``: straight lines between knots.

    Without knots nothing changes.
    """
    if not curve:
        return raw
    after = min(max(bisect_right(curve, (raw, math.inf)), 1), len(curve) - 1)
    (low, floor), (high, top) = curve[after - 1], curve[after]
    return floor + (top - floor) * (raw - low) / (high - low)


def told(share: float, markets: int) -> float:
    """The relevance told of each market in a group of so many, to four places.

    A long ladder stakes many links on one reading, so it is never called sure.
    """
    return round(share if markets <= LADDER else min(share, NOT_SURE), 4)


def rungs(share: float, markets: int) -> int:
    """How many markets of one meaning are told: all of a short ladder, or where it is likely right.

    Of a long one that is doubtful a few stand for all: thirty wrong links are no better than one.
    """
    return markets if markets <= LADDER or share >= LIKELY else DOUBTFUL_RUNGS
