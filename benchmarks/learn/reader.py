"""Train the reader: a small cross-encoder that reads a story and a question together.

    python -m benchmarks.learn.reader SHARED --base DIR --out DIR --cache DIR [--minutes 60]
        [--resume READER.pt]

With ``--minutes 0`` what ``--resume`` names is written anew and nothing is learnt.

``--base`` is the folder of a BERT-like model (``config.json``, ``model.safetensors``,
``tokenizer.json``); ``--out`` gets ``reader.onnx`` in whole numbers of eight bits. Stories of the
held-out part (``split.py``) are never learnt from: they tell how it does, and stage B is calibrated
on them. Three heads: touches, bears on the very thing asked, pushes YES up. Beside the judged news
it learns from lessons: headlines written for a question each, for it, against it, near it, and
beside the point (``benchmarks/data/lessons``).
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertModel

from benchmarks.learn.examples import Example
from benchmarks.learn.sources import Judged
from benchmarks.learn.split import held
from feeds.semantic.meaning import story_text

STORY_TOKENS, PAIR_TOKENS = 56, 88
FROZEN_LAYERS = 2
BATCH = 32
RATE, HEAD_RATE, WARM = 1e-4, 1e-3, 0.06
NEGATIVES_BESIDE, NEGATIVES_ALONE = 7, 3
"""Wrong questions for a story that touches some, and for one that touches none."""
HARDEST = 8
LESSONS = Path(__file__).parents[1] / "data" / "lessons"
STRANGERS = 2
"""Questions of other lessons that each lesson is set beside, as wrong ones."""
SUMMARY_SHARE = 0.5
"""Of graded lessons so many keep their summary: else having one would tell the grade."""
SLIM_WITNESS = 3_000
WITNESS_MAX = 8_000
"""Pairs of the held-out part that are read at the end."""


class Pair(NamedTuple):
    """Texts, what is right of them (``up`` 0 where it is not known), and how hard it looks."""

    source: str
    story: str
    text: str
    question: str
    touches: bool
    bears: bool
    up: int
    hard: float


class Reader(nn.Module):
    """An encoder and three numbers from its first token and its mean."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        config = BertConfig(**json.loads((base / "config.json").read_text()))
        self.encoder = BertModel(config, add_pooling_layer=False)
        state = load_file(base / "model.safetensors")
        plain = {name.removeprefix("bert."): value for name, value in state.items()}
        self.encoder.load_state_dict(plain, strict=False)
        self.mix = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.heads = nn.Linear(config.hidden_size, 3)
        self.rest = nn.Dropout(0.1)
        for part in (self.encoder.embeddings, *self.encoder.encoder.layer[:FROZEN_LAYERS]):
            for weight in part.parameters():
                weight.requires_grad = False

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """Log-odds of the three questions, one row a pair."""
        found = self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(found.dtype)
        mean = (found * mask).sum(1) / mask.sum(1)
        told = torch.tanh(self.mix(torch.cat([found[:, 0], mean], 1)))
        return self.heads(self.rest(told))


class Texts:
    """Pairs as tokens, cut as ``feeds.semantic`` cuts them."""

    def __init__(self, base: Path, pad: int = 0) -> None:
        self._tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._known: dict[str, list[int]] = {}
        self._pad = pad

    def batch(self, pairs: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tokens, mask and kinds of these pairs."""
        rows, firsts = [], []
        for pair in pairs:
            told = self._ids(pair.text, STORY_TOKENS)
            asked = self._ids(pair.question, PAIR_TOKENS - STORY_TOKENS)
            rows.append(told + asked[1:])
            firsts.append(len(told))
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self._pad)
        mask, kind = torch.zeros_like(ids), torch.zeros_like(ids)
        for at, (row, first) in enumerate(zip(rows, firsts, strict=True)):
            ids[at, : len(row)] = torch.tensor(row)
            mask[at, : len(row)] = 1
            kind[at, first : len(row)] = 1
        return ids, mask, kind

    def _ids(self, text: str, most: int) -> list[int]:
        if text not in self._known:
            self._known[text] = list(self._tokenizer.encode(text).ids)
        ids = self._known[text]
        return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]


def pairs(
    found: Sequence[Example], texts: dict[str, tuple[str, str]], questions: dict[str, str]
) -> list[Pair]:
    """Pairs of one source's examples; ``texts`` are title and summary by story."""
    told = []
    for one in found:
        near = one.near.whole if one.near else 0.0
        hard = near + one.columns[0] / 40
        text = story_text(*texts[one.story])
        asked = questions[one.markets[0]]
        good, direct = one.grade > 0, one.grade > 1
        told.append(Pair(one.source, one.story, text, asked, good, direct, one.up, hard))
    return told


def unpooled(source: Judged, found: Sequence[Example], dice: random.Random) -> Iterator[Pair]:
    """Questions that a reader was asked about and graded none, which this linker did not pool."""
    questions = {market["id"]: market["question"] for market in source.markets}
    known = {(one.story, id) for one in found for id in one.markets}
    for story in source.stories:
        links = source.links.get(story["id"], {})
        text = story_text(story["title"], story.get("summary") or "")
        words = set(story["title"].lower().split())
        for group in story.get("candidates", ()):
            if any((story["id"], id) in known or id in links for id in group):
                continue
            asked = questions[group[0]]
            hard = len(words.intersection(asked.lower().split())) / 8 + dice.random() / 4
            yield Pair(source.name, story["id"], text, asked, False, False, 0, hard)


def lessons(dice: random.Random) -> list[Pair]:
    """Each lesson beside its own question, and beside some of others."""
    from benchmarks._judged import lines

    questions = {line["id"]: line["question"] for line in lines(LESSONS / "questions.jsonl")}
    others = list(questions.values())
    told = []
    for number, line in enumerate(lines(LESSONS / "headlines.jsonl")):
        asked, grade = questions[line["question"]], line["grade"]
        whole = not grade or dice.random() < SUMMARY_SHARE
        story = f"lesson-{number}"
        text = story_text(line["title"], line.get("summary", "") if whole else "")
        up = line["direction"] if grade else 0
        told.append(Pair("lessons", story, text, asked, grade > 0, grade > 1, up, 2.0))
        strangers = [one for one in dice.sample(others, STRANGERS) if one != asked]
        told += [Pair("lessons", story, text, one, False, False, 0, 1.0) for one in strangers]
    return told


def epoch(by_story: dict[str, list[Pair]], dice: random.Random) -> Iterator[list[Pair]]:
    """Batches of like length: every right pair, and some of the hardest wrong ones."""
    chosen: list[Pair] = []
    for told in by_story.values():
        good = [pair for pair in told if pair.touches]
        wrong = sorted((pair for pair in told if not pair.touches), key=lambda pair: -pair.hard)
        many = NEGATIVES_BESIDE if good else NEGATIVES_ALONE
        half = min(many // 2 + 1, len(wrong))
        hardest = dice.sample(wrong[:HARDEST], min(half, len(wrong[:HARDEST])))
        rest = wrong[HARDEST : 5 * HARDEST]
        chosen += good + hardest + dice.sample(rest, min(many - half, len(rest)))
    chosen.sort(key=lambda pair: len(pair.text) + len(pair.question) + dice.random() * 8)
    batches = [chosen[at : at + BATCH] for at in range(0, len(chosen), BATCH)]
    dice.shuffle(batches)
    yield from batches


def loss_of(said: torch.Tensor, batch: Sequence[Pair]) -> torch.Tensor:
    """Cross-entropy of the three heads; direction counts where it is known."""
    binary = nn.functional.binary_cross_entropy_with_logits
    touches = torch.tensor([float(pair.touches) for pair in batch])
    bears = torch.tensor([float(pair.bears) for pair in batch])
    graded = torch.tensor([float(pair.source != "practice") for pair in batch])
    up = torch.tensor([float(pair.up > 0) for pair in batch])
    known = torch.tensor([float(pair.up != 0) for pair in batch])
    total = binary(said[:, 0], touches)
    total = total + 0.5 * binary(said[:, 1], bears, weight=graded)
    way = binary(said[:, 2], up, weight=known, reduction="sum") / known.sum().clamp(min=1)
    return total + 0.5 * way


def spoken(model: Reader, texts: Texts, told: Sequence[Pair]) -> np.ndarray:
    """What the reader says of these pairs."""
    model.eval()
    said = np.zeros((len(told), 3))
    order = sorted(range(len(told)), key=lambda at: len(told[at].text) + len(told[at].question))
    with torch.no_grad():
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            said[batch] = model(*texts.batch([told[at] for at in batch])).numpy()
    return said


def quality(told: Sequence[Pair], said: np.ndarray) -> dict[str, float]:
    """Mean precision of the ranking over all pairs, for touches and bears; directions right."""
    return {
        "touches": _average_precision([pair.touches for pair in told], said[:, 0]),
        "bears": _average_precision([pair.bears for pair in told], said[:, 1]),
        "up": float(
            np.mean([way * p.up > 0 for p, way in zip(told, said[:, 2], strict=True) if p.up])
        ),
    }


def _average_precision(right: Sequence[bool], numbers: np.ndarray) -> float:
    order = np.argsort(-numbers)
    hits = np.array(right, float)[order]
    ranks = np.arange(1, len(hits) + 1)
    return float((hits * hits.cumsum() / ranks).sum() / max(1.0, hits.sum()))


def train(
    model: Reader, texts: Texts, learnt: Sequence[Pair], witness: Sequence[Pair], minutes: float
) -> None:
    """Train for so long, rate falling to nothing; says how the held-out part does on the way."""
    by_story: dict[str, list[Pair]] = defaultdict(list)
    for pair in learnt:
        by_story[pair.story].append(pair)
    fast = [w for name, w in model.named_parameters() if w.requires_grad and "encoder" not in name]
    slow = [w for name, w in model.named_parameters() if w.requires_grad and "encoder" in name]
    optimiser = torch.optim.AdamW(
        [{"params": slow, "lr": RATE}, {"params": fast, "lr": HEAD_RATE}], weight_decay=0.01
    )
    base = [group["lr"] for group in optimiser.param_groups]
    dice, began, seen, looked = random.Random(1), time.monotonic(), 0, 0.0
    while True:
        for batch in epoch(by_story, dice):
            done = (time.monotonic() - began) / (60 * minutes)
            if done >= 1:
                print("held out", json.dumps(quality(witness, spoken(model, texts, witness))))
                return
            for group, rate in zip(optimiser.param_groups, base, strict=True):
                group["lr"] = rate * min(1.0, done / WARM) * (1 - done)
            model.train()
            loss = loss_of(model(*texts.batch(batch)), batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*slow, *fast], 1.0)
            optimiser.step()
            seen += len(batch)
            if done - looked > 0.2:
                looked = done
                found = quality(witness[:3000], spoken(model, texts, witness[:3000]))
                print(f"{done:.2f} {seen} {loss.item():.3f}", json.dumps(found), flush=True)


WORDS_MAX = 20_000
"""Pieces of words that ship: rarer ones are spelt with these, and 4 MB are saved."""


def slimmed(model: Reader, base: Path, texts: Sequence[str], out: Path) -> Texts:
    """Cut the vocabulary to the commonest pieces of these texts, in the model and its tokenizer.

    Single signs stay, so that everything can still be spelt.
    """
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    counts = Counter(token for text in texts for token in tokenizer.encode(text).tokens)
    raw = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))
    places: dict[str, int] = raw["model"]["vocab"]
    marks = {one["content"] for one in raw["added_tokens"]}
    signs = {token for token in places if token.isascii() and len(token.removeprefix("##")) == 1}
    common = {token for token, _ in counts.most_common(WORDS_MAX)}
    spare = sorted((t for t in places if t.isascii() and t.isalpha()), key=places.__getitem__)
    kept = marks | signs | common
    kept.update(spare[: max(0, WORDS_MAX - len(kept))])
    order = sorted(kept, key=places.__getitem__)
    fresh = {token: number for number, token in enumerate(order)}
    words = model.encoder.embeddings.word_embeddings.weight[[places[token] for token in order]]
    model.encoder.embeddings.word_embeddings = nn.Embedding.from_pretrained(words.detach())
    raw["model"]["vocab"] = fresh
    for one in raw["added_tokens"]:
        one["id"] = fresh[one["content"]]
    for name, one in raw["post_processor"]["special_tokens"].items():
        one["ids"] = [fresh[name]]
    (out / "tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    return Texts(out)


def export(model: Reader, texts: Texts, out: Path) -> None:
    """Write the reader as ONNX, its weights as whole numbers of eight bits."""
    from benchmarks.learn.quantise import quantised

    model.eval()
    some = Pair("", "", "A headline. And its summary", "Will it be so?", False, False, 0, 0.0)
    fed = texts.batch([some])
    names = ["input_ids", "attention_mask", "token_type_ids"]
    plain = out / "reader.fp32.onnx"
    torch.onnx.export(
        model,
        fed,
        str(plain),
        input_names=names,
        output_names=["said"],
        dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names} | {"said": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    quantised(plain, out / "reader.onnx")


def main() -> None:
    """Train, report, write."""
    from benchmarks.learn.gather import gathered

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--resume", type=Path, help="weights of an earlier run to go on from")
    wanted: Any = parser.parse_args()
    torch.manual_seed(1)
    learnt: list[Pair] = []
    witness: list[Pair] = []
    for source, found in gathered(wanted.shared, wanted.cache, meaning=False):
        told = {s["id"]: (s["title"], s.get("summary") or "") for s in source.stories}
        questions = {market["id"]: market["question"] for market in source.markets}
        unread = unpooled(source, found, random.Random(4))
        for pair in (*pairs(found, told, questions), *unread):
            (witness if held(pair.source, pair.story) else learnt).append(pair)
    learnt += lessons(random.Random(3))
    random.Random(2).shuffle(witness)
    del witness[WITNESS_MAX:]
    print(len(learnt), "pairs to learn from,", len(witness), "held out", flush=True)
    model, texts = Reader(wanted.base), Texts(wanted.base)
    if wanted.resume:
        model.load_state_dict(torch.load(wanted.resume, weights_only=True))
    wanted.out.mkdir(parents=True, exist_ok=True)
    if wanted.minutes:
        train(model, texts, learnt, witness, wanted.minutes)
        torch.save(model.state_dict(), wanted.out / "reader.pt")
    seen = dict.fromkeys(chain.from_iterable((one.text, one.question) for one in learnt))
    slim = slimmed(model, wanted.base, list(seen), wanted.out)
    some = witness[:SLIM_WITNESS]
    print("as it ships", json.dumps(quality(some, spoken(model, slim, some))), flush=True)
    export(model, slim, wanted.out)


if __name__ == "__main__":
    main()
