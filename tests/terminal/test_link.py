"""The local link: who may connect, what garbage does, and what is left behind."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from terminal.protocol.link import FRAME_BYTES_MAX, Face, LinkError, LinkServer, Peer, endpoint
from terminal.protocol.views import PROTOCOL, Done, Hello, Kill, Query, StatusView


class Echo:
    """A server that answers every command with its id and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    async def serve(self, peer: Peer) -> None:
        while True:
            message = await peer.receive()
            self.heard.append(message)
            await peer.send(Done(id=getattr(message, "id", ""), outcome="done"))


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[tuple[Path, Echo]]:
    echo = Echo()
    server = LinkServer(tmp_path / "run", "1", echo.serve)
    await server.start()
    yield tmp_path / "run", echo
    await server.close()


async def test_a_command_is_heard_whole_and_answered(echo: tuple[Path, Echo]) -> None:
    folder, engine = echo
    face = await Face.connect(folder, "1")
    await face.send(Kill(id="k1"))
    assert await face.receive() == Done(id="k1", outcome="done")
    assert engine.heard == [Kill(id="k1")]
    await face.close()


async def test_only_this_user_can_reach_the_socket(echo: tuple[Path, Echo]) -> None:
    folder, _ = echo
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(endpoint(folder)).st_mode) == 0o600


async def test_a_second_engine_is_refused_with_a_next_step(echo: tuple[Path, Echo]) -> None:
    folder, engine = echo
    with pytest.raises(LinkError, match=r"already runs here.*ftt attach"):
        await LinkServer(folder, "1", engine.serve).start()


async def test_a_socket_left_by_a_killed_engine_does_not_stop_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    left = await asyncio.start_unix_server(lambda r, w: None, path=str(endpoint(folder)))
    left.close()
    endpoint(folder).touch()
    server = LinkServer(folder, "1", Echo().serve)
    await server.start()
    face = await Face.connect(folder, "1")
    await face.close()
    await server.close()
    assert not endpoint(folder).exists()


async def test_no_engine_is_said_with_the_command_that_starts_one(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=r"no engine answers.*ftt bot"):
        await Face.connect(tmp_path, "1")


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        (FRAME_BYTES_MAX + 1).to_bytes(4, "big") + b"x",
        (4).to_bytes(4, "big") + b"\xc1\xc1\xc1\xc1",
        (0).to_bytes(4, "big"),
        b"\x00",
    ],
)
async def test_garbage_ends_that_face_and_no_other(echo: tuple[Path, Echo], garbage: bytes) -> None:
    folder, _ = echo
    good = await Face.connect(folder, "1")
    reader, writer = await asyncio.open_unix_connection(str(endpoint(folder)))
    writer.write(garbage)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await good.send(Query(id="q", what="status"))
    assert await good.receive() == Done(id="q", outcome="done")
    await good.close()


async def test_an_engine_of_another_protocol_is_named_as_such(tmp_path: Path) -> None:
    async def old_engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from terminal.protocol.link import write_frame

        write_frame(writer, Hello(protocol=PROTOCOL + 1, version="9"))
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(old_engine, path=str(endpoint(tmp_path)))
    with pytest.raises(LinkError, match="different versions"):
        await Face.connect(tmp_path, "1")
    server.close()


async def test_views_survive_the_wire(tmp_path: Path) -> None:
    view = StatusView(mode="PAPER", venue="practice", now_ns=1, cash=10_000_000_000)

    async def show(peer: Peer) -> None:
        await peer.send(view)
        await peer.receive()

    server = LinkServer(tmp_path / "run", "1", show)
    await server.start()
    face = await Face.connect(tmp_path / "run", "1")
    assert await face.receive() == view
    await face.close()
    await server.close()
