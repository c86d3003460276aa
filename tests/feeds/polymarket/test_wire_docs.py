"""The page about the wire names tests that exist."""

import re
from pathlib import Path

REPO = Path(__file__).parents[3]


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (REPO / "docs" / "wire.md").read_text()))
    files = (REPO / "tests").glob("**/test_*.py")
    written = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert len(named) > 15
    assert named <= written, sorted(named - written)
