"""The desk and an outside judge: asked apart, answered later, never waited for."""

from collections.abc import Iterable

import msgspec
import pytest

from feeds.events import Fill, Grade, Judged, MarketResolved, MarketSeen, Near, Opinion, Story, Tick
from feeds.markets import SECOND, SHARE, Nanos, Side
from strategies.api import Context, Draft, Strategy, StrategyParams
from strategies.decisions import (
    Alert,
    Consult,
    LinksFound,
    Mandate,
    Place,
    Put,
    Remembered,
    Skipped,
    Suggested,
)
from strategies.desk import Desk, DeskSettings
from strategies.desk.news import FRESH_FOR
from strategies.desk.settings import Enrolled
from strategies.linking import Candidate
from tests.strategies.kit import (
    NOON,
    Session,
    WordLinker,
    at,
    books,
    encoded,
    market,
    opening,
    quotes,
    story,
    ticking,
)

NEWS = story(title="names a and b")


class WideLinker(WordLinker):
    """Links by names, and hides markets that the title calls near: "near-c" means c."""

    def candidates(
        self,
        title: str,
        summary: str = "",
        published_ns: Nanos | None = None,
        near: Iterable[Near] = (),
    ) -> tuple[Candidate, ...]:
        hidden = self.link(title.replace("near-", ""), summary, published_ns)
        shown = {link.market_id for link in self.link(title, summary, published_ns)}
        return tuple(
            Candidate((self.ids[link.market_id],), (link,), link.market_id in shown)
            for link in hidden
        )


def session(floor: float | None = 0.3, *enrolled: Enrolled, may_place: bool = False) -> Session:
    settings = DeskSettings(judge_floor=floor, judge_may_place=may_place)
    here = Session(Desk(settings, enrolled, WideLinker(relevance=0.7)))
    here.feed(*(MarketSeen(NOON, market(name)) for name in ("a", "b", "c")))
    return here


def answer(*opinions: Opinion, revision: int = 0, story_id: str = "story") -> Judged:
    return Judged(NOON + 10**9, story_id, revision, "tiny-1", opinions)


A_NONE = Opinion("a", Grade.NONE)
B_DOWN = Opinion("b", Grade.BEARS, -1)
B_UP = Opinion("b", Grade.BEARS, 1)


def test_without_a_judge_nobody_is_consulted() -> None:
    here = session(None)
    here.feed(NEWS)
    assert not here.of(Consult)
    assert here.feed(answer(A_NONE)) == []


def test_own_links_are_told_at_once_and_the_answer_reranks_them_later() -> None:
    here = session()
    decided = here.feed(NEWS)
    (found,) = [one for one in decided if isinstance(one, LinksFound)]
    assert [link.market_id for link in found.links] == ["a", "b"]
    assert not any(link.judge for link in found.links)
    (wanted,) = [one for one in decided if isinstance(one, Consult)]
    assert (wanted.story_id, wanted.revision) == ("story", 0)
    assert wanted.questions == (Put(("a",)), Put(("b",)))
    (told,) = [one for one in here.feed(answer(A_NONE, B_DOWN)) if isinstance(one, LinksFound)]
    assert [(x.market_id, x.judge, x.direction) for x in told.links] == [("b", "tiny-1", -1)]
    assert here.desk.news.links["story"] == told.links
    assert not here.desk.news.stories_on("a")
    assert [one.id for one in here.desk.news.stories_on("b")] == ["story"]


def test_the_same_answer_again_decides_nothing_new() -> None:
    here = session()
    here.feed(NEWS, answer(A_NONE, B_DOWN))
    assert here.feed(answer(A_NONE, B_DOWN)) == []


@pytest.mark.parametrize(
    "late",
    [
        answer(A_NONE, story_id="unheard"),
        answer(A_NONE, revision=1),
        answer(Opinion("z", Grade.BEARS, 1)),
    ],
)
def test_an_answer_to_what_was_not_asked_changes_nothing(late: Judged) -> None:
    here = session()
    here.feed(NEWS)
    before = here.desk.news.links["story"]
    assert here.feed(late) == []
    assert here.desk.news.links["story"] == before


def test_an_edit_is_judged_anew_and_the_answer_to_the_first_telling_comes_too_late() -> None:
    here = session()
    here.feed(NEWS)
    edited = msgspec.structs.replace(NEWS, title="names b alone", revision=1)
    assert any(isinstance(one, Consult) for one in here.feed(edited))
    assert here.feed(answer(B_DOWN)) == []
    here.feed(answer(B_DOWN, revision=1))
    assert [link.judge for link in here.desk.news.links["story"]] == ["tiny-1"]


def test_what_the_judge_said_decides_the_same_when_it_is_played_again() -> None:
    first, second = session(), session()
    for here in (first, second):
        here.feed(NEWS, answer(A_NONE, B_DOWN))
    assert encoded(first.decisions) == encoded(second.decisions)
    assert len(first.of(LinksFound)) == 2


def test_a_market_that_closed_since_it_was_asked_about_is_not_linked() -> None:
    here = session()
    here.feed(NEWS, MarketResolved(NOON + 1, "b", "b-yes"), answer(A_NONE, B_UP))
    assert here.desk.news.links["story"] == ()


class Mover(Strategy):
    """Drafts a purchase whenever odds move; the story it names may be none."""

    name = "mover"
    summary = "for tests"
    story_id = "story"
    side = Side.BUY

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        if self.side is Side.BUY or ctx.own(f"{condition_id}-yes"):
            yield Draft(
                condition_id=condition_id,
                asset_id=f"{condition_id}-yes",
                side=self.side,
                limit=5_000 if self.side is Side.BUY else 4_000,
                size=100 * SHARE,
                edge=1.5,
                reason="because " * 100,
                story_id=self.story_id,
            )


def mover(story_id: str = "story", mandate: Mandate = Mandate.PAPER) -> Enrolled:
    strategy = Mover(StrategyParams())
    strategy.story_id = story_id
    return Enrolled(strategy, mandate)


def moved(
    title: str,
    *opinions: Opinion,
    enrolled: Enrolled | None = None,
    may_place: bool = False,
    later: Nanos = 0,
) -> Session:
    """A story is told and judged, and then the odds of b move."""
    here = session(0.3, enrolled or mover(), may_place=may_place)
    here.feed(story(title=title), *books("b", 4_800, 5_000))
    if opinions:
        here.feed(answer(*opinions))
    here.feed(Tick(NOON + later + 2 * SECOND))
    return here


def test_what_linker_and_judge_both_see_may_be_placed_and_says_who_judged() -> None:
    here = moved("names b", B_UP)
    (placed,) = here.of(Place)
    assert placed.order.condition_id == "b"
    (suggested,) = here.of(Suggested)
    assert suggested.suggestion.reason.endswith("(link judged by tiny-1)")


ALONE = {
    "a link that the linker hides": ("names near-b", (B_UP,)),
    "the other direction": ("names b", (B_DOWN,)),
    "no direction": ("names b", (Opinion("b", Grade.BEARS, 0),)),
}


@pytest.mark.parametrize("kind", ALONE)
def test_what_rests_on_the_judge_alone_is_suggested_and_not_placed(kind: str) -> None:
    title, opinions = ALONE[kind]
    here = moved(title, *opinions)
    assert not here.of(Place)
    (suggested,) = here.of(Suggested)
    assert suggested.suggestion.mandate is Mandate.SUGGEST
    assert suggested.suggestion.reason.endswith("tiny-1 alone: suggested, not placed)")
    (skipped,) = here.of(Skipped)
    assert (skipped.gate, skipped.condition_id, skipped.story_id) == ("judge", "b", "story")
    assert "may_place under [judge]" in skipped.sentence
    assert any(alert.body.endswith("not placed)") for alert in here.of(Alert))


@pytest.mark.parametrize("kind", ALONE)
def test_a_setting_lets_the_judge_place_and_the_reason_still_says_whose_word_it_is(
    kind: str,
) -> None:
    title, opinions = ALONE[kind]
    here = moved(title, *opinions, may_place=True)
    assert len(here.of(Place)) == 1
    (suggested,) = here.of(Suggested)
    assert suggested.suggestion.reason.endswith("(rests on the judge tiny-1 alone)")
    assert not here.of(Skipped)


@pytest.mark.parametrize("mandate", [Mandate.ALERT, Mandate.SUGGEST])
def test_who_may_not_place_anyway_says_the_same_without_a_record_of_what_was_held_back(
    mandate: Mandate,
) -> None:
    here = moved("names near-b", B_UP, enrolled=mover(mandate=mandate))
    assert not here.of(Place)
    assert not here.of(Skipped)
    (alert,) = here.of(Alert)
    assert alert.body.endswith("(rests on the judge tiny-1 alone)")


@pytest.mark.parametrize("named", ["", "no such story"])
def test_a_purchase_that_names_no_story_rests_on_the_fresh_ones_of_its_market(named: str) -> None:
    assert not moved("names near-b", B_UP, enrolled=mover(named)).of(Place)
    assert moved("names b", B_UP, enrolled=mover(named)).of(Place)
    assert moved("names near-b", B_UP, enrolled=mover(named), later=FRESH_FOR).of(Place)


def test_taking_the_linkers_link_away_opens_no_way_to_an_order() -> None:
    assert not moved("names b", Opinion("b", Grade.NONE), enrolled=mover("")).of(Place)
    assert moved("names b", enrolled=mover("")).of(Place)


def test_a_way_out_that_names_no_story_does_not_wait_for_a_person() -> None:
    enrolled = mover("")
    here = session(0.3, enrolled)
    here.feed(story(title="names near-b"), *books("b", 4_800, 5_000))
    here.feed(Tick(NOON + 2 * SECOND), Tick(NOON + 4 * SECOND))
    assert [heard.side for heard in here.heard if isinstance(heard, Fill)] == [Side.BUY]
    here.feed(answer(B_UP))
    enrolled.strategy.side = Side.SELL  # type: ignore[attr-defined]
    here.feed(*books("b", 4_800, 5_000, at_ns=NOON + 400 * SECOND), Tick(NOON + 400 * SECOND))
    here.feed(Tick(NOON + 402 * SECOND))
    assert [placed.order.side for placed in here.of(Place)] == [Side.BUY, Side.SELL]


def test_an_edit_forgets_what_the_judge_took_away() -> None:
    here = session(0.3, mover(""))
    here.feed(story(title="names b"), *books("b", 4_800, 5_000), answer(Opinion("b", Grade.NONE)))
    edited: Story = story(title="names b again", revision=1)
    here.feed(edited, Tick(NOON + 2 * SECOND))
    assert here.of(Place)


def test_a_replay_of_what_was_held_back_decides_the_same() -> None:
    first, second = moved("names near-b", B_UP), moved("names near-b", B_UP)
    assert encoded(first.decisions) == encoded(second.decisions)


@pytest.mark.parametrize(("way", "remembered"), [(B_UP, 1), (B_DOWN, 0)])
def test_what_a_judge_alone_saw_becomes_no_precedent(way: Opinion, remembered: int) -> None:
    here = session()
    here.feed(*opening("b", 0.0, tick=10), story(title="names b"), answer(way))
    for tick in ticking(1, 60 * 32, 30):
        here.feed(*quotes("b", 0.9 if tick.at_ns >= at(120) else 0.0, tick.at_ns, 10), tick)
    assert len(here.of(Remembered)) == remembered
