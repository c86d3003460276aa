"""Odds through time, and what each story did to them.

Odds are sampled from the followed books into a minute grid; each pair of a story and a market it
touches is measured again and again while the story is young. Work is spread over ticks, so that
no tick grows long however many pairs there are.
"""

import re
from collections.abc import Iterator
from heapq import heappop, heappush

import msgspec

from feeds.events import OddsPoint, Story
from feeds.markets import MINUTE, ONE, SECOND, Market, Nanos
from strategies.decisions import Impact, ImpactSeen, Link, Verdict
from strategies.desk.news import News, began_ns
from strategies.desk.pulse import Pulse
from strategies.floor import Floor
from strategies.impact import (
    Move,
    OddsHistory,
    Precedent,
    Precedents,
    Rival,
    abnormal_move,
    measure,
)
from strategies.impact import story_time as story_time_ns
from strategies.impact.odds import Absence

OBSERVE_EVERY: Nanos = 5 * SECOND
YOUNG: Nanos = 60 * MINUTE
MEASURE_EVERY_YOUNG: Nanos = 5 * SECOND
MEASURE_EVERY_OLD: Nanos = MINUTE
MEASURES_PER_TICK_MAX = 10
PAIRS_MAX = 800
SHOWN_POINTS = 0.5
"""A move is told again when it changed by this many points."""
PRECEDENT_AFTER: Nanos = 30 * MINUTE
"""A story's move counts as a precedent once it is this old."""
HISTORIES_MAX = 1_000
"""Markets whose odds are remembered; those not followed any more go first, oldest first."""
POINTS_MAX = 3_000
"""Points of one market's past held while they arrive."""
UNFOLLOWED_GRACE: Nanos = 30 * SECOND
"""A book that nobody follows any more counts as odds for this long after its last change."""

_BY_A_DATE = re.compile(r"\b(by|before)\b", re.IGNORECASE)


class Pair(msgspec.Struct):
    """One story on one market."""

    story_id: str
    story_ns: Nanos
    link: Link
    turn: int = 0
    shown: Impact | None = None
    remembered: bool = False


class Impacts:
    """Histories of odds by market, and the newest impact of each story on each of its markets."""

    def __init__(self, pulse: Pulse, floor: Floor, news: News, minutes: int) -> None:
        self.histories: dict[str, OddsHistory] = {}
        self.measured: dict[tuple[str, str], Impact] = {}
        self.precedents = Precedents()
        self._pulse, self._floor, self._news = pulse, floor, news
        self._watch_for: Nanos = minutes * MINUTE
        self._pairs: dict[tuple[str, str], Pair] = {}
        self._due: list[tuple[Nanos, int, str, str]] = []
        self._turn = 0
        self._observe_ns: Nanos = 0
        self._past: dict[str, list[tuple[Nanos, float]]] = {}
        self._arriving: set[str] = set()
        self._moves: dict[str, tuple[Nanos, Move | None]] = {}
        self._followed: tuple[str, ...] = ()

    # -- odds ------------------------------------------------------------------------------

    def observe(self, condition_ids: tuple[str, ...]) -> None:
        """Sample the odds of these markets, when it is time."""
        if self._pulse.now_ns < self._observe_ns:
            return
        self._observe_ns = self._pulse.now_ns + OBSERVE_EVERY
        self._followed = condition_ids
        for condition_id in condition_ids:
            self.sample(condition_id)

    def sample(self, condition_id: str) -> None:
        """Take a market's odds as they are now."""
        market = self._floor.markets[condition_id]
        book = self._floor.books.get(market.yes.asset_id)
        if book is None or not book.seen:
            return
        now_ns, tick = self._pulse.now_ns, market.tick_size
        if now_ns - book.applied_ns > UNFOLLOWED_GRACE and condition_id not in self._followed:
            return
        history = self.history(condition_id)
        midpoint = self._floor.midpoint(market.yes.asset_id)
        if midpoint is not None:
            history.observe(now_ns, midpoint, book.spread / ONE / 2, tick)
        elif self._floor.tradeable(market.yes.asset_id):
            history.observe(now_ns, None, 0.0, tick, Absence.ONE_SIDED)
        else:
            history.observe(now_ns, None, 0.0, tick, Absence.FROZEN)

    def history(self, condition_id: str) -> OddsHistory:
        """A market's odds through time; a new one if there is none yet."""
        history = self.histories.get(condition_id)
        if history is None:
            if len(self.histories) >= HISTORIES_MAX:
                gone = (cid for cid in self.histories if cid not in self._followed)
                del self.histories[next(gone, next(iter(self.histories)))]
            history = self.histories[condition_id] = OddsHistory()
        return history

    def close(self, condition_id: str) -> None:
        """A market stopped trading."""
        history = self.histories.get(condition_id)
        if history is not None:
            history.close(self._pulse.now_ns)

    def past_point(self, point: OddsPoint) -> None:
        """One point of the venue's price history. They come in bunches and are used in one go."""
        market = self._floor.market_of(point.asset_id)
        if market is None or not 0 < point.price < ONE:
            return
        points = self._past.setdefault(market.condition_id, [])
        if len(points) < POINTS_MAX:
            price = point.price if point.asset_id == market.yes.asset_id else ONE - point.price
            points.append((point.when_ns, price / ONE))
        self._arriving.add(market.condition_id)

    def fill_in_the_past(self) -> None:
        """Use the points of markets for which none came since the last tick."""
        if not self._past:
            return
        for condition_id in [cid for cid in self._past if cid not in self._arriving]:
            self.history(condition_id).backfill(self._past.pop(condition_id))
        self._arriving.clear()

    def abnormal(self, condition_id: str) -> Move | None:
        """A move that stands out, if there is one; worked out once an observation."""
        cached = self._moves.get(condition_id)
        if cached is not None and cached[0] == self._observe_ns:
            return cached[1]
        history = self.histories.get(condition_id)
        move = abnormal_move(history, self._pulse.now_ns) if history is not None else None
        self._moves[condition_id] = (self._observe_ns, move)
        return move

    # -- stories ---------------------------------------------------------------------------

    def watch(self, story: Story, links: tuple[Link, ...]) -> None:
        """Begin to measure what a story does to its markets; a retelling starts nothing new."""
        story_ns = min(story_time_ns(story), self._pulse.now_ns)
        if self._pulse.now_ns - began_ns(story) > self._watch_for:
            return
        for link in links:
            if not self._told_before(story, link.market_id):
                self._add(Pair(story.id, story_ns, link))

    def _told_before(self, story: Story, condition_id: str) -> bool:
        return any(
            other.cluster_id == story.cluster_id and (other.id, condition_id) in self._pairs
            for other in self._news.stories_on(condition_id)
        )

    def _add(self, pair: Pair) -> None:
        if len(self._pairs) >= PAIRS_MAX:
            del self._pairs[next(iter(self._pairs))]
        self._pairs[pair.story_id, pair.link.market_id] = pair
        self._schedule(pair, self._pulse.now_ns)

    def relink(self, story: Story, links: tuple[Link, ...]) -> None:
        """An edit changed what a story touches."""
        touched = {link.market_id: link for link in links}
        for key in [key for key in self._pairs if key[0] == story.id]:
            link = touched.pop(key[1], None)
            if link is None:
                del self._pairs[key]
                self.measured.pop(key, None)
            else:
                self._pairs[key].link = link
        self.watch(story, tuple(touched.values()))

    def forget(self, story_id: str) -> None:
        """Forget a story that is gone."""
        for key in [key for key in self._pairs if key[0] == story_id]:
            del self._pairs[key]
        for key in [key for key in self.measured if key[0] == story_id]:
            del self.measured[key]

    def of(self, story_id: str, condition_id: str) -> Impact | None:
        """A story's impact; for a retelling, that of the telling which is measured."""
        found = self.measured.get((story_id, condition_id))
        story = self._news.stories.get(story_id)
        if found is not None or story is None:
            return found
        for other in self._news.stories_on(condition_id):
            if other.cluster_id == story.cluster_id and (other.id, condition_id) in self.measured:
                return self.measured[other.id, condition_id]
        return None

    def precedent(self, story_id: str, condition_id: str) -> Precedent:
        """How far stories of this kind moved such markets before."""
        link = self._news.link(story_id, condition_id)
        if link is None:
            return Precedent()
        return self.precedents.lookup(link.facet, self._news.family(condition_id))

    # -- measuring -------------------------------------------------------------------------

    def measure_due(self) -> Iterator[tuple[Impact, Link]]:
        """Measure the pairs whose turn it is, a bounded number a tick."""
        done = 0
        while self._due and self._due[0][0] <= self._pulse.now_ns and done < MEASURES_PER_TICK_MAX:
            _, turn, story_id, condition_id = heappop(self._due)
            pair = self._pairs.get((story_id, condition_id))
            if pair is None or pair.turn != turn:
                continue
            done += 1
            yield self._measure(pair), pair.link

    def _schedule(self, pair: Pair, due_ns: Nanos) -> None:
        self._turn += 1
        pair.turn = self._turn
        heappush(self._due, (due_ns, self._turn, pair.story_id, pair.link.market_id))

    def _measure(self, pair: Pair) -> Impact:
        condition_id = pair.link.market_id
        self.sample(condition_id)
        impact = measure(
            self.history(condition_id),
            pair.story_id,
            condition_id,
            pair.story_ns,
            self._pulse.now_ns,
            pair.link.direction,
            tuple(self._rivals(pair)),
            weight=pair.link.relevance,
            deadline_ns=_deadline(self._floor.markets[condition_id]),
        )
        self.measured[pair.story_id, condition_id] = impact
        self._tell(pair, impact)
        self._next(pair, impact)
        return impact

    def _rivals(self, pair: Pair) -> Iterator[Rival]:
        """Other happenings on the same market, each once, by its first telling."""
        own = self._news.stories[pair.story_id].cluster_id
        clusters: dict[str, Rival] = {}
        for story in self._news.stories_on(pair.link.market_id):
            link = self._news.link(story.id, pair.link.market_id)
            if story.cluster_id != own and link is not None:
                clusters[story.cluster_id] = Rival(story_time_ns(story), link.relevance)
        yield from clusters.values()

    def _tell(self, pair: Pair, impact: Impact) -> None:
        shown = pair.shown
        if shown is not None and not _differs(shown, impact):
            return
        pair.shown = impact
        self._pulse.say(ImpactSeen(impact))
        was_clear = shown is not None and shown.verdict is Verdict.CLEAR
        if impact.verdict is Verdict.CLEAR and not was_clear:
            self._alert(pair, impact)

    def _alert(self, pair: Pair, impact: Impact) -> None:
        points, market = impact.points or 0.0, self._floor.markets[impact.condition_id]
        self._pulse.alert(
            "impact",
            f"impact:{pair.story_id}:{impact.condition_id}",
            f"{points:+.1f} points: {market.question}",
            f"{self._news.stories[pair.story_id].title} · {impact.reason}",
            pair.story_id,
            impact.condition_id,
        )

    def _next(self, pair: Pair, impact: Impact) -> None:
        age = self._pulse.now_ns - pair.story_ns
        if age >= PRECEDENT_AFTER and not pair.remembered:
            self._remember(pair, impact)
        if age >= self._watch_for:
            del self._pairs[pair.story_id, pair.link.market_id]
            return
        pause = MEASURE_EVERY_YOUNG if age < YOUNG else MEASURE_EVERY_OLD
        self._schedule(pair, self._pulse.now_ns + pause)

    def _remember(self, pair: Pair, impact: Impact) -> None:
        pair.remembered = True
        told = impact.verdict in (Verdict.CLEAR, Verdict.NOISE)
        if told and impact.logit is not None and pair.link.direction:
            family = self._news.family(impact.condition_id)
            self.precedents.add(pair.link.facet, family, impact.logit * pair.link.direction)


def _deadline(market: Market) -> Nanos | None:
    """The end of a question of the kind "will it happen by then?"."""
    return market.end_ns if _BY_A_DATE.search(market.question) else None


def _differs(shown: Impact, impact: Impact) -> bool:
    """Whether a trader would see a difference."""
    if shown.verdict is not impact.verdict:
        return True
    before, now = shown.points, impact.points
    if before is None or now is None:
        return before is not now
    return abs(now - before) >= SHOWN_POINTS
