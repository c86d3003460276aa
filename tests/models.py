"""A server on loopback that speaks chat completions, with as good or bad a model as is needed."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

CANARY = "sk-canary-0123456789abcdef"
"""A key that must be seen nowhere but in the header of a request."""


class Reply(NamedTuple):
    """What the server sends."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Model = Callable[[dict[str, Any]], Reply]


class ModelServer:
    """``model`` answers each request's decoded body; all that was asked is kept."""

    def __init__(self) -> None:
        self.model: Model = by_shared_words
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str] = []
        self.released = threading.Event()
        self.url = ""


def completion(content: str, usage: Any = None) -> Reply:
    """What a model said, as a server sends it."""
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "c-1", "object": "chat.completion", "choices": [choice], "usage": usage}
    return Reply(json.dumps(body).encode())


def answers(*rows: tuple[Any, ...]) -> str:
    """Judgements in the form that is asked for: id, grade, direction and, if so, mixed."""
    names = ("id", "grade", "direction", "mixed")
    return json.dumps({"answers": [dict(zip(names, row, strict=False)) for row in rows]})


def question(asked: dict[str, Any]) -> Any:
    """The data that a request's last message holds."""
    return json.loads(asked["messages"][-1]["content"])


def by_shared_words(asked: dict[str, Any]) -> Reply:
    """A model that grades by a rule: how many of the question's words the title has."""
    data = question(asked)
    told = set(re.findall(r"\w+", data["story"]["title"].lower()))
    rows = []
    for one in data["questions"]:
        words = set(re.findall(r"\w+", one["asks"][0].lower()))
        share = len(words & told) / len(words)
        if share >= 0.2:
            rows.append((one["id"], 2 if share >= 0.3 else 1, 1))
    return completion(f"<think>words, words</think>\n```json\n{answers(*rows)}\n```")


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """The server, until the test is over."""
    served = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            asked = json.loads(self.rfile.read(length))
            served.asked.append(asked)
            served.paths.append(self.path)
            served.keys.append(self.headers.get("authorization", ""))
            body, status, headers = served.model(asked)
            try:
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client has gone

        def log_message(self, format: str, *arguments: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
