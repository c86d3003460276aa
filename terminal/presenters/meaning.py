"""What a story means for its markets, in sentences made of measured facts only."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from feeds.figures import percent
from feeds.markets import Market
from strategies.decisions import Impact, Link, Verdict
from strategies.impact import Precedent, expit, logit
from terminal.protocol.vocabulary import NoteWord, VerdictWord

NO_LINK = "It touches no market that we follow."
SURE = 0.8
CHANCE: VerdictWord = "may be chance"


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


def verdict_of(impact: Impact | None) -> VerdictWord:
    """The verdict in words; a clear move that so many pairs give by chance is not called one."""
    if impact is None:
        return ""
    by_chance = impact.verdict is Verdict.CLEAR and not impact.significant
    return CHANCE if by_chance else impact.verdict.value


def notes_of(impact: Impact | None) -> tuple[NoteWord, ...]:
    """What else is to be said of a move that stood out: "faded", "stuck", "a quote move"."""
    if impact is None:
        return ()
    notes: list[NoteWord] = [impact.lasting] if impact.lasting else []
    return (*notes, "a quote move") if impact.quote_move else tuple(notes)


def _about(known: Evidence) -> list[str]:
    link, market = known.link, known.market
    told = [market.question, f"{_sentence(link.why)}.", _way(link)]
    if known.impact is not None:
        told += [_move(link, known.impact), *_beside(known.impact)]
    told.append(_before(known))
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
    return f"The odds went from {span}: {verdict_of(impact)}{ending}."


def _beside(impact: Impact) -> Iterator[str]:
    """What else was measured of a move that stood out."""
    if not impact.stood_out:
        return
    if impact.verdict is Verdict.THEME:
        yield f"{_sentence(impact.reason)}."
    elif impact.peers and impact.theme is not None:
        yield f"Meanwhile {impact.peers} markets of its kind moved by {impact.theme:+.2f} logit."
    if impact.quote_move:
        yield "Nobody has traded since: a quote move."
    if impact.half_life is not None:
        yield f"Half of the first hour's move was done after {impact.half_life:.0f} min."
    if impact.lasting and impact.persistence is not None:
        yield f"It has {impact.lasting}: {max(0.0, impact.persistence):.0%} of its height is left."


def _before(known: Evidence) -> str:
    """How far like stories moved such odds before, and what that would be from here."""
    precedent, impact = known.precedent, known.impact
    if not precedent.count:
        return ""
    only = "only " if precedent.count < 5 else ""
    told = (
        f"Stories like it moved such odds by {precedent.whole_logit:+.2f} logit "
        f"(median of {only}{precedent.count}"
    )
    if precedent.count > 1:
        told += f", give or take {precedent.spread:.2f}"
    start = impact.before if impact is not None else None
    if start is None or not known.link.direction or not 0 < start < 1:
        return f"{told})."
    push = known.link.direction * precedent.median_logit
    points = 100 * (expit(logit(start) + push) - start)
    return f"{told}): by their number they speak for {points:+.1f} points."
