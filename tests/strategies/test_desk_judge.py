"""The desk and an outside judge: asked apart, answered later, never waited for."""

from collections.abc import Iterable

import msgspec
import pytest

from feeds.events import Judged, MarketSeen, Opinion, Tick
from feeds.markets import SECOND, SHARE, Side
from strategies.api import Context, Draft, Strategy, StrategyParams
from strategies.decisions import Alert, Consult, LinksFound, Mandate
from strategies.desk import Desk, DeskSettings
from strategies.desk.settings import Enrolled
from tests.strategies.kit import NOON, Session, WordLinker, books, encoded, market, story

NEWS = story(title="names a and b")


def session(floor: float | None = 0.5, *enrolled: Enrolled) -> Session:
    here = Session(Desk(DeskSettings(judge_floor=floor), enrolled, WordLinker(relevance=0.7)))
    here.feed(*(MarketSeen(NOON, market(name)) for name in ("a", "b")))
    return here


def answer(*opinions: Opinion, revision: int = 0, story_id: str = "story") -> Judged:
    return Judged(NOON + 10**9, story_id, revision, "tiny-1", opinions)


A_LESS = Opinion("a", 0.2, 1)
B_MORE = Opinion("b", 0.9, -1)


def test_without_a_judge_nobody_is_consulted() -> None:
    here = session(None)
    here.feed(NEWS)
    assert not here.of(Consult)
    assert here.feed(answer(A_LESS)) == []


def test_own_links_are_told_at_once_and_the_answer_reranks_them_later() -> None:
    here = session()
    decided = here.feed(NEWS)
    (found,) = [one for one in decided if isinstance(one, LinksFound)]
    assert [link.market_id for link in found.links] == ["a", "b"]
    assert not any(link.judge for link in found.links)
    (wanted,) = [one for one in decided if isinstance(one, Consult)]
    assert (wanted.story_id, wanted.revision, wanted.market_ids) == ("story", 0, ("a", "b"))
    (told,) = [one for one in here.feed(answer(A_LESS, B_MORE)) if isinstance(one, LinksFound)]
    assert [(x.market_id, x.judge, x.direction) for x in told.links] == [("b", "tiny-1", 0)]
    assert here.desk.links["story"] == told.links
    assert not here.desk.stories_on("a")
    assert [one.id for one in here.desk.stories_on("b")] == ["story"]


def test_the_same_answer_again_decides_nothing_new() -> None:
    here = session()
    here.feed(NEWS, answer(A_LESS, B_MORE))
    assert here.feed(answer(A_LESS, B_MORE)) == []


@pytest.mark.parametrize(
    "late",
    [answer(A_LESS, story_id="unheard"), answer(A_LESS, revision=1), answer(Opinion("z", 1, 1))],
)
def test_an_answer_to_what_was_not_asked_changes_nothing(late: Judged) -> None:
    here = session()
    here.feed(NEWS)
    before = here.desk.links["story"]
    assert here.feed(late) == []
    assert here.desk.links["story"] == before


def test_an_edit_is_judged_anew_and_the_answer_to_the_first_telling_comes_too_late() -> None:
    here = session()
    here.feed(NEWS)
    edited = msgspec.structs.replace(NEWS, title="names b alone", revision=1)
    assert any(isinstance(one, Consult) for one in here.feed(edited))
    assert here.feed(answer(B_MORE)) == []
    here.feed(answer(B_MORE, revision=1))
    assert [link.judge for link in here.desk.links["story"]] == ["tiny-1"]


def test_what_the_judge_said_decides_the_same_when_it_is_played_again() -> None:
    first, second = session(), session()
    for here in (first, second):
        here.feed(NEWS, answer(A_LESS, B_MORE))
    assert encoded(first.decisions) == encoded(second.decisions)
    assert len(first.of(LinksFound)) == 2


class Mover(Strategy):
    """Drafts a trade on the story whenever odds move."""

    name = "mover"
    summary = "for tests"

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        yield Draft(
            condition_id=condition_id,
            asset_id=f"{condition_id}-yes",
            side=Side.BUY,
            limit=5_000,
            size=100 * SHARE,
            edge=1.5,
            reason="because " * 100,
            story_id="story",
        )


@pytest.mark.parametrize("judged", [True, False])
def test_an_alert_says_that_a_judge_had_a_say_in_its_link(judged: bool) -> None:
    here = session(0.5, Enrolled(Mover(StrategyParams()), Mandate.ALERT))
    here.feed(NEWS, *books("b", 4_800, 5_000))
    if judged:
        here.feed(answer(B_MORE))
    here.feed(Tick(NOON + 2 * SECOND))
    (alert,) = here.of(Alert)
    assert alert.body.endswith("(link judged by tiny-1)") == judged
