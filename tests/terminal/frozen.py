"""What sessions decided, frozen: tapes of the practice venue, and their decisions as plain rows.

A row is (kind, market, asset, side, price, size, reason), whatever shape the decision has in the
code, so that the shapes may change and what is decided may not. What the linker said is frozen
too: what it learns is another matter than what a desk makes of it. Made by

    python -m tests.terminal.frozen record SEED    a new tape from a practice world
    python -m tests.terminal.frozen freeze         the rows anew; for a change that is meant to be

with a person at hand who orders, cancels, answers suggestions and pulls the kill switch.
"""

import asyncio
import gzip
import json
import lzma
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feeds.events import (
    BestQuote,
    CancelRequest,
    Event,
    Fill,
    KillSwitch,
    MarketResolved,
    Near,
    OrderKind,
    OrderRequest,
    OrderUpdate,
    SuggestionReply,
    TradingMode,
    VenueMode,
)
from feeds.markets import SHARE, Nanos, Side
from feeds.tape import TapeWriter, info, read_tape
from strategies.decisions import (
    Alert,
    Answer,
    Cancel,
    Decision,
    ImpactSeen,
    Link,
    LinksFound,
    Place,
    Remembered,
    Skipped,
    Suggested,
    SuggestionOver,
)
from strategies.desk.news import StoryLinker
from strategies.linking import Candidate, LinkableMarket, Linker
from terminal.commands.demo import demo_config
from terminal.config import load
from terminal.engine.assembly import assemble
from terminal.engine.loop import Engine
from terminal.engine.session import Decided, Session, header_from
from terminal.stores.paths import Paths

FOLDER = Path(__file__).resolve().parents[1] / "data" / "decisions"
SEEDS = (7, 1)
ANSWERED = 1
"""Here both strategies wait for the person's word."""
Row = tuple[str, str, str, str, int, int, str]

# -- rows ---------------------------------------------------------------------------------------


def rows_of(said: Decision | Event) -> Iterator[Row]:
    """What was decided, or what the broker said of it; nothing for what is neither."""
    match said:
        case Place():
            order = said.order
            yield (
                "place",
                order.condition_id,
                order.asset_id,
                order.side.value,
                order.price,
                order.size,
                f"{order.order_id} {order.kind.value} {order.post_only} {order.fee_max} "
                f"{order.strategy} {order.origin if order.strategy else ''}",
            )
        case Cancel():
            yield ("cancel", "", "", "", 0, 0, f"{said.order_id} {said.reason}")
        case OrderUpdate():
            words = f"{said.order_id} {said.state.value} {said.queue_ahead} {said.reason}"
            yield ("update", "", "", "", 0, said.filled, words)
        case Fill():
            words = f"{said.id} {said.fee} {said.liquidity.value}"
            market, asset, side = said.condition_id, said.asset_id, said.side.value
            yield ("fill", market, asset, side, said.price, said.size, words)
        case Suggested():
            one = said.suggestion
            words = f"{one.id} {one.strategy} {one.edge:.4f} {one.mandate.value} {one.reason}"
            side = one.side.value
            yield ("suggested", one.condition_id, one.asset_id, side, one.limit, one.size, words)
        case SuggestionOver():
            yield ("over", "", "", "", 0, 0, f"{said.suggestion_id} {said.how}")
        case Skipped():
            words = f"{said.strategy} {said.gate} {said.sentence}"
            yield ("skipped", said.condition_id, "", "", 0, 0, words)
        case Answer():
            yield ("answer", "", "", "", 0, 0, f"{said.outcome.name} {said.message}")
        case Alert():
            words = f"{said.kind} {said.key} {said.title} {said.body}"
            yield ("alert", said.condition_id, "", "", 0, 0, words)
        case ImpactSeen():
            one_impact = said.impact
            words = f"{one_impact.story_id} {one_impact.verdict.name} {one_impact.reason}"
            yield ("impact", one_impact.condition_id, "", "", 0, 0, words)
        case Remembered():
            words = f"{said.story_id} {said.facet} {said.family} {said.logit:.4f}"
            yield ("remembered", said.condition_id, "", "", 0, 0, words)
        case LinksFound():
            for link in said.links or (Link("", 0.0, 0, ""),):
                words = f"{said.story_id} {link.direction} {link.tier.value} {link.why}"
                yield ("link", link.market_id, "", "", 0, 0, words)
        case _:
            pass


def feed(session: Session, event: Event) -> Iterator[Decision | Event]:
    """One event in; out come the decisions and what the broker said, each kind in its order."""
    steps = [step for step in session.feed(event) if isinstance(step, Decided)]
    for step in steps:
        yield from step.decisions
    yield from (step.event for step in steps if step.event is not event)


# -- the linker's words -------------------------------------------------------------------------


class Witness(Linker):
    """The real linker, and a note of what it was asked and said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, list[list[Any]]] = {}
        self.families: dict[str, str] = {}

    def link(
        self, title: str, summary: str, published_ns: Nanos | None, near: Iterable[Near] = ()
    ) -> tuple[Link, ...]:
        links = super().link(title, summary, published_ns, near)
        self.said.setdefault(title, []).append([msgspec.to_builtins(link) for link in links])
        return links

    def family(self, market_id: str) -> str:
        self.families[market_id] = super().family(market_id)
        return self.families[market_id]


class Frozen:
    """Says what the linker said when the rows were frozen."""

    def __init__(self, said: dict[str, list[list[Any]]], families: dict[str, str]) -> None:
        self._said = {title: list(answers) for title, answers in said.items()}
        self._families = families

    def add(self, market: LinkableMarket) -> None: ...

    def remove(self, market_id: str) -> None: ...

    def family(self, market_id: str) -> str:
        return self._families.get(market_id, "")

    def link(
        self, title: str, summary: str, published_ns: Nanos | None, near: Iterable[Near] = ()
    ) -> tuple[Link, ...]:
        answers = self._said[title]
        links: list[Link] = msgspec.convert(answers.pop(0), list[Link])
        return tuple(links)

    def likely(self, title: str, summary: str, published_ns: Nanos | None) -> tuple[str, ...]:
        return ()

    def candidates(
        self, title: str, summary: str, published_ns: Nanos | None, near: Iterable[Near] = ()
    ) -> tuple[Candidate, ...]:
        return ()


# -- playing ------------------------------------------------------------------------------------


def played(seed: int, linker: StoryLinker) -> list[Row]:
    """The rows of one tape, played by a session as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tape")
        path.write_bytes(lzma.decompress((FOLDER / f"practice-{seed}.tape.xz").read_bytes()))
        tape = read_tape(path)
        session = Session(header_from(tape.header), linker=linker)
        return [
            row for event in tape.events for said in feed(session, event) for row in rows_of(said)
        ]


def frozen(seed: int) -> tuple[list[Row], Frozen]:
    """The rows as they were frozen, and the linker's words then."""
    with gzip.open(FOLDER / f"practice-{seed}.json.gz", "rt", encoding="utf-8") as file:
        kept = json.load(file)
    return [tuple(row) for row in kept["rows"]], Frozen(kept["links"], kept["families"])


def freeze(seed: int) -> None:
    witness = Witness()
    rows = played(seed, witness)
    kept = {"links": witness.said, "families": witness.families, "rows": rows}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    path = FOLDER / f"practice-{seed}.json.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    again, linker = frozen(seed)
    assert played(seed, linker) == again
    print(f"{path.name}: {len(rows)} rows")


# -- recording ----------------------------------------------------------------------------------

SECONDS = 30.0
EVERY_S = 0.15
FOLLOWED_MAX = 10


class Person:
    """Somebody restless: orders that take and orders that rest, cancels, answers, the switch."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine, self.chance, self.count = engine, random.Random(seed), 0

    async def act(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            event = self.wish()
            if event is not None:
                self.engine.inbox.hear(event)

    def wish(self) -> Event | None:
        self.count += 1
        now, command, chance = self.engine.state.clock.now_ns(), f"c{self.count}", self.chance
        desk, dice = self.engine.session.desk, self.chance.random()
        suggested = [one for one in desk.signals.signals.values() if not one.over]
        if suggested and dice < 0.3:
            return SuggestionReply(now, command, suggested[0].suggestion.id, chance.random() < 0.6)
        if dice < 0.36:
            ours = [
                order_id for order_id, one in desk.trading.orders.records.items() if not one.over
            ]
            return CancelRequest(now, command, chance.choice(ours)) if ours else None
        if dice < 0.38:
            return CancelRequest(now, command)
        if dice < 0.40 or desk.trading.gate.killed:
            return KillSwitch(now, command, not desk.trading.gate.killed)
        if dice < 0.42 or desk.trading.gate.mode is not TradingMode.NORMAL:
            normal = desk.trading.gate.mode is TradingMode.NORMAL
            return VenueMode(now, TradingMode.POST_ONLY if normal else TradingMode.NORMAL)
        held = list(desk.portfolio.open_positions())
        if dice < 0.43 and len(held) > 2:
            return MarketResolved(now, held[0].condition_id, chance.choice((held[0].asset_id, "")))
        return self.order(now, command)

    def order(self, now: Nanos, command: str) -> OrderRequest | None:
        desk, chance = self.engine.session.desk, self.chance
        held = [position.asset_id for position in desk.portfolio.open_positions()]
        known = [asset for asset in desk.follow_list.assets[:40] if asset in desk.market_data.books]
        if not known:
            return None
        sells = bool(held) and chance.random() < 0.4
        asset = chance.choice(held) if sells else chance.choice(known)
        book, market = desk.market_data.books.get(asset), desk.market_data.market_of(asset)
        if book is None or market is None:
            return None
        side = Side.SELL if sells else Side.BUY
        tick = market.tick_size
        takes = chance.random() < 0.5
        near, far = (book.best_bid, book.best_ask) if sells else (book.best_ask, book.best_bid)
        price = near if takes else far + chance.randint(-1, 1) * tick
        return OrderRequest(
            now,
            command,
            market.condition_id,
            asset,
            side,
            max(0, price),
            chance.choice((1, 5, 20, 50, 400)) * SHARE,
            chance.choice((OrderKind.GTC, OrderKind.GTC, OrderKind.FAK, OrderKind.FOK)),
            chance.random() < 0.2,
        )


async def _run(engine: Engine, seed: int) -> None:
    stop = asyncio.Event()
    person = asyncio.create_task(Person(engine, seed).act())
    asyncio.get_running_loop().call_later(SECONDS, stop.set)
    await engine.run(stop)
    person.cancel()


def record(seed: int) -> None:
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--with-parent"]
    command += ["--seed", str(seed), "--speed", "60"]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue,
    ):
        assert venue.stdout is not None
        os.environ["FTT_HOME"], tape = home, Path(home, "tape")
        config = Path(home, "demo.toml")
        config.write_text(demo_config(json.loads(venue.stdout.readline())), encoding="utf-8")
        overrides = {"engine.follow_max": FOLLOWED_MAX, "news.meaning": False}
        overrides["strategies.drift.mandate"] = "suggest" if seed == ANSWERED else "paper"
        chosen = load(config, overrides=overrides).config
        engine = assemble(chosen, Paths.find(), tape=tape, to_stdout=False)
        asyncio.run(_run(engine, seed))
        venue.terminate()
        small = _repacked(tape, Path(home, "small"))
        path = FOLDER / f"practice-{seed}.tape.xz"
        path.write_bytes(lzma.compress(small.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
        print(f"{path.name}: {path.stat().st_size} bytes, {info(small).kinds}")


def _repacked(tape: Path, to: Path) -> Path:
    """The same tape uncompressed and without what a desk ignores: xz makes less of it than zlib."""
    header, events = read_tape(tape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("feeds.tape.COMPRESSION", 0)
        with TapeWriter(to, header) as writer:
            writer.extend(event for event in events if not isinstance(event, BestQuote))
    return to


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["record"]:
        record(int(arguments[1]))
        return
    assert arguments == ["freeze"], __doc__
    for seed in SEEDS:
        freeze(seed)


if __name__ == "__main__":
    main(sys.argv[1:])
