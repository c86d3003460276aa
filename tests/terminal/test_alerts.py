"""Alerts: one thread a key, rarely; money at once; a broken sink alone."""

import asyncio
import io
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.markets import SECOND
from strategies.decisions import Alert
from terminal.alerts import FILES_KEPT, MONEY, QUEUED_MAX, Alerts, FileSink, Message, StreamSink
from terminal.config.shape import AlertsConfig

NOON = 1_790_000_000 // 86_400 * 86_400 + 12 * 3_600
"""Seconds: noon in UTC."""


class Heard:
    """A sink that remembers."""

    name = "heard"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.closed = False

    def write(self, message: Message) -> None:
        self.messages.append(message)

    def close(self) -> None:
        self.closed = True


class Broken:
    """A sink whose disk is full."""

    name = "broken"

    def write(self, message: Message) -> None:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        """Nothing to close."""


def alert(second: float, key: str = "impact:m", kind: str = "impact", title: str = "up") -> Alert:
    return Alert(int((NOON + second) * SECOND), kind, key, title, "a body")


async def heard(alerts: list[Alert], **changes: object) -> list[tuple[str, int]]:
    """Titles that went out, and how many each stands for besides."""
    ear = Heard()
    desk = Alerts(config(**changes), Path("unused"), more_sinks=(ear,))
    for one in alerts:
        desk.raise_(one)
    await desk.close()
    assert ear.closed
    return [(message.alert.title, message.more) for message in ear.messages]


def config(**changes: object) -> AlertsConfig:
    settings: dict[str, object] = {"stdout": False, "file": False, "cooldown_s": 60}
    return AlertsConfig(**settings | changes)  # type: ignore[arg-type]


async def test_the_first_of_a_thread_goes_out_at_once_and_the_rest_as_one() -> None:
    alerts = [alert(n, title=str(n)) for n in (0, 10, 20, 30)] + [alert(61, "other", title="x")]
    assert await heard(alerts) == [("0", 0), ("30", 2), ("x", 0)]


async def test_a_thread_that_has_rested_speaks_again() -> None:
    alerts = [alert(0, title="a"), alert(60, title="b"), alert(200, title="c")]
    assert await heard(alerts) == [("a", 0), ("b", 0), ("c", 0)]


async def test_what_is_held_goes_out_when_its_rest_is_over_although_nothing_new_comes() -> None:
    ear = Heard()
    desk = Alerts(config(), Path("unused"), more_sinks=(ear,))
    desk.raise_(alert(0, title="a"))
    desk.raise_(alert(5, title="b"))
    desk.tick((NOON + 59) * SECOND)
    desk.tick((NOON + 61) * SECOND)
    desk.raise_(alert(62, title="c"))
    desk.tick((NOON + 119) * SECOND)
    await desk.close()
    assert [m.alert.title for m in ear.messages] == ["a", "b", "c"]


async def test_what_is_held_at_the_end_is_not_lost() -> None:
    assert await heard([alert(0, title="a"), alert(1, title="b")]) == [("a", 0), ("b", 0)]


@pytest.mark.parametrize(
    ("titles", "told"),
    [
        ("aa", [("a", 0)]),
        ("aaaa", [("a", 0)]),
        ("abba", [("a", 0)]),
        ("abb", [("a", 0), ("b", 0)]),
        ("abcbb", [("a", 0), ("b", 2)]),
        ("abac", [("a", 0), ("c", 0)]),
    ],
)
async def test_what_is_held_never_repeats_the_words_that_went_out_last(
    titles: str, told: list[tuple[str, int]]
) -> None:
    assert await heard([alert(n, title=title) for n, title in enumerate(titles)]) == told


async def test_the_same_words_are_news_again_after_a_rest() -> None:
    assert await heard([alert(0, title="a"), alert(70, title="a")]) == [("a", 0), ("a", 0)]


@pytest.mark.parametrize("kind", sorted(MONEY))
async def test_money_is_never_held(kind: str) -> None:
    alerts = [alert(n, "order-1", kind, str(n)) for n in range(5)]
    assert await heard(alerts, quiet_hours="00:00-23:59") == [(str(n), 0) for n in range(5)]


async def test_threads_do_not_hold_up_each_other() -> None:
    alerts = [alert(n, key=f"impact:{n}", title=str(n)) for n in range(30)]
    assert len(await heard(alerts)) == 30


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=80))
def test_a_storm_gives_one_alert_a_rest_and_loses_none(steps: list[tuple[int, str]]) -> None:
    now = 0
    alerts: list[Alert] = []
    for step, key in steps:
        now += step
        alerts.append(alert(now, key, title=f"move {len(alerts)}"))
    ear = Heard()

    async def run() -> None:
        desk = Alerts(config(cooldown_s=60), Path("unused"), more_sinks=(ear,))
        for one in alerts:
            desk.raise_(one)
        await desk.close()

    asyncio.run(run())
    assert sum(1 + message.more for message in ear.messages) == len(alerts)
    for key in "abc":
        times = [one.at_ns for one in alerts if one.key == key]
        spoken = sum(message.alert.key == key for message in ear.messages)
        # one to begin with, one each full rest, and what was still held at the end
        assert (
            spoken <= (now * SECOND + NOON * SECOND - min(times)) // (60 * SECOND) + 2
            if times
            else not spoken
        )


async def test_quiet_hours_are_local_silence_for_all_but_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC-2")  # two hours east: noon is two in the afternoon
    time.tzset()
    try:
        out = io.StringIO()
        settings = config(stdout=True, file=True, quiet_hours="13:30-14:30", cooldown_s=0)
        desk = Alerts(settings, tmp_path / "alerts.jsonl", stdout=out)
        desk.raise_(alert(0, title="hush"))
        desk.raise_(alert(1, kind="fill", key="o", title="money"))
        desk.raise_(alert(3_600, title="later"))
        await desk.close()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [line.split(": ")[1].split(" ·")[0] for line in out.getvalue().splitlines()] == [
        "money",
        "later",
    ]
    kept = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [(row["title"], row["quiet"]) for row in kept] == [
        ("hush", True),
        ("money", False),
        ("later", False),
    ]


@pytest.mark.parametrize(
    ("hours", "second", "quiet"),
    [
        ("22:00-07:00", -1, False),
        ("22:00-07:00", 10 * 3_600, True),
        ("22:00-07:00", 19 * 3_600 - 1, True),
        ("22:00-07:00", 19 * 3_600, False),
        ("11:59-12:00", 0, False),
        ("12:00-12:01", 0, True),
        ("", 0, False),
    ],
)
async def test_quiet_hours_may_run_over_midnight(hours: str, second: int, quiet: bool) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    ear = Heard()
    desk = Alerts(config(quiet_hours=hours), Path("unused"), more_sinks=(ear,))
    desk.raise_(alert(second))
    await desk.close()
    assert [message.quiet for message in ear.messages] == [quiet]


async def test_lines_are_plain_text_whatever_an_alert_says() -> None:
    out = io.StringIO()
    desk = Alerts(config(stdout=True), Path("unused"), stdout=out)
    desk.raise_(alert(0, title="\x1b[2J\x1b]52;c;aGk=\x07[red]up[/] \u202etxet", kind="im\npact"))
    await desk.close()
    line = out.getvalue()
    assert line.endswith("\n")
    assert line.startswith("12:00:00 im pact: ")
    assert line[:-1].isprintable()
    assert "[red]up[/]" in line


async def test_json_lines_on_stdout_are_one_object_each() -> None:
    out = io.StringIO()
    desk = Alerts(config(stdout=True), Path("unused"), stdout=out, as_json=True)
    desk.raise_(alert(0, title="ein \u201eZitat\u201c\nund mehr"))
    await desk.close()
    row = json.loads(out.getvalue())
    assert row["at"].endswith("T12:00:00.000Z")
    assert (row["kind"], row["key"], row["more"]) == ("impact", "impact:m", 0)


async def test_stdout_is_left_alone_when_a_face_owns_it(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Alerts(config(stdout=True), Path("unused"), to_stdout=False)
    desk.raise_(alert(0))
    await desk.close()
    assert capsys.readouterr().out == ""


async def test_a_sink_that_fails_is_told_once_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ear = Heard()
    desk = Alerts(config(cooldown_s=0), Path("unused"), more_sinks=(Broken(), ear))
    for n in range(10):
        desk.raise_(alert(n))
    await desk.close()
    assert len(ear.messages) == 10
    assert [record.message for record in caplog.records] == [
        "alerts: broken can't be written: [Errno 28] No space left on device; the others go on"
    ]
    assert set(desk.failing) == {"broken"}


async def test_a_reader_that_does_not_read_delays_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    class Stuck(Heard):
        def write(self, message: Message) -> None:
            gate.wait(5)
            super().write(message)

    stuck = Stuck()
    desk = Alerts(config(), Path("unused"), more_sinks=(stuck,))
    for n in range(QUEUED_MAX + 50):
        desk.raise_(alert(0, f"fill-{n}", "fill"))  # returns at once, every time
    assert desk.dropped >= 48
    assert len(caplog.records) == 1
    monkeypatch.setattr("terminal.alerts.CLOSE_WITHIN_S", 0.01)
    await desk.close()
    gate.set()


def test_the_file_is_private_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = FileSink(path, bytes_max=2_000)
    for n in range(200):
        sink.write(Message(alert(n, title=str(n))))
    files = sorted(tmp_path.iterdir())
    assert len(files) <= FILES_KEPT
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert all(file.stat().st_size < 3_000 for file in files)
    titles = [int(row["title"]) for row in rows(tmp_path)]
    assert titles == list(range(titles[0], 200))


def rows(folder: Path) -> Iterator[dict[str, str]]:
    for file in sorted(folder.iterdir(), reverse=True):
        yield from (json.loads(line) for line in file.read_text().splitlines())


async def test_a_folder_that_is_gone_is_a_failing_sink_and_no_crash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Alerts(config(file=True), tmp_path / "gone" / "alerts.jsonl")
    desk.raise_(alert(0))
    await desk.close()
    assert "can't be written" in caplog.text


async def test_a_closed_pipe_is_a_failing_sink_and_no_crash() -> None:
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w")
    ear = Heard()
    desk = Alerts(config(), Path("unused"), more_sinks=(StreamSink(stream), ear))
    desk.raise_(alert(0))
    await desk.close()
    assert len(ear.messages) == 1
    assert set(desk.failing) == {"stdout"}
    with pytest.raises(BrokenPipeError):
        stream.close()
