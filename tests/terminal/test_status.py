"""`ftt status`: how an engine does, in one line."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from terminal.commands.ask import status_line
from terminal.protocol.views import StatusView, StreamView

WELL = StatusView(
    mode="paper",
    venue="practice",
    now_ns=0,
    streams=(StreamView(name="market 1", state="live"), StreamView(name="news", state="live")),
    equity=10_000_000_000,
    stories=12,
    books=80,
    markets=400,
)
SHUT = StreamView(
    name="engine", state="down", sentence="2.3 s behind: no order leaves until it has caught up"
)


def told(**changes: Any) -> list[str]:
    return status_line(msgspec.structs.replace(WELL, **changes)).split(" · ")


def test_a_healthy_engine_in_one_line() -> None:
    assert told() == [
        "paper on practice",
        "0.0 s behind",
        "2 streams live",
        "80 books, 400 markets, 12 stories",
        "equity $10,000.00",
    ]


def test_who_is_behind_says_so_once_and_that_no_order_leaves() -> None:
    said = told(streams=(*WELL.streams, SHUT), behind_ms=2_300, behind_worst_ms=2_300)
    assert said[1:3] == [SHUT.sentence, "2 streams live"]


def test_what_was_is_told_with_what_is() -> None:
    said = told(behind_ms=100, behind_worst_ms=4_200, behind_times=3)
    assert said[1] == "0.1 s behind (too far 3 times, at worst 4.2 s)"


def test_what_is_wrong_is_named_and_stays_on_one_line() -> None:
    sick = StreamView(name="market 1", state="stale", sentence="no data for 20 s")
    said = told(streams=(sick,), killed=True, errors=2, message="it\nbroke")
    assert said[1] == "KILLED: no order leaves"
    assert said[3] == "market 1: no data for 20 s"
    assert said[-1] == "2 errors, the last: it broke"


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_where_no_engine_runs_that_is_said(
    ftt: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    ran = ftt("status", *arguments)
    assert ran.returncode == 1
    assert ran.stderr == ""
    if arguments:
        assert json.loads(ran.stdout) == {"running": False}
    else:
        assert ran.stdout == "no engine runs: start one with `ftt` or `ftt bot`\n"
