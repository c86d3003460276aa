"""The story in focus, with the markets it touches and what it means for them."""

from typing import NamedTuple

import msgspec

from feeds.events import Story
from feeds.figures import rounded
from feeds.markets import MINUTE, ONE, Nanos
from strategies.decisions import Link, Tier
from terminal.engine.state import EngineState
from terminal.presenters.meaning import Evidence, meaning, notes_of, verdict_of
from terminal.presenters.quotes import SLOWLY, Quotes
from terminal.protocol.views import ArticleView, CardView

CARDS_MAX = 8
SPARK_POINTS = 24
SPARK_MINUTES = 120
KEPT_MAX = 32
"""Articles held to be shown again: as many as there may be faces, each with its own story."""


class _Made(NamedTuple):
    story: Story
    version: int
    slot: int
    view: ArticleView


class Articles:
    """What was measured is looked at again when it changed, quotes whenever a view is asked for."""

    def __init__(self, state: EngineState, quotes: Quotes) -> None:
        self._state, self._quotes = state, quotes
        self._made: dict[str, _Made] = {}
        self._before: dict[str, ArticleView] = {}

    def view(self, story_id: str) -> ArticleView | None:
        """A story with its cards, or None when it is not known (any more)."""
        story = self._state.desk.news.stories.get(story_id)
        if story is None:
            return self._earlier(story_id)
        made = self._made.pop(story_id, None)
        version = self._state.changes.of_cluster(story.cluster_id)
        slot = self._state.desk.outbox.now_ns // SLOWLY
        if made is None or (made.story, made.version, made.slot) != (story, version, slot):
            made = _Made(story, version, slot, self._make(story))
        latency = self._state.timelines.of(story.id)
        cards = tuple(self._quoted(card) for card in made.view.cards)
        if cards != made.view.cards or latency != made.view.latency:
            view = msgspec.structs.replace(made.view, cards=cards, latency=latency)
            made = made._replace(view=view)
        if len(self._made) >= KEPT_MAX:
            del self._made[next(iter(self._made))]
        self._made[story_id] = made
        return made.view

    def _earlier(self, story_id: str) -> ArticleView | None:
        """A story of an earlier session as it was last shown, with the odds of now."""
        view = self._before.get(story_id) or self._state.earlier.articles.get(story_id)
        if view is None:
            return None
        cards = tuple(self._quoted(card) for card in view.cards)
        if cards != view.cards:
            view = self._before[story_id] = msgspec.structs.replace(view, cards=cards)
        return view

    def _make(self, story: Story) -> ArticleView:
        desk = self._state.desk
        links = [
            link
            for link in desk.news.links.get(story.id, ())
            if link.market_id in desk.market_data.markets
        ]
        links.sort(key=lambda link: link.tier is not Tier.BEARS)
        told = [s for s in desk.news.stories.values() if s.cluster_id == story.cluster_id]
        return ArticleView(
            story_id=story.id,
            title=story.title,
            summary=story.summary,
            url=story.url,
            source=story.source_name,
            author=story.author,
            published_ns=story.published_ns,
            first_seen_ns=story.first_seen_ns,
            date_note=story.date_note,
            sources=tuple(dict.fromkeys(s.source_name for s in told)),
            novelty=story.novelty,
            revision=story.revision,
            language=story.language,
            cards=tuple(self._card(story, link) for link in links[:CARDS_MAX]),
            links=len(links),
            meaning=tuple(meaning([self._evidence(story, link) for link in links])),
        )

    def _evidence(self, story: Story, link: Link) -> Evidence:
        desk = self._state.desk
        return Evidence(
            link,
            desk.market_data.markets[link.market_id],
            desk.impacts.of(story.id, link.market_id),
            desk.impacts.precedent(story.id, link.market_id),
        )

    def _card(self, story: Story, link: Link) -> CardView:
        """A card as far as it does not hang on the book: :meth:`_quoted` puts that in."""
        desk = self._state.desk
        known = desk.market_data.markets[link.market_id]
        impact = desk.impacts.of(story.id, link.market_id)
        precedent = desk.impacts.precedent(story.id, link.market_id)
        spark, mark = self._spark(link.market_id, story.first_seen_ns)
        return CardView(
            condition_id=known.condition_id,
            question=known.question,
            odds_at_story=rounded(impact.before, 5) if impact is not None else None,
            points=rounded(impact.points, 2) if impact is not None else None,
            z=rounded(impact.z, 1) if impact is not None else None,
            verdict=verdict_of(impact),
            notes=notes_of(impact),
            remarks=known.remarks,
            z_adjusted=rounded(impact.z_adjusted, 1) if impact is not None else None,
            precedents=precedent.count,
            precedent_logit=round(precedent.whole_logit, 3),
            precedent_spread=round(precedent.spread, 3),
            reason=impact.reason if impact is not None else "",
            volume=known.volume,
            relevance=round(link.relevance, 3),
            direction=link.direction,
            why=link.why,
            judge=link.judge,
            tier=link.tier.value,
            spark=spark,
            spark_minutes=SPARK_MINUTES,
            spark_story=mark,
            event_title=known.event_title,
        )

    def _quoted(self, card: CardView) -> CardView:
        desk = self._state.desk
        known = desk.market_data.markets.get(card.condition_id)
        if known is None:
            return card
        yes = known.yes.asset_id
        book = desk.market_data.books.get(yes)
        bid, ask = (book.best_bid, book.best_ask) if book is not None else (0, ONE)
        odds, state = self._quotes.odds(card.condition_id), self._quotes.book_state(yes)
        age_s = self._quotes.age_s(yes)
        was = (card.odds, card.best_bid, card.best_ask, card.book_state, card.age_s)
        if was == (odds, bid, ask, state, age_s):
            return card
        return msgspec.structs.replace(
            card, odds=odds, best_bid=bid, best_ask=ask, book_state=state, age_s=age_s
        )

    def _spark(self, condition_id: str, story_ns: Nanos) -> tuple[tuple[float | None, ...], int]:
        """Odds at even steps over the last two hours, and where the story falls in them."""
        history = self._state.desk.odds.histories.get(condition_id)
        if history is None:
            return (), -1
        step = SPARK_MINUTES * MINUTE // (SPARK_POINTS - 1)
        start = self._state.desk.outbox.now_ns - step * (SPARK_POINTS - 1)
        odds = tuple(rounded(history.at(start + step * i), 4) for i in range(SPARK_POINTS))
        mark = round((story_ns - start) / step)
        return odds, mark if 0 <= mark < SPARK_POINTS else -1
