"""Keyed hashes: every vector of both official clients fits, each with a flipped bit does not."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from practice.accounts import signing
from practice.accounts.auth import signed_by
from practice.clock import ManualClock
from practice.venue import Venue
from tests.practice.worlds import START_NS, world


def _cases(folder: Path) -> list[tuple[bytes, list[bytes], str]]:
    cases = []
    first: dict[str, Any] = json.loads((folder / "vectors/l2_headers.json").read_text())
    for case in first["cases"]:
        secret = base64.urlsafe_b64decode(case["secret"])
        cases.append((secret, _parts(case, case["request_path"]), case["signature"]))
    second = json.loads((folder / "vectors-sdk/auth.json").read_text())["l2_hmac"]
    secret = base64.urlsafe_b64decode(second["secret"])
    for case in second["cases"]:
        cases.append((secret, _parts(case, case["path"]), case["signature"]))
    return cases


def _parts(case: dict[str, Any], path: str) -> list[bytes]:
    body = case["body"] or ""
    return [part.encode() for part in (str(case["timestamp"]), case["method"], path, body)]


def test_every_vector_fits(shared_data: Path) -> None:
    cases = _cases(shared_data)
    assert len(cases) == 15
    assert any(b"'" in parts[3] for _, parts, _ in cases)  # signed as if it were "
    for secret, parts, signature in cases:
        assert signed_by(secret, parts, signature)


def test_one_flipped_bit_of_hash_secret_or_text_does_not_fit(shared_data: Path) -> None:
    for secret, parts, signature in _cases(shared_data):
        for bit in range(len(signature) * 8):
            other = bytearray(signature.encode())
            other[bit // 8] ^= 1 << bit % 8
            assert not signed_by(secret, parts, other.decode("latin-1"))
        for place in range(4):
            altered = list(parts)
            altered[place] = (
                bytes([parts[place][0] ^ 1]) + parts[place][1:] if parts[place] else b"x"
            )
            assert not signed_by(secret, altered, signature)
        assert not signed_by(bytes([secret[0] ^ 1]) + secret[1:], parts, signature)


@pytest.mark.parametrize("wrong", ["", "=", "é", "A" * 44, "9uVB62bgmHlPjmzJZKEWLLMA57IZZ5eZ"])
def test_rubbish_does_not_fit(wrong: str) -> None:
    assert not signed_by(bytes(32), [b"1", b"GET", b"/data/orders", b""], wrong)


def test_the_other_spelling_of_the_same_bytes_does_not_fit(shared_data: Path) -> None:
    """Base64 has spare bits at its end: only the canonical text is a signature."""
    secret, parts, signature = _cases(shared_data)[0]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(signature[42])
    twin = signature[:42] + letters[last ^ 1] + "="
    assert base64.urlsafe_b64decode(twin) == base64.urlsafe_b64decode(signature)
    assert not signed_by(secret, parts, twin)


async def test_without_the_signing_libraries_a_clear_answer_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signing, "available", lambda: False)
    venue = Venue(world(), ManualClock(START_NS))
    assert venue.accounts.wallets == []
    transport = httpx.ASGITransport(app=venue.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://venue") as http:
        for method, path in (("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")):
            answer = await http.request(method, path)
            assert answer.status_code == 501
            assert "pip install 'fit-to-trade[live]'" in answer.json()["error"]
        assert (await http.get("/data/orders")).status_code == 401
        assert (await http.get("/ok")).json() == "OK"
