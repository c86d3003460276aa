"""What the venue knows of its markets by name, and the books as it shows them."""

from dataclasses import dataclass
from hashlib import sha256

from practice.clock import DAY, MINUTE, Clock
from practice.exchange.book import Market
from practice.exchange.orders import NO, PRICE_ONE, SHARE, YES, Side, Trade
from practice.exchange.wire import (
    PRICE_TEXT,
    Book,
    Level,
    condition_id,
    encode_book,
    position_ids,
    size_text,
    token_ids,
)
from practice.world.catalogue import EventSpec, MarketSpec
from practice.world.simulation import World

FIRST_MARKET_NUMBER = 600_001
FIRST_EVENT_NUMBER = 40_001
FIRST_TAG_NUMBER = 101
V2_ONE_IN = 7
OUTCOMES = ("Yes", "No")
FEE_CAP_BPS = 1_000
"""What the venue's old fee field says for every market that charges fees; not the rate."""


@dataclass(frozen=True, slots=True)
class Tag:
    number: int
    label: str
    slug: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One market's identity: ``assets`` are the ids of YES and NO, ``number`` Gamma's own id."""

    spec: MarketSpec
    event: EventSpec
    number: int
    place: int  # inside its event
    version: str
    condition: str
    assets: tuple[str, str]


class Board:
    """All listings, findable by every name that a client may use."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.clock = clock
        self.seed = world.seed
        self.events = {event.slug: event for event in world.catalogue.events}
        self.event_numbers = {slug: FIRST_EVENT_NUMBER + i for i, slug in enumerate(self.events)}
        self.tags = _tags(world)
        self.listings = self._list()
        self.of_event: dict[str, list[Listing]] = {slug: [] for slug in self.events}
        for listing in self.listings.values():
            self.of_event[listing.event.slug].append(listing)
        self.by_number = {item.number: item for item in self.listings.values()}
        self.by_condition = {item.condition: item for item in self.listings.values()}
        self.by_asset = {
            asset: (item, outcome)
            for item in self.listings.values()
            for outcome, asset in zip((YES, NO), item.assets, strict=True)
        }
        self._changed_ms = dict.fromkeys(self.listings, world.anchor_ns // 1_000_000)
        self._books: dict[tuple[str, int], tuple[int, bytes]] = {}

    def _list(self) -> dict[str, Listing]:
        places: dict[str, int] = {}
        listings = {}
        for i, spec in enumerate(self.world.catalogue.markets):
            place = places[spec.event] = places.get(spec.event, -1) + 1
            listings[spec.slug] = self._listing(spec, FIRST_MARKET_NUMBER + i, place)
        return listings

    def _listing(self, spec: MarketSpec, number: int, place: int) -> Listing:
        event = self.events[spec.event]
        if digest(self.seed, "version", event.slug) % V2_ONE_IN == 0:
            condition, assets = position_ids(self.seed, spec.slug, event.neg_risk)
            return Listing(spec, event, number, place, "v2", condition, assets)
        condition, assets = condition_id(self.seed, spec.slug), token_ids(self.seed, spec.slug)
        return Listing(spec, event, number, place, "v1", condition, assets)

    def add(self, event: EventSpec, spec: MarketSpec) -> Listing:
        """A market that the world has just listed, under all the names it has."""
        self.events[event.slug] = event
        self.event_numbers[event.slug] = FIRST_EVENT_NUMBER + len(self.event_numbers)
        for label in (*event.tags, *spec.tags):
            number = FIRST_TAG_NUMBER + len(self.tags)
            self.tags.setdefault(label, Tag(number, label, slugged(label)))
        listing = self._listing(spec, FIRST_MARKET_NUMBER + len(self.listings), 0)
        self.listings[spec.slug] = listing
        self.of_event[event.slug] = [listing]
        self.by_number[listing.number] = listing
        self.by_condition[listing.condition] = listing
        for outcome, asset in zip((YES, NO), listing.assets, strict=True):
            self.by_asset[asset] = (listing, outcome)
        self.touch(spec.slug, self.world.now_ns)
        return listing

    # -- state -----------------------------------------------------------------------------------

    def market(self, listing: Listing) -> Market:
        return self.world.exchange.markets[listing.spec.slug]

    def touch(self, slug: str, at_ns: int) -> None:
        """The market's book changed at this moment."""
        self._changed_ms[slug] = at_ns // 1_000_000

    def book(self, listing: Listing, outcome: int) -> bytes:
        """One asset's whole book as JSON, made anew only when it changed."""
        market = self.market(listing)
        key = (listing.spec.slug, outcome)
        kept = self._books.get(key)
        if kept and kept[0] == market.version:
            return kept[1]
        encoded = encode_book(self._book(listing, market, outcome))
        self._books[key] = (market.version, encoded)
        return encoded

    def _book(self, listing: Listing, market: Market, outcome: int) -> Book:
        bids, asks = market.levels(outcome)
        last = last_trade(market.last, outcome)
        return Book(
            market=listing.condition,
            asset_id=listing.assets[outcome],
            timestamp=str(self._changed_ms[listing.spec.slug]),
            hash="",
            bids=[Level(PRICE_TEXT[price], size_text(size)) for price, size in bids],
            asks=[Level(PRICE_TEXT[price], size_text(size)) for price, size in asks],
            min_order_size=size_text(market.min_size),
            tick_size=PRICE_TEXT[market.tick],
            neg_risk=listing.event.neg_risk,
            last_trade_price=PRICE_TEXT[last[0]] if last else "",
        )

    def bests(self, listing: Listing, outcome: int) -> tuple[int | None, int | None]:
        """(best bid, best ask) of one asset."""
        market = self.market(listing)
        return of_outcome(outcome, market.bids.best(), market.asks.best())

    def midpoint(self, listing: Listing) -> float:
        """Of YES; a missing side counts as 0 or 1."""
        bid, ask = self.bests(listing, YES)
        return ((bid or 0) + (PRICE_ONE if ask is None else ask)) / (2 * PRICE_ONE)

    def worth(self, listing: Listing, outcome: int) -> float:
        """Dollars for a share of one asset: its payout once that is known, else its midpoint."""
        market = self.market(listing)
        if market.winner is not None:
            return market.pays(outcome, SHARE) / SHARE
        middle = self.midpoint(listing)
        return middle if outcome == YES else 1 - middle

    def volume(self, listing: Listing) -> float:
        """Dollars traded since the market began: an invented past and what the world saw."""
        past = 4_000.0 * 2 ** (digest(self.seed, "volume", listing.spec.slug) % 900 / 100)
        return round(past + self.market(listing).traded / SHARE, 2)

    def volume_day(self, listing: Listing) -> float:
        market = self.market(listing)
        passed = min(1.0, (self.world.now_ns - self.world.anchor_ns) / DAY)
        past = (self.volume(listing) - market.traded / SHARE) * 0.03 * (1.0 - passed)
        return round(past + market.traded / SHARE, 2)

    def liquidity(self, listing: Listing) -> float:
        """Dollars that stand in both sides of the book."""
        market = self.market(listing)
        bids = sum(price * size for price, size in market.bids.worst_first())
        asks = sum((PRICE_ONE - price) * size for price, size in market.asks.worst_first())
        return round((bids + asks) / PRICE_ONE / SHARE, 4)

    def change_since(self, listing: Listing, span_ns: int) -> float:
        """How far the midpoint of YES moved in the last ``span_ns``."""
        then = self.world.now_ns - span_ns
        points = self.world.prices(listing.spec.slug, then - MINUTE, then)
        before = points[-1][1] if points else self.midpoint(listing)
        return round(self.midpoint(listing) - before, 4)


def of_outcome(
    outcome: int, best_bid: int | None, best_ask: int | None
) -> tuple[int | None, int | None]:
    """The bests of one asset from those of YES."""
    if outcome == YES:
        return best_bid, best_ask
    return mirrored(best_ask), mirrored(best_bid)


def mirrored(price: int | None) -> int | None:
    return None if price is None else PRICE_ONE - price


def last_trade(trade: Trade | None, outcome: int) -> tuple[int, Side] | None:
    """(price, taker's side) as seen from one asset: buying NO at 0.58 is selling YES at 0.42."""
    if trade is None:
        return None
    if trade.outcome == outcome:
        return trade.price, trade.side
    return PRICE_ONE - trade.price, "SELL" if trade.side == "BUY" else "BUY"


def digest(*parts: object) -> int:
    """A number that depends on the parts alone."""
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:8], "big")


def slugged(label: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in label.lower()).split())


def _tags(world: World) -> dict[str, Tag]:
    labels = {label: None for event in world.catalogue.events for label in event.tags}
    labels |= {label: None for market in world.catalogue.markets for label in market.tags}
    return {
        label: Tag(FIRST_TAG_NUMBER + i, label, slugged(label)) for i, label in enumerate(labels)
    }
