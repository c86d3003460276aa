"""Small worlds for tests: two markets, and stories that a test writes itself."""

from practice.clock import SECOND
from practice.world.catalogue import Catalogue, EventSpec, MarketSpec
from practice.world.simulation import World
from practice.world.stories import StorySpec

START_NS = 1_795_500_000 * SECOND


def market(slug: str, event: str = "", **facts: object) -> MarketSpec:
    given: dict[str, object] = {
        "slug": slug,
        "question": f"Will {slug} happen? This is practice.",
        "description": "Practice only.",
        "event": event or slug,
        "group_title": "",
        "tags": ("AI",),
        "start_probability": 0.40,
        "end_days": 30,
        "tick": 100,
        "fee_rate_e6": 40_000,
        "activity": 1.0,
    }
    return MarketSpec(**{**given, **facts})  # type: ignore[arg-type]


def event(slug: str, neg_risk: bool = False) -> EventSpec:
    return EventSpec(
        slug=slug, title=f"About {slug}", description="Practice.", tags=("AI",), neg_risk=neg_risk
    )


def catalogue(*markets: MarketSpec) -> Catalogue:
    slugs = dict.fromkeys(spec.event for spec in markets)
    return Catalogue(tuple(event(slug) for slug in slugs), markets)


def story(at_s: float, **effects: float) -> StorySpec:
    """A story that moves markets; underscores in the names stand for hyphens."""
    moves = tuple((slug.replace("_", "-"), move) for slug, move in effects.items())
    return StorySpec(
        id=f"story-{at_s:g}",
        telling_of=f"story-{at_s:g}",
        source="practice-wire",
        title="A practice story",
        summary="Invented.",
        kind="news",
        replaces="",
        effects=moves,
        at_s=at_s,
    )


def world(*stories: StorySpec, seed: int = 7, markets: Catalogue | None = None) -> World:
    shown = markets or catalogue(market("moved"), market("still"))
    return World(seed, shown, stories, START_NS)
