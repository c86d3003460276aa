"""What a WebSocket library costs: picows against `websockets`, and both against a bare socket.

A server in another process sends the same frames of 900 bytes over loopback, as fast as they are
taken. Each side receives them whole and counts them; nobody decodes. Sides alternate, medians are
told. CPU is that of the receiving process alone. The bare socket reads bytes and finds no frames:
it is the floor of what any library could reach.
"""

import asyncio
import json
import multiprocessing
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server
from picows import WSUpgradeRequest as Upgrade
from websockets.asyncio.client import connect

FRAME_BYTES = 900
FRAMES = 60_000
BURST = 100
ROUNDS = 5
READ_BYTES = 1 << 18
START_MAX_S = 20.0
# text of less than 64 KiB from a server: fin and opcode, 126, two bytes of length
HEADER_BYTES = 4


_FRAME = b"\x81\x7e" + FRAME_BYTES.to_bytes(2, "big") + b"x" * FRAME_BYTES


class _Sender(WSListener):
    """Answers `GO n` with n frames, no faster than they are taken."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()
        self._task: asyncio.Task[None] | None = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            count = int(frame.get_payload_as_ascii_text().removeprefix("GO "))
            self._task = asyncio.ensure_future(self._send(transport, count))
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    async def _send(self, transport: WSTransport, count: int) -> None:
        # many frames a write, or the sender would be what is measured
        for _ in range(count // BURST):
            await self._free.wait()
            transport.underlying_transport.write(_FRAME * BURST)


async def _serve(pipe: Connection) -> None:
    def listener(request: Upgrade) -> WSListener:
        return _Sender()

    server = await ws_create_server(listener, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    server.close()


def _server_process(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


class _Counter(WSListener):
    def __init__(self, frames: int) -> None:
        self._left = frames
        self.done = asyncio.Event()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            frame.get_payload_as_bytes()
            self._left -= 1
            if not self._left:
                self.done.set()


async def _by_picows(port: int, frames: int) -> None:
    counter = _Counter(frames)
    transport, _ = await ws_connect(lambda: counter, f"ws://127.0.0.1:{port}/")
    transport.send(WSMsgType.TEXT, b"GO %d" % frames)
    await counter.done.wait()
    transport.disconnect()


async def _by_websockets(port: int, frames: int) -> None:
    # as picows does: no compression, messages as bytes
    async with connect(f"ws://127.0.0.1:{port}/", compression=None) as session:
        await session.send(f"GO {frames}")
        for _ in range(frames):
            await session.recv(decode=False)


async def _by_bare_socket(port: int, frames: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as bare:
        bare.sendall(_HANDSHAKE + _masked(f"GO {frames}".encode()))
        buffer = bytearray(READ_BYTES)
        head = b""
        while b"\r\n\r\n" not in head:
            head += bare.recv(READ_BYTES)
        left = frames * (FRAME_BYTES + HEADER_BYTES) - len(head.partition(b"\r\n\r\n")[2])
        while left > 0:
            left -= bare.recv_into(buffer)


_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _masked(text: bytes) -> bytes:
    """A short text frame of a client's, under a mask of zeros."""
    return bytes((0x81, 0x80 | len(text))) + bytes(4) + text


_SIDES: dict[str, Callable[[int, int], Awaitable[None]]] = {
    "bare": _by_bare_socket,
    "picows": _by_picows,
    "websockets": _by_websockets,
}


def _timed(
    side: Callable[[int, int], Awaitable[None]], port: int, frames: int
) -> tuple[float, float]:
    """(wall, CPU) in microseconds a message, connecting included."""

    async def receive() -> None:
        await side(port, frames)

    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(receive())
    return (
        (time.perf_counter() - wall) / frames * 1e6,
        (time.process_time() - cpu) / frames * 1e6,
    )


def _measured(port: int, frames: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in _SIDES}
    for _ in range(rounds):
        for name, side in _SIDES.items():
            spent[name].append(_timed(side, port, frames))
    return spent


def run(frames: int = FRAMES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Messages a second, CPU a message, and their ratios. ``frames`` in whole bursts."""
    assert frames % BURST == 0, f"{frames} frames are no whole bursts of {BURST}"
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=_server_process, args=(theirs,), daemon=True)
    server.start()
    try:
        if not ours.poll(START_MAX_S):
            raise TimeoutError("the server of the benchmark did not start")
        spent = _measured(ours.recv(), frames, rounds)
        ours.send("done")
    finally:
        server.join(START_MAX_S)
    return _told(spent)


def _told(spent: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    wall = {name: statistics.median(one[0] for one in times) for name, times in spent.items()}
    cpu = {name: statistics.median(one[1] for one in times) for name, times in spent.items()}
    return {
        "bytes_a_frame": FRAME_BYTES,
        **{f"{name}_per_s": round(1e6 / us) for name, us in wall.items()},
        **{f"{name}_cpu_us": round(us, 2) for name, us in cpu.items()},
        "picows_over_websockets_rate": round(wall["websockets"] / wall["picows"], 2),
        "websockets_over_picows_cpu": round(cpu["websockets"] / cpu["picows"], 2),
        "picows_over_bare_cpu": round(cpu["picows"] / cpu["bare"], 2),
        "websockets_over_bare_cpu": round(cpu["websockets"] / cpu["bare"], 2),
    }


if __name__ == "__main__":
    print(json.dumps(run()))
