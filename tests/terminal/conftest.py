"""A practice venue in a process of its own, and the commands run as a person runs them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.commands.demo import demo_config

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def practice_venue() -> Iterator[dict[str, Any]]:
    """Addresses of a practice world at sixty times the clock, shared by the tests of a run."""
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--with-parent"]
    process = subprocess.Popen(
        [*command, "--seed", "7", "--speed", "60"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(10) == 0, "SIGTERM ends the practice venue cleanly"
    process.stdout.close()


@pytest.fixture
def practice_config(practice_venue: dict[str, Any], tmp_path: Path) -> Path:
    """A configuration that names the practice venue, as the demo writes it."""
    path = tmp_path / "practice.toml"
    path.write_text(demo_config(practice_venue), encoding="utf-8")
    return path


@pytest.fixture
def ftt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `ftt` in a process of its own with a home of its own.

    Without the models of meaning, whose loading and first reading of the questions would cost each
    engine some seconds; tests of theirs set it again.
    """
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "ftt"))
    monkeypatch.setenv("FTT_NEWS__MEANING", "false")
    monkeypatch.setenv("FTT_ENGINE__LAG_MAX_MS", "60000")  # a machine that tests may be slow

    def run(*arguments: str, within: float = 90, stdin: str = "") -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "terminal", *arguments],
            capture_output=True,
            text=True,
            timeout=within,
            input=stdin,
            check=False,
        )

    return run
