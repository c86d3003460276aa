"""What several commands share: reading the configuration, asking the running engine."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from feeds.text import paragraph
from terminal import VERSION
from terminal.cli import FAILED, USAGE, CommandError
from terminal.commands import out
from terminal.config import ConfigError, Loaded, load
from terminal.protocol.link import Face, LinkError, NoEngine
from terminal.protocol.views import Command, FromEngine, Look
from terminal.stores.paths import Paths

if TYPE_CHECKING:
    from feeds.llm import Judge
    from terminal.config.shape import JudgeConfig

ANSWER_WITHIN_S = 15.0
T = TypeVar("T")
PATIENCE_S = 2.0
"""After so long without an answer the person is told that somebody still waits for it."""


def configuration(arguments: argparse.Namespace) -> Loaded:
    """The configuration this command runs with; ends the command when it is broken."""
    named = getattr(arguments, "config", None)
    try:
        return load(Path(named) if named else None)
    except ConfigError as error:
        raise CommandError(str(error), USAGE) from error


def configured_judge(arguments: argparse.Namespace, who: str) -> tuple["Judge", "JudgeConfig"]:
    """The judge that [judge] names, and its settings; ends the command where there is none."""
    from terminal.engine.llm_judge import judge_of
    from terminal.stores.secret import SecretError

    settings = configuration(arguments).config.judge
    try:
        judge = judge_of(settings, Paths.find().config)
    except SecretError as error:
        raise CommandError(f"[judge] key: {error}", USAGE) from error
    if judge is None:
        raise CommandError(f"{who} needs a judge: set url and model under [judge]", USAGE)
    return judge, settings


def needs_terminal() -> None:
    """End a command that draws a page where nobody could see it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            "this opens a page and needs a terminal; without one use `ftt bot`, or "
            "`ftt demo --headless`",
            USAGE,
        )


def ask_if_running(command: Command) -> FromEngine | None:
    """As ``ask``, but None when no engine runs."""
    try:
        return ask(command)
    except CommandError as error:
        if isinstance(error.__cause__, NoEngine):
            return None
        raise


def ask(command: Command, within_s: float = ANSWER_WITHIN_S) -> FromEngine:
    """Send one command to the running engine and return what it answers."""
    try:
        return asyncio.run(_patiently(command, within_s))
    except (LinkError, TimeoutError) as error:
        words = str(error) or f"the engine did not answer within {within_s:.0f} s"
        raise CommandError(words, FAILED) from error


def cleaned(value: T) -> T:
    """What an engine said, with every text in it through the text door.

    It passed that when it came into the house; but what answers may be older, or no engine, and
    strategies write texts of their own.
    """
    if isinstance(value, str):
        clean = value if _plain(value) else paragraph(value)
        return value if clean == value else cast(T, clean)
    if isinstance(value, tuple):
        items = tuple(cleaned(item) for item in value)
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else cast(T, items)
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        changed = {name: new for name, old in fields.items() if (new := cleaned(old)) is not old}
        return msgspec.structs.replace(value, **changed) if changed else value
    return value


def _plain(text: str) -> bool:
    """Whether there is nothing to clean: ids and figures are by far the most."""
    return text.isascii() and text.isprintable()


async def _patiently(command: Command, within_s: float) -> FromEngine:
    def say() -> None:
        out.talk("the engine does not answer yet; this waits for it")

    reminder = asyncio.get_running_loop().call_later(PATIENCE_S, say)
    try:
        async with asyncio.timeout(within_s):
            return await _ask(command, within_s)
    finally:
        reminder.cancel()


async def _ask(command: Command, within_s: float) -> FromEngine:
    assert not isinstance(command, Look)
    face = await Face.connect(Paths.find().runtime, VERSION, within_s)
    try:
        await face.send(command)
        while True:
            message = await face.receive()
            if getattr(message, "id", None) == command.id:
                return cleaned(message)
    finally:
        await face.close()
