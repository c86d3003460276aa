"""Two channels for the same assets: whatever befalls one, the desk misses nothing and hears
nothing twice."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.book import OrderBook
from feeds.events import BookHealth, BookSnapshot, BookState, Event, Gap, LevelChange, Print
from feeds.markets import SECOND
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.connection_state import ConnectionState
from feeds.polymarket.failover import TOOK_OVER, Failover

from .rig import START, TENTH
from .toy import ToyVenue


class TwoWires:
    """One toy venue, two channels, one desk. ``deaf``: the channels that are sent nothing."""

    def __init__(self, markets: int = 2, seed: int = 0) -> None:
        self.toy = ToyVenue(markets, seed)
        self.now = START
        self.channels = [MarketChannel(), MarketChannel()]
        self.events: list[Event] = []
        self.books: dict[str, OrderBook] = {}
        self.states: dict[str, BookState] = {}
        self.deaf: set[int] = set()
        self.pair = Failover(self.channels[0], self.channels[1], self._desk_hears)
        for number, channel in enumerate(self.channels):
            channel.want(self.toy.assets)
            self.connect(number)

    def connect(self, number: int) -> None:
        channel = self.channels[number]
        channel.connected(self.now)
        self.deaf.discard(number)
        channel.receive(self.toy.first_dump(self.toy.assets), self.now)
        channel.receive(b"PONG", self.now)
        self.deliver(number)

    def cut(self, number: int) -> None:
        self.channels[number].disconnected(self.now, "cut")
        self.deliver(number)

    def deliver(self, number: int) -> None:
        channel = self.channels[number]
        channel.take_frames_to_send()
        for asset_id in channel.take_probes():
            channel.probed(asset_id, None, self.now)
        if events := channel.take_events():
            self.pair.hear(channel, events, self.now)

    def tell(self, *frames: bytes) -> None:
        for frame in frames:
            self.now += 1_000_000
            for number, channel in enumerate(self.channels):
                if number not in self.deaf and channel.link is ConnectionState.SUBSCRIBED:
                    channel.receive(frame, self.now)
                    self.deliver(number)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += TENTH
            for number, channel in enumerate(self.channels):
                if channel.link is ConnectionState.SUBSCRIBED:
                    channel.receive(b"PONG", self.now)
                channel.tick(self.now)
                self.deliver(number)
            self.pair.tick(self.now)

    def _desk_hears(self, events: list[Event]) -> None:
        for event in events:
            self.events.append(event)
            if isinstance(event, BookSnapshot):
                self.books.setdefault(event.asset_id, OrderBook(event.asset_id))
                self.books[event.asset_id].apply_snapshot(event)
            elif isinstance(event, LevelChange):
                self.books[event.asset_id].apply_change(event)
            elif isinstance(event, Gap):
                for asset_id in event.asset_ids:
                    self.books.pop(asset_id, None)
            elif isinstance(event, BookHealth):
                self.states[event.asset_id] = event.state

    def agrees(self) -> bool:
        return all(
            asset in self.books
            and (self.books[asset].bids, self.books[asset].asks) == self.toy.levels(asset)
            for asset in self.toy.assets
        )

    def heard(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def test_while_all_is_well_the_desk_hears_one_connection() -> None:
    wires = TwoWires()
    wires.events.clear()
    for _ in range(50):
        wires.tell(wires.toy.wander())
    wires.tell(*wires.toy.trade("1001"))
    wires.wait(3)
    assert wires.agrees()
    assert wires.pair.takeovers == 0
    assert len(wires.heard(LevelChange)) == 100
    assert len(wires.heard(Print)) == 1


def test_a_connection_that_falls_silent_is_relieved_within_two_seconds() -> None:
    wires = TwoWires()
    wires.tell(wires.toy.wander())
    wires.deaf.add(0)
    missed = wires.toy.trade("2001")
    wires.tell(*missed)
    wires.wait(1.5)
    assert wires.pair.takeovers == 1
    assert wires.pair.heard is wires.channels[1]
    assert wires.agrees()
    assert len(wires.heard(Print)) == 1, "the trade that only the other one heard"
    assert not wires.heard(Gap)
    assert wires.channels[0].wants_reconnect == "the other connection hears more"


def test_a_new_connections_first_books_are_no_sign_of_knowing_more() -> None:
    wires = TwoWires()
    wires.wait(5)
    wires.cut(1)
    wires.wait(1)
    wires.connect(1)
    wires.wait(20)
    assert wires.pair.takeovers == 0


def test_a_cut_is_no_gap_while_the_other_one_stands() -> None:
    wires = TwoWires()
    wires.tell(wires.toy.wander())
    wires.cut(0)
    assert wires.pair.takeovers == 1
    assert not wires.heard(Gap)
    assert wires.agrees()
    told = [event for event in wires.events if isinstance(event, BookHealth)]
    assert {event.reason for event in told[-4:]} == {TOOK_OVER}
    assert set(wires.states.values()) == {BookState.LIVE}
    wires.tell(wires.toy.wander())
    assert wires.agrees()


def test_with_both_lost_the_desk_is_told_the_gap_and_the_first_to_return_is_heard() -> None:
    wires = TwoWires()
    wires.cut(1)
    wires.cut(0)
    assert set(wires.states.values()) == {BookState.RESYNCING}
    assert len(wires.heard(Gap)) == 1
    assert wires.books == {}
    wires.toy.wander()
    wires.connect(1)
    wires.wait(0.1)
    assert wires.pair.heard is wires.channels[1]
    assert wires.agrees()


def test_assets_that_are_no_longer_wanted_end_even_while_a_connection_is_lost() -> None:
    wires = TwoWires()
    for channel in wires.channels:
        channel.want(wires.toy.assets[:2])
    wires.cut(0)
    wires.deliver(1)
    assert wires.states["2001"] is BookState.CLOSED
    assert "2001" not in wires.books
    assert wires.states["1001"] is BookState.LIVE


def test_a_trade_that_happened_twice_is_told_twice_and_one_told_already_is_not() -> None:
    wires = TwoWires()
    *books, told = wires.toy.trade("1001")
    twin = told.replace(b'"transaction_hash":"0x', b'"transaction_hash":"0xf')
    wires.tell(*books, told)
    wires.deaf.add(0)
    wires.tell(twin, wires.toy.wander())
    wires.wait(2)
    assert wires.pair.takeovers == 1
    assert len(wires.heard(Print)) == 2


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_whatever_befalls_either_the_books_agree_and_no_trade_is_lost_or_told_twice(
    seed: int, data: st.DataObject
) -> None:
    wires = TwoWires(seed=seed)
    traded: Counter[str] = Counter()
    for _ in range(data.draw(st.integers(1, 12))):
        step = data.draw(st.sampled_from(["wander", "trade", "freeze", "cut"]))
        if step == "wander":
            wires.tell(*(wires.toy.wander() for _ in range(5)))
        elif step == "trade":
            asset = data.draw(st.sampled_from(wires.toy.yes_assets))
            if wires.toy.asks[asset] and max(wires.toy.asks[asset].values()) > 2:
                frames = wires.toy.trade(asset)
                traded[asset] += 1
                wires.tell(*frames)
        else:
            heard = wires.channels.index(wires.pair.heard)
            if step == "freeze":
                wires.deaf.add(heard)
                wires.tell(wires.toy.wander(), wires.toy.set_level("1001", "BUY", 100, 5_000_000))
            else:
                wires.cut(heard)
            wires.wait(2)
            for number, channel in enumerate(wires.channels):
                if channel.link is ConnectionState.SPENT:
                    wires.cut(number)
                if channel.link is ConnectionState.DOWN:
                    wires.connect(number)
    wires.wait(2)
    assert wires.agrees()
    told = Counter(event.asset_id for event in wires.events if isinstance(event, Print))
    assert told == traded


def test_time_that_a_frozen_wire_may_have_is_under_two_seconds() -> None:
    wires = TwoWires()
    wires.deaf.add(0)
    wires.tell(wires.toy.set_level("1001", "BUY", 4_900, 77_000_000))
    start = wires.now
    while not wires.agrees():
        wires.wait(0.1)
        if wires.now - start > 2 * SECOND:
            pytest.fail("the standby did not take over")
