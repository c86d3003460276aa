"""What a story means for its markets, in sentences made of measured facts only."""

from collections.abc import Sequence
from typing import NamedTuple

from feeds.markets import Market
from strategies.decisions import Impact, Link, Verdict
from strategies.impact import Precedent
from terminal.figures import percent

NO_LINK = "It touches no market that we follow."
SURE = 0.8


class Evidence(NamedTuple):
    """What is known of one link: the market, the measured impact, and what like stories did."""

    link: Link
    market: Market
    impact: Impact | None
    precedent: Precedent = Precedent()


def meaning(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """A few sentences a market, for the three most touched; one sentence when none is."""
    if not evidence:
        return (NO_LINK,)
    return tuple(" ".join(_about(known)) for known in evidence[:3])


def _about(known: Evidence) -> list[str]:
    link, market = known.link, known.market
    told = [market.question, f"{_sentence(link.why)}.", _way(link)]
    if known.impact is not None:
        told.append(_move(link, known.impact))
    if known.precedent.count:
        told.append(
            f"{known.precedent.count} like it moved such odds by "
            f"{known.precedent.median_logit:+.2f} logit (median)."
        )
    return [sentence for sentence in told if sentence]


def _sentence(text: str) -> str:
    """With a capital letter and without its full stop."""
    return (text[:1].upper() + text[1:]).rstrip(".")


def _way(link: Link) -> str:
    if "YES" in link.why:
        return ""  # it has been said
    if link.direction == 0:
        return "Which way it should push is unclear."
    way = "up" if link.direction > 0 else "down"
    sure = "should" if link.relevance >= SURE else "may"
    return f"It {sure} push YES {way}."


def _move(link: Link, impact: Impact) -> str:
    if impact.verdict is Verdict.NOT_MEASURABLE:
        return f"The move is not measurable: {impact.reason.rstrip('.')}."
    if impact.points is None or impact.before is None or impact.now is None:
        return ""
    span = f"{percent(impact.before)} to {percent(impact.now)} %"
    if impact.verdict is Verdict.NOISE:
        return f"Since then the odds went from {span}, within the noise."
    if impact.verdict is Verdict.WAITING:
        return f"So far the odds went from {span}; it is too early to tell."
    agrees = link.direction * impact.points
    word = "agrees" if agrees > 0 else "contradicts" if agrees < 0 else "says nothing of"
    ending = f", which {word} the expected way" if link.direction else ""
    return f"The odds went from {span}: {impact.verdict.value}{ending}."
