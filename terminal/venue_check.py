"""What the doctor asks the venue besides whether it answers.

Are our endpoints here to stay? Does it say that we ask too often? In which mode does it trade?
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from feeds.polymarket.errors import VenueError, of_status
from feeds.polymarket.hosts import Hosts
from feeds.polymarket.http import TOO_OFTEN, no_json
from feeds.polymarket.modes import mode_in, sentence_of
from feeds.polymarket.notices import Notices
from feeds.text import printable
from terminal import VERSION
from terminal.protocol.link import Face, LinkError
from terminal.protocol.views import Look, Query, Rows

ERROR_BYTES_MAX = 4_096
UPDATE: Final = "update Fit to Trade before that day; its changelog names the endpoint"

Found = tuple[bool, str, str]
"""Well or not, a sentence, and the fix."""


@dataclass(frozen=True)
class _Question:
    method: str
    host: str
    path: str
    body: bytes | None = None


QUESTIONS: Final = (
    _Question("GET", "gamma", "/events/keyset?limit=1&closed=false"),
    _Question("GET", "gamma", "/markets/keyset?limit=1&closed=false"),
    _Question("GET", "clob", "/time"),
    _Question("GET", "clob", "/book?token_id=1"),
    _Question("POST", "clob", "/books", b'[{"token_id":"1"}]'),
    _Question("GET", "clob", "/prices-history?market=1&interval=1h"),
    _Question("GET", "clob", "/clob-markets/0x0"),
)
"""Every public endpoint that we rely on; that an id is unknown there does not matter here."""


MODE_QUESTIONS: Final = QUESTIONS[2:4]


async def _answers(
    questions: Sequence[_Question], hosts: Hosts, within_s: float
) -> tuple[list[VenueError | None], Notices]:
    """What each question was refused with, None where it was answered or is merely unknown."""
    notices = Notices()
    async with httpx.AsyncClient(timeout=within_s) as http:
        asked = [_ask(http, question, hosts, notices) for question in questions]
        return await asyncio.gather(*asked), notices


async def _ask(
    http: httpx.AsyncClient, question: _Question, hosts: Hosts, notices: Notices
) -> VenueError | None:
    url = f"{getattr(hosts, question.host)}{question.path}"
    what = f"{question.method} {httpx.URL(url).path}"
    try:
        plain = {"Accept-Encoding": "identity"}
        async with http.stream(
            question.method, url, content=question.body, headers=plain
        ) as answer:
            notices.look(question.method, answer.url.path, answer.headers)
            body = await _beginning(answer)
            said = printable(body.decode("utf-8", "replace"), 200)
            if answer.status_code == 200 and (sentence := no_json(body)):
                return VenueError(f"{what}: {sentence}", retryable=True, status=200)
            if answer.status_code in (200, 400, 404):
                return None
            return of_status(answer.status_code, what, said, answer.headers.get("retry-after"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        late = isinstance(error, httpx.TimeoutException)
        said = "no answer in time" if late else "the connection failed"
        return VenueError(f"{what}: {said}", retryable=True)


async def _beginning(answer: httpx.Response) -> bytes:
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) >= ERROR_BYTES_MAX:
            break
    return body[:ERROR_BYTES_MAX]


def endpoints(hosts: Hosts, within_s: float) -> Found:
    """Are the endpoints that we rely on here to stay, and does the venue bear our pace?"""
    refused, notices = asyncio.run(_answers(QUESTIONS, hosts, within_s))
    if notices.by_endpoint:
        said = "; ".join(notice.sentence for notice in notices.by_endpoint.values())
        return False, said, UPDATE
    hasty = [error for error in refused if error is not None and error.status == TOO_OFTEN]
    if hasty:
        wait = max(error.retry_after_s or 0 for error in hasty)
        span = f"wait {wait:.0f} s" if wait else "wait a minute"
        fix = f"{span}, and stop other programs that ask it from this address"
        return False, "the venue says that this address asks too often (429)", fix
    failed = [str(error) for error in refused if error is not None]
    if failed:
        return False, failed[0], "try again; if it stays, the venue has changed or is away"
    said = f"{len(QUESTIONS)} endpoints answer; none is announced to end, none finds us too hasty"
    return True, said, ""


def mode(hosts: Hosts, runtime: Path, within_s: float) -> Found:
    """In which mode does the venue trade? A running engine knows best: refusals of orders tell."""
    return asyncio.run(_mode(hosts, runtime, within_s))


async def _mode(hosts: Hosts, runtime: Path, within_s: float) -> Found:
    try:
        async with asyncio.timeout(within_s / 2):
            told = await _engines_word(runtime)
    except (LinkError, TimeoutError, OSError):
        told = None
    if told is not None:
        return not told, told or "trades as usual, the running engine says", _patience(told)
    refused, _ = await _answers(MODE_QUESTIONS, hosts, within_s / 2)
    for error in refused:
        restricted = mode_in(error.status, error.said) if error is not None else None
        if restricted is not None:
            said = sentence_of(restricted)
            return False, said, _patience(said)
    if all(error is not None and error.status is None for error in refused):
        return True, "not known: the venue can't be reached", ""
    return True, "nothing that it answers speaks of a restart or of restricted trading", ""


def _patience(said: str) -> str:
    return "wait: it passes by itself, usually in minutes; orders that rest stay" if said else ""


async def _engines_word(runtime: Path) -> str | None:
    """What a running engine shows of the venue's mode, "" for the usual one; None if none runs."""
    face = await Face.connect(runtime, VERSION)
    try:
        await face.send(Look(views=()))
        await face.send(Query(id="doctor", what="status"))
        while True:
            message = await face.receive()
            if isinstance(message, Rows) and message.id == "doctor" and message.status:
                streams = message.status.streams
                return next((one.sentence for one in streams if one.name == "venue"), "")
    finally:
        await face.close()
