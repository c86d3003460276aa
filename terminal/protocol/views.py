"""What a face may see, and what it may say: the shapes that cross the local link.

A view is a picture of the engine's state at one moment; the newest replaces the one before. View
shapes only grow, and new fields have defaults, so that an older face can read a newer engine.
Prices are integers of 1/10,000 dollar, sizes of 1/1,000,000 share, money of 1/1,000,000 dollar,
times Unix nanoseconds of market time; odds are floats between 0 and 1, None where there are none.
All text has passed the text door, and none of it is markup.
"""

from typing import Literal, TypeAlias

import msgspec

from terminal.protocol.vocabulary import (
    BookWord,
    LevelWord,
    LiquidityWord,
    MandateWord,
    MarketWord,
    ModeWord,
    NoteWord,
    OrderKindWord,
    OrderWord,
    ResultWord,
    SideWord,
    SignalWord,
    SourceWord,
    StageWord,
    StepWord,
    StreamWord,
    TierWord,
    VerdictWord,
)

PROTOCOL = 3
"""Raised when an older face could misread a newer engine, or not know one of its words."""


class StreamView(msgspec.Struct, frozen=True, kw_only=True):
    """Health of one thing that feeds the engine."""

    name: str
    state: StreamWord
    sentence: str = ""
    age_s: float | None = None


class StatusView(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """The masthead and the status line.

    ``behind_ms`` is how far the engine is behind what it hears, ``lag_max_ms`` from where on no
    order leaves, ``behind_times`` how often it was that far behind since it started.
    """

    mode: ModeWord
    venue: str
    now_ns: int
    speed: float = 1.0
    streams: tuple[StreamView, ...] = ()
    cash: int = 0
    equity: int = 0
    realised: int = 0
    unrealised: int = 0
    today: int = 0
    killed: bool = False
    stories: int = 0
    books: int = 0
    markets: int = 0
    errors: int = 0
    message: str = ""
    catalogue_as_of_ns: int | None = None
    behind_ms: int = 0
    lag_max_ms: int = 1_000
    behind_worst_ms: int = 0
    behind_times: int = 0


class StoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the news column. The lead market is the most relevant link, if any."""

    id: str
    title: str
    source: str
    published_ns: int | None
    first_seen_ns: int
    sources: int = 1
    novelty: float = 1.0
    revision: int = 0
    links: int = 0
    lead_condition_id: str = ""
    lead_question: str = ""
    odds: float | None = None
    points: float | None = None
    verdict: VerdictWord = ""
    weight: float = 0.0
    judge: str = ""
    """As in ``CardView``, of the lead market's link."""


class NewsView(msgspec.Struct, frozen=True, kw_only=True, tag="news"):
    """The newest stories of the session, newest first, of ``total`` in all."""

    rows: tuple[StoryRow, ...]
    total: int
    waiting_for: str = ""


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """A market as a story's reader meets it: question, odds, and how far the story moved them.

    ``spark`` are odds at even steps over ``spark_minutes``; ``spark_story`` is the index of the
    story's moment in it, or -1. ``notes`` go with the verdict ("faded", "a quote move"),
    ``remarks`` with the market itself ("the outcome is disputed: no orders");
    ``z_adjusted`` is what is left of ``z`` beyond the theme; the precedents' logit is their median.
    """

    condition_id: str
    question: str
    odds: float | None = None
    odds_at_story: float | None = None
    points: float | None = None
    z: float | None = None
    verdict: VerdictWord = ""
    reason: str = ""
    best_bid: int = 0
    best_ask: int = 10_000
    book_state: BookWord = "waiting"
    age_s: float | None = None
    volume: float = 0.0
    relevance: float = 0.0
    direction: int = 0
    why: str = ""
    spark: tuple[float | None, ...] = ()
    spark_minutes: int = 0
    spark_story: int = -1
    event_title: str = ""
    notes: tuple[NoteWord, ...] = ()
    remarks: tuple[str, ...] = ()
    z_adjusted: float | None = None
    precedents: int = 0
    precedent_logit: float = 0.0
    precedent_spread: float = 0.0
    judge: str = ""
    """The model outside that had a say in the link, "" where none had."""
    tier: TierWord = "touches"


class ArticleView(msgspec.Struct, frozen=True, kw_only=True, tag="article"):
    """The chosen story with its market cards, best first, and what it means in measured facts."""

    story_id: str
    title: str
    summary: str
    url: str
    source: str
    author: str = ""
    published_ns: int | None = None
    first_seen_ns: int = 0
    date_note: str = ""
    sources: tuple[str, ...] = ()
    novelty: float = 1.0
    revision: int = 0
    language: str = ""
    cards: tuple[CardView, ...] = ()
    links: int = 0
    """Markets that it touches: the cards show the most relevant of them."""
    meaning: tuple[str, ...] = ()
    latency: tuple[tuple[StepWord, float], ...] = ()
    """Seconds from publication to each step that was taken."""


class LadderLevel(msgspec.Struct, frozen=True, array_like=True):
    """One price level; ``own`` is our own resting size there."""

    price: int
    size: int
    own: int = 0


class PrintRow(msgspec.Struct, frozen=True, array_like=True):
    """A trade; ``side`` is what the taker did."""

    at_ns: int
    price: int
    size: int
    side: SideWord


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """One asset's book, best levels first."""

    asset_id: str
    outcome: str
    state: BookWord
    reason: str = ""
    age_s: float | None = None
    tick_size: int = 100
    bids: tuple[LadderLevel, ...] = ()
    asks: tuple[LadderLevel, ...] = ()
    midpoint: float | None = None
    spread: int | None = None
    held: int = 0


class SiblingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Another outcome of the same event."""

    condition_id: str
    title: str
    odds: float | None = None
    points_day: float | None = None


class StoryMark(msgspec.Struct, frozen=True, array_like=True):
    """A story's place on the odds chart."""

    at_ns: int
    story_id: str
    title: str


class MarketView(msgspec.Struct, frozen=True, kw_only=True, tag="market"):
    """The market in focus: both books, prints, the odds' history, siblings, and the terms."""

    condition_id: str
    question: str
    description: str = ""
    event_title: str = ""
    state: MarketWord = "open"
    remarks: tuple[str, ...] = ()
    yes: BookView
    no: BookView
    prints: tuple[PrintRow, ...] = ()
    fee_words: str = ""
    min_order_size: int = 0
    end_ns: int | None = None
    volume: float = 0.0
    odds: float | None = None
    odds_day_ago: float | None = None
    chart: tuple[tuple[int, float], ...] = ()
    marks: tuple[StoryMark, ...] = ()
    siblings: tuple[SiblingRow, ...] = ()
    sibling_sum: float | None = None
    neg_risk: bool = False


class MarketRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the market list (search, `ftt markets`)."""

    condition_id: str
    question: str
    event_title: str = ""
    odds: float | None = None
    best_bid: int = 0
    best_ask: int = 10_000
    volume: float = 0.0
    state: MarketWord = "open"
    followed: bool = False
    end_ns: int | None = None


class ImpactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One story on one market, measured (`ftt impact`); None where that was not possible (yet).

    ``rank_p`` is how often the market goes as far without a story, ``chance`` the share of chance
    among the day's moves that are as clear, ``credit`` this story's share beside its ``rivals``
    (ids of stories, names of scheduled events), ``leak`` the share of the move before the story,
    ``persistence`` what is left of its extreme. Precedents are signed in the way their links point.
    """

    story_id: str
    title: str
    source: str
    published_ns: int | None
    first_seen_ns: int
    condition_id: str
    question: str
    relevance: float
    direction: int
    facet: str
    minutes: float
    odds_before: float | None
    odds_after: float | None
    points: float | None
    logit: float | None
    z: float | None
    rank_p: float | None
    verdict: VerdictWord
    reason: str
    notes: tuple[NoteWord, ...] = ()
    theme_logit: float | None = None
    z_adjusted: float | None = None
    peers: int = 0
    credit: float | None = None
    rivals: tuple[str, ...] = ()
    leak: float | None = None
    half_life_minutes: float | None = None
    persistence: float | None = None
    trades: int | None = None
    chance: float | None = None
    significant: bool = False
    precedents: int = 0
    precedent_logit: float = 0.0
    precedent_spread: float = 0.0
    precedent_shrunk_logit: float = 0.0
    judge: str = ""
    """As in ``CardView``."""


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A suggestion, or a trade decided against. ``how`` says what became of one that is over."""

    id: str
    at_ns: int
    strategy: str
    state: SignalWord
    question: str
    condition_id: str
    asset_id: str = ""
    outcome: str = ""
    side: SideWord | Literal[""] = ""
    limit: int = 0
    size: int = 0
    edge: float = 0.0
    reason: str = ""
    story_id: str = ""
    until_ns: int = 0
    mandate: MandateWord = ""
    how: str = ""


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Shares held of one outcome. ``mark`` is None while there is no sound price.

    ``pending`` of them hang on trades that the venue has matched and not yet confirmed.
    """

    condition_id: str
    asset_id: str
    question: str
    outcome: str
    size: int
    cost: int
    average: int
    mark: int | None
    value: int
    unrealised: int
    realised: int
    pending: int = 0


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One of our orders. ``queue_ahead`` is the size before us at our price, None where that is not
    known, ``failed`` the size of its fills that were matched and did not settle, ``venue_id`` the
    venue's own id of it, "" before it has one."""

    order_id: str
    at_ns: int
    condition_id: str
    asset_id: str
    question: str
    outcome: str
    side: SideWord
    price: int
    size: int
    filled: int
    kind: OrderKindWord
    state: OrderWord
    reason: str = ""
    origin: str = ""
    queue_ahead: int | None = 0
    failed: int = 0
    venue_id: str = ""


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of ours. ``stage``: "" as on paper, matched (it may be taken back), confirmed or
    failed (it was taken back, and nothing of it counts)."""

    id: str
    at_ns: int
    order_id: str
    condition_id: str
    asset_id: str
    question: str
    outcome: str
    side: SideWord
    price: int
    size: int
    fee: int
    liquidity: LiquidityWord
    stage: StageWord = ""


class SignalsView(msgspec.Struct, frozen=True, kw_only=True, tag="signals"):
    """Open suggestions first, then the newest of the rest and the trades decided against."""

    rows: tuple[SignalRow, ...]
    open: int = 0
    waiting_for: str = ""


class BlotterView(msgspec.Struct, frozen=True, kw_only=True, tag="blotter"):
    """Positions, open orders and the newest fills."""

    positions: tuple[PositionRow, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    fills: tuple[FillRow, ...] = ()
    orders_total: int = 0
    fills_total: int = 0


View: TypeAlias = StatusView | NewsView | ArticleView | MarketView | SignalsView | BlotterView


class Look(msgspec.Struct, frozen=True, kw_only=True, tag="look"):
    """What this face wants to see: which views, and the story and market in focus.

    A face says it again whenever the focus changes. ``levels`` and ``rows`` bound what is sent.
    """

    views: tuple[str, ...] = ("status", "news", "article", "market", "signals", "blotter")
    story_id: str = ""
    condition_id: str = ""
    levels: int = 20
    rows: int = 200


class Preview(msgspec.Struct, frozen=True, kw_only=True, tag="preview"):
    """Ask what an order would do now. ``kind`` is gtc, fak or fok."""

    id: str
    condition_id: str
    asset_id: str
    side: str
    price: int
    size: int
    kind: str = "gtc"
    post_only: bool = False


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, tag="place"):
    """Place an order. ``id`` is the face's own, unique; a repeat is answered, not repeated."""

    id: str
    condition_id: str
    asset_id: str
    side: str
    price: int
    size: int
    kind: str = "gtc"
    post_only: bool = False


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """Cancel one order, or all of them with an empty ``order_id``."""

    id: str
    order_id: str = ""


class AnswerSuggestion(msgspec.Struct, frozen=True, kw_only=True, tag="answer_suggestion"):
    """Accept or dismiss a suggestion."""

    id: str
    suggestion_id: str
    accept: bool


class Unrelate(msgspec.Struct, frozen=True, kw_only=True, tag="unrelate"):
    """Part a story and its tellings from a market and its event; with ``on`` false join them."""

    id: str
    story_id: str
    condition_id: str
    on: bool = True


class Kill(msgspec.Struct, frozen=True, kw_only=True, tag="kill"):
    """Cancel everything and take no order until resumed (``on`` false)."""

    id: str
    on: bool = True


class Query(msgspec.Struct, frozen=True, kw_only=True, tag="query"):
    """Ask once for rows: news, markets, orders, positions, fills, signals, impacts, feeds, status;
    or for one thing: a story or a book.

    ``text`` filters by words, or is the story's id or a beginning of it; ``condition_id`` (or a
    unique beginning of one, or a slug) names a market where one is needed.
    """

    id: str
    what: str
    text: str = ""
    condition_id: str = ""
    most: int = 50


Command: TypeAlias = (
    Look | Preview | PlaceOrder | CancelOrder | AnswerSuggestion | Unrelate | Kill | Query
)


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """First frame of either side. ``token`` is empty on a Unix socket."""

    protocol: int
    version: str
    token: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """What became of a command, with a sentence."""

    id: str
    outcome: ResultWord
    message: str = ""


class TicketView(msgspec.Struct, frozen=True, kw_only=True, tag="ticket"):
    """What an order would do now. ``denial`` is the gate's sentence, "" if it would pass.

    ``cost`` is what a buy pays in all or a sale brings in, for what fills now, fees included;
    ``worst_cost`` the same for the whole order at its limit. ``payoff`` is what the whole order
    returns if the outcome comes true.
    """

    id: str
    fills_now: int = 0
    rests: int = 0
    cancelled: int = 0
    average: int | None = None
    worst: int | None = None
    cost: int = 0
    worst_cost: int = 0
    fee: int = 0
    slippage_cents: float | None = None
    payoff: int = 0
    denial: str = ""
    note: str = ""


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one source does: times in nanoseconds, 0 for never or unknown; ``newest_ns`` is the date
    of its newest item, ``message`` what to know of it in one sentence. Counts since the start.
    """

    id: str
    name: str
    url: str
    state: SourceWord
    last_success_ns: int = 0
    next_poll_ns: int = 0
    newest_ns: int = 0
    message: str = ""
    polls: int = 0
    failures: int = 0
    new: int = 0


class Rows(msgspec.Struct, frozen=True, kw_only=True, tag="rows"):
    """The answer to a query: exactly one of the lists is filled, by what was asked."""

    id: str
    news: tuple[StoryRow, ...] = ()
    article: ArticleView | None = None
    markets: tuple[MarketRow, ...] = ()
    market: MarketView | None = None
    orders: tuple[OrderRow, ...] = ()
    positions: tuple[PositionRow, ...] = ()
    fills: tuple[FillRow, ...] = ()
    signals: tuple[SignalRow, ...] = ()
    impacts: tuple[ImpactRow, ...] = ()
    status: StatusView | None = None
    feeds: tuple[FeedRow, ...] = ()


class Toast(msgspec.Struct, frozen=True, kw_only=True, tag="toast"):
    """Something worth a line on screen now."""

    at_ns: int
    title: str
    body: str = ""
    level: LevelWord = "info"


FromEngine: TypeAlias = Hello | View | Done | TicketView | Rows | Toast
FromFace: TypeAlias = Hello | Command
