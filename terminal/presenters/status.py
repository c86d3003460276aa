"""The masthead and the status line: mode, money, and the health of what feeds the engine."""

from collections.abc import Iterator

from feeds.events import TradingMode
from feeds.markets import SECOND
from feeds.news.poller import SourceState
from feeds.polymarket.health import StreamState
from terminal.engine.state import EngineState
from terminal.protocol.views import StatusView, StreamView
from terminal.protocol.vocabulary import StreamWord

_MODES = {
    TradingMode.RESTARTING: "restarting: new orders wait until it is back",
    TradingMode.POST_ONLY: "takes only post-only orders, as after a restart",
    TradingMode.CANCEL_ONLY: "takes only cancels",
    TradingMode.DISABLED: "has stopped all trading",
}
_FAILING = frozenset({SourceState.FAILING, SourceState.THROTTLED, SourceState.PARKED})


LAG_STEP_MS = 100
"""Lag is shown in tenths: a page is not drawn anew for less."""


class Status:
    """The status of one engine."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._books = (-1, 0)

    def view(self) -> StatusView:
        """Mode, money and the health of everything that feeds the engine."""
        state, desk = self._state, self._state.desk
        portfolio = desk.portfolio
        return StatusView(
            mode="PAPER",
            venue=state.venue,
            now_ns=state.clock.now_ns() // SECOND * SECOND,
            speed=state.clock.speed,
            streams=tuple(stream_views(state)),
            cash=portfolio.cash,
            equity=portfolio.equity,
            realised=portfolio.realised,
            unrealised=portfolio.unrealised,
            today=portfolio.today,
            killed=desk.trading.gate.killed,
            stories=len(desk.news.stories),
            books=self._fresh_books(),
            markets=len(desk.market_data.markets),
            errors=state.counters.errors,
            message=state.counters.last_error,
            catalogue_as_of_ns=state.catalogue_as_of_ns,
            behind_ms=state.lag.now_ms // LAG_STEP_MS * LAG_STEP_MS,
            lag_max_ms=state.lag.limit_ms,
            behind_worst_ms=state.lag.worst_ms // LAG_STEP_MS * LAG_STEP_MS,
            behind_times=state.lag.times,
        )

    def _fresh_books(self) -> int:
        """How many books are fit to trade on, counted once a second."""
        second = self._state.desk.outbox.now_ns // SECOND
        if self._books[0] != second:
            states = self._state.desk.market_data.states.values()
            self._books = (second, sum(1 for state in states if state.fit))
        return self._books[1]


def stream_views(state: EngineState) -> Iterator[StreamView]:
    """Everything that feeds the engine, and what is wrong with any of it."""
    now = state.clock.now_ns()
    for health in state.streams.values():
        age = (now - health.last_data_ns) / SECOND if health.last_data_ns else None
        yield StreamView(
            name=health.name,
            state=_stream_word(health.state),
            sentence=health.sentence,
            age_s=None if age is None else float(int(age)),
        )
    behind_ms = state.desk.trading.gate.behind_ms
    if behind_ms:
        said = f"{behind_ms / 1_000:.1f} s behind: no order leaves until it has caught up"
        yield StreamView(name="engine", state="down", sentence=said)
    mode = state.desk.trading.gate.mode
    if mode is not TradingMode.NORMAL:
        yield StreamView(name="venue", state="down", sentence=_MODES[mode])
    for name, complaint in state.complaints.items():
        yield StreamView(name=name, state="down", sentence=complaint)
    yield from _news_stream(state)


def _stream_word(state: StreamState) -> StreamWord:
    """A stream of which some books can't be trusted is shown as sick, with its sentence."""
    return "stale" if state is StreamState.DOUBTFUL else state.value


def _news_stream(state: EngineState) -> Iterator[StreamView]:
    """All sources as one stream: how many answer, and the first complaint."""
    sources = [s for s in state.sources.values() if s.state is not SourceState.OFF]
    if not sources:
        return
    failing = [source for source in sources if source.state in _FAILING]
    how: StreamWord = "live" if not failing else "down" if len(failing) == len(sources) else "stale"
    words = f"{len(sources) - len(failing)} of {len(sources)} feeds answer"
    if failing:
        words += f"; {failing[0].name}: {failing[0].sentence}"
    yield StreamView(name="news", state=how, sentence=words)
