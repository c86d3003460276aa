"""A hundred thousand mutated messages: nothing raises but what should, and memory has a bound."""

import json
import random
import resource
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from feeds.events import BookSnapshot, LevelChange
from feeds.markets import SECOND
from feeds.polymarket.account.heartbeat import Heartbeat
from feeds.polymarket.account.user_wire import decode_user_page
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.errors import WireError
from feeds.polymarket.frames import snapshot_of
from feeds.polymarket.gamma import market_from_gamma
from feeds.polymarket.wire import GammaMarket, RestBook, decode_array, decode_as
from tests.conftest import REPO

from .rig import START, Rig
from .test_user_channel import (
    PARTLY_FILLED_THEN_CANCELLED,
    TAKEN_BACK,
    Account,
    maker,
    order,
    trade,
)
from .test_wire import CLOB, GAMMA, SHAPES, mutated, stream_seeds
from .toy import ToyVenue

MUTATIONS = 100_000
GROWTH_MAX = 64 * 1024 * 1024
"""Bytes that a whole run may add to what the process held after its first tenth."""
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def recorded(*patterns: str) -> list[bytes]:
    """Recorded payloads beside the repository, where there are any."""
    folder = REPO.parent / "shared" / "data" / "payloads"
    files = (file for pattern in patterns for file in sorted(folder.glob(pattern)))
    return [file.read_bytes() for file in files if file.stat().st_size < 100_000]


def run(hear: Callable[[bytes, int], None], seeds: list[bytes], seed: int) -> None:
    """Feed mutations of the seeds, and see that memory stays where it was."""
    chance = random.Random(seed)
    after_a_tenth = 0
    for number in range(MUTATIONS):
        hear(mutated(chance, seeds), number)
        if number == MUTATIONS // 10:
            after_a_tenth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - after_a_tenth
    assert grown * _RSS_UNIT < GROWTH_MAX


@pytest.mark.slow
def test_a_channel_survives_any_frames_and_its_books_stay_books() -> None:
    toy = ToyVenue(markets=2, seed=5)
    channel = MarketChannel()
    channel.want(toy.assets)
    channel.connected(START)
    heard = 0

    def hear(frame: bytes, number: int) -> None:
        nonlocal heard
        now = START + number * SECOND // 100
        if number % 1_000 == 0 and number:
            channel.disconnected(now, "cut")
            channel.want([])  # some are resolved by now, and closed for ever
            channel.want(toy.assets)
            channel.connected(now)
            channel.receive(toy.first_dump(toy.assets), now)
        if number % 10 == 0:
            channel.receive(b"PONG", now)
            channel.receive(toy.wander(), now)
            channel.tick(now)
            for asset_id in channel.take_probes():
                channel.probed(asset_id, None, now)
        channel.receive(frame, now)
        channel.take_frames_to_send()
        for event in channel.take_events():
            if isinstance(event, BookSnapshot):
                assert all(0 < price < 10_000 and size >= 0 for price, size in event.bids)
            elif isinstance(event, LevelChange):
                assert 0 < event.price < 10_000
                assert event.size >= 0
                heard += 1

    run(hear, stream_seeds() + recorded("ws/*.json", "adapter/ws_market*.json"), seed=11)
    assert heard > MUTATIONS // 10, "mutations alone would prove little"
    assert sum(value for key, value in channel.counts.items() if "refused" in key) > 10_000


@pytest.mark.slow
def test_the_accounts_channel_survives_any_frames_and_counts_no_fill_twice() -> None:
    account = Account()
    account.expect()
    plain = [*PARTLY_FILLED_THEN_CANCELLED, *TAKEN_BACK]
    plain += [trade("MATCHED", maker(), taker_order_id="0x5"), order("UPDATE", "LIVE", id="0x5")]
    seeds = [json.dumps(one).encode() for one in [*plain, plain]]
    seeds += recorded("ws/user*.json", "ws/order*.json", "adapter/ws_user*.json")
    channel = account.channel

    def hear(frame: bytes, number: int) -> None:
        now = START + number * SECOND // 100
        account.now = now
        if number % 10 == 0:
            channel.receive(b"PONG", now)
            channel.tick(now)
        channel.receive(frame, now)
        if number % 2_000 == 0:
            channel.expect(f"0x{number}", 1_000_000, now)
        account.listen()  # asserts that each fill is told once
        account.asked.clear()

    run(hear, seeds, seed=12)
    assert account.orders
    assert account.fills


@pytest.mark.slow
def test_answers_over_rest_give_shapes_or_wire_errors_and_nothing_else() -> None:
    toy = ToyVenue()
    page = json.dumps({"data": [order("UPDATE", "LIVE")], "next_cursor": "LTE="}).encode()
    seeds = [
        json.dumps(toy.book("1001")).encode(),
        json.dumps([toy.book(asset) for asset in toy.assets]).encode(),
        GAMMA,
        CLOB,
        page,
        b'{"history":[{"t":1790000000,"p":0.52}]}',
        b'{"heartbeat_id":"7"}',
    ]
    seeds += [body for body in recorded("http/*.json", "adapter/*.json") if len(body) < 20_000]
    refused = 0
    chain = Heartbeat()
    chain.start(START)

    def hear(body: bytes, number: int) -> None:
        nonlocal refused
        shape = SHAPES[number % len(SHAPES)]
        try:
            made = decode_as(shape, body)
            if isinstance(made, GammaMarket):
                assert market_from_gamma(made)
            elif isinstance(made, RestBook):
                snapshot_of(made, 1)
        except WireError as error:
            refused += error.path.startswith("$")
        for read in (decode_array, decode_user_page):
            with suppress(WireError):
                read(body)
        if chain.due(START + number * SECOND) is not None:
            now = START + number * SECOND
            chain.answered(200 if number % 3 else 400, body, now, now)

    run(hear, seeds, seed=13)
    assert MUTATIONS // 3 < refused < MUTATIONS


@pytest.mark.slow
def test_a_thousand_seeds_of_cuts_losses_doubles_and_reordering_end_in_equal_books() -> None:
    for seed in range(1_000):
        chance = random.Random(seed)
        rig = Rig(markets=1, seed=seed)
        rig.connect()
        late: list[bytes] = []
        for _ in range(chance.randrange(5, 60)):
            fate = chance.choice(("as is", "as is", "lost", "doubled", "late", "cut", "time"))
            if fate == "cut":
                rig.cut()
                rig.toy.wander()
                rig.reconnect()
                late = []  # what was on its way to the old connection is gone
            elif fate == "time":
                rig.wait(0.1)
            else:
                told = rig.toy.wander()
                if fate == "late":
                    late.append(told)
                elif fate != "lost":
                    rig.hear(told, *late, *([told] if fate == "doubled" else []))
                    late = []
        rig.hear(*late)
        rig.wait(45)  # silence, then one look at the witness
        assert rig.agrees(), f"seed {seed}"
