"""The user socket over loopback: who gets in, what is told, and to whom."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from starlette.routing import BaseRoute

from practice.accounts.registry import ApiKey
from practice.api.market_stream import Freeze
from practice.faults.deck import Faults
from practice.serve import HOST, listen, server_for
from practice.venue import WS_USER
from tests.practice.traders import ANN, BOB, NO, Floor, floor

WAIT_S = 5.0

ORDER_KEYS = {
    "asset_id", "associate_trades", "created_at", "event_type", "expiration", "id",
    "maker_address", "market", "order_owner", "order_type", "original_size", "outcome", "owner",
    "price", "side", "size_matched", "status", "timestamp", "type",
}  # fmt: skip
TRADE_KEYS = {
    "asset_id", "bucket_index", "event_type", "fee_rate_bps", "id", "last_update",
    "maker_address", "maker_orders", "market", "match_time", "outcome", "owner", "price", "side",
    "size", "status", "taker_order_id", "timestamp", "trade_owner", "trader_side",
    "transaction_hash", "type",
}  # fmt: skip


class Mailbox:
    """One user socket; PING after what is awaited, so that silence is known as silence."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket

    async def say(self, **frame: object) -> None:
        await self.socket.send(json.dumps(frame))

    async def log_in(self, here: Floor, who: str, **more: object) -> None:
        shown = here.keys[who].shown()
        await self.say(type="user", auth=shown, **more)

    async def heard(self) -> list[dict[str, Any]]:
        await self.socket.send("PING")
        frames: list[dict[str, Any]] = []
        while (text := await asyncio.wait_for(self.socket.recv(), WAIT_S)) != "PONG":
            frames.append(json.loads(text))
        return frames

    async def closed(self) -> tuple[int, str] | None:
        with suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(self.socket.recv(), WAIT_S)
        received = self.socket.protocol.close_rcvd
        return (received.code, received.reason) if received else None


@pytest_asyncio.fixture
async def here() -> AsyncIterator[Floor]:
    standing = floor()
    standing.venue.trading.tell = standing.venue.user_stream.tell
    routes: list[BaseRoute] = []
    listener = listen(0)
    server = server_for(standing.venue.app(*routes))
    task = asyncio.create_task(server.serve([listener]))
    standing.url = f"ws://{HOST}:{listener.getsockname()[1]}{WS_USER}"
    try:
        yield standing
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def mailbox(here: Floor, who: str = "", **more: object) -> AsyncIterator[Mailbox]:
    async with websockets.connect(here.url) as socket:
        box = Mailbox(socket)
        if who:
            await box.log_in(here, who, **more)
            await box.heard()
        yield box


async def test_wrong_credentials_or_none_close_the_socket(here: Floor) -> None:
    wrong = here.keys[ANN].shown() | {"secret": here.keys[BOB].secret}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"type": "user", "auth": wrong}, "Unauthorized/Invalid api key"),
        ({"type": "user", "auth": {}}, "Unauthorized/Invalid api key"),
        ({"type": "user"}, "invalid subscription payload"),
        ({"type": "market", "assets_ids": []}, "invalid subscription payload"),
    ]
    for frame, reason in refused:
        async with mailbox(here) as box:
            await box.say(**frame)
            assert await box.closed() == (1008, reason)
    async with mailbox(here) as box:
        await box.socket.send("PING")
        assert await box.closed() == (1008, "invalid subscription payload")


async def test_both_sides_of_a_trade_hear_of_it_and_nobody_else_does(here: Floor) -> None:
    async with mailbox(here, ANN) as ann, mailbox(here, BOB) as bob:
        cents = sum(here.best("free")) // 200
        made, _ = here.order(ANN, "free", cents=cents, shares=40)
        placed = await ann.heard()
        assert [row["type"] for row in placed] == ["PLACEMENT"]
        assert await bob.heard() == []
        taken, answer = here.order(BOB, "free", cents=100 - cents, shares=15, outcome=NO)
        trade = answer["tradeIDs"][0]
        update, matched = await ann.heard()
        assert set(placed[0]) == set(update) == ORDER_KEYS
        assert set(matched) == TRADE_KEYS
        assert (update["type"], update["status"], update["id"]) == ("UPDATE", "LIVE", made)
        assert (update["size_matched"], update["associate_trades"]) == ("15", [trade])
        assert (matched["id"], matched["status"], matched["trader_side"]) == (
            trade,
            "MATCHED",
            "MAKER",
        )
        assert (matched["outcome"], matched["size"]) == ("No", "15")
        mine = await bob.heard()
        assert [row["type"] for row in mine] == ["PLACEMENT", "UPDATE", "TRADE"]
        assert (mine[1]["id"], mine[1]["status"]) == (taken, "MATCHED")
        assert mine[2]["trader_side"] == "TAKER"
        here.live(3_000_000_000)
        for box in (ann, bob):
            assert [row["status"] for row in await box.heard()] == ["MINED", "CONFIRMED"]


async def test_markets_named_filter_what_is_told_and_may_change(here: Floor) -> None:
    free, paid = (here.venue.board.listings[slug].condition for slug in ("free", "paid"))
    async with mailbox(here, ANN, markets=[free]) as box:

        async def told() -> list[str]:
            for slug in ("free", "paid"):
                here.order(ANN, slug, cents=30, shares=10)
            return [row["market"] for row in await box.heard()]

        assert await told() == [free]
        await box.say(operation="subscribe", markets=[paid])
        await box.heard()
        assert await told() == [free, paid]
        await box.say(operation="unsubscribe", markets=[free])
        await box.heard()
        assert await told() == [paid]
        await box.say(operation="unsubscribe", markets=[paid])
        await box.heard()
        assert await told() == [free, paid]


async def test_rubbish_is_let_pass_once_the_channel_is_open(here: Floor) -> None:
    async with mailbox(here, ANN) as box:
        for rubbish in ("{", "[]", '{"markets":7}', "ping", "\u00e9"):
            await box.socket.send(rubbish)
        here.order(ANN, "free", cents=30, shares=10)
        assert [row["type"] for row in await box.heard()] == ["PLACEMENT"]


async def test_two_sockets_of_one_user_hear_the_same_and_a_cut_ends_both(here: Floor) -> None:
    async with mailbox(here, ANN) as one, mailbox(here, ANN) as two:
        here.order(ANN, "free", cents=30, shares=10)
        assert await one.heard() == await two.heard()
        assert here.venue.user_stream.cut() == 2
        assert await one.closed() is None or await two.closed() is None


async def test_nothing_is_replayed_after_a_cut(here: Floor) -> None:
    here.order(ANN, "free", cents=30, shares=10)
    async with mailbox(here, ANN) as box:
        assert await box.heard() == []


# -- faults ------------------------------------------------------------------------------------


def rest(here: Floor, shares: int = 10) -> None:
    here.order(ANN, "free", cents=sum(here.best("free")) // 200, shares=shares)


async def test_a_frozen_user_stream_answers_pings_and_tells_nothing(here: Floor) -> None:
    async with mailbox(here, ANN) as box:
        here.venue.user_stream.set_freeze(Freeze(assets="all", lasting=True))
        rest(here)
        assert await box.heard() == []
        async with mailbox(here, ANN) as late:
            rest(here)
            assert await late.heard() == []
        here.venue.user_stream.set_freeze(Freeze())
        rest(here)
        assert [row["type"] for row in await box.heard()] == ["PLACEMENT"]


async def test_frames_to_users_are_lost_and_doubled_too(here: Floor) -> None:
    async with mailbox(here, ANN) as box:
        here.venue.deck.set(Faults(drop_frame_per_mille=1_000))
        rest(here)
        assert await box.heard() == []
        here.venue.deck.set(Faults(double_frame_per_mille=1_000))
        rest(here)
        assert [row["type"] for row in await box.heard()] == ["PLACEMENT", "PLACEMENT"]


async def test_user_sockets_are_cut_by_chance_and_by_order(here: Floor) -> None:
    async with mailbox(here, ANN) as box:
        here.venue.deck.set(Faults(cut_per_mille=1_000))
        await box.socket.send("PING")
        assert (await box.closed() or (0, ""))[0] != 1000
    here.venue.deck.set(Faults())
    async with mailbox(here, ANN) as box:
        assert here.venue.user_stream.cut() == 1
        assert (await box.closed() or (0, ""))[0] != 1000


async def test_a_half_open_user_socket_says_nothing_any_more(here: Floor) -> None:
    async with mailbox(here, ANN) as box:
        assert here.venue.user_stream.half_open() == 1
        rest(here)
        await box.socket.send("PING")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(box.socket.recv(), 0.2)
        here.venue.user_stream.cut()
        await box.closed()


async def test_signatures_are_held_against_the_venues_clock_even_when_it_is_wrong(
    here: Floor,
) -> None:
    url = here.url.removesuffix(WS_USER).replace("ws", "http", 1)
    async with httpx.AsyncClient(base_url=url) as http:

        async def asked(off_s: int) -> int:
            stamp = str(here.clock.now_ns() // 10**9 + off_s)
            headers = signed(here.keys[ANN], stamp)
            return (await http.get("/data/orders", headers=headers)).status_code

        assert (await asked(0), await asked(-600)) == (200, 401)
        here.venue.deck.set(Faults(clock_skew_ms=-600_000))
        assert (await asked(0), await asked(-600)) == (401, 200)


def signed(key: ApiKey, stamp: str) -> dict[str, str]:
    text = f"{stamp}GET/data/orders".encode()
    signature = hmac.new(key.secret_bytes(), text, sha256).digest()
    return {
        "POLY_ADDRESS": key.owner,
        "POLY_API_KEY": key.key,
        "POLY_PASSPHRASE": key.passphrase,
        "POLY_TIMESTAMP": stamp,
        "POLY_SIGNATURE": base64.urlsafe_b64encode(signature).decode(),
    }
