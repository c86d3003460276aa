"""Ask a language model how a story bears on questions: one POST, and its word or why there is none.

The protocol is the chat completion of OpenAI's API, which local servers speak too. What is asked
and which answers count stands in :mod:`feeds.llm_prompt`. Bounded in time and bytes; nothing is
asked twice, and no redirect is followed, since the key would go along. What each asking cost is
told.
"""

import asyncio
import time
from collections.abc import Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Meta

from feeds.decoding import Unreadable, decoded
from feeds.llm_prompt import NoAnswer, Question, Said, Told, prompt, read
from feeds.news.agent import user_agent
from feeds.news.fetch import retry_after

ANSWER_BYTES_MAX = 256 * 1024
KEY_CHARS_MAX = 1_000
PAUSE_S = 30.0
"""After an endpoint that is not there, or in trouble, nobody asks again for so long."""
SHUT_OUT_S = 300.0
PATH = "/chat/completions"
CHARS_A_TOKEN = 4
"""What is taken for a token where a server counts none: about right for English."""
TOKENS_BELIEVED_MAX = 10_000_000
NO_COMPLETION = NoAnswer("The answer is no chat completion.")


class Spent(NamedTuple):
    """What one asking cost; ``estimated`` where the server did not count tokens itself."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    estimated: bool = False


class Asked(NamedTuple):
    """What came of one asking: the word or why there is none, both texts as sent, the cost."""

    said: tuple[Said, ...] | NoAnswer
    user: str
    text: str
    spent: Spent


class Key:
    """The secret that an endpoint asks for. It appears in no ``repr`` and in no message.

    Raises ``ValueError`` for what can't be one, without showing it.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        fine = secret.isascii() and secret.isprintable() and " " not in secret
        if not 0 < len(secret) <= KEY_CHARS_MAX or not fine:
            raise ValueError("the key is empty or holds blanks or control characters: copy it anew")
        self._secret = secret

    def __repr__(self) -> str:
        return "Key(…)"

    def headers(self) -> dict[str, str]:
        """What proves to the endpoint who asks."""
        return {"Authorization": f"Bearer {self._secret}"}


class Judge:
    """One model behind one address, such as http://127.0.0.1:11434/v1. Close with ``aclose``."""

    def __init__(self, url: str, model: str, key: Key | None = None, timeout_s: float = 20) -> None:
        url = url.rstrip("/")
        self.model = model
        self._url = url if url.endswith(PATH) else url + PATH
        self._key, self._timeout_s = key, timeout_s
        self._client: httpx.AsyncClient | None = None

    async def ask(self, story: Told, questions: Sequence[Question]) -> Asked:
        """The model's word on at most 20 questions, within the time given; never raises."""
        system, user = prompt(story, questions)
        began = time.monotonic()
        came = await self._sent(_request(self.model, system, user))
        seconds = time.monotonic() - began
        if isinstance(came, NoAnswer):
            # who turned us away, or was not there, read nothing; who was too slow did
            tokens = 0 if came.pause_s else _tokens(system + user)
            return Asked(came, user, "", Spent(tokens, 0, seconds, tokens > 0))
        text, counted = content(came)
        spent = _spent(counted, system + user, text, seconds)
        said = read(text, len(questions)) if text is not None else NO_COMPLETION
        return Asked(said, user, text or "", spent)

    async def _sent(self, body: bytes) -> bytes | NoAnswer:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(body)
        except TimeoutError:
            return NoAnswer(f"No whole answer within {self._timeout_s:g} s.")
        except httpx.TransportError as error:
            name = type(error).__name__
            return NoAnswer(f"No connection ({name}); is it running at judge.url?", PAUSE_S)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return NoAnswer(f"The answer makes no sense ({type(error).__name__}).", PAUSE_S)

    async def aclose(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, body: bytes) -> bytes | NoAnswer:
        if self._client is None:
            self._client = _new_client(self._url)
        headers = {"Content-Type": "application/json"} | (self._key.headers() if self._key else {})
        async with self._client.stream(
            "POST", self._url, content=body, headers=headers
        ) as response:
            if response.status_code != 200:
                return _status(response)
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                return NoAnswer("The answer is compressed, which we did not ask for.")
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > ANSWER_BYTES_MAX:
                    return NoAnswer(f"The answer has more than {ANSWER_BYTES_MAX:,} bytes.")
            return bytes(read)


def _new_client(url: str) -> httpx.AsyncClient:
    host = urlsplit(url).hostname or ""
    return httpx.AsyncClient(
        headers={
            "User-Agent": user_agent(),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=None,  # noqa: S113  # asyncio.timeout bounds the whole, httpx's only each step
        follow_redirects=False,
        # a proxy for the internet has nothing to do with a model on this machine
        trust_env=host not in ("localhost", "::1") and not host.startswith("127."),
    )


def _request(model: str, system: str, user: str) -> bytes:
    """The least that every server understands: newer models refuse a temperature, older a format.

    What the model says twice of one story may differ, which is why its word is kept on the tape.
    """
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return msgspec.json.encode({"model": model, "messages": messages, "stream": False})


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    choices: Annotated[tuple[_Choice, ...], Meta(min_length=1)]
    usage: Any = None


_decode_completion = msgspec.json.Decoder(_Completion).decode


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: Annotated[int, Meta(gt=0, le=TOKENS_BELIEVED_MAX)]
    completion_tokens: Annotated[int, Meta(ge=0, le=TOKENS_BELIEVED_MAX)]


def content(body: bytes) -> tuple[str | None, _Usage | None]:
    """The text of a completion, None where it is none; and its tokens where they were counted."""
    try:
        completion = decoded(_decode_completion, body)
    except Unreadable:
        return None, None
    try:
        usage = msgspec.convert(completion.usage, _Usage)
    except msgspec.ValidationError:
        usage = None
    return completion.choices[0].message.content or "", usage


def _spent(counted: _Usage | None, asked: str, text: str | None, seconds: float) -> Spent:
    if counted is not None:
        return Spent(counted.prompt_tokens, counted.completion_tokens, seconds)
    return Spent(_tokens(asked), _tokens(text or ""), seconds, estimated=True)


def _tokens(text: str) -> int:
    return -(-len(text) // CHARS_A_TOKEN)


def _status(response: httpx.Response) -> NoAnswer:
    code = response.status_code
    wait_s = retry_after(response.headers.get("retry-after", ""), time.time())
    if code in (401, 402, 403):
        words = f"We are not let in (status {code}): does judge.key name the right secret?"
        return NoAnswer(words, SHUT_OUT_S)
    if code == 429:
        return NoAnswer("We are asked to come less often (status 429).", max(wait_s, PAUSE_S))
    if code in (404, 405):
        words = f"Nothing answers there (status {code}): judge.url often ends in /v1,"
        return NoAnswer(f"{words} and judge.model must be one that it serves.", PAUSE_S)
    if 300 <= code < 400:
        words = f"It redirects (status {code}), which is not followed: the key would go along."
        return NoAnswer(f"{words} Set judge.url to the address in the end.", SHUT_OUT_S)
    if code >= 500:
        return NoAnswer(f"It has trouble of its own (status {code}).", max(wait_s, PAUSE_S))
    return NoAnswer(f"It did not take the question (status {code}); see judge.model.", PAUSE_S)
