"""Prompts of the outside judge as files, and recorded answers played back through its own endpoint.

    python -m benchmarks.judge_replay prompts --markets M --stories S --out PROMPTS.jsonl
    python -m benchmarks.judge_replay serve ANSWERS.jsonl [--port 8123]

``prompts`` writes what ``ftt link --judge`` would send: a line ``{"story", "system_sha", "user"}``
for each story that has candidates, and the system's message, the same for all, beside it as
``PROMPTS.system.txt``. It needs no network. Whoever answers writes lines ``{"user", "answer"}``;
those of ``ftt link --judge --judge-record`` are such lines too. ``serve`` speaks OpenAI's chat
completions on loopback and answers each user message by the line that holds exactly it; what was
not recorded it says so, in a form that the judge refuses, and the linker's own links stand.
"""

import argparse
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks._judged import Line, lines
from feeds.events import Judged
from feeds.llm_prompt import GUIDELINE, GUIDELINE_SHA, prompt
from strategies.linking import Candidate
from strategies.linking.lines import StoryLine, link_lines
from terminal.engine.llm_judge import questions_of, told_of

NOT_RECORDED = "Nothing is recorded for this message."
REQUEST_BYTES_MAX = 1_000_000


def prompts(markets: Path, stories: Path) -> Iterator[Line]:
    """Each story's prompt, for those that have candidates."""
    told: list[Line] = []

    def ask(story: StoryLine, candidates: tuple[Candidate, ...]) -> Judged | None:
        _, user = prompt(told_of(story), questions_of(candidates))
        told.append({"story": story.id, "system_sha": GUIDELINE_SHA, "user": user})
        return None

    for _ in link_lines(lines(markets), lines(stories), ask):
        yield from told
        told.clear()


def write(markets: Path, stories: Path, out: Path) -> int:
    """Write the prompts and, beside them, the system's message; how many there are."""
    count = 0
    out.with_suffix(".system.txt").write_text(GUIDELINE, encoding="utf-8")
    with out.open("w", encoding="utf-8") as file:
        for line in prompts(markets, stories):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count


def recorded(path: Path) -> dict[str, str]:
    """The answer to each user message; of several the last."""
    return {line["user"]: line["answer"] for line in lines(path)}


@contextmanager
def serving(answers: Mapping[str, str], port: int = 0) -> Iterator[tuple[str, Counter[str]]]:
    """A server on loopback: its address for ``judge.url``, and what it has found and missed."""
    counted: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length", "0")), REQUEST_BYTES_MAX)
            asked = json.loads(self.rfile.read(length))
            answer = answers.get(asked["messages"][-1]["content"])
            counted["missed" if answer is None else "found"] += 1
            self._say(_completion(asked["model"], NOT_RECORDED if answer is None else answer))

        def _say(self, body: Line) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:
            """The counts say enough."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", counted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _completion(model: str, content: str) -> Line:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "replay", "object": "chat.completion", "model": model, "choices": [choice]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="judge_replay", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    asked = verbs.add_parser("prompts", help="write each story's prompt")
    for name in ("markets", "stories", "out"):
        asked.add_argument(f"--{name}", type=Path, required=True)
    served = verbs.add_parser("serve", help="answer by recorded lines until interrupted")
    served.add_argument("answers", type=Path)
    served.add_argument("--port", type=int, default=0)
    return parser


def main() -> None:
    asked = _parser().parse_args()
    if asked.verb == "prompts":
        count = write(asked.markets, asked.stories, asked.out)
        print(f"{count} prompts under guideline {GUIDELINE_SHA} in {asked.out}")
        return
    with serving(recorded(asked.answers), asked.port) as (url, counted):
        print(url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(dict(counted), file=sys.stderr)


if __name__ == "__main__":
    main()
