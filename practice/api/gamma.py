"""The catalogue as Gamma shows it: events, markets, tags, search."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.answers import Handler, Wrong, answer, guarded, whole_number
from practice.clock import DAY, HOUR, SECOND
from practice.exchange.orders import NO, PRICE_ONE, SHARE, YES
from practice.world.board import FEE_CAP_BPS, OUTCOMES, Board, Listing, Tag, digest, last_trade
from practice.world.simulation import REBATE_E6

MARKETS_PAGE_MAX = 100
EVENTS_PAGE_MAX = 500
PAGE_USUAL = 20
OFFSET_MAX = 1_000
SEARCH_USUAL = 5
SEARCH_MAX = 50
QUERY_CHARS_MAX = 200

LONGER = ("1wk", "1mo", "1yr")
"""Spans in which all of a market's volume was traded, as far as this world knows."""

Row = dict[str, Any]
EVENT_UNCHANGING: Row = {
    "image": "",
    "icon": "",
    "cyom": False,
    "showAllOutcomes": True,
    "showMarketImages": False,
    "automaticallyActive": True,
    "pendingDeployment": False,
    "deploying": False,
    "requiresTranslation": False,
}
UNCHANGING: Row = {
    "image": "",
    "icon": "",
    "marketMakerAddress": "",
    "hasReviewedDates": True,
    "cyom": False,
    "pagerDutyNotificationEnabled": False,
    "rewardsMinSize": 0,
    "rewardsMaxSpread": 0,
    "automaticallyActive": True,
    "clearBookOnStart": False,
    "manualActivation": False,
    "negRiskOther": False,
    "pendingDeployment": False,
    "deploying": False,
    "rfqEnabled": False,
    "holdingRewardsEnabled": False,
    "requiresTranslation": False,
}
"""What every record has and nothing here changes."""
Keep = Callable[[Row], bool]
Finish = Callable[[Row], Row]
"""What makes a row whole once it is known to be shown."""


class Gamma:
    """Routes and shapes of the catalogue interface."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def routes(self) -> list[Route]:
        paths: dict[str, Handler] = {
            "/events/keyset": self.events_page,
            "/events/slug/{slug}": self.event_by_slug,
            "/events/{number:int}": self.event_by_number,
            "/events/{number:int}/tags": self.event_tags,
            "/events/pagination": self.events_counted,
            "/events": self.events_array,
            "/markets/keyset": self.markets_page,
            "/markets/slug/{slug}": self.market_by_slug,
            "/markets/{number:int}": self.market_by_number,
            "/markets/{number:int}/tags": self.market_tags,
            "/tags": self.all_tags,
            "/tags/slug/{slug}": self.tag_by_slug,
            "/tags/{number:int}": self.tag_by_number,
            "/public-search": self.search,
        }
        return [Route(path, guarded(handler)) for path, handler in paths.items()]

    # -- listings --------------------------------------------------------------------------------

    async def events_page(self, request: Request) -> Response:
        rows = self._events(request)
        return _keyset(request, "events", rows, EVENTS_PAGE_MAX)

    async def markets_page(self, request: Request) -> Response:
        rows = self._markets(request)
        return _keyset(request, "markets", rows, MARKETS_PAGE_MAX, self._finisher(request))

    async def events_array(self, request: Request) -> Response:
        return _offset(request, self._events(request), EVENTS_PAGE_MAX)

    async def markets_array(self, request: Request) -> Response:
        """The old listing, which leaves closed markets out unless asked."""
        rows = self._markets(request)
        if "closed" not in request.query_params:
            rows = [row for row in rows if not row["closed"]]
        return _offset(request, rows, MARKETS_PAGE_MAX, self._finisher(request))

    async def events_counted(self, request: Request) -> Response:
        """The listing that tells how many there are."""
        rows = self._events(request)
        size = whole_number(request, "limit", PAGE_USUAL, 1, EVENTS_PAGE_MAX)
        start = whole_number(request, "offset", 0, 0, OFFSET_MAX)
        pagination = {"hasMore": start + size < len(rows), "totalResults": len(rows)}
        return answer({"data": rows[start : start + size], "pagination": pagination})

    def _events(self, request: Request) -> list[Row]:
        rows = [self.event(slug) for slug in self.board.events]
        return _ordered(request, _kept(rows, _event_filters(request, self.board)))

    def _markets(self, request: Request) -> list[Row]:
        """Rows without their events and tags: only those of one page get them."""
        rows = [self.market_alone(item) for item in self.board.listings.values()]
        kept = _kept(rows, _market_filters(request, self.board))
        return _ordered(request, kept)

    def _finisher(self, request: Request) -> Finish:
        tagged = request.query_params.get("include_tag") == "true"
        events: dict[str, Row] = {}

        def finished(row: Row) -> Row:
            listing = self.board.by_number[int(row["id"])]
            slug = listing.event.slug
            if slug not in events:
                events[slug] = self._event_of(listing)
            return row | {"events": [events[slug]]} | (self._tags(listing) if tagged else {})

        return finished

    # -- single objects --------------------------------------------------------------------------

    async def event_by_slug(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        if slug not in self.board.events:
            raise Wrong(404, "event not found")
        return answer(self.event(slug))

    async def event_by_number(self, request: Request) -> Response:
        return answer(self.event(self._event_slug(request)))

    async def event_tags(self, request: Request) -> Response:
        event = self.board.events[self._event_slug(request)]
        return answer([_tag(self.board.tags[label]) for label in event.tags])

    def _event_slug(self, request: Request) -> str:
        number = request.path_params["number"]
        for slug, known in self.board.event_numbers.items():
            if known == number:
                return slug
        raise Wrong(404, "event not found")

    async def market_by_slug(self, request: Request) -> Response:
        listing = self.board.listings.get(request.path_params["slug"])
        if listing is None:
            raise Wrong(404, "market not found")
        return answer(self.market(listing, tags=True))

    async def market_by_number(self, request: Request) -> Response:
        return answer(self.market(self._numbered(request), tags=True))

    async def market_tags(self, request: Request) -> Response:
        tags = self._numbered(request).spec.tags
        return answer([_tag(self.board.tags[label]) for label in tags])

    def _numbered(self, request: Request) -> Listing:
        listing = self.board.by_number.get(request.path_params["number"])
        if listing is None:
            raise Wrong(404, "market not found")
        return listing

    async def all_tags(self, request: Request) -> Response:
        return _offset(request, [_tag(tag) for tag in self.board.tags.values()], EVENTS_PAGE_MAX)

    async def tag_by_slug(self, request: Request) -> Response:
        return answer(self._tag(lambda tag: tag.slug == request.path_params["slug"]))

    async def tag_by_number(self, request: Request) -> Response:
        return answer(self._tag(lambda tag: tag.number == request.path_params["number"]))

    def _tag(self, wanted: Callable[[Tag], bool]) -> Row:
        for tag in self.board.tags.values():
            if wanted(tag):
                return _tag(tag)
        raise Wrong(404, "tag not found")

    async def search(self, request: Request) -> Response:
        """Events with the markets in which every word of the query occurs."""
        words = request.query_params.get("q", "")[:QUERY_CHARS_MAX].lower().split()
        if not words:
            raise Wrong(422, "q must not be empty")
        found = [row for row in (self._matching(slug, words) for slug in self.board.events) if row]
        size = whole_number(request, "limit_per_type", SEARCH_USUAL, 1, SEARCH_MAX)
        start = (whole_number(request, "page", 1, 1, OFFSET_MAX) - 1) * size
        pagination = {"hasMore": start + size < len(found), "totalResults": len(found)}
        return answer({"events": found[start : start + size], "pagination": pagination})

    def _matching(self, slug: str, words: Sequence[str]) -> Row | None:
        event = self.board.events[slug]
        heading = f"{event.title} {event.description}".lower()
        if all(word in heading for word in words):
            return self.event(slug)
        listings = [
            item
            for item in self.board.of_event[slug]
            if all(word in f"{heading} {item.spec.question}".lower() for word in words)
        ]
        return self.event(slug, listings) if listings else None

    # -- shapes ----------------------------------------------------------------------------------

    def event(self, slug: str, listings: Sequence[Listing] | None = None) -> Row:
        """One event with its markets: numbers are numbers here, unlike in markets."""
        listings = self.board.of_event[slug] if listings is None else listings
        markets = [self.market_alone(item) for item in listings]
        return self._event_alone(slug, markets) | {
            "markets": markets,
            "series": [],
            "tags": [_tag(self.board.tags[label]) for label in self.board.events[slug].tags],
        }

    def _event_alone(self, slug: str, markets: Iterable[Row]) -> Row:
        event = self.board.events[slug]
        markets = list(markets)
        negative = {"negRiskMarketID": group_id(self.board.seed, slug)} if event.neg_risk else {}
        closed = all(market["closed"] for market in markets)
        liquidity = round(sum(market["liquidityNum"] for market in markets), 4)
        volume = round(sum(market["volumeNum"] for market in markets), 4)
        return EVENT_UNCHANGING | {
            "id": str(self.board.event_numbers[slug]),
            "ticker": slug,
            "slug": slug,
            "title": event.title,
            "description": event.description,
            "resolutionSource": "",
            "startDate": min(market["startDate"] for market in markets),
            "creationDate": min(market["createdAt"] for market in markets),
            "endDate": max(market["endDate"] for market in markets),
            "active": True,
            "closed": closed,
            "archived": False,
            "new": False,
            "featured": False,
            "restricted": True,
            "liquidity": liquidity,
            "volume": volume,
            "openInterest": 0,
            "createdAt": min(market["createdAt"] for market in markets),
            "updatedAt": self._now(),
            "competitive": max(market["competitive"] for market in markets),
            "volume24hr": round(sum(market["volume24hr"] for market in markets), 4),
            **dict.fromkeys((f"volume{span}" for span in LONGER), volume),
            "liquidityClob": liquidity,
            "enableOrderBook": True,
            "negRisk": event.neg_risk,
            **negative,
            "enableNegRisk": event.neg_risk,
            "negRiskAugmented": False,
            "commentCount": 0,
        }

    def market(self, listing: Listing, tags: bool = False) -> Row:
        """One market with its event (which has no markets inside)."""
        row = self.market_alone(listing) | {"events": [self._event_of(listing)]}
        return row | self._tags(listing) if tags else row

    def _event_of(self, listing: Listing) -> Row:
        slug = listing.event.slug
        return self._event_alone(slug, map(self.market_alone, self.board.of_event[slug]))

    def _tags(self, listing: Listing) -> Row:
        return {"tags": [_tag(self.board.tags[label]) for label in listing.spec.tags]}

    def market_alone(self, listing: Listing) -> Row:
        return (
            UNCHANGING
            | self._identity(listing)
            | self._state(listing)
            | self._prices(listing)
            | _fees(listing)
            | _neg_risk(self.board.seed, listing)
        )

    def _identity(self, listing: Listing) -> Row:
        spec = listing.spec
        ids: Row = {"clobTokenIds": _text(list(listing.assets))}
        if listing.version == "v2":
            ids = {"positionIds": list(listing.assets)}
        return {
            "id": str(listing.number),
            "question": spec.question,
            "conditionId": listing.condition,
            "questionID": question_id(self.board.seed, spec.slug),
            "slug": spec.slug,
            "resolutionSource": "",
            "description": spec.description,
            "groupItemTitle": spec.group_title,
            "groupItemThreshold": str(listing.place),
            "outcomes": _text(list(OUTCOMES)),
            "version": listing.version,
            **ids,
            **self._dates(listing),
        }

    def _dates(self, listing: Listing) -> Row:
        day = datetime.fromtimestamp(self.board.world.anchor_ns / SECOND, UTC)
        day = day.replace(hour=0, minute=0, second=0, microsecond=0)
        begun = day - timedelta(days=3 + digest(self.board.seed, listing.event.slug) % 60)
        end = datetime.fromtimestamp(self.board.world.end_ns(listing.spec) / SECOND, UTC)
        return {
            "startDate": _iso(begun),
            "endDate": _iso(end),
            "startDateIso": begun.date().isoformat(),
            "endDateIso": end.date().isoformat(),
            "createdAt": _iso(begun),
            "updatedAt": self._now(),
            "acceptingOrdersTimestamp": _iso(begun),
        }

    def _state(self, listing: Listing) -> Row:
        market = self.board.market(listing)
        is_open = market.state == "open"
        state: Row = {
            "active": True,
            "closed": not is_open,
            "archived": False,
            "new": False,
            "featured": False,
            "restricted": True,
            "acceptingOrders": is_open,
            "enableOrderBook": True,
            "ready": False,
            "funded": False,
            "approved": True,
            "orderPriceMinTickSize": market.tick / PRICE_ONE,
            "orderMinSize": market.min_size // SHARE,
            "secondsDelay": listing.spec.delay_s,
            "umaResolutionStatuses": "[]",
        }
        if market.state == "closed":
            state["umaResolutionStatus"] = "proposed"
        if market.state == "resolved":
            state["umaResolutionStatus"] = "resolved"
        if not is_open:
            ended_ns = self.board.world.ended_ns.get(listing.spec.slug, self.board.world.now_ns)
            ended = datetime.fromtimestamp(ended_ns / SECOND, UTC)
            state["closedTime"] = ended.strftime("%Y-%m-%d %H:%M:%S+00")
        return state

    def _prices(self, listing: Listing) -> Row:
        board, market = self.board, self.board.market(listing)
        bid, ask = board.bests(listing, YES)
        middle = board.midpoint(listing)
        odds = [board.worth(listing, outcome) for outcome in (YES, NO)]
        last = last_trade(market.last, YES)
        volume, liquidity = board.volume(listing), board.liquidity(listing)
        shown: Row = {} if last is None else {"lastTradePrice": last[0] / PRICE_ONE}
        low, high = bid or 0, PRICE_ONE if ask is None else ask
        return shown | {
            "outcomePrices": _text([f"{price:.5f}".rstrip("0").rstrip(".") for price in odds]),
            "bestBid": low / PRICE_ONE,
            "bestAsk": high / PRICE_ONE,
            "spread": (high - low) / PRICE_ONE,
            "oneHourPriceChange": board.change_since(listing, HOUR),
            "oneDayPriceChange": board.change_since(listing, DAY),
            "oneWeekPriceChange": board.change_since(listing, 7 * DAY),
            "competitive": round(1 / (1 + (middle - 0.5) ** 2), 6),
            "volume": str(volume),
            "volumeNum": volume,
            "volumeClob": volume,
            "volume24hr": board.volume_day(listing),
            "volume24hrClob": board.volume_day(listing),
            **{f"volume{span}{kind}": volume for span in LONGER for kind in ("", "Clob")},
            "liquidity": str(liquidity),
            "liquidityNum": liquidity,
            "liquidityClob": liquidity,
        }

    def _now(self) -> str:
        return _iso(datetime.fromtimestamp(self.board.clock.now_ns() / SECOND, UTC))


# -- pieces of shapes --------------------------------------------------------------------------


def _fees(listing: Listing) -> Row:
    rate = listing.spec.fee_rate_e6
    if not rate:
        return {"feesEnabled": False, "feeType": None, "makerBaseFee": 0, "takerBaseFee": 0}
    schedule = {
        "exponent": 1,
        "rate": rate / 1_000_000,
        "takerOnly": True,
        "rebateRate": REBATE_E6 / 1_000_000,
    }
    return {
        "feesEnabled": True,
        "feeType": "practice_fees",
        "feeSchedule": schedule,
        "makerBaseFee": FEE_CAP_BPS,
        "takerBaseFee": FEE_CAP_BPS,
    }


def _neg_risk(seed: int, listing: Listing) -> Row:
    if not listing.event.neg_risk:
        return {"negRisk": False, "negRiskRequestID": ""}
    return {
        "negRisk": True,
        "negRiskMarketID": group_id(seed, listing.event.slug),
        "negRiskRequestID": f"0x{digest(seed, 'request', listing.spec.slug):064x}",
        "negRiskOther": False,
    }


def question_id(seed: int, slug: str) -> str:
    return f"0x{digest(seed, 'question', slug):064x}"


def group_id(seed: int, slug: str) -> str:
    return f"0x{digest(seed, 'group', slug):062x}00"


def _tag(tag: Tag) -> Row:
    return {"id": str(tag.number), "label": tag.label, "slug": tag.slug}


def _text(value: list[str]) -> str:
    """A JSON array inside a string, as Gamma sends some of its arrays: with blanks."""
    return json.dumps(value)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# -- filters, order, pages ---------------------------------------------------------------------


def _kept(rows: list[Row], keeps: list[Keep]) -> list[Row]:
    return [row for row in rows if all(keep(row) for keep in keeps)]


def _shared_filters(request: Request) -> list[Keep]:
    query = request.query_params
    keeps: list[Keep] = []
    for name in ("closed", "active", "archived", "featured"):
        if name in query:
            wanted = _truth(name, query[name])
            keeps.append(lambda row, name=name, wanted=wanted: row[name] is wanted)  # type: ignore[misc]
    for name in ("id", "slug"):
        if wanted_any := set(query.getlist(name)):
            keeps.append(lambda row, name=name, any_of=wanted_any: row[name] in any_of)  # type: ignore[misc]
    for stem, column in (("end_date", "endDate"), ("start_date", "startDate")):
        if low := query.get(f"{stem}_min"):
            keeps.append(lambda row, column=column, low=low: row[column] >= low)  # type: ignore[misc]
        if high := query.get(f"{stem}_max"):
            keeps.append(lambda row, column=column, high=high: row[column] <= high)  # type: ignore[misc]
    return keeps


def _event_filters(request: Request, board: Board) -> list[Keep]:
    query = request.query_params
    keeps = _shared_filters(request)
    keeps += _ranges(request, {"volume": "volume", "liquidity": "liquidity"})
    numbers = _wanted_tags(request, board)
    if numbers is not None:
        keeps.append(lambda row: any(tag["id"] in numbers for tag in row["tags"]))
    if without := query.get("exclude_tag_id"):
        keeps.append(lambda row: all(tag["id"] != without for tag in row["tags"]))
    if title := query.get("title_search", "").lower():
        keeps.append(lambda row: title in row["title"].lower())
    return keeps


def _market_filters(request: Request, board: Board) -> list[Keep]:
    query = request.query_params
    keeps = _shared_filters(request)
    keeps += _ranges(request, {"volume_num": "volumeNum", "liquidity_num": "liquidityNum"})
    numbers = _wanted_tags(request, board)
    if numbers is not None:
        tagged = {
            str(item.number)
            for item in board.listings.values()
            if any(str(board.tags[label].number) in numbers for label in item.spec.tags)
        }
        keeps.append(lambda row: row["id"] in tagged)
    if conditions := set(query.getlist("condition_ids")):
        keeps.append(lambda row: row["conditionId"] in conditions)
    if questions := set(query.getlist("question_ids")):
        keeps.append(lambda row: row["questionID"] in questions)
    assets = {*query.getlist("clob_token_ids"), *query.getlist("position_ids")}
    if assets:
        named = {board.by_asset[asset][0].condition for asset in assets if asset in board.by_asset}
        keeps.append(lambda row: row["conditionId"] in named)
    if version := query.get("version"):
        keeps.append(lambda row: row["version"] == version)
    return keeps


def _wanted_tags(request: Request, board: Board) -> set[str] | None:
    """The ids of the tags asked for; a slug where an id belongs is an error."""
    numbers = request.query_params.getlist("tag_id")
    if any(not number.isdigit() for number in numbers):
        raise Wrong(422, "tag_id must be a number")
    slugs = request.query_params.getlist("tag_slug")
    named = [str(tag.number) for tag in board.tags.values() if tag.slug in slugs]
    return {*numbers, *named} if numbers or slugs else None


def _ranges(request: Request, columns: dict[str, str]) -> list[Keep]:
    keeps: list[Keep] = []
    for stem, column in columns.items():
        low = _float(request, f"{stem}_min", float("-inf"))
        high = _float(request, f"{stem}_max", float("inf"))
        keeps.append(lambda row, c=column, low=low, high=high: low <= row[c] <= high)  # type: ignore[misc]
    return keeps


def _float(request: Request, name: str, otherwise: float) -> float:
    try:
        return float(request.query_params.get(name, otherwise))
    except ValueError:
        raise Wrong(422, f"{name} must be a number") from None


def _truth(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise Wrong(422, f"{name} must be true or false")
    return text.lower() == "true"


def _ordered(request: Request, rows: list[Row]) -> list[Row]:
    """Sorted by a column, then by id; text columns sort as text, as they do at the venue."""
    column = request.query_params.get("order", "id").split(",")[0]
    if rows and any(not isinstance(row.get(column), str | int | float) for row in rows):
        if any(column in row for row in rows):
            raise Wrong(422, f"order by {column} is not possible for every row")
        raise Wrong(422, f"order: no column named {column}")
    up = _truth("ascending", request.query_params.get("ascending", "true"))
    rows.sort(key=lambda row: (row[column], int(row["id"])), reverse=not up)
    return rows


def _as_it_is(row: Row) -> Row:
    return row


def _keyset(
    request: Request, name: str, rows: list[Row], page_max: int, finish: Finish = _as_it_is
) -> Response:
    """One page; ``next_cursor`` names its last row and is absent on the last page."""
    if "offset" in request.query_params:
        raise Wrong(422, "offset is not supported, use after_cursor")
    size = whole_number(request, "limit", PAGE_USUAL, 1, page_max)
    start = _after(request, rows)
    page = rows[start : start + size]
    body: Row = {name: [finish(row) for row in page]}
    if start + size < len(rows):
        body["next_cursor"] = base64.urlsafe_b64encode(page[-1]["id"].encode()).decode()
    return answer(body)


def _after(request: Request, rows: list[Row]) -> int:
    cursor = request.query_params.get("after_cursor")
    if not cursor:
        return 0
    try:
        last = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise Wrong(422, "after_cursor is not a cursor") from None
    for i, row in enumerate(rows):
        if row["id"] == last:
            return i + 1
    raise Wrong(422, "after_cursor is not a cursor of this listing")


def _offset(
    request: Request, rows: list[Row], page_max: int, finish: Finish = _as_it_is
) -> Response:
    size = whole_number(request, "limit", PAGE_USUAL, 1, page_max)
    start = whole_number(request, "offset", 0, 0, OFFSET_MAX)
    return answer([finish(row) for row in rows[start : start + size]])
