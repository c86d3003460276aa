"""The vocabulary that every room speaks: what the world, a broker or a person said, and when.

Each event carries ``at_ns``, the time we heard it; that alone orders the desk. The venue's or
publisher's own time stands beside it where there is one. Events are frozen and travel as
compact msgpack arrays on tapes, so new fields go last and have a default.
"""

from enum import Enum
from typing import Literal, TypeAlias

import msgspec

from feeds.markets import Market, Money, Nanos, Price, Side, Size


class Story(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="story", omit_defaults=False
):
    """One source's telling of something, cleaned by the text door.

    ``published_ns`` is the source's own stamp or None, never invented; a stamp in the future is
    taken as the arrival and ``date_note`` says so. ``cluster_id`` is the id of the first telling
    of the same happening, ``novelty`` runs from 0 (told before) to 1 (nothing like it in days).
    ``revision`` counts edits in place: 0 is the first telling.
    """

    at_ns: Nanos
    id: str
    source: str
    source_name: str
    title: str
    summary: str = ""
    url: str = ""
    published_ns: Nanos | None = None
    first_seen_ns: Nanos
    cluster_id: str
    novelty: float = 1.0
    revision: int = 0
    language: str = ""
    author: str = ""
    date_note: str = ""
    trust: float = 0.5


class Grade(Enum):
    """How much a story has to do with a question, as a reader says it.

    BEARS: it reports on the very thing asked. TOUCHES: who trades the question wants to see it.
    UNSURE: careful people would differ. NONE: another question, whatever they share.
    """

    BEARS = "bears"
    TOUCHES = "touches"
    UNSURE = "unsure"
    NONE = "none"


class Opinion(msgspec.Struct, frozen=True, array_like=True):
    """How a story bears on the markets of one meaning, as a reader outside sees it.

    ``market_id`` is the first of them that was asked about, and ``direction`` the way that one's
    YES is pushed; ``mixed`` says that others of the ladder may go another way.
    """

    market_id: str
    grade: Grade
    direction: Literal[-1, 0, 1] = 0
    mixed: bool = False


class Judged(msgspec.Struct, frozen=True, array_like=True, tag="judged"):
    """A judge outside, a model by its name, weighed the story as it stood at ``revision``."""

    at_ns: Nanos
    story_id: str
    revision: int
    judge: str
    opinions: tuple[Opinion, ...]


class Near(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How near a story is to one market in meaning, by the models that ship with us.

    ``title`` and ``whole`` are cosines of the question with the headline, and with headline and
    summary; ``hub`` is how near the question is to ordinary headlines. ``read`` says that the pair
    was read together: then ``touches``, ``bears`` and ``up`` are log-odds that a trader of it wants
    to see the story, that it reports on the very thing asked, and that it pushes YES up. ``pair``,
    ``pair_bears`` and ``pair_up`` are the same by what the two vectors say together, of every pair.
    """

    market_id: str
    title: float
    whole: float
    hub: float
    read: bool = False
    touches: float = 0.0
    bears: float = 0.0
    up: float = 0.0
    pair: float = 0.0
    pair_bears: float = 0.0
    pair_up: float = 0.0


class Meant(msgspec.Struct, frozen=True, array_like=True, tag="meant"):
    """What the story, as it stood at ``revision``, means beside the questions: nearest first.

    On the tape, so that a replay needs no models: their numbers differ between processors.
    """

    at_ns: Nanos
    story_id: str
    revision: int
    near: tuple[Near, ...]


class MarketSeen(msgspec.Struct, frozen=True, array_like=True, tag="market"):
    """The catalogue's newest word on one market."""

    at_ns: Nanos
    market: Market


Level: TypeAlias = tuple[Price, Size]


class BookSnapshot(msgspec.Struct, frozen=True, array_like=True, tag="book", gc=False):
    """All levels of one asset. Replaces whatever stood before; order of levels means nothing."""

    at_ns: Nanos
    asset_id: str
    venue_ns: Nanos
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    hash: str = ""


class LevelChange(msgspec.Struct, frozen=True, array_like=True, tag="level", gc=False):
    """One level's new absolute size; 0 removes it.

    ``best_bid`` and ``best_ask`` are the venue's own after the change, or -1 where it did not
    say: levels beyond them are gone.
    """

    at_ns: Nanos
    asset_id: str
    venue_ns: Nanos
    side: Side
    price: Price
    size: Size
    best_bid: Price = -1
    best_ask: Price = -1


class BestQuote(msgspec.Struct, frozen=True, array_like=True, tag="best", gc=False):
    """The venue's statement of best bid and ask; -1 is an empty side. A witness, not a book."""

    at_ns: Nanos
    asset_id: str
    venue_ns: Nanos
    best_bid: Price
    best_ask: Price


class Print(msgspec.Struct, frozen=True, array_like=True, tag="print", gc=False):
    """A trade on the public tape; ``side`` is what the taker did."""

    at_ns: Nanos
    asset_id: str
    venue_ns: Nanos
    price: Price
    size: Size
    side: Side


class TickSizeChange(msgspec.Struct, frozen=True, array_like=True, tag="tick_size", gc=False):
    """The price grid of an asset changed; its old book is void until the next snapshot."""

    at_ns: Nanos
    asset_id: str
    old: Price
    new: Price


class BookState(Enum):
    """How far a book may be trusted. Only ``LIVE`` and ``QUIET`` may be traded on.

    QUIET is silence that a REST probe confirmed; STALE is silence not yet explained; FROZEN is
    a stream that a probe proved wrong; RESYNCING waits for a snapshot; CLOSED is over.
    """

    LIVE = "live"
    QUIET = "quiet"
    STALE = "stale"
    FROZEN = "frozen"
    RESYNCING = "resyncing"
    CLOSED = "closed"

    @property
    def fit(self) -> bool:
        """Whether such a book is fit to trade on, to mark by and to measure with."""
        return self is BookState.LIVE or self is BookState.QUIET


class BookHealth(msgspec.Struct, frozen=True, array_like=True, tag="book_health", gc=False):
    """The stream's verdict on one asset's book, with the reason in words."""

    at_ns: Nanos
    asset_id: str
    state: BookState
    reason: str = ""


class Gap(msgspec.Struct, frozen=True, array_like=True, tag="gap", gc=False):
    """Continuity of these assets was lost: their books are void until the next snapshot."""

    at_ns: Nanos
    asset_ids: tuple[str, ...]
    reason: str


class MarketResolved(msgspec.Struct, frozen=True, array_like=True, tag="resolved", gc=False):
    """A market is decided; ``winner`` is the asset that pays one dollar, "" for a split."""

    at_ns: Nanos
    condition_id: str
    winner: str


class OddsPoint(msgspec.Struct, frozen=True, array_like=True, tag="odds", gc=False):
    """One past midpoint of an asset, from the venue's price history."""

    at_ns: Nanos
    asset_id: str
    when_ns: Nanos
    price: Price


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="tick", gc=False):
    """Time passed. The engine says so ten times a second."""

    at_ns: Nanos


class OrderKind(Enum):
    """GTC rests until filled or cancelled, FAK takes what is there, FOK all or nothing."""

    GTC = "gtc"
    FAK = "fak"
    FOK = "fok"


class OrderState(Enum):
    """Where an order stands. ``DENIED``: we said no. ``REFUSED``: they said no.

    ``UNKNOWN``: it may be there; the market is blocked until we know.
    """

    INTENDED = "intended"
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    DENIED = "denied"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def over(self) -> bool:
        """No fill is expected any more."""
        return self in _OVER


_OVER = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.DENIED, OrderState.REFUSED})


class OrderUpdate(msgspec.Struct, frozen=True, array_like=True, tag="order"):
    """A broker's word on one of our orders.

    ``queue_ahead`` is the size before us at our price, or -1 where that is not known any more.
    """

    at_ns: Nanos
    order_id: str
    state: OrderState
    filled: Size
    reason: str = ""
    queue_ahead: Size = 0


class OrderSealed(msgspec.Struct, frozen=True, array_like=True, tag="order_sealed"):
    """One of our orders has its final form, signed where that is needed; nothing has left yet.

    ``venue_id`` is the id by which the venue will know it, ``payload`` the bytes that will be sent,
    without any credential of the connection: what asks after the order needs no more than these.
    """

    at_ns: Nanos
    order_id: str
    venue_id: str
    payload: bytes


class OrderSent(msgspec.Struct, frozen=True, array_like=True, tag="order_sent"):
    """An order's sealed bytes have left; what became of it is told by :class:`OrderUpdate`."""

    at_ns: Nanos
    order_id: str


class Liquidity(Enum):
    """Who was resting: makers pay no fee."""

    MAKER = "maker"
    TAKER = "taker"


class Fill(msgspec.Struct, frozen=True, array_like=True, tag="fill"):
    """Part or all of one of our orders traded. ``fee`` is charged on top of a buy, off a sale."""

    at_ns: Nanos
    id: str
    order_id: str
    condition_id: str
    asset_id: str
    side: Side
    price: Price
    size: Size
    fee: Money
    liquidity: Liquidity


class Settlement(Enum):
    """How far a fill at the venue has come. MATCHED is provisional: it may still be taken back.

    CONFIRMED is final. FAILED means that it never was, unless the venue says CONFIRMED after all.
    """

    MATCHED = "matched"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class FillSettled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """News of a fill that was told before. One of which nothing is told is final, as on paper."""

    at_ns: Nanos
    fill_id: str
    order_id: str
    stage: Settlement


class OrderRequest(msgspec.Struct, frozen=True, array_like=True, tag="want_order"):
    """A person wants an order. ``price`` is the limit, the worst acceptable."""

    at_ns: Nanos
    command_id: str
    condition_id: str
    asset_id: str
    side: Side
    price: Price
    size: Size
    kind: OrderKind = OrderKind.GTC
    post_only: bool = False


class CancelRequest(msgspec.Struct, frozen=True, array_like=True, tag="want_cancel"):
    """A person wants one order gone; with an empty ``order_id``, all of them."""

    at_ns: Nanos
    command_id: str
    order_id: str = ""


class SuggestionReply(msgspec.Struct, frozen=True, array_like=True, tag="reply"):
    """A person accepted or dismissed a suggestion."""

    at_ns: Nanos
    command_id: str
    suggestion_id: str
    accepted: bool


class NotRelated(msgspec.Struct, frozen=True, array_like=True, tag="not_related"):
    """A person says that a story has nothing to do with a market; ``on`` false takes it back.

    It holds for every telling of the story and every market of that market's event.
    """

    at_ns: Nanos
    command_id: str
    story_id: str
    condition_id: str
    on: bool = True


class KillSwitch(msgspec.Struct, frozen=True, array_like=True, tag="kill"):
    """``on``: cancel everything and take no order until ``off`` is said."""

    at_ns: Nanos
    command_id: str
    on: bool


class TradingMode(Enum):
    """What the venue lets anyone do. In all but ``NORMAL`` a new order may be turned away.

    RESTARTING: its matching engine is away, orders rest where they are. POST_ONLY and
    CANCEL_ONLY mean what they say. DISABLED: it does not even cancel.
    """

    NORMAL = "normal"
    RESTARTING = "restarting"
    POST_ONLY = "post-only"
    CANCEL_ONLY = "cancel-only"
    DISABLED = "disabled"


class VenueMode(msgspec.Struct, frozen=True, array_like=True, tag="venue_mode", gc=False):
    """The venue's mode changed, with what it said in words."""

    at_ns: Nanos
    mode: TradingMode
    reason: str = ""


class Behind(msgspec.Struct, frozen=True, array_like=True, tag="behind", gc=False):
    """How far the engine is behind what it hears, in milliseconds; 0 when it has caught up.

    Said where that is more than may be traded on, again as it changes, and when it is over.
    """

    at_ns: Nanos
    by_ms: int


class PassedOver(msgspec.Struct, frozen=True, array_like=True, tag="passed_over", gc=False):
    """From here on these assets' books may be ahead of what else is told, prints among it.

    Only the newest of each level was kept, so what happened to a queue is not known. Without any
    asset: all is told in order again.
    """

    at_ns: Nanos
    asset_ids: tuple[str, ...]


class Release(msgspec.Struct, frozen=True, array_like=True, tag="release", gc=False):
    """What is sealed leaves: said when all that a person commanded so far has been heard."""

    at_ns: Nanos


Event: TypeAlias = (
    Story
    | MarketSeen
    | BookSnapshot
    | LevelChange
    | BestQuote
    | Print
    | TickSizeChange
    | BookHealth
    | Gap
    | MarketResolved
    | OddsPoint
    | Tick
    | OrderSealed
    | OrderSent
    | OrderUpdate
    | Fill
    | FillSettled
    | OrderRequest
    | CancelRequest
    | SuggestionReply
    | NotRelated
    | KillSwitch
    | VenueMode
    | Judged
    | Meant
    | Behind
    | PassedOver
    | Release
)
