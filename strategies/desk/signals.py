"""Strategies at work: they are asked, what they draft is judged, and suggestions live and end.

A strategy can't harm the desk. What it raises parks it; what it drafts is checked like any foreign
input, and refused with a reason when it makes no sense; how often it may speak is bounded.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import msgspec

from feeds import figures
from feeds.events import OrderKind, Story, SuggestionReply
from feeds.markets import SECOND, Nanos, Side, on_grid
from strategies.api import Context, Draft, Strategy
from strategies.decisions import (
    CommandResult,
    Holding,
    Impact,
    Link,
    Mandate,
    Parked,
    Suggested,
    Suggestion,
    SuggestionOver,
)
from strategies.desk.context import DeskContext, DeskParts
from strategies.desk.outbox import TEXT_MAX
from strategies.desk.settings import DeskSettings, Enrolled
from strategies.risk import SIZE_MAX, SIZE_STEP, Denial, Wanted

DRAFTS_MAX = 16
"""Drafts taken from one call of one strategy."""
SIGNALS_MAX = 500
"""Suggestions remembered, open ones and past."""
LOOK_EVERY: Nanos = SECOND
"""How often a strategy is told at most that one market's odds changed."""

LOOK_AT_LEAST_EVERY: Nanos = 60 * SECOND
"""How often it is told of a market whose odds stand still: time passes there too."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


class Signal(msgspec.Struct):
    """A suggestion and what became of it: ``over`` is "" while it is open."""

    suggestion: Suggestion
    over: str = ""
    over_ns: Nanos = 0
    order_id: str = ""


class _Runner:
    """One strategy on duty."""

    def __init__(self, enrolled: Enrolled, parts: DeskParts) -> None:
        self.strategy = enrolled.strategy
        self.name = enrolled.name
        self.mandate = enrolled.mandate
        self.context: Context = DeskContext(self.name, parts)
        self.parked = ""


class Signals:
    """Asks the strategies and keeps their suggestions."""

    def __init__(
        self, parts: DeskParts, settings: DeskSettings, strategies: Iterable[Enrolled]
    ) -> None:
        self.signals: dict[str, Signal] = {}
        self._parts, self._settings = parts, settings
        self._runners = [_Runner(enrolled, parts) for enrolled in strategies]
        names = [runner.name for runner in self._runners]
        assert len(set(names)) == len(names), f"two strategies of one name among {names}"
        self._rested: dict[tuple[str, str], Nanos] = {}
        self._open: dict[tuple[str, str], str] = {}
        self._looked: dict[str, tuple[int, Nanos]] = {}
        self._count = 0

    @property
    def parked(self) -> dict[str, str]:
        """Strategies that failed, with the cause."""
        return {runner.name: runner.parked for runner in self._runners if runner.parked}

    @property
    def open_markets(self) -> list[str]:
        """Markets with open suggestions, oldest first."""
        return [condition_id for _, condition_id in self._open]

    def resume(self, holdings: Sequence[Holding]) -> None:
        """Let each strategy know what it still holds from earlier sessions."""
        for runner in self._runners:
            theirs = [
                one
                for one in holdings
                if one.strategy == runner.name and runner.context.own(one.asset_id) > 0
            ]
            if not theirs:
                continue
            try:
                runner.strategy.resume(theirs)
            except Exception as error:
                self._park(runner, error)

    # -- asking ----------------------------------------------------------------------------

    def on_story(self, story: Story, links: tuple[Link, ...]) -> None:
        """A story arrived and touches these markets."""
        self._ask(lambda strategy, ctx: strategy.on_story(story, links, ctx))

    def on_impact(self, impact: Impact, link: Link) -> None:
        """An impact was measured again."""
        self._ask(lambda strategy, ctx: strategy.on_impact(impact, link, ctx))

    def on_moves(self, condition_ids: Iterable[str]) -> None:
        """Tell of followed markets whose odds changed, or where a minute went by."""
        if not self._runners:
            return
        for condition_id in condition_ids:
            if self._moved(condition_id):
                self._tell_move(condition_id)

    def _tell_move(self, condition_id: str) -> None:
        self._ask(lambda strategy, ctx: strategy.on_move(condition_id, ctx))

    def _moved(self, condition_id: str) -> bool:
        market_data, now_ns = self._parts.market_data, self._parts.outbox.now_ns
        book = market_data.books.get(market_data.markets[condition_id].yes.asset_id)
        if book is None or not book.seen:
            return False
        odds = book.best_bid + book.best_ask
        before, when_ns = self._looked.get(condition_id, (0, 0))
        if now_ns - when_ns < (LOOK_EVERY if odds != before else LOOK_AT_LEAST_EVERY):
            return False
        self._looked[condition_id] = (odds, now_ns)
        return True

    def _ask(self, call: Callable[[Strategy, Context], Iterable[Draft]]) -> None:
        for runner in self._runners:
            if runner.parked:
                continue
            try:
                drafts = list(islice(call(runner.strategy, runner.context), DRAFTS_MAX))
            except Exception as error:
                self._park(runner, error)
                continue
            for draft in drafts:
                self._consider(runner, draft)

    def _park(self, runner: _Runner, error: Exception) -> None:
        """A strategy failed: it is off until a restart, its orders are pulled, others go on."""
        runner.parked = _cause(error)
        outbox = self._parts.outbox
        outbox.put(Parked(outbox.now_ns, runner.name, runner.parked))
        title = f"Strategy {runner.name} is off"
        outbox.alert("strategy", f"strategy:{runner.name}", title, runner.parked)
        self._parts.trading.cancel_all(f"strategy {runner.name} failed", runner.name)
        for signal in list(self._open_signals()):
            if signal.suggestion.strategy == runner.name:
                self._end(signal, "its strategy failed")

    # -- judging drafts --------------------------------------------------------------------

    def _consider(self, runner: _Runner, draft: Draft) -> None:
        try:
            draft = msgspec.convert(msgspec.to_builtins(draft), Draft)
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
            self._parts.outbox.skip(runner.name, "", "", "draft", str(error), "a valid Draft")
            return
        flaw = self._flaw(draft)
        if flaw is not None:
            self._parts.outbox.skip(
                runner.name, draft.story_id, draft.condition_id, "draft", flaw[0], flaw[1]
            )
        elif self._may_speak(runner, draft):
            self._suggest(runner, draft)

    def _flaw(self, draft: Draft) -> tuple[str, str] | None:
        """What makes no sense about a draft, and what would; None when it does."""
        market = self._parts.market_data.markets.get(draft.condition_id)
        if market is None:
            return (f"market {draft.condition_id[:40]!r}", "a known market")
        if draft.asset_id not in market.assets:
            return (f"asset {draft.asset_id[:40]!r}", "an asset of this market")
        if not on_grid(draft.limit, market.tick_size):
            return (
                f"limit {figures.cent_price(draft.limit)}",
                f"steps of {figures.cent_price(market.tick_size)}",
            )
        if not 0 < draft.size <= SIZE_MAX or draft.size % SIZE_STEP:
            return (f"{figures.shares(draft.size)} shares", "hundredths of a share, more than none")
        if not math.isfinite(draft.edge) or abs(draft.edge) > 100:
            return (f"edge {draft.edge}", "cents a share, at most 100")
        if not 0 < draft.valid_s < math.inf:
            return (f"valid for {draft.valid_s} s", "a time above 0")
        return None

    def _may_speak(self, runner: _Runner, draft: Draft) -> bool:
        """One open suggestion a strategy and market, and a rest after it."""
        key = (runner.name, draft.condition_id)
        if key in self._open:
            return False
        now_ns = self._parts.outbox.now_ns
        rest_s = (now_ns - self._rested.get(key, -(10**18))) / SECOND
        if rest_s >= self._settings.cooldown_s:
            return True
        self._parts.outbox.skip(
            runner.name,
            draft.story_id,
            draft.condition_id,
            "cooldown",
            f"{rest_s:.0f} s since its last suggestion here",
            f"{self._settings.cooldown_s:.0f} s",
        )
        return False

    # -- suggestions -----------------------------------------------------------------------

    def _suggest(self, runner: _Runner, draft: Draft) -> None:
        judge = self._parts.news.judge_alone(
            draft.story_id, draft.condition_id, self._parts.outbox.now_ns
        )
        mandate = self._mandate(runner, draft, judge)
        suggestion = self._suggestion(runner, draft, mandate, judge)
        key = (suggestion.strategy, suggestion.condition_id)
        if mandate is Mandate.ALERT:
            self._rested[key] = self._parts.outbox.now_ns
            self._alert(suggestion)
            return
        if mandate is not Mandate.SUGGEST:
            denial = self._parts.trading.check(_wanted(suggestion))
            if denial is not None:
                self._parts.outbox.deny(runner.name, draft.story_id, draft.condition_id, denial)
                return
        signal = self._remember(suggestion)
        self._parts.outbox.put(Suggested(suggestion))
        self._alert(suggestion)
        if mandate is not Mandate.SUGGEST:
            placed = self._place(signal, "placed")
            assert not isinstance(placed, Denial), "the gate changed its mind within one event"

    def _mandate(self, runner: _Runner, draft: Draft, judge: str) -> Mandate:
        """How far this draft may go: what rests on a judge alone waits for a person.

        A way out that names no story, of time or price, does not hang on one.
        """
        if runner.mandate in (Mandate.ALERT, Mandate.SUGGEST) or not judge:
            return runner.mandate
        if self._settings.judge_may_place or (draft.side is Side.SELL and not draft.story_id):
            return runner.mandate
        self._parts.outbox.skip(
            runner.name,
            draft.story_id,
            draft.condition_id,
            "judge",
            f"its side rests on {judge} alone",
            "a side that the linker shares",
            f"judge: its side rests on {judge} alone, so it is suggested and not placed; "
            "may_place under [judge] would let it.",
        )
        return Mandate.SUGGEST

    def _suggestion(
        self, runner: _Runner, draft: Draft, mandate: Mandate, judge: str
    ) -> Suggestion:
        self._count += 1
        now_ns = self._parts.outbox.now_ns
        valid_s = min(draft.valid_s, self._settings.valid_s_max)
        return Suggestion(
            id=f"{self._settings.session}-s{self._count}",
            at_ns=now_ns,
            strategy=runner.name,
            story_id=draft.story_id if draft.story_id in self._parts.news.stories else "",
            condition_id=draft.condition_id,
            asset_id=draft.asset_id,
            side=draft.side,
            limit=draft.limit,
            size=draft.size,
            edge=draft.edge,
            reason=self._reason(draft, judge, lowered=mandate is not runner.mandate),
            until_ns=now_ns + int(valid_s * SECOND),
            mandate=mandate,
            rests=draft.rests,
        )

    def _reason(self, draft: Draft, judge: str, *, lowered: bool) -> str:
        """The strategy's own, and whose word besides the linker's it rests on."""
        link = self._parts.news.link(draft.story_id, draft.condition_id)
        mark = ""
        if lowered:
            mark = f" (rests on the judge {judge} alone: suggested, not placed)"
        elif judge:
            mark = f" (rests on the judge {judge} alone)"
        elif link is not None and link.judge:
            mark = f" (link judged by {link.judge})"
        return draft.reason[: TEXT_MAX - len(mark)] + mark

    def _remember(self, suggestion: Suggestion) -> Signal:
        if len(self.signals) >= SIGNALS_MAX:
            oldest = next((s for s in self.signals.values() if s.over), None)
            oldest = oldest or next(iter(self.signals.values()))
            if not oldest.over:
                self._end(oldest, "too many suggestions")
            del self.signals[oldest.suggestion.id]
        self._open[suggestion.strategy, suggestion.condition_id] = suggestion.id
        signal = self.signals[suggestion.id] = Signal(suggestion)
        return signal

    def _alert(self, suggestion: Suggestion) -> None:
        market = self._parts.market_data.markets[suggestion.condition_id]
        outcome = market.outcome(suggestion.asset_id).name
        said = figures.order(suggestion.side, suggestion.size, outcome, suggestion.limit)
        self._parts.outbox.alert(
            "suggestion",
            f"suggestion:{suggestion.strategy}:{suggestion.condition_id}",
            f"{suggestion.strategy}: {said}",
            f"{market.question} · {suggestion.reason}",
            suggestion.story_id,
            suggestion.condition_id,
        )

    def _place(self, signal: Signal, how: str) -> Denial | None:
        """Send a suggestion's order through the gate; the suggestion is over if it passes."""
        suggestion = signal.suggestion
        placed = self._parts.trading.place(_wanted(suggestion), suggestion.id, suggestion.strategy)
        if isinstance(placed, Denial):
            return placed
        signal.order_id = placed.order_id
        self._end(signal, how)
        return None

    def _end(self, signal: Signal, how: str) -> None:
        suggestion, outbox = signal.suggestion, self._parts.outbox
        signal.over, signal.over_ns = how, outbox.now_ns
        key = (suggestion.strategy, suggestion.condition_id)
        self._open.pop(key, None)
        self._rested[key] = outbox.now_ns
        outbox.put(SuggestionOver(outbox.now_ns, suggestion.id, how))

    def _open_signals(self) -> Iterable[Signal]:
        return (self.signals[suggestion_id] for suggestion_id in self._open.values())

    def expire(self) -> None:
        """End the suggestions whose time is over."""
        if not self._open:
            return
        now_ns = self._parts.outbox.now_ns
        for signal in [s for s in self._open_signals() if s.suggestion.until_ns <= now_ns]:
            self._end(signal, "out of time")

    def withdraw(self, condition_id: str, how: str) -> None:
        """End the open suggestions on a market."""
        for signal in [
            s for s in self._open_signals() if s.suggestion.condition_id == condition_id
        ]:
            self._end(signal, how)

    def replied(self, reply: SuggestionReply) -> None:
        """A person accepted or dismissed a suggestion."""
        signal, trading = self.signals.get(reply.suggestion_id), self._parts.trading
        if signal is None or signal.over:
            why = f"it is over ({signal.over})" if signal is not None else "there is no such one"
            said = f"Suggestion {reply.suggestion_id[:60]} can't be answered: {why}."
            trading.answer(reply.command_id, CommandResult.DENIED, said)
        elif not reply.accepted:
            self._end(signal, "dismissed")
            trading.answer(reply.command_id, CommandResult.CONFIRMED, "Dismissed.")
        else:
            denial = self._place(signal, "accepted")
            if denial is not None:
                trading.answer(reply.command_id, CommandResult.DENIED, denial.sentence)
            else:
                said = f"Accepted: sent as {signal.order_id}."
                trading.answer(reply.command_id, CommandResult.CONFIRMED, said)


def _wanted(suggestion: Suggestion) -> Wanted:
    kind = OrderKind.GTC if suggestion.rests else OrderKind.FAK
    return Wanted(
        suggestion.condition_id,
        suggestion.asset_id,
        suggestion.side,
        suggestion.limit,
        suggestion.size,
        kind,
    )


def _cause(error: Exception) -> str:
    """What a strategy raised and where, the same in every replay."""
    where = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        where = f" ({name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    said = _ADDRESS.sub("0x…", str(error))[:TEXT_MAX]
    return f"{type(error).__name__}: {said}{where}"
