"""Small records, and ledgers made of them, for the ledger's tests."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from feeds.events import (
    Fill,
    FillSettled,
    KillSwitch,
    Liquidity,
    MarketResolved,
    OrderKind,
    OrderSealed,
    OrderSent,
    OrderState,
    OrderUpdate,
    Settlement,
)
from feeds.markets import DOLLAR, SHARE, Side
from strategies.decisions import (
    OrderIntent,
    Remembered,
    Skipped,
    Suggested,
    Suggestion,
    SuggestionOver,
)
from terminal.ledger import Deposit, Ledger, Rebuilt, Record, SessionStart, store
from terminal.ledger.tables import MIGRATIONS, NO_DIGEST, chained, row_of


def session(number: int = 1) -> SessionStart:
    return SessionStart(
        number=number, at_ns=number, version="0.1.0", config_digest="c0ffee", venue="practice"
    )


def deposit() -> Deposit:
    return Deposit(at_ns=1, amount=10_000 * DOLLAR)


def intent(n: int) -> OrderIntent:
    return OrderIntent(
        order_id=f"order-{n}",
        at_ns=1_000 + n,
        origin=f"suggestion-{n}",
        strategy="drift",
        condition_id="0xabc",
        asset_id="yes",
        side=Side.BUY,
        price=2_400,
        size=10 * SHARE,
        kind=OrderKind.GTC,
        fee_max=7,
    )


def seal(n: int) -> OrderSealed:
    return OrderSealed(1_500 + n, f"order-{n}", f"0x{n:064x}", b"\x00\xff" + f"{n}".encode())


def sent(n: int) -> OrderSent:
    return OrderSent(1_600 + n, f"order-{n}")


def update(n: int, state: OrderState = OrderState.OPEN, filled: int = 0) -> OrderUpdate:
    return OrderUpdate(at_ns=2_000 + n, order_id=f"order-{n}", state=state, filled=filled)


def fill(n: int) -> Fill:
    return Fill(
        at_ns=3_000 + n,
        id=f"fill-{n}",
        order_id=f"order-{n}",
        condition_id="0xabc",
        asset_id="yes",
        side=Side.BUY,
        price=2_400,
        size=10 * SHARE,
        fee=5,
        liquidity=Liquidity.TAKER,
    )


def settled(n: int, stage: Settlement = Settlement.MATCHED) -> FillSettled:
    return FillSettled(3_500 + n, f"fill-{n}", f"order-{n}", stage)


def resolved() -> MarketResolved:
    return MarketResolved(at_ns=9_000, condition_id="0xabc", winner="yes")


def kill(on: bool) -> KillSwitch:
    return KillSwitch(at_ns=9_500, command_id="k", on=on)


def suggestion(n: int) -> Suggestion:
    return Suggestion(
        id=f"suggestion-{n}",
        at_ns=900 + n,
        strategy="drift",
        story_id="story",
        condition_id="0xabc",
        asset_id="yes",
        side=Side.BUY,
        limit=2_400,
        size=10 * SHARE,
        edge=1.25,
        reason="a launch and a first uptick",
        until_ns=5_000,
    )


def skipped(n: int) -> Skipped:
    return Skipped(n, "fade", "story", "0xabc", "spread", "0.6", "0.5", "The spread is too wide.")


def precedent(n: int) -> Remembered:
    return Remembered(4_500 + n, f"story-{n}", "0xabc", "launch", "contest", 0.25)


def a_days_work(orders: int = 4) -> list[list[Record]]:
    """What an engine would record, one list a call."""
    work: list[list[Record]] = [[session(), deposit()]]
    for n in range(orders):
        work.append([Suggested(suggestion(n)), intent(n)])
        work += [[seal(n)], [sent(n)]]
        work.append([update(n), fill(n), update(n, OrderState.FILLED, 10 * SHARE)])
        work.append(
            [SuggestionOver(4_000 + n, f"suggestion-{n}", "acted on"), skipped(n), precedent(n)]
        )
    work.append([settled(0), settled(1)])
    work.append([settled(0, Settlement.CONFIRMED), settled(1, Settlement.FAILED)])
    return [*work, [resolved()], [kill(True)], [kill(False)]]


BUSY_S = 0.02
"""No test waits longer for a lock that will not come."""


def opened(path: Path, **options: Any) -> Ledger:
    return Ledger.open(path, busy_s=BUSY_S, **options)


def recorded(path: Path, work: list[list[Record]] | None = None) -> Rebuilt:
    """A ledger with a day's work in it, closed again; returns what it knows."""

    async def run() -> Rebuilt:
        ledger = opened(path)
        for rows in a_days_work() if work is None else work:
            await ledger.record(rows)
        rebuilt = ledger.rebuild()
        await ledger.close()
        return rebuilt

    return asyncio.run(run())


def reopened(path: Path) -> Rebuilt:
    ledger = opened(path)
    try:
        return ledger.rebuild()
    finally:
        ledger.shut()


def recorded_as_of(version: int, path: Path, work: list[list[Record]]) -> None:
    """A ledger as the versions before the chain of all rows left it: the scorecard stands aside."""
    store.create(path, MIGRATIONS[:version])
    seq, digest = 0, NO_DIGEST
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for record in (record for rows in work for record in rows):
            row = row_of(record)
            table = row.table
            names, marks = table.quoted, ", ".join("?" * len(row.values))
            if table.money:
                seq, digest = seq + 1, chained(digest, seq + 1, table.name, row.values)
                connection.execute(
                    f"INSERT INTO {table.name} (seq, {names}, digest) VALUES (?, {marks}, ?)",
                    (seq, *row.values, digest),
                )
            else:
                connection.execute(
                    f"INSERT INTO {table.name} ({names}) VALUES ({marks})", row.values
                )


def copied(ledger: Path, folder: Path) -> Path:
    for part in ledger.parent.glob(ledger.name + "*"):
        shutil.copy(part, folder / part.name)
    return folder / ledger.name
