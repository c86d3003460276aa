"""Figures as people read them. For print alone: nothing is computed from these texts."""

from datetime import UTC, datetime

from feeds.markets import DOLLAR, ONE, SECOND, SHARE, Money, Nanos, Price, Size


def cents(price: Price) -> str:
    """A price in cents: 24, 24.1 or 24.15."""
    text = f"{price / 100:.2f}".rstrip("0").rstrip(".")
    return text


def percent(odds: float | None) -> str:
    """Implied probability in percent with one decimal, or a dash."""
    return "–" if odds is None else f"{100 * odds:.1f}"


def points(move: float | None) -> str:
    """A move in percentage points with its sign and arrow, or a dash."""
    if move is None:
        return "–"
    if abs(move) < 0.05:
        return "– 0.0"
    return f"{'▲' if move > 0 else '▼'} {move:+.1f}"


def shares(size: Size) -> str:
    """A size in shares, with as many decimals as it has."""
    whole, part = divmod(abs(size), SHARE)
    decimals = f".{part:06d}".rstrip("0") if part else ""
    return f"{'-' if size < 0 else ''}{whole:,}{decimals}"


def dollars(money: Money, *, signed: bool = False) -> str:
    """Money to the cent, rounded toward zero."""
    sign = "-" if money < 0 else "+" if signed else ""
    whole, part = divmod(abs(money), DOLLAR)
    return f"{sign}${whole:,}.{part // 10_000:02d}"


def exact_dollars(money: Money) -> str:
    """Money to the millionth, for data: "-12.345678"."""
    whole, part = divmod(abs(money), DOLLAR)
    return f"{'-' if money < 0 else ''}{whole}.{part:06d}"


def exact_price(price: Price) -> str:
    """A price in dollars, for data: "0.241"."""
    return f"{price / ONE:.4f}".rstrip("0").rstrip(".") or "0"


def clock(at_ns: Nanos) -> str:
    """Time of day in UTC."""
    return datetime.fromtimestamp(at_ns / SECOND, UTC).strftime("%H:%M:%S")


def iso(at_ns: Nanos | None) -> str | None:
    """ISO 8601 in UTC to the second, or None."""
    if at_ns is None:
        return None
    return datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(span_ns: Nanos) -> str:
    """How long ago: 40 s, 9 min, 3 h, 2 d."""
    seconds = max(0, span_ns) // SECOND
    for limit, unit, word in ((90, 1, "s"), (5_400, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds // unit} {word}"
    return f"{seconds // 86_400} d"
