"""The text door: foreign text in, printable text out. Past it nobody checks again.

Terminals obey what they print, and toolkits pass it on: a headline may hold a clipboard write, a
screen clear, or a direction override that shows a word backwards. So whatever comes from a feed
or a venue enters through one of these functions, once.
"""

import html as _html
import re
import unicodedata
from html.entities import html5 as _html5
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import nh3

LINE_CHARS_MAX = 400
TEXT_CHARS_MAX = 4_000
HTML_CHARS_MAX = 20_000
URL_CHARS_MAX = 2_048
MARKS_MAX = 4
"""Combining marks on one letter: Vietnamese and Hebrew need three, a tower is an attack."""
REPLACEMENTS_MAX = 8
"""U+FFFD signs in one text; more say nothing that eight do not."""
PASSES_MAX = 4

ELLIPSIS = "…"
_ZWJ = "\u200d"

# ECMA-48 sequences with their parameters and payloads, 7-bit (ESC) and 8-bit (C1) spellings.
# A string sequence without its end is left to the filter: it loses the introducer alone, so that
# one stray byte of a mislabelled encoding can't swallow a headline.
_SEQUENCES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_]"
    r"|\x1b[ -/]*(?!\[)[0-~]"
)

_EMOJI = (
    r"[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2934\u2935"
    r"\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_DRESSED = _EMOJI + r"(?:[\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff])?"
# The only places where invisible characters mean something in a terminal.
_EMOJI_SEQUENCES = re.compile(
    "\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{1,8}\U000e007f"
    rf"|[0-9#*]\ufe0f\u20e3|{_DRESSED}(?:\u200d{_DRESSED}){{0,8}}"
)
_JOINERS = "".join(map(chr, (0x200D, 0xFE0E, 0xFE0F, *range(0xE0020, 0xE0080))))
_NO_JOINERS = dict.fromkeys(map(ord, _JOINERS))

# Letters, marks and symbols by category that nevertheless show nothing.
_INVISIBLE = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
# A host's name as text, with letters of the scripts that have Latin's shapes (Greek, Cyrillic,
# Armenian, Cherokee), and the letters of them that pass for Latin ones.
_FOREIGN_HOST = re.compile(
    r"(?<![\w.-])(?=[\w.-]*[\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13f5])"
    r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.[A-Za-z]{2,24}(?![\w-])"
)
_LATIN = re.compile("[a-z]", re.IGNORECASE)
_LOOKALIKES = frozenset("аеорсухіјѕԛԝԁһӏвкмнтгпьзαορνικτυχγεηωρѵᴏօսցհոզ0123456789-")
_LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_REPLACEMENTS = re.compile("\ufffd(?:\\s*\ufffd)+")

_BLOCKS = re.compile(
    r"<(?=/?(?:p|div|br|hr|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|pre|blockquote|section"
    r"|article|figure|figcaption|aside|header|footer)\b)",
    re.IGNORECASE,
)
_UNREAD = {
    "script",
    "style",
    "template",
    "noscript",
    "iframe",
    "svg",
    "math",
    "object",
    "noframes",
    "noembed",
}

# A reference to each half of a surrogate pair, as programs that count in UTF-16 write a sign.
_HIGH = r"0*(?:5529[6-9]|55[3-9]\d\d|56[0-2]\d\d|563[01]\d)|[xX]0*[dD][89abAB][0-9a-fA-F]{2}"
_LOW = (
    r"0*(?:563[2-9]\d|56[4-9]\d\d|57[0-2]\d\d|573[0-3]\d|5734[0-3])"
    r"|[xX]0*[dD][c-fC-F][0-9a-fA-F]{2}"
)
_PAIR = re.compile(rf"(&(?:amp;)?\#)({_HIGH});?\1({_LOW})(;?)")
# HTML's old names of characters hold without a semicolon, but not before a letter, a figure or an
# equals sign, where "&copy=3" is a piece of an address ("named character reference state").
_NAME = re.compile(r"&([A-Za-z][A-Za-z0-9]*)(?![A-Za-z0-9;])(?P<equals>=)?")

_TRACKING = re.compile(
    r"(?:utm_|mtm_|pk_|hsa_|vero_|oly_)[a-z0-9_]*"
    r"|[gd]clid|gclsrc|dclid|fbclid|msclkid|yclid|twclid|ttclid|igshid|igsh|mc_[ce]id|_hs(?:enc|mi)"
    r"|mkt_tok|wickedid|cmpid|ocid|s_cid|icid|ito|xtor|at_(?:medium|campaign|custom\d|bbc_team)"
    r"|ref_src|ref_url|__twitter_impression|guccounter|guce_referrer(?:_sig)?",
    re.IGNORECASE,
)
_FROM_FEED = re.compile(r"(?:source|src|mod|ref|from|cmp)=rss[^&]*", re.IGNORECASE)
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_-]{1,63})*")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")
_URL_SAFE = "%/:=&?~+!$,;'@()*[]"


def printable(text: str, max_chars: int = LINE_CHARS_MAX) -> str:
    """One line of NFC text that no terminal obeys; longer than ``max_chars`` it ends in "…".

    Escape sequences go with their payload; control, direction, zero-width, private and
    unassigned characters go (joiners stay inside emoji); marks without a letter, or beyond
    ``MARKS_MAX`` on one, go. A host's name that passes for another by look-alike letters is spelt
    in punycode. Running it twice changes nothing.
    """
    return _cut(_line(_without_sequences(_bounded(text, max_chars))), max_chars)


def paragraph(text: str, max_chars: int = TEXT_CHARS_MAX) -> str:
    """Like ``printable``, but lines stay lines, with at most one empty line between them."""
    whole = _without_sequences(_LINE_ENDS.sub("\n", _bounded(text, max_chars)))
    lines = "\n".join(_line(line) for line in whole.split("\n"))
    return _cut(re.sub(r"\n{3,}", "\n\n", lines).strip("\n"), max_chars)


def from_html(html: str, max_chars: int = TEXT_CHARS_MAX, *, lines: bool = False) -> str:
    """The words of a piece of HTML: tags and what scripts and styles hold are gone.

    Entities are decoded exactly once, so ``&amp;lt;`` becomes the text ``&lt;``. With ``lines``,
    blocks end lines; without, all is one line.
    """
    return (paragraph if lines else printable)(_words(html[:HTML_CHARS_MAX]), max_chars)


def paired_references(text: str) -> str:
    """The text with two references to the halves of one sign made into one to the sign."""
    return _PAIR.sub(_paired, text) if "#" in text else text


def safe_url(url: str, base: str = "") -> str:
    """An absolute http(s) address, or "" where there is none that is safe to offer.

    Relative addresses are resolved against ``base``. Credentials, control characters, odd hosts
    and more than ``URL_CHARS_MAX`` characters give ""; tracking parameters are taken out and an
    international host is spelt in punycode, so that look-alike letters show.
    """
    url = url.strip()
    if len(url) > URL_CHARS_MAX or not url.replace("\xa0", " ").isprintable():
        return ""
    try:
        parts = urlsplit(urljoin(base, url) if base else url)
        host, port = _ascii_host(parts.hostname or ""), parts.port
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
            return ""
        place = f"{host}:{port}" if port is not None else host
        path, query = quote(parts.path, safe=_URL_SAFE), _without_tracking(parts.query)
        tail = "" if _TRACKING.match(parts.fragment) else quote(parts.fragment, safe=_URL_SAFE)
    except ValueError:  # a broken IPv6 bracket, a port that is no number, a host no DNS knows
        return ""
    result = urlunsplit((parts.scheme, place, path, query, tail))
    return result if len(result) <= URL_CHARS_MAX else ""


def _bounded(text: str, max_chars: int) -> str:
    # what is cut off here could only matter if nearly all before it were dropped
    return text[: 8 * max_chars + 1_024]


def _without_sequences(text: str) -> str:
    if text.isprintable():
        return text
    # a sequence taken out may leave the halves of another side by side
    for _ in range(PASSES_MAX):
        shorter = _SEQUENCES.sub("", text)
        if shorter == text:
            break
        text = shorter
    return text


def _line(text: str) -> str:
    text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", _visible(text))
    text = _REPLACEMENTS.sub("\ufffd", _few_marks(text))
    if text.count("\ufffd") > REPLACEMENTS_MAX:
        head, *rest = text.split("\ufffd", REPLACEMENTS_MAX)
        text = "\ufffd".join((head, *rest[:-1])) + "\ufffd" + rest[-1].replace("\ufffd", "")
    return _FOREIGN_HOST.sub(_spelt_out, " ".join(text.split()))


def _spelt_out(match: re.Match[str]) -> str:
    """A host that passes for another, in punycode, where the difference shows."""
    *labels, _ = match[0].casefold().split(".")
    if not any(_passes_for_latin(label) for label in labels):
        return match[0]
    try:
        return match[0].encode("idna").decode()
    except UnicodeError:
        return match[0]


def _passes_for_latin(label: str) -> bool:
    if label.isascii():
        return False
    return bool(_LATIN.search(label)) or _LOOKALIKES.issuperset(label)


def _visible(text: str) -> str:
    pieces, end = [], 0
    for match in _EMOJI_SEQUENCES.finditer(text):
        # the emoji blocks have holes, where no character is assigned yet
        shown = match[0].translate(_NO_JOINERS).isprintable()
        pieces += [_filtered(text[end : match.start()]), match[0] if shown else _filtered(match[0])]
        end = match.end()
    return "".join(pieces) + _filtered(text[end:])


def _filtered(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and char not in _INVISIBLE)


def _few_marks(text: str) -> str:
    kept: list[str] = []
    marks = MARKS_MAX  # a mark with no letter before it would sit on whatever the screen has there
    for char in text:
        if unicodedata.category(char) in ("Mn", "Me"):
            marks += 1
            if marks > MARKS_MAX:
                continue
        else:
            marks = MARKS_MAX if char == " " else 0
        kept.append(char)
    return "".join(kept)


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    # a joiner left hanging by the cut would join the ellipsis
    return text[: max(max_chars - 1, 0)].rstrip(_JOINERS).rstrip() + ELLIPSIS


def _words(html: str) -> str:
    if "<" not in html and "&" not in html:
        return html
    html = html.encode("utf-8", "replace").decode()  # nh3 takes no lone surrogates
    marked = _NAME.sub(_spelt_name, _BLOCKS.sub("\n<", paired_references(html)))
    return _html.unescape(nh3.clean(marked, tags=set(), clean_content_tags=_UNREAD))


def _paired(match: re.Match[str]) -> str:
    opening, high, low, end = match.groups()
    point = 0x10000 + ((_number(high) - 0xD800) << 10) + (_number(low) - 0xDC00)
    return f"{opening}{point}{end or ';'}"


def _number(digits: str) -> int:
    return int(digits[1:], 16) if digits[0] in "xX" else int(digits)


def _spelt_name(match: re.Match[str]) -> str:
    whole = match[1] in _html5 and not match["equals"]
    return match[0] if whole else f"&amp;{match[0][1:]}"


def _ascii_host(host: str) -> str:
    host = host.rstrip(".").lower()
    if ":" in host:
        return f"[{host}]" if _IPV6.fullmatch(host) else ""
    if not host.isascii():
        host = host.encode("idna").decode().lower()
    return host if _HOST.fullmatch(host) else ""


def _without_tracking(query: str) -> str:
    kept = [
        pair
        for pair in query.split("&")
        if pair
        and not _TRACKING.fullmatch(pair.partition("=")[0])
        and not _FROM_FEED.fullmatch(pair)
    ]
    return quote("&".join(kept), safe=_URL_SAFE)
