"""A small engine that speaks the real link: believable views of AI-hardware practice content.

It keeps just enough state that answers and views agree: an order that is placed stands in the
blotter, a fill moves cash. It decides nothing that matters; the face under test can't tell.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from terminal.protocol.link import LinkClosed, LinkServer, Peer
from terminal.protocol.views import (
    AnswerSuggestion,
    ArticleView,
    BlotterView,
    BookView,
    CancelOrder,
    CardView,
    Command,
    Done,
    FillRow,
    FromEngine,
    Kill,
    LadderLevel,
    Look,
    MarketRow,
    MarketView,
    NewsView,
    OrderRow,
    PlaceOrder,
    PositionRow,
    Preview,
    PrintRow,
    Query,
    Rows,
    SiblingRow,
    SignalRow,
    SignalsView,
    StatusView,
    StoryMark,
    StoryRow,
    StreamView,
    TicketView,
    Toast,
    Unrelate,
    View,
)

VERSION = "0.1.0"
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 1_795_528_931 * SECOND
"""Tue 24 Nov 2026, 14:02:11 UTC."""
SHARE = DOLLAR = 1_000_000

AI_LEAD = "Which company has the best AI model end of June?"
QUESTIONS: tuple[tuple[str, str, str, float, int], ...] = (
    # id, question, event, odds, tick
    ("m-china", "Will a Chinese AI model become #1 by June 30?", "", 0.240, 10),
    ("m-alibaba", "Will Alibaba have the best AI model at the end of June?", AI_LEAD, 0.061, 10),
    ("m-baidu", "Will Baidu have the best AI model at the end of June?", AI_LEAD, 0.012, 10),
    ("m-google", "Will Google have the best AI model at the end of June?", AI_LEAD, 0.512, 100),
    ("m-openai", "Will OpenAI have the best AI model at the end of June?", AI_LEAD, 0.263, 100),
    ("m-h20", "Will H20 chips be sold to China again before July?", "", 0.610, 100),
    ("m-nvda", "Will NVIDIA be the largest company in the world on June 30?", "", 0.530, 100),
    ("m-hbm4", "Will SK hynix be the largest supplier of HBM4 this quarter?", "", 0.640, 100),
    ("m-capex", "Will TSMC guide capital spending above $50 billion for the year?", "", 0.445, 100),
)
STORIES: tuple[tuple[str, str, str, str, int, tuple[str, ...], float, str], ...] = (
    # id, title, source, summary, minutes ago, markets, points, verdict
    (
        "s-qwen",
        "Alibaba Integrating Qwen into Smart Glasses, Opening New Front in AI Model Wars",
        "Example Wire",
        "HANGZHOU. Alibaba said its Qwen assistant will ship inside a pair of smart glasses this"
        " summer, putting the model in front of people who never open a chat window. The company"
        " named no price. Practice news: nothing here happened.",
        2,
        ("m-china", "m-alibaba", "m-baidu"),
        0.5,
        "within the noise",
    ),
    (
        "s-h20",
        "Export licences for H20 chips put under review",
        "Example Post",
        "Officials asked for a second look at licences granted this spring. Practice news.",
        9,
        ("m-h20", "m-nvda"),
        -4.2,
        "clear move",
    ),
    (
        "s-tsmc",
        "TSMC lifts capex forecast",
        "Example Times",
        "The foundry raised its range for the year. Practice news.",
        21,
        ("m-capex",),
        3.1,
        "market led the story",
    ),
    (
        "s-cooling",
        "Immersion cooling reaches a tenth of new halls, survey finds",
        "Rack & Row",
        "A survey of operators. Practice news.",
        34,
        (),
        0.0,
        "",
    ),
    (
        "s-hbm",
        "SK hynix samples twelve-high HBM4 to two customers",
        "Example Wire",
        "Samples left the plant a month early. Practice news.",
        47,
        ("m-hbm4",),
        1.4,
        "clear move",
    ),
    (
        "s-baidu",
        "Baidu opens the weights of its newest model",
        "Example Post",
        "Weights, but no data. Practice news.",
        63,
        ("m-china", "m-baidu"),
        0.02,
        "within the noise",
    ),
    (
        "s-fab",
        "Water permit for a new fab is granted after two years",
        "Valley Ledger",
        "Practice news.",
        88,
        (),
        0.0,
        "",
    ),
    (
        "s-gemini",
        "Google says its next model finishes training",
        "Example Times",
        "Practice news.",
        112,
        ("m-google", "m-openai"),
        2.2,
        "shared with another story",
    ),
)
HOSTILE: tuple[str, ...] = (
    "[/bold] [red]not markup[/] [@click=app.quit]quit[/] [/",
    "\x1b[31mred\x1b[0m \x1b]52;c;ZXZpbA==\x07 \x9b2J clear",
    "NVIDIA 🚀🚀 to the 🌕 👨‍👩‍👧 ❤️ 🇩🇪 emoji",
    "中国人工智能模型在排行榜上升至第一名，市场反应平淡，分析师表示需要观察",
    "أخبار \u202egnp.exe\u202c الذكاء الاصطناعي תורת המשחקים",
    "Z̷͇̑a̶̜͝l̸̰̈g̵̣̓o̶ combining m\u0301\u0301\u0301arks and zero\u200bwidth\u2060text\ufeff",
    "averyveryverylongwordwithoutanyspace" * 6,
    "$5 {braces} %s %(x)d \\[escaped] :smile: <b>html</b>",
)


@dataclass
class Market:
    """One market's state: odds that wander, books drawn around them."""

    id: str
    question: str
    event: str
    odds: float
    tick: int
    start: float = 0.0
    state: str = "live"
    reason: str = ""
    age_s: float = 0.2
    prints: list[PrintRow] = field(default_factory=list)
    one_sided: bool = False

    def __post_init__(self) -> None:
        self.start = self.odds

    @property
    def middle(self) -> int:
        return max(2, min(round(self.odds * 10_000 / self.tick), 10_000 // self.tick - 2))

    def levels(self, sign: int, chance: random.Random, own: dict[int, int]) -> list[LadderLevel]:
        out = []
        for step in range(1, 21):
            price = (self.middle + sign * step) * self.tick
            if 0 < price < 10_000:
                size = (100 + chance.randrange(120) * 100) * SHARE
                out.append(LadderLevel(price, size, own.get(price, 0)))
        return out


class ScriptedEngine:
    """Serves faces in ``folder``; ``commands`` keeps what they said."""

    def __init__(
        self, folder: Path, *, hz: float = 10.0, seed: int = 7, mode: str = "PAPER"
    ) -> None:
        self.folder, self.hz, self.mode = folder, hz, mode
        self.chance = random.Random(seed)
        self.markets = {
            id: Market(id, q, event, odds, tick) for id, q, event, odds, tick in QUESTIONS
        }
        self.stories = list(STORIES)
        self.now_ns = NOON
        self.commands: list[Command] = []
        self.orders: dict[str, OrderRow] = {}
        self.fills: list[FillRow] = []
        self.held: dict[str, int] = {"m-china:yes": 300 * SHARE}
        self.signals = self._first_signals()
        self.cash = 9_951_600_000
        self.killed = False
        self.denial = ""
        self.answers = True
        self.judge = ""
        self.remarks: tuple[str, ...] = ()
        self.moving = True
        self.empty = False
        self.streams: tuple[StreamView, ...] = (
            StreamView(name="news", state="live", age_s=1.0),
            StreamView(name="market", state="live", age_s=0.1),
            StreamView(name="catalogue", state="idle", age_s=60.0),
        )
        self._looks: dict[Peer, Look] = {}
        self._server = LinkServer(folder, VERSION, self._serve)
        self._ids = 0
        for market in self.markets.values():
            for n in range(24):
                self._print(market, NOON - (n * 13 + 2) * SECOND)
            market.prints.sort(key=lambda p: -p.at_ns)

    async def start(self) -> None:
        await self._server.start()

    async def close(self) -> None:
        await self._server.close()

    # -- the link --------------------------------------------------------------------------

    async def _serve(self, peer: Peer) -> None:
        self._looks[peer] = Look()
        sender = asyncio.get_running_loop().create_task(self._show(peer))
        try:
            while True:
                await self._hear(peer, await peer.receive())
        except LinkClosed:
            pass
        finally:
            self._looks.pop(peer, None)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _show(self, peer: Peer) -> None:
        try:
            while True:
                if self.moving:
                    self.step()
                for view in self.views(self._looks[peer]):
                    await peer.send(view)
                await asyncio.sleep(1 / self.hz)
        except LinkClosed:
            pass

    async def _hear(self, peer: Peer, message: object) -> None:
        self.commands.append(message)  # type: ignore[arg-type]
        if isinstance(message, Look):
            self._looks[peer] = message
        elif self.answers:
            await peer.send(self.answer(message))
        for view in self.views(self._looks[peer]):
            await peer.send(view)

    async def tell(self, message: FromEngine) -> None:
        """Send something to every face."""
        for peer in list(self._looks):
            await peer.send(message)

    async def toast(self, title: str, body: str = "", level: str = "info") -> None:
        await self.tell(Toast(at_ns=self.now_ns, title=title, body=body, level=level))

    def said(self, kind: type) -> list[Command]:
        """Commands of one kind."""
        return [command for command in self.commands if isinstance(command, kind)]

    # -- the world -------------------------------------------------------------------------

    def step(self) -> None:
        self.now_ns += round(SECOND / self.hz)
        for market in self.markets.values():
            market.odds = min(0.97, max(0.01, market.odds + self.chance.gauss(0, 0.0007)))
            if self.chance.random() < 0.05:
                self._print(market, self.now_ns)

    def _print(self, market: Market, at_ns: int) -> None:
        side = self.chance.choice(("buy", "sell"))
        price = (market.middle + (1 if side == "buy" else -1)) * market.tick
        market.prints.insert(
            0, PrintRow(at_ns, price, self.chance.choice((40, 120, 500, 75)) * SHARE, side)
        )
        del market.prints[40:]

    def add_story(
        self, id: str, title: str, markets: tuple[str, ...] = (), source: str = "Example Wire"
    ) -> None:
        """A story that has just come in."""
        minutes = -(self.now_ns - NOON) / MINUTE
        self.stories.insert(
            0, (id, title, source, title + ". Practice news.", int(minutes), markets, 0.0, "")
        )

    def _first_signals(self) -> list[SignalRow]:
        row = SignalRow(
            id="sig-1",
            at_ns=NOON - 30 * SECOND,
            strategy="drift",
            state="open",
            question="Will a Chinese AI model become #1 by June 30?",
            condition_id="m-china",
            asset_id="m-china:yes",
            outcome="YES",
            side="buy",
            limit=2420,
            size=100 * SHARE,
            edge=1.1,
            reason="launch + first uptick: five stories like it went on for an hour",
            story_id="s-qwen",
            until_ns=NOON + 10 * MINUTE,
            mandate="suggest",
        )
        skipped = SignalRow(
            id="sig-2",
            at_ns=NOON - 90 * SECOND,
            strategy="fade",
            state="skipped",
            question="Will H20 chips be sold to China again before July?",
            condition_id="m-h20",
            reason="spread 0.6 > 0.5: a jump that no story explains, but too dear to take",
        )
        return [row, skipped]

    # -- views -----------------------------------------------------------------------------

    def views(self, look: Look) -> Iterable[View]:
        yield self.status()
        yield self.news()
        if look.story_id:
            article = self.article(look.story_id)
            if article:
                yield article
        if look.condition_id in self.markets:
            yield self.market(self.markets[look.condition_id])
        signals = () if self.empty else tuple(self.signals)
        yield SignalsView(rows=signals, open=sum(s.state == "open" for s in signals))
        yield BlotterView() if self.empty else self.blotter()

    def status(self) -> StatusView:
        blotter = self.blotter()
        value = sum(p.value for p in blotter.positions)
        return StatusView(
            mode=self.mode,
            venue="practice",
            now_ns=self.now_ns,
            streams=self.streams,
            cash=self.cash,
            equity=self.cash + value,
            today=self.cash + value - 10_000 * DOLLAR,
            killed=self.killed,
            stories=len(self.stories),
            books=2 * len(self.markets),
            markets=len(self.markets),
        )

    def _row(self, story: tuple[str, str, str, str, int, tuple[str, ...], float, str]) -> StoryRow:
        id, title, source, _, minutes, markets, points, verdict = story
        lead = self.markets[markets[0]] if markets else None
        return StoryRow(
            id=id,
            title=title,
            source=source,
            published_ns=NOON - minutes * MINUTE,
            first_seen_ns=NOON - minutes * MINUTE + 41 * SECOND,
            sources=3 if id == "s-qwen" else 1,
            links=len(markets),
            lead_condition_id=lead.id if lead else "",
            lead_question=lead.question if lead else "",
            odds=lead.odds if lead else None,
            points=points + 100 * (lead.odds - lead.start) if lead else None,
            verdict=verdict,
            weight=len(markets) + abs(points),
        )

    def news(self) -> NewsView:
        if self.empty:
            return NewsView(rows=(), total=0)
        return NewsView(rows=tuple(map(self._row, self.stories)), total=len(self.stories) + 34)

    def article(self, story_id: str) -> ArticleView | None:
        story = next((s for s in self.stories if s[0] == story_id), None)
        if story is None:
            return None
        row = self._row(story)
        moved = story_id == "s-qwen"
        return ArticleView(
            story_id=story_id,
            title=story[1],
            summary=story[3],
            url=f"https://example.invalid/{story_id}",
            source=story[2],
            published_ns=row.published_ns,
            first_seen_ns=row.first_seen_ns,
            sources=("Example Wire", "Example Post", "Example Times") if moved else (story[2],),
            novelty=0.9,
            cards=tuple(
                self._card(self.markets[m], story[6], story[7], "touches" if n else "bears")
                for n, m in enumerate(story[5])
            ),
            meaning=(
                "A launch, and of a device, not a model: the question asks for a leaderboard lead.",
                "Five stories like it moved these odds by +0.2 (median; n = 5).",
            )
            if moved
            else (),
            latency=(("seen", 0.8), ("linked", 0.9), ("moved", 4.2)) if moved else (),
        )

    def _card(self, market: Market, points: float, verdict: str, tier: str) -> CardView:
        return CardView(
            condition_id=market.id,
            question=market.question,
            odds=market.odds,
            odds_at_story=market.start - points / 100,
            points=points + 100 * (market.odds - market.start),
            z=abs(points) * 0.8,
            verdict=verdict,
            reason="half of it is usual for such a time" if verdict == "within the noise" else "",
            best_bid=(market.middle - 1) * market.tick,
            best_ask=(market.middle + 1) * market.tick,
            book_state=market.state,
            volume=1_240_000.0,
            relevance=0.82,
            direction=1,
            why="names Qwen, an Alibaba model",
            judge=self.judge,
            tier=tier,
            remarks=self.remarks,
            spark=tuple(
                market.start + ((n * 7) % 11 - 5) / 1500 + n / 4000 - 0.008 for n in range(36)
            ),
            spark_story=24,
            event_title=market.event,
        )

    def _book(self, market: Market, outcome: str) -> BookView:
        asset = f"{market.id}:{outcome.lower()}"
        own: dict[int, int] = {}
        for order in self.orders.values():
            if order.asset_id == asset:
                own[order.price] = own.get(order.price, 0) + order.size - order.filled
        shape = random.Random(f"{market.id}{market.middle}{outcome}")
        flip = (
            market if outcome == "YES" else Market(market.id, "", "", 1 - market.odds, market.tick)
        )
        asks = flip.levels(1, shape, own)
        bids = [] if market.one_sided else flip.levels(-1, shape, own)
        return BookView(
            asset_id=asset,
            outcome=outcome,
            state=market.state,
            reason=market.reason,
            age_s=market.age_s,
            tick_size=market.tick,
            bids=tuple(bids),
            asks=tuple(asks),
            midpoint=None if market.one_sided else flip.middle * market.tick / 10_000,
            spread=None if market.one_sided else 2 * market.tick,
            held=self.held.get(asset, 0),
        )

    def market(self, market: Market) -> MarketView:
        siblings = [m for m in self.markets.values() if market.event and m.event == market.event]
        rows = tuple(
            SiblingRow(
                condition_id=m.id,
                title=m.question.split()[1],
                odds=m.odds,
                points_day=100 * (m.odds - m.start),
            )
            for m in siblings
        )
        chart = self._walk(market)
        marks = tuple(
            StoryMark(NOON - s[4] * MINUTE, s[0], s[1]) for s in self.stories if market.id in s[5]
        )
        return MarketView(
            condition_id=market.id,
            question=market.question,
            description="Resolves by the leaderboard of the rules.\nPractice: no real money.",
            event_title=market.event,
            state="open",
            yes=self._book(market, "YES"),
            no=self._book(market, "NO"),
            prints=tuple(market.prints),
            fee_words="fee 4%·p(1-p)",
            min_order_size=5 * SHARE,
            end_ns=NOON + 200 * 86_400 * SECOND,
            volume=1_240_000.0,
            odds=market.odds,
            odds_day_ago=market.start - 0.004,
            chart=chart,
            marks=marks,
            siblings=rows,
            sibling_sum=sum(m.odds for m in siblings) if siblings else None,
            neg_risk=bool(siblings),
        )

    def _walk(self, market: Market) -> tuple[tuple[int, float], ...]:
        chance, odds, out = random.Random(market.id), market.start - 0.01, []
        for n in range(180):
            odds = min(0.98, max(0.005, odds + chance.gauss(0.0001, 0.001)))
            out.append((NOON - (180 - n) * MINUTE, odds))
        return tuple(out)

    def blotter(self) -> BlotterView:
        positions = []
        for asset, size in self.held.items():
            if not size:
                continue
            market = self.markets[asset.partition(":")[0]]
            mark = market.middle * market.tick
            if asset.endswith(":no"):
                mark = 10_000 - mark
            average = 2310
            positions.append(
                PositionRow(
                    condition_id=market.id,
                    asset_id=asset,
                    question=market.question,
                    outcome=asset.partition(":")[2].upper(),
                    size=size,
                    cost=size * average // 10_000,
                    average=average,
                    mark=mark,
                    value=size * mark // 10_000,
                    unrealised=size * (mark - average) // 10_000,
                    realised=0,
                )
            )
        return BlotterView(
            positions=tuple(positions), orders=tuple(self.orders.values()), fills=tuple(self.fills)
        )

    # -- answers ---------------------------------------------------------------------------

    def answer(self, command: object) -> FromEngine:
        if isinstance(command, Preview):
            return self._preview(command)
        if isinstance(command, PlaceOrder):
            return self._place(command)
        if isinstance(command, CancelOrder):
            there = self.orders.pop(command.order_id, None)
            return Done(
                id=command.id,
                outcome="done" if there else "refused",
                message="Cancelled." if there else "No such order.",
            )
        if isinstance(command, AnswerSuggestion):
            return self._answer_suggestion(command)
        if isinstance(command, Unrelate):
            return Done(id=command.id, outcome="done", message="As you say.")
        if isinstance(command, Kill):
            self.killed = command.on
            if command.on:
                self.orders.clear()
            return Done(
                id=command.id,
                outcome="done",
                message="All orders cancelled." if command.on else "Trading is on.",
            )
        assert isinstance(command, Query)
        return self._rows(command)

    def _book_of(self, asset_id: str) -> BookView:
        id, _, outcome = asset_id.partition(":")
        return self._book(self.markets[id], outcome.upper())

    def _preview(self, asked: Preview) -> TicketView:
        book = self._book_of(asked.asset_id)
        buys = asked.side == "buy"
        left, money, worst = asked.size, 0, None
        for level in book.asks if buys else book.bids:
            if (level.price > asked.price) if buys else (level.price < asked.price):
                break
            take = min(left, level.size)
            if not take:
                break
            left, money, worst = left - take, money + take * level.price // 10_000, level.price
        filled = asked.size - left
        fee = money * 4 // 100
        return TicketView(
            id=asked.id,
            fills_now=filled,
            rests=left if asked.kind == "gtc" else 0,
            cancelled=left if asked.kind != "gtc" else 0,
            average=money * 10_000 // filled if filled else None,
            worst=worst,
            cost=money + fee if buys else money - fee,
            worst_cost=asked.size * asked.price * 104 // 1_000_000,
            fee=fee,
            slippage_cents=0.05 if filled else None,
            payoff=asked.size if buys else 0,
            denial=self.denial
            or ("the kill switch is on; nothing is taken" if self.killed else ""),
        )

    def _place(self, order: PlaceOrder) -> Done:
        view = self._preview(
            Preview(
                **{
                    f: getattr(order, f)
                    for f in ("id", "condition_id", "asset_id", "side", "price", "size", "kind")
                }
            )
        )
        if view.denial:
            return Done(id=order.id, outcome="denied", message=view.denial)
        market = self.markets[order.condition_id]
        self._ids += 1
        outcome = order.asset_id.partition(":")[2].upper()
        if view.fills_now:
            sign = 1 if order.side == "buy" else -1
            self.held[order.asset_id] = self.held.get(order.asset_id, 0) + sign * view.fills_now
            self.cash -= sign * view.cost
            self.fills.insert(
                0,
                FillRow(
                    id=f"fill-{self._ids}",
                    at_ns=self.now_ns,
                    order_id=f"0xorder{self._ids}",
                    condition_id=market.id,
                    asset_id=order.asset_id,
                    question=market.question,
                    outcome=outcome,
                    side=order.side,
                    price=view.average or order.price,
                    size=view.fills_now,
                    fee=view.fee,
                    liquidity="taker",
                ),
            )
        if view.rests:
            self.orders[f"0xorder{self._ids}"] = OrderRow(
                order_id=f"0xorder{self._ids}",
                at_ns=self.now_ns,
                condition_id=market.id,
                asset_id=order.asset_id,
                question=market.question,
                outcome=outcome,
                side=order.side,
                price=order.price,
                size=order.size,
                filled=view.fills_now,
                kind=order.kind,
                state="open",
                queue_ahead=4_000 * SHARE,
            )
        return Done(
            id=order.id,
            outcome="done",
            message=f"{view.fills_now // SHARE} filled, {view.rests // SHARE} rest.",
        )

    def _answer_suggestion(self, command: AnswerSuggestion) -> Done:
        how = "accepted" if command.accept else "dismissed"
        self.signals = [
            msgspec.structs.replace(row, state="over", how=how)
            if row.id == command.suggestion_id
            else row
            for row in self.signals
        ]
        return Done(
            id=command.id,
            outcome="done",
            message="Order placed." if command.accept else "Dismissed.",
        )

    def _rows(self, query: Query) -> Rows:
        wanted = query.text.casefold().split()
        rows = [
            MarketRow(
                condition_id=m.id,
                question=m.question,
                event_title=m.event,
                odds=m.odds,
                best_bid=(m.middle - 1) * m.tick,
                best_ask=(m.middle + 1) * m.tick,
                volume=1_240_000.0,
                followed=True,
            )
            for m in self.markets.values()
            if all(w in m.question.casefold() for w in wanted)
        ]
        return Rows(id=query.id, markets=tuple(rows[: query.most]))


async def main() -> None:
    """Serve for hands: ``python -m tests.terminal.tui.scripted FOLDER``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", nargs="?", default=tempfile.gettempdir() + "/ftt-scripted")
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--mode", default="PAPER")
    args = parser.parse_args()
    engine = ScriptedEngine(Path(args.folder), mode=args.mode)
    if args.hostile:
        for n, title in enumerate(HOSTILE):
            engine.add_story(f"hostile-{n}", title, ("m-china",))
    await engine.start()
    print(f"serving in {args.folder}")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
