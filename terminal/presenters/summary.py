"""What a headless session amounts to, as one JSON object."""

from typing import Any

from feeds.markets import DOLLAR, Money
from terminal.engine.loop import Engine


def dollars(money: Money) -> float:
    """For print alone: exact to the millionth for any sum a float holds exactly (to 9e9)."""
    return round(money / DOLLAR, 6)


def report(engine: Engine) -> dict[str, Any]:
    """Counts, money and latencies. Money in dollars, latencies in milliseconds or null."""
    counters, portfolio = engine.counters, engine.session.desk.portfolio
    judged = {"judge": engine.llm_judge.counts.report()} if engine.llm_judge is not None else {}
    return {
        **judged,
        "stories": counters.stories,
        "clusters": counters.clusters,
        "links": counters.links,
        "books": len(counters.books),
        "frames": counters.frames,
        "suggestions": counters.suggestions,
        "orders": counters.orders,
        "fills": counters.fills,
        "position_count": sum(1 for _ in portfolio.open_positions()),
        "cash": dollars(portfolio.cash),
        "equity": dollars(portfolio.equity),
        "realised_pnl": dollars(portfolio.realised),
        "unrealised_pnl": dollars(portfolio.unrealised),
        "errors": counters.errors,
        "latency_ms": {
            "story_to_suggestion_p50": engine.story_to_suggestion.percentile(50),
            "story_to_suggestion_p99": engine.story_to_suggestion.percentile(99),
            "frame_to_book_p50": engine.frame_to_book.percentile(50),
            "frame_to_book_p99": engine.frame_to_book.percentile(99),
        },
    }
