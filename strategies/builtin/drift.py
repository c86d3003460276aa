"""Follow a story whose odds have begun to move its way.

The idea: odds take minutes to take in a story, since somebody has to read it, believe it and trade.
A clear story about a market, told for the first time, and a first move its way beyond the noise
are together better than either alone. A link's relevance is calibrated: of a hundred at 0.75 three
quarters are right, and odds that begin to move its way speak for it; 0.8 keeps to the surest. How
far such stories move odds in all is known from precedents; until there are some, from an assumption
that is a parameter. What is left of that move, less spread and fee, is the edge.

It is a model for strategies of your own: parameters with bounds, one gate after another, each with
its number and limit, and a plan for getting out again before getting in.
"""

from collections.abc import Iterable, Sequence

import msgspec

from strategies.api import (
    Annotated,
    Context,
    Draft,
    Holding,
    Impact,
    Link,
    Meta,
    Nanos,
    Side,
    Story,
    Strategy,
    StrategyParams,
    Tier,
    Verdict,
    cent_price,
    expit,
    find_entry,
    find_exit,
    logit,
)

THESES_MAX = 500
MINUTE_NS: Nanos = 60_000_000_000
TARGET_DONE = 0.9
"""Out at this share of the expected move: the last of it is the slowest."""
SAID_EVERY_MINUTES = 5
"""While a move is awaited, that it has not come is said this often."""
PRECEDENTS_TRUSTED = 20
"""With so many precedents they count as much as the assumption; with more, more."""


class DriftParams(StrategyParams, frozen=True):
    """What drift may be tuned by."""

    relevance_min: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Least share of such links that are right (0.8: only the surest).",
        ),
    ] = 0.75
    novelty_min: Annotated[
        float,
        Meta(ge=0, le=1, description="Least novelty of the story: 0 is a retelling."),
    ] = 0.5
    move_min: Annotated[
        float,
        Meta(
            ge=0,
            le=5,
            description="Least move its way so far, in logit (0.1 is 2.5 points at 50 %).",
        ),
    ] = 0.10
    z_min: Annotated[
        float,
        Meta(ge=0, le=20, description="Least move its way in units of the market's usual move."),
    ] = 2.0
    target: Annotated[
        float,
        Meta(gt=0, le=5, description="Whole move assumed of a fully relevant story, in logit."),
    ] = 0.7
    wait_max_minutes: Annotated[
        float,
        Meta(gt=0, le=240, description="A story older than this starts no trade."),
    ] = 15.0
    hold_minutes: Annotated[
        float,
        Meta(gt=0, le=240, description="What was bought is sold this long after the story."),
    ] = 60.0
    spread_max_cents: Annotated[
        float,
        Meta(gt=0, le=20, description="Widest spread of a book that is traded on."),
    ] = 4.0
    edge_min_cents: Annotated[
        float,
        Meta(ge=0, le=50, description="Least expected gain a share after spread and fee."),
    ] = 1.0
    budget: Annotated[float, Meta(gt=0, le=1e6, description="Dollars a trade.")] = 100.0


class _Thesis(msgspec.Struct, frozen=True):
    """Why we are in a market: which story, which asset, and since when where that was earlier."""

    story_id: str
    asset_id: str
    since_ns: Nanos = 0


class Drift(Strategy):
    """A clear story, odds that have begun to move its way, and more to come."""

    name = "drift"
    summary = "a clear story, odds that have begun to move its way, and by precedent should go on"
    Params = DriftParams

    def __init__(self, params: DriftParams) -> None:
        super().__init__(params)
        self.params: DriftParams = params
        self._theses: dict[str, _Thesis] = {}

    def resume(self, holdings: Sequence[Holding]) -> None:
        """The stories behind these are measured no more: their time alone ends them."""
        for one in holdings:
            self._keep(one.condition_id, _Thesis(one.story_id, one.asset_id, one.since_ns))

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        """What an earlier session bought is sold when its time is over."""
        thesis = self._theses.get(condition_id)
        if thesis is None or not thesis.since_ns or not ctx.own(thesis.asset_id):
            return
        held = (ctx.now_ns - thesis.since_ns) / MINUTE_NS
        if held >= self.params.hold_minutes:
            why = f"Bought {held:.0f} min ago, before a restart: its time is over."
            yield from self._sell(condition_id, thesis, why, "", ctx)

    def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
        """Nothing is traded on words alone; what will not be followed is said here, once."""
        for link in links:
            self._unfit(story, link, ctx)
        return ()

    def on_impact(self, impact: Impact, link: Link, ctx: Context) -> Iterable[Draft]:
        """The move was measured again: get in, get out, or say why not."""
        thesis = self._theses.get(impact.condition_id)
        if thesis is None or not ctx.own(thesis.asset_id):
            return self._enter(impact, link, ctx)
        if thesis.story_id != impact.story_id:
            return ()  # one story a market at a time
        return self._exit(impact, link, thesis, ctx)

    # -- in --------------------------------------------------------------------------------

    def _enter(self, impact: Impact, link: Link, ctx: Context) -> Iterable[Draft]:
        story = ctx.story(impact.story_id)
        if story is None or impact.minutes > self.params.wait_max_minutes:
            return
        if not self._unfit(story, link, ctx) and self._has_begun(impact, link, ctx):
            yield from self._buy(impact, link, story, ctx)

    def _unfit(self, story: Story, link: Link, ctx: Context) -> bool:
        """Whether story and link are too weak to follow, which is then said."""
        if link.tier is not Tier.BEARS:
            ctx.skip(link.market_id, "tier", "touches", "bears on the question", story.id)
            return True
        gates = (
            ("relevance", link.relevance, self.params.relevance_min),
            ("direction", abs(link.direction), 1),
            ("novelty", story.novelty, self.params.novelty_min),
        )
        for gate, value, least in gates:
            if value < least:
                shown = "unclear" if gate == "direction" else f"{value:.2f}"
                limit = "clear" if gate == "direction" else f"at least {least:.2f}"
                ctx.skip(link.market_id, gate, shown, limit, story.id)
                return True
        return False

    def _has_begun(self, impact: Impact, link: Link, ctx: Context) -> bool:
        """Whether the odds have moved its way, beyond the noise and not before the story."""
        gate, value, limit = self._objection(impact, link)
        waiting = gate in ("move", "noise")  # it may still come: no need to say so all the time
        if gate and not (waiting and impact.minutes % SAID_EVERY_MINUTES >= 1):
            ctx.skip(impact.condition_id, gate, value, limit, impact.story_id)
        return not gate

    def _objection(self, impact: Impact, link: Link) -> tuple[str, str, str]:
        """Gate, number and limit of what speaks against the move; an empty gate if nothing does."""
        if impact.logit is None or impact.z is None:
            return ("measurable", impact.reason, "a sound book with a past")
        if impact.verdict in (Verdict.LED, Verdict.SHARED, Verdict.THEME):
            return ("verdict", impact.verdict.value, "a move of its own")
        moved, z = impact.logit * link.direction, impact.z * link.direction
        if moved < self.params.move_min:
            return ("move", f"{moved:+.2f} logit its way", f"at least {self.params.move_min:.2f}")
        if z < self.params.z_min:
            return ("noise", f"{z:.1f} usual moves", f"at least {self.params.z_min:.1f}")
        return ("", "", "")

    def _buy(self, impact: Impact, link: Link, story: Story, ctx: Context) -> Iterable[Draft]:
        market = ctx.market(impact.condition_id)
        asset_id = market.yes.asset_id if link.direction > 0 else market.no.asset_id
        if not self._book_will_do(asset_id, impact, ctx):
            return
        target = self._target(impact, link, ctx)
        fair = self._fair(impact, link, target)
        least = self.params.edge_min_cents
        entry = find_entry(ctx, market, asset_id, fair, self.params.budget, least)
        if entry is None:
            ask = cent_price(ctx.book(asset_id).best_ask)
            value, limit = f"fair {100 * fair:.1f}¢, ask {ask}", f"{least:.1f}¢ left after the fee"
            ctx.skip(impact.condition_id, "edge", value, limit, impact.story_id)
            return
        self._remember(impact, asset_id)
        moved = (impact.logit or 0.0) * link.direction
        yield Draft(
            condition_id=impact.condition_id,
            asset_id=asset_id,
            side=Side.BUY,
            limit=entry.limit,
            size=entry.size,
            edge=entry.edge,
            reason=(
                f"{impact.minutes:.0f} min after the story the odds have moved "
                f"{abs(impact.points or 0.0):.1f} points its way, {moved / target:.0%} of what "
                "such stories do."
            ),
            story_id=story.id,
        )

    def _book_will_do(self, asset_id: str, impact: Impact, ctx: Context) -> bool:
        book, most = ctx.book(asset_id), self.params.spread_max_cents
        if ctx.tradeable(asset_id) and book.sound and book.spread / 100 <= most:
            return True
        value, limit = cent_price(book.spread), f"at most {most:.1f}¢, sound and live"
        ctx.skip(impact.condition_id, "spread", value, limit, impact.story_id)
        return False

    def _target(self, impact: Impact, link: Link, ctx: Context) -> float:
        """The whole move to expect: precedents by their number, the assumption for the rest.

        A precedent's median comes shrunk towards nothing by just the share that is filled up here.
        """
        precedent = ctx.precedent(impact.story_id, impact.condition_id)
        unknown = PRECEDENTS_TRUSTED / (PRECEDENTS_TRUSTED + precedent.count)
        return max(0.0, precedent.median_logit) + unknown * self.params.target * link.relevance

    def _fair(self, impact: Impact, link: Link, target: float) -> float:
        """Odds of the outcome that the story speaks for, once the move is complete."""
        before = impact.before if link.direction > 0 else 1 - (impact.before or 0.5)
        return expit(logit(before or 0.5) + target)

    def _remember(self, impact: Impact, asset_id: str) -> None:
        self._keep(impact.condition_id, _Thesis(impact.story_id, asset_id))

    def _keep(self, condition_id: str, thesis: _Thesis) -> None:
        self._theses.pop(condition_id, None)
        if len(self._theses) >= THESES_MAX:
            del self._theses[next(iter(self._theses))]
        self._theses[condition_id] = thesis

    # -- out -------------------------------------------------------------------------------

    def _exit(self, impact: Impact, link: Link, thesis: _Thesis, ctx: Context) -> Iterable[Draft]:
        why = self._why_out(impact, link, ctx)
        if why:
            yield from self._sell(impact.condition_id, thesis, why, impact.story_id, ctx)

    def _sell(
        self, condition_id: str, thesis: _Thesis, why: str, story_id: str, ctx: Context
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

    def _why_out(self, impact: Impact, link: Link, ctx: Context) -> str:
        """Why it is time to get out, or ""."""
        if impact.minutes >= self.params.hold_minutes:
            return f"{impact.minutes:.0f} min after the story its time is over."
        if impact.logit is None:
            return ""
        moved, target = impact.logit * link.direction, self._target(impact, link, ctx)
        if moved >= TARGET_DONE * target:
            return f"The odds have made the move: {abs(impact.points or 0.0):.1f} points its way."
        if moved <= 0:
            return "The odds have turned back: the story did not hold."
        return ""
