"""What an outside judge's opinions change: they re-rank what the linker itself proposes.

The judge may be a model that read a hostile text, so its say is bounded. Linker and judge count
half each; what the linker is not sure of the judge can't make sure; and where the two see opposite
directions none is told.
"""

from typing import NamedTuple

from feeds.events import Judged, Opinion
from strategies.decisions import Link
from strategies.linking.market import LinkableMarket
from strategies.linking.calibration import NOT_SURE
from strategies.linking.explanation import judged_why

CANDIDATES_MAX = 20
"""Questions put to a judge about one story."""
NEAR_MIN = 0.02
"""The relevance from which on a judge may lift a link into sight."""


class Candidate(NamedTuple):
    """Markets of one meaning that a judge may be asked about.

    ``links`` are what all its open markets would be told with, shown or not; ``markets`` the
    first few of them, the one whose id the opinion names in front. ``shown`` says whether the
    linker shows them by itself.
    """

    markets: tuple[LinkableMarket, ...]
    links: tuple[Link, ...]
    shown: bool


def rejudged(
    own: tuple[Link, ...], candidates: tuple[Candidate, ...], said: Judged, floor: float
) -> tuple[Link, ...]:
    """The links after a judge's say, best first; those judged below ``floor`` are gone.

    What the judge said nothing of stays as it is; opinions on what was not asked are ignored.
    """
    opinions = {opinion.market_id: opinion for opinion in said.opinions}
    links, weighed = [], set[str]()
    for candidate in candidates:
        opinion = opinions.get(candidate.markets[0].id)
        if opinion is not None:
            links += _weighed(candidate, opinion, said.judge)
            weighed.update(link.market_id for link in candidate.links)
    kept = [link for link in links if link.relevance >= floor]
    kept += [link for link in own if link.market_id not in weighed]
    return tuple(sorted(kept, key=lambda link: -link.relevance))


def _weighed(candidate: Candidate, opinion: Opinion, judge: str) -> list[Link]:
    asked = candidate.links[0].direction
    found = []
    for link in candidate.links:
        # a market of the ladder that the linker sees pushed the other way is so for the judge too
        turned = -1 if link.direction * asked < 0 else 1
        pushed = _agreed(link.direction, opinion.direction * turned)
        share = _share(link.relevance, opinion.relevance)
        sentence = judged_why(link, judge, pushed)
        found.append(Link(link.market_id, share, pushed, sentence, link.facet, judge))
    return found


def _share(own: float, judged: float) -> float:
    return round(min((own + judged) / 2, max(own, NOT_SURE)), 4)


def _agreed(own: int, judged: int) -> int:
    """The direction of those who see one; none where they contradict each other."""
    return 0 if own * judged < 0 else own or judged
