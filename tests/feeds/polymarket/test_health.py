"""A stream's health in a word and a sentence."""

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
    rig.wait(31)
    state, sentence = told()
    assert state is StreamState.DOUBTFUL
    assert sentence.startswith("Of 4 books 2 frozen; the venue answers pings but sends nothing")
    rig.cut("reset by peer")
    assert told() == (StreamState.DOWN, "Not connected: reset by peer. Trading here is off.")


def test_the_figures_are_the_channels() -> None:
    rig = Rig()
    rig.connect()
    rig.cut()
    rig.reconnect()
    health = health_of("market 1", rig.channel, rig.now)
    assert (health.name, health.assets, health.reconnects) == ("market 1", 2, 1)
    assert health.frames == 2
    assert START <= health.last_data_ns <= rig.now < START + SECOND
    assert health_of("market 2", MarketChannel(), START).last_data_ns == 0
