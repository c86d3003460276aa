"""The models that ship, asked as the engine asks them."""

from pathlib import Path

import pytest

from feeds.semantic import models as room
from feeds.semantic.meaning import Meaning
from feeds.semantic.models import Models, SemanticError, missing
from feeds.semantic.vectors import VectorCache

QUESTIONS = {
    "gpu": "Will NVIDIA release a new GPU by June 30?",
    "wheat": "Will wheat close above $7 in May?",
    "china": "Will a Chinese AI model become #1 by June 30?",
    "visor": "Will Apple sell a headset for under $1,000 in 2026?",
}


@pytest.fixture(scope="module")
def models() -> Models:
    assert missing() == ""
    return Models()


@pytest.fixture
def meaning(models: Models) -> Meaning:
    here = Meaning(models, VectorCache(None, models.size))
    for id, question in QUESTIONS.items():
        here.put(id, question)
    while here.embed(2):
        pass
    return here


def nearest(meaning: Meaning, title: str, day: int | None = None) -> list[str]:
    found = meaning.near(title, "", (), day)
    ranked = sorted(found, key=lambda one: -max(one.title, one.whole))
    return [one.market_id for one in ranked]


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Nvidia unveils its next graphics card", "gpu"),
        ("英伟达发布新一代显卡", "gpu"),
        ("Drought hits grain harvest, futures jump", "wheat"),
        ("Apple's cheaper mixed-reality glasses near launch", "visor"),
    ],
)
def test_the_question_that_a_headline_is_about_is_the_nearest(
    meaning: Meaning, title: str, wanted: str
) -> None:
    assert nearest(meaning, title)[0] == wanted


def test_a_question_is_near_only_while_it_is_open(meaning: Meaning) -> None:
    meaning.put("gpu", QUESTIONS["gpu"], 100, 200)
    meaning.embed(9)
    assert "gpu" in nearest(meaning, "Nvidia unveils a graphics card", 100)
    assert "gpu" in nearest(meaning, "Nvidia unveils a graphics card", 200)
    assert "gpu" not in nearest(meaning, "Nvidia unveils a graphics card", 99)
    assert "gpu" not in nearest(meaning, "Nvidia unveils a graphics card", 201)


def test_a_question_that_is_dropped_is_gone_and_may_come_back(meaning: Meaning) -> None:
    meaning.drop("gpu")
    meaning.drop("never there")
    assert "gpu" not in nearest(meaning, "Nvidia unveils a graphics card")
    meaning.put("gpu", QUESTIONS["gpu"])
    meaning.embed(9)
    assert nearest(meaning, "Nvidia unveils a graphics card")[0] == "gpu"


def test_what_is_listed_is_told_of_however_far_it_is(meaning: Meaning) -> None:
    found = meaning.near("Nvidia unveils a graphics card", "", ("wheat", "no such market"))
    assert found[0].market_id == "wheat"
    assert len({one.market_id for one in found}) == len(found) == 4


def test_the_same_story_has_the_same_meaning(meaning: Meaning) -> None:
    asked = ("Nvidia unveils a graphics card", "It is fast.", ("gpu",))
    assert meaning.near(*asked) == meaning.near(*asked)


@pytest.mark.parametrize("title", ["", "\u202e\x1b[31m", "💥" * 3_000, "芯" * 3_000, "\ud800"])
def test_hostile_headlines_have_some_meaning_or_none(meaning: Meaning, title: str) -> None:
    meaning.near(
        title.encode("utf-8", "replace").decode(), title[:5].encode("utf-8", "replace").decode()
    )


def test_a_file_that_is_not_what_was_shipped_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("manifest.json", *(part.file for part in room.manifest().parts)):
        raw = (room._data() / name).read_bytes()
        (tmp_path / name).write_bytes(
            raw if name != room.manifest().encoder.weights.file else raw[:-1]
        )
    monkeypatch.setattr(room, "_data", lambda: tmp_path)
    with pytest.raises(SemanticError, match="is not the file that was shipped"):
        Models()
    (tmp_path / "manifest.json").unlink()
    assert "reinstall" in missing()
