"""`ftt tape`, as a person runs it: each verb, its refusals and its exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feeds.events import BookSnapshot, Event, MarketSeen, Tick
from feeds.markets import SECOND, Market, Outcome
from feeds.tape import TapeWriter, read_tape
from terminal.cli import DONE, FAILED, USAGE, main
from tests.terminal.conftest import Run

START = 1_790_000_000 * SECOND
HEADER = {"version": "0.1.0", "venue": "practice"}
Tape = Callable[..., Path]
Said = Callable[..., tuple[int, str, str]]
L2 = """\
market_slug,asset_id,market_id,event_type,price,side,size,hash,timestamp
game,77,552,book,0.6,ask,5,a1,1790000000000
game,77,552,book,0.4,bid,5,a1,1790000000000
game,77,552,price_change,0.41,bid,1,b2,1790000000500
"""


def market(name: str, at_ns: int = START) -> MarketSeen:
    seen = Market(
        condition_id=name,
        question="Q",
        yes=Outcome("Yes", f"{name}1"),
        no=Outcome("No", f"{name}2"),
        tick_size=10,
        min_order_size=0,
    )
    return MarketSeen(at_ns, seen)


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """Writes a tape of ticks, one a second, or of the events that are given."""

    def write(name: str, *events: Event, ticks: int = 10, begin: int = 0) -> Path:
        told = events or [Tick(START + (begin + s) * SECOND) for s in range(ticks)]
        with TapeWriter(path := tmp_path / name, HEADER | {"name": name}) as writer:
            writer.extend(told)
        return path

    return write


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs `ftt tape`: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["tape", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def times(path: Path) -> list[float]:
    """Seconds after the beginning, event by event."""
    return [(event.at_ns - START) / SECOND for event in read_tape(path).events]


def torn(path: Path) -> Path:
    """A crash in the middle of the last block."""
    path.write_bytes(path.read_bytes()[:-3])
    return path


# ---------------------------------------------------------------------------------------- info


def test_info_tells_span_kinds_and_header(tape: Tape, said: Said) -> None:
    path = tape("a.tape")
    code, shown, _ = said("info", path, "--json")
    told = json.loads(shown)
    assert code == DONE
    assert (told["events"], told["kinds"], told["torn_at"]) == (10, {"Tick": 10}, None)
    assert (told["first"], told["last"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:29.000Z")
    assert told["header"]["venue"] == "practice"
    words = said("info", path)[1]
    assert "Tick" in words
    assert '"practice"' in words


def test_info_says_where_a_tape_is_torn(tape: Tape, said: Said) -> None:
    path = torn(tape("a.tape"))
    told = json.loads(said("info", path, "--json")[1])
    assert told["events"] == 9
    assert 0 < told["torn_at"] < path.stat().st_size


@pytest.mark.parametrize("verb", ["info", "export"])
def test_what_is_no_tape_is_refused_in_a_sentence(tmp_path: Path, said: Said, verb: str) -> None:
    (path := tmp_path / "a.tape").write_bytes(b"something else")
    assert said(verb, path) == (FAILED, "", f"ftt: {path}, at byte 0: this is no tape\n")
    assert said(verb, tmp_path / "none")[0] == FAILED


# --------------------------------------------------------------------------------------- check


def test_check_passes_whole_tapes(tape: Tape, said: Said) -> None:
    first, second = tape("a.tape"), tape("b.tape", ticks=1)
    code, shown, _ = said("check", first, second)
    assert (code, shown) == (DONE, f"{first}: whole, 10 events\n{second}: whole, 1 event\n")


def test_check_says_at_which_byte_a_block_is_corrupt(tape: Tape, said: Said) -> None:
    path = tape("a.tape")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    code, shown, _ = said("check", tape("b.tape"), path, "--json")
    whole, bad = map(json.loads, shown.splitlines())
    assert (code, whole["ok"], bad["ok"], bad["events"]) == (FAILED, True, False, 9)
    assert 0 < bad["offset"] < len(damaged)
    assert f"byte {bad['offset']:,}: a block is corrupt" in bad["error"]


def test_check_says_where_a_tape_is_torn(tape: Tape, said: Said) -> None:
    code, shown, _ = said("check", torn(tape("a.tape")), "--json")
    bad = json.loads(shown)
    assert code == FAILED
    assert "the last block is torn" in bad["error"]
    assert bad["offset"] > 0


def test_check_finds_time_that_runs_back_with_its_block(tape: Tape, said: Said) -> None:
    path = tape("a.tape", Tick(START), Tick(START + 5 * SECOND), Tick(START + SECOND))
    code, shown, _ = said("check", path, "--json")
    bad = json.loads(shown)
    assert (code, bad["ok"]) == (FAILED, False)
    assert "time runs back" in bad["error"]
    assert path.read_bytes()[: bad["offset"]].startswith(b"FTTTAPE")


def test_check_goes_on_after_a_file_that_is_not_there(tape: Tape, said: Said) -> None:
    code, shown, _ = said("check", "nothing.tape", tape("a.tape"))
    assert code == FAILED
    assert "cannot be opened" in shown
    assert "whole" in shown


# ----------------------------------------------------------------------------------------- cut


def test_cut_keeps_from_the_one_time_to_before_the_other(
    tape: Tape, said: Said, tmp_path: Path
) -> None:
    path, out = tape("a.tape"), tmp_path / "out.tape"
    assert said("cut", path, "--from", "+3", "--to", "2026-09-21T14:13:27", "-o", out)[0] == DONE
    assert times(out) == [3, 4, 5, 6]
    header = read_tape(out).header
    assert header["venue"] == "practice"
    assert header["cut"] == {"of": "a.tape", "from": "+3", "to": "2026-09-21T14:13:27"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("--from", "2026-09-21T16:13:28+02:00"), [8, 9]),
        (("--to", "+2"), [0, 1]),
        (("--from", "+99"), []),
        (("--to", "2020-01-01"), []),
    ],
)
def test_one_end_is_enough(
    tape: Tape, said: Said, tmp_path: Path, options: tuple[str, str], kept: list[float]
) -> None:
    out = tmp_path / "out.tape"
    assert said("cut", tape("a.tape"), *options, "-o", out)[0] == DONE
    assert times(out) == kept


def test_a_cut_carries_the_newest_word_on_every_market(
    tape: Tape, said: Said, tmp_path: Path
) -> None:
    events = [market("a"), market("b"), market("a", START + SECOND), Tick(START + 5 * SECOND)]
    said("cut", tape("a.tape", *events), "--from", "+4", "-o", out := tmp_path / "out.tape")
    found = list(read_tape(out).events)
    assert found == [market("a", START + 4 * SECOND), market("b", START + 4 * SECOND), events[-1]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "say where to cut"),
        (("--from", "noon"), "--from: expected a time such as"),
        (("--to", "+soon"), "--to: expected a time such as"),
        (("--from", "+nan"), "--from: expected a time such as"),
        (("--from", "+1e300"), "--from: expected a time such as"),
        (("--from", "+5", "--to", "+5"), "--from must lie before --to"),
    ],
)
def test_a_cut_that_makes_no_sense_is_bad_usage(
    tape: Tape, said: Said, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    out = tmp_path / "out.tape"
    code, _, talk = said("cut", tape("a.tape"), *options, "-o", out)
    assert code == USAGE
    assert says in talk
    assert not out.exists()


def test_a_torn_tape_is_cut_whole(tape: Tape, said: Said, tmp_path: Path) -> None:
    out = tmp_path / "out.tape"
    code, _, talk = said("cut", torn(tape("a.tape")), "--from", "+0", "-o", out)
    assert code == DONE
    assert "torn at byte" in talk
    assert said("check", out)[0] == DONE


# --------------------------------------------------------------------------------------- merge


def test_merge_is_by_time_with_one_header_and_the_others_named(
    tape: Tape, said: Said, tmp_path: Path
) -> None:
    tapes = tape("a.tape", ticks=3), tape("b.tape", ticks=3, begin=1), tape("c.tape", ticks=1)
    out = tmp_path / "out.tape"
    code, shown, _ = said("merge", *tapes, "-o", out, "--json")
    assert (code, json.loads(shown)) == (DONE, {"file": str(out), "events": 7})
    assert times(out) == [0, 0, 1, 1, 2, 2, 3]
    header = read_tape(out).header
    assert (header["name"], header["merged"]) == ("a.tape", ["b.tape", "c.tape"])


@pytest.mark.parametrize("verb", ["cut", "merge", "import"])
def test_nothing_is_overwritten(tape: Tape, said: Said, tmp_path: Path, verb: str) -> None:
    path = tape("a.tape")
    before = path.read_bytes()
    (source := tmp_path / "l2.csv").write_text(L2)
    takes: dict[str, tuple[Any, ...]] = {
        "cut": (path, "--from", "+1"),
        "merge": (path, path),
        "import": (source,),
    }
    code, _, talk = said(verb, *takes[verb], "-o", path)
    assert code == FAILED
    assert "there is a file already" in talk
    assert path.read_bytes() == before


def test_what_fails_leaves_nothing_behind(tape: Tape, said: Said, tmp_path: Path) -> None:
    path = tape("a.tape")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert said("cut", path, "--from", "+1", "-o", out := tmp_path / "out.tape")[0] == FAILED
    assert not out.exists()


# -------------------------------------------------------------------------------------- export


def test_export_gives_one_object_an_event(tape: Tape, said: Said) -> None:
    book = BookSnapshot(START, "1", START, ((4_000, 5),), (), "ab")
    path = tape("a.tape", market("a"), book, Tick(START + 2 * SECOND))
    code, shown, _ = said("export", path)
    seen, told, tick = map(json.loads, shown.splitlines())
    assert code == DONE
    assert (seen["kind"], seen["market"]["yes"]["asset_id"]) == ("MarketSeen", "a1")
    assert told == {
        "kind": "BookSnapshot",
        "at_ns": START,
        "asset_id": "1",
        "venue_ns": START,
        "bids": [[4_000, 5]],
        "asks": [],
        "hash": "ab",
    }
    assert tick == {"kind": "Tick", "at_ns": START + 2 * SECOND}


def test_export_of_one_kind(tape: Tape, said: Said) -> None:
    path = tape("a.tape", market("a"), Tick(START))
    assert len(said("export", path, "--kind", "Tick")[1].splitlines()) == 1


def test_export_stops_quietly_when_nobody_reads(tape: Tape) -> None:
    path = tape("a.tape", ticks=5_000)
    command = [sys.executable, "-m", "terminal", "tape", "export", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == DONE


# -------------------------------------------------------------------------------------- import


def test_an_import_is_a_tape_in_order_of_time_that_replay_can_play(
    said: Said, tmp_path: Path
) -> None:
    (tmp_path / "l2.csv").write_text(L2)
    news = {"published": "2026-09-21T14:13:20.25Z", "title": "T", "source": "S", "url": ""}
    (tmp_path / "news.jsonl").write_text(json.dumps(news))
    out = tmp_path / "out.tape"
    code, shown, _ = said("import", tmp_path / "news.jsonl", tmp_path / "l2.csv", "-o", out)
    assert (code, shown) == (DONE, f"{out}: 3 events\n")
    assert times(out) == [0, 0.25, 0.5]
    assert read_tape(out).header["recordings"] == [
        {"file": "news.jsonl", "layout": "quotes-2026-07"},
        {"file": "l2.csv", "layout": "l2-mlb-2025"},
    ]
    assert said("check", out)[0] == DONE
    assert main(["replay", str(out)]) == DONE


def test_events_without_a_time_stand_at_the_first_that_is_known(said: Said, tmp_path: Path) -> None:
    columns = "market_id,question,description,slug,closed,clob_token_ids,condition_id"
    row = '1,Q,words,q,False,"[""1"", ""2""]",0xa'
    (tmp_path / "markets.csv").write_text(f"{columns}\n{row}\n")
    (tmp_path / "l2.csv").write_text(L2)
    assert said("import", tmp_path, "-o", out := tmp_path / "out.tape")[0] == DONE
    assert times(out) == [0, 0, 0.5]


def test_a_folder_gives_what_can_be_imported_and_names_the_rest(said: Said, tmp_path: Path) -> None:
    (folder := tmp_path / "many").mkdir()
    (folder / "l2.csv").write_text(L2)
    (folder / "notes.md").write_text("# words\n")
    code, _, talk = said("import", folder, "-o", tmp_path / "out.tape", "--json")
    assert code == DONE
    assert f"left out: {folder / 'notes.md'}: no layout that is known here" in talk
    assert said("import", tmp_path / "out.tape", "-o", tmp_path / "again.tape")[0] == FAILED


def test_an_import_that_fails_names_the_row_and_leaves_nothing(said: Said, tmp_path: Path) -> None:
    (path := tmp_path / "l2.csv").write_text(L2.replace("0.41", "4.1"))
    code, _, talk = said("import", path, "-o", out := tmp_path / "out.tape")
    assert code == FAILED
    assert f"{path}, row 3, price: " in talk
    assert not out.exists()


def test_rows_passed_over_are_told(said: Said, tmp_path: Path) -> None:
    (path := tmp_path / "l2.csv").write_text(L2.replace("price_change", "fireworks"))
    _, _, talk = said("import", path, "-o", tmp_path / "out.tape")
    assert f"{path}: passed over: 1 row: rows of the kind 'fireworks'" in talk


def test_a_real_recording_becomes_a_tape(said: Said, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "tapes" / "l2-mlb-2025"
    paths = sorted(folder.iterdir())[:2]
    out = tmp_path / "out.tape"
    assert said("import", *paths, "-o", out)[0] == DONE
    assert said("check", out)[0] == DONE
    told = json.loads(said("info", out, "--json")[1])
    assert set(told["kinds"]) == {"BookSnapshot", "LevelChange"}
    assert told["events"] > 10_000


# ---------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("verb", ["info", "check", "cut", "merge", "export", "import"])
def test_every_verb_has_help_with_an_example(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["tape", verb, "--help"])
    assert left.value.code == DONE
    assert f"Example: ftt tape {verb} " in capsys.readouterr().out


def test_looking_into_a_tape_loads_no_heavy_library(tape: Tape) -> None:
    heavy = "{'textual', 'httpx', 'duckdb', 'feedparser'}"
    program = (
        "import sys; from terminal.cli import main; main(sys.argv[1:]);"
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, "tape", "check", str(tape("a.tape"))]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stderr == "[]\n"


def test_a_session_that_was_recorded_checks_cuts_and_exports(ftt: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "demo.tape")
    demo = ftt("demo", "--headless", "--for", "3", "--seed", "7", "--speed", "20", "--tape", path)
    assert demo.returncode == DONE, demo.stderr
    assert ftt("tape", "check", path).returncode == DONE
    out = str(tmp_path / "part.tape")
    assert ftt("tape", "cut", path, "--from", "+10", "-o", out).returncode == DONE
    ticks = ftt("tape", "export", out, "--kind", "Tick").stdout.splitlines()
    assert {json.loads(line)["kind"] for line in ticks} == {"Tick"}
    assert ftt("replay", out, "--json").returncode == DONE
