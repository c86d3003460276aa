"""A look at the sealed witness: scored as a whole by its own scorer, and written down.

Nobody reads its stories. Each look is a row of ``docs/linking.md``, so that anybody can count them.
"""

import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._judged import lines
from strategies.linking.lines import Mean, link_lines

REPO = Path(__file__).parents[1]
PAGE = REPO / "docs" / "linking.md"
SEALED = REPO.parent / "shared" / "data" / "linking-sealed"
LAST = "<!-- looks end here -->"
LOOKS_MAX = 12
SHOWN = (
    "f1", "precision", "recall_grade2", "precision_at_1", "false_alarm_rate",
    "direction_told_right", "direction_coverage", "bears_precision", "right_at_0.8", "share_at_0.8",
)  # fmt: skip


class LooksError(Exception):
    """Why no look can be taken, in a sentence."""


def look(mean: Mean | None, what: str) -> dict[str, float]:
    """Link the sealed stories, score them, write the look down; the figures by name.

    ``what`` says how they were linked. Raises :class:`LooksError`.
    """
    if not SEALED.is_dir():
        raise LooksError(f"the sealed set is not here: {SEALED.name} is wanted beside the data")
    page = PAGE.read_text(encoding="utf-8")
    if _looks(page) >= LOOKS_MAX:
        raise LooksError(f"{LOOKS_MAX} looks were taken: one more would make it a training set")
    told = link_lines(lines(SEALED / "markets.jsonl"), lines(SEALED / "stories.jsonl"), mean=mean)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in told)
        file.flush()
        command = [sys.executable, str(SEALED / "score.py"), file.name]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures = _figures(said)
    _note(page, figures, what)
    return figures


def _looks(page: str) -> int:
    return len(re.findall(r"^\| look \d", page, re.MULTILINE))


def _figures(said: str) -> dict[str, float]:
    rows = [line.split() for line in said.splitlines()[1:]]
    return {row[0]: float(row[1]) for row in rows if len(row) >= 2}


def _note(page: str, figures: dict[str, float], what: str) -> None:
    count = _looks(page) + 1
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, cwd=REPO, capture_output=True, text=True, check=True).stdout
    day = datetime.now(UTC).date().isoformat()
    cells = " | ".join(f"{figures[name]:.2f}" for name in SHOWN)
    row = f"| look {count} | {day} | {commit.strip()} | {what} | {cells} |\n"
    PAGE.write_text(page.replace(LAST, row + LAST), encoding="utf-8")
