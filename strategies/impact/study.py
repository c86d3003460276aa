"""Impact over a recording of quotes: every pair of story and market, measured as the desk would.

For what others recorded: best quotes polled now and then, and headlines with their times. A desk
needs books and ticks of a clock; a recording of quotes has neither.
"""

import heapq
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from feeds.events import BestQuote, Event, Story
from feeds.markets import MINUTE, ONE, Market, Nanos
from strategies.decisions import Impact, Verdict
from strategies.impact.credit import Rival
from strategies.impact.deadline import deadline
from strategies.impact.many import DAY, ManyPairs
from strategies.impact.measure import measure
from strategies.impact.odds import OddsHistory
from strategies.impact.peers import PEERS_MIN, Peers
from strategies.impact.window import RUNNING_MAX, WATCH_MAX, story_time
from strategies.linking import Linker

HELD_MAX = 4
"""Minutes for which a polled quote stands: two polls of a recorder that looks every two minutes."""


class Case(msgspec.Struct, frozen=True):
    """One story on one market; ``weight`` is relevance times novelty."""

    story_id: str
    condition_id: str
    story_ns: Nanos
    direction: int = 0
    weight: float = 1.0
    cluster_id: str = ""


class Study:
    """Odds of many markets from their quotes, and what each case did to them."""

    def __init__(self, markets: Iterable[Market], families: dict[str, str]) -> None:
        self.markets = {market.yes.asset_id: market for market in markets}
        self.histories: dict[str, OddsHistory] = {}
        self._families = families
        self._by_id = {market.condition_id: market for market in self.markets.values()}
        self._deadlines = {name: deadline(market) for name, market in self._by_id.items()}
        self._held: dict[str, tuple[Nanos, BestQuote]] = {}
        self._rivals: dict[str, list[Case]] = {}
        self._touched: dict[str, set[str]] = {}

    def run(
        self, events: Iterable[Event], cases: Sequence[Case], background: Sequence[Case] = ()
    ) -> list[Impact]:
        """The verdict on each case an hour after its story, in the order of the cases.

        Events come in order of time; all but best quotes are passed over. What became of a move is
        looked up four hours after the story. ``background`` are stories that are not measured but
        may explain a move. Cases of one cluster are tellings of one happening, and no rivals.
        """
        for case in [*cases, *background]:
            self._rivals.setdefault(case.condition_id, []).append(case)
            self._touched.setdefault(case.story_id, set()).add(case.condition_id)
        found: dict[int, Impact] = {}
        due = [(c.story_ns + RUNNING_MAX * MINUTE, number) for number, c in enumerate(cases)]
        heapq.heapify(due)
        for event in events:
            if isinstance(event, BestQuote):
                while due and due[0][0] < event.at_ns:
                    self._look(due, cases, found)
                self._hear(event)
        while due:
            self._look(due, cases, found)
        return _among_many([found[number] for number in range(len(cases))], cases)

    # -- odds --------------------------------------------------------------------------------

    def _hear(self, quote: BestQuote) -> None:
        self._hold(quote.asset_id, quote.at_ns)
        self._held[quote.asset_id] = (quote.at_ns, quote)
        self._observe(quote.at_ns, quote)

    def _hold(self, asset_id: str, now_ns: Nanos) -> None:
        """The last quote stands until the next, for a few minutes at most."""
        if asset_id not in self._held:
            return
        since_ns, quote = self._held[asset_id]
        for minute in range(1, HELD_MAX):
            if since_ns + minute * MINUTE >= now_ns:
                break
            self._observe(since_ns + minute * MINUTE, quote)

    def _observe(self, at_ns: Nanos, quote: BestQuote) -> None:
        market = self.markets.get(quote.asset_id)
        if market is None:
            return
        history = self.histories.setdefault(market.condition_id, OddsHistory())
        bid, ask = quote.best_bid, quote.best_ask
        if 0 < bid < ask < ONE:
            history.observe(at_ns, (bid + ask) / 2 / ONE, (ask - bid) / 2 / ONE, market.tick_size)
        else:
            history.observe(at_ns, None, 0.0, market.tick_size)

    # -- cases -------------------------------------------------------------------------------

    def _look(
        self, due: list[tuple[Nanos, int]], cases: Sequence[Case], found: dict[int, Impact]
    ) -> None:
        now_ns, number = heapq.heappop(due)
        impact = self._measure(cases[number], now_ns)
        if number in found:
            found[number] = replace(
                found[number], persistence=impact.persistence, minutes=WATCH_MAX
            )
            return
        found[number] = impact
        if impact.stood_out:
            heapq.heappush(due, (cases[number].story_ns + WATCH_MAX * MINUTE, number))

    def _measure(self, case: Case, now_ns: Nanos) -> Impact:
        history = self.histories.get(case.condition_id)
        if history is None:
            reason = "no odds were seen before the story"
            return Impact(case.story_id, case.condition_id, now_ns, Verdict.NOT_MEASURABLE, reason)
        return measure(
            history,
            case.story_id,
            case.condition_id,
            case.story_ns,
            now_ns,
            case.direction,
            self._others(case),
            weight=case.weight,
            deadline_ns=self._deadlines.get(case.condition_id),
            peers=Peers(partial(self._peers, case)),
        )

    def _others(self, case: Case) -> list[Rival]:
        return [
            Rival(other.story_ns, other.weight, other.story_id)
            for other in self._rivals[case.condition_id]
            if other.story_id != case.story_id
            and (not case.cluster_id or other.cluster_id != case.cluster_id)
            and abs(other.story_ns - case.story_ns) < 26 * 60 * MINUTE
        ]

    def _peers(self, case: Case) -> Iterable[OddsHistory]:
        own, touched = self._by_id[case.condition_id], self._touched[case.story_id]
        others = [
            market
            for market in self._by_id.values()
            if market.condition_id not in touched and market.event_id != own.event_id
        ]
        family = self._families.get(own.condition_id, "")
        kin = [m for m in others if family and self._families.get(m.condition_id) == family]
        if len(kin) < PEERS_MIN:
            kin = [m for m in others if m in kin or not {*own.tags}.isdisjoint(m.tags)]
        found = (self.histories.get(market.condition_id) for market in kin)
        return (history for history in found if history is not None)


def cases_of(stories: Iterable[Story], linker: Linker) -> list[Case]:
    """Every story with every market that it touches, by its own time where it has one."""
    return [
        Case(
            story.id,
            link.market_id,
            story_time(story),
            link.direction,
            link.relevance * story.novelty,
            story.cluster_id,
        )
        for story in stories
        for link in linker.link(story.title, story.summary, story.published_ns)
    ]


def _among_many(impacts: Sequence[Impact], cases: Sequence[Case]) -> list[Impact]:
    """With the share of chance among each move that stood out and its day's pairs as clear."""
    days: dict[Nanos, ManyPairs] = {}
    for number, (impact, case) in enumerate(zip(impacts, cases, strict=True)):
        if impact.rank_p is not None:
            day = days.setdefault(case.story_ns // DAY, ManyPairs())
            day.note((str(number), ""), case.story_ns, impact.rank_p)
    told = []
    for number, (impact, case) in enumerate(zip(impacts, cases, strict=True)):
        if impact.stood_out:
            day = days[case.story_ns // DAY]
            chance = day.expected_false((str(number), ""), case.story_ns)
            impact = replace(impact, chance=chance)
        told.append(impact)
    return told
