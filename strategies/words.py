"""Numbers in the trader's words: cents, dollars, shares. No amount is rounded away to nothing."""

from feeds.markets import ONE, Money, Price, Side, Size

CENTS = ONE // 100


def cents(price: Price) -> str:
    """A price as cents: ``2420`` is ``24.2¢``."""
    return f"{_trim(price, CENTS, 2)}¢"


def dollars(money: Money) -> str:
    """Money as dollars, to the cent unless it has more: ``1_500_000`` is ``$1.50``."""
    sign = "-" if money < 0 else ""
    whole, part = divmod(abs(money), 1_000_000)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{digits}"


def shares(size: Size) -> str:
    """A size as shares: ``12_500_000`` is ``12.5``."""
    return _trim(size, 1_000_000, 6)


def order(side: Side, size: Size, outcome: str, price: Price) -> str:
    """An order in a few words: ``buy 100 YES at 24.2¢ or better``."""
    return f"{side.value} {shares(size)} {outcome} at {cents(price)} or better"


def _trim(number: int, unit: int, places: int) -> str:
    sign = "-" if number < 0 else ""
    whole, part = divmod(abs(number), unit)
    digits = f"{part:0{places}d}".rstrip("0")
    return f"{sign}{whole:,}.{digits}" if digits else f"{sign}{whole:,}"
