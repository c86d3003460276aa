"""The log: private, bounded, and without secrets or control characters."""

import io
import logging
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.log import FILES_KEPT, LINE_CHARS_MAX, redacted, set_up, take_down
from terminal.stores.paths import Paths

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
API_SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    yield Paths.find({"FTT_HOME": str(tmp_path)})
    take_down()


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY}",
        f"key 0x{KEY.upper()}.",
        f"signature 0x{KEY}{KEY}1b",
        f"POLY_API_KEY: {API_SECRET}",
        f"headers={{'POLY_PASSPHRASE': '{API_SECRET}', 'x': 1}}",
        f'{{"secret": "{API_SECRET}", "passphrase": "CANARY horse battery"}}',
        f"the secret is {API_SECRET} of course",
        "Authorization: Bearer CANARYCANARY123",
        "GET https://user:CANARY@example.org/feed",
        "private_key=CANARY",
        "api-key = 'CANARY'",
        "ftt --wallet-private-key=CANARY",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.CANARY",
        "mnemonic: 'CANARY legal winner thank'",
    ],
)
def test_secrets_are_replaced(text: str) -> None:
    shown = redacted(text)
    assert "[redacted]" in shown
    for secret in (KEY, KEY.upper(), API_SECRET, "CANARY"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "order 0x12ab34 is open",
        "asset 21742633143463906290569050155826241533067272736897614950488156847949938836455",
        "https://clob.polymarket.com/book?token_id=1",
        "feed reuters: 304 in 12 ms",
        "the secretary said nothing",
    ],
)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert redacted(text).replace("[redacted]", "1") == text


@settings(deadline=None)
@given(st.text(st.characters(), max_size=300))
def test_no_control_character_passes(text: str) -> None:
    assert all(line.isprintable() for line in redacted(text).split("\n"))


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_key_is_found_wherever_it_stands(before: str, after: str) -> None:
    apart = before.rstrip("0123456789abcdefABCDEF"), after.lstrip("0123456789abcdefABCDEF")
    assert KEY not in redacted(f"{apart[0]}{KEY}{apart[1]}")


def test_a_long_line_is_cut() -> None:
    assert len(redacted("word " * 10_000)) <= LINE_CHARS_MAX + 1


def lines(paths: Paths) -> list[str]:
    return (paths.logs / "ftt.log").read_text(encoding="utf-8").splitlines()


def test_the_file_is_private_and_says_when_who_and_what(paths: Paths) -> None:
    file = set_up(paths)
    logging.getLogger("terminal.engine.loop").warning("book %s fell silent", "yes")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.logs.stat().st_mode) == 0o700
    (line,) = lines(paths)
    assert line.endswith("Z WARNING terminal.engine: book yes fell silent")
    assert line[4] == "-"
    assert line[10] == "T"


def test_secrets_stay_out_of_arguments_and_tracebacks(paths: Paths) -> None:
    set_up(paths)
    try:
        secret = KEY
        raise ValueError(f"can't sign with {secret}")
    except ValueError:
        logging.getLogger("x").exception("failed for %s", {"secret": "CANARY"})
    text = "\n".join(lines(paths))
    assert "ValueError: can't sign with [redacted]" in text
    assert "Traceback" in text
    assert KEY not in text
    assert "CANARY" not in text


def test_a_message_can_not_pass_for_two(paths: Paths) -> None:
    set_up(paths)
    forged = "title\n2026-11-24T00:00:00.000Z CRITICAL terminal: all is lost\x1b[2J\r"
    logging.getLogger("feeds").warning("%s", forged)
    first, second = lines(paths)
    assert first.endswith("feeds: title")
    assert second.startswith("    2026")
    assert second.endswith("\\x1b[2J\\r")


def test_libraries_chat_only_when_asked(paths: Paths) -> None:
    for debug, heard in (("", 1), ("httpx", 2)):
        set_up(paths, debug=debug)
        logging.getLogger("httpx").info("GET")
        logging.getLogger("httpx").warning("odd")
        take_down()
        assert len(lines(paths)) == heard
        (paths.logs / "ftt.log").unlink()


def test_setting_up_twice_logs_once(paths: Paths) -> None:
    set_up(paths)
    set_up(paths)
    logging.getLogger("x").error("once")
    assert len(lines(paths)) == 1


def test_the_log_is_bounded(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminal.log.FILE_BYTES_MAX", 2_000)
    set_up(paths)
    for n in range(300):
        logging.getLogger("x").error("line %d", n)
    files = sorted(paths.logs.iterdir())
    assert len(files) == FILES_KEPT
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert lines(paths)[-1].endswith("line 299")


def test_what_nobody_caught_is_logged_and_told_in_one_line(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = io.StringIO()
    monkeypatch.setattr("sys.stderr", talk)
    set_up(paths)
    error = RuntimeError(f"lost {KEY}")
    sys.excepthook(RuntimeError, error, None)
    assert talk.getvalue() == "ftt: RuntimeError: lost [redacted] (the log has more)\n"
    assert "CRITICAL ftt: uncaught" in "\n".join(lines(paths))
