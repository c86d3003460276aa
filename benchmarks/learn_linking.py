"""Learn the linker's weights from judged stories, and say how well they carry over.

    python -m benchmarks.learn_linking JUDGED --tapes TAPES [--write] [--predictions OUT.jsonl]

JUDGED holds ``markets.jsonl``, ``stories.jsonl`` and ``labels.jsonl`` (see its README): real news,
and what the figures are of. Beside it are learnt from, at less weight: headlines of July 2026
(``_july.py``), a set of our own writing (``data/linking``) and the practice world's stories, whose
effects are known. Needs the extras ``learn`` and ``recordings``.

An example is a story with a group of markets that ask the same; right if any open market of it was
judged grade 1 or 2, left out if only grade 0. A logistic model learns each weight twice, once for
all sources and once for each of them: what holds everywhere is learnt from everybody, what is
peculiar to a source stays with it, and the linker gets the sum for real news.

JUDGED is cut into five blocks of time, so that retellings of one event stay together; each block
is answered by weights learnt on the other four, and what these say is calibrated to the share that
was right, block by block from the other four. ``--write`` then learns from all and writes
``strategies/linking/data/weights.toml``.
"""

import argparse
import json
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks import _july
from benchmarks._calibrate import Case, curve
from benchmarks._judged import Line, figures, lines
from practice.catalogue import catalogue
from strategies.linking import LINKS_MAX, Explained, LinkableMarket, Linker
from strategies.linking.lines import market_of, story_of
from strategies.linking.score import Weights, said

FOLDS = 5
ALIKE = 0.25
SHARED = 0.7
"""How fast a weight is learnt that holds for all sources, and one for a single source."""
FLOOR = 0.56
DIRECT = 0.44
REAL = "real"
JULY_WEIGHT = 0.3
WRITTEN_WEIGHT = 0.8
PRACTICE_WEIGHT = 0.3
PRACTICE_SEED = 7
GENERAL = frozenset({"lead", "largest", "ipo", "ipo_cap", "price", "share", "score"})
"""Kinds of question that stories touch without the practice world saying so."""
PRACTICE = Path(__file__).parents[1] / "practice" / "writing"
WRITTEN = Path(__file__).parent / "data" / "linking"
WEIGHTS = Path(__file__).parents[1] / "strategies" / "linking" / "data" / "weights.toml"


class Example(NamedTuple):
    """One group of markets for one story: features, family, whether it is right, its source."""

    features: dict[str, float]
    family: str
    right: bool
    weight: float = 1.0
    source: str = REAL

    def row(self) -> dict[str, float]:
        """The features for all, and again for the source."""
        told = {"bias": 1.0, f"family:{self.family}": 1.0, **self.features}
        plain = {name: SHARED * value for name, value in told.items()}
        return plain | {f"{self.source}|{name}": value for name, value in plain.items()}


def fit(examples: list[Example]) -> Weights:
    """Logistic regression; the same data, the same weights: those for real news."""
    table = DictVectorizer()
    rows = table.fit_transform([example.row() for example in examples])
    model = LogisticRegression(max_iter=5_000)
    model.fit(rows, [e.right for e in examples], sample_weight=[e.weight for e in examples])
    learnt = dict(zip(table.get_feature_names_out(), model.coef_[0], strict=True))
    names = {name for name in learnt if "|" not in name}
    found = {n: SHARED * float(learnt[n] + learnt.get(f"{REAL}|{n}", 0.0)) for n in names}
    return unpack(found, float(model.intercept_[0]))


def unpack(found: dict[str, float], intercept: float) -> Weights:
    """Named weights as the linker wants them."""
    plain = {n: w for n, w in found.items() if n != "bias" and not n.startswith("family:")}
    families = {n[7:]: w for n, w in found.items() if n.startswith("family:")}
    return Weights(intercept + found.get("bias", 0.0), plain, families, FLOOR, DIRECT)


class Folder(NamedTuple):
    """What is learnt from: markets, stories in order of time, grades by story and market."""

    markets: list[Line]
    stories: list[Line]
    labels: list[Line]

    @property
    def grades(self) -> dict[str, dict[str, int]]:
        """What each story's markets were judged; stories of which nothing is said touch none."""
        return {
            x["id"]: {one["market_id"]: one["grade"] for one in x["links"]} for x in self.labels
        }


def opened(path: Path) -> Folder:
    """The judged set in a folder."""
    stories = sorted(lines(path / "stories.jsonl"), key=lambda x: (x["published"], x["id"]))
    return Folder(lines(path / "markets.jsonl"), stories, lines(path / "labels.jsonl"))


def examples_of(folder: Folder, source: str, weight: float) -> dict[str, list[Example]]:
    """All candidates of every story as examples, one a group of markets, by story."""
    linker, grades = linker_of(folder.markets), folder.grades
    found: dict[str, list[Example]] = {}
    for line in folder.stories:
        judged = grades.get(line["id"], {})
        groups = _groups(_told(linker, line)).values()
        fresh = [e for members in groups if (e := _example(members, judged)) is not None]
        found[line["id"]] = _weighed(balanced(fresh), source, weight)
    return found


def _example(members: list[Explained], judged: dict[str, int]) -> Example | None:
    grades = [judged[m.link.market_id] for m in members if m.link.market_id in judged]
    if grades and not any(grades):
        return None
    return Example(members[0].features, members[0].family, bool(grades))


def _weighed(examples: list[Example], source: str, weight: float) -> list[Example]:
    return [e._replace(source=source, weight=weight * e.weight) for e in examples]


def balanced(found: list[Example]) -> list[Example]:
    """Many questions of one family answer as one: each counts the less, the more there are."""
    alike = Counter((example.family, example.right) for example in found)
    return [e._replace(weight=alike[e.family, e.right] ** -ALIKE) for e in found]


def besides(folder: Folder, tapes: Path) -> list[Example]:
    """Examples from everything but the judged set itself."""
    july = Folder(_july.markets(tapes, folder.markets), _july.stories(tapes), _july.labels())
    told = [
        *examples_of(july, "july", JULY_WEIGHT).values(),
        *examples_of(opened(WRITTEN), "written", WRITTEN_WEIGHT).values(),
    ]
    return [example for found in told for example in found] + practice_examples()


def practice_examples() -> list[Example]:
    """Examples from the practice world: its stories against its own questions.

    There only the questions that a story moves are right; those that ask for a company's standing
    in general (who has the best model, who is largest) are left out.
    """
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
    return _weighed(told, "practice", PRACTICE_WEIGHT)


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
    found: list[Example] = []
    for members in _groups(linker.explain(story["title"], story.get("summary", ""))).values():
        right = any(member.link.market_id in effects for member in members)
        if right or not effects or members[0].family not in GENERAL:
            found.append(Example(members[0].features, members[0].family, right))
    return balanced(found)


def _groups(told: tuple[Explained, ...] | list[Explained]) -> dict[int, list[Explained]]:
    groups: dict[int, list[Explained]] = {}
    for one in told:
        groups.setdefault(one.group, []).append(one)
    return groups


def linker_of(markets: list[Line], weights: Weights | None = None) -> Linker:
    """A linker that holds these markets."""
    linker = Linker(weights)
    for number, line in enumerate(markets, start=1):
        linker.add(market_of(line, number))
    return linker


def _told(linker: Linker, line: Line) -> list[Explained]:
    _, title, summary, published = story_of(line, 0)
    return list(linker.explain(title, summary, published))


Block = dict[str, list[Explained]]
"""Every story of a block of time with its candidates, weighed by what has not seen the block."""


def out_of_fold(folder: Folder, seen: dict[str, list[Example]], more: list[Example]) -> list[Block]:
    """The blocks of the judged set."""
    size = -(-len(folder.stories) // FOLDS)
    blocks = []
    for start in range(0, len(folder.stories), size):
        block = folder.stories[start : start + size]
        held = {line["id"] for line in block}
        rest = [e for id, found in seen.items() if id not in held for e in found]
        linker = linker_of(folder.markets, fit(rest + more))
        blocks.append({line["id"]: _told(linker, line) for line in block})
    return blocks


def cases(block: Block, folder: Folder) -> list[Case]:
    """The groups of markets in a block of stories, as calibration counts them."""
    found: list[Case] = []
    grades = folder.grades
    for id, told in block.items():
        judged = grades.get(id, {})
        for members in _groups(told).values():
            known = [judged[m.link.market_id] for m in members if m.link.market_id in judged]
            if any(known) or not known:
                found.append(Case(members[0].link.relevance, any(known), len(members)))
    return found


def answers(blocks: list[Block], folder: Folder) -> list[Line]:
    """Prediction lines, best first; each block is calibrated by the others."""
    counted = [cases(block, folder) for block in blocks]
    found = []
    for number, block in enumerate(blocks):
        others = [case for i, some in enumerate(counted) if i != number for case in some]
        knots = curve(others)
        found += [answer(id, told, knots) for id, told in block.items()]
    return found


def answer(id: str, told: list[Explained], knots: tuple[tuple[float, float], ...]) -> Line:
    """A prediction line for one story: what reaches the floor."""
    markets = Counter(one.group for one in told)
    shown = [one for one in told if one.shown][:LINKS_MAX]
    return {"id": id, "links": [_shown(one, markets[one.group], knots) for one in shown]}


def _shown(one: Explained, markets: int, knots: tuple[tuple[float, float], ...]) -> Line:
    return {
        "market_id": one.link.market_id,
        "relevance": said(one.link.relevance, markets, knots),
        "direction": one.link.direction,
        "why": one.link.why,
    }


def write(weights: Weights, path: Path, folder: Folder) -> None:
    """The weights as the package carries them."""
    days = [line["published"][:10] for line in folder.stories]
    text = [
        "# The linker's weights, learnt by benchmarks/learn_linking.py from judgements of",
        f"# {len(days)} news stories against {len(folder.markets):,} prediction markets, "
        f"{days[0]} to {days[-1]},",
        "# and, at less weight, of headlines of July 2026, of a set of our own writing, and of",
        "# the practice world's own stories and what they move there.",
        f"bias = {weights.bias:.4f}",
        f"floor = {weights.floor}",
        f"direct = {weights.direct}",
        "# the model's number, and the share of links that were right there, out of fold",
        "curve = [",
        *(f"    [{raw:.4f}, {right:.4f}]," for raw, right in weights.curve),
        "]",
        "",
        "[features]",
        *(f'"{name}" = {value:.4f}' for name, value in _told_apart(weights.features)),
        "",
        "[families]",
        *(f"{name} = {value:.4f}" for name, value in _told_apart(weights.families)),
    ]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


def _told_apart(weights: dict[str, float]) -> list[tuple[str, float]]:
    """Weights that say something, by name."""
    return sorted((name, value) for name, value in weights.items() if abs(value) >= 0.00005)


def main() -> None:
    """Learn, report, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("judged", type=Path)
    parser.add_argument("--tapes", type=Path, required=True, help="recordings with July's news")
    parser.add_argument("--write", action="store_true", help="write the package's weights")
    parser.add_argument("--predictions", type=Path, help="write out-of-fold answers there")
    asked = parser.parse_args()
    folder = opened(asked.judged)
    seen, more = examples_of(folder, REAL, 1.0), besides(folder, asked.tapes)
    blocks = out_of_fold(folder, seen, more)
    told = answers(blocks, folder)
    print(json.dumps(figures(told, folder.labels)._asdict(), indent=1))
    if asked.predictions:
        text = "\n".join(json.dumps(line) for line in told) + "\n"
        asked.predictions.write_text(text, encoding="utf-8")
    if asked.write:
        counted = [case for block in blocks for case in cases(block, folder)]
        weights = fit([example for found in seen.values() for example in found] + more)
        write(weights._replace(curve=curve(counted)), WEIGHTS, folder)


if __name__ == "__main__":
    main()
