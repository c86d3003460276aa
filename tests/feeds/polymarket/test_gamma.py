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


@pytest.mark.parametrize("word", ["proposed", "Disputed", "challenged", "resolved", "flagged"])
@pytest.mark.parametrize("field", ["umaResolutionStatus", "umaResolutionStatuses"])
def test_an_outcome_on_its_way_closes_an_open_market_for_orders(word: str, field: str) -> None:
    told = market(**{field: word if field.endswith("Status") else json.dumps(["posed", word])})
    assert told.state is MarketState.PAUSED
    assert told.resolution == word.lower()
    assert "no orders" in told.remarks[0]


@pytest.mark.parametrize("word", ["", None, "none", "initialized", "Requested", 0, [], {}])
def test_an_oracle_that_nobody_answered_changes_nothing(word: object) -> None:
    for told in (market(umaResolutionStatus=word), market(umaResolutionStatuses=word)):
        assert (told.state, told.resolution, told.remarks) == (MarketState.OPEN, "", ())
    assert market(umaResolutionStatuses="[]").state is MarketState.OPEN
    told = market(umaResolutionStatus=None, umaResolutionStatuses='["proposed", "requested"]')
    assert told.state is MarketState.OPEN


def test_the_newest_word_of_the_oracle_counts_and_stays_on_a_closed_market() -> None:
    statuses = '["proposed", "disputed"]'
    assert market(umaResolutionStatuses=statuses).resolution == "disputed"
    closed = market(closed=True, umaResolutionStatus="disputed", outcomePrices='["1", "0"]')
    assert (closed.state, closed.winner) == (MarketState.CLOSED, "")
    assert closed.remarks == ("the outcome is disputed: no orders",)
    settled = market(closed=True, umaResolutionStatus="resolved", outcomePrices='["1", "0"]')
    assert (settled.state, settled.resolution, settled.remarks) == (MarketState.RESOLVED, "", ())


@pytest.mark.parametrize(
    ("prices", "winner"),
    [
        ('["1", "1e-7"]', "11"),
        ('["0.9999999", "0.0000001"]', "11"),
        ("[1, 0]", "11"),
        ('["0e0", "1.0"]', "12"),
        ('["0.50000001", "0.49999999"]', ""),
    ],
)
def test_the_dust_of_other_peoples_floats_hides_no_winner(prices: str, winner: str) -> None:
    for written in (prices, json.loads(prices)):
        told = market(closed=True, outcomePrices=written, umaResolutionStatus="resolved")
        assert (told.state, told.winner) == (MarketState.RESOLVED, winner)


@pytest.mark.parametrize(
    "prices",
    ['["0.9995", "0.0005"]', '["0.9999", "0.0001"]', '["1", "1"]', '["nan", "0"]', '["1"]', "[", 7],
)
def test_a_last_price_is_no_payout(prices: object) -> None:
    told = market(closed=True, outcomePrices=prices, umaResolutionStatus="resolved")
    assert (told.state, told.winner) == (MarketState.CLOSED, "")


ODD: list[object] = [None, 5, 2.5, True, "", [], {}, [None], {"a": 1}, "x" * 10_000]


@pytest.mark.parametrize(
    "field",
    [
        *("id", "slug", "description", "groupItemTitle", "endDate", "volume", "volumeNum"),
        *("liquidity", "liquidityNum", "events", "tags", "negRiskOther", "umaResolutionStatuses"),
    ],
)
def test_a_field_that_we_can_do_without_never_costs_a_market(field: str) -> None:
    for odd in [*ODD, ...]:
        told = market(**{field: odd})
        assert (told.state, told.assets, told.fees) == (MarketState.OPEN, ("11", "12"), FREE)
        assert told.question == "Will it?"


def test_texts_that_are_numbers_are_read() -> None:
    told = market(groupItemTitle=2027, id=5, slug=7, question=2030, volume=12, tags=["AI", 5])
    assert (told.group_title, told.gamma_id, told.slug) == ("2027", "5", "7")
    assert (told.question, told.volume, told.tags) == ("2030", 12.0, ("AI", "5"))


def test_a_tag_that_is_none_costs_itself_alone() -> None:
    tags = [None, {"label": "AI"}, {"label": None, "slug": "chips"}, [], "Tech", {"id": 1}]
    assert market(tags=tags).tags == ("AI", "chips", "Tech")
    assert market(events=[None, {"id": 9, "title": None}]).event_id == "9"


@pytest.mark.parametrize("field", ["id", "title", "tags", "slug", "markets"])
def test_a_field_that_we_can_do_without_never_costs_an_event(field: str) -> None:
    for odd in [None, ..., *([] if field == "markets" else ODD)]:
        fields = {
            "id": "9",
            "title": "E",
            "tags": [{"label": "AI"}],
            "markets": [PLAIN],
            field: odd,
        }
        fields = {key: value for key, value in fields.items() if value is not ...}
        event = decode_as(GammaEvent, json.dumps(fields).encode())
        for raw in event.markets or []:
            assert isinstance(market_from_gamma(decode_as(GammaMarket, raw), event), Market)
        assert len(event.markets or []) == (0 if field == "markets" else 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("conditionId", 5),
        ("closed", "maybe"),
        ("acceptingOrders", []),
        ("negRisk", "perhaps"),
        ("orderMinSize", None),
        ("orderPriceMinTickSize", None),
        ("version", 3),
    ],
)
def test_a_field_that_money_hangs_on_is_refused_by_name(field: str, value: object) -> None:
    try:
        refusal = str(made(**{field: value}))
    except WireError as error:
        refusal = str(error)
    assert field in refusal


def test_asset_ids_are_read_to_the_last_digit_however_they_are_written() -> None:
    long, other = "7" * 77, "1" + "0" * 76
    for written in (f"[{long},{other}]", f'["{long}", {other}]', [long, other]):
        assert market(clobTokenIds=written).assets == (long, other)
    body = json.dumps(PLAIN | {"clobTokenIds": [int(long), int(other)]}).encode()
    told = market_from_gamma(decode_as(GammaMarket, body))
    assert isinstance(told, Market)
    assert told.assets == (long, other)
    for odd in ("[1.5, 2]", "[-1, 2]", "[1e5, 2]", "[true, 2]", "[01, 2]", '[null, "2"]', "{}"):
        assert refused(clobTokenIds=odd).field == "clobTokenIds"


@pytest.mark.parametrize(
    "names",
    ['["", ""]', '["Yes", ""]', '["Yes", " \\u200b"]', "[null, null]", '["Yes", "yes"]', "[[], 1]"],
)
def test_outcomes_without_a_name_of_their_own_are_refused(names: str) -> None:
    assert refused(outcomes=names).field == "outcomes"


def test_the_outcome_that_stands_for_all_others_is_marked() -> None:
    assert market(negRisk=True, negRiskOther=True).catch_all
    assert market(negRisk=True, groupItemTitle="Other").catch_all
    assert "catch-all" in market(negRisk=True, negRiskOther=True).remarks[0]
    for plain in ({}, {"negRisk": True}, {"groupItemTitle": "Other"}, {"negRiskOther": None}):
        assert not market(**plain).catch_all
    assert not market(negRisk=True, groupItemTitle="Another company").catch_all


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
    silent = {"exponent": None, "rate": 0.03, "takerOnly": None, "rebateRate": None}
    assert market(feesEnabled=True, feeSchedule=silent).fees == FeeSchedule(30_000, 1, True, 0)
    for odd in ({}, {"rate": None}, {"rate": "free"}, [], "0.03", 5, None, {"rate": []}):
        assert market(feesEnabled=True, feeSchedule=odd).fees is None
        assert market(feesEnabled=None, feeSchedule=odd).fees is None
        assert market(feesEnabled=False, feeSchedule=odd).fees == FREE


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
