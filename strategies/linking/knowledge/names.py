"""Names and their aliases: who and what a text speaks of, and where.

The table is data (``data/names.toml``): companies, models, products, people, agencies, places of
production, benchmarks, assets and countries, in English and Chinese, both ways. A name that means
something else in other company (the Gemini telescope, Octopus Energy's Kraken) counts only in
the right one.
"""

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, NamedTuple

from strategies.linking.words import Token, has_cjk, tokens

_NUMBER = re.compile(r"[^\d]*?[ -]?[vVkK]?(\d+(?:\.\d+)?)")
GRAM_MAX = 6
"""Words of the longest alias."""
SHORT = 4
"""Letters below which a word is too short to stand for its plural."""


class Name(NamedTuple):
    """An entry of the table. ``owner`` is the company behind a product, model or person, or ""."""

    id: str
    kind: str
    owner: str
    label: str


class Mention(NamedTuple):
    """A name found in a text: which, and from which to which character."""

    name: Name
    start: int
    end: int


class _Alias(NamedTuple):
    name: Name
    exact: str
    beside: str
    """A word without which the text means somebody else, or ""."""


class NameTable:
    """All names, their aliases and what they need around them. Built once, never changed."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.names: dict[str, Name] = {}
        self.arenas: dict[str, frozenset[str]] = {}
        self._grams: dict[str, list[_Alias]] = {}
        self._chinese: list[tuple[str, Name]] = []
        self._need: dict[str, tuple[str, ...]] = {}
        self._veto: dict[str, tuple[str, ...]] = {}
        rows = dict(table)
        for name, rule in rows.pop("context").items():
            self._need[name] = tuple(rule.get("need", ()))
            self._veto[name] = tuple(rule.get("veto", ()))
        for arena, members in rows.pop("arena").items():
            self.arenas[arena] = frozenset(members)
        for kind, entries in rows.items():
            self._add_kind(kind, entries)
        self._chinese.sort(key=lambda pair: (-len(pair[0]), pair[0]))

    def find(self, text: str, words: list[Token] | None = None) -> list[Mention]:
        """Every name in a plain text, longest first where they overlap, in order of place."""
        words = tokens(text) if words is None else words
        found = self._latin(words, frozenset(word.text for word in words))
        if has_cjk(text):
            found += self._han(text)
        found = [mention for mention in found if self._fits(mention, text, found)]
        return sorted(found, key=lambda mention: mention.start)

    def owner(self, name: Name) -> Name | None:
        """The company behind a product, model or person."""
        return self.names.get(name.owner) if name.owner else None

    def _add_kind(self, kind: str, entries: dict[str, Any]) -> None:
        for key, value in entries.items():
            if isinstance(value, dict):
                for name, aliases in value.items():
                    self._add(Name(name, kind, key, _label(aliases)), aliases)
            else:
                self._add(Name(key, kind, "", _label(value)), value)

    def _add(self, name: Name, aliases: list[str]) -> None:
        self.names[name.id] = name
        for alias in aliases:
            if has_cjk(alias):
                self._chinese.append((alias, name))
                continue
            written, _, beside = alias.partition(" with ")
            plainly = written.removeprefix("=")
            exact = plainly if written != plainly else ""
            gram = " ".join(token.text for token in tokens(plainly))
            self._grams.setdefault(gram, []).append(_Alias(name, exact, beside))

    def _latin(self, words: list[Token], around: frozenset[str]) -> list[Mention]:
        found: list[Mention] = []
        position = 0
        while position < len(words):
            size, name = self._longest(words, position, around)
            if name:
                end = words[position + size - 1].end
                found.append(Mention(name, words[position].start, end))
            position += size
        return found

    def _longest(
        self, words: list[Token], position: int, around: frozenset[str]
    ) -> tuple[int, Name | None]:
        for size in range(min(GRAM_MAX, len(words) - position), 0, -1):
            gram = " ".join(token.text for token in words[position : position + size])
            for alias in self._grams.get(gram, ()):
                here = words[position : position + size]
                beside = not alias.beside or alias.beside in around
                if beside and (not alias.exact or _written(here, alias.exact)):
                    return size, alias.name
        return self._part(words[position])

    def _part(self, word: Token) -> tuple[int, Name | None]:
        """ "Nvidia-based", "OpenAI's" and "GPT-5.2" hold a name before their last hyphen or dot."""
        for mark in (".", "-"):
            head = word.text.rpartition(mark)[0]
            while head:
                for alias in self._grams.get(head, ()):
                    if not alias.beside and (not alias.exact or word.raw.startswith(alias.exact)):
                        return 1, alias.name
                head = head.rpartition(mark)[0]
        return 1, None

    def _han(self, text: str) -> list[Mention]:
        found: list[Mention] = []
        taken = [False] * len(text)
        for alias, name in self._chinese:
            start = text.find(alias)
            while start >= 0:
                if not any(taken[start : start + len(alias)]):
                    taken[start : start + len(alias)] = [True] * len(alias)
                    found.append(Mention(name, start, start + len(alias)))
                start = text.find(alias, start + len(alias))
        return found

    def _fits(self, mention: Mention, text: str, found: list[Mention]) -> bool:
        name = mention.name
        needs, vetoes = self._need.get(name.id, ()), self._veto.get(name.id, ())
        if not needs and not vetoes:
            return True
        near = f" {' '.join(token.text for token in tokens(text))} "
        if any(f" {word} " in near or (f" {word}" in near and " " in word) for word in vetoes):
            return self._kin(name, found)
        alone = " " not in text[mention.start : mention.end]
        if not needs or not alone or self._kin(name, found):
            return True
        return any(_near(word, near) for word in needs)

    def _kin(self, name: Name, found: list[Mention]) -> bool:
        """Whether another name of the same house stands in the text."""
        house = name.owner or name.id
        return any(
            other.name.id != name.id and house in (other.name.id, other.name.owner)
            for other in found
        )


def _near(word: str, text: str) -> bool:
    """Whether a word stands in the text, in the plural or not; a short one exactly."""
    return f" {word} " in text or (len(word) >= SHORT and f" {word}s " in text)


def versions(text: str, mentions: Iterable[Mention]) -> frozenset[str]:
    """Models and products with their numbers: "GPT-5.2" and "GPT 5.2" both give "openai 5.2"."""
    found = set()
    for mention in mentions:
        if mention.name.kind in ("model", "product"):
            number = _NUMBER.match(text[mention.start : mention.end + 5])
            if number:
                found.add(f"{mention.name.owner or mention.name.id} {number.group(1)}")
    return frozenset(found)


def _label(aliases: list[str]) -> str:
    return aliases[0].removeprefix("=")


def _written(words: list[Token], exact: str) -> bool:
    """Whether a name stands with these capitals, or in capitals as in a shouted headline."""
    return " ".join(token.raw for token in words) == " ".join(t.raw for t in tokens(exact))


def load() -> NameTable:
    """The table that ships with the package."""
    text = (
        files("strategies.linking.knowledge")
        .joinpath("data/names.toml")
        .read_text(encoding="utf-8")
    )
    return NameTable(tomllib.loads(text))


NAMES = load()
