"""`ftt news` as a person and as a program meet it, and the stories that wait on their shelf."""

import json
import re
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from terminal.cli import main
from terminal.commands import news, out
from terminal.presenters.account import story_named
from terminal.protocol.views import ArticleView, CardView, StoryRow
from terminal.stores.paths import Paths
from terminal.stores.story_store import STORIES_NAME, StoredStories, StoryStore

SEEN_NS = 1_795_528_931_000_000_000
AS_OF = "2026-11-24T14:02:11Z"


def card(number: int, **changes: object) -> CardView:
    fields: dict[str, object] = {
        "condition_id": f"0x{number}",
        "question": f"Will the model number {number} lead the leaderboard by December 31?",
        "odds": 0.244,
        "odds_at_story": 0.239,
        "points": 0.5,
        "z": 14.2,
        "verdict": "clear move",
        "reason": "over 10 times its usual move 4 min after the story as linked",
        "notes": ("stuck",),
        "best_bid": 2_430,
        "best_ask": 2_450,
        "book_state": "live",
        "age_s": 0.2,
        "volume": 1_234_567.0,
        "relevance": 0.79,
        "direction": 1,
        "why": "headline names Alibaba; a model launch (“Qwen”); pushes YES up",
    }
    return CardView(**{**fields, **changes})  # type: ignore[arg-type]


ARTICLE = ArticleView(
    story_id="3fa9c2aaaaaaaa",
    title="阿里巴巴把通义千问装进智能眼镜,在人工智能模型竞争中开辟新战线,首批下月交付",
    summary="The glasses ship next month. [bold]Nothing[/] here is markup.",
    url="https://example.com/a/very/long/path/" + "x" * 120,
    source="Example Wire",
    published_ns=None,
    first_seen_ns=SEEN_NS,
    sources=("Example Wire", "量子位"),
    revision=1,
    cards=(
        card(1),
        card(
            2,
            direction=-1,
            points=None,
            z=None,
            verdict="not measurable",
            reason="crossed",
            notes=(),
            remarks=("the outcome is disputed: no orders",),
        ),
    ),
    links=5,
    meaning=("A launch of a device. The odds went from 23.9 to 24.4 %.", "And another market."),
)
ROW = StoryRow(
    id=ARTICLE.story_id,
    title=ARTICLE.title,
    source=ARTICLE.source,
    published_ns=None,
    first_seen_ns=SEEN_NS,
    sources=2,
    links=5,
    lead_condition_id="0x1",
    lead_question=ARTICLE.cards[0].question,
    odds=0.244,
    points=0.5,
    verdict="clear move",
)
OTHER = msgspec.structs.replace(ROW, id="3fb0", title="TSMC lifts its forecast", links=0, odds=None)
TOLD = StoredStories(
    as_of_ns=SEEN_NS,
    rows=(ROW, OTHER),
    articles=(ARTICLE, msgspec.structs.replace(ARTICLE, story_id="3fb0", cards=(), links=0)),
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoryStore:
    """A home in which an engine ran, and ended."""
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "home"))
    paths = Paths.find()
    paths.make()
    shelf = StoryStore(paths.state)
    shelf.keep(TOLD)
    return shelf


def test_what_is_kept_comes_back_the_same(kept: StoryStore) -> None:
    assert kept.read() == TOLD


@pytest.mark.usefixtures("kept")
def test_without_an_engine_stories_are_those_of_the_last_session_and_say_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["news", "--json"]) == 0
    said = capsys.readouterr()
    first, second = (json.loads(line) for line in said.out.splitlines())
    assert (first["id"], second["id"]) == (ROW.id, OTHER.id)
    assert {first["as_of"], second["as_of"]} == {AS_OF}
    assert f"no engine runs: as of {AS_OF}" in said.err
    assert main(["news", "tsmc"]) == 0
    said = capsys.readouterr()
    assert OTHER.title in said.out
    assert ROW.title not in said.out


@pytest.mark.usefixtures("kept")
def test_a_story_is_told_whole_by_its_id_or_a_beginning_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["news", "--story", "3fa9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["story_id"], told["as_of"]) == (ARTICLE.story_id, AS_OF)
    assert [one["question"] for one in told["cards"]] == [one.question for one in ARTICLE.cards]
    assert told["cards"][0]["odds_at_story"] == 0.239
    assert told["cards"][0]["best_bid"] == "0.243"
    assert told["meaning"] == list(ARTICLE.meaning)


@pytest.mark.usefixtures("kept")
def test_people_and_programs_are_told_the_same_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["news", "--story", ARTICLE.story_id]) == 0
    said = capsys.readouterr().out
    for fact in (
        ARTICLE.title,
        ARTICLE.summary,
        ARTICLE.url,
        *ARTICLE.meaning,
        *(text for one in ARTICLE.cards for text in (one.question, one.why, one.reason)),
        "24.4 %   23.9 % at the story   ▲ +0.5 points   z over 10",
        "clear move, stuck",
        "not measurable: crossed",
        "the outcome is disputed: no orders",
        "linked 79%, for YES",
        "linked 79%, against YES",
        "bid / ask 24.3 / 24.5   book live 0.2 s   volume $1,234,567",
        "and 3 more",
        "told by Example Wire, 量子位",
        "no date given",
        "edited once",
    ):
        assert fact in said, fact


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_narrow_terminal_cuts_nothing_and_is_never_overrun(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_width", lambda: width)
    for argv, facts in (
        (["news", "--story", "3fa9"], (ARTICLE.title, ARTICLE.url, ARTICLE.cards[1].question)),
        (["news"], (ROW.title, ROW.lead_question, "clear move", ROW.id[: news.ID_SHOWN])),
    ):
        assert main(argv) == 0
        said = capsys.readouterr().out
        assert max(map(cell_len, said.splitlines())) <= width
        if width < 80:  # no columns stand beside each other there
            for fact in facts:
                assert _bare(fact) in _bare(said), fact


def _bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("id", "says"), [("3f", "more than one story"), ("zz", "no story has the id 'zz'")]
)
def test_an_id_that_names_no_story_is_said(
    id: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["news", "--story", id]) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize("body", [b"", b"{", b'{"as_of_ns": "soon"}', b"\xff\x00" * 100])
def test_a_shelf_that_can_not_be_read_holds_nothing(
    kept: StoryStore, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (Paths.find().state / STORIES_NAME).write_bytes(body)
    assert kept.read() is None
    assert main(["news"]) == 1
    assert "ftt bot" in capsys.readouterr().err


IDS = st.sets(st.text("ab", min_size=1, max_size=5), max_size=8)


@given(IDS, st.text("ab", max_size=5))
def test_a_beginning_names_a_story_only_when_no_other_begins_so(ids: set[str], asked: str) -> None:
    found, trouble = story_named(ids, asked)
    meant = {asked} & ids or {id for id in ids if asked and id.startswith(asked)}
    assert (found in meant and len(meant) == 1) if found else (len(meant) != 1 and trouble)


WORDS = st.text("abcdefgh 量子位", max_size=60)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), st.integers(20, 90))
def test_a_table_at_any_width_holds_every_word_and_no_line_too_long(
    rows: list[tuple[str, str]], width: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(out, "_width", lambda: width)
        patch.setattr(sys, "stdout", _Page(said))
        out.table(("one", "*two"), rows, "none")
    page = "".join(said)
    assert max(map(cell_len, page.splitlines())) <= width
    for letter in "abcdefgh量子位":
        told = sum(cell.count(letter) for row in rows for cell in row)
        assert page.count(letter) >= told, letter


class _Page:
    """A terminal that remembers what was written."""

    encoding = "utf-8"

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def write(self, text: str) -> int:
        self._said.append(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False
