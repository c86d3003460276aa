"""What the venue's mode does to the whole: the desk refuses, the status line says why."""

from pathlib import Path

from feeds.events import (
    BookSnapshot,
    Event,
    Level,
    MarketSeen,
    OrderKind,
    OrderRequest,
    TradingMode,
    VenueMode,
)
from feeds.markets import SHARE, MarketState, Side
from feeds.polymarket.health import StreamHealth, StreamState
from strategies.decisions import Answer, CommandResult
from terminal.presenters.page import Page
from tests.strategies.kit import market as known
from tests.terminal.test_catalogue_sync import START, _engine


async def test_a_restart_is_shown_and_orders_wait(tmp_path: Path) -> None:
    engine = await _engine("http://127.0.0.1:1", tmp_path / "home")
    session = engine.session
    assert session.desk.trading.gate.mode is TradingMode.NORMAL
    assert not [
        stream for stream in Page(engine.state).status.view().streams if stream.name == "venue"
    ]
    session.play(VenueMode(START, TradingMode.RESTARTING, "the venue is restarting"))
    (told,) = [
        stream for stream in Page(engine.state).status.view().streams if stream.name == "venue"
    ]
    assert told.state == "down"
    assert "restarting" in told.sentence
    order: Event = OrderRequest(
        START, "c1", "m", "m-yes", Side.BUY, 5_000, 10 * SHARE, OrderKind.FAK
    )
    (answer,) = [one for one in session.play(order) if isinstance(one, Answer)]
    assert answer.outcome is CommandResult.DENIED
    assert "restarting" in answer.message
    session.play(VenueMode(START, TradingMode.NORMAL))
    assert not [
        stream for stream in Page(engine.state).status.view().streams if stream.name == "venue"
    ]
    await engine._close([])


async def test_a_doubtful_stream_is_shown_as_sick_with_its_sentence(tmp_path: Path) -> None:
    engine = await _engine("http://127.0.0.1:1", tmp_path / "home")
    frozen = StreamHealth("market 1", StreamState.DOUBTFUL, "Of 4 books 2 frozen")
    engine.state.stream_health(frozen)
    (told,) = [
        stream for stream in Page(engine.state).status.view().streams if stream.name == "market 1"
    ]
    assert (told.state, told.sentence) == ("stale", "Of 4 books 2 frozen")
    await engine._close([])


async def test_an_open_market_that_nobody_quotes_on_both_sides_is_dormant(tmp_path: Path) -> None:
    engine = await _engine("http://127.0.0.1:1", tmp_path / "home")
    session = engine.session
    session.play(MarketSeen(START, known()))

    def state_after(*levels: tuple[Level, ...]) -> str:
        session.play(BookSnapshot(START, "m-yes", START, *levels))
        page = Page(engine.state)
        (row,) = page.market_list.rows()
        view = page.markets.view("m", 5)
        assert view is not None
        assert view.state == row.state
        return row.state

    assert Page(engine.state).market_list.rows()[0].state == "open", "no book yet says nothing"
    assert state_after(((4_800, 1),), ((5_000, 1),)) == "open"
    assert state_after(((4_800, 1),), ()) == "dormant"
    assert state_after((), ()) == "dormant"
    assert state_after(((100, 1),), ((9_900, 1),)) == "dormant"
    session.play(MarketSeen(START, known(state=MarketState.CLOSED)))
    assert Page(engine.state).market_list.rows()[0].state == "closed"
    await engine._close([])


async def test_a_standby_connection_is_a_matter_of_one_setting(tmp_path: Path) -> None:
    plain = await _engine("http://127.0.0.1:1", tmp_path / "plain")
    doubled = await _engine("http://127.0.0.1:1", tmp_path / "doubled", "standby = true\n")
    for engine, connections in ((plain, 1), (doubled, 2)):
        engine.sources.stream.set_wanted(["11", "12"])
        (share,) = engine.sources.stream._shares
        assert len(share.connections) == connections
        assert len(engine.sources.stream.channels) == 1
        await engine._close([])
