"""A story waits for what it means, and for no longer than it may."""

from collections.abc import Iterable

import pytest

from feeds.events import MarketSeen, Meant, Near, Tick
from feeds.markets import SECOND, Nanos
from strategies.decisions import Decision, Link, LinksFound, Ponder
from strategies.desk import Desk, DeskSettings
from tests.strategies.kit import NOON, Session, WordLinker, encoded, market, story

NEWS = story(title="names a")
NEAR_B = Near("b", 0.8, 0.7, 0.1)


class MeaningLinker(WordLinker):
    """Links by names, and to whatever the models call near."""

    def link(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Link, ...]:
        meant = tuple(Link(one.market_id, one.whole, 0, "near in meaning.") for one in near)
        return (*super().link(title, summary, published_ns), *meant)


def session(wait_ms: int = 1_000) -> Session:
    here = Session(Desk(DeskSettings(meaning_wait_ms=wait_ms), (), MeaningLinker(relevance=0.9)))
    here.feed(*(MarketSeen(NOON, market(name)) for name in ("a", "b")))
    return here


def linked(decisions: list[Decision]) -> list[list[str]]:
    """The markets of every statement of links, in order."""
    said = [decision for decision in decisions if isinstance(decision, LinksFound)]
    return [[link.market_id for link in one.links] for one in said]


def meant(at_s: float = 0.2, revision: int = 0) -> Meant:
    return Meant(NOON + int(at_s * SECOND), NEWS.id, revision, (NEAR_B,))


def test_a_story_is_pondered_first_and_linked_when_its_meaning_is_known() -> None:
    here = session()
    (pondered,) = [d for d in here.feed(NEWS) if isinstance(d, Ponder)]
    assert (pondered.story_id, pondered.market_ids) == (NEWS.id, ("a",))
    assert here.desk.news.links.get(NEWS.id) is None
    assert linked(here.feed(meant())) == [["a", "b"]]


def test_without_models_a_story_is_linked_at_once() -> None:
    here = session(wait_ms=0)
    decisions = here.feed(NEWS)
    assert not any(isinstance(decision, Ponder) for decision in decisions)
    assert linked(decisions) == [["a"]]


def test_a_story_waits_no_longer_than_it_may_and_late_meaning_links_it_again() -> None:
    here = session()
    here.feed(NEWS)
    assert linked(here.feed(Tick(NOON + SECOND - 1))) == []
    assert linked(here.feed(Tick(NOON + 2 * SECOND))) == [["a"]]
    assert linked(here.feed(meant(at_s=3))) == [["a", "b"]]
    assert linked(here.feed(Tick(NOON + 9 * SECOND))) == []


@pytest.mark.parametrize("late", [meant(revision=7), Meant(NOON, "unheard", 0, (NEAR_B,))])
def test_the_meaning_of_another_telling_changes_nothing(late: Meant) -> None:
    here = session()
    here.feed(NEWS)
    assert linked(here.feed(late)) == []
    assert linked(here.feed(Tick(NOON + 2 * SECOND))) == [["a"]]


def test_what_was_meant_decides_the_same_when_it_is_played_again() -> None:
    events = (NEWS, meant(), Tick(NOON + 2 * SECOND))
    first, again = session(), session()
    for event in events:
        first.feed(event)
        again.feed(event)
    assert encoded(first.decisions) == encoded(again.decisions)
