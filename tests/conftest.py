"""Fixtures that shut the developer's own machine out of every test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPO = Path(__file__).resolve().parents[1]


# shared machines stall: a slow example is no failure. CI repeats itself; elsewhere chance goes on.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _clean_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty HOME, no XDG folders, no FTT_ settings: tests never read the developer's own."""
    home = tmp_path_factory.mktemp("home")
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("FTT_", "XDG_", "POLY")):
            del os.environ[name]
    os.environ["HOME"] = str(home)
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded payloads, feeds and stories that lie beside the repository, where present."""
    folder = REPO.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no recorded data beside the repository")
    return folder
