"""What a story says happened: launch, listing, export rule, earnings, outage ... and which way.

Facets are found by their words, in English and, for the commonest, Chinese. A word in the headline
counts in full, one only in the summary in part.
"""

import re
import tomllib
from importlib.resources import files
from typing import NamedTuple

from strategies.linking.words import has_cjk

SUMMARY_WEIGHT = 0.6


def _any(cues: list[str]) -> re.Pattern[str]:
    """One expression for all cues: Latin ones as whole words, Chinese ones anywhere."""
    latin = "|".join(cue for cue in cues if not has_cjk(cue))
    chinese = [re.escape(cue) for cue in cues if has_cjk(cue)]
    return re.compile("|".join([rf"(?<![A-Za-z0-9_])(?:{latin})(?![A-Za-z0-9_])", *chinese]), re.I)


_TABLE = tomllib.loads(
    files("strategies.linking.knowledge").joinpath("data/cues.toml").read_text(encoding="utf-8")
)
FACETS: dict[str, re.Pattern[str]] = {name: _any(cues) for name, cues in _TABLE["facets"].items()}
NARROW = frozenset(_TABLE["narrow"])
"""Facets that say what a story is about."""
_TONES = {kind: (_any(words["good"]), _any(words["bad"])) for kind, words in _TABLE["tone"].items()}
TONE_OF = {
    "ipo": "plan",
    "release": "plan",
    "schedule": "plan",
    "launch": "plan",
    "model_launch": "plan",
    "model_named": "plan",
    "chip_launch": "plan",
    "acquisition": "plan",
    "for_profit": "plan",
    "export": "export",
    "chip_export": "export",
    "rates": "rates",
    "rate_steps": "rates",
    "exec": "exec",
    "removal": "exec",
    "law": "law",
}
"""Facets and families of markets for which news sounds good or bad in words of their own."""
PLAIN_GOOD = frozenset({"launch", "model_launch", "model_named", "chip_launch"})
"""Facets that are good news by themselves: only their own words can say otherwise."""
_ASIDE = re.compile(r"\b(?:despite|even as|defying)\b.*$|\bfrom also-ran\b", re.I)
_NEGATED = re.compile(
    r"\b(?:not|never|no|isn't|aren't|won't|doesn't|don't|without|denies|forget|unlikely to"
    r"|fails? to|struggl\w+ to|unable to|declin\w+ to|refus\w+ to|yet to|rules? out|ruled out)"
    r"(?: \w+){0,2} $",
    re.I,
)
_RELIEF = re.compile(
    r"\b(?:drop|abandon|scrap|eas|lift|shelv|rescind|withdraw|loosen|roll|revok|repeal|end|paus|suspend"
    r"|remov|delay|postpon|soften|relax)(?:s|es|ed|ped|ing|e|back)?\b(?: \S+){0,5}?"
    r" (?:bans?|curbs?|limits?"
    r"|restrictions?|controls?|rules?|tariffs?|lev(?:y|ies)|duties|probes?|sanctions?|penalt(?:y|ies)|barriers?)\b",
    re.I,
)
"""A burden taken off: good news made of two bad words."""


class Facet(NamedTuple):
    """A facet found in a story: its name, how much it counts (1 in the headline), the words."""

    name: str
    weight: float
    words: str
    at: int


def facets(title: str, summary: str) -> dict[str, Facet]:
    """The facets of a story, by name. Texts must be plain; offsets are of the headline."""
    found: dict[str, Facet] = {}
    for name, pattern in FACETS.items():
        match = pattern.search(title)
        if match:
            found[name] = Facet(name, 1.0, match.group().strip(), match.start())
        elif summary and (match := pattern.search(summary)):
            found[name] = Facet(name, SUMMARY_WEIGHT, match.group().strip(), -1)
    return found


def polarity(text: str, kind: str = "general") -> float:
    """How good the news sounds, from -1 to +1: words that please less those that hurt.

    A negation turns the next words round ("isn't yet working toward"); what stands after
    "despite" is set aside. 0 where it says neither.
    """
    main = _ASIDE.sub("", text)
    if kind != "law":
        main = _RELIEF.sub(" eased ", main)
    pleasing, hurting = _TONES[kind]
    good, bad = _count(pleasing, main)
    worse, better = _count(hurting, main)
    good, bad = good + better, bad + worse
    return (good - bad) / (good + bad) if good + bad else 0.0


def _count(pattern: re.Pattern[str], text: str) -> tuple[float, float]:
    """How often the words stand as they are, and how often a negation turns them round."""
    plain = turned = 0.0
    for match in pattern.finditer(text):
        if _NEGATED.search(text[max(0, match.start() - 40) : match.start()]):
            turned += 1
        else:
            plain += 1
    return plain, turned


def denied(text: str, at: int) -> bool:
    """Whether what stands at this place is said not to be ("not a bubble", "forget the bubble")."""
    return at >= 0 and _NEGATED.search(text[max(0, at - 40) : at]) is not None
