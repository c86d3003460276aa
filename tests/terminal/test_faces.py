"""A face on a real engine on the practice venue: what it sees, what it may do, what is refused."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from feeds.events import Print
from feeds.markets import ONE, Side
from terminal.config import load
from terminal.engine.assembly import assemble
from terminal.engine.loop import Engine
from terminal.protocol.link import (
    FACES_MAX,
    STRANGERS_MAX,
    Face,
    LinkClosed,
    LinkServer,
    endpoint,
)
from terminal.protocol.views import (
    ArticleView,
    BlotterView,
    CancelOrder,
    Done,
    FromEngine,
    Kill,
    Look,
    MarketView,
    NewsView,
    PlaceOrder,
    Preview,
    Query,
    Rows,
    StatusView,
    TicketView,
    Unrelate,
)
from terminal.server.faces import FaceDesk
from terminal.stores.paths import Paths
from terminal.stores.unrelated_store import UnrelatedStore

WITHIN_S = 80.0
T = TypeVar("T")


class Sitting:
    """A face connected to an engine that runs for the length of one test."""

    def __init__(self, engine: Engine, face: Face) -> None:
        self.engine, self.face = engine, face

    async def until(self, kind: type[T], holds: Callable[[T], bool] = lambda _: True) -> T:
        """The next message of a kind for which the condition holds."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                message: FromEngine = await self.face.receive()
                if isinstance(message, kind) and holds(message):
                    return message


@pytest.fixture
async def sitting(
    practice_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sitting]:
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "ftt"))
    monkeypatch.setenv("FTT_NEWS__MEANING", "false")  # its models have tests of their own
    monkeypatch.setenv("FTT_ENGINE__LAG_MAX_MS", "60000")  # a machine that tests may be slow
    paths = Paths.find()
    engine = await asyncio.to_thread(assemble, load(practice_config).config, paths, to_stdout=False)
    stop = asyncio.Event()
    server = LinkServer(paths.runtime, "1", FaceDesk(engine, UnrelatedStore(paths.state)).serve)
    await server.start()
    running = asyncio.create_task(engine.run(stop))
    sitting = Sitting(engine, await Face.connect(paths.runtime, "1"))
    yield sitting
    await sitting.face.close()
    stop.set()
    await running
    await server.close()


async def focus(sitting: Sitting) -> MarketView:
    """Put the busiest market in focus and wait until both its books are live."""
    await sitting.face.send(Query(id="q", what="markets", most=1))
    rows = await sitting.until(Rows, lambda rows: rows.id == "q" and bool(rows.markets))
    wanted = rows.markets[0].condition_id
    await sitting.face.send(Look(condition_id=wanted, views=("market", "blotter", "status")))
    return await sitting.until(
        MarketView, lambda view: view.yes.state == view.no.state == "live" and bool(view.yes.asks)
    )


async def ready(sitting: Sitting) -> None:
    """Wait until the catalogue is in."""
    await sitting.face.send(Look(views=("status",)))
    await sitting.until(StatusView, lambda view: view.markets > 100)


async def test_the_front_page_fills_by_itself(sitting: Sitting) -> None:
    await sitting.face.send(Look(views=("status", "news")))
    status = await sitting.until(StatusView, lambda view: view.stories > 0 and view.books > 0)
    assert status.mode == "PAPER"
    news = await sitting.until(NewsView, lambda view: any(row.links for row in view.rows))
    linked = next(row for row in news.rows if row.links)
    await sitting.face.send(Look(views=("article",), story_id=linked.id))
    article = await sitting.until(ArticleView, lambda view: view.story_id == linked.id)
    assert article.cards
    assert article.cards[0].why
    assert article.meaning


async def test_both_books_of_a_market_mirror_each_other(sitting: Sitting) -> None:
    await ready(sitting)
    view = await focus(sitting)
    assert view.yes.bids[0].price < view.yes.asks[0].price
    both = await sitting.until(
        MarketView, lambda v: bool(v.no.bids) and v.no.bids[0].price == ONE - v.yes.asks[0].price
    )
    assert both.no.bids[0].size == both.yes.asks[0].size


async def test_a_ticket_is_previewed_placed_filled_and_kept(sitting: Sitting) -> None:
    await ready(sitting)
    view = await focus(sitting)
    limit = min(view.yes.asks[0].price + 3 * view.yes.tick_size, ONE - view.yes.tick_size)
    order = {
        "condition_id": view.condition_id,
        "asset_id": view.yes.asset_id,
        "side": "buy",
        "price": limit,
        "size": 20_000_000,
        "kind": "fak",
    }
    await sitting.face.send(Preview(id="p1", **order))
    ticket = await sitting.until(TicketView, lambda ticket: ticket.id == "p1")
    assert ticket.denial == ""
    assert ticket.fills_now > 0
    assert ticket.cost <= ticket.worst_cost, "the shown worst case is never better than the cost"
    assert ticket.payoff == ticket.fills_now
    await sitting.face.send(PlaceOrder(id="o1", **order))
    done = await sitting.until(Done, lambda done: done.id == "o1")
    assert done.outcome == "done", done.message
    blotter = await sitting.until(BlotterView, lambda view: bool(view.fills))
    assert blotter.fills[0].price <= limit
    assert blotter.positions[0].size <= 20_000_000
    await sitting.face.send(PlaceOrder(id="o1", **order))
    again = await sitting.until(Done, lambda done: done.id == "o1")
    assert again == done, "a repeated command is answered, not repeated"
    assert sitting.engine.state.counters.orders == len(
        sitting.engine.session.desk.trading.orders.records
    )
    mine = [
        o
        for o in sitting.engine.session.desk.trading.orders.records.values()
        if o.intent.origin == "o1"
    ]
    assert len(mine) == 1


async def test_kill_cancels_what_rests_and_denies_what_comes(sitting: Sitting) -> None:
    await ready(sitting)
    view = await focus(sitting)
    resting = PlaceOrder(
        id="r1",
        condition_id=view.condition_id,
        asset_id=view.yes.asset_id,
        side="buy",
        price=max(view.yes.bids[-1].price - view.yes.tick_size, 300),
        size=10_000_000,
    )
    await sitting.face.send(resting)
    done = await sitting.until(Done, lambda done: done.id == "r1")
    assert done.outcome == "done", done.message
    await sitting.until(
        BlotterView, lambda v: any(o.origin == "you" and o.state == "open" for o in v.orders)
    )
    await sitting.face.send(Kill(id="k1"))
    assert (await sitting.until(Done, lambda done: done.id == "k1")).outcome == "done"
    await sitting.until(BlotterView, lambda v: all(o.state != "open" for o in v.orders))
    await sitting.face.send(PlaceOrder(**{**_fields(resting), "id": "r2"}))
    denied = await sitting.until(Done, lambda done: done.id == "r2")
    assert denied.outcome == "denied"
    assert "kill switch" in denied.message.lower()
    await sitting.face.send(Kill(id="k2", on=False))
    assert (await sitting.until(Done, lambda done: done.id == "k2")).outcome == "done"


def _fields(order: PlaceOrder) -> dict[str, object]:
    return {name: getattr(order, name) for name in order.__struct_fields__}


@pytest.mark.parametrize(
    ("field", "value"),
    [("price", 0), ("price", 10_000), ("size", -1), ("side", "steal"), ("kind", "whenever")],
)
async def test_an_absurd_order_is_denied_by_field(
    sitting: Sitting, field: str, value: object
) -> None:
    order: dict[str, object] = {
        "id": "x",
        "condition_id": "0x",
        "asset_id": "1",
        "side": "buy",
        "price": 5_000,
        "size": 10_000_000,
    }
    await sitting.face.send(PlaceOrder(**(order | {field: value})))  # type: ignore[arg-type]
    done = await sitting.until(Done, lambda done: done.id == "x")
    assert done.outcome == "denied"
    assert field in done.message


async def test_cancelling_an_unknown_order_is_denied_with_its_id(sitting: Sitting) -> None:
    await sitting.face.send(CancelOrder(id="c", order_id="no-such-order"))
    done = await sitting.until(Done, lambda done: done.id == "c")
    assert done.outcome == "denied"
    assert "no-such-order" in done.message


async def test_a_query_for_nonsense_names_what_can_be_asked(sitting: Sitting) -> None:
    await sitting.face.send(Query(id="q", what="weather"))
    done = await sitting.until(Done, lambda done: done.id == "q")
    assert "news, story, markets, book" in done.message


async def test_a_face_that_vanishes_leaves_the_engine_running(sitting: Sitting) -> None:
    await ready(sitting)
    await focus(sitting)
    with contextlib.suppress(OSError):
        await sitting.face.close()
    sitting.face = await Face.connect(Paths.find().runtime, "1")
    await sitting.face.send(Look(views=("status",)))
    first = await sitting.until(StatusView)
    later = await sitting.until(StatusView, lambda view: view.now_ns > first.now_ns)
    assert later.errors == 0


async def test_a_face_that_asks_faster_than_it_listens_is_let_go(sitting: Sitting) -> None:
    async def ask_and_ask() -> None:
        for number in range(100_000):
            await sitting.face.send(Query(id=str(number), what="markets", most=500))

    with pytest.raises(LinkClosed):
        await ask_and_ask()
    sitting.face = await Face.connect(Paths.find().runtime, "1")
    await sitting.face.send(Look(views=("status",)))
    assert (await sitting.until(StatusView)).errors == 0, "the engine and other faces go on"


async def test_a_kill_is_heard_before_two_hundred_thousand_events(sitting: Sitting) -> None:
    await ready(sitting)
    view = await focus(sitting)
    engine = sitting.engine
    backlog = 200_000
    for number in range(backlog):
        engine.inbox.hear(Print(0, view.yes.asset_id, number, 5_000, 1_000_000, Side.BUY))
    await sitting.face.send(Kill(id="k"))
    done = await sitting.until(Done, lambda done: done.id == "k")
    assert done.outcome == "done"
    assert engine.session.desk.trading.gate.killed
    assert len(engine.inbox) > backlog // 2, "it did not wait for what waits"


async def test_who_is_behind_takes_no_order_says_so_and_trades_again(
    sitting: Sitting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(sitting)
    view = await focus(sitting)
    order = PlaceOrder(
        id="late",
        condition_id=view.condition_id,
        asset_id=view.yes.asset_id,
        side="buy",
        price=view.yes.bids[-1].price,
        size=10_000_000,
    )
    engine = sitting.engine
    monkeypatch.setattr(engine.state.lag, "limit_ms", 100)
    monkeypatch.setattr(engine.state.lag, "_unsettled_until", time.perf_counter() + 3_600)
    monkeypatch.setattr(engine.state.lag, "_stood_ms", 2_300)
    await sitting.until(
        StatusView, lambda s: any("2.3 s behind" in one.sentence for one in s.streams)
    )
    await sitting.face.send(order)
    done = await sitting.until(Done, lambda done: done.id == "late")
    assert (done.outcome, "2.3 s behind" in done.message) == ("denied", True)
    monkeypatch.setattr(engine.state.lag, "limit_ms", 60_000)
    monkeypatch.setattr(engine.state.lag, "_unsettled_until", 0.0)
    await sitting.until(StatusView, lambda s: all(one.name != "engine" for one in s.streams))
    await sitting.face.send(PlaceOrder(**{**_fields(order), "id": "again"}))
    done = await sitting.until(Done, lambda done: done.id == "again")
    assert done.outcome == "done", done.message


async def test_silent_strangers_and_many_faces_leave_room_for_the_kill_switch(
    sitting: Sitting,
) -> None:
    folder = Paths.find().runtime
    path = str(endpoint(folder))
    silent = [await asyncio.open_unix_connection(path) for _ in range(3 * STRANGERS_MAX // 2)]
    faces = [await Face.connect(folder, "1") for _ in range(FACES_MAX)]
    try:
        killer = await Face.connect(folder, "1")
        await killer.send(Kill(id="k"))
        while getattr(await killer.receive(), "id", "") != "k":
            pass
        await killer.close()
        assert sitting.engine.session.desk.trading.gate.killed
        assert await silent[-1][0].read() == b"", "who says nothing is let go"
    finally:
        for face in faces:
            await face.close()
        for _, writer in silent:
            writer.close()


async def test_what_a_person_calls_not_related_is_linked_no_more_and_kept(
    sitting: Sitting, tmp_path: Path
) -> None:
    await sitting.face.send(Look(views=("status", "news")))
    news = await sitting.until(NewsView, lambda view: any(row.links for row in view.rows))
    story_id = next(row for row in news.rows if row.links).id
    await sitting.face.send(Look(views=("article",), story_id=story_id))
    article = await sitting.until(ArticleView, lambda view: view.story_id == story_id)
    wrong = article.cards[0]

    def parted(view: ArticleView) -> bool:
        shown = {card.event_title or card.condition_id for card in view.cards}
        return view.story_id == story_id and (wrong.event_title or wrong.condition_id) not in shown

    ids = {"story_id": story_id, "condition_id": wrong.condition_id}
    await sitting.face.send(Unrelate(id="u1", **ids))
    done = await sitting.until(Done, lambda done: done.id == "u1")
    assert done.outcome == "done", done.message
    await sitting.until(ArticleView, parted)
    store = UnrelatedStore(Paths.find().state)
    (kept,) = store.read()
    assert (kept.title, kept.question, kept.on) == (article.title, wrong.question, True)
    assert kept.relevance == pytest.approx(wrong.relevance, abs=0.001)
    assert store.pairs() == ((kept.cluster_id, kept.event),)
    await sitting.face.send(Unrelate(id="u2", on=False, **ids))
    await sitting.until(ArticleView, lambda view: view.story_id == story_id and not parted(view))
    assert store.pairs() == ()
    await sitting.face.send(Unrelate(id="u3", story_id="nobody", condition_id="nothing"))
    assert (await sitting.until(Done, lambda done: done.id == "u3")).outcome == "denied"
