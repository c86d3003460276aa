"""How fast stories find their markets, and how right: 5,000 markets made up, 2,000 stories.

``python -m benchmarks linking``. Its goals: the index built in under 3 seconds, 200 stories a
second on one core, 99 of 100 stories linked in under 10 ms, 300 MB. Times are processor time, so
that a busy machine does not blur them. Rightness is on stories and markets of our own writing,
judged before the linker saw them (``tests/data/linking``); its weights are not learnt from them.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks._judged import OWN, Figures, figures, lines
from benchmarks._sealed import look
from strategies.linking import LinkableMarket, Linker
from strategies.linking.dates import DAY_NS, day_of
from strategies.linking.lines import Ask, link_lines
from terminal.config import load
from terminal.engine.llm_judge import bench, judge_of
from terminal.engine.semantics import FOLDER, Bench
from terminal.stores.paths import Paths

MARKETS = 5_000
STORIES = 2_000
TODAY = day_of(2026, 3, 10)

COMPANIES = (
    "OpenAI", "Google", "Anthropic", "xAI", "Meta", "DeepSeek", "Alibaba", "Moonshot", "Mistral",
    "Nvidia", "AMD", "Intel", "TSMC", "Apple", "Microsoft", "Amazon", "Tesla", "SpaceX", "Broadcom",
    "Samsung", "Micron", "Qualcomm", "Huawei", "SMIC", "Oracle", "CoreWeave", "Waymo", "Cerebras",
)  # fmt: skip
MODELS = ("GPT-6", "Claude 5", "Gemini 4", "Grok 5", "Llama 5", "DeepSeek V4", "Qwen 4", "Kimi K3")
MONTHS = ("March", "April", "May", "June", "July", "August", "September", "October", "December")
PLACES = ("Lisbon", "Oslo", "Lima", "Accra", "Hanoi", "Quito", "Riga", "Tunis", "Perth", "Turin")
THINGS = (
    "harbour strike", "mayoral race", "cup final", "heat record", "metro line", "cocoa harvest",
    "tram fares", "ferry merger", "opera season", "bridge tender", "chess open", "salmon quota",
)  # fmt: skip
QUESTIONS = (
    "Will {c} have the best AI model at the end of {m} 2026?",
    "Will {c} be the largest company in the world by market cap on {m} 30?",
    "Will {c} close above ${n} on {m} 15?",
    "Will {c} dip to ${n} in {m}?",
    "Will {c} IPO by {m} 30, 2026?",
    "Will {c} be allowed to sell its top chips to China by {m} 30?",
    "Will the CEO of {c} step down by {m} 30, 2026?",
    "{o} released by {m} 15?",
    "Will {c} acquire another AI company before {m}?",
    "Will {c} report revenue above ${n} billion this quarter?",
)
FILLERS = (
    "Will the {p} {t} be settled before {m} {d}?",
    "Will {f} {s} win the {p} {t} in 2026?",
    "Will {f} {s} lead the {p} council by {m} {d}?",
    "More than {n} visitors to the {p} {t} in {m}?",
)
HEADLINES = (
    "{c} unveils a new flagship AI model that tops benchmarks",
    "{c} shares jump after earnings beat estimates",
    "US clears {c} to resume chip sales to China",
    "{c} prepares to file for an IPO as early as {m}",
    "{c} chief executive to step down after a difficult year",
    "{o} is here, and it is faster than anyone expected",
    "{c} in talks to raise $5 billion for data centers",
    "Why {c} changed the colour of its app icon",
    "{p} {t}: what to expect this {m}",
    "{f} {s} speaks at the {p} {t} about bread and music",
)
SUMMARY = (
    "The company said on Tuesday that the plan had been in the making for months; analysts were "
    "divided on what it means for rivals such as {c} and for the wider market."
)


def _fill(rng: random.Random, template: str) -> str:
    return template.format(
        c=rng.choice(COMPANIES),
        o=rng.choice(MODELS),
        m=rng.choice(MONTHS),
        p=rng.choice(PLACES),
        t=rng.choice(THINGS),
        d=rng.randint(1, 28),
        n=rng.randint(40, 900),
        f=_name(rng),
        s=_name(rng),
    )


def _name(rng: random.Random) -> str:
    parts = (rng.choice("bdfgklmnprstv") + rng.choice("aeiou") for _ in range(3))
    return "".join(parts).capitalize() + rng.choice("nrsl")


def markets(
    seed: int = 1, count: int = MARKETS, questions: Sequence[str] = QUESTIONS
) -> list[LinkableMarket]:
    """Questions as prediction markets ask them: a third of technology, the rest of anything."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        template = rng.choice(questions if number % 3 == 0 else FILLERS)
        question = _fill(rng, template)
        end = (TODAY + rng.randint(1, 300)) * DAY_NS
        rules = f"This market resolves to Yes if {question[5:-1]}. Otherwise it resolves to No."
        made.append(
            LinkableMarket(id=f"m{number}", question=question, description=rules, end_ns=end)
        )
    return made


def stories(seed: int = 2, count: int = STORIES) -> list[tuple[str, str]]:
    """Headlines with a summary each."""
    rng = random.Random(seed)
    return [(_fill(rng, rng.choice(HEADLINES)), _fill(rng, SUMMARY)) for _ in range(count)]


def right(ask: Ask | None = None, judge_floor: float = 0.0) -> Figures:
    """How right the links are on the judged set of our own; ``ask`` is an outside judge."""
    read = lines(OWN / "markets.jsonl"), lines(OWN / "stories.jsonl")
    return figures(link_lines(*read, ask, judge_floor), lines(OWN / "labels.jsonl"))


def with_model() -> dict[str, Any]:
    """The same figures with the model that the configuration names under [judge], if it does."""
    settings = load().config.judge
    judge = judge_of(settings, Paths.find().config)
    if judge is None:
        return {}
    with bench(judge, settings) as asked:
        reached = _rounded(right(asked.ask, settings.floor))
    return {f"judged_with_{settings.model}": reached | asked.counts.report()}


def _rounded(reached: Figures) -> dict[str, float]:
    return {name: round(share, 3) for name, share in reached._asdict().items()}


def run() -> dict[str, Any]:
    """Build the index, link every story, say how long it took and how right links are."""
    asked, told = markets(), stories()
    linker, began = Linker(), time.process_time()
    for market in asked:
        linker.add(market)
    built = time.process_time() - began
    times, links = [], 0
    for title, summary in told:
        began = time.process_time()
        links += len(linker.link(title, summary, TODAY * DAY_NS))
        times.append(time.process_time() - began)
    times.sort()
    return {
        "markets": len(asked),
        "build_s": round(built, 2),
        "stories_per_s": round(len(times) / sum(times)),
        "p50_ms": round(times[len(times) // 2] * 1e3, 2),
        "p99_ms": round(times[len(times) * 99 // 100] * 1e3, 2),
        "links_per_story": round(links / len(times), 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "judged": _rounded(right()),
        **with_model(),
    }


def sealed(plain: bool) -> dict[str, Any]:
    """A look at the sealed witness, by plain words alone or with the models of meaning."""
    if plain:
        return look(None, "stage A")
    return look(Bench(Paths.find().state / FOLDER), "stage B")


if __name__ == "__main__":
    if "--sealed" in sys.argv:
        print(json.dumps(sealed("--plain" in sys.argv), indent=1))
    else:
        print(json.dumps(run(), indent=1))
