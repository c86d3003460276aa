"""What earlier sessions left: their stories, orders and fills, so that a restart forgets nothing.

The desk has none of them: it takes up money and what strategies hold, and decides on what is new.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from feeds.events import Fill, OrderState, Story
from feeds.markets import Nanos
from strategies.desk.orders import OrderRecord
from strategies.portfolio import Portfolio
from terminal.ledger import Rebuilt
from terminal.protocol.views import ArticleView, StoryRow
from terminal.stores.story_store import StoredStories

ORDERS_MAX = 1_000
FILLS_MAX = 1_000


@dataclass(frozen=True)
class Earlier:
    """Stories by id, newest first, as they were last shown; orders and fills, oldest first."""

    as_of_ns: Nanos = 0
    rows: dict[str, StoryRow] = field(default_factory=dict)
    articles: dict[str, ArticleView] = field(default_factory=dict)
    orders: tuple[OrderRecord, ...] = ()
    fills: tuple[Fill, ...] = ()

    def told(self, story: Story) -> bool:
        """Whether a story was heard before as it is: a kill outlives the memory of news."""
        row = self.rows.get(story.id)
        return row is not None and row.revision >= story.revision and row.title == story.title


def earlier(rebuilt: Rebuilt, stories: StoredStories | None) -> Earlier:
    """What a session that begins now should know of those before it."""
    orders = records(rebuilt, rebuilt.portfolio())
    for record in orders:
        if not record.over:  # a paper order lives in its engine
            record.state, record.reason = OrderState.CANCELLED, ENGINE_ENDED
    return Earlier(
        as_of_ns=stories.as_of_ns if stories is not None else 0,
        rows={row.id: row for row in stories.rows} if stories is not None else {},
        articles={one.story_id: one for one in stories.articles} if stories is not None else {},
        orders=tuple(orders[-ORDERS_MAX:]),
        fills=rebuilt.fills[-FILLS_MAX:],
    )


ENGINE_ENDED = "the engine ended"
"""Why an order is over that was open when its engine ended, however that was."""


def records(rebuilt: Rebuilt, portfolio: Portfolio) -> list[OrderRecord]:
    """Every order of the ledger with what became of it, oldest first."""
    known = {intent.order_id: OrderRecord(intent) for intent in rebuilt.intents}
    for order_id, record in known.items():
        if order_id in rebuilt.seals:
            record.venue_id = rebuilt.seals[order_id].venue_id
        update = rebuilt.states.get(order_id)
        if update is not None:
            record.state, record.reason = update.state, update.reason
    _count(known, rebuilt.fills, portfolio)
    return list(known.values())


def _count(known: dict[str, OrderRecord], fills: Iterable[Fill], portfolio: Portfolio) -> None:
    for fill in fills:
        record = known.get(fill.order_id)
        if record is not None:
            record.take(fill)
            if not portfolio.counts(fill.id):
                record.take_back(fill)
