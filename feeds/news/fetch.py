"""One conditional request for one feed: bytes, "not modified", or the reason why not.

Bounded in time, in bytes on the wire and in bytes unpacked; redirects are followed by hand, so
that each hop is looked at before it is taken.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import parsedate_to_datetime
from enum import Enum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies

import httpx
import msgspec

from feeds.news.agent import user_agent
from feeds.news.unpack import PackingError, Unpacker
from feeds.text import safe_url

FIRST_BYTE_S_MAX = 10.0
WHOLE_S_MAX = 20.0
BODY_BYTES_MAX = 5 * 1024 * 1024
HOPS_MAX = 5
CONNECTIONS_MAX = 256
VALIDATOR_CHARS_MAX = 512
RETRY_AFTER_S_MAX = 86_400.0

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1"
)
_NO_ADDRESS = "Redirected to something that is no address; check the address."
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PERMANENT = frozenset((301, 308))
# Where a cloud's machines are told their keys; of these only the first is link-local.
_SECRETS = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200"))
)


class Reason(Enum):
    """Why a fetch gave no document. Logs and the health row count by it."""

    GONE = "gone"
    THROTTLED = "throttled"
    STATUS = "status"
    NO_CONNECTION = "no connection"
    TOO_SLOW = "too slow"
    TOO_BIG = "too big"
    CUT_OFF = "cut off"
    ENCODING = "encoding"
    REDIRECT = "redirect"
    PROTOCOL = "protocol"


class Validators(msgspec.Struct, frozen=True):
    """What a server gave us to ask "anything new?" with; each "" where it gave none."""

    etag: str = ""
    last_modified: str = ""


class NotModified(msgspec.Struct, frozen=True):
    """The server says that nothing changed. ``moved_to`` is as in ``Fetched``."""

    moved_to: str = ""


class Fetched(msgspec.Struct, frozen=True):
    """A document. ``url`` is where it was found in the end, ``moved_to`` the address to ask from
    now on, where every step there was said to be permanent; else ""."""

    body: bytes
    url: str
    charset: str
    validators: Validators
    moved_to: str = ""


class Failed(msgspec.Struct, frozen=True):
    """No document. ``sentence`` is for people; ``retry_after_s`` what the server asked for."""

    reason: Reason
    sentence: str
    retry_after_s: float = 0.0


Result: TypeAlias = NotModified | Fetched | Failed
Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one fetch, in wall seconds and bytes."""

    first_byte_s: float = FIRST_BYTE_S_MAX
    whole_s: float = WHOLE_S_MAX
    body_bytes: int = BODY_BYTES_MAX


class _Refusal(Exception):
    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.failed = Failed(reason, sentence)


class Fetcher:
    """A shared HTTP client for feeds. ``contact`` is told to publishers. Close with ``aclose``."""

    def __init__(
        self,
        limits: Limits | None = None,
        resolve: Resolve | None = None,
        contact: str = "",
    ) -> None:
        self.limits = limits or Limits()
        self._contact = contact
        self._resolve = resolve or _resolve
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, url: str, known: Validators | None = None) -> Result:
        """Ask for ``url``; ``known`` are the validators of the document we already have.

        Takes at most ``limits.whole_s`` wall seconds. Expected trouble comes back as ``Failed``.
        """
        try:
            async with asyncio.timeout(self.limits.whole_s):
                return await self._follow(url, known or Validators())
        except TimeoutError:
            sentence = f"The whole took more than {self.limits.whole_s:g} s; trying again later."
            return Failed(Reason.TOO_SLOW, sentence)
        except _Refusal as refusal:
            return refusal.failed
        except httpx.InvalidURL:
            return Failed(Reason.REDIRECT, _NO_ADDRESS)
        except httpx.TransportError as error:
            return _transport_failure(error)
        except (httpx.HTTPError, OSError, ValueError) as error:
            return Failed(
                Reason.PROTOCOL,
                f"The answer makes no sense ({type(error).__name__}); check the address.",
            )

    async def aclose(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _follow(self, url: str, known: Validators) -> Result:
        asked, permanent = url, True
        from_private = False
        # cookies live as long as this one question: some sites send nobody on without
        cookies = httpx.Cookies()
        seen: set[tuple[str, str]] = set()
        for hop in range(HOPS_MAX + 1):
            response = await self._ask(url, known, cookies)
            try:
                if hop == 0:
                    from_private = _is_private_connection(response) or _is_private_name(url)
                elif sentence := _landing_refusal(response, asked, url, from_private):
                    raise _Refusal(Reason.REDIRECT, sentence)
                if response.status_code not in _REDIRECTS:
                    moved_to = url if permanent and url != asked else ""
                    return await self._read(response, url, moved_to, known)
                target = _target(response, url)
                cookies.extract_cookies(response)
                here = (url, response.request.headers.get("cookie", ""))
                if here in seen:
                    raise _Refusal(Reason.REDIRECT, _in_a_circle(cookies))
                seen.add(here)
                permanent = permanent and response.status_code in _PERMANENT
                await self._check_hop(url, target, from_private)
                url = target
            finally:
                await response.aclose()
        raise _Refusal(
            Reason.REDIRECT, f"More than {HOPS_MAX} redirects in a row; check the address."
        )

    async def _ask(self, url: str, known: Validators, cookies: httpx.Cookies) -> httpx.Response:
        if self._client is None:
            self._client = _new_client(user_agent(self._contact))
        headers = {}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        request = self._client.build_request("GET", url, headers=headers)
        cookies.set_cookie_header(request)
        try:
            async with asyncio.timeout(self.limits.first_byte_s):
                return await self._client.send(request, stream=True)
        except TimeoutError:
            raise _Refusal(
                Reason.TOO_SLOW,
                f"No answer within {self.limits.first_byte_s:g} s; trying again later.",
            ) from None

    async def _check_hop(self, url: str, target: str, from_private: bool) -> None:
        if sentence := hop_refusal(url, target, from_private):
            raise _Refusal(Reason.REDIRECT, sentence)
        if getproxies():  # behind a proxy, names are the proxy's to resolve
            return
        host = urlsplit(target).hostname or ""
        for address in await self._resolve(host):
            if sentence := _address_refusal(address, url, target, from_private):
                raise _Refusal(Reason.REDIRECT, sentence)

    async def _read(
        self, response: httpx.Response, url: str, moved_to: str, known: Validators
    ) -> Result:
        if response.status_code == 304 and known != Validators():
            return NotModified(moved_to)
        if response.status_code != 200:
            return _status_failure(response)
        body = bytearray()
        async for piece in _unpacked(response, self.limits.body_bytes):
            body += piece
            if len(body) > self.limits.body_bytes:
                raise _too_big(self.limits.body_bytes)
        validators = Validators(
            _validator(response.headers.get("etag", "")),
            _validator(response.headers.get("last-modified", "")),
        )
        return Fetched(bytes(body), url, response.charset_encoding or "", validators, moved_to)


def hop_refusal(url: str, target: str, from_private: bool) -> str:
    """Why a redirect from ``url`` to ``target`` is not followed; "" where it may be.

    ``from_private``: the first address was on this machine or its network, as the user wished;
    even from there nobody is sent on to where machines are told their keys. Names that must be
    looked up first are the caller's to check.
    """
    if not safe_url(target):
        return "Redirected to an address that is not plain http or https; not followed."
    source, goal = urlsplit(url), urlsplit(target)
    if source.scheme == "https" and goal.scheme == "http":
        return "Redirected from https to http, where anyone could change it; not followed."
    if not from_private and _is_private_name(target):
        return _private(target)
    return _address_refusal(goal.hostname or "", url, target, from_private)


def _address_refusal(address: str, url: str, target: str, from_private: bool) -> str:
    """Why an address that a redirect leads to is not gone to; "" where it may be."""
    if _is_link_local(address) and urlsplit(url).hostname != urlsplit(target).hostname:
        host = urlsplit(target).hostname or "?"
        return f"Redirected to a link-local address ({host[:80]}); not followed."
    return _private(target) if not from_private and _is_private_address(address) else ""


def _landing_refusal(response: httpx.Response, asked: str, url: str, from_private: bool) -> str:
    """The same for the address that a connection was really made to."""
    address = _connected_to(response)
    return _address_refusal(address, asked, url, from_private) if address else ""


def _target(response: httpx.Response, url: str) -> str:
    location = str(response.headers.get("location", "")).strip()
    if not location:
        raise _Refusal(
            Reason.REDIRECT,
            f"The server redirects (status {response.status_code}) and does not say where to; "
            "check the address.",
        )
    return urljoin(url, location)


def _in_a_circle(cookies: httpx.Cookies) -> str:
    if cookies:
        return (
            "The server sets a cookie and sends us back, over and over: it wants a browser; "
            "look for another address."
        )
    return "The redirects lead in a circle; check the address."


def retry_after(text: str, now_s: float) -> float:
    """Seconds to wait by a Retry-After header: a number of seconds or an HTTP date; else 0."""
    text = text.strip()[:64]
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_S_MAX)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(moment - now_s, 0.0), RETRY_AFTER_S_MAX)


def _new_client(agent: str) -> httpx.AsyncClient:
    nothing_allowed = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(
        headers={
            "User-Agent": agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate",
        },
        cookies=nothing_allowed,
        timeout=None,  # noqa: S113  # asyncio.timeout bounds the whole, httpx's only each step
        follow_redirects=False,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=32),
    )


async def _unpacked(response: httpx.Response, bytes_max: int) -> AsyncIterator[bytes]:
    """The body, unpacked piece by piece and never past ``bytes_max`` by more than a piece.

    httpx would unpack a whole network chunk at once: 64 KiB of it can hold 67 MB.
    """
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    wire = 0
    try:
        async for chunk in response.aiter_raw():
            wire += len(chunk)
            if wire > bytes_max:
                raise _too_big(bytes_max)
            for piece in unpacker.feed(chunk):
                yield piece
                await asyncio.sleep(0)  # between the pieces of a bomb others have their turn
        for piece in unpacker.finish():
            yield piece
    except PackingError as error:
        reason = Reason.CUT_OFF if error.cut_off else Reason.ENCODING
        raise _Refusal(reason, error.sentence) from None


def _status_failure(response: httpx.Response) -> Failed:
    code = response.status_code
    wait = retry_after(response.headers.get("retry-after", ""), time.time())
    if code == 410:
        return Failed(Reason.GONE, "The publisher says this feed is gone for good; remove it.")
    if code == 429 or (code == 503 and wait):
        sentence = f"The server asks us to come less often (status {code}); waiting."
        return Failed(Reason.THROTTLED, sentence, wait)
    if code in (401, 402, 403, 451):
        sentence = f"The server does not let us read it (status {code}); check in a browser."
    elif code == 404:
        sentence = "Nothing is at this address (status 404); check the address."
    elif code >= 500:
        sentence = f"The server has trouble of its own (status {code}); trying again later."
    else:
        sentence = f"The server answers with status {code} instead of a feed; check the address."
    return Failed(Reason.STATUS, sentence, wait)


def _transport_failure(error: httpx.TransportError) -> Failed:
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Failed(Reason.NO_CONNECTION, "No connection to the server; trying again later.")
    if isinstance(error, httpx.RemoteProtocolError) and "location header" in str(error):
        return Failed(Reason.REDIRECT, _NO_ADDRESS)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return Failed(Reason.CUT_OFF, "The answer breaks off or is garbled; trying again later.")
    return Failed(
        Reason.PROTOCOL, f"The connection failed ({type(error).__name__}); trying again later."
    )


def _too_big(bytes_max: int) -> _Refusal:
    size = f"{bytes_max / 2**20:g} MiB"
    return _Refusal(Reason.TOO_BIG, f"The document is bigger than {size}; ask for a shorter feed.")


def _private(url: str) -> str:
    host = urlsplit(url).hostname or "?"
    return f"Redirected to a private address ({host[:80]}); not followed."


def _validator(text: str) -> str:
    fine = len(text) <= VALIDATOR_CHARS_MAX and text.isascii() and text.isprintable()
    return text if fine else ""


async def _resolve(host: str) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the connection will say so
        return []
    return [str(address[0]) for *_, address in found]


def _is_private_connection(response: httpx.Response) -> bool:
    address = _connected_to(response)
    return bool(address) and _is_private_address(address)


def _connected_to(response: httpx.Response) -> str:
    """The address of the server that answered; "" behind a proxy, or where nobody knows."""
    if getproxies():
        return ""
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    return str(address[0]) if address is not None else ""


def _is_private_name(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    local = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
    return host == "localhost" or host.endswith(local) or _is_private_address(host)


def _is_private_address(host: str) -> bool:
    """Whether a host is an address, in any spelling, that is not on the public internet."""
    address = _address(host)
    return address is not None and (not address.is_global or address.is_multicast)


def _is_link_local(host: str) -> bool:
    """Whether a host is an address of this wire alone, or one where clouds keep keys."""
    address = _address(host)
    return address is not None and (address.is_link_local or address in _SECRETS)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        try:  # 2130706433, 0x7f.1, 127.1: resolvers take them all
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address
