"""The words of a story, ready to be compared: furniture out, case folded, the same on every run."""

import re
from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from zlib import crc32

# What sites hang round a text. A matcher that read it would link every story to Facebook.
_NETWORK = r"(?:facebook|twitter|x|linkedin|reddit|whatsapp|telegram|pinterest|e-?mail)"
_FURNITURE = re.compile(
    rf"""
      (?:^|(?<=[.|·•]))\s*(?:share|tweet|pin|follow\ us)\s(?:this\s(?:article|story|post)\s)?
        (?:to|on|via)\s{_NETWORK}(?:\s?(?:,|\||and|or|\s)\s?(?:on\s)?{_NETWORK})*\W*(?:$|(?=\n))
    | \bshare\s(?:to|on)\s(?:facebook|twitter|linkedin|reddit|whatsapp)\b
    | the\ post\b.{{1,300}}?\bappeared\ first\ on\b[^.\n]{{1,80}}\.?
    | (?:(?:continue|keep)\ reading|read\ (?:more|the\ full\ (?:story|article)|full\ article))
        \b(?:\s(?:at|on)\s[^.\n]{{1,60}})?\W*$
    | click\ here\ (?:to|for)\b[^.\n]{{0,60}}
    | (?:sign\ up|subscribe)\ (?:for|to)\b[^.\n]{{0,60}}newsletters?
    | \ball\ rights\ reserved\b\.? | ©\s?\d{{4}}[^.\n]{{0,60}}
    | \[\s?(?:…|\.\.\.)\s?\] | (?:阅读全文|点击查看|查看原文|阅读原文)\W*$
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
# What counts up by itself is no edit.
_COUNTERS = re.compile(
    r"\b\d[\d,.]*k?\s(?:comments?|min(?:ute)?s?\s(?:ago|read)|hours?\sago|shares|views|likes|points)\b",
    re.IGNORECASE,
)
# Chinese and Japanese write no spaces: pairs of characters stand in for words. Hangul has spaces.
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_APOSTROPHES = re.compile(r"['’](?:s|t|re|ve|ll|d|m)?\b")
COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in on for and or with at by from as is are was were be been it its that"
        " this these those will would could may can has have had not no new says said say after"
        " over amid into about up out more than us we you your their his her he she they how why"
        " what when who which report reports",
    )
)


_FIGURE = re.compile(
    r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])\d{1,15}(?:\.\d+)?", re.ASCII
)


def _forms(*verbs: str) -> frozenset[str]:
    """Each word with the endings that headlines give it."""
    return frozenset(
        verb + ending
        for whole in verbs
        for verb, endings in ((whole, ("", "s", "es", "ed", "d", "ing")), (whole[:-1], ("ing",)))
        for ending in endings
    )


_UP = _forms(
    *("rise", "gain", "improve", "more", "lift", "raise", "increase", "jump", "surge", "climb"),
    *("beat", "add", "grow", "expand", "approve", "grant", "clear", "allow", "win", "advance"),
) | {"rose", "grew", "grown", "won", "up", "above", "ahead", "early", "earlier", "higher", "faster"}
_DOWN = _forms(
    *("fall", "lose", "slip", "fewer", "less", "lower", "decrease", "drop", "plunge", "sink"),
    *("miss", "cut", "shrink", "reject", "deny", "block", "ban", "halt", "delay", "postpone"),
) | {"fell", "lost", "sank", "shrank", "down", "below", "behind", "late", "later", "slower"}
_NO = frozenset({"no", "not", "never", "without", "nor", "cannot", "neither"})


def without_furniture(text: str) -> str:
    """The text without share buttons, "read more", counters and copyright lines."""
    bare = _FURNITURE.sub(" ", text)
    if bare == text:
        return text
    lines = (" ".join(line.split()) for line in bare.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(" \n|·-")


def words(text: str) -> list[str]:
    """Telling words in order: folded, without the commonest ones, plurals made singular."""
    folded = _APOSTROPHES.sub("", text.casefold())
    return [_singular(word) for word in _split(folded) if word not in COMMON]


def numbers(text: str) -> frozenset[str]:
    """The words with a digit in them: two price reports may differ in nothing else."""
    return frozenset(word for word in words(text) if any(char.isdigit() for char in word))


def contradicts(one: str, two: str) -> bool:
    """Whether two headlines, however alike, can't tell the same happening: one says up where the
    other says down, one says no, or all their numbers differ."""
    tones = _tone(one), _tone(two)
    if tones[0][0] * tones[1][0] < 0 or tones[0][1] != tones[1][1]:
        return True
    figures = _figures(one), _figures(two)
    if not all(figures):
        return False
    if _skeleton(one) == _skeleton(two):
        return figures[0] != figures[1]
    # "8.7 billion" and "8.65 billion" may be one sum, told by two
    return not any(abs(a - b) <= 0.01 * max(a, b) for a in figures[0] for b in figures[1])


def terms(text: str) -> frozenset[int]:
    """The words as 32-bit hashes that are the same in every process."""
    return frozenset(crc32(word.encode()) for word in words(text))


def fingerprint(title: str, summary: str) -> int:
    """64 bits that stay the same while the words do, whatever happens to case and commas."""
    lasting = _COUNTERS.sub(" ", summary)
    text = "\n".join(("\x1f".join(words(title)), "\x1f".join(words(lasting))))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def packed(hashes: Iterable[int]) -> bytes:
    """Hashes as bytes, in an order that depends on nothing but themselves."""
    return array("I", sorted(hashes)).tobytes()


def unpacked(data: bytes) -> frozenset[int]:
    """The inverse of ``packed``. Raises ``ValueError`` for a length that can't be."""
    return frozenset(array("I", data))


def overlap(one: frozenset[int], two: frozenset[int]) -> float:
    """Jaccard's measure: shared over all, 0 where both are empty."""
    either = len(one | two)
    return len(one & two) / either if either else 0.0


def _tone(headline: str) -> tuple[int, bool]:
    """Up (1), down (-1) or neither, and whether it says no."""
    said = set(re.findall(r"[^\W\d_]+(?:'t)?", headline.casefold().replace("’", "'")))
    ups, downs = len(said & _UP), len(said & _DOWN)
    return (ups > downs) - (ups < downs), bool(said & _NO) or any(w.endswith("n't") for w in said)


def _figures(headline: str) -> list[float]:
    return sorted(float(figure.replace(",", "")) for figure in _FIGURE.findall(headline))


def _skeleton(headline: str) -> list[str]:
    return words(_FIGURE.sub(" ", headline))


def _split(folded: str) -> Iterator[str]:
    for word in _WORDS.findall(folded):
        if _IDEOGRAPHS.match(word) and len(word) > 1:
            yield from (word[at : at + 2] for at in range(len(word) - 1))
        else:
            yield word


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
