"""What the catalogue says about one market, made plain. Pure functions.

``version`` decides which ids trade; liveness comes from ``closed``, ``active`` and
``acceptingOrders``, never from a date; a fee that is not stated stays unknown.
"""

import math
import re
from functools import lru_cache

import msgspec

from feeds.markets import (
    FREE,
    ONE,
    SHARE,
    TICK_SIZES,
    FeeSchedule,
    Market,
    MarketState,
    Outcome,
    Price,
    Size,
)
from feeds.polymarket.errors import WireError
from feeds.polymarket.units import BadNumber, date_nanos, exact_price, millionths
from feeds.polymarket.wire import (
    ClobMarket,
    FeeDetails,
    GammaEvent,
    GammaFees,
    GammaMarket,
    GammaParent,
    GammaTag,
    Number,
    Texts,
    decode_texts,
)
from feeds.text import paragraph, printable

TAGS_MAX = 32
TEXTS_KEPT_MAX = 512
SLUG_CHARS_MAX = 200
EXPONENT_MAX = 8
MIN_SIZE_MAX: Size = 1_000_000 * SHARE
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_ASSET_ID = re.compile(r"[0-9]{1,78}", re.ASCII)
_SETTLED = (None, "", "resolved", "settled")


class Refused(msgspec.Struct, frozen=True):
    """A market that we do not take into the catalogue: which field, and why."""

    field: str
    reason: str
    condition_id: str = ""

    def __str__(self) -> str:
        where = f"market {self.condition_id}: " if self.condition_id else ""
        return f"{where}{self.field}: {self.reason}"


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _rules(text: str) -> str:
    """The rules as a paragraph. The markets of an event often share them to the letter."""
    return paragraph(text)


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _label(text: str) -> str:
    """A short text that many markets share: tags, outcomes, an event's title."""
    return printable(text)


class _Unfit(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def market_from_gamma(raw: GammaMarket, event: GammaEvent | None = None) -> Market | Refused:
    """The market, or why not. ``event`` is its parent, where the listing was one of events."""
    try:
        return _market(raw, event)
    except _Unfit as unfit:
        known = raw.condition_id if _CONDITION_ID.fullmatch(raw.condition_id) else ""
        return Refused(unfit.field, unfit.reason, known)


def _market(raw: GammaMarket, event: GammaEvent | None) -> Market:
    if not _CONDITION_ID.fullmatch(raw.condition_id):
        raise _Unfit("conditionId", "expected 0x and up to 64 hexadecimal digits")
    question = printable(raw.question or "")
    if not question:
        raise _Unfit("question", "expected a text, found none")
    yes, no = _outcomes(raw)
    state, winner = _state(raw, yes, no)
    parent = _parent(raw, event)
    return Market(
        condition_id=raw.condition_id,
        gamma_id=printable(str(raw.id), SLUG_CHARS_MAX),
        slug=printable(raw.slug or "", SLUG_CHARS_MAX),
        question=question,
        description=_rules(raw.description or ""),
        yes=yes,
        no=no,
        event_id=printable(str(parent.id), SLUG_CHARS_MAX),
        event_title=_label(parent.title or ""),
        group_title=printable(raw.group_item_title or ""),
        tags=_labels((event and event.tags) or raw.tags or []),
        state=state,
        tick_size=_tick_size(raw.order_price_min_tick_size),
        min_order_size=_min_size(raw.order_min_size),
        neg_risk=bool(raw.neg_risk),
        fees=_fees(raw),
        end_ns=date_nanos(raw.end_date),
        volume=_statistic(raw.volume_num, raw.volume),
        liquidity=_statistic(raw.liquidity_num, raw.liquidity),
        version=raw.version or "v1",
        winner=winner,
    )


def _parent(raw: GammaMarket, event: GammaEvent | None) -> GammaParent:
    if event is not None:
        return GammaParent(event.id, event.title)
    return raw.events[0] if raw.events else GammaParent()


def _labels(tags: list[GammaTag]) -> tuple[str, ...]:
    labels = (_label(tag.label or tag.slug or "") for tag in tags[:TAGS_MAX])
    return tuple(label for label in labels if label)


def _outcomes(raw: GammaMarket) -> tuple[Outcome, Outcome]:
    version = raw.version or "v1"
    if version not in ("v1", "v2"):
        raise _Unfit("version", f'expected "v1" or "v2", found "{printable(version, 40)}"')
    field = "clobTokenIds" if version == "v1" else "positionIds"
    ids = _pair(field, raw.clob_token_ids if version == "v1" else raw.position_ids)
    names = _pair("outcomes", raw.outcomes)
    for asset_id in ids:
        if not _ASSET_ID.fullmatch(asset_id):
            raise _Unfit(field, "expected decimal asset ids")
    if ids[0] == ids[1]:
        raise _Unfit(field, "expected two different asset ids")
    return Outcome(_label(names[0]), ids[0]), Outcome(_label(names[1]), ids[1])


def _pair(field: str, texts: Texts) -> tuple[str, str]:
    found = _listed(field, texts)
    if len(found) != 2:
        raise _Unfit(field, f"expected two, found {len(found)}")
    return found[0], found[1]


def _listed(field: str, texts: Texts) -> list[str]:
    """A real array, or the array inside a text."""
    if texts is None or texts == "":
        return []
    if isinstance(texts, list):
        return texts
    try:
        return decode_texts(texts)
    except WireError as error:
        raise _Unfit(field, f"expected a JSON array of texts ({error.reason})") from None


def _state(raw: GammaMarket, yes: Outcome, no: Outcome) -> tuple[MarketState, str]:
    """The state, and the asset that won: "" before the end, and for an even split."""
    if raw.closed:
        payout = _payout(raw)
        if payout is None or raw.uma_resolution_status not in _SETTLED:
            return MarketState.CLOSED, ""
        winners = {(ONE, 0): yes.asset_id, (0, ONE): no.asset_id}
        return MarketState.RESOLVED, winners.get(payout, "")
    if raw.archived:
        return MarketState.CLOSED, ""
    takes_orders = raw.active and raw.enable_order_book and raw.accepting_orders
    return (MarketState.OPEN if takes_orders else MarketState.PAUSED), ""


def _payout(raw: GammaMarket) -> tuple[Price, Price] | None:
    """Final prices of a closed market, where they are final: 1 and 0, or a half each."""
    try:
        yes, no = (exact_price(text) for text in _pair("outcomePrices", raw.outcome_prices))
    except (BadNumber, _Unfit):
        return None
    return (yes, no) if (yes, no) in ((ONE, 0), (0, ONE), (ONE // 2, ONE // 2)) else None


def _tick_size(seen: Number | None) -> Price:
    field = "orderPriceMinTickSize"
    if seen is None:
        raise _Unfit(field, "expected a tick size, found none")
    try:
        tick_size = exact_price(seen)
    except BadNumber as error:
        raise _Unfit(field, str(error)) from None
    if tick_size not in TICK_SIZES:
        known = ", ".join(f"{size / ONE:g}" for size in sorted(TICK_SIZES))
        raise _Unfit(field, f"expected one of {known}, found {seen!r}")
    return tick_size


def _min_size(seen: Number | None) -> Size:
    if seen is None:
        raise _Unfit("orderMinSize", "expected a number of shares, found none")
    try:
        size = millionths(seen)
    except BadNumber as error:
        raise _Unfit("orderMinSize", str(error)) from None
    if size > MIN_SIZE_MAX:
        raise _Unfit("orderMinSize", f"expected a number of shares, found {seen!r}")
    return size


def _fees(raw: GammaMarket) -> FeeSchedule | None:
    """The market's own schedule. Not stated is unknown, and such a market takes no order."""
    if raw.fee_schedule is not None and raw.fees_enabled is not False:
        return _schedule(raw.fee_schedule)
    return FREE if raw.fees_enabled is False else None


def _schedule(fees: GammaFees) -> FeeSchedule | None:
    return fee_schedule(fees.rate, fees.exponent, fees.taker_only, fees.rebate_rate)


def fee_schedule(
    rate: Number, exponent: Number, taker_only: bool, rebate: Number
) -> FeeSchedule | None:
    """A schedule in exact units, or None where a number makes no sense: then it is unknown."""
    try:
        rate_e6, power_e6, rebate_e6 = millionths(rate), millionths(exponent), millionths(rebate)
    except BadNumber:
        return None
    power, rest = divmod(power_e6, 1_000_000)
    if rest or power > EXPONENT_MAX or max(rate_e6, rebate_e6) > 1_000_000:
        return None
    return FeeSchedule(rate_e6, power, taker_only, rebate_e6)


def _statistic(*seen: Number | None) -> float:
    for number in seen:
        try:
            value = float(number) if number is not None else math.nan
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            return value
    return 0.0


def with_clob_details(market: Market, details: ClobMarket) -> Market:
    """The market with tick, minimum size and fees as ``/clob-markets`` states them.

    For markets whose fees the catalogue leaves open, and for fresh values before trading.
    Raises ``WireError`` where the details are of another market or make no sense.
    """
    if {token.t for token in details.t} != set(market.assets):
        raise WireError("$.t", f"expected the assets of market {market.condition_id}")
    try:
        tick_size, min_size = _tick_size(details.mts), _min_size(details.mos)
    except _Unfit as unfit:
        raise WireError("$.mts, $.mos", unfit.reason) from None
    return msgspec.structs.replace(
        market,
        tick_size=tick_size,
        min_order_size=min_size,
        neg_risk=details.nr,
        fees=_detailed(details.fd),
    )


def _detailed(fees: FeeDetails | None) -> FeeSchedule | None:
    return FREE if fees is None else fee_schedule(fees.r, fees.e, fees.to, 0)
