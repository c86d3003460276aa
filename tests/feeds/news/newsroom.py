"""A newsroom on loopback, as well or badly behaved as a test needs; and feeds to serve from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import escape

Handler = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


class Request:
    """What a client asked for, header names in small letters."""

    def __init__(self, path: str, headers: dict[str, str], at_s: float) -> None:
        self.path = path
        self.headers = headers
        self.at_s = at_s


class Newsroom:
    """Serves ``pages`` by path and remembers every request."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler] = {}
        self.requests: list[Request] = []
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")[:-2]
                pairs = (line.partition(": ") for line in lines)
                headers = {name.lower(): value for name, _, value in pairs}
                target = first.split(" ")[1]
                request = Request(target, headers, asyncio.get_running_loop().time())
                self.requests.append(request)
                handler = self.pages.get(target, answer(b"", status="404 Not Found"))
                await handler(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


@asynccontextmanager
async def newsroom() -> AsyncIterator[Newsroom]:
    room = Newsroom()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(room.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    room.port = server.sockets[0].getsockname()[1]
    try:
        yield room
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> Handler:
    """A page that always answers the same; header names with underscores for dashes."""

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        write_answer(writer, body, status, **headers)

    return handler


def write_answer(
    writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", **headers: str
) -> None:
    headers = {"content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    head = "\r\n".join([f"HTTP/1.1 {status}", *lines])
    writer.write(head.encode() + b"\r\n\r\n" + body)


def raw(*pieces: bytes, hang: bool = False) -> Handler:
    """Just these bytes, then the end of the connection, or nothing more and no end."""

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hang:
            await asyncio.Event().wait()
        writer.close()

    return handler


def redirect(location: str, status: str = "302 Found") -> Handler:
    return answer(b"", status, location=location)


def endless(head: bytes, piece: bytes, pause_s: float = 0.0) -> Handler:
    """A body that never ends; with a pause, it drips."""

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handler


class Feed:
    """A well-behaved RSS feed that grows: ETag, Last-Modified, 304."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.version = 0
        self.unchanged = 0

    def add(
        self, title: str, link: str = "", summary: str = "", date: str = "", guid: str = ""
    ) -> None:
        self.items.insert(0, item(title, link, summary, date, guid))
        self.version += 1

    def replace(self, *items: str) -> None:
        self.items = list(items)
        self.version += 1

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        etag = f'"v{self.version}"'
        if request.headers.get("if-none-match") == etag:
            self.unchanged += 1
            write_answer(writer, b"", "304 Not Modified", content_length="", etag=etag)
        else:
            modified = f"Tue, 24 Nov 2026 12:00:{self.version % 60:02d} GMT"
            write_answer(writer, rss(*self.items), etag=etag, last_modified=modified)


def item(title: str, link: str = "", summary: str = "", date: str = "", guid: str = "") -> str:
    parts = {"title": title, "link": link, "description": summary, "pubDate": date, "guid": guid}
    inner = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in parts.items() if v)
    return f"<item>{inner}</item>"


def rss(*items: str, title: str = "A feed") -> bytes:
    inner = "".join(items)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<rss version="2.0"><channel><title>{title}</title>{inner}</channel></rss>'
    ).encode("utf-8", "surrogatepass")


async def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Return when the condition holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # conditions of every kind
            await asyncio.sleep(0.005)
