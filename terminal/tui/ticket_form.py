"""What a ticket says before it is an order: pure, so that every key press can be tested.

It adds up nothing that is true: cost, fee and fate come from the engine's preview. Turning a sum of
dollars into shares is an aid to typing; the preview then says what those shares cost.
"""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from terminal.protocol.views import BookView, LadderLevel, MarketView, PlaceOrder, Preview
from terminal.tui.words import DOLLAR, SHARE

PRICE_MAX = 10_000
CRUMB = SHARE // 100
"""The venue's finest step of a size: 1/100 share."""
MARKET_REACH_TICKS = 5
"""How far past the best price a market order may go unless told otherwise."""
TYPED_MAX = 12
SHARE_STEPS = (10, 50, 100, 500, 1_000)
DOLLAR_STEPS = (10, 25, 50, 100, 250)
HOLDING_STEPS = (25, 50, 100)
FIELDS = ("outcome", "kind", "price", "size")


@dataclass
class Ticket:
    """A ticket in the making for one market. Prices in 1/10,000 dollar, sizes in millionths."""

    market: MarketView
    side: str
    swapped: bool = False
    is_market: bool = False
    price: int = 0
    typed: str = ""
    in_dollars: bool = False
    at: str = "size"
    fresh: bool = True
    price_typed: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.price:
            self.price = self._touch()
        self.price = self._on_grid(self.price)
        if not self.typed:
            self.typed = self._first_size()

    @property
    def book(self) -> BookView:
        """The book of the outcome that the ticket is for."""
        return self.market.no if self.swapped else self.market.yes

    @property
    def tick(self) -> int:
        return max(1, self.book.tick_size)

    @property
    def against(self) -> tuple[LadderLevel, ...]:
        """The side of the book that the order would take."""
        return self.book.asks if self.side == "buy" else self.book.bids

    def refresh(self, market: MarketView) -> None:
        """The market moved; what was typed stays."""
        if market.condition_id == self.market.condition_id:
            self.market = market

    # -- prices ----------------------------------------------------------------------------

    def _touch(self) -> int:
        if self.against:
            return self.against[0].price
        middle = self.book.midpoint
        return round(middle * PRICE_MAX) if middle is not None else PRICE_MAX // 2

    def _on_grid(self, price: int) -> int:
        price = round(price / self.tick) * self.tick
        return min(max(price, self.tick), PRICE_MAX - self.tick)

    def step_price(self, ticks: int) -> None:
        """Move along the tick grid."""
        self.price, self.price_typed = self._on_grid(self.price + ticks * self.tick), ""

    def turn(self, direction: int) -> None:
        """Left or right on the field in hand: the other outcome or kind, a tick, a quick size."""
        if self.at == "outcome":
            self.swapped = not self.swapped
            self._begin_again()
        elif self.at == "kind":
            self.is_market = not self.is_market
            self._begin_again()
        elif self.at == "price":
            self.step_price(direction)
        else:
            self._next_quick(direction)

    def turn_side(self, side: str) -> None:
        """Buy or sell."""
        if side != self.side:
            self.side = side
            self._begin_again()

    def _begin_again(self) -> None:
        self.in_dollars = self.is_market and self.side == "buy"
        reach = MARKET_REACH_TICKS * self.tick if self.is_market else 0
        self.price = self._on_grid(self._touch() + (reach if self.side == "buy" else -reach))
        self.price_typed, self.typed, self.fresh = "", self._first_size(), True

    # -- sizes -----------------------------------------------------------------------------

    def _first_size(self) -> str:
        if self.side == "sell":
            return _tidy(Decimal(self.book.held) / SHARE) if self.book.held else "0"
        if self.in_dollars:
            return str(DOLLAR_STEPS[0])
        return _tidy(max(Decimal(100), Decimal(self.market.min_order_size) / SHARE))

    def quick_sizes(self) -> list[str]:
        """Sizes one key away, as typed."""
        if self.side == "sell":
            held = Decimal(self.book.held) / SHARE
            return [_tidy(held * part / 100) for part in HOLDING_STEPS] if held else []
        return [str(step) for step in (DOLLAR_STEPS if self.in_dollars else SHARE_STEPS)]

    def _next_quick(self, direction: int) -> None:
        quick = self.quick_sizes()
        if not quick:
            return
        if self.typed in quick:
            at = (quick.index(self.typed) + direction) % len(quick)
        else:
            at = 0 if direction > 0 else len(quick) - 1
        self.typed, self.fresh = quick[at], True

    def turn_unit(self) -> None:
        """Dollars or shares, for market buys."""
        if self.is_market and self.side == "buy":
            self.in_dollars = not self.in_dollars
            self.typed, self.fresh = self._first_size(), True

    def type(self, character: str) -> None:
        """A digit or a point into the field in hand; the first one replaces what stood there."""
        if self.at == "price":
            self._type_price(character)
            return
        self.at = "size"
        before = "" if self.fresh else self.typed
        if len(before) < TYPED_MAX and not (character == "." and "." in before):
            self.typed, self.fresh = before + character, False

    def _type_price(self, character: str) -> None:
        typed = self.price_typed + character
        value = _number(typed)
        if value is not None and len(typed) <= TYPED_MAX and value < 100:
            self.price_typed = typed
            self.price = int(value * 100)

    def settle(self) -> None:
        """Leave the price field: what was typed is put on the grid."""
        self.price, self.price_typed = self._on_grid(self.price), ""

    def rub_out(self) -> None:
        """Take back the last character."""
        if self.at == "price":
            self.price_typed = self.price_typed[:-1]
            value = _number(self.price_typed)
            self.price = int(value * 100) if value is not None else self._on_grid(self.price)
        else:
            self.typed, self.fresh = self.typed[:-1], False

    def next_field(self, step: int) -> None:
        """The field after or before."""
        self.settle()
        self.at = FIELDS[(FIELDS.index(self.at) + step) % len(FIELDS)]
        self.fresh = True

    @property
    def size(self) -> int:
        """Shares in millionths, on the venue's finest step, rounded down."""
        value = _number(self.typed)
        if value is None:
            return 0
        if self.in_dollars:
            return self._for_dollars(int(value * DOLLAR))
        return int(value * SHARE) // CRUMB * CRUMB

    def _for_dollars(self, money: int) -> int:
        """How many shares ``money`` buys along the levels up to the limit, before fees."""
        size = 0
        for level in self.against:
            if level.price > self.price:
                break
            affordable = money * PRICE_MAX // level.price
            if affordable <= level.size:
                return (size + affordable) // CRUMB * CRUMB
            size += level.size
            money -= level.size * level.price // PRICE_MAX
        return (size + money * PRICE_MAX // self.price) // CRUMB * CRUMB

    # -- what is said to the engine --------------------------------------------------------

    @property
    def kind(self) -> str:
        return "fak" if self.is_market else "gtc"

    @property
    def wrong(self) -> str:
        """Why this can't be asked yet, in a sentence; "" when it can."""
        if self.side == "sell" and not self.book.held:
            other = self.market.yes if self.swapped else self.market.no
            return (
                f"No {self.book.outcome} is held, so none can be sold;"
                f" buying {other.outcome} is the same bet."
            )
        if self.size <= 0:
            return "Type a size: digits, and a point for parts of a share."
        return ""

    def preview(self, id: str) -> Preview:
        """The question what it would do now."""
        return Preview(
            id=id,
            condition_id=self.market.condition_id,
            asset_id=self.book.asset_id,
            side=self.side,
            price=self._on_grid(self.price),
            size=self.size,
            kind=self.kind,
        )

    def order(self, id: str) -> PlaceOrder:
        """The order itself."""
        asked = self.preview(id)
        return PlaceOrder(
            id=id,
            condition_id=asked.condition_id,
            asset_id=asked.asset_id,
            side=asked.side,
            price=asked.price,
            size=asked.size,
            kind=asked.kind,
        )


def _number(typed: str) -> Decimal | None:
    try:
        return Decimal(typed) if typed and typed != "." else None
    except InvalidOperation:
        return None


def _tidy(value: Decimal) -> str:
    """12.50 as 12.5 and 100 as 100, cut to hundredths."""
    cut = value.quantize(Decimal("0.01"), rounding="ROUND_DOWN")
    return f"{cut.normalize():f}"
