"""All that a strategy's author imports.

A strategy subclasses :class:`Strategy`, declares its parameters as a :class:`StrategyParams`
struct with types, bounds and a sentence each, and answers events with :class:`Draft` trades. It
never sees a clock, a socket or a broker; time is ``ctx.now_ns``. What it drafts passes the risk
gate like every other order, and what it decides against it says with ``ctx.skip``.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Protocol

import msgspec
from msgspec import Meta

from feeds.book import OrderBook
from feeds.events import BookState, Print, Story
from feeds.markets import Market, Nanos, Price, Side, Size
from strategies.decisions import Impact, Link, Verdict

__all__ = [
    "Annotated",
    "BookState",
    "Context",
    "Draft",
    "Impact",
    "Link",
    "Market",
    "Meta",
    "OrderBook",
    "Precedent",
    "Print",
    "Side",
    "Story",
    "Strategy",
    "StrategyParams",
    "Verdict",
]


class StrategyParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a strategy's parameters: fields with defaults, bounds and descriptions.

    Declare each as ``name: Annotated[float, Meta(ge=0, le=1, description="...")] = 0.5``.
    """


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A trade that a strategy wants: buy or sell up to ``size`` at ``limit`` or better.

    ``edge`` is the expected gain in cents a share after fees; ``reason`` is one sentence.
    """

    condition_id: str
    asset_id: str
    side: Side
    limit: Price
    size: Size
    edge: float
    reason: str
    story_id: str = ""
    valid_s: float = 120.0


class Precedent(msgspec.Struct, frozen=True):
    """How far similar stories moved odds before: the median logit move, shrunk when few."""

    median_logit: float
    count: int
    spread: float


class Context(Protocol):
    """What a strategy may know. Everything is as of ``now_ns``; nothing here can be changed."""

    @property
    def now_ns(self) -> Nanos: ...

    def market(self, condition_id: str) -> Market: ...

    def book(self, asset_id: str) -> OrderBook: ...

    def book_state(self, asset_id: str) -> BookState: ...

    def odds(self, condition_id: str) -> float | None:
        """Implied probability of YES now, or None where the book is not sound or not fresh."""

    def odds_before(self, condition_id: str, seconds: float) -> float | None:
        """Implied probability of YES that long ago, or None."""

    def usual_move(self, condition_id: str, minutes: float) -> float | None:
        """The market's usual move over so many minutes, in logit (a robust deviation)."""

    def links(self, story_id: str) -> Sequence[Link]: ...

    def stories_on(self, condition_id: str, seconds: float) -> Sequence[Story]:
        """Stories linked to this market within the last ``seconds``, newest first."""

    def impact(self, story_id: str, condition_id: str) -> Impact | None: ...

    def precedent(self, story_id: str, condition_id: str) -> Precedent: ...

    def position(self, asset_id: str) -> Size:
        """Shares held, in 1/1,000,000 share."""

    def fee_cents(self, condition_id: str, price: Price) -> float | None:
        """Taker fee a share in cents at this price, or None where the schedule is unknown."""

    def skip(
        self, condition_id: str, gate: str, value: str, limit: str, story_id: str = ""
    ) -> None:
        """Record a trade decided against: which gate, what number, what limit."""


class Strategy:
    """Base of every strategy. Override what you need; each returns drafts or nothing."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Params: ClassVar[type[StrategyParams]] = StrategyParams

    def __init__(self, params: StrategyParams) -> None:
        self.params = params

    def on_story(self, story: Story, links: Sequence[Link], ctx: Context) -> Iterable[Draft]:
        """A story arrived and touches these markets."""
        return ()

    def on_impact(self, impact: Impact, link: Link, ctx: Context) -> Iterable[Draft]:
        """The measured impact of a linked story on a market was refreshed."""
        return ()

    def on_move(self, condition_id: str, ctx: Context) -> Iterable[Draft]:
        """A followed market's odds changed since the last look (at most once a second)."""
        return ()
