"""Parsing in a process of its own, with a limit on time and memory.

A feed's parse takes tens of milliseconds, during which no frame of an order book would move; a
hostile one takes as long as it likes. So one child process does it. It speaks length-prefixed
msgpack on its standard streams, knows nothing of us but ``parse_feed``, and is killed and replaced
when a document takes too long.
"""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from feeds.news.entry import FeedError, ParsedFeed, ParserTrouble

PARSE_S_MAX = 2.0
START_S_MAX = 30.0
MEMORY_BYTES_MAX = 200 * 1024 * 1024
"""Of private memory, above what the interpreter and its libraries take."""
ANSWER_BYTES_MAX = 16 * 1024 * 1024

_ROOT = Path(__file__).resolve().parents[2]
# -P keeps a stray feedparser.py in the user's folder from being imported instead
_COMMAND = (
    sys.executable,
    "-P",
    "-c",
    "import sys; sys.path.insert(0, sys.argv[1]); from feeds.news.worker import serve; serve()",
    str(_ROOT),
)
_READY = b"ready"


class _Job(msgspec.Struct, array_like=True):
    body: bytes
    url: str
    charset: str
    timezone: str = ""


class _Died(Exception):
    """The child ended in the middle of a document."""


class _NoStart(_Died):
    """The child ended, or hung, before it could be asked anything."""


class _Answer(msgspec.Struct, array_like=True):
    feed: ParsedFeed | None
    error: str = ""


class ParseWorker:
    """One child process, started when first needed; documents are parsed one after the other."""

    def __init__(self, parse_s_max: float = PARSE_S_MAX) -> None:
        self.parse_s_max = parse_s_max
        self.starts = 0
        self.parses = 0
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def parse(
        self, body: bytes, url: str = "", charset: str = "", timezone: str = ""
    ) -> ParsedFeed:
        """``feeds.news.parse.parse_feed`` elsewhere; raises ``FeedError`` for what it refuses,
        for what takes longer than ``parse_s_max`` and for what needs too much memory, and
        ``ParserTrouble`` where the document is not to blame."""
        async with self._turn:
            self.parses += 1
            job = _Job(body, url, charset, timezone)
            try:
                return await self._ask(job)
            except _Died:
                # somebody may have killed it, out of memory's sake or by hand: that a document
                # is to blame is only sure when it brings down a fresh child as well
                return await self._ask_again(job)

    async def warm(self) -> None:
        """Start the child ahead of the first document: an interpreter takes its time."""
        async with self._turn:
            with contextlib.suppress(_NoStart):  # the first document will say so
                await self._started()

    async def aclose(self) -> None:
        """End the child. A later ``parse`` starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None
        process.stdin.close()
        # a cancelled caller must not leave the child unreaped
        await asyncio.shield(_reaped(process))

    async def _ask_again(self, job: _Job) -> ParsedFeed:
        try:
            return await self._ask(job)
        except _NoStart:
            raise ParserTrouble("The parser can't be started; trying again later.") from None
        except _Died:
            raise FeedError(
                "The document made the parser run out of memory or crash: "
                "ask the publisher for a simpler feed."
            ) from None

    async def _ask(self, job: _Job) -> ParsedFeed:
        process = await self._started()
        try:
            async with asyncio.timeout(self.parse_s_max):
                await _send(process, msgspec.msgpack.encode(job))
                answer = msgspec.msgpack.decode(await _receive(process), type=_Answer)
        except TimeoutError:
            await self.aclose()
            raise FeedError(
                f"The document took more than {self.parse_s_max:g} s to parse and was given up: "
                "ask the publisher for a simpler feed."
            ) from None
        except (asyncio.IncompleteReadError, OSError):
            await self.aclose()
            raise _Died from None
        except BaseException:
            # half a job is on the wire: this child can't be asked again
            await self.aclose()
            raise
        if answer.feed is None:
            raise FeedError(answer.error)
        return answer.feed

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self.aclose()
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        # in a session of its own a Ctrl-C in the terminal ends us, and our end ends it
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_COMMAND, stdin=pipe, stdout=pipe, stderr=null, start_new_session=True
            )
            self.starts += 1
            async with asyncio.timeout(START_S_MAX):
                assert await _receive(self._process) == _READY
        except (asyncio.IncompleteReadError, TimeoutError, OSError):
            await self.aclose()
            raise _NoStart from None
        except BaseException:
            await self.aclose()
            raise
        return self._process


async def _send(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(len(data).to_bytes(4, "big") + data)
    await process.stdin.drain()


async def _receive(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    size = int.from_bytes(await process.stdout.readexactly(4), "big")
    assert size <= ANSWER_BYTES_MAX, f"the parser answered with {size} bytes"
    return await process.stdout.readexactly(size)


async def _reaped(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        while await process.stdout.read(65_536):
            pass
    await process.wait()


def serve() -> None:
    """The child's life: documents on standard input, answers on standard output, until the end."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing may print into the answers
    from feeds.news.parse import parse_feed

    _limit_memory()
    decoder = msgspec.msgpack.Decoder(_Job)
    _write(answers, _READY)
    while header := requests.read(4):
        job = decoder.decode(requests.read(int.from_bytes(header, "big")))
        _alarm(int(PARSE_S_MAX) + 60)
        try:
            answer = _Answer(parse_feed(job.body, job.url, job.charset, job.timezone))
        except FeedError as refusal:
            answer = _Answer(None, str(refusal))
        _alarm(0)
        _write(answers, msgspec.msgpack.encode(answer))


def _write(stream: BinaryIO, data: bytes) -> None:
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def _alarm(seconds: int) -> None:
    # should our parent die while a document holds us, nobody else would end us
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (_used(kind) + MEMORY_BYTES_MAX, -1))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _used(kind: int) -> int:
    import resource

    try:
        fields = Path("/proc/self/statm").read_text().split()
    except OSError:
        return MEMORY_BYTES_MAX
    pages = int(fields[0] if kind == resource.RLIMIT_AS else fields[5])
    return pages * resource.getpagesize()
