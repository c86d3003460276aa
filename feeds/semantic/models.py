"""The models: found, checked against their checksums, loaded, asked. Nothing here decides.

``data/manifest.json`` names the files, their checksums and how text is put to them. Loading raises
:class:`SemanticError` with a sentence that says what is missing and how to get it.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import msgspec

from feeds.decoding import Unreadable, decoded
from feeds.semantic.pairing import Pairing

NEEDS = ("numpy", "onnxruntime", "tokenizers")
EXTRA = "install the extra: pip install '.[semantic]'"
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
BATCH = 16
"""Texts of like length that are put to a model at once: more gains nothing on one core."""


class SemanticError(Exception):
    """Why the models can't be used, in a sentence."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that ships, and its SHA-256."""

    file: str
    sha256: str


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model with its tokenizer. It reads at most ``tokens_max``, ``prefix`` before all.

    Of a pair the story takes at most ``story_tokens_max``. ``latin`` says that it knows no Chinese.
    """

    name: str
    weights: Part
    tokenizer: Part
    tokens_max: int
    pad_id: int
    prefix: str = ""
    story_tokens_max: int = 0
    latin: bool = False


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ships: the encoder of sentences, vectors of everyday headlines, and what reads pairs:
    of vectors, and of texts."""

    encoder: Network
    ordinary: Part
    pairing: Part | None = None
    reader: Network | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every file."""
        networks = [one for one in (self.encoder, self.reader) if one is not None]
        alone = [part for part in (self.ordinary, self.pairing) if part is not None]
        return (*alone, *(part for n in networks for part in (n.weights, n.tokenizer)))


_decode_manifest = msgspec.json.Decoder(Manifest).decode


class Said(NamedTuple):
    """The reader's word on a pair, as log-odds: see :class:`feeds.events.Near`."""

    touches: float
    bears: float
    up: float


def manifest() -> Manifest:
    """What ships; raises :class:`SemanticError` where nothing does."""
    try:
        return decoded(_decode_manifest, (_data() / "manifest.json").read_bytes())
    except (OSError, Unreadable) as error:
        raise SemanticError("this installation holds no models: reinstall the package") from error


def checksum() -> str:
    """A fingerprint of all that ships: scores of other models are other scores."""
    return hashlib.sha256(msgspec.json.encode(manifest())).hexdigest()[:16]


def encoder_checksum() -> str:
    """A fingerprint of what vectors hang on: those of another encoder are other vectors."""
    return hashlib.sha256(msgspec.json.encode(manifest().encoder)).hexdigest()[:16]


def missing() -> str:
    """Why the models can't run here, or ""."""
    absent = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: {EXTRA}"
    try:
        ships = manifest()
    except SemanticError as error:
        return str(error)
    gone = [part.file for part in ships.parts if not (_data() / part.file).is_file()]
    return f"{', '.join(gone)} not there: reinstall the package" if gone else ""


class Models:
    """Both models in memory; some 100 MB. One thread may ask at a time."""

    def __init__(self) -> None:
        why = missing()
        if why:
            raise SemanticError(why)
        import numpy

        ships = manifest()
        self.checksum, self.encoder_checksum = checksum(), encoder_checksum()
        self._encoder = _Loaded(ships.encoder)
        self._reader = _Loaded(ships.reader) if ships.reader is not None else None
        self.pairing = Pairing(_checked(ships.pairing)) if ships.pairing is not None else None
        raw = _checked(ships.ordinary)
        self.ordinary: Any = numpy.frombuffer(raw, numpy.int8).reshape(-1, self.size) / 127.0

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        return int(self._encoder.session.get_outputs()[0].shape[-1])

    def vectors(self, texts: Sequence[str]) -> Any:
        """Unit vectors, one row a text."""
        import numpy

        encoder = self._encoder
        rows = numpy.zeros((len(texts), self.size), numpy.float32)
        told = [encoder.ids(encoder.network.prefix + text) for text in texts]
        for batch in _batches([len(ids) for ids in told]):
            rows[batch] = encoder.run([(told[at], len(told[at])) for at in batch])
        return rows

    def reads(self, story: str) -> bool:
        """Whether the reader knows the script of this story."""
        reader = self._reader
        return reader is not None and not (reader.network.latin and _CHINESE.search(story))

    def read(self, story: str, questions: Sequence[str]) -> list[Said]:
        """Story and each question read together."""
        reader = self._reader
        assert reader is not None, "ask reads() first"
        most = reader.network.story_tokens_max
        told = reader.ids(story, most)
        pairs = []
        for question in questions:
            asked = reader.ids(question, reader.network.tokens_max - most)
            pairs.append((told + asked[1:], len(told)))
        said = [Said(0.0, 0.0, 0.0)] * len(pairs)
        for batch in _batches([len(ids) for ids, _ in pairs]):
            found = reader.run([pairs[at] for at in batch])
            for at, row in zip(batch, found, strict=True):
                said[at] = Said(*(float(number) for number in row))
        return said


class _Loaded:
    """A network in memory."""

    def __init__(self, network: Network) -> None:
        import onnxruntime
        import tokenizers

        self.network = network
        text = _checked(network.tokenizer).decode()
        self._tokenizer: Any = tokenizers.Tokenizer.from_str(text)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        raw, providers = _checked(network.weights), ["CPUExecutionProvider"]
        try:
            self.session: Any = onnxruntime.InferenceSession(raw, options, providers=providers)
        except Exception as error:  # the runtime raises kinds of its own
            name = network.weights.file
            raise SemanticError(f"{name} can't be loaded: {error!s:.200}") from error
        self._wanted = {entry.name for entry in self.session.get_inputs()}

    def ids(self, text: str, most: int = 0) -> list[int]:
        """Tokens of a text between its marks, cut to ``most`` with the closing mark kept."""
        most = most or self.network.tokens_max
        ids = list(self._tokenizer.encode(text).ids)
        return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]

    def run(self, rows: Sequence[tuple[list[int], int]]) -> Any:
        """What it says of these tokens, each row with the length of its first part."""
        import numpy

        longest = max(len(ids) for ids, _ in rows)
        shape = (len(rows), longest)
        ids = numpy.full(shape, self.network.pad_id, numpy.int64)
        mask, kind = numpy.zeros(shape, numpy.int64), numpy.zeros(shape, numpy.int64)
        for at, (row, first) in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
            kind[at, first : len(row)] = 1
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kind}
        return self.session.run(None, {k: v for k, v in fed.items() if k in self._wanted})[0]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of like length together, so that little is padded."""
    order = sorted(range(len(lengths)), key=lambda at: lengths[at])
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _checked(part: Part) -> bytes:
    try:
        raw = (_data() / part.file).read_bytes()
    except OSError as error:
        raise SemanticError(f"{part.file} can't be read ({error}): reinstall") from error
    if hashlib.sha256(raw).hexdigest() != part.sha256:
        raise SemanticError(f"{part.file} is not the file that was shipped: reinstall the package")
    return raw


def _data() -> Traversable:
    return files("feeds.semantic").joinpath("data")
