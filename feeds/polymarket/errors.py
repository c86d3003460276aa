"""What can go wrong between us and the venue.

``WireError``: what it said has not the shape it should. ``VenueError``: it could not be asked, or
it would not answer; ``retryable`` says whether asking again makes sense. The tables at the end
are the only places where foreign exceptions and status codes get their meaning.
"""

from collections.abc import Mapping
from types import MappingProxyType

import httpx

RETRY_AFTER_MAX_S = 60.0


class WireError(ValueError):
    """Bytes that have not the shape they should; ``path`` names the field, as in ``$.bids[3]``."""

    def __init__(self, path: str, reason: str, kind: str = "shape") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.kind = kind


class VenueError(Exception):
    """The venue did not answer as asked. ``str()`` is a sentence for the trader."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        status: int | None = None,
        retry_after_s: float | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.status = status
        self.retry_after_s = retry_after_s
        self.said = said
        """The venue's own words, cleaned."""


# (asking again makes sense, what happened); the nearest ancestor of an exception decides
TRANSPORT_ERRORS: Mapping[type[Exception], tuple[bool, str]] = MappingProxyType(
    {
        httpx.ConnectTimeout: (True, "no connection in time"),
        httpx.ReadTimeout: (True, "no answer in time"),
        httpx.WriteTimeout: (True, "the request could not be sent in time"),
        httpx.PoolTimeout: (True, "all our connections are busy"),
        httpx.NetworkError: (True, "the connection failed"),
        httpx.RemoteProtocolError: (True, "the connection ended in the middle of an answer"),
        httpx.ProxyError: (True, "the proxy failed"),
        httpx.LocalProtocolError: (False, "the request breaks HTTP's rules"),
        httpx.UnsupportedProtocol: (False, "the address is neither http nor https"),
        httpx.DecodingError: (False, "the answer's compression is broken"),
        httpx.TooManyRedirects: (False, "the address redirects without end"),
        httpx.RequestError: (False, "the request failed"),
        httpx.InvalidURL: (False, "the address is not valid"),
    }
)

STATUS_MEANING: Mapping[int, tuple[bool, str]] = MappingProxyType(
    {
        401: (False, "it does not accept our key"),
        403: (False, "it refuses this network or region"),
        404: (False, "it knows no such thing"),
        408: (True, "it waited too long for us"),
        425: (True, "its matching engine is restarting"),
        429: (True, "we ask too often"),
        500: (True, "it has an internal error"),
        502: (True, "its front gate gets no answer"),
        503: (True, "it is not available"),
        504: (True, "its front gate waited too long"),
    }
)


def of_transport(error: Exception, what: str) -> VenueError:
    """The venue's error for an exception of httpx. ``what`` names the request."""
    for ancestor in type(error).__mro__:
        if ancestor in TRANSPORT_ERRORS:
            retryable, meaning = TRANSPORT_ERRORS[ancestor]
            return VenueError(f"{what}: {meaning}", retryable=retryable)
    raise error


def of_status(status: int, what: str, said: str, retry_after: str | None) -> VenueError:
    """The venue's error for an answer that is no success. ``said`` is its own text, cleaned."""
    retryable, meaning = STATUS_MEANING.get(
        status, (status >= 500, "it did not accept the request")
    )
    words = f' ("{said}")' if said else ""
    return VenueError(
        f"{what}: the venue answered {status}, {meaning}{words}",
        retryable=retryable,
        status=status,
        retry_after_s=_seconds(retry_after),
        said=said,
    )


def _seconds(text: str | None) -> float | None:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        return None
    return min(float(text.strip()[:9]), RETRY_AFTER_MAX_S)
