"""Numbers as text, for people and for data: the one place where they are rounded and spelt.

Prices, sizes and money are exact integers (see :mod:`feeds.markets`) and stay exact: a text has
all the decimals that there are, unless it is asked for fewer; then it is rounded half away from
nothing. Odds, moves and usual moves are floats, shown to one decimal. No text says "-0.0", and
nothing is computed from any of them.
"""

from feeds.markets import DOLLAR, ONE, SHARE, Money, Price, Side, Size

NONE = "–"
"""Where there is no number."""
UP, DOWN = "▲", "▼"
POINTS_SHOWN_MIN = 0.05
"""A smaller move rounds to none."""
Z_SHOWN_MAX = 10.0
"""Beyond this a market was so calm before that the figure says nothing more."""
CENT: Price = ONE // 100


def fixed(number: int, unit: int, places: int, *, signed: bool = False) -> str:
    """``number`` in ``unit``s with so many decimals: ``(-1_250_000, 1_000_000, 1)`` is "-1.3"."""
    scale = 10**places
    rounded = (2 * abs(number) * scale + unit) // (2 * unit)
    sign = "-" if number < 0 and rounded else "+" if signed else ""
    whole, part = divmod(rounded, scale)
    return f"{sign}{whole:,}.{part:0{places}d}" if places else f"{sign}{whole:,}"


def exact(number: int, unit: int, least: int = 0) -> str:
    """``number`` in ``unit``s (a power of ten) with all its decimals, and at least so many."""
    whole, part = divmod(abs(number), unit)
    digits = f"{part:0{len(str(unit)) - 1}d}".rstrip("0").ljust(least, "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{whole:,}.{digits}" if digits else f"{sign}{whole:,}"


def cents(price: Price, least: int = 0) -> str:
    """A price in cents, with at least so many decimals: "24", "24.1" or "24.15"."""
    return exact(price, CENT, least)


def cent_price(price: Price) -> str:
    """A price in cents with its sign: ``2420`` is "24.2¢"."""
    return f"{cents(price)}¢"


def shares(size: Size) -> str:
    """A size in shares, with as many decimals as it has: "1,200" or "12.5"."""
    return exact(size, SHARE)


def dollars(money: Money) -> str:
    """Money to the cent, or to the millionth where it has as much: "$1.50", "-$0.00001"."""
    return f"{'-' if money < 0 else ''}${exact(abs(money), DOLLAR, 2)}"


def dollars_and_cents(money: Money, *, signed: bool = False) -> str:
    """Money to the cent: "$9,951.60", "+$4.10"."""
    text = fixed(money, DOLLAR, 2, signed=signed)
    sign = text[0] if text[0] in "+-" else ""
    return f"{sign}${text.removeprefix(sign)}"


def plain_dollars(money: Money) -> str:
    """Money for programs: "-12.345678", six decimals and no separators."""
    return fixed(money, DOLLAR, 6).replace(",", "")


def plain_price(price: Price) -> str:
    """A price in dollars for programs: "0.241"."""
    return exact(price, ONE).replace(",", "")


def plain_shares(size: Size) -> str:
    """A size in shares for programs: "1200.5"."""
    return shares(size).replace(",", "")


def dollar_number(money: Money) -> float:
    """Money as a JSON number: exact to the millionth for any sum that a float holds (to 9e9)."""
    return round(money / DOLLAR, 6) + 0.0


def order(side: Side, size: Size, outcome: str, price: Price) -> str:
    """An order in a few words: "buy 100 YES at 24.2¢ or better"."""
    return f"{side.value} {shares(size)} {outcome} at {cent_price(price)} or better"


def percent(odds: float | None, places: int = 1) -> str:
    """Implied probability in percent: "24.4"."""
    return NONE if odds is None else f"{100 * odds:.{places}f}"


def points(move: float | None) -> str:
    """A move in percentage points with its sign: "+0.5"."""
    if move is None:
        return NONE
    return "0.0" if abs(move) < POINTS_SHOWN_MIN else f"{move:+.1f}"


def glyph(move: float | None) -> str:
    """▲, ▼ or – for a move in points; what rounds to nothing is no move."""
    if move is None or abs(move) < POINTS_SHOWN_MIN:
        return NONE
    return UP if move > 0 else DOWN


def move(points_moved: float | None) -> str:
    """A move with its arrow: "▲ +0.5"."""
    text = points(points_moved)
    return text if points_moved is None else f"{glyph(points_moved)} {text}"


def usual_moves(z: float | None, *, signed: bool = False) -> str:
    """A move in units of the market's usual one: "4.2", "over 10", "under -10"."""
    if z is None:
        return NONE
    if abs(z) > Z_SHOWN_MAX:
        return f"over {Z_SHOWN_MAX:.0f}" if z > 0 else f"under -{Z_SHOWN_MAX:.0f}"
    z = round(z, 1) + 0.0
    return f"{z:+.1f}" if signed else f"{z:.1f}"


def rounded(value: float | None, places: int) -> float | None:
    """For data: None stays None, and there is no minus nought."""
    return None if value is None else round(value, places) + 0.0
