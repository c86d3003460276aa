"""The fault deck: what it does by order and by chance, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from practice.answers import answer, body_of
from practice.clock import MINUTE, SECOND
from practice.exchange.orders import YES
from practice.faults.deck import NO_FAULTS, Deck, with_fault
from practice.faults.frame_faults import FrameFaults
from practice.faults.http_faults import ERRORS, HttpFaults
from practice.serve import parser
from practice.world.catalogue import Catalogue
from tests.practice.loopback import Client, Host, Served, hosting, listening
from tests.practice.worlds import START_NS, catalogue, market, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


def two_markets() -> Catalogue:
    return catalogue(market("moved", activity=4.0), market("still"))


class Till:
    """Stands where orders are placed and cancelled: it counts what it was asked to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def routes(self) -> list[Route]:
        paths = {"/order": ["POST", "DELETE"], "/orders": ["POST"], "/cancel-all": ["DELETE"]}
        return [Route(path, self._do, methods=methods) for path, methods in paths.items()]

    async def _do(self, request: Request) -> Response:
        body = (await body_of(request)).decode()
        self.done.append(f"{request.method} {request.url.path} {body}".strip())
        return answer({"success": True, "orderID": f"0x{len(self.done)}", "done": len(self.done)})


@asynccontextmanager
async def trading(host: Host) -> AsyncIterator[tuple[Served, Till]]:
    till = Till()
    async with host.serving(world(markets=two_markets())) as served:
        venue = served.venue
        app = HttpFaults(
            _routed(till, venue.app()), venue.deck, served.clock, venue.control.retick_asset
        )
        host.put(app)
        yield served, till


def _routed(till: Till, venue: Any) -> Any:
    """The till before the venue, both under one layer of mischief."""
    return Router(routes=till.routes(), default=venue)


async def order(served: Served, **leg: object) -> httpx.Response:
    return await served.http.post("/order", json={"order": {"tokenId": "1"}, **leg})


# -- requests ----------------------------------------------------------------------------------


async def test_nothing_goes_wrong_unless_it_was_asked_for(host: Host) -> None:
    async with trading(host) as (served, till):
        for _ in range(20):
            assert (await order(served)).status_code == 200
        assert len(till.done) == 20
        told = await served.get("/control/faults")
        assert (told["rates"], told["counts"], told["mode"]) == ({}, {}, "normal")


async def test_a_lost_reply_was_done_and_a_lost_request_was_not(host: Host) -> None:
    async with trading(host) as (served, till):
        await served.fault(once={"lost_reply": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await order(served)
        assert len(till.done) == 1
        await served.fault(once={"lost_request": 1})
        with pytest.raises(httpx.TransportError):
            await order(served)
        assert len(till.done) == 1
        assert (await order(served)).json()["done"] == 2
        counts = (await served.get("/control/faults"))["counts"]
        assert counts == {"lost_reply": 1, "lost_request": 1}


async def test_a_hung_request_is_never_answered_and_never_done(host: Host) -> None:
    async with trading(host) as (served, till):
        await served.fault(once={"hung_request": 1})
        with pytest.raises(httpx.ReadTimeout):
            await served.http.post("/order", json={}, timeout=0.1)
        assert till.done == []


async def test_a_late_reply_was_done_long_before_it_comes(host: Host) -> None:
    async with trading(host) as (served, till):
        await served.fault(late_reply_ms_max=60_000, once={"late_reply": 1})
        with pytest.raises(httpx.ReadTimeout):
            await served.http.post("/order", json={}, timeout=0.1)
        assert len(till.done) == 1
        await served.fault(late_reply_ms_max=10, once={"late_reply": 1})
        assert (await order(served)).json()["done"] == 2


async def test_a_duplicate_answer_is_that_of_the_second_of_two_requests(host: Host) -> None:
    async with trading(host) as (served, till):
        await served.fault(once={"duplicate_answer": 1})
        assert (await order(served, postOnly=True)).json()["done"] == 2
        assert till.done[0] == till.done[1]


async def test_a_truncated_reply_breaks_off_in_the_middle(host: Host) -> None:
    async with trading(host) as (served, till):
        await served.fault(once={"truncated_reply": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await order(served)
        assert len(till.done) == 1


@pytest.mark.parametrize("name", sorted(ERRORS))
async def test_errors_come_instead_of_being_done(host: Host, name: str) -> None:
    async with trading(host) as (served, till):
        await served.fault(once={name: 1})
        refused = await order(served)
        assert refused.status_code == ERRORS[name][0]
        assert ("retry-after" in refused.headers) == bool(ERRORS[name][3])
        assert till.done == []
        assert (await order(served)).status_code == 200


async def test_an_accepted_500_was_done_all_the_same(host: Host) -> None:
    async with trading(host) as (served, till):
        await served.fault(once={"accepted_500": 1})
        assert (await order(served)).status_code == 500
        assert len(till.done) == 1


async def test_faults_strike_the_routes_they_were_told_to(host: Host) -> None:
    async with trading(host) as (served, _):
        await served.fault(routes="orders", status_500=1)
        assert (await served.http.get("/ok")).status_code == 200
        assert (await order(served)).status_code == 500
        await served.fault(routes="reads")
        assert (await served.http.get("/ok")).status_code == 500
        assert (await order(served)).status_code == 200
        await served.fault(clear=True)
        assert (await served.http.get("/ok")).status_code == 200


async def test_a_tick_changes_while_the_order_is_on_its_way(host: Host) -> None:
    async with trading(host) as (served, till):
        asset = served.listing("still").assets[YES]
        await served.fault(once={"tick_change": 1})
        await served.http.post("/order", json={"order": {"tokenId": asset}})
        assert asset in till.done[0]
        told = await served.get("/tick-size", token_id=asset)
        assert told == {"minimum_tick_size": 0.001}


async def test_the_venues_clock_may_be_wrong(host: Host) -> None:
    async with trading(host) as (served, _):
        await served.fault(clock_skew_ms=-120_000)
        assert await served.get("/time") == START_NS // SECOND - 120


# -- modes of the venue --------------------------------------------------------------------------


async def test_a_restart_refuses_all_then_takes_post_only_orders_then_everything(
    host: Host,
) -> None:
    async with trading(host) as (served, till):
        await served.fault(mode="restarting")
        assert (await order(served)).status_code == 425
        assert (await served.http.delete("/cancel-all")).status_code == 425
        assert (await served.http.get("/ok")).status_code == 200
        served.clock.move(91 * SECOND)
        refused = await order(served)
        assert (refused.status_code, refused.json()["code"]) == (503, "post_only_mode")
        assert refused.headers["retry-after"] == str(refused.json()["retry_after_seconds"])
        assert (await order(served, postOnly=True)).status_code == 200
        assert (await served.http.delete("/cancel-all")).status_code == 200
        served.clock.move(2 * MINUTE)
        assert (await order(served)).status_code == 200
        assert len(till.done) == 3


async def test_cancel_only_lets_cancels_pass_and_disabled_nothing(host: Host) -> None:
    async with trading(host) as (served, _):
        await served.fault(mode="cancel-only", for_s=30)
        refused = await order(served, postOnly=True)
        assert refused.status_code == 503
        assert "cancel-only" in refused.json()["error"]
        assert (await served.http.delete("/cancel-all")).status_code == 200
        served.clock.move(31 * SECOND)
        assert (await order(served)).status_code == 200
        await served.fault(mode="disabled")
        assert (await served.http.delete("/cancel-all")).status_code == 503
        await served.fault(mode="normal")
        assert (await order(served)).status_code == 200


# -- the control door ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"lost": 1}, "no fault is called 'lost'"),
        ({"lost_reply": 2}, "lost_reply must be 0 to 1"),
        ({"lost_reply": True}, "lost_reply must be 0 to 1"),
        ({"once": {"cut": 1}}, "once names 'cut'"),
        ({"once": {"lost_reply": 10**6}}, "once.lost_reply must be 0 to 1000"),
        ({"mode": "sleepy"}, "mode must be one of normal, restarting"),
        ({"mode": "normal", "for_s": -1}, "for_s must be above 0"),
        ({"freeze": ["1"]}, "is no asset of this venue"),
    ],
)
async def test_a_bad_order_is_refused_and_changes_nothing(
    host: Host, body: dict[str, object], told: str
) -> None:
    async with trading(host) as (served, _):
        refused = await served.fault(**body)
        assert refused.status_code == 400
        assert told in refused.json()["error"]
        assert served.venue.deck.idle


async def test_the_deck_tells_the_command_that_repeats_it(host: Host) -> None:
    async with trading(host) as (served, _):
        told = (await served.fault(seed=3, lost_reply=0.05, freeze=0.01)).json()
        assert told["rates"] == {"lost_reply": 0.05, "freeze": 0.01}
        args = told["repeat"].removeprefix("python -m practice ").split()
        options = parser().parse_args(args)
        assert options.fault == served.venue.deck.faults
        assert options.seed == served.venue.world.seed


# -- streams -------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def served(host: Host) -> AsyncIterator[Served]:
    async with host.serving(world(markets=two_markets())) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: Served) -> AsyncIterator[Client]:
    async with listening(served) as one:
        await one.ask(*served.listing("moved").assets)
        yield one


async def raw_frames(served: Served, client: Client, seconds: int) -> list[str]:
    """What came in some seconds of the world, as text."""
    served.live(seconds * SECOND)
    await client.send(operation="subscribe", assets_ids=[])
    await client.socket.send("PING")
    heard = []
    while (text := await client.next_text()) != "PONG":
        heard.append(text)
    return heard


async def test_lost_frames_are_missing_and_doubled_ones_come_twice(
    served: Served, client: Client
) -> None:
    await served.fault(drop_frame=1)
    assert await raw_frames(served, client, 60) == []
    await served.fault(drop_frame=0, double_frame=1)
    heard = await raw_frames(served, client, 60)
    assert heard
    assert heard[::2] == heard[1::2]


async def test_reordered_frames_are_all_there_in_another_order(
    served: Served, client: Client
) -> None:
    async with listening(served) as witness:
        await witness.ask(*served.listing("moved").assets)
        await served.fault(reorder_frame=0.5)
        served.venue.deck.faults = NO_FAULTS  # what follows is for the first connection alone
        one, two = served.venue.stream.connections
        served.venue.deck.faults = with_fault(NO_FAULTS, "reorder_frame", 0.5)
        quiet = next(c for c in (one, two) if c.frame_faults.number == 2)
        quiet.frame_faults = FrameFaults(Deck(), 2)
        moved = await raw_frames(served, client, 120)
        straight = await raw_frames(served, witness, 0)
        assert sorted(moved) == sorted(straight)
        assert moved != straight


async def test_malformed_frames_are_of_many_kinds_and_none_is_silently_another(
    served: Served, client: Client
) -> None:
    await served.fault(malformed_frame=1)
    heard = await raw_frames(served, client, 600)
    assert len(heard) > 20
    kinds = {_fault_of(text) for text in heard}
    assert kinds >= {"no JSON", "unknown event", "bad price"}


def _fault_of(text: str) -> str:
    try:
        frame = json.loads(text)
    except ValueError:
        return "no JSON"
    if frame.get("event_type") not in {"book", "price_change", "last_trade_price"}:
        return "unknown event"
    return "bad price" if '"7.' in text else "null" if "null" in text else "untouched"


async def test_an_old_snapshot_comes_with_its_old_timestamp(served: Served, client: Client) -> None:
    yes = served.listing("moved").assets[YES]
    await served.fault(stale_snapshot=0.001)
    async with listening(served) as first:
        await first.ask(yes)
    served.live(10 * MINUTE)
    await client.caught_up()
    fresh = await served.get("/book", token_id=yes)
    await served.fault(once={"stale_snapshot": 1})
    async with listening(served) as late:
        (old,) = await late.ask(yes)
    assert int(old["timestamp"]) < int(fresh["timestamp"])
    assert old["hash"] != fresh["hash"]


async def test_a_mismatched_hash_leaves_the_book_as_it_is(served: Served, client: Client) -> None:
    yes = served.listing("still").assets[YES]
    await served.fault(once={"hash_mismatch": 1})
    await client.send(operation="subscribe", assets_ids=[yes])
    (book,) = await client.caught_up()
    true = await served.get("/book", token_id=yes)
    assert book["hash"] == true["hash"][::-1]
    assert (book["bids"], book["asks"]) == (true["bids"], true["asks"])


async def test_an_asset_freezes_by_chance_while_pings_are_answered(
    served: Served, client: Client
) -> None:
    await served.fault(freeze=1)
    assert await raw_frames(served, client, 60) == []
    await served.fault(freeze=0)
    assert await raw_frames(served, client, 60) != []
    assert (await served.get("/control/faults"))["counts"]["freeze"] >= 2


async def test_a_half_open_socket_neither_reads_nor_writes(served: Served, client: Client) -> None:
    assert (await served.fault(half_open=True)).json()["half_open"] == 1
    served.live(60 * SECOND)
    await client.socket.send("PING")
    with pytest.raises(TimeoutError):
        await _within(client, 0.2)
    assert (await served.fault(cut=True)).json()["cut"] == 1
    assert await client.closed() != 1000


async def _within(client: Client, seconds: float) -> str:
    return str(await asyncio.wait_for(client.socket.recv(), seconds))


async def test_a_cut_reaches_a_connection_that_takes_nothing_any_more(served: Served) -> None:
    """One whose client stopped reading is in mid-write when it is dropped."""
    stream, asset = served.venue.stream, served.listing("moved").assets[0]
    async with websockets.connect(
        served.ws_url, max_queue=1, max_size=None, close_timeout=0.1
    ) as deaf:
        await deaf.send(json.dumps({"type": "market", "assets_ids": [asset]}))
        while not any(one.begun for one in stream.connections):
            await served.get("/ok")
        (connection,) = stream.connections
        while len(connection.pending) < 30:  # until neither side's buffers hold any more
            connection.send(b"x" * 100_000)
            await served.get("/ok")
        assert stream.cut() == 1
        while stream.connections:
            await served.get("/ok")


async def test_connections_are_cut_by_chance(served: Served, client: Client) -> None:
    await served.fault(cut=1)
    await client.socket.send("PING")
    assert await client.closed() != 1000
    assert (await served.get("/control/faults"))["counts"]["cut"] == 1
