"""The auditor: silent while the engine is right, and never when it is wrong."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from practice.clock import DAY, HOUR, MINUTE
from practice.exchange import matching as engine
from practice.exchange.audit import VIOLATIONS_MAX, Auditor
from practice.exchange.book import Account, BookSide, Market
from practice.exchange.matching import Exchange
from practice.exchange.orders import DOLLAR, NO, PRICE_ONE, SHARE, VOID, YES, Refused, Request
from practice.world.catalogue import catalogue
from practice.world.simulation import World
from practice.world.stories import schedule
from tests.practice.worlds import START_NS, market, story, world
from tests.practice.worlds import catalogue as small

PEOPLE = ("ann", "bob", "cy")


def venue(seed: int = 0) -> tuple[Exchange, Auditor]:
    """Two markets with fees, three people with money and shares, one of them nearly poor."""
    exchange = Exchange()
    for slug in ("one", "two"):
        exchange.add_market(Market(slug, fee_rate_e6=40_000, rebate_e6=250_000))
    auditor = Auditor(exchange)
    for name in PEOPLE:
        exchange.deposit(name, 300 * DOLLAR if name == "cy" else 100_000 * DOLLAR)
    for name in PEOPLE:
        for slug in ("one", "two"):
            exchange.split(name, slug, 50 * SHARE)
    return exchange, auditor


def trade_at_random(exchange: Exchange, seed: int, steps: int) -> int:
    """Requests of every kind; answers how many were taken."""
    chance = Random(seed)
    taken = 0
    for number in range(steps):
        try:
            if exchange.orders and chance.random() < 0.2:
                exchange.cancel(chance.choice(list(exchange.orders)))
            else:
                exchange.place(request(chance, number))
        except Refused:
            continue
        taken += 1
    return taken


def request(chance: Random, number: int) -> Request:
    kind: Any = chance.choice(["GTC", "GTC", "GTC", "FAK", "FOK"])
    side: Any = chance.choice(["BUY", "SELL"])
    by_money = kind != "GTC" and side == "BUY" and chance.random() < 0.5
    return Request(
        id=f"r{number}",
        account=chance.choice(PEOPLE),
        market=chance.choice(["one", "two"]),
        outcome=chance.choice([YES, NO]),
        side=side,
        price=chance.randrange(40, 61) * 100,
        size=0 if by_money else chance.randrange(500, 8_000) * SHARE // 100,
        budget=chance.randrange(200, 3_000) * DOLLAR // 100 if by_money else 0,
        kind=kind,
        post_only=kind == "GTC" and chance.random() < 0.1,
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_auditor_has_nothing_to_say_about_a_right_engine(seed: int) -> None:
    exchange, auditor = venue()
    taken = trade_at_random(exchange, seed, 600)
    assert taken > 150
    rebates = [exchange.pay_rebates(slug) for slug in ("one", "two")]
    assert all(sum(paid.values()) for paid in rebates)
    exchange.close("one")
    exchange.resolve("two", (YES, VOID)[seed % 2])
    exchange.resolve("one", NO)
    told = auditor.told()
    assert told == {"steps": taken + 9 + 5, "violations": [], "found": 0}


def test_the_auditor_may_begin_in_the_middle() -> None:
    exchange, _ = venue()
    trade_at_random(exchange, 3, 300)
    late = Auditor(exchange)
    trade_at_random(exchange, 4, 300)
    exchange.pay_rebates("one")
    assert late.told()["violations"] == []
    assert late.steps > 0


def test_the_auditor_sees_a_rebate_that_is_not_due() -> None:
    exchange, auditor = venue()
    trade_at_random(exchange, 5, 300)
    exchange.markets["one"].fees += 1_000 * DOLLAR
    exchange.pay_rebates("one")
    assert any("is due" in text for text in auditor.violations)


@pytest.mark.parametrize("seed", range(6))
def test_a_trade_taken_back_leaves_everybody_as_before_it(seed: int) -> None:
    exchange, auditor = venue()
    trade_at_random(exchange, seed, 200)
    chance, undone = Random(seed), 0
    for number in range(200, 500):
        before = wealth(exchange)
        try:
            report = exchange.place(request(chance, number))
        except Refused:
            continue
        if report.trades and not report.canceled:
            taken_back = [exchange.undo(report.market, trade) for trade in report.trades[::-1]]
            if all(taken_back):
                undone += 1
                assert wealth(exchange) == before
    assert undone > 20
    assert auditor.told()["violations"] == []


def wealth(exchange: Exchange) -> dict[str, tuple[int, dict[tuple[str, int], int]]]:
    return {name: (one.cash, dict(one.shares)) for name, one in exchange.accounts.items()}


def test_a_trade_is_not_taken_back_from_someone_who_passed_it_on() -> None:
    exchange, auditor = venue()
    sale = Request(
        id="s", account="ann", market="one", outcome=YES, side="SELL", price=5_000, size=50 * SHARE
    )
    exchange.place(sale)
    bought = exchange.place(replace(sale, id="b", account="bob", side="BUY"))
    exchange.place(replace(sale, id="s2", account="bob", size=100 * SHARE))
    assert not exchange.undo("one", bought.trades[0])
    exchange.cancel("s2")
    assert exchange.undo("one", bought.trades[0])
    exchange.resolve("one", YES)
    assert not exchange.undo("one", bought.trades[0])
    assert auditor.told()["violations"] == []


def wrong_fee(monkeypatch: pytest.MonkeyPatch) -> None:
    right = engine.taker_fee
    monkeypatch.setattr(engine, "taker_fee", lambda *terms: right(*terms) + 10)


def wrong_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "notional", lambda price, size: -(-price * size // PRICE_ONE))


def lost_share(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Account.give

    def give(self: Account, market: str, outcome: int, size: int) -> None:
        right(self, market, outcome, size - 1 if size > 1 else size)

    monkeypatch.setattr(Account, "give", give)


def worst_first(monkeypatch: pytest.MonkeyPatch) -> None:
    right = BookSide.best_first
    monkeypatch.setattr(BookSide, "best_first", lambda self: iter(list(right(self))[::-1]))


def wrong_total(monkeypatch: pytest.MonkeyPatch) -> None:
    right = BookSide.total
    monkeypatch.setattr(BookSide, "total", lambda self, price: right(self, price) + 1)


def wrong_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BookSide, "best", lambda self: None)


def one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Exchange._trade

    def trade(self: Exchange, market: Any, order: Any, fills: Any) -> Any:
        first, size = fills[0]
        first.remaining += SHARE
        return right(self, market, order, [(first, size + SHARE), *fills[1:]])

    monkeypatch.setattr(Exchange, "_trade", trade)


def kept_order(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Exchange._report

    def report(self: Exchange, market: Any, order: Any, touched: Any, *rest: Any) -> Any:
        return right(self, market, order, touched, rest[0], rest[1][1:])

    monkeypatch.setattr(Exchange, "_report", report)


MISTAKES = [
    (wrong_fee, "a fee of"),
    (wrong_money, "moved where|in cash"),
    (lost_share, "holds"),
    (worst_first, "was met before"),
    (wrong_total, "is told as"),
    (wrong_best, "is told as None/None"),
    (one_too_many, "was filled by"),
    (kept_order, "is told as|is not what was reported"),
]


@pytest.mark.parametrize(
    ("mistake", "told"), MISTAKES, ids=lambda one: getattr(one, "__name__", "")
)
def test_the_auditor_notices_a_mistake_of_the_engine(
    mistake: Callable[[pytest.MonkeyPatch], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, auditor = venue()
    trade_at_random(exchange, 1, 60)
    assert auditor.found == 0
    mistake(monkeypatch)
    # the engine's own checks may stop it; the auditor has seen the first wrong step
    with contextlib.suppress(AssertionError, KeyError, ValueError):
        trade_at_random(exchange, 2, 200)
    auditor.full()
    assert auditor.found > 0
    assert any(any(part in line for part in told.split("|")) for line in auditor.violations)


def test_violations_are_counted_and_only_so_many_kept() -> None:
    exchange, auditor = venue()
    exchange.accounts["ann"].cash += 1
    for number in range(VIOLATIONS_MAX + 50):
        exchange.split("ann", "one", SHARE)
        assert auditor.found == number + 1
    assert len(auditor.violations) == VIOLATIONS_MAX
    assert "ann has" in auditor.violations[0]


def test_a_living_world_with_stories_and_endings_is_right_at_every_step() -> None:
    lively = world(
        story(60, moved=1.5),
        story(600, moved=-2.0),
        markets=small(market("moved", activity=3.0, end_days=0), market("still")),
    )
    auditor = Auditor(lively.exchange)
    lively.advance(START_NS + 40 * MINUTE)
    lively.resolve("moved", YES)
    lively.advance(START_NS + 45 * MINUTE)
    told = auditor.told()
    assert auditor.steps > 500
    assert told["violations"] == []


def test_a_market_closes_at_its_end_and_is_resolved_by_the_hidden_odds() -> None:
    short = world(markets=small(market("moved", end_days=0), market("still", activity=0.05)))
    auditor = Auditor(short.exchange)
    end_ns = short.end_ns(short.catalogue.markets[0])
    assert START_NS < end_ns < START_NS + DAY
    happened = short.advance(end_ns + 5 * HOUR)
    ended = [(one.ended, one.at_ns) for one in happened if getattr(one, "ended", "")]
    assert [what for what, _ in ended] == ["closed", "resolved"]
    assert ended[0][1] == end_ns
    assert 2 * HOUR <= ended[1][1] - end_ns <= 4 * HOUR
    assert short.exchange.markets["moved"].winner in {YES, NO}
    assert short.exchange.markets["still"].state == "open"
    assert auditor.told()["violations"] == []


@pytest.mark.slow
def test_the_auditor_costs_a_small_part_of_the_world() -> None:
    """Printed for the record; the bound is generous, since machines are shared."""

    def seconds(audited: bool) -> tuple[float, int]:
        shown = catalogue(7)
        whole = World(7, shown, schedule(7, shown), START_NS)
        auditor = Auditor(whole.exchange) if audited else None
        begun = time.process_time()
        for _ in whole.run(START_NS + 60 * MINUTE):
            pass
        spent = time.process_time() - begun
        if auditor:
            assert auditor.told()["violations"] == []
        return spent, auditor.steps if auditor else 0

    alone = min(seconds(False)[0] for _ in range(3))
    audited, steps = min(seconds(True) for _ in range(3))
    a_step = (audited - alone) / steps * 1e6
    print(f"an hour of the world: {alone:.2f} s, audited {audited:.2f} s, {a_step:.1f} us a step")
    assert audited < 2 * alone
