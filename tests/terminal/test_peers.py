"""Who is at the other end of the link: strangers are told nothing and believed nothing."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.commands.common import cleaned
from terminal.protocol import link, peers
from terminal.protocol.link import Face, LinkError, LinkServer, NoEngine, Peer
from terminal.protocol.views import Done, Rows, SignalRow
from terminal.stores.paths import PathError, private_folder

NOBODY = 65_534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user reaches."""
    made = Path(tempfile.mkdtemp(prefix="ftt-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


async def serve(_: Peer) -> None:
    await asyncio.Event().wait()


LISTENER = f"""
import os, socket, sys
os.setgid({NOBODY})
os.setuid({NOBODY})
link = socket.socket(socket.AF_UNIX)
link.bind(sys.argv[1])
link.listen()
print("listening", flush=True)
while True:
    asker, _ = link.accept()
    print(len(asker.recv(100)), flush=True)
"""


@as_root
async def test_a_stranger_who_listens_in_our_place_is_told_nothing(folder: Path) -> None:
    place = folder / "theirs"
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LISTENER, str(place / "ftt.sock"), stdout=subprocess.PIPE
    )
    assert stranger.stdout is not None
    assert await stranger.stdout.readline() == b"listening\n"
    with pytest.raises(LinkError, match="belongs to another user") as refused:
        await Face.connect(place, "1")
    assert not isinstance(refused.value, NoEngine), "there is something there, and it is not ours"
    os.chown(place, 0, 0)  # the folder alone would pass now
    with pytest.raises(LinkError, match=f"no engine of yours but a program of user {NOBODY}"):
        await Face.connect(place, "1")
    assert await stranger.stdout.readline() == b"0\n", "it heard no word"
    stranger.kill()
    await stranger.communicate()


ASKER = f"""
import os, socket, sys
os.setgid({NOBODY})
os.setuid({NOBODY})
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
print(len(link.recv(100)), flush=True)
"""


@as_root
async def test_a_stranger_who_asks_is_hung_up_on(folder: Path) -> None:
    place = folder / "ours"
    server = LinkServer(place, "1", serve)
    await server.start()
    place.chmod(0o755)
    (place / "ftt.sock").chmod(0o777)
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASKER, str(place / "ftt.sock"),
        stdout=subprocess.PIPE,
    )  # fmt: skip
    said, _ = await stranger.communicate()
    assert said == b"0\n"
    face = await Face.connect(place, "1")
    await face.close()
    await server.close()


async def test_our_own_programs_meet(folder: Path) -> None:
    server = LinkServer(folder / "run", "1", serve)
    await server.start()
    face = await Face.connect(folder / "run", "1")
    assert face.engine_version == "1"
    await face.close()
    await server.close()


def test_where_the_system_names_a_stranger_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    assert peers.stranger_at(ours) == ""
    monkeypatch.setattr(peers, "_user_of", lambda _: os.getuid() + 7)
    assert peers.stranger_at(ours) == f"user {os.getuid() + 7}"
    for end in (ours, theirs):
        end.close()


async def test_a_folder_that_anybody_may_write_in_is_no_place_for_a_socket(folder: Path) -> None:
    folder.chmod(0o777)
    with pytest.raises(LinkError, match="anybody may write"):
        await LinkServer(folder, "1", serve).start()
    with pytest.raises(LinkError, match="anybody may write"):
        await Face.connect(folder, "1")
    with pytest.raises(PathError, match="anybody may write"):
        private_folder(folder)


def test_folders_that_are_there_keep_their_mode(folder: Path) -> None:
    folder.chmod(0o750)
    private_folder(folder)
    private_folder(folder / "new")
    assert folder.stat().st_mode & 0o777 == 0o750
    assert (folder / "new").stat().st_mode & 0o777 == 0o700


def test_what_an_engine_answers_obeys_no_escape_sequence() -> None:
    bad = "Kill switch on\x1b]52;c;cm0gLXJm\x07 \u202eevil"
    done = cleaned(Done(id="1", outcome="done", message=bad))
    assert done.message == "Kill switch on evil"
    row = SignalRow(
        id="s", at_ns=1, strategy=bad, state="open", question="Wird es früh?", condition_id="0x1",
        reason="because\x1b[2J",
    )  # fmt: skip
    (seen,) = cleaned(Rows(id="1", signals=(row,))).signals
    assert (seen.strategy, seen.reason) == ("Kill switch on evil", "because")
    assert seen.question == "Wird es früh?"
    clean = Rows(id="1", signals=(seen,))
    assert cleaned(clean) is clean


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x92\xa4done\xa2\xff\xff", b"\x91" * 50_000])
async def test_rubbish_on_the_link_is_told_as_rubbish(folder: Path, body: bytes) -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(len(body).to_bytes(4, "big") + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(nonsense, str(link.endpoint(folder)))
    with pytest.raises(LinkError, match="can't read"):
        await Face.connect(folder, "1")
    server.close()
    await server.wait_closed()
