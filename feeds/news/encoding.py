"""Bytes of a feed to characters: by mark, header and declaration, else by what they look like."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF8, "utf-8"),
)
# "<" and the letter after it, as a document without a mark begins (XML 1.0, appendix F)
_STARTS = (
    (re.compile(rb"\0\0\0<"), "utf-32-be"),
    (re.compile(rb"<\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0[<{]\0[^\0]"), "utf-16-be"),
    (re.compile(rb"[<{]\0[^\0]\0"), "utf-16-le"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
# Only encodings of the world's scripts: Python has others (escapes, compression, UTF-7) that
# would let a document say something else than the bytes that were looked at.
_SCRIPTS = re.compile(
    r"utf-8(-sig)?|utf-(16|32)(-[bl]e)?|ascii|(iso)?8859-\d+|latin-?\d*|cp(125\d|437|85\d|866|874|932"
    r"|936|949|950)|koi8-[rtu]|kz1048|mac-\w+|ptcp154|tis-620"
    r"|gb2312|gbk|gb18030|hz|big5(hkscs)?|euc-(jp|kr|jis-2004|jisx0213)|shift-jis\w*|johab"
    r"|iso2022-(jp|kr)\S*"
)
_BIGGER = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": "utf-8"}
"""What publishers mean when they name the smaller set (as the WHATWG encoding standard has it)."""

# How many of the two-byte characters must be everyday ones before we believe a guess: the first
# level of each national standard holds what newspapers print. Hangul lies inside the Chinese
# range, so it comes first and Chinese text seldom fits all of it.
_GUESSES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("shift_jis", re.compile(rb"[\x82\x83][\x40-\xfc]|[\x88-\x97][\x40-\x7e\x80-\xfc]")),
    ("euc_jp", re.compile(rb"[\xa4\xa5][\xa1-\xfe]|[\xb0-\xcf][\xa1-\xfe]")),
    ("euc_kr", re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")),
    ("gb18030", re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")),
    ("big5", re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]")),
)
_KANA = re.compile("[\u3041-\u30fa]")
_HANGUL = re.compile("[\uac00-\ud7a3]")


def decode(body: bytes, charset: str = "") -> str:
    """The document's text. ``charset`` is what the HTTP header said, "" where it said nothing.

    Order of RFC 7303: byte order mark, header, declaration; then UTF-8, then a guess among the
    encodings of East Asia, then Windows-1252 with its gaps replaced. Never raises.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for start, name in _STARTS:
        if start.match(body):
            return body.decode(name, "replace")
    declared = _DECLARED.match(body[:400])
    named = (charset, declared[1].decode() if declared else "", "utf-8")
    for name in filter(None, map(_codec, named)):
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    return _guessed(body, *filter(None, map(_codec, named[:2])))


def _codec(name: str) -> str:
    try:
        known = codecs.lookup(name).name.replace("_", "-") if name else ""
    except (LookupError, ValueError):
        return ""
    return _BIGGER.get(known, known) if _SCRIPTS.fullmatch(known) else ""


def _guessed(body: bytes, *named: str) -> str:
    # a few broken bytes in a document that is otherwise what it says
    for name in (*named, "utf-8"):
        text = body.decode(name, "replace")
        if 50 * text.count("\ufffd") < sum(not char.isascii() for char in text):
            return text
    best = max(_GUESSES, key=lambda guess: _likelihood(body, *guess))
    if _likelihood(body, *best) > 0.7:
        return body.decode(best[0], "replace")
    return body.decode("cp1252", "replace")


def _likelihood(body: bytes, name: str, everyday: re.Pattern[bytes]) -> float:
    """The share of a guess's double-byte characters that are everyday ones; 0 where it fails."""
    try:
        text = body.decode(name)
    except UnicodeDecodeError:
        return 0.0
    foreign = [char for char in text if not char.isascii()]
    common = sum(1 for char in foreign if everyday.match(char.encode(name, "ignore")))
    script = "".join(foreign)
    # kana make Japanese, Hangul Korean: without them the bytes are somebody else's
    if name in ("shift_jis", "euc_jp"):
        common = common if _KANA.search(script) else common // 2
    if name == "euc_kr":
        common = common if _HANGUL.search(script) else 0
    return common / len(foreign) if len(foreign) > 1 else 0.0
