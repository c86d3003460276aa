"""Whatever bytes come, an answer comes: entries or a sentence, in time and within memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.feeds.news.fuzz import HANG_S, OWN, document

DOCUMENTS = 100_000
DOCUMENTS_BRIEF = 400
PEAK_MB_MAX = 200


def fuzzed(count: int, seed: int) -> dict[str, float]:
    """The proof in a process of its own, so that its memory can be measured."""
    recorded = REPO.parent / "shared" / "data" / "feeds"
    folder = [str(recorded)] if recorded.is_dir() else []
    command = [sys.executable, "-W", "ignore", "-m", "tests.feeds.news.fuzz", str(count), str(seed)]
    done = subprocess.run(
        [*command, *folder], capture_output=True, text=True, cwd=REPO, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def check(found: dict[str, float]) -> None:
    assert 0 < found["refused"] < found["documents"], found
    assert found["slowest_s"] < HANG_S, found
    assert found["peak_mb"] < PEAK_MB_MAX, found


def test_spoilt_documents_are_read_or_refused_in_words() -> None:
    check(fuzzed(DOCUMENTS_BRIEF, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(1_700)
def test_a_hundred_thousand_spoilt_documents_are_read_or_refused_in_words() -> None:
    check(fuzzed(DOCUMENTS, seed=2))


def test_the_same_seed_spoils_in_the_same_way(tmp_path: Path) -> None:
    assert [document(n, 3, OWN) for n in range(20)] == [document(n, 3, OWN) for n in range(20)]
    assert len({document(n, 3, OWN) for n in range(200)}) > 190
