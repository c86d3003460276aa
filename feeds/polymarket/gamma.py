"""What the catalogue says about one market, made plain. Pure functions.

``version`` decides which ids trade; liveness comes from ``closed``, ``active`` and
``acceptingOrders`` and from the word of the oracle, never from a date; a fee that is not stated
stays unknown. What decorates a market (titles, tags, volumes) may be missing or of another type.
"""

import math
import re
from functools import lru_cache

import msgspec
from msgspec import Raw

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
from feeds.polymarket.units import BadNumber, date_nanos, exact_price, millionths, text_of
from feeds.polymarket.wire import (
    ClobMarket,
    FeeDetails,
    GammaEvent,
    GammaFees,
    GammaMarket,
    Number,
    Texts,
    decode_as,
    decode_texts,
)
from feeds.text import LINE_CHARS_MAX, paragraph, printable

TAGS_MAX = 32
TEXTS_KEPT_MAX = 512
SLUG_CHARS_MAX = 200
RULES_CHARS_MAX = 100_000
EXPONENT_MAX = 8
MIN_SIZE_MAX: Size = 1_000_000 * SHARE
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_ASSET_ID = re.compile(r"[0-9]{1,78}", re.ASCII)
WORDS_CHARS_MAX = 40
"""What a status of the oracle's may be long."""
_SETTLED = ("", "resolved", "settled")
_UNASKED = frozenset(("", "none", "initialized", "requested", "ready", "unresolved"))
"""Words for an oracle that nobody has answered yet. After any other an outcome is on its way."""
_FINAL = (0, ONE // 2, ONE)
_CATCH_ALL = frozenset(("other", "others", "none of the above", "any other", "the field"))


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
    question = _text(raw.question)
    if not question:
        raise _Unfit("question", "expected a text, found none")
    yes, no = _outcomes(raw)
    state, winner = _state(raw, yes, no)
    event_id, event_title = _parent(raw, event)
    group_title = _text(raw.group_item_title)
    return Market(
        condition_id=raw.condition_id,
        gamma_id=_text(raw.id, SLUG_CHARS_MAX),
        slug=_text(raw.slug, SLUG_CHARS_MAX),
        question=question,
        description=_rules(text_of(raw.description, RULES_CHARS_MAX)),
        yes=yes,
        no=no,
        event_id=event_id,
        event_title=event_title,
        group_title=group_title,
        tags=_labels((event and event.tags) or raw.tags),
        state=state,
        resolution=_resolution(raw) if state is not MarketState.RESOLVED else "",
        catch_all=_is_catch_all(raw, group_title),
        tick_size=_tick_size(raw.order_price_min_tick_size),
        min_order_size=_min_size(raw.order_min_size),
        neg_risk=bool(raw.neg_risk),
        fees=_fees(raw),
        end_ns=date_nanos(text_of(raw.end_date)),
        volume=_statistic(raw.volume_num, raw.volume),
        liquidity=_statistic(raw.liquidity_num, raw.liquidity),
        version=raw.version or "v1",
        winner=winner,
    )


def _text(field: object, chars_max: int = LINE_CHARS_MAX) -> str:
    """A field that we can do without, through the text door; "" where it holds no text."""
    return printable(text_of(field, RULES_CHARS_MAX), chars_max)


def _parent(raw: GammaMarket, event: GammaEvent | None) -> tuple[str, str]:
    """Id and title of the event that a market is of."""
    if event is not None:
        return _text(event.id, SLUG_CHARS_MAX), _label(text_of(event.title, RULES_CHARS_MAX))
    parents = raw.events if isinstance(raw.events, list) else []
    parent = next((one for one in parents if isinstance(one, dict)), {})
    title = text_of(parent.get("title"), RULES_CHARS_MAX)
    return _text(parent.get("id"), SLUG_CHARS_MAX), _label(title)


def _labels(tags: object) -> tuple[str, ...]:
    """What tags are called, each an object or a text; one that is neither is left out."""
    found = (_tag(tag) for tag in tags[:TAGS_MAX]) if isinstance(tags, list) else ()
    return tuple(label for label in found if label)


def _tag(tag: object) -> str:
    if isinstance(tag, dict):
        return _tag(tag.get("label")) or _tag(tag.get("slug"))
    return _label(text_of(tag, RULES_CHARS_MAX))


def _is_catch_all(raw: GammaMarket, group_title: str) -> bool:
    """Whether the market stands for all that its event does not name."""
    named = bool(raw.neg_risk) and group_title.casefold().strip(" .") in _CATCH_ALL
    return named or raw.neg_risk_other in (True, 1, "true", "True")


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
    yes, no = map(_label, names)
    if not yes or not no or yes.casefold() == no.casefold():
        raise _Unfit("outcomes", "expected two names that differ")
    return Outcome(yes, ids[0]), Outcome(no, ids[1])


def _pair(field: str, texts: Texts) -> tuple[str, str]:
    try:
        found = decode_texts(texts)
    except WireError as error:
        raise _Unfit(field, f"expected a JSON array of texts ({error.reason})") from None
    if len(found) != 2:
        raise _Unfit(field, f"expected two, found {len(found)}")
    return found[0], found[1]


def _state(raw: GammaMarket, yes: Outcome, no: Outcome) -> tuple[MarketState, str]:
    """The state, and the asset that won: "" before the end, and for an even split."""
    if raw.closed:
        payout = _payout(raw)
        if payout is None or _oracle(raw) not in _SETTLED:
            return MarketState.CLOSED, ""
        winners = {(ONE, 0): yes.asset_id, (0, ONE): no.asset_id}
        return MarketState.RESOLVED, winners.get(payout, "")
    if raw.archived:
        return MarketState.CLOSED, ""
    takes_orders = raw.active and raw.enable_order_book and raw.accepting_orders
    # who trades after an answer was proposed trades on the oracle, not on the question
    takes_orders = takes_orders and not _resolution(raw)
    return (MarketState.OPEN if takes_orders else MarketState.PAUSED), ""


def _oracle(raw: GammaMarket) -> str:
    """The oracle's newest word on a market, in small letters; "" where it has said nothing."""
    told = raw.uma_resolution_status
    status = told.strip() if isinstance(told, str) else ""
    if not status and raw.uma_resolution_statuses:
        try:
            words = decode_texts(msgspec.json.encode(raw.uma_resolution_statuses))
        except WireError:
            return ""
        status = words[-1].strip() if words else ""
    return printable(status, WORDS_CHARS_MAX).lower()


def _resolution(raw: GammaMarket) -> str:
    """The word under which an outcome is on its way, such as "proposed"; "" where none is."""
    status = _oracle(raw)
    return "" if status in _UNASKED else status


def _payout(raw: GammaMarket) -> tuple[Price, Price] | None:
    """Final prices of a closed market, where they are final: 1 and 0, or a half each.

    They come with the dust of other people's floats, "1e-7" for 0: what lies closer to a final
    price than the finest tick is that price.
    """
    try:
        yes, no = (_final(text) for text in _pair("outcomePrices", raw.outcome_prices))
    except (ValueError, _Unfit):
        return None
    return (yes, no) if yes + no == ONE else None


def _final(text: str) -> Price:
    number = float(text) * ONE
    for price in _FINAL:
        if abs(number - price) < 1:
            return price
    raise ValueError(text)


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
    if raw.fees_enabled is False:
        return FREE
    try:
        fees = decode_as(GammaFees, raw.fee_schedule)
    except WireError:
        return None
    return fee_schedule(fees.rate, fees.exponent, fees.taker_only, fees.rebate_rate)


def fee_schedule(
    rate: Number, exponent: Number | None, taker_only: bool | None, rebate: Number | None
) -> FeeSchedule | None:
    """A schedule in exact units, or None where a number makes no sense: then it is unknown.

    The venue's defaults, where it says null: exponent 1, takers only, no rebate.
    """
    try:
        rate_e6 = millionths(rate)
        power_e6 = 1_000_000 if exponent is None else millionths(exponent)
        rebate_e6 = 0 if rebate is None else millionths(rebate)
    except BadNumber:
        return None
    power, rest = divmod(power_e6, 1_000_000)
    if rest or power > EXPONENT_MAX or max(rate_e6, rebate_e6) > 1_000_000:
        return None
    return FeeSchedule(rate_e6, power, taker_only is not False, rebate_e6)


def _statistic(*seen: object) -> float:
    for number in seen:
        try:
            value = float(text_of(number))
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
        neg_risk=bool(details.nr),
        fees=_detailed(details.fd),
    )


def _detailed(raw: Raw) -> FeeSchedule | None:
    """The schedule of a market's details; without any there is no fee, and one that can't be read
    is unknown."""
    if not raw or bytes(raw).strip() in (b"", b"null"):
        return FREE
    try:
        fees = decode_as(FeeDetails, raw)
    except WireError:
        return None
    return fee_schedule(fees.r, fees.e, fees.to, 0)
