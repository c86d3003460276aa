"""XML as publishers write it, mended before it is parsed: what is wrong costs a sign, not the feed.

Bare ampersands and angle brackets, HTML's named characters, references to halves of a pair, beyond
Unicode or to control characters. Sections that are taken as they stand (CDATA, comments,
instructions) stay as they are.
"""

import re
from html.entities import html5

from feeds.text import paired_references

# XML 1.0 allows neither these characters nor references to them; one makes expat give up.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPES = {"\x1b": "\ue01b", "\x07": "\ue007"}
"""What begins and ends an escape sequence, and private characters that stand for it in XML: were
they only taken out, the rest of the sequence would be left as text."""

# Only what needs a look: well-formed references and tags, most of all there is, are passed over.
_PIECE = re.compile(
    r"<(?:!\[CDATA\[.*?(?:\]\]>|\Z)|!--.*?(?:-->|\Z)|\?.*?(?:\?>|\Z)|(?![A-Za-z_/!?]))"
    r"|&(?![\#A-Za-z])(?:&(?![\#A-Za-z]))*"
    r"|&(?!(?:amp|lt|gt|quot|apos|\#(?:3[2-9]|[4-9]\d|[1-9]\d{2,3}|x[2-7][0-9a-fA-F]));)"
    r"(?:\#(?P<decimal>\d+)|\#[xX](?P<hexadecimal>[0-9a-fA-F]+)|(?P<name>[A-Za-z][A-Za-z0-9]*))?"
    r"(?P<end>;)?",
    re.DOTALL,
)
_POINT_MAX = 0x10FFFF
_DIGITS_MAX = 12
_LONE = "&#65533;"


def legible(text: str) -> str:
    """A document without the characters that XML and JSON forbid; those of escape sequences stand
    in it as marks, until ``unmarked``."""
    return _ILLEGAL.sub("", _marked(text))


def unmarked(text: str) -> str:
    """What a parser made of a ``legible`` document, with the marks as they were written. Only the
    text door may see it."""
    for escape, mark in _ESCAPES.items():
        text = text.replace(mark, escape)
    return text


def _marked(text: str) -> str:
    for escape, mark in _ESCAPES.items():
        text = text.replace(escape, mark)
    return text


def mended(text: str) -> str:
    """A document that differs only where it was not well-formed for the reasons named above."""
    return _PIECE.sub(_mended_piece, paired_references(text))


def _mended_piece(piece: re.Match[str]) -> str:
    if piece[0].startswith("<"):
        return piece[0] if len(piece[0]) > 1 else "&lt;"
    if piece[0].endswith("&"):
        return "&amp;" * len(piece[0])
    end = piece["end"] or ""
    if piece["decimal"] or piece["hexadecimal"]:
        return _numbered(piece)
    name = piece["name"] or ""
    known = html5.get(f"{name};") if end else None
    if known is None:
        return f"&amp;{name}{end}"
    return "".join(f"&#{ord(character)};" for character in known)


def _numbered(piece: re.Match[str]) -> str:
    digits, base = piece["decimal"], 10
    if digits is None:
        digits, base = piece["hexadecimal"], 16
    # HTML takes a reference without its end, but "R&#1" is no control character
    if not piece["end"] and len(digits) < 2:
        return "&amp;" + piece[0][1:]
    if len(digits) > _DIGITS_MAX:
        return _LONE
    point = int(digits, base)
    if point > _POINT_MAX or 0xD800 <= point <= 0xDFFF:
        return _LONE
    sign = chr(point)
    return f"&#{point};" if point >= 0x20 and not _ILLEGAL.match(sign) else legible(sign)
