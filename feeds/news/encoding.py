"""Bytes of a feed to characters: by mark, header and declaration, else by what they look like."""

import codecs
import re

from feeds.news.charsets import (
    MULTIBYTE,
    SEVEN_BIT,
    codec_of,
    decode_loosely,
    decode_strictly,
)

GUESS_BYTES_MIN = 16 * 1024
GUESS_BYTES_MAX = 64 * 1024

_MARKS = (
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF8, "utf-8"),
)
# "<" and the letter after it, as a document without a mark begins (XML 1.0, appendix F)
_STARTS = (
    (re.compile(rb"(?:\0\0\0[ \t\r\n])*\0\0\0[<{\[]"), "utf-32-be"),
    (re.compile(rb"(?:[ \t\r\n]\0\0\0)*[<{\[]\0\0\0"), "utf-32-le"),
    (re.compile(rb"(?:\0[ \t\r\n])*\0[<{\[]\0[^\0]"), "utf-16-be"),
    (re.compile(rb"(?:[ \t\r\n]\0)*[<{\[]\0[^\0]\0"), "utf-16-le"),
)
_WIDE = re.compile(r"utf-(16|32)")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""")
_CONTINUATIONS_MIN = 4
"""Text in an encoding of East Asia may be sound UTF-8 by chance for two characters, hardly for
four: one in a thousand."""

_MARKUP = re.compile(rb"<[^<>]*>")
# What charset-normalizer may find where nothing is declared. Over 76 feeds re-encoded it was right
# in 73, the table of everyday characters that stood here in 57. Latin text is not asked about: it
# made Turkish of English with a few typographic signs, and those are Windows-1252.
_NOT_LATIN = [
    *("cp932", "euc_jp", "cp949", "gb18030", "big5hkscs", "cp1251", "koi8_r", "cp866", "iso8859_5"),
    *("mac_cyrillic", "cp1253", "iso8859_7", "cp1255", "cp1256", "iso8859_6", "cp874"),
]
_NOT_LATIN_MIN = 0.3
"""Of the letters outside of tags; in Polish and Czech a tenth are not ASCII, in Russian nearly
all."""
_JIS_ESCAPE = re.compile(rb"\x1b\$[@B]")


def decode(body: bytes, charset: str = "") -> str:
    """The document's text. ``charset`` is what the HTTP header said, "" where it said nothing.

    Order of RFC 7303: byte order mark, header, declaration; but bytes that are sound UTF-8 are
    UTF-8, whatever a single-byte encoding is named, since nothing else ever is. Then a guess, then
    Windows-1252 with its gaps replaced. Never raises.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for start, name in _STARTS:
        if start.match(body):
            return body.decode(name, "replace")
    declared = _DECLARED.match(body[:400])
    claims = [codec_of(charset), codec_of(declared[1].decode()) if declared else ""]
    # what has no zeros is neither UTF-16 nor UTF-32, for all it says
    if claims == ["", ""] and _JIS_ESCAPE.search(body):
        claims = ["iso2022-jp"]
    claims = [claim for claim in claims if claim and (not _WIDE.match(claim) or b"\0" in body)]
    unicode = _as_utf8(body)
    if unicode is not None and not any(_outweighs(claim, unicode) for claim in claims):
        return unicode
    for claim in claims:
        try:
            return decode_strictly(body, claim)
        except UnicodeDecodeError:
            continue
    return unicode if unicode is not None else _guessed(body, claims)


def _as_utf8(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        pass
    try:
        # surrogates written one by one, as some databases do (CESU-8)
        halves = body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _outweighs(claim: str, unicode: str) -> bool:
    """Whether a claim is believed although the bytes are sound UTF-8."""
    if SEVEN_BIT.fullmatch(claim):
        return True
    if not MULTIBYTE.fullmatch(claim):
        return False
    continuations = len(unicode.encode("utf-8", "replace")) - len(unicode)
    return 0 < continuations < _CONTINUATIONS_MIN


def _guessed(body: bytes, claims: list[str]) -> str:
    # a few broken bytes in a document that is otherwise what it says
    for name in (*claims, "utf-8"):
        text = decode_loosely(body, name)
        if 50 * text.count("\ufffd") < sum(not char.isascii() for char in text):
            return text
    return decode_loosely(body, _script_of(body) or "cp1252")


def _script_of(body: bytes) -> str:
    """The codec of a document in a script that is not Latin; "" for one that is."""
    words = _sample(body)
    foreign = sum(byte > 0x7F for byte in words)
    letters = foreign + sum(chr(byte).isalpha() for byte in words if byte < 0x80)
    if not letters or foreign < _NOT_LATIN_MIN * letters:
        return ""
    from charset_normalizer import from_bytes  # only few documents need it

    best = from_bytes(words, cp_isolation=_NOT_LATIN, enable_fallback=False).best()
    return codec_of(best.encoding) if best is not None else ""


def _sample(body: bytes) -> bytes:
    """Words of the document, cut between two tags, or else at a space: inside no character."""
    words = bytearray()
    for piece in _MARKUP.split(body):
        words += piece + b" "
        if len(words) >= GUESS_BYTES_MIN:
            break
    if len(words) > GUESS_BYTES_MAX:
        return bytes(words[:GUESS_BYTES_MAX]).rpartition(b" ")[0]
    return bytes(words)
