"""What is held out of the reader's training: whole sources of news, and whole publishers."""

import hashlib

HELD_SOURCES = frozenset({"real"})
HELD_SHARE = 4
"""One story of the archives in so many is held out, by its week and publisher (see the id)."""


def held(source: str, story: str) -> bool:
    """Whether a story is kept from the reader, to calibrate it by."""
    if source in HELD_SOURCES:
        return True
    digest = hashlib.sha256(story.encode()).digest()
    return source in ("archives", "world") and digest[0] % HELD_SHARE == 0
