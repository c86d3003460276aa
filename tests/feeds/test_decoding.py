"""The guarded decoder: whatever bytes hold, one kind of error comes of it."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from feeds.decoding import Unreadable, decoded, guarded


class Shape(msgspec.Struct, array_like=True):
    name: str
    count: int


MSGPACK = msgspec.msgpack.Decoder(Shape).decode
JSON = msgspec.json.Decoder(Shape).decode
ANY = msgspec.msgpack.Decoder(Any).decode


@pytest.mark.parametrize(
    ("decode", "data", "says"),
    [
        (MSGPACK, b"\x92\xa2\xff\xfe\x01", "no UTF-8"),
        (ANY, b"\x91" * 100_000, "nested too deeply"),
        (JSON, b"[" * 100_000, "nested too deeply|malformed|Expected"),
        (JSON, b'["a", 1', "truncated"),
        (JSON, b'["a", "b"]', "Expected `int`"),
        (json.loads, b"\xff\xfe\x00", "no UTF-8|truncated"),
        (json.loads, b"1" * 5_000, "limit"),
        (gzip.decompress, gzip.compress(b"x" * 999, mtime=0)[:20], "cut short"),
        (gzip.decompress, b"\x1f\x8b" + bytes(30), "corrupt|Unknown compression"),
        (zlib.decompress, b"rubbish", "corrupt"),
    ],
)
def test_rubbish_is_told_in_a_sentence(
    decode: Callable[[bytes], Any], data: bytes, says: str
) -> None:
    with pytest.raises(Unreadable, match=says):
        decoded(decode, data)


def test_what_is_sound_comes_through() -> None:
    assert decoded(JSON, b'["a", 1]') == Shape("a", 1)


def test_our_own_mistakes_are_no_rubbish() -> None:
    with pytest.raises(KeyError), guarded():
        {}["nothing"]


def test_no_bytes_raise_anything_else() -> None:
    chance = random.Random(1)
    sound = [
        msgspec.msgpack.encode(Shape("naïve ✓", 7)),
        b'["naive", 7]',
        gzip.compress(b"news", mtime=0),
    ]
    for trial in range(3_000):
        body = bytearray(sound[trial % 3])
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        for decode in (MSGPACK, JSON, gzip.decompress):
            try:
                decoded(decode, bytes(body))
            except Unreadable:
                continue
