"""The desk: events in, decisions out."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from feeds.events import (
    BookHealth,
    BookState,
    CancelRequest,
    Gap,
    KillSwitch,
    MarketResolved,
    MarketSeen,
    OddsPoint,
    OrderKind,
    OrderRequest,
    OrderState,
    OrderUpdate,
    Story,
    SuggestionReply,
    Tick,
    TickSizeChange,
)
from feeds.markets import DOLLAR, SHARE, MarketState, Side
from strategies.api import Context, Draft, Link, Strategy, StrategyParams
from strategies.decisions import (
    Alert,
    Answer,
    Cancel,
    CommandResult,
    Follow,
    ImpactSeen,
    LinksFound,
    Mandate,
    Parked,
    Place,
    Skipped,
    Suggested,
    SuggestionOver,
    Verdict,
)
from strategies.desk import Desk, DeskSettings, Enrolled
from strategies.portfolio import DAY
from tests.strategies.kit import (
    NOON,
    Session,
    WordLinker,
    at,
    books,
    change,
    fill,
    market,
    opening,
    printed,
    quotes,
    story,
    ticking,
)

BUY = OrderRequest(NOON, "c1", "m", "m-yes", Side.BUY, 5_000, 100 * SHARE, OrderKind.FAK)
REST = msgspec.structs.replace(BUY, price=4_500, kind=OrderKind.GTC)


def session(*strategies: Enrolled, linker: WordLinker | None = None, **settings: Any) -> Session:
    """A desk that knows market ``m``, quoted at 48 to 50 cents."""
    fields = {"session": "t", "follow_busiest": 0, **settings}
    made = Session(Desk(DeskSettings(**fields), strategies, linker or WordLinker()))
    made.feed(MarketSeen(NOON, market()), *books("m", 4_800, 5_000), Tick(NOON))
    return made


def only(kind: type, decisions: Sequence[Any]) -> Any:
    found = [decision for decision in decisions if isinstance(decision, kind)]
    assert len(found) == 1, f"{len(found)} of {kind.__name__} in {decisions}"
    return found[0]


class Scripted(Strategy):
    """Drafts what it is told to, whenever a story comes."""

    name = "scripted"
    summary = "for tests"

    def __init__(self, *drafts: Any) -> None:
        super().__init__(StrategyParams())
        self.drafts = list(drafts)

    def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
        return self.drafts


def draft(**changes: Any) -> Draft:
    fields: dict[str, Any] = {
        "condition_id": "m",
        "asset_id": "m-yes",
        "side": Side.BUY,
        "limit": 5_000,
        "size": 100 * SHARE,
        "edge": 1.5,
        "reason": "because",
        "story_id": "story",
    }
    return Draft(**{**fields, **changes})


def scripted(mandate: Mandate, *drafts: Any) -> Enrolled:
    return Enrolled(Scripted(*(drafts or (draft(),))), mandate)


NEWS = story(title="something about m", at_ns=at(1))


# -- news --------------------------------------------------------------------------------------


def test_a_story_is_linked_and_its_markets_are_followed() -> None:
    here = session()
    decided = here.feed(NEWS)
    links = only(LinksFound, decided).links
    assert [link.market_id for link in links] == ["m"]
    assert only(Follow, decided).asset_ids == ("m-yes", "m-no")
    assert here.desk.news.links["story"] == links
    assert list(here.desk.news.stories) == ["story"]


def test_a_story_that_touches_nothing_says_so() -> None:
    decided = session().feed(story(title="the weather"))
    assert only(LinksFound, decided).links == ()


def test_a_repeat_is_no_news_and_an_edit_is_linked_again() -> None:
    here = session()
    here.feed(NEWS)
    assert here.feed(NEWS) == []
    edited = story(title="nothing of it is true", revision=1, at_ns=at(2))
    assert only(LinksFound, here.feed(edited)).links == ()
    assert here.desk.news.stories["story"].title == "nothing of it is true"
    assert here.desk.news.stories_on("m") == []
    corrected = story(title="it is about m after all", revision=2, at_ns=at(3))
    assert len(only(LinksFound, here.feed(corrected)).links) == 1


def test_links_below_the_least_relevance_are_left_out() -> None:
    here = session(linker=WordLinker(relevance=0.3), relevance_min=0.4)
    assert only(LinksFound, here.feed(NEWS)).links == ()


def test_a_market_that_is_over_is_no_longer_linked() -> None:
    here = session()
    here.feed(MarketSeen(at(1), market(state=MarketState.CLOSED)))
    assert only(LinksFound, here.feed(NEWS)).links == ()


def test_stories_are_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.desk.news.STORIES_MAX", 3)
    here = session()
    for number in range(5):
        here.feed(story(f"s{number}", title="again m", at_ns=at(number + 1)), Tick(at(number + 1)))
    assert list(here.desk.news.stories) == ["s2", "s3", "s4"]
    assert [each.id for each in here.desk.news.stories_on("m")] == ["s4", "s3", "s2"]
    assert {story_id for story_id, _ in here.desk.impacts.measured} <= {"s2", "s3", "s4"}
    here.feed(*ticking(5, 30))


# -- whose books -------------------------------------------------------------------------------


def test_without_news_the_busiest_markets_are_followed() -> None:
    here = Session(Desk(DeskSettings(follow_busiest=2, follow_max=40)))
    for name, volume in (("a", 5.0), ("b", 50.0), ("c", 20.0)):
        here.feed(MarketSeen(NOON, market(name, volume=volume)))
    decided = here.feed(Tick(NOON))
    assert only(Follow, decided).asset_ids == ("b-yes", "b-no", "c-yes", "c-no")


def test_what_we_hold_and_have_on_order_comes_before_the_news() -> None:
    here = session(follow_max=4)
    for name in ("a", "b"):
        here.feed(MarketSeen(NOON, market(name)), *books(name, 4_000, 4_200))
    here.feed(REST, story(title="a and b", at_ns=at(1)))
    assert here.desk.follow_list.assets == ("m-yes", "m-no", "a-yes", "a-no")


def test_the_list_is_told_only_when_other_assets_are_wanted() -> None:
    here = session()
    here.feed(NEWS)
    later = [each for tick in ticking(1, 600) for each in here.feed(tick)]
    assert not [each for each in later if isinstance(each, Follow)]
    here.feed(Tick(at(4 * 3_600 + 120)))
    assert here.desk.follow_list.assets == ()


def test_another_order_of_importance_alone_is_not_told() -> None:
    here = session()
    here.feed(MarketSeen(NOON, market("a")), story("s1", title="a", at_ns=at(1)))
    assert here.feed(story("s2", title="m", at_ns=at(2)))[-1].asset_ids == (
        "m-yes",
        "m-no",
        "a-yes",
        "a-no",
    )
    decided = here.feed(story("s3", title="a", at_ns=at(2_000)))
    assert here.desk.follow_list.assets == ("a-yes", "a-no", "m-yes", "m-no")
    assert not [each for each in decided if isinstance(each, Follow)]


# -- books -------------------------------------------------------------------------------------


def test_changes_before_a_snapshot_and_books_of_strangers_are_nothing() -> None:
    here = session()
    here.feed(MarketSeen(NOON, market("new")))
    assert here.feed(change("new-yes", Side.BUY, 4_000, SHARE)) == []
    assert here.feed(*books("stranger", 4_000, 4_100)) == []
    assert "new-yes" not in here.desk.market_data.books
    assert "stranger-yes" not in here.desk.market_data.books


def test_a_gap_voids_a_book_until_the_next_snapshot() -> None:
    here = session()
    here.feed(Gap(at(1), ("m-yes",), "the socket broke"))
    assert here.desk.market_data.states["m-yes"] is BookState.RESYNCING
    here.feed(change("m-yes", Side.BUY, 4_900, SHARE))
    assert not here.desk.market_data.books["m-yes"].seen
    assert only(Answer, here.feed(BUY)).outcome is CommandResult.DENIED
    here.feed(*books("m", 4_800, 5_000))
    assert here.desk.market_data.states["m-yes"] is BookState.LIVE
    assert only(Answer, here.feed(BUY)).outcome is CommandResult.CONFIRMED


def test_a_new_tick_size_counts_at_once_and_outlives_an_older_catalogue() -> None:
    here = session()
    here.feed(TickSizeChange(at(1), "m-yes", 100, 10))
    assert here.desk.market_data.markets["m"].tick_size == 10
    here.feed(MarketSeen(at(2), market(volume=5.0)))
    assert here.desk.market_data.markets["m"].tick_size == 10
    here.feed(MarketSeen(at(3), market(tick_size=50)))
    assert here.desk.market_data.markets["m"].tick_size == 50


def test_prints_are_kept_by_market_up_to_a_bound() -> None:
    here = session()
    for number in range(300):
        here.feed(printed("m-no", 5_100, SHARE + number, Side.BUY))
    assert len(here.desk.market_data.prints["m"]) == 200
    assert here.desk.market_data.prints["m"][-1].size == SHARE + 299


def test_books_and_histories_nobody_wants_make_room_for_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strategies.market_data.BOOKS_MAX", 6)
    monkeypatch.setattr("strategies.desk.odds.HISTORIES_MAX", 3)
    here = session()
    here.feed(NEWS)
    for number, name in enumerate("abcd"):
        here.feed(MarketSeen(at(2), market(name)), *books(name, 4_000, 4_100, at_ns=at(2)))
        here.feed(*(OddsPoint(at(2), f"{name}-yes", at(-60 * i), 4_000) for i in range(9)))
        here.feed(Tick(at(3 + 2 * number)), Tick(at(4 + 2 * number)))
    assert list(here.desk.market_data.books) == ["m-yes", "m-no", "c-yes", "c-no", "d-yes", "d-no"]
    assert list(here.desk.odds.histories) == ["m", "c", "d"]


def test_two_markets_can_not_claim_one_asset() -> None:
    here = session()
    thief = market("thief", yes=market().yes)
    here.feed(MarketSeen(at(1), thief))
    assert "thief" not in here.desk.market_data.markets


def test_time_does_not_go_back() -> None:
    here = session()
    here.feed(Tick(at(10)), Tick(at(5)))
    assert here.desk.outbox.now_ns == at(10)


# -- orders of a person --------------------------------------------------------------------------


def test_an_order_passes_the_gate_fills_and_becomes_a_position() -> None:
    here = session()
    decided = here.feed(BUY)
    order = only(Place, decided).order
    assert (order.order_id, order.origin, order.at_ns) == ("t-1", "c1", NOON)
    answer = only(Answer, decided)
    assert answer.message == "Sent as t-1: buy 100 Yes at 50¢ or better."
    assert here.desk.portfolio.free_cash == 9_950 * DOLLAR - order.fee_max
    told = only(Alert, here.feed(Tick(at(0.3))))
    assert (told.title, told.body) == ("Bought 100 Yes at 50¢", "Will m happen? · fee $1.00")
    record = here.desk.trading.orders.records["t-1"]
    assert (record.state, record.filled, record.average) == (OrderState.FILLED, 100 * SHARE, 5_000)
    assert here.desk.portfolio.cash == here.desk.portfolio.free_cash == 9_949 * DOLLAR
    here.feed(Tick(at(0.4)))
    assert here.desk.portfolio.equity == 9_949 * DOLLAR + 49 * DOLLAR


def test_an_order_that_the_gate_refuses_never_leaves() -> None:
    here = session()
    decided = here.feed(msgspec.structs.replace(BUY, size=10_000 * SHARE))
    answer = only(Answer, decided)
    assert answer.outcome is CommandResult.DENIED
    assert answer.message == "This order is worth $5,000.00, and the limit is $250.00."
    assert not here.of(Place)
    assert not here.desk.trading.orders.records


def test_one_order_can_be_cancelled_and_a_wrong_id_is_told() -> None:
    here = session()
    here.feed(REST, Tick(at(1)))
    assert here.desk.trading.orders.records["t-1"].state is OrderState.OPEN
    decided = here.feed(CancelRequest(at(1), "c2", "t-1"))
    assert only(Cancel, decided).order_id == "t-1"
    here.feed(Tick(at(2)))
    assert here.desk.trading.orders.records["t-1"].state is OrderState.CANCELLED
    assert here.desk.portfolio.free_cash == 10_000 * DOLLAR
    for order_id, why in (("t-1", "cancelled already"), ("t-9", "no order t-9")):
        answer = only(Answer, here.feed(CancelRequest(at(3), "c3", order_id)))
        assert answer.outcome is CommandResult.DENIED
        assert why in answer.message


def test_the_kill_switch_pulls_every_order_and_lets_none_leave_until_it_is_off() -> None:
    here = session()
    here.feed(REST, msgspec.structs.replace(REST, price=4_400), Tick(at(1)))
    decided = here.feed(KillSwitch(at(1), "c2", True))
    assert [each.order_id for each in decided if isinstance(each, Cancel)] == ["t-1", "t-2"]
    assert "2 open orders" in only(Answer, decided).message
    here.feed(Tick(at(2)))
    assert all(record.over for record in here.desk.trading.orders.records.values())
    assert here.desk.trading.gate.killed
    assert "kill switch" in only(Answer, here.feed(BUY)).message
    here.feed(KillSwitch(at(3), "c3", False))
    assert only(Answer, here.feed(BUY)).outcome is CommandResult.CONFIRMED


def test_an_order_of_unknown_fate_blocks_its_market_alone_until_it_is_known() -> None:
    here = session()
    here.feed(MarketSeen(NOON, market("other")), *books("other", 4_800, 5_000))
    here.desk.handle(REST)
    here.desk.handle(OrderUpdate(at(1), "t-1", OrderState.UNKNOWN, 0, "no answer"))
    answer = only(Answer, here.desk.handle(BUY))
    assert answer.outcome is CommandResult.DENIED
    assert "may or may not be at the venue" in answer.message
    elsewhere = msgspec.structs.replace(BUY, condition_id="other", asset_id="other-yes")
    assert only(Answer, here.desk.handle(elsewhere)).outcome is CommandResult.CONFIRMED
    here.desk.handle(OrderUpdate(at(2), "t-1", OrderState.REFUSED, 0, "never arrived"))
    assert only(Answer, here.desk.handle(BUY)).outcome is CommandResult.CONFIRMED


def test_an_impossible_word_makes_an_order_unknown_and_is_told() -> None:
    here = session()
    here.desk.handle(REST)
    here.desk.handle(OrderUpdate(at(1), "t-1", OrderState.REFUSED, 0))
    told = only(Alert, here.desk.handle(OrderUpdate(at(2), "t-1", OrderState.FILLED, SHARE)))
    assert "can't become filled" in told.body
    assert here.desk.trading.orders.records["t-1"].state is OrderState.UNKNOWN
    assert only(Answer, here.desk.handle(BUY)).outcome is CommandResult.DENIED


def test_words_on_orders_that_are_not_ours_change_nothing_and_are_told() -> None:
    here = session()
    for event in (OrderUpdate(at(1), "ghost", OrderState.OPEN, 0), fill(order_id="ghost")):
        assert only(Alert, here.desk.handle(event)).title == "An order that is not ours"
    assert here.desk.portfolio.cash == 10_000 * DOLLAR


def test_a_fill_told_twice_counts_once_everywhere() -> None:
    here = session()
    here.feed(REST)
    told = fill(order_id="t-1", price=4_500, size=40 * SHARE)
    assert here.desk.handle(told)
    assert here.desk.handle(told) == []
    assert (
        here.desk.trading.orders.records["t-1"].filled
        == here.desk.portfolio.held("m-yes")
        == 40 * SHARE
    )


def test_a_decided_market_pays_out_once() -> None:
    here = session()
    here.feed(BUY, Tick(at(1)), MarketResolved(at(2), "m", "m-yes"))
    assert here.desk.portfolio.cash == 10_049 * DOLLAR
    here.feed(MarketResolved(at(3), "m", "m-yes"), MarketSeen(at(4), market()))
    assert here.desk.portfolio.cash == 10_049 * DOLLAR
    assert here.desk.market_data.markets["m"].state is MarketState.RESOLVED
    assert only(Answer, here.feed(BUY)).outcome is CommandResult.DENIED


def test_yesterdays_ledger_gives_back_cash_and_positions_but_not_todays_loss() -> None:
    desk = Desk(DeskSettings(session="later"))
    desk.restore(
        [
            fill("a", price=6_000, at_ns=NOON - 2 * DAY),
            fill("b", condition_id="x", asset_id="x-yes", price=3_000, at_ns=NOON - DAY),
            MarketResolved(NOON - DAY, "x", "x-no"),
            fill("c", price=5_000, side=Side.SELL, size=40 * SHARE, at_ns=NOON - 60),
        ],
        killed=True,
    )
    assert desk.portfolio.cash == (10_000 - 60 - 30 + 20) * DOLLAR
    assert desk.portfolio.held("m-yes") == 60 * SHARE
    assert desk.portfolio.realised == (-30 - 4) * DOLLAR
    desk.handle(Tick(NOON))
    assert desk.portfolio.today == -10 * DOLLAR, "marked at the last fill, after 60 a share"
    assert desk.trading.gate.killed


# -- strategies ----------------------------------------------------------------------------------


def test_an_alerting_strategy_only_talks() -> None:
    decided = session(scripted(Mandate.ALERT)).feed(NEWS)
    told = only(Alert, decided)
    assert told.title == "scripted: buy 100 Yes at 50¢ or better"
    assert told.body == "Will m happen? · because"
    assert not [each for each in decided if isinstance(each, Suggested | Place)]


def test_a_suggestion_waits_for_a_person_who_accepts_it() -> None:
    here = session(scripted(Mandate.SUGGEST))
    decided = here.feed(NEWS)
    suggestion = only(Suggested, decided).suggestion
    assert (suggestion.id, suggestion.edge, suggestion.story_id) == ("t-s1", 1.5, "story")
    assert not here.of(Place)
    decided = here.feed(SuggestionReply(at(2), "c1", "t-s1", True))
    assert only(Place, decided).order.origin == "t-s1"
    assert only(SuggestionOver, decided).how == "accepted"
    assert only(Answer, decided).outcome is CommandResult.CONFIRMED
    assert here.desk.signals.signals["t-s1"].order_id == "t-1"
    again = only(Answer, here.feed(SuggestionReply(at(3), "c2", "t-s1", True)))
    assert (again.outcome, "accepted" in again.message) == (CommandResult.DENIED, True)


def test_a_suggestion_can_be_dismissed_and_an_unknown_one_is_told() -> None:
    here = session(scripted(Mandate.SUGGEST))
    here.feed(NEWS)
    assert only(SuggestionOver, here.feed(SuggestionReply(at(2), "c", "t-s1", False))).how == (
        "dismissed"
    )
    assert only(Answer, here.feed(SuggestionReply(at(3), "c", "x", True))).outcome is (
        CommandResult.DENIED
    )


def test_an_accepted_suggestion_that_the_gate_refuses_stays_open() -> None:
    here = session(scripted(Mandate.SUGGEST))
    here.feed(NEWS, BookHealth(at(1), "m-yes", BookState.STALE))
    decided = here.feed(SuggestionReply(at(2), "c", "t-s1", True))
    assert "stale" in only(Answer, decided).message
    assert not here.of(SuggestionOver)


def test_the_books_of_an_open_suggestion_are_followed_until_it_is_over() -> None:
    here = session(scripted(Mandate.SUGGEST, draft(valid_s=200)))
    here.feed(NEWS)
    assert only(Suggested, here.decisions)
    corrected = story(title="the weather", at_ns=at(2), revision=1)
    here.feed(corrected)  # no story asks for this market any more
    here.feed(Tick(at(90)), Tick(at(180)))
    assert here.desk.follow_list.assets == ("m-yes", "m-no")
    here.feed(Tick(at(210)), Tick(at(300)))
    assert here.desk.follow_list.assets == ()


def test_a_suggestion_runs_out_of_time() -> None:
    here = session(scripted(Mandate.SUGGEST, draft(valid_s=30)))
    here.feed(NEWS, Tick(at(30)))
    assert not here.of(SuggestionOver)
    assert only(SuggestionOver, here.feed(Tick(at(31)))).how == "out of time"


def test_a_suggestion_ends_with_its_market() -> None:
    here = session(scripted(Mandate.SUGGEST))
    here.feed(NEWS)
    decided = here.feed(MarketSeen(at(2), market(state=MarketState.PAUSED)))
    assert only(SuggestionOver, decided).how == "the market is paused"


@pytest.mark.parametrize("mandate", [Mandate.PAPER, Mandate.LIVE])
def test_a_trading_strategy_acts_on_its_own_through_the_gate(mandate: Mandate) -> None:
    here = session(scripted(mandate))
    decided = here.feed(NEWS)
    kinds = [type(each) for each in decided if not isinstance(each, LinksFound | Follow)]
    assert kinds == [Suggested, Alert, Place, SuggestionOver]
    order = only(Place, decided).order
    assert (order.kind, order.strategy, order.origin) == (OrderKind.FAK, "scripted", "t-s1")


def test_a_draft_that_rests_becomes_a_resting_order() -> None:
    here = session(scripted(Mandate.PAPER, draft(rests=True, limit=4_700)))
    here.feed(NEWS, Tick(at(2)))
    assert here.desk.trading.orders.records["t-1"].state is OrderState.OPEN


def test_what_the_gate_refuses_a_strategy_is_a_trade_that_did_not_happen() -> None:
    here = session(scripted(Mandate.PAPER, draft(size=9_000 * SHARE)))
    decided = here.feed(NEWS)
    skipped = only(Skipped, decided)
    assert (skipped.gate, skipped.value, skipped.limit) == ("order limit", "$4,500.00", "$250.00")
    assert not [each for each in decided if isinstance(each, Suggested | Place)]
    assert list(here.desk.outbox.skipped) == [skipped]


def test_one_suggestion_a_market_and_then_a_rest() -> None:
    here = session(scripted(Mandate.SUGGEST), cooldown_s=100)
    here.feed(NEWS, story("two", title="m again", at_ns=at(2)))
    assert len(here.of(Suggested)) == 1
    here.feed(SuggestionReply(at(3), "c", "t-s1", False))
    here.feed(story("three", title="m again", at_ns=at(4)))
    assert only(Skipped, here.decisions).gate == "cooldown"
    here.feed(story("four", title="m again", at_ns=at(104)))
    assert len(here.of(Suggested)) == 2


def test_the_same_objection_is_not_repeated_within_a_minute() -> None:
    here = session(scripted(Mandate.PAPER, draft(size=9_000 * SHARE)))
    for number in range(5):
        here.feed(story(f"s{number}", title="m", at_ns=at(20 * number + 1)))
    assert [each.at_ns for each in here.of(Skipped)] == [at(1), at(61)]


ABSURD = [
    (draft(edge=float("nan")), "edge nan"),
    (draft(edge=1e300), "edge 1e+300"),
    (draft(limit=0), "limit 0¢"),
    (draft(limit=10_000), "limit 100¢"),
    (draft(limit=5_050), "limit 50.5¢"),
    (draft(limit=-100), "limit -1¢"),
    (draft(size=0), "0 shares"),
    (draft(size=-SHARE), "-1 shares"),
    (draft(size=10**9 * SHARE), "1,000,000,000 shares"),
    (draft(size=1), "0.000001 shares"),
    (draft(condition_id="nowhere"), "market 'nowhere'"),
    (draft(asset_id="other"), "asset 'other'"),
    (draft(valid_s=float("inf")), "valid for inf s"),
    (draft(valid_s=-1.0), "valid for -1.0 s"),
    (draft(limit="cheap"), "Expected `int`, got `str` - at `$.limit`"),
    (draft(side="up"), "Invalid enum value 'up' - at `$.side`"),
    (draft(reason=None), "Expected `str`, got `null` - at `$.reason`"),
    ("buy!", "Expected `object`, got `str`"),
    (None, "Expected `object`, got `null`"),
    (object(), "Encoding objects of type object is unsupported"),
]


@pytest.mark.parametrize(("absurd", "why"), ABSURD, ids=[why for _, why in ABSURD])
def test_absurd_drafts_are_refused_with_a_reason_and_harm_nobody(absurd: Any, why: str) -> None:
    here = session(scripted(Mandate.PAPER, absurd, draft()))
    here.feed(NEWS)
    assert only(Skipped, here.decisions).value == why
    assert len(here.of(Place)) == 1


def test_a_flood_of_drafts_is_cut_short() -> None:
    class Flood(Scripted):
        name = "flood"

        def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
            while True:
                yield draft()

    here = session(Enrolled(Flood(), Mandate.PAPER))
    here.feed(NEWS)
    assert len(here.of(Place)) == 1


def test_a_strategy_that_fails_is_parked_its_orders_are_pulled_and_others_run_on() -> None:
    class Broken(Scripted):
        name = "broken"
        calls = 0

        def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
            self.calls += 1
            if self.calls > 1:
                raise LookupError("no such thing at 0x7f00deadbeef")
            return [draft(rests=True, limit=4_500)]

    broken = Broken()
    here = session(Enrolled(broken, Mandate.PAPER), scripted(Mandate.PAPER), cooldown_s=0)
    here.feed(NEWS, Tick(at(2)))
    decided = here.feed(story("two", title="m", at_ns=at(3)))
    parked = only(Parked, decided)
    assert parked.strategy == "broken"
    assert parked.cause.startswith("LookupError: no such thing at 0x… (test_desk.py, line ")
    assert only(Cancel, decided).order_id == "t-1"
    assert only(Place, decided).order.strategy == "scripted"
    here.feed(story("three", title="m", at_ns=at(4)))
    assert broken.calls == 2
    assert list(here.desk.signals.parked) == ["broken"]


def test_a_strategy_reads_the_desk_through_its_context() -> None:
    seen: dict[str, Any] = {}

    class Reader(Scripted):
        name = "reader"

        def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
            seen.update(
                now=ctx.now_ns,
                odds=ctx.odds("m"),
                before=ctx.odds_before("m", 3_600),
                usual=ctx.usual_move("m", 5),
                state=ctx.book_state("m-yes"),
                unknown=ctx.book("nothing").two_sided,
                links=[link.market_id for link in ctx.links("story")],
                stories=[each.id for each in ctx.stories_on("m", 60)],
                fee=ctx.fee_cents("m", 5_000),
                held=(ctx.position("m-yes"), ctx.own("m-yes")),
                precedent=ctx.precedent("story", "m").count,
                impact=ctx.impact("story", "m"),
                walk=ctx.walk("m-yes", Side.BUY, 5_100, 1_500 * SHARE).average,
            )
            return ()

    here = Session(
        Desk(DeskSettings(session="t"), [Enrolled(Reader(), Mandate.ALERT)], WordLinker())
    )
    here.feed(*opening("m", 0.0), *books("m", 4_800, 5_000), NEWS)
    assert seen.pop("usual") > 0
    assert seen.pop("before") == pytest.approx(0.5, abs=0.01)
    assert seen.pop("walk") == pytest.approx((5_000 * 1_000 + 5_100 * 500) / 1_500)
    assert seen == {
        "now": at(1),
        "odds": 0.49,
        "state": BookState.LIVE,
        "unknown": False,
        "links": ["m"],
        "stories": ["story"],
        "fee": 1.0,
        "held": (0, 0),
        "precedent": 0,
        "impact": None,
    }


# -- impact --------------------------------------------------------------------------------------


def moving(here: Session, start: float, end: float, x_by_minute: float) -> None:
    for tick in ticking(start, end, step_s=5):
        x = x_by_minute * (tick.at_ns - at(start)) / 60e9
        here.feed(*quotes("m", x, tick.at_ns, 10), tick)


def test_the_impact_of_a_story_is_measured_and_told_when_it_changes() -> None:
    here = Session(Desk(DeskSettings(), (), WordLinker()))
    here.feed(*opening("m", 0.0, tick=10), NEWS)
    moving(here, 1, 600, 0.05)
    verdicts = [each.impact.verdict for each in here.of(ImpactSeen)]
    assert verdicts[0] is Verdict.WAITING
    assert verdicts[-1] is Verdict.CLEAR
    assert len(verdicts) < 40, "a change too small to see is not told"
    newest = here.desk.impacts.measured["story", "m"]
    assert newest.points == pytest.approx(11.9, abs=1.0)
    clear = [each for each in here.of(Alert) if each.kind == "impact"]
    assert len(clear) == 1


def test_a_retelling_is_linked_but_measured_once_with_the_first_telling() -> None:
    here = Session(Desk(DeskSettings(), (), WordLinker()))
    again = story("again", title="m once more", cluster_id="story", novelty=0.1, at_ns=at(60))
    here.feed(*opening("m", 0.0, tick=10), NEWS, *ticking(1, 60), again, *ticking(60, 120))
    assert {story_id for story_id, _ in here.desk.impacts.measured} == {"story"}
    assert here.desk.impacts.of("again", "m") == here.desk.impacts.measured["story", "m"]


def test_without_a_past_an_impact_is_not_measurable_and_says_why() -> None:
    here = session()
    here.feed(NEWS, *ticking(1, 60))
    newest = here.desk.impacts.measured["story", "m"]
    assert newest.verdict is Verdict.NOT_MEASURABLE
    assert newest.reason


def test_old_news_is_linked_but_not_measured() -> None:
    here = session()
    here.feed(story(title="m", published_ns=NOON - 9 * 3_600 * 10**9), *ticking(1, 20))
    assert not here.desk.impacts.measured
