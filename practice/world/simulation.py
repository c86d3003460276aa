"""The living world: markets, traders and stories on one line of time.

Discrete events on a heap. What happens depends on the seed, the catalogue, the stories and world
time alone: stepping by a second or by an hour gives the same world.
"""

import heapq
import math
import random
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from practice.clock import DAY, HOUR, MINUTE, SECOND
from practice.exchange.book import Market
from practice.exchange.matching import FINE_ABOVE, FINE_BELOW, FINE_TICK, Exchange
from practice.exchange.orders import NO, PRICE_ONE, VOID, YES, Change, Report, TickChange, Trade
from practice.world.agents import (
    DIFFUSION,
    RECENTRE,
    Act,
    MarketLife,
    logit,
    open_purses,
    sigmoid,
    tops,
)
from practice.world.catalogue import Catalogue, EventSpec, MarketSpec
from practice.world.stories import StorySpec

PAST_MINUTES = 25 * 60
"""Every market has prices for this long before the world starts."""
TOLD_MAX = 5_000
"""Stories whose effects the world can still tell."""
PATH_MINUTES_MAX = 7 * 24 * 60
RESOLVE_NS = 2 * HOUR
"""A closed market's outcome is known after this long, or up to twice as long."""
REBATE_E6 = 250_000
"""What makers are paid back of the fees of their markets, in millionths; once a day (UTC)."""
TREND_MINUTES = 30
"""How long the invented past leans one way."""
PAST_FLOW = 0.002
"""What trades alone moved quotes by, in logits a past minute of a busy market."""
INSIDE_SPREAD = 0.15
"""Share of past minutes in which somebody of the crowd stood inside the makers' spread."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One action in one market: what the book and the tape show of it. Bests in YES terms.

    ``ended`` says that trading stopped by it, or that the outcome is known.
    """

    at_ns: int
    market: str
    changes: tuple[Change, ...]
    trades: tuple[Trade, ...]
    best_bid: int | None
    best_ask: int | None
    tick: TickChange | None
    ended: Literal["", "closed", "resolved"] = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A story appears in its source's feed."""

    at_ns: int
    story: StorySpec


Happening = Moved | Published
_Step = Callable[[int], "Happening | None"]


class Path:
    """One number a world minute, oldest forgotten past a bound."""

    def __init__(self, first: float) -> None:
        self.skipped = 0
        self.values = array("d", [first])

    def add(self, value: float) -> None:
        self.values.append(value)
        if len(self.values) > 2 * PATH_MINUTES_MAX:
            self.skipped += PATH_MINUTES_MAX
            del self.values[:PATH_MINUTES_MAX]


class World:
    """All markets alive. ``run`` goes on to a moment, happening by happening."""

    def __init__(
        self, seed: int, catalogue: Catalogue, stories: Iterable[StorySpec], anchor_ns: int
    ) -> None:
        self.seed = seed
        self.catalogue = catalogue
        self.anchor_ns = anchor_ns
        self.now_ns = anchor_ns
        self.exchange = Exchange()
        self.told: deque[Published] = deque(maxlen=TOLD_MAX)
        self._stories = iter(stories)
        self._numbers = count()
        self._heap: list[tuple[int, int, _Step]] = []
        self._past: dict[str, list[float]] = {}
        self.ended_ns: dict[str, int] = {}
        """When each market that is no longer open stopped trading."""
        self._chosen: dict[str, str] = {}  # event -> the outcome that will have come true
        open_purses(self.exchange)
        self.lives = {spec.slug: self._open(spec) for spec in catalogue.markets}
        self.mids = {slug: Path(_mid(life, None)) for slug, life in self.lives.items()}
        self.truths = {slug: Path(sigmoid(life.truth)) for slug, life in self.lives.items()}
        self.minutes = 1  # on each path, those already forgotten included
        self._without_past = iter(tuple(self.lives))  # a market may be listed meanwhile
        self._after(MINUTE, self._minute)
        self._at((self.now_ns // DAY + 1) * DAY, self._day_over)
        self._next_story()

    def _open(self, spec: MarketSpec) -> MarketLife:
        tick = spec.tick
        if not FINE_BELOW <= spec.start_probability * PRICE_ONE <= FINE_ABOVE:
            tick = min(tick, FINE_TICK)
        rebate_e6 = REBATE_E6 if spec.fee_rate_e6 else 0
        self.exchange.add_market(
            Market(spec.slug, tick, fee_rate_e6=spec.fee_rate_e6, rebate_e6=rebate_e6)
        )
        life = MarketLife(self.seed, spec, self.exchange, self.now_ns)
        life.open()
        self._at(life.next_pulse(self.now_ns), self._pulse(life))
        self._at(self.end_ns(spec), self._end(spec))
        return life

    def list_market(self, event: EventSpec, spec: MarketSpec) -> None:
        """A market that was not there before; its traders stand ready at once.

        Its price paths begin where it begins, as far as anybody looks further back.
        """
        assert spec.slug not in self.lives, f"market {spec.slug} is there twice"
        known = self.catalogue
        self.catalogue = Catalogue((*known.events, event), (*known.markets, spec))
        skipped = next(iter(self.mids.values())).skipped
        life = self.lives[spec.slug] = self._open(spec)
        for paths, first in ((self.mids, _mid(life, None)), (self.truths, sigmoid(life.truth))):
            path = paths[spec.slug] = Path(first)
            path.skipped = skipped
            path.values = array("d", [first] * (self.minutes - skipped))

    # -- time ------------------------------------------------------------------------------------

    def run(self, to_ns: int) -> Iterator[Happening]:
        """What happens up to and including ``to_ns``, in order.

        The exchange stands at the moment of each happening while that one is handed out.
        """
        while self._heap and self._heap[0][0] <= to_ns:
            at_ns, _, step = heapq.heappop(self._heap)
            self.now_ns = at_ns
            happening = step(at_ns)
            if happening is not None:
                yield happening
        self.now_ns = max(self.now_ns, to_ns)

    def advance(self, to_ns: int) -> list[Happening]:
        return list(self.run(to_ns))

    def _at(self, at_ns: int, step: _Step) -> None:
        heapq.heappush(self._heap, (at_ns, next(self._numbers), step))

    def _after(self, delay_ns: int, step: _Step) -> None:
        self._at(self.now_ns + delay_ns, step)

    # -- steps -----------------------------------------------------------------------------------

    def _pulse(self, life: MarketLife) -> _Step:
        def step(now_ns: int) -> Happening | None:
            if life.market.state != "open":
                return None  # and never again
            act = life.pulse(now_ns)
            self._at(life.next_pulse(now_ns), step)
            return _moved(now_ns, life.market, act)

        return step

    def stir(self, slug: str) -> Moved | None:
        """One more ordinary action in an open market, now."""
        life = self.lives[slug]
        return _moved(self.now_ns, life.market, life.pulse(self.now_ns))

    def _inform(self, life: MarketLife) -> _Step:
        def step(now_ns: int) -> Happening | None:
            if life.market.state != "open":
                return None
            return _moved(now_ns, life.market, life.inform())

        return step

    def _minute(self, now_ns: int) -> None:
        for slug, life in self.lives.items():
            life.wander()
            self.mids[slug].add(_mid(life, self.mids[slug].values[-1]))
            self.truths[slug].add(sigmoid(life.truth))
        self.minutes += 1
        self._at(now_ns + MINUTE, self._minute)

    def _day_over(self, now_ns: int) -> None:
        """Makers are paid their part of the day's fees."""
        for slug, market in self.exchange.markets.items():
            if market.earned:
                self.exchange.pay_rebates(slug)
        self._at(now_ns + DAY, self._day_over)

    def _next_story(self) -> None:
        story = next(self._stories, None)
        if story is None:
            return
        unknown = [slug for slug, _ in story.effects if slug not in self.lives]
        if unknown:
            raise ValueError(f"story {story.id} moves {unknown[0]!r}, which is no market")
        at_ns = max(self.now_ns, self.anchor_ns + int(story.at_s * SECOND))
        self._at(at_ns, lambda now_ns: self._tell(story, now_ns))

    def _tell(self, story: StorySpec, now_ns: int) -> Published:
        published = Published(now_ns, story)
        self.told.append(published)
        for slug, move in story.effects:
            life = self.lives[slug]
            for at_ns in life.jolt(move, now_ns):
                self._at(at_ns, self._inform(life))
            for maker, at_ns in zip(life.makers, life.news_times(now_ns), strict=True):
                self._at(at_ns, maker.read_news)
        self._next_story()
        return published

    # -- the ends of markets ----------------------------------------------------------------------

    def end_ns(self, spec: MarketSpec) -> int:
        """When a market closes by itself: a minute before its last day (UTC) is over."""
        return (self.anchor_ns // DAY + spec.end_days + 1) * DAY - MINUTE

    def _end(self, spec: MarketSpec) -> _Step:
        """Trading stops; some time later the outcome is known."""

        def step(now_ns: int) -> Happening | None:
            if self.exchange.markets[spec.slug].state != "open":
                return None
            chance = random.Random(f"{self.seed} {spec.slug} verdict")
            self._after(RESOLVE_NS + chance.randrange(RESOLVE_NS), self._verdict(spec))
            return self.close(spec.slug)

        return step

    def _verdict(self, spec: MarketSpec) -> _Step:
        def step(now_ns: int) -> Happening | None:
            if self.exchange.markets[spec.slug].state == "resolved":
                return None
            return self.resolve(spec.slug, self.outcome(spec))

        return step

    def close(self, slug: str) -> Moved:
        """Stop trading in a market; every resting order leaves its book."""
        return self._ended(self.exchange.close(slug), "closed")

    def resolve(self, slug: str, winner: int) -> Moved:
        """Close a market, if it isn't, and pay the winning shares out."""
        return self._ended(self.exchange.resolve(slug, winner), "resolved")

    def retick(self, slug: str, tick: int) -> Moved | None:
        """Another price grid from now on; None when it is that already."""
        change = self.exchange.set_tick(slug, tick)
        market = self.exchange.markets[slug]
        bests = market.bids.best(), market.asks.best()
        return Moved(self.now_ns, slug, (), (), *bests, change) if change else None

    def _ended(self, report: Report, ended: Literal["closed", "resolved"]) -> Moved:
        self.ended_ns.setdefault(report.market, self.now_ns)
        return Moved(self.now_ns, report.market, report.changes, (), None, None, None, ended)

    def outcome(self, spec: MarketSpec) -> int:
        """How a market ends by the hidden odds: one draw an event, so that siblings agree.

        Of outcomes that exclude each other one comes true. On a ladder of dates a likelier rung
        never fails where a less likely one holds.
        """
        draw = random.Random(f"{self.seed} {spec.event} outcome").random()
        if not self._exclusive(spec.event):
            return YES if draw < sigmoid(self.lives[spec.slug].truth) else NO
        family = [life for life in self.lives.values() if life.spec.event == spec.event]
        siblings = [life for life in family if life.market.winner not in {NO, VOID}]
        won = [life for life in siblings if life.market.winner == YES]
        if not won and spec.event not in self._chosen:
            odds = [sigmoid(life.truth) for life in siblings]
            first = random.Random(f"{self.seed} {spec.event} outcome").choices(siblings, odds)[0]
            self._chosen[spec.event] = first.spec.slug
        chosen = won[0].spec.slug if won else self._chosen[spec.event]
        return YES if spec.slug == chosen else NO

    def _exclusive(self, event: str) -> bool:
        return any(spec.slug == event and spec.neg_risk for spec in self.catalogue.events)

    # -- the past, and what was true ---------------------------------------------------------------

    def prices(self, slug: str, from_ns: int, to_ns: int) -> list[tuple[int, float]]:
        """(Unix second, midpoint of YES) for each world minute from ``from_ns`` to ``to_ns``."""
        past = self._past.get(slug)
        if past is None:
            past = self._past[slug] = self._imagine_past(slug)
        path = self.mids[slug]
        first_ns = self.anchor_ns - len(past) * MINUTE
        low = max(0, -(-(from_ns - first_ns) // MINUTE))
        high = (to_ns - first_ns) // MINUTE + 1
        gone = len(past) + path.skipped  # where what the world has seen begins
        kept = list(enumerate(past[low:high], low))
        seen = path.values[max(0, low - gone) : max(0, high - gone)]
        kept.extend(enumerate(seen, max(low, gone)))
        return [((first_ns + i * MINUTE) // SECOND, mid / (2 * PRICE_ONE)) for i, mid in kept]

    def remember_one(self) -> None:
        """Make one market's past before somebody asks, so that nobody waits for all of them."""
        slug = next(self._without_past, None)
        if slug is not None:
            self.prices(slug, self.anchor_ns, self.anchor_ns)

    def _imagine_past(self, slug: str) -> list[float]:
        """Twice the midpoint, minute by minute before the start: a walk back from the first."""
        life = self.lives[slug]
        chance = random.Random(f"{self.seed} {slug} past")
        tick = life.spec.tick
        belief = logit(life.spec.start_probability)
        busy = min(1.0, life.pace)
        flow, inside = PAST_FLOW * busy, INSIDE_SPREAD * busy
        trend = moved = slack = 0.0
        mid = _quoted_mid(life, belief)
        mids: list[float] = []
        for minute in range(PAST_MINUTES):
            if minute % TREND_MINUTES == 0:
                trend = chance.gauss(0.0, DIFFUSION) / math.sqrt(TREND_MINUTES)
            moved += trend + chance.gauss(0.0, flow)
            if abs(moved) > slack:
                belief += moved
                moved, mid = 0.0, _quoted_mid(life, belief)
                slack = _slack(life, belief)
            lean = chance.random()
            if lean < inside:
                mids.append(mid + (tick if 2 * lean < inside else -tick))
            else:
                mids.append(mid)
        mids.reverse()
        return mids

    def truth(self) -> dict[str, object]:
        """What only the world knows: each story's effects and every market's true odds."""
        return {
            "seed": self.seed,
            "anchor_ns": self.anchor_ns,
            "now_ns": self.now_ns,
            "stories": [story_truth(published) for published in self.told],
            "step_s": 60,
            "markets": {
                slug: {
                    "from_ns": self.anchor_ns + path.skipped * MINUTE,
                    "p": [round(p, 5) for p in path.values],
                    "winner": self.exchange.markets[slug].winner,
                }
                for slug, path in self.truths.items()
            },
        }


def story_truth(published: Published) -> dict[str, object]:
    """One story as the truth file keeps it: effects are moves of the true odds in logits."""
    story = published.story
    return {
        "id": story.id,
        "telling_of": story.telling_of,
        "kind": story.kind,
        "source": story.source,
        "title": story.title,
        "at_ns": published.at_ns,
        "effects": dict(story.effects),
    }


def _moved(now_ns: int, market: Market, act: Act) -> Moved | None:
    if not act.changes and act.tick is None:
        return None
    return Moved(
        now_ns,
        market.id,
        tuple(act.changes.values()),
        tuple(act.trades),
        market.bids.best(),
        market.asks.best(),
        act.tick,
    )


def _quoted_mid(life: MarketLife, belief: float) -> int:
    """Twice the midpoint of makers who believe this, on the market's first grid."""
    tick, p = life.spec.tick, sigmoid(belief)
    bid, ask = tops(p * PRICE_ONE, life.character.half_at(p, tick), tick)
    return max(bid, 0) + min(ask, PRICE_ONE)


def _slack(life: MarketLife, belief: float) -> float:
    """How far, in logits, the belief may wander before the quotes follow."""
    tick, p = life.spec.tick, sigmoid(belief)
    distance = max(RECENTRE * tick, 0.25 * life.character.half_at(p, tick))
    return distance / PRICE_ONE / (p * (1.0 - p))


def _mid(life: MarketLife, before: float | None) -> int:
    twice = life.market.midpoint_twice()
    if twice is not None:
        return twice
    return round(2 * PRICE_ONE * sigmoid(life.truth)) if before is None else int(before)
