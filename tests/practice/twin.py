"""A slow, obvious order matcher to hold the engine against. It shares no code with it."""

from dataclasses import dataclass


@dataclass
class Resting:
    """One order of the twin, in YES terms."""

    id: str
    account: str
    bid: bool
    price: int
    left: int


class Twin:
    """One market; nobody ever runs out of money or shares here."""

    def __init__(self) -> None:
        self.orders: list[Resting] = []  # oldest first

    def place(
        self, order: Resting, kind: str, post_only: bool
    ) -> tuple[list[tuple[str, int, int]], list[str]] | None:
        """(fills as (maker, size, price), own orders taken off), or None for a refusal."""
        facing = [o for o in self.orders if o.bid != order.bid and self._crosses(order, o)]
        facing.sort(key=lambda o: -o.price if o.bid else o.price)  # stable: time priority stays
        if post_only and facing:
            return None
        fills, own, left = [], [], order.left
        for maker in facing:
            if not left:
                break
            if maker.account == order.account:
                own.append(maker.id)
                continue
            size = min(left, maker.left)
            fills.append((maker.id, size, maker.price))
            left -= size
        if (kind == "FOK" and left) or (kind == "FAK" and not fills):
            return None
        self._apply(fills, own)
        order.left = left
        if kind == "GTC" and left:
            self.orders.append(order)
        return fills, own

    def cancel(self, order_id: str) -> None:
        self.orders = [o for o in self.orders if o.id != order_id]

    def levels(self, bid: bool) -> dict[int, int]:
        totals: dict[int, int] = {}
        for order in self.orders:
            if order.bid == bid:
                totals[order.price] = totals.get(order.price, 0) + order.left
        return totals

    def _crosses(self, order: Resting, other: Resting) -> bool:
        return other.price <= order.price if order.bid else other.price >= order.price

    def _apply(self, fills: list[tuple[str, int, int]], own: list[str]) -> None:
        taken = {maker: size for maker, size, _ in fills}
        for order in self.orders:
            order.left -= taken.get(order.id, 0)
        self.orders = [o for o in self.orders if o.left and o.id not in own]
