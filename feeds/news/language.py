"""What language is a text in? By its script, then by the little words that each language needs."""

import re
from collections import Counter
from collections.abc import Iterable

TEXT_CHARS_MAX = 600
SCRIPT_SHARE_MIN = 0.25
"""Of the letters: a Chinese headline is full of Latin product names."""
SURE_WORDS_MIN = 3
"""Little words of one language that make it sure against what a feed declares."""
AHEAD = 1.5
"""How many times the words of the next best language."""

# Letters that tell a language from others of its script.
_KANA = re.compile("[\u3041-\u30fa]")
_URDU = re.compile("[ٹڈڑںےہھ]")
_PERSIAN = re.compile("[پچژگ]")
_UKRAINIAN = re.compile("[іїєґ]", re.IGNORECASE)
_BULGARIAN_LACKS = re.compile("[ыэё]", re.IGNORECASE)
_BULGARIAN = re.compile(r"\b(?:ще|със|във|са|като|след|която|който)\b", re.IGNORECASE)

_SCRIPTS = {
    "zh": re.compile("[\u3041-\u30fa\u3400-\u9fff\uf900-\ufaff]"),
    "ko": re.compile("[\uac00-\ud7a3]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "ar": re.compile("[\u0600-\u06ff\u0750-\u077f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "bn": re.compile("[\u0980-\u09ff]"),
    "ta": re.compile("[\u0b80-\u0bff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
}
_LETTER = re.compile(r"[^\W\d_]")
_BEYOND_LATIN = re.compile("[\u0370-\u1dff\u3041-\ud7a3\uf900-\ufaff]")
_NOT_LATIN = frozenset(("ja", "uk", "bg", "ur", "fa", *_SCRIPTS))
_LITTLE_WORDS = {
    "en": "the of and to in is that for it with as was on are by this from at be has its will",
    "de": "der die das und ist von mit für den auf im ein eine zu nicht des dem sich auch wird bei",
    "fr": "le la les des et est une du dans pour que qui sur avec par au aux pas ce sont cette",
    "es": "el la los las de y que en un una por con para del se es su al como más lo sus este",
    "it": "il di che la per un una è del con non si le della nel alla gli anche più dei sono",
    "pt": "o de que e do da em um uma para com não os as no na por mais dos ao como foi são",
    "nl": "de het een van en is in op te dat voor met zijn niet aan er om ook als bij door naar",
    "sv": "och att det som en är på för med av till den har inte ett om från de vid kan",
    "da": "og at det er en på til af for med den har ikke de et som fra der kan blev",
    "no": "og at det er en på til av for med den har ikke de et som fra kan ble også",
    "fi": "ja on ei että se oli ovat mutta myös kun joka hän tai sekä kuin mukaan",
    "pl": "i w na z do się nie jest że o jak to po dla przez są od ale oraz które",
    "cs": "a v se na je že s z do o k pro ale jako by jsou podle který při také",
    "sk": "a v sa na je že s z do o k pre ale ako by sú podľa ktorý pri aj už sme",
    "hu": "a az és hogy nem is egy van meg volt ez de csak mint már még szerint",
    "ro": "și de în la cu a pe care din nu că pentru este un o mai sunt au fost",
    "tr": "ve bir bu için ile da de olarak çok daha olan sonra kadar gibi ancak göre",
    "vi": "và của là có không được trong cho các một những với người này đã về khi",
    "id": "dan yang di ke dari untuk dengan pada ini itu adalah tidak akan dalam oleh juga",
}


def _votes() -> dict[str, tuple[str, ...]]:
    """Each little word with the languages that it speaks for."""
    found: dict[str, tuple[str, ...]] = {}
    for name, words in _LITTLE_WORDS.items():
        for word in words.split():
            found[word] = (*found.get(word, ()), name)
    return found


_VOTES = _votes()
_WORD = re.compile(r"[^\W\d_]+")


def detect(text: str) -> str:
    """A tag such as ``de`` or ``zh``; "" where the text is too short to say."""
    return _detected(text[:TEXT_CHARS_MAX])[0]


def reconciled(declared: str, text: str) -> str:
    """The language of a text whose publisher declares ``declared`` ("" for nothing).

    What is declared stands, region and all, unless the letters can't be that language's or the
    words are surely another's: half the feeds of the world say "en-US" since their software does.
    """
    found, sure = _detected(text[:TEXT_CHARS_MAX])
    if not declared or not found:
        return declared or found
    base = declared.partition("-")[0].lower()
    if base == found:
        return declared
    if found in _NOT_LATIN or base in _NOT_LATIN:
        return found
    return found if sure else declared


def majority(texts: Iterable[str]) -> str:
    """The language of most of these texts, "" where most say none."""
    found = [detect(text) for text in texts]
    best, most = max(Counter(found).items(), key=lambda pair: pair[1], default=("", 0))
    return best if 2 * most > len(found) else ""


def _detected(text: str) -> tuple[str, bool]:
    """The language, and whether it is sure."""
    if _BEYOND_LATIN.search(text):
        letters = len(_LETTER.findall(text))
        counts = {name: len(script.findall(text)) for name, script in _SCRIPTS.items()}
        name = max(counts, key=lambda script: counts[script])
        if letters and counts[name] >= SCRIPT_SHARE_MIN * letters:
            return _of_script(name, text), True
    return _of_words(text)


def _of_script(name: str, text: str) -> str:
    match name:
        case "zh":
            return "ja" if _KANA.search(text) else "zh"
        case "ru" if _UKRAINIAN.search(text):
            return "uk"
        case "ru" if _BULGARIAN.search(text) and not _BULGARIAN_LACKS.search(text):
            return "bg"
        case "ar" if _URDU.search(text):
            return "ur"
        case "ar" if _PERSIAN.search(text):
            return "fa"
    return name


def _of_words(text: str) -> tuple[str, bool]:
    votes: Counter[str] = Counter()
    for word in _WORD.findall(text.casefold()):
        votes.update(dict.fromkeys(_VOTES.get(word, ()), 1))
    if not votes:
        return "", False
    (best, most), *others = votes.most_common(2)
    next_best = others[0][1] if others else 0
    if most == next_best:
        return "", False
    return best, most >= SURE_WORDS_MIN and most >= AHEAD * next_best
