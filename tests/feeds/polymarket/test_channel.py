"""The market channel without a loop: subscribing, dropping, resyncing, doubting."""

import itertools
import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import (
    BestQuote,
    BookHealth,
    BookSnapshot,
    BookState,
    Gap,
    LevelChange,
    MarketResolved,
    Print,
    TickSizeChange,
)
from feeds.markets import SECOND
from feeds.polymarket.book_monitor import NEXT, Heard
from feeds.polymarket.channel import ASSETS_A_FRAME_MAX, MarketChannel
from feeds.polymarket.connection_state import NEXT_LINK, ConnectionNews, ConnectionState
from feeds.polymarket.frames import snapshot_of
from feeds.polymarket.limits import ChannelLimits
from feeds.polymarket.wire import RestBook, decode_as

from .rig import START, Rig
from .toy import ToyVenue

QUICK = settings(max_examples=60, deadline=None, database=None)
THOROUGH = settings(max_examples=200, deadline=None, database=None)


# ------------------------------------------------------------------------------- subscribing


def test_nothing_is_sent_before_something_is_wanted() -> None:
    channel = MarketChannel()
    channel.connected(START)
    channel.tick(START + 60 * SECOND)
    assert channel.take_frames_to_send() == []
    channel.want(["1"])
    assert len(channel.take_frames_to_send()) == 1


def test_the_first_frame_subscribes_and_pings_follow_every_ten_seconds() -> None:
    rig = Rig()
    rig.connect()
    first = json.loads(rig.sent[0])
    assert first == {
        "type": "market",
        "assets_ids": ["1001", "1002"],
        "custom_feature_enabled": True,
    }
    rig.wait(25)
    assert rig.sent[1:] == ["PING", "PING"]


def test_many_assets_are_subscribed_in_chunks_of_which_only_the_first_has_a_type() -> None:
    channel = MarketChannel()
    assets = [str(number) for number in range(250)]
    channel.want(assets)
    channel.connected(START)
    frames = [json.loads(frame) for frame in channel.take_frames_to_send()]
    assert [frame.get("type", frame.get("operation")) for frame in frames] == [
        "market",
        "subscribe",
        "subscribe",
    ]
    assert [asset for frame in frames for asset in frame["assets_ids"]] == assets
    assert max(len(frame["assets_ids"]) for frame in frames) == ASSETS_A_FRAME_MAX


def test_wanting_more_and_less_tells_the_venue_only_the_difference() -> None:
    rig = Rig(markets=2)
    rig.connect()
    rig.channel.want(["1001", "3001"])
    frames = [json.loads(frame) for frame in rig.channel.take_frames_to_send()]
    assert [(frame["operation"], frame["assets_ids"]) for frame in frames] == [
        ("subscribe", ["3001"]),
        ("unsubscribe", ["1002", "2001", "2002"]),
    ]
    rig._desk_hears()
    gap = rig.heard(Gap)[-1]
    assert isinstance(gap, Gap)
    assert set(gap.asset_ids) == {"1002", "2001", "2002"}
    assert rig.state("2001") is BookState.CLOSED
    rig.channel.want(["1001", "3001"])
    assert rig.channel.take_frames_to_send() == []


def test_the_wanted_set_survives_reconnecting() -> None:
    rig = Rig(markets=2)
    rig.connect()
    rig.cut()
    rig.channel.want(rig.toy.assets[:2])
    assert rig.channel.take_frames_to_send() == []
    rig.reconnect()
    assert json.loads(rig.sent[-1])["assets_ids"] == rig.toy.assets[:2]
    assert json.loads(rig.sent[-1])["type"] == "market"


def test_items_for_assets_that_nobody_wants_are_ignored() -> None:
    rig = Rig(markets=2)
    rig.channel.want(["1001"])
    rig.channel.connected(rig.now)
    rig.settle()
    rig.hear(rig.toy.set_level("1001", "BUY", 4_800, 5), rig.toy.book_frame("2001"))
    rig.hear(rig.toy.set_level("2001", "BUY", 4_800, 5))
    changes = rig.heard(LevelChange)
    assert [change.asset_id for change in changes if isinstance(change, LevelChange)] == ["1001"]
    assert len(rig.heard(BookSnapshot)) == 1


# ------------------------------------------------------------------------------ the connection


def test_every_pair_of_link_and_news_has_a_successor_or_raises() -> None:
    for link, news in itertools.product(ConnectionState, ConnectionNews):
        channel = MarketChannel()
        channel.link = link
        if (link, news) in NEXT_LINK:
            channel._link_hears(news)
            assert channel.link is NEXT_LINK[link, news]
        else:
            with pytest.raises(KeyError):
                channel._link_hears(news)
    assert {link for link, _ in NEXT_LINK} == set(ConnectionState)


def test_every_state_of_a_book_knows_what_to_make_of_everything_heard() -> None:
    assert set(NEXT) == set(itertools.product(BookState, Heard))
    assert all(NEXT[BookState.CLOSED, heard] is BookState.CLOSED for heard in Heard)


def test_a_venue_that_stops_to_pong_is_given_up() -> None:
    rig = Rig()
    rig.connect()
    rig.wait(15)
    rig.dead = True
    rig.wait(31)
    assert rig.channel.wants_reconnect.startswith("no PONG for")
    assert rig.channel.link is ConnectionState.SPENT


def test_back_off_grows_and_only_a_session_of_thirty_seconds_resets_it() -> None:
    channel = MarketChannel()
    channel.want(["1"])
    waits = []
    now = START
    for _ in range(12):
        channel.connected(now)
        now += SECOND
        channel.disconnected(now, "dropped at once")
        waits.append(channel.retry_in_ns(1.0))
    assert waits[:3] == [SECOND // 2, SECOND, 2 * SECOND]
    assert waits[-1] == ChannelLimits().backoff_max_ns
    assert channel.retry_in_ns(0.0) == waits[-1] // 2
    channel.connected(now)
    channel.disconnected(now + 31 * SECOND, "lived long enough")
    assert channel.retry_in_ns(1.0) == SECOND // 2


def test_a_failed_attempt_is_no_gap() -> None:
    channel = MarketChannel()
    channel.want(["1"])
    channel.disconnected(START, "connecting failed")
    assert channel.take_events() == []
    assert channel.reason == "connecting failed"


# --------------------------------------------------------------------------- drop and resync


def test_the_whole_story_of_a_drop_and_a_resync() -> None:
    rig = Rig()
    rig.connect()
    assert rig.states == {"1001": BookState.LIVE, "1002": BookState.LIVE}
    assert rig.agrees()
    rig.hear(rig.toy.set_level("1001", "BUY", 4_950, 3_000_000))
    assert rig.agrees()

    rig.cut("reset by peer")
    gap = rig.heard(Gap)[-1]
    assert isinstance(gap, Gap)
    assert (set(gap.asset_ids), gap.reason) == ({"1001", "1002"}, "reset by peer")
    assert set(rig.states.values()) == {BookState.RESYNCING}
    assert rig.books == {}
    missed = rig.toy.set_level("1001", "SELL", 5_100, 0)

    told = len(rig.events)
    rig.channel.connected(rig.now)
    rig.hear(missed)  # a change that comes before the first book
    assert len(rig.events) == told, "no change reaches the desk before a book"
    rig.settle()
    assert rig.agrees()
    assert set(rig.states.values()) == {BookState.LIVE}


@THOROUGH
@given(st.integers(0, 2**32), st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_after_a_cut_at_any_moment_the_books_equal_the_venues(seed: int, runs: list[int]) -> None:
    rig = Rig(markets=2, seed=seed)
    rig.connect()
    for run in runs:
        for _ in range(run):
            rig.hear(rig.toy.wander())
        rig.cut()
        for _ in range(run // 3):
            rig.toy.wander()
        rig.reconnect()
        rig.hear(rig.toy.wander())
        assert rig.agrees()


@THOROUGH
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from(["as is", "lost", "doubled", "late", "tick", "trade"]), max_size=60),
)
def test_after_losses_doubles_and_reordering_one_resync_makes_the_books_equal(
    seed: int, fates: list[str]
) -> None:
    rig = Rig(markets=1, seed=seed)
    rig.connect()
    late: list[bytes] = []
    for fate in fates:
        if fate == "tick":
            rig.wait(0.1)
            continue
        frames = (
            rig.toy.trade("1001")
            if fate == "trade" and rig.toy.asks["1001"]
            else [rig.toy.wander()]
        )
        if fate == "late":
            late += frames
        elif fate != "lost":
            rig.hear(*frames, *late, *(frames if fate == "doubled" else []))
            late = []
    rig.hear(*late)
    rig.wait(45)  # silence, then the witness
    assert rig.agrees()


@QUICK
@given(st.integers(0, 2**32), st.lists(st.integers(1, 7), max_size=20), st.booleans())
def test_frames_one_by_one_in_bursts_and_between_ticks_give_the_same_book(
    seed: int, bursts: list[int], with_ticks: bool
) -> None:
    one_by_one, burst = Rig(seed=seed), Rig(seed=seed)
    one_by_one.connect()
    burst.connect()
    for size in bursts:
        frames = [one_by_one.toy.wander() for _ in range(size)]
        assert frames == [burst.toy.wander() for _ in range(size)]
        one_by_one.hear(*frames)
        burst.hear(b"[" + b",".join(frames) + b"]")
        if with_ticks:
            burst.wait(0.3)
    for asset in one_by_one.toy.assets:
        here, there = one_by_one.books[asset], burst.books[asset]
        assert (here.bids, here.asks) == (there.bids, there.asks) == one_by_one.toy.levels(asset)
    assert one_by_one.agrees()
    assert burst.agrees()


# ------------------------------------------------------------------------ silence and witness


def test_silence_is_explained_by_the_witness_quiet() -> None:
    rig = Rig()
    rig.connect()
    rig.wait(24)
    assert rig.state("1001") is BookState.LIVE
    assert rig.probed["1001"] == 0
    rig.wait(2)
    states = [e.state for e in rig.events if isinstance(e, BookHealth) and e.asset_id == "1001"]
    assert states == [BookState.LIVE, BookState.STALE, BookState.QUIET]
    rig.wait(50)
    assert rig.probed["1001"] == 3, "asked again every 25 s"
    rig.hear(rig.toy.wander())
    assert rig.state("1001") is BookState.LIVE


def test_a_frozen_stream_is_noticed_kept_fresh_over_rest_and_replaced() -> None:
    rig = Rig(markets=2)
    rig.connect()
    rig.frozen = True
    rig.toy.set_level("1001", "BUY", 4_950, 9_000_000)
    rig.wait(26)
    assert rig.state("1001") is BookState.FROZEN
    assert rig.state("2001") is BookState.QUIET
    noticed = [e for e in rig.heard(BookHealth) if e.state is BookState.FROZEN]
    assert [event.asset_id for event in noticed] == ["1001", "1002"]
    assert noticed[-1].at_ns - START <= 30 * SECOND
    assert rig.books["1001"].bids == rig.toy.bids["1001"], "the desk sees the witness's book"
    rig.wait(3)
    assert [frame for frame in rig.sent if "1001" in frame][-1].startswith(
        '{"operation":"subscribe"'
    )
    rig.wait(6)
    assert rig.channel.wants_reconnect.endswith("frozen: PONG comes, books do not")
    rig.cut()
    rig.frozen = False
    rig.reconnect()
    assert rig.agrees()
    assert set(rig.states.values()) == {BookState.LIVE}


def test_an_hour_with_a_freeze_in_it_is_over_ten_seconds_after_it_was_noticed() -> None:
    rig = Rig(markets=2)
    rig.connect()
    for second in range(3_600):
        if second == 25 * 60:
            rig.frozen = True
        frame = rig.toy.wander()
        if not rig.frozen:
            rig.hear(frame)
        rig.wait(1)
        if rig.channel.wants_reconnect:
            rig.cut(rig.channel.wants_reconnect)
            rig.frozen = False
            rig.reconnect()
    assert rig.agrees()
    seen = [event for event in rig.heard(BookHealth) if event.at_ns > START + SECOND]
    frozen = [event.at_ns for event in seen if event.state is BookState.FROZEN]
    live = [event.at_ns for event in seen if event.state is BookState.LIVE]
    assert frozen[0] - START - 25 * 60 * SECOND <= 30 * SECOND
    assert max(live) - min(frozen) <= 10 * SECOND
    assert rig.channel.reconnects == 1, "nothing else went wrong in the hour"


def test_no_trade_reaches_the_desk_before_a_book() -> None:
    rig = Rig()
    rig.channel.want(rig.toy.assets)
    rig.channel.connected(rig.now)
    rig.hear(rig.toy.trade("1001")[-1])
    assert rig.events == []
    rig.settle()
    rig.hear(rig.toy.trade("1001")[-1])
    assert len(rig.heard(Print)) == 1
    rig.cut()
    rig.channel.connected(rig.now)
    rig.hear(rig.toy.trade("1001")[-1])
    assert len(rig.heard(Print)) == 1
    assert rig.channel.counts["trades before a book"] == 2


def test_a_new_subscription_that_brings_the_book_saves_the_connection() -> None:
    rig = Rig(markets=2)
    rig.connect()
    rig.toy.set_level("1001", "BUY", 4_950, 9_000_000)  # never told
    rig.wait(26)
    assert rig.state("1001") is BookState.FROZEN
    rig.wait(10)
    assert rig.channel.wants_reconnect == ""
    assert rig.state("1001") is BookState.LIVE
    assert rig.channel.counts["resubscribed"] == 2


def test_a_stream_that_is_only_later_than_rest_is_not_asked_again() -> None:
    rig = Rig()
    rig.connect()
    late = rig.toy.set_level("1001", "BUY", 4_950, 9_000_000)
    rig.wait(25.3)
    assert rig.state("1001") is BookState.FROZEN
    rig.hear(late)
    assert rig.state("1001") is BookState.LIVE
    rig.wait(5)
    assert rig.agrees()
    assert rig.channel.counts["resubscribed"] == 0


def test_one_dead_asset_replaces_the_connection_ever_more_seldom() -> None:
    rig = Rig(markets=2)
    rig.connect()
    moments = []
    for second in range(1_200):
        rig.hear(rig.toy.set_level("2001", "BUY", 4_950, 1_000_000 + second))
        if second % 10 == 0:
            rig.toy.set_level("1001", "BUY", 4_950, 1_000_000 + second)  # never told
        rig.wait(1)
        if rig.channel.wants_reconnect:
            moments.append(second)
            rig.cut()
            rig.reconnect()
        # the venue serves the dead asset no first book either
        rig.toy.first_dump = lambda assets: ToyVenue.first_dump(  # type: ignore[method-assign]
            rig.toy, [one for one in assets if one.startswith("2")]
        )
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert 3 <= len(moments) <= 8
    assert gaps[-1] > 2 * gaps[0]


def test_without_an_answer_from_the_witness_silence_stays_stale() -> None:
    rig = Rig()
    rig.rest = False
    rig.connect()
    rig.wait(60)
    assert rig.state("1001") is BookState.STALE
    assert 3 <= rig.probed["1001"] <= 4, "asked again every 10 s, no faster"
    rig.rest = True
    rig.wait(11)
    assert rig.state("1001") is BookState.QUIET


def test_a_first_book_that_never_comes_is_fetched_over_rest_but_not_trusted() -> None:
    rig = Rig()
    rig.frozen = True
    rig.connect()
    rig.wait(6)
    assert rig.agrees()
    assert rig.channel.states() == {BookState.RESYNCING: 2}
    assert BookState.LIVE not in rig.states.values()


def test_a_crossed_book_that_lasts_is_fetched_again() -> None:
    rig = Rig()
    rig.connect()
    frame = json.loads(rig.toy.set_level("1001", "BUY", 4_950, 5_000_000))
    for item in frame["price_changes"]:
        item |= {"price": "0.6", "best_bid": "0.6", "best_ask": "0.51"}
    rig.hear(json.dumps({**frame, "price_changes": frame["price_changes"][:1]}).encode())
    assert rig.books["1001"].crossed
    rig.wait(0.9)
    assert rig.probed["1001"] <= 1
    rig.wait(0.5)
    assert (rig.books["1001"].bids, rig.books["1001"].asks) == rig.toy.levels("1001")


def test_changes_that_come_while_the_witness_is_asked_are_not_lost() -> None:
    rig = Rig()
    rig.connect()
    rig.toy.set_level("1001", "BUY", 4_700, 1)  # lost
    old = rig.toy.book("1001")
    rig.channel._assets["1001"].doubt("a test doubts")
    rig.now += SECOND
    rig.channel.tick(rig.now)
    assert rig.channel.take_probes() == ["1001"]
    rig.hear(rig.toy.set_level("1001", "BUY", 4_800, 77_000_000))
    answer = snapshot_of(decode_as(RestBook, json.dumps(old).encode()), rig.now)
    rig.channel.probed("1001", answer, rig.now)
    rig._desk_hears()
    assert (rig.books["1001"].bids, rig.books["1001"].asks) == rig.toy.levels("1001")
    times = [event.at_ns for event in rig.events]
    assert times == sorted(times)


# ----------------------------------------------------------------------------- doubt and limits


def test_mere_doubt_asks_once_a_market_in_ten_seconds() -> None:
    rig = Rig()
    rig.connect()
    for _ in range(300):
        frame = json.loads(rig.toy.wander())
        for item in frame["price_changes"]:
            item["best_bid"] = "0.99"
        rig.hear(json.dumps(frame).encode())
        rig.wait(0.1)
    assert 3 <= rig.probed["1001"] <= 4
    assert rig.probed["1002"] <= 4


def test_a_level_that_vanished_silently_is_pruned_by_the_stated_best() -> None:
    rig = Rig()
    rig.connect()
    rig.toy._set("1001", "BUY", 4_900, 0)  # never told
    rig.hear(rig.toy.set_level("1001", "BUY", 4_500, 42_000_000))
    assert rig.agrees()


def test_an_old_book_sent_again_is_refused() -> None:
    rig = Rig()
    rig.connect()
    old = rig.toy.book_frame("1001")
    rig.toy.ms += 60_000
    rig.hear(rig.toy.wander())
    rig.hear(old)
    assert rig.agrees()
    rig.wait(1)
    assert rig.probed["1001"] == 1


def test_a_new_tick_size_voids_the_book_until_the_next_and_is_heard_once() -> None:
    rig = Rig()
    rig.connect()
    rig.toy.ms += 1_000
    frame = json.dumps(
        {
            "event_type": "tick_size_change",
            "market": rig.toy.market_of("1001"),
            "asset_id": "1001",
            "old_tick_size": "0.01",
            "new_tick_size": "0.001",
            "timestamp": str(rig.toy.ms),
        }
    ).encode()
    rig.hear(frame)
    assert rig.state("1001") is BookState.RESYNCING
    assert "1001" not in rig.books
    told = len(rig.events)
    rig.hear(rig.toy.set_level("1001", "BUY", 4_900, 1))
    assert [event.asset_id for event in rig.events[told:] if isinstance(event, LevelChange)] == [
        "1002"
    ]
    rig.hear(rig.toy.book_frame("1001"))
    rig.hear(frame)
    assert rig.state("1001") is BookState.LIVE
    assert rig.heard(TickSizeChange) == [
        TickSizeChange(rig.heard(TickSizeChange)[0].at_ns, "1001", 100, 10)
    ]
    assert rig.agrees()


def test_a_print_told_twice_is_one() -> None:
    rig = Rig()
    rig.connect()
    frames = rig.toy.trade("1001")
    rig.hear(*frames, *frames)
    assert len(rig.heard(Print)) == 1
    rig.hear(*rig.toy.trade("1001"))
    assert len(rig.heard(Print)) == 2
    assert rig.agrees()


def test_best_prices_on_their_own_are_a_witness() -> None:
    rig = Rig()
    rig.connect()
    rig.hear(
        json.dumps(
            {
                "event_type": "best_bid_ask",
                "asset_id": "1001",
                "best_bid": "0",
                "best_ask": "0.51",
                "timestamp": str(rig.toy.ms + 5),
            }
        ).encode()
    )
    (quote,) = rig.heard(BestQuote)
    assert isinstance(quote, BestQuote)
    assert (quote.best_bid, quote.best_ask) == (-1, 5_100)


def test_a_resolved_market_is_closed_for_ever() -> None:
    rig = Rig(markets=2)
    rig.connect()
    rig.hear(
        json.dumps(
            {
                "event_type": "market_resolved",
                "market": rig.toy.market_of("1001"),
                "assets_ids": ["1001", "1002"],
                "winning_asset_id": "1002",
                "timestamp": "1",
            }
        ).encode()
    )
    (resolved,) = rig.heard(MarketResolved)
    assert isinstance(resolved, MarketResolved)
    assert (resolved.condition_id, resolved.winner) == (rig.toy.market_of("1001"), "1002")
    told = len(rig.events)
    rig.hear(rig.toy.set_level("1001", "BUY", 4_900, 5), *rig.toy.trade("1001"))
    rig.wait(100)
    assert rig.state("1001") is BookState.CLOSED
    assert not [e for e in rig.events[told:] if getattr(e, "asset_id", "") == "1001"]
    assert rig.probed["1001"] == 0


def test_what_cannot_be_read_is_counted_told_once_and_the_book_it_names_is_checked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(markets=2)
    rig.connect()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            rig.hear(b'{"event_type":"weather","sunny":true}')
            rig.hear(
                b'{"event_type":"price_change","asset_id":"1001","price":"1.5","size":"2","side":"BUY"}'
            )
            rig.hear(b"\xff\xfe not json \x1b]52;c;x\x07")
    assert rig.channel.counts["refused: unknown"] == 5
    assert rig.channel.counts["refused: shape"] == 5
    assert len(caplog.records) == 3
    assert "\x1b" not in caplog.text
    rig.wait(0.2)
    assert rig.probed == {"1001": 1}
    assert rig.agrees()


def test_one_bad_element_of_an_array_costs_only_itself() -> None:
    rig = Rig()
    rig.connect()
    good = rig.toy.set_level("1001", "BUY", 4_800, 5)
    rig.hear(b'[{"event_type":"book","asset_id":1},' + good + b"]")
    assert rig.agrees()


def test_limits_scale_with_the_world_and_never_below_a_second_of_the_wall() -> None:
    limits = ChannelLimits()
    fast = limits.scaled(60)
    assert fast.silence_max_ns == 60 * SECOND
    assert fast.pong_max_ns == 30 * 60 * SECOND
    assert limits.scaled(2).silence_max_ns == limits.silence_max_ns
    assert limits.scaled(1) == limits
    assert limits.divided(100).silence_max_ns == limits.silence_max_ns // 100
