"""What a story says, ready to be compared with another: who, what deed, which product, how much."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import msgspec

from feeds.news.lexicon import BROAD, DEEDS, NAMES, PHRASE_WORDS_MAX, TIMES
from feeds.news.normalise import COMMON

LEAD_CHARS_MAX = 320
"""A story says what happened at its beginning; further on it tells what everybody knows."""
TOKENS_MAX = 90
NO_REACH = 4
"""Words behind "no" or "not" that it may deny."""
FIGURES_MAX = 12
BARE_FIGURE_MIN = 13
"""Smaller numbers without a unit count things nobody remembers: two reasons, five facts."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"(?<![\d-])\d{{1,2}}-\d{{1,2}}(?![\w-])|(?:1[0-2]|(?<!\d)[1-9])月|[{_IDEOGRAPHS}]+|(?:[a-z]\.){{2,}}|\d+(?:[.,]\d+)*[a-z]*|[^\W_{_IDEOGRAPHS}]+"
    rf"(?:[-.][^\W_{_IDEOGRAPHS}]+)*"
)
_APOSTROPHE = re.compile(r"['’](?:s|t|re|ve|ll|d|m)?\b")
# "UPDATE 1-", "CORRECTED-", "EXCLUSIVE:", "Live:" and the publisher's name at the end
_FRAME = re.compile(
    r"^\W*(?:(?:update|refile|rpt|corrected|correction|exclusive|breaking|live|watch|analysis"
    r"|wrapup|factbox|explainer|快讯|独家|更正|突发)(?:\s?\d+)?\s*[-:：|】\]]\s*)+"
    r"|\s+[|–—-]\s+(?:[A-Z][\w.&']*\s?){1,4}$",
    re.IGNORECASE,
)
_CODE = re.compile(r"([a-z]+)-?(\d+(?:\.\d+)?)([a-z]{0,3})(?:-([a-z]+))?")
_SCORE = re.compile(r"\d+-\d+")
_NODE = re.compile(r"(\d+)([a-z]{1,2})")
_DULL_IDEOGRAPHS = re.compile(
    "(?:新台币|人民币|美元|欧元|韩元|港元|日元|万亿|亿|万|元|知情人士|表示|消息|报道|今日|今天|昨日|本周|周[一二三四五六日]|公司|正式|的|了|将|在|与|和|为|已|其|向|被|从|个|对)+"
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_VARIANTS = _set(
    "pro flash ultra max mini nano lite codex thinking instant plus turbo air super cpx"
)
_FAMILIES = _set(
    "gpt gemini claude opus sonnet haiku grok llama qwen kimi ernie deepseek siri ascend rubin"
    " blackwell instinct gen phase version ios atlas sora veo imagen"
)
_UNITS = _set("bn tn mn m b k gw mw w x st nd rd th am pm g gb tb ghz yuan won")
_NOT_CODES = _set("nt us hk a rmb usd eur fy h q no")

_SCALES = {
    **dict.fromkeys(("trillion", "tn", "万亿"), 1e12),
    **dict.fromkeys(("billion", "bn", "b"), 1e9),
    **dict.fromkeys(("million", "mn", "m"), 1e6),
    **dict.fromkeys(("thousand", "k"), 1e3),
    "亿": 1e8,
    "万": 1e4,
}
_KINDS = {
    **dict.fromkeys(("%", "percent", "per cent"), "%"),
    **dict.fromkeys(("gigawatt", "gigawatts", "gw"), "gw"),
    **dict.fromkeys(("megawatt", "megawatts", "mw"), "mw"),
}
_FIGURE = re.compile(
    r"(?<![a-z\d.])(?<![a-z]-)(?:nt|us|hk|c|s|a)?[$€£¥₩]?\s?(\d{1,3}(?:,\d{3})+|\d{1,9})(\.\d{1,4})?"
    r"(?:[\s-]?(%|per\ ?cent\b|trillion|tn|billion|bn|million|mn|thousand|gigawatts?|gw"
    r"|megawatts?|mw|[bmk]\b|万亿|亿|万))?(?![\d.]*[\da-z])",
)
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_COUNTED = {word: str(n) for n, word in enumerate(_NUMBER_WORDS.split()) if n > 1}
_WORDED = {"half": (50.0, 6.0), "third": (33.3, 2.0), "fifth": (20.0, 1.0), "tenth": (10.0, 0.7)}
_WORDED_FIGURE = re.compile(r"\b(?:a|an|one|by)\s(third|fifth|tenth)\b|\b(half)\b")
_NO = _set("no not never without nor cannot neither despite")
_NEGATED = re.compile(r"(?:n['’]t|\bcannot)\b")
_DULL = COMMON | _set(
    "before being some other ever next last week month year day today now just also only still"
    " there here them so but if than then all any each both many much very most get got take make"
    " made come came show look set say told tell plan people person familiar matter according"
    " company firm group maker giant source nt billion million trillion thousand bn tn percent"
    " cent dollar euro yuan won yen really bring put go see way time new old big own first"
)


class Figure(NamedTuple):
    """A number with its kind ("%", "gw", "mw", or "" for money and counts) and rounding."""

    kind: str
    value: float
    step: float


class StoryFeatures(msgspec.Struct, frozen=True, array_like=True):
    """One story's features. Sets of ints are hashes that are the same in every process.

    ``title`` and ``text`` (title and lead) hold words, each by the word that stands for it,
    ``pairs`` neighbours in the text; ``names`` and ``deeds`` are the title's, ``first`` its first
    name; a deed that is denied begins with "no "; ``codes`` are product codes as family and
    number, ``counts`` numbers with the word behind them ("8 weeks").
    """

    title: frozenset[int]
    text: frozenset[int]
    pairs: frozenset[int]
    names: frozenset[str]
    text_names: frozenset[str]
    first: str
    deeds: frozenset[str]
    text_deeds: frozenset[str]
    codes: frozenset[tuple[str, str]]
    variants: frozenset[str]
    times: frozenset[str]
    counts: frozenset[tuple[str, str]]
    text_counts: frozenset[tuple[str, str]]
    figures: tuple[Figure, ...]
    text_figures: tuple[Figure, ...]
    is_ideographic: bool


class _Said(NamedTuple):
    """Tokens in order, by kind."""

    words: list[str]
    names: list[str]
    deeds: frozenset[str]
    codes: frozenset[tuple[str, str]]
    variants: frozenset[str]
    times: frozenset[str]
    counts: frozenset[tuple[str, str]]


def gist(title: str, summary: str) -> StoryFeatures:
    """Read a story. Pure; some 100 µs."""
    headline = _folded(_FRAME.sub("", title))
    lead = _folded(summary[:LEAD_CHARS_MAX])
    said, further = _said(_uncounted(headline)), _said(_uncounted(lead))
    words = (said.words + further.words)[:TOKENS_MAX]
    figures = _figures(headline)
    return StoryFeatures(
        title=frozenset(map(_hashed, said.words)),
        text=frozenset(map(_hashed, words)),
        pairs=frozenset(crc32(f"{one} {two}".encode()) for one, two in pairwise(words)),
        names=frozenset(said.names),
        text_names=frozenset((*said.names, *further.names)),
        first=next((name for name in said.names if name not in BROAD), ""),
        deeds=said.deeds,
        text_deeds=said.deeds | further.deeds,
        codes=said.codes,
        variants=said.variants,
        times=said.times,
        counts=said.counts,
        text_counts=said.counts | further.counts,
        figures=figures,
        text_figures=(*figures, *_figures(lead))[:FIGURES_MAX],
        is_ideographic=bool(re.search(f"[{_IDEOGRAPHS}]{{4}}", headline)),
    )


def same_figure(one: Figure, two: Figure) -> bool:
    """Whether two numbers may be one, told to different places: 33.8 % and 34 %."""
    return one.kind == two.kind and abs(one.value - two.value) <= 1.001 * max(one.step, two.step)


@lru_cache(16_384)
def _hashed(word: str) -> int:
    return crc32(word.encode())


def _folded(text: str) -> str:
    return _APOSTROPHE.sub("", _NEGATED.sub(" not", text.casefold()))


def _uncounted(folded: str) -> str:
    """Without the numbers that have a unit: they are figures, not counts of things."""
    return _FIGURE.sub(lambda match: " " if match[3] else match[0], folded)


def _said(folded: str) -> _Said:
    words: list[str] = []
    names: list[str] = []
    deeds: set[str] = set()
    times: set[str] = set()
    codes: set[tuple[str, str]] = set()
    variants: set[str] = set()
    counts: set[tuple[str, str]] = set()
    before = number = ""
    reach = 0
    for token in _tokens(folded):
        reach = NO_REACH if token in _NO else reach - 1
        kind, word = _standing_for(token)
        if code := _code(token, before):
            codes.add(code)
            word = "-".join(code)
        elif kind == "number":
            before = token
            number = _COUNTED.get(token, token)
            continue
        elif kind == "name":
            names.append(word)
        elif kind == "deed":
            deeds.add(f"no {word}" if reach > 0 else word)
        elif kind == "time":
            times.add(word)
        if word in _VARIANTS:
            variants.add(word)
        if number and token not in _DULL:
            counts.add((word, number))
            number = ""
        if token not in _DULL:
            words.append(word)
        before = word
    return _Said(
        words,
        names,
        frozenset(deeds),
        frozenset(codes),
        frozenset(variants),
        frozenset(times),
        frozenset(counts),
    )


def _tokens(folded: str) -> Iterator[str]:
    """Words and phrases of the lexicon, pairs of ideographs, product codes."""
    found = _TOKEN.findall(folded)
    at = 0
    while at < len(found):
        token = found[at]
        if _is_ideographic(token) and token not in _SPELLINGS:
            yield from _ideographs(token)
            at += 1
            continue
        size = _phrase_size(found, at)
        if size == 1 and "-" in token and not _is_whole(token):
            yield from token.split("-")
        else:
            yield " ".join(found[at : at + size])
        at += size


def _is_whole(token: str) -> bool:
    """Whether a dash belongs to a token: open-source, gpt-6, 3-1."""
    return token in _SPELLINGS or bool(_CODE.fullmatch(token) or _SCORE.fullmatch(token))


def _phrase_size(found: list[str], at: int) -> int:
    if found[at] not in _PHRASE_STARTS and stem(found[at]) not in _PHRASE_STARTS:
        return 1
    for size in range(min(PHRASE_WORDS_MAX, len(found) - at), 1, -1):
        if _lookup(" ".join(found[at : at + size])):
            return size
    return 1


def _ideographs(run: str) -> Iterator[str]:
    end = 0
    for match in _IDEOGRAPHIC.finditer(run):
        yield from _bigrams(run[end : match.start()])
        yield match[0]
        end = match.end()
    yield from _bigrams(run[end:])


def _bigrams(run: str) -> Iterator[str]:
    for piece in _DULL_IDEOGRAPHS.split(run):
        yield from (piece[at : at + 2] for at in range(len(piece) - 1))


@lru_cache(16_384)
def _standing_for(token: str) -> tuple[str, str]:
    """The kind of a token, and the word that stands for it."""
    if token in _COUNTED:
        return "number", token
    if token[0].isdigit() and token not in _SPELLINGS and not _is_node(token):
        return "number", token
    return _lookup(token) or ("word", stem(token))


@lru_cache(16_384)
def _lookup(token: str) -> tuple[str, str] | None:
    return _SPELLINGS.get(token) or _STEMS.get(" ".join(map(stem, token.split())))


def _code(token: str, before: str) -> tuple[str, str] | None:
    """Family and number of a product code: gpt-6, h20, 18a; or of a family and its number."""
    if before in _FAMILIES and re.fullmatch(r"\d{1,2}(?:\.\d+)?[a-z]?", token):
        return before, token.removesuffix(".0")
    if _SCORE.fullmatch(token):
        return "score", token
    if match := _CODE.fullmatch(token):
        family, number, suffix, _ = match.groups()
        if family in _NOT_CODES and not (family == "h" and len(number) > 1):
            return None
        known = _lookup(family)
        return (known[1] if known else family), number.removesuffix(".0") + suffix.rstrip("s")
    if _is_node(token):
        number, family = _NODE.fullmatch(token).groups()  # type: ignore[union-attr]
        return family, number
    return None


def _is_node(token: str) -> bool:
    match = _NODE.fullmatch(token)
    return match is not None and match[2] not in _UNITS


def _figures(folded: str) -> tuple[Figure, ...]:
    found = []
    for match in _FIGURE.finditer(_FAMILY_NUMBER.sub(" ", folded)):
        whole, fraction, unit = match[1].replace(",", ""), match[2] or "", match[3] or ""
        value, scale = float(whole + fraction), _SCALES.get(unit, 1.0)
        is_year = not unit and not fraction and 1900 <= value < 2100
        if is_year or (not unit and not fraction and value < BARE_FIGURE_MIN):
            continue
        step = 0.5 * 10.0 ** -max(len(fraction) - 1, 0) * scale
        found.append(
            Figure(_KINDS.get(unit.rstrip("s"), _KINDS.get(unit, "")), value * scale, step)
        )
    for match in _WORDED_FIGURE.finditer(folded):
        found.append(Figure("%", *_WORDED[match[1] or match[2]]))
    return tuple(dict.fromkeys(found))[:FIGURES_MAX]


def _is_ideographic(token: str) -> bool:
    return "\u3040" <= token[0] <= "\u9fff" or "\uf900" <= token[0] <= "\ufaff"


_ENDINGS = (
    *("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied"),
    *("ers", "es", "ed", "er", "s", "ly"),
)


@lru_cache(16_384)
def stem(word: str) -> str:
    """A word without the endings that headlines give it. Crude, and the same for all forms."""
    if not word.isascii() or len(word) < 4:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            if ending == "s" and word.endswith("ss"):
                break
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


_SPELLINGS: dict[str, tuple[str, str]] = {
    **{spelling: ("deed", head) for spelling, head in DEEDS.items()},
    **{spelling: ("time", head) for spelling, head in TIMES.items()},
    **{spelling: ("name", head) for spelling, head in NAMES.items()},
}
_STEMS = {
    " ".join(map(stem, spelling.split())): ("deed", head)
    for spelling, head in reversed(DEEDS.items())
    if spelling.isascii()
}
_FAMILY_NUMBER = re.compile(rf"\b(?:{'|'.join(sorted(_FAMILIES))})[\s-]\d+(?:\.\d+)?")
_PHRASE_STARTS = frozenset(
    first
    for spelling in _SPELLINGS
    if " " in spelling
    for first in (spelling.split()[0], stem(spelling.split()[0]))
)
_IDEOGRAPHIC = re.compile(
    "|".join(sorted((re.escape(s) for s in _SPELLINGS if not s.isascii()), key=len, reverse=True))
)
USUAL = {
    **{_hashed(head): 12.0 for head in DEEDS.values()},
    **{_hashed(head): 16.0 for head in NAMES.values()},
    **{_hashed(head): 40.0 for head in BROAD},
    **dict.fromkeys(map(_hashed, ("nvidia", "openai", "chip", "model", "ai", "launch")), 40.0),
}
"""How often words of the trade are taken to have been heard before the first story."""
