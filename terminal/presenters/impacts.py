"""What every story did to every market it touches, as rows: of a running desk or a replayed one."""

from collections.abc import Iterator

from feeds.events import Story
from feeds.figures import rounded
from feeds.markets import Market
from strategies.decisions import Impact, Link
from strategies.desk import Desk
from strategies.impact import Precedent
from terminal.presenters.meaning import notes_of, verdict_of
from terminal.protocol.views import ImpactRow


def impact_rows(desk: Desk) -> list[ImpactRow]:
    """The measured pairs, those of the newest stories first, of a story the most relevant first."""
    return list(_rows(desk))


def _rows(desk: Desk) -> Iterator[ImpactRow]:
    for story_id in reversed(tuple(desk.news.stories)):
        for link in desk.news.links.get(story_id, ()):
            impact = desk.impacts.measured.get((story_id, link.market_id))
            market = desk.market_data.markets.get(link.market_id)
            if impact is not None and market is not None:
                precedent = desk.impacts.precedent(story_id, link.market_id)
                yield impact_row(desk.news.stories[story_id], market, link, impact, precedent)


def impact_row(
    story: Story, market: Market, link: Link, impact: Impact, precedent: Precedent
) -> ImpactRow:
    """One story on one market."""
    return ImpactRow(
        story_id=story.id,
        title=story.title,
        source=story.source_name,
        published_ns=story.published_ns,
        first_seen_ns=story.first_seen_ns,
        condition_id=market.condition_id,
        question=market.question,
        relevance=round(link.relevance, 3),
        direction=link.direction,
        facet=link.facet,
        minutes=round(impact.minutes, 1),
        odds_before=rounded(impact.before, 5),
        odds_after=rounded(impact.now, 5),
        points=rounded(impact.points, 2),
        logit=rounded(impact.logit, 4),
        z=rounded(impact.z, 2),
        rank_p=rounded(impact.rank_p, 6),
        verdict=verdict_of(impact),
        reason=impact.reason,
        notes=notes_of(impact),
        theme_logit=rounded(impact.theme, 4),
        z_adjusted=rounded(impact.z_adjusted, 2),
        peers=impact.peers,
        credit=rounded(impact.credit, 3),
        rivals=impact.rivals,
        leak=rounded(impact.leak, 3),
        half_life_minutes=impact.half_life,
        persistence=rounded(impact.persistence, 3),
        trades=impact.trades,
        chance=rounded(impact.chance, 4),
        significant=impact.significant,
        precedents=precedent.count,
        precedent_logit=rounded(precedent.whole_logit, 4) or 0.0,
        precedent_spread=rounded(precedent.spread, 4) or 0.0,
        precedent_shrunk_logit=rounded(precedent.median_logit, 4) or 0.0,
        judge=link.judge,
    )


def impact_words(row: ImpactRow) -> str:
    """What a row may be found by."""
    return f"{row.title} {row.source} {row.question} {row.verdict} {' '.join(row.notes)}"
