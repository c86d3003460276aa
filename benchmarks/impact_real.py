"""Impact over odds and headlines that others recorded, beside the same at random times.

``python -m benchmarks.impact_real [FOLDER]`` takes the folder of a recording of best quotes,
markets and headlines (the layout ``quotes-2026-07`` of docs/recordings.md), prints what it found as
tables, and with ``--write`` puts them into ``docs/impact.md``. Each headline is linked by our
linker, each link measured; placebo stories, at seeded random times on the same markets, show how
often a move is called clear where there was no story. Without such a recording beside the
repository, or without a parquet reader, ``run()`` says so and measures nothing.
"""

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from feeds.events import BestQuote, MarketSeen, Story
from feeds.markets import MINUTE, SECOND, Market, Nanos
from feeds.news.dedupe import Deduper
from feeds.news.entry import Entry
from feeds.news.source import Source
from feeds.recordings import NoReaderError, importer_for
from strategies.decisions import Impact, Verdict
from strategies.impact.study import Case, Study, cases_of
from strategies.linking import Linker, linkable
from strategies.linking.dates import DAY_NS, day_of

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared" / "data" / "tapes" / "quotes-ai-2026-07"
PAGE = ROOT / "docs" / "impact.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TICK = 100
"""The venue's quotes in these recordings are whole cents."""
SEED = 2026
DRAWS = 14
"""The control is as many random times as there are pairs, so often: one draw proves little."""
PLACEBO_MAX = 0.015
"""The share of placebo stories that may be called a clear move."""

ENDINGS = {
    "alibab": "Alibaba", "amazon": "Amazon", "anthro": "Anthropic", "baidu": "Baidu",
    "byteda": "ByteDance", "deepse": "DeepSeek", "google": "Google", "meta": "Meta",
    "moonsh": "Moonshot", "openai": "OpenAI", "xai": "xAI", "zai": "Z.ai", "meitua": "Meituan",
    "minima": "MiniMax", "stepfu": "StepFun", "tencen": "Tencent", "xiaomi": "Xiaomi",
}  # fmt: skip
"""How the venue shortens its outcomes at the end of a market's name."""
_DATED = re.compile(r"(20\d\d)-(\d\d)-(\d\d)")
_YEAR = re.compile(r"(?:dur)?(20\d\d)(?:ipos)?(?=-|$)")
_QUARTER = re.compile(r"(20\d\d)-q([1-4])")
_LEVEL = re.compile(r"(?:above-?|gt)(\d+(?:pt\d+)?)([kbt]?)$")
CELL_MAX = 60
NAMES = ("clear", "theme", "led", "shared", "noise", "not_measurable")
_WORTH = {"": "", "k": " thousand", "b": " billion", "t": " trillion"}


def named(market: Market) -> Market:
    """The market with what its name says beside its question: outcome, event and end."""
    slug = market.slug
    stem, _, ending = slug.rpartition("-")
    group = ENDINGS.get(ending, "")
    level = _LEVEL.search(slug)
    if level:
        group = f"above {level[1].replace('pt', '.')}{_WORTH[level[2]]}"
        stem = slug[: level.start()].rstrip("-")
    elif "2026ipos-" in slug:
        stem, _, who = slug.partition("2026ipos-")
        group, stem = who.replace("-", " ").title(), f"{stem}2026ipos"
    elif not group:
        dated = _DATED.search(slug)
        stem = slug[: dated.start()] if dated else slug
    end = _end(slug)
    question = _whole(market.question, group, end)
    return replace(
        market, event_id=stem, event_title=market.question, group_title=group, end_ns=end,
        question=question, tick_size=TICK,
    )  # fmt: skip


def _whole(question: str, group: str, end: Nanos | None) -> str:
    """A question that stands alone: the venue leaves outcome and date to the column's head."""
    asked = question.rstrip("? ")
    if asked.endswith(("Released", "Confirmed By", "Pandemic")) and end is not None:
        day = _date(end)
        return f"{asked.removesuffix(' By')} by {day}?"
    return f"{asked}: {group}?" if group else f"{asked}?"


def _date(end: Nanos) -> str:
    return datetime.fromtimestamp(end // SECOND, UTC).strftime("%B %-d, %Y")


def _end(slug: str) -> Nanos | None:
    """The end of the day, quarter or year that a market's name states."""
    if dated := _DATED.search(slug):
        year, month, day = map(int, dated.groups())
    elif quarter := _QUARTER.search(slug):
        year, month = int(quarter[1]), int(quarter[2]) * 3
        day = 31 if month in (3, 12) else 30
    elif whole := _YEAR.search(slug):
        year, month, day = int(whole[1]), 12, 31
    else:
        return None
    return (day_of(year, month, day) + 1) * DAY_NS - MINUTE


def read(data: Path) -> tuple[list[Market], list[BestQuote], list[Story]]:
    """Markets, quotes in order of time, and headlines with their own times."""
    markets: list[Market] = []
    quotes: list[BestQuote] = []
    stories: list[Story] = []
    for path in sorted(data.iterdir()):
        if path.name.startswith(("markets", "quotes", "news_published")):
            for event in importer_for(path).read():
                if isinstance(event, MarketSeen):
                    markets.append(named(event.market))
                elif isinstance(event, BestQuote):
                    quotes.append(event)
                elif isinstance(event, Story):
                    stories.append(event)
    return markets, quotes, list(_told(stories))


def _told(stories: Iterable[Story]) -> Iterator[Story]:
    """The headlines as the desk hears them: retellings known as such, repeats left out."""
    judge = Deduper()
    for story in stories:
        name = re.sub("[^a-z0-9]+", "-", story.source).strip("-") or "unnamed"
        source = Source(id=name, name=story.source_name or name, url="https://example.invalid/")
        entry = Entry(title=story.title, url=story.url, published_ns=story.published_ns)
        told = judge.judge(entry, source, story.first_seen_ns).story
        if told is not None and told.revision == 0:
            yield told


def placebos(cases: Sequence[Case], count: int, seed: int) -> list[Case]:
    """Stories that never were: the cases' markets, in turn, at random times of the same weeks."""
    rng = random.Random(seed)
    first, last = min(c.story_ns for c in cases), max(c.story_ns for c in cases)
    return [
        Case(
            f"placebo{number}",
            cases[number % len(cases)].condition_id,
            rng.randrange(first, last),
            weight=cases[number % len(cases)].weight,
            cluster_id="placebo",
        )
        for number in range(count)
    ]


class Real(NamedTuple):
    """What was measured: cases with their verdicts, and the two controls' verdicts."""

    stories: dict[str, Story]
    markets: dict[str, Market]
    cases: list[Case]
    impacts: list[Impact]
    draws: list[list[Impact]]

    @property
    def placebos(self) -> list[Impact]:
        """The draws together."""
        return [impact for draw in self.draws for impact in draw]


def study(data: Path, draws: int = DRAWS) -> Real:
    """Link, measure, and measure at random times. Raises ``RecordingError``."""
    markets, quotes, stories = read(data)
    linker = Linker()
    for market in markets:
        linker.add(linkable(market))
    cases = cases_of(stories, linker)
    families = {market.condition_id: linker.family(market.condition_id) for market in markets}

    def measured(wanted: Sequence[Case], background: Sequence[Case] = ()) -> list[Impact]:
        return Study(markets, families).run(quotes, wanted, background)

    count = len(cases)
    controls = measured(placebos(cases, draws * count, SEED), cases)
    return Real(
        {story.id: story for story in stories},
        {market.condition_id: market for market in markets},
        cases,
        measured(cases),
        [controls[count * draw : count * (draw + 1)] for draw in range(draws)],
    )


def counted(impacts: Sequence[Impact]) -> dict[str, Any]:
    """How many there were of each verdict, and the share of those measured that were flagged."""
    verdicts = Counter(impact.verdict.name.lower() for impact in impacts)
    able = [impact for impact in impacts if impact.verdict is not Verdict.NOT_MEASURABLE]
    clear = verdicts["clear"] / max(1, len(able))
    stood = sum(impact.stood_out for impact in able) / max(1, len(able))
    return {
        "pairs": len(impacts),
        "measured": len(able),
        "clear_rate": round(clear, 4),
        "stood_out_rate": round(stood, 4),
        "significant": sum(impact.significant for impact in able),
        **{name: verdicts[name] for name in NAMES},
    }


def run(data: Path = BESIDE) -> dict[str, Any]:
    """Counts of verdicts for headlines and placebos; the goal is at most 1.5 % clear placebos."""
    try:
        real = study(data)
    except (FileNotFoundError, NoReaderError) as error:
        return {"left_out": str(error)}
    return {
        "headlines": len(real.stories),
        "linked": len({case.story_id for case in real.cases}),
        "stories": counted(real.impacts),
        "placebos": counted(real.placebos),
        "placebos_clear_by_draw": [counted(draw)["clear"] for draw in real.draws],
        "goal_placebo_clear_rate": PLACEBO_MAX,
    }


# the page ------------------------------------------------------------------------------------


def page(real: Real) -> str:
    """The tables as Markdown."""
    return "\n".join([*_rates(real), "", *_why_not(real), "", *_flagged(real)])


def _rates(real: Real) -> Iterator[str]:
    yield "| | pairs | measured | clear | stood out | led | shared | theme | noise |"
    yield "|---|---|---|---|---|---|---|---|---|"
    names = ("headlines", f"as many random times, {len(real.draws)} draws")
    for name, impacts in zip(names, (real.impacts, real.placebos), strict=True):
        c = counted(impacts)
        yield (
            f"| {name} | {c['pairs']} | {c['measured']} | {c['clear']} ({c['clear_rate']:.1%}) | "
            f"{c['stood_out_rate']:.1%} | {c['led']} | {c['shared']} | {c['theme']} | "
            f"{c['noise']} |"
        )
    able = round(counted(real.placebos)["measured"] / len(real.draws))
    flags = Counter(counted(draw)["clear"] for draw in real.draws)
    told = ", ".join(f"{count} in {draws}" for count, draws in sorted(flags.items()))
    yield ""
    yield f"Of some {able} random times that could be measured in a draw were clear: {told} draws."


def _why_not(real: Real) -> Iterator[str]:
    reasons = Counter(
        impact.reason.split(":")[0]
        for impact in real.impacts
        if impact.verdict is Verdict.NOT_MEASURABLE
    )
    yield "| not measurable, because | pairs |"
    yield "|---|---|"
    for reason, count in reasons.most_common():
        yield f"| {reason} | {count} |"


def _flagged(real: Real) -> Iterator[str]:
    yield (
        "| headline (source, time) | market | odds | z | beyond its theme | half-life | left | "
        "chance | verdict |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for case, impact in zip(real.cases, real.impacts, strict=True):
        if impact.stood_out:
            yield _row(real, case, impact)


def _row(real: Real, case: Case, impact: Impact) -> str:
    story, market = real.stories[case.story_id], real.markets[case.condition_id]
    at = datetime.fromtimestamp(case.story_ns // SECOND, UTC).strftime("%d %b %H:%M")
    cells = (
        f"{_cell(story.title)} ({_cell(story.source_name)}, {at})",
        _cell(market.question),
        f"{100 * (impact.before or 0):.1f} → {100 * (impact.now or 0):.1f} %",
        _number(impact.z, "+.1f"),
        _number(impact.z_adjusted, "+.1f"),
        _number(impact.half_life, ".0f", " min"),
        _number(impact.persistence, ".0%"),
        "under 1%" if (impact.chance or 0.0) < 0.01 else f"{impact.chance:.0%}",
        f"{impact.verdict.value}{', ' + impact.lasting if impact.lasting else ''}",
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    short = text if len(text) <= CELL_MAX else text[: CELL_MAX - 1].rstrip() + "…"
    return short.replace("|", "\\|")


def _number(value: float | None, how: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{how}}{unit}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or put them into the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.impact_real", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=BESIDE)
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args(arguments)
    tables = page(study(asked.folder))
    if not asked.write:
        print(tables)
        return 0
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
