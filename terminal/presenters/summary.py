"""What a headless session amounts to, as one JSON object."""

from typing import Any

from feeds.figures import dollar_number
from terminal.engine.state import EngineState


def report(state: EngineState) -> dict[str, Any]:
    """Counts, money and latencies, and what the judge cost where there was one.

    Money in dollars, latencies in milliseconds or null.
    """
    counters, portfolio = state.counters, state.desk.portfolio
    return {
        **({"judge": state.judge.report()} if state.judge is not None else {}),
        "stories": counters.stories,
        "clusters": counters.clusters,
        "links": counters.links,
        "books": len(counters.books),
        "frames": counters.frames,
        "suggestions": counters.suggestions,
        "orders": counters.orders,
        "fills": counters.fills,
        "position_count": sum(1 for _ in portfolio.open_positions()),
        "cash": dollar_number(portfolio.cash),
        "equity": dollar_number(portfolio.equity),
        "realised_pnl": dollar_number(portfolio.realised),
        "unrealised_pnl": dollar_number(portfolio.unrealised),
        "errors": counters.errors,
        "latency_ms": {
            "story_to_suggestion_p50": state.story_to_suggestion.percentile(50),
            "story_to_suggestion_p99": state.story_to_suggestion.percentile(99),
            "frame_to_book_p50": state.frame_to_book.percentile(50),
            "frame_to_book_p99": state.frame_to_book.percentile(99),
        },
    }
