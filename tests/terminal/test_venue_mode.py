"""What the venue's mode does to the whole: the desk refuses, the status line says why."""

from pathlib import Path

from feeds.events import Event, OrderKind, OrderRequest, TradingMode, VenueMode
from feeds.markets import SHARE, Side
from strategies.decisions import Answer, Outcome
from terminal.present import status
from tests.terminal.test_keeper import START, _engine


async def test_a_restart_is_shown_and_orders_wait(tmp_path: Path) -> None:
    engine = await _engine("http://127.0.0.1:1", tmp_path / "home")
    session = engine.session
    assert session.desk.venue_mode is TradingMode.NORMAL
    assert not [stream for stream in status(engine).streams if stream.name == "venue"]
    session.feed(VenueMode(START, TradingMode.RESTARTING, "the venue is restarting"))
    (told,) = [stream for stream in status(engine).streams if stream.name == "venue"]
    assert told.state == "down"
    assert "restarting" in told.sentence
    order: Event = OrderRequest(
        START, "c1", "m", "m-yes", Side.BUY, 5_000, 10 * SHARE, OrderKind.FAK
    )
    (answer,) = [one for one in session.feed(order).decisions if isinstance(one, Answer)]
    assert answer.outcome is Outcome.DENIED
    assert "restarting" in answer.message
    session.feed(VenueMode(START, TradingMode.NORMAL))
    assert not [stream for stream in status(engine).streams if stream.name == "venue"]
    await engine._close([])


async def test_a_standby_connection_is_a_matter_of_one_setting(tmp_path: Path) -> None:
    plain = await _engine("http://127.0.0.1:1", tmp_path / "plain")
    doubled = await _engine("http://127.0.0.1:1", tmp_path / "doubled", "standby = true\n")
    for engine, connections in ((plain, 1), (doubled, 2)):
        engine.stream.set_wanted(["11", "12"])
        (share,) = engine.stream._shares
        assert len(share.connections) == connections
        assert len(engine.stream.channels) == 1
        await engine._close([])
