"""Names of encodings and what they mean: labels to decoders, by the WHATWG's encoding standard.

Publishers name the small set and write the big one: what calls itself Shift_JIS is Windows-31J,
GB2312 is GB 18030, Big5 has Hong Kong's additions, ISO-8859-1 is Windows-1252. Python's codecs of
those names are the small sets; here are the wide meanings, and the signs that even the nearest
codec of Python's lacks.
"""

import codecs
import re
from functools import lru_cache

LABEL_CHARS_MAX = 60

# Labels of the standard that Python does not know, by its codec of the wide meaning.
_LABELS = {
    label: codec
    for codec, labels in {
        "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 utf8mb4",
        "iso8859-2": "iso88592",
        "iso8859-3": "iso88593",
        "iso8859-4": "iso88594",
        "iso8859-5": "iso88595",
        "iso8859-6": "csiso88596e csiso88596i iso-8859-6-e iso-8859-6-i iso88596",
        "iso8859-7": "iso88597 sun_eu_greek",
        "iso8859-8": "csiso88598e csiso88598i iso-8859-8-e iso-8859-8-i iso88598 logical visual",
        "iso8859-10": "iso885910",
        "iso8859-13": "iso885913",
        "iso8859-14": "iso885914",
        "iso8859-15": "csisolatin9 iso885915",
        "koi8-r": "koi koi8",
        "koi8-u": "koi8-ru",
        "mac-roman": "csmacintosh mac x-mac-roman",
        "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
        "cp874": "dos-874 iso885911",
        "cp1252": "iso88591",
        "cp1254": "iso88599",
        "gb18030": "csgb2312 gb_2312 gb_2312-80 x-gbk x-gb18030",
        "big5hkscs": "cn-big5 x-x-big5",
        "euc-jp": "cseucpkdfmtjapanese x-euc-jp",
        "cp932": "windows-31j x-sjis",
        "cp949": "cseuckr csksc56011987 iso-ir-149 ks_c_5601-1989 ksc_5601 x-euc-kr",
        "utf-16-be": "unicodefffe",
        "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff",
    }.items()
    for label in labels.split()
}
_WINDOWS = re.compile(r"(?:x-)?(?:windows|win|cp|ms)[-_]?(125\d|874|932|936|949|950)")
# Python's codecs of the small sets.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "utf-16": "utf-16-le",
    "utf-8-sig": "utf-8",
}
# Only encodings of the world's scripts: Python has others (escapes, compression, UTF-7) that
# would let a document say something else than the bytes that were looked at.
_SCRIPTS = re.compile(
    r"utf-8|utf-(16|32)(-[bl]e)?|iso8859-\d+|cp(125\d|437|85\d|866|874|932|949)|koi8-[rtu]|kz1048"
    r"|mac-\w+|ptcp154|gb18030|hz|big5hkscs|euc-(jp|jis-2004|jisx0213)|shift-jis\w+|johab"
    r"|iso2022-(jp|kr)\S*"
)
MULTIBYTE = re.compile(r"gb18030|big5hkscs|euc-\w+|cp932|cp949|shift-jis\w+|johab")
"""Codecs whose signs outside of ASCII take two bytes or more; UTF-8 and its kin are not meant."""
SEVEN_BIT = re.compile(r"hz|iso2022-\S+")
"""Codecs that write other scripts in the bytes of ASCII."""

# Where codecs of one name differ from the standard: signs that Python reads as lookalikes or as
# private ones.
_OTHER_SIGNS = {
    "euc-jp": str.maketrans("〜‖−¢£¬", "～∥－￠￡￢"),
    "big5hkscs": str.maketrans("•､‾∼♁☉／＼¥¢£", "‧﹑¯～⊕⊙∕﹨￥￠￡"),
    "koi8-u": str.maketrans("╝╬", "ўЎ"),
    "gb18030": str.maketrans(
        "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\ue81e\ue826"
        "\ue82b\ue82c\ue832\ue843\ue854\ue864",
        "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\u9fb4\u9fb5"
        "\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
    ),
}


@lru_cache(maxsize=256)
def codec_of(label: str) -> str:
    """The name of Python's codec for what a label means, or "" for one that is not believed."""
    label = label.strip().strip("\"'").lower()[:LABEL_CHARS_MAX]
    if windows := _WINDOWS.fullmatch(label):
        label = f"cp{windows[1]}"
    try:
        known = _LABELS.get(label) or (codecs.lookup(label).name if label else "")
    except (LookupError, ValueError):
        return ""
    known = known.replace("_", "-")
    known = _WIDER.get(known, known)
    return known if _SCRIPTS.fullmatch(known) else ""


def decode_strictly(body: bytes, codec: str) -> str:
    """The text in one of ``codec_of``'s codecs; raises ``UnicodeDecodeError``."""
    return _decoded(body, codec, f"{_HANDLER}-or-fail")


def decode_loosely(body: bytes, codec: str) -> str:
    """The same with U+FFFD for whatever can't be read."""
    return _decoded(body, codec, _HANDLER)


def _decoded(body: bytes, codec: str, errors: str) -> str:
    text = body.decode(codec, errors)
    other = _OTHER_SIGNS.get(codec)
    return text.translate(other) if other else text


_HANDLER = "feeds.news"


def _wide_or_fail(error: UnicodeError) -> tuple[str, int]:
    found = _wide(error) if isinstance(error, UnicodeDecodeError) else None
    if found is None:
        raise error
    return found


def _wide_or_replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _wide(error) or ("\ufffd", error.end)


def _wide(error: UnicodeDecodeError) -> tuple[str, int] | None:
    """The sign of the standard's table for bytes that Python's codec has none for, and its end."""
    at = error.start
    two = bytes(error.object[at : at + 2])
    codec = error.encoding.replace("_", "-")
    if codec.startswith("iso2022-jp") and len(two) == 2 and min(two) > 0x20:
        return _decode_two(_shifted(bytes(byte | 0x80 for byte in two)), "cp932", at)
    if codec == "euc-jp" and len(two) == 2 and min(two) >= 0xA1:
        return _decode_two(_shifted(two), "cp932", at)
    if codec == "big5hkscs" and len(two) == 2:
        return _decode_two(two, "cp950", at)
    if codec == "gb18030" and two[:1] == b"\x80":
        return "€", at + 1
    if codec in ("charmap", "cp874") and 0x80 <= two[0] < 0xA0:
        return chr(two[0]), at + 1  # a control character, which the text door takes out
    return None


def _decode_two(two: bytes, codec: str, at: int) -> tuple[str, int] | None:
    try:
        return two.decode(codec), at + 2
    except UnicodeDecodeError:
        return None


def _shifted(two: bytes) -> bytes:
    """A sign's row and cell in EUC-JP, written as Shift_JIS does (JIS X 0208, appendix 1)."""
    row, cell = two[0] - 0xA1, two[1] - 0xA1
    lead = (row >> 1) + (0x81 if row < 62 else 0xC1)
    if row % 2:
        return bytes((lead, cell + 0x9F))
    return bytes((lead, cell + (0x40 if cell < 63 else 0x41)))


codecs.register_error(_HANDLER, _wide_or_replaced)
codecs.register_error(f"{_HANDLER}-or-fail", _wide_or_fail)
