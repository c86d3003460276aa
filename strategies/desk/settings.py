"""How a desk is set up: everything besides events that its decisions depend on."""

from typing import Annotated

import msgspec
from msgspec import Meta

from feeds.markets import DOLLAR, Nanos
from strategies.api import Strategy
from strategies.decisions import Mandate
from strategies.risk import RiskLimits

CALENDAR_MAX = 500
WHAT_CHARS_MAX = 200


class Scheduled(msgspec.Struct, frozen=True, array_like=True):
    """Something whose time is known before, such as earnings or a ruling, in the words of news."""

    at_ns: Nanos
    what: Annotated[str, Meta(min_length=1, max_length=WHAT_CHARS_MAX)]


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One desk. ``session`` begins the ids of its orders and must differ between sessions."""

    session: Annotated[str, Meta(min_length=1, max_length=40, pattern="^[A-Za-z0-9._-]+$")] = "desk"
    starting_cash: Annotated[
        int, Meta(ge=0, le=10**15, description="Paper money to begin with, in 1/1,000,000 dollar.")
    ] = 10_000 * DOLLAR
    limits: RiskLimits = RiskLimits()
    paper_latency_ms: Annotated[
        int,
        Meta(ge=0, le=60_000, description="Market time until a paper order reaches the book."),
    ] = 250
    relevance_min: Annotated[
        float, Meta(ge=0, le=1, description="Links below this are neither shown nor followed.")
    ] = 0.0
    follow_max: Annotated[
        int, Meta(ge=2, le=2_000, description="Most assets whose books are followed.")
    ] = 400
    follow_busiest: Annotated[
        int,
        Meta(ge=0, le=1_000, description="Markets followed for their volume when there is room."),
    ] = 50
    impact_minutes: Annotated[
        int, Meta(ge=5, le=240, description="How long a story's impact is measured.")
    ] = 240
    cooldown_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Rest between two suggestions of one strategy on one market.",
        ),
    ] = 300.0
    calendar: Annotated[
        tuple[Scheduled, ...],
        Meta(max_length=CALENDAR_MAX, description="Rivals of a story for the moves of its hour."),
    ] = ()
    meaning_wait_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=60_000,
            description="How long a story waits for what it means to the models that ship with us, "
            "before it is linked by plain words. 0: there are none.",
        ),
    ] = 0
    judge_floor: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="Judged links below this are not shown. None: no judge is consulted."),
    ] = None
    judge_may_place: Annotated[
        bool,
        Meta(
            description="Whether an order may rest on a judge's word alone, which a headline can "
            "mislead. If not, such a trade is suggested and waits for a person."
        ),
    ] = False
    valid_s_max: Annotated[
        float, Meta(ge=1, le=86_400, description="Longest that a suggestion stays open.")
    ] = 900.0


class Enrolled(msgspec.Struct, frozen=True):
    """A strategy on duty and how far it may go on its own."""

    strategy: Strategy
    mandate: Mandate

    @property
    def name(self) -> str:
        return self.strategy.name
