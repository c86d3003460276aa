"""The one guarded way from foreign bytes to typed values.

A decoder fails in more ways than it says: by its own errors, by text that is no UTF-8, by nesting
without end, by numbers that no float holds; and an archive that was cut short in others still. A
door that guards against some of them has a traceback left for the rest, so all doors come here.
"""

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a msgspec decoder raises for rubbish."""
UNPACKABLE = (zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError)
"""What unpacking rubbish raises, or an archive that was cut short."""


class Unreadable(ValueError):
    """These bytes hold nothing of the kind that was wanted; the message says why, for people."""


@contextmanager
def guarded() -> Iterator[None]:
    """Whatever decoding or unpacking may raise leaves here as :class:`Unreadable`."""
    try:
        yield
    except Unreadable:
        raise
    except (*UNREADABLE, *UNPACKABLE, ValueError, OverflowError) as error:
        raise Unreadable(explained(error)) from error


def decoded(decode: Callable[[bytes], T], data: bytes) -> T:
    """``decode(data)``; raises :class:`Unreadable`."""
    with guarded():
        return decode(data)


def explained(error: BaseException) -> str:
    """Why something can't be read, in words for people."""
    match error:
        case UnicodeDecodeError():
            return f"a text in it is no UTF-8, at byte {error.start:,}"
        case RecursionError():
            return "it is nested too deeply"
        case EOFError():
            return "the archive is cut short"
        case zlib.error() | lzma.LZMAError() | gzip.BadGzipFile():
            return "the archive is corrupt"
        case _:
            return str(error).partition("\n")[0] or type(error).__name__
