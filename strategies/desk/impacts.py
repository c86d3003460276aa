"""What each story did to the odds of the markets it touches.

Each pair of a story and a market is measured again and again while the story is young. Work is
spread over ticks, so that no tick grows long however many pairs there are.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from heapq import heappop, heappush

import msgspec

from feeds.events import Story
from feeds.markets import MINUTE, SECOND, Market, Nanos
from strategies.decisions import Impact, ImpactSeen, Link, Remembered, Tier, Verdict
from strategies.desk.news import News, began_ns
from strategies.desk.odds import Odds
from strategies.desk.outbox import Outbox
from strategies.desk.settings import DeskSettings
from strategies.impact import (
    GUARD,
    LEAD,
    PEERS_MIN,
    ManyPairs,
    OddsHistory,
    Peers,
    Precedent,
    Precedents,
    Rival,
    deadline,
    measure,
)
from strategies.impact import story_time as story_time_ns
from strategies.market_data import MarketData

YOUNG: Nanos = 60 * MINUTE
HALF_HOUR: Nanos = LEAD * MINUTE
MEASURE_EVERY_YOUNG: Nanos = 5 * SECOND
MEASURE_EVERY_OLD: Nanos = MINUTE
MEASURES_PER_TICK_MAX = 10
PAIRS_MAX = 800
SHOWN_POINTS = 0.5
"""A move is told again when it changed by this many points."""
COUNTED_AFTER: Nanos = 5 * MINUTE
"""From this age on a pair counts among the day's."""
PRECEDENT_AFTER: Nanos = 30 * MINUTE
"""A story's move counts as a precedent once it is this old."""


class Pair(msgspec.Struct):
    """One story on one market."""

    story_id: str
    story_ns: Nanos
    link: Link
    peers: Peers
    turn: int = 0
    shown: Impact | None = None
    remembered: bool = False


class Impacts:
    """The newest impact of each story on each of its markets, and what such stories did before."""

    def __init__(
        self,
        outbox: Outbox,
        market_data: MarketData,
        news: News,
        odds: Odds,
        settings: DeskSettings,
    ) -> None:
        self.measured: dict[tuple[str, str], Impact] = {}
        self.precedents = Precedents()
        self._many = ManyPairs()
        self._outbox, self._market_data, self._news, self._odds = outbox, market_data, news, odds
        self._watch_for: Nanos = settings.impact_minutes * MINUTE
        self._calendar = settings.calendar
        self._pairs: dict[tuple[str, str], Pair] = {}
        self._due: list[tuple[Nanos, int, str, str]] = []
        self._turn = 0

    # -- stories ---------------------------------------------------------------------------

    def watch(self, story: Story, links: tuple[Link, ...]) -> None:
        """Begin to measure what a story does to its markets; a retelling starts nothing new."""
        story_ns = min(story_time_ns(story), self._outbox.now_ns)
        if self._outbox.now_ns - began_ns(story) > self._watch_for:
            return
        for link in links:
            if not self._told_before(story, link.market_id):
                peers = Peers(partial(self._peers, story.id, link.market_id))
                self._add(Pair(story.id, story_ns, link, peers))

    def _told_before(self, story: Story, condition_id: str) -> bool:
        return any(
            other.cluster_id == story.cluster_id and (other.id, condition_id) in self._pairs
            for other in self._news.stories_on(condition_id)
        )

    def _add(self, pair: Pair) -> None:
        if len(self._pairs) >= PAIRS_MAX:
            del self._pairs[next(iter(self._pairs))]
        self._pairs[pair.story_id, pair.link.market_id] = pair
        self._schedule(pair, self._outbox.now_ns)

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
        while self._due and self._due[0][0] <= self._outbox.now_ns and done < MEASURES_PER_TICK_MAX:
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
        key = (pair.story_id, pair.link.market_id)
        self._odds.sample(key[1])
        impact = measure(
            self._odds.history(key[1]),
            *key,
            pair.story_ns,
            self._outbox.now_ns,
            pair.link.direction,
            tuple(self._rivals(pair)),
            weight=_weight(pair.link, self._news.stories[pair.story_id]),
            deadline_ns=deadline(self._market_data.markets[key[1]]),
            peers=pair.peers,
            trades=self._odds.trades(key[1], pair.story_ns - GUARD * MINUTE),
        )
        impact = self.measured[key] = self._among_many(pair, impact)
        self._tell(pair, impact)
        self._next(pair, impact)
        return impact

    def _among_many(self, pair: Pair, impact: Impact) -> Impact:
        """The impact, with how likely it is to be one that chance gave."""
        key, now_ns = (impact.story_id, impact.condition_id), self._outbox.now_ns
        if impact.rank_p is not None and now_ns - pair.story_ns >= COUNTED_AFTER:
            self._many.note(key, pair.story_ns, impact.rank_p)
        if not impact.stood_out:
            return impact
        return msgspec.structs.replace(impact, chance=self._many.expected_false(key, now_ns))

    def _rivals(self, pair: Pair) -> Iterator[Rival]:
        """Other happenings on the same market, each once, by its first telling."""
        own = self._news.stories[pair.story_id].cluster_id
        clusters: dict[str, Rival] = {}
        for story in self._news.stories_on(pair.link.market_id):
            link = self._news.link(story.id, pair.link.market_id)
            if story.cluster_id != own and link is not None:
                weight = _weight(link, story)
                clusters[story.cluster_id] = Rival(story_time_ns(story), weight, story.id)
        yield from clusters.values()
        yield from self._scheduled(pair)

    def _scheduled(self, pair: Pair) -> Iterator[Rival]:
        """What the calendar has around the story's hour for this market."""
        first, last = pair.story_ns - HALF_HOUR, pair.story_ns + YOUNG
        for event in self._calendar:
            if first <= event.at_ns <= last:
                weight = self._news.touched_by(event.what).get(pair.link.market_id)
                if weight is not None:
                    yield Rival(event.at_ns, weight, event.what, scheduled=True)

    def _peers(self, story_id: str, condition_id: str) -> Iterator[OddsHistory]:
        """Odds of followed markets of the same kind that the story does not touch.

        Where too few are of the same family, those under one of the venue's tags join them.
        """
        market = self._market_data.markets[condition_id]
        touched = {link.market_id for link in self._news.links.get(story_id, ())}
        others = [
            other
            for other in map(self._market_data.markets.__getitem__, self._odds.followed)
            if other.condition_id not in touched and not _same_event(market, other)
        ]
        family = self._news.family(market.condition_id)
        kin = [m for m in others if family and self._news.family(m.condition_id) == family]
        if len(kin) < PEERS_MIN:
            kin = [m for m in others if m in kin or not {*market.tags}.isdisjoint(m.tags)]
        yield from self._odds.known(m.condition_id for m in kin)

    def _tell(self, pair: Pair, impact: Impact) -> None:
        shown = pair.shown
        if shown is not None and not _differs(shown, impact):
            return
        pair.shown = impact
        self._outbox.put(ImpactSeen(impact))
        fresh = impact.significant and not (shown is not None and shown.significant)
        if fresh and pair.link.tier is Tier.BEARS:
            self._alert(pair, impact)

    def _alert(self, pair: Pair, impact: Impact) -> None:
        points, market = impact.points or 0.0, self._market_data.markets[impact.condition_id]
        self._outbox.alert(
            "impact",
            f"impact:{pair.story_id}:{impact.condition_id}",
            f"{points:+.1f} points: {market.question}",
            f"{self._news.stories[pair.story_id].title} · {impact.reason}",
            pair.story_id,
            impact.condition_id,
        )

    def _next(self, pair: Pair, impact: Impact) -> None:
        age = self._outbox.now_ns - pair.story_ns
        if age >= PRECEDENT_AFTER and not pair.remembered:
            self._remember(pair, impact)
        if age >= self._watch_for:
            del self._pairs[pair.story_id, pair.link.market_id]
            return
        pause = MEASURE_EVERY_YOUNG if age < YOUNG else MEASURE_EVERY_OLD
        self._schedule(pair, self._outbox.now_ns + pause)

    def _remember(self, pair: Pair, impact: Impact) -> None:
        pair.remembered = True
        own = impact.verdict in (Verdict.CLEAR, Verdict.NOISE)
        if not own or impact.logit is None or not pair.link.direction or pair.link.alone:
            return  # what a judge alone saw teaches nothing: a headline may have misled it
        remembered = Remembered(
            self._outbox.now_ns,
            pair.story_id,
            impact.condition_id,
            pair.link.facet,
            self._news.family(impact.condition_id),
            impact.logit * pair.link.direction,
        )
        self.recall((remembered,))
        self._outbox.put(remembered)

    def recall(self, past: Iterable[Remembered]) -> None:
        """What like stories did, in this session or an earlier one."""
        for one in past:
            self.precedents.add(one.facet, one.family, one.logit)


def _weight(link: Link, story: Story) -> float:
    """How strong a story's claim to a move is, besides its time."""
    return link.relevance * story.novelty


def _same_event(market: Market, other: Market) -> bool:
    """Outcomes of one event move against each other by necessity."""
    if market.condition_id == other.condition_id:
        return True
    if market.event_id:
        return market.event_id == other.event_id
    return bool(market.event_title) and market.event_title == other.event_title


def _differs(shown: Impact, impact: Impact) -> bool:
    """Whether a trader would see a difference."""
    if shown.verdict is not impact.verdict or shown.lasting != impact.lasting:
        return True
    if shown.significant != impact.significant or shown.quote_move != impact.quote_move:
        return True
    before, now = shown.points, impact.points
    if before is None or now is None:
        return before is not now
    return abs(now - before) >= SHOWN_POINTS
