"""Bytes as they were sent to the document in them, whatever the header says of its compression.

Headers name compressions that are none ("none", "utf-8", "aws-chunked"), leave out the ones that
are there, and a file compressed once is often compressed again on its way. So the bytes are asked
first: what begins like gzip is unpacked, up to ``LAYERS_MAX`` times, and what reads like text is
text. Unpacked piece by piece, so that a bomb goes off in small bangs.
"""

import re
import zlib
from collections.abc import Iterator

from feeds.news.charsets import codec_of

PIECE_BYTES_MAX = 256 * 1024
LAYERS_MAX = 3

_GZIP = b"\x1f\x8b"
_HEAD_BYTES = 64
"""What is looked at before a layer is said to be text or not."""
_GZIP_OR_ZLIB = 47  # zlib's own recognition of both headers, with the largest window
_ZIPPED = ("gzip", "x-gzip", "gzipped", "x-compressed-gzip")
_NOT_ONES = (
    *("", "identity", "none", "null", "plain", "text", "binary", "chunked", "aws-chunked"),
    *("7bit", "8bit", "quoted-printable", "raw", "off", "no", "false", "default"),
)
_DOCUMENT = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\0 \t\r\n]*[<{\[]")


class PackingError(Exception):
    """A document that can't be unpacked: a sentence, and whether it broke off on its way."""

    def __init__(self, sentence: str, cut_off: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.cut_off = cut_off


class Unpacker:
    """Takes the bytes of one document as they come. ``encoding`` is the header Content-Encoding.

    The caller bounds what is fed and what comes out. Raises ``PackingError``.
    """

    def __init__(self, encoding: str = "") -> None:
        named = [name.strip().lower() for name in encoding.split(",")]
        named = [name for name in named if name not in _NOT_ONES and not codec_of(name)]
        self._strange = [name for name in named if name not in (*_ZIPPED, "deflate")]
        self._deflated = "deflate" in named
        self._named = bool(named)
        self._layers = [_Layer()]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` unpacks to, at most ``PIECE_BYTES_MAX`` at a time."""
        yield from self._passed_on(0, data, at_end=False)

    def finish(self) -> Iterator[bytes]:
        """What was held back until the end; raises where the document breaks off."""
        for number in range(LAYERS_MAX + 1):
            if number == len(self._layers):
                return
            layer = self._layers[number]
            if layer.head:
                yield from self._passed_on(number, b"", at_end=True)
            if layer.inflater is not None and not layer.inflater.is_whole():
                raise PackingError(
                    "The compressed document breaks off; trying again later.", cut_off=True
                )

    def _passed_on(self, number: int, data: bytes, *, at_end: bool) -> Iterator[bytes]:
        layer = self._layers[number]
        if layer.is_open:
            layer.head += data
            if len(layer.head) < _HEAD_BYTES and not at_end:
                return
            data, layer.head, layer.is_open = layer.head, b"", False
            layer.inflater = self._inflater(number, data)
        if layer.inflater is None:
            yield data
            return
        if number + 1 == len(self._layers):
            self._layers.append(_Layer())
        try:
            for piece in layer.inflater.pieces(data):
                yield from self._passed_on(number + 1, piece, at_end=False)
        except zlib.error:
            raise PackingError("The compression is broken; trying again later.") from None

    def _inflater(self, number: int, head: bytes) -> "_Inflater | None":
        """How to unpack a layer that begins like this; None where it is the document."""
        if head.startswith(_GZIP):
            if number == LAYERS_MAX:
                raise PackingError(
                    f"The document is compressed more than {LAYERS_MAX} times over; not read."
                )
            return _Inflater(may_be_bare=False)
        if _DOCUMENT.match(head) or not head or not (self._deflated or self._named):
            return None
        if self._deflated:
            self._deflated = self._named = False
            return _Inflater(may_be_bare=True)
        if number > 0:
            return None
        if self._strange:
            raise PackingError(
                f"The document comes compressed as {self._strange[-1][:20]!r}, for which we did "
                "not ask and which we can't read; tell the publisher."
            )
        return _Inflater(may_be_bare=False)


class _Layer:
    """One compression around the document, or the document itself."""

    def __init__(self) -> None:
        self.head = b""
        self.is_open = True
        self.inflater: _Inflater | None = None


class _Inflater:
    """gzip, zlib, or the bare stream that some servers call deflate."""

    def __init__(self, may_be_bare: bool) -> None:
        self._inner = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._may_be_bare = may_be_bare
        self._members = 0

    def is_whole(self) -> bool:
        return self._members > 0 or self._inner.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                self._inner = zlib.decompressobj(_GZIP_OR_ZLIB)
                self._members += 1
            try:
                piece = self._inner.decompress(data, PIECE_BYTES_MAX)
            except zlib.error:
                if self._members:
                    return  # padding behind the last member, which everybody ignores
                if not self._may_be_bare:
                    raise
                self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
                piece = self._inner.decompress(data, PIECE_BYTES_MAX)
            self._may_be_bare = False
            if piece:
                yield piece
            data = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail


def unpacked(body: bytes, bytes_max: int) -> bytes:
    """A whole document, such as a file whose name ends in ``.gz``, unpacked to no more than
    ``bytes_max`` and a piece; raises ``PackingError``."""
    unpacker = Unpacker()
    found = bytearray()
    for pieces in (unpacker.feed(body), unpacker.finish()):
        for piece in pieces:
            found += piece
            if len(found) > bytes_max:
                return bytes(found)
    return bytes(found)
