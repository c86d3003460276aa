"""Learn the linker's weights from judged stories, and say how well they carry over.

    python -m benchmarks.learn_linking FOLDER [--write] [--predictions OUT.jsonl]

FOLDER holds ``markets.jsonl``, ``stories.jsonl`` and ``labels.jsonl`` (see its README). An example
is a story with a group of markets that ask the same; right if any open market of it was judged
grade 1 or 2, left out if only grade 0. Stories are cut into five blocks of time, so that retellings
of one event stay together; each block is answered by weights learnt on the other four, and what
these say is calibrated to the share that was right, block by block from the other four. The
practice world's stories, whose effects are known, are learnt from as well, at less weight: there
only the questions that they move are right, and those that ask for a company's standing in
general (who has the best model, who is largest) are left out. ``--write`` then learns from all
and writes ``strategies/linking/data/weights.toml``.
"""

import argparse
import json
import math
import random
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from benchmarks._calibrate import Case, curve
from benchmarks._judged import Line, lines
from practice.catalogue import catalogue
from strategies.decisions import Link
from strategies.linking import LINKS_MAX, Explained, LinkableMarket, Linker
from strategies.linking.lines import market_of, story_of
from strategies.linking.score import Weights, calibrated

FOLDS = 5
ROUNDS = 40
RATE = 0.3
SHRINK = 8.0
FAMILY_SHRINK = 150.0
ALIKE = 0.25
PRACTICE_WEIGHT = 0.3
PRACTICE_SEED = 7
GENERAL = frozenset({"lead", "largest", "ipo", "ipo_cap", "price", "share", "score"})
"""Kinds of question that stories touch without the practice world saying so."""
PRACTICE = Path(__file__).parents[1] / "practice" / "writing"
PRIOR = {
    "bias": -3.0,
    "bears_fully": 4.0,
    "bears_partly": 2.0,
    "bears_not": -1.0,
    "stranger": -2.0,
    "elsewhere": -1.0,
    "exact_rare": 2.0,
    "version_same": 2.0,
    "version_other": -2.0,
    "proper_missing": -2.0,
    "others_missing": -1.0,
    "feature": -1.0,
    "late_asset": -2.0,
}
"""What is believed before any judgement is seen; weights are shrunk towards it."""
WEIGHTS = Path(__file__).parents[1] / "strategies" / "linking" / "data" / "weights.toml"


class Example(NamedTuple):
    """One group of markets for one story: features, family, and whether it is right."""

    features: dict[str, float]
    family: str
    right: bool
    weight: float = 1.0


def fit(examples: list[Example], seed: int = 0) -> Weights:
    """Logistic regression by AdaGrad, shrunk towards the prior; the same data, the same weights."""
    weights = dict(PRIOR)
    speed: dict[str, float] = {}
    order = list(range(len(examples)))
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        rng.shuffle(order)
        for i in order:
            _step(examples[i], weights, speed, len(examples))
    return unpack(weights, 0.5)


def _step(example: Example, weights: dict[str, float], speed: dict[str, float], count: int) -> None:
    row = {"bias": 1.0, f"family:{example.family}": 1.0, **example.features}
    total = sum(weights.get(name, 0.0) * value for name, value in row.items())
    error = example.weight * (1 / (1 + math.exp(-max(-30, min(30, total)))) - example.right)
    for name, value in row.items():
        shrink = FAMILY_SHRINK if name.startswith("family:") else SHRINK
        held = (
            0.0
            if name == "bias"
            else shrink * (weights.get(name, 0.0) - PRIOR.get(name, 0.0)) / count
        )
        slope = error * value + held
        speed[name] = speed.get(name, 1e-8) + slope * slope
        weights[name] = weights.get(name, 0.0) - RATE * slope / math.sqrt(speed[name])


def unpack(weights: dict[str, float], floor: float) -> Weights:
    """Named weights as the linker wants them."""
    plain = {n: w for n, w in weights.items() if n != "bias" and not n.startswith("family:")}
    families = {n[7:]: w for n, w in weights.items() if n.startswith("family:")}
    return Weights(weights.get("bias", 0.0), plain, families, floor)


def examples_of(linker: Linker, line: dict[str, Any], grades: dict[str, int]) -> list[Example]:
    """All candidates of a story as examples, one a group of markets."""
    _, title, summary, published = story_of(line, 0)
    groups: dict[int, list[Explained]] = {}
    for explained in linker.explain(title, summary, published):
        groups.setdefault(explained.group, []).append(explained)
    found: list[Example] = []
    for members in groups.values():
        judged = [grades[m.link.market_id] for m in members if m.link.market_id in grades]
        if judged and not any(judged):
            continue
        found.append(Example(members[0].features, members[0].family, bool(judged)))
    return balanced(found)


def balanced(found: list[Example]) -> list[Example]:
    """Many questions of one family answer as one: each counts the less, the more there are."""
    alike = Counter((example.family, example.right) for example in found)
    return [e._replace(weight=alike[e.family, e.right] ** -ALIKE) for e in found]


def practice_examples(weight: float = PRACTICE_WEIGHT) -> list[Example]:
    """Examples from the practice world: its stories against its own questions."""
    world = catalogue(PRACTICE_SEED, date(2026, 11, 24))
    titles = {event.slug: event.title for event in world.events}
    linker = Linker()
    for spec in world.markets:
        linker.add(
            LinkableMarket(
                id=spec.slug,
                question=spec.question,
                description=spec.description,
                event=titles[spec.event],
                group_title=spec.group_title,
            )
        )
    told = [example for story in _practice_stories() for example in _moved(linker, story)]
    return [example._replace(weight=weight * example.weight) for example in told]


def _practice_stories() -> list[dict[str, Any]]:
    """Happenings and their retellings, each with what it moves."""
    found: list[dict[str, Any]] = []
    for path in sorted(PRACTICE.glob("stories-*.toml")):
        for story in tomllib.loads(path.read_text(encoding="utf-8"))["story"]:
            for telling in (story, *story.get("retold", ())):
                if story.get("kind") != "hostile":
                    found.append({**telling, "effects": story.get("effects", {})})
    return found


def _moved(linker: Linker, story: dict[str, Any]) -> list[Example]:
    effects = story["effects"]
    groups: dict[int, list[Explained]] = {}
    for explained in linker.explain(story["title"], story.get("summary", "")):
        groups.setdefault(explained.group, []).append(explained)
    found: list[Example] = []
    for members in groups.values():
        right = any(member.link.market_id in effects for member in members)
        if right or not effects or members[0].family not in GENERAL:
            found.append(Example(members[0].features, members[0].family, right))
    return balanced(found)


def answer(id: str, told: list[Explained], weights: Weights) -> dict[str, Any]:
    """A prediction line for one story: what reaches the floor once it is calibrated, best first."""
    links = [_calibrated(one.link, weights) for one in told]
    shown = [link for link in links if link.relevance >= weights.floor][:LINKS_MAX]
    return {"id": id, "links": [_shown(link) for link in shown]}


def _calibrated(link: Link, weights: Weights) -> Link:
    return structs.replace(link, relevance=round(calibrated(link.relevance, weights.curve), 4))


def _shown(link: Link) -> dict[str, Any]:
    return {
        "market_id": link.market_id,
        "relevance": link.relevance,
        "direction": link.direction,
        "why": link.why,
    }


def linker_of(markets: list[dict[str, Any]], weights: Weights | None = None) -> Linker:
    """A linker that holds these markets."""
    linker = Linker(weights)
    for number, line in enumerate(markets, start=1):
        linker.add(market_of(line, number))
    return linker


class Folder(NamedTuple):
    """What is learnt from: markets, stories in order of time, grades by story and market."""

    markets: list[Line]
    stories: list[Line]
    grades: dict[str, dict[str, int]]


def opened(path: Path) -> Folder:
    """The judged set in a folder."""
    stories = sorted(lines(path / "stories.jsonl"), key=lambda x: (x["published"], x["id"]))
    judged = lines(path / "labels.jsonl")
    grades = {x["id"]: {one["market_id"]: one["grade"] for one in x["links"]} for x in judged}
    return Folder(lines(path / "markets.jsonl"), stories, grades)


def out_of_fold(folder: Folder) -> list[dict[str, list[Explained]]]:
    """Every story's candidates, by block, weighed by what has not seen the block."""
    judged = _judged(folder)
    size = -(-len(folder.stories) // FOLDS)
    besides = practice_examples()
    blocks = []
    for start in range(0, len(folder.stories), size):
        block = folder.stories[start : start + size]
        held = {line["id"] for line in block}
        seen = [e for id, found in judged.items() if id not in held for e in found]
        linker = linker_of(folder.markets, fit(seen + besides))
        blocks.append({line["id"]: _told(linker, line) for line in block})
    return blocks


def _told(linker: Linker, line: Line) -> list[Explained]:
    _, title, summary, published = story_of(line, 0)
    return list(linker.explain(title, summary, published))


def cases(block: dict[str, list[Explained]], folder: Folder) -> list[Case]:
    """The groups of markets in a block of stories, as calibration counts them."""
    found: list[Case] = []
    for id, told in block.items():
        grades = folder.grades.get(id, {})
        groups: dict[int, list[Explained]] = {}
        for one in told:
            groups.setdefault(one.group, []).append(one)
        for members in groups.values():
            judged = [grades[m.link.market_id] for m in members if m.link.market_id in grades]
            if any(judged) or not judged:
                found.append(Case(members[0].link.relevance, any(judged), len(members)))
    return found


def answers(
    blocks: list[dict[str, list[Explained]]], folder: Folder, floor: float
) -> list[dict[str, Any]]:
    """Prediction lines; each block is calibrated by the others."""
    counted = [cases(block, folder) for block in blocks]
    found = []
    for number, block in enumerate(blocks):
        others = [case for i, some in enumerate(counted) if i != number for case in some]
        weights = Weights(0.0, {}, {}, floor, curve(others))
        found += [answer(id, told, weights) for id, told in block.items()]
    return found


def _judged(folder: Folder) -> dict[str, list[Example]]:
    linker = linker_of(folder.markets)
    return {
        line["id"]: examples_of(linker, line, folder.grades.get(line["id"], {}))
        for line in folder.stories
    }


def learn(folder: Folder, floor: float, counted: list[Case]) -> Weights:
    """Weights from all stories, calibrated by what was weighed out of fold."""
    judged = _judged(folder)
    weights = fit([example for found in judged.values() for example in found] + practice_examples())
    return weights._replace(floor=floor, curve=curve(counted))


def write(weights: Weights, path: Path, folder: Folder) -> None:
    """The weights as the package carries them."""
    days = [line["published"][:10] for line in folder.stories]
    text = [
        "# The linker's weights, learnt by benchmarks/learn_linking.py from judgements of",
        f"# {len(days)} news stories against {len(folder.markets):,} prediction markets, "
        f"{days[0]} to {days[-1]},",
        "# and, at less weight, from the practice world's own stories and what they move there.",
        f"bias = {weights.bias:.4f}",
        f"floor = {weights.floor}",
        "# the model's number, and the share of links that were right there, out of fold",
        "curve = [",
        *(f"    [{raw:.4f}, {right:.4f}]," for raw, right in weights.curve),
        "]",
        "",
        "[features]",
        *(f"{name} = {value:.4f}" for name, value in sorted(weights.features.items())),
        "",
        "[families]",
        *(f"{name} = {value:.4f}" for name, value in sorted(weights.families.items())),
    ]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


def main() -> None:
    """Learn, report, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--floor", type=float, default=0.55, help="relevance from which to show")
    parser.add_argument("--write", action="store_true", help="write the package's weights")
    parser.add_argument("--predictions", type=Path, help="write out-of-fold answers there")
    asked = parser.parse_args()
    folder = opened(asked.folder)
    blocks = out_of_fold(folder)
    if asked.predictions:
        told = [json.dumps(line) for line in answers(blocks, folder, asked.floor)]
        asked.predictions.write_text("\n".join(told) + "\n", encoding="utf-8")
    if asked.write:
        counted = [case for block in blocks for case in cases(block, folder)]
        write(learn(folder, asked.floor, counted), WEIGHTS, folder)


if __name__ == "__main__":
    main()
