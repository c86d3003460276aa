"""The chain of order heartbeats against a venue's rules in miniature."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.markets import SECOND, Nanos
from feeds.polymarket.account.heartbeat import CORRECTIONS_MAX, Heartbeat

START: Nanos = 1_790_000_000 * SECOND


class Venue:
    """Keeps the chain as the venue does. It forgets the id when its deadline has run out."""

    def __init__(self) -> None:
        self.id = ""
        self.count = 0
        self.deadline: Nanos = 0
        self.cancelled = 0

    def pass_time(self, now: Nanos) -> None:
        if self.deadline and now >= self.deadline:
            self.id, self.deadline = "", 0
            self.cancelled += 1

    def beat(self, body: bytes, now: Nanos) -> tuple[int, bytes]:
        if json.loads(body)["heartbeat_id"] != self.id:
            wrong = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": self.id}
            return 400, json.dumps(wrong).encode()
        self.count += 1
        self.id, self.deadline = f"beat {self.count}", now + 10 * SECOND
        return 200, json.dumps({"heartbeat_id": self.id}).encode()


def test_a_beat_every_five_seconds_one_at_a_time() -> None:
    chain, venue = Heartbeat(), Venue()
    assert chain.due(START) is None
    chain.start(START)
    sent = []
    for second in range(21):
        now = START + second * SECOND
        body = chain.due(now)
        if body is not None:
            sent.append(second)
            assert chain.due(now) is None, "its answer must come first"
            chain.answered(*venue.beat(body, now), now, now)
        assert not chain.lapsed(now)
    assert sent == [0, 5, 10, 15, 20]
    chain.stop()
    assert chain.due(START + 60 * SECOND) is None
    assert chain.lapsed(START + 60 * SECOND)


def test_a_wrong_id_is_put_right_at_once() -> None:
    chain, venue = Heartbeat(), Venue()
    venue.id = "of another process"
    chain.start(START)
    first = chain.due(START)
    assert first is not None
    chain.answered(*venue.beat(first, START), START, START)
    assert chain.refusal == "the venue expected another heartbeat id"
    second = chain.due(START)
    assert second == b'{"heartbeat_id":"of another process"}'
    chain.answered(*venue.beat(second, START), START, START)
    assert (chain.refusal, venue.count) == ("", 1)


def test_putting_right_is_not_done_without_end() -> None:
    chain = Heartbeat()
    chain.start(START)
    tries = 0
    while chain.due(START) is not None:
        tries += 1
        chain.answered(400, b'{"heartbeat_id":"other"}', START, START)
    assert tries == CORRECTIONS_MAX + 1
    assert chain.due(START + 5 * SECOND) is not None


def test_what_is_no_answer_is_tried_again_after_a_second() -> None:
    for status, body in ((500, b""), (200, b"<html>"), (400, b"{}"), (401, b'{"error":"no"}')):
        chain = Heartbeat()
        chain.start(START)
        assert chain.due(START) is not None
        chain.answered(status, body, START, START)
        assert chain.refusal == f"the venue answered {status}"
        assert chain.due(START + SECOND - 1) is None
        assert chain.due(START + SECOND) == b'{"heartbeat_id":""}'
        assert chain.accepted_ns == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["ok", "lost before", "lost after", "500"]), max_size=30))
def test_the_chain_survives_any_run_of_faults_and_knows_when_orders_may_be_gone(
    faults: list[str],
) -> None:
    chain, venue = Heartbeat(), Venue()
    chain.start(START)
    now = START
    left = list(faults)
    for _ in range(120):
        now += SECOND
        venue.pass_time(now)
        if venue.cancelled and venue.deadline == 0:
            assert chain.lapsed(now) or chain.accepted_ns == 0
        body = chain.due(now)
        if body is None:
            continue
        fault = left.pop(0) if left else "ok"
        if fault == "ok":
            chain.answered(*venue.beat(body, now), now, now)
        elif fault == "500":
            chain.answered(500, b"", now, now)
        else:
            if fault == "lost after":
                venue.beat(body, now)
            chain.lost(now)
    assert chain.refusal == ""
    assert not chain.lapsed(now)
    assert venue.deadline > now
