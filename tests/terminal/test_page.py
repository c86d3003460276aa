"""Views that are made once and shared: what is kept never differs from what is made anew."""

import random

import pytest

from benchmarks import views as benchmark
from feeds.clock import Clock
from feeds.events import (
    BookHealth,
    BookState,
    Event,
    KillSwitch,
    LevelChange,
    MarketResolved,
    MarketSeen,
    OrderKind,
    OrderRequest,
    Print,
    Story,
    Tick,
)
from feeds.markets import SECOND, SHARE, MarketState, Side
from strategies.decisions import Decision, ImpactSeen, Mandate
from strategies.desk import Desk, DeskSettings
from strategies.roster import enrol
from terminal.engine.session import Decided, Header, Session
from terminal.engine.state import EngineState
from terminal.presenters.page import Page
from terminal.presenters.quotes import SLOWLY
from terminal.protocol.views import Look, View
from tests.strategies.kit import NOON, books, market, story

MARKETS = 12
SETTLED = 51
"""So often a page is asked before its rows are compared: each has been made anew meanwhile."""


class Room:
    """A session whose facts are counted as the engine counts them."""

    def __init__(self) -> None:
        self.session = Session(Header(version="1", venue="test", started_ns=NOON, desk=_SETTINGS))
        enrolled = [enrol(name, {}, Mandate.SUGGEST) for name in ("drift", "fade")]
        desk = Desk(_SETTINGS, enrolled, benchmark.Table(MARKETS))
        self.session.desk = desk
        self.session.broker = type(self.session.broker)(desk.market_data, 0)
        self.state = EngineState("test", Clock(1e-18), desk)  # it stands still
        self.now_ns = NOON
        for number in range(MARKETS):
            event_id = f"e{number // 3}"
            self.hear(MarketSeen(NOON, market(f"m{number}", event_id=event_id, neg_risk=True)))
        self.pass_time(0.1)
        for number in range(MARKETS):
            for snapshot in books(f"m{number}", 4_800, 5_000, at_ns=self.now_ns):
                self.hear(snapshot)

    def hear(self, event: Event) -> list[Decision]:
        decisions: list[Decision] = []
        for step in self.session.feed(event):
            if isinstance(step, Decided):
                for fact in (step.event, *step.decisions):
                    self.state.changes.note(fact)
                decisions += step.decisions
        return decisions

    def pass_time(self, seconds: float) -> list[Decision]:
        self.now_ns += int(seconds * SECOND)
        return self.hear(Tick(self.now_ns))


_SETTINGS = DeskSettings(session="test")


def happens(room: Room, chance: random.Random, number: int) -> None:
    """One thing of many that change what is shown."""
    now, name = room.now_ns, f"m{chance.randrange(MARKETS)}"
    asset = f"{name}-{chance.choice(('yes', 'no'))}"
    side = chance.choice((Side.BUY, Side.SELL))
    price = chance.randrange(40, 60) * 100
    size = chance.randrange(0, 500) * SHARE
    events: list[Event] = [
        LevelChange(now, asset, now, side, price, size),
        Print(now, asset, now, price, size + SHARE, side),
        story(f"s{number}", at_ns=now, cluster_id=f"c{number // 2}", title=f"News {number}"),
        BookHealth(now, asset, chance.choice((BookState.LIVE, BookState.STALE)), "a probe"),
        OrderRequest(now, f"o{number}", name, asset, side, price, size, OrderKind.GTC),
        MarketSeen(now, market(name, event_id=f"e{chance.randrange(4)}", question=f"Q{number}?")),
        MarketSeen(now, market(name, event_id="e0", state=MarketState.PAUSED)),
        KillSwitch(now, f"k{number}", on=False),
        *books(name, 4_700, 5_100, at_ns=now),
    ]
    if number % 40 == 39:
        events.append(MarketResolved(now, name, asset))
    room.hear(chance.choice(events))
    room.pass_time(chance.choice((0.1, 0.1, 1.0)))


def shown(page: Page, look: Look) -> list[View]:
    return list(page.views(look))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_is_what_would_be_made_anew(seed: int) -> None:
    room, chance = Room(), random.Random(seed)
    page = Page(room.state)
    for number in range(120):
        happens(room, chance, number)
        stories: list[Story] = list(room.state.desk.news.stories.values())
        look = Look(
            story_id=chance.choice(stories).id if stories else "",
            condition_id=f"m{chance.randrange(MARKETS)}",
            levels=chance.choice((3, 20)),
        )
        shown(page, look)
        if number % 10 == 9:
            room.pass_time(SLOWLY / SECOND)
            for _ in range(SETTLED):
                room.pass_time(0.0)
                kept = shown(page, look)
            for old, new in zip(kept, shown(Page(room.state), look), strict=True):
                assert old == new
            assert page.market_list.rows() == Page(room.state).market_list.rows()


def test_what_has_not_changed_is_the_same_object_and_faces_share_it() -> None:
    room = Room()
    for number in range(6):
        room.hear(story(f"s{number}", at_ns=room.now_ns, title=f"News {number}"))
    for _ in range(5):
        room.pass_time(1.0)  # what the stories did so far is measured, some at a time
    page = Page(room.state)
    look = Look(story_id="s1", condition_id="m1")
    other = Look(story_id="s1", condition_id="m2")
    first = {type(view): view for view in page.views(look)}
    again = {type(view): view for view in page.views(look)}
    assert all(again[kind] is view for kind, view in first.items()), "within one turn"
    beside = {type(view): view for view in page.views(other)}
    same = {kind.__name__ for kind, view in beside.items() if view is first[kind]}
    assert same == {"StatusView", "NewsView", "ArticleView", "SignalsView", "BlotterView"}
    room.pass_time(0.1)
    later = {type(view): view for view in page.views(look)}
    same = {kind.__name__ for kind, view in later.items() if view is first[kind]}
    assert {"NewsView", "SignalsView"} <= same, "nothing happened to them"


def test_a_retelling_is_a_source_of_the_story_at_once() -> None:
    room = Room()
    page = Page(room.state)
    room.hear(story("first", at_ns=room.now_ns, cluster_id="c", source_name="One"))
    before = page.articles.view("first")
    room.hear(story("second", at_ns=room.now_ns, cluster_id="c", source_name="Two"))
    after = page.articles.view("first")
    assert before is not None
    assert after is not None
    assert (before.sources, after.sources) == (("One",), ("One", "Two"))
    assert [row.sources for row in page.headlines.view(5).rows] == [2, 2]


def test_what_a_story_did_is_shown_as_soon_as_the_desk_says_so() -> None:
    room = Room()
    page = Page(room.state)
    room.hear(story("s", at_ns=room.now_ns))
    assert page.headlines.view(5).rows[0].verdict == ""
    for _ in range(20):
        said = any(isinstance(one, ImpactSeen) for one in room.pass_time(0.1))
        assert bool(page.headlines.view(5).rows[0].verdict) is said
        if said:
            return
    pytest.fail("the desk never said what the story did")


def test_a_search_finds_what_holds_every_word_the_busiest_first() -> None:
    room = Room()
    for number, volume in enumerate((10.0, 30.0, 20.0)):
        known = market(f"x{number}", question=f"Will Chips x{number} ship?", volume=volume)
        room.hear(MarketSeen(room.now_ns, known))
    rows = Page(room.state).market_list.rows
    assert [row.condition_id for row in rows("CHIPS ship")] == ["x1", "x2", "x0"]
    assert [row.condition_id for row in rows("chips ship", 2)] == ["x1", "x2"]
    assert rows("chips sail") == []


def test_the_benchmark_of_the_views_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "MARKETS", 200)
    monkeypatch.setattr(benchmark, "STORIES", 20)
    monkeypatch.setattr(benchmark, "TURNS", 5)
    figures = benchmark.run()
    assert figures["one_face_ms_mean"] > 0
    assert figures["stories"] > 0
