"""The account's own stream: the same sum of orders and fills, however its messages arrive."""

import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import Fill, FillSettled, Liquidity, OrderState, OrderUpdate, Settlement
from feeds.markets import SECOND, SHARE, Money, Nanos, Price, Side, Size
from feeds.polymarket.account.user_channel import AskRest, Credentials, UserChannel
from feeds.polymarket.account.user_wire import (
    UserOrder,
    UserTrade,
    decode_user,
    decode_user_page,
    verdict_on,
)
from feeds.polymarket.connection_state import ConnectionState
from feeds.polymarket.errors import WireError

START: Nanos = 1_790_000_000 * SECOND
SECRET = "c2VjcmV0IG9mIHRoZSBhY2NvdW50"
CREDENTIALS = Credentials("the-api-key", SECRET, "the-passphrase")
MARKET = "0x" + "a" * 64
OURS, OTHER = "0x" + "1" * 64, "0x" + "2" * 64
Message = dict[str, Any]


def no_fee(market: str, asset: str, side: Side, price: Price, size: Size) -> Money:
    return 0


def order(kind: str, status: str, matched: object = "0", **changes: object) -> Message:
    plain = {
        "event_type": "order", "id": OURS, "owner": "k", "market": MARKET, "asset_id": "11",
        "side": "BUY", "price": "0.5", "original_size": "100", "size_matched": matched,
        "type": kind, "status": status, "order_type": "GTC", "timestamp": "1790000000000",
        "associate_trades": None, "outcome": "Yes",
    }  # fmt: skip
    return plain | changes


def maker(order_id: str = OURS, amount: str = "60", **changes: object) -> Message:
    plain = {
        "order_id": order_id, "owner": "k", "asset_id": "11", "matched_amount": amount,
        "price": "0.42", "fee_rate_bps": "0", "outcome": "Yes", "side": "BUY",
    }  # fmt: skip
    return plain | changes


def trade(status: str, *makers: Message, **changes: object) -> Message:
    plain = {
        "event_type": "trade", "type": "TRADE", "id": "t1", "taker_order_id": OTHER,
        "market": MARKET, "asset_id": "12", "side": "BUY", "size": "60", "price": "0.58",
        "status": status, "maker_orders": list(makers), "timestamp": "1790000001000",
    }  # fmt: skip
    return plain | changes


class Account:
    """A connected user channel, and the state that a listener would keep of its events."""

    def __init__(self, fee_of: Callable[..., Money] = no_fee, *, connected: bool = True) -> None:
        self.channel = UserChannel(CREDENTIALS, fee_of)
        self.now = START
        self.orders: dict[str, OrderUpdate] = {}
        self.fills: dict[str, Fill] = {}
        self.stages: dict[str, Settlement] = {}
        self.asked: list[AskRest] = []
        self.times_told: dict[str, int] = {}
        if connected:
            self.channel.connected(self.now)
            self.channel.take_frames_to_send()
            self.listen()
            self.asked.clear()

    def expect(self, order_id: str = OURS, size: Size = 100 * SHARE) -> None:
        self.channel.expect(order_id, size, self.now)
        self.listen()

    def hear(self, *messages: object) -> None:
        for message in messages:
            self.now += 1_000
            self.channel.receive(json.dumps(message).encode(), self.now)
            self.listen()

    def wait(self, seconds: float) -> list[str]:
        """Time passes in ticks; the frames that the channel sent meanwhile."""
        sent: list[str] = []
        for _ in range(round(seconds)):
            self.now += SECOND
            self.channel.tick(self.now)
            frames = [frame.decode() for frame in self.channel.take_frames_to_send()]
            sent += frames
            for frame in frames:
                if frame == "PING":
                    self.channel.receive(b"PONG", self.now)
            self.listen()
        return sent

    def listen(self) -> None:
        for event in self.channel.take_events():
            if isinstance(event, OrderUpdate):
                self.orders[event.order_id] = event
            elif isinstance(event, Fill):
                assert event.id not in self.fills, "a fill is told once"
                self.fills[event.id] = event
                self.stages[event.id] = Settlement.MATCHED
            elif isinstance(event, FillSettled):
                assert event.fill_id in self.fills, "a fill is told before it settles"
                self.stages[event.fill_id] = event.stage
            else:
                self.asked.append(event)

    def state(self, order_id: str = OURS) -> tuple[OrderState, Size]:
        return self.orders[order_id].state, self.orders[order_id].filled

    def sum(self) -> object:
        """What must not depend on the order of arrival."""
        said = {key: (one.state, one.filled, one.reason) for key, one in self.orders.items()}
        fills = {
            key: (msgspec.structs.replace(fill, at_ns=0), self.stages[key])
            for key, fill in self.fills.items()
        }
        return said, fills


# --------------------------------------------------------------------------------- recordings


@pytest.mark.parametrize(
    "pattern",
    ["ws/user_*.json", "ws/trades.json", "ws/order_*.json", "adapter/ws_user_*.json"],
)
def test_every_recorded_message_is_read(shared_data: Path, pattern: str) -> None:
    files = sorted((shared_data / "payloads").glob(pattern))
    assert files
    for file in files:
        frame = decode_user(file.read_bytes())
        kind = UserTrade if "trade" in file.name else UserOrder
        assert isinstance(frame, kind), file.name
        account = Account()
        account.channel.receive(file.read_bytes(), START)
        assert not [key for key in account.channel.counts if key.startswith("refused")], file.name


def test_recorded_pages_of_rest_are_read(shared_data: Path) -> None:
    folder = shared_data / "payloads" / "adapter"
    for name, kind in (
        ("http_open_orders_page.json", UserOrder),
        ("http_trades_page.json", UserTrade),
    ):
        good, bad, cursor = decode_user_page((folder / name).read_bytes())
        assert (bad, cursor) == ([], "LTE=")
        assert good
        assert all(isinstance(one, kind) for one in good)


def test_what_an_official_client_accepts_is_read(shared_data: Path) -> None:
    accepted = json.loads((shared_data / "payloads/sdk/ws_events_accepted.json").read_bytes())
    kinds = [type(decode_user(json.dumps(one).encode())) for one in accepted["user"]]
    assert kinds == [UserOrder, UserTrade]


def test_a_recorded_kill_ends_its_order_with_the_venues_words(shared_data: Path) -> None:
    account = Account()
    account.expect("0x78xx", 12 * SHARE)
    kill = (shared_data / "payloads/adapter/ws_user_order_fok_killed.json").read_bytes()
    account.hear(json.loads(kill))
    assert account.state("0x78xx") == (OrderState.CANCELLED, 0)
    assert account.orders["0x78xx"].reason.startswith("order couldn't be fully filled.")


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (order("UPDATE", "LIVE", "much"), "$.size_matched"),
        (order("UPDATE", "LIVE", "-1"), "$.size_matched"),
        (order("", "WEIRD"), "$.status"),
        (trade("PERHAPS"), "$.status"),
        (trade("MATCHED", maker(price="1.2")), "$.maker_orders.price"),
        (trade("MATCHED", maker(amount="9e99")), "$.maker_orders.matched_amount"),
        ({"event_type": "order", "id": "1"}, "$"),
        ({"event_type": "gossip"}, "$.event_type"),
        (trade("MATCHED", maker(side="HOLD")), "$.maker_orders[0].side"),
    ],
)
def test_a_message_that_cannot_be_is_refused_by_field_and_rest_is_asked(
    message: Message, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account()
    account.expect()
    account.hear(message, message)
    assert account.channel.counts.total() == 2
    assert caplog.text.count("user channel: a message was left out") == 1
    assert f"{path}: " in caplog.text
    assert {one.reason for one in account.asked} == {"a message about our orders could not be read"}
    account.hear(order("PLACEMENT", "LIVE"))
    assert account.state() == (OrderState.OPEN, 0), "the session goes on"


# ------------------------------------------------------------------------------ order of arrival

PARTLY_FILLED_THEN_CANCELLED = [
    order("PLACEMENT", "LIVE"),
    order("UPDATE", "LIVE", "60"),
    trade("MATCHED", maker()),
    trade("MINED", maker(), transaction_hash="0xabc"),
    trade("CONFIRMED", maker(), transaction_hash="0xabc"),
    order("CANCELLATION", "CANCELED", "60"),
]
TAKEN_BACK = [
    order("PLACEMENT", "LIVE"),
    order("UPDATE", "MATCHED", "100"),
    trade("MATCHED", maker(amount="100"), size="100"),
    trade("RETRYING", maker(amount="100"), size="100"),
    trade("FAILED", maker(amount="100"), size="100"),
]


@pytest.mark.parametrize(
    ("messages", "state", "filled", "stage"),
    [
        (PARTLY_FILLED_THEN_CANCELLED, OrderState.CANCELLED, 60 * SHARE, Settlement.CONFIRMED),
        (TAKEN_BACK, OrderState.FILLED, 100 * SHARE, Settlement.FAILED),
    ],
)
def test_every_order_of_arrival_reaches_the_same_state(
    messages: list[Message], state: OrderState, filled: Size, stage: Settlement
) -> None:
    sums = []
    for arrival in itertools.permutations(messages):
        account = Account()
        account.expect()
        account.hear(*arrival)
        assert account.state() == (state, filled)
        assert list(account.stages.values()) == [stage]
        sums.append(account.sum())
    assert all(one == sums[0] for one in sums)


@settings(max_examples=200, deadline=None)
@given(
    arrival=st.lists(st.sampled_from(range(len(PARTLY_FILLED_THEN_CANCELLED))), max_size=20),
    known_after=st.integers(0, 20),
)
def test_doubled_messages_and_an_order_made_known_late_change_nothing(
    arrival: list[int], known_after: int
) -> None:
    everything = [*arrival, *range(len(PARTLY_FILLED_THEN_CANCELLED))]
    account = Account()
    for number, index in enumerate(everything):
        if number == known_after:
            account.expect()
        account.hear(PARTLY_FILLED_THEN_CANCELLED[index])
    account.expect()
    plain = Account()
    plain.expect()
    plain.hear(*PARTLY_FILLED_THEN_CANCELLED)
    assert account.sum() == plain.sum()


def test_rest_and_stream_may_tell_the_same_things() -> None:
    account = Account()
    account.expect()
    account.hear(*PARTLY_FILLED_THEN_CANCELLED)
    before = account.sum()
    rest = [one | {"event_type": ""} for one in PARTLY_FILLED_THEN_CANCELLED]
    rest[4]["status"] = "TRADE_STATUS_CONFIRMED"
    frames = [decode_user(json.dumps(one).encode()) for one in rest]
    account.channel.told_by_rest(frames, account.now)
    account.listen()
    assert account.sum() == before


# --------------------------------------------------------------------------------------- fills


def test_a_makers_fill_has_its_own_price_side_and_asset_and_no_fee() -> None:
    account = Account(lambda *_: 10**9)
    account.expect()
    account.hear(trade("MATCHED", maker("0x" + "9" * 64, "40"), maker()))
    (fill,) = account.fills.values()
    assert (fill.asset_id, fill.side, fill.price) == ("11", Side.BUY, 4_200)
    assert (fill.size, fill.fee, fill.liquidity) == (60 * SHARE, 0, Liquidity.MAKER)
    assert fill.condition_id == MARKET


@pytest.mark.parametrize(
    ("taker_side", "maker_asset", "expected"),
    [
        ("BUY", "12", Side.SELL),
        ("SELL", "12", Side.BUY),
        ("BUY", "11", Side.BUY),
        ("SELL", "11", Side.SELL),
    ],
)
def test_a_makers_side_that_is_not_stated_follows_from_the_takers(
    taker_side: str, maker_asset: str, expected: Side
) -> None:
    account = Account()
    account.expect()
    unsaid = maker(asset_id=maker_asset)
    del unsaid["side"]
    account.hear(trade("MATCHED", unsaid, side=taker_side))
    (fill,) = account.fills.values()
    assert fill.side is expected


def test_several_orders_of_ours_may_have_part_in_one_trade() -> None:
    account = Account()
    second = "0x" + "7" * 64
    account.expect()
    account.expect(second)
    account.hear(trade("CONFIRMED", maker(), maker(second, "5", price="0.4"), maker(amount="1")))
    sizes = {fill.order_id: fill.size for fill in account.fills.values()}
    assert sizes == {OURS: 61 * SHARE, second: 5 * SHARE}
    assert set(account.stages.values()) == {Settlement.CONFIRMED}


def test_a_takers_fill_is_told_at_each_price_with_the_markets_own_fee() -> None:
    asked: list[tuple[Any, ...]] = []

    def fee_of(*of: Any) -> Money:
        asked.append(of)
        return 584_640

    account = Account(fee_of)
    account.expect()
    makers = [
        maker("m1", "60", asset_id="11", price="0.42", side="BUY"),  # minted: 0.58 for the taker
        maker("m2", "20", asset_id="12", price="0.57", side="SELL"),
        maker("m3", "20", asset_id="11", price="0.42", side="BUY"),
    ]
    account.hear(trade("MATCHED", *makers, taker_order_id=OURS, size="100", price="0.578"))
    told = [(fill.price, fill.size, fill.liquidity) for fill in account.fills.values()]
    assert told == [
        (5_700, 20 * SHARE, Liquidity.TAKER),
        (5_800, 80 * SHARE, Liquidity.TAKER),
    ]
    assert asked[1] == (MARKET, "12", Side.BUY, 5_800, 80 * SHARE)
    assert account.state() == (OrderState.FILLED, 100 * SHARE)


def test_without_makers_that_add_up_the_trades_own_price_is_taken() -> None:
    account = Account()
    account.expect()
    account.hear(trade("MATCHED", maker("m1", "1"), taker_order_id=OURS))
    (fill,) = account.fills.values()
    assert (fill.price, fill.size) == (5_800, 60 * SHARE)


def test_a_trade_told_in_two_ways_counts_once_and_rest_is_asked() -> None:
    account = Account()
    account.expect()
    account.hear(trade("MATCHED", maker()), trade("CONFIRMED", maker(amount="61")))
    (fill,) = account.fills.values()
    assert fill.size == 60 * SHARE
    assert account.stages[fill.id] is Settlement.CONFIRMED
    assert [one.order_ids for one in account.asked] == [(OURS,)]


@pytest.mark.parametrize("words", [("CONFIRMED", "FAILED"), ("FAILED", "CONFIRMED")])
def test_a_trade_both_confirmed_and_failed_is_asked_for(words: tuple[str, str]) -> None:
    account = Account()
    account.expect()
    account.hear(*(trade(word, maker()) for word in words))
    assert list(account.stages.values()) == [Settlement.CONFIRMED]
    assert [one.reason for one in account.asked] == [
        "a trade is told to be both confirmed and failed"
    ]


def test_strangers_orders_make_no_events_and_are_named() -> None:
    account = Account()
    account.hear(order("PLACEMENT", "LIVE", id=OTHER), trade("MATCHED", maker(OTHER)))
    assert (account.orders, account.fills) == ({}, {})
    assert account.channel.strangers == {OTHER}


# -------------------------------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("kind", "status", "order_type", "state", "words"),
    [
        ("PLACEMENT", "LIVE", "GTC", OrderState.OPEN, ""),
        ("PLACEMENT", "ORDER_STATUS_LIVE", "GTC", OrderState.OPEN, ""),
        ("PLACEMENT", "DELAYED", "FAK", OrderState.OPEN, ""),
        ("UPDATE", "UNMATCHED", "GTC", OrderState.OPEN, ""),
        ("UPDATE", "UNMATCHED", "FOK", OrderState.CANCELLED, "nothing to trade with"),
        ("UPDATE", "", "GTC", OrderState.OPEN, ""),
        ("CANCELLATION", "CANCELED", "GTC", OrderState.CANCELLED, "cancelled"),
        ("CANCELLATION", "", "GTC", OrderState.CANCELLED, "cancelled"),
        ("CANCELLATION", "INVALID", "GTC", OrderState.CANCELLED, "invalid"),
        ("PLACEMENT", "INVALID", "GTC", OrderState.REFUSED, "invalid"),
        ("UPDATE", "CANCELED_MARKET_RESOLVED", "GTC", OrderState.CANCELLED, "is resolved"),
        ("UPDATE", "CANCELED_NOT_ENOUGH_BALANCE", "GTC", OrderState.CANCELLED, "balance"),
        ("UPDATE", "CANCELED_EXPIRED_ORDER", "GTD", OrderState.CANCELLED, "expired"),
        ("UPDATE", "CANCELED_by the moon", "GTC", OrderState.CANCELLED, "by the moon"),
        ("UPDATE", "A_WORD_OF_NEXT_YEAR", "GTC", OrderState.OPEN, ""),
    ],
)
def test_every_status_is_an_end_or_a_waiting(
    kind: str, status: str, order_type: str, state: OrderState, words: str
) -> None:
    frame = decode_user(json.dumps(order(kind, status, order_type=order_type)).encode())
    assert isinstance(frame, UserOrder)
    said, reason = verdict_on(frame)
    assert said is state
    assert words in reason


def test_dust_closes_an_order_and_less_than_asked_is_never_filled() -> None:
    account = Account()
    account.expect()
    account.hear(order("UPDATE", "MATCHED", "99.98"))
    assert account.state() == (OrderState.OPEN, 99_980_000)
    account.hear(order("UPDATE", "MATCHED", "99.997714"))
    assert account.state() == (OrderState.FILLED, 99_997_714)
    other = Account()
    other.expect()
    other.hear(order("UPDATE", "LIVE", "40"), order("CANCELLATION", "CANCELED", "40"))
    assert other.state() == (OrderState.CANCELLED, 40 * SHARE)


def test_the_venues_own_words_are_made_printable() -> None:
    account = Account()
    account.expect()
    account.hear(order("CANCELLATION", "CANCELED_\x1b[31mred\x07"))
    assert account.orders[OURS].reason.isprintable()


# ------------------------------------------------------------------------- connection and time


def test_the_first_frame_authenticates_and_names_the_markets() -> None:
    account = Account(connected=False)
    account.channel.want([MARKET])
    account.channel.connected(START)
    (first,) = account.channel.take_frames_to_send()
    assert json.loads(first) == {
        "type": "user",
        "auth": {"apiKey": "the-api-key", "secret": SECRET, "passphrase": "the-passphrase"},
        "markets": [MARKET],
    }
    account.channel.want([MARKET, "0xb"])
    account.channel.want(["0xb"])
    sent = [json.loads(frame) for frame in account.channel.take_frames_to_send()]
    assert sent == [
        {"operation": "subscribe", "markets": ["0xb"]},
        {"operation": "unsubscribe", "markets": [MARKET]},
    ]
    account.channel.want([])
    assert account.channel.wants_reconnect == "other markets are followed"
    assert account.channel.link is ConnectionState.SPENT


def test_each_start_of_the_stream_asks_for_what_was_missed() -> None:
    account = Account(connected=False)
    for _ in range(2):
        account.channel.connected(account.now)
        account.channel.disconnected(account.now, "cut")
    account.listen()
    assert len(account.asked) == 1, "asked once for two starts between two looks"
    account.channel.connected(account.now + SECOND)
    account.listen()
    assert len(account.asked) == 2
    assert account.channel.reconnects == 2


def test_pings_go_out_and_a_stream_without_pong_is_given_up() -> None:
    account = Account()
    assert account.wait(35) == ["PING"] * 3
    assert account.channel.wants_reconnect == ""
    for _ in range(40):
        account.now += SECOND
        account.channel.tick(account.now)
    assert account.channel.wants_reconnect.startswith("no PONG for 3")


def test_silence_about_an_order_is_asked_about_in_time() -> None:
    account = Account()
    account.expect()
    account.wait(9)
    assert account.asked == []
    account.wait(1)
    assert [one.order_ids for one in account.asked] == [(OURS,)], "sent, and nothing heard"
    account.hear(order("PLACEMENT", "LIVE"))
    account.wait(59)
    assert len(account.asked) == 1
    account.wait(2)
    assert len(account.asked) == 2, "open, and a minute of silence"
    account.hear(trade("MATCHED", maker(amount="100"), size="100"))
    account.wait(119)
    assert len(account.asked) == 2
    account.wait(2)
    assert len(account.asked) == 3, "filled, but not settled"
    account.hear(trade("CONFIRMED", maker(amount="100"), size="100"))
    account.wait(600)
    assert len(account.asked) == 3, "nothing is open and nothing provisional"


def test_back_off_resets_only_after_a_session_that_lasted() -> None:
    channel = UserChannel(CREDENTIALS, no_fee)
    waits = []
    for number in range(8):
        channel.connected(START + number)
        channel.disconnected(START + number, "closed at once")
        waits.append(channel.retry_in_ns(1.0) / SECOND)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert channel.key_in_doubt
    channel.connected(START)
    channel.disconnected(START + 31 * SECOND, "cut")
    assert channel.retry_in_ns(1.0) == SECOND // 2


def test_no_secret_shows_in_what_could_be_printed() -> None:
    account = Account()
    shown = [repr(CREDENTIALS), str(CREDENTIALS), repr(account.channel), repr(account.asked)]
    for part in (SECRET, "the-api-key", "the-passphrase"):
        assert not [text for text in shown if part in text]
    with pytest.raises(AttributeError):
        CREDENTIALS.__dict__  # noqa: B018


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_no_message_whatever_raises(frame: bytes) -> None:
    account = Account()
    account.expect()
    account.channel.receive(frame, START)
    account.listen()


def test_memory_for_strangers_is_bounded() -> None:
    account = Account()
    account.hear(*(order("PLACEMENT", "LIVE", id=f"0x{number}") for number in range(1_200)))
    assert len(account.channel.strangers) == 1_000


def test_a_page_whose_element_is_broken_costs_only_that() -> None:
    page = {"data": [order("UPDATE", "LIVE"), {"id": 7}], "next_cursor": "Mg=="}
    good, bad, cursor = decode_user_page(json.dumps(page).encode())
    assert (len(good), len(bad), cursor) == (1, 1, "Mg==")
    with pytest.raises(WireError):
        decode_user_page(b"[]")


def _kept(messages: Iterable[Message]) -> bytes:
    return json.dumps(list(messages)).encode()


def test_an_array_of_messages_is_read_like_its_messages() -> None:
    account = Account()
    account.expect()
    account.channel.receive(_kept(PARTLY_FILLED_THEN_CANCELLED), account.now)
    account.listen()
    assert account.state() == (OrderState.CANCELLED, 60 * SHARE)
