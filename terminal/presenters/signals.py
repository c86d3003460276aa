"""What the strategies suggest, and the trades they decided against."""

from feeds.text import printable
from strategies.decisions import Skipped
from strategies.desk import Desk, Signal
from terminal.engine.state import EngineState
from terminal.presenters.account import outcome_of, question_of
from terminal.protocol.views import SignalRow, SignalsView

SIGNALS_SHOWN = 60
WAITING = "Waiting for a story that moves a market, or for a move that none explains."


class Signals:
    """Open suggestions first, then the newest of the rest and of what was decided against."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._made: tuple[tuple[int, int], SignalsView] | None = None

    def view(self) -> SignalsView:
        """The column of suggestions, made anew when one of them, or a market, changed."""
        changes = self._state.changes
        counts = (changes.signals, changes.catalogue)
        if self._made is None or self._made[0] != counts:
            rows = signal_rows(self._state.desk)
            is_open = sum(1 for row in rows if row.state == "open")
            self._made = (
                counts,
                SignalsView(rows=tuple(rows[:SIGNALS_SHOWN]), open=is_open, waiting_for=WAITING),
            )
        return self._made[1]


def signal_rows(desk: Desk) -> list[SignalRow]:
    """Every suggestion and skipped trade that is remembered, open ones first, then newest."""
    rows = [_suggestion_row(desk, signal) for signal in desk.signals.signals.values()]
    rows += [
        _skipped_row(desk, number, skipped) for number, skipped in enumerate(desk.outbox.skipped)
    ]
    return sorted(rows, key=lambda row: (row.state != "open", -row.at_ns, row.id))


def _suggestion_row(desk: Desk, signal: Signal) -> SignalRow:
    suggestion = signal.suggestion
    known = desk.market_data.markets.get(suggestion.condition_id)
    return SignalRow(
        id=suggestion.id,
        at_ns=suggestion.at_ns,
        strategy=suggestion.strategy,
        state="over" if signal.over else "open",
        how=signal.over,
        question=question_of(known),
        condition_id=suggestion.condition_id,
        asset_id=suggestion.asset_id,
        outcome=outcome_of(known, suggestion.asset_id),
        side=suggestion.side.value,
        limit=suggestion.limit,
        size=suggestion.size,
        edge=round(suggestion.edge, 2),
        reason=printable(suggestion.reason),
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
        question=question_of(desk.market_data.markets.get(skipped.condition_id)),
        condition_id=skipped.condition_id,
        reason=printable(skipped.sentence),
        story_id=skipped.story_id,
    )
