"""Stories of the session and the markets they touch."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from feeds.events import Judged, Near, Story
from feeds.markets import SECOND, Market, MarketState, Nanos
from strategies.decisions import Link, Put
from strategies.linking import Candidate, LinkableMarket, linkable
from strategies.linking.rerank import rejudged

STORIES_MAX = 2_000
LINKS_MAX = 64
"""Links kept a story, the best ones."""
STORIES_ON_MARKET_MAX = 50
UNRELATED_MAX = 2_000
"""Pairs of a story and an event that a person has parted; the oldest are forgotten."""
FRESH_FOR: Nanos = 4 * 3_600 * SECOND
"""How long a story keeps its markets followed."""
HALF_LIFE: Nanos = 3_600 * SECOND
"""A story's pull on what is followed halves in this time."""


def began_ns(story: Story) -> Nanos:
    """The earlier of a story's own stamp and our first sight: how old it really is."""
    if story.published_ns is None:
        return story.first_seen_ns
    return min(story.first_seen_ns, story.published_ns)


def _fresh(story: Story, now_ns: Nanos) -> bool:
    return now_ns - began_ns(story) <= FRESH_FOR


class StoryLinker(Protocol):
    """Which markets does a story touch?"""

    def add(self, market: LinkableMarket) -> None: ...

    def remove(self, market_id: str) -> None: ...

    def family(self, market_id: str) -> str: ...

    def link(
        self, title: str, summary: str, published_ns: Nanos | None, near: Iterable[Near] = ()
    ) -> tuple[Link, ...]: ...

    def candidates(
        self, title: str, summary: str, published_ns: Nanos | None, near: Iterable[Near] = ()
    ) -> tuple[Candidate, ...]: ...

    def likely(self, title: str, summary: str, published_ns: Nanos | None) -> tuple[str, ...]: ...


class _Asked(NamedTuple):
    """What a judge was asked about a story, and the links that it has without the answer."""

    own: tuple[Link, ...]
    candidates: tuple[Candidate, ...]


class News:
    """Stories by id, newest last, with their links both ways."""

    def __init__(
        self, linker: StoryLinker | None, relevance_min: float, judge_floor: float | None = None
    ) -> None:
        self.stories: dict[str, Story] = {}
        self.links: dict[str, tuple[Link, ...]] = {}
        self.on_market: dict[str, deque[str]] = {}
        self._linker, self._relevance_min = linker, relevance_min
        self._judge_floor = judge_floor
        self._asked: dict[str, _Asked] = {}
        self._taken: dict[str, dict[str, str]] = {}
        self._near: dict[str, tuple[Near, ...]] = {}
        self._indexed: dict[str, LinkableMarket] = {}
        self._touched: dict[str, dict[str, float]] = {}
        self._unrelated: dict[tuple[str, str], None] = {}

    # -- markets ---------------------------------------------------------------------------

    def index(self, market: Market) -> None:
        """Let the linker know a market, or forget it when it is over."""
        if self._linker is None:
            return
        if market.state in (MarketState.CLOSED, MarketState.RESOLVED):
            if self._indexed.pop(market.condition_id, None) is not None:
                self._touched.clear()
                self._linker.remove(market.condition_id)
            return
        words = linkable(market)
        if self._indexed.get(market.condition_id) == words:
            return
        if market.condition_id in self._indexed:
            self._linker.remove(market.condition_id)
        self._indexed[market.condition_id] = words
        self._touched.clear()
        self._linker.add(words)

    # -- stories ---------------------------------------------------------------------------

    def hear(self, story: Story) -> bool:
        """Take a story or an edit of one, to be settled; False for a repeat."""
        known = self.stories.get(story.id)
        if known is not None and story.revision <= known.revision:
            return False
        self.stories[story.id] = story
        for kept in (self._asked, self._taken, self._near):
            kept.pop(story.id, None)
        return True

    def settle(self, story: Story, near: tuple[Near, ...] = ()) -> tuple[Link, ...]:
        """Link a story that was heard; ``near`` is what it means, where the models have spoken."""
        if near:
            self._near[story.id] = near
        links: tuple[Link, ...] = ()
        if self._linker is not None:
            links = self._kept(story, self._linker.link(*_words(story), near))
        self._relink(story.id, links)
        return links

    def likely(self, story: Story) -> tuple[str, ...]:
        """The markets of which it matters how near the story is, likeliest first."""
        return self._linker.likely(*_words(story)) if self._linker is not None else ()

    def _relink(self, story_id: str, links: tuple[Link, ...]) -> None:
        self._unlink(story_id)
        self.links[story_id] = links
        for link in links:
            ring = self.on_market.setdefault(link.market_id, deque(maxlen=STORIES_ON_MARKET_MAX))
            ring.append(story_id)

    def _kept(self, story: Story, found: tuple[Link, ...]) -> tuple[Link, ...]:
        return tuple(
            link
            for link in found
            if link.relevance >= self._relevance_min
            and (story.cluster_id, self.event_of(link.market_id)) not in self._unrelated
        )[:LINKS_MAX]

    # -- a person's word -------------------------------------------------------------------

    def unrelate(self, story: Story, condition_id: str, on: bool) -> list[Story]:
        """Link a story to no market of this one's event any more, or again; its tellings.

        They are to be settled anew.
        """
        pair = (story.cluster_id, self.event_of(condition_id))
        if on:
            if len(self._unrelated) >= UNRELATED_MAX:
                del self._unrelated[next(iter(self._unrelated))]
            self._unrelated[pair] = None
        else:
            self._unrelated.pop(pair, None)
        return [told for told in self.stories.values() if told.cluster_id == story.cluster_id]

    def near(self, story_id: str) -> tuple[Near, ...]:
        """What the models said of a story; empty where they have not."""
        return self._near.get(story_id, ())

    def part(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Pairs of a cluster and an event that were parted in earlier sessions."""
        self._unrelated.update(dict.fromkeys(pairs))

    def event_of(self, condition_id: str) -> str:
        """What makes markets one: their event, or the market alone."""
        known = self._indexed.get(condition_id)
        return known.event if known is not None and known.event else condition_id

    # -- a judge outside -------------------------------------------------------------------

    def to_judge(self, story: Story) -> tuple[Put, ...]:
        """The questions that a judge may be asked about a story; none without a judge."""
        if self._linker is None or self._judge_floor is None:
            return ()
        near = self._near.get(story.id, ())
        candidates = self._linker.candidates(*_words(story), near)
        if candidates:
            self._asked[story.id] = _Asked(self.links[story.id], candidates)
        return tuple(
            Put(tuple(market.id for market in one.markets), len(one.links) - len(one.markets))
            for one in candidates
        )

    def judged(self, said: Judged) -> tuple[Link, ...] | None:
        """The story's links as the judge's answer has them; None for one nobody waits for."""
        story, asked = self.stories.get(said.story_id), self._asked.get(said.story_id)
        if story is None or asked is None or story.revision != said.revision:
            return None
        assert self._judge_floor is not None, "asked without a judge"
        found = rejudged(asked.own, asked.candidates, said, self._judge_floor)
        # a market may have closed since the question
        still = tuple(link for link in found if link.market_id in self._indexed)
        links = self._kept(story, still)
        kept = {link.market_id for link in links}
        self._taken[story.id] = {
            link.market_id: said.judge for link in asked.own if link.market_id not in kept
        }
        self._relink(story.id, links)
        return links

    def judge_alone(self, story_id: str, condition_id: str, now_ns: Nanos) -> str:
        """The judge on whose word alone a trade would rest, or "".

        That of a link which the linker does not share. A trade that names no story of its market
        may rest on any fresh one: on such a link, or on one of the linker's that a judge took away.
        """
        link = self.link(story_id, condition_id)
        if link is not None:
            return link.judge if link.alone else ""
        for id, taken in self._taken.items():
            if condition_id in taken and _fresh(self.stories[id], now_ns):
                return taken[condition_id]
        for story in self.stories_on(condition_id):
            link = self.link(story.id, condition_id)
            if link is not None and link.alone and _fresh(story, now_ns):
                return link.judge
        return ""

    def make_room(self) -> str | None:
        """Forget the oldest story when another would be one too many; its id."""
        if len(self.stories) < STORIES_MAX:
            return None
        oldest = next(iter(self.stories))
        self._unlink(oldest)
        self.links.pop(oldest, None)
        self._asked.pop(oldest, None)
        self._taken.pop(oldest, None)
        self._near.pop(oldest, None)
        del self.stories[oldest]
        return oldest

    def _unlink(self, story_id: str) -> None:
        for link in self.links.get(story_id, ()):
            ring = self.on_market.get(link.market_id)
            if ring is not None and story_id in ring:
                ring.remove(story_id)

    def touched_by(self, words: str) -> dict[str, float]:
        """The markets that something scheduled would touch, with its relevance to each."""
        known = self._touched.get(words)
        if known is None:
            found = self._linker.link(words, "", None) if self._linker is not None else ()
            known = self._touched[words] = {link.market_id: link.relevance for link in found}
        return known

    def family(self, condition_id: str) -> str:
        """The kind of question a market asks, or ""."""
        return self._linker.family(condition_id) if self._linker is not None else ""

    def link(self, story_id: str, condition_id: str) -> Link | None:
        """How a story touches a market, if it does."""
        links = self.links.get(story_id, ())
        return next((link for link in links if link.market_id == condition_id), None)

    def stories_on(self, condition_id: str) -> list[Story]:
        """Stories linked to a market, newest first."""
        ring = self.on_market.get(condition_id, ())
        return [self.stories[story_id] for story_id in reversed(ring)]

    def pull(self, now_ns: Nanos) -> dict[str, float]:
        """How strongly recent stories ask for each market: relevance, fading with age."""
        pull: dict[str, float] = {}
        for story in self.stories.values():
            links = self.links.get(story.id)
            if not links or not _fresh(story, now_ns):
                continue
            age = now_ns - began_ns(story)
            weight = 0.5 ** (age / HALF_LIFE) * (0.5 + 0.5 * story.novelty)
            for link in links:
                strength = link.relevance * weight
                pull[link.market_id] = max(pull.get(link.market_id, 0.0), strength)
        return pull


def _words(story: Story) -> tuple[str, str, Nanos | None]:
    """What a linker reads of a story."""
    return story.title, story.summary, story.published_ns
