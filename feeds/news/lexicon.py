"""The words of ``lexicon.toml``, by their spellings."""

import tomllib
from importlib.resources import files

PHRASE_WORDS_MAX = 3

_TABLES = tomllib.loads(files("feeds.news").joinpath("lexicon.toml").read_text("utf-8"))


def _by_spelling(table: dict[str, list[str]]) -> dict[str, str]:
    return {spelling: head for head, rest in table.items() for spelling in (head, *rest)}


NAMES = _by_spelling(_TABLES["names"])
DEEDS = _by_spelling(_TABLES["deeds"])
TIMES = _by_spelling(_TABLES["times"])
"""Spelling to the word that stands for it: parties and products, deeds, months and quarters."""
BROAD = frozenset[str](_TABLES["broad"]["names"])
"""Names that tell where a story plays, not whom it is about."""
OPPOSED: tuple[tuple[str, str], ...] = tuple(map(tuple, _TABLES["opposed"]["deeds"]))
"""Deeds that undo each other."""
