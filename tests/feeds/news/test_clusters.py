"""One happening, one cluster: measured on stories whose happenings are known, held by floors."""

import itertools

import pytest

from benchmarks._told import START, clustered, practised, written
from feeds.markets import MINUTE
from feeds.news.clustering import FEATURES, WEIGHTS, contradicts
from feeds.news.dedupe import RETOLD_NOVELTY_MAX, Deduper, Verdict
from feeds.news.entry import Entry
from feeds.news.similarity_index import Indexed, SimilarityIndex
from feeds.news.source import Source
from feeds.news.story_features import Figure, gist, same_figure

A = Source(id="a", name="A", url="https://a.example/")
B = Source(id="b", name="B", url="https://b.example/")
C = Source(id="c", name="C", url="https://c.example/")


def test_what_the_weights_never_saw_is_put_together_rightly() -> None:
    told = written("judged")
    figures = clustered(told)
    assert len(told) >= 120
    assert figures.pairs >= 100
    assert figures.precision >= 0.97
    assert figures.recall >= 0.88


def test_no_happening_of_the_judged_set_is_one_that_was_learnt_from() -> None:
    judged, learning = written("judged"), written("learning")
    assert not {story.title for story in judged} & {story.title for story in learning}
    assert not {story.happening for story in judged} & {story.happening for story in learning}


def test_the_practice_press_with_its_recurring_forms_is_put_together_mostly_rightly() -> None:
    figures = clustered(practised(7, 600))
    assert figures.pairs >= 150
    assert figures.precision >= 0.85
    assert figures.recall >= 0.85


def test_every_feature_has_a_weight() -> None:
    assert len(FEATURES) == len(WEIGHTS)
    assert all(WEIGHTS)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("TSMC August revenue rises 33.8%", "TSMC September revenue rises 33.8%"),
        ("TSMC revenue rises 33.8%", "TSMC revenue rises 31.4%"),
        ("Rubin racks pass 400 hours of tests", "Rubin racks pass 800 hours of tests"),
        ("Google releases Gemini 3.5 Pro", "Google releases Gemini 3.5 Flash"),
        ("OpenAI launches GPT-5.2", "OpenAI launches GPT-5.3"),
        ("Nvidia may sell H20 chips to China", "Nvidia may sell H200 chips to China"),
        ("US approves chip sales to China", "US bans chip sales to China"),
        ("US won't approve chip sales to China", "US approves chip sales to China"),
        ("ChatGPT is down", "ChatGPT is back"),
        ("台积电8月营收同比增长33.8%", "台积电9月营收同比增长31.4%"),
    ],
)
def test_the_same_words_with_another_particular_are_another_happening(one: str, two: str) -> None:
    assert contradicts(gist(one, ""), gist(two, ""))
    assert contradicts(gist(two, ""), gist(one, ""))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("TSMC posts sales up 34%", "TSMC revenue climbs 33.8%"),
        ("Kraken valued at $8.7 billion", "Octopus spins off Kraken at $8.65bn valuation"),
        ("OpenAI launches GPT-6", "OpenAI launches GPT-6, and it is not cheap"),
        ("Trump won't let China have Blackwell", "Blackwell is off limits to China"),
        ("Samsung profit falls 55%", "Samsung profit drops by more than half"),
    ],
)
def test_particulars_may_be_told_in_other_words(one: str, two: str) -> None:
    assert not contradicts(gist(one, ""), gist(two, ""))


def test_names_and_deeds_have_many_spellings_and_two_scripts() -> None:
    english = gist("Nvidia starts shipping Rubin to China", "")
    chinese = gist("英伟达开始向中国出货Rubin", "")
    assert english.names == chinese.names == {"nvidia", "rubin", "china"}
    assert english.deeds == chinese.deeds == {"start", "ship"}
    assert gist("Alphabet's results", "").names == gist("谷歌财报", "").names
    assert gist("UPDATE 1-Nvidia rises", "") == gist("EXCLUSIVE: Nvidia rises", "")


def test_numbers_are_read_with_their_scale_and_rounding() -> None:
    (bn,) = gist("Raises $25bn", "").figures
    assert bn == Figure("", 25e9, 0.5e9)
    assert gist("融资250亿美元", "").figures[0].value == 25e9
    assert gist("In 2026, the third of five", "").figures == ()
    assert same_figure(Figure("%", 33.8, 0.05), Figure("%", 34.0, 0.5))
    assert not same_figure(Figure("", 180.0, 0.5), Figure("", 181.0, 0.5))
    assert not same_figure(Figure("%", 34.0, 0.5), Figure("", 34.0, 0.5))


def judged(
    judge: Deduper, source: Source, title: str, minute: int, guid: str = ""
) -> tuple[str, str]:
    entry = Entry(guid=guid or f"{source.id}{title}", title=title)
    story = judge.judge(entry, source, START + minute * MINUTE).story
    assert story is not None
    return story.id, story.cluster_id


def test_the_first_source_names_the_cluster_and_followers_join_it() -> None:
    judge = Deduper()
    first, own = judged(judge, A, "Nvidia starts Rubin shipments a quarter early", 0)
    assert own == first
    _, second = judged(judge, B, "Nvidia's Rubin ships a quarter early", 5)
    _, third = judged(judge, C, "英伟达Rubin提前一个季度出货", 9)
    assert second == third == first


def test_after_an_edit_the_new_wording_is_what_others_are_compared_with() -> None:
    judge = Deduper()
    first, _ = judged(judge, A, "Chip maker to speak at noon", 0, guid="x")
    edited = Entry(guid="x", title="Cerebras picks Nasdaq for its listing, raising $2bn")
    assert judge.judge(edited, A, START + 3 * MINUTE).verdict is Verdict.EDIT
    _, cluster = judged(judge, B, "Cerebras raises $2bn in Nasdaq listing", 6)
    assert cluster == first


def test_nearness_is_exact() -> None:
    told = written("learning")
    index = SimilarityIndex()
    for number, story in enumerate(told):
        said = gist(story.title, story.summary)
        search = index.search(said)
        found = search.closest()
        by_hand = [
            max(
                search.rarity.words.likeness(said.title, other.gist.title),
                search.rarity.pairs.likeness(said.pairs, other.gist.pairs),
            )
            for other in index.stories()
            if len(said.text & other.gist.text) + len(said.pairs & other.gist.pairs) > 1
        ]
        assert (max(found.title, found.text) if found else 0.0) == max(by_hand, default=0.0)
        name = str(number)
        index.add(Indexed(story.at_ns, name, name, story.source, story.title, said))


def test_novelty_falls_with_every_retelling_and_stays_in_its_bounds() -> None:
    judge = Deduper()
    for number, story in enumerate(itertools.islice(practised(7, 200), 200)):
        entry = Entry(guid=str(number), title=story.title, summary=story.summary)
        source = Source(id=story.source, name=story.source, url="https://p.example/")
        told = judge.judge(entry, source, story.at_ns).story
        if told is not None:
            assert 0.0 <= told.novelty <= 1.0
            assert told.cluster_id == told.id or told.novelty <= RETOLD_NOVELTY_MAX
