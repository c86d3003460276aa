"""Who trades in the practice world: makers, a crowd, and the few who read the news first.

A market has a hidden true probability (kept here in logits, ``truth``). Makers quote around what
they believe; their belief follows the flow at once, the truth slowly, and the news after a delay.
The crowd trades without a reason. Informed traders know the truth when a story is out and push
the price towards it, each after a delay of its own.

Everything depends on the seed, the market's slug and the world times handed in, nothing else.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from practice.clock import MINUTE, SECOND
from practice.exchange.book import Market
from practice.exchange.matching import Exchange
from practice.exchange.orders import (
    NO,
    PRICE_ONE,
    SHARE,
    YES,
    Change,
    Refused,
    Report,
    Request,
    Side,
    TickChange,
    Trade,
)
from practice.world.catalogue import MarketSpec

MAKERS = ("north", "south")
CROWD, INFORMED, PATIENT = "crowd", "informed", "patient"
ACCOUNTS = (*MAKERS, CROWD, INFORMED, PATIENT)
PURSE = 10**15
"""What every account of the world starts with: a billion dollars, so that none runs dry."""

PULSE_MEAN_S = 5.5
"""Mean world seconds between two actions in a market of activity 1."""
BUSY_TAGS = frozenset({"AI", "Tech"})
QUIET = 0.2
"""How much slower markets act that the newsroom does not write about."""
ACTIVITY_MIN = 0.05
RECENTRE = 0.6
"""Ticks that a belief must move before the quotes follow."""
EXCITED = 1.6
"""How much faster a market acts while it digests a story."""
EXCITED_NS = 10 * MINUTE
LEVELS = 6
CALM_PACE = 0.02
CALM_DRIFT = 0.2
CALM_HALF_TICKS = 3.0
"""How far, at least, the makers of a calm market stay from what they believe."""
CROWD_ORDERS_MAX = 4
CROWD_TRADES, CROWD_ORDERS = 0.12, 0.28
LOGIT_MAX = 6.0

DIFFUSION = 0.006
"""Standard deviation of the truth's own wandering, in logits per root of a world minute."""
SLOW_LEARNING_MIN = 45.0
"""Minutes in which a maker's belief follows the truth without being told."""
NEWS_LEARNING_MIN = 3.5
"""The same once a maker has read the story."""
NEWS_DELAY_S = 40.0
NEWS_DELAY_MEAN_S = 170.0
ATTENTION_NS = 25 * MINUTE
FLOW_LEARNING = 0.75
"""Part of a level's distance that a maker moves when that level is taken from it."""
FLOW_LEARNING_MAX = 0.2

PICK_OFF = 1.5
"""Best levels' worth of stale orders that a maker takes before it quotes."""

INFORMED_FAST = 0.3
INFORMED_FAST_MEAN_S = 18.0
INFORMED_HALF_LIFE_S = (110.0, 220.0)
INFORMED_NOISE = 0.05


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


@dataclass(frozen=True, slots=True)
class Character:
    """How one market is quoted: half the spread and the distance of levels in 1/10,000 dollar."""

    half: float
    spacing: float
    size: float  # shares at the best level
    half_ticks: float = 0.5  # no nearer than this

    def half_at(self, p: float, tick: int) -> float:
        return max(tick * self.half_ticks, self.half * (0.35 + 2.6 * p * (1.0 - p)))

    def step_at(self, p: float, tick: int) -> float:
        return max(float(tick), self.spacing * (0.25 + 3.0 * p * (1.0 - p)))


def character(spec: MarketSpec, chance: random.Random) -> Character:
    coarse = spec.tick >= 100
    half = chance.uniform(50, 130) if coarse else chance.uniform(15, 60)
    spacing = chance.uniform(70, 130) if coarse else chance.uniform(25, 70)
    size = 500.0 * math.exp(chance.gauss(0.0, 0.45)) * (0.5 + 0.5 * spec.activity)
    return Character(half, spacing, size, CALM_HALF_TICKS if spec.calm else 0.5)


@dataclass(slots=True)
class Maker:
    """One maker in one market: what it believes (logits) and where it quotes."""

    account: str
    belief: float
    centre: float  # the price its quotes stand around, 1/10,000 dollar
    seen_ns: int
    attentive_until_ns: int = 0
    quotes: dict[tuple[bool, int], str] = field(default_factory=dict)

    def learn(self, truth: float, now_ns: int) -> None:
        """Follow the truth: slowly, or quickly while digesting a story that it has read."""
        minutes = (now_ns - self.seen_ns) / MINUTE
        self.seen_ns = now_ns
        pace = NEWS_LEARNING_MIN if now_ns < self.attentive_until_ns else SLOW_LEARNING_MIN
        self.belief += (truth - self.belief) * (1.0 - math.exp(-minutes / pace))

    def read_news(self, now_ns: int) -> None:
        self.attentive_until_ns = now_ns + ATTENTION_NS

    def feel(self, pressure: float) -> None:
        """Flow moved it: ``pressure`` in logits, bounded a trade."""
        move = max(-FLOW_LEARNING_MAX, min(FLOW_LEARNING_MAX, pressure))
        self.belief = max(-LOGIT_MAX, min(LOGIT_MAX, self.belief + move))


@dataclass(slots=True)
class Act:
    """What one action changed, merged from the reports of its requests."""

    changes: dict[tuple[bool, int], Change] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    tick: TickChange | None = None

    def add(self, report: Report) -> None:
        for change in report.changes:
            self.changes[change.bid, change.price] = change
        self.trades.extend(report.trades)
        self.tick = report.tick or self.tick


class MarketLife:
    """One market with all who trade in it."""

    def __init__(self, seed: int, spec: MarketSpec, exchange: Exchange, now_ns: int) -> None:
        self.spec = spec
        self.exchange = exchange
        self.market: Market = exchange.markets[spec.slug]
        self.truth = logit(spec.start_probability)
        self.character = character(spec, random.Random(f"{seed} {spec.slug} character"))
        self.excited_until_ns = 0
        self._chance = random.Random(f"{seed} {spec.slug} trade")
        self._drift = random.Random(f"{seed} {spec.slug} truth")
        self._number = 0
        self._crowd: list[str] = []
        busy = BUSY_TAGS.intersection(spec.tags)
        self.pace = max(spec.activity, ACTIVITY_MIN) * (1.0 if busy else QUIET)
        if spec.calm:
            self.pace = CALM_PACE
        self.makers = [self._maker(name, now_ns) for name in MAKERS]
        if spec.calm:
            for maker in self.makers[1:]:
                maker.belief, maker.centre = self.makers[0].belief, self.makers[0].centre

    def _maker(self, name: str, now_ns: int) -> Maker:
        belief = self.truth + self._chance.gauss(0.0, 0.015)
        return Maker(name, belief, sigmoid(belief) * PRICE_ONE, now_ns)

    # -- what happens by itself ----------------------------------------------------------------

    def open(self) -> None:
        """The book as the world finds it: patient orders far out, makers around the odds."""
        act = Act()
        p = sigmoid(self.truth) * PRICE_ONE
        for _ in range(7):
            distance = 500 + 2500 * self._chance.random()
            size = self._shares(self.character.size * self._chance.uniform(0.3, 4.0))
            self._quote(act, PATIENT, True, self._grid(p - distance), size)
            self._quote(act, PATIENT, False, self._grid(p + distance), size)
        for maker in self.makers:
            self._requote(act, maker)

    def wander(self) -> None:
        """One world minute of the truth's own small drift."""
        spread = DIFFUSION * (CALM_DRIFT if self.spec.calm else 1.0)
        moved = self.truth + self._drift.gauss(0.0, spread)
        self.truth = max(-LOGIT_MAX, min(LOGIT_MAX, moved))

    def jolt(self, move: float, now_ns: int) -> list[int]:
        """A story moved the truth; answers when informed traders will act on it."""
        self.truth = max(-LOGIT_MAX, min(LOGIT_MAX, self.truth + move))
        self.excited_until_ns = now_ns + EXCITED_NS
        half_life = self._chance.uniform(*INFORMED_HALF_LIFE_S)
        count = 8 + int(14 * min(1.0, abs(move)))
        return sorted(now_ns + self._reaction(half_life) for _ in range(count))

    def _reaction(self, half_life: float) -> int:
        if self._chance.random() < INFORMED_FAST:
            seconds = 3.0 + self._chance.expovariate(1.0 / INFORMED_FAST_MEAN_S)
        else:
            seconds = 5.0 + self._chance.expovariate(math.log(2.0) / half_life)
        return int(seconds * SECOND)

    def news_times(self, now_ns: int) -> list[int]:
        """When each maker will have read a story that is out now."""
        delays = (NEWS_DELAY_S + self._chance.expovariate(1.0 / NEWS_DELAY_MEAN_S) for _ in MAKERS)
        return [now_ns + int(delay * SECOND) for delay in delays]

    def next_pulse(self, now_ns: int) -> int:
        rate = self.pace / PULSE_MEAN_S
        if now_ns < self.excited_until_ns:
            rate *= EXCITED
        return now_ns + max(1, int(self._chance.expovariate(rate) * SECOND))

    # -- actions -------------------------------------------------------------------------------

    def pulse(self, now_ns: int) -> Act:
        """One ordinary action: a maker looks again, or someone of the crowd does something."""
        act = Act()
        if self.spec.calm:
            self._agree(act, now_ns)
            return act
        draw = self._chance.random()
        if draw < CROWD_TRADES:
            self._crowd_trade(act)
        elif draw < CROWD_TRADES + CROWD_ORDERS:
            self._crowd_order(act)
        else:
            maker = self._chance.choice(self.makers)
            maker.learn(self.truth, now_ns)
            self._requote(act, maker)
            if not act.changes:
                self._fidget(act, maker)
        return act

    def _agree(self, act: Act, now_ns: int) -> None:
        """A calm market's makers move together, so that the spread between them stays wide."""
        first = self.makers[0]
        first.learn(self.truth, now_ns)
        for maker in (*self.makers, first):  # the first once more: the others stood in its way
            maker.belief = first.belief
            self._requote(act, maker)

    def inform(self) -> Act:
        """An informed trader takes what is offered on the wrong side of the truth."""
        act = Act()
        believed = self.truth + self._chance.gauss(0.0, INFORMED_NOISE)
        right = sigmoid(believed) * PRICE_ONE
        middle = self._middle(right)
        limit = middle + (right - middle) * self._chance.uniform(0.35, 0.8)
        size = self.character.size * self._chance.uniform(1.5, 5.0)
        if right > middle:
            self._sweep(act, INFORMED, True, self._grid(limit - self.market.tick / 2), size)
        else:
            self._sweep(act, INFORMED, False, self._grid(limit + self.market.tick / 2), size)
        return act

    def _crowd_trade(self, act: Act) -> None:
        up = self._chance.random() < 0.5
        best = self.market.asks.best() if up else self.market.bids.best()
        if best is None:
            return
        size = min(40.0 * math.exp(self._chance.gauss(0.0, 1.0)), 0.5 * self.character.size)
        yes_price = best / PRICE_ONE
        dollar = 1.2 / (yes_price if up else 1.0 - yes_price)
        self._sweep(act, CROWD, up, best, max(size, dollar))

    def _crowd_order(self, act: Act) -> None:
        """A small order at or near the best, or the oldest one taken off again."""
        self._crowd = [order for order in self._crowd if order in self.exchange.orders]
        if len(self._crowd) >= CROWD_ORDERS_MAX or (self._crowd and self._chance.random() < 0.4):
            self._cancel(act, self._crowd.pop(0))
            return
        bid = self._chance.random() < 0.5
        best = (self.market.bids if bid else self.market.asks).best()
        if best is None:
            return
        away = self._chance.choice((-1, 0, 0, 1, 1, 2, 3)) * self.market.tick
        size = self._shares(5.0 + 60.0 * math.exp(self._chance.gauss(0.0, 1.0)))
        price = self._inside(bid, best - away if bid else best + away)
        order = self._quote(act, CROWD, bid, price, size)
        if order:
            self._crowd.append(order)

    def _fidget(self, act: Act, maker: Maker) -> None:
        """Nothing to correct: one level gets another size."""
        if not maker.quotes:
            return
        bid, price = self._chance.choice(list(maker.quotes))
        self._cancel(act, maker.quotes.pop((bid, price)))
        self._place_level(act, maker, bid, price, self._chance.randrange(LEVELS))

    # -- a maker's ladder ------------------------------------------------------------------------

    def _requote(self, act: Act, maker: Maker) -> None:
        """Quote around the belief: take what is on the wrong side of it, then fill the ladder."""
        tick = self.market.tick
        p = sigmoid(maker.belief)
        half = self.character.half_at(p, tick)
        if abs(p * PRICE_ONE - maker.centre) > max(RECENTRE * tick, 0.25 * half):
            maker.centre = p * PRICE_ONE
        bid, ask = tops(maker.centre, half, tick)
        self._pick_off(act, maker, bid, ask)
        best_ask, best_bid = self.market.asks.best(), self.market.bids.best()
        bid = bid if best_ask is None else min(bid, self._inside(True, best_ask - tick))
        ask = ask if best_bid is None else max(ask, self._inside(False, best_bid + tick))
        targets = ladder(bid, ask, self.character.step_at(p, tick), tick)
        self._drop_stale(act, maker, targets)
        for (is_bid, price), place in targets.items():
            if (is_bid, price) not in maker.quotes:
                self._place_level(act, maker, is_bid, price, place)

    def _pick_off(self, act: Act, maker: Maker, bid: int, ask: int) -> None:
        """Others' stale orders stand where this maker would quote: it takes them first."""
        size = PICK_OFF * self.character.size
        self._sweep(act, maker.account, True, bid, size)
        self._sweep(act, maker.account, False, ask, size)

    def _drop_stale(self, act: Act, maker: Maker, targets: dict[tuple[bool, int], int]) -> None:
        for key, order_id in list(maker.quotes.items()):
            order = self.exchange.orders.get(order_id)
            if order is None:
                del maker.quotes[key]
            elif key not in targets or order.remaining < 0.35 * order.request.size:
                del maker.quotes[key]
                self._cancel(act, order_id)

    def _place_level(self, act: Act, maker: Maker, bid: bool, price: int, place: int) -> None:
        spread = math.exp(self._chance.gauss(0.0, 0.35))
        size = self._shares(self.character.size * (0.6 + 0.25 * place) * spread)
        order = self._quote(act, maker.account, bid, price, size)
        if order:
            maker.quotes[bid, price] = order

    def feel(self, report: Report) -> None:
        """Somebody from outside traded here; the makers of a calm market keep their calm."""
        if not self.spec.calm:
            self._learn_from(report)

    def _learn_from(self, report: Report) -> None:
        """Makers whose quotes were taken move with the flow."""
        for trade in report.trades:
            up = (trade.side == "BUY") == (trade.outcome == YES)
            p = min(max(trade.yes_price / PRICE_ONE, 0.01), 0.99)
            level = self.character.step_at(p, self.market.tick) / PRICE_ONE
            for fill in trade.makers:
                maker = next((m for m in self.makers if m.account == fill.account), None)
                if maker:
                    part = fill.size / SHARE / self.character.size
                    pressure = FLOW_LEARNING * level * part / (p * (1.0 - p))
                    maker.feel(pressure if up else -pressure)

    # -- requests --------------------------------------------------------------------------------

    def _quote(self, act: Act, account: str, bid: bool, price: int, size: int) -> str:
        """Rest an order that crosses nothing; answers its id, or "" when there is no room.

        ``price`` is in YES terms; half of the orders speak of NO, which is the same interest.
        """
        tick = self.market.tick
        best = (self.market.asks if bid else self.market.bids).best()
        if best is not None and (price >= best if bid else price <= best):
            return ""
        if not tick <= price <= PRICE_ONE - tick:
            return ""
        in_yes = self._chance.random() < 0.5
        return self._buy(act, account, bid, price, size, in_yes)

    def _buy(self, act: Act, account: str, bid: bool, price: int, size: int, in_yes: bool) -> str:
        """Resting interest as a buy (which needs cash alone) or, with shares at hand, a sale."""
        outcome = YES if bid else NO
        side: Side = "BUY"
        if in_yes != bid and self._owns(account, 1 - outcome) >= size:
            outcome, side = 1 - outcome, "SELL"
        report = self._place(account, outcome, side, price, size, "GTC")
        act.add(report)
        return report.order_id

    def _sweep(self, act: Act, account: str, up: bool, limit: int, shares: float) -> None:
        """Take what lies up to ``limit`` (YES terms), at most ``shares``."""
        best = self.market.asks.best() if up else self.market.bids.best()
        if best is None or (limit < best if up else limit > best):
            return
        size, limit = self._shares(shares), self._inside(not up, limit)
        outcome = YES if up else NO
        side: Side = "BUY"
        if self._chance.random() < 0.5 and self._owns(account, 1 - outcome) >= size:
            outcome, side = 1 - outcome, "SELL"
        try:
            report = self._place(account, outcome, side, limit, size, "FAK")
        except Refused:
            return  # too small for the venue's dollar rule
        self._learn_from(report)
        act.add(report)

    def _place(
        self, account: str, outcome: int, side: Side, yes_price: int, size: int, kind: str
    ) -> Report:
        self._number += 1
        price = yes_price if outcome == YES else PRICE_ONE - yes_price
        return self.exchange.place(
            Request(
                id=f"{account}-{self.spec.slug}-{self._number}",
                account=account,
                market=self.spec.slug,
                outcome=outcome,
                side=side,
                price=price,
                size=size,
                kind="FAK" if kind == "FAK" else "GTC",
            )
        )

    def _cancel(self, act: Act, order_id: str) -> None:
        if order_id in self.exchange.orders:
            act.add(self.exchange.cancel(order_id))

    # -- small sums --------------------------------------------------------------------------------

    def _owns(self, account: str, outcome: int) -> int:
        return self.exchange.accounts[account].free(self.spec.slug, outcome)

    def _middle(self, otherwise: float) -> float:
        """The midpoint of YES; of a one-sided book what there is."""
        bid, ask = self.market.bids.best(), self.market.asks.best()
        known = [price for price in (bid, ask) if price is not None]
        return sum(known) / len(known) if known else otherwise

    def _grid(self, price: float) -> int:
        tick = self.market.tick
        return min(max(round(price / tick) * tick, tick), PRICE_ONE - tick)

    def _inside(self, down: bool, price: int) -> int:
        """On the grid, which may be another one than when older orders came: the next one down, or
        up.
        """
        tick = self.market.tick
        return price // tick * tick if down else -(-price // tick) * tick

    def _shares(self, shares: float) -> int:
        """Mostly whole shares, at least the venue's minimum, never finer than 0.01."""
        digits = 2 if self._chance.random() < 0.15 else 0
        return max(self.market.min_size, round(round(shares, digits) * 100) * (SHARE // 100))


def tops(centre: float, half: float, tick: int) -> tuple[int, int]:
    """The best bid and the best ask on the grid of a maker that quotes around ``centre``."""
    bid = math.floor((centre - half) / tick + 1e-9) * tick
    ask = math.ceil((centre + half) / tick - 1e-9) * tick
    return bid, ask


def ladder(bid: int, ask: int, step: float, tick: int) -> dict[tuple[bool, int], int]:
    """Where a maker quotes: (is a bid, price on the grid) -> place behind the best, 0 first."""
    targets: dict[tuple[bool, int], int] = {}
    for place in range(LEVELS):
        away = max(place * tick, round(step * place * (1.0 + 0.12 * place) / tick) * tick)
        for is_bid, price in ((True, bid - away), (False, ask + away)):
            if tick <= price <= PRICE_ONE - tick:
                targets.setdefault((is_bid, price), place)
    return targets


def open_purses(exchange: Exchange, accounts: Iterable[str] = ACCOUNTS) -> None:
    for account in accounts:
        exchange.deposit(account, PURSE)
