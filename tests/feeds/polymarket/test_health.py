"""A stream's health in a word and a sentence."""

import json

from feeds.markets import SECOND
from feeds.polymarket.channel import MarketChannel
from feeds.polymarket.health import StreamState, health_of

from .rig import START, Rig


def test_the_sentence_says_what_can_be_trusted_and_what_cannot() -> None:
    rig = Rig(markets=2)

    def told() -> tuple[StreamState, str]:
        health = health_of("market 1", rig.channel, rig.now)
        return health.state, health.sentence

    assert told() == (StreamState.IDLE, "No market is followed.")
    rig.channel.want(rig.toy.assets)
    assert told()[0] is StreamState.DOWN
    rig.channel.connected(rig.now)
    assert told() == (StreamState.CONNECTING, "Connected; waiting for the first books.")
    rig.settle()
    assert told() == (StreamState.LIVE, "4 books live; last data 0 s ago.")
    rig.wait(31)
    assert told() == (StreamState.LIVE, "0 books live, 4 quiet; last data 31 s ago.")
    rig.frozen = True
    rig.toy.set_level("1001", "BUY", 4_900, 1)
    rig.wait(22)
    state, sentence = told()
    assert state is StreamState.DOUBTFUL
    assert sentence.startswith("Of 4 books 2 frozen; the venue answers pings but sends nothing")
    rig.cut("reset by peer")
    assert told() == (StreamState.DOWN, "Not connected: reset by peer. Trading here is off.")


def book_after_a_trade(rig: Rig, price: str) -> bytes:
    rig.toy.ms += 5
    rig.toy.changed_ms["1001"] = rig.toy.ms
    return json.dumps(rig.toy.book("1001") | {"last_trade_price": price}).encode()


def hear_trades(rig: Rig, told: bool, seconds: int) -> None:
    """A trade every five seconds, of which books speak, and the tape of trades perhaps."""
    for number in range(seconds // 5):
        book = book_after_a_trade(rig, f"0.{51 + number % 2}")
        rig.hear(book[:-1] + b', "event_type": "book"}')
        if told:
            rig.wait(1)
            rig.hear(rig.toy.trade("2001")[-1])
            rig.wait(4)
        else:
            rig.wait(5)


def test_trades_that_books_tell_of_and_nobody_sends_are_noticed_within_five_minutes() -> None:
    rig = Rig(markets=2)
    rig.connect()
    hear_trades(rig, told=True, seconds=360)
    assert not rig.channel.trades_untold(rig.now)
    hear_trades(rig, told=False, seconds=290)
    assert not rig.channel.trades_untold(rig.now)
    hear_trades(rig, told=False, seconds=20)
    health = health_of("market 1", rig.channel, rig.now)
    assert health.state is StreamState.DOUBTFUL
    assert "Books tell of trades that the venue does not send" in health.sentence
    rig.hear(rig.toy.trade("2001")[-1])
    assert health_of("market 1", rig.channel, rig.now).state is StreamState.LIVE


def test_a_trade_told_just_before_its_book_is_no_untold_one() -> None:
    rig = Rig(markets=2)
    rig.connect()
    for price in ("0.51", "0.52"):
        rig.hear(rig.toy.trade("2001")[-1])
        rig.hear(book_after_a_trade(rig, price)[:-1] + b', "event_type": "book"}')
    rig.wait(360)
    assert not rig.channel.trades_untold(rig.now)


def test_the_figures_are_the_channels() -> None:
    rig = Rig()
    rig.connect()
    rig.cut()
    rig.reconnect()
    health = health_of("market 1", rig.channel, rig.now)
    assert (health.name, health.assets, health.reconnects) == ("market 1", 2, 1)
    assert health.frames == 2
    assert health.gaps == 2, "one an asset"
    assert START <= health.last_data_ns <= rig.now < START + SECOND
    assert health_of("market 2", MarketChannel(), START).last_data_ns == 0
