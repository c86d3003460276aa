"""What can be wrong with a configuration, told all at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from terminal.config.kinds import printable, shown, visible

_SECRETS = (
    "private_key",
    "secret",
    "passphrase",
    "api_key",
    "apikey",
    "mnemonic",
    "seed_phrase",
    "password",
    "wallet_key",
)


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where, which key, what was expected, what was found, and the fix."""

    where: str
    key: str
    expected: str
    found: str = ""
    fix: str = ""

    def __str__(self) -> str:
        key = f"{printable(self.key)}: " if self.key else ""
        found = f", found {self.found}" if self.found else ""
        fix = f" ({self.fix})" if self.fix else ""
        return visible(f"{self.where}: {key}expected {self.expected}{found}{fix}")


class ConfigError(Exception):
    """The configuration can't be used; ``problems`` are all that were found."""

    def __init__(self, problems: Iterable[Problem], file: str = "") -> None:
        self.problems = tuple(problems)
        self.file = file
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in {file or 'the configuration'}"
        super().__init__("\n  ".join([f"{head}:", *map(str, self.problems)]))


def names_a_secret(name: str) -> bool:
    """Whether a key's name says that its value should be nowhere near a configuration."""
    plain = name.lower().replace("-", "_")
    return any(plain == word or plain.endswith("_" + word) for word in _SECRETS)


def secret(where: str, key: str) -> Problem:
    """A key that must not be here; its value is never shown."""
    return Problem(
        where,
        key,
        "no keys or secrets",
        "one (not shown)",
        "take it out: keys never live in the config, and paper trading needs none",
    )


def unknown(where: str, key: str, near: str, known: Iterable[str]) -> Problem:
    """A key that means nothing, with the nearest that does."""
    name = key.rpartition(".")[2]
    fix = f"{near}?" if near else "known here: " + ", ".join(known)
    return Problem(where, key, "a key that has a meaning", shown(name), fix)
