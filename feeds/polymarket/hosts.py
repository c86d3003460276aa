"""Where the venue is reached: production, a practice venue and a proxy are the same code."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

_HTTP = ("http", "https")
_WEBSOCKET = ("ws", "wss")
_SCHEMES = {
    "gamma": _HTTP,
    "clob": _HTTP,
    "data": _HTTP,
    "ws_market": _WEBSOCKET,
    "ws_user": _WEBSOCKET,
}


class HostError(ValueError):
    """An address that cannot be a host of the venue; the message names the key and the value."""


class Hosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base addresses without a trailing slash; the defaults are production.

    ``ws_market`` and ``ws_user`` are the whole addresses of the channels, path included.
    Build one with ``Hosts.of``: it strips slashes and raises ``HostError`` for a bad address.
    """

    gamma: str = "https://gamma-api.polymarket.com"
    clob: str = "https://clob.polymarket.com"
    data: str = "https://data-api.polymarket.com"
    ws_market: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    ws_user: str = "wss://ws-subscriptions-clob.polymarket.com/ws/user"

    @classmethod
    def of(cls, **given: Any) -> "Hosts":
        """Hosts from configured addresses; what is not given stays production."""
        for key in given:
            if key not in _SCHEMES:
                raise HostError(f"{key}: no such host; known are {', '.join(_SCHEMES)}")
        return cls(**{key: checked(key, value) for key, value in given.items()})


def checked(key: str, address: Any) -> str:
    """The address without trailing slashes; raises ``HostError`` if it cannot be one."""
    schemes = _SCHEMES[key]
    hint = f'expected an address such as "{schemes[1]}://example.org"'
    if not isinstance(address, str):
        raise HostError(f"{key}: {hint}, found {address!r}")
    try:
        parts = urlsplit(address.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise HostError(f"{key}: {hint}, found {address!r} ({error})") from None
    if parts.scheme not in schemes or not host:
        raise HostError(f"{key}: {hint}, found {address!r}")
    if parts.username or parts.password:
        # the address is printed in the status line and in logs
        raise HostError(f"{key}: an address here must not carry a user name or password")
    if parts.query or parts.fragment:
        raise HostError(f"{key}: {hint}, without a query or fragment, found {address!r}")
    return address.strip().rstrip("/")
