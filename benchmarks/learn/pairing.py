"""Learn what two vectors say together (``feeds/semantic/pairing.py``) from judged pairs.

A network of two short turns and one hidden layer, on vectors that the encoder gave: minutes on one
core. Where its word becomes columns to learn from, it is that of a network which saw neither the
source nor, within the archives, the weeks: :func:`crossed`.
"""

import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from torch import nn

from benchmarks.learn.examples import Example
from benchmarks.learn.sources import Judged
from feeds.semantic.meaning import story_text
from feeds.semantic.models import Models
from feeds.semantic.pairing import WEIGHTS, Paired, Pairing
from feeds.semantic.vectors import VectorCache
from strategies.linking.features import FAR_RANK, PAIR_MIN, STAGE_B

SHORT, HIDDEN = 64, 96
PASSES, BATCH, RATE, DECAY = 6, 256, 1e-3, 0.05
WRONG_MAX = 12
"""Wrong pairs for each right one in a pass, drawn anew."""
BLOCKS = 5
"""The archives in so many stretches of time, each told by what learnt from the others."""
SCALES = (10.0, 5.0, 10.0, 1.0, 1.0, 5.0)
"""What brings products, distances and the cosine near one; taken into the weights at the end."""
SLICE = 256


class Rows(NamedTuple):
    """Pairs as places in the tables of vectors, with what is right of them."""

    stories: np.ndarray
    questions: np.ndarray
    touches: np.ndarray
    bears: np.ndarray
    up: np.ndarray
    weights: np.ndarray

    def where(self, chosen: np.ndarray) -> "Rows":
        """Some of the pairs."""
        return Rows(*(column[chosen] for column in self))


class Vectors:
    """Every text's vector, from a file where it is known."""

    def __init__(self, models: Models, cache: Path) -> None:
        self._models = models
        self._known = VectorCache(cache / f"{models.encoder_checksum}.vectors", models.size)

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text."""
        missing = [text for text in dict.fromkeys(texts) if self._known.get(text) is None]
        for start in range(0, len(missing), SLICE):
            some = missing[start : start + SLICE]
            self._known.put(some, self._models.vectors(some))
        return np.array([self._known.get(text) for text in texts], np.float32)


class Network(nn.Module):
    """See ``feeds/semantic/pairing.py``; the means are taken off before."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.story, self.question = nn.Linear(size, SHORT), nn.Linear(size, SHORT)
        self.hidden = nn.Linear(2 * size + 3 * SHORT + 1, HIDDEN)
        self.out = nn.Linear(HIDDEN, 3)
        self.rest_in, self.rest_out = nn.Dropout(0.2), nn.Dropout(0.3)

    def forward(self, told: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """Log-odds of the three questions, one row a pair."""
        short, brief = self.story(told), self.question(asked)
        parts = [told * asked, (told - asked).abs(), short * brief, short, brief]
        parts.append((told * asked).sum(1, keepdim=True))
        columns = torch.cat([p * scale for p, scale in zip(parts, SCALES, strict=True)], 1)
        said: torch.Tensor = self.out(self.rest_out(torch.relu(self.hidden(self.rest_in(columns)))))
        return said


class Table(NamedTuple):
    """All texts' vectors, and every source's pairs by their places."""

    stories: np.ndarray
    questions: np.ndarray
    rows: dict[str, Rows]


def table(
    judged: Mapping[str, Judged],
    found: Mapping[str, Sequence[Example]],
    weights: Mapping[str, float],
    vectors: Vectors,
) -> Table:
    """The sources' examples as rows."""
    stories: dict[str, int] = {}
    questions: dict[str, int] = {}
    rows = {}
    for name, examples in found.items():
        source = judged[name]
        asked = {market["id"]: market["question"] for market in source.markets}
        told = {s["id"]: story_text(s["title"], s.get("summary") or "") for s in source.stories}
        rows[name] = Rows(
            np.array([stories.setdefault(told[e.story], len(stories)) for e in examples]),
            np.array([questions.setdefault(asked[e.markets[0]], len(questions)) for e in examples]),
            np.array([e.grade > 0 for e in examples]),
            np.array([e.grade > 1 for e in examples]),
            np.array([e.up for e in examples]),
            np.full(len(examples), weights[name]),
        )
    return Table(vectors.of(list(stories)), vectors.of(list(questions)), rows)


def joined(parts: Sequence[Rows]) -> Rows:
    """Pairs of several sources."""
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def fit(all: Table, rows: Rows, seed: int = 1) -> bytes:
    """The network for these pairs, as the file that ships."""
    torch.manual_seed(seed)
    means = all.stories.mean(0), all.questions.mean(0)
    told, asked = (
        torch.tensor(_unit(vectors - mean))
        for vectors, mean in zip((all.stories, all.questions), means, strict=True)
    )
    network = Network(all.stories.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    dice = np.random.default_rng(seed)
    right, wrong = np.flatnonzero(rows.touches), np.flatnonzero(~rows.touches)
    for step in range(PASSES):
        some = dice.choice(wrong, min(len(wrong), WRONG_MAX * len(right)), replace=False)
        order = dice.permutation(np.concatenate([right, some]))
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - step / PASSES)
        for start in range(0, len(order), BATCH):
            batch = rows.where(order[start : start + BATCH])
            loss = _loss(network(told[batch.stories], asked[batch.questions]), batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return _file(network.eval(), *means)


def _loss(said: torch.Tensor, batch: Rows) -> torch.Tensor:
    """Cross-entropy of the three; direction counts where it is known."""
    binary = nn.functional.binary_cross_entropy_with_logits
    weights = torch.tensor(batch.weights, dtype=torch.float32)
    known = torch.tensor(batch.up != 0, dtype=torch.float32) * weights
    right = [torch.tensor(column, dtype=torch.float32) for column in (batch.touches, batch.bears)]
    up = torch.tensor(batch.up > 0, dtype=torch.float32)
    total = binary(said[:, 0], right[0], weight=weights)
    total = total + binary(said[:, 1], right[1], weight=weights)
    return total + binary(said[:, 2], up, weight=known)


def _file(network: Network, story_mean: np.ndarray, question_mean: np.ndarray) -> bytes:
    size = network.story.in_features
    widths = (size, size, SHORT, SHORT, SHORT, 1)
    scale = np.concatenate([np.full(n, s) for n, s in zip(widths, SCALES, strict=True)])
    held = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    tables = {
        "story_mean": story_mean,
        "question_mean": question_mean,
        "hidden": held["hidden.weight"] * scale,
    }
    for name in ("story", "question", "out"):
        tables[name] = held[f"{name}.weight"]
    for name in ("story", "question", "hidden", "out"):
        tables[f"{name}_bias"] = held[f"{name}.bias"]
    told = io.BytesIO()
    np.savez(told, **{name: tables[name].astype(np.float16) for name in WEIGHTS})
    return told.getvalue()


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def crossed(
    judged: Mapping[str, Judged],
    found: Mapping[str, Sequence[Example]],
    weights: Mapping[str, float],
    vectors: Vectors,
) -> dict[str, list[Example]]:
    """The same examples, each pair's numbers by a network that saw neither source nor weeks."""
    all = table(judged, found, weights, vectors)
    fresh = {}
    for name, examples in found.items():
        rest = [rows for other, rows in all.rows.items() if other != name]
        rows, said = all.rows[name], {}
        for block in _blocks(judged[name], examples):
            inside = np.zeros(len(examples), bool)
            inside[block] = True
            others = [] if inside.all() else [rows.where(~inside)]
            pairing = Pairing(fit(all, joined([*rest, *others])))
            said |= _said(pairing, all, rows, block)
        fresh[name] = _anew(examples, said)
        print("pairs of", name, "told", flush=True)
    return fresh


def _blocks(source: Judged, examples: Sequence[Example]) -> list[np.ndarray]:
    """The places of examples that are told together: all, or the archives' by time."""
    if source.name not in ("archives", "world"):
        return [np.arange(len(examples))]
    day = {story["id"]: story["published"][:10] for story in source.stories}
    days = sorted({day[one.story] for one in examples})
    block = {one: at * BLOCKS // len(days) for at, one in enumerate(days)}
    placed = np.array([block[day[one.story]] for one in examples])
    return [np.flatnonzero(placed == number) for number in range(BLOCKS)]


def _said(pairing: Pairing, all: Table, rows: Rows, places: np.ndarray) -> dict[int, Paired]:
    by_story: dict[int, list[int]] = defaultdict(list)
    for at in places:
        by_story[int(rows.stories[at])].append(int(at))
    said = {}
    for story, some in by_story.items():
        asked = all.questions[rows.questions[some]]
        said |= dict(zip(some, pairing.pairs(all.stories[story], asked), strict=True))
    return said


AT = {name: STAGE_B.index(name) for name in ("pair", "pair_bears", "pair_rank", "pair_gap")}


def _anew(examples: Sequence[Example], said: Mapping[int, Paired]) -> list[Example]:
    """The examples with these numbers, ranks among each story's anew."""
    fresh = list(examples)
    by_story: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(examples):
        by_story[one.story].append(at)
    for places in by_story.values():
        known = [at for at in places if examples[at].near is not None]
        order = sorted(known, key=lambda at: -said[at].touches)
        best = said[order[0]].touches if order else PAIR_MIN
        rank = {at: place for place, at in enumerate(order)}
        for at in places:
            fresh[at] = _told(examples[at], said[at], rank.get(at), best)
    return fresh


def _told(one: Example, pair: Paired, rank: int | None, best: float) -> Example:
    """One example with its numbers; ``rank`` None where the models have not spoken of it."""
    columns = list(one.columns)
    near = one.near
    touches, bears = (PAIR_MIN, PAIR_MIN) if near is None else (pair.touches, pair.bears)
    columns[AT["pair"]], columns[AT["pair_bears"]] = touches, bears
    columns[AT["pair_rank"]] = float(np.log1p(FAR_RANK if rank is None else min(rank, FAR_RANK)))
    columns[AT["pair_gap"]] = best - touches
    if near is not None:
        said = {"pair": pair.touches, "pair_bears": pair.bears, "pair_up": pair.up}
        near = msgspec.structs.replace(near, **said)
    return one._replace(columns=columns, near=near)


def write(raw: bytes, folder: Path) -> None:
    """The network among what ships, and its checksum in the manifest."""
    from benchmarks.learn.encoder import write as write_manifest
    from feeds.semantic.models import Part, manifest

    (folder / "pairing.npz").write_bytes(raw)
    part = Part("pairing.npz", hashlib.sha256(raw).hexdigest())
    write_manifest(msgspec.structs.replace(manifest(), pairing=part))
