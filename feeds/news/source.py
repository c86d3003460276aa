"""What we poll: one publisher's feed, as a config gives it."""

import re

import msgspec

from feeds.news.zones import zone_named
from feeds.text import printable, safe_url

EVERY_S_MIN = 5
EVERY_S_MAX = 86_400
NAME_CHARS_MAX = 80
SOURCES_MAX = 1_000

_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_LANGUAGE = re.compile(r"(?:[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})?")


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One feed. ``every_s`` is market seconds between polls, ``trust`` runs from 0 to 1.

    One that publishes seldom may be asked less often, up to ``slowest_s`` apart; 0 for never.

    ``language`` is what its items are written in, "" where the feed's own word is taken.
    ``timezone`` is the IANA name of the zone that its dates without one are meant in, "" for UTC.
    Raises ``ValueError`` (``msgspec.ValidationError`` when decoded) that names the field and the
    fix.
    """

    id: str
    name: str
    url: str
    every_s: int = 300
    slowest_s: int = 0
    language: str = ""
    timezone: str = ""
    trust: float = 0.5
    group: str = ""
    enabled: bool = True

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise ValueError(complaint)


def _complaints(source: Source) -> list[str]:
    checks = (
        (
            _ID.fullmatch(source.id),
            f"id {source.id!r} must be 1 to 64 small letters, digits, dots or dashes",
        ),
        (
            0 < len(source.name) <= NAME_CHARS_MAX and printable(source.name) == source.name,
            f"name {source.name!r} must be 1 to {NAME_CHARS_MAX} printable characters",
        ),
        (
            safe_url(source.url),
            f"url {source.url!r} must be an address that starts with https:// or http://, "
            "without a user name or password in it",
        ),
        (
            EVERY_S_MIN <= source.every_s <= EVERY_S_MAX,
            f"every_s {source.every_s} must lie between {EVERY_S_MIN} and {EVERY_S_MAX} seconds",
        ),
        (
            0 <= source.slowest_s <= EVERY_S_MAX,
            f"slowest_s {source.slowest_s} must lie between 0 and {EVERY_S_MAX} seconds",
        ),
        (
            _LANGUAGE.fullmatch(source.language),
            f"language {source.language!r} must be a tag such as en or zh-CN, or empty",
        ),
        (
            not source.timezone or zone_named(source.timezone),
            f"timezone {source.timezone!r} must be a name such as Asia/Shanghai, or empty for UTC",
        ),
        (0 <= source.trust <= 1, f"trust {source.trust} must lie between 0 and 1"),
        (
            len(source.group) <= NAME_CHARS_MAX and printable(source.group) == source.group,
            f"group {source.group!r} must be at most {NAME_CHARS_MAX} printable characters",
        ),
    )
    return [complaint for fine, complaint in checks if not fine]
