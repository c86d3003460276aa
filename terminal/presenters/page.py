"""From the desk's state to what a face is shown. Reads everything, changes nothing."""

from collections.abc import Iterable
from itertools import islice

from feeds.events import BookState, OrderState, Print, Story, TradingMode
from feeds.markets import MINUTE, ONE, SECOND, Market, MarketState, Nanos, Price, Side, Size
from feeds.news.poller import SourceState
from feeds.polymarket.health import StreamState
from strategies.decisions import Impact, Link, Skipped
from strategies.desk import Desk, Signal
from terminal.engine.loop import Engine
from terminal.presenters.account import (
    ALIVE,
    fill_rows,
    order_rows,
    outcome_of,
    position_rows,
    question_of,
)
from terminal.presenters.meaning import Evidence, meaning, notes_of, verdict_of
from terminal.protocol.views import (
    ArticleView,
    BlotterView,
    BookView,
    CardView,
    FillRow,
    LadderLevel,
    Look,
    MarketRow,
    MarketView,
    NewsView,
    PrintRow,
    SiblingRow,
    SignalRow,
    SignalsView,
    StatusView,
    StoryMark,
    StoryRow,
    StreamView,
    View,
)

SPARK_POINTS = 24
SPARK_MINUTES = 120
CHART_POINTS_MAX = 400
PRINTS_SHOWN = 40
SIGNALS_SHOWN = 60
FILLS_SHOWN = 60
ORDERS_SHOWN = 60
CARDS_MAX = 8
SIBLINGS_MAX = 24
DAY: Nanos = 24 * 60 * MINUTE
FRESH_S = 30.0


def views(engine: Engine, look: Look) -> Iterable[View]:
    """The views that a face asked for, as things stand now."""
    for name in look.views:
        view = _view(engine, look, name)
        if view is not None:
            yield view


def _view(engine: Engine, look: Look, name: str) -> View | None:
    match name:
        case "status":
            return status(engine)
        case "news":
            return news(engine, look.rows)
        case "article":
            return article(engine, look.story_id)
        case "market":
            return market(engine, look.condition_id, look.levels)
        case "signals":
            return signals(engine)
        case "blotter":
            return blotter(engine)
        case _:
            return None


# -- masthead and status line ----------------------------------------------------------------


def status(engine: Engine) -> StatusView:
    """Mode, money and the health of everything that feeds the engine."""
    desk = engine.session.desk
    portfolio = desk.portfolio
    return StatusView(
        mode="PAPER",
        venue=engine.config.venue.name,
        now_ns=engine.clock.now_ns() // SECOND * SECOND,
        speed=engine.clock.speed,
        streams=tuple(_streams(engine)),
        cash=portfolio.cash,
        equity=portfolio.equity,
        realised=portfolio.realised,
        unrealised=portfolio.unrealised,
        today=portfolio.today,
        killed=desk.killed,
        stories=len(desk.stories),
        books=sum(1 for state in desk.book_states.values() if state in _FRESH),
        markets=len(desk.markets),
        errors=engine.counters.errors,
        message=engine.counters.last_error,
        catalogue_as_of_ns=engine.catalogue_as_of_ns,
    )


_FRESH = frozenset({BookState.LIVE, BookState.QUIET})


def _streams(engine: Engine) -> Iterable[StreamView]:
    now = engine.clock.now_ns()
    for health in engine.streams.values():
        age = (now - health.last_data_ns) / SECOND if health.last_data_ns else None
        yield StreamView(
            name=health.name,
            state=_STREAM_STATES.get(health.state, health.state.value),
            sentence=health.sentence,
            age_s=None if age is None else float(int(age)),
        )
    mode = engine.session.desk.venue_mode
    if mode is not TradingMode.NORMAL:
        yield StreamView(name="venue", state="down", sentence=_MODES[mode])
    for name, complaint in engine.complaints.items():
        yield StreamView(name=name, state="down", sentence=complaint)
    yield from _news_stream(engine)


_STREAM_STATES = {StreamState.DOUBTFUL: "stale"}
"""A stream of which some books can't be trusted is shown as sick, with its sentence."""

_MODES = {
    TradingMode.RESTARTING: "restarting: new orders wait until it is back",
    TradingMode.POST_ONLY: "takes only post-only orders, as after a restart",
    TradingMode.CANCEL_ONLY: "takes only cancels",
    TradingMode.DISABLED: "has stopped all trading",
}


def _news_stream(engine: Engine) -> Iterable[StreamView]:
    """All sources as one stream: how many answer, and the first complaint."""
    sources = [s for s in engine.sources.values() if s.state is not SourceState.OFF]
    if not sources:
        return
    failing = [source for source in sources if source.state in _FAILING]
    state = "live" if not failing else "down" if len(failing) == len(sources) else "stale"
    words = f"{len(sources) - len(failing)} of {len(sources)} feeds answer"
    if failing:
        words += f"; {failing[0].name}: {failing[0].sentence}"
    yield StreamView(name="news", state=state, sentence=words)


_FAILING = frozenset({SourceState.FAILING, SourceState.THROTTLED, SourceState.PARKED})


# -- news ------------------------------------------------------------------------------------


def news(engine: Engine, most: int) -> NewsView:
    """Stories, newest first; retellings count as sources of the first."""
    stories = engine.session.desk.stories
    told = _tellings(stories.values())
    rows = tuple(
        _story_row(engine, story, len(told[story.cluster_id]))
        for story in _newest_first(stories.values(), most)
    )
    waiting = "" if rows else _waiting_for_news(engine)
    return NewsView(rows=rows, total=len(stories), waiting_for=waiting)


def _waiting_for_news(engine: Engine) -> str:
    """What an empty news column waits for, and what stands in the way."""
    troubles = [stream.sentence for stream in _streams(engine) if stream.state == "down"]
    if troubles:
        told = " ".join(f"{trouble.rstrip('.')}." for trouble in troubles)
        return f"{told} `ftt doctor` in another window looks closer."
    asked = sum(source.state is not SourceState.OFF for source in engine.sources.values())
    return f"Waiting for the first headlines; {asked} feeds are asked in turn."


def _tellings(stories: Iterable[Story]) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for story in stories:
        told.setdefault(story.cluster_id, set()).add(story.source_name)
    return told


def _newest_first(stories: Iterable[Story], most: int) -> list[Story]:
    return sorted(stories, key=lambda s: (s.first_seen_ns, s.id), reverse=True)[:most]


def _story_row(engine: Engine, story: Story, sources: int) -> StoryRow:
    desk = engine.session.desk
    links = desk.links.get(story.id, ())
    lead = links[0] if links else None
    impact = desk.impact_of(story.id, lead.market_id) if lead is not None else None
    known = desk.markets.get(lead.market_id) if lead is not None else None
    return StoryRow(
        id=story.id,
        title=story.title,
        source=story.source_name,
        published_ns=story.published_ns,
        first_seen_ns=story.first_seen_ns,
        sources=sources,
        novelty=story.novelty,
        revision=story.revision,
        links=len(links),
        lead_condition_id=lead.market_id if lead is not None else "",
        lead_question=known.question if known is not None else "",
        odds=_odds(engine, lead.market_id) if lead is not None else None,
        points=_rounded(impact.points) if impact is not None else None,
        verdict=verdict_of(impact),
        weight=_weight(story, lead, impact),
        judge=lead.judge if lead is not None else "",
    )


def _weight(story: Story, lead: Link | None, impact: Impact | None) -> float:
    """How much a story matters now: relevance, novelty, and how clearly it moved its market."""
    if lead is None:
        return 0.0
    z = min(abs(impact.z), 10.0) if impact is not None and impact.z is not None else 0.0
    return round(lead.relevance * (0.25 + 0.75 * story.novelty) * (1 + z), 3)


def _odds(engine: Engine, condition_id: str) -> float | None:
    """Odds of YES from a sound and fresh book, else the last known."""
    desk = engine.session.desk
    known = desk.markets.get(condition_id)
    if known is None:
        return None
    midpoint = desk.market_data.midpoint(known.yes.asset_id)
    history = desk.histories.get(condition_id)
    if midpoint is None and history is not None:
        midpoint = history.last
    return _rounded(midpoint, 5)


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


# -- article ---------------------------------------------------------------------------------


def article(engine: Engine, story_id: str) -> ArticleView | None:
    """The chosen story; the newest linked one when none is chosen."""
    desk = engine.session.desk
    story = desk.stories.get(story_id)
    if story is None:
        return None
    links = [link for link in desk.links.get(story.id, ()) if link.market_id in desk.markets]
    told = [s for s in desk.stories.values() if s.cluster_id == story.cluster_id]
    return ArticleView(
        story_id=story.id,
        title=story.title,
        summary=story.summary,
        url=story.url,
        source=story.source_name,
        author=story.author,
        published_ns=story.published_ns,
        first_seen_ns=story.first_seen_ns,
        date_note=story.date_note,
        sources=tuple(dict.fromkeys(s.source_name for s in told)),
        novelty=story.novelty,
        revision=story.revision,
        language=story.language,
        cards=tuple(_card(engine, story, link) for link in links[:CARDS_MAX]),
        links=len(links),
        meaning=meaning([_evidence(desk, story, link) for link in links]),
        latency=engine.timelines.of(story.id),
    )


def _evidence(desk: Desk, story: Story, link: Link) -> Evidence:
    return Evidence(
        link,
        desk.markets[link.market_id],
        desk.impact_of(story.id, link.market_id),
        desk.precedent(story.id, link.market_id),
    )


def _card(engine: Engine, story: Story, link: Link) -> CardView:
    desk = engine.session.desk
    known = desk.markets[link.market_id]
    impact = desk.impact_of(story.id, link.market_id)
    precedent = desk.precedent(story.id, link.market_id)
    book = desk.books.get(known.yes.asset_id)
    spark, mark = _spark(engine, link.market_id, story.first_seen_ns)
    return CardView(
        condition_id=known.condition_id,
        question=known.question,
        odds=_odds(engine, known.condition_id),
        odds_at_story=_rounded(impact.before, 5) if impact is not None else None,
        points=_rounded(impact.points) if impact is not None else None,
        z=_rounded(impact.z, 1) if impact is not None else None,
        verdict=verdict_of(impact),
        notes=notes_of(impact),
        z_adjusted=_rounded(impact.z_adjusted, 1) if impact is not None else None,
        precedents=precedent.count,
        precedent_logit=round(precedent.whole_logit, 3),
        precedent_spread=round(precedent.spread, 3),
        reason=impact.reason if impact is not None else "",
        best_bid=book.best_bid if book is not None else 0,
        best_ask=book.best_ask if book is not None else ONE,
        book_state=_state(engine, known.yes.asset_id),
        age_s=_age(engine, known.yes.asset_id),
        volume=known.volume,
        relevance=round(link.relevance, 3),
        direction=link.direction,
        why=link.why,
        judge=link.judge,
        spark=spark,
        spark_minutes=SPARK_MINUTES,
        spark_story=mark,
        event_title=known.event_title,
    )


def _spark(
    engine: Engine, condition_id: str, story_ns: Nanos
) -> tuple[tuple[float | None, ...], int]:
    """Odds at even steps over the last two hours, and where the story falls in them."""
    history = engine.session.desk.histories.get(condition_id)
    if history is None:
        return (), -1
    now = engine.session.desk.now_ns
    step = SPARK_MINUTES * MINUTE // (SPARK_POINTS - 1)
    start = now - step * (SPARK_POINTS - 1)
    odds = tuple(_rounded(history.at(start + step * i), 4) for i in range(SPARK_POINTS))
    mark = round((story_ns - start) / step)
    return odds, mark if 0 <= mark < SPARK_POINTS else -1


# -- market ----------------------------------------------------------------------------------


def market(engine: Engine, condition_id: str, levels: int) -> MarketView | None:
    """The market in focus: both books, prints, history and siblings."""
    desk = engine.session.desk
    known = desk.markets.get(condition_id)
    if known is None:
        return None
    siblings = _siblings(engine, known)
    sums = [row.odds for row in siblings]
    return MarketView(
        condition_id=known.condition_id,
        question=known.question,
        description=known.description,
        event_title=known.event_title,
        state=_market_state(engine, known),
        yes=_book(engine, known, known.yes.asset_id, levels),
        no=_book(engine, known, known.no.asset_id, levels),
        prints=tuple(_prints(engine, known)),
        fee_words=_fee_words(known),
        min_order_size=known.min_order_size,
        end_ns=known.end_ns,
        volume=known.volume,
        odds=_odds(engine, condition_id),
        odds_day_ago=_at(engine, condition_id, desk.now_ns - DAY),
        chart=_chart(engine, condition_id),
        marks=tuple(_marks(engine, condition_id)),
        siblings=siblings,
        sibling_sum=round(sum(o for o in sums if o is not None), 4)
        if siblings and known.neg_risk and None not in sums
        else None,
        neg_risk=known.neg_risk,
    )


def assets_of(engine: Engine, condition_id: str) -> tuple[str, ...]:
    """What must be followed to show a market: its own two books, and its siblings' odds."""
    markets = engine.session.desk.markets
    known = markets.get(condition_id)
    if known is None:
        return ()
    family = [
        m.yes.asset_id for m in markets.values() if known.event_id and m.event_id == known.event_id
    ]
    return tuple(dict.fromkeys((*known.assets, *family[:SIBLINGS_MAX])))


def _book(engine: Engine, known: Market, asset_id: str, levels: int) -> BookView:
    desk = engine.session.desk
    book = desk.books.get(asset_id)
    own = _own(engine, asset_id)
    state = _state(engine, asset_id)
    outcome, held = known.outcome(asset_id).name, desk.portfolio.held(asset_id)
    if book is None:
        return BookView(
            asset_id=asset_id, outcome=outcome, state=state, tick_size=known.tick_size, held=held
        )
    return BookView(
        asset_id=asset_id,
        outcome=outcome,
        state=state,
        reason=desk.book_reasons.get(asset_id, ""),
        age_s=_age(engine, asset_id),
        tick_size=known.tick_size,
        bids=_levels(book.levels(Side.BUY, levels), own.get(Side.BUY, {})),
        asks=_levels(book.levels(Side.SELL, levels), own.get(Side.SELL, {})),
        midpoint=book.midpoint,
        spread=book.spread if book.two_sided else None,
        held=held,
    )


def _levels(levels: list[tuple[Price, Size]], own: dict[Price, Size]) -> tuple[LadderLevel, ...]:
    return tuple(LadderLevel(price, size, own.get(price, 0)) for price, size in levels)


def _own(engine: Engine, asset_id: str) -> dict[Side, dict[Price, Size]]:
    """Our resting size a level of one asset's book."""
    resting: dict[Side, dict[Price, Size]] = {}
    for order in engine.session.desk.orders.values():
        if order.intent.asset_id == asset_id and order.state is OrderState.OPEN:
            side = resting.setdefault(order.intent.side, {})
            left = order.intent.size - order.filled
            side[order.intent.price] = side.get(order.intent.price, 0) + left
    return resting


def _market_state(engine: Engine, known: Market) -> str:
    """The market's state; one that is open and quoted by nobody on both sides is dormant."""
    desk = engine.session.desk
    yes = known.yes.asset_id
    if (
        known.state is MarketState.OPEN
        and desk.market_data.tradeable(yes)
        and not desk.books[yes].sound
    ):
        return "dormant"
    return known.state.value


def _state(engine: Engine, asset_id: str) -> str:
    state = engine.session.desk.book_states.get(asset_id)
    return state.value if state is not None else "waiting"


def _age(engine: Engine, asset_id: str) -> float | None:
    """Seconds of market time since the book last changed."""
    book = engine.session.desk.books.get(asset_id)
    if book is None or not book.seen:
        return None
    age = (engine.session.desk.now_ns - book.applied_ns) / SECOND
    return round(max(0.0, age), 1) if age < FRESH_S else float(int(age))


def _prints(engine: Engine, known: Market) -> Iterable[PrintRow]:
    """The newest prints, told in YES: a taker who bought NO at p sold YES at 1 - p."""
    prints = engine.session.desk.prints.get(known.condition_id, ())
    for event in list(prints)[: -PRINTS_SHOWN - 1 : -1]:
        yield _print(event, known)


def _print(event: Print, known: Market) -> PrintRow:
    if event.asset_id == known.yes.asset_id:
        return PrintRow(event.at_ns, event.price, event.size, event.side.value)
    return PrintRow(event.at_ns, ONE - event.price, event.size, event.side.other.value)


def _fee_words(known: Market) -> str:
    if known.fees is None:
        return "fee unknown"
    if known.fees.rate_e6 == 0:
        return "no fee"
    power = "" if known.fees.exponent == 1 else f"^{known.fees.exponent}"
    return f"fee {known.fees.rate_e6 / 10_000:g}%·(p(1-p)){power}".replace("(p(1-p))", "p(1-p)")


def _at(engine: Engine, condition_id: str, when_ns: Nanos) -> float | None:
    history = engine.session.desk.histories.get(condition_id)
    return None if history is None else _rounded(history.at(when_ns), 5)


def _chart(engine: Engine, condition_id: str) -> tuple[tuple[int, float], ...]:
    """Odds over the last day, or as long as they are known."""
    history = engine.session.desk.histories.get(condition_id)
    if history is None:
        return ()
    now = engine.session.desk.now_ns // MINUTE * MINUTE
    step = DAY // CHART_POINTS_MAX // MINUTE * MINUTE
    times = (now - step * back for back in range(CHART_POINTS_MAX - 1, -1, -1))
    points = ((when, history.at(when)) for when in times)
    return tuple((when, round(odds, 4)) for when, odds in points if odds is not None)


def _marks(engine: Engine, condition_id: str) -> Iterable[StoryMark]:
    desk = engine.session.desk
    since = desk.now_ns - DAY
    for story in desk.stories.values():
        linked = any(link.market_id == condition_id for link in desk.links.get(story.id, ()))
        if linked and story.first_seen_ns >= since:
            yield StoryMark(story.first_seen_ns, story.id, story.title)


def _siblings(engine: Engine, known: Market) -> tuple[SiblingRow, ...]:
    if not known.event_id:
        return ()
    family = [m for m in engine.session.desk.markets.values() if m.event_id == known.event_id]
    if len(family) < 2:
        return ()
    rows = [_sibling(engine, sibling) for sibling in family[:SIBLINGS_MAX]]
    return tuple(sorted(rows, key=lambda row: (-(row.odds or 0.0), row.title)))


def _sibling(engine: Engine, sibling: Market) -> SiblingRow:
    now = _odds(engine, sibling.condition_id)
    day_ago = _at(engine, sibling.condition_id, engine.session.desk.now_ns - DAY)
    change = None if now is None or day_ago is None else round(100 * (now - day_ago), 1)
    title = sibling.group_title or sibling.question
    return SiblingRow(condition_id=sibling.condition_id, title=title, odds=now, points_day=change)


# -- signals and blotter -----------------------------------------------------------------------


def signals(engine: Engine) -> SignalsView:
    """Open suggestions first, then the newest of the rest and of what was decided against."""
    return SignalsView(
        rows=tuple(signal_rows(engine))[:SIGNALS_SHOWN],
        open=sum(1 for s in engine.session.desk.suggestions.values() if not s.over),
        waiting_for="Waiting for a story that moves a market, or for a move that none explains.",
    )


def signal_rows(engine: Engine) -> Iterable[SignalRow]:
    """Every suggestion and skipped trade that is remembered, open ones first, then newest."""
    desk = engine.session.desk
    rows = [_suggestion_row(desk, signal) for signal in desk.suggestions.values()]
    rows += [_skipped_row(desk, number, skipped) for number, skipped in enumerate(desk.skipped)]
    return sorted(rows, key=lambda row: (row.state != "open", -row.at_ns, row.id))


def _suggestion_row(desk: Desk, signal: Signal) -> SignalRow:
    suggestion = signal.suggestion
    known = desk.markets.get(suggestion.condition_id)
    return SignalRow(
        id=suggestion.id,
        at_ns=suggestion.at_ns,
        strategy=suggestion.strategy,
        state=signal.over or "open",
        question=question_of(known),
        condition_id=suggestion.condition_id,
        asset_id=suggestion.asset_id,
        outcome=outcome_of(known, suggestion.asset_id),
        side=suggestion.side.value,
        limit=suggestion.limit,
        size=suggestion.size,
        edge=round(suggestion.edge, 2),
        reason=suggestion.reason,
        story_id=suggestion.story_id,
        until_ns=suggestion.until_ns,
        mandate=suggestion.mandate.value,
    )


def _skipped_row(desk: Desk, number: int, skipped: Skipped) -> SignalRow:
    return SignalRow(
        id=f"skipped-{skipped.at_ns}-{number}",
        at_ns=skipped.at_ns,
        strategy=skipped.strategy,
        state="skipped",
        question=question_of(desk.markets.get(skipped.condition_id)),
        condition_id=skipped.condition_id,
        reason=skipped.sentence,
        story_id=skipped.story_id,
    )


def blotter(engine: Engine) -> BlotterView:
    """Positions, open orders and the newest fills."""
    desk = engine.session.desk
    alive = [row for row in order_rows(desk.orders.values(), desk.markets) if row.state in ALIVE]
    return BlotterView(
        positions=position_rows(desk.portfolio, desk.markets),
        orders=tuple(alive[:ORDERS_SHOWN]),
        fills=tuple(islice(fills_of(engine), FILLS_SHOWN)),
        orders_total=len(alive),
        fills_total=engine.counters.fills,
    )


def fills_of(engine: Engine) -> Iterable[FillRow]:
    """Fills of the session, newest first."""
    desk = engine.session.desk
    return fill_rows(reversed(engine.fills), desk.portfolio, desk.markets)


def market_rows(engine: Engine) -> list[MarketRow]:
    """The catalogue, by volume."""
    desk = engine.session.desk
    followed = set(desk.followed)
    rows = [_market_row(engine, known, followed) for known in desk.markets.values()]
    return sorted(rows, key=lambda row: (-row.volume, row.condition_id))


def _market_row(engine: Engine, known: Market, followed: set[str]) -> MarketRow:
    book = engine.session.desk.books.get(known.yes.asset_id)
    return MarketRow(
        condition_id=known.condition_id,
        question=known.question,
        event_title=known.event_title,
        odds=_odds(engine, known.condition_id),
        best_bid=book.best_bid if book is not None else 0,
        best_ask=book.best_ask if book is not None else ONE,
        volume=known.volume,
        state=_market_state(engine, known),
        followed=known.yes.asset_id in followed,
        end_ns=known.end_ns,
    )
