"""What the catalogue says about one market, made plain or refused by field."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feeds.markets import FREE, FeeSchedule, Market, MarketState
from feeds.polymarket.errors import WireError
from feeds.polymarket.gamma import Refused, market_from_gamma, with_clob_details
from feeds.polymarket.wire import ClobMarket, GammaEvent, GammaMarket, decode_array, decode_as

PLAIN: dict[str, Any] = {
    "id": "1",
    "conditionId": "0x" + "a" * 64,
    "question": "Will it?",
    "slug": "will-it",
    "outcomes": '["Yes", "No"]',
    "outcomePrices": '["0.5", "0.5"]',
    "clobTokenIds": '["11", "12"]',
    "active": True,
    "closed": False,
    "archived": False,
    "acceptingOrders": True,
    "enableOrderBook": True,
    "orderPriceMinTickSize": 0.01,
    "orderMinSize": 5,
    "feesEnabled": False,
    "endDate": "2027-01-01T00:00:00Z",
    "volume": "12.5",
    "liquidityNum": 7,
}


def made(**changes: object) -> Market | Refused:
    fields = {key: value for key, value in (PLAIN | changes).items() if value is not ...}
    return market_from_gamma(decode_as(GammaMarket, json.dumps(fields).encode()))


def market(**changes: object) -> Market:
    result = made(**changes)
    assert isinstance(result, Market), result
    return result


def refused(**changes: object) -> Refused:
    result = made(**changes)
    assert isinstance(result, Refused), result
    return result


def test_a_plain_market_is_read_whole() -> None:
    told = market()
    assert told.assets == ("11", "12")
    assert (told.yes.name, told.no.name) == ("Yes", "No")
    assert (told.tick_size, told.min_order_size) == (100, 5_000_000)
    assert (told.state, told.fees, told.version) == (MarketState.OPEN, FREE, "v1")
    assert told.end_ns == 1_798_761_600 * 10**9
    assert (told.volume, told.liquidity) == (12.5, 7.0)


def test_the_version_decides_which_ids_trade() -> None:
    both = {"positionIds": ["21", "22"]}
    assert market(**both).assets == ("11", "12")
    assert market(**both, version="v1").assets == ("11", "12")
    assert market(**both, version="v2").assets == ("21", "22")
    assert refused(**both, version="v3").field == "version"
    assert refused(version="v2").field == "positionIds"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("conditionId", ""),
        ("conditionId", "0xzz"),
        ("conditionId", "../../etc"),
        ("question", ""),
        ("question", None),
        ("outcomes", '["Yes"]'),
        ("outcomes", '["a", "b", "c"]'),
        ("outcomes", ""),
        ("outcomes", "[not json"),
        ("outcomes", ...),
        ("clobTokenIds", '["11"]'),
        ("clobTokenIds", '["11", "11"]'),
        ("clobTokenIds", '["11", "x"]'),
        ("clobTokenIds", ["11", "１２"]),
        ("clobTokenIds", ...),
        ("orderPriceMinTickSize", 0.02),
        ("orderPriceMinTickSize", -1),
        ("orderPriceMinTickSize", ...),
        ("orderMinSize", -5),
        ("orderMinSize", 1e12),
        ("orderMinSize", "a few"),
        ("orderMinSize", ...),
    ],
)
def test_what_cannot_trade_is_refused_by_field(field: str, value: object) -> None:
    refusal = refused(**{field: value})
    assert refusal.field == field
    assert field in str(refusal)
    assert refusal.reason


def test_texts_may_be_real_arrays() -> None:
    told = market(outcomes=["Up", "Down"], clobTokenIds=["1", "2"], outcomePrices=["0.1", "0.9"])
    assert (told.yes.name, told.assets) == ("Up", ("1", "2"))


def test_the_state_comes_from_flags_never_from_the_date() -> None:
    long_past = "2020-01-01T00:00:00Z"
    assert market(endDate=long_past).state is MarketState.OPEN
    assert market(endDate=None).state is MarketState.OPEN
    assert market(endDate="soon").end_ns is None
    for flag in ("acceptingOrders", "active", "enableOrderBook"):
        assert market(**{flag: False}).state is MarketState.PAUSED
        assert market(**{flag: ...}).state is MarketState.PAUSED
    assert market(archived=True).state is MarketState.CLOSED
    assert market(closed=True).winner == ""


def test_the_winner_is_told_once_it_is_final() -> None:
    def closed(prices: str, status: str | None = None) -> tuple[MarketState, str]:
        told = market(closed=True, outcomePrices=prices, umaResolutionStatus=status)
        return told.state, told.winner

    assert closed('["1", "0"]') == (MarketState.RESOLVED, "11")
    assert closed('["0", "1"]', "resolved") == (MarketState.RESOLVED, "12")
    assert closed('["0.5", "0.5"]') == (MarketState.RESOLVED, "")
    assert closed('["1", "0"]', "disputed") == (MarketState.CLOSED, "")
    assert closed('["0", "0"]') == (MarketState.CLOSED, "")
    assert closed('["0.58", "0.42"]') == (MarketState.CLOSED, "")
    assert closed("") == (MarketState.CLOSED, "")


def test_an_unknown_fee_is_never_taken_for_none() -> None:
    schedule = {"exponent": 1, "rate": 0.03, "takerOnly": True, "rebateRate": 0.25}
    assert market(feesEnabled=True, feeSchedule=schedule).fees == FeeSchedule(
        30_000, 1, True, 250_000
    )
    assert market(feesEnabled=False, feeSchedule=schedule).fees == FREE
    assert market(feesEnabled=True).fees is None
    assert market(feesEnabled=...).fees is None
    assert market(feesEnabled=True, feeSchedule=schedule | {"rate": 7}).fees is None
    assert market(feesEnabled=True, feeSchedule=schedule | {"rate": -0.1}).fees is None
    assert market(feesEnabled=True, feeSchedule=schedule | {"exponent": 0.5}).fees is None
    assert market(feesEnabled=True, feeSchedule=schedule | {"exponent": "2"}).fees == FeeSchedule(
        30_000, 2, True, 250_000
    )


def test_foreign_text_is_made_printable() -> None:
    told = market(question="Will\x1b]52;c;eA==\x07 it \u202eflip?", description="one\n\n\ntwo\x07")
    assert told.question.isprintable()
    assert "\x07" not in told.description
    assert "\n" in told.description


def test_an_events_markets_carry_its_title_and_tags(shared_data: Path) -> None:
    (raw, *_) = decode_array((shared_data / "payloads/adapter/gamma_event.json").read_bytes())
    event = decode_as(GammaEvent, raw)
    told = [market_from_gamma(decode_as(GammaMarket, one), event) for one in event.markets or []]
    assert len(told) == 2
    for one in told:
        assert isinstance(one, Market)
        assert one.event_title == "Democratic Presidential Nominee 2028"
        assert "World Elections" in one.tags
        assert (one.neg_risk, one.tick_size, one.state) == (True, 10, MarketState.OPEN)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gamma_market", "open fees-unknown"),
        ("gamma_market_closed_binary_accepting_false", "resolved free"),
        ("gamma_market_closed_binary_accepting_true", "resolved free"),
        ("gamma_market_closed_nonbinary_legacy", "refused orderPriceMinTickSize"),
        ("gamma_market_closed_zero_zero_legacy", "refused orderPriceMinTickSize"),
        ("gamma_market_sports_market_map_handicap", "resolved 30000"),
        ("gamma_market_sports_market_money_line", "resolved 30000"),
    ],
)
def test_recorded_markets_are_classified(shared_data: Path, name: str, expected: str) -> None:
    body = (shared_data / "payloads" / "adapter" / f"{name}.json").read_bytes()
    told = market_from_gamma(decode_as(GammaMarket, body))
    if isinstance(told, Refused):
        assert expected == f"refused {told.field}"
        return
    fees = {None: "fees-unknown", FREE: "free"}.get(told.fees)
    fees = fees or str(told.fees and told.fees.rate_e6)
    assert expected == f"{told.state.value} {fees}"


def test_details_of_the_clob_fill_in_what_the_catalogue_left_open() -> None:
    told = market(feesEnabled=True)
    body = (
        b'{"c":"0xa","t":[{"t":"11","o":"Yes"},{"t":"12","o":"No"}],"mts":0.001,"mos":15,"nr":true,'
        b'"ao":true,"mbf":0,"tbf":0,"fd":{"r":0.04,"e":1,"to":true},"gst":null,"sd":3}'
    )
    details = decode_as(ClobMarket, body)
    filled = with_clob_details(told, details)
    assert (filled.tick_size, filled.min_order_size, filled.neg_risk) == (10, 15_000_000, True)
    assert filled.fees == FeeSchedule(40_000)
    assert with_clob_details(told, msgspec.structs.replace(details, fd=None)).fees == FREE
    other = msgspec.structs.replace(
        told, yes=told.no, no=msgspec.structs.replace(told.no, asset_id="9")
    )
    with pytest.raises(WireError, match="expected the assets of market"):
        with_clob_details(other, details)
    with pytest.raises(WireError, match="mts"):
        with_clob_details(told, msgspec.structs.replace(details, mts=0.3))
