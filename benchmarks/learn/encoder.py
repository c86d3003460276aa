"""Export the encoder of sentences, and put what ships into the package with its checksums.

    python -m benchmarks.learn.encoder --base DIR --prefix "query: " --ordinary STORIES.jsonl
    python -m benchmarks.learn.encoder --reader DIR

The first writes ``encoder.onnx`` (mean of the tokens, of length one), its tokenizer and the vectors
of a thousand everyday headlines; the second adds the reader that ``reader.py`` wrote.
"""

import argparse
import hashlib
import json
import random
import shutil
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import BertConfig, BertModel

from benchmarks.learn.quantise import quantised
from benchmarks.learn.reader import PAIR_TOKENS, STORY_TOKENS
from feeds.semantic.models import Manifest, Models, Network, Part, manifest

DATA = Path(__file__).parents[2] / "feeds" / "semantic" / "data"
TOKENS_MAX = 64
ORDINARY = 1_000


class Encoder(nn.Module):
    """The mean of a text's tokens, of length one."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        self.config = BertConfig(**json.loads((base / "config.json").read_text()))
        self.encoder = BertModel(self.config, add_pooling_layer=False)
        state = load_file(base / "model.safetensors")
        plain = {name.removeprefix("bert."): value for name, value in state.items()}
        missing, _ = self.encoder.load_state_dict(plain, strict=False)
        assert not [name for name in missing if "position_ids" not in name], missing

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """One vector a text."""
        found = self.encoder(input_ids, attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(found.dtype)
        mean = (found * mask).sum(1) / mask.sum(1)
        return mean / mean.norm(dim=1, keepdim=True)


def part(name: str) -> Part:
    """A file of the package with its checksum."""
    return Part(name, hashlib.sha256((DATA / name).read_bytes()).hexdigest())


def write(told: Manifest) -> None:
    """The manifest, for people to read as well."""
    text = json.dumps(msgspec.to_builtins(told), indent=1) + "\n"
    (DATA / "manifest.json").write_text(text, encoding="utf-8")


def encoder(base: Path, prefix: str, headlines: Path, pad: int) -> None:
    """Export the encoder and the everyday headlines."""
    DATA.mkdir(parents=True, exist_ok=True)
    model = Encoder(base).eval()
    ids = torch.randint(5, 3_000, (2, 16))
    names = ["input_ids", "attention_mask"]
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        axes = {name: {0: "batch", 1: "tokens"} for name in names} | {"vector": {0: "batch"}}
        torch.onnx.export(
            model,
            (ids, torch.ones_like(ids)),
            str(plain),
            input_names=names,
            output_names=["vector"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        quantised(plain, DATA / "encoder.onnx")
    shutil.copy(base / "tokenizer.json", DATA / "encoder.tokenizer.json")
    size = model.config.hidden_size
    (DATA / "ordinary.bin").write_bytes(np.zeros(size, np.int8).tobytes())
    network = Network(
        name=base.name,
        weights=part("encoder.onnx"),
        tokenizer=part("encoder.tokenizer.json"),
        tokens_max=TOKENS_MAX,
        pad_id=pad,
        prefix=prefix,
    )
    write(Manifest(encoder=network, ordinary=part("ordinary.bin")))
    told = [json.loads(line)["title"] for line in headlines.read_text("utf-8").splitlines()]
    random.Random(5).shuffle(told)
    vectors = Models().vectors(told[:ORDINARY])
    (DATA / "ordinary.bin").write_bytes(np.rint(vectors * 127).astype(np.int8).tobytes())
    write(Manifest(encoder=network, ordinary=part("ordinary.bin")))


def reader(folder: Path) -> None:
    """Add the reader to what ships."""
    shutil.copy(folder / "reader.onnx", DATA / "reader.onnx")
    shutil.copy(folder / "tokenizer.json", DATA / "reader.tokenizer.json")
    network = Network(
        name="reader",
        weights=part("reader.onnx"),
        tokenizer=part("reader.tokenizer.json"),
        tokens_max=PAIR_TOKENS,
        pad_id=0,
        story_tokens_max=STORY_TOKENS,
        latin=True,
    )
    write(msgspec.structs.replace(manifest(), reader=network))


def main() -> None:
    """Export what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", type=Path)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--ordinary", type=Path)
    parser.add_argument("--pad", type=int, default=0)
    parser.add_argument("--reader", type=Path)
    wanted = parser.parse_args()
    if wanted.base:
        encoder(wanted.base, wanted.prefix, wanted.ordinary, wanted.pad)
    if wanted.reader:
        reader(wanted.reader)


if __name__ == "__main__":
    main()
