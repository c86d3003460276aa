"""A strategy that trades now and then, and tells a witness what it is shown."""

from collections.abc import Iterable, Sequence

from feeds.markets import SECOND
from strategies.api import SHARE, Context, Draft, Link, Side, Story, Strategy
from tests.terminal.record_first import on_duty


class Taker(Strategy):
    name = "taker"
    summary = "buys what is offered after every story, and every third second; looks all the time"

    def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
        on_duty[-1].strategy(ctx)
        return [self.draft(link.market_id, ctx, story.id) for link in links]

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        on_duty[-1].strategy(ctx)
        return [self.draft(condition_id, ctx)] if ctx.now_ns // SECOND % 3 == 0 else []

    def draft(self, condition_id: str, ctx: Context, story_id: str = "") -> Draft:
        asset_id = ctx.market(condition_id).yes.asset_id
        return Draft(
            condition_id=condition_id,
            asset_id=asset_id,
            side=Side.BUY,
            limit=min(9_900, ctx.book(asset_id).best_ask),
            size=10 * SHARE,
            edge=1.0,
            reason="it is there",
            story_id=story_id,
        )
