"""New, repeat, edit, noise or old: the patterns by which publishers tell one story many times."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.events import Story
from feeds.markets import MINUTE, SECOND
from feeds.news.dedupe import (
    FIRST_FETCH_AGE_MAX,
    HOUR,
    LATE_AGE_MAX,
    RETOLD_NOVELTY_MAX,
    REWRITES_MAX,
    SEEN_PER_SOURCE_MAX,
    Deduped,
    Deduper,
    MemoryFormatError,
    Verdict,
    url_key,
)
from feeds.news.entry import Entry
from feeds.news.normalise import contradicts, fingerprint, without_furniture, words
from feeds.news.similarity_index import NEAR_COUNT_MAX
from feeds.news.source import Source

NOW = 1_795_528_931 * SECOND
WIRE = Source(id="wire", name="Example Wire", url="https://wire.example/rss", trust=0.8)
POST = Source(id="post", name="Example Post", url="https://post.example/rss", language="en")

QWEN = Entry(
    guid="q1",
    title="Alibaba integrating Qwen into smart glasses",
    url="https://wire.example/qwen",
    summary="The company will sell glasses with its own model on board from the spring.",
    published_ns=NOW - MINUTE,
)


def changed(entry: Entry, **changes: object) -> Entry:
    return msgspec.structs.replace(entry, **changes)


def told(judged: Deduped) -> Story:
    assert judged.story is not None, judged.verdict
    return judged.story


def test_a_first_telling_is_new_and_carries_its_source() -> None:
    judged = Deduper().judge(QWEN, WIRE, NOW)
    story = told(judged)
    assert judged.verdict is Verdict.NEW
    assert (story.source, story.source_name, story.trust) == ("wire", "Example Wire", 0.8)
    assert (story.at_ns, story.first_seen_ns, story.published_ns) == (NOW, NOW, NOW - MINUTE)
    assert (story.cluster_id, story.novelty, story.revision) == (story.id, 1.0, 0)
    assert len(story.id) == 14


def test_the_same_again_is_a_repeat_whatever_its_date() -> None:
    judge = Deduper()
    judge.judge(QWEN, WIRE, NOW)
    for again in (
        QWEN,
        changed(QWEN, published_ns=NOW + HOUR),
        changed(QWEN, title="ALIBABA integrating Qwen, into smart glasses"),
        changed(QWEN, guid=""),
        changed(QWEN, url="", guid="q1"),
    ):
        assert judge.judge(again, WIRE, NOW + HOUR) == Deduped(Verdict.REPEAT)


def test_an_edited_headline_updates_the_story_in_place() -> None:
    judge = Deduper()
    first = told(judge.judge(QWEN, WIRE, NOW))
    edited = changed(QWEN, title="Alibaba confirms Qwen in smart glasses", published_ns=NOW)
    judged = judge.judge(edited, WIRE, NOW + MINUTE)
    story = told(judged)
    assert judged.verdict is Verdict.EDIT
    assert (story.id, story.cluster_id, story.revision) == (first.id, first.cluster_id, 1)
    assert (story.at_ns, story.first_seen_ns) == (NOW + MINUTE, NOW)
    assert story.published_ns == first.published_ns
    assert judge.judge(edited, WIRE, NOW + HOUR).verdict is Verdict.REPEAT
    # a copy of the old text from some cache is no third edit
    assert judge.judge(QWEN, WIRE, NOW + HOUR).verdict is Verdict.REPEAT


def test_an_item_that_changes_at_every_poll_becomes_noise() -> None:
    judge = Deduper()
    judge.judge(QWEN, WIRE, NOW)
    verdicts = [
        judge.judge(changed(QWEN, title=f"Qwen at {n} o'clock"), WIRE, NOW + n * MINUTE).verdict
        for n in range(REWRITES_MAX + 3)
    ]
    assert verdicts == [Verdict.EDIT] * REWRITES_MAX + [Verdict.NOISE] * 3


def test_counters_below_a_story_are_no_edits() -> None:
    judge = Deduper()
    judge.judge(changed(QWEN, summary="Glasses. 3 comments, 5 minutes ago"), WIRE, NOW)
    later = changed(QWEN, summary="Glasses. 112 comments, 2 hours ago")
    assert judge.judge(later, WIRE, NOW + HOUR).verdict is Verdict.REPEAT


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param(
            {"guid": "https://b.example/news/1#0", "url": "https://b.example/news/1"},
            {"guid": "https://b.example/news/1#1", "url": "https://b.example/news/1"},
            id="ids that count the edits",
        ),
        pytest.param(
            {"guid": "m", "url": "https://m.example/p/1-a-long-slug"},
            {"guid": "m", "url": "https://m.example/p/1-another-slug"},
            id="an address that follows the headline",
        ),
        pytest.param(
            {"guid": "", "url": "https://www.w.example/a/1/?b=2&a=1"},
            {"guid": "", "url": "https://w.example/a/1?a=1&b=2"},
            id="two spellings of an address",
        ),
        pytest.param(
            {"guid": "x1", "url": "https://w.example/a/1"},
            {"guid": "x2", "url": "https://w.example/b/2"},
            id="all names new, the words the same",
        ),
        pytest.param({"guid": "", "url": ""}, {"guid": "", "url": ""}, id="no name at all"),
    ],
)
def test_a_story_is_known_by_another_name(first: dict[str, str], again: dict[str, str]) -> None:
    judge = Deduper()
    judge.judge(changed(QWEN, **first), WIRE, NOW)
    assert judge.judge(changed(QWEN, **again), WIRE, NOW + HOUR).verdict is Verdict.REPEAT


def test_after_two_days_the_same_words_under_new_names_are_a_new_story() -> None:
    judge = Deduper()
    judge.judge(QWEN, WIRE, NOW)
    renamed = changed(QWEN, guid="other", url="https://wire.example/other", published_ns=None)
    later = NOW + 60 * HOUR
    assert judge.judge(renamed, WIRE, later).verdict is Verdict.NEW


def test_two_reports_that_differ_in_a_number_are_two_stories() -> None:
    judge = Deduper()
    body = "Shares of the maker of chips moved with the market on a day of thin trade in Asia."
    one = Entry(guid="1", url="https://w.example/1", title="Shares close at 180", summary=body)
    two = Entry(guid="2", url="https://w.example/2", title="Shares close at 181", summary=body)
    assert judge.judge(one, WIRE, NOW).verdict is Verdict.NEW
    assert judge.judge(two, WIRE, NOW + MINUTE).verdict is Verdict.NEW


def test_an_id_that_is_used_again_names_another_story() -> None:
    judge = Deduper()
    first = told(judge.judge(QWEN, WIRE, NOW))
    other = Entry(guid="q1", url="https://wire.example/cuts", title="Central bank cuts rates")
    story = told(judge.judge(other, WIRE, NOW + MINUTE))
    assert story.revision == 0
    assert story.id != first.id


def test_items_that_share_the_front_page_as_address_are_told_apart() -> None:
    page = "https://wire.example/news"
    entries = [
        Entry(guid=str(number), url=page, title=title, published_ns=NOW)
        for number, title in enumerate(("Chips rise", "Oil falls", "Rain in Fenwick"))
    ]
    judged = list(Deduper().judge_feed(entries, WIRE, NOW))
    assert [j.verdict for j in judged] == [Verdict.NEW] * 3
    assert len({told(j).id for j in judged}) == 3
    assert url_key("https://www.wire.example/") == ""


def test_a_retelling_by_another_source_joins_the_first_cluster() -> None:
    judge = Deduper()
    first = told(judge.judge(QWEN, WIRE, NOW))
    told(judge.judge(Entry(title="Oil falls as stocks build", guid="o"), WIRE, NOW))
    retold = Entry(
        guid="p9",
        title="Alibaba puts Qwen into its smart glasses",
        url="https://post.example/a",
        summary="Glasses with the model on board go on sale in the spring.",
    )
    judged = judge.judge(retold, POST, NOW + MINUTE)
    story = told(judged)
    assert judged.verdict is Verdict.NEW
    assert story.cluster_id == first.id != story.id
    assert story.novelty <= RETOLD_NOVELTY_MAX
    assert story.language == "en"


def test_stories_of_one_company_are_not_one_cluster() -> None:
    judge = Deduper()
    titles = (
        "Nvidia to invest in a start-up for training data",
        "Nvidia halts output of a chip for China",
        "Court lets Nvidia suit go on",
        "Nvidia names a new head of research",
    )
    stories = [
        told(judge.judge(Entry(title=title, guid=title), WIRE, NOW + n * MINUTE))
        for n, title in enumerate(titles)
    ]
    assert [story.cluster_id for story in stories] == [story.id for story in stories]
    assert all(story.novelty > 0.5 for story in stories)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Intel's 18A yield improves by 6 points", "Intel's 18A yield slips by 6 points"),
        ("Regulator grants Nvidia a licence", "No licence for Nvidia from the regulator"),
        ("Memory price at 181 dollars", "Memory price at 182 dollars"),
        ("8,000 wafers a month at TSMC", "TSMC makes 5,000 wafers a month"),
        ("Court won't hear the suit", "Court will hear the suit"),
    ],
)
def test_headlines_that_contradict_each_other_are_two_clusters(one: str, two: str) -> None:
    judge = Deduper()
    first = told(judge.judge(Entry(guid="1", title=one), WIRE, NOW))
    for source in (WIRE, POST):
        second = told(judge.judge(Entry(guid=f"2{source.id}", title=two), source, NOW + MINUTE))
        assert second.cluster_id != first.id
    assert first.cluster_id == first.id


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Kraken valued at $8.7 billion", "Octopus spins off Kraken at $8.65 billion valuation"),
        ("Shares rise on talks", "Shares gain as talks go on"),
        ("Nvidia names chief", "Nvidia names new chief of research"),
    ],
)
def test_headlines_may_differ_and_agree(one: str, two: str) -> None:
    assert not contradicts(one, two)
    assert not contradicts(two, one)


def test_a_date_in_the_future_is_taken_as_the_arrival_and_marked() -> None:
    story = told(Deduper().judge(changed(QWEN, published_ns=NOW + 3 * HOUR), WIRE, NOW))
    assert story.published_ns == NOW
    assert story.date_note == "dated 3 h ahead; taken as the arrival"


@pytest.mark.parametrize("stamp", [0, -1, 8 * HOUR])
def test_a_stamp_of_1970_is_no_date(stamp: int) -> None:
    story = told(Deduper().judge(changed(QWEN, published_ns=stamp), WIRE, NOW))
    assert story.published_ns is None
    assert "1990" in story.date_note


def test_an_update_stamp_serves_where_there_is_no_other() -> None:
    entry = changed(QWEN, published_ns=None, updated_ns=NOW - HOUR)
    assert told(Deduper().judge(entry, WIRE, NOW)).published_ns == NOW - HOUR


def test_the_first_fetch_of_an_archive_is_not_news() -> None:
    archive = [
        Entry(guid=str(days), title=f"{word} story", published_ns=NOW - days * 24 * HOUR)
        for days, word in enumerate(("Fresh", "Yesterday", "Older", "Ancient"))
    ]
    undated = Entry(guid="u", title="Undated story")
    judge = Deduper()
    verdicts = [j.verdict for j in judge.judge_feed([*archive, undated], WIRE, NOW)]
    assert verdicts == [Verdict.OLD, Verdict.OLD, Verdict.OLD, Verdict.NEW, Verdict.NEW]
    again = [j.verdict for j in judge.judge_feed([*archive, undated], WIRE, NOW + MINUTE)]
    assert again == [Verdict.REPEAT] * 5
    assert FIRST_FETCH_AGE_MAX == 24 * HOUR


def test_later_a_late_story_is_news_and_an_archive_put_back_is_not() -> None:
    judge = Deduper()
    list(judge.judge_feed([QWEN], WIRE, NOW))
    late = Entry(guid="late", title="Held back", published_ns=NOW - 3 * 24 * HOUR)
    undated = Entry(guid="new", title="No date on this")
    ancient = Entry(guid="old", title="From the archive", published_ns=NOW - LATE_AGE_MAX - SECOND)
    verdicts = [j.verdict for j in judge.judge_feed([ancient, undated, late], WIRE, NOW)]
    assert verdicts == [Verdict.NEW, Verdict.NEW, Verdict.OLD]


def test_a_microblog_post_gets_its_first_line_for_a_headline() -> None:
    post = Entry(guid="m", summary="Chips again. And more.\n\nSecond paragraph.")
    assert told(Deduper().judge(post, WIRE, NOW)).title == "Chips again. And more."
    assert Deduper().judge(Entry(guid="empty"), WIRE, NOW).verdict is Verdict.NOISE


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Chips rose. Share to Facebook", "Chips rose."),
        ("Chips rose.\nShare on X | Facebook\nRead more", "Chips rose."),
        ("Chips rose.\nContinue reading →", "Chips rose."),
        ("Chips rose. The post Chips rise appeared first on Example Wire.", "Chips rose."),
        ("Chips rose [...]", "Chips rose"),
        ("Musk said in a post on X that Facebook is late", None),
        ("Investors read more into the figures than analysts", None),
        ("Facebook to share data on Twitter users", None),
        ("Alibaba 发布新模型。阅读全文", "Alibaba 发布新模型。"),
    ],
)
def test_furniture_goes_and_the_story_stays(text: str, bare: str | None) -> None:
    assert without_furniture(text) == (text if bare is None else bare)


def test_words_are_folded_and_ideographs_go_in_pairs() -> None:
    assert words("The Chips’ makers' GPUs: Nvidia's H200s!") == [
        "chip", "maker", "gpu", "nvidia", "h200",
    ]  # fmt: skip
    assert words("阿里巴巴 launches") == ["阿里", "里巴", "巴巴", "launche"]
    assert fingerprint("A Chip", "x") == fingerprint("a chip!", "X")
    assert fingerprint("a chip", "") != fingerprint("", "a chip")


def test_a_restart_with_its_memory_tells_nothing_twice() -> None:
    entries = [
        Entry(guid=f"g{n}", url=f"https://w.example/{n}", title=f"{w} story", published_ns=NOW)
        for n, w in enumerate(("First", "Second", "Third"))
    ]
    before = Deduper()
    first = [told(j) for j in before.judge_feed(entries, WIRE, NOW)]
    after = Deduper.remembering(before.memory())
    assert after.knows("wire")
    again = [j.verdict for j in after.judge_feed(entries, WIRE, NOW + HOUR)]
    assert again == [Verdict.REPEAT] * 3
    edited = changed(entries[0], title="First story, corrected")
    assert told(after.judge(edited, WIRE, NOW + HOUR)).id == first[-1].id
    retold = Entry(guid="r", title="The first story told again as a story")
    assert after.judge(retold, POST, NOW) == before.judge(retold, POST, NOW)
    assert after.memory() != before.memory()  # the edit


@pytest.mark.parametrize("data", [b"", b"\xc1", b"{}", b"\x93\x01\x80\x90", b"\x93\x02\x80"])
def test_bytes_that_are_no_memory_are_refused_with_the_remedy(data: bytes) -> None:
    with pytest.raises(MemoryFormatError, match="remove the file"):
        Deduper.remembering(data)


def test_memory_is_bounded_whatever_a_source_says() -> None:
    judge = Deduper()
    for number in range(SEEN_PER_SOURCE_MAX + 300):
        judge.judge(Entry(guid=str(number), title=f"story number{number}"), WIRE, NOW + number)
    assert len(judge._sources["wire"].seen) == SEEN_PER_SOURCE_MAX
    assert len(judge._sources["wire"].by_name) == SEEN_PER_SOURCE_MAX
    assert len(judge._near) <= NEAR_COUNT_MAX
    judge.judge(Entry(guid="last", title="much later"), WIRE, NOW + 100 * HOUR)
    assert len(judge._near) == 1


RUN = """
import sys
from feeds.news.entry import Entry
from feeds.news.dedupe import Deduper
from feeds.news.source import Source
judge = Deduper()
for n in range(60):
    source = Source(id=f"s{n % 5}", name="S", url="https://s.example/")
    title = f"Company {n % 13} launches product {n % 7} in market {n % 3}"
    judge.judge(Entry(guid=str(n), title=title, summary="with words " * (n % 4)), source, n)
sys.stdout.buffer.write(judge.memory())
"""


def test_verdicts_do_not_depend_on_the_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", RUN],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    assert outputs.pop()


pieces = st.sampled_from(
    [
        "Alibaba",
        "Qwen",
        "glasses",
        "chips",
        "rise",
        "180",
        "阿里巴巴",
        "court",
        "of",
        "a",
        "ban",
        "!",
    ]
)
titles = st.lists(pieces, min_size=0, max_size=8).map(" ".join)
entries = st.builds(
    Entry,
    guid=st.sampled_from(["", "1", "2", "3"]),
    url=st.sampled_from(["", "https://w.example/1", "https://w.example/2", "https://w.example/"]),
    title=titles,
    summary=titles,
    published_ns=st.none() | st.integers(-HOUR, NOW + 10 * HOUR),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.lists(entries, max_size=5), st.booleans()), max_size=6))
def test_whatever_feeds_say_ids_are_unique_and_revisions_count_up(
    feeds: list[tuple[list[Entry], bool]],
) -> None:
    judge = Deduper()
    revisions: dict[str, int] = {}
    for hour, (said, by_wire) in enumerate(feeds):
        now = NOW + hour * HOUR
        for judged in judge.judge_feed(said, WIRE if by_wire else POST, now):
            assert (judged.story is not None) == (judged.verdict in (Verdict.NEW, Verdict.EDIT))
            if judged.story is None:
                continue
            story = judged.story
            assert story.revision == revisions.get(story.id, -1) + 1
            revisions[story.id] = story.revision
            assert story.cluster_id in revisions
            assert 0.0 <= story.novelty <= 1.0
            assert story.title
            assert story.published_ns is None or story.published_ns <= now
    assert Deduper.remembering(judge.memory()).memory() == judge.memory()
