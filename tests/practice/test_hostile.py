"""Rubbish of every kind at every door: an answer comes, never a failure of the venue."""

import json
import re
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx import ASGITransport
from starlette.routing import Route

from practice.api.market_stream import NO_FREEZE, Connection
from practice.api.user_stream import UserConnection
from practice.faults.frame_faults import FrameFaults
from tests.practice.traders import Floor, floor

BOTTOMLESS = [b"[" * 5_000, b'{"a":' * 3_000, b'{"auth":' * 3_000, b"[" * 5_000 + b"]" * 5_000]
ODD = [
    "", "0", "-1", "1e9", "nan", "inf", "0x", "0x12", "\0", "💥", "%00", "null", "[]", "{}", "true",
    "9" * 400, "٣", "'", '"', "../..", "LTI=", "====", "0b1", "1_000", "x" * 3_000,
]  # fmt: skip
NAMES = [
    "token_id", "market", "asset_id", "id", "condition_id", "clob_token_ids", "event_id", "user",
    "maker_address", "date", "side", "interval", "fidelity", "startTs", "endTs", "start", "end",
    "as_of", "bucket_seconds", "limit", "offset", "next_cursor", "after_cursor", "cursor", "order",
    "ascending", "closed", "tag_id", "q", "page", "before", "after", "type", "asset_type",
    "signature_type", "address", "builder_code", "volume_num_min", "question_id",
]  # fmt: skip


@pytest.fixture
def here() -> Floor:
    return floor()


@pytest_asyncio.fixture
async def http(here: Floor) -> AsyncIterator[httpx.AsyncClient]:
    transport = ASGITransport(app=here.venue.app())
    async with httpx.AsyncClient(base_url="http://127.0.0.1", transport=transport) as client:
        yield client


JSON = {"content-type": "application/json"}


def doors(here: Floor) -> list[tuple[str, str]]:
    found = []
    for route in here.venue.routes():
        if isinstance(route, Route):
            found += [(method, route.path) for method in sorted(route.methods or ())]
    return found


async def test_bodies_without_a_bottom_are_refused(http: httpx.AsyncClient) -> None:
    for path in ("/books", "/rpc", "/control/fault", "/control/wallet", "/control/list"):
        for body in BOTTOMLESS:
            answered = await http.post(path, content=body, headers=JSON)
            assert answered.status_code == 400, (path, body[:20])


def test_frames_without_a_bottom_end_a_new_connection_and_no_open_one(here: Floor) -> None:
    for frame in (body.decode() for body in BOTTOMLESS):
        market = Connection(NO_FREEZE, FrameFaults(here.venue.deck, 1))
        user = UserConnection(NO_FREEZE, FrameFaults(here.venue.deck, 2))
        assert not here.venue.stream._heard(market, frame)
        assert here.venue.user_stream._heard(user, frame)
        market.begun = user.begun = True
        assert here.venue.stream._heard(market, frame)
        assert not here.venue.user_stream._heard(user, frame)


async def test_odd_questions_get_answers(here: Floor, http: httpx.AsyncClient) -> None:
    chance, listing = Random(3), here.venue.board.listings["free"]
    known = [listing.condition, *listing.assets, "600001", "free", "MA==", "2026-11-24"]

    def word(_: Any = None) -> str:
        return chance.choice(known if chance.random() < 0.4 else ODD)

    statuses = set()
    for _ in range(300):
        method, path = chance.choice(doors(here))
        spelt = re.sub(r"\{[^}]+\}", lambda _: re.sub(r"[/?#%\0\\.]", "_", word()) or "_", path)
        asked = {chance.choice(NAMES): word() for _ in range(chance.randrange(4))}
        body = json.dumps({chance.choice(NAMES): word()}) if method != "GET" else None
        answer = await http.request(method, spelt, params=asked, content=body)
        assert answer.status_code < 500 or answer.status_code == 501, (method, spelt, asked, body)
        statuses.add(answer.status_code)
    assert {200, 400, 401, 404} <= statuses
    assert here.venue.auditor.told()["violations"] == []
