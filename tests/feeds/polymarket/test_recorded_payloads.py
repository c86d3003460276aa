"""Every recorded payload is read into a shape of ours, or refused naming file and field."""

import json
from collections.abc import Callable
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from feeds.polymarket.account.user_wire import decode_user, decode_user_page
from feeds.polymarket.errors import WireError
from feeds.polymarket.rest_wire import (
    BalanceAllowance,
    CancelAnswer,
    FeeRate,
    HeldPosition,
    HeldPositionV2,
    OrderAnswer,
    PublicTrade,
    PublicTradeV2,
    decode_answer,
    decode_rows,
)
from feeds.polymarket.wire import (
    ClobMarket,
    EventsPage,
    GammaEvent,
    GammaMarket,
    GammaTag,
    ListedMarket,
    ListedPage,
    MarketsPage,
    RestBook,
    decode_array,
    decode_as,
    decode_frame,
)

Read = Callable[[bytes], Any]


def _each_as(shape: type[Any], data: bytes) -> list[Any]:
    return [decode_as(shape, raw) for raw in decode_array(data)]


def _events_found(data: bytes) -> list[GammaEvent]:
    return [decode_as(GammaEvent, raw) for raw in decode_as(EventsPage, data).events]


def _account_page(data: bytes) -> list[Any]:
    good, bad, _ = decode_user_page(data)
    if bad:
        raise bad[0]
    return good


def one(shape: type[Any]) -> Read:
    return partial(decode_as, shape)


def answer(shape: type[Any]) -> Read:
    return partial(decode_answer, shape)


# the first pattern that fits decides; every file must find one
SHAPES: dict[str, Read] = {
    "adapter/clob_book_response.json": one(RestBook),
    "adapter/clob_fee_rate_response_*.json": answer(FeeRate),
    "adapter/clob_market_closed_*.json": one(ListedMarket),
    "adapter/data_api_positions_response.json": partial(decode_rows, HeldPosition),
    "adapter/data_api_trades_response.json": partial(decode_rows, PublicTrade),
    "adapter/gamma_event.json": partial(_each_as, GammaEvent),
    "adapter/gamma_market*.json": one(GammaMarket),
    "adapter/gamma_tags.json": partial(decode_rows, GammaTag),
    "adapter/http_balance_allowance_*.json": answer(BalanceAllowance),
    "adapter/http_*cancel_response*.json": answer(CancelAnswer),
    "adapter/http_open_orders_page.json": _account_page,
    "adapter/http_trades_page.json": _account_page,
    "adapter/http_open_order*.json": decode_user,
    "adapter/http_trade_report.json": decode_user,
    "adapter/http_order_response_*.json": answer(OrderAnswer),
    "adapter/search_response.json": _events_found,
    "adapter/ws_user_*.json": decode_user,
    "http/book.json": one(RestBook),
    "http/event.json": one(GammaEvent),
    "http/events_list.json": partial(_each_as, GammaEvent),
    "http/market.json": one(ListedMarket),
    "http/market_slug.json": one(GammaMarket),
    "http/markets.json": one(ListedPage),
    "http/markets_list.json": partial(_each_as, GammaMarket),
    "http/trades.json": partial(decode_rows, PublicTrade),
    "ws/user_trade*.json": decode_user,
    "ws/trades.json": decode_user,
    "ws/order_*.json": decode_user,
    # what is left comes by the market's stream, or is held against it
    "ws/*.json": decode_frame,
    "adapter/ws_*.json": decode_frame,
    "adapter/rtds_*.json": decode_frame,
    "adapter/http_signed_order.json": decode_frame,
}

# file: what its refusal says. Prices of coins and shares, and orders signed by others, are not
# read by any part of the product; frames without a type were never frames of the stream.
REFUSED = {
    "adapter/http_balance_allowance_no_allowance.json": "$.balance",
    "adapter/http_order_response_error_500.json": "`success`",
    "adapter/http_signed_order.json": "`event_type`",
    "adapter/rtds_*.json": "`event_type`",
    "adapter/ws_book_snapshot.json": "`event_type`",
    "adapter/ws_last_trade.json": "`event_type`",
    "adapter/ws_quotes.json": "`event_type`",
    "adapter/ws_tick_size_change.json": "`event_type`",
}


def read(name: str, data: bytes) -> Any:
    """The recorded file as its shape; raises ``WireError`` that names file and field."""
    for pattern, decode in SHAPES.items():
        if fnmatch(name, pattern):
            try:
                return decode(data)
            except WireError as error:
                raise WireError(f"{name}: {error.path}", error.reason, error.kind) from None
    raise AssertionError(f"no shape for {name}")


def _recorded(shared_data: Path) -> dict[str, bytes]:
    folder = shared_data / "payloads"
    files = [file for kind in ("adapter", "http", "ws") for file in (folder / kind).rglob("*.json")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(files)}


def test_every_recorded_payload_is_read_or_refused_by_file_and_field(shared_data: Path) -> None:
    payloads = _recorded(shared_data)
    assert len(payloads) >= 70
    for name, data in payloads.items():
        expected = [words for pattern, words in REFUSED.items() if fnmatch(name, pattern)]
        if not expected:
            assert read(name, data) not in (None, [], ()), name
            continue
        with pytest.raises(WireError) as refused:
            read(name, data)
        assert str(refused.value).startswith(f"{name}: $"), name
        assert expected[0] in str(refused.value), name


def test_every_recorded_payload_cut_short_is_refused(shared_data: Path) -> None:
    for name, data in _recorded(shared_data).items():
        with pytest.raises(WireError, match=name):
            read(name, data.rstrip()[:-1])


def test_no_pattern_is_left_without_a_recorded_payload(shared_data: Path) -> None:
    names = list(_recorded(shared_data))
    idle = [one for one in [*SHAPES, *REFUSED] if not any(fnmatch(name, one) for name in names)]
    assert idle == []


# what answers that the venue's own client accepted are to us, by the call that they answer
ACCEPTED: dict[str, Read] = {
    "GET /clob-markets/{condition}": one(ClobMarket),
    "GET /book": one(RestBook),
    "POST /order (resting)": answer(OrderAnswer),
    "POST /order (taken)": answer(OrderAnswer),
    "POST /orders": partial(decode_rows, OrderAnswer),
    "DELETE /order": answer(CancelAnswer),
    "DELETE /cancel-all": answer(CancelAnswer),
    "GET /data/orders": _account_page,
    "GET /data/order/{id}": decode_user,
    "GET /data/trades": _account_page,
    "GET /balance-allowance": answer(BalanceAllowance),
    "gamma GET /markets/slug/{slug} (v1)": one(GammaMarket),
    "gamma GET /markets/{id} (v2)": one(GammaMarket),
    "gamma GET /markets/keyset": one(MarketsPage),
}
# keys, heartbeats and the relayer have parts of their own; token look-ups are never asked for
NOT_SHAPES = {
    "GET /markets-by-token/{asset}",
    "POST /auth/api-key",
    "GET /auth/api-keys",
    "POST /v1/heartbeats",
    "POST /v1/heartbeats (stale id)",
    "relayer GET /deployed",
    "data GET /v2/positions (empty)",
}


def test_what_the_venues_own_client_takes_for_an_answer_is_read(shared_data: Path) -> None:
    answers = json.loads((shared_data / "payloads/sdk/answers_accepted.json").read_bytes())
    told = {call: given["body"] for call, given in answers["answers"].items()}
    assert set(ACCEPTED) <= set(told)
    assert set(told) - set(ACCEPTED) <= NOT_SHAPES
    for call, decode in ACCEPTED.items():
        decode(json.dumps(told[call]).encode())
    taken = decode_answer(OrderAnswer, json.dumps(told["POST /order (taken)"]).encode())
    assert (taken.making, taken.taking, taken.trade_ids) == ("5.3", "10", ("t-1",))


@pytest.mark.parametrize(
    ("kind", "shape"), [("positions", HeldPositionV2), ("trades", PublicTradeV2)]
)
def test_rows_of_the_second_data_version_are_read(
    shared_data: Path, kind: str, shape: type[Any]
) -> None:
    rows = json.loads((shared_data / "payloads/sdk/data_v2_rows.json").read_bytes())["rows"]
    assert decode_rows(shape, json.dumps(rows[kind]).encode())


# ---------------------------------------------------------------- what needs no recording


@pytest.mark.parametrize(
    ("shape", "said", "field"),
    [
        (OrderAnswer, {"success": "perhaps"}, "$.success"),
        (OrderAnswer, {"success": True, "orderID": 7.5}, "$.orderID"),
        (OrderAnswer, {"success": True, "tradeIDs": {}}, "$.tradeIDs"),
        (CancelAnswer, {"canceled": []}, "`not_canceled`"),
        (CancelAnswer, {"canceled": "all", "not_canceled": {}}, "$.canceled"),
        (BalanceAllowance, {"balance": "1.5"}, "$.balance"),
        (BalanceAllowance, {"balance": "-1"}, "$.balance"),
        (BalanceAllowance, {"balance": "1", "allowances": {"0x1": "9" * 79}}, "$.allowances"),
        (FeeRate, {"base_fee": "-1"}, "$.base_fee"),
        (FeeRate, {"base_fee": 10_001}, "$.base_fee"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_refused_by_field(
    shape: type[Any], said: dict[str, Any], field: str
) -> None:
    with pytest.raises(WireError) as refused:
        decode_answer(shape, json.dumps(said).encode())
    assert field in str(refused.value)


def test_the_largest_allowance_of_the_chain_is_read_to_the_last_digit() -> None:
    most = str(2**256 - 1)
    told = json.dumps({"balance": "1000000000", "allowances": {"0x1": most}}).encode()
    assert decode_answer(BalanceAllowance, told).allowances == {"0x1": most}


def test_one_bad_row_refuses_the_list() -> None:
    good = {"asset": "1", "conditionId": "0x1", "size": 1, "avgPrice": 0.5}
    assert len(decode_rows(HeldPosition, json.dumps([good, good]).encode())) == 2
    with pytest.raises(WireError, match=r"\$\.size"):
        decode_rows(HeldPosition, json.dumps([good, {**good, "size": "many"}]).encode())
