"""`ftt impact` on a tape and on files that are none, and the words for what was measured."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from feeds.events import Event
from feeds.figures import usual_moves
from feeds.tape import TapeWriter
from strategies.decisions import Impact, Link, Verdict
from strategies.desk import DeskSettings
from strategies.impact import Precedent
from terminal.cli import main
from terminal.commands.ask import plain
from terminal.engine.session import Header, Session
from terminal.presenters.impacts import impact_rows
from terminal.presenters.meaning import Evidence, meaning, notes_of, verdict_of
from tests.strategies.kit import NOON, market, opening, quotes, story, ticking

HEADER = Header(version="0", venue="test", started_ns=NOON, desk=DeskSettings())
QUESTION = "Will OpenAI release GPT-6 by March 31?"


def played() -> Iterator[Event]:
    """A market with a past; a story of which it takes half an hour to make 15 points."""
    yield from opening("m", 0.0, tick=10, question=QUESTION)
    yield story(title="OpenAI releases GPT-6, available today")
    for tick in ticking(1, 1_800, 30):
        x = min(0.6, 0.6 * (tick.at_ns - NOON) / 600e9)
        yield from quotes("m", x, tick.at_ns, 10)
        yield tick


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "day.tape"
    writer = TapeWriter(path, msgspec.to_builtins(HEADER))
    for event in played():
        writer.append(event)
    writer.close()
    return path


def test_a_tape_is_measured_as_its_session_was(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["impact", "--of", str(tape), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    session = Session(HEADER)
    for event in played():
        session.play(event)
    rows = impact_rows(session.desk)
    assert told == [json.loads(msgspec.json.encode(plain(row))) for row in rows]
    assert told[0]["verdict"] == "clear move"
    assert told[0]["published"] == "2026-11-24T12:00:00Z"
    assert told[0]["points"] == pytest.approx(14.5, abs=1)


def test_the_table_has_verdicts_in_words_and_words_narrow_it(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["impact", "gpt-6", "--of", str(tape)]) == 0
    told = capsys.readouterr().out
    assert "over 10" in told
    assert "clear move" in told
    assert main(["impact", "oracle", "--of", str(tape)]) == 0
    assert "'oracle'" in capsys.readouterr().err


def test_a_tape_without_ticks_is_measured_once_a_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bare.tape"
    writer = TapeWriter(path, msgspec.to_builtins(HEADER))
    for event in played():
        if type(event).__name__ != "Tick" or event.at_ns <= NOON + 2:
            writer.append(event)
    writer.close()
    assert main(["impact", "--of", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "clear move"


@pytest.mark.parametrize(
    ("contents", "code"), [(None, 2), (b"a, b\n1, 2\n", 1), (b'{"published": "no time"}\n', 1)]
)
def test_a_file_that_is_none_is_refused_in_a_sentence(
    contents: bytes | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "foreign"
    if contents is not None:
        path.write_bytes(contents)
    assert main(["impact", "--of", str(path)]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert str(path) in said.err


def test_a_number_of_rows_out_of_bounds_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["impact", "--most", "0"]) == 2
    assert "--most: expected 1 to 500" in capsys.readouterr().err


# words


NONE = Precedent()
LINK = Link("m", 0.9, 1, "names GPT-6", "launch")


def impact(verdict: Verdict = Verdict.CLEAR, **more: object) -> Impact:
    measured = {"before": 0.4, "now": 0.5, "logit": 0.405, "z": 12.0, **more}
    return Impact("s", "m", NOON, verdict, "a reason", **measured)  # type: ignore[arg-type]


def told(measured: Impact | None, precedent: Precedent = NONE) -> str:
    return meaning([Evidence(LINK, market(question=QUESTION), measured, precedent)])[0]


def test_a_clear_move_that_may_be_chance_is_called_so() -> None:
    assert verdict_of(impact(chance=0.01)) == "clear move"
    assert verdict_of(impact(chance=0.3)) == "may be chance"
    assert verdict_of(None) == ""


def test_notes_say_what_became_of_a_move_and_whether_anybody_traded() -> None:
    assert notes_of(impact(persistence=0.1, trades=0)) == ("faded", "a quote move")
    assert notes_of(impact(persistence=0.9, trades=4, minutes=240.0)) == ("stuck",)
    assert notes_of(impact(Verdict.NOISE, trades=0)) == ()
    assert notes_of(None) == ()


@pytest.mark.parametrize(
    ("z", "words"), [(None, "–"), (4.24, "+4.2"), (-80.0, "under -10"), (10.5, "over 10")]
)
def test_figures_beyond_ten_are_not_printed(z: float | None, words: str) -> None:
    assert usual_moves(z, signed=True) == words


def test_the_paragraph_tells_measured_facts_only() -> None:
    said = told(impact(peers=6, theme=0.05, half_life=7.0, persistence=0.2, trades=0))
    assert "The odds went from 40.0 to 50.0 %: clear move, which agrees" in said
    assert "Meanwhile 6 markets of its kind moved by +0.05 logit." in said
    assert "Nobody has traded since: a quote move." in said
    assert "Half of the first hour's move was done after 7 min." in said
    assert "It has faded: 20% of its height is left." in said
    bare = told(None)
    assert "moved" not in bare
    assert "odds" not in bare


def test_what_like_stories_did_is_told_with_number_spread_and_worth() -> None:
    few = Precedent(median_logit=0.08, count=5, spread=0.1, whole_logit=0.4)
    assert (
        "Stories like it moved such odds by +0.40 logit (median of 5, give or take 0.10): "
        "by their number they speak for +1.9 points." in told(impact(), few)
    )
    one = Precedent(median_logit=0.02, count=1, spread=0.0, whole_logit=0.4)
    assert "(median of only 1)" in told(None, one)
    assert "Stories like it" not in told(impact())


def test_a_theme_move_gives_its_reason_instead_of_the_storys_credit() -> None:
    assert "A reason." in told(impact(Verdict.THEME, peers=5, theme=0.4))
