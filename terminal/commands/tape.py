"""`ftt tape`: look into tapes, prove, cut, merge and export them, and import foreign recordings."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from feeds import tape
from feeds.events import Event, MarketSeen
from feeds.markets import SECOND, Nanos
from feeds.tape import TapeError, TapeInfo, TapeWriter, read_tape
from terminal import VERSION
from terminal.cli import DONE, FAILED, USAGE, CommandError
from terminal.commands import out

FILES_MAX = 10_000
UNDATED_MAX = 200_000
HEADER_CHARS = 60


def run(arguments: argparse.Namespace) -> int:
    """One verb of `ftt tape`."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {
        "info": info,
        "check": check,
        "cut": cut,
        "merge": merge,
        "export": export,
        "import": import_recordings,
    }
    try:
        return verbs[arguments.verb](arguments)
    except TapeError as error:
        raise CommandError(str(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"no room to work: {error.strerror or error}") from error


# ------------------------------------------------------------------------------ look and prove


def info(arguments: argparse.Namespace) -> int:
    """What a tape holds."""
    held = tape.info(arguments.file)
    if arguments.json:
        out.data(_told(arguments.file, held))
        return DONE
    torn = "no" if held.torn_at is None else f"at byte {held.torn_at:,}; what lies before is whole"
    rows = [
        ("from", _text(held.first_ns)),
        ("to", _text(held.last_ns)),
        ("events", f"{held.events:,}"),
        ("blocks", f"{held.blocks:,}"),
        ("bytes", f"{held.bytes:,}"),
        ("torn", torn),
        *((f"  {kind}", f"{count:,}") for kind, count in held.kinds.items()),
        *((f"header {key}", _short(value)) for key, value in held.header.items()),
    ]
    out.table(("what", "value"), rows, "")
    return DONE


def _told(file: str, held: TapeInfo) -> dict[str, Any]:
    return {
        "file": file,
        "events": held.events,
        "blocks": held.blocks,
        "bytes": held.bytes,
        "first": _text(held.first_ns),
        "last": _text(held.last_ns),
        "torn_at": held.torn_at,
        "kinds": held.kinds,
        "header": held.header,
    }


def _short(value: Any) -> str:
    words = msgspec.json.encode(value).decode()
    return words if len(words) <= HEADER_CHARS else words[: HEADER_CHARS - 1] + "…"


def check(arguments: argparse.Namespace) -> int:
    """Every block's checksum, and that time never runs back; exit code 1 when any tape fails."""
    fine = True
    for file in arguments.files:
        said = _checked(file)
        fine = fine and said["ok"]
        if arguments.json:
            out.data(said)
        else:
            verdict = "whole" if said["ok"] else said["error"]
            out.line(f"{file}: {verdict}, {_counted(said['events'], 'event')}")
    return DONE if fine else FAILED


def _checked(file: str) -> dict[str, Any]:
    said: dict[str, Any] = {"file": file, "ok": False, "events": 0, "offset": None, "error": ""}
    try:
        events = read_tape(file).events
        last_ns: Nanos = 0
        for block in events.blocks():
            for event in block:
                if event.at_ns < last_ns:
                    raise TapeError(Path(file), events.offset, "time runs back in this block")
                last_ns = event.at_ns
            said["events"] += len(block)
        if events.torn_at is not None:
            raise TapeError(Path(file), events.torn_at, "the last block is torn")
    except TapeError as error:
        return said | {"offset": error.offset, "error": f"byte {error.offset:,}: {error.reason}"}
    return said | {"ok": True}


# -------------------------------------------------------------------------------- cut and merge


def cut(arguments: argparse.Namespace) -> int:
    """The part of a tape between two times, with the catalogue as it stood at its beginning."""
    if arguments.begin is None and arguments.end is None:
        raise CommandError("say where to cut: --from TIME, --to TIME or both", USAGE)
    header, events = read_tape(arguments.file)
    first = next(events, None)
    start_ns = first.at_ns if first else 0
    from_ns = _when("--from", arguments.begin, start_ns, 0)
    to_ns = _when("--to", arguments.end, start_ns, 1 << 62)
    if from_ns >= to_ns:
        raise CommandError("--from must lie before --to", USAGE)
    whole = iter(()) if first is None else _again(first, events)
    named = {"of": Path(arguments.file).name, "from": arguments.begin, "to": arguments.end}
    kept = _write(arguments.out, header | {"cut": named}, _between(whole, from_ns, to_ns))
    _say(arguments, kept, torn=events.torn_at)
    return DONE


def _again(first: Event, rest: Iterable[Event]) -> Iterator[Event]:
    yield first
    yield from rest


def _between(events: Iterator[Event], from_ns: Nanos, to_ns: Nanos) -> Iterator[Event]:
    """Events from the one time to before the other, after the newest word on every market."""
    markets: dict[str, MarketSeen] = {}
    begun = False
    for event in events:
        if event.at_ns < from_ns:
            if isinstance(event, MarketSeen):
                markets[event.market.condition_id] = event
            continue
        if not begun:
            yield from (msgspec.structs.replace(seen, at_ns=from_ns) for seen in markets.values())
            begun = True
        if event.at_ns >= to_ns:
            return
        yield event


def _when(option: str, text: str | None, start_ns: Nanos, otherwise: Nanos) -> Nanos:
    """A time: ISO 8601 (without a zone it is UTC), or +SECONDS after the beginning."""
    if text is None:
        return otherwise
    try:
        if text.startswith("+"):
            return start_ns + int(float(text[1:]) * SECOND)
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        what = "a time such as 2026-06-07T01:30:51, or +90 for seconds after the beginning"
        raise CommandError(f"{option}: expected {what}, found {text!r}", USAGE) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(when.timestamp() * 1_000_000) * 1_000


def merge(arguments: argparse.Namespace) -> int:
    """Several tapes as one, by time: the first one's header, with the others named in it."""
    from feeds.recordings.order import merged

    tapes = [read_tape(file) for file in arguments.files]
    header = tapes[0].header | {"merged": [Path(file).name for file in arguments.files[1:]]}
    kept = _write(arguments.out, header, merged(one.events for one in tapes))
    torn = next((one.events.torn_at for one in tapes if one.events.torn_at is not None), None)
    _say(arguments, kept, torn=torn)
    return DONE


def _say(arguments: argparse.Namespace, kept: int, *, torn: int | None) -> None:
    if torn is not None:
        out.talk(f"the tape is torn at byte {torn:,}: only what lies before it was taken")
    if arguments.json:
        out.data({"file": arguments.out, "events": kept})
    else:
        out.line(f"{arguments.out}: {_counted(kept, 'event')}")


def _write(file: str, header: dict[str, Any], events: Iterable[Event]) -> int:
    """Write a tape whole, or leave nothing behind; returns how many events it holds."""
    writer = TapeWriter(file, header)
    try:
        with writer:
            writer.extend(events)
    except BaseException:
        Path(file).unlink(missing_ok=True)
        raise
    return writer.events


# ----------------------------------------------------------------------------- export and import


def export(arguments: argparse.Namespace) -> int:
    """A tape's events as JSON lines: prices in 1/10,000 dollar, sizes in 1/1,000,000 share."""
    events = read_tape(arguments.file).events
    for block in events.blocks():
        wanted = [event for event in block if arguments.kind in (None, type(event).__name__)]
        if wanted:
            out.line("\n".join(msgspec.json.encode(_named(event)).decode() for event in wanted))
    if events.torn_at is not None:
        out.talk(f"the tape is torn at byte {events.torn_at:,}: this is what lies before it")
    return DONE


def _named(event: Event) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return {"kind": type(event).__name__, **fields}


def import_recordings(arguments: argparse.Namespace) -> int:
    """Foreign recordings as one tape of ours, in order of time."""
    from feeds import recordings

    if Path(arguments.out).exists():
        raise TapeError(Path(arguments.out), 0, "there is a file already; choose another name")
    try:
        found = [importer for path in arguments.paths for importer in _importers(Path(path))]
        if not found:
            raise CommandError("none of the files can be imported")
        notes = [recordings.Notes() for _ in found]
        streams = [one.read(note) for one, note in zip(found, notes, strict=True)]
        dated = _dated(recordings.merged(streams))
        first = next(dated, None)
        whole = iter(()) if first is None else _again(first, dated)
        header = _header(found, first.at_ns if first else 0)
        kept = _write(arguments.out, header, whole)
    except recordings.RecordingError as error:
        raise CommandError(str(error)) from error
    for importer, note in zip(found, notes, strict=True):
        for reason, rows in note.items():
            out.talk(f"{importer.path}: passed over: {_counted(rows, 'row')}: {reason}")
    _say(arguments, kept, torn=None)
    return DONE


def _importers(path: Path) -> Iterator[Any]:
    """The importer of a file, or of every file below a folder that has one."""
    from feeds.recordings import RecordingError, importer_for

    if not path.is_dir():
        yield importer_for(path)
        return
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if len(files) > FILES_MAX:
        raise CommandError(f"{path} holds more than {FILES_MAX:,} files", USAGE)
    for file in files:
        try:
            yield importer_for(file)
        except RecordingError as error:
            out.talk(f"left out: {error}")


def _dated(events: Iterator[Event]) -> Iterator[Event]:
    """Events without a time of their own stand at the time of the first that has one."""
    undated: list[Event] = []
    for event in events:
        if event.at_ns == 0 and len(undated) < UNDATED_MAX:
            undated.append(event)
            continue
        yield from (msgspec.structs.replace(one, at_ns=event.at_ns) for one in undated)
        undated.clear()
        yield event
    yield from undated


def _header(found: list[Any], started_ns: Nanos) -> dict[str, Any]:
    """A header that `ftt replay` can play: a fresh desk without strategies."""
    from strategies.desk import DeskSettings
    from terminal.engine.session import Header

    header = Header(version=VERSION, venue="recording", started_ns=started_ns, desk=DeskSettings())
    plain: dict[str, Any] = msgspec.to_builtins(header)
    return plain | {"recordings": [{"file": i.path.name, "layout": i.layout} for i in found]}


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _text(when_ns: Nanos) -> str:
    if not when_ns:
        return ""
    when = datetime.fromtimestamp(when_ns // SECOND, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when_ns % SECOND // 1_000_000:03}Z"
