"""From a model's number to a share of right links: isotonic, by pooling adjacent violators."""

import math
from collections.abc import Iterable
from typing import NamedTuple

CHUNK = 25.0
"""Weight in the smallest pool: fewer cases say nothing about a share."""
START = 0.2
"""Below this no link is ever shown, and the curve is a straight line to 0."""
APART = 1e-6
"""Numbers closer than this are one number."""
TOP = 0.99
"""No more than this is ever said."""
TOLD = 0.0001
"""The least difference in a share that is written down."""
SURE = 0.8
TRUST = 0.9
DOUBT = 1.64
"""Standard errors: 0.8 and more is only said where 19 of 20 draws would leave the share at 0.9."""


class Case(NamedTuple):
    """A group of markets shown to a story: the model's number, right or not, how many markets."""

    raw: float
    right: bool
    markets: int


class _Pool(NamedTuple):
    """Cases taken together: sums of raw numbers, of right ones, and of weights."""

    raw: float
    right: float
    weight: float

    def plus(self, other: "_Pool") -> "_Pool":
        return _Pool(self.raw + other.raw, self.right + other.right, self.weight + other.weight)


def curve(cases: Iterable[Case]) -> tuple[tuple[float, float], ...]:
    """Knots (raw, share right), rising in both, from (0, 0) to raw 1.

    A group weighs the square root of its markets: a ladder of prices is many links, but one story.
    """
    pools: list[_Pool] = []
    for pool in _chunks(sorted(case for case in cases if case.raw >= START)):
        pools.append(pool)
        while len(pools) > 1 and _share(pools[-2]) >= _share(pools[-1]):
            pools[-2:] = [pools[-2].plus(pools[-1])]
    return _rising([(pool.raw / pool.weight, _said(pool)) for pool in pools])


def _rising(knots: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Between fixed ends; a pool that says no more than the one before it is passed over."""
    found = [(0.0, 0.0)]
    for raw, right in knots:
        share = min(right, TOP - TOLD)
        if raw < 1 - APART and share > found[-1][1] + TOLD:
            found.append((raw, share))
    return (*found, (1.0, TOP))


def _chunks(cases: list[Case]) -> list[_Pool]:
    found, last = [_Pool(0.0, 0.0, 0.0)], 0.0
    for case in cases:
        if found[-1].weight >= CHUNK and case.raw > last + APART:
            found.append(_Pool(0.0, 0.0, 0.0))
        weight = math.sqrt(case.markets)
        found[-1] = found[-1].plus(_Pool(case.raw * weight, case.right * weight, weight))
        last = case.raw
    if len(found) > 1 and found[-1].weight < CHUNK:
        found[-2:] = [found[-2].plus(found[-1])]
    return [pool for pool in found if pool.weight]


def _share(pool: _Pool) -> float:
    return (pool.right + 0.5) / (pool.weight + 1)


def _said(pool: _Pool) -> float:
    """The share right; just under 0.8 where so few cases can't carry more."""
    share = _share(pool)
    spread = DOUBT * math.sqrt(share * (1 - share) / pool.weight + (DOUBT / pool.weight / 2) ** 2)
    middle = share + DOUBT**2 / (2 * pool.weight)
    low = (middle - spread) / (1 + DOUBT**2 / pool.weight)
    return share if low >= TRUST else min(share, SURE - 0.1 * (1 - pool.raw / pool.weight))
