"""Bet against a jump that no story explains.

The idea: odds that jump with nothing to explain it were often pushed, by one large order in a
thin book, and come back part of the way. The danger is plain: somebody may know what we have not
read yet. So the jump must stand out by what this market usually does, it must have come to rest,
no story may touch the market around that time, and when one comes after all, it is time to go. Any
link counts here, the doubtful ones too: to leave a jump alone for nothing costs nothing.

It is a model for strategies of your own: it works from ``on_move`` and the odds alone.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from strategies.api import (
    ONE,
    Annotated,
    Context,
    Draft,
    Holding,
    Link,
    Meta,
    Move,
    Nanos,
    Side,
    Story,
    Strategy,
    StrategyParams,
    cent_price,
    expit,
    find_entry,
    find_exit,
    logit,
)

THESES_MAX = 500
LOOK_BACK_S = 17 * 60.0
"""The longest window in which a jump is looked for."""
REST_MINUTES = 2
MINUTE_NS: Nanos = 60_000_000_000


class FadeParams(StrategyParams, frozen=True):
    """What fade may be tuned by."""

    move_min: Annotated[
        float, Meta(ge=0, le=5, description="Least jump, in logit (0.3 is 7 points at 50 %).")
    ] = 0.3
    z_min: Annotated[
        float, Meta(ge=6, le=50, description="Least jump in units of the market's usual move.")
    ] = 6.0
    quiet_minutes: Annotated[
        float, Meta(gt=0, le=240, description="No story may have touched the market for so long.")
    ] = 30.0
    rest_z_max: Annotated[
        float,
        Meta(ge=0, le=20, description="Most that odds at rest have moved lately, in usual moves."),
    ] = 2.0
    reverts: Annotated[
        float, Meta(gt=0, le=1, description="Share of the jump that is expected to come back.")
    ] = 0.4
    odds_min: Annotated[
        float, Meta(ge=0, le=0.5, description="Nothing is faded nearer than this to 0 or to 1.")
    ] = 0.06
    hold_minutes: Annotated[
        float, Meta(gt=0, le=1440, description="What was bought is sold after this long.")
    ] = 45.0
    spread_max_cents: Annotated[
        float, Meta(gt=0, le=20, description="Widest spread of a book that is traded on.")
    ] = 4.0
    edge_min_cents: Annotated[
        float, Meta(ge=0, le=50, description="Least expected gain a share after spread and fee.")
    ] = 1.0
    budget: Annotated[float, Meta(gt=0, le=1e6, description="Dollars a trade.")] = 50.0


class _Thesis(msgspec.Struct, frozen=True):
    """Why we are in a market: which asset, since when, and the fair odds of that asset."""

    asset_id: str
    since_ns: Nanos
    fair: float


class Fade(Strategy):
    """A jump that no story explains, and a bet that part of it comes back."""

    name = "fade"
    summary = "a jump that no story explains, and a bet that part of it comes back"
    Params = FadeParams

    def __init__(self, params: FadeParams) -> None:
        super().__init__(params)
        self.params: FadeParams = params
        self._theses: dict[str, _Thesis] = {}

    def resume(self, holdings: Sequence[Holding]) -> None:
        """What was thought fair is what was paid and the gain that was expected of it."""
        for one in holdings:
            fair = min(1.0, one.price / ONE + max(0.0, one.edge) / 100)
            self._remember(one.condition_id, _Thesis(one.asset_id, one.since_ns, fair))

    def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
        """A story that may explain the jump after all ends the bet."""
        for link in links:
            thesis = self._held(link.market_id, ctx)
            if thesis is not None:
                why = "A story touches this market: the jump may have had its reason."
                yield from self._sell(link.market_id, thesis, why, ctx, story.id)

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        """The odds changed: look for a jump, or for the way out."""
        thesis = self._held(condition_id, ctx)
        if thesis is None:
            return self._enter(condition_id, ctx)
        why = self._why_out(thesis, ctx)
        return self._sell(condition_id, thesis, why, ctx) if why else ()

    # -- in --------------------------------------------------------------------------------

    def _enter(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        move = self._jump(condition_id, ctx)
        if move is not None and not self._objection(condition_id, move, ctx):
            yield from self._buy(condition_id, move, ctx)

    def _jump(self, condition_id: str, ctx: Context) -> Move | None:
        """A move that is worth a second look. Asked often, so the cheap question comes first."""
        if not self._has_moved(condition_id, ctx):
            return None
        move = ctx.abnormal(condition_id)
        if move is None or abs(move.logit) < self.params.move_min:
            return None
        return move if abs(move.z) >= self.params.z_min else None

    def _has_moved(self, condition_id: str, ctx: Context) -> bool:
        now = ctx.odds(condition_id)
        if now is None or not self.params.odds_min <= now <= 1 - self.params.odds_min:
            return False
        for seconds in (180.0, 480.0, LOOK_BACK_S):
            before = ctx.odds_before(condition_id, seconds)
            if before is not None and abs(logit(now) - logit(before)) >= self.params.move_min:
                return True
        return False

    def _objection(self, condition_id: str, move: Move, ctx: Context) -> bool:
        """What speaks against fading this jump, which is then said."""
        stories = ctx.stories_on(condition_id, self.params.quiet_minutes * 60)
        if stories:
            told = f'"{stories[0].title[:60]}"'
            limit = f"no story for {self.params.quiet_minutes:.0f} min"
            ctx.skip(condition_id, "explained", told, limit, stories[0].id)
            return True
        lately = self._lately(condition_id, ctx)
        if lately > self.params.rest_z_max:
            limit = f"at most {self.params.rest_z_max:.1f}"
            value = f"{lately:.1f} usual moves in the last {REST_MINUTES} minutes"
            ctx.skip(condition_id, "still moving", value, limit)
            return True
        return False

    def _lately(self, condition_id: str, ctx: Context) -> float:
        """The newest move in units of the market's usual one; a step of a tick is always usual."""
        now = ctx.odds(condition_id)
        before = ctx.odds_before(condition_id, 60.0 * REST_MINUTES)
        usual = ctx.usual_move(condition_id, REST_MINUTES)
        if now is None or before is None or usual is None:
            return math.inf
        step = ctx.market(condition_id).tick_size / ONE / (now * (1 - now))
        return abs(logit(now) - logit(before)) / max(usual, step)

    def _buy(self, condition_id: str, move: Move, ctx: Context) -> Iterable[Draft]:
        market, odds = ctx.market(condition_id), ctx.odds(condition_id) or 0.5
        back = expit(logit(odds) - self.params.reverts * move.logit)
        jumped_up = move.logit > 0
        asset_id = market.no.asset_id if jumped_up else market.yes.asset_id
        fair, least = (1 - back if jumped_up else back), self.params.edge_min_cents
        book = ctx.book(asset_id)
        if not ctx.tradeable(asset_id) or book.spread / 100 > self.params.spread_max_cents:
            limit = f"at most {self.params.spread_max_cents:.1f}¢, live"
            ctx.skip(condition_id, "spread", cent_price(book.spread), limit)
            return
        entry = find_entry(ctx, market, asset_id, fair, self.params.budget, least)
        if entry is None:
            value = f"fair {100 * fair:.1f}¢, ask {cent_price(book.best_ask)}"
            ctx.skip(condition_id, "edge", value, f"{least:.1f}¢ left after the fee")
            return
        self._remember(condition_id, _Thesis(asset_id, ctx.now_ns, fair))
        yield Draft(
            condition_id=condition_id,
            asset_id=asset_id,
            side=Side.BUY,
            limit=entry.limit,
            size=entry.size,
            edge=entry.edge,
            reason=(
                f"A jump of {abs(move.z):.0f} usual moves in {move.minutes} min, and no story "
                f"in {self.params.quiet_minutes:.0f} min: {self.params.reverts:.0%} may come back."
            ),
        )

    def _remember(self, condition_id: str, thesis: _Thesis) -> None:
        self._theses.pop(condition_id, None)
        if len(self._theses) >= THESES_MAX:
            del self._theses[next(iter(self._theses))]
        self._theses[condition_id] = thesis

    # -- out -------------------------------------------------------------------------------

    def _held(self, condition_id: str, ctx: Context) -> _Thesis | None:
        thesis = self._theses.get(condition_id)
        return thesis if thesis is not None and ctx.own(thesis.asset_id) else None

    def _why_out(self, thesis: _Thesis, ctx: Context) -> str:
        """Why it is time to get out, or ""."""
        held = (ctx.now_ns - thesis.since_ns) / MINUTE_NS
        if held >= self.params.hold_minutes:
            return f"{held:.0f} min later its time is over."
        midpoint = ctx.book(thesis.asset_id).midpoint
        if midpoint is not None and midpoint >= thesis.fair:
            return "The odds have come back as far as was expected."
        return ""

    def _sell(
        self, condition_id: str, thesis: _Thesis, why: str, ctx: Context, story_id: str = ""
    ) -> Iterable[Draft]:
        market, widest = ctx.market(condition_id), self.params.spread_max_cents
        way_out = find_exit(ctx, market, thesis.asset_id, widest)
        if way_out is not None:
            yield Draft(
                condition_id=condition_id,
                asset_id=thesis.asset_id,
                side=Side.SELL,
                limit=way_out.limit,
                size=way_out.size,
                edge=way_out.edge,
                reason=why,
                story_id=story_id,
            )
