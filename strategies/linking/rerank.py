"""What an outside judge's opinions change: it reads the pool again, and its word leads.

The judge may be a model that read a hostile text, so what binds it stands here: it speaks only of
what the linker put into the pool, its word becomes a number by a table and never its own, and a
side that the linker does not share is marked as resting on the judge alone, for the desk to hold
back.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from feeds.events import Grade, Judged, Opinion
from strategies.decisions import Link, Tier
from strategies.linking.calibration import LADDER, NOT_SURE
from strategies.linking.explanation import judged_why
from strategies.linking.market import LinkableMarket

CANDIDATES_MAX = 20
"""Questions put to a judge about one story."""
ASKED_MAX = 3
"""Markets of one meaning that a question names."""
NEAR_MIN = 0.02
"""The relevance from which on a judge may lift a link into sight."""
LINKS_MAX = 64
"""Links after a judge's say, the best ones."""

RELEVANCE: Mapping[tuple[Grade, bool], float] = {
    (Grade.BEARS, True): 0.95,
    (Grade.BEARS, False): 0.80,
    (Grade.TOUCHES, True): 0.85,
    (Grade.TOUCHES, False): 0.65,
    (Grade.UNSURE, True): 0.40,
}
"""The relevance told, by the reader's grade and whether the linker shows it too; others go."""


class Candidate(NamedTuple):
    """Markets of one meaning that a judge may be asked about.

    ``links`` are what all its open markets would be told with, shown or not; ``markets`` the
    first few of them, the one whose id the opinion names in front. ``shown`` says whether the
    linker shows them by itself.
    """

    markets: tuple[LinkableMarket, ...]
    links: tuple[Link, ...]
    shown: bool


class _Ranked(NamedTuple):
    """A link behind what it is ranked by: its relevance, then the linker's own."""

    share: float
    own: float
    link: Link


def rejudged(
    own: tuple[Link, ...], candidates: tuple[Candidate, ...], said: Judged, floor: float = 0.0
) -> tuple[Link, ...]:
    """The links after a judge's say, best first, at most 64; those below ``floor`` are gone.

    What the judge was not asked, or said nothing of, stays as it is; opinions on anything else are
    ignored.
    """
    opinions = {opinion.market_id: opinion for opinion in said.opinions}
    ranked = [_Ranked(link.relevance, link.relevance, link) for link in own]
    for candidate in candidates:
        opinion = opinions.get(candidate.markets[0].id)
        if opinion is not None:
            asked = {link.market_id for link in candidate.links}
            ranked = [row for row in ranked if row.link.market_id not in asked]
            share = _share(candidate, opinion.grade)
            if share is not None and share >= floor:
                ranked += _judged(candidate, opinion, share, said.judge)
    ranked.sort(key=lambda row: (-row.share, -row.own))
    return tuple(row.link for row in ranked[:LINKS_MAX])


def _share(candidate: Candidate, grade: Grade) -> float | None:
    share = RELEVANCE.get((grade, candidate.shown))
    if share is None or len(candidate.links) <= LADDER:
        return share
    return min(share, NOT_SURE)


def _judged(candidate: Candidate, opinion: Opinion, share: float, judge: str) -> Iterator[_Ranked]:
    first = next((x.direction for x in candidate.links if x.market_id == opinion.market_id), 0)
    bears = opinion.grade is Grade.BEARS
    for own in candidate.links:
        pushed = _way(own, first, opinion)
        # to act on it would rest on the judge: another side, or more than the linker would act on
        alone = (
            not candidate.shown or pushed != own.direction or (bears and own.tier is not Tier.BEARS)
        )
        why = judged_why(own, f"{judge} alone" if alone else judge, pushed)
        tier = Tier.BEARS if bears else Tier.TOUCHES
        link = Link(own.market_id, share, pushed, why, own.facet, judge, tier, alone)
        yield _Ranked(share, own.relevance, link)


def _way(link: Link, first: int, opinion: Opinion) -> int:
    """Which way a member of the ladder is pushed: as the first is, unless they differ.

    Then it stands to the ``first`` one's way as the linker sees it, and where that sees none
    nobody does.
    """
    if not opinion.mixed or link.market_id == opinion.market_id:
        return opinion.direction
    return opinion.direction * link.direction * first
