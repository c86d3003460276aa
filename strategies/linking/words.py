"""Text as the linker reads it: plain words with their places, without boilerplate.

Pure functions over text that has passed the text door. Offsets are characters of the text given.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

TEXT_MAX = 4_000
"""Characters of a story or a market that are read; the rest is ignored."""

_LETTER = r"A-Za-zÀ-ɏ"
_WORD = re.compile(
    r"\$?\d[\d,]*(?:\.\d+)?(?:[a-z%]+\b|%)?"
    rf"|[{_LETTER}](?:[{_LETTER}0-9'&]|[.\-+](?=[{_LETTER}0-9]))*"
)
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,2})?")
_VERSIONED = re.compile(r"([a-z][a-z&']*)-(\d{1,3}(?:\.\d{1,2})?)")
_JOINED_CLAUSES = re.compile(r"(?<=\w)[—―](?=\w)")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_TAG = re.compile(r"<[^>]{0,200}>")
_SOURCE = re.compile(r"\s+[-|]\s+[A-Z][\w.&' ]{1,40}(?:\([A-Z:]+\))?(?: - [\w.&' ]{1,30})?$")
_BOILERPLATE = re.compile(
    r"share (?:this )?(?:article |story )?(?:to|on) "
    r"(?:facebook|twitter|x|linkedin|reddit|whatsapp)"
    r"|follow us on [\w, ]+|sign up for [\w' ]+ newsletter|subscribe to [\w' ]+"
    r"|read more(?: at| on)?\b[^.]{0,40}|click here[^.]{0,40}"
    r"|(?:the )?post [^.]{0,80} appeared first on [^.]{0,40}"
    r"|this article (?:was )?originally (?:appeared|published) (?:on|in) [^.]{0,40}"
    r"|all rights reserved|image credits?:[^.]{0,40}|disclosure:[^.]{0,120}"
    r"|continue reading[^.]{0,40}|via (?:facebook|twitter|google news)\b",
    re.I,
)

STOP = frozenset(
    re.findall(
        r"\S+",
        """a an the and or of in on at to for from by with as is are was were be been being will
        would can could may might shall should do does did has have had having it its this that
        these those there here he she they we you i his her their our your my me him them us who
        whom which what when where why how if then than so such into over under out up down about
        after before between during through per vs via not no nor only own same too very just also
        more most some any each few other another both all s t re ve ll d m get gets got new says
        said say amid still yet now one two""",
    )
)


class Token(NamedTuple):
    """One word: as matched (lower case), as written, its stem, and where it stands."""

    text: str
    raw: str
    stem: str
    start: int
    end: int


def plain(text: str) -> str:
    """Compatibility forms and typographic quotes folded, length bounded; offsets are of this."""
    apart = _JOINED_CLAUSES.sub(" ; ", unicodedata.normalize("NFKC", text[:TEXT_MAX]))
    folded = apart.translate(_QUOTES)
    return folded.replace("\u00a0", " ")


def strip_boilerplate(text: str) -> str:
    """Without "share to Facebook", "sign up", "read more" and their like."""
    return _BOILERPLATE.sub(" ", text)


def strip_source(title: str) -> str:
    """A headline without the name of its paper at the end ("... - The Verge")."""
    return _SOURCE.sub("", title)


def untagged(text: str) -> str:
    """Without HTML's tags, as some venues' rules have them."""
    return _TAG.sub(" ", text)


def is_number(token: Token) -> bool:
    """Whether a word begins as a number does ("$400", "5.2", "3nm")."""
    return token.text[0].isdigit() or token.text[0] == "$"


def is_year(token: Token) -> bool:
    """Whether a word is a year of our time."""
    return len(token.text) == 4 and token.text.isdigit() and token.text.startswith("20")


def tokens(text: str) -> list[Token]:
    """The words of a text that has been made plain."""
    found = []
    for match in _WORD.finditer(text):
        raw = match.group()
        start, end = match.span()
        if raw.endswith("'s"):
            raw, end = raw[:-2], end - 2
        raw = raw.rstrip("'")
        lower = raw.lower()
        found.append(Token(lower, raw, stem(lower), start, start + len(raw)))
    return found


def numbered_names(found: Sequence[Token]) -> list[str]:
    """What is named with a number ("Gemini 3.5", "GPT-5", "Flight 12"), as one word each."""
    told = [
        f"{name.text}#{number.text}"
        for name, number in pairwise(found)
        if name.raw != name.text
        and name.text not in STOP
        and number.start - name.end == 1
        and _VERSION.fullmatch(number.text)
    ]
    joined = (_VERSIONED.fullmatch(token.text) for token in found)
    return told + [f"{match[1]}#{match[2]}" for match in joined if match]


def has_cjk(text: str) -> bool:
    """Whether the text holds Chinese characters."""
    return _CJK.search(text) is not None


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without its commonest endings, so that "exports" meets "exporting".

    Crude on purpose: it must only do the same to both sides. Words that say the same
    (``data/concepts.toml``) have one stem.
    """
    return _SAME.get(word) or _SAME.get(short := _short(word), short)


def concepts(text: str) -> frozenset[str]:
    """The stems for which the Chinese words of a text stand."""
    if not has_cjk(text):
        return frozenset()
    return frozenset(stem for word, stem in _CHINESE.items() if word in text)


def _short(word: str) -> str:
    if len(word) < 4 or word[0].isdigit() or word[0] == "$":
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: len(word) - len(ending)] + instead
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word


_ENDINGS = (
    ("ations", "ate"),
    ("ation", "ate"),
    ("sses", "ss"),
    ("ies", "y"),
    ("ing", ""),
    ("ed", ""),
    ("ss", "ss"),
    ("us", "us"),
    ("is", "is"),
    ("s", ""),
)


_TABLE = tomllib.loads(
    files("strategies.linking.knowledge").joinpath("data/concepts.toml").read_text(encoding="utf-8")
)
_SAME: dict[str, str] = {
    form: _short(first)
    for first, words in _TABLE["same"].items()
    for word in (first, *words)
    for form in (word, _short(word))
}
_CHINESE: dict[str, str] = {word: stem(same) for word, same in _TABLE["chinese"].items()}


def is_content(token: Token) -> bool:
    """Whether the word says something by itself."""
    return token.text not in STOP and len(token.text) > 1
