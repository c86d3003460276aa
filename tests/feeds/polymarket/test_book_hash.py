"""A book's hash is a hint: looked at in samples, worth one question, never a storm."""

import asyncio
import json
from hashlib import sha1
from pathlib import Path
from typing import Any

import httpx
import pytest

from feeds.clock import Clock
from feeds.events import BookState, Gap
from feeds.markets import SECOND
from feeds.polymarket.book_hash import HashVerdict, verdict_on_hash
from feeds.polymarket.catalogue import Catalogue
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.rest import ClobReader
from feeds.polymarket.stream import MarketStream

from .rig import Rig
from .test_against_practice import practice
from .test_stream import Desk

BOOK: dict[str, Any] = {
    "market": "0x" + "0" * 63 + "1",
    "asset_id": "1001",
    "timestamp": "1790000000001",
    "hash": "",
    "bids": [{"price": "0.49", "size": "10"}, {"price": "0.48", "size": "20.5"}],
    "asks": [{"price": "0.51", "size": "12.5"}],
    "min_order_size": "5",
    "tick_size": "0.01",
    "neg_risk": False,
    "last_trade_price": "0.5",
}


def hashed(**other: Any) -> dict[str, Any]:
    """A book under its own hash, as the standard library writes compact JSON."""
    book = BOOK | other
    text = json.dumps(book, separators=(",", ":")).encode()
    return book | {"hash": sha1(text).hexdigest()}


def sent(book: dict[str, Any]) -> bytes:
    return json.dumps(book | {"event_type": "book"}).encode()


def test_recorded_hashes_are_those_of_their_books(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors" / "book_hash.json").read_bytes())
    assert vectors["cases"]
    for case in vectors["cases"]:
        book = case["book"] | {"hash": case["sha1"]}
        assert verdict_on_hash(sent(book)) is HashVerdict.SAME
        other = book | {"last_trade_price": "0.51"}
        assert verdict_on_hash(sent(other)) is HashVerdict.OTHER


def test_the_order_and_blanks_of_the_message_do_not_matter() -> None:
    book = dict(reversed(hashed().items()))
    assert verdict_on_hash(json.dumps(book, indent=3).encode()) is HashVerdict.SAME


@pytest.mark.parametrize("field", sorted(BOOK))
def test_without_a_hashed_field_the_hash_is_unknown(field: str) -> None:
    book = hashed()
    del book[field]
    assert verdict_on_hash(sent(book)) is HashVerdict.UNKNOWN


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b'{"market":', b"[" * 5_000])
def test_what_is_no_book_has_no_known_hash(text: bytes) -> None:
    assert verdict_on_hash(text) is HashVerdict.UNKNOWN


def test_a_number_where_text_was_hashed_is_unknown() -> None:
    assert verdict_on_hash(sent(hashed() | {"tick_size": 0.01})) is HashVerdict.UNKNOWN


def following() -> Rig:
    rig = Rig()
    rig.connect()
    rig.channel.counts.clear()
    rig.now += 2 * SECOND
    return rig


def wrong(rig: Rig) -> bytes:
    """The venue's true book under a hash that is not its own, in the rig's present."""
    truth = {**BOOK, **rig.toy.book("1001"), "hash": "ab" * 20}
    return sent(truth | {"min_order_size": "5", "neg_risk": False, "last_trade_price": "0.5"})


def test_a_mismatch_keeps_the_book_and_asks_the_witness_once() -> None:
    rig = following()
    rig.hear(wrong(rig))
    rig.wait(1)
    assert rig.channel.counts["hash mismatches"] == 1
    assert rig.probed["1001"] == 1
    assert rig.state("1001") is BookState.LIVE
    assert not rig.heard(Gap)
    assert rig.agrees()


def test_mismatches_without_end_cost_one_question_a_market_in_ten_seconds() -> None:
    rig = following()
    for _ in range(300):
        rig.hear(wrong(rig))
        rig.wait(0.1)
    # the check itself: at most ten times a second; the question: once in ten seconds
    assert 200 <= rig.channel.counts["hash mismatches"] <= 310
    assert 2 <= sum(rig.probed.values()) <= 4
    assert not rig.heard(Gap)
    assert rig.channel.reconnects == 0
    assert rig.channel.counts["resubscribed"] == 0


def test_a_right_hash_and_a_missing_field_raise_no_doubt() -> None:
    rig = following()
    before = rig.channel.hashes_checked
    right = hashed(**rig.toy.book("1001") | {"hash": ""})
    rig.hear(sent(right))
    rig.now += 2 * SECOND
    del right["neg_risk"]
    rig.hear(sent(right))
    rig.wait(1)
    assert rig.channel.hashes_checked - before == 2
    assert rig.channel.counts["hash unknown"] == 1
    assert rig.channel.counts["hash mismatches"] == 0
    assert "1001" not in rig.probed


def test_a_first_dump_is_sampled_like_any_other_message() -> None:
    rig = following()
    before = rig.channel.hashes_checked
    books = [hashed(**rig.toy.book(one) | {"hash": ""}) for one in ("1001", "1002")]
    wrong_ones = [book | {"hash": "ab" * 20} for book in books]
    rig.hear(b"[" + b",".join(map(sent, wrong_ones)) + b"]")
    assert rig.channel.hashes_checked - before == 1
    assert rig.channel.counts["hash mismatches"] == 1


async def test_hashes_of_the_practice_venue() -> None:
    """True ones are found true; with the fault, wrong ones are counted and nothing resyncs."""
    await asyncio.gather(_hashes_hold(""), _hashes_hold("hash_mismatch=1"))


async def _hashes_hold(fault: str) -> None:
    desk = Desk()
    options = ("--fault", fault) if fault else ()
    async with practice(*options) as told, httpx.AsyncClient() as http:
        hosts = Hosts.of(**{key: told[key] for key in ("gamma", "clob", "data", "ws_market")})
        clock = Clock()
        reader = ClobReader(hosts, http, clock)
        markets = [market async for batch in Catalogue(hosts, http).markets() for market in batch]
        stream = MarketStream(hosts, clock, desk.hear, desk.hear_health, reader)
        stream.set_wanted([asset for market in markets[:60] for asset in market.assets])
        task = asyncio.create_task(stream.run())
        try:
            (channel,) = stream.channels
            await desk.until(lambda: channel.hashes_checked >= 5, seconds=20)
            assert channel.counts["hash unknown"] == 0
            assert (channel.counts["hash mismatches"] > 0) == bool(fault)
            assert channel.reconnects == 0
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
